//! Writes that come twice: one rule for the key of all of them.

use super::served::{APPROVE, OPERATE, Served, ask, bearer, serving};
use crate::http::{Deadlines, table};
use axum::http::Method;
use std::time::Duration;

/// A path with something in its braces.
fn asked(path: &str) -> String {
    path.replace("{id}", &"07".repeat(16))
        .replace("{name}", "deposits")
        .replace("{address}", "0x1010101010101010101010101010101010101010")
}

/// How many commands and orders went through.
fn done(served: &Served) -> usize {
    let control = &served.control;
    let commands = control.0.lock().expect("nobody panics").len();
    let additions = control.1.lock().expect("nobody panics").len();
    let orders = control.2.lock().expect("nobody panics").len();
    commands + additions + orders
}

#[tokio::test]
async fn a_key_that_is_none_is_refused_by_every_write() {
    let served = serving(Deadlines::default()).await;
    let long = format!("Idempotency-Key: {}", "x".repeat(256));
    let mut writes = 0;
    for route in table::table().into_iter().filter(|route| route.method != Method::GET) {
        writes += 1;
        for keys in [
            &["Idempotency-Key:"][..],
            &["Idempotency-Key:   "],
            &["Idempotency-Key: a b"],
            &["Idempotency-Key: é"],
            &["Idempotency-Key: a", "Idempotency-Key: a"],
            &[&long],
        ] {
            let token = bearer(APPROVE);
            let head: Vec<&str> = [token.as_str()].into_iter().chain(keys.iter().copied()).collect();
            let line = format!("{} {}", route.method, asked(route.path));
            let got = ask(
                &served,
                &line,
                &head,
                r#"{"watches":[{"name":"a","addresses":["0x1010101010101010101010101010101010101010"]}]}"#,
            )
            .await;
            assert_eq!(got.status, 400, "{line} {keys:?}: {}", got.body);
            assert!(got.body.contains("Idempotency-Key"), "{line} {keys:?}: {}", got.body);
        }
    }
    assert!(writes >= 20, "{writes}");
    assert_eq!(done(&served), 0, "nothing got through");
}

#[tokio::test]
async fn what_was_done_for_a_key_is_done_once_and_answered_alike() {
    let served = serving(Deadlines { answer: Duration::from_secs(1), ..Deadlines::default() }).await;
    let (admin, boss) = (bearer(OPERATE), bearer(APPROVE));
    let check = async |line: &str, token: &str, key: &str, body: &str, status: u16, more: usize| {
        let before = done(&served);
        let got = ask(&served, line, &[token, &format!("Idempotency-Key: {key}")], body).await;
        assert_eq!((got.status, done(&served) - before), (status, more), "{line} {key} {body}: {}", got.body);
        got
    };
    let test = "POST /api/v1/sinks/ops/test";
    check(test, &admin, "one", "", 204, 1).await;
    check(test, &admin, "one", "", 204, 0).await;
    check(test, &admin, "two", "", 204, 1).await;
    check(test, &boss, "one", "", 204, 1).await;
    // The same key for something else is a mistake.
    check(test, &admin, "one", "{}", 422, 0).await;
    check("POST /api/v1/sinks/ops/enable", &admin, "one", "", 422, 0).await;
    // What was refused did nothing, and may be tried again.
    check("POST /api/v1/sinks/gone/test", &admin, "three", "", 404, 1).await;
    check("POST /api/v1/sinks/gone/test", &admin, "three", "", 404, 1).await;
    check("POST /api/v1/sinks/slow/test", &admin, "four", "", 504, 1).await;
    check("POST /api/v1/sinks/slow/test", &admin, "four", "", 504, 1).await;
    let freeze = "POST /api/v1/payments/freeze";
    let first = check(freeze, &admin, "five", "{\"reason\":\"a drill\"}", 200, 1).await;
    let again = check(freeze, &admin, "five", "{\"reason\":\"a drill\"}", 200, 0).await;
    assert_eq!((first.body, again.head.contains("application/json")), (again.body, true));
    // While the first is under way, a second is none.
    let slow = "POST /api/v1/sinks/slow/test";
    let (head, before) = ([admin.as_str(), "Idempotency-Key: six"], done(&served));
    let one = ask(&served, slow, &head, "");
    let other = async {
        // The first has begun once its command is noted.
        while done(&served) == before {
            tokio::task::yield_now().await;
        }
        ask(&served, slow, &head, "").await
    };
    let (one, other) = tokio::join!(one, other);
    assert_eq!((one.status, other.status), (504, 409), "{}", other.body);
}
