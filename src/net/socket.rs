//! The supervised WebSocket: one future that keeps a connection alive, or says why it is not.
//!
//! Connecting (one deadline over name, TCP, TLS and upgrade) → subscribing (until the protocol says so) → live → stale
//! (connected, but nothing useful comes) → backing off, for ever, until cancelled. Each change is given to the caller.
//! What the words on the wire mean is the caller's `Protocol`; when to give up is `machine`, which is pure.
//!
//! Never waits for a consumer: the protocol is a synchronous handler, and what it hands on goes to newest-only slots or
//! bounded queues of the caller's. Never waits for a closing handshake: a socket that is given up is dropped. Never
//! shows its url: no state, reason or detail holds it. Never ends by itself, however often it fails.

mod dial;
mod endpoint;
mod machine;
mod supervisor;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_tcp;
mod words;

pub use dial::{Dial, TcpDial};
pub(in crate::net) use dial::{PER_ADDRESS, alternated};
pub use endpoint::{BadEndpoint, Endpoint};
pub use supervisor::supervise;
pub use words::status_words;

use std::time::Duration;
use tokio::time::Instant;

/// What the frames of one connection mean. Implemented by the sources; sans-io.
pub trait Protocol {
    /// A new connection stands; all that was known of an old one (subscription ids, pending answers) is void.
    /// Push `Verdict::Send` for each text to send, and `Verdict::Subscribed` if nothing will be acknowledged.
    fn connected(&mut self, now: Instant, verdicts: &mut Vec<Verdict>);

    /// A text frame came at `now`. Push what it means; pushing nothing means chatter. Must not block.
    fn frame(&mut self, text: &str, now: Instant, verdicts: &mut Vec<Verdict>);

    /// Comes every [`Timing::look_every`] while a connection stands, whether frames come or not: for deadlines of the protocol's own.
    fn look(&mut self, _now: Instant, _verdicts: &mut Vec<Verdict>) {}
}

/// What a protocol says of a frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// What the socket is there for: a price, a head, an answer. Keeps it from being stale, and earns forgiveness.
    Useful,
    /// Well-formed, but no sign that the subscription lives: a heartbeat, an acknowledgement.
    Chatter,
    /// All subscriptions that are needed are acknowledged: live.
    Subscribed,
    /// Send this text.
    Send(String),
    /// The other side refuses all that we asked for, for good: the connection is given up for long. What it refuses in
    /// part is the protocol's to remember, not this.
    Rejected {
        /// For people; is bounded, freed of control characters and of the url's parts before it is shown.
        detail: String,
    },
    /// The other side says that it will close soon: whoever can has another connection made before it does.
    Leaving,
    /// This connection is of no more use (junk, an error without an id): reconnect.
    Broken {
        /// As of `Rejected`.
        detail: String,
    },
}

/// Where a socket stands; given to the caller at every change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SocketState {
    /// An attempt begins.
    Connecting,
    /// The connection stands; the protocol's subscriptions are on their way. Requests may be sent from here on.
    Subscribing,
    /// Subscribed, and useful words come.
    Live,
    /// Connected, but nothing useful came for `Timing::useful_within`.
    Stale,
    /// It goes on, but not for long: it is as old as [`Timing::ages_after`] says, or the other side announced that it will close. Said once
    /// for each connection.
    Aging,
    /// Not connected; the next attempt is at `until`. Whoever waits for an answer waits in vain.
    BackingOff {
        /// When the next attempt begins.
        until: Instant,
        /// Why the connection ended.
        reason: Reason,
        /// What the protocol said of it, cleaned; empty otherwise.
        detail: String,
    },
    /// The upgrade was refused with this status, for other reasons than a server's trouble; the next attempt is late.
    Refused {
        /// When the next attempt begins.
        until: Instant,
        /// The status, 300 to 499.
        status: u16,
    },
    /// Cancelled: the last state.
    Stopped,
}

/// Why a connection ended. Closed, so that it can be a metric's label.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// No inbound frame of any kind for `Timing::silence`.
    Idle,
    /// Connected, but stale for too long: a subscription that died silently.
    Stale,
    /// Our ping was answered by nothing.
    PingTimeout,
    /// The other side does not take what we send.
    WriteTimeout,
    /// Closed or reset by the other side.
    Close,
    /// Junk, a binary frame, or what the protocol calls broken.
    Protocol,
    /// The protocol says: refused for good.
    Rejected,
    /// The host's name does not resolve.
    Name,
    /// TCP: no connection.
    Connect,
    /// The TLS handshake failed.
    Tls,
    /// TCP stands, but TLS and upgrade took too long.
    UpgradeTimeout,
    /// The answer to the upgrade is no WebSocket.
    Upgrade,
    /// Not subscribed in time.
    SubscribeTimeout,
    /// A frame or message above the limit.
    TooLarge,
    /// The upgrade was answered with this HTTP status.
    RefusedHttp(u16),
    /// Planned: the connection reached `Timing::longest_life`.
    Aged,
}

impl Reason {
    /// Every reason, with any status: for series that exist from the start.
    pub const ALL: [Self; 16] = [
        Self::Idle,
        Self::Stale,
        Self::PingTimeout,
        Self::WriteTimeout,
        Self::Close,
        Self::Protocol,
        Self::Rejected,
        Self::Name,
        Self::Connect,
        Self::Tls,
        Self::UpgradeTimeout,
        Self::Upgrade,
        Self::SubscribeTimeout,
        Self::TooLarge,
        Self::RefusedHttp(0),
        Self::Aged,
    ];

    /// The metric's label; closed.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Stale => "stale",
            Self::PingTimeout => "ping_timeout",
            Self::WriteTimeout => "write_timeout",
            Self::Close => "close",
            Self::Protocol => "protocol",
            Self::Rejected => "rejected",
            Self::Name => "name",
            Self::Connect => "connect",
            Self::Tls => "tls",
            Self::UpgradeTimeout => "upgrade_timeout",
            Self::Upgrade => "upgrade",
            Self::SubscribeTimeout => "subscribe_timeout",
            Self::TooLarge => "too_large",
            Self::RefusedHttp(_) => "refused_http",
            Self::Aged => "aged",
        }
    }
}

/// The patience of a socket (facts/streams.md §4 and §7).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    /// Over name, TCP, TLS and upgrade.
    pub connect: Duration,
    /// From the upgrade to `Verdict::Subscribed`.
    pub subscribe: Duration,
    /// Between our pings.
    pub ping_every: Duration,
    /// From our ping to any inbound frame.
    pub pong_within: Duration,
    /// From handing a text to the connection until it is written.
    pub write_within: Duration,
    /// Longest time without an inbound frame of any kind, pongs included. Below `ping_every` it demands that the other
    /// side speaks by itself (Kraken's heartbeats: 5–10 s).
    pub silence: Duration,
    /// Longest time without a useful word before it is stale.
    pub useful_within: Duration,
    /// How long a stale connection is kept before it is replaced.
    pub stale_for: Duration,
    /// Replace the connection at this age, before the venue does (Binance: 24 h); none: keep it.
    pub longest_life: Option<Duration>,
    /// Say at this age that it is aging, so that a successor stands before it goes; none: say nothing.
    pub ages_after: Option<Duration>,
    /// How often [`Protocol::look`] comes; none: never.
    pub look_every: Option<Duration>,
    /// Shortest time between two texts or pings of ours: some venues count them, and hang up.
    pub text_spacing: Duration,
    /// Shortest time between the beginnings of two attempts: some venues count them, and shut an address out.
    pub connect_spacing: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            subscribe: Duration::from_secs(5),
            ping_every: Duration::from_secs(15),
            pong_within: Duration::from_secs(10),
            write_within: Duration::from_secs(10),
            silence: Duration::from_secs(45),
            useful_within: Duration::from_mins(1),
            stale_for: Duration::from_mins(1),
            longest_life: None,
            ages_after: None,
            look_every: None,
            text_spacing: Duration::ZERO,
            connect_spacing: Duration::ZERO,
        }
    }
}

/// How much one connection may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Largest frame in bytes; what declares more is refused before it is read.
    pub frame: usize,
    /// Largest message in bytes, over all its frames.
    pub message: usize,
    /// Read and write buffer, allocated at once with each connection.
    pub buffer: usize,
}

impl Limits {
    /// For feeds: 1 MiB frames, 16 MiB messages (facts/reliability.md S11), 16 KiB buffers.
    pub const FEED: Self = Self { frame: 1 << 20, message: 16 << 20, buffer: 16 << 10 };
    /// For RPC: 64 MiB, also in one frame, since some nodes answer in one; 32 KiB buffers.
    pub const RPC: Self = Self { frame: 64 << 20, message: 64 << 20, buffer: 32 << 10 };
}

/// One socket's settings.
#[derive(Debug, Clone)]
pub struct SocketSettings {
    /// Where to.
    pub endpoint: Endpoint,
    /// Its patience.
    pub timing: Timing,
    /// Its limits.
    pub limits: Limits,
    /// Whom to trust.
    pub tls: super::Tls,
}
