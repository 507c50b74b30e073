//! The only input of the reactor: what sources report, what people command, what became of deliveries, deadlines reached.
//!
//! One closed enum. An event holds values that were parsed already; a broken input is an event too, never an error.

use super::ask::Answer;
pub use super::decisions::PaymentOrder;
pub use super::holdings::{Balances, NoBalance, ReadAt};
use super::hushed::SilenceOrder;
use super::money::CircleId;
use super::paying::FreezeFile;
use super::rows::{AlertRow, Deadline, TransferRow};
use super::settings::Settings;
pub use super::source::{List, SourceId, SourceKind};
use super::watch_list::WatchOrder;
use crate::types::gas::Tips;
use crate::types::{
    Address, Asset, B256, Block, BlockRef, ChainId, MessageId, Movement, Name, Pair, PaymentId, Price, Timestamp,
    Tracer, U256,
};
use std::sync::Arc;

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The config in force, at each start and reload.
    Configured(Box<Settings>),
    /// An RPC endpoint was reached and said who it is.
    Contact(Contact),
    /// An endpoint's newest head.
    Head(Head),
    /// Whole blocks, linked by hash.
    Run(Run),
    /// An endpoint's `safe` and `finalized` blocks.
    Tags(Tags),
    /// A whole answer of one explorer list.
    Explored(Explored),
    /// A part of an explorer's list that lies before the watch.
    History(Explored),
    /// Logs that lie before the watch.
    Logs(Logs),
    /// An explorer's `eth_blockNumber`.
    ExplorerHead(ExplorerHead),
    /// An explorer's list that cannot be read past a block.
    Unlistable(Unlistable),
    /// A receipt that was asked for again.
    Receipt(Receipt),
    /// A token's own word about itself.
    Token(TokenFacts),
    /// Balances of one chain at one block.
    Balances(Balances),
    /// A price.
    Tick(Tick),
    /// A feed gives no price of this pair any more, though it may give those of others: what it last said is not known to hold.
    Quiet {
        /// Which feed.
        feed: Name,
        /// Which pair.
        pair: Pair,
    },
    /// What gas costs, by a node's or an explorer's word.
    Fees(Fees),
    /// A source's state changed.
    Source(SourceReport),
    /// What became of a delivery, where the reactor must know.
    Delivery(DeliveryReport),
    /// A person's command.
    Command(Command),
    /// What an operator says of something that would pay.
    Opinion(Box<Opinion>),
    /// What came of a question about payments.
    Answered(Box<Answer>),
    /// A hook of Circle's speaks of this transaction: a hint to look, and nothing more.
    Hinted(CircleId),
    /// The file that stops all payments of this process, or that it is not there (any more).
    FreezeFile(Option<Box<FreezeFile>>),
    /// The wall clock and the monotonic one went apart.
    Clock(ClockReport),
    /// Reading this block ended the process more than once: its chain is left alone, the others go on.
    Unreadable {
        /// Which chain.
        chain: ChainId,
        /// Which block.
        block: u64,
    },
    /// A deadline of the reactor's own was reached.
    Deadline(Deadline),
}

/// Who an RPC endpoint says it is, and what it can do. Its chain id was compared before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contact {
    /// Which chain.
    pub chain: ChainId,
    /// Which endpoint.
    pub endpoint: Name,
    /// Hash of its block 0, where it still has it.
    pub genesis: Option<B256>,
    /// How it traces blocks, so that internal transfers are read, where it does.
    pub traces: Option<Tracer>,
}

/// An endpoint's newest head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// Which chain.
    pub chain: ChainId,
    /// Which endpoint.
    pub endpoint: Name,
    /// The head.
    pub at: BlockRef,
    /// Its time.
    pub time: Timestamp,
    /// Base fee in wei.
    pub base_fee: Option<U256>,
    /// The published tip, where the endpoint was asked for it by hash and does not have it.
    pub lacks: Option<B256>,
}

/// Blocks of one endpoint, ascending, each the parent of the next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// Which chain.
    pub chain: ChainId,
    /// Which endpoint.
    pub endpoint: Name,
    /// Never empty.
    pub blocks: Vec<Block>,
    /// What it fills.
    pub part: RunPart,
    /// Where only receipts that concern watched addresses were read: the version of the list that chose them
    /// ([`super::match_set::MatchSet::version`]).
    pub chosen_by: Option<u64>,
}

/// What a run fills.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunPart {
    /// The newest end: its first block's parent is in the published window, or it is a jump over more than
    /// [`super::LARGEST_STEP`] blocks.
    Tip,
    /// A gap, from its upper end downwards: its last block is the one that the gap's `above` names.
    Gap,
    /// History, upwards: its first block is the one that is wanted next.
    History,
    /// Nothing new: blocks of the window that were read without their traces, and now with them.
    Traces,
}

/// The blocks that an endpoint calls safe and final.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tags {
    /// Which chain.
    pub chain: ChainId,
    /// Which endpoint.
    pub endpoint: Name,
    /// `safe`, where it has one.
    pub safe: Option<(u64, B256)>,
    /// `finalized`, where it has one.
    pub finalized: Option<(u64, B256)>,
}

/// A whole answer of one list for one address: every page of `[from, to]` was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explored {
    /// Which chain.
    pub chain: ChainId,
    /// Which explorer.
    pub source: Name,
    /// Whose list.
    pub address: Address,
    /// Which list.
    pub list: List,
    /// First block asked for.
    pub from: u64,
    /// Last block asked for.
    pub to: u64,
    /// The head that the index had when it answered (lowest over the pages); an empty answer has none.
    pub index_head: Option<u64>,
    /// Whole transactions, ascending by block.
    pub rows: Vec<Reported>,
}

/// The token transfers of a range that name one of the wanted addresses, all of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Logs {
    /// Which chain.
    pub chain: ChainId,
    /// Which endpoint.
    pub endpoint: Name,
    /// First block.
    pub from: u64,
    /// Last block.
    pub to: u64,
    /// Of which scan: [`super::wants::LogsWant::until`].
    pub until: u64,
    /// Whose: [`super::wants::LogsWant::addresses`].
    pub addresses: Arc<[Address]>,
    /// In order of block and log.
    pub rows: Vec<Reported>,
}

/// A list of which one block has more rows than the explorer gives out: no range that could be asked for is small enough.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unlistable {
    /// Which chain.
    pub chain: ChainId,
    /// Which explorer.
    pub source: Name,
    /// Whose list.
    pub address: Address,
    /// Which list.
    pub list: List,
    /// The block.
    pub block: u64,
}

/// One row of an explorer that moved something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reported {
    /// Height.
    pub block: u64,
    /// Hash of the block; internal rows have none.
    pub block_hash: Option<B256>,
    /// Time of the block.
    pub time: Timestamp,
    /// What moved.
    pub movement: Movement,
    /// What the row says of the token: hostile text, cleaned.
    pub token: Option<(Option<u8>, Option<Name>)>,
}

/// The head by an explorer's proxy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExplorerHead {
    /// Which chain.
    pub chain: ChainId,
    /// Which explorer.
    pub source: Name,
    /// `eth_blockNumber`.
    pub head: u64,
}

/// What became of a transaction whose receipt was asked for again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// Which chain.
    pub chain: ChainId,
    /// Who answered.
    pub source: Name,
    /// Which transaction.
    pub tx: B256,
    /// The block it is in: number, hash and whether it succeeded; `None` where there is no such receipt.
    pub found: Option<(u64, B256, bool)>,
    /// What its logs moved.
    pub moved: Vec<Movement>,
}

/// What an operator says of something that would pay: [`super::wants::OpinionWant`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opinion {
    /// Which chain.
    pub chain: ChainId,
    /// Which endpoint.
    pub endpoint: Name,
    /// Who runs it: endpoints of one operator are one witness.
    pub operator: Name,
    /// What it read itself.
    pub read: Witnessed,
}

/// What an endpoint read for a second opinion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Witnessed {
    /// A block, by its hash, with its logs.
    Block(Block),
    /// A balance in a block, by its hash.
    Balance {
        /// Whose.
        address: Address,
        /// Of what.
        asset: Asset,
        /// The block.
        block: B256,
        /// Raw.
        raw: U256,
    },
}

/// What a token contract says of itself. Hostile text, cleaned and bounded by `wire`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenFacts {
    /// Which chain.
    pub chain: ChainId,
    /// Which contract.
    pub contract: Address,
    /// Absent where it has none, or an absurd one.
    pub decimals: Option<u8>,
    /// Absent where it has none.
    pub symbol: Option<Name>,
}

/// A price of one feed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tick {
    /// Which feed.
    pub feed: Name,
    /// Which pair.
    pub pair: Pair,
    /// The price.
    pub price: Price,
    /// The venue's own time.
    pub time: Timestamp,
}

/// What gas costs on a chain, by a node's `eth_feeHistory` or an explorer's gas oracle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fees {
    /// Who says so; its chain is the one.
    pub source: SourceId,
    /// The newest block that it knew.
    pub block: u64,
    /// What the next block takes at least, in wei.
    pub next_base_fee: Option<U256>,
    /// What is paid beyond that.
    pub tips: Option<Tips>,
}

/// A source's state changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceReport {
    /// Which. An explorer without a chain is its account: on all of its chains at once.
    pub source: SourceId,
    /// To what.
    pub state: SourceState,
}

/// How a source is. Only `Fresh` answers now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SourceState {
    /// On its way.
    Connecting,
    /// It gave a well-formed answer, and nothing has gone wrong since.
    Fresh,
    /// Connected, and silent for too long.
    Stale,
    /// It failed and is tried again; a short reason without urls or secrets.
    BackingOff(Name),
    /// It said no for good (wrong chain, plan, key, pair); a short reason.
    Refused(Name),
    /// The budget is used up until then.
    OverBudget(Timestamp),
}

impl SourceState {
    /// The word in metrics and the API.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Connecting => "connecting",
            Self::Fresh => "fresh",
            Self::Stale => "stale",
            Self::BackingOff(_) => "backing_off",
            Self::Refused(_) => "refused",
            Self::OverBudget(_) => "over_budget",
        }
    }
}

/// What became of a delivery, where the reactor must know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeliveryReport {
    /// Given up, with the reason.
    Dead {
        /// Which sink.
        sink: Name,
        /// Which message.
        message: MessageId,
        /// Why, without urls or secrets.
        reason: Name,
    },
    /// Nothing got through for a while.
    Failing {
        /// Which sink.
        sink: Name,
        /// Since when.
        since: Timestamp,
        /// The last reason.
        reason: Name,
    },
    /// Something got through again.
    Recovered {
        /// Which sink.
        sink: Name,
    },
    /// The receiver asked never to be called again (410).
    Disabled {
        /// Which sink.
        sink: Name,
    },
}

/// What a person asks for. What concerns the outbox's delivery columns is done by the delivery worker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Send a test message to a sink.
    TestSink {
        /// Which.
        sink: Name,
    },
    /// Go on after a chain was found to be another one, from the endpoint's present head.
    AcceptChain {
        /// Which.
        chain: ChainId,
    },
    /// Change the watch list.
    Watches(Box<WatchOrder>),
    /// Set or end silences.
    Silence(Box<SilenceOrder>),
    /// Say which rules look at a transfer, and what each says.
    Why(Box<TransferRow>),
    /// Say what a payment waits for.
    WhyPayment(PaymentId),
    /// Say where the rule of an alert stands that is not about a transfer.
    WhyAlert(Box<AlertRow>),
    /// Decide about payments.
    Payments(Box<PaymentOrder>),
}

/// The wall clock and the monotonic one went apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClockReport {
    /// What the wall clock says, less what it should say, in milliseconds.
    pub ahead_ms: i64,
}
