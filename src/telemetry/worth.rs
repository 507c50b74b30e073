//! What pairs cost and what watches are worth, as they are shown. Display only: rules and messages use the exact values.

use super::balances::{BalanceSeries, BalancesStatus};
use crate::reactor::Reactor;
use crate::reactor::market::Quote;
use crate::reactor::unpriced::Unknown;
use crate::types::{Name, Pair, Timestamp, Usd};
use std::collections::BTreeMap;

/// A pair that feeds are asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PairStatus {
    /// Which.
    pub pair: Pair,
    /// What it costs; `None` while no feed has a fresh price of it.
    pub quote: Option<Quote>,
    /// Why it has none then.
    pub unknown: Option<Unknown>,
}

/// What a watch is worth, over all that has a price.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Portfolio {
    /// Whose.
    pub watch: Name,
    /// `None` while a balance or a price of it is not known: a part of a sum would be a lie.
    pub value: Option<Usd>,
    /// The time of the oldest balance or price in it.
    pub as_of: Option<Timestamp>,
}

/// Every pair that feeds are asked for.
#[must_use]
pub fn pairs(reactor: &Reactor, at: Timestamp) -> Vec<PairStatus> {
    let status =
        |(pair, quote): (&Pair, _)| PairStatus { pair: pair.clone(), unknown: reactor.unpriced(pair, at), quote };
    reactor.quotes(at).map(status).collect()
}

/// Every watch that has a balance with a price.
#[must_use]
pub fn portfolios(reactor: &Reactor, balances: &BalancesStatus, pairs: &[PairStatus]) -> Vec<Portfolio> {
    let settings = reactor.settings();
    let quotes: BTreeMap<&Pair, &Quote> =
        pairs.iter().filter_map(|status| Some((&status.pair, status.quote.as_ref()?))).collect();
    let mut watches: BTreeMap<&Name, Portfolio> = BTreeMap::new();
    for BalanceSeries { watch, chain, asset, raw, read_at } in &balances.valued {
        let worth = || {
            let quote = quotes.get(settings.values.get(&(*chain, *asset))?)?;
            let decimals = reactor.decimals(*chain, *asset)?;
            let value = Usd::of((*raw)?, decimals, quote.price)?;
            Some((value, (*read_at)?.min(quote.as_of)))
        };
        let worth = if reactor.balances_kept().is_whole(watch) { worth() } else { None };
        let (value, as_of) = worth.unzip();
        watches
            .entry(watch)
            .and_modify(|sum| {
                sum.value = sum.value.zip(value).and_then(|(sum, value)| sum.checked_add(value));
                sum.as_of = sum.as_of.zip(as_of).map(|(sum, as_of)| sum.min(as_of));
            })
            .or_insert_with(|| Portfolio { watch: watch.clone(), value, as_of });
    }
    watches.into_values().collect()
}
