//! What people order of payments, and what came of it. A rehearsal is ordered about like a live payment, and never leaves.

use super::Reactor;
use super::decisions::{Order, PaymentOrder, Refusal};
use super::effect::{Effect, MessageKind, Reply};
use super::money::{PaymentRow, PaymentState};
use super::rows::Deadline;
use crate::types::{Name, PaymentId};

impl Reactor {
    /// Does what a person orders, and whatever is due behind it.
    pub(super) fn order_payments(&mut self, ordered: PaymentOrder, effects: &mut Vec<Effect>) {
        let PaymentOrder { by, order } = ordered;
        let rehearsal = payment_of(&order).and_then(|id| self.payments.get(id)).cloned();
        let done = match rehearsal {
            Some(row) => self.order_rehearsal(&row, &order, &by, effects),
            None => self.order_live(order, &by, effects),
        };
        effects.push(Effect::Answer(Box::new(Reply::Payments(done))));
    }

    fn order_rehearsal(
        &mut self,
        row: &PaymentRow,
        order: &Order,
        by: &Name,
        effects: &mut Vec<Effect>,
    ) -> Result<(), Refusal> {
        if row.state != PaymentState::Held {
            return Err(Refusal::Elsewhere);
        }
        let (row, kind) = match order {
            Order::Approve { .. } => {
                let settings = self.settings.payments.iter().find(|payment| payment.rule == row.rule).cloned();
                let settings = settings
                    .filter(|payment| !payment.live)
                    .ok_or(Refusal::Forbidden("its rule is gone, or live by now"))?;
                let payee = self.settings.payees.get(&settings.payee).filter(|payee| payee.address == row.address);
                let payee =
                    payee.cloned().ok_or(Refusal::Forbidden("its payee is gone, or has another address now"))?;
                let row = self.payments.approve(row.id, &settings, &payee, self.at, effects).ok_or(Refusal::NoRoom)?;
                (row, MessageKind::PaymentRehearsed)
            }
            Order::Reject { .. } => {
                let why = format!("rejected by {by}");
                let row = self.payments.refuse(row.id, &why, self.at, effects).ok_or(Refusal::Elsewhere)?;
                (row, MessageKind::PaymentRefused)
            }
            Order::Freeze { .. }
            | Order::Unfreeze
            | Order::Cancel { .. }
            | Order::IsThere { .. }
            | Order::IsAbsent { .. }
            | Order::Resume { .. }
            | Order::ResumePayee { .. }
            | Order::ResumeClock
            | Order::Accept { .. }
            | Order::WaivePayee { .. }
            | Order::AcceptEntityKey { .. }
            | Order::AskProbe
            | Order::ProbeShowed { .. }
            | Order::Probed => return Err(Refusal::Elsewhere),
        };
        self.timers.clear(&Deadline::Expires(row.id), effects);
        self.say_payment_of(&row, kind, effects);
        Ok(())
    }
}

/// The payment that an order is about, where it is about one.
const fn payment_of(order: &Order) -> Option<PaymentId> {
    match order {
        Order::Approve { payment, .. }
        | Order::Reject { payment }
        | Order::Cancel { payment }
        | Order::IsThere { payment, .. }
        | Order::IsAbsent { payment } => Some(*payment),
        Order::Freeze { .. }
        | Order::Unfreeze
        | Order::Resume { .. }
        | Order::ResumePayee { .. }
        | Order::ResumeClock
        | Order::Accept { .. }
        | Order::WaivePayee { .. }
        | Order::AcceptEntityKey { .. }
        | Order::AskProbe
        | Order::ProbeShowed { .. }
        | Order::Probed => None,
    }
}
