//! The numbers that stand for the ids of alerts.
//!
//! An alert's id is a hash, so that an index of ids is random: each new alert would cost a page of it, four fifths of all that a commit
//! writes. There is one such index in the store, and the rows of alerts and their messages hang on the ordered number that it gives. It is
//! written behind: new ids wait in memory, and each commit writes those of one shard of the id space, which are neighbours in the index.
//! Nothing is lost by a crash, for the ids stand in the alerts and messages themselves: those from `alerts_indexed` on are read at start.

use super::codec::{Cell, Cells, run};
use super::meta;
use crate::types::AlertId;
use rusqlite::{Connection, OptionalExtension, Result};
use std::collections::BTreeMap;

/// Parts of the id space, by the first byte; one is written with each commit.
#[cfg(not(test))]
const SHARDS: usize = 256;
/// Few, so that the tests' few commits write them all.
#[cfg(test)]
const SHARDS: usize = 4;
/// Ids that may wait in memory (about 4 MB): beyond it a commit writes more than one shard.
#[cfg(not(test))]
const WAITING: usize = 65_536;
/// Few, so that the tests reach it.
#[cfg(test)]
const WAITING: usize = 2;

/// Gives each alert its number, in the order in which alerts are first mentioned.
#[derive(Debug)]
pub(super) struct AlertNumbers {
    next: i64,
    /// Not in the index yet, or not known to be.
    waiting: BTreeMap<AlertId, i64>,
    /// Found in the index by this transaction: an alert and its messages come in one commit.
    met: BTreeMap<AlertId, i64>,
    /// The shard that the next commit writes.
    shard: usize,
    /// `next` when shard 0 was last begun: at the end of the round all lower numbers are in the index.
    round: i64,
}

impl AlertNumbers {
    /// Goes on after the highest number in use, with the ids that may not be in the index.
    ///
    /// # Errors
    /// What SQLite says.
    pub(super) fn load(connection: &Connection) -> Result<Self> {
        let indexed = meta::alerts_indexed(connection)?;
        let sql =
            "SELECT id, alert FROM alerts WHERE alert >= ?1 UNION SELECT alert_id, alert FROM outbox WHERE alert >= ?1";
        let mut statement = connection.prepare(sql)?;
        let mut rows = statement.query([indexed])?;
        let mut waiting = BTreeMap::new();
        while let Some(row) = rows.next()? {
            let mut cells = Cells::of(row);
            waiting.insert(cells.take()?, cells.take()?);
        }
        // A number below `indexed` that was freed is not given again: its new owner would not be read at the next start.
        let next = waiting.values().max().map_or(indexed, |highest| highest + 1);
        Ok(Self { next, waiting, met: BTreeMap::new(), shard: 0, round: next })
    }

    /// The number of `id`, which is made where it has none.
    ///
    /// # Errors
    /// What SQLite says.
    pub(super) fn of(&mut self, connection: &Connection, id: AlertId) -> Result<i64> {
        if let Some(number) = self.find(connection, id)? {
            return Ok(number);
        }
        let number = self.next;
        self.next += 1;
        self.waiting.insert(id, number);
        Ok(number)
    }

    /// The number of `id`, where it has one.
    ///
    /// # Errors
    /// What SQLite says.
    pub(super) fn find(&mut self, connection: &Connection, id: AlertId) -> Result<Option<i64>> {
        if let Some(number) = self.waiting.get(&id).or_else(|| self.met.get(&id)) {
            return Ok(Some(*number));
        }
        let number = in_index(connection, id)?;
        if let Some(number) = number {
            self.met.insert(id, number);
        }
        Ok(number)
    }

    /// Gives up a number, if neither an alert's row nor a message needs it.
    ///
    /// # Errors
    /// What SQLite says.
    pub(super) fn release(&mut self, connection: &Connection, number: i64, id: AlertId) -> Result<()> {
        let sql = "SELECT 1 FROM alerts WHERE alert = ?1 UNION ALL SELECT 1 FROM outbox WHERE alert = ?1";
        if !connection.prepare_cached(sql)?.exists([number])? {
            self.waiting.remove(&id);
            self.met.remove(&id);
            run!(connection, "DELETE FROM alert_ids WHERE id = ?1", id)?;
        }
        Ok(())
    }

    /// Writes the next shard, at the end of a transaction.
    ///
    /// # Errors
    /// What SQLite says.
    pub(super) fn write_behind(&mut self, connection: &Connection) -> Result<()> {
        self.met.clear();
        loop {
            self.write_shard(connection)?;
            if self.waiting.len() <= WAITING {
                return Ok(());
            }
        }
    }

    fn write_shard(&mut self, connection: &Connection) -> Result<()> {
        let shard = self.shard;
        let due: Vec<(AlertId, i64)> = self
            .waiting
            .range(first_of(shard)..)
            .take_while(|(id, _)| shard_of(**id) == shard)
            .map(|(id, number)| (*id, *number))
            .collect();
        for (id, number) in due {
            let sql = "INSERT INTO alert_ids (id, alert) VALUES (?1, ?2) ON CONFLICT DO NOTHING";
            run!(connection, sql, id, number)?;
            self.waiting.remove(&id);
        }
        self.shard = (self.shard + 1) % SHARDS;
        if self.shard == 0 {
            if meta::alerts_indexed(connection)? < self.round {
                meta::set_alerts_indexed(connection, self.round)?;
            }
            self.round = self.next;
        }
        Ok(())
    }
}

/// The lowest id of a shard.
fn first_of(shard: usize) -> AlertId {
    let mut id = [0; 16];
    id[0] = u8::try_from(shard * 256 / SHARDS).expect("a shard is below SHARDS");
    AlertId(id)
}

fn shard_of(id: AlertId) -> usize {
    usize::from(id.0[0]) * SHARDS / 256
}

fn in_index(connection: &Connection, id: AlertId) -> Result<Option<i64>> {
    let mut statement = connection.prepare_cached("SELECT alert FROM alert_ids WHERE id = ?1")?;
    statement.query_row([id.to_cell()], |row| row.get(0)).optional()
}

/// The number of an alert that has a row, for readers, who do not see what waits.
///
/// # Errors
/// What SQLite says.
pub(super) fn find_row(connection: &Connection, id: AlertId) -> Result<Option<i64>> {
    if let Some(number) = in_index(connection, id)? {
        return Ok(Some(number));
    }
    let indexed = meta::alerts_indexed(connection)?;
    let mut statement = connection.prepare_cached("SELECT alert FROM alerts WHERE alert >= ?1 AND id = ?2")?;
    statement.query_row([indexed.to_cell(), id.to_cell()], |row| row.get(0)).optional()
}
