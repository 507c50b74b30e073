//! Telegram's Bot API, as far as a sink needs it, by its documentation (core.telegram.org/bots/api) and not by our own code: methods,
//! fields and their types, HTML by the documented tags, lengths behind the parsing, and the limits. What breaks a rule is refused as
//! Telegram refuses it, and noted.

#![allow(clippy::unnecessary_wraps, reason = "an answer can be silence")]

use super::html;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;
use tokio::time::Instant;

/// The bot's token.
pub const TOKEN: &str = "123456789:AAabcdefghijklmnopqrstuvwxyz0123456";
/// The most characters of a message, behind the parsing of its entities.
const MOST: usize = 4_096;
/// Every parameter of `sendMessage`.
const PARAMETERS: [&str; 15] = [
    "business_connection_id",
    "chat_id",
    "message_thread_id",
    "direct_messages_topic_id",
    "text",
    "parse_mode",
    "entities",
    "link_preview_options",
    "disable_notification",
    "protect_content",
    "allow_paid_broadcast",
    "message_effect_id",
    "suggested_post_parameters",
    "reply_parameters",
    "reply_markup",
];

/// What it does with one call instead of taking it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// Refuses with this code and these words.
    Refuse(u16, &'static str),
    /// 429, not before so many seconds.
    SlowDown(u64),
    /// The group has another id now, and the old one is gone for good.
    Migrate(i64),
    /// Refuses the entities of a text in HTML, once.
    Entities,
    /// Takes the message and does not say so.
    Silence,
}

/// A message that it took.
#[derive(Debug, Clone)]
pub struct Post {
    /// In which chat.
    pub chat: i64,
    /// Its id there.
    pub id: i64,
    /// As a reader sees it.
    pub seen: String,
    /// As it was sent.
    pub source: String,
    /// Which message it answers.
    pub answers: Option<i64>,
    /// In which topic.
    pub thread: Option<i64>,
    /// When.
    pub at: Instant,
}

/// An answer: status and body. `None` is silence.
pub type Reply = Option<(u16, Value)>;

/// The Bot API.
#[derive(Debug, Default)]
pub struct Bot {
    /// The chats that the bot is in: id, and the name of a public one.
    chats: BTreeMap<i64, &'static str>,
    moved: BTreeMap<i64, i64>,
    script: VecDeque<Fault>,
    posts: Vec<Post>,
    /// What was not as it is documented.
    pub violations: Vec<String>,
}

impl Bot {
    /// In these chats.
    pub fn in_chats(chats: &[(i64, &'static str)]) -> Self {
        Self { chats: chats.iter().copied().collect(), ..Self::default() }
    }

    /// The next calls of `sendMessage` fare so, one each.
    pub fn script(&mut self, faults: impl IntoIterator<Item = Fault>) {
        self.script.extend(faults);
    }

    /// Every message, in order; fails where anything was not as it is documented.
    pub fn posts(&self) -> Vec<Post> {
        assert!(self.violations.is_empty(), "not as documented: {:#?}", self.violations);
        self.posts.clone()
    }

    /// How many messages there are.
    pub fn count(&self) -> usize {
        self.posts.len()
    }

    /// One call.
    pub fn call(&mut self, method: &str, path: &str, content_type: &str, body: &[u8], at: Instant) -> Reply {
        let Some((token, call)) = path.strip_prefix("/bot").and_then(|rest| rest.split_once('/')) else {
            return refuse(404, "Not Found");
        };
        if token != TOKEN {
            return refuse(401, "Unauthorized");
        }
        if method != "POST" || content_type != "application/json" {
            self.violations.push(format!("{method} of {content_type}: POST of application/json is meant"));
        }
        let Ok(Value::Object(body)) = serde_json::from_slice(body) else {
            self.violations.push("the body is no JSON object".into());
            return refuse(400, "Bad Request: can't parse JSON object");
        };
        match call {
            "getMe" => {
                accept(json!({"id": 123_456_789, "is_bot": true, "first_name": "w", "username": "walletwatch_bot"}))
            }
            "getChat" => match self.chat(&body) {
                Some(chat) => accept(self.shown(chat)),
                None => refuse(400, "Bad Request: chat not found"),
            },
            "sendMessage" => self.send(&body, at),
            _ => refuse(404, "Not Found: method not found"),
        }
    }

    fn shown(&self, chat: i64) -> Value {
        let name = self.chats.get(&chat).copied().unwrap_or_default();
        if chat > 0 {
            return json!({"id": chat, "type": "private", "first_name": "Ann"});
        }
        match name {
            "" => json!({"id": chat, "type": "supergroup", "title": "Ops"}),
            name => json!({"id": chat, "type": "supergroup", "title": "Ops", "username": name}),
        }
    }

    /// The chat that is named: by its id, or `@name`.
    fn chat(&self, body: &Map<String, Value>) -> Option<i64> {
        match body.get("chat_id")? {
            Value::Number(id) => id.as_i64().filter(|id| self.chats.contains_key(id)),
            Value::String(name) => {
                let name = name.strip_prefix('@')?;
                self.chats.iter().find(|(_, known)| **known == name).map(|(id, _)| *id)
            }
            _ => None,
        }
    }

    fn send(&mut self, body: &Map<String, Value>, at: Instant) -> Reply {
        let unknown = body.keys().filter(|key| !PARAMETERS.contains(&key.as_str())).cloned();
        self.violations.extend(unknown.map(|key| format!("sendMessage has no parameter {key}")));
        let fault = self.next_fault(body);
        match &fault {
            Some(Fault::Refuse(code, words)) => return refuse(*code, words),
            Some(Fault::SlowDown(seconds)) => return slow_down(*seconds),
            Some(Fault::Entities) => {
                return refuse(400, "Bad Request: can't parse entities: Unsupported start tag \"b\" at byte offset 0");
            }
            Some(Fault::Migrate(to)) => {
                if let Some(Value::Number(from)) = body.get("chat_id") {
                    self.moved.extend(from.as_i64().map(|from| (from, *to)));
                    self.chats.insert(*to, "");
                }
            }
            Some(Fault::Silence) | None => {}
        }
        if let Some(to) = body.get("chat_id").and_then(Value::as_i64).and_then(|id| self.moved.get(&id)) {
            let words = "Bad Request: group chat was upgraded to a supergroup chat";
            let body =
                json!({"ok": false, "error_code": 400, "description": words, "parameters": {"migrate_to_chat_id": to}});
            return Some((400, body));
        }
        let Some(chat) = self.chat(body) else { return refuse(400, "Bad Request: chat not found") };
        let seen = match Self::text(body) {
            Ok(seen) => seen,
            Err(words) => {
                self.violations.push(words.clone());
                return refuse(400, &words);
            }
        };
        if let Some(seconds) = self.too_soon(chat, at) {
            self.violations.push(format!("message {} to {chat} comes too soon", self.posts.len() + 1));
            return slow_down(seconds);
        }
        let answers = body.get("reply_parameters").and_then(|reply| reply["message_id"].as_i64());
        if let Some(answered) = answers
            && !self.posts.iter().any(|post| post.chat == chat && post.id == answered)
        {
            self.violations.push(format!("message {answered} is not in {chat}"));
        }
        let id = (100..).nth(self.posts.iter().filter(|post| post.chat == chat).count()).unwrap_or_default();
        let source = body["text"].as_str().unwrap_or_default().to_owned();
        let thread = body.get("message_thread_id").and_then(Value::as_i64);
        self.posts.push(Post { chat, id, seen: seen.clone(), source, answers, thread, at });
        if fault == Some(Fault::Silence) {
            return None;
        }
        accept(json!({"message_id": id, "date": 1_700_000_000, "chat": self.shown(chat), "text": seen}))
    }

    /// `Entities` waits for a text in HTML.
    fn next_fault(&mut self, body: &Map<String, Value>) -> Option<Fault> {
        let html = body.get("parse_mode").is_some();
        if self.script.front() == Some(&Fault::Entities) && !html {
            return None;
        }
        self.script.pop_front()
    }

    /// The text as a reader sees it.
    fn text(body: &Map<String, Value>) -> Result<String, String> {
        let Some(Value::String(text)) = body.get("text") else { return Err("Bad Request: text is required".into()) };
        let preview = &body.get("link_preview_options").cloned().unwrap_or_default();
        if preview["is_disabled"] != json!(true) {
            return Err("link previews are on".into());
        }
        let seen = match body.get("parse_mode") {
            None => text.clone(),
            Some(Value::String(mode)) if mode == "HTML" => {
                html::seen(text).map_err(|why| format!("Bad Request: can't parse entities: {why}"))?
            }
            Some(other) => return Err(format!("Bad Request: unsupported parse_mode {other}")),
        };
        let length = seen.trim().encode_utf16().count();
        match length {
            0 => Err("Bad Request: message text is empty".into()),
            1..=MOST => Ok(seen),
            _ => Err(format!("Bad Request: message is too long ({length})")),
        }
    }

    /// One a second to a chat, twenty a minute to a group, thirty a second over all chats.
    fn too_soon(&self, chat: i64, at: Instant) -> Option<u64> {
        let within = |span: Duration, here: bool| {
            let lately = |post: &&Post| at.saturating_duration_since(post.at) < span && (!here || post.chat == chat);
            self.posts.iter().filter(lately).count()
        };
        let second = Duration::from_secs(1);
        if within(second, true) >= 1 || within(second, false) >= 30 {
            return Some(1);
        }
        (chat < 0 && within(Duration::from_mins(1), true) >= 20).then_some(30)
    }
}

fn accept(result: Value) -> Reply {
    Some((200, json!({"ok": true, "result": result})))
}

fn refuse(code: u16, words: &str) -> Reply {
    Some((code, json!({"ok": false, "error_code": code, "description": words})))
}

fn slow_down(seconds: u64) -> Reply {
    let words = format!("Too Many Requests: retry after {seconds}");
    let body = json!({"ok": false, "error_code": 429, "description": words, "parameters": {"retry_after": seconds}});
    Some((429, body))
}
