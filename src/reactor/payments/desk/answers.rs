//! What came back from Circle, and what it proves (MONEY §4).

use super::flaws::flawed;
use super::send::MOST_DATE_SKEW_MS;
use super::{Desk, LOOK_AGAIN, OURSELVES, Purpose, Said, Step, Stopped};
use crate::reactor::decisions::{CANCEL_ANSWERED, NOT_IT};
use crate::reactor::money::{CircleId, LivePart, PaymentRow, PaymentState};
use crate::reactor::payments::ask::{Answer, Outcome, Transaction, Unsent};
use crate::types::{Name, PaymentId, Timestamp};
use std::time::Duration;

/// A ciphertext that Circle has seen before. Ours are fresh for each attempt, so this very request came to Circle twice, and what the first
/// copy did nobody knows.
const USED_CIPHERTEXT: i64 = 156_004;
/// An idempotency key that is bound to another request.
const USED_KEY: i64 = 1_083;
/// The pauses before another attempt, by the number of those made; the last goes on.
const AGAIN_AFTER: [u64; 5] = [2, 5, 15, 60, 180];
/// How often an accepted payment is looked at, in seconds, by its age in minutes.
const LOOK_EVERY: [(u64, u64); 3] = [(2, 5), (30, 30), (u64::MAX, 300)];

/// What a refusal of a create proves.
enum Proof {
    /// Its own attempt did nothing.
    Nothing,
    /// Our key was used for something.
    KeyUsed,
    /// Our API key may not do this: everything stops, and nothing is proven.
    Locked,
    /// Nothing at all.
    Ambiguous,
}

/// By status first, then by code.
fn proof(status: u16, code: Option<i64>) -> Proof {
    match (status, code) {
        (409, _) | (_, Some(USED_KEY)) => Proof::KeyUsed,
        (_, Some(USED_CIPHERTEXT)) => Proof::Ambiguous,
        (400 | 422, Some(_)) => Proof::Nothing,
        (401 | 403 | 404, _) => Proof::Locked,
        _ => Proof::Ambiguous,
    }
}

impl Desk {
    /// An answer of the worker. One to a question that was given up, or of another run, says nothing.
    pub fn answered(&mut self, answer: Answer, at: Timestamp, step: &mut Step) {
        let Some(waiting) = self.soft.asked.remove(&answer.ticket) else { return };
        if let Some(date) = answer.date {
            let skew = at.millis().abs_diff(date.millis());
            // The header may be as old as the question.
            let waited = u64::try_from(at.since(waiting.since).as_millis()).unwrap_or(u64::MAX);
            if skew > MOST_DATE_SKEW_MS.saturating_add(waited.min(30_000)) {
                self.pause("Circle's clock is more than a minute away from ours", at, step);
            }
        }
        match waiting.purpose {
            Purpose::Create(id) => self.created(id, answer, at, step),
            Purpose::Get(id) => {
                self.looked(id, answer.outcome, at, step);
                self.ended_no_earlier(id, answer.date, step);
            }
            Purpose::Prove(id, circle, by) => {
                self.proven(id, &circle, by.as_str(), answer.outcome, at, step);
                self.ended_no_earlier(id, answer.date, step);
            }
            Purpose::Scan(from) => match answer.outcome {
                Outcome::Found(found) => {
                    self.scanned(&found, from, waiting.since, at, step);
                    let ended: Vec<PaymentId> = step.payments.iter().map(|row| row.id).collect();
                    for id in ended {
                        self.ended_no_earlier(id, answer.date, step);
                    }
                }
                other @ (Outcome::Accepted { .. }
                | Outcome::Refused { .. }
                | Outcome::Ambiguous(_)
                | Outcome::NotSent(_)
                | Outcome::Read(_)
                | Outcome::CancelAsked
                | Outcome::Wallet { .. }
                | Outcome::Funds { .. }
                | Outcome::Fee(_)) => {
                    if flawed!(self, IncompleteScanCounts) {
                        self.scanned(&[], from, waiting.since, at, step);
                    }
                    self.locked_out(&other, at, step);
                    self.soft.scan_after = at.after(LOOK_AGAIN);
                }
            },
            Purpose::Funds => self.told_funds(&answer.outcome, waiting.since, at, step),
            Purpose::Fee(id) => self.told_fee(id, &answer.outcome, waiting.since, at, step),
            // Only a GET ends a payment: what came of asking says nothing.
            Purpose::Cancel(id) => {
                let said = if answer.outcome == Outcome::CancelAsked {
                    "Circle took the wish".to_owned()
                } else {
                    format!("Circle did not take the wish: {}", answer.outcome.in_words())
                };
                self.audit(OURSELVES, CANCEL_ANSWERED, Some(id), &said, at, step);
                self.amend(id, step, |live| live.due = Some(at));
            }
        }
    }

    /// It ended no earlier than Circle says that it is now: a clock of ours that is behind takes nothing out of a limit too soon.
    fn ended_no_earlier(&mut self, id: PaymentId, date: Option<Timestamp>, step: &mut Step) {
        if let Some(row) = self.rows.get_mut(&id)
            && row.state.is_terminal()
            && let Some(date) = date.filter(|date| *date > row.changed_at)
        {
            row.changed_at = date;
            step.payments.push(row.clone());
        }
    }

    /// A key that Circle does not take, or that may not do this, stops everything (MONEY §4.4).
    pub(super) fn locked_out(&mut self, outcome: &Outcome, at: Timestamp, step: &mut Step) {
        if let Outcome::Refused { status: status @ (401 | 403), words, .. } = outcome {
            self.freeze(&format!("Circle does not take our key ({status}: {words})"), OURSELVES, at, step);
        }
    }

    fn created(&mut self, id: PaymentId, answer: Answer, at: Timestamp, step: &mut Step) {
        let Some((row, live)) = self.live(id) else { return };
        if row.state != PaymentState::Sending {
            // It was found in the meantime. What the answer says is found there too.
            return;
        }
        let (first, attempts) = (live.attempts == 1, live.attempts);
        if let Some(key) = answer.entity_key.filter(|_| self.office.entity_key.is_none()) {
            self.put_office(step, |office| office.entity_key = Some(key));
            self.audit(OURSELVES, "entity key pinned", None, &super::request::short(&key), at, step);
        }
        let request = answer.request_id.as_ref().map_or("none", Name::as_str);
        let said = format!("attempt {attempts}: {}; X-Request-Id {request}", answer.outcome.in_words());
        self.audit(OURSELVES, "answered", Some(id), &said, at, step);
        match answer.outcome {
            Outcome::Accepted { id: circle, state, new } => {
                let word = state.word().into();
                self.amend(id, step, |live| {
                    live.circle_id = Some(circle.clone());
                    live.circle_state = Some(word);
                    live.due = Some(at);
                });
                let odd = first && !new;
                let why = if odd {
                    "our key was used before our first attempt"
                } else {
                    "accepted; Circle is asked to show it"
                };
                self.advance(id, PaymentState::Reconcile, Some(why), OURSELVES, at, step);
            }
            Outcome::Refused { status, code, words } => {
                self.refused(id, (status, code), words.as_str(), attempts, at, step);
            }
            Outcome::NotSent(why) => self.unsent(id, why, at, step),
            Outcome::Ambiguous(_)
            | Outcome::Read(_)
            | Outcome::Found(_)
            | Outcome::CancelAsked
            | Outcome::Wallet { .. }
            | Outcome::Funds { .. }
            | Outcome::Fee(_) => self.later(id, attempts, at, step),
        }
    }

    fn refused(
        &mut self,
        id: PaymentId,
        (status, code): (u16, Option<i64>),
        words: &str,
        attempts: u32,
        at: Timestamp,
        step: &mut Step,
    ) {
        let said = format!("Circle: {status} {words}");
        let proof = match proof(status, code) {
            Proof::KeyUsed if flawed!(self, ConflictIsRejected) => Proof::Nothing,
            Proof::Ambiguous if code == Some(USED_CIPHERTEXT) && flawed!(self, UsedCiphertextProves) => Proof::Nothing,
            proof @ (Proof::Nothing | Proof::KeyUsed | Proof::Locked | Proof::Ambiguous) => proof,
        };
        match proof {
            Proof::Nothing => {
                self.amend(id, step, |live| live.disproven += 1);
                let all = self.live(id).is_some_and(|(_, live)| live.disproven == live.attempts);
                if all || flawed!(self, OneProofRejects) {
                    self.advance(id, PaymentState::Rejected, Some(&said), OURSELVES, at, step);
                    self.ended_badly(id, at, step);
                } else {
                    // Circle would refuse the next one too; what became of the one before is looked for.
                    self.amend(id, step, |live| live.due = None);
                    self.advance(id, PaymentState::Reconcile, Some(&said), OURSELVES, at, step);
                }
            }
            Proof::KeyUsed => {
                self.amend(id, step, |live| live.due = None);
                let why = "our key is bound to another request";
                self.advance(id, PaymentState::Reconcile, Some(why), OURSELVES, at, step);
                self.freeze(why, OURSELVES, at, step);
            }
            Proof::Locked => {
                self.freeze(&format!("Circle refuses our key ({status} {words})"), OURSELVES, at, step);
                self.later(id, attempts, at, step);
            }
            Proof::Ambiguous => self.later(id, attempts, at, step),
        }
    }

    fn unsent(&mut self, id: PaymentId, why: Unsent, at: Timestamp, step: &mut Step) {
        let attempts = self.live(id).map_or(1, |(_, live)| live.attempts);
        self.amend(id, step, |live| live.disproven += 1);
        match why {
            Unsent::TooLate | Unsent::FreezeFile | Unsent::NoEntityKey => {}
            Unsent::OtherEntityKey(other) => {
                let key = crate::wire::hex::plain(&other);
                let then =
                    format!("where it is right, `walletwatch payments accept --entity-key {key}`, then unfreeze");
                self.freeze(&format!("Circle shows another entity public key, {key}: {then}"), OURSELVES, at, step);
            }
            Unsent::OtherBytes => self.freeze("the bytes of a request are not what was frozen", OURSELVES, at, step),
        }
        self.later(id, attempts, at, step);
    }

    /// It stays where it is, and is looked at again.
    fn later(&mut self, id: PaymentId, attempts: u32, at: Timestamp, step: &mut Step) {
        let place = usize::try_from(attempts.saturating_sub(1)).unwrap_or(usize::MAX).min(AGAIN_AFTER.len() - 1);
        let due = at.after(Duration::from_secs(AGAIN_AFTER[place]));
        self.amend(id, step, |live| live.due = Some(due));
    }

    /// What Circle shows of a transaction that is known by its id.
    fn looked(&mut self, id: PaymentId, outcome: Outcome, at: Timestamp, step: &mut Step) {
        let Outcome::Read(shown) = outcome else {
            self.locked_out(&outcome, at, step);
            self.amend(id, step, |live| live.due = Some(at.after(Duration::from_secs(15))));
            return;
        };
        self.shown(id, &shown, at, step);
    }

    /// Circle shows a payment's transaction: it is believed when it is what was frozen.
    pub(super) fn shown(&mut self, id: PaymentId, shown: &Transaction, at: Timestamp, step: &mut Step) {
        let Some((row, live)) = self.live(id) else { return };
        if row.state.is_terminal() {
            return;
        }
        let other = if live.compared { contradiction(row, live, shown) } else { difference(row, live, shown) };
        let two = live.circle_id.as_ref().is_some_and(|known| *known != shown.id);
        let two = two.then(|| "two transactions at Circle have its reference".to_owned());
        if let Some(why) = two.or_else(|| Some(format!("Circle shows {}", other?))) {
            self.amend(id, step, |live| live.due = Some(at.after(LOOK_LATER)));
            if self.live(id).is_some_and(|(_, live)| live.compared) {
                self.contradicted(id, &why, at, step);
                return;
            }
            self.freeze(&why, OURSELVES, at, step);
            // From `sending` a person is reached over the search.
            self.advance(id, PaymentState::Reconcile, Some(&why), OURSELVES, at, step);
            self.advance(id, PaymentState::Human, Some(&why), OURSELVES, at, step);
            return;
        }
        let word = shown.state.word().into();
        let every = look_every(at.since(row.changed_at));
        let changed = live.circle_state.as_ref() != Some(&word) || live.tx != shown.tx;
        let (circle, tx) = (shown.id.clone(), shown.tx);
        if changed || !live.compared {
            self.audit(OURSELVES, "shown", Some(id), shown.state.word(), at, step);
        }
        self.amend(id, step, |live| {
            live.circle_id = Some(circle);
            live.circle_state = Some(word);
            live.compared = true;
            live.tx = tx.or(live.tx);
            live.due = Some(at.after(every));
        });
        // A person says what becomes of one that they were asked about.
        let state = self.rows.get(&id).map(|row| row.state);
        if state == Some(PaymentState::Human) {
            return;
        }
        self.advance(id, PaymentState::Accepted, None, OURSELVES, at, step);
        let stuck = shown.state.word() == "STUCK" && flawed!(self, StuckIsFailed);
        let end = if stuck { Some(PaymentState::Failed) } else { PaymentState::ended_by(&shown.state) };
        if let Some(end) = end {
            let why = shown.reason.as_ref().map(|reason| format!("Circle: {reason}"));
            if self.advance(id, end, why.as_deref(), OURSELVES, at, step) && end != PaymentState::Complete {
                self.ended_badly(id, at, step);
            }
        }
    }

    /// A list shows a payment whose transaction is known: whatever it says is what was frozen and what was said before, or everything stops.
    pub(super) fn listed(&mut self, id: PaymentId, shown: &Transaction, at: Timestamp, step: &mut Step) {
        let Some((row, live)) = self.live(id).filter(|(_, live)| live.compared) else { return };
        let other = contradiction(row, live, shown).map(|other| format!("Circle shows {other}"));
        let end = PaymentState::ended_by(&shown.state).filter(|end| row.state.is_terminal() && *end != row.state);
        let end = end.map(|end| format!("Circle lists it as {}, and it ended {}", end.word(), row.state.word()));
        if let Some(why) = other.or(end) {
            self.contradicted(id, &why, at, step);
        }
    }

    /// The chain, or Circle by now, says otherwise of a payment than Circle did: everything stops, once for each. One that is not at its end
    /// is a person's affair then: nothing that Circle says of it later ends it by itself.
    pub fn contradicted(&mut self, id: PaymentId, why: &str, at: Timestamp, step: &mut Step) {
        let said = |row: &PaymentRow| row.reason.as_ref().is_some_and(|known| known.as_str() == why);
        let Some(row) = self.rows.get_mut(&id).filter(|row| !said(row)) else { return };
        row.reason = Some(why.into());
        step.payments.push(row.clone());
        self.audit(OURSELVES, "contradicted", Some(id), why, at, step);
        self.advance(id, PaymentState::Human, Some(why), OURSELVES, at, step);
        self.freeze(&format!("payment {id}: {why}"), OURSELVES, at, step);
    }

    /// A payment that ended without paying stops its rule, and a denied one its payee (MONEY §4.7).
    pub(super) fn ended_badly(&mut self, id: PaymentId, at: Timestamp, step: &mut Step) {
        let Some(row) = self.rows.get(&id) else { return };
        let (rule, payee, state) = (row.rule.clone(), row.payee.clone(), row.state);
        let why = format!("its payment {id} ended {}", state.word());
        self.stop(Stopped::Rule(rule), &why, at, step);
        if state == PaymentState::Denied {
            self.stop(Stopped::Payee(payee), &why, at, step);
        }
    }

    /// A person showed a transaction as the payment's: it is believed when Circle says so.
    fn proven(&mut self, id: PaymentId, circle: &CircleId, by: &str, outcome: Outcome, at: Timestamp, step: &mut Step) {
        let Outcome::Read(shown) = outcome else {
            return self.not_it(id, &format!("Circle did not show {circle}: {}", outcome.in_words()), by, at, step);
        };
        let Some((row, live)) = self.live(id) else { return };
        // One without a reference may be ours; one that another payment named, or that is another's already, never is.
        let foreign = shown.reference.as_ref().is_some_and(|reference| live.reference != *reference);
        let taken = self.whose(circle).is_some_and(|owner| owner != id);
        let asked_for = row.state == PaymentState::Human && shown.id == *circle && !foreign && !taken;
        let other = if asked_for { difference(row, live, &shown) } else { Some("a transfer of something else".into()) };
        if let Some(other) = other {
            return self.not_it(id, &format!("{circle} is not it: Circle shows {other}"), by, at, step);
        }
        self.amend(id, step, |live| {
            live.circle_id = Some(shown.id.clone());
            live.compared = true;
        });
        self.advance(id, PaymentState::Accepted, Some("resolved"), by, at, step);
        self.shown(id, &shown, at, step);
    }

    /// What a person showed is not the payment's: whoever asked reads it in the audit, and everybody hears that it still needs a person.
    fn not_it(&mut self, id: PaymentId, why: &str, by: &str, at: Timestamp, step: &mut Step) {
        self.audit(by, NOT_IT, Some(id), why, at, step);
        let Some(row) = self.rows.get(&id).filter(|row| row.state == PaymentState::Human) else { return };
        step.said.push(Said::Payment(Box::new(PaymentRow { reason: Some(why.into()), ..row.clone() })));
    }

    /// The payment that a transaction at Circle belongs to.
    pub(super) fn whose(&self, circle: &CircleId) -> Option<PaymentId> {
        let named = |row: &&PaymentRow| row.live.as_deref().is_some_and(|live| live.circle_id.as_ref() == Some(circle));
        self.rows.values().find(named).map(|row| row.id)
    }
}

/// How long a payment that a person looks at is left alone.
const LOOK_LATER: Duration = Duration::from_mins(5);

fn look_every(age: Duration) -> Duration {
    let found = LOOK_EVERY.iter().find(|(minutes, _)| age < Duration::from_secs(minutes.saturating_mul(60)));
    Duration::from_secs(found.map_or(300, |(_, seconds)| *seconds))
}

/// Each of the five that has to be what was frozen, in words, and whether Circle shows it so; nothing of what it does not show.
fn compared(row: &PaymentRow, live: &LivePart, shown: &Transaction) -> [(&'static str, Option<bool>); 5] {
    fn is<T: PartialEq>(shown: Option<&T>, frozen: &T) -> Option<bool> {
        shown.map(|shown| shown == frozen)
    }
    [
        ("destination", is(shown.destination.as_ref(), &row.address)),
        ("amount", is(shown.amount.as_ref(), &row.amount)),
        ("token", is(shown.token.as_ref(), &live.token)),
        ("chain", is(shown.chain.as_ref(), &live.blockchain)),
        ("wallet", is(shown.wallet.as_ref(), &live.wallet)),
    ]
}

/// What Circle shows that is not what was frozen, in words.
fn contradiction(row: &PaymentRow, live: &LivePart, shown: &Transaction) -> Option<String> {
    let mut all = compared(row, live, shown).into_iter();
    all.find_map(|(what, is)| (is == Some(false)).then(|| format!("another {what} than the frozen one")))
}

/// The same, or what it does not show: before anything is believed all of it has to be there.
fn difference(row: &PaymentRow, live: &LivePart, shown: &Transaction) -> Option<String> {
    let missing = || {
        let mut all = compared(row, live, shown).into_iter();
        all.find_map(|(what, is)| is.is_none().then(|| format!("no {what} that could be compared with the frozen one")))
    };
    contradiction(row, live, shown).or_else(missing)
}

/// Whether Circle shows destination, amount, token, chain and wallet, and each is the frozen one. What it does not show is not the same.
pub(super) fn is_what_was_frozen(row: &PaymentRow, live: &LivePart, shown: &Transaction) -> bool {
    difference(row, live, shown).is_none()
}
