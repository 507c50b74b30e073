//! Slack: an incoming webhook, and in [`bot`] a bot with a token.
//!
//! Nothing that a stranger wrote can become a mention, a link or markup: all of it stands in `plain_text`, with `& < >` escaped, and
//! the one link is built from the chain's explorer and a hash. An incoming webhook cannot edit or thread, so a retraction is a message
//! of its own that says what it takes back.

pub mod bot;

use super::answer::{Answer, Destination, Setback, SinkRequest, Verdict};
use super::markup::unlinked;
use super::text::Text;
use serde::Serialize;
use std::time::Duration;

/// One at a time: messages to a channel stay in order.
pub const CONCURRENCY: usize = 1;
/// One message per second and channel (facts/field.md §8).
pub const PACE: Duration = Duration::from_secs(1);
/// A section takes 3,000 characters, after escaping. We use three of the fifty blocks, far below the undocumented total of 13,200.
const MOST_CHARS: usize = 3_000;
/// What `text` may hold: it is what a phone shows, and Slack cuts it at 4,000.
const MOST_TEXT_CHARS: usize = 3_000;
/// The longest of Slack's own error words that a reason repeats.
const LONGEST_WORD: usize = 40;

#[derive(Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "Slack's own switches")]
struct Payload<'a> {
    text: &'a str,
    blocks: Vec<Block>,
    unfurl_links: bool,
    unfurl_media: bool,
    link_names: bool,
    mrkdwn: bool,
}

#[derive(Serialize)]
struct Block {
    #[serde(rename = "type")]
    kind: &'static str,
    text: TextObject,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum TextObject {
    PlainText {
        text: String,
        emoji: bool,
    },
    /// Verbatim: Slack makes no links or mentions of its own out of it.
    Mrkdwn {
        text: String,
        verbatim: bool,
    },
}

/// One channel.
#[derive(Debug, Clone)]
pub struct Slack {
    to: Destination,
}

impl Slack {
    /// Of its destination, which is its secret.
    #[must_use]
    pub const fn new(to: Destination) -> Self {
        Self { to }
    }

    /// Where it sends to.
    #[must_use]
    pub const fn destination(&self) -> &Destination {
        &self.to
    }

    /// The request of an attempt.
    ///
    /// # Panics
    /// Never: every map key is text, and memory takes every byte.
    #[must_use]
    pub fn request(&self, text: &Text) -> SinkRequest {
        let (title, blocks) = blocks(text);
        let (unfurl_links, unfurl_media, link_names, mrkdwn) = (false, false, false, false);
        let payload = Payload { text: &title, blocks, unfurl_links, unfurl_media, link_names, mrkdwn };
        let body = serde_json::to_vec(&payload).expect("every map key is text and a Vec takes every byte");
        SinkRequest::new(self.to.clone(), Vec::new(), body.into())
    }
}

/// What a phone shows, and the blocks of the message.
fn blocks(text: &Text) -> (String, Vec<Block>) {
    let title = escape(&unlinked(&text.title), MOST_TEXT_CHARS);
    let lines = escape(&unlinked(&text.lines.join("\n")), MOST_CHARS);
    let link = text.url.as_deref().map(|url| format!("<{}|look it up>", escape(url, MOST_CHARS / 2)));
    let section = |text| Block { kind: "section", text };
    let mut blocks = vec![section(TextObject::PlainText { text: title.clone(), emoji: false })];
    if !lines.is_empty() {
        blocks.push(section(TextObject::PlainText { text: lines, emoji: false }));
    }
    if let Some(text) = link {
        blocks.push(section(TextObject::Mrkdwn { text, verbatim: true }));
    }
    (title, blocks)
}

/// Escapes what Slack reads (`& < >` and nothing else), and cuts to `most` characters of the result.
fn escape(text: &str, most: usize) -> String {
    let mut escaped = String::with_capacity(text.len());
    let mut chars = 0;
    for c in text.chars() {
        let (piece, length) = match c {
            '&' => ("&amp;", 5),
            '<' => ("&lt;", 4),
            '>' => ("&gt;", 4),
            _ => ("", 1),
        };
        if chars + length >= most {
            escaped.push('…');
            break;
        }
        chars += length;
        if piece.is_empty() { escaped.push(c) } else { escaped.push_str(piece) }
    }
    escaped
}

/// What an answer means. 400 (`invalid_blocks`, `invalid_payload`) and its like are about this message, which stays what it is: dead.
///
/// 401, 403 and 404 (`invalid_token`, `action_prohibited`, `no_service`, `channel_not_found`) are about the url, the app or the channel,
/// which a person repairs within hours: tried again over the whole schedule, for an alert must not be lost to a day's mistake.
/// 410 (`channel_is_archived`) says that the channel is closed: it disables the sink and keeps its messages.
#[must_use]
pub fn verdict(answer: &Answer) -> Verdict {
    let setback = || match answer.as_ref().ok().and_then(|response| error_word(&response.body)) {
        Some(word) => Setback::of(answer).saying(word),
        None => Setback::of(answer),
    };
    match answer {
        Err(_) => Verdict::Again(setback()),
        Ok(response) => match response.status {
            200..=299 => Verdict::Delivered { receiver_id: None },
            410 => Verdict::Disabled(setback()),
            401 | 403 | 404 | 408 | 425 | 429 => Verdict::Again(setback()),
            400..=499 => Verdict::Dead(setback()),
            _ => Verdict::Again(setback()),
        },
    }
}

/// Slack's own word (`invalid_blocks`, `no_service`) where the answer is one; anything else is a stranger's text.
fn error_word(body: &[u8]) -> Option<&str> {
    let word = std::str::from_utf8(body).ok()?;
    let shaped = !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    (shaped && word.len() <= LONGEST_WORD).then_some(word)
}

#[cfg(test)]
mod tests;
