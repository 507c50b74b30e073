//! The minutes of prices, and the price that a transfer is valued at, exactly as they were.

use super::codec::{Cell, all, run};
use crate::reactor::bars::BarRow;
use crate::reactor::market::Quote;
use crate::types::{Pair, Percent, Price, Timestamp};
use rusqlite::types::{FromSqlError, FromSqlResult, ToSqlOutput, Value, ValueRef};
use rusqlite::{Connection, Result};

/// Of a bar: pair and minute.
pub(super) const DELETE_BAR: &str = "DELETE FROM bars WHERE pair = ?1 AND minute = ?2";

pub(super) fn put_bar(connection: &Connection, row: &BarRow) -> Result<()> {
    let sql = "INSERT OR REPLACE INTO bars (pair, minute, low, high) VALUES (?1, ?2, ?3, ?4)";
    let BarRow { pair, minute, low, high } = row;
    run!(connection, sql, *pair, *minute, *low, *high).map(drop)
}

pub(super) fn bars(connection: &Connection) -> Result<Vec<BarRow>> {
    all(connection, "SELECT pair, minute, low, high FROM bars ORDER BY pair, minute", |cells| {
        Ok(BarRow { pair: cells.take()?, minute: cells.take()?, low: cells.take()?, high: cells.take()? })
    })
}

impl Cell for Pair {
    fn to_cell(&self) -> ToSqlOutput<'_> {
        ToSqlOutput::Borrowed(ValueRef::Text(self.as_str().as_bytes()))
    }

    fn from_cell(cell: ValueRef<'_>) -> FromSqlResult<Self> {
        let text = cell.as_str()?;
        Self::parse(text).ok_or_else(|| strange("pair", text))
    }
}

impl Cell for Price {
    fn to_cell(&self) -> ToSqlOutput<'_> {
        ToSqlOutput::Owned(Value::Text(self.to_string()))
    }

    fn from_cell(cell: ValueRef<'_>) -> FromSqlResult<Self> {
        let text = cell.as_str()?;
        Self::parse(text).ok_or_else(|| strange("price", text))
    }
}

/// `ETH-USD 2345.10 2 150000 1795000000000 median of coinbase, kraken`: pair, price, feeds, spread in millionths of a percent, time, source.
impl Cell for Quote {
    fn to_cell(&self) -> ToSqlOutput<'_> {
        let Self { pair, price, source, sources, spread, as_of } = self;
        let text = format!("{pair} {price} {sources} {} {} {source}", spread.millionths(), as_of.millis());
        ToSqlOutput::Owned(Value::Text(text))
    }

    fn from_cell(cell: ValueRef<'_>) -> FromSqlResult<Self> {
        let text = cell.as_str()?;
        read(text).ok_or_else(|| strange("quote", text))
    }
}

fn read(text: &str) -> Option<Quote> {
    let mut words = text.splitn(6, ' ');
    Some(Quote {
        pair: Pair::parse(words.next()?)?,
        price: Price::parse(words.next()?)?,
        sources: words.next()?.parse().ok()?,
        spread: Percent::from_millionths(words.next()?.parse().ok()?),
        as_of: Timestamp::from_millis(words.next()?.parse().ok()?),
        source: words.next()?.into(),
    })
}

fn strange(what: &str, text: &str) -> FromSqlError {
    FromSqlError::Other(format!("{text:?} is no {what}").into())
}
