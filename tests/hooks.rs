//! The real binary beside a simulated Circle: what its wallet holds is on `/metrics`, its hooks are taken once, over a restart and a
//! `kill -9` too, and whatever is not Circle's is refused. Without live payments nothing is asked of Circle that could move money.

mod common;

use common::monitor::{Monitor, Place};
use common::{PATIENCE, http_client};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use walletwatch::app::clock::Clock;
use walletwatch::types::{Address, Name, Timestamp, U256, Uuid, chain};
use walletwatch::wire::circle::{FeeLevel, TransferTerms};
use walletwatch::world::circle::{API_KEY, Circle, ENTITY_SECRET, HookKey, SignedHook, WalletFacts};

const WALLET: &str = "ce714f5b-0d8e-4062-9454-61aa1154869b";

/// USDC on Sepolia.
fn token() -> Address {
    chain::by_name("sepolia").and_then(|known| known.usdc).expect("the chain table has it").address
}

fn circle(clock: Arc<dyn Fn() -> Timestamp + Send + Sync>) -> Arc<Circle> {
    let facts = WalletFacts {
        id: WALLET.into(),
        address: Address::repeat_byte(0xAA),
        blockchain: "ETH-SEPOLIA".into(),
        token: token(),
        usdc: U256::from(12_500_000),
        coin: U256::from(10).pow(U256::from(17)),
        contract_account: false,
    };
    let circle = Circle::new(clock, facts).shared();
    circle.change(|book| book.paced(Duration::from_hours(1)));
    circle
}

/// Somebody at the console pays: Circle tells everyone who subscribed.
fn pay(circle: &Circle, key: u8, at: Timestamp) -> Name {
    let terms = TransferTerms {
        key: Uuid::v4([key; 16]),
        wallet: WALLET.into(),
        blockchain: "ETH-SEPOLIA".into(),
        token: token(),
        destination: Address::repeat_byte(3),
        amount: U256::from(1),
        fee: FeeLevel::Medium,
        reference: "console".into(),
    };
    circle.change(|book| book.asked_elsewhere(&terms, at))
}

async fn free() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
    let address = listener.local_addr().expect("it is bound");
    (listener, address)
}

/// The value of a series.
async fn series(monitor: &Monitor, start: &str) -> Option<String> {
    let text = monitor.text("/metrics").await;
    text.lines().find_map(|line| line.strip_prefix(start)?.strip_prefix(' ').map(str::to_owned))
}

async fn until(monitor: &Monitor, start: &str, value: &str) {
    let from = tokio::time::Instant::now();
    loop {
        let shown = series(monitor, start).await;
        if shown.as_deref() == Some(value) {
            return;
        }
        assert!(from.elapsed() < PATIENCE, "{start} stays {shown:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn counted(outcome: &str) -> String {
    format!("walletwatch_inbound_hooks_total{{kind=\"circle\",outcome=\"{outcome}\"}}")
}

async fn post(at: SocketAddr, hook: &SignedHook) -> u16 {
    let ask = http_client().post(format!("http://{at}/hooks/circle"));
    let ask = ask.header("X-Circle-Key-Id", &hook.key_id).header("X-Circle-Signature", &hook.signature);
    ask.body(hook.body.clone()).send().await.expect("it answers").status().as_u16()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn circles_wallet_is_shown_and_its_hooks_are_taken_once() {
    let clock = Arc::new(Clock::start(None));
    let now = move || clock.now();
    let circle = circle(Arc::new(now.clone()));
    let (listener, address) = free().await;
    tokio::spawn(Arc::clone(&circle).serve(listener, CancellationToken::new()));
    let (taken, inbound) = free().await;
    drop(taken);
    let place = Place::new(&format!(
        r#"
[inbound]
listen = "{inbound}"
[circle]
environment = "test"
relaxed = true
url = "http://{address}"
api_key = "env:CIRCLE_KEY"
entity_secret = "env:CIRCLE_ENTITY"
wallet_id = "{WALLET}"
per_day = "100"
in_total = "1000"
"#
    ));
    place.set("CIRCLE_KEY", API_KEY);
    place.set("CIRCLE_ENTITY", ENTITY_SECRET);
    let probed = place.command(&["check", "--probe"]);
    let said = String::from_utf8_lossy(&probed.stdout).into_owned();
    assert!(said.contains("on ETH-SEPOLIA: 12.5 USDC, 0.1 of the coin; entity_key_sha256 = "), "{said}");
    assert!(said.contains("hooks are received on"), "{said}");
    let monitor = place.start().await;
    until(&monitor, "walletwatch_paying_wallet_coins{asset=\"USDC\"}", "12.5").await;
    assert_eq!(series(&monitor, "walletwatch_paying_wallet_coins{asset=\"ETH\"}").await.as_deref(), Some("0.1"));

    let head = http_client().head(format!("http://{inbound}/hooks/circle")).send().await.expect("it answers");
    assert_eq!(head.status(), 200);
    let status = http_client().get(format!("http://{inbound}/metrics")).send().await.expect("it answers").status();
    assert_eq!(status, 404, "hooks have a listener of their own");

    let hook = circle.hook(&pay(&circle, 1, now())).expect("there is such a transaction");
    let stranger = HookKey::new(circle.signer().id(), now());
    let forged = SignedHook { signature: stranger.sign(&hook.body), ..hook.clone() };
    let anew = SignedHook { body: [&hook.body[..], b"\n"].concat(), ..hook.clone() };
    let unsigned = SignedHook { signature: String::new(), ..hook.clone() };
    for refused in [&forged, &anew, &unsigned] {
        assert_eq!(post(inbound, refused).await, 401);
    }
    assert_eq!(post(inbound, &hook).await, 200);
    assert_eq!(post(inbound, &hook).await, 200, "a repeat is answered, and nothing follows from it");
    assert_eq!(post(inbound, &circle.test_hook()).await, 200);
    for (outcome, count) in [("taken", "1"), ("noted", "2"), ("refused", "3"), ("later", "0")] {
        assert_eq!(series(&monitor, &counted(outcome)).await.as_deref(), Some(count), "{outcome}");
    }
    monitor.kill().await;

    let again = place.start().await;
    assert_eq!(post(inbound, &hook).await, 200);
    assert_eq!(post(inbound, &circle.hook(&pay(&circle, 2, now())).expect("there is one")).await, 200);
    for (outcome, count) in [("taken", "1"), ("noted", "1")] {
        assert_eq!(series(&again, &counted(outcome)).await.as_deref(), Some(count), "{outcome}, after kill -9");
    }
    assert!(again.stop().await.success());
    assert!(circle.posted().is_empty(), "nothing was asked of Circle that could move money");
}
