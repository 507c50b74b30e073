//! Attempts that did not deliver: when each ended, how, and why. Of one that did, the message's own row says as much, so that a message which
//! is taken at once costs nothing here.

use super::codec::{Cells, all, run};
use super::{Reader, StoreFault};
use crate::types::{Name, Timestamp};
use rusqlite::{Connection, Result};
use std::collections::BTreeMap;

/// So many messages before the oldest that failed may have been delivered since, by a later attempt.
const BESIDES: i64 = 1_000;

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

impl Reader {
    /// Sinks that something waits for and that had only failures since their last success: since when, and the last of them.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn failing(&self) -> Result<Vec<(Name, Timestamp, Name)>, StoreFault> {
        self.ask(failing)
    }
}

fn failing(connection: &Connection) -> Result<Vec<(Name, Timestamp, Name)>> {
    let sql = "SELECT sink, outbox.seq, at, coalesce(attempts.reason, 'no answer') FROM outbox INDEXED BY outbox_pending \
        JOIN attempts ON attempts.seq = outbox.seq WHERE state = 'pending' AND ended = 'again' ORDER BY at";
    let tried = all(connection, sql, |cells| {
        let (sink, seq): (Name, i64) = (cells.take()?, cells.take()?);
        Ok((sink, (seq, cells.take()?, cells.take()?)))
    })?;
    let mut of_sink: BTreeMap<Name, Vec<(i64, Timestamp, Name)>> = BTreeMap::new();
    for (sink, attempt) in tried {
        of_sink.entry(sink).or_default().push(attempt);
    }
    let mut failing = Vec::new();
    for (sink, tried) in of_sink {
        let first = tried.iter().map(|(seq, ..)| *seq).min().unwrap_or_default();
        let sql = "SELECT max(closed_at) FROM outbox WHERE seq >= ?1 AND sink = ?2 AND state = 'done'";
        let mut statement = connection.prepare_cached(sql)?;
        let delivered: Option<Timestamp> =
            statement.query_row((first - BESIDES, sink.as_str()), |row| Cells::of(row).take())?;
        let since = tried.iter().map(|(_, at, _)| *at).find(|at| delivered.is_none_or(|delivered| *at > delivered));
        if let Some((since, (.., last))) = since.zip(tried.into_iter().next_back()) {
            failing.push((sink, since, last));
        }
    }
    Ok(failing)
}
