//! Drives the reactor through the past: every chain's blocks in the order of their times, deadlines between them, and what the reactor
//! wants to know of each block before the next.

use super::listed::Listed;
use super::misses::Misses;
use super::report::{Found, Limits, Report, Stretch, report};
use super::settings::{LISTS, STATED};
use super::uncovered::{Holder, Uncovered};
use super::{BacktestFault, Progress};
use crate::app::turn::Draft;
use crate::reactor::Reactor;
use crate::reactor::effect::{Effect, Reply};
use crate::reactor::event::{
    Balances, Command, Contact, Event, NoBalance, ReadAt, Run, RunPart, SourceId, SourceKind, SourceReport,
    SourceState, Tick, TokenFacts,
};
use crate::reactor::match_set::MatchSet;
use crate::reactor::money::{PaymentRow, PaymentState};
use crate::reactor::rows::Row;
use crate::reactor::settings::Settings;
use crate::reactor::wants::StretchWant;
use crate::sources::chain::LookBack;
use crate::store::{Reader, SqliteStore, Store, TransferFilter};
use crate::types::{Address, B256, Block, BlockRef, ChainId, Name, Pair, Price, Timestamp, Tracer};
use serde_json::json;
use std::collections::{BTreeMap, VecDeque};
use std::path::Path;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// The note that holds the nearest misses.
const MISSES: &str = "backtest/misses";
/// The note that holds of which days no node could give balances.
const UNCOVERED: &str = "backtest/uncovered";
/// The note that holds which limit each payment met that had no room.
const LIMITS: &str = "backtest/limits";
/// What is read is committed after so many blocks …
const MOST_BLOCKS: u64 = 256;
/// … or so many rows: what is lost by a kill is read again in a moment.
const MOST_ROWS: usize = 8_192;
/// Balances that are asked for at once.
const AT_ONCE: usize = 100;
/// A balance that nobody answers is asked for so often: a node hiccups. One that was not known on an earlier day is asked for once: the
/// node keeps no states so old.
const TRIES: (u32, u32) = (4, 1);
/// Rows of a page of transfers, when they are looked through.
const PAGE: usize = 500;

/// Who knows the past of a chain.
pub(super) enum Past {
    /// Its nodes.
    Node(Box<LookBack>),
    /// An explorer's lists.
    Lists(Listed),
}

impl Past {
    async fn contact(&mut self, chain: ChainId) -> Result<Contact, BacktestFault> {
        match self {
            Self::Node(node) => Ok(node.contact().await?),
            Self::Lists(_) => Ok(Contact { chain, endpoint: LISTS.into(), genesis: None, traces: Some(Tracer::Flat) }),
        }
    }

    async fn blocks(&mut self, stretch: StretchWant) -> Result<Vec<Block>, BacktestFault> {
        match self {
            Self::Node(node) => Ok(node.blocks(stretch).await?),
            Self::Lists(lists) => Ok(lists.blocks(stretch)),
        }
    }

    async fn token(&mut self, contract: Address) -> Result<Option<TokenFacts>, BacktestFault> {
        match self {
            Self::Node(node) => Ok(node.token(contract).await?),
            Self::Lists(lists) => Ok(lists.token(contract)),
        }
    }

    async fn balances(
        &mut self,
        chain: ChainId,
        at: BlockRef,
        of: &[Holder],
        most: u32,
    ) -> Result<Balances, BacktestFault> {
        match self {
            Self::Node(node) => Ok(node.balances(at, of, most).await?),
            Self::Lists(_) => {
                let read = of.iter().map(|(address, asset)| (*address, *asset, Err(NoBalance::NoAnswer))).collect();
                let at = ReadAt { number: at.number, hash: Some(at.hash) };
                Ok(Balances { chain, source: LISTS.into(), at, read })
            }
        }
    }
}

/// One chain, with what was read ahead.
pub(super) struct Reading {
    past: Past,
    /// The first block that was not read, and the hash below it.
    next: (u64, Option<B256>),
    from: u64,
    to: u64,
    ahead: VecDeque<Block>,
    chain: Name,
    contact: Contact,
}

impl Reading {
    pub(super) async fn begin(chain: ChainId, mut past: Past, stretch: &Stretch) -> Result<Self, BacktestFault> {
        let contact = past.contact(chain).await?;
        let Stretch { from, to, .. } = *stretch;
        let (next, ahead, chain) = ((from, None), VecDeque::new(), stretch.chain.clone());
        Ok(Self { past, next, from, to, ahead, chain, contact })
    }

    /// Reads ahead where nothing is there. Gives the time of the next block; `None` at the end.
    async fn peek(&mut self) -> Result<Option<Timestamp>, BacktestFault> {
        let (from, below) = self.next;
        if self.ahead.is_empty() && from <= self.to {
            let read = self.past.blocks(StretchWant { from, to: self.to, below }).await?;
            for block in read {
                let (number, below) = self.next;
                if block.at.number != number || below.is_some_and(|below| below != block.at.parent) {
                    return Err(BacktestFault::Moved { chain: self.chain.clone(), block: number });
                }
                self.next = (number + 1, Some(block.at.hash));
                self.ahead.push_back(block);
            }
        }
        Ok(self.ahead.front().map(|block| block.time))
    }
}

/// The reactor on its way through the past.
pub(super) struct Drive {
    reactor: Reactor,
    store: SqliteStore,
    draft: Draft,
    drafted: u64,
    misses: Misses,
    prices: BTreeMap<Pair, Price>,
    uncovered: Uncovered,
    limits: Limits,
    at: Timestamp,
}

impl Drive {
    /// Begins, or goes on from what the store holds.
    pub(super) fn begin(
        reactor: Reactor,
        store: SqliteStore,
        settings: Settings,
        prices: BTreeMap<Pair, Price>,
        at: Timestamp,
    ) -> Result<Self, BacktestFault> {
        let misses = store.note(MISSES)?.map_or_else(Misses::default, |note| Misses::from_note(&note));
        let limits = store.note(LIMITS)?.and_then(|note| serde_json::from_str(&note).ok()).unwrap_or_default();
        let uncovered = store.note(UNCOVERED)?.map_or_else(Uncovered::default, |note| Uncovered::from_note(&note));
        let draft = Draft::default();
        let mut drive = Self { reactor, store, draft, drafted: 0, misses, prices, uncovered, limits, at };
        drive.handle(at, Event::Configured(Box::new(settings)));
        drive.commit()?;
        Ok(drive)
    }

    /// The watched addresses, for who chooses what to read.
    pub(super) fn watched(&mut self) -> Arc<MatchSet> {
        Arc::clone(&self.reactor.wants().watched)
    }

    /// Goes through all of it.
    pub(super) async fn run(
        &mut self,
        mut readings: BTreeMap<ChainId, Reading>,
        stop: &CancellationToken,
        mut told: impl FnMut(Progress),
    ) -> Result<(), BacktestFault> {
        let mut progress = Progress { done: 0, all: 0, before: 0, at: self.at };
        for (chain, reading) in &mut readings {
            progress.all += reading.to - reading.from + 1;
            if let Some(tip) = self.reactor.chain(*chain).and_then(crate::reactor::chain::Chain::tip) {
                reading.next = (tip.number + 1, Some(tip.hash));
                progress.before += tip.number + 1 - reading.from;
            }
            self.fresh(SourceKind::Rpc, Some(*chain), reading.contact.endpoint.clone());
            self.handle(self.at, Event::Contact(reading.contact.clone()));
        }
        progress.done = progress.before;
        if !self.prices.is_empty() {
            self.fresh(SourceKind::Feed, None, STATED.into());
        }
        told(progress);
        loop {
            let mut first: Option<(Timestamp, ChainId)> = None;
            for (chain, reading) in &mut readings {
                let time = tokio::select! {
                    () = stop.cancelled() => None,
                    time = reading.peek() => time?,
                };
                first = [first, time.map(|time| (time, *chain))].into_iter().flatten().min();
            }
            let stopped = stop.is_cancelled();
            if let (Some((_, chain)), false) = (first, stopped)
                && let Some(reading) = readings.get_mut(&chain)
                && let Some(block) = reading.ahead.pop_front()
            {
                progress.at = block.time;
                self.block(chain, reading, block).await?;
                progress.done += 1;
                if self.drafted >= MOST_BLOCKS || self.draft.rows() >= MOST_ROWS {
                    self.commit()?;
                    told(progress);
                }
                continue;
            }
            self.commit()?;
            told(progress);
            return if stopped { Err(BacktestFault::Stopped(progress)) } else { Ok(()) };
        }
    }

    /// One block: what was due before it, what it moves, and what the reactor then wants to know.
    async fn block(&mut self, chain: ChainId, reading: &mut Reading, block: Block) -> Result<(), BacktestFault> {
        let at = block.time.max(self.at);
        while let Some((due, deadline)) = self.reactor.next_deadline().filter(|(due, _)| *due <= at) {
            self.handle(due.max(self.at), Event::Deadline(deadline));
            self.answer(chain, reading).await?;
        }
        for (pair, price) in self.prices.clone() {
            self.handle(at, Event::Tick(Tick { feed: STATED.into(), pair, price, time: at }));
        }
        self.misses.of_block(self.reactor.settings(), chain, &block);
        let endpoint = reading.contact.endpoint.clone();
        let run = Run { chain, endpoint, blocks: vec![block], part: RunPart::Tip, chosen_by: None };
        self.handle(at, Event::Run(run));
        self.drafted += 1;
        self.answer(chain, reading).await
    }

    /// Reads what the reactor wants of a chain now: tokens, and balances that something moved.
    async fn answer(&mut self, chain: ChainId, reading: &mut Reading) -> Result<(), BacktestFault> {
        if !self.reactor.wants_changed() {
            return Ok(());
        }
        let Some(wants) = self.reactor.wants().chains.get(&chain).cloned() else { return Ok(()) };
        for contract in &wants.tokens {
            if let Some(facts) = reading.past.token(*contract).await? {
                self.handle(self.at, Event::Token(facts));
            }
        }
        let Some(tip) = wants.window.last().copied() else { return Ok(()) };
        let wanted = wants.balances.iter().filter(|want| want.soon).map(|want| (want.address, want.asset));
        let wanted: Vec<Holder> =
            wanted.filter(|holder| !self.uncovered.is_given_up(chain, *holder, self.at)).collect();
        let (new, known): (Vec<_>, Vec<_>) =
            wanted.into_iter().partition(|holder| !self.uncovered.was_given_up(chain, *holder));
        for (holders, tries) in [(new, TRIES.0), (known, TRIES.1)] {
            for some in holders.chunks(AT_ONCE) {
                self.balances(chain, reading, tip, some, tries).await?;
            }
        }
        Ok(())
    }

    async fn balances(
        &mut self,
        chain: ChainId,
        reading: &mut Reading,
        tip: BlockRef,
        of: &[Holder],
        tries: u32,
    ) -> Result<(), BacktestFault> {
        let read = reading.past.balances(chain, tip, of, tries).await?;
        for (address, asset, _) in read.read.iter().filter(|(.., amount)| *amount == Err(NoBalance::NoAnswer)) {
            self.uncovered.give_up(self.reactor.settings(), chain, (*address, *asset), self.at);
        }
        self.misses.of_balances(self.reactor.settings(), &read);
        self.handle(self.at, Event::Balances(read));
        Ok(())
    }

    fn handle(&mut self, at: Timestamp, event: Event) {
        self.at = at;
        let effects = self.reactor.handle(at, event);
        for effect in &effects {
            if let Effect::Put(Row::Payment(payment)) = effect {
                self.note_limit(payment);
            }
        }
        self.draft.add(at, effects);
    }

    /// A payment without room says only that: which limit has none is known at this moment alone.
    fn note_limit(&mut self, payment: &PaymentRow) {
        let settings = self.reactor.settings();
        let of_rule = settings.payments.iter().find(|settings| settings.rule == payment.rule);
        if let (PaymentState::Held, Some(of_rule), Some(payee)) =
            (payment.state, of_rule, settings.payees.get(&payment.payee))
            && let Some(limit) =
                self.reactor.payments().limit_reached(of_rule, payee, payment.amount, payment.planned_at)
        {
            self.limits.insert(payment.id.to_string(), limit.to_owned());
        }
    }

    /// A source that answers, for those that ask whether one does.
    fn fresh(&mut self, kind: SourceKind, chain: Option<ChainId>, name: Name) {
        let source = SourceId { kind, chain, name };
        self.handle(self.at, Event::Source(SourceReport { source, state: SourceState::Fresh }));
    }

    /// What is noted goes first: it only gets nearer, and is found again when the blocks are read again.
    fn commit(&mut self) -> Result<(), BacktestFault> {
        self.store.set_note(MISSES, &self.misses.to_note())?;
        if !self.limits.is_empty() {
            self.store.set_note(LIMITS, &json!(self.limits).to_string())?;
        }
        if let Some(note) = self.uncovered.to_note() {
            self.store.set_note(UNCOVERED, &note)?;
        }
        self.drafted = 0;
        let (commit, _) = std::mem::take(&mut self.draft).finish();
        self.store.commit(&commit)?;
        Ok(())
    }

    /// The answer, out of the store.
    pub(super) fn report(
        mut self,
        stretches: BTreeMap<ChainId, Stretch>,
        scratch: &Path,
    ) -> Result<Report, BacktestFault> {
        let reader = Reader::open(scratch)?;
        let mut moved = 0;
        let mut after = None;
        loop {
            let page = reader.transfers(&TransferFilter { after, ..TransferFilter::default() }, PAGE)?;
            for row in &page.rows {
                moved += 1;
                let effects = self.reactor.handle(self.at, Event::Command(Command::Why(Box::new(row.clone()))));
                for effect in effects {
                    if let Effect::Answer(reply) = effect
                        && let Reply::Why(looked) = *reply
                    {
                        self.misses.of_transfer(self.reactor.settings(), row, &looked);
                    }
                }
            }
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        let found = Found {
            stretches,
            transfers: moved,
            misses: self.misses.all(),
            limits: self.limits,
            uncovered: self.uncovered,
            priced: !self.prices.is_empty(),
        };
        report(&reader, self.reactor.settings(), found)
    }
}
