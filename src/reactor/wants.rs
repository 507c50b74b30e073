//! What the reactor needs from sources, derived from its state: after a crash nothing that was asked for is lost.

use super::event::List;
use super::match_set::MatchSet;
use super::rows::GapRow;
use crate::types::{Address, Asset, B256, BlockRef, ChainId, Timestamp};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What is wanted, chain by chain. Published after each commit; a chain that did not change keeps its `Arc`.
#[derive(Debug, Clone, Default)]
pub struct Wants {
    /// By chain.
    pub chains: BTreeMap<ChainId, Arc<ChainWants>>,
    /// Every watched address, for sources that must choose what to read.
    pub watched: Arc<MatchSet>,
}

/// What is wanted of one chain.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is wanted or not, whatever the others are")]
pub struct ChainWants {
    /// The newest committed blocks, ascending, at most [`super::PUBLISHED_BLOCKS`]: a source walks back to a hash in it.
    pub window: Vec<BlockRef>,
    /// The endpoint whose blocks are the tip.
    pub tip_endpoint: Option<crate::types::Name>,
    /// Blocks not read yet, lowest first. Read downwards from `to`, by hash.
    pub gaps: Vec<GapRow>,
    /// Blocks that were read without their traces, ascending, at most [`super::PUBLISHED_BLOCKS`]: to be read once more, with them.
    pub untraced: Vec<BlockRef>,
    /// The chain was found to be another one: read nothing.
    pub stopped: bool,
    /// Transactions whose receipts are to be read again.
    pub receipts: BTreeSet<B256>,
    /// Tokens whose decimals and symbol are to be read.
    pub tokens: BTreeSet<Address>,
    /// Explorer lists that somebody needs.
    pub views: Vec<ViewWant>,
    /// Balances to read, at the newest block of `window` where there is one.
    pub balances: Arc<[BalanceWant]>,
    /// No endpoint vouches for the chain now: the explorer is asked for the receipts and balances.
    pub explorer_receipts: bool,
    /// The explorer's own head is needed (`eth_blockNumber` of its proxy): nothing else has shown one.
    pub explorer_head: bool,
    /// A rule looks at what a node's `eth_feeHistory` tells: it is asked at each block.
    pub fees_often: bool,
    /// A rule looks at fees that no endpoint tells now: the explorer's gas oracle is asked.
    pub gas_oracle: bool,
    /// What would pay, and is to be read once more, by an endpoint of every operator.
    pub opinions: BTreeSet<OpinionWant>,
    /// What lies before the watches, behind everything else.
    pub history: HistoryWants,
}

/// Something that an endpoint of every operator is to read: [`super::event::Opinion`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum OpinionWant {
    /// The block with this hash.
    Block(B256),
    /// A balance in a block.
    Balance {
        /// Whose.
        address: Address,
        /// Of what.
        asset: Asset,
        /// Height of the block.
        number: u64,
        /// Its hash.
        block: B256,
    },
}

/// History that is to be read. An explorer's lists where there is one, else the chain's own blocks and logs.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HistoryWants {
    /// Some of the lists.
    pub lists: Vec<ListWant>,
    /// Whole blocks.
    pub blocks: Option<StretchWant>,
    /// Logs of token transfers.
    pub logs: Option<LogsWant>,
}

/// The past of an explorer's list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListWant {
    /// Whose.
    pub address: Address,
    /// Which.
    pub list: List,
    /// First block.
    pub from: u64,
    /// Last block.
    pub to: u64,
    /// An answer was empty: not again before then.
    pub again: Option<Timestamp>,
}

/// Blocks to be read upwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StretchWant {
    /// First block.
    pub from: u64,
    /// Last block.
    pub to: u64,
    /// Hash of the block below `from`, where it was read.
    pub below: Option<B256>,
}

/// Logs to be read upwards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogsWant {
    /// First block.
    pub from: u64,
    /// Last block.
    pub to: u64,
    /// Which scan it is.
    pub until: u64,
    /// Whose, ascending.
    pub addresses: Arc<[Address]>,
}

/// An explorer list to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ViewWant {
    /// Whose.
    pub address: Address,
    /// Which.
    pub list: List,
    /// Ask from this block on.
    pub from: u64,
    /// When it was last read.
    pub read_at: Option<Timestamp>,
    /// When something last moved in it: such lists come first.
    pub moved_at: Option<Timestamp>,
    /// When something last pointed at a movement that may show here: another list, a block, a row that is in doubt.
    pub pointed_at: Option<Timestamp>,
    /// Nothing else reports what is in it. What a chain's own blocks vouch for is read here for a second opinion only.
    pub leads: bool,
}

/// A balance to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BalanceWant {
    /// Whose.
    pub address: Address,
    /// Of what.
    pub asset: Asset,
    /// When it was last read.
    pub read_at: Option<Timestamp>,
    /// A rule looks at it, or it moves by itself: read it often.
    pub often: bool,
    /// Something moved it, or nothing is known of it: read it next.
    pub soon: bool,
}
