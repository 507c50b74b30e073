//! Blocks that were told without their traces, once more with them, behind everything else: what moved inside their transactions is told
//! then. A node that cannot is asked later, and less often each time; what lies below the window is never asked for again.

use super::Shared;
use super::beside::{Beside, PATIENCE, Told};
use super::endpoint::Endpoint;
use super::read::{How, ReadFault, read_blocks};
use super::traces::Turn;
use crate::reactor::event::{Event, Run, RunPart};
use crate::reactor::wants::ChainWants;
use crate::sources::queue::blocks_bytes;
use crate::types::{B256, BlockRef};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tokio::time::Instant;

/// Before a block is tried again, at first and at most.
const AGAIN_AFTER: (Duration, Duration) = (Duration::from_secs(15), Duration::from_mins(10));

/// Reads blocks again.
#[derive(Debug, Default)]
pub(super) struct Untraced {
    /// How often each was tried, and not before when it is tried again.
    tried: BTreeMap<B256, (u32, Instant)>,
}

impl Untraced {
    /// What is due: the newest of those that were tried least often.
    fn due(&mut self, wanted: &[BlockRef], now: Instant) -> Option<BlockRef> {
        let known: BTreeSet<B256> = wanted.iter().map(|block| block.hash).collect();
        self.tried.retain(|hash, _| known.contains(hash));
        let tries = |block: &BlockRef| self.tried.get(&block.hash).map_or(0, |(tries, _)| *tries);
        let is_due = |block: &&BlockRef| self.tried.get(&block.hash).is_none_or(|(_, again)| now >= *again);
        wanted.iter().rev().filter(is_due).min_by_key(|block| tries(block)).copied()
    }
}

impl Beside for Untraced {
    type Part = BlockRef;

    fn next(&mut self, _: &Shared, wants: &ChainWants) -> Option<BlockRef> {
        self.due(&wants.untraced, Instant::now())
    }

    async fn read(&mut self, shared: &Shared, reader: &Endpoint, block: &BlockRef) -> Result<Told, ReadFault> {
        let (watched, untraced) = (shared.watched(), BTreeSet::new());
        let how = How { watched: &watched, ways: &shared.ways, untraced: &untraced, turn: Turn::Late };
        let blocks: Vec<_> = read_blocks(reader, &[*block], how).await.into_iter().collect::<Result<_, _>>()?;
        // It turned out not to trace at all.
        if blocks.iter().any(|block| !block.traced) {
            return Err(ReadFault::TracesSlow);
        }
        let bytes = blocks_bytes(&blocks);
        let (chain, endpoint) = (shared.chain, reader.name.clone());
        let run = Run { chain, endpoint, blocks, part: RunPart::Traces, chosen_by: None };
        Ok((Event::Run(run), bytes))
    }

    fn sent(&mut self, block: BlockRef) {
        // Only where it is not taken is it wanted still.
        self.tried.insert(block.hash, (0, Instant::now() + PATIENCE));
    }

    fn failed(&mut self, block: BlockRef, _: &ReadFault) -> bool {
        let (tries, again) = self.tried.entry(block.hash).or_insert((0, Instant::now()));
        *again = Instant::now() + AGAIN_AFTER.0.saturating_mul(1 << (*tries).min(8)).min(AGAIN_AFTER.1);
        *tries = tries.saturating_add(1);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_newest_block_goes_first_and_one_that_cannot_be_traced_is_tried_less_often_each_time() {
        let block = |number: u8| BlockRef {
            number: number.into(),
            hash: B256::repeat_byte(number),
            parent: B256::repeat_byte(number - 1),
        };
        let mut reading = Untraced::default();
        let due = |reading: &mut Untraced, wanted: &[u8]| {
            let wanted: Vec<_> = wanted.iter().map(|number| block(*number)).collect();
            reading.due(&wanted, Instant::now()).map(|block| block.number)
        };
        assert_eq!(due(&mut reading, &[]), None);
        assert_eq!(due(&mut reading, &[4, 5]), Some(5));
        reading.failed(block(5), &ReadFault::TracesSlow);
        assert_eq!(due(&mut reading, &[4, 5, 6]), Some(6));
        reading.sent(block(6));
        assert_eq!(due(&mut reading, &[4, 5, 6]), Some(4));
        reading.failed(block(4), &ReadFault::TracesSlow);
        assert_eq!(due(&mut reading, &[4, 5]), None, "the others were taken");
        tokio::time::advance(AGAIN_AFTER.0).await;
        assert_eq!(due(&mut reading, &[4, 5]), Some(5));
        reading.failed(block(5), &ReadFault::TracesSlow);
        tokio::time::advance(AGAIN_AFTER.0).await;
        assert_eq!(due(&mut reading, &[5]), None);
        tokio::time::advance(AGAIN_AFTER.0).await;
        assert_eq!(due(&mut reading, &[5]), Some(5));
    }
}
