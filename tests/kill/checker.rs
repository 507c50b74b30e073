//! Compares what the receivers got with what is on the chains. It knows nothing else: no store, no log, none of the monitor's code but
//! the simulated world's record.

use super::scene::{CONFIRMED, FINAL, KNOWN, Scene, UNKNOWN, WATCHES};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use walletwatch::types::{Address, B256, U256};
use walletwatch::world::chain::{Chain, Frame, Included, SimBlock};
use walletwatch::world::receiver::Delivery;

/// Most violations that are printed: the first ones say it.
const SHOWN: usize = 12;
/// The first topic of a `Transfer` log.
const TRANSFER: &str = "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef";

/// What a comparison found.
pub struct Report {
    /// What is wrong; nothing, if all is well.
    pub violations: Vec<String>,
    /// Messages, each counted once.
    pub messages: usize,
    /// Deliveries of messages that had come before.
    pub repeats: usize,
}

/// One movement, as anybody can read it off the chain. All text as in the bodies.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Movement {
    chain: String,
    tx: String,
    kind: &'static str,
    contract: Option<String>,
    from: String,
    to: String,
    amount: String,
    nth: u64,
}

/// What an alert is about: one rule's word on a movement to one watch.
type About = (&'static str, &'static str, Movement);

/// A rule of the config, as the checker understands it.
struct Rule {
    name: &'static str,
    receiver: usize,
    stages: &'static [&'static str],
}

const RULES: [Rule; 2] = [
    Rule { name: "everything", receiver: 0, stages: &["seen", "confirmed", "final"] },
    Rule { name: "coin for the till", receiver: 1, stages: &["confirmed"] },
];

impl Rule {
    /// Whether it speaks of a movement to this watch.
    fn speaks(&self, watch: &str, movement: &Movement) -> bool {
        if self.name == "everything" {
            return true;
        }
        let half = U256::from(500_000_000_000_000_000_u64);
        let amount: U256 = movement.amount.parse().expect("we wrote it");
        watch == "till" && is_of(watch, &movement.to) && movement.contract.is_none() && amount >= half
    }
}

fn text(address: Address) -> String {
    format!("{address:#x}")
}

fn is_of(watch: &str, address: &str) -> bool {
    let of =
        |(name, addresses): &(&str, &[Address])| *name == watch && addresses.iter().any(|one| text(*one) == address);
    WATCHES.iter().any(of)
}

/// Every movement of a block, each with its transaction's hash.
fn movements(chain: &str, block: &SimBlock) -> Vec<Movement> {
    let mut all = Vec::new();
    for included in block.txs.iter().filter(|included| included.succeeded) {
        let mut bare = Vec::new();
        frames(&included.root, "coin", &mut bare);
        logs(included, &mut bare);
        let mut counted: BTreeMap<_, u64> = BTreeMap::new();
        for (kind, contract, from, to, amount) in bare {
            let nth = counted.entry((kind, contract, from, to, amount)).or_default();
            all.push(Movement {
                chain: chain.to_owned(),
                tx: format!("{:#x}", included.tx.hash),
                kind,
                contract: contract.map(text),
                from: text(from),
                to: text(to),
                amount: amount.to_string(),
                nth: *nth,
            });
            *nth += 1;
        }
    }
    all
}

type Bare = (&'static str, Option<Address>, Address, Address, U256);

fn frames(frame: &Frame, kind: &'static str, all: &mut Vec<Bare>) {
    if frame.failed {
        return;
    }
    if !frame.value.is_zero() {
        all.push((kind, None, frame.from, frame.to, frame.value));
    }
    frame.calls.iter().for_each(|call| frames(call, "internal", all));
}

fn logs(included: &Included, all: &mut Vec<Bare>) {
    for log in included.logs.iter().filter(|log| format!("{:#x}", log.topics[0]) == TRANSFER) {
        let amount: B256 = log.data.parse().expect("the world writes one word");
        let party = |topic: usize| Address::from_word(log.topics[topic]);
        all.push(("token", Some(log.contract), party(1), party(2), U256::from_be_bytes(amount.0)));
    }
}

/// What has to be told of a movement: each rule, with each watch that is a side of it.
fn concerns(movement: &Movement) -> Vec<About> {
    let mut all = Vec::new();
    for (watch, _) in WATCHES {
        for rule in &RULES {
            let side = is_of(watch, &movement.from) || is_of(watch, &movement.to);
            if side && rule.speaks(watch, movement) {
                all.push((rule.name, watch, movement.clone()));
            }
        }
    }
    all
}

/// The truth: what is on the chains now with the block's hash, and what ever was.
struct Truth {
    standing: BTreeMap<About, (u64, String)>,
    ever: BTreeSet<About>,
}

fn truth(scene: &Scene) -> Truth {
    let mut truth = Truth { standing: BTreeMap::new(), ever: BTreeSet::new() };
    for at in &scene.chains {
        at.node.chain().read(|chain: &Chain| {
            for number in 0..=chain.height() {
                let block = chain.at(number).expect("it is not above the head");
                for about in movements(at.name, block).iter().flat_map(concerns) {
                    truth.standing.insert(about, (number, format!("{:#x}", block.at.hash)));
                }
            }
            for block in chain.all_blocks() {
                truth.ever.extend(movements(at.name, block).iter().flat_map(concerns));
            }
        });
    }
    truth
}

/// The life of one alert, as its receiver has followed it.
#[derive(Default)]
struct Life {
    alert: String,
    revision: u64,
    /// Stages that were told and not taken back, with the block they were told of.
    holds: BTreeMap<&'static str, String>,
}

struct Checker<'a> {
    truth: &'a Truth,
    violations: Vec<String>,
    lives: BTreeMap<About, Life>,
    alerts: BTreeMap<String, About>,
}

/// Everything that is wrong.
pub fn compare(scene: &Scene) -> Report {
    let truth = truth(scene);
    let mut checker =
        Checker { truth: &truth, violations: Vec::new(), lives: BTreeMap::new(), alerts: BTreeMap::new() };
    let (mut messages, mut repeats) = (0, 0);
    for (place, receiver) in scene.receivers.iter().enumerate() {
        let deliveries = receiver.deliveries();
        checker.demand(deliveries.len() as u64 == receiver.count(), || "the receiver has forgotten deliveries".into());
        let mut bodies: BTreeMap<&str, &[u8]> = BTreeMap::new();
        for delivery in &deliveries {
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
    checker.violations.extend(super::store::undelivered(scene.folder()));
    let more = checker.violations.len().saturating_sub(SHOWN);
    checker.violations.truncate(SHOWN);
    if more > 0 {
        checker.violations.push(format!("and {more} more"));
    }
    Report { violations: checker.violations, messages, repeats }
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
        let block = data["block"]["hash"].as_str().ok_or("no block hash")?.to_owned();
        if stage == "retracted" {
            // What moved still has the confirmations of its new place; what is gone has none.
            let depth = [("seen", 1), ("confirmed", CONFIRMED), ("final", FINAL)];
            let kept: Vec<&str> =
                depth.iter().filter(|(_, least)| confirmations >= *least).map(|(word, _)| *word).collect();
            let before = life.holds.len();
            life.holds.retain(|stage, _| kept.contains(stage));
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
            let Some(life) = self.lives.get(about) else {
                self.violations.push(format!("lost: never told of {about:?} in block {number}"));
                continue;
            };
            let lacks: Vec<_> = rule.stages.iter().filter(|stage| !life.holds.contains_key(*stage)).collect();
            let revision = life.revision;
            // A stage that still holds after a move is not said again; what is final does not move.
            let last = life.holds.get("final").is_none_or(|told| told == hash);
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
