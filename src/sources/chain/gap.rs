//! Filling gaps beside the tip, from their upper ends downwards, by hash. The tip goes first.
//!
//! A gap's rows shrink when the reactor has committed what was sent; until then it is remembered here, so that nothing is read twice.

use super::Shared;
use super::endpoint::Endpoint;
use super::pace::Portion;
use super::read::{How, ReadFault, read_blocks};
use super::vain::InVain;
use crate::reactor::event::{Event, Run, RunPart};
use crate::reactor::rows::GapRow;
use crate::sources::queue::{Closed, Lane, blocks_bytes};
use crate::types::{B256, Block, BlockRef};
use crate::wire::jsonrpc::{At, Call, parse_header};
use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout};

/// How soon it looks again whether the tip is done.
pub(super) const YIELD: Duration = Duration::from_millis(20);
/// How often it looks whether somebody can be asked, when nothing changes.
pub(super) const LOOK_EVERY: Duration = Duration::from_secs(1);
/// First wait after a portion that could not be read; doubled up to [`LONGEST_WAIT`].
pub(super) const FIRST_WAIT: Duration = Duration::from_millis(500);
/// See [`FIRST_WAIT`].
pub(super) const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// A block whose traces did not come so often, though all else of it did, is taken without them, and says so: old states are pruned
/// first. Before so many tries in a row only endpoints that trace are asked, where the lead does.
pub(super) const TRIES_WITH_TRACES: u32 = 4;
/// What was sent and is not committed after so long was not taken: it is read again.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

/// A stretch to read: block `to` must have hash `above`; nothing below `from`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stretch {
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

/// Fills gaps until the pump is gone.
pub(super) async fn fill(shared: &Shared) -> Closed {
    let mut wants = shared.wants.clone();
    let mut filler = Filler::default();
    loop {
        let chain = shared.chain_wants();
        if chain.gaps != filler.gaps {
            filler.gaps.clone_from(&chain.gaps);
            filler.moved = Some(Instant::now());
        }
        if chain.gaps.is_empty() || filler.moved.is_none_or(|moved| moved.elapsed() >= PATIENCE) {
            filler.progress.forget();
        }
        let stretch = filler.progress.next(&chain.gaps).filter(|_| !chain.stopped);
        let reader = filler.reader(shared);
        let (Some(stretch), Some(reader)) = (stretch, reader) else {
            drop(timeout(LOOK_EVERY, wants.changed()).await);
            // Where nobody publishes any more, `changed` fails at once.
            sleep(YIELD).await;
            continue;
        };
        if shared.tip_is_busy.load(Ordering::Relaxed) {
            sleep(YIELD).await;
            continue;
        }
        match filler.read(shared, reader, stretch).await {
            Ok(blocks) => {
                if let Err(closed) = filler.send(shared, reader, blocks).await {
                    return closed;
                }
            }
            Err(fault) => {
                filler.tries = filler.tries.saturating_add(1);
                if fault.is_too_much() {
                    filler.portion.too_much();
                }
                sleep(FIRST_WAIT.saturating_mul(1 << filler.tries.min(8)).min(LONGEST_WAIT)).await;
            }
        }
    }
}

/// Who is asked for what is old after so many tries in vain.
pub(super) fn reader(shared: &Shared, tries: u32) -> Option<&Endpoint> {
    let lead = shared.lead()?;
    let traces = |endpoint: &Endpoint| endpoint.abilities().tracer.is_some();
    let anyone = tries >= TRIES_WITH_TRACES || !shared.endpoints.get(lead).is_some_and(traces);
    let usable = |(place, endpoint): &(usize, &Endpoint)| {
        *place == lead || (endpoint.standing().usable && (anyone || traces(endpoint)))
    };
    let readers: Vec<_> = shared.endpoints.iter().enumerate().filter(usable).collect();
    let first = readers.iter().position(|(place, _)| *place == lead).unwrap_or(0);
    readers.get((first + tries as usize) % readers.len().max(1)).map(|(_, endpoint)| *endpoint)
}

/// The memory between portions.
#[derive(Default)]
struct Filler {
    gaps: Vec<GapRow>,
    progress: Progress,
    portion: Portion,
    /// Tries in a row that came to nothing.
    tries: u32,
    /// Traces that did not come.
    in_vain: InVain,
    /// When something was last sent or committed.
    moved: Option<Instant>,
}

impl Filler {
    /// Who is asked: the lead, and after failures each usable endpoint in turn, for not every node keeps old blocks.
    fn reader<'a>(&self, shared: &'a Shared) -> Option<&'a Endpoint> {
        reader(shared, self.tries)
    }

    /// Reads the upper end of a stretch: headers by number, checked by their links, then the blocks by hash.
    async fn read(&mut self, shared: &Shared, reader: &Endpoint, stretch: Stretch) -> Result<Vec<Block>, ReadFault> {
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
        let blocks = linked(stretch, &headers);
        if blocks.is_empty() {
            return Err(ReadFault::Other);
        }
        let watched = shared.watched();
        let untraced = self.in_vain.given_up(Duration::ZERO, TRIES_WITH_TRACES);
        let how = How { watched: &watched, ways: &shared.ways, untraced: &untraced };
        let mut read = Vec::with_capacity(blocks.len());
        let mut fault = None;
        let asked = Instant::now();
        // From above: what is below a block that could not be read cannot be sent yet.
        for (block, result) in blocks.iter().zip(read_blocks(reader, &blocks, how).await).rev() {
            match result {
                Ok(whole) if fault.is_none() => {
                    self.in_vain.forget(block.hash);
                    read.push(whole);
                }
                Ok(_) => {}
                Err(error) => {
                    if let ReadFault::Traces(_) = error {
                        self.in_vain.note(block.hash, asked, Instant::now());
                    }
                    fault = fault.or(Some(error));
                }
            }
        }
        if let Some(fault) = fault.filter(|_| read.is_empty()) {
            return Err(fault);
        }
        let lead_traces = shared.lead().and_then(|lead| shared.endpoints.get(lead)?.abilities().tracer).is_some();
        shared.note_traces(reader, lead_traces || reader.abilities().tracer.is_some(), &read);
        read.reverse();
        Ok(read)
    }

    async fn send(&mut self, shared: &Shared, reader: &Endpoint, blocks: Vec<Block>) -> Result<(), Closed> {
        let refs: Vec<BlockRef> = blocks.iter().map(|block| block.at).collect();
        let bytes = blocks_bytes(&blocks);
        let (chain, endpoint) = (shared.chain, reader.name.clone());
        let run = Run { chain, endpoint, blocks, part: RunPart::Gap, chosen_by: None };
        shared.queue.send(Lane::Later, Event::Run(run), bytes).await?;
        self.progress.note(&refs);
        self.portion.went_well();
        self.tries = 0;
        self.moved = Some(Instant::now());
        Ok(())
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
