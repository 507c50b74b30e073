//! From a head back to what is known: which blocks to read, and whether they connect.
//!
//! Pure. What is known is the published window and, above it, what was sent and is not published yet. The reactor alone says what a
//! block means; here it is only decided what to read for it. Blocks are compared by hash, numbers only bound the work.

use crate::reactor::LARGEST_STEP;
use crate::types::{B256, BlockRef, Name};

/// What is known of a chain: the published window, and the blocks that were sent on top of it.
#[derive(Debug, Clone, Default)]
pub(super) struct Known {
    /// Committed and published, ascending.
    published: Vec<BlockRef>,
    /// Whose blocks the published tip is.
    tip_endpoint: Option<Name>,
    /// Sent and not published yet, ascending.
    sent: Vec<BlockRef>,
    /// Who sent them.
    sent_by: Option<Name>,
}

/// What to do about a head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    /// Nothing: it is known, or it lags, or it is a sibling that does not count.
    Nothing,
    /// Ask for the header of this block, and decide again.
    Ask {
        /// Its height.
        number: u64,
        /// Its hash.
        hash: B256,
    },
    /// Read these, ascending: the first's parent is known.
    Read {
        /// The blocks, at most [`LARGEST_STEP`].
        blocks: Vec<BlockRef>,
        /// At least this many belong into one run: fewer would end below the tip, and a lower fork does not count.
        together: usize,
    },
    /// Read the head alone: what is known is too far below, or there is nothing known.
    Jump(BlockRef),
}

impl Known {
    /// Takes a newly published window.
    pub(super) fn publish(&mut self, window: &[BlockRef], tip_endpoint: Option<&Name>) {
        self.tip_endpoint = tip_endpoint.cloned();
        if self.published.as_slice() == window {
            return;
        }
        let tip_moved = self.published.last() != window.last();
        self.published = window.to_vec();
        let committed = self.sent.iter().rposition(|sent| self.is_published(sent.hash));
        match (committed, self.sent.first()) {
            (Some(last), _) => drop(self.sent.drain(..=last)),
            // Another tip, and nothing of ours beneath it: the reactor did otherwise.
            (None, Some(first)) if tip_moved && !self.is_published(first.parent) => self.sent.clear(),
            (None, _) => {}
        }
    }

    /// Notes blocks that were sent, ascending.
    pub(super) fn note_sent(&mut self, by: &Name, blocks: &[BlockRef]) {
        let Some(first) = blocks.first() else { return };
        // A fork replaces what it forks from; a jump replaces everything.
        match self.sent.iter().rposition(|sent| sent.hash == first.parent) {
            Some(parent) => self.sent.truncate(parent + 1),
            None => self.sent.clear(),
        }
        self.sent.extend_from_slice(blocks);
        // What is older than the window's length is known to be published or lost by now.
        let surplus = self.sent.len().saturating_sub(crate::reactor::PUBLISHED_BLOCKS);
        self.sent.drain(..surplus);
        self.sent_by = Some(by.clone());
    }

    /// Forgets what was sent and not published: it is read again where it is still wanted.
    pub(super) fn forget_sent(&mut self) {
        self.sent.clear();
    }

    /// Whether something was sent that is not published yet.
    #[must_use]
    pub(super) fn is_waiting(&self) -> bool {
        !self.sent.is_empty()
    }

    /// The newest block that is known.
    #[must_use]
    pub(super) fn tip(&self) -> Option<BlockRef> {
        self.sent.last().or(self.published.last()).copied()
    }

    /// The newest block that is published.
    #[must_use]
    pub(super) fn published_tip(&self) -> Option<BlockRef> {
        self.published.last().copied()
    }

    fn is_published(&self, hash: B256) -> bool {
        self.published.iter().rev().any(|block| block.hash == hash)
    }

    fn contains(&self, hash: B256) -> bool {
        self.sent.iter().rev().any(|block| block.hash == hash) || self.is_published(hash)
    }

    /// Whether a run may begin above this block: it is known, or it is what the lowest published block stands on. Without the latter
    /// a chain that was begun with its head alone could not follow a reorg of that block.
    fn is_root(&self, hash: B256) -> bool {
        self.contains(hash) || self.published.first().is_some_and(|lowest| lowest.parent == hash)
    }

    /// What to do about this endpoint's head; `header` gives the headers that are at hand.
    pub(super) fn step<'a>(
        &self,
        endpoint: &Name,
        head: BlockRef,
        header: impl Fn(B256) -> Option<&'a BlockRef>,
    ) -> Step {
        let Some(tip) = self.tip() else { return Step::Jump(head) };
        if self.contains(head.hash) {
            return Step::Nothing;
        }
        let tip_owner = if self.sent.is_empty() { self.tip_endpoint.as_ref() } else { self.sent_by.as_ref() };
        if head.number <= tip.number && tip_owner != Some(endpoint) {
            return Step::Nothing;
        }
        // Below the window nobody can say whether it is an ancestor.
        let lowest = self.published.first().or(self.sent.first()).map_or(0, |block| block.number);
        if head.number < lowest {
            return Step::Nothing;
        }
        if head.number > tip.number.saturating_add(LARGEST_STEP) {
            return Step::Jump(head);
        }
        let mut blocks = vec![head];
        let mut last = head;
        while !self.is_root(last.parent) {
            if u64::try_from(blocks.len()).unwrap_or(u64::MAX) >= LARGEST_STEP || last.number < lowest {
                return Step::Jump(head);
            }
            match header(last.parent) {
                None => return Step::Ask { number: last.number.saturating_sub(1), hash: last.parent },
                Some(parent) => last = *parent,
            }
            blocks.push(last);
        }
        blocks.reverse();
        let forks = last.parent != tip.hash;
        let below = blocks.iter().filter(|block| block.number <= tip.number).count();
        let together = if forks { (below + 1).min(blocks.len()) } else { 1 };
        Step::Read { blocks, together }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    /// A block of a branch: 'a' and 'b' share nothing but what `parent` says.
    fn block(number: u64, branch: u8, parent: u8) -> BlockRef {
        let hash = |number: u64, branch: u8| {
            let mut bytes = [branch; 32];
            bytes[..8].copy_from_slice(&number.to_be_bytes());
            B256::from(bytes)
        };
        BlockRef { number, hash: hash(number, branch), parent: hash(number.wrapping_sub(1), parent) }
    }

    fn line(numbers: std::ops::RangeInclusive<u64>, branch: u8) -> Vec<BlockRef> {
        numbers.map(|number| block(number, branch, branch)).collect()
    }

    fn known(window: &[BlockRef], owner: &str) -> Known {
        let mut known = Known::default();
        known.publish(window, Some(&Name::from(owner)));
        known
    }

    fn step(known: &Known, endpoint: &str, head: BlockRef, headers: &[BlockRef]) -> Step {
        let headers: BTreeMap<_, _> = headers.iter().map(|header| (header.hash, header)).collect();
        known.step(&Name::from(endpoint), head, |hash| headers.get(&hash).copied())
    }

    fn read(blocks: &[BlockRef], together: usize) -> Step {
        Step::Read { blocks: blocks.to_vec(), together }
    }

    fn ask(block: BlockRef) -> Step {
        Step::Ask { number: block.number, hash: block.hash }
    }

    #[test]
    fn a_head_is_followed_back_to_the_window() {
        let window = line(90..=100, b'a');
        let known = known(&window, "one");
        let check = |head: BlockRef, headers: &[BlockRef], expected: Step| {
            assert_eq!(step(&known, "one", head, headers), expected, "{head:?}");
        };
        let next = block(101, b'a', b'a');
        check(next, &[], read(&[next], 1));
        check(window[10], &[], Step::Nothing);
        check(window[4], &[], Step::Nothing);
        check(block(80, b'x', b'x'), &[], Step::Nothing);
        let later = line(101..=103, b'a');
        check(later[2], &[], ask(later[1]));
        check(later[2], &later[1..2], ask(later[0]));
        check(later[2], &later, read(&later, 1));
        check(block(356, b'a', b'a'), &[], ask(block(355, b'a', b'a')));
        check(block(357, b'a', b'a'), &[], Step::Jump(block(357, b'a', b'a')));
        let deepest = line(101..=356, b'a');
        check(deepest[255], &deepest, read(&deepest, 1));
    }

    #[test]
    fn a_fork_is_read_from_its_root_and_sent_until_it_is_above_the_tip() {
        let known = known(&line(90..=100, b'a'), "one");
        let sibling = block(100, b'b', b'a');
        assert_eq!(step(&known, "one", sibling, &[]), read(&[sibling], 1));
        assert_eq!(step(&known, "two", sibling, &[]), Step::Nothing, "another endpoint's sibling is not higher");
        let mut fork = vec![block(98, b'b', b'a')];
        fork.extend(line(99..=102, b'b'));
        assert_eq!(step(&known, "two", fork[4], &fork), read(&fork, 4));
        assert_eq!(step(&known, "one", fork[1], &fork), read(&fork[..2], 2), "its own endpoint may go to a lower fork");
        let stranger = line(60..=102, b'c');
        assert_eq!(step(&known, "one", stranger[42], &stranger), Step::Jump(stranger[42]), "it never meets the window");
    }

    #[test]
    fn without_a_window_the_head_alone_is_read() {
        let head = block(7, b'a', b'a');
        assert_eq!(step(&Known::default(), "one", head, &[]), Step::Jump(head));
    }

    #[test]
    fn a_reorg_of_the_lowest_block_connects_below_it() {
        let known = known(&line(100..=100, b'a'), "one");
        let sibling = block(100, b'b', b'a');
        assert_eq!(step(&known, "one", sibling, &[]), read(&[sibling], 1));
        let fork = [sibling, block(101, b'b', b'b')];
        assert_eq!(step(&known, "two", fork[1], &fork), read(&fork, 2));
        let deeper = line(99..=101, b'c');
        assert_eq!(step(&known, "one", deeper[2], &deeper), Step::Jump(deeper[2]));
    }

    #[test]
    fn what_was_sent_is_known_until_it_is_published_or_contradicted() {
        let (one, two) = (Name::from("one"), "two");
        let mut known = known(&line(90..=100, b'a'), "one");
        known.note_sent(&one, &line(101..=102, b'a'));
        let next = block(103, b'a', b'a');
        assert_eq!(step(&known, "one", next, &[]), read(&[next], 1));
        assert_eq!(step(&known, two, block(102, b'b', b'b'), &[]), Step::Nothing);
        known.publish(&line(90..=101, b'a'), Some(&one));
        assert_eq!(known.tip(), Some(block(102, b'a', b'a')));
        known.publish(&line(90..=102, b'a'), Some(&one));
        assert!(!known.is_waiting());

        known.note_sent(&one, &[next]);
        known.publish(&line(90..=102, b'a'), Some(&one));
        assert!(known.is_waiting(), "nothing new was published");
        let mut other = line(90..=98, b'a');
        other.push(block(99, b'b', b'a'));
        known.publish(&other, Some(&one));
        assert_eq!(known.tip(), Some(block(99, b'b', b'a')), "the reactor did otherwise");
    }

    #[test]
    fn a_jump_that_was_sent_is_built_upon() {
        let one = Name::from("one");
        let mut known = known(&line(90..=100, b'a'), "one");
        known.note_sent(&one, &[block(900, b'a', b'a')]);
        known.publish(&line(90..=100, b'a'), Some(&one));
        let next = block(901, b'a', b'a');
        assert_eq!(step(&known, "one", next, &[]), read(&[next], 1));
        known.publish(&[block(900, b'a', b'a')], Some(&one));
        assert!(!known.is_waiting());
    }

    #[test]
    fn a_fork_of_what_was_sent_replaces_it() {
        let one = Name::from("one");
        let mut known = known(&line(90..=100, b'a'), "one");
        known.note_sent(&one, &line(101..=103, b'a'));
        known.note_sent(&one, &[block(102, b'b', b'a')]);
        assert_eq!(known.tip(), Some(block(102, b'b', b'a')));
        assert_eq!(
            step(&known, "one", block(103, b'a', b'a'), &line(101..=103, b'a')),
            read(&line(102..=103, b'a'), 2)
        );
    }

    proptest! {
        /// Whatever forks and whoever asks: what is read begins above something known, is linked, ends with the head, is no longer
        /// than a step, and its first part ends above the tip unless the tip's own endpoint went lower.
        #[test]
        fn what_is_read_is_linked_from_something_known_to_the_head(
            lowest in 1_u64..50, height in 0_u64..40, fork in 0_u64..45, grown in 1_u64..300, own in any::<bool>(), sent in 0_u64..5,
        ) {
            let tip = lowest + height;
            let mut known = known(&line(lowest..=tip, b'a'), "one");
            known.note_sent(&Name::from("one"), &line(tip + 1..=tip + sent, b'a'));
            let root = (tip + sent).saturating_sub(fork);
            let mut branch = vec![block(root + 1, b'b', b'a')];
            branch.extend(line(root + 2..=root + grown, b'b'));
            branch.truncate(usize::try_from(grown).unwrap());
            let head = *branch.last().unwrap();
            let mut headers = branch.clone();
            headers.extend(line(0..=root, b'a'));
            match step(&known, if own { "one" } else { "two" }, head, &headers) {
                Step::Nothing => prop_assert!(head.number <= tip + sent && (!own || head.number < lowest)),
                Step::Ask { .. } => prop_assert!(false, "every header is at hand"),
                Step::Jump(jump) => {
                    prop_assert_eq!(jump, head);
                    prop_assert!(root + 1 < lowest || head.number - root > LARGEST_STEP || head.number > tip + sent + LARGEST_STEP);
                }
                Step::Read { blocks, together } => {
                    prop_assert!(known.is_root(blocks[0].parent));
                    prop_assert!(blocks.windows(2).all(|pair| pair[0].hash == pair[1].parent));
                    prop_assert_eq!(blocks.last(), Some(&head));
                    prop_assert!(blocks.len() <= 256 && (1..=blocks.len()).contains(&together));
                    let first_ends = blocks[together - 1].number;
                    prop_assert!(first_ends > tip + sent || (own && first_ends == head.number));
                }
            }
        }
    }
}
