//! Every way of moving something, once by the node, once by the explorer alone, once by both.

use super::common::anvil::Anvil;
use super::common::monitor::{Monitor, Place};
use super::common::receiver::{Heard, Receiver};
use super::evm;
use super::explorer::{self, Explorer};
use alloy::primitives::{Address, B256, Bytes, U256, address};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The table's USDC on Ethereum.
const USDC: Address = address!("0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48");
/// A token that the config knows.
pub const TEST: Address = address!("0x5FbDB2315678afecb367f032d93F642f64180aa3");
/// A token that calls itself USDC, and that nobody knows.
const FAKE: Address = address!("0x00000000000000000000000000000000000fa4e0");
pub const FORWARDER: Address = address!("0x00000000000000000000000000000000000f0a4d");
const RELAY: Address = address!("0x00000000000000000000000000000000004e1a70");
/// What a marker moves.
const MARKER: u64 = 424_242;

/// How a monitor reads the chain.
#[derive(Debug, Clone, Copy)]
pub struct Sources {
    pub rpc: bool,
    pub etherscan: bool,
}

pub fn config(anvil: &Anvil, explorer: &Explorer, receiver: &Receiver, watched: Address, sources: Sources) -> String {
    let rpc = if sources.rpc { format!("rpc = [\"{}\"]", anvil.ws()) } else { String::new() };
    let url = explorer.url();
    let etherscan = if sources.etherscan {
        format!(
            "[etherscan]\nurl = \"{url}\"\napi_key = \"env:KEY\"\ncalls_per_second = 100\ncalls_per_day = 100000000\n"
        )
    } else {
        String::new()
    };
    format!(
        r#"{etherscan}
[[chain]]
name = "ethereum"
{rpc}
etherscan = {}
block_time = "1s"
confirmations = 2
[[token]]
chain = "ethereum"
symbol = "TEST"
contract = "{TEST}"
decimals = 6
[[watch]]
name = "hot"
address = "{watched}"
chains = ["ethereum"]
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
        sources.etherscan,
        receiver.url()
    )
}

/// A monitor with a receiver of its own.
pub struct Party {
    sources: Sources,
    pub receiver: Receiver,
    pub monitor: Monitor,
    _place: Place,
}

/// Starts one, and waits until it sees the chain as it stands.
pub async fn party(anvil: &Anvil, explorer: &Explorer, watched: Address, sources: Sources) -> Party {
    party_with(anvil, explorer, watched, sources, |config| config).await
}

/// The same with another config.
pub async fn party_with(
    anvil: &Anvil,
    explorer: &Explorer,
    watched: Address,
    sources: Sources,
    change: impl FnOnce(String) -> String,
) -> Party {
    let receiver = Receiver::start().await;
    let place = Place::new(&change(config(anvil, explorer, &receiver, watched, sources)));
    place.set("HOOK", &Receiver::secret());
    place.set("KEY", explorer::KEY);
    let monitor = place.start().await;
    if sources.rpc {
        monitor.has_read("ethereum", anvil.height().await).await;
    } else {
        // The first picture, before anything was heard, is empty, and nothing in it is blind.
        monitor.until("/api/v1/status", |status| status["ready"] == true && status["blind"] == false).await;
    }
    Party { sources, receiver, monitor, _place: place }
}

/// What an alert says, as far as every source says it: kind, direction, transaction, nth, asset, raw amount, exact amount.
pub type Told = (String, String, B256, u64, Option<Address>, String, Option<String>);

pub fn told(heard: &Heard) -> Told {
    told_in(heard.data())
}

/// The same of a message's `data`.
pub fn told_in(data: &Value) -> Told {
    let text = |key: &str| data[key].as_str().unwrap_or_default();
    (
        text("kind").to_owned(),
        text("direction").to_owned(),
        text("tx_hash").parse().expect("a hash"),
        data["nth"].as_u64().expect("a count"),
        data["asset"]["contract"].as_str().map(|text| text.parse().expect("an address")),
        text("amount_raw").to_owned(),
        data["amount"].as_str().map(str::to_owned),
    )
}

/// Sends everything, each in a block of its own, and gives what has to be told of it.
pub async fn everything(anvil: &Anvil, a: Address, w: Address, b: Address) -> BTreeSet<Told> {
    let none = Bytes::new();
    let wei = U256::from;
    let mut expected = BTreeSet::new();
    let mut expect =
        |kind: &str, direction: &str, tx: B256, nth, asset: Option<Address>, raw: &str, amount: Option<&str>| {
            let told = (kind.into(), direction.into(), tx, nth, asset, raw.into(), amount.map(Into::into));
            assert!(expected.insert(told), "expected twice: {tx}");
        };
    let coin = |raw: u64| format!("0.{raw:018}").trim_end_matches('0').to_owned();
    let send = async |from: Address, to: Option<Address>, value: u64, data: &Bytes| {
        let tx = anvil.send(from, to, wei(value), data).await;
        anvil.mine(1).await;
        tx
    };
    let log = async |token: Address, movements: &[(Address, Address, U256)]| {
        send(b, Some(token), 0, &evm::logs(movements)).await
    };

    let tx = send(a, Some(w), 1, &none).await;
    expect("coin", "in", tx, 0, None, "1", Some(&coin(1)));
    let tx = send(w, Some(b), 123_456_789_012_345_678, &none).await;
    expect("coin", "out", tx, 0, None, "123456789012345678", Some("0.123456789012345678"));
    let tx = log(TEST, &[(a, w, wei(1_234_567))]).await;
    expect("token", "in", tx, 0, Some(TEST), "1234567", Some("1.234567"));
    // Two equal logs are two transfers.
    let tx = log(TEST, &[(a, w, wei(5)), (a, w, wei(5))]).await;
    expect("token", "in", tx, 0, Some(TEST), "5", Some("0.000005"));
    expect("token", "in", tx, 1, Some(TEST), "5", Some("0.000005"));
    let tx = send(a, Some(FORWARDER), 9, &evm::forward(w, false)).await;
    expect("internal", "in", tx, 0, None, "9", Some(&coin(9)));
    // Undone inside a transaction that succeeds; and a transaction that fails, in and out.
    let tx = send(a, Some(RELAY), 10, &evm::relayed(FORWARDER, &evm::forward(w, true))).await;
    assert_eq!(anvil.receipt(tx).await["status"], "0x1");
    let tx = send(a, Some(FORWARDER), 11, &evm::forward(w, true)).await;
    assert_eq!(anvil.receipt(tx).await["status"], "0x0");
    let tx = send(w, Some(FORWARDER), 12, &evm::forward(a, true)).await;
    assert_eq!(anvil.receipt(tx).await["status"], "0x0");
    // A creation with value, and one inside.
    let tx = send(w, None, 13, &evm::nothing()).await;
    expect("coin", "out", tx, 0, None, "13", Some(&coin(13)));
    let tx = send(w, Some(w), 14, &none).await;
    expect("coin", "self", tx, 0, None, "14", Some(&coin(14)));
    let tx = log(TEST, &[(w, w, wei(15))]).await;
    expect("token", "self", tx, 0, Some(TEST), "15", Some("0.000015"));
    // Nothing moves: no coin, and a spoof that anybody can log.
    send(a, Some(w), 0, &none).await;
    log(TEST, &[(w, FAKE, U256::ZERO), (a, w, U256::ZERO)]).await;
    let tx = log(USDC, &[(a, w, wei(1))]).await;
    expect("token", "in", tx, 0, Some(USDC), "1", Some("0.000001"));
    let most = U256::MAX.to_string();
    let tx = log(TEST, &[(a, w, U256::MAX)]).await;
    let (whole, rest) = most.split_at(most.len() - 6);
    expect("token", "in", tx, 0, Some(TEST), &most, Some(&format!("{whole}.{rest}")));
    // Through two contracts, the inner one asked by the outer.
    let tx = send(w, Some(RELAY), 16, &evm::relayed(FORWARDER, &evm::forward(w, false))).await;
    expect("coin", "out", tx, 0, None, "16", Some(&coin(16)));
    expect("internal", "in", tx, 0, None, "16", Some(&coin(16)));
    expected
}

/// The fake is told apart from the rest: what is known of its decimals depends on who was asked.
async fn fake(anvil: &Anvil, a: Address, w: Address, b: Address) -> B256 {
    let fake = anvil.send(b, Some(FAKE), U256::ZERO, &evm::logs(&[(a, w, U256::from(1_000_000_000))])).await;
    anvil.mine(1).await;
    fake
}

/// One movement for each list of the explorer: when it is told, everything before it in its list was read.
async fn markers(anvil: &Anvil, a: Address, w: Address, b: Address) -> [B256; 3] {
    let marker = U256::from(MARKER);
    let token = anvil.send(b, Some(TEST), U256::ZERO, &evm::logs(&[(a, w, marker)])).await;
    let coin = anvil.send(a, Some(w), marker, &Bytes::new()).await;
    let internal = anvil.send(a, Some(FORWARDER), marker, &evm::forward(w, false)).await;
    anvil.mine(3).await;
    [token, coin, internal]
}

pub fn transfers(heard: &[Heard]) -> Vec<&Heard> {
    heard.iter().filter(|heard| heard.kind().starts_with("transfer.")).collect()
}

/// Puts the contracts in place; gives the tokens, as an explorer names them.
pub async fn prepare(anvil: &Anvil) -> [(Address, &'static str, u8); 3] {
    for (at, code) in [
        (USDC, evm::token("USDC", 6)),
        (TEST, evm::token("TEST", 6)),
        (FAKE, evm::token("USDC", 6)),
        (FORWARDER, evm::forwarder()),
        (RELAY, evm::relay()),
    ] {
        anvil.put_code(at, &code).await;
    }
    anvil.mine(1).await;
    [(USDC, "USDC", 6), (TEST, "TEST", 6), (FAKE, "USDC", 6)]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_movement_is_told_once_and_exactly_by_node_by_explorer_and_by_both_under_one_key() {
    let Some(anvil) = Anvil::start("anvil: everything", 1, &[]).await else { return };
    let anvil = Arc::new(anvil);
    let accounts = anvil.accounts().await;
    let (a, w, b) = (accounts[0], accounts[1], accounts[2]);
    let tokens = prepare(&anvil).await;
    let explorer = Explorer::start(Arc::clone(&anvil), &tokens).await;
    let mut parties = Vec::new();
    for (rpc, etherscan) in [(true, false), (false, true), (true, true)] {
        parties.push(party(&anvil, &explorer, w, Sources { rpc, etherscan }).await);
    }
    let expected = everything(&anvil, a, w, b).await;
    let fake = fake(&anvil, a, w, b).await;
    let (mut marked, mut keys) = (Vec::new(), Vec::new());
    // The second time everything has been read again by the explorer's readers, and nothing of it may be told again.
    for _ in 0..2 {
        marked.extend(markers(&anvil, a, w, b).await);
        keys.clear();
        for party in &parties {
            keys.push(all_told(party, &expected, fake, &marked).await);
        }
    }
    assert_eq!(keys[0].keys().collect::<Vec<_>>(), keys[1].keys().collect::<Vec<_>>(), "node and explorer");
    assert_eq!(keys[0].keys().collect::<Vec<_>>(), keys[2].keys().collect::<Vec<_>>(), "node and both");
    for Party { monitor, sources, .. } in parties {
        // The spoof is known for what it is: kept and marked, and never told.
        let rows = monitor.list("/api/v1/transfers").await;
        let spoofs: Vec<_> = rows.iter().filter(|row| row["amount_raw"] == "0").collect();
        assert_eq!(spoofs.len(), 2, "{sources:?}: {spoofs:#?}");
        assert!(spoofs.iter().all(|row| row["suspect"] == json!(["zero_value"])), "{sources:?}: {spoofs:#?}");
        assert!(monitor.stop().await.success());
    }
}

/// Waits until the fake and all markers were told, and judges; gives the keys.
async fn all_told(party: &Party, expected: &BTreeSet<Told>, fake: B256, marked: &[B256]) -> BTreeMap<String, Told> {
    let last = |heard: &[Heard]| {
        let said: BTreeSet<&str> = transfers(heard).iter().map(|heard| heard.text("tx_hash")).collect();
        // Alerts are delivered side by side: the last marker may overtake others.
        let enough = transfers(heard).len() > expected.len() + marked.len();
        enough && marked.iter().chain([&fake]).all(|tx| said.contains(tx.to_string().as_str()))
    };
    let heard = party.receiver.until(last).await.unwrap_or_else(|heard| {
        let got: Vec<_> = transfers(&heard).into_iter().map(told).collect();
        panic!("{:?}: no marker {marked:?} or fake {fake} in {got:#?}", party.sources)
    });
    let wrong: Vec<_> = heard.iter().filter(|heard| heard.kind() == "source.disagrees").collect();
    assert!(wrong.is_empty(), "{:?}: {wrong:?}", party.sources);
    judge(party.sources, &heard, expected, fake, marked)
}

/// Holds what was told against what should have been; gives the keys.
fn judge(
    sources: Sources,
    heard: &[Heard],
    expected: &BTreeSet<Told>,
    fake: B256,
    markers: &[B256],
) -> BTreeMap<String, Told> {
    let mut got = BTreeSet::new();
    let mut keys = BTreeMap::new();
    let mut messages = BTreeSet::new();
    for heard in transfers(heard) {
        assert_eq!(heard.kind(), "transfer.confirmed", "{sources:?}: {}", heard.body);
        let told = told(heard);
        assert!(messages.insert(heard.id.clone()), "{sources:?}: a repeat of {told:?}");
        assert!(keys.insert(heard.text("transfer_id").to_owned(), told.clone()).is_none(), "{sources:?}: {told:?}");
        let verified = heard.data()["asset"]["verified"].as_bool();
        if told.2 == fake {
            assert_eq!((verified, told.5.as_str()), (Some(false), "1000000000"), "{sources:?}: {}", heard.body);
            continue;
        }
        assert_eq!(verified, Some(true), "{sources:?}: {}", heard.body);
        if !markers.contains(&told.2) {
            got.insert(told);
        }
    }
    let missing: Vec<_> = expected.difference(&got).collect();
    let invented: Vec<_> = got.difference(expected).collect();
    assert!(missing.is_empty() && invented.is_empty(), "{sources:?}: missing {missing:#?}, invented {invented:#?}");
    keys
}
