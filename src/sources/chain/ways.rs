//! The ways to a chain's endpoints. An endpoint that stays as it is in a reload keeps its socket and everything that is known of it; one
//! whose url changed is another one.

use super::dial::PromptDial;
use super::endpoint::Endpoint;
use super::rpc::{Rpc, Way};
use super::{ChainReader, line, owed, session};
use crate::config::checked::EndpointConfig;
use crate::net::socket::{Endpoint as SocketUrl, Limits, SocketSettings, SocketState, Timing, supervise};
use crate::net::{HttpClient, Target, Tls};
use crate::reactor::event::{Event, SourceId, SourceKind, SourceReport, SourceState};
use crate::sources::WallClock;
use crate::sources::queue::EventQueue;
use crate::telemetry::Tally;
use crate::types::{ChainId, Name};
use futures::future::{BoxFuture, FutureExt};
use futures::stream::{FuturesUnordered, StreamExt};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// Every endpoint that is there now, with its socket.
pub(super) struct Ways {
    chain: ChainId,
    block_time: Duration,
    queue: EventQueue,
    http: HttpClient,
    tls: Tls,
    clock: WallClock,
    tally: Tally,
    cancel: CancellationToken,
    changed: Arc<Notify>,
    kept: BTreeMap<Name, Kept>,
    sockets: FuturesUnordered<BoxFuture<'static, ()>>,
}

/// One of them.
struct Kept {
    config: EndpointConfig,
    /// `None` where its url cannot be used.
    endpoint: Option<Arc<Endpoint>>,
    /// Ends its socket.
    cancel: CancellationToken,
}

impl Ways {
    /// None yet.
    pub(super) fn new(reader: &ChainReader, cancel: &CancellationToken) -> Self {
        Self {
            chain: reader.chain,
            block_time: reader.block_time,
            queue: reader.queue.clone(),
            http: reader.http.clone(),
            tls: reader.tls.clone(),
            clock: Arc::clone(&reader.clock),
            tally: reader.tally.clone(),
            cancel: cancel.clone(),
            changed: Arc::default(),
            kept: BTreeMap::new(),
            sockets: FuturesUnordered::new(),
        }
    }

    /// Rings when a head or a state of any of them changed.
    pub(super) fn changed(&self) -> Arc<Notify> {
        Arc::clone(&self.changed)
    }

    /// These are the endpoints from now on. Gives those that can be asked, in this order.
    pub(super) fn take(&mut self, configs: &[EndpointConfig]) -> Vec<Arc<Endpoint>> {
        self.kept.retain(|_, kept| {
            let stays = configs.contains(&kept.config);
            if !stays {
                kept.cancel.cancel();
            }
            stays
        });
        for config in configs {
            if !self.kept.contains_key(&config.name) {
                let kept = self.open(config);
                self.kept.insert(config.name.clone(), kept);
            }
        }
        configs.iter().filter_map(|config| self.kept.get(&config.name)?.endpoint.clone()).collect()
    }

    /// Keeps the sockets, for ever.
    pub(super) async fn keep(&mut self) {
        loop {
            // One that ended was told to: its endpoint is gone.
            if self.sockets.next().await.is_none() {
                std::future::pending::<()>().await;
            }
        }
    }

    fn open(&self, config: &EndpointConfig) -> Kept {
        let cancel = self.cancel.child_token();
        // A url that cannot be used was a fault of the config; here it is said and left out.
        let endpoint = self.way(config, &cancel).map(|way| {
            let rpc = Rpc::new(way, owed::patience(self.block_time));
            Arc::new(Endpoint::new(self.chain, config, rpc, &self.queue, self.changed()))
        });
        if endpoint.is_none() {
            let state = SourceState::Refused("unusable url".into());
            self.queue.slot().put(Event::Source(SourceReport { source: self.source(config), state }));
        }
        Kept { config: config.clone(), endpoint, cancel }
    }

    fn source(&self, config: &EndpointConfig) -> SourceId {
        SourceId { kind: SourceKind::Rpc, chain: Some(self.chain), name: config.name.clone() }
    }

    /// How an endpoint is asked; the future that keeps its socket is among ours from here on.
    fn way(&self, config: &EndpointConfig, cancel: &CancellationToken) -> Option<Way> {
        if !config.socket {
            let target = Target::parse(&config.url).ok()?;
            return Some(Way::Http { client: self.http.clone(), target, clock: Arc::clone(&self.clock) });
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
        let (said, cancel, tally, source) = (line.clone(), cancel.clone(), self.tally.clone(), self.source(config));
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
        self.sockets.push(socket.boxed());
        Some(Way::Socket(line))
    }
}
