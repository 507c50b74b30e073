//! The way out: supervised sockets and an HTTP client, with their limits, their clocks and their patience.
//!
//! Every socket and every request of the process goes through here, so that every one of them has a deadline, a cap in
//! decompressed bytes, a vetted address and errors without urls. The parts that decide (`backoff`, `breaker`, `budget`,
//! `address_guard`, `socket::machine`) are pure: time and random numbers are arguments. The parts that act
//! (`http`, `stream`, `socket::supervisor`) use tokio's clock, which tests can pause.
//!
//! This room never retries a request (the outbox, the poller and the payment worker own retries), never follows a
//! redirect, never takes a proxy from the environment, never waits for a consumer, never spawns a task and never lets
//! a url, which may carry a key, reach an error, a log or a metric. It knows `types` and nothing else of this crate.

pub mod address_guard;
pub mod backoff;
pub mod breaker;
pub mod budget;
pub mod http;
pub mod single;
pub mod socket;
pub mod stream;
pub mod tls;

pub use backoff::Backoff;
pub use breaker::Breaker;
pub use budget::CallBudget;
pub use http::{HttpClient, HttpFault, Reach, Request, Response, Target};
pub use single::{SingleFault, SingleUse};
pub use socket::{Protocol, SocketState, Verdict};
pub use stream::{ByteStream, StreamFault, StreamReach};
pub use tls::{Tls, install_crypto_provider};

use crate::types::Timestamp;
use std::time::Duration;

/// `walletwatch/VERSION`: what every request and every upgrade calls itself.
pub const USER_AGENT: &str = concat!("walletwatch/", env!("CARGO_PKG_VERSION"));

/// A point on some clock. The pure machines work on wall time (`Timestamp`, as the delivery machine has it) and on
/// tokio's monotonic clock (as the sockets have it) alike.
pub trait Moment: Copy + Ord {
    /// This long after; the latest moment there is when that does not fit.
    #[must_use]
    fn after(self, span: Duration) -> Self;
}

impl Moment for Timestamp {
    fn after(self, span: Duration) -> Self {
        Timestamp::after(self, span)
    }
}

impl Moment for tokio::time::Instant {
    fn after(self, span: Duration) -> Self {
        // Tokio's clock has no latest moment; thirty years ahead is what tokio itself calls "far".
        const FAR: Duration = Duration::from_hours(30 * 365 * 24);
        self.checked_add(span.min(FAR)).unwrap_or(self)
    }
}
