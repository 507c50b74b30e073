//! Internal movements on an explorer's word: their list shows no head and no hash, and may stand elsewhere than the others.
//!
//! The head of a line `scan internal …` is the block of its newest row, as the reader of such a list makes it.

use crate::script::check;
use crate::settings::{base, both, explorer_only};

#[test]
fn an_internal_movement_grows_with_the_head_of_other_lists_and_its_receipt() {
    check(
        explorer_only(),
        "
        tx t1 internal S>A 5
        tx t2 usdc S>A 6
        scan head 99
        scan internal A 100.. at 100: t1@100
        = seen t1 treasury in
        scan usdc A 100.. at 102: t2@100
        = seen t2 treasury in; confirmed t2 treasury in
        scan receipt t1 100
        = confirmed t1 treasury in
        scan usdc A 100.. at 105: t2@100
        = final t2 treasury in
        restart
        scan internal A 100.. at 100: t1@100
        scan receipt t1 100
        = final t1 treasury in
        scan internal A 100.. at 100: t1@100
        ",
    );
}

#[test]
fn where_no_list_shows_a_head_the_proxys_height_counts_for_what_its_receipt_confirms() {
    check(
        explorer_only(),
        "
        tx t1 internal S>A 5
        scan head 99
        scan internal A 100.. at 100: t1@100
        = seen t1 treasury in
        wait 60s
        scan internal A 100.. at 100: t1@100
        scan head 102
        scan receipt t1 100
        = confirmed t1 treasury in
        restart
        scan internal A 100.. at 100: t1@100
        scan head 105
        scan internal A 100.. at none:
        scan internal A 100.. at 100: t1@100
        scan receipt t1 100
        = final t1 treasury in
        ",
    );
}

#[test]
fn what_a_receipt_puts_elsewhere_grows_only_when_no_index_could_be_that_late() {
    check(
        explorer_only(),
        "
        tx t1 internal S>A 5
        tx t2 usdc S>A 6
        scan head 99
        scan internal A 100.. at 100: t1@100
        = seen t1 treasury in
        scan usdc A 100.. at 110: t2@100
        = seen t2 treasury in; confirmed t2 treasury in; final t2 treasury in
        scan receipt t1 none
        scan internal A 100.. at 100: t1@100
        scan receipt t1 103
        scan internal A 100.. at 100: t1@100
        scan usdc A 100.. at 112: t2@100
        scan internal A 100.. at 100: t1@100
        = confirmed t1 treasury in
        scan usdc A 100.. at 115: t2@100
        scan internal A 100.. at 100: t1@100
        = final t1 treasury in
        ",
    );
}

#[test]
fn an_internal_movement_that_its_list_lacks_is_taken_back_on_the_word_of_two_receipts() {
    let begin = "
        tx t1 internal S>A 5
        tx t2 internal S>A 6
        tx t3 usdc S>A 7
        scan head 99
        scan internal A 100.. at 101: t2@100 t1@101
        = seen t2 treasury in; seen t1 treasury in
        scan usdc A 100.. at 101: t3@101
        = seen t3 treasury in
        wait 60s
        scan internal A 100.. at 100: t2@100
        scan receipt t1 none
        wait 60s
    ";
    check(
        explorer_only(),
        &format!(
            "{begin}
            scan internal A 100.. at none:
            scan internal A 100.. at 100: t2@100
            scan receipt t1 none
            = retracted t1 treasury in
            wait 60s
            scan internal A 100.. at 102: t2@100 t1@102
            scan receipt t1 none
            scan internal A 100.. at 102: t2@100 t1@102
            scan receipt t1 102
            = seen t1 treasury in"
        ),
    );
    check(
        explorer_only(),
        &format!(
            "{begin}
            scan internal A 100.. at 101: t2@100 t1@101
            scan receipt t1 101
            wait 60s
            scan internal A 100.. at 100: t2@100
            scan receipt t1 101
            wait 60s
            scan internal A 100.. at 100: t2@100
            scan receipt t1 101"
        ),
    );
}

#[test]
fn an_internal_movement_moves_when_list_and_receipt_agree() {
    check(
        explorer_only(),
        "
        tx t1 internal S>A 5
        tx t2 usdc S>A 6
        scan head 99
        scan internal A 100.. at 100: t1@100
        = seen t1 treasury in
        scan usdc A 100.. at 102: t2@100
        = seen t2 treasury in; confirmed t2 treasury in
        scan receipt t1 100
        = confirmed t1 treasury in
        scan internal A 100.. at 101: t1@101
        scan receipt t1 100
        scan internal A 100.. at 101: t1@101
        scan receipt t1 101
        = retracted t1 treasury in moved
        scan usdc A 100.. at 103: t2@100
        scan internal A 100.. at 101: t1@101
        scan receipt t1 101
        = confirmed t1 treasury in
        ",
    );
}

#[test]
fn where_blocks_are_read_without_traces_a_receipt_ties_a_movement_to_its_block() {
    check(
        both(),
        "
        tx t1 internal S>A 5
        a fresh
        a 100 101 102
        scan internal A 100.. at 101: t1@101
        = seen t1 treasury in
        scan receipt t1 101
        a 103
        = confirmed t1 treasury in
        a 101'<100 102' 103' 104'
        = retracted t1 treasury in
        scan internal A 100.. at 101: t1@101
        scan receipt t1 101
        scan internal A 100.. at 102: t1@102
        scan receipt t1 102'
        = seen t1 treasury in; confirmed t1 treasury in
        a 105' 106' 107'
        = final t1 treasury in
        ",
    );
}

#[test]
fn what_was_alone_in_its_list_is_taken_back_by_its_receipts_once_it_should_be_final() {
    // What the receipt finds where it should be is as deep as that proves.
    let deep = "= confirmed t1 treasury in; final t1 treasury in";
    for (kind, there) in [("internal", deep), ("coin", "")] {
        let begin = format!(
            "
            tx t1 {kind} S>A 5
            scan head 99
            scan {kind} A 100.. at 100: t1@100
            = seen t1 treasury in
            wait 60s
            scan {kind} A 100.. at none:
            wait 120s
            scan {kind} A 100.. at none:
            scan head 105
            wait 60s
            scan {kind} A 100.. at none:
            scan head 106
            scan {kind} A 100.. at none:
            "
        );
        check(
            explorer_only(),
            &format!(
                "{begin}
                scan receipt t1 none
                scan {kind} A 100.. at none:
                wait 60s
                scan {kind} A 100.. at none:
                scan receipt t1 none
                = retracted t1 treasury in"
            ),
        );
        check(
            explorer_only(),
            &format!(
                "{begin}
                scan receipt t1 none
                wait 60s
                scan {kind} A 100.. at none:
                scan receipt t1 100
                {there}
                wait 60s
                scan {kind} A 100.. at none:
                wait 60s
                scan {kind} A 100.. at none:"
            ),
        );
    }
}

#[test]
fn a_block_read_without_its_traces_tells_the_rest_and_what_moved_inside_when_they_come() {
    check(
        base(),
        "
        a fresh
        a genesis 7
        a 100
        tx t1 coin S>A 5 + internal S>A 7
        a bare 101:t1
        = seen t1 treasury in
        untraced 101
        a 102..103
        = confirmed t1 treasury in
        restart
        a fresh
        a genesis 7
        untraced 101
        a traces 102
        a traces 101
        = seen t1 treasury in late; confirmed t1 treasury in late
        untraced
        a traces 101
        tx t2 internal S>A 8
        a bare 104:t2
        a 104'<103:t2
        = seen t2 treasury in
        untraced
        ",
    );
}
