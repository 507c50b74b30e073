//! The store's laws: what was committed is there, what was not is not, and the model says the same as SQLite.

use super::*;
use crate::reactor::addresses::AddressList;
use crate::reactor::rows::{OfficeWrite, Tables};
use proptest::prelude::*;

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
        let mut wanted = Tables::default();
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
            Row::Office(row) => match *row {
                OfficeWrite::Office(row) => wanted.office.office = Some(row),
                OfficeWrite::Stop(row) => wanted.office.stops.push(row),
                OfficeWrite::Birth(row) => wanted.office.births.push(row),
                OfficeWrite::Foreign(row) => wanted.office.foreign.push(row),
                OfficeWrite::Arm(row) => wanted.office.arms.push(row),
                OfficeWrite::Audit(row) => wanted.office.audit_head = Some(row),
            },
            Row::Balance(row) => wanted.balances.push(row),
            Row::Level(row) => wanted.levels.push(row),
            Row::Backfill(row) => wanted.backfills.push(*row),
            Row::Scan(row) => wanted.scans.push(row),
            Row::Bar(row) => wanted.bars.push(row),
            Row::Quiet(row) => wanted.quiet.push(*row),
            Row::Watch(row) => wanted.watches.push(*row),
            Row::Address(row) => {
                let list = AddressList::default().with(&[row.listed()]);
                wanted.addresses.insert(row.watch, list.into());
            }
            Row::Request(row) => wanted.requests.push(*row),
        }
        assert_eq!((tables, at), (wanted, Some(Timestamp::default())));
        open(&path).commit(&Commit { writes: vec![Write::Delete(arbitrary::key_of(&row))], ..Commit::default() }).unwrap();
        assert_eq!(open(&path).load().unwrap().0, Tables::default());
    }
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
