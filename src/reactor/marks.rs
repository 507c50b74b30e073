//! How far a chain is confirmed and final, and what that makes of a block.

use crate::types::Stage;

/// How far a chain is confirmed and final.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Marks {
    /// Highest confirmed block.
    pub confirmed: u64,
    /// Highest final block.
    pub last_final: u64,
    /// Below this block a gap parts the chain from its tip: how deep it is there is not known …
    pub(super) linked_from: u64,
    /// … beyond what was (confirmed, final) before the gap.
    pub(super) held: (u64, u64),
}

impl Marks {
    /// The marks of a chain of which nothing is known.
    pub const NONE: Self = Self { confirmed: 0, last_final: 0, linked_from: 0, held: (0, 0) };

    /// The stage of what stands in a block.
    #[must_use]
    pub const fn stage(&self, block: u64) -> Stage {
        let (confirmed, last_final) =
            if block >= self.linked_from { (self.confirmed, self.last_final) } else { self.held };
        if block <= last_final {
            Stage::Final
        } else if block <= confirmed {
            Stage::Confirmed
        } else {
            Stage::Seen
        }
    }

    /// The blocks, first and last, in which nothing should be of this stage any more.
    pub(super) fn beyond(&self, stage: Stage) -> impl Iterator<Item = (u64, u64)> + use<> {
        let (to, held) = match stage {
            Stage::Seen => (self.confirmed, self.held.0),
            Stage::Confirmed => (self.last_final, self.held.1),
            Stage::Final | Stage::Retracted => (0, 0),
        };
        let below = self.linked_from.checked_sub(1).map(|last| (0, held.min(last)));
        below.into_iter().chain(std::iter::once((self.linked_from, to)))
    }
}
