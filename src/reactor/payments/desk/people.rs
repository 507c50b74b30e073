//! What people order (MONEY §8). Every order is in the audit with the name of the token that gave it.

use super::flaws::flawed;
use super::limits::NO_ROOM;
use super::{Desk, Holds, Purpose, Said, Step, Stopped, request};
use crate::reactor::money::{CircleId, PaymentRow, PaymentState, Sha256};
use crate::reactor::office::{OfficeKey, OfficeWrite};
use crate::reactor::payments::ask::Ask;
use crate::types::{Name, PaymentId, Timestamp};

/// An order of a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Order {
    /// A payment that waits may go: this one, with these bytes.
    Approve {
        /// Which.
        payment: PaymentId,
        /// SHA-256 of its frozen request.
        body: Sha256,
        /// Though what made it may not hold any more.
        anyway: bool,
    },
    /// A payment that waits will not be.
    Reject {
        /// Which.
        payment: PaymentId,
    },
    /// Nothing leaves.
    Freeze {
        /// Why.
        why: Name,
    },
    /// Payments go on.
    Unfreeze,
    /// Ask Circle to stop one.
    Cancel {
        /// Which.
        payment: PaymentId,
    },
    /// One that needs a person is this transaction at Circle.
    IsThere {
        /// Which.
        payment: PaymentId,
        /// Circle's id.
        circle: CircleId,
    },
    /// One that needs a person never arrived. Takes two names.
    IsAbsent {
        /// Which.
        payment: PaymentId,
    },
    /// A stopped rule goes on.
    Resume {
        /// Which.
        rule: Name,
    },
    /// A stopped payee may be paid again.
    ResumePayee {
        /// Which.
        payee: Name,
    },
    /// The clock is right.
    ResumeClock,
    /// The money config in force is what it should be.
    Accept {
        /// The fingerprint that was read.
        fingerprint: Sha256,
    },
    /// A new payee needs no day of waiting. Takes two names.
    WaivePayee {
        /// Which.
        payee: Name,
    },
    /// Circle's entity public key is this one now.
    AcceptEntityKey {
        /// SHA-256 of it.
        key: Sha256,
    },
    /// Somebody is about to show what this account does: a millionth of a USDC goes from the wallet to itself.
    AskProbe,
    /// A probe showed less than that.
    ProbeShowed {
        /// What.
        words: Name,
    },
    /// It was shown on this account that references come back and that keys hold.
    Probed,
}

/// Why an order was not followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is no such payment, rule or payee.
    #[error("there is none")]
    Unknown,
    /// It does not stand where this can be done.
    #[error("it does not stand where this can be done")]
    Elsewhere,
    /// The approval names other bytes.
    #[error("the approval is of another request")]
    OtherBody,
    /// The config in force forbids it: it is refused now.
    #[error("the config in force forbids it")]
    Forbidden,
    /// A limit has no room, not even for two names.
    #[error("a limit has no room")]
    NoRoom,
    /// Its rule is stopped.
    #[error("its rule is stopped: resume it first")]
    Stopped,
    /// Nothing goes while payments are frozen.
    #[error("payments are frozen")]
    Frozen,
    /// Nothing goes while a clock cannot be trusted.
    #[error("a clock cannot be trusted: payments are paused")]
    Paused,
    /// What made it does not hold any more: it is refused now.
    #[error("what made it does not hold any more")]
    OverNow,
    /// Nobody knows whether what made it still holds.
    #[error("nobody knows now whether what made it still holds")]
    NotKnown,
    /// The fingerprint is not the one in force.
    #[error("the config in force is another one")]
    OtherConfig,
    /// A second name is needed.
    #[error("noted; a second name is needed")]
    SecondName,
}

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
                self.office.frozen.as_ref().ok_or(Refusal::Elsewhere)?;
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
                self.audit(who, "shown by a person", Some(payment), circle.as_str(), at, step);
                self.ask(Ask::Get { id: circle.clone() }, Purpose::Prove(payment, circle, by.clone()), at);
                Ok(())
            }
            Order::IsAbsent { payment } => self.is_absent(payment, by, at, step),
            Order::Resume { rule } => self.resume(Stopped::Rule(rule), who, at, step),
            Order::ResumePayee { payee } => self.resume(Stopped::Payee(payee), who, at, step),
            Order::ResumeClock => {
                self.office.paused.as_ref().ok_or(Refusal::Elsewhere)?;
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
                self.put_office(step, |office| office.accepted = Some(fingerprint));
                self.audit(who, "config accepted", None, &request::short(&fingerprint), at, step);
                Ok(())
            }
            Order::WaivePayee { payee } => self.waive(payee, by, at, step),
            Order::AcceptEntityKey { key } => {
                self.put_office(step, |office| office.entity_key = Some(key));
                self.audit(who, "entity key accepted", None, &request::short(&key), at, step);
                Ok(())
            }
            Order::AskProbe => {
                if self.office.frozen.is_some() {
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
        if self.office.frozen.is_some() {
            return Err(Refusal::Frozen);
        }
        if self.office.paused.is_some() {
            return Err(Refusal::Paused);
        }
        let row = row.clone();
        if self.is_stopped(&row) {
            return Err(Refusal::Stopped);
        }
        if let Some(why) = self.forbidden(&row) {
            self.advance(id, PaymentState::Refused, Some(why), by.as_str(), at, step);
            return Err(Refusal::Forbidden);
        }
        if !self.is_accepted() {
            return Err(Refusal::OtherConfig);
        }
        let held = if flawed!(self, RetractedGoesOut) { Some(true) } else { holds(&row) };
        match held {
            Some(false) if !anyway => {
                let why = "what made it does not hold any more";
                self.advance(id, PaymentState::Refused, Some(why), by.as_str(), at, step);
                return Err(Refusal::OverNow);
            }
            None if !anyway => return Err(Refusal::NotKnown),
            Some(_) | None => {}
        }
        let twice = flawed!(self, ApprovalCountsTwice);
        let known = live_names(&row).any(|name| name == by);
        if !known || twice {
            self.amend(id, step, |live| live.approvals.push((by.clone(), at)));
        }
        self.amend(id, step, |live| live.anyway |= anyway);
        self.audit(by.as_str(), "approves", Some(id), &request::short(&body), at, step);
        let Some(row) = self.rows.get(&id).cloned() else { return Err(Refusal::Unknown) };
        let names = live_names(&row).count();
        let young = self.terms.as_ref().is_some_and(|terms| !terms.relaxed) && self.is_new_payee(&row.payee, at);
        let over = row.reason.as_ref().is_some_and(|reason| reason.as_str() == NO_ROOM) && !self.has_room(&row, at);
        let needed = if young || over { 2 } else { self.names_needed(row.amount) };
        if names < needed {
            return Err(Refusal::SecondName);
        }
        if !self.has_room(&row, at) {
            return Err(if names < 2 { Refusal::SecondName } else { Refusal::NoRoom });
        }
        self.amend(id, step, |live| live.approved_at = Some(at));
        self.advance(id, PaymentState::Approved, None, by.as_str(), at, step);
        Ok(())
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
        // What Circle showed is not absent, whoever says so.
        if row.state != PaymentState::Human || live.circle_id.is_some() {
            return Err(Refusal::Elsewhere);
        }
        let names = self.soft.absent_by.entry(id).or_default();
        names.insert(by.clone());
        let enough = names.len() >= 2;
        self.audit(by.as_str(), "says it is absent", Some(id), "", at, step);
        if !enough {
            return Err(Refusal::SecondName);
        }
        self.soft.absent_by.remove(&id);
        self.amend(id, step, |live| live.absent = Some(at));
        self.advance(id, PaymentState::Rejected, Some("absent, two people say"), by.as_str(), at, step);
        self.ended_badly(id, at, step);
        Ok(())
    }

    /// What was mined while it was stopped never pays.
    fn resume(&mut self, what: Stopped, who: &str, at: Timestamp, step: &mut Step) -> Result<(), Refusal> {
        self.stops.remove(&what).ok_or(Refusal::Unknown)?;
        step.gone.push(OfficeKey::Stop(what.clone()));
        let name = match &what {
            Stopped::Rule(name) | Stopped::Payee(name) => name.clone(),
        };
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
        names.insert(by.clone());
        let enough = names.len() >= 2;
        self.audit(by.as_str(), "passes a new payee", None, payee.as_str(), at, step);
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

fn live_names(row: &PaymentRow) -> impl Iterator<Item = &Name> {
    row.live.iter().flat_map(|live| live.approvals.iter().map(|(name, _)| name))
}
