//! What came back, and the two headers that are about time.
//!
//! Never reads a clock: the time that a `Retry-After` date is relative to is an argument.

use super::{HeaderMap, header};
use crate::types::Timestamp;
use bytes::Bytes;
use std::fmt;
use std::time::Duration;

/// What a receiver can ask us to wait at most. A day: longer is a mistake or malice, and the next answer can ask again.
pub const MAX_RETRY_AFTER: Duration = Duration::from_hours(24);

/// A whole response.
#[derive(Clone, PartialEq, Eq)]
pub struct Response {
    /// Its status; redirects are answers like others.
    pub status: u16,
    /// Its headers. Text of the other side: never to be logged as it is.
    pub headers: HeaderMap,
    /// Its body, decompressed.
    pub body: Bytes,
}

impl Response {
    /// Whether the status is 2xx.
    #[must_use]
    pub const fn is_success(&self) -> bool {
        self.status >= 200 && self.status < 300
    }

    /// How long the other side asks us to wait, at most `MAX_RETRY_AFTER`. A date is relative to its own `Date` where
    /// it sends one, since its clock and ours may differ; else to `now`.
    #[must_use]
    pub fn retry_after(&self, now: Timestamp) -> Option<Duration> {
        parse_retry_after(self.text(&header::RETRY_AFTER)?, self.date().unwrap_or(now))
    }

    /// Its `Date`.
    #[must_use]
    pub fn date(&self) -> Option<Timestamp> {
        parse_http_date(self.text(&header::DATE)?)
    }

    /// A header's value where it is visible ASCII.
    #[must_use]
    pub fn text(&self, name: &header::HeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

impl fmt::Debug for Response {
    /// Neither headers nor body: both are the other side's text.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response")
            .field("status", &self.status)
            .field("body_bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

/// Reads `Retry-After`: seconds (also with a fraction, as Discord sends), or an HTTP date. A date that has passed is
/// zero; what is longer than `MAX_RETRY_AFTER` is cut to it; anything else is none.
#[must_use]
pub fn parse_retry_after(text: &str, now: Timestamp) -> Option<Duration> {
    let text = text.trim();
    if text.starts_with(|first: char| first.is_ascii_digit()) {
        return Some(parse_seconds(text)?.min(MAX_RETRY_AFTER));
    }
    Some(parse_http_date(text)?.since(now).min(MAX_RETRY_AFTER))
}

/// Digits, perhaps a point and digits; a fraction finer than a millisecond is rounded up.
fn parse_seconds(text: &str) -> Option<Duration> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(fraction) {
        return None;
    }
    // More digits than a u64 holds are longer than any longest wait.
    let secs = whole.parse().unwrap_or(u64::MAX);
    let mut millis = 0;
    for place in 0..3 {
        millis = millis * 10 + fraction.as_bytes().get(place).map_or(0, |byte| u64::from(byte - b'0'));
    }
    let finer = fraction.bytes().skip(3).any(|byte| byte != b'0');
    Some(Duration::from_secs(secs).saturating_add(Duration::from_millis(millis + u64::from(finer))))
}

/// Reads an HTTP date in its three forms (RFC 9110 §5.6.7).
#[must_use]
pub fn parse_http_date(text: &str) -> Option<Timestamp> {
    const FORMS: [&str; 3] = ["%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y"];
    FORMS.iter().find_map(|form| {
        let time = jiff::civil::DateTime::strptime(form, text.trim()).ok()?;
        let time = time.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
        Some(Timestamp::from_millis(time.timestamp().as_millisecond()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_read_in_all_three_forms() {
        let expected = Timestamp::parse("1994-11-06T08:49:37Z");
        for text in ["Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"] {
            assert_eq!(parse_http_date(text), expected, "{text}");
        }
        for text in ["", "yesterday", "1994-11-06T08:49:37Z", "Sun, 32 Nov 1994 08:49:37 GMT", "Mon, 06 Nov 1994"] {
            assert_eq!(parse_http_date(text), None, "{text}");
        }
    }

    #[test]
    fn retry_after_is_seconds_or_a_date_and_has_a_limit() {
        let now = Timestamp::parse("2026-11-22T00:00:00Z").expect("it is RFC 3339");
        let cases: &[(&str, Option<u64>)] = &[
            ("0", Some(0)),
            ("120", Some(120_000)),
            (" 5 ", Some(5_000)),
            ("64.57", Some(64_570)),
            ("0.0001", Some(1)),
            ("1.9999", Some(2_000)),
            ("86401", Some(86_400_000)),
            ("99999999999999999999999999", Some(86_400_000)),
            ("Sun, 22 Nov 2026 00:01:30 GMT", Some(90_000)),
            ("Sat, 21 Nov 2026 23:00:00 GMT", Some(0)),
            ("Tue, 22 Nov 2033 00:00:00 GMT", Some(86_400_000)),
            ("", None),
            ("-5", None),
            ("5 minutes", None),
            ("1.", None),
            (".5", None),
            ("1e3", None),
            ("soon", None),
        ];
        for (text, millis) in cases {
            assert_eq!(parse_retry_after(text, now), millis.map(Duration::from_millis), "{text:?}");
        }
    }
}
