//! The binary as a person meets it: its commands, its exit codes, what it says when something is wrong.
//!
//! Everything happens in temporary folders and on loopback. What needs a part that is not here says so in a line and is left out.

#[path = "cli/broken.rs"]
mod broken;
#[path = "cli/copies.rs"]
mod copies;
#[path = "cli/ledger.rs"]
mod ledger;
#[path = "cli/place.rs"]
mod place;
#[path = "cli/silences.rs"]
mod silences;
#[path = "cli/watches.rs"]
mod watches;
#[path = "cli/words.rs"]
mod words;

use place::{BINARY, OPERATE, Place, READ, Said, anvil, config, free_port, http, rpc};
use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};
use walletwatch::reactor::rows::{ChainRow, Row, Stop};
use walletwatch::store::lock::StoreLock;
use walletwatch::store::{Commit, IfMissing, Reader, SqliteStore, Store, StoreFault, Write as StoreWrite};
use walletwatch::types::{ChainId, Timestamp};

fn is_root() -> bool {
    let output = Command::new("id").arg("-u").output();
    output.is_ok_and(|output| output.stdout.starts_with(b"0\n"))
}

/// Whether a mount of our own can be made, which nobody else sees.
fn can_mount() -> bool {
    let script = "mount -t tmpfs -o size=64k none /mnt";
    let tried = Command::new("unshare").args(["-m", "sh", "-c", script]).stderr(Stdio::null()).status();
    tried.is_ok_and(|status| status.success())
}

#[expect(clippy::too_many_lines, reason = "one config with its twenty faults, and where each is named")]
#[test]
fn a_config_with_twenty_faults_names_all_twenty() {
    let place = Place::new();
    let text = r#"
nonsense = 1
[http]
listen = "nowhere"
token = "env:WW_NOT_SET"
[store]
url = "postgres://db"
keep_outbox = "soon"
[system]
notify = ["nobody"]
[[chain]]
name = "devnet"
chain_id = 31337
coin = "ETH"
block_time = "yesterday"
confirmations = "many"
final_after = 10
rpc = ["gopher://127.0.0.1"]
etherscan = false
[[watch]]
name = "short"
address = "0x1234"
[[watch]]
name = "mistyped"
address = "0x70997970c51812dc3A010C7d01b50e0d17dc79C8"
[[watch]]
name = "lost"
address = "0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC"
chains = ["atlantis"]
[[feed]]
kind = "magic"
pairs = ["ETH-USD"]
[[sink]]
name = "log"
kind = "log"
[[sink]]
name = "log"
kind = "log"
[[sink]]
name = "mail"
kind = "pigeon"
[[sink]]
name = "bare"
kind = "webhook"
[[rule]]
name = "sideways"
when = "transfer"
direction = "sideways"
notify = ["log"]
[[rule]]
name = "stageless"
when = "transfer"
stage = "someday"
notify = ["log"]
[[rule]]
name = "mute"
when = "transfer"
notify = ["silence"]
[[rule]]
name = "pairless"
when = "price"
below = "1"
notify = ["log"]
[[rule]]
name = "gassy"
when = "gas"
chain = "devnet"
above = "sixty"
notify = ["log"]
[[payee]]
name = "poor"
"#;
    fs::write(place.file(), text).unwrap();
    let places = [
        ":2:", ":4:", ":5:", ":7:", ":8:", ":10:", ":15:", ":16:", ":18:", ":22:", ":25:", ":29:", ":31:", ":37:",
        ":41:", ":42:", ":48:", ":53:", ":58:", ":59:", ":68:", ":70:",
    ];
    for command in [["check"], ["run"]] {
        let said = place.ask(&command);
        said.fails(2, &[]);
        let faults: Vec<&str> = said.talk.lines().filter(|line| line.contains(". hint: ")).collect();
        for at in places {
            assert!(faults.iter().any(|fault| fault.contains(&format!("walletwatch.toml{at}"))), "{at}\n{}", said.talk);
        }
        assert!(faults.len() >= 20, "{}", said.talk);
        assert!(said.talk.contains(&format!("{} faults: nothing was started", faults.len())), "{}", said.talk);
    }
    assert!(!place.data().exists(), "nothing was started, and nothing made");
}

#[test]
fn what_cannot_be_a_store_is_said_and_left_as_it_is() {
    let check = |prepare: &dyn Fn(&Path), code: i32, words: &[&str]| {
        let place = Place::new().with_store();
        let store = place.store();
        prepare(&store);
        let before = fs::read(&store).unwrap();
        for command in [&["run"][..], &["sink", "test", "log"], &["outbox", "list"], &["transfers", "list"]] {
            place.ask(command).fails(code, words);
        }
        assert_eq!(fs::read(&store).unwrap(), before, "{words:?}");
    };
    let open = |store: &Path| rusqlite::Connection::open(store).unwrap();
    check(
        &|store| open(store).pragma_update(None, "user_version", 1_000).unwrap(),
        3,
        &["newer version", "1000", "walletwatch.db"],
    );
    check(&|store| open(store).pragma_update(None, "application_id", 5).unwrap(), 3, &["another program"]);
    check(
        &|store| fs::write(store, b"this is a letter, and no database at all. ".repeat(200)).unwrap(),
        3,
        &["damaged", "backup"],
    );
}

#[test]
fn a_missing_store_or_folder_is_named() {
    let place = Place::new();
    let address = format!("http://127.0.0.1:{}", place.port);
    place.ask(&["outbox", "list"]).fails(3, &["there is no store at", "walletwatch.db", &address]);
    place.ask(&["sink", "test", "log"]).fails(3, &["there is no store at", &address]);
    assert!(!place.data().exists(), "a command makes no store");
    let nested = Place::with("ws://127.0.0.1:1", "[store]\nurl = \"sqlite:no/such/folder.db\"");
    nested.ask(&["run"]).fails(1, &["there is no folder", "no/such"]);
    fs::write(place.data(), "a file is no folder").unwrap();
    place.ask(&["run"]).fails(1, &["the data folder", "cannot be made"]);
    let lost = Command::new(BINARY).args(["--config", "/nonexistent/w.toml", "status"]).output().unwrap();
    Said::of(&lost).fails(2, &["/nonexistent/w.toml"]);
}

#[test]
fn a_folder_that_may_not_be_written_is_named_and_nothing_is_lost() {
    let place = Place::new().with_store();
    let data = place.data();
    let said = if !is_root() {
        use std::os::unix::fs::PermissionsExt;
        let set = |mode| fs::set_permissions(&data, fs::Permissions::from_mode(mode)).unwrap();
        set(0o555);
        let said = place.ask(&["run"]);
        set(0o755);
        said
    } else if can_mount() {
        let script = r#"mount --bind "$0" "$0" && mount -o remount,ro,bind "$0" && exec "$@""#;
        let mut command = Command::new("unshare");
        command.args(["-m", "sh", "-c", script]).arg(&data).arg(BINARY);
        command.arg("--config").arg(place.file()).arg("--data-dir").arg(&data).arg("run");
        Said::of(&command.env("WW_OPERATE", OPERATE).env("WW_READ", READ).output().unwrap())
    } else {
        println!(
            "left out: a folder that may not be written (root may write everywhere, and mounts are not permitted)"
        );
        return;
    };
    said.fails(1, &["cannot be written", "walletwatch.db"]);
    assert!(Reader::open(&place.store()).is_ok());
}

#[test]
fn a_full_disk_is_said_and_what_was_committed_stays() {
    if !is_root() || !can_mount() {
        println!("left out: a full disk (a mount of its own is not permitted here)");
        return;
    }
    let place = Place::new().with_store();
    place.ask(&["sink", "test", "log"]).answers(&["in the outbox"]);
    let disk = place.folder.path().join("disk");
    fs::create_dir(&disk).unwrap();
    // A disk of a megabyte with the store on it; then full; then with room again; then full without a store.
    let script = r#"
        set -u; disk="$0"; from="$1"; shift
        mount -t tmpfs -o size=1m none "$disk" && cp "$from"/walletwatch.db* "$disk" || exit 99
        cat /dev/zero > "$disk/filler" 2>/dev/null
        timeout 30 "$@" run; echo "full: $?"
        rm "$disk/filler"; "$@" outbox list; echo "room: $?"
        rm "$disk"/walletwatch.db*; cat /dev/zero > "$disk/filler" 2>/dev/null
        timeout 30 "$@" run; echo "new: $?"
    "#;
    let mut command = Command::new("unshare");
    command.args(["-m", "sh", "-c", script]).arg(&disk).arg(place.data()).arg(BINARY);
    command.arg("--config").arg(place.file()).arg("--data-dir").arg(&disk);
    let said = Said::of(&command.env("WW_OPERATE", OPERATE).env("WW_READ", READ).output().unwrap());
    said.answers(&["full: 1", "room: 0", "pending", "new: 1"]);
    assert_eq!(said.talk.matches("is full").count(), 2, "{said:?}");
}

#[test]
fn one_store_has_one_monitor_and_the_second_is_told_which() {
    let place = Place::new();
    let first = place.run();
    assert!(first.first.contains("new store"), "{}", first.first);
    let second = config(free_port(), "ws://127.0.0.1:1", "");
    fs::write(place.file(), second).unwrap();
    place.ask(&["run"]).fails(1, &["locked by", &format!("process {}", first.child.id())]);
    fs::write(place.file(), config(place.port, "ws://127.0.0.1:1", "")).unwrap();
    place.ask(&["run"]).fails(1, &["cannot listen on", &place.port.to_string()]);
    place.ask(&["sink", "test", "log"]).answers(&["on its way"]);
    first.says("this is a test");
    assert_eq!(first.stop(), 0);
}

#[test]
fn a_command_that_finds_the_lock_held_and_nobody_answering_says_who_and_where() {
    let place = Place::new().with_store();
    let lock = StoreLock::take(&place.store()).unwrap();
    let (process, address) = (format!("process {}", std::process::id()), format!("127.0.0.1:{}", place.port));
    let id = "00112233445566778899aabbccddeeff";
    let commands: [&[&str]; 5] = [
        &["sink", "test", "log"],
        &["sink", "enable", "log"],
        &["outbox", "replay", id],
        &["outbox", "drop", id],
        &["chain", "accept", "devnet"],
    ];
    for command in commands {
        place.ask(command).fails(1, &[&process, &address]);
    }
    place.ask(&["status"]).fails(1, &[&process, &address]);
    let said = place.ask(&["outbox", "list"]);
    said.answers(&["MESSAGE"]);
    assert!(said.talk.contains(&address), "{said:?}");
    drop(lock);
    // Somebody else who listens there is no monitor, and is sent no token.
    let stranger = TcpListener::bind(("127.0.0.1", place.port)).unwrap();
    let heard = std::thread::spawn(move || {
        let (mut stream, _) = stranger.accept().unwrap();
        let mut head = [0; 4096];
        let length = stream.read(&mut head).unwrap();
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 2\r\n\r\nhi").unwrap();
        String::from_utf8_lossy(&head[..length]).into_owned()
    });
    place.ask(&["sink", "test", "log"]).answers(&["in the outbox"]);
    place.ask(&["status"]).fails(1, &["no monitor answers", "something else does"]);
    let heard = heard.join().unwrap().to_lowercase();
    assert!(heard.contains("/api/v1/status") && !heard.contains("authorization"), "{heard}");
}

#[test]
fn commands_do_the_same_with_and_without_a_monitor() {
    let place = Place::new().with_store();
    place.ask(&["sink", "test", "log"]).answers(&["until the monitor runs again"]);
    let listed = place.ask(&["outbox", "list", "--json"]);
    let page: serde_json::Value = serde_json::from_str(&listed.answer).unwrap();
    let id = page["items"][0]["message_id"].as_str().unwrap().to_owned();
    assert_eq!(page["items"][0]["state"], "pending");
    place.ask(&["outbox", "list", "--state", "dead"]).answers(&["MESSAGE"]);
    place.ask(&["outbox", "replay", &id]).fails(2, &["on its way already"]);
    place.ask(&["outbox", "drop", &id]).answers(&["given up"]);
    place.ask(&["outbox", "show", &id]).answers(&["dead", "dropped by a person", "\"type\": \"test\""]);
    place.ask(&["outbox", "drop", &id]).fails(2, &["closed already"]);
    place.ask(&["outbox", "replay", "--dead-of", "log"]).answers(&[&id, "sent again"]);
    place.ask(&["outbox", "show", "nonsense"]).fails(2, &["32 hexadecimal digits"]);
    place.ask(&["outbox", "show", &"0".repeat(32)]).fails(2, &["no such message"]);
    place.ask(&["sink", "test", "nosuch"]).fails(2, &["no sink nosuch"]);
    place.ask(&["sink", "enable", "log"]).answers(&["is enabled"]);
    place.ask(&["chain", "accept", "nosuch"]).fails(2, &["no chain nosuch"]);
    place.ask(&["transfers", "list", "--watch", "nosuch"]).fails(2, &["no such watch"]);
    place.ask(&["transfers", "list", "--watch", "hot", "--chain", "devnet"]).answers(&["BLOCK TIME"]);
    place.ask(&["status"]).fails(1, &["no monitor answers at"]);

    let alone = place.ask(&["transfers", "list", "--json"]);
    let running = place.run();
    assert!(running.first.contains("going on"), "{}", running.first);
    running.says("this is a test");
    place.ask_until(&["outbox", "list"], [&id, "done"]);
    let listed = place.ask(&["outbox", "list", "--json", "--sink", "log"]);
    listed.answers(&[&id, "\"state\":\"done\""]);
    assert!(listed.talk.is_empty(), "{listed:?}");
    assert_eq!(place.ask(&["transfers", "list", "--json"]).answer, alone.answer);
    place.ask(&["outbox", "drop", &id]).fails(2, &["closed already"]);
    place.ask(&["outbox", "replay", &id]).answers(&["sent again"]);
    running.says("this message may have been here before");
    place.ask(&["sink", "test", "nosuch"]).fails(2, &["no sink nosuch"]);
    place.ask(&["chain", "accept", "devnet"]).fails(2, &["not stopped"]);
    let status = place.ask(&["status"]);
    status.fails(1, &["blind: devnet/main"]);
    for line in ["devnet/main", "no block so far", "log", "in "] {
        assert!(status.answer.lines().any(|said| said.starts_with(line) || said.contains(line)), "{status:?}");
    }
    let json: serde_json::Value = serde_json::from_str(&place.ask(&["status", "--json"]).answer).unwrap();
    assert_eq!(json["blind"], true);
    assert_eq!(running.stop(), 0);
}

#[test]
fn a_chain_that_was_stopped_is_accepted_without_a_monitor() {
    let place = Place::new().with_store();
    let stopped = Some(Stop::OtherChain("it begins with another block".into()));
    let row = ChainRow { stopped, ..ChainRow::new(ChainId(31337)) };
    let mut store = open(&place.store());
    let writes = vec![StoreWrite::Put(Row::Chain(row))];
    store.commit(&Commit { at: Timestamp::from_secs(1), writes, outbox: Vec::new() }).unwrap();
    drop(store);
    place.ask(&["chain", "accept", "devnet"]).answers(&["devnet is accepted"]);
    let chains = Reader::open(&place.store()).unwrap().chains().unwrap();
    assert_eq!((&chains[0].stopped, chains[0].accepted), (&None, true), "the next run says that it was accepted");
    place.ask(&["chain", "accept", "devnet"]).fails(2, &["not stopped"]);
}

#[test]
fn writes_need_a_token_that_may_write() {
    let place = Place::new();
    let running = place.run();
    let id = "00112233445566778899aabbccddeeff";
    let writes = [
        "POST /api/v1/sinks/log/test".to_owned(),
        "POST /api/v1/sinks/log/enable".to_owned(),
        "POST /api/v1/chains/devnet/accept".to_owned(),
        format!("POST /api/v1/outbox/{id}/replay"),
        format!("POST /api/v1/outbox/{id}/drop"),
        "POST /api/v1/watches".to_owned(),
        "DELETE /api/v1/watches/late".to_owned(),
    ];
    for line in &writes {
        assert_eq!(http(place.port, line, None), 401, "{line}");
        assert_eq!(http(place.port, line, Some("guessed-0123456789abcdef0123456789")), 401, "{line}");
        assert_eq!(http(place.port, line, Some(READ)), 403, "{line}");
    }
    let allowed = writes.iter().map(|line| http(place.port, line, Some(OPERATE))).collect::<Vec<_>>();
    assert_eq!(allowed, [204, 204, 409, 404, 404, 400, 404]);
    assert_eq!(http(place.port, "GET /api/v1/status", None), 200);
    assert_eq!(http(place.port, "GET /api/v1/status", Some(READ)), 200);
    assert_eq!(http(place.port, "GET /api/v1/status", Some("guessed-0123456789abcdef0123456789")), 401);
    // A config without a token for it says so before anything is asked.
    let text = fs::read_to_string(place.file()).unwrap().replace("token = \"env:WW_OPERATE\"\n", "");
    fs::write(place.file(), text).unwrap();
    place.ask(&["sink", "test", "log"]).fails(2, &["no token that may do this"]);
    // A token that the monitor does not know is refused by it.
    fs::write(place.file(), config(place.port, "ws://127.0.0.1:1", "")).unwrap();
    let mut other = place.command(&["sink", "test", "log"]);
    let said = Said::of(&other.env("WW_OPERATE", "other-0123456789abcdef0123456789").output().unwrap());
    said.fails(2, &["not known"]);
    assert!(!said.talk.contains("other-0123"), "{said:?}");
    assert_eq!(running.stop(), 0);
}

#[test]
fn with_a_chain_everything_is_fresh_and_the_next_start_goes_on_from_its_block() {
    let Some((chain, port)) = anvil() else { return };
    let place = Place::with(&format!("ws://127.0.0.1:{port}"), "");
    let probed = place.ask(&["check", "--probe"]);
    probed.answers(&["is a good config", "rpc devnet/main: ok: chain id 31337, block ", "genesis 0x", "whole blocks"]);
    probed.answers(&["sink log: nothing was sent"]);
    assert!(!place.data().exists(), "a check makes nothing");
    let running = place.run();
    for words in ["walletwatch.toml", "data in", "new store", &format!("page at http://127.0.0.1:{}", place.port)] {
        assert!(running.first.contains(words), "{words:?} is not in {}", running.first);
    }
    // The block is there when a message of a transfer in it is: the first funded account sends to the watched one.
    let send = r#"{"jsonrpc":"2.0","id":1,"method":"eth_sendTransaction","params":[{"from":"0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266","to":"0x70997970C51812dc3A010C7d01b50e0d17dc79C8","value":"0x6f05b59d3b20001"}]}"#;
    place.ask_until(&["status"], ["devnet ", "fresh  "]);
    rpc(port, send);
    running.says("transfer.seen");
    place.ask(&["status"]).answers(&["ready", "devnet/main", "fresh"]);
    let to = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8";
    place.ask(&["transfers", "list", "--watch", "hot"]).answers(&["devnet", "0.500000000000000001 ETH", to]);
    place.ask_until(&["outbox", "list", "--sink", "log"], ["", "done"]);
    assert_eq!(running.stop(), 0);
    place.ask(&["transfers", "list", "--watch", "hot", "--stage", "seen"]).answers(&["0.500000000000000001 ETH"]);
    let again = place.run();
    assert!(again.first.contains("going on from block ") && again.first.contains(" on devnet"), "{}", again.first);
    assert_eq!(again.stop(), 0);
    drop(chain);
    place.ask(&["check", "--probe"]).fails(1, &["1 of 1 upstreams"]);
}

/// The store, once nobody holds it: a child that another test is starting holds every lock of this process until it is another program.
fn open(path: &Path) -> SqliteStore {
    for _ in 0..10_000 {
        match SqliteStore::open(path, IfMissing::Refuse) {
            Err(StoreFault::Locked { .. }) => std::thread::yield_now(),
            opened => return opened.unwrap(),
        }
    }
    panic!("the store stays locked")
}

/// `walletwatch check | head -3`: who reads no more is no trouble to talk about.
#[test]
fn an_answer_that_nobody_reads_to_its_end_is_no_trouble() {
    let place = Place::new();
    let mut child = place.command(&["check"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let said = Said::of(&child.wait_with_output().unwrap());
    assert_eq!(
        (said.code, said.talk.contains("pipe"), said.talk.contains("not read")),
        (141, false, false),
        "{said:?}"
    );
}
