//! Whether the blocks of a run hang together, and what came of the run: what it changed, or why it was left out.

use crate::types::{Block, BlockRef};

/// What a run did to the chain.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Change {
    /// Blocks that are not canonical any more, highest first.
    pub removed: Vec<BlockRef>,
    /// How many of the run's leading blocks are not new.
    pub known: usize,
}

/// Why a run was left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The chain is stopped.
    Stopped,
    /// The blocks do not hang together.
    Broken,
    /// Everything in it is in the window already.
    Known,
    /// It is no higher than the tip, and from an endpoint that is not the tip's own.
    Sibling,
    /// It fits no gap.
    NoSuchGap,
    /// It forks off below the last final block: this is another chain.
    BelowFinal,
}

impl Refusal {
    /// For people.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Stopped => "the chain is stopped",
            Self::Broken => "blocks that do not hang together",
            Self::Known => "blocks that are known",
            Self::Sibling => "a fork no higher than the tip, from another endpoint",
            Self::NoSuchGap => "blocks of a gap that is not there",
            Self::BelowFinal => "a fork below the last final block",
        }
    }
}

/// The last block of a run whose blocks are each the parent of the next.
pub(super) fn linked(blocks: &[Block]) -> Result<BlockRef, Refusal> {
    let follows = |pair: &[Block]| {
        pair[1].at.parent == pair[0].at.hash && pair[0].at.number.checked_add(1) == Some(pair[1].at.number)
    };
    let last = blocks.last().ok_or(Refusal::Broken)?;
    if blocks.windows(2).all(follows) { Ok(last.at) } else { Err(Refusal::Broken) }
}
