//! A value against a threshold: hysteresis, `for`, `at_most_every`. Plain states, no messages.

use super::phase::{Phase, Standing};
use super::settings::{Side, Threshold};
use crate::types::Timestamp;
use std::time::Duration;

/// What a value did to a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Nothing.
    Nothing,
    /// It is past the level, and has to stay there for this long.
    Wait(Duration),
    /// It came back before it had stayed for long enough.
    CalmedDown,
    /// It crossed, since then: say so.
    Crossed(Timestamp),
    /// It crossed too soon after the last time: count it.
    Muffled,
    /// It recovered from a crossing that was said.
    Recovered,
    /// It recovered from a crossing that was not said.
    RecoveredUnsaid,
}

/// Whether a value is past the level.
#[must_use]
pub fn is_past<T: Ord>(threshold: &Threshold<T>, value: &T) -> bool {
    match threshold.side {
        Side::Below => *value < threshold.level,
        Side::Above => *value > threshold.level,
    }
}

/// Whether a value is back beyond where a crossing is over.
#[must_use]
pub fn is_back<T: Ord>(threshold: &Threshold<T>, value: &T) -> bool {
    match threshold.side {
        Side::Below => *value >= threshold.recovers_at,
        Side::Above => *value <= threshold.recovers_at,
    }
}

/// Takes a value that is known now.
pub fn step<T: Ord>(standing: Standing<'_>, threshold: &Threshold<T>, value: &T, at: Timestamp) -> Step {
    // Comparing decimals is most of the work of a tick: no more of it than the phase asks for.
    let (past, back) = (|| is_past(threshold, value), || is_back(threshold, value));
    match *standing.phase {
        Phase::Calm if !past() => Step::Nothing,
        Phase::Calm if threshold.hold.is_zero() => cross(standing, threshold.at_most_every, at, at),
        Phase::Calm => {
            *standing.phase = Phase::Pending(at);
            Step::Wait(threshold.hold)
        }
        Phase::Pending(_) if !past() => {
            *standing.phase = Phase::Calm;
            Step::CalmedDown
        }
        Phase::Pending(since) if at.since(since) >= threshold.hold => {
            cross(standing, threshold.at_most_every, since, at)
        }
        Phase::Crossed(_) if back() => {
            *standing.phase = Phase::Calm;
            Step::Recovered
        }
        Phase::Muffled(_) if back() => {
            *standing.phase = Phase::Calm;
            Step::RecoveredUnsaid
        }
        Phase::Pending(_) | Phase::Crossed(_) | Phase::Muffled(_) => Step::Nothing,
    }
}

/// The value is not known any more. It neither crosses nor recovers; a wait that nobody could watch starts anew.
#[must_use]
pub fn unknown(standing: Standing<'_>) -> Step {
    match *standing.phase {
        Phase::Pending(_) => {
            *standing.phase = Phase::Calm;
            Step::CalmedDown
        }
        Phase::Calm | Phase::Crossed(_) | Phase::Muffled(_) => Step::Nothing,
    }
}

fn cross(standing: Standing<'_>, at_most_every: Option<Duration>, since: Timestamp, at: Timestamp) -> Step {
    *standing.crossings += 1;
    let too_soon = |every: Duration| standing.spoke_at.is_some_and(|spoke| at.since(spoke) < every);
    if at_most_every.is_some_and(too_soon) {
        *standing.phase = Phase::Muffled(since);
        return Step::Muffled;
    }
    *standing.phase = Phase::Crossed(since);
    *standing.spoke_at = Some(at);
    Step::Crossed(since)
}

#[cfg(test)]
mod tests {
    use super::super::rows::RuleRow;
    use super::*;

    fn seconds(seconds: u64) -> Timestamp {
        Timestamp::from_secs(seconds)
    }

    fn rule() -> RuleRow {
        RuleRow {
            rule: "r".into(),
            condition: [0; 16],
            born: seconds(0),
            in_force_since: seconds(0),
            phase: Phase::Calm,
            crossings: 0,
            spoke_at: None,
        }
    }

    fn check(threshold: Threshold<i32>, values: &[(u64, Option<i32>, Step)]) {
        let mut row = rule();
        for (at, value, expected) in values {
            let step = match value {
                None => unknown(row.standing()),
                Some(value) => step(row.standing(), &threshold, value, seconds(*at)),
            };
            assert_eq!(step, *expected, "at {at} s with {value:?}: {row:?}");
        }
    }

    fn below(hold: u64, every: Option<u64>) -> Threshold<i32> {
        Threshold {
            side: Side::Below,
            level: 100,
            recovers_at: 110,
            hold: Duration::from_secs(hold),
            at_most_every: every.map(Duration::from_secs),
        }
    }

    #[test]
    fn below_is_strict_and_recovers_at_the_way_back() {
        use Step::{Crossed, Nothing, Recovered};
        check(
            below(0, None),
            &[
                (1, Some(100), Nothing),
                (2, Some(99), Crossed(seconds(2))),
                (3, Some(109), Nothing),
                (4, Some(98), Nothing),
                (5, Some(110), Recovered),
                (6, Some(99), Crossed(seconds(6))),
            ],
        );
    }

    #[test]
    fn above_is_the_mirror() {
        use Step::{Crossed, Nothing, Recovered};
        let above = Threshold { side: Side::Above, recovers_at: 90, ..below(0, None) };
        let cases = [
            (1, Some(100), Nothing),
            (2, Some(101), Crossed(seconds(2))),
            (3, Some(91), Nothing),
            (4, Some(90), Recovered),
        ];
        check(above, &cases);
    }

    #[test]
    fn a_value_has_to_stay_past_the_level_for_as_long_as_the_rule_says() {
        use Step::{CalmedDown, Crossed, Nothing, Wait};
        let wait = Wait(Duration::from_secs(10));
        check(
            below(10, None),
            &[
                (1, Some(99), wait),
                (5, Some(100), CalmedDown),
                (6, Some(99), wait),
                (15, Some(98), Nothing),
                (16, Some(98), Crossed(seconds(6))),
            ],
        );
    }

    #[test]
    fn an_unknown_value_neither_crosses_nor_recovers_and_starts_a_wait_anew() {
        use Step::{CalmedDown, Crossed, Nothing, Recovered, Wait};
        let wait = Wait(Duration::from_secs(10));
        check(
            below(10, None),
            &[
                (1, Some(99), wait),
                (2, None, CalmedDown),
                (20, None, Nothing),
                (21, Some(99), wait),
                (31, Some(99), Crossed(seconds(21))),
                (32, None, Nothing),
                (33, Some(110), Recovered),
            ],
        );
    }

    #[test]
    fn a_crossing_too_soon_after_the_last_one_is_counted_and_not_said() {
        use Step::{Crossed, Muffled, Nothing, Recovered, RecoveredUnsaid};
        check(
            below(0, Some(60)),
            &[
                (1, Some(99), Crossed(seconds(1))),
                (2, Some(110), Recovered),
                (3, Some(99), Muffled),
                (4, Some(98), Nothing),
                (5, Some(110), RecoveredUnsaid),
                (61, Some(99), Crossed(seconds(61))),
            ],
        );
    }
}
