//! Cases for assembling blocks, and that mangled bodies are read or refused.

use super::*;
use crate::types::{Address, U256};
use crate::wire::erc20::TRANSFER;
use crate::wire::jsonrpc::{
    parse_block, parse_call_traces, parse_header, parse_logs, parse_message, parse_receipts, parse_trace_block,
};
use proptest::prelude::*;
use serde_json::value::RawValue;

fn raw(text: &str) -> Box<RawValue> {
    RawValue::from_string(text.into()).expect("it is JSON")
}

fn hash(n: u8) -> String {
    format!("{:#x}", B256::repeat_byte(n))
}

fn who(n: u8) -> String {
    format!("{:#x}", Address::repeat_byte(n))
}

/// Block 0xbb…: transaction 1 sends 5 to account 2, transaction 2 creates with 6, transaction 3 calls with nothing.
fn block() -> String {
    let tx = |n: u8, to: &str, value: u8| {
        format!(
            r#"{{"hash":"{}","from":"{}","to":{to},"value":"{value:#x}","gas":"0x5208","type":"0x99","new":{{}}}}"#,
            hash(n),
            who(1)
        )
    };
    let to = format!("\"{}\"", who(2));
    format!(
        r#"{{"number":"0x10","hash":"{}","parentHash":"{}","timestamp":"0x5f5e100","logsBloom":"0x01","extra":[1],"transactions":[{},{},{}]}}"#,
        hash(0xbb),
        hash(0xba),
        tx(1, &to, 5),
        tx(2, "null", 6),
        tx(3, &to, 0)
    )
}

/// A log of the token 0x99…, from account 3 to account 4.
fn log(amount: u8, rest: &str) -> String {
    log_at(amount, amount, rest)
}

fn log_at(index: u8, amount: u8, rest: &str) -> String {
    format!(
        r#"{{"address":"{}","topics":["{TRANSFER:#x}","{:#x}","{:#x}"],"data":"0x{amount:064x}","logIndex":"0x{index:x}"{rest}}}"#,
        who(0x99),
        Address::repeat_byte(3).into_word(),
        Address::repeat_byte(4).into_word()
    )
}

fn receipt(tx: u8, status: &str, logs: &[String]) -> String {
    format!(
        r#"{{"transactionHash":"{}","blockHash":"{}",{status},"gasUsed":"0x5208","contractAddress":"{}","logs":[{}]}}"#,
        hash(tx),
        hash(0xbb),
        who(7),
        logs.join(",")
    )
}

const GOOD: &str = r#""status":"0x1""#;
const BAD: &str = r#""status":"0x0""#;

/// The three receipts: all succeeded, the third with two equal logs.
fn receipts() -> Vec<String> {
    vec![receipt(1, GOOD, &[]), receipt(2, GOOD, &[]), receipt(3, GOOD, &[log_at(7, 8, ""), log_at(8, 8, "")])]
}

/// Kind, receiver's byte and amount of everything that moved.
fn told(block: Block) -> Vec<(Kind, u8, u64)> {
    block.movements.into_iter().map(|moved| (moved.kind, moved.to.0[0], moved.amount.to())).collect()
}

fn assembled(receipts: &[String], traces: Option<&str>) -> Result<Vec<(Kind, u8, u64)>, Fault> {
    let (block, receipts) = (raw(&block()), raw(&format!("[{}]", receipts.join(","))));
    let traces = traces.map(|traces| parse_call_traces(&raw(traces))).transpose()?;
    assemble(&parse_block(&block)?, &parse_receipts(&receipts)?, traces.as_deref(), &Reading::default()).map(told)
}

#[test]
fn a_block_lists_what_moved_in_order_of_transaction_and_log() {
    let all = [(Kind::Coin, 2, 5), (Kind::Coin, 7, 6), (Kind::Token, 4, 8), (Kind::Token, 4, 8)];
    assert_eq!(assembled(&receipts(), None).as_deref(), Ok(&all[..]));
    let shuffled: Vec<_> = receipts().into_iter().rev().collect();
    assert_eq!(assembled(&shuffled, None).as_deref(), Ok(&all[..]));
    let mut failed = receipts();
    failed[0] = receipt(1, BAD, &[log(9, "")]);
    assert_eq!(assembled(&failed, None).as_deref(), Ok(&all[1..]));
    let old: Vec<_> = (1..=3).map(|tx| receipt(tx, r#""root":"0x00""#, &[log(8, "")])).collect();
    assert_eq!(assembled(&old, None).map(|moved| moved.len()), Ok(5));

    let frame = |value: u8, rest: &str| {
        format!(r#"{{"type":"CALL","from":"{}","to":"{}","value":"{value:#x}"{rest}}}"#, who(1), who(6))
    };
    let inner = frame(3, "");
    let trace = |rest: &str| format!(r#"{{"result":{}}}"#, frame(5, rest));
    let calls = format!(r#","calls":[{inner}]"#);
    let traces = format!("[{},{},{}]", trace(&calls), trace(""), trace(&calls));
    let expected = [(Kind::Coin, 2, 5), (Kind::Internal, 6, 3), (Kind::Coin, 7, 6), (Kind::Internal, 6, 3)];
    assert_eq!(assembled(&receipts(), Some(&traces)).map(|moved| moved[..4].to_vec()).as_deref(), Ok(&expected[..]));
    let failing = format!("[{},{},{}]", trace(r#","error":"x""#), trace(""), trace(""));
    assert!(matches!(assembled(&receipts(), Some(&failing)), Err(Fault::TraceDisagrees { .. })));
    let untraced = format!(r#"[{},{},{{"error":"timeout"}}]"#, trace(""), trace(""));
    assert!(matches!(assembled(&receipts(), Some(&untraced)), Err(Fault::Untraced { .. })));
    let few = format!("[{},{}]", trace(""), trace(""));
    assert!(assembled(&receipts(), Some(&few)).is_err());
}

#[test]
fn a_log_that_a_node_says_twice_is_one() {
    let told = |logs: &[String]| {
        let tokens = |moved: Vec<(Kind, u8, u64)>| moved.into_iter().map(|it| it.2).skip(2).collect::<Vec<_>>();
        assembled(&[receipt(1, GOOD, &[]), receipt(2, GOOD, &[]), receipt(3, GOOD, logs)], None).map(tokens)
    };
    let (seven, eight) = (log_at(7, 5, ""), log_at(8, 5, ""));
    assert_eq!(told(&[seven.clone(), eight.clone()]), Ok(vec![5, 5]), "equal ones at two places are two");
    assert_eq!(told(&[seven.clone(), seven.clone(), eight.clone()]), Ok(vec![5, 5]));
    assert_eq!(told(&[seven.clone(), eight.clone(), seven.clone(), eight.clone()]), Ok(vec![5, 5]));
    assert_eq!(told(&[eight.clone(), seven.clone()]), Ok(vec![5, 5]), "in any order");
    let bare = seven.replace(r#","logIndex":"0x7""#, "");
    assert_eq!(told(&[bare.clone(), bare]), Ok(vec![5, 5]), "without places nobody can tell");
    let other = Err(Fault::LogsDisagree { tx: B256::repeat_byte(3), index: 7 });
    assert_eq!(told(&[seven.clone(), log_at(7, 6, "")]), other);

    let of_block = |log: String| {
        let rest = format!(r#","transactionHash":"{}","blockHash":"{}"}}"#, hash(3), hash(0xbb));
        log.strip_suffix('}').map(|log| log.to_owned() + &rest).expect("an object")
    };
    let from_logs = |logs: &[&String]| {
        let logs: Vec<String> = logs.iter().map(|log| of_block((*log).clone())).collect();
        let (block, logs) = (raw(&block()), raw(&format!("[{}]", logs.join(","))));
        let chosen = raw(&format!("[{}]", receipt(3, GOOD, &[seven.clone(), eight.clone()])));
        let (block, chosen) = (parse_block(&block)?, parse_receipts(&chosen)?);
        assemble_from_logs(&block, &parse_logs(&logs)?, &chosen, None, &Reading::default()).map(|it| it.movements.len())
    };
    assert_eq!(from_logs(&[&seven, &eight]), Ok(2));
    assert_eq!(from_logs(&[&seven, &seven, &eight, &eight]), Ok(2));
}

#[test]
fn receipts_that_are_not_exactly_the_blocks_are_faults() {
    let check = |receipts: &[String], what: &str| {
        let fault = assembled(receipts, None).expect_err(what);
        assert!(format!("{fault:?}").starts_with(what), "{what}: {fault:?}");
    };
    check(&[], "LogsMissing");
    check(&receipts()[..2], "LogsMissing");
    check(&receipts()[1..], "Missing");
    let again = [receipts(), vec![receipts().remove(0)]].concat();
    check(&again, "Missing");
    check(&[receipts(), vec![receipt(9, GOOD, &[])]].concat(), "Stranger");
    let replaced = |from: &str, to: &str| -> Vec<String> {
        receipts().iter().map(|receipt| receipt.replacen(from, to, 1)).collect()
    };
    check(&replaced(&hash(0xbb), &hash(0xbc)), "OtherBlock");
    check(&replaced(GOOD, r#""status":"0x2""#), "Shape");
    check(&replaced(GOOD, r#""x":1"#), "Shape");
    check(&replaced("\"logIndex\"", r#""removed":true,"logIndex""#), "RemovedLog");
    check(&replaced(&format!("\"{}\"", who(7)), "null"), "CreatedNothing");
    check(&replaced("\"transactionHash\"", "\"hash\""), "Shape");
    assert_eq!(parse_receipts(&raw("null")).map(|receipts| receipts.len()), Err(Fault::NotReady { what: "receipts" }));
    assert_eq!(parse_block(&raw("null")), Err(Fault::NotReady { what: "block" }));
    let high = |number: &str| raw(&block().replacen("0x10", number, 1));
    for (number, credible) in [("0xffffffffffff", true), ("0x1000000000000", false), ("0xffffffffffffffff", false)] {
        assert_eq!(parse_block(&high(number)).is_ok(), credible, "{number}");
        assert_eq!(parse_header(&high(number)).is_ok(), credible, "{number}");
    }
    let quiet = block().replace("0x01", "0x00");
    let quiet = assemble(&parse_block(&raw(&quiet)).expect("a block"), &[], None, &Reading::default());
    assert_eq!(quiet, Err(Fault::NotReady { what: "receipts" }));
}

#[test]
fn headers_need_only_what_links_them() {
    let header = parse_header(&raw(&block())).expect("it is a header");
    assert_eq!(
        (header.at.number, header.at.hash, header.at.parent),
        (16, B256::repeat_byte(0xbb), B256::repeat_byte(0xba))
    );
    assert_eq!((header.time.millis(), header.base_fee, header.has_logs), (100_000_000_000, None, Some(true)));
    let with_fee = block().replace("\"extra\"", r#""baseFeePerGas":"0x7","extra""#);
    assert_eq!(parse_header(&raw(&with_fee)).map(|header| header.base_fee), Ok(Some(U256::from(7))));
    let bare = parse_header(&raw(&block().replace(r#""logsBloom":"0x01","#, "")));
    assert_eq!(bare.map(|header| header.has_logs), Ok(None));
    for key in ["number", "hash", "parentHash", "timestamp"] {
        let without = block().replacen(&format!("\"{key}\""), "\"x\"", 1);
        assert!(parse_header(&raw(&without)).is_err(), "{key}");
        assert!(parse_block(&raw(&without)).is_err(), "{key}");
    }
    assert!(parse_block(&raw(&block().replace("\"value\":\"0x5\"", "\"value\":null"))).is_err());
    assert!(parse_header(&raw(&block().replace("\"0x10\"", "\"0x10000000000000000\""))).is_err());
}

#[test]
fn an_endpoint_without_block_receipts_gives_logs_and_the_chosen_coin() {
    let block = raw(&block());
    let block = parse_block(&block).expect("a block");
    let of = |tx: u8, at: u8| {
        format!(r#","transactionHash":"{}","blockHash":"{}","blockNumber":"0x10""#, hash(tx), hash(at))
    };
    let told_with = |logs: &[String], chosen: &[String]| {
        let (logs, chosen) = (raw(&format!("[{}]", logs.join(","))), raw(&format!("[{}]", chosen.join(","))));
        let logs = parse_logs(&logs)?;
        assemble_from_logs(&block, &logs, &parse_receipts(&chosen)?, None, &Reading::default()).map(told)
    };
    let logs = [log(8, &of(3, 0xbb)), log(9, &of(3, 0xbb))];
    let tokens = [(Kind::Token, 4, 8), (Kind::Token, 4, 9)];
    assert_eq!(told_with(&logs, &[]).as_deref(), Ok(&tokens[..]));
    let first = receipts().remove(0);
    assert_eq!(told_with(&logs, std::slice::from_ref(&first)).map(|told| told[0]), Ok((Kind::Coin, 2, 5)));
    assert!(matches!(told_with(&[], &[]), Err(Fault::LogsMissing)));
    assert!(matches!(told_with(&[log(8, &of(3, 0xbc))], &[]), Err(Fault::OtherBlock { .. })));
    assert!(matches!(told_with(&[log(8, &of(9, 0xbb))], &[]), Err(Fault::Stranger { .. })));
    let third = receipts().remove(2);
    assert!(matches!(told_with(&logs[..1], &[third]), Err(Fault::Missing { .. })));
    let taken_back = log(8, &format!(r#","removed":true{}"#, of(3, 0xbb)));
    assert!(matches!(told_with(&[taken_back], &[]), Err(Fault::RemovedLog { .. })));
}

#[test]
fn an_endpoint_without_block_receipts_may_still_trace() {
    let block = raw(&block());
    let block = parse_block(&block).expect("a block");
    let tail = format!(r#","transactionHash":"{}","blockHash":"{}","blockNumber":"0x10""#, hash(3), hash(0xbb));
    let frame = |value: u8, rest: &str| {
        format!(r#"{{"type":"CALL","from":"{}","to":"{}","value":"{value:#x}"{rest}}}"#, who(1), who(6))
    };
    let trace = |rest: &str| format!(r#"{{"result":{}}}"#, frame(5, rest));
    let calls = format!(r#","calls":[{}]"#, frame(3, ""));
    let failed = format!(r#","error":"x"{calls}"#);
    let assembled = |traces: &[String]| {
        let logs = raw(&format!("[{}]", log(8, &tail)));
        let chosen = raw(&format!("[{}]", receipts()[0]));
        let traces = parse_call_traces(&raw(&format!("[{}]", traces.join(","))))?;
        assemble_from_logs(&block, &parse_logs(&logs)?, &parse_receipts(&chosen)?, Some(&traces), &Reading::default())
    };
    let inside = (Kind::Internal, 6, 3);
    let all = assembled(&[trace(&calls), trace(&calls), trace(&calls)]).expect("all belongs together");
    assert!(all.traced);
    assert_eq!(told(all), [(Kind::Coin, 2, 5), inside, inside, inside, (Kind::Token, 4, 8)]);
    let second_failed = assembled(&[trace(&calls), trace(&failed), trace("")]).map(told);
    assert_eq!(second_failed.as_deref(), Ok(&[(Kind::Coin, 2, 5), inside, (Kind::Token, 4, 8)][..]));
    let untraced = r#"{"error":"timeout"}"#.to_owned();
    assert!(matches!(assembled(&[trace(""), untraced, trace("")]), Err(Fault::Untraced { .. })));
    for liar in [0, 2] {
        let mut traces = [trace(""), trace(""), trace("")];
        traces[liar] = trace(&failed);
        assert!(matches!(assembled(&traces), Err(Fault::TraceDisagrees { .. })), "{liar}");
    }
    assert!(assembled(&[trace(""), trace("")]).is_err(), "a trace too few");
}

/// Reads a text as everything that a node may send.
fn read_as_all(text: &str) {
    let _ = parse_message(text);
    let Ok(result) = serde_json::from_str::<&RawValue>(text) else { return };
    let block = parse_block(result);
    let _ = (parse_header(result), parse_logs(result).is_ok(), parse_call_traces(result));
    let _ = (parse_trace_block(result, B256::ZERO), crate::wire::jsonrpc::fee_history(result));
    if let (Ok(block), Ok(receipts)) = (block, parse_receipts(&raw(&format!("[{}]", receipts().join(","))))) {
        let _ = assemble(&block, &receipts, None, &Reading::default());
    }
    if let (Ok(block), Ok(receipts)) = (parse_block(&raw(&self::block())), parse_receipts(result)) {
        let _ = assemble(&block, &receipts, None, &Reading::default());
    }
}

proptest! {
    #[test]
    fn mangled_bodies_are_read_or_refused(which in 0..3, at in any::<prop::sample::Index>(), with in any::<char>(), how in 0..3) {
        let frame = format!(r#"{{"type":"CALL","from":"{}","to":"{}","value":"0x7"}}"#, who(1), who(2));
        let body = match which {
            0 => block(),
            1 => format!("[{}]", receipts().join(",")),
            _ => format!(r#"[{{"result":{}}}]"#, frame.replace("\"0x7\"", &format!("\"0x7\",\"calls\":[{frame},{frame}]"))),
        };
        let mut mangled: Vec<char> = body.chars().collect();
        let at = at.index(mangled.len());
        match how {
            0 => mangled.truncate(at),
            1 => mangled.insert(at, with),
            _ => mangled[at] = with,
        }
        read_as_all(&mangled.into_iter().collect::<String>());
    }
}
