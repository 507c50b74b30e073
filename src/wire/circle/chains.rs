//! Circle's words for chains, and which test network stands for which main one.
//!
//! Wallets still say MATIC where other products of Circle say POLY: these words belong to Wallets alone.

use crate::types::ChainId;

/// Ethereum-like chains of Wallets (npm `@circle-fin/developer-controlled-wallets` 10.6.0): id, word, id of its test network.
const CHAINS: [(u64, &str, Option<u64>); 18] = [
    (1, "ETH", Some(11_155_111)),
    (10, "OP", Some(11_155_420)),
    (130, "UNI", Some(1_301)),
    (137, "MATIC", Some(80_002)),
    (143, "MONAD", Some(10_143)),
    (8_453, "BASE", Some(84_532)),
    (42_161, "ARB", Some(421_614)),
    (43_114, "AVAX", Some(43_113)),
    (5_042, "ARC", Some(5_042_002)),
    (11_155_111, "ETH-SEPOLIA", None),
    (11_155_420, "OP-SEPOLIA", None),
    (1_301, "UNI-SEPOLIA", None),
    (80_002, "MATIC-AMOY", None),
    (10_143, "MONAD-TESTNET", None),
    (84_532, "BASE-SEPOLIA", None),
    (421_614, "ARB-SEPOLIA", None),
    (43_113, "AVAX-FUJI", None),
    (5_042_002, "ARC-TESTNET", None),
];

/// Circle's word for a chain; `None` where Wallets does not go.
#[must_use]
pub fn blockchain(chain: ChainId) -> Option<&'static str> {
    CHAINS.iter().find(|(id, _, _)| *id == chain.0).map(|(_, word, _)| *word)
}

/// The chain of Circle's word; `None` of a word that we do not know, or of a chain that is not like Ethereum.
#[must_use]
pub fn chain_of(word: &str) -> Option<ChainId> {
    CHAINS.iter().find(|(_, name, _)| *name == word).map(|(id, _, _)| ChainId(*id))
}

/// The test network that a test key uses in the place of a main network.
#[must_use]
pub fn test_twin(main: ChainId) -> Option<ChainId> {
    CHAINS.iter().find(|(id, _, _)| *id == main.0).and_then(|(_, _, twin)| twin.map(ChainId))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::chain;
    use std::collections::BTreeSet;

    #[test]
    fn every_word_means_one_chain_and_every_twin_is_a_test_network() {
        let words: BTreeSet<&str> = CHAINS.iter().map(|(_, word, _)| *word).collect();
        assert_eq!(words.len(), CHAINS.len());
        for (id, word, twin) in CHAINS {
            assert_eq!((blockchain(ChainId(id)), chain_of(word)), (Some(word), Some(ChainId(id))));
            assert!(chain::by_id(ChainId(id)).is_none_or(|known| known.test == twin.is_none()), "{word}");
            if let Some(twin) = twin {
                assert!(blockchain(ChainId(twin)).is_some_and(|name| name.starts_with(word)), "{word}");
                assert_eq!(test_twin(ChainId(twin)), None, "{word}");
            }
        }
        assert_eq!((chain_of("SOL"), chain_of("POLY"), chain_of("eth")), (None, None, None));
    }
}
