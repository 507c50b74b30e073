//! Which transfers are told, to whom, at which stage.

use crate::script::{CHAIN, FAKE, USDC, check};
use crate::settings::{base, stages, with_chain, with_rule};
use std::collections::{BTreeMap, BTreeSet};
use walletwatch::reactor::settings::BetweenOwn;
use walletwatch::types::{Address, Asset, Stage, U256};

#[test]
fn every_kind_is_told_to_whom_it_concerns() {
    check(
        stages(&[Stage::Seen]),
        "
        tx t1 coin S>A 5
        tx t2 usdc A>S 5
        tx t3 internal S>B 5
        tx t4 coin A>A 5
        tx t5 coin S>T 5
        tx t6 usdc S>A 7 + usdc S>A 7
        tx t7 usdc S>A 0
        tx t8 usdc S>A 1
        tx t9 coin S>A max
        a fresh
        a 100:t1
        = seen t1 treasury in
        a 101:t2
        = seen t2 treasury out
        a 102:t3
        = seen t3 hot in
        a 103:t4
        = seen t4 treasury self
        a 104:t5
        a 105:t6
        = seen t6 treasury in; seen t6#1 treasury in
        a 106:t7
        a 107:t8
        = seen t8 treasury in
        a 108:t9
        = seen t9 treasury in
        ",
    );
}

#[test]
fn a_transfer_between_two_watches_is_told_as_the_rule_says() {
    let script = |told: &str| {
        format!("tx t1 coin A>B 5\na 100:t1{}", if told.is_empty() { String::new() } else { format!("\n= {told}") })
    };
    let settings = |between: BetweenOwn| {
        with_rule(|condition| {
            condition.between_own = between;
            condition.stages = BTreeSet::from([Stage::Seen]);
        })
    };
    check(settings(BetweenOwn::Each), &script("seen t1 treasury out; seen t1 hot in"));
    check(settings(BetweenOwn::Once), &script("seen t1 hot in"));
    check(settings(BetweenOwn::Skip), &script(""));
}

#[test]
fn a_threshold_includes_its_value_and_speaks_of_nothing_else() {
    let settings = with_rule(|condition| {
        condition.stages = BTreeSet::from([Stage::Seen]);
        condition.at_least = Some(BTreeMap::from([((CHAIN, Asset::Token(USDC)), U256::from(1_000))]));
    });
    check(
        settings,
        "
        tx t1 usdc S>A 999
        tx t2 usdc S>A 1000
        tx t3 coin S>A 5000
        a 100:t1,t2,t3
        = seen t2 treasury in
        ",
    );
}

#[test]
fn a_token_with_a_known_name_is_marked_and_waits_for_its_decimals_and_no_longer() {
    assert_ne!(FAKE, USDC);
    let first = "
        tx t1 fake S>A 5
        tx t2 fake S>A 6
        a fresh
        a 100:t1
    ";
    check(stages(&[Stage::Seen]), &format!("{first}\ntoken 18\n= seen t1 treasury in decimals 18 known_symbol"));
    check(
        stages(&[Stage::Seen]),
        &format!(
            "{first}
            wait 4s
            restart
            wait 4s
            wait 1s
            = seen t1 treasury in raw
            a 101:t2
            = seen t2 treasury in raw"
        ),
    );
}

#[test]
fn stages_are_said_in_order_and_once() {
    check(
        base(),
        "
        tx t1 coin S>A 5
        a fresh
        a 100:t1
        = seen t1 treasury in
        a 101
        a 102
        = confirmed t1 treasury in
        restart
        a fresh
        a 103 104
        a 105
        = final t1 treasury in
        a 106 107
        ",
    );
    check(
        base(),
        "
        tx t1 coin S>A 5
        a 100
        a 101:t1 102 103 104 105 106 107
        = seen t1 treasury in; confirmed t1 treasury in; final t1 treasury in
        ",
    );
}

#[test]
fn final_waits_for_the_tag_where_the_chain_has_one() {
    check(
        with_chain(|chain| chain.finalized_tag = true),
        "
        tx t1 coin S>A 5
        a 100
        a 101:t1 102 103 104 105 106 107 108
        = seen t1 treasury in; confirmed t1 treasury in
        a final 100
        a final 101'<100
        a final 101
        = final t1 treasury in
        ",
    );
}

#[test]
fn nobody_is_told_of_transfers_that_concern_nobody() {
    assert!(base().watches.iter().all(|watch| watch.addresses.get(&Address::ZERO).is_none()));
    check(
        base(),
        "
        tx t1 coin S>T 5 + usdc T>S 7
        a 100 101:t1 102 103 104 105 106 107
        ",
    );
}
