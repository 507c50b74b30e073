//! `payments verify` and `payments export`: the books, read from the store itself, whether a monitor runs or not.

use super::super::api::{self, Question, of_store};
use super::super::places::Located;
use super::super::show::answer;
use super::super::{Failure, list as pages};
use crate::reactor::money::{PaymentRow, PaymentState};
use crate::reactor::office::AuditRow;
use crate::store::{PaymentFilter, Reader, StoreFault};
use crate::types::amount::format_amount;
use crate::types::{PaymentId, U256};
use crate::wire::hex;
use anyhow::anyhow;
use std::collections::BTreeMap;

/// Rows that are read at a time.
const PAGE: usize = 500;
/// Decimals of USDC.
const USDC: u8 = 6;

/// Checks the audit line by line, and every payment against what the audit says of it.
pub(super) fn verify(located: &Located, head: Option<&str>) -> Result<(), Failure> {
    let reader = Reader::open(&located.config.store.path).map_err(|fault| of_store(fault, None))?;
    let read =
        || -> Result<(Vec<AuditRow>, Vec<PaymentRow>), StoreFault> { Ok((reader.whole_audit()?, all(&reader)?)) };
    let (audit, payments) = read().map_err(|fault| of_store(fault, None))?;
    let mut faults = chain(&audit);
    faults.extend(states(&audit, &payments));
    if let Some(head) = head.map(str::to_ascii_lowercase)
        && !audit.iter().any(|row| hex::plain(&row.hash) == head)
    {
        faults.push(format!("no line has the hash {head}: what was shown then is not what stands here"));
    }
    if !faults.is_empty() {
        answer(&faults.join("\n"))?;
        return Err(Failure::person(anyhow!("{} faults: the store is not what was written", faults.len())));
    }
    let last = audit.last().map_or_else(|| "none".to_owned(), |row| hex::plain(&row.hash));
    let mut lines = vec![format!("{} lines, each with its hash over the one before; the last: {last}", audit.len())];
    lines.extend(sums(&payments));
    answer(&lines.join("\n"))
}

fn all(reader: &Reader) -> Result<Vec<PaymentRow>, StoreFault> {
    let mut filter = PaymentFilter::default();
    let mut rows = Vec::new();
    loop {
        let page = reader.payment_page(&filter, PAGE)?;
        rows.extend(page.rows);
        filter.after = page.next;
        if filter.after.is_none() {
            return Ok(rows);
        }
    }
}

/// What is wrong in the chain of lines.
fn chain(audit: &[AuditRow]) -> Vec<String> {
    let mut before = [0; 32];
    let mut faults = Vec::new();
    for (number, row) in (1_u64..).zip(audit) {
        if row.seq != number {
            faults.push(format!("line {number} is missing: line {} stands in its place", row.seq));
            return faults;
        }
        if row.hash != row.expected(before) {
            faults.push(format!("line {number} ({} by {}) was changed", row.what, row.who));
        }
        before = row.hash;
    }
    faults
}

/// Live payments whose last state in the audit is not the one of their row.
fn states(audit: &[AuditRow], payments: &[PaymentRow]) -> Vec<String> {
    let mut told: BTreeMap<PaymentId, PaymentState> = BTreeMap::new();
    for row in audit {
        if let (Some(id), Some(state)) = (row.payment, PaymentState::from_word(row.what.as_str())) {
            told.insert(id, state);
        }
    }
    let mut faults = Vec::new();
    for row in payments.iter().filter(|row| row.live.is_some()) {
        let said = told.remove(&row.id);
        if said != Some(row.state) {
            let said = said.map_or("nothing", PaymentState::word);
            faults.push(format!("payment {} is {}, and the audit says {said}", row.id, row.state.word()));
        }
    }
    faults.extend(told.keys().map(|id| format!("payment {id} is in the audit, and has no row")));
    faults
}

/// What live payments come to, by state.
fn sums(payments: &[PaymentRow]) -> Vec<String> {
    let mut sums: BTreeMap<PaymentState, (u64, U256)> = BTreeMap::new();
    for row in payments.iter().filter(|row| row.live.is_some()) {
        let (count, sum) = sums.entry(row.state).or_default();
        (*count, *sum) = (*count + 1, sum.saturating_add(row.amount));
    }
    let line = |(state, (count, sum)): (PaymentState, (u64, U256))| {
        format!("{}: {count} payments, {} USDC", state.word(), format_amount(sum, USDC))
    };
    sums.into_iter().map(line).collect()
}

/// Every payment and every line of the audit, as the API writes them, a line each.
pub(super) async fn export(located: &Located) -> Result<(), Failure> {
    let answerer = api::to_read(located).await?;
    for (key, path) in [("payment", ["payments"].as_slice()), ("audit", &["payments", "audit"])] {
        let rows = pages::rows(&answerer, &Question::new(path), usize::MAX).await?;
        for item in rows.items().rev() {
            answer(&format!("{{\"{key}\":{item}}}"))?;
        }
    }
    Ok(())
}
