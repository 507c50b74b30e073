//! Limits (MONEY §5): what counts, and whether one more fits. Counted over every version of a rule, at planning, at approval and at send.

use super::flaws::flawed;
use super::terms::Offer;
use super::{Desk, request};
use crate::reactor::money::{PaymentRow, PaymentState};
use crate::reactor::waits::{Room, in_line};
use crate::types::{Name, PaymentId, Timestamp, U256};
use std::time::Duration;

/// A rolling day.
pub(super) const DAY: Duration = Duration::from_hours(24);
/// Why a payment waits that had no room in a limit: alone of those that wait it reserves nothing.
pub(super) const NO_ROOM: &str = "limit";

/// A limit that has no room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Over {
    /// `per_payment` of the rule.
    Payment,
    /// `per_day` of the rule.
    Day,
    /// `in_total` of the rule.
    Total,
    /// `max_per_day` of the rule.
    Count,
    /// `per_day` of the payee.
    PayeeDay,
    /// `per_day` of the wallet.
    WalletDay,
    /// `in_total` of the wallet.
    WalletTotal,
}

impl Over {
    /// The key of the config, and whose.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Payment => "per_payment",
            Self::Day => "per_day",
            Self::Total => "in_total",
            Self::Count => "max_per_day",
            Self::PayeeDay => "per_day of the payee",
            Self::WalletDay => "per_day of [circle]",
            Self::WalletTotal => "in_total of [circle]",
        }
    }

    /// Whether two approvers may pass it for one payment.
    #[must_use]
    pub const fn yields_to_two(self) -> bool {
        matches!(self, Self::Payment | Self::Day)
    }
}

impl Desk {
    /// The time that limits are counted at: while money is paused nothing ages out of them.
    fn counted_at(&self, at: Timestamp) -> Timestamp {
        self.office.paused.as_ref().map_or(at, |(_, since)| at.min(*since))
    }

    /// The limits without room for `amount` by this rule to this payee, `own` not counted. Empty is fine.
    pub(super) fn over(&self, rule: &Name, offer: &Offer, amount: U256, own: PaymentId, at: Timestamp) -> Vec<Over> {
        match self.rooms(rule, offer, amount, own, at) {
            Ok(rooms) => rooms.into_iter().filter(|(_, room)| !room.fits()).map(|(over, _)| over).collect(),
            Err(over) => vec![over],
        }
    }

    /// The same in words, with how much of each is used and allowed.
    pub(super) fn over_in_words(
        &self,
        rule: &Name,
        offer: &Offer,
        amount: U256,
        own: PaymentId,
        at: Timestamp,
    ) -> String {
        match self.rooms(rule, offer, amount, own, at) {
            Ok(rooms) => in_line(rooms.iter().map(|(_, room)| room).filter(|room| !room.fits())),
            Err(over) => over.word().to_owned(),
        }
    }

    /// Every limit that `amount` by this rule to this payee would count in, `own` not counted; or the one that is not there any more.
    pub(super) fn rooms(
        &self,
        rule: &Name,
        offer: &Offer,
        amount: U256,
        own: PaymentId,
        at: Timestamp,
    ) -> Result<[(Over, Room); 7], Over> {
        let at = self.counted_at(at);
        let terms = self.terms.as_ref().ok_or(Over::WalletTotal)?;
        let payee = terms.payees.get(&offer.payee).ok_or(Over::PayeeDay)?;
        let others = || self.rows.values().filter(move |row| row.id != own);
        let version = |row: &&PaymentRow| {
            !flawed!(self, LimitsOfOneVersion)
                || row.live.as_deref().is_some_and(|live| live.version == terms.fingerprint)
        };
        let of_rule = || others().filter(move |row| row.rule == *rule).filter(version);
        let of_payee = || others().filter(move |row| row.address == payee.address);
        // What another deployment sent to this payee is counted wherever it may belong.
        let elsewhere = |recent: bool, ours: bool, payee_only: bool| {
            let rows = self.foreign.values().filter(move |row| {
                let reference =
                    row.reference.as_ref().is_some_and(|text| text.as_str().starts_with(request::REFERENCE));
                !row.void
                    && (!recent || at.since(row.at) < DAY)
                    && (!ours || reference)
                    && (!payee_only || row.destination.is_none_or(|to| to == payee.address))
            });
            rows.filter(|_| !flawed!(self, ForeignUncounted))
        };
        let foreign = |recent, ours, payee_only| sum(elsewhere(recent, ours, payee_only).map(|row| row.amount));
        let day = |row: &&PaymentRow| Self::counts(row, Some(at));
        let ever = |row: &&PaymentRow| Self::counts(row, None);
        let amounts = |row: &PaymentRow| row.amount;
        let count = of_rule().filter(|row| number_counts(row, at)).count();
        let room = |over: Over, used: [Option<U256>; 2], allowed: U256| {
            let used = used[0].zip(used[1]).and_then(|(one, other)| one.checked_add(other)).unwrap_or(U256::MAX);
            let (limit, is_count, yields_to_two) = (over.word(), over == Over::Count, over.yields_to_two());
            let adds = if is_count { U256::from(1) } else { amount };
            (over, Room { limit, used, adds, allowed, is_count, yields_to_two })
        };
        let none = Some(U256::ZERO);
        Ok([
            room(Over::Payment, [none, none], offer.per_payment),
            room(Over::Day, [sum(of_rule().filter(day).map(amounts)), foreign(true, true, true)], offer.per_day),
            room(Over::Total, [sum(of_rule().filter(ever).map(amounts)), foreign(false, true, true)], offer.in_total),
            room(
                Over::Count,
                [count, elsewhere(true, true, true).count()].map(|count| Some(U256::from(count))),
                U256::from(offer.max_per_day),
            ),
            room(Over::PayeeDay, [sum(of_payee().filter(day).map(amounts)), foreign(true, false, true)], payee.per_day),
            room(Over::WalletDay, [sum(others().filter(day).map(amounts)), foreign(true, false, false)], terms.per_day),
            room(
                Over::WalletTotal,
                [sum(others().filter(ever).map(amounts)), foreign(false, false, false)],
                terms.in_total,
            ),
        ])
    }

    /// How much of its rolling day and of its total a rule has used, raw, and how many payments that day holds: all that the next one would
    /// be counted with.
    #[must_use]
    pub fn used(&self, rule: &Name, at: Timestamp) -> (U256, U256, u64) {
        let offer = self.terms.as_ref().and_then(|terms| terms.offers.get(rule));
        let rooms = offer.and_then(|offer| self.rooms(rule, offer, U256::ZERO, PaymentId([0; 16]), at).ok());
        let used = |wanted: Over| {
            let mut rooms = rooms.iter().flatten();
            rooms.find(|(over, _)| *over == wanted).map_or(U256::ZERO, |(_, room)| room.used)
        };
        (used(Over::Day), used(Over::Total), u64::try_from(used(Over::Count)).unwrap_or(u64::MAX))
    }

    /// Whether a payment counts in sums: of a rolling day that ends at `day`, or of all time.
    fn counts(row: &PaymentRow, day: Option<Timestamp>) -> bool {
        let recent = |row: &PaymentRow| day.is_none_or(|at| at.since(row.changed_at) < DAY);
        match row.state {
            PaymentState::Held => row.reason.as_ref().is_none_or(|reason| reason.as_str() != NO_ROOM),
            PaymentState::Planned
            | PaymentState::Approved
            | PaymentState::Sending
            | PaymentState::Reconcile
            | PaymentState::Human
            | PaymentState::Accepted => true,
            // Nothing here proves that the chain agrees that a failed one moved nothing: it stays.
            PaymentState::Complete | PaymentState::Failed | PaymentState::Cancelled | PaymentState::Denied => {
                recent(row)
            }
            // Every attempt was proven to have done nothing, or a person said so: a person may be wrong.
            PaymentState::Rejected => row.live.as_deref().is_some_and(|live| live.absent.is_some()) && recent(row),
            PaymentState::Refused | PaymentState::Rehearsed => false,
        }
    }
}

/// Whether a payment counts in `max_per_day`: it never leaves it before its day is over, whatever its end.
fn number_counts(row: &PaymentRow, at: Timestamp) -> bool {
    match row.state {
        PaymentState::Held => row.reason.as_ref().is_none_or(|reason| reason.as_str() != NO_ROOM),
        PaymentState::Planned
        | PaymentState::Approved
        | PaymentState::Sending
        | PaymentState::Reconcile
        | PaymentState::Human
        | PaymentState::Accepted => true,
        PaymentState::Complete
        | PaymentState::Failed
        | PaymentState::Cancelled
        | PaymentState::Denied
        | PaymentState::Rejected => at.since(row.changed_at) < DAY,
        PaymentState::Refused | PaymentState::Rehearsed => false,
    }
}

/// `None` is more than 256 bits: more than any limit.
fn sum(amounts: impl Iterator<Item = U256>) -> Option<U256> {
    let mut amounts = amounts;
    amounts.try_fold(U256::ZERO, U256::checked_add)
}
