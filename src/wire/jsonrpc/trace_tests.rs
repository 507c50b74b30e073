//! Cases for traces: what moves, what does not, and trees as deep as the EVM allows.

use super::*;

fn raw(text: String) -> Box<RawValue> {
    RawValue::from_string(text).expect("it is JSON")
}

fn who(n: u8) -> String {
    format!("{:#x}", Address::repeat_byte(n))
}

/// A frame of a call tracer from account 1 to account 2.
fn frame(kind: &str, value: &str, rest: &str) -> String {
    format!(r#"{{"type":"{kind}","from":"{}","to":"{}","value":"{value}"{rest}}}"#, who(1), who(2))
}

/// The amounts that move in a transaction whose root makes these calls.
fn amounts(calls: &str, root: &str) -> Vec<u64> {
    let text = format!(r#"[{{"result":{}}}]"#, frame("CALL", "0x63", &format!(r#"{root},"calls":[{calls}]"#)));
    let traces = parse_call_traces(&raw(text)).expect("the trace is well-formed");
    let moves = traces[0].moves.clone().expect("it was traced");
    moves.into_iter().map(|moved| moved.amount.to()).collect()
}

#[test]
fn only_frames_of_the_moving_kinds_whose_ancestors_held_move_their_value() {
    let check = |calls: &str, expected: &[u64]| assert_eq!(amounts(calls, ""), expected, "{calls}");
    check("", &[]);
    for kind in ["CALL", "CREATE", "CREATE2", "SELFDESTRUCT", "call", "suicide"] {
        check(&frame(kind, "0x7", ""), &[7]);
    }
    for kind in ["DELEGATECALL", "CALLCODE", "STATICCALL", "INVALID", ""] {
        check(&frame(kind, "0x7", ""), &[]);
    }
    check(&frame("CALL", "0x0", ""), &[]);
    check(&frame("CALL", "0x7", r#","error":"execution reverted""#), &[]);
    check(&frame("CALL", "0x7", r#","error":null"#), &[7]);
    let inner = frame("CALL", "0x8", "");
    check(&frame("CALL", "0x7", &format!(r#","calls":[{inner}],"error":"out of gas""#)), &[]);
    check(&frame("DELEGATECALL", "0x7", &format!(r#","calls":[{inner},{inner}]"#)), &[8, 8]);
    let sibling = frame("CALL", "0x9", "");
    check(&format!("{},{sibling}", frame("CALL", "0x7", &format!(r#","calls":[{inner}]"#))), &[7, 8, 9]);
    assert_eq!(amounts(&inner, r#","error":"reverted""#), [] as [u64; 0]);
}

#[test]
fn other_keys_of_a_frame_are_passed_over() {
    let rest = r#","input":"0x\"}]","logs":[{"calls":[{"value":"0x1"}],"topics":[]}],"n":-1.5e3,"t":true"#;
    assert_eq!(amounts(&frame("CALL", "0x7", rest), rest), [7]);
    let call = r#"{"to":"TO","value":"0x7","from":"FROM","calls":null,"type":"CREATE2"}"#;
    assert_eq!(amounts(&call.replace("TO", &who(3)).replace("FROM", &who(4)), ""), [7]);
}

#[test]
fn frames_that_cannot_be_read_are_faults() {
    let faulty = |calls: &str| {
        let text = format!(r#"[{{"result":{}}}]"#, frame("CALL", "0x0", &format!(r#","calls":{calls}"#)));
        assert!(parse_call_traces(&raw(text)).is_err(), "{calls}");
    };
    faulty("7");
    faulty("[7]");
    faulty("[[]]");
    faulty(r#"{"value":"0x7"}"#);
    faulty(r#"[{"type":"CALL","value":"0x7"}]"#);
    faulty(r#"[{"type":"CALL","value":7}]"#);
    faulty(r#"[{"type":"CALL","value":"7"}]"#);
    faulty(r#"[{"type":"CALL","from":"0x7"}]"#);
    assert_eq!(parse_call_traces(&raw("null".into())), Err(Fault::NotReady { what: "traces" }));
    assert!(parse_call_traces(&raw(r#"[{"result":[]}]"#.into())).is_err());
    let refused = parse_call_traces(&raw(r#"[{"error":"execution timeout"},{}]"#.into())).expect("it is a list");
    assert!(refused.iter().all(|trace| trace.moves.is_err()));
}

#[test]
fn a_tree_as_deep_as_the_evm_allows_is_read() {
    let deep = 5_000;
    let text = format!(
        r#"[{{"result":{}{}}}]"#,
        format!(r#"{{"type":"CALL","from":"{}","to":"{}","value":"0x1","calls":["#, who(1), who(2)).repeat(deep),
        "]}".repeat(deep)
    );
    let traces = parse_call_traces(&raw(text)).expect("depth is no fault");
    assert_eq!(traces[0].moves.as_ref().map(Vec::len), Ok(deep - 1));
}

#[test]
fn flat_traces_say_the_same_as_nested_ones() {
    let tx = |n: u8| format!("{:#x}", B256::repeat_byte(n));
    let entry = |n: u8, kind: &str, action: &str, at: &str, rest: &str| {
        let action = action.replace("A1", &who(1)).replace("A2", &who(2));
        format!(
            r#"{{"type":"{kind}","action":{{{action}}},"traceAddress":[{at}],"transactionHash":"{}","blockHash":"{}"{rest}}}"#,
            tx(n),
            tx(9)
        )
    };
    let call = r#""callType":"call","from":"A1","to":"A2","value":"0x7""#;
    let delegated = r#""callType":"delegatecall","from":"A1","to":"A2","value":"0x7""#;
    let list = [
        entry(1, "call", call, "", ""),
        entry(1, "call", delegated, "0", ""),
        entry(1, "call", call, "0,0", ""),
        entry(1, "call", call, "1", r#","error":"Reverted""#),
        entry(1, "call", call, "1,0", ""),
        entry(1, "create", r#""from":"A1","value":"0x8""#, "2", &format!(r#","result":{{"address":"{}"}}"#, who(5))),
        entry(1, "suicide", r#""address":"A1","refundAddress":"A2","balance":"0x9""#, "3", ""),
        entry(2, "call", call, "", r#","error":"Out of gas""#),
        entry(2, "call", call, "0", ""),
        r#"{"type":"reward","action":{"author":"0x","value":"0x1","rewardType":"block"},"traceAddress":[]}"#.into(),
    ];
    let traces = parse_trace_block(&raw(format!("[{}]", list.join(","))), B256::repeat_byte(9)).expect("well-formed");
    let amounts: Vec<Vec<u64>> = traces
        .iter()
        .map(|trace| trace.moves.as_ref().expect("traced").iter().map(|moved| moved.amount.to()).collect())
        .collect();
    assert_eq!(amounts, [vec![7, 8, 9], vec![]]);
    assert_eq!(traces.iter().map(|trace| trace.failed).collect::<Vec<_>>(), [false, true]);
    assert_eq!(traces[0].moves.as_ref().expect("traced")[1].to, Address::repeat_byte(5));
    let fault = |entries: &[&String]| {
        let entries: Vec<_> = entries.iter().map(|entry| entry.as_str()).collect();
        parse_trace_block(&raw(format!("[{}]", entries.join(","))), B256::repeat_byte(9))
            .expect_err("it is out of order")
    };
    fault(&[&list[1]]);
    fault(&[&list[0], &list[2]]);
    fault(&[&list[0], &list[8]]);
    let other = parse_trace_block(&raw(format!("[{}]", list[0])), B256::repeat_byte(8));
    assert!(matches!(other, Err(Fault::OtherBlock { .. })));
}
