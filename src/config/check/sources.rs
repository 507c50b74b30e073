//! The price feeds.

use crate::config::check::input::{Input, Names};
use crate::config::checked::{FeedConfig, FeedKind};
use crate::config::raw::keys::FEED_KINDS;
use crate::config::raw::scope::{Said, Scope};
use crate::types::{Name, Pair, Secret};
use std::collections::BTreeSet;

/// Coinbase Exchange's public socket.
const COINBASE_URL: &str = "wss://ws-feed.exchange.coinbase.com";

/// Every `[[feed]]`, and the names of those that readiness needs.
pub(super) fn feeds(input: &Input<'_>) -> (Vec<FeedConfig>, BTreeSet<Name>) {
    let mut names = Names::default();
    let mut feeds: Vec<FeedConfig> = Vec::new();
    let mut required = BTreeSet::new();
    for scope in input.root.many("feed") {
        let Some(kind) = scope.kind("kind", &FEED_KINDS) else {
            continue;
        };
        let own = scope.text("name").unwrap_or(Said { value: kind, place: scope.place() });
        let name = names.take(own, input.notes);
        let pairs = pairs(&scope);
        let url = match scope.text("url") {
            Some(said) => input.url("url", said, &["wss", "ws"]).map(|(secret, _, _)| secret),
            None if scope.node("url").is_some() => None,
            None => Some(Secret::new(COINBASE_URL.into())),
        };
        let needed = scope.flag("required") == Some(true);
        if let (Some(name), Some(url)) = (name, url) {
            if needed {
                required.insert(name.clone());
            }
            feeds.push(FeedConfig { name, kind: FeedKind::Coinbase, url, pairs });
        }
    }
    (feeds, required)
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
