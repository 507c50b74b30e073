//! Every deadline of the reactor, in one table.
//!
//! Those that cannot be derived after a restart are rows; the others are soft and are set anew (see [`Timers::stored`]).

use super::effect::Effect;
use super::rows::{Deadline, DeadlineRow, Row, RowKey};
use crate::types::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// The table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Timers {
    rows: BTreeMap<Deadline, DeadlineRow>,
    order: BTreeSet<(Timestamp, Deadline)>,
}

impl Timers {
    /// From rows. A deadline is due no later than its length from now: a clock that was set back postpones nothing.
    #[must_use]
    pub fn restore(rows: Vec<DeadlineRow>, now: Timestamp) -> Self {
        let mut timers = Self::default();
        for mut row in rows {
            row.due = row.due.min(now.after(row.length));
            timers.insert(row);
        }
        timers
    }

    /// Whether this kind of deadline is a row. Silence, a pending revert and the wait for a token start anew with the process.
    #[must_use]
    pub const fn stored(deadline: &Deadline) -> bool {
        match deadline {
            Deadline::Holds(_)
            | Deadline::Forget(_)
            | Deadline::Expires(_)
            | Deadline::BalanceHolds(_)
            | Deadline::Heartbeat
            | Deadline::Digest
            | Deadline::Silence(_)
            | Deadline::Steady(_)
            | Deadline::Outages => true,
            Deadline::Silent(_) | Deadline::TokenWait(..) | Deadline::Revert(_) | Deadline::Money => false,
        }
    }

    /// Sets a deadline this far from `at`, in place of an earlier one.
    pub fn set(&mut self, at: Timestamp, deadline: Deadline, length: Duration, effects: &mut Vec<Effect>) {
        let row = DeadlineRow { due: at.after(length), length, deadline };
        if Self::stored(&row.deadline) {
            effects.push(Effect::Put(Row::Deadline(row.clone())));
        }
        self.insert(row);
    }

    /// Takes a deadline away; it need not be there.
    pub fn clear(&mut self, deadline: &Deadline, effects: &mut Vec<Effect>) {
        if let Some(row) = self.rows.remove(deadline) {
            self.order.remove(&(row.due, row.deadline));
            if Self::stored(deadline) {
                effects.push(Effect::Delete(RowKey::Deadline(deadline.clone())));
            }
        }
    }

    /// Whether it is set.
    #[must_use]
    pub fn contains(&self, deadline: &Deadline) -> bool {
        self.rows.contains_key(deadline)
    }

    /// When it is due, where it is set.
    #[must_use]
    pub fn due(&self, deadline: &Deadline) -> Option<Timestamp> {
        self.rows.get(deadline).map(|row| row.due)
    }

    /// The length with which it was set, where it is.
    #[must_use]
    pub fn length(&self, deadline: &Deadline) -> Option<Duration> {
        self.rows.get(deadline).map(|row| row.length)
    }

    /// Whether it is set and reached.
    #[must_use]
    pub fn is_due(&self, at: Timestamp, deadline: &Deadline) -> bool {
        self.rows.get(deadline).is_some_and(|row| row.due <= at)
    }

    /// The earliest.
    #[must_use]
    pub fn next(&self) -> Option<(Timestamp, &Deadline)> {
        self.order.first().map(|(due, deadline)| (*due, deadline))
    }

    /// The rows that are stored.
    pub fn rows(&self) -> impl Iterator<Item = &DeadlineRow> {
        self.rows.values().filter(|row| Self::stored(&row.deadline))
    }

    fn insert(&mut self, row: DeadlineRow) {
        self.order.insert((row.due, row.deadline.clone()));
        if let Some(old) = self.rows.insert(row.deadline.clone(), row.clone())
            && old.due != row.due
        {
            self.order.remove(&(old.due, old.deadline));
        }
    }
}
