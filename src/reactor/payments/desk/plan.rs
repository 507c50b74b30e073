//! Planning (MONEY §1–§3, §6): whether a trigger pays, under which identity, and whether it waits for a person.

use super::flaws::flawed;
use super::limits::{NO_ROOM, Over};
use super::terms::{Offer, OfferAmount, Terms};
use super::{Desk, OURSELVES, Said, Step, Stopped, request};
use crate::reactor::money::{LivePart, PaymentRow, PaymentState};
use crate::reactor::waits::in_line;
use crate::types::{Address, ChainId, Name, PaymentId, Stage, Timestamp, TransferId, U256};
use std::time::Duration;

/// So many payments of a rule wait for a person; the next stops the rule.
pub(super) const MOST_WAITING: usize = 20;
/// Beyond the chain's usual time to the stage and this, a trigger never pays by itself.
const LATEST_TRIGGER: Duration = Duration::from_hours(1);
/// A new or changed payee is paid by nobody's silence for so long.
const NEW_PAYEE: Duration = Duration::from_hours(24);

/// Something that makes a rule pay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trigger {
    /// Which rule.
    pub rule: Name,
    /// The time of the block or tick.
    pub time: Timestamp,
    /// What happened.
    pub facts: Facts,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Facts {
    /// A transfer that the rule's condition matches.
    Transfer {
        /// Which.
        id: TransferId,
        /// Raw, of its asset.
        amount: U256,
        /// Who gave.
        from: Address,
        /// Who got.
        to: Address,
        /// Where.
        chain: ChainId,
        /// Its block.
        block: u64,
        /// How deep it is.
        stage: Stage,
        /// It may be a trick.
        suspect: bool,
        /// Read from the receipts of its block, and two operators agree; or one, and nothing more.
        vouched: Vouched,
        /// A hash of the block that it is in. Never a part of what it is.
        block_hash: [u8; 32],
    },
    /// A crossing, with its number: see [`Desk::read`].
    Crossing {
        /// The rule with watch, chain and asset: one text.
        what: Name,
        /// The how-manieth.
        number: u64,
        /// What is missing to a level that is filled to, raw; a price and a fee have none.
        missing: Option<U256>,
        /// Nothing was known before: a person is asked.
        first: bool,
        /// Who says what was read.
        vouched: Vouched,
    },
}

/// Who vouches for a trigger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Vouched {
    /// Nobody who counts: an explorer's row, or an internal movement.
    ByNobody,
    /// One operator.
    ByOne,
    /// Two operators.
    ByTwo,
}

impl Desk {
    /// Plans what a rule pays for a trigger: once, or not at all.
    pub fn plan(&mut self, trigger: &Trigger, at: Timestamp, step: &mut Step) {
        let Some(terms) = self.terms.clone() else { return };
        let Some(offer) = terms.offers.get(&trigger.rule).cloned() else { return };
        let id = self.identity(trigger, &terms);
        if self.rows.contains_key(&id) || !self.may_pay(trigger, &offer, &terms, step) {
            return;
        }
        let Some(amount) = amount(&offer, &trigger.facts).filter(|amount| !amount.is_zero()) else { return };
        let what = Stopped::Rule(trigger.rule.clone());
        if let Some(stop) = self.stops.get_mut(&what) {
            if self.soft.missed.insert(id) {
                stop.missed += 1;
                step.office.push(crate::reactor::office::OfficeWrite::Stop(stop.clone()));
            }
            return;
        }
        let waits = self.waits_for(trigger, &offer, &terms, amount, id, at);
        if waits.is_some() && self.waiting(&trigger.rule) >= MOST_WAITING {
            self.stop(what, "too many of its payments wait for a person", at, step);
            return;
        }
        let Some(row) = self.planned(trigger, &offer, &terms, amount, id, at) else {
            let why = "a request cannot be written: the wallet's or the chain's name holds a strange letter";
            step.said.push(Said::Warning(why.into()));
            return;
        };
        let rooms = self.rooms(&trigger.rule, &offer, amount, id, at);
        let limits = rooms.map_or_else(|_| String::new(), |rooms| in_line(rooms.iter().map(|(_, room)| room)));
        step.payments.push(row.clone());
        self.rows.insert(id, row);
        self.open.insert(id);
        self.audit(OURSELVES, "planned", Some(id), &limits, at, step);
        if let Some(reason) = waits {
            self.advance(id, PaymentState::Held, Some(reason), OURSELVES, at, step);
            if reason == NO_ROOM {
                let over = self.over_in_words(&trigger.rule, &offer, amount, id, at);
                self.audit(OURSELVES, "no room", Some(id), &over, at, step);
            }
        } else {
            self.amend(id, step, |live| live.approved_at = Some(at));
            self.advance(id, PaymentState::Approved, None, OURSELVES, at, step);
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

    /// Whether such a trigger ever pays by this rule (MONEY §1, §2).
    fn may_pay(&self, trigger: &Trigger, offer: &Offer, terms: &Terms, step: &mut Step) -> bool {
        let Facts::Transfer { id, from, to, chain, block, stage, suspect, vouched, .. } = &trigger.facts else {
            return true;
        };
        let deep = match stage {
            Stage::Seen | Stage::Confirmed | Stage::Final => *stage >= offer.stage || flawed!(self, UnfinalPays),
            Stage::Retracted => false,
        };
        if !deep || *vouched == Vouched::ByNobody || *chain != terms.chain || self.was_before(trigger, *chain, *block) {
            return false;
        }
        if self.is_loop(terms, from, to) {
            return false;
        }
        if *suspect && !flawed!(self, SuspectPays) {
            step.said.push(Said::Suspect(trigger.rule.clone(), *id));
            return false;
        }
        true
    }

    /// What was mined before the rule was what it is never pays by it.
    fn was_before(&self, trigger: &Trigger, chain: ChainId, block: u64) -> bool {
        let Some(birth) = self.births.get(&Stopped::Rule(trigger.rule.clone())) else { return true };
        let head = birth.heads.iter().find(|(known, _)| *known == chain).map(|(_, head)| *head);
        match head {
            Some(head) => block <= head,
            // The chain was not known then: time decides.
            None => trigger.time <= birth.at,
        }
    }

    /// A transfer from or to the paying wallet or a payee, or between watches.
    fn is_loop(&self, terms: &Terms, from: &Address, to: &Address) -> bool {
        if flawed!(self, LoopThroughPayee) {
            return false;
        }
        let ours = |address: &Address| {
            terms.wallet_address.as_ref() == Some(address)
                || terms.payees.values().any(|payee| payee.address == *address)
        };
        ours(from) || ours(to) || (terms.watched.contains(from) && terms.watched.contains(to))
    }

    /// Why it has to wait for a person, if it has to.
    fn waits_for(
        &self,
        trigger: &Trigger,
        offer: &Offer,
        terms: &Terms,
        amount: U256,
        id: PaymentId,
        at: Timestamp,
    ) -> Option<&'static str> {
        let (first, one) = match &trigger.facts {
            Facts::Transfer { vouched, .. } => (false, *vouched != Vouched::ByTwo),
            Facts::Crossing { first, vouched, .. } => (*first, *vouched != Vouched::ByTwo),
        };
        if !self.over(&trigger.rule, offer, amount, id, at).is_empty() {
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
        if at.since(trigger.time) > offer.usual.saturating_add(LATEST_TRIGGER) {
            return Some("age");
        }
        if offer.manual || (one && !terms.relaxed) || self.names_needed(amount) > 1 {
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
        flawed!(self, ApprovalCountsTwice) || row.live.as_deref().is_some_and(|live| live.approvals.len() >= needed)
    }

    /// Whether limits, or two names, have room for a payment that waits.
    pub(super) fn has_room(&self, row: &PaymentRow, at: Timestamp) -> bool {
        if flawed!(self, LimitsOnlyAtPlanning) {
            return true;
        }
        let offer = self.terms.as_ref().and_then(|terms| terms.offers.get(&row.rule));
        let (Some(offer), Some(live)) = (offer, row.live.as_deref()) else { return false };
        let over = self.over(&row.rule, offer, row.amount, row.id, at);
        let two = live.approvals.len() >= 2;
        over.iter().all(|over: &Over| two && over.yields_to_two())
    }
}

fn amount(offer: &Offer, facts: &Facts) -> Option<U256> {
    match (offer.amount, facts) {
        (OfferAmount::Fixed(amount), _) => Some(amount),
        (OfferAmount::Match(reserve), Facts::Transfer { amount, .. }) => amount.checked_sub(reserve),
        (OfferAmount::FillTo(_), Facts::Crossing { missing, .. }) => *missing,
        (OfferAmount::Match(_), Facts::Crossing { .. }) | (OfferAmount::FillTo(_), Facts::Transfer { .. }) => None,
    }
}
