//! Values to cells of SQLite and back, exactly. A cell that cannot be true is an error of SQLite's own kind, which becomes "damaged".

use super::keys::{deadline_text, read_deadline, read_subject, subject_text};
use crate::reactor::effect::Suspect;
use crate::reactor::event::{List, NoBalance};
use crate::reactor::rows::{AlertState, Deadline, PaymentState, Scan, Subject, Voucher};
use crate::reactor::settings::Direction;
use crate::store::{AttemptEnd, OutboxState};
use crate::types::{
    Address, AlertId, Asset, B256, ChainId, Kind, MessageId, Name, PaymentId, RequestId, Severity, Stage, Timestamp,
    TransferId, U256,
};
use bytes::Bytes;
use rusqlite::Row;
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSqlOutput, Value, ValueRef};

/// A value that one column holds.
pub(super) trait Cell: Sized {
    /// As it is bound.
    fn to_cell(&self) -> ToSqlOutput<'_>;
    /// As it was bound.
    ///
    /// # Errors
    /// When nothing that `to_cell` makes looks like this.
    fn from_cell(cell: ValueRef<'_>) -> FromSqlResult<Self>;
}

/// The cells of a row, read from left to right.
pub(super) struct Cells<'a> {
    row: &'a Row<'a>,
    at: usize,
}

impl<'a> Cells<'a> {
    /// From the first column on.
    pub(super) fn of(row: &'a Row<'a>) -> Self {
        Self { row, at: 0 }
    }

    /// The next column.
    ///
    /// # Errors
    /// When it does not hold a `T`.
    pub(super) fn take<T: Cell>(&mut self) -> rusqlite::Result<T> {
        let at = self.at;
        self.at += 1;
        let cell = self.row.get_ref(at)?;
        T::from_cell(cell).map_err(|error| match error {
            FromSqlError::Other(error) => rusqlite::Error::FromSqlConversionFailure(at, cell.data_type(), error),
            error => rusqlite::Error::FromSqlConversionFailure(at, cell.data_type(), Box::new(error)),
        })
    }
}

/// Runs a cached statement with these cells; gives how many rows it changed.
macro_rules! run {
    ($connection:expr, $sql:expr $(, $cell:expr)* $(,)?) => {{
        let mut statement = $connection.prepare_cached($sql)?;
        let mut _column = 0;
        $(
            _column += 1;
            statement.raw_bind_parameter(_column, $crate::store::codec::Cell::to_cell(&$cell))?;
        )*
        statement.raw_execute()
    }};
}
pub(super) use run;

/// Reads every row of a query with `read`.
///
/// # Errors
/// What SQLite says, or what `read` finds.
pub(super) fn all<T>(
    connection: &rusqlite::Connection,
    sql: &str,
    mut read: impl FnMut(&mut Cells<'_>) -> rusqlite::Result<T>,
) -> rusqlite::Result<Vec<T>> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.raw_query();
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(read(&mut Cells::of(row))?);
    }
    Ok(found)
}

/// A cell's text that is none of the words it may be.
fn strange(what: &str, text: &str) -> FromSqlError {
    FromSqlError::Other(format!("{text:?} is no {what}").into())
}

impl<T: Cell> Cell for Option<T> {
    fn to_cell(&self) -> ToSqlOutput<'_> {
        self.as_ref().map_or(ToSqlOutput::Borrowed(ValueRef::Null), Cell::to_cell)
    }

    fn from_cell(cell: ValueRef<'_>) -> FromSqlResult<Self> {
        if cell == ValueRef::Null { Ok(None) } else { T::from_cell(cell).map(Some) }
    }
}

macro_rules! number {
    ($($kind:ty),*) => {$(
        impl Cell for $kind {
            fn to_cell(&self) -> ToSqlOutput<'_> {
                ToSqlOutput::Owned(Value::Integer(i64::from(*self)))
            }
            fn from_cell(cell: ValueRef<'_>) -> FromSqlResult<Self> {
                <$kind>::column_result(cell)
            }
        }
    )*};
}
number!(i64, u32, u8, bool);

impl Cell for u64 {
    fn to_cell(&self) -> ToSqlOutput<'_> {
        ToSqlOutput::Owned(Value::Integer(self.cast_signed()))
    }

    fn from_cell(cell: ValueRef<'_>) -> FromSqlResult<Self> {
        cell.as_i64().map(i64::cast_unsigned)
    }
}

impl Cell for ChainId {
    fn to_cell(&self) -> ToSqlOutput<'_> {
        ToSqlOutput::Owned(Value::Integer(self.0.cast_signed()))
    }

    fn from_cell(cell: ValueRef<'_>) -> FromSqlResult<Self> {
        u64::from_cell(cell).map(Self)
    }
}

impl Cell for Timestamp {
    fn to_cell(&self) -> ToSqlOutput<'_> {
        ToSqlOutput::Owned(Value::Integer(self.millis()))
    }

    fn from_cell(cell: ValueRef<'_>) -> FromSqlResult<Self> {
        cell.as_i64().map(Self::from_millis)
    }
}

impl Cell for Name {
    fn to_cell(&self) -> ToSqlOutput<'_> {
        ToSqlOutput::Borrowed(ValueRef::Text(self.as_str().as_bytes()))
    }

    fn from_cell(cell: ValueRef<'_>) -> FromSqlResult<Self> {
        cell.as_str().map(Self::from)
    }
}

impl Cell for String {
    fn to_cell(&self) -> ToSqlOutput<'_> {
        ToSqlOutput::Borrowed(ValueRef::Text(self.as_bytes()))
    }

    fn from_cell(cell: ValueRef<'_>) -> FromSqlResult<Self> {
        cell.as_str().map(Self::from)
    }
}

impl Cell for Bytes {
    fn to_cell(&self) -> ToSqlOutput<'_> {
        ToSqlOutput::Borrowed(ValueRef::Blob(self))
    }

    fn from_cell(cell: ValueRef<'_>) -> FromSqlResult<Self> {
        cell.as_blob().map(Self::copy_from_slice)
    }
}

impl Cell for U256 {
    fn to_cell(&self) -> ToSqlOutput<'_> {
        ToSqlOutput::Owned(Value::Blob(self.to_be_bytes::<32>().to_vec()))
    }

    fn from_cell(cell: ValueRef<'_>) -> FromSqlResult<Self> {
        <[u8; 32]>::column_result(cell).map(Self::from_be_bytes)
    }
}

impl Cell for [u8; 16] {
    fn to_cell(&self) -> ToSqlOutput<'_> {
        ToSqlOutput::Borrowed(ValueRef::Blob(self))
    }

    fn from_cell(cell: ValueRef<'_>) -> FromSqlResult<Self> {
        Self::column_result(cell)
    }
}

macro_rules! fixed {
    ($($kind:ty: $size:literal),*) => {$(
        impl Cell for $kind {
            fn to_cell(&self) -> ToSqlOutput<'_> {
                ToSqlOutput::Borrowed(ValueRef::Blob(&self.0[..]))
            }
            fn from_cell(cell: ValueRef<'_>) -> FromSqlResult<Self> {
                <[u8; $size]>::column_result(cell).map(Self::from)
            }
        }
    )*};
}
fixed!(Address: 20, B256: 32);

macro_rules! id {
    ($($kind:ident),*) => {$(
        impl Cell for $kind {
            fn to_cell(&self) -> ToSqlOutput<'_> {
                ToSqlOutput::Borrowed(ValueRef::Blob(&self.0))
            }
            fn from_cell(cell: ValueRef<'_>) -> FromSqlResult<Self> {
                <[u8; 16]>::column_result(cell).map(Self)
            }
        }
    )*};
}
id!(TransferId, AlertId, MessageId, PaymentId, RequestId);

macro_rules! word {
    ($($kind:ident: $what:literal),*) => {$(
        impl Cell for $kind {
            fn to_cell(&self) -> ToSqlOutput<'_> {
                ToSqlOutput::Borrowed(ValueRef::Text(self.word().as_bytes()))
            }
            fn from_cell(cell: ValueRef<'_>) -> FromSqlResult<Self> {
                let text = cell.as_str()?;
                Self::from_word(text).ok_or_else(|| strange($what, text))
            }
        }
    )*};
}
word!(Kind: "kind", Stage: "stage", Severity: "severity", AlertState: "state of an alert", PaymentState: "state of a payment",
      OutboxState: "state of a delivery", List: "list", NoBalance: "reason for no balance", Scan: "scan", AttemptEnd: "end of an attempt");

impl Cell for Direction {
    fn to_cell(&self) -> ToSqlOutput<'_> {
        let word = match self {
            Self::In => "in",
            Self::Out => "out",
            Self::Both => "both",
        };
        ToSqlOutput::Borrowed(ValueRef::Text(word.as_bytes()))
    }

    fn from_cell(cell: ValueRef<'_>) -> FromSqlResult<Self> {
        match cell.as_str()? {
            "in" => Ok(Self::In),
            "out" => Ok(Self::Out),
            "both" => Ok(Self::Both),
            text => Err(strange("direction", text)),
        }
    }
}

/// A contract, or nothing for the coin: a key has no empty columns.
impl Cell for Asset {
    fn to_cell(&self) -> ToSqlOutput<'_> {
        match self {
            Self::Coin => ToSqlOutput::Borrowed(ValueRef::Blob(&[])),
            Self::Token(contract) => contract.to_cell(),
        }
    }

    fn from_cell(cell: ValueRef<'_>) -> FromSqlResult<Self> {
        if cell.as_blob()?.is_empty() { Ok(Self::Coin) } else { Address::from_cell(cell).map(Self::Token) }
    }
}

impl Cell for Voucher {
    fn to_cell(&self) -> ToSqlOutput<'_> {
        let word = match self {
            Self::Authority => "authority",
            Self::Other => "other",
        };
        ToSqlOutput::Borrowed(ValueRef::Text(word.as_bytes()))
    }

    fn from_cell(cell: ValueRef<'_>) -> FromSqlResult<Self> {
        match cell.as_str()? {
            "authority" => Ok(Self::Authority),
            "other" => Ok(Self::Other),
            text => Err(strange("voucher", text)),
        }
    }
}

/// The words of what is set, with commas; nothing set is the empty text.
impl Cell for Suspect {
    fn to_cell(&self) -> ToSqlOutput<'_> {
        if self.any() {
            ToSqlOutput::Owned(Value::Text(self.words().join(",")))
        } else {
            ToSqlOutput::Borrowed(ValueRef::Text(b""))
        }
    }

    fn from_cell(cell: ValueRef<'_>) -> FromSqlResult<Self> {
        let mut suspect = Self::default();
        for word in cell.as_str()?.split(',').filter(|word| !word.is_empty()) {
            match word {
                "zero_value" => suspect.zero_value = true,
                "look_alike" => suspect.look_alike = true,
                "dust" => suspect.dust = true,
                "known_symbol" => suspect.known_symbol = true,
                text => return Err(strange("suspicion", text)),
            }
        }
        Ok(suspect)
    }
}

/// The words with commas, in their order.
impl Cell for Vec<Stage> {
    fn to_cell(&self) -> ToSqlOutput<'_> {
        match self.as_slice() {
            [] => ToSqlOutput::Borrowed(ValueRef::Text(b"")),
            [one] => ToSqlOutput::Borrowed(ValueRef::Text(one.word().as_bytes())),
            all => {
                let words: Vec<&str> = all.iter().map(|stage| stage.word()).collect();
                ToSqlOutput::Owned(Value::Text(words.join(",")))
            }
        }
    }

    fn from_cell(cell: ValueRef<'_>) -> FromSqlResult<Self> {
        let words = cell.as_str()?.split(',').filter(|word| !word.is_empty());
        words.map(|word| Stage::from_word(word).ok_or_else(|| strange("stage", word))).collect()
    }
}

/// A JSON list: a name may hold any character.
impl Cell for Vec<Name> {
    fn to_cell(&self) -> ToSqlOutput<'_> {
        let names: Vec<&str> = self.iter().map(Name::as_str).collect();
        ToSqlOutput::Owned(Value::Text(serde_json::Value::from(names).to_string()))
    }

    fn from_cell(cell: ValueRef<'_>) -> FromSqlResult<Self> {
        let text = cell.as_str()?;
        let names: Vec<String> = serde_json::from_str(text).map_err(|_| strange("list of names", text))?;
        Ok(names.into_iter().map(Name::from).collect())
    }
}

impl Cell for Subject {
    fn to_cell(&self) -> ToSqlOutput<'_> {
        ToSqlOutput::Owned(Value::Text(subject_text(self)))
    }

    fn from_cell(cell: ValueRef<'_>) -> FromSqlResult<Self> {
        let text = cell.as_str()?;
        read_subject(text).ok_or_else(|| strange("subject", text))
    }
}

impl Cell for Deadline {
    fn to_cell(&self) -> ToSqlOutput<'_> {
        ToSqlOutput::Owned(Value::Text(deadline_text(self)))
    }

    fn from_cell(cell: ValueRef<'_>) -> FromSqlResult<Self> {
        let text = cell.as_str()?;
        read_deadline(text).ok_or_else(|| strange("deadline", text))
    }
}

/// The error of cells that are each possible and impossible together.
pub(super) fn impossible(what: &str) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Null, what.into())
}
