//! Compares what the receivers got with what is on the chains. It knows nothing else: no store, no log, none of the monitor's code but
//! the simulated world's record.

use super::scene::{CONFIRMED, FINAL, KNOWN, PAST, Scene, UNKNOWN, WATCHES};
use super::truth::{About, Movement, RULES, Truth, is_of_explorers_internal, text, truth};
use serde_json::Value;
use std::collections::BTreeMap;
use walletwatch::world::receiver::Delivery;

/// Most violations that are printed: the first ones say it.
const SHOWN: usize = 12;

/// What a comparison found.
pub(crate) struct Report {
    /// What is wrong; nothing, if all is well.
    pub(crate) violations: Vec<String>,
    /// Messages, each counted once.
    pub(crate) messages: usize,
    /// Deliveries of messages that had come before.
    pub(crate) repeats: usize,
    /// Deaths while history was being read.
    pub(crate) in_history: u64,
}

/// The life of one alert, as its receiver has followed it.
#[derive(Default)]
struct Life {
    alert: String,
    revision: u64,
    /// Stages that were told and not taken back, with the block they were told of.
    holds: BTreeMap<&'static str, Option<String>>,
}

struct Checker<'a> {
    truth: &'a Truth,
    violations: Vec<String>,
    lives: BTreeMap<About, Life>,
    alerts: BTreeMap<String, About>,
}

/// Everything that is wrong with what the receivers got.
pub(crate) fn compare(scene: &Scene) -> Report {
    let got: Vec<Vec<Delivery>> = scene.receivers.iter().map(|receiver| receiver.deliveries()).collect();
    let mut report = compare_with(&truth(scene), &got);
    for (receiver, got) in scene.receivers.iter().zip(&got) {
        assert_eq!(receiver.count(), got.len() as u64, "a receiver has forgotten deliveries: the world is too long");
    }
    report.violations.extend(super::store::undelivered(scene.folder()));
    report
}

pub(crate) fn compare_with(truth: &Truth, got: &[Vec<Delivery>]) -> Report {
    let mut checker = Checker { truth, violations: Vec::new(), lives: BTreeMap::new(), alerts: BTreeMap::new() };
    let (mut messages, mut repeats) = (0, 0);
    for (place, deliveries) in got.iter().enumerate() {
        let mut bodies: BTreeMap<&str, &[u8]> = BTreeMap::new();
        for delivery in deliveries {
            checker.demand(delivery.signature.is_ok(), || format!("a bad signature on {}", delivery.id));
            if let Some(first) = bodies.insert(&delivery.id, &delivery.body) {
                repeats += 1;
                checker.demand(first == delivery.body, || format!("another body under the same id {}", delivery.id));
                continue;
            }
            messages += 1;
            checker.first(place, delivery);
        }
    }
    checker.last();
    let more = checker.violations.len().saturating_sub(SHOWN);
    checker.violations.truncate(SHOWN);
    if more > 0 {
        checker.violations.push(format!("and {more} more"));
    }
    Report { violations: checker.violations, messages, repeats, in_history: 0 }
}

impl Checker<'_> {
    fn demand(&mut self, holds: bool, otherwise: impl FnOnce() -> String) {
        if !holds {
            self.violations.push(otherwise());
        }
    }

    /// A message that has not come before.
    fn first(&mut self, receiver: usize, delivery: &Delivery) {
        let body: Value = match serde_json::from_slice(&delivery.body) {
            Ok(body) => body,
            Err(error) => return self.violations.push(format!("a body that is no JSON: {error}")),
        };
        let kind = body["type"].as_str().unwrap_or_default();
        match kind.split_once('.') {
            Some(("transfer", stage)) => {
                let said = self.transfer(receiver, stage, &body["data"]);
                if let Err(problem) = said {
                    self.violations.push(format!("{problem}: {body}"));
                }
            }
            // Built in: whoever dies is blind for a while, and says so.
            Some(("source" | "sink", _)) if receiver == 0 => {}
            Some(_) | None => self.violations.push(format!("nobody asked for this: {body}")),
        }
    }

    fn transfer(&mut self, receiver: usize, stage: &str, data: &Value) -> Result<(), String> {
        let about = about(data).ok_or("no such rule, watch or movement can be")?;
        let rule = RULES.iter().find(|rule| rule.name == about.0).ok_or("no such rule")?;
        if !self.truth.ever.contains(&about) {
            return Err("this never was on any chain".into());
        }
        if rule.receiver != receiver {
            return Err("told to the wrong receiver".into());
        }
        if let Some(written) = data["amount"].as_str() {
            let decimals = if about.2.contract.is_some() { 6 } else { 18 };
            if written != decimal(&about.2.amount, decimals) {
                return Err("the amount is not exact".into());
            }
        } else if about.2.contract != Some(text(UNKNOWN)) {
            return Err("no amount, though the decimals are known".into());
        }
        let verified = about.2.contract.is_none() || about.2.contract == Some(text(KNOWN));
        if data["asset"]["verified"] != verified {
            return Err("verified is wrong".into());
        }
        let number = data["block"]["number"].as_u64().ok_or("no block number")?;
        if data["history"] != (number <= PAST) {
            return Err("history is what lies before the monitor's time, and nothing else".into());
        }
        let block = data["block"]["hash"].as_str().map(str::to_owned);
        if block.is_none() && !is_of_explorers_internal(&about.2) {
            return Err("no block hash, though whoever reports it has one".into());
        }
        let alert = data["alert_id"].as_str().ok_or("no alert_id")?.to_owned();
        if *self.alerts.entry(alert.clone()).or_insert_with(|| about.clone()) != about {
            return Err("one alert_id for two things".into());
        }
        let life = self.lives.entry(about).or_insert_with(|| Life { alert: alert.clone(), ..Life::default() });
        if life.alert != alert {
            return Err("two alert_ids for one thing".into());
        }
        let revision = data["revision"].as_u64().ok_or("no revision")?;
        if revision <= life.revision {
            return Err(format!("revision {revision} behind revision {}", life.revision));
        }
        life.revision = revision;
        let confirmations = data["confirmations"].as_u64().ok_or("no confirmations")?;
        if stage == "retracted" {
            // What moved still has the confirmations of its new place; what is gone has none.
            let before = life.holds.len();
            life.holds.retain(|stage, _| confirmations >= depth_of(stage));
            return if life.holds.len() < before { Ok(()) } else { Err("taken back without having been told".into()) };
        }
        let stage = rule.stages.iter().copied().find(|word| *word == stage).ok_or("a stage that is not listed")?;
        if life.holds.insert(stage, block).is_some() {
            return Err("told a second time, under another webhook-id".into());
        }
        Ok(())
    }

    /// What must have been told by now, and what must have been taken back.
    fn last(&mut self) {
        let truth = self.truth;
        for (about, (number, hash)) in &truth.standing {
            let rule = RULES.iter().find(|rule| rule.name == about.0).expect("it is ours");
            let nothing = Life::default();
            let life = self.lives.get(about).unwrap_or(&nothing);
            let lacks: Vec<_> = rule.stages.iter().filter(|stage| !life.holds.contains_key(*stage)).collect();
            let revision = life.revision;
            // A stage that still holds after a move is not said again; what is final does not move.
            let last = life.holds.get("final").and_then(Option::as_ref).is_none_or(|told| told == hash);
            self.demand(lacks.is_empty(), || {
                format!("lost: {lacks:?} of {about:?} in block {number}, last revision {revision}")
            });
            self.demand(last, || format!("final in another block than {hash}: {about:?}"));
        }
        for (about, life) in &self.lives {
            if !truth.standing.contains_key(about) && !life.holds.is_empty() {
                let held: Vec<_> = life.holds.keys().collect();
                self.violations
                    .push(format!("never taken back: {held:?} of {about:?}, last revision {}", life.revision));
            }
        }
    }
}

/// Confirmations at which a stage is reached.
pub(crate) fn depth_of(stage: &str) -> u64 {
    match stage {
        "final" => FINAL,
        "confirmed" => CONFIRMED,
        _ => 1,
    }
}

/// What a body says that it is about.
fn about(data: &Value) -> Option<About> {
    let word = |value: &Value| value.as_str().map(str::to_owned);
    let low = |value: &Value| value.as_str().map(str::to_lowercase);
    let rule = RULES.iter().find(|rule| data["rule"] == rule.name)?.name;
    let watch = WATCHES.iter().find(|(name, _)| data["watch"] == *name)?.0;
    let kind = ["coin", "internal", "token"].into_iter().find(|kind| data["kind"] == *kind)?;
    let movement = Movement {
        chain: word(&data["chain"])?,
        tx: low(&data["tx_hash"])?,
        kind,
        contract: low(&data["asset"]["contract"]),
        from: low(&data["from"])?,
        to: low(&data["to"])?,
        amount: word(&data["amount_raw"])?,
        nth: data["nth"].as_u64()?,
    };
    Some((rule, watch, movement))
}

/// Raw units as a decimal number, without a tail of zeros.
fn decimal(raw: &str, decimals: usize) -> String {
    let padded = format!("{raw:0>width$}", width = decimals + 1);
    let (whole, rest) = padded.split_at(padded.len() - decimals);
    let rest = rest.trim_end_matches('0');
    if rest.is_empty() { whole.to_owned() } else { format!("{whole}.{rest}") }
}
