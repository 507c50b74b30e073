//! What a feed says of itself: each change of state once, the newest only.

use crate::net::socket::{Reason, SocketState, status_words};
use crate::reactor::event::{Event, SourceId, SourceReport, SourceState};
use crate::sources::queue::Newest;
use std::sync::{Arc, Mutex, PoisonError};

/// Says a feed's state where it changed. Clones share what was said last.
#[derive(Debug, Clone)]
pub struct Reporter {
    source: SourceId,
    slot: Newest,
    said: Arc<Mutex<Option<SourceState>>>,
}

impl Reporter {
    /// For this source, into this slot.
    #[must_use]
    pub fn new(source: SourceId, slot: Newest) -> Self {
        Self { source, slot, said: Arc::default() }
    }

    /// Says a state, unless it was said last.
    pub fn say(&self, state: SourceState) {
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        if said.as_ref() == Some(&state) {
            return;
        }
        *said = Some(state.clone());
        self.slot.put(Event::Source(SourceReport { source: self.source.clone(), state }));
    }

    /// Says what a change of the socket means. That a subscription stands makes nothing fresh: only a price does.
    pub fn socket(&self, state: &SocketState) {
        match state {
            SocketState::Connecting => {
                let said = self.said.lock().unwrap_or_else(PoisonError::into_inner).clone();
                // An attempt behind a failure is still that failure.
                if said.is_none() {
                    self.say(SourceState::Connecting);
                }
            }
            SocketState::Subscribing | SocketState::Live | SocketState::Stopped => {}
            SocketState::Stale => self.say(SourceState::Stale),
            SocketState::BackingOff { reason: Reason::Rejected, .. } => {
                self.say(SourceState::Refused(Reason::Rejected.words().into()));
            }
            SocketState::BackingOff { reason, .. } => self.say(SourceState::BackingOff(reason.words().into())),
            // Too many connections passes; a region, a key or a path does not.
            SocketState::Refused { status: 429, .. } => self.say(SourceState::BackingOff(status_words(429).into())),
            SocketState::Refused { status, .. } => self.say(SourceState::Refused(status_words(*status).into())),
        }
    }
}
