//! An explorer reads a chain in its endpoints' place, says so, and hands it back: nothing lost, nothing twice.

use crate::script::check;
use crate::settings::{both, explorer_only};

#[test]
fn an_explorer_takes_a_silent_chain_over_says_so_and_hands_it_back() {
    check(
        both(),
        "
        tx t1 usdc S>A 5
        tx t2 coin S>A 6
        tx t3 usdc S>A 7
        a fresh
        scan fresh
        a 98 99 100
        a gone
        wait 3599s
        wait 1s
        = source.blind endpoints
        scan usdc A 100.. at 110: t1@105
        = seen t1 treasury in; confirmed t1 treasury in; final t1 treasury in
        scan coin A 100.. at 111: t2@110
        = seen t2 treasury in
        restart
        scan fresh
        scan coin A 100.. at 112: t2@110
        = confirmed t2 treasury in
        a fresh
        a 101..104 105:t1 106..109 110:t2 111 112
        = source.recovered endpoints
        scan usdc A 100.. at 113: t1@105 t3@113
        a 113:t3
        = seen t3 treasury in
        a 114 115
        = final t2 treasury in; confirmed t3 treasury in
        ",
    );
}

#[test]
fn an_endpoint_that_answers_and_does_not_move_is_stood_in_for() {
    check(
        both(),
        "
        tx t1 usdc S>A 5
        a fresh
        scan fresh
        a 98 99 100
        wait 3600s
        = source.blind endpoints
        scan usdc A 100.. at 103: t1@101
        = seen t1 treasury in; confirmed t1 treasury in
        a 101:t1 102 103
        = source.recovered endpoints
        a 104 105 106
        = final t1 treasury in
        ",
    );
}

#[test]
fn a_chain_is_blind_when_its_explorer_falls_silent_too() {
    check(
        both(),
        "
        a fresh
        scan fresh
        a 98 99 100
        a gone
        wait 3600s
        = source.blind endpoints
        scan gone
        wait 119s
        wait 1s
        = source.blind scan; source.blind
        scan fresh
        = source.recovered scan; source.recovered
        scan gone
        wait 60s
        scan fresh
        a fresh
        a 101 102
        = source.recovered endpoints
        a gone
        scan gone
        wait 120s
        = source.blind scan
        wait 3600s
        = source.blind
        scan fresh
        = source.recovered scan; source.recovered; source.blind endpoints
        a 103
        = source.recovered endpoints
        ",
    );
}

#[test]
fn what_the_explorer_told_of_another_fork_is_taken_back_by_the_chains_own_blocks() {
    check(
        both(),
        "
        tx t1 usdc S>A 5
        tx t2 usdc S>A 6
        tx t3 usdc S>A 7
        a fresh
        scan fresh
        a 98 99 100
        a gone
        wait 3600s
        = source.blind endpoints
        scan usdc A 100.. at 104: t1@101 t2@102 t3@104
        = seen t1 treasury in; confirmed t1 treasury in; seen t2 treasury in; confirmed t2 treasury in; seen t3 treasury in
        a fresh
        a 101:t1 102'<101 103':t2 104'
        = source.recovered endpoints; retracted t2 treasury in moved; retracted t3 treasury in
        a 105'
        = confirmed t2 treasury in
        a 106'
        = final t1 treasury in
        a 107' 108'
        = final t2 treasury in
        ",
    );
}

#[test]
fn what_the_explorer_told_in_a_gap_is_not_told_again_when_the_gap_is_read() {
    check(
        both(),
        "
        tx t1 usdc S>A 5
        tx t2 usdc S>A 6
        tx t3 usdc S>A 7
        a fresh
        scan fresh
        a 98 99 100
        a gone
        wait 3600s
        = source.blind endpoints
        scan usdc A 100.. at 300: t1@110 t2@200
        = seen t1 treasury in; confirmed t1 treasury in; final t1 treasury in; seen t2 treasury in; confirmed t2 treasury in; final t2 treasury in
        a fresh
        a 400
        = source.recovered endpoints
        a gap 201..399
        a gap 111..199 200:t2
        a gap 101..105 106:t3 107..109 110:t1
        = seen t3 treasury in late; confirmed t3 treasury in late; final t3 treasury in late
        ",
    );
}

#[test]
fn what_lies_between_the_explorers_head_and_the_first_block_is_read_too() {
    check(
        both(),
        "
        tx t1 usdc S>A 5
        tx t2 usdc S>A 6
        scan fresh
        scan head 99
        scan usdc A 100.. at 101: t1@101
        = seen t1 treasury in
        a fresh
        a 103
        scan usdc A 100.. at 103: t1@101 t2@102
        a gap 100 101:t1 102:t2
        = seen t2 treasury in; confirmed t1 treasury in
        a 104 105 106
        = confirmed t2 treasury in; final t1 treasury in
        ",
    );
}

#[test]
fn an_explorer_that_lags_disagrees_or_answers_nothing_takes_nothing_back() {
    let begin = "
        tx t1 usdc S>A 5
        tx t2 usdc S>A 6
        scan head 99
        scan usdc A 100.. at 130: t1@101 t2@130
        = seen t1 treasury in; confirmed t1 treasury in; final t1 treasury in; seen t2 treasury in
        wait 60s
    ";
    for odd in [
        // Thirty blocks behind; nothing at all; a row that vanishes and comes back; a page that was read across two back ends.
        "scan usdc A 100.. at 100: t1@101",
        "scan usdc A 100.. at none:",
        "scan usdc A 100.. at 130: t1@101
        scan receipt t2 130
        wait 60s
        scan usdc A 100.. at 130: t1@101
        scan receipt t2 130",
        "scan usdc A 100.. at 129: t1@101
        wait 60s
        scan usdc A 100.. at 131: t1@101
        scan receipt t2 130
        wait 60s
        scan usdc A 100.. at 129: t1@101",
        "scan usdc A 100.. at 131: t1@101
        wait 60s
        scan usdc A 100.. at 131: t1@101 t2@130
        wait 60s
        scan usdc A 100.. at 131: t1@101
        scan receipt t2 none
        wait 60s
        scan usdc A 100.. at 131: t1@101 t2@130",
    ] {
        check(
            explorer_only(),
            &format!(
                "{begin}
                {odd}
                wait 60s
                scan usdc A 100.. at 132: t1@101 t2@130
                = confirmed t2 treasury in
                scan usdc A 100.. at 135: t1@101 t2@130
                = final t2 treasury in"
            ),
        );
    }
}
