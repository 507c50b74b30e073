//! What ntfy is sent, whatever strangers wrote, and what its answers mean.

use super::*;
use crate::reactor::effect::TransferBody;
use crate::sinks::answer::SinkResponse;
use crate::sinks::freeze;
use crate::sinks::samples::{of_transfer, row, said, transfer};
use serde_json::{Value, json};

fn topic() -> Ntfy {
    Ntfy::new(&NtfyConfig {
        url: Secret::new("https://ntfy.sh".into()),
        topic: "treasury".into(),
        token: Some(Secret::new("tk_CANARY".into())),
        allow_private: false,
    })
}

fn sent(body: TransferBody) -> Value {
    let row = row(1, freeze(&of_transfer(body), &"phone".into()));
    let request = topic().request(&row, &said(&row, false));
    assert_eq!(request.to.url().expose(), "https://ntfy.sh", "JSON goes to the root");
    assert_eq!(request.bearer.as_ref().map(|token| token.expose()), Some("tk_CANARY"));
    assert!(!format!("{request:?}").contains("CANARY"));
    serde_json::from_slice(&request.body).expect("a payload is JSON")
}

#[test]
fn a_message_is_a_title_lines_and_a_click() {
    let value = sent(transfer());
    assert_eq!((&value["topic"], &value["priority"]), (&json!("treasury"), &json!(3)));
    assert_eq!(value["title"], "treasury received 1234.567 USDC on ethereum (confirmed)");
    assert_eq!(
        (&value["tags"], &value["click"]),
        (&json!(["information_source"]), &json!("https://etherscan.io/tx/0xabab"))
    );
    let message = value["message"].as_str().expect("there is one");
    assert!(message.contains("transaction 0xabab") && message.ends_with("rule usdc in, info"), "{message}");
}

#[test]
fn whatever_a_token_is_called_it_stays_text_and_within_the_servers_bounds() {
    let hostile = TransferBody {
        verified: false,
        symbol: Some("https://evil.example/claim".into()),
        watch: "é".repeat(3_000).into(),
        ..transfer()
    };
    let value = sent(hostile);
    let (title, message) = (value["title"].as_str().unwrap_or_default(), value["message"].as_str().unwrap_or_default());
    assert!(title.len() <= 1_024 && title.ends_with('…'), "{}", title.len());
    assert!(message.len() <= 4_096 && message.ends_with("info"), "{}", message.len());
    assert!(!value.to_string().contains("https://evil"), "{value}");
    assert_eq!(cut_bytes("ééé", 5), "é…");
    assert_eq!(cut_bytes("abc", 3), "abc");
}

#[test]
fn what_passes_by_itself_or_by_a_person_is_tried_again() {
    let check = |status: u16, body: &'static str, expected: &str| {
        let answer = Ok(SinkResponse { status, retry_after: None, pause: None, body: body.into() });
        let got = match verdict(&answer) {
            Verdict::Delivered { receiver_id } => format!("delivered {}", receiver_id.map_or("", |_| "with an id")),
            Verdict::Partly { .. } => "partly".to_owned(),
            Verdict::Disabled(_) => "disabled".to_owned(),
            Verdict::Again(setback) => format!("again, told: {}", setback.told),
            Verdict::Dead(_) => "dead".to_owned(),
        };
        assert_eq!(got, expected, "{status} {body}");
    };
    check(200, r#"{"id":"sPs71M8A2T","event":"message"}"#, "delivered with an id");
    check(200, "<html>", "again, told: true");
    check(401, r#"{"code":40101}"#, "again, told: false");
    check(403, r#"{"code":40301}"#, "again, told: false");
    check(429, r#"{"code":42908}"#, "again, told: false");
    check(507, "", "again, told: true");
    check(400, r#"{"code":40009}"#, "dead");
    check(413, "", "dead");
}
