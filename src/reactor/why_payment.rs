//! Why a payment stands where it stands: what it waits for, and every limit that it counts in, as of now.

use super::Reactor;
use super::money::PaymentState;
use super::waits::{Waits, held_because};
use crate::types::{Name, PaymentId};

impl Reactor {
    /// Of a live payment or a rehearsal; `None` where there is no such payment, or where it ended so long ago that nothing holds it.
    pub(super) fn why_payment(&self, id: PaymentId) -> Option<Waits> {
        if let Some(row) = self.desk.get(id) {
            return self.desk.waits(id, self.holds(row), self.at);
        }
        let row = self.payments.get(id)?;
        let mut waits = Waits::default();
        let settings = self.settings.payments.iter().find(|payment| payment.rule == row.rule && !payment.live);
        let payee = settings.and_then(|settings| self.settings.payees.get(&settings.payee));
        if let Some((settings, payee)) = settings.zip(payee) {
            waits.limits = self.payments.rooms(settings, payee, row.amount, Some(id), self.at);
        }
        if row.state == PaymentState::Held {
            let reason = row.reason.as_ref().map_or("approval", Name::as_str);
            waits.say(held_because(reason).unwrap_or(reason).to_owned());
            for room in waits.limits.clone().iter().filter(|room| !room.fits()) {
                waits.say(format!("no room in {room}: it yields to time, or to another config"));
            }
            waits.say(format!("`walletwatch payments approve {id}` lets it be rehearsed; or `reject`"));
        }
        Some(waits)
    }
}
