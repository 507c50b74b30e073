//! What the config means, in values that cannot be wrong.
//!
//! Rooms take the part that concerns them; nobody parses text behind this. Secrets are resolved here and held in types that cannot
//! print them.

use crate::config::circle::{CircleConfig, InboundConfig};
use crate::config::faults::Place;
use crate::config::mailbox::MailAddress;
use crate::reactor::settings::{Settings, is_of_type};
use crate::types::{ChainId, Name, Pair, Secret};
use crate::wire::etherscan::Dialect;
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// The whole config.
#[derive(Debug, Clone)]
pub struct Config {
    /// What the reactor works by.
    pub settings: Settings,
    /// RPC endpoints, in the order of the config within each chain.
    pub endpoints: Vec<EndpointConfig>,
    /// Etherscan first, where it is configured, then every other explorer: each an account of its own.
    pub explorers: Vec<ExplorerConfig>,
    /// Watches whose addresses stand in a file.
    pub lists: Vec<ListConfig>,
    /// Whether a list file may have lost more of its lines than is believed without a word (`--allow-shrink`).
    pub allow_shrink: bool,
    /// Whether a store may be made though live payments miss one (`--new-store`).
    pub new_store: bool,
    /// Price feeds.
    pub feeds: Vec<FeedConfig>,
    /// Sinks.
    pub sinks: Vec<SinkConfig>,
    /// Words of the operator's own, the first that fits first.
    pub templates: Vec<TemplateConfig>,
    /// The page, API and metrics.
    pub http: HttpConfig,
    /// Circle, where payments may be live.
    pub circle: Option<CircleConfig>,
    /// Where hooks are received.
    pub inbound: Option<InboundConfig>,
    /// The store.
    pub store: StoreConfig,
    /// Chains whose blindness makes the monitor not ready.
    pub required_chains: BTreeSet<ChainId>,
    /// Feeds whose blindness makes the monitor not ready.
    pub required_feeds: BTreeSet<Name>,
    /// What is allowed, and should be said: each a sentence.
    pub warnings: Vec<String>,
}

/// One RPC endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndpointConfig {
    /// Which chain.
    pub chain: ChainId,
    /// Unique on its chain.
    pub name: Name,
    /// ws, wss, http or https; it may carry a key.
    pub url: Secret,
    /// Whether it is a WebSocket.
    pub socket: bool,
    /// Who runs it: two operators that agree are two witnesses.
    pub operator: Name,
}

/// The list file of a watch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListConfig {
    /// Whose.
    pub watch: Name,
    /// Where.
    pub file: PathBuf,
    /// How many addresses stand in it.
    pub addresses: u64,
}

/// An account with an explorer: Etherscan's, or an `[[explorer]]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExplorerConfig {
    /// As a source: `etherscan`, else its kind and its chain (`blockscout-base`). Unique.
    pub name: Name,
    /// Which kind.
    pub dialect: Dialect,
    /// Base url without a query.
    pub url: Secret,
    /// The key; some kinds need none.
    pub api_key: Option<Secret>,
    /// Of the account, over all chains and keys.
    pub calls_per_second: u32,
    /// Of the account, over all chains and keys.
    pub calls_per_day: u32,
    /// The chains to ask it for.
    pub chains: Vec<ChainId>,
}

/// One price feed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedConfig {
    /// Unique.
    pub name: Name,
    /// Which protocol.
    pub kind: FeedKind,
    /// Where: ws or wss, any host.
    pub url: Secret,
    /// What it is asked for.
    pub pairs: Vec<Pair>,
}

/// Which protocol a feed speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FeedKind {
    /// Coinbase Exchange.
    Coinbase,
    /// Kraken's socket, second version.
    Kraken,
    /// Binance spot, market data alone.
    Binance,
}

impl Config {
    /// Whether its payments need a store of yesterday: one that was lost with them would not know what left already.
    #[must_use]
    pub fn is_precious(&self) -> bool {
        let relaxed = self.circle.as_ref().is_none_or(|circle| circle.relaxed);
        !relaxed && self.settings.payments.iter().any(|payment| payment.live)
    }
}

impl FeedKind {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Coinbase, Self::Kraken, Self::Binance];

    /// The word in the config.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Coinbase => "coinbase",
            Self::Kraken => "kraken",
            Self::Binance => "binance",
        }
    }

    /// The venue's own public socket.
    #[must_use]
    pub const fn url(self) -> &'static str {
        match self {
            Self::Coinbase => "wss://ws-feed.exchange.coinbase.com",
            Self::Kraken => "wss://ws.kraken.com/v2",
            // The host for market data alone: it serves places that the exchange itself does not.
            Self::Binance => "wss://data-stream.binance.vision/stream",
        }
    }
}

/// One sink.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SinkConfig {
    /// Unique.
    pub name: Name,
    /// What it is, with its own settings.
    pub kind: SinkKind,
}

/// What a sink is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SinkKind {
    /// Lines in the log.
    Log,
    /// Standard Webhooks.
    Webhook {
        /// Where to.
        url: Secret,
        /// The signing key: the bytes behind `whsec_`.
        secret: Secret,
        /// Whether it may reach loopback and private addresses, over plain http too.
        allow_private: bool,
    },
    /// A Slack incoming webhook.
    Slack {
        /// Where to: the url is the secret.
        url: Secret,
        /// As for a webhook; for receivers that speak Slack's format.
        allow_private: bool,
    },
    /// A Telegram chat.
    Telegram(TelegramConfig),
    /// A mailbox, or several.
    Email(Box<EmailConfig>),
    /// A service of PagerDuty.
    PagerDuty(PagerDutyConfig),
    /// A Discord webhook.
    Discord(DiscordConfig),
    /// A topic of an ntfy server.
    Ntfy(NtfyConfig),
    /// A channel of Slack, by a bot.
    SlackBot(SlackBotConfig),
    /// A cluster of Alertmanagers.
    Alertmanager(AlertmanagerConfig),
    /// A stream of NATS.
    Nats(NatsConfig),
}

/// A stream of NATS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NatsConfig {
    /// A name, or an address (of the sixth version in brackets).
    pub host: Name,
    /// Its port.
    pub port: u16,
    /// Whether it is spoken to under TLS; else it is in a private network.
    pub tls: bool,
    /// Who we are.
    pub login: NatsLogin,
    /// The stream that has to keep every message.
    pub stream: Name,
    /// What subjects begin with; the type stands behind it.
    pub subject: Name,
    /// Whether the server may be this machine or in a private network.
    pub allow_private: bool,
}

/// Who we are to a NATS server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NatsLogin {
    /// It does not ask.
    Nobody,
    /// A token.
    Token(Secret),
    /// A user and a password.
    User(Name, Secret),
    /// A credentials file: a JWT and a seed.
    Credentials(Secret),
}

/// Words of the operator's own for some messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateConfig {
    /// Of these types.
    pub types: Vec<Name>,
    /// To these sinks; empty is all.
    pub sinks: Vec<Name>,
    /// Of these rules; empty is all, and what no rule speaks of.
    pub rules: Vec<Name>,
    /// For the title.
    pub title: Option<Written>,
    /// For the lines below it.
    pub text: Option<Written>,
    /// For the link.
    pub link: Option<Written>,
}

impl TemplateConfig {
    /// Whether it is for a message of this type, to this sink, by this rule.
    #[must_use]
    pub fn is_for(&self, kind: &str, sink: &Name, rule: Option<&str>) -> bool {
        self.types.iter().any(|pattern| is_of_type(kind, pattern.as_str()))
            && (self.sinks.is_empty() || self.sinks.contains(sink))
            && (self.rules.is_empty() || rule.is_some_and(|rule| self.rules.iter().any(|it| it.as_str() == rule)))
    }
}

/// Text, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// The text.
    pub text: String,
    /// Where.
    pub place: Place,
}

/// A channel of Slack, by a bot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlackBotConfig {
    /// Scheme and host of the Web API.
    pub url: Secret,
    /// The bot's token.
    pub token: Secret,
    /// The channel's id.
    pub channel: Name,
    /// As for a webhook; for receivers that speak Slack's API.
    pub allow_private: bool,
}

/// A cluster of Alertmanagers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlertmanagerConfig {
    /// Every member: scheme, host and path before `/api/v2`. At least one.
    pub urls: Vec<Secret>,
    /// For `Authorization: Bearer`, where something in front asks for it.
    pub token: Option<Secret>,
    /// As for a webhook: Alertmanagers are rarely public.
    pub allow_private: bool,
}

/// A Discord webhook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiscordConfig {
    /// Where to, without a query: the url is the secret.
    pub url: Secret,
    /// As for a webhook; for receivers that speak Discord's format.
    pub allow_private: bool,
}

/// A topic of an ntfy server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NtfyConfig {
    /// The server: scheme and host.
    pub url: Secret,
    /// The topic.
    pub topic: Name,
    /// An access token, where the topic needs one.
    pub token: Option<Secret>,
    /// As for a webhook; for a server of one's own.
    pub allow_private: bool,
}

/// A service of PagerDuty, by its Events API v2.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PagerDutyConfig {
    /// Scheme and host of the Events API.
    pub url: Secret,
    /// The integration key of the service.
    pub routing_key: Secret,
    /// As for a webhook; for receivers that speak PagerDuty's format.
    pub allow_private: bool,
}

/// A Telegram chat, spoken to by a bot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TelegramConfig {
    /// Scheme and host of the Bot API.
    pub url: Secret,
    /// The bot's token, which becomes a part of the path.
    pub token: Secret,
    /// The chat's id, or `@name`.
    pub chat: Name,
    /// The topic of a forum.
    pub thread: Option<u64>,
    /// As for a webhook; for a Bot API server of one's own.
    pub allow_private: bool,
}

/// A mailbox, or several, by way of a mail server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EmailConfig {
    /// A name, or an address (of the sixth version in brackets).
    pub host: Name,
    /// Its port.
    pub port: u16,
    /// How it is spoken to.
    pub security: MailSecurity,
    /// User and password.
    pub login: Option<(Name, Secret)>,
    /// Who the messages are from.
    pub from: MailAddress,
    /// Whom they go to; at least one.
    pub to: Vec<MailAddress>,
    /// Whether the mail server may be this machine or in a private network.
    pub allow_private: bool,
}

/// How a mail server is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailSecurity {
    /// TLS from the first byte.
    Tls,
    /// In the clear up to STARTTLS, and not a word further without it.
    StartTls,
    /// In the clear, to this machine or a private network alone.
    Clear,
}

/// The page, API and metrics.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpConfig {
    /// Where to listen.
    pub listen: SocketAddr,
    /// Who may do what.
    pub tokens: Vec<TokenConfig>,
    /// Tokens whose secret cannot be had here, and why: of who only asks a monitor. Who runs one has all of them.
    pub unread: BTreeMap<Name, String>,
}

/// One token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenConfig {
    /// Who.
    pub name: Name,
    /// May do what.
    pub role: Role,
    /// At least 128 bits.
    pub secret: Secret,
}

/// What a token may do; each includes the ones before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Read.
    Read,
    /// Change what concerns alerts.
    Operate,
    /// Change what concerns money.
    Approve,
}

impl Role {
    /// The word in the config.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Operate => "operate",
            Self::Approve => "approve",
        }
    }
}

/// The store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreConfig {
    /// The database file, absolute.
    pub path: PathBuf,
    /// How long delivered bodies, attempts and closed alerts are kept.
    pub keep_outbox: Option<Duration>,
    /// How long settled transfers are kept; `None` is for ever.
    pub keep_transfers: Option<Duration>,
}
