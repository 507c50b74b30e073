//! Traces that do not come, and blocks that are read without them: no others, and counted.

use super::*;
use std::time::Duration;
use tokio::time::Instant;

#[tokio::test]
async fn a_block_whose_trace_never_comes_is_read_without_it_and_says_so() {
    let node = Node::start(100).await;
    let mut bench = Bench::start(vec![node.endpoint("one", true)], &line(90..=99, b'a'));
    assert!(bench.run().await.blocks[0].traced);
    node.script(|method, _| {
        let failed =
            || Reply::Result(json!([{"txHash": tx_of(block(101, b'a', b'a')).to_string(), "error": "timeout"}]));
        (method == "debug_traceBlockByHash").then(failed)
    });
    node.mine(&line(101..=101, b'a'));
    let run = bench.run().await;
    assert_eq!(refs(&run).1, line(101..=101, b'a'));
    assert_eq!((run.blocks[0].traced, run.blocks[0].movements.len()), (false, 2));
    assert_eq!(bench.untraced(), 1);
    node.script(|_, _| None);
    node.mine(&line(102..=102, b'a'));
    assert!(bench.run().await.blocks[0].traced, "each block is tried with its traces");
    assert_eq!(bench.untraced(), 1);
}

/// Whatever else is missing for longer than traces are waited for, and comes then, comes with the traces.
#[tokio::test]
async fn no_other_trouble_than_that_of_traces_leaves_them_out() {
    let error = |code: i64, message: &str| Reply::Error(json!({"code": code, "message": message}));
    let late = [
        ("eth_getBlockReceipts", Reply::Result(Value::Null)),
        ("eth_getBlockByHash", Reply::Result(Value::Null)),
        ("eth_getBlockReceipts", error(-32000, "service unavailable")),
        ("debug_traceBlockByHash", error(-32005, "rate limit exceeded")),
    ];
    futures::future::join_all(late.map(|(method, reply)| check_late_and_traced(method, reply))).await;
}

async fn check_late_and_traced(late: &'static str, reply: Reply) {
    let node = Node::start(100).await;
    let mut bench = Bench::start(vec![node.endpoint("one", true)], &line(90..=99, b'a'));
    expect_run(&mut bench, "one", &line(100..=100, b'a')).await;
    let began = Instant::now();
    node.script(move |method, params| {
        let whole = method != "eth_getBlockByHash" || params[1] == json!(true);
        (method == late && whole && began.elapsed().as_millis() < 4_500).then(|| reply.clone())
    });
    node.mine(&line(101..=101, b'a'));
    let run = bench.run().await;
    assert!(began.elapsed().as_millis() >= 4_500, "{late}");
    assert_eq!(refs(&run).1, line(101..=101, b'a'));
    assert_eq!((run.blocks[0].traced, run.blocks[0].movements.len()), (true, 3), "{late}");
    assert_eq!(bench.untraced(), 0);
}

#[tokio::test]
async fn a_node_that_gives_no_more_traces_keeps_the_tip_and_only_inner_movements_are_late() {
    let node = Node::start(100).await;
    let mut bench = Bench::start(vec![node.endpoint("one", true)], &line(90..=99, b'a'));
    expect_run(&mut bench, "one", &line(100..=100, b'a')).await;
    let limited = || Reply::Error(json!({"code": -32005, "message": "rate limit exceeded"}));
    node.script(move |method, _| (method == "debug_traceBlockByHash").then(limited));
    let began = Instant::now();
    node.mine(&line(101..=101, b'a'));
    let run = bench.run().await;
    assert_eq!((refs(&run).1, run.blocks[0].traced), (line(101..=101, b'a'), false));
    assert!((10..20).contains(&began.elapsed().as_secs()), "a moment of hurry passes: {:?}", began.elapsed());
    // It is known by now that none come: the next ones do not wait.
    for number in 102..=104 {
        let began = Instant::now();
        node.mine(&line(number..=number, b'a'));
        let run = bench.run().await;
        assert_eq!((refs(&run).1, run.blocks[0].traced), (line(number..=number, b'a'), false));
        assert!(began.elapsed().as_secs() < 9, "{number}: {:?}", began.elapsed());
    }
    assert_eq!(bench.untraced(), 4);
    node.script(|_, _| None);
    let mut number = 105;
    loop {
        node.mine(&line(number..=number, b'a'));
        if bench.run().await.blocks[0].traced {
            break;
        }
        number += 1;
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_gap_is_read_without_only_those_traces_that_do_not_come() {
    let node = Node::start(400).await;
    let lost = block(398, b'a', b'a').hash.to_string();
    node.script(move |method, params| {
        let pruned = method == "debug_traceBlockByHash" && params[0] == json!(lost);
        pruned.then(|| Reply::Error(json!({"code": -32000, "message": "missing trie node"})))
    });
    let mut bench = Bench::start(vec![node.endpoint("one", true)], &line(0..=99, b'a'));
    let mut untraced = Vec::new();
    let mut lowest = 400;
    while lowest > 390 {
        let run = bench.run().await;
        lowest = run.blocks[0].at.number;
        untraced.extend(run.blocks.iter().filter(|block| !block.traced).map(|block| block.at.number));
    }
    assert_eq!(untraced, [398]);
    assert_eq!(bench.untraced(), 1);
}

#[tokio::test]
async fn a_node_without_receipts_of_blocks_that_traces_is_read_with_its_traces() {
    let node = Node::start(100).await;
    node.script(|method, _| {
        (method == "eth_getBlockReceipts").then(|| Reply::Error(json!({"code": -32601, "message": "method not found"})))
    });
    let mut bench = Bench::start(vec![node.endpoint("one", true)], &line(90..=99, b'a'));
    let contact = bench.until(|event| if let Event::Contact(contact) = event { Some(contact) } else { None }).await;
    assert_eq!(contact.traces, Some(Tracer::Calls));
    let run = bench.run().await;
    assert_eq!(run.blocks[0].movements.iter().map(|it| it.kind).collect::<Vec<_>>(), [Kind::Internal, Kind::Token]);
    assert!(run.blocks[0].traced);
}

#[tokio::test]
async fn a_newest_block_that_is_not_there_when_traces_are_tried_does_not_make_a_node_without_traces() {
    let node = Node::start(100).await;
    let mut first = true;
    node.script(move |method, _| {
        let tried = method == "debug_traceBlockByHash" && std::mem::take(&mut first);
        tried.then(|| Reply::Error(json!({"code": -32000, "message": "block not found"})))
    });
    let mut bench = Bench::start(vec![node.endpoint("one", true)], &line(90..=99, b'a'));
    let contact = bench.until(|event| if let Event::Contact(contact) = event { Some(contact) } else { None }).await;
    assert_eq!(contact.traces, Some(Tracer::Calls));
    assert!(bench.run().await.blocks[0].traced);
}

/// Bounds are in the clock of the test, which stands still while anything can go on.
#[tokio::test(start_paused = true)]
async fn traces_that_hang_delay_a_block_by_seconds_and_few_of_them_are_asked_for() {
    for socket in [true, false] {
        let node = Node::start(100).await;
        let mut bench = Bench::start(vec![node.endpoint("one", socket)], &line(90..=99, b'a'));
        expect_run(&mut bench, "one", &line(100..=100, b'a')).await;
        node.script(|method, _| (method == "debug_traceBlockByHash").then_some(Reply::Hang));
        let (asked, began) = (node.count("debug_traceBlockByHash"), Instant::now());
        let mut number = 101;
        // Its questions time out in between, and it rests.
        while began.elapsed() < Duration::from_mins(10) {
            let since = Instant::now();
            node.mine(&line(number..=number, b'a'));
            let run = bench.run().await;
            assert_eq!((refs(&run).1, run.blocks[0].traced), (line(number..=number, b'a'), false));
            assert!(since.elapsed() < Duration::from_secs(6), "block {number} came after {:?}", since.elapsed());
            tokio::time::advance(Duration::from_secs(2)).await;
            number += 1;
        }
        let asked = node.count("debug_traceBlockByHash") - asked;
        assert!((1..=16).contains(&asked), "asked {asked} times for the traces of {} blocks", number - 101);
        node.script(|_, _| None);
        let until = Instant::now() + Duration::from_mins(6);
        loop {
            node.mine(&line(number..=number, b'a'));
            if bench.run().await.blocks[0].traced {
                break;
            }
            assert!(Instant::now() < until, "it is never tried again");
            tokio::time::advance(Duration::from_secs(2)).await;
            number += 1;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_block_that_was_told_without_its_traces_is_told_with_them_when_they_come() {
    let node = Node::start(100).await;
    let mut bench = Bench::start(vec![node.endpoint("one", true)], &line(90..=99, b'a'));
    bench.wants_traces = true;
    expect_run(&mut bench, "one", &line(100..=100, b'a')).await;
    let lost = block(101, b'a', b'a').hash.to_string();
    let script = move |method: &str, params: &Value| {
        let pruned = method == "debug_traceBlockByHash" && params[0] == json!(lost);
        pruned.then(|| Reply::Error(json!({"code": -32000, "message": "missing trie node"})))
    };
    node.script(script);
    node.mine(&line(101..=101, b'a'));
    assert!(!bench.run().await.blocks[0].traced);
    node.mine(&line(102..=102, b'a'));
    let run = bench.run().await;
    assert_eq!((run.part, run.blocks[0].traced), (RunPart::Tip, true));
    node.script(|_, _| None);
    let run = bench.run().await;
    assert_eq!((run.part, refs(&run).1, run.blocks[0].traced), (RunPart::Traces, line(101..=101, b'a'), true));
    assert!(run.blocks[0].movements.iter().any(|moved| moved.kind == Kind::Internal));
}

#[tokio::test]
async fn a_node_that_has_both_methods_is_asked_for_the_one_that_runs_no_block_again() {
    let node = Node::start(100).await;
    node.script(|method, params| {
        if method != "trace_block" {
            return None;
        }
        let number = u64::from_str_radix(params[0].as_str()?.trim_start_matches("0x"), 16).ok()?;
        let block = block(number, b'a', b'a');
        let frame = |address: Value, to: &str, value: &str| {
            let action = json!({"callType": "call", "from": "0x00000000000000000000000000000000000000bb", "to": to, "value": value});
            json!({"type": "call", "action": action, "traceAddress": address, "blockHash": block.hash.to_string(),
                "transactionHash": tx_of(block).to_string()})
        };
        let bb = "0x00000000000000000000000000000000000000bb";
        let dd = "0x00000000000000000000000000000000000000dd";
        Some(Reply::Result(json!([frame(json!([]), bb, "0x64"), frame(json!([0]), dd, "0x5")])))
    });
    let mut bench = Bench::start(vec![node.endpoint("one", true)], &line(90..=99, b'a'));
    let contact = bench.until(|event| if let Event::Contact(contact) = event { Some(contact) } else { None }).await;
    assert_eq!(contact.traces, Some(Tracer::Flat));
    let run = bench.run().await;
    assert_eq!((run.blocks[0].traced, run.blocks[0].movements.len()), (true, 3));
    assert_eq!(node.count("debug_traceBlockByHash"), 0);
}
