//! Attempts that did not deliver: when each ended, how, and why. Of one that did, the message's own row says as much, so that a message which
//! is taken at once costs nothing here.

use super::codec::{Cells, run};
use crate::types::{Name, Timestamp};
use rusqlite::{Connection, Result};

/// How an attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttemptEnd {
    /// To be tried again.
    Again,
    /// Refused for good.
    Dead,
    /// The receiver asks never to be called again.
    Disabled,
    /// Delivered; the message was replayed since.
    Done,
}

impl AttemptEnd {
    /// Every end.
    pub const ALL: [Self; 4] = [Self::Again, Self::Dead, Self::Disabled, Self::Done];

    /// The word in the store and the API.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Again => "again",
            Self::Dead => "dead",
            Self::Disabled => "disabled",
            Self::Done => "done",
        }
    }

    /// By its word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|end| end.word() == word)
    }
}

/// An attempt that ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttemptRow {
    /// When.
    pub at: Timestamp,
    /// How.
    pub ended: AttemptEnd,
    /// Why, without urls or secrets.
    pub reason: Option<Name>,
}

pub(super) const TABLES: &str = "
CREATE TABLE attempts (
  seq INTEGER NOT NULL, nth INTEGER NOT NULL, at INTEGER NOT NULL, ended TEXT NOT NULL, reason TEXT, PRIMARY KEY (seq, nth)
) STRICT, WITHOUT ROWID;
";

/// Notes one of a message. A message that is gone is left gone.
pub(super) fn add(connection: &Connection, seq: i64, row: &AttemptRow) -> Result<()> {
    let sql = "INSERT INTO attempts (seq, nth, at, ended, reason) \
        SELECT ?1, (SELECT coalesce(max(nth), 0) + 1 FROM attempts WHERE seq = ?1), ?2, ?3, ?4 \
        WHERE EXISTS (SELECT 1 FROM outbox WHERE seq = ?1)";
    run!(connection, sql, seq, row.at, row.ended, row.reason).map(drop)
}

/// Forgets those of a message.
pub(super) fn delete(connection: &Connection, seq: i64) -> Result<()> {
    run!(connection, "DELETE FROM attempts WHERE seq = ?1", seq).map(drop)
}

/// Those of a message, in order.
pub(super) fn of(connection: &Connection, seq: i64) -> Result<Vec<AttemptRow>> {
    let sql = "SELECT at, ended, reason FROM attempts WHERE seq = ?1 ORDER BY nth";
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map([seq], |row| {
        let mut cells = Cells::of(row);
        Ok(AttemptRow { at: cells.take()?, ended: cells.take()?, reason: cells.take()? })
    })?;
    rows.collect()
}
