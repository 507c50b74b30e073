//! What follows from any crossing, and what any trigger pays.

use super::Reactor;
use super::alerts::{Saying, crossing_alert, new_alert, payment_alert};
use super::crossing::Step;
use super::effect::{Body, CrossingBody, CrossingSubject, Effect, MessageKind, Notice, PaymentBody};
use super::payments::Trigger;
use super::rows::{AlertState, AlertSubject, Deadline, PaymentRow, PaymentState, Row};
use super::rules::InForce;
use super::settings::{Condition, PaymentSettings, Rule, Side};
use crate::types::{ChainId, Name, PaymentId, Severity, Stage, Timestamp, TransferId};
use std::time::Duration;

/// Beyond a chain's usual time to a trigger's stage, this much more: older triggers wait for a person.
const TRIGGER_AGE: Duration = Duration::from_hours(1);

/// What a rule sees: what it compares, on which side it speaks, and the value's own time.
pub(super) type Seen = (CrossingSubject, Side, Timestamp);

impl Reactor {
    pub(super) fn waited_long_enough(&mut self, rule: &Name, effects: &mut Vec<Effect>) {
        let Some(entry) = self.rules.named(rule).cloned() else { return };
        match &entry.rule.condition {
            Condition::Transfer(_) | Condition::Approval(_) | Condition::Balance(_) => {}
            Condition::Price(price) => {
                self.look_at_price(&entry, price, self.known_price(&price.pair).as_ref(), effects);
            }
            Condition::Change(change) => {
                self.look_at_change(&entry, change, self.known_price(&change.pair).as_ref(), effects);
            }
            Condition::Gas(gas) => self.look_at_fee(&entry, gas, effects),
        }
    }

    /// Writes the state that a step led to, and does what follows from it. A step that is nothing changed nothing.
    pub(super) fn follow(&mut self, entry: &InForce, step: Step, value: Option<Seen>, effects: &mut Vec<Effect>) {
        if step == Step::Nothing {
            return;
        }
        let rule = &*entry.rule;
        let row = self.rules.row(entry);
        let crossing = row.crossings;
        effects.push(Effect::Put(Row::Rule(row.clone())));
        let holds = Deadline::Holds(rule.name.clone());
        match step {
            Step::Wait(hold) => return self.timers.set(self.at, holds, hold, effects),
            Step::Nothing => return,
            Step::Muffled(left) => {
                self.timers.set(self.at, holds, left, effects);
                let reason = "at_most_every";
                effects.push(Effect::Notice(Notice::Suppressed { rule: rule.name.clone(), reason }));
            }
            Step::CalmedDown | Step::Crossed(_) | Step::Late(_) | Step::Recovered | Step::RecoveredUnsaid => {
                self.timers.clear(&holds, effects);
            }
        }
        let Some((subject, side, as_of)) = value else { return };
        match step {
            Step::Crossed(since) => {
                let body = CrossingBody { subject, crossing, side, since, as_of };
                self.say_crossing(rule, body, AlertState::Raised, effects);
                self.pay_for_crossing(rule, Trigger::Crossing(crossing), as_of, effects);
            }
            Step::Late(since) => {
                let body = CrossingBody { subject, crossing, side, since, as_of };
                self.say_crossing(rule, body, AlertState::Raised, effects);
            }
            Step::Muffled(_) => self.pay_for_crossing(rule, Trigger::Crossing(crossing), as_of, effects),
            Step::Recovered => {
                let body = CrossingBody { subject, crossing, side, since: self.at, as_of };
                self.say_crossing(rule, body, AlertState::Resolved, effects);
            }
            Step::Nothing | Step::Wait(_) | Step::CalmedDown | Step::RecoveredUnsaid => {}
        }
    }

    pub(super) fn say_crossing(
        &mut self,
        rule: &Rule,
        body: CrossingBody,
        state: AlertState,
        effects: &mut Vec<Effect>,
    ) {
        let over = state == AlertState::Resolved;
        let kind = match (&body.subject, over) {
            (CrossingSubject::Price { .. } | CrossingSubject::Change(_), false) => MessageKind::PriceCrossed,
            (CrossingSubject::Price { .. } | CrossingSubject::Change(_), true) => MessageKind::PriceRecovered,
            (CrossingSubject::Gas { .. }, false) => MessageKind::GasCrossed,
            (CrossingSubject::Gas { .. }, true) => MessageKind::GasRecovered,
            (CrossingSubject::Balance(_), false) => MessageKind::BalanceCrossed,
            (CrossingSubject::Balance(_), true) => MessageKind::BalanceRecovered,
        };
        let Some(born) = self.rules.get(&rule.name).map(|row| row.born) else { return };
        let id = crossing_alert(&rule.name, born, body.crossing);
        let alert = self.alerts.get(id).cloned();
        // Nobody was told of a crossing whose rule was changed since: there is nothing to resolve.
        if over && alert.is_none() {
            return;
        }
        let subject = AlertSubject::Crossing(body.crossing);
        let alert = alert.unwrap_or_else(|| new_alert(id, rule.name.clone(), rule.severity, subject, self.at));
        let saying = Saying { kind, body: Body::Crossing(body), state, close: over };
        self.alerts.say(alert, saying, &rule.notify, &self.settings, self.at, effects);
    }

    pub(super) fn pay_for_crossing(
        &mut self,
        rule: &Rule,
        crossing: Trigger,
        time: Timestamp,
        effects: &mut Vec<Effect>,
    ) {
        let Some(settings) = self.settings.payments.iter().find(|payment| payment.rule == rule.name).cloned() else {
            return;
        };
        // Live, the desk was shown it.
        if settings.live {
            return;
        }
        let Some(chain) = self.settings.payees.get(&settings.payee).map(|payee| payee.chain) else { return };
        self.pay(rule, &settings, crossing, time, chain, effects);
    }

    /// Plans what a rule pays for a trigger of this time, once, and says what became of it.
    pub(super) fn pay(
        &mut self,
        rule: &Rule,
        settings: &PaymentSettings,
        trigger: Trigger,
        time: Timestamp,
        chain: ChainId,
        effects: &mut Vec<Effect>,
    ) {
        let Some(payee) = self.settings.payees.get(&settings.payee).cloned() else { return };
        let usual = self.settings.chains.get(&chain).map_or(Duration::ZERO, |chain| {
            chain.block_time.saturating_mul(u32::try_from(chain.final_after).unwrap_or(u32::MAX))
        });
        let too_old = self.at.since(time) > usual.saturating_add(TRIGGER_AGE);
        let Some(row) = self.payments.plan(settings, &payee, trigger, too_old, self.at, effects) else { return };
        if row.state == PaymentState::Held {
            self.timers.set(self.at, Deadline::Expires(row.id), settings.approval_expires, effects);
        }
        self.say_payment(rule, &row, effects);
    }

    pub(super) fn expire(&mut self, id: PaymentId, effects: &mut Vec<Effect>) {
        if let Some(row) = self.payments.refuse(id, "nobody approved it in time", self.at, effects) {
            self.say_payment_of(&row, MessageKind::PaymentRefused, effects);
        }
    }

    /// The transfer that triggered payments was taken back.
    pub(super) fn trigger_retracted(&mut self, transfer: TransferId, effects: &mut Vec<Effect>) {
        self.live_retracted(transfer, effects);
        for id in self.payments.of_transfer(transfer) {
            self.timers.clear(&Deadline::Expires(id), effects);
            match self.payments.refuse(id, "its trigger was taken back by a reorg", self.at, effects) {
                Some(row) => self.say_payment_of(&row, MessageKind::PaymentRefused, effects),
                None => {
                    if let Some(row) = self.payments.get(id).filter(|row| row.state == PaymentState::Rehearsed) {
                        self.say_payment_of(&row.clone(), MessageKind::PaymentTriggerRetracted, effects);
                    }
                }
            }
        }
    }

    pub(super) fn say_payment_of(&mut self, row: &PaymentRow, kind: MessageKind, effects: &mut Vec<Effect>) {
        let rule = self.settings.rules.iter().find(|rule| rule.name == row.rule).cloned();
        self.say_payment_as(rule.as_ref(), row, kind, effects);
    }

    fn say_payment(&mut self, rule: &Rule, row: &PaymentRow, effects: &mut Vec<Effect>) {
        if let Some(kind) = said_at(row.state) {
            self.say_payment_as(Some(rule), row, kind, effects);
        }
    }

    fn say_payment_as(&mut self, rule: Option<&Rule>, row: &PaymentRow, kind: MessageKind, effects: &mut Vec<Effect>) {
        let Some(chain) = self.settings.chains.get(&row.chain) else { return };
        effects.push(Effect::Notice(Notice::Payment { payment: row.id, rule: row.rule.clone(), state: row.state }));
        // What waits for a person, and what was paid for nothing, is for whoever is on duty.
        let on_duty = [
            MessageKind::PaymentHeld,
            MessageKind::PaymentTriggerRetracted,
            MessageKind::PaymentFailed,
            MessageKind::PaymentNeedsPerson,
        ];
        let severity = if on_duty.contains(&kind) {
            Severity::Critical
        } else {
            rule.map_or(Severity::Info, |rule| rule.severity)
        };
        let body = Body::Payment(Box::new(PaymentBody {
            payment: row.id,
            payee: row.payee.clone(),
            chain: chain.name.clone(),
            chain_id: row.chain,
            amount: row.amount,
            state: row.state,
            reason: row.reason.clone(),
            transfer: row.transfer,
            crossing: row.crossing,
            live: self.live_words(row),
        }));
        let id = payment_alert(row.id);
        let subject = AlertSubject::Payment(row.id);
        let alert = self.alerts.get(id).cloned();
        let mut alert = alert.unwrap_or_else(|| new_alert(id, row.rule.clone(), severity, subject, self.at));
        alert.severity = severity;
        let mut sinks = rule.map(|rule| rule.notify.clone()).unwrap_or_default();
        let of_circle = self.settings.live.as_ref().filter(|live| row.live.is_some() && !live.notify.is_empty());
        for sink in of_circle.map_or(&self.settings.system.notify, |live| &live.notify) {
            if !sinks.contains(sink) {
                sinks.push(sink.clone());
            }
        }
        let state = if alert.revision == 0 { AlertState::Raised } else { AlertState::Updated };
        // What a final transfer or a crossing triggered cannot be taken back any more; a held one waits for a person or its time.
        let settled = match row.transfer.and_then(|transfer| self.transfers.get(transfer)) {
            Some(transfer) => transfer.stage == Stage::Final,
            None => true,
        };
        let close = match kind {
            MessageKind::PaymentRefused | MessageKind::PaymentTriggerRetracted => true,
            MessageKind::PaymentRehearsed | MessageKind::PaymentComplete | MessageKind::PaymentFailed => settled,
            MessageKind::PaymentHeld
            | MessageKind::PaymentApproved
            | MessageKind::PaymentSent
            | MessageKind::PaymentNeedsPerson
            | MessageKind::Transfer(_)
            | MessageKind::Approval(_)
            | MessageKind::PriceCrossed
            | MessageKind::PriceRecovered
            | MessageKind::GasCrossed
            | MessageKind::GasRecovered
            | MessageKind::BalanceCrossed
            | MessageKind::BalanceRecovered
            | MessageKind::BalanceRetracted
            | MessageKind::SourceBlind
            | MessageKind::SourceRecovered
            | MessageKind::SourceDisagrees
            | MessageKind::SinkFailing
            | MessageKind::SinkRecovered
            | MessageKind::PaymentsFrozen
            | MessageKind::PaymentsUnfrozen
            | MessageKind::AlertResolved
            | MessageKind::Heartbeat
            | MessageKind::Digest
            | MessageKind::Test => false,
        };
        let saying = Saying { kind, body, state, close };
        self.alerts.say(alert, saying, &sinks, &self.settings, self.at, effects);
    }
}

/// What is said of a payment that came to this state, if anything is.
pub(super) const fn said_at(state: PaymentState) -> Option<MessageKind> {
    match state {
        PaymentState::Held => Some(MessageKind::PaymentHeld),
        PaymentState::Approved => Some(MessageKind::PaymentApproved),
        PaymentState::Rehearsed => Some(MessageKind::PaymentRehearsed),
        PaymentState::Refused => Some(MessageKind::PaymentRefused),
        PaymentState::Accepted => Some(MessageKind::PaymentSent),
        PaymentState::Complete => Some(MessageKind::PaymentComplete),
        PaymentState::Human => Some(MessageKind::PaymentNeedsPerson),
        PaymentState::Rejected | PaymentState::Failed | PaymentState::Cancelled | PaymentState::Denied => {
            Some(MessageKind::PaymentFailed)
        }
        PaymentState::Planned | PaymentState::Sending | PaymentState::Reconcile => None,
    }
}
