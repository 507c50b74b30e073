//! What a node can be made to do wrong, while it runs.

use serde_json::{Value, json};
use std::collections::BTreeSet;

/// A node's state of health. The default is a good node.
#[expect(clippy::struct_excessive_bools, reason = "faults come and go each by itself")]
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NodeFaults {
    /// Connections stay open and nothing is read, answered or sent: a half-open peer.
    pub paused: bool,
    /// The node knows all but the newest so many blocks.
    pub lag: u64,
    /// It says that it is of this chain.
    pub chain_id: Option<u64>,
    /// So many more questions for a block or its receipts are answered with `null`: announced, but not there yet.
    pub null_blocks: u32,
    /// So many more questions for receipts of a block are answered with an empty list.
    pub empty_receipts: u32,
    /// So many more requests are refused as too many.
    pub rate_limited: u32,
    /// Methods that it does not offer.
    pub without: BTreeSet<String>,
    /// It neither knows `safe` nor `finalized`.
    pub no_tags: bool,
    /// Of several new blocks only the newest is announced, as geth does.
    pub newest_head_only: bool,
    /// New blocks are not announced at all, though the subscription stands.
    pub mute: bool,
    /// Upgrades and requests are refused with this HTTP status.
    pub refuse: Option<u16>,
    /// The most blocks that a range of logs may have.
    pub most_blocks: Option<u64>,
}

/// Takes one of what is left; true when there was one.
pub(super) const fn take(left: &mut u32) -> bool {
    let any = *left > 0;
    *left = left.saturating_sub(1);
    any
}

/// An error of JSON-RPC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refused {
    /// Its code.
    pub code: i64,
    /// Its text, in the words of real nodes: clients sort by it.
    pub message: String,
}

impl Refused {
    pub(super) fn new(code: i64, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    pub(super) fn params() -> Self {
        Self::new(-32_602, "invalid argument 0: missing value for required argument")
    }

    pub(super) fn rate() -> Self {
        Self::new(-32_005, "rate limit exceeded: too many requests per second")
    }

    pub(super) fn missing(method: &str) -> Self {
        Self::new(-32_601, format!("the method {method} does not exist/is not available"))
    }

    pub(super) fn value(&self) -> Value {
        json!({ "code": self.code, "message": self.message })
    }
}
