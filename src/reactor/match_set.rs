//! The watched addresses, as one flat set that answers in nanoseconds at 10^6 addresses.
//!
//! A sorted array (24 bytes an address) behind an index by prefix and a filter of three bytes an address: most addresses of a block are
//! not ours, and the filter says so with one look at one word.

use crate::types::Address;

/// Which watch an address belongs to: an index into the watch list.
pub type WatchIndex = u32;

/// A set of (address, watch).
#[derive(Debug, Clone, Default)]
pub struct MatchSet {
    /// Sorted by address.
    entries: Vec<([u8; 20], WatchIndex)>,
    /// Where in `entries` the addresses with each leading 16 bits begin; one more than there are prefixes.
    starts: Vec<u32>,
    /// [`MARKS`] bits an address, all in one word, which its trailing bytes choose.
    filter: Vec<u64>,
    /// See [`Self::version`].
    version: u64,
}

/// Filter bits for each address: with [`MARKS`] of them set, about one stranger in five hundred gets through to the array, where each costs
/// as much as fifty that do not.
const FILTER_BITS: usize = 24;
/// Bits that an address sets in its word.
const MARKS: u32 = 4;

impl MatchSet {
    /// Of these pairs; an address may stand more than once (on different chains it may belong to different watches).
    #[must_use]
    pub fn new(pairs: impl IntoIterator<Item = (Address, WatchIndex)>) -> Self {
        let mut entries: Vec<_> = pairs.into_iter().map(|(address, watch)| (address.into_array(), watch)).collect();
        entries.sort_unstable();
        entries.dedup();
        entries.shrink_to_fit();
        let mut filter = vec![0_u64; (entries.len() * FILTER_BITS).div_ceil(64)];
        let mut starts = Vec::with_capacity(65_537);
        for (place, (address, _)) in entries.iter().enumerate() {
            let prefix = usize::from(u16::from_be_bytes([address[0], address[1]]));
            while starts.len() <= prefix {
                starts.push(u32::try_from(place).unwrap_or(u32::MAX));
            }
            let (word, marks) = filter_place(address, filter.len());
            filter[word] |= marks;
        }
        starts.resize(65_537, u32::try_from(entries.len()).unwrap_or(u32::MAX));
        Self { entries, starts, filter, version: 0 }
    }

    /// The how-manieth it is since the process started: the watch list changes at run time.
    #[must_use]
    pub const fn version(&self) -> u64 {
        self.version
    }

    /// The same set under this version.
    #[must_use]
    pub const fn with_version(mut self, version: u64) -> Self {
        self.version = version;
        self
    }

    /// Every watch that has this address.
    pub fn get(&self, address: &Address) -> impl Iterator<Item = WatchIndex> + '_ {
        self.range(&address.0.0).iter().map(|(_, watch)| *watch)
    }

    /// Whether any watch has this address.
    #[must_use]
    #[inline]
    pub fn contains(&self, address: &Address) -> bool {
        !self.range(&address.0.0).is_empty()
    }

    /// How many pairs there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether nothing is watched.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The entries of an address. It is read in place: a copy on the stack would make each look at the filter wait for the one before.
    #[inline]
    fn range(&self, address: &[u8; 20]) -> &[([u8; 20], WatchIndex)] {
        if self.entries.is_empty() {
            return &[];
        }
        let (word, marks) = filter_place(address, self.filter.len());
        if self.filter[word] & marks == marks { self.search(address) } else { &[] }
    }

    #[inline(never)]
    fn search(&self, address: &[u8; 20]) -> &[([u8; 20], WatchIndex)] {
        let prefix = usize::from(u16::from_be_bytes([address[0], address[1]]));
        let bucket = &self.entries[self.starts[prefix] as usize..self.starts[prefix + 1] as usize];
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

    proptest! {
        #[test]
        fn the_set_says_what_a_plain_set_says(
            pairs in prop::collection::vec((prop::array::uniform20(0_u8..4), 0_u32..3), 0..60),
            asked in prop::collection::vec(prop::array::uniform20(0_u8..4), 0..60),
        ) {
            let plain: BTreeSet<_> = pairs.iter().copied().collect();
            let set = MatchSet::new(pairs.iter().map(|(address, watch)| (Address::from(*address), *watch)));
            prop_assert_eq!(set.len(), plain.len());
            for address in pairs.iter().map(|(address, _)| *address).chain(asked) {
                let expected: Vec<_> =
                    plain.iter().filter(|(entry, _)| *entry == address).map(|(_, watch)| *watch).collect();
                prop_assert_eq!(set.get(&Address::from(address)).collect::<Vec<_>>(), expected.clone());
                prop_assert_eq!(set.contains(&Address::from(address)), !expected.is_empty());
            }
        }
    }
}
