//! Rows of `getLogs`: logs with their place in the block, which the lists of transfers do not tell. Everything in them
//! is hexadecimal, and `0x` is zero.

use super::refusal::Refusal;
use super::rows::Aside;
use super::text::{Text, list};
use crate::types::{Address, B256, Timestamp, Untrusted};
use crate::wire::erc20::Log;
use crate::wire::hex;
use serde::Deserialize;
use serde_json::value::RawValue;

/// A log as an explorer lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogRow {
    /// Height of its block.
    pub block_number: u64,
    /// Hash of its block, where the row says it; imitators leave it out.
    pub block_hash: Option<B256>,
    /// Time of its block.
    pub time: Timestamp,
    /// Its transaction.
    pub tx: B256,
    /// The contract that wrote it.
    pub contract: Address,
    /// Its topics, at most four.
    pub topics: Vec<B256>,
    /// Its data, hexadecimal.
    pub data: String,
    /// Its position in the block.
    pub index: u64,
}

impl LogRow {
    /// The log, to be read for what it moved.
    #[must_use]
    pub fn log(&self) -> Log<'_> {
        Log { tx: self.tx, contract: self.contract, topics: &self.topics, data: &self.data, index: Some(self.index) }
    }
}

/// What a page of `getLogs` holds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LogPage {
    /// The rows that could be read, in the page's order.
    pub rows: Vec<LogRow>,
    /// Those that could not.
    pub aside: Vec<Aside>,
    /// All rows of the page: it is full when this is what was asked for.
    pub length: usize,
}

/// Reads a page of `getLogs`. Its rows tell no head of the index.
///
/// # Errors
/// [`Refusal::Shape`] when the result is no list at all.
pub fn logs(result: &RawValue) -> Result<LogPage, Refusal> {
    let raw = list(result)?;
    let mut page = LogPage { length: raw.len(), ..LogPage::default() };
    for (index, raw) in raw.into_iter().enumerate() {
        let text = serde_json::from_str::<LogText>(raw.get()).map_err(|error| (error.to_string(), None));
        let read = text.and_then(|text| text.read().map_err(|reason| (reason, text.block_number.either("").ok())));
        match read {
            Ok(row) => page.rows.push(row),
            Err((reason, block_number)) => {
                page.aside.push(Aside { index, block_number, reason: Untrusted::new(&reason) });
            }
        }
    }
    Ok(page)
}

/// All that is read of a row.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct LogText {
    address: Text,
    /// Imitators fill up to four with `null`.
    topics: Vec<Text>,
    data: Text,
    block_number: Text,
    block_hash: Text,
    time_stamp: Text,
    log_index: Text,
    transaction_hash: Text,
}

impl LogText {
    fn read(&self) -> Result<LogRow, String> {
        let written = self.topics.iter().rposition(|topic| !topic.as_str().is_empty()).map_or(0, |last| last + 1);
        let topics = self.topics.get(..written).unwrap_or_default();
        if topics.len() > 4 {
            return Err("topics are more than four".into());
        }
        let data = self.data.as_str();
        if !(data.is_empty() || hex::is_bytes(data)) {
            return Err("data is not hexadecimal".into());
        }
        Ok(LogRow {
            block_number: self.block_number.either("blockNumber")?,
            block_hash: match self.block_hash.as_str() {
                "" => None,
                _ => Some(self.block_hash.hash("blockHash")?),
            },
            time: Timestamp::from_secs(self.time_stamp.either("timeStamp")?),
            tx: self.transaction_hash.hash("transactionHash")?,
            contract: self.address.account("address")?,
            topics: topics.iter().map(|topic| topic.hash("topics")).collect::<Result<_, _>>()?,
            data: if data.is_empty() { "0x".into() } else { data.into() },
            index: self.log_index.either("logIndex")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{Kind, U256};
    use crate::wire::erc20::{Reading, TRANSFER, read_log};

    fn page(text: &str) -> LogPage {
        logs(&RawValue::from_string(text.into()).expect("it is JSON")).expect("it is a list")
    }

    /// A transfer of 7; each of `with` replaces a key's value, JSON and all.
    fn row(with: &[(&str, &str)]) -> String {
        let word = |n: u8| format!("{:#x}", B256::left_padding_from(Address::repeat_byte(n).as_slice()));
        let topics = format!(r#"["{TRANSFER:#x}","{}","{}",null]"#, word(1), word(2));
        let (hash, contract) =
            (format!(r#""{:#x}""#, B256::repeat_byte(9)), format!(r#""{:#x}""#, Address::repeat_byte(3)));
        let data = format!(r#""{:#x}""#, B256::with_last_byte(7));
        let mut keys = vec![
            ("address", contract.as_str()),
            ("topics", &topics),
            ("data", &data),
            ("blockNumber", r#""0x64""#),
            ("timeStamp", r#""0x5f4dea3c""#),
            ("logIndex", r#""0x""#),
            ("transactionHash", &hash),
            ("transactionIndex", r#""0x""#),
        ];
        for (key, value) in with {
            keys.retain(|(known, _)| known != key);
            keys.push((key, value));
        }
        let pairs: Vec<_> = keys.iter().map(|(key, value)| format!(r#""{key}":{value}"#)).collect();
        format!("{{{}}}", pairs.join(","))
    }

    #[test]
    fn a_log_says_what_moved_and_where_it_stands_in_its_block() {
        let page = page(&format!("[{}]", row(&[])));
        let [row] = &page.rows[..] else { panic!("{page:?}") };
        assert_eq!((row.block_number, row.block_hash, row.index, row.topics.len()), (100, None, 0, 3));
        let mut moved = Vec::new();
        read_log(&row.log(), &Reading::default(), &mut moved);
        let [moved] = moved[..] else { panic!("{moved:?}") };
        assert_eq!((moved.kind, moved.amount, moved.log_index), (Kind::Token, U256::from(7), Some(0)));
        assert_eq!((moved.tx, moved.from, moved.to), (row.tx, Address::repeat_byte(1), Address::repeat_byte(2)));
    }

    #[test]
    fn a_log_that_cannot_be_read_is_set_aside_with_its_reason() {
        let check = |key: &str, value: &str| {
            let page = page(&format!("[{},{}]", row(&[(key, value)]), row(&[])));
            assert_eq!((page.rows.len(), page.aside.len(), page.length), (1, 1, 2), "{key} {value}");
            assert!(page.aside[0].reason.as_str().contains(key), "{:?}", page.aside[0]);
            assert_eq!(page.aside[0].block_number, (key != "blockNumber").then_some(100), "{key}");
        };
        check("blockNumber", r#""x""#);
        check("blockNumber", "null");
        check("timeStamp", r#""""#);
        check("logIndex", r#""-1""#);
        check("transactionHash", r#""0x12""#);
        check("address", r#""""#);
        check("data", r#""0x123""#);
        check("blockHash", r#""0xzz""#);
        check("topics", r#"["0x12"]"#);
        check("topics", &format!("[{}]", vec![format!(r#""{TRANSFER:#x}""#); 5].join(",")));
        assert_eq!(page("[1,null,[],{}]").aside.len(), 4);
        assert_eq!(page(&format!("[{}]", row(&[("topics", "[]"), ("data", r#""""#)]))).rows[0].data, "0x");
        assert!(logs(&RawValue::from_string("{}".into()).expect("it is JSON")).is_err());
    }
}
