//! `[circle]` and `[inbound]`: which keys meet which hosts, and what older tutorials show.

use super::{check_more, fine, read};
use crate::types::U256;
use crate::wire::circle::KeyKind;

const CIRCLE: &str = r#"
[circle]
kind = "wallets"
environment = "test"
api_key = "file:circle.key"
entity_secret = "file:circle.entity"
wallet_id = "CE714F5B-0d8e-4062-9454-61aa1154869b"
per_day = "10000"
in_total = "100000"
"#;

/// The config that is fine, with this in place of that in `[circle]`.
fn check_circle(from: &str, to: &str, expected: &[&str]) {
    assert!(CIRCLE.contains(from), "{from}");
    check_more(&CIRCLE.replace(from, to), expected);
}

#[test]
fn a_whole_circle_means_what_it_says() {
    let text = format!(
        "{}{CIRCLE}two_approvals_over = \"5000.5\"\nentity_key_sha256 = \"{}\"\nnotify = \"log\"\n[inbound]\nlisten = \"127.0.0.1:8641\"",
        super::BASE,
        "0f".repeat(32)
    );
    let config = fine(&text);
    let said = crate::config::describe::describe(&config);
    for words in [
        "wallet ce714f5b-0d8e-4062-9454-61aa1154869b at Circle's own host, on test networks",
        "at most 10000 USDC a day and 100000 USDC altogether",
        "a payment above 5000.5 USDC takes two approvers",
        "two approvers may pass a rule's per_payment and per_day for one payment",
        "key is pinned by this config",
        "a file /etc/FREEZE stops every payment",
        "received on 127.0.0.1:8641 at /hooks/circle",
    ] {
        assert!(said.contains(words), "{words} is not in\n{said}");
    }
    let circle = config.circle.expect("it stands there");
    assert_eq!((circle.environment, circle.url, circle.relaxed), (KeyKind::Test, None, false));
    assert_eq!(
        circle.wallet.as_str(),
        "ce714f5b-0d8e-4062-9454-61aa1154869b",
        "in small letters, whatever was written"
    );
    assert_eq!((circle.per_day, circle.in_total), (U256::from(10_000_000_000_u64), U256::from(100_000_000_000_u64)));
    assert_eq!(circle.two_approvals_over, Some(U256::from(5_000_500_000_u64)));
    assert_eq!((circle.entity_key, circle.notify), (Some([0x0f; 32]), Some(vec!["log".into()])));
    assert_eq!(circle.freeze_file, std::path::Path::new("/etc/FREEZE"), "beside the config");
    assert_eq!(config.inbound.map(|inbound| inbound.listen.port()), Some(8_641));
}

#[test]
fn keys_hosts_and_environments_fit_each_other_or_nothing_runs() {
    check_circle("file:circle.key", "file:live.key", &["`api_key` is a live key, and `environment` says otherwise"]);
    check_circle("\"test\"", "\"live\"", &["`api_key` is a test key, and `environment` says otherwise"]);
    check_circle("\"test\"", "\"production\"", &["`environment` cannot be `production`"]);
    check_circle("environment = \"test\"", "", &["[circle] has no `environment`"]);
    check_circle("file:circle.key", "file:half.key", &["the api key cannot be used"]);
    check_circle("file:circle.key", "env:CIRCLE_KEY", &["`api_key` of [circle] comes from the environment"]);
    check_circle("\"file:circle.key\"", "\"TEST_API_KEY:id:CIRCLEKEY\"", &["a secret is written here in plain text"]);
    check_circle("file:circle.entity", "file:short.entity", &["the entity secret is not 64 hexadecimal digits"]);
    check_circle("kind = \"wallets\"", "url = \"http://127.0.0.1:8642\"", &[]);
    let live = "kind = \"wallets\"\nurl = \"http://127.0.0.1:8642\"";
    let text =
        CIRCLE.replace("kind = \"wallets\"", live).replace("circle.key", "live.key").replace("\"test\"", "\"live\"");
    check_more(&text, &["a live key goes to Circle's own host only"]);
    for url in ["https://evil.example", "http://10.0.0.1:80", "https://api.circle.com", "http://localhost:8642"] {
        check_circle("kind = \"wallets\"", &format!("url = \"{url}\""), &["may only be left out, or be http"]);
    }
    check_more(&format!("{CIRCLE}relaxed = true"), &[]);
    let relaxed = CIRCLE.replace("circle.key", "live.key").replace("\"test\"", "\"live\"");
    check_more(&format!("{relaxed}relaxed = true"), &["`relaxed` lifts safeguards, and this is live money"]);
    check_more(&format!("{}relaxed = true", CIRCLE.replace("file:circle.key", "env:CIRCLE_KEY")), &[]);
}

#[test]
fn who_follows_an_old_tutorial_is_told_what_replaced_it() {
    let gone = "/v1/transfers is gone…developer-controlled wallets";
    for kind in ["transfers", "accounts", "payments", "core"] {
        check_circle("\"wallets\"", &format!("\"{kind}\""), &[gone]);
    }
    for url in
        ["https://api-sandbox.circle.com", "https://api.circle.com/v1/transfers", "http://127.0.0.1:9000/v1/transfers"]
    {
        check_circle("kind = \"wallets\"", &format!("url = \"{url}\""), &[gone]);
    }
    check_circle("\"wallets\"", "\"mint\"", &["Circle Mint is not spoken to yet"]);
}

#[test]
fn limits_and_the_wallet_have_no_defaults() {
    check_circle("per_day = \"10000\"", "", &["[circle] has no `per_day`"]);
    check_circle("in_total = \"100000\"", "", &["[circle] has no `in_total`"]);
    let most = U256::MAX.to_string();
    for (amount, words) in [
        ("0", "is zero"),
        ("1e3", "digits"),
        ("1.0000001", "6 decimals"),
        ("-1", "digits"),
        ("1USDC", "digits"),
        ("NaN", "digits"),
        ("5 ETH", "`per_day`"),
        (&most, "256 bits"),
    ] {
        check_circle("\"10000\"", &format!("\"{amount}\""), &[words]);
    }
    check_circle("\"10000\"", "\"10000 USDC\"", &[]);
    let per_day = |amount: &str| {
        let text = format!("{}{CIRCLE}", super::BASE).replace("\"10000\"", &format!("\"{amount}\""));
        fine(&text).circle.map(|circle| circle.per_day)
    };
    for (amount, raw) in
        [("0.000001", U256::from(1)), ("1.100000", U256::from(1_100_000)), ("1.0000000", U256::from(1_000_000))]
    {
        assert_eq!(per_day(amount), Some(raw), "{amount}");
    }
    let (whole, micro) = most.split_at(most.len() - 6);
    assert_eq!(per_day(&format!("{whole}.{micro}")), Some(U256::MAX), "to the last unit");
    check_circle(
        "CE714F5B-0d8e-4062-9454-61aa1154869b",
        "0x70997970C51812dc3A010C7d01b50e0d17dc79C8",
        &["`wallet_id` is no UUID"],
    );
    check_more(&format!("{CIRCLE}entity_key_sha256 = \"0f\""), &["`entity_key_sha256` is not 64"]);
    check_more(&format!("{CIRCLE}notify = \"nobody\""), &["there is no sink `nobody`"]);
}

#[test]
fn hooks_have_a_listener_of_their_own() {
    check_more("[inbound]\nlisten = \"here\"", &["`listen` of [inbound] is no address and port"]);
    check_more("[inbound]\nlisten = \"127.0.0.1:8640\"", &["[inbound] listens where the page does"]);
    check_more("[inbound]", &[]);
    let warned = |more: &str, words: &str| {
        let config = fine(&format!("{}{more}", super::BASE));
        assert!(config.warnings.iter().any(|warning| warning.contains(words)), "{:?}", config.warnings);
    };
    warned("[inbound]\nlisten = \"127.0.0.1:8641\"", "[inbound] receives nothing");
    warned(&format!("{CIRCLE}[inbound]\nlisten = \"0.0.0.0:8641\""), "something in front has to speak TLS");
}

#[test]
fn no_fault_of_circle_shows_a_secret() {
    for (from, to) in [("circle.key", "half.key"), ("circle.key", "live.key"), ("circle.entity", "short.entity")] {
        let text = format!("{}{}", super::BASE, CIRCLE.replace(from, to));
        let said = read(&text).expect_err("it is wrong").to_string();
        assert!(
            !["CIRCLEKEY", "CIRCLEHALF", "CIRCLELIVEKEY", "5e5e"].iter().any(|secret| said.contains(secret)),
            "{said}"
        );
    }
}
