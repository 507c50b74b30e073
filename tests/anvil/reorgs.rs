//! Reorgs of a real node: who was told is told that it is gone, nobody else is told anything, and nothing comes twice.

use super::common::anvil::Anvil;
use super::common::monitor::{Monitor, Place};
use super::common::receiver::{Heard, Receiver};
use alloy::primitives::{Address, B256, Bytes, U256};
use serde_json::{Value, json};

/// `early` speaks at the first sight of a transfer, `deep` at three confirmations; ten are final.
fn config(rpc: &[String], watched: Address, early: &Receiver, deep: &Receiver) -> String {
    format!(
        r#"
[[chain]]
name = "devnet"
chain_id = 31337
coin = "ETH"
block_time = "1s"
confirmations = 3
final_after = 10
rpc = {rpc:?}
[[watch]]
name = "hot"
address = "{watched}"
[[sink]]
name = "early"
kind = "webhook"
url = "{}"
secret = "env:HOOK"
allow_private = true
[[sink]]
name = "deep"
kind = "webhook"
url = "{}"
secret = "env:HOOK"
allow_private = true
[[rule]]
name = "at first sight"
when = "transfer"
stage = "seen"
notify = ["early"]
[[rule]]
name = "when deep"
when = "transfer"
stage = "confirmed"
notify = ["deep"]
"#,
        early.url(),
        deep.url()
    )
}

/// The node, the monitor and the two who are told.
struct Scene {
    anvil: Anvil,
    monitor: Monitor,
    _place: Place,
    early: Receiver,
    deep: Receiver,
    payer: Address,
    watched: Address,
    paid: u128,
}

impl Scene {
    async fn set(test: &str) -> Option<Self> {
        let anvil = Anvil::start(test, 31_337, &[]).await?;
        let accounts = anvil.accounts().await;
        let (early, deep) = (Receiver::start().await, Receiver::start().await);
        let place = Place::new(&config(&[anvil.ws()], accounts[1], &early, &deep));
        place.set("HOOK", &Receiver::secret());
        anvil.mine(20).await;
        let monitor = place.start().await;
        monitor.has_read("devnet", 20).await;
        let (payer, watched) = (accounts[0], accounts[1]);
        Some(Self { anvil, monitor, _place: place, early, deep, payer, watched, paid: 0 })
    }

    /// A transfer in a block of its own: its transaction and itself as anyone could send it again.
    async fn transfer(&mut self) -> (B256, Value) {
        self.paid += 1;
        let tx = self.anvil.send(self.payer, Some(self.watched), U256::from(self.paid), &Bytes::new()).await;
        self.anvil.mine(1).await;
        let raw = self.anvil.call("eth_getRawTransactionByHash", json!([tx.to_string()])).await;
        (tx, raw)
    }

    /// Mines, and waits until it was read.
    async fn mine(&self, blocks: u64) {
        let height = self.anvil.mine(blocks).await;
        self.monitor.has_read("devnet", height).await;
    }

    /// Replaces the newest blocks; `again` are mined again, each in the block of the new ones that it names, from 0. One block
    /// more is mined, so that the new chain is the longer one.
    async fn reorg(&self, depth: u64, again: &[(&Value, u64)]) {
        let again: Vec<Value> = again.iter().map(|(raw, block)| json!([raw, block])).collect();
        // Another miner, so that no new block is the old one again, whatever is in it.
        let miner = Address::repeat_byte(u8::try_from(self.paid).expect("a test pays seldom"));
        self.anvil.call("anvil_setCoinbase", json!([miner.to_string()])).await;
        self.anvil.call("anvil_reorg", json!([depth, again])).await;
        self.mine(1).await;
    }

    /// What both were told of a transaction, in order, once `early` and `deep` were told so much of it.
    async fn told(&self, tx: B256, early: &[&str], deep: &[&str]) -> Vec<Heard> {
        let mut all = Vec::new();
        for (receiver, who, expected) in [(&self.early, "early", early), (&self.deep, "deep", deep)] {
            let of_tx = |heard: &[Heard]| -> Vec<Heard> {
                heard.iter().filter(|heard| heard.text("tx_hash") == tx.to_string()).cloned().collect()
            };
            let heard = receiver.until(|heard| of_tx(heard).len() >= expected.len()).await;
            let heard = of_tx(&heard.unwrap_or_else(|heard| heard));
            let kinds: Vec<&str> = heard.iter().map(Heard::kind).collect();
            let bodies: Vec<String> = heard.iter().map(|heard| heard.body.to_string()).collect();
            assert_eq!(kinds, expected, "{who} was told of {tx}: {bodies:#?}");
            let alerts: std::collections::BTreeSet<&str> = heard.iter().map(|heard| heard.text("alert_id")).collect();
            assert!(alerts.len() <= 1, "{who}: one transfer, one alert: {alerts:?}");
            let revisions: Vec<_> = heard.iter().map(|heard| heard.data()["revision"].as_u64()).collect();
            assert!(revisions.is_sorted_by(|one, next| one < next), "{who}: {revisions:?}");
            all.extend(heard);
        }
        all
    }

    /// Nothing waits to be sent, and nothing was sent twice.
    async fn settled(&self) {
        let idle = |outbox: &Value| outbox["items"].as_array().is_some_and(Vec::is_empty);
        self.monitor.until("/api/v1/outbox?state=pending", idle).await;
        for receiver in [&self.early, &self.deep] {
            let heard = receiver.heard();
            let ids: std::collections::BTreeSet<_> = heard.iter().map(|heard| &heard.id).collect();
            assert_eq!(ids.len(), heard.len(), "a repeat: {heard:#?}");
        }
    }
}

const SEEN: &str = "transfer.seen";
const CONFIRMED: &str = "transfer.confirmed";
const RETRACTED: &str = "transfer.retracted";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reorg_takes_back_what_was_said_from_exactly_those_who_were_told() {
    let Some(mut scene) = Scene::set("anvil: reorgs").await else { return };
    // One block deep: only the one who speaks at first sight had spoken.
    let (one, _) = scene.transfer().await;
    scene.told(one, &[SEEN], &[]).await;
    scene.reorg(1, &[]).await;
    let told = scene.told(one, &[SEEN, RETRACTED], &[]).await;
    assert!(!told[1].text("reason").is_empty(), "{}", told[1].body);
    // Three deep: both had spoken of the first, one of the second.
    let (first, _) = scene.transfer().await;
    scene.mine(1).await;
    let (second, _) = scene.transfer().await;
    scene.told(first, &[SEEN], &[CONFIRMED]).await;
    scene.told(second, &[SEEN], &[]).await;
    scene.reorg(3, &[]).await;
    scene.told(first, &[SEEN, RETRACTED], &[CONFIRMED, RETRACTED]).await;
    scene.told(second, &[SEEN, RETRACTED], &[]).await;
    // Past the confirmation depth, and what lies below it is untouched.
    let (below, _) = scene.transfer().await;
    let (deep, _) = scene.transfer().await;
    scene.mine(5).await;
    scene.told(deep, &[SEEN], &[CONFIRMED]).await;
    scene.reorg(6, &[]).await;
    scene.told(deep, &[SEEN, RETRACTED], &[CONFIRMED, RETRACTED]).await;
    // Everything is deep now; nothing more was said of anything.
    scene.mine(12).await;
    scene.told(one, &[SEEN, RETRACTED], &[]).await;
    scene.told(first, &[SEEN, RETRACTED], &[CONFIRMED, RETRACTED]).await;
    scene.told(second, &[SEEN, RETRACTED], &[]).await;
    scene.told(below, &[SEEN], &[CONFIRMED]).await;
    scene.told(deep, &[SEEN, RETRACTED], &[CONFIRMED, RETRACTED]).await;
    scene.settled().await;
    assert!(scene.monitor.stop().await.success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transfer_that_is_mined_again_is_a_move_and_only_what_no_longer_holds_is_taken_back() {
    let Some(mut scene) = Scene::set("anvil: moves").await else { return };
    // Seen, and seen again in a sibling: it holds.
    let (moved, raw) = scene.transfer().await;
    scene.told(moved, &[SEEN], &[]).await;
    scene.reorg(1, &[(&raw, 0)]).await;
    scene.told(moved, &[SEEN], &[]).await;
    scene.mine(3).await;
    scene.told(moved, &[SEEN], &[CONFIRMED]).await;
    // Confirmed, and mined again three blocks later: confirmed does not hold until it is as deep there.
    let (later, raw) = scene.transfer().await;
    scene.mine(2).await;
    scene.told(later, &[SEEN], &[CONFIRMED]).await;
    scene.reorg(3, &[(&raw, 2)]).await;
    scene.told(later, &[SEEN], &[CONFIRMED, RETRACTED]).await;
    scene.mine(1).await;
    let told = scene.told(later, &[SEEN], &[CONFIRMED, RETRACTED, CONFIRMED]).await;
    let block = |heard: &Heard| heard.data()["block"]["number"].as_u64();
    assert_eq!(block(&told[3]), block(&told[1]).map(|block| block + 2));
    // Gone, and mined again after a while: it comes back under its alerts.
    let (back, raw) = scene.transfer().await;
    scene.mine(2).await;
    scene.told(back, &[SEEN], &[CONFIRMED]).await;
    scene.reorg(3, &[]).await;
    scene.told(back, &[SEEN, RETRACTED], &[CONFIRMED, RETRACTED]).await;
    scene.anvil.call("eth_sendRawTransaction", json!([raw])).await;
    scene.mine(1).await;
    scene.told(back, &[SEEN, RETRACTED, SEEN], &[CONFIRMED, RETRACTED]).await;
    scene.mine(2).await;
    scene.told(back, &[SEEN, RETRACTED, SEEN], &[CONFIRMED, RETRACTED, CONFIRMED]).await;
    scene.mine(12).await;
    scene.told(moved, &[SEEN], &[CONFIRMED]).await;
    scene.told(later, &[SEEN], &[CONFIRMED, RETRACTED, CONFIRMED]).await;
    scene.settled().await;
    assert!(scene.monitor.stop().await.success());
}
