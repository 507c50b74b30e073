//! What the reactor needs from sources, derived from its state.

use super::Reactor;
use super::event::List;
use super::settings::{Condition, Watch};
use super::wants::{ChainWants, ViewWant};
use crate::types::{Address, Asset, B256, ChainId};
use std::collections::BTreeSet;

impl Reactor {
    pub(super) fn chain_wants(&mut self, id: ChainId) -> ChainWants {
        self.wants.watched = self.watched.set().clone();
        let balances = self.balances.wants(id);
        let Some(chain) = self.chains.get(&id) else {
            return ChainWants { explorer_head: self.has_explorer(id), balances, ..ChainWants::default() };
        };
        let newest = chain.window().rev().take(super::PUBLISHED_BLOCKS).map(|block| block.at);
        let mut window: Vec<_> = newest.collect();
        window.reverse();
        let started = chain.row().started;
        ChainWants {
            window,
            tip_endpoint: chain.row().tip_endpoint.clone(),
            gaps: chain.gaps().copied().collect(),
            stopped: chain.row().stopped.is_some(),
            receipts: self.wanted_receipts(id),
            explorer_receipts: self.explorer_reads_balances(id),
            tokens: self.wanted_tokens(id),
            views: started.map(|started| self.wanted_views(id, started)).unwrap_or_default(),
            balances,
            explorer_head: self.has_explorer(id) && (started.is_none() || self.needs_proxy_head(id)),
        }
    }

    pub(super) fn has_explorer(&self, id: ChainId) -> bool {
        self.settings.chains.get(&id).is_some_and(|chain| chain.explorer.is_some())
    }

    /// Transactions of rows that an explorer does not list any more, of rows that only an explorer has, and of internal movements that
    /// are as deep as their list can show.
    fn wanted_receipts(&self, id: ChainId) -> BTreeSet<B256> {
        let open = self.transfers.in_doubt(id).filter(|(_, missing)| missing.receipts < missing.answers);
        let deeper = self.has_explorer(id).then(|| self.receipts_for_depth(id));
        let all = open.map(|(row, _)| row.key.tx).chain(deeper.into_iter().flatten());
        all.filter(|tx| !self.soft.receipts_asked.contains(&(id, *tx))).collect()
    }

    /// Tokens that an alert waits for.
    fn wanted_tokens(&self, id: ChainId) -> BTreeSet<Address> {
        self.transfers.tokens(id).filter(|contract| self.is_unknown(id, *contract)).collect()
    }

    /// Whether a rule speaks of a watch's NFTs on a chain: one that names no asset and no amount, or a contract that is no known token.
    fn speaks_of_nfts(&self, watch: &Watch, id: ChainId) -> bool {
        let is_nft = |(of, asset): &(ChainId, Asset)| match asset {
            Asset::Token(contract) => *of == id && !self.settings.tokens.contains_key(&(id, *contract)),
            Asset::Coin => false,
        };
        self.settings.rules.iter().any(|rule| match &rule.condition {
            Condition::Transfer(of) => {
                let looks = of.watches.contains(&watch.name) && of.chains.contains(&id);
                looks && of.at_least.is_none() && of.assets.as_ref().is_none_or(|assets| assets.iter().any(is_nft))
            }
            Condition::Price(_) | Condition::Gas(_) | Condition::Balance(_) => false,
        })
    }

    fn wanted_views(&self, id: ChainId, started: u64) -> Vec<ViewWant> {
        if !self.has_explorer(id) {
            return Vec::new();
        }
        let bound = self.settle_bound(id);
        let open = self.open_lists(id);
        let overlap = self.settings.chains.get(&id).map_or(0, super::settings::ChainSettings::overlap);
        let silent_since = self.taken_over_since(id);
        let watches = self.watched.watches().iter().filter(|watch| watch.chains.contains(&id));
        let mut views = Vec::new();
        for watch in watches {
            let begin = watch.from_block.unwrap_or(started);
            let lists = if self.speaks_of_nfts(watch, id) { &List::ALL[..] } else { &List::USUAL };
            for (address, _) in &watch.addresses {
                for list in lists.iter().copied() {
                    let view = self.views.get(&(id, *address, list));
                    // What is not settled is read again: rows may come late, move or vanish.
                    let from = match (view, open.get(&(*address, list))) {
                        (None, _) => begin,
                        (Some(view), Some((_, true))) => view.from,
                        (Some(view), open) => {
                            let late = (view.read_to + 1).saturating_sub(overlap);
                            let lowest = open.map_or(u64::MAX, |(lowest, _)| *lowest);
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
                        soon: silent_since.is_some_and(|since| view.is_none_or(|view| view.read_at < since)),
                    });
                }
            }
        }
        views
    }
}
