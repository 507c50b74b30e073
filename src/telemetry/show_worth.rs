//! The gauges of what pairs cost and what watches are worth.

use super::Metrics;
use super::metrics::{decimal, integer, seconds};
use super::names::Metric;
use super::snapshot::Snapshot;
use super::worth::{PairStatus, Portfolio};
use crate::types::amount::format_amount;
use crate::types::{Timestamp, U256};

impl Metrics {
    /// Sets the gauges of pairs and portfolios. What is not known keeps its last value, with its age.
    pub(super) fn show_worth(&self, snapshot: &Snapshot, now: Timestamp) {
        for PairStatus { pair, quote } in &snapshot.pairs {
            let of = [pair.as_str()];
            self.set(Metric::PairSources, &of, quote.as_ref().map_or(0.0, |quote| integer(u64::from(quote.sources))));
            if let Some(quote) = quote {
                self.set(Metric::PairPrice, &of, decimal(&quote.price.to_string()));
                // Millionths of a percent are a hundredth of a millionth.
                self.set(Metric::PairSpread, &of, decimal(&format_amount(U256::from(quote.spread.millionths()), 8)));
                self.set(Metric::PairTime, &of, seconds(now));
            }
        }
        for Portfolio { watch, value, as_of: _ } in &snapshot.portfolios {
            let of = [watch.as_str()];
            match value {
                Some(value) => {
                    self.set(Metric::PortfolioUsd, &of, decimal(&value.to_string()));
                    self.set(Metric::PortfolioTime, &of, seconds(now));
                }
                None => self.touch(Metric::PortfolioTime, &of),
            }
        }
    }
}
