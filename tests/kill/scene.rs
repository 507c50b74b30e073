//! The world around the monitor: two chains with a node each and two receivers, in the test's own process, so that they outlive every
//! death. Blocks come every 50 ms, some are taken off again, nodes drop their peers, receivers are slow or fail.

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
use walletwatch::types::{Address, B256, ChainId, Timestamp, U256};
use walletwatch::world::Clock;
use walletwatch::world::chain::{Action, Chain, Fails, Genesis, Plan, Reorg, Token};
use walletwatch::world::chance::Chance;
use walletwatch::world::live::LiveChain;
use walletwatch::world::node::Node;
use walletwatch::world::receiver::{Answer, Receiver};

/// Between two blocks of a chain, under load.
const BEAT: Duration = Duration::from_millis(50);
/// The deepest reorg. The chains call blocks final that are `FINAL_AFTER` deep, and no reorg reaches those.
const DEEPEST: u64 = 5;
/// Of the simulated chains.
const FINAL_AFTER: u64 = 7;
/// Confirmations until `confirmed`, in the config.
pub const CONFIRMED: u64 = 3;
/// Confirmations until `final`, in the config: two more than the chain asks for, as a careful person would write.
pub const FINAL: u64 = 9;
/// A wait that is longer than this has found a fault.
const PATIENCE: Duration = Duration::from_secs(60);

/// A token that the config knows.
pub const KNOWN: Address = Address::repeat_byte(0x77);
/// A token that it does not: its decimals are asked for.
pub const UNKNOWN: Address = Address::repeat_byte(0x78);
const CONTRACT: Address = Address::repeat_byte(0x99);
/// The variable that holds the API's token.
const TOKEN: &str = "KILL_TOKEN";
/// What it holds.
pub const TOKEN_VALUE: &str = "kill-test-token-0123456789abcdef";

/// The watches: name and addresses.
pub const WATCHES: [(&str, &[Address]); 2] =
    [("till", &[Address::repeat_byte(0xa1), Address::repeat_byte(0xa2)]), ("vault", &[Address::repeat_byte(0xb1)])];

/// Who is not watched.
const STRANGERS: [Address; 3] = [Address::repeat_byte(0xd1), Address::repeat_byte(0xd2), Address::repeat_byte(0xd3)];

/// One chain, as the test sees it.
pub struct SceneChain {
    /// Its name in the config.
    pub name: &'static str,
    /// Its node; what it shows is the truth.
    pub node: Arc<Node>,
    id: ChainId,
    place: SocketAddr,
    /// How the node is spoken to.
    scheme: &'static str,
}

/// Everything.
pub struct Scene {
    folder: TempDir,
    runtime: Runtime,
    cancel: CancellationToken,
    /// The chains.
    pub chains: Vec<SceneChain>,
    /// The receivers, in the order of the sinks `first` and `second`.
    pub receivers: Vec<Arc<Receiver>>,
    places: Vec<SocketAddr>,
    mining: Arc<AtomicBool>,
    seed: u64,
}

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("it is after 1970");
    Timestamp::from_millis(i64::try_from(since.as_millis()).expect("it fits for a long time"))
}

fn everyone() -> Vec<Address> {
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
    for _ in 0..3 {
        chain.mine(now(), &Plan::default());
    }
    chain
}

impl Scene {
    /// A new world: nothing watches it yet.
    pub fn new(seed: u64) -> Self {
        let folder = tempfile::tempdir().expect("there is room for a folder");
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        let runtime = runtime.expect("a runtime can be made");
        let cancel = CancellationToken::new();
        let clock: Clock = Arc::new(now);
        let listen = || runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("loopback has a free port");
        let mut chains = Vec::new();
        for (name, id, scheme) in [("east", 31_337, "ws"), ("west", 31_338, "http")] {
            let id = ChainId(id);
            let node = Arc::new(Node::new(Arc::new(LiveChain::new(genesis(id, seed)))));
            let listener = listen();
            let place = listener.local_addr().expect("it is bound");
            runtime.spawn(node.clone().serve(listener, cancel.clone()));
            chains.push(SceneChain { name, node, id, place, scheme });
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
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Leaves the folder behind, for whoever looks into a failure.
    pub fn keep(&mut self) {
        self.folder.disable_cleanup(true);
        println!("the monitor's folder is kept: {}", self.folder().display());
    }

    /// The chain of this name.
    pub fn chain(&self, name: &str) -> &SceneChain {
        self.chains.iter().find(|chain| chain.name == name).expect("it is one of ours")
    }

    /// Starts a monitor, to die at a named place or to live.
    pub fn start(&self, dies_at: Option<(&str, u64)>) -> Monitor {
        let fault = dies_at.map(|(name, passage)| ("WALLETWATCH_FAULT_KILL".to_owned(), format!("{name}:{passage}")));
        self.start_with(fault)
    }

    /// Starts a monitor with one more variable.
    pub fn start_with(&self, more: Option<(String, String)>) -> Monitor {
        let mut environment: BTreeMap<String, String> = more.into_iter().collect();
        environment.insert(TOKEN.into(), TOKEN_VALUE.into());
        for (name, receiver) in ["FIRST", "SECOND"].iter().zip(&self.receivers) {
            environment.insert(format!("KILL_{name}"), receiver.secret().expose().to_owned());
        }
        Monitor::start(self.folder(), &environment)
    }

    /// Lets a first monitor find its place on both chains: from here on everything has to be told.
    pub fn warm_up(&self) {
        let mut monitor = self.start(None);
        let at = monitor.wait_ready(PATIENCE).expect("it starts");
        self.wait(&monitor, "the first blocks are read", || self.reached_tips(at));
        let before = self.receivers[0].count();
        for chain in &self.chains {
            let from = STRANGERS[0];
            let pay = Action::Pay { from, to: WATCHES[0].1[0], value: U256::from(1) };
            chain.node.chain().change(|chain| chain.mine(now(), &Plan { actions: vec![pay], ..Plan::default() }));
        }
        self.wait(&monitor, "the first transfers are told", || self.receivers[0].count() >= before + 2);
        monitor.kill().expect("it runs");
    }

    /// Begins or ends the load.
    pub fn mine_on(&self, on: bool) {
        self.mining.store(on, Ordering::SeqCst);
        if !on {
            // What the miner has begun is a matter of microseconds.
            std::thread::sleep(BEAT * 2);
            return;
        }
        let load = Load {
            chance: Chance::new(self.seed ^ 0x6b69_6c6c),
            nodes: self.chains.iter().map(|chain| chain.node.clone()).collect(),
            receivers: self.receivers.clone(),
        };
        let (mining, cancel) = (self.mining.clone(), self.cancel.clone());
        self.runtime.spawn(load.run(mining, cancel));
    }

    /// Brings every transfer below the final depth and gives a monitor the time to tell what is left, then stops it.
    pub fn settle(&self) {
        for chain in &self.chains {
            for _ in 0..FINAL + 1 {
                chain.node.chain().change(|chain| chain.mine(now(), &Plan::default()));
            }
        }
        let mut monitor = self.start(None);
        let at = monitor.wait_ready(PATIENCE).expect("it starts");
        let mut quiet = (u64::MAX, Instant::now());
        self.wait(&monitor, "everything is told", || {
            let count: u64 = self.receivers.iter().map(|receiver| receiver.count()).sum();
            if !(self.reached_tips(at) && nothing_pending(at)) || quiet.0 != count {
                quiet = (count, Instant::now());
            }
            quiet.1.elapsed() > Duration::from_secs(1)
        });
        monitor.terminate();
        let ending = monitor.wait(PATIENCE).expect("it stops when it is told to");
        assert_eq!(ending, monitor::Ending::Code(0), "a stop is no failure\n{}", monitor.log_tail());
    }

    /// Waits for something, or ends with the monitor's log.
    pub fn wait(&self, monitor: &Monitor, what: &str, mut there: impl FnMut() -> bool) {
        let until = Instant::now() + PATIENCE;
        while !there() {
            if Instant::now() > until {
                panic!("seed {}: in vain: {what}\n{}", self.seed, monitor.log_tail());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Whether the monitor stands at the tip of every chain.
    fn reached_tips(&self, at: SocketAddr) -> bool {
        let Some(status) = monitor::status(at) else { return false };
        self.chains.iter().all(|chain| {
            let rows = status["chains"].as_array().expect("a list");
            let row = rows.iter().find(|row| row["chain"] == chain.name).expect("it is configured");
            row["block"].as_u64() == Some(chain.node.chain().read(Chain::height)) && row["gap_blocks"] == 0
        })
    }

    fn config(&self) -> String {
        let chain = |chain: &SceneChain| {
            let SceneChain { name, id, place, scheme, .. } = chain;
            format!(
                r#"
[[chain]]
name = "{name}"
chain_id = {id}
coin = "ETH"
block_time = "1s"
confirmations = {CONFIRMED}
final_after = {FINAL}
rpc = [{{ name = "{name}-node", url = "{scheme}://{place}" }}]
etherscan = false

[[token]]
chain = "{name}"
symbol = "SIM"
contract = "{KNOWN}"
decimals = 6
"#
            )
        };
        let watch = |(name, addresses): &(&str, &[Address])| {
            let addresses: Vec<String> = addresses.iter().map(|address| format!("\"{address}\"")).collect();
            format!("\n[[watch]]\nname = \"{name}\"\naddresses = [{}]\n", addresses.join(", "))
        };
        let sink = |(name, place): (&str, &SocketAddr)| {
            let secret = name.to_uppercase();
            format!(
                "\n[[sink]]\nname = \"{name}\"\nkind = \"webhook\"\nurl = \"http://{place}/hook\"\nsecret = \"env:KILL_{secret}\"\nallow_private = true\n"
            )
        };
        let head = format!(
            "[http]\nlisten = \"127.0.0.1:0\"\ntoken = \"env:{TOKEN}\"\n\n[store]\nurl = \"sqlite:kill.db\"\n\n[system]\nnotify = [\"first\"]\n"
        );
        let chains: String = self.chains.iter().map(chain).collect();
        let watches: String = WATCHES.iter().map(watch).collect();
        let sinks: String = ["first", "second"].into_iter().zip(&self.places).map(sink).collect();
        let rules = r#"
[[rule]]
name = "everything"
when = "transfer"
stages = ["seen", "confirmed", "final"]
notify = ["first"]

[[rule]]
name = "coin for the till"
when = "transfer"
watch = ["till"]
direction = "in"
asset = "native"
at_least = "0.5 ETH"
notify = ["second"]
"#;
        [&head, &chains, &watches, &sinks, rules].concat()
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        self.mining.store(false, Ordering::SeqCst);
        self.cancel.cancel();
    }
}

fn nothing_pending(at: SocketAddr) -> bool {
    let Some(status) = monitor::status(at) else { return false };
    status["sinks"].as_array().expect("a list").iter().all(|sink| sink["pending"] == 0)
}

/// What happens while the monitor lives and dies.
struct Load {
    chance: Chance,
    nodes: Vec<Arc<Node>>,
    receivers: Vec<Arc<Receiver>>,
}

impl Load {
    async fn run(mut self, mining: Arc<AtomicBool>, cancel: CancellationToken) {
        let mut beats = tokio::time::interval(BEAT);
        while mining.load(Ordering::SeqCst) {
            tokio::select! {
                () = cancel.cancelled() => return,
                _ = beats.tick() => {}
            }
            for node in self.nodes.clone() {
                self.grow(&node);
            }
            for receiver in &self.receivers {
                receiver.answer_with(match self.chance.between(1, 20) {
                    1 | 2 => Answer::Status(500),
                    3 => Answer::CloseAfterBody,
                    4..=6 => Answer::Late(Duration::from_millis(self.chance.between(10, 300))),
                    _ => Answer::Status(204),
                });
            }
        }
        for receiver in &self.receivers {
            receiver.answer_with(Answer::Status(204));
        }
    }

    /// One beat of a chain.
    fn grow(&mut self, node: &Node) {
        match self.chance.between(1, 40) {
            1 => node.drop_connections(),
            2 => node.set(|faults| faults.null_blocks = 1),
            3 => return,
            _ => {}
        }
        let actions = (0..self.chance.between(0, 6)).map(|_| self.action()).collect();
        let chance = &mut self.chance;
        node.chain().change(|chain| {
            if !chance.one_in(12) {
                chain.mine(now(), &Plan { actions, ..Plan::default() });
                return;
            }
            let depth = chance.between(1, DEEPEST);
            let dropped = dropped(chain, depth, chance);
            let again = dropped.iter().copied().filter(|_| chance.one_in(2)).collect();
            let blocks = depth + chance.between(0, 1);
            let reorg = Reorg { depth, blocks, dropped, later: chance.between(0, 2), actions, ..Reorg::default() };
            // One that is too deep is left out: the chain says what is final.
            let _too_deep = chain.reorg(now(), &reorg).is_err();
            chain.mine(now(), &Plan { again, ..Plan::default() });
        });
    }

    fn action(&mut self) -> Action {
        let everyone = everyone();
        let (from, to) = loop {
            let mut one = || *self.chance.pick(&everyone).expect("there is someone");
            let (from, to) = (one(), one());
            // Who pays themselves is a case of its own, and not this test's.
            if from != to && !(STRANGERS.contains(&from) && STRANGERS.contains(&to)) {
                break (from, to);
            }
        };
        let value = U256::from(self.chance.between(1, 10)) * U256::from(100_000_000_000_000_000_u64);
        let amount = U256::from(self.chance.between(1, 1_000_000_000));
        match self.chance.between(1, 10) {
            1..=3 => Action::Pay { from, to, value },
            4 | 5 => Action::Send { token: KNOWN, from, to, amount },
            6 => Action::Send { token: UNKNOWN, from, to, amount },
            7 => Action::SendTwice { token: KNOWN, from, to, amount },
            8 => Action::PayInVain { from, to, value },
            9 => Action::Through { from, contract: CONTRACT, to, value, fails: Fails::Nothing },
            _ => Action::Through { from, contract: CONTRACT, to, value, fails: Fails::Inner },
        }
    }
}

/// Some transactions of the newest blocks, which a reorg does not bring back.
fn dropped(chain: &Chain, depth: u64, chance: &mut Chance) -> std::collections::BTreeSet<B256> {
    let height = chain.height();
    let newest = (0..depth).filter_map(|below| chain.at(height.checked_sub(below)?));
    let hashes = newest.flat_map(|block| block.txs.iter().map(|included| included.tx.hash));
    hashes.filter(|_| chance.one_in(3)).collect()
}
