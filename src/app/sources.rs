//! What runs of the sources of a config: their queues, their futures, and what each was made of, so that a reload touches no other.

use super::board::Board;
use super::clock::Clock;
use super::intakes::Intake;
use super::promises::Promises;
use crate::config::checked::{Config, EndpointConfig, ExplorerConfig, FeedConfig};
use crate::config::forecast::span;
use crate::net::Tls;
use crate::net::http::HttpClient;
use crate::reactor::event::{SourceId, SourceKind};
use crate::reactor::wants::Wants;
use crate::sources::WallClock;
use crate::sources::chain::ChainReader;
use crate::sources::etherscan::{self, BudgetNote, Explorer, Word};
use crate::sources::prices;
use crate::sources::queue::{EventQueue, event_queue};
use crate::store::{Budget, Reader, StoreFault, WriterHandle};
use crate::telemetry::{Labels, Metrics, Tally};
use crate::types::pace::Limits;
use crate::types::{ChainId, Name};
use futures::future::BoxFuture;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, oneshot, watch};
use tokio_util::sync::CancellationToken;

/// A source that was told to end has ended by then, or is left to itself: its queue is closed to it.
const ENDS_WITHIN: Duration = Duration::from_secs(5);

/// What sources are built from, besides their config.
#[derive(Debug)]
pub struct SourceParts {
    /// What the reactor wants.
    pub wants: watch::Receiver<Arc<Wants>>,
    /// Rung when a queue has something.
    pub bell: Arc<Notify>,
    /// For whatever speaks HTTP.
    pub http: HttpClient,
    /// The time.
    pub clock: Arc<Clock>,
    /// Keeps the explorer's spent budget.
    pub writer: WriterHandle,
    /// Shows it.
    pub board: Arc<Board>,
    /// Where what sources do is counted.
    pub metrics: Metrics,
    /// What the explorers' budgets had spent when the process began, by their names as sources.
    pub budgets: BTreeMap<Name, Budget>,
    /// Ends every source.
    pub stop: CancellationToken,
}

/// A source to run.
pub struct Started {
    /// Of its chain, explorer or feed.
    pub name: Name,
    /// Cancelled when it is to end.
    pub stop: CancellationToken,
    /// It.
    pub run: BoxFuture<'static, ()>,
}

/// The sources that run. A chain's endpoints are one source, whose key has the chain's name.
pub struct Sources {
    parts: SourceParts,
    running: BTreeMap<SourceId, Running>,
}

struct Running {
    made_of: MadeOf,
    stop: CancellationToken,
    ended: oneshot::Receiver<()>,
    /// Of a chain: its endpoints change while it is read.
    endpoints: Option<watch::Sender<Arc<[EndpointConfig]>>>,
}

/// What a source was made of: where this is the same, it goes on untouched.
#[derive(Debug, Clone, PartialEq, Eq)]
enum MadeOf {
    /// The endpoints of a chain with this block time.
    Chain(Duration),
    /// An explorer's account, and its chains that no endpoint reads.
    Explorer(Box<ExplorerConfig>, BTreeSet<ChainId>),
    /// A feed.
    Feed(Box<FeedConfig>),
}

/// What each explorer's budget had spent.
///
/// # Errors
/// [`StoreFault`] when the store cannot be read.
pub(super) fn budgets(config: &Config, reader: &Reader) -> Result<BTreeMap<Name, Budget>, StoreFault> {
    let of = |name: &Name| Ok(reader.budget(name.as_str())?.map(|budget| (name.clone(), budget)));
    config.explorers.iter().filter_map(|explorer| of(&explorer.name).transpose()).collect()
}

impl Sources {
    /// None yet.
    #[must_use]
    pub fn new(parts: SourceParts) -> Self {
        Self { parts, running: BTreeMap::new() }
    }

    /// Ends the sources that the config has no more, or has otherwise, and waits for that. Gives their keys.
    pub async fn end_others(&mut self, config: &Config) -> Vec<SourceId> {
        let meant = meant(config);
        let other =
            |(key, running): (&SourceId, &Running)| (meant.get(key) != Some(&running.made_of)).then(|| key.clone());
        let others: Vec<SourceId> = self.running.iter().filter_map(other).collect();
        let ending: Vec<Running> = others.iter().filter_map(|key| self.running.remove(key)).collect();
        for running in &ending {
            running.stop.cancel();
        }
        let all = futures::future::join_all(ending.into_iter().map(|running| running.ended));
        if tokio::time::timeout(ENDS_WITHIN, all).await.is_err() {
            tracing::warn!("a source does not end when it is told to");
        }
        others
    }

    /// Makes every source of the config that does not run: what the pump is to take from each, and what is to be run.
    pub fn make_missing(&mut self, config: &Config) -> (Vec<Intake>, Vec<Started>) {
        let tally = Tally::new(self.parts.metrics.clone(), Arc::new(Labels::of(&config.settings)));
        let missing = meant(config).into_iter().filter(|(key, _)| !self.running.contains_key(key));
        let (mut intakes, mut started) = (Vec::new(), Vec::new());
        for (key, made_of) in missing.collect::<Vec<_>>() {
            let (queue, events) = event_queue(Arc::clone(&self.parts.bell));
            let stop = self.parts.stop.child_token();
            let (endpoints_to, endpoints) = watch::channel(endpoints_of(config, key.chain));
            let run: Option<BoxFuture<'static, ()>> = match &made_of {
                MadeOf::Chain(block_time) => key.chain.map(|chain| {
                    let reader = ChainReader {
                        chain,
                        block_time: *block_time,
                        endpoints,
                        wants: self.parts.wants.clone(),
                        queue,
                        http: self.parts.http.clone(),
                        tls: Tls::baked(),
                        clock: self.wall_clock(),
                        tally: tally.clone(),
                    };
                    Box::pin(reader.run(stop.clone())) as BoxFuture<'static, ()>
                }),
                MadeOf::Explorer(account, alone) => self.explorer(account, alone, queue, tally.clone(), stop.clone()),
                MadeOf::Feed(feed) => {
                    let (feed, clock) = (FeedConfig::clone(feed), self.wall_clock());
                    Some(run_feed(feed, queue, tally.clone(), clock, stop.clone()))
                }
            };
            let Some(run) = run else { continue };
            let (ended_to, ended) = oneshot::channel();
            let run = Box::pin(async move {
                run.await;
                // Nobody waits for one that ends by itself.
                let _ = ended_to.send(());
            });
            let endpoints = matches!(made_of, MadeOf::Chain(_)).then_some(endpoints_to);
            started.push(Started { name: key.name.clone(), stop: stop.clone(), run });
            intakes.push(Intake { source: counted_for(config, &key), key: key.clone(), events });
            self.running.insert(key, Running { made_of, stop, ended, endpoints });
        }
        (intakes, started)
    }

    /// For which source the events of each are counted that are dropped.
    #[must_use]
    pub fn labels(&self, config: &Config) -> BTreeMap<SourceId, SourceId> {
        self.running.keys().map(|key| (key.clone(), counted_for(config, key))).collect()
    }

    /// Hands every chain that goes on its endpoints of the config. Only those that changed are connected or dropped.
    pub fn hand_endpoints(&self, config: &Config) {
        for (key, running) in &self.running {
            let now = endpoints_of(config, key.chain);
            if let Some(endpoints) = &running.endpoints
                && **endpoints.borrow() != *now
            {
                endpoints.send_replace(now);
            }
        }
    }

    fn wall_clock(&self) -> WallClock {
        let clock = Arc::clone(&self.parts.clock);
        Arc::new(move || clock.now())
    }

    /// The poller of an explorer's account, with its spent budget kept over a restart.
    fn explorer(
        &self,
        account: &ExplorerConfig,
        alone: &BTreeSet<ChainId>,
        queue: EventQueue,
        tally: Tally,
        stop: CancellationToken,
    ) -> Option<BoxFuture<'static, ()>> {
        let (name, http) = (account.name.clone(), self.parts.http.clone());
        let explorer = match Explorer::of(account.dialect, http, &account.url, account.api_key.clone()) {
            Ok(explorer) => explorer,
            Err(fault) => {
                tracing::error!("the url of the explorer {name}: {fault}");
                return None;
            }
        };
        let (writer, board) = (self.parts.writer.clone(), Arc::clone(&self.parts.board));
        let limits = Limits { per_second: account.calls_per_second, per_day: u64::from(account.calls_per_day) };
        let before = || self.parts.budgets.get(&name).map(|budget| BudgetNote { day: budget.day, used: budget.used });
        let used = board.budget_note(&name).or_else(before).unwrap_or_default();
        let labels = tally.labels();
        let setup = etherscan::Setup {
            name: name.clone(),
            chains: account.chains.iter().copied().collect(),
            own_receipts: alone.clone(),
            limits,
            tally,
            used,
        };
        let (wants, clock) = (self.parts.wants.clone(), self.wall_clock());
        board.budget_used(&name, used, limits.per_day);
        Some(Box::pin(async move {
            let (newest_to, mut newest) = watch::channel(BudgetNote::default());
            let of = name.clone();
            let mut promises = Promises::default();
            let tell = move |word: Word| match word {
                Word::Used(note) => {
                    board.budget_used(&of, note, limits.per_day);
                    newest_to.send_replace(note);
                }
                Word::Ages(ages) => {
                    for (chain, promised) in promises.worse(&ages) {
                        let (chain, age) = (labels.chain(chain), span(promised));
                        tracing::warn!(
                            "{of} on {chain}: with what is watched now, what it knows of an address can get {age} old"
                        );
                    }
                    board.ages(ages);
                }
            };
            // The count is kept beside the calls: a call never waits for a commit, and a crash forgets at most the last few.
            let keep = async move {
                while newest.changed().await.is_ok() {
                    let BudgetNote { day, used } = *newest.borrow_and_update();
                    if writer.note_budget(name.as_str(), Budget { day, used }).await.is_err() {
                        return;
                    }
                }
            };
            futures::future::join(etherscan::run(setup, &explorer, wants, queue, clock, tell, stop), keep).await;
        }))
    }
}

/// Every source that the config means, with what it is made of.
fn meant(config: &Config) -> BTreeMap<SourceId, MadeOf> {
    let mut all = BTreeMap::new();
    for (chain, settings) in &config.settings.chains {
        if config.endpoints.iter().any(|endpoint| endpoint.chain == *chain) {
            let key = SourceId { kind: SourceKind::Rpc, chain: Some(*chain), name: settings.name.clone() };
            all.insert(key, MadeOf::Chain(settings.block_time));
        }
    }
    for account in &config.explorers {
        let has_endpoint = |chain: &ChainId| config.endpoints.iter().any(|endpoint| endpoint.chain == *chain);
        let alone = account.chains.iter().copied().filter(|chain| !has_endpoint(chain)).collect();
        let key = SourceId { kind: SourceKind::Explorer, chain: None, name: account.name.clone() };
        all.insert(key, MadeOf::Explorer(Box::new(account.clone()), alone));
    }
    for feed in &config.feeds {
        let key = SourceId { kind: SourceKind::Feed, chain: None, name: feed.name.clone() };
        all.insert(key, MadeOf::Feed(Box::new(feed.clone())));
    }
    all
}

/// The source under whose labels the drops of a queue are counted: of a chain its first endpoint, of an explorer its first chain.
fn counted_for(config: &Config, key: &SourceId) -> SourceId {
    match key.kind {
        SourceKind::Rpc => {
            let first = config.endpoints.iter().find(|endpoint| Some(endpoint.chain) == key.chain);
            SourceId { name: first.map_or_else(|| key.name.clone(), |endpoint| endpoint.name.clone()), ..key.clone() }
        }
        SourceKind::Explorer => {
            let account = config.explorers.iter().find(|account| account.name == key.name);
            let chain = account.and_then(|account| account.chains.first().copied());
            SourceId { chain, ..key.clone() }
        }
        SourceKind::Feed => key.clone(),
    }
}

fn endpoints_of(config: &Config, chain: Option<ChainId>) -> Arc<[EndpointConfig]> {
    config.endpoints.iter().filter(|endpoint| Some(endpoint.chain) == chain).cloned().collect()
}

fn run_feed(
    feed: FeedConfig,
    queue: EventQueue,
    tally: Tally,
    clock: WallClock,
    stop: CancellationToken,
) -> BoxFuture<'static, ()> {
    Box::pin(async move {
        if let Err(fault) = prices::run(&feed, Tls::baked(), &queue, tally, clock, stop).await {
            tracing::error!("the feed {}: {fault}", feed.name);
        }
    })
}
