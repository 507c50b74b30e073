//! The watch list as people read it: what was added at run time, and from which block on an address is complete.

use super::fault::StoreFault;
use super::read::Reader;
use super::watches;
use crate::reactor::addresses::Since;
use crate::reactor::past::{Complete, complete_from};
use crate::reactor::rows::{AddressRow, WatchRow};
use crate::types::{Address, ChainId, Name};
use std::collections::BTreeSet;

impl Reader {
    /// The watches that were added behind this name, by name.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn watches(&self, after: Option<&Name>, limit: usize) -> Result<Vec<WatchRow>, StoreFault> {
        self.ask(|connection| watches::page(connection, after, limit))
    }

    /// The watch that was added under this name.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn watch(&self, name: &Name) -> Result<Option<WatchRow>, StoreFault> {
        self.ask(|connection| watches::named(connection, name))
    }

    /// The watch that was added under this name, and its addresses behind this one, ascending.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn watched(
        &self,
        name: &Name,
        after: Option<&Address>,
        limit: usize,
    ) -> Result<Option<(WatchRow, Vec<AddressRow>)>, StoreFault> {
        let Some(watch) = self.watch(name)? else { return Ok(None) };
        let rows = self.addresses(&watch, after, limit)?;
        Ok(Some((watch, rows)))
    }

    /// The addresses of a watch that was added, behind this one, ascending.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn addresses(
        &self,
        watch: &WatchRow,
        after: Option<&Address>,
        limit: usize,
    ) -> Result<Vec<AddressRow>, StoreFault> {
        self.ask(|connection| watches::addresses_of(connection, watch.number, after, limit))
    }

    /// Every address of a watch that was added under this name, if there is one.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn all_addresses(&self, name: &Name) -> Result<Option<BTreeSet<Address>>, StoreFault> {
        let Some(watch) = self.watch(name)? else { return Ok(None) };
        let rows = self.addresses(&watch, None, usize::MAX)?;
        Ok(Some(rows.into_iter().map(|row| row.address).collect()))
    }

    /// From which block on everything of each address was read, on each of these chains; `None` before anything of the chain was.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn complete_from(&self, chains: &[ChainId], of: &[(Address, Since)]) -> Result<Vec<Complete>, StoreFault> {
        let known = self.chains()?;
        let live_from = |chain: ChainId| known.iter().find(|row| row.chain == chain)?.live_from;
        self.ask(|connection| {
            let of_chain = |address: Address, since: &[(ChainId, u64)], chain: ChainId| {
                let history = watches::history(connection, chain, address)?;
                Ok((chain, complete_from(history.as_ref(), since, chain, live_from(chain))))
            };
            let all = |(address, since): &(Address, Since)| {
                chains.iter().map(|chain| of_chain(*address, since, *chain)).collect()
            };
            of.iter().map(all).collect()
        })
    }
}
