//! When sources and chains last were blind, and which blocks were mined meanwhile: for people who look afterwards. Nothing waits for it.

use crate::reactor::effect::Notice;
use crate::reactor::event::SourceId;
use crate::telemetry::snapshot::Outage;
use crate::types::{ChainId, Timestamp};
use std::collections::BTreeMap;

/// The last of each.
#[derive(Debug, Default)]
pub(super) struct Outages {
    sources: BTreeMap<SourceId, Outage>,
    chains: BTreeMap<ChainId, Outage>,
}

impl Outages {
    /// A source is back.
    pub(super) fn of_source(&mut self, source: SourceId, since: Timestamp, until: Timestamp) {
        self.sources.insert(source, Outage { since, until, gap: None });
    }

    /// Looks whether a chain is back: what is told of it is what is shown.
    pub(super) fn noticed(&mut self, until: Timestamp, notice: &Notice) {
        if let Notice::Back(chain, since, gap) = *notice {
            self.chains.insert(chain, Outage { since, until, gap });
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
    }
}
