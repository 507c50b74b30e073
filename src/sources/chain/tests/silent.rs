//! Endpoints that take questions and never answer, beside one that does.

use super::super::bench::{Bench, refs};
use super::super::testing::{Node, Reply, line};
use super::{name, state_of, until_state};
use crate::reactor::event::SourceState;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::Instant;

/// The chain's blocks come every quarter of a second, and one is patient with its nodes for three; then the block is read from
/// another, and within another look the lead goes there.
const AT_LATEST: Duration = Duration::from_secs(6);

/// Whether a question is never answered.
type Hangs = fn(&str, &Value) -> bool;

/// Lets the first of two endpoints hang while blocks come. Tells what it said of itself since.
async fn check(socket: bool, hangs: Hangs) -> Vec<SourceState> {
    let (one, two) = (Node::start(100).await, Node::start(100).await);
    let endpoints = vec![one.endpoint("one", socket), two.endpoint("two", socket)];
    let mut bench = Bench::start(endpoints, &line(90..=100, b'a'));
    until_state(&mut bench, "one", SourceState::Fresh).await;
    one.mine(&line(101..=101, b'a'));
    two.mine(&line(101..=101, b'a'));
    bench.run().await;
    one.script(move |method, params| hangs(method, params).then_some(Reply::Hang));
    let before = bench.seen.len();
    let mut slowest = Duration::ZERO;
    let mut next = 102;
    let until = Instant::now() + Duration::from_secs(40);
    while Instant::now() < until {
        let since = Instant::now();
        // Several at a time: it must be walked, too.
        one.mine(&line(next..=next + 2, b'a'));
        two.mine(&line(next..=next + 2, b'a'));
        next += 3;
        while refs(&bench.run().await).1.last() != line(next - 1..=next - 1, b'a').last() {}
        slowest = slowest.max(since.elapsed());
        tokio::time::advance(Duration::from_millis(750)).await;
    }
    assert!(slowest <= AT_LATEST, "a block came after {slowest:?}");
    let said: Vec<_> = bench.seen.iter().skip(before).filter_map(|event| state_of(event, "one")).collect();
    one.script(|_, _| None);
    until_state(&mut bench, "one", SourceState::Fresh).await;
    said
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_that_answers_nothing_is_stale_and_hands_over_in_time_until_it_answers() {
    for socket in [true, false] {
        assert_eq!(check(socket, |_, _| true).await.first(), Some(&SourceState::Stale), "socket: {socket}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_that_answers_all_but_what_a_block_needs_hands_over_and_the_lead_does_not_go_to_and_fro() {
    let receipts: Hangs = |method, _| method == "eth_getBlockReceipts";
    let blocks: Hangs = |method, params| method == "eth_getBlockByHash" && params[1] == json!(true);
    let traces: Hangs = |method, _| method == "debug_traceBlockByHash";
    for hangs in [receipts, blocks] {
        let said = check(true, hangs).await;
        let freshened = said.iter().filter(|state| **state == SourceState::Fresh).count();
        assert!(freshened <= 2, "fifteen seconds, then thirty: {said:?}");
        assert!(matches!(said.first(), Some(SourceState::Stale | SourceState::BackingOff(_))), "{said:?}");
    }
    // Only this is not told by its owing answers: a trace may take long.
    let said = check(true, traces).await;
    assert!(said.contains(&SourceState::BackingOff(name("it does not give its blocks in time"))), "{said:?}");
}
