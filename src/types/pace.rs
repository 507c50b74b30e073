//! How fast an account may be called, and how old what is read through it then gets.
//!
//! The one place of this arithmetic: `check` forecasts by it, the planner works by it, and the metrics promise what it says. Plain
//! functions of an account's limits and of what is asked of it; integers only, no clock, no state.

use std::time::Duration;

/// Added to the arithmetic spacing, for the jitter of the network: three calls a second start 350 ms apart, not 333.
const SPACING_MARGIN_PERCENT: u64 = 5;
/// How much of the day's calls may be used ahead of the hour, in hundredths, for what is read in turn.
pub const AHEAD: u64 = 2;
/// The same for what is in a hurry, which must not wait behind a day's spreading. What it borrowed is paid back at the hurry's own
/// share, so that the rounds go on meanwhile.
pub const AHEAD_HURRIED: u64 = 6;
/// What is in a hurry gets one call in so many where the rounds have something to read too: that is what keeps a promise.
pub const HURRIED_ONE_IN: u64 = 4;
/// What balances are swept by is at most one call in so many.
const SWEPT_ONE_IN: u64 = 10;
/// A batch of balances is not read sooner than this.
const SHORTEST_SWEEP: Duration = Duration::from_mins(1);
/// A sweep shows what moved; it is worth its calls only where it comes round at least so many times as fast as the lists.
const SWEEP_WORTH: u64 = 2;
/// How often the index of a chain is held against the chain's head.
const LEAST_HEADS: Duration = Duration::from_mins(5);
/// And that is at most one call in so many.
const HEADS_ONE_IN: u64 = 20;
/// No list is read again sooner, however few there are: an index is behind its chain by about as much.
pub const SHORTEST_GAP: Duration = Duration::from_secs(15);
/// A list that only seconds what a chain's own blocks say is read once in so many rounds.
pub const SECOND_ONE_IN: u32 = 8;
/// How old a balance may get that a rule looks at, or that moves by itself …
pub const BALANCE_OFTEN: Duration = Duration::from_mins(5);
/// … and any other: what moved is read again at once, and each costs a call.
pub const BALANCE_SELDOM: Duration = Duration::from_hours(1);
/// Addresses whose balances one call gives.
pub const BATCH: usize = 20;

const DAY_MILLIS: u128 = 86_400_000;
/// Rates are calls in so many days.
const DAYS: u128 = 1_000_000;

/// What an account may do, over all its chains and keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Calls a second.
    pub per_second: u32,
    /// Calls in a UTC day.
    pub per_day: u64,
}

impl Limits {
    /// The smallest time between the starts of two calls. No calls a second are read as one.
    #[must_use]
    pub fn spacing(self) -> Duration {
        let exact_times_hundred = 1_000 * (100 + SPACING_MARGIN_PERCENT);
        Duration::from_millis(exact_times_hundred.div_ceil(u64::from(self.per_second.max(1)) * 100))
    }

    /// Calls in [`DAYS`], when so many hundredths of the day are borrowed.
    fn rate(self, ahead: u64) -> u128 {
        let by_day = u128::from(self.per_day) * DAYS * u128::from(100 - ahead) / 100;
        by_day.min(DAY_MILLIS * DAYS / self.spacing().as_millis().max(1)).max(1)
    }
}

/// What is asked of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Demand {
    /// Lists that nothing else reports.
    pub lead: u64,
    /// Lists of what a chain's own blocks report first.
    pub second: u64,
    /// Batches of at most [`BATCH`] addresses whose coin balances show what moved.
    pub batches: u64,
    /// Chains whose index is held against a head that has to be asked for.
    pub heads: u64,
    /// Balances that nothing else reads, each at least every [`BALANCE_OFTEN`].
    pub often: u64,
    /// The same, each at least every [`BALANCE_SELDOM`].
    pub seldom: u64,
    /// Coin balances among `often` that the batches give too.
    pub swept_often: u64,
    /// Coin balances among `seldom` that the batches give too.
    pub swept_seldom: u64,
}

/// How an account's calls are shared out over what is asked of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// Between two calls, when the day's are spread over the day.
    pub interval: Duration,
    /// How often a list that leads is read while nothing is in a hurry; `None` where no list is wanted.
    pub quiet: Option<Duration>,
    /// How old such a list gets at most, whatever is in a hurry.
    pub promised: Option<Duration>,
    /// How often each batch of balances is read; `None` where it would show nothing sooner than the lists do.
    pub sweep: Option<Duration>,
    /// How often a chain's head is asked for.
    pub heads: Duration,
    /// Calls in a day for balances, while nothing moves. They go ahead of the rounds, by the share of what is in a hurry.
    pub balances_per_day: u64,
    /// How often a balance is read that should be every [`BALANCE_OFTEN`]; longer where that share is too small for all of them.
    pub often: Duration,
    /// Calls in a day of it, while nothing is in a hurry.
    pub per_day: u64,
}

impl Pace {
    /// Of an account of which so much is asked.
    #[must_use]
    pub fn of(limits: Limits, demand: Demand) -> Self {
        let rate = limits.rate(AHEAD);
        let worst = limits.rate(AHEAD_HURRIED);
        // Turns of a round, in parts of a list that seconds.
        let turns = u128::from(demand.lead) * u128::from(SECOND_ONE_IN) + u128::from(demand.second);
        let round = |rate: u128| span(turns, rate.max(1) * u128::from(SECOND_ONE_IN)).max(SHORTEST_GAP);
        let batches = u128::from(demand.batches);
        let sweep = span(batches * u128::from(SWEPT_ONE_IN), rate).max(SHORTEST_SWEEP);
        let sweep =
            (batches > 0 && sweep.as_millis() * u128::from(SWEEP_WORTH) <= round(rate).as_millis()).then_some(sweep);
        let swept = sweep.map_or(0, |sweep| batches * DAY_MILLIS * DAYS / sweep.as_millis().max(1));
        let heads = u128::from(demand.heads);
        let every = span(heads * u128::from(HEADS_ONE_IN), rate).max(LEAST_HEADS);
        let asked = heads * DAY_MILLIS * DAYS / every.as_millis().max(1);
        let planned = worst - worst / u128::from(HURRIED_ONE_IN);
        let daily = |many: u64, every: Duration| u128::from(many) * DAY_MILLIS * DAYS / every.as_millis().max(1);
        // What the batches give in time costs nothing more.
        let free = |many: u64, every: Duration| if sweep.is_some_and(|sweep| sweep <= every) { many } else { 0 };
        let often = demand.often.saturating_sub(free(demand.swept_often, BALANCE_OFTEN));
        let seldom = demand.seldom.saturating_sub(free(demand.swept_seldom, BALANCE_SELDOM));
        let nominal = daily(often, BALANCE_OFTEN) + daily(seldom, BALANCE_SELDOM);
        // Where there are no rounds nobody waits behind what is in a hurry.
        let hurried = if turns > 0 { rate / u128::from(HURRIED_ONE_IN) } else { rate };
        let held = nominal.min(hurried);
        let often = stretched(BALANCE_OFTEN, nominal, hurried);
        let quiet = (turns > 0).then(|| round(rate.saturating_sub(swept + asked + held)));
        let listed =
            quiet.map_or(0, |quiet| turns * DAY_MILLIS * DAYS / (quiet.as_millis().max(1) * u128::from(SECOND_ONE_IN)));
        Self {
            interval: span(1, rate),
            quiet,
            promised: (turns > 0).then(|| round(planned.saturating_sub(swept))),
            sweep,
            heads: every,
            per_day: u64::try_from((listed + swept + asked + held) / DAYS).unwrap_or(u64::MAX).min(limits.per_day),
            balances_per_day: u64::try_from(held / DAYS).unwrap_or(u64::MAX),
            often,
        }
    }

    /// The fewest calls a day that keep this promise, spacing left aside; `None` where no such number is small enough to be a plan's.
    #[must_use]
    pub fn calls_needed(limits: Limits, demand: Demand, promise: Duration) -> Option<u64> {
        const MOST: u64 = 1_000_000_000;
        let keeps = |per_day: u64| {
            Self::of(Limits { per_day, ..limits }, demand).promised.is_none_or(|promised| promised <= promise)
        };
        let (mut low, mut high) = (0, MOST);
        if !keeps(high) {
            return None;
        }
        while high - low > 1 {
            let middle = low + (high - low) / 2;
            if keeps(middle) { high = middle } else { low = middle }
        }
        Some(high)
    }

    /// The most lists that lead and can be read within this promise, with `demand`'s other parts in the same proportion.
    #[must_use]
    pub fn lists_within(limits: Limits, demand: Demand, promise: Duration) -> u64 {
        let scaled = |lead: u64| {
            let part = |of: u64| u128::from(of) * u128::from(lead) / u128::from(demand.lead.max(1));
            let part = |of: u64| u64::try_from(part(of)).unwrap_or(u64::MAX);
            Demand { lead, second: part(demand.second), batches: part(demand.batches), ..demand }
        };
        let keeps = |lead: u64| Self::of(limits, scaled(lead)).promised.is_none_or(|promised| promised <= promise);
        let (mut low, mut high) = (0, demand.lead.max(1));
        while high - low > 1 {
            let middle = low + (high - low) / 2;
            if keeps(middle) { low = middle } else { high = middle }
        }
        low
    }
}

/// A time between two reads, where so much is asked for and so much is allowed.
fn stretched(every: Duration, asked: u128, allowed: u128) -> Duration {
    let millis = every.as_millis().saturating_mul(asked.max(1)).div_ceil(allowed.min(asked).max(1));
    Duration::from_millis(u64::try_from(millis).unwrap_or(u64::MAX))
}

/// How long so many calls take at a rate, rounded up.
fn span(calls: u128, rate: u128) -> Duration {
    let millis = (calls * DAY_MILLIS * DAYS).div_ceil(rate.max(1));
    Duration::from_millis(u64::try_from(millis).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const FREE: Limits = Limits { per_second: 3, per_day: 100_000 };

    #[test]
    fn an_account_on_the_free_plan_reads_so_many_lists_in_so_long() {
        let check = |limits: Limits, demand: Demand, quiet: u64, promised: u64, sweep: Option<u64>| {
            let pace = Pace::of(limits, demand);
            let secs = |span: Option<Duration>| span.map(|span| span.as_secs());
            assert_eq!((secs(pace.quiet), secs(pace.promised)), (Some(quiet), Some(promised)), "{demand:?}");
            assert_eq!(secs(pace.sweep), sweep, "{demand:?}");
        };
        let lists = |lead| Demand { lead, ..Demand::default() };
        check(FREE, lists(1), 15, 15, None);
        check(FREE, lists(120), 105, 147, None);
        check(FREE, lists(1_800), 1_586, 2_205, None);
        check(FREE, Demand { lead: 1_800, batches: 30, heads: 3, ..Demand::default() }, 1_780, 2_562, Some(264));
        check(FREE, Demand { lead: 120, batches: 4, heads: 4, ..Demand::default() }, 107, 147, None);
        // A day's spreading binds where calls a day are few, spacing where they are many.
        check(Limits { per_second: 5, per_day: 5_000 }, lists(30), 528, 735, None);
        check(Limits { per_second: 3, per_day: 1_500_000 }, lists(1_200), 420, 560, None);
        let beside = Pace::of(FREE, Demand { second: 960, ..Demand::default() });
        assert_eq!(beside.quiet, Pace::of(FREE, lists(120)).quiet, "what seconds takes an eighth");
        assert_eq!(Pace::of(FREE, Demand::default()).quiet, None);
    }

    #[test]
    fn balances_cost_calls_of_the_day_and_wait_longer_where_there_are_too_many() {
        let check = |limits: Limits, demand: Demand, per_day: u64, often: u64| {
            let pace = Pace::of(limits, demand);
            assert_eq!((pace.balances_per_day, pace.often.as_secs()), (per_day, often), "{demand:?}");
            assert!(pace.per_day <= limits.per_day && pace.per_day >= per_day.min(limits.per_day), "{demand:?}");
            pace
        };
        let of = |lead, often, seldom| Demand { lead, often, seldom, ..Demand::default() };
        check(FREE, of(0, 0, 0), 0, 300);
        check(FREE, of(3, 1, 2), 288 + 48, 300);
        let (with, without) =
            (check(FREE, of(1_800, 50, 100), 50 * 288 + 100 * 24, 300), check(FREE, of(1_800, 0, 0), 0, 300));
        assert!(with.quiet > without.quiet, "rounds are longer by what goes ahead of them");
        assert_eq!(with.promised, without.promised, "and the promise counts with it anyway");
        // A quarter of 5,000 calls less what may be borrowed is 1,225 reads: 4,320 are asked for.
        let small = Limits { per_second: 5, per_day: 5_000 };
        check(small, of(30, 15, 0), 1_225, 1_057);
        check(small, of(0, 15, 0), 4_320, 300);
        // Coin balances that come with the batches cost nothing more; where there are no batches they do.
        let swept = |batches| Demand { lead: 1_800, batches, seldom: 100, swept_seldom: 60, ..Demand::default() };
        check(FREE, swept(30), 40 * 24, 300);
        check(FREE, swept(0), 100 * 24, 300);
    }

    proptest! {
        #[test]
        fn a_promise_is_no_shorter_than_a_quiet_round_and_grows_with_what_is_asked(
            per_second in 0_u32..40, per_day in 0_u64..2_000_000, lead in 0_u64..200_000, second in 0_u64..200_000,
            batches in 0_u64..10_000, heads in 0_u64..70, more in 1_u64..1_000,
        ) {
            let limits = Limits { per_second, per_day };
            let demand = Demand { lead, second, batches, heads, ..Demand::default() };
            let pace = Pace::of(limits, demand);
            prop_assert!(pace.per_day <= per_day);
            prop_assert_eq!(pace.quiet.is_some(), lead + second > 0);
            prop_assert!(pace.quiet <= pace.promised);
            let busier = Pace::of(limits, Demand { lead: lead + more, ..demand });
            // A sweep may come on with more lists; what it costs is bounded, so that the round is never shorter by it.
            prop_assert!(busier.promised >= pace.promised || busier.sweep != pace.sweep);
        }

        #[test]
        fn what_is_said_to_be_needed_is_enough(lead in 1_u64..5_000, minutes in 1_u64..600) {
            let (demand, promise) = (Demand { lead, heads: 3, ..Demand::default() }, Duration::from_mins(minutes));
            if let Some(needed) = Pace::calls_needed(FREE, demand, promise) {
                let kept = Pace::of(Limits { per_day: needed, ..FREE }, demand).promised;
                prop_assert!(kept <= Some(promise));
            }
            let fewer = Pace::lists_within(FREE, demand, promise);
            let kept = Pace::of(FREE, Demand { lead: fewer, ..demand }).promised;
            prop_assert!(fewer == 0 || kept <= Some(promise));
        }
    }
}
