//! Raw requests against a real listener on loopback, with a real store behind it.

#[path = "tests_document.rs"]
mod document;
#[path = "tests_events.rs"]
mod events;
#[path = "tests_inert.rs"]
mod inert;
#[path = "tests_page.rs"]
mod page;
#[path = "tests_payments.rs"]
mod payments;
#[path = "tests_repeats.rs"]
mod repeats;
#[path = "tests_schema.rs"]
mod schema;
#[path = "tests_served.rs"]
mod served;
#[path = "tests_silences.rs"]
mod silences;
#[path = "tests_watches.rs"]
mod watches;
#[path = "tests_why.rs"]
mod why;

use self::served::{OPERATE, READ, ask, bearer, raw, serving, standing};
use super::*;
use crate::types::MessageId;
use serde_json::Value;
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

#[tokio::test]
async fn only_who_sits_here_reads_without_a_token() {
    let served = serving(Deadlines::default()).await;
    for (head, expected) in [
        (&["Host: localhost:8640"][..], 200),
        (&["Host: evil.example"], 401),
        (&["Host: localhost", "X-Forwarded-For: 127.0.0.1"], 401),
        (&["Host: localhost", "Via: 1.1 proxy"], 401),
        (&["Host: localhost", "Authorization: Bearer wrong"], 401),
        (&["Host: evil.example", &bearer(READ)], 200),
    ] {
        for path in ["/", "/transfers", "/metrics", "/api/v1/status", "/api/v1/transfers", "/api/v1/outbox"] {
            let got = ask(&served, &format!("GET {path}"), head, "").await;
            assert_eq!(got.status, expected, "{path} with {head:?}: {}", got.body);
            assert!(got.head.contains("content-security-policy: default-src 'none'"), "{}", got.head);
            assert!(!got.head.contains("access-control") && !got.head.contains("set-cookie"), "{}", got.head);
            if expected == 401 {
                assert!(got.head.contains("application/problem+json") && got.head.contains("www-authenticate: bearer"));
                assert_eq!(got.json()["status"], 401);
            }
        }
    }
    assert_eq!(ask(&served, "GET /nothing", &[], "").await.status, 404);
    assert_eq!(ask(&served, "DELETE /metrics", &[&bearer(OPERATE)], "").await.status, 405);
}

#[tokio::test]
async fn health_says_one_word_and_to_a_token_why() {
    let served = serving(Deadlines::default()).await;
    let check = async |path: &str, head: &[&str], status: u16, body: &str| {
        let got = ask(&served, &format!("GET {path}"), head, "").await;
        assert_eq!((got.status, got.body.as_str()), (status, body), "{path} {head:?}");
    };
    check("/healthz", &["Host: evil.example"], 200, "alive\n").await;
    check("/readyz", &["Host: evil.example"], 200, "ready\n").await;
    served.snapshot.send_replace(Arc::new(Snapshot { starting: true, ..standing() }));
    check("/healthz", &[], 200, "alive\n").await;
    check("/readyz", &[], 503, "unready\n").await;
    check("/readyz", &[&bearer("wrong")], 503, "unready\n").await;
    check("/readyz", &[&bearer(READ)], 503, "unready\nstarting\n").await;
}

#[tokio::test]
async fn commands_need_the_role_and_answer_what_became_of_them() {
    let served = serving(Deadlines { answer: Duration::from_secs(1), ..Deadlines::default() }).await;
    let id = MessageId([9; 16]);
    let (admin, reader) = (bearer(OPERATE), bearer(READ));
    let replay = format!("POST /api/v1/outbox/{id}/replay");
    for (line, head, expected) in [
        (&*replay, &[][..], 401),
        (&replay, &[&*reader], 403),
        (&replay, &[&*admin, "Origin: http://evil.example"], 403),
        ("POST /api/v1/outbox/nonsense/replay", &[&*admin], 400),
        ("GET /api/v1/sinks/ops/test", &[&*admin], 405),
    ] {
        let got = ask(&served, line, head, "").await;
        assert_eq!(got.status, expected, "{line} {head:?}: {}", got.body);
    }
    assert!(served.control.0.lock().expect("nobody panics").is_empty(), "nothing got through");
    let drop = format!("POST /api/v1/outbox/{id}/drop");
    for (line, expected, command) in [
        (&*replay, 204, Command::Replay(id)),
        (&drop, 204, Command::Drop(id)),
        ("POST /api/v1/sinks/my%20ops/test", 204, Command::TestSink("my ops".into())),
        ("POST /api/v1/sinks/ops/enable", 204, Command::EnableSink("ops".into())),
        ("POST /api/v1/sinks/gone/test", 404, Command::TestSink("gone".into())),
        ("POST /api/v1/chains/ethereum/accept", 409, Command::AcceptChain("ethereum".into())),
        ("POST /api/v1/sinks/slow/test", 504, Command::TestSink("slow".into())),
    ] {
        let got = ask(&served, line, &[&*admin, "Origin: http://127.0.0.1"], "{}").await;
        assert_eq!(got.status, expected, "{line}: {}", got.body);
        let noted = served.control.0.lock().expect("nobody panics").pop();
        assert_eq!(noted, Some(("admin".into(), command)));
    }
}

#[tokio::test]
async fn lists_come_in_pages_and_wrong_questions_are_told_what_is_right() {
    let served = serving(Deadlines::default()).await;
    let get = async |path: &str| ask(&served, &format!("GET /api/v1/{path}"), &[], "").await;
    let first = get("transfers?limit=2").await.json();
    let next = first["next"].as_str().expect("there is a third");
    let second = get(&format!("transfers?limit=2&before={next}")).await.json();
    assert_eq!((&second["next"], second["items"].as_array().map(Vec::len)), (&Value::Null, Some(1)));
    let items: Vec<_> = first["items"].as_array().into_iter().chain(second["items"].as_array()).flatten().collect();
    let mut seen: Vec<_> = items.iter().map(|item| item["nth"].as_u64()).collect();
    seen.sort_unstable();
    assert_eq!(seen, [Some(0), Some(1), Some(2)]);
    assert_eq!((&items[0]["amount"], &items[0]["asset"]["symbol"]), (&"1.5".into(), &"ETH".into()));
    assert_eq!((&items[0]["chain"], &items[0]["amount_raw"]), (&"ethereum".into(), &"1500000000000000000".into()));
    let counted = async |path: &str| get(path).await.json()["items"].as_array().map(Vec::len);
    assert_eq!(counted("transfers?chain=ethereum&stage=seen").await, Some(3));
    assert_eq!(counted("transfers?stage=final").await, Some(0));
    assert_eq!(counted("alerts?state=raised&watch=treasury").await, Some(1));
    assert_eq!(counted("outbox?sink=ops&state=pending").await, Some(1));
    assert_eq!(counted("alerts?rule=source.blind").await, Some(0), "there is none, and there could be");
    let shown = get(&format!("outbox/{}", MessageId([9; 16]))).await.json();
    assert_eq!((&shown["body"]["type"], &shown["state"]), (&"transfer.seen".into(), &"pending".into()));
    for (path, status) in [
        ("transfers?limit=0", 400),
        ("transfers?limit=-1", 400),
        ("transfers?limit=1&limit=2", 400),
        ("transfers?limit=501", 400),
        ("transfers?limit=many", 400),
        ("transfers?before=12", 400),
        ("transfers?stage=buried", 400),
        ("transfers?sink=ops", 400),
        ("transfers?token=x", 400),
        ("transfers?chain=nowhere", 404),
        ("transfers?watch=nobody", 404),
        ("transfers?watch=deposits", 200),
        ("approvals?chain=nowhere", 404),
        ("approvals?watch=nobody", 404),
        ("balances?chain=nowhere", 404),
        ("balances?watch=nobody", 404),
        ("balances?watch=deposits", 200),
        ("alerts?watch=nobody", 404),
        ("alerts?watch=deposits", 200),
        ("alerts?rule=nothing", 404),
        ("alerts?rule=source.blind", 200),
        // Of a rule that the config has no more an alert is there.
        ("alerts?rule=%3Cscript%3Ealert('x')%3C%2Fscript%3E%22%26%E2%80%AE&state=resolved", 200),
        ("outbox?sink=nobody", 404),
        ("outbox?sink=ops&state=dead", 200),
        ("payments?rule=nothing", 404),
        ("payments?rule=r&state=complete", 200),
        ("alerts?before=x", 400),
        ("outbox?state=lost", 400),
        ("outbox/12", 400),
        ("outbox/00000000000000000000000000000000", 404),
    ] {
        let got = get(path).await;
        assert_eq!(got.status, status, "{path}: {}", got.body);
        assert_eq!(got.head.contains("application/problem+json"), status != 200, "{}", got.head);
    }
    let status = get("status").await.json();
    assert_eq!((&status["ready"], &status["blind"]), (&true.into(), &true.into()));
    assert_eq!(status["sources"].as_array().map(Vec::len), Some(3));
}

#[tokio::test]
async fn the_page_escapes_whatever_it_shows_and_says_simulated() {
    let served = serving(Deadlines::default()).await;
    let page = ask(&served, "GET /", &[], "").await;
    assert_eq!(page.status, 200);
    assert!(page.body.contains("&lt;script&gt;alert('x')&lt;/script&gt;&quot;&amp;\u{fffd}"), "{}", page.body);
    assert!(!page.body.contains("<script>") && !page.body.contains("SIMULATED"), "{}", page.body);
    served.snapshot.send_replace(Arc::new(Snapshot { simulated: true, ..standing() }));
    assert!(ask(&served, "GET /", &[], "").await.body.contains("<strong>SIMULATED</strong>: nothing here happened"));
    let metrics = ask(&served, "GET /metrics", &[], "").await;
    assert!(metrics.body.contains("walletwatch_ready 1\n"), "{}", metrics.body);
    assert!(!metrics.body.contains("<script"), "no error's text is a label");
}

#[tokio::test]
async fn a_big_body_or_head_is_refused_before_it_is_read() {
    let served = serving(Deadlines::default()).await;
    let admin = bearer(OPERATE);
    let announced =
        format!("POST /api/v1/sinks/ops/test HTTP/1.1\r\nHost: localhost\r\n{admin}\r\nContent-Length: 65537\r\n\r\n");
    assert!(raw_first_line(served.at, &announced).await.contains(" 413 "));
    let chunk = format!("10000\r\n{}\r\n", "x".repeat(65_536));
    let chunked = format!(
        "POST /api/v1/sinks/ops/test HTTP/1.1\r\nHost: localhost\r\n{admin}\r\nTransfer-Encoding: chunked\r\n\r\n{chunk}1\r\nx\r\n"
    );
    assert!(raw_first_line(served.at, &chunked).await.contains(" 413 "));
    let head = format!("GET / HTTP/1.1\r\nHost: localhost\r\nX-Long: {}\r\n\r\n", "x".repeat(LARGEST_HEAD));
    assert!(raw_first_line(served.at, &head).await.contains(" 431 "));
    assert!(served.control.0.lock().expect("nobody panics").is_empty());
    let fits = ask(&served, "POST /api/v1/sinks/ops/test", &[&admin], &"x".repeat(LARGEST_BODY)).await;
    assert_eq!(fits.status, 204, "{}", fits.body);
}

/// Sends bytes, and reads only the first line of the answer: the connection stays open.
async fn raw_first_line(at: SocketAddr, text: &str) -> String {
    let mut stream = TcpStream::connect(at).await.expect("it listens");
    let _ = stream.write_all(text.as_bytes()).await;
    let mut line = Vec::new();
    while !line.ends_with(b"\r\n") {
        match stream.read_u8().await {
            Ok(byte) => line.push(byte),
            Err(_) => break,
        }
    }
    String::from_utf8(line).expect("it is text")
}

#[tokio::test]
async fn who_is_slow_is_cut_off_and_the_others_are_served() {
    let short = Duration::from_millis(250);
    let served = serving(Deadlines { head: short, answer: short, ..Deadlines::default() }).await;
    let never_ends = TcpStream::connect(served.at).await.expect("it listens");
    // A head that never ends: the connection is closed without an answer to what was not asked.
    let answer = raw(served.at, b"GET / HTTP/1.1\r\nHost: loc").await;
    assert!(!answer.contains(" 200 "), "{answer}");
    // A body that never ends.
    let head = format!(
        "POST /api/v1/sinks/ops/test HTTP/1.1\r\nHost: localhost\r\n{}\r\nContent-Length: 9\r\n\r\nx",
        bearer(OPERATE)
    );
    let answer = raw_first_line(served.at, &head).await;
    assert!(answer.contains(" 408 "), "{answer}");
    // Nothing at all, and junk.
    let mut silent = never_ends;
    let mut rest = Vec::new();
    silent.read_to_end(&mut rest).await.expect("it is closed in order");
    assert!(raw(served.at, b"\x16\x03\x01\x00\xff junk\r\n\r\n").await.contains(" 400 "));
    assert_eq!(ask(&served, "GET /healthz", &[], "").await.status, 200);
    assert!(served.control.0.lock().expect("nobody panics").is_empty());
}

#[tokio::test]
async fn a_connection_cannot_be_kept_and_stopping_closes_the_listener() {
    let connection = Duration::from_millis(50);
    let mut served = serving(Deadlines { connection, ..Deadlines::default() }).await;
    let mut kept = TcpStream::connect(served.at).await.expect("it listens");
    let mut rest = Vec::new();
    kept.read_to_end(&mut rest).await.expect("it is closed in order");
    let mut other = TcpStream::connect(served.at).await.expect("it listens");
    served.stop.cancel();
    (&mut served.task).await.expect("it ends by itself");
    // Whether it was taken already decides how it ends; that it ends is what matters.
    let _ = other.read_to_end(&mut rest).await;
    assert!(rest.is_empty());
    assert!(TcpStream::connect(served.at).await.is_err(), "nobody listens any more");
}
