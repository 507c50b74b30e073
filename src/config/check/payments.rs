//! Payments. Every doubt is a fault: what is refused here can never be paid.

use super::fits::{Live, Pair, fits};
use super::fits_balance;
use super::live::live;
use super::payees::{Payees, limit};
use crate::config::amounts::{self, coin_unit, split};
use crate::config::check::chains::Chains;
use crate::config::check::input::Input;
use crate::config::check::rules::Read;
use crate::config::check::watches::Watches;
use crate::config::near;
use crate::config::raw::scope::{Said, Scope};
use crate::config::raw::tree::Value;
use crate::reactor::settings::{Approval, Condition, Payee, PaymentAmount, PaymentSettings, Rule};
use crate::types::amount::parse_amount;
use crate::types::{ChainId, Name, Stage, U256};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Payments of a rule in a rolling day, when nothing is said.
const MAX_PER_DAY: u64 = 10;
/// How long a payment waits for a person, when nothing is said.
const APPROVAL_EXPIRES: Duration = Duration::from_hours(24);

/// What payments are checked against.
pub(super) struct Materials<'a> {
    /// Rules, with their tables.
    pub rules: &'a [Read<'a>],
    /// Payees.
    pub payees: &'a Payees,
    /// Watches.
    pub watches: &'a Watches,
    /// Chains.
    pub chains: &'a Chains,
    /// What makes payments live.
    pub live: Live<'a>,
}

/// Every `[[payment]]`.
pub(super) fn payments(input: &Input<'_>, from: &Materials<'_>) -> Vec<PaymentSettings> {
    let (rules, payees) = (from.rules, from.payees);
    let mut payments = Vec::new();
    let mut paying: BTreeMap<&Name, &crate::config::faults::Place> = BTreeMap::new();
    let mut used = BTreeSet::new();
    for scope in input.root.many("payment") {
        let rule = rule(input, &scope, rules);
        if let Some(read) = rule
            && let Some(first) = paying.insert(&read.name, scope.place())
        {
            let what = format!("the rule `{}` pays twice; first at {first}", read.name);
            input.notes.fault(scope.place(), what, "one [[payment]] for a rule");
        }
        let payee = scope.need("payee", "the name of a [[payee]]").and_then(|said| {
            used.insert(said.value.to_owned());
            payees.names().find("payee", said, input.notes)
        });
        let payee = payee.and_then(|name| payees.all.get(&name));
        let terms = terms(&scope);
        let amount = amount(&scope);
        if let (Some(read), Some(payee)) = (rule, payee)
            && let Some(rule) = &read.rule
        {
            let is_live = scope.flag("live") == Some(true);
            let (chains, watches) = (from.chains, from.watches);
            let circle = is_live.then_some(&from.live);
            let pair = Pair { input, scope: &scope, read, rule, payee, payees, chains, watches, live: circle };
            fits(&pair, amount);
            if let Condition::Balance(condition) = &rule.condition {
                fits_balance::balance(&pair, condition, amount);
            }
            if let Some(circle) = circle {
                live(&pair, circle);
            }
        }
        let max_fee = payee.and_then(|payee| max_fee(&scope, payee.chain, from.chains));
        if let (Some(read), Some(payee), Some(terms), Some(amount)) = (rule, payee, terms, amount) {
            bounds(&scope, amount, &terms, payee);
            let (rule, payee) = (read.name.clone(), payee.name.clone());
            payments.push(PaymentSettings { rule, payee, amount, max_fee, ..terms });
        }
    }
    for scope in input.root.many("payee") {
        if let Some(name) = scope.text("name").filter(|said| !used.contains(said.value)) {
            input.notes.warn(scope.place(), format!("no payment goes to the payee `{}`", name.value));
        }
    }
    loops(input, rules, &payments, payees, from.watches);
    payments
}

/// Wei of the coin of the chain that it is paid on.
fn max_fee(scope: &Scope<'_>, id: ChainId, chains: &Chains) -> Option<U256> {
    let said = scope.text("max_fee")?;
    let chain = chains.all.get(&id)?;
    let (coin, decimals) = (chain.settings.coin.as_str(), chain.settings.coin_decimals);
    let written = split(said.value);
    let point = written.unit.map_or(Some(decimals), |unit| coin_unit(unit, coin, decimals));
    let Some(point) = point else {
        let what = format!("`max_fee` is not in {coin}, in which fees are paid there");
        scope.notes.fault(said.place, what, format!("for example \"0.01 {coin}\""));
        return None;
    };
    match parse_amount(written.number, point) {
        Ok(raw) if raw > U256::ZERO => Some(raw),
        Ok(_) => {
            scope.notes.fault(said.place, "`max_fee` is zero", "write a fee above zero, or leave it out");
            None
        }
        Err(fault) => {
            amounts::note(scope.notes, said.place, "max_fee", fault);
            None
        }
    }
}

fn rule<'a, 'b>(input: &Input<'_>, scope: &Scope<'_>, rules: &'b [Read<'a>]) -> Option<&'b Read<'a>> {
    let said = scope.need("on", "the name of the rule that pays")?;
    let found = rules.iter().find(|read| read.name.as_str() == said.value);
    if found.is_none() {
        let hint = near::hint(said.value, rules.iter().map(|read| read.name.as_str()));
        input.notes.fault(said.place, "there is no rule of this name", hint);
    }
    found
}

/// Limits, stage and approval; rule, payee and amount are filled in later.
fn terms(scope: &Scope<'_>) -> Option<PaymentSettings> {
    let per_payment = limit(scope, "per_payment", true);
    let per_day = limit(scope, "per_day", true);
    let in_total = limit(scope, "in_total", true);
    let max_per_day = scope.number("max_per_day", 1, 1_000).map_or(MAX_PER_DAY, |said| said.value);
    let stage = scope.word("stage", &[("final", Stage::Final), ("confirmed", Stage::Confirmed)]);
    let approval = scope.word("approval", &[("manual", Approval::Manual), ("none", Approval::None)]);
    let expires = scope.span("approval_expires").map_or(APPROVAL_EXPIRES, |said| said.value);
    if expires.is_zero() {
        scope.notes.fault(scope.place(), "`approval_expires` is zero", "for example \"24h\"");
    }
    Some(PaymentSettings {
        rule: "".into(),
        payee: "".into(),
        amount: PaymentAmount::Fixed(U256::ZERO),
        stage: stage.map_or(Stage::Final, |said| said.value),
        per_payment: per_payment?,
        per_day: per_day?,
        in_total: in_total?,
        max_per_day: u32::try_from(max_per_day).unwrap_or(u32::MAX),
        approval: approval.map_or(Approval::Manual, |said| said.value),
        approval_expires: expires,
        live: scope.flag("live") == Some(true),
        max_fee: None,
    })
}

fn amount(scope: &Scope<'_>) -> Option<PaymentAmount> {
    let matches = scope.flag("match") == Some(true);
    let reserve = scope.text("reserve").map(|said| (said, amounts::usdc(said.value)));
    if let Some((said, Err((what, hint)))) = &reserve {
        scope.notes.fault(said.place, format!("`reserve`: {what}"), *hint);
        return None;
    }
    if let Some((said, _)) = reserve.as_ref().filter(|_| !matches) {
        scope.notes.fault(said.place, "`reserve` belongs to `match = true`", "leave it out");
    }
    match (scope.node("amount").is_some(), scope.node("fill_to").is_some(), matches) {
        (true, false, false) => limit(scope, "amount", false).map(PaymentAmount::Fixed),
        (false, true, false) => limit(scope, "fill_to", false).map(PaymentAmount::FillTo),
        (false, false, true) => {
            let reserve = reserve.and_then(|(_, raw)| raw.ok()).unwrap_or(U256::ZERO);
            Some(PaymentAmount::Match { reserve })
        }
        (false, false, false) => {
            if scope.node("match").is_none_or(|node| matches!(node.value, Value::Flag(_))) {
                let hint = "amount = \"1000\", fill_to = \"1500\" (a balance), or match = true (what came in)";
                scope.missing("amount", hint);
            }
            None
        }
        (_, fills, _) => {
            let (one, other) = match (fills, matches) {
                (false, _) => ("amount", "match"),
                (true, true) => ("fill_to", "match"),
                (true, false) => ("amount", "fill_to"),
            };
            scope.notes.fault(scope.place(), format!("`{one}` and `{other}` exclude each other"), "keep one of them");
            None
        }
    }
}

/// An amount above one of its limits could never be paid.
fn bounds(scope: &Scope<'_>, amount: PaymentAmount, terms: &PaymentSettings, payee: &Payee) {
    let place = scope.node("amount").map_or(scope.place(), |node| &node.place);
    if let PaymentAmount::Fixed(amount) = amount {
        let limits = [
            ("per_payment", terms.per_payment),
            ("per_day", terms.per_day),
            ("in_total", terms.in_total),
            ("per_day of its payee", payee.per_day),
        ];
        for (name, _) in limits.iter().filter(|(_, limit)| amount > *limit) {
            scope.notes.fault(
                place,
                format!("`amount` is above {name}: it could never be paid"),
                "lower the amount or raise the limit",
            );
        }
    }
    if fits_balance::most(amount).is_some_and(|most| most > terms.per_payment) {
        let what = "payment: from an empty balance `fill_to` is above per_payment: it would wait for two approvers";
        scope.notes.warn(scope.place(), what);
    }
    for (low, high, words) in [
        (terms.per_day, terms.per_payment, "`per_payment` is above `per_day`"),
        (terms.in_total, terms.per_day, "`per_day` is above `in_total`"),
    ] {
        if high > low {
            scope.notes.warn(scope.place(), format!("payment: {words}: the lower limit decides"));
        }
    }
}

/// No loops: a payee that a paying rule watches would make it pay again.
fn loops(input: &Input<'_>, rules: &[Read<'_>], payments: &[PaymentSettings], payees: &Payees, watches: &Watches) {
    let paying = |name: &Name| payments.iter().any(|payment| payment.rule == *name);
    for read in rules.iter().filter(|read| paying(&read.name)) {
        let Some(Rule { condition: Condition::Transfer(condition), .. }) = &read.rule else {
            continue;
        };
        for watch in watches.list.iter().filter(|watch| condition.watches.contains(&watch.name)) {
            for payment in payments {
                let Some(payee) = payees.all.get(&payment.payee) else {
                    continue;
                };
                let reached = condition.chains.contains(&payee.chain) && watch.chains.contains(&payee.chain);
                if reached && watch.addresses.get(&payee.address).is_some() {
                    let what = format!(
                        "a loop: the rule `{}` pays `{}`, which the watch `{}` of the paying rule `{}` watches",
                        payment.rule, payee.name, watch.name, read.name
                    );
                    let place = place(input, payment).unwrap_or(read.scope.place());
                    input.notes.fault(place, what, "pay another address, or do not let that rule watch it");
                }
            }
        }
    }
}

fn place<'a>(input: &Input<'a>, payment: &PaymentSettings) -> Option<&'a crate::config::faults::Place> {
    let on =
        |scope: &Scope<'a>| scope.text("on").is_some_and(|said: Said<'a, &str>| said.value == payment.rule.as_str());
    input.root.many("payment").iter().find(|scope| on(scope)).map(Scope::place)
}
