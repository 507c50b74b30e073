//! A backtest over thousands of blocks says what the live monitor had said once its blocks were final, and reaches nobody.

use super::balances::token;
use super::common::anvil::Anvil;
use super::common::monitor::{Monitor, Place};
use super::common::receiver::Receiver;
use super::everything::{self, Sources};
use super::evm;
use super::explorer::Explorer;
use alloy::primitives::{Address, B256, U256, address, b256};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::process::Output;
use std::sync::Arc;
use walletwatch::store::{OutboxFilter, Reader};
use walletwatch::types::Timestamp;

const TOKEN: Address = address!("0x5FbDB2315678afecb367f032d93F642f64180aa3");
/// Writes whatever log it is told to.
const SCRIBE: Address = address!("0x00000000000000000000000000000000000000a9");
const SPENDER: Address = address!("0x000000000000000000000000000000000000bad0");
const APPROVAL: B256 = b256!("0x8c5be1e5ebec7d5bd14f71427d1e84f3dd0314c0f7b2291e5b200ac8c7c3b925");
/// The blocks of a round: as many as a step may have, so that all of them are read as they come.
const BLOCKS: u64 = 250;
/// Blocks before the first round.
const BEFORE: u64 = 3;
/// In this one a reorg takes a payment back that was confirmed.
const TAKEN_BACK: u64 = 6;
/// Of four rounds, in this one so many raw tokens leave that a rule calls low what is left …
const GOES_LOW: u64 = 1;
/// … and in this one they come back.
const COMES_BACK: u64 = 3;
const LEAVES: u64 = 1_600_000_000;
/// From this round on a rule calls the coin low: each takes an ether away.
const COIN_LOW: u64 = 7;
/// Blocks behind the last round: deep enough for all to be final.
const DEPTH: u64 = 12;
const ETHER: u128 = 1_000_000_000_000_000_000;

/// Two thousand blocks; `tests/run --long` asks for ten thousand.
fn rounds() -> u64 {
    std::env::var("BACKTEST_ROUNDS").map_or(8, |text| text.parse().expect("BACKTEST_ROUNDS is a number"))
}

fn config(anvil: &Anvil, watched: Address, payee: Address, receiver: &Receiver) -> String {
    format!(
        r#"
[[chain]]
name = "devnet"
chain_id = 31337
coin = "ETH"
block_time = "1s"
confirmations = 3
final_after = 10
rpc = ["{}"]
[[token]]
chain = "devnet"
symbol = "TEST"
contract = "{TOKEN}"
decimals = 6
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
name = "coin in"
when = "transfer"
watch = ["hot"]
chains = ["devnet"]
direction = "in"
asset = "native"
at_least = "1 ETH"
stages = ["confirmed", "final"]
notify = ["ops"]
[[rule]]
name = "tokens"
when = "transfer"
asset = "TEST"
at_least = "100"
notify = ["ops"]
[[rule]]
name = "tokens low"
when = "balance"
asset = "TEST"
below = "500"
recovers_at = "1400"
notify = ["ops"]
[[rule]]
name = "coin low"
when = "balance"
asset = "native"
below = "9992.5 ETH"
recovers_at = "9999 ETH"
notify = ["ops"]
[[rule]]
name = "may move"
when = "approval"
notify = ["ops"]
[[payee]]
name = "refill"
chain = "devnet"
address = "{payee}"
per_day = "1000"
[[payment]]
on = "coin in"
payee = "refill"
amount = "100"
stage = "final"
per_payment = "100"
per_day = "400"
in_total = "100000"
approval = "none"
live = false
"#,
        anvil.ws(),
        receiver.url(),
    )
}

/// What was said, in what does not depend on when it was: whose clock it was, how high the chain stood, which store it is in.
fn said(body: &Value) -> String {
    let data = &body["data"];
    // A balance is read at the newest block, and a burst of blocks has many.
    let block = if data["level"].is_null() { &data["block"]["hash"] } else { &Value::Null };
    let words = [
        "rule",
        "watch",
        "direction",
        "stage",
        "amount_raw",
        "tx_hash",
        "spender",
        "allowance",
        "crossing",
        "level",
        "payee",
        "state",
    ];
    let words: Vec<String> = words.iter().map(|key| format!("{key}={}", data[*key])).collect();
    format!("{} {} block={block}", body["type"], words.join(" "))
}

/// How often each was said; what was taken back was not said.
fn kept(bodies: &[Value]) -> BTreeMap<String, usize> {
    let taken_back = |body: &&Value| body["type"].as_str().is_some_and(|kind| kind.ends_with(".retracted"));
    let gone: BTreeSet<&str> =
        bodies.iter().filter(taken_back).filter_map(|body| body["data"]["alert_id"].as_str()).collect();
    let of_rules = bodies.iter().filter(|body| !body["data"]["rule"].is_null());
    let mut counts = BTreeMap::new();
    for body in of_rules.filter(|body| body["data"]["alert_id"].as_str().is_some_and(|alert| !gone.contains(alert))) {
        *counts.entry(said(body)).or_default() += 1;
    }
    counts
}

struct Scene {
    anvil: Anvil,
    monitor: Monitor,
    place: Place,
    receiver: Receiver,
    payer: Address,
    watched: Address,
}

impl Scene {
    async fn set(test: &str) -> Option<Self> {
        // By itself anvil writes a state a block to disk, and gigabytes of them. In memory those of few accounts are small.
        let states = (rounds() * BLOCKS + BLOCKS).to_string();
        let anvil = Anvil::start(test, 31_337, &["--prune-history", &states, "--accounts", "3"]).await?;
        let accounts = anvil.accounts().await;
        let (payer, watched) = (accounts[0], accounts[1]);
        anvil.put_code(TOKEN, &token()).await;
        anvil.put_code(SCRIBE, &evm::scribe()).await;
        for (of, amount) in [(payer, 1_000_000_000_000_u64), (watched, 2_000_000_000)] {
            let (slot, amount) = (of.into_word(), format!("{:#066x}", U256::from(amount)));
            anvil.call("anvil_setStorageAt", json!([TOKEN.to_string(), slot.to_string(), amount])).await;
        }
        anvil.mine(BEFORE).await;
        let receiver = Receiver::start().await;
        let place = Place::new(&config(&anvil, watched, accounts[2], &receiver));
        place.set("HOOK", &Receiver::secret());
        let monitor = place.start().await;
        monitor.has_read("devnet", BEFORE).await;
        Some(Self { anvil, monitor, place, receiver, payer, watched })
    }

    async fn move_token(&self, from: Address, to: Address, raw: u64) {
        let data = [from.into_word(), to.into_word(), U256::from(raw).into()].concat();
        self.anvil.send(self.payer, Some(TOKEN), U256::ZERO, &data.into()).await;
    }

    /// One round: what happens, then many blocks, which the monitor reads.
    async fn round(&self, round: u64) {
        let (payer, watched) = (self.payer, self.watched);
        // Short of an ether by one wei, an ether, and more.
        let value = [ETHER - 1, ETHER, ETHER + u128::from(round)][usize::try_from(round % 3).expect("it is small")];
        self.anvil.pay(payer, watched, value).await;
        self.anvil.pay(watched, payer, 2 * ETHER).await;
        self.move_token(payer, watched, 99_000_000 + round).await;
        self.move_token(watched, payer, 99_000_000 + round).await;
        if round.is_multiple_of(5) {
            let log = evm::log(&[APPROVAL, watched.into_word(), SPENDER.into_word()], &[U256::from(round)]);
            self.anvil.send(payer, Some(SCRIBE), U256::ZERO, &log).await;
        }
        match round % 4 {
            GOES_LOW => self.move_token(watched, payer, LEAVES).await,
            COMES_BACK => self.move_token(payer, watched, LEAVES).await,
            _ => {}
        }
        let height = self.settle().await;
        let mut blocks = BLOCKS - 1;
        if round == TAKEN_BACK {
            self.anvil.pay(payer, watched, 7 * ETHER).await;
            self.monitor.has_read("devnet", self.anvil.mine(5).await).await;
            assert_eq!(self.anvil.height().await, height + 5);
            self.anvil.reorg(5).await;
            blocks -= 5;
        }
        self.monitor.has_read("devnet", self.anvil.mine(blocks).await).await;
        // A balance is read when it can be: the next round waits until this one's was.
        let alerts = |answer: &Value| answer["items"].as_array().cloned().unwrap_or_default();
        let (low, over) = ((round + 4 - GOES_LOW) / 4, (round + 4 - COMES_BACK) / 4);
        let crossed = |answer: &Value| {
            let resolved = alerts(answer).iter().filter(|alert| alert["state"] == "resolved").count();
            (alerts(answer).len() as u64, resolved as u64) == (low, over)
        };
        self.monitor.until("/api/v1/alerts?rule=tokens%20low&limit=100", crossed).await;
        if round >= COIN_LOW {
            self.monitor.until("/api/v1/alerts?rule=coin%20low", |answer| alerts(answer).len() == 1).await;
        }
    }

    /// A block with what is in the pool, which is read with the balances that it moves. Gives its height. Anvil may stand still for ever
    /// when it is asked for balances while it mines many blocks, so that is over before.
    async fn settle(&self) -> u64 {
        let height = self.anvil.mine(1).await;
        self.monitor.has_read("devnet", height).await;
        let read = |answer: &Value| {
            let items = answer["items"].as_array().cloned().unwrap_or_default();
            items.len() == 2 && items.iter().all(|item| item["block"]["number"].as_u64() >= Some(height))
        };
        self.monitor.until("/api/v1/balances?watch=hot", read).await;
        height
    }

    fn backtest(&self, more: &[&str]) -> Output {
        let (from, to) = ((BEFORE + 1).to_string(), (BEFORE + rounds() * BLOCKS).to_string());
        let args = [&["backtest", "--from", &from, "--to", &to], more].concat();
        tokio::task::block_in_place(|| self.place.command(&args))
    }
}

/// Everything that a backtest would have sent, in no order.
fn messages(place: &Place) -> Vec<Value> {
    let reader = Reader::open(&place.data().join("backtest.db")).expect("it is there");
    let (mut bodies, mut after) = (Vec::new(), None);
    loop {
        let page = reader.outbox(&OutboxFilter { after, ..OutboxFilter::default() }, 500).expect("it can be read");
        bodies.extend(page.rows.iter().map(|row| serde_json::from_slice(&row.message.body).expect("it is JSON")));
        after = page.next;
        if after.is_none() {
            return bodies;
        }
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backtest_of_thousands_of_blocks_says_what_was_said_live_and_sends_nothing() {
    let test = "a_backtest_of_thousands_of_blocks_says_what_was_said_live_and_sends_nothing";
    let Some(scene) = Scene::set(test).await else { return };
    for round in 0..rounds() {
        scene.round(round).await;
    }
    assert_eq!(scene.anvil.height().await, BEFORE + rounds() * BLOCKS);
    scene.monitor.has_read("devnet", scene.anvil.mine(DEPTH).await).await;
    let empty = |answer: &Value| answer["items"].as_array().is_some_and(Vec::is_empty);
    scene.monitor.until("/api/v1/outbox?state=pending", empty).await;
    let heard = scene.receiver.heard();
    let live: Vec<Value> = {
        let mut by_id = BTreeMap::new();
        heard.iter().for_each(|one| drop(by_id.insert(one.id.clone(), one.body.clone())));
        by_id.into_values().collect()
    };
    let live = kept(&live);
    for kind in ["transfer.final", "approval.confirmed", "payment.rehearsed", "balance.crossed", "balance.recovered"] {
        assert!(live.keys().any(|said| said.contains(kind)), "{kind} is in {live:#?}");
    }

    // Killed in the middle, it goes on; asked again, it has the answer.
    if cfg!(feature = "faults") {
        scene.place.set("WALLETWATCH_FAULT_KILL", "inside_commit:7");
        assert_eq!(scene.backtest(&[]).status.code(), None, "it was killed");
        scene.place.set("WALLETWATCH_FAULT_KILL", "never");
    }
    let whole = scene.backtest(&["--json"]);
    assert!(whole.status.success(), "{}", text(&whole.stderr));
    assert_eq!(text(&whole.stderr).contains("going on"), cfg!(feature = "faults"), "{}", text(&whole.stderr));
    let report: Value = serde_json::from_slice(&whole.stdout).expect("it is JSON");
    let bodies = messages(&scene.place);
    assert_eq!(kept(&bodies), live);
    assert_eq!(report["unknown"], json!([]), "all of it is covered");
    let said: u64 = report["said"].as_array().into_iter().flatten().filter_map(|row| row["messages"].as_u64()).sum();
    assert_eq!(said, bodies.len() as u64);
    let miss = |rule: &str| {
        let mut misses = report["nearest_misses"].as_array().into_iter().flatten();
        misses.find(|miss| miss["rule"] == rule).cloned().unwrap_or_default()
    };
    assert_eq!(miss("coin in")["short_by"], "0.000000000000000001", "{report}");
    assert_eq!(miss("tokens")["value"], format!("99.{:06}", rounds() - 1), "{report}");
    let stopped = report["paid"].as_array().into_iter().flatten().find(|row| row["state"] == "held");
    assert_eq!(stopped.map(|row| &row["reason"]), Some(&json!("limit: per_day")), "{report}");

    let again = scene.backtest(&[]);
    assert!(text(&again.stdout).contains("nothing was sent to anybody"), "{}", text(&again.stdout));
    let stored = scene.place.data().join("walletwatch.db");
    let refused = scene.backtest(&["--scratch", stored.to_str().expect("it is text")]);
    assert_eq!(refused.status.code(), Some(2), "{}", text(&refused.stderr));
    assert!(text(&refused.stderr).contains("monitor's own store"), "{}", text(&refused.stderr));
    assert_eq!(scene.receiver.heard().len(), heard.len(), "nothing reached the sink");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_and_an_explorer_alone_find_the_same_in_the_past() {
    let Some(anvil) = Anvil::start("a_node_and_an_explorer_alone_find_the_same_in_the_past", 1, &[]).await else {
        return;
    };
    let anvil = Arc::new(anvil);
    let accounts = anvil.accounts().await;
    let (a, w, b) = (accounts[0], accounts[1], accounts[2]);
    let tokens = everything::prepare(&anvil).await;
    let explorer = Explorer::start(Arc::clone(&anvil), &tokens).await;
    let expected = everything::everything(&anvil, a, w, b).await;
    let to = anvil.height().await.to_string();
    anvil.mine(1).await;
    let receiver = Receiver::start().await;
    let first = anvil.call("eth_getBlockByNumber", json!(["0x1", false])).await;
    let began =
        first["timestamp"].as_str().and_then(|text| u64::from_str_radix(text.trim_start_matches("0x"), 16).ok());
    let began = Timestamp::from_secs(began.expect("a block has a time")).to_string();
    for (rpc, etherscan) in [(true, false), (false, true)] {
        let place = Place::new(&everything::config(&anvil, &explorer, &receiver, w, Sources { rpc, etherscan }));
        place.set("HOOK", &Receiver::secret());
        place.set("KEY", super::explorer::KEY);
        // A command that waits for this very process must not stand in its way.
        let ask = |from: &str| {
            tokio::task::block_in_place(|| place.command(&["backtest", "--from", from, "--to", &to, "--json"]))
        };
        if cfg!(feature = "faults") && etherscan {
            place.set("WALLETWATCH_FAULT_KILL", "inside_commit:6");
            assert_eq!(ask("1").status.code(), None, "it was killed");
            place.set("WALLETWATCH_FAULT_KILL", "never");
            assert!(explorer.lists() > 0, "in the middle of the lists");
        }
        let asked = ask("1");
        assert!(asked.status.success(), "{}", text(&asked.stderr));
        let said = messages(&place);
        let told: BTreeSet<_> = said.iter().map(|body| everything::told_in(&body["data"])).collect();
        let (missing, invented): (Vec<_>, Vec<_>) =
            (expected.difference(&told).collect(), told.difference(&expected).collect());
        assert!(missing.is_empty() && invented.is_empty(), "rpc {rpc}: missing {missing:#?}, invented {invented:#?}");
        assert_eq!(said.len(), told.len(), "each once");
        if etherscan {
            let (lists, used) = (explorer.lists(), || {
                let reader = Reader::open(&place.data().join("backtest.db")).expect("it is there");
                reader.budget("etherscan").expect("it can be read").expect("it is noted").used
            });
            assert!(ask("1").status.success());
            assert_eq!(explorer.lists(), lists, "what was read is not paid for again");
            // What was under way when it was killed is not noted.
            assert!(used() + 8 >= explorer.calls() && used() <= explorer.calls(), "{} of {}", used(), explorer.calls());
        }
        let by_time = ask(&began);
        assert!(by_time.status.success(), "{}", text(&by_time.stderr));
        let report: Value = serde_json::from_slice(&by_time.stdout).expect("it is JSON");
        assert_eq!((&report["ranges"][0]["from"], messages(&place).len()), (&json!(1), said.len()), "{report}");
    }
    assert!(receiver.heard().is_empty(), "nothing reached the sink");
}
