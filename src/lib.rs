//! walletwatch.
pub mod config;
pub mod net;
pub mod reactor;
pub mod sources;
pub mod store;
pub mod types;
pub mod wire;
