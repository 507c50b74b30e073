//! Time: what is due. Waiting payments expire, approved ones are sent one by one, ambiguous ones are sent again or given to the search,
//! accepted ones are followed (MONEY §4, §6).

use super::afford::DEAR;
use super::flaws::flawed;
use super::limits::NO_ROOM;
use super::{Desk, Holds, LOOK_AGAIN, OURSELVES, Purpose, Step, Stopped, rests};
use crate::reactor::money::{PaymentRow, PaymentState};
use crate::reactor::payments::ask::{Ask, Create};
use crate::types::{PaymentId, Timestamp};
use std::time::Duration;

/// A wall clock further away than this from the monotonic one cannot be trusted.
pub(super) const MOST_SKEW_MS: u64 = 2_000;
/// Nor one further away than this from Circle's.
pub(super) const MOST_DATE_SKEW_MS: u64 = 60_000;
/// The same bytes are sent again only so long after the first attempt: Circle may forget a key a day later.
const RESEND_WITHIN: Duration = Duration::from_mins(30);
/// An approval that old is given again.
pub(super) const APPROVAL_LASTS: Duration = Duration::from_hours(1);
/// What was read of the wallet before a first send is no older.
const FRESH: Duration = Duration::from_mins(1);
/// Why a payment does not go that a reorg, or a balance that recovered, overtook.
pub(super) const OVER: &str = "what made it does not hold any more";
/// Nothing that is followed is left alone for longer.
const LONGEST_PAUSE: Duration = Duration::from_mins(10);

impl Desk {
    /// Does everything that is due. `holds` says whether what made a payment still holds.
    pub fn tick(&mut self, at: Timestamp, holds: Holds<'_>, step: &mut Step) {
        if self.audit_head.as_ref().is_some_and(|head| at < head.at) {
            self.pause("the clock is earlier than what was committed last", at, step);
        }
        self.give_up(at);
        self.expire(at, step);
        self.follow(at, holds, step);
        self.search(at);
        self.send_next(at, holds, step);
    }

    /// When something may be due next.
    #[must_use]
    pub fn next_due(&self, at: Timestamp) -> Option<Timestamp> {
        self.terms.as_ref()?;
        let busy = self.open.iter().filter_map(|id| self.rows.get(id)).any(|row| row.state != PaymentState::Held);
        let pace = if busy || !self.soft.asked.is_empty() { Duration::from_secs(1) } else { LOOK_AGAIN };
        Some(at.after(pace))
    }

    fn open_rows(&self) -> Vec<PaymentId> {
        self.open.iter().copied().collect()
    }

    /// Payments that waited too long. While money is paused nobody can have said yes.
    fn expire(&mut self, at: Timestamp, step: &mut Step) {
        if self.office.paused.is_some() {
            return;
        }
        for id in self.open_rows() {
            let Some((row, live)) = self.live(id) else { continue };
            let offer = self.terms.as_ref().and_then(|terms| terms.offers.get(&row.rule));
            let expires = offer.map_or(super::limits::DAY, |offer| offer.expires);
            match row.state {
                PaymentState::Held if at.since(row.changed_at) >= expires => {
                    self.advance(id, PaymentState::Refused, Some("nobody approved it in time"), OURSELVES, at, step);
                }
                PaymentState::Approved if live.approved_at.is_none_or(|since| at.since(since) >= APPROVAL_LASTS) => {
                    let why = if self.soft.dear.contains(&id) { DEAR } else { "age" };
                    self.amend(id, step, |live| live.approvals.clear());
                    self.advance(id, PaymentState::Held, Some(why), OURSELVES, at, step);
                }
                PaymentState::Planned => self.not_witnessed(id, at, step),
                PaymentState::Held
                | PaymentState::Approved
                | PaymentState::Rehearsed
                | PaymentState::Refused
                | PaymentState::Sending
                | PaymentState::Reconcile
                | PaymentState::Human
                | PaymentState::Accepted
                | PaymentState::Rejected
                | PaymentState::Complete
                | PaymentState::Failed
                | PaymentState::Cancelled
                | PaymentState::Denied => {}
            }
        }
    }

    /// What may have left is followed to its end, whatever the config says by now.
    fn follow(&mut self, at: Timestamp, holds: Holds<'_>, step: &mut Step) {
        for id in self.open_rows() {
            let Some((row, live)) = self.live(id) else { continue };
            // A clock that was ahead postpones nothing.
            let due = live.due.is_none_or(|due| due <= at || due > at.after(LONGEST_PAUSE));
            match row.state {
                PaymentState::Sending if due && !self.is_asked(|purpose| *purpose == Purpose::Create(id)) => {
                    self.try_again(id, at, holds, step);
                }
                PaymentState::Reconcile | PaymentState::Accepted => {
                    let asked = self.is_asked(|purpose| *purpose == Purpose::Get(id));
                    if let Some(circle) = live.circle_id.clone().filter(|_| due && !asked) {
                        self.ask(Ask::Get { id: circle }, Purpose::Get(id), at);
                    }
                }
                PaymentState::Sending
                | PaymentState::Planned
                | PaymentState::Held
                | PaymentState::Approved
                | PaymentState::Rehearsed
                | PaymentState::Refused
                | PaymentState::Human
                | PaymentState::Rejected
                | PaymentState::Complete
                | PaymentState::Failed
                | PaymentState::Cancelled
                | PaymentState::Denied => {}
            }
        }
    }

    /// The same bytes again, while that is safe; else nothing is sent any more.
    fn try_again(&mut self, id: PaymentId, at: Timestamp, holds: Holds<'_>, step: &mut Step) {
        let Some((row, live)) = self.live(id) else { return };
        let ambiguous = live.attempts > live.disproven;
        let since = if flawed!(self, AgesMixedUp) { live.last_sent } else { live.first_sent };
        let last = live.last_sent;
        let row = row.clone();
        let age = since.map_or(Duration::MAX, |since| at.since(since));
        let allowed = !ambiguous || self.office.probed || self.terms.as_ref().is_some_and(|terms| terms.relaxed);
        let forever = flawed!(self, ResendAfterKeyLife);
        if (age >= RESEND_WITHIN && !forever) || !allowed {
            // A restored store may not know of its last attempt: what that did shows in a list.
            if !ambiguous && self.soft.scanned.is_none() && !flawed!(self, NoStartScan) {
                self.scan(at);
                return;
            }
            let why = if ambiguous { "nobody knows whether it arrived" } else { "nothing left in time" };
            return self.send_no_more(id, ambiguous, why, at, step);
        }
        let frozen = self.is_frozen() && !flawed!(self, ResendUnderFreeze);
        if frozen || self.office.paused.is_some() || !self.is_accepted() || self.is_creating() {
            return;
        }
        if !ambiguous && self.is_stopped(&row) {
            return;
        }
        // Whatever left may be the first that arrives. So it is looked at like a first send, behind a list that may show what the attempt
        // before it did, and what others moved since.
        let listed = self.soft.scanned.is_some_and(|scanned| Some(scanned) > last && at.since(scanned) < FRESH);
        if !listed && !flawed!(self, NoStartScan) {
            self.scan(at);
            return;
        }
        match self.may_still_go(&row, at, holds) {
            Ok(true) => self.attempt(id, at, step),
            Ok(false) => {}
            Err(why) => self.send_no_more(id, ambiguous, why, at, step),
        }
    }

    /// What may have left is only looked for; what cannot have left is over.
    fn send_no_more(&mut self, id: PaymentId, ambiguous: bool, why: &str, at: Timestamp, step: &mut Step) {
        self.amend(id, step, |live| live.due = None);
        if ambiguous {
            self.advance(id, PaymentState::Reconcile, Some(why), OURSELVES, at, step);
        } else {
            self.advance(id, PaymentState::Rejected, Some(why), OURSELVES, at, step);
            self.ended_badly(id, at, step);
        }
    }

    /// Whether a payment that was let go once may leave now; an error says why it never may again.
    fn may_still_go(&self, row: &PaymentRow, at: Timestamp, holds: Holds<'_>) -> Result<bool, &'static str> {
        if let Some(why) = self.forbidden(row) {
            return Err(why);
        }
        if self.was_approved_otherwise(row) {
            return Err("whoever approved it was shown another config");
        }
        if !self.has_room(row, at) {
            return Err("a limit has no room any more");
        }
        let anyway = row.live.as_deref().is_some_and(|live| live.anyway);
        match self.still_holds(row, holds) {
            Some(false) if !anyway => Err(OVER),
            None if !anyway => Ok(false),
            Some(_) | None => Ok(true),
        }
    }

    /// Whether a yes to it was said under another config than the one in force.
    fn was_approved_otherwise(&self, row: &PaymentRow) -> bool {
        row.live.as_deref().is_some_and(|live| live.approvals.len() > self.names(live).count())
    }

    fn still_holds(&self, row: &PaymentRow, holds: Holds<'_>) -> Option<bool> {
        let believed = flawed!(self, RetractedGoesOut) || flawed!(self, ZeroBalancePays);
        if believed { Some(true) } else { holds(row) }
    }

    /// One attempt: the commit that allows it, and the question behind it.
    fn attempt(&mut self, id: PaymentId, at: Timestamp, step: &mut Step) {
        self.amend(id, step, |live| {
            live.attempts += 1;
            live.first_sent = live.first_sent.or(Some(at));
            live.last_sent = Some(at);
            live.due = None;
        });
        #[cfg(feature = "faults")]
        self.spoil(id);
        let Some(row) = self.rows.get(&id) else { return };
        let number = row.live.as_deref().map_or(0, |live| live.attempts);
        let create = Create::of(row, at, self.office.entity_key);
        self.audit(OURSELVES, "attempt", Some(id), &number.to_string(), at, step);
        if let Some(create) = create {
            self.ask(Ask::Create(Box::new(create)), Purpose::Create(id), at);
        }
    }

    fn is_creating(&self) -> bool {
        self.is_asked(|purpose| matches!(purpose, Purpose::Create(_)))
    }

    /// Whether an approver accepted the money config in force.
    pub(super) fn is_accepted(&self) -> bool {
        self.terms.as_ref().is_some_and(|terms| terms.relaxed || self.office.accepted == Some(terms.fingerprint))
    }

    /// Whose turn it is, of those that nobody holds back: they go in the order of their approvals.
    pub(super) fn next_to_send(&self) -> Option<&PaymentRow> {
        self.rows_in(PaymentState::Approved)
            .filter(|row| !self.is_stopped(row))
            .min_by_key(|row| (row.live.as_deref().and_then(|live| live.approved_at), row.id))
    }

    /// Sends of a wallet are serial: none begins while what became of another is open. Whose turn it is has the wallet read first.
    fn send_next(&mut self, at: Timestamp, holds: Holds<'_>, step: &mut Step) {
        let known = self.soft.scanned.is_some() || flawed!(self, NoStartScan);
        let blocked = self.is_frozen() || self.office.paused.is_some() || !self.is_accepted();
        let busy = self.is_creating() || self.rows_in(PaymentState::Sending).next().is_some();
        if blocked || busy || !known || rests(self.soft.send_after, at) {
            return;
        }
        let Some(row) = self.next_to_send().cloned() else {
            self.soft.turn = None;
            return;
        };
        if let Some(why) = self.forbidden(&row) {
            self.advance(row.id, PaymentState::Refused, Some(why), OURSELVES, at, step);
            return;
        }
        let since = match self.soft.turn {
            Some((id, since)) if id == row.id && since <= at && at.since(since) < FRESH => since,
            Some(_) | None => {
                self.soft.turn = Some((row.id, at));
                at
            }
        };
        if self.is_ready(&row, since, at, step) {
            self.first_send(&row, at, holds, step);
        }
    }

    /// Whether its rule waits for a person to let it go on.
    pub(super) fn is_stopped(&self, row: &PaymentRow) -> bool {
        self.stops.contains_key(&Stopped::Rule(row.rule.clone()))
    }

    pub(super) fn rows_in(&self, state: PaymentState) -> impl Iterator<Item = &PaymentRow> {
        self.open.iter().filter_map(|id| self.rows.get(id)).filter(move |row| row.state == state)
    }

    /// Whether the wallet was read since it is this payment's turn, and can pay.
    fn is_ready(&mut self, row: &PaymentRow, since: Timestamp, at: Timestamp, step: &mut Step) -> bool {
        if self.soft.scanned.is_none_or(|scanned| scanned < since) && !flawed!(self, NoStartScan) {
            self.scan(at);
            return false;
        }
        self.is_affordable(row, since, at, step)
    }

    /// The commit that lets a payment go: everything is looked at once more.
    fn first_send(&mut self, row: &PaymentRow, at: Timestamp, holds: Holds<'_>, step: &mut Step) {
        let id = row.id;
        if !self.has_room(row, at) {
            self.amend(id, step, |live| live.approvals.clear());
            self.hold(row, NO_ROOM, at, step);
            return;
        }
        if self.was_approved_otherwise(row) {
            self.amend(id, step, |live| (live.approvals, live.anyway) = (Vec::new(), false));
            self.advance(id, PaymentState::Held, Some("config"), OURSELVES, at, step);
            return;
        }
        if !self.has_names(row) {
            self.advance(id, PaymentState::Held, Some("approval"), OURSELVES, at, step);
            return;
        }
        let anyway = row.live.as_deref().is_some_and(|live| live.anyway);
        match self.still_holds(row, holds) {
            Some(false) if !anyway => {
                self.advance(id, PaymentState::Refused, Some(OVER), OURSELVES, at, step);
                return;
            }
            None if !anyway => {
                self.soft.send_after = at.after(LOOK_AGAIN);
                return;
            }
            Some(_) | None => {}
        }
        self.soft.turn = None;
        if self.advance(id, PaymentState::Sending, None, OURSELVES, at, step) {
            self.attempt(id, at, step);
        }
    }
}
