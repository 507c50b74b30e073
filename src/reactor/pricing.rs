//! What the reactor makes of prices: limits, worths that are asked for, ways to move. A part of the settings.

use crate::types::{Percent, Usd};
use std::time::Duration;

/// What is made of prices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PriceSettings {
    /// A price whose own time is longer ago is not known.
    pub stale_after: Duration,
    /// Feeds of a pair that are further apart, as a part of its price, are said to differ.
    pub disagree: Percent,
}

impl Default for PriceSettings {
    fn default() -> Self {
        // Long enough for a pair that trades seldom, short enough for a price to mean something; as far as venues of one pair are ever apart.
        Self { stale_after: Duration::from_mins(5), disagree: Percent::whole(2) }
    }
}

/// What has to be worth how much to be spoken of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AtLeastUsd {
    /// The least, inclusive.
    pub worth: Usd,
    /// Whether it speaks where the price is not known, and says so.
    pub unknown_speaks: bool,
}

/// Which way a price moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Move {
    /// Down from the highest in the window.
    Fall,
    /// Up from the lowest.
    Rise,
    /// Either; the larger of the two counts.
    Either,
}
