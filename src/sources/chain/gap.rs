//! Filling gaps beside the tip, from their upper ends downwards, by hash. The tip goes first.
//!
//! A gap's rows shrink when the reactor has committed what was sent; until then it is remembered here, so that nothing is read twice.

use super::Shared;
use super::beside::{Beside, PATIENCE, TRIES_WITH_TRACES, Told, read_in_order};
use super::endpoint::Endpoint;
use super::pace::Portion;
use super::read::{How, ReadFault};
use super::traces::Turn;
use super::vain::InVain;
use crate::reactor::event::{Event, Run, RunPart};
use crate::reactor::rows::GapRow;
use crate::reactor::wants::ChainWants;
use crate::sources::queue::blocks_bytes;
use crate::types::{B256, BlockRef};
use crate::wire::jsonrpc::{At, Call, parse_header};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::Instant;

/// A stretch to read: block `to` must have hash `above`; nothing below `from`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stretch {
    from: u64,
    to: u64,
    above: B256,
}

/// What was sent of gaps and is not committed yet.
#[derive(Debug, Default)]
struct Progress {
    /// From the hash of the last block of a run that was sent to the number and hash that come next below it.
    sent: BTreeMap<B256, (u64, B256)>,
}

impl Progress {
    /// What to read next: the newest of what is missing.
    fn next(&self, gaps: &[GapRow]) -> Option<Stretch> {
        gaps.iter().rev().find_map(|gap| {
            let (mut to, mut above) = (gap.to, gap.above);
            while let Some((next_to, next_above)) = self.sent.get(&above) {
                (to, above) = (*next_to, *next_above);
            }
            (to >= gap.from).then_some(Stretch { from: gap.from, to, above })
        })
    }

    /// Blocks were sent, ascending.
    fn note(&mut self, blocks: &[BlockRef]) {
        if let (Some(first), Some(last)) = (blocks.first(), blocks.last())
            && let Some(below) = first.number.checked_sub(1)
        {
            self.sent.insert(last.hash, (below, first.parent));
        }
    }

    /// Forgets what was sent.
    fn forget(&mut self) {
        self.sent.clear();
    }
}

/// The blocks of a stretch that are linked to its upper end, ascending, from headers in any order.
fn linked(stretch: Stretch, headers: &[BlockRef]) -> Vec<BlockRef> {
    let by_hash: BTreeMap<B256, BlockRef> = headers.iter().map(|header| (header.hash, *header)).collect();
    let mut blocks = Vec::new();
    let (mut number, mut hash) = (stretch.to, stretch.above);
    while let Some(header) = by_hash.get(&hash).filter(|header| header.number == number) {
        blocks.push(*header);
        if number <= stretch.from {
            break;
        }
        (number, hash) = (number - 1, header.parent);
    }
    blocks.reverse();
    blocks
}

/// Fills gaps.
#[derive(Default)]
pub(super) struct Filler {
    gaps: Vec<GapRow>,
    progress: Progress,
    portion: Portion,
    /// Traces that did not come.
    in_vain: InVain,
    /// What was read last, ascending.
    read: Vec<BlockRef>,
    /// When something was last sent or committed.
    moved: Option<Instant>,
}

impl Beside for Filler {
    type Part = Stretch;

    fn next(&mut self, _: &Shared, wants: &ChainWants) -> Option<Stretch> {
        if wants.gaps != self.gaps {
            self.gaps.clone_from(&wants.gaps);
            self.moved = Some(Instant::now());
        }
        if wants.gaps.is_empty() || self.moved.is_none_or(|moved| moved.elapsed() >= PATIENCE) {
            self.progress.forget();
        }
        self.progress.next(&wants.gaps)
    }

    /// Reads the upper end of a stretch: headers by number, checked by their links, then the blocks by hash.
    async fn read(&mut self, shared: &Shared, reader: &Endpoint, stretch: &Stretch) -> Result<Told, ReadFault> {
        let lowest = stretch.from.max((stretch.to + 1).saturating_sub(self.portion.blocks()));
        let upper = Call::BlockByHash { hash: stretch.above, whole: false };
        let lower = (lowest..stretch.to).map(|number| Call::BlockByNumber { at: At::Number(number), whole: false });
        let calls: Vec<Call> = [upper].into_iter().chain(lower).collect();
        let mut headers = Vec::with_capacity(calls.len());
        for (nth, answer) in reader.rpc.ask_all(&calls).await.into_iter().enumerate() {
            match answer.map_err(ReadFault::from).and_then(|it| Ok(parse_header(&it)?)) {
                Ok(header) => headers.push(header.at),
                Err(fault) if nth == 0 => return Err(fault),
                // The upper ones that are linked are enough for now.
                Err(_) => {}
            }
        }
        let mut blocks = linked(*stretch, &headers);
        if blocks.is_empty() {
            return Err(ReadFault::Other);
        }
        let watched = shared.watched();
        let untraced = self.in_vain.given_up(Duration::ZERO, TRIES_WITH_TRACES);
        let how = How { watched: &watched, ways: &shared.ways, untraced: &untraced, turn: Turn::Old };
        // From above: what is below a block that could not be read cannot be sent yet.
        blocks.reverse();
        let mut read = read_in_order(reader, &blocks, how, &mut self.in_vain).await?;
        let lead_traces = shared.lead().and_then(|lead| shared.endpoint(lead)?.abilities().tracer).is_some();
        shared.note_traces(reader, lead_traces || reader.abilities().tracer.is_some(), &read);
        read.reverse();
        self.read = read.iter().map(|block| block.at).collect();
        let bytes = blocks_bytes(&read);
        let run = Run {
            chain: shared.chain,
            endpoint: reader.name.clone(),
            blocks: read,
            part: RunPart::Gap,
            chosen_by: None,
        };
        Ok((Event::Run(run), bytes))
    }

    fn sent(&mut self, _: Stretch) {
        self.progress.note(&self.read);
        self.portion.went_well();
        self.moved = Some(Instant::now());
    }

    fn failed(&mut self, _: Stretch, fault: &ReadFault) -> bool {
        if fault.is_too_much() {
            self.portion.too_much();
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::ChainId;

    fn hash(number: u64) -> B256 {
        B256::left_padding_from(&number.to_be_bytes())
    }

    fn block(number: u64) -> BlockRef {
        BlockRef { number, hash: hash(number), parent: hash(number - 1) }
    }

    fn gap(from: u64, to: u64) -> GapRow {
        GapRow { chain: ChainId(1), from, to, above: hash(to), below: hash(from - 1) }
    }

    #[test]
    fn the_newest_gap_is_filled_first_and_what_was_sent_is_not_read_again() {
        let gaps = [gap(10, 20), gap(100, 140)];
        let mut progress = Progress::default();
        let next = |progress: &Progress, gaps: &[GapRow]| progress.next(gaps).map(|it| (it.from, it.to, it.above));
        assert_eq!(next(&progress, &gaps), Some((100, 140, hash(140))));
        progress.note(&(125..=140).map(block).collect::<Vec<_>>());
        progress.note(&(110..=124).map(block).collect::<Vec<_>>());
        assert_eq!(next(&progress, &gaps), Some((100, 109, hash(109))));
        assert_eq!(next(&progress, &[gap(100, 124)]), Some((100, 109, hash(109))), "the first part was committed");
        progress.note(&(100..=109).map(block).collect::<Vec<_>>());
        assert_eq!(next(&progress, &gaps), Some((10, 20, hash(20))));
        progress.forget();
        assert_eq!(next(&progress, &gaps), Some((100, 140, hash(140))));
        assert_eq!(next(&progress, &[]), None);
    }

    #[test]
    fn only_blocks_that_are_linked_to_the_upper_end_count() {
        let stretch = Stretch { from: 5, to: 9, above: hash(9) };
        let check = |headers: &[BlockRef], expected: std::ops::Range<u64>| {
            assert_eq!(linked(stretch, headers), expected.map(block).collect::<Vec<_>>(), "{headers:?}");
        };
        let all: Vec<_> = (4..=12).map(block).collect();
        check(&all, 5..10);
        check(&[block(9), block(7), block(6)], 9..10);
        check(&[block(8), block(7)], 0..0);
        let other = BlockRef { number: 8, hash: hash(80), parent: hash(7) };
        check(&[block(9), other, block(7)], 9..10);
        check(&[BlockRef { number: 3, ..block(9) }], 0..0);
    }
}
