//! How fast a node may be asked: pauses after a refusal for too many requests, and how much is asked at once.
//!
//! Pure: time is an argument.

use std::time::Duration;
use tokio::time::Instant;

/// First pause where the node does not say how long.
const SHORTEST_PAUSE: Duration = Duration::from_secs(1);
/// Longest pause after a refusal that passes by itself.
const LONGEST_PAUSE: Duration = Duration::from_mins(1);
/// Pause after a quota of a day or a month is used up: asking again sooner is futile, an hour would be blind for too long.
const QUOTA_PAUSE: Duration = Duration::from_mins(10);
/// Most blocks of a gap that are asked for at once: a batch of twenty is what the strictest sockets take (facts/streams.md §2).
pub(super) const MOST_AT_ONCE: u64 = 16;

/// Pauses.
#[derive(Debug, Clone, Default)]
pub(super) struct Pace {
    paused_until: Option<Instant>,
    strikes: u32,
}

impl Pace {
    /// The node said "too many requests".
    pub(super) fn limited(&mut self, now: Instant, retry_after: Option<Duration>, long: bool) {
        // Requests that were under way when the first was refused are refused too: that is one strike.
        if !self.is_paused(now) {
            self.strikes = self.strikes.saturating_add(1);
        }
        let grown = SHORTEST_PAUSE.saturating_mul(1 << self.strikes.saturating_sub(1).min(6)).min(LONGEST_PAUSE);
        let pause = if long { QUOTA_PAUSE } else { retry_after.unwrap_or(grown).min(QUOTA_PAUSE) };
        self.paused_until = self.paused_until.max(Some(now + pause));
    }

    /// The node answered.
    pub(super) fn answered(&mut self, now: Instant) {
        if !self.is_paused(now) {
            self.strikes = 0;
        }
    }

    /// Whether nothing may be asked.
    pub(super) fn is_paused(&self, now: Instant) -> bool {
        self.paused_until.is_some_and(|until| now < until)
    }
}

/// How many blocks are asked for at once: fewer after an answer that was too large or too slow, slowly more again.
#[derive(Debug, Clone)]
pub(super) struct Portion(u64);

impl Default for Portion {
    fn default() -> Self {
        Self(MOST_AT_ONCE)
    }
}

impl Portion {
    /// How many now.
    pub(super) const fn blocks(&self) -> u64 {
        self.0
    }

    /// It was too much.
    pub(super) fn too_much(&mut self) {
        self.0 = (self.0 / 2).max(1);
    }

    /// It went well.
    pub(super) fn went_well(&mut self) {
        self.0 = (self.0 + 1).min(MOST_AT_ONCE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn a_refusal_pauses_as_long_as_it_asks_and_longer_each_time_where_it_does_not() {
        let start = Instant::now();
        let mut pace = Pace::default();
        assert!(!pace.is_paused(start));
        pace.limited(start, None, false);
        pace.limited(start, None, false);
        assert!(pace.is_paused(start + SECOND / 2) && !pace.is_paused(start + SECOND), "one strike");
        let later = start + SECOND;
        pace.limited(later, None, false);
        assert!(pace.is_paused(later + SECOND) && !pace.is_paused(later + 2 * SECOND));
        pace.answered(later + 2 * SECOND);
        let again = later + 10 * SECOND;
        pace.limited(again, Some(7 * SECOND), false);
        assert!(pace.is_paused(again + 6 * SECOND) && !pace.is_paused(again + 7 * SECOND));
        pace.limited(again, None, true);
        assert!(pace.is_paused(again + 599 * SECOND));
    }

    #[test]
    fn a_portion_is_halved_when_it_was_too_much_and_grows_by_one() {
        let mut portion = Portion::default();
        let seen: Vec<_> = (0..6)
            .map(|_| {
                portion.too_much();
                portion.blocks()
            })
            .collect();
        assert_eq!(seen, [8, 4, 2, 1, 1, 1]);
        for _ in 0..40 {
            portion.went_well();
        }
        assert_eq!(portion.blocks(), MOST_AT_ONCE);
    }
}
