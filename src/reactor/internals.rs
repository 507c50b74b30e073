//! What stands in lists that show no head (internal movements and approvals), on an explorer's word: how deep it is, and where it is.
//!
//! Rows of `txlistinternal` and `getLogs` carry no confirmations, those of `txlistinternal` no block's hash either, and the index behind
//! them may lag behind the one of the other lists, on another fork. So a row is believed to be there (`seen`) when the list has it, and no deeper than two things prove:
//!
//! - The list alone: no index is later than [`super::settings::ChainSettings::overlap`] (ten minutes, at least the final depth), so that
//!   a row which it still lists is as deep as a head that lies the overlap below the highest one known.
//! - The receipt: it comes from a node, and says in which block the transaction is now. With it a row is as deep as the highest head.
//!
//! The highest head is the one that any other list of the explorer has shown; where none does (a wallet of which the other lists hold
//! nothing), `eth_blockNumber` of its proxy counts, for these rows and for nothing else. A list's word that a movement is in another block
//! than before, or back, counts when the receipt says the same; so does its silence (see `look_for_absent`). Where the chain's own blocks
//! are read without traces, the receipt's hash ties the movement to a block of the window, and it stands and falls with that.

use super::Reactor;
use super::effect::Effect;
use super::event::{Explored, Receipt};
use super::lists::kind_of;
use super::marks::Marks;
use super::read_blocks::Place;
use super::rows::{Missing, TransferRow, Voucher};
use super::settings::{ChainSettings, Confirmed};
use crate::types::{B256, ChainId, Kind, Stage};

impl Reactor {
    /// The highest head that the explorer has shown in any way.
    fn explorer_height(&self, id: ChainId) -> Option<u64> {
        let listed = self.chains.get(&id).and_then(|chain| chain.row().explorer_head);
        listed.max(self.soft.proxy_heads.get(&id).map(|(head, _)| *head))
    }

    /// The height that the confirmations of what an explorer lists are counted from.
    pub(super) fn listed_height(&self, id: ChainId, kind: Kind) -> Option<u64> {
        let listed = || self.chains.get(&id).and_then(|chain| chain.row().explorer_head);
        if kind.shows_head() { listed() } else { self.explorer_height(id) }
    }

    /// What a list without a head proves of its rows by itself.
    pub(super) fn headless_marks(&self, id: ChainId) -> Marks {
        self.marks_at(id, self.headless_reach(id))
    }

    /// A list without a head is complete to here at least: no index is later than the overlap.
    pub(super) fn headless_reach(&self, id: ChainId) -> Option<u64> {
        let overlap = self.settings.chains.get(&id).map_or(0, ChainSettings::overlap);
        self.explorer_height(id).map(|head| head.saturating_sub(overlap))
    }

    /// The last block that an answer speaks of. The reader of a list without a head knows no further than its newest row; where it has
    /// come to the list's end, that speaks of everything up to the height that is known.
    pub(super) fn answered_to(&self, answer: &Explored) -> u64 {
        let whole = !kind_of(answer.list).shows_head() && answer.index_head.is_some_and(|newest| newest <= answer.to);
        if whole { answer.to.max(self.explorer_height(answer.chain).unwrap_or(0)) } else { answer.to }
    }

    /// What is proved of a row that its receipt puts where it stands.
    fn marks_with_receipt(&self, row: &TransferRow) -> Marks {
        let id = row.key.chain;
        match self.chains.get(&id).zip(self.settings.chains.get(&id)) {
            Some((chain, settings)) if self.has_depth_of_its_own(row) => chain.marks(settings),
            _ => self.marks_at(id, self.explorer_height(id)),
        }
    }

    fn marks_at(&self, id: ChainId, head: Option<u64>) -> Marks {
        match (self.chains.get(&id), self.settings.chains.get(&id)) {
            (Some(chain), Some(settings)) => chain.listed_marks(settings, head),
            _ => Marks::NONE,
        }
    }

    /// A list without a head has a row that is known. Whether that can be taken as it is; else its receipt is asked for.
    pub(super) fn takes_headless(&mut self, row: &TransferRow, place: &Place, effects: &mut Vec<Effect>) -> bool {
        let (id, tx) = (row.key.chain, row.key.tx);
        // Whatever was answered before this list was read again: it may be answered otherwise now.
        self.soft.receipts_asked.remove(&(id, tx));
        let elsewhere = row.stage == Stage::Retracted || row.block != place.block;
        if elsewhere {
            self.soft.listed_elsewhere.insert(row.id, (place.block, place.time));
        } else if row.missing.is_none_or(|missing| missing.answers == 0) {
            return true;
        }
        let missing = Missing { answers: 1, at: self.at, receipts: 0 };
        self.transfers.put(TransferRow { missing: Some(missing), ..row.clone() }, effects);
        false
    }

    /// A receipt says where something in doubt is, and the list said so too: it is there. Gives whether that is so.
    pub(super) fn found_elsewhere(&mut self, row: &TransferRow, receipt: &Receipt, effects: &mut Vec<Effect>) -> bool {
        let listed = self.soft.listed_elsewhere.remove(&row.id);
        let Some((block, hash, true)) = receipt.found else { return false };
        let Some((_, time)) = listed.filter(|listed| listed.0 == block) else {
            return false;
        };
        let id = row.key.chain;
        let untied = TransferRow { block, block_time: time, block_hash: None, ..row.clone() };
        if row.key.kind.shows_head() || !self.explorer_judges(&untied) || self.is_replaced(id, block, hash) {
            return false;
        }
        let there = TransferRow { block_hash: self.tied_to(id, block, hash), ..untied };
        let history = row.history;
        let place = Place { block, hash: there.block_hash, time, log_index: None, late: false, history };
        let marks = self.marks_with_receipt(&there);
        let transfer = self.vouch(row.key, &place, marks, effects);
        self.speak(transfer, effects);
        true
    }

    /// A receipt says that a transaction is where the list has what is in it: that is as deep as the chain is high.
    pub(super) fn deepen(&mut self, receipt: &Receipt, effects: &mut Vec<Effect>) {
        let (id, Some((block, hash, true))) = (receipt.chain, receipt.found) else { return };
        if self.is_replaced(id, block, hash) {
            return;
        }
        let tied = self.tied_to(id, block, hash);
        let of_tx = |row: &TransferRow| row.key.tx == receipt.tx && row.block == block && row.missing.is_none();
        let rows: Vec<TransferRow> = self.shallow(id).filter(of_tx).collect();
        for old in rows {
            let mut row = TransferRow { block_hash: tied.or(old.block_hash), ..old.clone() };
            row.stage = row.stage.max(self.marks_with_receipt(&row).stage(block));
            if row != old {
                Self::note_stages(&row, Some(&old), effects);
                self.transfers.put(row, effects);
                self.speak(old.id, effects);
            }
        }
    }

    /// Transactions whose receipt would make a row deeper, or tie it to a block of the window.
    pub(super) fn receipts_for_depth(&self, id: ChainId) -> impl Iterator<Item = B256> + '_ {
        let marks = self.marks_at(id, self.explorer_height(id));
        let waits = move |row: &TransferRow| {
            let block = self.chains.get(&id).and_then(|chain| chain.block(row.block));
            let untied = row.block_hash.is_none() && block.is_some();
            row.missing.is_none() && (untied || marks.stage(row.block) > row.stage)
        };
        self.shallow(id).filter(waits).map(|row| row.key.tx)
    }

    /// Whether `eth_blockNumber` is to be asked for: some row of a list without a head, or a row of a list that is empty now, waits for a height that
    /// nothing has shown, and it may have been reached by now. It is asked for halfway, so that a long wait costs a few calls.
    pub(super) fn needs_proxy_head(&self, id: ChainId) -> bool {
        let Some(settings) = self.settings.chains.get(&id) else { return false };
        let height = self.explorer_height(id).unwrap_or(0);
        let confirmed = match settings.confirmed {
            Confirmed::Depth(depth) => depth,
            Confirmed::Safe | Confirmed::Finalized => settings.final_after,
        };
        let next = |row: &TransferRow| {
            let depth = if row.stage == Stage::Seen { confirmed } else { settings.final_after };
            row.block.saturating_add(depth).saturating_sub(1)
        };
        // What an empty list leaves open is decided when the chain has passed it by its final depth.
        let open = |row: &TransferRow| {
            row.voucher == Voucher::Authority && row.stage < Stage::Final && self.explorer_judges(row)
        };
        let doubted = self.transfers.in_doubt(id).filter(|(row, _)| open(row));
        let passed = doubted.map(|(row, _)| row.block.saturating_add(settings.final_after));
        let goals = self.shallow(id).map(|row| next(&row)).chain(passed);
        let Some(blocks) = goals.filter(|goal| *goal > height).min().map(|goal| goal - height) else { return false };
        let half = u32::try_from(blocks / 2).unwrap_or(u32::MAX).max(1);
        let asked = self.soft.proxy_heads.get(&id).map(|(_, at)| *at);
        asked.is_none_or(|asked| self.at.since(asked) >= settings.block_time.saturating_mul(half))
    }

    /// Rows of lists without a head that are not final and grow no deeper with the chain's own tip.
    fn shallow(&self, id: ChainId) -> impl Iterator<Item = TransferRow> + '_ {
        let waits = |row: &TransferRow| {
            let open = row.voucher == Voucher::Authority && row.stage < Stage::Final;
            open && self.explorer_judges(row) && !self.has_depth_of_its_own(row)
        };
        self.transfers.headless(id).filter(waits)
    }

    /// The hash that ties a row to its block: of a block of the window, or an explorer's where nothing else reads the chain.
    fn tied_to(&self, id: ChainId, block: u64, hash: B256) -> Option<B256> {
        let chain = self.chains.get(&id)?;
        let alone = chain.tip().is_none();
        (alone || chain.block(block).is_some_and(|own| own.at.hash == hash)).then_some(hash)
    }

    /// Whether the chain is read and has another block at this height: whoever gave the receipt stands on another fork.
    fn is_replaced(&self, id: ChainId, block: u64, hash: B256) -> bool {
        let own = self.chains.get(&id).and_then(|chain| chain.block(block));
        self.endpoint_vouches(id, Kind::Coin) && own.is_some_and(|own| own.at.hash != hash)
    }
}
