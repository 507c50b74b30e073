//! What `live = true` needs: each case changes one thing in a config whose payment may be live.

use super::{BASE, EXAMPLE, PATH, PAYING, check, fine};
use crate::config::load_to_ask;
use crate::config::surroundings::Scripted;
use crate::reactor::settings::{Condition, PaymentAmount};
use crate::types::{Address, U256};
use std::collections::BTreeSet;
use std::path::Path;

const CIRCLE: &str = r#"
[circle]
environment = "test"
api_key = "file:circle.key"
entity_secret = "file:circle.entity"
wallet_id = "ce714f5b-0d8e-4062-9454-61aa1154869b"
per_day = "10000"
in_total = "100000"
[http]
tokens = [{ name = "ann", role = "approve", secret = "env:WALLETWATCH_TOKEN" }, { name = "bob", role = "approve", secret = "env:PROMETHEUS_TOKEN" }]
"#;

/// A top-up.
const FILLING: &str = r#"
[[rule]]
name = "low"
when = "balance"
watch = "w"
chains = "ethereum"
asset = "USDC"
below = "500"
recovers_at = "1400"
for = "2m"
[[payee]]
name = "p"
chain = "ethereum"
address = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
per_day = "5000"
[[payment]]
on = "low"
payee = "p"
fill_to = "1500"
per_payment = "1500"
per_day = "3000"
in_total = "20000"
"#;

fn transfers() -> String {
    let paying = PAYING
        .replace("at_least =", "from = \"anyone\"\nat_least =")
        .replace("[[payment]]", "[[payment]]\nlive = true");
    format!("{BASE}{paying}{CIRCLE}")
}

fn filling() -> String {
    format!("{BASE}{FILLING}live = true\n{CIRCLE}")
}

fn changed(text: &str, from: &str, to: &str, expected: &[&str]) {
    assert!(text.contains(from), "{from}");
    check(&text.replace(from, to), expected);
}

#[test]
fn a_live_transfer_rule_says_whose_money_makes_it_pay() {
    let text = transfers();
    let config = fine(&text);
    assert!(config.settings.payments[0].live);
    let warned = |words: &str| config.warnings.iter().any(|warning| warning.contains(words));
    assert!(
        warned("one operator alone reads ethereum")
            || config.settings.payments[0].approval == crate::reactor::settings::Approval::Manual
    );
    changed(&text, "from = \"anyone\"\n", "", &["it does not say whose transfers make it pay"]);
    changed(&text, "at_least = \"1000\"", "at_least = \"999.999999\"", &["makes it pay more than came in…may_exceed"]);
    let named = text.replace("\"anyone\"", "\"0x15d34AAf54267DB7D7c367839AAf71A00a2C6A65\"");
    changed(&named, "at_least = \"1000\"", "at_least = \"1\"", &[]);
    let exceeding = text.replace("live = true", "live = true\nmay_exceed = true");
    changed(&exceeding, "at_least = \"1000\"", "at_least = \"1\"", &[]);
    changed(&text, "asset = \"USDC\"", "asset = \"native\"", &["not bounded by the coin that comes in"]);
    let shallow = text.replace("live = true", "live = true\nstage = \"confirmed\"");
    check(&shallow, &[]);
    let shallow = shallow.replace("name = \"ethereum\"\n", "name = \"ethereum\"\nconfirmations = 2\n");
    check(&shallow, &["is 2 confirmations here, fewer than"]);
    check(&shallow.replace("environment", "relaxed = true\nenvironment"), &[]);
    // What a relaxed trial may do.
    let relaxed = text.replace("environment", "relaxed = true\nenvironment");
    changed(&relaxed, "from = \"anyone\"\n", "", &[]);
    changed(&relaxed, "at_least = \"1000\"", "at_least = \"1\"", &[]);
}

#[test]
fn senders_are_addresses_or_names() {
    let text = transfers();
    for (from, expected) in [
        ("\"0x15d34AAf54267DB7D7c367839AAf71A00a2C6A65\"", &[][..]),
        ("\"w\"", &["`from` names the watch `w`…it would be a loop"]),
        ("\"p\"", &["`from` names the payee `p`…it would be a loop"]),
        ("[\"p\", \"w\"]", &["`from` names the…it would be a loop"]),
        ("[\"w\", \"p\", \"0x15d34AAf54267DB7D7c367839AAf71A00a2C6A65\"]", &[]),
        ("[]", &["`from` is empty"]),
        ("[\"anyone\", \"w\"]", &["\"anyone\" stands beside senders"]),
        ("\"x\"", &["there is no watch and no payee of this name"]),
        ("\"0x15d34AAf54267DB7D7c367839AAf71A00a2C6A66\"", &["`from`: the checksum is wrong"]),
    ] {
        changed(&text, "\"anyone\"", from, expected);
    }
    let from = ["0x90F79bf6EB2c4f870365E785982E1f101E93b906", "0x15d34AAf54267DB7D7c367839AAf71A00a2C6A65"];
    let config = fine(&text.replace("\"anyone\"", &format!("[\"p\", \"{}\"]", from[1])));
    let Condition::Transfer(condition) = &config.settings.rules[0].condition else { panic!("it is one") };
    let senders: BTreeSet<Address> = from.iter().map(|text| text.parse().expect("it is one")).collect();
    assert_eq!(condition.from, Some(senders));
    let loops = |warning: &String| warning.contains("`from` names the payee `p`");
    assert!(config.warnings.iter().any(loops), "{:?}", config.warnings);
}

#[test]
fn what_is_live_has_a_wallet_that_can_pay_there_and_people_who_can_say_yes() {
    let text = transfers();
    changed(&text, CIRCLE, "", &["no [circle] says which wallet pays"]);
    changed(&text, "\"approve\"", "\"operate\"", &["nobody could accept this config"]);
    let relaxed = text.replace("environment", "relaxed = true\nenvironment");
    changed(&relaxed, "\"approve\"", "\"operate\"", &[]);
    let elsewhere = text.replace("\"ethereum\"", "\"linea\"");
    check(&elsewhere, &["Circle's Wallets do not go to linea"]);
    let faucet = text.replace("\"ethereum\"", "\"sepolia\"");
    check(&faucet, &["sepolia is a test network, where coins are free"]);
    check(&faucet.replace("environment", "relaxed = true\nenvironment"), &[]);
    let live = faucet.replace("\"test\"", "\"live\"").replace("circle.key", "live.key");
    check(&live, &["sepolia is a test network, and the key is live"]);
    changed(&text, "per_day = \"10000\"", "per_day = \"10000\"\nnotify = []", &["nobody hears of payments"]);
    let one = text.replace("per_day = \"10000\"", "per_day = \"10000\"\ntwo_approvals_over = \"500\"");
    let one = fine(&one.replace("name = \"bob\", role = \"approve\"", "name = \"bob\", role = \"read\""));
    assert!(one.warnings.iter().any(|warning| warning.contains("fewer than two tokens")), "{:?}", one.warnings);
}

#[test]
fn a_live_price_has_two_sources() {
    let price = "when = \"price\"\npair = \"ETH-USD\"\nbelow = \"2500\"\nrecovers_at = \"2600\"\nfor = \"1m\"\n";
    let text = transfers();
    let condition = &text[text.find("when = \"transfer\"").unwrap_or(0)..text.find("[[payee]]").unwrap_or(0)];
    changed(&text, condition, price, &["one feed alone reports ETH-USD"]);
    let two = format!("{price}[[feed]]\nkind = \"kraken\"\npairs = [\"ETH-USD\"]\n");
    changed(&text, condition, &two, &[]);
}

#[test]
fn a_top_up_fills_the_balance_that_it_looks_at() {
    let text = filling();
    let config = fine(&text);
    assert_eq!(config.settings.payments[0].amount, PaymentAmount::FillTo(U256::from(1_500_000_000_u64)));
    for (from, to, expected) in [
        ("fill_to = \"1500\"", "fill_to = \"1399.999999\"", &["below `recovers_at`"][..]),
        ("fill_to = \"1500\"", "fill_to = \"1400\"", &[]),
        ("fill_to = \"1500\"", "amount = \"899.999999\"", &["does not reach `recovers_at`"]),
        ("fill_to = \"1500\"", "amount = \"900\"", &[]),
        ("fill_to = \"1500\"", "match = true", &["`match` needs a transfer to match"]),
        ("for = \"2m\"\n", "", &["it has no `for`"]),
        ("recovers_at = \"1400\"\n", "", &["`recovers_at` is the threshold itself"]),
        (
            "below = \"500\"\nrecovers_at = \"1400\"",
            "above = \"500\"\nrecovers_at = \"400\"",
            &["when a balance is high"],
        ),
        ("watch = \"w\"\n", "", &["does not name one watch of one address"]),
        ("asset = \"USDC\"", "asset = [\"USDC\", \"native\"]", &["about more than one balance"]),
        ("asset = \"USDC\"", "asset = \"native\"", &["`fill_to` fills a balance of USDC"]),
        (
            "0x70997970C51812dc3A010C7d01b50e0d17dc79C8\"\nper_day",
            "0x90F79bf6EB2c4f870365E785982E1f101E93b906\"\nper_day",
            &["`fill_to` fills a balance of USDC at its own", "its payee is not the address whose balance runs low"],
        ),
    ] {
        changed(&text, from, to, expected);
    }
    let elsewhere = text
        .replace(
            "[[payee]]\nname = \"p\"\nchain = \"ethereum\"\naddress = \"0x70997970C51812dc3A010C7d01b50e0d17dc79C8\"",
            "[[payee]]\nname = \"p\"\nchain = \"ethereum\"\naddress = \"0x90F79bf6EB2c4f870365E785982E1f101E93b906\"",
        )
        .replace("fill_to = \"1500\"", "amount = \"1500\"\npayee_elsewhere = true");
    check(&elsewhere, &[]);
    assert!(fine(&format!("{BASE}{FILLING}")).settings.live.is_none(), "a rehearsal needs no [circle]");
}

#[test]
fn a_payees_address_is_one_that_can_be_paid_and_compared() {
    let text = transfers();
    let address = "0x90F79bf6EB2c4f870365E785982E1f101E93b906";
    for contract in ["0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48", "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913"] {
        changed(&text, address, contract, &["is the contract of USDC on"]);
    }
    let warned = |text: &str, words: &str| {
        let warnings = fine(text).warnings;
        warnings.iter().filter(|warning| warning.contains(words)).count()
    };
    let words = format!("would not be seen: compare it with its source, and write {address}");
    assert_eq!((warned(&text, &words), warned(&text.replace(address, &address.to_lowercase()), &words)), (0, 1));
    let second = |address: &str| {
        format!("{text}\n[[payee]]\nname = \"q\"\nchain = \"ethereum\"\naddress = \"{address}\"\nper_day = \"9\"\n")
    };
    let words = "the payees `p` and `q` have one address: what goes to either counts in the per_day of both";
    let other = "0x15d34AAf54267DB7D7c367839AAf71A00a2C6A65";
    assert_eq!((warned(&second(address), words), warned(&second(other), words)), (1, 0));
}

/// Whoever decides about money holds a token of their own, and none of the keys that the monitor runs with.
#[test]
fn who_only_asks_needs_no_secret_and_means_the_same() {
    for text in [EXAMPLE.to_owned(), transfers(), filling()] {
        let whole = fine(&text);
        let around = Scripted::with(&[("PROMETHEUS_TOKEN", "fedcba9876543210fedcba9876543210")]).file(PATH, &text);
        let asking = load_to_ask(Path::new(PATH), Path::new("/data"), &around)
            .unwrap_or_else(|faults| panic!("{text}\n{faults}"));
        assert_eq!(asking.settings, whole.settings, "the store is opened under the same settings");
        assert_eq!((&asking.store, asking.http.listen), (&whole.store, whole.http.listen));
        for (token, known) in asking.http.tokens.iter().zip(&whole.http.tokens) {
            assert_eq!((&token.name, token.role), (&known.name, known.role));
            let had = known.secret.expose() == "fedcba9876543210fedcba9876543210";
            let why = asking.http.unread.get(&token.name);
            assert_eq!((token.secret.is_unread(), why.is_none()), (!had, had), "{}", token.name);
        }
        assert!(asking.circle.is_none_or(|circle| circle.api_key.is_unread() && circle.entity_secret.is_unread()));
    }
    let literal = transfers().replace("\"env:WALLETWATCH_TOKEN\"", "\"0123456789abcdef0123456789abcdef\"");
    let around = Scripted::with(&[]).file(PATH, &literal);
    let refused = load_to_ask(Path::new(PATH), Path::new("/data"), &around).map(drop).expect_err("it is no reference");
    assert!(refused.to_string().contains("a secret is written here in plain text"), "{refused}");
}
