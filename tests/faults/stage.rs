//! A monitor in this process with a config of its own, a chain with a node, and what both say.

use crate::config;
use serde_json::Value;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use walletwatch::app::clock::Clock;
use walletwatch::app::monitor::{self, MonitorFault};
use walletwatch::app::reload::Reloading;
use walletwatch::config::checked::Config;
use walletwatch::config::faults::Faults;
use walletwatch::telemetry::Metrics;
use walletwatch::types::{Address, ChainId, Timestamp, U256};
use walletwatch::world::chain::{Action, Chain, Genesis, Plan};
use walletwatch::world::live::LiveChain;
use walletwatch::world::node::Node;
use walletwatch::world::receiver::{Answer, Delivery, Receiver};

/// Longer than anything takes on the busiest machine; only a test that fails waits so long.
pub(crate) const PATIENCE: Duration = Duration::from_secs(80);
/// How often it is looked again.
pub(crate) const GLANCE: Duration = Duration::from_millis(20);
/// A chain that says nothing for so long is blind here.
pub(crate) const STALE_AFTER: Duration = Duration::from_secs(3);
/// Between two blocks.
pub(crate) const BLOCK_EVERY: Duration = Duration::from_millis(250);
/// Who is watched.
pub(crate) const WATCHED: Address = Address::repeat_byte(0x11);
/// Who pays.
pub(crate) const PAYER: Address = Address::repeat_byte(0x22);

/// The time of every face.
pub(crate) fn clock() -> walletwatch::world::Clock {
    let clock = Arc::new(Clock::start(None));
    Arc::new(move || clock.now())
}

/// Waits until it is so, or fails with what it was about.
pub(crate) async fn until(what: &str, mut so: impl AsyncFnMut() -> bool) {
    let from = Instant::now();
    while !so().await {
        assert!(from.elapsed() < PATIENCE, "{what}: not so after {} s", PATIENCE.as_secs());
        sleep(GLANCE).await;
    }
}

/// A free port of loopback.
pub(crate) async fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
    let address = listener.local_addr().expect("it is bound");
    (listener, address)
}

/// A chain that PAYER is rich on.
pub(crate) fn chain(id: ChainId, now: Timestamp) -> Arc<LiveChain> {
    let mut chain = Chain::new(Genesis {
        id,
        seed: id.0,
        at: now,
        base_fee: U256::from(8_000_000_000_u64),
        safe_after: 4,
        final_after: 8,
        coin: BTreeMap::from([(PAYER, U256::from(10).pow(U256::from(24)))]),
        tokens: Vec::new(),
    });
    for _ in 0..3 {
        chain.mine(now, &Plan::default());
    }
    Arc::new(LiveChain::new(chain))
}

/// Mines a block in which PAYER pays WATCHED.
pub(crate) fn pay(chain: &LiveChain, at: Timestamp) {
    let pay = Action::Pay { from: PAYER, to: WATCHED, value: U256::from(1_000_000_000_u64) };
    chain.change(|chain| chain.mine(at, &Plan { actions: vec![pay], ..Plan::default() }));
}

/// How many transactions pay WATCHED on the chain.
pub(crate) fn paid(chain: &LiveChain) -> usize {
    chain.read(|chain| (0..=chain.height()).filter_map(|number| chain.at(number)).map(|block| block.txs.len()).sum())
}

/// A node of a chain, and where it is.
pub(crate) async fn node(chain: Arc<LiveChain>) -> (Arc<Node>, SocketAddr) {
    let (listener, address) = listen().await;
    let node = Arc::new(Node::new(chain));
    tokio::spawn(Arc::clone(&node).serve(listener, CancellationToken::new()));
    (node, address)
}

/// A receiver, and where it is.
pub(crate) async fn receiver(answer: Answer) -> (Arc<Receiver>, SocketAddr) {
    let (listener, address) = listen().await;
    let receiver = Arc::new(Receiver::new(clock(), [7; 32]));
    receiver.answer_with(answer);
    tokio::spawn(Arc::clone(&receiver).serve(listener, CancellationToken::new()));
    (receiver, address)
}

/// The JSON of a delivery.
pub(crate) fn body(delivery: &Delivery) -> Value {
    serde_json::from_slice(&delivery.body).expect("bodies are JSON")
}

/// Whether the receiver took it.
pub(crate) fn taken(delivery: &Delivery) -> bool {
    matches!(delivery.answer, Answer::Status(200..=299))
}

/// The bodies of this type that it took.
pub(crate) fn took(receiver: &Receiver, kind: &str) -> Vec<Value> {
    receiver.deliveries().iter().filter(|it| taken(it)).map(body).filter(|it| it["type"] == kind).collect()
}

/// A webhook sink.
pub(crate) fn sink(name: &str, at: SocketAddr) -> String {
    config::webhook(name, &format!("http://{at}/hook"))
}

/// A chain with a node behind this address, WATCHED on it, and a rule that tells each transfer once to these sinks.
pub(crate) fn devnet(node: SocketAddr, notify: &str) -> String {
    format!(
        r#"
[[chain]]
name = "devnet"
chain_id = 31337
coin = "ETH"
block_time = "250ms"
stale_after = "{}s"
confirmations = 3
final_after = 8
rpc = [{{ name = "node", url = "ws://{node}" }}]
etherscan = false
[[watch]]
name = "hot"
address = "{WATCHED}"
chains = ["devnet"]
[[rule]]
name = "in"
when = "transfer"
watch = ["hot"]
stage = "seen"
notify = [{notify}]
"#,
        STALE_AFTER.as_secs()
    )
}

/// The text of a config file, which may be written again.
pub(crate) type File = Arc<Mutex<String>>;

/// The token of the API.
pub(crate) const TOKEN: &str = "0123456789abcdef0123456789abcdef";

/// A running monitor.
pub(crate) struct Stage {
    _folder: TempDir,
    stop: CancellationToken,
    done: JoinHandle<Result<(), MonitorFault>>,
    page: String,
    http: reqwest::Client,
    file: File,
    hangups: mpsc::Sender<()>,
}

/// The file as the monitor is to have it.
fn load(file: &File, folder: &Path) -> Result<Config, Faults> {
    let text = file.lock().expect("no holder panics").clone();
    let secret = Receiver::new(clock(), [7; 32]).secret().expose().to_owned();
    config::read(&text, folder, &[("HOOK", &secret), ("KEY", "SIMULATED"), ("TOKEN", TOKEN)])
}

/// With `[http]` before it.
fn whole(config: &str) -> String {
    format!("[http]\nlisten = \"127.0.0.1:0\"\ntoken = \"env:TOKEN\"\n{config}")
}

impl Stage {
    /// Runs the monitor with this config; `[http]` is added.
    pub(crate) async fn start(config: &str) -> Self {
        walletwatch::net::install_crypto_provider();
        let folder = tempfile::tempdir().expect("a folder can be made");
        let file: File = Arc::new(Mutex::new(whole(config)));
        let config = load(&file, folder.path()).unwrap_or_else(|faults| panic!("{faults}"));
        let (read, place) = (Arc::clone(&file), folder.path().to_owned());
        let (hangups, heard) = mpsc::channel(1);
        let reloading = Reloading { load: Box::new(move || load(&read, &place)), hangups: heard };
        let stop = CancellationToken::new();
        let (ready_to, ready) = oneshot::channel();
        let running = monitor::run(config, Metrics::new(), stop.clone(), Some(reloading), |running| {
            let _nobody = ready_to.send(running.listen);
        });
        let done = tokio::spawn(running);
        let page = format!("http://{}", ready.await.expect("it starts"));
        let http = reqwest::Client::builder().no_proxy().timeout(PATIENCE).build().expect("a client can be made");
        Self { _folder: folder, stop, done, page, http, file, hangups }
    }

    /// Writes another config, and has it read: what came of it, as the API tells it.
    pub(crate) async fn reload(&self, config: &str) -> (u16, Value) {
        *self.file.lock().expect("no holder panics") = whole(config);
        let asked = self.http.post(format!("{}/api/v1/reload", self.page)).bearer_auth(TOKEN).send().await;
        let answer = asked.expect("it answers");
        let status = answer.status().as_u16();
        let text = answer.text().await.expect("it is whole");
        (status, serde_json::from_str(&text).unwrap_or_else(|fault| panic!("{fault}: {text}")))
    }

    /// Writes another config, and sends what SIGHUP sends.
    pub(crate) async fn hang_up(&self, config: &str) {
        *self.file.lock().expect("no holder panics") = whole(config);
        self.hangups.send(()).await.expect("it listens");
    }

    /// The text at a path.
    pub(crate) async fn text(&self, path: &str) -> String {
        let answer = self.http.get(format!("{}{path}", self.page)).send().await.expect("it answers");
        answer.text().await.expect("it is whole")
    }

    /// `/api/v1/status`.
    pub(crate) async fn status(&self) -> Value {
        serde_json::from_str(&self.text("/api/v1/status").await).expect("it is JSON")
    }

    /// The gauge that says whether a source answers.
    pub(crate) async fn is_up(&self, source: &str) -> bool {
        self.gauge_of(&format!("source=\"{source}\"")).await
    }

    /// The same, by any of its labels.
    pub(crate) async fn gauge_of(&self, label: &str) -> bool {
        let metrics = self.text("/metrics").await;
        let mut lines = metrics.lines().filter(|line| line.starts_with("walletwatch_source_up{"));
        let line = lines.find(|line| line.contains(label)).unwrap_or_else(|| panic!("{label} is not in {metrics}"));
        match line.rsplit(' ').next() {
            Some("1") => true,
            Some("0") => false,
            _ => panic!("{line}"),
        }
    }

    /// Waits until the chain's first block was read.
    pub(crate) async fn follows(&self, chain: &str) {
        until("the chain is followed", async || {
            let status = self.status().await;
            let chains = status["chains"].as_array().cloned().unwrap_or_default();
            chains.iter().any(|row| row["chain"] == chain && row["block"].is_u64())
        })
        .await;
    }

    /// Tells it to stop, and waits until it has.
    pub(crate) async fn stop(self) {
        self.stop.cancel();
        self.done.await.expect("no panic").expect("a good end");
    }
}
