//! When a socket pings, when it is stale, when it is given up and how long it then rests.
//!
//! Pure: time and random numbers are arguments; it knows no frame and no stream. It never forgives a connection for
//! having been made, only for a minute between its first and its last useful word.

use super::{Reason, SocketState, Timing};
use crate::net::{Backoff, Moment};
use std::time::Duration;
use tokio::time::Instant;

/// How a connection ended, or an attempt at one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ending {
    /// Why.
    pub(super) reason: Reason,
    /// What the protocol said of it.
    pub(super) detail: String,
    /// How long the other side asks us to stay away.
    pub(super) stay_away: Option<Duration>,
    /// Whether it was turned down rather than broken: then it rests for long.
    pub(super) turned_down: bool,
}

impl From<Reason> for Ending {
    fn from(reason: Reason) -> Self {
        let turned_down = match reason {
            // 5xx is the server's trouble and passes; the rest (quota, region, key, path) does not pass by insisting.
            Reason::RefusedHttp(status) => status < 500,
            Reason::Rejected => true,
            Reason::Idle
            | Reason::Stale
            | Reason::PingTimeout
            | Reason::WriteTimeout
            | Reason::Close
            | Reason::Protocol
            | Reason::Name
            | Reason::Connect
            | Reason::Tls
            | Reason::UpgradeTimeout
            | Reason::Upgrade
            | Reason::SubscribeTimeout
            | Reason::TooLarge
            | Reason::Aged => false,
        };
        Self { reason, detail: String::new(), stay_away: None, turned_down }
    }
}

/// What is to be done now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Due {
    /// Nothing before this moment.
    Nothing(Instant),
    /// Send a ping.
    Ping,
    /// Say that it is stale.
    Stale,
    /// Say that it is aging.
    Aging,
    /// Give the connection up.
    GiveUp(Reason),
}

/// One connection's clocks.
#[derive(Debug, Clone)]
struct Open {
    since: Instant,
    subscribed: bool,
    stale: bool,
    aging: bool,
    last_inbound: Instant,
    last_ping: Instant,
    unanswered_ping: Option<Instant>,
    /// From when usefulness is measured: the subscription, then each useful word.
    useful_clock: Instant,
    first_useful: Option<Instant>,
}

/// The state of one socket over all its connections.
#[derive(Debug, Clone)]
pub(super) struct Machine {
    timing: Timing,
    backoff: Backoff,
    open: Option<Open>,
    /// When the last attempt began.
    attempted: Option<Instant>,
}

impl Machine {
    pub(super) const fn new(timing: Timing) -> Self {
        Self { timing, backoff: Backoff::new(), open: None, attempted: None }
    }

    /// An attempt begins.
    pub(super) const fn attempts(&mut self, now: Instant) {
        self.attempted = Some(now);
    }

    /// The upgrade succeeded.
    pub(super) fn opened(&mut self, now: Instant) -> SocketState {
        self.open = Some(Open {
            since: now,
            subscribed: false,
            stale: false,
            aging: false,
            last_inbound: now,
            last_ping: now,
            unanswered_ping: None,
            useful_clock: now,
            first_useful: None,
        });
        SocketState::Subscribing
    }

    /// A frame of any kind came, a pong too.
    pub(super) fn inbound(&mut self, now: Instant) {
        if let Some(open) = &mut self.open {
            open.last_inbound = now;
            open.unanswered_ping = None;
        }
    }

    /// The protocol has all its acknowledgements.
    pub(super) fn subscribed(&mut self, now: Instant) -> Option<SocketState> {
        let open = self.open.as_mut().filter(|open| !open.subscribed)?;
        open.subscribed = true;
        open.useful_clock = now;
        Some(SocketState::Live)
    }

    /// Something useful came.
    pub(super) fn useful(&mut self, now: Instant) -> Option<SocketState> {
        let open = self.open.as_mut()?;
        open.useful_clock = now;
        open.first_useful.get_or_insert(now);
        let was_stale = std::mem::take(&mut open.stale);
        was_stale.then_some(SocketState::Live)
    }

    /// The other side says that it will close soon.
    pub(super) fn leaving(&mut self) -> Option<SocketState> {
        let open = self.open.as_mut().filter(|open| !open.aging)?;
        open.aging = true;
        Some(SocketState::Aging)
    }

    /// What is to be done at `now`. What it answers counts as done: a ping as sent, staleness as said.
    pub(super) fn due(&mut self, now: Instant) -> Due {
        let timing = self.timing;
        let Some(open) = &mut self.open else { return Due::Nothing(now.after(timing.connect)) };
        let stale_at = open.useful_clock.after(timing.useful_within);
        let mut fatal = vec![(open.last_inbound.after(timing.silence), Reason::Idle)];
        if let Some(pinged) = open.unanswered_ping {
            fatal.push((pinged.after(timing.pong_within), Reason::PingTimeout));
        }
        if open.subscribed {
            fatal.push((stale_at.after(timing.stale_for), Reason::Stale));
        } else {
            fatal.push((open.since.after(timing.subscribe), Reason::SubscribeTimeout));
        }
        if let Some(life) = timing.longest_life {
            fatal.push((open.since.after(life), Reason::Aged));
        }
        // `Reason`'s order breaks ties, so that the same times always give the same reason.
        if let Some((_, reason)) = fatal.iter().filter(|(at, _)| *at <= now).min() {
            return Due::GiveUp(*reason);
        }
        if open.subscribed && !open.stale && stale_at <= now {
            open.stale = true;
            return Due::Stale;
        }
        let ages_at = timing.ages_after.filter(|_| !open.aging).map(|age| open.since.after(age));
        if ages_at.is_some_and(|at| at <= now) {
            open.aging = true;
            return Due::Aging;
        }
        let ping_at = open.last_ping.after(timing.ping_every);
        if ping_at <= now {
            open.last_ping = now;
            open.unanswered_ping.get_or_insert(now);
            return Due::Ping;
        }
        let says_stale_at = (open.subscribed && !open.stale).then_some(stale_at);
        let next = fatal.into_iter().map(|(at, _)| at).chain(says_stale_at).chain(ages_at).fold(ping_at, Instant::min);
        Due::Nothing(next)
    }

    /// The connection, or the attempt at one, ended. Returns when the next attempt begins, and the state that says so.
    pub(super) fn ended(&mut self, now: Instant, ending: Ending, random: u64) -> (Instant, SocketState) {
        let useful = self.open.take().map_or(Duration::ZERO, |open| {
            open.first_useful.map_or(Duration::ZERO, |first| open.useful_clock.saturating_duration_since(first))
        });
        let wait = if ending.turned_down {
            self.backoff.refused(ending.stay_away, random)
        } else {
            let wait = self.backoff.failed(useful, random);
            wait.max(ending.stay_away.unwrap_or_default().min(crate::net::backoff::LONGEST_REFUSED))
        };
        let spaced = self.attempted.map_or(now, |began| began.after(self.timing.connect_spacing));
        let until = now.after(wait).max(spaced);
        let state = match ending.reason {
            Reason::RefusedHttp(status) if ending.turned_down => SocketState::Refused { until, status },
            reason => SocketState::BackingOff { until, reason, detail: ending.detail },
        };
        (until, state)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// Runs a machine to its end: every `every` seconds a frame comes that is useful or not. Tells when and why it ends.
    fn run(timing: Timing, subscribes: bool, every: Option<u32>, useful: bool) -> (u64, Reason, u32, u32) {
        let start = Instant::now();
        let mut machine = Machine::new(timing);
        machine.opened(start);
        if subscribes {
            assert_eq!(machine.subscribed(start), Some(SocketState::Live));
        }
        let (mut pings, mut stale) = (0, 0);
        for second in 0..100_000u32 {
            let now = start + SECOND * second;
            if every.is_some_and(|every| second % every == 0) {
                machine.inbound(now);
                if useful {
                    machine.useful(now);
                }
            }
            loop {
                match machine.due(now) {
                    Due::Nothing(next) => {
                        assert!(next > now);
                        break;
                    }
                    Due::Ping => pings += 1,
                    Due::Stale => stale += 1,
                    Due::Aging => {}
                    Due::GiveUp(reason) => return (u64::from(second), reason, pings, stale),
                }
            }
        }
        panic!("it never ends");
    }

    #[test]
    fn each_silence_has_its_deadline_and_its_reason() {
        let usual = Timing::default();
        let lively = Timing { silence: Duration::from_secs(8), ..usual };
        let aging = Timing { longest_life: Some(Duration::from_hours(1)), ..usual };
        // (timing, subscribes, a frame every s, useful) → (gives up at s, reason, pings, said stale)
        let cases = [
            ((usual, false, None, false), (5, Reason::SubscribeTimeout, 0, 0)),
            ((usual, false, Some(1), true), (5, Reason::SubscribeTimeout, 0, 0)),
            ((usual, true, None, false), (25, Reason::PingTimeout, 1, 0)),
            ((lively, true, None, false), (8, Reason::Idle, 0, 0)),
            ((usual, true, Some(5), false), (120, Reason::Stale, 7, 1)),
            ((aging, true, Some(5), true), (3_600, Reason::Aged, 239, 0)),
        ];
        for ((timing, subscribes, every, useful), expected) in cases {
            assert_eq!(run(timing, subscribes, every, useful), expected);
        }
    }

    #[test]
    fn a_stale_socket_is_live_again_with_the_first_useful_word() {
        let start = Instant::now();
        let mut machine =
            Machine::new(Timing { ping_every: SECOND * 1_000, silence: SECOND * 1_000, ..Timing::default() });
        machine.opened(start);
        machine.subscribed(start);
        assert_eq!(machine.useful(start), None);
        assert_eq!(machine.due(start + SECOND * 60), Due::Stale);
        assert!(matches!(machine.due(start + SECOND * 60), Due::Nothing(_)), "said once");
        assert_eq!(machine.useful(start + SECOND * 70), Some(SocketState::Live));
        assert_eq!(machine.due(start + SECOND * 129), Due::Nothing(start + SECOND * 130));
    }

    #[test]
    fn connections_that_end_at_once_are_not_hammered_and_useful_ones_are_forgiven() {
        let start = Instant::now();
        let mut machine = Machine::new(Timing::default());
        let mut waits = Vec::new();
        for _ in 0..10 {
            machine.opened(start);
            machine.subscribed(start);
            machine.useful(start);
            let (until, _) = machine.ended(start, Reason::Close.into(), u64::MAX);
            waits.push((until - start).as_millis());
        }
        assert_eq!(waits, [0, 499, 999, 1999, 3999, 7999, 15999, 31999, 59999, 59999]);
        machine.opened(start);
        machine.subscribed(start);
        machine.useful(start);
        machine.useful(start + SECOND * 60);
        let (until, _) = machine.ended(start + SECOND * 61, Reason::Close.into(), u64::MAX);
        assert_eq!(until, start + SECOND * 61);
    }

    #[test]
    fn attempts_keep_the_distance_that_a_venue_asks_for() {
        let start = Instant::now();
        let mut machine = Machine::new(Timing { connect_spacing: SECOND * 5, ..Timing::default() });
        machine.attempts(start);
        machine.opened(start);
        let (until, _) = machine.ended(start + SECOND, Reason::Close.into(), 0);
        assert_eq!(until, start + SECOND * 5, "the immediate retry is not that immediate");
        machine.attempts(until);
        machine.opened(until);
        let (until, _) = machine.ended(start + SECOND * 60, Reason::Close.into(), 0);
        assert_eq!(
            until,
            start + SECOND * 60 + crate::net::backoff::SHORTEST,
            "what lived for longer waits for nothing more"
        );
    }

    #[test]
    fn a_connection_says_once_that_it_is_aging_and_goes_on() {
        let start = Instant::now();
        let hour = Duration::from_hours(1);
        let patient = Timing { ages_after: Some(hour), ping_every: hour * 9, silence: hour * 9, ..Timing::default() };
        let mut machine = Machine::new(Timing { useful_within: hour * 9, ..patient });
        machine.opened(start);
        machine.subscribed(start);
        assert_eq!(machine.due(start), Due::Nothing(start + hour));
        assert_eq!(machine.due(start + hour), Due::Aging);
        assert!(matches!(machine.due(start + hour), Due::Nothing(_)), "said once");
        assert_eq!(machine.leaving(), None, "and not for another reason again");
        machine.opened(start + hour);
        assert_eq!(machine.leaving(), Some(SocketState::Aging));
    }

    #[test]
    fn a_refusal_rests_for_long_and_a_servers_trouble_does_not() {
        let now = Instant::now();
        for status in [301, 400, 401, 403, 404, 429, 451] {
            let (until, state) = Machine::new(Timing::default()).ended(now, Reason::RefusedHttp(status).into(), 0);
            assert_eq!(state, SocketState::Refused { until, status });
            assert!(until - now >= Duration::from_mins(1), "{status}");
        }
        let mut overloaded = Ending::from(Reason::RefusedHttp(503));
        overloaded.stay_away = Some(SECOND * 7);
        let (until, state) = Machine::new(Timing::default()).ended(now, overloaded, 0);
        assert_eq!(until - now, SECOND * 7);
        assert!(matches!(state, SocketState::BackingOff { reason: Reason::RefusedHttp(503), .. }));
        let (until, _) = Machine::new(Timing::default()).ended(now, Reason::Rejected.into(), 0);
        assert!(until - now >= Duration::from_mins(1));
    }
}
