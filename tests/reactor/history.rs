//! What lies before a watch: read once, silent unless a rule asks, and complete from a stated block.

use crate::script::check;
use crate::settings::{base, both, explorer_only, with_rule};
use walletwatch::reactor::settings::{Condition, Settings};

fn aloud(mut settings: Settings) -> Settings {
    if let Condition::Transfer(condition) = &mut settings.rules[0].condition {
        condition.history = true;
    }
    settings
}

/// The rule looks at the watch that comes later too.
fn everyone() -> Settings {
    with_rule(|condition| condition.watches = ["treasury", "hot", "late"].map(Into::into).into())
}

const BY_BLOCKS: &str = "
    tx t1 coin S>A 5
    tx t2 usdc S>A 6
    tx t3 coin S>B 7
    tx t4 coin A>B 8
    tx t5 coin S>A 9
    from A 50
    complete A none
    a 100
    complete A 100
    complete B 100
    left 44
    a gap 94 95 96:t5,t3 97 98 99
    a 101
    a past 50 51:t1
";

#[test]
fn the_past_by_blocks_alone_is_silent_and_complete_when_it_is_through() {
    check(
        base(),
        &format!(
            "{BY_BLOCKS}
            a past 51:t1 52
            a past 53 55
            left 44
            restart
            a past 52..89 90:t4,t2
            complete A 100
            a past 91 92 93
            left 44
            a logs 50..60
            a logs 61..93 t2@90
            complete A 50
            left 0
            tx t6 coin S>A 1
            a 102:t6
            = seen t6 treasury in"
        ),
    );
}

#[test]
fn the_past_by_blocks_is_told_where_a_rule_asks_for_it_to_those_who_asked() {
    check(
        aloud(base()),
        "
        tx t1 coin S>A 5
        tx t2 usdc S>A 6
        tx t4 coin A>B 8
        tx t5 coin S>A 9
        tx t7 coin S>B 9
        from A 50
        a 100
        a gap 94 95 96:t5,t7 97 98 99
        = seen t5 treasury in history; confirmed t5 treasury in history
        a 101 102
        = final t5 treasury in history
        a past 50 51:t1 52..92 93:t2,t4
        = seen t1 treasury in history; confirmed t1 treasury in history; final t1 treasury in history; seen t4 treasury out history; confirmed t4 treasury out history; final t4 treasury out history
        a logs 50..93 t2@93
        = seen t2 treasury in history; confirmed t2 treasury in history; final t2 treasury in history
        a past 50 51 52
        complete A 50
        ",
    );
}

#[test]
fn an_address_that_comes_later_is_owed_what_lies_before_it() {
    check(
        base(),
        "
        tx t1 coin S>A 5
        tx t2 coin S>A 6
        a 100 101:t1 102
        = seen t1 treasury in
        from B 90
        complete B 103
        a past 90..95
        a past 96 97 98
        left 13
        restart
        a past 96..102
        left 13
        a 103
        = confirmed t1 treasury in
        tx t3 coin S>B 1
        a 104:t3
        = seen t3 hot in
        ",
    );
}

#[test]
fn what_is_not_final_is_taken_of_the_window_alone_and_taken_back_with_it() {
    check(
        aloud(everyone()),
        "
        tx t1 coin S>C 5
        a 100..110 111:t1 112
        join C 105
        a past 105 106 107
        a past 108 109 110 111':t1
        a past 111:t1 112
        = seen t1 late in history
        a logs 105..106
        complete C 113
        a 111''<110 112'' 113''
        = retracted t1 late in history
        ",
    );
}

#[test]
fn an_explorers_past_waits_behind_what_is_new_and_is_read_upwards() {
    let script = "
        tx t1 usdc S>A 5
        tx t2 usdc S>A 6
        tx t3 usdc S>A 7
        tx t4 coin S>A 7
        from A 50
        scan head 199
        complete A 200
        left 140
        scan usdc A 190.. at 201: t3@195
        scan past usdc A 50..120 at 200: t1@60 t2@100 t2@100
        left 140
        restart
        scan past usdc A 130..189 at 200:
        scan past usdc A 121..189 at 200:
        scan past coin A 50..189 at 200: t4@70
        scan past internal A 50..189 at none:
        scan past internal A 50..189 at none:
        scan past nft A 50..189 at none:
        scan past multi A 50..189 at none:
        complete A 200
        wait 10s
        scan past internal A 50..189 at none:
        scan past nft A 50..189 at none:
        complete A 200
        scan past multi A 50..189 at none:
        complete A 50
        left 0
        scan usdc A 190.. at 220: t3@195
        ";
    check(explorer_only(), script);
    let told = script.replace(
        "t2@100 t2@100",
        "t2@100 t2@100
        = seen t1 treasury in history; confirmed t1 treasury in history; final t1 treasury in history; seen t2 treasury in history; confirmed t2 treasury in history; final t2 treasury in history; seen t2#1 treasury in history; confirmed t2#1 treasury in history; final t2#1 treasury in history",
    );
    let told = told.replace(
        "t4@70",
        "t4@70
        = seen t4 treasury in history; confirmed t4 treasury in history; final t4 treasury in history",
    );
    let told = told.replace(
        "at 201: t3@195",
        "at 201: t3@195
        = seen t3 treasury in history; confirmed t3 treasury in history; final t3 treasury in history",
    );
    check(aloud(explorer_only()), &told);
}

#[test]
fn beside_an_endpoint_the_explorer_alone_knows_what_lies_below_its_start() {
    check(
        aloud(both()),
        "
        tx t1 usdc S>A 5
        tx t2 usdc S>A 6
        tx t3 usdc S>A 7
        from A 50
        a fresh
        a 100
        a gap 90 91 92:t2 93..99
        = seen t2 treasury in history; confirmed t2 treasury in history; final t2 treasury in history
        scan past usdc A 50..89 at 100: t1@89
        = seen t1 treasury in history; confirmed t1 treasury in history; final t1 treasury in history
        scan usdc A 90.. at 100: t2@92
        a 101:t3
        = seen t3 treasury in
        scan usdc A 90.. at 101: t2@92 t3@101
        ",
    );
}

#[test]
fn a_rule_that_asks_for_history_says_what_it_says_of_what_is_new() {
    check(
        aloud(with_rule(|condition| condition.at_least = None)),
        "
        tx t1 coin S>A 5
        a 100:t1
        = seen t1 treasury in
        ",
    );
}
