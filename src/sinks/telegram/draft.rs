//! A message on its way to a chat: the request that it makes, and what it becomes when Telegram wants it otherwise.

use super::MOST_UNITS;
use super::answer::Reply;
use crate::sinks::answer::{Answer, Destination, SinkRequest};
use crate::sinks::markup::{cut, escaped, fitting, is_hex, units, unlinked};
use crate::sinks::text::Text;
use crate::types::Name;
use serde::Serialize;

/// The most of a title: the longest amount, the longest names and the words around them have less.
const MOST_TITLE: usize = 1_200;
/// The most of a line of details.
const MOST_LINE: usize = 600;
/// What the link is called.
const LINK: &str = "look it up";

/// A message, before it is taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    to: Destination,
    chat: Name,
    /// The chat has another id than the config says: Telegram said so.
    moved: bool,
    thread: Option<u64>,
    answers: Option<i64>,
    plain: bool,
    title: String,
    lines: Vec<String>,
    url: Option<String>,
}

#[derive(Serialize)]
struct Payload<'a> {
    chat_id: ChatId<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message_thread_id: Option<u64>,
    text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    parse_mode: Option<&'static str>,
    link_preview_options: LinkPreview,
    #[serde(skip_serializing_if = "Option::is_none")]
    reply_parameters: Option<ReplyTo>,
}

/// Telegram's own two ways to name a chat.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum ChatId<'a> {
    Number(i64),
    Name(&'a str),
}

impl<'a> ChatId<'a> {
    pub(super) fn of(chat: &'a str) -> Self {
        chat.parse().map_or(Self::Name(chat), Self::Number)
    }
}

#[derive(Serialize)]
struct LinkPreview {
    is_disabled: bool,
}

#[derive(Serialize)]
struct ReplyTo {
    message_id: i64,
    /// A person may have deleted it.
    allow_sending_without_reply: bool,
}

impl Draft {
    pub(super) fn new(to: Destination, chat: Name, thread: Option<u64>, answers: Option<i64>, text: Text) -> Self {
        let link = text.url.as_ref().map_or(0, |url| units(url).max(units(LINK)) + 1);
        let title = cut(&unlinked(&text.title), MOST_TITLE);
        let room = MOST_UNITS.saturating_sub(units(&title) + link);
        let lines = fitting(text.lines.iter().map(|line| cut(&unlinked(line), MOST_LINE)).collect(), room);
        // A url that leaves no room for what it is about is not shown; explorers' are a tenth of this.
        let url = text.url.filter(|_| link <= MOST_UNITS - MOST_TITLE);
        Self { to, chat, moved: false, thread, answers, plain: false, title, lines, url }
    }

    /// The request.
    ///
    /// # Panics
    /// Never: every map key is text, and memory takes every byte.
    #[must_use]
    pub fn request(&self) -> SinkRequest {
        let payload = Payload {
            chat_id: ChatId::of(self.chat.as_str()),
            message_thread_id: self.thread,
            text: if self.plain { self.plain_text() } else { self.html() },
            parse_mode: (!self.plain).then_some("HTML"),
            link_preview_options: LinkPreview { is_disabled: true },
            reply_parameters: self.answers.map(|message_id| ReplyTo { message_id, allow_sending_without_reply: true }),
        };
        let body = serde_json::to_vec(&payload).expect("every map key is text and a Vec takes every byte");
        SinkRequest::new(self.to.clone(), Vec::new(), body.into())
    }

    /// What to send instead, at once, where the answer asks for it: plain text where the entities were refused, the chat's new id where a
    /// group became a supergroup. Each at most once.
    #[must_use]
    pub fn instead(&self, answer: &Answer) -> Option<Self> {
        let reply = Reply::refusal(answer)?;
        if let Some(chat) = reply.moved_to().filter(|_| !self.moved) {
            // Ids of messages count within their chat: what was answered is elsewhere.
            let chat = Name::from(chat.to_string());
            return Some(Self { chat, moved: true, thread: None, answers: None, ..self.clone() });
        }
        (reply.is_about_entities() && !self.plain).then(|| Self { plain: true, ..self.clone() })
    }

    /// The id that the chat has now, where it is another than the config's.
    #[must_use]
    pub fn moved_to(&self) -> Option<&Name> {
        self.moved.then_some(&self.chat)
    }

    fn html(&self) -> String {
        let mut html = format!("<b>{}</b>", escaped(&self.title));
        for line in &self.lines {
            html.push('\n');
            for (nth, word) in line.split(' ').enumerate() {
                if nth > 0 {
                    html.push(' ');
                }
                // A tap copies it.
                if is_hex(word) {
                    html.extend(["<code>", word, "</code>"]);
                } else {
                    html.push_str(&escaped(word));
                }
            }
        }
        if let Some(url) = &self.url {
            html.extend(["\n<a href=\"", &escaped(url), "\">", LINK, "</a>"]);
        }
        html
    }

    fn plain_text(&self) -> String {
        let lines = self.lines.iter().chain(&self.url);
        lines.fold(self.title.clone(), |text, line| text + "\n" + line)
    }
}
