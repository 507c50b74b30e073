//! What lies before a watch: who asks for it, what is left of it, and what is to be read of it now. What was read is `read_history`'s.
//!
//! The contract, for an address with a history from block F: everything from F on is read, once; [`Reactor::complete_from`] says from
//! where on everything was.

use super::Reactor;
use super::chain::Chain;
use super::effect::Effect;
use super::event::List;
use super::lists::Lists;
use super::past::complete_from;
use super::rows::{BackfillRow, ListLeft, Scan, ScanRow, TransferRow};
use super::settings::Watch;
use super::wants::{HistoryWants, ListWant, LogsWant, StretchWant};
use crate::types::{Address, BlockRef, ChainId, Kind, Movement, TransferKey};
use std::sync::Arc;
use std::time::Duration;

/// With more addresses than this in one scan their logs are not asked for by name: whole blocks are read for them anyway.
const MOST_NAMED: usize = 500;
/// Lists of history that are shown to a source at a time: it reads a few at once, and every commit shows them anew.
const LISTS_SHOWN: usize = 64;
/// An empty answer counts when another one, at least this much later, is empty too.
pub(super) const BLANK_AGAIN: Duration = Duration::from_secs(10);

/// The list that movements of a kind count to where a chain's own blocks and logs are read.
pub(super) const fn list_of(kind: Kind) -> List {
    match kind {
        Kind::Coin => List::Transactions,
        Kind::Internal => List::Internal,
        Kind::Token | Kind::Erc721 | Kind::Erc1155 => List::Tokens,
        Kind::Approval => List::Approvals,
        Kind::ApprovalForAll => List::ApprovalsForAll,
    }
}

impl Reactor {
    /// From which block on everything of a watched address was read; `None` before anything of its chain was.
    #[must_use]
    pub fn complete_from(&self, chain: ChainId, address: &Address) -> Option<u64> {
        let listed = self.watched.find(chain, address).and_then(|(_, watch)| watch.addresses.get(address));
        let begun = self.chains.get(&chain).and_then(Chain::live_from);
        complete_from(self.backfills.get(chain, address), listed.map_or(&[][..], |listed| listed.since), chain, begun)
    }

    /// The history of an address, where it has one.
    #[must_use]
    pub fn backfill(&self, chain: ChainId, address: &Address) -> Option<&BackfillRow> {
        self.backfills.get(chain, address)
    }

    /// The histories of a chain of which something is left.
    pub fn open_backfills(&self, chain: ChainId) -> impl Iterator<Item = &BackfillRow> {
        self.backfills.open_of(chain)
    }

    /// The most blocks of history that any address of a chain still lacks.
    #[must_use]
    pub fn history_left(&self, chain: ChainId) -> u64 {
        let of_row = |row: &BackfillRow| {
            let of_list = |left: &ListLeft| row.until.saturating_sub(self.next_of(row, left));
            row.left.iter().map(of_list).max().unwrap_or(0)
        };
        self.backfills.open_of(chain).map(of_row).max().unwrap_or(0)
    }

    /// The lowest block of a list that was not read.
    fn next_of(&self, row: &BackfillRow, left: &ListLeft) -> u64 {
        let named = self.backfills.scan(row.chain, row.until, Scan::Logs).filter(|_| left.list == List::Tokens);
        let scan = named.or_else(|| self.backfills.scan(row.chain, row.until, Scan::Blocks));
        scan.map_or(left.next, |scan| scan.next.max(left.next))
    }

    /// The first block that is read live for an address: what lies below is history.
    pub(super) fn live_from(&self, chain: ChainId, address: &Address) -> u64 {
        let row = self.backfills.get(chain, address).map(|row| row.live_from);
        let stated = row.or_else(|| self.watched.since(chain, address));
        stated.or_else(|| self.chains.get(&chain).and_then(Chain::live_from)).unwrap_or(0)
    }

    /// The lowest block that is asked for of an address.
    pub(super) fn asked_from(&self, chain: ChainId, address: &Address) -> u64 {
        self.backfills.get(chain, address).map_or_else(|| self.live_from(chain, address), |row| row.from)
    }

    /// Whether a movement is history to all of ours that it concerns; `None` where none of them asks for its block.
    pub(super) fn is_history(&self, chain: ChainId, movement: &Movement, block: u64) -> Option<bool> {
        let ours = |address: &&Address| {
            self.watched.find(chain, address).is_some() && block >= self.asked_from(chain, address)
        };
        let mut asked = movement.parties().filter(ours).peekable();
        asked.peek()?;
        Some(asked.all(|address| block < self.live_from(chain, address)))
    }

    /// Whether a transfer is part of the history that is asked for of an address. To the other party it may be none, or be long known.
    pub(super) fn is_history_of(&self, row: &TransferRow, address: &Address) -> bool {
        let chain = row.key.chain;
        (self.asked_from(chain, address)..self.live_from(chain, address)).contains(&row.block)
    }

    /// Whether a party to a movement in a block was watched before it.
    pub(super) fn is_news(&self, key: &TransferKey, block: u64) -> bool {
        let watched = |address: &&Address| self.watched.find(key.chain, address).is_some();
        let other = Some(&key.to).filter(|_| !key.kind.is_approval());
        let mut ours = [&key.from].into_iter().chain(other).filter(watched);
        ours.any(|address| block >= self.live_from(key.chain, address))
    }

    /// Whether a transfer that is new to somebody lies before an address came to be watched: in a gap, or in the list of an explorer that
    /// reads alone. A chain's own blocks at the tip are new to everybody, whatever a fork makes of their numbers.
    pub(super) fn is_past_of(&self, row: &TransferRow, address: &Address) -> bool {
        let chain = row.key.chain;
        let alone = || self.settings.chains.get(&chain).is_some_and(|settings| settings.endpoints.is_empty());
        (row.late || alone()) && row.block < self.live_from(chain, address)
    }

    /// The first block that an address is read live from when it comes to be watched now; `None` before its chain has begun.
    pub(super) fn next_live(&self, id: ChainId) -> Option<u64> {
        let chain = self.chains.get(&id)?;
        let started = chain.row().started?;
        let head = chain.tip().map(|tip| tip.number).or(chain.row().explorer_head);
        Some(head.map_or(started, |head| (head + 1).max(started)))
    }

    /// An address comes to be watched while its chain is read: from here on its history is owed from `from` on ("now", where it is
    /// `None`). Gives the block from which it is read live. Before the chain has begun nothing is to be done.
    pub(super) fn begin_backfill(
        &mut self,
        id: ChainId,
        address: Address,
        from: Option<u64>,
        effects: &mut Vec<Effect>,
    ) -> Option<u64> {
        let live_from = self.next_live(id)?;
        let from = from.unwrap_or(live_from).min(live_from);
        let until = live_from.saturating_sub(self.late_rows(id)).max(from);
        self.put_backfill(BackfillRow { chain: id, address, from, until, live_from, left: Vec::new() }, effects);
        Some(live_from)
    }

    /// An address is not watched any more.
    pub(super) fn end_backfill(&mut self, id: ChainId, address: Address, effects: &mut Vec<Effect>) {
        self.backfills.remove(id, address, effects);
        self.unpublished.insert(id);
    }

    /// A config came into force: histories of what is not watched any more are forgotten, those that it asks for are begun.
    pub(super) fn configure_history(&mut self, effects: &mut Vec<Effect>) {
        let rows = self.backfills.rows().map(|row| (row.chain, row.address));
        let gone: Vec<_> = rows.filter(|(id, address)| self.watched.find(*id, address).is_none()).collect();
        for (id, address) in gone {
            self.end_backfill(id, address, effects);
        }
        let chains: Vec<ChainId> = self.settings.chains.keys().copied().collect();
        for id in chains {
            for (address, from) in self.asked_histories(id) {
                match self.backfills.get(id, &address).cloned() {
                    // More is asked for than before.
                    Some(row) if from < row.from => self.put_backfill(BackfillRow { from, ..row }, effects),
                    Some(_) => {}
                    None if self.watched.was_added(id, &address) => self.owe_history(id, address, from, effects),
                    None => {
                        if self.next_live(id).is_some_and(|live_from| from < live_from) {
                            self.begin_backfill(id, address, Some(from), effects);
                        }
                    }
                }
            }
            self.arrange_scans(id, effects);
        }
    }

    /// A chain has begun: everything that lies before `live_from` is history, of which the blocks from `started` on are read with it.
    pub(super) fn begin_histories(&mut self, id: ChainId, effects: &mut Vec<Effect>) {
        let Some(chain) = self.chains.get(&id) else { return };
        let (Some(started), Some(live_from)) = (chain.row().started, chain.live_from()) else { return };
        let has_tip = chain.tip().is_some();
        for (address, from) in self.asked_histories(id) {
            // One that asks for nothing that lies before has its row too: that it was watched from the beginning is known by it.
            if self.backfills.get(id, &address).is_none() {
                let from = from.min(live_from);
                let until = if has_tip { started } else { live_from.saturating_sub(self.late_rows(id)) };
                let until = until.min(live_from).max(from);
                let row = BackfillRow { chain: id, address, from, until, live_from, left: Vec::new() };
                self.put_backfill(row, effects);
            }
        }
    }

    /// The first block of a chain is there: where history is wanted, what is not final below it is read with it.
    pub(super) fn begin(&mut self, id: ChainId, first: BlockRef, effects: &mut Vec<Effect>) {
        if let Some(low) = self.reach_back(id, first.number)
            && let Some(chain) = self.chains.get_mut(&id)
        {
            chain.reach_back(first, low, effects);
        }
        self.begin_histories(id, effects);
    }

    /// How far below its first block a chain is to be read with it, so that what is not final there is followed like what is new.
    /// `None` where nobody asks for history.
    fn reach_back(&self, id: ChainId, first: u64) -> Option<u64> {
        let lowest = self.asked_histories(id).into_iter().map(|(_, from)| from).min()?;
        let settings = self.settings.chains.get(&id)?;
        let depth = settings.final_after.max(self.late_rows(id)).min(super::chain::LARGEST_WINDOW as u64 / 2);
        Some(first.saturating_sub(depth).max(lowest).max(1)).filter(|low| *low < first)
    }

    /// Everything of a chain is forgotten: it was found to be another one.
    pub(super) fn forget_histories(&mut self, id: ChainId, effects: &mut Vec<Effect>) {
        let addresses: Vec<Address> =
            self.backfills.rows().filter(|row| row.chain == id).map(|row| row.address).collect();
        for address in addresses {
            self.end_backfill(id, address, effects);
        }
        let scans: Vec<ScanRow> = self.backfills.scans_of(id).copied().collect();
        scans.iter().for_each(|scan| self.backfills.remove_scan(scan, effects));
    }

    /// The addresses of a chain whose watch asks for history, with its lowest block.
    fn asked_histories(&self, id: ChainId) -> Vec<(Address, u64)> {
        let watches = self.watched.watches().iter().filter(|watch| watch.chains.contains(&id));
        let asking = |watch: &Watch| -> Vec<(Address, u64)> {
            let listed = watch.addresses.iter();
            listed.filter_map(|listed| Some((listed.address, watch.from_block_of(&listed)?))).collect()
        };
        watches.flat_map(asking).collect()
    }

    /// How many blocks below the newest an explorer may still report anew: live reading looks there again.
    pub(super) fn late_rows(&self, id: ChainId) -> u64 {
        let settings = self.settings.chains.get(&id).filter(|settings| settings.explorer.is_some());
        settings.map_or(0, super::settings::ChainSettings::overlap)
    }

    fn reads_lists(&self, id: ChainId) -> bool {
        self.settings.chains.get(&id).is_some_and(|settings| settings.explorer.is_some())
    }

    /// Writes a history from its beginning, and has it read.
    pub(super) fn put_backfill(&mut self, row: BackfillRow, effects: &mut Vec<Effect>) {
        let next = row.from.max(1);
        let lists = self.past_lists(row.chain, &row.address).iter().filter(|_| next < row.until);
        let left = lists.map(|list| ListLeft { list, next, blank: None }).collect();
        let row = BackfillRow { left, ..row };
        self.unpublished.insert(row.chain);
        let backfills = &self.backfills;
        self.soft.joined.retain(|(chain, until), _| backfills.scan(*chain, *until, Scan::Blocks).is_some());
        self.soft.joined.insert((row.chain, row.until), self.watched.version());
        if !self.reads_lists(row.chain) && !row.left.is_empty() {
            self.begin_scan(&row, Scan::Blocks, effects);
        }
        let (chain, until) = (row.chain, row.until);
        self.backfills.put(row, effects);
        self.choose_logs(chain, until, effects);
    }

    /// The lists of an address. A chain's own blocks and logs show NFTs with the tokens, and approvals in the blocks that are read anyway.
    fn past_lists(&self, id: ChainId, address: &Address) -> Lists {
        match self.watched.find(id, address).filter(|_| self.reads_lists(id)) {
            Some((place, watch)) => self.lists_of(place as usize, watch, id),
            None => Lists::USUAL.and(Lists::APPROVALS),
        }
    }

    fn begin_scan(&mut self, row: &BackfillRow, scan: Scan, effects: &mut Vec<Effect>) {
        let lowest = row.left.iter().map(|left| left.next).min().unwrap_or(row.until);
        match self.backfills.scan(row.chain, row.until, scan) {
            Some(old) if old.next <= lowest => {}
            old => {
                let from = old.map_or(lowest, |old| old.from.min(lowest));
                let (chain, until) = (row.chain, row.until);
                let scan = ScanRow { chain, until, scan, from, next: lowest, below: None };
                self.backfills.put_scan(scan, effects);
            }
        }
    }

    /// The config may have given the chain an explorer, or taken it: what is left is read by whoever is there now.
    pub(super) fn arrange_scans(&mut self, id: ChainId, effects: &mut Vec<Effect>) {
        let scans: Vec<ScanRow> = self.backfills.scans_of(id).copied().collect();
        let open: Vec<BackfillRow> = self.backfills.open_of(id).cloned().collect();
        for scan in &scans {
            if self.reads_lists(id) || !open.iter().any(|row| row.until == scan.until) {
                self.backfills.remove_scan(scan, effects);
            }
        }
        if self.reads_lists(id) {
            return;
        }
        for row in &open {
            let of_scan = |scan: Scan| self.backfills.scan(id, row.until, scan).is_some();
            let by_logs = of_scan(Scan::Logs) && row.left.iter().all(|left| left.list == List::Tokens);
            if !of_scan(Scan::Blocks) && !by_logs {
                self.begin_scan(row, Scan::Blocks, effects);
            }
        }
    }

    /// Few addresses are asked for by name: their logs come long before their blocks.
    fn choose_logs(&mut self, id: ChainId, until: u64, effects: &mut Vec<Effect>) {
        let Some(blocks) = self.backfills.scan(id, until, Scan::Blocks) else { return };
        let named = self.backfills.open_of(id).filter(|row| row.until == until).take(MOST_NAMED + 1).count();
        let logs = self.backfills.scan(id, until, Scan::Logs);
        match logs {
            Some(logs) if named > MOST_NAMED => {
                self.backfills.remove_scan(&logs, effects);
                // What was passed by its blocks was passed without their logs.
                let from = blocks.from;
                self.backfills.put_scan(ScanRow { next: from, below: None, ..blocks }, effects);
            }
            Some(logs) if logs.next > blocks.next => {
                self.backfills
                    .put_scan(ScanRow { from: logs.from.min(blocks.from), next: blocks.next, ..logs }, effects);
            }
            None if named <= MOST_NAMED && blocks.next == blocks.from => {
                self.backfills.put_scan(ScanRow { scan: Scan::Logs, below: None, ..blocks }, effects);
            }
            Some(_) | None => {}
        }
    }

    /// What is to be read of a chain's history now.
    pub(super) fn history_wants(&self, id: ChainId) -> HistoryWants {
        if self.reads_lists(id) {
            let of_row = |row: &BackfillRow| {
                let (address, to) = (row.address, row.until - 1);
                let want = move |left: &ListLeft| {
                    let (list, from, blank) = (left.list, left.next, left.blank);
                    ListWant { address, list, from, to, again: blank.map(|blank| blank.after(BLANK_AGAIN)) }
                };
                row.left.iter().map(want).collect::<Vec<_>>()
            };
            let lists = self.backfills.open_of(id).flat_map(of_row).take(LISTS_SHOWN).collect();
            return HistoryWants { lists, ..HistoryWants::default() };
        }
        let lowest = |which: Scan| {
            let scans = self.backfills.scans_of(id).filter(|scan| scan.scan == which);
            let readable = scans.filter_map(|scan| self.readable(id, scan).map(|to| (scan, to)));
            readable.min_by_key(|(scan, _)| scan.next)
        };
        let blocks = lowest(Scan::Blocks);
        let blocks = blocks.map(|(scan, to)| StretchWant { from: scan.next, to, below: scan.below });
        let logs = lowest(Scan::Logs).map(|(scan, to)| {
            let named = self.backfills.open_of(id).filter(|row| row.until == scan.until);
            let addresses: Arc<[Address]> = named.map(|row| row.address).collect();
            LogsWant { from: scan.next, to, until: scan.until, addresses }
        });
        HistoryWants { lists: Vec::new(), blocks, logs }
    }

    /// Up to where a scan can be read on: what is not final has to stand in the window.
    fn readable(&self, id: ChainId, scan: &ScanRow) -> Option<u64> {
        let chain = self.chains.get(&id)?;
        let last = scan.until.checked_sub(1)?;
        let last_final = chain.row().last_final;
        if scan.next <= last_final {
            return Some(last.min(last_final));
        }
        let stands = scan.scan == Scan::Blocks && chain.block(scan.next).is_some();
        stands.then(|| last.min(chain.tip().map_or(0, |tip| tip.number)))
    }
}
