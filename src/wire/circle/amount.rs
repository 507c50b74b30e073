//! Amounts as Circle writes them: decimal text in human units, exact, bounded, and without a meaning until the decimals are known.

use crate::types::U256;
use crate::types::amount::{AmountFault, format_amount, parse_amount};
use std::fmt;
use std::sync::Arc;

/// Decimals of USDC on every chain that is like Ethereum.
pub const USDC_DECIMALS: u8 = 6;
/// Digits of 2^256−1 with a point, and as many again for a fraction that no token has: longer is no amount.
const LONGEST: usize = 160;

/// Digits with at most one point among them. It is kept as it came.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AmountText(Arc<str>);

impl AmountText {
    /// Keeps a text that can be an amount of some token.
    ///
    /// # Errors
    /// [`AmountFault`] for signs, exponents, units, blanks, and for what is longer than any amount.
    pub fn read(text: &str) -> Result<Self, AmountFault> {
        if text.len() > LONGEST {
            return Err(AmountFault::TooLarge);
        }
        match parse_amount(text, u8::MAX) {
            // With 255 decimals any amount is too large: what matters here is its shape.
            Ok(_) | Err(AmountFault::TooLarge) => Ok(Self(text.into())),
            Err(fault) => Err(fault),
        }
    }

    /// Of an amount in smallest units.
    #[must_use]
    pub fn of(raw: U256, decimals: u8) -> Self {
        Self(format_amount(raw, decimals).into())
    }

    /// In smallest units of a token with so many decimals.
    ///
    /// # Errors
    /// [`AmountFault::TooFine`] where it has more digits than the token, [`AmountFault::TooLarge`] beyond 256 bits.
    pub fn raw(&self, decimals: u8) -> Result<U256, AmountFault> {
        parse_amount(&self.0, decimals)
    }

    /// As written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for AmountText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for AmountText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn usdc_is_read_to_the_last_digit_or_refused_for_a_clear_reason() {
        let check = |text: &str, expected: Result<U256, AmountFault>| {
            assert_eq!(AmountText::read(text).and_then(|read| read.raw(USDC_DECIMALS)), expected, "{text:?}");
        };
        check("0.01", Ok(U256::from(10_000)));
        check("10", Ok(U256::from(10_000_000)));
        check("0.000001", Ok(U256::from(1)));
        check("1.234567", Ok(U256::from(1_234_567)));
        check("1.2345670", Ok(U256::from(1_234_567)));
        check("1.2345678", Err(AmountFault::TooFine { decimals: 6 }));
        let most = "115792089237316195423570985008687907853269984665640564039457584007913129.639935";
        check(most, Ok(U256::MAX));
        check(&most.replace("639935", "639936"), Err(AmountFault::TooLarge));
        check(&format!("{}0", most.replace('.', "")), Err(AmountFault::TooLarge));
        check(&"9".repeat(161), Err(AmountFault::TooLarge));
        for text in ["", "1e3", "1E-6", "-1", "+1", "1USDC", "1 USDC", "USDC", "NaN", "inf", "0x10", "1,5", ".5", "1."]
        {
            check(text, Err(AmountFault::Shape));
        }
    }

    proptest! {
        #[test]
        fn every_amount_is_written_so_that_it_reads_back(limbs: [u64; 4]) {
            let raw = U256::from_limbs(limbs);
            let text = AmountText::of(raw, USDC_DECIMALS);
            prop_assert_eq!(AmountText::read(text.as_str()), Ok(text.clone()));
            prop_assert_eq!(text.raw(USDC_DECIMALS), Ok(raw));
        }
    }
}
