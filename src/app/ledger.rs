//! The store as the delivery worker sees it: outcomes go through the one writer, bodies come from a connection that only reads.

use crate::sinks::worker::{Ledger, LedgerClosed};
use crate::store::{DeliveryWrite, OutboxRow, Reader, StoreFault, WriterHandle};
use crate::telemetry::faults::kill_point;
use std::path::PathBuf;

/// The ledger.
#[derive(Debug, Clone)]
pub struct StoreLedger {
    writer: WriterHandle,
    path: PathBuf,
}

impl StoreLedger {
    /// Over a writer and the store that it writes.
    #[must_use]
    pub const fn new(writer: WriterHandle, path: PathBuf) -> Self {
        Self { writer, path }
    }
}

impl Ledger for StoreLedger {
    async fn deliver(&self, writes: Vec<DeliveryWrite>) -> Result<(), LedgerClosed> {
        kill_point("before_delivery_write");
        self.writer.deliver(writes).await.map_err(closed)?;
        kill_point("after_delivery_write");
        Ok(())
    }

    async fn fetch(&self, seqs: Vec<i64>) -> Result<Vec<OutboxRow>, LedgerClosed> {
        let path = self.path.clone();
        let read = tokio::task::spawn_blocking(move || {
            let reader = Reader::open(&path)?;
            let mut rows = Vec::with_capacity(seqs.len());
            for seq in seqs {
                rows.extend(reader.outbox_row(seq)?);
            }
            Ok(rows)
        });
        read.await.map_err(|_| LedgerClosed)?.map_err(closed)
    }
}

fn closed(fault: StoreFault) -> LedgerClosed {
    tracing::error!("deliveries cannot be recorded: {fault}");
    LedgerClosed
}
