//! The real binary with one chain and nothing to do: how soon it is ready, what it holds, what it uses, and how large it is.
//!
//! The chain is a simulated node in this process that announces an empty block every two seconds.
#![allow(clippy::disallowed_methods, reason = "a benchmark reads the clock")]

mod scene;

use scene::{median, print_figure};
use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use walletwatch::types::{ChainId, Timestamp, U256};
use walletwatch::world::chain::{Chain, Genesis, Plan};
use walletwatch::world::live::LiveChain;
use walletwatch::world::node::Node;

/// The binary.
const BINARY: &str = env!("CARGO_BIN_EXE_walletwatch");
/// Starts.
const STARTS: usize = 5;
/// Until everything that happens once has happened.
const SETTLING: Duration = Duration::from_secs(10);
/// For how long its use of the processor is watched.
const WATCHED: Duration = Duration::from_secs(20);
/// Between two blocks.
const BLOCK_TIME: Duration = Duration::from_secs(2);
/// Ticks of the processor's clock in a second, in `/proc`: fixed on Linux.
const TICKS: f64 = 100.0;

fn now() -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

/// Starts the simulated node on a thread of its own.
fn node() -> SocketAddr {
    let (told, hear) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let genesis = Genesis {
                id: ChainId(31_337),
                seed: 1,
                at: now(),
                base_fee: U256::from(1_000_000_000_u64),
                safe_after: 2,
                final_after: 4,
                coin: BTreeMap::new(),
                tokens: Vec::new(),
            };
            let chain = Arc::new(LiveChain::new(Chain::new(genesis)));
            let node = Arc::new(Node::new(Arc::clone(&chain)));
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
            told.send(listener.local_addr().expect("it is bound")).expect("somebody waits");
            let serving = node.serve(listener, CancellationToken::new());
            let mining = async {
                loop {
                    tokio::time::sleep(BLOCK_TIME).await;
                    chain.change(|chain| drop(chain.mine(now(), &Plan::default())));
                }
            };
            tokio::join!(serving, mining)
        });
    });
    hear.recv().expect("the node starts")
}

/// The monitor, and where its page is.
struct Monitor {
    process: Child,
    page: SocketAddr,
}

impl Monitor {
    fn start(folder: &Path, node: SocketAddr) -> Self {
        let page = std::net::TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a free port");
        let config = format!(
            r#"
[http]
listen = "{page}"
token = "env:BENCH_TOKEN"
[[chain]]
name = "devnet"
chain_id = 31337
coin = "ETH"
block_time = "2s"
confirmations = 3
final_after = 10
rpc = ["ws://{node}"]
etherscan = false
[[watch]]
name = "own"
address = "0x000000000000000000000000000000000000dEaD"
chains = ["devnet"]
[[sink]]
name = "log"
kind = "log"
[[rule]]
name = "coin"
when = "transfer"
watch = ["own"]
notify = ["log"]
[system]
notify = ["log"]
"#
        );
        let file = folder.join("walletwatch.toml");
        std::fs::write(&file, config).expect("the config is written");
        let mut command = Command::new(BINARY);
        command.args(["run", "--config"]).arg(&file).arg("--data-dir").arg(folder.join("data"));
        command.env("BENCH_TOKEN", "a token of this benchmark alone, forty letters");
        let process = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the binary starts");
        Self { process, page }
    }

    fn is_ready(&self) -> bool {
        let ask = || {
            let mut stream = TcpStream::connect(self.page)?;
            write!(stream, "GET /readyz HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\r\n", self.page)?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer)?;
            Ok::<_, std::io::Error>(answer)
        };
        ask().is_ok_and(|answer| answer.starts_with("HTTP/1.1 200"))
    }

    fn wait_until_ready(&mut self) {
        let begin = Instant::now();
        while !self.is_ready() {
            assert!(begin.elapsed() < Duration::from_secs(30), "it is never ready");
            assert!(self.process.try_wait().expect("it can be asked").is_none(), "it ended");
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    fn proc(&self, file: &str) -> String {
        std::fs::read_to_string(format!("/proc/{}/{file}", self.process.id())).expect("it runs")
    }

    /// Megabytes in memory.
    fn resident(&self) -> f64 {
        let status = self.proc("status");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("it has memory");
        let kib: f64 = line.trim().trim_end_matches(" kB").parse().expect("it is a number");
        kib * 1_024.0 / 1e6
    }

    /// Seconds of processor time so far.
    fn used(&self) -> f64 {
        let stat = self.proc("stat");
        let behind_name = stat.rsplit_once(')').expect("its name is in brackets").1;
        let ticks = behind_name.split_whitespace().skip(11).take(2);
        ticks.map(|ticks| ticks.parse::<f64>().expect("it is a number")).sum::<f64>() / TICKS
    }
}

impl Drop for Monitor {
    fn drop(&mut self) {
        let _ended = self.process.kill();
        let _ended = self.process.wait();
    }
}

fn main() {
    let node = node();
    let folder = tempfile::tempdir().expect("a folder");
    let mut took = Vec::new();
    for _ in 0..STARTS {
        let begin = Instant::now();
        let mut monitor = Monitor::start(folder.path(), node);
        monitor.wait_until_ready();
        took.push(begin.elapsed().as_secs_f64() * 1_000.0);
    }
    print_figure("start to ready", median(took), "ms", "at most 300");
    let mut monitor = Monitor::start(folder.path(), node);
    monitor.wait_until_ready();
    std::thread::sleep(SETTLING);
    let (before, begin) = (monitor.used(), Instant::now());
    std::thread::sleep(WATCHED);
    let share = 100.0 * (monitor.used() - before) / begin.elapsed().as_secs_f64();
    print_figure("idle with one chain: resident memory", monitor.resident(), "MB", "at most 17");
    print_figure("idle with one chain: of one core", share, "%", "at most 0.2");
    #[allow(clippy::cast_precision_loss, reason = "it is printed with one digit")]
    let size = std::fs::metadata(BINARY).expect("the binary is there").len() as f64 / 1e6;
    print_figure("binary", size, "MB", "at most 25");
}
