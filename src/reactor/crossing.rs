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
    /// It crossed too soon after the last time: count it, and look again after this long, when it may be said.
    Muffled(Duration),
    /// It crossed then, too soon to be said, and still is past the level now that it may be: say so. It was counted, and paid, when it crossed.
    Late(Timestamp),
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
        // Else the last word that anybody had would be that it recovered.
        Phase::Muffled(since) if past() && muffled_for(&standing, threshold.at_most_every, at).is_none() => {
            *standing.phase = Phase::Crossed(since);
            *standing.spoke_at = Some(at);
            Step::Late(since)
        }
        Phase::Pending(_) | Phase::Crossed(_) | Phase::Muffled(_) => Step::Nothing,
    }
}

/// Takes a value that was known last, while nobody would see another: it is what it is, but not that it stays so.
pub fn step_unwatched<T: Ord>(standing: Standing<'_>, threshold: &Threshold<T>, value: &T, at: Timestamp) -> Step {
    match *standing.phase {
        Phase::Calm | Phase::Pending(_) if !threshold.hold.is_zero() => unknown(standing),
        Phase::Calm | Phase::Pending(_) | Phase::Crossed(_) | Phase::Muffled(_) => step(standing, threshold, value, at),
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

/// How much longer it may not be said.
pub(super) fn muffled_for(standing: &Standing<'_>, at_most_every: Option<Duration>, at: Timestamp) -> Option<Duration> {
    let left = at_most_every?.saturating_sub(at.since((*standing.spoke_at)?));
    (!left.is_zero()).then_some(left)
}

fn cross(standing: Standing<'_>, at_most_every: Option<Duration>, since: Timestamp, at: Timestamp) -> Step {
    *standing.crossings += 1;
    if let Some(left) = muffled_for(&standing, at_most_every, at) {
        *standing.phase = Phase::Muffled(since);
        return Step::Muffled(left);
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
                (3, Some(99), Muffled(Duration::from_secs(58))),
                (4, Some(98), Nothing),
                (5, Some(110), RecoveredUnsaid),
                (61, Some(99), Crossed(seconds(61))),
            ],
        );
    }

    #[test]
    fn a_crossing_that_came_too_soon_is_said_when_it_may_be_and_still_is_one() {
        use Step::{Crossed, Late, Muffled, Nothing, Recovered, RecoveredUnsaid};
        let muffled = |left| Muffled(Duration::from_secs(left));
        check(
            below(0, Some(60)),
            &[
                (1, Some(99), Crossed(seconds(1))),
                (2, Some(110), Recovered),
                (3, Some(99), muffled(58)),
                (60, Some(99), Nothing),
                (61, Some(99), Late(seconds(3))),
                (62, Some(98), Nothing),
                (63, Some(110), Recovered),
                // The span began anew when that was said.
                (70, Some(99), muffled(51)),
                // Neither past it nor back, or unknown: it is said when it is past it again.
                (121, Some(105), Nothing),
                (122, None, Nothing),
                (123, Some(99), Late(seconds(70))),
                (124, Some(110), Recovered),
                (125, Some(99), muffled(58)),
                (190, Some(110), RecoveredUnsaid),
            ],
        );
    }
}
