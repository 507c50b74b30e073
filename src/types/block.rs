//! Blocks as the reactor sees them: linked by hash, with the movements that were read out of them.

use super::{Movement, Timestamp};
use alloy::primitives::{B256, U256};

/// A place in a chain. Chains are compared by hash, never by number alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BlockRef {
    /// Height.
    pub number: u64,
    /// The block's hash.
    pub hash: B256,
    /// The hash of the block below.
    pub parent: B256,
}

/// One whole block, read by its hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// Where it stands.
    pub at: BlockRef,
    /// The block's own time.
    pub time: Timestamp,
    /// Base fee in wei; absent where the chain has none.
    pub base_fee: Option<U256>,
    /// What the next block takes at least by EIP-1559's formula, in wei; the chain may have another ([`super::gas::next_base_fee`]).
    pub next_base_fee: Option<U256>,
    /// Every movement of a transaction that succeeded, in order of transaction and log.
    pub movements: Vec<Movement>,
    /// Whether `movements` holds the internal ones too (the endpoint could trace this block).
    pub traced: bool,
}

/// How an endpoint traces blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tracer {
    /// `trace_block`.
    Flat,
    /// `debug_traceBlockByHash` with the call tracer.
    Calls,
}

impl Tracer {
    /// The method.
    #[must_use]
    pub const fn method(self) -> &'static str {
        match self {
            Self::Flat => "trace_block",
            Self::Calls => "debug_traceBlockByHash",
        }
    }
}
