//! What gas costs on each chain, for the status answer, the page and the gauges.

use crate::types::amount::format_amount;
use crate::types::gas::Tips;
use crate::types::{Name, Price, Timestamp, U256};

/// Digits of a cost in US dollars behind the point; finer ones are cut.
const DOLLAR_DIGITS: u8 = 6;

/// Values of the label `kind` of tips.
pub const KINDS: [&str; 3] = ["low", "usual", "high"];

/// What gas costs on a chain. What is not known is not there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GasStatus {
    /// Base fee of the newest block, in wei.
    pub base: Option<U256>,
    /// Of the block to come, in wei.
    pub next: Option<U256>,
    /// What is paid beyond that.
    pub tips: Option<Tips>,
    /// The time of the block that the tips are of.
    pub tips_as_of: Option<Timestamp>,
    /// What usual transfers cost.
    pub costs: Vec<Cost>,
}

/// What it costs to send an asset, without what a layer 2 charges for the layer below.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cost {
    /// The coin's symbol, or USDC.
    pub asset: Name,
    /// In wei.
    pub wei: U256,
    /// In US dollars, where the coin has a price now.
    pub dollars: Option<String>,
}

impl Cost {
    /// Of so much gas at a price of `each` wei, where a coin of so many decimals has this price in US dollars. `None` where it does not fit.
    #[must_use]
    pub fn of(asset: Name, gas: u64, each: U256, coin_decimals: u8, price: Option<Price>) -> Option<Self> {
        let wei = each.checked_mul(U256::from(gas))?;
        let dollars = price.and_then(|price| {
            let price = price.get();
            // The mantissa has 96 bits: the product of a credible cost fits, and what does not is unknown.
            let exact = wei.checked_mul(U256::from(price.mantissa().unsigned_abs()))?;
            let digits = u64::from(coin_decimals) + u64::from(price.scale());
            let finer = digits.checked_sub(u64::from(DOLLAR_DIGITS))?;
            let ten = U256::from(10).checked_pow(U256::from(finer))?;
            Some(format_amount(exact / ten, DOLLAR_DIGITS))
        });
        Some(Self { asset, wei, dollars })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cost_is_exact_in_coin_and_cut_to_a_millionth_of_a_dollar() {
        let gwei = |n: u64| U256::from(n) * U256::from(1_000_000_000);
        let price = |text: &str| Price::parse(text);
        let check = |gas, each, price, expected: (&str, Option<&str>)| {
            let cost = Cost::of("ETH".into(), gas, each, 18, price).expect("it fits");
            assert_eq!((format_amount(cost.wei, 18).as_str(), cost.dollars.as_deref()), expected);
        };
        check(21_000, gwei(30), price("2500"), ("0.00063", Some("1.575")));
        check(65_000, gwei(30) + U256::from(1), price("4129.30651044757"), ("0.001950000000065", Some("8.052147")));
        check(21_000, U256::ZERO, price("2500"), ("0", Some("0")));
        check(21_000, U256::from(1), price("0.000001"), ("0.000000000000021", Some("0")));
        check(21_000, gwei(30), None, ("0.00063", None));
        assert_eq!(Cost::of("ETH".into(), 21_000, U256::MAX, 18, None), None);
    }
}
