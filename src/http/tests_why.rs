//! What is behind an alert, a message and a transfer, as the API tells it.

use super::served::{ask, serving, standing, transfer};
use super::*;
use crate::http::archive::Learned;
use crate::http::bodies;
use crate::reactor::rows::{TokenRow, TransferRow};
use crate::types::{Address, AlertId, Asset, B256, ChainId, TransferKey};

#[tokio::test]
async fn an_alert_is_told_with_its_messages_every_attempt_and_what_each_rule_says() {
    let served = serving(Deadlines::default()).await;
    let get = async |path: &str| ask(&served, &format!("GET /api/v1/{path}"), &[], "").await;
    let told = get(&format!("alerts/{}", AlertId([5; 16]))).await.json();
    assert_eq!(told["alert"]["alert_id"], AlertId([5; 16]).to_string());
    let message = &told["messages"][0];
    assert_eq!((&message["state"], &message["body"]["type"]), (&"pending".into(), &"transfer.seen".into()));
    let attempt = &message["verdicts"][0];
    assert_eq!((&attempt["verdict"], &attempt["reason"]), (&"again".into(), &"HTTP 503".into()));
    assert_eq!(attempt["at"], "1970-01-01T00:16:00.000Z");
    let rule = &told["transfer"]["rules"][0];
    assert_eq!((&rule["rule"], &rule["watch"], &rule["speaks"]), (&"all".into(), &"treasury".into(), &false.into()));
    let check = &rule["checks"][0];
    assert_eq!((&check["check"], &check["passed"]), (&"at_least".into(), &false.into()));
    assert_eq!((&check["is"], &check["wanted"]), (&"1.5 ETH".into(), &"at least 2 ETH".into()));
    assert_eq!(rule["besides"][0], "it is seen");
    let message = get(&format!("outbox/{}", MessageId([9; 16]))).await.json();
    assert_eq!(message["verdicts"].as_array().map(Vec::len), Some(1));
    let listed = get("outbox").await.json();
    assert!(listed["items"][0].get("verdicts").is_none(), "a list is short");
    let transaction = get(&format!("transactions/{}", B256::repeat_byte(7))).await.json();
    assert_eq!(transaction["transfers"].as_array().map(Vec::len), Some(3));
    for (path, status) in [
        ("alerts/12".to_owned(), 400),
        (format!("alerts/{}", AlertId([6; 16])), 404),
        ("transactions/0x12".to_owned(), 400),
        (format!("transactions/{}", B256::repeat_byte(8)), 404),
    ] {
        let got = get(&path).await;
        assert_eq!(got.status, status, "{path}: {}", got.body);
    }
}

#[test]
fn a_token_is_shown_as_it_calls_itself_once_that_is_known_and_never_as_verified() {
    let contract = Address::repeat_byte(0x66);
    let row = transfer(0);
    let key = TransferKey { asset: Asset::Token(contract), ..row.key };
    let row = TransferRow { key, ..row };
    let snapshot = standing();
    assert_eq!(bodies::strangers([&row], &snapshot.labels), [(ChainId(1), contract)].into());
    let check = |learned: Learned, expected: (Option<&str>, Option<u8>, Option<&str>)| {
        let item = bodies::transfer(&row, &snapshot, &learned);
        assert_eq!((item.asset.symbol.as_deref(), item.asset.decimals, item.amount.as_deref()), expected);
        assert!(!item.asset.verified && item.usd.is_none(), "its own word values nothing");
    };
    check(Learned::new(), (None, None, None));
    let token = |decimals, symbol: Option<&str>| {
        let row = TokenRow { chain: ChainId(1), contract, decimals, symbol: symbol.map(Into::into) };
        Learned::from([((ChainId(1), contract), row)])
    };
    check(token(Some(18), Some("USDC")), (Some("USDC"), Some(18), Some("1.5")));
    check(token(None, Some("X")), (Some("X"), None, None));
    check(token(Some(0), None), (None, Some(0), Some("1500000000000000000")));
}
