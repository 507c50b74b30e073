//! The world around the monitor: two chains with a node each and two receivers, in the test's own process, so that they outlive every
//! death. Blocks come every 50 ms, some are taken off again, nodes drop their peers, receivers are slow or fail.

use super::load::Load;
use super::monitor::{self, Monitor};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;
use walletwatch::types::{Address, ChainId, Timestamp, U256};
use walletwatch::world::Clock;
use walletwatch::world::chain::{Action, Chain, Fails, Genesis, Plan, Token};
use walletwatch::world::chance::Chance;
use walletwatch::world::explorer::{Explorer, ExplorerSettings};
use walletwatch::world::live::LiveChain;
use walletwatch::world::node::Node;
use walletwatch::world::receiver::Receiver;

/// Between two blocks of a chain, under load.
pub(crate) const BEAT: Duration = Duration::from_millis(50);
/// The deepest reorg. The chains call blocks final that are `FINAL_AFTER` deep, and no reorg reaches those.
pub(crate) const DEEPEST: u64 = 5;
/// Of the simulated chains.
const FINAL_AFTER: u64 = 7;
/// Confirmations until `confirmed`, in the config.
pub(crate) const CONFIRMED: u64 = 3;
/// Confirmations until `final`, in the config: two more than the chain asks for, as a careful person would write.
pub(crate) const FINAL: u64 = 9;
/// A wait that is longer than this has found a fault.
const PATIENCE: Duration = Duration::from_mins(2);

/// When nothing has come for so long, nothing will …
const QUIET: Duration = Duration::from_secs(1);
/// … nor from an explorer, whose lists are read every 15 s, and what is missing in them twice more, 5 s apart.
const QUIET_EXPLORED: Duration = Duration::from_secs(20);

/// A token that the config knows.
pub(crate) const KNOWN: Address = Address::repeat_byte(0x77);
/// A token that it does not: its decimals are asked for.
pub(crate) const UNKNOWN: Address = Address::repeat_byte(0x78);
pub(crate) const CONTRACT: Address = Address::repeat_byte(0x99);
/// The variable that holds the API's token.
pub(crate) const TOKEN: &str = "KILL_TOKEN";
/// What it holds.
pub(crate) const TOKEN_VALUE: &str = "kill-test-token-0123456789abcdef";

/// The variable that holds the explorer's key.
pub(crate) const KEY: &str = "KILL_EXPLORER";
/// Calls a second that the explorer allows: it is asked often, or its world would be over before it is seen.
pub(crate) const CALLS: usize = 100;

fn explorer_settings() -> ExplorerSettings {
    ExplorerSettings { calls_per_second: CALLS * 2, calls_left: u64::MAX, ..ExplorerSettings::default() }
}

/// The watches: name and addresses.
pub(crate) const WATCHES: [(&str, &[Address]); 3] = [
    ("till", &[Address::repeat_byte(0xa1), Address::repeat_byte(0xa2)]),
    ("vault", &[Address::repeat_byte(0xb1)]),
    (ARCHIVE, &[Address::repeat_byte(0xc1), Address::repeat_byte(0xc2)]),
];
/// The watch whose history is read while the monitor lives and dies.
pub(crate) const ARCHIVE: &str = "archive";
/// Blocks in which something moved before anybody looked: more than the lives of a world have the time to read.
pub(crate) const PAST: u64 = 2_000;
/// Empty blocks on top of them: more than an explorer may still report anew, so that nobody has to guess what is history.
const STILL: u64 = 700;

/// Who is not watched.
pub(crate) const STRANGERS: [Address; 3] =
    [Address::repeat_byte(0xd1), Address::repeat_byte(0xd2), Address::repeat_byte(0xd3)];

/// Where a chain is seen from.
#[derive(Clone)]
pub(crate) enum Face {
    /// A node, spoken to in this scheme.
    Node(Arc<Node>, &'static str),
    /// An explorer.
    Explorer(Arc<Explorer>),
}

/// One chain, as the test sees it.
pub(crate) struct SceneChain {
    /// Its name in the config.
    pub(crate) name: &'static str,
    /// The truth.
    pub(crate) live: Arc<LiveChain>,
    pub(crate) face: Face,
    pub(crate) id: ChainId,
    pub(crate) place: SocketAddr,
}

impl SceneChain {
    /// Height of its newest block.
    pub(crate) fn height(&self) -> u64 {
        self.live.read(Chain::height)
    }

    /// Mines so many blocks with nothing in them.
    fn mine_empty(&self, blocks: u64) {
        for _ in 0..blocks {
            self.live.change(|chain| chain.mine(now(), &Plan::default()));
        }
    }

    /// Mines a block in which a stranger pays the till. Gives the transaction's hash, as in bodies.
    pub(crate) fn pay(&self) -> String {
        let pay = Action::Pay { from: STRANGERS[0], to: WATCHES[0].1[0], value: U256::from(1) };
        let plan = Plan { actions: vec![pay], ..Plan::default() };
        let block = self.live.change(|chain| chain.mine(now(), &plan));
        format!("{:#x}", block.txs[0].tx.hash)
    }
}

/// Everything.
pub(crate) struct Scene {
    folder: TempDir,
    runtime: Runtime,
    cancel: CancellationToken,
    /// The chains.
    pub(crate) chains: Vec<SceneChain>,
    /// The receivers, in the order of the sinks `first` and `second`.
    pub(crate) receivers: Vec<Arc<Receiver>>,
    pub(crate) places: Vec<SocketAddr>,
    mining: Arc<AtomicBool>,
    seed: u64,
}

pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("it is after 1970");
    Timestamp::from_millis(i64::try_from(since.as_millis()).expect("it fits for a long time"))
}

pub(crate) fn everyone() -> Vec<Address> {
    WATCHES.iter().flat_map(|(_, addresses)| addresses.iter().copied()).chain(STRANGERS).collect()
}

fn genesis(id: ChainId, seed: u64) -> Chain {
    let coins = |decimals: u64| -> BTreeMap<Address, U256> {
        let purse = U256::from(10).pow(U256::from(decimals)).saturating_mul(U256::from(1_000_000_000));
        everyone().into_iter().map(|account| (account, purse)).collect()
    };
    let token = |contract, symbol: &str| Token {
        contract,
        symbol: symbol.into(),
        name: format!("Simulated {symbol}"),
        decimals: Some(6),
    };
    let mut chain = Chain::new(Genesis {
        id,
        seed,
        at: now(),
        base_fee: U256::from(1_000_000_000),
        safe_after: FINAL_AFTER - 2,
        final_after: FINAL_AFTER,
        coin: coins(18),
        tokens: vec![(token(KNOWN, "SIM"), coins(6)), (token(UNKNOWN, "ODD"), coins(6))],
    });
    let mut chance = Chance::new(seed ^ id.0 ^ PAST);
    for _ in 0..PAST {
        let actions = if chance.one_in(4) { past_actions(&mut chance) } else { Vec::new() };
        chain.mine(now(), &Plan { actions, ..Plan::default() });
    }
    for _ in 0..STILL {
        chain.mine(now(), &Plan::default());
    }
    chain
}

/// One or two movements of the archive, the second equal to the first at times.
fn past_actions(chance: &mut Chance) -> Vec<Action> {
    let old = WATCHES.iter().find(|(name, _)| *name == ARCHIVE).map_or(&[][..], |(_, addresses)| addresses);
    let (archive, stranger) = (*chance.pick(old).expect("it has addresses"), STRANGERS[0]);
    let (from, to) = if chance.one_in(3) { (archive, stranger) } else { (stranger, archive) };
    let value = U256::from(chance.between(1, 1_000_000));
    match chance.between(1, 6) {
        1 | 2 => vec![Action::Pay { from, to, value }],
        3 => vec![Action::Send { token: KNOWN, from, to, amount: value }],
        4 => vec![Action::SendTwice { token: KNOWN, from, to, amount: value }],
        5 => vec![Action::Through { from, contract: CONTRACT, to, value, fails: Fails::Nothing }],
        _ => vec![Action::PayInVain { from, to, value }, Action::Pay { from, to, value }],
    }
}

impl Scene {
    /// A new world: nothing watches it yet. `explored` adds a third chain, which only an explorer shows.
    pub(crate) fn new(seed: u64, explored: bool) -> Self {
        let folder = tempfile::tempdir().expect("there is room for a folder");
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        let runtime = runtime.expect("a runtime can be made");
        let cancel = CancellationToken::new();
        let clock: Clock = Arc::new(now);
        let listen = || runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("loopback has a free port");
        let mut chains = Vec::new();
        for (name, id) in
            [("east", 31_337), ("west", 31_338), ("ethereum", 1)].into_iter().take(2 + usize::from(explored))
        {
            let id = ChainId(id);
            let live = Arc::new(LiveChain::new(genesis(id, seed)));
            let listener = listen();
            let place = listener.local_addr().expect("it is bound");
            let face = if name == "ethereum" {
                let explorer = Arc::new(Explorer::new(live.clone(), explorer_settings()));
                runtime.spawn(explorer.clone().serve(listener, cancel.clone()));
                Face::Explorer(explorer)
            } else {
                let node = Arc::new(Node::new(live.clone()));
                runtime.spawn(node.clone().serve(listener, cancel.clone()));
                Face::Node(node, if name == "east" { "ws" } else { "http" })
            };
            chains.push(SceneChain { name, live, face, id, place });
        }
        let (mut receivers, mut places) = (Vec::new(), Vec::new());
        for number in 1..=2 {
            let receiver = Arc::new(Receiver::new(clock.clone(), [number; 32]));
            let listener = listen();
            places.push(listener.local_addr().expect("it is bound"));
            runtime.spawn(receiver.clone().serve(listener, cancel.clone()));
            receivers.push(receiver);
        }
        let scene =
            Self { folder, runtime, cancel, chains, receivers, places, mining: Arc::new(AtomicBool::new(false)), seed };
        std::fs::write(scene.folder().join("walletwatch.toml"), scene.config()).expect("the folder can be written to");
        scene
    }

    /// Where the config, the log and the data folder are.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Leaves the folder behind, for whoever looks into a failure.
    pub(crate) fn keep(&mut self) {
        self.folder.disable_cleanup(true);
        println!("the monitor's folder is kept: {}", self.folder().display());
    }

    /// The chain of this name.
    pub(crate) fn chain(&self, name: &str) -> &SceneChain {
        self.chains.iter().find(|chain| chain.name == name).expect("it is one of ours")
    }

    /// Starts a monitor, to die at a named place or to live.
    pub(crate) fn start(&self, dies_at: Option<(&str, u64)>) -> Monitor {
        let fault = dies_at.map(|(name, passage)| ("WALLETWATCH_FAULT_KILL".to_owned(), format!("{name}:{passage}")));
        self.start_with(fault)
    }

    /// Starts a monitor with one more variable.
    pub(crate) fn start_with(&self, more: Option<(String, String)>) -> Monitor {
        let mut environment: BTreeMap<String, String> = more.into_iter().collect();
        environment.insert(TOKEN.into(), TOKEN_VALUE.into());
        environment.insert(KEY.into(), explorer_settings().key);
        for (name, receiver) in ["FIRST", "SECOND"].iter().zip(&self.receivers) {
            environment.insert(format!("KILL_{name}"), receiver.secret().expose().to_owned());
        }
        Monitor::start(self.folder(), &environment)
    }

    /// Lets a first monitor find its place on both chains: from here on everything has to be told.
    pub(crate) fn warm_up(&self) {
        let mut monitor = self.start(None);
        let at = monitor.wait_ready(PATIENCE).expect("it starts");
        self.wait(&monitor, "the first blocks are read", || self.reached_tips(at, None));
        let before = self.receivers[0].count();
        for chain in &self.chains {
            // No reorg may reach below the block that the monitor began with: what is mined there is before its time.
            chain.mine_empty(FINAL_AFTER + 1);
            chain.pay();
        }
        let all = before + self.chains.len() as u64;
        self.wait(&monitor, "the first transfers are told", || self.receivers[0].count() >= all);
        monitor.kill().expect("it runs");
    }

    /// Begins or ends the load.
    pub(crate) fn mine_on(&self, on: bool) {
        self.mining.store(on, Ordering::SeqCst);
        if !on {
            // What the miner has begun is a matter of microseconds.
            std::thread::sleep(BEAT * 2);
            return;
        }
        let load = Load {
            chance: Chance::new(self.seed ^ 0x6b69_6c6c),
            chains: self.chains.iter().map(|chain| (chain.live.clone(), chain.face.clone())).collect(),
            receivers: self.receivers.clone(),
            outages: [0; 2],
        };
        let (mining, cancel) = (self.mining.clone(), self.cancel.clone());
        self.runtime.spawn(load.run(mining, cancel));
    }

    /// Brings every transfer below the final depth and gives a monitor the time to tell what is left, then stops it.
    pub(crate) fn settle(&self) {
        for chain in &self.chains {
            if let Face::Explorer(explorer) = &chain.face {
                explorer.set(|settings| *settings = explorer_settings());
            }
            chain.mine_empty(FINAL + 1);
        }
        let mut monitor = self.start(None);
        let at = monitor.wait_ready(PATIENCE).expect("it starts");
        let (mined, mut quiet) = (Instant::now(), (u64::MAX, Instant::now()));
        let silence = if self.is_explored() { QUIET_EXPLORED } else { QUIET };
        self.wait(&monitor, "everything is told", || {
            let count: u64 = self.receivers.iter().map(|receiver| receiver.count()).sum();
            let done = self.reached_tips(at, Some(mined)) && nothing_pending(at) && history_is_read(at);
            if !done || quiet.0 != count {
                quiet = (count, Instant::now());
            }
            quiet.1.elapsed() > silence
        });
        monitor.terminate();
        let ending = monitor.wait(PATIENCE).expect("it stops when it is told to");
        assert_eq!(ending, monitor::Ending::Code(0), "a stop is no failure\n{}", monitor.log_tail());
    }

    /// Waits for something, or ends with the monitor's log.
    pub(crate) fn wait(&self, monitor: &Monitor, what: &str, mut there: impl FnMut() -> bool) {
        let until = Instant::now() + PATIENCE;
        while !there() {
            assert!(Instant::now() <= until, "seed {}: in vain: {what}\n{}", self.seed, monitor.log_tail());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn is_explored(&self) -> bool {
        self.chains.iter().any(|chain| matches!(chain.face, Face::Explorer(_)))
    }

    /// Whether the monitor stands at the tip of every chain.
    ///
    /// An explorer's head is seen in its rows alone, so there it is enough that every list was read, if given since then.
    fn reached_tips(&self, at: SocketAddr, since: Option<Instant>) -> bool {
        let Some(status) = monitor::status(at) else { return false };
        self.chains.iter().all(|chain| {
            let rows = status["chains"].as_array().expect("a list");
            // The first picture, before anything was done, is empty.
            let Some(row) = rows.iter().find(|row| row["chain"] == chain.name) else { return false };
            match chain.face {
                Face::Node(..) => row["block"].as_u64() == Some(chain.height()) && row["gap_blocks"] == 0,
                Face::Explorer(_) => row["view_age_seconds"]
                    .as_u64()
                    .is_some_and(|age| since.is_none_or(|since| since.elapsed() > Duration::from_secs(age + 1))),
            }
        })
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        self.mining.store(false, Ordering::SeqCst);
        self.cancel.cancel();
    }
}

fn history_is_read(at: SocketAddr) -> bool {
    let Some(status) = monitor::status(at) else { return false };
    status["chains"].as_array().expect("a list").iter().all(|chain| chain["backfill_addresses"] == 0)
}

fn nothing_pending(at: SocketAddr) -> bool {
    let Some(status) = monitor::status(at) else { return false };
    status["sinks"].as_array().expect("a list").iter().all(|sink| sink["pending"] == 0)
}
