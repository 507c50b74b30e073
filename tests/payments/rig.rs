//! A chain that grows by itself, a simulated Circle that pays on it, a receiver of messages, and the real binary between them.

use crate::common::monitor::{Monitor, Place};
use crate::common::receiver::Receiver;
use crate::common::{PATIENCE, http_client};
use serde_json::Value;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::process::Output;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};
use walletwatch::app::clock::Clock;
use walletwatch::types::{Address, ChainId, Timestamp, U256, chain};
use walletwatch::world::chain::{Action, Chain, Genesis, Plan, Token};
use walletwatch::world::circle::{API_KEY, Circle, ENTITY_SECRET, WalletFacts};
use walletwatch::world::live::LiveChain;
use walletwatch::world::node::Node;

pub const WALLET: &str = "ce714f5b-0d8e-4062-9454-61aa1154869b";
/// Whose balance is watched, and who is paid.
pub const TREASURY: Address = Address::repeat_byte(0x71);
pub const PAYEE: Address = Address::repeat_byte(0x72);
/// Who pays in.
pub const CUSTOMER: Address = Address::repeat_byte(0x73);
/// Between two blocks.
const BLOCK: Duration = Duration::from_millis(150);
/// How often something is looked at that does not call.
const GLANCE: Duration = Duration::from_millis(50);

pub struct Rig {
    pub place: Place,
    pub receiver: Receiver,
    pub circle: Arc<Circle>,
    queue: Arc<Mutex<Vec<Action>>>,
    _stop: DropGuard,
}

pub const ANN: &str = "ann-0123456789abcdef0123456789";
pub const BOB: &str = "bob-0123456789abcdef0123456789";
pub const DUTY: &str = "duty-0123456789abcdef012345678";

/// Every secret of the config, by its variable.
pub fn secrets() -> [(&'static str, String); 6] {
    let [circle, entity, ann, bob, duty] = [API_KEY, ENTITY_SECRET, ANN, BOB, DUTY].map(str::to_owned);
    [
        ("CIRCLE_KEY", circle),
        ("CIRCLE_ENTITY", entity),
        ("ANN", ann),
        ("BOB", bob),
        ("DUTY", duty),
        ("HOOK", Receiver::secret()),
    ]
}

/// USDC on Sepolia, as the chain table has it.
pub fn usdc() -> Address {
    chain::by_name("sepolia").and_then(|known| known.usdc).expect("the chain table has it").address
}

fn sepolia(at: Timestamp) -> Chain {
    let token = Token { contract: usdc(), symbol: "USDC".into(), name: "USD Coin".into(), decimals: Some(6) };
    let rich = [CUSTOMER].map(|who| (who, U256::from(1_000_000_000_000_u64)));
    Chain::new(Genesis {
        id: ChainId(11_155_111),
        seed: 1,
        at,
        base_fee: U256::from(8_000_000_000_u64),
        safe_after: 2,
        final_after: 4,
        coin: BTreeMap::from([(CUSTOMER, U256::from(10).pow(U256::from(21)))]),
        tokens: vec![(token, rich.into())],
    })
}

async fn free() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
    let address = listener.local_addr().expect("it is bound");
    (listener, address)
}

impl Rig {
    /// `payment` is what stands in `[[payment]]`, `circle` in `[circle]`, beside what all have.
    pub async fn new(payment: &str, circle: &str) -> Self {
        let clock = Arc::new(Clock::start(None));
        let now: Arc<dyn Fn() -> Timestamp + Send + Sync> = Arc::new(move || clock.now());
        let stop = CancellationToken::new();
        let live = Arc::new(LiveChain::new(sepolia(now())));
        let (listener, node) = free().await;
        tokio::spawn(Arc::new(Node::new(Arc::clone(&live))).serve(listener, stop.clone()));
        let facts = WalletFacts {
            id: WALLET.into(),
            address: Address::repeat_byte(0xAA),
            blockchain: "ETH-SEPOLIA".into(),
            token: usdc(),
            usdc: U256::from(900_000_000),
            coin: U256::from(10).pow(U256::from(18)),
            contract_account: false,
        };
        let paying = Circle::new(Arc::clone(&now), facts).shared();
        let (listener, at_circle) = free().await;
        tokio::spawn(Arc::clone(&paying).serve(listener, stop.clone()));
        let queue: Arc<Mutex<Vec<Action>>> = Arc::default();
        tokio::spawn(grow(live, Arc::clone(&queue), now, stop.clone()));
        let receiver = Receiver::start().await;
        let text = config(&receiver.url(), node, at_circle, payment, circle);
        let place = Place::new(&text);
        for (name, value) in secrets() {
            place.set(name, &value);
        }
        Self { place, receiver, circle: paying, queue, _stop: stop.drop_guard() }
    }

    /// Starts the monitor, and waits for a block behind its start: what was mined before a rule was there never pays by it.
    pub async fn start(&self) -> Monitor {
        let monitor = self.place.start().await;
        let began = monitor.get("/api/v1/status").await["time"].as_str().expect("it has one").to_owned();
        let newer = |status: &Value| status["chains"][0]["block_time"].as_str().is_some_and(|time| *time > *began);
        monitor.until("/api/v1/status", newer).await;
        monitor
    }

    /// A customer pays so much in, in micro-USDC.
    pub fn pays_in(&self, amount: u64) {
        let send = Action::Send { token: usdc(), from: CUSTOMER, to: TREASURY, amount: U256::from(amount) };
        self.queue.lock().expect("no holder panics").push(send);
    }

    /// Waits for the only payment of this amount to come to this state; gives it.
    pub async fn payment(&self, monitor: &Monitor, amount: &str, state: &str) -> Value {
        let from = tokio::time::Instant::now();
        loop {
            let all = monitor.list("/api/v1/payments").await;
            let found: Vec<&Value> = all.iter().filter(|item| item["amount"] == amount).collect();
            assert!(found.len() < 2, "{all:?}");
            if let [item] = found.as_slice()
                && item["state"] == state
            {
                return (*item).clone();
            }
            assert!(from.elapsed() < PATIENCE, "no payment of {amount} is {state}: {all:#?}");
            tokio::time::sleep(GLANCE).await;
        }
    }

    /// A command of `payments` as people give it: exit code, stdout and stderr.
    pub fn payments(&self, monitor: &Monitor, args: &[&str]) -> (i32, String) {
        let all: Vec<&str> = ["payments"].into_iter().chain(args.iter().copied()).collect();
        said(&self.place.command_at(monitor.page(), &all))
    }

    /// What left the wallet, in micro-USDC.
    pub fn moved(&self) -> Vec<u64> {
        self.circle.read(|book| {
            let moved = book.entries().iter().filter(|entry| entry.has_moved());
            moved.map(|entry| entry.terms.amount.to::<u64>()).collect()
        })
    }

    /// Waits for a message of this type, in the whole of what came.
    pub async fn told(&self, kind: &str) -> Value {
        let from = tokio::time::Instant::now();
        loop {
            if let Some(heard) = self.receiver.heard().into_iter().find(|heard| heard.kind() == kind) {
                return heard.body;
            }
            assert!(from.elapsed() < PATIENCE, "nobody was told {kind}");
            tokio::time::sleep(GLANCE).await;
        }
    }
}

pub fn said(output: &Output) -> (i32, String) {
    let text = [&output.stdout[..], &output.stderr[..]].concat();
    (output.status.code().unwrap_or(-1), String::from_utf8_lossy(&text).into_owned())
}

/// The status of a POST with this token.
pub async fn post(monitor: &Monitor, token: &str, path: &str, body: &str) -> u16 {
    let ask = http_client().post(format!("{}/api/v1/payments/{path}", monitor.page())).bearer_auth(token);
    let ask = ask.header("content-type", "application/json").body(body.to_owned());
    ask.send().await.expect("it answers").status().as_u16()
}

async fn grow(
    chain: Arc<LiveChain>,
    queue: Arc<Mutex<Vec<Action>>>,
    now: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    stop: CancellationToken,
) {
    while !stop.is_cancelled() {
        let actions = std::mem::take(&mut *queue.lock().expect("no holder panics"));
        chain.change(|chain| chain.mine(now(), &Plan { actions, ..Plan::default() }));
        tokio::time::sleep(BLOCK).await;
    }
}

fn config(hook: &str, node: SocketAddr, at_circle: SocketAddr, payment: &str, circle: &str) -> String {
    format!(
        r#"tokens = [
  {{ name = "duty", role = "operate", secret = "env:DUTY" }},
  {{ name = "ann", role = "approve", secret = "env:ANN" }},
  {{ name = "bob", role = "approve", secret = "env:BOB" }},
]
[system]
notify = ["ops"]
[[chain]]
name = "sepolia"
rpc = [{{ name = "node", url = "ws://{node}" }}]
block_time = "1s"
confirmations = 2
[[watch]]
name = "treasury"
address = "{TREASURY}"
chains = ["sepolia"]
[[sink]]
name = "ops"
kind = "webhook"
url = "{hook}"
secret = "env:HOOK"
allow_private = true
[[rule]]
name = "in"
when = "transfer"
watch = ["treasury"]
chains = ["sepolia"]
direction = "in"
asset = "USDC"
at_least = "1"
from = "anyone"
notify = ["ops"]
[[payee]]
name = "cold"
chain = "sepolia"
address = "{PAYEE}"
per_day = "500"
[[payment]]
on = "in"
payee = "cold"
match = true
per_payment = "100"
per_day = "300"
in_total = "1000"
live = true
{payment}
[circle]
environment = "test"
url = "http://{at_circle}"
api_key = "env:CIRCLE_KEY"
entity_secret = "env:CIRCLE_ENTITY"
wallet_id = "{WALLET}"
per_day = "500"
in_total = "1000"
relaxed = true
{circle}
"#
    )
}

/// Waits until a series has this value.
pub async fn shows(monitor: &Monitor, series: &str) {
    let from = tokio::time::Instant::now();
    while !monitor.text("/metrics").await.lines().any(|line| line == series) {
        assert!(from.elapsed() < PATIENCE, "{series} is not shown");
        tokio::time::sleep(GLANCE).await;
    }
}
