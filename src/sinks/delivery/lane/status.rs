//! How a lane stands, and when it goes on.

use super::{Lane, LaneStatus};
use crate::net::breaker::BreakerState;
use crate::sinks::delivery::pace::{Meter, Meters, Pace};
use crate::types::Timestamp;

impl Lane {
    pub(in crate::sinks::delivery) fn pending(&self) -> usize {
        self.entries.len()
    }

    /// The lowest number is the oldest: rows are numbered in order of record.
    pub(in crate::sinks::delivery) fn oldest(&self) -> Option<Timestamp> {
        self.entries.values().next().map(|entry| entry.created)
    }

    /// Of one that leads to a place which counts: when it last began anything there.
    pub(in crate::sinks::delivery) fn began_at(&self) -> Option<Timestamp> {
        (!self.settings.paces.is_empty()).then_some(self.began_at)
    }

    pub(in crate::sinks::delivery) const fn paces(&self) -> &Vec<(Meter, Pace)> {
        &self.settings.paces
    }

    /// When the receiver allows the next attempt.
    pub(super) fn open_at(&self, meters: &Meters) -> Timestamp {
        self.not_before.max(meters.open_at(&self.settings.paces))
    }

    pub(in crate::sinks::delivery) fn status(&self, meters: &Meters) -> LaneStatus {
        LaneStatus {
            sink: self.name().clone(),
            pending: self.pending(),
            under_way: self.flying,
            oldest: self.oldest(),
            disabled: self.disabled,
            failing: self.health.since().zip(self.health.last().cloned()),
            next_try: self.next_attempt(meters),
            resting: self.breaker.state() != BreakerState::Closed,
        }
    }

    /// When `step` has something to do next.
    pub(in crate::sinks::delivery) fn next_wake(&self, meters: &Meters) -> Option<Timestamp> {
        if self.disabled || self.removed || self.entries.is_empty() {
            return None;
        }
        self.next_attempt(meters).into_iter().chain(self.health.to_be_said_at()).min()
    }

    /// When the next attempt begins, if nothing else happens.
    fn next_attempt(&self, meters: &Meters) -> Option<Timestamp> {
        let probing = self.breaker.state() == BreakerState::HalfOpen;
        if self.disabled || self.removed || probing || self.flying >= self.settings.concurrency {
            return None;
        }
        let due = self.ready.first_due()?;
        let due = self.probes_at().map_or(due, |probe| due.min(probe)).max(self.open_at(meters));
        Some(self.resting_until.map_or(due, |until| due.max(until)))
    }
}
