//! Where a message is from, and what it must be marked with: as much of a body as can be told of every type.

use serde::Deserialize;
use std::borrow::Cow;

/// The same words in every body that has them.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
pub struct Place<'a> {
    /// The rule; built-in alerts have none.
    #[serde(default, borrow)]
    pub rule: Option<Cow<'a, str>>,
    /// The chain.
    #[serde(default, borrow)]
    pub chain: Option<Cow<'a, str>>,
    /// The watch.
    #[serde(default, borrow)]
    pub watch: Option<Cow<'a, str>>,
    /// The sink that it is about.
    #[serde(default, borrow)]
    pub sink: Option<Cow<'a, str>>,
    /// What speaks against the movement.
    #[serde(default)]
    pub suspect: Option<Vec<String>>,
    /// Nothing is paid.
    #[serde(default)]
    pub rehearsal: bool,
    /// From a simulation.
    #[serde(default)]
    pub simulated: bool,
}

#[derive(Default, Deserialize)]
struct Within<'a> {
    #[serde(default, borrow)]
    data: Place<'a>,
}

/// Of a stored body; nothing is known of one that cannot be read.
#[must_use]
pub fn place(body: &[u8]) -> Place<'_> {
    serde_json::from_slice(body).map(|Within { data }| data).unwrap_or_default()
}
