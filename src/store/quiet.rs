//! Silences, known counterparties, and what was not said yet.

use super::codec::{all, run};
use crate::reactor::quiet::{Cause, Counterparty, Kept, QuietKey, QuietRow, Silence};
use rusqlite::{Connection, Result};

/// `cause` is the number of a silence, 0 of suspects, or [`OUTAGES`]. Ids of silences begin at 1, and are never so many.
pub(super) const TABLES: &str = "
CREATE TABLE silences (
  number INTEGER NOT NULL PRIMARY KEY, rule TEXT, watch TEXT, chain TEXT, types TEXT, up_to TEXT NOT NULL, from_time INTEGER NOT NULL,
  until INTEGER NOT NULL, author TEXT NOT NULL, comment TEXT NOT NULL
) STRICT;
CREATE TABLE counterparties (
  owner BLOB NOT NULL, other BLOB NOT NULL, number INTEGER NOT NULL, PRIMARY KEY (owner, other)
) STRICT, WITHOUT ROWID;
CREATE TABLE kept (
  number INTEGER NOT NULL PRIMARY KEY, cause INTEGER NOT NULL, sinks TEXT NOT NULL, line TEXT NOT NULL, more INTEGER NOT NULL
) STRICT;
";

/// The `cause` of what came and went.
const OUTAGES: u32 = u32::MAX;

/// Silences that are over stay.
pub(super) const ENDED: &str = "ALTER TABLE silences ADD COLUMN over INTEGER NOT NULL DEFAULT 0;";

pub(super) fn put(connection: &Connection, row: &QuietRow) -> Result<()> {
    match row {
        QuietRow::Silence(row) => {
            let Silence { number, rule, watch, chain, types, up_to, from, until, author, comment, over } = row;
            let sql = "INSERT OR REPLACE INTO silences (number, rule, watch, chain, types, up_to, from_time, until, author, comment, over) \
                VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)";
            run!(connection, sql, *number, *rule, *watch, *chain, *types, *up_to, *from, *until, *author, *comment, *over)
        }
        QuietRow::Known(Counterparty { owner, other, number }) => {
            let sql = "INSERT OR REPLACE INTO counterparties (owner, other, number) VALUES (?1, ?2, ?3)";
            run!(connection, sql, *owner, *other, *number)
        }
        QuietRow::Kept(Kept { number, cause, sinks, line, more }) => {
            let sql = "INSERT OR REPLACE INTO kept (number, cause, sinks, line, more) VALUES (?1, ?2, ?3, ?4, ?5)";
            let cause = match cause {
                Cause::Suspect => 0,
                Cause::Silence(number) => *number,
                Cause::Outages => OUTAGES,
            };
            run!(connection, sql, *number, cause, *sinks, *line, *more)
        }
    }
    .map(drop)
}

pub(super) fn delete(connection: &Connection, key: &QuietKey) -> Result<usize> {
    match key {
        QuietKey::Silence(number) => run!(connection, "DELETE FROM silences WHERE number = ?1", *number),
        QuietKey::Known(owner, other) => {
            run!(connection, "DELETE FROM counterparties WHERE owner = ?1 AND other = ?2", *owner, *other)
        }
        QuietKey::Kept(number) => run!(connection, "DELETE FROM kept WHERE number = ?1", *number),
    }
}

/// The silences in force.
pub(super) fn silences(connection: &Connection) -> Result<Vec<Silence>> {
    let silence = |row| match row {
        QuietRow::Silence(silence) => Some(silence).filter(|silence| !silence.over),
        QuietRow::Known(_) | QuietRow::Kept(_) => None,
    };
    Ok(silence_rows(connection)?.into_iter().filter_map(silence).collect())
}

/// All of it: silences, counterparties, and what was kept.
pub(super) fn rows(connection: &Connection) -> Result<Vec<QuietRow>> {
    let mut rows = silence_rows(connection)?;
    rows.extend(all(connection, "SELECT owner, other, number FROM counterparties ORDER BY owner, other", |cells| {
        Ok(QuietRow::Known(Counterparty { owner: cells.take()?, other: cells.take()?, number: cells.take()? }))
    })?);
    rows.extend(all(connection, "SELECT number, cause, sinks, line, more FROM kept ORDER BY number", |cells| {
        Ok(QuietRow::Kept(Kept {
            number: cells.take()?,
            cause: match cells.take::<u32>()? {
                0 => Cause::Suspect,
                OUTAGES => Cause::Outages,
                number => Cause::Silence(number),
            },
            sinks: cells.take()?,
            line: cells.take()?,
            more: cells.take()?,
        }))
    })?);
    Ok(rows)
}

fn silence_rows(connection: &Connection) -> Result<Vec<QuietRow>> {
    let sql = "SELECT number, rule, watch, chain, types, up_to, from_time, until, author, comment, over FROM silences ORDER BY number";
    all(connection, sql, |cells| {
        Ok(QuietRow::Silence(Silence {
            number: cells.take()?,
            rule: cells.take()?,
            watch: cells.take()?,
            chain: cells.take()?,
            types: cells.take()?,
            up_to: cells.take()?,
            from: cells.take()?,
            until: cells.take()?,
            author: cells.take()?,
            comment: cells.take()?,
            over: cells.take()?,
        }))
    })
}
