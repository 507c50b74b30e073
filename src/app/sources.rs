//! Builds every source of a config: its queue, its future, its name.

use super::board::Board;
use super::clock::Clock;
use crate::config::checked::{Config, EndpointConfig, EtherscanConfig};
use crate::net::Tls;
use crate::net::http::HttpClient;
use crate::reactor::event::{SourceId, SourceKind};
use crate::reactor::wants::Wants;
use crate::sources::WallClock;
use crate::sources::chain::ChainReader;
use crate::sources::etherscan::{self, BudgetNote, Explorer, Word};
use crate::sources::prices;
use crate::sources::queue::{EventIntake, EventQueue, event_queue};
use crate::store::{Budget, WriterHandle};
use crate::telemetry::Tally;
use crate::types::pace::Limits;
use crate::types::{ChainId, Name};
use futures::future::BoxFuture;
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

/// The name of the explorer as a source, and of its spent budget in the store.
pub const EXPLORER: &str = "etherscan";

/// What sources are built from.
#[derive(Debug)]
pub struct SourceParts<'config> {
    /// The config.
    pub config: &'config Config,
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
    /// Counts what sources do.
    pub tally: Tally,
    /// What the explorer's budget had spent.
    pub budget: Option<Budget>,
    /// Ends every source.
    pub stop: CancellationToken,
}

/// A source's future, with its name.
pub type Started = (Name, BoxFuture<'static, ()>);

/// Builds every source. The queues are for the pump, in the order in which it drains them.
#[must_use]
pub fn start_sources(parts: SourceParts<'_>) -> (Vec<(SourceId, EventIntake)>, Vec<Started>) {
    let mut intakes = Vec::new();
    let mut sources = Vec::new();
    let clock: WallClock = {
        let clock = Arc::clone(&parts.clock);
        Arc::new(move || clock.now())
    };
    let mut queue = |kind, chain, name: &Name| {
        let (queue, intake) = event_queue(Arc::clone(&parts.bell));
        intakes.push((SourceId { kind, chain, name: name.clone() }, intake));
        queue
    };
    let mut chains: BTreeMap<ChainId, Vec<EndpointConfig>> = BTreeMap::new();
    for endpoint in &parts.config.endpoints {
        chains.entry(endpoint.chain).or_default().push(endpoint.clone());
    }
    for (chain, endpoints) in chains {
        let Some(settings) = parts.config.settings.chains.get(&chain) else { continue };
        let Some(first) = endpoints.first().map(|endpoint| endpoint.name.clone()) else { continue };
        let reader = ChainReader {
            chain,
            block_time: settings.block_time,
            endpoints,
            wants: parts.wants.clone(),
            queue: queue(SourceKind::Rpc, Some(chain), &first),
            http: parts.http.clone(),
            tls: Tls::baked(),
            clock: Arc::clone(&clock),
            tally: parts.tally.clone(),
        };
        sources.push((settings.name.clone(), Box::pin(reader.run(parts.stop.clone())) as BoxFuture<'static, ()>));
    }
    if let Some(etherscan) = &parts.config.etherscan {
        match Explorer::new(parts.http.clone(), &etherscan.url, etherscan.api_key.clone()) {
            Ok(explorer) => {
                let queue = queue(SourceKind::Explorer, etherscan.chains.first().copied(), &EXPLORER.into());
                let poller = explorer_poller(&parts, etherscan, explorer, queue, Arc::clone(&clock));
                sources.push((EXPLORER.into(), poller));
            }
            Err(fault) => tracing::error!("[etherscan] url: {fault}"),
        }
    }
    for feed in &parts.config.feeds {
        let (stop, feed, tally) = (parts.stop.clone(), feed.clone(), parts.tally.clone());
        let queue = queue(SourceKind::Feed, None, &feed.name);
        let (name, clock) = (feed.name.clone(), Arc::clone(&clock));
        let run = async move {
            if let Err(fault) = prices::run(&feed, Tls::baked(), &queue, tally, clock, stop).await {
                tracing::error!("the feed {}: {fault}", feed.name);
            }
        };
        sources.push((name, Box::pin(run)));
    }
    (intakes, sources)
}

/// The poller of the explorer's account, with its spent budget kept over a restart.
fn explorer_poller(
    parts: &SourceParts<'_>,
    etherscan: &EtherscanConfig,
    explorer: Explorer,
    queue: EventQueue,
    clock: WallClock,
) -> BoxFuture<'static, ()> {
    let has_endpoint = |chain: &ChainId| parts.config.endpoints.iter().any(|endpoint| endpoint.chain == *chain);
    let limits = Limits { per_second: etherscan.calls_per_second, per_day: u64::from(etherscan.calls_per_day) };
    let setup = etherscan::Setup {
        name: EXPLORER.into(),
        chains: etherscan.chains.iter().copied().collect(),
        own_receipts: etherscan.chains.iter().copied().filter(|chain| !has_endpoint(chain)).collect(),
        limits,
        tally: parts.tally.clone(),
        used: parts.budget.map(|budget| BudgetNote { day: budget.day, used: budget.used }).unwrap_or_default(),
    };
    let (wants, stop) = (parts.wants.clone(), parts.stop.clone());
    let (writer, board) = (parts.writer.clone(), Arc::clone(&parts.board));
    board.budget_used(setup.used, limits.per_day);
    Box::pin(async move {
        let (newest_to, mut newest) = watch::channel(BudgetNote::default());
        let tell = move |word: Word| match word {
            Word::Used(note) => {
                board.budget_used(note, limits.per_day);
                newest_to.send_replace(note);
            }
            Word::Ages(ages) => board.ages(ages),
        };
        // The count is kept beside the calls: a call never waits for a commit, and a crash forgets at most the last few.
        let keep = async move {
            while newest.changed().await.is_ok() {
                let BudgetNote { day, used } = *newest.borrow_and_update();
                if writer.note_budget(EXPLORER, Budget { day, used }).await.is_err() {
                    return;
                }
            }
        };
        futures::future::join(etherscan::run(setup, &explorer, wants, queue, clock, tell, stop), keep).await;
    })
}
