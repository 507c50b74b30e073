//! The log as a sink: each message one line. It cannot fail, so it has no verdict.

use super::{Attempt, text};
use crate::store::OutboxRow;

/// Lines at once: they take no time, so this only bounds a batch.
pub const CONCURRENCY: usize = 256;

/// The line.
#[must_use]
pub fn line(row: &OutboxRow, attempt: Attempt) -> String {
    let message = &row.message;
    let text = text::render(&message.body, attempt.again).unwrap_or_else(|_| text::unreadable(&message.kind));
    format!("{} {}", message.kind, text.in_one_line())
}
