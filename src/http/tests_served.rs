//! A monitor's face alone, on loopback, with a real store and a little in it; and the ways to ask it.

use crate::config::checked::{Role, TokenConfig};
use crate::http::*;
use crate::reactor::addresses::AddressList;
use crate::reactor::directory::Directory;
use crate::reactor::effect::Suspect;
use crate::reactor::event::{SourceId, SourceKind, SourceState};
use crate::reactor::hush::{SilenceAnswer, SilenceOrder};
use crate::reactor::money::PaymentState;
use crate::reactor::money::tests::live_row;
use crate::reactor::office::{AuditRow, OfficeRow, OfficeWrite};
use crate::reactor::payments::desk::{Order, Refusal as NotDone};
use crate::reactor::quiet::Silence;
use crate::reactor::rows::{AddressRow, AlertRow, AlertState, AlertSubject, Row, TransferRow, Voucher, WatchRow};
use crate::reactor::settings::{Direction, Watch};
use crate::reactor::watch_list::{NewWatch, WatchAnswer, WatchOrder, WatchRefusal, Watching};
use crate::reactor::why::{Check, Looked};
use crate::store::{AttemptEnd, AttemptRow, Commit, DeliveryWrite, NewMessage, Store, Write};
use crate::store::{IfMissing, SqliteStore};
use crate::telemetry::Labels;
use crate::telemetry::metrics::tests::labels;
use crate::telemetry::snapshot::SourceStatus;
use crate::types::{
    Address, AlertId, Asset, B256, ChainId, Kind, MessageId, Name, Secret, Severity, Stage, TransferKey, U256,
};
use futures::future::BoxFuture;
use serde_json::Value;
use std::net::SocketAddr;
use std::sync::Mutex;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

pub(super) const READ: &str = "token-of-prometheus-0123456789";
pub(super) const APPROVE: &str = "token-of-ann-0123456789abcdefgh";
pub(super) const OPERATE: &str = "token-of-admin-0123456789abcdef";
const HOSTILE: &str = "<script>alert('x')</script>\"&\u{202e}";

/// Notes every command; refuses what concerns the sink "gone", and never answers for the sink "slow".
#[derive(Default)]
pub(super) struct Noted(
    pub Mutex<Vec<(Name, Command)>>,
    pub Mutex<Vec<(Name, WatchOrder)>>,
    pub Mutex<Vec<(Name, Order)>>,
);

fn watching(watch: &NewWatch) -> Watching {
    let addresses = watch.addresses.len() as u64;
    Watching {
        watch: watch.name.clone(),
        chain: ChainId(1),
        complete_from: Some(19_000_001),
        addresses,
        new: addresses,
    }
}

impl Control for Noted {
    fn command(&self, by: Name, command: Command) -> BoxFuture<'_, Result<(), Refusal>> {
        self.0.lock().expect("nobody panics").push((by, command.clone()));
        Box::pin(async move {
            match command {
                Command::TestSink(name) if name.as_str() == "gone" => Err(Refusal::Unknown("such sink".into())),
                Command::TestSink(name) if name.as_str() == "slow" => std::future::pending().await,
                Command::AcceptChain(_) => Err(Refusal::Conflict("this chain is not stopped".into())),
                Command::Replay(_) | Command::Drop(_) | Command::TestSink(_) | Command::EnableSink(_) => Ok(()),
            }
        })
    }

    fn order(&self, by: Name, order: Order) -> BoxFuture<'_, Result<Result<(), NotDone>, Refusal>> {
        let done = match &order {
            Order::Unfreeze => Err(NotDone::Elsewhere),
            Order::IsAbsent { .. } => Err(NotDone::SecondName),
            Order::Approve { .. }
            | Order::Reject { .. }
            | Order::Freeze { .. }
            | Order::Cancel { .. }
            | Order::IsThere { .. }
            | Order::Resume { .. }
            | Order::ResumePayee { .. }
            | Order::ResumeClock
            | Order::Accept { .. }
            | Order::WaivePayee { .. }
            | Order::AcceptEntityKey { .. }
            | Order::AskProbe
            | Order::ProbeShowed { .. }
            | Order::Probed => Ok(()),
        };
        self.2.lock().expect("nobody panics").push((by, order));
        Box::pin(std::future::ready(Ok(done)))
    }

    fn watches(&self, by: Name, order: WatchOrder) -> BoxFuture<'_, Result<WatchAnswer, Refusal>> {
        let answer = match &order {
            WatchOrder::Add { watches, .. } if watches.iter().any(|watch| watch.name.as_str() == "treasury") => {
                WatchAnswer::Refused(WatchRefusal::OfConfig("treasury".into()))
            }
            WatchOrder::Add { watches, .. } => WatchAnswer::Watching(watches.iter().map(watching).collect()),
            WatchOrder::Remove { watch, .. } if watch.as_str() == "gone" => {
                WatchAnswer::Refused(WatchRefusal::Unknown(watch.clone()))
            }
            WatchOrder::Remove { addresses, .. } => WatchAnswer::Removed(if addresses.is_some() { 0 } else { 3 }),
        };
        self.1.lock().expect("nobody panics").push((by, order));
        Box::pin(std::future::ready(Ok(answer)))
    }

    fn why(&self, row: TransferRow) -> BoxFuture<'_, Result<Vec<Looked>, Refusal>> {
        let check = Check { check: "at_least", passed: false, is: "1.5 ETH".into(), wanted: "at least 2 ETH".into() };
        let besides = vec![format!("it is {}", row.stage.word()).into()];
        let looked = Looked { rule: "all".into(), watch: Some("treasury".into()), checks: vec![check], besides };
        Box::pin(std::future::ready(Ok(vec![looked])))
    }

    fn silences(&self, by: Name, order: SilenceOrder) -> BoxFuture<'_, Result<SilenceAnswer, Refusal>> {
        let answer = match order {
            SilenceOrder::Add { silence, .. } => {
                SilenceAnswer::Silences(vec![Silence { number: 7, author: by, ..silence }], Some(7))
            }
            SilenceOrder::End(7) => SilenceAnswer::Silences(Vec::new(), None),
            SilenceOrder::End(number) => SilenceAnswer::Unknown(number),
        };
        Box::pin(std::future::ready(Ok(answer)))
    }
}

/// A monitor's face, alone.
pub(super) struct Served {
    pub at: SocketAddr,
    pub control: Arc<Noted>,
    pub snapshot: watch::Sender<Arc<Snapshot>>,
    pub stop: CancellationToken,
    pub task: tokio::task::JoinHandle<()>,
    _folder: tempfile::TempDir,
}

impl Drop for Served {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

pub(super) async fn serving(deadlines: Deadlines) -> Served {
    serving_more(deadlines, Vec::new()).await
}

/// The same with more in its store.
pub(super) async fn serving_more(deadlines: Deadlines, more: Vec<Commit>) -> Served {
    let folder = tempfile::tempdir().expect("there is room");
    let path = folder.path().join("walletwatch.db");
    let mut store = SqliteStore::open(&path, IfMissing::Create([1; 16])).expect("it is new");
    let seq = store.commit(&filled()).expect("it can be written")[0].seq;
    for commit in &more {
        store.commit(commit).expect("it can be written");
    }
    let (at, reason) = (Timestamp::from_secs(960), Some("HTTP 503".into()));
    let row = AttemptRow { at, ended: AttemptEnd::Again, reason };
    store.deliver(&[DeliveryWrite::Attempt { seq, row }]).expect("it can be written");
    let (archive, body) = archive::of_store(path);
    std::thread::spawn(move || {
        body();
        drop(store);
    });
    let token =
        |name: &str, role, secret: &str| TokenConfig { name: name.into(), role, secret: Secret::new(secret.into()) };
    let (sender, snapshot) = watch::channel(Arc::new(standing()));
    let metrics = Metrics::new();
    metrics.register(&labels());
    let control = Arc::new(Noted::default());
    let parts = Parts {
        snapshot,
        metrics,
        archive: Arc::new(archive),
        control: Arc::clone(&control) as Arc<dyn Control>,
        tokens: watch::channel(Tokens::new(&[
            token("prometheus", Role::Read, READ),
            token("admin", Role::Operate, OPERATE),
            token("ann", Role::Approve, APPROVE),
        ]))
        .1,
        now: Arc::new(|| Timestamp::from_secs(1_000)),
        deadlines,
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback is there");
    let at = listener.local_addr().expect("it is bound");
    let stop = CancellationToken::new();
    let task = tokio::spawn(serve(listener, parts, stop.clone()));
    Served { at, control, snapshot: sender, stop, task, _folder: folder }
}

pub(super) fn standing() -> Snapshot {
    let treasury = Watch {
        name: "treasury".into(),
        addresses: Arc::new(AddressList::from_iter([Address::repeat_byte(2)])),
        chains: vec![ChainId(1)],
        tags: Vec::new(),
        from_block: None,
    };
    let directory = Arc::new(Directory::of(std::slice::from_ref(&treasury)));
    let labels = Labels { watches: Arc::new(vec![treasury]), ..labels() };
    let status = |id: &SourceId| SourceStatus {
        id: id.clone(),
        state: match id.kind {
            SourceKind::Rpc | SourceKind::Explorer => SourceState::Fresh,
            SourceKind::Feed => SourceState::BackingOff(HOSTILE.into()),
        },
        last_event: Some(Timestamp::from_secs(990)),
        blind_since: (id.kind == SourceKind::Feed).then(|| Timestamp::from_secs(900)),
        last_outage: None,
        required: false,
    };
    let sources = labels.sources.iter().map(status).collect();
    Snapshot { labels: Arc::new(labels), store_writable: true, sources, directory, ..Snapshot::default() }
}

pub(super) fn transfer(nth: u32) -> TransferRow {
    let key = TransferKey {
        chain: ChainId(1),
        tx: B256::repeat_byte(7),
        kind: Kind::Coin,
        asset: Asset::Coin,
        from: Address::repeat_byte(1),
        to: Address::repeat_byte(2),
        token_id: None,
        amount: U256::from(1_500_000_000_000_000_000_u64),
        nth,
    };
    TransferRow {
        id: key.id(),
        key,
        block: 19_000_000 + u64::from(nth),
        block_hash: None,
        block_time: Timestamp::from_secs(900),
        log_index: None,
        stage: Stage::Seen,
        suspect: Suspect::default(),
        voucher: Voucher::Authority,
        late: false,
        history: false,
        missing: None,
        first_seen: Timestamp::from_secs(950),
        quote: None,
        settled: false,
    }
}

/// Three transfers, an alert with a hostile rule name, one message.
fn filled() -> Commit {
    let rows = (0..3).map(|nth| Write::Put(Row::Transfer(Box::new(transfer(nth)))));
    let alert = AlertRow {
        id: AlertId([5; 16]),
        rule: HOSTILE.into(),
        severity: Severity::Warning,
        subject: AlertSubject::Transfer {
            transfer: transfer(0).id,
            watch: "treasury".into(),
            address: Address::repeat_byte(2),
            direction: Direction::In,
        },
        revision: 1,
        state: AlertState::Raised,
        said: vec![Stage::Seen],
        told: vec!["ops".into()],
        untold: None,
        raised_at: Timestamp::from_secs(950),
        changed_at: Timestamp::from_secs(950),
        closed: false,
    };
    let message = NewMessage {
        id: MessageId([9; 16]),
        sink: "ops".into(),
        alert: alert.id,
        revision: 1,
        kind: "transfer.seen".into(),
        retracts: false,
        severity: Severity::Warning,
        created: Timestamp::from_secs(950),
        block_time: Some(Timestamp::from_secs(900)),
        body: br#"{"type":"transfer.seen","version":1}"#.as_slice().into(),
    };
    let writes = rows.chain([Write::Put(Row::Alert(Box::new(alert)))]).chain(watched()).chain(paid()).collect();
    Commit { at: Timestamp::from_secs(950), writes, outbox: vec![message] }
}

/// A live payment that waits, a freeze, and a line of the audit.
fn paid() -> [Write; 3] {
    let row = live_row(PaymentState::Held, 0);
    let line =
        AuditRow::after(None, Timestamp::from_secs(1), "walletwatch".into(), "planned".into(), Some(row.id), "".into());
    let office = OfficeRow { frozen: Some("a drill".into()), ..OfficeRow::default() };
    let office =
        [OfficeWrite::Office(office), OfficeWrite::Audit(line)].map(|row| Write::Put(Row::Office(Box::new(row))));
    let [office, line] = office;
    [Write::Put(Row::Payment(Box::new(row))), office, line]
}

/// Two watches that were added, "deposits" with three addresses.
fn watched() -> impl Iterator<Item = Write> {
    let watch = |number, name: &str, addresses| WatchRow {
        number,
        name: name.into(),
        chains: vec![ChainId(1)],
        tags: vec!["own".into()],
        added_at: Timestamp::from_secs(940),
        addresses,
    };
    let address = |byte| AddressRow {
        watch: 0,
        address: Address::repeat_byte(byte),
        reference: Some(format!("c-{byte}").into()),
        label: None,
        from_block: None,
        since: vec![(ChainId(1), 19_000_000)],
    };
    let watches = [watch(0, "deposits", 3), watch(1, "zebra", 0)].map(|row| Write::Put(Row::Watch(Box::new(row))));
    let addresses = [0x10, 0x20, 0x30].map(|byte| Write::Put(Row::Address(Box::new(address(byte)))));
    watches.into_iter().chain(addresses)
}

/// An answer.
pub(super) struct Got {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Got {
    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|fault| panic!("{fault}: {}", self.body))
    }
}

/// Sends bytes and reads until the other side closes.
pub(super) async fn raw(at: SocketAddr, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(at).await.expect("it listens");
    // The other side may answer and close before it has read everything.
    let _ = stream.write_all(bytes).await;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8(answer).expect("answers are text")
}

pub(super) async fn ask(served: &Served, line: &str, head: &[&str], body: &str) -> Got {
    let mut text = format!("{line} HTTP/1.1\r\nConnection: close\r\nContent-Length: {}\r\n", body.len());
    if !head.iter().any(|line| line.starts_with("Host:")) {
        text.push_str("Host: 127.0.0.1\r\n");
    }
    let head: String = head.iter().flat_map(|line| [*line, "\r\n"]).collect();
    let answer = raw(served.at, format!("{text}{head}\r\n{body}").as_bytes()).await;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    let body = if head.to_lowercase().contains("transfer-encoding: chunked") { unchunk(body) } else { body.to_owned() };
    Got { status, head: head.to_lowercase(), body }
}

fn unchunk(mut text: &str) -> String {
    let mut whole = String::new();
    while let Some((size, rest)) = text.split_once("\r\n") {
        let size = usize::from_str_radix(size, 16).expect("it is a size");
        whole.push_str(&rest[..size]);
        text = rest[size..].trim_start_matches("\r\n");
    }
    whole
}

pub(super) fn bearer(token: &str) -> String {
    format!("Authorization: Bearer {token}")
}
