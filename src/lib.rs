//! walletwatch.
pub mod types;
