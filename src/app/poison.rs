//! Blocks that ended the process: which, and how often in a row.
//!
//! A panic in the reactor ends the process, as a failed commit does. Before it ends, the block that was being read is noted in a side
//! file; at the third start that ended there its chain is left alone and the others go on. The file is not the store: a process that
//! panics writes nothing to the store.

use crate::types::ChainId;
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// So many ends at one block leave its chain alone.
const MOST_ENDS: u32 = 2;
/// The file beside the store.
const FILE: &str = "poisoned-blocks";

/// The notes.
#[derive(Debug, Clone)]
pub struct Poison {
    path: PathBuf,
    ends: BTreeMap<(ChainId, u64), u32>,
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
        let mut ends = BTreeMap::new();
        for line in text.lines() {
            let mut numbers = line.split(' ').map(str::parse::<u64>);
            if let (Some(Ok(chain)), Some(Ok(block))) = (numbers.next(), numbers.next()) {
                *ends.entry((ChainId(chain), block)).or_default() += 1;
            }
        }
        Ok(Self { path, ends })
    }

    /// Notes that reading this block ends the process now.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn note(&mut self, chain: ChainId, block: u64) -> io::Result<()> {
        *self.ends.entry((chain, block)).or_default() += 1;
        self.write()
    }

    /// The lowest block of a chain that ended the process too often.
    #[must_use]
    pub fn unreadable(&self, chain: ChainId) -> Option<u64> {
        let often = |(key, ends): (&(ChainId, u64), &u32)| (key.0 == chain && *ends >= MOST_ENDS).then_some(key.1);
        self.ends.iter().find_map(often)
    }

    /// A block was read after all, or its chain was accepted: its notes go.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn forget(&mut self, chain: ChainId) -> io::Result<()> {
        let before = self.ends.len();
        self.ends.retain(|(noted, _), _| *noted != chain);
        if self.ends.len() == before { Ok(()) } else { self.write() }
    }

    /// Whether anything is noted of a chain.
    #[must_use]
    pub fn knows(&self, chain: ChainId) -> bool {
        self.ends.keys().any(|(noted, _)| *noted == chain)
    }

    fn write(&self) -> io::Result<()> {
        let line =
            |((chain, block), ends): (&(ChainId, u64), &u32)| format!("{chain} {block}\n").repeat(*ends as usize);
        fs::write(&self.path, self.ends.iter().map(line).collect::<String>())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_that_ended_two_starts_leaves_its_chain_alone_at_the_third() {
        let folder = tempfile::tempdir().unwrap();
        for (start, expected) in [None, None, Some(7), Some(7)].into_iter().enumerate() {
            let mut poison = Poison::read(folder.path()).unwrap();
            assert_eq!(poison.unreadable(ChainId(1)), expected, "start {start}");
            assert_eq!(poison.unreadable(ChainId(2)), None);
            if expected.is_none() {
                poison.note(ChainId(1), 7).unwrap();
            }
        }
        Poison::read(folder.path()).unwrap().forget(ChainId(1)).unwrap();
        assert_eq!(Poison::read(folder.path()).unwrap().unreadable(ChainId(1)), None);
    }
}
