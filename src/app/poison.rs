//! Blocks that ended the process: which, and how often in a row.
//!
//! A panic in the reactor ends the process, as a failed commit does. Before it ends, the block that was being read is noted in a side
//! file; at the third start that ended there its chain is left alone and the others go on. The file is not the store: a process that
//! panics writes nothing to the store.

use crate::types::ChainId;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// So many ends at the same blocks leave their chain alone.
const MOST_ENDS: usize = 2;
/// The file beside the store.
const FILE: &str = "poisoned-blocks";

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

/// The notes: one stretch for each end.
#[derive(Debug, Clone)]
pub struct Poison {
    path: PathBuf,
    ends: Vec<Stretch>,
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
        let mut ends = Vec::new();
        for line in text.lines() {
            let mut numbers = line.split(' ').map(str::parse::<u64>);
            if let (Some(Ok(chain)), Some(Ok(from)), Some(Ok(to))) = (numbers.next(), numbers.next(), numbers.next()) {
                ends.push(Stretch { chain: ChainId(chain), from, to });
            }
        }
        Ok(Self { path, ends })
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
        let of_chain = self.ends.iter().filter(|end| end.chain == chain);
        let shared = of_chain.filter(|end| self.ends.iter().filter(|other| end.overlaps(other)).count() >= MOST_ENDS);
        shared.map(|end| end.from).max()
    }

    /// Whether anything is noted of a chain.
    #[must_use]
    pub fn knows(&self, chain: ChainId) -> bool {
        self.ends.iter().any(|end| end.chain == chain)
    }

    /// These blocks were read after all: their notes go.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn passed(&mut self, stretch: Stretch) -> io::Result<()> {
        self.drop_where(|end| stretch.holds(end))
    }

    /// A person accepted the chain: its notes go.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn forget(&mut self, chain: ChainId) -> io::Result<()> {
        self.drop_where(|end| end.chain == chain)
    }

    fn drop_where(&mut self, goes: impl Fn(&Stretch) -> bool) -> io::Result<()> {
        let before = self.ends.len();
        self.ends.retain(|end| !goes(end));
        if self.ends.len() == before { Ok(()) } else { self.write() }
    }

    fn write(&self) -> io::Result<()> {
        let line = |Stretch { chain, from, to }: &Stretch| format!("{chain} {from} {to}\n");
        fs::write(&self.path, self.ends.iter().map(line).collect::<String>())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        read().forget(ChainId(1)).unwrap();
        assert_eq!(read().unreadable(ChainId(1)), None);
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
