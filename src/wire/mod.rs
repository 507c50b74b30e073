//! Bytes to values and values to bytes, pure.
//!
//! Everything here reads what a stranger's server wrote: it never panics, never trusts a length, and says what was
//! wrong instead of guessing. It does no I/O, keeps no state and knows only [`crate::types`].
#![deny(clippy::float_arithmetic)]
#![cfg_attr(not(test), deny(clippy::indexing_slicing))]

pub mod circle;
pub mod erc20;
pub mod etherscan;
pub mod hex;
pub mod jsonrpc;
pub mod tickers;

use crate::types::{Address, B256, Untrusted};

/// Why a body is not what was asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Not the JSON that this answer has; a body cut short reads like this too.
    #[error("{what} cannot be read: {reason}")]
    Shape {
        /// What was being read.
        what: &'static str,
        /// What the reader stumbled over.
        reason: Untrusted,
    },
    /// `null`, or an empty list where there must be entries: the node does not have it (yet). Ask again.
    #[error("the node has no {what} for this block (yet)")]
    NotReady {
        /// What was asked for.
        what: &'static str,
    },
    /// Something belongs to another block than the one that was asked for.
    #[error("{what} of block {got} came for block {expected}")]
    OtherBlock {
        /// What does.
        what: &'static str,
        /// The block that was asked for.
        expected: B256,
        /// The block it says it is of.
        got: B256,
    },
    /// A transaction of the block has no receipt or trace, or one came twice.
    #[error("transaction {tx} has no {what} of its own")]
    Missing {
        /// What is missing.
        what: &'static str,
        /// Of which transaction.
        tx: B256,
    },
    /// A receipt, log or trace of a transaction that the block does not hold.
    #[error("{what} of transaction {tx}, which is not in the block")]
    Stranger {
        /// What came.
        what: &'static str,
        /// Of which transaction.
        tx: B256,
    },
    /// The header's bloom says there are logs and none came.
    #[error("the block's bloom is not empty but no log came with it")]
    LogsMissing,
    /// A log that a reorg took back stands in an answer about a block.
    #[error("a log of transaction {tx} is marked as removed")]
    RemovedLog {
        /// Of which transaction.
        tx: B256,
    },
    /// The node could not trace this transaction.
    #[error("transaction {tx} was not traced: {reason}")]
    Untraced {
        /// Which one.
        tx: B256,
        /// What the node said.
        reason: Untrusted,
    },
    /// The trace says that the transaction failed and its receipt that it succeeded.
    #[error("trace and receipt of transaction {tx} disagree about whether it succeeded")]
    TraceDisagrees {
        /// Which one.
        tx: B256,
    },
    /// Two logs of a transaction that differ and are said to stand at the same place.
    #[error("two different logs of transaction {tx} are said to be log {index} of the block")]
    LogsDisagree {
        /// Which one.
        tx: B256,
        /// Which place.
        index: u64,
    },
    /// A creation that succeeded without saying what it created.
    #[error("transaction {tx} by {from} created a contract without an address")]
    CreatedNothing {
        /// Which one.
        tx: B256,
        /// Who created.
        from: Address,
    },
}

impl Fault {
    /// A shape that is wrong for a reason known here.
    pub(crate) fn shape(what: &'static str, reason: &str) -> Self {
        Self::Shape { what, reason: Untrusted::new(reason) }
    }
}

/// Reads JSON into `T`.
///
/// # Errors
/// [`Fault::Shape`] with what serde stumbled over and where.
pub(crate) fn read<'a, T: serde::Deserialize<'a>>(what: &'static str, text: &'a str) -> Result<T, Fault> {
    serde_json::from_str(text).map_err(|error| Fault::shape(what, &error.to_string()))
}
