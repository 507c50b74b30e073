//! The pure state machine between what happens and what is done about it.
//!
//! `handle` takes one event and the time it was taken from its queue, and returns every effect of it. Nothing here reads a clock,
//! draws a random number, does I/O, logs, or can fail: a broken input is an event too.
//!
//! The tables are the record: a reactor rebuilt from them equals the running one but for [`Soft`].
//!
//! Sub-machines hold the state and know nothing of each other: [`chain`] (what is canonical), [`transfers`] (identity, place, stage),
//! [`alerts`] (messages and revisions), [`crossing`] (thresholds), [`market`] (what a pair costs), [`balances`], [`payments`] (limits), [`troubles`], [`timers`]. The files that
//! begin with a verb join them: `read_blocks`, `read_explorer` (with `authority` and `internals`), `read_balances`, `read_prices` (with `unpriced`), `speak` (with `allow`), `cross` (with `gas`),
//! `supervise` (with `accounts`, `deliveries` and `steady`), `configure` (with `let_go`), `want`.

mod accounts;
pub mod addresses;
pub mod alerts;
mod allow;
pub mod ask;
mod authority;
pub mod backfill;
pub mod balances;
pub mod bars;
mod beat;
pub mod chain;
mod change_watches;
mod configure;
mod cross;
pub mod crossing;
mod deceive;
pub mod decisions;
mod deliveries;
pub mod directory;
pub mod effect;
pub mod event;
pub mod gas;
mod halts;
mod held;
pub mod holdings;
pub mod hush;
mod hush_payments;
pub mod hushed;
mod internals;
mod ledger;
mod let_go;
pub mod linked;
pub mod lists;
pub mod looked;
pub mod market;
pub mod marks;
pub mod match_set;
mod matter;
mod missed;
pub mod money;
pub mod office;
mod opinions;
mod orders;
mod owe_history;
mod packed;
pub mod past;
mod pay_crossings;
mod pay_live;
pub mod paying;
pub mod payments;
pub mod phase;
pub mod pricing;
pub mod quiet;
pub mod quote;
mod read_balances;
mod read_blocks;
mod read_explorer;
mod read_history;
mod read_prices;
mod read_tokens;
pub mod room;
pub mod rows;
pub mod rules;
pub mod settings;
mod show;
pub mod source;
mod speak;
mod staged;
mod standing;
mod steady;
mod still;
mod supervise;
pub mod suspect;
pub mod system;
pub mod timers;
pub mod transfers;
pub mod troubles;
pub mod unpriced;
pub mod waits;
mod want;
pub mod wants;
pub mod watch_list;
mod watched;
pub mod why;
mod why_alert;
mod why_payment;
mod why_unpaid;
pub mod worth;

use crate::types::{Address, B256, ChainId, Pair, Timestamp, TransferId};
use alerts::Alerts;
use backfill::Backfills;
use balances::Balances;
use bars::Bars;
use chain::Chain;
use effect::{Effect, Reply};
use event::{Command, Event, List, SourceId, SourceState};
pub use pay_live::terms_fingerprint;
use payments::Payments;
use payments::desk::Desk;
use read_prices::Followed;
use rows::{Deadline, Stop, Subject, Tables, TokenRow, ViewRow};
use rules::Rules;
use settings::Settings;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use timers::Timers;
use transfers::Transfers;
use troubles::Troubles;
use wants::Wants;
use watch_list::WatchList;
use watched::Watched;

/// After a longer outage than this many blocks the tip goes live at once and the gap is read beside it.
pub const LARGEST_STEP: u64 = 256;
/// How many of the newest blocks sources are shown, to walk back to: as many as a step may have.
pub const PUBLISHED_BLOCKS: usize = 257;

/// The whole state.
#[derive(Debug, Clone, Default)]
pub struct Reactor {
    settings: Settings,
    watched: Watched,
    chains: BTreeMap<ChainId, Chain>,
    transfers: Transfers,
    alerts: Alerts,
    rules: Rules,
    tokens: BTreeMap<(ChainId, Address), TokenRow>,
    views: BTreeMap<(ChainId, Address, List), ViewRow>,
    troubles: Troubles,
    payments: Payments,
    desk: Desk,
    balances: Balances,
    backfills: Backfills,
    bars: Bars,
    watch_list: WatchList,
    timers: Timers,
    soft: Soft,
    /// The latest time seen: it never runs backwards.
    at: Timestamp,
    wants: Wants,
    /// Chains whose wants have to be derived anew.
    unpublished: BTreeSet<ChainId>,
}

/// What starts empty after a restart, and may.
#[derive(Debug, Clone, Default)]
struct Soft {
    /// The newest price of each pair by feed, only while the feed is fresh.
    prices: BTreeMap<Pair, Followed>,
    /// What gas costs.
    gas: BTreeMap<ChainId, gas::Gas>,
    /// States of sources.
    sources: BTreeMap<SourceId, SourceState>,
    /// What live rules were shown.
    shown: pay_crossings::Shown,
    /// The file that stops all payments of this process.
    freeze_file: Option<paying::FreezeFile>,
    /// Payments of which the chain was seen to say what Circle says.
    compared_payments: ledger::Compared,
    /// What other operators are asked about planned payments.
    opinions: opinions::Opinions,
    /// When something useful last came.
    progress: BTreeMap<Subject, Timestamp>,
    /// Tokens whose decimals were waited for in vain.
    waited: BTreeSet<(ChainId, Address)>,
    /// Chains whose blocks were held against what an explorer vouched for, since it last did.
    compared: BTreeSet<ChainId>,
    /// The blocks, first and last, that are read now and were missed when they were mined; there for each chain that gave any blocks.
    missed: BTreeMap<ChainId, Option<(u64, u64)>>,
    /// Transactions whose receipt was asked for and answered since the last answer of the explorer.
    receipts_asked: BTreeSet<(ChainId, B256)>,
    /// The newest head of an explorer's proxy, and when it came.
    proxy_heads: BTreeMap<ChainId, (u64, Timestamp)>,
    /// Where the explorer's list last had an internal movement that was known to be elsewhere, or gone: the block and its time.
    listed_elsewhere: BTreeMap<TransferId, (u64, Timestamp)>,
    /// The version of the watch list with which an address last joined a history, by its upper end.
    joined: BTreeMap<(ChainId, u64), u64>,
}

impl Reactor {
    /// From the tables, at `now`. [`Event::Configured`] has to follow before anything else is of use.
    #[must_use]
    pub fn restore(tables: Tables, now: Timestamp) -> Self {
        let mut blocks: BTreeMap<ChainId, Vec<_>> = BTreeMap::new();
        for block in tables.blocks {
            blocks.entry(block.chain).or_default().push(block);
        }
        let mut gaps: BTreeMap<ChainId, Vec<_>> = BTreeMap::new();
        for gap in tables.gaps {
            gaps.entry(gap.chain).or_default().push(gap);
        }
        let chains = tables.chains.into_iter().map(|row| {
            let id = row.chain;
            let window = blocks.remove(&id).unwrap_or_default();
            (id, Chain::restore(row, window, gaps.remove(&id).unwrap_or_default()))
        });
        Self {
            chains: chains.collect(),
            transfers: Transfers::restore(tables.transfers),
            alerts: Alerts::restore(tables.alerts, tables.quiet),
            rules: Rules::restore(tables.rules),
            tokens: tables.tokens.into_iter().map(|row| ((row.chain, row.contract), row)).collect(),
            views: tables.views.into_iter().map(|row| ((row.chain, row.address, row.list), row)).collect(),
            troubles: Troubles::restore(tables.troubles),
            desk: Desk::restore(tables.payments.clone(), tables.office),
            payments: Payments::restore(tables.payments),
            watch_list: WatchList::restore(tables.watches, tables.addresses, tables.requests),
            balances: Balances::restore(tables.balances, tables.levels),
            backfills: Backfills::restore(tables.backfills, tables.scans),
            bars: Bars::restore(tables.bars),
            timers: Timers::restore(tables.deadlines, now),
            at: now,
            ..Self::default()
        }
    }

    /// Takes one event. The effects are everything that follows from it.
    pub fn handle(&mut self, at: Timestamp, event: Event) -> Vec<Effect> {
        self.at = self.at.max(at);
        let mut effects = Vec::new();
        if let Err(notice) = self.is_ours(&event) {
            effects.push(Effect::Notice(notice));
            return effects;
        }
        match event {
            Event::Configured(settings) => self.configure(*settings, &mut effects),
            Event::Contact(contact) => self.contact(&contact, &mut effects),
            Event::Head(head) => self.head(&head, &mut effects),
            Event::Run(run) => self.run(&run, &mut effects),
            Event::Tags(tags) => self.tags(&tags, &mut effects),
            Event::Explored(explored) => self.explored(&explored, &mut effects),
            Event::History(explored) => self.listed_history(&explored, &mut effects),
            Event::Logs(logs) => self.read_logs(&logs, &mut effects),
            Event::ExplorerHead(head) => self.explorer_head(&head, &mut effects),
            Event::Receipt(receipt) => self.receipt(&receipt, &mut effects),
            Event::Token(facts) => self.token(facts, &mut effects),
            Event::Balances(answer) => self.balances(&answer, &mut effects),
            Event::Tick(tick) => self.tick(tick, &mut effects),
            Event::Quiet { feed, pair, why } => self.forget_price(&feed, &pair, why, &mut effects),
            Event::Fees(fees) => self.fees(&fees, &mut effects),
            Event::Source(report) => self.source(report, &mut effects),
            Event::Delivery(report) => self.delivery(report, &mut effects),
            Event::Command(Command::TestSink { sink }) => self.test_sink(sink, &mut effects),
            Event::Command(Command::AcceptChain { chain }) => self.accept_chain(chain, &mut effects),
            Event::Command(Command::Watches(order)) => self.order_watches(*order, &mut effects),
            Event::Command(Command::WhyAlert(row)) => {
                effects.push(Effect::Answer(Box::new(Reply::Why(self.why_alert(&row)))));
            }
            Event::Command(Command::Why(row)) => {
                effects.push(Effect::Answer(Box::new(Reply::Why(self.why(&row)))));
            }
            Event::Command(Command::WhyPayment(id)) => {
                effects.push(Effect::Answer(Box::new(Reply::WhyPayment(self.why_payment(id)))));
            }
            Event::Command(Command::Silence(order)) => self.order_silence(*order, &mut effects),
            Event::Command(Command::Payments(order)) => self.order_payments(*order, &mut effects),
            Event::Opinion(opinion) => self.opinion(&opinion, &mut effects),
            Event::Answered(answer) => self.answered(*answer, &mut effects),
            Event::Hinted(transaction) => self.hinted(&transaction, &mut effects),
            Event::FreezeFile(file) => self.freeze_file(file.map(|file| *file), &mut effects),
            Event::Clock(report) => self.clock_moved(&report, &mut effects),
            Event::Unlistable(list) => self.unlistable(list, &mut effects),
            Event::Unreadable { chain, block } => self.stop(chain, Stop::Unreadable(block), &mut effects),
            Event::Deadline(deadline) => self.deadline(deadline, &mut effects),
        }
        effects
    }

    /// The next deadline, and what it is for. When it is reached it comes back as [`Event::Deadline`].
    #[must_use]
    pub fn next_deadline(&self) -> Option<(Timestamp, Deadline)> {
        self.timers.next().map(|(due, deadline)| (due, deadline.clone()))
    }

    /// Whether what it needs from sources may have changed since it was last asked.
    #[must_use]
    pub fn wants_changed(&self) -> bool {
        !self.unpublished.is_empty()
    }

    /// What it needs from sources.
    pub fn wants(&mut self) -> &Wants {
        for chain in std::mem::take(&mut self.unpublished) {
            if !self.settings.chains.contains_key(&chain) {
                self.wants.chains.remove(&chain);
                continue;
            }
            let wants = Arc::new(self.chain_wants(chain));
            self.wants.chains.insert(chain, wants);
        }
        &self.wants
    }

    /// Every row that a rebuilt reactor would read: what the store must hold of it.
    #[must_use]
    pub fn tables(&self) -> Tables {
        Tables {
            // A chain that only spoke of its heads has no row yet.
            chains: self
                .chains
                .values()
                .map(Chain::row)
                .filter(|row| **row != *Chain::new(row.chain).row())
                .cloned()
                .collect(),
            blocks: self.chains.values().flat_map(|chain| chain.window().copied()).collect(),
            gaps: self.chains.values().flat_map(|chain| chain.gaps().copied()).collect(),
            transfers: self.transfers.iter().collect(),
            alerts: self.alerts.iter().cloned().collect(),
            rules: self.rules.rows().cloned().collect(),
            views: self.views.values().copied().collect(),
            tokens: self.tokens.values().cloned().collect(),
            deadlines: self.timers.rows().cloned().collect(),
            troubles: self.troubles.iter().cloned().collect(),
            payments: self.payments.iter().chain(self.desk.payments()).cloned().collect(),
            office: self.desk.tables(),
            balances: self.balances.rows().cloned().collect(),
            levels: self.balances.levels().cloned().collect(),
            backfills: self.backfills.rows().cloned().collect(),
            scans: self.backfills.scans().copied().collect(),
            bars: self.bars.rows().cloned().collect(),
            quiet: self.quiet_rows(),
            watches: self.watch_list.rows().cloned().collect(),
            addresses: self.watch_list.addresses(),
            requests: self.watch_list.requests().cloned().collect(),
        }
    }

    fn deadline(&mut self, deadline: Deadline, effects: &mut Vec<Effect>) {
        // A deadline that was moved or cleared since it was announced is no deadline.
        if !self.timers.is_due(self.at, &deadline) {
            return;
        }
        self.timers.clear(&deadline, effects);
        match deadline {
            Deadline::Holds(rule) => self.held_long_enough(&rule, effects),
            Deadline::Silent(subject) => self.silent(subject, effects),
            Deadline::TokenWait(chain, contract) => self.token_wait_over(chain, contract, effects),
            Deadline::Revert(chain) => self.revert(chain, effects),
            Deadline::Forget(transfer) => self.forget(transfer, effects),
            Deadline::Expires(payment) => self.expire(payment, effects),
            Deadline::Money => self.money_due(effects),
            Deadline::BalanceHolds(level) => self.balance_holds(&level, effects),
            Deadline::Heartbeat => self.beat(effects),
            Deadline::Digest => self.digest_due(effects),
            Deadline::Silence(number) => self.silence_over(number, effects),
            Deadline::Steady(subject) => self.steady(&subject, effects),
            Deadline::Outages => self.outages_due(effects),
        }
    }
}
