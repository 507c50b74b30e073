//! Blocks of a window that were read without their traces: which they are, and the traces when they come.

use super::super::effect::Effect;
use super::super::linked::{Change, Refusal};
use super::super::rows::BlockRow;
use super::Chain;
use crate::types::Block;

impl Chain {
    /// Takes blocks of the window that were read without their traces, now with them.
    ///
    /// # Errors
    /// [`Refusal`] says why nothing was done.
    pub fn take_traces(&mut self, blocks: &[Block], effects: &mut Vec<Effect>) -> Result<Change, Refusal> {
        if self.row.stopped.is_some() {
            return Err(Refusal::Stopped);
        }
        let awaited = |block: &Block| block.traced && self.has(block.at) && self.untraced.contains(&block.at.number);
        if !blocks.iter().all(awaited) {
            return Err(Refusal::Known);
        }
        for block in blocks {
            self.insert(block, effects);
        }
        Ok(Change::default())
    }

    /// Blocks of the window that were read without their traces, ascending, where the endpoint that reads blocks traces them: coin moved
    /// inside their transactions is not known yet.
    #[must_use]
    pub fn untraced(&self) -> impl DoubleEndedIterator<Item = &BlockRow> + Clone {
        let blocks = self.untraced.iter().filter_map(|number| self.window.get(number));
        self.tracer().is_some().then_some(blocks).into_iter().flatten()
    }

    /// A block of the window was read, with its traces or without.
    pub(super) fn note_traced(&mut self, number: u64, traced: bool) {
        if traced {
            self.untraced.remove(&number);
        } else {
            self.untraced.insert(number);
        }
    }
}
