//! The text as a tree. It knows shapes and places, and no meaning.

use crate::config::faults::Place;
use std::sync::Arc;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A value and where it stands.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    /// Where it starts.
    pub place: Place,
    /// What it is.
    pub value: Value,
}

/// What was written.
#[derive(Debug, Clone)]
pub(crate) enum Value {
    /// Text.
    Text(String),
    /// A whole number that fits; `None` is one that does not.
    Integer(Option<i64>),
    /// `true` or `false`.
    Flag(bool),
    /// A number with a point, or a date: nothing here takes one.
    Other(&'static str),
    /// Several values.
    List(Vec<Node>),
    /// Keys with values.
    Table(Table),
}

impl Value {
    /// What a person calls it.
    #[must_use]
    pub(crate) const fn called(&self) -> &'static str {
        match self {
            Self::Text(_) => "text",
            Self::Integer(_) => "a whole number",
            Self::Flag(_) => "true or false",
            Self::Other(what) => what,
            Self::List(_) => "a list",
            Self::Table(_) => "a table",
        }
    }
}

/// Keys with values, in the order of the text.
#[derive(Debug, Clone)]
pub(crate) struct Table {
    /// Where it starts.
    pub place: Place,
    /// Its entries.
    pub entries: Vec<Entry>,
}

/// A key with its value.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    /// The key.
    pub key: String,
    /// Where the key stands.
    pub place: Place,
    /// The value.
    pub node: Node,
}

impl Table {
    /// The value under a key.
    #[must_use]
    pub(crate) fn get(&self, key: &str) -> Option<&Node> {
        self.entries.iter().find(|entry| entry.key == key).map(|entry| &entry.node)
    }
}

/// Turns offsets into places.
#[derive(Debug)]
pub(crate) struct Lines<'a> {
    order: usize,
    file: Arc<str>,
    text: &'a str,
    starts: Vec<usize>,
}

impl<'a> Lines<'a> {
    /// The lines of one file.
    #[must_use]
    pub(crate) fn new(order: usize, file: &str, text: &'a str) -> Self {
        let starts = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Self { order, file: file.into(), text, starts }
    }

    /// Where the byte at this offset stands.
    #[must_use]
    pub(crate) fn place(&self, offset: usize) -> Place {
        let line = self.starts.partition_point(|start| *start <= offset);
        let start = self.starts[line.saturating_sub(1)];
        let column = self.text.get(start..offset).map_or(0, |before| before.chars().count()) + 1;
        Place { order: self.order, file: self.file.clone(), line, column }
    }

    /// The tree of a parsed table.
    #[must_use]
    pub(crate) fn table(&self, table: &DeTable<'_>, at: usize) -> Table {
        let mut entries: Vec<(usize, Entry)> = table
            .iter()
            .map(|(key, value)| {
                let start = key.span().start;
                let node = self.node(value);
                (start, Entry { key: key.get_ref().to_string(), place: self.place(start), node })
            })
            .collect();
        entries.sort_by_key(|(start, _)| *start);
        Table { place: self.place(at), entries: entries.into_iter().map(|(_, entry)| entry).collect() }
    }

    fn node(&self, value: &Spanned<DeValue<'_>>) -> Node {
        let at = value.span().start;
        let node = match value.get_ref() {
            DeValue::String(text) => Value::Text(text.to_string()),
            DeValue::Integer(number) => Value::Integer(i64::from_str_radix(number.as_str(), number.radix()).ok()),
            DeValue::Float(_) => Value::Other("a number with a point"),
            DeValue::Boolean(flag) => Value::Flag(*flag),
            DeValue::Datetime(_) => Value::Other("a date"),
            DeValue::Array(list) => Value::List(list.iter().map(|item| self.node(item)).collect()),
            DeValue::Table(table) => Value::Table(self.table(table, at)),
        };
        Node { place: self.place(at), value: node }
    }
}
