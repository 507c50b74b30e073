//! Lists of the wallet's transactions: what is adopted, what is foreign, what is absent (MONEY §4.5, §7).

use super::answers::is_what_was_frozen;
use super::flaws::flawed;
use super::{Desk, LOOK_AGAIN, OURSELVES, Purpose, Said, Step, request, rests};
use crate::reactor::money::{LivePart, PaymentRow, PaymentState};
use crate::reactor::office::{ForeignRow, OfficeWrite};
use crate::reactor::payments::ask::{ANSWER_WITHIN, Ask, LEAVE_WITHIN, Scan, Transaction};
use crate::types::{Name, PaymentId, Timestamp, U256};
use std::time::Duration;

/// A scan for a payment begins so long before its first attempt.
const BEFORE_FIRST: Duration = Duration::from_mins(10);
/// A list may lag: a scan proves nothing earlier than this after the last byte could have left …
const VISIBLE_AFTER: Duration = Duration::from_mins(11);
/// … and nor do two that are nearer to each other than this.
const APART: Duration = Duration::from_mins(10);
/// Scans that find nothing before a person is asked.
const EMPTY_SCANS: u32 = 2;
/// A wallet is read at least so often.
const SCAN_EVERY: Duration = Duration::from_hours(1);
/// Whoever asks, no two scans are nearer to each other than this: a scan may be many pages, and first sends each want one.
const SCANS_APART: Duration = Duration::from_millis(500);
/// How far back a start looks …
pub(super) const START_BACK: Duration = Duration::from_hours(48);
/// … and one that never looked before.
const FIRST_BACK: Duration = Duration::from_hours(90 * 24);
/// A payment that a person called absent is looked for so long.
const LOOK_FOR: Duration = Duration::from_hours(30 * 24);

impl Desk {
    /// Asks for a scan where one is due. A reason that a scan may leave as it is waits before it asks again.
    pub(super) fn search(&mut self, at: Timestamp) {
        let older = |age: Duration| move |scanned: Timestamp| scanned > at || at.since(scanned) >= age;
        let late = self.soft.scanned.is_none_or(older(SCAN_EVERY));
        let rested = self.soft.scanned.is_none_or(older(LOOK_AGAIN)) || flawed!(self, ScansWithoutPause);
        let wanted = self.rows_in(PaymentState::Reconcile).any(|row| {
            row.live.as_deref().is_some_and(|live| {
                let ahead = live.scanned_at.is_some_and(|scanned| scanned > at);
                live.circle_id.is_none() && (ahead || self.counted_from(live) <= at)
            })
        });
        let early = self.rows_in(PaymentState::Reconcile).any(|row| {
            let since = |scanned: Timestamp| scanned < row.changed_at;
            row.changed_at <= at && self.soft.scanned.is_none_or(since)
        });
        if late || early || rested && (wanted || self.unexplained_since().is_some()) {
            self.scan(at);
        }
    }

    /// The earliest time at which an empty scan says something of a payment.
    pub(super) fn counted_from(&self, live: &LivePart) -> Timestamp {
        if flawed!(self, AbsentAfterOneScan) {
            return Timestamp::default();
        }
        match live.scanned_at {
            Some(scanned) if live.empty_scans > 0 => scanned.after(APART),
            Some(_) | None => {
                let left = live.last_sent.unwrap_or_default().after(LEAVE_WITHIN).after(ANSWER_WITHIN);
                left.after(VISIBLE_AFTER)
            }
        }
    }

    /// Asks for every outbound transaction since whatever is open may have begun.
    pub(super) fn scan(&mut self, at: Timestamp) {
        let Some(terms) = &self.terms else { return };
        let too_soon = rests(self.soft.scan_after, at) && !flawed!(self, ScansWithoutPause);
        if too_soon || self.is_asked(|purpose| matches!(purpose, Purpose::Scan(_))) {
            return;
        }
        self.soft.scan_after = at.after(SCANS_APART);
        let base = match self.office.scanned_at {
            None => before(at, FIRST_BACK),
            Some(scanned) if self.soft.scanned.is_none() => before(scanned, SCAN_EVERY).min(before(at, START_BACK)),
            Some(scanned) => before(scanned, SCAN_EVERY),
        };
        let firsts = self.rows.values().filter_map(|row| {
            let live = row.live.as_deref()?;
            let searched = live.absent.is_some_and(|absent| at.since(absent) < LOOK_FOR);
            let first = live.first_sent.filter(|_| searched || (row.state.is_out() && !live.compared))?;
            Some(before(first, BEFORE_FIRST))
        });
        let from =
            if flawed!(self, ShortScanWindow) { before(at, BEFORE_FIRST) } else { firsts.fold(base, Timestamp::min) };
        let from = self.unexplained_since().map_or(from, |since| since.min(from));
        let wallet = terms.wallet.clone();
        self.ask(Ask::Scan(Scan { wallet, from }), Purpose::Scan(from), at);
    }

    /// Every page of a scan came: `asked` is when it was asked for.
    pub(super) fn scanned(
        &mut self,
        found: &[Transaction],
        from: Timestamp,
        asked: Timestamp,
        at: Timestamp,
        step: &mut Step,
    ) {
        self.soft.scanned = Some(asked);
        self.put_office(step, |office| office.scanned_at = Some(asked));
        for shown in found {
            self.adopt(shown, at, step);
        }
        self.explain(found, from, asked, at, step);
        let waiting: Vec<PaymentId> = self.rows_in(PaymentState::Reconcile).map(|row| row.id).collect();
        for id in waiting {
            let Some((row, live)) = self.live(id) else { continue };
            let whole = live.first_sent.is_some_and(|first| from <= before(first, BEFORE_FIRST))
                || flawed!(self, ShortScanWindow);
            if live.circle_id.is_some() || !whole {
                continue;
            }
            if let Some(other) = found.iter().find(|shown| self.is_possible(row, live, shown)) {
                let why = format!("{} has the same destination and amount, and no reference", other.id);
                self.advance(id, PaymentState::Human, Some(&why), OURSELVES, at, step);
                continue;
            }
            // By a clock that was ahead, nobody knows how long ago the scan before was: it counts for nothing.
            if live.scanned_at.is_some_and(|scanned| scanned > asked) {
                self.amend(id, step, |live| (live.empty_scans, live.scanned_at) = (0, None));
                continue;
            }
            // Nor does one by a clock that cannot be trusted.
            if self.office.paused.is_some() || asked < self.counted_from(live) {
                continue;
            }
            let needed = if flawed!(self, AbsentAfterOneScan) { 1 } else { EMPTY_SCANS };
            self.amend(id, step, |live| {
                live.empty_scans += 1;
                live.scanned_at = Some(asked);
            });
            let empty = self.live(id).map_or(0, |(_, live)| live.empty_scans);
            if empty >= needed {
                let why = "Circle's lists do not show it: a person says whether it is absent";
                self.advance(id, PaymentState::Human, Some(why), OURSELVES, at, step);
                #[cfg(feature = "faults")]
                self.take_for_absent(id, at, step);
            }
        }
    }

    /// Whether a transaction without a reference may be this payment's.
    fn is_possible(&self, row: &PaymentRow, live: &LivePart, shown: &Transaction) -> bool {
        let known = self
            .rows
            .values()
            .any(|row| row.live.as_deref().and_then(|live| live.circle_id.as_ref()) == Some(&shown.id));
        let in_time = match (shown.created, live.first_sent) {
            (Some(created), Some(first)) => created >= before(first, BEFORE_FIRST),
            _ => true,
        };
        shown.reference.is_none() && !known && in_time && is_what_was_frozen(row, live, shown)
    }

    /// What a list shows: a payment of ours, or something that this store did not ask for.
    fn adopt(&mut self, shown: &Transaction, at: Timestamp, step: &mut Step) {
        let by_id = self.whose(&shown.id).and_then(|id| self.rows.get(&id));
        let by_id = by_id.map(|row| (row.id, row.live.as_deref().map(|live| live.reference.clone())));
        let reference = shown.reference.clone();
        match (by_id, reference) {
            // It is known, and says so itself or nothing.
            (Some((id, ours)), reference) if reference.is_none() || reference == ours => {
                self.listed(id, shown, at, step);
            }
            (Some((id, _)), Some(_)) => {
                let why = format!("another deployment asked for the transfer of payment {id} too");
                self.freeze(&why, OURSELVES, at, step);
            }
            (Some(_), None) => {}
            (None, Some(reference)) if reference.as_str().starts_with(request::REFERENCE) => {
                self.adopt_by_reference(&reference, shown, at, step);
            }
            (None, _) if self.is_probe(shown) => {}
            (None, _) => drop(self.foreign(shown, at, step)),
        }
    }

    /// Whether it is what a probe moves: next to nothing, from the wallet to itself.
    fn is_probe(&self, shown: &Transaction) -> bool {
        let terms = self.terms.as_ref();
        let named = shown.reference.as_ref().is_some_and(|text| text.as_str().starts_with(request::PROBE_REFERENCE));
        let home = terms.is_some_and(|terms| shown.destination.is_some() && shown.destination == terms.wallet_address);
        named && home && shown.amount == Some(request::PROBE_AMOUNT) && shown.token == terms.map(|terms| terms.token)
    }

    fn adopt_by_reference(&mut self, reference: &Name, shown: &Transaction, at: Timestamp, step: &mut Step) {
        let of = |row: &&PaymentRow| row.live.as_deref().is_some_and(|live| live.reference == *reference);
        let Some(row) = self.rows.values().find(of) else {
            let new = self.foreign(shown, at, step);
            self.refuse_twin(reference, at, step);
            let why = "Circle lists a transfer of walletwatch that this store does not know: a restored backup, or a second deployment";
            if new {
                self.freeze(why, OURSELVES, at, step);
            }
            return;
        };
        let (id, state) = (row.id, row.state);
        let (sent, other) =
            row.live.as_deref().map_or((false, false), |live| (live.attempts > 0, live.circle_id.is_some()));
        if other {
            if self.foreign(shown, at, step) {
                self.freeze("two transactions at Circle have one reference", OURSELVES, at, step);
            }
            return;
        }
        if !sent {
            // What we never sent was sent by what we were before a restore, or by a twin.
            if self.foreign(shown, at, step) {
                self.freeze("Circle lists a payment that this store has not sent yet", OURSELVES, at, step);
            }
            self.advance(id, PaymentState::Refused, Some("it is at Circle already"), OURSELVES, at, step);
            return;
        }
        match state {
            PaymentState::Sending | PaymentState::Reconcile => self.shown(id, shown, at, step),
            PaymentState::Human => {
                let circle = shown.id.clone();
                self.audit(OURSELVES, "found", Some(id), circle.as_str(), at, step);
                self.amend(id, step, |live| live.circle_id = Some(circle.clone()));
                let what = format!("payment {id} was found at Circle as {circle}: a person resolves it with that");
                step.said.push(Said::Warning(what.into()));
            }
            // A person said that it is absent, or every attempt was proven to have done nothing.
            PaymentState::Rejected
            | PaymentState::Planned
            | PaymentState::Held
            | PaymentState::Approved
            | PaymentState::Rehearsed
            | PaymentState::Refused
            | PaymentState::Accepted
            | PaymentState::Complete
            | PaymentState::Failed
            | PaymentState::Cancelled
            | PaymentState::Denied => {
                if self.foreign(shown, at, step) {
                    let why = format!("payment {id} was taken for {} and is at Circle", state.word());
                    self.freeze(&why, OURSELVES, at, step);
                }
            }
        }
    }

    /// Another deployment asked for the same payment: ours never leaves.
    fn refuse_twin(&mut self, reference: &Name, at: Timestamp, step: &mut Step) {
        let Some(id) = reference.as_str().rsplit('.').next().and_then(PaymentId::parse) else { return };
        if self.live(id).is_some_and(|(row, live)| row.state.is_waiting() && live.attempts == live.disproven) {
            let why = "another deployment asked Circle for it";
            self.advance(id, PaymentState::Refused, Some(why), OURSELVES, at, step);
        }
    }

    /// Whether a transfer that no payment of this store made may be this very payment: another deployment's, or one by hand since.
    pub(super) fn was_made_elsewhere(&self, row: &PaymentRow, live: &LivePart) -> bool {
        let suffix = format!(".{}", row.id);
        self.foreign.values().filter(|foreign| !foreign.void).any(|foreign| match &foreign.reference {
            Some(reference) if reference.as_str().starts_with(request::REFERENCE) => {
                reference.as_str().ends_with(&suffix)
            }
            _ => {
                foreign.destination == Some(row.address)
                    && foreign.amount == row.amount
                    && foreign.at >= live.triggered_at
            }
        })
    }

    /// Books what this store did not ask for: it counts in limits.
    /// Gives whether it was not known before: a person looks at it once.
    fn foreign(&mut self, shown: &Transaction, at: Timestamp, step: &mut Step) -> bool {
        let new = !self.foreign.contains_key(&shown.id);
        let void = matches!(PaymentState::ended_by(&shown.state), Some(end) if end != PaymentState::Complete);
        let row = ForeignRow {
            id: shown.id.clone(),
            reference: shown.reference.clone(),
            destination: shown.destination,
            amount: self.foreign_amount(shown),
            at: shown.created.unwrap_or(at),
            void,
        };
        match self.foreign.get(&row.id) {
            Some(known) if *known == row || known.void == void => return new,
            Some(_) => {}
            None => {
                self.audit(OURSELVES, "foreign transfer", None, row.id.as_str(), at, step);
                step.said
                    .push(Said::Warning(format!("the paying wallet sent {} that no rule asked for", row.id).into()));
            }
        }
        step.office.push(OfficeWrite::Foreign(row.clone()));
        self.foreign.insert(row.id.clone(), row);
        new
    }

    /// Another token moves no USDC; what cannot be read moves more than any limit has.
    fn foreign_amount(&self, shown: &Transaction) -> U256 {
        let ours = self.terms.as_ref().map(|terms| terms.token);
        match (shown.token, shown.amount) {
            (Some(token), _) if Some(token) != ours => U256::ZERO,
            (_, Some(amount)) => amount,
            (_, None) => U256::MAX,
        }
    }
}

/// This long before.
pub(super) fn before(at: Timestamp, span: Duration) -> Timestamp {
    Timestamp::from_millis(at.millis().saturating_sub(i64::try_from(span.as_millis()).unwrap_or(i64::MAX)))
}
