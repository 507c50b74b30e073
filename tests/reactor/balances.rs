//! Balances: crossings, hysteresis, `for`, reads that fail, reorgs, and both kinds of source.

use crate::script::{CHAIN, USDC, check};
use crate::settings::{balance_rule, base};
use std::time::Duration;
use walletwatch::reactor::settings::{Condition, Settings};
use walletwatch::types::Asset;

#[test]
fn a_balance_crosses_strictly_below_and_recovers_at_or_above() {
    check(
        balance_rule(0),
        "
        a fresh
        a 101..110
        soon usdc A yes
        balance usdc A 100 at 110
        soon usdc A no
        balance usdc A 99 at 110
        = balance.crossed 1 99 at 110
        balance usdc A 149 at 110
        balance usdc A 98 at 110
        balance usdc A 150 at 110
        = balance.recovered 1 150 at 110
        balance usdc A 149 at 110
        restart
        balance usdc A 0 at 110
        = balance.crossed 2 0 at 110
        restart
        balance usdc A 1 at 110
        balance usdc A 151 at 110
        = balance.recovered 2 151 at 110
        ",
    );
}

#[test]
fn a_first_reading_past_the_level_is_crossing_one_and_other_balances_are_not_read() {
    check(
        balance_rule(0),
        "
        a fresh
        a 101
        balance usdc B 1 at 101
        balance coin A 1 at 101
        balance usdc A 5 at 101
        = balance.crossed 1 5 at 101
        rule low off
        = alert.resolved low on ops
        balance usdc A 200 at 101
        ",
    );
}

#[test]
fn a_balance_has_to_stay_past_the_level_and_is_read_again_before_that_is_said() {
    check(
        balance_rule(60),
        "
        a fresh
        a 101..103
        balance usdc A 99 at 103
        wait 30s
        balance usdc A 98 at 103
        wait 29s
        soon usdc A no
        wait 1s
        soon usdc A yes
        restart
        soon usdc A yes
        balance usdc A 97 at 103
        = balance.crossed 1 97 at 103
        balance usdc A 150 at 103
        = balance.recovered 1 150 at 103
        balance usdc A 99 at 103
        wait 59s
        balance usdc A 100 at 103
        wait 5s
        soon usdc A no
        balance usdc A 99 at 103
        wait 60s
        balance usdc A 100 at 103
        ",
    );
}

#[test]
fn a_read_that_fails_keeps_the_last_value_and_neither_crosses_nor_recovers() {
    check(
        balance_rule(0),
        "
        a fresh
        a 101..103
        balance usdc A 200 at 103
        balance usdc A empty at 103
        balance usdc A nothing at 103
        balance usdc A 99 at 103
        = balance.crossed 1 99 at 103
        balance usdc A empty at 103
        balance usdc A reverted at 103
        restart
        balance usdc A 120 at 103
        balance usdc A 150 at 103
        = balance.recovered 1 150 at 103
        ",
    );
    // Read in vain for as long as it has to stay there: what it did meanwhile nobody knows.
    check(
        balance_rule(60),
        "
        a fresh
        a 101..103
        balance usdc A 99 at 103
        wait 10s
        balance usdc A nothing at 103
        wait 20s
        balance usdc A 98 at 103
        wait 30s
        balance usdc A 97 at 103
        = balance.crossed 1 97 at 103
        balance usdc A 150 at 103
        = balance.recovered 1 150 at 103
        balance usdc A 99 at 103
        wait 10s
        balance usdc A nothing at 103
        wait 61s
        balance usdc A 98 at 103
        wait 59s
        balance usdc A 97 at 103
        wait 1s
        balance usdc A 96 at 103
        = balance.crossed 2 96 at 103
        ",
    );
}

#[test]
fn a_token_that_refuses_is_not_asked_again_and_again() {
    check(
        balance_rule(0),
        "
        a fresh
        a 101..103
        soon usdc A yes
        balance usdc A reverted at 103
        soon usdc A no
        tx t1 usdc S>A 5
        a 104:t1
        soon usdc A no
        balance usdc A 5 at 104
        = balance.crossed 1 5 at 104
        ",
    );
}

#[test]
fn what_moved_is_read_again_at_the_block_that_moved_it_or_above() {
    check(
        balance_rule(0),
        "
        a fresh
        a 101..103
        balance usdc A 200 at 103
        soon usdc A no
        tx t1 usdc A>S 150
        tx t2 coin A>S 1
        a 104:t2
        soon usdc A no
        a 105:t1
        soon usdc A yes
        balance usdc A 200 at 104
        soon usdc A yes
        restart
        soon usdc A yes
        balance usdc A 50 at 105
        = balance.crossed 1 50 at 105
        soon usdc A no
        balance usdc A 200 at 104
        ",
    );
}

#[test]
fn a_crossing_in_a_block_that_is_gone_is_taken_back_where_it_did_not_cross() {
    // It did not cross in what replaced the block.
    check(
        balance_rule(0),
        "
        a fresh
        a 101..103
        balance usdc A 200 at 103
        tx t1 usdc A>S 150
        a 104:t1
        balance usdc A 50 at 104
        = balance.crossed 1 50 at 104
        a 104'<103 105'
        soon usdc A yes
        balance usdc A 50 at 104
        restart
        balance usdc A 120 at 105'
        = balance.retracted 1 120 at 105 undone
        balance usdc A 99 at 105'
        = balance.crossed 2 99 at 105
        ",
    );
    // It crossed there too: nothing has to be said.
    check(
        balance_rule(0),
        "
        a fresh
        a 101..103
        balance usdc A 50 at 103
        = balance.crossed 1 50 at 103
        a 103'<102 104'
        balance usdc A 60 at 104'
        a 105'
        a 104''<103' 105'' 106''
        balance usdc A 100 at 106''
        = balance.retracted 1 100 at 106 undone
        ",
    );
}

#[test]
fn a_recovery_in_a_block_that_is_gone_is_said_to_be_none() {
    check(
        balance_rule(0),
        "
        a fresh
        a 101..103
        balance usdc A 50 at 103
        = balance.crossed 1 50 at 103
        a 104
        balance usdc A 150 at 104
        = balance.recovered 1 150 at 104
        a 104'<103 105'
        restart
        balance usdc A 120 at 105'
        = balance.crossed 1 120 at 105 undone
        a 106'
        balance usdc A 160 at 106'
        = balance.recovered 1 160 at 106
        a 107' 108' 109' 110' 111' 112'
        a 106''<105' 107'' 108'' 109'' 110'' 111'' 112'' 113''
        = source.blind
        ",
    );
}

/// Said at most once in ten minutes.
fn rarely() -> Settings {
    let mut settings = balance_rule(0);
    let Condition::Balance(condition) = &mut settings.rules[0].condition else { unreachable!("it is a balance rule") };
    let each = condition.thresholds.values_mut();
    each.for_each(|threshold| threshold.at_most_every = Some(Duration::from_mins(10)));
    settings
}

const RECOVERED_LATELY: &str = "
    a fresh
    a 101..103
    balance usdc A 50 at 103
    = balance.crossed 1 50 at 103
    a 104
    balance usdc A 150 at 104
    = balance.recovered 1 150 at 104
    wait 60s
    a 105
    balance usdc A 99 at 105
";

#[test]
fn a_balance_that_fell_too_soon_to_be_said_is_read_when_it_may_be_and_said_if_it_is_low_still() {
    for (then, holds) in [
        (
            "balance usdc A 98 at 105\n= balance.crossed 2 98 at 105",
            "balance usdc A 150 at 105\n= balance.recovered 2 150 at 105",
        ),
        ("balance usdc A 150 at 105", "soon usdc A no"),
        // Neither low nor back: when it is low again.
        (
            "balance usdc A 120 at 105\nwait 1s\nsoon usdc A no",
            "balance usdc A 97 at 105\n= balance.crossed 2 97 at 105",
        ),
        // Where it crossed is gone.
        ("a 105'<104 106'\nbalance usdc A 120 at 106'", "balance usdc A 97 at 106'\n= balance.crossed 3 97 at 106"),
        // Where it was read last is gone, and not where it crossed.
        (
            "balance usdc A 98 at 105\n= balance.crossed 2 98 at 105\na 106\nbalance usdc A 97 at 106\na 106'<105 107'",
            "balance usdc A 120 at 107'\nbalance usdc A 150 at 107'\n= balance.recovered 2 150 at 107",
        ),
    ] {
        let script =
            format!("{RECOVERED_LATELY}\nwait 539s\nsoon usdc A no\nwait 1s\nsoon usdc A yes\n{then}\n{holds}");
        check(rarely(), &script);
    }
}

#[test]
fn a_recovery_in_a_block_that_is_gone_leaves_the_crossing_to_be_said_when_it_may_be() {
    check(
        rarely(),
        &format!(
            "{RECOVERED_LATELY}
            a 106
            balance usdc A 150 at 106
            a 106'<105 107'
            balance usdc A 120 at 107'
            balance usdc A 98 at 107'
            wait 540s
            soon usdc A yes
            balance usdc A 98 at 107'
            = balance.crossed 2 98 at 107
            "
        ),
    );
}

#[test]
fn what_is_final_is_over_and_the_next_crossing_is_another_alert() {
    check(
        balance_rule(0),
        "
        a fresh
        a 101..103
        balance usdc A 50 at 103
        = balance.crossed 1 50 at 103
        a 104..120
        balance usdc A 150 at 120
        = balance.recovered 1 150 at 120
        a 121..140
        balance usdc A 50 at 140
        = balance.crossed 2 50 at 140
        ",
    );
}

#[test]
fn an_explorer_s_balance_is_of_about_a_block_and_counts_only_while_no_endpoint_can_be_asked() {
    let mut alone = balance_rule(0);
    alone.chains.get_mut(&CHAIN).expect("it is there").endpoints.clear();
    check(
        alone,
        "
        scan head 100
        scan balance usdc A 200 at 101
        scan balance usdc A 99 at 105
        = balance.crossed 1 99 at about 105
        scan balance usdc A 99 at 104
        tx t1 usdc S>A 100
        scan usdc A 101.. at 110: t1@108
        soon usdc A yes
        scan balance usdc A 199 at 110
        = balance.recovered 1 199 at about 110
        soon usdc A no
        ",
    );
    check(
        balance_rule(0),
        "
        a fresh
        a 101..103
        scan balance usdc A 1 at 103
        balance usdc A 200 at 103
        a gone
        b gone
        wait 3600s
        = source.blind
        scan balance usdc A 99 at 120
        = balance.crossed 1 99 at about 120
        ",
    );
}

#[test]
fn a_chain_that_nobody_can_watch_starts_waits_anew() {
    check(
        balance_rule(5_000),
        "
        a fresh
        a 101..103
        balance usdc A 99 at 103
        wait 3600s
        = source.blind
        a 104
        = source.recovered
        balance usdc A 98 at 104
        wait 4999s
        = source.blind
        a 105
        = source.recovered
        balance usdc A 97 at 105
        ",
    );
}

#[test]
fn balances_are_shown_in_the_order_of_the_config_as_long_as_there_is_room() {
    let mut settings = base();
    settings.balances.shown = [(CHAIN, Asset::Coin), (CHAIN, Asset::Token(USDC))].into();
    settings.balances.most = 3;
    let mut reactor = walletwatch::reactor::Reactor::default();
    let at = walletwatch::types::Timestamp::from_secs(1);
    let _effects = reactor.handle(at, walletwatch::reactor::event::Event::Configured(Box::new(settings)));
    let kept = reactor.balances_kept();
    assert_eq!((kept.kept().count(), kept.left_out()), (3, 1));
}
