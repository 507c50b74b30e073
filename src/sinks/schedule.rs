//! When a message is tried again: the schedule of Standard Webhooks, over three days, then it is dead.
//!
//! Pure: the random number is an argument.

use std::time::Duration;

/// Waits behind the first, second, … failed attempt: 0, 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 14 h, 20 h, 24 h, the first being at
/// once. Together 75 h 35 min 5 s (facts/reliability.md §1).
pub const WAITS: [Duration; 9] = [
    Duration::from_secs(5),
    Duration::from_mins(5),
    Duration::from_mins(30),
    Duration::from_hours(2),
    Duration::from_hours(5),
    Duration::from_hours(10),
    Duration::from_hours(14),
    Duration::from_hours(20),
    Duration::from_hours(24),
];
/// Attempts before a message is dead: one at once, and one behind each wait.
pub const ATTEMPTS: u32 = 10;
/// The longest wait that a receiver can ask for: longer is a mistake or malice, and its next answer can ask again.
pub const LONGEST_ASKED: Duration = Duration::from_hours(24);
/// The longest that any wait can be, jitter included.
pub const LONGEST: Duration = Duration::from_mins(24 * 60 * 12 / 10);

/// How long to wait when `ended` attempts have failed: the schedule's wait, 20 % more or less, but never less than the receiver
/// `asked` for. `None` when the message is dead. `random` is any uniformly drawn number.
#[must_use]
pub fn wait(ended: u32, asked: Option<Duration>, random: u64) -> Option<Duration> {
    let index = usize::try_from(ended.checked_sub(1)?).ok()?;
    let own = jittered(*WAITS.get(index)?, random);
    Some(asked.map_or(own, |asked| own.max(asked.min(LONGEST_ASKED))))
}

/// 80 % to 120 % of `wait`, so that what failed together does not come back together.
fn jittered(wait: Duration, random: u64) -> Duration {
    let thousandths = 800 + u32::try_from(random % 401).unwrap_or(0);
    wait * thousandths / 1_000
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_schedule_is_the_one_of_standard_webhooks() {
        assert_eq!(WAITS.iter().sum::<Duration>(), Duration::from_secs(75 * 3_600 + 35 * 60 + 5));
        assert_eq!(usize::try_from(ATTEMPTS), Ok(WAITS.len() + 1));
        let middle = 200;
        for (ended, wait_expected) in WAITS.iter().enumerate() {
            assert_eq!(wait(u32::try_from(ended + 1).expect("it is small"), None, middle), Some(*wait_expected));
        }
        assert_eq!(wait(ATTEMPTS, None, middle), None, "then it is dead");
        assert_eq!(wait(ATTEMPTS, Some(Duration::from_secs(1)), middle), None, "whatever the receiver asks for");
        assert_eq!(wait(u32::MAX, None, middle), None);
    }

    #[test]
    fn a_receiver_can_ask_for_longer_and_not_for_shorter_than_the_schedule() {
        let secs = Duration::from_secs;
        assert_eq!(wait(1, Some(secs(60)), 200), Some(secs(60)));
        assert_eq!(wait(2, Some(secs(60)), 200), Some(secs(300)));
        assert_eq!(wait(1, Some(Duration::MAX), 200), Some(LONGEST_ASKED));
    }

    proptest! {
        #[test]
        fn jitter_stays_within_a_fifth(ended in 1..ATTEMPTS, random: u64) {
            let own = WAITS[ended as usize - 1];
            let got = wait(ended, None, random).expect("the schedule is not over");
            prop_assert!(got >= own * 8 / 10 && got <= own * 12 / 10);
            prop_assert!(got <= LONGEST);
        }
    }
}
