//! Reading blocks of the past, upwards, behind everything that is new: the tip and every gap go first.
//!
//! What lies deep enough is read by number, each block linked to the one below it. A scan moves on when the reactor has committed what
//! was sent; until then it is remembered here, so that nothing is read twice.

use super::Shared;
use super::beside::{Beside, PATIENCE, TRIES_WITH_TRACES, Told, read_in_order};
use super::endpoint::Endpoint;
use super::pace::Portion;
use super::read::{How, ReadFault};
use super::traces::Turn;
use super::vain::InVain;
use crate::reactor::event::{Event, Run, RunPart};
use crate::reactor::wants::{ChainWants, StretchWant};
use crate::sources::queue::blocks_bytes;
use crate::types::{B256, BlockRef};
use crate::wire::jsonrpc::{At, Call, parse_header};
use std::time::Duration;
use tokio::time::Instant;

/// Whether the past may be read now: nothing that is new waits.
pub(super) fn may_read(chain: &ChainWants) -> bool {
    chain.gaps.is_empty()
}

/// Up to where was sent, and not committed yet.
#[derive(Debug, Default)]
pub(super) struct Ahead {
    /// What is wanted, as it was last published.
    wanted: Option<(u64, u64)>,
    /// The next block and the hash below it.
    sent: Option<(u64, Option<B256>)>,
    /// When something was last sent or committed.
    moved: Option<Instant>,
}

impl Ahead {
    /// Where to go on within what is wanted; `None` where all of it was sent.
    pub(super) fn go_on(&mut self, from: u64, to: u64, below: Option<B256>) -> Option<(u64, Option<B256>)> {
        if self.wanted != Some((from, to)) {
            self.wanted = Some((from, to));
            self.moved = Some(Instant::now());
        }
        let lost = self.moved.is_none_or(|moved| moved.elapsed() >= PATIENCE);
        // Another scan, or one that began anew: what was sent belongs to what is over.
        self.sent = self.sent.filter(|(next, _)| !lost && *next > from && *next - 1 <= to);
        let (next, below) = self.sent.unwrap_or((from, below));
        (next <= to).then_some((next, below))
    }

    /// Was sent up to `next`, which is not part of it.
    pub(super) fn note(&mut self, next: u64, below: Option<B256>) {
        self.sent = Some((next, below));
        self.moved = Some(Instant::now());
    }
}

/// Reads blocks of the past.
#[derive(Default)]
pub(super) struct Past {
    ahead: Ahead,
    portion: Portion,
    /// Traces that did not come.
    in_vain: InVain,
    /// The last traces that were asked for did not come at all.
    untraced: bool,
    /// The version of the watch list that chose what was last read, where receipts were chosen at all.
    chosen_by: Option<u64>,
    /// The last block that was read.
    read: Option<BlockRef>,
}

impl Beside for Past {
    type Part = StretchWant;

    fn next(&mut self, shared: &Shared, wants: &ChainWants) -> Option<StretchWant> {
        // What an older list chose may not be taken: it is read again. Where it was taken in time, that is known soon.
        if self.chosen_by.is_some_and(|version| version != shared.watched().version()) {
            (self.chosen_by, self.ahead) = (None, Ahead::default());
        }
        let StretchWant { from, to, below } = wants.history.blocks.filter(|_| may_read(wants))?;
        let (from, below) = self.ahead.go_on(from, to, below)?;
        Some(StretchWant { from, to, below })
    }

    /// Reads the lower end of a stretch: headers by number, checked by their links, then the blocks by hash.
    async fn read(&mut self, shared: &Shared, reader: &Endpoint, stretch: &StretchWant) -> Result<Told, ReadFault> {
        let last = stretch.to.min(stretch.from.saturating_add(self.portion.blocks() - 1));
        let numbers = stretch.from..=last;
        let calls: Vec<Call> =
            numbers.map(|number| Call::BlockByNumber { at: At::Number(number), whole: false }).collect();
        let mut headers = Vec::with_capacity(calls.len());
        for answer in reader.rpc.ask_all(&calls).await {
            match answer.map_err(ReadFault::from).and_then(|it| Ok(parse_header(&it)?)) {
                Ok(header) => headers.push(header.at),
                Err(fault) if headers.is_empty() => return Err(fault),
                // The lower ones are enough for now.
                Err(_) => break,
            }
        }
        let blocks = linked(*stretch, &headers);
        if blocks.is_empty() {
            return Err(ReadFault::Other);
        }
        let watched = shared.watched();
        // Of a node that gives no receipts of whole blocks only those that matter are read: for another list others may.
        self.chosen_by = (!reader.abilities().receipts).then(|| watched.version());
        let tries = if self.untraced { 1 } else { TRIES_WITH_TRACES };
        let given_up = self.in_vain.given_up(Duration::ZERO, tries);
        self.untraced |= blocks.first().is_some_and(|first| given_up.contains(&first.hash));
        let how = How { watched: &watched, ways: &shared.ways, untraced: &given_up, turn: Turn::Old };
        // From below: what is above a block that could not be read cannot be sent yet.
        let read = read_in_order(reader, &blocks, how, &mut self.in_vain).await?;
        self.untraced &= !read.iter().any(|block| block.traced);
        shared.note_traces(reader, reader.abilities().tracer.is_some(), &read);
        self.read = read.last().map(|block| block.at);
        let bytes = blocks_bytes(&read);
        let (chain, endpoint, chosen_by) = (shared.chain, reader.name.clone(), self.chosen_by);
        let run = Run { chain, endpoint, blocks: read, part: RunPart::History, chosen_by };
        Ok((Event::Run(run), bytes))
    }

    fn sent(&mut self, _: StretchWant) {
        if let Some(last) = self.read {
            self.ahead.note(last.number + 1, Some(last.hash));
        }
        self.portion.went_well();
    }

    fn failed(&mut self, _: StretchWant, fault: &ReadFault) -> bool {
        if fault.is_too_much() {
            self.portion.too_much();
        }
        // Old states are pruned: the next blocks are not waited for as long as the first one was.
        !(self.untraced && fault.is_in_vain())
    }
}

/// The leading blocks that stand on each other, and on what was read below them.
fn linked(stretch: StretchWant, headers: &[BlockRef]) -> Vec<BlockRef> {
    let (mut number, mut below) = (stretch.from, stretch.below);
    let fits = |header: &&BlockRef| {
        let fits = header.number == number && below.is_none_or(|below| below == header.parent);
        (number, below) = (number + 1, Some(header.hash));
        fits
    };
    headers.iter().take_while(fits).copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(number: u64) -> B256 {
        B256::left_padding_from(&number.to_be_bytes())
    }

    fn block(number: u64) -> BlockRef {
        BlockRef { number, hash: hash(number), parent: hash(number - 1) }
    }

    #[test]
    fn only_blocks_that_stand_on_what_was_read_count() {
        let check = |below: Option<B256>, headers: &[BlockRef], expected: std::ops::Range<u64>| {
            let stretch = StretchWant { from: 5, to: 9, below };
            assert_eq!(linked(stretch, headers), expected.map(block).collect::<Vec<_>>(), "{headers:?}");
        };
        let all: Vec<_> = (5..=9).map(block).collect();
        check(None, &all, 5..10);
        check(Some(hash(4)), &all, 5..10);
        check(Some(hash(3)), &all, 5..5);
        check(None, &[block(6)], 5..5);
        check(None, &[block(5), BlockRef { parent: hash(70), ..block(6) }, block(7)], 5..6);
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_sent_is_not_read_again_unless_it_was_lost_or_another_scan_is_wanted() {
        let mut ahead = Ahead::default();
        assert_eq!(ahead.go_on(10, 30, None), Some((10, None)));
        ahead.note(20, Some(hash(19)));
        assert_eq!(ahead.go_on(10, 30, None), Some((20, Some(hash(19)))));
        assert_eq!(ahead.go_on(15, 40, Some(hash(14))), Some((20, Some(hash(19)))), "the first part was committed");
        ahead.note(41, Some(hash(40)));
        assert_eq!(ahead.go_on(15, 40, Some(hash(14))), None);
        tokio::time::advance(PATIENCE).await;
        assert_eq!(ahead.go_on(15, 40, Some(hash(14))), Some((15, Some(hash(14)))), "it was not taken");
        ahead.note(30, Some(hash(29)));
        assert_eq!(ahead.go_on(50, 60, None), Some((50, None)));
        ahead.note(55, None);
        assert_eq!(ahead.go_on(2, 9, None), Some((2, None)));
    }
}
