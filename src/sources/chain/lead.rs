//! Which endpoint of a chain reads its blocks: the first in the order of the config that is fresh and not far behind.
//!
//! Pure. A change of the lead changes nothing that was read: blocks are compared by hash.

use std::collections::BTreeSet;
use std::time::Duration;

/// An endpoint that is further behind another fresh one than the longer of this many blocks and this long hands over.
const LAG_BLOCKS: u64 = 3;
/// See [`LAG_BLOCKS`].
const LAG_TIME: Duration = Duration::from_secs(30);
/// One that handed over may lead again when it is no further behind than this: it does not flap at the edge.
const CAUGHT_UP_BLOCKS: u64 = 1;

/// How an endpoint stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Standing {
    /// It answers now, and what was asked of it as the lead was answered.
    pub usable: bool,
    /// The height of its newest head.
    pub head: Option<u64>,
}

/// The election, with its memory of who lagged.
#[derive(Debug, Clone, Default)]
pub(super) struct Election {
    lagging: BTreeSet<usize>,
}

impl Election {
    /// The endpoint that reads blocks, by its place in the config; none when none is usable. A lagging endpoint leads when there is
    /// no other that is fresh.
    pub(super) fn lead(&mut self, standings: &[Standing], block_time: Duration) -> Option<usize> {
        let highest = standings.iter().filter(|one| one.usable).filter_map(|one| one.head).max();
        for (place, standing) in standings.iter().enumerate() {
            let behind = highest.unwrap_or(0).saturating_sub(standing.head.unwrap_or(0));
            if behind > most_blocks_behind(block_time) {
                self.lagging.insert(place);
            } else if behind <= CAUGHT_UP_BLOCKS {
                self.lagging.remove(&place);
            }
        }
        let usable = || standings.iter().enumerate().filter(|(_, standing)| standing.usable).map(|(place, _)| place);
        let with_head = || usable().filter(|place| standings.get(*place).is_some_and(|one| one.head.is_some()));
        with_head()
            .find(|place| !self.lagging.contains(place))
            .or_else(|| with_head().next())
            .or_else(|| usable().next())
    }
}

/// How many blocks an endpoint may be behind.
fn most_blocks_behind(block_time: Duration) -> u64 {
    let in_time = LAG_TIME.as_millis().div_ceil(block_time.as_millis().max(1));
    u64::try_from(in_time).unwrap_or(u64::MAX).max(LAG_BLOCKS)
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(head: u64) -> Standing {
        Standing { usable: true, head: Some(head) }
    }
    const GONE: Standing = Standing { usable: false, head: Some(1_000_000) };
    const NEW: Standing = Standing { usable: true, head: None };

    #[test]
    fn the_first_fresh_endpoint_leads_unless_it_lags() {
        let check = |block_secs: u64, standings: &[Standing], expected: Option<usize>| {
            let lead = Election::default().lead(standings, Duration::from_secs(block_secs));
            assert_eq!(lead, expected, "{standings:?}");
        };
        check(12, &[], None);
        check(12, &[GONE, GONE], None);
        check(12, &[at(100), at(100)], Some(0));
        check(12, &[GONE, at(100), at(101)], Some(1));
        check(12, &[at(100), at(103)], Some(0));
        check(12, &[at(100), at(104)], Some(1));
        check(2, &[at(100), at(115)], Some(0));
        check(2, &[at(100), at(116)], Some(1));
        check(12, &[at(100), GONE], Some(0));
        check(12, &[NEW, at(5)], Some(1));
        check(12, &[GONE, NEW], Some(1));
        check(12, &[at(100), at(200), at(200)], Some(1));
    }

    #[test]
    fn an_endpoint_that_lagged_leads_again_only_when_it_has_caught_up() {
        let mut election = Election::default();
        let mut lead = |first: u64, second: u64| election.lead(&[at(first), at(second)], Duration::from_secs(12));
        assert_eq!(lead(100, 104), Some(1));
        assert_eq!(lead(102, 104), Some(1), "still two behind");
        assert_eq!(lead(104, 105), Some(0));
        assert_eq!(lead(104, 107), Some(0), "three behind is allowed to one that did not lag");
    }

    #[test]
    fn a_lagging_endpoint_leads_when_the_other_is_gone() {
        let mut election = Election::default();
        assert_eq!(election.lead(&[at(100), at(200)], Duration::from_secs(12)), Some(1));
        assert_eq!(election.lead(&[at(100), GONE], Duration::from_secs(12)), Some(0));
    }
}
