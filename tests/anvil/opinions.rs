//! What pays without a person, read by two operators of nodes on a real chain: it goes when both have it, and waits while one says otherwise.

use super::common::anvil::Anvil;
use super::common::monitor::{Monitor, Place};
use super::evm;
use super::proxy::Proxy;
use alloy::primitives::{Address, U256};
use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;
use std::time::SystemTime;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use walletwatch::types::{ChainId, Timestamp, chain};
use walletwatch::world::circle::{Circle, WalletFacts};

const TILL: Address = Address::repeat_byte(0xa1);
const VAULT: Address = Address::repeat_byte(0xb1);
const WALLET: &str = "ce714f5b-0d8e-4062-9454-61aa1154869b";
/// The chain that is read, and the test network on which a test key pays for it.
const CHAINS: (ChainId, ChainId) = (ChainId(1), ChainId(11_155_111));

fn usdc(of: ChainId) -> Address {
    chain::by_id(of).and_then(|known| known.usdc).expect("the table has it").address
}

fn config(one: &str, two: &str, circle: &str) -> String {
    format!(
        r#"
tokens = [{{ name = "ann", role = "approve", secret = "file:ann" }}, {{ name = "bob", role = "approve", secret = "file:bob" }}]
[system]
notify = ["out"]
[[sink]]
name = "out"
kind = "log"
[[chain]]
name = "ethereum"
block_time = "1s"
confirmations = 2
rpc = [{{ name = "one", url = "{one}", operator = "one" }}, {{ name = "two", url = "{two}", operator = "two" }}]
etherscan = false
[[watch]]
name = "till"
address = "{TILL}"
[[rule]]
name = "usdc in"
when = "transfer"
watch = ["till"]
chains = ["ethereum"]
direction = "in"
asset = "USDC"
at_least = "1"
from = "anyone"
notify = ["out"]
[[payee]]
name = "vault"
chain = "ethereum"
address = "{VAULT}"
per_day = "1000"
[[payment]]
on = "usdc in"
payee = "vault"
match = true
stage = "final"
per_payment = "100"
per_day = "1000"
in_total = "1000"
max_per_day = 10
approval = "none"
live = true
[circle]
environment = "test"
url = "{circle}"
api_key = "file:key"
entity_secret = "file:entity"
wallet_id = "{WALLET}"
per_day = "1000"
in_total = "1000"
notify = ["out"]
"#
    )
}

#[expect(clippy::disallowed_methods, reason = "what is simulated beside a real node keeps real time")]
fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("it is after 1970");
    Timestamp::from_millis(i64::try_from(since.as_millis()).expect("it fits for a long time"))
}

/// A simulated Circle on loopback, and where it is.
async fn circle(cancel: &CancellationToken) -> (Arc<Circle>, String) {
    let facts = WalletFacts {
        id: WALLET.into(),
        address: Address::repeat_byte(0xee),
        blockchain: "ETH-SEPOLIA".into(),
        token: usdc(CHAINS.1),
        usdc: U256::from(1_000_000_000_u64),
        coin: U256::from(10).pow(U256::from(20)),
        contract_account: false,
    };
    let circle = Circle::new(Arc::new(now), facts).shared();
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    let url = format!("http://{}", listener.local_addr().expect("it is bound"));
    tokio::spawn(Arc::clone(&circle).serve(listener, cancel.clone()));
    (circle, url)
}

fn keep_secrets(place: &Place) {
    std::fs::create_dir_all(place.data()).expect("it can be made");
    let circle = [("key", Circle::api_key()), ("entity", Circle::entity_secret())];
    let circle = circle.map(|(name, secret)| (name, secret.expose().to_owned()));
    let people = ["ann", "bob"].map(|name| (name, format!("{name}-approving-test-token-0123456789abcdef")));
    for (name, secret) in circle.into_iter().chain(people) {
        let path = place.data().join(name);
        std::fs::write(&path, secret).expect("it can be written");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).expect("it is ours");
    }
}

/// Two people look, accept what is configured, and let money go.
fn accept(place: &Place, monitor: &Monitor) {
    let say = |args: &[&str]| {
        let output = place.command_at(monitor.page(), args);
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{args:?}: {said}{}", String::from_utf8_lossy(&output.stderr));
        said
    };
    let shown = say(&["payments", "accept", "--as", "ann"]);
    let is_fingerprint = |word: &&str| word.len() >= 16 && word.chars().all(|digit| digit.is_ascii_hexdigit());
    let fingerprint =
        shown.split_whitespace().find(is_fingerprint).unwrap_or_else(|| panic!("no fingerprint: {shown}"));
    say(&["payments", "accept", fingerprint, "--as", "ann"]);
    say(&["payments", "accept", "--payee", "vault", "--as", "ann"]);
    say(&["payments", "accept", "--payee", "vault", "--as", "bob"]);
    say(&["payments", "unfreeze", "--as", "ann"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_two_operators_have_is_paid_and_what_one_of_them_denies_is_not() {
    let Some(anvil) = Anvil::start("anvil: second opinions", CHAINS.0.0, &["--slots-in-an-epoch", "1"]).await else {
        return;
    };
    let (anvil, stop) = (Arc::new(anvil), CancellationToken::new());
    let _stop = stop.clone().drop_guard();
    let accounts = anvil.accounts().await;
    anvil.put_code(usdc(CHAINS.0), &evm::token("USDC", 6)).await;
    let other = Proxy::start(Arc::clone(&anvil)).await;
    let (circle, url) = circle(&stop).await;
    let place = Place::new(&config(&anvil.ws(), &other.url(), &url));
    keep_secrets(&place);
    let monitor = place.start_with(&["run", "--new-store"]).await.unwrap_or_else(|fault| panic!("{fault}"));
    let height = anvil.mine(3).await;
    monitor.has_read("ethereum", height).await;
    accept(&place, &monitor);
    let come_in = async |amount: u64| {
        let movement = [(accounts[0], TILL, U256::from(amount))];
        anvil.send(accounts[0], Some(usdc(CHAINS.0)), U256::ZERO, &evm::logs(&movement)).await
    };
    let paid =
        || -> Vec<u64> { circle.read(|book| book.entries().iter().map(|entry| entry.terms.amount.to()).collect()) };
    let is_paid =
        |count: usize| move |list: &serde_json::Value| list["items"].as_array().is_some_and(|all| all.len() == count);
    let (first, second) = (5_000_000, 6_000_000);
    come_in(first).await;
    anvil.mine(5).await;
    monitor.until("/api/v1/payments?state=complete", is_paid(1)).await;
    assert_eq!(paid(), [first]);
    // The other operator has another amount.
    other.belie(Some(come_in(second).await));
    anvil.mine(5).await;
    let said = monitor.log.line_with("operators do not agree").await.expect("it is said");
    assert!(said.contains("two says otherwise"), "{said}");
    assert_eq!(paid(), [first], "it waits");
    // It comes to see it.
    other.belie(None);
    monitor.until("/api/v1/payments?state=complete", is_paid(2)).await;
    assert_eq!(paid(), [first, second]);
    assert!(monitor.stop().await.success());
}
