//! After `kill -9`: from the start of a process to its first delivery, with 10^5 pending rows in the store and 10^6 watched addresses.
//!
//! The benchmark starts itself again as that process: it opens the store, reads a list of addresses, rebuilds the reactor, lets the settings
//! come into force, and starts the delivery worker, each with the pieces that the monitor uses. The parent is the receiver. A second
//! process without pending rows says how much memory 10^6 addresses take.
#![allow(clippy::disallowed_methods, reason = "a benchmark reads the clock")]

mod scene;

use bytes::Bytes;
use scene::node::address;
use scene::{median, print_figure, resident_bytes, settings};
use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use walletwatch::config::checked::{SinkConfig, SinkKind};
use walletwatch::net::{HttpClient, Tls, install_crypto_provider};
use walletwatch::reactor::Reactor;
use walletwatch::reactor::event::Event;
use walletwatch::sinks::worker::{self, Observer, Outcome, Start, Wires};
use walletwatch::sinks::{Courier, HttpPost, Sink, StoreLedger};
use walletwatch::store::{Commit, IfMissing, NewMessage, Reader, SqliteStore, Store, writer};
use walletwatch::types::{Address, AlertId, MessageId, Name, Secret, Severity, Timestamp};

/// Rounds.
const ROUNDS: usize = 5;
/// Pending rows.
const PENDING: u64 = 100_000;
/// Watched addresses.
const ADDRESSES: u64 = 1_000_000;
/// Rows in a commit.
const GROUP: u64 = 1_000;
/// The argument with which it starts itself.
const CHILD: &str = "--child";

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    match arguments.iter().position(|argument| argument == CHILD) {
        Some(at) => child(Path::new(&arguments[at + 1]), &arguments[at + 2]),
        None => parent(),
    }
}

fn parent() {
    let folder = tempfile::tempdir().expect("a folder");
    let (full, empty) = (folder.path().join("full"), folder.path().join("empty"));
    for (folder, pending) in [(&full, PENDING), (&empty, 0)] {
        std::fs::create_dir(folder).expect("a folder");
        fill(folder, pending);
    }
    let mut took = Vec::new();
    for _ in 0..ROUNDS {
        // A new receiver each time: the killed process left connections in the queue of the last one.
        let (listener, url) = receiver();
        let begin = Instant::now();
        let mut child = start(&full, &url, Stdio::null());
        let (mut stream, _) = listener.accept().expect("the first delivery comes");
        let mut first = [0; 4];
        stream.read_exact(&mut first).expect("it sends");
        took.push(begin.elapsed().as_secs_f64() * 1_000.0);
        child.kill().expect("it can be killed");
        child.wait().expect("it ended");
    }
    print_figure("process start to first delivery, 10^5 rows, 10^6 addresses", median(took), "ms", "at most 2000");
    let (_listener, url) = receiver();
    let mut child = start(&empty, &url, Stdio::piped());
    let mut said = String::new();
    child.stdout.take().expect("it is piped").read_to_string(&mut said).expect("it speaks");
    child.wait().expect("it ended");
    print_figure("resident memory at 10^6 addresses", said.trim().parse().unwrap_or(f64::NAN), "MB", "at most 120");
}

fn receiver() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    let url = format!("http://{}/hook", listener.local_addr().expect("it is bound"));
    (listener, url)
}

fn start(folder: &Path, url: &str, out: Stdio) -> std::process::Child {
    let this = std::env::current_exe().expect("it has a file");
    Command::new(this).arg(CHILD).arg(folder).arg(url).stdout(out).spawn().expect("it starts")
}

/// Makes a store with pending rows and open alerts, and a list of addresses beside it.
fn fill(folder: &Path, pending: u64) {
    let mut store = SqliteStore::open(&folder.join("store.db"), IfMissing::Create([7; 16])).expect("a store");
    let at = Timestamp::from_secs(1_795_000_000);
    for group in 0..pending / GROUP {
        let ids = (group * GROUP..(group + 1) * GROUP).map(|n| AlertId::hash("alert", &[&n.to_be_bytes()]));
        let outbox = ids.map(|alert| message(alert, at)).collect();
        store.commit(&Commit { at, outbox, ..Commit::default() }).expect("it is durable");
    }
    let mut list = std::io::BufWriter::new(std::fs::File::create(folder.join("list.csv")).expect("a file"));
    for n in 0..ADDRESSES {
        writeln!(list, "{:#x}", address(n)).expect("it is written");
    }
}

fn message(alert: AlertId, at: Timestamp) -> NewMessage {
    NewMessage {
        id: MessageId::hash("message", &[&alert.0, &1_u32.to_be_bytes(), b"ops"]),
        sink: Name::from("ops"),
        alert,
        revision: 1,
        kind: Name::from("transfer.confirmed"),
        retracts: false,
        severity: Severity::Info,
        created: at,
        block_time: Some(at),
        body: Bytes::from(vec![b'x'; 1_000]),
    }
}

struct Nobody;

impl Observer for Nobody {
    fn attempt(&self, _: &Name, _: Outcome, _: Duration) {}
    fn latency(&self, _: &Name, _: Duration) {}
    fn stands(&self, _: walletwatch::sinks::delivery::LaneStatus) {}
}

fn now() -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

/// What a monitor does between its start and its first delivery.
fn child(folder: &Path, url: &str) {
    install_crypto_provider();
    let path = folder.join("store.db");
    let list = std::fs::read_to_string(folder.join("list.csv")).expect("the list is there");
    let addresses: Vec<Address> = list.lines().map(|line| line.parse().expect("it is an address")).collect();
    drop(list);
    let mut store = SqliteStore::open(&path, IfMissing::Refuse).expect("the store is there");
    let (tables, _) = store.load().expect("it can be read");
    let (open, disabled) = store.open_outbox().expect("it can be read");
    let nothing = open.is_empty();
    let mut reactor = Reactor::restore(tables, now());
    let effects = reactor.handle(now(), Event::Configured(Box::new(settings(addresses, &[]))));
    drop(effects);
    let (handle, serve) = writer(store);
    std::thread::spawn(serve);
    if nothing {
        #[allow(clippy::cast_precision_loss, reason = "it is printed with one digit")]
        let megabytes = resident_bytes() as f64 / 1e6;
        println!("{megabytes:.1}");
        return;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.expect("a runtime").block_on(async {
        let kind = SinkKind::Webhook {
            url: Secret::new(url.to_owned()),
            secret: Secret::new("whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=".to_owned()),
            allow_private: true,
        };
        let sink = Sink::new(&SinkConfig { name: "ops".into(), kind }).expect("it is a sink");
        let (_rows_to, rows) = mpsc::channel(1);
        let (_orders_to, orders) = mpsc::channel(1);
        let (reports_to, _reports) = mpsc::channel(1_024);
        let wires = Wires {
            post: Courier::new(HttpPost::new(HttpClient::new(&Tls::baked()).expect("a client"), now), Tls::baked()),
            ledger: StoreLedger::new(handle, Reader::open(&path).expect("a reader")),
            observer: Nobody,
            clock: now,
            random: || fastrand::u64(..),
            rows,
            orders,
            reports: reports_to,
            stop: CancellationToken::new(),
        };
        let sinks = BTreeMap::from([("ops".into(), sink)]);
        let start = Start { sinks, open, disabled, failing: Vec::new(), lasting: Vec::new() };
        worker::deliver(start, wires).await.expect("it delivers until it is killed");
    });
    drop(reactor);
}
