//! A Discord webhook.
//!
//! One embed for each message: nothing that a stranger wrote can be a mention (`allowed_mentions` allows none), markup or a link. `?wait=true`,
//! since Discord says without it that it took what it did not save, and because its answer has the message's id: what follows edits that
//! message, and what takes back or ends it is a message of its own besides, for nobody hears an edit. Discord counts by its own headers:
//! facts/field.md §8.

use super::Outgoing;
use super::answer::{
    Answer, Blame, Destination, Edit, EditOutcome, Setback, SinkRequest, SinkResponse, Verdict, decimal_seconds,
};
use super::life::Life;
use super::markup::{cut, fitting, is_hex, units, unlinked};
use super::text::Text;
use crate::config::checked::DiscordConfig;
use crate::store::OutboxRow;
use crate::types::{Name, Secret, Severity};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// One at a time: messages of a channel stay in order.
pub const CONCURRENCY: usize = 1;
/// The most characters of an embed's title.
const MOST_TITLE: usize = 256;
/// The most characters of its description.
const MOST_TEXT: usize = 4_096;
/// The most of a line of details.
const MOST_LINE: usize = 1_000;
/// What Discord calls a webhook that was deleted. Calling it again is counted against us.
const UNKNOWN_WEBHOOK: u64 = 10_015;
/// The longest id that is believed: Discord's have 17 to 20 digits.
const LONGEST_ID: usize = 24;

#[derive(Serialize)]
struct Payload {
    embeds: [Embed; 1],
    allowed_mentions: AllowedMentions,
}

#[derive(Serialize)]
struct Embed {
    title: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    description: String,
    color: u32,
    timestamp: String,
}

/// Nobody is pinged, whatever the text holds.
#[derive(Serialize)]
struct AllowedMentions {
    parse: [&'static str; 0],
}

/// As much of an answer as is read.
#[derive(Default, Deserialize)]
struct Reply {
    id: Option<String>,
    code: Option<u64>,
    retry_after: Option<serde_json::Number>,
}

/// One channel.
#[derive(Debug, Clone)]
pub struct Discord {
    base: Arc<Secret>,
    to: Destination,
}

impl Discord {
    /// Of its config.
    #[must_use]
    pub fn new(config: &DiscordConfig) -> Self {
        let base = config.url.expose().trim_end_matches('/').to_owned();
        let to = Destination::new(&Secret::new(format!("{base}?wait=true")), config.allow_private);
        Self { base: Arc::new(Secret::new(base)), to }
    }

    /// Where it sends to.
    #[must_use]
    pub const fn destination(&self) -> &Destination {
        &self.to
    }

    /// What an attempt does: a new message, or a change of the alert's `first`, or both.
    #[must_use]
    pub fn outgoing(&self, row: &OutboxRow, text: &Text, first: Option<&Name>) -> Outgoing {
        let message = &row.message;
        let ends = Life::of(message).is_said_besides();
        let body = payload(text, color(message.severity, ends), message.created.to_string());
        let new = SinkRequest::new(self.to.clone(), Vec::new(), body.clone().into());
        let Some(id) = first.filter(|id| is_id(id.as_str())) else { return Outgoing::Post(new) };
        let url = Secret::new(format!("{}/messages/{id}", self.base.expose()));
        let to = Destination::new(&url, self.to.allow_private());
        let edit = SinkRequest::new(to, Vec::new(), body.into()).patching();
        let behind = ends.then(|| new.clone());
        Outgoing::Edit(Box::new(Edit { edit, gone: new, behind, outcome: edited }))
    }
}

const fn color(severity: Severity, ends: bool) -> u32 {
    match (ends, severity) {
        (true, _) => 0x95_a5_a6,
        (false, Severity::Info) => 0x2e_cc_71,
        (false, Severity::Warning) => 0xf1_c4_0f,
        (false, Severity::Critical) => 0xe7_4c_3c,
    }
}

fn payload(text: &Text, color: u32, timestamp: String) -> Vec<u8> {
    let whole = escaped(&text.title);
    let mut lines: Vec<String> = text.lines.iter().map(|line| cut_escaped(&escaped(line), MOST_LINE)).collect();
    if units(&whole) > MOST_TITLE {
        // The title is cut, and stands whole below: amounts are never cut away.
        lines.insert(0, cut(&whole, MOST_TEXT / 2));
    }
    let title = if units(&whole) > MOST_TITLE { cut_escaped(&whole, MOST_TITLE) } else { whole };
    let embed =
        Embed { title, url: text.url.clone(), description: fitting(lines, MOST_TEXT).join("\n"), color, timestamp };
    let payload = Payload { embeds: [embed], allowed_mentions: AllowedMentions { parse: [] } };
    serde_json::to_vec(&payload).expect("every map key is text and a Vec takes every byte")
}

/// The text with nothing in it that Discord reads as markup, a mention or a link. Addresses and hashes are code: a tap copies them.
fn escaped(text: &str) -> String {
    let mut all = String::with_capacity(text.len() + 8);
    for (nth, word) in text.split(' ').enumerate() {
        if nth > 0 {
            all.push(' ');
        }
        if is_hex(word) {
            all.extend(["`", word, "`"]);
            continue;
        }
        for c in unlinked(word).chars() {
            if c.is_ascii_punctuation()
                && !matches!(c, '.' | ',' | '%' | '\'' | '"' | '/' | '?' | ';' | '$' | '&' | '=' | '+')
            {
                all.push('\\');
            }
            all.push(c);
        }
    }
    all
}

/// Cut between two characters, never behind a backslash that would then escape nothing.
fn cut_escaped(text: &str, most: usize) -> String {
    let kept = cut(text, most);
    let short = kept.trim_end_matches('…');
    let slashes = short.chars().rev().take_while(|c| *c == '\\').count();
    if slashes % 2 == 1 { format!("{}…", &short[..short.len() - 1]) } else { kept }
}

/// What came of a change. A message that somebody deleted is gone.
fn edited(answer: &Answer) -> EditOutcome {
    match answer {
        Ok(response) if (200..300).contains(&response.status) => EditOutcome::Changed,
        Ok(response) if response.status == 404 => EditOutcome::Gone,
        Ok(_) | Err(_) => EditOutcome::Not,
    }
}

fn is_id(text: &str) -> bool {
    !text.is_empty() && text.len() <= LONGEST_ID && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// What an answer means, and the id of the message.
///
/// A webhook that was deleted (404 with Discord's own code) is never called again: the sink is disabled, its messages are kept, and another url
/// opens it. Access that is refused is a person's to repair: tried again over the whole schedule.
#[must_use]
pub fn verdict(answer: &Answer) -> Verdict {
    let Ok(response) = answer else { return Verdict::Again(Setback::of(answer)) };
    let reply: Reply = serde_json::from_slice(&response.body).unwrap_or_default();
    let advised = |advice: &str| Setback {
        reason: format!("HTTP {}: {advice}", response.status).into(),
        blame: Blame::Sink,
        ..Setback::of(answer)
    };
    match response.status {
        200..=299 => taken(response, reply),
        404 if reply.code == Some(UNKNOWN_WEBHOOK) => {
            Verdict::Disabled(advised("the webhook was deleted: make another, and write its url"))
        }
        401 | 403 | 404 => Verdict::Again(advised("Discord does not know the webhook: look at `url`")),
        429 => {
            let asked = reply.retry_after.and_then(|seconds| decimal_seconds(&seconds.to_string()));
            let wait = response.retry_after.max(asked);
            let blame = if wait.is_some() { Blame::Pause } else { Blame::Sink };
            Verdict::Again(Setback { wait, blame, ..Setback::of(answer) })
        }
        408 | 425 | 500..=599 => Verdict::Again(Setback::of(answer)),
        _ => Verdict::Dead(Setback::of(answer)),
    }
}

/// It took it, if it is Discord: `?wait=true` is answered with the message.
fn taken(response: &SinkResponse, reply: Reply) -> Verdict {
    match reply.id.filter(|id| is_id(id)) {
        Some(id) => Verdict::Delivered { receiver_id: Some(id.into()) },
        None => Verdict::Again(Setback {
            reason: format!("HTTP {}, but not from Discord", response.status).into(),
            told: true,
            wait: None,
            blame: Blame::Sink,
        }),
    }
}

#[cfg(test)]
mod tests;
