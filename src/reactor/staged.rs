//! Balances at blocks that may still grow deeper: once a block has reached a payment's stage, what was read at it is a balance at that
//! stage, by its hash. It reads nothing itself and pays nothing.

use crate::types::{B256, BlockRef, U256};
use std::collections::VecDeque;

/// Readings that are kept of one balance: where finality stands still for longer, newer ones are left out until it moves.
const MOST: usize = 128;
/// So many readings are spread over the way of a block to its end.
pub(super) const SPREAD: u64 = 32;

/// One reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Read {
    /// Height.
    pub(super) number: u64,
    /// The block.
    pub(super) hash: B256,
    /// The balance in it.
    pub(super) raw: U256,
}

/// What was read of one balance, ascending by block.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Staged {
    kept: VecDeque<Read>,
}

impl Staged {
    /// Takes a reading, unless one of less than `apart` blocks before is kept.
    pub(super) fn take(&mut self, read: Read, apart: u64) {
        if let Some(last) = self.kept.back_mut().filter(|last| last.number >= read.number) {
            // The same height in another block, perhaps; an older one says nothing new.
            if last.number == read.number {
                *last = read;
            }
            return;
        }
        let early = |last: &Read| read.number < last.number.saturating_add(apart);
        if self.kept.len() < MOST && !self.kept.back().is_some_and(early) {
            self.kept.push_back(read);
        }
    }

    /// These blocks are not canonical any more.
    pub(super) fn gone(&mut self, removed: &[BlockRef]) {
        self.kept.retain(|read| removed.iter().all(|block| (block.number, block.hash) != (read.number, read.hash)));
    }

    /// The newest reading at or below this block. Older ones are forgotten.
    pub(super) fn at(&mut self, bound: u64) -> Option<Read> {
        while self.kept.get(1).is_some_and(|read| read.number <= bound) {
            self.kept.pop_front();
        }
        self.kept.front().copied().filter(|read| read.number <= bound)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(number: u64, hash: u8) -> BlockRef {
        BlockRef { number, hash: B256::repeat_byte(hash), parent: B256::ZERO }
    }

    fn read(staged: &mut Staged, number: u64, hash: u8, raw: u64, apart: u64) {
        staged.take(Read { number, hash: B256::repeat_byte(hash), raw: U256::from(raw) }, apart);
    }

    #[test]
    fn what_was_read_at_a_block_counts_once_the_block_is_deep_enough_and_not_if_it_is_gone() {
        let mut staged = Staged::default();
        assert_eq!(staged.at(100), None);
        for (number, raw) in [(10, 1), (11, 2), (13, 3), (16, 4), (12, 9)] {
            read(&mut staged, number, 1, raw, 2);
        }
        let at = |staged: &mut Staged, bound| staged.at(bound).map(|read| (read.number, read.raw.to::<u64>()));
        assert_eq!(at(&mut staged, 9), None, "nothing is deep enough");
        assert_eq!(at(&mut staged, 12), Some((10, 1)), "11 was too near to 10, and 12 came late");
        read(&mut staged, 16, 2, 5, 2);
        staged.gone(&[block(16, 1), block(13, 1)]);
        assert_eq!(at(&mut staged, 15), Some((10, 1)), "13 is gone");
        assert_eq!(at(&mut staged, 20), Some((16, 5)), "16 is another block by now");
        assert_eq!(at(&mut staged, 15), None, "what was older is forgotten");
    }

    #[test]
    fn finality_that_stands_still_fills_no_memory() {
        let mut staged = Staged::default();
        for number in 0..10_000 {
            read(&mut staged, number, 1, number, 1);
        }
        assert_eq!(staged.kept.len(), MOST);
        assert_eq!(staged.at(5_000).map(|read| read.number), Some(MOST as u64 - 1));
    }
}
