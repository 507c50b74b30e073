//! Which row is tried next: what matters most goes first, and nothing waits for ever.

use crate::types::{Severity, Timestamp};
use std::collections::BTreeSet;

/// After so many that went before others which were due as well, the one that has waited longest goes, whatever it is.
const MOST_PASSED: u32 = 7;

/// The first row of every alert that has none under way, by when it is due.
#[derive(Debug, Default)]
pub(super) struct Ready {
    /// Lowest severity first, as [`Severity::ALL`].
    by_severity: [BTreeSet<(Timestamp, i64)>; Severity::ALL.len()],
    passed: u32,
}

impl Ready {
    pub(super) fn insert(&mut self, severity: Severity, key: (Timestamp, i64)) {
        self.by_severity[severity as usize].insert(key);
    }

    pub(super) fn remove(&mut self, severity: Severity, key: (Timestamp, i64)) {
        self.by_severity[severity as usize].remove(&key);
    }

    /// The row to try at `at`, where one is due.
    pub(super) fn next(&self, at: Timestamp) -> Option<i64> {
        let due = || self.by_severity.iter().filter_map(|rows| rows.first()).filter(|(due, _)| *due <= at);
        if self.passed >= MOST_PASSED { due().min() } else { due().next_back() }.map(|(_, seq)| *seq)
    }

    /// A row was taken: counts whom it went before.
    pub(super) fn taken(&mut self, severity: Severity, at: Timestamp) {
        let lower = &self.by_severity[..severity as usize];
        let passes = lower.iter().filter_map(|rows| rows.first()).any(|(due, _)| *due <= at);
        self.passed = if passes && self.passed < MOST_PASSED { self.passed + 1 } else { 0 };
    }

    /// When the first of all is due.
    pub(super) fn first_due(&self) -> Option<Timestamp> {
        self.by_severity.iter().filter_map(|rows| rows.first()).map(|(due, _)| *due).min()
    }

    /// The rows of the lowest severity that are due, in order.
    pub(super) fn lowest(&self, at: Timestamp) -> impl Iterator<Item = i64> {
        self.by_severity[0].iter().take_while(move |(due, _)| *due <= at).map(|(_, seq)| *seq)
    }

    /// Those that are due later, highest severity first, at most so many of each.
    pub(super) fn later(&self, at: Timestamp, most: usize) -> impl Iterator<Item = i64> {
        let rows = self.by_severity.iter().rev();
        rows.flat_map(move |rows| rows.range((at, i64::MAX)..).take(most).map(|(_, seq)| *seq))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_matters_goes_first_and_what_has_waited_longest_is_never_passed_for_ever() {
        let at = Timestamp::from_secs;
        let mut ready = Ready::default();
        ready.insert(Severity::Info, (at(1), 1));
        ready.insert(Severity::Warning, (at(2), 2));
        for seq in 3..40 {
            ready.insert(Severity::Critical, (at(3), seq));
        }
        ready.insert(Severity::Critical, (at(100), 99));
        let mut order = Vec::new();
        for _ in 0..12 {
            let seq = ready.next(at(10)).expect("there is one");
            let severity = match seq {
                1 => Severity::Info,
                2 => Severity::Warning,
                _ => Severity::Critical,
            };
            let due = if severity == Severity::Critical { at(3) } else { at(seq.unsigned_abs()) };
            ready.remove(severity, (due, seq));
            ready.taken(severity, at(10));
            order.push(seq);
        }
        assert_eq!(order, [3, 4, 5, 6, 7, 8, 9, 1, 10, 11, 12, 13]);
        assert_eq!(ready.first_due(), Some(at(2)));
        assert_eq!(ready.later(at(10), 5).collect::<Vec<_>>(), [99]);
        assert_eq!(ready.later(at(0), 2).collect::<Vec<_>>()[..2], [14, 15], "what matters most first");
    }
}
