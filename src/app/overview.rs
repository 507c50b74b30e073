//! What the pump tells the outside: notices to log and metrics, and how everything stands.
//!
//! It holds what is only shown (when a source last spoke, who is behind) and never influences what the reactor does.

use super::board::Board;
use super::gas::gas;
use super::indexes::Indexes;
use super::lately::{Lately, Touched};
use super::outages::Outages;
use super::spending::payments;
use crate::config::checked::Config;
use crate::config::forecast::{Forecast, forecasts};
use crate::net::socket::Reason;
use crate::reactor::Reactor;
use crate::reactor::chain::Chain;
use crate::reactor::effect::Notice;
use crate::reactor::event::{Event, SourceId, SourceKind, SourceState};
use crate::reactor::rows::{Phase, Stop, Subject};
use crate::reactor::settings::{Condition, Rule};
use crate::telemetry::balances::BalancesStatus;
use crate::telemetry::observe::SUMMARY_EVERY;
use crate::telemetry::snapshot::{ChainStatus, PriceStatus, RuleStatus, Snapshot, SourceStatus};
use crate::telemetry::worth::{self, PairStatus, portfolios};
use crate::telemetry::{Labels, Metrics, Observer, Tally};
use crate::types::{Asset, ChainId, Kind, Name, Timestamp};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// How often a changed picture is shown.
const SHOWN_EVERY: Duration = Duration::from_millis(250);
/// How often gauges that only age are refreshed.
const REFRESHED_EVERY: Duration = Duration::from_secs(5);

/// The kinds whose authority is shown. NFTs have the tokens'.
const KINDS: [Kind; 3] = [Kind::Coin, Kind::Internal, Kind::Token];

/// What is shown.
#[derive(Debug)]
pub struct Overview {
    labels: Arc<Labels>,
    observer: Observer,
    metrics: Metrics,
    snapshot: watch::Sender<Arc<Snapshot>>,
    board: Arc<Board>,
    simulated: bool,
    required_chains: BTreeSet<ChainId>,
    required_feeds: BTreeSet<Name>,
    /// By the config; what was forecast holds until the planner has something to say.
    promised: BTreeMap<ChainId, Duration>,
    indexes: Indexes,
    heads: BTreeMap<ChainId, BTreeMap<Name, u64>>,
    followed: BTreeSet<ChainId>,
    last_events: BTreeMap<SourceId, Timestamp>,
    blind_since: BTreeMap<SourceId, Timestamp>,
    outages: Outages,
    lately: Lately,
    tally: Tally,
    dropped: BTreeMap<SourceId, u64>,
    changed: bool,
    balances: Arc<BalancesStatus>,
    balances_changed: bool,
    shown: Timestamp,
    summed: Timestamp,
    born: Timestamp,
}

impl Overview {
    /// Of this config.
    #[must_use]
    pub fn new(
        config: &Config,
        metrics: Metrics,
        snapshot: watch::Sender<Arc<Snapshot>>,
        board: Arc<Board>,
        now: Timestamp,
    ) -> Self {
        let labels = labels_of(config, &metrics);
        Self {
            observer: Observer::new(Arc::clone(&labels), metrics.clone()),
            tally: Tally::new(metrics.clone(), Arc::clone(&labels)),
            metrics,
            snapshot,
            board,
            simulated: config.settings.simulated,
            required_chains: config.required_chains.clone(),
            required_feeds: config.required_feeds.clone(),
            promised: promised(config),
            indexes: Indexes::default(),
            blind_since: labels.sources.iter().map(|source| (source.clone(), now)).collect(),
            labels,
            heads: BTreeMap::new(),
            followed: BTreeSet::new(),
            last_events: BTreeMap::new(),
            outages: Outages::default(),
            lately: Lately::recall(&config.store.path),
            dropped: BTreeMap::new(),
            changed: true,
            balances: Arc::default(),
            balances_changed: true,
            shown: Timestamp::default(),
            summed: now,
            born: now,
        }
    }

    /// Another config is in force. What is known of what stays is kept.
    pub fn reconfigure(&mut self, config: &Config, now: Timestamp) {
        let labels = labels_of(config, &self.metrics);
        self.metrics.retire(&self.labels, &labels);
        self.observer.relabel(Arc::clone(&labels));
        self.tally = Tally::new(self.metrics.clone(), Arc::clone(&labels));
        self.simulated = config.settings.simulated;
        self.required_chains.clone_from(&config.required_chains);
        self.required_feeds.clone_from(&config.required_feeds);
        self.promised = promised(config);
        let known = |source: &SourceId| labels.sources.contains(source);
        self.last_events.retain(|source, _| known(source));
        self.blind_since.retain(|source, _| known(source));
        for source in &labels.sources {
            if !self.last_events.contains_key(source) {
                self.blind_since.entry(source.clone()).or_insert(now);
            }
        }
        for (chain, heads) in &mut self.heads {
            let endpoint = |name: &Name| SourceId { kind: SourceKind::Rpc, chain: Some(*chain), name: name.clone() };
            heads.retain(|name, _| known(&endpoint(name)));
        }
        self.outages.keep(known, |chain| labels.chains.contains_key(chain));
        self.followed.retain(|chain| labels.chains.contains_key(chain));
        self.labels = labels;
        self.balances_changed = true;
    }

    /// Shows how things stand with the next look, however lately that was done.
    pub const fn show_now(&mut self) {
        self.changed = true;
        self.shown = Timestamp::from_millis(0);
    }

    /// An event was taken.
    pub fn seen(&mut self, at: Timestamp, event: &Event) {
        let source = |kind, chain, name: &Name| SourceId { kind, chain, name: name.clone() };
        let heard = match event {
            Event::Head(head) => {
                // The newest of each endpoint: one that was wrong once is not believed for ever.
                self.heads.entry(head.chain).or_default().insert(head.endpoint.clone(), head.at.number);
                source(SourceKind::Rpc, Some(head.chain), &head.endpoint)
            }
            Event::Run(run) => source(SourceKind::Rpc, Some(run.chain), &run.endpoint),
            Event::Tags(tags) => source(SourceKind::Rpc, Some(tags.chain), &tags.endpoint),
            Event::Contact(contact) => source(SourceKind::Rpc, Some(contact.chain), &contact.endpoint),
            Event::Logs(logs) => source(SourceKind::Rpc, Some(logs.chain), &logs.endpoint),
            Event::Explored(answer) => {
                let heads = self.heads.get(&answer.chain).into_iter().flatten();
                let own = heads.filter_map(|(endpoint, head)| {
                    let endpoint = source(SourceKind::Rpc, Some(answer.chain), endpoint);
                    Some((*head, *self.last_events.get(&endpoint)?))
                });
                self.indexes.listed(at, answer, own);
                source(SourceKind::Explorer, Some(answer.chain), &answer.source)
            }
            Event::History(answer) => source(SourceKind::Explorer, Some(answer.chain), &answer.source),
            Event::ExplorerHead(head) => {
                self.indexes.headed(at, head);
                source(SourceKind::Explorer, Some(head.chain), &head.source)
            }
            Event::Balances(answer) => {
                let rpc = answer.at.hash.is_some();
                let kind = if rpc { SourceKind::Rpc } else { SourceKind::Explorer };
                source(kind, Some(answer.chain), &answer.source)
            }
            Event::Tick(tick) => source(SourceKind::Feed, None, &tick.feed),
            Event::Fees(fees) => fees.source.clone(),
            Event::Unlistable(list) => source(SourceKind::Explorer, Some(list.chain), &list.source),
            Event::Source(report) => {
                for source in self.all_of(&report.source) {
                    self.state_changed(at, source, &report.state);
                }
                return;
            }
            Event::Configured(_)
            | Event::Quiet { .. }
            | Event::Receipt(_)
            | Event::Token(_)
            | Event::Delivery(_)
            | Event::Command(_)
            | Event::Opinion(_)
            | Event::Answered(_)
            | Event::Hinted(_)
            | Event::FreezeFile(_)
            | Event::Clock(_)
            | Event::Unreadable { .. }
            | Event::Deadline(_) => return,
        };
        self.last_events.insert(heard, at);
        self.changed = true;
    }

    /// A turn was committed, and changed this.
    pub fn committed(&mut self, at: Timestamp, notices: &[Notice], touched: Touched) {
        self.changed |= !touched.is_empty();
        self.lately.committed(touched);
        for notice in notices {
            self.observer.observe(at, notice);
            self.outages.noticed(at, notice);
            self.balances_changed |= matches!(notice, Notice::BalancesRead { .. } | Notice::BalanceFailed { .. });
        }
        self.changed |= !notices.is_empty();
    }

    /// Shows how things stand, if that changed and was not shown just now.
    pub fn publish<'pump>(
        &mut self,
        now: Timestamp,
        reactor: &Reactor,
        dropped: impl Iterator<Item = (&'pump SourceId, u64)>,
    ) {
        self.changed |= self.lately.delivered(self.board.delivered());
        let every = if self.changed { SHOWN_EVERY } else { REFRESHED_EVERY };
        if now.since(self.shown) < every {
            return;
        }
        self.shown = now;
        self.changed = false;
        for (source, total) in dropped {
            let counted = self.dropped.entry(source.clone()).or_default();
            self.tally.dropped(source, total.saturating_sub(*counted));
            *counted = total;
        }
        if std::mem::take(&mut self.balances_changed) {
            self.balances = Arc::new(BalancesStatus::of(reactor));
            self.metrics.show_balances(&self.balances, &self.labels);
        }
        let vouched = self.labels.chains.keys().filter(|chain| reactor.authority(**chain, Kind::Coin).is_some());
        self.followed.extend(vouched);
        let snapshot = Arc::new(self.picture(now, reactor));
        self.metrics.show(&snapshot, now);
        self.snapshot.send_replace(snapshot);
        if now.since(self.summed) >= SUMMARY_EVERY {
            self.summed = now;
            let summary = self.observer.summary();
            tracing::info!("in the last ten minutes: {summary}");
        }
    }

    /// A commit took so long.
    pub fn took(&self, span: Duration) {
        self.tally.committed(span);
    }

    /// How long it can wait to be asked again.
    #[must_use]
    pub const fn pause(&self) -> Duration {
        if self.changed { SHOWN_EVERY } else { Duration::from_secs(1) }
    }

    /// The source, or where it is an explorer's account, the explorer on each of its chains.
    fn all_of(&self, source: &SourceId) -> Vec<SourceId> {
        if source.kind != SourceKind::Explorer || source.chain.is_some() {
            return vec![source.clone()];
        }
        let ours = self.labels.sources.iter().filter(|known| known.kind == source.kind && known.name == source.name);
        ours.cloned().collect()
    }

    fn state_changed(&mut self, at: Timestamp, source: SourceId, state: &SourceState) {
        if *state == SourceState::Fresh {
            // Who was never heard of before was not blind, but on its way.
            let since = self.blind_since.remove(&source);
            let heard = self.last_events.insert(source.clone(), at).is_some();
            if let Some(since) = since.filter(|_| heard) {
                self.outages.of_source(source, since, at);
            }
        } else {
            self.blind_since.entry(source).or_insert(at);
        }
        self.changed = true;
    }

    fn picture(&mut self, now: Timestamp, reactor: &Reactor) -> Snapshot {
        let states: BTreeMap<&SourceId, &SourceState> = reactor.sources().collect();
        let source = |id: &SourceId| SourceStatus {
            id: id.clone(),
            state: states.get(id).map_or(SourceState::Connecting, |state| (*state).clone()),
            last_event: self.last_events.get(id).copied(),
            blind_since: self.blind_since.get(id).copied(),
            last_outage: self.outages.source(id),
            required: id.kind == SourceKind::Feed && self.required_feeds.contains(&id.name),
        };
        let pairs = worth::pairs(reactor, now);
        let chains: Vec<_> = self.labels.chains.keys().map(|chain| self.chain(*chain, reactor, &pairs)).collect();
        self.lately.look(now, reactor, &pairs, &chains);
        let Lately { directory, moved, trends, changes, .. } = &self.lately;
        Snapshot {
            labels: Arc::clone(&self.labels),
            born: self.born,
            taken: now,
            simulated: self.simulated,
            starting: false,
            store_writable: true,
            sources: self.labels.sources.iter().map(source).collect(),
            chains,
            sinks: self.board.sinks(reactor),
            rules: self.rules(now, reactor),
            prices: reactor
                .prices()
                .map(|(pair, feed, price, as_of)| {
                    let fresh = now.since(as_of) <= reactor.settings().prices.stale_after;
                    PriceStatus { pair: pair.clone(), feed: feed.clone(), price, as_of, fresh }
                })
                .collect(),
            portfolios: portfolios(reactor, &self.balances, &pairs),
            pairs,
            balances: Arc::clone(&self.balances),
            budgets: self.board.budgets(now),
            payments: payments(now, reactor),
            directory: Arc::clone(directory),
            moved: Arc::clone(moved),
            trends: Arc::clone(trends),
            changes: *changes,
        }
    }

    /// The highest head that any endpoint of a chain shows, and since when.
    fn chain(&self, id: ChainId, reactor: &Reactor, pairs: &[PairStatus]) -> ChainStatus {
        let chain = reactor.chain(id);
        let newest = chain.and_then(|chain| chain.window().next_back());
        let trouble = reactor.troubles().find(|row| row.open && row.subject == Subject::Chain(id));
        let explored = chain.and_then(|chain| chain.row().explorer_head);
        let tip = newest.map(|block| (block.at.number, block.time));
        let age = self.board.age(id);
        let gap = |gap: &crate::reactor::rows::GapRow| gap.to.saturating_sub(gap.from).saturating_add(1);
        ChainStatus {
            id,
            tip: tip.or_else(|| {
                let oldest = reactor.views().filter(|view| view.chain == id).map(|view| view.read_at).max();
                explored.zip(oldest)
            }),
            head: self.heads.get(&id).and_then(|heads| heads.values().copied().max()).max(explored),
            gap_blocks: chain.map_or(0, |chain| chain.gaps().map(gap).sum()),
            untraced: chain.and_then(untraced),
            backfill_blocks: reactor.history_left(id),
            backfill_addresses: reactor.open_backfills(id).count() as u64,
            stalled: reactor.is_stalled(id),
            stopped: chain.and_then(|chain| chain.row().stopped.as_ref().map(Stop::reason)),
            blind_since: trouble.map(|row| row.since),
            last_outage: self.outages.chain(id),
            taken_over_since: reactor.taken_over_since(id),
            authority: KINDS.into_iter().filter_map(|kind| Some((kind, reactor.authority(id, kind)?))).collect(),
            followed: self.followed.contains(&id),
            required: self.required_chains.contains(&id),
            gas: gas(id, reactor, pairs),
            oldest_view: age.map(|age| age.oldest),
            view_promised: age.map(|age| age.promised).or_else(|| self.promised.get(&id).copied()),
            index_lag: self.indexes.lag(id),
        }
    }

    /// For each chain of a rule, whether its sources can feed it in full now: coin that moves inside transactions is seen by traces or
    /// by an explorer.
    fn covered(&self, rule: &Rule, reactor: &Reactor) -> BTreeMap<ChainId, bool> {
        let of_rule = self.labels.rules.iter().find(|(name, _, _)| *name == rule.name);
        let chains = of_rule.map(|(_, _, chains)| chains.as_slice()).unwrap_or_default();
        let asks_for_coin = |chain: ChainId| match &rule.condition {
            Condition::Transfer(transfer) => {
                transfer.assets.as_ref().is_none_or(|assets| assets.contains(&(chain, Asset::Coin)))
            }
            Condition::Approval(_)
            | Condition::Price(_)
            | Condition::Change(_)
            | Condition::Gas(_)
            | Condition::Balance(_) => false,
        };
        let fed = |chain: ChainId| {
            let explored = reactor.settings().chains.get(&chain).is_some_and(|settings| settings.explorer.is_some());
            explored
                || !asks_for_coin(chain)
                || reactor.chain(chain).is_some_and(|chain| chain.tracer().is_some() && untraced(chain).is_none())
        };
        chains.iter().map(|chain| (*chain, fed(*chain))).collect()
    }

    fn rules(&self, now: Timestamp, reactor: &Reactor) -> Vec<RuleStatus> {
        let states: BTreeMap<&Name, _> = reactor.rules().map(|row| (&row.rule, row)).collect();
        let rule = |rule: &Rule| {
            let state = states.get(&rule.name);
            let threshold = !matches!(rule.condition, Condition::Transfer(_) | Condition::Approval(_));
            let past = |phase: Phase| matches!(phase, Phase::Crossed(_) | Phase::Muffled(_));
            // A rule on balances stands somewhere with each of them: it is crossed while any is.
            let levels = || reactor.levels(&rule.name);
            let crossed = state.map(|row| past(row.phase) || levels().any(|level| past(level.phase)));
            RuleStatus {
                name: rule.name.clone(),
                severity: rule.severity,
                crossed: crossed.filter(|_| threshold),
                unjudged: reactor.unjudged(rule, now),
                spoke_at: state.and_then(|row| row.spoke_at).max(levels().filter_map(|level| level.spoke_at).max()),
                covered: self.covered(rule, reactor),
            }
        };
        reactor.settings().rules.iter().map(rule).collect()
    }
}

/// Blocks that wait for their traces: how many, the lowest and the highest.
fn untraced(chain: &Chain) -> Option<(u64, u64, u64)> {
    let mut blocks = chain.untraced().map(|block| block.at.number);
    let first = blocks.next()?;
    let rest = blocks.clone().count() as u64;
    Some((rest + 1, first, blocks.next_back().unwrap_or(first)))
}

/// The words of a config, with every series of its sockets.
fn labels_of(config: &Config, metrics: &Metrics) -> Arc<Labels> {
    let labels = Arc::new(Labels::of(&config.settings));
    for source in &labels.sources {
        metrics.register_socket(&labels, source, &Reason::ALL.map(Reason::label));
    }
    labels
}

/// How old the views of each chain may get, by what a config forecasts.
fn promised(config: &Config) -> BTreeMap<ChainId, Duration> {
    let promised = |forecast: Forecast| {
        let chains: Vec<ChainId> = forecast.chains.keys().copied().collect();
        chains.into_iter().filter_map(move |chain| Some((chain, forecast.ages(chain)?.1)))
    };
    forecasts(config).into_iter().flat_map(promised).collect()
}
