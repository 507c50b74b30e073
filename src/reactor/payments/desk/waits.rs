//! What a payment waits for, in words, and what a person can do about it. Nothing is decided here: each sentence names what the step that
//! decides it would find now.

use super::afford::DEAR;
use super::limits::DAY;
use super::send::APPROVAL_LASTS;
use super::{Desk, Purpose, Stopped};
use crate::reactor::money::{CircleId, LivePart, PaymentRow, PaymentState};
use crate::reactor::waits::{Waits, held_because};
use crate::types::{Name, PaymentId, Timestamp};

impl Desk {
    /// What stands in the way of a live payment. `holds` is whether what made it still holds, where that is known.
    #[must_use]
    pub fn waits(&self, id: PaymentId, holds: Option<bool>, at: Timestamp) -> Option<Waits> {
        let (row, live) = self.live(id)?;
        let mut waits = Waits::default();
        if let Some(offer) = self.terms.as_ref().and_then(|terms| terms.offers.get(&row.rule)) {
            let rooms = self.rooms(&row.rule, offer, row.amount, id, at);
            waits.limits = rooms.into_iter().flatten().map(|(_, room)| room).collect();
        }
        match row.state {
            PaymentState::Planned => {}
            PaymentState::Held => self.say_held(row, live, holds, at, &mut waits),
            PaymentState::Approved => self.say_approved(row, live, holds, &mut waits),
            PaymentState::Sending => self.say_sending(row, live, &mut waits),
            PaymentState::Reconcile => match &live.circle_id {
                Some(circle) => waits.say(format!("Circle is asked to show its transaction {circle}")),
                None => waits.say(format!(
                    "it is looked for in Circle's list, and nothing is sent: {} complete lists that count had nothing of it; after two, \
                     ten minutes apart, a person is asked. A list counts from {} on: one before may lag",
                    live.empty_scans,
                    self.counted_from(live)
                )),
            },
            PaymentState::Human if live.circle_id.is_some() => waits.say(format!(
                "look at {} in Circle's console, then `walletwatch payments resolve {id} --circle ID` with the transaction that it is: \
                 Circle is asked to show it. It is not absent",
                live.circle_id.as_ref().map_or("", CircleId::as_str)
            )),
            PaymentState::Human => waits.say(format!(
                "look at Circle's console, then `walletwatch payments resolve {id}`: --circle ID where it is there, --absent (two \
                 approvers) where it is not"
            )),
            PaymentState::Accepted => say_accepted(row, live, &mut waits),
            PaymentState::Rejected | PaymentState::Failed | PaymentState::Cancelled | PaymentState::Denied => {
                self.say_stopped(row, &mut waits);
                if live.absent.is_some() {
                    waits.say("it is looked for at Circle for 30 days all the same");
                }
            }
            PaymentState::Rehearsed | PaymentState::Refused | PaymentState::Complete => {}
        }
        Some(waits)
    }

    fn say_held(&self, row: &PaymentRow, live: &LivePart, holds: Option<bool>, at: Timestamp, waits: &mut Waits) {
        let reason = row.reason.as_ref().map_or("approval", Name::as_str);
        waits.say(held_because(reason).unwrap_or(reason).to_owned());
        let full: Vec<_> = waits.limits.iter().filter(|room| !room.fits()).cloned().collect();
        for room in &full {
            let then = if room.yields_to_two {
                "two approvers may pass it for this payment"
            } else {
                "it yields to time, or to another config"
            };
            waits.say(format!("no room in {room}: {then}"));
        }
        self.say_halts(row, waits);
        if let Some(why) = self.forbidden(row) {
            waits.say(format!("an approval would refuse it: {why}"));
        }
        match holds {
            Some(true) => {}
            Some(false) => waits.say("what made it does not hold any more: only `approve --anyway` pays it"),
            None => waits.say("nobody knows now whether what made it still holds"),
        }
        let strict = self.terms.as_ref().is_some_and(|terms| !terms.relaxed);
        let young = strict && self.is_new_payee(&row.payee, at);
        if young && let Some(birth) = self.births.get(&Stopped::Payee(row.payee.clone())) {
            let then = format!("two approvers, or `walletwatch payments accept --payee \"{}\"` by two", row.payee);
            waits.say(format!("its payee is new until {}: it takes {then}", birth.at.after(DAY)));
        }
        let needed = if young || !full.is_empty() { 2 } else { self.names_needed(row.amount) };
        let names: Vec<String> = self.names(live).map(ToString::to_string).collect();
        let by = if names.is_empty() { String::new() } else { format!(", by {}", names.join(" and ")) };
        let act = format!("`walletwatch payments approve {0}`, or `walletwatch payments reject {0}`", row.id);
        waits.say(format!("{} of {needed} approvals{by}: {act}", names.len()));
        let expires =
            self.terms.as_ref().and_then(|terms| terms.offers.get(&row.rule)).map_or(DAY, |offer| offer.expires);
        waits.say(format!("where nobody does, it is refused at {}", row.changed_at.after(expires)));
    }

    fn say_approved(&self, row: &PaymentRow, live: &LivePart, holds: Option<bool>, waits: &mut Waits) {
        self.say_halts(row, waits);
        if self.soft.scanned.is_none() {
            waits.say("Circle's list of the wallet's transactions was not read to its end since the start");
        }
        if self.rows_in(PaymentState::Sending).next().is_some() {
            waits.say("another payment of the wallet is being sent: they go one by one");
        }
        if self.soft.dear.contains(&row.id) {
            waits.say(format!("its fee is above `max_fee` ({DEAR}): it is estimated again"));
        } else if self.soft.means.is_said(row.id) {
            waits.say("the paying wallet holds too little USDC, or too little of the chain's coin for the fee");
        }
        if let Some(first) = self.next_to_send().filter(|first| first.id != row.id) {
            waits.say(format!(
                "payment {} was approved earlier and goes first, as soon as it can (`walletwatch why {}`)",
                first.id, first.id
            ));
        }
        if holds.is_none() && !live.anyway {
            waits.say("nobody knows now whether what made it still holds");
        }
        if let Some(since) = live.approved_at {
            waits.say(format!("where it is not sent by {}, a person is asked again", since.after(APPROVAL_LASTS)));
        }
    }

    fn say_sending(&self, row: &PaymentRow, live: &LivePart, waits: &mut Waits) {
        if self.is_asked(|purpose| *purpose == Purpose::Create(row.id)) {
            return waits.say(format!("attempt {} is under way", live.attempts));
        }
        self.say_halts(row, waits);
        if live.attempts > live.disproven {
            let resends = self.office.probed || self.terms.as_ref().is_some_and(|terms| terms.relaxed);
            let then = if resends {
                "the same request may be sent again until half an hour after the first attempt; then it is looked for"
            } else {
                "nothing is sent again (`walletwatch payments probe` has not shown that this is safe); it is looked for"
            };
            waits.say(format!("nobody knows whether attempt {} arrived: {then}", live.attempts));
        } else {
            waits.say(format!("nothing of its {} attempts did anything: another follows", live.attempts));
        }
        waits.lines.extend(live.due.map(|due| format!("next at {due}").into()));
    }

    /// What keeps every payment, or those of its rule, from going.
    fn say_halts(&self, row: &PaymentRow, waits: &mut Waits) {
        if let Some(why) = &self.office.frozen {
            waits.say(format!("payments are frozen ({why}): `walletwatch payments unfreeze`"));
        }
        if self.soft.file {
            waits.say("a file FREEZE lies beside the config: take it away");
        }
        if let Some((why, _)) = &self.office.paused {
            waits.say(format!("no clock is trusted ({why}): `walletwatch payments resume --clock`"));
        }
        if self.terms.is_none() {
            waits.say("nothing is live in the config in force");
        } else if !self.is_accepted() {
            waits.say("nobody accepted the money part of the config in force: `walletwatch payments accept`");
        }
        self.say_stopped(row, waits);
    }

    fn say_stopped(&self, row: &PaymentRow, waits: &mut Waits) {
        let (rule, payee) = (Stopped::Rule(row.rule.clone()), Stopped::Payee(row.payee.clone()));
        for (what, words) in [(rule, format!("\"{}\"", row.rule)), (payee, format!("--payee \"{}\"", row.payee))] {
            if let Some(stop) = self.stops.get(&what) {
                waits.say(format!("stopped ({}): `walletwatch payments resume {words}`", stop.reason));
            }
        }
    }
}

fn say_accepted(row: &PaymentRow, live: &LivePart, waits: &mut Waits) {
    let word = live.circle_state.as_ref().map_or("nothing yet", Name::as_str);
    waits.say(format!(
        "Circle has it and says {word}; it is asked again. `walletwatch payments cancel {}` asks Circle to stop it",
        row.id
    ));
    if word == "STUCK" {
        waits.say("its fee is too low: it can still go through, so nothing is sent in its place");
    }
}
