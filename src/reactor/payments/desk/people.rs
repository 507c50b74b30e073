//! What people order (MONEY §8). Every order is in the audit with the name of the token that gave it.

use super::afford::DEAR;
use super::flaws::flawed;
use super::limits::NO_ROOM;
use super::send::OVER;
use super::{Desk, Holds, Purpose, Said, Step, Stopped, request};
pub use crate::reactor::decisions::{Order, Refusal};
use crate::reactor::money::{ApprovedBy, LivePart, PaymentState, Sha256};
use crate::reactor::office::{OfficeKey, OfficeWrite};
use crate::reactor::payments::ask::Ask;
use crate::types::{Name, PaymentId, Timestamp};

impl Desk {
    /// Does what a person orders.
    ///
    /// # Errors
    /// [`Refusal`]: why not, or not yet. What it changed all the same is in the step.
    pub fn order(
        &mut self,
        order: Order,
        by: &Name,
        at: Timestamp,
        holds: Holds<'_>,
        step: &mut Step,
    ) -> Result<(), Refusal> {
        let who = by.as_str();
        match order {
            Order::Approve { payment, body, anyway } => self.approve(payment, body, anyway, by, at, holds, step),
            Order::Reject { payment } => {
                let state = self.rows.get(&payment).ok_or(Refusal::Unknown)?.state;
                let why = format!("rejected by {by}");
                let done =
                    state.is_waiting() && self.advance(payment, PaymentState::Refused, Some(&why), who, at, step);
                if done { Ok(()) } else { Err(Refusal::Elsewhere) }
            }
            Order::Freeze { why } => {
                self.freeze(why.as_str(), who, at, step);
                Ok(())
            }
            Order::Unfreeze => {
                self.office.frozen.as_ref().ok_or(Refusal::NotFrozen)?;
                self.put_office(step, |office| office.frozen = None);
                self.audit(who, "unfrozen", None, "", at, step);
                step.said.push(Said::Unfrozen(by.clone()));
                Ok(())
            }
            Order::Cancel { payment } => self.cancel(payment, who, at, step),
            Order::IsThere { payment, circle } => {
                let row = self.rows.get(&payment).ok_or(Refusal::Unknown)?;
                if row.state != PaymentState::Human {
                    return Err(Refusal::Elsewhere);
                }
                if self.whose(&circle).is_some_and(|owner| owner != payment) {
                    return Err(Refusal::OfAnother);
                }
                self.audit(who, "shown by a person", Some(payment), circle.as_str(), at, step);
                self.ask(Ask::Get { id: circle.clone() }, Purpose::Prove(payment, circle, by.clone()), at);
                Ok(())
            }
            Order::IsAbsent { payment } => self.is_absent(payment, by, at, step),
            Order::Resume { rule } => self.resume(Stopped::Rule(rule), who, at, step),
            Order::ResumePayee { payee } => self.resume(Stopped::Payee(payee), who, at, step),
            Order::ResumeClock => {
                self.office.paused.as_ref().ok_or(Refusal::NotPaused)?;
                self.put_office(step, |office| office.paused = None);
                self.audit(who, "clock resumed", None, "", at, step);
                step.said.push(Said::ClockTrusted(by.clone()));
                Ok(())
            }
            Order::Accept { fingerprint } => {
                let in_force = self.terms.as_ref().ok_or(Refusal::Unknown)?.fingerprint;
                if in_force != fingerprint {
                    return Err(Refusal::OtherConfig);
                }
                let edited = self.office.accepted != Some(fingerprint);
                self.put_office(step, |office| office.accepted = Some(fingerprint));
                self.audit(who, "config accepted", None, &request::short(&fingerprint), at, step);
                if edited {
                    self.ask_again(at, step);
                }
                Ok(())
            }
            Order::WaivePayee { payee } => self.waive(payee, by, at, step),
            Order::AcceptEntityKey { key } => {
                self.put_office(step, |office| office.entity_key = Some(key));
                self.audit(who, "entity key accepted", None, &request::short(&key), at, step);
                Ok(())
            }
            Order::AskProbe => {
                if self.is_frozen() {
                    return Err(Refusal::Frozen);
                }
                self.audit(who, "asks for a probe", None, "", at, step);
                Ok(())
            }
            Order::ProbeShowed { words } => {
                self.audit(who, "a probe showed", None, words.as_str(), at, step);
                Ok(())
            }
            Order::Probed => {
                self.put_office(step, |office| office.probed = true);
                self.audit(who, "probed", None, "", at, step);
                Ok(())
            }
        }
    }

    #[allow(clippy::too_many_arguments, reason = "an approval is looked at against everything")]
    fn approve(
        &mut self,
        id: PaymentId,
        body: Sha256,
        anyway: bool,
        by: &Name,
        at: Timestamp,
        holds: Holds<'_>,
        step: &mut Step,
    ) -> Result<(), Refusal> {
        let (row, live) = self.live(id).ok_or(Refusal::Unknown)?;
        if row.state != PaymentState::Held {
            return Err(Refusal::Elsewhere);
        }
        if live.hash != body {
            return Err(Refusal::OtherBody);
        }
        if self.is_frozen() {
            return Err(Refusal::Frozen);
        }
        if self.office.paused.is_some() {
            return Err(Refusal::Paused);
        }
        let (row, live) = (row.clone(), live.clone());
        if self.is_stopped(&row) {
            return Err(Refusal::Stopped);
        }
        if let Some(why) = self.forbidden(&row) {
            self.advance(id, PaymentState::Refused, Some(why), by.as_str(), at, step);
            return Err(Refusal::Forbidden(why));
        }
        if !self.is_accepted() {
            return Err(Refusal::OtherConfig);
        }
        let held = if flawed!(self, RetractedGoesOut) { Some(true) } else { holds(&row) };
        match held {
            Some(false) if !anyway => {
                self.advance(id, PaymentState::Refused, Some(OVER), by.as_str(), at, step);
                return Err(Refusal::OverNow);
            }
            None if !anyway => return Err(Refusal::NotKnown),
            Some(_) | None => {}
        }
        let twice = flawed!(self, ApprovalCountsTwice);
        let known = self.names(&live).any(|name| name == by);
        let approvals = self.with_name(&live, by, at, !known || twice);
        // Nor does what they said besides outlast them.
        let row_anyway = live.anyway && self.names(&live).next().is_some();
        let mut named = row;
        if let Some(live) = named.live.as_deref_mut() {
            live.approvals.clone_from(&approvals);
        }
        // Who is told "not done" has not approved: with room one day, one name more would do.
        if approvals.len() > 1 && !self.has_room(&named, at) {
            return Err(Refusal::NoRoom);
        }
        if !known || twice {
            self.amend(id, step, |live| live.approvals = approvals);
        }
        // Who says yes again says nothing new, unless it is now in spite of what changed.
        if !known || twice || anyway && !row_anyway {
            self.amend(id, step, |live| live.anyway = anyway || row_anyway);
            self.audit(by.as_str(), "approves", Some(id), &request::short(&body), at, step);
        }
        let Some(row) = self.rows.get(&id).cloned() else { return Err(Refusal::Unknown) };
        let names = row.live.as_deref().map_or(0, |live| self.names(live).count());
        let young = self.terms.as_ref().is_some_and(|terms| !terms.relaxed) && self.is_new_payee(&row.payee, at);
        let over = row.reason.as_ref().is_some_and(|reason| reason.as_str() == NO_ROOM) && !self.has_room(&row, at);
        let needed = if young || over { 2 } else { self.names_needed(row.amount) };
        if names < needed {
            return Err(Refusal::SecondName);
        }
        if !self.has_room(&row, at) {
            return Err(Refusal::SecondName);
        }
        self.amend(id, step, |live| live.approved_at = Some(at));
        let accepted_fee = row.reason.as_ref().is_some_and(|why| why.as_str() == DEAR).then_some(DEAR);
        self.advance(id, PaymentState::Approved, accepted_fee, by.as_str(), at, step);
        Ok(())
    }

    /// The names of a payment with one more, or without: those that were said to what another config had were said to something else.
    fn with_name(&self, live: &LivePart, by: &Name, at: Timestamp, new: bool) -> Vec<ApprovedBy> {
        let mut approvals = live.approvals.clone();
        approvals.retain(|yes| Some(yes.of) == self.fingerprint() || flawed!(self, ApprovalOutlivesEdit));
        approvals.extend(self.fingerprint().filter(|_| new).map(|of| ApprovedBy { by: by.clone(), at, of }));
        approvals
    }

    /// Whoever said yes before an edit is asked again, also where a second edit made it what it was.
    fn ask_again(&mut self, at: Timestamp, step: &mut Step) {
        let waits = [PaymentState::Held, PaymentState::Approved].into_iter().flat_map(|state| self.rows_in(state));
        let named = waits.filter(|row| row.live.as_deref().is_some_and(|live| !live.approvals.is_empty()));
        let named: Vec<(PaymentId, PaymentState)> = named.map(|row| (row.id, row.state)).collect();
        for (id, state) in named {
            // What the config forbids now is refused when its turn comes.
            if state == PaymentState::Approved && self.rows.get(&id).is_some_and(|row| self.forbidden(row).is_some()) {
                continue;
            }
            self.amend(id, step, |live| {
                live.approvals.clear();
                live.anyway = false;
            });
            if state == PaymentState::Approved {
                let Some(row) = self.rows.get(&id).cloned() else { continue };
                let reason = if self.has_room(&row, at) { "config" } else { NO_ROOM };
                self.hold(&row, reason, at, step);
            }
        }
    }

    fn cancel(&mut self, id: PaymentId, who: &str, at: Timestamp, step: &mut Step) -> Result<(), Refusal> {
        let (row, live) = self.live(id).ok_or(Refusal::Unknown)?;
        let circle =
            live.circle_id.clone().filter(|_| row.state == PaymentState::Accepted).ok_or(Refusal::Elsewhere)?;
        self.audit(who, "asks Circle to cancel", Some(id), "", at, step);
        self.ask(Ask::Cancel { id: circle }, Purpose::Cancel(id), at);
        Ok(())
    }

    fn is_absent(&mut self, id: PaymentId, by: &Name, at: Timestamp, step: &mut Step) -> Result<(), Refusal> {
        let (row, live) = self.live(id).ok_or(Refusal::Unknown)?;
        if row.state != PaymentState::Human {
            return Err(Refusal::Elsewhere);
        }
        // What Circle showed is not absent, whoever says so.
        if live.circle_id.is_some() {
            return Err(Refusal::NotAbsent);
        }
        let names = self.soft.absent_by.entry(id).or_default();
        let new = names.insert(by.clone());
        let enough = names.len() >= 2;
        if new {
            self.audit(by.as_str(), "says it is absent", Some(id), "", at, step);
        }
        if !enough {
            return Err(Refusal::SecondName);
        }
        self.soft.absent_by.remove(&id);
        self.amend(id, step, |live| live.absent = Some(at));
        self.advance(id, PaymentState::Rejected, Some("absent, two people say"), by.as_str(), at, step);
        self.ended_badly(id, at, step);
        Ok(())
    }

    /// What was mined while it was stopped never pays. What it crossed meanwhile was not paid either: it is read as if for the first time.
    fn resume(&mut self, what: Stopped, who: &str, at: Timestamp, step: &mut Step) -> Result<(), Refusal> {
        self.stops.remove(&what).ok_or(Refusal::NotStopped)?;
        step.gone.push(OfficeKey::Stop(what.clone()));
        let name = match &what {
            Stopped::Rule(name) | Stopped::Payee(name) => name.clone(),
        };
        if let Stopped::Rule(rule) = &what {
            self.soft.read.retain(|(read, _)| read != rule);
        }
        if let Some(birth) = self.births.get_mut(&what) {
            birth.at = at;
            birth.heads.clear();
            step.office.push(OfficeWrite::Birth(birth.clone()));
        }
        self.audit(who, "resumed", None, name.as_str(), at, step);
        step.said.push(Said::Resumed(what, who.into()));
        Ok(())
    }

    fn waive(&mut self, payee: Name, by: &Name, at: Timestamp, step: &mut Step) -> Result<(), Refusal> {
        let what = Stopped::Payee(payee.clone());
        if !self.births.contains_key(&what) {
            return Err(Refusal::Unknown);
        }
        let names = self.soft.waived_by.entry(payee.clone()).or_default();
        let new = names.insert(by.clone());
        let enough = names.len() >= 2;
        if new {
            self.audit(by.as_str(), "passes a new payee", None, payee.as_str(), at, step);
        }
        if !enough {
            return Err(Refusal::SecondName);
        }
        self.soft.waived_by.remove(&payee);
        if let Some(birth) = self.births.get_mut(&what) {
            birth.waived = true;
            step.office.push(OfficeWrite::Birth(birth.clone()));
        }
        Ok(())
    }
}
