//! How close attempts may follow each other, for receivers that count: by chat, by bot or by url, whichever sinks lead there.

use crate::types::{MessageId, Timestamp};
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

/// A pace.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pace {
    /// Shortest time between the beginnings of two attempts.
    pub apart: Duration,
    /// At most so many beginnings in any such span.
    pub most: Option<(usize, Duration)>,
}

impl Pace {
    /// As fast as it goes.
    pub const FREE: Self = Self { apart: Duration::ZERO, most: None };

    /// So far apart.
    #[must_use]
    pub const fn apart(apart: Duration) -> Self {
        Self { apart, most: None }
    }
}

/// What a receiver counts by: a hash of the parts that make it out, which may be secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Meter([u8; 16]);

impl Meter {
    /// Of its parts: a token and a chat, or a url.
    #[must_use]
    pub fn of(parts: &[&str]) -> Self {
        let parts: Vec<&[u8]> = parts.iter().map(|part| part.as_bytes()).collect();
        Self(MessageId::hash("meter", &parts).0)
    }
}

/// The meters that sinks lead to: what began there lately, whichever sink began it, and until when they asked for a pause.
#[derive(Debug, Default)]
pub(super) struct Meters(BTreeMap<Meter, Way>);

#[derive(Debug, Default)]
struct Way {
    lately: Lately,
    not_before: Timestamp,
}

impl Meters {
    /// When the next attempt may begin that leads to all of these.
    pub(super) fn open_at(&self, counted: &[(Meter, Pace)]) -> Timestamp {
        let ways = counted.iter().filter_map(|(meter, _)| self.0.get(meter));
        ways.map(|way| way.not_before).max().unwrap_or_default()
    }

    /// An attempt begins.
    pub(super) fn begun(&mut self, counted: &[(Meter, Pace)], at: Timestamp) {
        for (meter, pace) in counted {
            let way = self.0.entry(*meter).or_default();
            way.not_before = way.not_before.max(way.lately.begun(at, *pace));
        }
    }

    /// The receiver wants a pause.
    pub(super) fn rest(&mut self, counted: &[(Meter, Pace)], until: Timestamp) {
        if let Some((meter, _)) = counted.first() {
            let way = self.0.entry(*meter).or_default();
            way.not_before = way.not_before.max(until);
        }
    }

    /// A person wants an attempt now.
    pub(super) fn open(&mut self, counted: &[(Meter, Pace)], at: Timestamp) {
        for (meter, _) in counted {
            self.0.entry(*meter).or_default().not_before = at;
        }
    }

    /// Forgets all but these.
    pub(super) fn keep<'a>(&mut self, counted: impl Iterator<Item = &'a (Meter, Pace)>) {
        let mut kept: Vec<Meter> = counted.map(|(meter, _)| *meter).collect();
        kept.sort_unstable();
        self.0.retain(|meter, _| kept.binary_search(meter).is_ok());
    }
}

/// What began lately.
#[derive(Debug, Default)]
struct Lately(VecDeque<Timestamp>);

impl Lately {
    /// An attempt begins; gives when the next one may.
    fn begun(&mut self, at: Timestamp, pace: Pace) -> Timestamp {
        let next = at.after(pace.apart);
        let Some((most, span)) = pace.most else {
            self.0.clear();
            return next;
        };
        self.0.push_back(at);
        while self.0.len() > most.max(1) {
            self.0.pop_front();
        }
        match self.0.front() {
            Some(oldest) if self.0.len() == most.max(1) => next.max(oldest.after(span)),
            Some(_) | None => next,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn no_span_ever_has_more_than_its_most(waits in prop::collection::vec(0_u64..4_000, 1..200), most in 1_usize..30) {
            let span = Duration::from_mins(1);
            let pace = Pace { apart: Duration::from_secs(1), most: Some((most, span)) };
            let (mut lately, mut next, mut begun) = (Lately::default(), Timestamp::from_secs(1_000), Vec::new());
            for wait in waits {
                let at = next.after(Duration::from_millis(wait));
                next = lately.begun(at, pace);
                begun.push(at);
            }
            for (nth, at) in begun.iter().enumerate() {
                let before = begun[..nth].iter().filter(|other| at.since(**other) < span).count();
                prop_assert!(before < most);
                prop_assert!(nth == 0 || at.since(begun[nth - 1]) >= pace.apart);
            }
        }
    }
}
