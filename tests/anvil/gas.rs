//! Gas: what the monitor says of the next block is what the node then charges, to the wei; and rules on it, by node and by explorer alone.

use super::common::anvil::Anvil;
use super::common::monitor::Place;
use super::common::receiver::{Heard, Receiver};
use super::everything::{Sources, party_with};
use super::explorer::Explorer;
use alloy::primitives::{Address, U256};
use serde_json::{Value, json};
use std::fmt::Write;
use std::sync::Arc;

/// Whatever calls it loses all the gas that it brought: a block is as full as the limits of its transactions say.
const FURNACE: Address = Address::repeat_byte(0xfe);
/// Anvil's own.
const GAS_LIMIT: u64 = 30_000_000;
/// No transaction may have more: some hard forks have a limit of 2^24.
const LARGEST: u64 = 15_000_000;
/// The issue's count.
const BLOCKS: u64 = 200;
const GWEI: u64 = 1_000_000_000;

/// A chain whose base fee moves from here on, and an account that can pay for everything.
async fn prepare(anvil: &Anvil, base_fee: u64) -> Address {
    anvil.put_code(FURNACE, &[0xfe]).await;
    let payer = Address::repeat_byte(0xaa);
    anvil.impersonate(payer).await;
    anvil.call("anvil_setNextBlockBaseFeePerGas", json!([format!("{base_fee:#x}")])).await;
    anvil.mine(1).await;
    payer
}

/// Mines a block in which so much gas is burnt, with this tip.
async fn burn(anvil: &Anvil, payer: Address, gas: u64, tip: u64) {
    let most = format!("{:#x}", u64::MAX);
    let transactions = gas.div_ceil(LARGEST);
    for nth in 0..transactions {
        // The first has what does not divide.
        let part = gas / transactions + if nth == 0 { gas % transactions } else { 0 };
        let request = json!({
            "from": payer.to_string(), "to": FURNACE.to_string(), "gas": format!("{part:#x}"), "maxFeePerGas": most,
            "maxPriorityFeePerGas": format!("{tip:#x}")
        });
        anvil.call("eth_sendTransaction", json!([request])).await;
    }
    anvil.mine(1).await;
}

/// Decimal text of gwei as wei.
fn wei(gwei: &Value) -> u64 {
    let text = gwei.as_str().unwrap_or_else(|| panic!("{gwei} is no amount"));
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    format!("{whole}{fraction:0<9}").parse().expect("it fits")
}

async fn base_fee_of(anvil: &Anvil, block: u64) -> u64 {
    let header = anvil.call("eth_getBlockByNumber", json!([format!("{block:#x}"), false])).await;
    super::common::anvil::number(&header["baseFeePerGas"])
}

fn config(anvil: &Anvil, receiver: &Receiver) -> String {
    format!(
        r#"
[[chain]]
name = "devnet"
chain_id = 31337
coin = "ETH"
block_time = "1s"
confirmations = 1
final_after = 10
rpc = ["{}"]
[[sink]]
name = "ops"
kind = "webhook"
url = "{}"
secret = "env:HOOK"
allow_private = true
[[rule]]
name = "dear"
when = "gas"
chain = "devnet"
of = "next_base_fee"
above = "40 gwei"
recovers_at = "20 gwei"
notify = ["ops"]
[[rule]]
name = "pushy"
when = "gas"
chain = "devnet"
of = "priority"
above = "3 gwei"
recovers_at = "2 gwei"
notify = ["ops"]
"#,
        anvil.ws(),
        receiver.url()
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_said_of_the_next_block_is_what_it_charges_over_two_hundred_blocks() {
    let Some(anvil) = Anvil::start("anvil: gas", 31_337, &["--gas-limit", "30000000"]).await else { return };
    let payer = prepare(&anvil, 30 * GWEI).await;
    let receiver = Receiver::start().await;
    let place = Place::new(&config(&anvil, &receiver));
    place.set("HOOK", &Receiver::secret());
    let monitor = place.start().await;
    let (mut wrong, mut full, mut empty, mut steady) = (String::new(), 0, 0, 0);
    let mut predicted: Option<u64> = None;
    // No randomness: a walk through every fullness, with runs of full and of empty blocks.
    let mut seed = 7_u64;
    for nth in 0..BLOCKS {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let gas = match nth % 40 {
            0..6 => GAS_LIMIT,
            20..28 => 0,
            28 => GAS_LIMIT / 2,
            29 => GAS_LIMIT / 2 + 1,
            30 => GAS_LIMIT / 2 - 1,
            _ => 21_100 + (seed >> 20) % (GAS_LIMIT - 21_100),
        };
        burn(&anvil, payer, gas, GWEI).await;
        let height = anvil.height().await;
        let charged = base_fee_of(&anvil, height).await;
        if let Some(predicted) = predicted
            && predicted != charged
        {
            writeln!(wrong, "block {height}: {predicted} was said, {charged} is charged").expect("it is text");
        }
        full += u32::from(gas == GAS_LIMIT);
        empty += u32::from(gas == 0);
        steady += u32::from(gas == GAS_LIMIT / 2);
        let read = |status: &Value| {
            let chain = &status["chains"][0];
            let told = chain["gas"]["next_base_fee_gwei"].is_string() || nth < 2;
            chain["block"].as_u64() == Some(height) && told
        };
        let status = monitor.until("/api/v1/status", read).await;
        let chain = &status["chains"][0];
        assert_eq!(wei(&chain["base_fee_gwei"]), charged, "block {height}");
        let next = &chain["gas"]["next_base_fee_gwei"];
        predicted = next.is_string().then(|| wei(next));
    }
    assert_eq!(wrong, "");
    assert!(full >= 25 && empty >= 30 && steady == 5, "{full} {empty} {steady}");
    // The tips are those of the newest blocks, and what a transfer costs follows from both.
    let told = |status: &Value| status["chains"][0]["gas"]["priority_gwei"][1] == "1";
    let status = monitor.until("/api/v1/status", told).await;
    let gas = &status["chains"][0]["gas"];
    let each = wei(&gas["next_base_fee_gwei"]) + GWEI;
    let cost = &gas["transfers"][0];
    let digits = format!("0.{:018}", u128::from(each) * 21_000);
    assert_eq!((cost["asset"].as_str(), cost["coins"].as_str()), (Some("ETH"), Some(digits.trim_end_matches('0'))));
    // A tip that is paid for a while is noticed, and its end too.
    for tip in [5, 1] {
        for _ in 0..21 {
            burn(&anvil, payer, GAS_LIMIT / 2, tip * GWEI).await;
        }
        let kind = if tip == 5 { "gas.crossed" } else { "gas.recovered" };
        let said = |heard: &[Heard]| heard.iter().any(|one| one.kind() == kind && one.text("rule") == "pushy");
        let heard = receiver.until(said).await.unwrap_or_else(|heard| panic!("no {kind} in {heard:#?}"));
        let of = heard.iter().find(|one| one.kind() == kind && one.text("rule") == "pushy").expect("it was said");
        assert_eq!((of.text("of"), of.text("value")), ("priority", tip.to_string().as_str()), "{}", of.body);
    }
    let dear = |heard: &[Heard]| -> Vec<(String, u64)> {
        let of = heard.iter().filter(|one| one.text("rule") == "dear");
        of.map(|one| (one.kind().to_owned(), wei(&one.data()["value"]))).collect()
    };
    let heard = receiver.until(|heard| dear(heard).len() >= 2).await.unwrap_or_else(|heard| panic!("{heard:#?}"));
    for (kind, value) in dear(&heard) {
        assert!(if kind == "gas.crossed" { value > 40 * GWEI } else { value <= 20 * GWEI }, "{kind} at {value}");
    }
    let metrics = monitor.text("/metrics").await;
    for series in [
        "walletwatch_gas_next_base_fee_gwei{chain=\"devnet\"} ",
        "walletwatch_gas_priority_fee_gwei{chain=\"devnet\",kind=\"usual\"} 1",
        "walletwatch_gas_transfer_cost_coins{chain=\"devnet\",asset=\"ETH\"} 0.0",
    ] {
        assert!(metrics.contains(series), "{series} is not in {metrics}");
    }
    assert!(monitor.stop().await.success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_there_is_no_node_the_explorer_s_oracle_feeds_the_rules() {
    let Some(anvil) = Anvil::start("anvil: the gas oracle", 1, &[]).await else { return };
    let anvil = Arc::new(anvil);
    let payer = prepare(&anvil, 50 * GWEI).await;
    burn(&anvil, payer, GAS_LIMIT / 2, 2 * GWEI).await;
    let explorer = Explorer::start(Arc::clone(&anvil), &[]).await;
    let rules = r#"
[[rule]]
name = "dear"
when = "gas"
chain = "ethereum"
of = "next_base_fee"
above = "40 gwei"
recovers_at = "20 gwei"
notify = ["ops"]
"#;
    let by_explorer = Sources { rpc: false, etherscan: true };
    let party = party_with(&anvil, &explorer, payer, by_explorer, |config| config + rules).await;
    let said = |heard: &[Heard]| heard.iter().any(|one| one.kind() == "gas.crossed");
    let heard = party.receiver.until(said).await.unwrap_or_else(|heard| panic!("{heard:#?}"));
    let crossed = heard.iter().find(|one| one.kind() == "gas.crossed").expect("it was said");
    let history = anvil.call("eth_feeHistory", json!(["0x1", "latest", []])).await;
    let next = history["baseFeePerGas"][1].as_str().and_then(|text| U256::from_str_radix(&text[2..], 16).ok());
    assert_eq!(crossed.text("value_wei"), next.expect("a number").to_string(), "{}", crossed.body);
    let told = |status: &Value| status["chains"][0]["gas"]["priority_gwei"].is_array();
    let status = party.monitor.until("/api/v1/status", told).await;
    let transfers = &status["chains"][0]["gas"]["transfers"];
    assert_eq!((&transfers[0]["asset"], &transfers[1]["asset"]), (&json!("ETH"), &json!("USDC")), "{status}");
    assert_eq!(status["chains"][0]["base_fee_gwei"], Value::Null, "an oracle speaks of no block");
    assert!(party.monitor.stop().await.success());
}
