//! Who watches an address on a chain.

use super::addresses::since_on;
use super::match_set::{MatchSet, WatchIndex};
use super::settings::Watch;
use super::watch_list::WatchList;
use crate::types::{Address, ChainId};
use std::sync::Arc;

/// The watch list in force, ready to be asked: the config's watches, then those that were added at run time.
#[derive(Debug, Clone, Default)]
pub(super) struct Watched {
    watches: Vec<Watch>,
    /// So many of them are the config's.
    of_config: usize,
    set: Arc<MatchSet>,
}

impl Watched {
    /// Of these lists. On a chain on which both have an address it is the config's: its watches come first.
    #[must_use]
    pub(super) fn new(config: &[Watch], added: &WatchList, version: u64) -> Self {
        let index = |place: usize| WatchIndex::try_from(place).unwrap_or(WatchIndex::MAX);
        let watches: Vec<Watch> = config.iter().cloned().chain(added.in_force(config)).collect();
        let pairs = watches
            .iter()
            .enumerate()
            .flat_map(|(place, watch)| watch.addresses.addresses().iter().map(move |it| (*it, index(place))));
        let set = Arc::new(MatchSet::new(pairs).with_version(version));
        Self { watches, of_config: config.len(), set }
    }

    /// The watch that has this address on this chain.
    #[must_use]
    pub(super) fn find(&self, chain: ChainId, address: &Address) -> Option<(WatchIndex, &Watch)> {
        self.set.get(address).find_map(|index| {
            let watch = self.watches.get(index as usize)?;
            watch.chains.contains(&chain).then_some((index, watch))
        })
    }

    /// The block from which an address was stated to be complete when it was added at run time.
    #[must_use]
    pub(super) fn since(&self, chain: ChainId, address: &Address) -> Option<u64> {
        let (_, watch) = self.find(chain, address)?;
        since_on(watch.addresses.get(address)?.since, chain)
    }

    /// The addresses, for sources that must choose what to read.
    #[must_use]
    pub(super) fn set(&self) -> &Arc<MatchSet> {
        &self.set
    }

    /// Which list it is since the process started.
    #[must_use]
    pub(super) fn version(&self) -> u64 {
        self.set.version()
    }

    /// Every watch.
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
