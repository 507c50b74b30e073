//! What explorers report: whole lists of an address. They add, but never take back on the word of one answer.
//!
//! Where an endpoint reads the chain itself, its blocks are the authority and an explorer's word alone makes no alert.

use super::Reactor;
use super::chain::Chain;
use super::effect::{Effect, Notice};
use super::event::{Explored, ExplorerHead, List, Receipt, Reported};
use super::lists::{OpenList, OpenLists, kind_of};
use super::marks::Marks;
use super::read_blocks::Place;
use super::rows::{Missing, Row, Subject, TransferRow, ViewRow, Voucher};
use crate::types::{Address, B256, ChainId, Kind, Stage, TransferId, TransferKey};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// So many answers have to lack a row, and so many receipts, before it is retracted.
const ABSENCES: u32 = 2;

/// No chain is this high: an explorer that says so would make everything final at once.
const LARGEST_HEAD: u64 = 1 << 48;
/// An explorer's head never leaps further than this between two answers: ten days on the fastest chain.
const LARGEST_LEAP: u64 = 4_000_000;

impl Reactor {
    pub(super) fn explorer_head(&mut self, head: &ExplorerHead, effects: &mut Vec<Effect>) {
        if !self.settings.chains.contains_key(&head.chain) {
            return;
        }
        let known = self.soft.proxy_heads.get(&head.chain).map(|(known, _)| *known);
        if head.head > known.map_or(LARGEST_HEAD, |known| known.saturating_add(LARGEST_LEAP)) {
            let reason = "an explorer's head that no chain can have reached";
            effects.push(Effect::Notice(Notice::Ignored { chain: head.chain, reason }));
            return;
        }
        self.soft.proxy_heads.insert(head.chain, (known.unwrap_or(0).max(head.head), self.at));
        // It says where to begin, and moves no stage by itself: the lists' index may stand elsewhere.
        self.chain_mut(head.chain).start_at(head.head.saturating_add(1), effects);
        self.begin_histories(head.chain, effects);
        self.unpublished.insert(head.chain);
    }

    pub(super) fn explored(&mut self, answer: &Explored, effects: &mut Vec<Effect>) {
        let id = answer.chain;
        let highest_before = self.chains.get(&id).and_then(|chain| chain.row().explorer_head);
        if !self.takes_head(answer, effects) {
            return;
        }
        self.unpublished.insert(id);
        if self.leaves_a_hole(answer, effects) {
            return;
        }
        let moved = self.take_rows(answer, effects);
        self.look_for_absent(answer, highest_before, effects);
        self.view(answer, moved, effects);
        self.advance(id, BTreeSet::new(), effects);
        effects.push(Effect::Notice(Notice::Viewed { chain: id, at: self.at }));
        if self.settings.chains.get(&id).is_some_and(|settings| settings.endpoints.is_empty()) {
            self.progress(Subject::Chain(id), effects);
        }
    }

    /// Takes the head that an answer shows. Gives whether the answer may be believed at all.
    pub(super) fn takes_head(&mut self, answer: &Explored, effects: &mut Vec<Effect>) -> bool {
        let id = answer.chain;
        if self.settings.chains.get(&id).is_none_or(|settings| settings.explorer.is_none()) {
            return false;
        }
        let chain = self.chains.entry(id).or_insert_with(|| Chain::new(id));
        if chain.row().stopped.is_some() {
            return false;
        }
        let highest = chain.row().explorer_head;
        let absurd = |head: u64| head > highest.map_or(LARGEST_HEAD, |known| known.saturating_add(LARGEST_LEAP));
        if answer.index_head.is_some_and(absurd) {
            let reason = "an explorer's head that no chain can have reached";
            effects.push(Effect::Notice(Notice::Ignored { chain: id, reason }));
            return false;
        }
        if let Some(head) = answer.index_head {
            chain.explorer_head(head, effects);
        }
        true
    }

    pub(super) fn receipt(&mut self, receipt: &Receipt, effects: &mut Vec<Effect>) {
        self.unpublished.insert(receipt.chain);
        self.soft.receipts_asked.insert((receipt.chain, receipt.tx));
        self.landed(receipt);
        self.compare_payment(receipt, effects);
        let of_tx = self.transfers.in_doubt(receipt.chain).filter(|(row, _)| row.key.tx == receipt.tx);
        let rows: Vec<(TransferRow, Missing)> = of_tx.collect();
        for (mut row, mut missing) in rows {
            // Where the chain's own blocks vouch again, they alone take back.
            let decides = row.voucher == Voucher::Authority && self.explorer_judges(&row);
            // An internal list knows no hashes: the height is all that it says, and the hash of a receipt follows the newest one. Logs
            // know them, but the list that says so shows no head: it may be the older of the two.
            let by_height = !row.key.kind.shows_head() && decides;
            let same = |hash| by_height || row.block_hash.is_none_or(|known| known == hash);
            let there = |(block, hash, succeeded): (u64, B256, bool)| succeeded && block == row.block && same(hash);
            let listed = row.stage != Stage::Retracted;
            if listed && receipt.found.is_some_and(there) {
                row.missing = None;
                self.transfers.put(row, effects);
                continue;
            }
            if self.found_elsewhere(&row, receipt, effects) {
                continue;
            }
            missing.receipts = (missing.receipts + 1).min(missing.answers);
            row.missing = listed.then_some(missing);
            let id = row.id;
            self.transfers.put(row, effects);
            if decides && missing.answers >= ABSENCES && missing.receipts >= ABSENCES {
                self.retract(id, "the explorer does not list it any more, and its receipt is gone", effects);
            }
        }
        self.deepen(receipt, effects);
    }

    /// Whether a transfer grows deeper with the chain's own tip. What an explorer vouches for is as deep as the answer says that lists it.
    pub(super) fn has_depth_of_its_own(&self, row: &TransferRow) -> bool {
        let stands_in_window = self.chains.get(&row.key.chain).is_some_and(|chain| {
            let by_tip = chain.tip().is_some_and(|tip| chain.height() == Some(tip.number));
            // An internal one with a hash was read from the block's traces, and stands with the block whoever is fresh just now.
            by_tip && row.block_hash.is_some() && chain.covers(row.block)
        });
        stands_in_window || !self.explorer_judges(row)
    }

    /// Whether a transfer stands and falls with an explorer's lists: no endpoint vouches for its kind now, or it is an internal one of a
    /// block that was read without its traces (lists give no hash for those).
    pub(super) fn explorer_judges(&self, row: &TransferRow) -> bool {
        let (id, kind) = (row.key.chain, row.key.kind);
        !self.endpoint_vouches(id, kind) || (kind == Kind::Internal && row.block_hash.is_none())
    }

    /// An explorer's row that the chain's own blocks do not have: said once, kept, and never spoken of.
    pub(super) fn disagree(&mut self, id: ChainId, transfer: TransferId, effects: &mut Vec<Effect>) {
        let Some(source) = self.settings.chains.get(&id).and_then(|chain| chain.explorer.clone()) else { return };
        let Some(row) = self.transfers.get(transfer) else { return };
        if row.missing.is_some() {
            return;
        }
        // Marks it as said, and asks for its receipt.
        let missing = Some(Missing { answers: 1, at: self.at, receipts: 0 });
        self.transfers.put(TransferRow { missing, ..row }, effects);
        self.unpublished.insert(id);
        effects.push(Effect::Notice(Notice::Disagrees { chain: id, source: source.clone(), transfer }));
        self.say_disagreement(id, source, effects);
    }

    fn take_rows(&mut self, answer: &Explored, effects: &mut Vec<Effect>) -> bool {
        let id = answer.chain;
        let read_to = self.views.get(&(id, answer.address, answer.list)).map(|view| view.read_to);
        let bound = self.settle_bound(id);
        let overlap = self.settings.chains.get(&id).map_or(0, super::settings::ChainSettings::overlap);
        let marks = self.listed_marks(answer);
        let mut counted: BTreeMap<TransferKey, u32> = BTreeMap::new();
        let mut touched = BTreeSet::new();
        let mut moved = false;
        for reported in standing(&answer.rows) {
            let first = TransferKey::of(id, &reported.movement, 0);
            let nth = counted.entry(first).or_default();
            let key = TransferKey { nth: *nth, ..first };
            *nth += 1;
            let late = |read_to: u64| reported.block.saturating_add(overlap) <= read_to;
            let settled = reported.block <= bound && read_to.is_some_and(late);
            // What is settled is not in memory any more; what is open that deep is still in doubt.
            // What came back into memory as the other party's history was said here long ago.
            let others = |row: TransferRow| row.history && !self.is_history_of(&row, &answer.address);
            let settled = settled && self.transfers.get(key.id()).is_none_or(others);
            if settled || reported.block < self.asked_from(id, &answer.address) {
                continue;
            }
            moved |= read_to.is_none_or(|read_to| reported.block > read_to);
            self.learn_token(id, reported, effects);
            if let Some(transfer) = self.take_row(answer, key, reported, marks, effects) {
                touched.insert(transfer);
            }
        }
        for transfer in touched {
            self.speak(transfer, effects);
        }
        moved
    }

    fn take_row(
        &mut self,
        answer: &Explored,
        key: TransferKey,
        reported: &Reported,
        marks: Marks,
        effects: &mut Vec<Effect>,
    ) -> Option<TransferId> {
        let id = answer.chain;
        let place = Place {
            block: reported.block,
            hash: reported.block_hash,
            time: reported.time,
            log_index: reported.movement.log_index,
            late: false,
            // To the other party it may be new.
            history: self.is_history(id, &reported.movement, reported.block) != Some(false),
        };
        let transfer = key.id();
        let covered = self.chains[&id].covers(reported.block);
        // Final and read: it was settled long ago, or the chain's own blocks never had it and there is nothing left to compare.
        let own = covered && (key.kind != Kind::Internal || self.endpoint_vouches(id, key.kind));
        let past = self.is_unread_past(answer, reported.block);
        if own && !past && reported.block <= self.settle_bound(id) && self.transfers.get(transfer).is_none() {
            return None;
        }
        let listed = |row: &TransferRow| row.voucher == Voucher::Authority && self.explorer_judges(row);
        let judged = !self.endpoint_vouches(id, key.kind) || self.transfers.get(transfer).as_ref().is_some_and(listed);
        if judged || past || self.is_untraced(id, &key, reported.block) {
            // An index that lags adds, but neither moves nor brings back what is known: another one has seen more.
            let lags = answer.index_head < self.chains[&id].row().explorer_head;
            let elsewhere = |row: &TransferRow| {
                let other_hash = row.block_hash.zip(place.hash).is_some_and(|(known, listed)| known != listed);
                row.block != place.block || other_hash
            };
            let in_doubt = |row: &TransferRow| row.stage == Stage::Retracted || row.missing.is_some() || elsewhere(row);
            let headless = !key.kind.shows_head();
            if !headless && lags && self.transfers.get(transfer).as_ref().is_some_and(in_doubt) {
                return None;
            }
            // Where the chain's own blocks have it they alone move it, when they speak again.
            let own = |row: TransferRow| {
                let stands = row.stage != Stage::Retracted && row.block_hash.is_some();
                stands && elsewhere(&row) && self.has_block(id, row.block, row.block_hash)
            };
            if self.transfers.get(transfer).is_some_and(own) {
                return None;
            }
            if headless
                && let Some(row) = self.transfers.get(transfer)
                && !self.takes_headless(&row, &place, effects)
            {
                return None;
            }
            let standing = self.transfers.get(transfer).is_some_and(|row| row.stage != Stage::Retracted);
            if standing || past || !self.has_read(id, key.kind, &place) {
                self.soft.compared.remove(&id);
                return Some(self.vouch(key, &place, marks, effects));
            }
        }
        if self.transfers.get(transfer).is_some() {
            return None;
        }
        let stage = marks.stage(reported.block);
        let row = self.new_transfer(transfer, key, &place, stage, Voucher::Other);
        self.stir_balances(&key, reported.block, effects);
        self.transfers.put(row, effects);
        // The first answer for a list holds what was before the watch: the chain's blocks were not searched for it then.
        let first = !self.views.contains_key(&(id, answer.address, answer.list));
        if covered && !first && (key.kind != Kind::Internal || self.was_traced(id, reported.block)) {
            self.disagree(id, transfer, effects);
        }
        None
    }

    /// Whether a block lies before an address came to be watched, and the chain's own blocks were not searched for it: the explorer alone
    /// can know.
    fn is_unread_past(&self, answer: &Explored, block: u64) -> bool {
        let live_from = self.live_from(answer.chain, &answer.address);
        let chain = self.chains.get(&answer.chain);
        let began = chain.is_some_and(|chain| chain.live_from() == Some(live_from) && chain.covers(block));
        block < live_from && !began
    }

    fn listed_marks(&self, answer: &Explored) -> Marks {
        if !kind_of(answer.list).shows_head() {
            return self.headless_marks(answer.chain);
        }
        match (self.chains.get(&answer.chain), self.settings.chains.get(&answer.chain)) {
            (Some(chain), Some(settings)) => chain.listed_marks(settings, answer.index_head),
            _ => Marks::NONE,
        }
    }

    /// Whether it is an internal movement of a block that was read without its traces: there the explorer alone can know.
    fn is_untraced(&self, id: ChainId, key: &TransferKey, block: u64) -> bool {
        let row = self.chains.get(&id).and_then(|chain| chain.block(block));
        key.kind == Kind::Internal && row.is_some_and(|row| !row.traced)
    }

    /// Whether the chain's own blocks were read at this place, by hash: what they do not have there was not there.
    fn has_read(&self, id: ChainId, kind: Kind, place: &Place) -> bool {
        kind != Kind::Internal && self.has_block(id, place.block, place.hash)
    }

    pub(super) fn has_block(&self, id: ChainId, number: u64, hash: Option<B256>) -> bool {
        let row = self.chains.get(&id).and_then(|chain| chain.block(number));
        row.is_some_and(|row| Some(row.at.hash) == hash)
    }

    fn was_traced(&self, id: ChainId, block: u64) -> bool {
        self.chains.get(&id).and_then(|chain| chain.block(block)).is_some_and(|row| row.traced)
    }

    /// Rows of ours that should have been in this answer and were not.
    fn look_for_absent(&mut self, answer: &Explored, highest_before: Option<u64>, effects: &mut Vec<Effect>) {
        let id = answer.chain;
        let Some(head) = answer.index_head else { return self.doubt(answer, effects) };
        let headless = !kind_of(answer.list).shows_head();
        // An answer from an index that stands lower than one that we have seen proves nothing. Where the index of a list without a head
        // stands is not known: of what it does not list the receipts decide, and what stands higher than any list has shown waits.
        if !headless && highest_before.is_some_and(|highest| head < highest) {
            return;
        }
        let head = if headless { self.listed_height(id, Kind::Internal).unwrap_or(head) } else { head };
        let block_time = self.settings.chains.get(&id).map_or(Duration::ZERO, |settings| settings.block_time);
        let mut counted: BTreeMap<TransferKey, u32> = BTreeMap::new();
        let mut listed = BTreeSet::new();
        for reported in standing(&answer.rows) {
            let first = TransferKey::of(id, &reported.movement, 0);
            let nth = counted.entry(first).or_default();
            listed.insert(TransferKey { nth: *nth, ..first }.id());
            *nth += 1;
        }
        let to = self.answered_to(answer).min(head);
        let ours: Vec<TransferRow> = self.transfers.of_address(id, answer.address, answer.from, to).collect();
        for row in ours {
            let in_list = row.key.kind == kind_of(answer.list);
            let held = row.voucher == Voucher::Authority && row.stage != Stage::Final;
            if !in_list || !held || !self.explorer_judges(&row) {
                continue;
            }
            let missing = match (listed.contains(&row.id), row.missing) {
                (true, None) => continue,
                // Its receipt says whether it is where the list has it.
                (true, Some(_)) if headless => continue,
                (true, Some(_)) => None,
                (false, None) => Some(Missing { answers: 1, at: self.at, receipts: 0 }),
                (false, Some(missing)) if self.at.since(missing.at) >= block_time => {
                    Some(Missing { answers: missing.answers + 1, at: self.at, ..missing })
                }
                (false, Some(_)) => continue,
            };
            self.soft.receipts_asked.remove(&(id, row.key.tx));
            self.transfers.put(TransferRow { missing, ..row }, effects);
        }
    }

    /// An empty answer proves nothing, nor does one of which the explorer says that rows may be missing. But where it should have had rows of ours, the list is asked for from its beginning, so that a
    /// next answer has a head by which it can be judged. Where there is nothing else in the list that could show one, the receipts decide
    /// alone, twice and a block time apart, and only when the chain has passed the row by its final depth: no node is behind by that.
    fn doubt(&mut self, answer: &Explored, effects: &mut Vec<Effect>) {
        let id = answer.chain;
        let Some(settings) = self.settings.chains.get(&id) else { return };
        let (final_after, block_time) = (settings.final_after, settings.block_time);
        let height = self.listed_height(id, Kind::Internal).unwrap_or(0);
        // Where the explorer says that rows may be missing, those that it has are there.
        let listed: BTreeSet<(B256, u64)> = answer.rows.iter().map(|row| (row.movement.tx, row.block)).collect();
        let view = self.views.get(&(id, answer.address, answer.list));
        let whole = view.is_none_or(|view| answer.from <= view.from);
        // It ends nowhere: no row said how far the index has come.
        let ours = self.transfers.of_address(id, answer.address, answer.from, u64::MAX);
        let of_list = ours.filter(|row| row.key.kind == kind_of(answer.list));
        let held = of_list.filter(|row| row.voucher == Voucher::Authority && row.stage != Stage::Final);
        let held = held.filter(|row| !listed.contains(&(row.key.tx, row.block)));
        let rows: Vec<TransferRow> = held.filter(|row| self.explorer_judges(row)).collect();
        for row in rows {
            let passed = whole && row.block.saturating_add(final_after) <= height;
            let missing = match row.missing {
                None => Missing { answers: 0, at: self.at, receipts: 0 },
                Some(missing) if passed && self.at.since(missing.at) >= block_time => {
                    Missing { answers: missing.answers + 1, at: self.at, ..missing }
                }
                Some(_) => continue,
            };
            self.soft.receipts_asked.remove(&(id, row.key.tx));
            self.transfers.put(TransferRow { missing: Some(missing), ..row }, effects);
        }
    }

    /// Whether every list that could still report a transfer anew was read far enough behind it. What the chain's own blocks vouch for is
    /// not taken from a list again.
    pub(super) fn is_listed_for_good(&self, row: &TransferRow) -> bool {
        let (id, kind) = (row.key.chain, row.key.kind);
        let Some(settings) = self.settings.chains.get(&id).filter(|settings| settings.explorer.is_some()) else {
            return true;
        };
        // What lies before a watch is an explorer's too: the chain's own blocks were not searched for it.
        let by_explorer =
            settings.endpoints.is_empty() || row.history || (kind == Kind::Internal && self.explorer_judges(row));
        let Some(list) = List::ALL.into_iter().find(|list| by_explorer && kind_of(*list) == kind) else { return true };
        let far_enough = |address: &Address| {
            let view = self.views.get(&(id, *address, list));
            view.is_some_and(|view| row.block.saturating_add(settings.overlap()) <= view.read_to)
        };
        // A list that nobody needs any more is not read on: it will report nothing anew.
        let ours = |address: &&Address| {
            let watch = self.watched.find(id, address);
            watch.is_some_and(|(place, watch)| self.lists_of(place as usize, watch, id).contains(list))
        };
        row.key.parties().filter(ours).all(far_enough)
    }

    /// What is neither final nor gone: of each list, and where it happened.
    pub(super) fn open_lists(&self, id: ChainId) -> OpenLists {
        let mut open = OpenLists::default();
        let of_chain = self.transfers.iter().filter(|row| row.key.chain == id && row.voucher == Voucher::Authority);
        for row in of_chain.filter(|row| row.stage < Stage::Final) {
            for address in row.key.parties().copied() {
                let pointed = open.pointed.entry(address).or_insert(row.block_time);
                *pointed = row.block_time.max(*pointed);
            }
            let Some(list) = List::ALL.into_iter().find(|list| kind_of(*list) == row.key.kind) else { continue };
            for address in row.key.parties().copied() {
                let list =
                    open.lists.entry((address, list)).or_insert(OpenList { lowest: row.block, doubted_at: None });
                list.lowest = row.block.min(list.lowest);
                list.doubted_at = list.doubted_at.max(row.missing.map(|missing| missing.at));
            }
        }
        open
    }

    fn view(&mut self, answer: &Explored, moved: bool, effects: &mut Vec<Effect>) {
        let key = (answer.chain, answer.address, answer.list);
        let old = self.views.get(&key).copied();
        let headless = !kind_of(answer.list).shows_head();
        let reach = || if headless { self.headless_reach(answer.chain) } else { None };
        let to = self.answered_to(answer);
        let reached = answer.index_head.map(|head| head.max(reach().unwrap_or(0)).min(to));
        let view = ViewRow {
            chain: answer.chain,
            address: answer.address,
            list: answer.list,
            from: old.map_or(answer.from, |old| old.from.min(answer.from)),
            // An empty answer has no head: it proves nothing, and what it covered is asked for again.
            read_to: reached.unwrap_or(0).max(old.map_or(answer.from.saturating_sub(1), |old| old.read_to)),
            read_at: self.at,
            moved_at: if moved { Some(self.at) } else { old.and_then(|old| old.moved_at) },
        };
        effects.push(Effect::Put(Row::View(view)));
        self.listed(answer.chain, answer.address, answer.list, view.read_to, effects);
        self.views.insert(key, view);
    }
}

/// The rows of an answer, each transaction at one place. Two back ends that stand on different forks may have given one page each: a
/// transaction is in one block, and the higher one is nearer to what comes next.
fn standing(rows: &[Reported]) -> impl Iterator<Item = &Reported> {
    let places: BTreeMap<B256, u64> = rows.iter().map(|row| (row.movement.tx, row.block)).collect();
    rows.iter().filter(move |row| places.get(&row.movement.tx) == Some(&row.block))
}
