//! Another config while everything runs: what is said of what left it, and what goes on untouched. And the heartbeat.

use crate::script::{CHAIN, address, check, check_with, pair};
use crate::settings::{balance_rule, base, both, price_rule, rule};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use walletwatch::reactor::addresses::AddressList;
use walletwatch::reactor::settings::{Condition, Heartbeat, Settings};
use walletwatch::types::{Asset, Name, Stage, U256};

fn but(settings: &Settings, change: impl FnOnce(&mut Settings)) -> Settings {
    let mut settings = settings.clone();
    change(&mut settings);
    settings
}

#[test]
fn a_removed_rule_says_that_its_crossing_is_over_and_what_it_said_of_a_transfer_is_still_taken_back() {
    let settings = base();
    let none = but(&settings, |settings| settings.rules.clear());
    check_with(
        settings.clone(),
        &[("none", none), ("all", settings)],
        "
        a 100
        tx t coin C>A 5
        a 101:t
        = seen t treasury in
        config none
        a 102
        a 103
        tx u coin C>A 6
        a 104:u
        wait 1s
        config all
        tx v coin C>A 7
        a 105:v
        = seen v treasury in
        a 103'<102 104' 105' 106'
        = retracted v treasury in
        ",
    );
    let settings = base();
    let none = but(&settings, |settings| settings.rules.clear());
    check_with(
        settings,
        &[("none", none)],
        "
        a 100
        tx t coin C>A 5
        a 101:t
        = seen t treasury in
        config none
        restart
        a 101'<100 102'
        = retracted t treasury in
        ",
    );
}

#[test]
fn an_alert_whose_rule_left_or_changed_is_resolved_where_it_was_told_and_the_sink_is_still_there() {
    let low = price_rule(0, None);
    let gone = but(&low, |settings| settings.rules.clear());
    let other = but(&low, |settings| {
        for rule in &mut settings.rules {
            if let Condition::Price(price) = &mut rule.condition {
                price.threshold.hold = Duration::from_secs(7);
            }
        }
    });
    let silent = but(&gone, |settings| drop(settings.sinks.remove(&Name::from("ops"))));
    let configs = [("low", low.clone()), ("gone", gone), ("other", other), ("silent", silent)];
    check_with(
        low.clone(),
        &configs,
        "
        price 99
        = price.crossed 1
        config low
        config gone
        = alert.resolved low on ops
        price 98
        config low
        price 97
        = price.crossed 2
        config other
        = alert.resolved low on ops
        wait 7s
        price 96
        wait 7s
        = price.crossed 3
        config silent
        ",
    );
    let settings = balance_rule(0);
    let elsewhere = but(&settings, |settings| {
        Arc::make_mut(&mut settings.watches).retain(|watch| watch.name.as_str() != "treasury");
    });
    check_with(
        settings,
        &[("elsewhere", elsewhere)],
        "
        a 100
        balance usdc A 50 at 100
        = balance.crossed 1 50 at 100
        config elsewhere
        = alert.resolved low on ops
        ",
    );
}

#[test]
fn an_edit_of_a_rule_silences_nothing_that_is_under_way() {
    let settings = but(&base(), |settings| settings.rules = vec![rule(&[Stage::Confirmed, Stage::Final])]);
    // Another watch of "all": the condition is another one, though nobody touched the rule.
    let watched = but(&settings, |settings| {
        let mut third = settings.watches[0].clone();
        (third.name, third.addresses) = ("third".into(), Arc::new(AddressList::from_iter([address("D")])));
        Arc::make_mut(&mut settings.watches).push(third);
        let Condition::Transfer(condition) = &mut settings.rules[0].condition else { panic!("it is on transfers") };
        condition.watches.insert("third".into());
    });
    let dear = but(&settings, |settings| {
        let Condition::Transfer(condition) = &mut settings.rules[0].condition else { panic!("it is on transfers") };
        condition.at_least = Some(BTreeMap::from([((CHAIN, Asset::Coin), U256::from(6))]));
    });
    let none = but(&settings, |settings| settings.rules.clear());
    let configs = [("watched", watched), ("dear", dear), ("none", none), ("all", settings.clone())];
    check_with(
        settings.clone(),
        &configs,
        "
        a 100
        tx t coin C>A 5
        a 101:t
        wait 1s
        config watched
        a 102
        a 103
        = confirmed t treasury in
        wait 1s
        restart
        config all
        a 104 105 106
        = final t treasury in
        ",
    );
    // What an edit leaves out is left out, also of what is under way.
    check_with(
        settings.clone(),
        &configs,
        "
        a 100
        tx t coin C>A 5
        tx u coin C>A 6
        a 101:t,u
        wait 1s
        config dear
        a 102 103
        = confirmed u treasury in
        ",
    );
    // A rule that was gone meanwhile is another one.
    check_with(
        settings,
        &configs,
        "
        a 100
        tx t coin C>A 5
        a 101:t
        config none
        wait 1s
        config all
        a 102 103 104 105 106
        ",
    );
}

#[test]
fn what_left_the_config_is_not_waited_for_and_its_trouble_is_over() {
    let settings = both();
    let chainless = but(&settings, |settings| settings.chains.clear());
    let alone = but(&settings, |settings| {
        settings.chains.get_mut(&CHAIN).expect("it is there").explorer = None;
    });
    let configs = [("chainless", chainless), ("alone", alone), ("both", settings.clone())];
    // An explorer that is blind, and then gone; nobody waits for it after that.
    check_with(
        settings.clone(),
        &configs,
        "
        a 100
        scan fresh
        scan gone
        wait 120s
        = source.blind scan
        config alone
        = alert.resolved built-in on ops,chat
        wait 300s
        config both
        scan gone
        config alone
        wait 300s
        ",
    );
    // A chain that is gone is not blind; when it is back it goes on from where it was, and what an ended endpoint had sent comes to nothing.
    check_with(
        settings,
        &configs,
        "
        a fresh
        a 100
        config chainless
        wait 7200s
        a 101
        config both
        a 101
        tx t coin C>A 5
        a 102:t
        = seen t treasury in
        ",
    );
}

#[test]
fn of_feeds_that_differ_it_is_over_when_one_of_them_left() {
    let two = but(&base(), |settings| drop(settings.feeds.insert("other".into(), vec![pair()])));
    let three = but(&two, |settings| drop(settings.feeds.insert("third".into(), vec![pair()])));
    let configs = [("one", base()), ("two", two.clone()), ("three", three), ("none", but(&two, |it| it.feeds.clear()))];
    check_with(
        two.clone(),
        &configs,
        "
        price 100
        price 150 of other
        wait 60s
        price 100
        = source.disagrees
        config two
        config three
        config one
        = alert.resolved built-in on ops,chat
        ",
    );
    check_with(
        two,
        &configs,
        "
        price 100
        price 150 of other
        wait 60s
        price 100
        = source.disagrees
        config none
        = alert.resolved built-in on ops,chat
        ",
    );
}

#[test]
fn an_endpoint_that_left_vouches_for_nothing() {
    let settings = both();
    let without = but(&settings, |settings| {
        settings.chains.get_mut(&CHAIN).expect("it is there").endpoints.retain(|name| name.as_str() != "a");
    });
    check_with(
        settings.clone(),
        &[("without", without), ("with", settings)],
        "
        a fresh
        a 100..105
        scan fresh
        tx t coin C>A 5
        config without
        a 106:t
        b fresh
        b 106
        = seen t treasury in
        ",
    );
}

#[test]
fn a_sink_that_left_is_in_no_trouble() {
    let settings = base();
    let without = but(&settings, |settings| {
        drop(settings.sinks.remove(&Name::from("chat")));
        settings.system.notify = vec!["ops".into()];
    });
    check_with(
        settings.clone(),
        &[("without", without), ("with", settings)],
        "
        sink chat fails
        = sink.failing on ops
        config without
        = alert.resolved built-in on ops
        config with
        sink chat works
        sink chat fails
        = sink.failing on ops
        ",
    );
}

#[test]
fn a_heartbeat_comes_as_often_as_it_was_asked_for_whatever_restarts() {
    let every = |seconds: u64| {
        but(&base(), |settings| {
            settings.system.heartbeat = Some(Heartbeat { to: "ops".into(), every: Duration::from_secs(seconds) });
            settings.chains = BTreeMap::new();
            settings.feeds = BTreeMap::new();
        })
    };
    let never = but(&every(60), |settings| settings.system.heartbeat = None);
    check_with(
        never.clone(),
        &[("minute", every(60)), ("hour", every(3_600)), ("never", never)],
        "
        config minute
        = heartbeat 0
        wait 59s
        config minute
        restart
        wait 1s
        = heartbeat 0
        sink chat fails
        = sink.failing on ops
        wait 60s
        = heartbeat 1
        wait 120s
        = heartbeat 1; heartbeat 1
        config hour
        = heartbeat 1
        wait 3599s
        wait 1s
        = heartbeat 1
        config never
        wait 7200s
        ",
    );
    check(base(), "wait 100s");
}

#[test]
fn each_outage_is_told_with_its_end_and_after_three_in_a_row_what_lasts_or_a_digest() {
    check(
        both(),
        "
        a 100
        scan fresh
        scan gone
        wait 120s
        = source.blind scan
        scan fresh
        = source.recovered scan
        scan gone
        wait 120s
        = source.blind scan
        scan fresh
        = source.recovered scan
        scan gone
        wait 120s
        = source.blind scan
        restart
        scan fresh
        = source.recovered scan
        scan gone
        wait 120s
        scan fresh
        scan gone
        wait 120s
        restart
        wait 179s
        wait 1s
        = source.blind scan; digest on chat of 1 and 0; digest on ops of 1 and 0
        scan fresh
        = source.recovered scan
        wait 2400s
        scan gone
        wait 120s
        = source.blind scan
        scan fresh
        = source.recovered scan
        ",
    );
    check(
        base(),
        "
        sink chat fails
        = sink.failing on ops
        sink chat works
        = sink.recovered on ops
        sink chat fails
        = sink.failing on ops
        sink chat works
        = sink.recovered on ops
        sink chat fails
        = sink.failing on ops
        sink chat works
        = sink.recovered on ops
        sink chat fails
        sink chat works
        wait 299s
        sink chat fails
        wait 1s
        = sink.failing on ops; digest on ops of 1 and 0
        sink chat fails
        sink chat works
        = sink.recovered on ops
        wait 600s
        ",
    );
    // However many there are, a digest names some and counts the rest; and what lasts is among those that are told.
    let flood = "sink chat fails\nsink chat works\n".repeat(50);
    let three = "sink chat fails\n= sink.failing on ops\nsink chat works\n= sink.recovered on ops\n".repeat(3);
    check(
        base(),
        &format!(
            "{three}{flood}sink chat fails\nwait 300s\n= sink.failing on ops; digest on ops of 10 and 31; digest on ops of 9 and 0"
        ),
    );
}
