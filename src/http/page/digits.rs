//! Numbers as people read them, by one rule wherever they stand: of what is held, moved or paid no digit is ever left out, and those behind
//! the sixth are only smaller; a price has all of its digits and at least two; a part of a hundred has two; only what is an estimate is cut.

use super::super::bodies::AssetItem;
use super::pieces::text;
use maud::{Markup, html};
use rust_decimal::Decimal;

/// Digits behind the point that are as large as those before it.
const LARGE: usize = 6;
/// Digits behind the point of a price, a sum of dollars, a part of a hundred: at least.
const CENTS: usize = 2;
/// Digits of an estimate that say something.
const ROUGH: usize = 3;
/// From so many characters on an amount may be broken over lines.
const LONG: usize = 30;

/// Decimal text with its thousands apart.
pub(super) fn grouped(number: &str) -> String {
    let (whole, part) = number.split_once('.').map_or((number, None), |(whole, part)| (whole, Some(part)));
    let (sign, whole) = whole.split_at(usize::from(whole.starts_with('-')));
    let digits = whole.len();
    let mut shown = String::with_capacity(digits + digits / 3 + 8);
    shown.push_str(sign);
    for (place, digit) in whole.chars().enumerate() {
        if place > 0 && (digits - place).is_multiple_of(3) {
            shown.push(',');
        }
        shown.push(digit);
    }
    if let Some(part) = part {
        shown.push('.');
        shown.push_str(part);
    }
    shown
}

/// The same as text without zeros at its end.
pub(super) fn plain(number: &str) -> String {
    let (whole, part) = parts(number);
    if part.is_empty() { grouped(whole) } else { format!("{}.{part}", grouped(whole)) }
}

fn parts(number: &str) -> (&str, &str) {
    number.split_once('.').map_or((number, ""), |(whole, part)| (whole, part.trim_end_matches('0')))
}

/// All digits of an amount, those behind the sixth smaller.
pub(super) fn exact(number: &str) -> Markup {
    let (whole, part) = parts(number);
    let (large, small) = part.split_at_checked(LARGE).unwrap_or((part, ""));
    html! {
        (grouped(whole))
        @if !part.is_empty() { "." (large) }
        @if !small.is_empty() { span.rest { (small) } }
    }
}

/// A price: all of its digits, and at least two behind the point.
pub(super) fn price(number: &str) -> String {
    let (whole, part) = parts(number);
    format!("{}.{part:0<CENTS$}", grouped(whole))
}

/// A part of a hundred with its sign.
pub(super) fn percent(moved: Decimal) -> String {
    let sign = if moved.round_dp(2).is_zero() {
        ""
    } else if moved.is_sign_negative() {
        "−"
    } else {
        "+"
    };
    format!("{sign}{:.2} %", moved.abs().round_dp(2))
}

/// What is only about so much, as a fee or a cost: a few digits of it.
pub(super) fn about(number: &str) -> String {
    let (whole, part) = parts(number);
    // Of a small number the first digits that say something are kept.
    let zeros = if whole == "0" { part.bytes().take_while(|byte| *byte == b'0').count() } else { 0 };
    plain(&format!("{whole}.{}", &part[..part.len().min(zeros + ROUGH)]))
}

/// An amount of an asset behind its sign, with what the asset is called; if only the asset itself says so, that is said.
pub(super) fn amount(sign: &str, amount: Option<&str>, raw: &str, asset: &AssetItem) -> Markup {
    let number = amount.unwrap_or(raw);
    let long = (number.len() >= LONG).then_some("long");
    html! {
        span.amount.(long.unwrap_or("short")) {
            b { (sign) (exact(number)) } " "
            @if amount.is_none() { span.unit { "units of " } }
            (unit(asset))
        }
    }
}

/// What an asset is called: by the config, or by nobody but itself.
pub(super) fn unit(asset: &AssetItem) -> Markup {
    html! {
        @match &asset.symbol {
            Some(symbol) if asset.verified => span.unit { (text(symbol)) },
            Some(symbol) => span.claim title="Only its contract calls it that, and anybody can write any name into one." {
                "“" (text(symbol)) "”"
            },
            None => span.unit { "a token without a name" },
        }
    }
}

/// US dollars.
pub(super) fn dollars(usd: Option<&str>) -> Markup {
    html! {
        @match usd {
            Some(usd) => span.usd { "$" (price(usd)) },
            None => span.muted title="no fresh price" { "value unknown" },
        }
    }
}

/// How large a figure may stand over its words, so that all of it fits.
pub(super) const fn size(characters: usize) -> &'static str {
    match characters {
        0..=11 => "large",
        12..=15 => "middle",
        _ => "small",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_digit_of_an_amount_is_left_out() {
        for (given, expected) in [
            ("0", "0"),
            ("1200", "1,200"),
            ("1234567.5", "1,234,567.5"),
            ("-1200", "-1,200"),
            ("-123456", "-123,456"),
            ("0.001950000000065", "0.001950<span class=\"rest\">000000065</span>"),
            ("999996.8874131", "999,996.887413<span class=\"rest\">1</span>"),
            ("2.500000000000000000", "2.5"),
            ("7.000", "7"),
        ] {
            let shown = exact(given).into_string();
            assert_eq!(shown, expected, "{given}");
            let read = shown.replace("<span class=\"rest\">", "").replace("</span>", "");
            assert_eq!(read, plain(given), "{given}: what can be copied is the number");
        }
    }

    #[test]
    fn prices_and_parts_and_estimates_have_their_digits() {
        for (given, expected) in [
            ("1", "1.00"),
            ("1.0000", "1.00"),
            ("0.98025", "0.98025"),
            ("2499.3", "2,499.30"),
            ("0.00001234", "0.00001234"),
        ] {
            assert_eq!(price(given), expected, "{given}");
        }
        for (given, expected) in [("0", "0.00 %"), ("-0.001", "0.00 %"), ("0.95", "+0.95 %"), ("-2", "−2.00 %")] {
            assert_eq!(percent(given.parse().expect("it is a number")), expected, "{given}");
        }
        for (given, expected) in [("7.77312", "7.773"), ("1.75", "1.75"), ("0.00019512", "0.000195"), ("20", "20")] {
            assert_eq!(about(given), expected, "{given}");
        }
    }

    #[test]
    fn a_name_that_only_its_token_gives_stands_in_quotes() {
        let asset = |symbol: Option<&str>, verified| AssetItem {
            symbol: symbol.map(str::to_owned),
            contract: Some("0x".to_owned()),
            decimals: None,
            verified,
        };
        for (symbol, verified, expected) in [
            (Some("USDC"), true, "<span class=\"unit\">USDC</span>"),
            (Some("US<DC"), false, "“US&lt;DC”</span>"),
            (None, false, "a token without a name"),
        ] {
            let shown = amount("+", None, "12", &asset(symbol, verified)).into_string();
            assert!(shown.contains(expected) && shown.contains("+12") && shown.contains("units of"), "{shown}");
        }
    }
}
