//! The page, the API, `/metrics` and the health routes, on `[http] listen`.
//!
//! It shows how things stand and what the store holds, and hands commands on; it decides nothing about transfers, alerts or money and
//! writes nothing itself. Who may ask for what is [`access`], which is pure. It starts nothing: [`serve()`] is one future with every
//! connection in it.

pub mod access;
mod approvals;
pub mod archive;
mod balances;
mod bodies;
mod commands;
pub mod control;
mod document;
mod events;
mod gas;
pub mod inbound;
mod listing;
mod local;
mod named;
mod page;
mod payment_body;
mod payments;
mod problem;
mod query;
mod repeats;
mod route;
mod router;
mod routes;
mod serve;
mod silences;
mod status;
mod table;
#[cfg(test)]
mod tests;
mod transfers;
mod watch_body;
mod watches;
mod why;
mod why_payment;

pub use access::Tokens;
pub use archive::Archive;
pub use control::{Command, Control, MoneyInForce, Refusal, Reloaded, WhyPayment};
pub use listing::Listing;
pub use local::Local;
pub use serve::serve;

use crate::telemetry::{Metrics, Snapshot};
use crate::types::Timestamp;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// The largest body that is read (FACES §4).
pub const LARGEST_BODY: usize = 64 * 1024;
/// The largest body that adds to the watch list: ten thousand addresses, each with all that can be said of it. Who sends it has a token.
pub const LARGEST_LIST: usize = 4 * 1024 * 1024;
/// The largest head of a request; browsers send 2 KiB.
pub const LARGEST_HEAD: usize = 16 * 1024;
/// Connections at one time; more wait in the listener's backlog. Far above what a page and a scraper need.
pub const MOST_CONNECTIONS: usize = 256;

/// How long anything may take.
#[derive(Debug, Clone, Copy)]
pub struct Deadlines {
    /// The head of a request, and the wait for the next one on a connection.
    pub head: Duration,
    /// For the body of a request, and again for its answer. A command waits for its commit in this time.
    pub answer: Duration,
    /// A connection altogether: nobody can keep one by reading slowly.
    pub connection: Duration,
    /// Requests that are under way when a connection has to end.
    pub grace: Duration,
}

impl Default for Deadlines {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self { head: seconds(10), answer: seconds(10), connection: seconds(120), grace: seconds(2) }
    }
}

/// What the routes work with.
#[derive(Clone)]
pub struct Parts {
    /// How things stand, from `app`.
    pub snapshot: watch::Receiver<Arc<Snapshot>>,
    /// The series.
    pub metrics: Metrics,
    /// What the store holds.
    pub archive: Arc<dyn Archive>,
    /// Where commands go.
    pub control: Arc<dyn Control>,
    /// Who may do what; a reload changes it.
    pub tokens: watch::Receiver<Tokens>,
    /// The wall time.
    pub now: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    /// How long anything may take.
    pub deadlines: Deadlines,
}

impl Parts {
    /// How things stand now.
    fn standing(&self) -> Arc<Snapshot> {
        Arc::clone(&self.snapshot.borrow())
    }
}
