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

/// Why a feed has no price of a pair, though it may have those of others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoPrice {
    /// The venue refuses the pair.
    Rejected,
    /// The venue does not answer that it was asked for it.
    Unacknowledged,
    /// It was asked for, and no price has come.
    NoFirstPrice,
    /// The signs of life that the venue gives of each pair have ceased.
    NoHeartbeat,
    /// Nothing has confirmed the last price for too long.
    Unconfirmed,
    /// What came since is dated ahead of our clock.
    Ahead,
}

impl NoPrice {
    /// Every reason.
    pub const ALL: [Self; 6] =
        [Self::Rejected, Self::Unacknowledged, Self::NoFirstPrice, Self::NoHeartbeat, Self::Unconfirmed, Self::Ahead];

    /// The value of the label `reason`.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Rejected => "rejected",
            Self::Unacknowledged => "unacknowledged",
            Self::NoFirstPrice => "no_first_price",
            Self::NoHeartbeat => "no_heartbeat",
            Self::Unconfirmed => "unconfirmed",
            Self::Ahead => "ahead",
        }
    }

    /// What of the pair, in words that follow the feed's name.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Rejected => "the venue rejects this pair",
            Self::Unacknowledged => "the venue does not acknowledge this pair",
            Self::NoFirstPrice => "subscribed, but no price came",
            Self::NoHeartbeat => "the pair gives no sign of life",
            Self::Unconfirmed => "nothing confirms its last price",
            Self::Ahead => "its prices are dated ahead of our clock: one of the clocks is wrong",
        }
    }
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
