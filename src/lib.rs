//! walletwatch.
pub mod config;
pub mod http;
pub mod reactor;
pub mod store;
pub mod telemetry;
pub mod types;
