//! When balances are asked, and what counts as one.

use super::*;
use crate::wire::jsonrpc::RpcError;
use serde_json::value::RawValue;

fn raw(text: &str) -> Box<RawValue> {
    RawValue::from_string(text.to_owned()).expect("it is JSON")
}

fn refused(refusal: Refusal) -> AskFault {
    AskFault::of_node(RpcError { code: Some(-32_000), message: crate::types::Untrusted::new("no"), refusal })
}

#[test]
fn an_empty_short_or_absent_answer_is_never_zero() {
    let token = Asset::Token(Address::repeat_byte(1));
    let word = |amount: &str| format!("\"0x{amount:0>64}\"");
    let check = |asset: Asset, answer: Answer, expected: Result<u64, NoBalance>| {
        let shown = format!("{answer:?}");
        assert_eq!(amount(asset, answer), expected.map(U256::from), "{asset:?} {shown}");
    };
    check(Asset::Coin, Ok(raw("\"0x0\"")), Ok(0));
    check(Asset::Coin, Ok(raw("\"0x1f\"")), Ok(31));
    check(token, Ok(raw(&word("0"))), Ok(0));
    check(token, Ok(raw(&word("1f"))), Ok(31));
    for empty in ["\"0x\"", "\"\"", "null", "\"0x1f\"", "{}", "\"0xzz\""] {
        if empty != "\"0x1f\"" {
            check(Asset::Coin, Ok(raw(empty)), Err(NoBalance::Empty));
        }
        check(token, Ok(raw(empty)), Err(NoBalance::Empty));
    }
    // More than a word is another function's answer.
    check(token, Ok(raw(&format!("\"0x{:064}{:064}\"", 0, 1))), Err(NoBalance::Empty));
    check(token, Err(refused(Refusal::Reverted)), Err(NoBalance::Reverted));
    for fault in [AskFault::Timeout, AskFault::Gone, refused(Refusal::BeyondHead), refused(Refusal::Busy)] {
        check(token, Err(fault), Err(NoBalance::NoAnswer));
    }
}

#[tokio::test(start_paused = true)]
async fn what_moved_comes_first_and_what_nobody_looks_at_seldom() {
    let who = Address::repeat_byte;
    let want = |byte: u8, often: bool, soon: bool| BalanceWant {
        address: who(byte),
        asset: Asset::Coin,
        read_at: None,
        often,
        soon,
    };
    let mut pace = Pace::default();
    let start = Instant::now();
    let at = |seconds: u64| start + Duration::from_secs(seconds);
    let mut check = |wants: &[BalanceWant], seconds: u64, expected: &[u8]| {
        let due = pace.due(wants, at(seconds));
        let expected: Vec<Key> = expected.iter().map(|byte| (who(*byte), Asset::Coin)).collect();
        assert_eq!(due, expected, "after {seconds} s");
    };
    let all = [want(1, false, false), want(2, true, false), want(3, false, true)];
    check(&all, 0, &[3, 1, 2]);
    check(&all, 1, &[]);
    check(&all, 2, &[3]);
    let calm = [want(1, false, false), want(2, true, false)];
    check(&calm, 59, &[]);
    check(&calm, 60, &[2]);
    check(&calm, 600, &[1, 2]);
    let many: Vec<BalanceWant> = (0..=255).map(|byte| want(byte, false, false)).collect();
    let first: Vec<u8> = (0..=255).filter(|byte| ![1, 2].contains(byte)).take(AT_ONCE).collect();
    check(&many, 601, &first);
}

#[tokio::test(start_paused = true)]
async fn a_node_that_does_not_answer_is_asked_less_and_less_and_said_on_the_third_try() {
    let want = BalanceWant { address: Address::ZERO, asset: Asset::Coin, read_at: None, often: true, soon: true };
    let key = (want.address, want.asset);
    let mut pace = Pace::default();
    let (mut now, mut said, mut waits) = (Instant::now(), Vec::new(), Vec::new());
    for _ in 0..6 {
        let begun = now;
        while pace.due(&[want], now).is_empty() {
            now += Duration::from_secs(1);
        }
        waits.push((now - begun).as_secs());
        said.push(pace.in_vain(key));
    }
    assert_eq!(said, [false, false, true, true, true, true]);
    assert_eq!(waits, [0, 4, 8, 16, 32, 60]);
    pace.answered(key);
    assert_eq!(gap(&want, pace.0[&key].in_vain), AGAIN_AFTER);
}
