//! Every recorded body, read to the right values or the right error.
//!
//! The recordings are other people's data and not part of the project: the folder that holds them is named by
//! `WALLETWATCH_RECORDINGS`. Where it is not set these tests say that they were left out, and pass.

use serde_json::Value;
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::PathBuf;
use walletwatch::types::{B256, Kind};
use walletwatch::wire::erc20::{Reading, read_log};
use walletwatch::wire::etherscan::{self, Body, List, open};
use walletwatch::wire::jsonrpc::{self, Message, Refusal, RpcError, Suggestion};
use walletwatch::wire::tickers::{self, Frame};

#[path = "recordings/arbitrary.rs"]
mod arbitrary;
#[path = "recordings/circle.rs"]
mod circle;
#[path = "recordings/feeds.rs"]
mod feeds;
#[path = "recordings/mangled.rs"]
mod mangled;
#[path = "recordings/nodes.rs"]
mod nodes;

/// The folder `room` of the recordings; `None`, said plainly, where there are none.
fn recordings(room: &str) -> Option<PathBuf> {
    let Some(folder) = std::env::var_os("WALLETWATCH_RECORDINGS") else {
        println!("left out: WALLETWATCH_RECORDINGS is not set, no recorded {room} body was read");
        return None;
    };
    Some(PathBuf::from(folder).join(room))
}

fn json(text: &str) -> Box<RawValue> {
    RawValue::from_string(text.trim().into()).expect("the recording is JSON")
}

/// The body in a recording: some stand in a wrapper, as a record of a client or under their query.
fn unwrapped(file: &str, text: &str) -> String {
    let value = || serde_json::from_str::<Value>(text).expect("the recording is JSON");
    if file.starts_with("lib2020.") {
        format!(r#"{{"status":"1","message":"OK","result":{}}}"#, value()["res"])
    } else if file.starts_with("doc-sample.") {
        value().as_object().and_then(|map| map.values().next()).expect("it holds one sample").to_string()
    } else {
        text.to_owned()
    }
}

/// What a body of an explorer's says, in a line.
fn said(file: &str, text: &str) -> String {
    let action = file
        .split('.')
        .nth(usize::from(file.starts_with("lib") || file.starts_with("doc") || file.starts_with("compat")));
    let action =
        action.filter(|part| part.parse::<u64>().is_err()).or_else(|| file.split('.').nth(2)).unwrap_or_default();
    let list = List::ALL.into_iter().find(|list| file.split('.').any(|part| part == list.action()));
    let http = if file.contains("http500") { 500 } else { 200 };
    match open(http, text) {
        Err(refusal) => format!("refused {}", refusal.word()),
        Ok(Body::Empty) => "empty".into(),
        Ok(Body::Node(result)) => node(file, result),
        Ok(Body::Result { result, partial }) => match list {
            Some(list) => page(list, result, partial),
            None if action.starts_with("balancemulti") => {
                let balances = etherscan::balances(result).expect("balances").held;
                balances.iter().fold("balances".into(), |text, (_, balance)| format!("{text} {balance}"))
            }
            None if action.starts_with("balance") || action.starts_with("tokenbalance") => {
                format!("balance {}", etherscan::balance(result).expect("a balance"))
            }
            None if file.contains("getLogs") => logs(result),
            None if action == "gasoracle" => {
                let gas = etherscan::gas_oracle(result).expect("fees");
                format!("gas at {}: {:?} {} {} {}", gas.block, gas.base_fee, gas.safe, gas.usual, gas.fast)
            }
            None if action == "getapilimit" => format!("{:?}", etherscan::api_limit(result).expect("a limit")),
            None if action == "chainlist" => {
                let (chains, aside) = etherscan::chains(result).expect("chains");
                format!("chains {:?} aside {}", chains.iter().map(|chain| chain.id.0).collect::<Vec<_>>(), aside.len())
            }
            None => format!("data {}", &result.get().trim()[..1]),
        },
    }
}

/// What a page holds, in a line.
fn page(list: List, result: &RawValue, partial: bool) -> String {
    let page = etherscan::rows(list, result, Some(B256::ZERO)).expect("it is a list");
    let mut text = format!("rows {}", page.length);
    let moved = page.rows.iter().filter(|row| row.movement.is_some()).count();
    let failed = page.rows.iter().filter(|row| row.failed).count();
    let _ = write!(text, " moved {moved} failed {failed} genesis {} aside {}", page.genesis, page.aside.len());
    let _ = page.index_head.map(|head| write!(text, " head {head}"));
    if partial {
        text.push_str(" partial");
    }
    text
}

/// The rows of a list that was put together by hand.
fn page_rows(list: List, values: &Value) -> etherscan::Page {
    etherscan::rows(list, &json(&values.to_string()), Some(B256::ZERO)).expect("it is a list")
}

/// What a page of logs holds, in a line.
fn logs(result: &RawValue) -> String {
    let page = etherscan::logs(result).expect("it is a list");
    let mut moved = Vec::new();
    for row in &page.rows {
        read_log(&row.log(), &Reading::default(), &mut moved);
    }
    let hashes = page.rows.iter().filter(|row| row.block_hash.is_some()).count();
    format!("logs {} hashes {hashes} moved {} aside {}", page.length, moved.len(), page.aside.len())
}

/// What the node behind an explorer says, in a line.
fn node(file: &str, result: &RawValue) -> String {
    if file.contains("eth_blockNumber") {
        format!("number {}", jsonrpc::parse_number(result).expect("a number"))
    } else if file.contains("eth_getTransactionReceipt") {
        let receipt = jsonrpc::parse_receipt(result).expect("a receipt").expect("not null");
        format!("receipt {:?} logs {}", receipt.succeeded, receipt.logs.len())
    } else if file.contains("eth_getBlockByNumber") {
        let header = jsonrpc::parse_header(result).expect("a header");
        let txs = jsonrpc::parse_block(result).map(|block| block.txs.len()).ok();
        format!("block {} fee {} txs {txs:?}", header.at.number, header.base_fee.is_some())
    } else {
        format!("node {}", &result.get().trim()[..1])
    }
}

#[test]
fn every_recorded_explorer_body_reads_to_the_right_rows_or_error() {
    let Some(folder) = recordings("etherscan") else { return };
    let mut names: Vec<String> = fs::read_dir(&folder)
        .expect("the folder is there")
        .map(|entry| entry.expect("it can be listed").file_name().into_string().expect("plain names"))
        .filter(|name| {
            name.strip_suffix(".json").is_some() && !["index.json", "errors.catalog.json"].contains(&name.as_str())
        })
        .collect();
    names.sort();
    let mut wrong = String::new();
    let mut expected: BTreeMap<&str, &str> = EXPECTED.iter().copied().collect();
    for name in &names {
        let text = fs::read_to_string(folder.join(name)).expect("it can be read");
        let said = said(name, &unwrapped(name, &text));
        if expected.remove(name.as_str()) != Some(&said) {
            let _ = writeln!(wrong, "    (\"{name}\", \"{said}\"),");
        }
    }
    assert!(wrong.is_empty() && expected.is_empty(), "differs:\n{wrong}\nnot there: {expected:?}");
    println!("{} explorer bodies read", names.len());
}

/// What each recorded body says; counts were also taken by another program from the recordings.
const EXPECTED: &[(&str, &str)] = &[
    ("balance.1.zero.json", "balance 0"),
    ("block.1.getblocknobytime.json", r#"data ""#),
    ("compat-blockscout.1.getLogs.json", "logs 1 hashes 0 moved 1 aside 0"),
    ("compat-blockscout.1.getabi.not-verified.json", "empty"),
    ("compat-blockscout.10.getblocknobytime.object.json", "data {"),
    ("compat-blockscout.10.tokentx.empty.json", "empty"),
    ("compat-blockscout.10.tokentx.json", "rows 18 moved 18 failed 0 genesis 0 aside 0 head 149370964"),
    ("compat-blockscout.10.txlist.empty.json", "empty"),
    ("compat-blockscout.10.txlistinternal.empty.json", "empty"),
    ("compat-blockscout.8453.txlistinternal.status2.json", "rows 1 moved 0 failed 0 genesis 0 aside 0 partial"),
    ("compat-routescan.1.eth_call.http500.json", "refused server_busy"),
    ("compat-routescan.1.txlist.empty.json", "rows 0 moved 0 failed 0 genesis 0 aside 0"),
    ("compat-routescan.10.tokentx.json", "rows 1 moved 1 failed 0 genesis 0 aside 0 head 148588829"),
    ("compat-routescan.8453.txlist.chain-not-supported.json", "refused chain_unknown"),
    ("contract.1.getabi.not-verified.json", "empty"),
    ("contract.1.getcontractcreation.json", "data ["),
    ("contract.1.getcontractcreation.null.json", "empty"),
    ("doc-sample.balancemulti.1.json", "balances 40891626854930000000000 332567136222827062478 0"),
    ("doc-sample.ethprice.1.json", "data {"),
    ("doc-sample.gasoracle.1.json", "gas at 13053741: Some(19230609716) 20000000000 22000000000 24000000000"),
    ("doc-sample.getstatus.1.failed.json", "data {"),
    ("doc-sample.gettxreceiptstatus.1.json", "data {"),
    ("doc-sample.tokenbalance.1.json", "balance 135499"),
    ("doc2025.addresstokenbalance.1.json", "data ["),
    ("doc2025.balance.1.json", "balance 172774397764084972158218"),
    ("doc2025.chainlist.json", "chains [1, 11155111, 8453, 137, 42161] aside 0"),
    ("doc2025.ethprice.1.json", "data {"),
    ("doc2025.gasoracle.1.json", "gas at 23467872: Some(496839934) 496839934 496840168 554119170"),
    ("doc2025.getLogs.1.json", "logs 2 hashes 2 moved 1 aside 0"),
    ("doc2025.token1155tx.1.json", "rows 1 moved 1 failed 0 genesis 0 aside 0 head 23467660"),
    ("doc2025.tokennfttx.1.json", "rows 1 moved 1 failed 0 genesis 0 aside 0 head 23467659"),
    ("doc2025.tokentx.1.json", "rows 1 moved 1 failed 0 genesis 0 aside 0 head 23467658"),
    ("doc2025.txlist.1.json", "rows 1 moved 0 failed 0 genesis 0 aside 0 head 23467641"),
    ("doc2025.txlistinternal.1.by-txhash.json", "rows 1 moved 1 failed 0 genesis 0 aside 0"),
    ("doc2026.getapilimit.json", "ApiLimit { used: 22, left: 1499978, limit: 1500000, resets_in: Some(31354s) }"),
    ("getminedblocks.1.json", "data ["),
    ("lib.txlist.1.contract-creation.json", "rows 1 moved 0 failed 0 genesis 0 aside 0"),
    ("lib2020.balance.1.json", "balance 40891631566070000000000"),
    ("lib2020.balancemulti.1.json", "balances 40891631566070000000000 332567136222827062478 0"),
    ("lib2020.ethprice.1.json", "data {"),
    ("lib2020.gasoracle.1.old-keys.json", "gas at 11145141: None 62000000000 82000000000 89000000000"),
    ("lib2020.getstatus.1.json", "data {"),
    ("lib2020.tokennfttx.1.address-and-contract.json", "rows 22 moved 22 failed 0 genesis 0 aside 0 head 11145141"),
    ("lib2020.tokentx.1.address-and-contract.json", "rows 35 moved 35 failed 0 genesis 0 aside 0 head 11145141"),
    ("lib2020.txlistinternal.1.failed-with-value.json", "rows 66 moved 43 failed 22 genesis 0 aside 0"),
    ("logs.1.getLogs.two-rows.json", "logs 2 hashes 2 moved 2 aside 0"),
    ("logs.100.getLogs.43-rows.json", "logs 43 hashes 43 moved 0 aside 0"),
    ("proxy.1.eth_blockNumber.json", "number 24069561"),
    ("proxy.1.eth_getBlockByNumber.hashes-only.json", "block 14051557 fee true txs None"),
    ("proxy.1.eth_getTransactionByHash.legacy.json", "node {"),
    ("proxy.1.eth_getTransactionByHash.null.json", "node n"),
    ("proxy.1.eth_getTransactionByHash.type2-blockTimestamp.json", "node {"),
    ("proxy.1.eth_getTransactionByHash.type4.json", "node {"),
    ("proxy.1.eth_getTransactionReceipt.failed.json", "receipt Some(false) logs 0"),
    ("proxy.1.eth_getTransactionReceipt.pre-byzantium.json", "receipt None logs 0"),
    ("proxy.10.eth_getBlockByNumber.json", "block 63573506 fee false txs Some(1)"),
    ("proxy.10.eth_getTransactionByHash.deposit.json", "node {"),
    ("proxy.10.eth_getTransactionReceipt.l1Fee.json", "receipt Some(true) logs 1"),
    ("proxy.42161.eth_getBlockByNumber.json", "block 12887850 fee false txs Some(1)"),
    ("proxy.42161.eth_getTransactionByHash.retryable.json", "node {"),
    ("proxy.42161.eth_getTransactionReceipt.two-identical-transfers.json", "receipt Some(true) logs 10"),
    ("proxy.56.error-free-tier-high-load.json", "refused temporarily_unavailable"),
    ("proxy.8453.eth_getTransactionReceipt.2026.json", "receipt Some(true) logs 8"),
    ("proxy.999.eth_getBlockByNumber.json", "block 31655932 fee true txs Some(2)"),
    ("proxy.999.eth_getTransactionReceipt.json", "receipt Some(true) logs 2"),
    ("tokentx.1.five-rows.json", "rows 5 moved 5 failed 0 genesis 0 aside 0 head 23918391"),
    ("tokentx.1.usdt-in-and-out.json", "rows 2 moved 2 failed 0 genesis 0 aside 0 head 23918382"),
    ("tokentx.100.old-layout.json", "rows 2 moved 2 failed 0 genesis 0 aside 0 head 40142688"),
    ("txlist.1.empty.json", "empty"),
    ("txlist.1.genesis-row.json", "rows 2 moved 1 failed 0 genesis 1 aside 0 head 23919390"),
    ("txlist.1.many-creates-failed-genesis.json", "rows 136 moved 74 failed 1 genesis 1 aside 0 head 23918377"),
    ("txlist.1.nineteen-rows.json", "rows 19 moved 14 failed 0 genesis 0 aside 0 head 23918390"),
    ("txlist.1.three-rows.json", "rows 3 moved 2 failed 0 genesis 0 aside 0 head 23918382"),
    ("txlist.100.one-row.json", "rows 1 moved 1 failed 0 genesis 0 aside 0 head 45447722"),
    ("txlist.137.one-row.json", "rows 1 moved 1 failed 0 genesis 0 aside 0 head 84957521"),
    ("txlist.42161.gasPriceBid.json", "rows 1 moved 0 failed 0 genesis 0 aside 0 head 411333370"),
    ("txlist.8453.error-free-tier-chain.json", "refused chain_not_in_plan"),
    ("txlistinternal.1.by-address.json", "rows 5 moved 5 failed 0 genesis 0 aside 0"),
    ("txlistinternal.1.by-txhash-create.json", "rows 1 moved 0 failed 0 genesis 0 aside 0"),
    ("txlistinternal.1.by-txhash-self-transfer.json", "rows 5 moved 5 failed 0 genesis 0 aside 0"),
    ("txlistinternal.42161.create2-by-address.json", "rows 1 moved 0 failed 0 genesis 0 aside 0"),
    ("txlistinternal.42161.type-invalid.json", "rows 1 moved 0 failed 0 genesis 0 aside 0"),
    ("txsBeaconWithdrawal.1.json", "data ["),
];

#[test]
fn every_error_of_the_explorers_catalogue_has_its_class() {
    let Some(folder) = recordings("etherscan") else { return };
    let text = fs::read_to_string(folder.join("errors.catalog.json")).expect("it can be read");
    let catalogue: Value = serde_json::from_str(&text).expect("it is JSON");
    let errors = catalogue["errors"].as_array().expect("a list");
    for error in errors {
        let body =
            serde_json::json!({"status": error["status"], "message": error["message"], "result": error["result"]});
        let said = match open(200, &body.to_string()) {
            Err(refusal) => refusal.word(),
            Ok(Body::Empty) => "empty",
            Ok(Body::Result { .. }) => "ok_with_warning",
            Ok(Body::Node(_)) => "node",
        };
        // The collector took it for the account's day; it is what all free accounts share on one chain.
        let said = if said == "rate_limit_chain_day" { "rate_limit_day" } else { said };
        assert_eq!(said, error["class"].as_str().expect("a class"), "{body}");
    }
    assert_eq!(errors.len(), 36, "the catalogue grew or shrank");
}

#[test]
fn every_provider_error_means_what_its_collector_says() {
    let Some(folder) = recordings("streams") else { return };
    let text = fs::read_to_string(folder.join("provider_errors.json")).expect("it can be read");
    let errors: Vec<Value> = serde_json::from_str(&text).expect("it is a list");
    for error in &errors {
        let expected = error["classify"].as_str().expect("a class");
        let refusal = RpcError::parse(&json(&error["error"].to_string())).refusal;
        let said = match refusal {
            Refusal::RangeTooLarge { suggested: Some(Suggestion::Range { .. }) } => "split_range(suggested",
            Refusal::RangeTooLarge { .. } => "split_range",
            Refusal::BeyondHead => "clamp_to_head",
            Refusal::BadRequest => "bug_in_caller",
            Refusal::NotFound => "retry_other_node",
            Refusal::RateLimited { long: false, .. } => "backoff",
            Refusal::RateLimited { long: true, .. } => "backoff(long)",
            Refusal::SubscriptionEnded => "resubscribe_and_backfill",
            Refusal::MethodMissing | Refusal::Busy | Refusal::Reverted | Refusal::Other => "none of these",
        };
        let plain = said == expected
            || (expected != said && expected.starts_with(said) && !["split_range", "backoff"].contains(&said));
        assert!(plain, "{error} was read as {refusal:?}");
    }
    assert_eq!(errors.len(), 21);
}

/// The text frames of a stream recording that were received.
fn frames(file: &str) -> Option<Vec<String>> {
    let text = fs::read_to_string(recordings("streams")?.join(file)).expect("it can be read");
    let entries: Vec<Value> = serde_json::from_str(&text).expect("it is a list");
    let received = entries
        .iter()
        .filter(|entry| entry["dir"] == "recv" && (entry["venue"] == "coinbase_exchange" || entry["venue"].is_null()));
    Some(received.map(|entry| entry["raw"].as_str().expect("a text frame").to_owned()).collect())
}

#[test]
fn every_recorded_coinbase_frame_is_told_apart_and_its_price_kept_to_the_digit() {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for file in ["coinbase_exchange_recording.json", "price_feeds_captured_2026_09_04.json", "rejections.json"] {
        let Some(frames) = frames(file) else { return };
        for text in frames {
            let frame = tickers::coinbase::parse(&text).unwrap_or_else(|fault| panic!("{fault}: {text}"));
            if let Frame::Tick(tick) = &frame {
                let value: Value = serde_json::from_str(&text).expect("it is JSON");
                assert_eq!(value["price"].as_str(), Some(tick.price.to_string().as_str()));
                assert!(tick.time.is_some(), "{text}");
            }
            let word = match frame {
                Frame::Ack { .. } => "ack",
                Frame::Tick(_) => "tick",
                Frame::Heartbeat { .. } => "heartbeat",
                Frame::Error { .. } => "error",
                Frame::Other => "other",
                other => panic!("Coinbase says no {other:?}"),
            };
            *counts.entry(word).or_default() += 1;
        }
    }
    assert_eq!(counts, BTreeMap::from([("ack", 4), ("error", 3), ("other", 78), ("tick", 78)]));
}

#[test]
fn recorded_heads_logs_and_traces_of_nodes_are_read() {
    let Some(folder) = recordings("streams") else { return };
    let text = |file: &str| fs::read_to_string(folder.join(file)).expect("it can be read");
    let head = text("evm_newheads_rinkeby.json");
    let Ok(Message::Notice { subscription, result }) = jsonrpc::parse_message(&head) else { panic!("it is a notice") };
    let header = jsonrpc::parse_header(result).expect("a header");
    assert_eq!((&*subscription, header.at.number), ("0x1a14b6bdcf4542fabf71c4abee244e47", 4_409_378));
    assert_eq!((header.base_fee, header.has_logs), (None, Some(false)));

    let logs = json(&format!("[{}]", text("evm_log_rpc.json")));
    assert_eq!(jsonrpc::parse_logs(&logs).expect("a log")[0].number, Some(3_106_049));
    let notice = text("chainlink_new_round_log.json");
    let Ok(Message::Notice { result, .. }) = jsonrpc::parse_message(&notice) else { panic!("it is a notice") };
    assert_eq!(
        jsonrpc::parse_logs(&json(&format!("[{}]", result.get()))).expect("a log")[0].log.topics.as_slice().len(),
        3
    );

    for (file, expected) in
        [("evm_calltracer_default.json", vec![500_000_000_000_000_000_u64]), ("evm_calltracer_with_log.json", vec![])]
    {
        let traces = jsonrpc::parse_call_traces(&json(&format!(r#"[{{"result":{}}}]"#, text(file)))).expect("a trace");
        let amounts: Vec<u64> =
            traces[0].moves.as_ref().expect("traced").iter().map(|moved| moved.amount.to()).collect();
        assert_eq!(amounts, expected, "{file}");
    }
}

#[test]
fn recorded_answers_of_geth_are_read() {
    let Some(folder) = recordings("streams") else { return };
    let text = fs::read_to_string(folder.join("evm_execution_apis_cases.json")).expect("it can be read");
    let cases: Vec<Value> = serde_json::from_str(&text).expect("it is a list");
    let mut said = Vec::new();
    for case in &cases {
        let path = case["path"].as_str().expect("a path");
        let answers = case["frames"].as_array().expect("frames").iter().filter(|frame| frame["dir"] == "recv");
        for answer in answers {
            let Ok(Message::Answer { id: 1, result }) = jsonrpc::parse_message(answer["raw"].as_str().expect("text"))
            else {
                panic!("{path} is no answer");
            };
            said.push(match result {
                Err(error) => format!("{:?}", error.refusal),
                Ok(result) if path.contains("feeHistory") => {
                    format!("{:?}", jsonrpc::fee_history(result).expect("fees").next_base_fee())
                }
                Ok(result) if path.contains("getLogs") => {
                    format!("{} logs", jsonrpc::parse_logs(result).expect("logs").len())
                }
                Ok(result) if path.contains("not-found") => {
                    jsonrpc::parse_receipts(result).expect_err("it is null").to_string()
                }
                Ok(result) if path.contains("getBlockReceipts") => {
                    format!("{} receipts", jsonrpc::parse_receipts(result).expect("receipts").len())
                }
                Ok(result) => format!("{}", jsonrpc::parse_amount(result).expect("an amount")),
            });
        }
    }
    assert_eq!(
        said,
        [
            "Some(875182170)",
            "BeyondHead",
            "BadRequest",
            "BadRequest",
            "1 logs",
            "1 logs",
            "4 receipts",
            "the node has no receipts for this block (yet)",
            "1",
        ]
    );
}

#[test]
fn the_recorded_receipt_with_two_equal_transfers_keeps_both() {
    let Some(folder) = recordings("etherscan") else { return };
    let file = "proxy.42161.eth_getTransactionReceipt.two-identical-transfers.json";
    let text = fs::read_to_string(folder.join(file)).expect("it can be read");
    let Ok(Body::Node(result)) = open(200, &text) else { panic!("it is a node's answer") };
    let receipt = jsonrpc::parse_receipt(result).expect("a receipt").expect("not null");
    let mut moved = Vec::new();
    for log in &receipt.logs {
        let (topics, data) = (log.topics.as_slice(), log.data);
        let log =
            walletwatch::wire::erc20::Log { tx: receipt.tx, contract: log.contract, topics, data, index: log.index };
        read_log(&log, &Reading::default(), &mut moved);
    }
    let same = |a: &walletwatch::types::Movement, b: &walletwatch::types::Movement| {
        (a.asset, a.from, a.to, a.amount) == (b.asset, b.from, b.to, b.amount) && a.log_index != b.log_index
    };
    assert!(moved.iter().any(|a| moved.iter().any(|b| same(a, b))));
    assert!(moved.iter().all(|moved| moved.kind == Kind::Token));
}

#[test]
fn a_recorded_list_of_1209_token_rows_is_read_to_the_last_row() {
    let Some(folder) = recordings("etherscan") else { return };
    let file = folder.join("lib2020.tokentx.1.1209-rows.json.gz");
    let Ok(unpacked) = std::process::Command::new("gzip").arg("-dc").arg(&file).output() else {
        println!("left out: no gzip here to unpack {}", file.display());
        return;
    };
    let text = unwrapped("lib2020.", &String::from_utf8(unpacked.stdout).expect("it is text"));
    let Ok(Body::Result { result, .. }) = open(200, &text) else { panic!("it is a list") };
    assert_eq!(page(List::Token, result, false), "rows 1209 moved 1209 failed 0 genesis 0 aside 0 head 11145141");
    let rows = etherscan::rows(List::Token, result, None).expect("it is a list").rows;
    let unnamed =
        rows.iter().filter_map(|row| row.token.as_ref()).filter(|token| token.symbol.is_none() && token.name.is_none());
    assert_eq!(unnamed.count(), 312);
}
