//! Copies: taken while the store is written, looked through, refused, and brought back.

use super::upgrades::of_schema;
use super::*;
use crate::store::backup::take;
use crate::store::lock::{StoreLock, lock_path};
use crate::types::ChainId;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// A commit that shows when it is torn: a chain, an alert's message and a time that say the same.
fn numbered(number: u64) -> Commit {
    let row = crate::reactor::rows::ChainRow { confirmed: number, ..crate::reactor::rows::ChainRow::new(ChainId(1)) };
    let mut message = a_message(0);
    message.id = MessageId(u128::from(number).to_be_bytes());
    message.alert = AlertId(u128::from(number).to_be_bytes());
    let at = Timestamp::from_millis(i64::try_from(number).unwrap());
    Commit { at, writes: vec![Write::Put(Row::Chain(row))], outbox: vec![message] }
}

/// What a store says of itself: the same number three times, if no commit was torn.
fn number_of(store: &mut SqliteStore) -> u64 {
    let (tables, at) = store.load().unwrap();
    let (open, _) = store.open_outbox().unwrap();
    let messages = open.len() as u64;
    assert_eq!(tables.chains[0].confirmed, messages);
    assert_eq!(at, Some(Timestamp::from_millis(i64::try_from(messages).unwrap())));
    assert!(open.iter().zip(1..).all(|(row, seq)| row.seq == seq), "the order of record has no hole");
    messages
}

/// Ends the load when it goes, by a failed assertion too: a test that fails must end.
struct Ends<'a>(&'a AtomicBool);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

#[test]
fn a_backup_under_load_is_whole_holds_all_that_was_committed_before_it_and_goes_on() {
    let (folder, path) = place();
    let mut store = open(&path);
    store.commit(&numbered(1)).unwrap();
    let (committed, stop) = (AtomicU64::new(1), AtomicBool::new(false));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for number in 2.. {
                if stop.load(Ordering::SeqCst) {
                    return;
                }
                store.commit(&numbered(number)).unwrap();
                committed.store(number, Ordering::SeqCst);
            }
        });
        let _ends = Ends(&stop);
        for round in 0..5 {
            let to = folder.path().join(format!("{round}.backup"));
            let before = committed.load(Ordering::SeqCst);
            let contents = take(&path, &to).unwrap();
            let after = committed.load(Ordering::SeqCst) + 1;
            assert!((before..=after).contains(&contents.pending), "{before} {contents:?} {after}");
            #[cfg(unix)]
            {
                use std::os::unix::fs::PermissionsExt as _;
                let mode = std::fs::metadata(&to).unwrap().permissions().mode();
                assert_eq!(mode & 0o777, 0o600, "for its owner only");
            }
            let exists = Err(StoreFault::Exists { path: to.clone() });
            assert_eq!(take(&path, &to), exists, "nothing is written over");
            let home = folder.path().join(format!("{round}.db"));
            let staged = Staged::new(&to, &home).unwrap();
            assert_eq!(staged.contents(), &contents);
            assert!(!home.exists(), "nothing is in its place before it is whole");
            staged.land().unwrap();
            let mut restored = SqliteStore::open(&home, IfMissing::Refuse).unwrap();
            assert_eq!((number_of(&mut restored), restored.id()), (contents.pending, ID));
            restored.commit(&numbered(contents.pending + 1)).unwrap();
            assert_eq!(number_of(&mut restored), contents.pending + 1);
        }
    });
    let left = std::fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
    let left: Vec<String> = left.filter(|name| name.contains("restoring") || name.contains(".part")).collect();
    assert_eq!(left, Vec::<String>::new(), "nothing of what was in between is left");
}

/// Whether a fault is the one that belongs there.
type Right = fn(&StoreFault) -> bool;

#[test]
fn a_copy_comes_back_only_where_nothing_is_and_only_whole() {
    let (folder, path) = place();
    let mut store = open(&path);
    for number in 1..200 {
        store.commit(&numbered(number)).unwrap();
    }
    let good = folder.path().join("good");
    take(&path, &good).unwrap();
    let home = folder.path().join("home").join("walletwatch.db");
    std::fs::create_dir(home.parent().unwrap()).unwrap();
    let check = |what: &str, prepare: &dyn Fn(&Path), right: Right| {
        let copy = folder.path().join("copy");
        std::fs::copy(&good, &copy).unwrap();
        prepare(&copy);
        let fault = Staged::new(&copy, &home).unwrap_err();
        assert!(right(&fault), "{what}: {fault}");
        let left = std::fs::read_dir(home.parent().unwrap()).unwrap().map(|file| file.unwrap().path());
        let mut left: Vec<PathBuf> = left.filter(|file| *file != lock_path(&home)).collect();
        left.retain(|file| std::fs::metadata(file).unwrap().len() > 0);
        assert_eq!(left, Vec::<PathBuf>::new(), "{what}: nothing is left behind");
    };
    let pragma = |copy: &Path, sql: &str| rusqlite::Connection::open(copy).unwrap().execute_batch(sql).unwrap();
    check("gone", &|copy| std::fs::remove_file(copy).unwrap(), |fault| matches!(fault, StoreFault::Missing { .. }));
    check("newer", &|copy| pragma(copy, "PRAGMA user_version = 9999"), |fault| {
        matches!(fault, StoreFault::Newer { .. })
    });
    check("foreign", &|copy| pragma(copy, "PRAGMA application_id = 7"), |fault| {
        matches!(fault, StoreFault::Foreign { .. })
    });
    let cut = |copy: &Path| {
        let bytes = std::fs::read(copy).unwrap();
        std::fs::write(copy, &bytes[..bytes.len() / 2]).unwrap();
    };
    check("cut off", &cut, |fault| matches!(fault, StoreFault::Damaged { .. }));
    let torn = |copy: &Path| {
        let mut bytes = std::fs::read(copy).unwrap();
        let middle = bytes.len() / 2 / 4096 * 4096;
        bytes[middle..middle + 64].fill(0xff);
        std::fs::write(copy, bytes).unwrap();
    };
    check("a torn page", &torn, |fault| matches!(fault, StoreFault::Damaged { .. }));
    let strange = |copy: &Path| pragma(copy, "UPDATE outbox SET severity = 'mauve' WHERE seq = 7");
    check("a row that no start can read", &strange, |fault| matches!(fault, StoreFault::Damaged { .. }));

    let wal = home.with_extension("db-wal");
    std::fs::write(&wal, "").unwrap();
    check(
        "the log of a lost store",
        &|_| {},
        |fault| matches!(fault, StoreFault::Exists { path } if path.ends_with("walletwatch.db-wal")),
    );
    std::fs::remove_file(&wal).unwrap();
    std::fs::write(&home, "").unwrap();
    check("a store", &|_| {}, |fault| matches!(fault, StoreFault::Exists { path } if path.ends_with("walletwatch.db")));
    std::fs::remove_file(&home).unwrap();
    let running = StoreLock::take(&home).unwrap();
    check("a monitor", &|_| {}, |fault| matches!(fault, StoreFault::Locked { .. }));
    drop(running);
    Staged::new(&good, &home).unwrap().land().unwrap();
    assert_eq!(number_of(&mut SqliteStore::open(&home, IfMissing::Refuse).unwrap()), 199);
}

#[test]
fn a_copy_of_every_earlier_schema_comes_back_as_a_store_of_today() {
    let (folder, path) = place();
    let mut store = open(&path);
    store.commit(&numbered(1)).unwrap();
    drop(store);
    for schema in 1..schema::MIGRATIONS.len() {
        let old = folder.path().join(format!("{schema}.old"));
        of_schema(schema, &old, &path);
        let copy = folder.path().join(format!("{schema}.copy"));
        let contents = take(&old, &copy).unwrap();
        assert_eq!((contents.schema, contents.pending, contents.live), (i64::try_from(schema).unwrap(), 1, 0));
        let home = folder.path().join(format!("{schema}.db"));
        Staged::new(&copy, &home).unwrap().land().unwrap();
        assert_eq!(number_of(&mut SqliteStore::open(&home, IfMissing::Refuse).unwrap()), 1);
        assert!(!migrate::copy_path(&home, contents.schema).exists(), "the backup is the copy");
    }
}
