//! How close attempts may follow each other, for receivers that count.

use crate::types::Timestamp;
use std::collections::VecDeque;
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

/// What began lately.
#[derive(Debug, Default)]
pub(super) struct Lately(VecDeque<Timestamp>);

impl Lately {
    /// An attempt begins; gives when the next one may.
    pub(super) fn begun(&mut self, at: Timestamp, pace: Pace) -> Timestamp {
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
