//! The store's tests: what they share.

mod backups;
mod faults;
mod laws;
mod lists;
mod told;
mod upgrades;

use super::*;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use std::path::{Path, PathBuf};

const ID: StoreId = [7; 16];

/// A folder of its own, and the store's path in it.
fn place() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("walletwatch.db");
    (folder, path)
}

fn open(path: &Path) -> SqliteStore {
    SqliteStore::open(path, IfMissing::Create(ID)).unwrap()
}

/// The same commits on every run.
fn some_commits(count: usize) -> Vec<Commit> {
    let mut runner = TestRunner::deterministic();
    let strategy = arbitrary::commit();
    (0..count).map(|_| strategy.new_tree(&mut runner).unwrap().current()).collect()
}

fn a_message(byte: u8) -> NewMessage {
    NewMessage {
        id: MessageId([byte; 16]),
        sink: "ops".into(),
        alert: AlertId([byte; 16]),
        revision: 1,
        kind: "test".into(),
        retracts: false,
        severity: Severity::Info,
        created: Timestamp::from_millis(1_000),
        block_time: None,
        body: Bytes::from_static(b"{}"),
    }
}

fn a_commit(byte: u8) -> Commit {
    Commit { at: Timestamp::from_millis(1_000), writes: vec![], outbox: vec![a_message(byte)] }
}

fn done(seq: i64, state: OutboxState) -> DeliveryWrite {
    let closed_at = Some(Timestamp::from_millis(2_000));
    let due = Timestamp::from_millis(2_000);
    let receiver_id = (state == OutboxState::Done).then(|| format!("theirs {seq}").into());
    DeliveryWrite::Outcome { seq, state, attempts: 1, due, reason: None, receiver_id, closed_at }
}

/// A commit that was begun and never ended: the connection goes away as with the process.
fn lose(store: &mut SqliteStore, commit: &Commit) {
    let lost: Result<(), StoreFault> = store.together(|turn| {
        turn.commit(commit)?;
        Err(rusqlite::Error::QueryReturnedNoRows)
    });
    lost.unwrap_err();
}

fn compare(model: &mut ModelStore, sqlite: &mut SqliteStore) {
    assert_eq!(model.load().unwrap(), sqlite.load().unwrap());
    assert_eq!(model.open_outbox().unwrap(), sqlite.open_outbox().unwrap());
    let reader = Reader::open(sqlite.path()).unwrap();
    let mut outbox = reader.outbox(&OutboxFilter::default(), usize::MAX).unwrap().rows;
    outbox.reverse();
    assert_eq!(model.outbox().cloned().collect::<Vec<_>>(), outbox);
    for seq in 1..20 {
        assert_eq!(model.attempts(seq), reader.attempts(seq).unwrap());
    }
    let mut alerts = reader.alerts(&AlertFilter::default(), usize::MAX).unwrap().rows;
    alerts.reverse();
    assert_eq!(model.alerts().cloned().collect::<Vec<_>>(), alerts);
    let mut transfers: Vec<_> = model.transfers().cloned().collect();
    transfers.sort_by_key(|row| {
        std::cmp::Reverse((row.first_seen, row.id, row.key.chain.0.cast_signed(), row.block.cast_signed()))
    });
    let (approvals, transfers): (Vec<_>, Vec<_>) = transfers.into_iter().partition(|row| row.key.kind.is_approval());
    let listed = |approvals| {
        let filter = TransferFilter { approvals, ..TransferFilter::default() };
        reader.transfers(&filter, usize::MAX).unwrap().rows
    };
    assert_eq!((transfers, approvals), (listed(false), listed(true)));
}
