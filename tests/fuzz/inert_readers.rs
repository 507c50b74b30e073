//! Each receiver's own rules, written down once more as somebody reads them who did not write the sink: what it shows of what it is given, and
//! nothing in it that does something but ours.

use super::LINK;
use serde_json::Value;
use std::collections::BTreeMap;
use walletwatch::sinks::SinkRequest;

/// By the shape of its body.
pub(super) fn of_request(request: &SinkRequest) -> String {
    let body: Value = serde_json::from_slice(&request.body).expect("JSON");
    if body["blocks"].is_array() {
        of_slack(&body)
    } else if body["embeds"].is_array() {
        of_discord(&body)
    } else if body["topic"].is_string() {
        of_ntfy(&body)
    } else if body["routing_key"].is_string() {
        of_pagerduty(&body)
    } else if body.is_array() {
        of_alertmanager(&body)
    } else {
        calm_data(&body);
        body.to_string()
    }
}

fn of_slack(body: &Value) -> String {
    let known = [
        "text",
        "blocks",
        "unfurl_links",
        "unfurl_media",
        "link_names",
        "mrkdwn",
        "channel",
        "ts",
        "thread_ts",
        "reply_broadcast",
    ];
    only(body, &known);
    for switch in ["unfurl_links", "unfurl_media", "link_names", "mrkdwn"] {
        assert_eq!(body[switch], false, "{switch}");
    }
    let plain = |text: &Value| {
        let text = text.as_str().expect("text");
        assert!((1..=3_000).contains(&text.chars().count()), "a section takes 3,000 characters");
        let shown = unescaped(text, &["amp", "lt", "gt"]);
        calm(&shown);
        shown
    };
    let mut shown = plain(&body["text"]);
    for block in body["blocks"].as_array().expect("a list") {
        let text = &block["text"];
        match text["type"].as_str() {
            Some("plain_text") => {
                assert_eq!(text["emoji"], false);
                shown.push_str(&plain(&text["text"]));
            }
            Some("mrkdwn") => assert_eq!(text["text"], format!("<{LINK}|look it up>")),
            other => panic!("{other:?}"),
        }
    }
    shown
}

fn of_discord(body: &Value) -> String {
    /// What Discord reads as text wherever it stands.
    const PLAIN: &str = ".,%'\"/?;$&=+";
    only(body, &["embeds", "allowed_mentions"]);
    assert_eq!(body["allowed_mentions"]["parse"], serde_json::json!([]));
    let embed = &body["embeds"][0];
    only(embed, &["title", "url", "description", "color", "timestamp"]);
    assert!(embed["url"].is_null() || embed["url"] == LINK);
    let read = |key: &str, most: usize| {
        let text = embed[key].as_str().expect("text");
        assert!(text.encode_utf16().count() <= most, "{key} takes {most}");
        let mut shown = String::new();
        let mut chars = text.chars();
        while let Some(c) = chars.next() {
            match c {
                '\\' => shown.extend(chars.next()),
                '`' => {
                    let code: String = chars.by_ref().take_while(|c| *c != '`').collect();
                    assert!(code.starts_with("0x") && code.chars().all(|c| c.is_ascii_alphanumeric()), "{text}");
                    shown.push_str(&code);
                }
                c => {
                    assert!(!c.is_ascii_punctuation() || PLAIN.contains(c), "{c} is markup in {text:?}");
                    shown.push(c);
                }
            }
        }
        calm(&shown);
        shown
    };
    read("title", 256) + "\n" + &read("description", 4_096)
}

fn of_ntfy(body: &Value) -> String {
    only(body, &["topic", "title", "message", "priority", "tags", "click"]);
    assert!(body["click"].is_null() || body["click"] == LINK);
    let (title, message) = (body["title"].as_str().expect("text"), body["message"].as_str().expect("text"));
    assert!(title.len() <= 1_024 && message.len() <= 4_096, "{} {}", title.len(), message.len());
    calm(title);
    calm(message);
    format!("{title}\n{message}")
}

fn of_pagerduty(body: &Value) -> String {
    only(body, &["routing_key", "event_action", "dedup_key", "payload", "links", "client"]);
    let payload = &body["payload"];
    only(payload, &["summary", "source", "severity", "timestamp", "component", "class", "custom_details"]);
    let (summary, text) = (payload["summary"].as_str().expect("text"), &payload["custom_details"]["text"]);
    assert!(summary.chars().count() <= 1_024);
    let text = text.as_str().expect("text");
    calm(summary);
    calm(text);
    let data = &payload["custom_details"]["message"]["data"];
    for words in [&data["asset"]["symbol"], &data["label"], &data["ref"], &data["reason"]] {
        calm(words.as_str().unwrap_or_default());
    }
    for link in body["links"].as_array().into_iter().flatten() {
        assert_eq!(link["href"], LINK);
    }
    format!("{summary}\n{text}")
}

fn of_alertmanager(body: &Value) -> String {
    let mut shown = String::new();
    for alert in body.as_array().expect("a list") {
        only(alert, &["labels", "annotations", "startsAt", "endsAt", "generatorURL"]);
        assert!(alert["generatorURL"].is_null() || alert["generatorURL"] == LINK);
        for words in ["summary", "description"] {
            let words = alert["annotations"][words].as_str().expect("text");
            calm(words);
            assert!(!words.contains(['<', '>']), "a template of the operator's puts it into a chat as it is: {words}");
            shown.push_str(words);
        }
    }
    shown
}

pub(super) fn of_mail(mail: &str) -> String {
    const HEADERS: [&str; 11] = [
        "Message-ID",
        "Date",
        "From",
        "To",
        "Subject",
        "Auto-Submitted",
        "References",
        "In-Reply-To",
        "MIME-Version",
        "Content-Type",
        "Content-Transfer-Encoding",
    ];
    let (head, body) = mail.split_once("\r\n\r\n").expect("headers and a body");
    let headers = headers(head);
    for name in headers.keys() {
        assert!(HEADERS.contains(&name.as_str()), "{name} is no header of ours");
    }
    assert!(mail.is_ascii() && !mail.chars().any(|c| c.is_ascii_control() && !"\r\n\t".contains(c)));
    assert!(mail.split("\r\n").all(|line| line.len() <= 998 && !line.contains(['\r', '\n'])));
    let boundary = headers["Content-Type"].split("boundary=\"").nth(1).and_then(|rest| rest.split('"').next());
    let mark = format!("--{}", boundary.expect("it has parts"));
    let parts: Vec<&str> = body.split(mark.as_str()).collect();
    assert_eq!(parts.len(), 4, "two parts between three marks");
    let part = |nth: usize| {
        let (head, body) = parts[nth].trim_start_matches("\r\n").split_once("\r\n\r\n").expect("a part has headers");
        decoded(&self::headers(head)["Content-Transfer-Encoding"], body)
    };
    let plain = part(1);
    calm(&plain.replacen(LINK, "", 1));
    let html = part(2);
    of_html(html.strip_prefix("<!doctype html>").expect("HTML"), &["p", "b", "br", "a"]);
    plain
}

fn headers(head: &str) -> BTreeMap<String, String> {
    let unfolded = head.replace("\r\n ", " ").replace("\r\n\t", " ");
    let lines = unfolded.split("\r\n").filter(|line| !line.is_empty());
    let header = |line: &str| {
        let (name, value) = line.split_once(": ").unwrap_or_else(|| panic!("{line:?} is no header"));
        (name.to_owned(), value.to_owned())
    };
    lines.map(header).collect()
}

/// The text of a part of a mail.
fn decoded(encoding: &str, text: &str) -> String {
    let bytes = match encoding {
        "7bit" => text.as_bytes().to_vec(),
        "quoted-printable" => {
            let joined = text.replace("=\r\n", "");
            let mut bytes = Vec::new();
            let mut rest = joined.as_bytes();
            while let [first, behind @ ..] = rest {
                rest = behind;
                if *first != b'=' {
                    bytes.push(*first);
                    continue;
                }
                let digits = std::str::from_utf8(&behind[..2]).expect("two digits");
                bytes.push(u8::from_str_radix(digits, 16).expect("two digits"));
                rest = &behind[2..];
            }
            bytes
        }
        "base64" => {
            let digits = text.bytes().filter_map(|c| match c {
                b'A'..=b'Z' => Some(c - b'A'),
                b'a'..=b'z' => Some(c - b'a' + 26),
                b'0'..=b'9' => Some(c - b'0' + 52),
                b'+' => Some(62),
                b'/' => Some(63),
                _ => None,
            });
            let bits: Vec<u8> = digits.flat_map(|digit| (0..6).rev().map(move |bit| (digit >> bit) & 1)).collect();
            bits.chunks_exact(8).map(|byte| byte.iter().fold(0, |all, bit| (all << 1) | bit)).collect()
        }
        other => panic!("{other} is no encoding of ours"),
    };
    String::from_utf8(bytes).expect("UTF-8").replace("\r\n", "\n")
}

/// What is seen of HTML in which these tags may stand, and no link but ours.
pub(super) fn of_html(html: &str, tags: &[&str]) -> String {
    let mut shown = String::new();
    let mut rest = html;
    let mut open = Vec::new();
    while let Some((before, behind)) = rest.split_once('<') {
        shown.push_str(&unescaped(before, &["amp", "lt", "gt", "quot"]));
        let (tag, after) = behind.split_once('>').expect("a tag ends");
        rest = after;
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name), "tags are nested: {html}");
        } else if let Some(href) = tag.strip_prefix("a href=\"") {
            assert_eq!(href, format!("{LINK}\""), "{html}");
            open.push("a");
        } else {
            assert!(tags.contains(&tag), "<{tag}> is not ours: {html}");
            if tag != "br" {
                open.push(tag);
            }
        }
    }
    shown.push_str(&unescaped(rest, &["amp", "lt", "gt", "quot"]));
    assert!(open.is_empty(), "{html}");
    calm(&shown);
    shown
}

/// Text in which these entities may stand, and neither a bracket nor a quotation mark that opens something.
fn unescaped(text: &str, entities: &[&str]) -> String {
    let mut shown = String::new();
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once('&') {
        shown.push_str(before);
        let (entity, after) = behind.split_once(';').expect("an ampersand begins an entity");
        assert!(entities.contains(&entity), "&{entity}; in {text:?}");
        shown.push(match entity {
            "amp" => '&',
            "lt" => '\u{2039}',
            "gt" => '\u{203a}',
            _ => '"',
        });
        rest = after;
    }
    shown.push_str(rest);
    assert!(!text.contains(['<', '>']), "{text:?}");
    shown
}

/// Text that no client makes anything of: nothing hidden, and nothing that looks like a host, a name, a command or a scheme.
fn calm(text: &str) {
    unhidden(&text.replace('\u{2060}', ""));
    assert!(!text.contains("://"), "{text:?} holds a link");
    let chars: Vec<char> = text.chars().collect();
    for (at, c) in chars.iter().enumerate() {
        let before = at.checked_sub(1).map(|at| chars[at]);
        let next = chars.get(at + 1).copied();
        let word_next = next.is_some_and(|next| next.is_alphanumeric() || next == '_');
        let live = match c {
            '@' | '#' | '$' => word_next,
            '/' => word_next && !before.is_some_and(char::is_alphanumeric),
            '.' | '\u{3002}' | '\u{ff0e}' | '\u{ff61}' => {
                let number = before.is_some_and(|c| c.is_ascii_digit()) && next.is_some_and(|c| c.is_ascii_digit());
                word_next && before.is_some_and(|c| !c.is_whitespace()) && !number
            }
            _ => false,
        };
        assert!(!live, "{c} leads somewhere in {text:?}");
    }
}

/// No control character but a line's end, none that turns or hides others.
pub(super) fn unhidden(text: &str) {
    for c in text.chars() {
        let turns = matches!(u32::from(c), 0x061C | 0x200B..=0x200F | 0x202A..=0x202E | 0x2060..=0x2069 | 0xFEFF | 0xE0000..=0xE007F);
        assert!(!turns && (c == '\n' || !c.is_control()), "U+{:04X} in {text:?}", u32::from(c));
    }
}

/// What programs read: every text in it is unhidden.
pub(super) fn calm_data(value: &Value) {
    match value {
        Value::String(text) => {
            assert!(!text.contains('\n'), "{text:?}");
            unhidden(text);
        }
        Value::Array(items) => items.iter().for_each(calm_data),
        Value::Object(keys) => keys.values().for_each(calm_data),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Every key of an object is one of these.
pub(super) fn only(value: &Value, known: &[&str]) {
    for key in value.as_object().expect("an object").keys() {
        assert!(known.contains(&key.as_str()), "{key} is not ours to send");
    }
}
