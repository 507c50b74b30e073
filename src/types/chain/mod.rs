//! Chains by their id, and what is known of the main ones.
//!
//! The table holds what a person would otherwise have to look up. Everything in it can be overridden in the config;
//! nothing in it is ever a reason to pay.

mod others;
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

/// How many there are.
const COUNT: usize = table::CHAINS.len() + others::CHAINS.len();

static ALL: [KnownChain; COUNT] = {
    let mut all = [table::MAIN; COUNT];
    let mut at = 0;
    while at < COUNT {
        let main = table::CHAINS.len();
        all[at] = if at < main { table::CHAINS[at] } else { others::CHAINS[at - main] };
        at += 1;
    }
    all
};

/// Every chain of the table.
#[must_use]
pub fn known() -> &'static [KnownChain] {
    &ALL
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

    /// Every chain of facts/etherscan.md §5 and Etherscan's own list of August 2026: its id, its coin and the plan.
    #[test]
    fn what_etherscan_lists_is_in_the_table() {
        use EtherscanPlan::{Free, Gone, Paid};
        let listed = [
            (
                Free,
                "ETH",
                &[1, 11_155_111, 560_048, 42_161, 421_614, 59_144, 59_141, 81_457, 168_587_773, 130, 1_301][..],
            ),
            (Free, "ETH", &[480, 4_801, 2_741, 11_124, 167_000, 167_013, 747_474, 737_373, 4_326, 6_343]),
            (Paid, "ETH", &[8_453, 84_532, 10, 11_155_420]),
            (Gone, "ETH", &[534_352, 534_351]),
            (Paid, "BNB", &[56, 97]),
            (Free, "BNB", &[204, 5_611]),
            (Paid, "AVAX", &[43_114, 43_113]),
            (Free, "POL", &[137, 80_002]),
            (Free, "CELO", &[42_220, 11_142_220]),
            (Free, "MNT", &[5_000, 5_003]),
            (Free, "S", &[146, 14_601]),
            (Free, "SEI", &[1_329, 1_328]),
            (Free, "MON", &[143, 10_143]),
            (Free, "BERA", &[80_094, 80_069]),
            (Free, "frxETH", &[252, 2_523]),
            (Free, "APE", &[33_139, 33_111]),
            (Free, "XDC", &[50, 51]),
            (Free, "BTT", &[199, 1_029]),
            (Free, "XPL", &[9_745, 9_746]),
            (Free, "USDT0", &[988, 2_201]),
            (Free, "xDAI", &[100]),
            (Free, "HYPE", &[999]),
            (Free, "M", &[4_352]),
            (Free, "tM", &[43_522]),
        ];
        let mut seen = BTreeSet::new();
        for (plan, coin, ids) in listed {
            for id in ids {
                let chain = by_id(ChainId(*id)).unwrap_or_else(|| panic!("{id} is missing"));
                assert_eq!((chain.etherscan, chain.coin), (plan, coin), "{}", chain.name);
                seen.insert(chain.id);
            }
        }
        let rest: Vec<_> = known().iter().filter(|chain| !seen.contains(&chain.id)).map(|chain| chain.name).collect();
        assert!(rest.is_empty(), "{rest:?} are in the table and in no list");
    }

    /// Circle's own list (facts/etherscan.md §5.1), and nobody else.
    #[test]
    fn circle_s_own_usdc_stands_where_circle_says() {
        let ours: BTreeSet<_> = known().iter().filter(|chain| chain.usdc.is_some()).map(|chain| chain.id.0).collect();
        let circles = [
            1, 8_453, 42_161, 10, 137, 43_114, 59_144, 130, 480, 146, 1_329, 999, 143, 42_220, 11_155_111, 84_532,
            421_614, 11_155_420, 43_113, 80_002, 59_141, 1_301,
        ];
        assert_eq!(ours, circles.into_iter().collect());
        let mut contracts = BTreeSet::new();
        for chain in known() {
            for token in chain.usdc.iter().chain(chain.look_alikes) {
                assert!(contracts.insert((token.address, chain.id)), "{} on {}", token.written, chain.name);
            }
            assert!(chain.coin_face.is_none_or(|face| chain.token(face.address).is_none()), "{}", chain.name);
        }
        let addresses: BTreeSet<_> = contracts.iter().map(|(address, _)| address).collect();
        assert_eq!(addresses.len(), contracts.len(), "one contract is pasted into two rows");
    }

    #[test]
    fn depths_times_and_explorers_make_sense() {
        for chain in known() {
            assert!((1..=chain.hard).contains(&chain.confirmed), "{}", chain.name);
            assert!((100..=15_000).contains(&chain.block_ms), "{}", chain.name);
            // Nobody waits a day for what the table calls final, and a chain has a symbol that a config can name.
            assert!(chain.hard * chain.block_ms <= 86_400_000, "{}", chain.name);
            assert!(!chain.coin.is_empty() && chain.coin.chars().all(|c| c.is_ascii_alphanumeric()), "{}", chain.name);
            assert!(chain.explorer.is_some(), "{} has no page for people", chain.name);
            let of_test = [
                "sepolia",
                "hoodi",
                "testnet",
                "amoy",
                "fuji",
                "apothem",
                "curtis",
                "bepolia",
                "bokuto",
                "insectarium",
            ];
            assert_eq!(chain.test, of_test.iter().any(|word| chain.name.contains(word)), "{}", chain.name);
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
