//! Payments as people read them: page by page, each with what was written of it in the audit; and what holds for all of them.

use super::codec::{Cell, Cells, all};
use super::fault::StoreFault;
use super::lists::Page;
use super::read::Reader;
use super::{money, small};
use crate::reactor::money::{PaymentRow, PaymentState};
use crate::reactor::office::{AuditRow, OfficeTables};
use crate::types::{Name, PaymentId, Timestamp};
use rusqlite::types::ToSqlOutput;

/// Which payments.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PaymentFilter {
    /// Only those behind this one.
    pub after: Option<PaymentPlace>,
    /// Only in this state.
    pub state: Option<PaymentState>,
    /// Only by this rule.
    pub rule: Option<Name>,
}

/// Where a payment stands in the list: newest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PaymentPlace {
    /// When it was planned.
    pub planned_at: Timestamp,
    /// Its id.
    pub id: PaymentId,
}

impl Reader {
    /// Payments, newest first.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn payment_page(
        &self,
        filter: &PaymentFilter,
        limit: usize,
    ) -> Result<Page<PaymentRow, PaymentPlace>, StoreFault> {
        let sql = format!(
            "{} WHERE (?1 IS NULL OR (planned_at, id) < (?1, ?2)) AND (?3 IS NULL OR state = ?3) AND (?4 IS NULL OR rule = ?4) \
             ORDER BY planned_at DESC, id DESC LIMIT ?5",
            small::select_payments()
        );
        let null = || ToSqlOutput::from(rusqlite::types::Null);
        let most = i64::try_from(limit).unwrap_or(i64::MAX);
        let after = filter.after.as_ref();
        let cells = [
            after.map_or_else(null, |place| place.planned_at.to_cell()),
            after.map_or_else(null, |place| place.id.to_cell()),
            filter.state.as_ref().map_or_else(null, Cell::to_cell),
            filter.rule.as_ref().map_or_else(null, Cell::to_cell),
            ToSqlOutput::from(most),
        ];
        let rows: Vec<PaymentRow> = self.ask(|connection| {
            let mut statement = connection.prepare_cached(&sql)?;
            let rows = statement.query_map(cells, |row| small::payment(&mut Cells::of(row)))?;
            rows.collect()
        })?;
        let last = rows.last().filter(|_| rows.len() == limit);
        let next = last.map(|row| PaymentPlace { planned_at: row.planned_at, id: row.id });
        Ok(Page { rows, next })
    }

    /// One payment with its lines of the audit, in order.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn payment_told(&self, id: PaymentId) -> Result<Option<(PaymentRow, Vec<AuditRow>)>, StoreFault> {
        let Some(row) = self.payment(id)? else { return Ok(None) };
        let told = self.ask(|connection| money::audit_of(connection, id))?;
        Ok(Some((row, told)))
    }

    /// What holds for all live payments.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn office(&self) -> Result<OfficeTables, StoreFault> {
        self.ask(money::tables)
    }

    /// The line of the audit that says who froze everything last, when and why.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn last_freeze(&self) -> Result<Option<AuditRow>, StoreFault> {
        let lines =
            self.ask(|connection| money::audit(connection, "WHERE what = 'frozen' ORDER BY seq DESC LIMIT 1"))?;
        Ok(lines.into_iter().next())
    }

    /// How many payments stand in each state: of rehearsals and of live ones.
    ///
    /// # Errors
    /// When they cannot be counted.
    pub fn payment_counts(&self) -> Result<Vec<(PaymentState, bool, u64)>, StoreFault> {
        let sql = "SELECT state, live_payments.id IS NOT NULL AS live, count(*) FROM payments \
            LEFT JOIN live_payments USING (id) GROUP BY state, live ORDER BY state, live";
        self.ask(|connection| all(connection, sql, |cells| Ok((cells.take()?, cells.take()?, cells.take()?))))
    }

    /// Lines of the audit before this one, newest first.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn audit(&self, before: Option<u64>, limit: usize) -> Result<Vec<AuditRow>, StoreFault> {
        let before = before.and_then(|before| i64::try_from(before).ok()).unwrap_or(i64::MAX);
        self.ask(|connection| {
            money::audit(connection, &format!("WHERE seq < {before} ORDER BY seq DESC LIMIT {limit}"))
        })
    }

    /// Every line of the audit, from the first.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn whole_audit(&self) -> Result<Vec<AuditRow>, StoreFault> {
        self.ask(|connection| money::audit(connection, "ORDER BY seq"))
    }
}
