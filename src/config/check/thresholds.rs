//! Levels with hysteresis: prices, gas and balances.

use crate::config::amounts::{self, split};
use crate::config::check::chains::{Chain, Chains};
use crate::config::check::input::Input;
use crate::config::check::prices::percent;
use crate::config::coverage::{self, Matter, Report};
use crate::config::near;
use crate::config::raw::scope::{Said, Scope};
use crate::config::raw::tree::Value;
use crate::reactor::settings::{ChangeCondition, Condition, GasCondition, Move, PriceCondition, Side, Threshold};
use crate::types::amount::parse_amount;
use crate::types::gas::Fee;
use crate::types::{Name, Pair, Percent, Price, U256};
use std::collections::BTreeMap;
use std::time::Duration;

/// The longest window of a price: its minutes are kept, 10,080 of them.
const LONGEST_WINDOW: Duration = Duration::from_hours(7 * 24);

/// In wei: no gas was ever as dear as a tenth of a coin a unit, on any chain. Who writes that means the cost of a transaction.
const DEAREST_GAS: u64 = 100_000_000_000_000_000;

/// `when = "price"`: a level, or a change within a time.
pub(super) fn price(input: &Input<'_>, scope: &Scope<'_>, feeds: &BTreeMap<Name, Vec<Pair>>) -> Option<Condition> {
    let pair = scope.need("pair", "for example pair = \"ETH-USD\"").and_then(|said| {
        let pair = Pair::parse(said.value);
        if pair.is_none() {
            input.notes.fault(said.place, "this is no pair", "BASE-QUOTE in capital letters, for example \"ETH-USD\"");
        }
        pair.map(|pair| Said { value: pair, place: said.place })
    });
    if let Some(said) = &pair {
        let fed = || feeds.values().flatten().map(Pair::as_str);
        if !fed().any(|word| word == said.value.as_str()) && feeds_are_whole(input, feeds) {
            let near = near::nearest(said.value.as_str(), fed())
                .map(|near| format!(", or did you mean `{near}`?"))
                .unwrap_or_default();
            let what = format!("no feed reports {}: nothing can feed this rule", said.value);
            input.notes.fault(said.place, what, format!("add it to the `pairs` of a [[feed]]{near}"));
        }
    }
    let quote = pair.as_ref().and_then(|said| said.value.as_str().split_once('-')).map(|(_, quote)| quote.to_owned());
    let read = |key: &str, said: Said<'_, &str>| {
        let written = split(said.value);
        if let (Some(unit), Some(quote)) = (written.unit, &quote)
            && unit != quote
        {
            input.notes.fault(
                said.place,
                format!("`{key}` is not in {quote}"),
                format!("for example \"2500 {quote}\""),
            );
            return None;
        }
        let price = Price::parse(written.number);
        if price.is_none() {
            input.notes.fault(
                said.place,
                format!("`{key}` is no price"),
                "digits above zero with at most one point, for example \"2500.50\"",
            );
        }
        price
    };
    if scope.node("change_percent").is_some() || scope.node("within").is_some() {
        return change(input, scope, pair.map(|said| said.value)).map(Condition::Change);
    }
    let threshold = threshold(scope, read)?;
    Some(Condition::Price(PriceCondition { pair: pair?.value, threshold }))
}

/// `change_percent` with `within`.
fn change(input: &Input<'_>, scope: &Scope<'_>, pair: Option<Pair>) -> Option<ChangeCondition> {
    for key in ["below", "above"] {
        if let Some(node) = scope.table.get(key) {
            let what = format!("`{key}` and `change_percent` exclude each other");
            input.notes.fault(&node.place, what, "write a rule for each");
        }
    }
    let said = scope.need("change_percent", "for example change_percent = \"-5\", with `within`");
    let (movement, number) = match said.as_ref().map(|said| said.value.trim()) {
        Some(text) => match (text.strip_prefix('-'), text.strip_prefix('+')) {
            (Some(number), _) => (Move::Fall, number),
            (None, Some(number)) => (Move::Rise, number),
            (None, None) => (Move::Either, text),
        },
        None => (Move::Either, ""),
    };
    let level = percent(number);
    if let (Some(said), None) = (&said, level) {
        let hint = "\"5\" for either way, \"-5\" for a fall, \"+5\" for a rise";
        input.notes.fault(said.place, "`change_percent` is no percentage above zero", hint);
    }
    if let (Some(said), Some(level)) = (&said, level)
        && level >= Percent::whole(100)
    {
        match movement {
            Move::Fall => {
                let what = "no price can fall by 100 % or more: this rule could never speak";
                input.notes.fault(said.place, what, "less than 100, for example \"-5\"; \"+150\" for a rise");
                return None;
            }
            Move::Either => {
                let what =
                    "no price can fall by 100 % or more: `change_percent` speaks of rises only, which \"+\" says";
                input.notes.warn(said.place, what.to_owned());
            }
            Move::Rise => {}
        }
    }
    if scope.node("within").is_none() {
        scope.missing("within", "for example within = \"1h\"");
    }
    let within = scope.span("within").filter(|said| {
        let good =
            said.value <= LONGEST_WINDOW && said.value.as_secs() >= 60 && said.value.as_secs().is_multiple_of(60);
        if !good {
            input.notes.fault(said.place, "`within` is not whole minutes up to a week", "for example \"1h\"");
        }
        good
    });
    let back = scope.text("recovers_at").map(|said| (said.place, percent(said.value)));
    let recovers_at = match back {
        Some((place, None)) => {
            input.notes.fault(place, "`recovers_at` of a change is no percentage above zero", "for example \"2\"");
            return None;
        }
        Some((place, Some(back))) if level.is_some_and(|level| back > level) => {
            let what = "`recovers_at` lies above the threshold: it would be crossed and recovered at once";
            input.notes.fault(place, what, "write less than `change_percent`, or leave it out");
            return None;
        }
        Some((_, Some(back))) => Some(back),
        None => {
            let what = "no `recovers_at`: it is the threshold itself, so a change that trembles around it speaks often";
            input.notes.warn(scope.place(), what.to_owned());
            level
        }
    };
    let hold = scope.span("for").map_or(Duration::ZERO, |said| said.value);
    let at_most_every = scope.span("at_most_every").map(|said| said.value);
    let threshold = Threshold { side: Side::Above, level: level?, recovers_at: recovers_at?, hold, at_most_every };
    Some(ChangeCondition { pair: pair?, within: within?.value, movement, threshold })
}

/// Whether every feed was read without a fault: else a missing pair may only be a consequence.
fn feeds_are_whole(input: &Input<'_>, feeds: &BTreeMap<Name, Vec<Pair>>) -> bool {
    input.root.many("feed").len() == feeds.len()
}

/// `when = "gas"`.
pub(super) fn gas(input: &Input<'_>, scope: &Scope<'_>, chains: &Chains) -> Option<GasCondition> {
    let of = scope.word("of", &Fee::ALL.map(|fee| (fee.word(), fee))).map_or(Fee::Base, |said| said.value);
    let said = scope.need("chain", "for example chain = \"ethereum\"");
    let id = said.and_then(|said| chains.find(input, said));
    let chain = id.and_then(|id| chains.all.get(&id));
    if let (Some(chain), Some(said)) = (chain, said)
        && coverage::best(&chain.settings, Matter::of_fee(of)) < Report::InTime
    {
        told_by_explorer(input, chain, said, of);
    }
    let coin = chain.map_or_else(|| "ETH".into(), |chain| chain.settings.coin.to_string());
    let read = |key: &str, said: Said<'_, &str>| {
        let written = split(said.value);
        let point = written.unit.and_then(|unit| amounts::coin_unit(unit, &coin, 18));
        let Some(point) = point else {
            input.notes.fault(said.place, format!("`{key}` of a gas rule needs its unit"), "for example \"60 gwei\"");
            return None;
        };
        match parse_amount(written.number, point) {
            Ok(raw) if raw >= U256::from(DEAREST_GAS) => {
                let what =
                    format!("`{key}` is the price of one unit of gas: at it a plain transfer costs 21,000 times that");
                input.notes.fault(said.place, what, "for example \"60 gwei\"");
                None
            }
            Ok(raw) if raw > U256::ZERO => Some(raw),
            Ok(_) => {
                input.notes.fault(said.place, format!("`{key}` is zero"), "for example \"60 gwei\"");
                None
            }
            Err(fault) => {
                amounts::note(input.notes, said.place, key, fault);
                None
            }
        }
    };
    let threshold = threshold(scope, read)?;
    Some(GasCondition { chain: id?, threshold, of })
}

/// What an explorer's gas oracle can tell where there is no node: not the base fee of a block, for it speaks of the next one.
fn told_by_explorer(input: &Input<'_>, chain: &Chain, said: Said<'_, &str>, of: Fee) {
    let settings = &chain.settings;
    let what = format!("no source can report gas prices of {}", settings.name);
    match (settings.explorer.is_some(), of) {
        (false, _) => input.notes.fault(said.place, what, format!("give [[chain]] {} an `rpc`", settings.name)),
        (true, Fee::Base) => {
            let what = format!("{what}: its explorer tells what the next block takes, and the tips");
            let hint = format!("of = \"next_base_fee\" or \"priority\", or give [[chain]] {} an `rpc`", settings.name);
            input.notes.fault(said.place, what, hint);
        }
        (true, Fee::NextBase | Fee::Priority) => {
            let what = "only the explorer's gas oracle tells it, every minute, and not every chain has one";
            input.notes.warn(said.place, format!("a gas rule on {}: {what}", settings.name));
        }
    }
}

/// Reads a level with its way back; `read` says what a number means.
pub(super) fn threshold<T: Clone + Ord>(
    scope: &Scope<'_>,
    read: impl Fn(&str, Said<'_, &str>) -> Option<T>,
) -> Option<Threshold<T>> {
    let hold = scope.span("for").map_or(Duration::ZERO, |said| said.value);
    let at_most_every = scope.span("at_most_every").map(|said| said.value);
    let Some((key, node)) = scope.either("below", "above") else {
        scope.missing("below", "`below` or `above`, with `recovers_at`");
        return None;
    };
    let Value::Text(text) = &node.value else {
        let what = format!("`{key}` is {}", node.value.called());
        scope.notes.fault(&node.place, what, "write it in quotes: numbers of money are exact text");
        return None;
    };
    let side = if key == "below" { Side::Below } else { Side::Above };
    let level = read(key, Said { value: text, place: &node.place });
    let back = scope.text("recovers_at");
    let recovers_at = match back {
        Some(said) => read("recovers_at", said),
        None if scope.node("recovers_at").is_some() => None,
        None => {
            scope.notes.warn(
                &node.place,
                format!(
                    "no `recovers_at`: it is the threshold itself, so a value that trembles around `{key}` speaks often"
                ),
            );
            level.clone()
        }
    };
    let (level, recovers_at) = (level?, recovers_at?);
    let wrong = match side {
        Side::Below => recovers_at < level,
        Side::Above => recovers_at > level,
    };
    if wrong {
        let (word, place) =
            (if side == Side::Below { "below" } else { "above" }, back.map_or(&node.place, |said| said.place));
        let what = format!("`recovers_at` lies {word} the threshold: it would be crossed and recovered at once");
        scope.notes.fault(place, what, "put it on the other side, or leave it out");
        return None;
    }
    Some(Threshold { side, level, recovers_at, hold, at_most_every })
}
