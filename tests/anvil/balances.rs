//! Balances of a real node: exact to the wei at their block, crossed and recovered, held for a while, and taken back by a reorg.

use super::common::anvil::Anvil;
use super::common::monitor::{Monitor, Place};
use super::common::receiver::{Heard, Receiver};
use super::evm;
use alloy::primitives::{Address, Bytes, U256, address};
use serde_json::{Value, json};

const TOKEN: Address = address!("0x5FbDB2315678afecb367f032d93F642f64180aa3");
/// A contract that the config calls a token, and that refuses to say what anyone holds.
const STUBBORN: Address = address!("0x00000000000000000000000000000000005ab804");

/// The rules of a token that runs low, at once and when it stays so.
pub const TOKEN_LOW: &str = r#"
[[rule]]
name = "token low"
when = "balance"
asset = "TEST"
below = "500"
recovers_at = "1400"
notify = ["ops"]
[[rule]]
name = "token low for long"
when = "balance"
asset = "TEST"
below = "500"
recovers_at = "1400"
for = "3s"
notify = ["ops"]
"#;

/// A token in the machine's own words: 36 bytes ask for the balance that is stored under an address; 96 bytes, `from`, `to` and an amount,
/// move it and say so.
pub fn token() -> Vec<u8> {
    let mut code = vec![0x36, 0x60, 36, 0x14, 0x60, 0x52, 0x57];
    for (place, change) in [(0x00, 0x03), (0x20, 0x01)] {
        code.extend([0x60, 0x40, 0x35, 0x60, place, 0x35, 0x54, change, 0x60, place, 0x35, 0x55]);
    }
    code.extend([0x60, 0x40, 0x35, 0x60, 0x00, 0x52, 0x60, 0x20, 0x35, 0x60, 0x00, 0x35, 0x7f]);
    code.extend(evm::TRANSFER.0);
    code.extend([0x60, 0x20, 0x60, 0x00, 0xa3, 0x00]);
    assert_eq!(code.len(), 0x52);
    code.extend([0x5b, 0x60, 0x04, 0x35, 0x54, 0x60, 0x00, 0x52, 0x60, 0x20, 0x60, 0x00, 0xf3]);
    code
}

fn config(anvil: &Anvil, watched: Address, receiver: &Receiver) -> String {
    let url = receiver.url();
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
[[token]]
chain = "devnet"
symbol = "NOT"
contract = "{STUBBORN}"
decimals = 6
[[watch]]
name = "hot"
address = "{watched}"
[[sink]]
name = "ops"
kind = "webhook"
url = "{url}"
secret = "env:HOOK"
allow_private = true
[[rule]]
name = "coin low"
when = "balance"
asset = "native"
below = "5000 ETH"
recovers_at = "6000 ETH"
notify = ["ops"]
{TOKEN_LOW}"#,
        anvil.ws()
    )
}

struct Scene {
    anvil: Anvil,
    monitor: Monitor,
    _place: Place,
    receiver: Receiver,
    payer: Address,
    watched: Address,
}

impl Scene {
    async fn set(test: &str) -> Option<Self> {
        let anvil = Anvil::start(test, 31_337, &[]).await?;
        let accounts = anvil.accounts().await;
        let (payer, watched) = (accounts[0], accounts[1]);
        anvil.put_code(TOKEN, &token()).await;
        anvil.put_code(STUBBORN, &[0x60, 0x00, 0x60, 0x00, 0xfd]).await;
        for (of, amount) in [(payer, 1_000_000_000_000_u64), (watched, 2_000_000_000)] {
            let (slot, amount) = (of.into_word(), format!("{:#066x}", U256::from(amount)));
            anvil.call("anvil_setStorageAt", json!([TOKEN.to_string(), slot.to_string(), amount])).await;
        }
        anvil.mine(3).await;
        let receiver = Receiver::start().await;
        let place = Place::new(&config(&anvil, watched, &receiver));
        place.set("HOOK", &Receiver::secret());
        let monitor = place.start().await;
        let scene = Self { anvil, monitor, _place: place, receiver, payer, watched };
        scene.holds("TEST", "2000").await;
        scene.holds("ETH", "10000").await;
        Some(scene)
    }

    /// Waits until the API says that the watch holds so much.
    async fn holds(&self, symbol: &str, amount: &str) -> Value {
        let row = |answer: &Value| {
            let mut rows = answer["items"].as_array().into_iter().flatten();
            rows.find(|row| row["asset"]["symbol"] == symbol).cloned().unwrap_or_default()
        };
        row(&self.monitor.until("/api/v1/balances?watch=hot", |answer| row(answer)["amount"] == amount).await)
    }

    async fn pay_coin(&self, from: Address, to: Address, value: U256) {
        self.anvil.send(from, Some(to), value, &Bytes::new()).await;
        self.anvil.mine(1).await;
    }

    async fn pay_token(&self, from: Address, to: Address, raw: u64) {
        let data = [from.into_word(), to.into_word(), U256::from(raw).into()].concat();
        self.anvil.send(self.payer, Some(TOKEN), U256::ZERO, &data.into()).await;
        self.anvil.mine(1).await;
    }

    /// What was said by a rule, once it is as much as this.
    async fn said(&self, rule: &str, kinds: &[&str]) -> Vec<Heard> {
        let of_rule = |heard: &[Heard]| -> Vec<Heard> {
            heard.iter().filter(|heard| heard.text("rule") == rule).cloned().collect()
        };
        let heard = self.receiver.until(|heard| of_rule(heard).len() >= kinds.len()).await;
        let heard = of_rule(&heard.unwrap_or_else(|heard| heard));
        let said: Vec<&str> = heard.iter().map(Heard::kind).collect();
        assert_eq!(said, kinds, "{rule}: {:#?}", heard.iter().map(|heard| heard.body.to_string()).collect::<Vec<_>>());
        heard
    }
}

#[tokio::test]
async fn balances_cross_and_recover_exactly_as_the_node_has_them() {
    let Some(scene) = Scene::set("balances_cross_and_recover_exactly_as_the_node_has_them").await else { return };
    // To the last wei, at the block that the message names. Nothing costs a fee here.
    let ether = |ether: u64| U256::from(ether) * U256::from(10).pow(U256::from(18));
    let wei = U256::from(1);
    scene.pay_coin(scene.watched, scene.payer, ether(5_000)).await;
    scene.holds("ETH", "5000").await;
    scene.pay_coin(scene.watched, scene.payer, wei).await;
    let heard = scene.said("coin low", &["balance.crossed"]).await;
    let data = heard[0].data();
    let at = json!({"blockHash": data["block"]["hash"]});
    let held = scene.anvil.call("eth_getBalance", json!([scene.watched.to_string(), at])).await;
    let held: U256 = held.as_str().expect("it has one").parse().expect("a number");
    assert_eq!(data["amount_raw"], held.to_string());
    assert_eq!(held, ether(5_000) - wei);
    for (key, value) in [("watch", json!("hot")), ("level", json!("5000")), ("recovers_at", json!("6000"))] {
        assert_eq!(data[key], value);
    }
    assert_eq!((&data["side"], &data["crossing"], &data["chain_id"]), (&json!("below"), &json!(1), &json!(31_337)));
    scene.pay_coin(scene.payer, scene.watched, ether(1_000)).await;
    scene.holds("ETH", "5999.999999999999999999").await;
    scene.pay_coin(scene.payer, scene.watched, wei).await;
    scene.said("coin low", &["balance.crossed", "balance.recovered"]).await;

    // One unit of the token below, one short of the way back, and there.
    scene.pay_token(scene.watched, scene.payer, 1_500_000_000).await;
    scene.holds("TEST", "500").await;
    scene.pay_token(scene.watched, scene.payer, 1).await;
    scene.holds("TEST", "499.999999").await;
    let heard = scene.said("token low", &["balance.crossed"]).await;
    assert_eq!(heard[0].data()["amount"], "499.999999");
    // It has to stay there for a while, and is read again before that is said.
    let held = scene.said("token low for long", &["balance.crossed"]).await;
    assert!(held[0].data()["since"].as_str() < held[0].body["timestamp"].as_str());
    scene.pay_token(scene.payer, scene.watched, 900_000_000).await;
    scene.holds("TEST", "1399.999999").await;
    scene.pay_token(scene.payer, scene.watched, 1).await;
    let row = scene.holds("TEST", "1400").await;
    assert_eq!((&row["amount_raw"], &row["reason"]), (&json!("1400000000"), &Value::Null));
    scene.said("token low", &["balance.crossed", "balance.recovered"]).await;
    scene.said("token low for long", &["balance.crossed", "balance.recovered"]).await;

    // What refuses has no amount, no series and a reason; the rest has series in its own unit.
    let rows = scene.monitor.get("/api/v1/balances").await;
    let mut rows = rows["items"].as_array().into_iter().flatten();
    let stubborn = rows.find(|row| row["asset"]["symbol"] == "NOT").expect("it is read");
    assert_eq!((&stubborn["amount"], &stubborn["reason"]), (&Value::Null, &json!("reverted")));
    let metrics = scene.monitor.text("/metrics").await;
    assert!(metrics.contains("walletwatch_balance_coins{watch=\"hot\",chain=\"devnet\",asset=\"TEST\"} 1400\n"));
    assert!(!metrics.contains("walletwatch_balance_coins{watch=\"hot\",chain=\"devnet\",asset=\"NOT\"}"));
    let refused = metrics.lines().find(|line| line.contains("balance_reads_total") && line.contains("\"reverted\""));
    assert!(refused.is_some_and(|line| line.ends_with(" 1")), "asked once, not again and again: {refused:?}");
}

#[tokio::test]
async fn a_crossing_in_a_block_that_a_reorg_takes_away_is_taken_back() {
    let Some(scene) = Scene::set("a_crossing_in_a_block_that_a_reorg_takes_away_is_taken_back").await else { return };
    scene.pay_token(scene.watched, scene.payer, 1_900_000_000).await;
    let crossed = scene.said("token low", &["balance.crossed"]).await;
    let miner = Address::repeat_byte(0x77);
    scene.anvil.call("anvil_setCoinbase", json!([miner.to_string()])).await;
    scene.anvil.call("anvil_reorg", json!([1, []])).await;
    scene.anvil.mine(1).await;
    let heard = scene.said("token low", &["balance.crossed", "balance.retracted"]).await;
    let (first, last) = (heard[0].data(), heard[1].data());
    assert_eq!((&last["amount"], &last["alert_id"]), (&json!("2000"), &first["alert_id"]));
    assert!(last["reason"].as_str().is_some() && last["block"]["hash"] != crossed[0].data()["block"]["hash"]);
    // It crosses anew in the new chain: that is another crossing.
    scene.pay_token(scene.watched, scene.payer, 1_900_000_000).await;
    let heard = scene.said("token low", &["balance.crossed", "balance.retracted", "balance.crossed"]).await;
    assert_eq!(heard[2].data()["crossing"], json!(2));
}
