//! Prices as values: what is said of one, what something is worth by it, and a minute of them. Nothing here decides anything.

use crate::types::{Name, Pair, Percent, Price, Timestamp, Usd};
use std::time::Duration;

/// A price with all that is said of it: where a message or a row keeps one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quote {
    /// Of what.
    pub pair: Pair,
    /// The price.
    pub price: Price,
    /// The feed; of several, that it is the median of which.
    pub source: Name,
    /// How many feeds.
    pub sources: u32,
    /// From the lowest to the highest of them, as a part of the price.
    pub spread: Percent,
    /// The price's own time.
    pub as_of: Timestamp,
}

/// What something is worth, with the price that says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Worth {
    /// In cents, rounded once.
    pub value: Usd,
    /// At which price.
    pub quote: Quote,
}

/// One minute of a pair's price.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BarRow {
    /// Of what.
    pub pair: Pair,
    /// Whole minutes since the epoch.
    pub minute: u64,
    /// The lowest price in it.
    pub low: Price,
    /// The highest.
    pub high: Price,
}

/// How far a price moved within a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangeBody {
    /// The price now, and where it comes from.
    pub quote: Quote,
    /// How far it moved, as a part of `from`. Which way, the crossing's side says: below is a fall.
    pub moved: Percent,
    /// The highest price of the window where it fell, the lowest where it rose.
    pub from: Price,
    /// The window.
    pub within: Duration,
    /// The rule's level.
    pub level: Percent,
    /// The rule's way back.
    pub recovers_at: Percent,
}
