//! The world around a monitor that pays: a chain with a node, and Circle with its wallet, in the test's own process, so that they outlive
//! every death.

use super::monitor::{self, Monitor};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;
use walletwatch::types::{Address, ChainId, Timestamp, U256, chain};
use walletwatch::world::Clock;
use walletwatch::world::chain::{Action, Chain, Genesis, Plan, Token};
use walletwatch::world::chance::Chance;
use walletwatch::world::circle::{Circle, Manner, WalletFacts};
use walletwatch::world::live::LiveChain;
use walletwatch::world::node::Node;

/// Between two blocks.
const BEAT: Duration = Duration::from_millis(50);
/// A wait that is longer than this has found a fault.
pub(crate) const PATIENCE: Duration = Duration::from_mins(2);
const CHAIN: ChainId = ChainId(11_155_111);
const FINAL_AFTER: u64 = 6;
const WALLET: &str = "ce714f5b-0d8e-4062-9454-61aa1154869b";

/// Who gets what makes the rule pay.
pub(crate) const TILL: Address = Address::repeat_byte(0xa1);
/// Whom it pays.
pub(crate) const VAULT: Address = Address::repeat_byte(0xb1);
/// Who is filled up.
pub(crate) const HOT: Address = Address::repeat_byte(0xc1);
pub(crate) const STRANGER: Address = Address::repeat_byte(0xd1);
const PAYING: Address = Address::repeat_byte(0xee);
const TOKEN: &str = "PAYING_TOKEN";
const TOKEN_VALUE: &str = "paying-test-token-0123456789abcdef";
const BOSS: &str = "PAYING_BOSS";
const BOSS_VALUE: &str = "approving-test-token-0123456789abcdef";
const SECRETS: [(&str, &str); 2] = [(TOKEN, TOKEN_VALUE), (BOSS, BOSS_VALUE)];
/// Raw: beneath this the hot wallet is filled up to [`FULL`].
pub(crate) const LOW: u64 = 50_000_000;
pub(crate) const FULL: u64 = 150_000_000;

/// The chain table's USDC.
pub(crate) fn usdc() -> Address {
    chain::by_id(CHAIN).and_then(|known| known.usdc).expect("the table has it").address
}

pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("it is after 1970");
    Timestamp::from_millis(i64::try_from(since.as_millis()).expect("it fits for a long time"))
}

/// Everything.
pub(crate) struct Scene {
    folder: TempDir,
    runtime: Runtime,
    cancel: CancellationToken,
    pub(crate) live: Arc<LiveChain>,
    pub(crate) circle: Arc<Circle>,
    node_at: SocketAddr,
    circle_at: SocketAddr,
    mining: Arc<AtomicBool>,
    trouble: Arc<AtomicBool>,
    /// What came in so far, each of another amount.
    pub(crate) came_in: Arc<AtomicU64>,
}

impl Scene {
    pub(crate) fn new(seed: u64) -> Self {
        let folder = tempfile::tempdir().expect("there is room for a folder");
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        let runtime = runtime.expect("a runtime can be made");
        let cancel = CancellationToken::new();
        let listen = || runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("loopback has a free port");
        let purse = |decimals: u64| -> BTreeMap<Address, U256> {
            let much = U256::from(10).pow(U256::from(decimals)).saturating_mul(U256::from(1_000_000_000));
            [STRANGER, PAYING].into_iter().map(|account| (account, much)).collect()
        };
        let mut holders = purse(6);
        holders.insert(HOT, U256::from(FULL));
        let token = Token { contract: usdc(), symbol: "USDC".into(), name: "USD Coin".into(), decimals: Some(6) };
        let genesis = Genesis {
            id: CHAIN,
            seed,
            at: now(),
            base_fee: U256::from(1_000_000_000),
            safe_after: FINAL_AFTER - 2,
            final_after: FINAL_AFTER,
            coin: purse(18),
            tokens: vec![(token, holders)],
        };
        let live = Arc::new(LiveChain::new(Chain::new(genesis)));
        let node = listen();
        let node_at = node.local_addr().expect("it is bound");
        runtime.spawn(Arc::new(Node::new(live.clone())).serve(node, cancel.clone()));
        let clock: Clock = Arc::new(now);
        let facts = WalletFacts {
            id: WALLET.into(),
            address: PAYING,
            blockchain: "ETH-SEPOLIA".into(),
            token: usdc(),
            usdc: U256::from(1_000_000_000_000_u64),
            coin: U256::from(10).pow(U256::from(20)),
            contract_account: false,
        };
        let circle = Circle::new(clock, facts).shared();
        circle.change(|book| {
            book.on_chain();
            book.paced(Duration::from_millis(30));
        });
        let place = listen();
        let circle_at = place.local_addr().expect("it is bound");
        runtime.spawn(Arc::clone(&circle).serve(place, cancel.clone()));
        let (mining, trouble) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        let came_in = Arc::new(AtomicU64::new(0));
        let scene = Self { folder, runtime, cancel, live, circle, node_at, circle_at, mining, trouble, came_in };
        scene.write_config(0);
        scene.mine(seed);
        scene
    }

    /// With an API where commands find it.
    pub(crate) fn reachable(self) -> Self {
        let free = std::net::TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
        self.write_config(free.expect("loopback has a free port").port());
        self
    }

    fn write_config(&self, port: u16) {
        let write = |name: &str, text: &str| {
            let path = self.folder().join(name);
            std::fs::write(&path, text).expect("the folder can be written to");
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).expect("it is ours");
        };
        write("circle.key", Circle::api_key().expose());
        write("circle.entity", Circle::entity_secret().expose());
        let (key, entity) = (self.folder().join("circle.key"), self.folder().join("circle.entity"));
        let text = include_str!("config.toml")
            .replace("{PORT}", &port.to_string())
            .replace("{NODE}", &self.node_at.to_string())
            .replace("{CIRCLE}", &self.circle_at.to_string())
            .replace("{KEY}", &key.display().to_string())
            .replace("{ENTITY}", &entity.display().to_string())
            .replace("{TILL}", &TILL.to_string())
            .replace("{VAULT}", &VAULT.to_string())
            .replace("{HOT}", &HOT.to_string())
            .replace("{WALLET}", WALLET)
            .replace("{TOKEN}", TOKEN)
            .replace("{BOSS}", BOSS);
        write("walletwatch.toml", &text);
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Blocks for ever; while it is told to, something comes in; what Circle sends is mined.
    fn mine(&self, seed: u64) {
        let (live, circle, cancel) = (self.live.clone(), self.circle.clone(), self.cancel.clone());
        let (mining, trouble, came_in) = (self.mining.clone(), self.trouble.clone(), self.came_in.clone());
        self.runtime.spawn(async move {
            let mut beats = tokio::time::interval(BEAT);
            let mut chance = Chance::new(seed);
            loop {
                tokio::select! {
                    () = cancel.cancelled() => return,
                    _ = beats.tick() => {}
                }
                let mut actions = Vec::new();
                if mining.load(Ordering::SeqCst) && chance.one_in(12) {
                    let amount = U256::from(1_000_000 + came_in.fetch_add(1, Ordering::SeqCst));
                    actions.push(Action::Send { token: usdc(), from: STRANGER, to: TILL, amount });
                }
                let outgoing = circle.outgoing();
                let sends = outgoing.iter().map(|out| Action::Send {
                    token: out.token,
                    from: out.from,
                    to: out.to,
                    amount: out.amount,
                });
                let first = actions.len();
                actions.extend(sends);
                let block = live.change(|chain| chain.mine(now(), &Plan { actions, ..Plan::default() }));
                for (out, tx) in outgoing.iter().zip(block.txs.iter().skip(first)) {
                    circle.change(|book| book.mined(&out.id, tx.tx.hash));
                }
                if trouble.load(Ordering::SeqCst) {
                    let late = Manner::DoneThenLate(Duration::from_millis(chance.between(100, 3_000)));
                    let all = [
                        Manner::DoneThenClosed,
                        Manner::DoneThenStatus(503),
                        Manner::DoneThenCut,
                        Manner::Closed,
                        Manner::WebPage(502),
                        late,
                    ];
                    let manner = *chance.pick(&all).expect("there are some");
                    // A wallet sends nothing while what became of a payment is open, and asks again later and later: not too many of them.
                    let met = chance.one_in(8).then_some(manner);
                    circle.set(|trouble| trouble.posts = met.into_iter().collect());
                }
            }
        });
    }

    /// Begins or ends what comes in.
    pub(crate) fn load(&self, on: bool) {
        self.mining.store(on, Ordering::SeqCst);
    }

    /// Whether Circle answers every request, or not.
    pub(crate) fn trouble(&self, on: bool) {
        self.trouble.store(on, Ordering::SeqCst);
        if !on {
            std::thread::sleep(BEAT * 2);
            self.circle.set(|trouble| trouble.posts.clear());
        }
    }

    pub(crate) fn start(&self, dies_at: Option<(&str, u64)>) -> Monitor {
        let fault = dies_at.map(|(name, passage)| ("WALLETWATCH_FAULT_KILL".to_owned(), format!("{name}:{passage}")));
        let mut environment: BTreeMap<String, String> = fault.into_iter().collect();
        environment.extend(SECRETS.map(|(name, value)| (name.to_owned(), value.to_owned())));
        Monitor::start(self.folder(), &environment)
    }

    /// What a command answers; nothing where it fails.
    pub(crate) fn command(&self, arguments: &[&str]) -> String {
        let mut command = Command::new(env!("CARGO_BIN_EXE_walletwatch"));
        command.arg("--config").arg(self.folder().join("walletwatch.toml"));
        command.arg("--data-dir").arg(self.folder().join("data")).args(arguments).envs(SECRETS).stdin(Stdio::null());
        let output = command.output().expect("the binary can be started");
        if !output.status.success() {
            println!("{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
            return String::new();
        }
        String::from_utf8(output.stdout).expect("it is text")
    }

    /// Lets a first monitor be born: what comes in from here on is paid. Blocks tell whole seconds, so it takes more than one.
    pub(crate) fn warm_up(&self) {
        let mut monitor = self.start(None);
        let at = monitor.wait_ready(PATIENCE).unwrap_or_else(|why| panic!("{why}\n{}", monitor.log_tail()));
        let born = Instant::now();
        self.wait(&monitor, "the first blocks are read", || {
            if born.elapsed() < Duration::from_secs(2) {
                return false;
            }
            let Some(status) = monitor::status(at) else { return false };
            status["chains"]
                .as_array()
                .is_some_and(|chains| chains.iter().any(|chain| chain["block"].as_u64() > Some(10)))
        });
        monitor.kill().expect("it runs");
    }

    pub(crate) fn wait(&self, monitor: &Monitor, what: &str, there: impl FnMut() -> bool) {
        self.wait_for(monitor, what, PATIENCE, there);
    }

    pub(crate) fn wait_for(&self, monitor: &Monitor, what: &str, most: Duration, mut there: impl FnMut() -> bool) {
        let until = Instant::now() + most;
        while !there() {
            if Instant::now() > until {
                let left = super::checker::store(self.folder());
                panic!("in vain: {what}\n{left:?}\n{}", monitor.log_tail());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Everything that came in, on the chain as it is: raw amounts.
    pub(crate) fn truth(&self) -> Vec<u64> {
        let came_in = self.came_in.load(Ordering::SeqCst);
        (0..came_in).map(|number| 1_000_000 + number).collect()
    }

    /// What Circle took on for somebody, raw.
    pub(crate) fn taken(&self, to: Address) -> Vec<u64> {
        let of = |entry: &&walletwatch::world::circle::Entry| entry.terms.destination == to;
        self.circle.read(|book| book.entries().iter().filter(of).map(|entry| entry.terms.amount.to()).collect())
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        self.cancel.cancel();
        if std::thread::panicking() {
            self.folder.disable_cleanup(true);
            println!("the monitor's folder is kept: {}", self.folder().display());
        }
    }
}
