//! The config as meant, value by value, each with where it comes from. Secrets show where they are kept; urls show no key.

use super::duration;
use super::faults::{Faults, Notes};
use super::raw::document;
use super::raw::keys::{self, Key, SECTIONS, Section, Shape};
use super::raw::scope::Root;
use super::raw::tree::{Node, Table, Value};
use super::secrets::is_reference;
use super::surroundings::Surroundings;
use super::urls;
use crate::types::chain::{self, KnownChain};
use std::fmt::Write;
use std::path::Path;
use std::time::Duration;

/// The longest value that is shown whole.
const LONGEST: usize = 200;

/// Every value in force as TOML, each line with its origin: `file:line` or the default.
///
/// # Errors
/// Where a file cannot be read or parsed; other faults are for [`super::load`].
pub fn print(path: &Path, around: &dyn Surroundings) -> Result<String, Faults> {
    let notes = Notes::default();
    let document = document::read(path, around, &notes);
    if document.torn {
        return Err(notes.into_faults());
    }
    let root = Root::new(&document.whole, &notes);
    let mut text = String::new();
    for section in SECTIONS.iter().filter(|section| !section.name.contains('.') && section.later.is_none()) {
        let tables: Vec<&Table> = root.many(section.name).into_iter().map(|scope| scope.table).collect();
        let always = matches!(section.name, "http" | "store" | "system");
        let empty = Table { place: root.place().clone(), entries: Vec::new() };
        let tables = if tables.is_empty() && always { vec![&empty] } else { tables };
        let fallback = root.many("defaults").first().map(|scope| scope.table).filter(|_| section.name == "rule");
        for table in tables {
            one(&mut text, section, table, fallback);
        }
    }
    Ok(text)
}

fn one(text: &mut String, section: &'static Section, table: &Table, fallback: Option<&Table>) {
    writeln!(text, "{}", section.brackets()).expect("writing into a String cannot fail");
    let find = |name: &str| table.get(name).or_else(|| fallback.and_then(|fallback| fallback.get(name)));
    let kind = ["when", "kind"].iter().find_map(|word| match find(word).map(|node| &node.value) {
        Some(Value::Text(kind)) => Some(kind.clone()),
        Some(_) | None => None,
    });
    let known = match table.get("name").map(|node| &node.value) {
        Some(Value::Text(name)) if section.name == "chain" => chain::by_name(name),
        Some(_) | None => None,
    };
    for key in section.keys {
        let applies = key.kinds.is_empty() || kind.as_deref().is_some_and(|kind| key.kinds.contains(&kind));
        if !applies && table.get(key.name).is_none() {
            continue;
        }
        let line = match (find(key.name), key.default) {
            (Some(node), _) => {
                let place = format!("{}:{}", node.place.file, node.place.line);
                format!("{} = {}  # {place}", key.name, value(key, node))
            }
            (None, Some(default)) if section.name != "defaults" && !overruled(section, key, table) => {
                match known.and_then(|known| of_table(known, key.name)) {
                    Some(value) => format!("# {} = {value}  # chain table", key.name),
                    None => format!("# {} = {default}  # default", key.name),
                }
            }
            (None, _) => continue,
        };
        writeln!(text, "{line}").expect("writing into a String cannot fail");
    }
    text.push('\n');
}

/// What the chain table says under a key of `[[chain]]`.
fn of_table(known: &KnownChain, key: &str) -> Option<String> {
    match key {
        "chain_id" => Some(known.id.to_string()),
        "coin" => Some(format!("{:?}", known.coin)),
        "block_time" => Some(format!("\"{}\"", duration::show(Duration::from_millis(known.block_ms)))),
        "confirmations" => Some(known.confirmed.to_string()),
        "final_after" => Some(known.hard.to_string()),
        _ => None,
    }
}

/// Whether another key says it already, so that the default does not hold.
fn overruled(section: &Section, key: &Key, table: &Table) -> bool {
    let other = match (section.name, key.name) {
        ("rule", "stages") => return true,
        ("rule", "stage") => "stages",
        ("payment", "match") => "amount",
        _ => return false,
    };
    table.get(other).is_some()
}

fn value(key: &Key, node: &Node) -> String {
    let shown = raw(key.shape, node);
    if shown.chars().count() <= LONGEST {
        return shown;
    }
    let cut: String = shown.chars().take(LONGEST).collect();
    format!("{cut}…")
}

fn raw(shape: Shape, node: &Node) -> String {
    match (&node.value, shape) {
        (Value::Text(text), Shape::Plain) => format!("{text:?}"),
        (Value::Text(text), Shape::Secret | Shape::Url | Shape::Section(_)) if is_reference(text) => {
            format!("{text:?}")
        }
        (Value::Text(_), Shape::Secret) => "\"***\"".into(),
        (Value::Text(text), Shape::Url | Shape::Section(_)) => match url::Url::parse(text) {
            Ok(url) if url.has_host() => format!("{:?}", urls::shown(&url)),
            Ok(url) if url.scheme() == "sqlite" => format!("{text:?}"),
            Ok(_) | Err(_) => "\"***\"".into(),
        },
        (Value::Integer(Some(number)), _) => number.to_string(),
        (Value::Flag(flag), _) => flag.to_string(),
        (Value::Integer(None) | Value::Other(_), _) => node.value.called().into(),
        (Value::List(items), _) => {
            let items: Vec<String> = items.iter().map(|item| raw(shape, item)).collect();
            format!("[{}]", items.join(", "))
        }
        (Value::Table(table), _) => {
            let section = match shape {
                Shape::Section(name) => keys::section(name),
                Shape::Plain | Shape::Url | Shape::Secret => None,
            };
            let inner =
                |name: &str| section.and_then(|section| section.key(name)).map_or(Shape::Secret, |key| key.shape);
            let entries =
                table.entries.iter().map(|entry| format!("{} = {}", entry.key, raw(inner(&entry.key), &entry.node)));
            format!("{{ {} }}", entries.collect::<Vec<_>>().join(", "))
        }
    }
}
