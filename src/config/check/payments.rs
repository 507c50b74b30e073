//! Payees and payments. Every doubt is a fault: what is refused here can never be paid.

use crate::config::amounts;
use crate::config::check::chains::Chains;
use crate::config::check::input::{Input, Names};
use crate::config::check::rules::Read;
use crate::config::check::watches::Watches;
use crate::config::near;
use crate::config::raw::scope::{Said, Scope};
use crate::config::raw::tree::Value;
use crate::reactor::settings::{
    Approval, Condition, Direction, Payee, PaymentAmount, PaymentSettings, Rule, Threshold, TransferCondition,
};
use crate::types::{Asset, ChainId, Name, Stage, U256, chain};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Payments of a rule in a rolling day, when nothing is said.
const MAX_PER_DAY: u64 = 10;
/// How long a payment waits for a person, when nothing is said.
const APPROVAL_EXPIRES: Duration = Duration::from_hours(24);
/// A price or gas price must stay past its threshold at least so long before it pays: a single tick is no reason.
const LEAST_HOLD: Duration = Duration::from_mins(1);

/// Payees, and names also of those with faults.
#[derive(Debug, Default)]
pub(super) struct Payees {
    /// Those without faults.
    pub all: BTreeMap<Name, Payee>,
    names: Names,
}

/// Every `[[payee]]`.
pub(super) fn payees(input: &Input<'_>, chains: &Chains) -> Payees {
    let mut payees = Payees::default();
    for scope in input.root.many("payee") {
        let name = payees.names.claim(&scope);
        let on = scope.need("chain", "the name of its chain").and_then(|said| chains.find(input, said));
        let address = scope.need("address", "where payments go").and_then(|said| input.address("address", said));
        let per_day = limit(&scope, "per_day", true);
        if let (Some(name), Some(chain), Some(address), Some(per_day)) = (name, on, address, per_day) {
            payees.all.insert(name.clone(), Payee { name, chain, address, per_day });
        }
    }
    payees
}

/// Raw USDC above zero.
fn limit(scope: &Scope<'_>, key: &str, mandatory: bool) -> Option<U256> {
    if mandatory && scope.node(key).is_none() {
        scope.missing(key, "a limit in USDC, for example \"1000\": there is none by default");
    }
    let said = scope.text(key)?;
    match amounts::usdc(said.value) {
        Ok(raw) if raw > U256::ZERO => Some(raw),
        Ok(_) => {
            scope.notes.fault(said.place, format!("`{key}` is zero"), "write an amount above zero");
            None
        }
        Err((what, hint)) => {
            scope.notes.fault(said.place, format!("`{key}`: {what}"), hint);
            None
        }
    }
}

/// Every `[[payment]]`.
pub(super) fn payments(
    input: &Input<'_>,
    rules: &[Read<'_>],
    payees: &Payees,
    watches: &Watches,
    chains: &Chains,
) -> Vec<PaymentSettings> {
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
            payees.names.find("payee", said, input.notes)
        });
        let payee = payee.and_then(|name| payees.all.get(&name));
        let terms = terms(&scope);
        let amount = amount(&scope);
        if let (Some(read), Some(payee)) = (rule, payee)
            && let Some(rule) = &read.rule
        {
            fits(&Pair { input, scope: &scope, read, rule, payee, chains }, amount);
        }
        if let (Some(read), Some(payee), Some(terms), Some(amount)) = (rule, payee, terms, amount) {
            bounds(&scope, amount, &terms, payee);
            payments.push(PaymentSettings { rule: read.name.clone(), payee: payee.name.clone(), amount, ..terms });
        }
    }
    for scope in input.root.many("payee") {
        if let Some(name) = scope.text("name").filter(|said| !used.contains(said.value)) {
            input.notes.warn(scope.place(), format!("no payment goes to the payee `{}`", name.value));
        }
    }
    loops(input, rules, &payments, payees, watches);
    payments
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
    // It is false or it was noted: nothing is sent yet.
    let _ = scope.flag("live");
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
        max_fee: None,
        live: false,
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
    match (scope.node("amount").is_some(), matches) {
        (true, true) => {
            scope.notes.fault(scope.place(), "`amount` and `match` exclude each other", "keep one of them");
            None
        }
        (true, false) => limit(scope, "amount", false).map(PaymentAmount::Fixed),
        (false, true) => {
            let reserve = reserve.and_then(|(_, raw)| raw.ok()).unwrap_or(U256::ZERO);
            Some(PaymentAmount::Match { reserve })
        }
        (false, false) => {
            if scope.node("fill_to").is_none()
                && scope.node("match").is_none_or(|node| matches!(node.value, Value::Flag(_)))
            {
                scope.missing("amount", "amount = \"1000\", or match = true (what came in)");
            }
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
    for (low, high, words) in [
        (terms.per_day, terms.per_payment, "`per_payment` is above `per_day`"),
        (terms.in_total, terms.per_day, "`per_day` is above `in_total`"),
    ] {
        if high > low {
            scope.notes.warn(scope.place(), format!("payment: {words}: the lower limit decides"));
        }
    }
}

/// A payment with its rule and payee.
struct Pair<'a> {
    input: &'a Input<'a>,
    scope: &'a Scope<'a>,
    read: &'a Read<'a>,
    rule: &'a Rule,
    payee: &'a Payee,
    chains: &'a Chains,
}

impl Pair<'_> {
    fn fault(&self, what: &str, hint: &str) {
        self.input.notes.fault(self.scope.place(), format!("the rule `{}` cannot pay: {what}", self.rule.name), hint);
    }
}

/// Notes what forbids this rule to pay this payee.
fn fits(pair: &Pair<'_>, amount: Option<PaymentAmount>) {
    let matches = matches!(amount, Some(PaymentAmount::Match { .. }));
    match &pair.rule.condition {
        Condition::Transfer(condition) => transfer(pair, condition, amount),
        Condition::Price(condition) => {
            steady(pair, &condition.threshold);
            if matches {
                pair.fault("`match` needs a transfer to match", "write an `amount`");
            }
        }
        Condition::Change(condition) => {
            steady(pair, &condition.threshold);
            if matches {
                pair.fault("`match` needs a transfer to match", "write an `amount`");
            }
        }
        Condition::Gas(condition) => {
            steady(pair, &condition.threshold);
            if matches {
                pair.fault("`match` needs a transfer to match", "write an `amount`");
            }
            if condition.chain != pair.payee.chain {
                pair.fault("its payee is on another chain", "the payee's chain must be the rule's chain");
            }
        }
        Condition::Balance(_) if pair.scope.node("fill_to").is_some() => {}
        Condition::Balance(_) => pair.fault("balance rules do not pay yet", "pay by another rule"),
    }
    let usdc = chain::by_id(pair.payee.chain).is_some_and(|known| known.usdc.is_some());
    if !usdc {
        let what = format!(
            "payment on `{}`: the chain table knows no USDC on {}, so it can only ever be rehearsed",
            pair.rule.name,
            pair.chains.name(pair.payee.chain)
        );
        pair.input.notes.warn(pair.scope.place(), what);
    }
}

fn steady<T: Copy + Ord>(pair: &Pair<'_>, threshold: &Threshold<T>) {
    if threshold.recovers_at == threshold.level {
        pair.fault(
            "`recovers_at` is the threshold itself",
            "put it well beyond the threshold, so that trembling does not pay again",
        );
    }
    if threshold.hold < LEAST_HOLD {
        pair.fault("its `for` is under a minute", "for = \"1m\" or more: a single tick is no reason to pay");
    }
}

fn transfer(pair: &Pair<'_>, condition: &TransferCondition, amount: Option<PaymentAmount>) {
    let written = pair.read.scope.texts("watch");
    if written.as_ref().is_none_or(|said| said.iter().any(|said| said.value.starts_with("tag:"))) {
        pair.fault("it does not name its watches", "watch = [\"…\"] with names, no tags: a tag may grow");
    }
    if condition.direction != Direction::In {
        pair.fault("it speaks of more than what came in", "direction = \"in\"");
    }
    if condition.at_least.is_none() {
        pair.fault("it has no `at_least`: a grain of dust would pay", "write the least amount that pays");
    }
    if condition.chains != BTreeSet::from([pair.payee.chain]) {
        let what =
            format!("its payee is on {}, and that is not the rule's only chain", pair.chains.name(pair.payee.chain));
        pair.fault(&what, "chains = [\"…\"] with the payee's chain alone");
    }
    let usdc = |id: ChainId| chain::by_id(id).and_then(|known| known.usdc).map(|usdc| Asset::Token(usdc.address));
    let payable = |(id, asset): &(ChainId, Asset)| *asset == Asset::Coin || usdc(*id) == Some(*asset);
    if !condition.assets.as_ref().is_some_and(|assets| !assets.is_empty() && assets.iter().all(payable)) {
        pair.fault(
            "its asset is neither the chain's coin nor the chain table's own USDC",
            "asset = \"USDC\" or asset = \"native\"",
        );
    }
    for id in &condition.chains {
        if pair.chains.all.get(id).is_some_and(|chain| chain.settings.endpoints.is_empty()) {
            let what = format!(
                "on {} only an explorer is read, and an explorer's row alone never pays",
                pair.chains.name(*id)
            );
            pair.fault(&what, "give the chain an `rpc`");
        }
    }
    let least = condition
        .at_least
        .iter()
        .flatten()
        .filter(|((id, asset), _)| usdc(*id) == Some(*asset))
        .map(|(_, raw)| *raw)
        .min();
    match amount {
        Some(PaymentAmount::Match { reserve }) => {
            let only = condition
                .assets
                .as_ref()
                .is_some_and(|assets| assets.iter().all(|(id, asset)| usdc(*id) == Some(*asset)));
            if !only {
                pair.fault("`match` pays what came in, so USDC must come in", "asset = \"USDC\"");
            }
            if least.is_some_and(|least| least <= reserve) {
                pair.fault(
                    "its `at_least` is not above the `reserve`: there may be nothing left to pay",
                    "raise `at_least`, or lower the `reserve`",
                );
            }
        }
        Some(PaymentAmount::Fixed(fixed)) if least.is_none_or(|least| fixed > least) => {
            let what = if least.is_some() {
                "whoever sends `at_least` makes it pay more than came in"
            } else {
                "what it pays is not bounded by the coin that comes in"
            };
            pair.input.notes.warn(pair.scope.place(), format!("payment on `{}`: {what}", pair.rule.name));
        }
        Some(PaymentAmount::Fixed(_) | PaymentAmount::FillTo(_)) | None => {}
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
