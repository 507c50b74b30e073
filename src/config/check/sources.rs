//! The price feeds.

use crate::config::check::input::{Input, Names};
use crate::config::checked::{FeedConfig, FeedKind};
use crate::config::raw::keys::FEED_KINDS;
use crate::config::raw::scope::{Said, Scope};
use crate::types::{Name, Pair, Secret};
use std::collections::BTreeSet;

/// Every `[[feed]]`, and the names of those that readiness needs.
pub(super) fn feeds(input: &Input<'_>) -> (Vec<FeedConfig>, BTreeSet<Name>) {
    let mut names = Names::default();
    let mut feeds: Vec<FeedConfig> = Vec::new();
    let mut required = BTreeSet::new();
    for scope in input.root.many("feed") {
        let Some(kind) = scope.kind("kind", &FEED_KINDS) else {
            continue;
        };
        let Some(venue) = FeedKind::ALL.into_iter().find(|venue| venue.word() == kind) else {
            continue;
        };
        let own = scope.text("name").unwrap_or(Said { value: kind, place: scope.place() });
        let name = names.take(own, input.notes);
        let pairs = pairs(&scope);
        if venue == FeedKind::Binance {
            against_dollars(&scope, own.value, &pairs);
        }
        let url = match scope.text("url") {
            Some(said) => input.url("url", said, &["wss", "ws"]).map(|(secret, _, _)| secret),
            None if scope.node("url").is_some() => None,
            None => Some(Secret::new(venue.url().into())),
        };
        let needed = scope.flag("required") == Some(true);
        if let (Some(name), Some(url)) = (name, url) {
            if needed {
                required.insert(name.clone());
            }
            feeds.push(FeedConfig { name, kind: venue, url, pairs });
        }
    }
    (feeds, required)
}

/// Binance itself refuses such a pair, so nothing feeds a rule on it. Whether another server that speaks its protocol has one, nobody knows.
fn against_dollars(scope: &Scope<'_>, feed: &str, pairs: &[Pair]) {
    let Some((pair, base)) = pairs.iter().find_map(|pair| Some((pair, pair.as_str().strip_suffix("-USD")?))) else {
        return;
    };
    let what = format!("feed {feed}: Binance trades nothing against US dollars themselves: nothing feeds {pair}");
    let hint = format!("`{base}-USDT` or `{base}-USDC` here, or {pair} of a [[feed]] of kind coinbase or kraken");
    match scope.node("url") {
        None => scope.notes.fault(scope.place(), what, hint),
        Some(_) => {
            scope.notes.warn(scope.place(), format!("{what}, unless the server of your `url` does; else {hint}"));
        }
    }
}

fn pairs(scope: &Scope<'_>) -> Vec<Pair> {
    if scope.node("pairs").is_none() {
        scope.missing("pairs", "for example [\"ETH-USD\"]");
    }
    let mut pairs = Vec::new();
    for said in scope.texts("pairs").unwrap_or_default() {
        match Pair::parse(said.value) {
            Some(pair) if pairs.contains(&pair) => {
                scope.notes.fault(said.place, format!("the pair {pair} stands twice"), "once is enough");
            }
            Some(pair) => pairs.push(pair),
            None => scope.notes.fault(
                said.place,
                "this is no pair",
                "BASE-QUOTE in capital letters, for example \"ETH-USD\"",
            ),
        }
    }
    if pairs.is_empty() && scope.node("pairs").is_some() {
        scope.notes.fault(scope.place(), "`pairs` is empty", "for example [\"ETH-USD\"]");
    }
    pairs
}
