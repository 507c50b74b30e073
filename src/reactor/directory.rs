//! Who watches which address, as it was at one moment: for faces, which must not ask the reactor. A plain value.

use super::Reactor;
use super::settings::Watch;
use super::watch_list::WatchList;
use super::watched::Watched;
use crate::types::{Address, ChainId, Name};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The watch list as it was. The addresses themselves are shared with the reactor.
#[derive(Debug, Clone, Default)]
pub struct Directory(Watched);

/// What was added or taken away makes another one.
impl PartialEq for Directory {
    fn eq(&self, other: &Self) -> bool {
        self.0.is_as(&other.0)
    }
}

impl Eq for Directory {}

impl Directory {
    /// Of the watches of a config.
    #[must_use]
    pub fn of(watches: &[Watch]) -> Self {
        Self(Watched::new(watches, &WatchList::default(), 1))
    }

    /// The watch that has this address on this chain.
    #[must_use]
    pub fn watch_of(&self, chain: ChainId, address: &Address) -> Option<&Watch> {
        self.0.find(chain, address).map(|(_, watch)| watch)
    }

    /// The watch with this name, and whether it is the config's.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<(&Watch, bool)> {
        self.all().find(|(watch, _)| watch.name.as_str() == name)
    }

    /// The watches behind this name, ascending by it, so many at most; each with whether it is the config's.
    #[must_use]
    pub fn page(&self, after: Option<&str>, limit: usize) -> Vec<(&Watch, bool)> {
        let mut kept: BTreeMap<&Name, (&Watch, bool)> = BTreeMap::new();
        for (watch, of_config) in self.all().filter(|(watch, _)| after.is_none_or(|after| watch.name.as_str() > after))
        {
            kept.insert(&watch.name, (watch, of_config));
            if kept.len() > limit {
                kept.pop_last();
            }
        }
        kept.into_values().collect()
    }

    /// How many watches there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.all().count()
    }

    /// Whether nothing is watched.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.all().next().is_none()
    }

    fn all(&self) -> impl Iterator<Item = (&Watch, bool)> {
        let of_config = self.0.of_config();
        let places = self.0.watches().iter().enumerate();
        // One that was taken away keeps its place, without addresses.
        places.filter(|(_, watch)| !watch.addresses.is_empty()).map(move |(place, watch)| (watch, place < of_config))
    }
}

impl Reactor {
    /// The watch list as it is now: the one that was shown, while nothing changed in it.
    #[must_use]
    pub fn directory(&self, shown: &Arc<Directory>) -> Arc<Directory> {
        if self.watched.is_as(&shown.0) { Arc::clone(shown) } else { Arc::new(Directory(self.watched.clone())) }
    }
}
