//! What orders and questions are answered.

use super::hushed::SilenceAnswer;
use super::watch_list::WatchAnswer;
use crate::types::Name;

/// What an order was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answered {
    /// One for the watch list.
    Watches(WatchAnswer),
    /// One for silences.
    Silences(SilenceAnswer),
    /// Why a transfer is said, or not.
    Why(Vec<Looked>),
}

/// One check of a rule on a transfer: what it is about, and whether it lets the transfer through.
pub type Check = (&'static str, bool);

/// A rule that looked at a transfer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Looked {
    /// The rule.
    pub rule: Name,
    /// As seen from this watch.
    pub watch: Name,
    /// Every check, in order; the rule speaks where all let it through.
    pub checks: Vec<Check>,
    /// What keeps the rule from saying it now, besides its checks; empty where nothing does.
    pub besides: Vec<Name>,
}
