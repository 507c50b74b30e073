//! What a dead monitor left on disk: it opens cleanly, and its time does not run backwards.

use std::path::Path;
use walletwatch::store::{IfMissing, Reader, SqliteStore, Store};
use walletwatch::types::Timestamp;

/// Looks at a copy, so that the next start finds the log of the store as the dead left it. Gives whether history was being read.
pub(crate) fn check(folder: &Path, last_at: &mut Option<Timestamp>) -> Result<bool, String> {
    let copies = tempfile::tempdir().map_err(|error| error.to_string())?;
    let copy = copies.path().join("kill.db");
    for end in ["", "-wal"] {
        let from = folder.join(format!("data/kill.db{end}"));
        if from.exists() {
            std::fs::copy(&from, copies.path().join(format!("kill.db{end}"))).map_err(|error| error.to_string())?;
        }
    }
    let connection = rusqlite::Connection::open(&copy).map_err(|error| error.to_string())?;
    let found: String = connection
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .map_err(|error| format!("the store cannot be read: {error}"))?;
    drop(connection);
    if found != "ok" {
        return Err(format!("the store is damaged: {found}"));
    }
    let mut store =
        SqliteStore::open(&copy, IfMissing::Refuse).map_err(|fault| format!("the store does not open: {fault}"))?;
    let (tables, at) = store.load().map_err(|fault| format!("the store cannot be loaded: {fault}"))?;
    if at < *last_at {
        return Err(format!("the store's time went from {last_at:?} back to {at:?}"));
    }
    *last_at = at;
    Ok(!tables.backfills.is_empty())
}

/// Messages that are neither delivered nor taken back, by the store of a monitor that has stopped: a line each.
pub(crate) fn undelivered(folder: &Path) -> Vec<String> {
    let reader = Reader::open(&folder.join("data/kill.db")).expect("a stopped monitor leaves a store that opens");
    let counts = reader.outbox_counts().expect("it can be read");
    let open = counts.iter().filter(|count| matches!(count.state.word(), "pending" | "dead") && count.messages > 0);
    open.map(|count| format!("{} messages are {} for {}", count.messages, count.state.word(), count.sink)).collect()
}
