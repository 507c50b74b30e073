//! What an export reads: every transfer from the first block on, as of one moment, and the names that belong to it.

use super::codec::Cells;
use super::fault::StoreFault;
use super::read::Reader;
use super::{small, transfers, watches};
use crate::reactor::rows::{TokenRow, TransferRow};
use crate::reactor::settings::Watch;
use crate::types::ChainId;

impl Reader {
    /// Hands every transfer and approval over, by chain and block, until `each` wants no more. What is committed meanwhile is not seen, and
    /// the log of the store grows for as long as this takes.
    ///
    /// # Errors
    /// When they cannot be read; the inner one is that of `each`.
    pub fn every_transfer<E>(
        &self,
        chain: Option<ChainId>,
        mut each: impl FnMut(TransferRow) -> Result<(), E>,
    ) -> Result<Result<(), E>, StoreFault> {
        let which = chain.map_or_else(String::new, |chain| format!("WHERE chain = {}", chain.0.cast_signed()));
        let sql = format!("SELECT {} FROM transfers {which} ORDER BY chain, block, id", transfers::COLUMNS);
        self.ask(|connection| {
            let mut statement = connection.prepare(&sql)?;
            let mut rows = statement.raw_query();
            while let Some(row) = rows.next()? {
                if let Err(end) = each(transfers::transfer(&mut Cells::of(row))?) {
                    return Ok(Err(end));
                }
            }
            Ok(Ok(()))
        })
    }

    /// What contracts that nobody vouches for say of themselves.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn tokens(&self) -> Result<Vec<TokenRow>, StoreFault> {
        self.ask(small::tokens)
    }

    /// The watches that were added at run time, with every address.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn added_watches(&self) -> Result<Vec<Watch>, StoreFault> {
        self.ask(|connection| {
            let mut lists = watches::addresses(connection)?;
            let whole = |row: crate::reactor::rows::WatchRow| Watch {
                name: row.name,
                addresses: lists.remove(&row.number).unwrap_or_default(),
                chains: row.chains,
                tags: row.tags,
                from_block: None,
            };
            Ok(watches::watches(connection)?.into_iter().map(whole).collect())
        })
    }
}
