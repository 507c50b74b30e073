//! What is known of one endpoint, and how it is told: its state, who it is, its newest head, its tags.
//!
//! Each of these has a slot of its own: only the newest counts, none is lost, and nobody waits for room to say it.

use super::lead::Standing;
use super::rpc::Rpc;
use super::traces::Desk;
use crate::config::checked::EndpointConfig;
use crate::reactor::event::{Contact, Event, Head, SourceId, SourceKind, SourceReport, SourceState, Tags};
use crate::sources::queue::{EventQueue, Newest};
use crate::types::{B256, BlockRef, ChainId, Name, Tracer};
use crate::wire::jsonrpc::Header;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::Instant;

/// How long an endpoint that does not do what is asked of who reads blocks is left alone: at first, and at most. One that did well for
/// the longer of them begins anew.
const SHUNNED_FOR: (Duration, Duration) = (Duration::from_secs(15), Duration::from_mins(10));

/// What an endpoint can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Abilities {
    /// `eth_getBlockReceipts`; without it logs and single receipts are read.
    pub(super) receipts: bool,
    /// Traces of whole blocks.
    pub(super) tracer: Option<Tracer>,
}

/// One endpoint of a chain, shared by who keeps it and who reads blocks.
pub(super) struct Endpoint {
    pub(super) chain: ChainId,
    pub(super) name: Name,
    /// Who runs it.
    pub(super) operator: Name,
    pub(super) rpc: Arc<Rpc>,
    /// Where its traces are asked for.
    pub(super) desk: Desk,
    state: Mutex<State>,
    slots: Slots,
    /// Rings when anything changed that concerns who reads what.
    changed: Arc<Notify>,
}

struct Slots {
    state: Newest,
    contact: Newest,
    tags: Newest,
    head: Newest,
}

#[derive(Default)]
struct State {
    fresh: bool,
    abilities: Abilities,
    genesis: Option<B256>,
    head: Option<Header>,
    head_at: Option<Instant>,
    lacks: Option<B256>,
    shunned_until: Option<Instant>,
    /// How often it was left alone in a row.
    shunned: u32,
    /// It answers, and is not used for reading all the same: shunned or paused.
    held_back: bool,
    said: Option<SourceState>,
    said_tags: Option<Tags>,
    /// The last blocks it gave came without their traces, and that was logged.
    untraced: bool,
}

impl Endpoint {
    pub(super) fn new(
        chain: ChainId,
        config: &EndpointConfig,
        rpc: Rpc,
        queue: &EventQueue,
        changed: Arc<Notify>,
    ) -> Self {
        let slots = Slots { state: queue.slot(), contact: queue.slot(), tags: queue.slot(), head: queue.slot() };
        let (name, operator) = (config.name.clone(), config.operator.clone());
        let rpc = Arc::new(rpc);
        let desk = Desk::new(Arc::clone(&rpc));
        Self { chain, name, operator, rpc, desk, state: Mutex::default(), slots, changed }
    }

    /// Changes are assignments: a panic elsewhere leaves a usable state.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// It was reached and said who it is: fresh from here on.
    pub(super) fn contacted(&self, genesis: Option<B256>, abilities: Abilities) {
        let mut state = self.state();
        (state.genesis, state.abilities, state.lacks) = (genesis, abilities, None);
        drop(state);
        self.say_contact();
        self.say(SourceState::Fresh);
    }

    fn say_contact(&self) {
        let state = self.state();
        let (genesis, traces) = (state.genesis, state.abilities.tracer);
        drop(state);
        let (chain, endpoint) = (self.chain, self.name.clone());
        self.slots.contact.put(Event::Contact(Contact { chain, endpoint, genesis, traces }));
    }

    /// It does not trace after all.
    pub(super) fn lose_traces(&self) {
        let had = self.state().abilities.tracer.take();
        if had.is_some() {
            self.say_contact();
        }
    }

    /// Whether the blocks that it gave just now all came with their traces, as they should; logged when that changed.
    pub(super) fn note_traces(&self, all: bool) {
        if std::mem::replace(&mut self.state().untraced, !all) != all {
            return;
        }
        let (chain, endpoint) = (self.chain, &self.name);
        let method = self.abilities().tracer.map_or("none", Tracer::method);
        if all {
            tracing::warn!(%chain, %endpoint, method, "its blocks come with their traces again");
        } else {
            tracing::warn!(
                %chain, %endpoint, method,
                "its traces do not come in time: blocks are told without them, and coin moved inside their transactions only when they come"
            );
        }
    }

    /// Its state is this now; said when it changed.
    pub(super) fn say(&self, source_state: SourceState) {
        let mut state = self.state();
        state.fresh = source_state == SourceState::Fresh;
        state.held_back = false;
        if state.said.as_ref() == Some(&source_state) {
            return;
        }
        state.said = Some(source_state.clone());
        drop(state);
        let source = SourceId { kind: SourceKind::Rpc, chain: Some(self.chain), name: self.name.clone() };
        self.slots.state.put(Event::Source(SourceReport { source, state: source_state }));
        self.changed.notify_one();
    }

    /// A head of it. `tip` is the published tip.
    pub(super) fn take_head(&self, header: Header, tip: Option<BlockRef>) {
        let mut state = self.state();
        if state.head.is_some_and(|head| head.at == header.at) {
            return;
        }
        // Who lacked the tip lacks it still, unless its new head is the tip or may be above it.
        let still = |tip: &BlockRef| header.at.number <= tip.number && header.at.hash != tip.hash;
        let tip = tip.filter(still).map(|tip| tip.hash);
        state.lacks = state.lacks.filter(|lacked| Some(*lacked) == tip);
        (state.head, state.head_at) = (Some(header), Some(Instant::now()));
        drop(state);
        self.say_head();
        self.changed.notify_one();
    }

    /// Whether it has the tip by hash, when it was asked for it.
    pub(super) fn take_agreement(&self, lacks: Option<B256>) {
        let mut state = self.state();
        if state.lacks != lacks {
            state.lacks = lacks;
            drop(state);
            self.say_head();
        }
    }

    fn say_head(&self) {
        let state = self.state();
        let Some(Header { at, time, base_fee, .. }) = state.head else { return };
        let lacks = state.lacks;
        drop(state);
        let (chain, endpoint) = (self.chain, self.name.clone());
        self.slots.head.put(Event::Head(Head { chain, endpoint, at, time, base_fee, lacks }));
    }

    /// Its tags; said when they changed.
    pub(super) fn take_tags(&self, safe: Option<BlockRef>, finalized: Option<BlockRef>) {
        let pair = |block: BlockRef| (block.number, block.hash);
        let tags = Tags {
            chain: self.chain,
            endpoint: self.name.clone(),
            safe: safe.map(pair),
            finalized: finalized.map(pair),
        };
        let mut state = self.state();
        if state.said_tags.as_ref() != Some(&tags) {
            state.said_tags = Some(tags.clone());
            drop(state);
            self.slots.tags.put(Event::Tags(tags));
        }
    }

    /// It answers, but not what is asked of who reads blocks: it is left alone for a while.
    pub(super) fn shun(&self, why: SourceState) {
        self.state().shunned_until = Some(Instant::now() + SHUNNED_FOR.0);
        self.hold_back(why);
    }

    /// As [`Self::shun`], where another reads meanwhile: twice as long each time, for who reads should not go to and fro.
    pub(super) fn shun_longer(&self, why: SourceState) {
        let mut state = self.state();
        let now = Instant::now();
        if state.shunned_until.is_none_or(|until| now.saturating_duration_since(until) > SHUNNED_FOR.1) {
            state.shunned = 0;
        }
        let span = SHUNNED_FOR.0.saturating_mul(1 << state.shunned.min(6)).min(SHUNNED_FOR.1);
        (state.shunned, state.shunned_until) = (state.shunned.saturating_add(1), Some(now + span));
        drop(state);
        self.hold_back(why);
    }

    /// It is not used for reading, for this reason; its heads are followed as before.
    pub(super) fn hold_back(&self, why: SourceState) {
        self.say(why);
        self.state().held_back = true;
    }

    /// Whether it was held back and no reason for it is left.
    pub(super) fn is_released(&self) -> bool {
        let held_back = self.state().held_back;
        held_back && !self.is_shunned() && !self.rpc.is_paused() && !self.rpc.is_silent()
    }

    /// Whether anything was said of it yet.
    pub(super) fn has_spoken(&self) -> bool {
        self.state().said.is_some()
    }

    /// Whether it is left alone by who reads blocks.
    pub(super) fn is_shunned(&self) -> bool {
        self.state().shunned_until.is_some_and(|until| Instant::now() < until)
    }

    /// For the election.
    pub(super) fn standing(&self) -> Standing {
        let (shunned, paused) = (self.is_shunned(), self.rpc.is_paused());
        let state = self.state();
        Standing { usable: state.fresh && !shunned && !paused, head: state.head.map(|head| head.at.number) }
    }

    /// Its newest head.
    pub(super) fn head(&self) -> Option<Header> {
        self.state().head
    }

    /// When its head last changed.
    pub(super) fn head_at(&self) -> Option<Instant> {
        self.state().head_at
    }

    /// What it can do.
    pub(super) fn abilities(&self) -> Abilities {
        self.state().abilities
    }
}
