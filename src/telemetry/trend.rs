//! How prices and fees moved lately, for the small curves of the page. Only shown; it decides nothing.
//!
//! A curve begins fine, so that something is seen soon, and gets coarser until a point is a minute.

use crate::reactor::bars::BarRow;
use crate::types::{ChainId, Pair, Timestamp};
use rust_decimal::Decimal;
use std::collections::{BTreeMap, VecDeque};

/// Points of a curve at most: two hours of minutes, and what a small picture can show.
pub const MOST_POINTS: usize = 120;
/// Milliseconds of a point at first …
const FINEST: i64 = 3_750;
/// … and in the end. Doubling leads from one to the other.
const COARSEST: i64 = 60_000;

/// One curve: the last value of each stretch of time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trend {
    step: i64,
    /// Ascending: the number of the stretch since the epoch, and its value.
    points: VecDeque<(i64, Decimal)>,
}

impl Default for Trend {
    fn default() -> Self {
        Self { step: FINEST, points: VecDeque::new() }
    }
}

impl Trend {
    /// Takes the value at this time. Time does not run backwards; where it does, the value is the newest all the same.
    pub fn take(&mut self, at: Timestamp, value: Decimal) {
        let stretch = at.millis().div_euclid(self.step);
        match self.points.back_mut() {
            Some(last) if last.0 >= stretch => last.1 = value,
            Some(_) | None => self.points.push_back((stretch, value)),
        }
        while self.points.len() > MOST_POINTS {
            if self.step < COARSEST {
                self.coarsen();
            } else {
                self.points.pop_front();
            }
        }
    }

    fn coarsen(&mut self) {
        self.step *= 2;
        let mut points: VecDeque<(i64, Decimal)> = VecDeque::with_capacity(self.points.len());
        for (stretch, value) in self.points.drain(..) {
            let stretch = stretch.div_euclid(2);
            match points.back_mut() {
                Some(last) if last.0 == stretch => last.1 = value,
                Some(_) | None => points.push_back((stretch, value)),
            }
        }
        self.points = points;
    }

    /// Its points, ascending: when each began, and the value.
    #[must_use = "it changes nothing"]
    pub fn points(&self) -> impl ExactSizeIterator<Item = (Timestamp, Decimal)> + '_ {
        self.points.iter().map(|(stretch, value)| (Timestamp::from_millis(stretch.saturating_mul(self.step)), *value))
    }
}

/// Every curve.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trends {
    /// What pairs cost.
    pub prices: BTreeMap<Pair, Trend>,
    /// Base fees in gwei.
    pub fees: BTreeMap<ChainId, Trend>,
}

impl Trends {
    /// From the minutes that the store has kept, by pair and ascending.
    pub fn of_bars<'a>(bars: impl Iterator<Item = &'a BarRow>) -> Self {
        let mut trends = Self::default();
        for bar in bars {
            let minute = i64::try_from(bar.minute).unwrap_or(0);
            let empty = || Trend { step: COARSEST, points: VecDeque::new() };
            let trend = trends.prices.entry(bar.pair.clone()).or_insert_with(empty);
            trend.take(Timestamp::from_millis(minute.saturating_mul(COARSEST)), bar.low.half_way(bar.high).get());
        }
        trends
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_curve_gets_coarser_until_a_point_is_a_minute_and_then_forgets() {
        let mut trend = Trend::default();
        let mut seen = Vec::new();
        for second in 0..20_000_i64 {
            trend.take(Timestamp::from_millis(second * 1_000), Decimal::from(second));
            assert!(trend.points().len() <= MOST_POINTS);
            if seen.last() != Some(&trend.step) {
                seen.push(trend.step);
            }
        }
        assert_eq!(seen, [3_750, 7_500, 15_000, 30_000, 60_000]);
        let points: Vec<_> = trend.points().collect();
        assert_eq!(points.len(), MOST_POINTS);
        assert!(points.windows(2).all(|pair| pair[1].0.since(pair[0].0).as_secs() == 60), "no minute is missing");
        assert_eq!(points.last().map(|point| point.1), Some(Decimal::from(19_999)));
        assert!(points.windows(2).all(|pair| pair[0].1 < pair[1].1));
    }
}
