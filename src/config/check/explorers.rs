//! Etherscan, and the explorers that read what its key does not cover: each an account with a budget of its own.

use crate::config::check::chains::Chains;
use crate::config::check::explorer_names::{ETHERSCAN, name};
use crate::config::check::input::Input;
use crate::config::checked::ExplorerConfig;
use crate::config::faults::Place;
use crate::config::near;
use crate::config::raw::scope::{Said, Scope};
use crate::config::urls;
use crate::types::{ChainId, Name, Secret, chain};
use crate::wire::etherscan::Dialect;
use std::collections::BTreeMap;
use url::Url;

/// Etherscan's one address for every chain.
const ETHERSCAN_URL: &str = "https://api.etherscan.io/v2/api";
/// Blockscout's common host, which wants a key; instances of single chains do not.
const BLOCKSCOUT_HOST: &str = "api.blockscout.com";
/// The path of an instance's API.
const BLOCKSCOUT_PATH: &str = "/api";

/// What a free account of this kind may do, by the second and by the day (facts/etherscan.md §4 and §10).
const fn usual(dialect: Dialect, has_key: bool) -> (u64, u64) {
    match dialect {
        Dialect::Etherscan => (3, 100_000),
        // A call is 20 credits of 100,000. Without a key an instance allows three a second, and says nothing of the day.
        Dialect::Blockscout => (if has_key { 5 } else { 3 }, 5_000),
        Dialect::Routescan => (2, 10_000),
    }
}

/// The section that a source of this name was read from.
pub(super) fn section<'a>(input: &Input<'a>, source: &Name) -> Option<Scope<'a>> {
    if source.as_str() == ETHERSCAN {
        return input.root.one("etherscan");
    }
    let is_it = |scope: &Scope<'a>| {
        let dialect = scope.plain("kind").and_then(Dialect::from_word);
        dialect.zip(scope.plain("chain")).is_some_and(|(dialect, chain)| name(dialect, chain) == *source)
    };
    input.root.many("explorer").into_iter().find(is_it)
}

/// Etherscan first, then every `[[explorer]]`.
pub(super) fn check(input: &Input<'_>, chains: &Chains) -> Vec<ExplorerConfig> {
    let mut taken: BTreeMap<ChainId, Place> = BTreeMap::new();
    let mut keys: Vec<(Name, Secret)> = Vec::new();
    let mut explorers: Vec<ExplorerConfig> = etherscan(input, chains).into_iter().collect();
    for scope in input.root.many("explorer") {
        let Some(explorer) = explorer(input, &scope, chains, &mut taken) else { continue };
        let shared =
            explorer.api_key.as_ref().and_then(|key| keys.iter().find(|(_, known)| known.expose() == key.expose()));
        if let Some((first, _)) = shared {
            let what = format!("{first} and {} have one key, and each is given all of its calls", explorer.name);
            input
                .notes
                .warn(scope.place(), format!("{what}: share `calls_per_day` and `calls_per_second` out between them"));
        }
        keys.extend(explorer.api_key.iter().map(|key| (explorer.name.clone(), key.clone())));
        explorers.push(explorer);
    }
    explorers
}

/// `[etherscan]`.
fn etherscan(input: &Input<'_>, chains: &Chains) -> Option<ExplorerConfig> {
    let scope = input.root.one("etherscan")?;
    let url = scope.text("url").unwrap_or(Said { value: ETHERSCAN_URL, place: scope.place() });
    let api_key = scope.need("api_key", "\"env:ETHERSCAN_API_KEY\"").and_then(|said| input.secret("api_key", said));
    let (calls_per_second, calls_per_day) = limits(&scope, Dialect::Etherscan, true);
    let (secret, parsed, _) = input.url("url", url, &["https", "http"])?;
    of_url(input, url, &parsed, "the Etherscan key", true);
    let ours =
        |chain: &&super::chains::Chain| chain.settings.explorer.as_ref().is_some_and(|it| it.as_str() == ETHERSCAN);
    Some(ExplorerConfig {
        name: ETHERSCAN.into(),
        dialect: Dialect::Etherscan,
        url: secret,
        api_key: Some(api_key?),
        calls_per_second,
        calls_per_day,
        chains: chains.all.values().filter(ours).map(|chain| chain.settings.id).collect(),
    })
}

/// One `[[explorer]]`.
fn explorer(
    input: &Input<'_>,
    scope: &Scope<'_>,
    chains: &Chains,
    taken: &mut BTreeMap<ChainId, Place>,
) -> Option<ExplorerConfig> {
    let kind = scope.need("kind", "blockscout, routescan or etherscan");
    let dialect = kind.and_then(|said| dialect(input, said));
    let written = scope.need("chain", "the name of the chain that it reads");
    let chain = written.and_then(|said| chains.find(input, said));
    let key = scope.text("api_key");
    let api_key = key.map(|said| input.secret("api_key", said));
    let (dialect, written, chain) = (dialect?, written?, chain?);
    if let Some(first) = taken.insert(chain, scope.place().clone()) {
        let what = format!("{} has an [[explorer]] already, at {first}", written.value);
        input.notes.fault(scope.place(), what, "a chain has one explorer");
        return None;
    }
    if dialect == Dialect::Etherscan && key.is_none() {
        scope.missing("api_key", "Etherscan answers nothing without a key");
    }
    let (calls_per_second, calls_per_day) = limits(scope, dialect, key.is_some());
    let url = match scope.text("url") {
        Some(said) => {
            let (secret, parsed, _) = input.url("url", said, &["https", "http"])?;
            let name = name(dialect, written.value);
            of_url(input, said, &parsed, &format!("the key of {name}"), key.is_some());
            if dialect == Dialect::Blockscout && !input.is_left(said) && !is_blockscout(&parsed) {
                let hint = "https://HOST/api of an instance, or https://api.blockscout.com/CHAIN_ID/api with a key";
                input.notes.fault(said.place, "`url` of a blockscout explorer does not end in /api", hint);
            }
            if parsed.host_str() == Some(BLOCKSCOUT_HOST) && key.is_none() {
                scope.missing(
                    "api_key",
                    "api.blockscout.com answers nothing without a key; an instance of the chain does",
                );
            }
            secret
        }
        None if scope.node("url").is_some() => return None,
        None => Secret::new(usual_url(scope, dialect, chain, key.is_some())?),
    };
    if !chains.all.contains_key(&chain) {
        let what = format!("nothing is watched on {}: its [[explorer]] is not asked", written.value);
        input.notes.warn(scope.place(), what);
    }
    Some(ExplorerConfig {
        name: name(dialect, written.value),
        dialect,
        url,
        // A key that cannot be fetched was noted.
        api_key: match api_key {
            Some(found) => Some(found?),
            None => None,
        },
        calls_per_second,
        calls_per_day,
        chains: chains.all.contains_key(&chain).then_some(chain).into_iter().collect(),
    })
}

fn dialect(input: &Input<'_>, said: Said<'_, &str>) -> Option<Dialect> {
    let dialect = Dialect::from_word(said.value);
    if dialect.is_none() {
        let what = format!("`kind` cannot be `{}`", crate::types::text::Untrusted::new(said.value).as_str());
        input.notes.fault(said.place, what, near::hint(said.value, Dialect::ALL.map(Dialect::word)));
    }
    dialect
}

/// Calls a second and a day.
fn limits(scope: &Scope<'_>, dialect: Dialect, has_key: bool) -> (u32, u32) {
    let (second, day) = usual(dialect, has_key);
    let per_second = scope.number("calls_per_second", 1, 1_000).map_or(second, |said| said.value);
    let per_day = scope.number("calls_per_day", 1, 100_000_000).map_or(day, |said| said.value);
    (u32::try_from(per_second).unwrap_or(u32::MAX), u32::try_from(per_day).unwrap_or(u32::MAX))
}

/// What holds for every explorer's url.
fn of_url(input: &Input<'_>, said: Said<'_, &str>, parsed: &Url, key: &str, has_key: bool) {
    if parsed.query().is_some() {
        input.notes.fault(said.place, "`url` of an explorer has a query", "leave everything from the `?` on out");
    }
    if has_key && urls::is_clear(parsed) {
        input.notes.warn(said.place, format!("{key} goes to {} in the clear", urls::shown(parsed)));
    }
}

fn is_blockscout(url: &Url) -> bool {
    url.path().trim_end_matches('/').ends_with(BLOCKSCOUT_PATH)
}

/// Where a kind of explorer reads a chain, where it has one address for that.
fn usual_url(scope: &Scope<'_>, dialect: Dialect, id: ChainId, has_key: bool) -> Option<String> {
    match dialect {
        Dialect::Etherscan => Some(ETHERSCAN_URL.into()),
        Dialect::Blockscout if has_key => Some(format!("https://{BLOCKSCOUT_HOST}/{id}{BLOCKSCOUT_PATH}")),
        Dialect::Blockscout => {
            let hint = "https://HOST/api of an instance of the chain; or an `api_key`, with which api.blockscout.com reads every chain";
            scope.missing("url", hint);
            None
        }
        Dialect::Routescan => {
            let network = if chain::by_id(id).is_some_and(|known| known.test) { "testnet" } else { "mainnet" };
            Some(format!("https://api.routescan.io/v2/network/{network}/evm/{id}/etherscan/api"))
        }
    }
}
