//! What the routes need of the store, and how they get it: questions go to a thread with a read-only connection of its own, so that
//! nobody who waits for an answer holds anybody else up.

use crate::reactor::addresses::Since;
use crate::reactor::money::{PaymentRow, PaymentState};
use crate::reactor::office::{AuditRow, OfficeTables};
use crate::reactor::past::Complete;
use crate::reactor::quiet::Silence;
use crate::reactor::rows::{AddressRow, AlertRow, TokenRow, TransferRow, WatchRow};
use crate::store::{
    AlertFilter, AttemptRow, OutboxFilter, OutboxRow, Page, PaymentFilter, PaymentPlace, Reader, StoreFault,
    TransferFilter, TransferPlace,
};
use crate::types::{Address, AlertId, B256, ChainId, MessageId, Name, PaymentId, TransferId};
use futures::future::BoxFuture;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use tokio::sync::{mpsc, oneshot};

/// Questions that wait for the thread; who asks then waits until there is room, and at most for the deadline of an answer.
const QUEUE: usize = 64;

/// Why there is no answer.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ArchiveFault {
    /// The store cannot be read.
    #[error(transparent)]
    Store(#[from] StoreFault),
    /// The thread that reads has ended: the monitor is stopping.
    #[error("the store is closed: the monitor is stopping")]
    Closed,
}

/// An answer of the store.
pub type Answer<'a, T> = BoxFuture<'a, Result<T, ArchiveFault>>;

/// What tokens say of themselves.
pub type Learned = BTreeMap<(ChainId, Address), TokenRow>;

/// How many payments stand in a state, live or not.
pub type Counted = (PaymentState, bool, u64);

/// What the store holds, newest first.
pub trait Archive: Send + Sync {
    /// Transfers.
    fn transfers(&self, filter: TransferFilter, limit: usize) -> Answer<'_, Page<TransferRow, TransferPlace>>;

    /// Alerts.
    fn alerts(&self, filter: AlertFilter, limit: usize) -> Answer<'_, Page<AlertRow, i64>>;

    /// Rows of the outbox.
    fn outbox(&self, filter: OutboxFilter, limit: usize) -> Answer<'_, Page<OutboxRow, i64>>;

    /// One row of the outbox.
    fn message(&self, id: MessageId) -> Answer<'_, Option<OutboxRow>>;

    /// The watches that were added at run time behind this name, by name.
    fn watches(&self, after: Option<Name>, limit: usize) -> Answer<'_, Vec<WatchRow>>;

    /// A watch that was added at run time, and its addresses behind this one.
    fn watched(
        &self,
        name: Name,
        after: Option<Address>,
        limit: usize,
    ) -> Answer<'_, Option<(WatchRow, Vec<AddressRow>)>>;

    /// Every address of a watch that was added at run time.
    fn addresses(&self, name: Name) -> Answer<'_, Option<BTreeSet<Address>>>;

    /// The silences in force.
    fn silences(&self) -> Answer<'_, Vec<Silence>>;

    /// An alert and its messages.
    fn alert(&self, id: AlertId) -> Answer<'_, Option<(AlertRow, Vec<OutboxRow>)>>;

    /// A transfer.
    fn transfer(&self, id: TransferId) -> Answer<'_, Option<TransferRow>>;

    /// The transfers of a transaction.
    fn transfers_of(&self, tx: B256) -> Answer<'_, Vec<TransferRow>>;

    /// The alerts about a transfer.
    fn alerts_of(&self, transfer: TransferId) -> Answer<'_, Vec<AlertRow>>;

    /// The attempts of each of these messages that did not deliver, in order.
    fn attempts(&self, of: Vec<i64>) -> Answer<'_, BTreeMap<i64, Vec<AttemptRow>>>;

    /// What these tokens say of themselves, where they were asked.
    fn tokens(&self, of: BTreeSet<(ChainId, Address)>) -> Answer<'_, Learned>;

    /// Payments.
    fn payments(&self, filter: PaymentFilter, limit: usize) -> Answer<'_, Page<PaymentRow, PaymentPlace>>;

    /// One payment, with its lines of the audit.
    fn payment(&self, id: PaymentId) -> Answer<'_, Option<(PaymentRow, Vec<AuditRow>)>>;

    /// What holds for all live payments, and how many payments stand in each state, live or not.
    fn office(&self) -> Answer<'_, (OfficeTables, Vec<Counted>, Option<AuditRow>)>;

    /// Lines of the audit before this one, newest first.
    fn audit(&self, before: Option<u64>, limit: usize) -> Answer<'_, Vec<AuditRow>>;

    /// From which block on everything of each address was read, on each of these chains.
    fn complete_from(&self, chains: Vec<ChainId>, of: Vec<(Address, Since)>) -> Answer<'_, Vec<Complete>>;
}

/// The attempts of each of these messages.
///
/// # Errors
/// When they cannot be read.
pub fn attempts(reader: &Reader, of: &[i64]) -> Result<BTreeMap<i64, Vec<AttemptRow>>, StoreFault> {
    of.iter().map(|seq| Ok((*seq, reader.attempts(*seq)?))).collect()
}

/// What these tokens say of themselves.
///
/// # Errors
/// When it cannot be read.
pub fn tokens(reader: &Reader, of: &BTreeSet<(ChainId, Address)>) -> Result<Learned, StoreFault> {
    let known = of.iter().filter_map(|(chain, contract)| reader.token(*chain, *contract).transpose());
    known.map(|row| row.map(|row| ((row.chain, row.contract), row))).collect()
}

type Question = Box<dyn FnOnce(Result<&Reader, StoreFault>) + Send>;

/// Asks the thread that reads the store.
#[derive(Debug, Clone)]
pub struct StoreArchive(mpsc::Sender<Question>);

/// The archive of the store at `path`, and the body of the thread that reads it. The thread ends when every archive is dropped.
pub fn of_store(path: PathBuf) -> (StoreArchive, impl FnOnce() + Send + 'static) {
    let (questions, waiting) = mpsc::channel(QUEUE);
    (StoreArchive(questions), move || read(&path, waiting))
}

fn read(path: &std::path::Path, mut waiting: mpsc::Receiver<Question>) {
    let mut reader = None;
    while let Some(question) = waiting.blocking_recv() {
        // What could not be opened is tried again at the next question.
        if reader.is_none() {
            match Reader::open(path) {
                Ok(opened) => reader = Some(opened),
                Err(fault) => {
                    question(Err(fault));
                    continue;
                }
            }
        }
        if let Some(reader) = &reader {
            question(Ok(reader));
        }
    }
}

impl StoreArchive {
    fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Reader) -> Result<T, StoreFault> + Send + 'static,
    ) -> Answer<'_, T> {
        Box::pin(async move {
            let (answer, answered) = oneshot::channel();
            let question: Question = Box::new(move |reader| {
                // Who does not wait any more needs no answer, and the question need not be asked.
                if !answer.is_closed() {
                    let _ = answer.send(reader.and_then(question));
                }
            });
            self.0.send(question).await.map_err(|_| ArchiveFault::Closed)?;
            Ok(answered.await.map_err(|_| ArchiveFault::Closed)??)
        })
    }
}

impl Archive for StoreArchive {
    fn transfers(&self, filter: TransferFilter, limit: usize) -> Answer<'_, Page<TransferRow, TransferPlace>> {
        self.ask(move |reader| reader.transfers(&filter, limit))
    }

    fn alerts(&self, filter: AlertFilter, limit: usize) -> Answer<'_, Page<AlertRow, i64>> {
        self.ask(move |reader| reader.alerts(&filter, limit))
    }

    fn outbox(&self, filter: OutboxFilter, limit: usize) -> Answer<'_, Page<OutboxRow, i64>> {
        self.ask(move |reader| reader.outbox(&filter, limit))
    }

    fn message(&self, id: MessageId) -> Answer<'_, Option<OutboxRow>> {
        self.ask(move |reader| reader.message(id))
    }

    fn watches(&self, after: Option<Name>, limit: usize) -> Answer<'_, Vec<WatchRow>> {
        self.ask(move |reader| reader.watches(after.as_ref(), limit))
    }

    fn watched(
        &self,
        name: Name,
        after: Option<Address>,
        limit: usize,
    ) -> Answer<'_, Option<(WatchRow, Vec<AddressRow>)>> {
        self.ask(move |reader| reader.watched(&name, after.as_ref(), limit))
    }

    fn addresses(&self, name: Name) -> Answer<'_, Option<BTreeSet<Address>>> {
        self.ask(move |reader| reader.all_addresses(&name))
    }

    fn silences(&self) -> Answer<'_, Vec<Silence>> {
        self.ask(Reader::silences)
    }

    fn alert(&self, id: AlertId) -> Answer<'_, Option<(AlertRow, Vec<OutboxRow>)>> {
        self.ask(move |reader| reader.alert(id))
    }

    fn transfer(&self, id: TransferId) -> Answer<'_, Option<TransferRow>> {
        self.ask(move |reader| reader.transfer(id))
    }

    fn transfers_of(&self, tx: B256) -> Answer<'_, Vec<TransferRow>> {
        self.ask(move |reader| reader.transfers_of(tx))
    }

    fn alerts_of(&self, transfer: TransferId) -> Answer<'_, Vec<AlertRow>> {
        self.ask(move |reader| reader.alerts_of(transfer))
    }

    fn attempts(&self, of: Vec<i64>) -> Answer<'_, BTreeMap<i64, Vec<AttemptRow>>> {
        self.ask(move |reader| attempts(reader, &of))
    }

    fn tokens(&self, of: BTreeSet<(ChainId, Address)>) -> Answer<'_, Learned> {
        self.ask(move |reader| tokens(reader, &of))
    }

    fn payments(&self, filter: PaymentFilter, limit: usize) -> Answer<'_, Page<PaymentRow, PaymentPlace>> {
        self.ask(move |reader| reader.payment_page(&filter, limit))
    }

    fn payment(&self, id: PaymentId) -> Answer<'_, Option<(PaymentRow, Vec<AuditRow>)>> {
        self.ask(move |reader| reader.payment_told(id))
    }

    fn office(&self) -> Answer<'_, (OfficeTables, Vec<Counted>, Option<AuditRow>)> {
        self.ask(|reader| Ok((reader.office()?, reader.payment_counts()?, reader.last_freeze()?)))
    }

    fn audit(&self, before: Option<u64>, limit: usize) -> Answer<'_, Vec<AuditRow>> {
        self.ask(move |reader| reader.audit(before, limit))
    }

    fn complete_from(&self, chains: Vec<ChainId>, of: Vec<(Address, Since)>) -> Answer<'_, Vec<Complete>> {
        self.ask(move |reader| reader.complete_from(&chains, &of))
    }
}
