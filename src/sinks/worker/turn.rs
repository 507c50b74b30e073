//! The worker's turn: what it does with everything that came, between two waits.

use super::attempt::{Made, UnwrittenFirst, make};
use super::standing::{Standing, send_again};
use super::{Ledger, LedgerClosed, MOST_AT_ONCE, MOST_UNREPORTED, MOST_UNWRITTEN, Observer, Order, Outcome, Start};
use crate::reactor::event::DeliveryReport;
use crate::sinks::answer::{Blame, Setback};
use crate::sinks::delivery::{Begun, Decision, Machine, OrderFault};
use crate::sinks::digest;
use crate::sinks::{Attempt, Carry, Post, Sink, Verdict};
use crate::store::{DeliveryWrite, OutboxRow};
use crate::types::{Name, Timestamp};
use futures::future::{BoxFuture, FutureExt as _};
use futures::stream::{FuturesUnordered, StreamExt as _};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

/// The longest sleep: the wall clock may move while tokio's does not, and what is due is asked by the wall clock.
const LONGEST_SLEEP: Duration = Duration::from_secs(30);

/// What ended inside the worker.
pub(super) enum Ended {
    /// An attempt.
    Attempt { rows: Vec<Arc<OutboxRow>>, made: Made, took: Duration },
    /// What lasts was sent again; why somebody did not take it.
    SentAgain(Name, Option<Name>),
    /// What an attempt needs could not be read.
    Unread(LedgerClosed),
    /// Bodies were read back for attempts that were begun without one.
    Bodies(Vec<Begun>, Result<Vec<OutboxRow>, LedgerClosed>),
    /// The row of a replay was read.
    Replay(i64, Asked, Result<Vec<OutboxRow>, LedgerClosed>),
}

/// Who asked.
type Asked = oneshot::Sender<Result<(), OrderFault>>;

/// What attempts borrow.
pub(super) struct Outside<P, L, O, C> {
    pub(super) post: P,
    pub(super) ledger: L,
    pub(super) observer: O,
    pub(super) clock: C,
}

/// Everything that the worker holds between two turns.
pub(super) struct Worker<'a, P, L, O, C, R> {
    outside: &'a Outside<P, L, O, C>,
    random: R,
    machine: Machine,
    sinks: BTreeMap<Name, Arc<Sink>>,
    standing: Standing,
    /// Attempts and reads under way.
    pub(super) flying: FuturesUnordered<BoxFuture<'a, Ended>>,
    /// The group of writes under way.
    pub(super) writing: Option<BoxFuture<'a, Result<(), LedgerClosed>>>,
    /// Whose writes are in the group under way, and in the next one.
    asked_now: Vec<Asked>,
    asked_next: Vec<Asked>,
    unwritten: Vec<DeliveryWrite>,
    /// What was remembered by receivers and is not durable yet.
    unwritten_first: UnwrittenFirst,
    /// Reports that the pump has not taken yet.
    pub(super) unreported: VecDeque<DeliveryReport>,
    /// Nothing new is begun.
    pub(super) stopping: bool,
}

impl<'a, P, L, O, C, R> Worker<'a, P, L, O, C, R>
where
    P: Post + Carry + Sync,
    L: Ledger + Sync,
    O: Observer,
    C: Fn() -> Timestamp,
    R: FnMut() -> u64,
{
    pub(super) fn new(outside: &'a Outside<P, L, O, C>, start: Start, random: R) -> Self {
        let lanes = start.sinks.iter().map(|(name, sink)| sink.lane(name.clone())).collect();
        let sinks = start.sinks.into_iter().map(|(name, sink)| (name, Arc::new(sink))).collect();
        let at = (outside.clock)();
        let standing = Standing::new(start.lasting, &start.open, &sinks, at);
        let mut machine = Machine::new(lanes, start.open, &start.disabled, at);
        machine.were_failing(start.failing);
        Self {
            machine,
            standing,
            outside,
            random,
            sinks,
            flying: FuturesUnordered::new(),
            writing: None,
            asked_now: Vec::new(),
            asked_next: Vec::new(),
            unwritten: Vec::new(),
            unwritten_first: UnwrittenFirst::default(),
            unreported: VecDeque::new(),
            stopping: false,
        }
    }

    fn now(&self) -> Timestamp {
        (self.outside.clock)()
    }

    /// Whether a stop has nothing left to wait for.
    pub(super) fn is_done(&self) -> bool {
        self.stopping && self.flying.is_empty() && self.writing.is_none() && self.unwritten.is_empty()
    }

    /// Begins, writes and reports what is due. Gives when to look again.
    pub(super) fn turn(&mut self) -> Option<Instant> {
        let mut wake = None;
        if !self.stopping && self.unwritten.len() < MOST_UNWRITTEN && self.unreported.len() < MOST_UNREPORTED {
            let at = self.now();
            let begun = self.machine.step(at);
            self.begin(begun, at);
            // At least a millisecond: what is due now was begun now.
            let ahead = |due: Timestamp| due.since(at).clamp(Duration::from_millis(1), LONGEST_SLEEP);
            let again = self.send_again(at);
            wake = self.machine.next_wake().into_iter().chain(again).min().map(|due| Instant::now() + ahead(due));
        }
        self.unwritten.append(&mut self.machine.take_writes());
        self.unreported.extend(self.machine.take_reports());
        if self.writing.is_none() {
            self.asked_now.append(&mut self.asked_next);
            if self.unwritten.is_empty() {
                self.answer_asked();
            } else {
                let writes = std::mem::take(&mut self.unwritten);
                self.unwritten_first.writing();
                self.writing = Some(self.outside.ledger.deliver(writes).boxed());
            }
        }
        self.machine.status().for_each(|status| self.outside.observer.stands(status));
        wake
    }

    /// A group of writes is durable.
    pub(super) fn written(&mut self, written: Result<(), LedgerClosed>) -> Result<(), LedgerClosed> {
        self.writing = None;
        written?;
        self.unwritten_first.written();
        self.answer_asked();
        Ok(())
    }

    fn answer_asked(&mut self) {
        for asked in self.asked_now.drain(..) {
            answer(asked, Ok(()));
        }
    }

    fn begin(&mut self, begun: Vec<Begun>, at: Timestamp) {
        let mut without_body = Vec::new();
        for begun in begun {
            let mut rows = vec![begun.row.clone()];
            rows.extend(begun.with.iter().map(|(_, row)| row.clone()));
            match rows.into_iter().collect::<Option<Vec<_>>>() {
                Some(rows) => self.launch(&begun, rows, at),
                None => without_body.push(begun),
            }
        }
        if !without_body.is_empty() {
            let ledger = &self.outside.ledger;
            let of = |begun: &Begun| std::iter::once(begun.seq).chain(begun.with.iter().map(|(seq, _)| *seq)).collect();
            let seqs = without_body.iter().flat_map(|begun| -> Vec<i64> { of(begun) }).collect();
            let read = async move { Ended::Bodies(without_body, ledger.fetch(seqs).await) };
            self.flying.push(read.boxed());
        }
    }

    /// Sends the rows of an attempt: one, or several in one message.
    fn launch(&mut self, begun: &Begun, rows: Vec<Arc<OutboxRow>>, at: Timestamp) {
        let name = begun.sink.clone();
        let Some(sink) = self.sinks.get(&name).cloned() else {
            // A reload removed the sink while the body was read: the machine closes the row.
            return self.not_sent(begun, at, "its sink was removed");
        };
        let folded = if rows.len() > 1 { digest::fold(&rows).map(Arc::new) } else { rows.first().cloned() };
        let Some(row) = folded else { return self.not_sent(begun, at, "there is nothing to send") };
        let alert = row.message.alert;
        self.standing.hold(&name, alert);
        let answers = (sink.threads() && row.message.revision > 1).then(|| self.unwritten_first.get(&name, alert));
        let which = Attempt { number: begun.attempt, again: begun.again };
        let (post, ledger) = (&self.outside.post, &self.outside.ledger);
        let attempt = async move {
            let start = Instant::now();
            let first = match answers {
                None => None,
                Some(unwritten) => match ledger.first_told(name.clone(), alert).await {
                    Ok(written) => written.or(unwritten),
                    Err(closed) => return Ended::Unread(closed),
                },
            };
            let outgoing = sink.outgoing(&row, at, which, first.as_ref());
            let made = make(post, &sink, &name, outgoing).await;
            Ended::Attempt { rows, made, took: start.elapsed() }
        };
        self.flying.push(attempt.boxed());
    }

    /// Takes `first` and whatever else has ended by now.
    pub(super) fn ended_all(&mut self, first: Ended) -> Result<(), LedgerClosed> {
        let mut next = Some(first);
        for _ in 0..MOST_AT_ONCE {
            let Some(ended) = next.take() else { break };
            self.ended(ended)?;
            next = self.flying.next().now_or_never().flatten();
        }
        next.map_or(Ok(()), |ended| self.ended(ended))
    }

    fn ended(&mut self, ended: Ended) -> Result<(), LedgerClosed> {
        match ended {
            Ended::Attempt { rows, made: Made { verdict, pause }, took } => {
                let Some(first) = rows.first() else { return Ok(()) };
                let name = &first.message.sink;
                if let Some(pause) = pause {
                    let until = self.now().after(pause);
                    self.machine.rest(name, until);
                }
                if let Verdict::Delivered { receiver_id } | Verdict::Partly { receiver_id, .. } = &verdict {
                    rows.iter().for_each(|row| self.told(row, receiver_id.as_ref()));
                }
                if self.judged(name, first.seq, verdict, took) == Outcome::Dead {
                    rows.iter().for_each(|row| self.standing.free(name, row.message.alert));
                }
            }
            Ended::SentAgain(sink, not) => self.standing.sent(&sink, self.now(), not.as_ref()),
            Ended::Unread(closed) => return Err(closed),
            Ended::Bodies(begun, rows) => self.bodies(begun, rows?),
            Ended::Replay(seq, asked, rows) => {
                let at = self.now();
                let row = rows?.into_iter().find(|row| row.seq == seq).ok_or(OrderFault::NoRow { seq });
                let done = row.and_then(|row| self.machine.replay(row, at));
                self.asked(asked, done);
            }
        }
        Ok(())
    }

    /// A receiver has a message, and may have said how it calls it.
    fn told(&mut self, row: &Arc<OutboxRow>, id: Option<&Name>) {
        let (name, alert) = (&row.message.sink, row.message.alert);
        let Some(sink) = self.sinks.get(name).cloned() else { return };
        if let Some(id) = id.filter(|_| sink.threads()) {
            self.unwritten_first.told(name, alert, id);
        }
        let row = Arc::new(OutboxRow { receiver_id: id.cloned(), ..(**row).clone() });
        self.standing.delivered(&sink, &row, self.now());
    }

    /// Sends again what lasts, where it is time. Gives when it is next.
    fn send_again(&mut self, at: Timestamp) -> Option<Timestamp> {
        for (name, rows) in self.standing.take(at) {
            let Some(sink) = self.sinks.get(&name).cloned() else { continue };
            let post = &self.outside.post;
            self.flying.push(
                async move {
                    let not = send_again(post, &sink, &rows, at).await;
                    Ended::SentAgain(name, not)
                }
                .boxed(),
            );
        }
        self.standing.next()
    }

    fn judged(&mut self, sink: &Name, seq: i64, verdict: Verdict, took: Duration) -> Outcome {
        let (at, random) = (self.now(), (self.random)());
        // What counts is what became of the message: the last attempt of a schedule is its death, whatever the receiver said.
        let outcome = match self.machine.answered(sink, seq, verdict, at, random) {
            Some(Decision::Delivered { block_time }) => {
                if let Some(block_time) = block_time {
                    self.outside.observer.latency(sink, at.since(block_time));
                }
                Outcome::Ok
            }
            Some(Decision::Dead) => Outcome::Dead,
            Some(Decision::Again) | None => Outcome::Again,
        };
        self.outside.observer.attempt(sink, outcome, took);
        outcome
    }

    fn bodies(&mut self, begun: Vec<Begun>, rows: Vec<OutboxRow>) {
        if self.stopping {
            return;
        }
        let at = self.now();
        let rows: BTreeMap<i64, Arc<OutboxRow>> = rows.into_iter().map(|row| (row.seq, Arc::new(row))).collect();
        for begun in begun {
            let seqs = std::iter::once(begun.seq).chain(begun.with.iter().map(|(seq, _)| *seq));
            match seqs.map(|seq| rows.get(&seq).cloned()).collect() {
                Some(rows) => self.launch(&begun, rows, at),
                None => self.not_sent(&begun, at, "its row is not in the store any more"),
            }
        }
    }

    /// An attempt that was begun and cannot be made, now or ever.
    fn not_sent(&mut self, begun: &Begun, at: Timestamp, reason: &str) {
        let setback = Setback { reason: reason.into(), told: false, wait: None, blame: Blame::Message };
        let random = (self.random)();
        self.machine.answered(&begun.sink, begun.seq, Verdict::Dead(setback), at, random);
    }

    /// New rows, and whatever else has been committed by now.
    pub(super) fn take_rows(&mut self, first: Vec<OutboxRow>, more: &mut mpsc::Receiver<Vec<OutboxRow>>) {
        let at = self.now();
        let mut taken = first.len();
        self.machine.arrived(first, at);
        while taken < MOST_AT_ONCE
            && let Ok(batch) = more.try_recv()
        {
            taken += batch.len().max(1);
            self.machine.arrived(batch, at);
        }
    }

    /// Does what people ask.
    pub(super) fn order(&mut self, order: Order) {
        let at = self.now();
        match order {
            Order::Replay(seq, asked) => {
                let ledger = &self.outside.ledger;
                let read = async move { Ended::Replay(seq, asked, ledger.fetch(vec![seq]).await) };
                self.flying.push(read.boxed());
            }
            Order::Drop(seq, asked) => {
                let done = self.machine.drop_row(seq, at);
                self.asked(asked, done);
            }
            Order::Enable(sink, asked) => {
                let done = self.machine.enable(&sink, at);
                self.asked(asked, done);
            }
            Order::Status(asked) => {
                // Who asked may have gone away meanwhile.
                let _ = asked.send(self.machine.status().collect());
            }
            Order::Configure(sinks, asked) => {
                self.configure(sinks, at);
                self.asked(asked, Ok(()));
            }
        }
    }

    fn configure(&mut self, sinks: BTreeMap<Name, Sink>, at: Timestamp) {
        let moved = |(name, sink): (&Name, &Sink)| {
            let before = self.sinks.get(name)?;
            sink.leads_elsewhere(before).then(|| name.clone())
        };
        let moved: Vec<Name> = sinks.iter().filter_map(moved).collect();
        let lanes = sinks.iter().map(|(name, sink)| sink.lane(name.clone())).collect();
        self.machine.configure(lanes, &moved, at);
        self.sinks = sinks.into_iter().map(|(name, sink)| (name, Arc::new(sink))).collect();
        self.standing.keep(&self.sinks);
    }

    /// Answers a fault at once, and a success when what it wrote is durable.
    fn asked(&mut self, asked: Asked, done: Result<(), OrderFault>) {
        match done {
            Ok(()) => self.asked_next.push(asked),
            Err(fault) => answer(asked, Err(fault)),
        }
    }
}

/// Tells who asked; they may have gone away meanwhile.
fn answer(asked: Asked, done: Result<(), OrderFault>) {
    let _ = asked.send(done);
}
