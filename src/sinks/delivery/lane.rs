//! One sink's pending rows: in order per alert, within its concurrency, its pace and its breaker.

mod group;
mod orders;
mod probe;
mod ready;
mod status;

use super::health::Health;
use super::pace::Meters;
use super::row::{Entry, attempt, outcome};
use super::{Begun, Decision, LaneSettings, Out, removed};
use crate::net::breaker::{Breaker, BreakerState, Patience, Permit};
use crate::reactor::event::DeliveryReport;
use crate::sinks::answer::{Blame, Setback, Verdict};
use crate::sinks::schedule;
use crate::store::{DeliveryWrite, OutboxState};
use crate::types::{AlertId, Name, Severity, Timestamp};
use ready::Ready;
use std::collections::BTreeMap;

/// How a sink is, for the page and the API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LaneStatus {
    /// The sink.
    pub sink: Name,
    /// Messages that are not delivered yet.
    pub pending: usize,
    /// Attempts under way.
    pub under_way: usize,
    /// When the oldest pending message was made.
    pub oldest: Option<Timestamp>,
    /// Its receiver asked never to be called again.
    pub disabled: bool,
    /// Since when there were only failures, and the last reason.
    pub failing: Option<(Timestamp, Name)>,
    /// When something is next tried, where anything waits and nothing has to happen first.
    pub next_try: Option<Timestamp>,
    /// It is left alone but for single probes.
    pub resting: bool,
}

/// The pending rows of one alert.
#[derive(Debug)]
struct Queue {
    /// Ascending.
    seqs: Vec<i64>,
    /// The one under way.
    flying: Option<i64>,
    /// No message of this alert was ever begun to this sink: the queue began with the alert's first one, in this run.
    untold: bool,
}

/// One sink.
#[derive(Debug)]
pub(super) struct Lane {
    settings: LaneSettings,
    entries: BTreeMap<i64, Entry>,
    queues: BTreeMap<AlertId, Queue>,
    ready: Ready,
    /// Rows under way in the message of another one.
    groups: BTreeMap<i64, Vec<i64>>,
    flying: usize,
    held_bytes: usize,
    /// The receiver's wish allows nothing before this. Its pace belongs to the place that it leads to.
    not_before: Timestamp,
    /// When an attempt last began.
    began_at: Timestamp,
    breaker: Breaker<Timestamp>,
    /// The row whose attempt decides for the breaker.
    probe: Option<i64>,
    /// What the breaker last said; asked again at every step.
    resting_until: Option<Timestamp>,
    health: Health,
    disabled: bool,
    removed: bool,
}

impl Lane {
    pub(super) fn new(settings: LaneSettings, disabled: bool) -> Self {
        Self {
            settings,
            entries: BTreeMap::new(),
            queues: BTreeMap::new(),
            ready: Ready::default(),
            groups: BTreeMap::new(),
            flying: 0,
            held_bytes: 0,
            not_before: Timestamp::default(),
            began_at: Timestamp::default(),
            breaker: Breaker::new(Patience::default()),
            probe: None,
            resting_until: None,
            health: Health::new(),
            disabled,
            removed: false,
        }
    }

    pub(super) const fn name(&self) -> &Name {
        &self.settings.name
    }

    pub(super) const fn held_bytes(&self) -> usize {
        self.held_bytes
    }

    pub(super) const fn flying(&self) -> usize {
        self.flying
    }

    pub(super) const fn is_removed(&self) -> bool {
        self.removed
    }

    pub(super) fn has(&self, seq: i64) -> bool {
        self.entries.contains_key(&seq)
    }

    pub(super) fn reconfigure(&mut self, settings: LaneSettings) {
        self.settings = settings;
        self.removed = false;
    }

    /// Takes a pending row in. One that is there already is left as it is.
    pub(super) fn insert(&mut self, seq: i64, entry: Entry) {
        if self.has(seq) {
            return;
        }
        let alert = entry.alert;
        self.hide(alert);
        let first = entry.fresh && entry.revision == 1;
        let queue = self.queues.entry(alert).or_insert_with(|| Queue { seqs: Vec::new(), flying: None, untold: first });
        queue.untold &= entry.fresh;
        let place = queue.seqs.partition_point(|other| *other < seq);
        queue.seqs.insert(place, seq);
        self.held_bytes += entry.held_bytes();
        self.entries.insert(seq, entry);
        self.show(alert);
    }

    /// The row of an alert that would be tried next, if none of the alert is under way.
    fn head(&self, alert: AlertId) -> Option<(Severity, (Timestamp, i64))> {
        let queue = self.queues.get(&alert).filter(|queue| queue.flying.is_none())?;
        let seq = *queue.seqs.first()?;
        let entry = self.entries.get(&seq)?;
        Some((entry.severity, (entry.due, seq)))
    }

    /// Before a queue is changed.
    fn hide(&mut self, alert: AlertId) {
        if let Some((severity, key)) = self.head(alert) {
            self.ready.remove(severity, key);
        }
    }

    /// Behind every change of a queue.
    fn show(&mut self, alert: AlertId) {
        if let Some((severity, key)) = self.head(alert) {
            self.ready.insert(severity, key);
        } else if self.queues.get(&alert).is_some_and(|queue| queue.seqs.is_empty()) {
            self.queues.remove(&alert);
        }
    }

    /// Removes a row for good.
    fn close(&mut self, seq: i64) -> Option<Entry> {
        let alert = self.entries.get(&seq)?.alert;
        self.hide(alert);
        let entry = self.entries.remove(&seq)?;
        self.held_bytes -= entry.held_bytes();
        if let Some(queue) = self.queues.get_mut(&alert) {
            queue.seqs.retain(|other| *other != seq);
        }
        self.show(alert);
        Some(entry)
    }

    /// Begins what can begin now.
    pub(super) fn step(&mut self, at: Timestamp, meters: &mut Meters, begun: &mut Vec<Begun>, out: &mut Out) {
        self.resting_until = None;
        if !self.disabled && !self.entries.is_empty() {
            out.reports.extend(self.health.check(&self.settings.name, at));
        }
        let goes = |lane: &Self| !lane.disabled && !lane.removed && lane.flying < lane.settings.concurrency;
        while goes(self) && self.open_at(meters) <= at {
            let Some(seq) = self.ready.next(at).or_else(|| self.hasten_one(at)) else { return };
            if self.supersede(seq, at, out) {
                continue;
            }
            match self.breaker.ask(at) {
                Permit::Go => {}
                Permit::Probe => self.probe = Some(seq),
                Permit::NotBefore(until) => {
                    self.resting_until = Some(until);
                    return;
                }
                Permit::AwaitProbe => return,
            }
            begun.extend(self.begin(seq, at, meters));
        }
    }

    fn begin(&mut self, seq: i64, at: Timestamp, meters: &mut Meters) -> Option<Begun> {
        let entry = self.entries.get(&seq)?;
        let severity = entry.severity;
        let (number, again) = (entry.attempts.saturating_add(1), entry.told);
        let row = self.take_off(seq);
        let members = if self.goes_with_others(seq) { self.others(at) } else { Vec::new() };
        let with = members.iter().map(|member| (*member, self.take_off(*member))).collect();
        if !members.is_empty() {
            self.groups.insert(seq, members);
        }
        self.ready.taken(severity, at);
        self.flying += 1;
        self.began_at = at;
        meters.begun(&self.settings.paces, at);
        Some(Begun { seq, sink: self.name().clone(), attempt: number, again, row, with })
    }

    /// Closes the rows of an alert up to its last retraction, if nothing of the alert was ever begun and all of it is of this run.
    fn supersede(&mut self, head: i64, at: Timestamp, out: &mut Out) -> bool {
        let closed: Vec<i64> = {
            let Some(entry) = self.entries.get(&head) else { return false };
            let Some(queue) = self.queues.get(&entry.alert).filter(|queue| queue.untold) else { return false };
            let Some(last) = self.last_retraction(queue) else { return false };
            queue.seqs[..=last].to_vec()
        };
        for seq in closed {
            let attempts = self.close(seq).map_or(0, |entry| entry.attempts);
            let reason = Name::from("taken back before anything of it was sent");
            out.writes.push(outcome(seq, OutboxState::Superseded, attempts, at, Some(reason), None));
        }
        true
    }

    /// What an attempt came to. `None` where no such attempt was under way.
    pub(super) fn answered(
        &mut self,
        seq: i64,
        verdict: Verdict,
        at: Timestamp,
        random: u64,
        meters: &mut Meters,
        out: &mut Out,
    ) -> Option<Decision> {
        let alert = self.entries.get(&seq)?.alert;
        self.queues.get(&alert).filter(|queue| queue.flying == Some(seq))?;
        let members = self.groups.remove(&seq).unwrap_or_default();
        self.flying -= 1;
        self.judge(seq, &verdict, at, meters, out);
        // What several were refused for may be one's fault: each goes alone, and at once.
        let together = !members.is_empty();
        let noted = attempt(at, &verdict, together);
        for seq in members.iter().copied().chain([seq]) {
            out.writes.extend(noted.clone().map(|row| DeliveryWrite::Attempt { seq, row }));
        }
        let verdict = Some(verdict).filter(|verdict| !(together && matches!(verdict, Verdict::Dead(_))));
        for member in &members {
            self.settle(*member, verdict.as_ref(), at, random, out);
        }
        self.settle(seq, verdict.as_ref(), at, random, out)
    }

    /// What the answer means for one row. `None`: it goes alone.
    fn settle(
        &mut self,
        seq: i64,
        verdict: Option<&Verdict>,
        at: Timestamp,
        random: u64,
        out: &mut Out,
    ) -> Option<Decision> {
        let entry = self.entries.get_mut(&seq)?;
        let alert = entry.alert;
        entry.alone |= verdict.is_none();
        self.queues.get_mut(&alert)?.flying = None;
        match verdict {
            None => self.show(alert),
            Some(Verdict::Delivered { receiver_id }) => return self.done(seq, at, None, receiver_id.clone(), out),
            Some(Verdict::Partly { receiver_id, reason }) => {
                return self.done(seq, at, Some(reason.clone()), receiver_id.clone(), out);
            }
            Some(Verdict::Dead(setback)) => self.die(seq, 1, at, setback.reason.clone(), true, out),
            Some(Verdict::Again(setback)) => self.again(seq, setback, at, random, out),
            Some(Verdict::Disabled(setback)) => self.keep(seq, setback.reason.clone(), at, out),
        }
        Some(if self.has(seq) { Decision::Again } else { Decision::Dead })
    }

    /// The receiver has it; `reason` says who of several does not.
    fn done(
        &mut self,
        seq: i64,
        at: Timestamp,
        reason: Option<Name>,
        receiver_id: Option<Name>,
        out: &mut Out,
    ) -> Option<Decision> {
        let entry = self.close(seq)?;
        let attempts = entry.attempts.saturating_add(1);
        out.writes.push(outcome(seq, OutboxState::Done, attempts, at, reason, receiver_id));
        Some(Decision::Delivered { block_time: entry.block_time })
    }

    /// What an answer says about the sink as a whole.
    fn judge(&mut self, seq: i64, verdict: &Verdict, at: Timestamp, meters: &mut Meters, out: &mut Out) {
        let probe = self.probe == Some(seq);
        if probe {
            self.probe = None;
        }
        self.health.tried(at);
        match verdict {
            Verdict::Delivered { .. } => {
                self.breaker.succeeded();
                if self.health.was_out(at) {
                    self.hasten_all(at);
                }
                // An attempt that was under way when the receiver asked never to be called again takes nothing back.
                if !self.disabled {
                    out.reports.extend(self.health.succeeded(&self.settings.name));
                }
            }
            Verdict::Partly { receiver_id: _, reason } => {
                self.breaker.succeeded();
                self.health.failed(at, reason);
            }
            Verdict::Again(setback) => {
                self.health.failed(at, &setback.reason);
                if setback.blame != Blame::Message
                    && let Some(wait) = setback.wait
                {
                    self.rest(at.after(wait.min(schedule::LONGEST_ASKED)), meters);
                }
                let decides = probe || self.breaker.state() != BreakerState::HalfOpen;
                match setback.blame {
                    Blame::Sink if decides => self.breaker.failed(at),
                    Blame::Sink => {}
                    Blame::Message | Blame::Pause => self.breaker.succeeded(),
                }
            }
            // An answer about this message alone: the receiver is there.
            Verdict::Dead(_) | Verdict::Disabled(_) => self.breaker.succeeded(),
        }
    }

    /// To be tried again, or dead where the schedule is over.
    fn again(&mut self, seq: i64, setback: &Setback, at: Timestamp, random: u64, out: &mut Out) {
        let Some(entry) = self.entries.get_mut(&seq) else { return };
        entry.told |= setback.told;
        entry.asked = at.after(setback.wait.unwrap_or_default().min(schedule::LONGEST_ASKED));
        if entry.dropped {
            return self.die(seq, 1, at, dropped(), false, out);
        }
        if self.removed {
            return self.die(seq, 1, at, removed(), true, out);
        }
        let due = match entry.promised.take() {
            Some(promised) if promised > at => {
                setback.wait.map_or(promised, |wait| promised.max(at.after(wait.min(schedule::LONGEST_ASKED))))
            }
            Some(_) | None => {
                entry.attempts = entry.attempts.saturating_add(1);
                let Some(wait) = schedule::wait(entry.attempts, setback.wait, random) else {
                    let reason = format!("given up after {} attempts: {}", entry.attempts, setback.reason);
                    return self.die(seq, 0, at, reason.into(), true, out);
                };
                at.after(wait)
            }
        };
        entry.due = due;
        let (alert, attempts) = (entry.alert, entry.attempts);
        let reason = Some(setback.reason.clone());
        out.writes.push(outcome(seq, OutboxState::Pending, attempts, due, reason, None));
        self.show(alert);
    }

    /// The receiver asked never to be called again: the row stays, untried, until the sink is enabled.
    fn keep(&mut self, seq: i64, reason: Name, at: Timestamp, out: &mut Out) {
        let Some(entry) = self.entries.get_mut(&seq) else { return };
        if entry.dropped {
            return self.die(seq, 1, at, dropped(), false, out);
        }
        if self.removed {
            return self.die(seq, 1, at, removed(), true, out);
        }
        entry.attempts = entry.attempts.saturating_add(1).min(schedule::ATTEMPTS - 1);
        entry.due = at;
        let (alert, attempts) = (entry.alert, entry.attempts);
        out.writes.push(outcome(seq, OutboxState::Pending, attempts, at, Some(reason), None));
        self.show(alert);
        if !std::mem::replace(&mut self.disabled, true) {
            out.writes.push(DeliveryWrite::Sink { sink: self.name().clone(), disabled: true });
            out.reports.push(DeliveryReport::Disabled { sink: self.name().clone() });
        }
    }

    /// Gives a row up, with the attempts that ended just now.
    fn die(&mut self, seq: i64, ended: u32, at: Timestamp, reason: Name, said: bool, out: &mut Out) {
        let Some(entry) = self.close(seq) else { return };
        let attempts = entry.attempts.saturating_add(ended);
        out.writes.push(outcome(seq, OutboxState::Dead, attempts, at, Some(reason.clone()), None));
        if said {
            self.health.gave_up();
            out.reports.push(DeliveryReport::Dead { sink: self.name().clone(), message: entry.message, reason });
        }
    }
}

/// Why a row that a person dropped is dead.
fn dropped() -> Name {
    Name::from("dropped by a person")
}
