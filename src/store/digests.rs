//! Digests that name an alert: who has one was told of the alert, though the message is the digest's own.

use super::codec::{Cell, Cells};
use super::{OutboxRow, outbox};
use crate::reactor::rows::AlertRow;
use crate::types::{AlertId, Timestamp};
use rusqlite::{Connection, Result};

/// The few of them, by time.
pub(super) const BY_TIME: &str = "CREATE INDEX outbox_digests ON outbox (created) WHERE kind = 'digest';";

/// Those since `from` that name an alert, in order.
///
/// A line of a digest ends with its alert (`reactor::quiet::line`), and in the body with a quote that nothing within a line can write.
pub(super) fn naming(connection: &Connection, alert: AlertId, from: Timestamp) -> Result<Vec<OutboxRow>> {
    let sql = format!(
        "SELECT {} FROM outbox INDEXED BY outbox_digests WHERE kind = 'digest' AND created >= ?1 AND instr(body, ?2) > 0 \
        ORDER BY created, seq",
        outbox::COLUMNS
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let line = format!("; alert {alert}\"").into_bytes();
    let rows = statement.query_map((from.to_cell(), line), |row| outbox::row(&mut Cells::of(row)))?;
    rows.collect()
}

/// An alert that its rule told nobody of, as it stands where a digest has named it since. What nothing can change any more is not written
/// again for that.
pub(super) fn told_by(connection: &Connection, mut row: AlertRow) -> Result<AlertRow> {
    if row.untold.is_none() {
        return Ok(row);
    }
    for digest in naming(connection, row.id, row.changed_at)? {
        row.untold = None;
        if !row.told.contains(&digest.message.sink) {
            row.told.push(digest.message.sink);
        }
    }
    Ok(row)
}
