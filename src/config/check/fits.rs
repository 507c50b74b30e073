//! Which rule may pay whom, and how much (MONEY §1). What could go wrong with money is a fault where it is live, and a fault or a warning
//! where it is rehearsed.

use crate::config::check::chains::Chains;
use crate::config::check::input::Input;
use crate::config::check::payees::Payees;
use crate::config::check::rules::Read;
use crate::config::check::watches::Watches;
use crate::config::circle::CircleConfig;
use crate::config::raw::scope::Scope;
use crate::reactor::settings::{Condition, Direction, Payee, PaymentAmount, Rule, Threshold, TransferCondition, Watch};
use crate::types::{Address, Asset, ChainId, U256, chain};
use std::collections::BTreeSet;
use std::time::Duration;

/// A price or a gas price must stay past its threshold at least so long before it pays: a single tick is no reason.
const LEAST_HOLD: Duration = Duration::from_mins(1);

/// What makes payments live.
pub(super) struct Live<'a> {
    /// `[circle]`, where nothing is wrong with it.
    pub circle: Option<&'a CircleConfig>,
    /// Whether it stands there at all.
    pub is_there: bool,
    /// It lifts what MONEY.md marks.
    pub relaxed: bool,
}

impl<'a> Live<'a> {
    /// Of `[circle]`.
    pub(super) fn new(input: &Input<'_>, circle: Option<&'a CircleConfig>) -> Self {
        let scope = input.root.one("circle");
        Self { circle, is_there: scope.is_some(), relaxed: circle.is_some_and(|circle| circle.relaxed) }
    }
}

/// A payment with its rule and payee.
pub(super) struct Pair<'a> {
    /// What is checked, and with what.
    pub input: &'a Input<'a>,
    /// The payment's table.
    pub scope: &'a Scope<'a>,
    /// The rule's table.
    pub read: &'a Read<'a>,
    /// The rule.
    pub rule: &'a Rule,
    /// The payee.
    pub payee: &'a Payee,
    /// Payees.
    pub payees: &'a Payees,
    /// Chains.
    pub chains: &'a Chains,
    /// Watches.
    pub watches: &'a Watches,
    /// What makes payments live, where this one is.
    pub live: Option<&'a Live<'a>>,
}

impl Pair<'_> {
    /// Notes why this rule cannot pay.
    pub(super) fn fault(&self, what: &str, hint: &str) {
        self.input.notes.fault(self.scope.place(), format!("the rule `{}` cannot pay: {what}", self.rule.name), hint);
    }

    /// Notes what should be said of it.
    pub(super) fn warn(&self, what: &str) {
        self.input.notes.warn(self.scope.place(), format!("payment on `{}`: {what}", self.rule.name));
    }

    /// Whether a safeguard that MONEY.md marks holds: for live payments, unless they are relaxed.
    pub(super) fn is_strict(&self) -> bool {
        self.live.is_some_and(|live| !live.relaxed)
    }

    /// Whether a flag stands on the payment.
    pub(super) fn says(&self, key: &str) -> bool {
        self.scope.flag(key) == Some(true)
    }
}

/// Whether an asset is Circle's own USDC, as the chain table has it.
pub(super) fn is_usdc((id, asset): (ChainId, Asset)) -> bool {
    chain::by_id(id).and_then(|known| known.usdc).is_some_and(|usdc| Asset::Token(usdc.address) == asset)
}

/// Notes what forbids this rule to pay this payee.
pub(super) fn fits(pair: &Pair<'_>, amount: Option<PaymentAmount>) {
    match &pair.rule.condition {
        Condition::Transfer(condition) => transfer(pair, condition, amount),
        Condition::Price(condition) => market(pair, &condition.threshold, amount),
        Condition::Change(condition) => market(pair, &condition.threshold, amount),
        Condition::Gas(condition) => {
            market(pair, &condition.threshold, amount);
            if condition.chain != pair.payee.chain {
                pair.fault("its payee is on another chain", "the payee's chain must be the rule's chain");
            }
        }
        Condition::Approval(_) => pair.fault("an approval moves nothing that could be paid for", "pay by another rule"),
        // Top-ups have laws of their own.
        Condition::Balance(_) => {}
    }
    for (key, of, when) in [
        ("payee_elsewhere", "a balance rule", matches!(pair.rule.condition, Condition::Balance(_))),
        ("may_exceed", "a transfer rule", matches!(pair.rule.condition, Condition::Transfer(_))),
    ] {
        if pair.says(key) && !when {
            pair.fault(&format!("`{key}` belongs to {of}"), "leave it out");
        }
    }
    if chain::by_id(pair.payee.chain).is_none_or(|known| known.usdc.is_none()) {
        let what = format!("the chain table knows no USDC on {}", pair.chains.name(pair.payee.chain));
        match pair.live {
            Some(_) => pair.fault(&what, "pay on a chain where Circle issues USDC, or live = false"),
            None => pair.warn(&format!("{what}, so it can only ever be rehearsed")),
        }
    }
}

fn market<T: Copy + Ord>(pair: &Pair<'_>, threshold: &Threshold<T>, amount: Option<PaymentAmount>) {
    steady(pair, threshold, LEAST_HOLD);
    match amount {
        Some(PaymentAmount::Match { .. }) => pair.fault("`match` needs a transfer to match", "write an `amount`"),
        Some(PaymentAmount::FillTo(_)) => pair.fault("`fill_to` needs a balance to fill", "write an `amount`"),
        Some(PaymentAmount::Fixed(_)) | None => {}
    }
}

/// A level that pays has its way back well beyond, and lasts.
pub(super) fn steady<T: Copy + Ord>(pair: &Pair<'_>, threshold: &Threshold<T>, least_hold: Duration) {
    if threshold.recovers_at == threshold.level {
        pair.fault(
            "`recovers_at` is the threshold itself",
            "put it well beyond the threshold, so that trembling does not pay again",
        );
    }
    if threshold.hold.is_zero() {
        pair.fault("it has no `for`", "for = \"2m\": a single reading is no reason to pay");
    } else if threshold.hold < least_hold {
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
    if condition.at_least.as_ref().is_none_or(|least| least.values().any(U256::is_zero)) {
        pair.fault("it has no `at_least`: a grain of dust would pay", "write the least amount that pays");
    }
    if condition.history {
        pair.fault("`history = true`: what is long past is nothing to pay for", "history = false");
    }
    if condition.chains != BTreeSet::from([pair.payee.chain]) {
        let what =
            format!("its payee is on {}, and that is not the rule's only chain", pair.chains.name(pair.payee.chain));
        pair.fault(&what, "chains = [\"…\"] with the payee's chain alone");
    }
    let payable = |asset: &(ChainId, Asset)| asset.1 == Asset::Coin || is_usdc(*asset);
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
    if pair.is_strict() && pair.read.scope.node("from").is_none() {
        pair.fault(
            "it does not say whose transfers make it pay",
            "from = [\"…\"] with addresses or names, or from = \"anyone\"",
        );
    }
    if amount.is_some_and(|amount| matches!(amount, PaymentAmount::FillTo(_))) {
        pair.fault("`fill_to` needs a balance to fill", "write an `amount`, or match = true");
    }
    senders(pair, condition);
    exceeds(pair, condition, amount);
}

/// A transfer from a payee, or between two watches, never pays: who is named all the same waits in vain.
fn senders(pair: &Pair<'_>, condition: &TransferCondition) {
    let id = pair.payee.chain;
    let watched = |address: &Address| {
        let of = |watch: &&Watch| watch.chains.contains(&id) && watch.addresses.get(address).is_some();
        pair.watches.list.iter().find(of).map(|watch| format!("the watch `{}`", watch.name))
    };
    let payee = |address: &Address| {
        let of = |payee: &&Payee| payee.chain == id && payee.address == *address;
        pair.payees.all.values().find(of).map(|payee| format!("the payee `{}`", payee.name))
    };
    let named = condition.from.iter().flatten();
    let vain: Vec<String> = named.filter_map(|from| watched(from).or_else(|| payee(from))).collect();
    let Some(first) = vain.first() else { return };
    let what = format!("`from` names {first}, and a transfer from there never pays: it would be a loop");
    if condition.from.as_ref().is_some_and(|from| from.len() == vain.len()) {
        pair.fault(&what, "name who pays in from outside, or from = \"anyone\"");
    } else {
        pair.warn(&what);
    }
}

/// What is paid against what came in.
fn exceeds(pair: &Pair<'_>, condition: &TransferCondition, amount: Option<PaymentAmount>) {
    let all_usdc = condition.assets.as_ref().is_some_and(|assets| assets.iter().all(|asset| is_usdc(*asset)));
    let usdc = condition.at_least.iter().flatten().filter(|(asset, _)| is_usdc(**asset));
    let least = usdc.map(|(_, raw)| *raw).min();
    match amount {
        Some(PaymentAmount::Match { reserve }) => {
            if !all_usdc {
                pair.fault("`match` pays what came in, so USDC must come in", "asset = \"USDC\"");
            }
            if least.is_some_and(|least| least <= reserve) {
                pair.fault(
                    "its `at_least` is not above the `reserve`: there may be nothing left to pay",
                    "raise `at_least`, or lower the `reserve`",
                );
            }
        }
        Some(PaymentAmount::Fixed(fixed)) if !all_usdc || least.is_none_or(|least| fixed > least) => {
            let what = if all_usdc && least.is_some() {
                "whoever sends `at_least` makes it pay more than came in"
            } else {
                "what it pays is not bounded by the coin that comes in"
            };
            // Who is named may be trusted with it; who is not has to be.
            if pair.is_strict() && condition.from.is_none() && !pair.says("may_exceed") {
                pair.fault(what, "name who may, in `from`; or pay no more than `at_least`; or may_exceed = true");
            } else {
                pair.warn(what);
            }
        }
        Some(PaymentAmount::Fixed(_) | PaymentAmount::FillTo(_)) | None => {}
    }
}
