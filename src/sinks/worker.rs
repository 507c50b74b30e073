//! The delivery worker: one future that owns the delivery machine and does what it says.
//!
//! It sends what is begun, hands every answer to the machine, writes the delivery columns in groups (one group at a time, everything
//! that came meanwhile is the next), and passes reports on. It decides nothing: see [`super::delivery`]. It never spawns: all
//! attempts live in this future. Wall time and random numbers come in as functions; timers are tokio's.

mod attempt;
mod run;
mod standing;
#[cfg(test)]
mod tests;
mod turn;

use super::delivery::{LaneStatus, OrderFault};
use super::{Carry, Post, Sink};
use crate::reactor::event::DeliveryReport;
use crate::store::{DeliveryWrite, OutboxRow};
use crate::types::{AlertId, Name, Timestamp};
use std::collections::BTreeMap;
use std::future::Future;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

/// How long a stop waits for attempts under way. What is cut off is tried again at the next start, with the same id.
pub const GRACE: Duration = Duration::from_secs(5);
/// Writes that may wait for the store before no new attempt is begun: bounds memory, and what a crash repeats.
pub const MOST_UNWRITTEN: usize = 16_384;
/// Reports that may wait for the pump before no new attempt is begun.
pub const MOST_UNREPORTED: usize = 16_384;
/// The most things that are taken in before the machine is asked again.
const MOST_AT_ONCE: usize = 1_024;

/// The store, as the worker needs it.
pub trait Ledger {
    /// Writes delivery columns, durably.
    ///
    /// # Errors
    /// [`LedgerClosed`] when they are not durable: the worker ends, and with it the process.
    fn deliver(&self, writes: Vec<DeliveryWrite>) -> impl Future<Output = Result<(), LedgerClosed>> + Send;

    /// Reads rows with their bodies, whatever their state. A row that is not there is left out.
    ///
    /// # Errors
    /// [`LedgerClosed`] when they cannot be read.
    fn fetch(&self, seqs: Vec<i64>) -> impl Future<Output = Result<Vec<OutboxRow>, LedgerClosed>> + Send;

    /// How a sink's receiver calls the first message of an alert that it has.
    ///
    /// # Errors
    /// [`LedgerClosed`] when it cannot be read.
    fn first_told(&self, sink: Name, alert: AlertId)
    -> impl Future<Output = Result<Option<Name>, LedgerClosed>> + Send;
}

/// The store failed or is gone: nothing can be recorded any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the store takes no delivery outcomes any more: the process has to end and go on from disk")]
pub struct LedgerClosed;

/// How an attempt came out, for metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Delivered.
    Ok,
    /// To be tried again.
    Again,
    /// Given up by the answer itself.
    Dead,
}

impl Outcome {
    /// Every outcome.
    pub const ALL: [Self; 3] = [Self::Ok, Self::Again, Self::Dead];

    /// The word in metrics.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Again => "again",
            Self::Dead => "dead",
        }
    }
}

/// Who counts. Called from the worker's own turn, so it must be quick.
pub trait Observer {
    /// An attempt ended, this long after it began.
    fn attempt(&self, sink: &Name, outcome: Outcome, took: Duration);
    /// A message about a block was acknowledged, this long after the block's time.
    fn latency(&self, sink: &Name, since_block: Duration);
    /// How a sink is now.
    fn stands(&self, status: LaneStatus);
}

/// What people and reloads ask of the worker. Each is answered when the write that it made is durable.
#[derive(Debug)]
pub enum Order {
    /// Send a closed row again.
    Replay(i64, oneshot::Sender<Result<(), OrderFault>>),
    /// Give a pending row up.
    Drop(i64, oneshot::Sender<Result<(), OrderFault>>),
    /// Open a sink.
    Enable(Name, oneshot::Sender<Result<(), OrderFault>>),
    /// How every sink is.
    Status(oneshot::Sender<Vec<LaneStatus>>),
    /// The sinks in force after a reload.
    Configure(BTreeMap<Name, Sink>, oneshot::Sender<Result<(), OrderFault>>),
}

/// What the worker starts from.
#[derive(Debug)]
pub struct Start {
    /// The sinks in force.
    pub sinks: BTreeMap<Name, Sink>,
    /// Every pending row (`Store::open_outbox`).
    pub open: Vec<OutboxRow>,
    /// Names of disabled sinks (`Store::open_outbox`).
    pub disabled: Vec<Name>,
    /// Sinks that had only failures when the last run ended (`Reader::failing`).
    pub failing: Vec<(Name, Timestamp, Name)>,
    /// What was delivered and lasts, of sinks that are told again and again (`Reader::lasting`).
    pub lasting: Vec<OutboxRow>,
}

/// What the worker is connected to.
#[derive(Debug)]
pub struct Wires<P, L, O, C, R> {
    /// Who sends.
    pub post: P,
    /// Who records.
    pub ledger: L,
    /// Who counts.
    pub observer: O,
    /// The wall time.
    pub clock: C,
    /// Uniformly drawn numbers, for jitter.
    pub random: R,
    /// The rows of each commit, in order.
    pub rows: mpsc::Receiver<Vec<OutboxRow>>,
    /// Commands.
    pub orders: mpsc::Receiver<Order>,
    /// To the pump.
    pub reports: mpsc::Sender<DeliveryReport>,
    /// Stop: no new attempts, [`GRACE`] for those under way.
    pub stop: CancellationToken,
}

/// Delivers until it is stopped.
///
/// # Errors
/// [`LedgerClosed`] when an outcome could not be recorded.
pub async fn deliver<P, L, O, C, R>(start: Start, wires: Wires<P, L, O, C, R>) -> Result<(), LedgerClosed>
where
    P: Post + Carry + Sync,
    L: Ledger + Sync,
    O: Observer,
    C: Fn() -> Timestamp,
    R: FnMut() -> u64,
{
    run::run(start, wires).await
}
