//! What the reactor notices becomes log lines and metrics: first a pure reading, then its application.
//!
//! Levels by who is woken: ERROR a person now, WARN tomorrow, INFO a state changed, DEBUG the reason, TRACE each message. Addresses,
//! amounts and hashes never stand above DEBUG: the outbox is the record.

use super::labels::Labels;
use super::metrics::{Metrics, gwei, integer, seconds};
use super::names::{CallOutcome, Metric};
use crate::reactor::effect::Notice;
use crate::reactor::event::{SourceId, SourceState};
use crate::reactor::rows::{AlertState, PaymentState};
use crate::types::{ChainId, Name, Pair, Price, Severity, Stage, Timestamp, U256};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tracing::Level;

/// Between two summaries in the log (FACES §1).
pub const SUMMARY_EVERY: Duration = Duration::from_mins(10);

/// One change of a series.
#[derive(Debug, Clone, PartialEq)]
pub struct Update {
    /// Which metric.
    pub metric: Metric,
    /// Values of its labels, in order.
    pub labels: Vec<String>,
    /// What happens to it.
    pub change: Change,
}

/// What happens to a series.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Change {
    /// Of a counter.
    Add(u64),
    /// Of a gauge.
    Set(f64),
    /// Of a histogram.
    Record(f64),
}

/// A line for the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Who is woken.
    pub level: Level,
    /// A sentence.
    pub text: String,
}

/// What one notice comes to.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Reading {
    /// For the metrics.
    pub updates: Vec<Update>,
    /// For the log.
    pub line: Option<Line>,
}

impl Reading {
    fn say(level: Level, text: String) -> Self {
        Self { updates: Vec::new(), line: Some(Line { level, text }) }
    }

    fn with<const N: usize>(mut self, metric: Metric, labels: [&str; N], change: Change) -> Self {
        let labels = labels.iter().map(|label| (*label).to_owned()).collect();
        self.updates.push(Update { metric, labels, change });
        self
    }
}

/// Reads one notice that was committed at `at`. Pure.
#[must_use]
pub fn read(labels: &Labels, at: Timestamp, notice: &Notice) -> Reading {
    let name = |chain: ChainId| labels.chain(chain).to_string();
    match notice {
        Notice::Committed { .. }
        | Notice::Reorged { .. }
        | Notice::Reverted { .. }
        | Notice::GapFilled { .. }
        | Notice::LateTraces(..)
        | Notice::Stopped { .. }
        | Notice::Back(..)
        | Notice::Stalled(..) => read_chain(labels, notice),
        Notice::Transfer { chain, stage, suspect } => {
            read_stage(Metric::Transfers, "a transfer", &name(*chain), *stage, *suspect)
        }
        Notice::Approval { chain, stage, suspect } => {
            read_stage(Metric::Approvals, "an approval", &name(*chain), *stage, *suspect)
        }
        Notice::Alert { rule, severity, state, untold } => read_alert(rule, *severity, *state, untold.as_ref()),
        Notice::Suppressed { rule, reason } => Reading::say(
            Level::DEBUG,
            format!("\"{rule}\" matched and does not say so: {reason}"),
        )
        .with(Metric::Suppressed, [rule.as_str(), *reason], Change::Add(1)),
        Notice::Source { source, state } => read_source(labels, source, state),
        Notice::Price { pair, feed, price } => read_price(at, pair, feed, *price),
        Notice::BaseFee { chain, fee } => read_base_fee(at, &name(*chain), *fee),
        Notice::Disagrees { chain, source, transfer: _ } => {
            let chain = name(*chain);
            Reading::say(Level::WARN, format!("{source} and the authority of {chain} differ about a transfer")).with(
                Metric::Disagreements,
                [source.as_str(), "explorer", &chain],
                Change::Add(1),
            )
        }
        Notice::Viewed { chain, at } => {
            let chain = name(*chain);
            Reading::say(Level::TRACE, format!("a list of an address on {chain} was read")).with(
                Metric::ViewTime,
                [&chain],
                Change::Set(seconds(*at)),
            )
        }
        Notice::BalancesRead { .. } | Notice::BalanceFailed { .. } => read_balances(labels, notice),
        Notice::Backfilled { chain, addresses } => {
            let line = format!("the history of {addresses} addresses on {} was read to its end", name(*chain));
            Reading::say(Level::INFO, line)
        }
        Notice::Payment { payment, rule, state } => {
            let waits = matches!(state, PaymentState::Held);
            let level = if waits { Level::WARN } else { Level::INFO };
            Reading::say(level, format!("payment {payment} by \"{rule}\" is {}", state.word()))
        }
        Notice::Money { what, why } => Reading::say(Level::WARN, format!("{what}: {why}")),
        Notice::UnknownAsset { chain, asset } => {
            Reading::say(Level::DEBUG, format!("{asset:?} on {} is unknown", name(*chain)))
        }
        Notice::Clock { ahead_ms } => Reading::say(
            Level::WARN,
            format!("the wall clock is {ahead_ms} ms away from where it should be"),
        )
        .with(Metric::ClockJumps, [], Change::Add(1)),
        Notice::Ignored { chain, reason } => {
            let chain = name(*chain);
            Reading::say(Level::DEBUG, format!("a report on {chain} was left out: {reason}")).with(
                Metric::Ignored,
                [&chain, *reason],
                Change::Add(1),
            )
        }
    }
}

fn read_chain(labels: &Labels, notice: &Notice) -> Reading {
    let name = |chain: &ChainId| labels.chain(*chain).to_string();
    let set = |reading: Reading, chain: &str, tip: u64| {
        reading.with(Metric::ProcessedBlock, [chain], Change::Set(integer(tip)))
    };
    match notice {
        Notice::Committed { chain, tip, time, blocks } => {
            let chain = name(chain);
            let line = Reading::say(Level::TRACE, format!("{chain} is at block {} (+{blocks})", tip.number));
            set(line, &chain, tip.number)
                .with(Metric::ProcessedBlockTime, [&chain], Change::Set(seconds(*time)))
                .with(Metric::Stalled, [&chain], Change::Set(0.0))
                .with(Metric::Stopped, [&chain], Change::Set(0.0))
        }
        Notice::Reorged { chain, depth, tip } | Notice::Reverted { chain, depth, tip } => {
            let chain = name(chain);
            let (level, line) = if matches!(notice, Notice::Reorged { .. }) {
                let line = format!("reorg on {chain}: {depth} blocks were taken back, the tip is now {}", tip.number);
                (Level::INFO, line)
            } else {
                let line = format!("{chain} went back by {depth} blocks without new ones, to block {}", tip.number);
                (Level::WARN, line)
            };
            let depth = Change::Record(integer(*depth));
            set(Reading::say(level, line), &chain, tip.number).with(Metric::ReorgDepth, [&chain], depth)
        }
        Notice::GapFilled { chain, from, to, left } => {
            let chain = name(chain);
            let (level, rest) =
                if *left == 0 { (Level::INFO, String::new()) } else { (Level::DEBUG, format!(", {left} are left")) };
            Reading::say(level, format!("blocks {from} to {to} of a gap on {chain} were read{rest}"))
                .with(Metric::GapBlocks, [&chain], Change::Set(integer(*left)))
                .with(Metric::GapFilled, [&chain], Change::Add(to.saturating_sub(*from) + 1))
        }
        Notice::LateTraces(chain, block, true) => Reading::say(
            Level::INFO,
            format!("the traces of block {block} of {} came late and are told now", name(chain)),
        ),
        Notice::LateTraces(chain, block, false) => {
            let chain = name(chain);
            let line =
                format!("block {block} of {chain} is final and was never traced: coin moved inside it was not seen");
            Reading::say(Level::WARN, line).with(Metric::NeverTraced, [&chain], Change::Add(1))
        }
        Notice::Stopped { chain, reason } => {
            let chain = name(chain);
            let line = format!("{chain} is stopped: {reason}; to go on: walletwatch chain accept {chain}");
            Reading::say(Level::ERROR, line).with(Metric::Stopped, [&chain], Change::Set(1.0))
        }
        Notice::Stalled(chain) => {
            let chain = name(chain);
            let line = format!("{chain} does not move, though its endpoints answer");
            Reading::say(Level::WARN, line).with(Metric::Stalled, [&chain], Change::Set(1.0))
        }
        Notice::Back(..)
        | Notice::Transfer { .. }
        | Notice::Approval { .. }
        | Notice::Alert { .. }
        | Notice::Suppressed { .. }
        | Notice::Source { .. }
        | Notice::Price { .. }
        | Notice::BaseFee { .. }
        | Notice::Disagrees { .. }
        | Notice::Viewed { .. }
        | Notice::BalancesRead { .. }
        | Notice::BalanceFailed { .. }
        | Notice::Backfilled { .. }
        | Notice::Payment { .. }
        | Notice::Money { .. }
        | Notice::UnknownAsset { .. }
        | Notice::Clock { .. }
        | Notice::Ignored { .. } => Reading::default(),
    }
}

fn read_balances(labels: &Labels, notice: &Notice) -> Reading {
    if let Notice::BalancesRead { chain, read } = notice {
        let chain = labels.chain(*chain).to_string();
        let (outcome, by) = (CallOutcome::Ok.word(), Change::Add(*read));
        return Reading::say(Level::TRACE, format!("{read} balances on {chain} were read")).with(
            Metric::BalanceReads,
            [&chain, outcome],
            by,
        );
    }
    let Notice::BalanceFailed { chain, watch, asset, reason, first } = notice else { return Reading::default() };
    let symbol = labels.asset(*chain, *asset).map_or_else(|| Name::from("a token"), |(symbol, _)| symbol.clone());
    let chain = labels.chain(*chain).to_string();
    let (level, why) = (if *first { Level::WARN } else { Level::DEBUG }, reason.word().replace('_', " "));
    Reading::say(level, format!("what {watch} holds of {symbol} on {chain} cannot be read: {why}")).with(
        Metric::BalanceReads,
        [&chain, reason.word()],
        Change::Add(1),
    )
}

fn read_stage(metric: Metric, what: &str, chain: &str, stage: Stage, suspect: bool) -> Reading {
    let marked = if suspect { "true" } else { "false" };
    let line = format!("{what} on {chain} is {}", stage.word());
    Reading::say(Level::DEBUG, line).with(metric, [chain, stage.word(), marked], Change::Add(1))
}

fn read_alert(rule: &Name, severity: Severity, state: AlertState, untold: Option<&Name>) -> Reading {
    // That more was said about it is no change of what stands.
    let level = if state == AlertState::Updated { Level::DEBUG } else { Level::INFO };
    let (severity, state) = (severity.word(), state.word());
    let told = untold.map_or_else(String::new, |why| format!(", told to nobody: {why}"));
    Reading::say(level, format!("alert {state} by \"{rule}\" ({severity}){told}")).with(
        Metric::Alerts,
        [rule.as_str(), severity, state],
        Change::Add(1),
    )
}

fn read_price(at: Timestamp, pair: &Pair, feed: &Name, price: Price) -> Reading {
    Reading::say(Level::TRACE, format!("{pair} by {feed}: {price}")).with(
        Metric::PriceTime,
        [pair.as_str(), feed.as_str()],
        Change::Set(seconds(at)),
    )
}

fn read_base_fee(at: Timestamp, chain: &str, fee: U256) -> Reading {
    Reading::say(Level::TRACE, format!("base fee on {chain}: {fee} wei"))
        .with(Metric::BaseFee, [chain], Change::Set(gwei(fee)))
        .with(Metric::BaseFeeTime, [chain], Change::Set(seconds(at)))
}

fn read_source(labels: &Labels, source: &SourceId, state: &SourceState) -> Reading {
    let chain = source.chain.map(|chain| labels.chain(chain).to_string()).unwrap_or_default();
    let place = if chain.is_empty() { String::new() } else { format!(" on {chain}") };
    let who = format!("{} {}{place}", source.kind.word(), source.name);
    let (level, text, up) = match state {
        SourceState::Connecting => (Level::DEBUG, format!("{who} is connecting"), false),
        SourceState::Fresh => (Level::INFO, format!("{who} answers"), true),
        SourceState::Stale => (Level::WARN, format!("{who} is connected and silent"), false),
        SourceState::BackingOff(reason) => (Level::WARN, format!("{who} failed and is tried again: {reason}"), false),
        SourceState::Refused(reason) => (Level::WARN, format!("{who} refuses: {reason}"), false),
        SourceState::OverBudget(until) => (Level::WARN, format!("{who} has used up its budget until {until}"), false),
    };
    let up = Change::Set(if up { 1.0 } else { 0.0 });
    Reading::say(level, text).with(Metric::SourceUp, [source.name.as_str(), source.kind.word(), &chain], up)
}

/// What is said of a source is said once for each change, however often it repeats itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    Fresh,
    Stale,
    Failing,
    Refused,
    OverBudget,
}

impl Standing {
    fn of(state: &SourceState) -> Option<Self> {
        match state {
            SourceState::Connecting => None,
            SourceState::Fresh => Some(Self::Fresh),
            SourceState::Stale => Some(Self::Stale),
            SourceState::BackingOff(_) => Some(Self::Failing),
            SourceState::Refused(_) => Some(Self::Refused),
            SourceState::OverBudget(_) => Some(Self::OverBudget),
        }
    }
}

/// What happened since the last summary.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Summary {
    /// Blocks that were processed, those of gaps included.
    pub blocks: u64,
    /// Transfers that were seen.
    pub transfers: u64,
    /// Alerts that were raised.
    pub alerts: u64,
    /// Alerts that were taken back.
    pub retracted: u64,
    /// Reorgs.
    pub reorgs: u64,
    /// Reports that were left out.
    pub ignored: u64,
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { blocks, transfers, alerts, retracted, reorgs, ignored } = self;
        write!(f, "{blocks} blocks, {transfers} transfers, {alerts} alerts, {retracted} taken back, {reorgs} reorgs")?;
        if *ignored > 0 {
            write!(f, ", {ignored} reports left out")?;
        }
        Ok(())
    }
}

/// Turns notices into log lines and metrics, and keeps what a summary counts.
#[derive(Debug)]
pub struct Observer {
    labels: Arc<Labels>,
    metrics: Metrics,
    standing: BTreeMap<SourceId, Standing>,
    ignored: BTreeSet<(ChainId, &'static str)>,
    summary: Summary,
}

impl Observer {
    /// With every series of this config registered.
    #[must_use]
    pub fn new(labels: Arc<Labels>, metrics: Metrics) -> Self {
        metrics.register(&labels);
        let (standing, ignored) = (BTreeMap::new(), BTreeSet::new());
        Self { labels, metrics, standing, ignored, summary: Summary::default() }
    }

    /// After a reload.
    pub fn relabel(&mut self, labels: Arc<Labels>) {
        self.metrics.register(&labels);
        self.labels = labels;
    }

    /// Logs and counts one notice that was committed at `at`.
    pub fn observe(&mut self, at: Timestamp, notice: &Notice) {
        let mut reading = read(&self.labels, at, notice);
        if let Some(line) = &mut reading.line {
            line.level = self.level(line.level, notice);
            log(line);
        }
        self.count(notice);
        for Update { metric, labels, change } in &reading.updates {
            let labels: Vec<&str> = labels.iter().map(String::as_str).collect();
            match change {
                Change::Add(by) => self.metrics.add(*metric, &labels, *by),
                Change::Set(value) => self.metrics.set(*metric, &labels, *value),
                Change::Record(value) => self.metrics.record(*metric, &labels, *value),
            }
        }
    }

    /// The level of a line in the light of what was said before.
    fn level(&mut self, level: Level, notice: &Notice) -> Level {
        if let Notice::Source { source, state } = notice
            && let Some(now) = Standing::of(state)
            && self.standing.insert(source.clone(), now) == Some(now)
        {
            return Level::DEBUG;
        }
        if let Notice::Ignored { chain, reason } = notice
            && self.ignored.insert((*chain, reason))
        {
            return Level::WARN;
        }
        level
    }

    fn count(&mut self, notice: &Notice) {
        let sum = &mut self.summary;
        if let Notice::Committed { blocks, .. } = notice {
            sum.blocks += blocks;
        } else if let Notice::GapFilled { from, to, .. } = notice {
            sum.blocks += to.saturating_sub(*from) + 1;
        } else if let Notice::Transfer { stage: Stage::Seen, .. } = notice {
            sum.transfers += 1;
        } else if let Notice::Alert { state: AlertState::Raised, .. } = notice {
            sum.alerts += 1;
        } else if let Notice::Alert { state: AlertState::Retracted, .. } = notice {
            sum.retracted += 1;
        } else if let Notice::Reorged { .. } | Notice::Reverted { .. } = notice {
            sum.reorgs += 1;
        } else if let Notice::Ignored { .. } = notice {
            sum.ignored += 1;
        }
    }

    /// What happened since the last one; begins anew. `app` logs it every [`SUMMARY_EVERY`].
    pub fn summary(&mut self) -> Summary {
        std::mem::take(&mut self.summary)
    }
}

/// tracing wants levels as constants.
fn log(line: &Line) {
    let text = &line.text;
    match line.level {
        Level::ERROR => tracing::error!("{text}"),
        Level::WARN => tracing::warn!("{text}"),
        Level::INFO => tracing::info!("{text}"),
        Level::DEBUG => tracing::debug!("{text}"),
        Level::TRACE => tracing::trace!("{text}"),
    }
}

#[cfg(test)]
#[path = "tests_observe.rs"]
mod tests;
