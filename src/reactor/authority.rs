//! Who vouches for what on a chain: its own blocks where an endpoint reads them, else the explorer; and how that changes hands.
//!
//! The authority follows the endpoints at once: an explorer's rows are believed as soon as no endpoint is fresh. That the explorer reads a
//! chain in the endpoints' place is said when the chain has been silent for its `stale_after`, so that a socket that comes back in time
//! is nobody's news; and that it was handed back, with the first new block. A chain that the explorer reads is not blind. It is when the
//! explorer falls silent too.

use super::Reactor;
use super::chain::Chain;
use super::effect::{Effect, MessageKind};
use super::event::{SourceId, SourceKind, SourceState};
use super::rows::{Subject, TroubleRow};
use crate::types::{ChainId, Kind, Name, Severity, Timestamp};

/// The name under which all endpoints of a chain are in trouble together.
const ENDPOINTS: &str = "endpoints";

/// All endpoints of a chain, which an explorer stands in for.
pub(super) fn endpoints_of(id: ChainId) -> Subject {
    Subject::Source(SourceId { kind: SourceKind::Rpc, chain: Some(id), name: ENDPOINTS.into() })
}

impl Reactor {
    /// Who vouches for transfers of a kind on a chain now; nobody, where nothing reads it.
    #[must_use]
    pub fn authority(&self, id: ChainId, kind: Kind) -> Option<SourceId> {
        if self.endpoint_vouches(id, kind) {
            let name = self.chains.get(&id).and_then(Chain::reader)?.clone();
            return Some(SourceId { kind: SourceKind::Rpc, chain: Some(id), name });
        }
        self.explorer_of(id).filter(|explorer| self.is_alive(explorer))
    }

    /// Since when an explorer reads a chain in the place of its endpoints.
    #[must_use]
    pub fn taken_over_since(&self, id: ChainId) -> Option<Timestamp> {
        self.taken_over(id).map(|row| row.since)
    }

    /// Whether a chain's own blocks are the authority for a kind at this moment. An endpoint that answers and does not move is none:
    /// while the chain is blind the explorer beside it speaks.
    pub(super) fn endpoint_vouches(&self, id: ChainId, kind: Kind) -> bool {
        let silent = self.troubles.is_open(&Subject::Chain(id)) || self.taken_over(id).is_some();
        let reads = |chain: &Chain| chain.is_fresh() && (kind != Kind::Internal || chain.tracer().is_some());
        !silent && self.chains.get(&id).is_some_and(reads)
    }

    /// No block has come of a chain for too long. Gives whether an explorer reads it in the endpoints' place, which is said.
    pub(super) fn take_over(&mut self, id: ChainId, reason: &str, effects: &mut Vec<Effect>) -> bool {
        let stopped = self.chains.get(&id).is_some_and(|chain| chain.row().stopped.is_some());
        let explorer = self.stand_in(id).filter(|explorer| !stopped && self.is_alive(explorer));
        let Some(explorer) = explorer else { return false };
        let since = self.soft.progress.get(&Subject::Chain(id)).copied().unwrap_or(self.at);
        let last_block = self.chains.get(&id).and_then(Chain::tip).map(|tip| tip.number);
        self.unpublished.insert(id);
        if let Some(row) = self.troubles.open(endpoints_of(id), since, last_block, effects) {
            let reason = format!(
                "{reason}; {} reads the chain in their place, and no payment is made on its word",
                explorer.name
            );
            let body = self.source_body(&row, None, reason.into());
            self.say_trouble(&row, MessageKind::SourceBlind, Severity::Warning, body, effects);
        }
        true
    }

    /// An explorer came back, or fell silent: so does the chain that it alone reads.
    pub(super) fn explorer_changed(&mut self, source: &SourceId, effects: &mut Vec<Effect>) {
        let Some(id) = source.chain.filter(|id| self.explorer_of(*id).as_ref() == Some(source)) else { return };
        self.unpublished.insert(id);
        if self.stand_in(id).is_none() {
            return;
        }
        if self.is_alive(source) {
            if self.troubles.is_open(&Subject::Chain(id))
                && self.take_over(id, "the endpoints give no new block", effects)
            {
                self.recovered(&Subject::Chain(id), effects);
            }
        } else if self.is_said_blind(source) && self.taken_over(id).is_some() {
            self.chain_in_trouble(id, &format!("neither its endpoints nor {} answer", source.name), effects);
        }
    }

    pub(super) fn taken_over(&self, id: ChainId) -> Option<&TroubleRow> {
        self.troubles.get(&endpoints_of(id)).filter(|row| row.open)
    }

    /// The explorer that can stand in for a chain's endpoints.
    fn stand_in(&self, id: ChainId) -> Option<SourceId> {
        self.explorer_of(id).filter(|_| self.settings.chains.get(&id).is_some_and(|chain| !chain.endpoints.is_empty()))
    }

    fn explorer_of(&self, id: ChainId) -> Option<SourceId> {
        let name: Name = self.settings.chains.get(&id)?.explorer.clone()?;
        Some(SourceId { kind: SourceKind::Explorer, chain: Some(id), name })
    }

    /// Whether an explorer answers.
    fn is_alive(&self, explorer: &SourceId) -> bool {
        self.soft.sources.get(explorer) == Some(&SourceState::Fresh)
    }
}
