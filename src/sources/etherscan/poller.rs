//! The poll loop: reads what is wanted, makes one call after another within the account's budget, hands on what it read.
//!
//! One future owns all calls of an account over all chains, so that nothing can exceed its limits. Up to three answers are under
//! way at once; starts are never closer than the budget says. Nothing is kept over a restart but the day's count.

mod answer;
mod balances;
mod gas;
mod setback;
mod state;

use super::account::{Account, BudgetNote};
use super::fetch::{self, Failure, Fetch, RowsAnswer};
use super::pager::{Pager, Part, Progress};
use super::planner::{Call, Choice, Extras, Planner, ViewAge};
use crate::net::breaker::{Breaker, Patience, Permit};
use crate::net::{HttpFault, Response};
use crate::reactor::event::{Event, Explored, ExplorerHead, List, Receipt, Reported, SourceState};
use crate::reactor::wants::{ChainWants, Wants};
use crate::sources::WallClock;
use crate::sources::queue::{Closed, EventQueue, Lane, SMALL_EVENT_BYTES};
use crate::telemetry::Tally;
use crate::telemetry::names::CallOutcome;
use crate::types::pace::Limits;
use crate::types::{Address, ChainId, Name, Timestamp, U256};
use crate::wire::etherscan::Dialect;
use answer::{Answer, read};
use futures::stream::{FuturesUnordered, StreamExt};
use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Answers under way at once: a slow one (up to 35 s) must not hold up the others.
const MOST_IN_FLIGHT: usize = 3;
/// A chain that the key's plan does not hold is tried again after this.
const PLAN_RECHECK: Duration = Duration::from_hours(24);
/// How often it is told how old the lists are.
const AGES_EVERY: Duration = Duration::from_secs(2);
/// While a probe decides about a chain, the others look again after this.
const PROBE_GLANCE: Duration = Duration::from_secs(1);

/// What the poll loop works by.
#[derive(Debug, Clone)]
pub struct Setup {
    /// The source's name on every chain.
    pub name: Name,
    /// The chains to ask for.
    pub chains: BTreeSet<ChainId>,
    /// Those of them without an RPC endpoint: their receipts are read here.
    pub own_receipts: BTreeSet<ChainId>,
    /// Of the account, over all its chains and keys.
    pub limits: Limits,
    /// What was used before a restart.
    pub used: BudgetNote,
    /// Counts calls.
    pub tally: Tally,
}

/// Polls until cancelled, or until nobody reads the queue or publishes wants any more.
///
/// `tell` is told the day's count at each call, to be kept over a restart, and how old the lists are. It must not block.
pub async fn run<F: Fetch>(
    setup: Setup,
    fetch: &F,
    mut wants: watch::Receiver<Arc<Wants>>,
    queue: EventQueue,
    clock: WallClock,
    mut tell: impl FnMut(Word) + Send,
    cancel: CancellationToken,
) {
    let mut poller = Poller::new(setup, fetch.dialect(), queue, clock);
    poller.take_wants(&wants.borrow_and_update());
    for chain in poller.setup.chains.clone() {
        if poller.say(chain, SourceState::Connecting).await.is_err() {
            return;
        }
    }
    let mut flying: FuturesUnordered<Flight<'_>> = FuturesUnordered::new();
    let (mut plan, mut wake) = (true, None);
    loop {
        if plan {
            let Ok(after) = poller.start_what_is_due(fetch, &mut flying, &mut tell).await else { return };
            let told = poller.tell_ages(&mut tell);
            wake = after.into_iter().chain(told).min().map(|after| Instant::now() + after);
        }
        let pause = async {
            match wake {
                Some(at) => tokio::time::sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        let landed = tokio::select! {
            biased;
            () = cancel.cancelled() => return,
            Some(landed) = flying.next(), if !flying.is_empty() => landed,
            changed = wants.changed() => {
                if changed.is_err() {
                    return;
                }
                // Wants are published after each commit, and seldom concern us: planning looks at every list.
                plan = poller.take_wants(&wants.borrow_and_update());
                continue;
            }
            () = pause => {
                plan = true;
                continue;
            }
        };
        plan = true;
        // It may wait for room in the queue, and that may never come.
        let taken = tokio::select! {
            biased;
            () = cancel.cancelled() => return,
            taken = poller.land(landed) => taken,
        };
        if taken.is_err() {
            return;
        }
    }
}

/// What the poll loop tells of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Word {
    /// What was used of the day, the call counted that starts now.
    Used(BudgetNote),
    /// How old the lists of each chain are.
    Ages(BTreeMap<ChainId, ViewAge>),
}

/// A call under way.
type Flight<'f> = Pin<Box<dyn Future<Output = Landed> + Send + 'f>>;

/// A call that came back.
struct Landed {
    call: Call,
    started: Timestamp,
    response: Result<Response, HttpFault>,
}

struct Poller {
    setup: Setup,
    dialect: Dialect,
    queue: EventQueue,
    clock: WallClock,
    account: Account,
    planner: Planner,
    wants: BTreeMap<ChainId, Arc<ChainWants>>,
    /// The coin balances that were last seen: who has another one now moved something.
    coins: BTreeMap<(ChainId, Address), U256>,
    /// When the ages of lists were last told.
    aged: Option<Timestamp>,
    extras: Extras,
    pagers: BTreeMap<Call, Pager<Reported>>,
    breakers: BTreeMap<ChainId, Breaker<Timestamp>>,
    heads: BTreeMap<ChainId, u64>,
    /// The highest head that each chain showed: balances are of about there.
    highest: BTreeMap<ChainId, u64>,
    /// Lists that must be halved and wait for a head to halve from. To the planner they are under way.
    headless: BTreeSet<Call>,
    states: BTreeMap<ChainId, SourceState>,
    /// Chains that the key's plan does not hold, when it was last asked.
    refused: BTreeSet<ChainId>,
    /// Lists that cannot be read past a block, and when to try again. To the planner they are under way.
    stuck: BTreeMap<Call, Timestamp>,
    /// Lists whose unreadable rows were logged already.
    logged: BTreeSet<(ChainId, List)>,
}

impl Poller {
    fn new(setup: Setup, dialect: Dialect, queue: EventQueue, clock: WallClock) -> Self {
        let account = Account::new(setup.limits, setup.used);
        let planner = Planner::new(setup.limits);
        let extras = Extras { own_receipts: setup.own_receipts.clone(), heads: BTreeSet::new() };
        let breakers = setup.chains.iter().map(|chain| (*chain, Breaker::new(Patience::default()))).collect();
        Self {
            setup,
            dialect,
            queue,
            clock,
            account,
            planner,
            wants: BTreeMap::new(),
            coins: BTreeMap::new(),
            aged: None,
            extras,
            pagers: BTreeMap::new(),
            breakers,
            heads: BTreeMap::new(),
            highest: BTreeMap::new(),
            headless: BTreeSet::new(),
            states: BTreeMap::new(),
            refused: BTreeSet::new(),
            stuck: BTreeMap::new(),
            logged: BTreeSet::new(),
        }
    }

    /// Takes what was published; says whether anything of ours changed.
    fn take_wants(&mut self, wants: &Wants) -> bool {
        let now = (self.clock)();
        let mut changed = false;
        for (chain, new) in wants.chains.iter().filter(|(chain, _)| self.setup.chains.contains(chain)) {
            if self.wants.get(chain).is_none_or(|old| !Arc::ptr_eq(old, new)) {
                self.planner.take(now, *chain, new, &self.extras);
                self.wants.insert(*chain, Arc::clone(new));
                changed = true;
            }
        }
        // A list that nobody wants any more is not read to its end.
        let mut pagers = std::mem::take(&mut self.pagers);
        pagers.retain(|call, _| self.is_wanted(call));
        self.pagers = pagers;
        changed
    }

    /// Whether somebody wants this list.
    fn is_wanted(&self, call: &Call) -> bool {
        self.planner.from_block(*call).is_some() || self.planner.past_range(*call).is_some()
    }

    /// Lets the planner know that what the source itself needs of a chain changed.
    pub(super) fn need_anew(&mut self, chain: ChainId) {
        if let Some(wants) = self.wants.get(&chain) {
            self.planner.take((self.clock)(), chain, wants, &self.extras);
        }
    }

    /// Tells how old the lists are, at most so often; gives how long until it is told what changed meanwhile.
    fn tell_ages(&mut self, tell: &mut impl FnMut(Word)) -> Option<Duration> {
        let now = (self.clock)();
        let wait = self.aged.map_or(Duration::ZERO, |aged| AGES_EVERY.saturating_sub(now.since(aged)));
        if wait.is_zero() {
            self.aged = Some(now);
            tell(Word::Ages(self.planner.view_ages()));
            return None;
        }
        Some(wait)
    }

    /// Starts every call that may start now; gives how long to wait for the next.
    async fn start_what_is_due<'f, F: Fetch>(
        &mut self,
        fetch: &'f F,
        flying: &mut FuturesUnordered<Flight<'f>>,
        tell: &mut impl FnMut(Word),
    ) -> Result<Option<Duration>, Closed> {
        let now = (self.clock)();
        self.release_stuck(now);
        while flying.len() < MOST_IN_FLIGHT {
            let now = (self.clock)();
            let allowance = self.account.allowance(now);
            match self.planner.next(now, &allowance) {
                Choice::Make(call) if self.permits(call.chain(), now) => {
                    // Choosing among many lists takes its time: what counts is when the call starts.
                    let now = (self.clock)();
                    tell(Word::Used(self.account.started(now)));
                    self.planner.started(call, now);
                    let query = self.query(call);
                    flying.push(Box::pin(
                        async move { Landed { call, started: now, response: fetch.fetch(query).await } },
                    ));
                }
                Choice::Make(_) => {}
                Choice::Wait(until) => {
                    self.say_over_budget(now).await?;
                    let until = self.stuck.values().copied().fold(until, Timestamp::min);
                    // A millisecond more: the clock cuts what is finer.
                    return Ok(Some(until.since(now).saturating_add(Duration::from_millis(1))));
                }
                Choice::Idle => return Ok(self.stuck.values().min().map(|until| until.since(now))),
            }
        }
        Ok(None)
    }

    /// Whether the chain's breaker lets a call through; where not, the chain rests.
    fn permits(&mut self, chain: ChainId, now: Timestamp) -> bool {
        let Some(breaker) = self.breakers.get_mut(&chain) else { return true };
        let until = match breaker.ask(now) {
            Permit::Go | Permit::Probe => return true,
            Permit::NotBefore(until) => until,
            Permit::AwaitProbe => now.after(PROBE_GLANCE),
        };
        self.planner.rest_until(chain, until);
        false
    }

    fn query(&mut self, call: Call) -> String {
        let pages = self.dialect.pages();
        match call {
            Call::Receipt(chain, tx) => fetch::receipt_query(chain, tx),
            Call::Head(chain) => fetch::head_query(chain),
            Call::View(chain, address, list) => {
                let from = self.planner.from_block(call);
                let pager = self.pagers.entry(call).or_insert_with(|| Pager::new(from.unwrap_or(0)).paged(pages));
                fetch::rows_query(chain, address, list, pager.ask())
            }
            Call::History(chain, address, list) => {
                let (from, to) = self.planner.past_range(call).unwrap_or_default();
                let pager = self.pagers.entry(call).or_insert_with(|| Pager::within(from, to).paged(pages));
                fetch::rows_query(chain, address, list, pager.ask())
            }
            Call::Balances(chain, batch) => fetch::balances_query(chain, self.planner.batch(chain, batch)),
            Call::Balance(chain, address, asset) => fetch::balance_query(chain, address, asset),
            Call::Gas(chain) => fetch::gas_query(chain),
        }
    }

    /// Takes what came back.
    async fn land(&mut self, landed: Landed) -> Result<(), Closed> {
        let Landed { call, started, response } = landed;
        let chain = call.chain();
        let answer = response.map_err(Failure::from).and_then(|response| read(call, &response).map_err(Failure::from));
        let now = (self.clock)();
        let outcome = answer.as_ref().err().map_or(CallOutcome::Ok, Failure::outcome);
        self.setup.tally.called(chain, call.word(), outcome);
        let answer = match answer {
            Ok(answer) => answer,
            Err(failure) => {
                self.no_balance(call, &failure).await?;
                return self.suffer(call, started, now, &failure).await;
            }
        };
        self.account.answered();
        if self.refused.remove(&chain) {
            self.planner.set_aside(chain, false);
        }
        if let Some(breaker) = self.breakers.get_mut(&chain) {
            breaker.succeeded();
        }
        self.say(chain, SourceState::Fresh).await?;
        match answer {
            Answer::Head(head) => {
                self.planner.answered(call, false);
                if self.extras.heads.remove(&chain) {
                    self.need_anew(chain);
                }
                self.heads.insert(chain, head);
                self.release_headless(chain, head).await?;
                let event = Event::ExplorerHead(ExplorerHead { chain, source: self.setup.name.clone(), head });
                self.queue.send(Lane::New, event, SMALL_EVENT_BYTES).await
            }
            Answer::Receipt(tx, read) => {
                self.planner.answered(call, false);
                let (found, moved) = read.unzip();
                let (source, moved) = (self.setup.name.clone(), moved.unwrap_or_default());
                let event = Event::Receipt(Receipt { chain, source, tx, found, moved });
                self.queue.send(Lane::New, event, SMALL_EVENT_BYTES).await
            }
            Answer::Balances(balances) => {
                self.planner.answered(call, false);
                for (address, balance) in &balances {
                    if self.coins.insert((chain, *address), *balance).is_some_and(|before| before != *balance) {
                        self.planner.stir(chain, *address, now);
                    }
                }
                self.swept(chain, &balances).await
            }
            Answer::Balance(held) => self.read_balance(call, held).await,
            Answer::Gas(oracle) => {
                self.planner.answered(call, false);
                self.queue.send(Lane::New, gas::fees(&self.setup.name, chain, &oracle), SMALL_EVENT_BYTES).await
            }
            Answer::Rows(list, address, rows) => self.turn_page(call, list, address, rows).await,
        }
    }

    async fn turn_page(&mut self, call: Call, list: List, address: Address, rows: RowsAnswer) -> Result<(), Closed> {
        let chain = call.chain();
        if rows.unread > 0 {
            self.setup.tally.unread_rows(chain, list, rows.unread);
            if self.logged.insert((chain, list)) {
                let why = rows.why.as_ref().map_or("", Name::as_str);
                tracing::error!(%chain, list = list.word(), rows = rows.unread, why, "explorer rows cannot be read");
            }
        }
        if let Some(head) = rows.page.head {
            self.heads.insert(chain, head);
            self.planner.compare_heads(chain, (self.clock)());
        }
        let Some(pager) = self.pagers.get_mut(&call) else {
            // Nobody wants the list any more.
            self.planner.answered(call, false);
            return Ok(());
        };
        if rows.partial {
            pager.doubt();
        }
        let part = match pager.take(rows.page) {
            Ok(Progress::More(part)) => {
                self.planner.answered(call, true);
                part
            }
            Ok(Progress::Done(part)) => {
                self.planner.answered(call, false);
                self.pagers.remove(&call);
                Some(part)
            }
            Err(fault) => return self.give_up(call, fault).await,
        };
        match part {
            Some(part) => self.explored(call, address, list, part).await,
            None => Ok(()),
        }
    }

    /// Hands on what was read of a list.
    async fn explored(&mut self, call: Call, address: Address, list: List, part: Part<Reported>) -> Result<(), Closed> {
        let Part { from, to, head: index_head, rows } = part;
        let bytes = SMALL_EVENT_BYTES + rows.len() * size_of::<Reported>();
        let source = self.setup.name.clone();
        let chain = call.chain();
        let explored = Explored { chain, source, address, list, from, to, index_head, rows };
        let past = matches!(call, Call::History(..));
        let (lane, event) =
            if past { (Lane::Later, Event::History(explored)) } else { (Lane::New, Event::Explored(explored)) };
        self.queue.send(lane, event, bytes).await
    }
}

#[cfg(test)]
mod tests;
