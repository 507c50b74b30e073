//! Hints: somebody says that a transaction changed. It is looked at sooner, and nothing else follows from it.

use super::{Desk, Step};
use crate::reactor::money::CircleId;
use crate::types::{PaymentId, Timestamp};

impl Desk {
    /// A hook speaks of this transaction of Circle's. One that is no open payment's is nobody's affair here.
    pub fn hinted(&mut self, circle: &CircleId, at: Timestamp, step: &mut Step) {
        let is_of = |id: &PaymentId| {
            let live = self.live(*id).map(|(_, live)| live);
            live.is_some_and(|live| live.circle_id.as_ref() == Some(circle) && live.due.is_none_or(|due| due > at))
        };
        let found: Vec<PaymentId> = self.open.iter().copied().filter(is_of).collect();
        for id in found {
            self.amend(id, step, |live| live.due = Some(at));
        }
    }
}
