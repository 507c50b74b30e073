//! The account's budget over all chains and keys: spacing, the day, and what the explorer itself says of both.
//!
//! Pure: time is an argument. The explorer's word always wins over our count: the key may be used elsewhere too.

use super::planner::Allowance;
use crate::net::{CallBudget, budget::NextStart};
use crate::types::Timestamp;
use crate::types::pace::{Demand, Limits, Pace};
use std::time::Duration;

/// The pause after "too many calls a second" (facts/etherscan.md §3).
const SLOW_PAUSE: Duration = Duration::from_secs(1);
/// Spacing grows by half each time, up to this.
const WIDEST: Duration = Duration::from_secs(3);
/// After this long without a complaint the spacing is the configured one again.
const FORGIVEN_AFTER: Duration = Duration::from_mins(10);
/// The first pause after a refused key; doubled each time. More than five bad calls in 30 s get the address throttled.
const KEY_PAUSE: Duration = Duration::from_secs(10);
/// Refusals in a row after which the key is called refused. The first ones may be an overloaded server's (facts §3).
const KEY_PATIENCE: u32 = 3;
/// How often a refused key is tried again: new keys need minutes to become valid.
const KEY_RECHECK: Duration = Duration::from_mins(15);
/// "Please try again later" ends after 30 s.
const THROTTLED_PAUSE: Duration = Duration::from_secs(35);
/// "The day is used up" this soon after midnight is taken for yesterday's, and only waited out.
const EARLY: Duration = Duration::from_hours(1);
const EARLY_PAUSE: Duration = Duration::from_mins(10);
const DAY_MILLIS: i64 = 86_400_000;
/// Waiting longer than this for the next of the day's calls is being out of them …
const NEARLY_OVER: Duration = Duration::from_mins(5);
/// … where so many of the usual waits are shorter: on a tiny plan each call waits for long.
const NEARLY_OVER_WAITS: u32 = 4;
/// A reset that is said to be later than this is not believed.
const LATEST_RESET: Duration = Duration::from_hours(48);

/// Used calls of a day, to be kept over a restart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct BudgetNote {
    /// Days since the Unix epoch, UTC.
    pub day: i64,
    /// Calls started on it.
    pub used: u64,
}

/// The account.
#[derive(Debug)]
pub struct Account {
    budget: CallBudget,
    per_day: u64,
    /// Waiting longer than this for the next of the day's calls is being out of them.
    nearly_over: Duration,
    /// Between two starts, while it is wider than the configured spacing.
    widened: Option<(Duration, Timestamp)>,
    key_refusals: u32,
    /// What began before this was sent under an older verdict about pace or key: it says nothing new.
    judged_at: Timestamp,
    /// Set while the explorer says that the day is used up.
    day_over_until: Option<Timestamp>,
}

impl Account {
    /// With what was used before a restart.
    #[must_use]
    pub fn new(Limits { per_second, per_day }: Limits, note: BudgetNote) -> Self {
        let budget = CallBudget::new(per_second, per_day).resumed(note.day, note.used);
        let judged_at = Timestamp::from_millis(i64::MIN);
        let usual = Pace::of(Limits { per_second, per_day }, Demand::default()).interval;
        let nearly_over = NEARLY_OVER.max(usual * NEARLY_OVER_WAITS);
        Self { budget, per_day, nearly_over, widened: None, key_refusals: 0, judged_at, day_over_until: None }
    }

    /// What may be done next, asked at `now`.
    #[must_use]
    pub fn allowance(&self, now: Timestamp) -> Allowance {
        let next_start = self.budget.next_start(now).when();
        Allowance { next_start, day: self.budget.day(), used: self.budget.used(), per_day: self.per_day }
    }

    /// Until when the day is used up, by our own count or the explorer's word, or so nearly that even what is urgent has to
    /// wait for long; `None` while it is not.
    #[must_use]
    pub fn over_until(&self, now: Timestamp) -> Option<Timestamp> {
        let told = self.day_over_until.filter(|until| *until > now);
        match self.budget.next_start(now) {
            NextStart::ExhaustedUntil(until) => told.max(Some(until)),
            NextStart::At(_) => {
                let spread = self.allowance(now).open_for_urgent_at();
                told.max(Some(spread).filter(|open| *open > now.after(self.nearly_over)))
            }
        }
    }

    /// A call starts.
    pub fn started(&mut self, now: Timestamp) -> BudgetNote {
        self.budget.started(now);
        if let Some((spacing, since)) = self.widened {
            if now.since(since) < FORGIVEN_AFTER {
                self.budget.pause_until(now.after(spacing));
            } else {
                self.widened = None;
            }
        }
        BudgetNote { day: self.budget.day(), used: self.budget.used() }
    }

    /// Calls left on the day of `now`.
    #[must_use]
    pub fn remaining(&self, now: Timestamp) -> u64 {
        self.budget.remaining(now)
    }

    /// A well-formed answer came.
    pub fn answered(&mut self) {
        self.key_refusals = 0;
    }

    /// "Too many calls a second", in answer to a call that started at `started`.
    pub fn too_fast(&mut self, started: Timestamp, now: Timestamp) {
        self.budget.pause_until(now.after(SLOW_PAUSE));
        if started >= self.judged_at {
            let spacing = self.widened.map_or(self.budget.spacing(), |(spacing, _)| spacing);
            self.widened = Some(((spacing * 3 / 2).min(WIDEST), now));
            self.judged_at = now;
        }
    }

    /// "The day's calls are used up", perhaps with the time when they start anew.
    pub fn day_over(&mut self, reset: Option<Timestamp>, now: Timestamp) {
        let until = day_ends(reset, now);
        if until == midnight(now) {
            // Our own count was wrong: the key is used elsewhere too.
            return self.budget.exhausted(now);
        }
        self.budget.pause_until(until);
        self.day_over_until = self.day_over_until.max(Some(until));
    }

    /// The key was refused. Says whether it has been refused often enough to be called bad.
    pub fn key_refused(&mut self, started: Timestamp, now: Timestamp) -> bool {
        if started >= self.judged_at {
            self.judged_at = now;
            self.key_refusals = self.key_refusals.saturating_add(1);
            let bad = self.key_refusals >= KEY_PATIENCE;
            let pause = if bad { KEY_RECHECK } else { KEY_PAUSE * (1 << self.key_refusals.min(4)) / 2 };
            self.budget.pause_until(now.after(pause));
        }
        self.key_refusals >= KEY_PATIENCE
    }

    /// The key was refused too often.
    pub fn key_throttled(&mut self, now: Timestamp) {
        self.budget.pause_until(now.after(THROTTLED_PAUSE));
    }

    /// Nothing can work before a person changes something: tried again seldom.
    pub fn refused(&mut self, now: Timestamp) {
        self.budget.pause_until(now.after(KEY_RECHECK));
    }
}

/// When a day that is used up ends: as the explorer says, where that can be believed, else at midnight UTC.
#[must_use]
pub fn day_ends(reset: Option<Timestamp>, now: Timestamp) -> Timestamp {
    let said = reset.filter(|reset| *reset > now && *reset < now.after(LATEST_RESET));
    // The explorer's midnight may be later than ours: that must not cost the whole new day.
    let early = now.millis().rem_euclid(DAY_MILLIS) < EARLY.as_millis().try_into().unwrap_or(i64::MAX);
    said.unwrap_or_else(|| if early { now.after(EARLY_PAUSE) } else { midnight(now) })
}

/// The next midnight, UTC.
const fn midnight(now: Timestamp) -> Timestamp {
    let into_day = now.millis().rem_euclid(DAY_MILLIS);
    Timestamp::from_millis(now.millis().saturating_add(DAY_MILLIS - into_day))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FREE: Limits = Limits { per_second: 3, per_day: 100_000 };

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(1_795_305_600_000 + millis)
    }

    fn account() -> Account {
        Account::new(FREE, BudgetNote::default())
    }

    fn next(account: &Account, now: Timestamp) -> i64 {
        account.allowance(now).next_start.millis() - at(0).millis()
    }

    #[test]
    fn a_complaint_about_pace_pauses_and_widens_the_spacing_for_a_while() {
        let mut account = account();
        account.started(at(0));
        assert_eq!(next(&account, at(10)), 350);
        account.too_fast(at(0), at(100));
        assert_eq!(next(&account, at(100)), 1_100);
        account.too_fast(at(50), at(120));
        account.started(at(1_200));
        assert_eq!(next(&account, at(1_200)), 1_725, "two complaints about calls of one pace count once");
        account.started(at(601_000));
        assert_eq!(next(&account, at(601_000)), 601_350, "forgiven");
    }

    #[test]
    fn a_day_that_is_over_ends_when_the_explorer_says_or_at_midnight() {
        let hour = |hours: i64| at(hours * 3_600_000);
        let check = |reset: Option<Timestamp>, until: Timestamp| {
            let mut account = account();
            account.started(hour(10));
            account.day_over(reset, hour(10));
            assert_eq!(account.over_until(hour(10)), Some(until), "{reset:?}");
            assert_eq!(account.allowance(hour(10)).next_start, until);
            assert_eq!(account.over_until(until), None);
        };
        check(None, hour(24));
        check(Some(hour(12)), hour(12));
        check(Some(hour(9)), hour(24));
        check(Some(hour(240)), hour(24));
        let mut early = account();
        early.day_over(None, hour(0));
        assert_eq!(early.over_until(hour(0)), Some(at(600_000)), "the explorer's midnight may be later than ours");
        let used = Account::new(Limits { per_day: 1_000, ..FREE }, BudgetNote { day: 20_779, used: 1_000 });
        assert_eq!(used.over_until(hour(1)), Some(hour(24)), "what was used before a restart counts");
    }

    #[test]
    fn a_refused_key_is_taken_for_passing_at_first_and_tried_seldom_then() {
        let mut account = account();
        assert!(!account.key_refused(at(0), at(100)));
        assert!(!account.key_refused(at(50), at(120)), "its twin in flight says nothing new");
        assert_eq!(next(&account, at(200)), 10_100);
        assert!(!account.key_refused(at(10_100), at(10_200)));
        assert!(account.key_refused(at(30_300), at(30_400)));
        assert_eq!(next(&account, at(40_000)), 930_400);
        account.answered();
        assert!(!account.key_refused(at(950_000), at(950_100)));
    }
}
