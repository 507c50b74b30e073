//! How everything stands, as the status answer, the page, the health routes and the gauges see it.
//!
//! `app` makes one after each commit and hands it on through a `tokio::sync::watch`. It holds times, not ages: who reads it knows
//! what time it is. It holds no url or secret.

use super::balances::BalancesStatus;
use super::changes::Changes;
use super::gas::GasStatus;
use super::labels::Labels;
use super::trend::Trends;
use super::worth::{PairStatus, Portfolio};
use crate::reactor::directory::Directory;
use crate::reactor::event::{SourceId, SourceState};
use crate::reactor::money::Sha256;
use crate::reactor::paying::FreezeFile;
use crate::reactor::rows::PaymentState;
use crate::reactor::unpriced::Unknown;
use crate::types::{ChainId, Kind, Name, Pair, Price, Severity, Timestamp, TransferId, U256};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// How everything stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// The words for ids.
    pub labels: Arc<Labels>,
    /// When the first one was made: since then changes are counted.
    pub born: Timestamp,
    /// When it was made.
    pub taken: Timestamp,
    /// Set by `demo`.
    pub simulated: bool,
    /// Not every part runs yet.
    pub starting: bool,
    /// The last commit went through.
    pub store_writable: bool,
    /// Every source.
    pub sources: Vec<SourceStatus>,
    /// Every chain.
    pub chains: Vec<ChainStatus>,
    /// Every sink.
    pub sinks: Vec<SinkStatus>,
    /// Every rule.
    pub rules: Vec<RuleStatus>,
    /// The latest prices, feed by feed.
    pub prices: Vec<PriceStatus>,
    /// What each pair costs.
    pub pairs: Vec<PairStatus>,
    /// What each watch is worth.
    pub portfolios: Vec<Portfolio>,
    /// Balances.
    pub balances: Arc<BalancesStatus>,
    /// The explorers' budgets, by their names as sources.
    pub budgets: BTreeMap<Name, BudgetStatus>,
    /// Payments.
    pub payments: PaymentsStatus,
    /// Who watches which address.
    pub directory: Arc<Directory>,
    /// When something of each watch last moved, by its name; what moved long before the process began is not known.
    pub moved: Arc<BTreeMap<Name, Movement>>,
    /// How prices and fees moved lately.
    pub trends: Arc<Trends>,
    /// Which list changed how often.
    pub changes: Changes,
}

/// The last movement of a watch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Movement {
    /// The time of its block.
    pub at: Timestamp,
    /// Which transfer it was.
    pub transfer: TransferId,
}

impl Snapshot {
    /// Before the first commit: not ready, with every source of the config on its way.
    #[must_use]
    pub fn starting(labels: Arc<Labels>, simulated: bool) -> Self {
        let source = |id: &SourceId| SourceStatus {
            id: id.clone(),
            state: SourceState::Connecting,
            last_event: None,
            blind_since: None,
            last_outage: None,
            required: false,
        };
        let sources = labels.sources.iter().map(source).collect();
        Self { labels, simulated, starting: true, store_writable: true, sources, ..Self::default() }
    }
}

/// A time in which something was blind, and is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outage {
    /// Since when.
    pub since: Timestamp,
    /// When it was back.
    pub until: Timestamp,
    /// Of a chain: the blocks that were mined meanwhile, both ends included. What of them is still to be read is its `gap_blocks`.
    pub gap: Option<(u64, u64)>,
}

/// A source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceStatus {
    /// Which.
    pub id: SourceId,
    /// How it is.
    pub state: SourceState,
    /// When it last reported anything.
    pub last_event: Option<Timestamp>,
    /// Since when it does not answer; `None` while it does.
    pub blind_since: Option<Timestamp>,
    /// When it last was blind, since the process began.
    pub last_outage: Option<Outage>,
    /// Readiness waits for it (`required = true` on a feed; of a chain's sources see [`ChainStatus::required`]).
    pub required: bool,
}

/// A chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChainStatus {
    /// Which.
    pub id: ChainId,
    /// The newest block that was processed, with its time.
    pub tip: Option<(u64, Timestamp)>,
    /// The highest head that any endpoint showed.
    pub head: Option<u64>,
    /// Blocks below the tip that are still to be read.
    pub gap_blocks: u64,
    /// Blocks that were told without their traces, which did not come so far: how many, the lowest and the highest. Coin moved inside
    /// their transactions is not known.
    pub untraced: Option<(u64, u64, u64)>,
    /// The most blocks of history that any address still lacks.
    pub backfill_blocks: u64,
    /// Addresses whose history is not complete.
    pub backfill_addresses: u64,
    /// It does not move, though its endpoints answer.
    pub stalled: bool,
    /// It waits for a person: why.
    pub stopped: Option<Name>,
    /// Since when no source of it answers.
    pub blind_since: Option<Timestamp>,
    /// When it last was blind, since the process began.
    pub last_outage: Option<Outage>,
    /// Since when an explorer reads it in the place of its endpoints.
    pub taken_over_since: Option<Timestamp>,
    /// Who vouches now for transfers of each kind; a kind that nobody vouches for is not there.
    pub authority: BTreeMap<Kind, SourceId>,
    /// Somebody vouched for it at some time since the process began.
    pub followed: bool,
    /// Readiness waits for it.
    pub required: bool,
    /// What gas costs.
    pub gas: GasStatus,
    /// When the oldest view of a watched address was read, where an explorer reads them.
    pub oldest_view: Option<Timestamp>,
    /// How old a view may get by the budget.
    pub view_promised: Option<Duration>,
    /// By how many blocks the explorer's index was last seen behind the chain, and when.
    pub index_lag: Option<(u64, Timestamp)>,
}

/// A sink.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SinkStatus {
    /// Which.
    pub name: Name,
    /// Messages to be delivered.
    pub pending: u64,
    /// Messages given up.
    pub dead: u64,
    /// When the oldest pending one was made.
    pub oldest_pending: Option<Timestamp>,
    /// Since when nothing got through.
    pub failing_since: Option<Timestamp>,
    /// Why the last attempt failed, while nothing gets through.
    pub last_error: Option<Name>,
    /// When something is next tried.
    pub next_try: Option<Timestamp>,
    /// Its receiver asked never to be called again.
    pub disabled: bool,
}

/// A rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleStatus {
    /// Which.
    pub name: Name,
    /// Of its alerts.
    pub severity: Severity,
    /// Of a threshold: whether it is past its level now.
    pub crossed: Option<bool>,
    /// Why it cannot be judged now, where it cannot.
    pub unjudged: Option<Unknown>,
    /// Of a threshold: when it last spoke.
    pub spoke_at: Option<Timestamp>,
    /// For each chain of it, whether a source can feed it in full and in time.
    pub covered: BTreeMap<ChainId, bool>,
}

/// A price.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PriceStatus {
    /// Which.
    pub pair: Pair,
    /// Of which feed.
    pub feed: Name,
    /// The price.
    pub price: Price,
    /// The venue's own time.
    pub as_of: Timestamp,
    /// Whether that is not too long ago.
    pub fresh: bool,
}

/// What an explorer's plan has left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BudgetStatus {
    /// Calls left today.
    pub left: u64,
    /// Calls a day.
    pub of: u64,
}

/// Payments.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PaymentsStatus {
    /// No payment may go.
    pub frozen: bool,
    /// The file that stops this process, where it is there.
    pub file: Option<FreezeFile>,
    /// The fingerprint of the money config in force; nothing where nothing is live.
    pub in_force: Option<Sha256>,
    /// How many rehearsals stand where.
    pub rehearsals: BTreeMap<PaymentState, u64>,
    /// How many live payments stand where.
    pub live: BTreeMap<PaymentState, u64>,
    /// How much of each limit of a rule is used.
    pub limits: Vec<LimitUse>,
}

/// How much of a limit is used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LimitUse {
    /// Whose.
    pub rule: Name,
    /// Which.
    pub limit: Limit,
    /// In millionths, rounded up.
    pub used_millionths: u32,
    /// Raw USDC, or payments.
    pub used: U256,
    /// The same of the limit.
    pub of: U256,
}

/// A limit of a payment that counts over time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Limit {
    /// In a rolling day.
    PerDay,
    /// Ever.
    InTotal,
    /// Payments in a rolling day.
    MaxPerDay,
}

impl Limit {
    /// Every limit.
    pub const ALL: [Self; 3] = [Self::PerDay, Self::InTotal, Self::MaxPerDay];

    /// The key in the config, and the value of the label `limit`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::PerDay => "per_day",
            Self::InTotal => "in_total",
            Self::MaxPerDay => "max_per_day",
        }
    }
}
