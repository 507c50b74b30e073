//! What a simulated chain is made of: blocks, transactions, logs and frames. Values only.

use super::action::Action;
use crate::types::{Address, B256, BlockRef, U256};
use std::sync::Arc;

/// The most gas of a block.
pub const GAS_LIMIT: u64 = 30_000_000;

/// One block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SimBlock {
    /// Where it stands.
    pub at: BlockRef,
    /// Its time, in seconds since the epoch.
    pub time: u64,
    /// In wei.
    pub base_fee: U256,
    /// Gas used: of its transactions, or more where the plan says that it is fuller.
    pub gas_used: u64,
    /// Its transactions, in order.
    pub txs: Vec<Included>,
}

/// A transaction as somebody signed it. It keeps its hash in whatever block it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SimTx {
    /// Its hash.
    pub hash: B256,
    /// The signer's count.
    pub nonce: u64,
    /// Who signed.
    pub from: Address,
    /// Whom it calls; `None` for a creation.
    pub to: Option<Address>,
    /// In wei.
    pub value: U256,
    /// Call data, hexadecimal.
    pub input: String,
    /// What it is meant to do.
    pub action: Action,
}

/// A transaction with what became of it in its block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Included {
    /// The transaction.
    pub tx: Arc<SimTx>,
    /// Whether it succeeded.
    pub succeeded: bool,
    /// The gas it used.
    pub gas_used: u64,
    /// The contract that it created.
    pub created: Option<Address>,
    /// Its logs; none when it failed.
    pub logs: Vec<SimLog>,
    /// Its calls, the transaction's own as the root.
    pub root: Frame,
}

/// One log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SimLog {
    /// Position in its block.
    pub index: u64,
    /// Who wrote it.
    pub contract: Address,
    /// Its topics.
    pub topics: Vec<B256>,
    /// Its data, hexadecimal.
    pub data: String,
}

/// One call, as geth's `callTracer` has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// `CALL` or `CREATE`.
    pub kind: &'static str,
    /// Who calls.
    pub from: Address,
    /// Whom; of a creation what it made.
    pub to: Address,
    /// In wei.
    pub value: U256,
    /// Whether it was reverted.
    pub failed: bool,
    /// The calls inside.
    pub calls: Vec<Self>,
}

/// A token contract.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// Its address.
    pub contract: Address,
    /// What `symbol()` says.
    pub symbol: String,
    /// What `name()` says.
    pub name: String,
    /// What `decimals()` says; `None` where it reverts.
    pub decimals: Option<u8>,
}
