//! The document against the router, the answers and the bodies: neither says what the other does not.

use super::schema::faults;
use super::served::{APPROVE, OPERATE, READ, Served, ask, bearer, serving};
use crate::http::access::Need;
use crate::http::document::{message_schema, written};
use crate::http::{Deadlines, table};
use crate::reactor::effect::MessageKind;
use crate::sinks::body::render;
use crate::sinks::body::tests::every_kind;
use crate::types::{AlertId, MessageId};
use serde_json::Value;

/// What does not end.
const EVENTS: &str = "/api/v1/events";

/// Every operation of a document: method, path as it is asked, and what it says.
fn operations(document: &Value) -> Vec<(String, String, Value)> {
    let paths = document["paths"].as_object().expect("it has paths");
    let all = paths.iter().flat_map(|(path, methods)| {
        let methods = methods.as_object().expect("a path has methods").clone();
        methods.into_iter().map(move |(method, says)| (method.to_uppercase(), path.clone(), says))
    });
    all.collect()
}

/// A path with something in its braces that a handler can read, and that is there where the store has it.
fn asked(path: &str) -> String {
    let id = match path.split('/').nth(3) {
        Some("alerts") => AlertId([5; 16]).to_string(),
        Some("silences") => "7".to_owned(),
        Some("payments") => "00".repeat(16),
        _ => MessageId([9; 16]).to_string(),
    };
    path.replace("{id}", &id)
        .replace("{hash}", &format!("0x{}", "07".repeat(32)))
        .replace("{name}", "deposits")
        .replace("{address}", "0x1010101010101010101010101010101010101010")
        .replace("{type}", "transfer.seen")
}

#[tokio::test]
async fn every_route_is_in_the_document_and_the_document_names_no_other() {
    let served = serving(Deadlines::default()).await;
    let document = ask(&served, "GET /api/v1/openapi.json", &[], "").await.json();
    assert_eq!(document, written(&table::table()));
    let all = operations(&document);
    assert_eq!(all.len(), table::table().len());
    for path in all.iter().map(|(_, path, _)| path) {
        let has = |method: &str| all.iter().any(|one| one.1 == *path && one.0 == method);
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE"] {
            if (method, path.as_str()) == ("GET", EVENTS) {
                continue;
            }
            let got = ask(&served, &format!("{method} {}", asked(path)), &[&bearer(APPROVE)], "").await;
            assert_eq!(got.status != 405, has(method), "{method} {path}: {}", got.body);
            assert!(!got.body.contains("there is nothing at this path"), "{method} {path}");
        }
    }
    // The router has no other: it gets its paths below /api from the table alone.
    for source in [include_str!("router.rs"), include_str!("routes.rs"), include_str!("page/mod.rs")] {
        assert!(!source.contains("route(\"/api"), "a route of the API belongs in the table");
    }
    let mut ids: Vec<_> = all.iter().map(|(.., says)| says["operationId"].to_string()).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), all.len(), "two operations go by one name");
}

#[tokio::test]
async fn answers_are_what_the_document_says() {
    let served = serving(Deadlines::default()).await;
    let document = written(&table::table());
    let problem = &document["components"]["schemas"]["Problem"];
    let mut filled = 0;
    // A stream of events does not end.
    let reads = |(method, path, _): &&(String, String, Value)| method == "GET" && path != EVENTS;
    for (method, path, says) in operations(&document).iter().filter(reads) {
        let got = ask(&served, &format!("{method} {}", asked(path)), &[], "").await;
        let described = &says["responses"][got.status.to_string()];
        assert!(described.is_object(), "{path} does not say {}: {}", got.status, got.body);
        if got.status != 200 {
            assert_eq!(faults(&document, problem, &got.json()), Vec::<String>::new(), "{path}: {}", got.body);
            continue;
        }
        let schema = &described["content"]["application/json"]["schema"];
        assert_eq!(faults(&document, schema, &got.json()), Vec::<String>::new(), "{path}: {}", got.body);
        filled += usize::from(got.json()["items"].as_array().is_some_and(|items| !items.is_empty()));
        let strange = ask(&served, &format!("{method} {}?sort=up", asked(path)), &[], "").await;
        assert_eq!(strange.status, 400, "{path}");
        for parameter in says["parameters"].as_array().into_iter().flatten().filter(|one| one["in"] == "query") {
            let name = parameter["name"].as_str().unwrap_or("");
            assert!(strange.body.contains(name), "{path} does not name {name}: {}", strange.body);
        }
    }
    assert!(filled >= 6, "only {filled} lists have something in them");
}

#[test]
fn bodies_of_every_type_are_what_their_schema_says() {
    let document = written(&table::table());
    for message in every_kind() {
        let kind = message.kind.word();
        let body: Value = serde_json::from_slice(&render(&message)).expect("a body is JSON");
        let schema = message_schema(message.kind);
        assert_eq!(faults(&schema, &schema, &body), Vec::<String>::new(), "{kind}: {body}");
        let webhook = &document["webhooks"][kind]["post"]["requestBody"]["content"]["application/json"]["schema"];
        assert_eq!(faults(&document, webhook, &body), Vec::<String>::new(), "{kind}: {body}");
        let mut less = body.clone();
        less["data"].as_object_mut().expect("it has data").remove("alert_id");
        assert_ne!(faults(&schema, &schema, &less), Vec::<String>::new(), "{kind} needs its alert");
        let other = message_schema(if kind == "test" { MessageKind::Digest } else { MessageKind::Test });
        assert_ne!(faults(&other, &other, &body), Vec::<String>::new(), "{kind} is no test");
    }
}

/// Asks with every head that may not get through, and with the one that may.
async fn refused(served: &Served, line: &str, heads: &[(Vec<String>, u16)]) {
    for (head, status) in heads {
        let lines: Vec<&str> = head.iter().map(String::as_str).collect();
        let got = ask(served, line, &lines, "{}").await;
        assert_eq!(got.status, *status, "{line} with {head:?}: {}", got.body);
        assert!(got.head.contains("application/problem+json"), "{line}: {}", got.head);
    }
    let control = &served.control;
    let quiet = control.0.lock().expect("nobody panics").is_empty()
        && control.1.lock().expect("nobody panics").is_empty()
        && control.2.lock().expect("nobody panics").is_empty();
    assert!(quiet, "{line} got through");
}

#[tokio::test]
async fn no_write_gets_through_without_its_token_and_no_read_from_elsewhere() {
    let served = serving(Deadlines::default()).await;
    let relays = [
        "Tailscale-User-Login: ann",
        "X-Real-IP: 127.0.0.1",
        "CF-Connecting-IP: 127.0.0.1",
        "Forwarded: for=127.0.0.1",
        "Via: 1.1 proxy",
        "X-Forwarded-For: 127.0.0.1",
        "X-Forwarded-Host: localhost",
        "X-Forwarded-Proto: http",
    ];
    let mut counted = (0, 0);
    for (method, path, says) in operations(&written(&table::table())) {
        let line = format!("{method} {}", asked(&path));
        let mut heads: Vec<(Vec<String>, u16)> =
            vec![(vec![bearer("wrong")], 401), (vec!["Authorization: Basic x".into()], 401)];
        heads.extend(relays.map(|relay| (vec![relay.to_owned()], 401)));
        heads.extend(relays.map(|relay| (vec![relay.to_owned(), bearer("wrong")], 401)));
        heads.push((vec!["Host: evil.example".into()], 401));
        let open = says["security"][0].as_object().is_some_and(serde_json::Map::is_empty);
        let need = Need::of(&method.parse().expect("it is a method"), &path);
        assert_eq!(open, matches!(need, Need::Read), "{line}");
        if method == "GET" {
            counted.0 += 1;
            assert!(open, "{line}");
        } else {
            counted.1 += 1;
            heads.push((vec![], 401));
            heads.push((vec![bearer(READ)], 403));
            heads.extend(relays.map(|relay| (vec![relay.to_owned(), bearer(READ)], 403)));
            // The right role, and a page of somebody else that asks.
            heads.push((vec![bearer(APPROVE), "Origin: http://evil.example".into()], 403));
            match says["x-role"].as_str() {
                Some("approve") => {
                    heads.push((vec![bearer(OPERATE)], 403));
                    heads.extend(relays.map(|relay| (vec![relay.to_owned(), bearer(OPERATE)], 403)));
                }
                Some("operate") => {}
                other => panic!("{line} needs the role {other:?}"),
            }
        }
        refused(&served, &line, &heads).await;
    }
    assert!(counted.0 >= 20 && counted.1 >= 20, "{counted:?}");
}
