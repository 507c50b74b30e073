//! NATS JetStream: the canonical body into a stream, under the message's id.
//!
//! The subject is the configured one with the type behind it (`walletwatch.transfer.final`). `Nats-Msg-Id` is the message's id, the same on
//! every repeat, so that a stream keeps one of both within its duplicate window; what is done is only what the stream itself acknowledged, and
//! it has to be the stream that the config names. The protocol is spoken by [`super::nats_post`], in words of [`wire`].
//!
//! Written by hand, not with `async-nats`: that client reconnects, repeats and spawns by itself, beside an outbox that owns all three, and opens
//! sockets past the address guard. What is needed of the protocol is six verbs.

pub mod creds;
#[cfg(test)]
mod tests;
pub mod wire;

use super::answer::{Blame, DEADLINE, SendFault, Setback, Verdict};
use crate::config::checked::{NatsConfig, NatsLogin};
use crate::store::OutboxRow;
use crate::types::{Name, Secret};
use bytes::Bytes;
use creds::Credentials;
use std::sync::Arc;
use std::time::Duration;
use wire::Refusal;

/// Attempts at once: each is a connection of its own.
pub const CONCURRENCY: usize = 8;
/// JetStream's numbers for a message that the stream will never take: larger than its limit, or than a server's for headers.
const TOO_LARGE: [u32; 2] = [10_054, 10_097];
/// JetStream's number for a subject that another stream takes.
const OTHER_STREAM: u32 = 10_060;

/// A server, and how it is spoken to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NatsServer {
    /// A name, or an address.
    pub host: Name,
    /// Its port.
    pub port: u16,
    /// Whether it is spoken to under TLS; else it has to be in a private network.
    pub tls: bool,
    /// Who we are.
    pub login: Login,
    /// Whether it may be this machine or in a private network.
    pub allow_private: bool,
}

/// Who we are to a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Login {
    /// It does not ask.
    Nobody,
    /// A token.
    Token(Arc<Secret>),
    /// A user and a password.
    User(Name, Arc<Secret>),
    /// A JWT, and a key that signs what the server says.
    Credentials(Arc<Credentials>),
}

/// One message for a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Publication {
    /// By way of whom.
    pub server: Arc<NatsServer>,
    /// Where to.
    pub subject: Name,
    /// The stream that has to take it.
    pub stream: Name,
    /// `Nats-Msg-Id`.
    pub id: Name,
    /// The body.
    pub body: Bytes,
    /// For the whole attempt.
    pub deadline: Duration,
}

/// What became of a publication.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// A stream has it.
    Kept {
        /// Which.
        stream: String,
        /// Where in it.
        seq: u64,
        /// It was there before.
        duplicate: bool,
    },
    /// JetStream does not take it, for a reason with a number.
    Refused(u32),
    /// No stream takes the subject.
    Nobody,
}

/// Why there is no answer of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PublishFault {
    /// The connection broke, or never was.
    Broken(SendFault),
    /// The server itself refused.
    Refused(Refusal),
}

/// What an attempt ended with.
pub type PublishAnswer = Result<Said, PublishFault>;

/// One stream.
#[derive(Debug, Clone)]
pub struct Nats {
    server: Arc<NatsServer>,
    stream: Name,
    subject: Name,
}

impl Nats {
    /// Of its config. `None` where the credentials cannot be read.
    #[must_use]
    pub fn new(config: &NatsConfig) -> Option<Self> {
        let NatsConfig { host, port, tls, login, stream, subject, allow_private } = config;
        let login = match login {
            NatsLogin::Nobody => Login::Nobody,
            NatsLogin::Token(token) => Login::Token(Arc::new(token.clone())),
            NatsLogin::User(user, password) => Login::User(user.clone(), Arc::new(password.clone())),
            NatsLogin::Credentials(file) => Login::Credentials(Arc::new(Credentials::parse(file)?)),
        };
        let server = NatsServer { host: host.clone(), port: *port, tls: *tls, login, allow_private: *allow_private };
        Some(Self { server: Arc::new(server), stream: stream.clone(), subject: subject.clone() })
    }

    /// By way of whom.
    #[must_use]
    pub const fn server(&self) -> &Arc<NatsServer> {
        &self.server
    }

    /// Whether messages go to another place than those of `before`.
    #[must_use]
    pub fn leads_elsewhere(&self, before: &Self) -> bool {
        (&self.server, &self.stream, &self.subject) != (&before.server, &before.stream, &before.subject)
    }

    /// What an attempt publishes: the same on every one.
    #[must_use]
    pub fn publication(&self, row: &OutboxRow) -> Publication {
        let message = &row.message;
        Publication {
            server: Arc::clone(&self.server),
            subject: format!("{}.{}", self.subject, message.kind).into(),
            stream: self.stream.clone(),
            id: message.id.to_string().into(),
            body: message.body.clone(),
            deadline: DEADLINE,
        }
    }
}

/// What an answer means for a message that `stream` has to keep.
///
/// Whatever a person can put right (a stream that is missing or full, a login, a permission) is tried again over the whole schedule.
#[must_use]
pub fn verdict(stream: &Name, answer: &PublishAnswer) -> Verdict {
    let again = |told: bool, reason: &str| {
        Verdict::Again(Setback { reason: reason.into(), told, wait: None, blame: Blame::Sink })
    };
    match answer {
        Ok(Said::Kept { stream: kept, seq, duplicate: _ }) if kept == stream.as_str() => {
            Verdict::Delivered { receiver_id: Some(format!("{kept}/{seq}").into()) }
        }
        Ok(Said::Kept { .. }) => again(true, "another stream took it: look at `stream` and `subject`"),
        Ok(Said::Nobody) => {
            again(false, "no stream takes the subject: look at `stream`, `subject`, and whether JetStream is on")
        }
        Ok(Said::Refused(OTHER_STREAM)) => {
            again(false, "another stream takes the subject: look at `stream` and `subject`")
        }
        Ok(Said::Refused(number)) if TOO_LARGE.contains(number) => dead("the message is too large for the stream"),
        Ok(Said::Refused(number)) => again(false, &format!("JetStream does not take it: its error {number}")),
        Err(PublishFault::Broken(SendFault { ambiguous, reason })) => again(*ambiguous, reason.as_str()),
        Err(PublishFault::Refused(Refusal::TooLarge)) => dead("the message is too large for the server"),
        Err(PublishFault::Refused(refusal)) => again(refusal.may_have_taken_it(), refusal.advice()),
    }
}

/// Why a server does not let us in, and what to look at.
#[must_use]
pub fn fault_in_words(fault: &PublishFault) -> String {
    match fault {
        PublishFault::Broken(SendFault { reason, .. }) => reason.to_string(),
        PublishFault::Refused(refusal) => refusal.advice().to_owned(),
    }
}

fn dead(reason: &str) -> Verdict {
    Verdict::Dead(Setback { reason: reason.into(), told: false, wait: None, blame: Blame::Message })
}
