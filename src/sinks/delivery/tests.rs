//! The delivery machine: its laws under any interleaving, and the cases by name.

mod cases;
mod memory;
mod shared;

use super::*;
use crate::sinks::answer::{Blame, Setback};
use crate::sinks::samples::{at, small_row};
use crate::sinks::schedule;
use crate::types::{AlertId, Severity};
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::time::Duration;

const SINKS: [&str; 3] = ["ops", "chat", "pager"];

/// What can happen.
#[derive(Debug, Clone, Copy)]
enum Op {
    /// A commit with a message of this alert to those of the sinks whose bit is set.
    Commit {
        alert: u8,
        sinks: u8,
        retracts: bool,
    },
    /// So many alerts at once, of every severity: the chat is behind.
    Burst(u8),
    /// So many milliseconds pass.
    Pass(u64),
    /// One attempt under way ends.
    Answer {
        which: usize,
        verdict: u8,
    },
    /// The process dies and comes back.
    Restart,
    Enable(u8),
    Drop(usize),
    Replay(usize),
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        6 => (0..4u8, 1..8u8, prop::bool::weighted(0.3))
            .prop_map(|(alert, sinks, retracts)| Op::Commit { alert, sinks, retracts }),
        3 => (0..400_000u64).prop_map(Op::Pass),
        1 => (0..200_000_000u64).prop_map(Op::Pass),
        8 => (any::<usize>(), 0..10u8).prop_map(|(which, verdict)| Op::Answer { which, verdict }),
        1 => (10..60u8).prop_map(Op::Burst),
        1 => Just(Op::Restart),
        1 => (0..3u8).prop_map(Op::Enable),
        1 => any::<usize>().prop_map(Op::Drop),
        1 => any::<usize>().prop_map(Op::Replay),
    ]
}

fn lanes() -> Vec<LaneSettings> {
    let lane = |(name, concurrency, pace)| {
        let (folds, drops_repeats) = (name == "chat", name == "pager");
        let paces = vec![(Meter::of(&[name]), pace)];
        LaneSettings { name: Name::from(name), concurrency, paces, folds, drops_repeats }
    };
    let second = Duration::from_secs(1);
    let counted = Pace { apart: second, most: Some((50, Duration::from_mins(1))) };
    [("ops", 4, Pace::FREE), ("chat", 1, counted), ("pager", 2, Pace::FREE)].map(lane).to_vec()
}

/// A verdict by number; the low ones deliver.
fn verdict(number: u8) -> Verdict {
    let setback = |told, blame, wait| Setback { reason: "HTTP 500".into(), told, wait, blame };
    match number {
        0..=2 => Verdict::Delivered { receiver_id: Some("theirs".into()) },
        3 => Verdict::Again(setback(true, Blame::Message, None)),
        4 => Verdict::Again(setback(false, Blame::Sink, None)),
        5 => Verdict::Again(setback(false, Blame::Pause, Some(Duration::from_secs(90)))),
        6 => Verdict::Again(setback(true, Blame::Sink, Some(Duration::MAX))),
        7 => Verdict::Dead(setback(false, Blame::Message, None)),
        8 => Verdict::Disabled(setback(false, Blame::Message, None)),
        _ => Verdict::Partly { receiver_id: Some("theirs".into()), reason: "not recipient 2".into() },
    }
}

/// The rows of an attempt.
fn seqs(begun: &Begun) -> Vec<i64> {
    std::iter::once(begun.seq).chain(begun.with.iter().map(|(seq, _)| *seq)).collect()
}

/// A store and receivers around the machine, with an opinion on all it does.
struct World {
    now: Timestamp,
    machine: Machine,
    store: BTreeMap<i64, OutboxRow>,
    disabled: BTreeSet<Name>,
    revisions: BTreeMap<u8, u32>,
    flying: Vec<Begun>,
    /// Rows of which any attempt was ever begun.
    ever_begun: BTreeSet<i64>,
    /// The number of the first row of this run.
    run_began: i64,
    delivered: BTreeSet<i64>,
    given_up: BTreeSet<i64>,
}

impl World {
    fn new() -> Self {
        Self {
            now: at(0),
            machine: Machine::with_room(2_000, lanes(), Vec::new(), &[], at(0)),
            store: BTreeMap::new(),
            disabled: BTreeSet::new(),
            revisions: BTreeMap::new(),
            flying: Vec::new(),
            ever_begun: BTreeSet::new(),
            run_began: 0,
            delivered: BTreeSet::new(),
            given_up: BTreeSet::new(),
        }
    }

    fn apply(&mut self, op: Op) {
        match op {
            Op::Commit { alert, sinks, retracts } => self.commit(alert, sinks, retracts),
            Op::Burst(alerts) => (0..alerts).for_each(|nth| self.commit(100 + nth, 2, false)),
            Op::Pass(millis) => self.now = self.now.after(Duration::from_millis(millis)),
            Op::Answer { which, verdict: number } => self.answer(which, verdict(number)),
            Op::Restart => self.restart(),
            Op::Enable(sink) => {
                let sink = SINKS[usize::from(sink) % SINKS.len()].into();
                self.machine.enable(&sink, self.now).expect("it is in the config");
            }
            Op::Drop(which) => {
                if let Some(seq) = self.pick(which, |row| row.state == OutboxState::Pending) {
                    self.given_up.insert(seq);
                    self.machine.drop_row(seq, self.now).expect("it is pending");
                }
            }
            Op::Replay(which) => {
                if let Some(seq) = self.pick(which, |row| row.state != OutboxState::Pending) {
                    self.given_up.remove(&seq);
                    self.machine.replay(self.store[&seq].clone(), self.now).expect("it is closed");
                }
            }
        }
        self.turn();
    }

    fn pick(&self, which: usize, which_are: impl Fn(&OutboxRow) -> bool) -> Option<i64> {
        let seqs: Vec<i64> = self.store.values().filter(|row| which_are(row)).map(|row| row.seq).collect();
        (!seqs.is_empty()).then(|| seqs[which % seqs.len()])
    }

    fn commit(&mut self, alert: u8, sinks: u8, retracts: bool) {
        let revision = self.revisions.entry(alert).or_default();
        *revision += 1;
        let revision = *revision;
        let mut rows = Vec::new();
        for (bit, sink) in SINKS.iter().enumerate() {
            if sinks & (1 << bit) != 0 {
                let seq = i64::try_from(self.store.len()).expect("it is small");
                let mut row = small_row(seq, sink, alert, revision, retracts);
                row.message.severity = Severity::ALL[usize::from(alert % 9).saturating_sub(6)];
                self.store.insert(seq, row.clone());
                rows.push(row);
            }
        }
        self.machine.arrived(rows, self.now);
    }

    fn restart(&mut self) {
        self.flying.clear();
        self.run_began = i64::try_from(self.store.len()).expect("it is small");
        let open = self.store.values().filter(|row| row.state == OutboxState::Pending).cloned().collect();
        let disabled: Vec<Name> = self.disabled.iter().cloned().collect();
        self.machine = Machine::with_room(2_000, lanes(), open, &disabled, self.now);
    }

    fn answer(&mut self, which: usize, verdict: Verdict) {
        if self.flying.is_empty() {
            return;
        }
        let begun = self.flying.swap_remove(which % self.flying.len());
        match &verdict {
            Verdict::Delivered { .. } | Verdict::Partly { .. } => self.delivered.extend(seqs(&begun)),
            Verdict::Dead(_) if begun.with.is_empty() => {
                self.given_up.insert(begun.seq);
            }
            // What several were refused for may be one's fault.
            Verdict::Dead(_) | Verdict::Again(_) | Verdict::Disabled(_) => {}
        }
        let random = u64::try_from(which).expect("it fits");
        self.machine.answered(&begun.sink, begun.seq, verdict, self.now, random);
    }

    fn turn(&mut self) {
        self.write();
        let begun = self.machine.step(self.now);
        self.write();
        for begun in begun {
            assert!(begun.with.is_empty() || begun.sink.as_str() == "chat", "only chats get several in one");
            assert!(begun.with.len() < crate::sinks::digest::MOST);
            for seq in seqs(&begun) {
                let row = if seq == begun.seq { begun.row.clone() } else { None };
                let one = Begun { seq, row, with: Vec::new(), ..begun.clone() };
                self.check_begun(&one);
                let info = self.store[&seq].message.severity == Severity::Info;
                assert!(begun.with.is_empty() || info, "what matters goes alone");
            }
            self.ever_begun.extend(seqs(&begun));
            self.flying.push(begun);
        }
        for lane in lanes() {
            let under_way = self.flying.iter().filter(|begun| begun.sink == lane.name).count();
            assert!(under_way <= lane.concurrency, "{} has {under_way} attempts at once", lane.name);
        }
        assert!(
            self.machine.lanes.values().map(Lane::held_bytes).sum::<usize>() <= 2_000,
            "bodies stay within their room"
        );
    }

    fn check_begun(&self, begun: &Begun) {
        let row = &self.store[&begun.seq];
        assert_eq!(row.state, OutboxState::Pending, "{} is sent though it is closed", begun.seq);
        assert_eq!(row.message.sink, begun.sink);
        assert!(!self.disabled.contains(&begun.sink), "{} is disabled", begun.sink);
        assert!(begun.row.as_ref().is_none_or(|held| held.message == row.message), "the message is the stored one");
        assert!(begun.again || !self.ever_begun.contains(&begun.seq) || begun.seq >= self.run_began);
        for other in self.flying.iter().flat_map(seqs) {
            let other = &self.store[&other].message;
            let same = other.sink == row.message.sink && other.alert == row.message.alert;
            assert!(!same, "two of one alert at once to {}", begun.sink);
        }
        for earlier in self.of_alert(&row.message.sink, row.message.alert).filter(|other| other.seq < begun.seq) {
            assert_ne!(earlier.state, OutboxState::Pending, "{} overtakes {}", begun.seq, earlier.seq);
        }
    }

    fn of_alert<'a>(&'a self, sink: &'a Name, alert: AlertId) -> impl Iterator<Item = &'a OutboxRow> {
        self.store.values().filter(move |row| row.message.sink == *sink && row.message.alert == alert)
    }

    /// Writes what the machine wants written, as the store does.
    fn write(&mut self) {
        for write in self.machine.take_writes() {
            match write {
                DeliveryWrite::Sink { sink, disabled: true } => {
                    assert!(self.disabled.insert(sink));
                }
                DeliveryWrite::Sink { sink, disabled: false } => {
                    assert!(self.disabled.remove(&sink));
                }
                DeliveryWrite::Attempt { seq, row } => {
                    assert!(self.ever_begun.contains(&seq) || seq < self.run_began, "{seq} was tried: {row:?}");
                }
                DeliveryWrite::Outcome { seq, state, attempts, due, reason, receiver_id, closed_at } => {
                    self.check_outcome(seq, state, attempts);
                    let row = self.store.get_mut(&seq).expect("it is in the store");
                    *row = OutboxRow { state, attempts, due, reason, receiver_id, closed_at, ..row.clone() };
                }
            }
        }
    }

    fn check_outcome(&self, seq: i64, state: OutboxState, attempts: u32) {
        let row = &self.store[&seq];
        match state {
            OutboxState::Pending => {}
            OutboxState::Done => {
                assert_eq!(row.state, OutboxState::Pending, "{seq} is done twice");
                assert!(self.delivered.contains(&seq), "{seq} is done and was never delivered");
            }
            OutboxState::Dead => {
                let known = self.given_up.contains(&seq) || attempts == schedule::ATTEMPTS;
                assert!(known, "{seq} is dead after {attempts} attempts");
            }
            OutboxState::Superseded => {
                for other in self.of_alert(&row.message.sink, row.message.alert).filter(|other| other.seq <= seq) {
                    assert!(!self.ever_begun.contains(&other.seq), "{} was begun, {seq} has to be sent", other.seq);
                    assert!(other.seq >= self.run_began, "{} is of an earlier run, {seq} has to be sent", other.seq);
                }
            }
        }
    }

    /// Every receiver is well from now on: whatever is pending gets there, by following `next_wake` alone.
    fn drain(&mut self) {
        for sink in SINKS {
            self.machine.enable(&sink.into(), self.now).expect("it is in the config");
        }
        self.turn();
        for _ in 0..10_000 {
            while !self.flying.is_empty() {
                self.answer(0, verdict(0));
                self.turn();
            }
            match self.machine.next_wake() {
                Some(due) => self.now = self.now.max(due),
                None => break,
            }
            self.turn();
        }
        for row in self.store.values() {
            assert_ne!(row.state, OutboxState::Pending, "{} is stuck", row.seq);
        }
        for status in self.machine.status() {
            assert_eq!((status.pending, status.under_way), (0, 0));
        }
        assert!(self.machine.lanes.values().all(|lane| lane.held_bytes() == 0), "nothing is held for nothing");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]
    #[test]
    fn nothing_is_lost_doubled_reordered_or_withdrawn_after_it_was_told(ops in prop::collection::vec(op(), 1..120)) {
        let mut world = World::new();
        for op in ops {
            world.apply(op);
        }
        world.drain();
    }
}
