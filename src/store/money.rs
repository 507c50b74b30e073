//! The tables of live money: what a live payment has beyond a rehearsal, what holds for all of them, and the audit.

use super::codec::{Cell, Cells, all, impossible, run};
use crate::reactor::money::{ApprovedBy, CircleId, IdempotencyKey, LivePart};
use crate::reactor::office::{
    ArmRow, AuditRow, BirthRow, ForeignRow, OfficeKey, OfficeRow, OfficeTables, OfficeWrite, StopRow, Stopped,
};
use crate::types::{B256, ChainId, PaymentId, Timestamp};
use bytes::Bytes;
use rusqlite::types::{FromSqlError, FromSqlResult, ToSqlOutput, Value, ValueRef};
use rusqlite::{Connection, Result};

/// Their tables. A key of what is stopped or born is `rule:NAME` or `payee:NAME`; lists are JSON.
pub(super) const TABLES: &str = "
CREATE TABLE live_payments (
  id BLOB NOT NULL PRIMARY KEY, wallet TEXT NOT NULL, key BLOB NOT NULL, body BLOB NOT NULL, hash BLOB NOT NULL,
  reference TEXT NOT NULL, blockchain TEXT NOT NULL, token BLOB NOT NULL, version BLOB NOT NULL, triggered_at INTEGER NOT NULL,
  approvals TEXT NOT NULL, anyway INTEGER NOT NULL, approved_at INTEGER, attempts INTEGER NOT NULL, disproven INTEGER NOT NULL,
  first_sent INTEGER, last_sent INTEGER, due INTEGER, empty_scans INTEGER NOT NULL, scanned_at INTEGER, circle_id TEXT,
  circle_state TEXT, compared INTEGER NOT NULL, tx BLOB, absent INTEGER
) STRICT, WITHOUT ROWID;
CREATE TABLE office (
  one INTEGER NOT NULL PRIMARY KEY, frozen TEXT, paused TEXT, paused_since INTEGER, accepted BLOB, entity_key BLOB,
  probed INTEGER NOT NULL, scanned_at INTEGER
) STRICT;
CREATE TABLE stops (what TEXT NOT NULL PRIMARY KEY, reason TEXT NOT NULL, since INTEGER NOT NULL, missed INTEGER NOT NULL)
  STRICT, WITHOUT ROWID;
CREATE TABLE births (
  what TEXT NOT NULL PRIMARY KEY, mark BLOB NOT NULL, at INTEGER NOT NULL, heads TEXT NOT NULL, waived INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE foreign_transfers (
  id TEXT NOT NULL PRIMARY KEY, reference TEXT, destination BLOB, amount BLOB NOT NULL, at INTEGER NOT NULL, void INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE arms (what TEXT NOT NULL PRIMARY KEY, armed INTEGER NOT NULL, crossings INTEGER NOT NULL, waits_for BLOB)
  STRICT, WITHOUT ROWID;
CREATE TABLE audit (
  seq INTEGER NOT NULL PRIMARY KEY, at INTEGER NOT NULL, who TEXT NOT NULL, what TEXT NOT NULL, payment BLOB, why TEXT NOT NULL,
  hash BLOB NOT NULL
) STRICT;
";

/// The columns of `live_payments` behind its id, in the order in which [`live`] reads them.
pub(super) const LIVE_COLUMNS: &str = "wallet, key, body, hash, reference, blockchain, token, version, triggered_at, \
    approvals, anyway, approved_at, attempts, disproven, first_sent, last_sent, due, empty_scans, scanned_at, circle_id, \
    circle_state, compared, tx, absent";

impl Cell for CircleId {
    fn to_cell(&self) -> ToSqlOutput<'_> {
        ToSqlOutput::Borrowed(ValueRef::Text(self.as_str().as_bytes()))
    }

    fn from_cell(cell: ValueRef<'_>) -> FromSqlResult<Self> {
        Self::parse(cell.as_str()?).ok_or_else(|| FromSqlError::Other("it is no id of Circle".into()))
    }
}

impl Cell for Stopped {
    fn to_cell(&self) -> ToSqlOutput<'_> {
        let text = match self {
            Self::Rule(name) => format!("rule:{name}"),
            Self::Payee(name) => format!("payee:{name}"),
        };
        ToSqlOutput::Owned(Value::Text(text))
    }

    fn from_cell(cell: ValueRef<'_>) -> FromSqlResult<Self> {
        match cell.as_str()?.split_once(':') {
            Some(("rule", name)) => Ok(Self::Rule(name.into())),
            Some(("payee", name)) => Ok(Self::Payee(name.into())),
            Some(_) | None => Err(FromSqlError::Other("it is neither a rule nor a payee".into())),
        }
    }
}

fn json<T: serde::Serialize>(values: impl IntoIterator<Item = T>) -> String {
    serde_json::to_string(&values.into_iter().collect::<Vec<_>>()).unwrap_or_default()
}

fn read_json<T: serde::de::DeserializeOwned>(text: &str, what: &'static str) -> Result<Vec<T>> {
    serde_json::from_str(text).map_err(|_| impossible(what))
}

/// A yes as it is stored: an older version did not write of which config it is, and it is then of none.
#[derive(serde::Deserialize)]
#[serde(untagged)]
enum StoredYes {
    Of(String, i64, String),
    OfNone(String, i64),
}

impl StoredYes {
    fn read(self) -> Result<ApprovedBy> {
        let (by, at, of) = match self {
            Self::Of(by, at, of) => {
                (by, at, of.parse::<B256>().map_err(|_| impossible("the config of an approval"))?.0)
            }
            Self::OfNone(by, at) => (by, at, [0; 32]),
        };
        Ok(ApprovedBy { by: by.into(), at: Timestamp::from_millis(at), of })
    }
}

/// Puts the live part of a payment, or takes it away where it has none.
pub(super) fn put_live(connection: &Connection, id: PaymentId, live: Option<&LivePart>) -> Result<()> {
    let Some(live) = live else {
        return run!(connection, "DELETE FROM live_payments WHERE id = ?1", id).map(drop);
    };
    let sql = format!(
        "INSERT OR REPLACE INTO live_payments (id, {LIVE_COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, \
         ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24, ?25)"
    );
    let LivePart { wallet, key, body, hash, reference, blockchain, token, version, triggered_at, approvals, .. } = live;
    let LivePart { anyway, approved_at, attempts, disproven, first_sent, last_sent, due, empty_scans, .. } = live;
    let LivePart { scanned_at, circle_id, circle_state, compared, tx, absent, .. } = live;
    let body = Bytes::copy_from_slice(body);
    let approvals =
        json(approvals.iter().map(|yes| (yes.by.as_str(), yes.at.millis(), format!("{:x}", B256::from(yes.of)))));
    run!(
        connection,
        &sql,
        id,
        *wallet,
        key.0,
        body,
        B256::from(*hash),
        *reference,
        *blockchain,
        *token,
        B256::from(*version),
        *triggered_at,
        approvals,
        *anyway,
        *approved_at,
        *attempts,
        *disproven,
        *first_sent,
        *last_sent,
        *due,
        *empty_scans,
        *scanned_at,
        *circle_id,
        *circle_state,
        *compared,
        *tx,
        *absent,
    )
    .map(drop)
}

/// Reads [`LIVE_COLUMNS`]; all of them are null where the payment is a rehearsal.
pub(super) fn live(cells: &mut Cells<'_>) -> Result<Option<Box<LivePart>>> {
    let Some(wallet) = cells.take()? else { return Ok(None) };
    let (key, body, hash): (_, Bytes, B256) = (cells.take()?, cells.take()?, cells.take()?);
    let (reference, blockchain, token) = (cells.take()?, cells.take()?, cells.take()?);
    let version: B256 = cells.take()?;
    let triggered_at = cells.take()?;
    let approvals: Vec<StoredYes> = read_json(&cells.take::<String>()?, "the approvals of a payment")?;
    let approvals = approvals.into_iter().map(StoredYes::read).collect::<Result<_>>()?;
    Ok(Some(Box::new(LivePart {
        wallet,
        key: IdempotencyKey(key),
        body: body.to_vec().into(),
        hash: hash.0,
        reference,
        blockchain,
        token,
        version: version.0,
        triggered_at,
        approvals,
        anyway: cells.take()?,
        approved_at: cells.take()?,
        attempts: cells.take()?,
        disproven: cells.take()?,
        first_sent: cells.take()?,
        last_sent: cells.take()?,
        due: cells.take()?,
        empty_scans: cells.take()?,
        scanned_at: cells.take()?,
        circle_id: cells.take()?,
        circle_state: cells.take()?,
        compared: cells.take()?,
        tx: cells.take()?,
        absent: cells.take()?,
    })))
}

pub(super) fn put(connection: &Connection, row: &OfficeWrite) -> Result<()> {
    match row {
        OfficeWrite::Office(row) => {
            let OfficeRow { frozen, paused, accepted, entity_key, probed, scanned_at } = row;
            let sql = "INSERT OR REPLACE INTO office \
                (one, frozen, paused, paused_since, accepted, entity_key, probed, scanned_at) \
                VALUES (1, ?1, ?2, ?3, ?4, ?5, ?6, ?7)";
            let (why, since) = paused.clone().unzip();
            let (accepted, entity_key) = (accepted.map(B256::from), entity_key.map(B256::from));
            run!(connection, sql, *frozen, why, since, accepted, entity_key, *probed, *scanned_at).map(drop)
        }
        OfficeWrite::Stop(StopRow { what, reason, since, missed }) => {
            let sql = "INSERT OR REPLACE INTO stops (what, reason, since, missed) VALUES (?1, ?2, ?3, ?4)";
            run!(connection, sql, *what, *reason, *since, *missed).map(drop)
        }
        OfficeWrite::Birth(BirthRow { what, mark, at, heads, waived }) => {
            let sql = "INSERT OR REPLACE INTO births (what, mark, at, heads, waived) VALUES (?1, ?2, ?3, ?4, ?5)";
            let heads = json(heads.iter().map(|(chain, head)| (chain.0, *head)));
            run!(connection, sql, *what, B256::from(*mark), *at, heads, *waived).map(drop)
        }
        OfficeWrite::Foreign(ForeignRow { id, reference, destination, amount, at, void }) => {
            let sql = "INSERT OR REPLACE INTO foreign_transfers (id, reference, destination, amount, at, void) \
                VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
            run!(connection, sql, *id, *reference, *destination, *amount, *at, *void).map(drop)
        }
        OfficeWrite::Arm(ArmRow { what, armed, crossings, waits_for }) => {
            let sql = "INSERT OR REPLACE INTO arms (what, armed, crossings, waits_for) VALUES (?1, ?2, ?3, ?4)";
            run!(connection, sql, *what, *armed, *crossings, *waits_for).map(drop)
        }
        OfficeWrite::Audit(AuditRow { seq, at, who, what, payment, why, hash }) => {
            let sql = "INSERT OR REPLACE INTO audit (seq, at, who, what, payment, why, hash) \
                VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
            run!(connection, sql, *seq, *at, *who, *what, *payment, *why, B256::from(*hash)).map(drop)
        }
    }
}

pub(super) fn delete(connection: &Connection, key: &OfficeKey) -> Result<usize> {
    match key {
        OfficeKey::Office => run!(connection, "DELETE FROM office WHERE one = 1"),
        OfficeKey::Stop(what) => run!(connection, "DELETE FROM stops WHERE what = ?1", *what),
        OfficeKey::Birth(what) => run!(connection, "DELETE FROM births WHERE what = ?1", *what),
        OfficeKey::Foreign(id) => run!(connection, "DELETE FROM foreign_transfers WHERE id = ?1", *id),
        OfficeKey::Arm(what) => run!(connection, "DELETE FROM arms WHERE what = ?1", *what),
        OfficeKey::Audit(seq) => run!(connection, "DELETE FROM audit WHERE seq = ?1", *seq),
    }
}

pub(super) fn tables(connection: &Connection) -> Result<OfficeTables> {
    let office = all(
        connection,
        "SELECT frozen, paused, paused_since, accepted, entity_key, probed, scanned_at FROM office",
        office,
    )?;
    let stops = all(connection, "SELECT what, reason, since, missed FROM stops ORDER BY what", |cells| {
        Ok(StopRow { what: cells.take()?, reason: cells.take()?, since: cells.take()?, missed: cells.take()? })
    })?;
    let births = all(connection, "SELECT what, mark, at, heads, waived FROM births ORDER BY what", |cells| {
        let (what, mark, at): (_, B256, _) = (cells.take()?, cells.take()?, cells.take()?);
        let heads: Vec<(u64, u64)> = read_json(&cells.take::<String>()?, "the heads of a birth")?;
        let heads = heads.into_iter().map(|(chain, head)| (ChainId(chain), head)).collect();
        Ok(BirthRow { what, mark: mark.0, at, heads, waived: cells.take()? })
    })?;
    let sql = "SELECT id, reference, destination, amount, at, void FROM foreign_transfers ORDER BY id";
    let foreign = all(connection, sql, |cells| {
        let (id, reference, destination) = (cells.take()?, cells.take()?, cells.take()?);
        Ok(ForeignRow { id, reference, destination, amount: cells.take()?, at: cells.take()?, void: cells.take()? })
    })?;
    let arms = all(connection, "SELECT what, armed, crossings, waits_for FROM arms ORDER BY what", |cells| {
        let (what, armed) = (cells.take()?, cells.take()?);
        Ok(ArmRow { what, armed, crossings: cells.take()?, waits_for: cells.take()? })
    })?;
    let head = audit(connection, "ORDER BY seq DESC LIMIT 1")?;
    Ok(OfficeTables {
        office: office.into_iter().next(),
        stops,
        births,
        foreign,
        arms,
        audit_head: head.into_iter().next(),
    })
}

fn office(cells: &mut Cells<'_>) -> Result<OfficeRow> {
    let frozen = cells.take()?;
    let paused = match (cells.take()?, cells.take()?) {
        (Some(why), Some(since)) => Some((why, since)),
        (None, None) => None,
        _ => return Err(impossible("a pause has a reason and a time")),
    };
    let (accepted, entity_key): (Option<B256>, Option<B256>) = (cells.take()?, cells.take()?);
    Ok(OfficeRow {
        frozen,
        paused,
        accepted: accepted.map(|hash| hash.0),
        entity_key: entity_key.map(|hash| hash.0),
        probed: cells.take()?,
        scanned_at: cells.take()?,
    })
}

/// Lines of the audit, as `order` says.
pub(super) fn audit(connection: &Connection, order: &str) -> Result<Vec<AuditRow>> {
    all(connection, &format!("SELECT seq, at, who, what, payment, why, hash FROM audit {order}"), audit_row)
}

/// The lines of the audit that are about a payment, in order.
pub(super) fn audit_of(connection: &Connection, id: PaymentId) -> Result<Vec<AuditRow>> {
    let sql = "SELECT seq, at, who, what, payment, why, hash FROM audit WHERE payment = ?1 ORDER BY seq";
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map([id.to_cell()], |row| audit_row(&mut Cells::of(row)))?;
    rows.collect()
}

fn audit_row(cells: &mut Cells<'_>) -> Result<AuditRow> {
    let (seq, at, who, what) = (cells.take()?, cells.take()?, cells.take()?, cells.take()?);
    let (payment, why, hash): (_, _, B256) = (cells.take()?, cells.take()?, cells.take()?);
    Ok(AuditRow { seq, at, who, what, payment, why, hash: hash.0 })
}
