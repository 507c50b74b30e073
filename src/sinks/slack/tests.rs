//! What Slack is sent, whatever strangers wrote, and what its answers mean.

use super::*;
use crate::reactor::effect::TransferBody;
use crate::sinks::answer::{SendFault, SinkResponse};
use crate::sinks::freeze;
use crate::sinks::samples::{of_transfer, row, said, transfer};
use crate::types::Secret;
use bytes::Bytes;
use proptest::prelude::*;
use serde_json::{Value, json};

fn sent(body: TransferBody) -> Value {
    let url = Secret::new("https://hooks.slack.com/services/T/B/X".to_owned());
    let row = row(1, freeze(&of_transfer(body), &"chat".into()));
    let request = Slack::new(Destination::new(&url, false)).request(&said(&row, false));
    serde_json::from_slice(&request.body).expect("a payload is JSON")
}

#[test]
fn a_message_is_a_title_details_and_one_link() {
    let value = sent(transfer());
    assert_eq!(value["text"], json!("treasury received 1234.567 USDC on ethereum (confirmed)"));
    let kinds: Vec<_> = value["blocks"].as_array().into_iter().flatten().map(|block| &block["text"]["type"]).collect();
    assert_eq!(kinds, [&json!("plain_text"), &json!("plain_text"), &json!("mrkdwn")]);
    assert_eq!(value["blocks"][2]["text"]["text"], json!("<https://etherscan.io/tx/0xabab|look it up>"));
    assert_eq!((&value["unfurl_links"], &value["link_names"]), (&json!(false), &json!(false)));
}

#[test]
fn a_hostile_name_makes_no_mention_and_no_link() {
    let value =
        sent(TransferBody { verified: false, symbol: Some("<!channel> & <http://evil|x>".into()), ..transfer() });
    let title = value["text"].as_str().expect("there is a title");
    assert!(title.contains("&lt;!channel&gt; &amp; &lt;http:\u{2060}//\u{2060}evil|x&gt;"), "{title}");
}

#[test]
fn escaping_is_cut_between_characters_and_never_inside_an_entity() {
    assert_eq!(escape("a&b<c>d", 100), "a&amp;b&lt;c&gt;d");
    assert_eq!(escape("&&&", 11), "&amp;&amp;…");
    assert_eq!(escape("ééé", 3), "éé…");
    assert_eq!(escape("", 3), "");
}

#[test]
fn what_is_about_the_message_is_dead_and_what_is_about_the_channel_or_the_url_is_tried_again() {
    let check = |status: u16, expected: &str| {
        let body = Bytes::from_static(b"no_service");
        let got = match verdict(&Ok(SinkResponse { status, retry_after: None, pause: None, body })) {
            Verdict::Delivered { .. } => "delivered".to_owned(),
            Verdict::Partly { .. } => "partly".to_owned(),
            Verdict::Disabled(_) => "disabled".to_owned(),
            Verdict::Again(_) => "again".to_owned(),
            Verdict::Dead(setback) => format!("dead: {}", setback.reason),
        };
        assert_eq!(got, expected, "{status}");
    };
    check(200, "delivered");
    check(400, "dead: HTTP 400: no_service");
    check(413, "dead: HTTP 413 (too large for the receiver): no_service");
    for status in [401, 403, 404, 408, 425, 429, 500, 503, 301] {
        check(status, "again");
    }
    check(410, "disabled");
    assert!(matches!(verdict(&Err(SendFault { ambiguous: true, reason: "x".into() })), Verdict::Again(_)));
    assert_eq!(error_word(b"<html>"), None);
    assert_eq!(error_word("a".repeat(41).as_bytes()), None);
}

proptest! {
    #[test]
    fn nothing_that_a_stranger_wrote_is_markup(symbol: String, watch: String) {
        let value = sent(TransferBody { verified: false, symbol: Some(symbol.into()), watch: watch.into(), ..transfer() });
        let blocks = value["blocks"].as_array().expect("there are blocks");
        prop_assert!(blocks.len() <= 50);
        for block in blocks {
            let text = block["text"]["text"].as_str().expect("each has a text");
            prop_assert!(!text.is_empty() && text.chars().count() <= MOST_CHARS);
            if block["text"]["type"] == json!("plain_text") {
                prop_assert!(!text.contains('<') && !text.contains('>'));
            } else {
                prop_assert_eq!(text, "<https://etherscan.io/tx/0xabab|look it up>");
            }
        }
        let title = value["text"].as_str().expect("there is a title");
        prop_assert!(!title.contains('<') && !title.contains('>'));
    }
}
