//! The money of the story: a third chain with USDC, and a Circle whose wallet pays on it. A till runs low and is filled up; an invoice is
//! paid and waits for a person.

use super::cast::Cast;
use super::listen;
use super::script::Beat;
use crate::types::{Address, ChainId, Secret, Timestamp, U256, chain};
use crate::world::chain::{Action, Chain, Genesis, Plan, Token};
use crate::world::circle::{Circle, WalletFacts};
use crate::world::live::LiveChain;
use crate::world::node::Node;
use crate::world::{Clock, WorldFault};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// The chain that the wallet is on: a test network, so that a test key pays.
pub(super) const PAID_ON: ChainId = ChainId(11_155_111);
/// Circle's id of the wallet.
const WALLET: &str = "00000000-0000-4000-8000-0000000d3300";
/// What the till is filled up to, and what is left in it when it has paid out, in micro-USDC.
const TILL: (u64, u64) = (1_500_000_000, 300_000_000);
/// What the invoice is about.
const INVOICED: u64 = 250_000_000;
/// Payments of a rule in a day: as many as a config may say. At pace 1 the acts of a day ask for 720 of each; what is asked for besides is to be seen,
/// and not a limit.
const PAID_A_DAY: u64 = 1_000;
/// What the supplier gets by that, and the till, in USDC; a demo of ten days has room for all of it.
const LIMITS: (u64, u64) = (PAID_A_DAY * 250, PAID_A_DAY * 1_200);
const DAYS: u64 = 10;
/// Between two of Circle's states.
const PACE: Duration = Duration::from_millis(700);
/// Base fee in wei.
const FEE: u64 = 2_000_000_000;

/// Chain, node and Circle.
pub(super) struct Bank {
    pub node: Arc<Node>,
    pub circle: Arc<Circle>,
    usdc: Address,
    till: Address,
    invoices: Address,
    supplier: Address,
    customer: Address,
    /// Where node and Circle listen.
    places: [SocketAddr; 2],
}

/// The ports of a bank.
pub(super) type Ports = [TcpListener; 2];

impl Bank {
    /// Of a seed, with its ports open.
    pub(super) async fn start(seed: u64, cast: &Cast, clock: Clock) -> Result<(Self, Ports), WorldFault> {
        let of = |name: &str| Cast::address(seed, name);
        let table = chain::by_id(PAID_ON).and_then(|known| known.usdc);
        let usdc = table.map_or_else(|| of("USDC of the bank"), |usdc| usdc.address);
        let (till, wallet, customer) = (of("till"), of("wallet"), cast.regular());
        let plenty = U256::from(1_000_000_000_000_000_u64);
        let ether = U256::from(10).pow(U256::from(21));
        let chain = Chain::new(Genesis {
            id: PAID_ON,
            seed: seed ^ PAID_ON.0,
            at: clock(),
            base_fee: U256::from(FEE),
            safe_after: 2,
            final_after: 4,
            coin: [customer, wallet, till].map(|who| (who, ether)).into(),
            tokens: vec![(
                Token { contract: usdc, symbol: "USDC".into(), name: "Simulated USDC".into(), decimals: Some(6) },
                BTreeMap::from([(customer, plenty), (wallet, plenty), (till, U256::from(TILL.0))]),
            )],
        });
        let facts = WalletFacts {
            id: WALLET.into(),
            address: wallet,
            blockchain: "ETH-SEPOLIA".into(),
            token: usdc,
            usdc: plenty,
            coin: ether,
            contract_account: false,
        };
        let circle = Circle::new(clock, facts).shared();
        circle.change(|book| {
            book.on_chain();
            book.paced(PACE);
        });
        let node = Arc::new(Node::new(Arc::new(LiveChain::new(chain))));
        let (node_port, node_place) = listen("the bank's node").await?;
        let (circle_port, circle_place) = listen("Circle").await?;
        let (invoices, supplier) = (of("invoices"), of("supplier"));
        let places = [node_place, circle_place];
        Ok((Self { node, circle, usdc, till, invoices, supplier, customer, places }, [node_port, circle_port]))
    }

    /// Serves both faces until cancelled.
    pub(super) async fn serve(&self, ports: Ports, cancel: CancellationToken) {
        let [node, circle] = ports;
        tokio::join!(
            Arc::clone(&self.node).serve(node, cancel.clone()),
            Arc::clone(&self.circle).serve(circle, cancel)
        );
    }

    /// One beat: a block with what Circle sends, and with what the story says.
    pub(super) fn play(&self, beat: &Beat, at: Timestamp) {
        let outgoing = self.circle.outgoing();
        let send = |from, to, amount| Action::Send { token: self.usdc, from, to, amount };
        let mut actions: Vec<Action> = outgoing.iter().map(|out| send(out.from, out.to, out.amount)).collect();
        if beat.till_pays {
            let spent = self.held(self.till).saturating_sub(U256::from(TILL.1));
            actions.push(send(self.till, self.customer, spent));
        }
        if beat.invoiced {
            actions.push(send(self.customer, self.invoices, U256::from(INVOICED)));
        }
        let plan = Plan { actions, fullness: 50, ..Plan::default() };
        let block = self.node.chain().change(|chain| chain.mine(at, &plan));
        self.circle.change(|book| {
            // A plan's transactions stand in its order.
            for (out, tx) in outgoing.iter().zip(&block.txs) {
                book.mined(&out.id, tx.tx.hash);
            }
        });
    }

    fn held(&self, who: Address) -> U256 {
        self.node.chain().read(|chain| {
            let ledger = chain.ledger(chain.head().at.hash);
            ledger.and_then(|ledger| ledger.tokens.get(&(self.usdc, who)).copied()).unwrap_or_default()
        })
    }

    /// What is watched here.
    pub(super) const fn watched(&self) -> [(&'static str, Address); 2] {
        [("till", self.till), ("invoices", self.invoices)]
    }

    /// The key and the entity secret that Circle knows.
    pub(super) fn secrets() -> [Secret; 2] {
        [Circle::api_key(), Circle::entity_secret()]
    }

    /// The chain, the rules, the payments and the wallet, as the config has them. Secrets are in these variables.
    pub(super) fn config(&self, api_key: &str, entity_secret: &str) -> String {
        self.chain_and_rules() + &self.money(api_key, entity_secret)
    }

    fn chain_and_rules(&self) -> String {
        format!(
            r#"
# A test network with USDC: here a simulated Circle pays.
[[chain]]
name = "sepolia"
block_time = "1s"
confirmations = 2
rpc = [{{ name = "bank", url = "ws://{node}" }}]
etherscan = false

[[rule]]
name = "till low"
when = "balance"
watch = ["till"]
chains = ["sepolia"]
asset = "USDC"
below = "500"
recovers_at = "900"
for = "1s"
notify = ["log", "receiver", "book-keeping"]

[[rule]]
name = "invoice paid"
when = "transfer"
watch = ["invoices"]
chains = ["sepolia"]
direction = "in"
asset = "USDC"
at_least = "100"
from = "anyone"
notify = ["log", "receiver", "book-keeping"]
"#,
            node = self.places[0]
        )
    }

    fn money(&self, api_key: &str, entity_secret: &str) -> String {
        format!(
            r#"
[[payee]]
name = "till"
chain = "sepolia"
address = "{till}"
per_day = "{tills}"

[[payee]]
name = "supplier"
chain = "sepolia"
address = "{supplier}"
per_day = "{suppliers}"

# Live: a simulated Circle pays it, and nobody is asked.
[[payment]]
on = "till low"
payee = "till"
fill_to = "1500"
stage = "confirmed"
per_payment = "1500"
per_day = "{tills}"
in_total = "{tills_in_total}"
max_per_day = {PAID_A_DAY}
approval = "none"
live = true

# Live, and a person approves each.
[[payment]]
on = "invoice paid"
payee = "supplier"
match = true
stage = "confirmed"
per_payment = "1000"
per_day = "{suppliers}"
in_total = "{suppliers_in_total}"
max_per_day = {PAID_A_DAY}
approval = "manual"
live = true

[circle]
environment = "test"
url = "http://{circle}"
api_key = "env:{api_key}"
entity_secret = "env:{entity_secret}"
wallet_id = "{WALLET}"
per_day = "{all}"
in_total = "{all_in_total}"
relaxed = true
"#,
            circle = self.places[1],
            till = self.till,
            supplier = self.supplier,
            suppliers = LIMITS.0,
            suppliers_in_total = LIMITS.0 * DAYS,
            tills = LIMITS.1,
            tills_in_total = LIMITS.1 * DAYS,
            all = LIMITS.0 + LIMITS.1,
            all_in_total = (LIMITS.0 + LIMITS.1) * DAYS,
        )
    }
}
