//! One chain's RPC endpoints: heads, blocks, gaps, receipts, tokens and balances, as events.
//!
//! All endpoints are connected. The first fresh one in the order of the config reads blocks, the others follow heads and are asked
//! for agreement. What is read is decided by pure parts (`lead`, `walk`, `pace`, the plans of `gap` and `asks`); the rest asks.
//! Nothing here decides what a block means, and one chain's trouble is its own: each chain is one future.

mod ask_fault;
mod asks;
mod balances;
mod beside;
mod dial;
mod endpoint;
mod fees;
mod gap;
mod lead;
mod line;
mod owed;
mod pace;
mod past;
mod past_logs;
mod read;
mod rpc;
mod session;
mod tip;
mod vain;
mod walk;

#[cfg(test)]
mod bench;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

use super::WallClock;
use super::queue::EventQueue;
use crate::config::checked::EndpointConfig;
use crate::net::socket::{Endpoint as SocketUrl, Limits, SocketSettings, SocketState, Timing, supervise};
use crate::net::{HttpClient, Target, Tls};
use crate::reactor::event::{Event, SourceId, SourceKind, SourceReport, SourceState};
use crate::reactor::match_set::MatchSet;
use crate::reactor::wants::{ChainWants, Wants};
use crate::telemetry::Tally;
use crate::types::{Block, BlockRef, ChainId};
use dial::PromptDial;
use endpoint::Endpoint;
use futures::future::{BoxFuture, FutureExt, join, join_all};
use lead::Election;
use read::LogWays;
use rpc::{Rpc, Way};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

/// What a chain's reader works with.
pub struct ChainReader {
    /// Which chain.
    pub chain: ChainId,
    /// The usual time between its blocks.
    pub block_time: Duration,
    /// Its endpoints, in the order of the config.
    pub endpoints: Vec<EndpointConfig>,
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
    endpoints: Vec<Endpoint>,
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

    /// Whether another endpoint than this could read blocks now.
    fn has_other(&self, than: &Endpoint) -> bool {
        self.endpoints.iter().any(|endpoint| !std::ptr::eq(endpoint, than) && endpoint.standing().usable)
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
        let standings: Vec<_> = self.endpoints.iter().map(Endpoint::standing).collect();
        self.election.lock().unwrap_or_else(PoisonError::into_inner).lead(&standings, self.block_time)
    }
}

impl ChainReader {
    /// Reads the chain until `cancel`, or until nobody takes its events any more.
    pub async fn run(self, cancel: CancellationToken) {
        let changed = Arc::new(Notify::new());
        let mut endpoints = Vec::with_capacity(self.endpoints.len());
        let mut sockets: Vec<BoxFuture<'static, ()>> = Vec::new();
        for config in &self.endpoints {
            // A url that cannot be used was a fault of the config; here it is said and left out.
            let Some((way, socket)) = self.way(config, &cancel) else {
                self.refuse(config);
                continue;
            };
            sockets.extend(socket);
            endpoints.push(Endpoint::new(
                self.chain,
                config.name.clone(),
                Rpc::new(way, owed::patience(self.block_time)),
                &self.queue,
                Arc::clone(&changed),
            ));
        }
        let shared = Shared {
            chain: self.chain,
            block_time: self.block_time,
            endpoints,
            wants: self.wants,
            queue: self.queue,
            tally: self.tally,
            ways: LogWays::of(self.chain),
            election: Mutex::default(),
            changed,
            tip_is_busy: AtomicBool::new(false),
        };
        let sessions = shared.endpoints.iter().map(|endpoint| session::keep(endpoint, &shared));
        let keeping = join(join_all(sockets), join_all(sessions));
        tokio::select! {
            () = cancel.cancelled() => {}
            _ = keeping => {}
            _closed = tip::follow(&shared) => {}
            _closed = beside::read(&shared, gap::Filler::default()) => {}
            _closed = beside::read(&shared, past::Past::default()) => {}
            _closed = beside::read(&shared, past_logs::PastLogs::default()) => {}
            _closed = asks::answer(&shared) => {}
            _closed = Box::pin(balances::read(&shared)) => {}
            _closed = fees::follow(&shared) => {}
        }
    }

    /// How an endpoint is asked, and the future that keeps its socket.
    fn way(
        &self,
        config: &EndpointConfig,
        cancel: &CancellationToken,
    ) -> Option<(Way, Option<BoxFuture<'static, ()>>)> {
        if !config.socket {
            let target = Target::parse(&config.url).ok()?;
            return Some((Way::Http { client: self.http.clone(), target, clock: Arc::clone(&self.clock) }, None));
        }
        let silence = session::silence(self.block_time);
        let settings = SocketSettings {
            endpoint: SocketUrl::parse(&config.url).ok()?,
            timing: Timing {
                subscribe: Duration::from_secs(10),
                useful_within: silence,
                stale_for: silence,
                ..Timing::default()
            },
            limits: Limits::RPC,
            tls: self.tls.clone(),
        };
        let (line, protocol, outgoing) = line::line();
        let (said, cancel, tally) = (line.clone(), cancel.clone(), self.tally.clone());
        let source = SourceId { kind: SourceKind::Rpc, chain: Some(self.chain), name: config.name.clone() };
        let told = move |state: SocketState| {
            if let SocketState::BackingOff { reason, .. } = &state {
                tally.ended(&source, reason.label());
            }
            said.on_state(&state);
        };
        let socket = async move {
            let supervised = supervise(&settings, PromptDial::default(), protocol, outgoing, told, cancel);
            Box::pin(supervised).await;
        };
        Some((Way::Socket(line), Some(socket.boxed())))
    }

    fn refuse(&self, config: &EndpointConfig) {
        let source = SourceId { kind: SourceKind::Rpc, chain: Some(self.chain), name: config.name.clone() };
        let state = SourceState::Refused("unusable url".into());
        self.queue.slot().put(Event::Source(SourceReport { source, state }));
    }
}
