//! Every question of the page, the API and the command line, on a read-only connection of its own: it never waits for the writer and the
//! writer never waits for it.

use super::codec::{Cell, Cells, all};
use super::fault::StoreFault;
use super::lists::{AlertFilter, OutboxCount, OutboxFilter, Page, TransferFilter, TransferPlace, list_transfers};
use super::meta::{Budget, StoreId};
use super::migrate::{self, Found};
use super::schema::MIGRATIONS;
use super::{
    AttemptRow, OutboxRow, OutboxState, alerts, attempts, digests, meta, numbers, outbox, quiet, small, transfers,
};
use crate::reactor::quiet::Silence;
use crate::reactor::rows::{AlertRow, ChainRow, PaymentRow, TokenRow, TransferRow, TroubleRow, ViewRow};
use crate::types::{Address, AlertId, B256, ChainId, MessageId, Name, PaymentId, Timestamp, TransferId};
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension, Result as SqlResult};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The most transfers of a transaction, and alerts of a transfer, that are shown.
const MOST_OF_ONE: usize = 200;

/// How long to wait for a lock that only recovery after a crash takes.
const BUSY: Duration = Duration::from_secs(5);

/// A read-only connection. Not for sharing: open one for each thread that asks.
#[derive(Debug)]
pub struct Reader {
    connection: Connection,
    path: PathBuf,
}

/// Whether the file cannot be opened because beside it nothing can be written, and it has no log. With a log it can: SQLite then keeps
/// the log's index in memory.
fn lies_still(connection: &Connection, path: &Path) -> bool {
    let looked = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()));
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    matches!(looked.map_err(|error| error.sqlite_error_code()), Err(Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly)))
        && std::fs::metadata(log).map_or(true, |log| log.len() == 0)
}

/// The path as SQLite reads it in a uri.
fn uri(path: &Path) -> String {
    let mut uri = "file:".to_owned();
    for byte in path.as_os_str().as_encoded_bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'-' | b'_' | b'.' => uri.push(char::from(*byte)),
            other => {
                // Into a string: it cannot fail.
                let _ = write!(uri, "%{other:02x}");
            }
        }
    }
    uri.push_str("?immutable=1");
    uri
}

/// A connection that only reads, to a store of any schema up to ours, and its schema.
///
/// # Errors
/// `Missing`, `Newer`, `Foreign`, `Damaged`, or what the system says.
pub(super) fn connect(path: &Path) -> Result<(Connection, i64), StoreFault> {
    if !path.exists() {
        return Err(StoreFault::Missing { path: path.to_path_buf() });
    }
    let fault = |error: &rusqlite::Error| StoreFault::of_sqlite(path, "opening the store to read", error);
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags).map_err(|error| fault(&error))?;
    connection.busy_timeout(BUSY).map_err(|error| fault(&error))?;
    if lies_still(&connection, path) {
        let flags = flags | OpenFlags::SQLITE_OPEN_URI;
        connection = Connection::open_with_flags(uri(path), flags).map_err(|error| fault(&error))?;
    }
    match migrate::look(&connection, path, migrate::newest(MIGRATIONS))? {
        Found::Store(schema) => Ok((connection, schema)),
        Found::Empty => Err(StoreFault::Missing { path: path.to_path_buf() }),
    }
}

impl Reader {
    /// Opens the store at `path` for reading. It neither makes nor upgrades one.
    ///
    /// # Errors
    /// `Missing`, `Newer`, `Older`, `Foreign`, `Damaged`, or what the system says.
    pub fn open(path: &Path) -> Result<Self, StoreFault> {
        let known = migrate::newest(MIGRATIONS);
        let (connection, found) = connect(path)?;
        if found < known {
            return Err(StoreFault::Older { path: path.to_path_buf(), found, known });
        }
        Ok(Self { connection, path: path.to_path_buf() })
    }

    /// Transfers, newest first by (first seen, id).
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn transfers(
        &self,
        filter: &TransferFilter,
        limit: usize,
    ) -> Result<Page<TransferRow, TransferPlace>, StoreFault> {
        self.ask(|connection| list_transfers(connection, filter, limit))
    }

    /// One transfer; in more than one block it is never. A search over the list by time, newest first: for people, not for loops.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn transfer(&self, id: TransferId) -> Result<Option<TransferRow>, StoreFault> {
        let sql = format!(
            "SELECT {} FROM transfers INDEXED BY transfers_by_time WHERE first_seen >= -9223372036854775808 AND id = ?1 \
            ORDER BY first_seen DESC LIMIT 1",
            transfers::COLUMNS
        );
        self.one(&sql, &id, transfers::transfer)
    }

    /// Alerts, newest first, each with its place.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn alerts(&self, filter: &AlertFilter, limit: usize) -> Result<Page<AlertRow, i64>, StoreFault> {
        let sql = format!(
            "SELECT alert, {} FROM alerts WHERE alert < ?1 AND (?2 IS NULL OR rule = ?2) AND (?3 IS NULL OR watch = ?3) \
            AND (?4 IS NULL OR state = ?4) ORDER BY alert DESC LIMIT ?5",
            alerts::COLUMNS
        );
        let AlertFilter { rule, watch, state, after } = filter;
        let after = after.unwrap_or(i64::MAX);
        let cells = [after.to_cell(), rule.to_cell(), watch.to_cell(), state.to_cell()];
        let page = self.page(&sql, cells, limit, alerts::alert)?;
        let told = |row| self.ask(|connection| digests::told_by(connection, row));
        Ok(Page { rows: page.rows.into_iter().map(told).collect::<Result<_, _>>()?, next: page.next })
    }

    /// An alert and its messages, in order; among them the digests that name it.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn alert(&self, id: AlertId) -> Result<Option<(AlertRow, Vec<OutboxRow>)>, StoreFault> {
        self.ask(|connection| {
            let transaction = connection.unchecked_transaction()?;
            let Some(number) = numbers::find_row(&transaction, id)? else { return Ok(None) };
            let sql = format!("SELECT {} FROM alerts WHERE alert = ?1", alerts::COLUMNS);
            let mut statement = transaction.prepare_cached(&sql)?;
            let Some(alert) = statement.query_row([number], |row| alerts::alert(&mut Cells::of(row))).optional()?
            else {
                return Ok(None);
            };
            let sql = format!("SELECT {} FROM outbox WHERE alert = ?1 ORDER BY seq", outbox::COLUMNS);
            let mut statement = transaction.prepare_cached(&sql)?;
            let messages = statement.query_map([number], |row| outbox::row(&mut Cells::of(row)))?;
            let mut messages = messages.collect::<SqlResult<Vec<_>>>()?;
            messages.extend(digests::naming(&transaction, id, alert.raised_at)?);
            messages.sort_by_key(|row| row.seq);
            Ok(Some((digests::told_by(&transaction, alert)?, messages)))
        })
    }

    /// Rows of the outbox, newest first.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn outbox(&self, filter: &OutboxFilter, limit: usize) -> Result<Page<OutboxRow, i64>, StoreFault> {
        let OutboxFilter { sink, state, after } = filter;
        // The literal lets SQLite take the small indexes of what is open.
        let state = match state {
            None => "",
            Some(OutboxState::Pending) => "AND state = 'pending'",
            Some(OutboxState::Done) => "AND state = 'done'",
            Some(OutboxState::Dead) => "AND state = 'dead'",
            Some(OutboxState::Superseded) => "AND state = 'superseded'",
        };
        let sql = format!(
            "SELECT seq, {} FROM outbox WHERE seq < ?1 {state} AND (?2 IS NULL OR sink = ?2) ORDER BY seq DESC LIMIT ?5",
            outbox::COLUMNS
        );
        let null = || ToSqlOutput::Borrowed(ValueRef::Null);
        let after = after.unwrap_or(i64::MAX);
        self.page(&sql, [after.to_cell(), sink.to_cell(), null(), null()], limit, outbox::row)
    }

    /// One row of the outbox.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn outbox_row(&self, seq: i64) -> Result<Option<OutboxRow>, StoreFault> {
        self.one(&format!("SELECT {} FROM outbox WHERE seq = ?1", outbox::COLUMNS), &seq, outbox::row)
    }

    /// The row of a message. A search over the messages' ids: for people, not for loops.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn message(&self, id: MessageId) -> Result<Option<OutboxRow>, StoreFault> {
        let sql = format!(
            "SELECT {} FROM outbox WHERE seq = (SELECT seq FROM outbox INDEXED BY outbox_by_alert WHERE alert > 0 AND id = ?1)",
            outbox::COLUMNS
        );
        self.one(&sql, &id, outbox::row)
    }

    /// What a token says of itself, where it was asked.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn token(&self, chain: ChainId, contract: Address) -> Result<Option<TokenRow>, StoreFault> {
        self.ask(|connection| small::token(connection, chain, contract))
    }

    /// The attempts of a message that did not deliver, in order.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn attempts(&self, seq: i64) -> Result<Vec<AttemptRow>, StoreFault> {
        self.ask(|connection| attempts::of(connection, seq))
    }

    /// How this sink's receiver calls the first message of an alert that it has: what a later one answers.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn first_told(&self, sink: &Name, alert: AlertId) -> Result<Option<Name>, StoreFault> {
        self.ask(|connection| {
            let Some(number) = numbers::find_row(connection, alert)? else { return Ok(None) };
            let sql = "SELECT receiver_id FROM outbox WHERE alert = ?1 AND sink = ?2 AND receiver_id IS NOT NULL \
                ORDER BY seq LIMIT 1";
            let mut statement = connection.prepare_cached(sql)?;
            statement.query_row((number, sink.as_str()), |row| row.get::<_, String>(0)).optional()
        })
        .map(|found| found.map(Name::from))
    }

    /// The silences in force.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn silences(&self) -> Result<Vec<Silence>, StoreFault> {
        self.ask(quiet::silences)
    }

    /// The transfers of a transaction. A search over the whole table: for people, not for loops.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn transfers_of(&self, tx: B256) -> Result<Vec<TransferRow>, StoreFault> {
        let sql = format!("SELECT {} FROM transfers WHERE tx = ?1 LIMIT {MOST_OF_ONE}", transfers::COLUMNS);
        self.ask(|connection| {
            let mut statement = connection.prepare_cached(&sql)?;
            let rows = statement.query_map([tx.to_cell()], |row| transfers::transfer(&mut Cells::of(row)))?;
            rows.collect::<SqlResult<_>>()
        })
    }

    /// The alerts about a transfer. A search over the whole table: for people, not for loops.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn alerts_of(&self, transfer: TransferId) -> Result<Vec<AlertRow>, StoreFault> {
        let sql = format!("SELECT {} FROM alerts WHERE transfer = ?1 LIMIT {MOST_OF_ONE}", alerts::COLUMNS);
        self.ask(|connection| {
            let mut statement = connection.prepare_cached(&sql)?;
            let rows = statement.query_map([transfer.to_cell()], |row| alerts::alert(&mut Cells::of(row)))?;
            rows.map(|row| digests::told_by(connection, row?)).collect::<SqlResult<_>>()
        })
    }

    /// Of every alert that is not closed and is not about a transfer, the last message that a sink has: what may last there.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn lasting(&self, sink: &Name) -> Result<Vec<OutboxRow>, StoreFault> {
        let sql = format!(
            "SELECT {} FROM outbox WHERE seq IN (SELECT max(seq) FROM outbox WHERE alert IN \
            (SELECT alert FROM alerts INDEXED BY alerts_open WHERE closed = 0 AND subject <> 'transfer') \
            AND sink = ?1 AND state = 'done' GROUP BY alert) ORDER BY seq",
            outbox::COLUMNS
        );
        self.ask(|connection| {
            let mut statement = connection.prepare_cached(&sql)?;
            let rows = statement.query_map([sink.as_str()], |row| outbox::row(&mut Cells::of(row)))?;
            rows.collect::<SqlResult<_>>()
        })
    }

    /// What is pending and what is dead, for each sink that has any; by sink, pending first.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn outbox_counts(&self) -> Result<Vec<OutboxCount>, StoreFault> {
        let count = |connection: &Connection, state: OutboxState, sql: &str| {
            all(connection, sql, |cells| {
                Ok(OutboxCount { sink: cells.take()?, state, messages: cells.take()?, oldest: cells.take()? })
            })
        };
        // The oldest is the first in the order of record.
        let of = |word: &str| {
            format!(
                "SELECT sink, messages, (SELECT created FROM outbox WHERE seq = first) FROM (SELECT sink, count(*) AS messages, \
                min(seq) AS first FROM outbox INDEXED BY outbox_{word} WHERE state = '{word}' GROUP BY sink)"
            )
        };
        self.ask(|connection| {
            let mut counts = count(connection, OutboxState::Pending, &of("pending"))?;
            counts.extend(count(connection, OutboxState::Dead, &of("dead"))?);
            counts.sort_by(|a, b| (&a.sink, a.state).cmp(&(&b.sink, b.state)));
            Ok(counts)
        })
    }

    /// Sinks that their receivers disabled.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn disabled_sinks(&self) -> Result<Vec<Name>, StoreFault> {
        self.ask(outbox::disabled_sinks)
    }

    /// Payments, newest first.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn payments(&self) -> Result<Vec<PaymentRow>, StoreFault> {
        let sql = format!("{} ORDER BY planned_at DESC, id DESC", small::select_payments());
        self.ask(|connection| all(connection, &sql, small::payment))
    }

    /// One payment.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn payment(&self, id: PaymentId) -> Result<Option<PaymentRow>, StoreFault> {
        let sql = format!("{} WHERE id = ?1", small::select_payments());
        self.one(&sql, &id, small::payment)
    }

    /// What is known of each chain.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn chains(&self) -> Result<Vec<ChainRow>, StoreFault> {
        self.ask(small::chains)
    }

    /// The newest block of a chain's window.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn tip(&self, chain: ChainId) -> Result<Option<u64>, StoreFault> {
        self.one("SELECT number FROM blocks WHERE chain = ?1 ORDER BY number DESC LIMIT 1", &chain, |cells| {
            cells.take()
        })
    }

    /// How far each explorer list was read.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn views(&self) -> Result<Vec<ViewRow>, StoreFault> {
        self.ask(small::views)
    }

    /// What is or was in trouble.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn troubles(&self) -> Result<Vec<TroubleRow>, StoreFault> {
        self.ask(small::troubles)
    }

    /// The time of the last commit.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn last_at(&self) -> Result<Option<Timestamp>, StoreFault> {
        self.ask(meta::last_at)
    }

    /// The store's id.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn store_id(&self) -> Result<StoreId, StoreFault> {
        self.ask(meta::store_id)
    }

    /// A note, where there is one.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn note(&self, key: &str) -> Result<Option<String>, StoreFault> {
        self.ask(|connection| meta::note(connection, key))
    }

    /// How much of an explorer's budget is used up; nothing was ever noted is nothing used.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn budget(&self, source: &str) -> Result<Option<Budget>, StoreFault> {
        let note = self.ask(|connection| meta::note(connection, &Budget::key(source)))?;
        Ok(note.as_deref().and_then(Budget::from_note))
    }

    pub(super) fn ask<T>(&self, question: impl FnOnce(&Connection) -> SqlResult<T>) -> Result<T, StoreFault> {
        question(&self.connection).map_err(|error| StoreFault::of_sqlite(&self.path, "reading the store", &error))
    }

    fn one<K: Cell, T>(
        &self,
        sql: &str,
        key: &K,
        read: impl Fn(&mut Cells<'_>) -> SqlResult<T>,
    ) -> Result<Option<T>, StoreFault> {
        self.ask(|connection| {
            let mut statement = connection.prepare_cached(sql)?;
            statement.query_row([key.to_cell()], |row| read(&mut Cells::of(row))).optional()
        })
    }

    /// A page by an integer place, which is the first column. `?5` is the limit.
    fn page<T>(
        &self,
        sql: &str,
        [after, second, third, fourth]: [ToSqlOutput<'_>; 4],
        limit: usize,
        read: impl Fn(&mut Cells<'_>) -> SqlResult<T>,
    ) -> Result<Page<T, i64>, StoreFault> {
        self.ask(|connection| {
            let mut statement = connection.prepare_cached(sql)?;
            let most = i64::try_from(limit).unwrap_or(i64::MAX);
            for (column, cell) in (1..).zip([after, second, third, fourth, ToSqlOutput::from(most)]) {
                statement.raw_bind_parameter(column, cell)?;
            }
            let mut found = statement.raw_query();
            let (mut rows, mut last) = (Vec::new(), None);
            while let Some(row) = found.next()? {
                let mut cells = Cells::of(row);
                last = Some(cells.take()?);
                rows.push(read(&mut cells)?);
            }
            let next = last.filter(|_| rows.len() == limit);
            Ok(Page { rows, next })
        })
    }
}
