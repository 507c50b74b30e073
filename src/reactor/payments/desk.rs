//! Live payments: the protocol of MONEY.md as a pure machine. Triggers, answers, orders, time and the config in force go in; rows to
//! commit, things to say, and questions for the worker come out.
//!
//! It never reads a clock, draws a random number or does I/O. A question is handed out by [`Desk::take_asks`] and must leave only after
//! the rows of the same step are durable. Everything but [`Soft`] is in the rows: a desk rebuilt from them goes on.

mod afford;
mod answers;
mod arms;
pub mod flaws;
mod hints;
mod limits;
mod outflows;
mod people;
mod plan;
pub mod request;
mod search;
mod send;
pub mod terms;
mod trigger;
mod unpaid;
mod waits;

pub use arms::{Reading, Value};
pub use limits::Over;
pub use outflows::Outflow;
pub use people::{Order, Refusal};
pub use trigger::{Facts, Trigger, Vouched};
pub use unpaid::Unpaid;

use super::ask::{Ask, Asked, Ticket};
use crate::reactor::money::{CircleId, LivePart, PaymentRow, PaymentState, Sha256};
use crate::reactor::office::{
    ArmRow, AuditRow, BirthRow, ForeignRow, OfficeKey, OfficeRow, OfficeTables, OfficeWrite, StopRow, Stopped,
};
use crate::types::{B256, ChainId, Name, PaymentId, Timestamp};
use flaws::{Flaws, flawed};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use terms::Terms;

/// An answer that has not come by then will not: the worker gives up long before.
const GIVEN_UP: Duration = Duration::from_mins(5);
/// Something that cannot go now is looked at again after this.
const LOOK_AGAIN: Duration = Duration::from_secs(30);
/// Who acts when nobody does.
const OURSELVES: &str = "walletwatch";
/// Reasons of a freeze are put together up to so many bytes.
const MOST_REASONS: usize = 600;

/// Whether what made a payment still holds: `None` where it cannot be known now.
pub type Holds<'a> = &'a dyn Fn(&PaymentRow) -> Option<bool>;

/// The machine.
#[derive(Debug, Clone, Default)]
pub struct Desk {
    terms: Option<Terms>,
    rows: BTreeMap<PaymentId, PaymentRow>,
    /// Those that are not at an end.
    open: BTreeSet<PaymentId>,
    office: OfficeRow,
    stops: BTreeMap<Stopped, StopRow>,
    births: BTreeMap<Stopped, BirthRow>,
    foreign: BTreeMap<CircleId, ForeignRow>,
    arms: BTreeMap<Name, ArmRow>,
    audit_head: Option<AuditRow>,
    soft: Soft,
    flaws: Flaws,
}

/// What starts empty after a restart, and may.
#[derive(Debug, Clone, Default)]
struct Soft {
    tickets: u64,
    /// Questions without an answer.
    asked: BTreeMap<Ticket, Waiting>,
    /// Questions that were not handed out.
    asks: Vec<Asked>,
    /// When the last complete scan of this run was asked for.
    scanned: Option<Timestamp>,
    /// No scan is asked for before.
    scan_after: Timestamp,
    /// Whose turn it is to be sent, and since when.
    turn: Option<(PaymentId, Timestamp)>,
    /// Nothing is sent before.
    send_after: Timestamp,
    /// What was read of the wallet before a first send.
    means: afford::Means,
    /// Payments whose fee is above `max_fee`.
    dear: BTreeSet<PaymentId>,
    /// Who said that a payment is absent.
    absent_by: BTreeMap<PaymentId, BTreeSet<Name>>,
    /// Who passed a payee's first day.
    waived_by: BTreeMap<Name, BTreeSet<Name>>,
    /// Triggers that a stopped rule missed: each is counted once.
    missed: BTreeSet<PaymentId>,
    /// Payments that are there, and did not help: each is told once.
    still_low: BTreeSet<PaymentId>,
    /// The file that stops this process is there.
    file: bool,
    /// Transactions that lists of this run showed, with when each was asked for.
    listed: BTreeMap<B256, Timestamp>,
    /// Crossing rules that were read in this run, with what of them was.
    read: BTreeSet<(Name, Name)>,
}

/// A question without an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Waiting {
    purpose: Purpose,
    since: Timestamp,
}

/// What a question is for.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Purpose {
    Create(PaymentId),
    Get(PaymentId),
    /// A person says that this is the payment's transaction.
    Prove(PaymentId, CircleId, Name),
    Scan(Timestamp),
    Funds,
    Fee(PaymentId),
    Cancel(PaymentId),
}

/// What follows from one input: one commit, then words.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Step {
    /// Payments to put.
    pub payments: Vec<PaymentRow>,
    /// Other rows to put.
    pub office: Vec<OfficeWrite>,
    /// Other rows to take away, before those are put.
    pub gone: Vec<OfficeKey>,
    /// What people are told.
    pub said: Vec<Said>,
}

/// What people are told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// A payment came to where its row stands.
    Payment(Box<PaymentRow>),
    /// What may have been paid was triggered by something that a reorg took back.
    TriggerRetracted(Box<PaymentRow>),
    /// A rule matches something and pays nothing for it.
    Unpaid(Name, Unpaid),
    /// Nothing leaves any more, and why.
    Frozen(Name),
    /// It does again, and by whom.
    Unfrozen(Name),
    /// A rule or payee is stopped.
    Stopped(Box<StopRow>),
    /// A rule or payee goes on, and by whom.
    Resumed(Stopped, Name),
    /// No clock is trusted, and why.
    Paused(Name),
    /// One is again, and by whom.
    ClockTrusted(Name),
    /// Something odd that stops nothing.
    Warning(Name),
}

impl Desk {
    /// From rows. `now` earlier than what was last committed pauses money with the first [`Desk::tick`].
    #[must_use]
    pub fn restore(payments: Vec<PaymentRow>, tables: OfficeTables) -> Self {
        let live = payments.into_iter().filter(|row| row.live.is_some());
        let rows: BTreeMap<PaymentId, PaymentRow> = live.map(|row| (row.id, row)).collect();
        let OfficeTables { office, stops, births, foreign, arms, audit_head } = tables;
        Self {
            open: rows.values().filter(|row| !row.state.is_terminal()).map(|row| row.id).collect(),
            rows,
            office: office.unwrap_or_default(),
            stops: stops.into_iter().map(|row| (row.what.clone(), row)).collect(),
            births: births.into_iter().map(|row| (row.what.clone(), row)).collect(),
            foreign: foreign.into_iter().map(|row| (row.id.clone(), row)).collect(),
            arms: arms.into_iter().map(|row| (row.what.clone(), row)).collect(),
            audit_head,
            ..Self::default()
        }
    }

    /// Every row that a rebuilt desk would read, beside the payments.
    #[must_use]
    pub fn tables(&self) -> OfficeTables {
        OfficeTables {
            office: (self.office != OfficeRow::default()).then(|| self.office.clone()),
            stops: self.stops.values().cloned().collect(),
            births: self.births.values().cloned().collect(),
            foreign: self.foreign.values().cloned().collect(),
            arms: self.arms.values().cloned().collect(),
            audit_head: self.audit_head.clone(),
        }
    }

    /// The live payments, by id.
    pub fn payments(&self) -> impl Iterator<Item = &PaymentRow> {
        self.rows.values()
    }

    /// One of them.
    #[must_use]
    pub fn get(&self, id: PaymentId) -> Option<&PaymentRow> {
        self.rows.get(&id)
    }

    /// The fingerprint of the money config in force.
    #[must_use]
    pub fn fingerprint(&self) -> Option<Sha256> {
        self.terms.as_ref().map(|terms| terms.fingerprint)
    }

    /// What holds for all of them.
    #[must_use]
    pub const fn office(&self) -> &OfficeRow {
        &self.office
    }

    /// What is stopped.
    pub fn stops(&self) -> impl Iterator<Item = &StopRow> {
        self.stops.values()
    }

    /// The last line of the audit.
    #[must_use]
    pub const fn audit_head(&self) -> Option<&AuditRow> {
        self.audit_head.as_ref()
    }

    /// Plants a fault.
    #[cfg(feature = "faults")]
    pub fn plant(&mut self, flaw: flaws::Flaw) {
        self.flaws = Flaws::with(flaw);
    }

    /// The questions of the last steps, each handed out once: to the worker, after the commit.
    pub fn take_asks(&mut self) -> Vec<Asked> {
        std::mem::take(&mut self.soft.asks)
    }

    /// A config is in force, at start and at reload. `heads` are the chains' heads as far as they are known.
    pub fn configure(&mut self, terms: Option<Terms>, heads: &BTreeMap<ChainId, u64>, at: Timestamp, step: &mut Step) {
        let there = |what: &Stopped| match (what, &terms) {
            (Stopped::Rule(name), Some(terms)) => terms.offers.contains_key(name),
            (Stopped::Payee(name), Some(terms)) => terms.payees.contains_key(name),
            (_, None) => false,
        };
        let gone: Vec<Stopped> = self.births.keys().filter(|what| !there(what)).cloned().collect();
        for what in gone {
            self.births.remove(&what);
            step.gone.push(OfficeKey::Birth(what));
        }
        let Some(terms) = terms else {
            self.terms = None;
            return;
        };
        for (rule, offer) in &terms.offers {
            let mark = if flawed!(self, EditPaysThePast) { [0; 32] } else { offer.mark };
            self.bear(Stopped::Rule(rule.clone()), mark, heads, at, step);
        }
        for (name, payee) in &terms.payees {
            let mark = terms::sha256("payee", &[payee.address.as_slice()]);
            self.bear(Stopped::Payee(name.clone()), mark, heads, at, step);
        }
        self.terms = Some(terms);
    }

    fn bear(&mut self, what: Stopped, mark: [u8; 32], heads: &BTreeMap<ChainId, u64>, at: Timestamp, step: &mut Step) {
        if self.births.get(&what).is_some_and(|row| row.mark == mark) {
            return;
        }
        let heads = heads.iter().map(|(chain, head)| (*chain, *head)).collect();
        let row = BirthRow { what: what.clone(), mark, at, heads, waived: false };
        step.office.push(OfficeWrite::Birth(row.clone()));
        // What comes next is the first reading after this birth.
        match &what {
            Stopped::Rule(rule) => self.soft.read.retain(|(read, _)| read != rule),
            // Whoever passed it passed another address.
            Stopped::Payee(payee) => drop(self.soft.waived_by.remove(payee)),
        }
        self.births.insert(what, row);
    }

    /// Asks the worker something, once the step is durable.
    fn ask(&mut self, ask: Ask, purpose: Purpose, at: Timestamp) {
        self.soft.tickets += 1;
        let ticket = Ticket(self.soft.tickets);
        self.soft.asked.insert(ticket, Waiting { purpose, since: at });
        self.soft.asks.push(Asked { ticket, ask });
    }

    fn is_asked(&self, wanted: impl Fn(&Purpose) -> bool) -> bool {
        self.soft.asked.values().any(|waiting| wanted(&waiting.purpose))
    }

    /// A question that nobody will answer any more is forgotten: what it may have done stays unknown.
    fn give_up(&mut self, at: Timestamp) {
        self.soft.asked.retain(|_, waiting| at.since(waiting.since) < GIVEN_UP);
    }

    /// Moves a payment along an arrow, and no other way. Gives whether it moved.
    fn advance(
        &mut self,
        id: PaymentId,
        to: PaymentState,
        why: Option<&str>,
        by: &str,
        at: Timestamp,
        step: &mut Step,
    ) -> bool {
        let Some(row) = self.rows.get_mut(&id) else { return false };
        if !row.state.arrows().contains(&to) {
            return false;
        }
        row.state = to;
        row.reason = why.map(Name::from);
        row.changed_at = at;
        let row = row.clone();
        if to.is_terminal() {
            self.open.remove(&id);
        }
        self.audit(by, to.word(), Some(id), why.unwrap_or_default(), at, step);
        step.payments.push(row.clone());
        step.said.push(Said::Payment(Box::new(row)));
        true
    }

    /// Changes the live part of a payment where it stands.
    fn amend(&mut self, id: PaymentId, step: &mut Step, change: impl FnOnce(&mut LivePart)) {
        if let Some(row) = self.rows.get_mut(&id)
            && let Some(live) = row.live.as_deref_mut()
        {
            change(live);
            step.payments.push(row.clone());
        }
    }

    fn live(&self, id: PaymentId) -> Option<(&PaymentRow, &LivePart)> {
        self.rows.get(&id).and_then(|row| row.live.as_deref().map(|live| (row, live)))
    }

    fn audit(&mut self, who: &str, what: &str, payment: Option<PaymentId>, why: &str, at: Timestamp, step: &mut Step) {
        let row = AuditRow::after(self.audit_head.as_ref(), at, who.into(), what.into(), payment, why.into());
        step.office.push(OfficeWrite::Audit(row.clone()));
        self.audit_head = Some(row);
    }

    fn put_office(&mut self, step: &mut Step, change: impl FnOnce(&mut OfficeRow)) {
        change(&mut self.office);
        step.office.push(OfficeWrite::Office(self.office.clone()));
    }

    /// The file that stops this process is there, or is not: while it is, everything waits as under a freeze.
    pub const fn file_is_there(&mut self, there: bool) {
        self.soft.file = there;
    }

    /// Whether nothing may leave: by a person's or our own word, or by the file.
    pub(super) const fn is_frozen(&self) -> bool {
        self.office.frozen.is_some() || self.soft.file
    }

    /// Stops everything until a person looks. The first reason stays.
    fn freeze(&mut self, why: &str, by: &str, at: Timestamp, step: &mut Step) {
        let all: Name = match &self.office.frozen {
            None => why.into(),
            Some(before) if before.as_str().contains(why) || before.as_str().len() > MOST_REASONS => return,
            // Whoever lets payments go again has to know every reason, and the later one may be the graver.
            Some(before) => format!("{before}; and then: {why}").into(),
        };
        self.put_office(step, |office| office.frozen = Some(all.clone()));
        self.audit(by, "frozen", None, why, at, step);
        step.said.push(Said::Frozen(all));
    }

    /// Pauses money: a clock cannot be trusted.
    fn pause(&mut self, why: &str, at: Timestamp, step: &mut Step) {
        if self.office.paused.is_some() || flawed!(self, ClockJumpIgnored) {
            return;
        }
        let since = self.audit_head.as_ref().map_or(at, |head| at.min(head.at));
        self.put_office(step, |office| office.paused = Some((why.into(), since)));
        self.audit(OURSELVES, "paused", None, why, at, step);
        step.said.push(Said::Paused(why.into()));
    }

    fn stop(&mut self, what: Stopped, why: &str, at: Timestamp, step: &mut Step) {
        if self.stops.contains_key(&what) || flawed!(self, FailedGoesOn) {
            return;
        }
        let row = StopRow { what: what.clone(), reason: why.into(), since: at, missed: 0 };
        step.office.push(OfficeWrite::Stop(row.clone()));
        let name = match &what {
            Stopped::Rule(name) => format!("rule {name}: {why}"),
            Stopped::Payee(name) => format!("payee {name}: {why}"),
        };
        self.audit(OURSELVES, "stopped", None, &name, at, step);
        step.said.push(Said::Stopped(Box::new(row.clone())));
        self.stops.insert(what, row);
    }

    /// The wall clock went away from the monotonic one by so much.
    pub fn clock(&mut self, ahead_ms: i64, at: Timestamp, step: &mut Step) {
        if ahead_ms.unsigned_abs() > send::MOST_SKEW_MS {
            self.pause("the wall clock and the monotonic one went apart", at, step);
        }
    }
}

/// Whether something is left alone until then. A clock that was ahead postpones nothing.
fn rests(until: Timestamp, at: Timestamp) -> bool {
    at < until && until <= at.after(LOOK_AGAIN)
}
