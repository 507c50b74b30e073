//! Reload under load: rules, watches, sinks, endpoints and feeds come and go while blocks are mined, and bad files are refused. Nothing is
//! lost, nothing told twice, and no connection dropped that did not have to be.

use crate::proxy::Proxy;
use crate::stage::*;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use walletwatch::types::{Address, ChainId, Pair, Price, U256};
use walletwatch::world::chain::{Action, Plan};
use walletwatch::world::live::LiveChain;
use walletwatch::world::prices::PriceFeed;
use walletwatch::world::receiver::{Answer, Receiver};

/// Watched only while the larger config is in force.
const LATE: Address = Address::repeat_byte(0x33);
/// How often the config changes.
const ROUNDS: usize = 4;
/// Between two blocks: quicker than in other tests, so that every change meets some.
const BEAT: Duration = Duration::from_millis(50);

/// A block that pays both.
fn pay_both(chain: &LiveChain, at: walletwatch::types::Timestamp) {
    let pay = |to| Action::Pay { from: PAYER, to, value: U256::from(1_000_000_000_u64) };
    chain.change(|chain| chain.mine(at, &Plan { actions: vec![pay(WATCHED), pay(LATE)], ..Plan::default() }));
}

fn feed(at: SocketAddr) -> String {
    format!(
        "[[feed]]\nname = \"prices\"\nkind = \"coinbase\"\npairs = [\"ETH-USD\"]\nurl = \"ws://{at}\"\n[[rule]]\nname = \"falls\"\nwhen = \"price\"\npair = \"ETH-USD\"\nbelow = \"2500\"\nrecovers_at = \"2550\"\nnotify = [\"ops\"]\n"
    )
}

/// A watch, a rule, a sink and an endpoint more.
fn larger(base: &str, second: SocketAddr, side: SocketAddr) -> String {
    let more = format!(
        "{}[[watch]]\nname = \"late\"\naddress = \"{LATE}\"\nchains = [\"devnet\"]\n[[rule]]\nname = \"late in\"\nwhen = \"transfer\"\nwatch = [\"late\"]\nstage = \"seen\"\nnotify = [\"side\"]\n",
        sink("side", side)
    );
    let node = "rpc = [{ name = \"node\"";
    assert!(base.contains(node));
    let both =
        base.replace(node, &format!("rpc = [{{ name = \"second\", url = \"ws://{second}\" }}, {{ name = \"node\""));
    both + &more
}

/// The transactions that a receiver was told of, each with how often.
fn told(receiver: &Receiver) -> BTreeMap<String, usize> {
    let mut told = BTreeMap::new();
    for body in took(receiver, "transfer.seen") {
        *told.entry(body["data"]["tx_hash"].as_str().unwrap_or_default().to_owned()).or_default() += 1;
    }
    told
}

/// The transactions of blocks in this range, the n-th of each.
fn mined(chain: &LiveChain, from: u64, to: u64, nth: usize) -> BTreeSet<String> {
    chain.read(|chain| {
        let blocks = (from..=to).filter_map(|number| chain.at(number));
        blocks.filter_map(|block| block.txs.get(nth)).map(|tx| format!("{:#x}", tx.tx.hash)).collect()
    })
}

fn height(chain: &LiveChain) -> u64 {
    chain.read(walletwatch::world::chain::Chain::height)
}

async fn has_read(stage: &Stage, block: u64) {
    until("the block is read", async || {
        let status = stage.status().await;
        status["chains"].as_array().is_some_and(|all| all.iter().any(|row| row["block"].as_u64() >= Some(block)))
    })
    .await;
}

fn lines(done: &Value, key: &str) -> Vec<String> {
    done[key].as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// A bad file: all of its faults are said.
async fn a_bad_file_is_refused(stage: &Stage, larger: &str) {
    let bad = larger.replace("stage = \"seen\"\nnotify = [\"side\"]", "stage = \"sen\"\nnotify = [\"nobody\"]");
    let (status, problem) = stage.reload(&bad).await;
    let detail = problem["detail"].as_str().unwrap_or_default().to_owned();
    assert_eq!(status, 422, "{problem}");
    assert!(detail.contains("no such stage") && detail.contains("no sink `nobody`"), "{detail}");
}

/// The reloads that were counted: those that were done, and those that were refused.
async fn reloads(stage: &Stage) -> (Option<usize>, Option<usize>) {
    let metrics = stage.text("/metrics").await;
    let counted = |outcome: &str| {
        let start = format!("walletwatch_config_reloads_total{{outcome=\"{outcome}\"}} ");
        metrics.lines().find_map(|line| line.strip_prefix(&start)?.parse::<usize>().ok())
    };
    (counted("ok"), counted("refused"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn under_load_a_reload_loses_nothing_and_drops_nothing_that_did_not_change() {
    let time = clock();
    let chain = chain(ChainId(31_337), time());
    let (_node, address) = node(Arc::clone(&chain)).await;
    let (_second, other) = node(Arc::clone(&chain)).await;
    let (first, second) = (Proxy::start(address).await, Proxy::start(other).await);
    let pair = Pair::parse("ETH-USD").expect("it is a pair");
    let price = |text: &str| Price::parse(text).expect("it is a price");
    let prices = Arc::new(PriceFeed::new(clock(), BTreeMap::from([(pair.clone(), price("2600"))])));
    let (listener, at) = listen().await;
    tokio::spawn(Arc::clone(&prices).serve(listener, CancellationToken::new()));
    let market = Proxy::start(at).await;
    let ((ops, ops_at), (side, side_at)) = (receiver(Answer::Status(204)).await, receiver(Answer::Status(204)).await);
    let system = "[system]\nnotify = [\"ops\"]\n";
    let base = [system, &devnet(first.address(), "\"ops\""), &sink("ops", ops_at), &feed(market.address())].concat();
    let larger = larger(&base, second.address(), side_at);
    let stage = Stage::start(&base).await;
    stage.follows("devnet").await;
    until("the feed is there", async || stage.is_up("prices").await).await;
    let begun = height(&chain) + 1;
    let mining = CancellationToken::new();
    let miner = {
        let (chain, mining, time) = (Arc::clone(&chain), mining.clone(), time.clone());
        tokio::spawn(async move {
            while mining.run_until_cancelled(sleep(BEAT)).await.is_some() {
                pay_both(&chain, time());
            }
        })
    };
    let mut of_late = BTreeSet::new();
    for round in 0..ROUNDS {
        let (status, done) = stage.reload(&larger).await;
        assert_eq!(status, 200, "{done}");
        let changes = lines(&done, "changes");
        for words in
            ["rules: added late in", "watches: added late", "sinks: added side", "endpoints: added devnet/second"]
        {
            assert!(changes.iter().any(|line| line == words), "{words}: {changes:?}");
        }
        let from = height(&chain) + 2;
        until("the new endpoint answers", async || stage.is_up("second").await).await;
        a_bad_file_is_refused(&stage, &larger).await;
        let to = height(&chain) + 3;
        has_read(&stage, to).await;
        let expected = mined(&chain, from, to, 1);
        assert!(!expected.is_empty());
        until("the late watch is told", async || expected.iter().all(|tx| told(&side).contains_key(tx))).await;
        of_late.extend(expected);
        if round % 2 == 0 {
            let (status, done) = stage.reload(&base).await;
            assert_eq!(status, 200, "{done}");
        } else {
            stage.hang_up(&base).await;
            let heard = async || stage.status().await["sinks"].as_array().map(Vec::len) == Some(1);
            until("the signal was heard", heard).await;
        }
        let status = stage.status().await;
        assert_eq!(status["sinks"].as_array().map(Vec::len), Some(1), "{status}");
        assert!(!stage.text("/metrics").await.contains("sink=\"side\""));
        assert_eq!(status["chains"][0]["blind_since"], Value::Null);
    }
    // A feed's price crosses through all of it.
    prices.trade(&pair, price("2400"));
    until("the price is heard", async || took(&ops, "price.crossed").len() == 1).await;
    mining.cancel();
    miner.await.expect("the miner ends");
    let all = mined(&chain, begun, height(&chain), 0);
    until("all is told", async || told(&ops).len() >= all.len()).await;
    let told_ops = told(&ops);
    assert_eq!(told_ops.keys().cloned().collect::<BTreeSet<_>>(), all, "nothing is lost, nothing made up");
    assert!(told_ops.values().chain(told(&side).values()).all(|count| *count == 1), "nothing is told twice");
    assert!(of_late.iter().all(|tx| told(&side).contains_key(tx)));
    assert_eq!((first.connections(), market.connections()), (1, 1), "what did not change was not dropped");
    assert_eq!(second.connections(), ROUNDS as u64, "what was new was connected once each time");
    assert!(took(&ops, "source.blind").is_empty());
    assert_eq!(reloads(&stage).await, (Some(2 * ROUNDS), Some(ROUNDS)));
    stage.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_chain_and_a_feed_come_and_go_and_what_was_crossed_by_a_rule_that_left_is_resolved() {
    let time = clock();
    let chain = chain(ChainId(31_337), time());
    let (_node, address) = node(Arc::clone(&chain)).await;
    let pair = Pair::parse("ETH-USD").expect("it is a pair");
    let price = Price::parse("2400").expect("it is a price");
    let prices = Arc::new(PriceFeed::new(clock(), BTreeMap::from([(pair, price)])));
    let (listener, at) = listen().await;
    tokio::spawn(Arc::clone(&prices).serve(listener, CancellationToken::new()));
    let (ops, ops_at) = receiver(Answer::Status(204)).await;
    let system = ["[system]\nnotify = [\"ops\"]\n", &sink("ops", ops_at)].concat();
    let (with_chain, with_feed) = (system.clone() + &devnet(address, "\"ops\""), system + &feed(at));
    let stage = Stage::start(&with_feed).await;
    until("it is crossed", async || took(&ops, "price.crossed").len() == 1).await;
    let (status, done) = stage.reload(&with_chain).await;
    assert_eq!(status, 200, "{done}");
    until("it is resolved", async || took(&ops, "alert.resolved").len() == 1).await;
    let (crossed, resolved) = (took(&ops, "price.crossed"), took(&ops, "alert.resolved"));
    assert_eq!(crossed[0]["data"]["alert_id"], resolved[0]["data"]["alert_id"]);
    assert_eq!(resolved[0]["data"]["reason"], "the rule was removed from the config");
    stage.follows("devnet").await;
    pay(&chain, time());
    until("the new chain is told of", async || took(&ops, "transfer.seen").len() == 1).await;
    let (status, done) = stage.reload(&with_feed).await;
    assert_eq!(status, 200, "{done}");
    until("it crosses anew", async || took(&ops, "price.crossed").len() == 2).await;
    // Blocks of a chain that left are nobody's, and its silence is no blindness.
    pay(&chain, time());
    sleep(STALE_AFTER * 2).await;
    assert_eq!((took(&ops, "transfer.seen").len(), took(&ops, "source.blind").len()), (1, 0));
    assert!(!stage.text("/metrics").await.contains("chain=\"devnet\""));
    let (status, done) = stage.reload(&with_chain).await;
    assert_eq!(status, 200, "{done}");
    pay(&chain, time());
    until("what was missed meanwhile is told", async || took(&ops, "transfer.seen").len() == 3).await;
    stage.stop().await;
}
