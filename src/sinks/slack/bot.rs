//! A Slack bot: the Web API with a token.
//!
//! Unlike an incoming webhook it can edit and thread: what follows an alert's first message edits it, so that the channel shows how things
//! stand, and is a reply in its thread besides, so that the thread tells how it came; an end is shown in the channel too. What strangers
//! wrote stands in `plain_text`, as for an incoming webhook.

use super::{Block, blocks};
use crate::config::checked::SlackBotConfig;
use crate::sinks::Outgoing;
use crate::sinks::answer::{Answer, Blame, Destination, Edit, EditOutcome, Setback, SinkRequest, Verdict};
use crate::sinks::delivery::{Meter, Pace};
use crate::sinks::life::Life;
use crate::sinks::text::Text;
use crate::store::OutboxRow;
use crate::types::{Name, Secret};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;

/// One message per second and channel, and 50 changes a minute (`chat.update` is of tier 3): facts/field.md §8.
pub const PACE: Pace = Pace { apart: Duration::from_secs(1), most: Some((50, Duration::from_mins(1))) };
/// What Slack asks for with 429 is in `Retry-After`; where it is missing, this.
const PAUSE: Duration = Duration::from_secs(30);
/// The longest time stamp that is believed: Slack's have 17 characters.
const LONGEST_STAMP: usize = 24;

/// What is wrong with the bot, its token or the channel: a person repairs it within hours.
const TO_REPAIR: [&str; 16] = [
    "invalid_auth",
    "not_authed",
    "account_inactive",
    "token_revoked",
    "token_expired",
    "missing_scope",
    "no_permission",
    "not_in_channel",
    "channel_not_found",
    "restricted_action",
    "org_login_required",
    "ekm_access_denied",
    "access_denied",
    "not_allowed_token_type",
    "team_access_not_granted",
    "messages_tab_disabled",
];
/// What is wrong with the message itself, which stays what it is.
const WITH_MESSAGE: [&str; 7] = [
    "msg_too_long",
    "no_text",
    "invalid_blocks",
    "invalid_blocks_format",
    "msg_blocks_too_long",
    "invalid_arguments",
    "too_many_attachments",
];

#[derive(Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "Slack's own switches")]
struct Payload<'a> {
    channel: &'a str,
    text: &'a str,
    blocks: Vec<Block>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ts: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    thread_ts: Option<&'a str>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    reply_broadcast: bool,
    unfurl_links: bool,
    unfurl_media: bool,
    link_names: bool,
    mrkdwn: bool,
}

/// As much of an answer as is read.
#[derive(Default, Deserialize)]
struct Reply {
    #[serde(default)]
    ok: bool,
    channel: Option<String>,
    ts: Option<String>,
    error: Option<String>,
}

/// One channel.
#[derive(Debug, Clone)]
pub struct Bot {
    post: Destination,
    update: Destination,
    token: Arc<Secret>,
    channel: Name,
}

impl Bot {
    /// Of its config.
    #[must_use]
    pub fn new(config: &SlackBotConfig) -> Self {
        let base = config.url.expose().trim_end_matches('/');
        let method =
            |name: &str| Destination::new(&Secret::new(format!("{base}/api/chat.{name}")), config.allow_private);
        let (post, update) = (method("postMessage"), method("update"));
        Self { post, update, token: Arc::new(config.token.clone()), channel: config.channel.clone() }
    }

    /// Whether messages go to another place than those of `before`. Another token of the same bot is no other place, but opens it too.
    #[must_use]
    pub fn leads_elsewhere(&self, before: &Self) -> bool {
        (&self.post, &self.token, &self.channel) != (&before.post, &before.token, &before.channel)
    }

    /// The pace of the channel.
    #[must_use]
    pub fn paces(&self) -> Vec<(Meter, Pace)> {
        vec![(Meter::of(&[self.post.url().expose(), self.token.expose(), self.channel.as_str()]), PACE)]
    }

    /// What an attempt does: a new message, or a change of the alert's `first` and a reply to it.
    ///
    /// # Panics
    /// Never: every map key is text, and memory takes every byte.
    #[must_use]
    pub fn outgoing(&self, row: &OutboxRow, text: &Text, first: Option<&Name>) -> Outgoing {
        let new = self.request(&self.post, text, Place::default());
        let first = first.and_then(|first| first.as_str().split_once('/'));
        let Some((_, stamp)) = first.filter(|(channel, ts)| *channel == self.channel.as_str() && is_stamp(ts)) else {
            return Outgoing::Post(new);
        };
        let edit = self.request(&self.update, text, Place { ts: Some(stamp), ..Place::default() });
        let loud = Life::of(&row.message).is_said_besides();
        let reply = self.request(&self.post, text, Place { ts: None, thread: Some(stamp), loud });
        Outgoing::Edit(Box::new(Edit { edit, gone: new, behind: Some(reply), outcome: edited }))
    }

    fn request(&self, to: &Destination, text: &Text, place: Place<'_>) -> SinkRequest {
        let (title, blocks) = blocks(text);
        let payload = Payload {
            channel: self.channel.as_str(),
            text: &title,
            blocks,
            ts: place.ts,
            thread_ts: place.thread,
            reply_broadcast: place.loud,
            unfurl_links: false,
            unfurl_media: false,
            link_names: false,
            mrkdwn: false,
        };
        let body = serde_json::to_vec(&payload).expect("every map key is text and a Vec takes every byte");
        SinkRequest { bearer: Some(Arc::clone(&self.token)), ..SinkRequest::new(to.clone(), Vec::new(), body.into()) }
    }
}

/// Where in the channel.
#[derive(Debug, Clone, Copy, Default)]
struct Place<'a> {
    ts: Option<&'a str>,
    thread: Option<&'a str>,
    loud: bool,
}

/// What came of a change. What was deleted, or may be changed no more, is gone.
fn edited(answer: &Answer) -> EditOutcome {
    const GONE: [&str; 4] = ["message_not_found", "cant_update_message", "edit_window_closed", "update_failed"];
    let Some(reply) = read(answer) else { return EditOutcome::Not };
    match reply.error.as_deref() {
        None if reply.ok => EditOutcome::Changed,
        Some(error) if GONE.contains(&error) => EditOutcome::Gone,
        Some(_) | None => EditOutcome::Not,
    }
}

fn read(answer: &Answer) -> Option<Reply> {
    let response = answer.as_ref().ok().filter(|response| (200..300).contains(&response.status))?;
    serde_json::from_slice(&response.body).ok()
}

fn is_stamp(text: &str) -> bool {
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    text.len() <= LONGEST_STAMP && text.split_once('.').is_some_and(|(seconds, rest)| digits(seconds) && digits(rest))
}

/// What an answer means, and where the message is. Slack says 200 to most of what it refuses, and why in a word.
#[must_use]
pub fn verdict(answer: &Answer) -> Verdict {
    let setback = |blame: Blame, told: bool, word: &str| {
        let setback = Setback::of(answer);
        let wait = setback.wait.or((blame == Blame::Pause).then_some(PAUSE));
        Setback { told, wait, blame, ..setback }.saying(word)
    };
    let Some(reply) = read(answer) else {
        return match answer {
            Ok(response) if response.status == 429 => Verdict::Again(setback(Blame::Pause, false, "ratelimited")),
            Ok(response) if (200..300).contains(&response.status) => {
                Verdict::Again(setback(Blame::Sink, true, "not from Slack: look at `url`"))
            }
            Ok(_) | Err(_) => Verdict::Again(Setback::of(answer)),
        };
    };
    if reply.ok {
        let place = reply.channel.zip(reply.ts.filter(|ts| is_stamp(ts)));
        let place = place.filter(|(channel, _)| is_channel(channel));
        return Verdict::Delivered { receiver_id: place.map(|(channel, ts)| format!("{channel}/{ts}").into()) };
    }
    let word = reply.error.as_deref().and_then(|word| super::error_word(word.as_bytes())).unwrap_or("no reason");
    match word {
        "ratelimited" | "rate_limited" | "message_limit_exceeded" => Verdict::Again(setback(Blame::Pause, false, word)),
        "is_archived" => Verdict::Disabled(setback(Blame::Sink, false, "the channel is archived")),
        word if TO_REPAIR.contains(&word) => {
            let advice = format!("{word}: look at `token` and `channel`, and invite the bot to it");
            Verdict::Again(setback(Blame::Sink, false, &advice))
        }
        word if WITH_MESSAGE.contains(&word) => Verdict::Dead(setback(Blame::Message, false, word)),
        // Slack's own trouble, and words that it will think of: it may have it.
        word => Verdict::Again(setback(Blame::Sink, true, word)),
    }
}

/// Whether it has the shape of Slack's ids of channels.
#[must_use]
pub fn is_channel(text: &str) -> bool {
    let fine = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit();
    (3..=LONGEST_STAMP).contains(&text.len()) && text.starts_with(['C', 'G', 'D']) && text.bytes().all(fine)
}
