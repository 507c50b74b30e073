//! What other tasks than the pump know and people are shown: deliveries and the explorers' budgets.

use crate::net::budget::day_of;
use crate::reactor::Reactor;
use crate::reactor::rows::{Subject, TroubleRow};
use crate::sinks::delivery::LaneStatus;
use crate::sinks::worker::{Observer, Outcome};
use crate::sources::etherscan::{BudgetNote, ViewAge};
use crate::store::{OutboxCount, OutboxState};
use crate::telemetry::Metrics;
use crate::telemetry::names::AttemptOutcome;
use crate::telemetry::snapshot::{BudgetStatus, SinkStatus};
use crate::types::{ChainId, Name, Timestamp};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The board. Everyone writes a little on it; the pump's overview reads it.
#[derive(Debug, Default)]
pub struct Board {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    sinks: BTreeMap<Name, LaneStatus>,
    dead: BTreeMap<Name, u64>,
    budgets: BTreeMap<Name, Spent>,
    ages: BTreeMap<ChainId, ViewAge>,
    delivered: u64,
}

/// What was used of an explorer's plan.
#[derive(Debug, Clone, Copy)]
struct Spent {
    note: BudgetNote,
    per_day: u64,
}

impl Board {
    /// Counts of the outbox, as the store has them.
    pub fn counted(&self, counts: &[OutboxCount]) {
        let mut state = self.state();
        state.dead.clear();
        for count in counts {
            if count.state == OutboxState::Dead {
                state.dead.insert(count.sink.clone(), count.messages);
            }
        }
    }

    /// What was used of an explorer's plan.
    pub fn budget_used(&self, explorer: &Name, note: BudgetNote, per_day: u64) {
        self.state().budgets.insert(explorer.clone(), Spent { note, per_day });
    }

    /// What was last used of an explorer's plan.
    #[must_use]
    pub fn budget_note(&self, explorer: &Name) -> Option<BudgetNote> {
        self.state().budgets.get(explorer).map(|spent| spent.note)
    }

    /// These explorers are left, and they read these chains.
    pub fn keep_budgets(&self, explorers: &BTreeSet<Name>, chains: &BTreeSet<ChainId>) {
        let mut state = self.state();
        state.budgets.retain(|name, _| explorers.contains(name));
        state.ages.retain(|chain, _| chains.contains(chain));
    }

    /// How old an explorer's lists are.
    pub fn ages(&self, ages: BTreeMap<ChainId, ViewAge>) {
        self.state().ages.extend(ages);
    }

    /// How old the explorer's lists of a chain are.
    #[must_use]
    pub fn age(&self, chain: ChainId) -> Option<ViewAge> {
        self.state().ages.get(&chain).copied()
    }

    /// Counts what deliveries do: while it stands still, nothing of them changed.
    #[must_use]
    pub fn delivered(&self) -> u64 {
        self.state().delivered
    }

    /// Every sink in force, as the delivery worker has it now.
    #[must_use]
    pub fn sinks(&self, reactor: &Reactor) -> Vec<SinkStatus> {
        let state = self.state();
        let sink = |name: &Name| {
            let lane = state.sinks.get(name);
            // What is refused for good is tried no more: the trouble that was told of stands until something gets through.
            let told = || {
                let of_it = |row: &&TroubleRow| row.open && row.subject == Subject::Sink(name.clone());
                let row = reactor.troubles().find(of_it)?;
                Some((row.since, row.reason.clone().unwrap_or_else(|| "it refused what was sent".into())))
            };
            let failing = lane.and_then(|lane| lane.failing.clone()).or_else(told);
            SinkStatus {
                name: name.clone(),
                pending: lane.map_or(0, |lane| u64::try_from(lane.pending).unwrap_or(u64::MAX)),
                dead: state.dead.get(name).copied().unwrap_or(0),
                oldest_pending: lane.and_then(|lane| lane.oldest),
                failing_since: failing.as_ref().map(|(since, _)| *since),
                last_error: failing.map(|(_, reason)| reason),
                next_try: lane.and_then(|lane| lane.next_try),
                disabled: lane.is_some_and(|lane| lane.disabled),
            }
        };
        reactor.settings().sinks.keys().map(sink).collect()
    }

    /// The explorers' budgets at this time: each UTC day has its own.
    #[must_use]
    pub fn budgets(&self, now: Timestamp) -> BTreeMap<Name, BudgetStatus> {
        let left = |Spent { note, per_day }: &Spent| {
            let used = if day_of(now) > note.day { 0 } else { note.used };
            BudgetStatus { left: per_day.saturating_sub(used), of: *per_day }
        };
        self.state().budgets.iter().map(|(name, spent)| (name.clone(), left(spent))).collect()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Counts what the delivery worker does.
#[derive(Debug, Clone)]
pub struct DeliveryCounter {
    /// Where to show it.
    pub board: Arc<Board>,
    /// Where to count it.
    pub metrics: Metrics,
}

impl Observer for DeliveryCounter {
    fn attempt(&self, sink: &Name, outcome: Outcome, _took: Duration) {
        let outcome = match outcome {
            Outcome::Ok => AttemptOutcome::Ok,
            Outcome::Again => AttemptOutcome::Again,
            Outcome::Dead => AttemptOutcome::Dead,
        };
        self.metrics.attempt(sink.as_str(), outcome, None);
        self.board.state().delivered += 1;
    }

    fn latency(&self, sink: &Name, since_block: Duration) {
        self.metrics.record(crate::telemetry::Metric::Latency, &[sink.as_str()], since_block.as_secs_f64());
    }

    fn stands(&self, status: LaneStatus) {
        let mut state = self.board.state();
        state.delivered += 1;
        state.sinks.insert(status.sink.clone(), status);
    }
}
