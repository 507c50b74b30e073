//! Where alerts go: one file a sink, each a pure message→request and response→verdict; the delivery machine; its worker.
//!
//! The outbox row, with its body frozen in it, was committed with the alert. From here on nothing is lost and nothing is said twice
//! but after an ambiguous attempt: a sink says what an answer means, [`delivery`] says what is tried when and what is written,
//! [`worker`] does it. Only the worker and `http_post` touch a socket. No file here reads a wall clock or spawns a task.

pub mod answer;
pub mod body;
pub mod delivery;
pub mod http_post;
pub mod log;
#[cfg(test)]
mod samples;
pub mod schedule;
pub mod slack;
pub mod store_ledger;
pub mod text;
pub mod webhook;
pub mod worker;

pub use answer::{Answer, Destination, Post, SendFault, Setback, SinkRequest, SinkResponse, Verdict};
pub use body::{freeze, freeze_all};
pub use http_post::HttpPost;
pub use store_ledger::StoreLedger;

use crate::config::checked::{SinkConfig, SinkKind};
use crate::store::OutboxRow;
use crate::types::{Name, Timestamp};
use delivery::LaneSettings;
use std::time::Duration;

/// Why a sink cannot be made from its config.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SinkFault {
    /// The signing secret is not what Standard Webhooks asks for.
    #[error(
        "sink {sink:?}: the secret must be whsec_ and base64 of 24 to 64 bytes; `openssl rand -base64 32` makes one"
    )]
    Secret {
        /// Which sink.
        sink: Name,
    },
}

/// A sink, ready to work.
#[derive(Debug, Clone)]
pub enum Sink {
    /// Lines in the log.
    Log,
    /// Standard Webhooks.
    Webhook(webhook::Webhook),
    /// A Slack incoming webhook.
    Slack(slack::Slack),
}

/// What an attempt does.
#[derive(Debug)]
pub enum Outgoing {
    /// A line in the log; it cannot fail.
    Line(String),
    /// A request.
    Post(SinkRequest),
}

/// Which attempt it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attempt {
    /// From 1.
    pub number: u32,
    /// The receiver may have had the message before.
    pub again: bool,
}

impl Sink {
    /// With the wall clock for what receivers compare with theirs.
    #[must_use]
    pub fn signed_at(self, wall: fn() -> Timestamp) -> Self {
        match self {
            Self::Webhook(webhook) => Self::Webhook(webhook.signed_at(wall)),
            Self::Log | Self::Slack(_) => self,
        }
    }

    /// Makes a sink of its config.
    ///
    /// # Errors
    /// [`SinkFault`] when the config cannot be used.
    pub fn new(config: &SinkConfig) -> Result<Self, SinkFault> {
        Ok(match &config.kind {
            SinkKind::Log => Self::Log,
            SinkKind::Webhook { url, secret, allow_private } => {
                let secret = webhook::SigningKey::parse(secret)
                    .ok_or_else(|| SinkFault::Secret { sink: config.name.clone() })?;
                Self::Webhook(webhook::Webhook::new(Destination::new(url, *allow_private), secret))
            }
            SinkKind::Slack { url, allow_private } => {
                Self::Slack(slack::Slack::new(Destination::new(url, *allow_private)))
            }
        })
    }

    /// How many attempts at once, and how far apart.
    #[must_use]
    pub fn lane(&self, name: Name) -> LaneSettings {
        let (concurrency, pace) = match self {
            Self::Log => (log::CONCURRENCY, Duration::ZERO),
            Self::Webhook(_) => (webhook::CONCURRENCY, Duration::ZERO),
            Self::Slack(_) => (slack::CONCURRENCY, slack::PACE),
        };
        LaneSettings { name, concurrency, pace }
    }

    /// What to do for an attempt that begins at `at`.
    #[must_use]
    pub fn outgoing(&self, row: &OutboxRow, at: Timestamp, attempt: Attempt) -> Outgoing {
        match self {
            Self::Log => Outgoing::Line(log::line(row, attempt)),
            Self::Webhook(webhook) => Outgoing::Post(webhook.request(row, at)),
            Self::Slack(slack) => Outgoing::Post(slack.request(row, attempt)),
        }
    }

    /// What the answer to an attempt means.
    #[must_use]
    pub fn verdict(&self, answer: &Answer) -> Verdict {
        match self {
            Self::Log => Verdict::Delivered { receiver_id: None },
            Self::Webhook(_) => webhook::verdict(answer),
            Self::Slack(_) => slack::verdict(answer),
        }
    }

    /// Where it sends to; a sink that was disabled is opened when this changes.
    #[must_use]
    pub fn destination(&self) -> Option<&Destination> {
        match self {
            Self::Log => None,
            Self::Webhook(webhook) => Some(webhook.destination()),
            Self::Slack(slack) => Some(slack.destination()),
        }
    }
}
