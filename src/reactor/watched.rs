//! Who watches an address on a chain.

use super::addresses::{AddressList, since_on};
use super::match_set::{MatchSet, WatchIndex};
use super::settings::Watch;
use super::watch_list::WatchList;
use crate::types::{Address, ChainId, Name};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What is idle is carried along while there is less of it than this …
const IDLE_ANYWAY: usize = 4_096;
/// … or than this part of everything.
const IDLE_PART: usize = 8;

/// The watch list in force, ready to be asked: the config's watches, then those that were added at run time.
///
/// What is added or taken away costs what it is, not what is there: what was taken away stays in the set, and nobody is found by it.
#[derive(Debug, Clone, Default)]
pub(super) struct Watched {
    /// One that was taken away keeps its place, without addresses.
    watches: Vec<Watch>,
    /// So many of them are the config's.
    of_config: usize,
    /// Where those that were added stand.
    places: BTreeMap<Name, usize>,
    set: Arc<MatchSet>,
    /// Places and entries of the set that hold nothing any more.
    idle: usize,
    /// The version with which an address last came to be watched.
    widened: u64,
}

impl Watched {
    /// Of these lists. On a chain on which both have an address it is the config's: its watches come first.
    #[must_use]
    pub(super) fn new(config: &[Watch], added: &WatchList, version: u64) -> Self {
        let watches: Vec<Watch> = config.iter().cloned().chain(added.in_force(config)).collect();
        let pairs = watches
            .iter()
            .enumerate()
            .flat_map(|(place, watch)| watch.addresses.addresses().map(move |it| (*it, index(place))));
        let set = Arc::new(MatchSet::new(pairs).with_version(version));
        let of_config = config.len();
        let named = watches.iter().enumerate().skip(of_config);
        let places = named.map(|(place, watch)| (watch.name.clone(), place)).collect();
        Self { watches, of_config, places, set, idle: 0, widened: version }
    }

    /// Puts a watch that was added in force as it is now; `new` are those of its addresses that were not there before. Gives its place.
    pub(super) fn put(&mut self, watch: Watch, new: &[Address]) -> usize {
        let place = self.places.get(&watch.name).copied().unwrap_or(self.watches.len());
        if !new.is_empty() {
            let set = self.set.with(new.iter().map(|address| (*address, index(place))));
            self.widened = self.version() + 1;
            self.set = Arc::new(set.with_version(self.widened));
        }
        if let Some(known) = self.watches.get_mut(place) {
            *known = watch;
        } else {
            self.places.insert(watch.name.clone(), place);
            self.watches.push(watch);
        }
        place
    }

    /// So many addresses of a watch that was added are watched no longer; what it has left is `None` where it is gone.
    pub(super) fn take(&mut self, name: &Name, left: Option<Arc<AddressList>>, gone: usize) {
        let Some(watch) = self.places.get(name).and_then(|place| self.watches.get_mut(*place)) else { return };
        self.idle += gone;
        if left.is_none() {
            self.idle += 1;
            self.places.remove(name);
        }
        watch.addresses = left.unwrap_or_default();
    }

    /// Whether so much of it holds nothing any more that it should be made anew.
    #[must_use]
    pub(super) fn is_worn(&self) -> bool {
        self.idle > IDLE_ANYWAY.max((self.set.len() + self.watches.len()) / IDLE_PART)
    }

    /// The watch that has this address on this chain.
    #[must_use]
    pub(super) fn find(&self, chain: ChainId, address: &Address) -> Option<(WatchIndex, &Watch)> {
        self.set.get(address).find_map(|index| {
            let watch = self.watches.get(index as usize)?;
            let holds = watch.chains.contains(&chain) && (self.idle == 0 || watch.addresses.get(address).is_some());
            holds.then_some((index, watch))
        })
    }

    /// The block from which an address was stated to be complete when it was added at run time.
    #[must_use]
    pub(super) fn since(&self, chain: ChainId, address: &Address) -> Option<u64> {
        let (_, watch) = self.find(chain, address)?;
        since_on(watch.addresses.get(address)?.since, chain)
    }

    /// Whether an address is watched on a chain because it was added at run time.
    #[must_use]
    pub(super) fn was_added(&self, chain: ChainId, address: &Address) -> bool {
        self.find(chain, address).is_some_and(|(index, _)| !self.is_of_config(index))
    }

    /// The addresses, for sources that must choose what to read, and some that are watched no longer.
    #[must_use]
    pub(super) fn set(&self) -> &Arc<MatchSet> {
        &self.set
    }

    /// Which list it is since the process started.
    #[must_use]
    pub(super) fn version(&self) -> u64 {
        self.set.version()
    }

    /// Whether nothing was added to it or taken away since it was `other`.
    #[must_use]
    pub(super) fn is_as(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.set, &other.set) && self.idle == other.idle && self.watches.len() == other.watches.len()
    }

    /// Whether an address came to be watched after the list of this version.
    #[must_use]
    pub(super) const fn is_wider_than(&self, version: u64) -> bool {
        version < self.widened
    }

    /// Every watch, and places without addresses.
    #[must_use]
    pub(super) fn watches(&self) -> &[Watch] {
        &self.watches
    }

    /// How many of the watches are the config's.
    #[must_use]
    pub(super) const fn of_config(&self) -> usize {
        self.of_config
    }

    /// Whether a watch is the config's. What was added at run time never makes anybody pay.
    #[must_use]
    pub(super) fn is_of_config(&self, index: WatchIndex) -> bool {
        (index as usize) < self.of_config
    }
}

fn index(place: usize) -> WatchIndex {
    WatchIndex::try_from(place).unwrap_or(WatchIndex::MAX)
}
