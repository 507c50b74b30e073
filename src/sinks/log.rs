//! The log as a sink: each message one line. It cannot fail, so it has no verdict.

use super::text::Text;
use crate::store::OutboxRow;

/// Lines at once: they take no time, so this only bounds a batch.
pub const CONCURRENCY: usize = 256;

/// The line.
#[must_use]
pub fn line(row: &OutboxRow, text: &Text) -> String {
    format!("{} {}", row.message.kind, text.in_one_line())
}
