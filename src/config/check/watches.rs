//! Watches, and the tokens that are known by their contract.

use crate::config::check::chains::Chains;
use crate::config::check::input::{Input, Names, Taken};
use crate::config::checked::ListConfig;
use crate::config::faults::Place;
use crate::config::list_file::{BadLine, ListFile};
use crate::config::raw::scope::{Said, Scope};
use crate::config::raw::tree::Value;
use crate::reactor::addresses::AddressList;
use crate::reactor::settings::{KnownToken, Watch};
use crate::types::{Address, Asset, ChainId, Name, Untrusted, chain, parse_address};
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Every watch.
#[derive(Debug, Default)]
pub(super) struct Watches {
    /// Those without faults, in the order of the config.
    pub list: Vec<Watch>,
    /// The files that some of them are read from.
    pub lists: Vec<ListConfig>,
    /// Names, also of watches with faults.
    pub names: Names,
    /// Tags, also of watches with faults.
    pub tags: BTreeSet<String>,
}

/// Every `[[watch]]`.
pub(super) fn check(input: &Input<'_>, chains: &Chains) -> Watches {
    let mut watches = Watches::default();
    let mut sources = Vec::new();
    for scope in input.root.many("watch") {
        let name = watches.names.claim(&scope);
        let tags = tags(&scope);
        watches.tags.extend(tags.iter().map(ToString::to_string));
        let written = written(input, &scope);
        let on = watched_chains(input, &scope, chains);
        let from_block = from_block(&scope);
        let Some(name) = name else {
            continue;
        };
        let addresses = Arc::new(written.list());
        if let Written::File { file, .. } = &written {
            let addresses = u64::try_from(addresses.len()).unwrap_or(u64::MAX);
            watches.lists.push(ListConfig { watch: name.clone(), file: input.data.join(file), addresses });
        }
        watches.list.push(Watch { name, addresses, chains: on, tags, from_block });
        sources.push(written);
    }
    owners(input, chains, &watches.list, &sources);
    if watches.list.is_empty() && input.root.many("watch").is_empty() {
        input.notes.warn(input.root.place(), "nothing is watched: there is no [[watch]]");
    }
    watches
}

/// The addresses of a watch, as they were written.
enum Written<'a> {
    /// In the config itself.
    Here(Vec<(Address, &'a Place)>),
    /// In a file.
    File { file: &'a str, order: usize, read: ListFile },
}

impl Written<'_> {
    fn list(&self) -> AddressList {
        match self {
            Self::Here(addresses) => addresses.iter().map(|(address, _)| *address).collect(),
            Self::File { read, .. } => read.list.clone(),
        }
    }

    /// Where one of the addresses stands.
    fn place(&self, address: &Address) -> Option<Place> {
        match self {
            Self::Here(addresses) => addresses.iter().find(|(it, _)| it == address).map(|(_, place)| (*place).clone()),
            Self::File { file, order, read } => read.line_of(address).map(|line| line_place(*order, file, line)),
        }
    }
}

/// Places in list files are named behind all places in the config.
const FIRST_LIST: usize = 1_000_000;

fn line_place(order: usize, file: &str, line: u64) -> Place {
    Place { line: usize::try_from(line).unwrap_or(usize::MAX), column: 1, ..Place::whole(order, file) }
}

/// Notes each address that belongs to two watches on a chain.
fn owners(input: &Input<'_>, chains: &Chains, list: &[Watch], written: &[Written<'_>]) {
    // Sorted by address: of very many, only those that stand twice are looked at.
    let mut all: Vec<(Address, usize)> = Vec::with_capacity(list.iter().map(|watch| watch.addresses.len()).sum());
    for (place, watch) in list.iter().enumerate() {
        all.extend(watch.addresses.addresses().map(|address| (*address, place)));
    }
    all.sort_unstable();
    for same in all.chunk_by(|one, other| one.0 == other.0).filter(|same| same.len() > 1) {
        for (nth, (address, second)) in same.iter().enumerate() {
            let shared = |first: usize| list[*second].chains.iter().find(|chain| list[first].chains.contains(chain));
            let Some((first, chain)) = same[..nth].iter().find_map(|(_, first)| Some((*first, shared(*first)?))) else {
                continue;
            };
            let at = written[first].place(address).map_or_else(String::new, |place| format!(" at {place}"));
            let what = format!("{address} on {} belongs to the watch `{}`{at}", chains.name(*chain), list[first].name);
            let place = written[*second].place(address).unwrap_or_else(|| input.root.place().clone());
            input.notes.fault(&place, what, "on a chain an address belongs to one watch");
        }
    }
}

/// The addresses of a watch. What is wrong with a file is noted, line by line.
fn written<'a>(input: &Input<'a>, scope: &Scope<'a>) -> Written<'a> {
    let listed = scope.node("file").and_then(|_| scope.text("file"));
    if let (Some(said), Some((key, _))) = (listed, scope.either("address", "addresses")) {
        input.notes.fault(said.place, format!("`file` and `{key}` exclude each other"), "keep one of them");
    } else if let Some(said) = listed {
        return list_file(input, said);
    }
    Written::Here(addresses(input, scope))
}

fn list_file<'a>(input: &Input<'a>, said: Said<'a, &'a str>) -> Written<'a> {
    let path = input.data.join(said.value);
    let order = FIRST_LIST + said.place.line;
    let read = input.around.open(&path).and_then(|file| ListFile::read(std::io::BufReader::new(file)));
    let read = read.unwrap_or_else(|error| {
        let what = format!("`file`: {} cannot be read: {}", path.display(), error.kind());
        input.notes.fault(said.place, what, "a relative path is inside the data folder: look at name, owner and mode");
        ListFile::default()
    });
    for BadLine { line, what } in &read.bad {
        let hint = "a line is address,ref,label,from_block; what holds a comma stands in quotation marks";
        input.notes.fault(&line_place(order, said.value, *line), what.clone(), hint);
    }
    if read.list.is_empty() && read.bad.is_empty() {
        input.notes.warn(said.place, format!("the list file {} is empty", Untrusted::new(said.value).as_str()));
    }
    Written::File { file: said.value, order, read }
}

fn addresses<'a>(input: &Input<'a>, scope: &Scope<'a>) -> Vec<(Address, &'a Place)> {
    let said = match (scope.node("file"), scope.either("address", "addresses")) {
        (_, Some(("address", _))) => scope.text("address").into_iter().collect(),
        (_, Some((key, node))) => scope.texts_of(key, node),
        (Some(_), None) => return Vec::new(),
        (None, None) => {
            scope.missing("address", "address = \"0x…\", addresses = [\"0x…\"] or file = \"deposits.csv\"");
            return Vec::new();
        }
    };
    let addresses: Vec<_> =
        said.iter().filter_map(|said| input.address("address", *said).map(|address| (address, said.place))).collect();
    if said.is_empty() && matches!(scope.node("addresses").map(|node| &node.value), Some(Value::List(_))) {
        scope.missing("address", "`addresses` is empty: write the addresses, or take the watch out");
    }
    let mut places: BTreeMap<Address, &Place> = BTreeMap::new();
    for (address, place) in &addresses {
        if let Some(first) = places.get(address) {
            let what = format!("{address} stands twice in this watch; first at {first}");
            input.notes.fault(place, what, "write it once");
        } else {
            places.insert(*address, place);
        }
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
