//! The addresses of one watch, packed: 24 bytes each, and what a list file says of one beside it.
//!
//! A watch may hold a million of them: each as values of their own would take ten times as much. Sorted by address, so that two lists of the
//! same addresses are equal, byte for byte, however they came about. It decides nothing.

use crate::types::{Address, ChainId};
use std::collections::BTreeMap;
use std::fmt;

/// The most addresses of one watch: what is written beside them stays within what 32 bits can point into, at its longest.
pub const MOST_ADDRESSES: usize = 5_000_000;
/// The longest reference or label, in bytes: what [`crate::types::text::MAX_CHARS`] characters can take.
pub const LONGEST_NOTE: usize = 256;

/// A record has a reference.
const HAS_REFERENCE: u8 = 1;
/// A record has a label.
const HAS_LABEL: u8 = 2;
/// A record has a block to read from.
const HAS_FROM: u8 = 4;
/// A record has the blocks from which it is complete.
const HAS_SINCE: u8 = 8;

/// The blocks from which an address is complete, by chain: what was the next block on each when it was added.
pub type Since = Vec<(ChainId, u64)>;

/// An address, and what is known of it beside the watch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listed<'a> {
    /// Which.
    pub address: Address,
    /// What the owner calls it in their own books.
    pub reference: Option<&'a str>,
    /// What people call it.
    pub label: Option<&'a str>,
    /// Its lists are read from this block on; `None` is as the watch says.
    pub from_block: Option<u64>,
    /// Of what was added at run time: the blocks from which it is complete, by chain, ascending.
    pub since: &'a [(ChainId, u64)],
}

impl Listed<'_> {
    /// An address without anything beside it.
    #[must_use]
    pub const fn plain(address: Address) -> Self {
        Self { address, reference: None, label: None, from_block: None, since: &[] }
    }

    fn is_plain(&self) -> bool {
        self.reference.is_none() && self.label.is_none() && self.from_block.is_none() && self.since.is_empty()
    }
}

/// The addresses of one watch, each once.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct AddressList {
    /// Sorted.
    addresses: Vec<Address>,
    /// Where the record of each begins; empty while no address has one.
    records: Vec<u32>,
    /// What stands beside them: flags, then what the flags say.
    bytes: Vec<u8>,
    /// Few of them are shared by very many addresses.
    since: Vec<Since>,
}

impl AddressList {
    /// Every address, ascending.
    #[must_use]
    pub fn addresses(&self) -> &[Address] {
        &self.addresses
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.addresses.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.addresses.is_empty()
    }

    /// Each with what stands beside it, ascending.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Listed<'_>> + Clone {
        (0..self.addresses.len()).map(|place| self.at(place))
    }

    /// What stands beside an address, if it is in the list.
    #[must_use]
    pub fn get(&self, address: &Address) -> Option<Listed<'_>> {
        self.addresses.binary_search(address).ok().map(|place| self.at(place))
    }

    /// Those behind `after`, ascending.
    pub fn behind(&self, after: Option<&Address>) -> impl Iterator<Item = Listed<'_>> {
        let first = after.map_or(0, |after| self.addresses.partition_point(|address| address <= after));
        (first..self.addresses.len()).map(|place| self.at(place))
    }

    /// This list with these put in, which are sorted by address; what was said of one before is replaced.
    #[must_use]
    pub fn with(&self, added: &[Listed<'_>]) -> Self {
        let mut builder = Builder::with_room(self.len() + added.len());
        let mut added = added.iter().peekable();
        for old in self.iter() {
            while let Some(new) = added.next_if(|new| new.address < old.address) {
                builder.push(*new);
            }
            builder.push(added.next_if(|new| new.address == old.address).copied().unwrap_or(old));
        }
        added.for_each(|new| builder.push(*new));
        builder.finish()
    }

    /// This list without these, which are sorted.
    #[must_use]
    pub fn without(&self, removed: &[Address]) -> Self {
        let mut builder = Builder::with_room(self.len());
        let kept = self.iter().filter(|listed| removed.binary_search(&listed.address).is_err());
        kept.for_each(|listed| builder.push(listed));
        builder.finish()
    }

    fn at(&self, place: usize) -> Listed<'_> {
        let address = self.addresses[place];
        let Some(record) = self.records.get(place) else { return Listed::plain(address) };
        let mut cursor = Cursor(&self.bytes[*record as usize..]);
        let flags = cursor.take::<1>()[0];
        let mut note = |flag| (flags & flag != 0).then(|| cursor.text());
        let (reference, label) = (note(HAS_REFERENCE), note(HAS_LABEL));
        let from_block = (flags & HAS_FROM != 0).then(|| u64::from_le_bytes(cursor.take()));
        let since = (flags & HAS_SINCE != 0).then(|| u32::from_le_bytes(cursor.take()));
        let since = since.and_then(|place| self.since.get(place as usize)).map_or(&[][..], Vec::as_slice);
        Listed { address, reference, label, from_block, since }
    }
}

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

/// Reads a record.
struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    fn take<const N: usize>(&mut self) -> [u8; N] {
        let mut taken = [0; N];
        let (head, rest) = self.0.split_at(N.min(self.0.len()));
        taken[..head.len()].copy_from_slice(head);
        self.0 = rest;
        taken
    }

    fn text(&mut self) -> &'a str {
        let length = usize::from(u16::from_le_bytes(self.take()));
        let (head, rest) = self.0.split_at(length.min(self.0.len()));
        self.0 = rest;
        std::str::from_utf8(head).unwrap_or_default()
    }
}

/// Puts a list together. What is pushed in order of address costs no sorting; of two with one address the first is kept.
#[derive(Debug, Default)]
pub struct Builder {
    list: AddressList,
    /// Places in `since`, to find one again; empty while the last one is the one that is pushed.
    known: BTreeMap<Since, u32>,
    unsorted: bool,
}

impl Builder {
    /// For so many.
    #[must_use]
    pub fn with_room(addresses: usize) -> Self {
        let mut builder = Self::default();
        builder.list.addresses.reserve_exact(addresses);
        builder
    }

    /// Puts one more in.
    pub fn push(&mut self, listed: Listed<'_>) {
        let list = &mut self.list;
        self.unsorted |= list.addresses.last().is_some_and(|last| *last >= listed.address);
        if list.records.is_empty() && !listed.is_plain() {
            // Those before have nothing beside them: one empty record serves them all.
            list.bytes.push(0);
            list.records.reserve_exact(list.addresses.capacity());
            list.records.resize(list.addresses.len(), 0);
        }
        let is_recorded = !list.bytes.is_empty();
        list.addresses.push(listed.address);
        if is_recorded {
            let record = self.record(&listed);
            self.list.records.push(record);
        }
    }

    /// How many were pushed.
    #[must_use]
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether nothing was pushed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The list.
    #[must_use]
    pub fn finish(self) -> AddressList {
        let mut list = self.list;
        if self.unsorted {
            let mut order: Vec<u32> = (0..).take(list.len()).collect();
            order.sort_by_key(|place| list.addresses[*place as usize]);
            order.dedup_by_key(|place| list.addresses[*place as usize]);
            let mut sorted = Self::with_room(order.len());
            order.iter().for_each(|place| sorted.push(list.at(*place as usize)));
            list = sorted.list;
        }
        list.addresses.shrink_to_fit();
        list.records.shrink_to_fit();
        list.bytes.shrink_to_fit();
        list
    }

    /// Writes a record, and gives where it begins.
    fn record(&mut self, listed: &Listed<'_>) -> u32 {
        if listed.is_plain() {
            return 0;
        }
        let since = (!listed.since.is_empty()).then(|| self.since(listed.since));
        let bytes = &mut self.list.bytes;
        let place = u32::try_from(bytes.len()).unwrap_or(0);
        let flag = |has: bool, flag: u8| if has { flag } else { 0 };
        bytes.push(
            flag(listed.reference.is_some(), HAS_REFERENCE)
                | flag(listed.label.is_some(), HAS_LABEL)
                | flag(listed.from_block.is_some(), HAS_FROM)
                | flag(since.is_some(), HAS_SINCE),
        );
        for note in [listed.reference, listed.label].into_iter().flatten() {
            let note = cut(note);
            bytes.extend(u16::try_from(note.len()).unwrap_or(0).to_le_bytes());
            bytes.extend(note.as_bytes());
        }
        bytes.extend(listed.from_block.iter().flat_map(|from| from.to_le_bytes()));
        bytes.extend(since.iter().flat_map(|since| since.to_le_bytes()));
        place
    }

    fn since(&mut self, since: &[(ChainId, u64)]) -> u32 {
        let all = &mut self.list.since;
        let place = u32::try_from(all.len()).unwrap_or(u32::MAX);
        if let Some(known) = self.known.get(since) {
            return *known;
        }
        self.known.insert(since.to_vec(), place);
        all.push(since.to_vec());
        place
    }
}

/// No longer than a note may be. Whoever takes one in says so; this only keeps the list whole.
fn cut(note: &str) -> &str {
    let mut end = note.len().min(LONGEST_NOTE);
    while !note.is_char_boundary(end) {
        end -= 1;
    }
    &note[..end]
}

/// The block from which an address is complete on a chain, as it was stated when it was added.
#[must_use]
pub fn since_on(since: &[(ChainId, u64)], chain: ChainId) -> Option<u64> {
    since.iter().find(|(id, _)| *id == chain).map(|(_, block)| *block)
}

/// The same with one chain left out.
#[must_use]
pub fn since_without(since: &[(ChainId, u64)], chain: ChainId) -> Since {
    since.iter().copied().filter(|(id, _)| *id != chain).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

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
                // However it came about, the same list is the same bytes.
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
    fn a_plain_address_takes_its_own_bytes_and_nothing_else() {
        let list: AddressList = (0..100).map(Address::repeat_byte).collect();
        assert_eq!((list.len(), list.records.len(), list.bytes.len()), (100, 0, 0));
        assert_eq!(list.behind(Some(&Address::repeat_byte(97))).count(), 2);
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
