//! Which blocks may be read without their traces: those whose own traces were asked for in vain for long enough. Pure.
//!
//! Nothing else counts: a node in a hurry, a block that is not there yet or receipts that are late say nothing about traces.

use crate::types::B256;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tokio::time::Instant;

/// Blocks remembered: more than any portion has, and a fork or two.
const MOST_BLOCKS: usize = 1_024;

/// One block's traces.
#[derive(Debug, Clone, Copy)]
struct Tried {
    /// When they were first asked for.
    first: Instant,
    /// When they last did not come, though everything else of the block did.
    last: Instant,
    /// How often.
    times: u32,
}

/// Traces that were asked for in vain.
#[derive(Debug, Default)]
pub(super) struct InVain(BTreeMap<B256, Tried>);

impl InVain {
    /// Asked for at `asked`, and by `now` everything of the block came but its traces.
    pub(super) fn note(&mut self, block: B256, asked: Instant, now: Instant) {
        if self.0.len() >= MOST_BLOCKS {
            self.0.clear();
        }
        let tried = self.0.entry(block).or_insert(Tried { first: asked, last: now, times: 0 });
        tried.last = now;
        tried.times = tried.times.saturating_add(1);
    }

    /// The block was read.
    pub(super) fn forget(&mut self, block: B256) {
        self.0.remove(&block);
    }

    /// Another endpoint may trace what this one did not.
    pub(super) fn forget_all(&mut self) {
        self.0.clear();
    }

    /// Blocks whose traces did not come for so long, and so often.
    pub(super) fn given_up(&self, after: Duration, times: u32) -> BTreeSet<B256> {
        let enough = |(_, tried): &(&B256, &Tried)| tried.last - tried.first >= after && tried.times >= times;
        self.0.iter().filter(enough).map(|(block, _)| *block).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_time_and_tries_of_the_block_itself_count() {
        let (one, two) = (B256::repeat_byte(1), B256::repeat_byte(2));
        let start = Instant::now();
        let second = |seconds: u64| start + Duration::from_secs(seconds);
        let check = |notes: &[(B256, u64, u64)], after: u64, times: u32, expected: &[B256]| {
            let mut vain = InVain::default();
            for (block, asked, now) in notes {
                vain.note(*block, second(*asked), second(*now));
            }
            let given_up = vain.given_up(Duration::from_secs(after), times);
            assert_eq!(given_up.into_iter().collect::<Vec<_>>(), expected, "{notes:?}");
        };
        check(&[], 0, 0, &[]);
        check(&[(one, 0, 0)], 4, 1, &[]);
        check(&[(one, 0, 0), (one, 3, 3)], 4, 1, &[]);
        check(&[(one, 0, 0), (one, 4, 4)], 4, 1, &[one]);
        // One question that took all the time is enough.
        check(&[(one, 0, 30), (two, 29, 30)], 4, 1, &[one]);
        check(&[(one, 0, 0), (one, 9, 9), (two, 0, 1), (two, 2, 3), (two, 4, 5)], 0, 3, &[two]);
        let mut vain = InVain::default();
        vain.note(one, start, second(9));
        vain.forget(one);
        assert!(vain.given_up(Duration::ZERO, 0).is_empty());
    }
}
