//! What was read of what lies before a watch: blocks, logs and parts of lists.
//!
//! It is flagged `history`: no rule speaks of it unless it asks to, and nothing is ever paid for it. Each answer is one event: what it
//! brought and how far it was read are in one commit. What is asked for is `owe_history`'s.

use super::Reactor;
use super::chain::Chain;
use super::effect::{Effect, Notice};
use super::event::{Explored, List, Logs, Run};
use super::linked::linked;
use super::marks::Marks;
use super::owe_history::{BLANK_AGAIN, list_of};
use super::read_blocks::Place;
use super::rows::{BackfillRow, ListLeft, Scan, ScanRow, Subject};
use crate::types::{Address, Block, BlockRef, ChainId, Movement, Stage, TransferId, TransferKey};
use std::collections::{BTreeMap, BTreeSet};

impl Reactor {
    /// Blocks of the past, ascending.
    pub(super) fn read_history(&mut self, run: &Run, effects: &mut Vec<Effect>) {
        let id = run.chain;
        let Some(chain) = self.chains.get(&id).filter(|chain| chain.row().stopped.is_none()) else { return };
        let (Ok(last), Some(first)) = (linked(&run.blocks), run.blocks.first()) else { return };
        let marks = self.settings.chains.get(&id).map_or(Marks::NONE, |settings| chain.marks(settings));
        let here = |scan: &&ScanRow| scan.scan == Scan::Blocks && (first.at.number..=last.number).contains(&scan.next);
        let whole = |scan: &&ScanRow| !self.is_chosen_before(run, scan.until);
        let scans: Vec<ScanRow> = self.backfills.scans_of(id).filter(here).filter(whole).copied().collect();
        let mut found = BTreeMap::new();
        for scan in scans {
            let blocks = run.blocks.iter().skip_while(|block| block.at.number < scan.next);
            let blocks: Vec<&Block> = blocks.take_while(|block| block.at.number < scan.until).collect();
            let known = |block: &&&Block| self.is_known(id, block.at);
            let new: Vec<&Block> = blocks.iter().take_while(known).copied().collect();
            let Some(bottom) = new.first() else { continue };
            let mut scan = scan;
            if scan.below.is_some_and(|below| below != bottom.at.parent) {
                // Both are final, and they do not fit together: another endpoint may know better.
                let reason = "blocks of history that do not hang together";
                effects.push(Effect::Notice(Notice::Ignored { chain: id, reason }));
                scan.below = None;
            } else {
                for block in &new {
                    self.read_past_block(id, block, scan.until, marks, &mut found, effects);
                    (scan.next, scan.below) = (block.at.number + 1, Some(block.at.hash));
                }
            }
            self.pass(scan, effects);
        }
        self.say_history(id, found, effects);
    }

    /// Logs of the past: every transfer that names one of the addresses, in a range of final blocks.
    pub(super) fn read_logs(&mut self, logs: &Logs, effects: &mut Vec<Effect>) {
        let id = logs.chain;
        let Some(chain) = self.chains.get(&id).filter(|chain| chain.row().stopped.is_none()) else { return };
        let Some(scan) = self.backfills.scan(id, logs.until, Scan::Logs) else { return };
        if scan.next != logs.from || logs.to > chain.row().last_final || logs.to >= scan.until {
            return;
        }
        // Of who joined since they were asked for there is nothing in them.
        let asked = |row: &BackfillRow| row.until != scan.until || logs.addresses.binary_search(&row.address).is_ok();
        if !self.backfills.open_of(id).all(asked) {
            let reason = "logs that an older watch list chose";
            effects.push(Effect::Notice(Notice::Ignored { chain: id, reason }));
            return;
        }
        let marks = self.settings.chains.get(&id).map_or(Marks::NONE, |settings| chain.marks(settings));
        let mut found = BTreeMap::new();
        let mut counted: BTreeMap<TransferKey, u32> = BTreeMap::new();
        for reported in &logs.rows {
            let place = Place {
                block: reported.block,
                hash: reported.block_hash,
                time: reported.time,
                log_index: reported.movement.log_index,
                late: false,
                history: true,
            };
            self.take_past(id, &reported.movement, &place, scan.until, &mut counted, marks, &mut found, effects);
        }
        self.pass(ScanRow { next: logs.to + 1, ..scan }, effects);
        self.say_history(id, found, effects);
    }

    /// A part of an explorer's list that lies before the watch.
    pub(super) fn listed_history(&mut self, answer: &Explored, effects: &mut Vec<Effect>) {
        let id = answer.chain;
        if !self.takes_head(answer, effects) {
            return;
        }
        let Some(row) = self.backfills.get(id, &answer.address).cloned() else { return };
        let Some(left) = row.left.iter().find(|left| left.list == answer.list).copied() else { return };
        // What does not begin where we stand would leave a hole.
        if answer.from > left.next {
            return;
        }
        self.unpublished.insert(id);
        let marks = self.past_marks(id, answer.list, row.until);
        let mut found = BTreeMap::new();
        let mut counted: BTreeMap<TransferKey, u32> = BTreeMap::new();
        for reported in &answer.rows {
            let first = TransferKey::of(id, &reported.movement, 0);
            let nth = counted.entry(first).or_default();
            let key = TransferKey { nth: *nth, ..first };
            *nth += 1;
            if !(left.next..row.until).contains(&reported.block) {
                continue;
            }
            self.learn_token(id, reported, effects);
            let place = Place {
                block: reported.block,
                hash: reported.block_hash,
                time: reported.time,
                log_index: reported.movement.log_index,
                late: false,
                history: true,
            };
            let transfer = self.vouch(key, &place, marks, effects);
            found.entry(transfer).or_insert_with(BTreeSet::new).insert(answer.address);
        }
        let reached = answer.index_head.map_or(0, |head| head.min(answer.to).saturating_add(1));
        let left = match (reached > left.next, left.blank) {
            (true, _) => ListLeft { next: reached, blank: None, ..left },
            // Nothing in all that is left, twice: there is nothing.
            (false, Some(blank)) if self.at.since(blank) >= BLANK_AGAIN => ListLeft { next: row.until, ..left },
            (false, blank) => ListLeft { blank: blank.or(Some(self.at)), ..left },
        };
        let others = row.left.iter().filter(|other| other.list != left.list).copied();
        let mut lists: Vec<ListLeft> = others.chain((left.next < row.until).then_some(left)).collect();
        lists.sort_by_key(|left| left.list);
        let done = lists.is_empty();
        self.backfills.put(BackfillRow { left: lists, ..row }, effects);
        if done {
            effects.push(Effect::Notice(Notice::Backfilled { chain: id, addresses: 1 }));
        }
        self.say_history(id, found, effects);
        effects.push(Effect::Notice(Notice::Viewed { chain: id, at: self.at }));
        if self.settings.chains.get(&id).is_some_and(|settings| settings.endpoints.is_empty()) {
            self.progress(Subject::Chain(id), effects);
        }
    }

    /// How deep a list's history is. Without an endpoint it lies below everything that an index may still change; beside one it is as
    /// deep as the chain says, but for internal rows, which have no block that could be looked up.
    fn past_marks(&self, id: ChainId, list: List, until: u64) -> Marks {
        let deep = Marks { confirmed: until, last_final: until, ..Marks::NONE };
        match (self.settings.chains.get(&id), self.chains.get(&id)) {
            (Some(settings), Some(chain)) if !settings.endpoints.is_empty() && list != List::Internal => {
                chain.marks(settings)
            }
            _ => deep,
        }
    }

    /// Whether a block may be taken as it is: final, or the one in the window.
    fn is_known(&self, id: ChainId, block: BlockRef) -> bool {
        let known = |chain: &Chain| block.number <= chain.row().last_final || chain.has(block);
        self.chains.get(&id).is_some_and(known)
    }

    fn read_past_block(
        &mut self,
        id: ChainId,
        block: &Block,
        until: u64,
        marks: Marks,
        found: &mut BTreeMap<TransferId, BTreeSet<Address>>,
        effects: &mut Vec<Effect>,
    ) {
        let mut counted: BTreeMap<TransferKey, u32> = BTreeMap::new();
        let named = self.backfills.scan(id, until, Scan::Logs).is_some();
        for movement in &block.movements {
            let place = Place {
                block: block.at.number,
                hash: Some(block.at.hash),
                time: block.time,
                log_index: movement.log_index,
                late: false,
                history: true,
            };
            // Their logs are read by themselves.
            if !(named && list_of(movement.kind) == List::Tokens) {
                self.take_past(id, movement, &place, until, &mut counted, marks, found, effects);
            }
        }
    }

    /// One movement of the past, for those of its sides whose history is being read.
    #[expect(
        clippy::too_many_arguments,
        reason = "what is known of one movement, and where what it leads to is gathered"
    )]
    fn take_past(
        &mut self,
        id: ChainId,
        movement: &Movement,
        place: &Place,
        until: u64,
        counted: &mut BTreeMap<TransferKey, u32>,
        marks: Marks,
        found: &mut BTreeMap<TransferId, BTreeSet<Address>>,
        effects: &mut Vec<Effect>,
    ) {
        let asks = |address: &&Address| {
            self.backfills.get(id, address).is_some_and(|row| {
                let open = row.left.iter().any(|left| left.list == list_of(movement.kind));
                open && row.until == until && place.block >= row.from
            })
        };
        let sides: BTreeSet<Address> = movement.parties().filter(asks).copied().collect();
        if sides.is_empty() {
            return;
        }
        let first = TransferKey::of(id, movement, 0);
        let nth = counted.entry(first).or_default();
        let key = TransferKey { nth: *nth, ..first };
        *nth += 1;
        let transfer = self.vouch(key, place, marks, effects);
        found.entry(transfer).or_default().extend(sides);
    }

    /// Writes how far a scan has come. One that is through ends the histories that waited for it.
    fn pass(&mut self, scan: ScanRow, effects: &mut Vec<Effect>) {
        let id = scan.chain;
        self.unpublished.insert(id);
        if scan.next < scan.until {
            return self.backfills.put_scan(scan, effects);
        }
        let named = self.backfills.scan(id, scan.until, Scan::Logs).is_some();
        let read = |list: List| match scan.scan {
            Scan::Blocks => list != List::Tokens || !named,
            Scan::Logs => list == List::Tokens,
        };
        self.backfills.remove_scan(&scan, effects);
        let through: Vec<BackfillRow> =
            self.backfills.open_of(id).filter(|row| row.until == scan.until).cloned().collect();
        let mut complete = 0;
        for mut row in through {
            row.left.retain(|left| !read(left.list));
            complete += u64::from(row.left.is_empty());
            self.backfills.put(row, effects);
        }
        if complete > 0 {
            effects.push(Effect::Notice(Notice::Backfilled { chain: id, addresses: complete }));
        }
    }

    /// Lets the rules that ask for history speak of what was found, and lets go of what can change no more.
    fn say_history(&mut self, id: ChainId, found: BTreeMap<TransferId, BTreeSet<Address>>, effects: &mut Vec<Effect>) {
        for (transfer, sides) in found {
            self.speak_to(transfer, Some(&sides), effects);
            let Some(row) = self.transfers.get(transfer) else { continue };
            if row.history && row.stage == Stage::Final && !self.is_waiting_for_token(&row) {
                self.settle(transfer, effects);
            }
        }
        self.unpublished.insert(id);
    }
}
