//! Estimates of what a transfer costs, in the chain's own coin.

use super::amount::AmountText;
use super::answer::Unread;
use super::request::FeeLevel;
use super::text::Field;
use crate::types::U256;
use serde::Deserialize;

/// Decimals of the coin of every chain that is like Ethereum.
const COIN_DECIMALS: u8 = 18;
/// Decimals of a price that is written in gwei, down to one wei.
const GWEI_DECIMALS: u8 = 9;

/// What one level would cost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fee {
    /// The most that the network takes, in wei.
    pub most: U256,
}

/// What each level would cost; a level that cannot be read is `None`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Estimate {
    /// LOW
    pub low: Option<Fee>,
    /// MEDIUM
    pub medium: Option<Fee>,
    /// HIGH
    pub high: Option<Fee>,
}

impl Estimate {
    /// Of this level.
    #[must_use]
    pub const fn of(&self, level: FeeLevel) -> Option<&Fee> {
        match level {
            FeeLevel::Low => self.low.as_ref(),
            FeeLevel::Medium => self.medium.as_ref(),
            FeeLevel::High => self.high.as_ref(),
        }
    }
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Level {
    gas_limit: Field,
    max_fee: Field,
    gas_price: Field,
    network_fee: Field,
    l1_fee: Field,
}

impl Level {
    /// `networkFee`, which holds everything; where it is missing, the gas at its highest price and what the first layer takes.
    fn fee(&self) -> Option<Fee> {
        let read = |field: &Field, decimals: u8| AmountText::read(field.text()?).ok()?.raw(decimals).ok();
        if self.network_fee.text().is_some() {
            return read(&self.network_fee, COIN_DECIMALS).map(|most| Fee { most });
        }
        let price = read(&self.max_fee, GWEI_DECIMALS).or_else(|| read(&self.gas_price, GWEI_DECIMALS))?;
        let gas = read(&self.gas_limit, 0)?;
        let l1 = if self.l1_fee.text().is_some() { read(&self.l1_fee, COIN_DECIMALS)? } else { U256::ZERO };
        let most = gas.checked_mul(price)?.checked_add(l1)?;
        Some(Fee { most })
    }
}

/// Reads an estimate.
///
/// # Errors
/// [`Unread`] where no level can be read.
pub fn estimate(data: &str) -> Result<Estimate, Unread> {
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Body {
        low: Option<Level>,
        medium: Option<Level>,
        high: Option<Level>,
    }
    let body: Body = serde_json::from_str(data)?;
    let fee = |level: &Option<Level>| level.as_ref().and_then(Level::fee);
    let estimate = Estimate { low: fee(&body.low), medium: fee(&body.medium), high: fee(&body.high) };
    if estimate.low.is_none() && estimate.medium.is_none() && estimate.high.is_none() {
        return Err(Unread::new("no level of the estimate has a fee"));
    }
    Ok(estimate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fee_is_what_the_network_takes_at_most_in_wei() {
        let check = |level: &str, expected: Option<u128>| {
            let got = estimate(&format!(r#"{{"medium":{level}}}"#)).ok().and_then(|read| read.medium);
            assert_eq!(got.map(|fee| fee.most), expected.map(U256::from), "{level}");
        };
        check(r#"{"networkFee":"0.0001246397138","gasLimit":"1","maxFee":"1"}"#, Some(124_639_713_800_000));
        check(r#"{"gasLimit":"21000","maxFee":"5.935224468"}"#, Some(124_639_713_828_000));
        check(r#"{"gasLimit":"21000","gasPrice":"2"}"#, Some(42_000_000_000_000));
        check(r#"{"gasLimit":"21000","maxFee":"1","l1Fee":"0.000000000000140021"}"#, Some(21_000_000_140_021));
        check(r#"{"gasLimit":"21000","maxFee":"1","l1Fee":"much"}"#, None);
        check(r#"{"networkFee":"much","gasLimit":"21000","maxFee":"1"}"#, None);
        check(r#"{"gasLimit":"21000.5","maxFee":"1"}"#, None);
        check(r#"{"gasLimit":"21000"}"#, None);
        check("null", None);
        let three = estimate(r#"{"low":{"networkFee":"1"},"medium":{"networkFee":"2"},"high":{"networkFee":"3"}}"#);
        let three = three.expect("there are three");
        for (level, coins) in [(FeeLevel::Low, 1_u64), (FeeLevel::Medium, 2), (FeeLevel::High, 3)] {
            let wei = U256::from(coins) * U256::from(10).pow(U256::from(18));
            assert_eq!(three.of(level).map(|fee| fee.most), Some(wei));
        }
    }
}
