//! What `gasoracle` says of the chain's fees. Its prices are Gwei with a fraction, as text.

use super::refusal::Refusal;
use super::text::{Text, shape, whole};
use crate::types::U256;
use crate::types::amount::parse_amount;
use serde::Deserialize;
use serde_json::value::RawValue;

/// Digits of a Gwei behind its point.
const GWEI_DIGITS: u8 = 9;

/// Fees in wei for a unit of gas. Finer digits than a wei are cut.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GasOracle {
    /// The block that they are about.
    pub block: u64,
    /// What the next block takes at least, where it is said.
    pub base_fee: Option<U256>,
    /// For those who can wait.
    pub safe: U256,
    /// The usual.
    pub usual: U256,
    /// For those who cannot.
    pub fast: U256,
}

/// Reads an answer of `gasoracle`.
///
/// # Errors
/// [`Refusal::Shape`] when a price is missing or none.
pub fn gas_oracle(result: &RawValue) -> Result<GasOracle, Refusal> {
    /// Some chains call the usual price the standard one.
    #[derive(Default, Deserialize)]
    #[serde(rename_all = "PascalCase", default)]
    struct Prices {
        last_block: Text,
        #[serde(rename = "suggestBaseFee")]
        base_fee: Text,
        safe_gas_price: Text,
        propose_gas_price: Text,
        standard_gas_price: Text,
        fast_gas_price: Text,
    }
    let prices: Prices = whole(result)?;
    let read = || -> Result<GasOracle, String> {
        let usual = match prices.propose_gas_price.as_str() {
            "" => &prices.standard_gas_price,
            _ => &prices.propose_gas_price,
        };
        Ok(GasOracle {
            block: prices.last_block.number("LastBlock")?,
            base_fee: match prices.base_fee.as_str() {
                "" => None,
                _ => Some(wei(&prices.base_fee, "suggestBaseFee")?),
            },
            safe: wei(&prices.safe_gas_price, "SafeGasPrice")?,
            usual: wei(usual, "ProposeGasPrice")?,
            fast: wei(&prices.fast_gas_price, "FastGasPrice")?,
        })
    };
    read().map_err(|reason| shape(&reason))
}

fn wei(gwei: &Text, key: &str) -> Result<U256, String> {
    let text = gwei.as_str();
    let (gwei, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let wei = fraction.get(..fraction.len().min(usize::from(GWEI_DIGITS))).unwrap_or_default();
    parse_amount(&format!("{gwei}.{wei}"), GWEI_DIGITS).map_err(|fault| format!("{key}: {fault}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<GasOracle, Refusal> {
        gas_oracle(&RawValue::from_string(text.into()).expect("it is JSON"))
    }

    #[test]
    fn fees_are_read_to_the_wei() {
        let now = r#"{"LastBlock":"23467872","SafeGasPrice":"0.496839934","ProposeGasPrice":"0.4968401689","FastGasPrice":"2","suggestBaseFee":"0.4","gasUsedRatio":"0.4,0.7"}"#;
        let wei = U256::from::<u64>;
        assert_eq!(
            read(now),
            Ok(GasOracle {
                block: 23_467_872,
                base_fee: Some(wei(400_000_000)),
                safe: wei(496_839_934),
                usual: wei(496_840_168),
                fast: wei(2_000_000_000)
            })
        );
        let other = read(r#"{"LastBlock":"1","SafeGasPrice":"1","StandardGasPrice":"2","FastGasPrice":3}"#);
        assert_eq!(
            other.map(|gas| (gas.base_fee, gas.usual, gas.fast)),
            Ok((None, wei(2_000_000_000), wei(3_000_000_000)))
        );
    }

    #[test]
    fn a_price_that_is_none_is_refused() {
        for price in ["", "-1", "1e3", "1.2.3", ".5", "0x1", "1.é"] {
            let text =
                format!(r#"{{"LastBlock":"1","SafeGasPrice":"{price}","ProposeGasPrice":"1","FastGasPrice":"1"}}"#);
            assert!(matches!(read(&text), Err(Refusal::Shape { .. })), "{price}");
        }
        assert!(read("{}").is_err() && read("[]").is_err() && read(r#""1""#).is_err());
    }
}
