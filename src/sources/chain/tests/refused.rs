//! What an endpoint that cannot be used says of itself.

use super::super::bench::Bench;
use super::super::testing::{Node, Reply};
use super::state_of;
use crate::reactor::event::SourceState;
use serde_json::json;

/// A person who reads `status`, a log line or `check --probe` must know what to do. Nothing of the other side's text is in it.
#[tokio::test]
async fn what_an_endpoint_that_cannot_be_used_says_tells_why() {
    let check = async |reply: Reply, expected: &[&str]| {
        let node = Node::start(9).await;
        node.script(move |_, _| Some(reply.clone()));
        let mut bench = Bench::start(vec![node.endpoint("one", false)], &[]);
        let refused = bench.until(|event| match state_of(&event, "one")? {
            SourceState::Refused(reason) => Some((true, reason)),
            SourceState::BackingOff(reason) => Some((false, reason)),
            _ => None,
        });
        let (refused, reason) = refused.await;
        let reason = reason.to_string();
        assert_eq!(refused, expected[0] == "refused", "{reason}");
        for words in &expected[1..] {
            assert!(reason.contains(*words), "{reason}");
        }
        assert!(!reason.contains("127.0.0.1") && !reason.contains("SECRET"), "{reason}");
    };
    let error = |text: &str| Reply::Error(json!({"code": -32000, "message": text}));
    check(Reply::Status(401, 0), &["refused", "HTTP 401", "the key"]).await;
    check(Reply::Status(403, 0), &["refused", "HTTP 403", "the key"]).await;
    check(Reply::Status(302, 0), &["failed", "HTTP 302", "leads elsewhere"]).await;
    check(Reply::Status(404, 0), &["failed", "HTTP 404", "path"]).await;
    check(Reply::Status(429, 0), &["failed", "rate limited"]).await;
    check(Reply::Status(503, 0), &["failed", "HTTP 503", "in trouble"]).await;
    check(Reply::Body(401, r#"{"error":"key SECRET is no key"}"#), &["refused", "HTTP 401", "the key"]).await;
    check(Reply::Body(400, r#"{"error":"invalid key SECRET"}"#), &["failed", "HTTP 400"]).await;
    check(Reply::Body(200, "<html>"), &["failed", "cannot be read"]).await;
    check(error("SECRET is no project"), &["failed", "error -32000"]).await;
    check(Reply::Result(json!("0x1")), &["refused", "wrong chain", "chain id 1,", "says 31337"]).await;
}
