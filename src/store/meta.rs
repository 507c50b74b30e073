//! What the store knows of itself, and small notes of others: its id, the time of its last commit, the explorers' spent budgets.

use super::codec::impossible;
use crate::types::Timestamp;
use rusqlite::{Connection, OptionalExtension, Result};
use std::fmt::Write as _;

const STORE_ID: &str = "store_id";
const LAST_AT: &str = "last_at";
const ALERTS_INDEXED: &str = "alerts_indexed";
/// Before the name of a note, so that none can hide what the store knows of itself.
const NOTE: &str = "note/";

/// Random bytes, made once with the store: what keeps the payments of two stores apart.
pub type StoreId = [u8; 16];

/// How much of a day's call budget is used up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Budget {
    /// Days since the epoch, UTC.
    pub day: i64,
    /// Calls made on it.
    pub used: u64,
}

impl Budget {
    /// As a note: `DAY:CALLS`.
    #[must_use]
    pub fn to_note(self) -> String {
        format!("{}:{}", self.day, self.used)
    }

    /// Reads what `to_note` wrote.
    #[must_use]
    pub fn from_note(text: &str) -> Option<Self> {
        let (day, used) = text.split_once(':')?;
        Some(Self { day: day.parse().ok()?, used: used.parse().ok()? })
    }

    /// The key under which the budget of an API key's owner (`etherscan`, or an explorer's source name) is noted.
    #[must_use]
    pub fn key(source: &str) -> String {
        format!("budget/{source}")
    }
}

fn get(connection: &Connection, key: &str) -> Result<Option<String>> {
    let mut statement = connection.prepare_cached("SELECT value FROM meta WHERE key = ?1")?;
    statement.query_row([key], |row| row.get(0)).optional()
}

fn set(connection: &Connection, key: &str, value: &str) -> Result<()> {
    let sql = "INSERT INTO meta (key, value) VALUES (?1, ?2) ON CONFLICT DO UPDATE SET value = ?2";
    connection.prepare_cached(sql)?.execute([key, value]).map(drop)
}

/// A note, where there is one.
pub(super) fn note(connection: &Connection, key: &str) -> Result<Option<String>> {
    get(connection, &format!("{NOTE}{key}"))
}

pub(super) fn set_note(connection: &Connection, key: &str, value: &str) -> Result<()> {
    set(connection, &format!("{NOTE}{key}"), value)
}

pub(super) fn last_at(connection: &Connection) -> Result<Option<Timestamp>> {
    let Some(text) = get(connection, LAST_AT)? else { return Ok(None) };
    let millis = text.parse().map_err(|_| impossible("the time of the last commit is no number"))?;
    Ok(Some(Timestamp::from_millis(millis)))
}

pub(super) fn set_last_at(connection: &Connection, at: Timestamp) -> Result<()> {
    set(connection, LAST_AT, &at.millis().to_string())
}

/// The lowest number of an alert whose id may not be in the index yet.
pub(super) fn alerts_indexed(connection: &Connection) -> Result<i64> {
    let Some(text) = get(connection, ALERTS_INDEXED)? else { return Ok(1) };
    text.parse().map_err(|_| impossible("the number of the first alert that is not in the index is no number"))
}

pub(super) fn set_alerts_indexed(connection: &Connection, number: i64) -> Result<()> {
    set(connection, ALERTS_INDEXED, &number.to_string())
}

pub(super) fn store_id(connection: &Connection) -> Result<StoreId> {
    let text = get(connection, STORE_ID)?.ok_or_else(|| impossible("the store has no id"))?;
    crate::types::PaymentId::parse(&text).map(|id| id.0).ok_or_else(|| impossible("the store's id is not 16 bytes"))
}

pub(super) fn set_store_id(connection: &Connection, id: StoreId) -> Result<()> {
    let mut text = String::with_capacity(32);
    for byte in id {
        write!(text, "{byte:02x}").expect("a String takes every write");
    }
    set(connection, STORE_ID, &text)
}
