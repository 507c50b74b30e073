//! Which call of an account to make next, and when: rounds in which every list has its turn, and beside them what is in a hurry.
//!
//! Pure. Lists are read in turn, the one that was read longest ago first, so none can be starved. What just moved, what something
//! points at, what was never read and what has another page goes ahead of its turn, but takes no more than one call in four while
//! the rounds have something to read: that is the promise of [`Pace`], by whose arithmetic all of this works and `check` forecasts.
//! Balances, twenty addresses a call, show which lists to hurry; none is ever left out for one. The day's calls are spread over the
//! day. A list that nobody wants is not asked for, and what fails waits longer each time.
//! Never reads a clock, never counts calls (that is `net::CallBudget`). A choice looks at the first of each chain, not at every list.

mod lines;
mod past;

use crate::reactor::event::List;
use crate::reactor::wants::{ChainWants, ViewWant};
use crate::types::pace::{AHEAD, AHEAD_HURRIED, BATCH, Demand, HURRIED_ONE_IN, Limits, Pace, SECOND_ONE_IN};
use crate::types::{Address, B256, ChainId, Timestamp};
use lines::{Lane, Lines, Ready};
use past::{Past, What};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

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
}

impl Call {
    /// On which chain.
    #[must_use]
    pub const fn chain(self) -> ChainId {
        match self {
            Self::Receipt(chain, _) | Self::Head(chain) | Self::View(chain, ..) | Self::Balances(chain, _) => chain,
        }
    }

    /// The API's word for what is asked: a metric's label.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Receipt(..) => "eth_getTransactionReceipt",
            Self::Head(_) => "eth_blockNumber",
            Self::View(_, _, list) => list.word(),
            Self::Balances(..) => "balancemulti",
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

/// What is asked of one chain.
#[derive(Debug, Clone, Default)]
struct Share {
    demand: Demand,
    /// The addresses whose coin balances show what moved.
    swept: Vec<Address>,
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
    demand: Demand,
    /// Calls of the rounds since the last one that was in a hurry; full at first, so that a hurry that comes seldom never waits.
    credit: u64,
    /// What lists that second have saved up for a turn.
    second_credit: u64,
    last_planned: Option<Timestamp>,
    offer: Option<Offer>,
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
            demand: Demand::default(),
            credit: HURRIED_ONE_IN - 1,
            second_credit: 0,
            last_planned: None,
            offer: None,
        }
    }

    /// Takes everything that is wanted of a chain.
    pub fn take(&mut self, now: Timestamp, chain: ChainId, wants: &ChainWants, extras: &Extras) {
        let share = if wants.stopped { Share::default() } else { self.take_views(now, chain, &wants.views) };
        self.drop_unwanted(chain, wants, extras, share.swept.len());
        if !wants.stopped {
            let own = extras.own_receipts.contains(&chain);
            for tx in wants.receipts.iter().filter(|_| own || wants.explorer_receipts) {
                self.keep(now, Call::Receipt(chain, *tx), What::Receipt);
            }
            let needed = wants.explorer_head || extras.heads.contains(&chain);
            if needed || own {
                self.keep(now, Call::Head(chain), What::Head { needed });
            }
            for batch in 0..share.swept.len().div_ceil(BATCH) {
                self.keep(now, Call::Balances(chain, u32::try_from(batch).unwrap_or(u32::MAX)), What::Balances);
            }
        }
        let heads = u64::from(extras.own_receipts.contains(&chain) && share.demand.lead > 0);
        self.share(chain, Share { demand: Demand { heads, ..share.demand }, ..share });
    }

    /// Takes what is wanted of one list that was wanted before.
    pub fn renew(&mut self, chain: ChainId, view: &ViewWant) {
        self.keep_view(view.read_at.unwrap_or_default(), chain, view);
    }

    /// What to do now.
    pub fn next(&mut self, now: Timestamp, allowance: &Allowance) -> Choice {
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
        self.change(call, |past| {
            *past = Past { in_flight: false, failures: 0, unfinished, ..*past };
        });
    }

    /// No answer came that helps with this call: it waits longer each time.
    pub fn failed(&mut self, call: Call) {
        self.change(call, |past| {
            *past = Past { in_flight: false, failures: past.failures.saturating_add(1), unfinished: false, ..*past };
        });
    }

    /// No answer came, for a reason that is not this call's: it keeps its place.
    pub fn put_back(&mut self, call: Call) {
        self.change(call, |past| {
            *past = Past { in_flight: false, started: past.started_before, ..*past };
        });
    }

    /// No call on this chain before then.
    pub fn rest_until(&mut self, chain: ChainId, until: Timestamp) {
        self.lines.rest_until(chain, until);
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
            What::Receipt | What::Head { .. } | What::Balances => None,
        }
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

    fn take_views(&mut self, now: Timestamp, chain: ChainId, views: &[ViewWant]) -> Share {
        let mut share = Share::default();
        for past in self.pasts.range_mut(views_of(chain)).map(|(_, past)| past) {
            past.wanted = false;
        }
        for view in views {
            self.keep_view(now, chain, view);
            if view.leads {
                share.demand.lead += 1;
            } else {
                share.demand.second += 1;
            }
            if view.leads && view.list.shows_in_balance() {
                share.swept.push(view.address);
            }
        }
        share.swept.sort_unstable();
        share.swept.dedup();
        share.demand.batches = u64::try_from(share.swept.len().div_ceil(BATCH)).unwrap_or(u64::MAX);
        share
    }

    fn keep_view(&mut self, now: Timestamp, chain: ChainId, view: &ViewWant) {
        let call = Call::View(chain, view.address, view.list);
        let moved_before = self.pasts.get(&call).and_then(|past| past.moved_at);
        let what = What::View { from: view.from, leads: view.leads };
        let ViewWant { read_at, moved_at, pointed_at, .. } = *view;
        let past = self.pasts.entry(call).or_insert_with(|| Past::new(now));
        past.wanted = true;
        let as_before = past.what == Some(what) && past.read_at >= read_at && past.moved_at == moved_at;
        if as_before && past.stirred >= pointed_at {
            return;
        }
        let moved = moved_at.filter(|moved| moved_before.is_none_or(|before| *moved > before));
        self.change(call, |past| {
            *past = Past { what: Some(what), read_at: past.read_at.max(read_at), moved_at, ..*past };
            if let Some(pointed) = pointed_at.filter(|pointed| past.stirred < Some(*pointed)) {
                past.stir(pointed);
            }
            past.vain = if moved.is_some() { 0 } else { past.vain };
        });
        // What moved in one list of an address often moved in its others too: coin for a token, a token for coin.
        if let Some(moved) = moved {
            for other in List::ALL.into_iter().filter(|other| *other != view.list) {
                self.change(Call::View(chain, view.address, other), |past| past.stir(moved));
            }
        }
    }

    fn keep(&mut self, now: Timestamp, call: Call, what: What) {
        self.pasts.entry(call).or_insert_with(|| Past::new(now));
        self.change(call, |past| {
            past.wanted = true;
            past.what = Some(what);
        });
    }

    fn drop_unwanted(&mut self, chain: ChainId, wants: &ChainWants, extras: &Extras, swept: usize) {
        let own = extras.own_receipts.contains(&chain);
        let keeps = |call: &Call, past: &Past| match call {
            Call::Receipt(_, tx) => (own || wants.explorer_receipts) && wants.receipts.contains(tx),
            Call::Head(_) => own || wants.explorer_head || extras.heads.contains(&chain),
            Call::View(..) => past.wanted,
            Call::Balances(_, batch) => usize::try_from(*batch).is_ok_and(|batch| batch < swept.div_ceil(BATCH)),
        };
        let receipts = Call::Receipt(chain, B256::ZERO)..=Call::Receipt(chain, B256::repeat_byte(0xff));
        let batches = Call::Balances(chain, 0)..=Call::Balances(chain, u32::MAX);
        let all = self.pasts.range(receipts).chain(self.pasts.range(Call::Head(chain)..=Call::Head(chain)));
        let all = all.chain(self.pasts.range(views_of(chain))).chain(self.pasts.range(batches));
        let gone: Vec<Call> =
            all.filter(|(call, past)| wants.stopped || !keeps(call, past)).map(|(call, _)| *call).collect();
        for call in gone {
            self.change(call, |past| {
                past.wanted = false;
                past.what = None;
            });
        }
    }

    /// Puts a chain's share in force.
    fn share(&mut self, chain: ChainId, share: Share) {
        self.shares.insert(chain, share);
        let sum = self.shares.values().fold(Demand::default(), |sum, share| Demand {
            lead: sum.lead + share.demand.lead,
            second: sum.second + share.demand.second,
            batches: sum.batches + share.demand.batches,
            heads: sum.heads + share.demand.heads,
        });
        if sum == self.demand {
            return;
        }
        self.demand = sum;
        let sweep_before = self.pace.sweep;
        self.pace = Pace::of(self.limits, sum);
        if self.pace.sweep != sweep_before {
            let batches = Call::Balances(ChainId(0), 0)..=Call::Balances(ChainId(u64::MAX), u32::MAX);
            let batches: Vec<Call> = self.pasts.range(batches).map(|(call, _)| *call).collect();
            for call in batches {
                self.change(call, |_| {});
            }
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

const fn views_of(chain: ChainId) -> std::ops::RangeInclusive<Call> {
    let (first, last) = (List::ALL[0], List::ALL[List::ALL.len() - 1]);
    Call::View(chain, Address::ZERO, first)..=Call::View(chain, Address::repeat_byte(0xff), last)
}

impl Allowance {
    /// From when on even what is in a hurry may use the next of the day's calls.
    #[must_use]
    pub fn open_for_urgent_at(&self) -> Timestamp {
        self.open_at(AHEAD_HURRIED)
    }

    /// From when on the next of the day's calls may be used by who may go so many hundredths of the day ahead.
    fn open_at(&self, ahead: u64) -> Timestamp {
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
