//! Explorers alone, beside endpoints, and in their place.

use crate::script::check;
use crate::settings::{both, explorer_only};

#[test]
fn an_explorer_alone_says_the_same() {
    check(
        explorer_only(),
        "
        tx t1 usdc S>A 5
        scan head 99
        scan usdc A 100.. at none:
        scan usdc A 100.. at 100: t1@100
        = seen t1 treasury in
        scan usdc A 100.. at 101: t1@100
        scan usdc A 100.. at 102: t1@100
        = confirmed t1 treasury in
        restart
        scan usdc A 100.. at 105: t1@100
        = final t1 treasury in
        scan usdc A 100.. at 150: t1@100
        ",
    );
}

#[test]
fn an_explorers_row_is_taken_back_when_two_answers_and_two_receipts_lack_it() {
    let begin = "
        tx t1 usdc S>A 5
        tx t2 usdc S>A 6
        scan head 99
        scan usdc A 100.. at 101: t2@100 t1@101
        = seen t2 treasury in; seen t1 treasury in
        wait 60s
    ";
    check(
        explorer_only(),
        &format!(
            "{begin}
            scan usdc A 100.. at 101: t2@100
            scan receipt t1 none
            wait 60s
            scan usdc A 100.. at none:
            scan usdc A 100.. at 100: t2@100
            wait 60s
            scan usdc A 100.. at 101: t2@100
            scan receipt t1 none
            = retracted t1 treasury in
            wait 60s
            scan usdc A 100.. at 100: t2@100 t1@101
            scan usdc A 100.. at 102: t2@100 t1@102
            = confirmed t2 treasury in; seen t1 treasury in"
        ),
    );
    check(
        explorer_only(),
        &format!(
            "{begin}
            scan usdc A 100.. at 101: t2@100
            scan receipt t1 none
            wait 60s
            scan usdc A 100.. at 102: t2@100 t1@101
            = confirmed t2 treasury in
            wait 60s
            scan usdc A 100.. at 102: t2@100
            scan receipt t1 101"
        ),
    );
}

#[test]
fn a_higher_head_of_another_list_makes_nothing_deeper() {
    check(
        explorer_only(),
        "
        tx t1 usdc S>A 5
        tx t2 coin S>A 6
        scan head 99
        scan usdc A 100.. at 100: t1@100
        = seen t1 treasury in
        scan coin A 100.. at 200: t2@200
        = seen t2 treasury in
        scan usdc A 100.. at 150: t1@101
        scan usdc A 100.. at 200: t1@199
        ",
    );
}

#[test]
fn two_reporters_meet_under_one_key() {
    check(
        both(),
        "
        tx t1 usdc S>A 5
        a fresh
        a 100
        scan usdc A 100.. at 101: t1@101
        a 101:t1
        = seen t1 treasury in
        scan usdc A 100.. at 103: t1@101
        a 102 103
        = confirmed t1 treasury in
        ",
    );
}

#[test]
fn what_an_explorer_alone_reports_is_not_said_while_the_chain_is_read() {
    check(
        both(),
        "
        tx t1 usdc S>A 5
        tx t2 usdc S>A 6
        a fresh
        a 100 101
        scan usdc A 100.. at 100: t2@90
        scan usdc A 100.. at 101: t1@101
        = source.disagrees
        scan receipt t1 none
        scan usdc A 100.. at 101: t1@101
        restart
        a fresh
        a 102 103 104 105 106 107
        ",
    );
}

#[test]
fn an_explorer_speaks_while_the_endpoints_are_gone_and_the_chain_judges_when_it_is_back() {
    check(
        both(),
        "
        tx t1 usdc S>A 5
        tx t2 usdc S>A 6
        a fresh
        a 100
        a gone
        scan usdc A 100.. at 110: t1@101 t2@110
        = seen t1 treasury in; confirmed t1 treasury in; final t1 treasury in; seen t2 treasury in
        a fresh
        a 101:t1 102 103 104 105 106 107 108 109 110
        = retracted t2 treasury in
        a 111 112 113 114 115 116 117
        ",
    );
}

#[test]
fn a_long_outage_that_an_explorer_covered_is_no_other_chain() {
    check(
        both(),
        "
        tx t1 usdc S>A 5
        a fresh
        a 98 99 100
        a gone
        scan usdc A 100.. at 200: t1@200
        = seen t1 treasury in
        a fresh
        a 100'<99 101' 102'
        a 103'
        ",
    );
}

#[test]
fn nfts_are_told_of_and_two_of_one_kind_stay_two() {
    check(
        explorer_only(),
        "
        tx t1 nft S>A 5 + nft S>A 6
        scan head 99
        scan nft A 100.. at 100: t1@100
        wait 5s
        = seen t1 treasury in raw; seen t1 treasury in raw
        scan nft A 100.. at 102: t1@100
        = confirmed t1 treasury in raw; confirmed t1 treasury in raw
        ",
    );
}
