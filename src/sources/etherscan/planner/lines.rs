//! The lines that calls stand in, a few on each chain: who is first in a line is known without a look at the others.
//!
//! It keeps order, and decides nothing.

use super::Call;
use crate::types::{ChainId, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

/// A line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lane {
    /// Lists that nothing else reports, in turn.
    Lead,
    /// Lists of what a chain's own blocks report first, in turn.
    Second,
    /// Batches of balances, in turn.
    Sweep,
    /// Whatever goes ahead of its turn.
    Hurry,
}

const LANES: usize = 4;

/// Where a call stands: in turn, and ahead of its turn. Each with the time before which it is not made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Places {
    pub(super) turn: Option<(Lane, Timestamp)>,
    pub(super) hurry: Option<Timestamp>,
}

impl Places {
    fn all(self) -> impl Iterator<Item = (Lane, Timestamp)> {
        self.turn.into_iter().chain(self.hurry.map(|due| (Lane::Hurry, due)))
    }
}

/// The first of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ready {
    pub(super) call: Call,
    pub(super) lane: Lane,
    /// Not before.
    pub(super) at: Timestamp,
}

/// Every line.
#[derive(Debug, Default)]
pub(super) struct Lines {
    chains: BTreeMap<ChainId, OfChain>,
}

#[derive(Debug, Default)]
struct OfChain {
    lanes: [BTreeSet<(Timestamp, Call)>; LANES],
    /// Nothing before then.
    rest: Option<Timestamp>,
}

impl Lines {
    pub(super) fn enter(&mut self, call: Call, places: Places) {
        let chain = self.chains.entry(call.chain()).or_default();
        for (lane, due) in places.all() {
            chain.lanes[lane as usize].insert((due, call));
        }
    }

    pub(super) fn leave(&mut self, call: Call, places: Places) {
        let Some(chain) = self.chains.get_mut(&call.chain()) else { return };
        for (lane, due) in places.all() {
            chain.lanes[lane as usize].remove(&(due, call));
        }
    }

    pub(super) fn rest_until(&mut self, chain: ChainId, until: Timestamp) {
        self.chains.entry(chain).or_default().rest = Some(until);
    }

    /// The call of a line that is due first; of those that may be made now, the one that has been due for longest.
    pub(super) fn first(&self, lane: Lane, now: Timestamp) -> Option<Ready> {
        let of_chain = |chain: &OfChain| {
            let (due, call) = *chain.lanes[lane as usize].first()?;
            let at = chain.rest.map_or(due, |rest| due.max(rest));
            Some((at.max(now), due, Ready { call, lane, at }))
        };
        let firsts = self.chains.values().filter_map(of_chain);
        firsts.min_by_key(|(at, due, ready)| (*at, *due, ready.call)).map(|(_, _, ready)| ready)
    }
}
