//! The watch list at run time under load: what is stated to be complete is.

use super::common::anvil::Anvil;
use super::common::http_client;
use super::common::monitor::{Monitor, Place};
use super::common::receiver::Receiver;
use super::proxy::Proxy;
use alloy::primitives::{Address, B256};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

const TOKEN: &str = "operate-0123456789abcdef0123456789";
/// Blocks, each with a transfer, before the address is added and after it is complete.
const MOVES: u64 = 25;

/// A monitor that watches one quiet address on a chain, and can be told to watch others.
fn place(rpc: &str, quiet: Address, receiver: &Receiver) -> Place {
    let place = Place::new(&format!(
        r#"token = "env:TOKEN"
[[chain]]
name = "dev"
chain_id = 31337
coin = "ETH"
block_time = "1s"
confirmations = 3
final_after = 50
rpc = ["{rpc}"]
etherscan = false
[[watch]]
name = "quiet"
address = "{quiet}"
[[sink]]
name = "ops"
kind = "webhook"
url = "{}"
secret = "env:HOOK"
allow_private = true
[[rule]]
name = "all"
when = "transfer"
stages = ["seen"]
notify = ["ops"]
"#,
        receiver.url()
    ));
    place.set("HOOK", &Receiver::secret());
    place.set("TOKEN", TOKEN);
    place
}

async fn add(monitor: &Monitor, body: &Value) -> Value {
    let post = http_client().post(format!("{}/api/v1/watches", monitor.page())).bearer_auth(TOKEN);
    let post = post.header("content-type", "application/json").body(body.to_string());
    let answer = post.send().await.expect("it answers");
    let (status, text) = (answer.status(), answer.text().await.expect("it is whole"));
    assert_eq!(status, 200, "{text}");
    serde_json::from_str(&text).expect("it is JSON")
}

/// An address moves in every block while it is added: from the stated block on each of its transfers is told, and none before.
async fn moves_while_it_is_added(anvil: Arc<Anvil>, rpc: &str) {
    let receiver = Receiver::start().await;
    let accounts = anvil.accounts().await;
    let (payer, busy, quiet) = (accounts[0], accounts[1], accounts[2]);
    let place = place(rpc, quiet, &receiver);
    let first = anvil.mine(1).await;
    let monitor = place.start().await;
    monitor.has_read("dev", first).await;
    // It moves on until enough blocks are complete, however long the answer takes.
    let until = Arc::new(AtomicU64::new(u64::MAX));
    let mining = {
        let (anvil, until) = (Arc::clone(&anvil), Arc::clone(&until));
        tokio::spawn(async move {
            let mut moved = BTreeMap::new();
            let mut mined = first;
            while mined < until.load(Ordering::Relaxed) {
                let tx = anvil.pay(payer, busy, u128::from(mined) + 1).await;
                mined = anvil.mine(1).await;
                moved.insert(mined, tx);
            }
            moved
        })
    };
    // In the middle of it, while blocks are read and wait in queues.
    while anvil.height().await < first + MOVES {
        tokio::task::yield_now().await;
    }
    let body = json!({"watches": [{"name": "busy", "tags": ["late"], "addresses": [{"address": busy.to_string(), "ref": "c-7", "label": "Ada"}]}]});
    let answer = add(&monitor, &body).await;
    let height = anvil.height().await;
    let complete = answer["watches"][0]["complete_from"]["dev"].as_u64().expect("a block is stated");
    assert!(
        complete <= height + 1,
        "what comes after the answer is complete: {complete}, and the chain is at {height}"
    );
    until.store(complete + MOVES, Ordering::Relaxed);
    let moved: BTreeMap<u64, B256> = mining.await.expect("it mines");
    let expected: BTreeSet<String> = moved.range(complete..).map(|(_, tx)| tx.to_string()).collect();
    assert!(expected.len() as u64 >= MOVES, "it moved in too few blocks from {complete}: {moved:?}");
    let end = anvil.pay(payer, quiet, 1).await;
    anvil.mine(1).await;
    let last = |heard: &[super::common::receiver::Heard]| {
        let told: BTreeSet<&str> = heard.iter().map(|heard| heard.text("tx_hash")).collect();
        told.contains(end.to_string().as_str()) && expected.iter().all(|tx| told.contains(tx.as_str()))
    };
    let heard = receiver.until(last).await.unwrap_or_else(|heard| {
        let told: BTreeSet<&str> = heard.iter().map(|heard| heard.text("tx_hash")).collect();
        panic!(
            "complete from {complete}, and these are missing: {:?}",
            expected.iter().filter(|tx| !told.contains(tx.as_str())).collect::<Vec<_>>()
        )
    });
    let of_busy: Vec<_> = heard.iter().filter(|heard| heard.text("watch") == "busy").collect();
    let told: BTreeSet<String> = of_busy.iter().map(|heard| heard.text("tx_hash").to_owned()).collect();
    assert_eq!((told, of_busy.len()), (expected.clone(), expected.len()), "each once, and nothing from before");
    assert!(of_busy.iter().all(|heard| heard.text("ref") == "c-7" && heard.text("label") == "Ada"));
    // The list outlives a kill; what the monitor says of it is the same.
    monitor.kill().await;
    let monitor = place.start().await;
    let shown = monitor.list("/api/v1/watches/busy/addresses").await;
    assert_eq!(shown[0]["complete_from"], json!({"dev": complete}));
    let after = anvil.pay(payer, busy, 7).await;
    anvil.mine(1).await;
    let told =
        |heard: &[super::common::receiver::Heard]| heard.iter().any(|one| one.text("tx_hash") == after.to_string());
    receiver.until(told).await.expect("it is watched still");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_that_moves_in_every_block_while_it_is_added_misses_nothing() {
    let Some(anvil) = Anvil::start("anvil: a watch added under load", 31_337, &[]).await else { return };
    let rpc = anvil.ws();
    moves_while_it_is_added(Arc::new(anvil), &rpc).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nor_does_it_behind_a_node_that_gives_no_receipts_of_whole_blocks() {
    let Some(anvil) = Anvil::start("anvil: a watch added under load, receipts one by one", 31_337, &[]).await else {
        return;
    };
    let anvil = Arc::new(anvil);
    let proxy = Proxy::start(Arc::clone(&anvil)).await;
    proxy.lacks(&["eth_getBlockReceipts", "debug_traceBlockByHash", "trace_block"]);
    moves_while_it_is_added(anvil, &proxy.url()).await;
}
