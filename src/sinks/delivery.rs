//! The delivery machine: which message is tried when, what its answer means for the row, what the reactor must know.
//!
//! Pure: fed with rows, answers, commands, `at` and random numbers; gives attempts to begin, delivery writes and reports. It never sends,
//! never reads a clock, never writes.
//!
//! - Messages of one alert to one sink go in order: the next one waits until the one before it is closed. A dead one blocks nothing.
//! - A retraction whose alert was never told closes with the messages before it, unsent (`superseded`).
//! - Of what is due, what matters most goes first, and what has waited longest is passed only so often. A chat that is behind gets what
//!   matters least several in one message, which names every alert.
//! - A sink is a lane of its own: its concurrency, its pace, its breaker. A dead receiver costs the others nothing.
//! - A sink where nothing but failures came is asked again with one message, soon and then ever more rarely, though none is due; only
//!   with one that the receiver cannot have had, or would know again. Its first success makes everything due that waits there.
//! - A lease is held in memory. At start every open row is due; an attempt that comes earlier than the row's stored time for that reason
//!   does not use up the schedule, so that a process that restarts ten times in a minute does not make dead letters.
//! - Bodies are held up to [`HELD_BYTES`]; rows beyond are begun without one, and the worker reads those in one batch.

mod commands;
mod health;
mod lane;
mod pace;
mod row;
#[cfg(test)]
mod tests;

pub use commands::OrderFault;
pub use lane::LaneStatus;
use pace::Meters;
pub use pace::{Meter, Pace};

use super::answer::Verdict;
use crate::reactor::event::DeliveryReport;
use crate::store::{DeliveryWrite, OutboxRow, OutboxState};
use crate::types::{Name, Timestamp};
use lane::Lane;
use row::Entry;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Bodies of pending rows that are held in memory, in bytes: enough that a machine which keeps up never reads a body back.
pub const HELD_BYTES: usize = 16 * 1024 * 1024;

/// How one sink is served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LaneSettings {
    /// The sink.
    pub name: Name,
    /// Attempts at once; at least 1.
    pub concurrency: usize,
    /// What its receiver counts by, and how close attempts may follow each other there, whichever sinks they are of. What asks for a
    /// pause is the first.
    pub paces: Vec<(Meter, Pace)>,
    /// Whether what matters least goes several in one message while the sink is behind.
    pub folds: bool,
    /// Whether the receiver knows what it had before by its id, so that nobody sees a repeat.
    pub drops_repeats: bool,
}

/// An attempt to begin now. Its answer is due to [`Machine::answered`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Begun {
    /// Which row.
    pub seq: i64,
    /// To which sink.
    pub sink: Name,
    /// Which attempt, from 1.
    pub attempt: u32,
    /// The receiver may have had the message before.
    pub again: bool,
    /// The row, where its body is held; else it has to be read from the store. Its delivery columns are those it arrived with.
    pub row: Option<Arc<OutboxRow>>,
    /// Rows that go in the same message, behind this one. Their fate is its own.
    pub with: Vec<(i64, Option<Arc<OutboxRow>>)>,
}

/// What the machine made of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// The message is delivered.
    Delivered {
        /// Time of the block it is about.
        block_time: Option<Timestamp>,
    },
    /// The message stays, to be tried again.
    Again,
    /// The message is given up: refused, dropped, or its schedule is over.
    Dead,
}

/// What the machine wants written and said.
#[derive(Debug, Default)]
struct Out {
    writes: Vec<DeliveryWrite>,
    reports: Vec<DeliveryReport>,
}

/// The machine.
#[derive(Debug)]
pub struct Machine {
    lanes: BTreeMap<Name, Lane>,
    meters: Meters,
    held_bytes: usize,
    out: Out,
}

impl Machine {
    /// Of the sinks in force and what the store holds at start: every pending row, and the names of disabled sinks.
    #[must_use]
    pub fn new(sinks: Vec<LaneSettings>, open: Vec<OutboxRow>, disabled: &[Name], at: Timestamp) -> Self {
        Self::with_room(HELD_BYTES, sinks, open, disabled, at)
    }

    /// As `new`, holding at most so many bytes of bodies.
    #[must_use]
    pub fn with_room(
        held_bytes: usize,
        sinks: Vec<LaneSettings>,
        open: Vec<OutboxRow>,
        disabled: &[Name],
        at: Timestamp,
    ) -> Self {
        let lane = |sink: LaneSettings| {
            let is_disabled = disabled.contains(&sink.name);
            (sink.name.clone(), Lane::new(sink, is_disabled))
        };
        let lanes = sinks.into_iter().map(lane).collect();
        let mut machine = Self { lanes, meters: Meters::default(), held_bytes, out: Out::default() };
        let mut orphans = BTreeMap::new();
        for row in open {
            machine.take(row, false, at, &mut orphans);
        }
        machine.bury(orphans);
        machine
    }

    /// Which sinks had only failures when an earlier run ended, since when, and the last of them.
    pub fn were_failing(&mut self, sinks: Vec<(Name, Timestamp, Name)>) {
        for (sink, since, last) in sinks {
            if let Some(lane) = self.lanes.get_mut(&sink) {
                lane.was_failing(since, last);
            }
        }
    }

    /// New rows, as a commit gave them.
    pub fn arrived(&mut self, rows: Vec<OutboxRow>, at: Timestamp) {
        let mut orphans = BTreeMap::new();
        for row in rows {
            self.take(row, true, at, &mut orphans);
        }
        self.bury(orphans);
    }

    fn take(&mut self, row: OutboxRow, fresh: bool, at: Timestamp, orphans: &mut BTreeMap<Name, Orphans>) {
        let room = self.room();
        let Some(lane) = self.lanes.get_mut(&row.message.sink).filter(|lane| !lane.is_removed()) else {
            let orphan = orphans.entry(row.message.sink.clone()).or_insert(Orphans { first: row.message.id, count: 0 });
            orphan.count += 1;
            self.out.writes.push(row::outcome(row.seq, OutboxState::Dead, row.attempts, at, Some(removed()), None));
            return;
        };
        lane.insert(row.seq, Entry::new(row, fresh, at, room));
    }

    /// Says once per sink that its rows are dead because it is not in the config, however many there are.
    fn bury(&mut self, orphans: BTreeMap<Name, Orphans>) {
        for (sink, Orphans { first: message, count }) in orphans {
            let reason = Name::from(format!("{}: {count} messages can be replayed once it is back", removed()));
            self.out.reports.push(DeliveryReport::Dead { sink, message, reason });
        }
    }

    /// Bytes of bodies that there is room for.
    fn room(&self) -> usize {
        self.held_bytes.saturating_sub(self.lanes.values().map(Lane::held_bytes).sum())
    }

    /// The attempts to begin at `at`; rows that need no sending any more are closed on the way.
    pub fn step(&mut self, at: Timestamp) -> Vec<Begun> {
        let mut begun = Vec::new();
        let mut lanes: Vec<&mut Lane> = self.lanes.values_mut().collect();
        // Where two lead to one place they take turns.
        lanes.sort_by_key(|lane| lane.began_at());
        for lane in lanes {
            lane.step(at, &mut self.meters, &mut begun, &mut self.out);
        }
        begun
    }

    /// When `step` has something to do next, if nothing else happens. Valid behind a `step`.
    #[must_use]
    pub fn next_wake(&self) -> Option<Timestamp> {
        self.lanes.values().filter_map(|lane| lane.next_wake(&self.meters)).min()
    }

    /// What an attempt that was begun came to. `random` is any uniformly drawn number. `None` where no such attempt was under
    /// way.
    pub fn answered(
        &mut self,
        sink: &Name,
        seq: i64,
        verdict: Verdict,
        at: Timestamp,
        random: u64,
    ) -> Option<Decision> {
        let lane = self.lanes.get_mut(sink)?;
        let decision = lane.answered(seq, verdict, at, random, &mut self.meters, &mut self.out);
        if lane.is_removed() && lane.flying() == 0 {
            self.lanes.remove(sink);
        }
        decision
    }

    /// The delivery columns to write, in order.
    #[must_use]
    pub fn take_writes(&mut self) -> Vec<DeliveryWrite> {
        std::mem::take(&mut self.out.writes)
    }

    /// Whether there is anything to write.
    #[must_use]
    pub const fn has_writes(&self) -> bool {
        !self.out.writes.is_empty()
    }

    /// What the reactor must know, in order.
    #[must_use]
    pub fn take_reports(&mut self) -> Vec<DeliveryReport> {
        std::mem::take(&mut self.out.reports)
    }

    /// How every sink is: cheap enough for every turn.
    pub fn status(&self) -> impl Iterator<Item = LaneStatus> {
        self.lanes.values().filter(|lane| !lane.is_removed()).map(|lane| lane.status(&self.meters))
    }
}

/// Rows of a sink that there is not.
struct Orphans {
    first: crate::types::MessageId,
    count: usize,
}

/// Why rows of a sink that left the config are dead.
fn removed() -> Name {
    Name::from("the sink was removed from the config")
}
