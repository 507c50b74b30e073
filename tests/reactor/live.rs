//! Live payments: from a final transfer over Circle's answers to the words that people hear.

use crate::names::hash;
use crate::script::{CHAIN, USDC, address, check};
use crate::settings::paying;
use walletwatch::reactor::Reactor;
use walletwatch::reactor::money::{CircleId, CircleState};
use walletwatch::reactor::payments::ask::{Answer, Ask, Asked, Outcome, Transaction, Why};
use walletwatch::reactor::settings::{Approval, LiveSettings, Settings};
use walletwatch::types::{Timestamp, U256};

fn live(approval: Approval) -> Settings {
    in_earnest(paying(approval))
}

/// What is rehearsed is paid.
pub fn in_earnest(mut settings: Settings) -> Settings {
    settings.payments[0].live = true;
    settings.live = Some(LiveSettings {
        store: [7; 16],
        environment: "test".into(),
        wallet: "w-1".into(),
        chain: CHAIN,
        blockchain: "ETH".into(),
        token: USDC,
        wallet_address: address("W"),
        gasless: false,
        per_day: U256::from(10_000),
        in_total: U256::from(100_000),
        two_approvals_over: None,
        relaxed: true,
        notify: Vec::new(),
    });
    settings
}

/// The same with nothing lifted.
pub fn in_full_earnest(settings: Settings) -> Settings {
    let mut settings = in_earnest(settings);
    if let Some(live) = &mut settings.live {
        live.relaxed = false;
    }
    settings
}

/// What was asked, in a word.
pub fn word(asked: &Asked) -> &'static str {
    match asked.ask {
        Ask::Create(_) => "create",
        Ask::Get { .. } => "get",
        Ask::Scan(_) => "scan",
        Ask::Cancel { .. } => "cancel",
        Ask::Wallet { .. } => "wallet",
        Ask::Funds { .. } => "funds",
        Ask::Fee { .. } => "fee",
    }
}

/// What the worker answers to the first question of that kind.
pub fn answer(asks: &mut Vec<Asked>, words: &[&str], reactor: &Reactor, now: Timestamp) -> Answer {
    let first = |asks: &mut Vec<Asked>, kind: &str| {
        let place = asks.iter().position(|asked| word(asked) == kind).unwrap_or_else(|| panic!("no {kind} was asked"));
        asks.remove(place)
    };
    let (asked, outcome) = match words {
        ["lists"] => (first(asks, "scan"), Outcome::Found(Vec::new())),
        ["takes", id] => {
            let id = CircleId::parse(id).expect("an id");
            (first(asks, "create"), Outcome::Accepted { id, state: CircleState::read("INITIATED"), new: true })
        }
        ["breaks"] => (first(asks, "create"), Outcome::Ambiguous(Why::Timeout)),
        ["refuses", status] => {
            let status = status.parse().expect("a status");
            (first(asks, "create"), Outcome::Refused { status, code: Some(2), words: "no".into() })
        }
        ["shows", state, tx @ ..] => {
            let asked = first(asks, "get");
            let row = reactor.desk().payments().next().expect("there is a payment");
            let live = row.live.as_deref().expect("it is live");
            let Ask::Get { id } = &asked.ask else { panic!("it is a get") };
            let shown = Transaction {
                id: id.clone(),
                state: CircleState::read(state),
                reference: Some(live.reference.clone()),
                wallet: Some(live.wallet.clone()),
                chain: Some(live.blockchain.clone()),
                token: Some(live.token),
                destination: Some(row.address),
                amount: Some(row.amount),
                tx: tx.first().map(|tx| hash(tx)),
                created: Some(now),
                reason: None,
                fee: None,
            };
            (asked, Outcome::Read(Box::new(shown)))
        }
        other => panic!("no such word: {other:?}"),
    };
    Answer { ticket: asked.ticket, outcome, date: Some(now), request_id: None, entity_key: None }
}

const TRIGGERED: &str = "
    tx t1 usdc S>A 500
    a fresh
    a 100
    wait 1s
    circle asked scan
    circle lists
    a 101:t1 102 103 104 105
    a 106
    = final t1 treasury in; payment.approved
    wait 1s
    circle asked scan
    circle lists
    circle asked create
";

#[test]
fn a_final_transfer_pays_once_and_people_hear_how_it_goes() {
    check(
        live(Approval::None),
        &format!(
            "{TRIGGERED}
            circle takes c-1
            circle asked get
            circle shows INITIATED
            = payment.sent
            wait 6s
            circle shows STUCK
            wait 6s
            circle shows COMPLETE
            = payment.complete
            a 107 108 109
            restart
            wait 10s
            circle asked scan
            "
        ),
    );
}

#[test]
fn a_transfer_pays_by_itself_when_two_operators_say_alike_what_its_block_holds() {
    let planned = "
        trusted
        tx t1 usdc S>A 500
        a fresh
        a 100
        wait 1s
        circle lists
        a 101:t1 102 103 104 105
        opinions 0
        a 106
        = final t1 treasury in
        opinions 1
    ";
    let cases = [
        "b says 101\na says 101\n= payment.approved\nopinions 0",
        "a says 101\nwait 119s\nb says 101\n= payment.approved",
        // One operator, however often it says so, and whatever others say of it.
        "wait 120s\n= payment.held approval\nopinions 0",
        "a says 101\na says 101\nwait 120s\n= payment.held approval",
        "a says 101\nb denies 101\nwait 120s\n= payment.held approval",
        "a says 101\na denies 101\nb says 101\nwait 120s\n= payment.held approval",
        // Whoever was mistaken at first may say so.
        "a says 101\nb denies 101\nb says 101\n= payment.approved",
        "a says 101\nrestart\nopinions 0\nwait 120s\n= payment.held approval",
    ];
    for then in cases {
        check(in_full_earnest(paying(Approval::None)), &format!("{planned}\n{then}"));
    }
}

#[test]
fn what_circle_says_of_a_transaction_is_held_against_its_receipt() {
    const ON_CHAIN: &str = "a 107:p1 108..113";
    let frozen = "= payments.frozen everything";
    let check_of = |p1: &str, end: &str, then: &str| {
        check(
            live(Approval::None),
            &format!(
                "tx p1 {p1}
                {TRIGGERED}
                circle takes c-1
                circle shows SENT p1
                = payment.sent
                wait 6s
                circle shows {end} p1
                = payment.{end_word}
                {then}",
                end_word = if end == "COMPLETE" { "complete" } else { "failed; payments.frozen rule all" }
            ),
        );
    };
    let check_ended = |end: &str, then: &str| check_of("usdc W>P 500", end, then);
    check_ended("COMPLETE", &format!("{ON_CHAIN}\nscan receipt p1 107"));
    // It succeeded, and moved something else than was frozen.
    for p1 in ["usdc W>P 499", "usdc W>Q 500", "usdc S>P 500", "fake W>P 500", "coin W>P 500"] {
        check_of(p1, "COMPLETE", &format!("{ON_CHAIN}\nscan receipt p1 107\n{frozen}"));
    }
    check_of("usdc W>Q 7 + usdc W>P 500", "COMPLETE", &format!("{ON_CHAIN}\nscan receipt p1 107"));
    check_ended("COMPLETE", &format!("scan receipt p1 none\nwait 360s\n{ON_CHAIN}\nscan receipt p1 107"));
    let late = "wait 3660s\n= source.blind\nscan receipt p1 none";
    check_ended("COMPLETE", &format!("scan receipt p1 none\n{late}\n{frozen}"));
    check_ended("COMPLETE", "a 107:p1 108 109\nscan receipt p1 107\nwait 3660s\n= source.blind");
    check_ended("FAILED", &format!("scan receipt p1 none\n{late}"));
    check_ended("FAILED", &format!("{ON_CHAIN}\nscan receipt p1 107\n{frozen}"));
}

#[test]
fn what_leaves_the_wallet_and_no_list_of_circles_has_freezes_everything() {
    for (o1, then) in [
        ("usdc W>Q 77", "circle asked scan\ncircle lists\n= payments.frozen everything"),
        ("usdc W>Q 0", "circle asked"),
        ("fake W>Q 77", "circle asked"),
        ("usdc S>Q 77", "circle asked"),
    ] {
        check(
            live(Approval::None),
            &format!(
                "
                tx o1 {o1}
                a fresh
                a 100
                wait 1s
                circle lists
                a 101:o1 102 103 104 105
                wait 60s
                circle asked
                a 106
                wait 31s
                {then}
                "
            ),
        );
    }
}

#[test]
fn what_waits_for_a_person_does_not_leave() {
    check(
        live(Approval::Manual),
        "
        tx t1 usdc S>A 500
        a fresh
        a 100
        wait 1s
        circle lists
        a 101:t1 102 103 104 105
        a 106
        = final t1 treasury in; payment.held approval
        wait 60s
        circle asked
        wait 580s
        = payment.refused nobody approved it in time
        ",
    );
}

#[test]
fn a_refusal_of_every_attempt_ends_it_and_an_open_one_is_looked_for() {
    check(
        live(Approval::None),
        &format!(
            "{TRIGGERED}
            circle refuses 400
            = payment.failed Circle: 400 no; payments.frozen rule all
            wait 60s
            circle asked
            "
        ),
    );
    check(
        live(Approval::None),
        &format!(
            "{TRIGGERED}
            circle breaks
            wait 3s
            circle asked scan
            circle lists
            circle asked create
            circle refuses 400
            circle asked scan
            "
        ),
    );
}

#[test]
fn what_is_no_usdc_what_is_dust_and_what_a_payee_sends_pays_nothing() {
    check(
        live(Approval::None),
        "
        tx t1 fake S>A 500
        tx t2 usdc S>A 99
        tx t3 usdc P>A 500
        tx t4 usdc W>A 500
        a fresh
        a 100
        wait 1s
        circle lists
        a 101:t1 102:t2 103:t3 104:t4 105 106 107 108 109
        = final t3 treasury in; final t4 treasury in
        wait 60s
        circle asked scan
        ",
    );
}
