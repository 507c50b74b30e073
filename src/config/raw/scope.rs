//! One table with its keys: typed reading that notes what is wrong and goes on, so that one run names every fault.

use crate::config::duration;
use crate::config::faults::{Notes, Place};
use crate::config::near;
use crate::config::raw::keys::{self, Section, Shape};
use crate::config::raw::tree::{Entry, Node, Table, Value};
use crate::types::text::Untrusted;
use std::time::Duration;

/// A value and where it was written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Said<'a, T> {
    /// What.
    pub value: T,
    /// Where.
    pub place: &'a Place,
}

/// A table being read. Where a key is left out, it is looked for in the fallback (`[defaults]` for rules).
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scope<'a> {
    /// The table itself.
    pub table: &'a Table,
    /// Where left-out keys are looked for.
    pub fallback: Option<&'a Table>,
    /// What kind of table.
    pub section: &'static Section,
    /// Where faults go.
    pub notes: &'a Notes,
}

/// The whole of the files, section by section; what stands under a wrong name or in a wrong shape was noted.
#[derive(Debug)]
pub(crate) struct Root<'a> {
    tables: Vec<(&'static Section, &'a Table)>,
    notes: &'a Notes,
    end: &'a Place,
}

impl<'a> Root<'a> {
    /// Sorts the tables of the files by section. Notes every unknown key, misplaced key and key that is not there yet.
    #[must_use]
    pub(crate) fn new(whole: &'a Table, notes: &'a Notes) -> Self {
        let mut tables = Vec::new();
        for entry in &whole.entries {
            let Some(section) = keys::top().find(|section| section.name == entry.key) else {
                let what = format!("there is no section or key `{}` here", Untrusted::new(&entry.key).as_str());
                notes.fault(&entry.place, what, near::hint(&entry.key, keys::top().map(|section| section.name)));
                continue;
            };
            let found = tables_of(section, &entry.node, notes);
            tables.extend(found.into_iter().map(|table| (section, table)));
        }
        let root = Self { tables, notes, end: &whole.place };
        for (section, table) in &root.tables {
            root.sweep(section, table);
        }
        root
    }

    /// The one table of a section that stands once.
    #[must_use]
    pub(crate) fn one(&self, name: &str) -> Option<Scope<'a>> {
        self.many(name).into_iter().next()
    }

    /// The tables of a section, in the order of the files.
    #[must_use]
    pub(crate) fn many(&self, name: &str) -> Vec<Scope<'a>> {
        let fallback = if name == "rule" { self.raw("defaults") } else { None };
        let ours = self.tables.iter().filter(|(section, _)| section.name == name);
        ours.map(|(section, table)| Scope { table, fallback, section, notes: self.notes }).collect()
    }

    /// Where the main file begins, for what is missing altogether.
    #[must_use]
    pub(crate) const fn place(&self) -> &'a Place {
        self.end
    }

    fn raw(&self, name: &str) -> Option<&'a Table> {
        self.tables.iter().find(|(section, _)| section.name == name).map(|(_, table)| *table)
    }

    /// Notes the keys of a table that nobody knows, that belong to another kind, or that cannot be used yet.
    fn sweep(&self, section: &'static Section, table: &Table) {
        if let Some(why) = section.later.filter(|_| !table.entries.is_empty()) {
            self.notes.fault(&table.place, format!("{} is not there yet: {why}", section.brackets()), "leave it out");
        }
        let kind_key = if section.name == "rule" { "when" } else { "kind" };
        let kind = table.get(kind_key).or_else(|| {
            let defaults = if section.name == "rule" { self.raw("defaults") } else { None };
            defaults.and_then(|defaults| defaults.get(kind_key))
        });
        let kind = match kind.map(|node| &node.value) {
            Some(Value::Text(kind)) => Some(kind.as_str()),
            Some(_) | None => None,
        };
        let later_kind = |(name, later): &(&str, Option<&str>)| Some(*name) == kind && later.is_some();
        if section.name == "sink" && keys::SINK_KINDS.iter().any(later_kind) {
            return;
        }
        for entry in &table.entries {
            self.sweep_key(section, kind, entry);
        }
    }

    fn sweep_key(&self, section: &'static Section, kind: Option<&str>, entry: &Entry) {
        let Some(key) = section.key(&entry.key) else {
            let near = near::hint(&entry.key, section.keys.iter().map(|key| key.name));
            self.notes.fault(
                &entry.place,
                format!("{} has no key `{}`", section.brackets(), Untrusted::new(&entry.key).as_str()),
                near,
            );
            return;
        };
        if section.name == "defaults" {
            if matches!(key.name, "name" | "was" | "when") {
                let what = format!("`{}` cannot have a default", key.name);
                self.notes.fault(&entry.place, what, "write it in each rule");
            }
        } else if let Some(kind) = kind.filter(|kind| !key.kinds.is_empty() && !key.kinds.contains(kind)) {
            let known = keys::RULE_KINDS.iter().chain(&keys::SINK_KINDS).any(|(name, _)| *name == kind);
            if known {
                let article = if kind.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" };
                let what = format!("{article} {kind} {} has no key `{}`", section.name, key.name);
                self.notes.fault(&entry.place, what, format!("it belongs to: {}", key.kinds.join(", ")));
            }
        }
        if let Some(why) = key.later.filter(|_| section.later.is_none() && !is_default(key.default, &entry.node)) {
            let what = format!("`{}` is not there yet: {why}", key.name);
            self.notes.fault(
                &entry.place,
                what,
                key.default.map_or("leave it out".into(), |text| format!("leave it out, or {text}")),
            );
        }
        if let Shape::Section(name) = key.shape
            && let Some(inner) = keys::section(name)
        {
            let items = match &entry.node.value {
                Value::List(items) => items.as_slice(),
                Value::Text(_) | Value::Integer(_) | Value::Flag(_) | Value::Other(_) | Value::Table(_) => {
                    std::slice::from_ref(&entry.node)
                }
            };
            for item in items {
                if let Value::Table(table) = &item.value {
                    self.sweep(inner, table);
                }
            }
        }
    }
}

fn is_default(default: Option<&str>, node: &Node) -> bool {
    match &node.value {
        Value::Text(text) => Some(text.as_str()) == default,
        Value::Flag(flag) => Some(flag.to_string().as_str()) == default,
        Value::Integer(Some(number)) => Some(number.to_string().as_str()) == default,
        Value::Integer(None) | Value::Other(_) | Value::List(_) | Value::Table(_) => false,
    }
}

/// The tables under a section's word.
fn tables_of<'a>(section: &'static Section, node: &'a Node, notes: &Notes) -> Vec<&'a Table> {
    let wrong = |node: &Node| {
        let what = format!("`{}` is {}", section.name, node.value.called());
        notes.fault(&node.place, what, format!("write it as {} with its keys below", section.brackets()));
    };
    match &node.value {
        Value::Table(table) if !section.repeated => vec![table],
        Value::List(items) if section.repeated => items
            .iter()
            .filter_map(|item| match &item.value {
                Value::Table(table) => Some(table),
                Value::Text(_) | Value::Integer(_) | Value::Flag(_) | Value::Other(_) | Value::List(_) => {
                    wrong(item);
                    None
                }
            })
            .collect(),
        Value::Text(_) | Value::Integer(_) | Value::Flag(_) | Value::Other(_) | Value::List(_) | Value::Table(_) => {
            wrong(node);
            Vec::new()
        }
    }
}

impl<'a> Scope<'a> {
    /// Where the table starts.
    #[must_use]
    pub(crate) const fn place(&self) -> &'a Place {
        &self.table.place
    }

    /// The value under a key, from the table or its fallback.
    #[must_use]
    pub(crate) fn node(&self, key: &str) -> Option<&'a Node> {
        self.table.get(key).or_else(|| self.fallback.and_then(|fallback| fallback.get(key)))
    }

    /// The value under one of two keys that exclude each other. The table's own choice silences the fallback's.
    pub(crate) fn either(&self, one: &'static str, other: &'static str) -> Option<(&'static str, &'a Node)> {
        for table in std::iter::once(self.table).chain(self.fallback) {
            match (table.get(one), table.get(other)) {
                (Some(node), None) => return Some((one, node)),
                (None, Some(node)) => return Some((other, node)),
                (Some(node), Some(second)) => {
                    let what = format!("`{one}` and `{other}` exclude each other");
                    self.notes.fault(&second.place, what, "keep one of them");
                    return Some((one, node));
                }
                (None, None) => {}
            }
        }
        None
    }

    /// Notes a fault of a value's shape.
    fn wrong(&self, key: &str, node: &Node, shape: &str) {
        self.notes.fault(&node.place, format!("`{key}` is {}", node.value.called()), format!("write {shape}"));
    }

    /// Notes that a key is missing.
    pub(crate) fn missing(&self, key: &str, hint: &str) {
        self.notes.fault(self.place(), format!("{} has no `{key}`", self.section.brackets()), hint);
    }

    /// A text, where it is one; what is wrong with it is noted by who reads it.
    #[must_use]
    pub(crate) fn plain(&self, key: &str) -> Option<&'a str> {
        match self.node(key).map(|node| &node.value) {
            Some(Value::Text(text)) => Some(text),
            Some(Value::Integer(_) | Value::Flag(_) | Value::Other(_) | Value::List(_) | Value::Table(_)) | None => {
                None
            }
        }
    }

    /// Text.
    pub(crate) fn text(&self, key: &str) -> Option<Said<'a, &'a str>> {
        let node = self.node(key)?;
        if let Value::Text(text) = &node.value {
            return Some(Said { value: text, place: &node.place });
        }
        self.wrong(key, node, "it in quotes");
        None
    }

    /// Text that must be there.
    pub(crate) fn need(&self, key: &str, hint: &str) -> Option<Said<'a, &'a str>> {
        if self.node(key).is_none() {
            self.missing(key, hint);
        }
        self.text(key)
    }

    /// True or false.
    pub(crate) fn flag(&self, key: &str) -> Option<bool> {
        let node = self.node(key)?;
        if let Value::Flag(flag) = node.value {
            return Some(flag);
        }
        self.wrong(key, node, "true or false, without quotes");
        None
    }

    /// A whole number within bounds.
    pub(crate) fn number(&self, key: &str, least: u64, most: u64) -> Option<Said<'a, u64>> {
        let node = self.node(key)?;
        let hint = format!("a whole number from {least} to {most}, without quotes");
        let Value::Integer(number) = node.value else {
            self.wrong(key, node, &hint);
            return None;
        };
        let number =
            number.and_then(|number| u64::try_from(number).ok()).filter(|number| (least..=most).contains(number));
        if number.is_none() {
            self.notes.fault(&node.place, format!("`{key}` is out of bounds"), format!("write {hint}"));
        }
        number.map(|value| Said { value, place: &node.place })
    }

    /// A span of time.
    pub(crate) fn span(&self, key: &str) -> Option<Said<'a, Duration>> {
        let said = self.text(key)?;
        let span = duration::parse(said.value);
        if span.is_none() {
            let what = format!("`{key}` is no span of time");
            self.notes.fault(said.place, what, "a whole number and ms, s, m, h or d, for example \"30s\"");
        }
        span.map(|value| Said { value, place: said.place })
    }

    /// One text or a list of texts.
    pub(crate) fn texts(&self, key: &str) -> Option<Vec<Said<'a, &'a str>>> {
        self.node(key).map(|node| self.texts_of(key, node))
    }

    /// The texts in a value.
    pub(crate) fn texts_of(&self, key: &str, node: &'a Node) -> Vec<Said<'a, &'a str>> {
        let items = match &node.value {
            Value::List(items) => items.as_slice(),
            Value::Text(_) | Value::Integer(_) | Value::Flag(_) | Value::Other(_) | Value::Table(_) => {
                std::slice::from_ref(node)
            }
        };
        let read = |item: &'a Node| {
            if let Value::Text(text) = &item.value {
                return Some(Said { value: text.as_str(), place: &item.place });
            }
            self.wrong(key, item, "texts in quotes");
            None
        };
        items.iter().filter_map(read).collect()
    }

    /// A word out of a few; `None` where it is left out or unknown, which was noted.
    pub(crate) fn word<T: Copy>(&self, key: &str, words: &[(&str, T)]) -> Option<Said<'a, T>> {
        let said = self.text(key)?;
        let found = words.iter().find(|(word, _)| *word == said.value);
        if found.is_none() {
            let what = format!("`{key}` cannot be `{}`", Untrusted::new(said.value).as_str());
            self.notes.fault(said.place, what, near::hint(said.value, words.iter().map(|(word, _)| *word)));
        }
        found.map(|(_, value)| Said { value: *value, place: said.place })
    }

    /// A kind out of a table in which some are not there yet.
    pub(crate) fn kind(&self, key: &str, kinds: &[(&'static str, Option<&'static str>)]) -> Option<&'static str> {
        if self.node(key).is_none() {
            let ready: Vec<&str> = kinds.iter().filter(|(_, later)| later.is_none()).map(|(name, _)| *name).collect();
            self.missing(key, &format!("one of: {}", ready.join(", ")));
        }
        let words: Vec<_> = kinds.iter().map(|kind| (kind.0, *kind)).collect();
        let said = self.word(key, &words)?;
        let (name, later) = said.value;
        if let Some(why) = later {
            let ready: Vec<&str> = kinds.iter().filter(|(_, later)| later.is_none()).map(|(name, _)| *name).collect();
            let what = format!("`{key} = \"{name}\"` is not there yet: {why}");
            self.notes.fault(said.place, what, format!("there is: {}", ready.join(", ")));
            return None;
        }
        Some(name)
    }
}
