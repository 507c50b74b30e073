//! Blocks, receipts and logs as nodes write them. Read strictly: what identifies and what moves. Everything else,
//! and every key that a chain adds, is passed over; what old or exotic chains leave out is optional.

use super::present;
use crate::types::gas::next_base_fee;
use crate::types::{Address, B256, BlockRef, Timestamp, U256};
use crate::wire::hex::{Account, Hash, Q64, Q256};
use crate::wire::{Fault, read};
use serde::Deserialize;
use serde::de::{Deserializer, Error, SeqAccess, Visitor};
use serde_json::value::RawValue;
use std::fmt;

/// Higher than any chain gets.
const HIGHEST: u64 = 1 << 48;

/// What a header says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// Where the block stands.
    pub at: BlockRef,
    /// Its own time.
    pub time: Timestamp,
    /// Base fee in wei; `None` before London and where the chain has none.
    pub base_fee: Option<U256>,
    /// What the next block takes at least by EIP-1559's formula, in wei; `None` where the header has not all that it needs.
    pub next_base_fee: Option<U256>,
    /// Whether the bloom filter says that there are logs; `None` where the header has no bloom.
    pub has_logs: Option<bool>,
}

/// A block with its transactions.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(from = "BlockText")]
pub struct RawBlock {
    /// Its header.
    pub header: Header,
    /// Its transactions, in order.
    pub txs: Vec<RawTx>,
}

/// What is read of a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(from = "TxText")]
pub struct RawTx {
    /// Its hash.
    pub hash: B256,
    /// Who sent it.
    pub from: Address,
    /// Whom it calls; `None` for a creation.
    pub to: Option<Address>,
    /// The value it carries, in wei. Moves only if the transaction succeeds.
    pub value: U256,
    /// Its gas limit.
    pub gas: Option<u64>,
}

#[derive(Deserialize)]
struct TxText {
    hash: Hash,
    from: Account,
    to: Option<Account>,
    value: Q256,
    gas: Option<Q64>,
}

impl From<TxText> for RawTx {
    fn from(text: TxText) -> Self {
        let TxText { hash, from, to, value, gas } = text;
        Self { hash: hash.0, from: from.0, to: to.map(|to| to.0), value: value.0, gas: gas.map(|gas| gas.0) }
    }
}

/// What is read of a receipt.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "ReceiptText")]
pub struct RawReceipt<'a> {
    /// Of which transaction.
    pub tx: B256,
    /// In which block.
    pub block: B256,
    /// Height of that block, where it is said.
    pub number: Option<u64>,
    /// Whether the transaction succeeded; `None` before Byzantium, whose receipts do not say.
    pub succeeded: Option<bool>,
    /// The gas it used.
    pub gas_used: Option<u64>,
    /// The contract that it created.
    pub created: Option<Address>,
    /// Its logs, in order.
    #[serde(borrow)]
    pub logs: Vec<RawLog<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ReceiptText<'a> {
    transaction_hash: Hash,
    block_hash: Hash,
    block_number: Option<Q64>,
    status: Option<Q64>,
    #[serde(borrow)]
    root: Option<&'a str>,
    gas_used: Option<Q64>,
    contract_address: Option<Account>,
    #[serde(borrow)]
    logs: Vec<RawLog<'a>>,
}

impl<'a> TryFrom<ReceiptText<'a>> for RawReceipt<'a> {
    type Error = &'static str;

    fn try_from(text: ReceiptText<'a>) -> Result<Self, &'static str> {
        let succeeded = match (text.status, text.root) {
            (Some(Q64(0)), _) => Some(false),
            (Some(Q64(1)), _) => Some(true),
            (None, Some(_)) => None,
            (Some(_), _) => return Err("a receipt's status is neither 0 nor 1"),
            (None, None) => return Err("a receipt without status and root"),
        };
        Ok(Self {
            tx: text.transaction_hash.0,
            block: text.block_hash.0,
            number: text.block_number.map(|number| number.0),
            succeeded,
            gas_used: text.gas_used.map(|gas| gas.0),
            created: text.contract_address.map(|created| created.0),
            logs: text.logs,
        })
    }
}

/// A log inside its receipt.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(from = "LogText")]
pub struct RawLog<'a> {
    /// The contract that wrote it.
    pub contract: Address,
    /// Its topics.
    pub topics: Topics,
    /// Its data as written, hexadecimal; not checked.
    #[serde(borrow)]
    pub data: &'a str,
    /// Its position in the block.
    pub index: Option<u64>,
    /// Whether a reorg took it back.
    pub removed: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LogText<'a> {
    address: Account,
    topics: Topics,
    #[serde(borrow, default)]
    data: &'a str,
    log_index: Option<Q64>,
    removed: Option<bool>,
}

impl<'a> From<LogText<'a>> for RawLog<'a> {
    fn from(text: LogText<'a>) -> Self {
        let LogText { address, topics, data, log_index, removed } = text;
        let index = log_index.map(|index| index.0);
        Self { contract: address.0, topics, data, index, removed: removed.unwrap_or(false) }
    }
}

/// A log that came by itself, with the transaction and block it belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlockLog<'a> {
    /// Its transaction.
    pub tx: B256,
    /// Its block.
    pub block: B256,
    /// Height of its block, where it is said.
    pub number: Option<u64>,
    /// The log.
    pub log: RawLog<'a>,
}

/// Up to four topics, without an allocation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Topics {
    items: [B256; 4],
    count: usize,
}

impl Topics {
    /// The topics.
    #[must_use]
    pub fn as_slice(&self) -> &[B256] {
        self.items.get(..self.count).unwrap_or_default()
    }
}

impl<'de> Deserialize<'de> for Topics {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Topics;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of at most four topics")
            }
            fn visit_seq<S: SeqAccess<'de>>(self, mut list: S) -> Result<Topics, S::Error> {
                let mut topics = Topics { items: [B256::ZERO; 4], count: 0 };
                while let Some(Hash(topic)) = list.next_element()? {
                    let slot = topics.items.get_mut(topics.count).ok_or_else(|| S::Error::custom("a fifth topic"))?;
                    *slot = topic;
                    topics.count = topics.count.saturating_add(1);
                }
                Ok(topics)
            }
        }
        deserializer.deserialize_seq(Reader)
    }
}

/// Whether a bloom filter has any bit set.
struct Bloom(bool);

impl<'de> Deserialize<'de> for Bloom {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl Visitor<'_> for Reader {
            type Value = Bloom;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a bloom filter")
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Bloom, E> {
                Ok(Bloom(text.trim_start_matches("0x").bytes().any(|digit| digit != b'0')))
            }
        }
        deserializer.deserialize_str(Reader)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct HeaderText {
    number: Q64,
    hash: Hash,
    parent_hash: Hash,
    timestamp: Q64,
    base_fee_per_gas: Option<Q256>,
    gas_used: Option<Q256>,
    gas_limit: Option<Q256>,
    logs_bloom: Option<Bloom>,
}

impl From<HeaderText> for Header {
    fn from(text: HeaderText) -> Self {
        // Some chains have a limit that stands for none.
        let gas = |gas: Option<Q256>| gas.and_then(|gas| u64::try_from(gas.0).ok());
        let fee = text.base_fee_per_gas.map(|fee| fee.0);
        let parts = fee.zip(gas(text.gas_used)).zip(gas(text.gas_limit));
        Self {
            at: BlockRef { number: text.number.0, hash: text.hash.0, parent: text.parent_hash.0 },
            time: Timestamp::from_secs(text.timestamp.0),
            base_fee: fee,
            next_base_fee: parts.map(|((fee, used), limit)| next_base_fee(fee, used, limit)),
            has_logs: text.logs_bloom.map(|bloom| bloom.0),
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct BlockText {
    number: Q64,
    hash: Hash,
    parent_hash: Hash,
    timestamp: Q64,
    base_fee_per_gas: Option<Q256>,
    gas_used: Option<Q256>,
    gas_limit: Option<Q256>,
    logs_bloom: Option<Bloom>,
    transactions: Vec<RawTx>,
}

impl From<BlockText> for RawBlock {
    fn from(text: BlockText) -> Self {
        let BlockText { number, hash, parent_hash, timestamp, base_fee_per_gas, gas_used, gas_limit, .. } = text;
        let logs_bloom = text.logs_bloom;
        let header =
            HeaderText { number, hash, parent_hash, timestamp, base_fee_per_gas, gas_used, gas_limit, logs_bloom };
        Self { header: header.into(), txs: text.transactions }
    }
}

/// Reads a header: of a head notification, or of a block whose transactions do not matter.
///
/// # Errors
/// [`Fault::NotReady`] for `null`; [`Fault::Shape`] where number, hash, parent or time are missing or wrong.
pub fn parse_header(result: &RawValue) -> Result<Header, Fault> {
    present("header", result)?;
    credible(read::<HeaderText>("a header", result.get())?.into())
}

/// No chain is this high: whoever says so is wrong about more than the number.
fn credible(header: Header) -> Result<Header, Fault> {
    if header.at.number < HIGHEST { Ok(header) } else { Err(Fault::shape("a block's number", "no chain is that high")) }
}

/// Reads a block with whole transactions.
///
/// # Errors
/// [`Fault::NotReady`] for `null`; [`Fault::Shape`] where something that is relied on is missing or wrong.
pub fn parse_block(result: &RawValue) -> Result<RawBlock, Fault> {
    present("block", result)?;
    let block: RawBlock = read("a block", result.get())?;
    credible(block.header)?;
    Ok(block)
}

/// Reads the receipts of a block. `[]` is taken: only the block knows whether it has transactions.
///
/// # Errors
/// [`Fault::NotReady`] for `null`; [`Fault::Shape`] where something that is relied on is missing or wrong.
pub fn parse_receipts(result: &RawValue) -> Result<Vec<RawReceipt<'_>>, Fault> {
    present("receipts", result)?;
    read("receipts", result.get())
}

/// Reads one receipt; `None` for `null`, a transaction that is in no block the node knows.
///
/// # Errors
/// [`Fault::Shape`] where something that is relied on is missing or wrong.
pub fn parse_receipt(result: &RawValue) -> Result<Option<RawReceipt<'_>>, Fault> {
    read("a receipt", result.get())
}

/// Reads logs that came by themselves.
///
/// # Errors
/// [`Fault::NotReady`] for `null`; [`Fault::Shape`] where something that is relied on is missing or wrong;
/// [`Fault::RemovedLog`] for one that a reorg took back.
pub fn parse_logs(result: &RawValue) -> Result<Vec<BlockLog<'_>>, Fault> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Text<'a> {
        address: Account,
        topics: Topics,
        #[serde(borrow, default)]
        data: &'a str,
        log_index: Option<Q64>,
        removed: Option<bool>,
        transaction_hash: Hash,
        block_hash: Hash,
        block_number: Option<Q64>,
    }
    present("logs", result)?;
    let texts: Vec<Text<'_>> = read("logs", result.get())?;
    let mut logs = Vec::with_capacity(texts.len());
    for text in texts {
        let Text { address, topics, data, log_index, removed, transaction_hash, block_hash, block_number } = text;
        let log = RawLog::from(LogText { address, topics, data, log_index, removed });
        if log.removed {
            return Err(Fault::RemovedLog { tx: transaction_hash.0 });
        }
        let number = block_number.map(|number| number.0);
        logs.push(BlockLog { tx: transaction_hash.0, block: block_hash.0, number, log });
    }
    Ok(logs)
}
