//! What is otherwise in a config than in the one before, in words. Names only: no url and no secret.

use crate::config::checked::{Config, EndpointConfig, FeedConfig, SinkConfig, TokenConfig};
use crate::reactor::settings::{ChainSettings, Rule, SinkSettings, Watch};
use crate::types::Name;
use std::collections::BTreeMap;

/// The most names in one line: a list that was replaced as a whole has thousands.
const MOST_NAMES: usize = 20;

/// What changed from one config to the next.
pub(super) fn differences(old: &Config, new: &Config) -> Vec<String> {
    let lines = [
        of("rules", &rules(old), &rules(new)),
        of("watches", &watches(old), &watches(new)),
        of("sinks", &sinks(old), &sinks(new)),
        of("chains", &chains(old), &chains(new)),
        of("endpoints", &endpoints(old), &endpoints(new)),
        of("feeds", &feeds(old), &feeds(new)),
        of("tokens of the API", &tokens(old), &tokens(new)),
    ];
    let (before, after) = (&old.settings, &new.settings);
    let parts = [
        ("the settings of explorers", old.explorers != new.explorers),
        ("known tokens", before.tokens != after.tokens),
        ("what is made of prices", (&before.prices, &before.values) != (&after.prices, &after.values)),
        ("built-in alerts", before.system != after.system),
        ("templates", old.templates != new.templates),
        ("which balances are shown", before.balances != after.balances),
        ("how long things are kept", kept(old) != kept(new)),
    ];
    let parts = parts.into_iter().filter(|(_, changed)| *changed).map(|(part, _)| format!("{part} changed"));
    lines.into_iter().flatten().chain(parts).collect()
}

fn rules(config: &Config) -> BTreeMap<Name, &Rule> {
    config.settings.rules.iter().map(|rule| (rule.name.clone(), rule)).collect()
}

fn watches(config: &Config) -> BTreeMap<Name, &Watch> {
    config.settings.watches.iter().map(|watch| (watch.name.clone(), watch)).collect()
}

fn sinks(config: &Config) -> BTreeMap<Name, (&SinkConfig, Option<&SinkSettings>)> {
    let of_reactor = |name: &Name| config.settings.sinks.get(name);
    config.sinks.iter().map(|sink| (sink.name.clone(), (sink, of_reactor(&sink.name)))).collect()
}

fn chains(config: &Config) -> BTreeMap<Name, (&ChainSettings, bool)> {
    let required = |chain: &ChainSettings| config.required_chains.contains(&chain.id);
    config.settings.chains.values().map(|chain| (chain.name.clone(), (chain, required(chain)))).collect()
}

fn endpoints(config: &Config) -> BTreeMap<Name, &EndpointConfig> {
    let called = |endpoint: &EndpointConfig| {
        let chain = config.settings.chains.get(&endpoint.chain).map(|chain| chain.name.to_string());
        let chain = chain.unwrap_or_else(|| endpoint.chain.to_string());
        Name::from(format!("{chain}/{}", endpoint.name))
    };
    config.endpoints.iter().map(|endpoint| (called(endpoint), endpoint)).collect()
}

fn feeds(config: &Config) -> BTreeMap<Name, (&FeedConfig, bool)> {
    let required = |name: &Name| config.required_feeds.contains(name);
    config.feeds.iter().map(|feed| (feed.name.clone(), (feed, required(&feed.name)))).collect()
}

fn tokens(config: &Config) -> BTreeMap<Name, &TokenConfig> {
    config.http.tokens.iter().map(|token| (token.name.clone(), token)).collect()
}

/// What no running process can change.
pub(super) fn fixed(old: &Config, new: &Config) -> Vec<String> {
    let mut all = Vec::new();
    if old.http.listen != new.http.listen {
        let (stays, said) = (old.http.listen, new.http.listen);
        all.push(format!("[http] listen is {said} in the file and stays {stays} until the next start"));
    }
    if old.store.path != new.store.path {
        all.push("[store] url is another in the file: the store stays until the next start".to_owned());
    }
    if old.inbound != new.inbound {
        all.push("[inbound] is another in the file: hooks are received as before until the next start".to_owned());
    }
    all
}

const fn kept(config: &Config) -> (Option<std::time::Duration>, Option<std::time::Duration>) {
    (config.store.keep_outbox, config.store.keep_transfers)
}

/// `rules: added a; removed b; changed c`
fn of<T: PartialEq>(what: &str, before: &BTreeMap<Name, T>, after: &BTreeMap<Name, T>) -> Option<String> {
    let added = after.keys().filter(|name| !before.contains_key(*name)).collect();
    let removed = before.keys().filter(|name| !after.contains_key(*name)).collect();
    let other = |(name, it): &(&Name, &T)| before.get(*name).is_some_and(|old| old != *it);
    let changed = after.iter().filter(other).map(|(name, _)| name).collect();
    let parts: Vec<String> = [("added", added), ("removed", removed), ("changed", changed)]
        .into_iter()
        .filter(|(_, found): &(_, Vec<&Name>)| !found.is_empty())
        .map(|(word, found)| format!("{word} {}", names(&found)))
        .collect();
    (!parts.is_empty()).then(|| format!("{what}: {}", parts.join("; ")))
}

/// The names; of very many the first, and how many more.
fn names(all: &[&Name]) -> String {
    let shown: Vec<&str> = all.iter().take(MOST_NAMES).map(|name| name.as_str()).collect();
    match all.len().saturating_sub(MOST_NAMES) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}
