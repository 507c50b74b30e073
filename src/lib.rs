//! walletwatch.
pub mod net;
pub mod types;
