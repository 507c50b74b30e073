//! The demo as a stranger runs it: the real binary, with nothing around it.

#[path = "demo/browser.rs"]
mod browser;
mod common;
#[path = "demo/wishes.rs"]
mod wishes;

use common::{PATIENCE, Printed, http_client};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;

/// How often a process is looked after.
const GLANCE: Duration = Duration::from_millis(50);
/// The longest that the story needs until everything was told once: the explorer is asked every 15 s, whatever the speed.
const STORY: Duration = Duration::from_secs(90);

/// One demo at a time: what is seen of one depends on its pace, and machines are small.
static ALONE: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

/// A demo in an empty world: no variable, no folder, no config that it could lean on.
fn demo(temporary: &TempDir, args: &[&str]) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_walletwatch"));
    command.arg("demo").args(args).env_clear().current_dir("/");
    command.env("TMPDIR", temporary.path());
    // Were any of these read, it would end with a fault.
    command.env("WALLETWATCH_CONFIG", "/nonexistent/config.toml").env("WALLETWATCH_DATA_DIR", "/nonexistent/data");
    command.env("WALLETWATCH_LOG", "this is no filter=").env("HTTP_PROXY", "http://192.0.2.1:1");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().expect("the binary starts")
}

/// The address in a line, without what signs in.
fn url(line: &str) -> String {
    let word = line.split_whitespace().find(|word| word.starts_with("http://")).expect("it is in the line");
    word.split("/#").next().expect("there is a first part").to_owned()
}

/// Waits for its end: whether it was a good one.
async fn ended(child: &mut Child) -> bool {
    let from = tokio::time::Instant::now();
    loop {
        if let Some(status) = child.try_wait().expect("it can be asked") {
            return status.success();
        }
        assert!(from.elapsed() < PATIENCE, "it does not end");
        tokio::time::sleep(GLANCE).await;
    }
}

/// An address as `/proc/net` writes it: in hexadecimal, each four bytes in the machine's order, then the port.
fn address(text: &str) -> Option<IpAddr> {
    let (address, _) = text.split_once(':')?;
    let bytes: Vec<u8> = (0..address.len() / 8)
        .filter_map(|word| u32::from_str_radix(&address[word * 8..word * 8 + 8], 16).ok())
        .flat_map(u32::to_ne_bytes)
        .collect();
    match bytes.len() {
        4 => Some(IpAddr::V4(Ipv4Addr::from(<[u8; 4]>::try_from(bytes).ok()?))),
        16 => Some(IpAddr::V6(Ipv6Addr::from(<[u8; 16]>::try_from(bytes).ok()?))),
        _ => None,
    }
}

/// Every end of a socket of the process that is not on loopback, and how many sockets were looked at. Linux only.
fn strangers(process: u32) -> (Vec<String>, usize) {
    let links = std::fs::read_dir(format!("/proc/{process}/fd")).into_iter().flatten().flatten();
    let links = links.filter_map(|entry| std::fs::read_link(entry.path()).ok());
    let names = links.filter_map(|link| link.to_str().map(str::to_owned));
    let own: Vec<String> =
        names.filter_map(|link| Some(link.strip_prefix("socket:[")?.strip_suffix(']')?.to_owned())).collect();
    let (mut strangers, mut seen) = (Vec::new(), 0);
    for table in ["tcp", "tcp6", "udp", "udp6"] {
        let rows = std::fs::read_to_string(format!("/proc/net/{table}")).unwrap_or_default();
        for row in rows.lines().skip(1) {
            let fields: Vec<&str> = row.split_whitespace().collect();
            if fields.get(9).is_none_or(|inode| !own.iter().any(|known| known == inode)) {
                continue;
            }
            seen += 1;
            let (here, there) = (address(fields[1]), address(fields[2]));
            let loopback = |end: Option<IpAddr>| end.is_some_and(|end| end.is_loopback());
            // Who only listens has nobody on the other side.
            let nobody = there.is_some_and(|there| there.is_unspecified());
            if !loopback(here) || !(nobody || loopback(there)) {
                strangers.push(format!("{table} {row}"));
            }
        }
    }
    (strangers, seen)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stranger_sees_everything_that_the_monitor_promises_and_nothing_leaves_the_machine() {
    let _alone = ALONE.lock().await;
    let temporary = tempfile::tempdir().expect("a folder can be made");
    let mut child = demo(&temporary, &["--speed", "3"]);
    let process = child.id();
    let printed = Printed::of(child.stdout.take().expect("it is piped"));
    let talk = Printed::of(child.stderr.take().expect("it is piped"));
    let first = printed.line_with("http://").await.expect("it says where its page is");
    let page = url(&first);
    assert!(page.starts_with("http://127.0.0.1:") && page[17..].parse::<u16>().is_ok(), "{first}");
    assert!(first.contains("/#token="), "the link signs in: {first}");
    let http = http_client();
    let text = async |path: &str| {
        let answer = http.get(format!("{page}{path}")).send().await.expect("it answers");
        assert_eq!(answer.status().as_u16(), 200, "{path}");
        answer.text().await.expect("it is whole")
    };
    assert!(text("/").await.contains("SIMULATED"));

    let from = tokio::time::Instant::now();
    let mut missing = Vec::new();
    while from.elapsed() < STORY {
        let (strangers, seen) = strangers(process);
        assert_eq!(strangers, Vec::<String>::new(), "only loopback");
        assert!(seen > 0 || !Path::new("/proc/net/tcp").exists(), "its sockets can be looked at");
        let lines = printed.lines();
        let told = |parts: &[&str]| lines.iter().any(|line| parts.iter().all(|part| line.contains(part)));
        missing = PROMISED.iter().filter(|parts| !told(parts)).collect();
        if missing.is_empty() {
            break;
        }
        tokio::time::sleep(GLANCE).await;
    }
    assert!(missing.is_empty(), "{missing:?} is not in:\n{}", printed.lines().join("\n"));

    let api = text("/api/v1/status").await;
    assert!(api.contains("\"simulated\":true"), "{api}");
    assert!(text("/metrics").await.contains("walletwatch_transfers_total{"));
    let interrupt = Command::new("sh").args(["-c", &format!("kill -INT {process}")]).status();
    assert!(interrupt.expect("there is a shell").success());
    assert!(ended(&mut child).await, "Ctrl-C is a good end: {:?}", talk.lines());
    for line in printed.lines() {
        assert!(line.starts_with("SIMULATED "), "{line}");
    }
    assert_eq!(talk.lines(), Vec::<String>::new(), "nothing went wrong");
    let left: Vec<_> = std::fs::read_dir(temporary.path()).expect("it is there").flatten().collect();
    assert!(left.is_empty(), "{left:?} was left behind");
}

/// What a line of the story has to hold, for each promise.
const PROMISED: [&[&str]; 22] = [
    &["seen ", "2.5 ETH in to treasury on simnet", "[large deposit]"],
    &["confirmed ", "2.5 ETH in to treasury on simnet, 3 confirmations"],
    &["block ", "2.5 ETH to treasury 5 of 8"],
    &["final ", "2.5 ETH in to treasury on simnet, 8 confirmations"],
    &["rehearsed ", "100 USDC to refill", "a rehearsal"],
    &["complete ", "1200 USDC to till on sepolia", "[till low]"],
    &["held ", "250 USDC to supplier on sepolia", "(approval)"],
    &["you ", "to approve it: curl -X POST http://127.0.0.1:", "body_sha256"],
    &["recovered ", "till holds 1500 USDC on sepolia"],
    &["confirmed ", "5 ETH in to deposits"],
    &["RETRACTED ", "5 ETH in to deposits", "no longer holds"],
    &["crossed ", "ETH-USD is 24", "below 2500"],
    &["recovered ", "ETH-USD is 25", "2550"],
    &["crossed ", "hot holds 400000 ", "on simnet, below 500000", "[hot wallet low]"],
    &["recovered ", "hot holds 1002000 ", "on simnet, at 900000 or more again"],
    &["confirmed ", "USDC in to treasury on ethereum", "[usdc in]"],
    &["BLIND ", "on simnet"],
    &["sees again ", "simnet", "were missed and are read now"],
    &["confirmed ", "0.8 ETH in to deposits"],
    &["refused ", "the book-keeping refused"],
    &["confirmed ", "UNLIMITED SIM on simnet", "[unlimited approval]"],
    &["sent again ", "the book-keeping has", "under the same id"],
];

#[tokio::test]
async fn it_ends_by_itself_when_it_is_told_for_how_long_and_refuses_other_people_s_places() {
    let _alone = ALONE.lock().await;
    let temporary = tempfile::tempdir().expect("a folder can be made");
    let mut child = demo(&temporary, &["--for", "2s", "--seed", "7"]);
    let printed = Printed::of(child.stdout.take().expect("it is piped"));
    assert!(ended(&mut child).await);
    assert!(printed.line_with("the end: ").await.is_ok());
    assert_eq!(std::fs::read_dir(temporary.path()).expect("it is there").count(), 0);
    for args in [["--for", "soon"], ["--speed", "0"], ["--config", "mine.toml"], ["--data-dir", "/mine"]] {
        let output = demo(&temporary, &args).wait_with_output().expect("it ends");
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(output.stdout.is_empty(), "{args:?}");
    }
}
