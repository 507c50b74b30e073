//! The watch list: what is watched and from which block on it is complete; and adding to it and taking from it at run time.
//!
//! It reads bodies and writes answers; what may be added is the reactor's to say.

use super::access::Caller;
use super::bodies::Page;
use super::commands::asker;
use super::problem::Problem;
use super::query::Asked;
use super::{Parts, repeats, watch_body};
use crate::reactor::addresses::Listed;
use crate::reactor::rows::WatchRow;
use crate::reactor::settings::Watch;
use crate::reactor::watch_list::{Request as Repeated, WatchAnswer, WatchOrder, Watching};
use crate::telemetry::Labels;
use crate::types::address::AddressFault;
use crate::types::{Address, ChainId, Name, RequestId, parse_address};
use axum::Json;
use axum::body::Bytes;
use axum::extract::{Extension, Path, State};
use axum::http::{HeaderMap, StatusCode};
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;
use utoipa::ToSchema;

type Shared = State<Arc<Parts>>;
type Asker = Extension<Caller>;

/// What is watched, since when.
#[derive(Serialize, ToSchema)]
pub(super) struct AddedItem {
    name: String,
    addresses: u64,
    new: u64,
    /// By chain: everything from this block on is read. Null where nothing of the chain was read yet: from its first block on.
    complete_from: BTreeMap<String, Option<u64>>,
}

#[derive(Serialize, ToSchema)]
pub(super) struct AddedAnswer {
    watches: Vec<AddedItem>,
}

#[derive(Serialize, ToSchema)]
pub(super) struct RemovedAnswer {
    removed: u64,
}

/// A watch.
#[derive(Serialize, ToSchema)]
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
#[derive(Serialize, ToSchema)]
pub(super) struct AddressItem {
    address: String,
    #[serde(rename = "ref")]
    reference: Option<String>,
    label: Option<String>,
    from_block: Option<u64>,
    complete_from: BTreeMap<String, Option<u64>>,
}

/// `GET /api/v1/watches`: the config's and those that were added, by name.
pub(super) async fn list(
    State(parts): Shared,
    Extension(asked): Extension<Asked>,
) -> Result<Json<Page<WatchItem>>, Problem> {
    let after = asked.place(|text| (!text.contains('\0')).then(|| Name::from(text)))?;
    let limit = asked.limit;
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
    Extension(asked): Extension<Asked>,
) -> Result<Json<Page<AddressItem>>, Problem> {
    let after = asked.place(|text| text.parse().ok())?;
    let limit = asked.limit;
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
    // As elsewhere, but remembered by the store.
    let key = repeats::key(&headers)?.map(|key| RequestId::hash("key", &[by.as_str().as_bytes(), key]));
    let request = key.map(|id| Repeated { id, body: RequestId::hash("watches", &[&body]) });
    let watches = watch_body::read(&body, &labels)?;
    match order(&parts, by, "an addition to the watch list", WatchOrder::Add { watches, request }).await? {
        WatchAnswer::Watching(watching) => Ok(Json(AddedAnswer { watches: answered(&watching, &labels) })),
        WatchAnswer::Removed(_) | WatchAnswer::Refused(_) => Err(Problem::unexpected()),
    }
}

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
    let address = parse_address(&address).map_err(|fault| {
        let status = match fault {
            AddressFault::Shape => StatusCode::BAD_REQUEST,
            AddressFault::Checksum { .. } => StatusCode::UNPROCESSABLE_ENTITY,
        };
        Problem::new(status, fault.to_string())
    })?;
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
        let item = if let Some(item) = of_watch {
            item
        } else {
            let (name, complete_from) = (one.watch.to_string(), BTreeMap::new());
            items.push(AddedItem { name, addresses: one.addresses, new: one.new, complete_from });
            match items.last_mut() {
                Some(item) => item,
                None => continue,
            }
        };
        item.complete_from.insert(labels.chain(one.chain).to_string(), one.complete_from);
    }
    items
}
