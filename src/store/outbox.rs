//! The outbox: messages as they were frozen, and their delivery columns. Only `deliver` writes those, and only `add` writes a message.

use super::attempts;
use super::codec::{Cells, all, run};
use super::numbers::AlertNumbers;
use super::{DeliveryWrite, NewMessage, OutboxRow, OutboxState};
use rusqlite::{Connection, Result};

/// Gives each message its place in the order of record.
#[derive(Debug)]
pub(super) struct Sequence {
    next: i64,
}

impl Sequence {
    /// Goes on after the newest row, which pruning never removes: no place is given twice.
    ///
    /// # Errors
    /// What SQLite says.
    pub(super) fn load(connection: &Connection) -> Result<Self> {
        let newest: i64 = connection.query_row("SELECT coalesce(max(seq), 0) FROM outbox", [], |row| row.get(0))?;
        Ok(Self { next: newest + 1 })
    }
}

/// Adds a message, pending and due at once. `None` where its id is there already.
pub(super) fn add(
    connection: &Connection,
    numbers: &mut AlertNumbers,
    sequence: &mut Sequence,
    message: &NewMessage,
) -> Result<Option<OutboxRow>> {
    let sql = "INSERT INTO outbox (seq, id, sink, alert, alert_id, revision, kind, retracts, severity, created, \
        block_time, state, attempts, due, body) \
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, 'pending', 0, ?10, ?12) ON CONFLICT (alert, id) DO NOTHING";
    let NewMessage { id, sink, alert, revision, kind, retracts, severity, created, block_time, body } = message;
    let number = numbers.of(connection, *alert)?;
    let seq = sequence.next;
    let added = run!(
        connection,
        sql,
        seq,
        *id,
        *sink,
        number,
        *alert,
        *revision,
        *kind,
        *retracts,
        *severity,
        *created,
        *block_time,
        *body
    )?;
    if added == 0 {
        return Ok(None);
    }
    sequence.next += 1;
    Ok(Some(OutboxRow::new(seq, message.clone())))
}

pub(super) fn deliver(connection: &Connection, write: &DeliveryWrite) -> Result<()> {
    let sql = "UPDATE outbox SET state = ?2, attempts = ?3, due = ?4, reason = ?5, receiver_id = ?6, closed_at = ?7 \
        WHERE seq = ?1";
    match write {
        DeliveryWrite::Outcome { seq, state, attempts, due, reason, receiver_id, closed_at } => {
            run!(connection, sql, *seq, *state, *attempts, *due, *reason, *receiver_id, *closed_at).map(drop)
        }
        DeliveryWrite::Attempt { seq, row } => attempts::add(connection, *seq, row),
        DeliveryWrite::Sink { sink, disabled: true } => {
            run!(connection, "INSERT INTO disabled_sinks (sink) VALUES (?1) ON CONFLICT DO NOTHING", *sink).map(drop)
        }
        DeliveryWrite::Sink { sink, disabled: false } => {
            run!(connection, "DELETE FROM disabled_sinks WHERE sink = ?1", *sink).map(drop)
        }
    }
}

/// What [`row`] reads.
pub(super) const COLUMNS: &str = "seq, id, sink, alert_id, revision, kind, retracts, severity, created, block_time, \
    state, attempts, due, reason, receiver_id, closed_at, body";

pub(super) fn row(cells: &mut Cells<'_>) -> Result<OutboxRow> {
    let seq = cells.take()?;
    let mut message = NewMessage {
        id: cells.take()?,
        sink: cells.take()?,
        alert: cells.take()?,
        revision: cells.take()?,
        kind: cells.take()?,
        retracts: cells.take()?,
        severity: cells.take()?,
        created: cells.take()?,
        block_time: cells.take()?,
        body: bytes::Bytes::new(),
    };
    let (state, attempts, due) = (cells.take()?, cells.take()?, cells.take()?);
    let (reason, receiver_id, closed_at) = (cells.take()?, cells.take()?, cells.take()?);
    message.body = cells.take()?;
    Ok(OutboxRow { seq, message, state, attempts, due, reason, receiver_id, closed_at })
}

/// Every pending row, in order.
pub(super) fn pending(connection: &Connection) -> Result<Vec<OutboxRow>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM outbox WHERE seq IN \
        (SELECT seq FROM outbox INDEXED BY outbox_pending WHERE state = 'pending') ORDER BY seq"
    );
    all(connection, &sql, row)
}

#[expect(
    clippy::redundant_closure_for_method_calls,
    reason = "the method alone is not general enough in its lifetimes"
)]
pub(super) fn disabled_sinks(connection: &Connection) -> Result<Vec<crate::types::Name>> {
    all(connection, "SELECT sink FROM disabled_sinks ORDER BY sink", |cells| cells.take())
}

impl OutboxRow {
    /// The row of a message that was just committed: pending, and due at once.
    #[must_use]
    pub fn new(seq: i64, message: NewMessage) -> Self {
        let due = message.created;
        Self {
            seq,
            message,
            state: OutboxState::Pending,
            attempts: 0,
            due,
            reason: None,
            receiver_id: None,
            closed_at: None,
        }
    }
}
