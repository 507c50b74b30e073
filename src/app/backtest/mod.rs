//! A backtest: the same reactor and rules over a past range of blocks, read from a chain's nodes or from
//! an explorer's lists, as if each block were final at once.
//!
//! It has a store of its own, builds no sink and no payer, and never opens the monitor's store. What it drops it reads again: killed at
//! any point, the same question goes on from its last commit.

mod account;
mod drive;
mod kept;
mod listed;
mod misses;
mod report;
mod settings;
mod uncovered;

pub use misses::Miss;
pub use report::{Paid, Report, Said, Stretch, Unknown};

use crate::app::clock::Clock;
use crate::config::checked::Config;
use crate::net::http::{HttpClient, HttpFault};
use crate::net::{Tls, install_crypto_provider};
use crate::reactor::Reactor;
use crate::reactor::settings::Settings;
use crate::reactor::wants::Wants;
use crate::sources::chain::{ChainReader, LookBack, LookBackFault, unchanging};
use crate::sources::queue::{EventIntake, event_queue};
use crate::store::lock::lock_path;
use crate::store::{IfMissing, SqliteStore, Store, StoreFault};
use crate::telemetry::{Labels, Metrics, Tally};
use crate::types::{ChainId, Name, Pair, Price, Timestamp};
use crate::wire::jsonrpc::At;
use account::Account;
use alloy::primitives::keccak256;
use drive::{Drive, Past, Reading};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// The note that says which question a scratch store is about.
const QUESTION: &str = "backtest";

/// Where a range begins or ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bound {
    /// At a block.
    Block(u64),
    /// At the first block that is not earlier.
    Time(Timestamp),
}

/// What is asked.
#[derive(Debug, Clone)]
pub struct Question {
    /// The config whose rules are tried.
    pub config: Config,
    /// Each chain with its first block, and with the bound behind its last one; `None` is what is final now.
    pub ranges: BTreeMap<ChainId, (Bound, Option<Bound>)>,
    /// What is taken for the price of a pair, all the time.
    pub prices: BTreeMap<Pair, Price>,
    /// The store to work in.
    pub scratch: PathBuf,
}

/// How far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Blocks that were read, over all chains.
    pub done: u64,
    /// Blocks of all ranges.
    pub all: u64,
    /// Of them what an earlier run had read.
    pub before: u64,
    /// The time of the newest block.
    pub at: Timestamp,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum BacktestFault {
    /// The scratch store.
    #[error(transparent)]
    Store(#[from] StoreFault),
    /// A chain's nodes.
    #[error(transparent)]
    Read(#[from] LookBackFault),
    /// No HTTP client can be made on this machine.
    #[error(transparent)]
    Http(#[from] HttpFault),
    /// An explorer.
    #[error("{explorer}: {why}")]
    Explorer {
        /// Which account.
        explorer: Name,
        /// Why, without urls or keys.
        why: Name,
    },
    /// Nobody is configured who knows it.
    #[error("the chain {0} has neither an rpc nor an explorer in the config")]
    NoNode(Name),
    /// Nothing lies between the bounds.
    #[error("on {chain} no block lies between the bounds: from block {from} to {to}")]
    Empty {
        /// Which chain.
        chain: Name,
        /// First block.
        from: u64,
        /// Last block.
        to: u64,
    },
    /// The blocks do not stand on each other.
    #[error("on {chain} block {block} does not stand on the one that was read below it: the range is not final yet")]
    Moved {
        /// Which chain.
        chain: Name,
        /// Which block.
        block: u64,
    },
    /// The scratch store is the monitor's.
    #[error("{} is the monitor's own store: a backtest works in another", .0.display())]
    MonitorsStore(PathBuf),
    /// The store of another question cannot be put away.
    #[error("{} cannot be removed: {reason}", path.display())]
    Scratch {
        /// Which file.
        path: PathBuf,
        /// Why.
        reason: std::io::Error,
    },
    /// It was told to stop.
    #[error("stopped at {} of {} blocks: the same command goes on from there", .0.done, .0.all)]
    Stopped(Progress),
}

/// Answers. `told` hears of the progress at each commit.
///
/// # Errors
/// [`BacktestFault`]; what was committed is not read again.
pub async fn run(
    question: Question,
    stop: CancellationToken,
    told: impl FnMut(Progress),
) -> Result<Report, BacktestFault> {
    install_crypto_provider();
    let Question { config, ranges, prices, scratch } = question;
    if same_file(&scratch, &config.store.path) {
        return Err(BacktestFault::MonitorsStore(scratch));
    }
    let settings = settings::of_the_past(&config.settings, &prices);
    let mut nodes = Nodes::open(&config, ranges.keys().copied())?;
    let mut store = open(&scratch, &words_of(&settings, &ranges, &prices))?;
    let answered = async {
        let (mut stretches, mut pasts) = (BTreeMap::new(), BTreeMap::new());
        for (chain, (from, to)) in &ranges {
            let name = settings.chains.get(chain).map_or_else(|| chain.to_string().into(), |known| known.name.clone());
            let depth = config.settings.chains.get(chain).map_or(1, |known| known.final_after);
            let (stretch, past) = if let Some(mut node) = nodes.readers.remove(chain) {
                (stretch(&mut node, name, *from, *to, depth).await?, Past::Node(Box::new(node)))
            } else {
                let account = Account::of(&config, *chain, &stop, &store)?;
                let account = account.ok_or_else(|| BacktestFault::NoNode(name.clone()))?;
                listed(&account, &mut store, &settings, name, (*from, *to), depth).await?
            };
            stretches.insert(*chain, stretch);
            pasts.insert(*chain, past);
        }
        let (tables, last_at) = store.load()?;
        // The rules are there before the first block: what is as old as a rule pays nothing.
        let first = stretches.values().map(|stretch| stretch.from_time).min().unwrap_or_default();
        let begin = Timestamp::from_millis(first.millis().saturating_sub(1));
        let reactor = Reactor::restore(tables, last_at.unwrap_or(begin));
        let mut drive = Drive::begin(reactor, store, settings, prices, last_at.unwrap_or(begin))?;
        let mut readings = BTreeMap::new();
        for (chain, past) in pasts {
            if let Some(stretch) = stretches.get(&chain) {
                readings.insert(chain, Reading::begin(chain, past, stretch).await?);
            }
        }
        nodes.watched.send_modify(|wants| Arc::make_mut(wants).watched = drive.watched());
        drive.run(readings, &stop, told).await?;
        drive.report(stretches, &scratch)
    };
    let answer = answered.await;
    nodes.stop.cancel();
    while nodes.keeping.join_next().await.is_some() {}
    answer
}

/// The connections to every chain's nodes.
struct Nodes {
    readers: BTreeMap<ChainId, LookBack>,
    keeping: JoinSet<()>,
    watched: watch::Sender<Arc<Wants>>,
    stop: CancellationToken,
    /// Held, for who writes to a closed queue ends.
    _intakes: Vec<EventIntake>,
}

impl Nodes {
    fn open(config: &Config, chains: impl Iterator<Item = ChainId>) -> Result<Self, BacktestFault> {
        let stop = CancellationToken::new();
        let (watched, wants) = watch::channel(Arc::new(Wants::default()));
        let clock = Arc::new(Clock::start(None));
        let http = HttpClient::new(&Tls::baked())?;
        let tally = Tally::new(Metrics::new(), Arc::new(Labels::of(&config.settings)));
        let (mut readers, mut keeping, mut intakes) = (BTreeMap::new(), JoinSet::new(), Vec::new());
        for chain in chains {
            let endpoints: Vec<_> =
                config.endpoints.iter().filter(|endpoint| endpoint.chain == chain).cloned().collect();
            let Some(known) = config.settings.chains.get(&chain).filter(|_| !endpoints.is_empty()) else { continue };
            let (queue, intake) = event_queue(Arc::new(Notify::new()));
            let clock = Arc::clone(&clock);
            let reader = ChainReader {
                chain,
                block_time: known.block_time,
                endpoints: unchanging(endpoints),
                wants: wants.clone(),
                queue,
                http: http.clone(),
                tls: Tls::baked(),
                clock: Arc::new(move || clock.now()),
                tally: tally.clone(),
            };
            let (reader, kept) = reader.look_back(stop.clone());
            keeping.spawn(kept);
            intakes.push(intake);
            readers.insert(chain, reader);
        }
        Ok(Self { readers, keeping, watched, stop, _intakes: intakes })
    }
}

/// The blocks between two bounds.
async fn stretch(
    reader: &mut LookBack,
    chain: Name,
    from: Bound,
    to: Option<Bound>,
    depth: u64,
) -> Result<Stretch, BacktestFault> {
    let head = reader.head().await?.at.number;
    // Block 0 has moved nothing.
    let from = place(reader, from, head).await?.max(1);
    let to = match to {
        // The last one that is final now.
        None => head.saturating_add(1).saturating_sub(depth.max(1)),
        Some(Bound::Block(block)) => block.min(head),
        // What lies before that time.
        Some(bound @ Bound::Time(_)) => place(reader, bound, head).await?.saturating_sub(1).min(head),
    };
    if to < from {
        return Err(BacktestFault::Empty { chain, from, to });
    }
    let (from_time, to_time) = (time_of(reader, from).await?, time_of(reader, to).await?);
    Ok(Stretch { chain, from, to, from_time, to_time })
}

/// The blocks between two bounds, and all that an explorer lists of them.
async fn listed(
    account: &Account<'_>,
    scratch: &mut SqliteStore,
    settings: &Settings,
    chain: Name,
    (from, to): (Bound, Option<Bound>),
    depth: u64,
) -> Result<(Stretch, Past), BacktestFault> {
    let head = account.head().await?;
    let from = match from {
        Bound::Block(block) => block.max(1),
        Bound::Time(time) => account.place(scratch, time, head).await?.max(1),
    };
    let to = match to {
        None => head.saturating_add(1).saturating_sub(depth.max(1)),
        Some(Bound::Block(block)) => block.min(head),
        Some(Bound::Time(time)) => account.place(scratch, time, head).await?.saturating_sub(1),
    };
    if to < from {
        return Err(BacktestFault::Empty { chain, from, to });
    }
    let lists = account.read(scratch, settings, from, to).await?;
    let (from_time, to_time) = (lists.time_at(from), lists.time_at(to));
    Ok((Stretch { chain, from, to, from_time, to_time }, Past::Lists(lists)))
}

/// The first block that is not before a bound; the one above the head where there is none.
async fn place(reader: &mut LookBack, bound: Bound, head: u64) -> Result<u64, BacktestFault> {
    let wanted = match bound {
        Bound::Block(block) => return Ok(block),
        Bound::Time(time) => time,
    };
    let (mut low, mut high) = (0, head.saturating_add(1));
    while low < high {
        let middle = low + (high - low) / 2;
        if time_of(reader, middle).await? < wanted { low = middle + 1 } else { high = middle }
    }
    Ok(low)
}

async fn time_of(reader: &mut LookBack, block: u64) -> Result<Timestamp, BacktestFault> {
    Ok(reader.header(At::Number(block)).await?.time)
}

/// All that the answer depends on, as it was asked: another config or another range is another question. Where a range ends by itself is
/// none: it grows with the chain, and the answer with it.
fn words_of(
    settings: &Settings,
    ranges: &BTreeMap<ChainId, (Bound, Option<Bound>)>,
    prices: &BTreeMap<Pair, Price>,
) -> String {
    let addresses: Vec<_> =
        settings.watches.iter().map(|watch| watch.addresses.addresses().collect::<Vec<_>>()).collect();
    format!("{ranges:?} {settings:?} {addresses:?} {prices:?}")
}

/// The store of this question: the one of another is put away.
fn open(path: &Path, words: &str) -> Result<SqliteStore, BacktestFault> {
    let question = keccak256(words).to_string();
    let id = || IfMissing::Create(fastrand::u128(..).to_be_bytes());
    let mut store = SqliteStore::open(path, id())?;
    let noted = store.note(QUESTION)?;
    if !store.created() && noted.is_none() {
        // Nobody knows whose it is.
        return Err(BacktestFault::MonitorsStore(path.to_path_buf()));
    }
    if noted.is_some_and(|noted| noted != question) {
        drop(store);
        remove(path)?;
        store = SqliteStore::open(path, id())?;
    }
    store.set_note(QUESTION, &question)?;
    Ok(store)
}

/// Removes a scratch store with all that SQLite keeps beside it.
fn remove(path: &Path) -> Result<(), BacktestFault> {
    for end in ["", "-wal", "-shm"] {
        let mut name = OsString::from(path);
        name.push(end);
        match std::fs::remove_file(&name) {
            Err(reason) if reason.kind() != std::io::ErrorKind::NotFound => {
                return Err(BacktestFault::Scratch { path: name.into(), reason });
            }
            Ok(()) | Err(_) => {}
        }
    }
    Ok(())
}

fn same_file(one: &Path, other: &Path) -> bool {
    one == other
        || lock_path(one) == lock_path(other)
        || one.canonicalize().is_ok_and(|one| other.canonicalize().is_ok_and(|other| one == other))
}
