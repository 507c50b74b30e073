//! Which call of an account to make next, and when: rounds in which every list has its turn, and beside them what is in a hurry.
//!
//! Pure. Lists are read in turn, the one that was read longest ago first, so none can be starved. What just moved, what something
//! points at, what was never read and what has another page goes ahead of its turn, but takes no more than one call in four while
//! the rounds have something to read: that is the promise of [`Pace`], by whose arithmetic all of this works and `check` forecasts.
//! Balances, twenty addresses a call, show which lists to hurry; none is ever left out for one. The day's calls are spread over the
//! day. A list that nobody wants is not asked for, and what fails waits longer each time.
//! Never reads a clock, never counts calls (that is `net::CallBudget`). A choice looks at the first of each chain, not at every list.

mod history;
mod lines;
mod past;
mod wanted;

use crate::reactor::event::List;
use crate::types::pace::{AHEAD, AHEAD_HURRIED, BATCH, Demand, HURRIED_ONE_IN, Limits, Pace, SECOND_ONE_IN};
use crate::types::{Address, Asset, B256, ChainId, Timestamp};
use history::History;
use lines::{Lane, Lines, Ready};
use past::{Past, What};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use wanted::Share;

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
    /// The coin balances of the how-manieth batch of addresses.
    Balances(ChainId, u32),
    /// What an address holds of an asset.
    Balance(ChainId, Address, Asset),
    /// What gas costs.
    Gas(ChainId),
    /// The next page of what lies before the watch.
    History(ChainId, Address, List),
}

impl Call {
    /// On which chain.
    #[must_use]
    pub const fn chain(self) -> ChainId {
        match self {
            Self::Receipt(chain, _)
            | Self::Head(chain)
            | Self::View(chain, ..)
            | Self::Balances(chain, _)
            | Self::Balance(chain, ..)
            | Self::Gas(chain)
            | Self::History(chain, ..) => chain,
        }
    }

    /// The API's word for what is asked: a metric's label.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Receipt(..) => "eth_getTransactionReceipt",
            Self::Head(_) => "eth_blockNumber",
            Self::View(_, _, list) | Self::History(_, _, list) => list.word(),
            Self::Balances(..) => "balancemulti",
            Self::Balance(_, _, Asset::Coin) => "balance",
            Self::Balance(_, _, Asset::Token(_)) => "tokenbalance",
            Self::Gas(_) => "gasoracle",
        }
    }
}

/// What the source itself adds to the wants.
#[derive(Debug, Clone, Default)]
pub struct Extras {
    /// The chains without an RPC endpoint: their receipts and heads are asked for here.
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

/// How old the lists of a chain are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ViewAge {
    /// When the one was read that was read longest ago; of one that was not read yet, since when it is wanted.
    pub oldest: Timestamp,
    /// How old it may get.
    pub promised: Duration,
}

/// The last choice, until it is made.
#[derive(Debug, Clone, Copy)]
struct Offer {
    call: Call,
    lane: Lane,
    /// Whether the rounds had something to read too.
    contested: bool,
}

/// What the planner remembers. Nothing of it has to survive a restart.
#[derive(Debug)]
pub struct Planner {
    limits: Limits,
    pace: Pace,
    pasts: BTreeMap<Call, Past>,
    lines: Lines,
    shares: BTreeMap<ChainId, Share>,
    /// Chains that the plan does not hold: what is asked of them is no part of the rounds.
    aside: BTreeSet<ChainId>,
    demand: Demand,
    /// Calls of the rounds since the last one that was in a hurry; full at first, so that a hurry that comes seldom never waits.
    credit: u64,
    /// What lists that second have saved up for a turn.
    second_credit: u64,
    last_planned: Option<Timestamp>,
    offer: Option<Offer>,
    /// What lies before the watches, behind all of this.
    history: History,
}

impl Planner {
    /// For an account with these limits.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            pace: Pace::of(limits, Demand::default()),
            pasts: BTreeMap::new(),
            lines: Lines::default(),
            shares: BTreeMap::new(),
            aside: BTreeSet::new(),
            demand: Demand::default(),
            credit: HURRIED_ONE_IN - 1,
            second_credit: 0,
            last_planned: None,
            offer: None,
            history: History::default(),
        }
    }

    /// What to do now.
    pub fn next(&mut self, now: Timestamp, allowance: &Allowance) -> Choice {
        let planned = self.next_live(now, allowance);
        self.history.choose(now, planned, allowance)
    }

    /// What to do now about what is new.
    fn next_live(&mut self, now: Timestamp, allowance: &Allowance) -> Choice {
        let hurried = self.lines.first(Lane::Hurry, now);
        let planned = self.planned(now);
        let gate = allowance.next_start.max(allowance.open_at(AHEAD_HURRIED));
        let paid_back = self.last_planned.map_or(now, |last| last.after(self.pace.interval * 4 / 3));
        let planned_gate = gate.max(allowance.open_at(AHEAD).min(paid_back));
        let hurried_at = hurried.map(|ready| ready.at.max(gate));
        let planned_at = planned.map(|ready| ready.at.max(planned_gate));
        let hurry = hurried.filter(|_| hurried_at.is_some_and(|at| at <= now));
        // What is in a hurry opens the gate for the rounds too: who goes through is decided by their shares.
        let turn =
            planned.filter(|ready| ready.at <= now && (planned_at.is_some_and(|at| at <= now) || hurry.is_some()));
        let (ready, contested) = match (hurry, turn) {
            (Some(hurry), Some(_)) if self.credit >= HURRIED_ONE_IN - 1 => (hurry, true),
            (_, Some(turn)) => (turn, true),
            (Some(hurry), None) => (hurry, false),
            (None, None) => {
                let earliest = [hurried_at, planned_at].into_iter().flatten().min();
                return earliest.map_or(Choice::Idle, Choice::Wait);
            }
        };
        self.offer = Some(Offer { call: ready.call, lane: ready.lane, contested });
        Choice::Make(ready.call)
    }

    /// This call starts now.
    pub fn started(&mut self, call: Call, now: Timestamp) {
        if let Call::History(..) = call {
            return self.history.started(call);
        }
        if let Some(offer) = self.offer.take().filter(|offer| offer.call == call) {
            self.charge(offer, now);
        }
        self.change(call, |past| {
            past.started_before = past.started.replace(now);
            past.in_flight = true;
            past.vain = past.vain.saturating_add(1);
        });
    }

    /// Its answer came. `unfinished`: of a list, that more pages are to be read.
    pub fn answered(&mut self, call: Call, unfinished: bool) {
        if let Call::History(..) = call {
            return self.history.answered(call, unfinished);
        }
        self.change(call, |past| {
            *past = Past { in_flight: false, failures: 0, unfinished, ..*past };
        });
    }

    /// No answer came that helps with this call: it waits longer each time.
    pub fn failed(&mut self, call: Call) {
        if let Call::History(..) = call {
            return self.history.failed(call);
        }
        self.change(call, |past| {
            *past = Past { in_flight: false, failures: past.failures.saturating_add(1), unfinished: false, ..*past };
        });
    }

    /// No answer came, for a reason that is not this call's: it keeps its place.
    pub fn put_back(&mut self, call: Call) {
        if let Call::History(..) = call {
            return self.history.put_back(call);
        }
        self.change(call, |past| {
            *past = Past { in_flight: false, started: past.started_before, ..*past };
        });
    }

    /// No call on this chain before then.
    pub fn rest_until(&mut self, chain: ChainId, until: Timestamp) {
        self.lines.rest_until(chain, until);
        self.history.rest_until(chain, until);
    }

    /// The plan does not hold this chain, or holds it again: the others' rounds are shorter without it.
    pub fn set_aside(&mut self, chain: ChainId, aside: bool) {
        let changed = if aside { self.aside.insert(chain) } else { self.aside.remove(&chain) };
        if changed {
            self.sum_up();
        }
    }

    /// Something moved at this address: its lists are in a hurry.
    pub fn stir(&mut self, chain: ChainId, address: Address, at: Timestamp) {
        for list in List::ALL {
            self.change(Call::View(chain, address, list), |past| past.stir(at));
        }
    }

    /// The chain's index showed its head: if the chain's own was not asked for lately it is now, so that they can be compared.
    pub fn compare_heads(&mut self, chain: ChainId, now: Timestamp) {
        let is_due = |past: &Past| past.started.is_none_or(|last| now.since(last) >= self.pace.heads);
        if self.pasts.get(&Call::Head(chain)).is_some_and(is_due) {
            self.change(Call::Head(chain), |past| past.stirred = Some(now));
        }
    }

    /// From which block a list is to be read, while it is wanted.
    #[must_use]
    pub fn from_block(&self, call: Call) -> Option<u64> {
        match self.pasts.get(&call)?.what? {
            What::View { from, .. } => Some(from),
            What::Receipt | What::Head { .. } | What::Balances | What::Balance { .. } | What::Gas => None,
        }
    }

    /// The first and last block of what lies before a watch, while it is wanted.
    #[must_use]
    pub fn past_range(&self, call: Call) -> Option<(u64, u64)> {
        self.history.range(call)
    }

    /// The addresses of a batch.
    #[must_use]
    pub fn batch(&self, chain: ChainId, batch: u32) -> Vec<Address> {
        let swept = self.shares.get(&chain).map(|share| share.swept.as_slice()).unwrap_or_default();
        swept.chunks(BATCH).nth(usize::try_from(batch).unwrap_or(usize::MAX)).unwrap_or_default().to_vec()
    }

    /// How the account's calls are shared out at present.
    #[must_use]
    pub const fn pace(&self) -> Pace {
        self.pace
    }

    /// How old the lists of each chain are. Where some lead those alone count: what seconds promises nothing.
    #[must_use]
    pub fn view_ages(&self) -> BTreeMap<ChainId, ViewAge> {
        let mut oldest: BTreeMap<(ChainId, bool), Timestamp> = BTreeMap::new();
        for (call, past) in &self.pasts {
            if let Some(What::View { leads, .. }) = past.what {
                let read = past.read_at.unwrap_or(past.since);
                let least = oldest.entry((call.chain(), leads)).or_insert(read);
                *least = read.min(*least);
            }
        }
        // Those that lead come after those that second, and count.
        let age = |((chain, leads), oldest): ((ChainId, bool), Timestamp)| {
            let promised = self.pace.promised.unwrap_or_default();
            (chain, ViewAge { oldest, promised: if leads { promised } else { promised * SECOND_ONE_IN } })
        };
        oldest.into_iter().map(age).collect()
    }

    /// What the rounds would read next.
    fn planned(&self, now: Timestamp) -> Option<Ready> {
        let sweep = self.lines.first(Lane::Sweep, now);
        if let Some(sweep) = sweep.filter(|sweep| sweep.at <= now) {
            return Some(sweep);
        }
        let (lead, second) = (self.lines.first(Lane::Lead, now), self.lines.first(Lane::Second, now));
        let lists = match (lead, second) {
            (Some(lead), Some(second)) if lead.at <= now && second.at <= now => {
                let saved = self.second_credit >= self.demand.lead.saturating_mul(u64::from(SECOND_ONE_IN));
                Some(if saved { second } else { lead })
            }
            (lead, second) => lead.into_iter().chain(second).min_by_key(|ready| ready.at),
        };
        sweep.into_iter().chain(lists).min_by_key(|ready| ready.at)
    }

    fn charge(&mut self, offer: Offer, now: Timestamp) {
        if offer.lane == Lane::Hurry {
            self.credit = if offer.contested { 0 } else { self.credit };
            return;
        }
        self.credit = (self.credit + 1).min(HURRIED_ONE_IN - 1);
        self.last_planned = Some(now);
        match offer.lane {
            Lane::Lead => {
                let most = self.demand.lead.saturating_mul(u64::from(SECOND_ONE_IN));
                self.second_credit = self.second_credit.saturating_add(self.demand.second).min(most);
            }
            Lane::Second => self.second_credit = 0,
            Lane::Sweep | Lane::Hurry => {}
        }
    }

    /// Changes what is remembered of a call and puts it where it then belongs; one that nobody wants is forgotten when it landed.
    fn change(&mut self, call: Call, change: impl FnOnce(&mut Past)) {
        let Some(past) = self.pasts.get_mut(&call) else { return };
        self.lines.leave(call, past.places);
        change(past);
        if past.what.is_none() && !past.in_flight {
            self.pasts.remove(&call);
            return;
        }
        past.places = past.places_now(self.pace.sweep);
        self.lines.enter(call, past.places);
    }
}

impl Allowance {
    /// From when on even what is in a hurry may use the next of the day's calls.
    #[must_use]
    pub fn open_for_urgent_at(&self) -> Timestamp {
        self.open_at(AHEAD_HURRIED)
    }

    /// From when on the next of the day's calls may be used by who may go so many hundredths of the day ahead.
    pub(super) fn open_at(&self, ahead: u64) -> Timestamp {
        let ahead = i128::from(ahead);
        let (start, day) = (i128::from(self.day) * i128::from(DAY_MILLIS), i128::from(DAY_MILLIS));
        let used = i128::from(self.used) * 100 * day / i128::from(self.per_day.max(1));
        // What may be borrowed shrinks to nothing towards the day's end, so that the last hour has its calls too.
        let at = start + (used - ahead * day) / (100 - ahead);
        Timestamp::from_millis(i64::try_from(at).unwrap_or(i64::MAX))
    }
}

#[cfg(test)]
#[path = "planner/day_tests.rs"]
mod day_tests;
#[cfg(test)]
#[path = "planner_tests.rs"]
mod tests;
