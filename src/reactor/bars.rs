//! Prices by the minute, for rules that look at a change within a time.
//!
//! A minute that is over is a row; the one that runs is not, and is lost with a crash: so little of a window that nobody misses it. A window
//! whose beginning nobody saw is not known. Plain values: it knows no rules.

use super::effect::Effect;
pub use super::quote::BarRow;
use super::rows::{Row, RowKey};
use super::settings::{Condition, Settings};
use crate::types::{Pair, Price, Timestamp};
use std::collections::BTreeMap;
use std::time::Duration;

/// Milliseconds in a minute.
const MINUTE: i64 = 60_000;
/// A window whose first minutes have no price is known all the same if that is no more than this part of it: feeds reconnect.
const MISSING_PART: u64 = 20;

/// The lowest and the highest price of a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    /// The lowest.
    pub low: Price,
    /// The highest.
    pub high: Price,
}

/// The minutes of every pair that a rule looks at over a window.
#[derive(Debug, Clone, Default)]
pub struct Bars {
    rows: BTreeMap<Pair, Series>,
}

#[derive(Debug, Clone, Default)]
struct Series {
    closed: BTreeMap<u64, BarRow>,
    /// The minute that runs.
    open: Option<BarRow>,
    /// The windows that rules look at, in minutes, each with its range over the closed minutes while this minute runs.
    windows: BTreeMap<u64, Option<Range>>,
}

/// Whole minutes since the epoch.
fn minute_of(at: Timestamp) -> u64 {
    u64::try_from(at.millis().div_euclid(MINUTE)).unwrap_or(0)
}

/// Whole minutes of a window.
fn minutes(within: Duration) -> u64 {
    (within.as_secs() / 60).max(1)
}

impl Range {
    fn with(self, low: Price, high: Price) -> Self {
        Self { low: self.low.min(low), high: self.high.max(high) }
    }
}

impl Bars {
    /// From rows.
    #[must_use]
    pub fn restore(rows: Vec<BarRow>) -> Self {
        let mut bars = Self::default();
        for row in rows {
            bars.rows.entry(row.pair.clone()).or_default().closed.insert(row.minute, row);
        }
        bars
    }

    /// Every minute that is over.
    pub fn rows(&self) -> impl Iterator<Item = &BarRow> {
        self.rows.values().flat_map(|series| series.closed.values())
    }

    /// The windows of these settings; minutes that no rule looks at any more go.
    pub fn configure(&mut self, settings: &Settings, at: Timestamp, effects: &mut Vec<Effect>) {
        let mut wanted: BTreeMap<Pair, BTreeMap<u64, Option<Range>>> = BTreeMap::new();
        for rule in &settings.rules {
            if let Condition::Change(change) = &rule.condition {
                wanted.entry(change.pair.clone()).or_default().insert(minutes(change.within), None);
            }
        }
        let pairs: Vec<Pair> = self.rows.keys().filter(|pair| !wanted.contains_key(*pair)).cloned().collect();
        for pair in pairs {
            for minute in self.rows.remove(&pair).into_iter().flat_map(|series| series.closed.into_keys()) {
                effects.push(Effect::Delete(RowKey::Bar(pair.clone(), minute)));
            }
        }
        for (pair, windows) in wanted {
            let series = self.rows.entry(pair).or_default();
            series.windows = windows;
            series.prune(minute_of(at), effects);
            series.look_back(minute_of(at));
        }
    }

    /// Takes a price that is known at `at`, if a rule looks at its pair over a window.
    pub fn take(&mut self, pair: &Pair, price: Price, at: Timestamp, effects: &mut Vec<Effect>) {
        let Some(series) = self.rows.get_mut(pair) else { return };
        let minute = minute_of(at);
        match &mut series.open {
            Some(open) if open.minute == minute => {
                open.low = open.low.min(price);
                open.high = open.high.max(price);
            }
            open => {
                let new = BarRow { pair: pair.clone(), minute, low: price, high: price };
                if let Some(over) = open.replace(new) {
                    effects.push(Effect::Put(Row::Bar(over.clone())));
                    series.closed.insert(over.minute, over);
                }
                series.prune(minute, effects);
                series.look_back(minute);
            }
        }
    }

    /// Whether somebody saw the beginning of the window of this length that ends in the minute of the last price.
    #[must_use]
    pub fn is_whole(&self, pair: &Pair, within: Duration) -> bool {
        self.rows.get(pair).and_then(|series| *series.windows.get(&minutes(within))?).is_some()
    }

    /// The lowest and highest price within the time that ends at `at`; nothing where nobody saw its beginning.
    #[must_use]
    pub fn range(&self, pair: &Pair, within: Duration, at: Timestamp) -> Option<Range> {
        let series = self.rows.get(pair)?;
        let closed = (*series.windows.get(&minutes(within))?)?;
        let open = series.open.as_ref().filter(|open| open.minute == minute_of(at))?;
        Some(closed.with(open.low, open.high))
    }
}

impl Series {
    /// Minutes that no window reaches any more go.
    fn prune(&mut self, now: u64, effects: &mut Vec<Effect>) {
        let longest = self.windows.keys().next_back().copied().unwrap_or(0);
        let kept = self.closed.split_off(&now.saturating_sub(longest));
        for over in std::mem::replace(&mut self.closed, kept).into_values() {
            effects.push(Effect::Delete(RowKey::Bar(over.pair, over.minute)));
        }
    }

    /// The ranges of the windows over the minutes that are over: once a minute, so that a price costs none of this.
    fn look_back(&mut self, now: u64) {
        for (minutes, range) in &mut self.windows {
            let begins = now.saturating_sub(*minutes);
            let mut within = self.closed.range(begins..=now).map(|(_, bar)| bar);
            let seen_by = begins + (minutes / MISSING_PART).max(1);
            *range = within.next().filter(|first| first.minute <= seen_by).map(|first| {
                let first = Range { low: first.low, high: first.high };
                within.fold(first, |range, bar| range.with(bar.low, bar.high))
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reactor::settings::{ChangeCondition, Move, Rule, Side, Threshold};
    use crate::types::{Percent, Severity};

    fn price(text: &str) -> Price {
        Price::parse(text).expect("it is a price")
    }

    fn pair() -> Pair {
        Pair::parse("ETH-USD").expect("it is a pair")
    }

    fn at(minute: u64, second: u64) -> Timestamp {
        Timestamp::from_secs(1_800_000_000 + minute * 60 + second)
    }

    fn settings(within: &[u64]) -> Settings {
        let rule = |minutes: &u64| Rule {
            name: format!("{minutes}").into(),
            severity: Severity::Info,
            notify: vec!["ops".into()],
            condition: Condition::Change(ChangeCondition {
                pair: pair(),
                within: Duration::from_mins(*minutes),
                movement: Move::Either,
                threshold: Threshold {
                    side: Side::Above,
                    level: Percent::whole(5),
                    recovers_at: Percent::whole(2),
                    hold: Duration::ZERO,
                    at_most_every: None,
                },
            }),
        };
        Settings { rules: within.iter().map(rule).collect(), ..Settings::default() }
    }

    /// Takes a price in each of these minutes, and says the range of each window after the last.
    fn check(within: &[u64], prices: &[(u64, &str)], expected: &[Option<(&str, &str)>]) {
        let (mut bars, mut effects) = (Bars::default(), Vec::new());
        bars.configure(&settings(within), at(0, 0), &mut effects);
        for (minute, text) in prices {
            bars.take(&pair(), price(text), at(*minute, 1), &mut effects);
        }
        let last = prices.last().map_or(0, |(minute, _)| *minute);
        let range = |minutes: &u64| bars.range(&pair(), Duration::from_mins(*minutes), at(last, 30));
        let found: Vec<_> = within.iter().map(range).collect();
        let range = |(low, high): (&str, &str)| Range { low: price(low), high: price(high) };
        let expected: Vec<_> = expected.iter().map(|one| one.map(range)).collect();
        assert_eq!(found, expected, "{prices:?}");
        // What was written and not taken back is what is there: a rebuilt one says the same, once a price has come.
        let mut rows = BTreeMap::new();
        for effect in effects {
            match effect {
                Effect::Put(Row::Bar(bar)) => drop(rows.insert(bar.minute, bar)),
                Effect::Delete(RowKey::Bar(_, minute)) => drop(rows.remove(&minute)),
                other => panic!("bars ask for no {other:?}"),
            }
        }
        assert_eq!(bars.rows().cloned().collect::<Vec<_>>(), rows.values().cloned().collect::<Vec<_>>());
        let mut again = Bars::restore(rows.into_values().collect());
        again.configure(&settings(within), at(last, 40), &mut Vec::new());
        if let Some((_, text)) = prices.last() {
            again.take(&pair(), price(text), at(last, 41), &mut Vec::new());
        }
        for (minutes, range) in within.iter().zip(&expected) {
            assert_eq!(again.range(&pair(), Duration::from_mins(*minutes), at(last, 50)), *range);
        }
    }

    #[test]
    fn a_window_is_known_once_somebody_saw_its_beginning() {
        check(&[3], &[(0, "10")], &[None]);
        check(&[3], &[(0, "10"), (1, "11"), (2, "12")], &[Some(("10", "12"))]);
        check(&[3], &[(0, "10"), (1, "11"), (2, "12"), (3, "9")], &[Some(("9", "12"))]);
        check(&[2, 4], &[(0, "10"), (1, "11"), (2, "12"), (3, "9")], &[Some(("9", "12")), Some(("9", "12"))]);
    }

    #[test]
    fn what_is_older_than_the_window_goes() {
        check(&[2], &[(0, "99"), (1, "10"), (2, "11"), (3, "12"), (4, "13")], &[Some(("11", "13"))]);
    }

    #[test]
    fn a_gap_at_the_beginning_makes_it_unknown_and_one_in_between_does_not() {
        check(&[4], &[(0, "10"), (1, "11"), (4, "12")], &[Some(("10", "12"))]);
        check(&[4], &[(0, "10"), (6, "11"), (7, "12")], &[None]);
        check(&[40], &[(0, "10"), (38, "11"), (42, "12")], &[None]);
        check(&[40], &[(0, "9"), (4, "10"), (38, "11"), (42, "12")], &[Some(("10", "12"))]);
    }
}
