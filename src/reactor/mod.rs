//! The pure state machine between what happens and what is done about it.
//!
//! `handle` takes one event and the time it was taken from its queue, and returns every effect of it. Nothing here reads a clock,
//! draws a random number, does I/O, logs, or can fail.

pub mod effect;
pub mod event;
pub mod match_set;
pub mod rows;
pub mod settings;
pub mod wants;

/// After a longer outage than this many blocks the tip goes live at once and the gap is read beside it.
pub const LARGEST_STEP: u64 = 256;
/// How many of the newest blocks sources are shown, to walk back to: as many as a step may have.
pub const PUBLISHED_BLOCKS: usize = 257;
