//! Which transfers stand in which blocks of the window. It changes nothing.

use super::Reactor;
use super::chain::Chain;
use crate::types::{BlockRef, ChainId, Stage, TransferId};

impl Reactor {
    /// Transfers that the chain's own blocks vouch for, in these blocks.
    pub(super) fn standing_in(&self, id: ChainId, blocks: &[BlockRef]) -> Vec<TransferId> {
        let mut standing = Vec::new();
        for block in blocks {
            for transfer in self.transfers.in_blocks(id, block.number, block.number) {
                // A row without a hash is an explorer's: only the explorer takes it back.
                if self.transfers.get(transfer).is_some_and(|row| row.block_hash == Some(block.hash)) {
                    standing.push(transfer);
                }
            }
        }
        standing
    }

    /// Whether a transfer stands in the window above this block. Of two places the one nearer to the tip is believed: what lies beneath
    /// a gap may be of a fork of which nobody knows yet that it is dead, and when it goes the higher block is not read again.
    pub(super) fn stands_above(&self, transfer: TransferId, block: u64) -> bool {
        let Some(row) = self.transfers.get(transfer).filter(|row| row.stage != Stage::Retracted) else { return false };
        let in_window = |chain: &Chain| row.block_hash.is_some_and(|hash| chain.has_hash(row.block, hash));
        row.block > block && self.chains.get(&row.key.chain).is_some_and(in_window)
    }
}
