//! What was kept quiet, and is so still when the silence ends: it is said then, as it is then.
//!
//! What is not known now (a price that nobody reports) is not said: the digest names it as it was.

use super::Reactor;
use super::alerts::{is_held, trouble_alert};
use super::cross::said_at;
use super::effect::{CrossingBody, Effect, MessageKind};
use super::phase::Phase;
use super::read_balances::Said;
use super::rows::{AlertRow, AlertState, AlertSubject, PaymentState, Subject};
use super::settings::Condition;
use crate::types::{AlertId, Name};

impl Reactor {
    /// Says an alert that lasts and is so still. Gives whether it did, or another silence keeps it.
    pub(super) fn say_if_still_so(&mut self, id: AlertId, effects: &mut Vec<Effect>) -> bool {
        let is_open = |alert: &&AlertRow| matches!(alert.state, AlertState::Raised | AlertState::Updated);
        let Some(alert) = self.alerts.get(id).filter(is_open).cloned() else { return false };
        match &alert.subject {
            // What moved has moved: that is named, and who is told so hears of its retraction.
            AlertSubject::Transfer { .. } => {}
            AlertSubject::Crossing(nth) => self.say_still_crossed(&alert, *nth, effects),
            AlertSubject::Balance { watch, .. } => self.say_still_low(&alert, watch, effects),
            AlertSubject::Trouble(subject) => self.say_still_in_trouble(&alert, subject, effects),
            AlertSubject::Payment(payment) => {
                let waits = |state: PaymentState| matches!(state, PaymentState::Held | PaymentState::Human);
                let row = self.payments.get(*payment).filter(|row| waits(row.state)).cloned();
                if let Some((row, kind)) = row.and_then(|row| said_at(row.state).map(|kind| (row, kind))) {
                    self.say_payment_of(&row, kind, effects);
                }
            }
        }
        self.alerts.get(id).is_some_and(|now| now.revision > alert.revision)
    }

    fn say_still_crossed(&mut self, alert: &AlertRow, crossing: u64, effects: &mut Vec<Effect>) {
        let Some(entry) = self.rules.named(&alert.rule).cloned() else { return };
        let row = self.rules.row(&entry);
        let (Phase::Crossed(since), true) = (row.phase, row.crossings == crossing) else { return };
        let seen = match &entry.rule.condition {
            Condition::Price(price) => self.price_as_seen(price),
            Condition::Change(change) => self.change_as_seen(change),
            Condition::Gas(gas) => self.fee_as_seen(gas),
            Condition::Transfer(_) | Condition::Approval(_) | Condition::Balance(_) => None,
        };
        if let Some((subject, side, as_of)) = seen {
            let body = CrossingBody { subject, crossing, side, since, as_of };
            self.say_crossing(&entry.rule, body, alert.state, effects);
        }
    }

    fn say_still_low(&mut self, alert: &AlertRow, watch: &Name, effects: &mut Vec<Effect>) {
        let Some((entry, level, threshold)) = self.level_of(alert, watch) else { return };
        let (entry, level, threshold) = (entry.clone(), level.clone(), *threshold);
        let last = self.balances.get(&level.key.holding).and_then(|row| row.last);
        if let (Phase::Crossed(since), Some(last)) = (level.phase, last) {
            let said = Said { entry: &entry, threshold: &threshold, last };
            self.say_balance(&said, &level, MessageKind::BalanceCrossed, since, effects);
        }
    }

    fn say_still_in_trouble(&mut self, alert: &AlertRow, subject: &Subject, effects: &mut Vec<Effect>) {
        let row = self.troubles.get(subject).filter(|row| row.open && trouble_alert(row) == alert.id);
        let Some(row) = row.cloned() else { return };
        let still = if is_held(alert) {
            "it comes and goes, and lasts now"
        } else {
            "it is so still, and a silence kept it from being said until now"
        };
        let reason = || match &row.reason {
            Some(reason) => Name::from(format!("{reason}; {still}")),
            None => still.into(),
        };
        let (kind, body) = match subject {
            Subject::Payments(_) => return self.say_halt(&row, MessageKind::PaymentsFrozen, reason(), effects),
            Subject::Sink(_) => (MessageKind::SinkFailing, super::deliveries::sink_body(&row, row.dead, reason())),
            Subject::Chain(_) | Subject::Source(_) | Subject::List(..) | Subject::Unpriced(_) => {
                (MessageKind::SourceBlind, self.source_body(&row, None, reason()))
            }
            Subject::Disagreement(_) | Subject::Prices(_) => {
                (MessageKind::SourceDisagrees, self.source_body(&row, None, reason()))
            }
        };
        self.tell_trouble(&row, kind, alert.severity, body, effects);
    }
}
