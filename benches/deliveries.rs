//! Webhooks a second: rows of the outbox → signed POST → acknowledgement on disk, with the real worker and the real store, beside bare POSTs
//! of the same bytes to the same receiver. Then the same with a dead receiver beside it.
//!
//! The receiver is a thread of its own; senders have one thread each, and the store's writer another, as in the monitor.
#![allow(clippy::disallowed_methods, reason = "a benchmark reads the clock")]

mod scene;

use bytes::Bytes;
use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use hyper::service::service_fn;
use hyper::{Request, Response, body::Incoming};
use hyper_util::rt::TokioIo;
use scene::{Pair, median, print_figure};
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::net::TcpListener;
use tokio::sync::{Notify, mpsc};
use tokio_util::sync::CancellationToken;
use walletwatch::config::checked::{SinkConfig, SinkKind};
use walletwatch::net::{HttpClient, Tls, install_crypto_provider};
use walletwatch::sinks::worker::{self, Ledger, LedgerClosed, Observer, Outcome, Start, Wires};
use walletwatch::sinks::{Courier, HttpPost, Sink, StoreLedger};
use walletwatch::store::{
    Commit, DeliveryWrite, IfMissing, NewMessage, OutboxRow, OutboxState, Reader, SqliteStore, WriterHandle, writer,
};
use walletwatch::types::{AlertId, MessageId, Name, Secret, Severity, Timestamp};

/// Rounds of each kind.
const ROUNDS: usize = 7;
/// Messages to the living receiver in a round.
const MESSAGES: u64 = 8_192;
/// Rows in a commit.
const GROUP: u64 = 256;
/// Bytes of a body: about those of a transfer's.
const BODY: usize = 1_000;
/// POSTs at once: as many as the webhook sink has.
const AT_ONCE: usize = 64;

/// What has as many messages beside the living receiver.
#[derive(Clone, Copy)]
enum Beside {
    /// A sink that is switched off: its messages wait, and nothing is tried.
    Disabled,
    /// A receiver that is dead.
    Dead(SocketAddr),
}

/// How a receiver is dead.
#[derive(Clone, Copy)]
enum Dead {
    /// Nobody listens.
    Refuses,
    /// It takes the connection and never answers.
    Hangs,
}

/// A receiver that answers 204 at once; gives where it is.
fn receiver() -> SocketAddr {
    let (told, hear) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
            told.send(listener.local_addr().expect("it is bound")).expect("somebody waits");
            while let Ok((stream, _)) = listener.accept().await {
                let _slow = stream.set_nodelay(true);
                tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(
                    TokioIo::new(stream),
                    service_fn(|request: Request<Incoming>| async move {
                        let _read = hyper::body::Body::size_hint(request.body());
                        let mut body = request.into_body();
                        while std::future::poll_fn(|context| {
                            hyper::body::Body::poll_frame(std::pin::Pin::new(&mut body), context)
                        })
                        .await
                        .is_some()
                        {}
                        let answer = Response::builder().status(204).body(String::new());
                        Ok::<_, Infallible>(answer.expect("it is an answer"))
                    }),
                ));
            }
        });
    });
    hear.recv().expect("the receiver starts")
}

fn body() -> Bytes {
    Bytes::from(vec![b'x'; BODY])
}

/// Bare POSTs a second.
fn bare(at: SocketAddr) -> f64 {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let client = reqwest::Client::builder().no_proxy().tcp_nodelay(true).build().expect("a client");
        let url = format!("http://{at}/hook");
        let post = || {
            let request = client.post(&url).header("content-type", "application/json").body(body());
            async move { request.send().await.expect("it is answered").bytes().await.expect("it is whole") }
        };
        let begin = Instant::now();
        let mut flying: FuturesUnordered<_> = (0..AT_ONCE).map(|_| post()).collect();
        let mut begun = AT_ONCE as u64;
        while flying.next().await.is_some() {
            if begun < MESSAGES {
                begun += 1;
                flying.push(post());
            }
        }
        per_second(MESSAGES, begin.elapsed())
    })
}

#[allow(clippy::cast_precision_loss, reason = "counts far below 2^52")]
fn per_second(count: u64, took: Duration) -> f64 {
    count as f64 / took.as_secs_f64()
}

/// Counts what is acknowledged and on disk.
struct Counting {
    ledger: StoreLedger,
    done: Arc<AtomicU64>,
    all: Arc<Notify>,
}

impl Ledger for Counting {
    async fn deliver(&self, writes: Vec<DeliveryWrite>) -> Result<(), LedgerClosed> {
        let is_done = |write: &&DeliveryWrite| matches!(write, DeliveryWrite::Outcome { state: OutboxState::Done, .. });
        let count = writes.iter().filter(is_done).count() as u64;
        self.ledger.deliver(writes).await?;
        if self.done.fetch_add(count, Ordering::Relaxed) + count >= MESSAGES {
            self.all.notify_one();
        }
        Ok(())
    }

    async fn fetch(&self, seqs: Vec<i64>) -> Result<Vec<OutboxRow>, LedgerClosed> {
        self.ledger.fetch(seqs).await
    }

    async fn first_told(&self, sink: Name, alert: AlertId) -> Result<Option<Name>, LedgerClosed> {
        self.ledger.first_told(sink, alert).await
    }
}

struct Nobody;

impl Observer for Nobody {
    fn attempt(&self, _: &Name, _: Outcome, _: Duration) {}
    fn latency(&self, _: &Name, _: Duration) {}
    fn stands(&self, _: walletwatch::sinks::delivery::LaneStatus) {}
}

/// The outbox of one run of the benchmark.
struct Outbox {
    writer: WriterHandle,
    path: std::path::PathBuf,
    next: u64,
}

impl Outbox {
    fn open(path: &Path) -> Self {
        let store = SqliteStore::open(path, IfMissing::Create([7; 16])).expect("a store");
        let (handle, serve) = writer(store);
        std::thread::spawn(serve);
        Self { writer: handle, path: path.to_owned(), next: 0 }
    }

    /// Commits messages to these sinks, `MESSAGES` to each.
    fn fill(&mut self, sinks: &[Name]) -> Vec<Vec<OutboxRow>> {
        let at = Timestamp::from_secs(1_795_000_000);
        let mut batches = Vec::new();
        for _ in 0..MESSAGES / GROUP {
            let mut commit = Commit { at, ..Commit::default() };
            for _ in 0..GROUP {
                self.next += 1;
                let alert = AlertId::hash("alert", &[&self.next.to_be_bytes()]);
                commit.outbox.extend(sinks.iter().map(|sink| message(alert, sink, at)));
            }
            batches.push(self.writer.commit_blocking(commit).expect("it is durable"));
        }
        batches
    }

    /// Deliveries a second to the living receiver, with another one beside it or not.
    fn run(&mut self, live: SocketAddr, beside: Option<Beside>) -> f64 {
        let mut sinks = BTreeMap::from([sink("live", live)]);
        let mut disabled = Vec::new();
        match beside {
            None => {}
            Some(Beside::Dead(at)) => sinks.extend([sink("other", at)]),
            Some(Beside::Disabled) => {
                sinks.extend([sink("other", live)]);
                disabled.push(Name::from("other"));
            }
        }
        let names: Vec<Name> = sinks.keys().cloned().collect();
        let batches = self.fill(&names);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let (rows_to, rows) = mpsc::channel(64);
            let (_orders_to, orders) = mpsc::channel(1);
            let (reports_to, _reports) = mpsc::channel(1_024);
            let (done, all) = (Arc::new(AtomicU64::new(0)), Arc::new(Notify::new()));
            let stop = CancellationToken::new();
            let ledger = Counting {
                ledger: StoreLedger::new(self.writer.clone(), Reader::open(&self.path).expect("a reader")),
                done: Arc::clone(&done),
                all: Arc::clone(&all),
            };
            let wires = Wires {
                post: Courier::new(HttpPost::new(HttpClient::new(&Tls::baked()).expect("a client"), now), Tls::baked()),
                ledger,
                observer: Nobody,
                clock: now,
                random: || fastrand::u64(..),
                rows,
                orders,
                reports: reports_to,
                stop: stop.clone(),
            };
            let worker = worker::deliver(
                Start { sinks, open: Vec::new(), disabled, failing: Vec::new(), lasting: Vec::new() },
                wires,
            );
            let feed = async {
                for batch in batches {
                    rows_to.send(batch).await.expect("the worker takes it");
                }
                std::future::pending::<()>().await;
            };
            let begin = Instant::now();
            tokio::select! {
                ended = worker => panic!("{ended:?}"),
                () = feed => {}
                () = all.notified() => {}
            }
            per_second(MESSAGES, begin.elapsed())
        })
    }
}

fn now() -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

fn sink(name: &str, at: SocketAddr) -> (Name, Sink) {
    let name = Name::from(name);
    let kind = SinkKind::Webhook {
        url: Secret::new(format!("http://{at}/hook")),
        secret: Secret::new("whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=".to_owned()),
        allow_private: true,
    };
    let sink = Sink::new(&SinkConfig { name: name.clone(), kind }).expect("it is a sink");
    (name, sink)
}

fn message(alert: AlertId, sink: &Name, at: Timestamp) -> NewMessage {
    NewMessage {
        id: MessageId::hash("message", &[&alert.0, &1_u32.to_be_bytes(), sink.as_str().as_bytes()]),
        sink: sink.clone(),
        alert,
        revision: 1,
        kind: Name::from("transfer.confirmed"),
        retracts: false,
        severity: Severity::Info,
        created: at,
        block_time: Some(at),
        body: body(),
    }
}

/// The address of a dead receiver; the listener, if any, has to be kept.
fn dead(how: Dead) -> (SocketAddr, Option<std::net::TcpListener>) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    let at = listener.local_addr().expect("it is bound");
    match how {
        Dead::Refuses => (at, None),
        Dead::Hangs => (at, Some(listener)),
    }
}

fn main() {
    install_crypto_provider();
    let folder = tempfile::tempdir().expect("a folder");
    let live = receiver();
    let mut outbox = Outbox::open(&folder.path().join("outbox.db"));
    let (refusing, _) = dead(Dead::Refuses);
    let (hanging, _listener) = dead(Dead::Hangs);
    bare(live);
    outbox.run(live, None);
    let (mut pair, mut others) = (Pair::default(), [Vec::new(), Vec::new(), Vec::new()]);
    let beside = [Beside::Disabled, Beside::Dead(refusing), Beside::Dead(hanging)];
    for round in 0..ROUNDS {
        pair.bare.push(bare(live));
        pair.ours.push(outbox.run(live, None));
        for nth in 0..beside.len() {
            // In turns, so that none is always behind the same one.
            let nth = (nth + round) % beside.len();
            others[nth].push(outbox.run(live, Some(beside[nth])));
        }
    }
    pair.print("outbox, signed POST, acknowledgement on disk", "webhooks/s", 0.4);
    let [off, refuses, hangs] = others.map(median);
    let cost = |rate: f64| 100.0 * (1.0 - rate / off);
    print_figure("what a receiver that refuses costs the other", cost(refuses), "%", "below 5");
    print_figure("what a receiver that hangs costs the other", cost(hangs), "%", "below 5");
}
