//! What a rule that looked at something says of it.

use crate::types::Name;

/// What a check of a rule said of what it looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// What it is about: the word in the config.
    pub check: &'static str,
    /// Whether it let it through.
    pub passed: bool,
    /// What there is.
    pub is: Name,
    /// What the rule asks for.
    pub wanted: Name,
}

/// A rule that looked at a transfer, or that an alert is of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Looked {
    /// The rule.
    pub rule: Name,
    /// As seen from this watch, where it is about one.
    pub watch: Option<Name>,
    /// Every check, in order; the rule speaks where all let it through.
    pub checks: Vec<Check>,
    /// What keeps or kept the rule from saying it, besides its checks; empty where nothing does.
    pub besides: Vec<Name>,
}
