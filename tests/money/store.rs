//! What is durable of a simulated deployment, and whether it only moved as it may.

use std::collections::BTreeMap;
use walletwatch::reactor::money::{PaymentRow, PaymentState};
use walletwatch::reactor::office::{AuditRow, OfficeKey, OfficeTables, OfficeWrite};
use walletwatch::reactor::payments::desk::Step;
use walletwatch::types::PaymentId;

/// What is durable.
#[derive(Debug, Clone, Default)]
pub struct Store {
    pub id: [u8; 16],
    /// Who may write: taken by each start.
    pub epoch: u64,
    pub payments: BTreeMap<PaymentId, PaymentRow>,
    pub office: OfficeTables,
    pub audit: Vec<AuditRow>,
    /// How often a backup came back.
    pub life: u32,
    /// Rules of which a payment ended badly, and nobody said that they may go on.
    pub stopped: BTreeMap<String, i64>,
    /// Since when it is frozen, in true time.
    pub frozen_since: Option<i64>,
    /// Moves along no arrow, and breaks of the audit.
    pub faults: Vec<String>,
}

impl Store {
    pub fn put(&mut self, step: &Step, now: i64) {
        for row in &step.payments {
            let bad = [PaymentState::Failed, PaymentState::Denied, PaymentState::Cancelled, PaymentState::Rejected];
            let before = self.payments.get(&row.id).map(|row| row.state);
            if bad.contains(&row.state) && before != Some(row.state) {
                self.stopped.insert(row.rule.to_string(), now);
            }
            let old = self.payments.insert(row.id, row.clone());
            if let Some(old) = old.filter(|old| old.state != row.state)
                && !reachable(old.state, row.state)
            {
                self.faults.push(format!("{}: {} → {}", row.id, old.state.word(), row.state.word()));
            }
        }
        for key in &step.gone {
            self.office.stops.retain(|row| OfficeKey::Stop(row.what.clone()) != *key);
            self.office.births.retain(|row| OfficeKey::Birth(row.what.clone()) != *key);
            self.office.foreign.retain(|row| OfficeKey::Foreign(row.id.clone()) != *key);
        }
        for write in &step.office {
            match write.clone() {
                OfficeWrite::Office(row) => {
                    self.frozen_since = row.frozen.as_ref().map(|_| self.frozen_since.unwrap_or(now));
                    self.office.office = Some(row);
                }
                OfficeWrite::Stop(row) => replace(&mut self.office.stops, row, |row| row.what.clone()),
                OfficeWrite::Birth(row) => replace(&mut self.office.births, row, |row| row.what.clone()),
                OfficeWrite::Foreign(row) => replace(&mut self.office.foreign, row, |row| row.id.clone()),
                OfficeWrite::Arm(row) => replace(&mut self.office.arms, row, |row| row.what.clone()),
                OfficeWrite::Audit(row) => {
                    let before = self.audit.last().map_or([0; 32], |row| row.hash);
                    if row.hash != row.expected(before) {
                        self.faults.push(format!("line {} of the audit does not follow", row.seq));
                    }
                    self.office.audit_head = Some(row.clone());
                    self.audit.push(row);
                }
            }
        }
    }
}

/// Along one arrow or several: one commit may hold more than one move.
fn reachable(from: PaymentState, to: PaymentState) -> bool {
    let mut known = vec![from];
    let mut next = 0;
    while let Some(state) = known.get(next).copied() {
        next += 1;
        if state.arrows().contains(&to) {
            return true;
        }
        let new: Vec<PaymentState> = state.arrows().iter().copied().filter(|state| !known.contains(state)).collect();
        known.extend(new);
    }
    false
}

fn replace<T, K: PartialEq>(rows: &mut Vec<T>, row: T, key: impl Fn(&T) -> K) {
    match rows.iter_mut().find(|old| key(old) == key(&row)) {
        Some(old) => *old = row,
        None => rows.push(row),
    }
}
