//! Rules that pay when something crosses: armed by a reading beyond `recovers_at`, fired once, armed again only when what they paid has
//! landed (MONEY §2).

use super::flaws::flawed;
use super::terms::OfferAmount;
use super::trigger::{Facts, Trigger, Vouched};
use super::{Desk, Said, Step, request};
use crate::reactor::money::{PaymentRow, PaymentState};
use crate::reactor::office::{ArmRow, OfficeWrite};
use crate::types::{Name, PaymentId, Timestamp, U256};

/// What was read for a rule that pays when something crosses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// The rule.
    pub rule: Name,
    /// The rule with watch, chain and asset of a balance: whole and unambiguous.
    pub what: Name,
    /// The time of the block or tick.
    pub time: Timestamp,
    /// What it was.
    pub value: Value,
    /// Who says so. What nobody vouches for is not known.
    pub vouched: Vouched,
}

/// What was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// A price or a fee that has been where it is for long enough.
    Market {
        /// Beyond the level.
        past: bool,
        /// Back beyond the way back.
        recovered: bool,
    },
    /// A balance.
    Balance {
        /// At a block of the payment's stage, read by its hash.
        staged: U256,
        /// At the newest block, read by its hash.
        newest: U256,
        /// Strictly below this is low.
        level: U256,
        /// At or above this is enough.
        recovers_at: U256,
        /// It has been low for long enough.
        steady: bool,
        /// The transaction of the payment that the rule waits for was seen at this stage, at or below the block that `staged` is of.
        landed: bool,
    },
    /// It could not be read: whatever comes next is a first reading.
    Unknown,
}

impl Desk {
    /// The payment that a crossing rule waits for.
    #[must_use]
    pub fn waits_for_payment(&self, what: &Name) -> Option<PaymentId> {
        self.arms.get(what).and_then(|row| row.waits_for)
    }

    /// The payments that crossing rules wait for.
    pub fn waited_for(&self) -> impl Iterator<Item = &PaymentRow> {
        self.arms.values().filter_map(|arm| self.rows.get(&arm.waits_for?))
    }

    /// Takes a reading; pays where it is a crossing of an armed rule.
    pub fn read(&mut self, reading: &Reading, at: Timestamp, step: &mut Step) {
        let Some(terms) = self.terms.clone() else { return };
        let Some(offer) = terms.offers.get(&reading.rule).cloned() else { return };
        let Some(payee) = terms.payees.get(&offer.payee).map(|payee| payee.address) else { return };
        let value = match &reading.value {
            Value::Unknown if flawed!(self, ZeroBalancePays) => &BROKEN,
            Value::Market { .. } | Value::Balance { .. } if reading.vouched == Vouched::ByNobody => &Value::Unknown,
            value @ (Value::Market { .. } | Value::Balance { .. } | Value::Unknown) => value,
        };
        let key = (reading.rule.clone(), reading.what.clone());
        let open: Vec<U256> = self
            .open
            .iter()
            .filter_map(|id| self.rows.get(id))
            .filter(|row| row.address == payee)
            .map(|row| row.amount)
            .collect();
        let second = flawed!(self, SecondTopUp);
        let counted: &[U256] = if second { &[] } else { &open };
        let there = counted.iter().copied().try_fold(U256::ZERO, U256::checked_add).unwrap_or(U256::MAX);
        let (past, recovered, landed, missing) = match value {
            Value::Unknown => {
                self.soft.read.remove(&key);
                return;
            }
            Value::Market { past, recovered } => (*past, *recovered, true, None),
            Value::Balance { staged, newest, level, recovers_at, steady, landed } => {
                let low = |balance: &U256| balance.saturating_add(there) < *level;
                let missing = match offer.amount {
                    // What came in since the staged block need not be paid again.
                    OfferAmount::FillTo(full) => full.checked_sub((*staged.max(newest)).saturating_add(there)),
                    OfferAmount::Fixed(_) | OfferAmount::Match(_) => None,
                };
                (low(staged) && low(newest) && *steady, staged >= recovers_at, *landed, missing)
            }
        };
        let mut arm = self.arms.get(&reading.what).cloned().unwrap_or_else(|| ArmRow {
            what: reading.what.clone(),
            armed: false,
            crossings: 0,
            waits_for: None,
        });
        let before = arm.clone();
        let is_paid = |id: &PaymentId| self.rows.get(id).is_some_and(|row| row.state == PaymentState::Complete);
        let paid = arm.waits_for.filter(|id| past && landed && matches!(value, Value::Balance { .. }) && is_paid(id));
        if let Some(id) = paid.filter(|id| self.soft.still_low.insert(*id)) {
            let what = format!("payment {id} is there, and the balance that {} looks at is still low", reading.rule);
            step.said.push(Said::Warning(what.into()));
        }
        let first = self.soft.read.insert(key.clone()) && !flawed!(self, FirstReadingPays);
        let busy = !open.is_empty() && !matches!(value, Value::Market { .. });
        if recovered && self.may_arm(&arm, landed) {
            arm.armed = true;
            arm.waits_for = None;
        } else if past && first && !busy && (arm.waits_for.is_none() || self.may_arm(&arm, landed)) {
            self.fire(&mut arm, reading, missing, true, at, step);
        } else if past && (arm.armed || flawed!(self, FirstReadingPays)) && (!busy || flawed!(self, SecondTopUp)) {
            self.fire(&mut arm, reading, missing, false, at, step);
        } else if first && !recovered {
            // Neither enough nor low: what comes next is still a first reading.
            self.soft.read.remove(&key);
            arm.armed = false;
        }
        if flawed!(self, SecondTopUp) {
            arm.armed = true;
        }
        if arm != before {
            step.office.push(OfficeWrite::Arm(arm.clone()));
            self.arms.insert(arm.what.clone(), arm);
        }
    }

    /// Whether what a rule paid last has landed, or will never leave.
    fn may_arm(&self, arm: &ArmRow, landed: bool) -> bool {
        let Some(row) = arm.waits_for.and_then(|id| self.rows.get(&id)) else { return true };
        row.state.is_terminal() && (row.state != PaymentState::Complete || landed)
    }

    fn fire(
        &mut self,
        arm: &mut ArmRow,
        reading: &Reading,
        missing: Option<U256>,
        first: bool,
        at: Timestamp,
        step: &mut Step,
    ) {
        arm.crossings += 1;
        arm.armed = false;
        let (what, number) = (arm.what.clone(), arm.crossings);
        let facts = Facts::Crossing { what, number, missing, first, vouched: reading.vouched };
        self.plan(&Trigger { rule: reading.rule.clone(), time: reading.time, facts }, at, step);
        let id = self.terms.as_ref().map(|terms| request::of_crossing(&terms.store, &arm.what, number));
        arm.waits_for = id.filter(|id| self.rows.contains_key(id));
    }
}

/// What a broken node says.
const BROKEN: Value = Value::Balance {
    staged: U256::ZERO,
    newest: U256::ZERO,
    level: U256::MAX,
    recovers_at: U256::MAX,
    steady: true,
    landed: true,
};
