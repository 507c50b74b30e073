//! What the words of a script's line mean.

use std::time::Duration;
use walletwatch::types::B256;

/// The hash of a block or a transaction is its name.
pub(super) fn hash(name: &str) -> B256 {
    let mut bytes = [0xcc; 32];
    bytes[..name.len()].copy_from_slice(name.as_bytes());
    B256::from(bytes)
}

pub(super) fn number(text: &str) -> u64 {
    text.parse().unwrap_or_else(|_| panic!("a number: {text}"))
}

pub(super) fn seconds(text: &str) -> Duration {
    Duration::from_secs(number(text.trim_end_matches('s')))
}
