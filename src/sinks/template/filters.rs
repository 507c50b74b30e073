//! What templates can do to values: exact amounts, addresses, times and dollars. Nothing here makes a float.

use crate::types::Timestamp;
use minijinja::value::ValueKind;
use minijinja::{Environment, Error, ErrorKind, Output, State, Value, filters, tests};
use std::fmt::Write as _;

/// Templates of this name make links: what values put into them is percent-encoded.
pub(super) const LINK: &str = "link";
/// The most decimals that an amount is shifted by: more than any token has that is believed.
const MOST_DECIMALS: u32 = 77;

/// Everything that a template may call.
pub(super) fn add_to(environment: &mut Environment<'_>) {
    environment.set_formatter(formatted);
    environment.add_filter("default", default);
    environment.add_filter("units", units);
    environment.add_filter("grouped", grouped);
    environment.add_filter("short", short);
    environment.add_filter("usd", usd);
    environment.add_filter("time", time);
    environment.add_filter("upper", filters::upper);
    environment.add_filter("lower", filters::lower);
    environment.add_filter("replace", filters::replace);
    environment.add_filter("join", filters::join);
    environment.add_filter("length", filters::length);
    environment.add_filter("first", filters::first);
    environment.add_test("defined", tests::is_defined);
    environment.add_test("none", tests::is_none);
}

/// Writes text, whole numbers and yes or no. Of everything else it says what to write instead: a list or nothing in an alert is a mistake, and a
/// number with a point is not exact.
fn formatted(out: &mut Output, state: &mut State, value: &Value) -> Result<(), Error> {
    let text = match value.kind() {
        ValueKind::String => value.as_str().unwrap_or_default().to_owned(),
        ValueKind::Bool => if value.is_true() { "true" } else { "false" }.to_owned(),
        ValueKind::Number if value.is_integer() => value.to_string(),
        ValueKind::Number => {
            return Err(wrong("a number with a point is not exact: amounts are text, write them as they are"));
        }
        ValueKind::None => {
            return Err(wrong("this can be missing: write `| default(\"…\")` behind it, or `{% if … %}` around it"));
        }
        ValueKind::Undefined => return Err(ErrorKind::UndefinedError.into()),
        ValueKind::Seq | ValueKind::Iterable => return Err(wrong("this is a list: write `| join(\", \")` behind it")),
        // `ValueKind` may grow: whatever it is, it is no text.
        ValueKind::Bytes | ValueKind::Map | ValueKind::Plain | ValueKind::Invalid | _ => {
            return Err(wrong("this holds several values: name one of them"));
        }
    };
    let text = if state.name().ends_with(LINK) { encoded(&text) } else { text };
    out.write_str(&text).map_err(Error::from)
}

fn wrong(what: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::new(ErrorKind::InvalidOperation, what)
}

fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

/// The value, or another where there is none.
fn default(value: Value, other: Value) -> Value {
    if value.is_undefined() || value.is_none() { other } else { value }
}

/// Whole text of digits, moved by so many decimals: `"1234567" | units(6)` is `1.234567`. Exact.
fn units(raw: String, decimals: u32) -> Result<String, Error> {
    let fine = !raw.is_empty() && raw.bytes().all(|byte| byte.is_ascii_digit()) && decimals <= MOST_DECIMALS;
    if !fine {
        return Err(wrong("units takes a raw amount, as in `amount_raw | units(6)`"));
    }
    let decimals = decimals as usize;
    let padded = format!("{raw:0>width$}", width = decimals + 1);
    let (whole, part) = padded.split_at(padded.len() - decimals);
    let (whole, part) = (whole.trim_start_matches('0'), part.trim_end_matches('0'));
    let whole = if whole.is_empty() { "0" } else { whole };
    Ok(if part.is_empty() { whole.to_owned() } else { format!("{whole}.{part}") })
}

/// The digits before the point in threes: `1234567.89` is `1,234,567.89`. Exact; what is no amount stays as it is.
fn grouped(amount: String) -> String {
    let (digits, rest) = match amount.find(|c: char| !c.is_ascii_digit()) {
        Some(at) => amount.split_at(at),
        None => (amount.as_str(), ""),
    };
    let mut grouped = String::with_capacity(amount.len() + digits.len() / 3);
    for (nth, digit) in digits.chars().enumerate() {
        if nth > 0 && (digits.len() - nth).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped + rest
}

/// An address or a hash without its middle. It proves nothing: whoever poisons addresses counts on people who look at both ends.
fn short(text: String) -> Result<String, Error> {
    let digits =
        text.strip_prefix("0x").filter(|digits| digits.len() > 20 && digits.bytes().all(|b| b.is_ascii_hexdigit()));
    let digits = digits.ok_or_else(|| wrong("short takes an address or a hash"))?;
    Ok(format!("0x{}…{}", &digits[..8], &digits[digits.len() - 8..]))
}

/// What `usd` holds, as money; `unknown` where nobody knows.
fn usd(worth: Value) -> Result<String, Error> {
    if worth.is_none() {
        return Ok("unknown".to_owned());
    }
    let value = worth.get_attr("value").ok().and_then(|value| value.as_str().map(str::to_owned));
    value.map(|value| format!("{} USD", grouped(value))).ok_or_else(|| wrong("usd takes `usd`"))
}

/// A time of a body, to the second: `2026-11-22 00:44:09 UTC`.
fn time(text: String) -> Result<String, Error> {
    let known = Timestamp::parse(&text)
        .map(|at| at.to_string())
        .ok_or_else(|| wrong("time takes a time, as `timestamp` is one"))?;
    let (day, rest) = known.split_once('T').unwrap_or((&known, ""));
    Ok(format!("{day} {} UTC", rest.get(..8).unwrap_or_default()))
}

#[cfg(test)]
mod cases {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn amounts_are_moved_and_grouped_exactly() {
        let check = |raw: &str, decimals: u32, expected: Option<&str>| {
            assert_eq!(units(raw.to_owned(), decimals).ok().as_deref(), expected, "{raw} {decimals}");
        };
        check("1234567", 6, Some("1.234567"));
        check("1000000", 6, Some("1"));
        check("5", 18, Some("0.000000000000000005"));
        check("0", 6, Some("0"));
        check("007", 0, Some("7"));
        check(
            "115792089237316195423570985008687907853269984665640564039457584007913129639935",
            77,
            Some("1.15792089237316195423570985008687907853269984665640564039457584007913129639935"),
        );
        check("", 6, None);
        check("1.5", 6, None);
        check("-1", 6, None);
        check("1", 78, None);
        let check = |amount: &str, expected: &str| assert_eq!(grouped(amount.to_owned()), expected);
        check("1234567.891", "1,234,567.891");
        check("123", "123");
        check("1234", "1,234");
        check("0.5", "0.5");
        check("1234 USDC", "1,234 USDC");
        check("-", "-");
        assert_eq!(short(format!("0x{}", "12".repeat(20))).ok().as_deref(), Some("0x12121212…12121212"));
        assert!(short("treasury".to_owned()).is_err());
        assert_eq!(time("2026-11-22T00:44:09.123Z".to_owned()).ok().as_deref(), Some("2026-11-22 00:44:09 UTC"));
        assert!(time("yesterday".to_owned()).is_err());
    }

    proptest! {
        #[test]
        fn no_digit_of_an_amount_is_lost(raw in "[0-9]{1,78}", decimals in 0_u32..=77) {
            let shown = units(raw.clone(), decimals).expect("they are digits");
            let (whole, part) = shown.split_once('.').unwrap_or((&shown, ""));
            let back = format!("{whole}{part:0<width$}", width = decimals as usize);
            prop_assert_eq!(back.trim_start_matches('0'), raw.trim_start_matches('0'));
            prop_assert_eq!(grouped(shown.clone()).replace(',', ""), shown);
        }
    }
}
