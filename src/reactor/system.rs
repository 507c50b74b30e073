//! The settings of what is said without a rule: built-in alerts and the heartbeat.

use crate::types::Name;
use std::collections::BTreeSet;
use std::time::Duration;

/// Built-in alerts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SystemSettings {
    /// Who hears them.
    pub notify: Vec<Name>,
    /// Types silenced by name (`sink.failing`).
    pub disabled: BTreeSet<Name>,
    /// Who hears every so often that the monitor is alive.
    pub heartbeat: Option<Heartbeat>,
}

/// A message every so often, whatever happens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heartbeat {
    /// To which sink, whatever it takes otherwise.
    pub to: Name,
    /// How often.
    pub every: Duration,
}
