//! A backup taken while money moves, restored after more of it moved: nothing leaves before a person looked, and nothing leaves twice.

use super::checker;
use super::monitor::Monitor;
use super::scene::{PATIENCE, Scene, VAULT};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::time::{Duration, Instant};
use walletwatch::reactor::money::PaymentState;

/// Payments before the backup, and after it: fewer than may wait for a person.
const SOME: u32 = 4;
/// For as long nothing may leave.
const STILL: Duration = Duration::from_secs(4);

fn started(scene: &Scene) -> Monitor {
    let mut monitor = scene.start(None);
    monitor.wait_ready(PATIENCE).unwrap_or_else(|why| panic!("{why}\n{}", monitor.log_tail()));
    monitor
}

fn held(scene: &Scene) -> Vec<String> {
    let said = scene.command(&["payments", "list", "--state", "held", "--json"]);
    let listed: Value = serde_json::from_str(&said).unwrap_or_default();
    let items = listed["items"].as_array().cloned().unwrap_or_default();
    items.iter().filter_map(|item| item["payment_id"].as_str().map(str::to_owned)).collect()
}

/// Transfers of walletwatch at Circle that the store has no payment for.
fn unknown(scene: &Scene) -> i64 {
    let store = scene.folder().join("data/paying.db");
    let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY;
    let sql = "SELECT count(*) FROM foreign_transfers WHERE reference LIKE 'ww1.%'";
    let count = rusqlite::Connection::open_with_flags(store, flags)
        .and_then(|connection| connection.query_row(sql, [], |row| row.get(0)));
    count.unwrap_or(0)
}

#[test]
fn a_restored_store_pays_nothing_before_a_person_looked_and_nothing_twice() {
    let scene = Scene::new(11).reachable();
    scene.warm_up();
    let mut monitor = started(&scene);
    scene.load(true);
    scene.wait(&monitor, "something is paid", || scene.taken(VAULT).len() >= SOME as usize);
    let copy = scene.folder().join("copy.db");
    let told = scene.command(&["backup", copy.to_str().expect("it is text")]);
    assert!(told.contains("live)") && !told.contains("(0 live)"), "{told}");
    let before = scene.taken(VAULT).len();
    scene.wait(&monitor, "more is paid", || scene.taken(VAULT).len() >= before + SOME as usize);
    scene.load(false);
    monitor.kill().expect("it runs");
    drop(monitor);
    for end in ["", "-wal", "-shm"] {
        let _gone = fs::remove_file(scene.folder().join(format!("data/paying.db{end}")));
    }
    scene.command(&["restore", copy.to_str().expect("it is text")]);
    let left = checker::store(scene.folder()).expect("it can be read");
    assert!(left.held_up.iter().any(|why| why.contains("restored from a backup")), "{left:?}");

    let monitor = started(&scene);
    let paid = scene.taken(VAULT);
    let since = Instant::now();
    scene.wait(&monitor, "time passes", || since.elapsed() > STILL);
    assert_eq!(scene.taken(VAULT), paid, "nothing leaves before a person looked");

    scene.wait(&monitor, "Circle's list was read", || unknown(&scene) >= i64::from(SOME));

    // A person looks, unfreezes, and approves what was held meanwhile.
    let wanted: BTreeSet<u64> = scene.truth().into_iter().collect();
    scene.wait(&monitor, "everything is paid", || {
        let Ok(left) = checker::store(scene.folder()) else { return false };
        if !left.held_up.is_empty() {
            scene.command(&["payments", "unfreeze"]);
        }
        held(&scene).iter().for_each(|id| drop(scene.command(&["payments", "approve", id])));
        let open = |(state, _): &(PaymentState, u64)| !matches!(state, PaymentState::Complete | PaymentState::Refused);
        !left.payments.iter().any(open) && scene.taken(VAULT).into_iter().collect::<BTreeSet<u64>>() == wanted
    });
    drop(monitor);
    checker::circle(&scene).unwrap_or_else(|problem| panic!("{problem}"));
    println!("{} payments, {} of them after the backup: none twice, none lost", wanted.len(), wanted.len() - before);
}
