//! The history of watches that are added at run time: it is read for everybody who asked for it, and not longer than they are watched.

use crate::script::check;
use crate::settings::{base, explorer_only};
use walletwatch::reactor::settings::Condition;

#[test]
fn logs_that_were_asked_for_before_somebody_joined_are_not_taken() {
    check(
        base(),
        "
        tx t1 usdc S>M 5
        a 100
        a 101..110
        add late L from 50
        = late complete from 111, 1 new
        ask logs
        add other M from 50
        = other complete from 111, 1 new
        a logs 50..104
        a logs 50..104 t1@60
        a past 50..104
        a 111..120
        a past 105..110
        a logs 105..110
        complete L 50
        complete M 50
        ",
    );
}

#[test]
fn blocks_of_the_past_that_were_chosen_before_somebody_joined_are_not_taken() {
    check(
        base(),
        "
        tx t1 coin S>M 5
        a 100
        a 101..110
        add late L from 50
        = late complete from 111, 1 new
        add other M from 50
        = other complete from 111, 1 new
        a chosen 2 past 50..104
        left 61
        a logs 50..104
        left 61
        a chosen 3 past 50..59 60:t1 61..104
        left 6
        ",
    );
}

#[test]
fn history_that_was_read_live_is_not_owed_after_a_restart() {
    check(
        base(),
        "
        tx t1 coin S>L 5
        add late L
        = late complete from the first block, 1 new
        a 100 101
        add late L from 100
        = late complete from 100, 0 new
        add other M from 103
        = other complete from 102, 1 new
        a 102..110
        restart
        left 0
        complete L 100
        complete M 102
        add late L from 90
        = late complete from 100, 0 new
        left 10
        restart
        left 10
        complete L 100
        ",
    );
}

#[test]
fn what_moved_within_a_watch_is_the_history_of_either_address() {
    let mut settings = base();
    let Condition::Transfer(condition) = &mut settings.rules[0].condition else { panic!("it is one") };
    condition.history = true;
    check(
        settings,
        "
        tx t1 usdc L>M 5
        a 100
        a 101..110
        add late L,M
        = late complete from 111, 2 new
        add late L from 50
        = late complete from 111, 0 new
        a logs 50..104 t1@60
        = seen t1 late self history; confirmed t1 late self history; final t1 late self history
        ",
    );
}

#[test]
fn what_is_history_to_who_was_asked_for_is_new_to_the_other_party() {
    check(
        explorer_only(),
        "
        tx t1 internal M>A 5
        tx t2 internal M>S 5
        tx t3 usdc S>A 5
        scan head 99
        scan usdc A 100.. at 110: t3@110
        = seen t3 treasury in
        add late M from 90
        = late complete from 111, 1 new
        scan internal M 90.. at 105: t1@104 t2@105
        = seen t1 treasury in
        ",
    );
}

#[test]
fn history_of_what_was_removed_is_read_no_more() {
    check(
        base(),
        "
        a 100
        a 101..110
        add late L,M from 50
        = late complete from 111, 2 new
        left 61
        remove late L
        = removed 1
        left 61
        remove late
        = removed 1
        left 0
        wanted no blocks
        restart
        left 0
        ",
    );
}

/// By an explorer alone lists come one after the other, of either party first. What is history to one of them is news to the other: it is
/// told to them and to nobody else, once.
#[test]
fn what_is_history_to_one_party_is_news_to_the_other_whoever_is_read_first() {
    let check = |stands: u64, since: &str, scans: [(&str, &str); 2]| {
        let [(first, said_first), (second, said_second)] = scans;
        check(
            explorer_only(),
            &format!(
                "
                tx t1 usdc A>L 5
                scan head 999
                scan usdc A 1000.. at 1002:
                scan coin B 1000.. at {stands}:
                add late L {since}
                = late complete from {}, 1 new
                {first} {said_first}
                {second} {said_second}
                restart
                {second}
                {first}
                ",
                stands + 1
            ),
        );
    };
    let both = |stands: u64, since: &str, one: (&str, &str), other: (&str, &str), news: &str| {
        check(stands, since, [one, other]);
        check(stands, since, [(other.0, news), (one.0, "")]);
    };
    // The live list of who came looks back over what an index may still change: it tells the other.
    let told = "\n = seen t1 treasury out";
    let live = "scan usdc A 1000.. at 1010: t1@1009";
    both(1010, "from 500", ("scan usdc L 1000.. at 1010: t1@1009", told), (live, ""), told);
    both(1010, "", ("scan usdc L 1011.. at 1010", ""), (live, told), told);
    // Their history tells nobody else, who may have heard of it long ago: their own list does.
    let told = "\n = seen t1 treasury out; confirmed t1 treasury out; final t1 treasury out";
    let (past, live) = ("scan past usdc L 500..1100 at 1700: t1@1003", "scan usdc A 1000.. at 1700: t1@1003");
    both(1700, "from 500", (past, ""), (live, told), told);
}

#[test]
fn a_history_that_is_asked_for_is_told_to_its_watch_and_flagged_whoever_is_read_first() {
    let mut settings = explorer_only();
    let Condition::Transfer(condition) = &mut settings.rules[0].condition else { panic!("it is one") };
    condition.history = true;
    check(
        settings,
        "
        tx t1 usdc A>L 5
        scan head 99
        scan usdc A 100.. at 108:
        scan coin B 100.. at 110:
        add late L from 50
        = late complete from 111, 1 new
        scan usdc A 105.. at 110: t1@109
        = seen t1 treasury out; seen t1 late in history
        ",
    );
}

#[test]
fn what_a_gap_holds_is_news_to_who_was_watched_before_it_and_to_nobody_who_came_later() {
    for (since, past) in [("", ""), ("from 990", "a past 990..997 998:t1")] {
        check(
            base(),
            &format!(
                "
                tx t1 coin A>L 5
                a 100
                a 1000
                add late L {since}
                = late complete from 1001, 1 new
                {past}
                a gap 998:t1 999
                = seen t1 treasury out late; confirmed t1 treasury out late
                restart
                a 1001 1002 1003
                = final t1 treasury out late
                "
            ),
        );
    }
}
