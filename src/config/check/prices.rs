//! `[prices]`, and which pair values which asset.

use crate::config::amounts::split;
use crate::config::check::chains::Chains;
use crate::config::check::input::Input;
use crate::config::near;
use crate::config::raw::scope::{Said, Scope};
use crate::config::raw::tree::Value;
use crate::reactor::settings::{AtLeastUsd, PriceSettings};
use crate::types::chain::KnownChain;
use crate::types::{Address, Asset, ChainId, Name, Pair, Percent, Usd, parse_address};
use std::collections::BTreeMap;
use std::time::Duration;

/// A price that is older than a day is no price of now, whatever a config says.
const LONGEST_FRESH: Duration = Duration::from_hours(24);

/// `[prices]`.
pub(super) fn prices(input: &Input<'_>) -> PriceSettings {
    let mut prices = PriceSettings::default();
    let Some(scope) = input.root.one("prices") else { return prices };
    if let Some(said) = scope.span("stale_after") {
        if said.value > LONGEST_FRESH || said.value.is_zero() {
            input.notes.fault(said.place, "`stale_after` is zero or longer than a day", "for example \"5m\"");
        }
        prices.stale_after = said.value;
    }
    if let Some(said) = scope.text("disagree_percent") {
        match percent(said.value) {
            Some(percent) => prices.disagree = percent,
            None => {
                input.notes.fault(said.place, "`disagree_percent` is no percentage above zero", "for example \"2\"");
            }
        }
    }
    prices
}

/// A percentage above zero, with or without its sign.
pub(super) fn percent(text: &str) -> Option<Percent> {
    let number = text.strip_suffix('%').map_or(text, str::trim_end);
    Percent::parse(number).filter(|percent| *percent > Percent::default())
}

/// Which pair values which asset: the coins and tokens of the chain table that are worth anything, and whatever a `pair` is written for. Only
/// pairs that a feed reports.
pub(super) fn values(
    input: &Input<'_>,
    chains: &Chains,
    feeds: &BTreeMap<Name, Vec<Pair>>,
) -> BTreeMap<(ChainId, Asset), Pair> {
    let mut values = BTreeMap::new();
    for (id, chain) in &chains.all {
        // The coin of a test network, and of a chain that only calls its coin so, is worth nothing.
        let Some(known) = chain.known.filter(|known| !known.test) else { continue };
        let in_dollars = |symbol: &str| Pair::parse(&format!("{symbol}-USD"));
        if chain.settings.coin.as_str() == known.coin {
            values.extend(in_dollars(known.coin).map(|pair| ((*id, Asset::Coin), pair)));
        }
        values.extend(usdc(known).and_then(|(token, symbol)| Some(((*id, Asset::Token(token)), in_dollars(symbol)?))));
    }
    let written = |scope: &Scope<'_>, asset: Option<(ChainId, Asset)>, values: &mut BTreeMap<_, _>| {
        let Some(said) = scope.text("pair") else { return };
        match Pair::parse(said.value).filter(|pair| pair.as_str().ends_with("-USD")) {
            Some(pair) if feeds.values().flatten().any(|fed| *fed == pair) => {
                values.extend(asset.map(|asset| (asset, pair)));
            }
            Some(pair) => unfed(input, said, &pair, feeds),
            None => input.notes.fault(said.place, "`pair` is no pair in US dollars", "for example \"ETH-USD\""),
        }
    };
    for scope in input.root.many("chain") {
        let asset = chain_of(chains, &scope, "name").map(|chain| (chain, Asset::Coin));
        written(&scope, asset, &mut values);
    }
    for scope in input.root.many("token") {
        let contract = plain(&scope, "contract").and_then(|said| parse_address(said.value).ok());
        let asset = chain_of(chains, &scope, "chain").zip(contract);
        let asset = asset.map(|(chain, contract)| (chain, Asset::Token(contract)));
        written(&scope, asset, &mut values);
    }
    values.retain(|_, pair| feeds.values().flatten().any(|fed| fed == pair));
    values
}

/// A text that is read elsewhere too: what is wrong with it was noted there.
fn plain<'a>(scope: &Scope<'a>, key: &str) -> Option<Said<'a, &'a str>> {
    let node = scope.node(key)?;
    match &node.value {
        Value::Text(text) => Some(Said { value: text, place: &node.place }),
        Value::List(_) | Value::Integer(_) | Value::Flag(_) | Value::Other(_) | Value::Table(_) => None,
    }
}

fn chain_of(chains: &Chains, scope: &Scope<'_>, key: &str) -> Option<ChainId> {
    let said = plain(scope, key)?;
    chains.all.values().find(|chain| chain.settings.name.as_str() == said.value).map(|chain| chain.settings.id)
}

fn usdc(known: &KnownChain) -> Option<(Address, &'static str)> {
    known.usdc.as_ref().map(|token| (token.address, token.symbol))
}

fn unfed(input: &Input<'_>, said: Said<'_, &str>, pair: &Pair, feeds: &BTreeMap<Name, Vec<Pair>>) {
    // Where a feed is faulty the missing pair may only be a consequence.
    if input.root.many("feed").len() == feeds.len() {
        let near = near::nearest(pair.as_str(), feeds.values().flatten().map(Pair::as_str));
        let near = near.map_or_else(String::new, |near| format!(", or did you mean `{near}`?"));
        let what = format!("no feed reports {pair}: nothing can value this");
        input.notes.fault(said.place, what, format!("add it to the `pairs` of a [[feed]]{near}"));
    }
}

/// `at_least_usd`, or `at_least` in US dollars; and what is said where nobody knows the price.
pub(super) fn at_least_usd(input: &Input<'_>, scope: &Scope<'_>) -> Option<AtLeastUsd> {
    let in_dollars = |said: &Said<'_, &str>| split(said.value).unit == Some("USD");
    let said = scope.text("at_least_usd").or_else(|| plain(scope, "at_least").filter(in_dollars));
    let words = [("speak", true), ("skip", false)];
    let without_price = scope.word("without_price", &words);
    let Some(said) = said else {
        if let Some(word) = without_price {
            input.notes.warn(word.place, "`without_price` means nothing without `at_least_usd`".to_owned());
        }
        return None;
    };
    let written = split(said.value);
    let worth = Usd::parse(written.number).filter(|_| written.unit.is_none_or(|unit| unit == "USD"));
    if worth.is_none() {
        let what = "this is no sum of US dollars";
        input.notes.fault(said.place, what, "digits with at most two behind the point, for example \"1000\"");
    }
    Some(AtLeastUsd { worth: worth?, unknown_speaks: without_price.is_none_or(|word| word.value) })
}
