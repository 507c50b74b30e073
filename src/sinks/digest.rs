//! Several messages in one, where a chat is behind: a digest names every alert of them, and none of them is lost.

use super::body::{self, Data, DigestData, digest_body};
use super::markup;
use super::text;
use crate::store::{NewMessage, OutboxRow};
use crate::types::{AlertId, MessageId, Name};
use std::sync::Arc;

/// The most messages in one digest: each with [`MOST_WEIGHT`] they fit into the smallest message that a chat takes (3,000 characters).
pub const MOST: usize = 12;
/// The most that a line may weigh after any sink's escaping.
const MOST_WEIGHT: usize = 190;

/// One row in the place of these, of which the first gives its place in the order. None is `None`.
#[must_use]
pub fn fold(rows: &[Arc<OutboxRow>]) -> Option<OutboxRow> {
    let first = rows.first()?;
    let severity = rows.iter().map(|row| row.message.severity).max()?;
    let simulated = rows.iter().any(|row| body::place(&row.message.body).simulated);
    let ids: Vec<u8> = rows.iter().flat_map(|row| row.message.id.0).collect();
    let data = DigestData {
        basics: body::Basics {
            alert_id: first.message.alert.to_string().into(),
            revision: 1,
            rule: None,
            severity: severity.word().into(),
            simulated,
        },
        reason: format!("{} messages, in one because this chat is behind", rows.len()).into(),
        entries: rows.iter().map(|row| line(&row.message).into()).collect(),
        more: 0,
    };
    let message = NewMessage {
        id: MessageId::hash("digest", &[&ids]),
        kind: Name::from("digest"),
        revision: 1,
        retracts: false,
        severity,
        block_time: None,
        body: digest_body(first.message.created, &data),
        ..first.message.clone()
    };
    Some(OutboxRow { message, ..(**first).clone() })
}

/// What the body of a digest says of an alert; nothing where it does not name it.
#[must_use]
pub fn line_about(body: &[u8], alert: AlertId) -> Option<String> {
    let Ok((_, Data::Digest(digest))) = body::read(body) else { return None };
    let end = format!("; alert {alert}");
    digest.entries.iter().find_map(|line| line.strip_suffix(&end)).map(str::to_owned)
}

/// What a message says, in a line, and whose life it belongs to: `walletwatch why` says the rest.
fn line(message: &NewMessage) -> String {
    let text = text::render(&message.body, false).unwrap_or_else(|_| text::unreadable(&message.kind));
    format!("{} · alert {}", light(&text.title), message.alert)
}

/// The text, cut to what it may weigh.
fn light(text: &str) -> String {
    let weigh = |c: char| match c {
        '&' | '<' | '>' | '"' => 6,
        '.' | '@' | '/' | ':' | '#' | '$' => 4,
        c if c.is_ascii_punctuation() => 2,
        c => c.len_utf8(),
    };
    let room = MOST_WEIGHT - "… · alert ".len() - 32;
    let mut weight = 0;
    let kept = text.chars().take_while(|c| {
        weight += weigh(*c);
        weight <= room
    });
    let kept: String = kept.collect();
    if kept.len() < text.len() { markup::with_ellipsis(kept) } else { kept }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sinks::samples::at;

    #[test]
    fn a_digest_says_of_each_alert_what_its_line_says() {
        let (one, other) = (AlertId([1; 16]), AlertId([2; 16]));
        let entries = vec![format!("a; seen, final; alert {one}").into(), format!("b; seen; alert {other}").into()];
        let basics = body::Basics {
            alert_id: AlertId([9; 16]).to_string().into(),
            revision: 1,
            rule: None,
            severity: "info".into(),
            simulated: false,
        };
        let body = digest_body(at(0), &DigestData { basics, reason: "a day".into(), entries, more: 0 });
        assert_eq!(line_about(&body, one).as_deref(), Some("a; seen, final"));
        assert_eq!(line_about(&body, other).as_deref(), Some("b; seen"));
        assert_eq!(line_about(&body, AlertId([3; 16])), None);
        assert_eq!(line_about(b"{}", one), None);
    }
}
