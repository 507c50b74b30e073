//! walletwatch.
pub mod app;
pub mod cli;
pub mod config;
pub mod http;
pub mod net;
pub mod reactor;
pub mod sinks;
pub mod sources;
pub mod store;
pub mod telemetry;
pub mod types;
pub mod wire;
pub mod world;
