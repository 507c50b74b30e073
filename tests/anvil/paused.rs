//! A node that stands still for 30 s: said once, taken back once with the blocks that were missed, and all of them are read.

use super::common::anvil::Anvil;
use super::common::monitor::Place;
use super::common::receiver::{Heard, Receiver};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Payments while nobody answers, each in a block of its own and with empty ones behind it.
const PAYMENTS: u128 = 4;
/// Blocks behind each.
const BLOCKS: u64 = 10;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_stands_still_for_30_s_is_one_blindness_and_one_recovery_with_its_gap_filled() {
    let Some(anvil) = Anvil::start("anvil: a paused node", 31_337, &[]).await else { return };
    let accounts = anvil.accounts().await;
    let receiver = Receiver::start().await;
    let place = Place::new(&format!(
        r#"
[[chain]]
name = "devnet"
chain_id = 31337
coin = "ETH"
block_time = "1s"
# As long as the node is paused: it goes on when its silence was told.
stale_after = "30s"
confirmations = 2
final_after = 100
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
stages = ["seen", "confirmed"]
notify = ["ops"]
"#,
        anvil.ws(),
        accounts[1],
        receiver.url()
    ));
    place.set("HOOK", &Receiver::secret());
    let monitor = place.start().await;
    monitor.has_read("devnet", 0).await;
    let mut sent = vec![anvil.pay(accounts[0], accounts[1], 1).await];
    let last = anvil.mine(3).await;
    monitor.has_read("devnet", last).await;
    let pays: Vec<_> = (0..PAYMENTS).map(|nth| (nth + 2, BLOCKS)).collect();

    anvil.pause();
    // What it is asked for while it stands still it does when it goes on, before the monitor has come back to it.
    let meanwhile = async {
        let mut sent = Vec::new();
        for (value, blocks) in pays {
            sent.push(anvil.pay(accounts[0], accounts[1], value).await);
            anvil.mine(blocks).await;
        }
        sent
    };
    let of =
        |heard: &[Heard], kind: &str| heard.iter().filter(|heard| heard.kind() == kind).cloned().collect::<Vec<_>>();
    let paused = async {
        let blind = receiver.until(|heard| !of(heard, "source.blind").is_empty()).await;
        let status = monitor.get("/api/v1/status").await;
        anvil.go_on();
        (blind, status)
    };
    let (more, (blind, status)) = tokio::join!(meanwhile, paused);
    sent.extend(more);
    let blind = of(&blind.expect("that it is blind is said"), "source.blind");
    assert_eq!((blind[0].text("chain"), blind[0].data()["last_block"].as_u64()), ("devnet", Some(last)));
    assert!(status["blind"] == true && status["chains"][0]["blind_since"].is_string(), "{status}");

    let tip = anvil.height().await;
    assert_eq!(tip, last + BLOCKS * u64::try_from(PAYMENTS).expect("it is small"));
    monitor.has_read("devnet", tip).await;
    let told = |heard: &[Heard]| -> BTreeMap<String, Vec<String>> {
        let mut told: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for heard in heard.iter().filter(|heard| heard.kind().starts_with("transfer.")) {
            told.entry(heard.text("tx_hash").to_owned()).or_default().push(heard.kind().to_owned());
        }
        told
    };
    let all = |heard: &[Heard]| told(heard).values().filter(|kinds| kinds.len() >= 2).count() >= sent.len();
    let both = ["transfer.seen", "transfer.confirmed"].map(str::to_owned).to_vec();
    let expected: BTreeMap<_, _> = sent.iter().map(|tx| (tx.to_string(), both.clone())).collect();
    let heard = receiver.until(all).await.unwrap_or_else(|heard| panic!("{:#?}", told(&heard)));
    assert_eq!(told(&heard), expected, "all of the gap is told, and each once");
    let whole = |status: &Value| {
        let chain = &status["chains"][0];
        chain["gap_blocks"] == 0 && chain["blind_since"].is_null() && status["blind"] == false
    };
    monitor.until("/api/v1/status", whole).await;
    let heard =
        receiver.until(|heard| !of(heard, "source.recovered").is_empty()).await.expect("that it is back is said");
    assert_eq!((of(&heard, "source.blind").len(), of(&heard, "source.recovered").len()), (1, 1));
    let back = &of(&heard, "source.recovered")[0];
    assert_eq!(back.data()["gap"]["from"], json!(last + 1), "{}", back.body);
    assert!(back.data()["gap"]["to"].as_u64().is_some_and(|to| to > last && to <= tip), "{}", back.body);
    assert_eq!(back.text("alert_id"), blind[0].text("alert_id"));
    assert!(monitor.stop().await.success());
}
