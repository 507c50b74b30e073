//! Which call to make next, and when: what just moved or is pointed at comes early, sleepers seldom, nobody never.
//!
//! Pure. Every list that is wanted has a weight; whose age times weight is largest goes next. So under any budget each list is
//! read at a rate in proportion to its weight, and none can be starved: the age of the least is bounded by the sum of all
//! weights times the time between two calls. Reads too soon after the last are never made, and a list that nobody wants is
//! not asked. The day's calls are spread over the day: routine waits for its hour, what is urgent may borrow ahead. Who is
//! urgent opens the gate; age and weight decide who goes through, so that borrowing starves nobody either.
//! Never reads a clock, never counts calls (that is `net::CallBudget`).

use crate::reactor::event::List;
use crate::reactor::wants::{ChainWants, ViewWant};
use crate::types::{Address, B256, ChainId, Timestamp};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// No list is read again sooner, however busy: an index is behind its chain by about as much.
pub const SHORTEST_GAP: Duration = Duration::from_secs(15);
/// A list, a head or a receipt that something points at may be asked again after this.
pub const SOON_GAP: Duration = Duration::from_secs(5);
/// A call that keeps failing is made at least this often.
pub const LONGEST_GAP: Duration = Duration::from_hours(1);
/// What moved within this long counts as busy; the two steps of decline behind it are an hour and a day.
const BUSY: Duration = Duration::from_mins(5);

/// How much of the day's calls may be used ahead of the hour, in hundredths: routine, busy, urgent. What is urgent must
/// not wait behind a day's spreading; what it borrowed, routine waits for afterwards: an hour at most (4 % of a day).
const AHEAD: [i64; 3] = [2, 3, 6];
const DAY_MILLIS: i64 = 86_400_000;

/// One thing to ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Call {
    /// A receipt again, by the proxy.
    Receipt(ChainId, B256),
    /// `eth_blockNumber` of the proxy.
    Head(ChainId),
    /// The next page of a list.
    View(ChainId, Address, List),
}

impl Call {
    /// On which chain.
    #[must_use]
    pub const fn chain(self) -> ChainId {
        match self {
            Self::Receipt(chain, _) | Self::Head(chain) | Self::View(chain, ..) => chain,
        }
    }

    /// The API's word for what is asked: a metric's label.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Receipt(..) => "eth_getTransactionReceipt",
            Self::Head(_) => "eth_blockNumber",
            Self::View(_, _, list) => list.word(),
        }
    }
}

/// What the source itself adds to the wants.
#[derive(Debug, Clone, Default)]
pub struct Extras {
    /// The chains without an RPC endpoint, whose receipts are asked for here.
    pub own_receipts: BTreeSet<ChainId>,
    /// The chains whose head is needed to halve a range from.
    pub heads: BTreeSet<ChainId>,
}

/// What the account may still do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    /// When the next call may start, the spacing and every pause counted in.
    pub next_start: Timestamp,
    /// The day counted in, in days since the Unix epoch.
    pub day: i64,
    /// Calls started on it.
    pub used: u64,
    /// Calls of a day.
    pub per_day: u64,
}

/// What to do now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    /// Make this call.
    Make(Call),
    /// Nothing before this time, unless the wants change or an answer comes.
    Wait(Timestamp),
    /// Nothing to do, unless the wants change or an answer comes.
    Idle,
}

/// What is remembered of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Past {
    /// When it was first wanted.
    since: Timestamp,
    /// When it last started.
    started: Option<Timestamp>,
    /// When it started before that.
    started_before: Option<Timestamp>,
    /// How often in a row it failed.
    failures: u32,
    /// Its answer is under way.
    in_flight: bool,
    /// It is a list of which more pages are to be read.
    unfinished: bool,
}

/// What the planner remembers. Nothing of it has to survive a restart.
#[derive(Debug, Default)]
pub struct Planner {
    pasts: BTreeMap<Call, Past>,
    /// No call on these chains before then.
    rests: BTreeMap<ChainId, Timestamp>,
}

/// How a call stands in line.
struct Place {
    /// Not before.
    due: Timestamp,
    weight: i64,
    /// Since when it waits.
    since: Timestamp,
    /// Index into [`AHEAD`].
    class: usize,
}

impl Planner {
    /// What to do now.
    pub fn next(
        &mut self,
        now: Timestamp,
        wants: &BTreeMap<ChainId, Arc<ChainWants>>,
        extras: &Extras,
        allowance: &Allowance,
    ) -> Choice {
        let mut best: Option<(i128, Call)> = None;
        let mut earliest: Option<Timestamp> = None;
        let mut wanted = BTreeSet::new();
        for (chain, wants) in wants.iter().filter(|(_, wants)| !wants.stopped) {
            let rest = self.rests.get(chain).copied().unwrap_or(now);
            let receipts = (extras.own_receipts.contains(chain) || wants.explorer_receipts)
                .then_some(&wants.receipts)
                .into_iter()
                .flatten();
            let receipts = receipts.map(|tx| (Call::Receipt(*chain, *tx), None));
            let head = (wants.explorer_head || extras.heads.contains(chain)).then_some((Call::Head(*chain), None));
            let views = wants.views.iter().map(|view| (Call::View(*chain, view.address, view.list), Some(view)));
            for (call, view) in receipts.chain(head).chain(views) {
                wanted.insert(call);
                let past = self.pasts.entry(call).or_insert_with(|| Past::new(now));
                if past.in_flight {
                    continue;
                }
                let place = past.place(now, view);
                let ready = place.due.max(rest).max(allowance.next_start);
                let at = ready.max(allowance.open_at(place.class));
                earliest = Some(earliest.map_or(at, |earliest| earliest.min(at)));
                if ready > now {
                    continue;
                }
                // At least one, so that weight decides among what waits since this very moment.
                let age = i128::from(now.millis()) - i128::from(place.since.millis());
                let score = age.max(1) * i128::from(place.weight);
                if best.is_none_or(|(largest, _)| score > largest) {
                    best = Some((score, call));
                }
            }
        }
        self.pasts.retain(|call, past| past.in_flight || wanted.contains(call));
        match (best, earliest) {
            (Some((_, call)), Some(at)) if at <= now => Choice::Make(call),
            (_, Some(at)) => Choice::Wait(at),
            (_, None) => Choice::Idle,
        }
    }

    /// This call starts now.
    pub fn started(&mut self, call: Call, now: Timestamp) {
        let past = self.pasts.entry(call).or_insert_with(|| Past::new(now));
        past.started_before = past.started.replace(now);
        past.in_flight = true;
    }

    /// Its answer came. `unfinished`: of a list, that more pages are to be read.
    pub fn answered(&mut self, call: Call, unfinished: bool) {
        if let Some(past) = self.pasts.get_mut(&call) {
            *past = Past { in_flight: false, failures: 0, unfinished, ..*past };
        }
    }

    /// No answer came that helps with this call: it waits longer each time.
    pub fn failed(&mut self, call: Call) {
        if let Some(past) = self.pasts.get_mut(&call) {
            *past = Past { in_flight: false, failures: past.failures.saturating_add(1), unfinished: false, ..*past };
        }
    }

    /// No answer came, for a reason that is not this call's: it keeps its place.
    pub fn put_back(&mut self, call: Call) {
        if let Some(past) = self.pasts.get_mut(&call) {
            *past = Past { in_flight: false, started: past.started_before, ..*past };
        }
    }

    /// No call on this chain before then.
    pub fn rest_until(&mut self, chain: ChainId, until: Timestamp) {
        self.rests.insert(chain, until);
    }
}

impl Past {
    const fn new(now: Timestamp) -> Self {
        Self { since: now, started: None, started_before: None, failures: 0, in_flight: false, unfinished: false }
    }

    fn place(&self, now: Timestamp, view: Option<&ViewWant>) -> Place {
        let read = view.and_then(|view| view.read_at);
        let last = self.started.max(read);
        let class_weight_gap = match view {
            // A page behind a page: at once, and yet in line with the others.
            Some(_) if self.unfinished && self.failures == 0 => (2, 256, Duration::ZERO),
            None => (2, 256, SOON_GAP),
            Some(view) if view.soon => (2, 256, SOON_GAP),
            Some(_) if last.is_none() => (2, 64, Duration::ZERO),
            Some(view) => match view.moved_at.map(|moved| now.since(moved)) {
                Some(ago) if ago < BUSY => (1, 8, SHORTEST_GAP),
                Some(ago) if ago < BUSY * 12 => (0, 4, SHORTEST_GAP),
                Some(ago) if ago < BUSY * 288 => (0, 2, SHORTEST_GAP),
                Some(_) | None => (0, 1, SHORTEST_GAP),
            },
        };
        let (class, weight, gap) = class_weight_gap;
        let failing = SHORTEST_GAP.saturating_mul(2_u32.saturating_pow(self.failures)).min(LONGEST_GAP);
        let gap = if self.failures == 0 { gap } else { failing.max(gap) };
        Place { due: last.map_or(now, |last| last.after(gap)), weight, since: last.unwrap_or(self.since), class }
    }
}

impl Allowance {
    /// From when on even what is urgent may use the next of the day's calls.
    #[must_use]
    pub fn open_for_urgent_at(&self) -> Timestamp {
        self.open_at(AHEAD.len() - 1)
    }

    /// From when on this class may use the next of the day's calls.
    fn open_at(&self, class: usize) -> Timestamp {
        let start_of_day = i128::from(self.day) * i128::from(DAY_MILLIS);
        let ahead = AHEAD.get(class).copied().unwrap_or(0);
        let used = i128::from(self.used) * 100 * i128::from(DAY_MILLIS) / i128::from(self.per_day.max(1));
        // What may be borrowed shrinks to nothing towards the day's end, so that the last hour has its calls too.
        let at = start_of_day + (used - i128::from(ahead * DAY_MILLIS)) / i128::from(100 - ahead);
        Timestamp::from_millis(i64::try_from(at).unwrap_or(i64::MAX))
    }
}

#[cfg(test)]
#[path = "planner_tests.rs"]
mod tests;
