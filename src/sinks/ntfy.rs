//! ntfy: JSON to the root of a server.
//!
//! Plain text: clients show no markup, and what they would make a link of is broken up. A message cannot be changed once it is out, so what
//! follows is a message of its own. Limits: facts/field.md §8.

use super::answer::{Answer, Blame, Destination, Setback, SinkRequest, Verdict};
use super::delivery::{Meter, Pace};
use super::markup::unlinked;
use super::text::Text;
use crate::config::checked::NtfyConfig;
use crate::store::OutboxRow;
use crate::types::{Name, Secret, Severity};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;

/// One at a time: messages of a topic stay in order.
pub const CONCURRENCY: usize = 1;
/// A server takes 60 at once and then one every 5 s: so many in the time in which these are made good again.
pub const PACE: Pace = Pace { apart: Duration::ZERO, most: Some((60, Duration::from_mins(5))) };
/// The most bytes of a title: a kilobyte, less a little.
const MOST_TITLE: usize = 1_000;
/// The most bytes of a message: what is longer becomes an attachment.
const MOST_TEXT: usize = 4_000;
/// The longest id that is believed: ntfy's have 12 characters.
const LONGEST_ID: usize = 40;

#[derive(Serialize)]
struct Payload<'a> {
    topic: &'a str,
    title: String,
    message: String,
    priority: u8,
    tags: [&'static str; 1],
    #[serde(skip_serializing_if = "Option::is_none")]
    click: Option<&'a str>,
}

/// As much of an answer as is read.
#[derive(Default, Deserialize)]
struct Reply {
    id: Option<String>,
}

/// One topic.
#[derive(Debug, Clone)]
pub struct Ntfy {
    to: Destination,
    topic: Name,
    token: Option<Arc<Secret>>,
}

impl Ntfy {
    /// Of its config.
    #[must_use]
    pub fn new(config: &NtfyConfig) -> Self {
        let to = Destination::new(&config.url, config.allow_private);
        Self { to, topic: config.topic.clone(), token: config.token.clone().map(Arc::new) }
    }

    /// Whether messages go to another place than those of `before`.
    #[must_use]
    pub fn leads_elsewhere(&self, before: &Self) -> bool {
        (&self.to, &self.topic, &self.token) != (&before.to, &before.topic, &before.token)
    }

    /// The pace of the server, which counts by who sends, whatever the topic.
    #[must_use]
    pub fn paces(&self) -> Vec<(Meter, Pace)> {
        let token = self.token.as_ref().map_or("", |token| token.expose());
        vec![(Meter::of(&[self.to.url().expose(), token]), PACE)]
    }

    /// The request of an attempt.
    #[must_use]
    pub fn request(&self, row: &OutboxRow, text: &Text) -> SinkRequest {
        let body = payload(self.topic.as_str(), text, row.message.severity);
        SinkRequest { bearer: self.token.clone(), ..SinkRequest::new(self.to.clone(), Vec::new(), body.into()) }
    }
}

fn payload(topic: &str, text: &Text, severity: Severity) -> Vec<u8> {
    let (priority, tag) = match severity {
        Severity::Info => (3, "information_source"),
        Severity::Warning => (4, "warning"),
        Severity::Critical => (5, "rotating_light"),
    };
    let title = unlinked(&text.title);
    let mut lines: Vec<String> = text.lines.iter().map(|line| unlinked(line)).collect();
    if title.len() > MOST_TITLE {
        // The title is cut, and stands whole below: amounts are never cut away.
        lines.insert(0, cut_bytes(&title, MOST_TEXT / 2));
    }
    let payload = Payload {
        topic,
        message: fitting(lines),
        title: cut_bytes(&title, MOST_TITLE),
        priority,
        tags: [tag],
        click: text.url.as_deref(),
    };
    serde_json::to_vec(&payload).expect("every map key is text and a Vec takes every byte")
}

/// As many lines as there is room for; the last one, which says whose rule it was, stays.
fn fitting(mut lines: Vec<String>) -> String {
    let last = lines.pop().map(|line| cut_bytes(&line, MOST_TEXT / 4)).unwrap_or_default();
    let mut whole = String::new();
    for line in &lines {
        if whole.len() + line.len() + last.len() + "\n…\n".len() > MOST_TEXT {
            whole.push_str("…\n");
            break;
        }
        whole.extend([line, "\n"]);
    }
    whole + &last
}

/// The text, cut to so many bytes between two characters; a cut one ends in `…`.
fn cut_bytes(text: &str, most: usize) -> String {
    if text.len() <= most {
        return text.to_owned();
    }
    let end = (0..=most - '…'.len_utf8()).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    format!("{}…", &text[..end])
}

/// What an answer means, and ntfy's id of the message. A token that is refused and a day that is used up pass: tried again over the whole
/// schedule.
#[must_use]
pub fn verdict(answer: &Answer) -> Verdict {
    let Ok(response) = answer else { return Verdict::Again(Setback::of(answer)) };
    match response.status {
        200..=299 => {
            let reply: Reply = serde_json::from_slice(&response.body).unwrap_or_default();
            let fine = |id: &String| {
                !id.is_empty() && id.len() <= LONGEST_ID && id.bytes().all(|byte| byte.is_ascii_alphanumeric())
            };
            match reply.id.filter(fine) {
                Some(id) => Verdict::Delivered { receiver_id: Some(id.into()) },
                None => Verdict::Again(Setback {
                    reason: format!("HTTP {}, but not from ntfy: look at `url`", response.status).into(),
                    told: true,
                    wait: None,
                    blame: Blame::Sink,
                }),
            }
        }
        401 | 403 => Verdict::Again(Setback {
            reason: format!("HTTP {}: ntfy does not let us write there: look at `topic` and `token`", response.status)
                .into(),
            blame: Blame::Sink,
            ..Setback::of(answer)
        }),
        404 | 408 | 425 | 429 | 500..=599 => Verdict::Again(Setback::of(answer)),
        _ => Verdict::Dead(Setback::of(answer)),
    }
}

#[cfg(test)]
mod tests;
