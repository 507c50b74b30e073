//! Coinbase Exchange's ticker: what its frames mean, pair by pair. Sans-io: the socket is `net`'s.
//!
//! A live socket is not a live feed: each pair has its own acknowledgement, its own first price and its own heartbeat, with a
//! deadline each. A pair that the venue rejects is dead and said so; it is not asked again on every connection, and its
//! neighbours go on. A price is handed on only when it is newer than the last by the venue's own sequence and time, so that a
//! repeated or late frame never makes an old price look current. Never waits: prices go to slots that hold the newest.

use super::report::Reporter;
use crate::net::{Protocol, Verdict};
use crate::reactor::event::{Event, SourceState, Tick};
use crate::sources::queue::Newest;
use crate::telemetry::Tally;
use crate::types::{Name, Pair, Timestamp};
use crate::wire::tickers::{self, Frame};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::Instant;

/// Coinbase drops a connection that has not subscribed within 5 s (facts/streams.md §1); acknowledgements come at once.
pub(super) const ACK_WITHIN: Duration = Duration::from_secs(5);
/// A ticker begins with the last trade; without one by then the pair is said to be silent.
pub(super) const FIRST_PRICE_WITHIN: Duration = Duration::from_secs(10);
/// Heartbeats come once a second and pair.
pub(super) const HEARTBEAT_WITHIN: Duration = Duration::from_secs(10);
/// A pair without heartbeat is subscribed again this often.
const RESUBSCRIBE_EVERY: Duration = Duration::from_mins(1);
/// A rejected pair is asked for again on a connection made this much later: it may have been listed since.
const REJECTED_FOR: Duration = Duration::from_hours(1);
/// Frames in a row that cannot be read, after which the connection is of no use.
const MOST_JUNK: u32 = 10;
/// Subscriptions in one connection's beginning: the venue takes 100 messages a second from an address.
const MOST_FRAMES: usize = 50;

/// Where a pair stands on the present connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// Subscribed, not acknowledged. `again`: asked for a second time, by itself.
    Asked { since: Instant, again: bool },
    /// Acknowledged; no price yet.
    Acknowledged { since: Instant },
    /// Prices come.
    Priced,
    /// Acknowledged, but without a first price, or not acknowledged at all: said once, and listened to all the same.
    Silent,
    /// Refused by the venue.
    Rejected { since: Instant },
}

#[derive(Debug)]
struct PairFeed {
    slot: Newest,
    standing: Standing,
    /// Highest sequence on this connection.
    sequence: Option<u64>,
    /// Venue's time of the last price that was handed on, on any connection.
    time: Option<Timestamp>,
    /// When it last gave a sign of life.
    sign: Instant,
    /// When it was last subscribed again for want of one.
    resubscribed: Option<Instant>,
    /// That it has no price was said, and no price came since.
    quiet: bool,
}

impl PairFeed {
    /// Says, once, that the last price is not known to hold: neighbours may go on, and the feed with them.
    fn go_quiet(&mut self, feed: &Name, pair: &Pair) {
        if !std::mem::replace(&mut self.quiet, true) {
            // A new subscription begins with the last trade, which may be the one that was handed on: it holds again then.
            self.sequence = None;
            self.slot.put(Event::Quiet { feed: feed.clone(), pair: pair.clone() });
        }
    }
}

/// The protocol of one feed.
#[derive(Debug)]
pub struct Coinbase {
    feed: Name,
    pairs: BTreeMap<Pair, PairFeed>,
    reporter: Reporter,
    tally: Tally,
    subscribed: bool,
    junk: u32,
    checked: Instant,
}

impl Coinbase {
    /// For these pairs, each with the slot for its prices.
    #[must_use]
    pub fn new(
        feed: Name,
        slots: impl IntoIterator<Item = (Pair, Newest)>,
        reporter: Reporter,
        tally: Tally,
        now: Instant,
    ) -> Self {
        let pair = |(pair, slot)| {
            let standing = Standing::Asked { since: now, again: false };
            (pair, PairFeed { slot, standing, sequence: None, time: None, sign: now, resubscribed: None, quiet: false })
        };
        let pairs = slots.into_iter().map(pair).collect();
        Self { feed, pairs, reporter, tally, subscribed: false, junk: 0, checked: now }
    }

    fn take(&mut self, frame: Frame, now: Instant, verdicts: &mut Vec<Verdict>) {
        match frame {
            Frame::Ack { pairs } => {
                let acknowledged = pairs.get("ticker").map(Vec::as_slice).unwrap_or_default();
                let mut any = false;
                for pair in acknowledged {
                    any |= self.acknowledge(pair, now);
                }
                if any {
                    self.say_subscribed(verdicts);
                }
            }
            Frame::Tick(tick) => self.tick(tick, now, verdicts),
            Frame::Heartbeat { pair, time: _ } => {
                if let Some(feed) = self.pairs.get_mut(&pair) {
                    feed.sign = now;
                }
                verdicts.push(Verdict::Chatter);
            }
            Frame::Error { message, reason } => self.error(message.as_str(), reason.as_str(), now, verdicts),
            Frame::Other => verdicts.push(Verdict::Chatter),
        }
    }

    /// Says whether the pair is one of ours.
    fn acknowledge(&mut self, pair: &Pair, now: Instant) -> bool {
        let Some(feed) = self.pairs.get_mut(pair) else { return false };
        match feed.standing {
            Standing::Asked { .. } | Standing::Rejected { .. } => {
                feed.standing = Standing::Acknowledged { since: now };
                feed.sign = now;
            }
            Standing::Acknowledged { .. } | Standing::Priced | Standing::Silent => {}
        }
        true
    }

    fn say_subscribed(&mut self, verdicts: &mut Vec<Verdict>) {
        if !std::mem::replace(&mut self.subscribed, true) {
            verdicts.push(Verdict::Subscribed);
        }
    }

    fn tick(&mut self, tick: tickers::Tick, now: Instant, verdicts: &mut Vec<Verdict>) {
        let Some(feed) = self.pairs.get_mut(&tick.pair) else {
            return self.tally.frame_dropped(&self.feed, "stranger");
        };
        feed.sign = now;
        if feed.sequence.is_some_and(|last| tick.sequence <= last) {
            return self.tally.frame_dropped(&self.feed, "sequence");
        }
        // The first price of a pair without trades has no time: how old it is cannot be told.
        let Some(time) = tick.time else { return self.tally.frame_dropped(&self.feed, "no_time") };
        feed.sequence = Some(tick.sequence);
        if feed.time.is_some_and(|last| time < last) {
            return self.tally.frame_dropped(&self.feed, "older");
        }
        feed.time = Some(time);
        feed.standing = Standing::Priced;
        feed.quiet = false;
        let event = Tick { feed: self.feed.clone(), pair: tick.pair, price: tick.price, time };
        feed.slot.put(Event::Tick(event));
        self.say_subscribed(verdicts);
        verdicts.push(Verdict::Useful);
        self.reporter.say(SourceState::Fresh);
    }

    /// A subscription was refused. The venue names the pair in its words, nowhere else.
    fn error(&mut self, message: &str, reason: &str, now: Instant, verdicts: &mut Vec<Verdict>) {
        let named = |pair: &Pair| [message, reason].iter().any(|text| names(text, pair.as_str()));
        let mut found = false;
        for (pair, feed) in self.pairs.iter_mut().filter(|(pair, _)| named(pair)) {
            found = true;
            if !matches!(feed.standing, Standing::Rejected { .. }) {
                feed.standing = Standing::Rejected { since: now };
                feed.go_quiet(&self.feed, pair);
                self.tally.pair_silent(&self.feed, pair, "rejected");
                tracing::error!(feed = %self.feed, %pair, reason, "the venue rejects this pair: it has no price from this feed");
            }
        }
        if !found {
            tracing::warn!(feed = %self.feed, message, reason, "the venue reports an error that names no pair of ours");
        }
        if self.pairs.values().all(|feed| matches!(feed.standing, Standing::Rejected { .. })) {
            verdicts.push(Verdict::Rejected { detail: "every pair of this feed was rejected".into() });
        }
    }

    /// Looks at every pair's deadlines. Frames come at least once a second while heartbeats do; when nothing comes at all, the
    /// socket's own deadlines strike.
    fn check_deadlines(&mut self, now: Instant, verdicts: &mut Vec<Verdict>) {
        for (pair, feed) in &mut self.pairs {
            match feed.standing {
                Standing::Asked { since, again: false } if now - since > ACK_WITHIN => {
                    feed.standing = Standing::Asked { since: now, again: true };
                    verdicts.push(Verdict::Send(tickers::subscribe(std::slice::from_ref(pair))));
                }
                Standing::Asked { since, again: true } if now - since > ACK_WITHIN => {
                    feed.standing = Standing::Silent;
                    feed.go_quiet(&self.feed, pair);
                    self.tally.pair_silent(&self.feed, pair, "unacknowledged");
                    tracing::error!(feed = %self.feed, %pair, "the venue does not acknowledge this pair: it has no price from this feed");
                }
                Standing::Acknowledged { since } if now - since > FIRST_PRICE_WITHIN => {
                    feed.standing = Standing::Silent;
                    feed.go_quiet(&self.feed, pair);
                    self.tally.pair_silent(&self.feed, pair, "no_first_price");
                    tracing::warn!(feed = %self.feed, %pair, "subscribed, but no price has come");
                }
                Standing::Acknowledged { .. } | Standing::Priced | Standing::Silent
                    if now - feed.sign > HEARTBEAT_WITHIN =>
                {
                    feed.go_quiet(&self.feed, pair);
                    if feed.resubscribed.is_some_and(|last| now - last <= RESUBSCRIBE_EVERY) {
                        continue;
                    }
                    feed.resubscribed = Some(now);
                    self.tally.pair_silent(&self.feed, pair, "no_heartbeat");
                    tracing::warn!(feed = %self.feed, %pair, "this pair went silent beside live ones: subscribed again");
                    verdicts.push(Verdict::Send(tickers::subscribe(std::slice::from_ref(pair))));
                }
                // It lives again, and its price is not known yet: the answer to a new subscription tells it.
                Standing::Priced
                    if feed.quiet && feed.resubscribed.is_none_or(|last| now - last > RESUBSCRIBE_EVERY) =>
                {
                    feed.resubscribed = Some(now);
                    verdicts.push(Verdict::Send(tickers::subscribe(std::slice::from_ref(pair))));
                }
                Standing::Asked { .. }
                | Standing::Acknowledged { .. }
                | Standing::Priced
                | Standing::Silent
                | Standing::Rejected { .. } => {}
            }
        }
    }
}

impl Protocol for Coinbase {
    fn connected(&mut self, now: Instant, verdicts: &mut Vec<Verdict>) {
        self.subscribed = false;
        self.junk = 0;
        self.checked = now;
        let all_rejected = self.pairs.values().all(|feed| matches!(feed.standing, Standing::Rejected { .. }));
        let mut asked = Vec::new();
        for (pair, feed) in &mut self.pairs {
            if let Standing::Rejected { since } = feed.standing
                && now - since < REJECTED_FOR
                && !all_rejected
            {
                continue;
            }
            feed.standing = Standing::Asked { since: now, again: false };
            feed.sequence = None;
            feed.sign = now;
            feed.resubscribed = None;
            feed.quiet = false;
            asked.push(pair.clone());
        }
        // Each pair in a frame of its own, so that a rejected one takes no neighbour with it; beyond 50 in small groups.
        for group in asked.chunks(asked.len().div_ceil(MOST_FRAMES).max(1)) {
            verdicts.push(Verdict::Send(tickers::subscribe(group)));
        }
    }

    fn frame(&mut self, text: &str, now: Instant, verdicts: &mut Vec<Verdict>) {
        if let Ok(frame) = tickers::parse_frame(text) {
            self.junk = 0;
            self.take(frame, now, verdicts);
        } else {
            self.tally.frame_dropped(&self.feed, "junk");
            self.junk += 1;
            if self.junk >= MOST_JUNK {
                verdicts.push(Verdict::Broken { detail: "frames that cannot be read".into() });
            }
        }
        if now - self.checked >= Duration::from_secs(1) {
            self.checked = now;
            self.check_deadlines(now, verdicts);
        }
    }
}

/// Whether the text names the pair as a word of its own: `BTC-USD` is not named by `WBTC-USDC`.
fn names(text: &str, pair: &str) -> bool {
    let inside = |c: char| c.is_ascii_alphanumeric() || c == '-';
    text.split(|c| !inside(c)).any(|word| word == pair)
}
