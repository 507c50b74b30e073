//! What the reactor needs from sources, derived from its state.

use super::Reactor;
use super::event::List;
use super::lists::{Lists, needed};
use super::lists::{OpenList, kind_of};
use super::settings::Watch;
use super::wants::{ChainWants, ViewWant};
use crate::types::{Address, B256, ChainId};
use std::collections::BTreeSet;

impl Reactor {
    pub(super) fn chain_wants(&mut self, id: ChainId) -> ChainWants {
        self.wants.watched = self.watched.set().clone();
        let balances = self.balances.wants(id);
        let (fees_often, gas_oracle) = self.wanted_fees(id);
        let Some(chain) = self.chains.get(&id) else {
            let explorer_head = self.has_explorer(id);
            return ChainWants { balances, explorer_head, fees_often, gas_oracle, ..ChainWants::default() };
        };
        let newest = chain.window().rev().take(super::PUBLISHED_BLOCKS).map(|block| block.at);
        let mut window: Vec<_> = newest.collect();
        window.reverse();
        let started = chain.row().started;
        let untraced = chain.untraced().rev().take(super::PUBLISHED_BLOCKS).map(|block| block.at);
        let mut untraced: Vec<_> = untraced.collect();
        untraced.reverse();
        ChainWants {
            window,
            tip_endpoint: chain.row().tip_endpoint.clone(),
            gaps: chain.gaps().copied().collect(),
            untraced,
            stopped: chain.row().stopped.is_some(),
            receipts: self.wanted_receipts(id),
            explorer_receipts: self.explorer_reads_balances(id),
            tokens: self.wanted_tokens(id),
            views: started.map(|started| self.wanted_views(id, started)).unwrap_or_default(),
            balances,
            explorer_head: self.has_explorer(id) && (started.is_none() || self.needs_proxy_head(id)),
            fees_often,
            gas_oracle,
            opinions: self.soft.opinions.wants(id),
            history: self.history_wants(id),
        }
    }

    pub(super) fn has_explorer(&self, id: ChainId) -> bool {
        self.settings.chains.get(&id).is_some_and(|chain| chain.explorer.is_some())
    }

    /// Transactions of rows that an explorer does not list any more, of rows that only an explorer has, of internal movements that are as
    /// deep as their list can show, and of payments that a rule waits for or that the chain is to confirm.
    fn wanted_receipts(&self, id: ChainId) -> BTreeSet<B256> {
        let open = self.transfers.in_doubt(id).filter(|(_, missing)| missing.receipts < missing.answers);
        let deeper = self.has_explorer(id).then(|| self.receipts_for_depth(id));
        let payments = self.landings(id).chain(self.uncompared(id).map(|(tx, _)| tx));
        let all = open.map(|(row, _)| row.key.tx).chain(deeper.into_iter().flatten()).chain(payments);
        all.filter(|tx| !self.soft.receipts_asked.contains(&(id, *tx))).collect()
    }

    /// Tokens that an alert waits for.
    fn wanted_tokens(&self, id: ChainId) -> BTreeSet<Address> {
        self.transfers.tokens(id).filter(|contract| self.is_unknown(id, *contract)).collect()
    }

    fn wanted_views(&self, id: ChainId, started: u64) -> Vec<ViewWant> {
        if !self.has_explorer(id) {
            return Vec::new();
        }
        let bound = self.settle_bound(id);
        let open = self.open_lists(id);
        let vouched = List::ALL.map(|list| self.endpoint_vouches(id, kind_of(list)));
        let overlap = self.settings.chains.get(&id).map_or(0, super::settings::ChainSettings::overlap);
        let silent_since = self.taken_over_since(id);
        let watches = self.watched.watches().iter().enumerate();
        let mut views = Vec::new();
        for (place, watch) in watches.filter(|(_, watch)| watch.chains.contains(&id)) {
            let lists = self.lists_of(place, watch, id);
            for address in watch.addresses.addresses() {
                let begin = self.view_begins(id, address).unwrap_or(started);
                let pointed = open.pointed.get(address).copied();
                for list in lists.iter() {
                    let view = self.views.get(&(id, *address, list));
                    let open = open.lists.get(&(*address, list));
                    // What is not settled is read again: rows may come late, move or vanish.
                    let from = match (view, open) {
                        (None, _) => begin,
                        (Some(view), Some(OpenList { doubted_at: Some(_), .. })) => view.from,
                        (Some(view), open) => {
                            let late = (view.read_to + 1).saturating_sub(overlap);
                            let lowest = open.map_or(u64::MAX, |open| open.lowest);
                            late.min(bound + 1).min(lowest).max(view.from)
                        }
                    };
                    views.push(ViewWant {
                        address: *address,
                        list,
                        from,
                        read_at: view.map(|view| view.read_at),
                        moved_at: view.and_then(|view| view.moved_at),
                        // What moved since the endpoints fell silent: the explorer alone can tell.
                        pointed_at: silent_since
                            .filter(|since| view.is_none_or(|view| view.read_at < *since))
                            .max(pointed)
                            .max(open.and_then(|open| open.doubted_at)),
                        leads: !vouched[list as usize],
                    });
                }
            }
        }
        views
    }

    /// The lists that a watch, by its place in the watch list, needs on a chain.
    pub(super) fn lists_of(&self, place: usize, watch: &Watch, chain: ChainId) -> Lists {
        let rules = self.rules.of_watch(place);
        needed(rules.iter().map(|entry| &entry.rule.condition), watch, chain, &self.settings.tokens)
    }
}
