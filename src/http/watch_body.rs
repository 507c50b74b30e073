//! The body that adds to the watch list: read, checked, and every fault in it named with its place.

use super::problem::{Item, Problem};
use crate::reactor::watch_list::{MOST_AT_ONCE, NewAddress, NewWatch};
use crate::telemetry::Labels;
use crate::types::text::{is_name, wrong_note};
use crate::types::{Address, Name, parse_address};
use axum::http::StatusCode;
use serde::Deserialize;
use serde::de::IgnoredAny;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// Faults of a body that are named one by one.
const MOST_FAULTS: usize = 100;
/// What a body looks like.
const SHAPE: &str = r#"{"watches":[{"name":"deposits","chains":["ethereum"],"tags":["own"],"addresses":["0x…",{"address":"0x…","ref":"7","label":"Ada","from_block":19000000}]}]}"#;

/// The body of a POST.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewWatches)]
pub(super) struct Added {
    #[schema(min_items = 1)]
    watches: Vec<AddedWatch>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewWatch)]
struct AddedWatch {
    name: String,
    /// All, if left out.
    chains: Option<Vec<String>>,
    tags: Option<Vec<String>>,
    /// Of every address that has none of its own.
    from_block: Option<Begin>,
    addresses: Vec<AddedAddress>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum AddedAddress {
    Plain(String),
    Full(FullAddress),
    Other(IgnoredAny),
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewAddress)]
struct FullAddress {
    #[schema(pattern = "^0x[0-9a-fA-F]{40}$")]
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
    Other(IgnoredAny),
}

/// What a body asks for, if nothing is wrong with it.
pub(super) fn read(body: &[u8], labels: &Labels) -> Result<Vec<NewWatch>, Problem> {
    let added: Added = serde_json::from_slice(body).map_err(|fault| {
        let at = format!("line {} column {}", fault.line(), fault.column());
        Problem::new(StatusCode::BAD_REQUEST, format!("the body is not what this takes, at {at}: {SHAPE}"))
    })?;
    checked(added, labels)
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
    addresses.sort_by_key(|one| (one.0.address, one.1));
    for pair in addresses.windows(2).filter(|pair| pair[0].0.address == pair[1].0.address) {
        faults.add(format!("{at}/addresses/{}", pair[1].1), format!("it is the same as addresses/{}", pair[0].1));
    }
    NewWatch { name, chains, tags, addresses: addresses.into_iter().map(|(address, _)| address).collect() }
}

fn checked_address(at: &str, given: AddedAddress, usual: Option<u64>, faults: &mut Faults) -> Option<NewAddress> {
    let given = match given {
        AddedAddress::Plain(address) => FullAddress { address, reference: None, label: None, from_block: None },
        AddedAddress::Full(full) => full,
        AddedAddress::Other(_) => {
            faults.add(at.to_owned(), "it is neither an address nor an object of address, ref, label and from_block");
            return None;
        }
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
        Begin::Number(_) | Begin::Word(_) | Begin::Other(_) => {
            faults.add(at.to_owned(), "it is neither a number nor \"now\"");
        }
    }
    None
}

/// The shapes of what is one of several.
mod shape {
    use super::{AddedAddress, Begin, FullAddress};
    use std::borrow::Cow;
    use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, OneOfBuilder, Schema, SchemaFormat, Type};
    use utoipa::openapi::{Ref, RefOr};
    use utoipa::{PartialSchema, ToSchema};

    // What these take besides is taken only to be refused with its place.
    impl PartialSchema for AddedAddress {
        fn schema() -> RefOr<Schema> {
            let plain = ObjectBuilder::new().schema_type(Type::String).pattern(Some("^0x[0-9a-fA-F]{40}$"));
            OneOfBuilder::new().item(plain).item(Ref::from_schema_name(FullAddress::name())).into()
        }
    }

    impl ToSchema for AddedAddress {
        fn name() -> Cow<'static, str> {
            "NewAddressOrPlain".into()
        }

        fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
            schemas.push((FullAddress::name().into_owned(), FullAddress::schema()));
            FullAddress::schemas(schemas);
        }
    }

    impl PartialSchema for Begin {
        fn schema() -> RefOr<Schema> {
            let number = ObjectBuilder::new()
                .schema_type(Type::Integer)
                .format(Some(SchemaFormat::KnownFormat(KnownFormat::Int64)))
                .minimum(Some(0));
            let now = ObjectBuilder::new().schema_type(Type::String).enum_values(Some(["now"]));
            OneOfBuilder::new().item(number).item(now).into()
        }
    }

    impl ToSchema for Begin {
        fn name() -> Cow<'static, str> {
            "FromBlock".into()
        }
    }
}
