//! What never pays (issue 5, line 5), as tables: of transfers, and of balances.

use crate::bench::{BORN_AT, Bench, HOUR, Post, facts, offer, terms};
use crate::chain::address;
use std::time::Duration;
use walletwatch::reactor::money::PaymentState;
use walletwatch::reactor::payments::desk::terms::{OfferAmount, Terms};
use walletwatch::reactor::payments::desk::{Facts, Order, Reading, Refusal, Said, Trigger, Unpaid, Value, Vouched};
use walletwatch::types::{Address, ChainId, PaymentId, Stage, U256};

/// A transfer like any other, but for this.
fn like(change: impl FnOnce(&mut Parts)) -> Facts {
    let Facts::Transfer { id, amount, from, to, chain, block, stage, suspect, vouched, block_hash } = facts(1, 100)
    else {
        unreachable!("it is a transfer");
    };
    let mut parts = Parts { amount, from, to, chain, block, stage, suspect, vouched };
    change(&mut parts);
    let Parts { amount, from, to, chain, block, stage, suspect, vouched } = parts;
    Facts::Transfer { id, amount, from, to, chain, block, stage, suspect, vouched, block_hash }
}

struct Parts {
    amount: U256,
    from: Address,
    to: Address,
    chain: ChainId,
    block: u64,
    stage: Stage,
    suspect: bool,
    vouched: Vouched,
}

/// Why a trigger that has to grow deeper pays nothing.
const DEEPER: &str = "unpaid: not deep enough";

/// Why rule `one` pays nothing for this.
fn unpaid(bench: &Bench, facts: Facts) -> Option<Unpaid> {
    bench.desk.unpaid(&Trigger { rule: "one".into(), time: bench.now(), facts })
}

#[test]
fn what_came_while_its_rule_was_stopped_is_told_so_and_what_came_before_it_went_on_too() {
    let mut bench = Bench::new(terms());
    assert_eq!(unpaid(&bench, like(|_| {})), None);
    bench.circle.character.ends_badly = 1_000;
    bench.plan("one", facts(2, 100)).expect("it is planned");
    bench.settle();
    assert!(bench.plan("one", like(|_| {})).is_none());
    let stopped = unpaid(&bench, like(|_| {})).expect("it is stopped");
    assert!(matches!(&stopped, Unpaid::Stopped(why) if why.as_str().contains(" ended ")), "{stopped}");
    let time = bench.now();
    bench.pass(60_000);
    assert_eq!(bench.order(Order::Resume { rule: "one".into() }, "ann"), Ok(()));
    let resumed = bench.now();
    let before = Trigger { rule: "one".into(), time, facts: like(|_| {}) };
    let why = bench.desk.unpaid(&before).expect("it came before");
    assert_eq!(why, Unpaid::Before(resumed));
    assert!(why.to_string().contains(&format!("`payments resume`: what came before {resumed} never pays")), "{why}");
    assert_eq!(bench.desk.unpaid(&Trigger { time: resumed.after(Duration::from_secs(1)), ..before }), None);
}

#[test]
fn what_could_be_a_trick_or_our_own_never_pays() {
    let cases: [(&str, Facts, &str); 13] = [
        ("nothing came in", like(|parts| parts.amount = U256::ZERO), "unpaid: nothing is left"),
        ("a suspect", like(|parts| parts.suspect = true), "suspect: it never pays"),
        (
            "an explorer's row, or an internal movement",
            like(|parts| parts.vouched = Vouched::ByNobody),
            "unpaid: hearsay",
        ),
        ("another chain, a testnet say", like(|parts| parts.chain = ChainId(11_155_111)), "unpaid: another chain"),
        ("mined when the rule was born", like(|parts| parts.block = BORN_AT), "older than the rule"),
        ("not deep enough: seen", like(|parts| parts.stage = Stage::Seen), DEEPER),
        ("not deep enough: confirmed", like(|parts| parts.stage = Stage::Confirmed), DEEPER),
        ("taken back", like(|parts| parts.stage = Stage::Retracted), DEEPER),
        ("from the paying wallet", like(|parts| parts.from = address(0xee)), "a loop"),
        ("to the paying wallet", like(|parts| parts.to = address(0xee)), "a loop"),
        ("from a payee", like(|parts| parts.from = address(0xa1)), "a loop"),
        ("to another rule's payee, which a watch has", like(|parts| parts.to = address(0xb1)), "a loop"),
        ("between two watches", like(|parts| (parts.from, parts.to) = (address(0x71), address(0x70))), "a loop"),
    ];
    for relaxed in [false, true] {
        for (what, facts, why) in &cases {
            let mut terms = terms();
            terms.relaxed = relaxed;
            let mut bench = Bench::new(terms);
            assert_eq!(bench.plan("one", facts.clone()), None, "{what}");
            bench.settle();
            assert_eq!(bench.paid(), 0, "{what}");
            let told = bench.said.iter().find_map(|said| match said {
                Said::Unpaid(rule, why) => Some((rule.as_str(), why.word())),
                _ => None,
            });
            // What only has to grow deeper is no news.
            assert_eq!(told, (*why != DEEPER).then_some(("one", *why)), "{what}: it is said why");
            assert_eq!(unpaid(&bench, facts.clone()).map(|why| why.word()), Some(*why), "{what}");
        }
    }
    // The same transfer with nothing odd about it does.
    let mut bench = Bench::new(terms());
    assert!(bench.plan("one", like(|_| {})).is_some());
    bench.settle();
    assert_eq!(bench.paid(), 100);
}

#[test]
fn what_one_operator_alone_says_waits_for_a_person() {
    for (relaxed, vouched, expected) in [
        (false, Vouched::ByTwo, PaymentState::Approved),
        (false, Vouched::ByOne, PaymentState::Planned),
        (true, Vouched::ByOne, PaymentState::Approved),
    ] {
        let mut bench = Bench::new(Terms { relaxed, ..terms() });
        let row = bench.plan("one", like(|parts| parts.vouched = vouched)).expect("it is planned");
        assert_eq!(row.state, expected, "{vouched:?}, relaxed: {relaxed}");
    }
}

#[test]
fn a_trigger_that_a_reorg_takes_back_pays_only_what_has_left_and_a_person_hears_of_that() {
    for (wait, expected, told) in [
        (0, PaymentState::Refused, false),
        (2_000, PaymentState::Accepted, true),
        (40 * 60_000, PaymentState::Complete, true),
    ] {
        let mut bench = Bench::new(terms());
        let row = bench.plan("one", like(|_| {})).expect("it is planned");
        bench.pass(wait);
        let at = bench.now();
        let transfer = row.transfer.expect("a transfer made it");
        bench.act(|desk, step| desk.retracted(transfer, at, step));
        assert_eq!(bench.row(row.id).state, expected, "after {wait} ms");
        let heard = bench.said.iter().any(|said| matches!(said, Said::TriggerRetracted(_)));
        assert_eq!(heard, told, "after {wait} ms");
        assert_eq!(bench.plan("one", like(|_| {})), None, "and it pays no second time");
    }
    // What does not hold any more when it would leave does not leave.
    let mut bench = Bench::new(terms());
    let id = bench.plan("one", like(|_| {})).expect("it is planned").id;
    bench.holds = Some(false);
    bench.pass(5_000);
    assert_eq!(bench.row(id).state, PaymentState::Refused);
    // What nobody knows of waits.
    let mut bench = Bench::new(terms());
    let id = bench.plan("one", like(|_| {})).expect("it is planned").id;
    bench.holds = None;
    bench.pass(50 * 60_000);
    assert_eq!(bench.row(id).state, PaymentState::Approved);
    bench.holds = Some(true);
    bench.settle();
    assert_eq!(bench.row(id).state, PaymentState::Complete);
}

/// A balance rule that fills up to 100, beneath 50, and is armed at 90.
fn filling() -> Bench {
    let mut terms = terms();
    let mut fills = offer("a");
    fills.amount = OfferAmount::FillTo(U256::from(100));
    terms.offers.insert("one".into(), fills);
    Bench::new(terms)
}

fn balance(staged: u64, newest: u64, steady: bool, landed: bool) -> Value {
    Value::Balance {
        staged: U256::from(staged),
        newest: U256::from(newest),
        level: U256::from(50),
        recovers_at: U256::from(90),
        steady,
        landed,
    }
}

/// The amount of each payment, in the order in which they were planned, and where it stands.
fn planned(bench: &Bench) -> Vec<(u64, PaymentState)> {
    let mut rows: Vec<_> = bench.store.payments.values().collect();
    rows.sort_by_key(|row| row.crossing);
    rows.iter().map(|row| (row.amount.to(), row.state)).collect()
}

/// What is read, and the payments that follow.
type Case = (&'static str, Vec<Value>, &'static [(u64, PaymentState)]);

#[test]
fn a_balance_pays_when_an_armed_rule_crosses_and_at_no_other_time() {
    let low = || balance(40, 40, true, false);
    let armed = || balance(95, 95, false, false);
    let cases: [Case; 12] = [
        ("armed, then low", vec![armed(), low()], &[(60, PaymentState::Approved)]),
        ("one unit below the level", vec![armed(), balance(49, 49, true, false)], &[(51, PaymentState::Approved)]),
        ("at the level", vec![armed(), balance(50, 50, true, false)], &[]),
        ("never enough: a first reading", vec![low()], &[(60, PaymentState::Held)]),
        (
            "one unit beneath the way back arms nothing",
            vec![balance(89, 89, false, false), low()],
            &[(60, PaymentState::Held)],
        ),
        ("low at the newest block alone", vec![armed(), balance(95, 40, true, false)], &[]),
        ("low at the deep block alone: it came back", vec![armed(), balance(40, 60, true, false)], &[]),
        ("not for long enough", vec![armed(), balance(40, 40, false, false)], &[]),
        (
            "it flaps and never comes back",
            vec![armed(), low(), balance(60, 60, false, false), low(), low()],
            &[(60, PaymentState::Approved)],
        ),
        ("it could not be read in between", vec![armed(), Value::Unknown, low()], &[(60, PaymentState::Held)]),
        ("a broken node: nothing but failures", vec![armed(), Value::Unknown, Value::Unknown], &[]),
        (
            "what came in since is not paid again",
            vec![armed(), balance(10, 45, true, false)],
            &[(55, PaymentState::Approved)],
        ),
    ];
    for (what, values, expected) in cases {
        let mut bench = filling();
        for value in values {
            bench.read(value);
        }
        assert_eq!(planned(&bench), expected, "{what}");
    }
}

#[test]
fn what_nobody_vouches_for_is_not_read_and_what_one_operator_says_asks_a_person() {
    for (vouched, expected, then) in [
        (Vouched::ByNobody, None, None),
        (Vouched::ByOne, Some(PaymentState::Planned), Some(PaymentState::Held)),
        (Vouched::ByTwo, Some(PaymentState::Approved), Some(PaymentState::Complete)),
    ] {
        let mut bench = filling();
        bench.read(balance(95, 95, false, false));
        let at = bench.now();
        // A node that is broken says zero.
        let value = balance(0, 0, true, false);
        let reading = Reading { rule: "one".into(), what: "one/hot".into(), time: at, value, vouched };
        bench.act(|desk, step| desk.read(&reading, at, step));
        let state = |bench: &Bench| bench.store.payments.values().next().map(|row| row.state);
        assert_eq!(state(&bench), expected, "{vouched:?}");
        bench.pass(10 * 60_000);
        assert_eq!(state(&bench), then, "{vouched:?}");
    }
}

#[test]
fn a_start_makes_the_next_reading_a_first_one() {
    let mut bench = filling();
    bench.read(balance(95, 95, false, false));
    bench.restart();
    bench.read(balance(40, 40, true, false));
    assert_eq!(planned(&bench), [(60, PaymentState::Held)]);
    let mut bench = filling();
    bench.restart();
    bench.read(balance(95, 95, false, false));
    bench.read(balance(40, 40, true, false));
    assert_eq!(planned(&bench), [(60, PaymentState::Approved)]);
}

#[test]
fn an_edit_of_the_trigger_makes_the_next_reading_a_first_one() {
    for (mark, expected) in
        [([9; 32], PaymentState::Held), (filling().terms.offers[&"one".into()].mark, PaymentState::Approved)]
    {
        let mut bench = filling();
        bench.read(balance(95, 95, false, false));
        let mut edited = bench.terms.clone();
        edited.offers.get_mut(&"one".into()).expect("it is there").mark = mark;
        bench.configure(edited);
        bench.accept();
        bench.read(balance(40, 40, true, false));
        assert_eq!(planned(&bench), [(60, expected)]);
    }
}

fn only(bench: &Bench) -> PaymentId {
    *bench.store.payments.keys().next().expect("there is one")
}

#[test]
fn the_next_top_up_waits_until_the_last_one_is_there_and_the_balance_with_it() {
    let mut bench = filling();
    bench.read(balance(95, 95, false, false));
    bench.read(balance(40, 40, true, false));
    let first = only(&bench);
    for _ in 0..3 {
        // Open, and lower still.
        bench.read(balance(5, 5, true, false));
    }
    bench.settle();
    assert_eq!(bench.row(first).state, PaymentState::Complete);
    // Circle says that it is paid; the chain has not shown it, though somebody else filled the wallet up.
    bench.read(balance(95, 95, false, false));
    bench.read(balance(40, 40, true, false));
    // It was seen, and the balance is still low: an alert, and no payment.
    bench.read(balance(40, 40, true, true));
    bench.read(balance(89, 89, true, true));
    bench.read(balance(40, 40, true, true));
    assert_eq!(planned(&bench).len(), 1);
    let low = |said: &&Said| matches!(said, Said::Warning(words) if words.as_str().ends_with("is still low"));
    assert_eq!(bench.said.iter().filter(low).count(), 1, "{:?}", bench.said);
    bench.read(balance(90, 90, false, true));
    bench.read(balance(40, 40, true, true));
    assert_eq!(planned(&bench).len(), 2, "there, and enough: the next crossing pays");
}

#[test]
fn a_rule_that_was_stopped_asks_a_person_for_what_it_missed() {
    let mut bench = filling();
    bench.read(balance(95, 95, false, false));
    bench.circle.character.ends_badly = 1_000;
    bench.read(balance(40, 40, true, false));
    bench.settle();
    bench.circle.character.ends_badly = 0;
    assert!(bench.desk.stops().next().is_some(), "a payment that failed stops its rule");
    bench.pass(HOUR);
    bench.read(balance(30, 30, true, false));
    assert_eq!(planned(&bench).len(), 1);
    for row in bench.desk.stops().map(|row| row.what.clone()).collect::<Vec<_>>() {
        let order = match row {
            walletwatch::reactor::office::Stopped::Rule(rule) => Order::Resume { rule },
            walletwatch::reactor::office::Stopped::Payee(payee) => Order::ResumePayee { payee },
        };
        assert_eq!(bench.order(order, "ann"), Ok(()));
    }
    bench.read(balance(30, 30, true, false));
    assert_eq!(planned(&bench).last().map(|row| row.1), Some(PaymentState::Held), "as for the first time");
}

#[test]
fn a_price_or_a_fee_pays_once_for_each_crossing() {
    let mut terms = terms();
    let mut fixed = offer("a");
    fixed.amount = OfferAmount::Fixed(U256::from(10));
    terms.offers.insert("one".into(), fixed);
    let mut bench = Bench::new(terms);
    let market = |past, recovered| Value::Market { past, recovered };
    bench.read(market(true, false));
    assert_eq!(planned(&bench), [(10, PaymentState::Held)], "a first reading asks a person");
    let id = only(&bench);
    assert_eq!(bench.order(Order::Reject { payment: id }, "ann"), Ok(()));
    bench.read(market(false, false));
    bench.read(market(true, false));
    assert_eq!(planned(&bench).len(), 1, "it trembles");
    bench.read(market(false, true));
    bench.read(market(true, false));
    bench.read(market(true, false));
    assert_eq!(planned(&bench).last(), Some(&(10, PaymentState::Approved)));
    assert_eq!(planned(&bench).len(), 2);
    bench.read(market(false, true));
    bench.read(market(true, false));
    assert_eq!(planned(&bench).len(), 2, "not while the last one is open");
    bench.settle();
    bench.read(market(false, true));
    bench.read(market(true, false));
    assert_eq!(planned(&bench).len(), 3);
}

#[test]
fn what_another_payment_made_at_circle_is_not_shown_for_this_one() {
    let mut bench = Bench::new(terms());
    let first = bench.plan("one", facts(1, 50)).expect("it is planned");
    bench.settle();
    let made = bench.row(first.id).live.and_then(|live| live.circle_id).expect("it is at Circle");
    bench.post = Post::Lost;
    let second = bench.plan("one", facts(2, 50)).expect("it is planned");
    bench.settle_to(PaymentState::Human, second.id);
    let asked = bench.order(Order::IsThere { payment: second.id, circle: made }, "ann");
    assert_eq!(asked, Err(Refusal::OfAnother));
    bench.pass(60_000);
    assert_eq!(bench.row(second.id).state, PaymentState::Human);
    assert!(bench.row(second.id).live.is_some_and(|live| live.circle_id.is_none()));
}
