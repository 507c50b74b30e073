//! The monitor: built from a config, run until it is told to stop or something essential ends.
//!
//! Everything that runs for long is started here, by name. Stopping goes in stages, each with a token of its own: sources, then the
//! pump (it takes what the sources left), then the delivery worker, then the store.

use super::board::{Board, DeliveryCounter};
use super::circle::{self, CircleFault, CircleParts};
use super::clock::Clock;
use super::commands::Commands;
use super::lists::{self, Shrunk};
use super::overview::Overview;
use super::poison::Poison;
use super::pump::{Pump, PumpFault, Wires as PumpWires};
use super::reload::{self, Reloader, Reloading, SinksFault};
use super::sources::{SourceParts, Sources, Started};
use super::treasury::{self, Treasury};
use super::upkeep;
use crate::config::checked::Config;
use crate::http;
use crate::net::http::{HttpClient, HttpFault};
use crate::net::{Tls, install_crypto_provider};
use crate::reactor::Reactor;
use crate::reactor::settings::Settings;
use crate::reactor::wants::Wants;
use crate::sinks::worker::{self, LedgerClosed};
use crate::sinks::{Courier, HttpPost, StoreLedger};
use crate::store::{IfMissing, Reader, SqliteStore, Store, StoreFault, WriterHandle};
use crate::telemetry::faults::{KillPoint, kill_point};
use crate::telemetry::{Metrics, Snapshot};
use crate::types::Name;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::{Notify, mpsc, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// Batches of outbox rows that may wait for the delivery worker: a turn each.
const ROW_BATCHES: usize = 64;
/// Reports of deliveries that may wait for the pump.
const REPORTS: usize = 1_024;
/// Commands that may wait for the pump or the delivery worker.
const COMMANDS: usize = 64;
/// Whatever has not stopped by then is cut off: the store has all that matters.
const STOP_GRACE: Duration = Duration::from_secs(10);

/// Why the monitor ended without being told to.
#[derive(Debug, thiserror::Error)]
pub enum MonitorFault {
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreFault),
    /// The pump.
    #[error(transparent)]
    Pump(#[from] PumpFault),
    /// Deliveries cannot be recorded.
    #[error(transparent)]
    Delivery(#[from] LedgerClosed),
    /// A sink's settings.
    #[error(transparent)]
    Sinks(#[from] SinksFault),
    /// The listener of the page, API and metrics.
    #[error("cannot listen on {at} ([http] listen; is another monitor, or another program, running there?)")]
    Listen {
        /// Where.
        at: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// Circle.
    #[error(transparent)]
    Circle(#[from] CircleFault),
    /// A list file lost too much to be believed.
    #[error(transparent)]
    Shrunk(#[from] Shrunk),
    /// No HTTP client can be made on this machine.
    #[error(transparent)]
    Http(#[from] HttpFault),
    /// A file of the data folder.
    #[error("cannot use {}", path.display())]
    Folder {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A task that must run ended.
    #[error("{0} ended, and the monitor cannot do without it")]
    Ended(&'static str),
}

/// What is known once the monitor runs.
#[derive(Debug, Clone)]
pub struct Running {
    /// Where the page, API and metrics are.
    pub listen: SocketAddr,
    /// Whether the store was made just now.
    pub new_store: bool,
    /// The chains that it goes on with: name and block.
    pub resumed: Vec<(Name, u64)>,
}

/// Runs the monitor. `ready` is told once when everything has been started; `reloading` is how it can be told to read its config again.
///
/// # Errors
/// [`MonitorFault`]. Whatever was committed goes on at the next start.
#[expect(clippy::too_many_lines, reason = "one list of all that is made and started, in its order")]
pub async fn run(
    config: Config,
    metrics: Metrics,
    stop: CancellationToken,
    reloading: Option<Reloading>,
    ready: impl FnOnce(&Running),
) -> Result<(), MonitorFault> {
    install_crypto_provider();
    let path = config.store.path.clone();
    let folder = path.parent().unwrap_or(Path::new(".")).to_owned();
    let listener = listen(config.http.listen).await?;
    let if_missing =
        if config.is_precious() && !config.new_store { IfMissing::Refuse } else { IfMissing::Create(random_id()) };
    let mut store = SqliteStore::open(&path, if_missing)?;
    let new_store = store.created();
    take_lists(&config, &mut store)?;
    let (tables, last_at) = store.load()?;
    let (open, disabled) = store.open_outbox()?;
    kill_point(KillPoint::AfterLoad);
    let clock = Arc::new(Clock::start(last_at));
    let now = clock.now();
    let poison = Poison::read(&folder).map_err(|source| MonitorFault::Folder { path: folder, source })?;
    let reactor = Reactor::restore(tables, now);
    let resumed = resumed(&config, &reactor);
    let sinks = reload::sinks(&config, &metrics)?;

    let mut tasks = Tasks::default();
    let (writer, body) = crate::store::writer(store);
    tasks.thread("the store's writer", body);
    let board = Arc::new(Board::default());
    let (snapshot_to, snapshot) = watch::channel(Arc::new(Snapshot { starting: true, ..Snapshot::default() }));
    let overview = Overview::new(&config, metrics.clone(), snapshot_to, Arc::clone(&board), now);
    let (rows_to, rows) = mpsc::channel(ROW_BATCHES);
    let (reports_to, reports) = mpsc::channel(REPORTS);
    let (asked_to, asked) = mpsc::channel(COMMANDS);
    let (orders_to, orders) = mpsc::channel(COMMANDS);
    let (wants_to, wants) = watch::channel(Arc::new(Wants::default()));
    let bell = Arc::new(Notify::new());
    let stops = Stops::default();

    let client = HttpClient::new(&Tls::baked())?;
    let mut sources = Sources::new(SourceParts {
        wants,
        bell: Arc::clone(&bell),
        http: client.clone(),
        clock: Arc::clone(&clock),
        writer: writer.clone(),
        board: Arc::clone(&board),
        metrics: metrics.clone(),
        budgets: super::sources::budgets(&config, &Reader::open(&path)?)?,
        stop: stops.sources.clone(),
    });
    let (intakes, started) = sources.make_missing(&config);
    let (changes_to, changes) = mpsc::channel(1);
    let (starts_to, mut starts) = mpsc::channel(COMMANDS);
    let (reloads_to, reloads) = mpsc::channel(COMMANDS);
    let (tokens_to, tokens) = watch::channel(http::Tokens::new(&config.http.tokens));
    let mut circle = circle::build(CircleParts {
        config: &config,
        clock: Arc::clone(&clock),
        writer: writer.clone(),
        store: &path,
        metrics: metrics.clone(),
        stop: stops.workers.clone(),
    })
    .await?;
    let (live, live_later) = circle.as_mut().map_or((None, None), |circle| (circle.live.take(), circle.later.take()));
    let config = Config { settings: Settings { live, ..config.settings.clone() }, ..config };
    let settings = config.settings.clone();
    let (in_force_to, in_force) = watch::channel(Arc::new(config.clone()));
    let wires = PumpWires {
        writer: writer.clone(),
        intakes,
        changes,
        bell,
        commands: asked,
        reports,
        rows: rows_to,
        payer: circle.as_mut().and_then(|circle| circle.payer.take()),
        wants: wants_to,
        clock: Arc::clone(&clock),
        stop: stops.pump.clone(),
    };
    if new_store && config.is_precious() {
        // The pump takes commands before anything leaves.
        treasury::freeze(&asked_to, "the store is new: only the lost one knew what left already");
    }
    let pump = Pump::start(reactor, settings, poison, overview, wires).await?;
    let (archive, reader) = http::archive::of_store(path.clone());
    tasks.thread("the store's reader", move || {
        reader();
        Ok(())
    });
    let ledger = StoreLedger::new(writer.clone(), Reader::open(&path)?);
    let (lasting, failing) = (ledger.lasting(&sinks)?, ledger.failing()?);
    let worker = {
        let clock = Arc::clone(&clock);
        let post_clock = Arc::clone(&clock);
        worker::deliver(
            worker::Start { sinks, open, disabled, failing, lasting },
            worker::Wires {
                post: Courier::new(HttpPost::new(client, move || post_clock.now()), Tls::baked()),
                ledger,
                observer: DeliveryCounter { board: Arc::clone(&board), metrics: metrics.clone() },
                clock: move || clock.now(),
                random: || fastrand::u64(..),
                rows,
                orders,
                reports: reports_to,
                stop: stops.workers.clone(),
            },
        )
    };
    let now = {
        let clock = Arc::clone(&clock);
        Arc::new(move || clock.now())
    };
    let treasury = Treasury::new(
        asked_to.clone(),
        writer.clone(),
        Arc::clone(&clock),
        snapshot.clone(),
        circle.as_ref().map_or_else(|| watch::channel(None).1, |circle| circle.prober.clone()),
        &Reader::open(&config.store.path)?,
    )?;
    let face = http::Parts {
        metrics: metrics.clone(),
        archive: Arc::new(archive.clone()),
        control: Arc::new(Commands::new(
            in_force.clone(),
            asked_to,
            orders_to.clone(),
            Arc::new(archive),
            snapshot.clone(),
            reloads_to,
            treasury,
        )),
        snapshot,
        tokens,
        now,
        deadlines: http::Deadlines::default(),
    };
    let running = Running { listen: listener.local_addr().unwrap_or(config.http.listen), new_store, resumed };
    // Everything is built and the listener is bound: this is said before anything else is.
    ready(&running);
    tasks.essential("the pump", async move { Ok(pump.run().await?) });
    tasks.essential("the delivery worker", async move { Ok(worker.await?) });
    let serving = http::serve(listener, face, stops.workers.clone());
    tasks.essential("the page and API", async move {
        serving.await;
        Ok(())
    });
    tasks.essential(
        "retention",
        keeping(upkeep::prune(writer.clone(), in_force, Arc::clone(&clock), stops.workers.clone())),
    );
    tasks.essential("counting", keeping(upkeep::count(path, Arc::clone(&board), stops.workers.clone())));
    let reloader = Reloader {
        in_force: in_force_to,
        reloading,
        live_later,
        asked: reloads,
        sources,
        starts: starts_to,
        changes: changes_to,
        orders: orders_to,
        tokens: tokens_to,
        board,
        metrics: metrics.clone(),
        clock,
        stop: stops.workers.clone(),
    };
    tasks.essential("reload", async move {
        reloader.run().await;
        Ok(())
    });
    let upkeep_stop = stops.workers.clone();
    tasks.essential("the metrics' upkeep", async move {
        tokio::select! {
            () = upkeep_stop.cancelled() => {}
            () = metrics.upkeep() => {}
        }
        Ok(())
    });
    for (name, task) in circle.map(|circle| circle.tasks).unwrap_or_default() {
        tasks.essential(name, async move {
            task.await;
            Ok(())
        });
    }
    for source in started {
        tasks.source(source);
    }
    let ended = tasks.until(&stop, &mut starts).await;
    if ended.is_err() {
        // What ended is the pump or something that it cannot do without: nobody has to wait for its last turn.
        stops.pump.cancel();
        stops.workers.cancel();
    }
    let stopped = tasks.stop(&stops, &writer).await;
    ended.and(stopped)
}

/// One token for each stage of stopping.
#[derive(Debug, Default)]
struct Stops {
    sources: CancellationToken,
    pump: CancellationToken,
    workers: CancellationToken,
}

/// Everything that was started, by name.
#[derive(Debug, Default)]
struct Tasks {
    essential: JoinSet<(&'static str, Result<(), MonitorFault>)>,
    sources: JoinSet<(Name, CancellationToken)>,
    /// Something essential ended by itself.
    broken: bool,
    threads: Vec<(&'static str, std::thread::JoinHandle<Result<(), StoreFault>>)>,
}

impl Tasks {
    fn essential(&mut self, name: &'static str, task: impl Future<Output = Result<(), MonitorFault>> + Send + 'static) {
        self.essential.spawn(async move { (name, task.await) });
    }

    fn source(&mut self, Started { name, stop, run }: Started) {
        self.sources.spawn(async move {
            run.await;
            (name, stop)
        });
    }

    fn thread(&mut self, name: &'static str, body: impl FnOnce() -> Result<(), StoreFault> + Send + 'static) {
        self.threads.push((name, std::thread::spawn(body)));
    }

    /// Waits until it is told to stop, or until something ends that must not.
    async fn until(
        &mut self,
        stop: &CancellationToken,
        starts: &mut mpsc::Receiver<Started>,
    ) -> Result<(), MonitorFault> {
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => return Ok(()),
                Some(ended) = self.essential.join_next() => {
                    self.broken = true;
                    return Err(fault(ended));
                }
                Some(source) = starts.recv() => self.source(source),
                Some(ended) = self.sources.join_next() => match ended {
                    // The pump keeps its queue open: a source that ends has nothing more to read, and its silence is said.
                    Ok((name, stop)) if !stop.is_cancelled() => tracing::error!("the source {name} ended"),
                    Ok(_) => {}
                    Err(_) => return Err(MonitorFault::Ended("a source, by a panic,")),
                },
            }
        }
    }

    /// Sources, pump, workers, store: each stage ends before the next is told to.
    async fn stop(&mut self, stops: &Stops, writer: &WriterHandle) -> Result<(), MonitorFault> {
        let broken = self.broken;
        let stages = async {
            if broken {
                // Whatever ended takes no part in the stages any more: nobody waits for it.
                stops.pump.cancel();
                stops.workers.cancel();
            }
            stops.sources.cancel();
            while self.sources.join_next().await.is_some() {}
            kill_point(KillPoint::Stopping);
            stops.pump.cancel();
            let mut first = Ok(());
            while let Some(ended) = self.essential.join_next().await {
                if let Ok((_, Err(fault))) = ended
                    && first.is_ok()
                {
                    first = Err(fault);
                }
                // The pump is the first to end; the others wait for their own token.
                stops.workers.cancel();
            }
            // A writer that failed has said so to everyone who asked it.
            let _ = writer.stop().await;
            first
        };
        tokio::time::timeout(STOP_GRACE, stages).await.unwrap_or_else(|_| {
            let grace = STOP_GRACE.as_secs();
            tracing::warn!("stopping took longer than {grace} s: what was under way goes on at the next start");
            Ok(())
        })
    }
}

async fn keeping(upkeep: impl Future<Output = Result<(), StoreFault>>) -> Result<(), MonitorFault> {
    Ok(upkeep.await?)
}

fn fault(ended: Result<(&'static str, Result<(), MonitorFault>), tokio::task::JoinError>) -> MonitorFault {
    match ended {
        Ok((_, Err(fault))) => fault,
        Ok((name, Ok(()))) => MonitorFault::Ended(name),
        Err(_) => MonitorFault::Ended("a task, by a panic,"),
    }
}

/// Compares every list file with what it held the last time, and notes what it holds now.
fn take_lists(config: &Config, store: &mut SqliteStore) -> Result<(), MonitorFault> {
    for list in &config.lists {
        let (key, now) = (lists::note_key(&list.watch), list.addresses.to_string());
        let note = store.note(&key)?;
        if !config.allow_shrink {
            lists::compare(list, note.as_deref())?;
        }
        if note.as_deref() != Some(&now) {
            store.set_note(&key, &now)?;
        }
    }
    Ok(())
}

async fn listen(at: SocketAddr) -> Result<TcpListener, MonitorFault> {
    TcpListener::bind(at).await.map_err(|source| MonitorFault::Listen { at, source })
}

fn resumed(config: &Config, reactor: &Reactor) -> Vec<(Name, u64)> {
    let at = |chain: &crate::reactor::settings::ChainSettings| {
        reactor.height(chain.id).map(|height| (chain.name.clone(), height))
    };
    config.settings.chains.values().filter_map(at).collect()
}

/// The store's id: random, made once.
fn random_id() -> [u8; 16] {
    fastrand::u128(..).to_be_bytes()
}
