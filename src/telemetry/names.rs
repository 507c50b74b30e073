//! Every metric: its public name, what it counts, its labels (FACES §5).
//!
//! Names are public: whoever renames one keeps the old one for one minor release. A label's value comes from the config or from a
//! closed enum, never from a chain, a url or an error's text. Money is shown in coins or gwei, never in wei.

/// What kind of number it is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum MetricKind {
    /// It only grows.
    Counter,
    /// It is what it is now.
    Gauge,
    /// How often a value fell under each bound.
    Histogram(&'static [f64]),
}

/// The labels that FACES §5 allows.
pub const LABELS: [&str; 18] = [
    "chain",
    "source",
    "kind",
    "sink",
    "rule",
    "severity",
    "stage",
    "state",
    "outcome",
    "list",
    "limit",
    "reason",
    "suspect",
    "rehearsal",
    "pair",
    "asset",
    "watch",
    "endpoint",
];

/// Depths of reorgs: one block is usual, 64 is Ethereum's two epochs, more than 256 is a gap and no reorg.
pub const DEPTH_BUCKETS: &[f64] = &[1.0, 2.0, 3.0, 5.0, 8.0, 12.0, 20.0, 32.0, 64.0, 128.0, 256.0];
/// Block time to acknowledged, in seconds: from a chain with quick blocks beside us to a receiver that was down for a day.
pub const LATENCY_BUCKETS: &[f64] =
    &[0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 45.0, 90.0, 180.0, 300.0, 900.0, 3600.0, 21600.0, 86400.0];
/// One commit with its fsync, in seconds: 0.5 ms on a good disk, 1 s on a sick one.
pub const COMMIT_BUCKETS: &[f64] = &[0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5];

macro_rules! table {
    ($($(#[$doc:meta])* $variant:ident = $kind:expr, $name:literal, [$($label:literal),*], $help:literal;)*) => {
        /// One metric.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Metric { $(#[doc = $help] $variant,)* }

        impl Metric {
            /// Every metric.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The public name, with its unit and `_total`.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => concat!("walletwatch_", $name),)* }
            }

            /// What kind of number it is.
            #[must_use]
            pub const fn kind(self) -> MetricKind {
                use MetricKind::{Counter, Gauge, Histogram};
                match self { $(Self::$variant => $kind,)* }
            }

            /// The keys of its labels, in the order in which values are given.
            #[must_use]
            pub const fn labels(self) -> &'static [&'static str] {
                match self { $(Self::$variant => &[$($label),*],)* }
            }

            /// One sentence for people.
            #[must_use]
            pub const fn help(self) -> &'static str {
                match self { $(Self::$variant => $help,)* }
            }
        }
    };
}

table! {
    Ready = Gauge, "ready", [], "1 while /readyz says ok.";
    SourceUp = Gauge, "source_up", ["source", "kind", "chain"], "1 while the source answers now.";
    SourceState = Gauge, "source_state", ["source", "kind", "chain", "state"], "1 for the state in which the source is, 0 for the others.";
    SourceBlindSince = Gauge, "source_blind_since_timestamp_seconds", ["source", "kind", "chain"],
        "Since when the source does not answer; 0 while it does.";
    SourceLastEvent = Gauge, "source_last_event_timestamp_seconds", ["source", "kind", "chain"],
        "When the source last reported anything.";
    SocketReconnects = Counter, "socket_reconnects_total", ["source", "kind", "chain", "reason"],
        "Connections of the source that ended, by why.";
    QueueDropped = Counter, "queue_dropped_total", ["source", "kind", "chain"],
        "Items of the source that were dropped because newer ones came or its queue was full.";
    Ignored = Counter, "ignored_total", ["chain", "reason"], "Reports that cannot be, and were left out.";
    Disagreements = Counter, "source_disagreements_total", ["source", "kind", "chain"],
        "Transfers on which the explorer and the authority of the chain differ.";
    ProcessedBlock = Gauge, "chain_processed_block", ["chain"], "The tip: the newest block that was processed.";
    ProcessedBlockTime = Gauge, "chain_processed_block_timestamp_seconds", ["chain"], "The time of the newest block that was processed.";
    StaleAfter = Gauge, "chain_stale_after_seconds", ["chain"], "Without a new block for this long the chain counts as blind.";
    GapBlocks = Gauge, "chain_gap_blocks", ["chain"], "Blocks below the tip that are still to be read.";
    GapFilled = Counter, "chain_gap_filled_blocks_total", ["chain"], "Blocks of gaps that were read.";
    BackfillBlocks = Gauge, "backfill_remaining_blocks", ["chain"], "The most blocks of history that any address still lacks.";
    BackfillAddresses = Gauge, "backfill_remaining_addresses", ["chain"], "Addresses whose history is not complete.";
    UntracedBlocks = Counter, "chain_untraced_blocks_total", ["chain"],
        "Blocks that were read without their traces because these did not come.";
    AwaitingTraces = Gauge, "chain_awaiting_traces_blocks", ["chain"],
        "Blocks that were told without coin moved inside their transactions, and whose traces are still asked for.";
    NeverTraced = Counter, "chain_never_traced_blocks_total", ["chain"],
        "Blocks that became final without their traces: coin moved inside their transactions was not seen.";
    Stalled = Gauge, "chain_stalled", ["chain"], "1 while the chain does not move though its endpoints answer.";
    Stopped = Gauge, "chain_stopped", ["chain"], "1 while the chain waits for a person: walletwatch chain accept.";
    ReorgDepth = Histogram(DEPTH_BUCKETS), "reorg_depth_blocks", ["chain"], "Blocks that a reorg took back.";
    Transfers = Counter, "transfers_total", ["chain", "stage", "suspect"], "Transfers that reached a stage.";
    Approvals = Counter, "approvals_total", ["chain", "stage", "suspect"], "Approvals by watched addresses that reached a stage.";
    Alerts = Counter, "alerts_total", ["rule", "severity", "state"], "Changes in the lives of alerts.";
    Suppressed = Counter, "suppressed_total", ["rule", "reason"], "What matched a rule and was not said.";
    RuleCovered = Gauge, "rule_covered", ["rule", "chain"], "1 where a source can feed the rule in full and in time.";
    Outbox = Gauge, "outbox_messages", ["sink", "state"], "Messages of the sink that are pending or dead.";
    OldestPending = Gauge, "outbox_oldest_pending_age_seconds", ["sink"], "Age of the oldest message that was not delivered yet.";
    SinkDisabled = Gauge, "sink_disabled", ["sink"], "1 while the sink is not called, as its receiver asked.";
    Attempts = Counter, "delivery_attempts_total", ["sink", "outcome"], "Attempts to deliver, by what came of them.";
    TemplateFailures = Counter, "template_failures_total", ["sink"], "Messages that went in our own words because their template failed.";
    Latency = Histogram(LATENCY_BUCKETS), "alert_latency_seconds", ["sink"], "From the time of the block to the acknowledgement of the sink.";
    EtherscanRequests = Counter, "etherscan_requests_total", ["chain", "list", "outcome"], "Calls to the explorer.";
    UnreadRows = Counter, "etherscan_unread_rows_total", ["chain", "list"], "Rows of the explorer that could not be read.";
    FramesDropped = Counter, "feed_frames_dropped_total", ["source", "reason"], "Frames of a feed that made no price.";
    PairSilent = Counter, "feed_pair_silent_total", ["source", "pair", "reason"],
        "How often a pair of a feed had no price, or was about to have none.";
    EtherscanBudget = Gauge, "etherscan_budget_remaining_requests", ["source"], "Calls that the plan of an explorer has left today.";
    ViewAge = Gauge, "etherscan_view_age_seconds", ["chain"], "Age of the oldest view of a watched address.";
    ViewAgePromised = Gauge, "etherscan_view_age_promised_seconds", ["chain"], "How old a view may get by the budget.";
    ViewTime = Gauge, "etherscan_view_last_success_timestamp_seconds", ["chain"], "When a list of an address was last read.";
    IndexLag = Gauge, "etherscan_index_lag_blocks", ["chain"], "How far the index of the lists was last seen behind the head of the chain.";
    PriceValue = Gauge, "price", ["pair", "source"], "The price by this feed, NaN while it is unknown; for display, rules use the exact one.";
    PriceTime = Gauge, "price_last_success_timestamp_seconds", ["pair", "source"], "When the price was last taken.";
    PairPrice = Gauge, "pair_price", ["pair"], "The price of the pair over its fresh feeds, NaN while it is unknown; for display, rules use the exact one.";
    PairSources = Gauge, "pair_sources", ["pair"], "How many fresh feeds the price of the pair comes from; 0 while it is unknown.";
    PairSpread = Gauge, "pair_spread_ratio", ["pair"], "From the lowest to the highest fresh feed, as a part of the price; NaN while that is unknown.";
    PairTime = Gauge, "pair_last_success_timestamp_seconds", ["pair"], "When the price of the pair was last known.";
    PortfolioUsd = Gauge, "portfolio_usd", ["watch"],
        "What the watch holds of all that has a price, in US dollars; it keeps its last value while a part is unknown.";
    PortfolioTime = Gauge, "portfolio_last_success_timestamp_seconds", ["watch"],
        "When all of it was last known; 0 until it was.";
    BaseFee = Gauge, "gas_base_fee_gwei", ["chain"], "The latest base fee.";
    BaseFeeTime = Gauge, "gas_base_fee_last_success_timestamp_seconds", ["chain"], "When the base fee was last taken.";
    NextBaseFee = Gauge, "gas_next_base_fee_gwei", ["chain"], "What the next block takes at least.";
    PriorityFee = Gauge, "gas_priority_fee_gwei", ["chain", "kind"],
        "Tips of late: a tenth (low), half (usual), nine tenths (high) paid less.";
    PriorityFeeTime = Gauge, "gas_priority_fee_last_success_timestamp_seconds", ["chain"], "The time of the block that the tips are of.";
    TransferCost = Gauge, "gas_transfer_cost_coins", ["chain", "asset"],
        "What it costs to send the asset in the next block with the usual tip, without what a layer 2 charges for the layer below.";
    TransferCostDollars = Gauge, "gas_transfer_cost_usd", ["chain", "asset"], "The same in US dollars, by the latest price of the coin.";
    BalanceCoins = Gauge, "balance_coins", ["watch", "chain", "asset"],
        "What the addresses of the watch hold, in the unit of the asset; for display, rules use the exact one.";
    BalanceTime = Gauge, "balance_last_success_timestamp_seconds", ["watch", "chain", "asset"],
        "When the balance was last read; 0 until it was.";
    BalanceReads = Counter, "balance_reads_total", ["chain", "outcome"], "Balances that were asked for, by what came of them.";
    BalancesLeftOut = Gauge, "balances_left_out", [], "Balances without a series, because there are more than max_balances.";
    Payments = Gauge, "payments", ["state", "rehearsal"], "Payments by where they stand.";
    PaymentsFrozen = Gauge, "payments_frozen", [], "1 while no payment may go.";
    LimitUsed = Gauge, "payment_limit_used_ratio", ["rule", "limit"], "The part of a limit that is used, from 0 to 1.";
    PayingWalletCoins = Gauge, "paying_wallet_coins", ["asset"],
        "What the wallet at Circle that pays holds, in the unit of the asset; for display, payments ask for themselves.";
    PayingWalletTime = Gauge, "paying_wallet_last_success_timestamp_seconds", [], "When the paying wallet was last read; 0 until it was.";
    Hooks = Counter, "inbound_hooks_total", ["kind", "outcome"], "Webhooks that came in, by what became of them.";
    Commit = Histogram(COMMIT_BUCKETS), "store_commit_seconds", [], "How long commits took, with their fsync.";
    Reloads = Counter, "config_reloads_total", ["outcome"], "How often the config was read again, by what came of it.";
    ReloadTime = Gauge, "config_last_success_timestamp_seconds", [], "When the config in force was read.";
    ClockJumps = Counter, "clock_jumps_total", [], "How often the wall clock went apart from the monotonic one.";
}

impl Metric {
    /// The metric with this public name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|metric| metric.name() == name)
    }
}

/// What became of an attempt to deliver.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttemptOutcome {
    /// Acknowledged.
    Ok,
    /// To be tried again.
    Again,
    /// Given up.
    Dead,
}

impl AttemptOutcome {
    /// Every outcome.
    pub const ALL: [Self; 3] = [Self::Ok, Self::Again, Self::Dead];

    /// The value of the label `outcome`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Again => "again",
            Self::Dead => "dead",
        }
    }
}

/// What became of a call to an explorer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallOutcome {
    /// A well-formed answer, an empty one too.
    Ok,
    /// Asked to slow down.
    Limited,
    /// Said no for good: the key, the plan, the chain.
    Refused,
    /// No answer, or none that can be read.
    Failed,
}

impl CallOutcome {
    /// Every outcome.
    pub const ALL: [Self; 4] = [Self::Ok, Self::Limited, Self::Refused, Self::Failed];

    /// The value of the label `outcome`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Limited => "limited",
            Self::Refused => "refused",
            Self::Failed => "failed",
        }
    }
}

/// The value of the label `state` for messages to be delivered; the store's own word.
pub const OUTBOX_PENDING: &str = "pending";
/// The value of the label `state` for messages given up; the store's own word.
pub const OUTBOX_DEAD: &str = "dead";

/// What an explorer is called for that is no list of an address: values of the label `list`.
pub const OTHER_CALLS: [&str; 6] =
    ["eth_blockNumber", "eth_getTransactionReceipt", "balancemulti", "balance", "tokenbalance", "gasoracle"];

/// How a source is: values of the label `state`.
pub const SOURCE_STATES: [&str; 6] = ["connecting", "fresh", "stale", "backing_off", "refused", "over_budget"];

/// What became of a reload: values of the label `outcome`.
pub const RELOADS: [&str; 2] = ["ok", "refused"];

/// What became of a hook: values of the label `outcome`, the words of `sources::hooks::Verdict`.
pub const HOOK_OUTCOMES: [&str; 4] = ["taken", "noted", "refused", "later"];

/// Why a frame of a feed made no price: values of the label `reason`.
pub const DROPPED_FRAMES: [&str; 6] = ["sequence", "older", "no_time", "ahead", "stranger", "junk"];

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn names_are_unique_and_follow_the_conventions() {
        let names: BTreeSet<_> = Metric::ALL.iter().map(|metric| metric.name()).collect();
        assert_eq!(names.len(), Metric::ALL.len(), "two metrics have one name");
        for &metric in Metric::ALL {
            let name = metric.name();
            assert_eq!(Metric::from_name(name), Some(metric));
            assert_eq!(metric.kind() == MetricKind::Counter, name.ends_with("_total"), "{name}");
            assert!(metric.labels().iter().all(|label| LABELS.contains(label)), "{name}: {:?}", metric.labels());
            assert!(metric.help().ends_with('.'), "{name}: its help is a sentence");
            for unit in ["wei", "_ms", "_millis", "_minutes", "_percent"] {
                assert!(!name.ends_with(unit) || name.ends_with("gwei"), "{name} is not in a base unit");
            }
        }
    }
}
