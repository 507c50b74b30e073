//! What a node owes: for how long it has answered nothing, though it was asked.
//!
//! Pure: time is an argument. Traces are not counted as questions, for a node may work on one for long; their answers count.

use std::time::Duration;
use tokio::time::Instant;

/// Shortest and longest patience with a node that answers nothing while another one could be asked: two blocks, but no less than a
/// lost packet takes to be sent again, and no more than the deadline of a question.
const PATIENCE: (Duration, Duration) = (Duration::from_secs(3), Duration::from_secs(10));

/// How long a node of a chain with this block time may answer nothing before another one reads.
pub(super) fn patience(block_time: Duration) -> Duration {
    block_time.saturating_mul(2).clamp(PATIENCE.0, PATIENCE.1)
}

/// The questions that are open, and since when nothing was answered.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Owed {
    open: usize,
    since: Option<Instant>,
}

impl Owed {
    /// A question was asked.
    pub(super) fn asked(&mut self, now: Instant) {
        self.open += 1;
        self.since.get_or_insert(now);
    }

    /// A question came to its end: it was answered, or there is no connection, which others say.
    pub(super) fn answered(&mut self, now: Instant) {
        self.open = self.open.saturating_sub(1);
        self.spoke(now);
    }

    /// It said something else.
    pub(super) fn spoke(&mut self, now: Instant) {
        self.since = (self.open > 0).then_some(now);
    }

    /// Nobody waits for the answer any more. What was waited for long enough stays owed until the node speaks.
    pub(super) fn given_up(&mut self, now: Instant, patience: Duration) {
        self.open = self.open.saturating_sub(1);
        if self.open == 0 && self.silence(now) < patience {
            self.since = None;
        }
    }

    /// For how long it has answered nothing though something is owed.
    pub(super) fn silence(&self, now: Instant) -> Duration {
        self.since.map_or(Duration::ZERO, |since| now.saturating_duration_since(since))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_node_that_was_asked_and_says_nothing_is_silent() {
        #[derive(Debug)]
        enum Did {
            Ask,
            Answer,
            Speak,
            GiveUp,
        }
        use Did::{Answer, Ask, GiveUp, Speak};
        // What happened at which second; for how long it is silent at second 20.
        let check = |history: &[(u64, Did)], expected: u64| {
            let start = Instant::now();
            let at = |second: u64| start + Duration::from_secs(second);
            let mut owed = Owed::default();
            for (second, did) in history {
                match did {
                    Ask => owed.asked(at(*second)),
                    Answer => owed.answered(at(*second)),
                    Speak => owed.spoke(at(*second)),
                    GiveUp => owed.given_up(at(*second), Duration::from_secs(3)),
                }
            }
            assert_eq!(owed.silence(at(20)).as_secs(), expected, "{history:?}");
        };
        check(&[], 0);
        check(&[(1, Ask)], 19);
        check(&[(1, Ask), (2, Answer)], 0);
        check(&[(1, Ask), (2, Ask), (3, Answer)], 17);
        check(&[(1, Ask), (9, Speak)], 11);
        check(&[(1, Ask), (2, GiveUp)], 0);
        check(&[(1, Ask), (11, GiveUp)], 19);
        check(&[(1, Ask), (11, GiveUp), (15, Ask)], 19);
        check(&[(1, Ask), (11, GiveUp), (15, Ask), (16, Answer)], 0);
        check(&[(1, Ask), (2, Ask), (2, GiveUp)], 19);
        assert_eq!(patience(Duration::from_millis(250)), Duration::from_secs(3));
        assert_eq!(patience(Duration::from_secs(12)), Duration::from_secs(10));
    }
}
