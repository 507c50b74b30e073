//! What the names in a script mean: addresses, assets, hashes, numbers and spans. Nothing here plays anything.

use std::time::Duration;
use walletwatch::types::{Address, Asset, B256, ChainId, Pair};

pub const CHAIN: ChainId = ChainId(1);
/// Contract of the token that the settings know.
pub const USDC: Address = Address::repeat_byte(0x55);
/// Contract of the token that calls itself USDC.
pub const FAKE: Address = Address::repeat_byte(0x66);
/// Contract of the NFTs; what moves of it is the id.
pub const NFT: Address = Address::repeat_byte(0x88);

/// The addresses of a script: A and B are watched, others are strangers.
pub fn address(name: &str) -> Address {
    let byte = name.bytes().next().expect("an address has a name");
    Address::repeat_byte(byte)
}

pub fn asset(kind: &str) -> Asset {
    match kind {
        "usdc" => Asset::Token(USDC),
        "fake" => Asset::Token(FAKE),
        _ => Asset::Coin,
    }
}

pub fn pair() -> Pair {
    Pair::parse("ETH-USD").expect("a pair")
}

/// The hash of a block or a transaction is its name.
pub fn hash(name: &str) -> B256 {
    let mut bytes = [0xcc; 32];
    bytes[..name.len()].copy_from_slice(name.as_bytes());
    B256::from(bytes)
}

pub fn number(text: &str) -> u64 {
    text.parse().unwrap_or_else(|_| panic!("a number: {text}"))
}

pub fn seconds(text: &str) -> Duration {
    Duration::from_secs(number(text.trim_end_matches('s')))
}
