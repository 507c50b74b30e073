//! A second process asks a running demo for each thing that can be seen, and each is seen through the API, as anybody would.

use crate::common::{PATIENCE, Printed, http_client};
use crate::{ALONE, GLANCE, demo, ended, url};
use serde_json::Value;
use std::path::Path;
use std::process::{Child, Command, Output};
use tempfile::TempDir;

/// Fast enough not to be waited for, and slow enough for a reorg to come behind what it takes back.
const SPEED: &str = "5";

/// More than a rule may pay in a day, if nothing else is said.
const OFTEN: usize = 12;

/// So high is simnet when everything runs: it begins with a dozen blocks.
const SETTLED: u64 = 24;

/// What has to show, and where in the API.
struct Seen {
    asked: &'static str,
    path: &'static str,
    how: fn(&[Value]) -> bool,
}

fn is(item: &Value, key: &str, value: &str) -> bool {
    item[key].as_str() == Some(value)
}

/// An alert of this rule, in this state, that somebody was told of.
fn alert(items: &[Value], rule: &str, state: &str) -> bool {
    let told = |item: &Value| item["told"].as_array().is_some_and(|told| !told.is_empty());
    items.iter().any(|item| is(item, "rule", rule) && is(item, "state", state) && told(item))
}

/// In the order in which it is asked for. All but the last at once: a node that says nothing hides what the others do.
const SEEN: [Seen; 11] = [
    Seen {
        asked: "deposit",
        path: "transfers?watch=deposits",
        how: |items| items.iter().any(|item| is(item, "amount", "3.3") && is(item, "stage", "final")),
    },
    Seen {
        asked: "reorg",
        path: "alerts?rule=customer%20pays",
        how: |items| alert(items, "customer pays", "retracted"),
    },
    Seen {
        asked: "dead-receiver",
        path: "outbox?sink=book-keeping",
        how: |items| {
            items.iter().any(|item| is(item, "state", "done") && item["attempts"].as_u64().is_some_and(|n| n > 1))
        },
    },
    Seen {
        asked: "poisoned-address",
        path: "transfers?watch=treasury",
        how: |items| {
            let suspect = |word: &str| {
                let of = |item: &Value| item["suspect"].as_array().is_some_and(|all| all.iter().any(|one| one == word));
                items.iter().any(of)
            };
            suspect("zero_value") && suspect("look_alike")
        },
    },
    Seen {
        asked: "hostile-name",
        path: "transfers?watch=deposits",
        how: |items| items.iter().any(|item| is(item, "amount_raw", "1000000000") && is(item, "stage", "final")),
    },
    Seen {
        asked: "unlimited-approval",
        path: "approvals?watch=treasury",
        how: |items| items.iter().any(|item| is(item, "allowance", "unlimited")),
    },
    Seen {
        asked: "gas-spike",
        path: "alerts?rule=gas%20is%20dear",
        how: |items| alert(items, "gas is dear", "resolved"),
    },
    Seen {
        asked: "price-move",
        path: "alerts?rule=ether%20falls",
        how: |items| alert(items, "ether falls", "resolved"),
    },
    Seen {
        asked: "top-up",
        path: "payments",
        how: |items| items.iter().any(|item| is(item, "payee", "till") && is(item, "state", "complete")),
    },
    Seen {
        asked: "held-payment",
        path: "payments",
        how: |items| items.iter().any(|item| is(item, "payee", "supplier") && is(item, "state", "held")),
    },
    Seen {
        asked: "blind-source",
        path: "transfers?watch=deposits",
        how: |items| items.iter().any(|item| is(item, "amount", "0.9") && is(item, "stage", "final")),
    },
];

/// `walletwatch demo do …`, beside the demo whose temporary folder this is.
pub fn wish(temporary: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_walletwatch"));
    command.args(["demo", "do"]).args(args).env_clear().current_dir("/").env("TMPDIR", temporary);
    command.output().expect("the binary runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A calm demo, and where its page is.
pub async fn calm(temporary: &TempDir) -> (Child, Printed, String) {
    let mut child = demo(temporary, &["--calm", "--speed", SPEED]);
    let printed = Printed::of(child.stdout.take().expect("it is piped"));
    let page = url(&printed.line_with("http://").await.expect("it says where its page is"));
    (child, printed, page)
}

/// How high simnet is.
async fn blocks(http: &reqwest::Client, page: &str) -> u64 {
    let answer = http.get(format!("{page}/api/v1/status")).send().await.expect("it answers");
    let status: Value = serde_json::from_str(&answer.text().await.expect("it is whole")).expect("it is JSON");
    let chains = status["chains"].as_array().cloned().unwrap_or_default();
    chains.iter().filter(|one| one["chain"] == "simnet").find_map(|one| one["block"].as_u64()).unwrap_or(0)
}

/// The items of a list of the API.
async fn items(http: &reqwest::Client, page: &str, path: &str) -> Vec<Value> {
    let answer = http.get(format!("{page}/api/v1/{path}")).send().await.expect("it answers");
    let body: Value = serde_json::from_str(&answer.text().await.expect("it is whole")).expect("it is JSON");
    body["items"].as_array().cloned().unwrap_or_default()
}

/// Waits until everything runs. Nothing is paid for a balance that is the first to be read: who asks at once sees that instead.
pub async fn settled(http: &reqwest::Client, page: &str) {
    let from = tokio::time::Instant::now();
    let read = |items: &[Value]| items.iter().any(|item| is(item, "amount", "1500"));
    while !read(&items(http, page, "balances?watch=till").await) || blocks(http, page).await < SETTLED {
        assert!(from.elapsed() < PATIENCE, "it does not come to life");
        tokio::time::sleep(GLANCE).await;
    }
}

async fn stopped(mut child: Child) {
    let interrupt = Command::new("sh").args(["-c", &format!("kill -INT {}", child.id())]).status();
    assert!(interrupt.expect("there is a shell").success());
    assert!(ended(&mut child).await);
}

#[tokio::test]
async fn whatever_is_asked_of_a_running_demo_shows_in_its_api() {
    let _alone = ALONE.lock().await;
    let temporary = tempfile::tempdir().expect("a folder can be made");
    let (child, printed, page) = calm(&temporary).await;
    let http = http_client();
    let shown = async |seen: &Seen| {
        let from = tokio::time::Instant::now();
        while !(seen.how)(&items(&http, &page, seen.path).await) {
            let lines = || printed.lines().join("\n");
            assert!(from.elapsed() < PATIENCE, "{} does not show at {}:\n{}", seen.asked, seen.path, lines());
            tokio::time::sleep(GLANCE).await;
        }
    };
    let ask = |seen: &Seen| {
        let asked = wish(temporary.path(), &[seen.asked]);
        let said = text(&asked.stdout);
        assert!(asked.status.success(), "{}: {}", seen.asked, text(&asked.stderr));
        assert!(said.contains(&page) && said.lines().all(|line| line.starts_with("SIMULATED ")), "{said}");
    };
    settled(&http, &page).await;
    assert!(!SEEN.iter().any(|seen| (seen.how)(&[])), "nothing shows nothing");
    let (last, first) = SEEN.split_last().expect("there are some");
    first.iter().for_each(ask);
    for seen in first {
        shown(seen).await;
    }
    // However often it was asked for, a payment waits for a person, and not for a limit.
    while items(&http, &page, "payments?state=held").await.len() < OFTEN {
        // One that is under way is refused.
        wish(temporary.path(), &["held-payment"]);
    }
    let held = items(&http, &page, "payments?state=held").await;
    assert!(held.iter().all(|item| is(item, "reason", "approval")), "{held:?}");
    ask(last);
    shown(last).await;
    printed.line_with("BLIND ").await.expect("it is said to be blind");
    printed.line_with("<script>alert(1)</script>").await.expect("a terminal shows it as the text that it is");
    assert!(printed.lines().iter().all(|line| !line.contains('\u{202e}')), "and nothing in it turns around");
    let names: Vec<String> = text(&wish(temporary.path(), &[]).stdout)
        .lines()
        .skip(1)
        .filter_map(|line| line.split_whitespace().next().map(str::to_owned))
        .collect();
    assert!(names.iter().all(|name| SEEN.iter().any(|seen| seen.asked == name)), "{names:?}");
    assert_eq!(names.len(), SEEN.len(), "each of them was seen");
    stopped(child).await;
}

#[tokio::test]
async fn who_asks_for_what_cannot_be_is_told_why() {
    let _alone = ALONE.lock().await;
    let temporary = tempfile::tempdir().expect("a folder can be made");
    let nobody = wish(temporary.path(), &["reorg"]);
    assert_eq!(nobody.status.code(), Some(1));
    assert!(text(&nobody.stderr).contains("no demo runs here"), "{}", text(&nobody.stderr));
    let (child, _, _) = calm(&temporary).await;
    let unknown = wish(temporary.path(), &["miracle"]);
    assert_eq!(unknown.status.code(), Some(2));
    assert!(text(&unknown.stderr).contains("held-payment"), "{}", text(&unknown.stderr));
    assert!(wish(temporary.path(), &["dead-receiver"]).status.success());
    let twice = wish(temporary.path(), &["dead-receiver"]);
    assert_eq!(twice.status.code(), Some(1));
    assert!(text(&twice.stderr).contains("under way"), "{}", text(&twice.stderr));
    let (other, _, _) = calm(&temporary).await;
    let which = wish(temporary.path(), &["deposit"]);
    assert!(text(&which.stderr).contains("--process"), "{}", text(&which.stderr));
    assert!(wish(temporary.path(), &["deposit", "--process", &other.id().to_string()]).status.success());
    // What one that was killed leaves behind is passed over.
    let left = temporary.path().join("walletwatch-demo-1-0");
    std::fs::create_dir(&left).expect("a folder can be made");
    drop(std::os::unix::net::UnixListener::bind(left.join("ask")).expect("a socket can be made"));
    stopped(other).await;
    assert!(wish(temporary.path(), &["deposit"]).status.success());
    stopped(child).await;
}
