//! The worker against receivers that are well, slow, unwell, hostile and gone: in memory on a paused clock, and on loopback sockets.

mod receivers;

use super::*;
use crate::config::checked::{SinkConfig, SinkKind};
use crate::sinks::answer::{Answer, SinkRequest, SinkResponse};
use crate::sinks::letter::{Letter, LetterAnswer, Taken};
use crate::sinks::samples::{at, small_row};
use crate::store::OutboxState;
use crate::types::Secret;
use bytes::Bytes;
use std::sync::{Arc, Mutex};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// A store in memory, whose rows anyone can look at.
#[derive(Debug, Clone, Default)]
struct Book {
    rows: Arc<Mutex<BTreeMap<i64, OutboxRow>>>,
    fetched: Arc<Mutex<Vec<i64>>>,
    broken: bool,
    /// Rings at every group of writes.
    bell: Arc<Notify>,
}

impl Book {
    fn add(&self, rows: &[OutboxRow]) {
        let rows = rows.iter().map(|row| (row.seq, row.clone()));
        self.rows.lock().expect("no test panicked in it").extend(rows);
    }

    fn row(&self, seq: i64) -> OutboxRow {
        self.rows.lock().expect("no test panicked in it")[&seq].clone()
    }

    fn count(&self, sink: &str, state: OutboxState) -> usize {
        let rows = self.rows.lock().expect("no test panicked in it");
        rows.values().filter(|row| row.message.sink.as_str() == sink && row.state == state).count()
    }
}

impl Ledger for Book {
    async fn deliver(&self, writes: Vec<DeliveryWrite>) -> Result<(), LedgerClosed> {
        assert!(!writes.is_empty(), "an empty group is no group");
        if self.broken {
            return Err(LedgerClosed);
        }
        let mut rows = self.rows.lock().expect("no test panicked in it");
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
        let rows = self.rows.lock().expect("no test panicked in it");
        self.fetched.lock().expect("no test panicked in it").extend(&seqs);
        Ok(seqs.iter().filter_map(|seq| rows.get(seq).cloned()).collect())
    }

    async fn first_told(&self, sink: Name, alert: AlertId) -> Result<Option<Name>, LedgerClosed> {
        let rows = self.rows.lock().expect("no test panicked in it");
        let mut of_alert = rows.values().filter(|row| row.message.sink == sink && row.message.alert == alert);
        Ok(of_alert.find_map(|row| row.receiver_id.clone()))
    }
}

/// Counts attempts by sink and outcome.
#[derive(Debug, Clone, Default)]
struct Count(Arc<Mutex<BTreeMap<(Name, &'static str), usize>>>);

impl Count {
    fn of(&self, sink: &str, outcome: Outcome) -> usize {
        let counts = self.0.lock().expect("no test panicked in it");
        counts.get(&(sink.into(), outcome.word())).copied().unwrap_or(0)
    }
}

impl Observer for Count {
    fn attempt(&self, sink: &Name, outcome: Outcome, _took: Duration) {
        *self.0.lock().expect("no test panicked in it").entry((sink.clone(), outcome.word())).or_default() += 1;
    }
    fn latency(&self, _sink: &Name, _since_block: Duration) {}
    fn stands(&self, _status: LaneStatus) {}
}

/// Receivers in memory: each url's host says how it answers. Remembers who got what when.
#[derive(Debug, Clone, Default)]
struct World {
    got: Arc<Mutex<Vec<(String, String, Instant)>>>,
}

impl World {
    fn of(&self, url: &str) -> Vec<(String, Instant)> {
        let got = self.got.lock().expect("no test panicked in it");
        got.iter().filter(|(to, _, _)| to == url).map(|(_, id, when)| (id.clone(), *when)).collect()
    }
}

impl Post for World {
    async fn post(&self, request: SinkRequest) -> Answer {
        let url = request.to.url().expose().to_owned();
        let id = request.headers.iter().find(|(name, _)| *name == "webhook-id").map(|(_, id)| id.clone());
        let nth = self.of(&url).len();
        self.got.lock().expect("no test panicked in it").push((url.clone(), id.unwrap_or_default(), Instant::now()));
        let answer = |status, retry_after| Ok(SinkResponse { status, retry_after, pause: None, body: Bytes::new() });
        match url.as_str() {
            "busy-once" if nth == 0 => answer(429, Some(Duration::from_mins(1))),
            "down" => answer(500, None),
            "hangs" => std::future::pending().await,
            "slow" => {
                tokio::time::sleep(Duration::from_secs(2)).await;
                answer(200, None)
            }
            _ => answer(200, None),
        }
    }
}

impl Carry for World {
    async fn carry(&self, letter: Letter) -> LetterAnswer {
        self.got.lock().expect("no test panicked in it").push(("mail".into(), letter.id.to_string(), Instant::now()));
        Ok(Taken::default())
    }
}

fn webhook(name: &str, url: &str) -> (Name, Sink) {
    let secret = Secret::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".to_owned());
    let kind = SinkKind::Webhook { url: Secret::new(url.to_owned()), secret, allow_private: true };
    let config = SinkConfig { name: name.into(), kind };
    (name.into(), Sink::new(&config).expect("the secret is good"))
}

/// A running worker and its ends.
struct Rig {
    book: Book,
    count: Count,
    rows: mpsc::Sender<Vec<OutboxRow>>,
    orders: mpsc::Sender<Order>,
    reports: mpsc::Receiver<DeliveryReport>,
    stop: CancellationToken,
    worker: JoinHandle<Result<(), LedgerClosed>>,
}

impl Rig {
    fn start(
        post: impl Post + Carry + Send + Sync + 'static,
        book: Book,
        sinks: &[(Name, Sink)],
        open: Vec<OutboxRow>,
    ) -> Self {
        book.add(&open);
        let (rows, rows_in) = mpsc::channel(16);
        let (orders, orders_in) = mpsc::channel(16);
        let (reports_out, reports) = mpsc::channel(1);
        let (count, stop) = (Count::default(), CancellationToken::new());
        let began = Instant::now();
        let wires = Wires {
            post,
            ledger: book.clone(),
            observer: count.clone(),
            clock: move || at(0).after(began.elapsed()),
            random: || 200,
            rows: rows_in,
            orders: orders_in,
            reports: reports_out,
            stop: stop.clone(),
        };
        let start =
            Start { sinks: sinks.iter().cloned().collect(), open, disabled: vec![], failing: vec![], lasting: vec![] };
        let worker = tokio::spawn(deliver(start, wires));
        Self { book, count, rows, orders, reports, stop, worker }
    }

    async fn commit(&self, rows: Vec<OutboxRow>) {
        self.book.add(&rows);
        self.rows.send(rows).await.expect("the worker runs");
    }

    async fn ask(
        &self,
        order: impl FnOnce(oneshot::Sender<Result<(), OrderFault>>) -> Order,
    ) -> Result<(), OrderFault> {
        let (asked, answered) = oneshot::channel();
        self.orders.send(order(asked)).await.expect("the worker runs");
        answered.await.expect("the worker answers")
    }

    /// Waits until what is durable is as it should be.
    async fn until(&self, is: impl Fn(&Book) -> bool) {
        loop {
            let mut rung = std::pin::pin!(self.book.bell.notified());
            rung.as_mut().enable();
            if is(&self.book) {
                return;
            }
            rung.await;
        }
    }

    /// Waits until so many messages of a sink are closed as done, durably.
    async fn until_done(&self, sink: &str, count: usize) {
        self.until(|book| book.count(sink, OutboxState::Done) >= count).await;
    }

    async fn end(self) -> Result<(), LedgerClosed> {
        self.stop.cancel();
        self.worker.await.expect("the worker does not panic")
    }
}

fn rows(sink: &str, from: i64, count: u8) -> Vec<OutboxRow> {
    (0..count).map(|n| small_row(from + i64::from(n), sink, n, 1, false)).collect()
}

#[tokio::test(start_paused = true)]
async fn a_receiver_that_asks_for_a_minute_gets_a_minute_and_the_same_id() {
    let world = World::default();
    let rig = Rig::start(world.clone(), Book::default(), &[webhook("ops", "busy-once")], vec![]);
    rig.commit(rows("ops", 1, 1)).await;
    rig.until_done("ops", 1).await;
    let got = world.of("busy-once");
    assert_eq!(got.len(), 2);
    assert_eq!(got[0].0, got[1].0);
    assert_eq!((got[1].1 - got[0].1).as_secs(), 60);
    assert_eq!(rig.book.row(1).attempts, 2);
    assert_eq!(rig.end().await, Ok(()));
}

#[tokio::test(start_paused = true)]
async fn the_last_attempt_of_a_schedule_counts_as_a_death() {
    let rig = Rig::start(World::default(), Book::default(), &[webhook("ops", "down")], rows("ops", 1, 1));
    rig.until(|book| book.count("ops", OutboxState::Dead) == 1).await;
    assert_eq!((rig.book.row(1).attempts, rig.count.of("ops", Outcome::Dead)), (10, 1));
    let again = rig.count.of("ops", Outcome::Again);
    assert!((800..1_000).contains(&again), "asked every five minutes over three days: {again}");
    assert_eq!(rig.end().await, Ok(()));
}

#[tokio::test(start_paused = true)]
async fn what_waits_at_start_is_delivered_at_once_and_beside_a_receiver_that_hangs() {
    let world = World::default();
    let open = [rows("hang", 0, 200), rows("ops", 1_000, 200)].concat();
    let sinks = [webhook("ops", "well"), webhook("hang", "hangs")];
    let began = Instant::now();
    let mut rig = Rig::start(world.clone(), Book::default(), &sinks, open);
    rig.until_done("ops", 200).await;
    assert!(began.elapsed() < Duration::from_millis(100), "on a paused clock this is no time at all");
    assert_eq!(rig.reports.recv().await, Some(DeliveryReport::Recovered { sink: "ops".into() }));
    let failing = rig.reports.recv().await;
    assert!(matches!(&failing, Some(DeliveryReport::Failing { sink, .. }) if sink.as_str() == "hang"), "{failing:?}");
    let tried = world.of("hangs").len();
    assert!((64..100).contains(&tried), "{tried} attempts: 64 at once, then single probes");
    let hung = world.of("hangs");
    assert_eq!((hung[64].1 - hung[0].1).as_secs(), 16 + 5, "each is cut off behind its deadline");
    assert_eq!(rig.end().await, Ok(()));
}

#[tokio::test(start_paused = true)]
async fn a_stop_waits_for_what_is_under_way_records_it_and_begins_nothing_more() {
    let world = World::default();
    let rig = Rig::start(world.clone(), Book::default(), &[webhook("ops", "slow")], vec![]);
    rig.commit(rows("ops", 0, 100)).await;
    while world.of("slow").is_empty() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let book = rig.book.clone();
    assert_eq!(rig.end().await, Ok(()));
    assert_eq!((book.count("ops", OutboxState::Done), book.count("ops", OutboxState::Pending)), (64, 36));
    assert_eq!(world.of("slow").len(), 64);
}

#[tokio::test(start_paused = true)]
async fn a_stop_cuts_off_what_hangs_and_leaves_it_pending() {
    let rig = Rig::start(World::default(), Book::default(), &[webhook("ops", "hangs")], rows("ops", 0, 3));
    tokio::time::sleep(Duration::from_millis(1)).await;
    let (book, began) = (rig.book.clone(), Instant::now());
    assert_eq!(rig.end().await, Ok(()));
    assert_eq!(began.elapsed(), GRACE);
    assert_eq!(book.count("ops", OutboxState::Pending), 3);
}

#[tokio::test(start_paused = true)]
async fn people_can_replay_drop_enable_and_look() {
    let world = World::default();
    let rig = Rig::start(world.clone(), Book::default(), &[webhook("ops", "well"), webhook("bad", "down")], vec![]);
    rig.commit([rows("ops", 1, 1), rows("bad", 2, 1)].concat()).await;
    rig.until_done("ops", 1).await;
    assert_eq!(rig.ask(|asked| Order::Replay(1, asked)).await, Ok(()));
    while world.of("well").len() < 2 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let got = world.of("well");
    assert_eq!(got[0].0, got[1].0, "the same id");
    rig.until_done("ops", 1).await;
    assert_eq!(rig.ask(|asked| Order::Replay(99, asked)).await, Err(OrderFault::NoRow { seq: 99 }));
    assert_eq!(rig.ask(|asked| Order::Replay(2, asked)).await, Err(OrderFault::Pending { seq: 2 }));
    assert_eq!(rig.ask(|asked| Order::Drop(2, asked)).await, Ok(()));
    assert_eq!(rig.book.row(2).state, OutboxState::Dead, "it is durable before the answer");
    assert_eq!(rig.ask(|asked| Order::Drop(2, asked)).await, Err(OrderFault::Closed { seq: 2 }));
    let nobody: Name = "nobody".into();
    assert_eq!(
        rig.ask(|asked| Order::Enable(nobody.clone(), asked)).await,
        Err(OrderFault::NoSink { sink: nobody.clone() })
    );
    let (asked, status) = oneshot::channel();
    rig.orders.send(Order::Status(asked)).await.expect("the worker runs");
    let names: Vec<Name> = status.await.expect("the worker answers").into_iter().map(|lane| lane.sink).collect();
    assert_eq!(names, ["bad".into(), "ops".into()]);
    assert_eq!(rig.end().await, Ok(()));
}

#[tokio::test(start_paused = true)]
async fn a_reload_with_another_url_tries_what_waited_at_once() {
    let world = World::default();
    let rig = Rig::start(world.clone(), Book::default(), &[webhook("ops", "down")], rows("ops", 0, 3));
    tokio::time::sleep(Duration::from_mins(1)).await;
    assert_eq!(rig.book.count("ops", OutboxState::Pending), 3);
    let sinks = BTreeMap::from([webhook("ops", "well")]);
    assert_eq!(rig.ask(|asked| Order::Configure(sinks, asked)).await, Ok(()));
    rig.until_done("ops", 3).await;
    assert_eq!(world.of("well").len(), 3);
    assert_eq!(rig.ask(|asked| Order::Configure(BTreeMap::new(), asked)).await, Ok(()));
    rig.commit(rows("ops", 10, 1)).await;
    rig.until(|book| book.row(10).state == OutboxState::Dead).await;
    assert_eq!(rig.end().await, Ok(()));
}

#[tokio::test(start_paused = true)]
async fn bodies_that_are_not_held_are_read_back_in_batches() {
    let large = |mut row: OutboxRow| {
        row.message.body = vec![b' '; 1024 * 1024].into();
        row
    };
    let open: Vec<OutboxRow> = rows("ops", 0, 40).into_iter().map(large).collect();
    let rig = Rig::start(World::default(), Book::default(), &[webhook("ops", "well")], open);
    rig.until_done("ops", 40).await;
    assert_eq!(rig.book.fetched.lock().expect("no test panicked in it").len(), 24, "16 MiB are held");
    assert_eq!(rig.end().await, Ok(()));
}

#[tokio::test(start_paused = true)]
async fn a_store_that_fails_ends_the_worker() {
    let book = Book { broken: true, ..Book::default() };
    let rig = Rig::start(World::default(), book, &[webhook("ops", "well")], rows("ops", 0, 1));
    assert_eq!(rig.worker.await.expect("the worker does not panic"), Err(LedgerClosed));
}

#[tokio::test(start_paused = true)]
async fn the_log_is_a_sink_that_always_works() {
    let sink = Sink::new(&SinkConfig { name: "log".into(), kind: SinkKind::Log }).expect("it needs nothing");
    let rig = Rig::start(World::default(), Book::default(), &[("log".into(), sink)], rows("log", 0, 200));
    rig.until_done("log", 200).await;
    assert_eq!(rig.count.of("log", Outcome::Ok), 200);
    assert_eq!(rig.end().await, Ok(()));
}
