//! The addresses of one watch, in packed parts.
//!
//! A watch may hold a million of them: each as values of their own would take ten times as much. A part is what a change makes anew: one
//! address more costs as much as a part has, however many parts there are. It decides nothing.

pub use super::packed::{LONGEST_NOTE, Listed, Since, since_on, since_without};
use super::packed::{Packed, Packer};
use crate::types::Address;
use std::fmt;
use std::sync::Arc;

/// The most addresses of one watch: their numbers stay within 32 bits, and the list within what a machine has.
pub const MOST_ADDRESSES: usize = 5_000_000;
/// Addresses of a part: to pack so many costs less than a disk takes to write one, and a million are a thousand parts.
const MOST_IN_A_PART: usize = 1_024;
/// Parts that would fit into one are joined when there are this many times as many as there have to be.
const TOO_MANY_PARTS: usize = 4;

/// The addresses of one watch, each once.
#[derive(Clone, Default)]
pub struct AddressList {
    /// Ascending; none is empty.
    parts: Vec<Arc<Packed>>,
    count: usize,
}

impl AddressList {
    /// Every address, ascending.
    pub fn addresses(&self) -> impl Iterator<Item = &Address> + Clone {
        self.parts.iter().flat_map(|part| part.addresses())
    }

    /// How many there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.count
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Each with what stands beside it, ascending.
    pub fn iter(&self) -> impl Iterator<Item = Listed<'_>> + Clone {
        self.parts.iter().flat_map(|part| part.from(0))
    }

    /// What stands beside an address, if it is in the list.
    #[must_use]
    pub fn get(&self, address: &Address) -> Option<Listed<'_>> {
        self.parts.get(self.part_of(address)).and_then(|part| part.get(address))
    }

    /// Those behind `after`, ascending.
    pub fn behind(&self, after: Option<&Address>) -> impl Iterator<Item = Listed<'_>> {
        let first = after.map_or(0, |after| self.part_of(after));
        let parts = self.parts.iter().skip(first);
        parts.flat_map(move |part| {
            part.from(after.map_or(0, |after| part.addresses().partition_point(|address| address <= after)))
        })
    }

    /// This list with these put in, which are sorted by address; what was said of one before is replaced.
    #[must_use]
    pub fn with(&self, added: &[Listed<'_>]) -> Self {
        if self.parts.is_empty() {
            return Self::of(pack(added));
        }
        let mut parts = Vec::with_capacity(self.parts.len() + added.len().div_ceil(MOST_IN_A_PART));
        let mut rest = added;
        for (place, part) in self.parts.iter().enumerate() {
            let here = self.until(place).map_or(rest.len(), |next| rest.partition_point(|new| new.address < next));
            let (now, later) = rest.split_at(here);
            rest = later;
            if now.is_empty() {
                parts.push(Arc::clone(part));
            } else {
                parts.extend(pack(&merged(part.from(0), now)));
            }
        }
        Self::of(parts)
    }

    /// This list without these, which are sorted.
    #[must_use]
    pub fn without(&self, removed: &[Address]) -> Self {
        let mut parts = Vec::with_capacity(self.parts.len());
        let mut rest = removed;
        for (place, part) in self.parts.iter().enumerate() {
            let here = self.until(place).map_or(rest.len(), |next| rest.partition_point(|gone| *gone < next));
            let (now, later) = rest.split_at(here);
            rest = later;
            if now.is_empty() {
                parts.push(Arc::clone(part));
            } else {
                let kept = part.from(0).filter(|listed| now.binary_search(&listed.address).is_err());
                parts.extend(pack(&kept.collect::<Vec<_>>()));
            }
        }
        let list = Self::of(parts);
        if list.parts.len() <= TOO_MANY_PARTS * (list.count / MOST_IN_A_PART + 1) {
            return list;
        }
        let mut builder = Builder::default();
        list.iter().for_each(|listed| builder.push(listed));
        builder.finish()
    }

    fn of(parts: Vec<Arc<Packed>>) -> Self {
        let count = parts.iter().map(|part| part.addresses().len()).sum();
        Self { parts, count }
    }

    /// The place of the part that an address is in, if it is in any.
    fn part_of(&self, address: &Address) -> usize {
        self.parts.partition_point(|part| part.first() <= *address).saturating_sub(1)
    }

    /// The first address that is no part's up to this one.
    fn until(&self, place: usize) -> Option<Address> {
        self.parts.get(place + 1).map(|next| next.first())
    }
}

/// In as few parts as they fit into, of one size: what is put into a full part leaves two that have room.
fn pack(all: &[Listed<'_>]) -> Vec<Arc<Packed>> {
    let parts = all.len().div_ceil(MOST_IN_A_PART).max(1);
    all.chunks(all.len().div_ceil(parts).max(1)).map(|part| Arc::new(Packed::of(part))).collect()
}

/// Both, ascending; of two with one address the new one.
fn merged<'a>(old: impl Iterator<Item = Listed<'a>>, new: &[Listed<'a>]) -> Vec<Listed<'a>> {
    let mut all = Vec::with_capacity(new.len() + MOST_IN_A_PART);
    let mut new = new.iter().copied().peekable();
    for old in old {
        while let Some(new) = new.next_if(|new| new.address < old.address) {
            all.push(new);
        }
        all.push(new.next_if(|new| new.address == old.address).unwrap_or(old));
    }
    all.extend(new);
    all
}

impl PartialEq for AddressList {
    fn eq(&self, other: &Self) -> bool {
        self.count == other.count && self.iter().eq(other.iter())
    }
}

impl Eq for AddressList {}

impl fmt::Debug for AddressList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl FromIterator<Address> for AddressList {
    fn from_iter<T: IntoIterator<Item = Address>>(addresses: T) -> Self {
        let mut builder = Builder::default();
        addresses.into_iter().for_each(|address| builder.push(Listed::plain(address)));
        builder.finish()
    }
}

/// Puts a list together. What is pushed in order of address costs no sorting; of two with one address the first is kept.
#[derive(Debug, Default)]
pub struct Builder {
    /// Full ones.
    parts: Vec<Arc<Packed>>,
    open: Packer,
    last: Option<Address>,
    unsorted: bool,
}

impl Builder {
    /// Puts one more in.
    pub fn push(&mut self, listed: Listed<'_>) {
        self.unsorted |= self.last.is_some_and(|last| last >= listed.address);
        self.last = Some(listed.address);
        if self.open.len() == MOST_IN_A_PART {
            self.seal();
        }
        self.open.push(listed);
    }

    /// How many were pushed.
    #[must_use]
    pub fn len(&self) -> usize {
        self.parts.len() * MOST_IN_A_PART + self.open.len()
    }

    /// Whether nothing was pushed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The list.
    #[must_use]
    pub fn finish(mut self) -> AddressList {
        if self.open.len() > 0 {
            self.seal();
        }
        let parts = self.parts;
        if !self.unsorted {
            return AddressList::of(parts);
        }
        let places = parts.iter().enumerate().flat_map(|(part, packed)| {
            let part = u32::try_from(part).unwrap_or(u32::MAX);
            (0_u32..).zip(packed.addresses()).map(move |(place, _)| (part, place))
        });
        let mut order: Vec<(u32, u32)> = places.collect();
        let address = |(part, place): &(u32, u32)| parts[*part as usize].addresses()[*place as usize];
        order.sort_by_key(address);
        order.dedup_by_key(|place| address(place));
        let mut sorted = Self::default();
        order.iter().for_each(|(part, place)| sorted.push(parts[*part as usize].at(*place as usize)));
        sorted.finish()
    }

    fn seal(&mut self) {
        self.parts.push(Arc::new(std::mem::take(&mut self.open).finish()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::ChainId;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    #[derive(Debug, Clone, PartialEq, Eq)]
    struct Plain {
        reference: Option<String>,
        label: Option<String>,
        from_block: Option<u64>,
        since: Since,
    }

    impl Plain {
        fn listed(&self, address: u8) -> Listed<'_> {
            Listed {
                address: Address::repeat_byte(address),
                reference: self.reference.as_deref(),
                label: self.label.as_deref(),
                from_block: self.from_block,
                since: &self.since,
            }
        }
    }

    fn plain() -> impl Strategy<Value = Plain> {
        let note = || proptest::option::of(".{0,5}");
        let since = prop::collection::vec((0_u64..2, 0_u64..3), 0..3)
            .prop_map(|since| since.into_iter().map(|(chain, block)| (ChainId(chain), block)).collect());
        (note(), note(), proptest::option::of(any::<u64>()), since)
            .prop_map(|(reference, label, from_block, since)| Plain { reference, label, from_block, since })
    }

    proptest! {
        #[test]
        fn a_packed_list_says_what_a_plain_map_says(
            first in prop::collection::vec((0_u8..12, plain()), 0..20),
            added in prop::collection::btree_map(0_u8..12, plain(), 0..8),
            removed in prop::collection::btree_set(0_u8..12, 0..6),
        ) {
            let mut model: BTreeMap<u8, Plain> = BTreeMap::new();
            let mut builder = Builder::default();
            for (address, one) in &first {
                builder.push(one.listed(*address));
                model.entry(*address).or_insert_with(|| one.clone());
            }
            let check = |list: &AddressList, model: &BTreeMap<u8, Plain>| {
                let expected: Vec<Listed<'_>> = model.iter().map(|(address, one)| one.listed(*address)).collect();
                assert_eq!(list.iter().collect::<Vec<_>>(), expected);
                for address in 0..12 {
                    let found = model.get(&address).map(|one| one.listed(address));
                    assert_eq!(list.get(&Address::repeat_byte(address)), found);
                }
                // However it came about, it is the same list.
                let mut anew = Builder::default();
                expected.iter().for_each(|one| anew.push(*one));
                assert_eq!(list, &anew.finish());
            };
            let mut list = builder.finish();
            check(&list, &model);
            let batch: Vec<Listed<'_>> = added.iter().map(|(address, one)| one.listed(*address)).collect();
            list = list.with(&batch);
            model.extend(added.clone());
            check(&list, &model);
            let gone: Vec<Address> = removed.iter().map(|byte| Address::repeat_byte(*byte)).collect();
            list = list.without(&gone);
            model.retain(|address, _| !removed.contains(address));
            check(&list, &model);
        }
    }

    #[test]
    fn one_address_more_or_less_makes_one_part_anew() {
        let address = |n: u64| Address::left_padding_from(&n.to_be_bytes());
        let count = 10 * MOST_IN_A_PART as u64;
        let list: AddressList = (0..count).rev().map(|n| address(2 * n)).collect();
        let same = |one: &AddressList, other: &AddressList| {
            one.parts.iter().filter(|part| other.parts.iter().any(|known| Arc::ptr_eq(part, known))).count()
        };
        let more = list.with(&[Listed::plain(address(5_001))]);
        assert_eq!((list.parts.len(), more.parts.len(), same(&list, &more)), (10, 11, 9));
        assert!((0..2 * count).all(|n| more.get(&address(n)).is_some() == (n % 2 == 0 || n == 5_001)));
        let less = more.without(&[address(5_001), address(5_003)]);
        assert_eq!((&less, less.len()), (&list, list.len()));
        assert_eq!(less.behind(Some(&address(2 * count - 5))).count(), 2);
        // What is left of many parts is not left in many.
        let few: Vec<Address> = list.addresses().copied().filter(|it| it.as_slice()[19] != 0).collect();
        assert_eq!(list.without(&few).parts.len(), 1);
    }

    #[test]
    fn a_note_that_is_too_long_is_cut_at_a_letter() {
        let long = "ä".repeat(LONGEST_NOTE);
        let mut builder = Builder::default();
        builder.push(Listed { reference: Some(&long), ..Listed::plain(Address::ZERO) });
        let list = builder.finish();
        let kept = list.get(&Address::ZERO).and_then(|listed| listed.reference).map(str::len);
        assert_eq!(kept, Some(LONGEST_NOTE));
    }
}
