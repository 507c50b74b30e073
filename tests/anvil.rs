//! The real binary against a real node.

mod common;

use common::anvil::Anvil;
use common::monitor::Place;
use common::receiver::Receiver;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_native_transfer_is_told_once() {
    let Some(anvil) = Anvil::start("anvil", 31_337, &[]).await else { return };
    let accounts = anvil.accounts().await;
    let receiver = Receiver::start().await;
    let place = Place::new(&format!(
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
chains = ["devnet"]
[[sink]]
name = "ops"
kind = "webhook"
url = "{}"
secret = "env:HOOK"
allow_private = true
[[rule]]
name = "all"
when = "transfer"
stage = "seen"
notify = ["ops"]
"#,
        anvil.ws(),
        accounts[1],
        receiver.url()
    ));
    place.set("HOOK", &Receiver::secret());
    let monitor = place.start().await;
    monitor.has_read("devnet", 0).await;
    anvil.pay(accounts[0], accounts[1], 7).await;
    anvil.mine(1).await;
    let heard = receiver.until(|heard| !heard.is_empty()).await.expect("one");
    assert_eq!((heard[0].kind(), heard[0].text("amount_raw")), ("transfer.seen", "7"));
    assert!(monitor.stop().await.success());
}
