//! The one writer: a thread body that takes requests from a bounded queue and puts all that wait into one durable transaction.
//!
//! It does not wait for more: a single request when idle costs one commit, and under load each commit carries what came in during the last.
//! An answer is given after the commit that holds the request. After a failed commit everything is refused.

use super::fault::StoreFault;
use super::prune::{Prune, Pruned};
use super::sqlite::{SqliteStore, Turn};
use super::{Budget, Commit, DeliveryWrite, OutboxRow};
use tokio::sync::{mpsc, oneshot};

/// Most requests in one transaction: beyond it a commit only takes longer.
pub const GROUP: usize = 256;
/// Requests that may wait: one full group behind the one under way.
const WAITING: usize = GROUP;

type Answer<T> = oneshot::Sender<Result<T, StoreFault>>;

/// A request, with room for what it finds out inside the transaction: that is told after the commit.
enum Request {
    Commit { commit: Commit, added: Vec<OutboxRow>, answer: Answer<Vec<OutboxRow>> },
    Deliver { writes: Vec<DeliveryWrite>, answer: Answer<()> },
    Note { key: String, value: String, answer: Answer<()> },
    Prune { prune: Prune, pruned: Pruned, answer: Answer<Pruned> },
    Stop { answer: Answer<()> },
}

/// Asks the writer. Cheap to clone; when the last one is dropped the writer ends.
#[derive(Debug, Clone)]
pub struct WriterHandle {
    requests: mpsc::Sender<Request>,
}

/// The writer of `store`: how to ask it, and its thread's body. The body ends after `stop`, when every handle is gone, or with the fault
/// of a failed commit; the process then ends too.
pub fn writer(store: SqliteStore) -> (WriterHandle, impl FnOnce() -> Result<(), StoreFault> + Send + 'static) {
    let (requests, waiting) = mpsc::channel(WAITING);
    (WriterHandle { requests }, move || serve(store, waiting))
}

impl WriterHandle {
    /// Writes one turn. Gives its new outbox rows when they are durable.
    ///
    /// # Errors
    /// When it is not durable: the process ends.
    pub async fn commit(&self, commit: Commit) -> Result<Vec<OutboxRow>, StoreFault> {
        self.ask(|answer| Request::Commit { commit, added: Vec::new(), answer }).await
    }

    /// Writes delivery columns.
    ///
    /// # Errors
    /// As for `commit`.
    pub async fn deliver(&self, writes: Vec<DeliveryWrite>) -> Result<(), StoreFault> {
        self.ask(|answer| Request::Deliver { writes, answer }).await
    }

    /// Notes a small text under `key`.
    ///
    /// # Errors
    /// As for `commit`.
    pub async fn note(&self, key: String, value: String) -> Result<(), StoreFault> {
        self.ask(|answer| Request::Note { key, value, answer }).await
    }

    /// Notes how much of an explorer's budget is used up.
    ///
    /// # Errors
    /// As for `commit`.
    pub async fn note_budget(&self, source: &str, budget: Budget) -> Result<(), StoreFault> {
        self.note(Budget::key(source), budget.to_note()).await
    }

    /// One small step of pruning.
    ///
    /// # Errors
    /// As for `commit`.
    pub async fn prune(&self, prune: Prune) -> Result<Pruned, StoreFault> {
        self.ask(|answer| Request::Prune { prune, pruned: Pruned::default(), answer }).await
    }

    /// Writes what was asked for before, closes the store and ends the writer. Requests after it get [`StoreFault::Closed`].
    ///
    /// # Errors
    /// As for `commit`.
    pub async fn stop(&self) -> Result<(), StoreFault> {
        self.ask(|answer| Request::Stop { answer }).await
    }

    /// `commit` for threads without a runtime. It panics inside one.
    ///
    /// # Errors
    /// As for `commit`.
    pub fn commit_blocking(&self, commit: Commit) -> Result<Vec<OutboxRow>, StoreFault> {
        self.ask_blocking(|answer| Request::Commit { commit, added: Vec::new(), answer })
    }

    /// `deliver` for threads without a runtime. It panics inside one.
    ///
    /// # Errors
    /// As for `commit`.
    pub fn deliver_blocking(&self, writes: Vec<DeliveryWrite>) -> Result<(), StoreFault> {
        self.ask_blocking(|answer| Request::Deliver { writes, answer })
    }

    /// `note` for threads without a runtime. It panics inside one.
    ///
    /// # Errors
    /// As for `commit`.
    pub fn note_blocking(&self, key: String, value: String) -> Result<(), StoreFault> {
        self.ask_blocking(|answer| Request::Note { key, value, answer })
    }

    /// `prune` for threads without a runtime. It panics inside one.
    ///
    /// # Errors
    /// As for `commit`.
    pub fn prune_blocking(&self, prune: Prune) -> Result<Pruned, StoreFault> {
        self.ask_blocking(|answer| Request::Prune { prune, pruned: Pruned::default(), answer })
    }

    /// `stop` for threads without a runtime. It panics inside one.
    ///
    /// # Errors
    /// As for `commit`.
    pub fn stop_blocking(&self) -> Result<(), StoreFault> {
        self.ask_blocking(|answer| Request::Stop { answer })
    }

    async fn ask<T>(&self, request: impl FnOnce(Answer<T>) -> Request) -> Result<T, StoreFault> {
        let (answer, told) = oneshot::channel();
        self.requests.send(request(answer)).await.map_err(|_| StoreFault::Closed)?;
        told.await.unwrap_or(Err(StoreFault::Closed))
    }

    fn ask_blocking<T>(&self, request: impl FnOnce(Answer<T>) -> Request) -> Result<T, StoreFault> {
        let (answer, told) = oneshot::channel();
        self.requests.blocking_send(request(answer)).map_err(|_| StoreFault::Closed)?;
        told.blocking_recv().unwrap_or(Err(StoreFault::Closed))
    }
}

fn serve(mut store: SqliteStore, mut waiting: mpsc::Receiver<Request>) -> Result<(), StoreFault> {
    while let Some(first) = waiting.blocking_recv() {
        let mut group = vec![first];
        while group.len() < GROUP
            && let Ok(next) = waiting.try_recv()
        {
            group.push(next);
        }
        let stops = group.iter().any(|request| matches!(request, Request::Stop { .. }));
        let outcome = store.together(|turn| group.iter_mut().try_for_each(|request| request.perform(turn)));
        if !stops && outcome.is_ok() {
            group.into_iter().for_each(|request| request.tell(Ok(())));
            continue;
        }
        // The file is closed and its lock is free before anyone is told that the writer has stopped.
        drop(store);
        waiting.close();
        group.into_iter().for_each(|request| request.tell(outcome.clone()));
        let refusal = outcome.clone().err().unwrap_or(StoreFault::Closed);
        while let Some(request) = waiting.blocking_recv() {
            request.tell(Err(refusal.clone()));
        }
        return outcome;
    }
    Ok(())
}

impl Request {
    fn perform(&mut self, turn: &mut Turn<'_>) -> rusqlite::Result<()> {
        match self {
            Self::Commit { commit, added, .. } => *added = turn.commit(commit)?,
            Self::Deliver { writes, .. } => turn.deliver(writes)?,
            Self::Note { key, value, .. } => turn.note(key, value)?,
            Self::Prune { prune, pruned, .. } => *pruned = turn.prune(prune)?,
            Self::Stop { .. } => {}
        }
        Ok(())
    }

    /// Whoever no longer waits is not missed.
    fn tell(self, outcome: Result<(), StoreFault>) {
        match self {
            Self::Commit { added, answer, .. } => drop(answer.send(outcome.map(|()| added))),
            Self::Prune { pruned, answer, .. } => drop(answer.send(outcome.map(|()| pruned))),
            Self::Deliver { answer, .. } | Self::Note { answer, .. } | Self::Stop { answer } => {
                drop(answer.send(outcome));
            }
        }
    }
}
