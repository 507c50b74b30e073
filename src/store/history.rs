//! The tables of history: what lies before a watch, and how far it was read.

use super::codec::{Cell, all, run};
use crate::reactor::event::List;
use crate::reactor::rows::{BackfillRow, ListLeft, ScanRow};
use crate::types::Timestamp;
use rusqlite::types::{FromSqlError, FromSqlResult, ToSqlOutput, Value, ValueRef};
use rusqlite::{Connection, Result};

/// Of a backfill: chain and address.
pub(super) const DELETE_BACKFILL: &str = "DELETE FROM backfills WHERE chain = ?1 AND address = ?2";
/// Of a scan: chain, until, scan.
pub(super) const DELETE_SCAN: &str = "DELETE FROM scans WHERE chain = ?1 AND until = ?2 AND scan = ?3";

pub(super) fn put_backfill(connection: &Connection, row: &BackfillRow) -> Result<()> {
    let sql = "INSERT OR REPLACE INTO backfills (chain, address, from_block, until, live_from, left) \
        VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    let BackfillRow { chain, address, from, until, live_from, left } = row;
    run!(connection, sql, *chain, *address, *from, *until, *live_from, *left).map(drop)
}

pub(super) fn backfills(connection: &Connection) -> Result<Vec<BackfillRow>> {
    let sql = "SELECT chain, address, from_block, until, live_from, left FROM backfills ORDER BY chain, address";
    all(connection, sql, |cells| {
        Ok(BackfillRow {
            chain: cells.take()?,
            address: cells.take()?,
            from: cells.take()?,
            until: cells.take()?,
            live_from: cells.take()?,
            left: cells.take()?,
        })
    })
}

pub(super) fn put_scan(connection: &Connection, row: &ScanRow) -> Result<()> {
    let sql =
        "INSERT OR REPLACE INTO scans (chain, until, scan, from_block, next, below) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    let ScanRow { chain, until, scan, from, next, below } = row;
    run!(connection, sql, *chain, *until, *scan, *from, *next, *below).map(drop)
}

pub(super) fn scans(connection: &Connection) -> Result<Vec<ScanRow>> {
    let sql = "SELECT chain, until, scan, from_block, next, below FROM scans ORDER BY chain, until, scan";
    all(connection, sql, |cells| {
        Ok(ScanRow {
            chain: cells.take()?,
            until: cells.take()?,
            scan: cells.take()?,
            from: cells.take()?,
            next: cells.take()?,
            below: cells.take()?,
        })
    })
}

/// `list:next` or `list:next:blank`, with commas.
impl Cell for Vec<ListLeft> {
    fn to_cell(&self) -> ToSqlOutput<'_> {
        let text = |left: &ListLeft| {
            let blank = left.blank.map_or_else(String::new, |blank| format!(":{}", blank.millis()));
            format!("{}:{}{blank}", left.list.word(), left.next)
        };
        ToSqlOutput::Owned(Value::Text(self.iter().map(text).collect::<Vec<_>>().join(",")))
    }

    fn from_cell(cell: ValueRef<'_>) -> FromSqlResult<Self> {
        let text = cell.as_str()?;
        let parts = text.split(',').filter(|part| !part.is_empty());
        parts.map(|part| left(part).ok_or_else(|| strange(part))).collect()
    }
}

fn left(part: &str) -> Option<ListLeft> {
    let mut words = part.split(':');
    let list = List::from_word(words.next()?)?;
    let next = words.next()?.parse().ok()?;
    let blank = match words.next() {
        Some(millis) => Some(Timestamp::from_millis(millis.parse().ok()?)),
        None => None,
    };
    words.next().is_none().then_some(ListLeft { list, next, blank })
}

fn strange(part: &str) -> FromSqlError {
    FromSqlError::Other(format!("{part:?} is not what is left of a list").into())
}
