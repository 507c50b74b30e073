//! A Telegram chat, by way of a bot: `sendMessage`.
//!
//! HTML with everything escaped; plain text where Telegram refuses the entities all the same. What follows a first message answers it.
//! No link previews. The bot's token is a part of the url's path: it is in the destination, which cannot be printed, and nowhere else.
//! Of Telegram's words a reason repeats none: known ones are answered with what to do. Limits: facts/field.md §8.

mod answer;
mod draft;
#[cfg(test)]
mod tests;

pub use answer::{introduced, seen, verdict};
use draft::ChatId;
pub use draft::Draft;

use super::answer::{Destination, SinkRequest};
use super::delivery::{Meter, Pace};
use super::text::Text;
use crate::config::checked::TelegramConfig;
use crate::types::{Name, Secret};
use serde_json::json;
use std::time::Duration;

/// One at a time: messages of a chat stay in order.
pub const CONCURRENCY: usize = 1;
/// One message a second to a chat; a tenth more, because what leaves a second apart can arrive closer.
const APART: Duration = Duration::from_millis(1_100);
/// To a group, so many messages in each such span; a second more than the minute, for the same reason.
const GROUP: (usize, Duration) = (20, Duration::from_secs(61));
/// To all chats together, so many in a second.
const BOT: Pace = Pace { apart: Duration::ZERO, most: Some((30, Duration::from_millis(1_100))) };
/// The most of the characters that a message has, links and marks not counted.
pub const MOST_UNITS: usize = 4_096;

/// One chat, or one topic of it.
#[derive(Debug, Clone)]
pub struct Telegram {
    send: Destination,
    introduce: Destination,
    look: Destination,
    chat: Name,
    thread: Option<u64>,
}

impl Telegram {
    /// Of its config.
    #[must_use]
    pub fn new(config: &TelegramConfig) -> Self {
        let base = config.url.expose().trim_end_matches('/');
        let method = |method: &str| {
            let url = Secret::new(format!("{base}/bot{}/{method}", config.token.expose()));
            Destination::new(&url, config.allow_private)
        };
        Self {
            send: method("sendMessage"),
            introduce: method("getMe"),
            look: method("getChat"),
            chat: config.chat.clone(),
            thread: config.thread,
        }
    }

    /// Whether messages go to another place than those of `before`.
    #[must_use]
    pub fn leads_elsewhere(&self, before: &Self) -> bool {
        (&self.send, &self.chat, self.thread) != (&before.send, &before.chat, before.thread)
    }

    /// The paces of the chat and of the bot. Ids below zero are groups and channels, as are public names; topics are of their group.
    #[must_use]
    pub fn paces(&self) -> Vec<(Meter, Pace)> {
        let person = self.chat.as_str().bytes().all(|byte| byte.is_ascii_digit());
        let (bot, chat) = (self.send.url().expose(), self.chat.as_str());
        let of_chat = Pace { apart: APART, most: (!person).then_some(GROUP) };
        vec![(Meter::of(&[bot, chat]), of_chat), (Meter::of(&[bot]), BOT)]
    }

    /// What an attempt sends first. `first` is what an earlier message of the alert was remembered by.
    #[must_use]
    pub fn draft(&self, text: Text, first: Option<&Name>) -> Draft {
        let answers = first.and_then(|first| message_in(first.as_str(), self.chat.as_str()));
        Draft::new(self.send.clone(), self.chat.clone(), self.thread, answers, text)
    }

    /// The chat that it speaks to.
    #[must_use]
    pub const fn chat(&self) -> &Name {
        &self.chat
    }

    /// Asks who the bot is. Sends nothing to the chat.
    #[must_use]
    pub fn introduction(&self) -> SinkRequest {
        SinkRequest::new(self.introduce.clone(), Vec::new(), "{}".into())
    }

    /// Asks whether the bot can see the chat. Sends nothing to it.
    #[must_use]
    pub fn look(&self) -> SinkRequest {
        SinkRequest::new(
            self.look.clone(),
            Vec::new(),
            json!({"chat_id": ChatId::of(self.chat.as_str())}).to_string().into(),
        )
    }
}

/// How a message is remembered: ids of messages count within their chat.
fn remembered(chat: &str, message: i64) -> Name {
    format!("{chat}/{message}").into()
}

/// The message's id, where it was in this chat.
fn message_in(remembered: &str, chat: &str) -> Option<i64> {
    let (there, message) = remembered.rsplit_once('/')?;
    (there == chat).then(|| message.parse().ok()).flatten()
}
