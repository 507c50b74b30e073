//! A line as CSV (RFC 4180) or JSON. What others wrote is no formula to a spreadsheet.

use std::borrow::Cow;
use std::fmt::Write as _;

/// One cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Cell {
    /// What a person or a chain wrote.
    Said(String),
    /// Made by us: hashes, addresses, times, decimal numbers.
    Exact(String),
    /// A number that every reader holds exactly.
    Count(u64),
    Flag(bool),
    Unknown,
}

impl Cell {
    pub(super) fn said(text: Option<&str>) -> Self {
        text.map_or(Self::Unknown, |text| Self::Said(text.to_owned()))
    }

    pub(super) fn exact(text: Option<impl ToString>) -> Self {
        text.map_or(Self::Unknown, |text| Self::Exact(text.to_string()))
    }

    pub(super) fn count(number: Option<u64>) -> Self {
        number.map_or(Self::Unknown, Self::Count)
    }
}

/// The names of the columns.
pub(super) fn head(columns: &[&str]) -> String {
    format!("{}\r\n", columns.join(","))
}

/// The line with its end.
pub(super) fn csv(line: &[Cell]) -> String {
    let text = |cell: &Cell| match cell {
        Cell::Said(text) => quoted(&inert(text)).into_owned(),
        Cell::Exact(text) => text.clone(),
        Cell::Count(number) => number.to_string(),
        Cell::Flag(flag) => flag.to_string(),
        Cell::Unknown => String::new(),
    };
    let mut line = line.iter().map(text).collect::<Vec<_>>().join(",");
    line.push_str("\r\n");
    line
}

/// The line with its end. Amounts are texts: a number of JSON loses their last digits in most readers.
pub(super) fn json(columns: &[&str], line: &[Cell]) -> String {
    let mut object = String::from("{");
    for (column, cell) in columns.iter().zip(line) {
        let comma = if object.len() > 1 { "," } else { "" };
        let value = match cell {
            Cell::Said(text) | Cell::Exact(text) => serde_json::Value::from(text.as_str()).to_string(),
            Cell::Count(number) => number.to_string(),
            Cell::Flag(flag) => flag.to_string(),
            Cell::Unknown => "null".to_owned(),
        };
        // Into a string: it cannot fail.
        let _ = write!(object, "{comma}\"{column}\":{value}");
    }
    object.push_str("}\n");
    object
}

/// What a spreadsheet takes for the start of a formula gets an apostrophe before it, wide forms and those behind blanks too.
fn inert(text: &str) -> Cow<'_, str> {
    let first = text.chars().find(|letter| !letter.is_whitespace());
    let starts = matches!(first, Some('=' | '+' | '-' | '@' | '|' | '%' | '＝' | '＋' | '－' | '＠'));
    let controlled = text.starts_with(['\t', '\r', '\n', '\0']);
    if starts || controlled { Cow::Owned(format!("'{text}")) } else { Cow::Borrowed(text) }
}

fn quoted(text: &str) -> Cow<'_, str> {
    // Some readers split at semicolons.
    if text.contains(['"', ',', ';', '\r', '\n']) || text.starts_with(' ') || text.ends_with(' ') {
        Cow::Owned(format!("\"{}\"", text.replace('"', "\"\"")))
    } else {
        Cow::Borrowed(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_wrote_is_no_formula_and_breaks_no_line() {
        let check = |said: &str, written: &str| {
            assert_eq!(csv(&[Cell::Said(said.to_owned()), Cell::Unknown]), format!("{written},\r\n"), "{said:?}");
        };
        check("USDC", "USDC");
        check("=1+1", "'=1+1");
        check("+1", "'+1");
        check("-1", "'-1");
        check("@SUM(A1)", "'@SUM(A1)");
        check("=HYPERLINK(\"http://x\",\"y\")", "\"'=HYPERLINK(\"\"http://x\"\",\"\"y\"\")\"");
        check("  =1", "'  =1");
        check("\t=1", "'\t=1");
        check("＝1", "'＝1");
        check("a,b", "\"a,b\"");
        check("a\r\n=b", "\"a\r\n=b\"");
        check("\"", "\"\"\"\"");
        check("", "");
    }

    #[test]
    fn a_line_of_json_holds_amounts_as_texts_and_hostile_names_as_they_are() {
        let line = [Cell::Said("=\"\u{1b}".to_owned()), Cell::Exact("-1.5".to_owned()), Cell::Count(7), Cell::Unknown];
        assert_eq!(json(&["a", "b", "c", "d"], &line), "{\"a\":\"=\\\"\\u001b\",\"b\":\"-1.5\",\"c\":7,\"d\":null}\n");
    }
}
