//! The rows of history: what lies before a watch, and how far it was read. Values only.

use super::addresses::since_on;
use super::source::List;
use crate::types::{Address, B256, ChainId, Timestamp};

/// The history of a watched address on a chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackfillRow {
    /// Which chain.
    pub chain: ChainId,
    /// Whose.
    pub address: Address,
    /// The lowest block that is asked for.
    pub from: u64,
    /// History is read up to this block, which is not part of it: from here on whatever is live reads, and looks for late rows.
    pub until: u64,
    /// The first block that was new when the address came to be watched: what lies below is history, also where live reading finds it.
    pub live_from: u64,
    /// The lists that were not read to `until`; none when everything from `from` on was read.
    pub left: Vec<ListLeft>,
}

/// What is left of one list. Where a chain's own blocks and logs are read, [`ScanRow`] has the progress, and this stands until they are
/// through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListLeft {
    /// Which list, or the kind of movement that it lists.
    pub list: List,
    /// The lowest block that was not read.
    pub next: u64,
    /// When an answer about all that is left was empty: one proves nothing.
    pub blank: Option<Timestamp>,
}

/// What is read of a chain without an explorer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scan {
    /// Whole blocks.
    Blocks,
    /// Logs of token transfers that name the addresses.
    Logs,
}

impl Scan {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Blocks, Self::Logs];

    /// The word in the store.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Blocks => "blocks",
            Self::Logs => "logs",
        }
    }

    /// The scan with this word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scan| scan.word() == word)
    }
}

/// How far the history of all addresses with the same `until` was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScanRow {
    /// Which chain.
    pub chain: ChainId,
    /// The upper end, not part of it: [`BackfillRow::until`] of the addresses.
    pub until: u64,
    /// What is read.
    pub scan: Scan,
    /// Where it began.
    pub from: u64,
    /// The lowest block that was not read.
    pub next: u64,
    /// Of blocks: the hash of the one below `next`, where it was read.
    pub below: Option<B256>,
}

/// The block from which an address is complete, on each of its chains; `None` before anything of the chain was read.
pub type Complete = Vec<(ChainId, Option<u64>)>;

/// From which block on everything of an address was read: from where its history begins once that was read, else from where it was added,
/// else from where its chain was begun.
#[must_use]
pub fn complete_from(
    history: Option<&BackfillRow>,
    since: &[(ChainId, u64)],
    chain: ChainId,
    begun: Option<u64>,
) -> Option<u64> {
    match history {
        Some(row) if row.left.is_empty() => Some(row.from),
        Some(row) => Some(row.live_from),
        None => since_on(since, chain).or(begun),
    }
}
