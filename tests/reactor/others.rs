//! Prices, rehearsals of payments, and troubles.

use crate::script::check;
use crate::settings::{paying, price_rule, with_chain};
use std::time::Duration;
use walletwatch::reactor::settings::Approval;
use walletwatch::types::Stage;

#[test]
fn prices_cross_hold_recover_and_rest() {
    check(
        price_rule(0, None),
        "
        price 100
        price 99
        = price.crossed 1
        price 101
        price 98
        restart
        price 105
        = price.recovered 1
        price 99
        = price.crossed 2
        ",
    );
    check(
        price_rule(10, None),
        "
        price 99
        wait 9s
        price 100
        price 99
        wait 5s
        feed gone
        wait 60s
        price 99
        wait 9s
        price 98
        wait 1s
        = price.crossed 1
        ",
    );
    check(
        price_rule(0, Some(60)),
        "
        price 99
        = price.crossed 1
        price 110
        = price.recovered 1
        wait 30s
        price 99
        price 110
        wait 30s
        price 99
        = price.crossed 3
        ",
    );
}

#[test]
fn a_rule_that_comes_back_goes_on_counting() {
    check(
        price_rule(0, None),
        "
        price 99
        = price.crossed 1
        rule low off
        = alert.resolved low on ops
        price 110
        restart
        ",
    );
}

#[test]
fn a_rehearsal_is_planned_once_within_its_limits() {
    check(
        paying(Approval::None),
        "
        tx t1 usdc S>A 1000
        tx t2 usdc S>A 600
        tx t3 usdc S>A 100
        a fresh
        wait 1s
        a 100 101:t1,t2 102:t3 103 104 105
        a 106
        = final t2 treasury in; payment.rehearsed; final t1 treasury in; payment.held limit
        restart
        a fresh
        a 107
        = final t3 treasury in; payment.rehearsed
        a 108 109
        wait 600s
        = payment.refused nobody approved it in time
        ",
    );
}

#[test]
fn what_must_not_pay_does_not() {
    check(
        paying(Approval::None),
        "
        tx t0 usdc S>A 500
        tx t1 usdc B>A 500
        tx t2 usdc P>A 500
        tx t3 usdc S>A 99
        tx t4 usdc A>S 500
        tx t5 fake S>A 500
        a fresh
        a 100 101:t0 102 103 104 105 106 107
        = final t0 treasury in
        wait 5s
        a 108:t1,t2,t3,t4,t5 109 110 111 112 113
        = final t2 treasury in; final t1 treasury in
        ",
    );
}

#[test]
fn a_held_payment_whose_trigger_is_taken_back_is_refused() {
    let mut settings = paying(Approval::Manual);
    settings.payments[0].stage = Stage::Confirmed;
    check(
        settings,
        "
        tx t1 usdc S>A 500
        a fresh
        wait 1s
        a 100 101:t1 102
        a 103
        = payment.held approval
        a 101'<100 102' 103' 104'
        = payment.refused its trigger was taken back by a reorg
        a 105':t1 106' 107'
        wait 900s
        ",
    );
}

#[test]
fn a_blind_chain_and_a_failing_sink_are_said_and_taken_back() {
    check(
        with_chain(|chain| chain.stale_after = Duration::from_mins(1)),
        "
        tx t1 usdc S>A 5
        tx t2 usdc S>A 6
        tx t3 usdc S>A 7
        a fresh
        a 100
        wait 59s
        wait 2s
        = source.blind
        restart
        wait 120s
        a 101:t1
        = source.recovered; seen t1 treasury in late
        a 102:t2
        = seen t2 treasury in
        wait 61s
        = source.blind
        wait 1s
        a 103:t3
        = source.recovered; confirmed t1 treasury in late; seen t3 treasury in late
        sink ops fails
        = sink.failing on chat
        sink ops fails
        sink ops works
        = sink.recovered on chat
        ",
    );
}
