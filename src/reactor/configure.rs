//! A config comes into force: at each start, and at reload.

use super::Reactor;
use super::effect::Effect;
use super::let_go::{RULE_CHANGED, RULE_REMOVED};
use super::rows::{AlertRow, AlertSubject, Deadline, Phase, Row, RowKey, RuleRow};
use super::settings::{Rule, Settings};
use crate::types::{AlertId, Name};
use std::collections::BTreeSet;

/// Of a rule that is not in force: no condition has this hash.
const NO_CONDITION: [u8; 16] = [0; 16];

impl Reactor {
    pub(super) fn configure(&mut self, settings: Settings, effects: &mut Vec<Effect>) {
        // What is said from here on goes to the sinks that are there now.
        self.settings = settings.clone();
        let kept: BTreeSet<&Name> = settings.rules.iter().map(|rule| &rule.name).collect();
        let rows = self.rules.rows().map(|row| &row.rule);
        let removed: Vec<Name> = rows.filter(|name| !kept.contains(name)).cloned().collect();
        for name in removed {
            self.remove_rule(&name, effects);
        }
        for rule in &settings.rules {
            self.put_rule(rule, &settings, effects);
        }
        self.bind_watches();
        self.ask_feeds(&settings);
        self.bars.configure(&settings, self.at, effects);
        self.let_go(effects);
        self.configure_live(effects);
        self.configure_balances(effects);
        self.unpublished.extend(self.settings.chains.keys().copied());
        self.configure_history(effects);
        self.configure_heartbeat(effects);
        self.expect_words(effects);
        self.expect_prices(effects);
        // Alerts that wait for a token's decimals wait anew; everything else that was due is in the tables.
        let waiting: Vec<_> = self.transfers.ids().collect();
        for transfer in waiting {
            self.speak(transfer, effects);
        }
    }

    /// The row of a rule that ever crossed stays: should the rule come back, its crossings go on counting.
    fn remove_rule(&mut self, name: &Name, effects: &mut Vec<Effect>) {
        match self.rules.get(name) {
            Some(row) if row.condition == NO_CONDITION => return,
            Some(row) if row.crossings > 0 => {
                let row = RuleRow { condition: NO_CONDITION, phase: Phase::Calm, spoke_at: None, ..row.clone() };
                effects.push(Effect::Put(Row::Rule(row.clone())));
                self.rules.put(row);
            }
            Some(_) | None => {
                self.rules.remove(name);
                effects.push(Effect::Delete(RowKey::Rule(name.clone())));
            }
        }
        self.timers.clear(&Deadline::Holds(name.clone()), effects);
        self.calm_levels(name, RULE_REMOVED, effects);
        let of_rule = |alert: &&AlertRow| match alert.subject {
            AlertSubject::Transfer { .. } | AlertSubject::Crossing(_) | AlertSubject::Balance { .. } => {
                alert.rule == *name
            }
            AlertSubject::Trouble(_) | AlertSubject::Payment(_) => false,
        };
        let alerts: Vec<AlertRow> = self.alerts.iter().filter(of_rule).cloned().collect();
        for alert in alerts {
            self.say_resolved(alert, RULE_REMOVED, effects);
        }
    }

    /// A rule is its name; another condition starts its state anew. Its crossings go on counting: they are part of alerts' identities.
    fn put_rule(&mut self, rule: &Rule, settings: &Settings, effects: &mut Vec<Effect>) {
        let condition = fingerprint(rule, settings);
        let old = self.rules.get(&rule.name);
        if old.is_some_and(|old| old.condition == condition) {
            return;
        }
        let row = RuleRow {
            rule: rule.name.clone(),
            condition,
            born: self.at,
            in_force_since: old.filter(|old| old.condition != NO_CONDITION).map_or(self.at, |old| old.in_force_since),
            phase: Phase::Calm,
            crossings: old.map_or(0, |old| old.crossings),
            spoke_at: None,
        };
        self.timers.clear(&Deadline::Holds(rule.name.clone()), effects);
        self.calm_levels(&rule.name, RULE_CHANGED, effects);
        effects.push(Effect::Put(Row::Rule(row.clone())));
        self.rules.put(row);
        // Nothing will ever say that a crossing of the old condition is over.
        let of_rule = |alert: &&AlertRow| matches!(alert.subject, AlertSubject::Crossing(_)) && alert.rule == rule.name;
        let alerts: Vec<AlertRow> = self.alerts.iter().filter(of_rule).cloned().collect();
        for alert in alerts {
            self.say_resolved(alert, RULE_CHANGED, effects);
        }
    }
}

/// A hash of everything that a condition says, and of what makes the rule pay: who changes either starts it anew, so that an edit never
/// pays for what happened before it. `Debug` writes every field, in order, and nothing else.
fn fingerprint(rule: &Rule, settings: &Settings) -> [u8; 16] {
    // A rule that does not speak of history, or of another fee than the base fee, has the hash that it had before there was any: an
    // upgrade starts nothing anew.
    let condition =
        format!("{:?}", rule.condition).replace(", history: false })", " })").replace(", of: Base })", " })");
    // Nor has one that does not ask for suspects.
    let condition = condition.replace(", show_suspect: false", "");
    // Nor has one without a threshold in dollars, for the same reason.
    let condition = condition.replace(", at_least_usd: None, stages", ", stages");
    // The same goes for the watches that are added at run time, and for a rule that does not look at who sent.
    let condition = condition.replace(", from: None, assets", ", assets");
    let condition = condition.replace(", added: All", "").replace(", added: Tagged({})", "");
    let payment = settings.payments.iter().find(|payment| payment.rule == rule.name);
    let pays = payment.map_or_else(String::new, |payment| {
        let payee = settings.payees.get(&payment.payee).map(|payee| (payee.chain, payee.address));
        format!("{:?} {:?} {payee:?}", payment.payee, payment.stage)
    });
    AlertId::hash("condition", &[condition.as_bytes(), pays.as_bytes()]).0
}
