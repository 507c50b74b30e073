//! The watched addresses, as one flat set that answers in nanoseconds at 10^6 addresses.
//!
//! A sorted array (24 bytes an address) behind an index by prefix and a filter of two bytes an address: most addresses of a block are
//! not ours, and the filter says so with one look.

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
    /// One bit an address, at a place taken from its trailing bytes.
    filter: Vec<u64>,
}

/// Filter bits for each address: 16 let about one stranger in sixteen through to the array.
const FILTER_BITS: usize = 16;

impl MatchSet {
    /// Of these pairs; an address may stand more than once (on different chains it may belong to different watches).
    #[must_use]
    pub fn new(pairs: impl IntoIterator<Item = (Address, WatchIndex)>) -> Self {
        let mut entries: Vec<_> = pairs.into_iter().map(|(address, watch)| (address.into_array(), watch)).collect();
        entries.sort_unstable();
        entries.dedup();
        entries.shrink_to_fit();
        let words = (entries.len() * FILTER_BITS).div_ceil(64).next_power_of_two();
        let mut filter = vec![0_u64; words];
        let mut starts = Vec::with_capacity(65_537);
        for (place, (address, _)) in entries.iter().enumerate() {
            let prefix = usize::from(u16::from_be_bytes([address[0], address[1]]));
            while starts.len() <= prefix {
                starts.push(u32::try_from(place).unwrap_or(u32::MAX));
            }
            let (word, bit) = filter_place(address, words);
            filter[word] |= bit;
        }
        starts.resize(65_537, u32::try_from(entries.len()).unwrap_or(u32::MAX));
        Self { entries, starts, filter }
    }

    /// Every watch that has this address.
    pub fn get(&self, address: &Address) -> impl Iterator<Item = WatchIndex> + '_ {
        let address = address.into_array();
        self.range(&address).iter().map(|(_, watch)| *watch)
    }

    /// Whether any watch has this address.
    #[must_use]
    pub fn contains(&self, address: &Address) -> bool {
        !self.range(&address.into_array()).is_empty()
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

    fn range(&self, address: &[u8; 20]) -> &[([u8; 20], WatchIndex)] {
        if self.entries.is_empty() {
            return &[];
        }
        let (word, bit) = filter_place(address, self.filter.len());
        if self.filter[word] & bit == 0 {
            return &[];
        }
        let prefix = usize::from(u16::from_be_bytes([address[0], address[1]]));
        let bucket = &self.entries[self.starts[prefix] as usize..self.starts[prefix + 1] as usize];
        let first = bucket.partition_point(|(entry, _)| entry < address);
        let length = bucket[first..].iter().take_while(|(entry, _)| entry == address).count();
        &bucket[first..first + length]
    }
}

/// The word and bit of an address in a filter of `words` words (a power of two).
fn filter_place(address: &[u8; 20], words: usize) -> (usize, u64) {
    let mut tail = [0; 8];
    tail.copy_from_slice(&address[12..]);
    // An odd constant spreads addresses that were ground to share their last digits; 2^64 divided by the golden ratio.
    let mixed = u64::from_le_bytes(tail).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let word = usize::try_from(mixed >> 32).unwrap_or(0) & (words - 1);
    (word, 1 << (mixed >> 26 & 63))
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
