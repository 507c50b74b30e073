//! Where a level stands: the part of a rule's state that is the same for a price, a fee and a balance.

use crate::types::Timestamp;

/// Where a crossing rule stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Not past the level.
    Calm,
    /// Past the level since then, not for long enough.
    Pending(Timestamp),
    /// Crossed since then, and said.
    Crossed(Timestamp),
    /// Crossed since then, and not said so far because of `at_most_every`.
    Muffled(Timestamp),
}

/// What a step changes, in whichever row it stands.
#[derive(Debug)]
pub struct Standing<'row> {
    /// Where it stands.
    pub phase: &'row mut Phase,
    /// Crossings so far.
    pub crossings: &'row mut u64,
    /// When it last spoke.
    pub spoke_at: &'row mut Option<Timestamp>,
}
