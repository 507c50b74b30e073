//! The worker against a simulated Circle: what leaves, what does not, and what is said of either.

use super::*;
use crate::payments::testing::{Bench, WALLET, token, wallet};
use crate::reactor::money::{IdempotencyKey, LivePart, PaymentRow, PaymentState};
use crate::reactor::payments::ask::{Scan, Ticket};
use crate::types::Secret;
use crate::wire::circle::{CircleState, TransferTerms, freeze};
use crate::world::circle::{Fate, Manner};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A running worker.
struct Rig {
    bench: Bench,
    asks: mpsc::Sender<Asked>,
    answers: mpsc::Receiver<Answer>,
    funds: watch::Receiver<Option<WalletFunds>>,
    frozen: Arc<AtomicBool>,
    stop: CancellationToken,
    ticket: u64,
}

impl Rig {
    async fn new() -> Self {
        Self::with(|_| None).await
    }

    async fn with(key: impl FnOnce(&Bench) -> Option<Secret>) -> Self {
        let bench = Bench::new().await;
        let client = key(&bench).map_or_else(|| bench.client(), |key| bench.client_with(key));
        let (asks, asks_in) = mpsc::channel(64);
        let (answers_out, answers) = mpsc::channel(64);
        let (funds_out, funds) = watch::channel(None);
        let (frozen, stop) = (Arc::new(AtomicBool::new(false)), CancellationToken::new());
        let (hands, is_frozen) = (bench.hands.clone(), Arc::clone(&frozen));
        let wires = Wires {
            asks: asks_in,
            answers: answers_out,
            funds: funds_out,
            clock: move || hands.now(),
            frozen: move || is_frozen.load(Ordering::SeqCst),
            stop: stop.clone(),
        };
        let parts = Parts { client, secret: Bench::secret(), shown: Some(wallet()), pinned: None };
        tokio::spawn(run(parts, wires));
        Self { bench, asks, answers, funds, frozen, stop, ticket: 0 }
    }

    async fn say(&mut self, ask: Ask) {
        self.ticket += 1;
        self.asks.send(Asked { ticket: Ticket(self.ticket), ask }).await.expect("the worker runs");
    }

    async fn hear(&mut self) -> Answer {
        tokio::time::timeout(Duration::from_mins(1), self.answers.recv()).await.expect("in time").expect("it runs")
    }

    async fn ask(&mut self, ask: Ask) -> Answer {
        self.say(ask).await;
        let answer = self.hear().await;
        assert_eq!(answer.ticket, Ticket(self.ticket));
        answer
    }

    fn statuses(&self) -> Vec<u16> {
        self.bench.circle.posted().iter().map(|posted| posted.status).collect()
    }
}

fn reference(number: u8) -> Name {
    format!("ww1.0a.{number:02x}").into()
}

/// A live payment that is being sent.
fn row(number: u8, amount: u64) -> PaymentRow {
    let id = PaymentId([number; 16]);
    let key = IdempotencyKey::of("test", &wallet(), id);
    let terms = TransferTerms {
        key: Uuid(key.0),
        wallet: wallet(),
        blockchain: "ETH-SEPOLIA".into(),
        token: token(),
        destination: Address::repeat_byte(0xC9),
        amount: U256::from(amount),
        fee: FeeLevel::Medium,
        reference: reference(number),
    };
    let body = freeze(&terms).expect("the terms are fine");
    let at = Timestamp::from_secs(1);
    let live = LivePart {
        wallet: wallet(),
        key,
        hash: circle::body_hash(&body),
        body: body.into(),
        reference: terms.reference,
        blockchain: terms.blockchain,
        token: token(),
        version: [4; 32],
        triggered_at: at,
        approvals: Vec::new(),
        anyway: false,
        approved_at: None,
        attempts: 1,
        disproven: 0,
        first_sent: None,
        last_sent: None,
        due: None,
        empty_scans: 0,
        scanned_at: None,
        circle_id: None,
        circle_state: None,
        compared: false,
        tx: None,
        absent: None,
    };
    PaymentRow {
        id,
        rule: "r".into(),
        payee: "p".into(),
        chain: ChainId(11_155_111),
        address: terms.destination,
        amount: terms.amount,
        state: PaymentState::Sending,
        reason: None,
        transfer: None,
        crossing: Some(1),
        planned_at: at,
        changed_at: at,
        live: Some(Box::new(live)),
    }
}

fn create_of(row: &PaymentRow, committed: Timestamp, pinned: Option<[u8; 32]>) -> Ask {
    Ask::Create(Box::new(Create::of(row, committed, pinned).expect("it is live and sending")))
}

fn create(rig: &Rig, number: u8, amount: u64) -> Ask {
    create_of(&row(number, amount), rig.bench.hands.now(), None)
}

#[tokio::test]
async fn a_transfer_is_accepted_once_and_a_repeat_says_that_it_is_none_new() {
    let mut rig = Rig::new().await;
    rig.bench.circle.change(|book| book.paced(Duration::from_secs(1)));
    let ask = create(&rig, 1, 1_500_000);
    let first = rig.ask(ask.clone()).await;
    let Outcome::Accepted { id, state, new: true } = first.outcome.clone() else { panic!("{first:?}") };
    assert_eq!(state.word(), "INITIATED");
    assert!(first.date.is_some() && first.request_id.is_some() && first.entity_key.is_some());
    let again = rig.ask(ask).await;
    assert!(matches!(&again.outcome, Outcome::Accepted { id: same, new: false, .. } if *same == id), "{again:?}");
    assert_ne!(first.request_id, again.request_id);
    let posted = rig.bench.circle.posted();
    assert_eq!(rig.statuses(), [201, 200]);
    assert_eq!((posted[0].key, posted[0].frozen), (posted[1].key, posted[1].frozen));
    assert_ne!(posted[0].ciphertext, posted[1].ciphertext);
    let read = rig.ask(Ask::Get { id: id.clone() }).await;
    let Outcome::Read(read) = read.outcome else { panic!("{read:?}") };
    assert_eq!((&read.id, read.amount, read.token), (&id, Some(U256::from(1_500_000)), Some(token())));
    assert_eq!((read.wallet.as_ref().map(Name::as_str), read.reference), (Some(WALLET), Some(reference(1))));
    assert_eq!((read.destination, read.chain), (Some(Address::repeat_byte(0xC9)), Some("ETH-SEPOLIA".into())));
}

#[tokio::test]
async fn whatever_happens_to_the_answer_is_said_as_it_is() {
    let mut rig = Rig::new().await;
    let mut number = 0;
    let mut check = async |manner: Manner, expected: &dyn Fn(&Outcome) -> bool| {
        number += 1;
        rig.bench.circle.set(|trouble| trouble.posts.push_back(manner));
        let ask = create(&rig, number, 1);
        let answer = rig.ask(ask).await;
        assert!(expected(&answer.outcome), "{manner:?}: {answer:?}");
        assert_eq!(rig.statuses().len(), usize::from(number), "{manner:?} was sent once");
    };
    let refused = |http: u16, of: i64| move |outcome: &Outcome| matches!(outcome, Outcome::Refused { status, code, .. } if (*status, *code) == (http, Some(of)));
    check(Manner::Usual, &|outcome| matches!(outcome, Outcome::Accepted { new: true, .. })).await;
    check(Manner::DoneThenClosed, &|outcome| *outcome == Outcome::Ambiguous(Why::Broken)).await;
    check(Manner::Closed, &|outcome| *outcome == Outcome::Ambiguous(Why::Broken)).await;
    check(Manner::DoneThenCut, &|outcome| *outcome == Outcome::Ambiguous(Why::Broken)).await;
    check(Manner::DoneThenStatus(502), &|outcome| *outcome == Outcome::Ambiguous(Why::Unreadable(502))).await;
    check(Manner::DoneThenStatus(201), &|outcome| *outcome == Outcome::Ambiguous(Why::Unreadable(201))).await;
    check(Manner::WebPage(403), &|outcome| *outcome == Outcome::Ambiguous(Why::Unreadable(403))).await;
    check(Manner::WebPage(302), &|outcome| *outcome == Outcome::Ambiguous(Why::Unreadable(302))).await;
    for (status, code) in
        [(400, 155_258), (400, 156_004), (401, 401), (403, 3), (404, 404), (409, 1_083), (429, 429), (500, -1)]
    {
        check(Manner::Refused(status, code), &refused(status, code)).await;
    }
}

#[tokio::test]
async fn an_answer_that_never_comes_is_given_up_with_its_connection() {
    let mut rig = Rig::new().await;
    // The key is at hand before the clock is paused.
    let ask = create(&rig, 1, 1);
    assert!(matches!(rig.ask(ask).await.outcome, Outcome::Accepted { .. }));
    rig.bench.circle.set(|trouble| trouble.posts.push_back(Manner::DoneThenSilent));
    let ask = create(&rig, 2, 1);
    rig.say(ask).await;
    while rig.statuses().len() < 2 {
        tokio::task::yield_now().await;
    }
    tokio::time::pause();
    assert_eq!(rig.hear().await.outcome, Outcome::Ambiguous(Why::Timeout));
    assert_eq!(rig.bench.circle.read(|book| book.entries().len()), 2, "Circle did it all the same");
}

#[tokio::test]
async fn what_is_too_late_frozen_damaged_or_under_another_key_leaves_no_byte() {
    let mut rig = Rig::new().await;
    let pinned = rig.ask(create(&rig, 1, 1)).await.entity_key.expect("it was used");
    let now = rig.bench.hands.now();
    let late = Timestamp::from_millis(now.millis() - 1_001);
    assert_eq!(rig.ask(create_of(&row(2, 1), late, None)).await.outcome, Outcome::NotSent(Unsent::TooLate));
    rig.frozen.store(true, Ordering::SeqCst);
    assert_eq!(rig.ask(create(&rig, 3, 1)).await.outcome, Outcome::NotSent(Unsent::FreezeFile));
    rig.frozen.store(false, Ordering::SeqCst);
    let mut damaged = row(4, 1);
    if let Some(live) = &mut damaged.live {
        live.body = Arc::from(&live.body[1..]);
    }
    assert_eq!(rig.ask(create_of(&damaged, now, None)).await.outcome, Outcome::NotSent(Unsent::OtherBytes));
    let other = rig.ask(create_of(&row(5, 1), now, Some([0; 32]))).await;
    assert_eq!(other.outcome, Outcome::NotSent(Unsent::OtherEntityKey(pinned)));
    assert_eq!(rig.statuses(), [201]);
    assert!(matches!(rig.ask(create_of(&row(6, 1), now, Some(pinned))).await.outcome, Outcome::Accepted { .. }));
    // At the limit it may leave; the clock of the commits says so, whatever this machine's says.
    let edge = Timestamp::from_millis(now.millis() - 1_000);
    assert!(matches!(rig.ask(create_of(&row(7, 1), edge, None)).await.outcome, Outcome::Accepted { .. }));
}

#[tokio::test]
async fn without_an_entity_key_nothing_leaves() {
    let mut rig = Rig::new().await;
    rig.bench.circle.set(|trouble| trouble.every_read = Some(Manner::WebPage(503)));
    assert_eq!(rig.ask(create(&rig, 1, 1)).await.outcome, Outcome::NotSent(Unsent::NoEntityKey));
    assert!(rig.statuses().is_empty());
}

#[tokio::test]
async fn payments_leave_one_behind_the_other_and_readings_beside_them() {
    let mut rig = Rig::new().await;
    let id = match rig.ask(create(&rig, 1, 1)).await.outcome {
        Outcome::Accepted { id, .. } => id,
        other => panic!("{other:?}"),
    };
    rig.bench.circle.set(|trouble| trouble.posts.push_back(Manner::DoneThenLate(Duration::from_millis(300))));
    let (slow, next) = (create(&rig, 2, 1), create(&rig, 3, 1));
    rig.say(slow).await;
    rig.say(next).await;
    rig.say(Ask::Get { id }).await;
    let order = [rig.hear().await.ticket, rig.hear().await.ticket, rig.hear().await.ticket];
    assert_eq!(
        order,
        [Ticket(4), Ticket(2), Ticket(3)],
        "the reading waits for nobody, the second payment for the first"
    );
}

#[tokio::test]
async fn a_scan_reads_every_page_or_says_that_it_did_not() {
    let mut rig = Rig::new().await;
    let start = rig.bench.hands.now();
    for number in 0..7 {
        rig.bench.hands.turn(1_000);
        rig.bench.circle.change(|book| {
            let PaymentRow { live, .. } = row(number, 1);
            let body = live.map(|live| live.body).unwrap_or_default();
            book.asked_elsewhere(
                &circle::thaw(&body).expect("it was frozen"),
                start.after(Duration::from_secs(u64::from(number))),
            );
        });
    }
    let scan = |from: Timestamp| Ask::Scan(Scan { wallet: wallet(), from });
    let found = async |rig: &mut Rig, from: Timestamp| match rig.ask(scan(from)).await.outcome {
        Outcome::Found(rows) => {
            assert!(rows.iter().all(|row| row.token == Some(token()) && row.amount == Some(U256::from(1))));
            let mut references: Vec<String> =
                rows.iter().filter_map(|row| Some(row.reference.as_ref()?.to_string())).collect();
            references.sort();
            Ok(references)
        }
        Outcome::Ambiguous(why) => Err(why),
        other => panic!("{other:?}"),
    };
    let all: Vec<String> = (0..7).map(|number| reference(number).to_string()).collect();
    assert_eq!(found(&mut rig, start).await, Ok(all.clone()));
    assert_eq!(found(&mut rig, start.after(Duration::from_secs(3))).await, Ok(all[3..].to_vec()));
    rig.bench.circle.set(|trouble| trouble.shorter_pages = Some(2));
    assert_eq!(found(&mut rig, start).await, Ok(all.clone()), "four pages");
    rig.bench.circle.set(|trouble| trouble.reads.extend([Manner::Usual, Manner::Usual, Manner::WebPage(502)]));
    assert_eq!(found(&mut rig, start).await, Err(Why::Unreadable(502)), "the third page did not come");
    rig.bench.circle.set(|trouble| trouble.reads.extend([Manner::Usual, Manner::DoneThenCut]));
    assert_eq!(found(&mut rig, start).await, Err(Why::Broken));
    rig.bench.circle.set(|trouble| trouble.list_lag = Duration::from_secs(3));
    assert_eq!(found(&mut rig, start).await, Ok(all[..5].to_vec()), "what is young is not listed yet");
    rig.bench.circle.set(|trouble| {
        trouble.empty_references = true;
        trouble.list_lag = Duration::ZERO;
    });
    let Outcome::Found(rows) = rig.ask(scan(start)).await.outcome else { panic!("it is whole") };
    assert!(rows.len() == 7 && rows.iter().all(|row| row.reference.is_none()));
}

#[tokio::test]
async fn wallet_funds_and_fee_are_read_in_their_units() {
    let mut rig = Rig::new().await;
    let wei = U256::from(10).pow(U256::from(18));
    let wallet_read = rig.ask(Ask::Wallet { wallet: wallet() }).await.outcome;
    let (chain, address) = (Name::from("ETH-SEPOLIA"), Address::repeat_byte(0xAA));
    assert_eq!(wallet_read, Outcome::Wallet { chain: chain.clone(), address, gasless: false });
    let funds = rig.ask(Ask::Funds { wallet: wallet(), token: token() }).await.outcome;
    assert_eq!(funds, Outcome::Funds { usdc: U256::from(100_000_000), coin: wei });
    let other = rig.ask(Ask::Funds { wallet: wallet(), token: Address::repeat_byte(7) }).await.outcome;
    assert_eq!(other, Outcome::Funds { usdc: U256::ZERO, coin: wei }, "what only calls itself USDC is none");
    let destination = Address::repeat_byte(0xC9);
    let fee = Ask::Fee { wallet: wallet(), destination, amount: U256::from(1), token: token(), chain };
    assert_eq!(rig.ask(fee).await.outcome, Outcome::Fee(U256::from(130_000_000_000_000_u64)));
    assert!(matches!(
        rig.ask(Ask::Wallet { wallet: "another".into() }).await.outcome,
        Outcome::Refused { status: 404, .. }
    ));
    rig.funds.wait_for(Option::is_some).await.expect("the worker runs");
    let shown = rig.funds.borrow().expect("it was read");
    assert_eq!((shown.chain, shown.usdc, shown.coin), (ChainId(11_155_111), U256::from(100_000_000), wei));
}

#[tokio::test]
async fn a_wrong_key_is_refused_by_circle_and_stands_in_no_answer() {
    let mut rig = Rig::with(|_| Some(Secret::new("TEST_API_KEY:other:s3cr3t-marker".to_owned()))).await;
    let refused = rig.ask(Ask::Wallet { wallet: wallet() }).await;
    assert!(matches!(refused.outcome, Outcome::Refused { status: 401, .. }), "{refused:?}");
    assert!(!format!("{refused:?}").contains("s3cr3t"));
}

#[tokio::test]
async fn a_cancellation_is_asked_for_and_only_a_get_says_what_became_of_it() {
    let mut rig = Rig::new().await;
    rig.bench.circle.change(|book| {
        book.paced(Duration::from_secs(10));
        book.fates([Fate::Complete]);
    });
    let ask = create(&rig, 1, 1);
    let Outcome::Accepted { id, .. } = rig.ask(ask).await.outcome else { panic!("it is accepted") };
    assert_eq!(rig.ask(Ask::Cancel { id: id.clone() }).await.outcome, Outcome::CancelAsked);
    let Outcome::Read(read) = rig.ask(Ask::Get { id: id.clone() }).await.outcome else { panic!("it is read") };
    assert_eq!(read.state, CircleState::Cancelled);
    assert!(matches!(rig.ask(Ask::Cancel { id }).await.outcome, Outcome::Refused { status: 400, .. }));
}

#[tokio::test]
async fn told_to_stop_it_begins_nothing_more_and_waits_for_what_is_under_way() {
    let mut rig = Rig::new().await;
    let ask = create(&rig, 1, 1);
    assert!(matches!(rig.ask(ask).await.outcome, Outcome::Accepted { .. }));
    rig.bench.circle.set(|trouble| trouble.posts.push_back(Manner::DoneThenLate(Duration::from_millis(200))));
    let (under_way, waiting) = (create(&rig, 2, 1), create(&rig, 3, 1));
    rig.say(under_way).await;
    rig.say(waiting).await;
    while rig.statuses().len() < 2 {
        tokio::task::yield_now().await;
    }
    rig.stop.cancel();
    assert!(matches!(rig.hear().await.outcome, Outcome::Accepted { .. }), "it was under way");
    assert_eq!(rig.answers.recv().await, None, "the worker is gone");
    assert_eq!(rig.statuses().len(), 2);
}
