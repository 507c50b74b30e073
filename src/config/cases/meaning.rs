//! What a config means and what is warned of: values, words, includes.

use super::{BASE, EXAMPLE, PATH, PAYING, around, check, fine};
use crate::config::describe::describe;
use crate::config::forecast::forecasts;
use crate::config::{load, print};
use crate::reactor::settings::Condition;
use crate::types::{Asset, ChainId, U256};
use proptest::prelude::*;
use std::path::Path;

#[test]
fn a_bare_number_that_meets_different_coins_is_listed() {
    let more = "[[chain]]\nname = \"polygon\"\n[[rule]]\nname = \"r\"\nwhen = \"transfer\"\nasset = \"native\"\nat_least = \"1.5\"\n";
    let config = fine(&format!("{BASE}{more}"));
    let said = config.warnings.join("\n");
    assert!(said.contains("means 1.5 ETH on ethereum; 1.5 POL on polygon"), "{said}");
    let Condition::Transfer(transfer) = &config.settings.rules[0].condition else {
        panic!("it is a transfer rule");
    };
    let coin = U256::from(1_500_000_000_000_000_000_u64);
    let least = transfer.at_least.clone().unwrap_or_default();
    assert_eq!(least.get(&(ChainId(1), Asset::Coin)), Some(&coin));
    assert_eq!(least.get(&(ChainId(137), Asset::Coin)), Some(&coin));
    let config = fine(&format!("{BASE}{}", more.replace("1.5", "5 gwei")));
    assert!(!config.warnings.join("\n").contains("means"), "{:?}", config.warnings);
}

#[test]
fn included_files_are_read_in_order_and_faults_name_them() {
    let around = around()
        .file(PATH, &format!("include = [\"rules/*.toml\"]\n{BASE}"))
        .file("/etc/rules/b.toml", "[[rule]]\nname = \"b\"\nwhen = \"transfer\"\n")
        .file("/etc/rules/a.toml", "[[rule]]\nname = \"a\"\nwhen = \"transfer\"\n")
        .file("/etc/rules/.hidden.toml", "nonsense")
        .file("/etc/rules/deep/c.toml", "nonsense");
    let config = load(Path::new(PATH), Path::new("/data"), &around).expect("it is fine");
    let names: Vec<&str> = config.settings.rules.iter().map(|rule| rule.name.as_str()).collect();
    assert_eq!(names, ["a", "b"]);
    let around = around.file(
        "/etc/rules/a.toml",
        "include = []\n[route]\ninfo = \"log\"\n[[rule]]\nnam = \"a\"\nwhen = \"transfer\"\n",
    );
    let faults = load(Path::new(PATH), Path::new("/data"), &around).expect_err("it is not").to_string();
    assert!(faults.contains("/etc/rules/a.toml:1:1: an included file includes others"), "{faults}");
    assert!(faults.contains("/etc/rules/a.toml:3:1: `info` is set twice; first at /etc/w.toml:18:1"), "{faults}");
    assert!(faults.contains("/etc/rules/a.toml:5:1: [[rule]] has no key `nam`"), "{faults}");
}

#[test]
fn a_rule_that_is_fed_late_or_partly_is_warned_of() {
    let said = |chain: &str, words: &str| {
        let more = format!("{chain}[[rule]]\nname = \"r\"\nwhen = \"transfer\"\n");
        fine(&format!("{BASE}{more}")).warnings.iter().any(|warning| warning.contains(words))
    };
    assert!(said("[[chain]]\nname = \"linea\"\n", "rule r on linea: only an explorer"));
    assert!(said("[[chain]]\nname = \"base\"\nrpc = [\"wss://b.example.com\"]\n", "rule r on base: coin moved inside"));
    assert!(!said("", "rule r on ethereum"));
}

proptest! {
    /// Whatever is torn out of a config or put into it: no panic, each fault has its place and hint, and no secret is said.
    #[test]
    fn a_damaged_config_is_refused_in_words_without_secrets(from in 0_usize..9_000, length in 0_usize..60, put in "[ -~\n]{0,12}") {
        let chars: Vec<char> = EXAMPLE.chars().collect();
        let (from, to) = (from.min(chars.len()), (from + length).min(chars.len()));
        let text: String = chars[..from].iter().copied().chain(put.chars()).chain(chars[to..].iter().copied()).collect();
        if let Err(faults) = load(Path::new(PATH), Path::new("/data"), &around().file(PATH, &text)) {
            prop_assert!(!faults.all().is_empty());
            for fault in faults.all() {
                prop_assert!(!fault.what.is_empty() && !fault.hint.is_empty() && fault.place.line > 0, "{fault}");
            }
            for key in ["RPCKEY", "ETHERSCANKEY", "SLACKKEY", "TGKEY", "MAILPASSWORD", "0123456789abcdef", "MDEyMzQ1"] {
                prop_assert!(!faults.to_string().contains(key), "{faults}");
            }
        }
    }
}

#[test]
fn keys_sent_in_the_clear_are_warned_of() {
    let said = |url: &str| {
        let text = BASE.replace("wss://node.example.com", url);
        fine(&text).warnings.iter().any(|warning| warning.contains("in the clear"))
    };
    assert!(said("ws://node.example.com/v2/KEY"));
    assert!(said("http://node.example.com/?network=main"));
    assert!(!said("ws://127.0.0.1:8545/v2/KEY"));
    assert!(!said("ws://geth:8546"));
    assert!(!said("wss://node.example.com/v2/KEY"));
    let etherscan = BASE.replace("[etherscan]", "[etherscan]\nurl = \"http://scan.example.com/api\"");
    assert!(fine(&etherscan).warnings.iter().any(|warning| warning.contains("the Etherscan key goes to")));
}

#[test]
fn a_key_in_a_url_belongs_elsewhere() {
    let endpoint = |url: &str| BASE.replace("wss://node.example.com", url);
    check(&endpoint("wss://me:PASS@node.example.com"), &["`rpc` holds a password…move the whole url"]);
    check(&endpoint("https://node.example.com/?apikey=KEY"), &["`rpc` holds a key (`apikey`)"]);
    let alike = fine(&endpoint("wss://node.example.com/v2/a1b2c3d4e5f6a7b8c9d0e1f2"));
    assert!(alike.warnings.iter().any(|warning| warning.contains("looks like a key")), "{:?}", alike.warnings);
}

#[test]
fn more_watches_than_the_budget_serves_are_refused_where_an_age_was_promised() {
    let alone = BASE.replace("rpc = [\"wss://node.example.com\"]", "");
    let text = |calls: u32, age: &str| {
        alone.replace("[etherscan]", &format!("[etherscan]\ncalls_per_day = {calls}\nmax_view_age = \"{age}\""))
    };
    check(&text(409, "15m"), &[]);
    let numbers =
        "a view can get 15m2s old: 3 lists (3 of them lead), a call every 216087 ms by 408 calls a day and 3 a second";
    check(&text(408, "15m"), &[numbers]);
    check(
        &text(408, "15m"),
        &["watch less (about 2 lists fit), have a plan with `calls_per_day = 409`, or allow `max_view_age = \"16m\"`"],
    );
    let [forecast] = forecasts(&fine(&text(409, "15m"))).try_into().expect("there is one explorer");
    assert_eq!((forecast.lists(), forecast.demand.lead, forecast.demand.heads), (3, 3, 1));
    // What the chain's own blocks report first is a second opinion, and no promise.
    let beside = BASE.replace("[etherscan]", "[etherscan]\ncalls_per_day = 300\nmax_view_age = \"15m\"");
    let [forecast] = forecasts(&fine(&beside)).try_into().expect("there is one explorer");
    assert_eq!((forecast.demand.lead, forecast.demand.second, forecast.demand.heads), (1, 2, 0));
}

#[test]
fn a_list_that_no_rule_needs_is_not_asked_for_and_check_says_so() {
    let alone = BASE.replace("rpc = [\"wss://node.example.com\"]", "");
    let words = describe(&fine(&alone));
    assert!(words.contains("etherscan: 3 calls a round, "), "{words}");
    assert!(!words.contains("which no rule needs"), "{words}");
    let rule = PAYING.split("[[payee]]").next().unwrap_or_default();
    let tokens = format!("{alone}{rule}");
    let words = describe(&fine(&tokens));
    for part in [
        "etherscan: 1 call a round, 6096 calls a day of 100000, at most 3 a second",
        "ethereum: tokentx 1; each is read every 15s while nothing moves, and is never older than 20s",
        "balances: 2 every 1h, and when something moved",
        "one call in 4 at most",
        "w: txlist, txlistinternal, which no rule needs",
    ] {
        assert!(words.contains(part), "{part}\n{words}");
    }
    let record = tokens.replace("[[feed]]", "from_block = 5\n[[feed]]");
    assert!(!describe(&fine(&record)).contains("which no rule needs"));
}

#[test]
fn a_round_that_takes_longer_than_a_day_is_said() {
    let alone = BASE.replace("rpc = [\"wss://node.example.com\"]", "");
    let text = alone.replace("[etherscan]", "[etherscan]\ncalls_per_day = 4");
    let config = fine(&text);
    assert!(
        config.warnings.iter().any(|warning| warning.contains("a round of etherscan takes 1d1h")),
        "{:?}",
        config.warnings
    );
}

#[test]
fn check_says_who_can_make_it_pay_and_never_a_key() {
    let words = describe(&fine(EXAMPLE));
    for part in [
        "confirmed by 12 confirmations, final by the finalized tag",
        "rpc main (me, socket): reads blocks",
        "explorer etherscan: lists of every watched address; a free key reads it",
        "etherscan: 6 calls a round, 9360 calls a day of 100000, at most 3 a second",
        "ethereum: txlistinternal 1; each is read every 15s while nothing moves, and is never older than 20s",
        "and, as a second opinion on its own blocks, every 2m: txlist 1, tokentx 2, approvals 1, approvals_for_all 1",
        "REHEARSAL: `usdc in` pays 1000 USDC to cold",
        "anyone can make it pay, by sending 1000 USDC on ethereum to treasury",
        "at most 3000 USDC a day",
        "base fee of ethereum above 60 gwei for 2m, recovered at 50 gwei",
    ] {
        assert!(words.contains(part), "{part}\n{words}");
    }
    let printed = print::print(Path::new(PATH), &around().file(PATH, EXAMPLE)).expect("it is TOML");
    assert!(printed.contains("listen = \"127.0.0.1:8640\"  # /etc/w.toml:11"), "{printed}");
    assert!(printed.contains("# final_after = 72  # chain table"), "{printed}");
    assert!(printed.contains("# types = all  # default"), "{printed}");
    let literal = EXAMPLE.replace("\"env:ETH_RPC\"", "\"wss://eth.example.com/v2/RPCKEY\"");
    let printed = printed + &print::print(Path::new(PATH), &around().file(PATH, &literal)).expect("it is TOML");
    for key in ["RPCKEY", "ETHERSCANKEY", "SLACKKEY", "TGKEY", "MAILPASSWORD", "0123456789abcdef", "whsec_"] {
        assert!(!words.contains(key) && !printed.contains(key), "{key} was printed");
        assert!(!format!("{:?}", fine(EXAMPLE)).contains(key), "{key} is in Debug");
    }
}
