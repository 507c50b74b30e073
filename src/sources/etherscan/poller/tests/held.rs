//! The poll loop and balances that somebody wants: each is handed on with the head that was shown, and an empty answer is no balance.

use super::*;
use crate::reactor::event::{Balances, NoBalance};
use crate::reactor::wants::BalanceWant;
use crate::types::Asset;

const TOKEN: Address = Address::repeat_byte(0x55);

fn wanted(asset: Asset, soon: bool, often: bool) -> BalanceWant {
    BalanceWant { address: OWNER, asset, read_at: None, often, soon }
}

fn held(explorer_receipts: bool, balances: &[BalanceWant]) -> Wants {
    let wants = ChainWants { balances: balances.into(), explorer_receipts, ..ChainWants::default() };
    want(&[(ETHEREUM, wants)])
}

fn of(events: &[Event]) -> Vec<&Balances> {
    events
        .iter()
        .filter_map(|event| if let Event::Balances(balances) = event { Some(balances) } else { None })
        .collect()
}

fn asks(calls: &[(Instant, String)], action: &str) -> usize {
    calls.iter().filter(|(_, query)| query.contains(&format!("action={action}&"))).count()
}

#[tokio::test(start_paused = true)]
async fn a_balance_is_of_about_the_head_that_was_shown() {
    let always = r#"{"status":"1","message":"OK","result":"340282366920938463463374607431768211456"}"#;
    let mut script = Script { head: 9_000, ..Script::default() };
    script.balance = Some(always.into());
    let both = [wanted(Asset::Coin, true, true), wanted(Asset::Token(TOKEN), true, true)];
    let (events, calls) = play(script, held(true, &both), 3, Duration::from_mins(1)).await;
    let read = of(&events);
    let assets: BTreeSet<Asset> = read.iter().flat_map(|read| &read.read).map(|(_, asset, _)| *asset).collect();
    assert_eq!(assets, [Asset::Coin, Asset::Token(TOKEN)].into());
    for read in read {
        assert_eq!((read.at.number, read.at.hash), (9_000, None), "of about the head, and of no block by name");
        assert!(read.read.iter().all(|(who, _, held)| *who == OWNER && *held == Ok(U256::from(1) << 128)));
    }
    assert!(asks(&calls, "balance") > 0 && asks(&calls, "tokenbalance") > 0, "{calls:?}");
}

#[tokio::test(start_paused = true)]
async fn what_is_not_soon_is_asked_seldom_and_what_an_endpoint_reads_not_at_all() {
    let mut script = Script { head: 9_000, ..Script::default() };
    script.balance = Some(r#"{"status":"1","message":"OK","result":"5"}"#.into());
    let calm = [wanted(Asset::Coin, false, true), wanted(Asset::Token(TOKEN), false, false)];
    let (_, calls) = play(script, held(true, &calm), 3, Duration::from_mins(59)).await;
    // Every five minutes, and once an hour; one more of each while the head was not known.
    assert!((11..=14).contains(&asks(&calls, "balance")), "{}", asks(&calls, "balance"));
    assert!((1..=2).contains(&asks(&calls, "tokenbalance")), "{}", asks(&calls, "tokenbalance"));
    let (events, calls) =
        play(Script { head: 9_000, ..Script::default() }, held(false, &calm), 3, Duration::from_mins(59)).await;
    assert_eq!((asks(&calls, "balance"), asks(&calls, "tokenbalance"), of(&events).len()), (0, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn an_empty_answer_is_said_to_be_none_and_never_zero() {
    // No word at all is the explorer's trouble, and passes; what is no number may stay so.
    let (empty, nothing) = (NoBalance::Empty, NoBalance::NoAnswer);
    for (empty, why) in [(r#""""#, empty), ("null", nothing), (r#""0x""#, empty), ("[]", empty)] {
        let mut script = Script { head: 9_000, ..Script::default() };
        script.balance = Some(format!(r#"{{"status":"1","message":"OK","result":{empty}}}"#));
        let one = [wanted(Asset::Token(TOKEN), true, true)];
        // A list beside it shows the head.
        let wants =
            ChainWants { balances: one.into(), explorer_receipts: true, explorer_head: true, ..ChainWants::default() };
        let (events, _) = play(script, want(&[(ETHEREUM, wants)]), 3, Duration::from_mins(5)).await;
        let said: BTreeSet<_> = of(&events).iter().flat_map(|read| &read.read).map(|(_, _, held)| *held).collect();
        assert!(!said.is_empty() && said.iter().all(|held| *held == Err(why)), "{empty}: {said:?}");
    }
}
