//! What a sink sends and what can come back: the values between a sink's pure functions and whoever has the socket.
//!
//! A request holds its destination as a secret, since urls carry keys. No fault here holds a url or a header, and of a receiver's own words
//! only what a sink knows how to read.

use crate::types::{Name, Secret};
use bytes::Bytes;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

/// How long an attempt may take: the lower end of what Standard Webhooks asks for, and Svix's own.
pub const DEADLINE: Duration = Duration::from_secs(15);
/// The most of a receiver's answer that is read. Answers are a few bytes; a page of a wrong url is more, and still an answer.
pub const ANSWER_CAP: usize = 1024 * 1024;

/// Where a sink sends to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destination {
    url: Arc<Secret>,
    allow_private: bool,
}

impl Destination {
    /// A url, and whether it may be loopback or a private address, over plain http too.
    #[must_use]
    pub fn new(url: &Secret, allow_private: bool) -> Self {
        Self { url: Arc::new(url.clone()), allow_private }
    }

    /// The url. It may carry a key.
    #[must_use]
    pub fn url(&self) -> &Secret {
        &self.url
    }

    /// Whether it may be loopback or a private address, over plain http too.
    #[must_use]
    pub const fn allow_private(&self) -> bool {
        self.allow_private
    }
}

/// What a request does at its destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SendMethod {
    /// Something new.
    Post,
    /// A change of something that is there.
    Patch,
}

/// One request with JSON.
#[derive(Clone, PartialEq, Eq)]
pub struct SinkRequest {
    /// What it does.
    pub method: SendMethod,
    /// Where to.
    pub to: Destination,
    /// Besides `content-type: application/json`; names in lower case.
    pub headers: Vec<(&'static str, String)>,
    /// For `Authorization: Bearer`.
    pub bearer: Option<Arc<Secret>>,
    /// The body.
    pub body: Bytes,
    /// For the whole attempt.
    pub deadline: Duration,
    /// The most bytes of the answer's body.
    pub answer_cap: usize,
}

/// Neither headers nor body: both may hold a key.
impl std::fmt::Debug for SinkRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SinkRequest").field("method", &self.method).field("to", &self.to).finish_non_exhaustive()
    }
}

/// A change of a message that is there, and a new one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    /// The change; safe to repeat.
    pub edit: SinkRequest,
    /// The new message: sent where the old one is gone.
    pub new: SinkRequest,
    /// Sent behind the change too.
    pub both: bool,
}

impl SinkRequest {
    /// A POST with the usual deadline and cap.
    #[must_use]
    pub fn new(to: Destination, headers: Vec<(&'static str, String)>, body: Bytes) -> Self {
        let (method, bearer) = (SendMethod::Post, None);
        Self { method, to, headers, bearer, body, deadline: DEADLINE, answer_cap: ANSWER_CAP }
    }

    /// The same as a PATCH.
    #[must_use]
    pub fn patching(self) -> Self {
        Self { method: SendMethod::Patch, ..self }
    }
}

/// A receiver's answer. Redirects are answers like others: they are never followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SinkResponse {
    /// The HTTP status.
    pub status: u16,
    /// What it asks us to wait, from seconds or a date.
    pub retry_after: Option<Duration>,
    /// What it asks us to wait before anything else is sent, though it took this: it counts, and says so in headers.
    pub pause: Option<Duration>,
    /// Its body: a stranger's text.
    pub body: Bytes,
}

/// An attempt without an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SendFault {
    /// Whether bytes of the request may have reached the receiver.
    pub ambiguous: bool,
    /// In words, without urls or secrets.
    pub reason: Name,
}

/// Seconds as decimal text, with a fraction or without.
#[must_use]
pub fn decimal_seconds(text: &str) -> Option<Duration> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = fraction.get(..fraction.len().min(9))?;
    let nanos: u32 = if digits.is_empty() { 0 } else { format!("{digits:0<9}").parse().ok()? };
    Some(Duration::new(whole.parse().ok()?, nanos))
}

/// What an attempt ended with.
pub type Answer = Result<SinkResponse, SendFault>;

/// Whoever can send: the HTTP client, or a world that a test made up.
pub trait Post {
    /// Sends once, and reads the whole answer. Never retries, never follows a redirect.
    ///
    /// # Errors
    /// [`SendFault`] where no whole answer came.
    fn post(&self, request: SinkRequest) -> impl Future<Output = Answer> + Send;
}

/// What an answer means for the message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The receiver has it.
    Delivered {
        /// The receiver's own id of it.
        receiver_id: Option<Name>,
    },
    /// Some of those whom it is for have it, and the others will not: trying again would tell the first ones twice.
    Partly {
        /// The receiver's own id of it.
        receiver_id: Option<Name>,
        /// Who not, in words without urls or secrets.
        reason: Name,
    },
    /// To be tried again.
    Again(Setback),
    /// Trying again cannot help.
    Dead(Setback),
    /// The receiver asks never to be called again: the sink is disabled, the message kept.
    Disabled(Setback),
}

/// Why an attempt did not succeed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setback {
    /// In words, without urls or secrets.
    pub reason: Name,
    /// The receiver may have it all the same: there is no answer that refuses it.
    pub told: bool,
    /// What the receiver asks us to wait.
    pub wait: Option<Duration>,
    /// What it says about the sink as a whole.
    pub blame: Blame,
}

/// What an attempt that failed says about the sink as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blame {
    /// Nothing: the receiver works, and did not want this message now.
    Message,
    /// The receiver works and asks for a pause, for every message.
    Pause,
    /// The receiver cannot be reached, or is unwell.
    Sink,
}

impl Setback {
    /// What can be read from any HTTP answer that is no success, or from there being none.
    #[must_use]
    pub fn of(answer: &Answer) -> Self {
        match answer {
            Err(fault) => Self { reason: fault.reason.clone(), told: fault.ambiguous, wait: None, blame: Blame::Sink },
            Ok(SinkResponse { status, retry_after, .. }) => Self {
                reason: format!("HTTP {status}{}", meaning(*status)).into(),
                // A server error can come from something in front of a receiver that did take the message.
                told: *status >= 500,
                wait: *retry_after,
                blame: match (status, retry_after) {
                    (429 | 503, Some(_)) => Blame::Pause,
                    (408 | 425 | 429 | 502 | 503 | 504, _) => Blame::Sink,
                    _ => Blame::Message,
                },
            },
        }
    }

    /// With the receiver's own word for it behind the reason.
    #[must_use]
    pub fn saying(mut self, word: &str) -> Self {
        self.reason = format!("{}: {word}", self.reason).into();
        self
    }
}

const fn meaning(status: u16) -> &'static str {
    match status {
        300..=399 => " (a redirect, which is never followed: write the final url)",
        401 | 403 => " (not allowed: look at the url's key and the secret)",
        404 => " (nothing there: look at the url)",
        410 => " (gone: the receiver asks never to be called again)",
        413 => " (too large for the receiver)",
        429 => " (too many)",
        _ => "",
    }
}
