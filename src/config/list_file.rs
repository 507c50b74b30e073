//! List files: addresses with what their owner says of each, as a spreadsheet writes them (CSV, RFC 4180, a value on one line).
//!
//! Columns are `address`, `ref`, `label` and `from_block`, in this order, or in the order of a first line that names them. Every bad line
//! is found in one reading. It is read as it comes: a file may be larger than what a monitor may hold in memory.

use super::near;
use crate::reactor::addresses::{AddressList, Builder, Listed, MOST_ADDRESSES};
use crate::types::text::{Untrusted, wrong_note};
use crate::types::{Address, parse_address};
use csv_core::{ReadRecordResult, Reader};
use std::io::{self, BufRead, Read};

/// What a column may be called.
pub const COLUMNS: [&str; 4] = ["address", "ref", "label", "from_block"];
/// Bad lines that are named one by one: whoever has more than these has another file than they think.
const MOST_NAMED: usize = 1_000;

/// A line is at most this long: four values at their longest, with room for another tool's columns.
const LONGEST_LINE: usize = 4_096;
/// Some tools put this before the text, to say that it is UTF-8.
const MARK: &[u8] = b"\xef\xbb\xbf";

/// Something wrong with a line.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct BadLine {
    /// From 1.
    pub line: u64,
    /// What.
    pub what: String,
}

/// A file that was read.
#[derive(Debug, Default)]
pub struct ListFile {
    /// The addresses of the good lines.
    pub list: AddressList,
    /// Where each of them stood, by address.
    pub lines: Vec<(Address, u64)>,
    /// Every bad line, ascending.
    pub bad: Vec<BadLine>,
}

impl ListFile {
    /// Reads a file to its end.
    ///
    /// # Errors
    /// When it cannot be read. What is wrong with its lines is in `bad`.
    pub fn read(mut from: impl BufRead) -> io::Result<Self> {
        let mut lines = Lines::default();
        let mut values = Values::default();
        let mut bytes = Vec::new();
        for line in 1.. {
            bytes.clear();
            let most = LONGEST_LINE as u64 + 1;
            if from.by_ref().take(most).read_until(b'\n', &mut bytes)? == 0 {
                break;
            }
            if bytes.len() > LONGEST_LINE && bytes.last() != Some(&b'\n') {
                lines.bad(line, format!("it is longer than {LONGEST_LINE} bytes"));
                from.skip_until(b'\n')?;
                continue;
            }
            let start = if line == 1 && bytes.starts_with(MARK) { MARK.len() } else { 0 };
            match std::str::from_utf8(&bytes[start..]).map(str::trim) {
                Err(_) => lines.bad(line, "it is not UTF-8 text"),
                Ok(text) if text.is_empty() || text.starts_with('#') => {}
                // Within one line, every mark that opens has one that closes.
                Ok(text) if text.matches('"').count() % 2 == 1 => lines.bad(line, "a quotation mark is missing"),
                Ok(text) => lines.take(line, &values.split(text)),
            }
        }
        Ok(lines.finish())
    }

    /// The line on which an address stands.
    #[must_use]
    pub fn line_of(&self, address: &Address) -> Option<u64> {
        self.lines.binary_search_by_key(address, |(address, _)| *address).ok().map(|place| self.lines[place].1)
    }
}

/// Splits lines into their values, with quotation marks taken off.
struct Values {
    reader: Reader,
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Default for Values {
    fn default() -> Self {
        // Quotation marks only ever go: no line has more bytes or values than it is long.
        Self { reader: Reader::new(), bytes: vec![0; LONGEST_LINE + 1], ends: vec![0; LONGEST_LINE + 1] }
    }
}

impl Values {
    fn split<'a>(&'a mut self, line: &str) -> Vec<&'a str> {
        self.reader.reset();
        let (first, read, written, ended) = self.reader.read_record(line.as_bytes(), &mut self.bytes, &mut self.ends);
        // The end of the line ends the last value.
        let last = match first {
            ReadRecordResult::Record => 0,
            ReadRecordResult::InputEmpty
            | ReadRecordResult::OutputFull
            | ReadRecordResult::OutputEndsFull
            | ReadRecordResult::End => {
                let rest = &line.as_bytes()[read..];
                self.reader.read_record(rest, &mut self.bytes[written..], &mut self.ends[ended..]).3
            }
        };
        let mut start = 0;
        let mut values = Vec::with_capacity(COLUMNS.len());
        for end in &self.ends[..ended + last] {
            let value = self.bytes.get(start..*end).unwrap_or_default();
            values.push(std::str::from_utf8(value).unwrap_or_default().trim());
            start = *end;
        }
        values
    }
}

/// A file that is being read.
#[derive(Debug, Default)]
struct Lines {
    builder: Builder,
    /// Where each address stood.
    good: Vec<(Address, u64)>,
    bad: Vec<BadLine>,
    more: u64,
    /// The place of each of [`COLUMNS`] in a line; `None` before the first line.
    places: Option<[Option<usize>; 4]>,
    columns: usize,
}

impl Lines {
    fn bad(&mut self, line: u64, what: impl Into<String>) {
        if self.bad.len() < MOST_NAMED {
            self.bad.push(BadLine { line, what: what.into() });
        } else {
            self.more += 1;
        }
    }

    fn take(&mut self, line: u64, values: &[&str]) {
        let Some(places) = self.places else { return self.first(line, values) };
        if values.len() > self.columns {
            return self.bad(line, format!("it has {} values, and there are {} columns", values.len(), self.columns));
        }
        let value = |column: usize| {
            places[column].and_then(|place| values.get(place)).copied().filter(|value| !value.is_empty())
        };
        let address = match value(0).map(parse_address) {
            None => return self.bad(line, "it has no address"),
            Some(Ok(Address::ZERO)) => return self.bad(line, "it is the zero address"),
            Some(Ok(address)) => Some(address),
            Some(Err(fault)) => {
                self.bad(line, fault.to_string());
                None
            }
        };
        let reference = self.note(line, "ref", value(1));
        let label = self.note(line, "label", value(2));
        let from_block = value(3).filter(|text| *text != "now").and_then(|text| {
            // The store and the API hold signed numbers.
            let number = text.parse().ok().filter(|number| *number <= i64::MAX.unsigned_abs());
            if number.is_none() {
                self.bad(line, "`from_block` is neither a number nor \"now\"");
            }
            number
        });
        let Some(address) = address else { return };
        if self.good.len() >= MOST_ADDRESSES {
            return self.bad(line, format!("a watch has at most {MOST_ADDRESSES} addresses"));
        }
        self.good.push((address, line));
        self.builder.push(Listed { address, reference, label, from_block, since: &[] });
    }

    /// The first line may name the columns; else it is an address like all others.
    fn first(&mut self, line: u64, values: &[&str]) {
        let place = |column: &str| values.iter().position(|value| value.eq_ignore_ascii_case(column));
        let is_address = values.first().is_some_and(|value| value.starts_with("0x"));
        if is_address {
            self.places = Some([Some(0), Some(1), Some(2), Some(3)]);
            self.columns = COLUMNS.len();
            return self.take(line, values);
        }
        self.places = Some(COLUMNS.map(place));
        self.columns = values.len();
        for (at, value) in values.iter().enumerate() {
            let known = COLUMNS.iter().any(|column| column.eq_ignore_ascii_case(value));
            if !known {
                let shown = Untrusted::new(value);
                let hint = near::hint(value, COLUMNS);
                self.bad(line, format!("there is no column `{}`: {hint}", shown.as_str()));
            } else if place(&value.to_lowercase()).is_some_and(|first| first < at) {
                self.bad(line, format!("the column `{value}` stands twice"));
            }
        }
        if place("address").is_none() {
            self.bad(line, "the first line is neither an address nor names a column `address`");
        }
    }

    /// A reference or a label, as it may stand in a message.
    fn note<'a>(&mut self, line: u64, column: &str, value: Option<&'a str>) -> Option<&'a str> {
        let value = value?;
        if let Some(wrong) = wrong_note(value) {
            self.bad(line, format!("`{column}` {wrong}"));
        }
        Some(value)
    }

    fn finish(mut self) -> ListFile {
        self.good.sort();
        let twice: Vec<_> =
            self.good.windows(2).filter(|pair| pair[0].0 == pair[1].0).map(|pair| (pair[1].1, pair[0].1)).collect();
        for (line, first) in twice {
            self.bad(line, format!("its address stands on line {first} already"));
        }
        self.good.dedup_by_key(|(address, _)| *address);
        self.bad.sort();
        if self.more > 0 {
            let line = self.bad.last().map_or(0, |bad| bad.line);
            self.bad.push(BadLine { line, what: format!("there are {} more bad lines in this file", self.more) });
        }
        ListFile { list: self.builder.finish(), lines: self.good, bad: self.bad }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt::Write as _;

    const ONE: &str = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8";
    const TWO: &str = "0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC";

    /// A file, the addresses in it as `ref|label|from_block`, and its bad lines.
    fn check(text: &str, good: &[(&str, &str)], bad: &[(u64, &str)]) {
        let file = ListFile::read(text.as_bytes()).expect("it is in memory");
        let said = |listed: Listed<'_>| {
            let from = listed.from_block.map(|block| block.to_string()).unwrap_or_default();
            format!("{}|{}|{from}", listed.reference.unwrap_or_default(), listed.label.unwrap_or_default())
        };
        for (address, expected) in good {
            let address = parse_address(address).expect("it is one");
            assert_eq!(file.list.get(&address).map(said).as_deref(), Some(*expected), "{text}");
        }
        assert_eq!(file.list.len(), good.len(), "{text}");
        assert_eq!(file.bad.len(), bad.len(), "{text}\n{:?}", file.bad);
        for (found, (line, words)) in file.bad.iter().zip(bad) {
            assert!(found.line == *line && found.what.contains(words), "{text}\n{found:?} is not {line}: {words}");
        }
    }

    #[test]
    fn lists_are_read_as_spreadsheets_write_them() {
        check("", &[], &[]);
        check(ONE, &[(ONE, "||")], &[]);
        check(&format!("{ONE},c-1,Ada,19000000\n{TWO},c-2\n"), &[(ONE, "c-1|Ada|19000000"), (TWO, "c-2||")], &[]);
        check(
            &format!("\u{feff}address,ref\r\n{ONE},c-1\r\n\r\n{TWO},c-2\r\n"),
            &[(ONE, "c-1||"), (TWO, "c-2||")],
            &[],
        );
        let quoted = format!("label,Address\n\"Lovelace, \"\"Ada\"\"\",{ONE}\n# a remark\n , {TWO} \n");
        check(&quoted, &[(ONE, "|Lovelace, \"Ada\"|"), (TWO, "||")], &[]);
        check(&format!("address,from_block\n{ONE},now\n{TWO},0\n"), &[(ONE, "||"), (TWO, "||0")], &[]);
    }

    #[test]
    fn every_bad_line_is_named_with_its_number() {
        let mistyped = TWO.replace("C44C", "C44c");
        check(
            &format!(
                "address,ref,label,from_block\n{ONE}\n\n{mistyped}\nnothing,,,later\n{TWO},1,2,3,4\n{TWO},a\u{202e}b\n"
            ),
            &[(ONE, "||"), (TWO, "a\u{202e}b||")],
            &[
                (4, "checksum"),
                (5, "`from_block` is neither"),
                (5, "40 hexadecimal digits"),
                (6, "5 values, and there are 4 columns"),
                (7, "`ref` holds characters that are not seen"),
            ],
        );
        check(&format!("{ONE}\r\n# c\r\n{ONE}\r\n"), &[(ONE, "||")], &[(3, "stands on line 1 already")]);
        check("adress,ref\n", &[], &[(1, "neither an address"), (1, "no column `adress`: did you mean `address`?")]);
        check("address,address\n", &[], &[(1, "stands twice")]);
        check(&format!("{ONE},\"open\n{TWO},b\n"), &[(TWO, "b||")], &[(1, "a quotation mark is missing")]);
        check(
            &format!("{ONE},c,{}\n", "x".repeat(65)),
            &[(ONE, &format!("c|{}|", "x".repeat(65)))],
            &[(1, "longer than 64")],
        );
        check("address\n0x0000000000000000000000000000000000000000\n,\n", &[], &[(2, "zero address"), (3, "2 values")]);
        check(&format!("{ONE},,,99999999999999999999\n"), &[(ONE, "||")], &[(1, "`from_block`")]);
    }

    #[test]
    fn fifty_thousand_deposits_with_three_bad_lines_give_three_faults() {
        let mut text = "address,ref,label,from_block\n".to_owned();
        for n in 0..50_000_u32 {
            let address = match n {
                7_000 => "0x12".to_owned(),
                30_000 => "0x70997970c51812dc3A010C7d01b50e0d17dc79C8".to_owned(),
                n => format!("0x{:040x}", n + 1),
            };
            let from = if n == 49_999 { "yesterday" } else { "" };
            let _ = writeln!(text, "{address},c-{n},\"Customer {n}, Ltd\",{from}");
        }
        let file = ListFile::read(text.as_bytes()).expect("it is in memory");
        let lines: Vec<u64> = file.bad.iter().map(|bad| bad.line).collect();
        assert_eq!((lines, file.list.len()), (vec![7_002, 30_002, 50_001], 49_998));
        let one = file.list.get(&Address::left_padding_from(&2_u32.to_be_bytes())).expect("it is there");
        assert_eq!((one.reference, one.label), (Some("c-1"), Some("Customer 1, Ltd")));
        assert_eq!(file.line_of(&one.address), Some(3));
    }

    #[test]
    fn a_file_of_nothing_but_bad_lines_names_a_thousand_of_them() {
        let file = ListFile::read("x\n".repeat(3_000).as_bytes()).expect("it is in memory");
        assert_eq!(file.bad.len(), 1_001);
        assert!(file.bad.last().is_some_and(|last| last.what.contains("more bad lines")), "{:?}", file.bad.last());
    }
}
