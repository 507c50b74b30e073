//! How far an explorer's index is behind its chain: measured whenever a list shows its head and the chain's own is known too.
//!
//! Only shown; nothing waits for it.

use crate::reactor::event::{Explored, ExplorerHead};
use crate::reactor::lists::kind_of;
use crate::types::{ChainId, Timestamp};
use std::collections::BTreeMap;
use std::time::Duration;

/// Two heads that were seen so close to each other can be compared.
const TOGETHER: Duration = Duration::from_secs(10);

/// An endpoint's newest head is the chain's for so long: no chain of ours is slower by much.
const RECENT: Duration = Duration::from_secs(30);

/// What indexes were last seen at.
#[derive(Debug, Default)]
pub(super) struct Indexes {
    heads: BTreeMap<ChainId, (u64, Timestamp)>,
    lags: BTreeMap<ChainId, (u64, Timestamp)>,
}

impl Indexes {
    /// A list was read; `own` are the heads by the chain's own endpoints, where it has any, and when each was last heard.
    pub(super) fn listed(&mut self, at: Timestamp, answer: &Explored, own: impl Iterator<Item = (u64, Timestamp)>) {
        // Of a list that shows no head it is the newest row's block, which may be years ago.
        let shown = answer.index_head.filter(|_| kind_of(answer.list).shows_head());
        let Some(head) = shown else { return };
        self.heads.insert(answer.chain, (head, at));
        if let Some((own, _)) = own.filter(|(_, seen)| at.since(*seen) <= RECENT).max() {
            self.lags.insert(answer.chain, (own.saturating_sub(head), at));
        }
    }

    /// The explorer's proxy said how high the chain is.
    pub(super) fn headed(&mut self, at: Timestamp, said: &ExplorerHead) {
        if let Some((head, seen)) = self.heads.get(&said.chain)
            && at.since(*seen) <= TOGETHER
        {
            self.lags.insert(said.chain, (said.head.saturating_sub(*head), at));
        }
    }

    /// By how many blocks an index was last seen behind its chain, and when.
    pub(super) fn lag(&self, chain: ChainId) -> Option<(u64, Timestamp)> {
        self.lags.get(&chain).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reactor::event::List;
    use crate::types::Address;

    #[test]
    fn an_index_is_held_against_a_head_that_was_seen_beside_it() {
        let at = |seconds: i64| Timestamp::from_millis(seconds * 1_000);
        let chain = ChainId(1);
        let answer = |index_head| Explored {
            chain,
            source: "etherscan".into(),
            address: Address::ZERO,
            list: List::Tokens,
            from: 0,
            to: 9,
            index_head,
            rows: Vec::new(),
        };
        let head = |head| ExplorerHead { chain, source: "etherscan".into(), head };
        let mut indexes = Indexes::default();
        indexes.headed(at(0), &head(100));
        assert_eq!(indexes.lag(chain), None);
        indexes.listed(at(1), &answer(Some(90)), None.into_iter());
        indexes.listed(at(2), &answer(None), Some((500, at(2))).into_iter());
        assert_eq!(indexes.lag(chain), None, "an empty answer has no head, and a head alone is not enough");
        indexes.headed(at(3), &head(101));
        assert_eq!(indexes.lag(chain), Some((11, at(3))));
        indexes.headed(at(60), &head(106));
        assert_eq!(indexes.lag(chain), Some((11, at(3))), "what was seen long ago is not compared");
        indexes.listed(at(61), &answer(Some(104)), Some((107, at(50))).into_iter());
        assert_eq!(indexes.lag(chain), Some((3, at(61))));
        indexes.listed(at(62), &answer(Some(108)), Some((107, at(60))).into_iter());
        assert_eq!(indexes.lag(chain), Some((0, at(62))));
        indexes.listed(at(99), &answer(Some(90)), Some((107, at(60))).into_iter());
        assert_eq!(indexes.lag(chain), Some((0, at(62))), "an endpoint that fell silent says nothing of now");
        let internal = Explored { list: List::Internal, ..answer(Some(5)) };
        indexes.listed(at(100), &internal, Some((107, at(100))).into_iter());
        assert_eq!(indexes.lag(chain), Some((0, at(62))), "the newest row of such a list is no head");
    }
}
