//! How one list is read whole: which page to ask for next, and which rows of an answer may be believed.
//!
//! Pure. Pages go by key, not by number: ascending, and after a full page on from the block of its last row, which is read
//! again, since the page may have ended inside it. So every transaction comes whole, and two equal rows of one transaction
//! stay two: rows are never compared with each other. Only a block that fills a page by itself is paged by number.
//! What was read is handed out in parts of whole blocks, so that a long history needs little memory and an interruption
//! loses little. Never claims a block past the head that the index showed (the lowest over the pages), and never takes an
//! empty answer for a proof of anything.

use crate::types::B256;
use crate::wire::etherscan::{Dialect, Pages};

/// Page × rows is at most this everywhere.
const WINDOW: u32 = 10_000;
/// Servers cap pages at whole thousands.
const CUT_AT: u32 = 1_000;
/// The last block to ask for where no head is known. Ten digits: eight are too few for Arbitrum (facts/etherscan.md §1.2).
pub const OPEN_END: u64 = 9_999_999_999;
/// A part is handed out when it has this many rows: well below a queue's 8 MiB.
pub const PART_ROWS: usize = 5_000;

/// What to ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ask {
    /// First block.
    pub start_block: u64,
    /// Last block, inclusive.
    pub end_block: u64,
    /// From 1.
    pub page: u32,
    /// Rows of the page.
    pub rows: u32,
}

/// One row of an answer, with what the pager must know of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry<R> {
    /// Height.
    pub block: u64,
    /// Hash of the block, where the list has one.
    pub hash: Option<B256>,
    /// What it says; `None` where it moved nothing. It still counts: it takes a place on its page.
    pub row: Option<R>,
}

/// One answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<R> {
    /// The rows that could be read.
    pub entries: Vec<Entry<R>>,
    /// How many rows came, readable or not: this tells a full page.
    pub count: usize,
    /// The head that the index had, where a row told it. Internal lists never tell one.
    pub head: Option<u64>,
}

/// Whole blocks `[from, to]` of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part<R> {
    /// First block.
    pub from: u64,
    /// Last block. Where nothing showed a head (`head` is `None`) nothing was proven to be read: it lies before `from`.
    pub to: u64,
    /// The lowest head over the pages so far; of a list that tells none, the highest block of a row: the index has come so far.
    pub head: Option<u64>,
    /// Ascending by block.
    pub rows: Vec<R>,
}

/// What an answer led to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress<R> {
    /// Ask on; a part is complete already where there is one.
    More(Option<Part<R>>),
    /// The list was read to its end.
    Done(Part<R>),
}

/// Why a list cannot be read on. What was handed out before stays true; the rest is to be read anew, later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PagerFault {
    /// The list changed while it was read: a reorg, or a server that lags behind the one before it.
    #[error("the list changed at block {block} while it was read: it is read again later")]
    Moved {
        /// Where.
        block: u64,
    },
    /// A full page that is not ascending: where it was cut cannot be told.
    #[error("a full page is not in ascending order at block {block}")]
    Order {
        /// Where.
        block: u64,
    },
    /// A full page without a readable row in the range that was asked for.
    #[error("a full page from block {block} on holds no readable row of the range that was asked for")]
    Unreadable {
        /// First block asked for.
        block: u64,
    },
    /// One block fills all pages that there are.
    #[error("block {block} alone has more rows for this address than the explorer gives out (10,000)")]
    BlockTooLarge {
        /// Which.
        block: u64,
    },
    /// One block alone is too much for the explorer's own deadline.
    #[error("the explorer runs out of time on block {block} alone")]
    BlockTooSlow {
        /// Which.
        block: u64,
    },
    /// The range must be halved and no head is known to halve it from.
    #[error("the explorer runs out of time on the whole list, and its head is not known yet")]
    HeadNeeded,
}

/// The rows of one block that fills pages by itself.
#[derive(Debug, Clone, Copy)]
struct Inside {
    block: u64,
    hash: Option<B256>,
    page: u32,
}

/// The reading of one list, from a block on.
#[derive(Debug, Clone)]
pub struct Pager<R> {
    /// How the explorer gives out long lists.
    pages: Pages,
    /// The explorer said that rows may be missing between those that it gave: nothing is proven to be read.
    partial: bool,
    /// First block of the part under way.
    part_from: u64,
    /// Rows of the part under way with their blocks, whole blocks below `cursor`.
    rows: Vec<(u64, R)>,
    /// First block not read yet.
    cursor: u64,
    /// Last block of all.
    end: u64,
    /// How many blocks to ask for at once; `None` is all of them.
    span: Option<u64>,
    /// Set while one block is paged by number; its rows are in `rows` already.
    inside: Option<Inside>,
    /// The block that ended a full page, and how many of its rows were on it: they have to come again.
    expected: Option<(u64, usize)>,
    /// The lowest head that was told.
    told: Option<u64>,
    /// The highest block of a row.
    highest: Option<u64>,
}

impl<R> Pager<R> {
    /// From this block to whatever head the index has.
    #[must_use]
    pub fn new(from: u64) -> Self {
        Self {
            pages: Dialect::Etherscan.pages(),
            partial: false,
            part_from: from,
            rows: Vec::new(),
            cursor: from,
            end: OPEN_END.max(from),
            span: None,
            inside: None,
            expected: None,
            told: None,
            highest: None,
        }
    }

    /// From one block to another.
    #[must_use]
    pub fn within(from: u64, to: u64) -> Self {
        Self { end: to.max(from), ..Self::new(from) }
    }

    /// By the pages of this kind of explorer.
    #[must_use]
    pub const fn paged(mut self, pages: Pages) -> Self {
        self.pages = pages;
        self
    }

    /// Rows may be missing from the answer that comes next: what it has is handed out, and nothing counts as read.
    pub const fn doubt(&mut self) {
        self.partial = true;
    }

    /// The next page to ask for.
    #[must_use]
    pub fn ask(&self) -> Ask {
        let rows = self.pages.rows;
        match &self.inside {
            Some(inside) => Ask { start_block: inside.block, end_block: inside.block, page: inside.page, rows },
            None => Ask { start_block: self.cursor, end_block: self.window_end(), page: 1, rows },
        }
    }

    fn window_end(&self) -> u64 {
        self.span.map_or(self.end, |span| self.cursor.saturating_add(span - 1).min(self.end))
    }

    /// Takes the answer to `ask`.
    ///
    /// # Errors
    /// [`PagerFault`] when no safe progress can be made from it; the pager is of no use afterwards.
    pub fn take(&mut self, mut page: Page<R>) -> Result<Progress<R>, PagerFault> {
        let ask = self.ask();
        self.told = [self.told, page.head].into_iter().flatten().min();
        page.entries.retain(|entry| (ask.start_block..=ask.end_block).contains(&entry.block));
        self.highest = self.highest.max(page.entries.iter().map(|entry| entry.block).max());
        let count = u32::try_from(page.count).unwrap_or(u32::MAX);
        if self.inside.is_none() && count > 0 && count < self.pages.rows && count.is_multiple_of(CUT_AT) {
            // Cut by a cap of the server's own: taken for the list's end, it would lose the rest.
            self.pages = Pages { rows: count, last: WINDOW / count };
        }
        let full = count >= self.pages.rows;
        let all_read = page.entries.len() == page.count;
        if let Some(inside) = self.inside.take() {
            return self.take_inside(inside, page.entries, full);
        }
        if full {
            let pairs = page.entries.windows(2);
            if let Some(pair) = pairs.into_iter().find(|pair| pair[0].block > pair[1].block) {
                return Err(PagerFault::Order { block: pair[1].block });
            }
        } else {
            page.entries.sort_by_key(|entry| entry.block);
        }
        self.compare_with_expected(&page.entries)?;
        if full { self.take_full(page.entries, all_read) } else { self.take_last(page.entries) }
    }

    /// The rows of the block that ended the last full page must have come again, all of them.
    fn compare_with_expected(&mut self, entries: &[Entry<R>]) -> Result<(), PagerFault> {
        let Some((block, seen)) = self.expected.take() else { return Ok(()) };
        let again = entries.iter().filter(|entry| entry.block == block).count();
        if again < seen { Err(PagerFault::Moved { block }) } else { Ok(()) }
    }

    fn take_full(&mut self, mut entries: Vec<Entry<R>>, all_read: bool) -> Result<Progress<R>, PagerFault> {
        let (Some(first), Some(last)) = (entries.first(), entries.last()) else {
            return Err(PagerFault::Unreadable { block: self.cursor });
        };
        let (first, last, hash) = (first.block, last.block, last.hash);
        if first == last {
            // Its first page may have been asked with a wider range: pages of one block are the same either way, where it has
            // nothing else on it. A row that could not be read may have been of another block: then it is asked for by itself.
            let page = if all_read { 2 } else { 1 };
            self.add(if all_read { entries } else { Vec::new() });
            self.inside = Some(Inside { block: last, hash, page });
            return Ok(Progress::More(None));
        }
        let whole = entries.partition_point(|entry| entry.block < last);
        let cut = entries.split_off(whole);
        self.add(entries);
        self.cursor = last;
        self.expected = Some((last, cut.len()));
        self.part_if_large()
    }

    fn take_last(&mut self, entries: Vec<Entry<R>>) -> Result<Progress<R>, PagerFault> {
        self.add(entries);
        self.advance_past(self.window_end())
    }

    fn take_inside(&mut self, inside: Inside, entries: Vec<Entry<R>>, full: bool) -> Result<Progress<R>, PagerFault> {
        let Inside { block, hash, page } = inside;
        if entries.iter().any(|entry| entry.hash != hash) {
            return Err(PagerFault::Moved { block });
        }
        if full && entries.is_empty() {
            return Err(PagerFault::Unreadable { block });
        }
        self.add(entries);
        if !full {
            return self.advance_past(block);
        }
        if page >= self.pages.last {
            return Err(PagerFault::BlockTooLarge { block });
        }
        self.inside = Some(Inside { block, hash, page: page + 1 });
        Ok(Progress::More(None))
    }

    fn add(&mut self, entries: Vec<Entry<R>>) {
        self.rows.extend(entries.into_iter().filter_map(|entry| Some((entry.block, entry.row?))));
    }

    fn head(&self) -> Option<u64> {
        self.told.or(self.highest)
    }

    /// Hands out what was read up to `to`. What lies past it (a server was behind another) comes again at the next reading.
    fn part(&mut self, to: u64) -> Part<R> {
        if self.partial {
            let rows = std::mem::take(&mut self.rows).into_iter().map(|(_, row)| row);
            return Part {
                from: self.part_from,
                to: self.part_from.saturating_sub(1),
                head: None,
                rows: rows.collect(),
            };
        }
        let rows = std::mem::take(&mut self.rows).into_iter().filter(|(block, _)| *block <= to).map(|(_, row)| row);
        Part { from: self.part_from, to, head: self.head(), rows: rows.collect() }
    }

    /// Everything up to `block` was read.
    fn advance_past(&mut self, block: u64) -> Result<Progress<R>, PagerFault> {
        self.span = self.span.map(|span| span.saturating_mul(2));
        if block < self.end {
            self.cursor = block + 1;
            return self.part_if_large();
        }
        let to = match self.head() {
            Some(head) if head < self.part_from => return Err(PagerFault::Moved { block: head }),
            Some(head) => head.min(self.end),
            None => self.part_from.saturating_sub(1),
        };
        Ok(Progress::Done(self.part(to)))
    }

    fn part_if_large(&mut self) -> Result<Progress<R>, PagerFault> {
        if self.rows.len() < PART_ROWS || self.cursor == self.part_from {
            return Ok(Progress::More(None));
        }
        let to = self.cursor - 1;
        if self.partial {
            return Ok(Progress::More(Some(self.part(to))));
        }
        // A later page came from a server that is behind: what lies past its head is not settled.
        if self.head().is_none_or(|head| head < to) {
            return Err(PagerFault::Moved { block: to });
        }
        let part = self.part(to);
        self.part_from = self.cursor;
        Ok(Progress::More(Some(part)))
    }

    /// The block that is paged by number now.
    #[must_use]
    pub fn inside(&self) -> Option<u64> {
        self.inside.map(|inside| inside.block)
    }

    /// What was read whole below the block that could not be: it stays true though the list cannot be read on.
    pub fn below(&mut self, block: u64) -> Option<Part<R>> {
        let to = block.checked_sub(1).filter(|to| *to >= self.part_from && !self.partial)?;
        self.head().filter(|head| *head >= to)?;
        Some(self.part(to))
    }

    /// The explorer could not answer in its own time: asks for half as many blocks. `head` is the chain's newest known.
    ///
    /// # Errors
    /// [`PagerFault::HeadNeeded`] when there is nothing to halve from, [`PagerFault::BlockTooSlow`] at a single block.
    pub fn too_much(&mut self, head: Option<u64>) -> Result<(), PagerFault> {
        if let Some(inside) = &self.inside {
            return Err(PagerFault::BlockTooSlow { block: inside.block });
        }
        if self.end >= OPEN_END {
            self.end = self.head().max(head).ok_or(PagerFault::HeadNeeded)?.max(self.cursor);
        }
        let asked = self.window_end() - self.cursor + 1;
        if asked <= 1 {
            return Err(PagerFault::BlockTooSlow { block: self.cursor });
        }
        self.span = Some(asked / 2);
        Ok(())
    }
}

#[cfg(test)]
#[path = "pager_tests.rs"]
mod tests;
