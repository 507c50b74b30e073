//! The table of alerts, in the order in which they were first mentioned. Their ids are in `numbers`.

use super::codec::{Cell, Cells, all, run};
use super::numbers::AlertNumbers;
use crate::reactor::rows::{AlertRow, AlertSubject};
use crate::types::AlertId;
use rusqlite::{Connection, Result};

/// Why its newest message was told to nobody. Earlier stores do not say.
pub(super) const UNTOLD: &str = "ALTER TABLE alerts ADD COLUMN untold TEXT;";

pub(super) fn put(connection: &Connection, numbers: &mut AlertNumbers, row: &AlertRow) -> Result<()> {
    let sql = "INSERT INTO alerts (alert, id, rule, severity, subject, transfer, watch, address, direction, crossing, \
        trouble, payment, revision, state, said, told, raised_at, changed_at, closed, untold) \
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20) \
        ON CONFLICT DO UPDATE SET rule = ?3, severity = ?4, subject = ?5, transfer = ?6, watch = ?7, address = ?8, \
        direction = ?9, crossing = ?10, trouble = ?11, payment = ?12, revision = ?13, state = ?14, said = ?15, \
        told = ?16, raised_at = ?17, changed_at = ?18, closed = ?19, untold = ?20";
    let AlertRow { id, rule, severity, subject, revision, state, said, told, untold, raised_at, changed_at, closed } =
        row;
    let number = numbers.of(connection, *id)?;
    let (mut transfer, mut watch, mut address, mut direction) = (None, None, None, None);
    let (mut crossing, mut trouble, mut payment) = (None, None, None);
    let word = match subject {
        AlertSubject::Transfer { transfer: id, watch: name, address: whose, direction: way } => {
            (transfer, watch, address, direction) = (Some(*id), Some(name.clone()), Some(*whose), Some(*way));
            SubjectWord::Transfer
        }
        AlertSubject::Crossing(count) => {
            crossing = Some(*count);
            SubjectWord::Crossing
        }
        AlertSubject::Balance { watch: name, address: whose, crossing: count } => {
            (watch, address, crossing) = (Some(name.clone()), Some(*whose), Some(*count));
            SubjectWord::Balance
        }
        AlertSubject::Trouble(subject) => {
            trouble = Some(subject.clone());
            SubjectWord::Trouble
        }
        AlertSubject::Payment(id) => {
            payment = Some(*id);
            SubjectWord::Payment
        }
    };
    run!(
        connection,
        sql,
        number,
        *id,
        *rule,
        *severity,
        word,
        transfer,
        watch,
        address,
        direction,
        crossing,
        trouble,
        payment,
        *revision,
        *state,
        *said,
        *told,
        *raised_at,
        *changed_at,
        *closed,
        *untold
    )
    .map(drop)
}

/// Which of the subject's columns are set.
#[derive(Debug, Clone, Copy)]
enum SubjectWord {
    Transfer,
    Crossing,
    Balance,
    Trouble,
    Payment,
}

impl Cell for SubjectWord {
    fn to_cell(&self) -> rusqlite::types::ToSqlOutput<'_> {
        let word = match self {
            Self::Transfer => "transfer",
            Self::Crossing => "crossing",
            Self::Balance => "balance",
            Self::Trouble => "trouble",
            Self::Payment => "payment",
        };
        rusqlite::types::ToSqlOutput::Borrowed(rusqlite::types::ValueRef::Text(word.as_bytes()))
    }

    fn from_cell(cell: rusqlite::types::ValueRef<'_>) -> rusqlite::types::FromSqlResult<Self> {
        match cell.as_str()? {
            "transfer" => Ok(Self::Transfer),
            "crossing" => Ok(Self::Crossing),
            "balance" => Ok(Self::Balance),
            "trouble" => Ok(Self::Trouble),
            "payment" => Ok(Self::Payment),
            text => Err(rusqlite::types::FromSqlError::Other(format!("{text:?} is no subject of an alert").into())),
        }
    }
}

/// Removes an alert's row, and its number where no message needs it.
pub(super) fn delete(connection: &Connection, numbers: &mut AlertNumbers, id: AlertId) -> Result<()> {
    let Some(number) = numbers.find(connection, id)? else { return Ok(()) };
    run!(connection, "DELETE FROM alerts WHERE alert = ?1", number)?;
    numbers.release(connection, number, id)
}

/// What [`alert`] reads.
pub(super) const COLUMNS: &str = "id, rule, severity, subject, transfer, watch, address, direction, crossing, trouble, \
    payment, revision, state, said, told, raised_at, changed_at, closed, untold";

pub(super) fn alert(cells: &mut Cells<'_>) -> Result<AlertRow> {
    Ok(AlertRow {
        id: cells.take()?,
        rule: cells.take()?,
        severity: cells.take()?,
        subject: subject(cells)?,
        revision: cells.take()?,
        state: cells.take()?,
        said: cells.take()?,
        told: cells.take()?,
        raised_at: cells.take()?,
        changed_at: cells.take()?,
        closed: cells.take()?,
        untold: cells.take()?,
    })
}

fn subject(cells: &mut Cells<'_>) -> Result<AlertSubject> {
    let word = cells.take()?;
    let (transfer, watch, address, direction) = (cells.take()?, cells.take()?, cells.take()?, cells.take()?);
    let (crossing, trouble, payment): (Option<u64>, Option<_>, Option<_>) =
        (cells.take()?, cells.take()?, cells.take()?);
    let found = match word {
        SubjectWord::Transfer => match (transfer, watch, address, direction) {
            (Some(transfer), Some(watch), Some(address), Some(direction)) => {
                Some(AlertSubject::Transfer { transfer, watch, address, direction })
            }
            _ => None,
        },
        SubjectWord::Crossing => crossing.map(AlertSubject::Crossing),
        SubjectWord::Balance => match (watch, address, crossing) {
            (Some(watch), Some(address), Some(crossing)) => Some(AlertSubject::Balance { watch, address, crossing }),
            _ => None,
        },
        SubjectWord::Trouble => trouble.map(AlertSubject::Trouble),
        SubjectWord::Payment => payment.map(AlertSubject::Payment),
    };
    found.ok_or_else(|| super::codec::impossible("an alert's subject is not whole"))
}

/// Those not closed, in the order in which they were first mentioned.
pub(super) fn open(connection: &Connection) -> Result<Vec<AlertRow>> {
    let sql = format!("SELECT {COLUMNS} FROM alerts INDEXED BY alerts_open WHERE closed = 0 ORDER BY alert");
    all(connection, &sql, alert)
}
