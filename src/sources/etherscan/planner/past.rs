//! What is remembered of a call, and from that when it is due: in its turn, and ahead of it.
//!
//! It reads no clock: everything follows from when the call was made and when something pointed at it.

use super::lines::{Lane, Places};
use crate::types::Timestamp;
use crate::types::pace::{BALANCE_OFTEN, BALANCE_SELDOM, SECOND_ONE_IN, SHORTEST_GAP};
use std::time::Duration;

/// A list, a head or a receipt that something points at may be asked for again after this.
pub(super) const SOON_GAP: Duration = Duration::from_secs(5);
/// What gas costs is asked this often where a rule looks at it: 1,440 calls a day.
const GAS_EVERY: Duration = Duration::from_mins(1);
/// A call that keeps failing is made at least this often.
pub(super) const LONGEST_GAP: Duration = Duration::from_hours(1);
/// So long after something moved in a list it has nothing ahead of its turn any more.
const MOVED_FOR: Duration = Duration::from_hours(1);
/// Of a list that something points at, each read ahead of its turn that shows nothing doubles the time to the next, up to this …
const VAIN_GAP: Duration = Duration::from_mins(4);
/// … and so long after the last pointer it has nothing ahead of its turn any more.
const STIRRED_FOR: Duration = Duration::from_mins(10);

/// What a call is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    Receipt,
    /// `needed`: until it is known, not once in a while.
    Head {
        needed: bool,
    },
    View {
        from: u64,
        /// Whether nothing else reports what is in it.
        leads: bool,
    },
    Balances,
    /// Of one address: something moved it, or somebody looks at it often.
    Balance {
        soon: bool,
        often: bool,
    },
    /// What gas costs.
    Gas,
}

/// What is remembered of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Past {
    /// `None` when nobody wants it any more.
    pub(super) what: Option<What>,
    /// A mark while wants are taken.
    pub(super) wanted: bool,
    /// When it was first wanted.
    pub(super) since: Timestamp,
    /// When it last started.
    pub(super) started: Option<Timestamp>,
    /// When it started before that.
    pub(super) started_before: Option<Timestamp>,
    /// Of a list, when its last answer was taken.
    pub(super) read_at: Option<Timestamp>,
    /// Of a list, when something last moved in it.
    pub(super) moved_at: Option<Timestamp>,
    /// When something last pointed at it.
    pub(super) stirred: Option<Timestamp>,
    /// How often it was read in vain since something pointed at it after a while of silence.
    pub(super) vain: u32,
    /// How often in a row it failed.
    pub(super) failures: u32,
    /// Its answer is under way.
    pub(super) in_flight: bool,
    /// It is a list of which more pages are to be read.
    pub(super) unfinished: bool,
    /// Where it stands.
    pub(super) places: Places,
}

impl Past {
    pub(super) const fn new(now: Timestamp) -> Self {
        Self {
            what: None,
            wanted: true,
            since: now,
            started: None,
            started_before: None,
            read_at: None,
            moved_at: None,
            stirred: None,
            vain: 0,
            failures: 0,
            in_flight: false,
            unfinished: false,
            places: Places { turn: None, hurry: None },
        }
    }

    /// Where it belongs, with the time between two reads of a batch of balances.
    pub(super) fn places_now(&self, sweep: Option<Duration>) -> Places {
        let Some(what) = self.what.filter(|_| !self.in_flight) else { return Places::default() };
        let last = self.started.max(self.read_at);
        let after = |gap: Duration| last.map_or(self.since, |last| last.after(gap));
        let places = match what {
            What::Receipt | What::Head { needed: true } => Places { turn: None, hurry: Some(after(SOON_GAP)) },
            What::Head { needed: false } => Places { turn: None, hurry: self.stirred.filter(|at| last < Some(*at)) },
            What::Gas => Places { turn: None, hurry: Some(after(GAS_EVERY)) },
            What::Balances => Places { turn: sweep.map(|sweep| (Lane::Sweep, after(sweep))), hurry: None },
            What::Balance { soon, often } => {
                let gap = match (soon, often) {
                    (true, _) => SOON_GAP,
                    (false, true) => BALANCE_OFTEN,
                    (false, false) => BALANCE_SELDOM,
                };
                Places { turn: None, hurry: Some(after(gap)) }
            }
            What::View { leads, .. } => {
                let (lane, gap) =
                    if leads { (Lane::Lead, SHORTEST_GAP) } else { (Lane::Second, SHORTEST_GAP * SECOND_ONE_IN) };
                let gap = if self.unfinished { Duration::ZERO } else { gap };
                Places { turn: Some((lane, after(gap))), hurry: self.hurry(leads, last) }
            }
        };
        // What is one cheap call, and is waited for, is soon tried again: at a start the network may not be there yet.
        let first = match what {
            What::Receipt | What::Head { .. } => SOON_GAP,
            What::View { .. } | What::Balances | What::Balance { .. } | What::Gas => SHORTEST_GAP,
        };
        if self.failures == 0 { places } else { self.held_back(places, first, after) }
    }

    /// When a list is to be read ahead of its turn.
    fn hurry(&self, leads: bool, last: Option<Timestamp>) -> Option<Timestamp> {
        let Some(last) = last else { return Some(self.since) };
        if self.unfinished {
            return Some(last);
        }
        if !leads {
            return None;
        }
        // What moved may move again: after as long as it has been still.
        let moved = self.moved_at.map(|moved| last.since(moved)).filter(|still| *still < MOVED_FOR);
        let moved = moved.map(|still| last.after(still.max(SHORTEST_GAP)));
        // What is pointed at may be late to show it: at once, and then after twice as long each time.
        let pointed = self.stirred.filter(|stirred| last.since(*stirred) < STIRRED_FOR).map(|stirred| {
            let gap = match self.vain {
                0 if last <= stirred => SOON_GAP,
                vain => SHORTEST_GAP.saturating_mul(1 << vain.saturating_sub(1).min(16)).min(VAIN_GAP),
            };
            last.after(gap).max(stirred)
        });
        moved.into_iter().chain(pointed).min()
    }

    /// Something points at it.
    pub(super) fn stir(&mut self, at: Timestamp) {
        if self.stirred.is_none_or(|before| at.since(before) >= STIRRED_FOR) {
            self.vain = 0;
        }
        self.stirred = self.stirred.max(Some(at));
    }

    fn held_back(&self, places: Places, first: Duration, after: impl Fn(Duration) -> Timestamp) -> Places {
        let gap = first.saturating_mul(2_u32.saturating_pow(self.failures)).min(LONGEST_GAP);
        let earliest = after(gap);
        Places {
            turn: places.turn.map(|(lane, due)| (lane, due.max(earliest))),
            hurry: places.hurry.map(|due| due.max(earliest)),
        }
    }
}
