//! Configs and what is said of them: text in, faults or meaning out. Each case changes one thing in a config that is fine.

mod approvals;
mod circle;
mod coverage;
mod explorers;
mod lists;
mod live;
mod meaning;
mod parts;
mod routes;
mod streams;
mod worth;

use super::checked::Config;
use super::faults::Faults;
use super::load;
use super::raw::keys::SECTIONS;
use super::surroundings::Scripted;
use crate::reactor::settings::{Condition, Confirmed, Side};
use crate::types::{ChainId, Severity, U256};
use std::path::Path;
use std::time::Duration;

const EXAMPLE: &str = include_str!("../../../config.example.toml");
const SIGNING_KEY: &str = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";
const PATH: &str = "/etc/w.toml";

fn around() -> Scripted {
    Scripted::with(&[
        ("WALLETWATCH_TOKEN", "0123456789abcdef0123456789abcdef"),
        ("PROMETHEUS_TOKEN", "fedcba9876543210fedcba9876543210"),
        ("ETHERSCAN_API_KEY", "ETHERSCANKEY"),
        ("ETH_RPC", "wss://eth.example.com/v2/RPCKEY"),
        ("OPS_WEBHOOK_SECRET", SIGNING_KEY),
        ("SLACK_URL", "https://hooks.slack.com/services/T/B/SLACKKEY"),
        ("SLACK_BOT_TOKEN", "xoxb-1-2-SLACKBOT"),
        ("TELEGRAM_TOKEN", "123456789:AAabcdefghijklmnopqrstuvwxyzTGKEY00"),
        ("MAIL_PASSWORD", "MAILPASSWORD"),
        ("PAGERDUTY_KEY", "PDKEY6789abcdef0123456789abcdef0"),
        ("DISCORD_URL", "https://discord.com/api/webhooks/1/DISCORDKEY"),
        ("NTFY_TOKEN", "tk_NTFYKEY"),
        ("NATS_CREDS", "NATSCREDS"),
        ("SHORT", "abc"),
        ("CIRCLE_KEY", "TEST_API_KEY:id:CIRCLEKEY"),
    ])
    .file("/data/circle.key", "TEST_API_KEY:id:CIRCLEKEY")
    .file("/data/live.key", "LIVE_API_KEY:id:CIRCLELIVEKEY")
    .file("/data/half.key", "TEST_API_KEY:CIRCLEHALF")
    .file("/data/circle.entity", &"5e".repeat(32))
    .file("/data/short.entity", &"5e".repeat(31))
}

fn read(text: &str) -> Result<Config, Faults> {
    load(Path::new(PATH), Path::new("/data"), &around().file(PATH, text))
}

/// A config that is fine, in parts; its lines are counted by nobody.
const BASE: &str = r#"
[etherscan]
api_key = "env:ETHERSCAN_API_KEY"
[[chain]]
name = "ethereum"
rpc = ["wss://node.example.com"]
[[watch]]
name = "w"
address = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
[[feed]]
kind = "coinbase"
pairs = ["ETH-USD"]
[[sink]]
name = "log"
kind = "log"
[route]
info = "log"
"#;

/// A rule that pays, with what it needs.
const PAYING: &str = r#"
[[rule]]
name = "in"
when = "transfer"
watch = "w"
chains = "ethereum"
direction = "in"
asset = "USDC"
at_least = "1000"
[[payee]]
name = "p"
chain = "ethereum"
address = "0x90F79bf6EB2c4f870365E785982E1f101E93b906"
per_day = "5000"
[[payment]]
on = "in"
payee = "p"
amount = "1000"
per_payment = "1000"
per_day = "3000"
in_total = "20000"
"#;

/// The one law of these tables: the config has exactly these faults, each found by its words, in this order.
fn check(text: &str, expected: &[&str]) {
    let said = read(text).map_or_else(|faults| faults.to_string(), |_| "no fault".into());
    let faults: Vec<&str> = said.lines().filter(|line| line.contains(". hint: ")).collect();
    assert_eq!(faults.len(), expected.len(), "{text}\n{said}");
    for (fault, words) in faults.iter().zip(expected) {
        for word in words.split('…') {
            assert!(fault.contains(word), "{word:?} is not in {fault:?}\n{text}");
        }
    }
}

/// [`check`] of the config that is fine, with this behind it.
fn check_more(more: &str, expected: &[&str]) {
    check(&format!("{BASE}{more}"), expected);
}

/// [`check`] of the config with a paying rule, with this in place of that.
fn check_paying(from: &str, to: &str, expected: &[&str]) {
    assert!(PAYING.contains(from), "{from}");
    check(&format!("{BASE}{}", PAYING.replace(from, to)), expected);
}

fn fine(text: &str) -> Config {
    read(text).unwrap_or_else(|faults| panic!("{text}\n{faults}"))
}

#[test]
fn the_example_means_what_it_says() {
    let config = fine(EXAMPLE);
    let ethereum = &config.settings.chains[&ChainId(1)];
    assert_eq!(ethereum.confirmed, Confirmed::Depth(12));
    assert!(ethereum.finalized_tag && ethereum.explorer.is_some());
    assert_eq!(config.settings.chains[&ChainId(31_337)].final_after, 10);
    let operators: Vec<_> = config.endpoints.iter().map(|endpoint| endpoint.operator.as_str()).collect();
    assert_eq!(operators, ["me", "publicnode.com", "127.0.0.1:8545"]);
    assert_eq!(config.endpoints[0].url.expose(), "wss://eth.example.com/v2/RPCKEY");
    assert_eq!(config.store.path, Path::new("/data/walletwatch.db"));
    assert_eq!(config.required_chains.iter().map(|id| id.0).collect::<Vec<_>>(), [1]);
    let [usdc, low, _, ether, gas] = config.settings.rules.as_slice() else {
        panic!("{:?}", config.settings.rules);
    };
    let Condition::Transfer(transfer) = &usdc.condition else {
        panic!("{usdc:?}");
    };
    let least = transfer.at_least.as_ref().and_then(|least| least.values().next());
    assert_eq!(least, Some(&U256::from(1_000_000_000_u64)));
    let Condition::Balance(balance) = &low.condition else {
        panic!("{low:?}");
    };
    let levels: Vec<_> = balance.thresholds.values().map(|one| (one.level, one.recovers_at, one.hold)).collect();
    let expected = (U256::from(500_000_000_u64), U256::from(1_400_000_000_u64), Duration::from_mins(2));
    assert_eq!(levels, [expected]);
    // The coins of both chains, USDC and TEST, but not what only looks like USDC.
    assert_eq!((config.settings.balances.shown.len(), config.settings.balances.most), (4, 1_000));
    assert_eq!((ether.severity, ether.notify.len()), (Severity::Warning, 2));
    let Condition::Gas(gas) = &gas.condition else {
        panic!("{gas:?}");
    };
    assert_eq!((gas.threshold.side, gas.threshold.level), (Side::Above, U256::from(60_000_000_000_u64)));
    assert_eq!(gas.threshold.at_most_every, Some(Duration::from_hours(1)));
    assert_eq!(config.settings.payments.len(), 1);
    assert!(!config.settings.simulated);
}

#[test]
fn the_example_shows_every_key_there_is() {
    for section in SECTIONS {
        let (inside, word) = section.name.split_once('.').map_or((false, section.name), |(_, word)| (true, word));
        let part = if inside && section.name != "system.alert" {
            EXAMPLE
                .lines()
                .filter(|line| {
                    let line = line.trim_start_matches("# ");
                    ["[", "{"].iter().any(|opens| line.starts_with(&format!("{word} = {opens}")))
                })
                .collect::<String>()
        } else {
            let brackets = if section.name == "defaults" { "[[rule]]".into() } else { section.brackets() };
            let parts = EXAMPLE
                .split("\n\n")
                .filter(|part| part.lines().any(|line| line.trim_start_matches("# ").starts_with(&brackets)));
            parts.collect::<Vec<_>>().join("\n")
        };
        for key in section.keys {
            let shown = part
                .match_indices(&format!("{} = ", key.name))
                .any(|(at, _)| at == 0 || part[..at].ends_with(['\n', ' ', '{']) || part[..at].ends_with("# "));
            let table = format!("[[{}.{}]]", section.name, key.name);
            let shown = shown || EXAMPLE.contains(&table);
            assert!(shown, "{} has no `{}` in the example:\n{part}", section.brackets(), key.name);
        }
    }
}

#[test]
fn the_documented_config_differs_only_in_what_is_not_there_yet() {
    check(include_str!("faces.toml"), &["`wallet_id` is no UUID"]);
}

#[test]
fn a_config_that_is_fine_has_no_faults() {
    check_more("", &[]);
    check_more(PAYING, &[]);
    check("", &[]);
    assert_eq!(fine("").warnings.len(), 2, "nothing is watched, nobody hears");
}

#[test]
fn twenty_faults_are_named_in_one_run() {
    let text = r#"[http]
listn = "127.0.0.1:1"
token = "hunter2hunter2hunter2hunter2"
[stroe]
[store]
url = "postgres://u:topsecret@h/db"
keep_outbox = "ninety days"
[etherscan]
calls_per_day = -1
[[chain]]
name = "etherium"
rpc = ["ftp://x"]
[[token]]
chain = "ethereum"
symbol = "usdc"
contract = "0xa0b86991c6218b36c1d19d4a2e9eb0ce3606eb4"
[[watch]]
name = "a"
address = "0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB49"
chains = ["ethereum"]
[[watch]]
name = "a"
[[sink]]
name = "s"
kind = "webhok"
[[rule]]
name = "r"
when = "transfer"
below = "1"
notify = ["t"]
at_least = 5
"#;
    let faults = read(text).expect_err("it is full of faults");
    let lines: Vec<String> = faults.all().iter().map(ToString::to_string).collect();
    assert!(lines.len() >= 20, "{faults}");
    let has = |words: &str| assert!(lines.iter().any(|line| line.starts_with(words)), "{words}\n{faults}");
    has("/etc/w.toml:2:1: [http] has no key `listn`. hint: did you mean `listen`?");
    has("/etc/w.toml:3:9: `token`: a secret is written here in plain text");
    has("/etc/w.toml:4:2: there is no section or key `stroe` here. hint: did you mean `store`?");
    has("/etc/w.toml:6:7: PostgreSQL as the store is not there yet");
    has("/etc/w.toml:7:15: `keep_outbox` is no span of time");
    has("/etc/w.toml:9:17: `calls_per_day` is out of bounds");
    has("/etc/w.toml:10:1: [[chain]] has no `chain_id`. hint: it is not in the chain table");
    has("/etc/w.toml:15:10: the symbol usdc is built in");
    has("/etc/w.toml:19:11: `address`: the checksum is wrong");
    has("/etc/w.toml:22:8: the name `a` is taken; first at /etc/w.toml:18:8");
    has("/etc/w.toml:25:8: `kind` cannot be `webhok`. hint: did you mean `webhook`?");
    has("/etc/w.toml:29:1: a transfer rule has no key `below`");
    has("/etc/w.toml:30:11: there is no sink `t`");
    for secret in ["hunter2", "topsecret"] {
        assert!(!faults.to_string().contains(secret), "{faults}");
    }
    let mut sorted = faults.all().to_vec();
    sorted.sort();
    assert_eq!(sorted, faults.all());
}

#[test]
fn text_that_is_not_toml_is_named_with_its_place() {
    check("[http\nlisten = 1", &["/etc/w.toml:1:…this is not TOML"]);
    check("a = 1\na = 2", &["/etc/w.toml:2:1: this is not TOML: duplicate key"]);
}

#[test]
fn sections_and_kinds_that_are_not_there_yet_say_so() {
    for (more, words) in [
        ("[circle]\nkind = \"mint\"", "`kind = \"mint\"` is not there yet"),
        ("[[rule]]\nname = \"b\"\nwas = \"a\"\nwhen = \"transfer\"", "`was` is not there yet"),
    ] {
        check_more(more, &[words]);
    }
    check_more("[inbound]", &[]);
    check_more("[[rule]]\nname = \"b\"\nwhen = \"transfer\"\nhistory = false\nfrom = \"anyone\"", &[]);
}
