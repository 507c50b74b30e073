//! What the routes need of the store: the newest rows first, in pages.

use crate::reactor::rows::{AlertRow, TransferRow};
use crate::store::{OutboxRow, OutboxState};
use crate::types::{AlertId, ChainId, MessageId, Name, Timestamp, TransferId};
use futures::future::BoxFuture;

/// Where a page begins: behind the row with this time and id. Rows are in descending order of (time, id).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Behind<I> {
    /// `first_seen` of a transfer, `raised_at` of an alert.
    pub at: Timestamp,
    /// Its id.
    pub id: I,
}

/// Which rows of the outbox.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OutboxFilter {
    /// Of this sink; all, if left out.
    pub sink: Option<Name>,
    /// In this state; all, if left out.
    pub state: Option<OutboxState>,
}

/// The store cannot be read.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the store cannot be read: {0}")]
pub struct ArchiveFault(
    /// Why, without paths or secrets.
    pub String,
);

/// An answer of the store.
pub type Answer<'a, T> = BoxFuture<'a, Result<T, ArchiveFault>>;

/// What the store holds. `app` implements it over the store's readers; nothing here may block the one who waits.
pub trait Archive: Send + Sync {
    /// At most `limit` transfers, newest first, on one chain or on all.
    fn transfers(
        &self,
        chain: Option<ChainId>,
        behind: Option<Behind<TransferId>>,
        limit: usize,
    ) -> Answer<'_, Vec<TransferRow>>;

    /// At most `limit` alerts, newest first, of one rule or of all.
    fn alerts(&self, rule: Option<Name>, behind: Option<Behind<AlertId>>, limit: usize) -> Answer<'_, Vec<AlertRow>>;

    /// At most `limit` rows of the outbox, newest first, those below the number `below`.
    fn outbox(&self, filter: OutboxFilter, below: Option<i64>, limit: usize) -> Answer<'_, Vec<OutboxRow>>;

    /// One row of the outbox.
    fn message(&self, id: MessageId) -> Answer<'_, Option<OutboxRow>>;
}
