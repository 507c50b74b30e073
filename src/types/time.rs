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
        text.parse().ok().map(|time: jiff::Timestamp| Self(time.as_millisecond()))
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

#[cfg(test)]
mod tests {
    use super::*;

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
