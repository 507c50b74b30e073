//! The store: one commit per turn, one writer thread, the tables that are the record.
//!
//! The pump's commit writes every table except the delivery columns of an outbox row; those only the delivery worker writes, through the
//! same thread and in the same group commit.

mod alerts;
#[cfg(test)]
mod arbitrary;
mod attempts;
pub mod backup;
mod balances;
mod codec;
mod digests;
pub mod fault;
mod history;
mod keys;
pub mod lists;
pub mod lock;
pub mod meta;
mod migrate;
pub mod model;
mod money;
mod numbers;
mod outbox;
mod prices;
pub mod prune;
mod quiet;
pub mod read;
mod read_ledger;
mod read_payments;
mod read_watches;
mod schema;
mod small;
pub mod sqlite;
#[cfg(test)]
mod tests;
mod transfers;
mod watches;
pub mod writer;

pub use attempts::{AttemptEnd, AttemptRow};
pub use backup::{Contents, Staged};
pub use fault::{Remedy, StoreFault};
pub use lists::{AlertFilter, OutboxCount, OutboxFilter, Page, TransferFilter, TransferPlace};
pub use meta::{Budget, StoreId};
pub use model::ModelStore;
pub use prune::{Prune, Pruned};
pub use read::Reader;
pub use read_payments::{PaymentFilter, PaymentPlace};
pub use sqlite::{IfMissing, SqliteStore};
pub use writer::{WriterHandle, writer};

use crate::reactor::rows::{Row, RowKey, Tables};
use crate::types::{AlertId, MessageId, Name, Severity, Timestamp};
use bytes::Bytes;

/// Everything that one turn writes, all or nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Commit {
    /// The time of the turn's last event: `at` never runs backwards over a restart.
    pub at: Timestamp,
    /// In order.
    pub writes: Vec<Write>,
    /// Messages, frozen as they will be sent.
    pub outbox: Vec<NewMessage>,
}

impl Commit {
    /// Whether a payment changes in it.
    #[must_use]
    pub fn pays(&self) -> bool {
        self.writes.iter().any(|write| matches!(write, Write::Put(Row::Payment(_))))
    }
}

/// One write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Write {
    /// Insert or replace.
    Put(Row),
    /// Remove.
    Delete(RowKey),
}

/// A message on its way into the outbox. The same id again changes nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewMessage {
    /// The same on every attempt and replay.
    pub id: MessageId,
    /// To whom.
    pub sink: Name,
    /// Whose life it belongs to: messages of one alert to one sink are delivered in order.
    pub alert: AlertId,
    /// Counts per alert.
    pub revision: u32,
    /// The `type` of its body.
    pub kind: Name,
    /// Whether it takes something back.
    pub retracts: bool,
    /// How much it matters.
    pub severity: Severity,
    /// When it was made.
    pub created: Timestamp,
    /// Time of the block it is about, for the latency metric.
    pub block_time: Option<Timestamp>,
    /// The canonical JSON body (FACES §3), rendered once.
    pub body: Bytes,
}

/// Where an outbox row stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum OutboxState {
    /// To be delivered.
    Pending,
    /// Acknowledged.
    Done,
    /// Given up: it can be replayed.
    Dead,
    /// Closed together with its retraction before anything was sent.
    Superseded,
}

impl OutboxState {
    /// Every state.
    pub const ALL: [Self; 4] = [Self::Pending, Self::Done, Self::Dead, Self::Superseded];

    /// The word in metrics, the API and the store.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Done => "done",
            Self::Dead => "dead",
            Self::Superseded => "superseded",
        }
    }

    /// The state with this word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.word() == word)
    }
}

/// A row of the outbox: the message and its delivery columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboxRow {
    /// Order of record: later rows have higher numbers.
    pub seq: i64,
    /// The message.
    pub message: NewMessage,
    /// Where it stands.
    pub state: OutboxState,
    /// Attempts that ended.
    pub attempts: u32,
    /// When it is next tried.
    pub due: Timestamp,
    /// Why the last attempt failed, without urls or secrets.
    pub reason: Option<Name>,
    /// The receiver's own id of the message.
    pub receiver_id: Option<Name>,
    /// When it was closed.
    pub closed_at: Option<Timestamp>,
}

/// A change of delivery columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeliveryWrite {
    /// An attempt ended, or a row was closed.
    Outcome {
        /// Which row.
        seq: i64,
        /// Where it stands now.
        state: OutboxState,
        /// Attempts that ended.
        attempts: u32,
        /// When it is next tried.
        due: Timestamp,
        /// Why it failed.
        reason: Option<Name>,
        /// The receiver's own id of the message.
        receiver_id: Option<Name>,
        /// When it was closed.
        closed_at: Option<Timestamp>,
    },
    /// An attempt ended, and its message's own row will not say so: it did not deliver, or the message is sent once more.
    Attempt {
        /// Which row.
        seq: i64,
        /// What it came to.
        row: AttemptRow,
    },
    /// A sink was disabled by its receiver, or enabled again.
    Sink {
        /// Which.
        sink: Name,
        /// Whether it is disabled.
        disabled: bool,
    },
}

/// What the pump and the delivery worker need of a store. SQLite and the simulation's model both are one.
pub trait Store {
    /// Why it failed. A failed commit ends the process.
    type Fault;

    /// The rows that a reactor is rebuilt from, and the time of the last commit.
    ///
    /// # Errors
    /// When they cannot be read.
    fn load(&mut self) -> Result<(Tables, Option<Timestamp>), Self::Fault>;

    /// Writes one turn, durably, all or nothing. Gives the new outbox rows in order; a message whose id is there already gives none.
    ///
    /// # Errors
    /// When it is not durable: the process ends and goes on from disk.
    fn commit(&mut self, commit: &Commit) -> Result<Vec<OutboxRow>, Self::Fault>;

    /// Writes delivery columns, durably.
    ///
    /// # Errors
    /// As for `commit`.
    fn deliver(&mut self, writes: &[DeliveryWrite]) -> Result<(), Self::Fault>;

    /// Every pending row, in order of `seq`, and the names of disabled sinks.
    ///
    /// # Errors
    /// When they cannot be read.
    fn open_outbox(&mut self) -> Result<(Vec<OutboxRow>, Vec<Name>), Self::Fault>;
}
