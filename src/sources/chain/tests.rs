//! A chain's reader against scripted nodes on loopback.

mod past;
mod refused;
mod silent;
mod traces;

use super::bench::{Bench, refs};
use super::testing::{CHAIN, Node, Reply, block, line, tx_of};
use crate::reactor::event::{Contact, Event, Head, RunPart, SourceState, Tags};
use crate::types::{Address, B256, BlockRef, ChainId, Kind, Name, Tracer};
use serde_json::{Value, json};

fn name(text: &str) -> Name {
    Name::from(text)
}

/// The state that an endpoint reports.
fn state_of(event: &Event, endpoint: &str) -> Option<SourceState> {
    match event {
        Event::Source(report) if report.source.name == name(endpoint) => Some(report.state.clone()),
        _ => None,
    }
}

fn head_of(event: Event, endpoint: &str) -> Option<Head> {
    match event {
        Event::Head(head) if head.endpoint == name(endpoint) => Some(head),
        _ => None,
    }
}

async fn until_state(bench: &mut Bench, endpoint: &str, state: SourceState) {
    bench.until(|event| (state_of(&event, endpoint)? == state).then_some(())).await;
}

async fn expect_run(bench: &mut Bench, endpoint: &str, blocks: &[BlockRef]) {
    assert_eq!(refs(&bench.run().await), (name(endpoint), blocks.to_vec()));
}

#[tokio::test]
async fn at_the_first_start_only_the_head_block_is_read_and_contact_is_made() {
    let node = Node::start(9).await;
    let mut bench = Bench::start(vec![node.endpoint("one", true)], &[]);
    let contact = bench.until(|event| if let Event::Contact(contact) = event { Some(contact) } else { None }).await;
    let genesis = Some(block(0, b'a', b'a').hash);
    assert_eq!(contact, Contact { chain: CHAIN, endpoint: name("one"), genesis, traces: Some(Tracer::Calls) });
    let run = bench.run().await;
    assert_eq!(refs(&run), (name("one"), line(9..=9, b'a')));
    assert_eq!(run.part, RunPart::Tip);
    let read = &run.blocks[0];
    assert_eq!(read.movements.iter().map(|it| it.kind).collect::<Vec<_>>(), [Kind::Coin, Kind::Internal, Kind::Token]);
    assert!(read.traced);
    let states: Vec<_> = bench.seen.iter().filter_map(|event| state_of(event, "one")).collect();
    assert_eq!(states.last(), Some(&SourceState::Fresh));
    let is_tags = |event: &Event| matches!(event, Event::Tags(_));
    if !bench.seen.iter().any(is_tags) {
        bench.until(|event| is_tags(&event).then_some(())).await;
    }
    let tag = |number: u64| Some((number, block(number, b'a', b'a').hash));
    let tags = Tags { chain: CHAIN, endpoint: name("one"), safe: tag(7), finalized: tag(5) };
    assert!(bench.seen.contains(&Event::Tags(tags)));
}

#[tokio::test]
async fn heads_are_followed_block_by_block_and_reorgs_from_their_root() {
    let node = Node::start(100).await;
    let mut bench = Bench::start(vec![node.endpoint("one", true)], &line(90..=99, b'a'));
    expect_run(&mut bench, "one", &line(100..=100, b'a')).await;
    for number in 101..=103 {
        node.mine(&line(number..=number, b'a'));
        expect_run(&mut bench, "one", &line(number..=number, b'a')).await;
    }
    // Several at once, of which only the last is announced.
    node.mine(&line(104..=110, b'a'));
    expect_run(&mut bench, "one", &line(104..=110, b'a')).await;
    // One deep.
    let sibling = [block(110, b'b', b'a')];
    node.mine(&sibling);
    expect_run(&mut bench, "one", &sibling).await;
    // Three deep, and higher.
    let mut fork = vec![block(108, b'c', b'a')];
    fork.extend(line(109..=112, b'c'));
    node.mine(&fork);
    expect_run(&mut bench, "one", &fork).await;
}

#[tokio::test]
async fn a_head_far_above_is_jumped_to_and_the_gap_is_filled_from_above() {
    let node = Node::start(400).await;
    let mut bench = Bench::start(vec![node.endpoint("one", true)], &line(0..=99, b'a'));
    expect_run(&mut bench, "one", &line(400..=400, b'a')).await;
    let mut lowest = 400;
    let mut tip_went_on = false;
    while !bench.chain.gaps.is_empty() {
        let run = bench.run().await;
        if run.part == RunPart::Tip {
            assert_eq!(refs(&run).1, line(401..=401, b'a'));
            tip_went_on = true;
            continue;
        }
        let blocks = refs(&run).1;
        assert_eq!(blocks.last().map(|block| block.number + 1), Some(lowest));
        lowest = blocks[0].number;
        if lowest < 300 && !tip_went_on {
            node.mine(&line(401..=401, b'a'));
        }
    }
    assert_eq!((lowest, tip_went_on), (100, true));
    assert!(node.count("eth_getBlockReceipts") < 301 + 40, "blocks are read once");
}

#[tokio::test]
async fn an_endpoint_of_another_chain_is_refused_and_not_used() {
    let (wrong, right) = (Node::start(50).await, Node::start(9).await);
    wrong.be_of(ChainId(1));
    let mut bench = Bench::start(vec![wrong.endpoint("wrong", true), right.endpoint("right", true)], &[]);
    expect_run(&mut bench, "right", &line(9..=9, b'a')).await;
    let refused =
        |event: &Event| state_of(event, "wrong").is_some_and(|it| matches!(it, SourceState::Refused(_))).then_some(());
    if !bench.seen.iter().any(|event| refused(event).is_some()) {
        bench.until(|event| refused(&event)).await;
    }
    assert!(!bench.seen.iter().any(|event| head_of(event.clone(), "wrong").is_some()));
    assert_eq!(wrong.count("eth_getBlockReceipts"), 0);
}

/// Blocks that are announced and not there yet, in different ways, are read as soon as they are.
#[tokio::test]
async fn an_announced_block_that_is_not_there_yet_is_asked_for_again() {
    let receipts = |reply: Value| {
        move |method: &str, _: &Value, left: u32| {
            (left > 0 && method == "eth_getBlockReceipts").then(|| Reply::Result(reply.clone()))
        }
    };
    let none = |method: &str, params: &Value, left: u32| {
        (left > 0 && method == "eth_getBlockByHash" && params[1] == json!(true)).then_some(Reply::Result(Value::Null))
    };
    let not_found = |method: &str, _: &Value, left: u32| {
        (left > 0 && method == "debug_traceBlockByHash")
            .then(|| Reply::Error(json!({"code": -32000, "message": "block not found"})))
    };
    check_late(none).await;
    check_late(receipts(Value::Null)).await;
    check_late(receipts(json!([]))).await;
    check_late(not_found).await;
}

async fn check_late(late: impl Fn(&str, &Value, u32) -> Option<Reply> + Send + 'static) {
    let node = Node::start(100).await;
    let mut bench = Bench::start(vec![node.endpoint("one", true)], &line(90..=99, b'a'));
    expect_run(&mut bench, "one", &line(100..=100, b'a')).await;
    let mut left = 3;
    node.script(move |method, params| {
        let reply = late(method, params, left);
        left -= u32::from(reply.is_some());
        reply
    });
    node.mine(&line(101..=101, b'a'));
    let run = bench.run().await;
    assert_eq!(refs(&run).1, line(101..=101, b'a'));
    assert!(run.blocks[0].traced && run.blocks[0].movements.len() == 3);
}

#[tokio::test]
async fn a_block_that_its_endpoint_never_gives_is_read_from_another() {
    let (one, two) = (Node::start(100).await, Node::start(100).await);
    let endpoints = vec![one.endpoint("one", true), two.endpoint("two", true)];
    let mut bench = Bench::start(endpoints, &line(90..=99, b'a'));
    bench.run().await;
    two.set_chain(&line(101..=101, b'a'));
    one.script(|method, _| (method == "eth_getBlockReceipts").then_some(Reply::Result(json!([]))));
    one.mine(&line(101..=101, b'a'));
    let run = bench.run().await;
    assert_eq!(refs(&run).1, line(101..=101, b'a'));
    assert_eq!(run.blocks[0].movements.len(), 3);
}

#[tokio::test]
async fn the_next_endpoint_takes_over_when_the_first_is_gone_and_gives_back() {
    let (one, two) = (Node::start(100).await, Node::start(100).await);
    let endpoints = vec![one.endpoint("one", true), two.endpoint("two", true)];
    let mut bench = Bench::start(endpoints, &line(90..=100, b'a'));
    until_state(&mut bench, "one", SourceState::Fresh).await;
    one.mine(&line(101..=101, b'a'));
    two.mine(&line(101..=101, b'a'));
    expect_run(&mut bench, "one", &line(101..=101, b'a')).await;
    one.script(|_, _| Some(Reply::Error(json!({"code": -32000, "message": "service unavailable"}))));
    one.cut();
    bench.until(|event| matches!(state_of(&event, "one")?, SourceState::BackingOff(_)).then_some(())).await;
    two.mine(&line(102..=103, b'a'));
    expect_run(&mut bench, "two", &line(102..=103, b'a')).await;
    one.script(|_, _| None);
    one.set_chain(&line(102..=104, b'a'));
    until_state(&mut bench, "one", SourceState::Fresh).await;
    two.set_chain(&line(104..=104, b'a'));
    while refs(&bench.run().await) != (name("one"), line(104..=104, b'a')) {}
}

#[tokio::test]
async fn a_lagging_endpoint_hands_over_and_is_asked_whether_it_has_the_tip() {
    let (slow, quick) = (Node::start(100).await, Node::start(400).await);
    let endpoints = vec![slow.endpoint("slow", true), quick.endpoint("quick", true)];
    let mut bench = Bench::start(endpoints, &line(200..=400, b'a'));
    quick.mine(&line(401..=401, b'a'));
    let agreement = bench.until(|event| head_of(event, "slow").and_then(|head| Some((head.at, head.lacks?)))).await;
    assert_eq!(agreement.0, block(100, b'a', b'a'));
    let runs: Vec<_> =
        bench.seen.iter().filter_map(|it| if let Event::Run(run) = it { Some(refs(run)) } else { None }).collect();
    assert_eq!(runs, [(name("quick"), line(401..=401, b'a'))]);
    let tips = [block(400, b'a', b'a').hash, block(401, b'a', b'a').hash];
    assert!(tips.contains(&agreement.1));
}

#[tokio::test]
async fn an_error_without_an_id_ends_the_subscription_and_no_block_is_lost() {
    let node = Node::start(100).await;
    let mut bench = Bench::start(vec![node.endpoint("one", true)], &line(90..=99, b'a'));
    bench.run().await;
    let before = node.count("eth_chainId");
    node.push(&json!({"jsonrpc": "2.0", "error": {"code": -32000, "message": "Subscription timed out"}}));
    node.mine(&line(101..=102, b'a'));
    expect_run(&mut bench, "one", &line(101..=102, b'a')).await;
    assert_eq!((node.count("eth_subscribe"), node.count("eth_chainId")), (2, before), "the connection stayed");
    node.set_chain(&line(103..=103, b'a'));
    node.push(&json!({"error": {"code": -32603, "message": "something else"}}));
    expect_run(&mut bench, "one", &line(103..=103, b'a')).await;
    assert!(node.count("eth_chainId") > before, "it was connected anew");
}

#[tokio::test]
async fn where_a_subscription_is_refused_heads_are_polled() {
    let node = Node::start(100).await;
    node.script(|method, _| {
        (method == "eth_subscribe").then(|| Reply::Error(json!({"code": -32005, "message": "too many subscriptions"})))
    });
    let mut bench = Bench::start(vec![node.endpoint("one", true)], &line(90..=99, b'a'));
    bench.run().await;
    node.set_chain(&line(101..=101, b'a'));
    expect_run(&mut bench, "one", &line(101..=101, b'a')).await;
}

#[tokio::test]
async fn over_http_heads_are_polled_and_batches_are_not_needed() {
    let node = Node::start(100).await;
    let mut bench = Bench::start(vec![node.endpoint("one", false)], &line(90..=99, b'a'));
    bench.run().await;
    node.set_chain(&line(101..=120, b'a'));
    let mut blocks = refs(&bench.run().await).1;
    while blocks.len() < 20 {
        blocks.extend(refs(&bench.run().await).1);
    }
    assert_eq!(blocks, line(101..=120, b'a'));
}

#[tokio::test]
async fn a_node_that_says_too_many_is_left_alone_and_used_again() {
    for socket in [true, false] {
        let node = Node::start(100).await;
        let mut bench = Bench::start(vec![node.endpoint("one", socket)], &line(90..=99, b'a'));
        bench.run().await;
        let mut left = 1;
        node.script(move |method, _| {
            let limited = method == "eth_getBlockReceipts" && left > 0;
            left -= u32::from(limited);
            let text = json!({"code": -32005, "message": "rate limit exceeded"});
            limited.then_some(if socket { Reply::Error(text) } else { Reply::Status(429, 2) })
        });
        node.mine(&line(101..=101, b'a'));
        expect_run(&mut bench, "one", &line(101..=101, b'a')).await;
        assert!(node.count("eth_getBlockReceipts") <= 4, "it was not insisted");
    }
}

#[tokio::test]
async fn a_node_without_receipts_of_blocks_and_without_traces_is_read_by_logs() {
    let node = Node::start(100).await;
    node.script(|method, _| {
        ["eth_getBlockReceipts", "debug_traceBlockByHash"]
            .contains(&method)
            .then(|| Reply::Error(json!({"code": -32601, "message": "method not found"})))
    });
    let mut bench = Bench::start(vec![node.endpoint("one", true)], &line(90..=99, b'a'));
    let contact = bench.until(|event| if let Event::Contact(contact) = event { Some(contact) } else { None }).await;
    assert_eq!(contact.traces, None);
    let run = bench.run().await;
    // Nothing is watched, so that no coin is asked for; token transfers come by the logs.
    assert_eq!(run.blocks[0].movements.iter().map(|it| it.kind).collect::<Vec<_>>(), [Kind::Token]);
    assert!(!run.blocks[0].traced);
}

#[tokio::test]
async fn an_announced_block_that_was_orphaned_meanwhile_is_let_go() {
    let node = Node::start(100).await;
    let mut bench = Bench::start(vec![node.endpoint("one", true)], &line(90..=99, b'a'));
    bench.run().await;
    let orphan = block(101, b'x', b'a');
    node.mine(&[orphan]);
    node.forget(orphan);
    node.mine(&line(101..=102, b'a'));
    let run = bench.run().await;
    if refs(&run).1 == [orphan] {
        assert_eq!(refs(&bench.run().await).1, line(101..=102, b'a'));
    } else {
        assert_eq!(refs(&run).1, line(101..=102, b'a'));
    }
}

#[tokio::test]
async fn receipts_and_tokens_that_are_wanted_are_read() {
    let node = Node::start(100).await;
    let token = Address::repeat_byte(0xcc);
    node.script(|method, params| {
        let symbol = format!("0x{:064x}{:064x}{:0<64}", 0x20, 4, "54455354");
        (method == "eth_call").then(|| match params[0]["data"].as_str().unwrap() {
            "0x313ce567" => Reply::Result(json!(format!("0x{:064x}", 6))),
            "0x95d89b41" => Reply::Result(json!(symbol)),
            other => panic!("{other} was not expected"),
        })
    });
    let mut bench = Bench::start(vec![node.endpoint("one", true)], &line(90..=100, b'a'));
    let (there, gone) = (block(95, b'a', b'a'), B256::repeat_byte(7));
    bench.chain.receipts = [tx_of(there), gone].into();
    bench.chain.tokens = [token].into();
    bench.publish();
    let mut receipts = Vec::new();
    let facts = bench
        .until(|event| match event {
            Event::Receipt(receipt) => {
                receipts.push((receipt.tx, receipt.found));
                None
            }
            Event::Token(facts) => Some(facts),
            _ => None,
        })
        .await;
    receipts.sort_unstable();
    let mut expected = [(tx_of(there), Some((95, there.hash, true))), (gone, None)];
    expected.sort_unstable();
    assert_eq!(receipts, expected);
    assert_eq!((facts.contract, facts.decimals, facts.symbol), (token, Some(6), Some(name("TEST"))));
}

#[tokio::test]
async fn a_chain_that_is_stopped_is_not_read() {
    let node = Node::start(100).await;
    let mut bench = Bench::start(vec![node.endpoint("one", true)], &line(90..=100, b'a'));
    bench.chain.stopped = true;
    bench.publish();
    until_state(&mut bench, "one", SourceState::Fresh).await;
    let probes = node.count("eth_getBlockReceipts");
    node.mine(&line(101..=101, b'a'));
    bench.until(|event| head_of(event, "one").filter(|head| head.at.number == 101)).await;
    node.mine(&line(102..=102, b'a'));
    bench.until(|event| head_of(event, "one").filter(|head| head.at.number == 102)).await;
    assert_eq!(node.count("eth_getBlockReceipts"), probes);
    bench.chain.stopped = false;
    bench.publish();
    expect_run(&mut bench, "one", &line(101..=102, b'a')).await;
}
