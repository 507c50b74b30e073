//! Forks, gaps, chains that go back and chains that are other chains.

use crate::script::check;
use crate::settings::{base, stages};
use walletwatch::types::Stage;

#[test]
fn a_reorg_takes_back_what_it_drops_and_keeps_what_it_moves() {
    check(
        base(),
        "
        tx t1 coin S>A 5
        tx t2 coin S>A 6
        a 100
        a 101:t1,t2
        = seen t1 treasury in; seen t2 treasury in
        a 101'<100:t1 102'
        = retracted t2 treasury in
        a 103':t2
        = confirmed t1 treasury in; seen t2 treasury in
        ",
    );
    check(
        base(),
        "
        tx t1 coin S>A 5
        a 100
        a 101:t1 102 103
        = seen t1 treasury in; confirmed t1 treasury in
        a 101'<100 102' 103':t1 104'
        = retracted t1 treasury in moved
        restart
        a 105'
        = confirmed t1 treasury in
        a 106' 107' 108'
        = final t1 treasury in
        ",
    );
}

#[test]
fn a_reorg_past_the_confirmations_takes_back_and_past_the_final_block_stops_the_chain() {
    check(
        base(),
        "
        tx t1 coin S>A 5
        a 100
        a 101:t1 102 103 104 105
        = seen t1 treasury in; confirmed t1 treasury in
        b 101'<100 102' 103' 104' 105' 106'
        = retracted t1 treasury in
        b 107' 108'
        a 102''<101' 103'' 104'' 105'' 106'' 107'' 108'' 109''
        = source.blind
        a 109'
        ",
    );
}

#[test]
fn a_reorg_and_its_inverse_leave_every_transfer_where_it_was() {
    check(
        base(),
        "
        tx t1 coin S>A 5
        tx t2 coin S>A 6
        a 100
        a 101:t1 102:t2 103
        = seen t1 treasury in; confirmed t1 treasury in; seen t2 treasury in
        b 102'<101 103' 104'
        = retracted t2 treasury in
        a 102 103 104 105
        = seen t2 treasury in; confirmed t2 treasury in
        ",
    );
}

#[test]
fn one_of_two_equal_logs_that_is_gone_is_the_higher_one() {
    check(
        stages(&[Stage::Seen]),
        "
        tx t1 usdc S>A 7 + usdc S>A 7
        a 100 101:t1
        = seen t1 treasury in; seen t1#1 treasury in
        tx t1 usdc S>A 7
        a 101'<100:t1 102'
        = retracted t1#1 treasury in
        ",
    );
}

#[test]
fn a_sibling_of_another_endpoint_counts_when_it_is_higher() {
    check(
        stages(&[Stage::Seen]),
        "
        tx t1 coin S>A 5
        a fresh
        b fresh
        a 100 101:t1 102
        = seen t1 treasury in
        b 101'<100
        b 101'<100 102'
        b 100
        b 101'<100 102' 103'
        = retracted t1 treasury in
        ",
    );
    check(
        stages(&[Stage::Seen]),
        "
        tx t1 coin S>A 5
        a 100 101:t1 102
        = seen t1 treasury in
        a 101'<100
        = retracted t1 treasury in
        ",
    );
}

#[test]
fn the_chain_goes_back_only_when_every_endpoint_has_lacked_the_tip_for_long_enough() {
    let begin = "
        tx t1 coin S>A 5
        a fresh
        b fresh
        a 100 101 102:t1
        = seen t1 treasury in
        a head 101 lacks 102
        wait 60s
    ";
    check(stages(&[Stage::Seen]), &format!("{begin}\nb head 102\nwait 60s"));
    check(
        stages(&[Stage::Seen]),
        &format!(
            "{begin}
            b head 100 lacks 102
            wait 29s
            wait 1s
            = retracted t1 treasury in"
        ),
    );
    check(stages(&[Stage::Seen]), &format!("{begin}\nb head 100 lacks 102\nwait 20s\na 103\nwait 60s"));
}

#[test]
fn a_gap_is_filled_beside_the_tip_and_proves_nothing_until_it_is() {
    check(
        base(),
        "
        tx t1 coin S>A 5
        tx t2 coin S>A 6
        tx t3 coin S>A 7
        a 100 101:t1
        = seen t1 treasury in
        a 500:t2
        = seen t2 treasury in
        a 501 502 503 504 505
        = confirmed t2 treasury in; final t2 treasury in
        restart
        a gap 300..499
        a gap 110..200
        a gap 103..299
        a gap 102:t3
        = seen t3 treasury in late; confirmed t3 treasury in late; final t3 treasury in late; confirmed t1 treasury in; final t1 treasury in
        ",
    );
}

#[test]
fn a_fork_beneath_a_gap_is_found_and_stops_nothing() {
    check(
        base(),
        "
        tx t1 coin S>A 5
        a 99 100 101:t1
        = seen t1 treasury in
        a 500 501 502 503 504 505 506 507 508 509 510
        a gap 103..499
        a gap 102<101'
        = retracted t1 treasury in
        restart
        a gap 101'<100:t1
        = seen t1 treasury in late; confirmed t1 treasury in late; final t1 treasury in late
        ",
    );
}

#[test]
fn a_dead_fork_beneath_a_gap_moves_nothing_that_stands_above_it() {
    check(
        base(),
        "
        tx t1 coin S>A 5
        a 99 100
        a 105
        a 120
        a gap 115 116:t1 117 118 119
        = seen t1 treasury in late; confirmed t1 treasury in late
        a gap 103 104:t1
        restart
        a gap 106<105' 107 108 109 110 111 112 113 114
        a gap 105'<104'
        a gap 104'<103
        a gap 101 102
        a 121
        = final t1 treasury in late
        ",
    );
}

#[test]
fn another_genesis_stops_the_chain() {
    check(
        base(),
        "
        tx t1 coin S>A 5
        a genesis 1
        b genesis 1
        a 100
        a genesis 2
        = source.blind
        a 101:t1
        restart
        a 101:t1
        ",
    );
}

#[test]
fn that_a_chain_was_accepted_is_said_when_it_goes_on_whoever_accepted_it() {
    for between in ["", "restart"] {
        check(
            base(),
            &format!(
                "
                tx t1 coin S>A 5
                a fresh
                a genesis 1
                a 100
                a genesis 2
                = source.blind
                accept
                {between}
                a fresh
                a genesis 2
                a 7
                = source.recovered accepted
                a 8:t1
                = seen t1 treasury in
                a genesis 3
                = source.blind
                "
            ),
        );
    }
}

#[test]
fn repeated_blocks_and_blocks_below_the_window_are_lag() {
    check(
        base(),
        "
        a 100 101 102 103 104 105 106 107 108 109 110
        a 100 101 102
        a 100 101 102 103 104 105 106 107 108 109 110 111
        b 99
        a 90 91
        ",
    );
}
