//! What a feed says of itself: each change of state once, the newest only.

use super::dialect::refused_words;
use super::relay::Shift;
use crate::config::checked::FeedKind;
use crate::net::socket::{Reason, SocketState, status_words};
use crate::reactor::event::{Event, SourceId, SourceReport, SourceState};
use crate::sources::queue::Newest;
use std::sync::{Arc, Mutex, PoisonError};

/// Says a feed's state where it changed. Clones share what was said last.
#[derive(Debug, Clone)]
pub(super) struct Reporter {
    source: SourceId,
    kind: FeedKind,
    slot: Newest,
    said: Arc<Mutex<Option<SourceState>>>,
    /// On whose behalf: a successor says nothing before it takes over.
    shift: Option<Shift>,
}

impl Reporter {
    /// For this source, into this slot.
    #[must_use]
    pub(super) fn new(source: SourceId, kind: FeedKind, slot: Newest) -> Self {
        Self { source, kind, slot, said: Arc::default(), shift: None }
    }

    /// The same voice, for a shift that may have to be silent.
    #[must_use]
    pub(super) fn of(&self, shift: &Shift) -> Self {
        Self { shift: Some(shift.clone()), ..self.clone() }
    }

    /// Says a state, unless it was said last.
    pub(super) fn say(&self, state: SourceState) {
        if self.shift.as_ref().is_some_and(|shift| !shift.speaks()) {
            return;
        }
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        if said.as_ref() == Some(&state) {
            return;
        }
        *said = Some(state.clone());
        self.slot.put(Event::Source(SourceReport { source: self.source.clone(), state }));
    }

    /// Says what a change of the socket means. That a subscription stands makes nothing fresh: only a price does.
    pub(super) fn socket(&self, state: &SocketState) {
        match state {
            SocketState::Connecting => {
                let said = self.said.lock().unwrap_or_else(PoisonError::into_inner).clone();
                // An attempt behind a failure is still that failure.
                if said.is_none() {
                    self.say(SourceState::Connecting);
                }
            }
            SocketState::Subscribing | SocketState::Live | SocketState::Aging | SocketState::Stopped => {}
            SocketState::Stale => self.say(SourceState::Stale),
            SocketState::BackingOff { reason: Reason::Rejected, .. } => {
                self.say(SourceState::Refused(Reason::Rejected.words().into()));
            }
            SocketState::BackingOff { reason, .. } => self.say(SourceState::BackingOff(reason.words().into())),
            // Too many connections passes; a region, a key or a path does not.
            SocketState::Refused { status: 429, .. } => self.say(SourceState::BackingOff(status_words(429).into())),
            SocketState::Refused { status, .. } => {
                self.say(SourceState::Refused(refused_words(self.kind, *status).into()));
            }
        }
    }
}
