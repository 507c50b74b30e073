//! Builds every source of a config: its queue, its future, its name.

use super::board::Board;
use super::clock::Clock;
use crate::config::checked::{Config, EndpointConfig, EtherscanConfig, FeedConfig};
use crate::net::Tls;
use crate::net::http::HttpClient;
use crate::reactor::wants::Wants;
use crate::sources::WallClock;
use crate::sources::chain::ChainReader;
use crate::sources::queue::{EventIntake, EventQueue, event_queue};
use crate::store::{Budget, WriterHandle};
use crate::telemetry::Metrics;
use crate::types::{ChainId, Name};
use futures::future::BoxFuture;
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

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
    /// Counts its calls.
    pub metrics: Metrics,
    /// What the explorer's budget had spent.
    pub budget: Option<Budget>,
    /// Ends every source.
    pub stop: CancellationToken,
}

/// A source's future, with its name.
pub type Started = (Name, BoxFuture<'static, ()>);

/// Builds every source. The queues are for the pump, in the order in which it drains them.
#[must_use]
pub fn start_sources(parts: SourceParts<'_>) -> (Vec<EventIntake>, Vec<Started>) {
    let mut intakes = Vec::new();
    let mut sources = Vec::new();
    let clock: WallClock = {
        let clock = Arc::clone(&parts.clock);
        Arc::new(move || clock.now())
    };
    let mut queue = || {
        let (queue, intake) = event_queue(Arc::clone(&parts.bell));
        intakes.push(intake);
        queue
    };
    let mut chains: BTreeMap<ChainId, Vec<EndpointConfig>> = BTreeMap::new();
    for endpoint in &parts.config.endpoints {
        chains.entry(endpoint.chain).or_default().push(endpoint.clone());
    }
    for (chain, endpoints) in chains {
        let Some(settings) = parts.config.settings.chains.get(&chain) else { continue };
        let reader = ChainReader {
            chain,
            block_time: settings.block_time,
            endpoints,
            wants: parts.wants.clone(),
            queue: queue(),
            http: parts.http.clone(),
            tls: Tls::baked(),
            clock: Arc::clone(&clock),
        };
        sources.push((settings.name.clone(), Box::pin(reader.run(parts.stop.clone())) as BoxFuture<'static, ()>));
    }
    (intakes, sources)
}
