//! The rows that are the record. A reactor rebuilt from them equals the running one, but for soft state.
//!
//! They carry no serde: the store has formats of its own.

use super::addresses::AddressList;
use super::holdings::{BalanceRow, LevelKey, LevelRow};
use super::hushed::{QuietKey, QuietRow};
pub use super::money::{PaymentRow, PaymentState};
pub use super::office::{OfficeKey, OfficeTables, OfficeWrite};
pub use super::past::{BackfillRow, ListLeft, Scan, ScanRow};
pub use super::phase::Phase;
use super::phase::Standing;
pub use super::quote::BarRow;
use super::quote::Quote;
use super::source::{List, SourceId};
use super::suspect::Suspect;
pub use super::watch_list::{AddressRow, RequestRow, WatchRow};
use crate::types::{
    Address, AlertId, B256, BlockRef, ChainId, Holding, Name, Pair, PaymentId, RequestId, Severity, Stage, Timestamp,
    TransferId, TransferKey,
};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// One row of one table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Row {
    /// What is known of a chain.
    Chain(ChainRow),
    /// A block of a chain's window.
    Block(BlockRow),
    /// Blocks not read yet.
    Gap(GapRow),
    /// A transfer.
    Transfer(Box<TransferRow>),
    /// An alert.
    Alert(Box<AlertRow>),
    /// A rule's state.
    Rule(RuleRow),
    /// How far an explorer list was read.
    View(ViewRow),
    /// What a token says of itself.
    Token(TokenRow),
    /// A deadline.
    Deadline(DeadlineRow),
    /// A source or sink with an open built-in alert.
    Trouble(TroubleRow),
    /// A payment.
    Payment(Box<PaymentRow>),
    /// What holds for live payments.
    Office(Box<OfficeWrite>),
    /// A balance.
    Balance(BalanceRow),
    /// Where a rule stands with a balance.
    Level(LevelRow),
    /// The history of an address.
    Backfill(Box<BackfillRow>),
    /// How far the history of a chain was read by its blocks or logs.
    Scan(ScanRow),
    /// A minute of a price.
    Bar(BarRow),
    /// What is not said at once, and why.
    Quiet(Box<QuietRow>),
    /// A watch that was added at run time.
    Watch(Box<WatchRow>),
    /// An address of such a watch.
    Address(Box<AddressRow>),
    /// A request that may come twice.
    Request(Box<RequestRow>),
}

impl Row {
    /// The key under which it stands.
    #[must_use]
    pub fn key(&self) -> RowKey {
        match self {
            Self::Chain(row) => RowKey::Chain(row.chain),
            Self::Block(row) => RowKey::Block(row.chain, row.at.number),
            Self::Gap(row) => RowKey::Gap(row.chain, row.from),
            Self::Transfer(row) => RowKey::Transfer(row.key.chain, row.block, row.id),
            Self::Alert(row) => RowKey::Alert(row.id),
            Self::Rule(row) => RowKey::Rule(row.rule.clone()),
            Self::View(row) => RowKey::View(row.chain, row.address, row.list),
            Self::Token(row) => RowKey::Token(row.chain, row.contract),
            Self::Deadline(row) => RowKey::Deadline(row.deadline.clone()),
            Self::Trouble(row) => RowKey::Trouble(row.subject.clone()),
            Self::Payment(row) => RowKey::Payment(row.id),
            Self::Office(row) => RowKey::Office(row.key()),
            Self::Balance(row) => RowKey::Balance(row.holding),
            Self::Level(row) => RowKey::Level(row.key.clone()),
            Self::Backfill(row) => RowKey::Backfill(row.chain, row.address),
            Self::Scan(row) => RowKey::Scan(row.chain, row.until, row.scan),
            Self::Quiet(row) => RowKey::Quiet(row.key()),
            Self::Bar(row) => RowKey::Bar(row.pair.clone(), row.minute),
            Self::Watch(row) => RowKey::Watch(row.number),
            Self::Address(row) => RowKey::Address(row.watch, row.address),
            Self::Request(row) => RowKey::Request(row.id),
        }
    }
}

/// The key of a row.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum RowKey {
    /// Of [`ChainRow`].
    Chain(ChainId),
    /// Of [`BlockRow`].
    Block(ChainId, u64),
    /// Of [`GapRow`]: its lower end.
    Gap(ChainId, u64),
    /// Of [`TransferRow`]: chain, block, id. A transfer that moves to another block is deleted and put.
    Transfer(ChainId, u64, TransferId),
    /// Of [`AlertRow`].
    Alert(AlertId),
    /// Of [`RuleRow`].
    Rule(Name),
    /// Of [`ViewRow`].
    View(ChainId, Address, List),
    /// Of [`TokenRow`].
    Token(ChainId, Address),
    /// Of [`DeadlineRow`].
    Deadline(Deadline),
    /// Of [`TroubleRow`].
    Trouble(Subject),
    /// Of [`PaymentRow`].
    Payment(PaymentId),
    /// Of [`OfficeWrite`].
    Office(OfficeKey),
    /// Of [`BalanceRow`].
    Balance(Holding),
    /// Of [`LevelRow`].
    Level(LevelKey),
    /// Of [`BackfillRow`].
    Backfill(ChainId, Address),
    /// Of [`ScanRow`].
    Scan(ChainId, u64, Scan),
    /// Of [`QuietRow`].
    Quiet(QuietKey),
    /// Of [`BarRow`].
    Bar(Pair, u64),
    /// Of [`WatchRow`]. A watch that is deleted takes its addresses with it.
    Watch(u32),
    /// Of [`AddressRow`].
    Address(u32, Address),
    /// Of [`RequestRow`].
    Request(RequestId),
}

/// Every row that a reactor is rebuilt from.
///
/// Of transfers and alerts only the open ones: transfers that are not `settled`, alerts that are not `closed`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tables {
    /// All.
    pub chains: Vec<ChainRow>,
    /// All: the window is pruned by the reactor.
    pub blocks: Vec<BlockRow>,
    /// All.
    pub gaps: Vec<GapRow>,
    /// Those not settled.
    pub transfers: Vec<TransferRow>,
    /// Those not closed.
    pub alerts: Vec<AlertRow>,
    /// All.
    pub rules: Vec<RuleRow>,
    /// All.
    pub views: Vec<ViewRow>,
    /// All.
    pub tokens: Vec<TokenRow>,
    /// All.
    pub deadlines: Vec<DeadlineRow>,
    /// All.
    pub troubles: Vec<TroubleRow>,
    /// All: `max_per_day` bounds how many there can be.
    pub payments: Vec<PaymentRow>,
    /// What holds for live payments; of the audit the last line.
    pub office: OfficeTables,
    /// All: a rule or `[http] max_balances` asks for each.
    pub balances: Vec<BalanceRow>,
    /// All.
    pub levels: Vec<LevelRow>,
    /// All.
    pub backfills: Vec<BackfillRow>,
    /// All.
    pub scans: Vec<ScanRow>,
    /// All: as many minutes as the longest window of a rule has.
    pub bars: Vec<BarRow>,
    /// All: silences, counterparties, what was kept.
    pub quiet: Vec<QuietRow>,
    /// All.
    pub watches: Vec<WatchRow>,
    /// Every [`AddressRow`], packed, by the number of its watch.
    pub addresses: BTreeMap<u32, Arc<AddressList>>,
    /// All: they are few.
    pub requests: Vec<RequestRow>,
}

/// What is known of a chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChainRow {
    /// Which.
    pub chain: ChainId,
    /// Hash of block 0 at first contact.
    pub genesis: Option<B256>,
    /// The first block that is read for every watch: what lies below is read for those alone that ask for it.
    pub started: Option<u64>,
    /// The first block that was new when the chain was begun: what lies below is history. Older stores do not say it.
    pub live_from: Option<u64>,
    /// The endpoint whose blocks are the tip.
    pub tip_endpoint: Option<Name>,
    /// Highest block whose transfers are confirmed.
    pub confirmed: u64,
    /// Highest block whose transfers are final.
    pub last_final: u64,
    /// The highest head that an explorer showed.
    pub explorer_head: Option<u64>,
    /// Stopped until a person accepts it: why.
    pub stopped: Option<Stop>,
    /// A person accepted it as another chain, and nothing has come of it since.
    pub accepted: bool,
}

impl ChainRow {
    /// Of a chain of which nothing is known.
    #[must_use]
    pub const fn new(chain: ChainId) -> Self {
        Self {
            chain,
            genesis: None,
            started: None,
            live_from: None,
            tip_endpoint: None,
            confirmed: 0,
            last_final: 0,
            explorer_head: None,
            stopped: None,
            accepted: false,
        }
    }
}

/// Why a chain waits for a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stop {
    /// It is not the chain that was watched so far; what shows that, in words.
    OtherChain(Name),
    /// This block of it cannot be read: reading it ended the process.
    Unreadable(u64),
}

impl Stop {
    /// For people.
    #[must_use]
    pub fn reason(&self) -> Name {
        match self {
            Self::OtherChain(reason) => reason.clone(),
            Self::Unreadable(block) => format!("block {block} cannot be read: reading it ended the process").into(),
        }
    }
}

/// A block of a chain's window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlockRow {
    /// Which chain.
    pub chain: ChainId,
    /// The block.
    pub at: BlockRef,
    /// Its time.
    pub time: Timestamp,
    /// Whether its internal movements were read.
    pub traced: bool,
}

/// Blocks `from..=to` that were not read yet. It is filled from its upper end downwards, by hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GapRow {
    /// Which chain.
    pub chain: ChainId,
    /// Lowest block not read.
    pub from: u64,
    /// Highest block not read.
    pub to: u64,
    /// The hash that block `to` must have: the parent of the block above.
    pub above: B256,
    /// The hash that block `from - 1` had when it was read.
    pub below: B256,
}

/// Who vouches for a transfer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Voucher {
    /// The authority for its kind on its chain.
    Authority,
    /// Another source alone: uncorroborated, it makes no alert while the authority is fresh.
    Other,
}

/// A transfer of at least one watched address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TransferRow {
    /// The hash of `key`.
    pub id: TransferId,
    /// What moved.
    pub key: TransferKey,
    /// The block it is in; of a retracted one, the block it was in.
    pub block: u64,
    /// Its hash, where the reporter has it.
    pub block_hash: Option<B256>,
    /// Its time.
    pub block_time: Timestamp,
    /// Position of the log in the block.
    pub log_index: Option<u64>,
    /// How buried it is.
    pub stage: Stage,
    /// Why it is suspect.
    pub suspect: Suspect,
    /// Who vouches for it.
    pub voucher: Voucher,
    /// It was missed when it was mined: it was read from a gap, or after the chain was blind.
    pub late: bool,
    /// It lies before the watch: no rule speaks of it but those that ask for history.
    pub history: bool,
    /// Explorer only: how often in a row it was missing, and the head of the last answer that lacked it.
    pub missing: Option<Missing>,
    /// When we first saw it.
    pub first_seen: Timestamp,
    /// What it is valued at: the price that was known when it was first seen, or soon after.
    pub quote: Option<Quote>,
    /// Nothing can change it any more: a rebuilt reactor does not need it.
    pub settled: bool,
}

/// What speaks for a row's absence at an explorer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Missing {
    /// Answers that lacked it.
    pub answers: u32,
    /// When the last of them came.
    pub at: Timestamp,
    /// How often the receipt was asked for after such an answer and said so too.
    pub receipts: u32,
}

/// What an alert is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AlertSubject {
    /// A transfer, as seen from a watch.
    Transfer {
        /// Which.
        transfer: TransferId,
        /// Whose.
        watch: Name,
        /// The watched address.
        address: Address,
        /// As seen from it.
        direction: super::settings::Direction,
    },
    /// The how-manieth crossing of the rule.
    Crossing(u64),
    /// The how-manieth crossing of the rule by a balance of this address. Which asset, its id and its messages know.
    Balance {
        /// Whose.
        watch: Name,
        /// The watched address.
        address: Address,
        /// The how-manieth.
        crossing: u64,
    },
    /// A source or a sink in trouble.
    Trouble(Subject),
    /// A payment.
    Payment(PaymentId),
}

/// Where an alert stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum AlertState {
    /// Said once.
    Raised,
    /// Said again, with more.
    Updated,
    /// Over.
    Resolved,
    /// Taken back.
    Retracted,
}

impl AlertState {
    /// Every state.
    pub const ALL: [Self; 4] = [Self::Raised, Self::Updated, Self::Resolved, Self::Retracted];

    /// The word in metrics and the API.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Raised => "raised",
            Self::Updated => "updated",
            Self::Resolved => "resolved",
            Self::Retracted => "retracted",
        }
    }

    /// The state with this word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.word() == word)
    }
}

/// What a rule says once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlertRow {
    /// Its id.
    pub id: AlertId,
    /// The rule; of built-in alerts, the type's word.
    pub rule: Name,
    /// How much it matters.
    pub severity: Severity,
    /// What it is about.
    pub subject: AlertSubject,
    /// Messages so far.
    pub revision: u32,
    /// Where it stands.
    pub state: AlertState,
    /// Stages that were said and hold, ascending.
    pub said: Vec<Stage>,
    /// Sinks that were told.
    pub told: Vec<Name>,
    /// Why its newest message was told to nobody; nothing where somebody was told.
    pub untold: Option<Name>,
    /// When it was raised.
    pub raised_at: Timestamp,
    /// When it last changed.
    pub changed_at: Timestamp,
    /// Nothing can change it any more: a rebuilt reactor does not need it.
    pub closed: bool,
}

/// A rule in force, with its state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleRow {
    /// Its name.
    pub rule: Name,
    /// A hash of its condition: another one starts the state anew.
    pub condition: [u8; 16],
    /// Since when it is in force with this condition: nothing from before is paid for, and crossings are told apart by it.
    pub born: Timestamp,
    /// Since when a rule of this name is in force without a break, whatever its condition was: what was first seen before is not spoken
    /// of. An edit must not silence what is under way.
    pub in_force_since: Timestamp,
    /// Where it stands.
    pub phase: Phase,
    /// Crossings so far.
    pub crossings: u64,
    /// When it last spoke.
    pub spoke_at: Option<Timestamp>,
}

impl RuleRow {
    /// What a step changes.
    #[must_use]
    pub const fn standing(&mut self) -> Standing<'_> {
        Standing { phase: &mut self.phase, crossings: &mut self.crossings, spoke_at: &mut self.spoke_at }
    }
}

/// How far an explorer's list of an address was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ViewRow {
    /// Which chain.
    pub chain: ChainId,
    /// Whose.
    pub address: Address,
    /// Which list.
    pub list: List,
    /// Complete from this block …
    pub from: u64,
    /// … to this block, inclusive: never past the index head less the overlap.
    pub read_to: u64,
    /// When it was last read.
    pub read_at: Timestamp,
    /// When something last moved in it.
    pub moved_at: Option<Timestamp>,
}

/// What a token says of itself: decoration, unless the contract is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenRow {
    /// Which chain.
    pub chain: ChainId,
    /// Which contract.
    pub contract: Address,
    /// Decimals, where it has sane ones.
    pub decimals: Option<u8>,
    /// Symbol, cleaned.
    pub symbol: Option<Name>,
}

/// What a deadline is for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Deadline {
    /// A rule's value has been past its level for long enough.
    Holds(Name),
    /// Nothing new came from a chain, feed or explorer for too long.
    Silent(Subject),
    /// Alerts of an unknown token have waited for its decimals.
    TokenWait(ChainId, Address),
    /// Every endpoint has lacked the tip for long enough.
    Revert(ChainId),
    /// A retracted transfer has been gone for so long that it is forgotten.
    Forget(TransferId),
    /// A held payment waits no longer.
    Expires(PaymentId),
    /// Something of live payments is to be looked at.
    Money,
    /// A balance has been past a rule's level for long enough, if it still is.
    BalanceHolds(LevelKey),
    /// The next heartbeat.
    Heartbeat,
    /// A day of suspects is over.
    Digest,
    /// A silence is over.
    Silence(u32),
    /// What came and went may be told of as if for the first time.
    Steady(Subject),
    /// What came and went too often to be told of has waited for long enough.
    Outages,
}

/// A deadline, with its length: after a restart it is due no later than that from now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadlineRow {
    /// What for.
    pub deadline: Deadline,
    /// When.
    pub due: Timestamp,
    /// How long it was when it was set.
    pub length: Duration,
}

/// What can be in trouble.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// A chain, over all of its sources.
    Chain(ChainId),
    /// A feed or an explorer.
    Source(SourceId),
    /// An explorer that differs from a chain's authority.
    Disagreement(ChainId),
    /// An explorer's list that cannot be read past a block.
    List(ChainId, Address, List),
    /// A sink.
    Sink(Name),
    /// Feeds that differ about a pair.
    Prices(Pair),
    /// A pair of which no feed has a price.
    Unpriced(Pair),
    /// Payments that do not go until a person looks: which, in words.
    Payments(Name),
}

impl Subject {
    /// The pair that feeds differ about.
    #[must_use]
    pub fn pair(&self) -> Option<Pair> {
        match self {
            Self::Prices(pair) => Some(pair.clone()),
            Self::Chain(_)
            | Self::Source(_)
            | Self::Disagreement(_)
            | Self::List(..)
            | Self::Sink(_)
            | Self::Unpriced(_)
            | Self::Payments(_) => None,
        }
    }
}

/// Something in trouble, with an open built-in alert.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TroubleRow {
    /// What.
    pub subject: Subject,
    /// Since when.
    pub since: Timestamp,
    /// The block at which a chain stood then.
    pub last_block: Option<u64>,
    /// How often it has been in trouble, this time included: part of the alert's identity.
    pub count: u64,
    /// Dead letters of a sink since then.
    pub dead: u64,
    /// Whether it still is; a row that is over keeps the count.
    pub open: bool,
    /// Why, in the words of its newest message. Earlier stores do not say.
    pub reason: Option<Name>,
}
