//! Requests as text. They hold no key: keys are in the url, which is not known here.

use crate::types::{Address, B256};
use crate::wire::erc20::balance_of;
use std::fmt::Write;

/// A block that a request is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum At {
    /// The newest that the node has.
    Latest,
    /// The newest that is safe by the node's word.
    Safe,
    /// The newest that is final by the node's word.
    Finalized,
    /// By height.
    Number(u64),
}

impl At {
    /// As a JSON parameter.
    fn param(self) -> String {
        match self {
            Self::Latest => "\"latest\"".into(),
            Self::Safe => "\"safe\"".into(),
            Self::Finalized => "\"finalized\"".into(),
            Self::Number(number) => format!("\"{number:#x}\""),
        }
    }
}

/// The block whose state a request is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StateAt {
    /// By hash (EIP-1898): this very block, or an error.
    Hash(B256),
    /// By height, for nodes that do not take a hash.
    Number(u64),
}

impl StateAt {
    /// As a JSON parameter.
    fn param(self) -> String {
        match self {
            Self::Hash(hash) => format!(r#"{{"blockHash":"{hash:#x}"}}"#),
            Self::Number(number) => At::Number(number).param(),
        }
    }
}

/// What is asked of a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Call {
    /// The chain's id.
    ChainId,
    /// The height of the newest block.
    BlockNumber,
    /// A block, with its transactions or with their hashes only.
    BlockByNumber {
        /// Which.
        at: At,
        /// Whether the transactions come whole.
        whole: bool,
    },
    /// A block by hash, with its transactions or with their hashes only.
    BlockByHash {
        /// Which.
        hash: B256,
        /// Whether the transactions come whole.
        whole: bool,
    },
    /// All receipts of a block.
    Receipts(B256),
    /// One receipt.
    Receipt(B256),
    /// All logs of a block.
    BlockLogs(B256),
    /// Logs of a range of blocks, both ends included, by their topics.
    Logs {
        /// First block.
        from: u64,
        /// Last block.
        to: u64,
        /// For each place the topics that may stand there; empty for any.
        topics: Vec<Vec<B256>>,
    },
    /// The calls inside every transaction of a block, as geth traces them.
    CallTraces(B256),
    /// The same as `OpenEthereum` and Erigon trace them; they only take a height.
    TraceBlock(u64),
    /// A coin balance in a block.
    Balance {
        /// Whose.
        of: Address,
        /// In which block.
        at: StateAt,
    },
    /// A token balance in a block.
    TokenBalance {
        /// Of which contract.
        contract: Address,
        /// Whose.
        of: Address,
        /// In which block.
        at: StateAt,
    },
    /// A read of a contract in the newest block.
    Read {
        /// Which contract.
        to: Address,
        /// Call data as `0x…`.
        data: &'static str,
    },
    /// Base fees and tips of the newest blocks.
    FeeHistory {
        /// How many blocks.
        blocks: u16,
        /// At which percentiles the tips are reported.
        percentiles: Vec<u8>,
    },
    /// New heads as they come.
    SubscribeHeads,
    /// No more of a subscription.
    Unsubscribe(String),
}

impl Call {
    /// The method's name, for metrics and errors.
    #[must_use]
    pub const fn method(&self) -> &'static str {
        match self {
            Self::ChainId => "eth_chainId",
            Self::BlockNumber => "eth_blockNumber",
            Self::BlockByNumber { .. } => "eth_getBlockByNumber",
            Self::BlockByHash { .. } => "eth_getBlockByHash",
            Self::Receipts(_) => "eth_getBlockReceipts",
            Self::Receipt(_) => "eth_getTransactionReceipt",
            Self::BlockLogs(_) | Self::Logs { .. } => "eth_getLogs",
            Self::CallTraces(_) => "debug_traceBlockByHash",
            Self::TraceBlock(_) => "trace_block",
            Self::Balance { .. } => "eth_getBalance",
            Self::Read { .. } | Self::TokenBalance { .. } => "eth_call",
            Self::FeeHistory { .. } => "eth_feeHistory",
            Self::SubscribeHeads => "eth_subscribe",
            Self::Unsubscribe(_) => "eth_unsubscribe",
        }
    }

    /// The parameters, as the inside of a JSON list.
    fn params(&self) -> String {
        match self {
            Self::ChainId | Self::BlockNumber => String::new(),
            Self::BlockByNumber { at, whole } => format!("{},{whole}", at.param()),
            Self::BlockByHash { hash, whole } => format!("\"{hash:#x}\",{whole}"),
            Self::Receipts(hash) | Self::Receipt(hash) => format!("\"{hash:#x}\""),
            Self::BlockLogs(hash) => format!(r#"{{"blockHash":"{hash:#x}"}}"#),
            Self::Logs { from, to, topics } => {
                let place = |any: &Vec<B256>| {
                    let topics: Vec<_> = any.iter().map(|topic| format!("\"{topic:#x}\"")).collect();
                    if topics.is_empty() { "null".to_owned() } else { format!("[{}]", topics.join(",")) }
                };
                let topics: Vec<_> = topics.iter().map(place).collect();
                format!(r#"{{"fromBlock":"{from:#x}","toBlock":"{to:#x}","topics":[{}]}}"#, topics.join(","))
            }
            Self::CallTraces(hash) => format!(r#""{hash:#x}",{{"tracer":"callTracer"}}"#),
            Self::TraceBlock(number) => format!("\"{number:#x}\""),
            Self::Balance { of, at } => format!(r#""{of:#x}",{}"#, at.param()),
            Self::TokenBalance { contract, of, at } => {
                let data = balance_of(of);
                format!(r#"{{"to":"{contract:#x}","data":"{data}"}},{}"#, at.param())
            }
            Self::Read { to, data } => format!(r#"{{"to":"{to:#x}","data":"{data}"}},"latest""#),
            Self::FeeHistory { blocks, percentiles } => {
                let percentiles: Vec<_> = percentiles.iter().map(u8::to_string).collect();
                format!(r#""{blocks:#x}","latest",[{}]"#, percentiles.join(","))
            }
            Self::SubscribeHeads => "\"newHeads\"".into(),
            // The id is the node's own text: it is written as JSON again, never pasted.
            Self::Unsubscribe(id) => serde_json::Value::from(id.as_str()).to_string(),
        }
    }

    /// The request under this id.
    #[must_use]
    pub fn text(&self, id: u64) -> String {
        format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"{}","params":[{}]}}"#, self.method(), self.params())
    }

    /// Several requests in one list.
    #[must_use]
    pub fn batch<'a>(calls: impl IntoIterator<Item = (u64, &'a Self)>) -> String {
        let mut text = String::from("[");
        for (nth, (id, call)) in calls.into_iter().enumerate() {
            let comma = if nth == 0 { "" } else { "," };
            let _ = write!(text, "{comma}{}", call.text(id));
        }
        text.push(']');
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_the_json_that_nodes_expect() {
        let hash = B256::repeat_byte(0xab);
        let check = |call: &Call, expected: &str| {
            let expected = expected.replace("HASH", &format!("{hash:#x}"));
            let text = call.text(7);
            assert_eq!(text, format!(r#"{{"jsonrpc":"2.0","id":7,{expected}}}"#));
            serde_json::from_str::<serde_json::Value>(&text).expect("it is JSON");
        };
        check(&Call::ChainId, r#""method":"eth_chainId","params":[]"#);
        check(&Call::BlockNumber, r#""method":"eth_blockNumber","params":[]"#);
        check(
            &Call::BlockByNumber { at: At::Number(26), whole: true },
            r#""method":"eth_getBlockByNumber","params":["0x1a",true]"#,
        );
        for (at, word) in [(At::Latest, "latest"), (At::Safe, "safe"), (At::Finalized, "finalized")] {
            check(
                &Call::BlockByNumber { at, whole: false },
                &format!(r#""method":"eth_getBlockByNumber","params":["{word}",false]"#),
            );
        }
        check(&Call::BlockByHash { hash, whole: true }, r#""method":"eth_getBlockByHash","params":["HASH",true]"#);
        check(&Call::Receipts(hash), r#""method":"eth_getBlockReceipts","params":["HASH"]"#);
        check(&Call::Receipt(hash), r#""method":"eth_getTransactionReceipt","params":["HASH"]"#);
        check(&Call::BlockLogs(hash), r#""method":"eth_getLogs","params":[{"blockHash":"HASH"}]"#);
        check(
            &Call::Logs { from: 1, to: 16, topics: vec![vec![hash, hash], vec![], vec![hash]] },
            r#""method":"eth_getLogs","params":[{"fromBlock":"0x1","toBlock":"0x10","topics":[["HASH","HASH"],null,["HASH"]]}]"#,
        );
        check(
            &Call::Logs { from: 1, to: 16, topics: vec![] },
            r#""method":"eth_getLogs","params":[{"fromBlock":"0x1","toBlock":"0x10","topics":[]}]"#,
        );
        check(
            &Call::CallTraces(hash),
            r#""method":"debug_traceBlockByHash","params":["HASH",{"tracer":"callTracer"}]"#,
        );
        check(&Call::TraceBlock(0), r#""method":"trace_block","params":["0x0"]"#);
        check(
            &Call::Balance { of: Address::ZERO, at: StateAt::Hash(hash) },
            r#""method":"eth_getBalance","params":["0x0000000000000000000000000000000000000000",{"blockHash":"HASH"}]"#,
        );
        check(
            &Call::Balance { of: Address::ZERO, at: StateAt::Number(26) },
            r#""method":"eth_getBalance","params":["0x0000000000000000000000000000000000000000","0x1a"]"#,
        );
        check(
            &Call::TokenBalance { contract: Address::ZERO, of: Address::repeat_byte(1), at: StateAt::Hash(hash) },
            r#""method":"eth_call","params":[{"to":"0x0000000000000000000000000000000000000000","data":"0x70a082310000000000000000000000000101010101010101010101010101010101010101"},{"blockHash":"HASH"}]"#,
        );
        check(
            &Call::Read { to: Address::ZERO, data: "0x313ce567" },
            r#""method":"eth_call","params":[{"to":"0x0000000000000000000000000000000000000000","data":"0x313ce567"},"latest"]"#,
        );
        check(
            &Call::FeeHistory { blocks: 4, percentiles: vec![10, 50] },
            r#""method":"eth_feeHistory","params":["0x4","latest",[10,50]]"#,
        );
        check(&Call::SubscribeHeads, r#""method":"eth_subscribe","params":["newHeads"]"#);
        check(&Call::Unsubscribe("a\"b".into()), r#""method":"eth_unsubscribe","params":["a\"b"]"#);
        assert_eq!(
            Call::batch([(1, &Call::ChainId), (2, &Call::BlockNumber)]),
            format!("[{},{}]", Call::ChainId.text(1), Call::BlockNumber.text(2))
        );
        assert_eq!(Call::batch([]), "[]");
    }
}
