//! What is not said at once: silences that people set, transfers that are meant to deceive, and outages that come and go. Nothing of it is
//! lost: what is kept is named in a digest, of a silence when it ends, of suspects once a day, of outages after minutes.

use super::effect::{Body, CrossingSubject, Effect, MessageKind};
pub use super::hushed::{Cause, Counterparty, Kept, QuietKey, QuietRow, Silence};
use super::rows::{AlertRow, Row, RowKey};
use crate::types::{Address, AlertId, Name, Timestamp};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// How often suspects are told.
pub const DIGEST_EVERY: Duration = Duration::from_hours(24);
/// The most suspects that are named in a day; the rest is counted. Anyone can make as many as they pay gas for.
pub const MOST_SUSPECTS: usize = 60;
/// The most outages that are named in one go; the rest is counted. A sink that refuses every other message makes many.
pub const MOST_OUTAGES: usize = 20;
/// The most counterparties that are remembered, the newest: some 16 MB.
pub const MOST_KNOWN: usize = 100_000;
/// The most silences at a time; and of those that are over, the most that are remembered, the newest.
pub const MOST_SILENCES: usize = 1_000;
/// How many hexadecimal digits a look-alike shares at either end, at least, and at both together: poisoners match what wallets show, and
/// by chance one in 130 million pairs of addresses is as alike.
const SHARED_AT_AN_END: usize = 3;
/// See [`SHARED_AT_AN_END`].
const SHARED_AT_BOTH: usize = 7;

/// All of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Quiet {
    silences: BTreeMap<u32, Silence>,
    known: BTreeMap<(Address, Address), u64>,
    known_in_order: BTreeMap<u64, (Address, Address)>,
    kept: BTreeMap<u64, Kept>,
    /// The lines about each alert.
    kept_of: BTreeSet<(AlertId, u64)>,
}

impl Quiet {
    /// From rows.
    #[must_use]
    pub fn restore(rows: Vec<QuietRow>) -> Self {
        let mut quiet = Self::default();
        for row in rows {
            quiet.insert(row);
        }
        quiet
    }

    /// Every row.
    pub fn rows(&self) -> impl Iterator<Item = QuietRow> + '_ {
        let silences = self.silences.values().cloned().map(QuietRow::Silence);
        let known = self.known.iter().map(|((owner, other), number)| {
            QuietRow::Known(Counterparty { owner: *owner, other: *other, number: *number })
        });
        silences.chain(known).chain(self.kept.values().cloned().map(QuietRow::Kept))
    }

    /// The silences in force, by id.
    pub fn silences(&self) -> impl Iterator<Item = &Silence> {
        self.silences.values().filter(|silence| !silence.over)
    }

    fn insert(&mut self, row: QuietRow) {
        match row {
            QuietRow::Silence(row) => drop(self.silences.insert(row.number, row)),
            QuietRow::Known(Counterparty { owner, other, number }) => {
                self.known.insert((owner, other), number);
                self.known_in_order.insert(number, (owner, other));
            }
            QuietRow::Kept(row) => {
                self.kept_of.extend(alert_of(&row.line).map(|alert| (alert, row.number)));
                self.kept.insert(row.number, row);
            }
        }
    }

    fn put(&mut self, row: QuietRow, effects: &mut Vec<Effect>) {
        effects.push(Effect::Put(Row::Quiet(Box::new(row.clone()))));
        self.insert(row);
    }

    /// Sets a silence; gives its id, or nothing where there are too many.
    pub fn silence(&mut self, silence: Silence, effects: &mut Vec<Effect>) -> Option<u32> {
        if self.silences().count() >= MOST_SILENCES {
            return None;
        }
        // The newest is never forgotten, so that no id comes again.
        let number = self.silences.last_key_value().map_or(1, |(number, _)| number.saturating_add(1));
        self.put(QuietRow::Silence(Silence { number, ..silence }), effects);
        Some(number)
    }

    /// Ends a silence.
    pub fn end(&mut self, number: u32, at: Timestamp, effects: &mut Vec<Effect>) -> Option<Silence> {
        let silence = self.silences.get(&number).filter(|silence| !silence.over)?;
        let silence = Silence { until: silence.until.min(at), over: true, ..silence.clone() };
        self.put(QuietRow::Silence(silence.clone()), effects);
        let over = || self.silences.values().filter(|silence| silence.over);
        if over().count() > MOST_SILENCES
            && let Some(oldest) = over().map(|silence| silence.number).next()
        {
            self.silences.remove(&oldest);
            effects.push(Effect::Delete(RowKey::Quiet(QuietKey::Silence(oldest))));
        }
        Some(silence)
    }

    /// The silence that keeps an alert from being said.
    #[must_use]
    pub fn silenced(&self, alert: &AlertRow, kind: MessageKind, body: &Body, at: Timestamp) -> Option<&Silence> {
        self.silence_of(alert, kind, place(body), at)
    }

    /// The same of a message about this watch on this chain.
    #[must_use]
    pub fn silence_of(
        &self,
        alert: &AlertRow,
        kind: MessageKind,
        (watch, chain): (Option<&Name>, Option<&Name>),
        at: Timestamp,
    ) -> Option<&Silence> {
        let fits = |silence: &&Silence| {
            let same = |label: &Option<Name>, is: Option<&Name>| label.is_none() || label.as_ref() == is;
            let typed = match silence.types.as_ref().map(Name::as_str) {
                None => !kind.word().starts_with("payment"),
                Some(pattern) => match pattern.strip_suffix('*') {
                    Some(prefix) => kind.word().starts_with(prefix),
                    None => kind.word() == pattern,
                },
            };
            (silence.from..silence.until).contains(&at)
                && alert.severity <= silence.up_to
                && same(&silence.rule, Some(&alert.rule))
                && same(&silence.watch, watch)
                && same(&silence.chain, chain)
                && typed
        };
        self.silences.values().find(fits)
    }

    /// Whether a suspect is named already, as another rule's alert.
    #[must_use]
    pub fn is_kept(&self, sinks: &[Name], matter: &str) -> bool {
        let same = |kept: &Kept| parts(&kept.line).is_some_and(|[is, ..]| is == matter);
        self.kept.values().any(|kept| kept.cause == Cause::Suspect && kept.sinks == sinks && same(kept))
    }

    /// Adds what became of an alert to the lines about it; gives whether one of them is kept from these sinks.
    pub fn amend(&mut self, alert: AlertId, became: &str, sinks: &[Name], effects: &mut Vec<Effect>) -> bool {
        let numbers: Vec<u64> = self.kept_of.range((alert, 0)..=(alert, u64::MAX)).map(|(_, number)| *number).collect();
        let mut kept_from_them = false;
        for kept in numbers.iter().filter_map(|number| self.kept.get(number).cloned()).collect::<Vec<_>>() {
            let Some([matter, so_far, id]) = parts(&kept.line) else { continue };
            kept_from_them |= kept.sinks == sinks;
            let line = format!("{matter}; {so_far}, {became}; {id}").into();
            self.put(QuietRow::Kept(Kept { line, ..kept }), effects);
        }
        kept_from_them
    }

    /// Keeps what is not said for its digest. What is `known` is not counted again where it is not named any more.
    pub fn keep(&mut self, cause: Cause, sinks: Vec<Name>, line: Name, known: bool, effects: &mut Vec<Effect>) {
        let number = self.kept.last_key_value().map_or(1, |(number, _)| number + 1);
        let of_cause = self.kept.values().filter(|kept| kept.cause == cause);
        if cause == Cause::Suspect && of_cause.count() >= MOST_SUSPECTS {
            // The last of them counts the others.
            let last = self.kept.values().rev().find(|kept| kept.cause == cause && kept.sinks == sinks).cloned();
            if let Some(last) = last {
                if known {
                    return;
                }
                return self.put(QuietRow::Kept(Kept { more: last.more + 1, ..last }), effects);
            }
        }
        self.put(QuietRow::Kept(Kept { number, cause, sinks, line, more: 0 }), effects);
    }

    /// Keeps what is not said of something that comes and goes. Where there are many of these, the oldest that is over is only counted.
    pub fn keep_outage(
        &mut self,
        sinks: Vec<Name>,
        line: Name,
        is_over: impl Fn(AlertId) -> bool,
        effects: &mut Vec<Effect>,
    ) {
        let of_cause = || self.kept.values().filter(|kept| kept.cause == Cause::Outages);
        let over = |kept: &&Kept| alert_of(&kept.line).is_some_and(&is_over);
        let counted = if of_cause().count() < MOST_OUTAGES { None } else { of_cause().find(over).cloned() };
        let next =
            of_cause().find(|kept| counted.as_ref().is_some_and(|counted| kept.number != counted.number)).cloned();
        if let (Some(counted), Some(next)) = (counted, next) {
            self.remove(&counted, effects);
            self.put(QuietRow::Kept(Kept { more: next.more + counted.more + 1, ..next }), effects);
        }
        let number = self.kept.last_key_value().map_or(1, |(number, _)| number + 1);
        self.put(QuietRow::Kept(Kept { number, cause: Cause::Outages, sinks, line, more: 0 }), effects);
    }

    /// Takes what was kept for a cause, in the order in which it came.
    pub fn take(&mut self, cause: Cause, effects: &mut Vec<Effect>) -> Vec<Kept> {
        let taken: Vec<Kept> = self.kept.values().filter(|kept| kept.cause == cause).cloned().collect();
        for kept in &taken {
            self.remove(kept, effects);
        }
        taken
    }

    fn remove(&mut self, kept: &Kept, effects: &mut Vec<Effect>) {
        if let Some(alert) = alert_of(&kept.line) {
            self.kept_of.remove(&(alert, kept.number));
        }
        self.kept.remove(&kept.number);
        effects.push(Effect::Delete(RowKey::Quiet(QuietKey::Kept(kept.number))));
    }

    /// Remembers that a watched address dealt with another in earnest.
    pub fn learn(&mut self, owner: Address, other: Address, effects: &mut Vec<Effect>) {
        if owner == other || self.known.contains_key(&(owner, other)) {
            return;
        }
        if self.known.len() >= MOST_KNOWN
            && let Some((_, oldest)) = self.known_in_order.pop_first()
        {
            self.known.remove(&oldest);
            effects.push(Effect::Delete(RowKey::Quiet(QuietKey::Known(oldest.0, oldest.1))));
        }
        let number = self.known_in_order.last_key_value().map_or(1, |(number, _)| number + 1);
        self.put(QuietRow::Known(Counterparty { owner, other, number }), effects);
    }

    /// Whether an address is made to look like one that this owner knows, or like one of `others`, and is neither.
    #[must_use]
    pub fn imitates(&self, owner: Address, address: Address, others: &BTreeSet<Address>) -> bool {
        if self.known.contains_key(&(owner, address)) || others.contains(&address) {
            return false;
        }
        // Those that begin with the same three digits stand together.
        let (mut first, mut last) = (address, address);
        for byte in 1..20 {
            first[byte] = if byte == 1 { address[1] & 0xf0 } else { 0 };
            last[byte] = if byte == 1 { address[1] | 0x0f } else { 0xff };
        }
        let known = self.known.range((owner, first)..=(owner, last)).map(|((_, other), _)| other);
        known.chain(others.range(first..=last)).any(|other| look_alike(*other, address))
    }
}

/// A line of a digest: the matter, what became of it, and its alert.
#[must_use]
pub fn line(matter: &str, became: &str, alert: AlertId) -> Name {
    format!("{matter}; {became}; alert {alert}").into()
}

/// The parts of a line. None of a line of an earlier version.
fn parts(line: &Name) -> Option<[&str; 3]> {
    let mut parts = line.as_str().rsplitn(3, "; ");
    let (alert, became, matter) = (parts.next()?, parts.next()?, parts.next()?);
    Some([matter, became, alert])
}

/// The alert that a line is about.
pub(super) fn alert_of(line: &Name) -> Option<AlertId> {
    AlertId::parse(parts(line)?[2].strip_prefix("alert ")?)
}

/// Whether two addresses are another, and look the same where people look.
#[must_use]
pub fn look_alike(one: Address, other: Address) -> bool {
    if one == other {
        return false;
    }
    let digit = |address: &Address, nth: usize| {
        let byte = address[nth / 2];
        if nth.is_multiple_of(2) { byte >> 4 } else { byte & 0x0f }
    };
    let same = |nth: &usize| digit(&one, *nth) == digit(&other, *nth);
    let (begin, end) = ((0..40).take_while(same).count(), (0..40).rev().take_while(same).count());
    begin >= SHARED_AT_AN_END && end >= SHARED_AT_AN_END && begin + end >= SHARED_AT_BOTH
}

/// The watch and the chain that a message is about, by name.
fn place(body: &Body) -> (Option<&Name>, Option<&Name>) {
    match body {
        Body::Transfer(transfer) => (Some(&transfer.watch), Some(&transfer.chain)),
        Body::Approval(approval) => (Some(&approval.watch), Some(&approval.chain)),
        Body::Crossing(crossing) => match &crossing.subject {
            CrossingSubject::Price { .. } | CrossingSubject::Change(_) => (None, None),
            CrossingSubject::Gas { chain, .. } => (None, Some(chain)),
            CrossingSubject::Balance(balance) => (Some(&balance.watch), Some(&balance.chain)),
        },
        Body::Source(source) => (None, source.chain.as_ref()),
        Body::Payment(payment) => (None, Some(&payment.chain)),
        Body::Sink(_) | Body::Resolved(_) | Body::Heartbeat(_) | Body::Digest(_) | Body::Frozen(_) | Body::Test => {
            (None, None)
        }
    }
}
