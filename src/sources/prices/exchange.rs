//! What the frames of a venue mean, pair by pair: the protocol of one connection. Sans-io: the socket is `net`'s.
//!
//! A live socket is not a live feed: each pair has its own acknowledgement and its own first price, with a deadline each, and is asked for
//! again when it gives none for a while. A pair that the venue rejects is dead and said so; it is not asked again on every connection, and
//! its neighbours go on. A price is handed on only when it is newer than the last by the venue's own sequence and time, so that a repeated
//! or late frame never makes an old price look current. Never waits: prices go to slots that hold the newest.

use super::dialect::{ACK_WITHIN, Dialect};
use super::outlet::Outlet;
use super::relay::Shift;
use super::report::Reporter;
use crate::net::{Protocol, Verdict};
use crate::reactor::event::{NoPrice, SourceState};
use crate::sources::WallClock;
use crate::telemetry::Tally;
use crate::types::{Name, Pair};
use crate::wire::tickers::{Frame, Tick};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::Instant;

/// A subscription begins with the last price; without one by then the pair is said to be silent.
pub(super) const FIRST_PRICE_WITHIN: Duration = Duration::from_secs(10);
/// A pair without a price for this long is asked for again: where the venue answers with its last one, that one holds.
const CONFIRM_AFTER: Duration = Duration::from_mins(1);
/// A price that nothing has confirmed for this long, the time for an answer included, is not known to hold.
const HOLDS_FOR: Duration = Duration::from_secs(75);
/// A pair is asked for again no more often than this.
const ASK_EVERY: Duration = Duration::from_mins(1);
/// A rejected pair is asked for again on a connection made this much later: it may have been listed since.
const REJECTED_FOR: Duration = Duration::from_hours(1);
/// A price that is dated this much ahead of our clock is not taken: clocks that anybody sets differ by seconds (facts name no venue's
/// bound), and its age could not be told.
const MOST_AHEAD: Duration = Duration::from_mins(1);
/// Frames in a row that cannot be read, after which the connection is of no use.
const MOST_JUNK: u32 = 10;

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
    outlet: Outlet,
    standing: Standing,
    /// Highest sequence of a price that was taken on this connection.
    sequence: Option<u64>,
    /// When it last gave a sign of life.
    sign: Instant,
    /// When it last gave a price.
    told: Instant,
    /// When it was last asked for again.
    asked: Option<Instant>,
    /// That it has no price was said, and no price came since.
    quiet: bool,
    /// What came since the last price is dated ahead.
    ahead: bool,
}

impl PairFeed {
    /// Why it has no price: what this says, where no more is known.
    fn silence(&self, why: NoPrice) -> NoPrice {
        if self.ahead { NoPrice::Ahead } else { why }
    }

    /// Says, once, that the last price is not known to hold: neighbours may go on, and the feed with them. Gives whether it was said now.
    fn go_quiet(&mut self, shift: &Shift, feed: &Name, pair: &Pair, why: NoPrice) -> bool {
        if self.quiet || !self.outlet.quiet(shift, feed, pair, why) {
            return false;
        }
        // A new subscription begins with the last trade, which may be the one that was handed on: it holds again then.
        self.sequence = None;
        self.quiet = true;
        true
    }
}

/// The protocol of one connection of a feed.
#[derive(Debug)]
pub(super) struct Exchange {
    feed: Name,
    dialect: Dialect,
    pairs: BTreeMap<Pair, PairFeed>,
    shift: Shift,
    reporter: Reporter,
    tally: Tally,
    clock: Clock,
    subscribed: bool,
    junk: u32,
}

/// The wall clock, which has nothing to print.
struct Clock(WallClock);

impl std::fmt::Debug for Clock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Clock")
    }
}

impl Exchange {
    /// For these pairs, each with the way for its prices.
    pub(super) fn new(
        (feed, dialect): (Name, Dialect),
        outlets: impl IntoIterator<Item = (Pair, Outlet)>,
        (shift, reporter): (Shift, Reporter),
        tally: Tally,
        clock: WallClock,
        now: Instant,
    ) -> Self {
        let pair = |(pair, outlet)| {
            let standing = Standing::Asked { since: now, again: false };
            let (quiet, ahead) = (false, false);
            (pair, PairFeed { outlet, standing, sequence: None, sign: now, told: now, asked: None, quiet, ahead })
        };
        let pairs = outlets.into_iter().map(pair).collect();
        Self { feed, dialect, pairs, shift, reporter, tally, clock: Clock(clock), subscribed: false, junk: 0 }
    }

    fn take(&mut self, frame: Frame, now: Instant, verdicts: &mut Vec<Verdict>) {
        match frame {
            Frame::Ack { pairs } => {
                let mut any = false;
                for pair in &pairs {
                    any |= self.acknowledge(pair, now);
                }
                if any {
                    self.say_subscribed(verdicts);
                }
            }
            Frame::Tick(tick) => self.tick(tick, now, verdicts),
            Frame::Ticks(ticks) => {
                for tick in ticks {
                    self.tick(tick, now, verdicts);
                }
            }
            Frame::Heartbeat { pair } => {
                if let Some(feed) = pair.and_then(|pair| self.pairs.get_mut(&pair)) {
                    feed.sign = now;
                }
                verdicts.push(Verdict::Chatter);
            }
            Frame::Error { pairs, message, reason } => {
                self.error(&pairs, message.as_str(), reason.as_str(), now, verdicts);
            }
            Frame::Venue { words, well } => {
                if !well {
                    let words = words.as_str();
                    tracing::warn!(feed = %self.feed, words, "the venue says of itself that it does not work as usual");
                }
                verdicts.push(Verdict::Chatter);
            }
            Frame::Leaving => verdicts.push(Verdict::Leaving),
            Frame::Answered { .. } | Frame::Other => verdicts.push(Verdict::Chatter),
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

    fn tick(&mut self, tick: Tick, now: Instant, verdicts: &mut Vec<Verdict>) {
        let Some(feed) = self.pairs.get_mut(&tick.pair) else {
            return self.tally.frame_dropped(&self.feed, "stranger");
        };
        feed.sign = now;
        if let (Some(last), Some(sequence)) = (feed.sequence, tick.sequence)
            && sequence <= last
        {
            return self.tally.frame_dropped(&self.feed, "sequence");
        }
        let ours = (self.clock.0)();
        // How old the last trade of a pair without trades is cannot be told.
        let Some(time) = tick.time.or_else(|| self.dialect.says_at_once().then_some(ours)) else {
            return self.tally.frame_dropped(&self.feed, "no_time");
        };
        if time > ours.after(MOST_AHEAD) {
            feed.ahead = true;
            return self.tally.frame_dropped(&self.feed, "ahead");
        }
        // A time somewhat ahead of ours is now: else what follows, by a clock that was set right, would look old.
        if !feed.outlet.price(&self.feed, &tick.pair, tick.price, time.min(ours)) {
            return self.tally.frame_dropped(&self.feed, "older");
        }
        // What is not taken moves nothing: else a frame out of order would make those look repeated that follow it.
        feed.sequence = tick.sequence.or(feed.sequence);
        feed.told = now;
        feed.standing = Standing::Priced;
        (feed.quiet, feed.ahead) = (false, false);
        self.say_subscribed(verdicts);
        verdicts.push(Verdict::Useful);
        self.shift.has_a_price();
        self.reporter.say(SourceState::Fresh);
    }

    /// Something was refused: the pairs that were named, or nobody knows what.
    fn error(&mut self, pairs: &[Pair], message: &str, reason: &str, now: Instant, verdicts: &mut Vec<Verdict>) {
        let mut found = false;
        for pair in pairs {
            let Some(feed) = self.pairs.get_mut(pair) else { continue };
            found = true;
            if !matches!(feed.standing, Standing::Rejected { .. }) {
                feed.standing = Standing::Rejected { since: now };
                feed.go_quiet(&self.shift, &self.feed, pair, NoPrice::Rejected);
                self.tally.pair_silent(&self.feed, pair, NoPrice::Rejected);
                tracing::error!(feed = %self.feed, %pair, message, reason, "the venue rejects this pair: it has no price from this feed");
            }
        }
        if !found {
            tracing::warn!(feed = %self.feed, message, reason, "the venue reports an error that names no pair of ours");
        }
        if self.pairs.values().all(|feed| matches!(feed.standing, Standing::Rejected { .. })) {
            verdicts.push(Verdict::Rejected { detail: "every pair of this feed was rejected".into() });
        }
    }

    /// Looks at the deadlines of a pair. Gives whether it is to be asked for again.
    fn check(&mut self, pair: &Pair, now: Instant) -> bool {
        let Some(feed) = self.pairs.get_mut(pair) else { return false };
        let past = |since: Instant, within: Duration| now.saturating_duration_since(since) > within;
        let silent = |why| self.tally.pair_silent(&self.feed, pair, why);
        match feed.standing {
            Standing::Asked { since, again: false } if past(since, ACK_WITHIN) => {
                feed.standing = Standing::Asked { since: now, again: true };
                return true;
            }
            Standing::Asked { since, again: true } if past(since, ACK_WITHIN) => {
                feed.standing = Standing::Silent;
                feed.go_quiet(&self.shift, &self.feed, pair, NoPrice::Unacknowledged);
                silent(NoPrice::Unacknowledged);
                tracing::error!(feed = %self.feed, %pair, "the venue does not acknowledge this pair: it has no price from this feed");
                return false;
            }
            Standing::Acknowledged { since } if past(since, FIRST_PRICE_WITHIN) => {
                feed.standing = Standing::Silent;
                let why = feed.silence(NoPrice::NoFirstPrice);
                feed.go_quiet(&self.shift, &self.feed, pair, why);
                silent(why);
                tracing::warn!(feed = %self.feed, %pair, why = why.words(), "subscribed, but no price has come");
                return false;
            }
            Standing::Asked { .. } => return false,
            Standing::Rejected { .. } => {
                feed.go_quiet(&self.shift, &self.feed, pair, NoPrice::Rejected);
                return false;
            }
            Standing::Acknowledged { .. } | Standing::Priced | Standing::Silent => {}
        }
        let dead = self.dialect.heartbeat_within().is_some_and(|within| past(feed.sign, within));
        let unconfirmed = feed.standing == Standing::Priced && past(feed.told, HOLDS_FOR);
        let why = if dead { NoPrice::NoHeartbeat } else { feed.silence(NoPrice::Unconfirmed) };
        let silence = dead || unconfirmed || feed.standing == Standing::Silent;
        if silence && feed.go_quiet(&self.shift, &self.feed, pair, why) {
            silent(why);
            let why = why.words();
            tracing::warn!(feed = %self.feed, %pair, why, "this pair went silent beside live ones: its price is unknown, it is asked for again");
        }
        let wanted = feed.quiet || (feed.standing == Standing::Priced && past(feed.told, CONFIRM_AFTER));
        let due = wanted && feed.asked.is_none_or(|asked| past(asked, ASK_EVERY));
        if due {
            feed.asked = Some(now);
            feed.sequence = None;
        }
        due
    }
}

impl Protocol for Exchange {
    fn connected(&mut self, now: Instant, verdicts: &mut Vec<Verdict>) {
        self.subscribed = false;
        self.junk = 0;
        self.dialect.connected();
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
            (feed.sign, feed.told) = (now, now);
            feed.asked = None;
            (feed.quiet, feed.ahead) = (false, false);
            asked.push(pair.clone());
        }
        verdicts.extend(self.dialect.ask(&asked, false).into_iter().map(Verdict::Send));
    }

    fn frame(&mut self, text: &str, now: Instant, verdicts: &mut Vec<Verdict>) {
        if let Ok(frame) = self.dialect.read(text) {
            self.junk = 0;
            self.take(frame, now, verdicts);
            verdicts.extend(self.dialect.ask_apart().into_iter().map(Verdict::Send));
        } else {
            self.tally.frame_dropped(&self.feed, "junk");
            self.junk += 1;
            if self.junk >= MOST_JUNK {
                verdicts.push(Verdict::Broken { detail: "frames that cannot be read".into() });
            }
        }
    }

    /// Pairs have deadlines of their own. When nothing comes at all, the socket's own strike.
    fn look(&mut self, now: Instant, verdicts: &mut Vec<Verdict>) {
        let pairs: Vec<Pair> = self.pairs.keys().cloned().collect();
        let again: Vec<Pair> = pairs.into_iter().filter(|pair| self.check(pair, now)).collect();
        if !again.is_empty() {
            verdicts.extend(self.dialect.ask(&again, true).into_iter().map(Verdict::Send));
        }
    }
}
