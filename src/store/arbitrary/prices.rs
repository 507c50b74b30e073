//! Prices, quotes and minutes: what rows hold of them.

use super::{count, number, time};
use crate::reactor::market::Quote;
use crate::reactor::rows::BarRow;
use crate::types::{Pair, Percent, Price};
use proptest::prelude::*;
use proptest::sample::select;

pub(super) fn pair() -> impl Strategy<Value = Pair> {
    select(vec!["ETH-USD", "1INCH-USDT"]).prop_map(|text| Pair::parse(text).expect("it is a pair"))
}

pub(super) fn price() -> impl Strategy<Value = Price> {
    select(vec!["0.00000001", "2345.10", "79228162514264337593543950335"])
        .prop_map(|text| Price::parse(text).expect("it is a price"))
}

pub(super) fn quote() -> impl Strategy<Value = Quote> {
    let source = select(vec!["coinbase", "median of a, b  c", ""]);
    (pair(), price(), source, count(), any::<u64>(), time()).prop_map(
        |(pair, price, source, sources, spread, as_of)| Quote {
            pair,
            price,
            source: source.into(),
            sources,
            spread: Percent::from_millionths(spread),
            as_of,
        },
    )
}

pub(super) fn bar() -> impl Strategy<Value = BarRow> {
    (pair(), number(), price(), price()).prop_map(|(pair, minute, low, high)| BarRow { pair, minute, low, high })
}
