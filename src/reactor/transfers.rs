//! The transfers that can still change, with their index by block.
//!
//! It knows identity, place and stage; it does not know rules or alerts.

use super::effect::Effect;
use super::rows::{Row, RowKey, TransferRow};
use crate::types::{Address, Asset, ChainId, Stage, TransferId};
use std::collections::{BTreeMap, BTreeSet};

/// Every transfer that is not settled.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Transfers {
    rows: BTreeMap<TransferId, TransferRow>,
    /// Those that stand in a block; retracted ones do not.
    by_block: BTreeSet<(ChainId, u64, TransferId)>,
}

impl Transfers {
    /// From rows.
    #[must_use]
    pub fn restore(rows: Vec<TransferRow>) -> Self {
        let mut transfers = Self::default();
        for row in rows {
            transfers.index(&row);
            transfers.rows.insert(row.id, row);
        }
        transfers
    }

    /// One of them.
    #[must_use]
    pub fn get(&self, id: TransferId) -> Option<&TransferRow> {
        self.rows.get(&id)
    }

    /// Writes one; one that moved to another block leaves its old place.
    pub fn put(&mut self, row: TransferRow, effects: &mut Vec<Effect>) {
        if let Some(old) = self.rows.get(&row.id) {
            self.by_block.remove(&(old.key.chain, old.block, old.id));
            if old.block != row.block {
                effects.push(Effect::Delete(RowKey::Transfer(old.key.chain, old.block, old.id)));
            }
        }
        effects.push(Effect::Put(Row::Transfer(Box::new(row.clone()))));
        if row.settled {
            self.rows.remove(&row.id);
        } else {
            self.index(&row);
            self.rows.insert(row.id, row);
        }
    }

    /// Those that stand in the blocks `from..=to` of a chain, in order of block and id.
    pub fn in_blocks(&self, chain: ChainId, from: u64, to: u64) -> impl Iterator<Item = TransferId> + '_ {
        let first = (chain, from, TransferId([0; 16]));
        let last = (chain, to, TransferId([u8::MAX; 16]));
        let range = (from <= to).then(|| self.by_block.range(first..=last));
        range.into_iter().flatten().map(|(_, _, id)| *id)
    }

    /// Those of one asset.
    pub fn of_asset(&self, chain: ChainId, asset: Asset) -> impl Iterator<Item = TransferId> + '_ {
        let wanted = move |row: &&TransferRow| row.key.chain == chain && row.key.asset == asset;
        self.rows.values().filter(wanted).map(|row| row.id)
    }

    /// Those that an address gave or got, in the blocks `from..=to`.
    pub fn of_address(
        &self,
        chain: ChainId,
        address: Address,
        from: u64,
        to: u64,
    ) -> impl Iterator<Item = &TransferRow> + '_ {
        let touches = move |row: &&TransferRow| row.key.from == address || row.key.to == address;
        self.in_blocks(chain, from, to).filter_map(|id| self.rows.get(&id)).filter(touches)
    }

    /// All of them, by id.
    pub fn iter(&self) -> impl Iterator<Item = &TransferRow> {
        self.rows.values()
    }

    fn index(&mut self, row: &TransferRow) {
        if row.stage != Stage::Retracted {
            self.by_block.insert((row.key.chain, row.block, row.id));
        }
    }
}
