//! Watches, and the tokens that are known by their contract.

use crate::config::check::chains::Chains;
use crate::config::check::input::{Input, Names, Taken};
use crate::config::faults::Place;
use crate::config::raw::scope::{Said, Scope};
use crate::config::raw::tree::Value;
use crate::reactor::settings::{KnownToken, Watch};
use crate::types::{Address, Asset, ChainId, Name, chain, parse_address};
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

/// Every watch.
#[derive(Debug, Default)]
pub(super) struct Watches {
    /// Those without faults, in the order of the config.
    pub list: Vec<Watch>,
    /// Names, also of watches with faults.
    pub names: Names,
    /// Tags, also of watches with faults.
    pub tags: BTreeSet<String>,
}

/// Every `[[watch]]`.
pub(super) fn check(input: &Input<'_>, chains: &Chains) -> Watches {
    let mut watches = Watches::default();
    let mut owners: Taken<(ChainId, Address)> = BTreeMap::new();
    for scope in input.root.many("watch") {
        let name = watches.names.claim(&scope);
        let tags = tags(&scope);
        watches.tags.extend(tags.iter().map(ToString::to_string));
        let addresses = addresses(input, &scope);
        let on = watched_chains(input, &scope, chains);
        let from_block = from_block(&scope);
        let Some(name) = name else {
            continue;
        };
        for (address, place) in &addresses {
            for chain in &on {
                if let Some((first, at)) = owners.get(&(*chain, *address)) {
                    let what = format!("{address} on {} belongs to the watch `{first}` at {at}", chains.name(*chain));
                    input.notes.fault(place, what, "on a chain an address belongs to one watch");
                } else {
                    owners.insert((*chain, *address), (name.clone(), (*place).clone()));
                }
            }
        }
        let addresses = addresses.into_iter().map(|(address, _)| (address, None)).collect();
        watches.list.push(Watch { name, addresses, chains: on, tags, from_block });
    }
    if watches.list.is_empty() && input.root.many("watch").is_empty() {
        input.notes.warn(input.root.place(), "nothing is watched: there is no [[watch]]");
    }
    watches
}

fn addresses<'a>(input: &Input<'a>, scope: &Scope<'a>) -> Vec<(Address, &'a Place)> {
    let said = match (scope.node("file"), scope.either("address", "addresses")) {
        (_, Some(("address", _))) => scope.text("address").into_iter().collect(),
        (_, Some((key, node))) => scope.texts_of(key, node),
        (Some(_), None) => return Vec::new(),
        (None, None) => {
            scope.missing("address", "address = \"0x…\" or addresses = [\"0x…\"]");
            return Vec::new();
        }
    };
    let addresses: Vec<_> =
        said.iter().filter_map(|said| input.address("address", *said).map(|address| (address, said.place))).collect();
    if said.is_empty() && matches!(scope.node("addresses").map(|node| &node.value), Some(Value::List(_))) {
        scope.missing("address", "`addresses` is empty: write the addresses, or take the watch out");
    }
    addresses
}

fn watched_chains(input: &Input<'_>, scope: &Scope<'_>, chains: &Chains) -> Vec<ChainId> {
    let Some(said) = scope.texts("chains") else {
        if chains.configured.is_empty() && input.root.many("chain").is_empty() {
            scope.missing("chains", "name them, for example chains = [\"ethereum\"]: there is no [[chain]] either");
        }
        return chains.configured.clone();
    };
    if said.is_empty() {
        scope.notes.fault(
            scope.place(),
            "`chains` is empty",
            "name the chains, or leave it out for all configured ones",
        );
    }
    let found: BTreeSet<_> = said.into_iter().filter_map(|said| chains.find(input, said)).collect();
    found.into_iter().collect()
}

fn tags(scope: &Scope<'_>) -> Vec<Name> {
    let mut names = Names::default();
    let said = scope.texts("tags").unwrap_or_default();
    said.into_iter().filter_map(|said| names.take(said, scope.notes)).collect()
}

fn from_block(scope: &Scope<'_>) -> Option<u64> {
    match scope.node("from_block").map(|node| &node.value) {
        Some(Value::Text(text)) if text == "now" => None,
        Some(Value::Integer(_)) => scope.number("from_block", 0, i64::MAX.unsigned_abs()).map(|said| said.value),
        Some(Value::Text(_) | Value::Flag(_) | Value::Other(_) | Value::List(_) | Value::Table(_)) => {
            let place = scope.node("from_block").map_or(scope.place(), |node| &node.place);
            scope.notes.fault(
                place,
                "`from_block` is neither a number nor \"now\"",
                "from_block = 19000000, or \"now\"",
            );
            None
        }
        None => None,
    }
}

/// The longest symbol that a config may give: they stand in chats and metrics.
const SYMBOL_CHARS: usize = 20;

/// Tokens known by contract: the chain table's and every `[[token]]`.
pub(super) fn tokens(input: &Input<'_>, chains: &Chains) -> BTreeMap<(ChainId, Address), KnownToken> {
    let mut tokens = BTreeMap::new();
    for (id, chain) in &chains.all {
        for token in chain.known.into_iter().flat_map(|known| known.usdc.iter().chain(known.look_alikes)) {
            tokens.insert((*id, token.address), KnownToken { symbol: token.symbol.into(), decimals: token.decimals });
        }
    }
    let mut places: Taken<(ChainId, Address)> = BTreeMap::new();
    let mut symbols: Taken<(ChainId, String)> = BTreeMap::new();
    for scope in input.root.many("token") {
        let on = scope.need("chain", "the name of its chain").and_then(|said| chains.find(input, said));
        let symbol = scope.need("symbol", "what to call it").and_then(|said| symbol(input, chains, said));
        let contract = scope
            .need("contract", "its address")
            .and_then(|said| input.address("contract", said).map(|address| Said { value: address, place: said.place }));
        if scope.node("decimals").is_none() {
            scope.missing("decimals", "look it up in an explorer: a wrong number moves the point of every amount");
        }
        let decimals = scope.number("decimals", 0, 255).and_then(|said| u8::try_from(said.value).ok());
        let (Some(on), Some(symbol), Some(contract), Some(decimals)) = (on, symbol, contract, decimals) else {
            continue;
        };
        let key = (on, contract.value);
        let taken = places.get(&key).or_else(|| symbols.get(&(on, symbol.to_string())));
        if let Some((first, at)) = taken {
            let what = format!("this contract or symbol is the token `{first}` at {at}");
            input.notes.fault(contract.place, what, "one [[token]] for each contract, each with a symbol of its own");
        } else if let Entry::Vacant(free) = tokens.entry(key) {
            places.insert(key, (symbol.clone(), scope.place().clone()));
            symbols.insert((on, symbol.to_string()), (symbol.clone(), scope.place().clone()));
            free.insert(KnownToken { symbol, decimals });
        } else {
            let what = "the chain table knows this contract already";
            input.notes.fault(contract.place, what, "take this [[token]] out");
        }
    }
    tokens
}

/// The assets whose balances are shown: the coin, Circle's USDC and every `[[token]]`, but not what only looks like one of them.
pub(super) fn shown(tokens: &BTreeMap<(ChainId, Address), KnownToken>, chains: &Chains) -> BTreeSet<(ChainId, Asset)> {
    let coins = chains.all.keys().map(|id| (*id, Asset::Coin));
    let looks_alike = |id: &ChainId, contract: &Address| {
        let known = chains.all.get(id).and_then(|chain| chain.known);
        known.is_some_and(|known| known.look_alikes.iter().any(|token| token.address == *contract))
    };
    let tokens = tokens.keys().filter(|(id, contract)| !looks_alike(id, contract));
    coins.chain(tokens.map(|(id, contract)| (*id, Asset::Token(*contract)))).collect()
}

/// Tokens whose balances move without transfers. What is wrong with their tables is noted elsewhere.
pub(super) fn rebasing(input: &Input<'_>, chains: &Chains) -> BTreeSet<(ChainId, Address)> {
    let one = |scope: &Scope<'_>| {
        let moves = scope.flag("rebasing").unwrap_or(false);
        let on = scope.text("chain").filter(|_| moves)?.value;
        let chain = chains.all.values().find(|chain| chain.settings.name.as_str() == on)?;
        let contract = parse_address(scope.text("contract")?.value).ok()?;
        Some((chain.settings.id, contract))
    };
    input.root.many("token").iter().filter_map(one).collect()
}

/// A symbol that is nobody's: not of a coin, not of a token in the chain table, in any case of letters.
fn symbol(input: &Input<'_>, chains: &Chains, said: Said<'_, &str>) -> Option<Name> {
    let fine = (1..=SYMBOL_CHARS).contains(&said.value.len()) && said.value.bytes().all(|b| b.is_ascii_graphic());
    if !fine || said.value.starts_with("0x") {
        let hint = format!("1 to {SYMBOL_CHARS} plain letters, digits and marks, for example \"TEST\"");
        input.notes.fault(said.place, "`symbol` is no symbol", hint);
        return None;
    }
    let table = chain::known().iter().flat_map(|known| {
        let tokens = known.usdc.iter().chain(known.look_alikes).map(|token| token.symbol);
        std::iter::once(known.coin).chain(tokens)
    });
    let coins = chains.all.values().map(|chain| chain.settings.coin.as_str());
    let reserved = table.chain(coins).chain(["native", "USD", "gwei", "wei"]);
    if reserved.into_iter().any(|taken| taken.eq_ignore_ascii_case(said.value)) {
        let what = format!("the symbol {} is built in", said.value);
        input.notes.fault(said.place, what, "choose another: a token of the config cannot pass for it");
        return None;
    }
    Some(said.value.into())
}
