//! What the poll loop says of itself: the state of the explorer on each chain, and of the account as a whole.

use super::Poller;
use crate::reactor::event::{Event, SourceId, SourceKind, SourceReport, SourceState};
use crate::sources::queue::{Closed, Lane, SMALL_EVENT_BYTES};
use crate::types::{ChainId, Timestamp};

impl Poller {
    /// Says on every chain that the account's day is over, where it is.
    pub(super) async fn say_over_budget(&mut self, now: Timestamp) -> Result<(), Closed> {
        match self.account.over_until(now) {
            Some(until) => self.say_everywhere(&SourceState::OverBudget(until)).await,
            None => Ok(()),
        }
    }

    /// Says the account's state, where it changed: once, not chain by chain.
    pub(super) async fn say_everywhere(&mut self, state: &SourceState) -> Result<(), Closed> {
        let mut changed = false;
        for chain in self.setup.chains.clone() {
            // That the plan does not hold a chain stays true, whatever befalls the account.
            if self.refused.contains(&chain) || self.states.get(&chain) == Some(state) {
                continue;
            }
            self.states.insert(chain, state.clone());
            changed = true;
        }
        if changed { self.report(None, state.clone()).await } else { Ok(()) }
    }

    /// Says a chain's state, where it changed.
    pub(super) async fn say(&mut self, chain: ChainId, state: SourceState) -> Result<(), Closed> {
        if self.states.get(&chain) == Some(&state) {
            return Ok(());
        }
        self.states.insert(chain, state.clone());
        self.report(Some(chain), state).await
    }

    async fn report(&mut self, chain: Option<ChainId>, state: SourceState) -> Result<(), Closed> {
        let source = SourceId { kind: SourceKind::Explorer, chain, name: self.setup.name.clone() };
        self.queue.send(Lane::New, Event::Source(SourceReport { source, state }), SMALL_EVENT_BYTES).await
    }
}
