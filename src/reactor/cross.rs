//! Prices and base fees against rules, and what any trigger pays.

use super::Reactor;
use super::alerts::{Saying, crossing_alert, new_alert, payment_alert};
use super::crossing::{Step, step, unknown};
use super::effect::{Body, CrossingBody, CrossingSubject, Effect, MessageKind, Notice, PaymentBody};
use super::event::Tick;
use super::payments::Trigger;
use super::rows::{AlertState, AlertSubject, Deadline, PaymentRow, PaymentState, Row, RuleRow};
use super::settings::{Condition, PaymentSettings, Rule, Side};
use crate::types::{ChainId, Name, Pair, PaymentId, Severity, Timestamp, TransferId, U256};
use std::time::Duration;

/// Beyond a chain's usual time to a trigger's stage, this much more: older triggers wait for a person.
const TRIGGER_AGE: Duration = Duration::from_hours(1);

impl Reactor {
    pub(super) fn tick(&mut self, tick: &Tick, effects: &mut Vec<Effect>) {
        let fed = self.settings.feeds.get(&tick.feed).is_some_and(|pairs| pairs.contains(&tick.pair));
        if !fed {
            return;
        }
        self.soft.prices.insert((tick.pair.clone(), tick.feed.clone()), (tick.price, tick.time));
        let Tick { feed, pair, price, time: _ } = tick.clone();
        effects.push(Effect::Notice(Notice::Price { pair, feed, price }));
        for place in 0..self.settings.rules.len() {
            let of_pair =
                |condition: &Condition| matches!(condition, Condition::Price(price) if price.pair == tick.pair);
            if of_pair(&self.settings.rules[place].condition) {
                self.value_changed(place, effects);
            }
        }
    }

    pub(super) fn base_fee(
        &mut self,
        chain: ChainId,
        fee: U256,
        block: u64,
        time: Timestamp,
        effects: &mut Vec<Effect>,
    ) {
        self.soft.fees.insert(chain, (fee, block, time));
        effects.push(Effect::Notice(Notice::BaseFee { chain, fee }));
        for place in 0..self.settings.rules.len() {
            let of_chain = |condition: &Condition| matches!(condition, Condition::Gas(gas) if gas.chain == chain);
            if of_chain(&self.settings.rules[place].condition) {
                self.value_changed(place, effects);
            }
        }
    }

    /// A feed is not fresh any more: its prices are not known.
    pub(super) fn forget_prices(&mut self, feed: &Name, effects: &mut Vec<Effect>) {
        let gone: Vec<Pair> =
            self.soft.prices.keys().filter(|(_, of)| of == feed).map(|(pair, _)| pair.clone()).collect();
        for pair in gone {
            self.soft.prices.remove(&(pair.clone(), feed.clone()));
            for place in 0..self.settings.rules.len() {
                if matches!(&self.settings.rules[place].condition, Condition::Price(price) if price.pair == pair) {
                    self.value_changed(place, effects);
                }
            }
        }
    }

    /// A chain is blind: its base fee is not known.
    pub(super) fn forget_fee(&mut self, chain: ChainId, effects: &mut Vec<Effect>) {
        if self.soft.fees.remove(&chain).is_some() {
            for place in 0..self.settings.rules.len() {
                if matches!(&self.settings.rules[place].condition, Condition::Gas(gas) if gas.chain == chain) {
                    self.value_changed(place, effects);
                }
            }
        }
    }

    pub(super) fn held_long_enough(&mut self, rule: &Name, effects: &mut Vec<Effect>) {
        if let Some(place) = self.settings.rules.iter().position(|known| known.name == *rule) {
            self.value_changed(place, effects);
        }
    }

    /// Looks at a rule again with the value as it is known now.
    fn value_changed(&mut self, place: usize, effects: &mut Vec<Effect>) {
        let rule = self.settings.rules[place].clone();
        let Some(mut row) = self.rules.get(&rule.name).cloned() else { return };
        let before = row.clone();
        let at = self.at;
        let (step, value) = match &rule.condition {
            Condition::Transfer(_) => return,
            Condition::Price(price) => match self.known_price(&price.pair) {
                None => (unknown(&mut row), None),
                Some((feed, value, time)) => {
                    let step = step(&mut row, &price.threshold, &value, at);
                    let (level, recovers_at) = (price.threshold.level, price.threshold.recovers_at);
                    let pair = price.pair.clone();
                    let subject = CrossingSubject::Price { pair, feed, value, level, recovers_at };
                    (step, Some((subject, price.threshold.side, time)))
                }
            },
            Condition::Gas(gas) => match (self.soft.fees.get(&gas.chain), self.settings.chains.get(&gas.chain)) {
                (Some((value, block, time)), Some(chain)) => {
                    let step = step(&mut row, &gas.threshold, value, at);
                    let subject = CrossingSubject::BaseFee {
                        chain: chain.name.clone(),
                        chain_id: gas.chain,
                        value: *value,
                        level: gas.threshold.level,
                        recovers_at: gas.threshold.recovers_at,
                        block: *block,
                    };
                    (step, Some((subject, gas.threshold.side, *time)))
                }
                _ => (unknown(&mut row), None),
            },
        };
        if row != before {
            effects.push(Effect::Put(Row::Rule(row.clone())));
            self.rules.insert(rule.name.clone(), row.clone());
        }
        self.follow(&rule, &row, step, value, effects);
    }

    fn follow(
        &mut self,
        rule: &Rule,
        row: &RuleRow,
        step: Step,
        value: Option<(CrossingSubject, Side, Timestamp)>,
        effects: &mut Vec<Effect>,
    ) {
        let holds = Deadline::Holds(rule.name.clone());
        match step {
            Step::Wait(hold) => return self.timers.set(self.at, holds, hold, effects),
            Step::Nothing => return,
            Step::CalmedDown | Step::Crossed(_) | Step::Muffled | Step::Recovered | Step::RecoveredUnsaid => {
                self.timers.clear(&holds, effects);
            }
        }
        if step == Step::Muffled {
            let reason = "at_most_every";
            effects.push(Effect::Notice(Notice::Suppressed { rule: rule.name.clone(), reason }));
        }
        let Some((subject, side, as_of)) = value else { return };
        let crossing = row.crossings;
        match step {
            Step::Crossed(since) => {
                let body = CrossingBody { subject, crossing, side, since, as_of };
                self.say_crossing(rule, body, AlertState::Raised, effects);
                self.pay_for_crossing(rule, crossing, as_of, effects);
            }
            Step::Muffled => self.pay_for_crossing(rule, crossing, as_of, effects),
            Step::Recovered => {
                let body = CrossingBody { subject, crossing, side, since: self.at, as_of };
                self.say_crossing(rule, body, AlertState::Resolved, effects);
            }
            Step::Nothing | Step::Wait(_) | Step::CalmedDown | Step::RecoveredUnsaid => {}
        }
    }

    fn say_crossing(&mut self, rule: &Rule, body: CrossingBody, state: AlertState, effects: &mut Vec<Effect>) {
        let over = state == AlertState::Resolved;
        let kind = match (&body.subject, over) {
            (CrossingSubject::Price { .. }, false) => MessageKind::PriceCrossed,
            (CrossingSubject::Price { .. }, true) => MessageKind::PriceRecovered,
            (CrossingSubject::BaseFee { .. }, false) => MessageKind::GasCrossed,
            (CrossingSubject::BaseFee { .. }, true) => MessageKind::GasRecovered,
        };
        let id = crossing_alert(&rule.name, body.crossing);
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

    /// The price of a pair: the newest of its feeds that are fresh.
    fn known_price(&self, pair: &Pair) -> Option<(Name, crate::types::Price, Timestamp)> {
        let range = (pair.clone(), Name::from(""))..;
        let of_pair = self.soft.prices.range(range).take_while(|((of, _), _)| of == pair);
        let newest = of_pair.max_by_key(|(_, (_, time))| *time)?;
        let ((_, feed), (price, time)) = newest;
        Some((feed.clone(), *price, *time))
    }

    fn pay_for_crossing(&mut self, rule: &Rule, crossing: u64, time: Timestamp, effects: &mut Vec<Effect>) {
        let Some(settings) = self.settings.payments.iter().find(|payment| payment.rule == rule.name).cloned() else {
            return;
        };
        let Some(chain) = self.settings.payees.get(&settings.payee).map(|payee| payee.chain) else { return };
        self.pay(rule, &settings, Trigger::Crossing(crossing), time, chain, effects);
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

    fn say_payment_of(&mut self, row: &PaymentRow, kind: MessageKind, effects: &mut Vec<Effect>) {
        let rule = self.settings.rules.iter().find(|rule| rule.name == row.rule).cloned();
        self.say_payment_as(rule.as_ref(), row, kind, effects);
    }

    fn say_payment(&mut self, rule: &Rule, row: &PaymentRow, effects: &mut Vec<Effect>) {
        let kind = match row.state {
            PaymentState::Rehearsed => MessageKind::PaymentRehearsed,
            PaymentState::Held => MessageKind::PaymentHeld,
            PaymentState::Refused => MessageKind::PaymentRefused,
            PaymentState::Planned | PaymentState::Approved => return,
        };
        self.say_payment_as(Some(rule), row, kind, effects);
    }

    fn say_payment_as(&mut self, rule: Option<&Rule>, row: &PaymentRow, kind: MessageKind, effects: &mut Vec<Effect>) {
        let Some(chain) = self.settings.chains.get(&row.chain) else { return };
        effects.push(Effect::Notice(Notice::Payment { payment: row.id, rule: row.rule.clone(), state: row.state }));
        // What waits for a person, and what was paid for nothing, is for whoever is on duty.
        let severity = if matches!(kind, MessageKind::PaymentHeld | MessageKind::PaymentTriggerRetracted) {
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
        }));
        let id = payment_alert(row.id);
        let subject = AlertSubject::Payment(row.id);
        let alert = self.alerts.get(id).cloned();
        let mut alert = alert.unwrap_or_else(|| new_alert(id, row.rule.clone(), severity, subject, self.at));
        alert.severity = severity;
        let mut sinks = rule.map(|rule| rule.notify.clone()).unwrap_or_default();
        for sink in &self.settings.system.notify {
            if !sinks.contains(sink) {
                sinks.push(sink.clone());
            }
        }
        let state = if alert.revision == 0 { AlertState::Raised } else { AlertState::Updated };
        let saying = Saying { kind, body, state, close: false };
        self.alerts.say(alert, saying, &sinks, &self.settings, self.at, effects);
    }
}
