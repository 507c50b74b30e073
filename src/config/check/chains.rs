//! Chains: the known ones with what the config changes, others as they are written; and their endpoints.

use crate::config::check::endpoints;
use crate::config::check::explorer_names::{self, ETHERSCAN};
use crate::config::check::input::{Input, Names, Taken};
use crate::config::checked::EndpointConfig;
use crate::config::near;
use crate::config::raw::scope::{Said, Scope};
use crate::config::raw::tree::{Node, Value};
use crate::reactor::settings::{ChainSettings, Confirmed};
use crate::types::chain::{self, EtherscanPlan, KnownChain};
use crate::types::{ChainId, Name};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// A chain is blind after so many block times without a block: single missed blocks are usual everywhere.
const STALE_BLOCKS: u32 = 10;
/// And, unless the config says so, never sooner than this: reconnecting takes a while.
const STALE_LEAST: Duration = Duration::from_mins(1);
/// Who hears of a silent chain later than this could as well not be told.
const STALE_MOST: Duration = Duration::from_hours(24);
/// Deeper than any chain was ever rewritten; beyond it a number is a typing mistake.
const DEEPEST: u64 = 1_000_000;

/// One chain of the config, or a known one that a watch or rule names.
#[derive(Debug)]
pub(super) struct Chain {
    /// As the reactor sees it.
    pub settings: ChainSettings,
    /// Its row in the chain table.
    pub known: Option<&'static KnownChain>,
    /// What `required` says.
    pub required: Option<bool>,
}

/// All chains.
#[derive(Debug, Default)]
pub(super) struct Chains {
    /// In order of their ids.
    pub all: BTreeMap<ChainId, Chain>,
    /// Those with a `[[chain]]` of their own: what "all" means.
    pub configured: Vec<ChainId>,
    /// Endpoints in the order of the config.
    pub endpoints: Vec<EndpointConfig>,
    /// Written names, also of chains with faults.
    names: BTreeSet<String>,
}

impl Chains {
    /// The chain of this name; notes an unknown one. A chain with faults of its own is passed over in silence.
    pub(super) fn find(&self, input: &Input<'_>, said: Said<'_, &str>) -> Option<ChainId> {
        if let Some((id, _)) = self.all.iter().find(|(_, chain)| chain.settings.name.as_str() == said.value) {
            return Some(*id);
        }
        if self.names.contains(said.value) {
            return None;
        }
        if let Some(known) = chain::by_name(said.value) {
            return Some(known.id);
        }
        let known = chain::known().iter().map(|chain| chain.name).chain(self.names.iter().map(String::as_str));
        let hint = near::nearest(said.value, known).map_or_else(
            || "write a [[chain]] with its name, chain_id, coin, block_time, confirmations and final_after".into(),
            |near| format!("did you mean `{near}`?"),
        );
        input.notes.fault(said.place, "there is no chain of this name", hint);
        None
    }

    /// The name of a chain.
    #[must_use]
    pub(super) fn name(&self, id: ChainId) -> String {
        let ours = self.all.get(&id).map(|chain| chain.settings.name.to_string());
        ours.or_else(|| chain::by_id(id).map(|known| known.name.into())).unwrap_or_else(|| id.to_string())
    }
}

/// Reads every `[[chain]]`, and adds the known chains that watches and rules name.
pub(super) fn check(input: &Input<'_>) -> Chains {
    let mut chains = Chains::default();
    let mut names = Names::default();
    let mut ids: Taken<ChainId> = BTreeMap::new();
    for scope in input.root.many("chain") {
        if let Some(said) = scope.table.get("name")
            && let Value::Text(name) = &said.value
        {
            chains.names.insert(name.clone());
        }
        let Some(name) = names.claim(&scope) else {
            continue;
        };
        one(input, &scope, name, &mut ids, &mut chains);
    }
    for said in named(input) {
        if let Some(known) = chain::by_name(said.value)
            && !chains.names.contains(known.name)
            && !chains.all.contains_key(&known.id)
        {
            chains.all.insert(known.id, from_table(input, known));
        }
    }
    for (id, chain) in &chains.all {
        let settings = &chain.settings;
        if settings.endpoints.is_empty()
            && settings.explorer.is_none()
            && !chains.endpoints.iter().any(|e| e.chain == *id)
        {
            let place = ids.get(id).map(|(_, place)| place);
            let place = place.or_else(|| {
                named(input).into_iter().find(|said| said.value == settings.name.as_str()).map(|said| said.place)
            });
            let what = format!("nothing can read the chain {}", settings.name);
            input.notes.fault(place.unwrap_or(input.root.place()), what, why_unread(input, chain));
        }
    }
    chains
}

fn why_unread(input: &Input<'_>, chain: &Chain) -> String {
    let name = &chain.settings.name;
    let plan = match chain.known.map(|known| known.etherscan) {
        Some(EtherscanPlan::Free) if input.root.one("etherscan").is_none() => ", or write an [etherscan] section",
        Some(EtherscanPlan::Paid) => ", or `etherscan = true` where your key is a paid one",
        Some(EtherscanPlan::Free | EtherscanPlan::Gone) | None => "",
    };
    format!("give [[chain]] {name} an `rpc`{plan}, or write an [[explorer]] for it (blockscout or routescan)")
}

/// Chains that watches and gas rules name.
fn named<'a>(input: &Input<'a>) -> Vec<Said<'a, &'a str>> {
    let text = |node: Option<&'a Node>| match node.map(|node| (&node.value, node)) {
        Some((Value::Text(text), node)) => vec![Said { value: text.as_str(), place: &node.place }],
        Some((Value::List(items), _)) => items
            .iter()
            .filter_map(|item| match &item.value {
                Value::Text(text) => Some(Said { value: text.as_str(), place: &item.place }),
                Value::Integer(_) | Value::Flag(_) | Value::Other(_) | Value::List(_) | Value::Table(_) => None,
            })
            .collect(),
        Some((Value::Integer(_) | Value::Flag(_) | Value::Other(_) | Value::Table(_), _)) | None => Vec::new(),
    };
    let watches = input.root.many("watch").into_iter().flat_map(|scope| text(scope.table.get("chains")));
    let gas = input.root.many("rule").into_iter().flat_map(|scope| text(scope.node("chain")));
    watches.chain(gas).collect()
}

/// After how long without a block a chain is blind, where the config does not say it.
fn usual_silence(block_time: Duration) -> Duration {
    (block_time * STALE_BLOCKS).max(STALE_LEAST)
}

fn stale_after(input: &Input<'_>, scope: &Scope<'_>, block_time: Duration) -> Duration {
    match scope.span("stale_after") {
        Some(said) if (block_time..=STALE_MOST).contains(&said.value) => said.value,
        Some(said) => {
            let advice = "longer than the time between blocks, and a day at most, for example \"30s\"";
            input.notes.fault(said.place, "`stale_after` is out of bounds", advice);
            STALE_LEAST
        }
        None => usual_silence(block_time),
    }
}

/// A known chain of which the config says nothing.
fn from_table(input: &Input<'_>, known: &'static KnownChain) -> Chain {
    let covered = input.root.one("etherscan").is_some() && known.etherscan == EtherscanPlan::Free;
    let explorer = explorer_names::named(input).remove(known.name).or_else(|| covered.then(|| ETHERSCAN.into()));
    let block_time = Duration::from_millis(known.block_ms);
    let settings = ChainSettings {
        name: known.name.into(),
        id: known.id,
        coin: known.coin.into(),
        coin_decimals: KnownChain::COIN_DECIMALS,
        block_time,
        confirmed: Confirmed::Depth(known.confirmed),
        final_after: known.hard,
        finalized_tag: false,
        endpoints: Vec::new(),
        explorer,
        stale_after: usual_silence(block_time),
        tx_url: tx_url(known),
    };
    Chain { settings, known: Some(known), required: None }
}

fn tx_url(known: &KnownChain) -> Option<Name> {
    known.explorer.map(|explorer| format!("{explorer}/tx/").into())
}

fn one(input: &Input<'_>, scope: &Scope<'_>, name: Name, ids: &mut Taken<ChainId>, chains: &mut Chains) {
    let known = chain::by_name(name.as_str());
    if known.is_none() && !name.as_str().bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-') {
        input.notes.fault(
            scope.place(),
            "a chain's name has lower-case letters, digits and `-` only",
            "it is a label of metrics",
        );
    }
    let id = id(input, scope, known);
    let coin = coin(scope, known);
    let block_time = match scope.span("block_time") {
        Some(said) if said.value.is_zero() || said.value > Duration::from_hours(1) => {
            input.notes.fault(
                said.place,
                "`block_time` is out of bounds",
                "the usual time between blocks, for example \"12s\"",
            );
            None
        }
        Some(said) => Some(said.value),
        None if scope.node("block_time").is_some() => None,
        None => known.map(|known| Duration::from_millis(known.block_ms)).or_else(|| {
            scope.missing("block_time", "the usual time between blocks, for example \"2s\"");
            None
        }),
    };
    let confirmed = confirmed(scope, known);
    let rpc = id.map(|id| endpoints::read(input, scope, id)).unwrap_or_default();
    let final_after = final_after(scope, known, confirmed);
    let explorer = explorer(input, scope, known);
    let required = scope.flag("required");
    let (Some(id), Some(coin), Some(block_time), Some(confirmed), Some(final_after)) =
        (id, coin, block_time, confirmed, final_after)
    else {
        return;
    };
    if let Some((first, place)) = ids.get(&id) {
        input.notes.fault(scope.place(), format!("`{name}` has the id of `{first}` at {place}"), "a chain stands once");
        return;
    }
    ids.insert(id, (name.clone(), scope.place().clone()));
    if confirmed == Confirmed::Safe && rpc.is_empty() || confirmed == Confirmed::Finalized && rpc.is_empty() {
        let what = "an explorer does not tell what is safe or finalized";
        input.notes.fault(scope.place(), what, "write a number of `confirmations`, or give the chain an `rpc`");
    }
    let tagged =
        known.is_some_and(|known| known.tags) || confirmed == Confirmed::Safe || confirmed == Confirmed::Finalized;
    if tagged && !rpc.is_empty() && scope.node("final_after").is_some() {
        let what = "it has a `finalized` tag: final waits for the tag, and `final_after` is not used";
        input.notes.warn(scope.place(), format!("chain {name}: {what}"));
    }
    let settings = ChainSettings {
        name,
        id,
        coin,
        coin_decimals: KnownChain::COIN_DECIMALS,
        block_time,
        confirmed,
        final_after,
        finalized_tag: tagged && !rpc.is_empty(),
        endpoints: rpc.iter().map(|endpoint| endpoint.name.clone()).collect(),
        explorer,
        stale_after: stale_after(input, scope, block_time),
        tx_url: known.and_then(tx_url),
    };
    chains.endpoints.extend(rpc);
    chains.configured.push(id);
    chains.all.insert(id, Chain { settings, known, required });
}

fn id(input: &Input<'_>, scope: &Scope<'_>, known: Option<&'static KnownChain>) -> Option<ChainId> {
    let Some(said) = scope.number("chain_id", 1, i64::MAX.unsigned_abs()) else {
        if known.is_none() && scope.node("chain_id").is_none() {
            let table = chain::known().iter().map(|chain| chain.name);
            let name = scope.text("name").map(|said| said.value).unwrap_or_default();
            let near =
                near::nearest(name, table).map(|near| format!(" (or did you mean `{near}`?)")).unwrap_or_default();
            scope.missing("chain_id", &format!("it is not in the chain table, so its EIP-155 id is needed{near}"));
        }
        return known.map(|known| known.id).filter(|_| scope.node("chain_id").is_none());
    };
    let id = ChainId(said.value);
    match (known, chain::by_id(id)) {
        (Some(known), _) if known.id != id => {
            input.notes.fault(said.place, format!("{} has the id {}", known.name, known.id), "leave `chain_id` out");
            None
        }
        (None, Some(other)) => {
            let what = format!("the chain with the id {id} is called {}", other.name);
            input.notes.fault(said.place, what, format!("name = \"{}\"", other.name));
            None
        }
        (Some(_), _) | (None, None) => Some(id),
    }
}

fn coin(scope: &Scope<'_>, known: Option<&'static KnownChain>) -> Option<Name> {
    match (scope.text("coin"), known) {
        (Some(said), Some(known)) if said.value != known.coin => {
            scope.notes.fault(said.place, format!("the coin of {} is {}", known.name, known.coin), "leave `coin` out");
            None
        }
        (Some(said), _)
            if said.value.is_empty()
                || said.value.len() > 20
                || !said.value.bytes().all(|b| b.is_ascii_alphanumeric()) =>
        {
            scope.notes.fault(said.place, "`coin` is no symbol", "1 to 20 letters and digits, for example \"ETH\"");
            None
        }
        (Some(said), _) => Some(said.value.into()),
        (None, Some(known)) => Some(known.coin.into()),
        (None, None) => {
            if scope.node("coin").is_none() {
                scope.missing("coin", "the symbol of its coin, for example \"ETH\"");
            }
            None
        }
    }
}

fn confirmed(scope: &Scope<'_>, known: Option<&'static KnownChain>) -> Option<Confirmed> {
    match scope.node("confirmations").map(|node| (&node.value, node)) {
        Some((Value::Text(text), _)) if text == "safe" => Some(Confirmed::Safe),
        Some((Value::Text(text), _)) if text == "finalized" => Some(Confirmed::Finalized),
        Some((Value::Integer(_), _)) => {
            scope.number("confirmations", 1, DEEPEST).map(|said| Confirmed::Depth(said.value))
        }
        Some((Value::Text(_) | Value::Flag(_) | Value::Other(_) | Value::List(_) | Value::Table(_), node)) => {
            let what = "`confirmations` is neither a number nor a tag";
            scope.notes.fault(&node.place, what, "a number without quotes, \"safe\" or \"finalized\"");
            None
        }
        None if known.is_none() => {
            scope.missing("confirmations", "a number (a transfer's own block is the first), \"safe\" or \"finalized\"");
            None
        }
        None => known.map(|known| Confirmed::Depth(known.confirmed)),
    }
}

fn final_after(scope: &Scope<'_>, known: Option<&'static KnownChain>, confirmed: Option<Confirmed>) -> Option<u64> {
    let depth = match confirmed {
        Some(Confirmed::Depth(depth)) => depth,
        Some(Confirmed::Safe | Confirmed::Finalized) | None => 1,
    };
    match (scope.number("final_after", 1, DEEPEST), known) {
        (Some(said), _) if said.value < depth => {
            let what = format!("a transfer would be final ({}) before it is confirmed ({depth})", said.value);
            scope.notes.fault(said.place, what, "`final_after` is at least `confirmations`");
            None
        }
        (Some(said), _) => Some(said.value),
        (None, _) if scope.node("final_after").is_some() => None,
        (None, Some(known)) => Some(known.hard.max(depth)),
        (None, None) => {
            scope.missing("final_after", "the number of confirmations after which nothing is ever taken back");
            None
        }
    }
}

/// The explorer that is asked for this chain.
fn explorer(input: &Input<'_>, scope: &Scope<'_>, known: Option<&'static KnownChain>) -> Option<Name> {
    let name = scope.text("name").map(|said| said.value).unwrap_or_default();
    let other = explorer_names::named(input).remove(name);
    let asked = scope.flag("etherscan");
    if let (Some(other), Some(true)) = (&other, asked) {
        let what = format!("{name} has two explorers: `etherscan = true`, and {other}");
        input.notes.fault(
            scope.place(),
            what,
            "take `etherscan = true` or the [[explorer]] out: one vouches for a chain",
        );
    }
    other.or_else(|| by_etherscan(input, scope, known, asked).then(|| ETHERSCAN.into()))
}

/// Whether Etherscan is asked for this chain.
fn by_etherscan(input: &Input<'_>, scope: &Scope<'_>, known: Option<&'static KnownChain>, asked: Option<bool>) -> bool {
    let section = input.root.one("etherscan").is_some();
    let plan = known.map(|known| known.etherscan);
    if asked == Some(true) {
        let name = scope.text("name").map(|said| said.value).unwrap_or_default();
        if !section {
            input.notes.fault(
                scope.place(),
                format!("`etherscan = true` on {name}, but there is no [etherscan]"),
                "write the section with its api_key",
            );
        }
        match plan {
            Some(EtherscanPlan::Gone) => {
                input.notes.fault(
                    scope.place(),
                    format!("Etherscan took {name} down"),
                    "`etherscan = false`, and an `rpc`",
                );
                return false;
            }
            Some(EtherscanPlan::Paid) => {
                input.notes.warn(scope.place(), format!("Etherscan reads {name} only for paid keys"));
            }
            None => {
                input.notes.warn(
                    scope.place(),
                    format!("{name} is not in the chain table: whether Etherscan reads it is seen at start"),
                );
            }
            Some(EtherscanPlan::Free) => {}
        }
    }
    asked.unwrap_or(plan == Some(EtherscanPlan::Free)) && section
}
