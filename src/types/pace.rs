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
/// What is read that often is older by what its answer takes until it is stored and shown.
const ANSWERED: Duration = Duration::from_secs(5);
/// A list that only seconds what a chain's own blocks say is read once in so many rounds.
pub const SECOND_ONE_IN: u32 = 8;
/// Addresses whose balances one call gives.
pub const BATCH: usize = 20;
/// How old a balance may get that a rule looks at, or that moves by itself …
pub const BALANCE_OFTEN: Duration = Duration::from_mins(5);
/// … and any other: what moved is read again at once, and each costs a call.
pub const BALANCE_SELDOM: Duration = Duration::from_hours(1);

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

/// Balances that are read one by one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Singles {
    /// Those that are read every [`BALANCE_OFTEN`].
    pub often: u64,
    /// Those that are read every [`BALANCE_SELDOM`].
    pub seldom: u64,
}

impl Singles {
    /// These and those.
    #[must_use]
    pub const fn and(self, others: Self) -> Self {
        Self { often: self.often.saturating_add(others.often), seldom: self.seldom.saturating_add(others.seldom) }
    }

    /// One more of them.
    pub const fn add(&mut self, often: bool) {
        if often {
            self.often = self.often.saturating_add(1);
        } else {
            self.seldom = self.seldom.saturating_add(1);
        }
    }

    /// Calls in [`DAYS`].
    fn rate(self) -> u128 {
        let of = |count: u64, gap: Duration| u128::from(count) * DAY_MILLIS * DAYS / gap.as_millis().max(1);
        of(self.often, BALANCE_OFTEN) + of(self.seldom, BALANCE_SELDOM)
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
    /// Balances that no batch shows.
    pub singles: Singles,
    /// Coin balances that a batch shows as well: they cost nothing while batches come often enough.
    pub coins: Singles,
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
        let shown = sweep.is_some_and(|sweep| sweep <= BALANCE_OFTEN);
        let singles = if shown { demand.singles } else { demand.singles.and(demand.coins) };
        // Like heads they are in a hurry, as everything is that is due at a time of its own: they get no more than that is given.
        let singles = singles.rate().min((rate / u128::from(HURRIED_ONE_IN)).saturating_sub(asked));
        let quiet = (turns > 0).then(|| round(rate.saturating_sub(swept + asked + singles)));
        let listed =
            quiet.map_or(0, |quiet| turns * DAY_MILLIS * DAYS / (quiet.as_millis().max(1) * u128::from(SECOND_ONE_IN)));
        Self {
            interval: span(1, rate),
            quiet,
            promised: (turns > 0).then(|| round(planned.saturating_sub(swept)).max(SHORTEST_GAP + ANSWERED)),
            sweep,
            heads: every,
            per_day: u64::try_from((listed + swept + asked + singles) / DAYS).unwrap_or(u64::MAX).min(limits.per_day),
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
        check(FREE, lists(1), 15, 20, None);
        check(FREE, lists(120), 105, 147, None);
        check(FREE, lists(1_800), 1_586, 2_205, None);
        check(FREE, Demand { lead: 1_800, batches: 30, heads: 3, ..Demand::default() }, 1_780, 2_562, Some(264));
        check(FREE, Demand { lead: 120, batches: 4, heads: 4, ..Demand::default() }, 107, 147, None);
        // Balances take a place in what is in a hurry, and no more than that has.
        let (few, many) = (Singles { often: 0, seldom: 600 }, Singles { often: 600, seldom: 0 });
        let held = |singles, coins| Demand { lead: 1_800, second: 0, batches: 30, heads: 3, singles, coins };
        check(FREE, held(few, many), 2_132, 2_562, Some(264));
        check(FREE, held(many, many), 2_441, 2_562, Some(264));
        // A day's spreading binds where calls a day are few, spacing where they are many.
        check(Limits { per_second: 5, per_day: 5_000 }, lists(30), 528, 735, None);
        check(Limits { per_second: 3, per_day: 1_500_000 }, lists(1_200), 420, 560, None);
        let beside = Pace::of(FREE, Demand { second: 960, ..Demand::default() });
        assert_eq!(beside.quiet, Pace::of(FREE, lists(120)).quiet, "what seconds takes an eighth");
        assert_eq!(Pace::of(FREE, Demand::default()).quiet, None);
    }

    proptest! {
        #[test]
        fn a_promise_is_no_shorter_than_a_quiet_round_and_grows_with_what_is_asked(
            per_second in 0_u32..40, per_day in 0_u64..2_000_000, lead in 0_u64..200_000, second in 0_u64..200_000,
            batches in 0_u64..10_000, heads in 0_u64..70, more in 1_u64..1_000,
            (often, seldom) in (0_u64..1_000, 0_u64..1_000),
        ) {
            let limits = Limits { per_second, per_day };
            let demand = Demand { lead, second, batches, heads, singles: Singles { often, seldom }, ..Demand::default() };
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
