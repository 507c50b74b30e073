//! Who watches an address on a chain.

use super::match_set::{MatchSet, WatchIndex};
use super::settings::Watch;
use crate::types::{Address, ChainId, Name};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The watch list, ready to be asked.
#[derive(Debug, Clone, Default)]
pub(super) struct Watched {
    watches: Arc<Vec<Watch>>,
    set: Arc<MatchSet>,
    references: BTreeMap<(WatchIndex, Address), Name>,
}

impl Watched {
    /// Of this list.
    #[must_use]
    pub(super) fn new(watches: Arc<Vec<Watch>>) -> Self {
        let index = |place: usize| WatchIndex::try_from(place).unwrap_or(WatchIndex::MAX);
        let pairs = watches
            .iter()
            .enumerate()
            .flat_map(|(place, watch)| watch.addresses.iter().map(move |(address, _)| (*address, index(place))));
        let set = Arc::new(MatchSet::new(pairs));
        let mut references = BTreeMap::new();
        for (place, watch) in watches.iter().enumerate() {
            for (address, reference) in &watch.addresses {
                if let Some(reference) = reference {
                    references.insert((index(place), *address), reference.clone());
                }
            }
        }
        Self { watches, set, references }
    }

    /// The watch that has this address on this chain.
    #[must_use]
    pub(super) fn find(&self, chain: ChainId, address: &Address) -> Option<(WatchIndex, &Watch)> {
        self.set.get(address).find_map(|index| {
            let watch = self.watches.get(index as usize)?;
            watch.chains.contains(&chain).then_some((index, watch))
        })
    }

    /// The reference that a list file gives an address.
    #[must_use]
    pub(super) fn reference(&self, watch: WatchIndex, address: &Address) -> Option<&Name> {
        self.references.get(&(watch, *address))
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
