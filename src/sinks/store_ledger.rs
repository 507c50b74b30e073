//! The real [`Ledger`]: outcomes through the one writer, bodies from a read-only connection.
//!
//! It writes delivery columns and nothing else. A read is by a key and happens only for bodies beyond what the delivery machine holds,
//! for replays and for what a chat or a mail answers, at most a lane's concurrency at a time: short enough to be done in place.

use super::Sink;
use super::worker::{Ledger, LedgerClosed};
use crate::store::{DeliveryWrite, OutboxRow, Reader, StoreFault, WriterHandle};
use crate::telemetry::faults::{KillPoint, kill_point};
use crate::types::{AlertId, Name, Timestamp};
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// The store, as the delivery worker needs it.
#[derive(Debug)]
pub struct StoreLedger {
    writer: WriterHandle,
    reader: Mutex<Reader>,
}

impl StoreLedger {
    /// Of the writer and a connection of its own.
    #[must_use]
    pub const fn new(writer: WriterHandle, reader: Reader) -> Self {
        Self { writer, reader: Mutex::new(reader) }
    }

    /// What was delivered and lasts, to the sinks that are told again and again.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn lasting(&self, sinks: &BTreeMap<Name, Sink>) -> Result<Vec<OutboxRow>, StoreFault> {
        let reader = self.reader.lock().unwrap_or_else(PoisonError::into_inner);
        let told_again = sinks.iter().filter(|(_, sink)| sink.is_told_again());
        Ok(told_again.map(|(name, _)| reader.lasting(name)).collect::<Result<Vec<_>, _>>()?.concat())
    }

    /// Sinks that had only failures when the last run ended: since when, and the last of them.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn failing(&self) -> Result<Vec<(Name, Timestamp, Name)>, StoreFault> {
        self.reader.lock().unwrap_or_else(PoisonError::into_inner).failing()
    }

    fn read(&self, seqs: &[i64]) -> Result<Vec<OutboxRow>, StoreFault> {
        // A reader has no state that a panic could leave half done.
        let reader = self.reader.lock().unwrap_or_else(PoisonError::into_inner);
        let rows = seqs.iter().map(|seq| reader.outbox_row(*seq));
        rows.filter_map(Result::transpose).collect()
    }
}

impl Ledger for StoreLedger {
    async fn deliver(&self, writes: Vec<DeliveryWrite>) -> Result<(), LedgerClosed> {
        kill_point(KillPoint::BeforeDeliveryWrite);
        self.writer.deliver(writes).await.map_err(|fault| said(&fault))?;
        kill_point(KillPoint::AfterDeliveryWrite);
        Ok(())
    }

    async fn first_told(&self, sink: Name, alert: AlertId) -> Result<Option<Name>, LedgerClosed> {
        // A reader has no state that a panic could leave half done.
        let reader = self.reader.lock().unwrap_or_else(PoisonError::into_inner);
        reader.first_told(&sink, alert).map_err(|fault| said(&fault))
    }

    async fn fetch(&self, seqs: Vec<i64>) -> Result<Vec<OutboxRow>, LedgerClosed> {
        self.read(&seqs).map_err(|fault| said(&fault))
    }
}

/// Says why, before the worker ends.
fn said(fault: &StoreFault) -> LedgerClosed {
    tracing::error!(%fault, "the outbox cannot be read or written");
    LedgerClosed
}
