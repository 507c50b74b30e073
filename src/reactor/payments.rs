//! Payments: what a rule pays, once for each trigger, within limits that are counted before anything is said.
//!
//! Only rehearsals exist so far: they do everything but the send. A payee's address comes from the config and nowhere else.

pub mod desk;

pub use super::ask;

use super::effect::Effect;
use super::rows::{PaymentRow, PaymentState, Row};
use super::settings::{Approval, Payee, PaymentAmount, PaymentSettings};
use super::waits::Room;
use crate::types::{Name, PaymentId, Timestamp, TransferId, U256};
use std::collections::BTreeMap;
use std::time::Duration;

/// Every payment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Payments {
    rows: BTreeMap<PaymentId, PaymentRow>,
}

/// What made a rule pay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trigger {
    /// A transfer, with its raw amount.
    Transfer(TransferId, U256),
    /// The how-manieth crossing.
    Crossing(u64),
    /// The how-manieth crossing by one of the rule's balances: which, and what it held.
    Balance(Name, u64, U256),
}

/// A rolling day: limits by the day count over it.
const DAY: Duration = Duration::from_hours(24);

impl Payments {
    /// From rows.
    #[must_use]
    pub fn restore(rows: Vec<PaymentRow>) -> Self {
        Self { rows: rows.into_iter().filter(|row| row.live.is_none()).map(|row| (row.id, row)).collect() }
    }

    /// One of them.
    #[must_use]
    pub fn get(&self, id: PaymentId) -> Option<&PaymentRow> {
        self.rows.get(&id)
    }

    /// All of them, by id.
    pub fn iter(&self) -> impl Iterator<Item = &PaymentRow> {
        self.rows.values()
    }

    /// Plans the payment of a rule for a trigger, unless it has one already. `too_old` says that the trigger's age asks for a person.
    pub fn plan(
        &mut self,
        settings: &PaymentSettings,
        payee: &Payee,
        trigger: Trigger,
        too_old: bool,
        at: Timestamp,
        effects: &mut Vec<Effect>,
    ) -> Option<PaymentRow> {
        let id = identity(&settings.rule, &trigger);
        if self.rows.contains_key(&id) {
            return None;
        }
        let (transfer, crossing) = match trigger {
            Trigger::Transfer(id, _) => (Some(id), None),
            Trigger::Crossing(number) | Trigger::Balance(_, number, _) => (None, Some(number)),
        };
        let amount = match (settings.amount, &trigger) {
            (PaymentAmount::Fixed(amount), _) => Some(amount),
            (PaymentAmount::Match { reserve }, Trigger::Transfer(_, came_in)) => came_in.checked_sub(reserve),
            (PaymentAmount::FillTo(full), Trigger::Balance(_, _, there)) => full.checked_sub(*there),
            (PaymentAmount::Match { .. }, Trigger::Crossing(_) | Trigger::Balance(..))
            | (PaymentAmount::FillTo(_), Trigger::Transfer(..) | Trigger::Crossing(_)) => None,
        };
        let amount = amount.filter(|amount| !amount.is_zero())?;
        let (state, reason) = if !self.within_limits(settings, payee, amount, at) {
            (PaymentState::Held, Some(OVER_LIMIT))
        } else if too_old {
            (PaymentState::Held, Some("age"))
        } else {
            match settings.approval {
                Approval::Manual => (PaymentState::Held, Some("approval")),
                Approval::None => (PaymentState::Rehearsed, None),
            }
        };
        let row = PaymentRow {
            id,
            rule: settings.rule.clone(),
            payee: payee.name.clone(),
            chain: payee.chain,
            address: payee.address,
            amount,
            state,
            reason: reason.map(Name::from),
            transfer,
            crossing,
            planned_at: at,
            changed_at: at,
            live: None,
        };
        self.put(row.clone(), effects);
        Some(row)
    }

    /// Refuses a payment that waits. Gives the row if it did.
    pub fn refuse(
        &mut self,
        id: PaymentId,
        reason: &str,
        at: Timestamp,
        effects: &mut Vec<Effect>,
    ) -> Option<PaymentRow> {
        let row = self.rows.get(&id).filter(|row| row.state.is_waiting())?;
        let state = PaymentState::Refused;
        let row = PaymentRow { state, reason: Some(reason.into()), changed_at: at, ..row.clone() };
        self.put(row.clone(), effects);
        Some(row)
    }

    /// Lets a payment that waits go as far as a rehearsal goes. `None` where it does not wait, or a limit still has no room for it.
    pub fn approve(
        &mut self,
        id: PaymentId,
        settings: &PaymentSettings,
        payee: &Payee,
        at: Timestamp,
        effects: &mut Vec<Effect>,
    ) -> Option<PaymentRow> {
        let row = self.rows.get(&id).filter(|row| row.state == PaymentState::Held)?;
        let full = row.reason.as_ref().is_some_and(|reason| reason.as_str() == OVER_LIMIT);
        if full && !self.within_limits(settings, payee, row.amount, at) {
            return None;
        }
        let row = PaymentRow { state: PaymentState::Rehearsed, reason: None, changed_at: at, ..row.clone() };
        self.put(row.clone(), effects);
        Some(row)
    }

    /// The payments that a transfer triggered.
    #[must_use]
    pub fn of_transfer(&self, transfer: TransferId) -> Vec<PaymentId> {
        self.rows.values().filter(|row| row.transfer == Some(transfer)).map(|row| row.id).collect()
    }

    /// How much of its rolling day and of its total a rule has used, raw, and how many payments that day holds.
    #[must_use]
    pub fn used(&self, rule: &Name, at: Timestamp) -> (U256, U256, u64) {
        let of_day = || self.counting().filter(|row| row.rule == *rule && recent(row, at));
        let total = sum(self.counting().filter(|row| row.rule == *rule));
        (sum(of_day()).unwrap_or(U256::MAX), total.unwrap_or(U256::MAX), of_day().count() as u64)
    }

    fn within_limits(&self, settings: &PaymentSettings, payee: &Payee, amount: U256, at: Timestamp) -> bool {
        self.rooms(settings, payee, amount, None, at).iter().all(Room::fits)
    }

    /// Every limit that this amount would count in; a payment that is there already, `own`, is not counted.
    #[must_use]
    pub fn rooms(
        &self,
        settings: &PaymentSettings,
        payee: &Payee,
        amount: U256,
        own: Option<PaymentId>,
        at: Timestamp,
    ) -> Vec<Room> {
        let others = || self.counting().filter(move |row| Some(row.id) != own);
        let of_rule = || others().filter(|row| row.rule == settings.rule);
        let today = of_rule().filter(|row| recent(row, at)).count();
        let of_payee = others().filter(|row| row.payee == payee.name && recent(row, at));
        let room = |limit, used: Option<U256>, allowed| {
            let used = used.unwrap_or(U256::MAX);
            Room { limit, used, adds: amount, allowed, is_count: false, yields_to_two: false }
        };
        let count = U256::from(settings.max_per_day);
        vec![
            room("per_payment", Some(U256::ZERO), settings.per_payment),
            room("per_day", sum(of_rule().filter(|row| recent(row, at))), settings.per_day),
            room("in_total", sum(of_rule()), settings.in_total),
            Room { adds: U256::from(1), is_count: true, ..room("max_per_day", Some(U256::from(today)), count) },
            room("per_day of the payee", sum(of_payee), payee.per_day),
        ]
    }

    /// Those that count in limits: all but refused ones, and those that had no room in them. What had none has reserved none: else one
    /// large deposit of a stranger would hold everything that comes behind it for a day.
    fn counting(&self) -> impl Iterator<Item = &PaymentRow> {
        self.rows.values().filter(|row| {
            let no_room = row.reason.as_ref().is_some_and(|reason| reason.as_str() == OVER_LIMIT);
            row.state == PaymentState::Rehearsed || (row.state.is_waiting() && !no_room)
        })
    }

    fn put(&mut self, row: PaymentRow, effects: &mut Vec<Effect>) {
        effects.push(Effect::Put(Row::Payment(Box::new(row.clone()))));
        self.rows.insert(row.id, row);
    }
}

/// Why a payment waits that had no room in a limit.
const OVER_LIMIT: &str = "limit";

/// (mode, rule, trigger). Never a block hash, a wall time or an attempt.
fn identity(rule: &Name, trigger: &Trigger) -> PaymentId {
    let rule = rule.as_str().as_bytes();
    match trigger {
        Trigger::Transfer(transfer, _) => PaymentId::hash("payment/rehearsal/transfer", &[rule, &transfer.0]),
        Trigger::Crossing(number) => PaymentId::hash("payment/rehearsal/crossing", &[rule, &number.to_be_bytes()]),
        Trigger::Balance(what, number, _) => {
            PaymentId::hash("payment/rehearsal/balance", &[rule, what.as_str().as_bytes(), &number.to_be_bytes()])
        }
    }
}

/// Whether it counts in the rolling day: open, or executed less than a day ago.
fn recent(row: &PaymentRow, at: Timestamp) -> bool {
    row.state.is_waiting() || at.since(row.changed_at) < DAY
}

/// `None` is more than 256 bits: more than any limit.
fn sum<'row>(rows: impl Iterator<Item = &'row PaymentRow>) -> Option<U256> {
    let mut rows = rows;
    rows.try_fold(U256::ZERO, |sum, row| sum.checked_add(row.amount))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{Address, ChainId, Stage};

    fn settings() -> (PaymentSettings, Payee) {
        let settings = PaymentSettings {
            rule: "in".into(),
            payee: "hot".into(),
            amount: PaymentAmount::Match { reserve: U256::from(10) },
            stage: Stage::Final,
            per_payment: U256::from(100),
            per_day: U256::from(250),
            in_total: U256::from(400),
            max_per_day: 3,
            approval: Approval::None,
            approval_expires: DAY,
            live: false,
            max_fee: None,
        };
        let payee = Payee {
            name: "hot".into(),
            chain: ChainId(1),
            address: Address::repeat_byte(1),
            per_day: U256::from(1_000),
        };
        (settings, payee)
    }

    fn trigger(number: u8, amount: u64) -> Trigger {
        Trigger::Transfer(TransferId([number; 16]), U256::from(amount))
    }

    #[test]
    fn limits_hold_at_the_limit_and_one_unit_over() {
        let (settings, payee) = settings();
        let hour = |hour: u64| Timestamp::from_secs(hour * 3_600);
        let mut payments = Payments::default();
        let mut plan = |number: u8, amount: u64, at: Timestamp| {
            let row = payments.plan(&settings, &payee, trigger(number, amount), false, at, &mut Vec::new());
            row.map(|row| (row.state, row.amount.to::<u64>()))
        };
        assert_eq!(plan(1, 10, hour(0)), None, "nothing is left behind the reserve");
        assert_eq!(plan(2, 111, hour(0)), Some((PaymentState::Held, 101)), "one over per_payment");
        assert_eq!(plan(3, 110, hour(0)), Some((PaymentState::Rehearsed, 100)), "what had no room takes none");
        assert_eq!(plan(3, 110, hour(0)), None, "one payment for each trigger");
        assert_eq!(plan(4, 110, hour(0)), Some((PaymentState::Rehearsed, 100)), "200 of 250");
        assert_eq!(plan(5, 61, hour(1)), Some((PaymentState::Held, 51)), "one over per_day");
        assert_eq!(plan(6, 60, hour(1)), Some((PaymentState::Rehearsed, 50)), "at per_day");
        assert_eq!(plan(7, 11, hour(1)), Some((PaymentState::Held, 1)), "a fourth within the day");
        assert_eq!(plan(8, 110, hour(30)), Some((PaymentState::Rehearsed, 100)), "the day is over: 350 of 400");
        assert_eq!(plan(9, 61, hour(60)), Some((PaymentState::Held, 51)), "one over in_total");
        assert_eq!(plan(10, 60, hour(60)), Some((PaymentState::Rehearsed, 50)), "at in_total");
    }

    #[test]
    fn what_waits_for_a_person_keeps_its_room() {
        let (mut settings, payee) = settings();
        settings.approval = Approval::Manual;
        let mut payments = Payments::default();
        for (number, reason) in [(1, "approval"), (2, "approval"), (3, OVER_LIMIT)] {
            let at = Timestamp::from_secs(u64::from(number) * 86_400 * 2);
            let row = payments.plan(&settings, &payee, trigger(number, 110), false, at, &mut Vec::new()).unwrap();
            assert_eq!(
                (row.state, row.reason),
                (PaymentState::Held, Some(reason.into())),
                "an open one counts however old"
            );
        }
        assert_eq!(payments.used(&settings.rule, Timestamp::from_secs(1)), (U256::from(200), U256::from(200), 2));
    }

    #[test]
    fn a_refused_payment_is_never_planned_again_for_its_trigger() {
        let (mut settings, payee) = settings();
        settings.approval = Approval::Manual;
        let mut payments = Payments::default();
        let at = Timestamp::from_secs(1);
        let row = payments.plan(&settings, &payee, trigger(1, 50), false, at, &mut Vec::new()).unwrap();
        assert_eq!(row.state, PaymentState::Held);
        assert!(payments.refuse(row.id, "expired", at, &mut Vec::new()).is_some());
        assert!(payments.refuse(row.id, "expired", at, &mut Vec::new()).is_none());
        assert!(payments.plan(&settings, &payee, trigger(1, 50), false, at, &mut Vec::new()).is_none());
    }
}
