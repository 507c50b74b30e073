//! The transfers that can still change, with their index by block.
//!
//! It knows identity, place and stage; it does not know rules or alerts.

use super::effect::Effect;
use super::held::Held;
use super::marks::Marks;
use super::rows::{Missing, Row, RowKey, TransferRow, Voucher};
use crate::types::{Address, Asset, ChainId, Stage, TransferId};
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

/// Every transfer that is not settled.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Transfers {
    rows: BTreeMap<TransferId, Box<Held>>,
    /// Those that stand in a block; retracted ones do not.
    by_block: BTreeMap<(ChainId, Stage), BTreeSet<(u64, TransferId)>>,
    /// Those that speak against themselves: `missing` is set.
    in_doubt: BTreeSet<(ChainId, TransferId)>,
    /// Of kinds whose lists show no head, on an authority's word, that are not final.
    headless: BTreeSet<(ChainId, TransferId)>,
    /// How many move each token, on an authority's word.
    of_token: BTreeMap<(ChainId, Address), usize>,
}

impl Transfers {
    /// From rows.
    #[must_use]
    pub fn restore(rows: Vec<TransferRow>) -> Self {
        let mut transfers = Self::default();
        for row in rows {
            transfers.insert(&row);
        }
        transfers
    }

    /// One of them.
    #[must_use]
    pub fn get(&self, id: TransferId) -> Option<TransferRow> {
        self.rows.get(&id).map(|held| held.row(id))
    }

    /// Writes one; one that moved to another block leaves its old place.
    pub fn put(&mut self, row: TransferRow, effects: &mut Vec<Effect>) {
        if let Some(old) = self.remove(row.id)
            && old.block != row.block
        {
            effects.push(Effect::Delete(RowKey::Transfer(old.key.chain, old.block, old.id)));
        }
        if !row.settled {
            self.insert(&row);
        }
        effects.push(Effect::Put(Row::Transfer(Box::new(row))));
    }

    /// Those that stand in the blocks `from..=to` of a chain, in order of block and id.
    pub fn in_blocks(&self, chain: ChainId, from: u64, to: u64) -> impl Iterator<Item = TransferId> + use<> {
        let places = Stage::ALL.into_iter().flat_map(|stage| self.places(chain, stage, from, to));
        let mut places: Vec<(u64, TransferId)> = places.copied().collect();
        places.sort_unstable();
        places.into_iter().map(|(_, id)| id)
    }

    /// Those whose stage the marks of their chain have passed.
    pub(super) fn passed(&self, chain: ChainId, marks: &Marks) -> Vec<TransferId> {
        let of_stage = |stage: Stage| {
            marks.beyond(stage).flat_map(move |(from, to)| self.places(chain, stage, from, to)).map(|(_, id)| *id)
        };
        of_stage(Stage::Seen).chain(of_stage(Stage::Confirmed)).collect()
    }

    /// Those of one asset.
    pub fn of_asset(&self, chain: ChainId, asset: Asset) -> impl Iterator<Item = TransferId> + '_ {
        let wanted = move |held: &Held| held.chain == chain && held.asset == asset;
        self.rows.iter().filter(move |(_, held)| wanted(held)).map(|(id, _)| *id)
    }

    /// Those that concern an address, in the blocks `from..=to`.
    pub fn of_address(
        &self,
        chain: ChainId,
        address: Address,
        from: u64,
        to: u64,
    ) -> impl Iterator<Item = TransferRow> + '_ {
        let touches = move |row: &TransferRow| row.key.parties().any(|party| *party == address);
        self.in_blocks(chain, from, to).filter_map(|id| self.get(id)).filter(touches)
    }

    /// All of them, by id.
    pub fn iter(&self) -> impl Iterator<Item = TransferRow> + '_ {
        self.rows.iter().map(|(id, held)| held.row(*id))
    }

    /// The ids of all of them.
    pub fn ids(&self) -> impl Iterator<Item = TransferId> + '_ {
        self.rows.keys().copied()
    }

    /// The rows of a chain that speak against themselves, with what they say.
    pub fn in_doubt(&self, chain: ChainId) -> impl Iterator<Item = (TransferRow, Missing)> + '_ {
        let range = (chain, TransferId([0; 16]))..=(chain, TransferId([u8::MAX; 16]));
        let rows = self.in_doubt.range(range).filter_map(|(_, id)| self.get(*id));
        rows.filter_map(|row| row.missing.map(|missing| (row, missing)))
    }

    /// Those of a chain whose lists show no head, on an authority's word, that are not final.
    pub fn headless(&self, chain: ChainId) -> impl Iterator<Item = TransferRow> + '_ {
        let range = (chain, TransferId([0; 16]))..=(chain, TransferId([u8::MAX; 16]));
        self.headless.range(range).filter_map(|(_, id)| self.get(*id))
    }

    /// The tokens of a chain that any of them moves, on an authority's word.
    pub fn tokens(&self, chain: ChainId) -> impl Iterator<Item = Address> + '_ {
        let range = (chain, Address::ZERO)..=(chain, Address::repeat_byte(u8::MAX));
        self.of_token.range(range).map(|((_, contract), _)| *contract)
    }

    fn places(
        &self,
        chain: ChainId,
        stage: Stage,
        from: u64,
        to: u64,
    ) -> impl Iterator<Item = &(u64, TransferId)> + '_ {
        let range = (from, TransferId([0; 16]))..=(to, TransferId([u8::MAX; 16]));
        let of_stage = self.by_block.get(&(chain, stage)).filter(|_| from <= to);
        of_stage.into_iter().flat_map(move |places| places.range(range.clone()))
    }

    fn insert(&mut self, row: &TransferRow) {
        if row.stage != Stage::Retracted {
            self.by_block.entry((row.key.chain, row.stage)).or_default().insert((row.block, row.id));
        }
        if row.missing.is_some() {
            self.in_doubt.insert((row.key.chain, row.id));
        }
        if !row.key.kind.shows_head() && row.voucher == Voucher::Authority && row.stage < Stage::Final {
            self.headless.insert((row.key.chain, row.id));
        }
        if let Some(token) = vouched_token(row) {
            *self.of_token.entry(token).or_default() += 1;
        }
        self.rows.insert(row.id, Box::new(Held::new(row)));
    }

    fn remove(&mut self, id: TransferId) -> Option<TransferRow> {
        let row = self.rows.remove(&id)?.row(id);
        if let Entry::Occupied(mut places) = self.by_block.entry((row.key.chain, row.stage)) {
            places.get_mut().remove(&(row.block, id));
            if places.get().is_empty() {
                places.remove();
            }
        }
        self.in_doubt.remove(&(row.key.chain, id));
        self.headless.remove(&(row.key.chain, id));
        if let Some(token) = vouched_token(&row)
            && let Entry::Occupied(mut count) = self.of_token.entry(token)
        {
            *count.get_mut() -= 1;
            if *count.get() == 0 {
                count.remove();
            }
        }
        Some(row)
    }
}

fn vouched_token(row: &TransferRow) -> Option<(ChainId, Address)> {
    match (row.key.asset, row.voucher) {
        (Asset::Token(contract), Voucher::Authority) => Some((row.key.chain, contract)),
        (Asset::Coin, _) | (_, Voucher::Other) => None,
    }
}
