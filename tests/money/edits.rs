//! Every edit of the config between plan and send (issue 5, line 6), as a table: what is refused, held, followed.

use crate::bench::{Bench, Post, facts, terms};
use crate::chain::address;
use walletwatch::reactor::money::PaymentState::{self, Accepted, Approved, Complete, Held, Reconcile, Refused};
use walletwatch::reactor::payments::desk::Order;
use walletwatch::reactor::payments::desk::terms::{OfferAmount, PayeeTerms, Terms};
use walletwatch::types::{Name, PaymentId, U256};

/// An edit, and what becomes of a payment that waited for a person and is approved then, of one that might go, and of one of which nobody
/// knows whether it left.
struct Edit {
    what: &'static str,
    make: fn(&mut Terms),
    waited: PaymentState,
    might_go: PaymentState,
    ambiguous: PaymentState,
}

fn one(terms: &mut Terms) -> &mut walletwatch::reactor::payments::desk::terms::Offer {
    terms.offers.get_mut(&Name::from("one")).expect("it is there")
}

const EDITS: [Edit; 17] = [
    Edit { what: "nothing", make: |_| {}, waited: Complete, might_go: Complete, ambiguous: Complete },
    Edit {
        what: "the rule is gone, or not live any more",
        make: |terms| terms.offers.retain(|name, _| name.as_str() != "one"),
        waited: Refused,
        might_go: Refused,
        ambiguous: Reconcile,
    },
    Edit {
        what: "the rule pays somebody else",
        make: |terms| one(terms).payee = "b".into(),
        waited: Refused,
        might_go: Refused,
        ambiguous: Reconcile,
    },
    Edit {
        what: "the payee is gone",
        make: |terms| terms.payees.retain(|name, _| name.as_str() != "a"),
        waited: Refused,
        might_go: Refused,
        ambiguous: Reconcile,
    },
    Edit {
        what: "the payee has another address",
        make: |terms| terms.payees.get_mut(&Name::from("a")).expect("it is there").address = address(0xa2),
        waited: Refused,
        might_go: Refused,
        ambiguous: Reconcile,
    },
    Edit {
        what: "another wallet pays",
        make: |terms| terms.wallet = "w-2".into(),
        waited: Refused,
        might_go: Refused,
        ambiguous: Reconcile,
    },
    Edit {
        what: "the wallet is on another chain",
        make: |terms| terms.blockchain = "BASE".into(),
        waited: Refused,
        might_go: Refused,
        ambiguous: Reconcile,
    },
    Edit {
        what: "another USDC",
        make: |terms| terms.token = address(0x06),
        waited: Refused,
        might_go: Refused,
        ambiguous: Reconcile,
    },
    Edit {
        what: "per_payment is lower than it",
        make: |terms| one(terms).per_payment = U256::from(99),
        waited: Held,
        might_go: Held,
        ambiguous: Reconcile,
    },
    Edit {
        what: "per_day of the wallet is lower than it",
        make: |terms| terms.per_day = U256::from(99),
        waited: Held,
        might_go: Held,
        ambiguous: Reconcile,
    },
    Edit {
        what: "in_total of the rule is lower than it",
        make: |terms| one(terms).in_total = U256::from(99),
        waited: Held,
        might_go: Held,
        ambiguous: Reconcile,
    },
    Edit {
        what: "a limit is higher",
        make: |terms| one(terms).per_payment = U256::from(1_000),
        waited: Complete,
        might_go: Complete,
        ambiguous: Complete,
    },
    Edit {
        what: "the rule pays another amount: what was frozen stays",
        make: |terms| one(terms).amount = OfferAmount::Fixed(U256::from(7)),
        waited: Complete,
        might_go: Complete,
        ambiguous: Complete,
    },
    Edit {
        what: "another condition: a new birth, and what was planned stays",
        make: |terms| one(terms).mark = [9; 32],
        waited: Complete,
        might_go: Complete,
        ambiguous: Complete,
    },
    Edit {
        what: "another rule and another payee",
        make: |terms| {
            let payee = PayeeTerms { address: address(0xc1), per_day: U256::from(5) };
            terms.payees.insert("c".into(), payee);
        },
        waited: Complete,
        might_go: Complete,
        ambiguous: Complete,
    },
    Edit {
        what: "two names are needed from now on, and one was given",
        make: |terms| terms.two_approvals_over = Some(U256::from(99)),
        waited: Held,
        might_go: Held,
        ambiguous: Complete,
    },
    Edit {
        what: "each waits for a person from now on",
        make: |terms| one(terms).manual = true,
        waited: Complete,
        might_go: Held,
        ambiguous: Complete,
    },
];

/// A payment of rule `one`, brought to where the edit meets it.
fn before(state: PaymentState) -> (Bench, PaymentId) {
    let mut terms = terms();
    one(&mut terms).manual = state == Held;
    let mut bench = Bench::new(terms);
    // Resends are allowed, as after `payments probe`.
    assert_eq!(bench.order(Order::Probed, "ann"), Ok(()));
    bench.post = if state == Reconcile { Post::Lost } else { Post::Usual };
    let id = bench.plan("one", facts(1, 100)).expect("it is planned").id;
    if state == Reconcile {
        while bench.left.is_empty() {
            bench.pass(1_000);
        }
        assert_eq!(bench.row(id).state, PaymentState::Sending);
    }
    bench.post = Post::Usual;
    (bench, id)
}

#[test]
fn every_edit_between_plan_and_send_is_refused_held_or_followed() {
    for Edit { what, make, waited, might_go, ambiguous } in &EDITS {
        for (state, expected) in [(Held, waited), (Approved, might_go), (Reconcile, ambiguous)] {
            let (mut bench, id) = before(state);
            let frozen = bench.row(id).live.expect("it is live").hash;
            let mut edited = bench.terms.clone();
            make(&mut edited);
            let changed = edited.clone().sealed().fingerprint != bench.terms.fingerprint;
            bench.configure(edited);
            if changed {
                // Until an approver accepts it, nothing leaves.
                let left = bench.left.len();
                bench.pass(5 * 60_000);
                assert_eq!(bench.left.len(), left, "{what}, {state:?}: it left before the config was accepted");
                bench.accept();
            }
            if state == Held {
                let _ = bench.approve(id, "ann");
            }
            bench.pass(10 * 60_000);
            bench.settle_to(*expected, id);
            assert_eq!(bench.row(id).state, *expected, "{what}, of one that was {state:?}: {:?}", bench.stands(id));
            assert_eq!(bench.row(id).live.expect("it is live").hash, frozen, "{what}: the bytes stay");
            let paid = if *expected == Complete { 100 } else { 0 };
            assert_eq!(bench.paid(), paid, "{what}, {state:?}");
        }
    }
}

#[test]
fn what_circle_has_is_followed_to_its_end_whatever_is_edited() {
    for Edit { what, make, .. } in &EDITS {
        let (mut bench, id) = before(Approved);
        while bench.row(id).state != Accepted {
            bench.pass(1_000);
        }
        let mut edited = bench.terms.clone();
        make(&mut edited);
        bench.configure(edited);
        bench.settle();
        assert_eq!(bench.row(id).state, Complete, "{what}");
    }
}

#[test]
fn whoever_approved_before_an_edit_is_asked_again_whatever_was_edited() {
    for Edit { what, make, waited, .. } in &EDITS {
        for restarts in [false, true] {
            let (mut bench, id) = before(Held);
            assert_eq!(bench.approve(id, "ann"), Ok(()), "{what}");
            let mut edited = bench.terms.clone();
            make(&mut edited);
            let changed = edited.clone().sealed().fingerprint != bench.terms.fingerprint;
            bench.configure(edited);
            bench.accept();
            if restarts {
                bench.restart();
            }
            bench.pass(10 * 60_000);
            if changed && *waited != Refused {
                assert_eq!((bench.row(id).state, bench.paid()), (Held, 0), "{what}: {:?}", bench.stands(id));
                let _ = bench.approve(id, "ann");
                bench.settle_to(*waited, id);
            }
            bench.settle_to(*waited, id);
            assert_eq!(bench.row(id).state, *waited, "{what}: {:?}", bench.stands(id));
        }
    }
}

#[test]
fn a_name_that_was_said_to_another_config_is_none_of_the_two() {
    for back in [false, true] {
        named_before_an_edit(back);
    }
}

/// `back`: a second edit makes it what it was.
fn named_before_an_edit(back: bool) {
    let mut terms = terms();
    terms.two_approvals_over = Some(U256::from(99));
    let mut bench = Bench::new(terms);
    let id = bench.plan("one", facts(1, 100)).expect("it is planned").id;
    assert!(bench.approve(id, "ann").is_err());
    assert!(bench.approve(id, "ann").is_err(), "the same name counts once");
    let (seen, mut edited) = (bench.terms.clone(), bench.terms.clone());
    one(&mut edited).per_day = U256::from(240);
    for terms in [Some(edited), back.then_some(seen)].into_iter().flatten() {
        bench.configure(terms);
        bench.accept();
    }
    assert!(bench.approve(id, "bob").is_err(), "ann saw another config");
    assert_eq!(bench.approve(id, "ann"), Ok(()));
    bench.settle();
    assert_eq!(bench.row(id).state, Complete);
    let names: Vec<Name> = bench.row(id).live.expect("it is live").approvals.into_iter().map(|yes| yes.by).collect();
    assert_eq!(names, ["bob".into(), "ann".into()]);
}
