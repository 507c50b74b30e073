//! The config in which every place that takes a secret has one.

use std::net::SocketAddr;
use walletwatch::world::story::Cast;

/// A secret in every place that takes one.
pub fn with_secrets(
    etherscan: SocketAddr,
    good: SocketAddr,
    bot: SocketAddr,
    mail: SocketAddr,
    circle: SocketAddr,
    cast: &Cast,
) -> String {
    format!(
        r#"
token = "env:TOKEN"
[system]
notify = ["good", "hook", "chat", "phone", "mail", "log"]
[etherscan]
url = "http://{etherscan}/v2/api"
api_key = "env:KEY"
[[chain]]
name = "devnet"
chain_id = 31337
coin = "ETH"
block_time = "1s"
confirmations = 2
final_after = 10
etherscan = false
rpc = [{{ name = "node", url = "env:NODE" }}, {{ name = "user", url = "env:USER_NODE" }}, {{ name = "http", url = "env:HTTP_NODE" }}, {{ name = "closed", url = "env:CLOSED_NODE" }}]
[[chain]]
name = "ethereum"
etherscan = true
[[watch]]
name = "hot"
address = "{}"
chains = ["devnet", "ethereum"]
[[feed]]
name = "prices"
kind = "coinbase"
pairs = ["ETH-USD"]
url = "env:FEED"
{}
[inbound]
listen = "127.0.0.1:0"
[circle]
environment = "test"
relaxed = true
url = "http://{circle}"
api_key = "env:CIRCLE"
entity_secret = "env:ENTITY"
wallet_id = "ce714f5b-0d8e-4062-9454-61aa1154869b"
per_day = "1"
in_total = "1"
[[rule]]
name = "all"
when = "transfer"
stages = ["seen", "confirmed"]
notify = ["good", "hook", "chat", "phone", "mail", "log"]
"#,
        cast.treasury,
        sinks(good, bot, mail)
    )
}

/// Sinks with a secret in every place that takes one, and the log, which takes none.
fn sinks(good: SocketAddr, bot: SocketAddr, mail: SocketAddr) -> String {
    format!(
        r#"[[sink]]
name = "log"
kind = "log"
[[sink]]
name = "good"
kind = "webhook"
url = "http://{good}/hook"
secret = "env:GOOD"
allow_private = true
[[sink]]
name = "hook"
kind = "webhook"
url = "env:HOOK"
secret = "env:SIGNING"
allow_private = true
[[sink]]
name = "chat"
kind = "slack"
url = "env:SLACK"
allow_private = true
[[sink]]
name = "phone"
kind = "telegram"
url = "http://{bot}"
token = "env:BOT"
chat = "-100123"
allow_private = true
[[sink]]
name = "mail"
kind = "email"
url = "smtp://{mail}"
starttls = false
user = "alerts@example.com"
password = "env:MAIL"
from = "alerts@example.com"
to = "ops@example.com"
allow_private = true"#
    )
}
