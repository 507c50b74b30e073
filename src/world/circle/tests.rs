//! The simulated Circle keeps to what the real one says of itself.

use super::*;
use crate::types::{Address, Name, Timestamp, U256};
use crate::wire::circle::{CircleState, FeeLevel, TransferTerms};
use std::time::Duration;

const START: i64 = 1_790_000_000_000;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(START + seconds * 1_000)
}

fn book() -> Book {
    Book::new(WalletFacts {
        id: "w".into(),
        address: Address::repeat_byte(1),
        blockchain: "ETH-SEPOLIA".into(),
        token: Address::repeat_byte(2),
        usdc: U256::from(100),
        coin: U256::from(10).pow(U256::from(18)),
        contract_account: false,
    })
}

fn terms(key: u8, amount: u64) -> TransferTerms {
    TransferTerms {
        key: Uuid::v4([key; 16]),
        wallet: "w".into(),
        blockchain: "ETH-SEPOLIA".into(),
        token: Address::repeat_byte(2),
        destination: Address::repeat_byte(3),
        amount: U256::from(amount),
        fee: FeeLevel::Medium,
        reference: "ww1.a.b".into(),
    }
}

fn states(book: &mut Book, seconds: impl IntoIterator<Item = i64>) -> Vec<String> {
    let state = |book: &Book| book.entries()[0].state.to_string();
    seconds
        .into_iter()
        .map(|second| {
            book.advance(at(second));
            state(book)
        })
        .collect()
}

#[test]
fn a_transfer_goes_from_state_to_state_and_its_money_leaves_once() {
    let mut book = book();
    book.paced(Duration::from_secs(1));
    assert!(book.create(&terms(1, 60), at(0)).is_ok_and(|(new, _)| new));
    let seen = states(&mut book, 0..=6);
    assert_eq!(seen, ["INITIATED", "CLEARED", "QUEUED", "SENT", "CONFIRMED", "COMPLETE", "COMPLETE"]);
    assert_eq!(book.wallet().usdc, U256::from(40));
    assert!(book.entries()[0].tx.is_some());
}

#[test]
fn a_key_makes_one_transfer_while_it_lives_and_another_body_is_a_conflict() {
    let mut book = book();
    let day = 24 * 3_600;
    let made = |book: &mut Book, terms: &TransferTerms, second| match book.create(terms, at(second)) {
        Ok((true, _)) => 201,
        Ok((false, _)) => 200,
        Err((status, _)) => status,
    };
    assert_eq!(made(&mut book, &terms(1, 10), 0), 201);
    assert_eq!(made(&mut book, &terms(1, 10), 60), 200);
    assert_eq!(made(&mut book, &terms(1, 11), 60), 409);
    assert_eq!(made(&mut book, &terms(1, 10), day - 1), 200);
    assert_eq!(made(&mut book, &terms(1, 10), day), 201, "it is forgotten, and nobody was told");
    assert_eq!(book.entries().len(), 2);
}

#[test]
fn every_fate_ends_as_it_should() {
    let check = |fate: Fate, expected: &[&str], left: u64| {
        let mut book = book();
        book.paced(Duration::from_secs(1));
        book.fates([fate]);
        book.create(&terms(1, 60), at(0)).expect("there is enough");
        assert_eq!(states(&mut book, 0..=6), expected, "{fate:?}");
        assert_eq!(book.wallet().usdc, U256::from(left), "{fate:?}");
    };
    check(Fate::Deny, &["INITIATED", "DENIED", "DENIED", "DENIED", "DENIED", "DENIED", "DENIED"], 100);
    let failed = ["INITIATED", "CLEARED", "FAILED", "FAILED", "FAILED", "FAILED", "FAILED"];
    check(Fate::Fail("ESTIMATION_ERROR"), &failed, 100);
    check(Fate::Stick, &["INITIATED", "CLEARED", "QUEUED", "SENT", "STUCK", "STUCK", "STUCK"], 40);
    let late = Fate::Late(Duration::from_secs(5));
    check(late, &["INITIATED", "INITIATED", "INITIATED", "INITIATED", "INITIATED", "INITIATED", "CLEARED"], 100);
    let strange = "WAITING_FOR_THE_MOON";
    check(Fate::Strange, &["INITIATED", "CLEARED", "QUEUED", "SENT", "CONFIRMED", "COMPLETE", "COMPLETE"], 40);
    let mut book = book();
    book.fates([Fate::Strange]);
    book.paced(Duration::from_secs(1));
    book.create(&terms(1, 1), at(0)).expect("there is enough");
    assert!(!CircleState::read(strange).is_final());
}

#[test]
fn what_is_stuck_can_still_be_paid_and_what_is_early_can_be_cancelled() {
    let mut book = book();
    book.paced(Duration::from_secs(1));
    book.fates([Fate::Stick]);
    book.create(&terms(1, 60), at(0)).expect("there is enough");
    assert_eq!(states(&mut book, [4]), ["STUCK"]);
    book.loosen();
    assert_eq!(states(&mut book, [5, 6]), ["COMPLETE", "COMPLETE"]);
    assert_eq!(book.wallet().usdc, U256::from(40));

    let mut book = self::book();
    book.paced(Duration::from_secs(1));
    let id: Name = book.create(&terms(1, 60), at(0)).map(|(_, entry)| entry.id).expect("there is enough");
    assert!(book.cancel(id.as_str(), at(0)).is_ok());
    assert_eq!(states(&mut book, [0, 5]), ["CANCELLED", "CANCELLED"]);
    assert_eq!(book.wallet().usdc, U256::from(100));
    assert!(book.cancel(id.as_str(), at(6)).is_err_and(|(status, _)| status == 400));
    assert!(book.cancel("nobody", at(6)).is_err_and(|(status, _)| status == 404));
}

#[test]
fn more_than_the_wallet_holds_is_refused_or_found_out_later() {
    let mut book = book();
    book.paced(Duration::from_secs(1));
    book.create(&terms(1, 60), at(0)).expect("there is enough");
    assert!(book.create(&terms(2, 41), at(0)).is_err_and(|(status, error)| (status, error.code) == (400, 155_258)));
    assert!(book.create(&terms(2, 40), at(0)).is_ok());
    let mut book = self::book();
    book.overdraws();
    book.create(&terms(1, 101), at(0)).expect("it is found out later");
    assert_eq!(states(&mut book, [9]), ["FAILED"]);
    assert_eq!(book.wallet().usdc, U256::from(100));
}

#[test]
fn what_somebody_else_mines_waits_for_its_block() {
    let mut book = book();
    book.on_chain();
    let id = book.create(&terms(1, 60), at(0)).map(|(_, entry)| entry.id).expect("there is enough");
    assert_eq!(states(&mut book, [10]), ["SENT"]);
    let out = book.take_outgoing();
    assert_eq!((out.len(), &out[0].id, out[0].amount), (1, &id, U256::from(60)));
    book.mined(&id, [7; 32].into());
    assert_eq!(states(&mut book, [11]), ["COMPLETE"]);
    assert_eq!((book.take_outgoing(), book.wallet().usdc), (Vec::new(), U256::from(40)));
}
