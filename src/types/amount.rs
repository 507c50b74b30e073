//! Amounts in the smallest unit of an asset, and their exact decimal text.
//!
//! An amount is a `U256`; arithmetic on it is checked, because `U256 + U256` wraps silently.
//! Decimals are the asset's own (0–255). Nothing here rounds: what does not fit is an error.

use alloy::primitives::U256;

/// Why a text is not an amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AmountFault {
    /// Not digits with at most one point.
    #[error("an amount is written in digits with at most one point, without sign or exponent")]
    Shape,
    /// More digits behind the point than the asset has.
    #[error("the asset has {decimals} decimals: there are more digits behind the point")]
    TooFine {
        /// The asset's decimals.
        decimals: u8,
    },
    /// More than 2^256−1 smallest units.
    #[error("the amount does not fit into 256 bits")]
    TooLarge,
}

/// Reads decimal text (`"1234.567"`) into smallest units, exactly.
///
/// # Errors
/// [`AmountFault`] for anything but plain digits, for digits finer than `decimals`, for more than 2^256−1.
pub fn parse_amount(text: &str, decimals: u8) -> Result<U256, AmountFault> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    if whole.is_empty() || !digits(whole) || !digits(fraction) || (text.contains('.') && fraction.is_empty()) {
        return Err(AmountFault::Shape);
    }
    let fraction = fraction.trim_end_matches('0');
    let Some(missing) = usize::from(decimals).checked_sub(fraction.len()) else {
        return Err(AmountFault::TooFine { decimals });
    };
    let mut raw = U256::ZERO;
    let zeros = std::iter::repeat_n(b'0', missing);
    for digit in whole.bytes().chain(fraction.bytes()).chain(zeros) {
        raw = raw
            .checked_mul(U256::from(10))
            .and_then(|raw| raw.checked_add(U256::from(digit - b'0')))
            .ok_or(AmountFault::TooLarge)?;
    }
    Ok(raw)
}

/// Writes smallest units as exact decimal text, without trailing zeros behind the point.
#[must_use]
pub fn format_amount(raw: U256, decimals: u8) -> String {
    let digits = raw.to_string();
    let decimals = usize::from(decimals);
    if decimals == 0 {
        return digits;
    }
    let padded = if digits.len() <= decimals { format!("{digits:0>width$}", width = decimals + 1) } else { digits };
    let (whole, fraction) = padded.split_at(padded.len() - decimals);
    let fraction = fraction.trim_end_matches('0');
    if fraction.is_empty() { whole.to_owned() } else { format!("{whole}.{fraction}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn decimal_text_is_exact_or_a_clear_error() {
        let check = |text: &str, decimals: u8, expected: Result<u128, AmountFault>| {
            assert_eq!(parse_amount(text, decimals), expected.map(U256::from), "{text:?} with {decimals} decimals");
        };
        check("1234.567", 6, Ok(1_234_567_000));
        check("0.000001", 6, Ok(1));
        check("1.0000000", 6, Ok(1_000_000));
        check("0.0000001", 6, Err(AmountFault::TooFine { decimals: 6 }));
        check("7", 0, Ok(7));
        check("7.5", 0, Err(AmountFault::TooFine { decimals: 0 }));
        for text in ["", ".", "1.", ".5", "-1", "+1", "1e3", "1_000", "1,5", "1.2.3", "0x10", " 1", "1USDC", "１"] {
            check(text, 6, Err(AmountFault::Shape));
        }
        assert_eq!(parse_amount(&U256::MAX.to_string(), 0), Ok(U256::MAX));
        assert_eq!(parse_amount(&U256::MAX.to_string(), 1), Err(AmountFault::TooLarge));
    }

    #[test]
    fn the_smallest_and_the_largest_amounts_print_to_the_last_digit() {
        assert_eq!(format_amount(U256::from(1), 18), "0.000000000000000001");
        assert_eq!(format_amount(U256::ZERO, 18), "0");
        assert_eq!(format_amount(U256::from(10).pow(U256::from(18)), 18), "1");
        let largest = "115792089237316195423570985008687907853269984665640564039457.584007913129639935";
        assert_eq!(format_amount(U256::MAX, 18), largest);
    }

    proptest! {
        #[test]
        fn text_of_every_amount_with_every_decimals_reads_back(limbs: [u64; 4], decimals: u8) {
            let raw = U256::from_limbs(limbs);
            prop_assert_eq!(parse_amount(&format_amount(raw, decimals), decimals), Ok(raw));
        }
    }
}
