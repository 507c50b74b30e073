//! A call budget: a smallest time between the starts of two calls, and a number of calls in a UTC day.
//!
//! Pure: time is an argument. Counts a call when it starts, whatever comes of it: the other side counts so too. Never
//! lends from tomorrow, and never gives a burst: "3 a second" is enforced by Etherscan over windows we cannot see, so
//! starts are spaced instead of counted.

use crate::types::Timestamp;
use crate::types::pace::Limits;
use std::time::Duration;

const DAY_MILLIS: i64 = 86_400_000;

/// What the budget says of the next call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NextStart {
    /// It may start at this time (which is never before the time that was asked about).
    At(Timestamp),
    /// Today's calls are used up; the next may start at this time, at the earliest.
    ExhaustedUntil(Timestamp),
}

impl NextStart {
    /// When, whatever the reason for the wait.
    #[must_use]
    pub const fn when(self) -> Timestamp {
        match self {
            Self::At(at) | Self::ExhaustedUntil(at) => at,
        }
    }
}

/// The budget of one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallBudget {
    spacing: Duration,
    per_day: u64,
    last_start: Option<Timestamp>,
    day: i64,
    used: u64,
    paused_until: Option<Timestamp>,
}

impl CallBudget {
    /// Nothing used. `per_second` is at least 1 (0 is read as 1), `per_day` may be `u64::MAX` where there is no limit.
    #[must_use]
    pub fn new(per_second: u32, per_day: u64) -> Self {
        let spacing = Limits { per_second, per_day }.spacing();
        Self { spacing, per_day, last_start: None, day: 0, used: 0, paused_until: None }
    }

    /// Takes back what was persisted: `used` calls on `day` (days since the Unix epoch).
    #[must_use]
    pub const fn resumed(mut self, day: i64, used: u64) -> Self {
        self.day = day;
        self.used = used;
        self
    }

    /// When the next call may start, asked at `at`.
    #[must_use]
    pub fn next_start(&self, at: Timestamp) -> NextStart {
        let mut start = self.last_start.map_or(at, |last| at.max(last.after(self.spacing)));
        if let Some(until) = self.paused_until {
            start = start.max(until);
        }
        // The day that counts is never earlier than the one we last counted in: a clock set back does not refill it.
        if day_of(start) <= self.day && self.used >= self.per_day {
            return NextStart::ExhaustedUntil(start_of(self.day + 1).max(start));
        }
        NextStart::At(start)
    }

    /// A call starts now.
    pub fn started(&mut self, at: Timestamp) {
        if day_of(at) > self.day {
            self.day = day_of(at);
            self.used = 0;
        }
        self.used = self.used.saturating_add(1);
        self.last_start = Some(self.last_start.map_or(at, |last| last.max(at)));
    }

    /// No call before this time (the other side asked for it); never shortens a longer pause.
    pub fn pause_until(&mut self, until: Timestamp) {
        self.paused_until = Some(self.paused_until.map_or(until, |already| already.max(until)));
    }

    /// The other side says that today is used up, though we counted fewer (the key is shared): it is, until UTC midnight.
    pub fn exhausted(&mut self, at: Timestamp) {
        self.day = self.day.max(day_of(at));
        self.used = self.used.max(self.per_day);
    }

    /// Calls left on the day of `at`.
    #[must_use]
    pub fn remaining(&self, at: Timestamp) -> u64 {
        if day_of(at) > self.day { self.per_day } else { self.per_day.saturating_sub(self.used) }
    }

    /// The day counted in, in days since the Unix epoch: to be persisted with `used`.
    #[must_use]
    pub const fn day(&self) -> i64 {
        self.day
    }

    /// Calls started on that day.
    #[must_use]
    pub const fn used(&self) -> u64 {
        self.used
    }

    /// Smallest time between two starts.
    #[must_use]
    pub const fn spacing(&self) -> Duration {
        self.spacing
    }
}

/// Days since the Unix epoch, UTC.
#[must_use]
pub const fn day_of(at: Timestamp) -> i64 {
    at.millis().div_euclid(DAY_MILLIS)
}

const fn start_of(day: i64) -> Timestamp {
    Timestamp::from_millis(day.saturating_mul(DAY_MILLIS))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    #[test]
    fn starts_are_spaced_with_a_margin() {
        let cases = [(1, 1_050), (2, 525), (3, 350), (5, 210), (10, 105), (30, 35), (0, 1_050)];
        for (per_second, millis) in cases {
            assert_eq!(CallBudget::new(per_second, 1).spacing(), Duration::from_millis(millis), "{per_second}/s");
        }
        let mut budget = CallBudget::new(3, 100);
        assert_eq!(budget.next_start(at(0)), NextStart::At(at(0)));
        budget.started(at(0));
        assert_eq!(budget.next_start(at(1)), NextStart::At(at(350)));
        assert_eq!(budget.next_start(at(900)), NextStart::At(at(900)));
    }

    #[test]
    fn a_day_is_a_utc_day_and_a_clock_set_back_does_not_refill_it() {
        let mut budget = CallBudget::new(3, 2).resumed(10, 1);
        let noon = 10 * DAY_MILLIS + DAY_MILLIS / 2;
        assert_eq!(budget.remaining(at(noon)), 1);
        budget.started(at(noon));
        let midnight = NextStart::ExhaustedUntil(at(11 * DAY_MILLIS));
        assert_eq!(budget.next_start(at(noon)), midnight);
        assert_eq!(budget.next_start(at(noon - 2 * DAY_MILLIS)), midnight);
        assert_eq!(budget.next_start(at(11 * DAY_MILLIS)), NextStart::At(at(11 * DAY_MILLIS)));
        budget.started(at(11 * DAY_MILLIS));
        assert_eq!((budget.day(), budget.used(), budget.remaining(at(11 * DAY_MILLIS))), (11, 1, 1));
    }

    #[test]
    fn a_pause_holds_and_an_exhausted_key_waits_for_midnight() {
        let mut budget = CallBudget::new(3, 1_000);
        budget.pause_until(at(9_000));
        budget.pause_until(at(5_000));
        assert_eq!(budget.next_start(at(0)), NextStart::At(at(9_000)));
        budget.exhausted(at(0));
        assert_eq!(budget.next_start(at(9_500)), NextStart::ExhaustedUntil(at(DAY_MILLIS)));
        budget.pause_until(at(DAY_MILLIS + 7));
        assert_eq!(budget.next_start(at(9_500)), NextStart::At(at(DAY_MILLIS + 7)));
    }

    proptest! {
        #[test]
        fn whoever_obeys_is_within_both_limits(
            per_second in 1u32..20, per_day in 1u64..50, steps in prop::collection::vec(0i64..20_000_000, 1..300),
        ) {
            let mut budget = CallBudget::new(per_second, per_day);
            let mut now = at(0);
            let mut starts: Vec<Timestamp> = Vec::new();
            for step in steps {
                now = at(now.millis() + step);
                let next = budget.next_start(now);
                prop_assert!(next.when() >= now);
                now = next.when();
                if let NextStart::At(start) = next {
                    budget.started(start);
                    starts.push(start);
                }
            }
            for pair in starts.windows(2) {
                prop_assert!(pair[1].since(pair[0]) >= budget.spacing());
            }
            for start in &starts {
                let same_day = starts.iter().filter(|other| day_of(**other) == day_of(*start)).count() as u64;
                prop_assert!(same_day <= per_day);
            }
        }
    }
}
