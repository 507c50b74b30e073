//! What PagerDuty is sent over the life of an alert, and what its answers mean.

use super::*;
use crate::reactor::effect::{Body, Message, MessageKind, TransferBody};
use crate::sinks::answer::SinkResponse;
use crate::sinks::freeze;
use crate::sinks::samples::{of_transfer, row, said, test, transfer};
use crate::types::Stage;
use serde_json::{Value, json};

const KEY: &str = "R0123456789abcdef0123456789abcde";

fn pager() -> PagerDuty {
    let (url, routing_key) = (Secret::new("https://events.pagerduty.com".into()), Secret::new(KEY.into()));
    PagerDuty::new(&PagerDutyConfig { url, routing_key, allow_private: false })
}

fn sent(message: &Message) -> Value {
    let row = row(1, freeze(message, &"pager".into()));
    let request = pager().request(&row, &said(&row, false));
    assert_eq!(request.to.url().expose(), "https://events.pagerduty.com/v2/enqueue");
    serde_json::from_slice(&request.body).expect("an event is JSON")
}

#[test]
fn an_alert_is_one_incident_that_its_end_resolves() {
    let check = |kind: MessageKind, body: Body, revision: u32, action: &str| {
        let event = sent(&Message { revision, kind, body, ..test() });
        assert_eq!(event["event_action"], action, "{kind:?} {revision}");
        assert_eq!((&event["routing_key"], &event["dedup_key"]), (&json!(KEY), &json!("07".repeat(16))));
        assert_eq!(event["payload"].is_null(), action == "resolve");
    };
    let moved = |stage| Body::Transfer(Box::new(TransferBody { stage, ..transfer() }));
    for (revision, stage) in [(1, Stage::Seen), (2, Stage::Confirmed), (3, Stage::Final)] {
        check(MessageKind::Transfer(stage), moved(stage), revision, "trigger");
    }
    let gone = TransferBody { stage: Stage::Retracted, confirmations: 0, ..transfer() };
    check(MessageKind::Transfer(Stage::Retracted), Body::Transfer(Box::new(gone)), 4, "resolve");
    // It moved, and some of what was said still holds.
    check(MessageKind::Transfer(Stage::Retracted), moved(Stage::Retracted), 4, "trigger");
    check(MessageKind::AlertResolved, Body::Resolved("the rule is gone".into()), 2, "resolve");
    check(MessageKind::Test, Body::Test, 1, "trigger");
}

#[test]
fn an_event_has_what_people_need_within_pagerdutys_bounds_and_amounts_are_text() {
    let event = sent(&of_transfer(transfer()));
    let payload = &event["payload"];
    assert_eq!(payload["summary"], "treasury received 1234.567 USDC on ethereum (confirmed)");
    assert_eq!((&payload["source"], &payload["component"]), (&json!("treasury"), &json!("ethereum")));
    assert_eq!((&payload["severity"], &payload["class"]), (&json!("info"), &json!("transfer.confirmed")));
    assert_eq!(payload["timestamp"], "2026-11-22T00:44:09.123Z");
    assert_eq!(payload["custom_details"]["message"]["data"]["amount_raw"], "1234567000");
    assert!(payload["custom_details"]["text"].as_str().is_some_and(|text| text.contains("transaction 0xabab")));
    assert_eq!(event["links"], json!([{"href": "https://etherscan.io/tx/0xabab", "text": "look it up"}]));
    let long = TransferBody { watch: "é".repeat(2_000).into(), ..transfer() };
    let event = sent(&of_transfer(long));
    let summary = event["payload"]["summary"].as_str().expect("there is one");
    assert!(summary.chars().count() <= 1_024, "{}", summary.chars().count());
    let unreadable = crate::store::NewMessage { body: "no JSON".into(), ..freeze(&test(), &"pager".into()) };
    let row = row(1, unreadable);
    let request = pager().request(&row, &said(&row, false));
    assert!(String::from_utf8_lossy(&request.body).contains("walletwatch: test"));
}

#[test]
fn what_a_person_can_put_right_is_tried_again_and_a_wrong_event_is_dead() {
    let check = |status: u16, body: &'static str, expected: &str, wait: Option<u64>| {
        let got = match verdict(&Ok(SinkResponse { status, retry_after: None, pause: None, body: body.into() })) {
            Verdict::Delivered { .. } => ("delivered", None),
            Verdict::Again(setback) => ("again", setback.wait),
            Verdict::Dead(setback) => ("dead", setback.wait),
            Verdict::Partly { .. } | Verdict::Disabled(_) => ("other", None),
        };
        assert_eq!(got, (expected, wait.map(Duration::from_secs)), "{status} {body}");
    };
    check(202, r#"{"status":"success","dedup_key":"07"}"#, "delivered", None);
    check(400, r#"{"status":"invalid event","errors":["'payload.severity' is invalid"]}"#, "dead", None);
    check(400, r#"{"status":"invalid event","errors":["Length of 'routing_key' is incorrect"]}"#, "again", None);
    check(403, "", "again", None);
    check(413, "", "dead", None);
    check(429, "", "again", Some(120));
    check(503, "", "again", Some(120));
}
