//! Prices, percentages, and what an amount is worth. Amounts of a token are never these: see [`super::amount`].
//!
//! Products are computed wide and rounded once; nothing here is a float.

use super::U256;
use super::amount::{format_amount, parse_amount};
use alloy::primitives::U512;
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

    /// All of its digits, and how many of them stand behind the point.
    fn digits(self) -> (U256, u32) {
        (U256::from(self.0.mantissa().unsigned_abs()), self.0.scale())
    }

    /// Both with as many digits behind the point as the finer of them has. 29 digits and 28 zeros fit.
    fn aligned(self, other: Self) -> (U256, U256, u32) {
        let ((one, scale), (two, other_scale)) = (self.digits(), other.digits());
        let finer = scale.max(other_scale);
        let widened = |digits: U256, scale: u32| digits.saturating_mul(ten_to(finer - scale));
        (widened(one, scale), widened(two, other_scale), finer)
    }

    /// The point half-way between two prices, exact; where it has more digits than a price can have, the lower of the two.
    #[must_use]
    pub fn half_way(self, other: Self) -> Self {
        let (one, two, scale) = self.aligned(other);
        // Half of it, with one digit more.
        let sum = one.saturating_add(two).saturating_mul(U256::from(5));
        let exact = i128::try_from(sum).ok().and_then(|sum| Decimal::try_from_i128_with_scale(sum, scale + 1).ok());
        exact.map_or(self.min(other), |half| Self(half.normalize()))
    }

    /// How far this is from `base`, as a part of `base`; what is finer than a [`Percent`] is cut.
    #[must_use]
    pub fn apart_from(self, base: Self) -> Percent {
        let (one, base, _) = self.aligned(base);
        let parts = one.abs_diff(base).saturating_mul(U256::from(100 * Percent::ONE)).checked_div(base);
        Percent(parts.and_then(|parts| u64::try_from(parts).ok()).unwrap_or(u64::MAX))
    }
}

/// A part of something, in millionths of a percent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Percent(u64);

impl Percent {
    /// One percent.
    const ONE: u64 = 1_000_000;
    /// Digits behind the point.
    const DIGITS: u8 = 6;

    /// So many whole percent.
    #[must_use]
    pub const fn whole(percent: u32) -> Self {
        Self(percent as u64 * Self::ONE)
    }

    /// Reads decimal text exactly, `2.5` and the like. `None` for anything but plain digits, and for finer than a millionth of a percent.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        parse_amount(text, Self::DIGITS).ok().and_then(|parts| u64::try_from(parts).ok()).map(Self)
    }

    /// In millionths of a percent.
    #[must_use]
    pub const fn millionths(self) -> u64 {
        self.0
    }

    /// From millionths of a percent.
    #[must_use]
    pub const fn from_millionths(millionths: u64) -> Self {
        Self(millionths)
    }

    /// For people: two digits behind the point, cut.
    #[must_use]
    pub fn shown(self) -> String {
        format_amount(U256::from(self.0 / 10_000), 2)
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&format_amount(U256::from(self.0), Self::DIGITS))
    }
}

/// US dollars, in cents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Usd(U256);

impl Usd {
    /// A power of ten beyond this exceeds every product of an amount and a price.
    const LARGEST_POWER: u32 = 120;

    /// What `amount` of an asset's smallest unit is worth: one product, half a cent rounded up. `None` for more than 2^256 cents.
    #[must_use]
    pub fn of(amount: U256, decimals: u8, price: Price) -> Option<Self> {
        let (digits, scale) = price.digits();
        let power = u32::from(decimals) + scale;
        if power > Self::LARGEST_POWER {
            return Some(Self::default());
        }
        // 256 bits of amount, 96 of price and 7 of cents: it fits into 512.
        let product = wide(amount).saturating_mul(wide(digits)).saturating_mul(U512::from(100));
        let unit = U512::from(10).pow(U512::from(power));
        let cents = product.saturating_add(unit / U512::from(2)) / unit;
        let [a, b, c, d, rest @ ..] = cents.into_limbs();
        rest.iter().all(|limb| *limb == 0).then(|| Self(U256::from_limbs([a, b, c, d])))
    }

    /// Reads decimal text exactly, `1234.57`. `None` for anything else, and for parts of a cent.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        parse_amount(text, 2).ok().map(Self)
    }

    /// The sum, where it fits.
    #[must_use]
    pub fn checked_add(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self)
    }
}

impl fmt::Display for Usd {
    /// Always with both digits of the cents.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, cents) = self.0.div_rem(U256::from(100));
        write!(f, "{whole}.{cents:02}")
    }
}

fn wide(number: U256) -> U512 {
    let [a, b, c, d] = number.into_limbs();
    U512::from_limbs([a, b, c, d, 0, 0, 0, 0])
}

fn ten_to(power: u32) -> U256 {
    U256::from(10).pow(U256::from(power))
}

impl fmt::Display for Price {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn price(text: &str) -> Price {
        Price::parse(text).expect("it is a price")
    }

    #[test]
    fn half_way_is_exact() {
        for (one, two, expected) in [
            ("1", "2", "1.5"),
            ("2500.10", "2500.11", "2500.105"),
            ("2500.10", "2500.10", "2500.1"),
            ("0.00000001", "1", "0.500000005"),
            ("79228162514264337593543950335", "79228162514264337593543950334", "79228162514264337593543950334"),
        ] {
            assert_eq!(price(one).half_way(price(two)).to_string(), expected, "{one} and {two}");
            assert_eq!(price(two).half_way(price(one)).to_string(), expected, "{two} and {one}");
        }
    }

    #[test]
    fn a_distance_is_a_part_of_its_base_and_cut_never_rounded_up() {
        for (one, base, expected) in [
            ("95", "100", "5"),
            ("105.00", "100", "5"),
            ("100", "105", "4.761904"),
            ("2", "3", "33.333333"),
            ("1", "1", "0"),
            ("0.0000000000000000000000000001", "79228162514264337593543950335", "99.999999"),
        ] {
            assert_eq!(price(one).apart_from(price(base)).to_string(), expected, "{one} from {base}");
        }
        let far = price("79228162514264337593543950335").apart_from(price("0.0000000000000000000000000001"));
        assert_eq!(far.millionths(), u64::MAX);
        assert_eq!(Percent::parse("2.5").map(Percent::millionths), Some(2_500_000));
        assert_eq!(Percent::whole(2), Percent::parse("2").expect("it is one"));
        assert_eq!(Percent::parse("4.769").expect("it is one").shown(), "4.76");
        for text in ["", "-1", "2.0000001", "5%", "1e1"] {
            assert_eq!(Percent::parse(text), None, "{text}");
        }
    }

    #[test]
    fn worth_is_one_product_rounded_once_to_the_cent() {
        let check = |amount: &str, decimals, price_text: &str, expected: Option<&str>| {
            let amount: U256 = amount.parse().expect("it is a number");
            let worth = Usd::of(amount, decimals, price(price_text)).map(|worth| worth.to_string());
            assert_eq!(worth.as_deref(), expected, "{amount} of {decimals} decimals at {price_text}");
        };
        check("1234567000", 6, "1.0001", Some("1234.69"));
        check("1000000000000000000", 18, "2345.10", Some("2345.10"));
        check("4999999999999999", 18, "1", Some("0.00"));
        check("5000000000000000", 18, "1", Some("0.01"));
        check("0", 18, "2345.10", Some("0.00"));
        // 589.5e12 SHIB, which no 96-bit decimal holds.
        check("589500000000000000000000000000001", 18, "0.000012345678", Some("7277777181.00"));
        check(&U256::MAX.to_string(), 0, "1", None);
        check(
            &U256::MAX.to_string(),
            2,
            "1",
            Some(&format!("{}.{:02}", U256::MAX / U256::from(100), U256::MAX % U256::from(100))),
        );
        check(&U256::MAX.to_string(), 255, "79228162514264337593543950335", Some("0.00"));
        assert_eq!(Usd::parse("1000"), Usd::parse("1000.00"));
        assert_eq!(Usd::parse("0.001"), None);
    }

    proptest! {
        #[test]
        fn worth_agrees_with_whole_cents(amount in any::<u64>(), cents in 1_u32..) {
            let text = format!("{}.{:02}", cents / 100, cents % 100);
            let worth = Usd::of(U256::from(amount), 0, price(&text));
            prop_assert_eq!(worth, Some(Usd(U256::from(amount) * U256::from(cents))));
        }

        #[test]
        fn half_way_lies_between(one in 1_u64.., two in 1_u64.., scale in 0_u32..20) {
            let make = |number: u64| price(&format_amount(U256::from(number), u8::try_from(scale).expect("below 20")));
            let (one, two) = (make(one), make(two));
            let half = one.half_way(two);
            prop_assert!(half >= one.min(two) && half <= one.max(two));
            prop_assert_eq!(half.get() + half.get(), one.get() + two.get());
        }
    }

    #[test]
    fn a_price_is_exact_or_nothing() {
        assert_eq!(Price::parse("105944.20").map(|p| p.to_string()).as_deref(), Some("105944.20"));
        assert_eq!(Price::parse("0.00000001").map(|p| p.to_string()).as_deref(), Some("0.00000001"));
        for text in ["", "0", "0.0", "-1", "1e3", "NaN", "1_0", "99999999999999999999999999999.99"] {
            assert_eq!(Price::parse(text), None, "{text}");
        }
    }
}
