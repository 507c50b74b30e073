//! What RPC endpoints report: contacts, heads, tags and whole blocks. Blocks become transfers; forks take them back.

use super::Reactor;
use super::chain::Chain;
use super::effect::{Effect, Notice};
use super::event::{Contact, Head, Run, RunPart, Tags};
use super::linked::Refusal;
use super::marks::Marks;
use super::rows::{Deadline, Stop, Subject, TransferRow, Voucher};
use crate::types::{B256, Block, BlockRef, ChainId, Kind, Stage, Timestamp, TransferId, TransferKey};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// A head that went back has to stay back at every endpoint for at least this long, or four block times.
const SHORTEST_REVERT: Duration = Duration::from_secs(30);

/// Where a movement was reported.
pub(super) struct Place {
    /// Height.
    pub(super) block: u64,
    /// The block's hash, where the reporter has it.
    pub(super) hash: Option<B256>,
    /// The block's time.
    pub(super) time: Timestamp,
    /// Position of the log.
    pub(super) log_index: Option<u64>,
    /// It was missed when it was mined: it was read from a gap, or after the chain was blind.
    pub(super) late: bool,
    /// It lies before the watch.
    pub(super) history: bool,
}

impl Reactor {
    pub(super) fn contact(&mut self, contact: &Contact, effects: &mut Vec<Effect>) {
        let id = contact.chain;
        if !self.chain_mut(id).contact(contact, effects) {
            let reason = "the endpoint's block 0 is another one: this is not the chain that was watched so far";
            self.stop(id, Stop::OtherChain(reason.into()), effects);
        }
        self.unpublished.insert(id);
    }

    pub(super) fn head(&mut self, head: &Head, effects: &mut Vec<Effect>) {
        let id = head.chain;
        let Some(settings) = self.settings.chains.get(&id) else { return };
        let wait = SHORTEST_REVERT.max(settings.block_time.saturating_mul(4));
        let chain = self.chains.entry(id).or_insert_with(|| Chain::new(id));
        chain.head(head);
        let deadline = Deadline::Revert(id);
        if chain.reverted().is_none() {
            self.timers.clear(&deadline, effects);
        } else if !self.timers.contains(&deadline) {
            self.timers.set(self.at, deadline, wait, effects);
            effects.push(Effect::Notice(Notice::Stalled(id)));
        }
    }

    pub(super) fn tags(&mut self, tags: &Tags, effects: &mut Vec<Effect>) {
        if !self.settings.chains.contains_key(&tags.chain) {
            return;
        }
        if !self.chain_mut(tags.chain).tags(tags) {
            let reason = "a tagged block is not the one in the window";
            effects.push(Effect::Notice(Notice::Ignored { chain: tags.chain, reason }));
        }
        self.unpublished.insert(tags.chain);
        self.advance(tags.chain, BTreeSet::new(), effects);
    }

    pub(super) fn run(&mut self, run: &Run, effects: &mut Vec<Effect>) {
        let id = run.chain;
        if !self.settings.chains.contains_key(&id) || self.is_outdated(run, effects) {
            return;
        }
        if run.part == RunPart::History {
            return self.read_history(run, effects);
        }
        let chain = self.chains.entry(id).or_insert_with(|| Chain::new(id));
        let tip = chain.window().next_back().copied();
        let taken = match run.part {
            RunPart::Tip => chain.extend(&run.endpoint, &run.blocks, effects),
            RunPart::Gap | RunPart::History => chain.fill(&run.blocks, effects),
            RunPart::Traces => chain.take_traces(&run.blocks, effects),
        };
        self.unpublished.insert(id);
        let change = match taken {
            Ok(change) => change,
            Err(Refusal::BelowFinal) => {
                let reason = "no common ancestor: a fork reaches below the last final block";
                return self.stop(id, Stop::OtherChain(reason.into()), effects);
            }
            Err(refusal) => {
                effects.push(Effect::Notice(Notice::Ignored { chain: id, reason: refusal.words() }));
                return;
            }
        };
        self.balances_gone(id, &change.removed, effects);
        let new = &run.blocks[change.known..];
        if let Some(first) = new.first().filter(|_| tip.is_none()) {
            self.begin(id, first.at, effects);
        }
        let mut gone = self.standing_in(id, &change.removed);
        let marks = self.marks(id, effects);
        if run.part == RunPart::Tip {
            self.note_missed(id, tip);
        }
        let mut touched = BTreeSet::new();
        for block in new {
            self.read_block(id, block, run.part != RunPart::Tip, marks, &mut touched, effects);
        }
        gone.retain(|transfer| !touched.contains(transfer));
        for transfer in gone {
            self.retract(transfer, "its block was replaced by another", effects);
        }
        for block in new {
            self.compare_with_explorer(id, block, &touched, effects);
        }
        if run.part == RunPart::Tip && self.soft.compared.insert(id) {
            self.compare_window(id, effects);
        }
        self.say_run(run, &change.removed, new, effects);
        self.settle_stages(id, marks, touched, effects);
        if let (RunPart::Tip, Some(last)) = (run.part, new.last()) {
            self.timers.clear(&Deadline::Revert(id), effects);
            self.caught_up(id, last.at.number);
            // A node that is days behind gives new blocks too: they say nothing of how the chain stands now.
            if self.is_old(id, last.time) {
                return;
            }
            self.progress(Subject::Chain(id), effects);
            self.gas_of(id, new, effects);
        }
    }

    pub(super) fn revert(&mut self, id: ChainId, effects: &mut Vec<Effect>) {
        let Some(chain) = self.chains.get_mut(&id) else { return };
        let Some((head, endpoint)) = chain.reverted() else { return };
        let removed = chain.revert_to(head.number, &endpoint, effects);
        self.unpublished.insert(id);
        self.balances_gone(id, &removed, effects);
        let depth = removed.len() as u64;
        for transfer in self.standing_in(id, &removed) {
            self.retract(transfer, "the chain went back below its block", effects);
        }
        effects.push(Effect::Notice(Notice::Reverted { chain: id, depth, tip: head }));
    }

    pub(super) fn accept_chain(&mut self, id: ChainId, effects: &mut Vec<Effect>) {
        let Some(chain) = self.chains.get_mut(&id) else { return };
        let Some(why) = &chain.row().stopped else { return };
        self.unpublished.insert(id);
        let removed = match why {
            // It makes it no other chain: what was read stands, and it goes on where it stopped.
            Stop::Unreadable(_) => return chain.go_on(effects),
            Stop::OtherChain(_) => chain.accept(effects),
        };
        self.forget_histories(id, effects);
        self.forget_since(id, effects);
        self.balances_gone(id, &removed, effects);
        self.soft.proxy_heads.remove(&id);
        for transfer in self.standing_in(id, &removed) {
            self.retract(transfer, "the chain was found to be another one", effects);
        }
        // What stood below the window cannot be taken back any more, and nothing will ever be said of it.
        let standing: Vec<TransferId> = self.transfers.in_blocks(id, 0, u64::MAX).collect();
        for transfer in standing {
            self.settle(transfer, effects);
        }
    }

    /// Moves the marks of a chain and lets everything that crosses them speak.
    pub(super) fn advance(&mut self, id: ChainId, touched: BTreeSet<TransferId>, effects: &mut Vec<Effect>) {
        let marks = self.marks(id, effects);
        self.settle_stages(id, marks, touched, effects);
    }

    /// One movement that the authority for its kind reports.
    pub(super) fn vouch(
        &mut self,
        key: TransferKey,
        place: &Place,
        marks: Marks,
        effects: &mut Vec<Effect>,
    ) -> TransferId {
        let id = key.id();
        let stage = marks.stage(place.block);
        let Some(old) = self.transfers.get(id) else {
            let row = self.new_transfer(id, key, place, stage, Voucher::Authority);
            Self::note_stages(&row, None, effects);
            self.stir_balances(&key, place.block, effects);
            self.transfers.put(row, effects);
            return id;
        };
        let other_hash = |hash| place.hash.is_some_and(|place| place != hash);
        let same_place = old.block == place.block && !old.block_hash.is_some_and(other_hash);
        let standing = old.stage != Stage::Retracted;
        let mut row = TransferRow {
            block: place.block,
            block_hash: place.hash.or(if same_place { old.block_hash } else { None }),
            block_time: place.time,
            log_index: place.log_index.or(old.log_index),
            voucher: Voucher::Authority,
            missing: None,
            // What came as the history of one party may be news to the other.
            history: old.history && (place.history || !self.is_news(&key, place.block)),
            ..old.clone()
        };
        if old.history && !row.history {
            row.late = place.late;
        }
        if same_place && standing {
            row.stage = old.stage.max(stage);
        } else {
            // It was mined again: what was said of its old place holds only as far as the new place is as deep.
            row.stage = stage;
            row.late = place.late;
            self.timers.clear(&Deadline::Forget(id), effects);
            self.moved(&row, effects);
            self.stir_balances(&key, place.block, effects);
        }
        if row != old {
            Self::note_stages(&row, Some(&old), effects);
            self.transfers.put(row, effects);
        }
        id
    }

    pub(super) fn new_transfer(
        &self,
        id: TransferId,
        key: TransferKey,
        place: &Place,
        stage: Stage,
        voucher: Voucher,
    ) -> TransferRow {
        TransferRow {
            id,
            key,
            block: place.block,
            block_hash: place.hash,
            block_time: place.time,
            log_index: place.log_index,
            stage,
            suspect: self.suspect(&key),
            voucher,
            late: place.late,
            history: place.history,
            missing: None,
            first_seen: self.at,
            quote: self.quote_for(&key, place.time, place.history),
            settled: false,
        }
    }

    pub(super) fn chain_mut(&mut self, id: ChainId) -> &mut Chain {
        self.chains.entry(id).or_insert_with(|| Chain::new(id))
    }

    pub(super) fn stop(&mut self, id: ChainId, why: Stop, effects: &mut Vec<Effect>) {
        let chain = self.chain_mut(id);
        if chain.row().stopped.is_none() {
            let reason = why.reason();
            chain.stop(why, effects);
            effects.push(Effect::Notice(Notice::Stopped { chain: id, reason: reason.clone() }));
            self.unpublished.insert(id);
            self.chain_in_trouble(id, reason.as_str(), effects);
        }
    }

    fn marks(&mut self, id: ChainId, effects: &mut Vec<Effect>) -> Marks {
        let (Some(settings), Some(chain)) = (self.settings.chains.get(&id), self.chains.get_mut(&id)) else {
            return Marks::NONE;
        };
        chain.advance(settings, effects)
    }

    /// Gives every transfer that the marks have passed its stage, lets all that changed speak, and settles what is final.
    fn settle_stages(
        &mut self,
        id: ChainId,
        marks: Marks,
        mut touched: BTreeSet<TransferId>,
        effects: &mut Vec<Effect>,
    ) {
        for transfer in self.transfers.passed(id, &marks) {
            let Some(row) = self.transfers.get(transfer) else { continue };
            let stage = marks.stage(row.block);
            if stage > row.stage && self.has_depth_of_its_own(&row) {
                let new_row = TransferRow { stage, ..row.clone() };
                Self::note_stages(&new_row, Some(&row), effects);
                self.transfers.put(new_row, effects);
                touched.insert(transfer);
            }
        }
        for transfer in touched {
            self.speak(transfer, effects);
        }
        let bound = self.settle_bound(id);
        self.settle_up_to(id, bound, effects);
        self.settle_levels(id, effects);
    }

    /// Transfers at or below this block are never looked at again. An explorer may report late: where there is one, what it could still
    /// report is remembered for longer.
    pub(super) fn settle_bound(&self, id: ChainId) -> u64 {
        let (Some(chain), Some(settings)) = (self.chains.get(&id), self.settings.chains.get(&id)) else { return 0 };
        let last_final = chain.row().last_final;
        if settings.explorer.is_none() {
            return last_final;
        }
        let overlap = settings.overlap();
        let height = chain.tip().map(|tip| tip.number).or(chain.row().explorer_head);
        last_final.min(height.unwrap_or(0).saturating_sub(overlap))
    }

    pub(super) fn settle_up_to(&mut self, id: ChainId, bound: u64, effects: &mut Vec<Effect>) {
        let settled: Vec<TransferId> = self.transfers.in_blocks(id, 0, bound).collect();
        for transfer in settled {
            let Some(row) = self.transfers.get(transfer) else { continue };
            // What an explorer did not list the last time is neither final nor gone.
            let in_doubt = row.voucher == Voucher::Authority && row.stage != Stage::Final;
            if !in_doubt && !self.is_waiting_for_token(&row) && self.is_listed_for_good(&row) {
                self.settle(transfer, effects);
            }
        }
    }

    pub(super) fn settle(&mut self, transfer: TransferId, effects: &mut Vec<Effect>) {
        let Some(row) = self.transfers.get(transfer) else { return };
        let row = TransferRow { settled: true, ..row };
        self.unpublished.insert(row.key.chain);
        self.close_alerts_of(transfer, effects);
        self.transfers.put(row, effects);
    }

    fn read_block(
        &mut self,
        id: ChainId,
        block: &Block,
        of_gap: bool,
        marks: Marks,
        touched: &mut BTreeSet<TransferId>,
        effects: &mut Vec<Effect>,
    ) {
        let mut counted: BTreeMap<TransferKey, u32> = BTreeMap::new();
        for movement in &block.movements {
            let Some(history) = self.is_history_in(id, movement, block.at.number, of_gap) else { continue };
            let first = TransferKey::of(id, movement, 0);
            let nth = counted.entry(first).or_default();
            let key = TransferKey { nth: *nth, ..first };
            *nth += 1;
            if of_gap && self.stands_above(key.id(), block.at.number) {
                continue;
            }
            let late = of_gap || self.was_missed(id, block.at.number, key.id());
            let place = Place {
                block: block.at.number,
                hash: Some(block.at.hash),
                time: block.time,
                log_index: movement.log_index,
                late: late && !history,
                history,
            };
            touched.insert(self.vouch(key, &place, marks, effects));
        }
    }

    /// What an explorer put into this block, and the block does not have.
    fn compare_with_explorer(
        &mut self,
        id: ChainId,
        block: &Block,
        touched: &BTreeSet<TransferId>,
        effects: &mut Vec<Effect>,
    ) {
        let standing: Vec<TransferId> = self.transfers.in_blocks(id, block.at.number, block.at.number).collect();
        for transfer in standing.into_iter().filter(|transfer| !touched.contains(transfer)) {
            let Some(row) = self.transfers.get(transfer) else { continue };
            let ours = row.key.kind != Kind::Internal || block.traced;
            match row.voucher {
                Voucher::Other if ours => self.disagree(id, transfer, effects),
                // Of a block that was read without its traces the explorer alone can know.
                Voucher::Other => {
                    let row = TransferRow { voucher: Voucher::Authority, block_hash: None, ..row.clone() };
                    self.transfers.put(row, effects);
                    self.speak(transfer, effects);
                }
                // The explorer vouched for it while no endpoint was fresh; now the chain's own blocks speak.
                Voucher::Authority if ours => {
                    self.retract(transfer, "the chain's own blocks do not have it", effects);
                }
                Voucher::Authority => {}
            }
        }
    }

    /// What an explorer put into blocks that it saw on another fork while no endpoint was fresh: the chain's own blocks speak again.
    fn compare_window(&mut self, id: ChainId, effects: &mut Vec<Effect>) {
        let Some(chain) = self.chains.get(&id) else { return };
        let hashes: BTreeMap<u64, B256> = chain.window().map(|block| (block.at.number, block.at.hash)).collect();
        let standing = self.transfers.in_blocks(id, 0, u64::MAX).filter_map(|id| self.transfers.get(id));
        let elsewhere = |row: &TransferRow| {
            row.voucher == Voucher::Authority
                && row.block_hash.zip(hashes.get(&row.block)).is_some_and(|(listed, own)| listed != *own)
        };
        let wrong: Vec<TransferId> = standing.filter(elsewhere).map(|row| row.id).collect();
        for transfer in wrong {
            self.retract(transfer, "the chain's own blocks do not have it", effects);
        }
    }

    /// Counts the stages that a transfer has reached since.
    pub(super) fn note_stages(row: &TransferRow, old: Option<&TransferRow>, effects: &mut Vec<Effect>) {
        let before = old.map(|old| old.stage);
        if before != Some(row.stage) {
            effects.push(Effect::Notice(super::allow::stage_notice(row)));
        }
    }

    fn say_run(&self, run: &Run, removed: &[BlockRef], new: &[Block], effects: &mut Vec<Effect>) {
        let (Some(first), Some(last)) = (new.first(), new.last()) else { return };
        let chain = run.chain;
        effects.push(Effect::Notice(match (run.part, removed.len()) {
            (RunPart::Gap | RunPart::History, _) => {
                let gaps = self
                    .chains
                    .get(&chain)
                    .map_or(0, |state| state.gaps().map(|gap| gap.to.saturating_sub(gap.from).saturating_add(1)).sum());
                Notice::GapFilled { chain, from: first.at.number, to: last.at.number, left: gaps }
            }
            (RunPart::Traces, _) => Notice::LateTraces(chain, last.at.number, true),
            (RunPart::Tip, 0) => Notice::Committed { chain, tip: last.at, time: last.time, blocks: new.len() as u64 },
            (RunPart::Tip, depth) => Notice::Reorged { chain, depth: depth as u64, tip: last.at },
        }));
    }
}
