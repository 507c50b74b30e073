//! The lists that people page through: their filters, places and pages.

use super::codec::{Cell, Cells};
use super::{OutboxState, transfers};
use crate::reactor::rows::{AlertState, TransferRow};
use crate::types::transfer::parties;
use crate::types::{Address, ChainId, Kind, Name, Stage, Timestamp, TransferId};
use rusqlite::{Connection, Result as SqlResult};
use std::collections::BTreeSet;

/// Transfers looked at for one page: a watch with few of them does not hold a connection up for long.
pub const LOOKED_AT: usize = 100_000;

/// Which transfers. `None` is all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TransferFilter {
    /// On this chain.
    pub chain: Option<ChainId>,
    /// From or to one of these: the addresses of a watch.
    pub addresses: Option<BTreeSet<Address>>,
    /// At this stage.
    pub stage: Option<Stage>,
    /// Approvals, which stand in the same table and move nothing, instead of transfers.
    pub approvals: bool,
    /// Behind this place, from the page before.
    pub after: Option<TransferPlace>,
}

/// A place in the list of transfers, newest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct TransferPlace {
    /// When it was first seen.
    pub first_seen: Timestamp,
    /// Which.
    pub id: TransferId,
}

/// Which alerts. `None` is all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AlertFilter {
    /// Of this rule.
    pub rule: Option<Name>,
    /// Of this watch.
    pub watch: Option<Name>,
    /// In this state.
    pub state: Option<AlertState>,
    /// Behind this place, from the page before.
    pub after: Option<i64>,
}

/// Which rows of the outbox. `None` is all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OutboxFilter {
    /// To this sink.
    pub sink: Option<Name>,
    /// In this state.
    pub state: Option<OutboxState>,
    /// Behind this `seq`, from the page before.
    pub after: Option<i64>,
}

/// A page of a list, newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T, P> {
    /// The rows; there can be fewer than asked for though more follow.
    pub rows: Vec<T>,
    /// Where the next page begins; `None` is the end.
    pub next: Option<P>,
}

/// How a sink's part of the outbox stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboxCount {
    /// Which sink.
    pub sink: Name,
    /// `Pending` or `Dead`: what is closed well is not counted.
    pub state: OutboxState,
    /// How many.
    pub messages: u64,
    /// When the first of them was made.
    pub oldest: Timestamp,
}

/// The index that lists of transfers are read by holds who gave and who got: what a watch with few transfers is looked for in is one run
/// through it, and not a row from somewhere for each of a hundred thousand.
pub(super) const WITH_PARTIES: &str = "
DROP INDEX transfers_by_time;
CREATE INDEX transfers_by_time ON transfers (first_seen, id, kind, sender, receiver);
";

/// Nothing but what the index holds, and the key of the table, which stands in every index of it.
pub(super) const SCAN: &str = "SELECT first_seen, id, kind, sender, receiver, chain, block \
    FROM transfers INDEXED BY transfers_by_time WHERE (first_seen, id) < (?1, ?2) ORDER BY first_seen DESC, id DESC";

/// A page of transfers, newest first by (first seen, id). The addresses of a watch can be very many: they are compared here, against the
/// index alone.
pub(super) fn list_transfers(
    connection: &Connection,
    filter: &TransferFilter,
    limit: usize,
) -> SqlResult<Page<TransferRow, TransferPlace>> {
    let whole = format!("SELECT {} FROM transfers WHERE chain = ?1 AND block = ?2 AND id = ?3", transfers::COLUMNS);
    // A blob of 17 bytes is behind every id.
    let (time, id) =
        filter.after.map_or((i64::MAX, vec![0xff; 17]), |place| (place.first_seen.millis(), place.id.0.into()));
    let (mut scan, mut whole) = (connection.prepare_cached(SCAN)?, connection.prepare_cached(&whole)?);
    let mut found = scan.query(rusqlite::params![time, id])?;
    let mut page = Page { rows: Vec::new(), next: None };
    let mut looked_at = 0;
    while let Some(row) = found.next()? {
        if page.rows.len() == limit || looked_at == LOOKED_AT {
            return Ok(page);
        }
        looked_at += 1;
        let mut cells = Cells::of(row);
        let place = TransferPlace { first_seen: cells.take()?, id: cells.take()? };
        page.next = Some(place);
        let kind: Kind = cells.take()?;
        let (from, to): (Address, Address) = (cells.take()?, cells.take()?);
        let (chain, block): (ChainId, u64) = (cells.take()?, cells.take()?);
        let may_fit = kind.is_approval() == filter.approvals
            && filter.chain.is_none_or(|wanted| chain == wanted)
            && filter.addresses.as_ref().is_none_or(|all| parties(kind, &from, &to).any(|party| all.contains(party)));
        if !may_fit {
            continue;
        }
        let key = [chain.to_cell(), block.to_cell(), place.id.to_cell()];
        let transfer = whole.query_row(key, |row| transfers::transfer(&mut Cells::of(row)))?;
        if filter.stage.is_none_or(|stage| transfer.stage == stage) {
            page.rows.push(transfer);
        }
    }
    page.next = None;
    Ok(page)
}
