//! Chains by their id, and what is known of the main ones.
//!
//! The table holds what a person would otherwise have to look up. Everything in it can be overridden in the config;
//! nothing in it is ever a reason to pay.

mod table;

use alloy::primitives::{Address, B256};
use std::fmt;

/// An EIP-155 chain id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChainId(pub u64);

impl fmt::Display for ChainId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// What the multichain Etherscan API offers for a chain. The plan of a key decides in the end; this is for `check`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EtherscanPlan {
    /// A free key reads it.
    Free,
    /// Only a paid key does.
    Paid,
    /// Etherscan offered it once and took it down.
    Gone,
}

/// A token contract that the table knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KnownToken {
    /// What people call it.
    pub symbol: &'static str,
    /// The contract.
    pub address: Address,
    /// The contract as its source prints it, with its EIP-55 checksum.
    pub written: &'static str,
    /// Its decimals.
    pub decimals: u8,
}

/// A contract through which the chain's own coin also shows as an ERC-20.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CoinFace {
    /// The contract.
    pub address: Address,
    /// Its `Transfer` logs only repeat what calls with value report: they do not count.
    pub repeats_the_coin: bool,
}

/// One chain of the table.
#[derive(Debug, Clone, Copy)]
pub struct KnownChain {
    /// The word in config, metrics and bodies: lower case, digits and `-`.
    pub name: &'static str,
    /// Its id.
    pub id: ChainId,
    /// Symbol of its coin, which has 18 decimals on every chain here.
    pub coin: &'static str,
    /// Usual time between blocks, in milliseconds.
    pub block_ms: u64,
    /// Confirmations at which a transfer is `confirmed` (the block itself is the first).
    pub confirmed: u64,
    /// Confirmations at which a transfer is `final` where no `finalized` tag says so.
    pub hard: u64,
    /// Whether nodes answer `safe` and `finalized` in a way that means finality. `false` means "use depths".
    pub tags: bool,
    /// The explorer that people open, without a slash at the end.
    pub explorer: Option<&'static str>,
    /// What Etherscan offers.
    pub etherscan: EtherscanPlan,
    /// Circle's own USDC.
    pub usdc: Option<KnownToken>,
    /// Other contracts that call themselves USDC: to be labelled, never added up with Circle's.
    pub look_alikes: &'static [KnownToken],
    /// Whether the coin also shows as an ERC-20.
    pub coin_face: Option<CoinFace>,
    /// Whether its coin is worth nothing.
    pub test: bool,
}

impl KnownChain {
    /// Decimals of the coin of every chain in the table.
    pub const COIN_DECIMALS: u8 = 18;

    /// Link to a transaction.
    #[must_use]
    pub fn transaction_url(&self, tx: B256) -> Option<String> {
        self.explorer.map(|host| format!("{host}/tx/{tx:#x}"))
    }

    /// Link to an address.
    #[must_use]
    pub fn address_url(&self, address: Address) -> Option<String> {
        self.explorer.map(|host| format!("{host}/address/{address}"))
    }

    /// The token of this chain that the table knows under this contract: Circle's USDC or a look-alike of it.
    #[must_use]
    pub fn token(&self, address: Address) -> Option<&KnownToken> {
        self.usdc.iter().chain(self.look_alikes).find(|token| token.address == address)
    }
}

/// Every chain of the table.
#[must_use]
pub fn known() -> &'static [KnownChain] {
    table::CHAINS
}

/// The chain that config calls `name`.
#[must_use]
pub fn by_name(name: &str) -> Option<&'static KnownChain> {
    known().iter().find(|chain| chain.name == name)
}

/// The chain with this id.
#[must_use]
pub fn by_id(id: ChainId) -> Option<&'static KnownChain> {
    known().iter().find(|chain| chain.id == id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::parse_address;
    use std::collections::BTreeSet;

    #[test]
    fn names_and_ids_are_unique_and_find_their_chain() {
        let names: BTreeSet<_> = known().iter().map(|chain| chain.name).collect();
        let ids: BTreeSet<_> = known().iter().map(|chain| chain.id).collect();
        assert_eq!((names.len(), ids.len()), (known().len(), known().len()));
        for chain in known() {
            assert_eq!(by_name(chain.name).map(|found| found.id), Some(chain.id));
            assert_eq!(by_id(chain.id).map(|found| found.name), Some(chain.name));
            let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            assert!(chain.name.chars().all(plain), "{}", chain.name);
        }
        assert!(by_name("mainnet").is_none());
    }

    #[test]
    fn every_token_is_written_with_its_right_checksum_and_stands_once() {
        for chain in known() {
            let tokens: Vec<_> = chain.usdc.iter().chain(chain.look_alikes).collect();
            for token in &tokens {
                assert!(token.written[2..].chars().any(char::is_uppercase), "{} has no checksum", token.written);
                assert_eq!(parse_address(token.written), Ok(token.address), "{} on {}", token.symbol, chain.name);
                assert_eq!(chain.token(token.address), Some(*token), "{} twice on {}", token.symbol, chain.name);
            }
            assert!(chain.usdc.is_none_or(|usdc| usdc.decimals == 6 && usdc.symbol == "USDC"), "{}", chain.name);
        }
    }

    #[test]
    fn depths_times_and_explorers_make_sense() {
        for chain in known() {
            assert!((1..=chain.hard).contains(&chain.confirmed), "{}", chain.name);
            assert!((100..=15_000).contains(&chain.block_ms), "{}", chain.name);
            assert!(
                chain.explorer.is_none_or(|url| url.starts_with("https://") && !url.ends_with('/')),
                "{}",
                chain.name
            );
        }
        let base = by_name("base").expect("it is in the table");
        assert_eq!(
            base.transaction_url(B256::ZERO).as_deref(),
            Some("https://basescan.org/tx/0x0000000000000000000000000000000000000000000000000000000000000000")
        );
        assert_eq!(
            base.address_url(Address::ZERO).as_deref(),
            Some("https://basescan.org/address/0x0000000000000000000000000000000000000000")
        );
    }
}
