//! Numbers as JSON writes them, as plain decimal text.

use std::borrow::Cow;

/// More zeros than this before or behind the digits are no price of anything.
const MOST_SHIFT: usize = 28;

/// A JSON number as digits with at most one point: `1.5e-7` is `0.00000015`. What is plain stays as it is written, trailing zeros
/// included. `None` for negative numbers, absurd exponents and what is no number.
pub(super) fn plain(number: &str) -> Option<Cow<'_, str>> {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let Some((mantissa, exponent)) = number.split_once(['e', 'E']) else {
        let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
        return (digits(whole) && digits(fraction)).then_some(Cow::Borrowed(number));
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if !digits(whole) || !(fraction.is_empty() || digits(fraction)) {
        return None;
    }
    let (back, shift) = match exponent.strip_prefix('-') {
        Some(shift) => (true, shift),
        None => (false, exponent.strip_prefix('+').unwrap_or(exponent)),
    };
    let shift: usize = shift.parse().ok().filter(|shift| *shift <= MOST_SHIFT)?;
    let zeros = |count: usize| "0".repeat(count);
    let text = if back {
        // Enough zeros before the digits that the point has a place to go to.
        let all = format!("{}{whole}", zeros(shift));
        let (left, right) = all.split_at_checked(all.len().saturating_sub(shift))?;
        format!("{left}.{right}{fraction}")
    } else {
        let all = format!("{fraction}{}", zeros(shift.saturating_sub(fraction.len())));
        let (left, right) = all.split_at_checked(shift)?;
        format!("{whole}{left}.{right}")
    };
    let text = text.trim_start_matches('0');
    let text = if text.starts_with('.') { format!("0{text}") } else { text.to_owned() };
    Some(Cow::Owned(text.strip_suffix('.').unwrap_or(&text).to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_of_json_is_written_out_exactly_or_refused() {
        let cases = [
            ("105944.20", Some("105944.20")),
            ("0", Some("0")),
            ("81205", Some("81205")),
            ("1.5e-7", Some("0.00000015")),
            ("1e-05", Some("0.00001")),
            ("12E-1", Some("1.2")),
            ("1.25e1", Some("12.5")),
            ("1.25e+2", Some("125")),
            ("1.25E4", Some("12500")),
            ("123.456e-2", Some("1.23456")),
            ("1e28", Some("10000000000000000000000000000")),
            ("0e-3", Some("0.000")),
            ("1e29", None),
            ("1e-29", None),
            ("-1", None),
            ("-0.0", None),
            ("1e", None),
            (".5", None),
            ("1.", None),
            ("e5", None),
            ("", None),
            ("null", None),
            ("\"1\"", None),
            ("1e--5", None),
        ];
        for (number, expected) in cases {
            assert_eq!(plain(number).as_deref(), expected, "{number}");
        }
    }
}
