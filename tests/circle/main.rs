//! The protocol's desk and the payment worker together, against a simulated Circle on loopback: what the answers of a real socket do to
//! a payment. The desk alone is tried in `tests/money`, the worker alone beside it.

mod house;

use house::{House, Setup};
use std::time::Duration;
use walletwatch::reactor::money::PaymentState;
use walletwatch::reactor::payments::desk::Order;
use walletwatch::world::circle::{Fate, Manner};

const MINUTE: Duration = Duration::from_mins(1);

#[tokio::test]
async fn a_payment_goes_from_the_plan_to_the_chain_and_leaves_once() {
    let mut house = House::new(Setup::default()).await;
    house.circle.change(|book| book.paced(Duration::from_secs(20)));
    let id = house.pay(1, 2_500_000).await;
    house.run(Duration::from_mins(5), |house| house.state(id) == PaymentState::Complete).await;
    let row = house.row(id);
    let live = row.live.as_deref().expect("it is live");
    assert!(live.tx.is_some() && live.compared && live.attempts == 1);
    assert_eq!(house.moved(), [2_500_000]);
    assert_eq!(house.statuses(), [201]);
    assert_eq!(house.frozen(), None);
}

#[tokio::test]
async fn what_may_only_be_sent_once_is_found_in_the_list_after_its_answer_was_lost() {
    for lost in [Manner::DoneThenClosed, Manner::DoneThenCut, Manner::DoneThenStatus(502), Manner::DoneThenStatus(201)]
    {
        let mut house = House::new(Setup { relaxed: false, ..Setup::default() }).await;
        house.circle.change(|book| book.paced(Duration::from_secs(20)));
        house.circle.set(|trouble| trouble.posts.push_back(lost));
        let id = house.pay(1, 2_500_000).await;
        house.run(Duration::from_mins(10), |house| house.state(id) == PaymentState::Complete).await;
        assert_eq!(house.statuses().len(), 1, "{lost:?}: one attempt and no resend");
        assert_eq!((house.moved(), house.frozen()), (vec![2_500_000], None), "{lost:?}");
    }
}

#[tokio::test]
async fn after_a_probe_the_same_bytes_are_sent_again_and_circle_gives_the_first_transfer() {
    let mut house = House::new(Setup { relaxed: false, ..Setup::default() }).await;
    assert_eq!(house.order(Order::Probed, "ann"), Ok(()));
    house.circle.set(|trouble| {
        trouble.list_lag = Duration::from_hours(1);
        trouble.posts.extend([Manner::DoneThenClosed, Manner::Closed, Manner::DoneThenStatus(500), Manner::Usual]);
    });
    let id = house.pay(1, 2_500_000).await;
    house.run(Duration::from_mins(10), |house| house.state(id) == PaymentState::Complete).await;
    let posted = house.circle.posted();
    assert_eq!(posted.iter().map(|posted| posted.status).collect::<Vec<_>>(), [201, 0, 200, 200]);
    assert!(posted.iter().all(|again| (again.key, again.frozen) == (posted[0].key, posted[0].frozen)));
    assert_eq!(house.moved(), [2_500_000]);
}

#[tokio::test]
async fn half_an_hour_of_trouble_ends_in_readings_only_and_then_with_a_person() {
    let mut house = House::new(Setup::default()).await;
    house.circle.set(|trouble| trouble.every_post = Some(Manner::WebPage(503)));
    let id = house.pay(1, 2_500_000).await;
    house.run(Duration::from_hours(2), |house| house.state(id) == PaymentState::Human).await;
    let posted = house.circle.posted();
    let span = posted[posted.len() - 1].at.since(posted[0].at);
    assert!(posted.len() > 5 && span < 30 * MINUTE, "{} posts in {span:?}", posted.len());
    assert!(house.now().since(posted[posted.len() - 1].at) >= 20 * MINUTE, "two scans apart, the first late enough");
    assert!(house.moved().is_empty());
}

#[tokio::test]
async fn a_key_that_is_bound_to_something_else_stops_everything() {
    let mut house = House::new(Setup::default()).await;
    house.circle.set(|trouble| trouble.posts.push_back(Manner::Refused(409, 1_083)));
    let id = house.pay(1, 2_500_000).await;
    let other = house.pay(2, 1_000_000).await;
    house.run(Duration::from_mins(90), |house| house.state(id) == PaymentState::Human).await;
    assert!(house.frozen().is_some());
    assert_eq!(house.statuses(), [409], "not one request more");
    assert!(house.state(other).is_waiting(), "{:?}", house.state(other));
}

#[tokio::test]
async fn what_circle_refuses_in_its_own_words_is_rejected_and_the_rule_waits() {
    let mut house = House::new(Setup::default()).await;
    house.circle.set(|trouble| trouble.posts.push_back(Manner::Refused(400, 155_258)));
    let id = house.pay(1, 2_500_000).await;
    house.run(Duration::from_mins(10), |house| house.state(id) == PaymentState::Rejected).await;
    assert!(house.is_stopped(), "the rule pays no more until a person resumes it");
    assert!(house.moved().is_empty());
}

#[tokio::test]
async fn a_ciphertext_that_circle_has_seen_is_followed_by_a_fresh_one() {
    let mut house = House::new(Setup::default()).await;
    house.circle.set(|trouble| trouble.posts.push_back(Manner::Refused(400, 156_004)));
    let id = house.pay(1, 2_500_000).await;
    house.run(Duration::from_mins(10), |house| house.state(id) == PaymentState::Complete).await;
    assert_eq!(house.statuses(), [400, 201]);
    assert_eq!(house.moved(), [2_500_000]);
}

#[tokio::test]
async fn every_end_at_circle_is_an_end_here_and_what_is_stuck_is_none() {
    let ends = [
        (Fate::Fail("ESTIMATION_ERROR"), PaymentState::Failed),
        (Fate::Deny, PaymentState::Denied),
        (Fate::Strange, PaymentState::Complete),
    ];
    for (fate, end) in ends {
        let mut house = House::new(Setup::default()).await;
        house.circle.change(|book| {
            book.paced(Duration::from_secs(20));
            book.fates([fate]);
        });
        let id = house.pay(1, 2_500_000).await;
        house.run(Duration::from_mins(20), |house| house.state(id) == end).await;
        assert_eq!(house.is_stopped(), end != PaymentState::Complete, "{fate:?}");
    }
    let mut house = House::new(Setup::default()).await;
    house.circle.change(|book| book.fates([Fate::Stick]));
    let id = house.pay(1, 2_500_000).await;
    house.pass(30 * MINUTE).await;
    assert_eq!(house.state(id), PaymentState::Accepted, "it can still be paid, and is sent no second time");
    house.circle.change(walletwatch::world::circle::Book::loosen);
    house.run(Duration::from_mins(20), |house| house.state(id) == PaymentState::Complete).await;
    assert_eq!((house.statuses(), house.moved()), (vec![201], vec![2_500_000]));
}

#[tokio::test]
async fn a_twin_over_another_store_pays_nothing_twice_and_says_that_it_is_one() {
    let mut first = House::new(Setup::default()).await;
    let id = first.pay(1, 2_500_000).await;
    first.run(Duration::from_mins(10), |house| house.state(id) == PaymentState::Complete).await;
    let mut twin = first.beside(Setup { store: 2, ..Setup::default() }).await;
    twin.pay(1, 2_500_000).await;
    twin.pass(20 * MINUTE).await;
    assert_eq!(twin.moved(), [2_500_000]);
    assert!(twin.frozen().is_some(), "it found what another deployment asked for");
}

#[tokio::test]
async fn a_store_of_yesterday_pays_nothing_again_and_freezes() {
    let mut house = House::new(Setup::default()).await;
    let id = house.pay(1, 2_500_000).await;
    house.run(Duration::from_mins(10), |house| house.state(id) == PaymentState::Complete).await;
    let mut restored = house.beside(Setup::default()).await;
    restored.pay(1, 2_500_000).await;
    restored.pass(20 * MINUTE).await;
    assert_eq!((restored.moved(), restored.statuses().len()), (vec![2_500_000], 1));
    assert!(restored.frozen().is_some(), "its rows precede Circle's, and here they do not");
}

#[tokio::test]
async fn without_references_what_looks_like_it_is_for_a_person_to_say() {
    let mut house = House::new(Setup { relaxed: false, ..Setup::default() }).await;
    house.circle.set(|trouble| {
        trouble.empty_references = true;
        trouble.posts.push_back(Manner::DoneThenClosed);
    });
    let id = house.pay(1, 2_500_000).await;
    house.run(Duration::from_hours(1), |house| house.state(id) == PaymentState::Human).await;
    assert_eq!(house.statuses(), [201], "never absent, never sent again");
}

#[tokio::test]
async fn under_a_freeze_nothing_leaves_and_readings_go_on() {
    let mut house = House::new(Setup::default()).await;
    house.circle.change(|book| book.paced(Duration::from_secs(20)));
    let id = house.pay(1, 2_500_000).await;
    house.run(MINUTE, |house| house.state(id) == PaymentState::Accepted).await;
    assert_eq!(house.order(Order::Freeze { why: "a drill".into() }, "ann"), Ok(()));
    let held = house.pay(2, 1_000_000).await;
    house.run(Duration::from_mins(10), |house| house.state(id) == PaymentState::Complete).await;
    assert_eq!((house.state(held), house.statuses().len()), (PaymentState::Held, 1));
}

#[tokio::test]
async fn a_file_beside_the_config_holds_everything_back() {
    let mut house = House::new(Setup::default()).await;
    house.freeze_file(true);
    let id = house.pay(1, 2_500_000).await;
    house.pass(3 * MINUTE).await;
    assert!(house.statuses().is_empty());
    house.freeze_file(false);
    house.run(Duration::from_mins(10), |house| house.state(id) == PaymentState::Complete).await;
    assert_eq!(house.moved(), [2_500_000]);
}

#[tokio::test]
async fn a_clock_that_is_not_circles_pauses_money() {
    let mut house = House::new(Setup::default()).await;
    house.pass(MINUTE).await;
    house.circle.set(|trouble| trouble.date_ahead_ms = 3_600_000);
    house.pay(1, 2_500_000).await;
    house.pass(5 * MINUTE).await;
    assert!(house.statuses().is_empty(), "the list before the first send said what time it is");
    assert!(house.is_paused());
}

#[tokio::test]
async fn a_hook_makes_somebody_look_sooner_and_says_nothing_itself() {
    let mut house = House::new(Setup::default()).await;
    house.circle.change(|book| book.paced(Duration::from_hours(2)));
    let id = house.pay(1, 2_500_000).await;
    house.run(MINUTE, |house| house.state(id) == PaymentState::Accepted).await;
    // Not at the very moment at which it is looked at anyway.
    house.pass(41 * MINUTE).await;
    let due = |house: &House| house.row(id).live.and_then(|live| live.due).expect("it is looked at again");
    let first = due(&house);
    assert!(first > house.now(), "not yet");
    house.hint("no-transaction-of-ours").await;
    assert_eq!(due(&house), first);
    let circle = house.row(id).live.and_then(|live| live.circle_id).expect("Circle has it");
    let now = house.now();
    house.hint(circle.as_str()).await;
    assert_eq!((due(&house), first < now.after(5 * MINUTE)), (now.after(5 * MINUTE), true), "it was looked at now");
    assert_eq!(house.state(id), PaymentState::Accepted, "and only what Circle shows counts");
}
