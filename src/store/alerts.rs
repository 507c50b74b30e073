//! The table of alerts, in the order in which they were first mentioned, and the numbers that stand for their ids.
//!
//! An alert's id is a hash, so an index of ids is random and costs a page per new alert. There is one such index in the store; the rows
//! of alerts and their messages hang on the ordered number that it gives. A number outlives its alert's row while messages name it.

use super::codec::{Cell, Cells, all, run};
use crate::reactor::rows::{AlertRow, AlertSubject};
use crate::types::AlertId;
use rusqlite::{Connection, OptionalExtension, Result};
use std::collections::BTreeMap;

/// Gives each alert its number.
#[derive(Debug)]
pub(super) struct AlertNumbers {
    next: i64,
    /// Those met in this transaction: an alert and its messages come in one commit.
    met: BTreeMap<AlertId, i64>,
}

impl AlertNumbers {
    /// Goes on after the highest number in use.
    ///
    /// # Errors
    /// What SQLite says.
    pub(super) fn load(connection: &Connection) -> Result<Self> {
        let sql =
            "SELECT max(coalesce((SELECT max(alert) FROM alerts), 0), coalesce((SELECT max(alert) FROM outbox), 0))";
        let highest: i64 = connection.query_row(sql, [], |row| row.get(0))?;
        Ok(Self { next: highest + 1, met: BTreeMap::new() })
    }

    /// Forgets what a transaction met, at its end and where a number may have gone.
    pub(super) fn forget(&mut self) {
        self.met.clear();
    }

    /// The number of `id`, which is made where it has none.
    ///
    /// # Errors
    /// What SQLite says.
    pub(super) fn of(&mut self, connection: &Connection, id: AlertId) -> Result<i64> {
        if let Some(number) = self.met.get(&id) {
            return Ok(*number);
        }
        let number = self.find_or_make(connection, id)?;
        self.met.insert(id, number);
        Ok(number)
    }

    fn find_or_make(&mut self, connection: &Connection, id: AlertId) -> Result<i64> {
        let made = run!(
            connection,
            "INSERT INTO alert_ids (id, alert) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
            id,
            self.next
        )?;
        if made == 1 {
            let number = self.next;
            self.next += 1;
            return Ok(number);
        }
        find(connection, id)?
            .ok_or_else(|| super::codec::impossible("an alert's number is neither there nor can it be made"))
    }
}

/// The number of `id`, where it has one.
pub(super) fn find(connection: &Connection, id: AlertId) -> Result<Option<i64>> {
    let mut statement = connection.prepare_cached("SELECT alert FROM alert_ids WHERE id = ?1")?;
    statement.query_row([id.to_cell()], |row| row.get(0)).optional()
}

pub(super) fn put(connection: &Connection, numbers: &mut AlertNumbers, row: &AlertRow) -> Result<()> {
    let sql = "INSERT INTO alerts (alert, id, rule, severity, subject, transfer, watch, address, direction, crossing, \
        trouble, payment, revision, state, said, told, raised_at, changed_at, closed) \
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19) \
        ON CONFLICT DO UPDATE SET rule = ?3, severity = ?4, subject = ?5, transfer = ?6, watch = ?7, address = ?8, \
        direction = ?9, crossing = ?10, trouble = ?11, payment = ?12, revision = ?13, state = ?14, said = ?15, \
        told = ?16, raised_at = ?17, changed_at = ?18, closed = ?19";
    let AlertRow { id, rule, severity, subject, revision, state, said, told, raised_at, changed_at, closed } = row;
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
        *closed
    )
    .map(drop)
}

/// Which of the subject's columns are set.
#[derive(Debug, Clone, Copy)]
enum SubjectWord {
    Transfer,
    Crossing,
    Trouble,
    Payment,
}

impl Cell for SubjectWord {
    fn to_cell(&self) -> rusqlite::types::ToSqlOutput<'_> {
        let word = match self {
            Self::Transfer => "transfer",
            Self::Crossing => "crossing",
            Self::Trouble => "trouble",
            Self::Payment => "payment",
        };
        rusqlite::types::ToSqlOutput::Borrowed(rusqlite::types::ValueRef::Text(word.as_bytes()))
    }

    fn from_cell(cell: rusqlite::types::ValueRef<'_>) -> rusqlite::types::FromSqlResult<Self> {
        match cell.as_str()? {
            "transfer" => Ok(Self::Transfer),
            "crossing" => Ok(Self::Crossing),
            "trouble" => Ok(Self::Trouble),
            "payment" => Ok(Self::Payment),
            text => Err(rusqlite::types::FromSqlError::Other(format!("{text:?} is no subject of an alert").into())),
        }
    }
}

/// Removes an alert's row, and its number where no message needs it.
pub(super) fn delete(connection: &Connection, id: AlertId) -> Result<()> {
    let Some(number) = find(connection, id)? else { return Ok(()) };
    run!(connection, "DELETE FROM alerts WHERE alert = ?1", number)?;
    forget_number(connection, number, id)
}

/// Removes a number that neither an alert's row nor a message needs.
pub(super) fn forget_number(connection: &Connection, number: i64, id: AlertId) -> Result<()> {
    let sql = "DELETE FROM alert_ids WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM alerts WHERE alert = ?2) \
        AND NOT EXISTS (SELECT 1 FROM outbox WHERE alert = ?2)";
    run!(connection, sql, id, number).map(drop)
}

/// What [`alert`] reads.
pub(super) const COLUMNS: &str = "id, rule, severity, subject, transfer, watch, address, direction, crossing, trouble, \
    payment, revision, state, said, told, raised_at, changed_at, closed";

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
