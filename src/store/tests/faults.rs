//! What the store says when it cannot be used, and that it is left as it was; upgrades.

use super::*;
use crate::store::migrate::{self, COPIES_KEPT, copy_path};
use crate::store::schema::{APPLICATION_ID, MIGRATIONS, Migration};

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

#[cfg(unix)]
#[test]
fn a_store_that_is_taken_away_under_its_writer_takes_nothing_more() {
    type Mischief = fn(&Path);
    let cases: [(&str, Mischief); 3] = [
        ("deleted", |path| std::fs::remove_file(path).unwrap()),
        ("moved", |path| std::fs::rename(path, path.with_extension("old")).unwrap()),
        ("replaced", |path| {
            let copy = path.with_extension("copy");
            std::fs::copy(path, &copy).unwrap();
            std::fs::rename(copy, path).unwrap();
        }),
    ];
    for (what, harm) in cases {
        let (_folder, path) = place();
        let mut store = open(&path);
        store.commit(&a_commit(1)).unwrap();
        harm(&path);
        let fault = StoreFault::Gone { path: path.clone() };
        assert_eq!(store.commit(&a_commit(2)), Err(fault.clone()), "{what}");
        assert_eq!(store.deliver(&[done(1, OutboxState::Done)]), Err(fault.clone()), "{what}: nothing more");
        assert_eq!(fault.remedy(), Remedy::Person);
    }
}

#[test]
fn a_store_that_lies_where_nothing_can_be_written_is_read_with_its_log() {
    for log in [None, Some("")] {
        let (_folder, path) = place();
        let mut store = open(&path);
        store.commit(&a_commit(1)).unwrap();
        drop(store);
        if let Some(text) = log {
            std::fs::write(path.with_extension("db-wal"), text).unwrap();
        }
        // No index can be made where a folder has its name: to SQLite that is as a disk that cannot be written.
        std::fs::create_dir(path.with_extension("db-shm")).unwrap();
        assert_eq!(Reader::open(&path).unwrap().outbox(&OutboxFilter::default(), 9).unwrap().rows.len(), 1, "{log:?}");
    }
    let (_folder, path) = place();
    let mut store = open(&path);
    store.commit(&a_commit(1)).unwrap();
    let copy = path.with_file_name("copy.db");
    std::fs::copy(&path, &copy).unwrap();
    std::fs::copy(path.with_extension("db-wal"), copy.with_extension("db-wal")).unwrap();
    std::fs::create_dir(copy.with_extension("db-shm")).unwrap();
    assert_eq!(Reader::open(&copy).unwrap().outbox(&OutboxFilter::default(), 9).unwrap().rows.len(), 1);
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
    type Right = fn(&StoreFault) -> bool;
    let cases: [(&str, &str, Right); 4] = [
        ("newer", "PRAGMA user_version = 9999", |fault| {
            let newest = migrate::newest(MIGRATIONS);
            matches!(fault, StoreFault::Newer { found: 9999, known, .. } if *known == newest)
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
    type Damage = fn(&Path);
    let cases: [(&str, Damage); 2] = [
        ("no database", |path| {
            std::fs::write(path, b"this is a letter, not a database, and long enough to be one".repeat(100)).unwrap();
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
    let mut store = SqliteStore::open_with(&path, IfMissing::Create(ID), &all[..1]).unwrap();
    store.commit(&a_commit(1)).unwrap();
    let outbox = store.open_outbox().unwrap();
    drop(store);
    for upto in [2, 2, 3, 4, 4] {
        let mut store = SqliteStore::open_with(&path, IfMissing::Refuse, &all[..upto]).unwrap();
        let steps: i64 = store.connection().query_row("SELECT count(*) FROM more", [], |row| row.get(0)).unwrap();
        assert_eq!(steps, i64::try_from(upto).unwrap() - 1, "each step ran once");
        assert_eq!(store.open_outbox().unwrap(), outbox);
    }
    let copies: Vec<i64> = (1..5).filter(|schema| copy_path(&path, *schema).exists()).collect();
    assert_eq!((copies.as_slice(), COPIES_KEPT), ([2, 3].as_slice(), 2));
    let mut copy = SqliteStore::open_with(&copy_path(&path, 3), IfMissing::Refuse, &all[..3]).unwrap();
    assert_eq!((copy.open_outbox().unwrap(), copy.id()), (outbox, ID));
    let older = SqliteStore::open_with(&path, IfMissing::Refuse, &all[..1]);
    assert!(matches!(older, Err(StoreFault::Newer { found: 4, known: 1, .. })));
}

#[test]
fn an_upgrade_that_fails_leaves_the_store_as_it_was() {
    let (_folder, path) = place();
    let first = &MIGRATIONS[..1];
    SqliteStore::open_with(&path, IfMissing::Create(ID), first).unwrap().commit(&a_commit(1)).unwrap();
    let broken = [MIGRATIONS[0], Migration { to: 2, sql: "CREATE TABLE half (n INTEGER) STRICT; this is no SQL;" }];
    SqliteStore::open_with(&path, IfMissing::Refuse, &broken).unwrap_err();
    let store = SqliteStore::open_with(&path, IfMissing::Refuse, first).unwrap();
    let half: i64 = store
        .connection()
        .query_row("SELECT count(*) FROM sqlite_schema WHERE name = 'half'", [], |row| row.get(0))
        .unwrap();
    assert_eq!(half, 0);
}
