//! walletwatch.
pub mod config;
pub mod net;
pub mod reactor;
pub mod store;
pub mod types;
pub mod wire;
pub mod world;
