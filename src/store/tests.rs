//! The store's laws: what was committed is there, what was not is not, and the model says the same as SQLite.

use super::arbitrary;
use super::migrate::{COPIES_KEPT, copy_path};
use super::read::{AlertFilter, OutboxFilter, TransferFilter};
use super::schema::{APPLICATION_ID, MIGRATIONS, Migration};
use super::*;
use crate::reactor::rows::Row;
use crate::reactor::rows::TransferRow;
use crate::types::TransferId;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use std::collections::BTreeSet;
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
    DeliveryWrite::Outcome { seq, state, attempts: 1, due, reason: None, receiver_id: None, closed_at }
}

/// What happens to a store.
#[derive(Debug, Clone)]
enum Step {
    Commit(Commit),
    /// It dies inside the commit.
    Lost(Commit),
    Deliver(Vec<DeliveryWrite>),
    Prune(Prune),
    Note(u8, String),
    Reopen,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => arbitrary::commit().prop_map(Step::Commit),
        1 => arbitrary::commit().prop_map(Step::Lost),
        3 => proptest::collection::vec(arbitrary::delivery(), 0..8).prop_map(Step::Deliver),
        2 => arbitrary::prune().prop_map(Step::Prune),
        1 => (0_u8..3, ".{0,5}").prop_map(|(key, value)| Step::Note(key, value)),
        1 => Just(Step::Reopen),
    ]
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
    let mut alerts = reader.alerts(&AlertFilter::default(), usize::MAX).unwrap().rows;
    alerts.reverse();
    assert_eq!(model.alerts().cloned().collect::<Vec<_>>(), alerts);
    let mut transfers: Vec<_> = model.transfers().cloned().collect();
    transfers.sort_by_key(|row| {
        std::cmp::Reverse((row.first_seen, row.id, row.key.chain.0.cast_signed(), row.block.cast_signed()))
    });
    assert_eq!(transfers, reader.transfers(&TransferFilter::default(), usize::MAX).unwrap().rows);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn the_model_and_sqlite_give_the_same_answers(steps in proptest::collection::vec(step(), 1..25)) {
        let (_folder, path) = place();
        let (mut model, mut sqlite) = (ModelStore::default(), open(&path));
        for step in steps {
            match &step {
                Step::Commit(commit) => assert_eq!(model.commit(commit).unwrap(), sqlite.commit(commit).unwrap()),
                Step::Lost(commit) => {
                    lose(&mut sqlite, commit);
                    drop(sqlite);
                    sqlite = open(&path);
                }
                Step::Deliver(writes) => {
                    model.deliver(writes).unwrap();
                    sqlite.deliver(writes).unwrap();
                }
                Step::Prune(prune) => {
                    let mut gone = Pruned { more: true, ..Pruned::default() };
                    while gone.more {
                        let step = sqlite.prune(prune).unwrap();
                        gone.outbox += step.outbox;
                        gone.alerts += step.alerts;
                        gone.transfers += step.transfers;
                        gone.more = step.more;
                    }
                    assert_eq!(model.prune(prune), gone);
                }
                Step::Note(key, value) => {
                    model.set_note(&key.to_string(), value);
                    sqlite.set_note(&key.to_string(), value).unwrap();
                    assert_eq!(model.note(&key.to_string()), sqlite.note(&key.to_string()).unwrap().as_deref());
                }
                Step::Reopen => {
                    drop(sqlite);
                    sqlite = open(&path);
                }
            }
            compare(&mut model, &mut sqlite);
        }
    }

    #[test]
    fn every_row_is_read_back_as_it_was_put(row in arbitrary::row()) {
        let (_folder, path) = place();
        let mut row = row;
        // Only what is open is loaded.
        if let Row::Transfer(row) = &mut row { row.settled = false; }
        if let Row::Alert(row) = &mut row { row.closed = false; }
        let commit = Commit { writes: vec![Write::Put(row.clone())], ..Commit::default() };
        open(&path).commit(&commit).unwrap();
        let (tables, at) = open(&path).load().unwrap();
        let mut wanted = crate::reactor::rows::Tables::default();
        match row.clone() {
            Row::Chain(row) => wanted.chains.push(row),
            Row::Block(row) => wanted.blocks.push(row),
            Row::Gap(row) => wanted.gaps.push(row),
            Row::Transfer(row) => wanted.transfers.push(*row),
            Row::Alert(row) => wanted.alerts.push(*row),
            Row::Rule(row) => wanted.rules.push(row),
            Row::View(row) => wanted.views.push(row),
            Row::Token(row) => wanted.tokens.push(row),
            Row::Deadline(row) => wanted.deadlines.push(row),
            Row::Trouble(row) => wanted.troubles.push(row),
            Row::Payment(row) => wanted.payments.push(*row),
        }
        assert_eq!((tables, at), (wanted, Some(Timestamp::default())));
        open(&path).commit(&Commit { writes: vec![Write::Delete(arbitrary::key_of(&row))], ..Commit::default() }).unwrap();
        assert_eq!(open(&path).load().unwrap().0, crate::reactor::rows::Tables::default());
    }
}

#[test]
fn sqlite_is_one_without_the_log_reset_fault() {
    // 3.7.0 to 3.51.2 can corrupt a store in WAL mode (sqlite.org/wal.html#walresetbug).
    assert!(rusqlite::version_number() >= 3_051_003, "{}", rusqlite::version());
}

#[test]
fn the_log_is_synced_at_every_commit() {
    let (_folder, path) = place();
    let store = open(&path);
    let pragma = |name: &str| {
        store.connection().pragma_query_value(None, name, |row| row.get::<_, rusqlite::types::Value>(0)).unwrap()
    };
    assert_eq!(pragma("journal_mode"), rusqlite::types::Value::Text("wal".into()));
    assert_eq!(pragma("synchronous"), rusqlite::types::Value::Integer(2), "FULL");
    assert_eq!(pragma("application_id"), rusqlite::types::Value::Integer(APPLICATION_ID.into()));
}

#[test]
fn what_was_committed_is_there_after_a_crash_and_what_was_not_is_not() {
    let (folder, path) = place();
    let mut store = open(&path);
    assert!(store.created());
    let commits = some_commits(30);
    let (kept, lost) = commits.split_at(29);
    let mut model = ModelStore::default();
    for commit in kept {
        store.commit(commit).unwrap();
        model.commit(commit).unwrap();
    }
    // A crash leaves the file and its log as they are at that moment: a transaction is under way, nothing was closed.
    store.connection().execute_batch("BEGIN IMMEDIATE").unwrap();
    store.connection().execute("INSERT INTO meta VALUES ('half', 'done')", []).unwrap();
    let crashed = folder.path().join("crashed.db");
    for tail in ["", "-wal"] {
        let name = |path: &Path| PathBuf::from(format!("{}{tail}", path.display()));
        std::fs::copy(name(&path), name(&crashed)).unwrap();
    }
    store.connection().execute_batch("ROLLBACK").unwrap();
    lose(&mut store, &lost[0]);
    drop(store);
    for path in [path, crashed] {
        let mut store = SqliteStore::open(&path, IfMissing::Refuse).unwrap();
        assert!(!store.created() && store.id() == ID);
        compare(&mut model, &mut store);
    }
}

#[test]
fn a_repeated_message_gives_no_row_even_much_later() {
    let (_folder, path) = place();
    let mut store = open(&path);
    let first = store.commit(&a_commit(1)).unwrap();
    assert_eq!((first.len(), first[0].seq, first[0].state), (1, 1, OutboxState::Pending));
    assert_eq!(store.commit(&a_commit(1)).unwrap(), vec![]);
    store.deliver(&[done(1, OutboxState::Done)]).unwrap();
    drop(store);
    let mut store = open(&path);
    assert_eq!(store.commit(&a_commit(1)).unwrap(), vec![]);
    assert_eq!(store.commit(&a_commit(2)).unwrap()[0].seq, 2);
    assert_eq!(store.open_outbox().unwrap().0.len(), 1);
}

#[test]
fn a_place_in_the_order_of_record_is_given_once() {
    let (_folder, path) = place();
    let mut store = open(&path);
    for byte in 1..=3 {
        store.commit(&a_commit(byte)).unwrap();
    }
    store.deliver(&[done(1, OutboxState::Done), done(2, OutboxState::Dead), done(3, OutboxState::Superseded)]).unwrap();
    let late = Timestamp::from_millis(i64::MAX);
    let gone = store.prune(&Prune { before_outbox: late, before_transfers: None, limit: 100 }).unwrap();
    assert_eq!(gone, Pruned { outbox: 2, ..Pruned::default() });
    drop(store);
    assert_eq!(open(&path).commit(&a_commit(4)).unwrap()[0].seq, 4);
}

#[test]
fn what_is_open_is_never_pruned() {
    let (_folder, path) = place();
    let mut store = open(&path);
    for commit in some_commits(20) {
        store.commit(&commit).unwrap();
    }
    let before = (store.load().unwrap(), store.open_outbox().unwrap());
    let late = Timestamp::from_millis(i64::MAX);
    while store.prune(&Prune { before_outbox: late, before_transfers: Some(late), limit: 3 }).unwrap().more {}
    assert_eq!((store.load().unwrap(), store.open_outbox().unwrap()), before);
}

#[test]
fn a_full_disk_is_said_and_loses_nothing() {
    let (_folder, path) = place();
    let mut store = open(&path);
    store.commit(&a_commit(1)).unwrap();
    let before = store.open_outbox().unwrap();
    let pages: i64 = store.connection().pragma_query_value(None, "page_count", |row| row.get(0)).unwrap();
    store.connection().pragma_update(None, "max_page_count", pages).unwrap();
    let mut large = a_commit(2);
    large.outbox[0].body = Bytes::from(vec![b'x'; 1 << 20]);
    let fault = store.commit(&large).unwrap_err();
    assert_eq!(fault, StoreFault::Full { path: path.clone() });
    assert_eq!(fault.remedy(), Remedy::Again);
    store.connection().pragma_update(None, "max_page_count", 1_000_000).unwrap();
    assert_eq!(store.commit(&a_commit(3)), Err(fault.clone()), "nothing is taken after a failed commit");
    assert_eq!(store.deliver(&[done(1, OutboxState::Done)]), Err(fault));
    drop(store);
    let mut store = open(&path);
    assert_eq!(store.open_outbox().unwrap(), before);
    assert_eq!(store.commit(&large).unwrap()[0].seq, 2);
}

#[test]
fn a_store_that_cannot_be_written_is_said() {
    let (_folder, path) = place();
    let mut store = open(&path);
    store.connection().pragma_update(None, "query_only", true).unwrap();
    assert_eq!(store.commit(&a_commit(1)), Err(StoreFault::ReadOnly { path }));
}

#[test]
fn a_folder_that_cannot_be_written_is_said() {
    let folder = Path::new("/proc/self");
    if !folder.is_dir() {
        println!("left out: this system has no folder that nobody can write");
        return;
    }
    let fault = SqliteStore::open(&folder.join("walletwatch.db"), IfMissing::Create(ID)).unwrap_err();
    let text = fault.to_string();
    assert!(matches!(fault, StoreFault::ReadOnly { .. } | StoreFault::Io { .. }), "{text}");
    assert!(text.contains("/proc/self/walletwatch.db.lock"), "{text}");
}

#[test]
fn a_store_is_not_opened_when_it_is_not_sure_to_be_ours() {
    let cases: [(&str, &str, fn(&StoreFault) -> bool); 4] = [
        ("newer", "PRAGMA user_version = 9999", |fault| {
            matches!(fault, StoreFault::Newer { found: 9999, known: 1, .. })
        }),
        ("foreign", "PRAGMA application_id = 77", |fault| matches!(fault, StoreFault::Foreign { found: 77, .. })),
        ("without a number", "PRAGMA user_version = 0", |fault| matches!(fault, StoreFault::Damaged { .. })),
        ("without an id", "DELETE FROM meta", |fault| matches!(fault, StoreFault::Damaged { .. })),
    ];
    for (what, change, right) in cases {
        let (_folder, path) = place();
        let mut store = open(&path);
        store.commit(&a_commit(1)).unwrap();
        store.connection().execute_batch(change).unwrap();
        drop(store);
        let bytes = std::fs::read(&path).unwrap();
        let fault = SqliteStore::open(&path, IfMissing::Create([9; 16])).unwrap_err();
        assert!(right(&fault), "{what}: {fault}");
        assert_eq!(fault.remedy(), Remedy::Person, "{what}: {fault}");
        assert_eq!(std::fs::read(&path).unwrap(), bytes, "{what}: it was changed");
    }
}

#[test]
fn a_damaged_file_is_said() {
    let cases: [(&str, fn(&Path)); 2] = [
        ("no database", |path| {
            std::fs::write(path, b"this is a letter, not a database, and long enough to be one".repeat(100)).unwrap()
        }),
        ("a strange word", |path| {
            let mut store = open(path);
            store.commit(&a_commit(1)).unwrap();
            store.connection().execute_batch("UPDATE outbox SET severity = 'mauve'").unwrap();
        }),
    ];
    for (what, harm) in cases {
        let (_folder, path) = place();
        harm(&path);
        let opened =
            SqliteStore::open(&path, IfMissing::Create(ID)).and_then(|mut store| store.open_outbox().map(drop));
        let fault = opened.unwrap_err();
        assert!(matches!(fault, StoreFault::Damaged { .. }), "{what}: {fault}");
        assert_eq!(fault.remedy(), Remedy::Person);
    }
}

#[test]
fn a_missing_store_is_made_only_when_that_is_meant() {
    let (folder, path) = place();
    let missing = Err(StoreFault::Missing { path: path.clone() });
    assert_eq!(SqliteStore::open(&path, IfMissing::Refuse).map(drop), missing);
    assert_eq!(Reader::open(&path).map(drop), missing);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "asking leaves nothing behind");
    std::fs::write(&path, b"").unwrap();
    assert_eq!(SqliteStore::open(&path, IfMissing::Refuse).map(drop), missing, "its making was cut off");
    assert!(open(&path).created());
    let elsewhere = folder.path().join("nowhere").join("walletwatch.db");
    let fault = SqliteStore::open(&elsewhere, IfMissing::Create(ID)).unwrap_err();
    assert_eq!(fault, StoreFault::NoFolder { path: folder.path().join("nowhere") });
}

#[test]
fn one_process_has_the_store() {
    let (_folder, path) = place();
    let store = open(&path);
    let fault = SqliteStore::open(&path, IfMissing::Refuse).unwrap_err();
    assert_eq!(fault, StoreFault::Locked { path: path.clone(), holder: Some(std::process::id()) });
    let reader = Reader::open(&path).unwrap();
    assert_eq!(reader.store_id().unwrap(), ID);
    drop(store);
    assert!(!open(&path).created());
}

#[test]
fn an_upgrade_goes_forward_once_after_a_copy_and_two_copies_are_kept() {
    let (_folder, path) = place();
    let step = |to: i64| Migration {
        to,
        sql: "CREATE TABLE IF NOT EXISTS more (n INTEGER) STRICT; INSERT INTO more VALUES (1);",
    };
    let all = [MIGRATIONS[0], step(2), step(3), step(4)];
    let mut store = open(&path);
    store.commit(&a_commit(1)).unwrap();
    let outbox = store.open_outbox().unwrap();
    drop(store);
    for upto in [2, 2, 3, 4, 4] {
        let mut store = SqliteStore::open_with(&path, IfMissing::Refuse, &all[..upto]).unwrap();
        let steps: i64 = store.connection().query_row("SELECT count(*) FROM more", [], |row| row.get(0)).unwrap();
        assert_eq!(steps, upto as i64 - 1, "each step ran once");
        assert_eq!(store.open_outbox().unwrap(), outbox);
    }
    let copies: Vec<i64> = (1..5).filter(|schema| copy_path(&path, *schema).exists()).collect();
    assert_eq!((copies.as_slice(), COPIES_KEPT), ([2, 3].as_slice(), 2));
    let mut copy = SqliteStore::open_with(&copy_path(&path, 3), IfMissing::Refuse, &all[..3]).unwrap();
    assert_eq!((copy.open_outbox().unwrap(), copy.id()), (outbox, ID));
    assert!(matches!(SqliteStore::open(&path, IfMissing::Refuse), Err(StoreFault::Newer { found: 4, known: 1, .. })));
}

#[test]
fn an_upgrade_that_fails_leaves_the_store_as_it_was() {
    let (_folder, path) = place();
    open(&path).commit(&a_commit(1)).unwrap();
    let broken = [MIGRATIONS[0], Migration { to: 2, sql: "CREATE TABLE half (n INTEGER) STRICT; this is no SQL;" }];
    SqliteStore::open_with(&path, IfMissing::Refuse, &broken).unwrap_err();
    let store = SqliteStore::open(&path, IfMissing::Refuse).unwrap();
    let half: i64 = store
        .connection()
        .query_row("SELECT count(*) FROM sqlite_schema WHERE name = 'half'", [], |row| row.get(0))
        .unwrap();
    assert_eq!(half, 0);
}

#[test]
fn lists_are_read_page_by_page_and_filtered() {
    let (_folder, path) = place();
    let mut store = open(&path);
    for commit in some_commits(60) {
        store.commit(&commit).unwrap();
    }
    let seqs: Vec<i64> = store.open_outbox().unwrap().0.iter().map(|row| row.seq).collect();
    let states = OutboxState::ALL.into_iter().cycle();
    let writes: Vec<DeliveryWrite> = seqs.iter().zip(states).map(|(seq, state)| done(*seq, state)).collect();
    store.deliver(&writes).unwrap();
    let reader = Reader::open(&path).unwrap();

    let every = reader.transfers(&TransferFilter::default(), usize::MAX).unwrap();
    assert!(every.rows.len() > 20 && every.next.is_none(), "{}", every.rows.len());
    let (mut paged, mut after) = (Vec::new(), None);
    loop {
        let page = reader.transfers(&TransferFilter { after, ..TransferFilter::default() }, 7).unwrap();
        paged.extend(page.rows);
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    // One id in two blocks at one time has one place: random rows do that, transfers do not.
    let ids = |rows: &[TransferRow]| rows.iter().map(|row| (row.first_seen, row.id)).collect::<BTreeSet<_>>();
    assert_eq!(ids(&paged), ids(&every.rows));
    let some = &every.rows[every.rows.len() / 2];
    let filter = TransferFilter {
        chain: Some(some.key.chain),
        addresses: Some(BTreeSet::from([some.key.to])),
        stage: Some(some.stage),
        after: None,
    };
    let found = reader.transfers(&filter, usize::MAX).unwrap().rows;
    let fits = |row: &&TransferRow| {
        row.key.chain == some.key.chain
            && row.stage == some.stage
            && (row.key.to == some.key.to || row.key.from == some.key.to)
    };
    assert_eq!(found, every.rows.iter().filter(fits).cloned().collect::<Vec<_>>());
    assert_eq!(reader.transfer(some.id).unwrap().map(|row| row.key), Some(some.key));
    assert_eq!(reader.transfer(TransferId([3; 16])).unwrap(), None);

    let every = reader.outbox(&OutboxFilter::default(), usize::MAX).unwrap().rows;
    let first = reader.outbox(&OutboxFilter::default(), 5).unwrap();
    let second = reader.outbox(&OutboxFilter { after: first.next, ..OutboxFilter::default() }, 5).unwrap();
    assert_eq!([first.rows, second.rows].concat(), every[..10]);
    for state in OutboxState::ALL {
        let sink: Name = "ops".into();
        let filter = OutboxFilter { sink: Some(sink.clone()), state: Some(state), after: None };
        let wanted: Vec<_> =
            every.iter().filter(|row| row.state == state && row.message.sink == sink).cloned().collect();
        assert_eq!(reader.outbox(&filter, usize::MAX).unwrap().rows, wanted, "{state:?}");
        let counted =
            reader.outbox_counts().unwrap().into_iter().find(|count| count.sink == sink && count.state == state);
        if matches!(state, OutboxState::Pending | OutboxState::Dead) {
            let counted = counted.map(|count| (count.messages, count.oldest));
            assert_eq!(counted, wanted.last().map(|row| (wanted.len() as u64, row.message.created)), "{state:?}");
        }
    }
    let row = &every[3];
    assert_eq!(reader.outbox_row(row.seq).unwrap().as_ref(), Some(row));
    assert_eq!(reader.message(row.message.id).unwrap().as_ref(), Some(row));

    let alerts = reader.alerts(&AlertFilter::default(), usize::MAX).unwrap().rows;
    let (alert, messages) = reader.alert(alerts[0].id).unwrap().unwrap();
    assert_eq!(alert, alerts[0]);
    let mut wanted: Vec<_> = every.iter().filter(|row| row.message.alert == alert.id).cloned().collect();
    wanted.reverse();
    assert_eq!(messages, wanted);
    let filter = AlertFilter { state: Some(alert.state), rule: Some(alert.rule.clone()), ..AlertFilter::default() };
    let wanted: Vec<_> =
        alerts.iter().filter(|row| row.state == alert.state && row.rule == alert.rule).cloned().collect();
    assert_eq!(reader.alerts(&filter, usize::MAX).unwrap().rows, wanted);

    let tables = store.load().unwrap().0;
    assert_eq!(reader.chains().unwrap(), tables.chains);
    assert_eq!(reader.payments().unwrap().len(), tables.payments.len());
    assert_eq!(reader.payment(tables.payments[0].id).unwrap().as_ref(), tables.payments.first());
}

#[test]
fn a_backup_is_a_whole_store() {
    let (folder, path) = place();
    let mut store = open(&path);
    for commit in some_commits(10) {
        store.commit(&commit).unwrap();
    }
    let to = folder.path().join("backup.db");
    Reader::open(&path).unwrap().backup(&to).unwrap();
    let mut copy = SqliteStore::open(&to, IfMissing::Refuse).unwrap();
    assert_eq!(copy.load().unwrap(), store.load().unwrap());
    assert_eq!(copy.open_outbox().unwrap(), store.open_outbox().unwrap());
}

#[test]
fn the_writer_answers_after_the_commit_and_ends_when_told() {
    let (_folder, path) = place();
    let (handle, body) = writer(open(&path));
    let thread = std::thread::spawn(body);
    let askers: Vec<_> = (1..=40_u8)
        .map(|byte| {
            let handle = handle.clone();
            std::thread::spawn(move || handle.commit_blocking(a_commit(byte)).unwrap())
        })
        .collect();
    let rows: Vec<OutboxRow> = askers.into_iter().flat_map(|asker| asker.join().unwrap()).collect();
    let seqs: BTreeSet<i64> = rows.iter().map(|row| row.seq).collect();
    assert_eq!(seqs, (1..=40).collect());
    handle.deliver_blocking(vec![done(1, OutboxState::Done)]).unwrap();
    let budget = Budget { day: 20_779, used: 99_999 };
    handle.note_blocking(Budget::key("etherscan"), budget.to_note()).unwrap();
    let prune = Prune { before_outbox: Timestamp::from_millis(3_000), before_transfers: None, limit: 10 };
    assert_eq!(handle.prune_blocking(prune).unwrap().outbox, 1);
    handle.stop_blocking().unwrap();
    assert_eq!(handle.commit_blocking(a_commit(99)), Err(StoreFault::Closed));
    thread.join().unwrap().unwrap();
    assert_eq!(Reader::open(&path).unwrap().budget("etherscan").unwrap(), Some(budget));
    assert_eq!(open(&path).open_outbox().unwrap().0.len(), 39);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn after_a_failed_commit_the_writer_refuses_everything() {
    let (_folder, path) = place();
    let store = open(&path);
    let pages: i64 = store.connection().pragma_query_value(None, "page_count", |row| row.get(0)).unwrap();
    store.connection().pragma_update(None, "max_page_count", pages).unwrap();
    let (handle, body) = writer(store);
    let thread = std::thread::spawn(body);
    let mut large = a_commit(1);
    large.outbox[0].body = Bytes::from(vec![b'x'; 1 << 20]);
    let full = StoreFault::Full { path };
    assert_eq!(handle.commit(large).await, Err(full.clone()));
    assert!(handle.commit(a_commit(2)).await.is_err());
    assert!(handle.deliver(vec![]).await.is_err());
    assert_eq!(thread.join().unwrap(), Err(full));
}
