//! Points in time, given from outside: nothing here reads a clock.

use std::fmt;
use std::time::Duration;

/// Milliseconds since the Unix epoch, UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(i64);

impl Timestamp {
    /// From milliseconds since the epoch.
    #[must_use]
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// From seconds since the epoch; what does not fit is the latest time there is.
    #[must_use]
    pub fn from_secs(secs: u64) -> Self {
        Self(i64::try_from(secs).unwrap_or(i64::MAX).saturating_mul(1_000))
    }

    /// Milliseconds since the epoch.
    #[must_use]
    pub const fn millis(self) -> i64 {
        self.0
    }

    /// This long after; the latest time there is when that does not fit.
    #[must_use]
    pub fn after(self, span: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(span.as_millis()).unwrap_or(i64::MAX)))
    }

    /// How long it is since `earlier`; zero when that lies ahead.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// Reads RFC 3339; finer than a millisecond is cut.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let general = || text.parse().ok().map(|time: jiff::Timestamp| time.as_millisecond());
        plain(text.as_bytes()).or_else(general).map(Self)
    }
}

impl fmt::Display for Timestamp {
    /// RFC 3339 with milliseconds, `2026-11-22T00:44:09.123Z`; bare milliseconds beyond the year 9999.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_millisecond(self.0) {
            Ok(time) => write!(f, "{time:.3}"),
            Err(_) => write!(f, "{}ms", self.0),
        }
    }
}

/// Milliseconds of the form that feeds write, `2026-09-04T00:21:02.905270Z`: each tick has one, and the general parser would be a good part of
/// its cost. `None` for any other form, which may be a time all the same.
fn plain(text: &[u8]) -> Option<i64> {
    let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2, b'T', h1, h2, b':', i1, i2, b':', s1, s2, rest @ ..] = text else {
        return None;
    };
    let number = |digits: &[u8]| {
        digits.iter().try_fold(0_i64, |sum, digit| digit.is_ascii_digit().then(|| sum * 10 + i64::from(digit - b'0')))
    };
    let (year, month, day) = (number(&[*y1, *y2, *y3, *y4])?, number(&[*m1, *m2])?, number(&[*d1, *d2])?);
    let (hour, minute, second) = (number(&[*h1, *h2])?, number(&[*i1, *i2])?, number(&[*s1, *s2])?);
    // The last days of months are left to the general parser, which knows how long each month is.
    let plain_date = year >= 1970 && (1..=12).contains(&month) && (1..=28).contains(&day);
    if !plain_date || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let millis = match rest {
        [b'Z'] => 0,
        [b'.', a, b, c, finer @ .., b'Z'] if finer.len() <= 6 => number(finer).and(number(&[*a, *b, *c]))?,
        _ => return None,
    };
    // Days since 1970-01-01, with years that begin in March, so that a leap day is the last of its year.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = year * 365 + year / 4 - year / 100 + year / 400 + (month * 153 + 2) / 5 + day - 1 - 719_468;
    Some((((days * 24 + hour) * 60 + minute) * 60 + second) * 1_000 + millis)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_plain_form_is_read_as_the_general_parser_reads_it(
            millis in 0_i64..253_402_300_799_999, finer in 0_u32..1_000, digits in 0_usize..=6, mangled in any::<(usize, u8)>(),
        ) {
            let text = Timestamp(millis).to_string();
            let text = text.replace('Z', &format!("{:.digits$}Z", format!("{finer:03}")));
            let general = |text: &str| text.parse().ok().map(|time: jiff::Timestamp| Timestamp(time.as_millisecond()));
            prop_assert_eq!(Timestamp::parse(&text), Some(Timestamp(millis)));
            prop_assert_eq!(general(&text), Some(Timestamp(millis)));
            let mut bytes = text.into_bytes();
            let at = mangled.0 % bytes.len();
            bytes[at] = mangled.1 % 128;
            let text = String::from_utf8(bytes).expect("it is ASCII");
            prop_assert_eq!(Timestamp::parse(&text), general(&text), "{}", text);
        }
    }

    #[test]
    fn time_is_written_with_milliseconds_and_read_back() {
        let text = "2026-11-22T00:44:09.123Z";
        let time = Timestamp::parse(text).expect("it is RFC 3339");
        assert_eq!(time.to_string(), text);
        assert_eq!(Timestamp::from_secs(1_500).to_string(), "1970-01-01T00:25:00.000Z");
        assert_eq!(Timestamp::parse("2026-09-04T00:21:02.905270Z").map(Timestamp::millis), Some(1_788_481_262_905));
        assert_eq!(Timestamp::from_secs(u64::MAX).after(Duration::MAX).millis(), i64::MAX);
    }
}
