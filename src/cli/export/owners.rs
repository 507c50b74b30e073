//! Which watch an address belongs to.

use crate::reactor::settings::Watch;
use crate::types::{Address, ChainId};

/// The watch list, by address: four and twenty bytes for each.
#[derive(Debug)]
pub(super) struct Owners {
    watches: Vec<Watch>,
    /// Each address with the place of its watch, ascending.
    index: Vec<(Address, u32)>,
}

/// An address with what its owner says of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Owned<'a> {
    pub watch: &'a str,
    pub reference: Option<&'a str>,
    pub label: Option<&'a str>,
}

impl Owners {
    pub(super) fn new(watches: Vec<Watch>) -> Self {
        let of = |(place, watch): (u32, &Watch)| {
            watch.addresses.addresses().map(|address| (*address, place)).collect::<Vec<_>>()
        };
        let mut index: Vec<_> = (0..).zip(&watches).flat_map(of).collect();
        index.sort_unstable();
        Self { watches, index }
    }

    /// On a chain an address belongs to one watch.
    pub(super) fn of(&self, chain: ChainId, address: Address) -> Option<Owned<'_>> {
        let from = self.index.partition_point(|(other, _)| *other < address);
        let places = self.index[from..].iter().take_while(|(other, _)| *other == address);
        let mut watches = places.filter_map(|(_, place)| self.watches.get(usize::try_from(*place).ok()?));
        let watch = watches.find(|watch| watch.chains.contains(&chain))?;
        let listed = watch.addresses.get(&address)?;
        Some(Owned { watch: watch.name.as_str(), reference: listed.reference, label: listed.label })
    }
}
