//! Blocks that ended the process: which, and how often in a row.
//!
//! A panic in the reactor ends the process, as a failed commit does. Before it ends, the block that was being read is noted in a side
//! file; at the third start that ended there its chain is left alone and the others go on. The file is not the store: a process that
//! panics writes nothing to the store.
//!
//! When a person accepts the chain, those blocks are left out from then on: their place in the chain is kept and nothing that they move is
//! read. Every other block is.

use crate::reactor::event::Run;
use crate::types::ChainId;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// So many ends at the same blocks leave their chain alone.
const MOST_ENDS: usize = 2;
/// The file beside the store.
const FILE: &str = "poisoned-blocks";
/// What stands before blocks that a person gave up.
const LEFT_OUT: &str = "left-out ";

/// Blocks that were being read when the process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stretch {
    /// Of which chain.
    pub chain: ChainId,
    /// The lowest.
    pub from: u64,
    /// The highest.
    pub to: u64,
}

impl Stretch {
    const fn overlaps(&self, other: &Self) -> bool {
        self.chain.0 == other.chain.0 && self.from <= other.to && other.from <= self.to
    }

    const fn holds(&self, other: &Self) -> bool {
        self.chain.0 == other.chain.0 && self.from <= other.from && other.to <= self.to
    }
}

/// The notes: one stretch for each end, and those that are read no more.
#[derive(Debug, Clone)]
pub struct Poison {
    path: PathBuf,
    ends: Vec<Stretch>,
    left_out: Vec<Stretch>,
}

impl Poison {
    /// Reads the notes of a data folder. A line that cannot be read is left out: at worst a block is tried once more.
    ///
    /// # Errors
    /// When the file is there and cannot be read.
    pub fn read(folder: &Path) -> io::Result<Self> {
        let path = folder.join(FILE);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(error),
        };
        let (mut ends, mut left_out) = (Vec::new(), Vec::new());
        for line in text.lines() {
            let (notes, line) = line.strip_prefix(LEFT_OUT).map_or((&mut ends, line), |line| (&mut left_out, line));
            let mut numbers = line.split(' ').map(str::parse::<u64>);
            if let (Some(Ok(chain)), Some(Ok(from)), Some(Ok(to))) = (numbers.next(), numbers.next(), numbers.next()) {
                notes.push(Stretch { chain: ChainId(chain), from, to });
            }
        }
        Ok(Self { path, ends, left_out })
    }

    /// Notes that reading these blocks ends the process now.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn note(&mut self, stretch: Stretch) -> io::Result<()> {
        self.ends.push(stretch);
        self.write()
    }

    /// The lowest block of a chain at which the process ended too often: the runs that ended it need not have begun at the same block,
    /// but they all held it.
    #[must_use]
    pub fn unreadable(&self, chain: ChainId) -> Option<u64> {
        self.shared(chain).map(|shared| shared.from)
    }

    /// The blocks that all those runs held.
    fn shared(&self, chain: ChainId) -> Option<Stretch> {
        let of_chain = self.ends.iter().filter(|end| end.chain == chain);
        let mut shared =
            of_chain.filter(|end| self.ends.iter().filter(|other| end.overlaps(other)).count() >= MOST_ENDS);
        let last = shared.clone().max_by_key(|end| end.from)?;
        let to = shared.by_ref().filter(|end| end.overlaps(last)).map(|end| end.to).min().unwrap_or(last.to);
        Some(Stretch { to, ..*last })
    }

    /// These blocks were read after all: their notes go.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn passed(&mut self, stretch: Stretch) -> io::Result<()> {
        self.drop_where(|end| stretch.holds(end))
    }

    /// A person accepted the chain: the blocks that ended the process are left out from now on. Gives them.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn accept(&mut self, chain: ChainId) -> io::Result<Option<Stretch>> {
        let given_up = self.shared(chain);
        self.left_out.extend(given_up);
        self.drop_where(|end| end.chain == chain)?;
        Ok(given_up)
    }

    /// Takes what moves out of the blocks of a run that are left out.
    pub fn leave_out(&self, run: &mut Run) {
        for stretch in self.left_out.iter().filter(|stretch| stretch.chain == run.chain) {
            for block in run.blocks.iter_mut().filter(|block| (stretch.from..=stretch.to).contains(&block.at.number)) {
                tracing::warn!("block {} of chain {} is left out, as was accepted", block.at.number, run.chain);
                block.movements.clear();
            }
        }
    }

    fn drop_where(&mut self, goes: impl Fn(&Stretch) -> bool) -> io::Result<()> {
        let before = self.ends.len();
        self.ends.retain(|end| !goes(end));
        if self.ends.len() == before { Ok(()) } else { self.write() }
    }

    fn write(&self) -> io::Result<()> {
        let line = |Stretch { chain, from, to }: &Stretch| format!("{chain} {from} {to}\n");
        let left_out = self.left_out.iter().map(|stretch| format!("{LEFT_OUT}{}", line(stretch)));
        fs::write(&self.path, self.ends.iter().map(line).chain(left_out).collect::<String>())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reactor::event::RunPart;
    use crate::types::{Address, Asset, B256, Block, BlockRef, Kind, Movement, Timestamp, U256};

    fn stretch(chain: u64, from: u64, to: u64) -> Stretch {
        Stretch { chain: ChainId(chain), from, to }
    }

    #[test]
    fn blocks_that_ended_two_starts_leave_their_chain_alone_at_the_third() {
        let folder = tempfile::tempdir().unwrap();
        let read = || Poison::read(folder.path()).unwrap();
        for (end, expected) in [(stretch(1, 7, 7), None), (stretch(1, 5, 9), None)] {
            assert_eq!(read().unreadable(ChainId(1)), expected);
            read().note(end).unwrap();
        }
        assert_eq!(read().unreadable(ChainId(1)), Some(7));
        assert_eq!(read().unreadable(ChainId(2)), None, "the others go on");
        assert_eq!(read().accept(ChainId(1)).unwrap(), Some(stretch(1, 7, 7)));
        assert_eq!(read().unreadable(ChainId(1)), None);
    }

    #[test]
    fn what_was_given_up_keeps_its_place_and_moves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let read = || Poison::read(folder.path()).unwrap();
        for end in [stretch(1, 5, 8), stretch(1, 7, 9)] {
            read().note(end).unwrap();
        }
        assert_eq!(read().accept(ChainId(1)).unwrap(), Some(stretch(1, 7, 8)));
        let movement = Movement {
            tx: B256::ZERO,
            kind: Kind::Coin,
            asset: Asset::Coin,
            from: Address::ZERO,
            to: Address::ZERO,
            token_id: None,
            amount: U256::ONE,
            log_index: None,
        };
        let block = |number| Block {
            at: BlockRef { number, hash: B256::ZERO, parent: B256::ZERO },
            time: Timestamp::from_secs(1),
            base_fee: None,
            next_base_fee: None,
            movements: vec![movement],
            traced: true,
        };
        for (chain, expected) in [(1, vec![6, 9]), (2, vec![6, 7, 8, 9])] {
            let blocks = (6..=9).map(block).collect();
            let mut run =
                Run { chain: ChainId(chain), endpoint: "one".into(), blocks, part: RunPart::Tip, chosen_by: None };
            read().leave_out(&mut run);
            let moving = run.blocks.iter().filter(|block| !block.movements.is_empty());
            assert_eq!(moving.map(|block| block.at.number).collect::<Vec<_>>(), expected);
            assert_eq!(run.blocks.len(), 4);
        }
    }

    #[test]
    fn other_blocks_that_are_read_forgive_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let read = || Poison::read(folder.path()).unwrap();
        read().note(stretch(1, 5, 9)).unwrap();
        read().passed(stretch(1, 10, 20)).unwrap();
        read().passed(stretch(1, 6, 20)).unwrap();
        read().note(stretch(1, 5, 9)).unwrap();
        assert_eq!(read().unreadable(ChainId(1)), Some(5));
        read().passed(stretch(1, 5, 9)).unwrap();
        assert_eq!(read().unreadable(ChainId(1)), None);
    }
}
