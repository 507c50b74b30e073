//! Some addresses, packed: 24 bytes each, and what a list file says of one beside it. One part of a list; it decides nothing.

use crate::types::{Address, ChainId};
use std::collections::BTreeMap;

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

/// Addresses, ascending, each once.
#[derive(Debug, Clone, Default)]
pub(super) struct Packed {
    addresses: Vec<Address>,
    /// Where the record of each begins; empty while no address has one.
    records: Vec<u32>,
    /// What stands beside them: flags, then what the flags say.
    bytes: Vec<u8>,
    /// Few of them are shared by many addresses.
    since: Vec<Since>,
}

impl Packed {
    /// Of these, in this order.
    pub(super) fn of(all: &[Listed<'_>]) -> Self {
        let mut packer = Packer::default();
        packer.packed.addresses.reserve_exact(all.len());
        all.iter().for_each(|listed| packer.push(*listed));
        packer.finish()
    }

    /// Every address.
    pub(super) fn addresses(&self) -> &[Address] {
        &self.addresses
    }

    /// The lowest address; there is one.
    pub(super) fn first(&self) -> Address {
        self.addresses.first().copied().unwrap_or_default()
    }

    /// The addresses from a place on, with what stands beside them.
    pub(super) fn from(&self, place: usize) -> impl Iterator<Item = Listed<'_>> + Clone {
        (place..self.addresses.len()).map(|place| self.at(place))
    }

    /// What stands beside an address, if it is there.
    pub(super) fn get(&self, address: &Address) -> Option<Listed<'_>> {
        self.addresses.binary_search(address).ok().map(|place| self.at(place))
    }

    /// The address at a place, with what stands beside it.
    pub(super) fn at(&self, place: usize) -> Listed<'_> {
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

/// Packs addresses, in the order in which they are pushed.
#[derive(Debug, Default)]
pub(super) struct Packer {
    packed: Packed,
    /// Places in `since`, to find one again.
    known: BTreeMap<Since, u32>,
}

impl Packer {
    /// How many were pushed.
    pub(super) fn len(&self) -> usize {
        self.packed.addresses.len()
    }

    /// Puts one more in.
    pub(super) fn push(&mut self, listed: Listed<'_>) {
        let packed = &mut self.packed;
        if packed.records.is_empty() && !listed.is_plain() {
            // Those before have nothing beside them: one empty record serves them all.
            packed.bytes.push(0);
            packed.records.resize(packed.addresses.len(), 0);
        }
        let is_recorded = !packed.bytes.is_empty();
        packed.addresses.push(listed.address);
        if is_recorded {
            let record = self.record(&listed);
            self.packed.records.push(record);
        }
    }

    /// All of them.
    pub(super) fn finish(self) -> Packed {
        let mut packed = self.packed;
        packed.addresses.shrink_to_fit();
        packed.records.shrink_to_fit();
        packed.bytes.shrink_to_fit();
        packed.since.shrink_to_fit();
        packed
    }

    /// Writes a record, and gives where it begins.
    fn record(&mut self, listed: &Listed<'_>) -> u32 {
        if listed.is_plain() {
            return 0;
        }
        let since = (!listed.since.is_empty()).then(|| self.since(listed.since));
        let bytes = &mut self.packed.bytes;
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
        if let Some(known) = self.known.get(since) {
            return *known;
        }
        let all = &mut self.packed.since;
        let place = u32::try_from(all.len()).unwrap_or(u32::MAX);
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
