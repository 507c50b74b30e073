//! Where alerts go: one file a sink, each a pure message→request and response→verdict; the delivery machine; its worker.
//!
//! The outbox row, with its body frozen in it, was committed with the alert. From here on nothing is lost and nothing is said twice
//! but after an ambiguous attempt: a sink says what an answer means, [`delivery`] says what is tried when and what is written,
//! [`worker`] does it. Only the worker, `http_post`, `smtp_post` and `nats_post` touch a socket. No file here reads a wall clock or spawns a task.

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
pub mod nats;
pub mod nats_post;
pub mod ntfy;
pub mod pagerduty;
#[cfg(test)]
mod samples;
pub mod schedule;
pub mod slack;
pub mod smtp_post;
pub mod store_ledger;
pub mod telegram;
pub mod template;
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
pub use nats::{Publication, PublishAnswer};
pub use nats_post::NatsPost;
pub use smtp_post::SmtpPost;
pub use store_ledger::StoreLedger;
pub use template::Words;

use crate::config::checked::{SinkConfig, SinkKind};
use crate::store::{NewMessage, OutboxRow};
use crate::types::{Name, Timestamp};
use delivery::{LaneSettings, Meter, Pace};

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
    /// Credentials that cannot sign.
    #[error("sink {sink:?}: `creds` is no credentials file of NATS, with a JWT and a seed")]
    Credentials {
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
pub struct Sink {
    name: Name,
    kind: Kind,
    words: Words,
}

/// What a sink is.
#[derive(Debug, Clone)]
pub enum Kind {
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
    /// A stream of NATS.
    Nats(nats::Nats),
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
    /// Into a stream.
    Publish(Publication),
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
    /// Makes a sink of its config, which speaks in our own words.
    ///
    /// # Errors
    /// [`SinkFault`] when the config cannot be used.
    pub fn new(config: &SinkConfig) -> Result<Self, SinkFault> {
        let name = config.name.clone();
        let kind = match &config.kind {
            SinkKind::Log => Kind::Log,
            SinkKind::Webhook { url, secret, allow_private } => {
                let secret = webhook::SigningKey::parse(secret).ok_or(SinkFault::Secret { sink: name.clone() })?;
                Kind::Webhook(webhook::Webhook::new(Destination::new(url, *allow_private), secret))
            }
            SinkKind::Slack { url, allow_private } => {
                Kind::Slack(slack::Slack::new(Destination::new(url, *allow_private)))
            }
            SinkKind::Telegram(telegram) => Kind::Telegram(telegram::Telegram::new(telegram)),
            SinkKind::PagerDuty(pager) => Kind::PagerDuty(pagerduty::PagerDuty::new(pager)),
            SinkKind::Discord(discord) => Kind::Discord(discord::Discord::new(discord)),
            SinkKind::Ntfy(ntfy) => Kind::Ntfy(ntfy::Ntfy::new(ntfy)),
            SinkKind::SlackBot(bot) => Kind::SlackBot(slack::bot::Bot::new(bot)),
            SinkKind::Alertmanager(cluster) => Kind::Alertmanager(alertmanager::Alertmanager::new(cluster)),
            SinkKind::Email(email) => {
                let email = email::Email::new(email).ok_or(SinkFault::Mailbox { sink: name.clone() })?;
                Kind::Email(Box::new(email))
            }
            SinkKind::Nats(stream) => {
                Kind::Nats(nats::Nats::new(stream).ok_or(SinkFault::Credentials { sink: name.clone() })?)
            }
        };
        Ok(Self { words: Words::default(), name, kind })
    }

    /// With the words of an operator's templates.
    #[must_use]
    pub fn in_words(self, words: Words) -> Self {
        Self { words, ..self }
    }

    /// With the wall clock for what receivers compare with theirs.
    #[must_use]
    pub fn signed_at(mut self, wall: fn() -> Timestamp) -> Self {
        if let Kind::Webhook(webhook) = self.kind {
            self.kind = Kind::Webhook(webhook.signed_at(wall));
        }
        self
    }

    /// What it is.
    #[must_use]
    pub const fn kind(&self) -> &Kind {
        &self.kind
    }

    /// How many attempts at once, and how far apart by what the receiver counts.
    #[must_use]
    pub fn lane(&self, name: Name) -> LaneSettings {
        let by_url = |to: &Destination, pace: Pace| vec![(Meter::of(&[to.url().expose()]), pace)];
        let (concurrency, paces) = match &self.kind {
            Kind::Log => (log::CONCURRENCY, Vec::new()),
            Kind::Webhook(_) => (webhook::CONCURRENCY, Vec::new()),
            Kind::Slack(slack) => (slack::CONCURRENCY, by_url(slack.destination(), Pace::apart(slack::PACE))),
            Kind::Telegram(telegram) => (telegram::CONCURRENCY, telegram.paces()),
            Kind::Email(_) => (email::CONCURRENCY, Vec::new()),
            Kind::PagerDuty(pager) => (pagerduty::CONCURRENCY, pager.paces()),
            // Its own headers say when to wait.
            Kind::Discord(discord) => (discord::CONCURRENCY, by_url(discord.destination(), Pace::FREE)),
            Kind::Ntfy(ntfy) => (ntfy::CONCURRENCY, ntfy.paces()),
            Kind::SlackBot(bot) => (slack::CONCURRENCY, bot.paces()),
            Kind::Alertmanager(_) => (alertmanager::CONCURRENCY, Vec::new()),
            Kind::Nats(_) => (nats::CONCURRENCY, Vec::new()),
        };
        let (folds, drops_repeats) = match self.kind {
            Kind::Slack(_) | Kind::SlackBot(_) | Kind::Telegram(_) | Kind::Discord(_) | Kind::Ntfy(_) => (true, false),
            // What machines read is one message each, and mail has no pace.
            Kind::Log | Kind::Webhook(_) | Kind::PagerDuty(_) | Kind::Alertmanager(_) | Kind::Nats(_) => (false, true),
            Kind::Email(_) => (false, false),
        };
        LaneSettings { name, concurrency, paces, folds, drops_repeats }
    }

    /// Whether a message refers to what an earlier one of its alert was remembered by.
    #[must_use]
    pub const fn threads(&self) -> bool {
        match self.kind {
            Kind::Telegram(_) | Kind::Email(_) | Kind::Discord(_) | Kind::SlackBot(_) | Kind::Alertmanager(_) => true,
            Kind::Log | Kind::Webhook(_) | Kind::Slack(_) | Kind::PagerDuty(_) | Kind::Ntfy(_) | Kind::Nats(_) => false,
        }
    }

    /// Whether a receiver tells a repeat by its key, so that nobody sees it twice.
    const fn knows_repeats(&self) -> bool {
        matches!(self.kind, Kind::PagerDuty(_) | Kind::Alertmanager(_))
    }

    /// What a message says to people here.
    #[must_use]
    pub fn text(&self, message: &NewMessage, again: bool) -> text::Text {
        self.words.text(&self.name, message, again && !self.knows_repeats())
    }

    /// What lasts and has to be sent again while it does, as it is sent now; `None` where nothing is.
    #[must_use]
    pub fn resent(&self, row: &OutboxRow, at: Timestamp) -> Option<alertmanager::Fired> {
        let Kind::Alertmanager(_) = self.kind else { return None };
        alertmanager::Alertmanager::resent(row, &self.text(&row.message, false), at)
    }

    /// Whether what lasts has to be sent again while it does.
    #[must_use]
    pub const fn is_told_again(&self) -> bool {
        matches!(self.kind, Kind::Alertmanager(_))
    }

    /// What to do for an attempt that begins at `at`. `first` is the receiver's id of the alert's first message, where it
    /// [`threads`](Self::threads) and there is one.
    #[must_use]
    pub fn outgoing(&self, row: &OutboxRow, at: Timestamp, attempt: Attempt, first: Option<&Name>) -> Outgoing {
        let text = || self.text(&row.message, attempt.again);
        match &self.kind {
            Kind::Log => Outgoing::Line(log::line(row, &text())),
            Kind::Webhook(webhook) => Outgoing::Post(webhook.request(row, at)),
            Kind::Slack(slack) => Outgoing::Post(slack.request(&text())),
            Kind::Telegram(telegram) => Outgoing::Chat(Box::new(telegram.draft(text(), first))),
            Kind::Email(email) => Outgoing::Mail(email.letter(row, &text(), attempt.number, first)),
            Kind::PagerDuty(pager) => Outgoing::Post(pager.request(row, &text())),
            Kind::Discord(discord) => discord.outgoing(row, &text(), first),
            Kind::Ntfy(ntfy) => Outgoing::Post(ntfy.request(row, &text())),
            Kind::SlackBot(bot) => bot.outgoing(row, &text(), first),
            Kind::Alertmanager(cluster) => Outgoing::Each(Box::new(cluster.each(row, &text(), at, first))),
            Kind::Nats(stream) => Outgoing::Publish(stream.publication(row)),
        }
    }

    /// What the answer to an attempt over HTTP means.
    #[must_use]
    pub fn verdict(&self, answer: &Answer) -> Verdict {
        match &self.kind {
            // These have no such answers.
            Kind::Log | Kind::Email(_) | Kind::Nats(_) => Verdict::Delivered { receiver_id: None },
            Kind::Webhook(_) => webhook::verdict(answer),
            Kind::Slack(_) => slack::verdict(answer),
            Kind::Telegram(telegram) => telegram::verdict(telegram, answer),
            Kind::PagerDuty(_) => pagerduty::verdict(answer),
            Kind::Discord(_) => discord::verdict(answer),
            Kind::Ntfy(_) => ntfy::verdict(answer),
            Kind::SlackBot(_) => slack::bot::verdict(answer),
            Kind::Alertmanager(_) => alertmanager::verdict(answer),
        }
    }

    /// Whether it sends to another place than `before`: a sink that was disabled is opened then.
    #[must_use]
    pub fn leads_elsewhere(&self, before: &Self) -> bool {
        match (&self.kind, &before.kind) {
            (Kind::Log, Kind::Log) => false,
            (Kind::Webhook(now), Kind::Webhook(before)) => now.destination() != before.destination(),
            (Kind::Slack(now), Kind::Slack(before)) => now.destination() != before.destination(),
            (Kind::Telegram(now), Kind::Telegram(before)) => now.leads_elsewhere(before),
            (Kind::Email(now), Kind::Email(before)) => now.leads_elsewhere(before),
            (Kind::PagerDuty(now), Kind::PagerDuty(before)) => now.leads_elsewhere(before),
            (Kind::Discord(now), Kind::Discord(before)) => now.destination() != before.destination(),
            (Kind::Ntfy(now), Kind::Ntfy(before)) => now.leads_elsewhere(before),
            (Kind::SlackBot(now), Kind::SlackBot(before)) => now.leads_elsewhere(before),
            (Kind::Alertmanager(now), Kind::Alertmanager(before)) => now.leads_elsewhere(before),
            (Kind::Nats(now), Kind::Nats(before)) => now.leads_elsewhere(before),
            (
                Kind::Log
                | Kind::Webhook(_)
                | Kind::Slack(_)
                | Kind::Telegram(_)
                | Kind::Email(_)
                | Kind::PagerDuty(_)
                | Kind::Discord(_)
                | Kind::Ntfy(_)
                | Kind::SlackBot(_)
                | Kind::Alertmanager(_)
                | Kind::Nats(_),
                _,
            ) => true,
        }
    }
}
