//! A store of every earlier schema, with rows in it, is a store of today when it is opened.

use super::*;
use crate::reactor::Reactor;
use crate::store::migrate::{copy_path, newest};
use crate::store::schema::MIGRATIONS;
use rusqlite::Connection;
use sha2::{Digest, Sha256};

/// What each released step said, by the start of its SHA-256: stores of yesterday were made by these words, and are brought forward from
/// them alone.
const RELEASED: [&str; 8] = [
    "7970c802bbf41db5",
    "b6899ade5aed445f",
    "3e114a2ca8839347",
    "2d5764c0c313a42e",
    "d971337b23678ec4",
    "7c52fad21f6ab1b7",
    "19ed0f1a303bb44c",
    "572424baa077a9e9",
];

#[test]
fn a_step_that_was_released_is_never_edited() {
    let says = |sql: &str| crate::wire::hex::plain(&Sha256::digest(sql)[..8]);
    let now: Vec<String> = MIGRATIONS.iter().take(RELEASED.len()).map(|step| says(step.sql)).collect();
    assert_eq!(now, RELEASED);
    assert!(MIGRATIONS.iter().map(|step| step.to).eq(1..=newest(MIGRATIONS)), "each step is one schema");
}

/// A store of today with rows in every table that random commits reach.
fn full(path: &Path) -> SqliteStore {
    let mut store = open(path);
    for commit in some_commits(80) {
        store.commit(&commit).unwrap();
    }
    store
}

fn names(connection: &Connection, sql: &str) -> Vec<String> {
    let mut found = connection.prepare(sql).unwrap();
    found.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap()
}

fn columns(connection: &Connection, table: &str) -> String {
    names(connection, &format!("SELECT name FROM pragma_table_info('{table}') ORDER BY name")).join(", ")
}

const TABLES: &str = "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name";

/// A store as the version with this schema left it: its tables, with what `from` has for them.
pub(super) fn of_schema(schema: usize, path: &Path, from: &Path) -> Vec<(String, String)> {
    let store = SqliteStore::open_with(path, IfMissing::Create(ID), &MIGRATIONS[..schema]).unwrap();
    let connection = store.connection();
    connection.execute("ATTACH ?1 AS today", [from.to_str().unwrap()]).unwrap();
    let tables = names(connection, TABLES).into_iter().map(|table| (columns(connection, &table), table));
    let tables: Vec<(String, String)> = tables.map(|(columns, table)| (table, columns)).collect();
    for (table, columns) in &tables {
        let sql = format!("INSERT OR REPLACE INTO main.{table} ({columns}) SELECT {columns} FROM today.{table}");
        connection.execute(&sql, []).unwrap();
    }
    tables
}

#[test]
fn a_store_of_every_earlier_schema_goes_on_with_every_row() {
    let (_folder, today) = place();
    let mut store = full(&today);
    let wanted = store.open_outbox().unwrap();
    let (tables, last_at) = store.load().unwrap();
    let deadline = Reactor::restore(tables, Timestamp::from_millis(5_000)).next_deadline();
    assert!(deadline.is_some());
    let rows = |connection: &Connection, table: &str| -> i64 {
        connection.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap()
    };
    let filled = names(store.connection(), TABLES).iter().filter(|table| rows(store.connection(), table) > 0).count();
    assert!(filled > 20, "random commits reach most tables: {filled}");
    drop(store);
    for schema in 1..MIGRATIONS.len() {
        let (_folder, path) = place();
        let tables = of_schema(schema, &path, &today);
        assert!(matches!(Reader::open(&path), Err(StoreFault::Older { .. })), "{schema}: reading upgrades nothing");
        let mut store = SqliteStore::open(&path, IfMissing::Refuse).unwrap_or_else(|fault| panic!("{schema}: {fault}"));
        let (loaded, at) = store.load().unwrap_or_else(|fault| panic!("{schema}: {fault}"));
        assert_eq!((store.id(), at), (ID, last_at), "{schema}");
        assert_eq!(store.open_outbox().unwrap(), wanted, "{schema}");
        store.connection().execute("ATTACH ?1 AS today", [today.to_str().unwrap()]).unwrap();
        for (table, columns) in tables {
            let differ = |one: &str, other: &str| -> i64 {
                let sql = format!(
                    "SELECT count(*) FROM (SELECT {columns} FROM {one}.{table} EXCEPT SELECT {columns} FROM {other}.{table})"
                );
                store.connection().query_row(&sql, [], |row| row.get(0)).unwrap()
            };
            assert_eq!((differ("main", "today"), differ("today", "main")), (0, 0), "{schema}: {table} ({columns})");
        }
        let reactor = Reactor::restore(loaded, Timestamp::from_millis(5_000));
        assert_eq!(reactor.next_deadline(), deadline, "{schema}");
        assert_eq!(store.commit(&a_commit(99)).unwrap().len(), 1, "{schema}");
        drop(store);
        let copy = copy_path(&path, i64::try_from(schema).unwrap());
        let copy = SqliteStore::open_with(&copy, IfMissing::Refuse, &MIGRATIONS[..schema]).unwrap();
        assert_eq!(rows(copy.connection(), "outbox"), rows(&Connection::open(&today).unwrap(), "outbox"), "{schema}");
    }
}
