//! The watch list: what is watched and from which block on it is complete; and adding to it and taking from it at run time.
//!
//! It reads bodies and writes answers; what may be added is the reactor's to say.

use super::Parts;
use super::access::Caller;
use super::bodies::Page;
use super::commands::asker;
use super::problem::{Item, Problem};
use crate::reactor::addresses::Listed;
use crate::reactor::rows::WatchRow;
use crate::reactor::settings::Watch;
use crate::reactor::watch_list::{
    MOST_AT_ONCE, NewAddress, NewWatch, Request as Repeated, WatchAnswer, WatchOrder, Watching,
};
use crate::telemetry::Labels;
use crate::types::text::{is_name, wrong_note};
use crate::types::{Address, ChainId, Name, RequestId, parse_address};
use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Extension, Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The key of a request that may come twice.
const KEY: &str = "idempotency-key";
/// The longest key.
const LONGEST_KEY: usize = 255;
/// Faults of a body that are named one by one.
const MOST_FAULTS: usize = 100;
/// Rows of a page, where the asker does not say.
const USUAL_PAGE: usize = 100;
/// Rows of a page at most.
const LARGEST_PAGE: usize = 500;

type Shared = State<Arc<Parts>>;
type Asker = Extension<Caller>;

/// The body of a POST.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Added {
    watches: Vec<AddedWatch>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct AddedWatch {
    name: String,
    chains: Option<Vec<String>>,
    tags: Option<Vec<String>>,
    from_block: Option<Begin>,
    addresses: Vec<AddedAddress>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum AddedAddress {
    Plain(String),
    Full(FullAddress),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct FullAddress {
    address: String,
    #[serde(rename = "ref")]
    reference: Option<String>,
    label: Option<String>,
    from_block: Option<Begin>,
}

/// A number, or "now".
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Begin {
    Number(u64),
    Word(String),
}

/// What is watched, since when.
#[derive(Serialize)]
pub(super) struct AddedItem {
    name: String,
    addresses: u64,
    new: u64,
    /// By chain: everything from this block on is read. Null where nothing of the chain was read yet: from its first block on.
    complete_from: BTreeMap<String, Option<u64>>,
}

#[derive(Serialize)]
pub(super) struct AddedAnswer {
    watches: Vec<AddedItem>,
}

#[derive(Serialize)]
pub(super) struct RemovedAnswer {
    removed: u64,
}

/// A watch.
#[derive(Serialize)]
pub(super) struct WatchItem {
    name: String,
    owner: &'static str,
    chains: Vec<String>,
    tags: Vec<String>,
    addresses: u64,
    from_block: Option<u64>,
    added_at: Option<String>,
}

/// An address of a watch.
#[derive(Serialize)]
pub(super) struct AddressItem {
    address: String,
    #[serde(rename = "ref")]
    reference: Option<String>,
    label: Option<String>,
    from_block: Option<u64>,
    complete_from: BTreeMap<String, Option<u64>>,
}

/// The query of both lists.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    before: Option<String>,
    limit: Option<usize>,
}

type AskedQuery = Result<Query<Asked>, QueryRejection>;

fn limits(query: AskedQuery) -> Result<(Option<String>, usize), Problem> {
    let wrong = |text: String| Problem::new(StatusCode::BAD_REQUEST, text);
    let Query(asked) = query.map_err(|_| wrong("this list takes before, limit".to_owned()))?;
    let limit = asked.limit.unwrap_or(USUAL_PAGE);
    if limit == 0 || limit > LARGEST_PAGE {
        return Err(wrong(format!("limit is a number from 1 to {LARGEST_PAGE}")));
    }
    Ok((asked.before, limit))
}

/// `GET /api/v1/watches`: the config's and those that were added, by name.
pub(super) async fn list(State(parts): Shared, query: AskedQuery) -> Result<Json<Page<WatchItem>>, Problem> {
    let (after, limit) = limits(query)?;
    let after = after.map(Name::from);
    let labels = Arc::clone(&parts.standing().labels);
    let mut items: Vec<WatchItem> = labels.watches.iter().map(|watch| of_config(watch, &labels)).collect();
    items.retain(|item| after.as_ref().is_none_or(|after| item.name.as_str() > after.as_str()));
    let added = parts.archive.watches(after, limit).await?;
    items.extend(added.iter().map(|row| of_row(row, &labels)));
    items.sort_by(|one, other| one.name.cmp(&other.name));
    let next = (items.len() > limit).then(|| items[limit - 1].name.clone());
    items.truncate(limit);
    // The store gave as many as were asked for: there may be more behind its last one.
    let more = added.len() == limit && next.is_none();
    let next = next.or_else(|| more.then(|| items.last().map(|item| item.name.clone())).flatten());
    Ok(Json(Page { items, next }))
}

fn of_config(watch: &Watch, labels: &Labels) -> WatchItem {
    WatchItem {
        name: watch.name.to_string(),
        owner: "config",
        chains: chain_names(&watch.chains, labels),
        tags: watch.tags.iter().map(ToString::to_string).collect(),
        addresses: watch.addresses.len() as u64,
        from_block: watch.from_block,
        added_at: None,
    }
}

fn of_row(row: &WatchRow, labels: &Labels) -> WatchItem {
    WatchItem {
        name: row.name.to_string(),
        owner: "api",
        chains: chain_names(&row.chains, labels),
        tags: row.tags.iter().map(ToString::to_string).collect(),
        addresses: u64::from(row.addresses),
        from_block: None,
        added_at: Some(row.added_at.to_string()),
    }
}

fn chain_names(chains: &[ChainId], labels: &Labels) -> Vec<String> {
    chains.iter().map(|chain| labels.chain(*chain).to_string()).collect()
}

/// `GET /api/v1/watches/NAME/addresses`, ascending, each with the blocks from which it is complete.
pub(super) async fn addresses(
    State(parts): Shared,
    Path(name): Path<String>,
    query: AskedQuery,
) -> Result<Json<Page<AddressItem>>, Problem> {
    let (after, limit) = limits(query)?;
    let wrong = |_| Problem::new(StatusCode::BAD_REQUEST, "before is the value of next of an earlier page");
    let after = after.map(|text| parse_address(&text)).transpose().map_err(wrong)?;
    let labels = Arc::clone(&parts.standing().labels);
    let name = Name::from(name);
    let of_config = labels.watches.iter().find(|watch| watch.name == name);
    let (chains, mut items, since) = if let Some(watch) = of_config {
        let rows: Vec<Listed<'_>> = watch.addresses.behind(after.as_ref()).take(limit).collect();
        let since: Vec<_> = rows.iter().map(|row| (row.address, Vec::new())).collect();
        let item = |row: &Listed<'_>| AddressItem { from_block: watch.from_block_of(row), ..item(row) };
        (watch.chains.clone(), rows.iter().map(item).collect::<Vec<_>>(), since)
    } else {
        let unknown = || Problem::new(StatusCode::NOT_FOUND, "there is no such watch");
        let (watch, rows) = parts.archive.watched(name, after, limit).await?.ok_or_else(unknown)?;
        let items = rows.iter().map(|row| item(&row.listed())).collect();
        (watch.chains, items, rows.into_iter().map(|row| (row.address, row.since)).collect())
    };
    let complete = parts.archive.complete_from(chains, since).await?;
    for (item, complete) in items.iter_mut().zip(complete) {
        item.complete_from =
            complete.into_iter().map(|(chain, block)| (labels.chain(chain).to_string(), block)).collect();
    }
    let next = items.last().filter(|_| items.len() == limit).map(|item| item.address.clone());
    Ok(Json(Page { items, next }))
}

fn item(listed: &Listed<'_>) -> AddressItem {
    AddressItem {
        address: listed.address.to_checksum(None),
        reference: listed.reference.map(str::to_owned),
        label: listed.label.map(str::to_owned),
        from_block: listed.from_block,
        complete_from: BTreeMap::new(),
    }
}

/// `POST /api/v1/watches`.
pub(super) async fn add(
    State(parts): Shared,
    Extension(caller): Asker,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<AddedAnswer>, Problem> {
    let by = asker(caller)?;
    let labels = Arc::clone(&parts.standing().labels);
    let read: Added = serde_json::from_slice(&body).map_err(|fault| {
        let at = format!("line {} column {}", fault.line(), fault.column());
        Problem::new(StatusCode::BAD_REQUEST, format!("the body is not what this takes, at {at}: {SHAPE}"))
    })?;
    let request = key(&headers, &by)?.map(|id| Repeated { id, body: RequestId::hash("watches", &[&body]) });
    let watches = checked(read, &labels)?;
    match order(&parts, by, "an addition to the watch list", WatchOrder::Add { watches, request }).await? {
        WatchAnswer::Watching(watching) => Ok(Json(AddedAnswer { watches: answered(&watching, &labels) })),
        WatchAnswer::Removed(_) | WatchAnswer::Refused(_) => Err(Problem::unexpected()),
    }
}

/// What a body looks like.
const SHAPE: &str = r#"{"watches":[{"name":"deposits","chains":["ethereum"],"tags":["own"],"addresses":["0x…",{"address":"0x…","ref":"7","label":"Ada","from_block":19000000}]}]}"#;

/// `DELETE /api/v1/watches/NAME`.
pub(super) async fn remove(
    State(parts): Shared,
    Extension(caller): Asker,
    Path(name): Path<String>,
) -> Result<Json<RemovedAnswer>, Problem> {
    take_off(&parts, caller, name, None).await
}

/// `DELETE /api/v1/watches/NAME/addresses/ADDRESS`.
pub(super) async fn remove_address(
    State(parts): Shared,
    Extension(caller): Asker,
    Path((name, address)): Path<(String, String)>,
) -> Result<Json<RemovedAnswer>, Problem> {
    let address = parse_address(&address).map_err(|fault| Problem::new(StatusCode::BAD_REQUEST, fault.to_string()))?;
    take_off(&parts, caller, name, Some(vec![address])).await
}

async fn take_off(
    parts: &Parts,
    caller: Caller,
    name: String,
    addresses: Option<Vec<Address>>,
) -> Result<Json<RemovedAnswer>, Problem> {
    let by = asker(caller)?;
    let one = addresses.is_some();
    let ask = WatchOrder::Remove { watch: name.into(), addresses };
    match order(parts, by, "a removal from the watch list", ask).await? {
        WatchAnswer::Removed(0) if one => Err(Problem::new(StatusCode::NOT_FOUND, "this watch has no such address")),
        WatchAnswer::Removed(removed) => Ok(Json(RemovedAnswer { removed })),
        WatchAnswer::Watching(_) | WatchAnswer::Refused(_) => Err(Problem::unexpected()),
    }
}

async fn order(parts: &Parts, by: Name, what: &str, order: WatchOrder) -> Result<WatchAnswer, Problem> {
    let done = parts.control.watches(by.clone(), order).await;
    match &done {
        Ok(WatchAnswer::Refused(_)) | Err(_) => tracing::debug!("{what}, by the token \"{by}\", was not done"),
        Ok(WatchAnswer::Watching(_) | WatchAnswer::Removed(_)) => tracing::info!("{what}, by the token \"{by}\""),
    }
    match done? {
        WatchAnswer::Refused(refusal) => Err(refusal.into()),
        answer => Ok(answer),
    }
}

fn answered(watching: &[Watching], labels: &Labels) -> Vec<AddedItem> {
    let mut items: Vec<AddedItem> = Vec::new();
    for one in watching {
        let of_watch = items.last_mut().filter(|item| item.name == one.watch.as_str());
        let item = match of_watch {
            Some(item) => item,
            None => {
                let (name, complete_from) = (one.watch.to_string(), BTreeMap::new());
                items.push(AddedItem { name, addresses: one.addresses, new: one.new, complete_from });
                match items.last_mut() {
                    Some(item) => item,
                    None => continue,
                }
            }
        };
        item.complete_from.insert(labels.chain(one.chain).to_string(), one.complete_from);
    }
    items
}

/// The hash of the key, if one was given.
fn key(headers: &HeaderMap, by: &Name) -> Result<Option<RequestId>, Problem> {
    let wrong = || {
        Problem::new(StatusCode::BAD_REQUEST, format!("Idempotency-Key is one text of 1 to {LONGEST_KEY} characters"))
    };
    let mut values = headers.get_all(KEY).iter();
    let Some(value) = values.next() else { return Ok(None) };
    let fine = values.next().is_none() && (1..=LONGEST_KEY).contains(&value.len());
    if !fine {
        return Err(wrong());
    }
    Ok(Some(RequestId::hash("key", &[by.as_str().as_bytes(), value.as_bytes()])))
}

/// Every fault of a body, each with the place where it is.
#[derive(Default)]
struct Faults {
    items: Vec<Item>,
    more: usize,
}

impl Faults {
    fn add(&mut self, pointer: String, detail: impl Into<String>) {
        if self.items.len() < MOST_FAULTS {
            self.items.push(Item { pointer, detail: detail.into() });
        } else {
            self.more += 1;
        }
    }
}

fn checked(read: Added, labels: &Labels) -> Result<Vec<NewWatch>, Problem> {
    let mut faults = Faults::default();
    let mut watches: BTreeMap<Name, NewWatch> = BTreeMap::new();
    let all: usize = read.watches.iter().map(|watch| watch.addresses.len()).sum();
    if all > MOST_AT_ONCE || read.watches.len() > MOST_AT_ONCE {
        let detail = format!("one request takes {MOST_AT_ONCE} addresses: send the others in requests of their own");
        return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, detail));
    }
    if all == 0 {
        faults.add("#/watches".to_owned(), "it names no address");
    }
    for (place, watch) in read.watches.into_iter().enumerate() {
        let at = format!("#/watches/{place}");
        let watch = checked_watch(&at, watch, labels, &mut faults);
        let known = watches.contains_key(&watch.name);
        if known {
            faults
                .add(format!("{at}/name"), "another watch of this request has this name: put their addresses together");
        }
        watches.insert(watch.name.clone(), watch);
    }
    if faults.items.is_empty() {
        return Ok(watches.into_values().collect());
    }
    let count = faults.items.len() + faults.more;
    let detail = format!("nothing was done: {count} of its values are wrong");
    Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, detail).with(faults.items))
}

fn checked_watch(at: &str, watch: AddedWatch, labels: &Labels, faults: &mut Faults) -> NewWatch {
    let named = |names: Vec<String>, key: &str, faults: &mut Faults| -> Vec<Name> {
        for (place, name) in names.iter().enumerate() {
            if !is_name(name) {
                faults.add(format!("{at}/{key}/{place}"), "it cannot be a name: 1 to 64 visible characters");
            }
        }
        names.into_iter().map(Name::from).collect()
    };
    let name = named(vec![watch.name], "name", faults).pop().unwrap_or_else(|| Name::from(""));
    let tags = watch.tags.map(|tags| named(tags, "tags", faults));
    let chains = watch.chains.map(|chains| {
        let mut found = Vec::with_capacity(chains.len());
        for (place, chain) in chains.iter().enumerate() {
            match labels.chain_named(chain) {
                Some(id) => found.push(id),
                None => faults.add(format!("{at}/chains/{place}"), "there is no such chain in the config"),
            }
        }
        if chains.is_empty() {
            faults.add(format!("{at}/chains"), "it is empty: name chains, or leave it out for all");
        }
        found.sort_unstable();
        found.dedup();
        found
    });
    let usual = watch.from_block.and_then(|from| block(&format!("{at}/from_block"), from, faults));
    let mut addresses: Vec<(NewAddress, usize)> = Vec::with_capacity(watch.addresses.len());
    for (place, address) in watch.addresses.into_iter().enumerate() {
        let at = format!("{at}/addresses/{place}");
        addresses.extend(checked_address(&at, address, usual, faults).map(|address| (address, place)));
    }
    addresses.sort_by(|one, other| (one.0.address, one.1).cmp(&(other.0.address, other.1)));
    for pair in addresses.windows(2).filter(|pair| pair[0].0.address == pair[1].0.address) {
        faults.add(format!("{at}/addresses/{}", pair[1].1), format!("it is the same as addresses/{}", pair[0].1));
    }
    NewWatch { name, chains, tags, addresses: addresses.into_iter().map(|(address, _)| address).collect() }
}

fn checked_address(at: &str, given: AddedAddress, usual: Option<u64>, faults: &mut Faults) -> Option<NewAddress> {
    let given = match given {
        AddedAddress::Plain(address) => FullAddress { address, reference: None, label: None, from_block: None },
        AddedAddress::Full(full) => full,
    };
    let note = |key: &str, text: Option<String>, faults: &mut Faults| {
        let text = text.filter(|text| !text.is_empty())?;
        if let Some(wrong) = wrong_note(&text) {
            faults.add(format!("{at}/{key}"), format!("it {wrong}"));
        }
        Some(Name::from(text))
    };
    let (reference, label) = (note("ref", given.reference, faults), note("label", given.label, faults));
    let from_block = match given.from_block {
        Some(from) => block(&format!("{at}/from_block"), from, faults),
        None => usual,
    };
    match parse_address(&given.address) {
        Ok(Address::ZERO) => faults.add(at.to_owned(), "it is the zero address"),
        Ok(address) => return Some(NewAddress { address, reference, label, from_block }),
        Err(fault) => faults.add(at.to_owned(), fault.to_string()),
    }
    None
}

/// A number that the store can hold; "now" is none.
fn block(at: &str, from: Begin, faults: &mut Faults) -> Option<u64> {
    match from {
        Begin::Number(number) if number <= i64::MAX.unsigned_abs() => return Some(number),
        Begin::Word(word) if word == "now" => {}
        Begin::Number(_) | Begin::Word(_) => faults.add(at.to_owned(), "it is neither a number nor \"now\""),
    }
    None
}
