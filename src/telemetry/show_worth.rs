//! The gauges of what pairs cost and what watches are worth.

use super::Metrics;
use super::metrics::{decimal, integer, seconds};
use super::names::Metric;
use super::snapshot::Snapshot;
use super::worth::{PairStatus, Portfolio};
use crate::reactor::market::Quote;
use crate::types::amount::format_amount;
use crate::types::{Timestamp, U256};
use std::collections::BTreeMap;

impl Metrics {
    /// Sets the gauges of prices, pairs and portfolios. A price that is not known is no number, for whoever compares it: an old one would
    /// look like one of now, and nought like a crash. What a portfolio is worth keeps its last value, with its age.
    pub(super) fn show_worth(&self, snapshot: &Snapshot, now: Timestamp) {
        let fresh = snapshot.prices.iter().filter(|price| price.fresh);
        let fresh: BTreeMap<_, _> = fresh.map(|status| ((&status.pair, &status.feed), status.price)).collect();
        for (pair, feed) in &snapshot.labels.prices {
            let price = fresh.get(&(pair, feed)).map_or(f64::NAN, |price| decimal(&price.to_string()));
            self.set(Metric::PriceValue, &[pair.as_str(), feed.as_str()], price);
        }
        for PairStatus { pair, quote, unknown: _ } in &snapshot.pairs {
            let of = [pair.as_str()];
            self.set(Metric::PairSources, &of, quote.as_ref().map_or(0.0, |quote| integer(u64::from(quote.sources))));
            // Millionths of a percent are a hundredth of a millionth.
            let spread = |quote: &Quote| decimal(&format_amount(U256::from(quote.spread.millionths()), 8));
            self.set(
                Metric::PairPrice,
                &of,
                quote.as_ref().map_or(f64::NAN, |quote| decimal(&quote.price.to_string())),
            );
            self.set(Metric::PairSpread, &of, quote.as_ref().map_or(f64::NAN, spread));
            if quote.is_some() {
                self.set(Metric::PairTime, &of, seconds(now));
            }
        }
        for Portfolio { watch, value, as_of: _ } in &snapshot.portfolios {
            let of = [watch.as_str()];
            // As with a price: what is not known is no number.
            self.set(Metric::PortfolioUsd, &of, value.as_ref().map_or(f64::NAN, |value| decimal(&value.to_string())));
            if value.is_some() {
                self.set(Metric::PortfolioTime, &of, seconds(now));
            } else {
                self.touch(Metric::PortfolioTime, &of);
            }
        }
    }
}
