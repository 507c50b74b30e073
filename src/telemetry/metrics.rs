//! The series: registered at 0 for everything that is configured, changed by notices and by how things stand, rendered as text.
//!
//! No global recorder: whoever changes a series holds the [`Metrics`] it was given. Values are floats because Prometheus has no other;
//! nothing is computed with them, and no rule or payment reads them.

use super::balances::BalancesStatus;
use super::gas::KINDS as TIPS;
use super::health::unready;
use super::labels::Labels;
use super::names::{
    AttemptOutcome, CallOutcome, DROPPED_FRAMES, Metric, MetricKind, OTHER_CALLS, OUTBOX_DEAD, OUTBOX_PENDING, RELOADS,
    SOURCE_STATES,
};
use super::retired::Retired;
use super::snapshot::{Limit, Snapshot};
use crate::reactor::effect::MessageKind;
use crate::reactor::event::{List, NoBalance, NoPrice, SourceId, SourceKind, SourceState};
use crate::reactor::rows::{AlertState, PaymentState};
use crate::types::amount::format_amount;
use crate::types::{ChainId, Severity, Stage, Timestamp, U256};
use metrics::{Key, KeyName, Label, Level, Metadata, Recorder, Unit};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle, PrometheusRecorder};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

/// Between two runs of upkeep: the exporter's own choice. Without it samples of histograms pile up in memory.
pub const UPKEEP_EVERY: Duration = Duration::from_secs(5);
/// Wei in a gwei, as decimals.
const GWEI_DECIMALS: u8 = 9;

static METADATA: Metadata<'static> = Metadata::new("walletwatch", Level::INFO, Some("walletwatch"));

/// Every series. Cheap to clone.
#[derive(Clone)]
pub struct Metrics {
    recorder: Arc<PrometheusRecorder>,
    handle: PrometheusHandle,
    process: Arc<metrics_process::Collector>,
    retired: Arc<RwLock<Retired>>,
}

impl std::fmt::Debug for Metrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// Every metric described, and the ones without labels at 0.
    ///
    /// # Panics
    /// Never: the bounds of every histogram are constants that are not empty, which a test reads through.
    #[must_use]
    pub fn new() -> Self {
        let mut builder = PrometheusBuilder::new().with_recommended_naming(true);
        for metric in Metric::ALL {
            if let MetricKind::Histogram(bounds) = metric.kind() {
                // The matcher sees the name as it is registered; our names carry their unit already.
                builder = builder
                    .set_buckets_for_metric(Matcher::Full(metric.name().to_owned()), bounds)
                    .expect("the bounds of a histogram are not empty");
            }
        }
        let recorder = Arc::new(builder.build_recorder());
        let metrics = Self { handle: recorder.handle(), recorder, process: Arc::default(), retired: Arc::default() };
        metrics::with_local_recorder(&*metrics.recorder, || metrics.process.describe());
        for &metric in Metric::ALL {
            metrics.describe(metric);
            if metric.labels().is_empty() {
                metrics.touch(metric, &[]);
            }
        }
        metrics
    }

    fn describe(&self, metric: Metric) {
        let name = KeyName::from_const_str(metric.name());
        let unit = Some(if metric.name().ends_with("_seconds") { Unit::Seconds } else { Unit::Count });
        match metric.kind() {
            MetricKind::Counter => self.recorder.describe_counter(name, unit, metric.help().into()),
            MetricKind::Gauge => self.recorder.describe_gauge(name, unit, metric.help().into()),
            MetricKind::Histogram(_) => self.recorder.describe_histogram(name, unit, metric.help().into()),
        }
    }

    /// Makes every series of this config exist. What exists keeps its value.
    pub fn register(&self, labels: &Labels) {
        for chain in labels.chains.values() {
            self.register_chain(chain.name.as_str(), chain.stale_after);
        }
        for source in &labels.sources {
            self.register_source(labels, source);
        }
        for sink in &labels.sinks {
            let sink = sink.as_str();
            for state in [OUTBOX_PENDING, OUTBOX_DEAD] {
                self.touch(Metric::Outbox, &[sink, state]);
            }
            for outcome in AttemptOutcome::ALL {
                self.touch(Metric::Attempts, &[sink, outcome.word()]);
            }
            for metric in [Metric::OldestPending, Metric::SinkDisabled, Metric::TemplateFailures, Metric::Latency] {
                self.touch(metric, &[sink]);
            }
        }
        for (rule, severity, chains) in &labels.rules {
            self.register_alerts(rule.as_str(), *severity);
            for chain in chains {
                self.touch(Metric::RuleCovered, &[rule.as_str(), labels.chain(*chain).as_str()]);
            }
        }
        for outcome in RELOADS {
            self.touch(Metric::Reloads, &[outcome]);
        }
        for (rule, severity) in built_in() {
            self.register_alerts(rule, severity);
        }
        for (pair, feed) in &labels.prices {
            for metric in [Metric::PairSources, Metric::PairTime] {
                self.touch(metric, &[pair.as_str()]);
            }
            // Nought is no price: until one is shown it is not known.
            for metric in [Metric::PairPrice, Metric::PairSpread] {
                self.set(metric, &[pair.as_str()], f64::NAN);
            }
            self.set(Metric::PriceValue, &[pair.as_str(), feed.as_str()], f64::NAN);
            self.touch(Metric::PriceTime, &[pair.as_str(), feed.as_str()]);
        }
        for state in PaymentState::ALL {
            for rehearsal in ["true", "false"] {
                self.touch(Metric::Payments, &[state.word(), rehearsal]);
            }
        }
        for (rule, _) in &labels.paying {
            for limit in Limit::ALL {
                self.touch(Metric::LimitUsed, &[rule.as_str(), limit.word()]);
            }
        }
    }

    fn register_chain(&self, chain: &str, stale_after: Duration) {
        let plain = [
            Metric::ProcessedBlock,
            Metric::ProcessedBlockTime,
            Metric::GapBlocks,
            Metric::GapFilled,
            Metric::BackfillBlocks,
            Metric::BackfillAddresses,
            Metric::UntracedBlocks,
            Metric::AwaitingTraces,
            Metric::NeverTraced,
            Metric::Stalled,
            Metric::Stopped,
            Metric::ReorgDepth,
            Metric::BaseFee,
            Metric::BaseFeeTime,
            Metric::NextBaseFee,
            Metric::PriorityFeeTime,
        ];
        for metric in plain {
            self.touch(metric, &[chain]);
        }
        for kind in TIPS {
            self.touch(Metric::PriorityFee, &[chain, kind]);
        }
        self.set(Metric::StaleAfter, &[chain], stale_after.as_secs_f64());
        for outcome in NoBalance::ALL.map(NoBalance::word).into_iter().chain([CallOutcome::Ok.word()]) {
            self.touch(Metric::BalanceReads, &[chain, outcome]);
        }
        for stage in Stage::ALL {
            for suspect in ["true", "false"] {
                self.touch(Metric::Transfers, &[chain, stage.word(), suspect]);
                self.touch(Metric::Approvals, &[chain, stage.word(), suspect]);
            }
        }
    }

    fn register_source(&self, labels: &Labels, source: &SourceId) {
        let values = source_values(labels, source);
        let values = [values[0].as_str(), values[1].as_str(), values[2].as_str()];
        for metric in [Metric::SourceUp, Metric::SourceBlindSince, Metric::SourceLastEvent, Metric::QueueDropped] {
            self.touch(metric, &values);
        }
        for state in SOURCE_STATES {
            self.touch(Metric::SourceState, &[values[0], values[1], values[2], state]);
        }
        if source.kind == SourceKind::Feed {
            self.register_feed(labels, values[0]);
        }
        if source.kind == SourceKind::Explorer {
            let chain = values[2];
            self.touch(Metric::Disagreements, &values);
            self.touch(Metric::EtherscanBudget, &[values[0]]);
            for metric in [Metric::ViewAge, Metric::ViewAgePromised, Metric::ViewTime, Metric::IndexLag] {
                self.touch(metric, &[chain]);
            }
            for list in List::ALL {
                self.touch(Metric::UnreadRows, &[chain, list.word()]);
            }
            for list in List::ALL.iter().map(|list| list.word()).chain(OTHER_CALLS) {
                for outcome in CallOutcome::ALL {
                    self.touch(Metric::EtherscanRequests, &[chain, list, outcome.word()]);
                }
            }
        }
    }

    /// Reasons for which a feed's frames make no price, or a pair has none.
    fn register_feed(&self, labels: &Labels, feed: &str) {
        for reason in DROPPED_FRAMES {
            self.touch(Metric::FramesDropped, &[feed, reason]);
        }
        for (pair, _) in labels.prices.iter().filter(|(_, of)| of.as_str() == feed) {
            for reason in NoPrice::ALL.map(NoPrice::label) {
                self.touch(Metric::PairSilent, &[feed, pair.as_str(), reason]);
            }
        }
    }

    fn register_alerts(&self, rule: &str, severity: Severity) {
        for state in AlertState::ALL {
            self.touch(Metric::Alerts, &[rule, severity.word(), state.word()]);
        }
    }

    /// Makes the reconnect series of a socket exist, for each of these reasons (`net`'s closed list of words).
    pub fn register_socket(&self, labels: &Labels, source: &SourceId, reasons: &[&'static str]) {
        for reason in reasons {
            self.add_source(Metric::SocketReconnects, labels, source, Some(reason), 0);
        }
    }

    /// Counts something of a source; `reason` for metrics that have it as their last label.
    pub fn add_source(
        &self,
        metric: Metric,
        labels: &Labels,
        source: &SourceId,
        reason: Option<&'static str>,
        by: u64,
    ) {
        let values = source_values(labels, source);
        let values: Vec<&str> = values.iter().map(String::as_str).chain(reason).collect();
        self.add(metric, &values, by);
    }

    /// Counts one attempt to deliver; an acknowledged one with how long it is since its block, where it has one.
    pub fn attempt(&self, sink: &str, outcome: AttemptOutcome, since_block: Option<Duration>) {
        self.add(Metric::Attempts, &[sink, outcome.word()], 1);
        if let (AttemptOutcome::Ok, Some(latency)) = (outcome, since_block) {
            self.record(Metric::Latency, &[sink], latency.as_secs_f64());
        }
    }

    /// Counts one call to an explorer; `call` is a [`List`]'s word or one of [`OTHER_CALLS`].
    pub fn explorer_call(&self, labels: &Labels, chain: ChainId, call: &'static str, outcome: CallOutcome) {
        self.add(Metric::EtherscanRequests, &[labels.chain(chain).as_str(), call, outcome.word()], 1);
    }

    /// Adds to a counter. `labels` are values in the order of [`Metric::labels`].
    pub fn add(&self, metric: Metric, labels: &[&str], by: u64) {
        self.recorder.register_counter(&key(metric, labels), &METADATA).increment(by);
    }

    /// Sets a gauge.
    pub fn set(&self, metric: Metric, labels: &[&str], value: f64) {
        self.recorder.register_gauge(&key(metric, labels), &METADATA).set(value);
    }

    /// Adds a sample to a histogram.
    pub fn record(&self, metric: Metric, labels: &[&str], value: f64) {
        self.recorder.register_histogram(&key(metric, labels), &METADATA).record(value);
    }

    pub(super) fn touch(&self, metric: Metric, labels: &[&str]) {
        match metric.kind() {
            MetricKind::Counter => self.add(metric, labels, 0),
            // A gauge that exists keeps its value: this only makes the series.
            MetricKind::Gauge => self.recorder.register_gauge(&key(metric, labels), &METADATA).increment(0.0),
            MetricKind::Histogram(_) => {
                drop(self.recorder.register_histogram(&key(metric, labels), &METADATA));
            }
        }
    }

    /// Sets every gauge that follows from how things stand at `now`.
    pub fn show(&self, snapshot: &Snapshot, now: Timestamp) {
        let labels = &*snapshot.labels;
        self.set(Metric::Ready, &[], flag(unready(snapshot).is_empty()));
        for source in &snapshot.sources {
            let values = source_values(labels, &source.id);
            let values = [values[0].as_str(), values[1].as_str(), values[2].as_str()];
            self.set(Metric::SourceUp, &values, flag(source.state == SourceState::Fresh));
            for state in SOURCE_STATES {
                let [name, kind, chain] = values;
                self.set(Metric::SourceState, &[name, kind, chain, state], flag(source.state.word() == state));
            }
            self.set(Metric::SourceBlindSince, &values, source.blind_since.map_or(0.0, seconds));
            if let Some(at) = source.last_event {
                self.set(Metric::SourceLastEvent, &values, seconds(at));
            }
        }
        for chain in &snapshot.chains {
            let name = labels.chain(chain.id);
            let of = [name.as_str()];
            if let Some((block, time)) = chain.tip {
                self.set(Metric::ProcessedBlock, &of, integer(block));
                self.set(Metric::ProcessedBlockTime, &of, seconds(time));
            }
            self.set(Metric::GapBlocks, &of, integer(chain.gap_blocks));
            self.set(Metric::AwaitingTraces, &of, integer(chain.untraced.map_or(0, |(blocks, _, _)| blocks)));
            self.set(Metric::BackfillBlocks, &of, integer(chain.backfill_blocks));
            self.set(Metric::BackfillAddresses, &of, integer(chain.backfill_addresses));
            self.set(Metric::Stalled, &of, flag(chain.stalled));
            self.set(Metric::Stopped, &of, flag(chain.stopped.is_some()));
            self.show_gas(&chain.gas, name.as_str(), labels.chains.get(&chain.id).map_or(18, |chain| chain.decimals));
            if let Some(read) = chain.oldest_view {
                self.set(Metric::ViewAge, &of, now.since(read).as_secs_f64());
            }
            if let Some(promised) = chain.view_promised {
                self.set(Metric::ViewAgePromised, &of, promised.as_secs_f64());
            }
            if let Some((lag, _)) = chain.index_lag {
                self.set(Metric::IndexLag, &of, integer(lag));
            }
        }
        for sink in &snapshot.sinks {
            let name = sink.name.as_str();
            self.set(Metric::Outbox, &[name, OUTBOX_PENDING], integer(sink.pending));
            self.set(Metric::Outbox, &[name, OUTBOX_DEAD], integer(sink.dead));
            let age = sink.oldest_pending.map_or(0.0, |made| now.since(made).as_secs_f64());
            self.set(Metric::OldestPending, &[name], age);
            self.set(Metric::SinkDisabled, &[name], flag(sink.disabled));
        }
        for rule in &snapshot.rules {
            for (chain, covered) in &rule.covered {
                self.set(Metric::RuleCovered, &[rule.name.as_str(), labels.chain(*chain).as_str()], flag(*covered));
            }
        }
        self.show_worth(snapshot, now);
        for (source, budget) in &snapshot.budgets {
            self.set(Metric::EtherscanBudget, &[source.as_str()], integer(budget.left));
        }
        self.set(Metric::PaymentsFrozen, &[], flag(snapshot.payments.frozen));
        for state in PaymentState::ALL {
            for (rehearsal, counts) in [("true", &snapshot.payments.rehearsals), ("false", &snapshot.payments.live)] {
                let count = counts.get(&state).copied().unwrap_or(0);
                self.set(Metric::Payments, &[state.word(), rehearsal], integer(count));
            }
        }
        for used in &snapshot.payments.limits {
            #[expect(clippy::float_arithmetic, reason = "a gauge: nothing is decided by it")]
            let ratio = f64::from(used.used_millionths) / 1e6;
            self.set(Metric::LimitUsed, &[used.rule.as_str(), used.limit.word()], ratio);
        }
    }

    /// Sets the gauges of balances. A series of one that was never read has no value: 0 would be a lie.
    pub fn show_balances(&self, balances: &BalancesStatus, labels: &Labels) {
        for series in &balances.series {
            let Some((symbol, decimals)) = labels.asset(series.chain, series.asset) else { continue };
            let chain = labels.chain(series.chain);
            let values = [series.watch.as_str(), chain.as_str(), symbol.as_str()];
            self.set(Metric::BalanceTime, &values, series.read_at.map_or(0.0, seconds));
            if let Some(raw) = series.raw {
                self.set(Metric::BalanceCoins, &values, decimal(&format_amount(raw, decimals)));
            }
        }
        self.set(Metric::BalancesLeftOut, &[], integer(balances.left_out));
    }

    /// The text for `/metrics`, with the process's own numbers.
    #[must_use]
    pub fn render(&self) -> String {
        metrics::with_local_recorder(&*self.recorder, || self.process.collect());
        self.retired.read().unwrap_or_else(PoisonError::into_inner).out_of(self.handle.render())
    }

    /// A reload: the series of what is not in the config any more are not shown, until it is back.
    pub fn retire(&self, before: &Labels, now: &Labels) {
        self.retired.write().unwrap_or_else(PoisonError::into_inner).relabel(before, now);
    }

    /// Drains the samples of histograms now and every [`UPKEEP_EVERY`], for ever.
    pub async fn upkeep(self) {
        loop {
            self.handle.run_upkeep();
            tokio::time::sleep(UPKEEP_EVERY).await;
        }
    }
}

/// The built-in alerts, whose `rule` is their type's word. What the reactor raises with another severity gets its series then.
fn built_in() -> [(&'static str, Severity); 4] {
    [
        (MessageKind::SourceBlind.word(), Severity::Critical),
        (MessageKind::SourceDisagrees.word(), Severity::Warning),
        (MessageKind::SinkFailing.word(), Severity::Critical),
        (MessageKind::PaymentsFrozen.word(), Severity::Critical),
    ]
}

fn key(metric: Metric, values: &[&str]) -> Key {
    let keys = metric.labels();
    debug_assert_eq!(keys.len(), values.len(), "{} has the labels {keys:?}", metric.name());
    let labels: Vec<Label> =
        keys.iter().zip(values).map(|(key, value)| Label::new(*key, (*value).to_owned())).collect();
    Key::from_parts(metric.name(), labels)
}

/// Values of the labels `source`, `kind`, `chain`; a feed has no chain.
fn source_values(labels: &Labels, source: &SourceId) -> [String; 3] {
    let chain = source.chain.map(|chain| labels.chain(chain).to_string()).unwrap_or_default();
    [source.name.to_string(), source.kind.word().to_owned(), chain]
}

fn flag(set: bool) -> f64 {
    if set { 1.0 } else { 0.0 }
}

/// A time as Prometheus counts it.
pub(super) fn seconds(at: Timestamp) -> f64 {
    Duration::from_millis(u64::try_from(at.millis()).unwrap_or(0)).as_secs_f64()
}

/// Heights and counts; exact below 2^53.
#[expect(clippy::cast_precision_loss, reason = "heights and counts stay far below 2^53")]
pub(super) fn integer(value: u64) -> f64 {
    value as f64
}

/// Wei as gwei, for display.
pub(super) fn gwei(wei: U256) -> f64 {
    decimal(&format_amount(wei, GWEI_DECIMALS))
}

/// The nearest float to decimal text, for display.
pub(super) fn decimal(text: &str) -> f64 {
    text.parse().unwrap_or(f64::NAN)
}

#[cfg(test)]
#[path = "tests_metrics.rs"]
pub(crate) mod tests;
