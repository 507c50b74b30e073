//! walletwatch.
pub mod config;
pub mod reactor;
pub mod sources;
pub mod store;
pub mod types;
