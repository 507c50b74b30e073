//! What a reload does not apply: whatever concerns money. A config that was read again only proposes it (MONEY §8); it comes into force at the
//! next start.
//!
//! Payees, payments and the conditions of rules that pay stay as they are, with the watches and the chains that decide when such a rule
//! pays. Everything that was put back is said. Pure.

use crate::config::checked::Config;
use crate::reactor::settings::{ChainSettings, Condition, Rule, Settings, Watch};
use crate::types::{ChainId, Name};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::Arc;

/// Puts back into `new` what concerns money, as `old` has it. Gives what was put back, in words.
pub(super) fn hold(old: &Config, new: &mut Config) -> Vec<String> {
    let mut said = Vec::new();
    let paying: Vec<Rule> = old.settings.rules.iter().filter(|rule| pays(&old.settings, &rule.name)).cloned().collect();
    if old.circle != new.circle {
        said.push("[circle] is another in the file: money changes at the next start, not by a reload".to_owned());
        new.circle.clone_from(&old.circle);
    }
    // What was read of the wallet at the start.
    new.settings.live.clone_from(&old.settings.live);
    payees(&old.settings, &mut new.settings, &mut said);
    payments(&old.settings, &mut new.settings, &mut said);
    let mut chains: BTreeSet<ChainId> = old.settings.payees.values().map(|payee| payee.chain).collect();
    for rule in &paying {
        hold_rule(rule, &old.settings, &mut new.settings, &mut said);
        for name in watches_of(&rule.condition) {
            if let Some(watch) = old.settings.watches.iter().find(|watch| watch.name == *name) {
                hold_watch(watch, rule, &mut new.settings, &mut said);
                chains.extend(&watch.chains);
            }
        }
    }
    for chain in chains {
        hold_chain(chain, old, new, &mut said);
    }
    said
}

fn pays(settings: &Settings, rule: &Name) -> bool {
    settings.payments.iter().any(|payment| payment.rule == *rule)
}

/// The watches that a condition looks at.
fn watches_of(condition: &Condition) -> impl Iterator<Item = &Name> {
    let watches = match condition {
        Condition::Transfer(transfer) => Some(&transfer.watches),
        Condition::Approval(approval) => Some(&approval.watches),
        Condition::Balance(balance) => Some(&balance.watches),
        Condition::Price(_) | Condition::Change(_) | Condition::Gas(_) => None,
    };
    watches.into_iter().flatten()
}

fn payees(old: &Settings, new: &mut Settings, said: &mut Vec<String>) {
    let (before, after) = (&old.payees, &new.payees);
    said.extend(before.keys().filter(|name| !after.contains_key(*name)).map(|name| not_yet("payee", name, "gone")));
    for (name, payee) in after {
        match before.get(name) {
            None => said.push(not_yet("payee", name, "new")),
            Some(known) if known != payee => said.push(not_yet("payee", name, "changed")),
            Some(_) => {}
        }
    }
    new.payees = before.clone();
}

fn payments(old: &Settings, new: &mut Settings, said: &mut Vec<String>) {
    let of = |settings: &Settings, rule: &Name| {
        settings.payments.iter().filter(|payment| payment.rule == *rule).cloned().collect::<Vec<_>>()
    };
    let rules: BTreeSet<Name> = old.payments.iter().chain(&new.payments).map(|payment| payment.rule.clone()).collect();
    for rule in rules {
        let (before, after) = (of(old, &rule), of(new, &rule));
        let what = match (before.is_empty(), after.is_empty()) {
            (true, _) => "new",
            (false, true) => "gone",
            (false, false) if before != after => "changed",
            (false, false) => continue,
        };
        said.push(not_yet("payment on", &rule, what));
    }
    new.payments.clone_from(&old.payments);
}

fn not_yet(what: &str, name: &Name, change: &str) -> String {
    format!("the {what} \"{name}\" is {change} in the file: money changes at the next start, not by a reload")
}

/// A rule that pays keeps its condition; its severity and whom it tells are the file's.
fn hold_rule(rule: &Rule, old: &Settings, new: &mut Settings, said: &mut Vec<String>) {
    match new.rules.iter_mut().find(|other| other.name == rule.name) {
        Some(other) if other.condition == rule.condition => {}
        Some(other) => {
            other.condition = rule.condition.clone();
            said.push(stays("condition of the rule", &rule.name, "it pays"));
        }
        None => {
            let there = |sink: &&Name| new.sinks.contains_key(*sink);
            let mut notify: Vec<Name> = rule.notify.iter().filter(there).cloned().collect();
            if notify.is_empty() {
                notify.clone_from(&new.system.notify);
            }
            let place = old.rules.iter().position(|other| other.name == rule.name).unwrap_or(0);
            let place = place.min(new.rules.len());
            new.rules.insert(place, Rule { notify, ..rule.clone() });
            said.push(stays("rule", &rule.name, "it pays, though the file has it no more"));
        }
    }
}

/// A watch that such a rule looks at keeps its addresses and chains; no other watch takes one of them over.
fn hold_watch(watch: &Watch, rule: &Rule, new: &mut Settings, said: &mut Vec<String>) {
    let watches = Arc::make_mut(&mut new.watches);
    let place = watches.iter().position(|other| other.name == watch.name);
    let same = |other: &Watch| other.addresses == watch.addresses && other.chains == watch.chains;
    if place.and_then(|place| watches.get(place)).is_some_and(same) {
        return;
    }
    let held: Vec<_> = watch.addresses.addresses().copied().collect();
    let shares = |other: &Watch| other.chains.iter().any(|chain| watch.chains.contains(chain));
    for other in watches.iter_mut().filter(|other| other.name != watch.name && shares(other)) {
        let left = other.addresses.without(&held);
        if left.len() < other.addresses.len() {
            other.addresses = Arc::new(left);
            said.push(format!("\"{}\" does not get an address of the watch \"{}\"", other.name, watch.name));
        }
    }
    match place.and_then(|place| watches.get_mut(place)) {
        Some(other) => {
            other.addresses.clone_from(&watch.addresses);
            other.chains.clone_from(&watch.chains);
        }
        None => watches.push(watch.clone()),
    }
    said.push(stays("watch", &watch.name, &format!("the rule \"{}\" looks at it and pays", rule.name)));
}

/// A chain on which payments are triggered or made keeps what decides when a transfer is deep enough.
fn hold_chain(id: ChainId, old: &Config, new: &mut Config, said: &mut Vec<String>) {
    let Some(before) = old.settings.chains.get(&id) else { return };
    let depth = |chain: &ChainSettings| (chain.confirmed, chain.final_after, chain.finalized_tag, chain.block_time);
    let mut kept = String::new();
    match new.settings.chains.get_mut(&id) {
        Some(after) if depth(after) == depth(before) => return,
        Some(after) => {
            (after.confirmed, after.final_after) = (before.confirmed, before.final_after);
            (after.finalized_tag, after.block_time) = (before.finalized_tag, before.block_time);
            kept.push_str("its depths and its block time stay as they were");
        }
        None => {
            let listed = new.explorers.iter().any(|explorer| explorer.chains.contains(&id));
            let explorer = before.explorer.clone().filter(|_| listed);
            new.settings.chains.insert(id, ChainSettings { explorer, ..before.clone() });
            new.endpoints.extend(old.endpoints.iter().filter(|endpoint| endpoint.chain == id).cloned());
            kept.push_str("it stays, though the file has it no more");
        }
    }
    // Writing to a string cannot fail.
    let _ = write!(kept, ": a rule that pays needs it as it is");
    said.push(format!("the chain \"{}\": {kept}; it changes at the next start", before.name));
}

fn stays(what: &str, name: &Name, why: &str) -> String {
    format!("the {what} \"{name}\" stays as it was: {why}; it changes at the next start")
}
