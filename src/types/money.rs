//! Prices. Amounts of a token are never these: see [`super::amount`].

use rust_decimal::Decimal;
use std::fmt;
use std::sync::Arc;

/// A currency pair as `BASE-QUOTE`, for example `ETH-USD`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pair(Arc<str>);

impl Pair {
    /// Reads `BASE-QUOTE`: two words of 1–20 capital letters and digits.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let word = |part: &str| {
            (1..=20).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
        };
        let (base, quote) = text.split_once('-')?;
        (word(base) && word(quote)).then(|| Self(text.into()))
    }

    /// `BASE-QUOTE`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Pair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A price above zero, exact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Price(Decimal);

impl Price {
    /// Reads decimal text exactly.
    ///
    /// # Errors
    /// `None` for anything that is not plain digits above zero, or has more digits than 96 bits hold:
    /// nothing is rounded.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let plain = text.bytes().all(|b| b.is_ascii_digit() || b == b'.');
        let value = plain.then(|| Decimal::from_str_exact(text).ok()).flatten()?;
        (value > Decimal::ZERO).then_some(Self(value))
    }

    /// The number.
    #[must_use]
    pub fn get(self) -> Decimal {
        self.0
    }
}

impl fmt::Display for Price {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_price_is_exact_or_nothing() {
        assert_eq!(Price::parse("105944.20").map(|p| p.to_string()).as_deref(), Some("105944.20"));
        assert_eq!(Price::parse("0.00000001").map(|p| p.to_string()).as_deref(), Some("0.00000001"));
        for text in ["", "0", "0.0", "-1", "1e3", "NaN", "1_0", "99999999999999999999999999999.99"] {
            assert_eq!(Price::parse(text), None, "{text}");
        }
    }
}
