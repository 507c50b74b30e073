//! Copies of a store: taken while a monitor writes it, looked through, and brought back to where a store belongs.
//!
//! A copy is one file, as of one moment, for its owner only. It appears under its name when it is whole and on disk, and replaces nothing.

use super::codec::{Cells, all};
use super::fault::StoreFault;
use super::lock::{StoreLock, lock_path};
use super::migrate::{self, copy_path};
use super::read::connect;
use super::sqlite::{IfMissing, SqliteStore};
use super::{Store, meta};
use crate::types::{ChainId, Timestamp};
use rusqlite::{Connection, OptionalExtension, Result as SqlResult};
use std::ffi::OsString;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

/// What SQLite keeps beside a store. One that was left by a store that is gone would be taken for a part of the next one.
const BESIDE: [&str; 3] = ["-wal", "-shm", "-journal"];

/// What a copy holds, counted in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contents {
    /// Of the file.
    pub bytes: u64,
    /// Its schema; one that is older is brought forward when it is restored.
    pub schema: i64,
    /// The time of its last commit.
    pub as_of: Option<Timestamp>,
    /// Each chain with the newest block of its window.
    pub chains: Vec<(ChainId, Option<u64>)>,
    /// Transfers and approvals.
    pub transfers: u64,
    /// Alerts.
    pub alerts: u64,
    /// Messages that are still to be delivered.
    pub pending: u64,
    /// Payments, rehearsals too.
    pub payments: u64,
    /// Those of them that move money.
    pub live: u64,
}

/// Writes a whole, compact copy of the store at `store`, of whatever schema, as of one moment, durably, and looks it through. A monitor
/// goes on writing meanwhile.
///
/// # Errors
/// `Exists` where there is a file already; when it cannot be written: nothing new is under `to` then.
pub fn take(store: &Path, to: &Path) -> Result<Contents, StoreFault> {
    if to.exists() {
        return Err(StoreFault::Exists { path: to.to_path_buf() });
    }
    let (connection, _) = connect(store)?;
    migrate::write_copy(&connection, store, to)?;
    look_through(to)
}

/// Opens a copy, checks every page and index of it, and counts what it holds. It changes nothing.
///
/// # Errors
/// `Missing`, `Newer`, `Foreign`, `Damaged`, or what the system says.
pub fn look_through(path: &Path) -> Result<Contents, StoreFault> {
    let (connection, schema) = connect(path)?;
    let fault = |error: &rusqlite::Error| StoreFault::of_sqlite(path, "looking through the copy", error);
    let whole: String =
        connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0)).map_err(|error| fault(&error))?;
    if whole != "ok" {
        return Err(StoreFault::Damaged { path: path.to_path_buf(), what: whole });
    }
    let bytes = fs::metadata(path).map_err(|error| StoreFault::of_io(path, "looking at the copy", &error))?.len();
    count(&connection, bytes, schema).map_err(|error| fault(&error))
}

fn count(connection: &Connection, bytes: u64, schema: i64) -> SqlResult<Contents> {
    let rows = |table: &str, which: &str| -> SqlResult<u64> {
        let is_there = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?1";
        // An older store lacks what came later.
        if connection.query_row(is_there, [table], |_| Ok(())).optional()?.is_none() {
            return Ok(0);
        }
        let sql = format!("SELECT count(*) FROM {table} {which}");
        connection.query_row(&sql, [], |row| row.get::<_, i64>(0)).map(i64::unsigned_abs)
    };
    let chains = "SELECT chain, (SELECT number FROM blocks WHERE blocks.chain = chains.chain ORDER BY number DESC LIMIT 1) \
        FROM chains ORDER BY chain";
    Ok(Contents {
        bytes,
        schema,
        as_of: meta::last_at(connection)?,
        chains: all(connection, chains, |cells: &mut Cells<'_>| Ok((cells.take()?, cells.take()?)))?,
        transfers: rows("transfers", "")?,
        alerts: rows("alerts", "")?,
        pending: rows("outbox", "WHERE state = 'pending'")?,
        payments: rows("payments", "")?,
        live: rows("live_payments", "")?,
    })
}

/// A copy that is on its way to where a store belongs: nothing is there yet. Forgotten, it leaves nothing behind.
#[derive(Debug)]
pub struct Staged {
    from: Contents,
    path: PathBuf,
    to: PathBuf,
    /// No monitor can start there meanwhile.
    _lock: StoreLock,
}

impl Staged {
    /// Checks the copy at `from`, and makes a store of it beside `to`, of our schema, with every row that a start reads readable.
    ///
    /// # Errors
    /// `Exists` where a store is already, or what a lost one left; `Locked` while a monitor runs there; what is wrong with the copy.
    pub fn new(from: &Path, to: &Path) -> Result<Self, StoreFault> {
        let lock = StoreLock::take(to)?;
        let left = BESIDE.iter().map(|end| beside(to, end));
        if let Some(path) = std::iter::once(to.to_path_buf()).chain(left).find(|path| path.exists()) {
            return Err(StoreFault::Exists { path });
        }
        let contents = look_through(from)?;
        let (connection, schema) = connect(from)?;
        let path = beside(to, ".restoring");
        let staged = Self { from: contents, path, to: to.to_path_buf(), _lock: lock };
        staged.clear()?;
        migrate::write_copy(&connection, from, &staged.path)?;
        let mut store = staged.open()?;
        // What a start would read is read now: a row that cannot be is found before anything relies on it.
        store.load()?;
        store.open_outbox()?;
        drop(store);
        staged.forget(&copy_path(&staged.path, schema))?;
        Ok(staged)
    }

    /// What the copy holds.
    #[must_use]
    pub const fn contents(&self) -> &Contents {
        &self.from
    }

    /// The store that is to be, to write what has to stand in it from the first moment on.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn open(&self) -> Result<SqliteStore, StoreFault> {
        SqliteStore::open(&self.path, IfMissing::Refuse)
    }

    /// Brings it to its place, durably.
    ///
    /// # Errors
    /// When that cannot be done: nothing is in its place then.
    pub fn land(self) -> Result<(), StoreFault> {
        let io = |error: &std::io::Error| StoreFault::of_io(&self.to, "bringing the store to its place", error);
        // Who closes a store last and may write it brings its log into the file and takes it away.
        drop(self.open()?);
        if let Some(path) = BESIDE.iter().map(|end| beside(&self.path, end)).find(|path| path.exists()) {
            return Err(StoreFault::Exists { path });
        }
        File::open(&self.path).and_then(|file| file.sync_all()).map_err(|error| io(&error))?;
        fs::rename(&self.path, &self.to).map_err(|error| io(&error))?;
        migrate::sync_folder(&self.to).map_err(|error| io(&error))
    }

    /// Takes away what an attempt that was cut off has left.
    fn clear(&self) -> Result<(), StoreFault> {
        self.forget(&self.path)?;
        self.forget(&lock_path(&self.path))?;
        BESIDE.iter().try_for_each(|end| self.forget(&beside(&self.path, end)))
    }

    fn forget(&self, path: &Path) -> Result<(), StoreFault> {
        match fs::remove_file(path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(StoreFault::of_io(&self.to, "taking away what is in between", &error))
            }
            Ok(()) | Err(_) => Ok(()),
        }
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        // What cannot be taken away now is taken away by the next attempt.
        drop(self.clear());
    }
}

/// The path with this behind it.
fn beside(path: &Path, end: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(end);
    name.into()
}
