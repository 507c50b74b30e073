//! What is worth how much, and what rules make of it.

use crate::script::{CHAIN, check, pair};
use crate::settings::with_rule;
use std::collections::BTreeMap;
use walletwatch::reactor::settings::{AtLeastUsd, Condition, Settings};
use walletwatch::types::{Asset, Stage, Usd};

/// The coin has no decimals and is valued; the token is not. A rule speaks of what is worth 1,000 dollars, or of everything.
fn settings(least: Option<bool>) -> Settings {
    let mut settings = with_rule(|condition| {
        condition.stages = [Stage::Seen, Stage::Confirmed].into();
        let worth = Usd::parse("1000").expect("a sum");
        condition.at_least_usd = least.map(|unknown_speaks| AtLeastUsd { worth, unknown_speaks });
    });
    settings.values = BTreeMap::from([((CHAIN, Asset::Coin), pair())]);
    settings.chains.get_mut(&CHAIN).expect("it is there").coin_decimals = 0;
    settings.feeds.insert("other".into(), vec![pair()]);
    settings
}

#[test]
fn a_transfer_keeps_the_worth_of_when_it_was_seen() {
    check(
        settings(None),
        "
        tx t1 coin S>A 5
        tx t2 usdc S>A 5
        a fresh
        price 100.005
        a 100:t1,t2
        = seen t1 treasury in 500.03 USD by feed; seen t2 treasury in
        price 200
        a 101
        restart
        a fresh
        a 102
        = confirmed t1 treasury in 500.03 USD by feed; confirmed t2 treasury in
        ",
    );
}

#[test]
fn the_worth_is_by_the_median_and_unknown_where_no_price_is_fresh() {
    check(
        settings(None),
        "
        tx t1 coin S>A 5
        tx t2 coin S>A 5
        tx t3 coin S>A 5
        a fresh
        a 100:t1
        = seen t1 treasury in worth unknown
        price 100
        price 101 of other
        a 101:t2
        = seen t2 treasury in 502.50 USD by median of feed, other
        wait 301s
        a 102:t3
        = seen t3 treasury in worth unknown; confirmed t1 treasury in worth unknown
        ",
    );
}

#[test]
fn a_rule_that_asks_for_a_worth_says_what_is_worth_it_and_what_nobody_knows() {
    check(
        settings(Some(true)),
        "
        tx t1 coin S>A 9
        tx t2 coin S>A 10
        tx t3 usdc S>A 1000000
        tx t4 coin S>A 1
        a fresh
        price 100
        a 100:t1,t2,t3
        = seen t2 treasury in 1000.00 USD by feed
        price 200
        a 101
        a 102
        = confirmed t2 treasury in 1000.00 USD by feed
        wait 301s
        a 103:t4
        = seen t4 treasury in worth unknown
        restart
        price 100
        a fresh
        a 104
        a 105
        = confirmed t4 treasury in 100.00 USD by feed
        ",
    );
}

#[test]
fn a_rule_may_keep_what_nobody_knows_to_itself() {
    check(
        settings(Some(false)),
        "
        tx t1 coin S>A 100
        a fresh
        a 100:t1
        price 100
        a 101
        a 102
        = seen t1 treasury in 10000.00 USD by feed; confirmed t1 treasury in 10000.00 USD by feed
        ",
    );
}

#[test]
fn a_rule_without_a_worth_is_the_rule_that_it_was() {
    let Condition::Transfer(condition) = &settings(None).rules[0].condition else { panic!("it is about transfers") };
    assert!(
        format!("{condition:?}").contains(", at_least_usd: None, stages: "),
        "`configure` leaves this out of its hash"
    );
}
