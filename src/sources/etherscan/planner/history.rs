//! The past of lists: which part to read next, behind what is new.
//!
//! Pure. While live lists have calls to make, one call in [`ONE_IN`] is the past's, so that neither starves the other; when they have
//! none, the past takes what the account allows. It never borrows from later hours of the day.
//! Never reads a clock, never counts calls.

use super::{Allowance, Call, Choice};
use crate::reactor::wants::{ChainWants, ListWant};
use crate::types::pace::AHEAD;
use crate::types::{ChainId, Timestamp};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Of so many calls one is for the past, while what is new has calls to make too.
pub(super) const ONE_IN: u32 = 4;
/// What was handed on and is not committed after so long was not taken.
const UNTAKEN: Duration = Duration::from_secs(10);
/// First wait after a call that failed, doubled each time …
const FIRST_WAIT: Duration = Duration::from_secs(15);
/// … up to this.
const LONGEST_WAIT: Duration = Duration::from_hours(1);

/// What is remembered of the past of a list.
#[derive(Debug, Clone, Copy)]
struct Part {
    want: ListWant,
    /// Not before then.
    due: Timestamp,
    failures: u32,
    in_flight: bool,
    /// More pages are to be read: it goes on before another list is begun.
    unfinished: bool,
}

/// The past of every list that is wanted.
#[derive(Debug, Default)]
pub(super) struct History {
    parts: BTreeMap<Call, Part>,
    rests: BTreeMap<ChainId, Timestamp>,
    /// Live calls since the last one for the past.
    credit: u32,
    /// When it was last asked.
    now: Timestamp,
}

impl History {
    /// Takes what is wanted of a chain.
    pub(super) fn take(&mut self, chain: ChainId, wants: &ChainWants) {
        let mut wanted = BTreeSet::new();
        for want in wants.history.lists.iter().filter(|_| !wants.stopped) {
            let call = Call::History(chain, want.address, want.list);
            wanted.insert(call);
            let due = want.again.unwrap_or_default();
            let new = Part { want: *want, due, failures: 0, in_flight: false, unfinished: false };
            let part = self.parts.entry(call).or_insert(new);
            if part.want != *want {
                // What was handed on is committed, or that it was empty.
                part.due = if part.failures == 0 { due } else { part.due };
                part.want = *want;
            }
        }
        self.parts.retain(|call, part| call.chain() != chain || part.in_flight || wanted.contains(call));
    }

    /// What is wanted of a list: its first and last block.
    #[must_use]
    pub(super) fn range(&self, call: Call) -> Option<(u64, u64)> {
        self.parts.get(&call).map(|part| (part.want.from, part.want.to))
    }

    /// Whether a call for the past is made instead of what is planned for the present.
    pub(super) fn choose(&mut self, now: Timestamp, planned: Choice, allowance: &Allowance) -> Choice {
        self.now = now;
        let free = self.parts.iter().filter(|(_, part)| !part.in_flight);
        let rest = |chain: ChainId| self.rests.get(&chain).copied().unwrap_or_default();
        let place = |(call, part): (&Call, &Part)| (part.due.max(rest(call.chain())).max(now), !part.unfinished, *call);
        let first = free.map(place).min();
        let Some((due, _, call)) = first else { return planned };
        let at = due.max(allowance.next_start).max(allowance.open_at(AHEAD));
        match planned {
            Choice::Make(live) => {
                if at <= now && self.credit + 1 >= ONE_IN {
                    Choice::Make(call)
                } else {
                    self.credit = (self.credit + 1).min(ONE_IN);
                    Choice::Make(live)
                }
            }
            Choice::Wait(_) | Choice::Idle if at <= now => Choice::Make(call),
            Choice::Wait(until) => Choice::Wait(until.min(at)),
            Choice::Idle => Choice::Wait(at),
        }
    }

    /// This call starts now.
    pub(super) fn started(&mut self, call: Call) {
        self.credit = 0;
        if let Some(part) = self.parts.get_mut(&call) {
            part.in_flight = true;
        }
    }

    /// Its answer came. `unfinished`: more pages are to be read. What was read waits for its commit; where none comes it is read again.
    pub(super) fn answered(&mut self, call: Call, unfinished: bool) {
        let now = self.now;
        if let Some(part) = self.parts.get_mut(&call) {
            let due = if unfinished { now } else { now.after(UNTAKEN) };
            *part = Part { in_flight: false, failures: 0, unfinished, due, ..*part };
        }
    }

    /// No answer came that helps: it waits longer each time.
    pub(super) fn failed(&mut self, call: Call) {
        let now = self.now;
        if let Some(part) = self.parts.get_mut(&call) {
            let wait = FIRST_WAIT.saturating_mul(2_u32.saturating_pow(part.failures)).min(LONGEST_WAIT);
            let failures = part.failures.saturating_add(1);
            *part = Part { in_flight: false, unfinished: false, failures, due: now.after(wait), ..*part };
        }
    }

    /// No answer came, for a reason that is not this call's.
    pub(super) fn put_back(&mut self, call: Call) {
        if let Some(part) = self.parts.get_mut(&call) {
            part.in_flight = false;
        }
    }

    /// No call on this chain before then.
    pub(super) fn rest_until(&mut self, chain: ChainId, until: Timestamp) {
        self.rests.insert(chain, until);
    }
}

#[cfg(test)]
#[path = "history_tests.rs"]
mod tests;
