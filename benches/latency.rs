//! From a block mined to its webhook received, over a real node, the real binary and a receiver, all on loopback.
//!
//! Beside it, in the same run, what a bare program could not do without: the node's word of a new head, one question for the block
//! and one for its receipts and traces, and one fsync. Nothing is asserted: machines are noisy, and the numbers are for people.
//! `cargo bench --bench latency`; it needs anvil, and says so where there is none.

#![allow(unreachable_pub, reason = "what tests share is written for tests")]
#![allow(
    clippy::disallowed_methods,
    clippy::float_arithmetic,
    clippy::print_stdout,
    reason = "it measures, and prints for people"
)]

#[path = "../tests/common/mod.rs"]
mod common;

use common::anvil::Anvil;
use common::monitor::Place;
use common::receiver::Receiver;
use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use std::fs::File;
use std::io::Write;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::Message;

/// Blocks that are counted.
const BLOCKS: u32 = 400;
/// Blocks before them, in which everything gets warm.
const WARM: u32 = 20;
/// Between two blocks: nothing of the last one is under way any more.
const PAUSE: Duration = Duration::from_millis(30);

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.expect("a runtime can be made").block_on(measure());
}

async fn measure() {
    let Some(anvil) = Anvil::start("bench latency", 31_337, &[]).await else { return };
    let accounts = anvil.accounts().await;
    let receiver = Receiver::start().await;
    let config = format!(
        r#"
[[chain]]
name = "devnet"
chain_id = 31337
coin = "ETH"
block_time = "1s"
confirmations = 1
final_after = 10
rpc = ["{}"]
[[watch]]
name = "hot"
address = "{}"
[[sink]]
name = "ops"
kind = "webhook"
url = "{}"
secret = "env:HOOK"
allow_private = true
[[rule]]
name = "all"
when = "transfer"
notify = ["ops"]
"#,
        anvil.ws(),
        accounts[1],
        receiver.url()
    );
    let place = Place::new(&config);
    // The release binary, if it is there; else the one that this was built with.
    let release = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target/release/walletwatch");
    let place = if release.is_file() { place.with_program(release) } else { place };
    println!("program: {}", place.program().display());
    place.set("HOOK", &Receiver::secret());
    let mut heads = follow_heads(&anvil.ws()).await;
    let monitor = place.start().await;
    monitor.has_read("devnet", 0).await;
    let folder = tempfile::tempdir().expect("a folder can be made");
    let mut file = File::create(folder.path().join("log")).expect("it can be made");
    let (mut from_order, mut from_head, mut limit) = (Vec::new(), Vec::new(), Vec::new());
    for nth in 0..WARM + BLOCKS {
        anvil.pay(accounts[0], accounts[1], u128::from(nth) + 1).await;
        tokio::time::sleep(PAUSE).await;
        let told = receiver.heard().len();
        let ordered = Instant::now();
        anvil.call("evm_mine", json!([])).await;
        let announced = heads.recv().await.expect("the node tells its heads");
        let all = receiver.until(|all| all.len() > told).await.expect("the webhook comes");
        let came = all[told].at;
        let bare = bare(&anvil, &mut file).await;
        if nth >= WARM {
            from_order.push(came - ordered);
            from_head.push(came.saturating_duration_since(announced));
            limit.push(bare + announced.saturating_duration_since(ordered));
        }
    }
    show("block ordered -> webhook received", from_order);
    show("head announced -> webhook received", from_head);
    show("bare limit: order to head, two questions, one fsync", limit);
    println!("goal: p50 <= 10 ms, p99 <= 50 ms");
    assert!(monitor.stop().await.success(), "the monitor stops well");
}

/// Times at which the node told of a new head.
async fn follow_heads(url: &str) -> mpsc::UnboundedReceiver<Instant> {
    let (mut socket, _) = tokio_tungstenite::connect_async(url).await.expect("the node answers");
    let ask = json!({"jsonrpc": "2.0", "id": 1, "method": "eth_subscribe", "params": ["newHeads"]});
    socket.send(Message::text(ask.to_string())).await.expect("it is sent");
    socket.next().await.expect("an answer").expect("a whole one");
    let (heads_to, heads) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Some(Ok(message)) = socket.next().await {
            if message.is_text() && heads_to.send(Instant::now()).is_err() {
                return;
            }
        }
    });
    heads
}

/// What cannot be left out after the head: the block with its receipts and traces, then something durable. It is added to one file that
/// grows, as a log of a store does: that is where disks now and then take long.
async fn bare(anvil: &Anvil, file: &mut File) -> Duration {
    let begun = Instant::now();
    let block: Value = anvil.call("eth_getBlockByNumber", json!(["latest", true])).await;
    let receipts = anvil.call("eth_getBlockReceipts", json!(["latest"]));
    let traces = anvil.call("debug_traceBlockByHash", json!([block["hash"], {"tracer": "callTracer"}]));
    futures::future::join(receipts, traces).await;
    file.write_all(&[0; 32 * 1024]).expect("it can be written");
    file.sync_data().expect("it can be kept");
    begun.elapsed()
}

fn show(what: &str, mut all: Vec<Duration>) {
    all.sort_unstable();
    let at = |percent: usize| all[(all.len() * percent / 100).min(all.len() - 1)].as_secs_f64() * 1_000.0;
    println!("{what}: p50 {:.1} ms, p99 {:.1} ms, most {:.1} ms", at(50), at(99), at(100));
}
