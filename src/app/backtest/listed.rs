//! A chain's past out of an explorer's lists, for chains without a node: every list of every watched address, put together to blocks. An
//! explorer knows no balance of the past.

use super::kept::{Of, Part};
use crate::reactor::event::{Explored, List, Reported, TokenFacts};
use crate::reactor::lists::needed;
use crate::reactor::settings::{Rule, Settings};
use crate::reactor::wants::{ListWant, StretchWant};
use crate::types::{Address, Asset, B256, Block, BlockRef, ChainId, Movement, Timestamp, TransferKey};
use alloy::primitives::keccak256;
use std::collections::BTreeMap;
use std::time::Duration;

/// Blocks that are given at once: as many as a step may have.
const AT_ONCE: u64 = 256;
/// An empty answer counts when another one, at least this much later, is empty too.
const BLANK_AGAIN: Duration = Duration::from_secs(10);

/// Lists that were not read to their end.
pub(super) type Open = BTreeMap<(Address, List), ListWant>;

/// What stands in a block.
#[derive(Debug, Default)]
struct Listing {
    time: Timestamp,
    hash: Option<B256>,
    /// Each movement by what it moved, with how many equal ones there are.
    movements: BTreeMap<TransferKey, (Movement, usize)>,
}

/// The blocks of a chain as its explorer lists them.
pub(super) struct Listed {
    chain: ChainId,
    block_time: Duration,
    blocks: BTreeMap<u64, Listing>,
    tokens: BTreeMap<Address, TokenFacts>,
}

/// Every list that some rule needs.
pub(super) fn wanted(settings: &Settings, chain: ChainId, from: u64, to: u64) -> Open {
    let mut open = BTreeMap::new();
    for watch in settings.watches.iter().filter(|watch| watch.chains.contains(&chain)) {
        let looks = |rule: &&Rule| rule.condition.looks_at(watch, true);
        let conditions = settings.rules.iter().filter(looks).map(|rule| &rule.condition);
        let lists = needed(conditions, watch, chain, &settings.tokens);
        for address in watch.addresses.addresses() {
            for list in lists.iter() {
                open.insert((*address, list), ListWant { address: *address, list, from, to, again: None });
            }
        }
    }
    open
}

/// Takes a part of a list, as history is taken live: what was read up to the index's head is read, and nothing twice is nothing. Gives
/// what was read by that, and from which block on.
pub(super) fn take(open: &mut Open, listed: &mut Listed, part: &Explored, now: Timestamp) -> Option<(u64, Part, Of)> {
    let key = (part.address, part.list);
    let want = open.get_mut(&key).filter(|want| part.from <= want.from)?;
    let from = want.from;
    let rows: Vec<Reported> = part.rows.iter().filter(|row| (from..=want.to).contains(&row.block)).cloned().collect();
    listed.put(rows.iter());
    let reached = part.index_head.map_or(0, |head| head.min(part.to).saturating_add(1));
    if reached > want.from {
        (want.from, want.again) = (reached, None);
    } else if want.again.is_some_and(|again| now >= again) {
        want.from = want.to.saturating_add(1);
    } else {
        want.again = want.again.or(Some(now.after(BLANK_AGAIN)));
    }
    let next = want.from;
    if next > want.to {
        open.remove(&key);
    }
    (next > from).then_some((from, Part { next, rows }, (part.chain, part.address, part.list)))
}

impl Listed {
    /// Nothing yet.
    pub(super) const fn new(chain: ChainId, block_time: Duration) -> Self {
        Self { chain, block_time, blocks: BTreeMap::new(), tokens: BTreeMap::new() }
    }

    /// Rows of one list: what two lists have is one movement, what one list has twice is two.
    pub(super) fn put<'r>(&mut self, rows: impl Iterator<Item = &'r Reported>) {
        let mut counts: BTreeMap<(u64, TransferKey), usize> = BTreeMap::new();
        for row in rows {
            let key = TransferKey::of(self.chain, &row.movement, 0);
            let count = counts.entry((row.block, key)).or_default();
            *count += 1;
            let listing = self.blocks.entry(row.block).or_default();
            (listing.time, listing.hash) = (row.time, listing.hash.or(row.block_hash));
            let known = listing.movements.entry(key).or_insert((row.movement, 0));
            known.1 = known.1.max(*count);
            if let (Asset::Token(contract), Some((decimals, symbol))) = (row.movement.asset, &row.token) {
                let facts = TokenFacts { chain: self.chain, contract, decimals: *decimals, symbol: symbol.clone() };
                self.tokens.insert(contract, facts);
            }
        }
    }

    /// The lower end of a stretch, as blocks that stand on each other: of those in which nothing moved nobody knows the hash.
    pub(super) fn blocks(&self, stretch: StretchWant) -> Vec<Block> {
        let last = stretch.to.min(stretch.from.saturating_add(AT_ONCE - 1));
        let mut below = stretch.below.unwrap_or_else(|| self.stand_in(stretch.from.saturating_sub(1)));
        let one = |number: u64| {
            let listing = self.blocks.get(&number);
            let hash = listing.and_then(|listing| listing.hash).unwrap_or_else(|| self.stand_in(number));
            let at = BlockRef { number, hash, parent: std::mem::replace(&mut below, hash) };
            let moved = listing.into_iter().flat_map(|listing| listing.movements.values());
            let movements = moved.flat_map(|(movement, count)| std::iter::repeat_n(*movement, *count)).collect();
            Block { at, time: self.time_at(number), base_fee: None, next_base_fee: None, movements, traced: true }
        };
        (stretch.from..=last).map(one).collect()
    }

    /// A hash for a block of which the lists tell none.
    fn stand_in(&self, number: u64) -> B256 {
        keccak256(format!("block {number} of chain {}", self.chain))
    }

    /// The time of a block: its own, or about.
    pub(super) fn time_at(&self, number: u64) -> Timestamp {
        let away = |from: u64, to: u64| {
            self.block_time.saturating_mul(u32::try_from(to.saturating_sub(from)).unwrap_or(u32::MAX))
        };
        let below = self.blocks.range(..=number).next_back().map(|(at, listing)| listing.time.after(away(*at, number)));
        let above = self.blocks.range(number..).next().map(|(at, listing)| (listing.time, away(number, *at)));
        match (below, above) {
            (Some(below), Some((above, _))) => below.min(above),
            (Some(below), None) => below,
            (None, Some((above, before))) => {
                let before = i64::try_from(before.as_millis()).unwrap_or(i64::MAX);
                Timestamp::from_millis(above.millis().saturating_sub(before))
            }
            (None, None) => Timestamp::default(),
        }
    }

    /// What the lists say of a token.
    pub(super) fn token(&self, contract: Address) -> Option<TokenFacts> {
        self.tokens.get(&contract).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{Kind, U256};

    const CHAIN: ChainId = ChainId(1);

    fn listed() -> Listed {
        Listed::new(CHAIN, Duration::from_secs(10))
    }

    fn row(block: u64, amount: u64) -> Reported {
        let (tx, asset) = (B256::repeat_byte(1), Asset::Token(Address::repeat_byte(9)));
        let (from, to) = (Address::repeat_byte(2), Address::repeat_byte(3));
        let amount = U256::from(amount);
        Reported {
            block,
            block_hash: Some(B256::repeat_byte(7)),
            time: Timestamp::from_secs(block * 10),
            movement: Movement { tx, kind: Kind::Token, asset, from, to, token_id: None, amount, log_index: None },
            token: Some((Some(6), None)),
        }
    }

    #[test]
    fn what_two_lists_have_is_one_movement_and_what_one_list_has_twice_is_two() {
        let mut listed = listed();
        for _ in 0..2 {
            listed.put([row(5, 1), row(5, 1), row(5, 2), row(8, 1)].iter());
        }
        let blocks = listed.blocks(StretchWant { from: 3, to: 10, below: None });
        let moved: Vec<(u64, usize)> = blocks.iter().map(|block| (block.at.number, block.movements.len())).collect();
        assert_eq!(moved, [(3, 0), (4, 0), (5, 3), (6, 0), (7, 0), (8, 1), (9, 0), (10, 0)]);
        assert!(blocks.windows(2).all(|pair| pair[0].at.hash == pair[1].at.parent && pair[0].time <= pair[1].time));
        assert_eq!((blocks[0].time, blocks[7].time), (Timestamp::from_secs(30), Timestamp::from_secs(100)));
        let next = listed.blocks(StretchWant { from: 11, to: 11, below: Some(blocks[7].at.hash) });
        assert_eq!(next[0].at.parent, blocks[7].at.hash, "a stretch goes on from the one before");
        assert_eq!(listed.token(Address::repeat_byte(9)).and_then(|facts| facts.decimals), Some(6));
    }

    #[test]
    fn a_list_is_through_when_its_end_was_read_and_an_empty_one_when_it_was_empty_twice() {
        let (address, list) = (Address::repeat_byte(3), List::Tokens);
        let want = |from| ListWant { address, list, from, to: 20, again: None };
        let part = |from, to, index_head, rows: &[Reported]| Explored {
            chain: CHAIN,
            source: "etherscan".into(),
            address,
            list,
            from,
            to,
            index_head,
            rows: rows.to_vec(),
        };
        let now = Timestamp::from_secs(1_000);
        let mut listed = listed();
        let mut open = BTreeMap::from([((address, list), want(1))]);
        take(&mut open, &mut listed, &part(1, 20, Some(9), &[row(5, 1)]), now);
        assert_eq!(open.get(&(address, list)), Some(&want(10)), "as far as the index is");
        take(&mut open, &mut listed, &part(1, 20, Some(9), &[row(5, 2)]), now);
        assert_eq!(listed.blocks.values().map(|listing| listing.movements.len()).sum::<usize>(), 1, "it was read");
        // An empty answer has no head.
        for (seconds, left) in [(0, true), (9, true), (10, false)] {
            take(&mut open, &mut listed, &part(10, 9, None, &[]), now.after(Duration::from_secs(seconds)));
            assert_eq!(!open.is_empty(), left, "after {seconds} s");
        }
    }
}
