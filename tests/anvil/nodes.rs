//! Nodes that lag, go away, stand still, stand on a sibling or do not come to an end with their traces; a monitor that was away; two chains at once.

use super::common::anvil::Anvil;
use super::common::monitor::{Monitor, Place};
use super::common::receiver::{Heard, Receiver};
use super::everything::FORWARDER;
use super::evm;
use super::proxy::Proxy;
use alloy::primitives::{Address, B256, U256};
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

fn chain(name: &str, id: u64, rpc: &[String]) -> String {
    format!(
        r#"
[[chain]]
name = "{name}"
chain_id = {id}
coin = "ETH"
block_time = "1s"
confirmations = 3
final_after = 50
rpc = {rpc:?}
"#
    )
}

fn rest(watched: Address, receiver: &Receiver) -> String {
    format!(
        r#"
[[watch]]
name = "hot"
address = "{watched}"
[[sink]]
name = "ops"
kind = "webhook"
url = "{}"
secret = "env:HOOK"
allow_private = true
[[rule]]
name = "all"
when = "transfer"
stages = ["seen", "confirmed"]
notify = ["ops"]
"#,
        receiver.url()
    )
}

fn place(chains: &[String], watched: Address, receiver: &Receiver) -> Place {
    let place = Place::new(&format!("{}{}", chains.concat(), rest(watched, receiver)));
    place.set("HOOK", &Receiver::secret());
    place
}

/// Kinds of the messages about each transaction, in the order in which they came.
fn by_tx(heard: &[Heard]) -> BTreeMap<String, Vec<String>> {
    let mut all: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for heard in heard.iter().filter(|heard| heard.kind().starts_with("transfer.")) {
        all.entry(heard.text("tx_hash").to_owned()).or_default().push(heard.kind().to_owned());
    }
    all
}

fn is_told(heard: &[Heard], tx: B256, kind: &str) -> bool {
    heard.iter().any(|heard| heard.kind() == kind && heard.text("tx_hash") == tx.to_string())
}

const BOTH: [&str; 2] = ["transfer.seen", "transfer.confirmed"];

/// Waits until all of these were told at both stages, and holds that nothing else ever was.
async fn told_once(receiver: &Receiver, all: &[B256]) {
    let last = |heard: &[Heard]| all.iter().all(|tx| is_told(heard, *tx, "transfer.confirmed"));
    let heard = receiver.until(last).await.unwrap_or_else(|heard| panic!("not all was told: {:#?}", by_tx(&heard)));
    let told = by_tx(&heard);
    assert_eq!(told.len(), all.len(), "{told:#?}");
    for (tx, kinds) in told {
        assert_eq!(kinds, BOTH, "{tx}");
    }
}

/// Waits until a source of the chain stands as it should.
async fn source_is(monitor: &Monitor, url: &str, fresh: bool) {
    let name = url.trim_start_matches("http://").to_owned();
    let stands = |status: &serde_json::Value| {
        let mut sources = status["sources"].as_array().into_iter().flatten();
        sources.any(|row| row["source"] == name && (row["state"] == "fresh") == fresh)
    };
    monitor.until("/api/v1/status", stands).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failover_to_a_node_that_lags_three_blocks_says_nothing() {
    let Some(anvil) = Anvil::start("anvil: a lagging node", 31_337, &[]).await else { return };
    let anvil = Arc::new(anvil);
    let accounts = anvil.accounts().await;
    let (first, second) = (Proxy::start(Arc::clone(&anvil)).await, Proxy::start(Arc::clone(&anvil)).await);
    let receiver = Receiver::start().await;
    let place = place(&[chain("devnet", 31_337, &[first.url(), second.url()])], accounts[1], &receiver);
    anvil.mine(20).await;
    second.lag(3);
    let monitor = place.start().await;
    monitor.has_read("devnet", 20).await;
    source_is(&monitor, &second.url(), true).await;
    // The second of them is confirmed in blocks that the other node does not have.
    let mut sent = Vec::new();
    for _ in 0..3 {
        sent.push(anvil.pay(accounts[0], accounts[1], 7).await);
        let height = anvil.mine(2).await;
        monitor.has_read("devnet", height).await;
    }
    first.away(true);
    source_is(&monitor, &first.url(), false).await;
    second.asked_twice().await;
    // It comes nearer, catches up with what was read, then goes on from there.
    second.lag(1);
    second.asked_twice().await;
    second.lag(0);
    second.asked_twice().await;
    sent.push(anvil.pay(accounts[0], accounts[1], 8).await);
    let height = anvil.mine(3).await;
    monitor.has_read("devnet", height).await;
    second.lag(3);
    first.away(false);
    source_is(&monitor, &first.url(), true).await;
    sent.push(anvil.pay(accounts[0], accounts[1], 9).await);
    let height = anvil.mine(3).await;
    monitor.has_read("devnet", height).await;
    told_once(&receiver, &sent).await;
    assert!(monitor.stop().await.success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failover_to_a_node_on_a_sibling_says_nothing_until_that_is_the_longer_chain() {
    // The same genesis and the same first block on both; the times are given so that they are.
    let time = ["--timestamp", "1700000000"];
    let Some(one) = Anvil::start("anvil: a sibling", 31_337, &time).await else { return };
    let Some(other) = Anvil::start("anvil: a sibling", 31_337, &time).await else { return };
    for anvil in [&one, &other] {
        anvil.call("evm_setNextBlockTimestamp", json!([1_700_000_100])).await;
        anvil.mine(1).await;
    }
    let hash = async |anvil: &Anvil| anvil.call("eth_getBlockByNumber", json!(["0x1", false])).await["hash"].clone();
    assert_eq!(hash(&one).await, hash(&other).await, "the nodes begin alike");
    let accounts = one.accounts().await;
    let (one, other) = (Arc::new(one), Arc::new(other));
    let (first, second) = (Proxy::start(Arc::clone(&one)).await, Proxy::start(Arc::clone(&other)).await);
    let receiver = Receiver::start().await;
    let place = place(&[chain("devnet", 31_337, &[first.url(), second.url()])], accounts[1], &receiver);
    let monitor = place.start().await;
    monitor.has_read("devnet", 1).await;
    let tx = one.pay(accounts[0], accounts[1], 7).await;
    one.mine(1).await;
    receiver.until(|heard| is_told(heard, tx, "transfer.seen")).await.expect("it was told");
    // The other has a block at the same height, without it.
    other.mine(1).await;
    source_is(&monitor, &second.url(), true).await;
    first.away(true);
    source_is(&monitor, &first.url(), false).await;
    second.asked_twice().await;
    first.away(false);
    source_is(&monitor, &first.url(), true).await;
    let height = one.mine(1).await;
    monitor.has_read("devnet", height).await;
    assert_eq!(by_tx(&receiver.heard())[&tx.to_string()], ["transfer.seen"]);
    // The other's chain becomes the longer one: now it is true that the transfer is gone.
    first.away(true);
    let height = other.mine(3).await;
    monitor.has_read("devnet", height).await;
    let heard = receiver.until(|heard| is_told(heard, tx, "transfer.retracted")).await.expect("it was taken back");
    assert_eq!(by_tx(&heard)[&tx.to_string()], ["transfer.seen", "transfer.retracted"]);
    assert!(monitor.stop().await.success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_thousand_blocks_away_today_is_told_at_once_and_the_gap_is_read_beside_it() {
    let Some(anvil) = Anvil::start("anvil: a gap", 31_337, &[]).await else { return };
    let anvil = Arc::new(anvil);
    let accounts = anvil.accounts().await;
    let node = Proxy::start(Arc::clone(&anvil)).await;
    let receiver = Receiver::start().await;
    let place = place(&[chain("devnet", 31_337, &[node.url()])], accounts[1], &receiver);
    anvil.mine(5).await;
    let monitor = place.start().await;
    monitor.has_read("devnet", 5).await;
    let before = anvil.pay(accounts[0], accounts[1], 1).await;
    let height = anvil.mine(3).await;
    monitor.has_read("devnet", height).await;
    told_once(&receiver, &[before]).await;
    assert!(monitor.stop().await.success());
    // A thousand blocks, a transfer in every fortieth.
    let mut missed = Vec::new();
    for nth in 0..25 {
        missed.push(anvil.pay(accounts[0], accounts[1], 100 + nth).await);
        anvil.mine(40).await;
    }
    let tip = anvil.height().await;
    // The node keeps the gap to itself until today was told: today's alerts cannot have waited for it.
    node.keep(height + 1..tip - 20);
    let monitor = place.start().await;
    monitor.has_read("devnet", tip).await;
    let today = anvil.pay(accounts[0], accounts[1], 2).await;
    anvil.mine(3).await;
    let heard = receiver.until(|heard| is_told(heard, today, "transfer.confirmed")).await;
    let heard = heard.unwrap_or_else(|heard| panic!("today was not told: {:#?}", by_tx(&heard)));
    let early: Vec<_> = missed.iter().filter(|tx| is_told(&heard, **tx, "transfer.seen")).collect();
    assert!(early.len() <= 1, "the gap was kept back: {early:?}");
    assert!(node.waited() > 0, "the gap is asked for beside it");
    node.keep(0..0);
    let all: Vec<B256> = [before, today].into_iter().chain(missed.iter().copied()).collect();
    told_once(&receiver, &all).await;
    for heard in receiver.heard().iter().filter(|heard| heard.kind().starts_with("transfer.")) {
        let late = missed.iter().any(|tx| heard.text("tx_hash") == tx.to_string());
        assert_eq!(heard.data()["late"], json!(late), "{}", heard.body);
    }
    let whole = |status: &serde_json::Value| status["chains"][0]["gap_blocks"] == 0;
    monitor.until("/api/v1/status", whole).await;
    assert!(monitor.stop().await.success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_chains_are_watched_at_once_and_the_same_transaction_on_both_is_two_transfers() {
    let Some(one) = Anvil::start("anvil: two chains", 31_337, &[]).await else { return };
    let Some(other) = Anvil::start("anvil: two chains", 31_338, &[]).await else { return };
    let accounts = one.accounts().await;
    let receiver = Receiver::start().await;
    let chains = [chain("one", 31_337, &[one.ws()]), chain("other", 31_338, &[other.ws()])];
    let place = place(&chains, accounts[1], &receiver);
    let monitor = place.start().await;
    let mut sent = Vec::new();
    for (name, anvil) in [("one", &one), ("other", &other)] {
        monitor.has_read(name, 0).await;
        sent.push(anvil.pay(accounts[0], accounts[1], 7).await);
        anvil.mine(1).await;
    }
    one.mine(1).await;
    other.mine(2).await;
    // One chain is two deep, the other three.
    let heard = receiver.until(|heard| is_told(heard, sent[1], "transfer.confirmed")).await.expect("it was told");
    assert!(!is_told(&heard, sent[0], "transfer.confirmed"), "{:#?}", by_tx(&heard));
    one.reorg(2).await;
    one.mine(1).await;
    let heard = receiver.until(|heard| is_told(heard, sent[0], "transfer.retracted")).await.expect("it was taken back");
    let told = by_tx(&heard);
    assert_eq!(told[&sent[0].to_string()], ["transfer.seen", "transfer.retracted"]);
    assert_eq!(told[&sent[1].to_string()], BOTH);
    let of =
        |tx: B256| heard.iter().find(|heard| heard.text("tx_hash") == tx.to_string()).map(|heard| heard.text("chain"));
    assert_eq!((of(sent[0]), of(sent[1])), (Some("one"), Some("other")));
    assert!(monitor.stop().await.success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_stands_still_for_30_s_is_one_blindness_and_one_recovery_with_its_gap_filled() {
    let Some(anvil) = Anvil::start("anvil: a paused node", 31_337, &[]).await else { return };
    let accounts = anvil.accounts().await;
    let receiver = Receiver::start().await;
    // As long as the node is paused: it goes on when its silence was told.
    let chain = chain("devnet", 31_337, &[anvil.ws()]) + "stale_after = \"30s\"\n";
    let place = place(&[chain], accounts[1], &receiver);
    let monitor = place.start().await;
    monitor.has_read("devnet", 0).await;
    let mut sent = vec![anvil.pay(accounts[0], accounts[1], 1).await];
    let last = anvil.mine(3).await;
    monitor.has_read("devnet", last).await;

    anvil.pause();
    // What it is asked for while it stands still it does when it goes on.
    let meanwhile = async {
        let mut sent = Vec::new();
        for value in 2..6 {
            sent.push(anvil.pay(accounts[0], accounts[1], value).await);
            anvil.mine(10).await;
        }
        sent
    };
    let of = |heard: &[Heard], kind: &str| -> Vec<Heard> {
        heard.iter().filter(|heard| heard.kind() == kind).cloned().collect()
    };
    let paused = async {
        let heard = receiver.until(|heard| !of(heard, "source.blind").is_empty()).await;
        let status = monitor.get("/api/v1/status").await;
        anvil.go_on();
        (heard.expect("that it is blind is said"), status)
    };
    let (more, (heard, status)) = tokio::join!(meanwhile, paused);
    sent.extend(more);
    let blind = of(&heard, "source.blind");
    assert_eq!((blind[0].text("chain"), blind[0].data()["last_block"].as_u64()), ("devnet", Some(last)));
    assert!(status["blind"] == true && status["chains"][0]["blind_since"].is_string(), "{status}");

    let tip = anvil.height().await;
    assert_eq!(tip, last + 40);
    monitor.has_read("devnet", tip).await;
    told_once(&receiver, &sent).await;
    let whole = |status: &serde_json::Value| {
        let chain = &status["chains"][0];
        chain["gap_blocks"] == 0 && chain["blind_since"].is_null() && status["blind"] == false
    };
    monitor.until("/api/v1/status", whole).await;
    let back = receiver.until(|heard| !of(heard, "source.recovered").is_empty()).await;
    let heard = back.expect("that it is back is said");
    let back = of(&heard, "source.recovered");
    assert_eq!((of(&heard, "source.blind").len(), back.len()), (1, 1));
    assert_eq!(back[0].data()["gap"]["from"], json!(last + 1), "{}", back[0].body);
    assert!(back[0].data()["gap"]["to"].as_u64().is_some_and(|to| to > last && to <= tip), "{}", back[0].body);
    assert_eq!(back[0].text("alert_id"), blind[0].text("alert_id"));
    assert!(monitor.stop().await.success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_traces_hang_blocks_are_told_in_seconds_and_what_moved_inside_them_when_they_come() {
    let Some(anvil) = Anvil::start("anvil: slow traces", 31_337, &[]).await else { return };
    let anvil = Arc::new(anvil);
    let accounts = anvil.accounts().await;
    anvil.put_code(FORWARDER, &evm::forwarder()).await;
    let node = Proxy::start(Arc::clone(&anvil)).await;
    let receiver = Receiver::start().await;
    let place = place(&[chain("devnet", 31_337, &[node.url()])], accounts[1], &receiver);
    let height = anvil.mine(2).await;
    let monitor = place.start().await;
    monitor.has_read("devnet", height).await;
    node.hang(&["trace_block", "debug_traceBlockByHash"]);
    let since = Instant::now();
    let plain = anvil.pay(accounts[0], accounts[1], 7).await;
    let inside = anvil.send(accounts[0], Some(FORWARDER), U256::from(9), &evm::forward(accounts[1], false)).await;
    let first = anvil.mine(1).await;
    receiver.until(|heard| is_told(heard, plain, "transfer.seen")).await.expect("it is told without the traces");
    assert!(since.elapsed() < Duration::from_secs(8), "it was told after {:?}", since.elapsed());
    // The chain goes on, and says what it does not know.
    let last = anvil.mine(3).await;
    receiver.until(|heard| is_told(heard, plain, "transfer.confirmed")).await.expect("heads keep coming");
    let unknown = |status: &serde_json::Value| {
        let chain = &status["chains"][0];
        chain["untraced_from"] == json!(first) && chain["untraced_to"] == json!(last)
    };
    let status = monitor.until("/api/v1/status", unknown).await;
    assert_eq!(status["rules"][0]["uncovered"], json!(["devnet"]));
    assert!(!by_tx(&receiver.heard()).contains_key(&inside.to_string()));
    node.hang(&[]);
    told_once(&receiver, &[plain, inside]).await;
    let whole = |status: &serde_json::Value| {
        status["chains"][0]["untraced_blocks"] == 0 && status["rules"][0]["uncovered"] == json!([])
    };
    monitor.until("/api/v1/status", whole).await;
    assert!(monitor.stop().await.success());
}
