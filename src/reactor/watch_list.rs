//! The watches that were added at run time, and what was asked for them. It decides nothing about transfers.
//!
//! A watch of the config and one that was added never share a name, and on a chain an address belongs to one watch. Should the config come
//! to name what was added before, the config's is in force and the other one waits.

use super::addresses::{AddressList, Listed, Since};
use super::settings::Watch;
use crate::types::{Address, ChainId, Name, RequestId, Timestamp};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// Addresses that one request may add or remove: what a commit of a moment can hold.
pub const MOST_AT_ONCE: usize = 10_000;
/// Watches that may be added: each is looked at by every rule. Many addresses belong into one watch, each with its `ref`.
pub const MOST_WATCHES: usize = 10_000;
/// Lists of an explorer that are read on one chain at most: the calls that a free key has for a whole day, and some 80 MB of notes about
/// when each is due.
pub const MOST_LISTS: u64 = 100_000;
/// Balances that are read for rules at most: each is read every five minutes, which makes 67 a second.
pub const MOST_BALANCES: u64 = 20_000;
/// How long a request is remembered by its key: whoever asks again after a day asks anew.
pub const REMEMBER_REQUEST: Duration = Duration::from_hours(24);
/// Requests that are remembered at most; the oldest go first.
pub const MOST_REQUESTS: usize = 1_000;

/// A watch that was added at run time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WatchRow {
    /// Its own, among those that are there.
    pub number: u32,
    /// Its name.
    pub name: Name,
    /// Where, ascending.
    pub chains: Vec<ChainId>,
    /// Its tags.
    pub tags: Vec<Name>,
    /// When it was added.
    pub added_at: Timestamp,
    /// How many addresses it has.
    pub addresses: u32,
}

/// An address of a watch that was added at run time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddressRow {
    /// The number of its watch.
    pub watch: u32,
    /// Which.
    pub address: Address,
    /// What the owner calls it in their own books.
    pub reference: Option<Name>,
    /// What people call it.
    pub label: Option<Name>,
    /// Its history is asked for from this block on.
    pub from_block: Option<u64>,
    /// The block from which it is complete on each chain, as it was stated when it was added; ascending by chain.
    pub since: Since,
}

/// A request that may come twice, and what it was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestRow {
    /// The hash of its key.
    pub id: RequestId,
    /// The hash of what it asked.
    pub body: RequestId,
    /// When it came.
    pub at: Timestamp,
    /// What it was answered.
    pub answer: Vec<Watching>,
}

/// A watch to be added, or more addresses for one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewWatch {
    /// Its name.
    pub name: Name,
    /// Where. `None` is as it is, and of a new one: all chains of the config. Ascending.
    pub chains: Option<Vec<ChainId>>,
    /// Its tags. `None` is as they are, and of a new one: none.
    pub tags: Option<Vec<Name>>,
    /// Sorted by address, each once.
    pub addresses: Vec<NewAddress>,
}

/// An address to be watched.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct NewAddress {
    /// Which.
    pub address: Address,
    /// What the owner calls it.
    pub reference: Option<Name>,
    /// What people call it.
    pub label: Option<Name>,
    /// Its history is read from here on; `None` is "now".
    pub from_block: Option<u64>,
}

/// A request that may come twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Request {
    /// The hash of its key, and of who asked.
    pub id: RequestId,
    /// The hash of what it asks.
    pub body: RequestId,
}

/// What is asked of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WatchOrder {
    /// Watch these too; all of them or none.
    Add {
        /// By name, each once.
        watches: Vec<NewWatch>,
        /// Where it was given a key.
        request: Option<Request>,
    },
    /// Watch no longer.
    Remove {
        /// Which watch.
        watch: Name,
        /// These addresses of it, sorted; `None` is all of it.
        addresses: Option<Vec<Address>>,
    },
}

/// Since when something is watched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Watching {
    /// Which watch.
    pub watch: Name,
    /// On which chain.
    pub chain: ChainId,
    /// Everything from this block on is read, of every address that was asked for. `None` is before anything of the chain was read: from
    /// the first block that is.
    pub complete_from: Option<u64>,
    /// Addresses that were asked for.
    pub addresses: u64,
    /// Of which so many were not watched before.
    pub new: u64,
}

/// What came of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WatchAnswer {
    /// They are watched.
    Watching(Vec<Watching>),
    /// So many addresses are watched no longer.
    Removed(u64),
    /// Nothing was done.
    Refused(WatchRefusal),
}

/// Why nothing was done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WatchRefusal {
    /// The name is the config's.
    #[error("the watch {0} belongs to the config: change it there")]
    OfConfig(Name),
    /// An address is another watch's.
    #[error(
        "{address} belongs to the watch {owner} {}{}",
        if *of_config { "of the config" } else { "that was added at run time" },
        more(*others)
    )]
    Taken {
        /// Which.
        address: Address,
        /// Whose.
        owner: Name,
        /// Whether the owner stands in the config.
        of_config: bool,
        /// How many more there are.
        others: u64,
    },
    /// A watch keeps its chains.
    #[error("the watch {0} is on other chains: leave them out, or remove it first")]
    OtherChains(Name),
    /// A watch keeps its tags.
    #[error("the watch {0} has other tags: leave them out, or remove it first")]
    OtherTags(Name),
    /// The key was used for something else.
    #[error("this key was used for another request: take a new one")]
    OtherRequest,
    /// There is no such watch.
    #[error("there is no watch {0}")]
    Unknown(Name),
    /// There are too many.
    #[error(
        "there can be {MOST_WATCHES} watches, each with {} addresses: put the addresses of one purpose into one watch",
        super::addresses::MOST_ADDRESSES
    )]
    TooMany,
    /// An explorer reads lists, each by a call of its own.
    #[error(
        "{explorer} reads {} lists on {chain} at most, one or more for each address: {}",
        MOST_LISTS,
        way_out(chain, *alone)
    )]
    TooManyLists {
        /// Which chain, by name.
        chain: Name,
        /// Who reads the lists.
        explorer: Name,
        /// Whether nobody else reads the chain.
        alone: bool,
    },
    /// A balance rule looks at whatever is added.
    #[error(
        "balance rules look at {} balances at most: write into them which watches or tags they are about",
        MOST_BALANCES
    )]
    TooManyBalances,
}

/// What to do where an explorer is asked for too much.
#[must_use]
pub fn way_out(chain: &Name, alone: bool) -> String {
    let first = if alone { "give it an `rpc` and" } else { "its `rpc` reads it:" };
    format!("{first} write `etherscan = false` (or no [[explorer]]) for {chain}, or watch less there")
}

fn more(others: u64) -> String {
    if others == 0 { String::new() } else { format!(", and {others} more belong to others too") }
}

/// A watch that was added.
#[derive(Debug, Clone)]
struct Added {
    row: WatchRow,
    addresses: Arc<AddressList>,
}

impl Added {
    fn watch(&self) -> Watch {
        Watch {
            name: self.row.name.clone(),
            addresses: self.addresses.clone(),
            chains: self.row.chains.clone(),
            tags: self.row.tags.clone(),
            from_block: None,
        }
    }
}

/// Every watch that was added, and the requests that are remembered.
#[derive(Debug, Clone, Default)]
pub struct WatchList {
    /// By number.
    watches: BTreeMap<u32, Added>,
    by_name: BTreeMap<Name, u32>,
    requests: BTreeMap<RequestId, RequestRow>,
    /// The next number: one that was given back is not given again before the store has forgotten it.
    next: u32,
}

impl WatchList {
    /// From rows.
    #[must_use]
    pub fn restore(
        rows: Vec<WatchRow>,
        mut addresses: BTreeMap<u32, Arc<AddressList>>,
        requests: Vec<RequestRow>,
    ) -> Self {
        let next = rows.iter().map(|row| row.number + 1).max().unwrap_or(0);
        let by_name = rows.iter().map(|row| (row.name.clone(), row.number)).collect();
        let mut added = |row: WatchRow| {
            let addresses = addresses.remove(&row.number).unwrap_or_default();
            (row.number, Added { row, addresses })
        };
        let watches = rows.into_iter().map(&mut added).collect();
        Self { watches, by_name, requests: requests.into_iter().map(|row| (row.id, row)).collect(), next }
    }

    /// The row of a watch, and its addresses.
    #[must_use]
    pub fn get(&self, name: &Name) -> Option<(&WatchRow, &Arc<AddressList>)> {
        let added = self.watches.get(self.by_name.get(name)?)?;
        Some((&added.row, &added.addresses))
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.watches.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.watches.is_empty()
    }

    /// Every row, by number.
    pub fn rows(&self) -> impl Iterator<Item = &WatchRow> {
        self.watches.values().map(|added| &added.row)
    }

    /// The addresses of every watch that has any, by its number.
    #[must_use]
    pub fn addresses(&self) -> BTreeMap<u32, Arc<AddressList>> {
        let full = self.watches.iter().filter(|(_, added)| !added.addresses.is_empty());
        full.map(|(number, added)| (*number, added.addresses.clone())).collect()
    }

    /// Every request that is remembered.
    pub fn requests(&self) -> impl Iterator<Item = &RequestRow> {
        self.requests.values()
    }

    /// A request that came before, and not too long ago.
    #[must_use]
    pub fn request(&self, id: RequestId, now: Timestamp) -> Option<&RequestRow> {
        self.requests.get(&id).filter(|row| now.since(row.at) < REMEMBER_REQUEST)
    }

    /// As the reactor watches them, but for those whose names are the config's.
    pub fn in_force<'a>(&'a self, config: &'a [Watch]) -> impl Iterator<Item = Watch> + 'a {
        let of_config = |name: &Name| config.iter().any(|watch| watch.name == *name);
        self.watches.values().filter(move |added| !of_config(&added.row.name)).map(Added::watch)
    }

    /// One of them, as the reactor watches it.
    #[must_use]
    pub fn watch(&self, name: &Name) -> Option<Watch> {
        self.watches.get(self.by_name.get(name)?).map(Added::watch)
    }

    /// A row for a watch of this name, with the next number.
    pub fn number(&mut self, name: Name, chains: Vec<ChainId>, tags: Vec<Name>, at: Timestamp) -> WatchRow {
        let number = self.next;
        self.next += 1;
        WatchRow { number, name, chains, tags, added_at: at, addresses: 0 }
    }

    /// Writes a row with its addresses.
    pub fn put(&mut self, row: WatchRow, addresses: AddressList) {
        self.by_name.insert(row.name.clone(), row.number);
        self.watches.insert(row.number, Added { row, addresses: Arc::new(addresses) });
    }

    /// Forgets a watch.
    pub fn remove(&mut self, number: u32) {
        if let Some(added) = self.watches.remove(&number) {
            self.by_name.remove(&added.row.name);
        }
    }

    /// Remembers a request; gives those that are forgotten for it.
    pub fn remember(&mut self, row: RequestRow, now: Timestamp) -> Vec<RequestId> {
        let id = row.id;
        self.requests.insert(id, row);
        let old = self.requests.values().filter(|row| now.since(row.at) >= REMEMBER_REQUEST);
        let mut gone: Vec<RequestId> = old.map(|row| row.id).collect();
        while self.requests.len() - gone.len() > MOST_REQUESTS {
            let left = self.requests.values().filter(|row| row.id != id && !gone.contains(&row.id));
            let Some(oldest) = left.min_by_key(|row| (row.at, row.id)) else { break };
            gone.push(oldest.id);
        }
        for id in &gone {
            self.requests.remove(id);
        }
        gone
    }
}

/// What stands beside an address, as a row.
#[must_use]
pub fn address_row(watch: u32, listed: &Listed<'_>) -> AddressRow {
    AddressRow {
        watch,
        address: listed.address,
        reference: listed.reference.map(Name::from),
        label: listed.label.map(Name::from),
        from_block: listed.from_block,
        since: listed.since.to_vec(),
    }
}

impl AddressRow {
    /// As it stands in a list.
    #[must_use]
    pub fn listed(&self) -> Listed<'_> {
        Listed {
            address: self.address,
            reference: self.reference.as_ref().map(Name::as_str),
            label: self.label.as_ref().map(Name::as_str),
            from_block: self.from_block,
            since: &self.since,
        }
    }
}
