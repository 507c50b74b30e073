//! Which kind of explorer an API is, and what differs between Etherscan and those that imitate it (facts/etherscan.md §10): how a chain is
//! named, how large a page may be, and how the node behind the explorer is asked. Rows are the same everywhere.
//!
//! Pure: a query of Etherscan's goes in, what this kind is asked instead comes out. It never sees a url or a key.

use super::query::MOST_ROWS;
use serde_json::{Value, json};

/// A kind of explorer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Dialect {
    /// Etherscan's multichain API: the query names the chain.
    Etherscan,
    /// Blockscout: a url a chain, and a JSON-RPC of its own for what only the node knows.
    Blockscout,
    /// Routescan: a url a chain.
    Routescan,
}

/// How a kind of explorer gives out long lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pages {
    /// Rows of a page.
    pub rows: u32,
    /// The last page there is.
    pub last: u32,
}

/// What is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sent {
    /// A GET with these pairs as its query.
    Query(Vec<(String, String)>),
    /// A POST of this JSON to the explorer's JSON-RPC.
    Rpc(String),
}

impl Dialect {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Etherscan, Self::Blockscout, Self::Routescan];

    /// The word in the config.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Etherscan => "etherscan",
            Self::Blockscout => "blockscout",
            Self::Routescan => "routescan",
        }
    }

    /// The kind with this word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|dialect| dialect.word() == word)
    }

    /// How it gives out long lists. Page × rows stays within 10,000 everywhere; a larger page saves calls.
    #[must_use]
    pub const fn pages(self) -> Pages {
        match self {
            // The most that a free key gets since July 2026 (facts/etherscan.md §0.2).
            Self::Etherscan => Pages { rows: MOST_ROWS, last: 10 },
            // It allows 10,000; its rows carry the whole input of their transaction, and a page has to stay a few megabytes.
            Self::Blockscout => Pages { rows: 2_000, last: 5 },
            // Its own cap of a page (facts/etherscan.md §10).
            Self::Routescan => Pages { rows: 5_000, last: 2 },
        }
    }

    /// Whether its url names the chain, and its queries do not.
    #[must_use]
    pub const fn has_a_url_a_chain(self) -> bool {
        match self {
            Self::Etherscan => false,
            Self::Blockscout | Self::Routescan => true,
        }
    }

    /// What is sent for a query (`chainid=1&module=…`, plain characters only).
    #[must_use]
    pub fn sent(self, query: &str) -> Sent {
        let pairs: Vec<(&str, &str)> = query.split('&').filter_map(|pair| pair.split_once('=')).collect();
        let of = |name: &str| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| *value);
        if self == Self::Blockscout && of("module") == Some("proxy") {
            // It has no `proxy` module.
            let mut params: Vec<Value> = of("txhash").map(Value::from).into_iter().collect();
            if let (Some(tag), Some(whole)) = (of("tag"), of("boolean")) {
                params.extend([Value::from(tag), Value::from(whole == "true")]);
            }
            let method = of("action").unwrap_or_default();
            return Sent::Rpc(json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).to_string());
        }
        let named = pairs.iter().filter(|(key, _)| *key != "chainid" || !self.has_a_url_a_chain());
        Sent::Query(named.map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::super::Query;
    use super::*;
    use crate::types::{Address, B256, ChainId};

    #[test]
    fn pages_stay_within_the_window_that_every_explorer_has() {
        for dialect in Dialect::ALL {
            let Pages { rows, last } = dialect.pages();
            assert!(rows * last <= 10_000 && rows > 0 && last > 1, "{dialect:?}");
            assert_eq!(Dialect::from_word(dialect.word()), Some(dialect));
        }
        assert_eq!(Dialect::from_word("etherscam"), None);
    }

    #[test]
    fn a_kind_is_asked_in_its_own_way() {
        let (chain, tx) = (Some(ChainId(8_453)), B256::repeat_byte(7));
        let names_chain = |dialect: Dialect, query: &Query| match dialect.sent(&query.text(chain)) {
            Sent::Query(pairs) => Some(pairs.iter().any(|(key, value)| key == "chainid" && value == "8453")),
            Sent::Rpc(_) => None,
        };
        let balance = Query::Balance { address: Address::repeat_byte(1), block: None };
        assert_eq!(names_chain(Dialect::Etherscan, &balance), Some(true));
        assert_eq!(names_chain(Dialect::Blockscout, &balance), Some(false));
        assert_eq!(names_chain(Dialect::Routescan, &balance), Some(false));
        for (query, method, params) in [
            (Query::BlockNumber, "eth_blockNumber", json!([])),
            (Query::Receipt(tx), "eth_getTransactionReceipt", json!([format!("{tx:#x}")])),
            (Query::Block(26), "eth_getBlockByNumber", json!(["0x1a", false])),
        ] {
            assert_eq!(names_chain(Dialect::Etherscan, &query), Some(true));
            assert_eq!(names_chain(Dialect::Routescan, &query), Some(false));
            let Sent::Rpc(body) = Dialect::Blockscout.sent(&query.text(chain)) else { panic!("{method}") };
            let body: Value = serde_json::from_str(&body).expect("it is JSON");
            assert_eq!(body, json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}));
        }
        let Sent::Query(pairs) = Dialect::Routescan.sent(&balance.text(chain)) else { panic!("a query") };
        let keys: Vec<&str> = pairs.iter().map(|(key, _)| key.as_str()).collect();
        assert_eq!(keys, ["module", "action", "address", "tag"]);
    }
}
