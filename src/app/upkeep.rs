//! What is done every so often for as long as the monitor runs: old rows are removed, and the outbox is counted for people.

use super::board::Board;
use super::clock::Clock;
use crate::config::checked::Config;
use crate::store::{Prune, Reader, StoreFault, WriterHandle};
use crate::types::Timestamp;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// How often what is closed and old is removed.
const PRUNED_EVERY: Duration = Duration::from_hours(1);
/// Rows that one step of it looks at: the writer is not held up for longer than a commit takes.
const PRUNED_AT_ONCE: u32 = 512;
/// How often the outbox is counted for people.
const COUNTED_EVERY: Duration = Duration::from_secs(5);

/// Removes what is closed and older than the config keeps it.
pub(super) async fn prune(
    writer: WriterHandle,
    in_force: watch::Receiver<Arc<Config>>,
    clock: Arc<Clock>,
    stop: CancellationToken,
) -> Result<(), StoreFault> {
    let ago = |span: Duration| {
        let millis = i64::try_from(span.as_millis()).unwrap_or(i64::MAX);
        Timestamp::from_millis(clock.now().millis().saturating_sub(millis))
    };
    loop {
        let store = in_force.borrow().store.clone();
        let step = Prune {
            before_outbox: store.keep_outbox.map_or(Timestamp::default(), ago),
            before_transfers: store.keep_transfers.map(ago),
            limit: PRUNED_AT_ONCE,
        };
        while writer.prune(step).await?.more && !stop.is_cancelled() {}
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            () = tokio::time::sleep(PRUNED_EVERY) => {}
        }
    }
}

/// Counts the outbox for people, from a connection of its own.
pub(super) async fn count(path: PathBuf, board: Arc<Board>, stop: CancellationToken) -> Result<(), StoreFault> {
    loop {
        let (path, board) = (path.clone(), Arc::clone(&board));
        let counted = tokio::task::spawn_blocking(move || {
            let reader = Reader::open(&path)?;
            board.counted(&reader.outbox_counts()?);
            Ok::<(), StoreFault>(())
        });
        if let Ok(Err(fault)) = counted.await {
            tracing::debug!("the outbox could not be counted: {fault}");
        }
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            () = tokio::time::sleep(COUNTED_EVERY) => {}
        }
    }
}
