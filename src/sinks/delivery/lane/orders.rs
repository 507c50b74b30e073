//! What people and reloads do to a lane.

use super::{Lane, Out, dropped};
use crate::net::breaker::{Breaker, Patience};
use crate::sinks::delivery::pace::Meters;
use crate::sinks::delivery::removed;
use crate::store::DeliveryWrite;
use crate::types::{MessageId, Name, Timestamp};
use std::collections::BTreeSet;

impl Lane {
    /// A person gives a pending row up. One that is under way is given up when its attempt fails.
    pub(in crate::sinks::delivery) fn drop_row(&mut self, seq: i64, at: Timestamp, out: &mut Out) {
        let Some(entry) = self.entries.get_mut(&seq) else { return };
        let alert = entry.alert;
        if self.queues.get(&alert).is_some_and(|queue| queue.flying == Some(seq)) {
            entry.dropped = true;
        } else {
            self.die(seq, 0, at, dropped(), false, out);
        }
    }

    /// Nothing more is sent before then.
    pub(in crate::sinks::delivery) fn rest(&mut self, until: Timestamp, meters: &mut Meters) {
        self.not_before = self.not_before.max(until);
        meters.rest(&self.settings.paces, until);
    }

    /// There were only failures since then, in an earlier run.
    pub(in crate::sinks::delivery) fn was_failing(&mut self, since: Timestamp, last: Name) {
        self.health.remember(since, last);
    }

    /// Opens the sink: everything that waits is due, and the receiver is asked as if it had never failed.
    pub(in crate::sinks::delivery) fn enable(&mut self, at: Timestamp, meters: &mut Meters, out: &mut Out) {
        if std::mem::replace(&mut self.disabled, false) {
            out.writes.push(DeliveryWrite::Sink { sink: self.name().clone(), disabled: false });
        }
        self.breaker = Breaker::new(Patience::default());
        self.probe = None;
        self.health.anew();
        self.not_before = at;
        meters.open(&self.settings.paces, at);
        self.entries.values_mut().for_each(|entry| entry.asked = at);
        self.hasten_all(at);
    }

    /// The sink left the config: its rows are dead, but for those under way, whose answers still count.
    /// Gives how many died.
    pub(in crate::sinks::delivery) fn remove(&mut self, at: Timestamp, out: &mut Out) -> Option<(MessageId, usize)> {
        self.removed = true;
        let under_way: BTreeSet<i64> = self.queues.values().filter_map(|queue| queue.flying).collect();
        let waiting: Vec<i64> = self.entries.keys().copied().filter(|seq| !under_way.contains(seq)).collect();
        let first = self.entries.get(waiting.first()?)?.message;
        for seq in &waiting {
            self.die(*seq, 0, at, removed(), false, out);
        }
        Some((first, waiting.len()))
    }
}
