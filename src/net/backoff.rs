//! How long to wait before the next attempt at a connection: full jitter between two bounds.
//!
//! Pure: the random number is an argument. Never forgets the past because a connection was merely made: a venue that
//! accepts and closes at once would be hammered (facts/streams.md §4). Only time in which something useful came counts.

use std::time::Duration;

/// Shortest wait after the first, immediate retry.
pub const SHORTEST: Duration = Duration::from_millis(250);
/// Longest wait after a fault that may pass by itself.
pub const LONGEST: Duration = Duration::from_mins(1);
/// Useful time after which a connection's past is forgotten.
pub const FORGIVEN_AFTER: Duration = Duration::from_mins(1);
/// Shortest wait after a refusal (429, 451, 403, a rejected subscription): trying again at once makes it worse.
pub const SHORTEST_REFUSED: Duration = Duration::from_mins(1);
/// Longest wait after a refusal. A person has to act, or a quota's day has to end; half an hour finds out soon enough.
pub const LONGEST_REFUSED: Duration = Duration::from_mins(30);

/// The memory of one connection's failures.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Backoff {
    failures: u32,
    refusals: u32,
}

impl Backoff {
    /// With no past: the first retry is immediate.
    #[must_use]
    pub const fn new() -> Self {
        Self { failures: 0, refusals: 0 }
    }

    /// A connection (or an attempt at one) ended after `useful` time, which is the time between its first and its last
    /// useful word. Returns how long to wait. `random` is any uniformly drawn number.
    pub fn failed(&mut self, useful: Duration, random: u64) -> Duration {
        if useful >= FORGIVEN_AFTER {
            *self = Self::new();
        }
        self.refusals = 0;
        let failures = self.failures;
        self.failures = failures.saturating_add(1);
        if failures == 0 {
            return Duration::ZERO;
        }
        between(SHORTEST, grown(SHORTEST, failures, LONGEST), random)
    }

    /// The other side refused. Returns how long to wait, at least as long as it asked (`at_least`, from `Retry-After`;
    /// what exceeds the longest wait is cut to it).
    pub fn refused(&mut self, at_least: Option<Duration>, random: u64) -> Duration {
        self.failures = self.failures.saturating_add(1);
        self.refusals = self.refusals.saturating_add(1);
        let wait = between(SHORTEST_REFUSED, grown(SHORTEST_REFUSED, self.refusals, LONGEST_REFUSED), random);
        at_least.map_or(wait, |asked| wait.max(asked)).min(LONGEST_REFUSED)
    }
}

/// `shortest` doubled `times`, no more than `longest`.
fn grown(shortest: Duration, times: u32, longest: Duration) -> Duration {
    2u32.checked_pow(times).map_or(longest, |factor| shortest.saturating_mul(factor)).min(longest)
}

/// The point between two bounds that a random number picks.
fn between(shortest: Duration, longest: Duration, random: u64) -> Duration {
    let span = longest.saturating_sub(shortest).as_nanos();
    // 2^64 times 30 minutes in nanoseconds is below 2^105: it fits.
    let part = (span * u128::from(random)) >> 64;
    shortest.saturating_add(Duration::from_nanos(u64::try_from(part).unwrap_or(u64::MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NONE: Duration = Duration::ZERO;

    #[test]
    fn the_first_retry_is_immediate_and_the_following_grow_to_a_minute() {
        let mut backoff = Backoff::new();
        assert_eq!(backoff.failed(NONE, u64::MAX), NONE);
        for ceiling in [500u128, 1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000] {
            let wait = backoff.failed(NONE, u64::MAX).as_millis();
            assert!(wait >= ceiling - 1 && wait <= ceiling, "{wait} instead of {ceiling}");
        }
        assert_eq!(backoff.failed(NONE, 0), SHORTEST, "full jitter reaches down to the shortest wait");
    }

    #[test]
    fn only_a_minute_of_useful_time_is_forgiven() {
        let mut backoff = Backoff::new();
        for useful in [NONE, NONE, FORGIVEN_AFTER.saturating_sub(Duration::from_millis(1))] {
            backoff.failed(useful, 0);
        }
        assert!(backoff.failed(NONE, 0) >= SHORTEST);
        assert_eq!(backoff.failed(FORGIVEN_AFTER, u64::MAX), NONE);
        assert!(backoff.failed(NONE, 0) >= SHORTEST, "forgiven once, not for ever");
    }

    #[test]
    fn a_refusal_waits_long_and_at_least_as_long_as_it_was_asked_to() {
        let mut backoff = Backoff::new();
        assert_eq!(backoff.refused(None, 0), SHORTEST_REFUSED);
        assert_eq!(backoff.refused(Some(Duration::from_mins(10)), 0), Duration::from_mins(10));
        assert_eq!(backoff.refused(Some(Duration::from_hours(24)), 0), LONGEST_REFUSED);
        assert!(backoff.failed(NONE, 0) >= SHORTEST, "a refusal uses up the immediate retry");
    }

    proptest! {
        #[test]
        fn every_wait_is_within_its_bounds(past in prop::collection::vec((any::<bool>(), any::<u64>()), 1..80)) {
            let mut backoff = Backoff::new();
            for (nth, (refused, random)) in past.into_iter().enumerate() {
                if refused {
                    let wait = backoff.refused(None, random);
                    prop_assert!(wait >= SHORTEST_REFUSED && wait <= LONGEST_REFUSED);
                } else {
                    let wait = backoff.failed(NONE, random);
                    prop_assert!(wait <= LONGEST && (wait >= SHORTEST || nth == 0));
                }
            }
        }
    }
}
