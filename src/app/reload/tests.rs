//! What a reload says of another config, and what of it is held back.

use super::differences::{differences, fixed};
use super::hold::hold;
use crate::config::checked::Config;
use crate::config::surroundings::Scripted;
use crate::reactor::settings::Condition;
use std::path::Path;

const CONFIG: &str = r#"
[http]
token = "env:TOKEN"
[[chain]]
name = "ethereum"
rpc = [{ name = "main", url = "wss://main.example.com" }]
[[chain]]
name = "base"
rpc = [{ name = "main", url = "wss://base.example.com" }]
[[watch]]
name = "till"
address = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
chains = ["ethereum"]
[[watch]]
name = "other"
address = "0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC"
[[sink]]
name = "ops"
kind = "webhook"
url = "https://ops.example.com/hook"
secret = "env:HOOK"
[[sink]]
name = "log"
kind = "log"
[[rule]]
name = "in"
when = "transfer"
watch = "till"
chains = "ethereum"
direction = "in"
asset = "USDC"
at_least = "1000"
notify = "ops"
[[rule]]
name = "all"
when = "transfer"
notify = "log"
[[payee]]
name = "hot"
chain = "ethereum"
address = "0x90F79bf6EB2c4f870365E785982E1f101E93b906"
per_day = "5000"
[[payment]]
on = "in"
payee = "hot"
amount = "1000"
per_payment = "1000"
per_day = "3000"
in_total = "20000"
approval = "none"
"#;

fn read(text: &str) -> Config {
    let around = Scripted::with(&[
        ("TOKEN", "0123456789abcdef0123456789abcdef"),
        ("HOOK", "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="),
    ]);
    crate::config::load(Path::new("/w.toml"), Path::new("/data"), &around.file("/w.toml", text))
        .unwrap_or_else(|faults| panic!("{faults}"))
}

/// The config with some of its text replaced.
fn but(changes: &[(&str, &str)]) -> Config {
    let mut text = CONFIG.to_owned();
    for (from, to) in changes {
        assert!(text.contains(from), "{from} is not in the config");
        text = text.replacen(from, to, 1);
    }
    read(&text)
}

/// Everything that pays, as text in a file.
fn paying() -> (String, String) {
    let (before, rest) = CONFIG.split_once("[[payee]]").expect("there is one");
    (before.to_owned(), format!("[[payee]]{rest}"))
}

#[test]
fn what_changed_is_named_and_nothing_else() {
    let check = |changes: &[(&str, &str)], expected: &[&str]| {
        assert_eq!(differences(&read(CONFIG), &but(changes)), expected, "{changes:?}");
    };
    check(&[], &[]);
    check(&[("notify = \"log\"", "notify = \"log\"\nseverity = \"warning\"")], &["rules: changed all"]);
    check(
        &[("name = \"all\"", "name = \"every\""), ("name = \"other\"", "name = \"others\"")],
        &["rules: added every; removed all", "watches: added others; removed other"],
    );
    check(&[("ops.example.com", "new.example.com")], &["sinks: changed ops"]);
    check(
        &[("name = \"log\"\nkind = \"log\"", "name = \"log\"\nkind = \"log\"\ntypes = [\"transfer.*\"]")],
        &["sinks: changed log"],
    );
    check(&[("base.example.com", "new.example.com")], &["endpoints: changed base/main"]);
    check(
        &[(
            "{ name = \"main\", url = \"wss://base.example.com\" }",
            "{ name = \"main\", url = \"wss://base.example.com\" }, { name = \"two\", url = \"wss://two.example.com\" }",
        )],
        &["chains: changed base", "endpoints: added base/two"],
    );
    check(
        &[("[http]", "[[feed]]\nkind = \"coinbase\"\npairs = [\"ETH-USD\"]\n[http]")],
        &["feeds: added coinbase", "what is made of prices changed"],
    );
    check(
        &[("[http]", "[system]\nheartbeat = { to = \"ops\", every = \"1h\" }\n[http]")],
        &["built-in alerts changed"],
    );
    check(&[("[http]", "[store]\nkeep_outbox = \"10d\"\n[http]")], &["how long things are kept changed"]);
    let rule = |nth| format!("[[rule]]\nname = \"r{nth:02}\"\nwhen = \"transfer\"\nnotify = \"log\"\n");
    let many = (0..30).map(rule).collect::<Vec<_>>().concat();
    let line = differences(&read(CONFIG), &read(&format!("{CONFIG}{many}")));
    assert!(line[0].starts_with("rules: added r00, r01") && line[0].ends_with("r19 and 10 more"), "{line:?}");
    let other = but(&[
        ("[http]", "[http]\nlisten = \"127.0.0.1:9999\""),
        ("[[chain]]", "[store]\nurl = \"sqlite:other.db\"\n[[chain]]"),
    ]);
    let said = fixed(&read(CONFIG), &other);
    assert_eq!(said.len(), 2, "{said:?}");
}

#[test]
fn what_concerns_money_is_held_back_and_said_and_the_rest_is_applied() {
    let check = |changes: &[(&str, &str)], words: &[&str], left: &[&str]| {
        let (old, mut new) = (read(CONFIG), but(changes));
        let said = hold(&old, &mut new);
        assert_eq!(said.len(), words.len(), "{changes:?}: {said:?}");
        for (said, word) in said.iter().zip(words) {
            assert!(said.contains(word), "{said} has no {word}");
        }
        assert_eq!(new.settings.payees, old.settings.payees, "{changes:?}");
        assert_eq!(new.settings.payments, old.settings.payments, "{changes:?}");
        let pays = |config: &Config| config.settings.rules.iter().find(|rule| rule.name.as_str() == "in").cloned();
        assert_eq!(pays(&new).map(|rule| rule.condition), pays(&old).map(|rule| rule.condition), "{changes:?}");
        let till = |config: &Config| {
            let till = config.settings.watches.iter().find(|watch| watch.name.as_str() == "till").cloned();
            till.map(|watch| (watch.addresses, watch.chains))
        };
        assert_eq!(till(&new), till(&old), "{changes:?}");
        assert_eq!(differences(&old, &new), left, "{changes:?}");
        assert_eq!(hold(&old, &mut new.clone()), Vec::<String>::new(), "what is held needs no holding: {changes:?}");
    };
    check(&[], &[], &[]);
    check(&[("notify = \"log\"", "notify = \"ops\"")], &[], &["rules: changed all"]);
    check(&[("per_day = \"5000\"", "per_day = \"9000\"")], &["payee \"hot\" is changed"], &[]);
    check(
        &[("0x90F79bf6EB2c4f870365E785982E1f101E93b906", "0x15d34AAf54267DB7D7c367839AAf71A00a2C6A65")],
        &["payee \"hot\" is changed"],
        &[],
    );
    check(&[("amount = \"1000\"", "amount = \"900\"")], &["payment on \"in\" is changed"], &[]);
    check(&[("at_least = \"1000\"", "at_least = \"1\"")], &["condition of the rule \"in\" stays"], &[]);
    // Whom it tells, and how loud, is the file's.
    check(
        &[("at_least = \"1000\"\nnotify = \"ops\"", "at_least = \"2000\"\nnotify = \"log\"")],
        &["condition of the rule \"in\""],
        &["rules: changed in"],
    );
    check(
        &[("0x70997970C51812dc3A010C7d01b50e0d17dc79C8", "0x15d34AAf54267DB7D7c367839AAf71A00a2C6A65")],
        &["watch \"till\" stays"],
        &[],
    );
    check(
        &[
            ("0x70997970C51812dc3A010C7d01b50e0d17dc79C8", "0x15d34AAf54267DB7D7c367839AAf71A00a2C6A65"),
            ("0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC", "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"),
        ],
        &["\"other\" does not get an address of the watch \"till\"", "watch \"till\" stays"],
        &["watches: changed other"],
    );
    check(
        &[("name = \"ethereum\"\nrpc", "name = \"ethereum\"\nconfirmations = 1\nrpc")],
        &["chain \"ethereum\": its depths"],
        &[],
    );
    let payee = "[[payee]]\nname = \"new\"\nchain = \"ethereum\"\naddress = \"0x15d34AAf54267DB7D7c367839AAf71A00a2C6A65\"\nper_day = \"1\"\n[[payee]]";
    check(&[("[[payee]]", payee)], &["payee \"new\" is new"], &[]);
}

#[test]
fn a_paying_rule_that_left_the_file_goes_on_with_all_it_needs() {
    let old = read(CONFIG);
    let (rest, _) = paying();
    // Everything of ethereum leaves the file: the rule, its watch and its sink with it.
    let text = rest
        .replace("[[chain]]\nname = \"ethereum\"\nrpc = [{ name = \"main\", url = \"wss://main.example.com\" }]\n", "")
        .replace("[[watch]]\nname = \"till\"\naddress = \"0x70997970C51812dc3A010C7d01b50e0d17dc79C8\"\nchains = [\"ethereum\"]\n", "");
    let rule = text.split("[[rule]]").nth(1).expect("there is a rule").to_owned();
    let sink = text.split("[[sink]]").nth(1).expect("there is a sink").to_owned();
    let text = text.replace(&format!("[[rule]]{rule}"), "").replace(&format!("[[sink]]{sink}"), "");
    let mut new = read(&text);
    assert_eq!(new.settings.rules.len(), 1);
    let said = hold(&old, &mut new);
    assert_eq!(said.len(), 5, "{said:?}");
    let rule = new.settings.rules.iter().find(|rule| rule.name.as_str() == "in").expect("it stays");
    assert!(matches!(rule.condition, Condition::Transfer(_)));
    assert_eq!(rule.notify, [crate::types::Name::from("log")], "who is still there hears it");
    assert_eq!(new.settings.chains.keys().collect::<Vec<_>>(), old.settings.chains.keys().collect::<Vec<_>>());
    assert_eq!(new.endpoints.len(), 2);
    assert_eq!(new.settings.payments, old.settings.payments);
    assert_eq!(hold(&old, &mut new.clone()), Vec::<String>::new());
}
