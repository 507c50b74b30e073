//! Frames of the price venues' public sockets, each venue's in its own file, all read into one [`Frame`].
//!
//! A price is read from the text of the frame, digit for digit, and never as a float: Kraken writes its prices as bare JSON numbers.
//! What a frame says of itself is all that is told here; whether it is new, late or repeated is for who keeps the pairs.

pub mod binance;
pub mod coinbase;
pub mod kraken;
mod number;

use crate::types::{Pair, Price, Timestamp, Untrusted};

/// One frame, of any venue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame {
    /// These pairs are subscribed to.
    Ack {
        /// Names that are no pair are left out.
        pairs: Vec<Pair>,
    },
    /// What became of the request of this number, where a venue answers by number and names no pair.
    Answered {
        /// The number that the request had.
        request: u64,
        /// Why it was refused, where it was.
        refused: Option<Untrusted>,
    },
    /// A price.
    Tick(Tick),
    /// Several prices.
    Ticks(Vec<Tick>),
    /// Something lives: a pair's feed, or where none is named the connection.
    Heartbeat {
        /// Which pair.
        pair: Option<Pair>,
    },
    /// Something was refused; everything else goes on.
    Error {
        /// The pairs that the venue's words name.
        pairs: Vec<Pair>,
        /// What failed.
        message: Untrusted,
        /// Why.
        reason: Untrusted,
    },
    /// The venue says how it is itself.
    Venue {
        /// In its own words.
        words: Untrusted,
        /// Whether that is as it should be.
        well: bool,
    },
    /// The venue will close this connection soon.
    Leaving,
    /// A kind of frame that is not read, or one about a pair that was not asked for.
    Other,
}

/// The price of the last trade.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tick {
    /// Of which pair.
    pub pair: Pair,
    /// The price.
    pub price: Price,
    /// Grows with each frame of a pair on one connection, and jumps; `None` of venues that count nothing.
    pub sequence: Option<u64>,
    /// The venue's own time of it; `None` where the frame does not say.
    pub time: Option<Timestamp>,
}
