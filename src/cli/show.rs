//! Answers for people: aligned tables, whole values, nothing in them that a terminal would obey.

use super::Failure;
use serde_json::Value;
use std::io::{ErrorKind, Write};

/// Between two columns.
const GAP: &str = "  ";

/// Writes the answer.
pub(super) fn answer(text: &str) -> Result<(), Failure> {
    writeln!(std::io::stdout().lock(), "{}", text.trim_end()).map_err(|error| match error.kind() {
        ErrorKind::BrokenPipe => Failure::unread(),
        _ => Failure::again(error),
    })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_aligned_and_obeyed_by_no_terminal() {
        let rows = [["a".to_owned(), "1".to_owned()], ["long\u{1b}[2J".to_owned(), "\u{202e}2".to_owned()]];
        assert_eq!(table(["NAME", "N"], &rows), "NAME      N\na         1\nlong [2J  \u{fffd}2\n");
        assert_eq!(table(["NAME", "N"], &[]), "NAME  N\n");
    }
}
