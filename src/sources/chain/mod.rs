//! One chain's RPC endpoints: heads, blocks, gaps, receipts, tokens and balances, as events.
//!
//! All endpoints are connected. The first fresh one in the order of the config reads blocks, the others follow heads and are asked
//! for agreement. What is read is decided by pure parts (`lead`, `walk`, `pace`, the plans of `gap` and `asks`); the rest asks.
//! Nothing here decides what a block means, and one chain's trouble is its own: each chain is one future.

mod abilities;
mod ask_fault;
mod asks;
mod balances;
mod beside;
mod dial;
mod endpoint;
mod fees;
mod gap;
mod in_time;
mod lead;
mod line;
mod look_back;
mod opinions;
mod owed;
mod pace;
mod past;
mod past_logs;
mod read;
mod rpc;
mod session;
mod tip;
mod traces;
mod untraced;
mod vain;
mod walk;
mod ways;

#[cfg(test)]
mod bench;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

use super::WallClock;
use super::queue::EventQueue;
use crate::config::checked::EndpointConfig;
use crate::net::{HttpClient, Tls};
use crate::reactor::event::SourceState;
use crate::reactor::match_set::MatchSet;
use crate::reactor::wants::{ChainWants, Wants};
use crate::telemetry::Tally;
use crate::types::{Block, BlockRef, ChainId};
use endpoint::Endpoint;
use futures::future::join_all;
use lead::Election;
pub use look_back::{LookBack, LookBackFault};
use read::LogWays;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;
use ways::Ways;

/// The endpoints of a chain in the order of the config; a reload changes them while the chain is read.
pub type Endpoints = watch::Receiver<Arc<[EndpointConfig]>>;

/// Endpoints that never change.
#[must_use]
pub fn unchanging(endpoints: Vec<EndpointConfig>) -> Endpoints {
    watch::channel(endpoints.into()).1
}

/// What a chain's reader works with.
pub struct ChainReader {
    /// Which chain.
    pub chain: ChainId,
    /// The usual time between its blocks.
    pub block_time: Duration,
    /// Its endpoints. One that stays as it is keeps its socket and what is known of it when others change.
    pub endpoints: Endpoints,
    /// What the reactor wants, published after each commit.
    pub wants: watch::Receiver<Arc<Wants>>,
    /// Where events go: one queue for the chain, so that they keep their order when another endpoint takes the lead.
    pub queue: EventQueue,
    /// For `https` endpoints.
    pub http: HttpClient,
    /// For `wss` endpoints.
    pub tls: Tls,
    /// The wall time, for `Retry-After` dates.
    pub clock: WallClock,
    /// Counts connections that ended, and blocks that were read without their traces.
    pub tally: Tally,
}

/// What the parts of a chain's reader share.
struct Shared {
    chain: ChainId,
    block_time: Duration,
    endpoints: Vec<Arc<Endpoint>>,
    wants: watch::Receiver<Arc<Wants>>,
    queue: EventQueue,
    tally: Tally,
    ways: LogWays,
    election: Mutex<Election>,
    /// Rings for the tip when a head or a state changed.
    changed: Arc<Notify>,
    /// New blocks are being read: gaps wait.
    tip_is_busy: AtomicBool,
}

impl Shared {
    /// What is wanted of this chain now.
    fn chain_wants(&self) -> Arc<ChainWants> {
        self.wants.borrow().chains.get(&self.chain).cloned().unwrap_or_default()
    }

    /// The watched addresses now.
    fn watched(&self) -> Arc<MatchSet> {
        Arc::clone(&self.wants.borrow().watched)
    }

    /// The newest published block.
    fn published_tip(&self) -> Option<BlockRef> {
        self.wants.borrow().chains.get(&self.chain).and_then(|wants| wants.window.last().copied())
    }

    /// Says and counts whether the blocks that an endpoint gave came with their traces, where `traces` were to be had.
    fn note_traces(&self, endpoint: &Endpoint, traces: bool, blocks: &[Block]) {
        if !traces || blocks.is_empty() {
            return;
        }
        let untraced = blocks.iter().filter(|block| !block.traced).count();
        if untraced > 0 {
            self.tally.untraced_blocks(self.chain, untraced);
        }
        endpoint.note_traces(untraced == 0);
    }

    /// The endpoints in the order of the config.
    fn endpoints(&self) -> impl Iterator<Item = &Endpoint> {
        self.endpoints.iter().map(|endpoint| &**endpoint)
    }

    /// The endpoint at a place of the config.
    fn endpoint(&self, place: usize) -> Option<&Endpoint> {
        self.endpoints.get(place).map(|endpoint| &**endpoint)
    }

    /// Whether another endpoint than this could read blocks now.
    fn has_other(&self, than: &Endpoint) -> bool {
        self.endpoints().any(|endpoint| !std::ptr::eq(endpoint, than) && endpoint.standing().usable)
    }

    /// An endpoint owes its answers for too long. Its heads say nothing about that: it reads no more before it has answered again,
    /// and where there is another not before a while, longer each time, so that the lead does not go to and fro.
    fn fall_silent(&self, endpoint: &Endpoint) {
        if !endpoint.standing().usable {
            return;
        }
        if self.has_other(endpoint) {
            endpoint.shun_longer(SourceState::Stale);
        } else {
            endpoint.hold_back(SourceState::Stale);
        }
    }

    /// The endpoint that reads blocks now, by its place.
    fn lead(&self) -> Option<usize> {
        let standings: Vec<_> = self.endpoints().map(Endpoint::standing).collect();
        self.election.lock().unwrap_or_else(PoisonError::into_inner).lead(&standings, self.block_time)
    }
}

impl ChainReader {
    /// Reads the chain until `cancel`, or until nobody takes its events any more.
    pub async fn run(mut self, cancel: CancellationToken) {
        let mut ways = Ways::new(&self, &cancel);
        loop {
            let configs = Arc::clone(&self.endpoints.borrow_and_update());
            let shared = self.shared(&mut ways, &configs);
            let changed = async {
                // Who never changes anything has let go of the other end.
                if self.endpoints.changed().await.is_err() {
                    std::future::pending::<()>().await;
                }
            };
            tokio::select! {
                () = cancel.cancelled() => return,
                () = changed => {}
                () = ways.keep() => {}
                _closed = keep_and_read(&shared) => return,
            }
        }
    }
}

impl ChainReader {
    /// What the parts share, of these endpoints.
    fn shared(&self, ways: &mut Ways, configs: &[EndpointConfig]) -> Shared {
        Shared {
            chain: self.chain,
            block_time: self.block_time,
            endpoints: ways.take(configs),
            wants: self.wants.clone(),
            queue: self.queue.clone(),
            tally: self.tally.clone(),
            ways: LogWays::of(self.chain),
            election: Mutex::default(),
            changed: ways.changed(),
            tip_is_busy: AtomicBool::new(false),
        }
    }
}

/// Keeps every endpoint and reads what is wanted. Ends when nobody takes its events any more.
async fn keep_and_read(shared: &Shared) {
    let sessions = shared.endpoints().map(|endpoint| session::keep(endpoint, shared));
    tokio::select! {
        _ = join_all(sessions), if !shared.endpoints.is_empty() => {}
        _closed = tip::follow(shared) => {}
        _closed = beside::read(shared, gap::Filler::default()) => {}
        _closed = beside::read(shared, past::Past::default()) => {}
        _closed = beside::read(shared, untraced::Untraced::default()) => {}
        _closed = beside::read(shared, past_logs::PastLogs::default()) => {}
        _closed = asks::answer(shared) => {}
        _closed = Box::pin(balances::read(shared)) => {}
        _closed = fees::follow(shared) => {}
        _closed = Box::pin(opinions::give(shared)) => {}
    }
}
