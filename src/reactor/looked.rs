//! What a rule that looked at a transfer says of it.

use crate::types::Name;

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
