//! The delivery worker over a store in memory, and messages to deliver.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use walletwatch::reactor::effect::{Body, Message, MessageKind, Suspect, TransferBody};
use walletwatch::reactor::settings::Direction;
use walletwatch::sinks::delivery::LaneStatus;
use walletwatch::sinks::worker::{Ledger, LedgerClosed, Observer, Outcome, Start, Wires, deliver};
use walletwatch::sinks::{Carry, Post, Sink, freeze};
use walletwatch::store::{DeliveryWrite, OutboxRow, OutboxState};
use walletwatch::types::{
    Address, AlertId, Asset, B256, ChainId, Kind, Name, Severity, Stage, Timestamp, TransferKey, U256,
};

/// A store in memory, which outlives a worker.
#[derive(Debug, Clone, Default)]
pub(crate) struct Book {
    rows: Arc<Mutex<BTreeMap<i64, OutboxRow>>>,
    bell: Arc<Notify>,
    /// A disk that takes its time: what follows at once must not depend on it.
    takes: Duration,
}

impl Book {
    pub(crate) fn slow() -> Self {
        Self { takes: Duration::from_secs(1), ..Self::default() }
    }

    pub(crate) fn row(&self, seq: i64) -> OutboxRow {
        self.rows.lock().expect("no holder panics")[&seq].clone()
    }

    /// As `Reader::lasting` has it.
    fn lasting(&self) -> Vec<OutboxRow> {
        let rows = self.rows.lock().expect("no holder panics");
        let done = rows.values().filter(|row| row.state == OutboxState::Done);
        let last: BTreeMap<AlertId, OutboxRow> = done.map(|row| (row.message.alert, row.clone())).collect();
        last.into_values().collect()
    }

    fn open(&self) -> Vec<OutboxRow> {
        let rows = self.rows.lock().expect("no holder panics");
        rows.values().filter(|row| row.state == OutboxState::Pending).cloned().collect()
    }
}

impl Ledger for Book {
    async fn deliver(&self, writes: Vec<DeliveryWrite>) -> Result<(), LedgerClosed> {
        tokio::time::sleep(self.takes).await;
        let mut rows = self.rows.lock().expect("no holder panics");
        for write in writes {
            if let DeliveryWrite::Outcome { seq, state, attempts, due, reason, receiver_id, closed_at } = write {
                let row = rows.get_mut(&seq).expect("it is in the store");
                *row = OutboxRow { state, attempts, due, reason, receiver_id, closed_at, ..row.clone() };
            }
        }
        self.bell.notify_waiters();
        Ok(())
    }

    async fn fetch(&self, seqs: Vec<i64>) -> Result<Vec<OutboxRow>, LedgerClosed> {
        let rows = self.rows.lock().expect("no holder panics");
        Ok(seqs.iter().filter_map(|seq| rows.get(seq).cloned()).collect())
    }

    async fn first_told(&self, sink: Name, alert: AlertId) -> Result<Option<Name>, LedgerClosed> {
        let rows = self.rows.lock().expect("no holder panics");
        let mut of_alert = rows.values().filter(|row| row.message.sink == sink && row.message.alert == alert);
        Ok(of_alert.find_map(|row| row.receiver_id.clone()))
    }
}

struct Nobody;

impl Observer for Nobody {
    fn attempt(&self, _: &Name, _: Outcome, _: Duration) {}
    fn latency(&self, _: &Name, _: Duration) {}
    fn stands(&self, _: LaneStatus) {}
}

/// A running worker with one sink, `people`.
pub(crate) struct Rig {
    pub(crate) book: Book,
    rows: mpsc::Sender<Vec<OutboxRow>>,
    stop: CancellationToken,
    worker: JoinHandle<Result<(), LedgerClosed>>,
}

impl Rig {
    pub(crate) fn start(post: impl Post + Carry + Send + Sync + 'static, book: Book, sink: Sink) -> Self {
        let began = Instant::now();
        let clock = move || Timestamp::from_secs(1_800_000_000).after(began.elapsed());
        Self::start_by(post, book, sink, clock)
    }

    /// With a clock of one's own: receivers that are real have the real time.
    pub(crate) fn start_by(
        post: impl Post + Carry + Send + Sync + 'static,
        book: Book,
        sink: Sink,
        clock: impl Fn() -> Timestamp + Send + Sync + 'static,
    ) -> Self {
        let (rows, rows_in) = mpsc::channel(16);
        let (_, orders) = mpsc::channel(1);
        let (reports, mut reported) = mpsc::channel(64);
        tokio::spawn(async move { while reported.recv().await.is_some() {} });
        let stop = CancellationToken::new();
        let start = Start {
            sinks: BTreeMap::from([("people".into(), sink)]),
            open: book.open(),
            disabled: Vec::new(),
            failing: Vec::new(),
            lasting: book.lasting(),
        };
        let wires = Wires {
            post,
            ledger: book.clone(),
            observer: Nobody,
            clock,
            random: || 200,
            rows: rows_in,
            orders,
            reports,
            stop: stop.clone(),
        };
        let worker = tokio::spawn(deliver(start, wires));
        Self { book, rows, stop, worker }
    }

    /// Commits messages; gives the number of the first.
    pub(crate) async fn commit(&self, messages: Vec<Message>) -> i64 {
        let (first, rows) = {
            let mut kept = self.book.rows.lock().expect("no holder panics");
            let first = kept.last_key_value().map_or(1, |(seq, _)| seq + 1);
            let frozen = messages.iter().map(|message| freeze(message, &"people".into()));
            let rows: Vec<OutboxRow> = (first..).zip(frozen).map(|(seq, row)| OutboxRow::new(seq, row)).collect();
            kept.extend(rows.iter().map(|row| (row.seq, row.clone())));
            (first, rows)
        };
        self.rows.send(rows).await.expect("the worker runs");
        first
    }

    /// Waits until what is durable is as it should be.
    pub(crate) async fn until(&self, is: impl Fn(&Book) -> bool) {
        loop {
            let mut rung = std::pin::pin!(self.book.bell.notified());
            rung.as_mut().enable();
            if is(&self.book) {
                return;
            }
            rung.await;
        }
    }

    /// Waits until nothing is pending.
    pub(crate) async fn until_closed(&self) {
        self.until(|book| book.open().is_empty()).await;
    }

    /// `kill -9`: what was not durable is gone.
    pub(crate) async fn kill(self) -> Book {
        self.worker.abort();
        let _ = self.worker.await;
        self.book
    }

    pub(crate) async fn end(self) -> Book {
        self.stop.cancel();
        self.worker.await.expect("the worker does not panic").expect("the store is there");
        self.book
    }
}

/// A message about a transfer of a token that calls itself so.
pub(crate) fn message(alert: u8, revision: u32, stage: Stage, symbol: &str) -> Message {
    let key = TransferKey {
        chain: ChainId(1),
        tx: B256::repeat_byte(alert),
        kind: Kind::Token,
        asset: Asset::Token(Address::repeat_byte(0x33)),
        from: Address::repeat_byte(0x11),
        to: Address::repeat_byte(0x22),
        token_id: None,
        amount: U256::from(1_234_567_000),
        nth: 0,
    };
    let body = TransferBody {
        transfer: key.id(),
        key,
        chain: "ethereum".into(),
        watch: "treasury".into(),
        address: Address::repeat_byte(0x22),
        reference: None,
        tags: Vec::new(),
        direction: Direction::In,
        symbol: Some(symbol.into()),
        decimals: Some(6),
        verified: false,
        block: 19_000_000,
        block_hash: None,
        block_time: Timestamp::from_secs(1_799_999_000),
        log_index: None,
        confirmations: 12,
        stage,
        previous_stage: None,
        reason: None,
        suspect: Suspect::default(),
        late: false,
        history: false,
        usd: None,
        usd_unknown: None,
        label: None,
        url: Some("https://etherscan.io/tx/0xabab".into()),
    };
    Message {
        sinks: vec!["people".into()],
        alert: AlertId([alert; 16]),
        revision,
        kind: MessageKind::Transfer(stage),
        severity: Severity::Info,
        rule: Some("usdc in".into()),
        at: Timestamp::from_secs(1_799_999_900),
        body: Body::Transfer(Box::new(body)),
        simulated: false,
    }
}

/// The same, of what is never told several in one.
pub(crate) fn grave(message: Message) -> Message {
    Message { severity: Severity::Warning, ..message }
}

/// The `n`th of many alerts, each about a transaction of its own.
pub(crate) fn numbered(n: u32, severity: Severity, symbol: &str) -> Message {
    let mut told = message(0, 1, Stage::Seen, symbol);
    let mut id = [0xaa; 16];
    id[..4].copy_from_slice(&n.to_be_bytes());
    (told.alert, told.severity) = (AlertId(id), severity);
    if let Body::Transfer(transfer) = &mut told.body {
        let mut tx = B256::repeat_byte(0xbb);
        tx[..4].copy_from_slice(&n.to_be_bytes());
        transfer.key.tx = tx;
        transfer.transfer = transfer.key.id();
    }
    told
}

/// Names that strangers give their tokens.
pub(crate) const HOSTILE: [&str; 12] = [
    "<b>USDC</b>",
    "</b><a href=\"https://evil.example\">USDC",
    "&lt;USDC&gt;",
    "USDC\r\nBcc: everyone@example.com",
    "claim.example",
    "https://evil.example/claim",
    "@support",
    "/start",
    "_*[USDC](tg://user?id=1)*_",
    "\u{202e}CDSU\u{200b}",
    "<script>alert(1)</script>",
    "..\n.\r\n",
];
