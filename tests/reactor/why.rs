//! Why a transfer was said or not, and where the rule of an alert stands: every check with what there is and what is wanted.

use crate::live::in_earnest;
use crate::names::{CHAIN, FAKE, USDC, address};
use crate::settings::{balance_rule, base, paying, price_rule, with_rule};
use crate::silences::Stage;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use walletwatch::reactor::event::{Balances, Command, DeliveryReport, Event};
use walletwatch::reactor::phase::Phase;
use walletwatch::reactor::rows::AlertSubject;
use walletwatch::reactor::settings::{Approval, Direction, Settings};
use walletwatch::reactor::why::Looked;
use walletwatch::types::{Asset, Kind, Name, Severity, U256};

const HOUR: Duration = Duration::from_hours(1);

/// What each rule says: the checks that stop it, in words, and what does besides; empty where it speaks.
fn stopped(looked: &[Looked]) -> Vec<String> {
    let of = |looked: &Looked| {
        let no = looked.checks.iter().filter(|check| !check.passed);
        let no = no.map(|check| format!("{}: {} (wanted: {})", check.check, check.is, check.wanted));
        let besides = looked.besides.iter().map(ToString::to_string);
        no.chain(besides).collect::<Vec<_>>().join("; ")
    };
    looked.iter().map(of).collect()
}

fn why(stage: &mut Stage) -> Vec<Looked> {
    let row = stage.transfers.values().next_back().expect("a transfer was seen").clone();
    stage.handle(Event::Command(Command::Why(Box::new(row))));
    stage.looked.clone()
}

#[test]
fn a_transfer_that_was_not_said_says_what_stopped_each_rule() {
    let check = |settings: Settings, (asset, amount): (Asset, u128), expected: &[&str]| {
        let mut stage = Stage::new(settings);
        let kind = if asset == Asset::Coin { Kind::Coin } else { Kind::Token };
        stage.moves(kind, asset, "S", "A", amount);
        let looked = why(&mut stage);
        let is = stopped(&looked);
        assert!(
            is.len() == expected.len() && is.iter().zip(expected).all(|(is, expected)| is.contains(expected)),
            "{expected:?} is meant: {is:#?}"
        );
        let said = !stage.told.is_empty();
        assert_eq!(said, expected.iter().all(|stop| stop.is_empty()), "what it says is what it does: {is:?}");
    };
    let usdc = (Asset::Token(USDC), 7_500_000);
    check(base(), usdc, &[""]);
    check(with_rule(|rule| rule.direction = Direction::Out), usdc, &["direction: in (wanted: out)"]);
    let least = |raw: u64| {
        with_rule(|rule| rule.at_least = Some(BTreeMap::from([((CHAIN, Asset::Token(USDC)), U256::from(raw))])))
    };
    check(least(1_000_000_000), usdc, &["at_least: 7.5 USDC (wanted: at least 1000 USDC)"]);
    check(least(7_500_000), usdc, &[""]);
    check(
        least(1),
        (Asset::Coin, 5),
        &["at_least: 0.000000000000000005 ETH (wanted: the rule has no threshold for this asset)"],
    );
    let only = with_rule(|rule| rule.assets = Some(BTreeSet::from([(CHAIN, Asset::Coin)])));
    check(only, usdc, &["asset: USDC (wanted: ETH)"]);
    check(with_rule(|rule| rule.chains = BTreeSet::new()), usdc, &["chain: dev (wanted: )"]);
    check(base(), (Asset::Token(USDC), 0), &["it looks made to deceive (zero value): it is named in the daily digest"]);
    let skip = with_rule(|rule| rule.skip_suspect = true);
    let dusty = Settings { dust: BTreeMap::from([((CHAIN, Asset::Token(USDC)), U256::from(100))]), ..skip };
    check(dusty, (Asset::Token(USDC), 5), &["skip_suspect: dust (wanted: not suspect)"]);
    let late = with_rule(|rule| rule.stages = BTreeSet::from([walletwatch::types::Stage::Final]));
    check(late, usdc, &["the rule speaks when it is final, and it is seen"]);
    let mut grave = base();
    grave.sinks.values_mut().for_each(|sink| sink.min_severity = Severity::Critical);
    check(grave, usdc, &["these sinks do not take it, by their `min_severity` or `types`: ops"]);
    let mut two = base();
    two.rules.push(with_rule(|rule| rule.direction = Direction::Out).rules.remove(0));
    two.rules[1].name = "out".into();
    let mut stage = Stage::new(two);
    stage.moves(Kind::Token, Asset::Token(USDC), "S", "A", 7_500_000);
    let looked = why(&mut stage);
    assert_eq!(looked.iter().map(|rule| rule.rule.as_str()).collect::<Vec<_>>(), ["all", "out"]);
    assert!(stopped(&looked)[0].is_empty() && stopped(&looked)[1].contains("direction"), "{looked:?}");
    let mut stage = Stage::new(base());
    stage.moves(Kind::Token, Asset::Token(FAKE), "S", "A", 7);
    stage.wait(Duration::from_secs(5));
    let amount = why(&mut stage)[0].checks[6].is.clone();
    assert_eq!(amount.as_str(), "7 raw", "of a token that does not say, in raw units");
}

#[test]
fn a_silence_is_named_while_it_lasts_and_when_it_is_over() {
    let mut stage = Stage::new(base());
    let number = stage.silence(&[("rule", "all")], HOUR);
    stage.moves(Kind::Coin, Asset::Coin, "S", "A", 7);
    assert!(stage.told.is_empty());
    let is = stopped(&why(&mut stage)).remove(0);
    let starts = |verb: &str| format!("silence {number} by admin (the vault moves) {verb} it, from ");
    assert!(is.starts_with(&starts("keeps")) && is.ends_with("else the digest names it"), "{is}");
    stage.wait(HOUR);
    let is = stopped(&why(&mut stage)).remove(0);
    assert!(is.contains(&starts("kept")) && is.ends_with("or the digest named it"), "{is}");
}

fn why_alert(stage: &mut Stage, is: impl Fn(&AlertSubject) -> bool) -> Looked {
    let row = stage.alerts.values().rev().find(|row| is(&row.subject)).expect("there is such an alert").clone();
    stage.handle(Event::Command(Command::WhyAlert(Box::new(row))));
    assert_eq!(stage.looked.len(), 1);
    stage.looked[0].clone()
}

#[test]
fn the_alert_of_a_crossing_says_the_value_the_threshold_and_how_often_it_speaks() {
    let is_crossing = |subject: &AlertSubject| matches!(subject, AlertSubject::Crossing(_));
    let mut stage = Stage::new(price_rule(0, Some(3_600)));
    stage.price("99");
    let looked = why_alert(&mut stage, is_crossing);
    let [level, every] = &looked.checks[..] else { panic!("{looked:?}") };
    assert!(level.passed && level.check == "below" && level.is.as_str() == "99", "{level:?}");
    assert!(level.wanted.as_str().starts_with("below 100, until it is at or above "), "{level:?}");
    assert!(every.passed && every.wanted.as_str() == "once in 3600 s", "{every:?}");
    // Too soon for another one: that is what stops it.
    stage.price("200");
    stage.price("98");
    let looked = why_alert(&mut stage, is_crossing);
    assert!(stopped(&[looked])[0].contains("crossing 2 is not said"), "at_most_every");
    // A price that nobody knows.
    stage.wait(HOUR);
    let looked = why_alert(&mut stage, is_crossing);
    assert!(looked.checks[0].is.as_str().starts_with("unknown: no fresh price of ETH-USD"), "{looked:?}");
    // A rule that is gone.
    stage.settings.rules.clear();
    let settings = stage.settings.clone();
    stage.handle(Event::Configured(Box::new(settings)));
    let looked = why_alert(&mut stage, is_crossing);
    assert!(stopped(&[looked])[0].contains("the rule is not in force any more"));
}

#[test]
fn a_built_in_alert_says_whether_the_trouble_lasts() {
    let mut stage = Stage::new(base());
    let (sink, reason, since) = ("ops".into(), "HTTP 503".into(), stage.now);
    stage.handle(Event::Delivery(DeliveryReport::Failing { sink, since, reason }));
    let is_trouble = |subject: &AlertSubject| matches!(subject, AlertSubject::Trouble(_));
    let looked = why_alert(&mut stage, is_trouble);
    assert_eq!((looked.rule.as_str(), looked.checks[0].passed), ("sink.failing", true));
    stage.handle(Event::Delivery(DeliveryReport::Recovered { sink: "ops".into() }));
    let looked = why_alert(&mut stage, is_trouble);
    assert!(!looked.checks[0].passed && looked.checks[0].is.as_str().starts_with("over; it began at "), "{looked:?}");
    // Another trouble of the same sink is another alert, and none of this one.
    let first = stage.alerts.values().find(|alert| is_trouble(&alert.subject)).expect("it was said").clone();
    let (sink, reason, since) = ("ops".into(), "HTTP 503".into(), stage.now);
    stage.handle(Event::Delivery(DeliveryReport::Failing { sink, since, reason }));
    stage.handle(Event::Command(Command::WhyAlert(Box::new(first))));
    let check = &stage.looked[0].checks[0];
    assert!(!check.passed && check.is.as_str().contains("; it was so again since "), "{check:?}");
}

#[test]
fn a_balance_rule_stands_for_each_balance_alone() {
    let settings = balance_rule(0);
    let mut stage = Stage::new(settings);
    let rule = "low".into();
    stage.moves(Kind::Coin, Asset::Coin, "S", "A", 7);
    let read = |stage: &mut Stage, amount: u64| {
        let at = stage.tip();
        let read = vec![(address("A"), Asset::Token(USDC), Ok(U256::from(amount)))];
        stage.handle(Event::Balances(Balances { chain: CHAIN, source: "a".into(), at, read }));
        let levels: Vec<_> =
            stage.reactor.levels(&rule).map(|level| (level.key.holding.address, level.phase)).collect();
        levels
    };
    let levels = read(&mut stage, 200);
    assert!(levels.iter().all(|(_, phase)| *phase == Phase::Calm), "{levels:?}");
    let levels = read(&mut stage, 50);
    assert!(matches!(levels[..], [(who, Phase::Crossed(_))] if who == address("A")), "{levels:?}");
    let looked = why_alert(&mut stage, |subject| matches!(subject, AlertSubject::Balance { .. }));
    assert_eq!(looked.watch.as_ref().map(Name::as_str), Some("treasury"));
    let level = &looked.checks[0];
    assert!(level.passed && level.is.as_str() == "0.00005 USDC", "{level:?}");
    assert_eq!(level.wanted.as_str(), "below 0.0001 USDC, until it is at or above 0.00015 USDC");
    let levels = read(&mut stage, 160);
    assert!(levels.iter().all(|(_, phase)| *phase == Phase::Calm), "{levels:?}");
}

#[test]
fn a_transfer_that_a_paying_rule_matches_says_why_no_payment_came() {
    let usdc = Asset::Token(USDC);
    for settings in [paying(Approval::None), in_earnest(paying(Approval::None))] {
        let check = |(asset, from, amount): (Asset, &str, u128), expected: Option<&str>| {
            let mut stage = Stage::new(settings.clone());
            stage.moves(Kind::Token, asset, from, "A", amount);
            let is = stopped(&why(&mut stage)).join("; ");
            let told = is.split("; ").find(|words| words.contains("payment"));
            assert!(
                told.is_some() == expected.is_some() && expected.is_none_or(|expected| is.contains(expected)),
                "{expected:?} is meant: {is}"
            );
        };
        check((usdc, "S", 500), Some("no payment: it is seen, and pays when it is final"));
        // Its own checks say why.
        check((usdc, "S", 99), None);
        check((Asset::Token(FAKE), "S", 500), None);
    }
    let mut stage = Stage::new(in_earnest(paying(Approval::None)));
    stage.moves(Kind::Token, usdc, "P", "A", 500);
    let is = stopped(&why(&mut stage)).join("; ");
    assert!(is.contains("no payment: it is from or to the paying wallet or a payee"), "{is}");
}
