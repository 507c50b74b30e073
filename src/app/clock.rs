//! The only place that reads the time.
//!
//! `now` is the wall time at the start plus monotonic time that counts suspension: it never runs backwards and does not jump when
//! somebody sets the wall clock. How far the wall clock is away from it is told, so that it can be said.

#![expect(clippy::disallowed_methods, reason = "this is the place that reads the time")]

use crate::types::Timestamp;
use rustix::time::{ClockId, Timespec, clock_gettime};
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

/// A wall clock this far away from the monotonic one is an event.
const LARGEST_SKEW_MS: i64 = 2_000;

/// The process's clock.
#[derive(Debug)]
pub struct Clock {
    started_wall: i64,
    started_boot: i64,
    /// The skew that was told last.
    told: AtomicI64,
}

impl Clock {
    /// Starts now, but never before the time of the last commit.
    #[must_use]
    pub fn start(last_commit: Option<Timestamp>) -> Self {
        let wall = read(ClockId::Realtime);
        let started_wall = last_commit.map_or(wall, |last| last.millis().max(wall));
        Self { started_wall, started_boot: read(ClockId::Boottime), told: AtomicI64::new(0) }
    }

    /// The time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.started_wall + (read(ClockId::Boottime) - self.started_boot))
    }

    /// What the wall clock says, right or wrong: for what others compare with theirs.
    #[must_use]
    pub fn wall() -> Timestamp {
        Timestamp::from_millis(read(ClockId::Realtime))
    }

    /// How long something takes, for metrics: call what it gives when it is over.
    pub fn stopwatch() -> impl FnOnce() -> Duration {
        let started = Instant::now();
        move || started.elapsed()
    }

    /// How far the wall clock is ahead, in milliseconds, where that is more than two seconds away from what was told last.
    #[must_use]
    pub fn new_skew(&self) -> Option<i64> {
        let skew = read(ClockId::Realtime) - self.now().millis();
        if (skew - self.told.load(Ordering::Relaxed)).abs() <= LARGEST_SKEW_MS {
            return None;
        }
        self.told.store(skew, Ordering::Relaxed);
        Some(skew)
    }
}

fn read(clock: ClockId) -> i64 {
    let Timespec { tv_sec, tv_nsec } = clock_gettime(clock);
    tv_sec * 1_000 + tv_nsec / 1_000_000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_goes_on_from_the_last_commit_and_says_how_far_the_wall_clock_is_behind() {
        let wall = Clock::start(None);
        assert_eq!(wall.new_skew(), None);
        let ahead = wall.now().after(Duration::from_mins(1));
        let clock = Clock::start(Some(ahead));
        assert!(clock.now() >= ahead);
        assert!(clock.new_skew().is_some_and(|skew| skew < -50_000));
        assert_eq!(clock.new_skew(), None, "it is said once");
    }
}
