//! What is ordered where nothing is to be done, or again: it says why, and writes nothing.

use crate::bench::{Bench, facts, terms};
use walletwatch::reactor::decisions::Refusal;
use walletwatch::reactor::payments::desk::Order;
use walletwatch::types::U256;

/// Lines of the audit so far.
fn lines(bench: &Bench) -> u64 {
    bench.desk.audit_head().map_or(0, |head| head.seq)
}

#[test]
fn what_is_not_stopped_cannot_be_let_go() {
    let cases = [
        (Order::Unfreeze, Refusal::NotFrozen),
        (Order::ResumeClock, Refusal::NotPaused),
        (Order::Resume { rule: "one".into() }, Refusal::NotStopped),
        (Order::ResumePayee { payee: "a".into() }, Refusal::NotStopped),
    ];
    for (order, why) in cases {
        let mut bench = Bench::new(terms());
        let before = lines(&bench);
        assert_eq!(bench.order(order, "ann"), Err(why));
        assert_eq!(lines(&bench), before, "{why}");
    }
}

#[test]
fn a_name_that_was_given_counts_and_is_written_once() {
    let mut terms = terms();
    terms.two_approvals_over = Some(U256::from(50));
    let mut bench = Bench::new(terms);
    let id = bench.plan("one", facts(1, 100)).expect("it is planned").id;
    let mut written = Vec::new();
    for (by, expected) in [("ann", Err(Refusal::SecondName)), ("ann", Err(Refusal::SecondName)), ("bob", Ok(()))] {
        assert_eq!(bench.approve(id, by), expected, "{by}");
        written.push(lines(&bench));
    }
    assert_eq!(written[0], written[1], "she said nothing new");
    assert!(written[1] < written[2]);
    for (by, expected) in [("ann", Err(Refusal::SecondName)), ("ann", Err(Refusal::SecondName)), ("bob", Ok(()))] {
        let before = lines(&bench);
        assert_eq!(bench.order(Order::WaivePayee { payee: "a".into() }, by), expected, "{by}");
        written.push(lines(&bench) - before);
    }
    assert_eq!(written[3..], [1, 0, 1]);
}

#[test]
fn what_cannot_be_any_more_says_why_when_it_is_approved() {
    let mut held = terms();
    held.two_approvals_over = Some(U256::from(50));
    let mut bench = Bench::new(held.clone());
    let id = bench.plan("one", facts(1, 100)).expect("it is planned").id;
    held.offers.get_mut(&"one".into()).expect("it is there").payee = "b".into();
    bench.configure(held);
    bench.accept();
    assert_eq!(bench.approve(id, "ann"), Err(Refusal::Forbidden("its rule pays somebody else now")));
}
