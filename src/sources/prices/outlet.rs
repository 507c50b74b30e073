//! The way of one pair's prices out of the connections of a feed.
//!
//! It is shared by a connection and its successor: while both stand, the newest price by the venue's own time wins, and the successor says
//! nothing of silence yet.

use super::relay::Shift;
use crate::reactor::event::{Event, NoPrice, Tick};
use crate::sources::queue::Newest;
use crate::types::{Name, Pair, Price, Timestamp};
use std::sync::{Arc, Mutex, PoisonError};

/// Where the prices of a pair go. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Outlet {
    slot: Newest,
    newest: Arc<Mutex<Option<Timestamp>>>,
}

impl Outlet {
    /// Into this slot.
    #[must_use]
    pub(super) fn new(slot: Newest) -> Self {
        Self { slot, newest: Arc::default() }
    }

    /// Hands a price on, unless a newer one was. Says whether it did.
    pub(super) fn price(&self, feed: &Name, pair: &Pair, price: Price, time: Timestamp) -> bool {
        let mut newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        if newest.is_some_and(|newest| time < newest) {
            return false;
        }
        *newest = Some(time);
        self.slot.put(Event::Tick(Tick { feed: feed.clone(), pair: pair.clone(), price, time }));
        true
    }

    /// Says that the last price is not known to hold. A successor that has not taken over says nothing: who is before it may know.
    pub(super) fn quiet(&self, shift: &Shift, feed: &Name, pair: &Pair, why: NoPrice) -> bool {
        let speaks = shift.speaks();
        if speaks {
            self.slot.put(Event::Quiet { feed: feed.clone(), pair: pair.clone(), why });
        }
        speaks
    }
}
