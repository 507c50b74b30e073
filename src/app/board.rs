//! What other tasks than the pump know and people are shown: deliveries and the explorer's budget.

use crate::reactor::Reactor;
use crate::reactor::rows::Subject;
use crate::sinks::worker::{Observer, Outcome};
use crate::store::{OutboxCount, OutboxState};
use crate::telemetry::Metrics;
use crate::telemetry::names::AttemptOutcome;
use crate::telemetry::snapshot::{BudgetStatus, SinkStatus};
use crate::types::{Name, Timestamp};
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
    budget: Option<BudgetStatus>,
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

    /// What an explorer's plan has left.
    pub fn budget_left(&self, left: u64, of: u64) {
        self.state().budget = Some(BudgetStatus { left, of });
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

    /// The explorer's budget.
    #[must_use]
    pub fn budget(&self) -> Option<BudgetStatus> {
        self.state().budget
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
    }

    fn latency(&self, sink: &Name, since_block: Duration) {
        self.metrics.record(crate::telemetry::Metric::Latency, &[sink.as_str()], since_block.as_secs_f64());
    }

    fn pending(&self, sink: &Name, messages: usize, oldest: Option<Timestamp>) {
        let messages = u64::try_from(messages).unwrap_or(u64::MAX);
        self.board.state().pending.insert(sink.clone(), (messages, oldest));
    }
}
