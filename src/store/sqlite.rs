//! The store on SQLite: opening, and one transaction for all that is committed together. One process, one connection that writes.
//!
//! WAL with `synchronous=FULL`: an answer is given when the log is on disk. Nothing here retries: after a failed commit the process ends
//! and the next start goes on from disk.

use super::fault::StoreFault;
use super::lock::StoreLock;
use super::meta::StoreId;
use super::migrate::{self, Found};
use super::money;
use super::numbers::AlertNumbers;
use super::outbox::Sequence;
use super::prune::{Position, Prune, Pruned};
use super::schema::{MIGRATIONS, Migration};
use super::watches;
use super::{
    Commit, DeliveryWrite, OutboxRow, Store, Write, alerts, balances, codec, history, meta, outbox, prices, prune,
    small, transfers,
};
use crate::reactor::rows::{Row, RowKey, Tables};
use crate::telemetry::faults::{KillPoint, kill_point};
use crate::types::{Name, Timestamp};
use codec::{Cell, run};
use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Statements that stay prepared: there are fewer different ones than this.
const STATEMENTS: usize = 96;
/// KiB of pages kept in memory, at most: the indexes' upper levels at millions of rows.
const CACHE_KIB: i64 = 16 * 1024;
/// Pages in the log before they are brought into the file: 16 MiB. A page that changes in each of many commits is then brought over once.
const CHECKPOINT_PAGES: i64 = 4096;
/// How long to wait for somebody's shell on the same file.
const BUSY: Duration = Duration::from_secs(5);

/// What to do where there is no store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IfMissing {
    /// Make one with this id.
    Create(StoreId),
    /// [`StoreFault::Missing`]: with live money, a lost store is a person's business.
    Refuse,
}

/// The store, open for writing and locked.
#[derive(Debug)]
pub struct SqliteStore {
    connection: Connection,
    path: PathBuf,
    id: StoreId,
    created: bool,
    numbers: AlertNumbers,
    sequence: Sequence,
    position: Position,
    last_at: Option<Timestamp>,
    failed: Option<StoreFault>,
    /// The file that was opened, by device and number, where the system tells.
    file: Option<(u64, u64)>,
    _lock: StoreLock,
}

impl SqliteStore {
    /// Takes the lock, opens the store, and brings it to the newest schema after a copy.
    ///
    /// # Errors
    /// Each [`StoreFault`] but `Closed`; the store is as it was then.
    pub fn open(path: &Path, if_missing: IfMissing) -> Result<Self, StoreFault> {
        Self::open_with(path, if_missing, MIGRATIONS)
    }

    /// `open` with other migrations, for their tests.
    pub(super) fn open_with(path: &Path, if_missing: IfMissing, migrations: &[Migration]) -> Result<Self, StoreFault> {
        let missing = || StoreFault::Missing { path: path.to_path_buf() };
        if if_missing == IfMissing::Refuse && !path.exists() {
            return Err(missing());
        }
        let lock = StoreLock::take(path)?;
        let fault = |error: &rusqlite::Error| StoreFault::of_sqlite(path, "opening the store", error);
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut connection = Connection::open_with_flags(path, flags).map_err(|error| fault(&error))?;
        let found = migrate::look(&connection, path, migrate::newest(migrations))?;
        let new_id = match (found, if_missing) {
            (Found::Empty, IfMissing::Refuse) => return Err(missing()),
            (Found::Empty, IfMissing::Create(id)) => Some(id),
            (Found::Store(_), _) => None,
        };
        configure(&connection).map_err(|error| fault(&error))?;
        migrate::forward(&mut connection, path, found, migrations, |connection| match new_id {
            Some(id) => meta::set_store_id(connection, id),
            None => Ok(()),
        })?;
        let read = |connection: &Connection| {
            Ok((
                meta::store_id(connection)?,
                AlertNumbers::load(connection)?,
                Sequence::load(connection)?,
                meta::last_at(connection)?,
            ))
        };
        let (id, numbers, sequence, last_at) = read(&connection).map_err(|error| fault(&error))?;
        let (path, created) = (path.to_path_buf(), new_id.is_some());
        let position = Position::default();
        let file = file_at(&path);
        Ok(Self {
            connection,
            path,
            id,
            created,
            numbers,
            sequence,
            position,
            last_at,
            failed: None,
            file,
            _lock: lock,
        })
    }

    /// The random bytes that were made once with the store.
    #[must_use]
    pub const fn id(&self) -> StoreId {
        self.id
    }

    /// Whether this opening made it.
    #[must_use]
    pub const fn created(&self) -> bool {
        self.created
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A note, where there is one.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn note(&self, key: &str) -> Result<Option<String>, StoreFault> {
        meta::note(&self.connection, key).map_err(|error| self.fault("reading a note", &error))
    }

    /// Puts several requests into one durable transaction: all of them or none.
    ///
    /// # Errors
    /// When it is not durable. What was in the transaction is not on disk, or all of it is; every later call gets the same fault, because
    /// nobody knows what a log is worth after a failed fsync. The process ends.
    pub(super) fn together<T>(
        &mut self,
        work: impl FnOnce(&mut Turn<'_>) -> rusqlite::Result<T>,
    ) -> Result<T, StoreFault> {
        if let Some(fault) = &self.failed {
            return Err(fault.clone());
        }
        // What is committed into a file that has lost its name is lost with the process: nobody may be told that it is safe.
        if file_at(&self.path) != self.file {
            return Err(self.failed.insert(StoreFault::Gone { path: self.path.clone() }).clone());
        }
        let done = self.transact(work);
        done.map_err(|error| self.failed.insert(StoreFault::of_sqlite(&self.path, "committing", &error)).clone())
    }

    fn transact<T>(&mut self, work: impl FnOnce(&mut Turn<'_>) -> rusqlite::Result<T>) -> rusqlite::Result<T> {
        let transaction = Transaction::new_unchecked(&self.connection, TransactionBehavior::Immediate)?;
        let Self { numbers, sequence, position, last_at, .. } = self;
        let mut turn = Turn { connection: &transaction, numbers, sequence, position, last_at };
        let done = work(&mut turn)?;
        turn.numbers.write_behind(&transaction)?;
        kill_point(KillPoint::InsideCommit);
        transaction.commit()?;
        Ok(done)
    }

    /// One small step of pruning, in a transaction of its own.
    ///
    /// # Errors
    /// When it is not durable.
    pub fn prune(&mut self, prune: &Prune) -> Result<Pruned, StoreFault> {
        self.together(|turn| turn.prune(prune))
    }

    /// Notes a small text of another room's, durably.
    ///
    /// # Errors
    /// When it is not durable.
    pub fn set_note(&mut self, key: &str, value: &str) -> Result<(), StoreFault> {
        self.together(|turn| turn.note(key, value))
    }

    fn fault(&self, doing: &'static str, error: &rusqlite::Error) -> StoreFault {
        StoreFault::of_sqlite(&self.path, doing, error)
    }

    /// For tests that bring the database into a state that cannot be had otherwise.
    #[cfg(test)]
    pub(super) fn connection(&self) -> &Connection {
        &self.connection
    }
}

/// Which file lies at a path. It costs a microsecond, a commit a thousand.
#[cfg(unix)]
fn file_at(path: &Path) -> Option<(u64, u64)> {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata(path).ok().map(|file| (file.dev(), file.ino()))
}

/// As on other systems; there an open file cannot be taken away.
#[cfg(not(unix))]
fn file_at(path: &Path) -> Option<(u64, u64)> {
    path.exists().then_some((0, 0))
}

fn configure(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(BUSY)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
    connection.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES)?;
    connection.pragma_update(None, "journal_size_limit", CHECKPOINT_PAGES * 4096)?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    connection.pragma_update(None, "trusted_schema", "OFF")?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    Ok(())
}

/// A transaction that is being filled.
#[derive(Debug)]
pub(super) struct Turn<'a> {
    connection: &'a Connection,
    numbers: &'a mut AlertNumbers,
    sequence: &'a mut Sequence,
    position: &'a mut Position,
    last_at: &'a mut Option<Timestamp>,
}

impl Turn<'_> {
    /// Adds one commit. Gives the new outbox rows.
    ///
    /// # Errors
    /// What SQLite says.
    pub(super) fn commit(&mut self, commit: &Commit) -> rusqlite::Result<Vec<OutboxRow>> {
        for write in &commit.writes {
            match write {
                Write::Put(row) => self.put(row)?,
                Write::Delete(key) => self.delete(key)?,
            }
        }
        let mut added = Vec::with_capacity(commit.outbox.len());
        for message in &commit.outbox {
            added.extend(outbox::add(self.connection, self.numbers, self.sequence, message)?);
        }
        if self.last_at.is_none_or(|last| last < commit.at) {
            meta::set_last_at(self.connection, commit.at)?;
            *self.last_at = Some(commit.at);
        }
        Ok(added)
    }

    /// Adds changes of delivery columns. A row that is gone is left gone.
    ///
    /// # Errors
    /// What SQLite says.
    pub(super) fn deliver(&mut self, writes: &[DeliveryWrite]) -> rusqlite::Result<()> {
        writes.iter().try_for_each(|write| outbox::deliver(self.connection, write))
    }

    /// Adds a note.
    ///
    /// # Errors
    /// What SQLite says.
    pub(super) fn note(&mut self, key: &str, value: &str) -> rusqlite::Result<()> {
        meta::set_note(self.connection, key, value)
    }

    /// Adds one small step of pruning.
    ///
    /// # Errors
    /// What SQLite says.
    pub(super) fn prune(&mut self, what: &Prune) -> rusqlite::Result<Pruned> {
        prune::step(self.connection, self.numbers, self.position, what)
    }

    fn put(&mut self, row: &Row) -> rusqlite::Result<()> {
        let connection = self.connection;
        match row {
            Row::Chain(row) => small::put_chain(connection, row),
            Row::Block(row) => small::put_block(connection, row),
            Row::Gap(row) => small::put_gap(connection, row),
            Row::Transfer(row) => transfers::put(connection, row),
            Row::Alert(row) => alerts::put(connection, self.numbers, row),
            Row::Rule(row) => small::put_rule(connection, row),
            Row::View(row) => small::put_view(connection, row),
            Row::Token(row) => small::put_token(connection, row),
            Row::Deadline(row) => small::put_deadline(connection, row),
            Row::Trouble(row) => small::put_trouble(connection, row),
            Row::Payment(row) => small::put_payment(connection, row),
            Row::Office(row) => money::put(connection, row),
            Row::Balance(row) => balances::put_balance(connection, row),
            Row::Level(row) => balances::put_level(connection, row),
            Row::Backfill(row) => history::put_backfill(connection, row),
            Row::Watch(row) => watches::put_watch(connection, row),
            Row::Address(row) => watches::put_address(connection, row),
            Row::Request(row) => watches::put_request(connection, row),
            Row::Scan(row) => history::put_scan(connection, row),
            Row::Bar(row) => prices::put_bar(connection, row),
        }
    }

    fn delete(&mut self, key: &RowKey) -> rusqlite::Result<()> {
        let connection = self.connection;
        let pair = |sql: &str, chain: &dyn rusqlite::ToSql, second: &dyn rusqlite::ToSql| {
            connection.prepare_cached(sql)?.execute([chain, second])
        };
        match key {
            RowKey::Chain(chain) => run!(connection, "DELETE FROM chains WHERE chain = ?1", *chain),
            RowKey::Block(chain, number) => {
                let sql = "DELETE FROM blocks WHERE chain = ?1 AND number = ?2";
                pair(sql, &chain.to_cell(), &number.to_cell())
            }
            RowKey::Gap(chain, from) => {
                let sql = "DELETE FROM gaps WHERE chain = ?1 AND from_block = ?2";
                pair(sql, &chain.to_cell(), &from.to_cell())
            }
            RowKey::Transfer(chain, block, id) => {
                return transfers::delete(connection, *chain, *block, *id);
            }
            RowKey::Alert(id) => return alerts::delete(connection, self.numbers, *id),
            RowKey::Rule(rule) => run!(connection, "DELETE FROM rules WHERE rule = ?1", *rule),
            RowKey::View(chain, address, list) => {
                let sql = "DELETE FROM views WHERE chain = ?1 AND address = ?2 AND list = ?3";
                run!(connection, sql, *chain, *address, *list)
            }
            RowKey::Token(chain, contract) => {
                let sql = "DELETE FROM tokens WHERE chain = ?1 AND contract = ?2";
                pair(sql, &chain.to_cell(), &contract.to_cell())
            }
            RowKey::Deadline(deadline) => run!(connection, "DELETE FROM deadlines WHERE deadline = ?1", *deadline),
            RowKey::Trouble(subject) => run!(connection, "DELETE FROM troubles WHERE subject = ?1", *subject),
            RowKey::Watch(number) => watches::delete_watch(connection, *number),
            RowKey::Address(watch, address) => {
                run!(connection, "DELETE FROM addresses WHERE watch = ?1 AND address = ?2", *watch, *address)
            }
            RowKey::Request(id) => run!(connection, "DELETE FROM requests WHERE id = ?1", *id),
            RowKey::Payment(id) => {
                money::put_live(connection, *id, None)?;
                run!(connection, "DELETE FROM payments WHERE id = ?1", *id)
            }
            RowKey::Office(key) => money::delete(connection, key),
            RowKey::Balance(holding) => balances::delete_balance(connection, holding),
            RowKey::Level(key) => balances::delete_level(connection, key),
            RowKey::Backfill(chain, address) => pair(history::DELETE_BACKFILL, &chain.to_cell(), &address.to_cell()),
            RowKey::Scan(chain, until, scan) => run!(connection, history::DELETE_SCAN, *chain, *until, *scan),
            RowKey::Bar(of, minute) => run!(connection, prices::DELETE_BAR, *of, *minute),
        }
        .map(drop)
    }
}

/// Everything that a reactor is rebuilt from, as of one moment.
fn load(connection: &Connection) -> rusqlite::Result<Tables> {
    Ok(Tables {
        chains: small::chains(connection)?,
        blocks: small::blocks(connection)?,
        gaps: small::gaps(connection)?,
        transfers: transfers::open(connection)?,
        alerts: alerts::open(connection)?,
        rules: small::rules(connection)?,
        views: small::views(connection)?,
        tokens: small::tokens(connection)?,
        deadlines: small::deadlines(connection)?,
        troubles: small::troubles(connection)?,
        payments: small::payments(connection)?,
        office: money::tables(connection)?,
        watches: watches::watches(connection)?,
        addresses: watches::addresses(connection)?,
        requests: watches::requests(connection)?,
        balances: balances::balances(connection)?,
        levels: balances::levels(connection)?,
        backfills: history::backfills(connection)?,
        scans: history::scans(connection)?,
        bars: prices::bars(connection)?,
    })
}

impl Store for SqliteStore {
    type Fault = StoreFault;

    fn load(&mut self) -> Result<(Tables, Option<Timestamp>), StoreFault> {
        let tables = load(&self.connection).map_err(|error| self.fault("reading the tables", &error))?;
        Ok((tables, self.last_at))
    }

    fn commit(&mut self, commit: &Commit) -> Result<Vec<OutboxRow>, StoreFault> {
        self.together(|turn| turn.commit(commit))
    }

    fn deliver(&mut self, writes: &[DeliveryWrite]) -> Result<(), StoreFault> {
        self.together(|turn| turn.deliver(writes))
    }

    fn open_outbox(&mut self) -> Result<(Vec<OutboxRow>, Vec<Name>), StoreFault> {
        let read = |connection: &Connection| Ok((outbox::pending(connection)?, outbox::disabled_sinks(connection)?));
        read(&self.connection).map_err(|error| self.fault("reading the outbox", &error))
    }
}
