//! What readers are shown, and what the writer answers.

use super::*;
use crate::reactor::rows::TransferRow;
use crate::types::TransferId;
use std::collections::BTreeSet;

#[test]
fn approvals_are_listed_apart_from_what_moved() {
    let (_folder, path) = place();
    let mut store = open(&path);
    for commit in some_commits(150) {
        store.commit(&commit).unwrap();
    }
    let reader = Reader::open(&path).unwrap();
    for approvals in [false, true] {
        let filter = TransferFilter { approvals, ..TransferFilter::default() };
        let rows = reader.transfers(&filter, usize::MAX).unwrap().rows;
        assert!(!rows.is_empty() && rows.iter().all(|row| row.key.kind.is_approval() == approvals), "{rows:?}");
    }
}

#[test]
fn a_watch_with_few_transfers_is_looked_for_in_the_index_alone_and_in_its_order() {
    let (_folder, path) = place();
    let store = open(&path);
    let explained = format!("EXPLAIN QUERY PLAN {}", crate::store::lists::SCAN);
    let plan = store.connection().query_row(&explained, [0, 0], |row| row.get::<_, String>(3)).unwrap();
    assert!(plan.starts_with("SEARCH transfers USING COVERING INDEX transfers_by_time"), "{plan}");
    let mut steps = store.connection().prepare(&explained).unwrap();
    assert_eq!(steps.query_map([0, 0], |_| Ok(())).unwrap().count(), 1, "nothing is sorted");
}

#[test]
fn lists_are_read_page_by_page_and_filtered() {
    let (_folder, path) = place();
    let mut store = open(&path);
    for commit in some_commits(150) {
        store.commit(&commit).unwrap();
    }
    let seqs: Vec<i64> = store.open_outbox().unwrap().0.iter().map(|row| row.seq).collect();
    let states = OutboxState::ALL.into_iter().cycle();
    let writes: Vec<DeliveryWrite> = seqs.iter().zip(states).map(|(seq, state)| done(*seq, state)).collect();
    store.deliver(&writes).unwrap();
    let reader = Reader::open(&path).unwrap();

    let every = reader.transfers(&TransferFilter::default(), usize::MAX).unwrap();
    assert!(every.rows.len() > 10 && every.next.is_none(), "{}", every.rows.len());
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
        ..TransferFilter::default()
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
    for row in &every {
        let (sink, alert) = (&row.message.sink, row.message.alert);
        let mut told = every.iter().rev().filter(|other| other.message.sink == *sink && other.message.alert == alert);
        let first = told.find_map(|other| other.receiver_id.clone());
        assert_eq!(reader.first_told(sink, alert).unwrap(), first, "the oldest that its receiver has a name for");
    }
    assert_eq!(reader.first_told(&"ops".into(), AlertId([9; 16])).unwrap(), None);
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
    backup::take(&path, &to).unwrap();
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
