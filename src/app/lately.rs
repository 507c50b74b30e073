//! What the page shows of the time just past: which lists changed, when each watch last moved, how prices and fees went. Soft: it never
//! influences anything, and most of it starts empty.

use crate::reactor::Reactor;
use crate::reactor::directory::Directory;
use crate::reactor::rows::{Row, RowKey, TransferRow};
use crate::store::{Commit, Reader, TransferFilter, Write};
use crate::telemetry::changes::{Changes, List};
use crate::telemetry::snapshot::{ChainStatus, Movement};
use crate::telemetry::trend::Trends;
use crate::telemetry::worth::PairStatus;
use crate::types::{Address, ChainId, Name, Stage, Timestamp};
use rust_decimal::Decimal;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

/// Transfers that are looked at when the process starts: what moved before them is not known.
const RECALLED: usize = 2_000;
/// Digits of a gwei behind the point.
const GWEI_DIGITS: u32 = 9;

/// A transfer that may be the last movement of whoever watches its ends.
#[derive(Debug)]
struct Moved {
    chain: ChainId,
    ends: [Address; 2],
    movement: Movement,
}

impl Moved {
    fn of(row: &TransferRow) -> Option<Self> {
        let counts = row.stage != Stage::Retracted && !row.key.kind.is_approval() && !row.suspect.any();
        counts.then_some(Self {
            chain: row.key.chain,
            ends: [row.key.from, row.key.to],
            movement: Movement { at: row.block_time, transfer: row.id },
        })
    }
}

/// What a commit changes of what is shown.
#[derive(Debug, Default)]
pub struct Touched {
    lists: BTreeSet<List>,
    moved: Vec<Moved>,
}

impl Touched {
    /// Of a commit that is not durable yet.
    #[must_use]
    pub fn of(commit: &Commit) -> Self {
        let mut touched = Self::default();
        for write in &commit.writes {
            let key = match write {
                Write::Put(row) => {
                    if let Row::Transfer(row) = row {
                        touched.moved.extend(Moved::of(row));
                    }
                    row.key()
                }
                Write::Delete(key) => key.clone(),
            };
            touched.lists.extend(list_of(&key));
        }
        if !commit.outbox.is_empty() {
            touched.lists.insert(List::Outbox);
        }
        touched
    }

    /// Whether nothing of it is in a list.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.lists.is_empty()
    }
}

/// The list that a row is shown in; what only a status shows is none.
const fn list_of(key: &RowKey) -> Option<List> {
    match key {
        RowKey::Transfer(..) => Some(List::Transfers),
        RowKey::Alert(_) => Some(List::Alerts),
        RowKey::Payment(_) | RowKey::Office(_) => Some(List::Payments),
        RowKey::Watch(_) | RowKey::Address(..) => Some(List::Watches),
        RowKey::Balance(_) => Some(List::Balances),
        RowKey::Quiet(_) => Some(List::Silences),
        RowKey::Chain(_)
        | RowKey::Block(..)
        | RowKey::Gap(..)
        | RowKey::Rule(_)
        | RowKey::View(..)
        | RowKey::Token(..)
        | RowKey::Deadline(_)
        | RowKey::Trouble(_)
        | RowKey::Level(_)
        | RowKey::Backfill(..)
        | RowKey::Scan(..)
        | RowKey::Bar(..)
        | RowKey::Request(_) => None,
    }
}

/// What is shown of the time just past.
#[derive(Debug, Default)]
pub(super) struct Lately {
    pub directory: Arc<Directory>,
    pub moved: Arc<BTreeMap<Name, Movement>>,
    pub trends: Arc<Trends>,
    pub changes: Changes,
    /// Movements whose watch is looked up when something is shown next.
    waiting: Vec<Moved>,
    /// What the deliveries were at when it was looked last.
    delivered: u64,
    began: bool,
}

impl Lately {
    /// With what moved before the process began, as the store at `path` has it. What it does not give is not shown.
    pub(super) fn recall(path: &Path) -> Self {
        let rows = Reader::open(path).and_then(|reader| reader.transfers(&TransferFilter::default(), RECALLED));
        let waiting = rows.map(|page| page.rows.iter().filter_map(Moved::of).collect()).unwrap_or_default();
        Self { waiting, ..Self::default() }
    }

    /// A commit is durable.
    pub(super) fn committed(&mut self, touched: Touched) {
        touched.lists.into_iter().for_each(|list| self.changes.count(list));
        self.waiting.extend(touched.moved);
    }

    /// Whether deliveries went on; `delivered` counts what they do.
    pub(super) fn delivered(&mut self, delivered: u64) -> bool {
        let on = std::mem::replace(&mut self.delivered, delivered) != delivered;
        if on {
            self.changes.count(List::Outbox);
        }
        on
    }

    /// Takes in how things stand, before it is shown.
    pub(super) fn look(&mut self, now: Timestamp, reactor: &Reactor, pairs: &[PairStatus], chains: &[ChainStatus]) {
        if !std::mem::replace(&mut self.began, true) {
            self.trends = Arc::new(Trends::of_bars(reactor.bars()));
        }
        self.changes.count(List::Status);
        self.directory = reactor.directory(&self.directory);
        self.look_up();
        let trends = Arc::make_mut(&mut self.trends);
        for (pair, quote) in pairs.iter().filter_map(|status| Some((&status.pair, status.quote.as_ref()?))) {
            trends.prices.entry(pair.clone()).or_default().take(now, quote.price.get());
        }
        for (chain, base) in chains.iter().filter_map(|chain| Some((chain.id, chain.gas.base?))) {
            let wei = i128::try_from(base).ok();
            // A fee beyond what a decimal holds is no fee that anyone sees a curve of.
            if let Some(gwei) = wei.and_then(|wei| Decimal::try_from_i128_with_scale(wei, GWEI_DIGITS).ok()) {
                trends.fees.entry(chain).or_default().take(now, gwei);
            }
        }
        trends.prices.retain(|pair, _| pairs.iter().any(|status| status.pair == *pair));
        trends.fees.retain(|id, _| chains.iter().any(|chain| chain.id == *id));
    }

    fn look_up(&mut self) {
        if self.waiting.is_empty() {
            return;
        }
        let moved = Arc::make_mut(&mut self.moved);
        for Moved { chain, ends, movement } in self.waiting.drain(..) {
            for watch in ends.iter().filter_map(|end| self.directory.watch_of(chain, end)) {
                let last = moved.entry(watch.name.clone()).or_insert(movement);
                if movement.at >= last.at {
                    *last = movement;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::AlertId;

    #[test]
    fn a_change_counts_once_a_commit_and_deliveries_count_by_themselves() {
        let alert = |byte| Write::Delete(RowKey::Alert(AlertId([byte; 16])));
        let commit = Commit { writes: vec![alert(1), alert(2)], ..Commit::default() };
        let mut lately = Lately::default();
        lately.committed(Touched::of(&commit));
        assert_eq!((lately.changes.of(List::Alerts), lately.changes.of(List::Outbox)), (1, 0));
        let before = lately.changes;
        assert!(lately.delivered(3) && !lately.delivered(3));
        assert_eq!(lately.changes.since(&before).collect::<Vec<_>>(), [List::Outbox]);
    }
}
