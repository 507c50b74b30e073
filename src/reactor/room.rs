//! How much can be watched: what an explorer is asked for list by list, and what is read for a rule address by address, has its bounds. What
//! is matched against a chain's own blocks has none but memory.

use super::Reactor;
use super::balances::looked_at;
use super::lists::needed;
use super::settings::{Settings, Watch};
pub use super::watch_list::{MOST_BALANCES, MOST_LISTS, way_out};
use super::watch_list::{NewWatch, WatchRefusal};
use crate::types::ChainId;
use std::sync::Arc;

/// What an address costs that is added to such a watch at run time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cost {
    /// Lists of an explorer, by chain; nothing of chains without one.
    pub lists: Vec<(ChainId, u64)>,
    /// Balances that rules look at.
    pub balances: u64,
}

/// What one address more costs. `watch` says where it is watched and with which tags; its addresses do not matter.
#[must_use]
pub fn cost(settings: &Settings, watch: &Watch) -> Cost {
    let looking = settings.rules.iter().filter(|rule| rule.condition.looks_at(watch, false));
    let conditions = looking.map(|rule| &rule.condition);
    let listed = |chain: &&ChainId| settings.chains.get(chain).is_some_and(|settings| settings.explorer.is_some());
    let lists = |chain: &ChainId| {
        let lists = needed(conditions.clone(), watch, *chain, &settings.tokens).iter().count();
        (*chain, lists as u64)
    };
    Cost {
        lists: watch.chains.iter().filter(listed).map(lists).collect(),
        balances: looked_at(settings, watch, false).len() as u64,
    }
}

impl Reactor {
    /// What there is no room for among these: of one chain too many lists, or too many balances.
    pub(super) fn without_room(&self, watches: &[NewWatch]) -> Option<WatchRefusal> {
        let mut lists: Vec<(ChainId, u64)> = Vec::new();
        let mut balances = 0;
        for watch in watches {
            let known = self.watch_list.get(&watch.name);
            let is_new = |address| known.is_none_or(|(_, list)| list.get(address).is_none());
            let new = watch.addresses.iter().filter(|added| is_new(&added.address)).count() as u64;
            let tags = known.map(|(row, _)| row.tags.clone()).or_else(|| watch.tags.clone()).unwrap_or_default();
            let (name, chains) = (watch.name.clone(), self.chains_of(watch));
            let cost = cost(&self.settings, &Watch { name, addresses: Arc::default(), chains, tags, from_block: None });
            balances += new * cost.balances;
            lists.extend(cost.lists.into_iter().map(|(chain, each)| (chain, each * new)));
        }
        if balances > 0 && balances + self.balances.of_rules() > MOST_BALANCES {
            return Some(WatchRefusal::TooManyBalances);
        }
        lists.sort_unstable();
        let of_chain = |part: &[(ChainId, u64)]| {
            let (chain, more) = (part.first()?.0, part.iter().map(|(_, more)| more).sum::<u64>());
            let full = more > 0 && self.lists_on(chain) + more > MOST_LISTS;
            let settings = self.settings.chains.get(&chain).filter(|_| full)?;
            let explorer = settings.explorer.clone()?;
            let alone = settings.endpoints.is_empty();
            Some(WatchRefusal::TooManyLists { chain: settings.name.clone(), explorer, alone })
        };
        lists.chunk_by(|one, other| one.0 == other.0).find_map(of_chain)
    }

    /// Lists that are read of a chain's explorer.
    fn lists_on(&self, chain: ChainId) -> u64 {
        let watches = self.watched.watches().iter().enumerate().filter(|(_, watch)| watch.chains.contains(&chain));
        let of = |(place, watch): (usize, &Watch)| {
            (self.lists_of(place, watch, chain).iter().count() * watch.addresses.len()) as u64
        };
        watches.map(of).sum()
    }
}
