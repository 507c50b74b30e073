//! Etherscan and the price feeds.

use crate::config::check::chains::Chains;
use crate::config::check::input::{Input, Names};
use crate::config::checked::{EtherscanConfig, FeedConfig, FeedKind};
use crate::config::raw::keys::FEED_KINDS;
use crate::config::raw::scope::{Said, Scope};
use crate::config::urls;
use crate::types::{Name, Pair, Secret};
use std::collections::BTreeSet;

/// Etherscan's one address for every chain.
const ETHERSCAN_URL: &str = "https://api.etherscan.io/v2/api";
/// Of a free key.
const CALLS_PER_SECOND: u64 = 3;
/// Of a free key.
const CALLS_PER_DAY: u64 = 100_000;

/// `[etherscan]`.
pub(super) fn etherscan(input: &Input<'_>, chains: &Chains) -> Option<EtherscanConfig> {
    let scope = input.root.one("etherscan")?;
    let url = scope.text("url").unwrap_or(Said { value: ETHERSCAN_URL, place: scope.place() });
    let api_key = scope.need("api_key", "\"env:ETHERSCAN_API_KEY\"").and_then(|said| input.secret("api_key", said));
    let per_second = scope.number("calls_per_second", 1, 1_000).map_or(CALLS_PER_SECOND, |said| said.value);
    let per_day = scope.number("calls_per_day", 1, 100_000_000).map_or(CALLS_PER_DAY, |said| said.value);
    let (secret, parsed, _) = input.url("url", url, &["https", "http"])?;
    if parsed.query().is_some() {
        input.notes.fault(url.place, "`url` of [etherscan] has a query", "leave everything from the `?` on out");
    }
    if urls::is_clear(&parsed) {
        input.notes.warn(url.place, format!("the Etherscan key goes to {} in the clear", urls::shown(&parsed)));
    }
    let covered = chains.all.values().filter(|chain| chain.settings.explorer.is_some());
    Some(EtherscanConfig {
        url: secret,
        api_key: api_key?,
        calls_per_second: u32::try_from(per_second).unwrap_or(u32::MAX),
        calls_per_day: u32::try_from(per_day).unwrap_or(u32::MAX),
        chains: covered.map(|chain| chain.settings.id).collect(),
    })
}

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
        if venue == FeedKind::Binance && pairs.iter().any(|pair| pair.as_str().ends_with("-USD")) {
            let what = "Binance trades nothing against US dollars themselves: its pairs end in -USDT, -USDC or -FDUSD";
            input.notes.warn(scope.place(), format!("feed {}: {what}", own.value));
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
