//! `backup`, `restore` and `completions` as a person types them.

use crate::place::{BINARY, Place, Said};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

#[test]
fn a_backup_is_taken_while_the_monitor_runs_and_comes_back_where_no_store_is() {
    let place = Place::new();
    let running = place.run();
    place.ask(&["sink", "test", "log"]).answers(&["on its way"]);
    running.says("this is a test");
    let copy = place.folder.path().join("copy.db");
    let file = copy.to_str().unwrap();
    let said = place.ask(&["backup", file]);
    said.answers(&[
        "copy.db",
        "as of 2",
        "every page checked",
        "0 transfers",
        "0 messages to deliver, 0 payments (0 live)",
    ]);
    assert!(said.talk.contains("the config, its secrets and the file FREEZE are not in it"), "{said:?}");
    assert_eq!(fs::metadata(&copy).unwrap().permissions().mode() & 0o777, 0o600);
    place.ask(&["backup", file]).fails(2, &["copy.db is there already"]);
    let other = place.folder.path().join("other.db");
    let store = place.store();
    // Without a config: who takes the nightly copy needs no secret.
    let mut bare = Command::new(BINARY);
    bare.args(["--config", "/nonexistent/w.toml", "backup", "--json", "--store"]).arg(&store).arg(&other);
    let said = Said::of(&bare.output().unwrap());
    let told: serde_json::Value = serde_json::from_str(&said.answer).unwrap_or_else(|_| panic!("{said:?}"));
    assert_eq!((&told["pending_messages"], &told["live_payments"]), (&0.into(), &0.into()), "{told}");
    assert!(told["as_of"].as_str().is_some_and(|at| at.starts_with("20")), "{told}");
    place.ask(&["restore", file]).fails(1, &["locked by", &format!("process {}", running.child.id())]);
    assert_eq!(running.stop(), 0);
    place.ask(&["restore", file]).fails(2, &["walletwatch.db is there already"]);
    fs::remove_file(&store).unwrap();
    // What SQLite left beside it may hold what the copy lacks, and would be taken for a part of it.
    let beside = ["db-wal", "db-shm"].map(|end| store.with_extension(end));
    fs::write(&beside[0], "").unwrap();
    place.ask(&["restore", file]).fails(2, &["walletwatch.db-wal is there already"]);
    beside.iter().for_each(|left| drop(fs::remove_file(left)));
    fs::write(place.folder.path().join("letter"), "no copy at all".repeat(500)).unwrap();
    let letter = place.folder.path().join("letter");
    place.ask(&["restore", letter.to_str().unwrap()]).fails(3, &["damaged"]);
    place.ask(&["restore", "/nonexistent/copy.db"]).fails(3, &["there is no store at /nonexistent/copy.db"]);
    assert!(!store.exists(), "nothing is put where a store belongs that is none");
    let said = place.ask(&["restore", file]);
    said.answers(&["walletwatch.db", "every page checked"]);
    assert!(said.talk.contains("is told again, under the same ids") && !said.talk.contains("frozen"), "{said:?}");
    place.ask(&["outbox", "list"]).answers(&["test"]);
    let again = place.run();
    assert!(again.first.contains("going on"), "{}", again.first);
    assert_eq!(again.stop(), 0);
}

#[test]
fn shells_complete_our_commands() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let output = Command::new(BINARY).args(["completions", shell]).output().unwrap();
        Said::of(&output).answers(&["walletwatch", "restore"]);
    }
    let written = Command::new(BINARY).args(["completions", "bash"]).output().unwrap().stdout;
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("walletwatch.bash");
    fs::write(&script, written).unwrap();
    let asks = r#"source "$0"; COMP_WORDS=(walletwatch pay); COMP_CWORD=1; _walletwatch walletwatch pay walletwatch; echo "${COMPREPLY[@]}""#;
    match Command::new("bash").args(["-c", asks]).arg(&script).output() {
        Ok(output) => assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "payments"),
        Err(_) => println!("left out: completions in a real shell (bash is not here)"),
    }
}
