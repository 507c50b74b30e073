//! The history of watched addresses: what lies below the block from which each is read live, and how far it was read.
//!
//! It knows what is left and nothing else: who reads it is the sources' affair, what it means `read_history`'s. All of it is rows, so that
//! a process that dies at any point goes on where it was. History is read upwards: an explorer's lists each by itself, a chain's blocks
//! and logs once for all addresses that were begun together.

use super::effect::Effect;
use super::rows::{BackfillRow, Row, RowKey, Scan, ScanRow};
use crate::types::{Address, ChainId};
use std::collections::{BTreeMap, BTreeSet};

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
