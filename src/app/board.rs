//! What other tasks than the pump know and people are shown: deliveries and the explorers' budgets.

use crate::net::budget::day_of;
use crate::reactor::Reactor;
use crate::reactor::rows::Subject;
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
    pending: BTreeMap<Name, (u64, Option<Timestamp>)>,
    dead: BTreeMap<Name, u64>,
    disabled: BTreeSet<Name>,
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
    /// Counts of the outbox, and disabled sinks, as the store has them.
    pub fn counted(&self, counts: &[OutboxCount], disabled: Vec<Name>) {
        let mut state = self.state();
        state.dead.clear();
        for count in counts {
            if count.state == OutboxState::Dead {
                state.dead.insert(count.sink.clone(), count.messages);
            }
        }
        state.disabled = disabled.into_iter().collect();
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

    /// Every sink in force.
    #[must_use]
    pub fn sinks(&self, reactor: &Reactor) -> Vec<SinkStatus> {
        let state = self.state();
        let failing = |name: &Name| {
            let row = reactor.troubles().find(|row| row.open && row.subject == Subject::Sink(name.clone()));
            row.map(|row| row.since)
        };
        let sink = |name: &Name| {
            let (pending, oldest_pending) = state.pending.get(name).copied().unwrap_or_default();
            SinkStatus {
                name: name.clone(),
                pending,
                dead: state.dead.get(name).copied().unwrap_or(0),
                oldest_pending,
                failing_since: failing(name),
                disabled: state.disabled.contains(name),
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

    fn pending(&self, sink: &Name, messages: usize, oldest: Option<Timestamp>) {
        let messages = u64::try_from(messages).unwrap_or(u64::MAX);
        let mut state = self.board.state();
        if state.pending.insert(sink.clone(), (messages, oldest)) != Some((messages, oldest)) {
            state.delivered += 1;
        }
    }
}
