//! Limits (issue 5, line 4): at the limit, one unit over, across restarts, over two rules, at the edge of the day; many that wait; a freeze
//! under load.

use crate::bench::{Bench, HOUR, Post, facts, terms};
use walletwatch::reactor::money::PaymentState;
use walletwatch::reactor::payments::desk::terms::Terms;
use walletwatch::reactor::payments::desk::{Order, Refusal};
use walletwatch::types::{Name, PaymentId, U256};

const DAY: i64 = 24 * HOUR;

/// What becomes of a payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expected {
    Goes,
    Waits,
}
use Expected::{Goes, Waits};

/// By which rule, how much, and so long after the payment before.
type Planned = (&'static str, u64, i64, Expected);

struct Case {
    limit: &'static str,
    terms: fn(&mut Terms),
    planned: &'static [Planned],
}

fn rule(terms: &mut Terms, name: &str, change: impl FnOnce(&mut walletwatch::reactor::payments::desk::terms::Offer)) {
    change(terms.offers.get_mut(&Name::from(name)).expect("it is there"));
}

const CASES: [Case; 8] = [
    Case { limit: "per_payment", terms: |_| {}, planned: &[("one", 100, 0, Goes), ("one", 101, 0, Waits)] },
    Case {
        limit: "per_day of a rule",
        terms: |_| {},
        planned: &[
            ("one", 100, 0, Goes),
            ("one", 100, HOUR, Goes),
            ("one", 51, HOUR, Waits),
            // What had no room takes none, and another rule has its own.
            ("one", 50, 0, Goes),
            ("one", 1, 0, Waits),
            ("two", 100, 0, Goes),
            ("one", 1, 20 * HOUR, Waits),
            ("one", 100, 6 * HOUR, Goes),
        ],
    },
    Case {
        limit: "in_total of a rule",
        terms: |terms| rule(terms, "one", |offer| offer.in_total = U256::from(300)),
        planned: &[
            ("one", 100, 0, Goes),
            ("one", 100, 2 * DAY, Goes),
            ("one", 101, 2 * DAY, Waits),
            ("one", 100, 0, Goes),
            ("one", 1, 9 * DAY, Waits),
            ("two", 1, 0, Goes),
        ],
    },
    Case {
        limit: "max_per_day",
        terms: |terms| rule(terms, "one", |offer| offer.max_per_day = 3),
        planned: &[
            ("one", 1, 0, Goes),
            ("one", 1, 0, Goes),
            ("one", 1, 0, Goes),
            ("one", 1, 0, Waits),
            ("two", 1, 0, Goes),
            ("one", 1, 2 * DAY, Goes),
        ],
    },
    Case {
        limit: "per_day of a payee, over two rules",
        terms: |terms| {
            rule(terms, "two", |offer| offer.payee = "a".into());
            terms.payees.get_mut(&Name::from("a")).expect("it is there").per_day = U256::from(150);
        },
        planned: &[
            ("one", 100, 0, Goes),
            ("two", 51, 0, Waits),
            ("two", 50, 0, Goes),
            ("one", 1, HOUR, Waits),
            ("two", 100, 2 * DAY, Goes),
        ],
    },
    Case {
        limit: "per_day of the wallet, over two rules",
        terms: |terms| terms.per_day = U256::from(150),
        planned: &[
            ("one", 100, 0, Goes),
            ("two", 51, 0, Waits),
            ("two", 50, 0, Goes),
            ("one", 1, HOUR, Waits),
            ("two", 100, 2 * DAY, Goes),
        ],
    },
    Case {
        limit: "in_total of the wallet, over two rules",
        terms: |terms| terms.in_total = U256::from(200),
        planned: &[
            ("one", 100, 0, Goes),
            ("two", 100, 2 * DAY, Goes),
            ("two", 1, 9 * DAY, Waits),
            ("one", 1, 0, Waits),
        ],
    },
    Case {
        limit: "more than 256 bits",
        terms: |terms| terms.in_total = U256::MAX,
        planned: &[("one", 100, 0, Goes), ("one", u64::MAX, 0, Waits), ("two", 100, 0, Goes)],
    },
];

#[test]
fn limits_hold_at_the_limit_and_one_unit_over_whether_it_is_started_again_or_not() {
    for case in &CASES {
        for restarts in [false, true] {
            let mut terms = terms();
            (case.terms)(&mut terms);
            let mut bench = Bench::new(terms);
            let mut sum = 0;
            for (number, (rule, amount, after, expected)) in (1..).zip(case.planned) {
                if *after > 0 {
                    bench.pass(*after);
                }
                let row = bench.plan(rule, facts(number, *amount)).expect("it is planned");
                if restarts {
                    bench.restart();
                }
                bench.settle();
                if restarts {
                    bench.restart();
                }
                sum += if *expected == Goes { amount } else { &0 };
                let wanted = match expected {
                    Goes => (PaymentState::Complete, String::new()),
                    Waits => (PaymentState::Held, "limit".to_owned()),
                };
                let what = format!("{}, payment {number}, restarts: {restarts}", case.limit);
                assert_eq!(bench.stands(row.id), wanted, "{what}");
                assert_eq!(bench.paid(), sum, "{what}");
            }
        }
    }
}

#[test]
fn a_payment_leaves_the_day_a_day_after_it_is_known_to_be_paid_and_not_a_millisecond_before() {
    for (early, expected) in [(1, PaymentState::Held), (0, PaymentState::Approved)] {
        let mut terms = terms();
        rule(&mut terms, "one", |offer| offer.per_day = U256::from(100));
        let mut bench = Bench::new(terms);
        let first = bench.plan("one", facts(1, 100)).expect("it is planned").id;
        bench.settle();
        let paid = bench.row(first);
        assert_eq!(paid.state, PaymentState::Complete);
        bench.at = paid.changed_at.millis() + DAY - early;
        let second = bench.plan("one", facts(2, 100)).expect("it is planned");
        assert_eq!(second.state, expected, "{early} ms early");
    }
}

#[test]
fn what_a_lost_store_paid_counts_in_every_limit_of_the_restored_one() {
    let mut terms = terms();
    rule(&mut terms, "one", |offer| offer.max_per_day = 2);
    let mut bench = Bench::new(terms);
    let pay = |bench: &mut Bench, number| {
        let id = bench.plan("one", facts(number, 10)).expect("it is planned").id;
        bench.settle();
        bench.row(id).state
    };
    assert_eq!(pay(&mut bench, 1), PaymentState::Complete);
    let backup = bench.store.clone();
    assert_eq!(pay(&mut bench, 2), PaymentState::Complete);
    bench.store = backup;
    bench.restart();
    bench.pass(60 * 60_000);
    bench.order(Order::Unfreeze, "ann").expect("a transfer that this store does not know froze it");
    let (day, total) = (U256::from(20), U256::from(20));
    assert_eq!(bench.desk.used(&"one".into(), bench.now()), (day, total, 2), "and so says the gauge");
    let third = bench.plan("one", facts(3, 10)).expect("it is planned").id;
    assert_eq!(bench.stands(third), (PaymentState::Held, "limit".into()));
    assert_eq!(bench.approve(third, "ann"), Err(Refusal::SecondName));
    assert_eq!(bench.approve(third, "bob"), Err(Refusal::NoRoom));
}

#[test]
fn what_fits_when_it_is_planned_is_counted_again_when_it_is_sent() {
    let mut bench = Bench::new(terms());
    bench.order(Order::Freeze { why: "a drill".into() }, "ann").expect("it freezes");
    let held = bench.plan("one", facts(1, 100)).expect("it is planned").id;
    assert_eq!(bench.stands(held), (PaymentState::Held, "frozen".into()));
    bench.order(Order::Unfreeze, "ann").expect("it goes on");
    assert_eq!(bench.approve(held, "ann"), Ok(()));
    // Before it leaves, a person lowers the limit.
    let mut lower = bench.terms.clone();
    rule(&mut lower, "one", |offer| offer.per_payment = U256::from(99));
    bench.configure(lower);
    bench.accept();
    bench.pass(60_000);
    assert_eq!(bench.stands(held), (PaymentState::Held, "limit".into()));
    assert_eq!(bench.paid(), 0);
}

#[test]
fn thirty_that_wait_in_two_rules_pay_no_more_than_their_limits_however_they_are_approved() {
    let mut terms = terms();
    terms.per_day = U256::from(420);
    for name in ["one", "two"] {
        rule(&mut terms, name, |offer| (offer.manual, offer.max_per_day) = (true, 100));
    }
    let mut bench = Bench::new(terms);
    let mut waiting: Vec<PaymentId> = Vec::new();
    for number in 0..30_u8 {
        let name = if number % 2 == 0 { "one" } else { "two" };
        let row = bench.plan(name, facts(number + 1, 30)).expect("it is planned");
        assert_eq!(row.state, PaymentState::Held, "each waits for a person");
        waiting.push(row.id);
    }
    let mut answers: Vec<Result<(), Refusal>> = Vec::new();
    for id in &waiting {
        let first = bench.approve(*id, "ann");
        answers.push(if first == Err(Refusal::SecondName) { bench.approve(*id, "bob") } else { first });
    }
    let gone = answers.iter().filter(|answer| answer.is_ok()).count();
    // 14 of 30 are 420: what the wallet may pay in a day. Two names pass a rule's day, never the wallet's.
    assert_eq!(gone, 14, "{answers:?}");
    assert!(answers.iter().filter_map(|answer| answer.err()).all(|refusal| refusal == Refusal::NoRoom), "{answers:?}");
    bench.pass(30 * 60_000);
    bench.settle();
    assert_eq!(bench.paid(), 420);
}

#[test]
fn the_twenty_first_that_waits_stops_its_rule_and_no_other() {
    let mut terms = terms();
    for name in ["one", "two"] {
        rule(&mut terms, name, |offer| (offer.manual, offer.max_per_day) = (true, 100));
    }
    let mut bench = Bench::new(terms);
    for number in 1..=20 {
        assert!(bench.plan("one", facts(number, 1)).is_some(), "{number}");
    }
    assert!(bench.plan("one", facts(21, 1)).is_none());
    assert!(bench.plan("one", facts(22, 1)).is_none());
    assert_eq!(bench.desk.stops().map(|row| row.missed).collect::<Vec<_>>(), [1], "what came behind it is counted");
    assert!(bench.plan("two", facts(23, 1)).is_some());
    assert_eq!(bench.order(Order::Resume { rule: "one".into() }, "ann"), Ok(()));
    assert!(bench.plan("one", facts(21, 1)).is_none(), "what was mined while it was stopped never pays");
}

#[test]
fn under_a_freeze_nothing_is_let_go_neither_first_nor_again() {
    for ambiguous in [Post::Lost, Post::DoneUnheard, Post::Kept] {
        let mut terms = terms();
        terms.relaxed = true;
        let mut bench = Bench::new(terms);
        bench.post = ambiguous;
        for number in 1..=2 {
            assert!(bench.plan("one", facts(number, 100)).is_some());
            assert!(bench.plan("two", facts(number + 10, 100)).is_some());
        }
        bench.pass(3_000);
        let before = bench.left.len();
        assert!(before > 0, "something is on its way");
        bench.order(Order::Freeze { why: "a drill".into() }, "bob").expect("it freezes");
        let frozen_at = bench.at;
        bench.pass(40 * 60_000);
        assert_eq!(bench.left.len(), before, "{ambiguous:?}: nothing was handed out behind the freeze's commit");
        // What was handed out before may leave within a second of its own commit, so within one of the freeze's.
        assert!(bench.left.iter().all(|(at, _)| *at <= frozen_at));
        bench.restart();
        bench.pass(10 * 60_000);
        assert_eq!(bench.left.len(), before, "{ambiguous:?}: nor after a start");
        bench.post = Post::Usual;
        bench.order(Order::Unfreeze, "bob").expect("it goes on");
        bench.settle();
        assert!(bench.left.len() > before, "{ambiguous:?}: and then it goes on");
    }
}

#[test]
fn a_payment_that_the_wallet_cannot_pay_waits_and_a_fee_that_stays_too_high_asks_a_person() {
    let check = |funds: u64, coin: u64, fee: u64, gasless: bool, expected: (PaymentState, &str)| {
        let mut terms = terms();
        terms.gasless = gasless;
        let mut bench = Bench::new(terms);
        (bench.circle.funds, bench.coin, bench.fee) = (funds, coin, fee);
        let id = bench.plan("one", facts(1, 100)).expect("it is planned").id;
        bench.pass(20 * 60_000);
        let (state, why) = bench.stands(id);
        assert_eq!((state, why.as_str()), expected, "{funds} USDC, {coin} wei, fee {fee}, gasless: {gasless}");
        id
    };
    check(100, 1_000, 1_000, false, (PaymentState::Complete, ""));
    check(99, 1_000, 1_000, false, (PaymentState::Approved, ""));
    check(100, 999, 1_000, false, (PaymentState::Approved, ""));
    check(100, 0, 1_000, true, (PaymentState::Complete, ""));
    check(100, 2_000, 1_001, false, (PaymentState::Approved, ""));
    let mut bench = Bench::new(terms());
    (bench.coin, bench.fee) = (2_000, 1_001);
    let id = bench.plan("one", facts(1, 100)).expect("it is planned").id;
    bench.pass(61 * 60_000);
    assert_eq!(bench.stands(id), (PaymentState::Held, "fee".into()));
    assert_eq!(bench.approve(id, "ann"), Ok(()));
    bench.settle();
    assert_eq!(bench.row(id).state, PaymentState::Complete, "a person accepted the fee");
}
