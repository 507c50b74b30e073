//! How each venue is asked and answers, and how long it may be silent: all that the venues' protocols differ in.

use crate::config::checked::FeedKind;
use crate::net::socket::{Timing, status_words};
use crate::types::{Pair, Untrusted};
use crate::wire::Fault;
use crate::wire::tickers::{Frame, binance, coinbase, kraken};
use std::collections::BTreeMap;
use std::time::Duration;

/// Coinbase drops a connection that has not subscribed within 5 s (facts/streams.md §1); acknowledgements come at once, at all venues.
pub(super) const ACK_WITHIN: Duration = Duration::from_secs(5);
/// Coinbase's heartbeats come once a second and pair.
pub(super) const HEARTBEAT_WITHIN: Duration = Duration::from_secs(10);
/// Kraken says something at least once a second, of prices or that it lives; its own advice is 5 s.
const KRAKEN_SILENCE: Duration = Duration::from_secs(8);
/// Binance pings every 20 s.
const BINANCE_SILENCE: Duration = Duration::from_secs(45);
/// A feed without a price of any pair for this long is stale; it is replaced after another minute.
const PRICE_WITHIN: Duration = Duration::from_secs(90);
/// Between two looks at the deadlines of pairs.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Binance cuts every connection after 24 h: one is old before that, by up to half an hour more so that not all go at once.
pub(super) const BINANCE_OLD: Duration = Duration::from_hours(23);
/// An old connection that no successor took over from is left by itself.
const BINANCE_LIFE: Duration = Duration::from_mins(23 * 60 + 50);
/// Subscriptions in one connection's beginning at Coinbase, where each pair has a frame of its own: 100 messages a second are taken from an
/// address, and five seconds are given.
const COINBASE_FRAMES: usize = 50;
/// Pairs in one frame at Kraken and Binance.
const PAIRS_A_FRAME: usize = 100;

/// One venue's way.
#[derive(Debug)]
pub(super) enum Dialect {
    /// Coinbase Exchange.
    Coinbase,
    /// Kraken, the second version of its socket.
    Kraken,
    /// Binance spot.
    Binance(Binance),
}

/// What has to be remembered to understand Binance.
#[derive(Debug, Default)]
pub(super) struct Binance {
    by_symbol: BTreeMap<String, Pair>,
    requests: u64,
    /// The pairs of the requests that are not answered yet.
    asked: BTreeMap<u64, Vec<Pair>>,
    /// The pairs of a request that was refused, not all of them rightly.
    refused: Vec<Pair>,
}

impl Dialect {
    /// Of a venue, for these pairs.
    pub(super) fn new<'a>(kind: FeedKind, pairs: impl Iterator<Item = &'a Pair>) -> Self {
        match kind {
            FeedKind::Coinbase => Self::Coinbase,
            FeedKind::Kraken => Self::Kraken,
            FeedKind::Binance => {
                let by_symbol = pairs.map(|pair| (binance::symbol(pair), pair.clone())).collect();
                Self::Binance(Binance { by_symbol, ..Binance::default() })
            }
        }
    }

    /// The patience of its socket. `spread` is any number, so that connections do not all age at once.
    pub(super) fn timing(&self, spread: u64) -> Timing {
        let usual = Timing {
            subscribe: ACK_WITHIN,
            useful_within: PRICE_WITHIN,
            look_every: Some(LOOK_EVERY),
            ..Timing::default()
        };
        let millis = Duration::from_millis;
        match self {
            // 100 messages a second, 8 connections a second and address.
            Self::Coinbase => Timing {
                silence: HEARTBEAT_WITHIN,
                text_spacing: millis(20),
                connect_spacing: Duration::from_secs(1),
                ..usual
            },
            // 20 messages a second, and about 150 connections in ten minutes.
            Self::Kraken => Timing {
                silence: KRAKEN_SILENCE,
                text_spacing: millis(100),
                connect_spacing: Duration::from_secs(5),
                ..usual
            },
            // 5 messages a second, pings and pongs included; 300 connections in five minutes.
            Self::Binance(_) => Timing {
                silence: BINANCE_SILENCE,
                text_spacing: millis(400),
                connect_spacing: Duration::from_secs(2),
                ages_after: Some(BINANCE_OLD + Duration::from_secs(spread % 1_800)),
                longest_life: Some(BINANCE_LIFE),
                ..usual
            },
        }
    }

    /// How long a pair may give no sign of life, where it has one besides its prices.
    pub(super) const fn heartbeat_within(&self) -> Option<Duration> {
        match self {
            Self::Coinbase => Some(HEARTBEAT_WITHIN),
            Self::Kraken | Self::Binance(_) => None,
        }
    }

    /// Whether a price without a time is of the moment it comes: a ticker that is pushed with every change is, a last trade of whenever is not.
    pub(super) const fn says_at_once(&self) -> bool {
        match self {
            Self::Kraken => true,
            Self::Coinbase | Self::Binance(_) => false,
        }
    }

    /// A new connection: what was asked on the old one will not be answered.
    pub(super) fn connected(&mut self) {
        if let Self::Binance(binance) = self {
            binance.asked.clear();
            binance.refused.clear();
        }
    }

    /// The frames that ask for these pairs; `again` where they may be subscribed to, and are to be begun anew.
    pub(super) fn ask(&mut self, pairs: &[Pair], again: bool) -> Vec<String> {
        match self {
            // A rejected pair takes no neighbour with it: a frame each, beyond that in small groups.
            Self::Coinbase => {
                pairs.chunks(pairs.len().div_ceil(COINBASE_FRAMES).max(1)).map(coinbase::subscribe).collect()
            }
            Self::Kraken => {
                let off = again.then_some(true).into_iter();
                let frames = |pairs| off.clone().chain([false]).map(move |off| kraken::subscribe(pairs, off));
                pairs.chunks(PAIRS_A_FRAME).flat_map(frames).collect()
            }
            Self::Binance(binance) => binance.ask(pairs, again),
        }
    }

    /// The frames that ask for one half and for the other of what was refused together: one bad pair among a hundred is found in seven
    /// steps, and the first of them lets half of the others live before the connection is given up.
    pub(super) fn ask_apart(&mut self) -> Vec<String> {
        let Self::Binance(binance) = self else { return Vec::new() };
        let pairs = std::mem::take(&mut binance.refused);
        let (one, other) = pairs.split_at(pairs.len() / 2);
        [one, other].into_iter().flat_map(|half| binance.ask(half, false)).collect()
    }

    /// Reads a frame. What a venue answers by number alone is given back with the pairs.
    pub(super) fn read(&mut self, text: &str) -> Result<Frame, Fault> {
        match self {
            Self::Coinbase => coinbase::parse(text),
            Self::Kraken => kraken::parse(text),
            Self::Binance(binance) => {
                let frame = binance::parse(text, |symbol| binance.by_symbol.get(symbol).cloned())?;
                let Frame::Answered { request, refused } = frame else { return Ok(frame) };
                let pairs = binance.asked.remove(&request).unwrap_or_default();
                Ok(match refused {
                    None => Frame::Ack { pairs },
                    // Of several nobody knows which was meant.
                    Some(message) if pairs.len() > 1 => {
                        binance.refused = pairs;
                        Frame::Error { pairs: Vec::new(), message, reason: Untrusted::default() }
                    }
                    Some(message) => Frame::Error { pairs, message, reason: Untrusted::default() },
                })
            }
        }
    }
}

impl Binance {
    fn ask(&mut self, pairs: &[Pair], again: bool) -> Vec<String> {
        let mut frames = Vec::new();
        // What was not answered the first time is asked for one by one.
        let size = if again { 1 } else { PAIRS_A_FRAME };
        for pairs in pairs.chunks(size) {
            if again {
                self.requests += 1;
                frames.push(binance::subscribe(pairs, true, self.requests));
            }
            self.requests += 1;
            self.asked.insert(self.requests, pairs.to_vec());
            frames.push(binance::subscribe(pairs, false, self.requests));
        }
        frames
    }
}

/// What to do about an upgrade that was refused with this status: a venue asks for no key, so it is the place or the pace.
pub(super) fn refused_words(kind: FeedKind, status: u16) -> String {
    let (venue, others) = match kind {
        FeedKind::Coinbase => ("Coinbase", "kraken"),
        FeedKind::Kraken => ("Kraken", "coinbase"),
        FeedKind::Binance => ("Binance", "coinbase or kraken"),
    };
    match status {
        451 => format!(
            "HTTP 451; {venue} does not serve this country or data centre: ask another venue (kind = \"{others}\" has much the same pairs), or \
             set `url` to a server that may be asked from here"
        ),
        403 => format!(
            "HTTP 403; {venue} turns this address away, for its place or for too many connections: it is asked again, later and later; \
             a second [[feed]] (kind = \"{others}\") keeps the pair known meanwhile"
        ),
        _ => status_words(status),
    }
}
