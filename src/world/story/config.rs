//! The config that the demo runs the monitor with: everything leads to the simulated faces on loopback. Text only.

use super::World;
use super::bank::Bank;
use super::cast::{EXPLORED, SIMNET};
use std::collections::BTreeMap;

/// The variable that holds the explorer's key.
const EXPLORER_KEY: &str = "SIMULATED_EXPLORER_KEY";
/// The variable that holds the receiver's signing key.
const RECEIVER_SECRET: &str = "SIMULATED_RECEIVER_SECRET";
/// The variable that holds the book-keeping's signing key.
const BOOKS_SECRET: &str = "SIMULATED_BOOKS_SECRET";
/// The variable that holds the approver's token.
const APPROVER_TOKEN: &str = "SIMULATED_APPROVER_TOKEN";
/// The variables that hold what Circle knows the wallet's owner by.
const CIRCLE_KEY: &str = "SIMULATED_CIRCLE_KEY";
const CIRCLE_ENTITY: &str = "SIMULATED_CIRCLE_ENTITY";
/// The variable that holds the page's token.
const PAGE_TOKEN: &str = "SIMULATED_PAGE_TOKEN";

impl World {
    /// The variables that [`Self::config_toml`] names. They open nothing outside this world.
    #[must_use]
    pub fn environment(&self) -> BTreeMap<String, String> {
        let [api_key, entity_secret] = Bank::secrets().map(|secret| secret.expose().to_owned());
        BTreeMap::from([
            (APPROVER_TOKEN.into(), self.approver_token.clone()),
            (CIRCLE_KEY.into(), api_key),
            (CIRCLE_ENTITY.into(), entity_secret),
            (EXPLORER_KEY.into(), self.explorer_key.clone()),
            (RECEIVER_SECRET.into(), self.receiver.secret().expose().to_owned()),
            (BOOKS_SECRET.into(), self.books.secret().expose().to_owned()),
            (PAGE_TOKEN.into(), self.page_token.clone()),
        ])
    }

    /// The monitor's config in this world. The page listens on any free port.
    #[must_use]
    pub fn config_toml(&self) -> String {
        let bank = self.bank.config(CIRCLE_KEY, CIRCLE_ENTITY);
        [self.sources(), self.watches(), Self::rules(), self.thresholds(), self.payments(), bank].concat()
    }

    fn sources(&self) -> String {
        format!(
            r#"# SIMULATED: everything here leads to a simulated world on this machine.

[http]
listen = "127.0.0.1:0"
token = "env:{PAGE_TOKEN}"
tokens = [{{ name = "you", role = "approve", secret = "env:{APPROVER_TOKEN}" }}]

[store]
url = "sqlite:simulated.db"

[system]
notify = ["log", "receiver", "book-keeping"]

[etherscan]
url = "{explorer}"
api_key = "env:{EXPLORER_KEY}"
calls_per_second = {calls}
calls_per_day = 1000000

[[chain]]
name = "simnet"
chain_id = {SIMNET}
coin = "ETH"
# Worth what ether is said to be worth here.
pair = "ETH-USD"
block_time = "1s"
confirmations = 3
final_after = 8
rpc = [{{ name = "node", url = "{node}" }}]
etherscan = false

# The explorer's own chain. Real Ethereum takes a block in 12 s and far more confirmations.
[[chain]]
name = "ethereum"
chain_id = {EXPLORED}
block_time = "1s"
confirmations = 3
final_after = 8
etherscan = true

[[token]]
chain = "simnet"
symbol = "SIM"
contract = "{sim}"
decimals = 6

[[feed]]
name = "prices"
kind = "coinbase"
pairs = ["ETH-USD", "USDC-USD"]
url = "{feed}"

[[feed]]
name = "second prices"
kind = "kraken"
pairs = ["ETH-USD", "USDC-USD"]
url = "{second}"

[[sink]]
name = "log"
kind = "log"

[[sink]]
name = "receiver"
kind = "webhook"
url = "{receiver}"
secret = "env:{RECEIVER_SECRET}"
allow_private = true

[[sink]]
name = "book-keeping"
kind = "webhook"
url = "{books}"
secret = "env:{BOOKS_SECRET}"
allow_private = true
"#,
            explorer = self.explorer_url(),
            calls = super::CALLS_PER_SECOND,
            node = self.node_url(),
            sim = self.cast.sim,
            feed = self.feed_url(),
            second = self.second_feed_url(),
            receiver = self.receiver_url(),
            books = self.books_url(),
        )
    }

    fn watches(&self) -> String {
        let one = |watched: &super::Watched| {
            let chains: Vec<String> = watched.chains.iter().map(|chain| format!("\"{chain}\"")).collect();
            format!(
                "\n[[watch]]\nname = \"{}\"\naddress = \"{}\"\nchains = [{}]\ntags = [\"own\"]\n",
                watched.name,
                watched.address,
                chains.join(", ")
            )
        };
        self.watched().iter().map(one).collect()
    }

    fn rules() -> String {
        r#"
[[rule]]
name = "large deposit"
when = "transfer"
watch = ["treasury"]
chains = ["simnet"]
direction = "in"
asset = "native"
at_least = "1 ETH"
stages = ["seen", "confirmed", "final"]
notify = ["log", "receiver", "book-keeping"]

[[rule]]
name = "customer pays"
when = "transfer"
watch = ["deposits"]
direction = "in"
stages = ["seen", "confirmed", "final"]
notify = ["log", "receiver", "book-keeping"]

[[rule]]
name = "token to the treasury"
when = "transfer"
watch = ["treasury"]
chains = ["simnet"]
direction = "in"
asset = "SIM"
notify = ["log", "receiver", "book-keeping"]

[[rule]]
name = "usdc in"
when = "transfer"
watch = ["treasury"]
chains = ["ethereum"]
direction = "in"
asset = "USDC"
at_least = "1000 USDC"
notify = ["log", "receiver", "book-keeping"]

[[rule]]
name = "anything leaves"
when = "transfer"
watch = ["tag:own"]
direction = "out"
severity = "warning"
notify = ["log", "receiver", "book-keeping"]

[[rule]]
name = "unlimited approval"
when = "approval"
watch = ["tag:own"]
at_least = "unlimited"
stages = ["seen", "confirmed"]
severity = "critical"
notify = ["log", "receiver", "book-keeping"]
"#
        .to_owned()
    }

    /// Rules on what is not on a chain's blocks: a level is crossed, and crossed back.
    fn thresholds(&self) -> String {
        format!(
            r#"
[[rule]]
name = "hot wallet low"
when = "balance"
watch = ["hot"]
chains = ["simnet"]
asset = "SIM"
below = "500000 SIM"
recovers_at = "900000 SIM"
severity = "warning"
notify = ["log", "receiver", "book-keeping"]

[[rule]]
name = "ether falls"
when = "price"
pair = "ETH-USD"
below = "2500"
recovers_at = "2550"
severity = "warning"
notify = ["log", "receiver", "book-keeping"]

[[rule]]
name = "gas is dear"
when = "gas"
chain = "simnet"
of = "base_fee"
above = "20 gwei"
recovers_at = "12 gwei"
for = "{held}ms"
notify = ["log", "receiver", "book-keeping"]
"#,
            held = self.beat().as_millis().saturating_mul(2),
        )
    }

    /// A rehearsal: everything but the send.
    fn payments(&self) -> String {
        format!(
            r#"
[[payee]]
name = "refill"
chain = "simnet"
address = "{payee}"
per_day = "1000"

# A rehearsal: everything but the send.
[[payment]]
on = "large deposit"
payee = "refill"
amount = "100"
stage = "final"
per_payment = "100"
per_day = "1000"
in_total = "100000"
approval = "none"
live = false
"#,
            payee = self.cast.payee,
        )
    }
}
