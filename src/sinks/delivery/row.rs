//! What the machine remembers of a pending row.

use crate::sinks::answer::Verdict;
use crate::sinks::schedule;
use crate::store::{AttemptEnd, AttemptRow, DeliveryWrite, OutboxRow, OutboxState};
use crate::types::{AlertId, MessageId, Name, Severity, Timestamp};
use std::sync::Arc;

/// A pending row.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "five facts that do not depend on each other")]
pub(super) struct Entry {
    /// Whose life it belongs to.
    pub(super) alert: AlertId,
    /// Its id.
    pub(super) message: MessageId,
    /// Counts per alert.
    pub(super) revision: u32,
    /// It takes something back.
    pub(super) retracts: bool,
    /// How much it matters.
    pub(super) severity: Severity,
    /// When it was made.
    pub(super) created: Timestamp,
    /// Time of the block it is about.
    pub(super) block_time: Option<Timestamp>,
    /// Attempts that ended.
    pub(super) attempts: u32,
    /// When it is next tried.
    pub(super) due: Timestamp,
    /// When it was to be tried by its schedule, where it is tried before: at a start, or because the sink works again. A try before that
    /// does not use up the schedule.
    pub(super) promised: Option<Timestamp>,
    /// The receiver asked not to be sent this one before.
    pub(super) asked: Timestamp,
    /// It was committed in this run, and not replayed.
    pub(super) fresh: bool,
    /// The receiver may have had it.
    pub(super) told: bool,
    /// It goes alone: a message that it was in was refused.
    pub(super) alone: bool,
    /// A person dropped it while an attempt was under way.
    pub(super) dropped: bool,
    /// The row with its body, where there is room for it.
    pub(super) row: Option<Arc<OutboxRow>>,
}

impl Entry {
    /// Of a pending row that is due at `at`. `room` is how many bytes of body can be held.
    pub(super) fn new(row: OutboxRow, fresh: bool, at: Timestamp, room: usize) -> Self {
        let message = &row.message;
        // No later than the longest wait from now, in case the clock was ahead when it was written.
        let promised = row.due.min(at.after(schedule::LONGEST));
        Self {
            alert: message.alert,
            message: message.id,
            revision: message.revision,
            retracts: message.retracts,
            severity: message.severity,
            created: message.created,
            block_time: message.block_time,
            attempts: row.attempts,
            due: at,
            promised: (!fresh && row.attempts > 0 && promised > at).then_some(promised),
            asked: Timestamp::default(),
            fresh,
            // A row of an earlier run may have been under way when that run ended.
            told: !fresh,
            alone: false,
            dropped: false,
            row: (message.body.len() <= room).then(|| Arc::new(row)),
        }
    }

    /// It is tried now, before its time, which uses up nothing of its schedule.
    pub(super) fn hasten(&mut self, at: Timestamp) {
        let promised = self.promised.unwrap_or(self.due).max(self.due);
        self.due = at.max(self.asked);
        self.promised = (promised > self.due).then_some(promised);
    }

    /// Bytes of body that it holds.
    pub(super) fn held_bytes(&self) -> usize {
        self.row.as_ref().map_or(0, |row| row.message.body.len())
    }
}

/// What is noted of an attempt. Of one that delivered the row says it.
pub(super) fn attempt(at: Timestamp, verdict: &Verdict, together: bool) -> Option<AttemptRow> {
    let (ended, setback) = match verdict {
        Verdict::Delivered { .. } | Verdict::Partly { .. } => return None,
        Verdict::Again(setback) => (AttemptEnd::Again, setback),
        // Several in one message: each goes alone.
        Verdict::Dead(setback) if together => (AttemptEnd::Again, setback),
        Verdict::Dead(setback) => (AttemptEnd::Dead, setback),
        Verdict::Disabled(setback) => (AttemptEnd::Disabled, setback),
    };
    Some(AttemptRow { at, ended, reason: Some(setback.reason.clone()) })
}

/// The write that closes a row, or that says when it is tried again (`Pending`: `at` is when).
pub(super) fn outcome(
    seq: i64,
    state: OutboxState,
    attempts: u32,
    at: Timestamp,
    reason: Option<Name>,
    receiver_id: Option<Name>,
) -> DeliveryWrite {
    let closed_at = (state != OutboxState::Pending).then_some(at);
    DeliveryWrite::Outcome { seq, state, attempts, due: at, reason, receiver_id, closed_at }
}
