//! What Discord is sent over the life of an alert, whatever strangers wrote, and what its answers mean.

use super::*;
use crate::reactor::effect::{Message, MessageKind, TransferBody};
use crate::sinks::answer::SendMethod;
use crate::sinks::freeze;
use crate::sinks::samples::{of_transfer, row, said, test, transfer};
use crate::types::Stage;
use proptest::prelude::*;
use serde_json::{Value, json};
use std::time::Duration;

const URL: &str = "https://discord.com/api/webhooks/123/CANARY";

fn channel() -> Discord {
    Discord::new(&DiscordConfig { url: Secret::new(URL.into()), allow_private: false })
}

fn outgoing(message: &Message, first: Option<&str>) -> Outgoing {
    let row = row(1, freeze(message, &"channel".into()));
    channel().outgoing(&row, &said(&row, false), first.map(Name::from).as_ref())
}

fn sent(body: TransferBody) -> Value {
    let Outgoing::Post(request) = outgoing(&of_transfer(body), None) else { panic!("a first message is new") };
    assert_eq!(request.to.url().expose(), "https://discord.com/api/webhooks/123/CANARY?wait=true");
    serde_json::from_slice(&request.body).expect("a payload is JSON")
}

#[test]
fn a_first_message_is_an_embed_that_pings_nobody() {
    let value = sent(transfer());
    let embed = &value["embeds"][0];
    assert_eq!(embed["title"], r"treasury received 1234.567 USDC on ethereum \(confirmed\)");
    assert_eq!(embed["url"], "https://etherscan.io/tx/0xabab");
    assert_eq!((&embed["color"], &embed["timestamp"]), (&json!(3_066_993), &json!("2026-11-22T00:44:09.123Z")));
    let text = embed["description"].as_str().expect("there is one");
    assert!(text.contains(&format!("transaction `0x{}`", "ab".repeat(32))), "{text}");
    assert_eq!(value["allowed_mentions"], json!({"parse": []}));
}

#[test]
fn what_follows_edits_the_first_message_and_what_ends_it_is_said_besides() {
    let stage = |stage| of_transfer(TransferBody { stage, ..transfer() });
    let Outgoing::Edit(edit) = outgoing(&stage(Stage::Final), Some("1111111111111111111")) else {
        panic!("an update edits")
    };
    assert_eq!((edit.edit.method, edit.behind.is_some()), (SendMethod::Patch, false));
    assert_eq!(edit.edit.to.url().expose(), "https://discord.com/api/webhooks/123/CANARY/messages/1111111111111111111");
    let gone = of_transfer(TransferBody { stage: Stage::Retracted, confirmations: 0, ..transfer() });
    let Outgoing::Edit(edit) = outgoing(&gone, Some("1111111111111111111")) else { panic!("a retraction edits") };
    assert!(edit.behind.is_some_and(|new| new.method == SendMethod::Post));
    assert!(String::from_utf8_lossy(&edit.edit.body).contains("RETRACTED"));
    for (first, kind) in
        [(None, MessageKind::Test), (Some("../../evil"), MessageKind::Test), (Some(""), MessageKind::Test)]
    {
        assert!(matches!(outgoing(&Message { kind, ..test() }, first), Outgoing::Post(_)), "{first:?}");
    }
}

#[test]
fn a_long_title_is_whole_in_the_text() {
    let value = sent(TransferBody { watch: "_x_".repeat(200).into(), ..transfer() });
    let (title, text) = (value["embeds"][0]["title"].as_str(), value["embeds"][0]["description"].as_str());
    assert!(
        title.is_some_and(|title| units(title) <= 256 && title.ends_with('…') && !title.ends_with(r"\…")),
        "{title:?}"
    );
    assert!(text.is_some_and(|text| text.contains("1234.567 USDC") && units(text) <= 4_096), "{text:?}");
    assert_eq!(cut_escaped(r"ab\_c", 4), "ab…");
    assert_eq!(cut_escaped(r"ab\\c", 5), r"ab\\c");
}

proptest! {
    #[test]
    fn whatever_a_token_is_called_it_is_no_markup_no_mention_and_no_link(symbol in r"[ -~]{0,40}|\PC{0,40}|<@!?[0-9]{1,5}>|\[x\]\(https://evil\.example\)|@everyone|```|~~\|\|\*\*__") {
        let value = sent(TransferBody { verified: false, symbol: Some(symbol.into()), ..transfer() });
        let title = value["embeds"][0]["title"].as_str().unwrap_or_default();
        let mut escaped = false;
        for c in title.chars() {
            prop_assert!(escaped || !r"*_~`|<>[]()#@:\-!^{}".contains(c) || c == '\\', "{c} in {title}");
            escaped = c == '\\' && !escaped;
        }
        prop_assert!(!escaped && !title.contains("://"), "{}", title);
    }
}

#[test]
fn answers_mean_what_discord_documents() {
    let check = |status: u16, body: &'static str, expected: &str, wait: Option<u64>| {
        let got = match verdict(&Ok(SinkResponse { status, retry_after: None, pause: None, body: body.into() })) {
            Verdict::Delivered { receiver_id } => {
                (format!("delivered {}", receiver_id.unwrap_or_else(|| "".into())), None)
            }
            Verdict::Partly { .. } => ("partly".to_owned(), None),
            Verdict::Disabled(_) => ("disabled".to_owned(), None),
            Verdict::Again(setback) => ("again".to_owned(), setback.wait),
            Verdict::Dead(_) => ("dead".to_owned(), None),
        };
        assert_eq!(got, (expected.to_owned(), wait.map(Duration::from_millis)), "{status} {body}");
    };
    check(200, r#"{"id":"1111111111111111111","type":0}"#, "delivered 1111111111111111111", None);
    check(200, "<html>", "again", None);
    check(
        429,
        r#"{"message":"You are being rate limited.","retry_after":64.57,"global":false}"#,
        "again",
        Some(64_570),
    );
    check(429, r#"{"retry_after":-1}"#, "again", None);
    check(404, r#"{"message":"Unknown Webhook","code":10015}"#, "disabled", None);
    check(404, r#"{"message":"Unknown Message","code":10008}"#, "again", None);
    check(401, r#"{"code":50027}"#, "again", None);
    check(400, r#"{"code":50006}"#, "dead", None);
    check(502, "", "again", None);
}
