//! What nobody saw when it was mined: the blocks of an outage, and those from before the process began. What is told of them is told late.

use super::Reactor;
use super::authority::endpoints_of;
use super::chain::Chain;
use super::rows::{BlockRow, Subject, TroubleRow};
use super::supervise::chain_of;
use crate::types::{ChainId, Stage, TransferId};

impl Reactor {
    /// The blocks that were mined while a chain was in this trouble, first and last, as far as its endpoints tell now.
    pub(super) fn missed_by(&self, row: &TroubleRow) -> Option<(u64, u64)> {
        let (chain, last) = (self.chains.get(&chain_of(&row.subject)?)?, row.last_block?);
        // A chain that was begun anew above it has no such gap: what lies between is history.
        let goes_on = chain.row().started.is_none_or(|started| started <= last.saturating_add(1));
        chain.told_height().filter(|height| goes_on && *height > last).map(|height| (last + 1, height))
    }

    /// Blocks came at the tip, above `tip`: what was missed are those up to the height that the endpoints tell, where the chain was blind
    /// until now, or where this process begins and an earlier one left off long ago.
    pub(super) fn note_missed(&mut self, id: ChainId, tip: Option<BlockRow>) {
        let blind = [Subject::Chain(id), endpoints_of(id)].iter().any(|subject| self.troubles.is_open(subject));
        let stale_after = self.settings.chains.get(&id).map(|chain| chain.stale_after);
        let is_old = |tip: &BlockRow| stale_after.is_some_and(|stale_after| self.at.since(tip.time) >= stale_after);
        let left_off = !self.soft.missed.contains_key(&id) && tip.as_ref().is_some_and(is_old);
        let told = self.chains.get(&id).and_then(Chain::told_height);
        let missed = self.soft.missed.entry(id).or_default();
        if blind || left_off {
            *missed = tip.zip(told).map(|(tip, told)| (tip.at.number.saturating_add(1), told));
        }
    }

    /// Whether what stands in a block at the tip was missed when it was mined. What an explorer told meanwhile was not.
    pub(super) fn was_missed(&self, id: ChainId, block: u64, transfer: TransferId) -> bool {
        let missed = self.soft.missed.get(&id).copied().flatten();
        let is_told = || self.transfers.get(transfer).is_some_and(|row| row.stage != Stage::Retracted);
        missed.is_some_and(|(from, to)| (from..=to).contains(&block)) && !is_told()
    }

    /// Everything up to this block was read: what was missed is caught up with, and what a fork puts there later is new.
    pub(super) fn caught_up(&mut self, id: ChainId, block: u64) {
        if let Some(missed) = self.soft.missed.get_mut(&id) {
            *missed = missed.filter(|(_, to)| block < *to);
        }
    }
}
