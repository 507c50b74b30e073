//! What Telegram's answers mean. Its own words are matched, never repeated.

use super::{Telegram, remembered};
use crate::sinks::answer::{Answer, Blame, Setback, SinkResponse, Verdict};
use crate::types::{Name, Untrusted};
use serde::Deserialize;
use std::time::Duration;

/// What Telegram says (in small letters), and what to do about it.
const ADVICE: [(&str, &str); 11] = [
    ("can't parse entities", "Telegram cannot read the text, plain as it is"),
    ("bot was blocked by the user", "the person blocked the bot: they have to start it again"),
    ("user is deactivated", "the account is gone: name another chat"),
    ("bot was kicked", "the bot was removed from the chat: add it again"),
    ("bot is not a member", "the bot is not in the chat: add it"),
    ("bot can't initiate conversation", "the person never spoke to the bot: they have to start it once"),
    ("bots can't send messages to bots", "the chat is a bot: name a person or a group"),
    ("chat not found", "no such chat, or the bot is not in it: add the bot, look at `chat`"),
    ("message thread not found", "the topic is gone: look at `thread`"),
    ("not enough rights", "the bot may not write in the chat: let it"),
    ("have no rights to send", "the bot may not write in the chat: let it"),
];

/// A token that Telegram does not know, or not any more.
const UNKNOWN: &str = "Telegram does not know the bot: look at `token`";

/// As much of an answer as is read.
#[derive(Debug, Deserialize)]
pub(super) struct Reply {
    ok: bool,
    description: Option<String>,
    parameters: Option<Parameters>,
    result: Option<Taken>,
}

#[derive(Debug, Deserialize)]
struct Parameters {
    retry_after: Option<u64>,
    migrate_to_chat_id: Option<i64>,
}

/// The message that was taken; or who the bot is, or what the chat is.
#[derive(Debug, Deserialize)]
struct Taken {
    message_id: Option<i64>,
    chat: Option<Chat>,
    username: Option<String>,
    title: Option<String>,
    first_name: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Chat {
    id: i64,
}

impl Reply {
    fn read(response: &SinkResponse) -> Option<Self> {
        serde_json::from_slice(&response.body).ok()
    }

    /// A refusal that Telegram wrote.
    pub(super) fn refusal(answer: &Answer) -> Option<Self> {
        let response = answer.as_ref().ok().filter(|response| (400..500).contains(&response.status))?;
        Self::read(response).filter(|reply| !reply.ok)
    }

    /// The id that the chat has now.
    pub(super) fn moved_to(&self) -> Option<i64> {
        self.parameters.as_ref()?.migrate_to_chat_id
    }

    /// Whether it is the markup that was refused.
    pub(super) fn is_about_entities(&self) -> bool {
        self.says("can't parse entities")
    }

    fn says(&self, words: &str) -> bool {
        self.description.as_ref().is_some_and(|said| said.to_ascii_lowercase().contains(words))
    }

    fn advice(&self) -> Option<&'static str> {
        ADVICE.iter().find(|(words, _)| self.says(words)).map(|(_, advice)| *advice)
    }

    fn retry_after(&self) -> Option<Duration> {
        self.parameters.as_ref()?.retry_after.map(Duration::from_secs)
    }
}

/// What an answer means for the message, and what to remember of it.
///
/// A wrong or withdrawn token (401, 404) says nothing about the message: it is tried again over the whole schedule, so that a token put
/// right within the day loses nothing. Any other 4xx does not pass by itself: dead, with what to do.
#[must_use]
pub fn verdict(telegram: &Telegram, answer: &Answer) -> Verdict {
    let Ok(response) = answer else { return Verdict::Again(Setback::of(answer)) };
    let reply = Reply::read(response);
    match response.status {
        200..=299 => match reply.filter(|reply| reply.ok) {
            Some(reply) => Verdict::Delivered { receiver_id: reply.result.and_then(|taken| kept(telegram, &taken)) },
            // Something in front of Telegram answered: whether it passed the message on cannot be known.
            None => Verdict::Again(Setback {
                reason: format!("HTTP {}, but not from Telegram", response.status).into(),
                told: true,
                wait: None,
                blame: Blame::Sink,
            }),
        },
        401 | 404 => Verdict::Again(Setback { blame: Blame::Sink, ..advised(answer, response, Some(UNKNOWN)) }),
        429 => {
            let wait = response.retry_after.max(reply.and_then(|reply| reply.retry_after()));
            let blame = if wait.is_some() { Blame::Pause } else { Blame::Sink };
            Verdict::Again(Setback { wait, blame, ..Setback::of(answer) })
        }
        408 | 425 => Verdict::Again(Setback::of(answer)),
        400..=499 => Verdict::Dead(advised(answer, response, reply.and_then(|reply| reply.advice()))),
        _ => Verdict::Again(Setback::of(answer)),
    }
}

/// What a status means in general, or here.
fn advised(answer: &Answer, response: &SinkResponse, advice: Option<&str>) -> Setback {
    let setback = Setback::of(answer);
    match advice {
        Some(advice) => Setback { reason: format!("HTTP {}: {advice}", response.status).into(), ..setback },
        None => setback,
    }
}

/// How the message is found again. A chat that moved has another id than the config's.
fn kept(telegram: &Telegram, taken: &Taken) -> Option<Name> {
    let own = telegram.chat().as_str();
    let there = taken.chat.as_ref().map(|chat| chat.id.to_string());
    let chat = there.filter(|_| !own.starts_with('@')).unwrap_or_else(|| own.to_owned());
    taken.message_id.map(|message| remembered(&chat, message))
}

/// Who the bot is.
///
/// # Errors
/// In words, what is wrong.
pub fn introduced(answer: &Answer) -> Result<String, String> {
    let taken = told(answer)?;
    let name = Untrusted::new(taken.username.as_deref().unwrap_or_default());
    Ok(format!("the bot is @{}", name.as_str()))
}

/// What the chat is called.
///
/// # Errors
/// In words, what is wrong.
pub fn seen(answer: &Answer) -> Result<String, String> {
    let taken = told(answer)?;
    let name = taken.title.or(taken.username).or(taken.first_name).unwrap_or_default();
    Ok(format!("it sees the chat {:?}", Untrusted::new(&name).as_str()))
}

fn told(answer: &Answer) -> Result<Taken, String> {
    let response = answer.as_ref().map_err(|fault| fault.reason.to_string())?;
    let reply = Reply::read(response);
    let advice = match response.status {
        401 | 404 => Some(UNKNOWN),
        _ => reply.as_ref().and_then(Reply::advice),
    };
    let failed = || advised(answer, response, advice).reason.to_string();
    reply.filter(|reply| reply.ok).and_then(|reply| reply.result).ok_or_else(failed)
}
