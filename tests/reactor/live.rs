//! Live payments: from a final transfer over Circle's answers to the words that people hear.

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
        blockchain: "ETH-SEPOLIA".into(),
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
        ["shows", state] => {
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
                tx: None,
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
        circle asked
        ",
    );
}
