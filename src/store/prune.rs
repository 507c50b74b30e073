//! Retention: what is closed and older than the config keeps it, in small steps. What is open is never touched.

use super::OutboxState;
use super::alerts;
use super::attempts;
use super::codec::{Cells, run};
use super::numbers::AlertNumbers;
use crate::types::{AlertId, Timestamp};
use rusqlite::{Connection, Result};

/// What may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Prune {
    /// Messages closed before this, and then closed alerts that last changed before it and have no message left.
    pub before_outbox: Timestamp,
    /// Settled transfers first seen before this; `None` keeps them for ever.
    pub before_transfers: Option<Timestamp>,
    /// Rows looked at in one step, for each of the three tables: the writer is not held up for longer.
    pub limit: u32,
}

/// What one step removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Pruned {
    /// Messages.
    pub outbox: u64,
    /// Alerts.
    pub alerts: u64,
    /// Transfers.
    pub transfers: u64,
    /// Whether there is more to look at: prune again.
    pub more: bool,
}

/// How far the pass that is under way has come: rows that must stay are looked at once a pass.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Position {
    outbox: i64,
    alert: i64,
}

/// One step, inside a transaction.
///
/// # Errors
/// What SQLite says.
pub(super) fn step(
    connection: &Connection,
    numbers: &mut AlertNumbers,
    position: &mut Position,
    prune: &Prune,
) -> Result<Pruned> {
    let (outbox, outbox_more) = messages(connection, numbers, position, prune)?;
    // Alerts only after their messages: an alert with a message left stays.
    let (alerts, alerts_more) =
        if outbox_more { (0, true) } else { closed_alerts(connection, numbers, position, prune)? };
    let transfers = match prune.before_transfers {
        Some(before) => settled_transfers(connection, before, prune.limit)?,
        None => 0,
    };
    let more = outbox_more || alerts_more || (transfers > 0 && transfers == u64::from(prune.limit));
    if !outbox_more && !alerts_more {
        *position = Position::default();
    }
    Ok(Pruned { outbox, alerts, transfers, more })
}

/// A row that is old enough, or that ends the search.
struct Old<T> {
    number: i64,
    id: T,
    goes: bool,
}

/// The next rows after `from` that were made before `before`; whether there are more.
fn old<T>(
    connection: &Connection,
    sql: &str,
    from: i64,
    prune: &Prune,
    mut read: impl FnMut(&mut Cells<'_>) -> Result<Option<Old<T>>>,
) -> Result<(Vec<Old<T>>, bool)> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query([from, i64::from(prune.limit)])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        match read(&mut Cells::of(row))? {
            Some(old) => found.push(old),
            None => return Ok((found, false)),
        }
    }
    let more = !found.is_empty() && found.len() == usize::try_from(prune.limit).unwrap_or(usize::MAX);
    Ok((found, more))
}

fn messages(
    connection: &Connection,
    numbers: &mut AlertNumbers,
    position: &mut Position,
    prune: &Prune,
) -> Result<(u64, bool)> {
    // The newest row stays, so that its place in the order of record is never given again.
    let sql = "SELECT seq, alert, alert_id, state, created, closed_at FROM outbox \
        WHERE seq > ?1 AND seq < (SELECT max(seq) FROM outbox) ORDER BY seq LIMIT ?2";
    let (rows, more) = old(connection, sql, position.outbox, prune, |cells| {
        let number = cells.take()?;
        let id: (i64, AlertId) = (cells.take()?, cells.take()?);
        let (state, created, closed): (OutboxState, Timestamp, Option<Timestamp>) =
            (cells.take()?, cells.take()?, cells.take()?);
        Ok((created < prune.before_outbox).then(|| Old {
            number,
            id,
            goes: may_go(state, created, closed, prune.before_outbox),
        }))
    })?;
    let mut gone = 0;
    for row in &rows {
        position.outbox = row.number;
        if row.goes {
            run!(connection, "DELETE FROM outbox WHERE seq = ?1", row.number)?;
            attempts::delete(connection, row.number)?;
            numbers.release(connection, row.id.0, row.id.1)?;
            gone += 1;
        }
    }
    Ok((gone, more))
}

/// Whether a message is closed and old. One that was closed without a time is as old as it is itself.
#[must_use]
pub(super) fn may_go(state: OutboxState, created: Timestamp, closed: Option<Timestamp>, before: Timestamp) -> bool {
    match state {
        OutboxState::Pending => false,
        OutboxState::Done | OutboxState::Dead | OutboxState::Superseded => closed.unwrap_or(created) < before,
    }
}

fn closed_alerts(
    connection: &Connection,
    numbers: &mut AlertNumbers,
    position: &mut Position,
    prune: &Prune,
) -> Result<(u64, bool)> {
    let sql = "SELECT alert, id, raised_at, changed_at, closed, NOT EXISTS (SELECT 1 FROM outbox WHERE outbox.alert = alerts.alert) \
        FROM alerts WHERE alert > ?1 ORDER BY alert LIMIT ?2";
    let (rows, more) = old(connection, sql, position.alert, prune, |cells| {
        let (number, id): (i64, AlertId) = (cells.take()?, cells.take()?);
        let (raised, changed): (Timestamp, Timestamp) = (cells.take()?, cells.take()?);
        let (closed, alone): (bool, bool) = (cells.take()?, cells.take()?);
        let goes = closed && alone && changed < prune.before_outbox;
        Ok((raised < prune.before_outbox).then_some(Old { number, id, goes }))
    })?;
    let mut gone = 0;
    for row in &rows {
        position.alert = row.number;
        if row.goes {
            alerts::delete(connection, numbers, row.id)?;
            gone += 1;
        }
    }
    Ok((gone, more))
}

fn settled_transfers(connection: &Connection, before: Timestamp, limit: u32) -> Result<u64> {
    let sql = "DELETE FROM transfers WHERE (chain, block, id) IN (SELECT chain, block, id FROM transfers \
        WHERE first_seen < ?1 AND settled = 1 ORDER BY first_seen, id LIMIT ?2)";
    run!(connection, sql, before, limit).map(|gone| gone as u64)
}
