//! What `live = true` needs beyond what a rehearsal does (MONEY §1, §2, §8): a wallet that can pay there, and people who can say yes.

use super::fits::{Live, Pair};
use crate::config::check::input::Input;
use crate::config::checked::{Config, Role};
use crate::config::faults::Place;
use crate::reactor::settings::{Approval, Condition, Confirmed};
use crate::types::{ChainId, Name, chain};
use crate::wire::circle::{KeyKind, blockchain, test_twin};
use std::collections::{BTreeMap, BTreeSet};

/// Notes what forbids this payment to be live.
pub(super) fn live(pair: &Pair<'_>, live: &Live<'_>) {
    if !live.is_there {
        pair.fault("`live = true`, and no [circle] says which wallet pays", "write [circle], or live = false");
    }
    let Some(circle) = live.circle else { return };
    let (id, name) = (pair.payee.chain, pair.chains.name(pair.payee.chain));
    if blockchain(id).is_none() {
        return pair.fault(&format!("Circle's Wallets do not go to {name}"), "pay on another chain, or live = false");
    }
    let test = chain::by_id(id).is_none_or(|known| known.test);
    match circle.environment {
        KeyKind::Live if test => {
            pair.fault(&format!("{name} is a test network, and the key is live"), "pay on a main network");
        }
        KeyKind::Test if !test && test_twin(id).is_none() => {
            pair.fault(&format!("{name} has no test network at Circle, and the key is a test key"), "live = false");
        }
        // Whoever owns a faucet would make it pay.
        KeyKind::Test if test && pair.is_strict() => pair.fault(
            &format!("{name} is a test network, where coins are free"),
            "watch its main network: a test key pays on the matching test network; or relaxed = true in [circle]",
        ),
        KeyKind::Test | KeyKind::Live => {}
    }
    depth(pair);
    feeds(pair);
}

/// Money waits at least as deep as the chain table says, whatever the config calls confirmed.
fn depth(pair: &Pair<'_>) {
    let id = pair.payee.chain;
    let least = chain::by_id(id).map(|known| known.confirmed);
    let depth = match pair.chains.all.get(&id).map(|chain| chain.settings.confirmed) {
        Some(Confirmed::Depth(depth)) => Some(depth),
        Some(Confirmed::Safe | Confirmed::Finalized) | None => None,
    };
    let shallow = pair.scope.text("stage").is_some_and(|said| said.value == "confirmed");
    if let (Some(least), Some(depth)) = (least, depth)
        && pair.is_strict()
        && shallow
        && depth < least
    {
        let what =
            format!("`stage = \"confirmed\"` is {depth} confirmations here, fewer than the {least} of the chain table");
        pair.fault(&what, "raise `confirmations` of the chain, or stage = \"final\"");
    }
}

/// A price is believed of two sources.
fn feeds(pair: &Pair<'_>) {
    let price = match &pair.rule.condition {
        Condition::Price(condition) => &condition.pair,
        Condition::Change(condition) => &condition.pair,
        Condition::Transfer(_) | Condition::Balance(_) | Condition::Gas(_) | Condition::Approval(_) => return,
    };
    let reports = |scope: &crate::config::raw::scope::Scope<'_>| {
        scope.texts("pairs").is_some_and(|said| said.iter().any(|said| said.value == price.as_str()))
    };
    if pair.is_strict() && pair.input.root.many("feed").iter().filter(|scope| reports(scope)).count() < 2 {
        pair.fault(&format!("one feed alone reports {price}"), "add it to the `pairs` of a [[feed]] of another kind");
    }
}

/// Notes what all live payments together need.
pub(super) fn together(input: &Input<'_>, config: &Config) {
    let payments = || config.settings.payments.iter().filter(|payment| payment.live);
    let payee = |name: &Name| config.settings.payees.get(name);
    let chains: BTreeMap<ChainId, &Name> =
        payments().filter_map(|payment| Some((payee(&payment.payee)?.chain, &payment.rule))).collect();
    if chains.len() > 1 {
        let name =
            |id: &ChainId| config.settings.chains.get(id).map_or_else(|| id.to_string(), |it| it.name.to_string());
        let names: Vec<String> = chains.keys().map(name).collect();
        let what = format!("live payments go to {}, and the wallet is on one chain", names.join(" and "));
        input.notes.fault(place(input, "payment"), what, "live = true on one chain alone");
    }
    let Some(circle) = config.circle.as_ref().filter(|_| payments().next().is_some()) else { return };
    let approvers = config.http.tokens.iter().filter(|token| token.role == Role::Approve).count();
    if approvers == 0 && !circle.relaxed {
        input.notes.fault(
            place(input, "http"),
            "payments are live, and no token has the role approve: nobody could accept this config, so nothing would ever be paid",
            "tokens = [{ name = \"ann\", role = \"approve\", secret = \"file:ann.token\" }] in [http]",
        );
    } else if approvers < 2 && circle.two_approvals_over.is_some() {
        let what = "two_approvals_over asks for two approvers, and fewer than two tokens have the role approve";
        input.notes.warn(place(input, "circle"), what);
    }
    if circle.notify.as_ref().is_some_and(Vec::is_empty)
        || (circle.notify.is_none() && config.settings.system.notify.is_empty())
    {
        input.notes.fault(
            place(input, "circle"),
            "nobody hears of payments that are held, fail or need a person",
            "notify = [\"…\"] in [circle] or [system]",
        );
    }
    if !circle.relaxed {
        one_operator(input, config, chains.keys().copied().collect());
    }
}

/// Says where one operator alone reads a chain: then a person approves each payment, whatever the config says.
fn one_operator(input: &Input<'_>, config: &Config, chains: BTreeSet<ChainId>) {
    for id in chains {
        let Some(chain) = config.settings.chains.get(&id) else { continue };
        let here = config.endpoints.iter().filter(|endpoint| endpoint.chain == id);
        // An explorer is not asked for a second opinion.
        let operators: BTreeSet<&Name> = here.map(|endpoint| &endpoint.operator).collect();
        let silent = config.settings.payments.iter().any(|payment| payment.live && payment.approval == Approval::None);
        if silent && operators.len() < 2 {
            let what = format!(
                "one operator alone reads {}: each live payment waits for a person, whatever `approval` says",
                chain.name
            );
            input.notes.warn(place(input, "payment"), what);
        }
    }
}

fn place<'a>(input: &Input<'a>, section: &str) -> &'a Place {
    input.root.one(section).map_or(input.root.place(), |scope| scope.place())
}
