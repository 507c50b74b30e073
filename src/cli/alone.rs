//! The store without a monitor: a command opens it, does one thing as a running monitor would, commits and leaves.
//!
//! The reactor is built from the tables, fed the config in force and one command, and what follows is committed in one turn. Nothing is
//! sent from here: what is put into the outbox goes out when the monitor runs again.

use crate::app::circle;
use crate::app::clock::Clock;
use crate::app::freeze_file;
use crate::app::poison::Poison;
use crate::app::replies::{of_payments, of_silences, of_watches};
use crate::app::turn::{Turned, turn};
use crate::config::checked::Config;
use crate::http::archive::{self, Answer, Counted, Learned};
use crate::http::control::no_monitor;
use crate::http::{Archive, Command, Control, Deadlines, Local, Parts, Refusal, Tokens};
use crate::reactor::Reactor;
use crate::reactor::addresses::Since;
use crate::reactor::event::{Command as Ask, Event, PaymentOrder};
use crate::reactor::hush::{SilenceAnswer, SilenceOrder};
use crate::reactor::money::PaymentRow;
use crate::reactor::office::{AuditRow, OfficeTables};
use crate::reactor::past::Complete;
use crate::reactor::payments::desk::{Order, Refusal as NotDone};
use crate::reactor::quiet::Silence;
use crate::reactor::rows::{AddressRow, AlertRow, Stop, TransferRow, WatchRow};
use crate::reactor::settings::Settings;
use crate::reactor::watch_list::{WatchAnswer, WatchOrder};
use crate::sinks::delivery::{LaneSettings, Machine, OrderFault};
use crate::store::{
    AlertFilter, AttemptRow, OutboxFilter, OutboxRow, Page, PaymentFilter, PaymentPlace, Reader, SqliteStore, Store,
    StoreFault, TransferFilter, TransferPlace,
};
use crate::telemetry::snapshot::{ChainStatus, PaymentsStatus};
use crate::telemetry::{Labels, Metrics, Snapshot};
use crate::types::{Address, AlertId, B256, ChainId, MessageId, Name, PaymentId, Timestamp, TransferId};
use futures::future::{BoxFuture, ready};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;

/// The routes over a store that is only read.
pub(super) fn reading(config: &Config, reader: Reader) -> Result<Local, StoreFault> {
    let last_at = reader.last_at()?;
    local(config, reader, last_at, Alone(None))
}

/// The routes over a store whose lock this process has.
pub(super) fn changing(config: &Config, store: SqliteStore) -> Result<Local, StoreFault> {
    // Where the wallet is was noted when a monitor ran: without it, live payments would be taken for gone.
    let live = circle::noted_live(config, &Reader::open(store.path())?)?;
    holding(config, store, Some(Settings { live, ..config.settings.clone() }))
}

/// The same where no config is in force: payments can be frozen, and nothing else be done.
pub(super) fn freezing(config: &Config, store: SqliteStore) -> Result<Local, StoreFault> {
    holding(config, store, None)
}

fn holding(config: &Config, mut store: SqliteStore, settings: Option<Settings>) -> Result<Local, StoreFault> {
    let path = store.path().to_owned();
    let (_, last_at) = store.load()?;
    let folder = path.parent().unwrap_or(Path::new(".")).to_owned();
    let held = Held { store, settings, folder, clock: Clock::start(last_at) };
    local(config, Reader::open(&path)?, last_at, Alone(Some(Mutex::new(held))))
}

fn local(config: &Config, reader: Reader, last_at: Option<Timestamp>, control: Alone) -> Result<Local, StoreFault> {
    let snapshot = Arc::new(picture(config, &reader)?);
    // The sender may go: what was shown last stays.
    let (_, snapshot) = watch::channel(snapshot);
    let clock = Clock::start(last_at);
    Ok(Local::new(Parts {
        snapshot,
        metrics: Metrics::new(),
        archive: Arc::new(Books(Mutex::new(reader))),
        control: Arc::new(control),
        tokens: watch::channel(Tokens::default()).1,
        now: Arc::new(move || clock.now()),
        deadlines: Deadlines::default(),
    }))
}

/// What lists need of the picture: the words of the config, and each chain's newest block. Nothing of it is fresh.
fn picture(config: &Config, reader: &Reader) -> Result<Snapshot, StoreFault> {
    let known = reader.chains()?;
    let chain = |id: ChainId| -> Result<ChainStatus, StoreFault> {
        let row = known.iter().find(|row| row.chain == id);
        let newest = reader.tip(id)?.or_else(|| row.and_then(|row| row.explorer_head));
        Ok(ChainStatus {
            id,
            // Lists count from the height; nobody is shown the time.
            tip: newest.map(|block| (block, Timestamp::default())),
            head: None,
            gap_blocks: 0,
            untraced: None,
            backfill_blocks: 0,
            backfill_addresses: 0,
            stalled: false,
            stopped: row.and_then(|row| row.stopped.as_ref().map(Stop::reason)),
            blind_since: None,
            last_outage: None,
            taken_over_since: None,
            authority: BTreeMap::new(),
            followed: false,
            required: config.required_chains.contains(&id),
            gas: crate::telemetry::gas::GasStatus::default(),
            oldest_view: None,
            view_promised: None,
            index_lag: None,
        })
    };
    let chains = config.settings.chains.keys().map(|id| chain(*id)).collect::<Result<_, _>>()?;
    let labels = Arc::new(Labels::of(&config.settings));
    let file = config.circle.as_ref().and_then(|circle| freeze_file::look(&circle.freeze_file));
    let payments = PaymentsStatus { file, ..PaymentsStatus::default() };
    Ok(Snapshot { chains, payments, ..Snapshot::starting(labels, config.settings.simulated) })
}

/// What the store holds, read by whoever asks.
struct Books(Mutex<Reader>);

impl Books {
    fn read<T: Send + 'static>(&self, read: impl FnOnce(&Reader) -> Result<T, StoreFault>) -> Answer<'_, T> {
        let reader = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Box::pin(ready(read(&reader).map_err(Into::into)))
    }
}

impl Archive for Books {
    fn transfers(&self, filter: TransferFilter, limit: usize) -> Answer<'_, Page<TransferRow, TransferPlace>> {
        self.read(|reader| reader.transfers(&filter, limit))
    }

    fn alerts(&self, filter: AlertFilter, limit: usize) -> Answer<'_, Page<AlertRow, i64>> {
        self.read(|reader| reader.alerts(&filter, limit))
    }

    fn outbox(&self, filter: OutboxFilter, limit: usize) -> Answer<'_, Page<OutboxRow, i64>> {
        self.read(|reader| reader.outbox(&filter, limit))
    }

    fn message(&self, id: MessageId) -> Answer<'_, Option<OutboxRow>> {
        self.read(|reader| reader.message(id))
    }

    fn watches(&self, after: Option<Name>, limit: usize) -> Answer<'_, Vec<WatchRow>> {
        self.read(|reader| reader.watches(after.as_ref(), limit))
    }

    fn watched(
        &self,
        name: Name,
        after: Option<Address>,
        limit: usize,
    ) -> Answer<'_, Option<(WatchRow, Vec<AddressRow>)>> {
        self.read(|reader| reader.watched(&name, after.as_ref(), limit))
    }

    fn addresses(&self, name: Name) -> Answer<'_, Option<BTreeSet<Address>>> {
        self.read(|reader| reader.all_addresses(&name))
    }

    fn silences(&self) -> Answer<'_, Vec<Silence>> {
        self.read(Reader::silences)
    }

    fn alert(&self, id: AlertId) -> Answer<'_, Option<(AlertRow, Vec<OutboxRow>)>> {
        self.read(|reader| reader.alert(id))
    }

    fn transfer(&self, id: TransferId) -> Answer<'_, Option<TransferRow>> {
        self.read(|reader| reader.transfer(id))
    }

    fn transfers_of(&self, tx: B256) -> Answer<'_, Vec<TransferRow>> {
        self.read(|reader| reader.transfers_of(tx))
    }

    fn alerts_of(&self, transfer: TransferId) -> Answer<'_, Vec<AlertRow>> {
        self.read(|reader| reader.alerts_of(transfer))
    }

    fn attempts(&self, of: Vec<i64>) -> Answer<'_, BTreeMap<i64, Vec<AttemptRow>>> {
        self.read(|reader| archive::attempts(reader, &of))
    }

    fn tokens(&self, of: BTreeSet<(ChainId, Address)>) -> Answer<'_, Learned> {
        self.read(|reader| archive::tokens(reader, &of))
    }

    fn payments(&self, filter: PaymentFilter, limit: usize) -> Answer<'_, Page<PaymentRow, PaymentPlace>> {
        self.read(|reader| reader.payment_page(&filter, limit))
    }

    fn payment(&self, id: PaymentId) -> Answer<'_, Option<(PaymentRow, Vec<AuditRow>)>> {
        self.read(|reader| reader.payment_told(id))
    }

    fn office(&self) -> Answer<'_, (OfficeTables, Vec<Counted>, Option<AuditRow>)> {
        self.read(|reader| Ok((reader.office()?, reader.payment_counts()?, reader.last_freeze()?)))
    }

    fn audit(&self, before: Option<u64>, limit: usize) -> Answer<'_, Vec<AuditRow>> {
        self.read(|reader| reader.audit(before, limit))
    }

    fn complete_from(&self, chains: Vec<ChainId>, of: Vec<(Address, Since)>) -> Answer<'_, Vec<Complete>> {
        self.read(|reader| reader.complete_from(&chains, &of))
    }
}

/// Does commands; without a store that it may write, none.
struct Alone(Option<Mutex<Held>>);

/// A store whose lock this process has.
struct Held {
    store: SqliteStore,
    /// Of the config in force; without one, payments can be frozen and nothing else be done.
    settings: Option<Settings>,
    folder: PathBuf,
    clock: Clock,
}

impl Alone {
    fn held(&self) -> Result<MutexGuard<'_, Held>, Refusal> {
        let held = self.0.as_ref().ok_or_else(|| Refusal::NotNow("the store is open to read only".to_owned()))?;
        Ok(held.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn done(&self, command: Command) -> Result<(), Refusal> {
        let mut held = self.held()?;
        match command {
            Command::Replay(id) => {
                let row = held.row(id)?;
                held.order(|machine, at| machine.replay(row, at))
            }
            Command::Drop(id) => {
                let row = held.row(id)?;
                held.order(|machine, at| machine.drop_row(row.seq, at))
            }
            Command::EnableSink(sink) => {
                held.known_sink(&sink)?;
                held.order(|machine, at| machine.enable(&sink, at))
            }
            Command::TestSink(sink) => {
                held.known_sink(&sink)?;
                held.feed(Ask::TestSink { sink })
            }
            Command::AcceptChain(name) => held.accept(&name),
        }
    }
}

impl Control for Alone {
    fn command(&self, _by: Name, command: Command) -> BoxFuture<'_, Result<(), Refusal>> {
        Box::pin(ready(self.done(command)))
    }

    fn order(&self, by: Name, order: Order) -> BoxFuture<'_, Result<Result<(), NotDone>, Refusal>> {
        let done = || {
            // Whatever lets money move goes through the monitor that moves it.
            if !matches!(order, Order::Freeze { .. }) {
                return Err(no_monitor());
            }
            let ordered = Event::Command(Ask::Payments(Box::new(PaymentOrder { by, order })));
            let mut held = self.held()?;
            let turned =
                if held.settings.is_some() { held.turn(vec![ordered]) } else { held.take(std::iter::once(ordered)) }?;
            of_payments(turned.answers.into_iter().next())
        };
        Box::pin(ready(done()))
    }

    fn watches(&self, _by: Name, order: WatchOrder) -> BoxFuture<'_, Result<WatchAnswer, Refusal>> {
        let done = || {
            let turned = self.held()?.turn(vec![Event::Command(Ask::Watches(Box::new(order)))])?;
            of_watches(turned.answers.into_iter().next())
        };
        Box::pin(ready(done()))
    }

    fn silences(&self, _by: Name, order: SilenceOrder) -> BoxFuture<'_, Result<SilenceAnswer, Refusal>> {
        let done = || {
            let turned = self.held()?.turn(vec![Event::Command(Ask::Silence(Box::new(order)))])?;
            of_silences(turned.answers.into_iter().next())
        };
        Box::pin(ready(done()))
    }
}

impl Held {
    fn known_sink(&self, sink: &Name) -> Result<(), Refusal> {
        let known = self.settings()?.sinks.contains_key(sink);
        if known { Ok(()) } else { Err(Refusal::Unknown(format!("sink {sink}"))) }
    }

    fn row(&self, id: MessageId) -> Result<OutboxRow, Refusal> {
        let row = Reader::open(self.store.path()).and_then(|reader| reader.message(id)).map_err(not_now)?;
        row.ok_or_else(|| Refusal::Unknown(format!("message {id}")))
    }

    /// Lets the machine of deliveries do what is asked, and writes what it wants written.
    fn order(&mut self, ask: impl FnOnce(&mut Machine, Timestamp) -> Result<(), OrderFault>) -> Result<(), Refusal> {
        let at = self.clock.now();
        let (open, disabled) = self.store.open_outbox().map_err(not_now)?;
        let lane = |name: &Name| LaneSettings {
            name: name.clone(),
            concurrency: 1,
            paces: Vec::new(),
            folds: false,
            drops_repeats: true,
        };
        let lanes = self.settings()?.sinks.keys().map(lane).collect();
        let mut machine = Machine::new(lanes, open, &disabled, at);
        // What it finds in the store at its start, the next run finds too, and says.
        drop((machine.take_writes(), machine.take_reports()));
        ask(&mut machine, at).map_err(|fault| Refusal::Conflict(fault.to_string()))?;
        self.store.deliver(&machine.take_writes()).map_err(not_now)?;
        let reports: Vec<Event> = machine.take_reports().into_iter().map(Event::Delivery).collect();
        if reports.is_empty() { Ok(()) } else { self.turn(reports).map(drop) }
    }

    fn feed(&mut self, ask: Ask) -> Result<(), Refusal> {
        self.turn(vec![Event::Command(ask)]).map(drop)
    }

    fn accept(&mut self, name: &Name) -> Result<(), Refusal> {
        let chain = self.settings()?.chains.values().find(|chain| chain.name == *name).map(|chain| chain.id);
        let chain = chain.ok_or_else(|| Refusal::Unknown(format!("chain {name}")))?;
        let stands = |reader: Reader| Ok(reader.chains()?.into_iter().find(|row| row.chain == chain));
        let row = Reader::open(self.store.path()).and_then(stands).map_err(not_now)?;
        let folder = self.folder.display().to_string();
        let noted = |error| Refusal::NotNow(format!("the notes of unreadable blocks in {folder}: {error}"));
        let mut poison = Poison::read(&self.folder).map_err(noted)?;
        if row.is_none_or(|row| row.stopped.is_none()) && poison.unreadable(chain).is_none() {
            return Err(Refusal::Conflict(format!("the chain {name} is not stopped: there is nothing to accept")));
        }
        self.feed(Ask::AcceptChain { chain })?;
        poison.accept(chain).map(drop).map_err(noted)
    }

    fn settings(&self) -> Result<&Settings, Refusal> {
        self.settings.as_ref().ok_or_else(|| Refusal::NotNow("the config has faults".to_owned()))
    }

    /// One turn of a reactor built from the tables, under the config in force.
    fn turn(&mut self, events: Vec<Event>) -> Result<Turned, Refusal> {
        let configured = Event::Configured(Box::new(self.settings()?.clone()));
        self.take(std::iter::once(configured).chain(events))
    }

    /// The same without a config: for what means the same under any.
    fn take(&mut self, events: impl Iterator<Item = Event>) -> Result<Turned, Refusal> {
        let (tables, _) = self.store.load().map_err(not_now)?;
        let at = self.clock.now();
        let mut reactor = Reactor::restore(tables, at);
        let batch = events.map(|event| (at, event));
        turn(&mut reactor, &mut self.store, batch).map_err(not_now)
    }
}

fn not_now(fault: StoreFault) -> Refusal {
    Refusal::NotNow(fault.to_string())
}
