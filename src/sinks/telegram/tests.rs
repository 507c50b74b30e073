//! What Telegram is sent, whatever strangers wrote, and what its answers mean.

use super::*;
use crate::reactor::effect::TransferBody;
use crate::sinks::answer::{Answer, SendFault, SinkResponse, Verdict};
use crate::sinks::markup::units;
use crate::sinks::samples::{of_transfer, row, said, transfer};
use crate::sinks::{freeze, text};
use crate::types::U256;
use proptest::prelude::*;
use serde_json::{Value, json};

const TOKEN: &str = "123456789:AAabcdefghijklmnopqrstuvwxyz";

fn to(chat: &str) -> Telegram {
    Telegram::new(&TelegramConfig {
        url: Secret::new("https://api.telegram.org".to_owned()),
        token: Secret::new(TOKEN.to_owned()),
        chat: chat.into(),
        thread: None,
        allow_private: false,
    })
}

fn drafted(body: TransferBody, again: bool, first: Option<&str>) -> Draft {
    let row = row(1, freeze(&of_transfer(body), &"phone".into()));
    to("-100123").draft(said(&row, again), first.map(Name::from).as_ref())
}

fn payload(draft: &Draft) -> Value {
    serde_json::from_slice(&draft.request().body).expect("a payload is JSON")
}

#[expect(clippy::unnecessary_wraps, reason = "it is one of the things that an attempt can end with")]
fn answer(status: u16, body: Value) -> Answer {
    Ok(SinkResponse { status, retry_after: None, pause: None, body: body.to_string().into() })
}

fn refused(code: u16, description: &str) -> Answer {
    answer(code, json!({"ok": false, "error_code": code, "description": description}))
}

#[test]
fn a_message_is_a_bold_title_details_and_one_link() {
    let draft = drafted(transfer(), false, None);
    let value = payload(&draft);
    let lines: Vec<&str> = value["text"].as_str().expect("it has a text").lines().collect();
    assert_eq!(lines[0], "<b>treasury received 1234.567 USDC on ethereum (confirmed)</b>");
    assert_eq!(lines[1], "from <code>0x1111111111111111111111111111111111111111</code>");
    assert_eq!(lines.last(), Some(&"<a href=\"https://etherscan.io/tx/0xabab\">look it up</a>"));
    assert_eq!((&value["chat_id"], &value["parse_mode"]), (&json!(-100_123), &json!("HTML")));
    assert_eq!(value["link_preview_options"], json!({"is_disabled": true}));
    assert!(value.get("reply_parameters").is_none() && value.get("message_thread_id").is_none());
    let request = draft.request();
    assert_eq!(request.to.url().expose(), format!("https://api.telegram.org/bot{TOKEN}/sendMessage"));
    assert!(!format!("{request:?} {:?}", to("1")).contains("AAabc"), "the token cannot be printed");
}

#[test]
fn public_names_stay_text_and_topics_are_named() {
    let telegram = Telegram { thread: Some(7), ..to("@treasury") };
    let row = row(1, freeze(&of_transfer(transfer()), &"phone".into()));
    let value = payload(&telegram.draft(said(&row, false), None));
    assert_eq!((&value["chat_id"], &value["message_thread_id"]), (&json!("@treasury"), &json!(7)));
}

#[test]
fn what_follows_answers_the_first_message_of_the_same_chat() {
    let value = payload(&drafted(transfer(), true, Some("-100123/57")));
    assert_eq!(value["reply_parameters"], json!({"message_id": 57, "allow_sending_without_reply": true}));
    assert!(value["text"].as_str().is_some_and(|text| text.contains("\nagain: ")));
    for other in ["-100124/57", "57", "-100123/x", ""] {
        assert!(payload(&drafted(transfer(), false, Some(other))).get("reply_parameters").is_none(), "{other}");
    }
}

#[test]
fn refused_entities_are_sent_again_as_plain_text_and_a_moved_chat_is_followed_once() {
    let html = drafted(transfer(), false, Some("-100123/57"));
    let entities = refused(400, "Bad Request: can't parse entities: Unsupported start tag \"x\" at byte offset 5");
    let plain = html.instead(&entities).expect("there is plain text");
    let value = payload(&plain);
    assert!(value.get("parse_mode").is_none());
    let text = value["text"].as_str().expect("it has a text");
    assert!(text.starts_with("treasury received 1234.567 USDC") && text.ends_with("https://etherscan.io/tx/0xabab"));
    assert_eq!(value["reply_parameters"]["message_id"], json!(57));
    assert_eq!(plain.instead(&entities), None, "once");
    let moved = answer(
        400,
        json!({"ok": false, "error_code": 400, "description": "Bad Request: group chat was upgraded to a supergroup chat",
               "parameters": {"migrate_to_chat_id": -1_009_876_543_210_i64}}),
    );
    let there = plain.instead(&moved).expect("it is followed");
    let value = payload(&there);
    assert_eq!((&value["chat_id"], value.get("reply_parameters")), (&json!(-1_009_876_543_210_i64), None));
    assert_eq!(there.moved_to().map(Name::as_str), Some("-1009876543210"));
    assert_eq!(there.instead(&moved), None, "once");
    for other in [answer(200, json!({"ok": true})), refused(403, "Forbidden"), Err(broken())] {
        assert_eq!(html.instead(&other), None);
    }
}

fn broken() -> SendFault {
    SendFault { ambiguous: true, reason: "the connection broke".into() }
}

#[test]
fn what_an_answer_means() {
    let check = |answer: &Answer, expected: &str| {
        let told = |told: bool| if told { ", told" } else { "" };
        let got = match verdict(&to("-100123"), answer) {
            Verdict::Delivered { receiver_id } => {
                format!("delivered {}", receiver_id.map_or_else(String::new, |id| id.to_string()))
            }
            Verdict::Partly { .. } | Verdict::Disabled(_) => "never".to_owned(),
            Verdict::Again(it) => format!("again {:?} {:?}{}", it.blame, it.wait, told(it.told)),
            Verdict::Dead(it) => format!("dead: {}{}", it.reason, told(it.told)),
        };
        assert_eq!(got, expected, "{answer:?}");
    };
    let sent = json!({"ok": true, "result": {"message_id": 57, "chat": {"id": -100_123, "title": "Ops"}}});
    check(&answer(200, sent), "delivered -100123/57");
    let elsewhere = json!({"ok": true, "result": {"message_id": 3, "chat": {"id": -100_999}}});
    check(&answer(200, elsewhere), "delivered -100999/3");
    check(&answer(200, json!({"ok": true})), "delivered ");
    check(&answer(200, json!("<html>sign in to this network")), "again Sink None, told");
    check(
        &refused(403, "Forbidden: bot was blocked by the user"),
        "dead: HTTP 403: the person blocked the bot: they have to start it again",
    );
    check(
        &refused(400, "Bad Request: chat not found"),
        "dead: HTTP 400: no such chat, or the bot is not in it: add the bot, look at `chat`",
    );
    check(&refused(400, "Bad Request: a word of theirs"), "dead: HTTP 400");
    check(&refused(401, "Unauthorized"), "again Sink None");
    check(&refused(404, "Not Found"), "again Sink None");
    let slow = json!({"ok": false, "error_code": 429, "description": "Too Many Requests: retry after 17", "parameters": {"retry_after": 17}});
    check(&answer(429, slow), "again Pause Some(17s)");
    check(&refused(429, "Too Many Requests"), "again Sink None");
    check(&refused(500, "Internal Server Error"), "again Message None, told");
    check(&refused(502, "Bad Gateway"), "again Sink None, told");
    check(&Err(broken()), "again Sink None, told");
}

#[test]
fn a_probe_says_who_the_bot_is_and_what_it_sees() {
    let me = answer(200, json!({"ok": true, "result": {"id": 1, "is_bot": true, "username": "walletwatch_bot"}}));
    assert_eq!(introduced(&me).as_deref(), Ok("the bot is @walletwatch_bot"));
    let chat = answer(200, json!({"ok": true, "result": {"id": -1, "type": "group", "title": "Ops\u{202e}"}}));
    assert_eq!(seen(&chat).as_deref(), Ok("it sees the chat \"Ops\""));
    let wrong = introduced(&refused(401, "Unauthorized"));
    assert!(wrong.is_err_and(|wrong| wrong.contains("look at `token`")));
    assert!(seen(&refused(400, "Bad Request: chat not found")).is_err_and(|wrong| wrong.contains("no such chat")));
    assert!(seen(&Err(broken())).is_err());
}

#[test]
fn a_group_has_a_pace_of_its_own_and_another_chat_is_another_place() {
    let of_chat = |chat: &str| to(chat).paces()[0];
    assert_eq!(of_chat("123").1.most, None);
    assert_eq!(of_chat("-123").1.most, Some(GROUP));
    assert_eq!(of_chat("@treasury").1.most, Some(GROUP));
    assert_ne!(of_chat("-123").0, of_chat("-124").0, "each chat is counted alone");
    assert_eq!(to("-123").paces()[1], to("-124").paces()[1], "and all of a bot together");
    assert!(!to("1").leads_elsewhere(&to("1")) && to("1").leads_elsewhere(&to("2")));
}

#[test]
fn the_longest_amount_is_never_cut() {
    let mut body = TransferBody { decimals: Some(255), verified: false, ..transfer() };
    body.key.amount = U256::MAX;
    body.symbol = Some("😀".repeat(500).into());
    (body.watch, body.chain) = ("w".repeat(64).into(), "c".repeat(64).into());
    body.reason = Some("r".repeat(20_000).into());
    let exact = text::render(&freeze(&of_transfer(body.clone()), &"x".into()).body, false).expect("ours");
    let title = payload(&drafted(body, true, None))["text"].as_str().expect("it has a text").to_owned();
    let amount = U256::MAX.to_string();
    assert!(exact.title.contains(&amount) && exact.title.len() > 400);
    assert!(title.contains(&amount), "{title}");
    assert!(title.contains("\nagain: "), "and it says that it may be a repeat");
}

/// The text as a reader sees it, where every tag is one of ours and closed in order.
fn visible(html: &str) -> Option<String> {
    let (mut text, mut open, mut rest) = (String::new(), Vec::new(), html);
    while let Some(at) = rest.find('<') {
        text.push_str(&rest[..at]);
        let (tag, behind) = rest[at + 1..].split_once('>')?;
        rest = behind;
        match tag {
            "b" | "code" => open.push(tag),
            "/b" | "/code" | "/a" => (open.pop()? == &tag[1..]).then_some(())?,
            link if link.starts_with("a href=\"https://etherscan.io/") => open.push("a"),
            _ => return None,
        }
    }
    text.push_str(rest);
    let bare = text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&amp;", "&");
    (open.is_empty() && !text.contains('>')).then_some(bare)
}

proptest! {
    #[test]
    fn nothing_that_a_stranger_wrote_is_markup_and_the_limit_holds(
        symbol: String, watch in "\\PC{0,400}", reason in prop::option::of("\\PC{0,6000}"), again: bool
    ) {
        let body = TransferBody { verified: false, symbol: Some(symbol.into()), watch: watch.into(), reason: reason.map(Into::into), ..transfer() };
        let html = drafted(body, again, None);
        let value = payload(&html);
        let text = value["text"].as_str().expect("it has a text");
        let seen = visible(text);
        prop_assert!(seen.is_some(), "{}", text);
        prop_assert!(seen.is_some_and(|seen| (1..=MOST_UNITS).contains(&units(&seen))));
        let plain = payload(&html.instead(&refused(400, "can't parse entities")).expect("there is plain text"));
        prop_assert!(plain["text"].as_str().is_some_and(|text| (1..=MOST_UNITS).contains(&units(text))));
    }
}
