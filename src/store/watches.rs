//! The watches that were added at run time, their addresses, and the requests that may come twice.

use super::codec::{Cell, Cells, all, impossible, run};
use crate::reactor::addresses::{AddressList, Builder, Listed, Since};
use crate::reactor::rows::{AddressRow, BackfillRow, RequestRow, WatchRow};
use crate::reactor::watch_list::Watching;
use crate::types::{Address, ChainId, Name};
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, Result};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Their tables. Texts that hold several values have one on each line; a name has no line breaks.
pub(super) const TABLES: &str = "
CREATE TABLE watches (
  number INTEGER NOT NULL PRIMARY KEY, name TEXT NOT NULL, chains TEXT NOT NULL, tags TEXT NOT NULL, added_at INTEGER NOT NULL,
  addresses INTEGER NOT NULL
) STRICT;
CREATE INDEX watches_by_name ON watches (name);
CREATE TABLE addresses (
  watch INTEGER NOT NULL, address BLOB NOT NULL, ref TEXT, label TEXT, from_block INTEGER, since TEXT NOT NULL,
  PRIMARY KEY (watch, address)
) STRICT, WITHOUT ROWID;
CREATE TABLE requests (
  id BLOB NOT NULL PRIMARY KEY, body BLOB NOT NULL, at INTEGER NOT NULL, answer TEXT NOT NULL
) STRICT, WITHOUT ROWID;
";

/// Values, each a JSON text of its own on a line: whatever a name holds reads back.
fn lines<T: serde::Serialize>(values: impl IntoIterator<Item = T>) -> String {
    let line = |value: T| serde_json::to_string(&value).unwrap_or_default();
    values.into_iter().map(line).collect::<Vec<_>>().join("\n")
}

fn read_lines<T: serde::de::DeserializeOwned>(text: &str, what: &'static str) -> Result<Vec<T>> {
    text.lines().map(|line| serde_json::from_str(line).map_err(|_| impossible(what))).collect()
}

pub(super) fn put_watch(connection: &Connection, row: &WatchRow) -> Result<()> {
    let sql = "INSERT OR REPLACE INTO watches (number, name, chains, tags, added_at, addresses) \
        VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    let WatchRow { number, name, chains, tags, added_at, addresses } = row;
    let chains = lines(chains.iter().map(|chain| chain.0));
    let tags = lines(tags.iter().map(Name::as_str));
    run!(connection, sql, *number, *name, chains, tags, *added_at, *addresses).map(drop)
}

/// What [`watch`] reads.
pub(super) const WATCH_COLUMNS: &str = "number, name, chains, tags, added_at, addresses";

pub(super) fn watch(cells: &mut Cells<'_>) -> Result<WatchRow> {
    let (number, name) = (cells.take()?, cells.take()?);
    let chains: Vec<u64> = read_lines(&cells.take::<String>()?, "the chains of a watch")?;
    let tags: Vec<String> = read_lines(&cells.take::<String>()?, "the tags of a watch")?;
    Ok(WatchRow {
        number,
        name,
        chains: chains.into_iter().map(ChainId).collect(),
        tags: tags.into_iter().map(Name::from).collect(),
        added_at: cells.take()?,
        addresses: cells.take()?,
    })
}

pub(super) fn watches(connection: &Connection) -> Result<Vec<WatchRow>> {
    all(connection, &format!("SELECT {WATCH_COLUMNS} FROM watches ORDER BY number"), watch)
}

/// Deletes a watch with its addresses.
pub(super) fn delete_watch(connection: &Connection, number: u32) -> Result<usize> {
    run!(connection, "DELETE FROM addresses WHERE watch = ?1", number)?;
    run!(connection, "DELETE FROM watches WHERE number = ?1", number)
}

pub(super) fn put_address(connection: &Connection, row: &AddressRow) -> Result<()> {
    let sql = "INSERT OR REPLACE INTO addresses (watch, address, ref, label, from_block, since) \
        VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    let AddressRow { watch, address, reference, label, from_block, since } = row;
    let since = lines(since.iter().map(|(chain, block)| (chain.0, block)));
    run!(connection, sql, *watch, *address, *reference, *label, *from_block, since).map(drop)
}

/// What [`address`] reads.
pub(super) const ADDRESS_COLUMNS: &str = "watch, address, ref, label, from_block, since";

pub(super) fn address(cells: &mut Cells<'_>) -> Result<AddressRow> {
    Ok(AddressRow {
        watch: cells.take()?,
        address: cells.take()?,
        reference: cells.take()?,
        label: cells.take()?,
        from_block: cells.take()?,
        since: since(&cells.take::<String>()?)?,
    })
}

fn since(text: &str) -> Result<Since> {
    let read: Vec<(u64, u64)> = read_lines(text, "the first blocks of an address")?;
    Ok(read.into_iter().map(|(chain, block)| (ChainId(chain), block)).collect())
}

/// Every address, packed as it is read: there may be a million of them.
pub(super) fn addresses(connection: &Connection) -> Result<BTreeMap<u32, Arc<AddressList>>> {
    let sql = format!("SELECT {ADDRESS_COLUMNS} FROM addresses ORDER BY watch, address");
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.raw_query();
    let mut lists = BTreeMap::new();
    let mut open: Option<(u32, Builder)> = None;
    // Those that were added together have the same text: it is read once.
    let mut last: (String, Since) = Default::default();
    while let Some(row) = rows.next()? {
        let number: u32 = row.get(0)?;
        if open.as_ref().is_none_or(|(of, _)| *of != number)
            && let Some((of, builder)) = open.replace((number, Builder::default()))
        {
            lists.insert(of, Arc::new(builder.finish()));
        }
        let Some((_, builder)) = &mut open else { continue };
        let text = |at: usize| row.get_ref(at)?.as_str_or_null().map_err(rusqlite::Error::from);
        let bytes: [u8; 20] = row.get(1)?;
        let said = text(5)?.unwrap_or_default();
        if said != last.0 {
            last = (said.to_owned(), since(said)?);
        }
        builder.push(Listed {
            address: Address::from(bytes),
            reference: text(2)?,
            label: text(3)?,
            from_block: row.get::<_, Option<i64>>(4)?.map(i64::cast_unsigned),
            since: &last.1,
        });
    }
    lists.extend(open.map(|(of, builder)| (of, Arc::new(builder.finish()))));
    Ok(lists)
}

pub(super) fn put_request(connection: &Connection, row: &RequestRow) -> Result<()> {
    let sql = "INSERT OR REPLACE INTO requests (id, body, at, answer) VALUES (?1, ?2, ?3, ?4)";
    let RequestRow { id, body, at, answer } = row;
    let plain = |one: &Watching| (one.watch.to_string(), one.chain.0, one.complete_from, one.addresses, one.new);
    run!(connection, sql, *id, *body, *at, lines(answer.iter().map(plain))).map(drop)
}

/// A [`Watching`] as it is kept: its watch, chain, first complete block, addresses and new ones.
type Plain = (String, u64, Option<u64>, u64, u64);

pub(super) fn requests(connection: &Connection) -> Result<Vec<RequestRow>> {
    all(connection, "SELECT id, body, at, answer FROM requests ORDER BY id", |cells| {
        let (id, body, at) = (cells.take()?, cells.take()?, cells.take()?);
        let answer: Vec<Plain> = read_lines(&cells.take::<String>()?, "what a request was answered")?;
        let watching = |(watch, chain, complete_from, addresses, new): Plain| Watching {
            watch: watch.into(),
            chain: ChainId(chain),
            complete_from,
            addresses,
            new,
        };
        Ok(RequestRow { id, body, at, answer: answer.into_iter().map(watching).collect() })
    })
}

/// A page of the watches that were added, by name.
pub(super) fn page(connection: &Connection, after: Option<&Name>, limit: usize) -> Result<Vec<WatchRow>> {
    let sql = format!("SELECT {WATCH_COLUMNS} FROM watches WHERE ?1 IS NULL OR name > ?1 ORDER BY name LIMIT ?2");
    some(connection, &sql, [after.map_or(ToSqlOutput::Borrowed(ValueRef::Null), Cell::to_cell)], limit, watch)
}

/// The watch of this name.
pub(super) fn named(connection: &Connection, name: &Name) -> Result<Option<WatchRow>> {
    let sql = format!("SELECT {WATCH_COLUMNS} FROM watches WHERE name = ?1 LIMIT ?2");
    Ok(some(connection, &sql, [name.to_cell()], 1, watch)?.pop())
}

/// A page of the addresses of a watch, ascending.
pub(super) fn addresses_of(
    connection: &Connection,
    number: u32,
    after: Option<&Address>,
    limit: usize,
) -> Result<Vec<AddressRow>> {
    let sql = format!(
        "SELECT {ADDRESS_COLUMNS} FROM addresses WHERE watch = ?1 AND (?2 IS NULL OR address > ?2) ORDER BY address LIMIT ?3"
    );
    let after = after.map_or(ToSqlOutput::Borrowed(ValueRef::Null), Cell::to_cell);
    some(connection, &sql, [number.to_cell(), after], limit, address)
}

/// The history of an address, where it has one.
pub(super) fn history(connection: &Connection, chain: ChainId, address: Address) -> Result<Option<BackfillRow>> {
    let sql = "SELECT chain, address, from_block, until, live_from, left FROM backfills WHERE chain = ?1 AND address = ?2 LIMIT ?3";
    let found = some(connection, sql, [chain.to_cell(), address.to_cell()], 1, |cells| {
        Ok(BackfillRow {
            chain: cells.take()?,
            address: cells.take()?,
            from: cells.take()?,
            until: cells.take()?,
            live_from: cells.take()?,
            left: cells.take()?,
        })
    });
    Ok(found?.pop())
}

/// Rows of a query whose last parameter is the limit.
fn some<T, const N: usize>(
    connection: &Connection,
    sql: &str,
    cells: [ToSqlOutput<'_>; N],
    limit: usize,
    read: impl Fn(&mut Cells<'_>) -> Result<T>,
) -> Result<Vec<T>> {
    let mut statement = connection.prepare_cached(sql)?;
    let limit = ToSqlOutput::from(i64::try_from(limit).unwrap_or(i64::MAX));
    for (column, cell) in (1..).zip(cells.into_iter().chain([limit])) {
        statement.raw_bind_parameter(column, cell)?;
    }
    let mut found = statement.raw_query();
    let mut rows = Vec::new();
    while let Some(row) = found.next()? {
        rows.push(read(&mut Cells::of(row))?);
    }
    Ok(rows)
}
