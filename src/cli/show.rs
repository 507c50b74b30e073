//! Answers for people: aligned tables, whole values, nothing in them that a terminal would obey.

use super::Failure;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use std::io::Write;

/// Between two columns.
const GAP: &str = "  ";

/// Writes the answer.
pub(super) fn answer(text: &str) -> Result<(), Failure> {
    writeln!(std::io::stdout().lock(), "{}", text.trim_end()).map_err(Failure::again)
}

/// The text without what moves a cursor, reorders or hides: names and reasons can come from anywhere.
pub(super) fn clean(text: &str) -> String {
    let shown = |character: char| match character {
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200b}'..='\u{200f}' | '\u{feff}' => '\u{fffd}',
        control if control.is_control() => ' ',
        plain => plain,
    };
    text.chars().map(shown).collect()
}

/// A table with heads; nothing is cut, and the last column is not filled up.
pub(super) fn table<const N: usize>(heads: [&str; N], rows: &[[String; N]]) -> String {
    let rows: Vec<[String; N]> = rows.iter().map(|row| row.each_ref().map(|cell| clean(cell))).collect();
    let heads = heads.map(str::to_owned);
    let mut widths = [0; N];
    for row in std::iter::once(&heads).chain(&rows) {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.chars().count().max(*width);
        }
    }
    let mut text = String::new();
    for row in std::iter::once(&heads).chain(&rows) {
        let filled: Vec<String> = row.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        text.push_str(filled.join(GAP).trim_end());
        text.push('\n');
    }
    text
}

/// A value of an answer as text; nothing where there is none.
pub(super) fn text(item: &Value, key: &str) -> String {
    match &item[key] {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// A page of a list, its items as they came.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Listed {
    /// The rows.
    pub(super) items: Vec<Box<RawValue>>,
    /// Where the next page begins.
    pub(super) next: Option<String>,
}

impl Listed {
    /// Reads a page.
    pub(super) fn read(body: &[u8]) -> Result<Self, Failure> {
        serde_json::from_slice(body).map_err(Failure::again)
    }

    /// As the API would have written it.
    pub(super) fn json(&self) -> String {
        let items: Vec<&str> = self.items.iter().map(|item| item.get()).collect();
        let next = self.next.as_ref().map_or(Value::Null, |next| Value::from(next.as_str()));
        format!(r#"{{"items":[{}],"next":{next}}}"#, items.join(","))
    }

    /// The rows to look into.
    pub(super) fn values(&self) -> Result<Vec<Value>, Failure> {
        self.items.iter().map(|item| serde_json::from_str(item.get()).map_err(Failure::again)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_aligned_and_obeyed_by_no_terminal() {
        let rows = [["a".to_owned(), "1".to_owned()], ["long\u{1b}[2J".to_owned(), "\u{202e}2".to_owned()]];
        assert_eq!(table(["NAME", "N"], &rows), "NAME      N\na         1\nlong [2J  \u{fffd}2\n");
        assert_eq!(table(["NAME", "N"], &[]), "NAME  N\n");
    }

    #[test]
    fn pages_are_printed_as_they_came() {
        let body = r#"{"items":[{"b":1,"a":"x"},{"b":2.50}],"next":"5-a"}"#;
        assert_eq!(Listed::read(body.as_bytes()).unwrap().json(), body);
        let last = r#"{"items":[],"next":null}"#;
        assert_eq!(Listed::read(last.as_bytes()).unwrap().json(), last);
    }
}
