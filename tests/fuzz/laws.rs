//! What holds of every answer, however broken: read by the fuzz targets, and by the tests that mangle recordings.

use walletwatch::types::B256;
use walletwatch::wire::erc20::{Reading, read_log};
use walletwatch::wire::etherscan::{self, Body, List};
use walletwatch::wire::jsonrpc;

/// The HTTP statuses that explorers answer with.
const STATUSES: [u16; 5] = [200, 403, 429, 500, 503];

/// An explorer's answer is data, nothing, or an error, whatever its bytes are; and every row of it is counted.
pub fn explorer(body: &str) {
    for http in STATUSES {
        match etherscan::open(http, body) {
            Ok(Body::Result { result, .. }) => {
                for list in List::ALL {
                    for asked in [None, Some(B256::ZERO)] {
                        rows(etherscan::rows(list, result, asked).ok());
                    }
                }
                if let Ok(page) = etherscan::logs(result) {
                    assert_eq!(page.rows.len() + page.aside.len(), page.length, "{body}");
                    let mut moved = Vec::new();
                    page.rows.iter().for_each(|row| read_log(&row.log(), &Reading::default(), &mut moved));
                }
                let _balance = etherscan::balance(result);
                let _balances = etherscan::balances(result);
                let _gas = etherscan::gas_oracle(result);
                let _limit = etherscan::api_limit(result);
                let _chains = etherscan::chains(result);
            }
            Ok(Body::Node(result)) => node_result(result),
            Ok(Body::Empty) => {
                assert!(says_that_there_is_nothing(body), "an error was taken for an empty list: {body}");
            }
            Err(refusal) => assert!(!refusal.to_string().is_empty() && !refusal.word().is_empty()),
        }
    }
}

/// A node's answer is read or refused.
pub fn node(body: &str) {
    let _message = jsonrpc::parse_message(body);
    let _messages = jsonrpc::parse_messages(body);
    let _block = jsonrpc::block_answer(body);
    let _receipts = jsonrpc::receipts_answer(body);
    if let Ok(raw) = serde_json::value::RawValue::from_string(body.to_owned()) {
        node_result(&raw);
    }
}

fn node_result(result: &serde_json::value::RawValue) {
    let _number = jsonrpc::parse_number(result);
    let _amount = jsonrpc::parse_amount(result);
    let _text = jsonrpc::parse_text(result);
    let _header = jsonrpc::parse_header(result);
    let _block = jsonrpc::parse_block(result);
    let _receipt = jsonrpc::parse_receipt(result);
    let _receipts = jsonrpc::parse_receipts(result);
    let _logs = jsonrpc::parse_logs(result);
    let _fees = jsonrpc::fee_history(result);
    let _traces = jsonrpc::parse_call_traces(result);
    let _flat = jsonrpc::parse_trace_block(result, B256::ZERO);
}

fn rows(page: Option<etherscan::Page>) {
    let Some(page) = page else { return };
    assert_eq!(page.rows.len() + page.aside.len() + page.genesis, page.length, "a row is counted nowhere");
    assert!(page.aside.iter().all(|aside| aside.index < page.length && !aside.reason.is_empty()));
    for row in &page.rows {
        assert!(!(row.failed && row.movement.is_some()), "what failed moved nothing");
        assert!(row.movement.is_none_or(|moved| moved.tx == row.tx));
    }
}

/// Whether any text of the body says so, escapes and all.
fn says_that_there_is_nothing(body: &str) -> bool {
    let Ok(serde_json::Value::Object(keys)) = serde_json::from_str(body) else { return false };
    let text = |key: &str| keys.get(key).and_then(serde_json::Value::as_str).unwrap_or_default().to_lowercase();
    ["message", "result"].into_iter().map(text).any(|text| {
        let text = text.trim();
        (text.starts_with("no ") && text.contains("found")) || text.starts_with("contract source code not verified")
    })
}
