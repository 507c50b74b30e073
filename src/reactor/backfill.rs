//! The history of watched addresses: what lies below the block from which each is read live, and how far it was read.
//!
//! It knows what is left and nothing else: who reads it is the sources' affair, what it means `read_history`'s. All of it is rows, so that
//! a process that dies at any point goes on where it was. History is read upwards: an explorer's lists each by itself, a chain's blocks
//! and logs once for all addresses that were begun together.

use super::effect::Effect;
use super::event::List;
use super::rows::{Row, RowKey};
use crate::types::{Address, B256, ChainId, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

/// The history of a watched address on a chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackfillRow {
    /// Which chain.
    pub chain: ChainId,
    /// Whose.
    pub address: Address,
    /// The lowest block that is asked for.
    pub from: u64,
    /// History is read up to this block, which is not part of it: from here on whatever is live reads, and looks for late rows.
    pub until: u64,
    /// The first block that was new when the address came to be watched: what lies below is history, also where live reading finds it.
    pub live_from: u64,
    /// The lists that were not read to `until`; none when everything from `from` on was read.
    pub left: Vec<ListLeft>,
}

/// What is left of one list. Where a chain's own blocks and logs are read, [`ScanRow`] has the progress, and this stands until they are
/// through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListLeft {
    /// Which list, or the kind of movement that it lists.
    pub list: List,
    /// The lowest block that was not read.
    pub next: u64,
    /// When an answer about all that is left was empty: one proves nothing.
    pub blank: Option<Timestamp>,
}

/// What is read of a chain without an explorer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scan {
    /// Whole blocks.
    Blocks,
    /// Logs of token transfers that name the addresses.
    Logs,
}

impl Scan {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Blocks, Self::Logs];

    /// The word in the store.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Blocks => "blocks",
            Self::Logs => "logs",
        }
    }

    /// The scan with this word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scan| scan.word() == word)
    }
}

/// How far the history of all addresses with the same `until` was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScanRow {
    /// Which chain.
    pub chain: ChainId,
    /// The upper end, not part of it: [`BackfillRow::until`] of the addresses.
    pub until: u64,
    /// What is read.
    pub scan: Scan,
    /// Where it began.
    pub from: u64,
    /// The lowest block that was not read.
    pub next: u64,
    /// Of blocks: the hash of the one below `next`, where it was read.
    pub below: Option<B256>,
}

/// Every address with a history, and every scan.
#[derive(Debug, Clone, Default)]
pub struct Backfills {
    rows: BTreeMap<(ChainId, Address), BackfillRow>,
    /// Those of which something is left.
    open: BTreeSet<(ChainId, Address)>,
    scans: BTreeMap<(ChainId, u64, Scan), ScanRow>,
}

impl Backfills {
    /// From rows.
    #[must_use]
    pub fn restore(rows: Vec<BackfillRow>, scans: Vec<ScanRow>) -> Self {
        let open = rows.iter().filter(|row| !row.left.is_empty()).map(|row| (row.chain, row.address)).collect();
        Self {
            rows: rows.into_iter().map(|row| ((row.chain, row.address), row)).collect(),
            open,
            scans: scans.into_iter().map(|scan| ((scan.chain, scan.until, scan.scan), scan)).collect(),
        }
    }

    /// One of them.
    #[must_use]
    pub fn get(&self, chain: ChainId, address: &Address) -> Option<&BackfillRow> {
        self.rows.get(&(chain, *address))
    }

    /// All of them, by chain and address.
    pub fn rows(&self) -> impl Iterator<Item = &BackfillRow> {
        self.rows.values()
    }

    /// Those of a chain of which something is left, by address.
    pub fn open_of(&self, chain: ChainId) -> impl Iterator<Item = &BackfillRow> {
        let range = (chain, Address::ZERO)..=(chain, Address::repeat_byte(u8::MAX));
        self.open.range(range).filter_map(|key| self.rows.get(key))
    }

    /// Every scan.
    pub fn scans(&self) -> impl Iterator<Item = &ScanRow> {
        self.scans.values()
    }

    /// The scans of a chain, by their upper ends.
    pub fn scans_of(&self, chain: ChainId) -> impl Iterator<Item = &ScanRow> {
        self.scans.range((chain, 0, Scan::Blocks)..=(chain, u64::MAX, Scan::Logs)).map(|(_, scan)| scan)
    }

    /// One scan.
    #[must_use]
    pub fn scan(&self, chain: ChainId, until: u64, scan: Scan) -> Option<ScanRow> {
        self.scans.get(&(chain, until, scan)).copied()
    }

    /// Writes one.
    pub fn put(&mut self, row: BackfillRow, effects: &mut Vec<Effect>) {
        let key = (row.chain, row.address);
        if row.left.is_empty() {
            self.open.remove(&key)
        } else {
            self.open.insert(key)
        };
        effects.push(Effect::Put(Row::Backfill(Box::new(row.clone()))));
        self.rows.insert(key, row);
    }

    /// Forgets one.
    pub fn remove(&mut self, chain: ChainId, address: Address, effects: &mut Vec<Effect>) {
        if self.rows.remove(&(chain, address)).is_some() {
            self.open.remove(&(chain, address));
            effects.push(Effect::Delete(RowKey::Backfill(chain, address)));
        }
    }

    /// Writes a scan.
    pub fn put_scan(&mut self, scan: ScanRow, effects: &mut Vec<Effect>) {
        effects.push(Effect::Put(Row::Scan(scan)));
        self.scans.insert((scan.chain, scan.until, scan.scan), scan);
    }

    /// Forgets a scan.
    pub fn remove_scan(&mut self, scan: &ScanRow, effects: &mut Vec<Effect>) {
        if self.scans.remove(&(scan.chain, scan.until, scan.scan)).is_some() {
            effects.push(Effect::Delete(RowKey::Scan(scan.chain, scan.until, scan.scan)));
        }
    }
}
