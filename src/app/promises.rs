//! How old an explorer's lists may get, said when what is watched at run time makes it much more: `check` knows the config alone.

use crate::sources::etherscan::ViewAge;
use crate::types::ChainId;
use std::collections::BTreeMap;
use std::time::Duration;

/// What is no older than this is not worth a word.
const SHORT: Duration = Duration::from_mins(1);

/// What was promised of each chain when it was last said.
#[derive(Debug, Default)]
pub(super) struct Promises(BTreeMap<ChainId, Duration>);

impl Promises {
    /// The chains whose promise became so much worse since it was last said that it is said again: by half. The first one is `check`'s.
    pub(super) fn worse(&mut self, ages: &BTreeMap<ChainId, ViewAge>) -> Vec<(ChainId, Duration)> {
        let mut worse = Vec::new();
        for (chain, ViewAge { promised, .. }) in ages {
            let said = self.0.entry(*chain).or_insert(*promised);
            if *promised > SHORT && *promised > *said * 3 / 2 {
                worse.push((*chain, *promised));
                *said = *promised;
            }
            *said = (*said).min(*promised);
        }
        worse
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::Timestamp;

    #[test]
    fn a_promise_that_became_much_worse_is_said_once() {
        let mut promises = Promises::default();
        let mut check = |seconds: u64, expected: bool| {
            let age = ViewAge { oldest: Timestamp::default(), promised: Duration::from_secs(seconds) };
            let worse = promises.worse(&BTreeMap::from([(ChainId(1), age)]));
            assert_eq!(!worse.is_empty(), expected, "{seconds}");
        };
        for (seconds, expected) in [
            (15, false),
            (40, false),
            (90, true),
            (90, false),
            (130, false),
            (140, true),
            (30, false),
            (59, false),
            (61, true),
        ] {
            check(seconds, expected);
        }
    }
}
