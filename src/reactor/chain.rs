//! One chain: its hash-linked window, the gaps in it, and which blocks of which endpoint count.
//!
//! It decides what is canonical and says so as a [`Change`]; it never looks at what the blocks contain.
//!
//! The window holds the blocks from the last final one to the tip. Where an outage was longer than a step the window has a hole, a
//! [`GapRow`], which is filled from its upper end downwards, by hash: nothing is taken on trust, and a fork under the gap is found when
//! the two ends do not meet.

mod untraced;

use super::effect::{Effect, Notice};
use super::event::{Contact, Head, Tags};
use super::linked::{Change, Refusal, linked};
use super::marks::Marks;
use super::rows::{BlockRow, ChainRow, GapRow, Row, RowKey, Stop};
use super::settings::{ChainSettings, Confirmed};
use crate::types::{B256, Block, BlockRef, ChainId, Name, Tracer};
use std::collections::{BTreeMap, BTreeSet};

/// The most blocks that a window keeps.
pub const LARGEST_WINDOW: usize = 65_536;
/// Where an explorer was alone with a chain for longer than this many blocks, its first endpoint does not read them again.
const LARGEST_HEAD_START: u64 = 4_096;

/// A chain's state. `endpoints`, `safe`, `finalized` and `upper_final` are soft: they are learned anew after a restart.
#[derive(Debug, Clone)]
pub struct Chain {
    row: ChainRow,
    window: BTreeMap<u64, BlockRow>,
    /// Blocks of the window that were read without their traces.
    untraced: BTreeSet<u64>,
    /// By lower end.
    gaps: BTreeMap<u64, GapRow>,
    endpoints: BTreeMap<Name, Endpoint>,
    safe: Option<u64>,
    finalized: Option<u64>,
    /// The tags as they were last said: what they name may be read only later.
    said: Option<Tags>,
    /// The last final block of the part above every gap, which `row.last_final` does not count while there is a gap.
    upper_final: u64,
}

/// What is known of an endpoint at this moment.
#[derive(Debug, Clone, Default)]
struct Endpoint {
    fresh: bool,
    traces: Option<Tracer>,
    head: Option<BlockRef>,
    lacks: Option<B256>,
}

impl Chain {
    /// A chain of which nothing is known, or what its rows say.
    #[must_use]
    pub fn restore(row: ChainRow, window: Vec<BlockRow>, gaps: Vec<GapRow>) -> Self {
        Self {
            row,
            untraced: window.iter().filter(|block| !block.traced).map(|block| block.at.number).collect(),
            window: window.into_iter().map(|block| (block.at.number, block)).collect(),
            gaps: gaps.into_iter().map(|gap| (gap.from, gap)).collect(),
            endpoints: BTreeMap::new(),
            safe: None,
            finalized: None,
            said: None,
            upper_final: 0,
        }
    }

    /// A chain of which nothing is known.
    #[must_use]
    pub fn new(chain: ChainId) -> Self {
        Self::restore(ChainRow::new(chain), Vec::new(), Vec::new())
    }

    /// An endpoint said who it is. Gives false where its block 0 is another one than the first that was noted.
    pub fn contact(&mut self, contact: &Contact, effects: &mut Vec<Effect>) -> bool {
        self.endpoints.entry(contact.endpoint.clone()).or_default().traces = contact.traces;
        match (self.row.genesis, contact.genesis) {
            (Some(noted), Some(said)) => noted == said,
            (None, Some(said)) => {
                self.row.genesis = Some(said);
                self.put_row(effects);
                true
            }
            (_, None) => true,
        }
    }

    /// An endpoint became fresh, or ceased to be.
    pub fn set_fresh(&mut self, endpoint: &Name, fresh: bool) {
        let endpoint = self.endpoints.entry(endpoint.clone()).or_default();
        endpoint.fresh = fresh;
        if !fresh {
            endpoint.head = None;
            endpoint.lacks = None;
        }
    }

    /// The config names these endpoints, and no others: what others said of themselves is forgotten.
    pub fn keep_endpoints(&mut self, named: &[Name]) {
        self.endpoints.retain(|name, _| named.contains(name));
    }

    /// An endpoint's newest head.
    pub fn head(&mut self, head: &Head) {
        let endpoint = self.endpoints.entry(head.endpoint.clone()).or_default();
        endpoint.fresh = true;
        endpoint.head = Some(head.at);
        endpoint.lacks = head.lacks;
    }

    /// An endpoint's tags. A block that is not in the window is ignored, and said: gives false.
    pub fn tags(&mut self, tags: &Tags) -> bool {
        self.said = Some(tags.clone());
        self.place_tags(tags)
    }

    fn place_tags(&mut self, tags: &Tags) -> bool {
        let mut agreed = true;
        let mut place = |tag: Option<(u64, B256)>, mark: &mut Option<u64>| {
            let Some((number, hash)) = tag else { return };
            match self.window.get(&number) {
                Some(block) if block.at.hash == hash => *mark = Some(mark.map_or(number, |old| old.max(number))),
                Some(_) => agreed = false,
                // Below the window everything is final already; above it we lag behind the endpoint.
                None => {}
            }
        };
        let (mut safe, mut finalized) = (self.safe, self.finalized);
        place(tags.safe, &mut safe);
        place(tags.finalized, &mut finalized);
        self.safe = safe;
        self.finalized = finalized;
        agreed
    }

    /// Takes blocks at the newest end.
    ///
    /// # Errors
    /// [`Refusal`] says why nothing was done.
    pub fn extend(&mut self, endpoint: &Name, blocks: &[Block], effects: &mut Vec<Effect>) -> Result<Change, Refusal> {
        if self.row.stopped.is_some() {
            return Err(Refusal::Stopped);
        }
        let last = linked(blocks)?;
        // Blocks beneath a known one are known, though the window may not hold them any more.
        let known = blocks.iter().rposition(|block| self.has(block.at)).map_or(0, |place| place + 1);
        let Some(first) = blocks.get(known) else { return Err(Refusal::Known) };
        // Of what ends below the window nobody can say whether it is an ancestor.
        if self.window.first_key_value().is_some_and(|(lowest, _)| last.number < *lowest) {
            return Err(Refusal::Known);
        }
        let Some(tip) = self.tip() else {
            self.row.started = Some(self.row.started.unwrap_or(first.at.number));
            self.row.live_from = self.row.live_from.or(Some(first.at.number));
            self.read_from_start(first.at, effects);
            self.take(endpoint, &blocks[known..], effects);
            return Ok(Change { removed: Vec::new(), known });
        };
        let below = first.at.number.saturating_sub(1);
        let linked_below = known > 0 || self.has_hash(below, first.at.parent);
        if last.number <= tip.number && self.row.tip_endpoint.as_ref() != Some(endpoint) {
            return Err(Refusal::Sibling);
        }
        let orphaned = if linked_below || !self.window.contains_key(&below) { first.at.number } else { below };
        // Only what was read can be given up: blocks above the tip are new, however far an explorer says that the chain is final.
        if orphaned <= tip.number && orphaned <= self.final_at(orphaned) {
            return Err(Refusal::BelowFinal);
        }
        let mut removed = self.remove_from(first.at.number, effects);
        if !linked_below {
            removed.extend(self.open_gap(first.at, effects));
        }
        self.take(endpoint, &blocks[known..], effects);
        Ok(Change { removed, known })
    }

    /// Takes blocks at the upper end of a gap.
    ///
    /// # Errors
    /// [`Refusal`] says why nothing was done.
    pub fn fill(&mut self, blocks: &[Block], effects: &mut Vec<Effect>) -> Result<Change, Refusal> {
        if self.row.stopped.is_some() {
            return Err(Refusal::Stopped);
        }
        let last = linked(blocks)?;
        let gap = self.gaps.values().find(|gap| gap.to == last.number && gap.above == last.hash).copied();
        let Some(gap) = gap else { return Err(Refusal::NoSuchGap) };
        let inside = blocks.iter().position(|block| block.at.number >= gap.from).ok_or(Refusal::Broken)?;
        let first = blocks[inside].at;
        self.gaps.remove(&gap.from);
        effects.push(Effect::Delete(RowKey::Gap(self.row.chain, gap.from)));
        for block in &blocks[inside..] {
            self.insert(block, effects);
        }
        let mut removed = Vec::new();
        if first.number > gap.from {
            self.put_gap(GapRow { to: first.number - 1, above: first.parent, ..gap }, effects);
        } else if first.parent != gap.below {
            // The two ends do not meet: what we had below the gap was another fork. It is given up block by block.
            removed.extend(self.orphan(gap.from - 1, first.parent, effects)?);
        }
        if let Some(said) = self.said.clone() {
            self.place_tags(&said);
        }
        Ok(Change { removed, known: inside })
    }

    /// Has the blocks from `low` up to the first one read with it. What lies beneath them is nobody's child: nothing is to be met there.
    pub fn reach_back(&mut self, first: BlockRef, low: u64, effects: &mut Vec<Effect>) {
        let beneath = self.gaps.values().find(|gap| gap.to + 1 == first.number).copied();
        let from = beneath.map_or(low, |gap| gap.from.min(low));
        if let Some(gap) = beneath.filter(|gap| gap.from > from) {
            self.gaps.remove(&gap.from);
            effects.push(Effect::Delete(RowKey::Gap(self.row.chain, gap.from)));
        }
        self.row.started = Some(self.row.started.map_or(from, |started| started.min(from)));
        self.put_row(effects);
        let (to, above) = (first.number - 1, first.parent);
        self.put_gap(GapRow { chain: self.row.chain, from, to, above, below: B256::ZERO }, effects);
    }

    /// Goes back to a block of the window without new ones. Gives the removed blocks, highest first.
    pub fn revert_to(&mut self, number: u64, endpoint: &Name, effects: &mut Vec<Effect>) -> Vec<BlockRef> {
        let removed = self.remove_from(number + 1, effects);
        self.row.tip_endpoint = Some(endpoint.clone());
        self.row.confirmed = self.row.confirmed.min(number);
        self.put_row(effects);
        removed
    }

    /// Where every fresh endpoint lacks our tip and stands at an ancestor of it: the highest such head, and whose it is.
    #[must_use]
    pub fn reverted(&self) -> Option<(BlockRef, Name)> {
        let tip = self.tip()?;
        let mut highest: Option<(BlockRef, Name)> = None;
        for (name, endpoint) in self.endpoints.iter().filter(|(_, endpoint)| endpoint.fresh) {
            let head = endpoint.head?;
            if endpoint.lacks != Some(tip.hash) || head.number >= tip.number || !self.has(head) {
                return None;
            }
            if head.number < self.final_at(head.number) {
                return None;
            }
            if highest.as_ref().is_none_or(|(high, _)| head.number > high.number) {
                highest = Some((head, name.clone()));
            }
        }
        highest
    }

    /// Takes the stop back: the window holds, and what is read next connects to it.
    pub fn go_on(&mut self, effects: &mut Vec<Effect>) {
        self.row.stopped = None;
        self.put_row(effects);
    }

    /// Forgets the window and goes on from whatever comes next.
    pub fn accept(&mut self, effects: &mut Vec<Effect>) -> Vec<BlockRef> {
        self.row.explorer_head = None;
        let removed = self.remove_from(0, effects);
        self.row.genesis = None;
        self.row.stopped = None;
        self.row.started = None;
        self.row.live_from = None;
        self.row.tip_endpoint = None;
        self.row.confirmed = 0;
        self.row.last_final = 0;
        self.row.accepted = true;
        self.said = None;
        self.put_row(effects);
        removed
    }

    /// Stops the chain until a person accepts it.
    pub fn stop(&mut self, why: Stop, effects: &mut Vec<Effect>) {
        self.row.stopped = Some(why);
        self.put_row(effects);
    }

    /// It was accepted as another chain, and that is told now: not again. Gives whether it was.
    pub fn tell_accepted(&mut self, effects: &mut Vec<Effect>) -> bool {
        let accepted = std::mem::take(&mut self.row.accepted);
        if accepted {
            self.put_row(effects);
        }
        accepted
    }

    /// An explorer showed this head. Gives whether it is higher than any before.
    pub fn explorer_head(&mut self, head: u64, effects: &mut Vec<Effect>) -> bool {
        let higher = self.row.explorer_head.is_none_or(|old| head > old);
        if higher {
            self.row.explorer_head = Some(head);
            self.put_row(effects);
        }
        higher
    }

    /// Notes where the chain is read from, if that is not known yet.
    pub fn start_at(&mut self, block: u64, effects: &mut Vec<Effect>) {
        if self.row.started.is_none() {
            self.row.started = Some(block);
            self.row.live_from = Some(block);
            self.put_row(effects);
        }
    }

    /// Moves the marks to where they are now.
    ///
    /// The row's marks say what the window proves. They stand still while a gap parts the lower blocks from the tip, and while it is
    /// an explorer that says how high the chain is: what they would pass may turn out to be another fork's.
    pub fn advance(&mut self, settings: &ChainSettings, effects: &mut Vec<Effect>) -> Marks {
        let marks = self.marks(settings);
        let by_tip = self.tip().is_none_or(|tip| self.height() == Some(tip.number));
        self.upper_final = if by_tip { marks.last_final } else { self.upper_final };
        let proved = by_tip && self.gaps.is_empty();
        if proved && (marks.confirmed, marks.last_final) != (self.row.confirmed, self.row.last_final) {
            self.row.confirmed = marks.confirmed;
            self.row.last_final = marks.last_final;
            self.put_row(effects);
        }
        // What an explorer may still report is held against the blocks that were read.
        let late = if settings.explorer.is_some() { settings.overlap() } else { 0 };
        self.prune(late, effects);
        marks
    }

    /// Where the marks of what is confirmed and what is final stand by the present height and tags. They go back only with a fork.
    #[must_use]
    pub fn marks(&self, settings: &ChainSettings) -> Marks {
        let held = (self.row.confirmed, self.row.last_final);
        let Some(head) = self.height() else {
            return Marks { confirmed: held.0, last_final: held.1, linked_from: 0, held };
        };
        let deep = |depth: u64| head.saturating_add(1).saturating_sub(depth.max(1));
        let by_window = self.tip().is_some();
        let hard = deep(settings.final_after);
        let confirmed = match settings.confirmed {
            Confirmed::Depth(depth) => deep(depth),
            Confirmed::Safe if by_window => self.safe.unwrap_or(0),
            Confirmed::Finalized if by_window => self.finalized.unwrap_or(0),
            // An explorer has no tags: the hard depth stands for them.
            Confirmed::Safe | Confirmed::Finalized => hard,
        };
        let last_final = if settings.finalized_tag && by_window { self.finalized.unwrap_or(0) } else { hard };
        let last_final = last_final.min(head).max(held.1);
        let confirmed = confirmed.min(head).max(last_final).max(held.0);
        Marks { confirmed, last_final, linked_from: self.linked_from(), held }
    }

    /// What an explorer's answer proves of the rows that it lists, by the head that its own index had: another answer's higher head
    /// proves nothing of them. Tags are a node's, so the hard depth stands for them; `final` waits for a node's tag where it has one.
    #[must_use]
    pub fn listed_marks(&self, settings: &ChainSettings, index_head: Option<u64>) -> Marks {
        let Some(head) = index_head else { return Marks::NONE };
        let deep = |depth: u64| head.saturating_add(1).saturating_sub(depth.max(1));
        let hard = deep(settings.final_after);
        let tagged = settings.finalized_tag && self.tip().is_some();
        let last_final = if tagged { hard.min(self.finalized.unwrap_or(0).max(self.row.last_final)) } else { hard };
        let confirmed = match settings.confirmed {
            Confirmed::Depth(depth) => deep(depth),
            Confirmed::Safe | Confirmed::Finalized => hard,
        };
        Marks { confirmed: confirmed.max(last_final), last_final, linked_from: 0, held: (0, 0) }
    }

    /// The lowest block that is known to lie beneath the tip: above every gap.
    fn linked_from(&self) -> u64 {
        self.gaps.values().next_back().map_or(0, |gap| gap.to + 1)
    }

    /// The last final block of the part that this block is in.
    fn final_at(&self, number: u64) -> u64 {
        let upper = number >= self.linked_from() && !self.gaps.is_empty();
        if upper { self.upper_final.max(self.row.last_final) } else { self.row.last_final }
    }

    /// The newest block.
    #[must_use]
    pub fn tip(&self) -> Option<BlockRef> {
        self.window.values().next_back().map(|block| block.at)
    }

    /// The height that confirmations are counted from. An explorer's head counts only while no endpoint is fresh.
    #[must_use]
    pub fn height(&self) -> Option<u64> {
        let tip = self.tip().map(|tip| tip.number);
        if tip.is_some() && self.is_fresh() { tip } else { tip.max(self.row.explorer_head) }
    }

    /// How far it has gone by its endpoints' own word, of which the least counts: what is behind [`Chain::height`] is being read.
    #[must_use]
    pub fn told_height(&self) -> Option<u64> {
        let told = self.endpoints.values().filter(|endpoint| endpoint.fresh).filter_map(|endpoint| endpoint.head);
        self.height().max(told.map(|head| head.number).min())
    }

    /// What is durable of it.
    #[must_use]
    pub const fn row(&self) -> &ChainRow {
        &self.row
    }

    /// The first block that was new when the chain was begun.
    #[must_use]
    pub fn live_from(&self) -> Option<u64> {
        self.row.live_from.or(self.row.started)
    }

    /// The window, ascending.
    #[must_use]
    pub fn window(&self) -> impl DoubleEndedIterator<Item = &BlockRow> {
        self.window.values()
    }

    /// The block of this height, where the window has it.
    #[must_use]
    pub fn block(&self, number: u64) -> Option<&BlockRow> {
        self.window.get(&number)
    }

    /// The gaps, lowest first.
    pub fn gaps(&self) -> impl Iterator<Item = &GapRow> {
        self.gaps.values()
    }

    /// Whether any endpoint is fresh.
    #[must_use]
    pub fn is_fresh(&self) -> bool {
        self.endpoints.values().any(|endpoint| endpoint.fresh)
    }

    /// The endpoint that reads blocks now: the tip's own, or the first that is fresh.
    #[must_use]
    pub fn reader(&self) -> Option<&Name> {
        let fresh = |name: &&Name| self.endpoints.get(*name).is_some_and(|endpoint| endpoint.fresh);
        self.row.tip_endpoint.as_ref().filter(fresh).or_else(|| self.endpoints.keys().find(fresh))
    }

    /// How the endpoint that reads blocks traces them, where it can.
    #[must_use]
    pub fn tracer(&self) -> Option<Tracer> {
        let tip = self.row.tip_endpoint.as_ref().and_then(|name| self.endpoints.get(name));
        tip.map_or_else(|| self.endpoints.values().find_map(|endpoint| endpoint.traces), |endpoint| endpoint.traces)
    }

    /// Whether this block was read and stands: at or below the tip, not before the start, and in no gap.
    #[must_use]
    pub fn covers(&self, number: u64) -> bool {
        let started = self.row.started.is_some_and(|started| number >= started);
        let below_tip = self.tip().is_some_and(|tip| number <= tip.number);
        started && below_tip && !self.gaps.values().any(|gap| (gap.from..=gap.to).contains(&number))
    }

    /// Whether exactly this block is in the window.
    #[must_use]
    pub fn has(&self, block: BlockRef) -> bool {
        self.has_hash(block.number, block.hash)
    }

    /// Whether a block of this hash is in the window at this height.
    #[must_use]
    pub fn has_hash(&self, number: u64, hash: B256) -> bool {
        self.window.get(&number).is_some_and(|known| known.at.hash == hash)
    }

    /// An explorer said where to begin, before an endpoint had its first block: what lies between is read as well.
    fn read_from_start(&mut self, first: BlockRef, effects: &mut Vec<Effect>) {
        let Some(from) = self.row.started.filter(|started| *started < first.number) else { return };
        if first.number - from <= LARGEST_HEAD_START {
            // Nothing below it was ever read: there is no hash to meet.
            let below = B256::ZERO;
            self.put_gap(
                GapRow { chain: self.row.chain, from, to: first.number - 1, above: first.parent, below },
                effects,
            );
        }
    }

    fn take(&mut self, endpoint: &Name, blocks: &[Block], effects: &mut Vec<Effect>) {
        for block in blocks {
            self.insert(block, effects);
        }
        if self.row.tip_endpoint.as_ref() != Some(endpoint) {
            self.row.tip_endpoint = Some(endpoint.clone());
        }
        self.put_row(effects);
    }

    fn insert(&mut self, block: &Block, effects: &mut Vec<Effect>) {
        let row = BlockRow { chain: self.row.chain, at: block.at, time: block.time, traced: block.traced };
        effects.push(Effect::Put(Row::Block(row)));
        self.window.insert(block.at.number, row);
        self.note_traced(block.at.number, block.traced);
    }

    /// Removes every block and gap from `number` on.
    fn remove_from(&mut self, number: u64, effects: &mut Vec<Effect>) -> Vec<BlockRef> {
        let mut removed = Vec::new();
        while let Some(entry) = self.window.last_entry().filter(|entry| *entry.key() >= number) {
            let at = entry.remove().at;
            self.untraced.remove(&at.number);
            effects.push(Effect::Delete(RowKey::Block(self.row.chain, at.number)));
            removed.push(at);
        }
        let gone: Vec<GapRow> = self.gaps.values().filter(|gap| gap.to >= number).copied().collect();
        for gap in gone {
            self.gaps.remove(&gap.from);
            effects.push(Effect::Delete(RowKey::Gap(self.row.chain, gap.from)));
            // A gap is cut at its upper end; its new upper hash is set by whoever puts a block above it.
            if gap.from < number {
                self.gaps.insert(gap.from, GapRow { to: number - 1, ..gap });
            }
        }
        self.safe = self.safe.filter(|mark| *mark < number);
        self.finalized = self.finalized.filter(|mark| *mark < number);
        self.upper_final = self.upper_final.min(number.saturating_sub(1));
        self.row.confirmed = self.row.confirmed.min(number.saturating_sub(1));
        removed
    }

    /// Opens the gap below a block that nothing in the window is the parent of. Gives blocks that turn out not to be canonical.
    fn open_gap(&mut self, first: BlockRef, effects: &mut Vec<Effect>) -> Vec<BlockRef> {
        // A gap that was cut at this height goes on below the new block.
        if let Some(gap) = self.gaps.values().next_back().copied().filter(|gap| gap.to == first.number - 1) {
            self.put_gap(GapRow { above: first.parent, ..gap }, effects);
            return Vec::new();
        }
        let Some(tip) = self.tip() else { return Vec::new() };
        if tip.number + 1 < first.number {
            let gap = GapRow {
                chain: self.row.chain,
                from: tip.number + 1,
                to: first.number - 1,
                above: first.parent,
                below: tip.hash,
            };
            self.put_gap(gap, effects);
            return Vec::new();
        }
        // The block right below is not its parent: it was another fork's. (`extend` has seen that it is not final.)
        self.orphan(tip.number, first.parent, effects).unwrap_or_default()
    }

    /// Gives up the block at this height, because the block above it has another parent; it becomes a gap, or part of the one below it.
    fn orphan(&mut self, number: u64, above: B256, effects: &mut Vec<Effect>) -> Result<Vec<BlockRef>, Refusal> {
        let Some(orphan) = self.window.get(&number).map(|block| block.at) else {
            // Nothing below the start was ever read, so that nothing there can be wrong.
            return if self.row.started.is_some_and(|started| number < started) {
                Ok(Vec::new())
            } else {
                Err(Refusal::BelowFinal)
            };
        };
        if number <= self.row.last_final {
            return Err(Refusal::BelowFinal);
        }
        self.window.remove(&number);
        self.untraced.remove(&number);
        effects.push(Effect::Delete(RowKey::Block(self.row.chain, number)));
        let beneath = self.gaps.values().find(|gap| gap.to + 1 == number).copied();
        let gap = match beneath {
            Some(gap) => GapRow { to: number, above, ..gap },
            None => GapRow { chain: self.row.chain, from: number, to: number, above, below: orphan.parent },
        };
        self.put_gap(gap, effects);
        self.row.confirmed = self.row.confirmed.min(number.saturating_sub(1));
        self.put_row(effects);
        Ok(vec![orphan])
    }

    fn put_gap(&mut self, gap: GapRow, effects: &mut Vec<Effect>) {
        effects.push(Effect::Put(Row::Gap(gap)));
        self.gaps.insert(gap.from, gap);
    }

    fn put_row(&self, effects: &mut Vec<Effect>) {
        effects.push(Effect::Put(Row::Chain(self.row.clone())));
    }

    /// Drops blocks below the last final one and more than `late` blocks below the tip, and what is beyond the largest window.
    fn prune(&mut self, late: u64, effects: &mut Vec<Effect>) {
        let lowest = self.row.last_final.min(self.tip().map_or(0, |tip| tip.number.saturating_sub(late)));
        // What lies under a gap stays until the gap has met it.
        let floor = self.gaps.keys().next().map_or(lowest, |gap| lowest.min(gap.saturating_sub(1)));
        while self.window.len() > 1
            && let Some(entry) = self.window.first_entry()
            && (*entry.key() < floor || self.window.len() > LARGEST_WINDOW)
        {
            if let Some((number, _)) = self.window.pop_first() {
                effects.push(Effect::Delete(RowKey::Block(self.row.chain, number)));
                if self.untraced.remove(&number) && self.tracer().is_some() {
                    effects.push(Effect::Notice(Notice::LateTraces(self.row.chain, number, false)));
                }
            }
        }
    }
}
