//! What others say of a payment: another operator of what made it, and Circle of what it shows.

use crate::bench::{Bench, HOUR, Post, facts, terms};
use crate::chain::address;
use crate::circle::Made;
use fastrand::Rng;
use walletwatch::reactor::money::PaymentState;
use walletwatch::reactor::payments::desk::{Facts, Order, Outflow, Vouched};
use walletwatch::types::{B256, Timestamp, TransferId, U256};

/// What triggers, as one operator says.
fn by_one(number: u8, amount: u64) -> Facts {
    let Facts::Transfer { id, amount, from, to, chain, block, stage, suspect, block_hash, .. } = facts(number, amount)
    else {
        unreachable!("it is a transfer");
    };
    let vouched = Vouched::ByOne;
    Facts::Transfer { id, amount, from, to, chain, block, stage, suspect, vouched, block_hash }
}

/// What happens while another operator is asked, and what becomes of the payment when it answers.
type Meanwhile = (&'static str, fn(&mut Bench), PaymentState, &'static str);

#[test]
fn another_operator_lets_a_payment_go_that_nothing_else_holds() {
    let id = |bench: &Bench| *bench.store.payments.keys().next().expect("it is planned");
    let cases: [Meanwhile; 9] = [
        ("nothing", |_| {}, PaymentState::Complete, ""),
        ("a minute goes by", |bench| bench.pass(60_000), PaymentState::Complete, ""),
        ("nobody says anything for two", |bench| bench.pass(120_000), PaymentState::Held, "approval"),
        ("it dies", Bench::restart, PaymentState::Complete, ""),
        (
            "somebody freezes",
            |bench| bench.order(Order::Freeze { why: "a drill".into() }, "bob").expect("it freezes"),
            PaymentState::Held,
            "frozen",
        ),
        (
            "a limit is lowered",
            |bench| {
                let mut terms = bench.terms.clone();
                terms.offers.get_mut(&"one".into()).expect("it is there").per_payment = U256::from(99);
                bench.configure(terms);
                bench.accept();
            },
            PaymentState::Held,
            "limit",
        ),
        (
            "its payee is another",
            |bench| {
                let mut terms = bench.terms.clone();
                terms.offers.get_mut(&"one".into()).expect("it is there").payee = "b".into();
                bench.configure(terms);
                bench.accept();
            },
            PaymentState::Refused,
            "its rule pays somebody else now",
        ),
        (
            "a reorg takes it back",
            |bench| {
                let at = bench.now();
                bench.act(|desk, step| desk.retracted(TransferId([1; 16]), at, step));
            },
            PaymentState::Refused,
            "its trigger was taken back by a reorg",
        ),
        (
            "a person rejects it",
            |bench| {
                let payment = *bench.store.payments.keys().next().expect("it is planned");
                bench.order(Order::Reject { payment }, "ann").expect("it waits");
            },
            PaymentState::Refused,
            "rejected by ann",
        ),
    ];
    for (what, meanwhile, expected, why) in cases {
        let mut bench = Bench::new(terms());
        let _ = bench.plan("one", by_one(1, 100)).expect("it is planned");
        meanwhile(&mut bench);
        let (payment, at) = (id(&bench), bench.now());
        bench.act(|desk, step| desk.witnessed(payment, at, step));
        bench.settle();
        assert_eq!(bench.stands(payment), (expected, why.to_owned()), "{what}");
    }
}

#[test]
fn what_nobody_else_says_of_more_than_twenty_payments_stops_their_rule() {
    let mut terms = terms();
    let rule = terms.offers.get_mut(&"one".into()).expect("it is there");
    (rule.max_per_day, rule.per_day) = (100, U256::from(600));
    let mut bench = Bench::new(terms);
    for number in 1..=22 {
        assert!(bench.plan("one", by_one(number, 1)).is_some());
    }
    bench.pass(3 * 60_000);
    let states: Vec<PaymentState> = bench.store.payments.values().map(|row| row.state).collect();
    let count = |state| states.iter().filter(|known| **known == state).count();
    assert_eq!((count(PaymentState::Held), count(PaymentState::Refused)), (20, 2));
    assert_eq!(bench.desk.stops().count(), 1);
    assert_eq!(bench.paid(), 0);
}

/// What a transaction at Circle becomes.
type Change = fn(&mut Made);

/// What Circle shows that is not what was frozen.
const OTHERWISE: [(Change, &str); 5] = [
    (|made| made.destination = address(0x99), "destination"),
    (|made| made.amount += 1, "amount"),
    (|made| made.token = address(0x98), "token"),
    (|made| made.chain = "BASE".into(), "chain"),
    (|made| made.wallet = "w-9".into(), "wallet"),
];

#[test]
fn what_circle_shows_otherwise_later_is_not_believed_and_freezes_everything_once() {
    for (change, what) in OTHERWISE {
        for state in [PaymentState::Accepted, PaymentState::Complete] {
            let mut bench = Bench::new(terms());
            let id = bench.plan("one", facts(1, 100)).expect("it is planned").id;
            bench.settle_to(state, id);
            assert!(bench.row(id).live.expect("it is live").compared);
            change(&mut bench.circle.made[0]);
            bench.pass(3 * HOUR);
            let why = format!("Circle shows another {what} than the frozen one");
            assert_eq!(bench.stands(id), (state, why.clone()));
            let frozen = bench.desk.office().frozen.as_ref().map(ToString::to_string);
            assert_eq!(frozen, Some(format!("payment {id}: {why}")));
            bench.order(Order::Unfreeze, "ann").expect("it is frozen");
            bench.restart();
            bench.pass(3 * HOUR);
            assert_eq!((bench.row(id).state, &bench.desk.office().frozen), (state, &None), "{what}: it is said once");
        }
    }
    // An end that is another one by now.
    let mut bench = Bench::new(terms());
    let id = bench.plan("one", facts(1, 100)).expect("it is planned").id;
    bench.settle_to(PaymentState::Complete, id);
    let at = bench.at;
    bench.circle.made[0].path.push((at, "FAILED"));
    bench.pass(2 * HOUR);
    let why = "Circle lists it as failed, and it ended complete".to_owned();
    assert_eq!(bench.stands(id), (PaymentState::Complete, why));
    assert!(bench.desk.office().frozen.is_some());
}

#[test]
fn what_leaves_the_wallet_and_stands_in_no_list_of_circles_freezes_everything_once() {
    let outflow = |bench: &mut Bench, tx: B256| {
        let (at, time) = (bench.now(), Timestamp::from_millis(bench.at - 60_000));
        let outflow = Outflow { tx, to: address(0x99), amount: U256::from(7), time };
        bench.act(|desk, step| desk.outflow(&outflow, at, step));
    };
    for restarts in [false, true] {
        let mut bench = Bench::new(terms());
        bench.pass(60_000);
        outflow(&mut bench, B256::repeat_byte(9));
        assert_eq!(bench.desk.office().frozen, None, "a list may still show it");
        if restarts {
            bench.restart();
        }
        bench.pass(60_000);
        let why = bench.desk.office().frozen.as_ref().map(ToString::to_string).unwrap_or_default();
        assert!(why.contains("moved USDC out of the paying wallet"), "{why}");
        let booked: Vec<(bool, U256)> = bench.store.office.foreign.iter().map(|row| (row.void, row.amount)).collect();
        assert_eq!(booked, [(false, U256::from(7))], "it counts in every limit of the wallet");
        bench.order(Order::Unfreeze, "ann").expect("it is frozen");
        outflow(&mut bench, B256::repeat_byte(9));
        bench.restart();
        bench.pass(3 * HOUR);
        assert_eq!(bench.desk.office().frozen, None, "it is said once");
    }
    // What a payment, or somebody at the console, moved.
    let mut bench = Bench::new(terms());
    let id = bench.plan("one", facts(1, 100)).expect("it is planned").id;
    bench.settle_to(PaymentState::Complete, id);
    let body = bench.row(id).live.expect("it is live").body.to_vec();
    let (at, ours) = (bench.at, bench.circle.made[0].tx);
    outflow(&mut bench, ours);
    bench.circle.console(&body, at, &mut Rng::with_seed(1));
    let theirs = bench.circle.made[1].tx;
    bench.pass(20 * 60_000);
    outflow(&mut bench, theirs);
    bench.restart();
    bench.pass(2 * HOUR);
    outflow(&mut bench, theirs);
    bench.pass(60_000);
    let booked = bench.store.office.foreign.iter().map(|row| row.id.as_str().to_owned()).collect::<Vec<_>>();
    assert_eq!((bench.desk.office().frozen.clone(), booked), (None, vec!["c-1".to_owned()]));
}

#[test]
fn what_may_be_our_own_payment_is_called_nobodys_only_when_it_is_not() {
    for (amount, frozen) in [(100, false), (99, true)] {
        let mut bench = Bench::new(terms());
        bench.post = Post::Kept;
        let id = bench.plan("one", facts(1, 100)).expect("it is planned").id;
        bench.pass(60_000);
        assert_eq!(bench.row(id).state, PaymentState::Sending);
        let (at, time, to) = (bench.now(), Timestamp::from_millis(bench.at - 10_000), bench.row(id).address);
        let outflow = Outflow { tx: B256::repeat_byte(9), to, amount: U256::from(amount), time };
        bench.act(|desk, step| desk.outflow(&outflow, at, step));
        let scans = bench.scans;
        bench.pass(60_000);
        assert_eq!(bench.desk.office().frozen.is_some(), frozen, "{amount}");
        // It is looked for at once, and then at a pace.
        assert!((1..=3).contains(&(bench.scans - scans)), "{} lists in a minute", bench.scans - scans);
    }
}

#[test]
fn restarts_never_put_off_that_a_person_is_asked() {
    // Circle binds the key to something else first; then nothing shows the payment.
    for every in [40_000, 150_000, 290_000, HOUR] {
        let mut bench = Bench::new(terms());
        let id = bench.plan("one", facts(1, 100)).expect("it is planned").id;
        let live = bench.row(id).live.expect("it is live");
        let text = String::from_utf8_lossy(&live.body).replace(&address(0xa1).to_string(), &address(0x99).to_string());
        let text = text.replace(&format!("{:#x}", address(0xa1)), &format!("{:#x}", address(0x99)));
        let text = text.replace(live.reference.as_str(), "other");
        let ciphertext = bench.circle.encrypt();
        let _ = bench.circle.create(text.as_bytes(), ciphertext, bench.at, &mut Rng::with_seed(1));
        while bench.left.is_empty() {
            bench.pass(1_000);
        }
        assert_eq!(bench.stands(id), (PaymentState::Reconcile, "our key is bound to another request".to_owned()));
        let left = bench.at;
        let mut counted = None;
        while bench.row(id).state == PaymentState::Reconcile {
            assert!(bench.at < left + 2 * HOUR, "nobody is asked, where it dies every {every} ms");
            if bench.row(id).live.expect("it is live").empty_scans == 1 {
                counted = counted.or(Some(bench.at));
            }
            if (bench.at - left) % every < 1_000 {
                bench.restart();
            }
            bench.pass(1_000);
        }
        assert_eq!(bench.row(id).state, PaymentState::Human);
        let minutes = |until: i64| (until - left) / 60_000;
        let first = minutes(counted.expect("a first list came"));
        assert_eq!((first, minutes(bench.at)), (11, 21), "where it dies every {every} ms");
    }
}

#[test]
fn what_circle_shows_otherwise_is_named_and_freezes_everything() {
    for (change, what) in OTHERWISE {
        let mut bench = Bench::new(terms());
        bench.post = Post::DoneUnheard;
        let id = bench.plan("one", facts(1, 100)).expect("it is planned").id;
        while bench.circle.made.is_empty() {
            bench.pass(1_000);
        }
        change(&mut bench.circle.made[0]);
        bench.settle_to(PaymentState::Human, id);
        let why = format!("Circle shows another {what} than the frozen one");
        assert_eq!(bench.stands(id), (PaymentState::Human, why.clone()));
        assert_eq!(bench.desk.office().frozen.as_ref().map(ToString::to_string), Some(why));
    }
}

#[test]
fn what_a_probe_moved_is_not_foreign_and_whatever_is_nearly_like_it_is() {
    let check = |reference: &str, to: u8, amount: &str, booked: usize| {
        let mut bench = Bench::new(terms());
        let (token, to) = (address(0x05), address(to));
        let body = format!(
            r#"{{"idempotencyKey":"k","walletId":"w-1","blockchain":"ETH","tokenAddress":"{token}","destinationAddress":"{to}","amounts":["{amount}"],"refId":"{reference}"}}"#
        );
        let ciphertext = bench.circle.encrypt();
        let _ = bench.circle.create(body.as_bytes(), ciphertext, bench.at, &mut Rng::with_seed(1));
        bench.pass(2 * HOUR);
        assert_eq!(bench.store.office.foreign.len(), booked, "{body}");
    };
    check("ww1-probe.x", 0xee, "0.000001", 0);
    check("ww1-probe.x", 0xee, "1", 1);
    check("ww1-probe.x", 0x99, "0.000001", 1);
    check("probe.x", 0xee, "0.000001", 1);
}
