//! Planning (MONEY §1–§3, §6): whether a trigger pays, under which identity, and whether it waits for a person.

use super::flaws::flawed;
use super::limits::{NO_ROOM, Over};
use super::terms::{Offer, Terms};
use super::trigger::{Facts, Trigger, Vouched, amount};
use super::unpaid::Unpaid;
use super::{Desk, OURSELVES, Said, Step, Stopped, request};
use crate::reactor::money::{LivePart, PaymentRow, PaymentState};
use crate::reactor::waits::{NO_ROOM_LINE, in_line};
use crate::types::{Name, PaymentId, Timestamp, TransferId, U256};
use std::time::Duration;

/// So many payments of a rule wait for a person; the next stops the rule.
pub(super) const MOST_WAITING: usize = 20;
/// Beyond the chain's usual time to the stage and this, a trigger never pays by itself.
const LATEST_TRIGGER: Duration = Duration::from_hours(1);
/// What one operator says waits so long for another to say the same; then a person is asked.
const OPINION_WITHIN: Duration = Duration::from_mins(2);
/// Why the payment does not wait that would be one too many.
const TOO_MANY: &str = "too many of its payments wait for a person";
/// A new or changed payee is paid by nobody's silence for so long.
const NEW_PAYEE: Duration = Duration::from_hours(24);

impl Desk {
    /// Plans what a rule pays for a trigger: once, or not at all.
    pub fn plan(&mut self, trigger: &Trigger, at: Timestamp, step: &mut Step) {
        let Some(terms) = self.terms.clone() else { return };
        let Some(offer) = terms.offers.get(&trigger.rule).cloned() else { return };
        let id = self.identity(trigger, &terms);
        if self.rows.contains_key(&id) {
            return;
        }
        if let Some(why) = self.unpaid(trigger) {
            self.pays_nothing(trigger, id, why, step);
            return;
        }
        let Some(amount) = amount(&offer, &trigger.facts) else { return };
        let what = Stopped::Rule(trigger.rule.clone());
        let Some(row) = self.planned(trigger, &offer, &terms, amount, id, at) else {
            let why = "a request cannot be written: the wallet's or the chain's name holds a strange letter";
            step.said.push(Said::Warning(why.into()));
            return;
        };
        let (first, vouched) = match &trigger.facts {
            Facts::Transfer { vouched, .. } => (false, *vouched),
            Facts::Crossing { first, vouched, .. } => (*first, *vouched),
        };
        let waits = self.waits_for(&row, &offer, &terms, first, at);
        if waits.is_some() && self.waiting(&trigger.rule) >= MOST_WAITING {
            self.stop(what, TOO_MANY, at, step);
            return;
        }
        let rooms = self.rooms(&trigger.rule, &offer, amount, id, at);
        let limits = rooms.map_or_else(|_| String::new(), |rooms| in_line(rooms.iter().map(|(_, room)| room)));
        step.payments.push(row.clone());
        self.rows.insert(id, row);
        self.open.insert(id);
        self.audit(OURSELVES, "planned", Some(id), &limits, at, step);
        let alone = vouched != Vouched::ByTwo && !terms.relaxed && !flawed!(self, OneOperatorPays);
        if waits.is_some() || !alone {
            self.go_on(id, waits, at, step);
        }
    }

    /// Says why, unless it only has to grow deeper; a stopped rule counts what it misses, each once.
    fn pays_nothing(&mut self, trigger: &Trigger, id: PaymentId, why: Unpaid, step: &mut Step) {
        let deeper = matches!(why, Unpaid::Stage { .. });
        let stop = self.stops.get_mut(&Stopped::Rule(trigger.rule.clone()));
        if let Some(stop) = stop.filter(|_| matches!(why, Unpaid::Stopped(_)))
            && self.soft.missed.insert(id)
        {
            stop.missed += 1;
            step.office.push(crate::reactor::office::OfficeWrite::Stop(stop.clone()));
        }
        if !deeper {
            step.said.push(Said::Unpaid(trigger.rule.clone(), why));
        }
    }

    /// The payments for which another operator is asked.
    pub fn unwitnessed(&self) -> impl Iterator<Item = &PaymentRow> {
        self.rows_in(PaymentState::Planned)
    }

    /// Two operators say alike what made a payment.
    pub fn witnessed(&mut self, id: PaymentId, at: Timestamp, step: &mut Step) {
        let Some(row) = self.rows.get(&id).filter(|row| row.state == PaymentState::Planned).cloned() else { return };
        self.audit(OURSELVES, "witnessed", Some(id), "", at, step);
        if let Some(why) = self.forbidden(&row) {
            self.advance(id, PaymentState::Refused, Some(why), OURSELVES, at, step);
            return;
        }
        let Some(terms) = self.terms.clone() else { return };
        let Some(offer) = terms.offers.get(&row.rule) else { return };
        let waits = self.waits_for(&row, offer, &terms, false, at);
        self.go_on(id, waits, at, step);
    }

    /// Nobody else said in time what one operator says: a person is asked.
    pub(super) fn not_witnessed(&mut self, id: PaymentId, at: Timestamp, step: &mut Step) {
        let due = |row: &PaymentRow| row.state == PaymentState::Planned && at.since(row.planned_at) >= OPINION_WITHIN;
        if self.rows.get(&id).is_some_and(due) {
            self.go_on(id, Some("approval"), at, step);
        }
    }

    /// A planned payment waits for a person, or may go.
    fn go_on(&mut self, id: PaymentId, waits: Option<&'static str>, at: Timestamp, step: &mut Step) {
        let Some(row) = self.rows.get(&id).cloned() else { return };
        let Some(reason) = waits else {
            self.amend(id, step, |live| live.approved_at = Some(at));
            self.advance(id, PaymentState::Approved, None, OURSELVES, at, step);
            return;
        };
        if self.waiting(&row.rule) >= MOST_WAITING {
            self.stop(Stopped::Rule(row.rule), TOO_MANY, at, step);
            self.advance(id, PaymentState::Refused, Some(TOO_MANY), OURSELVES, at, step);
            return;
        }
        self.hold(&row, reason, at, step);
    }

    /// It waits for a person; of a limit that has no room the numbers of this moment are kept.
    pub(super) fn hold(&mut self, row: &PaymentRow, reason: &str, at: Timestamp, step: &mut Step) {
        self.advance(row.id, PaymentState::Held, Some(reason), OURSELVES, at, step);
        let offer = self.terms.as_ref().and_then(|terms| terms.offers.get(&row.rule));
        if let Some(offer) = offer.filter(|_| reason == NO_ROOM) {
            let over = self.over_in_words(&row.rule, offer, row.amount, row.id, at);
            self.audit(OURSELVES, NO_ROOM_LINE, Some(row.id), &over, at, step);
        }
    }

    /// What triggered payments was taken back by a reorg.
    pub fn retracted(&mut self, transfer: TransferId, at: Timestamp, step: &mut Step) {
        let of = self.rows.values().filter(|row| row.transfer == Some(transfer));
        let found: Vec<(PaymentId, PaymentState)> = of.map(|row| (row.id, row.state)).collect();
        for (id, state) in found {
            match state {
                PaymentState::Planned | PaymentState::Held | PaymentState::Approved => {
                    if !flawed!(self, RetractedGoesOut) {
                        let why = "its trigger was taken back by a reorg";
                        self.advance(id, PaymentState::Refused, Some(why), OURSELVES, at, step);
                    }
                }
                PaymentState::Sending
                | PaymentState::Reconcile
                | PaymentState::Human
                | PaymentState::Accepted
                | PaymentState::Complete => {
                    if let Some(row) = self.rows.get(&id) {
                        step.said.push(Said::TriggerRetracted(Box::new(row.clone())));
                    }
                    self.audit(OURSELVES, "trigger retracted", Some(id), "", at, step);
                }
                PaymentState::Rehearsed
                | PaymentState::Refused
                | PaymentState::Rejected
                | PaymentState::Failed
                | PaymentState::Cancelled
                | PaymentState::Denied => {}
            }
        }
    }

    fn identity(&self, trigger: &Trigger, terms: &Terms) -> PaymentId {
        match &trigger.facts {
            Facts::Transfer { id, block_hash, .. } => {
                if flawed!(self, KeyFromBlockHash) {
                    return PaymentId::hash("payment/flawed", &[&id.0, block_hash]);
                }
                request::of_transfer(&trigger.rule, id.0)
            }
            Facts::Crossing { what, number, .. } => {
                let what = if flawed!(self, OneRuleOnAllChains) { &trigger.rule } else { what };
                request::of_crossing(&terms.store, what, *number)
            }
        }
    }

    /// Why it has to wait for a person, if it has to, whoever vouches for what made it.
    fn waits_for(
        &self,
        row: &PaymentRow,
        offer: &Offer,
        terms: &Terms,
        first: bool,
        at: Timestamp,
    ) -> Option<&'static str> {
        let triggered_at = row.live.as_deref().map_or(row.planned_at, |live| live.triggered_at);
        if !self.over(&row.rule, offer, row.amount, row.id, at).is_empty() {
            return Some(NO_ROOM);
        }
        if self.is_frozen() {
            return Some("frozen");
        }
        if self.office.paused.is_some() {
            return Some("clock");
        }
        if first {
            return Some("first_reading");
        }
        if !terms.relaxed && (self.office.accepted != Some(terms.fingerprint) || self.is_new_payee(&offer.payee, at)) {
            return Some("config");
        }
        if row.planned_at.since(triggered_at) > offer.usual.saturating_add(LATEST_TRIGGER) {
            return Some("age");
        }
        if offer.manual || self.names_needed(row.amount) > 1 {
            return Some("approval");
        }
        None
    }

    /// Whether a payee is younger than a day, and nobody passed that.
    pub(super) fn is_new_payee(&self, payee: &Name, at: Timestamp) -> bool {
        let birth = self.births.get(&Stopped::Payee(payee.clone()));
        birth.is_none_or(|birth| !birth.waived && at.since(birth.at) < NEW_PAYEE)
    }

    /// How many approvers a payment of this amount takes.
    pub(super) fn names_needed(&self, amount: U256) -> usize {
        let over = self.terms.as_ref().and_then(|terms| terms.two_approvals_over).is_some_and(|bound| amount > bound);
        if over { 2 } else { 1 }
    }

    fn waiting(&self, rule: &Name) -> usize {
        let held = |row: &&PaymentRow| row.state == PaymentState::Held && row.rule == *rule;
        self.open.iter().filter_map(|id| self.rows.get(id)).filter(held).count()
    }

    fn planned(
        &self,
        trigger: &Trigger,
        offer: &Offer,
        terms: &Terms,
        amount: U256,
        id: PaymentId,
        at: Timestamp,
    ) -> Option<PaymentRow> {
        let destination = terms.payees.get(&offer.payee)?.address;
        let frozen = request::request(terms, id, destination, amount)?;
        #[cfg(feature = "faults")]
        let frozen = self.spoiled(frozen, terms, id);
        let (transfer, crossing) = match &trigger.facts {
            Facts::Transfer { id, .. } => (Some(*id), None),
            Facts::Crossing { number, .. } => (None, Some(*number)),
        };
        Some(PaymentRow {
            id,
            rule: trigger.rule.clone(),
            payee: offer.payee.clone(),
            chain: terms.chain,
            address: destination,
            amount,
            state: PaymentState::Planned,
            reason: None,
            transfer,
            crossing,
            planned_at: at,
            changed_at: at,
            live: Some(Box::new(LivePart {
                wallet: terms.wallet.clone(),
                key: frozen.key,
                body: frozen.body,
                hash: frozen.hash,
                reference: frozen.reference,
                blockchain: terms.blockchain.clone(),
                token: terms.token,
                version: terms.fingerprint,
                triggered_at: trigger.time,
                approvals: Vec::new(),
                anyway: false,
                approved_at: None,
                attempts: 0,
                disproven: 0,
                first_sent: None,
                last_sent: None,
                due: None,
                empty_scans: 0,
                scanned_at: None,
                circle_id: None,
                circle_state: None,
                compared: false,
                tx: None,
                absent: None,
            })),
        })
    }

    /// Why the config in force forbids a payment that has not left, if it does (MONEY §8).
    pub(super) fn forbidden(&self, row: &PaymentRow) -> Option<&'static str> {
        if flawed!(self, EditedPayeeIsPaid) {
            return None;
        }
        let Some(terms) = &self.terms else { return Some("payments are not configured any more") };
        let Some(offer) = terms.offers.get(&row.rule) else { return Some("its rule is gone, or not live any more") };
        if offer.payee != row.payee {
            return Some("its rule pays somebody else now");
        }
        let Some(payee) = terms.payees.get(&row.payee) else { return Some("its payee is gone") };
        let live = row.live.as_deref()?;
        if self.was_made_elsewhere(row, live) {
            return Some("the same transfer was made elsewhere already");
        }
        if payee.address != row.address {
            return Some("its payee has another address now");
        }
        if terms.wallet != live.wallet || terms.blockchain != live.blockchain || terms.token != live.token {
            return Some("another wallet pays now");
        }
        if self.stops.contains_key(&Stopped::Payee(row.payee.clone())) {
            return Some("its payee is stopped");
        }
        None
    }

    /// Whether as many people said yes as the config in force asks for.
    pub(super) fn has_names(&self, row: &PaymentRow) -> bool {
        let manual =
            self.terms.as_ref().and_then(|terms| terms.offers.get(&row.rule)).is_some_and(|offer| offer.manual);
        let needed = match self.names_needed(row.amount) {
            0 | 1 => usize::from(manual),
            more => more,
        };
        flawed!(self, ApprovalCountsTwice) || row.live.as_deref().is_some_and(|live| self.names(live).count() >= needed)
    }

    /// Who said yes to a payment as the config in force has it.
    pub(super) fn names<'row>(&self, live: &'row LivePart) -> impl Iterator<Item = &'row Name> {
        let (of, any) = (self.fingerprint(), flawed!(self, ApprovalOutlivesEdit));
        live.approvals.iter().filter(move |yes| any || Some(yes.of) == of).map(|yes| &yes.by)
    }

    /// Whether limits, or two names, have room for a payment that waits.
    pub(super) fn has_room(&self, row: &PaymentRow, at: Timestamp) -> bool {
        if flawed!(self, LimitsOnlyAtPlanning) {
            return true;
        }
        let offer = self.terms.as_ref().and_then(|terms| terms.offers.get(&row.rule));
        let (Some(offer), Some(live)) = (offer, row.live.as_deref()) else { return false };
        let over = self.over(&row.rule, offer, row.amount, row.id, at);
        let two = self.names(live).count() >= 2;
        over.iter().all(|over: &Over| two && over.yields_to_two())
    }
}
