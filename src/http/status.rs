//! `/api/v1/status`: how everything stands, a line each.

use super::balances::{self, BalancesLine};
use super::bodies::state;
use super::gas::{GasItem, gwei};
use super::payment_body::FileItem;
use crate::reactor::event::SourceId;
use crate::telemetry::snapshot::{BudgetStatus, Outage};
use crate::telemetry::{Snapshot, unready};
use crate::types::{Kind, Name, Timestamp};
use serde::Serialize;
use std::collections::BTreeMap;
use utoipa::ToSchema;

#[derive(Serialize, ToSchema)]
pub(super) struct Status {
    pub time: String,
    pub simulated: bool,
    pub ready: bool,
    /// Why not.
    pub unready: Vec<String>,
    /// Whether anything is blind: a source, or a chain that is stopped.
    pub blind: bool,
    pub sources: Vec<SourceItem>,
    pub chains: Vec<ChainItem>,
    pub sinks: Vec<SinkItem>,
    pub rules: Vec<RuleItem>,
    /// Feed by feed.
    pub prices: Vec<PriceItem>,
    /// Over all fresh feeds of each.
    pub pairs: Vec<PairItem>,
    /// What each watch is worth.
    pub portfolios: Vec<PortfolioItem>,
    pub balances: BalancesLine,
    pub explorers: Vec<BudgetItem>,
    pub payments: PaymentsItem,
}

#[derive(Serialize, ToSchema)]
pub(super) struct SourceItem {
    pub source: String,
    pub kind: &'static str,
    pub chain: Option<String>,
    pub state: &'static str,
    pub detail: Option<String>,
    pub last_event: Option<String>,
    pub blind_since: Option<String>,
    /// When it last was blind, since the process began.
    pub last_outage: Option<OutageItem>,
    pub required: bool,
}

#[derive(Serialize, ToSchema)]
pub(super) struct OutageItem {
    pub since: String,
    pub until: String,
    /// Of a chain: the blocks that were mined meanwhile.
    pub from_block: Option<u64>,
    pub to_block: Option<u64>,
}

#[derive(Serialize, ToSchema)]
pub(super) struct ChainItem {
    pub chain: String,
    pub chain_id: u64,
    pub block: Option<u64>,
    pub block_time: Option<String>,
    pub head: Option<u64>,
    pub lag_blocks: Option<u64>,
    pub gap_blocks: u64,
    /// Blocks that were told without coin moved inside their transactions, because their traces did not come so far: how many, the
    /// lowest and the highest.
    pub untraced_blocks: u64,
    pub untraced_from: Option<u64>,
    pub untraced_to: Option<u64>,
    /// The most blocks of history that any address still lacks, and how many addresses lack some.
    pub backfill_blocks: u64,
    pub backfill_addresses: u64,
    pub stalled: bool,
    pub stopped: Option<String>,
    pub blind_since: Option<String>,
    pub last_outage: Option<OutageItem>,
    pub taken_over_since: Option<String>,
    /// Who vouches now for coin, internal movements and tokens; `null` is nobody.
    pub authority: BTreeMap<&'static str, Option<String>>,
    pub required: bool,
    pub base_fee_gwei: Option<String>,
    pub gas: GasItem,
    pub view_age_seconds: Option<u64>,
    pub view_age_promised_seconds: Option<u64>,
    /// By how many blocks the explorer's index was last seen behind the chain.
    pub index_lag_blocks: Option<u64>,
    pub index_lag_seen: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub(super) struct SinkItem {
    pub sink: String,
    pub pending: u64,
    pub dead: u64,
    pub oldest_pending: Option<String>,
    pub failing_since: Option<String>,
    /// Why the last attempt failed, while nothing gets through.
    pub last_error: Option<String>,
    /// When something that waits is next tried.
    pub next_try: Option<String>,
    pub disabled: bool,
}

#[derive(Serialize, ToSchema)]
pub(super) struct RuleItem {
    pub rule: String,
    pub severity: &'static str,
    pub crossed: Option<bool>,
    /// When a rule on a level last spoke; null of one on transfers or approvals, whose alerts tell.
    pub spoke_at: Option<String>,
    /// Chains on which no source can feed it in full and in time.
    pub uncovered: Vec<String>,
}

#[derive(Serialize, ToSchema)]
pub(super) struct PriceItem {
    pub pair: String,
    pub source: String,
    pub price: String,
    pub as_of: String,
}

/// Null while no feed has a fresh price of it.
#[derive(Serialize, ToSchema)]
pub(super) struct PairItem {
    pub pair: String,
    pub price: Option<String>,
    pub source: Option<String>,
    pub sources: u32,
    pub spread_percent: Option<String>,
    pub as_of: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub(super) struct PortfolioItem {
    pub watch: String,
    /// Null while a balance or a price of it is not known.
    pub usd: Option<String>,
    pub as_of: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub(super) struct BudgetItem {
    pub source: String,
    pub calls_left: u64,
    pub calls_per_day: u64,
}

#[derive(Serialize, ToSchema)]
pub(super) struct PaymentsItem {
    pub frozen: bool,
    /// The file beside the config that stops this process; null where there is none.
    pub freeze_file: Option<FileItem>,
    pub rehearsals: BTreeMap<&'static str, u64>,
    pub live: BTreeMap<&'static str, u64>,
}

/// How everything stands at `now`.
pub(super) fn status(snapshot: &Snapshot, now: Timestamp) -> Status {
    let reasons: Vec<_> = unready(snapshot).iter().map(ToString::to_string).collect();
    let blind = snapshot.sources.iter().any(|source| source.blind_since.is_some())
        || snapshot.chains.iter().any(|chain| chain.blind_since.is_some() || chain.stopped.is_some());
    let payments = &snapshot.payments;
    Status {
        time: now.to_string(),
        simulated: snapshot.simulated,
        ready: reasons.is_empty(),
        unready: reasons,
        blind,
        sources: sources(snapshot),
        chains: chains(snapshot, now),
        sinks: sinks(snapshot),
        rules: rules(snapshot),
        prices: prices(snapshot),
        pairs: pairs(snapshot),
        portfolios: portfolios(snapshot),
        balances: balances::line(snapshot),
        explorers: snapshot.budgets.iter().map(budget).collect(),
        payments: PaymentsItem {
            frozen: payments.frozen,
            freeze_file: payments.file.as_ref().map(FileItem::of),
            rehearsals: payments.rehearsals.iter().map(|(state, count)| (state.word(), *count)).collect(),
            live: payments.live.iter().map(|(state, count)| (state.word(), *count)).collect(),
        },
    }
}

fn budget((source, budget): (&Name, &BudgetStatus)) -> BudgetItem {
    BudgetItem { source: source.to_string(), calls_left: budget.left, calls_per_day: budget.of }
}

fn time(at: Option<Timestamp>) -> Option<String> {
    at.map(|at| at.to_string())
}

fn outage(outage: Outage) -> OutageItem {
    OutageItem {
        since: outage.since.to_string(),
        until: outage.until.to_string(),
        from_block: outage.gap.map(|(from, _)| from),
        to_block: outage.gap.map(|(_, to)| to),
    }
}

fn sources(snapshot: &Snapshot) -> Vec<SourceItem> {
    let item = |source: &crate::telemetry::snapshot::SourceStatus| {
        let (state, detail) = state(&source.state);
        SourceItem {
            source: source.id.name.to_string(),
            kind: source.id.kind.word(),
            chain: source.id.chain.map(|chain| snapshot.labels.chain(chain).to_string()),
            state,
            detail,
            last_event: time(source.last_event),
            blind_since: time(source.blind_since),
            last_outage: source.last_outage.map(outage),
            required: source.required,
        }
    };
    snapshot.sources.iter().map(item).collect()
}

/// A source in a few letters: `rpc main`, `explorer etherscan`.
fn who(source: Option<&SourceId>) -> Option<String> {
    source.map(|source| format!("{} {}", source.kind.word(), source.name))
}

fn chains(snapshot: &Snapshot, now: Timestamp) -> Vec<ChainItem> {
    let item = |chain: &crate::telemetry::snapshot::ChainStatus| ChainItem {
        chain: snapshot.labels.chain(chain.id).to_string(),
        chain_id: chain.id.0,
        block: chain.tip.map(|(block, _)| block),
        block_time: time(chain.tip.map(|(_, at)| at)),
        head: chain.head,
        lag_blocks: chain.head.zip(chain.tip).map(|(head, (tip, _))| head.saturating_sub(tip)),
        gap_blocks: chain.gap_blocks,
        untraced_blocks: chain.untraced.map_or(0, |(blocks, _, _)| blocks),
        untraced_from: chain.untraced.map(|(_, from, _)| from),
        untraced_to: chain.untraced.map(|(_, _, to)| to),
        backfill_blocks: chain.backfill_blocks,
        backfill_addresses: chain.backfill_addresses,
        stalled: chain.stalled,
        stopped: chain.stopped.as_ref().map(Name::to_string),
        blind_since: time(chain.blind_since),
        last_outage: chain.last_outage.map(outage),
        taken_over_since: time(chain.taken_over_since),
        authority: [Kind::Coin, Kind::Internal, Kind::Token]
            .map(|kind| (kind.word(), who(chain.authority.get(&kind))))
            .into(),
        required: chain.required,
        base_fee_gwei: chain.gas.base.map(gwei),
        gas: GasItem::of(&chain.gas, snapshot.labels.chains.get(&chain.id).map_or(18, |chain| chain.decimals)),
        view_age_seconds: chain.oldest_view.map(|read| now.since(read).as_secs()),
        view_age_promised_seconds: chain.view_promised.map(|promised| promised.as_secs()),
        index_lag_blocks: chain.index_lag.map(|(lag, _)| lag),
        index_lag_seen: time(chain.index_lag.map(|(_, seen)| seen)),
    };
    snapshot.chains.iter().map(item).collect()
}

fn sinks(snapshot: &Snapshot) -> Vec<SinkItem> {
    let item = |sink: &crate::telemetry::snapshot::SinkStatus| SinkItem {
        sink: sink.name.to_string(),
        pending: sink.pending,
        dead: sink.dead,
        oldest_pending: time(sink.oldest_pending),
        failing_since: time(sink.failing_since),
        last_error: sink.last_error.as_ref().map(ToString::to_string),
        next_try: time(sink.next_try),
        disabled: sink.disabled,
    };
    snapshot.sinks.iter().map(item).collect()
}

fn rules(snapshot: &Snapshot) -> Vec<RuleItem> {
    let item = |rule: &crate::telemetry::snapshot::RuleStatus| RuleItem {
        rule: rule.name.to_string(),
        severity: rule.severity.word(),
        crossed: rule.crossed,
        spoke_at: time(rule.spoke_at),
        uncovered: rule
            .covered
            .iter()
            .filter(|(_, covered)| !**covered)
            .map(|(chain, _)| snapshot.labels.chain(*chain).to_string())
            .collect(),
    };
    snapshot.rules.iter().map(item).collect()
}

fn prices(snapshot: &Snapshot) -> Vec<PriceItem> {
    let item = |price: &crate::telemetry::snapshot::PriceStatus| PriceItem {
        pair: price.pair.to_string(),
        source: price.feed.to_string(),
        price: price.price.to_string(),
        as_of: price.as_of.to_string(),
    };
    snapshot.prices.iter().map(item).collect()
}

fn pairs(snapshot: &Snapshot) -> Vec<PairItem> {
    let item = |status: &crate::telemetry::worth::PairStatus| {
        let quote = status.quote.as_ref();
        PairItem {
            pair: status.pair.to_string(),
            price: quote.map(|quote| quote.price.to_string()),
            source: quote.map(|quote| quote.source.to_string()),
            sources: quote.map_or(0, |quote| quote.sources),
            spread_percent: quote.map(|quote| quote.spread.to_string()),
            as_of: quote.map(|quote| quote.as_of.to_string()),
        }
    };
    snapshot.pairs.iter().map(item).collect()
}

fn portfolios(snapshot: &Snapshot) -> Vec<PortfolioItem> {
    let item = |portfolio: &crate::telemetry::worth::Portfolio| PortfolioItem {
        watch: portfolio.watch.to_string(),
        usd: portfolio.value.map(|value| value.to_string()),
        as_of: time(portfolio.as_of),
    };
    snapshot.portfolios.iter().map(item).collect()
}
