//! Where alerts go: one file a sink, each a pure message→request and response→verdict; the delivery machine; its worker.
//!
//! The outbox row, with its body frozen in it, was committed with the alert. From here on nothing is lost and nothing is said twice
//! but after an ambiguous attempt: a sink says what an answer means, [`delivery`] says what is tried when and what is written,
//! [`worker`] does it. Only the worker, `http_post` and `smtp_post` touch a socket. No file here reads a wall clock or spawns a task.

pub mod alertmanager;
pub mod answer;
pub mod body;
pub mod courier;
pub mod delivery;
pub mod digest;
pub mod discord;
pub mod email;
pub mod http_post;
pub mod letter;
pub mod life;
pub mod log;
pub mod markup;
pub mod ntfy;
pub mod pagerduty;
#[cfg(test)]
mod samples;
pub mod schedule;
pub mod slack;
pub mod smtp_post;
pub mod store_ledger;
pub mod telegram;
pub mod text;
pub mod webhook;
pub mod worker;

pub use answer::{
    Answer, Destination, Each, Edit, Post, SendFault, SendMethod, Setback, SinkRequest, SinkResponse, Verdict,
};
pub use body::{freeze, freeze_all};
pub use courier::Courier;
pub use http_post::HttpPost;
pub use letter::{Carry, Letter, LetterAnswer};
pub use smtp_post::SmtpPost;
pub use store_ledger::StoreLedger;

use crate::config::checked::{SinkConfig, SinkKind};
use crate::store::OutboxRow;
use crate::types::{Name, Timestamp};
use delivery::{LaneSettings, Pace};

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
    /// An address that a mail cannot carry.
    #[error("sink {sink:?}: `from` or `to` holds an address that no mail can carry: write it as local@domain")]
    Mailbox {
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
    /// A Telegram chat.
    Telegram(telegram::Telegram),
    /// Mail.
    Email(Box<email::Email>),
    /// A service of PagerDuty.
    PagerDuty(pagerduty::PagerDuty),
    /// A Discord webhook.
    Discord(discord::Discord),
    /// A topic of an ntfy server.
    Ntfy(ntfy::Ntfy),
    /// A channel of Slack, by a bot.
    SlackBot(slack::bot::Bot),
    /// A cluster of Alertmanagers.
    Alertmanager(alertmanager::Alertmanager),
}

/// What an attempt does.
#[derive(Debug)]
pub enum Outgoing {
    /// A line in the log; it cannot fail.
    Line(String),
    /// A request.
    Post(SinkRequest),
    /// A message to a chat: a request, and what it becomes where the answer wants it otherwise.
    Chat(Box<telegram::Draft>),
    /// A change of an earlier message, and where that is not enough a new one.
    Edit(Box<Edit>),
    /// The same to several.
    Each(Box<Each>),
    /// A mail.
    Mail(Letter),
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
            Self::Log
            | Self::Slack(_)
            | Self::Telegram(_)
            | Self::Email(_)
            | Self::PagerDuty(_)
            | Self::Discord(_)
            | Self::Ntfy(_)
            | Self::SlackBot(_)
            | Self::Alertmanager(_) => self,
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
            SinkKind::Telegram(telegram) => Self::Telegram(telegram::Telegram::new(telegram)),
            SinkKind::PagerDuty(pager) => Self::PagerDuty(pagerduty::PagerDuty::new(pager)),
            SinkKind::Discord(discord) => Self::Discord(discord::Discord::new(discord)),
            SinkKind::Ntfy(ntfy) => Self::Ntfy(ntfy::Ntfy::new(ntfy)),
            SinkKind::SlackBot(bot) => Self::SlackBot(slack::bot::Bot::new(bot)),
            SinkKind::Alertmanager(cluster) => Self::Alertmanager(alertmanager::Alertmanager::new(cluster)),
            SinkKind::Email(email) => {
                let email = email::Email::new(email);
                Self::Email(Box::new(email.ok_or_else(|| SinkFault::Mailbox { sink: config.name.clone() })?))
            }
        })
    }

    /// How many attempts at once, and how far apart.
    #[must_use]
    pub fn lane(&self, name: Name) -> LaneSettings {
        let (concurrency, pace) = match self {
            Self::Log => (log::CONCURRENCY, Pace::FREE),
            Self::Webhook(_) => (webhook::CONCURRENCY, Pace::FREE),
            Self::Slack(_) => (slack::CONCURRENCY, Pace::apart(slack::PACE)),
            Self::Telegram(telegram) => (telegram::CONCURRENCY, telegram.pace()),
            Self::Email(_) => (email::CONCURRENCY, Pace::FREE),
            Self::PagerDuty(_) => (pagerduty::CONCURRENCY, pagerduty::PACE),
            // Its own headers say when to wait.
            Self::Discord(_) => (discord::CONCURRENCY, Pace::FREE),
            Self::Ntfy(_) => (ntfy::CONCURRENCY, ntfy::PACE),
            Self::SlackBot(_) => (slack::CONCURRENCY, slack::bot::PACE),
            Self::Alertmanager(_) => (alertmanager::CONCURRENCY, Pace::FREE),
        };
        let (folds, drops_repeats) = match self {
            Self::Slack(_) | Self::SlackBot(_) | Self::Telegram(_) | Self::Discord(_) | Self::Ntfy(_) => (true, false),
            // What machines read is one message each, and mail has no pace.
            Self::Log | Self::Webhook(_) | Self::PagerDuty(_) | Self::Alertmanager(_) => (false, true),
            Self::Email(_) => (false, false),
        };
        LaneSettings { name, concurrency, pace, folds, drops_repeats }
    }

    /// Whether a message refers to what an earlier one of its alert was remembered by.
    #[must_use]
    pub const fn threads(&self) -> bool {
        match self {
            Self::Telegram(_) | Self::Email(_) | Self::Discord(_) | Self::SlackBot(_) | Self::Alertmanager(_) => true,
            Self::Log | Self::Webhook(_) | Self::Slack(_) | Self::PagerDuty(_) | Self::Ntfy(_) => false,
        }
    }

    /// Whether what lasts has to be sent again while it does.
    #[must_use]
    pub const fn is_told_again(&self) -> bool {
        matches!(self, Self::Alertmanager(_))
    }

    /// What to do for an attempt that begins at `at`. `first` is the receiver's id of the alert's first message, where it
    /// [`threads`](Self::threads) and there is one.
    #[must_use]
    pub fn outgoing(&self, row: &OutboxRow, at: Timestamp, attempt: Attempt, first: Option<&Name>) -> Outgoing {
        match self {
            Self::Log => Outgoing::Line(log::line(row, attempt)),
            Self::Webhook(webhook) => Outgoing::Post(webhook.request(row, at)),
            Self::Slack(slack) => Outgoing::Post(slack.request(row, attempt)),
            Self::Telegram(telegram) => Outgoing::Chat(Box::new(telegram.draft(row, attempt, first))),
            Self::Email(email) => Outgoing::Mail(email.letter(row, attempt, first)),
            Self::PagerDuty(pager) => Outgoing::Post(pager.request(row)),
            Self::Discord(discord) => discord.outgoing(row, attempt, first),
            Self::Ntfy(ntfy) => Outgoing::Post(ntfy.request(row, attempt)),
            Self::SlackBot(bot) => bot.outgoing(row, attempt, first),
            Self::Alertmanager(cluster) => Outgoing::Each(Box::new(cluster.each(row, at, first))),
        }
    }

    /// What the answer to an attempt over HTTP means.
    #[must_use]
    pub fn verdict(&self, answer: &Answer) -> Verdict {
        match self {
            // These have no such answers.
            Self::Log | Self::Email(_) => Verdict::Delivered { receiver_id: None },
            Self::Webhook(_) => webhook::verdict(answer),
            Self::Slack(_) => slack::verdict(answer),
            Self::Telegram(telegram) => telegram::verdict(telegram, answer),
            Self::PagerDuty(_) => pagerduty::verdict(answer),
            Self::Discord(_) => discord::verdict(answer),
            Self::Ntfy(_) => ntfy::verdict(answer),
            Self::SlackBot(_) => slack::bot::verdict(answer),
            Self::Alertmanager(_) => alertmanager::verdict(answer),
        }
    }

    /// Whether it sends to another place than `before`: a sink that was disabled is opened then.
    #[must_use]
    pub fn leads_elsewhere(&self, before: &Self) -> bool {
        match (self, before) {
            (Self::Log, Self::Log) => false,
            (Self::Webhook(now), Self::Webhook(before)) => now.destination() != before.destination(),
            (Self::Slack(now), Self::Slack(before)) => now.destination() != before.destination(),
            (Self::Telegram(now), Self::Telegram(before)) => now.leads_elsewhere(before),
            (Self::Email(now), Self::Email(before)) => now.leads_elsewhere(before),
            (Self::PagerDuty(now), Self::PagerDuty(before)) => now.leads_elsewhere(before),
            (Self::Discord(now), Self::Discord(before)) => now.destination() != before.destination(),
            (Self::Ntfy(now), Self::Ntfy(before)) => now.leads_elsewhere(before),
            (Self::SlackBot(now), Self::SlackBot(before)) => now.leads_elsewhere(before),
            (Self::Alertmanager(now), Self::Alertmanager(before)) => now.leads_elsewhere(before),
            (
                Self::Log
                | Self::Webhook(_)
                | Self::Slack(_)
                | Self::Telegram(_)
                | Self::Email(_)
                | Self::PagerDuty(_)
                | Self::Discord(_)
                | Self::Ntfy(_)
                | Self::SlackBot(_)
                | Self::Alertmanager(_),
                _,
            ) => true,
        }
    }
}
