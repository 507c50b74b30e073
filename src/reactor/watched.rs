//! Who watches an address on a chain.

use super::match_set::{MatchSet, WatchIndex};
use super::settings::Watch;
use crate::types::{Address, ChainId};
use std::sync::Arc;

/// The watch list, ready to be asked.
#[derive(Debug, Clone, Default)]
pub(super) struct Watched {
    watches: Arc<Vec<Watch>>,
    set: Arc<MatchSet>,
}

impl Watched {
    /// Of this list.
    #[must_use]
    pub(super) fn new(watches: Arc<Vec<Watch>>) -> Self {
        let index = |place: usize| WatchIndex::try_from(place).unwrap_or(WatchIndex::MAX);
        let pairs = watches
            .iter()
            .enumerate()
            .flat_map(|(place, watch)| watch.addresses.addresses().iter().map(move |it| (*it, index(place))));
        let set = Arc::new(MatchSet::new(pairs));
        Self { watches, set }
    }

    /// The watch that has this address on this chain.
    #[must_use]
    pub(super) fn find(&self, chain: ChainId, address: &Address) -> Option<(WatchIndex, &Watch)> {
        self.set.get(address).find_map(|index| {
            let watch = self.watches.get(index as usize)?;
            watch.chains.contains(&chain).then_some((index, watch))
        })
    }

    /// The addresses, for sources that must choose what to read.
    #[must_use]
    pub(super) fn set(&self) -> &Arc<MatchSet> {
        &self.set
    }

    /// Every watch.
    #[must_use]
    pub(super) fn watches(&self) -> &[Watch] {
        &self.watches
    }
}
