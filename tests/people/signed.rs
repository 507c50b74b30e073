//! A delivery of the real binary, verified by a library of Standard Webhooks that is not ours (PyPI `standardwebhooks`), and refused by it where
//! anything of it was changed on the way.

use crate::common::PATIENCE;
use crate::common::monitor::Place;
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

/// Where a Python with the library is, when it is not `python3` on the PATH.
const VARIABLE: &str = "WALLETWATCH_STANDARDWEBHOOKS";
const SECRET: &str = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";
const OTHER: &str = "whsec_b3RoZXI2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTI=";

/// Says of each line whether the library takes it.
const SCRIPT: &str = r#"
import base64, json, sys
from standardwebhooks.webhooks import Webhook, WebhookVerificationError
for line in sys.stdin:
    case = json.loads(line)
    try:
        read = Webhook(case["secret"]).verify(base64.b64decode(case["body"]), case["headers"])
        print(json.dumps({"type": read["type"]}))
    except WebhookVerificationError as error:
        print(json.dumps({"refused": str(error)}))
"#;

fn program(test: &str) -> Option<PathBuf> {
    let has = |program: &PathBuf| {
        let asked = Command::new(program).args(["-c", "import standardwebhooks"]).stderr(Stdio::null()).status();
        asked.is_ok_and(|status| status.success())
    };
    let named = std::env::var_os(VARIABLE).map(PathBuf::from);
    let found = named.into_iter().chain(["python3".into()]).find(has);
    if found.is_none() {
        // Not by `println`: what a passing test prints is not shown.
        let _ = writeln!(std::io::stderr(), "left out: {test} (standardwebhooks is not here; tests/run installs it)");
    }
    found
}

fn verified(program: &PathBuf, cases: &[Value]) -> Vec<Value> {
    let mut command = Command::new(program);
    command.args(["-c", SCRIPT]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().expect("python starts");
    let lines: Vec<String> = cases.iter().map(ToString::to_string).collect();
    child.stdin.take().expect("it is piped").write_all(lines.join("\n").as_bytes()).expect("it reads");
    let output = child.wait_with_output().expect("it ends");
    assert!(output.status.success());
    String::from_utf8_lossy(&output.stdout).lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

type Came = (HeaderMap, Bytes);

async fn take(State(came): State<mpsc::Sender<Came>>, headers: HeaderMap, body: Bytes) -> StatusCode {
    came.send((headers, body)).await.expect("the test waits");
    StatusCode::NO_CONTENT
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn somebody_elses_library_takes_what_the_binary_sends_and_nothing_that_was_changed() {
    let Some(program) = program("a delivery verified by somebody else's library") else { return };
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    let url = format!("http://{}/hook", listener.local_addr().expect("it is bound"));
    let (came_to, mut came) = mpsc::channel(16);
    let router = Router::new().fallback(take).with_state(came_to);
    tokio::spawn(async move { axum::serve(listener, router).await.expect("it serves") });
    let place = Place::new(&format!(
        "token = \"env:TOKEN\"\n[[sink]]\nname = \"ops\"\nkind = \"webhook\"\nurl = \"{url}\"\nsecret = \"env:SECRET\"\nallow_private = true\n"
    ));
    place.set("TOKEN", "0123456789abcdef0123456789abcdef");
    place.set("SECRET", SECRET);
    let monitor = place.start().await;
    let sent = place.command_at(monitor.page(), &["sink", "test", "ops"]);
    assert!(sent.status.success(), "{}", String::from_utf8_lossy(&sent.stderr));
    let (headers, body) =
        tokio::time::timeout(PATIENCE, came.recv()).await.expect("it comes").expect("the receiver lives");
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).expect("it is there").to_owned();
    let signed = json!({"webhook-id": header("webhook-id"), "webhook-timestamp": header("webhook-timestamp"),
        "webhook-signature": header("webhook-signature")});
    let case = |secret: &str, change: &dyn Fn(&mut Value, &mut Vec<u8>)| {
        let (mut headers, mut body) = (signed.clone(), body.to_vec());
        change(&mut headers, &mut body);
        json!({"secret": secret, "headers": headers, "body": STANDARD.encode(body)})
    };
    let later = header("webhook-timestamp").parse::<i64>().expect("seconds") + 1;
    let earlier = later - 3_600;
    let cases = [
        case(SECRET, &|_, _| ()),
        case(SECRET, &|_, body| body[20] ^= 1),
        case(SECRET, &|_, body| body.push(b' ')),
        case(SECRET, &|headers, _| headers["webhook-id"] = json!("msg_other")),
        case(SECRET, &|headers, _| headers["webhook-timestamp"] = json!(later.to_string())),
        case(SECRET, &|headers, _| headers["webhook-timestamp"] = json!(earlier.to_string())),
        case(SECRET, &|headers, _| headers["webhook-signature"] = json!("v1,AAAA")),
        case(OTHER, &|_, _| ()),
    ];
    let said = verified(&program, &cases);
    assert_eq!(said.len(), cases.len());
    assert_eq!(said[0], json!({"type": "test"}));
    for (nth, said) in said.iter().enumerate().skip(1) {
        assert!(said["refused"].is_string(), "case {nth} was taken: {said}");
    }
    monitor.stop().await;
}
