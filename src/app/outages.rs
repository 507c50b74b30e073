//! When sources and chains last were blind, and which blocks were mined meanwhile: for people who look afterwards. Nothing waits for it.

use crate::reactor::Reactor;
use crate::reactor::event::SourceId;
use crate::reactor::rows::Subject;
use crate::telemetry::snapshot::Outage;
use crate::types::{ChainId, Timestamp};
use std::collections::BTreeMap;

/// The last of each.
#[derive(Debug, Default)]
pub(super) struct Outages {
    sources: BTreeMap<SourceId, Outage>,
    chains: BTreeMap<ChainId, Outage>,
    /// Chains that are blind now: since when, and their newest block then.
    blind: BTreeMap<ChainId, (Timestamp, Option<u64>)>,
}

impl Outages {
    /// A source is back.
    pub(super) fn of_source(&mut self, source: SourceId, since: Timestamp, until: Timestamp) {
        self.sources.insert(source, Outage { since, until, gap: None });
    }

    /// Looks which chains are blind now, and which are not any more.
    pub(super) fn chains(&mut self, now: Timestamp, reactor: &Reactor) {
        let open = reactor.troubles().filter(|row| row.open).filter_map(|row| match row.subject {
            Subject::Chain(chain) => Some((chain, (row.since, row.last_block))),
            Subject::Source(_)
            | Subject::Disagreement(_)
            | Subject::List(..)
            | Subject::Sink(_)
            | Subject::Prices(_)
            | Subject::Unpriced(_)
            | Subject::Payments(_) => None,
        });
        let before = std::mem::replace(&mut self.blind, open.collect());
        for (chain, (since, last)) in before {
            if !self.blind.contains_key(&chain) {
                let height = reactor.height(chain);
                let gap =
                    last.zip(height).filter(|(last, height)| height > last).map(|(last, height)| (last + 1, height));
                self.chains.insert(chain, Outage { since, until: now, gap });
            }
        }
    }

    /// The last of a source.
    pub(super) fn source(&self, source: &SourceId) -> Option<Outage> {
        self.sources.get(source).copied()
    }

    /// The last of a chain.
    pub(super) fn chain(&self, chain: ChainId) -> Option<Outage> {
        self.chains.get(&chain).copied()
    }

    /// Forgets what left the config.
    pub(super) fn keep(&mut self, sources: impl Fn(&SourceId) -> bool, chains: impl Fn(&ChainId) -> bool) {
        self.sources.retain(|source, _| sources(source));
        self.chains.retain(|chain, _| chains(chain));
        self.blind.retain(|chain, _| chains(chain));
    }
}
