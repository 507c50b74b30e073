//! Which rows share a message: what matters least, where a chat is behind.

use super::{Lane, Queue};
use crate::sinks::delivery::row::Entry;
use crate::sinks::digest;
use crate::store::OutboxRow;
use crate::types::{Severity, Timestamp};
use std::sync::Arc;

/// So many messages that matter least and are due: the sink is behind. Half a minute of a chat that takes one a second.
const BEHIND: usize = 30;

impl Lane {
    /// A row is under way. Gives its body, where it is held.
    pub(super) fn take_off(&mut self, seq: i64) -> Option<Arc<OutboxRow>> {
        let Entry { alert, row, .. } = self.entries.get(&seq)?;
        let (alert, row) = (*alert, row.clone());
        self.hide(alert);
        let queue = self.queues.get_mut(&alert)?;
        queue.flying = Some(seq);
        queue.untold = false;
        row
    }

    /// Whether a row may share a message: what matters least, and nobody can have had.
    pub(super) fn goes_with_others(&self, seq: i64) -> bool {
        let alone = |entry: &Entry| entry.severity > Severity::Info || entry.told || entry.alone;
        self.settings.folds && self.entries.get(&seq).is_some_and(|entry| !alone(entry))
    }

    /// The rows that go with one that matters least, where the sink is behind. What is to be withdrawn unsaid is left to its own turn.
    pub(super) fn others(&self, at: Timestamp) -> Vec<i64> {
        let withdrawn = |seq: &i64| {
            let queue = self.entries.get(seq).and_then(|entry| self.queues.get(&entry.alert));
            queue.is_some_and(|queue| queue.untold && self.last_retraction(queue).is_some())
        };
        let able = || self.ready.lowest(at).filter(|seq| self.goes_with_others(*seq) && !withdrawn(seq));
        if able().take(BEHIND).count() < BEHIND { Vec::new() } else { able().take(digest::MOST - 1).collect() }
    }

    pub(super) fn last_retraction(&self, queue: &Queue) -> Option<usize> {
        queue.seqs.iter().rposition(|seq| self.entries.get(seq).is_some_and(|entry| entry.retracts))
    }
}
