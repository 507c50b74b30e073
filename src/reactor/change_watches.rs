//! The watch list changes at run time: addresses come and go, and it is said from which block on each is complete.
//!
//! The contract: when an order to add is answered, every block that the reactor takes from then on is searched for the new addresses. The
//! block behind the tip is therefore the first that is complete, and it is the number that is stated:
//!
//! - Blocks that were taken before are at or below the tip. They are history: `from_block` has them read.
//! - Blocks that wait in a queue or are being read hold every movement, and are searched when they are taken, with the list of then.
//! - The one exception is an endpoint that gives no receipts of whole blocks: of it a source asks only for receipts that concern watched
//!   addresses. Such a run says by which list they were chosen; one that was chosen by an older list is left out, and read again
//!   (`read_blocks`).
//! - A fork that replaces blocks at or below the tip brings new blocks; they are searched whatever their numbers are.
//! - An explorer is asked from the stated block on.

use super::Reactor;
use super::addresses::{Listed, MOST_ADDRESSES, Since, since_on, since_without};
use super::chain::Chain;
use super::effect::{Effect, Notice, Reply};
use super::event::{Explored, List, Run, RunPart};
use super::rows::{BackfillRow, RequestRow, Row, RowKey};
use super::watch_list::{
    MOST_WATCHES, NewWatch, Request, WatchAnswer, WatchOrder, WatchRefusal, Watching, address_row,
};
use super::watched::Watched;
use crate::types::{Address, ChainId, Movement, Name};
use std::sync::Arc;

impl Reactor {
    pub(super) fn order_watches(&mut self, order: WatchOrder, effects: &mut Vec<Effect>) {
        let answer = match order {
            WatchOrder::Add { watches, request } => self.add_watches(watches, request, effects),
            WatchOrder::Remove { watch, addresses } => self.remove_watch(&watch, addresses.as_deref(), effects),
        };
        let answer = answer.unwrap_or_else(WatchAnswer::Refused);
        effects.push(Effect::Answer(Box::new(Reply::Watches(answer))));
    }

    /// Whether of these blocks it was left out what concerns addresses that are watched by now. Blocks of a gap are from before.
    pub(super) fn is_outdated(&self, run: &Run, effects: &mut Vec<Effect>) -> bool {
        let older = run.chosen_by.is_some_and(|version| self.watched.is_wider_than(version));
        let outdated = older && run.part == RunPart::Tip;
        if outdated {
            let reason = "blocks that an older watch list chose";
            effects.push(Effect::Notice(Notice::Ignored { chain: run.chain, reason }));
        }
        outdated
    }

    /// Whether of blocks of the past it was left out what concerns addresses that joined this history by now.
    pub(super) fn is_chosen_before(&self, run: &Run, until: u64) -> bool {
        let joined = self.soft.joined.get(&(run.chain, until)).copied().unwrap_or(0);
        run.chosen_by.is_some_and(|version| version < joined)
    }

    /// Whether a movement in a block is history; `None` where it is nobody's. What comes at the tip is new, whatever its number is: a
    /// fork may replace blocks from before an address was added.
    pub(super) fn is_history_in(&self, id: ChainId, movement: &Movement, block: u64, late: bool) -> Option<bool> {
        let new = !late && movement.parties().any(|address| self.watched.find(id, address).is_some());
        if new { Some(false) } else { self.is_history(id, movement, block) }
    }

    /// Whether an answer was asked for before its address came to be watched, or before more of its list was wanted: taken as the first
    /// of its list, it would leave a hole below.
    pub(super) fn leaves_a_hole(&self, answer: &Explored, effects: &mut Vec<Effect>) -> bool {
        let id = answer.chain;
        let key = (id, answer.address, answer.list);
        let hole = match self.watched.find(id, &answer.address) {
            None => true,
            Some((index, _)) if self.watched.is_of_config(index) || self.views.contains_key(&key) => false,
            Some(_) => self.view_begins(id, &answer.address).is_some_and(|begin| answer.from > begin),
        };
        if hole {
            let reason = "a list that an older watch list asked for";
            effects.push(Effect::Notice(Notice::Ignored { chain: id, reason }));
        }
        hole
    }

    /// The lowest block of an address's lists that is read live: below that lies history, which waits behind what is new.
    pub(super) fn view_begins(&self, id: ChainId, address: &Address) -> Option<u64> {
        let until = self.backfills.get(id, address).map(|row| row.until);
        let since = until.or_else(|| self.watched.since(id, address));
        since.or_else(|| self.chains.get(&id)?.row().started)
    }

    /// Everything in force, as of now: sources are told with the next wants.
    pub(super) fn bind_watches(&mut self) {
        let version = self.watched.version() + 1;
        let own: Vec<_> = self.settings.watches.iter().cloned().chain(self.wallet_watch()).collect();
        self.watched = Watched::new(&own, &self.watch_list, version);
        self.rules.bind(&self.settings, self.watched.watches(), self.watched.of_config());
        self.unpublished.extend(self.settings.chains.keys().copied());
    }

    fn add_watches(
        &mut self,
        watches: Vec<NewWatch>,
        request: Option<Request>,
        effects: &mut Vec<Effect>,
    ) -> Result<WatchAnswer, WatchRefusal> {
        if let Some(request) = request
            && let Some(row) = self.watch_list.request(request.id, self.at)
        {
            let same = row.body == request.body;
            return if same { Ok(WatchAnswer::Watching(row.answer.clone())) } else { Err(WatchRefusal::OtherRequest) };
        }
        self.may_add(&watches)?;
        let mut answer = Vec::new();
        let mut owed = Vec::new();
        for watch in watches {
            let chains = self.chains_of(&watch);
            let asking = watch.addresses.iter().filter_map(|asked| Some((asked.address, asked.from_block?)));
            owed.extend(asking.flat_map(|(address, from)| chains.iter().map(move |chain| (*chain, address, from))));
            answer.extend(self.add_watch(watch, effects));
        }
        self.unpublished.extend(self.settings.chains.keys().copied());
        for (chain, address, from) in owed {
            self.owe_history(chain, address, from, effects);
        }
        if let Some(Request { id, body }) = request {
            let row = RequestRow { id, body, at: self.at, answer: answer.clone() };
            effects.push(Effect::Put(Row::Request(Box::new(row.clone()))));
            let forgotten = self.watch_list.remember(row, self.at);
            effects.extend(forgotten.into_iter().map(|id| Effect::Delete(RowKey::Request(id))));
        }
        Ok(WatchAnswer::Watching(answer))
    }

    /// Whether all of it can be done: an order is done whole or not at all.
    fn may_add(&self, watches: &[NewWatch]) -> Result<(), WatchRefusal> {
        let mut made = 0;
        let mut taken: Option<WatchRefusal> = None;
        for watch in watches {
            if self.settings.watches.iter().any(|of_config| of_config.name == watch.name) {
                return Err(WatchRefusal::OfConfig(watch.name.clone()));
            }
            let known = self.watch_list.get(&watch.name);
            made += usize::from(known.is_none());
            let chains = self.chains_of(watch);
            if let Some((row, list)) = known {
                if row.chains != chains {
                    return Err(WatchRefusal::OtherChains(watch.name.clone()));
                }
                if watch.tags.as_ref().is_some_and(|tags| *tags != row.tags) {
                    return Err(WatchRefusal::OtherTags(watch.name.clone()));
                }
                if list.len() + watch.addresses.len() > MOST_ADDRESSES {
                    return Err(WatchRefusal::TooMany);
                }
            }
            for new in &watch.addresses {
                let owner = chains.iter().find_map(|chain| self.watched.find(*chain, &new.address));
                let Some((index, owner)) = owner.filter(|(_, owner)| owner.name != watch.name) else { continue };
                match &mut taken {
                    Some(WatchRefusal::Taken { others, .. }) => *others += 1,
                    _none => {
                        let of_config = self.watched.is_of_config(index);
                        let owner = owner.name.clone();
                        taken = Some(WatchRefusal::Taken { address: new.address, owner, of_config, others: 0 });
                    }
                }
            }
        }
        if self.watch_list.len() + made > MOST_WATCHES {
            return Err(WatchRefusal::TooMany);
        }
        taken.or_else(|| self.shared(watches)).or_else(|| self.without_room(watches)).map_or(Ok(()), Err)
    }

    /// An address that two of the new watches claim on one chain.
    fn shared(&self, watches: &[NewWatch]) -> Option<WatchRefusal> {
        let mut all: Vec<(Address, usize)> = Vec::new();
        for (place, watch) in watches.iter().enumerate() {
            all.extend(watch.addresses.iter().map(|new| (new.address, place)));
        }
        all.sort_unstable();
        let meet = |one: usize, other: usize| {
            let other = self.chains_of(&watches[other]);
            self.chains_of(&watches[one]).iter().any(|chain| other.contains(chain))
        };
        let twice = all.windows(2).find(|pair| pair[0].0 == pair[1].0 && meet(pair[0].1, pair[1].1))?;
        let owner = watches[twice[0].1].name.clone();
        Some(WatchRefusal::Taken { address: twice[0].0, owner, of_config: false, others: 0 })
    }

    /// The chains of a watch that is added: those it names, else those it has, else all.
    pub(super) fn chains_of(&self, watch: &NewWatch) -> Vec<ChainId> {
        let known = || self.watch_list.get(&watch.name).map(|(row, _)| row.chains.clone());
        let all = || self.settings.chains.keys().copied().collect();
        watch.chains.clone().or_else(known).unwrap_or_else(all)
    }

    fn add_watch(&mut self, watch: NewWatch, effects: &mut Vec<Effect>) -> Vec<Watching> {
        let chains = self.chains_of(&watch);
        let since: Since = chains.iter().filter_map(|chain| Some((*chain, self.next_live(*chain)?))).collect();
        let known = self.watch_list.get(&watch.name).map(|(row, list)| (row.clone(), list.clone()));
        let (mut row, list) = known.unwrap_or_else(|| {
            let (name, chains, tags) = (watch.name.clone(), chains.clone(), watch.tags.clone().unwrap_or_default());
            (self.watch_list.number(name, chains, tags, self.at), Arc::default())
        });
        let mut batch: Vec<Listed<'_>> = Vec::with_capacity(watch.addresses.len());
        let mut new = Vec::new();
        for asked in &watch.addresses {
            let old = list.get(&asked.address);
            if old.is_none() {
                new.push(asked.address);
            }
            let listed = Listed {
                address: asked.address,
                reference: asked.reference.as_ref().map(Name::as_str),
                label: asked.label.as_ref().map(Name::as_str),
                // Who is watched already stays complete from where it is; more history may be asked for.
                from_block: asked.from_block.or_else(|| old.and_then(|old| old.from_block)),
                since: old.map_or(&since, |old| old.since),
            };
            if old != Some(listed) {
                effects.push(Effect::Put(Row::Address(Box::new(address_row(row.number, &listed)))));
            }
            batch.push(listed);
        }
        let merged = list.with(&batch);
        row.addresses = u32::try_from(merged.len()).unwrap_or(u32::MAX);
        let complete: Vec<Watching> = chains
            .iter()
            .map(|chain| Watching {
                watch: watch.name.clone(),
                chain: *chain,
                complete_from: {
                    // Who was added before its chain was begun is complete from the chain's first block.
                    let begun = self.chains.get(chain).and_then(Chain::live_from);
                    batch.iter().filter_map(|listed| since_on(listed.since, *chain).or(begun)).max()
                },
                addresses: batch.len() as u64,
                new: new.len() as u64,
            })
            .collect();
        effects.push(Effect::Put(Row::Watch(Box::new(row.clone()))));
        let name = row.name.clone();
        self.watch_list.put(row, merged);
        self.come(&name, &new);
        complete
    }

    /// A watch that was added is in force as it stands in the list; these addresses of it are new.
    fn come(&mut self, name: &Name, new: &[Address]) {
        let Some(watch) = self.watch_list.watch(name) else { return };
        let place = self.watched.put(watch.clone(), new);
        self.rules.look_at(place, &watch, false);
        self.balances.add(&self.settings, &watch, new);
    }

    /// History of an address that was added at run time is owed from a block on, up to where it is complete: the block that was stated, or
    /// the first one of a chain that was begun later.
    pub(super) fn owe_history(&mut self, chain: ChainId, address: Address, from: u64, effects: &mut Vec<Effect>) {
        match self.backfills.get(chain, &address).cloned() {
            Some(row) if from < row.from => self.put_backfill(BackfillRow { from, ..row }, effects),
            Some(_) => {}
            // Where nothing of the chain was read yet, it is begun with the chain.
            None => {
                let begun = self.chains.get(&chain).and_then(Chain::live_from);
                let since = self.watched.since(chain, &address).or(begun);
                if let Some(live_from) = since.filter(|since| from < *since) {
                    let until = live_from.saturating_sub(self.late_rows(chain)).max(from);
                    let row = BackfillRow { chain, address, from, until, live_from, left: Vec::new() };
                    // Its lists are read anew from there on: as far as they were read, they begin above.
                    self.drop_views(chain, address, effects);
                    self.put_backfill(row, effects);
                }
            }
        }
    }

    fn remove_watch(
        &mut self,
        name: &Name,
        addresses: Option<&[Address]>,
        effects: &mut Vec<Effect>,
    ) -> Result<WatchAnswer, WatchRefusal> {
        let Some((row, list)) = self.watch_list.get(name).map(|(row, list)| (row.clone(), list.clone())) else {
            let of_config = self.settings.watches.iter().any(|watch| watch.name == *name);
            return Err(if of_config { WatchRefusal::OfConfig } else { WatchRefusal::Unknown }(name.clone()));
        };
        let gone: Vec<Address> = match addresses {
            None => list.addresses().copied().collect(),
            Some(addresses) => addresses.iter().copied().filter(|address| list.get(address).is_some()).collect(),
        };
        if addresses.is_none() {
            // The addresses of a watch go with its row.
            effects.push(Effect::Delete(RowKey::Watch(row.number)));
            self.watch_list.remove(row.number);
            self.watched.take(name, None, gone.len());
        } else if !gone.is_empty() {
            effects.extend(gone.iter().map(|address| Effect::Delete(RowKey::Address(row.number, *address))));
            let left = list.without(&gone);
            let row = super::rows::WatchRow { addresses: u32::try_from(left.len()).unwrap_or(u32::MAX), ..row.clone() };
            effects.push(Effect::Put(Row::Watch(Box::new(row.clone()))));
            self.watch_list.put(row, left);
            let left = self.watch_list.get(name).map(|(_, left)| Arc::clone(left));
            self.watched.take(name, left, gone.len());
        }
        if self.watched.is_worn() {
            self.bind_watches();
        }
        self.unpublished.extend(self.settings.chains.keys().copied());
        for chain in row.chains {
            self.forget_views(chain, &gone, effects);
        }
        Ok(WatchAnswer::Removed(gone.len() as u64))
    }

    /// How far the lists of addresses were read, and what of their history, is forgotten where nobody watches them any more: who watches
    /// one again begins anew.
    fn forget_views(&mut self, chain: ChainId, gone: &[Address], effects: &mut Vec<Effect>) {
        let mut open = false;
        for address in
            gone.iter().filter(|address| self.watched.find(chain, address).is_none()).copied().collect::<Vec<_>>()
        {
            open |= self.backfills.get(chain, &address).is_some_and(|row| !row.left.is_empty());
            self.end_backfill(chain, address, effects);
            self.unwatch_balances(chain, address, effects);
            self.drop_views(chain, address, effects);
        }
        // What was being read for them alone is read no more.
        if open {
            self.arrange_scans(chain, effects);
        }
    }

    fn drop_views(&mut self, chain: ChainId, address: Address, effects: &mut Vec<Effect>) {
        for list in List::ALL {
            if self.views.remove(&(chain, address, list)).is_some() {
                effects.push(Effect::Delete(RowKey::View(chain, address, list)));
            }
        }
    }

    /// A chain was found to be another one: what was stated of its blocks means nothing on it.
    pub(super) fn forget_since(&mut self, chain: ChainId, effects: &mut Vec<Effect>) {
        let names: Vec<Name> = self.watch_list.rows().map(|row| row.name.clone()).collect();
        for name in names {
            let Some((row, list)) = self.watch_list.get(&name).map(|(row, list)| (row.clone(), list.clone())) else {
                continue;
            };
            let stated = |listed: &Listed<'_>| since_on(listed.since, chain).is_some();
            let rows: Vec<_> = list.iter().filter(stated).map(|listed| address_row(row.number, &listed)).collect();
            let rows: Vec<_> = rows
                .into_iter()
                .map(|mut row| {
                    row.since = since_without(&row.since, chain);
                    row
                })
                .collect();
            let changed: Vec<Listed<'_>> = rows.iter().map(super::rows::AddressRow::listed).collect();
            let merged = list.with(&changed);
            self.watch_list.put(row, merged);
            effects.extend(rows.into_iter().map(|row| Effect::Put(Row::Address(Box::new(row)))));
        }
        self.bind_watches();
    }
}
