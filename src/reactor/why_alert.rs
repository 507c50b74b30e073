//! Why an alert that is not about a transfer stands where it does: the rule's threshold and what is known of the value now, or what a source or
//! a sink is in trouble with. What was said, with the values of then, its messages have.

use super::Reactor;
use super::alerts::{balance_alert, trouble_alert};
use super::crossing::is_past;
use super::effect::MessageKind;
use super::holdings::LevelRow;
use super::looked::{Check, Looked};
use super::phase::Phase;
use super::read_prices::moved;
use super::rows::{AlertRow, AlertSubject, TroubleRow};
use super::rules::InForce;
use super::settings::{Condition, Side, Threshold};
use super::why::told;
use crate::types::{ChainId, Holding, Name, Timestamp, U256};
use std::time::Duration;

/// What a threshold is compared with, in words.
struct Value<'a, T> {
    is: Option<&'a T>,
    show: &'a dyn Fn(&T) -> String,
    unknown: String,
}

/// Where a rule, or one balance under it, stands.
struct Stands {
    phase: Phase,
    spoke_at: Option<Timestamp>,
    crossings: u64,
}

impl Reactor {
    /// The rule of an alert, and what it says now. Nothing of one about a transfer or a payment: those have stories of their own.
    pub(super) fn why_alert(&self, alert: &AlertRow) -> Vec<Looked> {
        match &alert.subject {
            AlertSubject::Transfer { .. } | AlertSubject::Payment(_) => Vec::new(),
            AlertSubject::Crossing(_) => vec![self.of_market(alert)],
            AlertSubject::Balance { watch, .. } => vec![self.of_balance(alert, watch)],
            AlertSubject::Trouble(subject) => {
                let row = self.troubles.iter().find(|row| row.subject == *subject);
                let checks = row.map(|row| of_trouble(row, alert)).unwrap_or_default();
                let looked = Looked { rule: alert.rule.clone(), watch: None, checks, besides: Vec::new() };
                vec![looked]
            }
        }
    }

    fn of_market(&self, alert: &AlertRow) -> Looked {
        let Some(entry) = self.rules.named(&alert.rule) else { return gone(alert, None) };
        let row = self.rules.row(entry);
        let stands = Stands { phase: row.phase, spoke_at: row.spoke_at, crossings: row.crossings };
        let (checks, kind, chain) = match &entry.rule.condition {
            Condition::Transfer(_) | Condition::Approval(_) | Condition::Balance(_) => return gone(alert, None),
            Condition::Price(price) => {
                let known = self.known_price(&price.pair);
                let value = Value {
                    is: known.as_ref().map(|known| &known.price),
                    show: &ToString::to_string,
                    unknown: format!("no fresh price of {}", price.pair),
                };
                (crossed(&price.threshold, &value, &stands, self.at), MessageKind::PriceCrossed, None)
            }
            Condition::Change(change) => {
                let known = self.known_price(&change.pair);
                let range = self.bars.range(&change.pair, change.within, self.at);
                let moved = known.zip(range).map(|(known, range)| moved(known.price, range, change.movement));
                let value = Value {
                    is: moved.as_ref().map(|(moved, ..)| moved),
                    show: &|percent| format!("{percent} %"),
                    unknown: format!("no whole window of {} so far", change.pair),
                };
                (crossed(&change.threshold, &value, &stands, self.at), MessageKind::PriceCrossed, None)
            }
            Condition::Gas(gas) => {
                let known = self.fee(gas.chain, gas.of);
                let value = Value {
                    is: known.as_ref().map(|known| &known.wei),
                    show: &|wei| format!("{wei} wei"),
                    unknown: format!("no fresh {} of {}", gas.of.word(), self.chain_name(gas.chain)),
                };
                (crossed(&gas.threshold, &value, &stands, self.at), MessageKind::GasCrossed, Some(gas.chain))
            }
        };
        self.whole(alert, entry, checks, (kind, None, chain), None)
    }

    fn of_balance(&self, alert: &AlertRow, watch: &Name) -> Looked {
        let Some((entry, level, threshold)) = self.level_of(alert, watch) else { return gone(alert, Some(watch)) };
        let holding = level.key.holding;
        let known = self.balances.get(&holding).and_then(|row| row.last.as_ref());
        let value = Value {
            is: known.map(|known| &known.raw),
            show: &|amount| self.in_unit(holding.chain, holding.asset, *amount),
            unknown: "not read so far".to_owned(),
        };
        let stands = Stands { phase: level.phase, spoke_at: level.spoke_at, crossings: level.crossings };
        let checks = crossed(threshold, &value, &stands, self.at);
        let place = (MessageKind::BalanceCrossed, Some(watch), Some(holding.chain));
        self.whole(alert, entry, checks, place, Some(&holding))
    }

    /// The rule of an alert about a balance, where it stands with that balance, and what it compares it with.
    pub(super) fn level_of(&self, alert: &AlertRow, watch: &Name) -> Option<(&InForce, &LevelRow, &Threshold<U256>)> {
        let entry = self.rules.named(&alert.rule)?;
        let Condition::Balance(condition) = &entry.rule.condition else { return None };
        let born = self.rules.row(entry).born;
        let of_alert = |level: &&LevelRow| {
            (1..=level.crossings).rev().any(|crossing| balance_alert(&level.key, watch, born, crossing) == alert.id)
        };
        let level = self.balances.of_rule(&alert.rule).find(of_alert)?;
        let threshold = condition.thresholds.get(&(level.key.holding.chain, level.key.holding.asset))?;
        Some((entry, level, threshold))
    }

    /// With what keeps it from being said besides.
    fn whole(
        &self,
        alert: &AlertRow,
        entry: &InForce,
        checks: Vec<Check>,
        (kind, watch, chain): (MessageKind, Option<&Name>, Option<ChainId>),
        holding: Option<&Holding>,
    ) -> Looked {
        let mut besides = self.hushed(alert, kind, watch, chain);
        besides.extend(self.kept_away(&entry.rule, kind));
        besides.extend(self.would_pay(&entry.rule, holding));
        Looked { rule: alert.rule.clone(), watch: watch.cloned(), checks, besides }
    }
}

/// What a threshold says of a value, and what follows from where it stands.
fn crossed<T: Ord>(threshold: &Threshold<T>, value: &Value<'_, T>, stands: &Stands, at: Timestamp) -> Vec<Check> {
    let is = || value.is.map_or_else(|| format!("unknown: {}", value.unknown), value.show);
    let (side, back) = match threshold.side {
        Side::Below => ("below", "at or above"),
        Side::Above => ("above", "at or below"),
    };
    let (level, recovers_at) = ((value.show)(&threshold.level), (value.show)(&threshold.recovers_at));
    let wanted = format!("{side} {level}, until it is {back} {recovers_at}");
    let past = value.is.is_some_and(|is| is_past(threshold, is));
    // A crossing lasts until it has recovered.
    let lasts = matches!(stands.phase, Phase::Crossed(_) | Phase::Muffled(_));
    let mut checks = vec![told(side, past || lasts, is(), wanted)];
    if !threshold.hold.is_zero() {
        let since = match stands.phase {
            Phase::Calm => None,
            Phase::Pending(since) | Phase::Crossed(since) | Phase::Muffled(since) => Some(since),
        };
        let held = since.is_some_and(|since| at.since(since) >= threshold.hold);
        let is = since.map_or_else(|| "not past it now".to_owned(), |since| format!("past it since {since}"));
        checks.push(told("for", held, is, format!("{} s", threshold.hold.as_secs())));
    }
    if let Some(every) = threshold.at_most_every {
        let muffled = matches!(stands.phase, Phase::Muffled(_));
        let spoke = stands.spoke_at.map_or_else(|| "it never spoke".to_owned(), |at| format!("it last spoke at {at}"));
        let spoke = if muffled { format!("{spoke}, and crossing {} is not said", stands.crossings) } else { spoke };
        checks.push(told("at_most_every", !muffled, spoke, seconds(every)));
    }
    checks
}

fn seconds(span: Duration) -> String {
    format!("once in {} s", span.as_secs())
}

fn of_trouble(row: &TroubleRow, alert: &AlertRow) -> Vec<Check> {
    if trouble_alert(row) != alert.id {
        let is = format!("over since {}; it was so again since {}", alert.changed_at, row.since);
        return vec![told("in trouble", false, is, "as long as it lasts".to_owned())];
    }
    let is = if row.open { format!("since {}", row.since) } else { format!("over; it began at {}", row.since) };
    let mut checks = vec![told("in trouble", row.open, is, "as long as it lasts".to_owned())];
    if let Some(block) = row.last_block {
        checks.push(told("last block", row.open, block.to_string(), "a newer one".to_owned()));
    }
    if let Some(reason) = &row.reason {
        checks.push(told("reason", row.open, reason.to_string(), "none".to_owned()));
    }
    if row.dead > 0 {
        checks.push(told("dead letters", row.open, row.dead.to_string(), "none".to_owned()));
    }
    checks
}

/// Of a rule that says nothing of it any more.
fn gone(alert: &AlertRow, watch: Option<&Name>) -> Looked {
    let besides = vec!["the rule is not in force any more, or its condition was changed since".into()];
    Looked { rule: alert.rule.clone(), watch: watch.cloned(), checks: Vec::new(), besides }
}
