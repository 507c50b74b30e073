//! The watched addresses, as one flat set that answers in nanoseconds at 10^6 addresses.
//!
//! A sorted array (24 bytes an address) behind an index by prefix and a filter of three bytes an address: most addresses of a block are
//! not ours, and the filter says so with one look at one word. What is added later lies in a second such array until it is a part of the
//! first one that is worth a new array: adding one address to a million costs a few thousandths of what making the set costs.

use crate::types::Address;
use std::sync::Arc;

/// Which watch an address belongs to: an index into the watch list.
pub type WatchIndex = u32;

/// A set of (address, watch).
#[derive(Debug, Clone, Default)]
pub struct MatchSet {
    /// Nearly all of it.
    base: Arc<Layer>,
    /// What came since.
    recent: Layer,
    /// See [`Self::version`].
    version: u64,
}

type Entry = ([u8; 20], WatchIndex);

/// One sorted array.
#[derive(Debug, Clone, Default)]
struct Layer {
    /// Sorted by address.
    entries: Vec<Entry>,
    /// Where in `entries` the addresses with each leading 16 bits begin; one more than there are prefixes. Empty where the entries are
    /// so few that they are searched as a whole.
    starts: Vec<u32>,
    /// [`MARKS`] bits an address, all in one word, which its trailing bytes choose.
    filter: Vec<u64>,
}

/// Filter bits for each address: with [`MARKS`] of them set, about one stranger in five hundred gets through to the array, where each costs
/// as much as fifty that do not.
const FILTER_BITS: usize = 24;
/// Bits that an address sets in its word.
const MARKS: u32 = 4;
/// The array of what came later is made anew with every addition, the other one when the first is this part of it: with either more or
/// less, one of the two costs more than it has to, where addresses come one by one or in thousands.
const RECENT_PART: usize = 32;
/// Fewer entries than this are searched as a whole: an index by prefix would be larger than they are.
const INDEXED_FROM: usize = 16_384;

impl MatchSet {
    /// Of these pairs; an address may stand more than once (on different chains it may belong to different watches).
    #[must_use]
    pub fn new(pairs: impl IntoIterator<Item = (Address, WatchIndex)>) -> Self {
        let mut entries: Vec<_> = pairs.into_iter().map(entry).collect();
        entries.sort_unstable();
        Self { base: Arc::new(Layer::new(entries)), recent: Layer::default(), version: 0 }
    }

    /// The same set with these pairs, too.
    #[must_use]
    pub fn with(&self, pairs: impl IntoIterator<Item = (Address, WatchIndex)>) -> Self {
        let mut added: Vec<_> = pairs.into_iter().map(entry).collect();
        added.sort_unstable();
        let recent = merged(&self.recent.entries, &added);
        let version = self.version;
        if recent.len() * RECENT_PART <= self.base.entries.len() {
            return Self { base: Arc::clone(&self.base), recent: Layer::new(recent), version };
        }
        let base = Arc::new(Layer::new(merged(&self.base.entries, &recent)));
        Self { base, recent: Layer::default(), version }
    }

    /// The how-manieth it is since the process started: the watch list changes at run time.
    #[must_use]
    pub const fn version(&self) -> u64 {
        self.version
    }

    /// The same set under this version.
    #[must_use]
    pub fn with_version(self, version: u64) -> Self {
        Self { version, ..self }
    }

    /// Every watch that has this address; those of the first [`MatchSet::new`] first.
    pub fn get(&self, address: &Address) -> impl Iterator<Item = WatchIndex> + '_ {
        self.base.range(&address.0.0).iter().chain(self.recent.range(&address.0.0)).map(|(_, watch)| *watch)
    }

    /// Whether any watch has this address.
    #[must_use]
    #[inline]
    pub fn contains(&self, address: &Address) -> bool {
        !self.base.range(&address.0.0).is_empty() || !self.recent.range(&address.0.0).is_empty()
    }

    /// How many pairs there are; one that was added again counts twice for a while.
    #[must_use]
    pub fn len(&self) -> usize {
        self.base.entries.len() + self.recent.entries.len()
    }

    /// Whether nothing is watched.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

fn entry((address, watch): (Address, WatchIndex)) -> Entry {
    (address.into_array(), watch)
}

/// Two sorted arrays as one.
fn merged(one: &[Entry], other: &[Entry]) -> Vec<Entry> {
    let mut all = Vec::with_capacity(one.len() + other.len());
    let mut others = other.iter().peekable();
    for entry in one {
        while let Some(before) = others.next_if(|other| *other < entry) {
            all.push(*before);
        }
        all.push(*entry);
    }
    all.extend(others);
    all
}

impl Layer {
    /// Of sorted entries.
    fn new(mut entries: Vec<Entry>) -> Self {
        entries.dedup();
        entries.shrink_to_fit();
        let mut filter = vec![0_u64; (entries.len() * FILTER_BITS).div_ceil(64)];
        let indexed = entries.len() >= INDEXED_FROM;
        let mut starts = Vec::with_capacity(if indexed { 65_537 } else { 0 });
        for (place, (address, _)) in entries.iter().enumerate() {
            let prefix = usize::from(u16::from_be_bytes([address[0], address[1]]));
            while indexed && starts.len() <= prefix {
                starts.push(u32::try_from(place).unwrap_or(u32::MAX));
            }
            let (word, marks) = filter_place(address, filter.len());
            filter[word] |= marks;
        }
        if indexed {
            starts.resize(65_537, u32::try_from(entries.len()).unwrap_or(u32::MAX));
        }
        Self { entries, starts, filter }
    }

    /// The entries of an address. It is read in place: a copy on the stack would make each look at the filter wait for the one before.
    #[inline]
    fn range(&self, address: &[u8; 20]) -> &[Entry] {
        if self.entries.is_empty() {
            return &[];
        }
        let (word, marks) = filter_place(address, self.filter.len());
        if self.filter[word] & marks == marks { self.search(address) } else { &[] }
    }

    #[inline(never)]
    fn search(&self, address: &[u8; 20]) -> &[Entry] {
        let prefix = usize::from(u16::from_be_bytes([address[0], address[1]]));
        let bucket = match (self.starts.get(prefix), self.starts.get(prefix + 1)) {
            (Some(from), Some(to)) => &self.entries[*from as usize..*to as usize],
            _few => &self.entries[..],
        };
        let first = bucket.partition_point(|(entry, _)| entry < address);
        let length = bucket[first..].iter().take_while(|(entry, _)| entry == address).count();
        &bucket[first..first + length]
    }
}

/// The word of an address in a filter of `words` words, and its bits there.
#[inline]
fn filter_place(address: &[u8; 20], words: usize) -> (usize, u64) {
    let mut tail = [0; 8];
    tail.copy_from_slice(&address[12..]);
    // Odd constants spread addresses that were ground to share their last digits; the first is 2^64 divided by the golden ratio.
    let mixed = u64::from_le_bytes(tail).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let bits = (mixed ^ (mixed >> 32)).wrapping_mul(0xd6e8_feb8_6659_fd93);
    let marks = (0..MARKS).fold(0, |marks, nth| marks | 1 << (bits >> (64 - 6 * (nth + 1)) & 63));
    // The high half of a product of 64 bits each: a place below `words` without a division.
    let word = (u128::from(mixed) * words as u128) >> 64;
    (usize::try_from(word).unwrap_or(0), marks)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    type Pairs = Vec<([u8; 20], WatchIndex)>;

    fn pairs(most: usize) -> impl Strategy<Value = Pairs> {
        prop::collection::vec((prop::array::uniform20(0_u8..4), 0_u32..3), 0..most)
    }

    fn addresses(pairs: &Pairs) -> impl Iterator<Item = (Address, WatchIndex)> {
        pairs.iter().map(|(address, watch)| (Address::from(*address), *watch))
    }

    fn check(set: &MatchSet, plain: &BTreeSet<([u8; 20], WatchIndex)>, asked: impl Iterator<Item = [u8; 20]>) {
        for address in asked {
            let expected: BTreeSet<_> =
                plain.iter().filter(|(entry, _)| *entry == address).map(|(_, watch)| *watch).collect();
            assert_eq!(set.get(&Address::from(address)).collect::<BTreeSet<_>>(), expected);
            assert_eq!(set.contains(&Address::from(address)), !expected.is_empty());
        }
    }

    proptest! {
        #[test]
        fn the_set_says_what_a_plain_set_says_however_it_grew(
            first in pairs(60),
            added in prop::collection::vec(pairs(6), 0..6),
            asked in prop::collection::vec(prop::array::uniform20(0_u8..4), 0..60),
        ) {
            let mut plain: BTreeSet<_> = first.iter().copied().collect();
            let mut set = MatchSet::new(addresses(&first)).with_version(7);
            prop_assert_eq!(set.len(), plain.len());
            for pairs in &added {
                set = set.with(addresses(pairs));
                plain.extend(pairs);
                let known = plain.iter().map(|(address, _)| *address);
                check(&set, &plain, known.chain(asked.iter().copied()));
            }
            check(&set, &plain, asked.into_iter());
            prop_assert_eq!(set.version(), 7);
        }
    }

    #[test]
    fn a_large_set_that_grows_by_little_keeps_its_array_for_a_while() {
        let address = |n: u32| {
            let mut bytes = [0; 20];
            bytes[..4].copy_from_slice(&n.wrapping_mul(0x9e37_79b1).to_be_bytes());
            bytes[16..].copy_from_slice(&n.to_be_bytes());
            Address::from(bytes)
        };
        let count = 2 * u32::try_from(INDEXED_FROM).unwrap();
        let mut set = MatchSet::new((0..count).map(|n| (address(n), 0)));
        let mut kept = 0;
        for n in count..count + 2_000 {
            let next = set.with([(address(n), 1)]);
            kept += usize::from(Arc::ptr_eq(&next.base, &set.base));
            set = next;
        }
        assert_eq!(kept, 1_999, "it was made anew once");
        assert!((0..count + 2_000).all(|n| set.get(&address(n)).eq([u32::from(n >= count)])));
        assert!((count + 2_000..2 * count).all(|n| !set.contains(&address(n))));
    }
}
