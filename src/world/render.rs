//! A simulated chain in the JSON of nodes. Pure.

use super::chain::{Chain, Frame, GAS_LIMIT, Included, Ledger, SimBlock, SimLog};
use crate::types::amount::format_amount;
use crate::types::gas::next_base_fee;
use crate::types::{Address, B256, U256};
use alloy::primitives::{Bloom, BloomInput};
use serde_json::{Value, json};

/// A hash of nothing in particular, for keys that nodes always have and nobody reads.
const ANY_HASH: &str = "0x1dcc4de8dec75d7aab85b567b6ccd41ad312451b948a7413f0a142fd40d49347";

/// A number as nodes write it.
pub(super) fn hex(number: impl Into<U256>) -> String {
    format!("{:#x}", number.into())
}

/// An address in small letters, as nodes and explorers write it.
pub(super) fn account(address: Address) -> String {
    format!("{address:#x}")
}

/// A hash as nodes write it.
pub(super) fn hash(hash: B256) -> String {
    format!("{hash:#x}")
}

/// The bloom filter of logs.
fn bloom<'a>(logs: impl Iterator<Item = &'a SimLog>) -> String {
    let mut bloom = Bloom::ZERO;
    for log in logs {
        bloom.accrue(BloomInput::Raw(log.contract.as_slice()));
        for topic in &log.topics {
            bloom.accrue(BloomInput::Raw(topic.as_slice()));
        }
    }
    format!("{bloom:#x}")
}

/// A header, as a subscription to heads has it.
pub(super) fn header(block: &SimBlock) -> Value {
    json!({
        "number": hex(U256::from(block.at.number)),
        "hash": hash(block.at.hash),
        "parentHash": hash(block.at.parent),
        "timestamp": hex(U256::from(block.time)),
        "baseFeePerGas": hex(block.base_fee),
        "gasUsed": hex(U256::from(block.gas_used)),
        "gasLimit": hex(U256::from(GAS_LIMIT)),
        "logsBloom": bloom(block.txs.iter().flat_map(|tx| &tx.logs)),
        "sha3Uncles": ANY_HASH,
        "stateRoot": ANY_HASH,
        "transactionsRoot": ANY_HASH,
        "receiptsRoot": ANY_HASH,
        "mixHash": ANY_HASH,
        "miner": account(super::chain::action::COINBASE),
        "difficulty": "0x0",
        "extraData": "0x",
        "nonce": "0x0000000000000000",
    })
}

/// A block with its transactions, whole or as hashes.
pub(super) fn block(block: &SimBlock, whole: bool) -> Value {
    let of =
        |(index, tx): (usize, &Included)| if whole { transaction(block, tx, index) } else { json!(hash(tx.tx.hash)) };
    let txs: Vec<Value> = block.txs.iter().enumerate().map(of).collect();
    let mut value = header(block);
    if let Some(fields) = value.as_object_mut() {
        fields.insert("transactions".into(), json!(txs));
        fields.insert("uncles".into(), json!([]));
        fields.insert("size".into(), json!("0x400"));
    }
    value
}

fn transaction(block: &SimBlock, included: &Included, index: usize) -> Value {
    let tx = &included.tx;
    json!({
        "hash": hash(tx.hash),
        "type": "0x2",
        "chainId": "0x0",
        "nonce": hex(U256::from(tx.nonce)),
        "blockHash": hash(block.at.hash),
        "blockNumber": hex(U256::from(block.at.number)),
        "transactionIndex": hex(U256::from(index)),
        "from": account(tx.from),
        "to": tx.to.map(account),
        "value": hex(tx.value),
        "input": tx.input,
        "gas": hex(U256::from(included.gas_used.saturating_mul(2))),
        "gasPrice": hex(gas_price(block)),
        "maxFeePerGas": hex(gas_price(block)),
        "maxPriorityFeePerGas": hex(U256::from(super::chain::action::TIP)),
        "accessList": [],
    })
}

/// What a unit of gas costs in this block, tip included, in wei.
pub(super) fn gas_price(block: &SimBlock) -> U256 {
    block.base_fee.saturating_add(U256::from(super::chain::action::TIP))
}

/// The tip at a percentile of a block: more where it is fuller, none where it is empty.
pub(super) fn tip(block: &SimBlock, percentile: u64) -> U256 {
    let usual = U256::from(super::chain::action::TIP).saturating_mul(U256::from(percentile)) / U256::from(50);
    let more = usual.saturating_mul(U256::from(block.gas_used)) / U256::from(GAS_LIMIT);
    if block.gas_used == 0 { U256::ZERO } else { usual.saturating_add(more) }
}

/// The part of its gas that a block used, to a millionth.
pub(super) fn used(block: &SimBlock) -> Value {
    let millionths = block.gas_used.min(GAS_LIMIT).saturating_mul(1_000_000) / GAS_LIMIT;
    let text = format!("{}.{:06}", millionths / 1_000_000, millionths % 1_000_000);
    serde_json::from_str(&text).unwrap_or_default()
}

/// What an explorer's gas oracle says behind a block: prices in gwei, the base fee in each of them.
pub(super) fn oracle(block: &SimBlock) -> Value {
    let next = next_base_fee(block.base_fee, block.gas_used, GAS_LIMIT);
    let gwei = |wei: U256| format_amount(wei, 9);
    let price = |percentile: u64| gwei(next.saturating_add(tip(block, percentile)));
    json!({
        "LastBlock": block.at.number.to_string(),
        "SafeGasPrice": price(10),
        "ProposeGasPrice": price(50),
        "FastGasPrice": price(90),
        "suggestBaseFee": gwei(next),
        "gasUsedRatio": used(block).to_string(),
    })
}

/// All receipts of a block.
pub(super) fn receipts(block: &SimBlock) -> Value {
    (0..block.txs.len()).map(|index| receipt(block, index)).collect()
}

/// The receipt of the block's transaction of this index; `null` for none.
pub(super) fn receipt(block: &SimBlock, index: usize) -> Value {
    let Some(included) = block.txs.get(index) else { return Value::Null };
    let used = block.txs.iter().take(index.saturating_add(1));
    json!({
        "transactionHash": hash(included.tx.hash),
        "transactionIndex": hex(U256::from(index)),
        "blockHash": hash(block.at.hash),
        "blockNumber": hex(U256::from(block.at.number)),
        "from": account(included.tx.from),
        "to": included.tx.to.map(account),
        "contractAddress": included.created.map(account),
        "status": if included.succeeded { "0x1" } else { "0x0" },
        "gasUsed": hex(U256::from(included.gas_used)),
        "cumulativeGasUsed": hex(used.fold(U256::ZERO, |sum, tx| sum.saturating_add(U256::from(tx.gas_used)))),
        "effectiveGasPrice": hex(gas_price(block)),
        "logs": included.logs.iter().map(|entry| log(block, included, index, entry)).collect::<Vec<_>>(),
        "logsBloom": bloom(included.logs.iter()),
        "type": "0x2",
    })
}

fn log(block: &SimBlock, included: &Included, index: usize, log: &SimLog) -> Value {
    json!({
        "address": account(log.contract),
        "topics": log.topics.iter().copied().map(hash).collect::<Vec<_>>(),
        "data": log.data,
        "blockNumber": hex(U256::from(block.at.number)),
        "blockHash": hash(block.at.hash),
        "transactionHash": hash(included.tx.hash),
        "transactionIndex": hex(U256::from(index)),
        "logIndex": hex(U256::from(log.index)),
        "removed": false,
    })
}

/// The logs of a block that `wanted` takes.
pub(super) fn logs(block: &SimBlock, wanted: impl Fn(&SimLog) -> bool) -> Vec<Value> {
    let of = |(index, tx): (usize, &Included)| -> Vec<Value> {
        tx.logs.iter().filter(|entry| wanted(entry)).map(|entry| log(block, tx, index, entry)).collect()
    };
    block.txs.iter().enumerate().flat_map(of).collect()
}

/// The calls of each transaction, as geth's `callTracer` writes them.
pub(super) fn traces(block: &SimBlock) -> Value {
    let of = |tx: &Included| json!({ "txHash": hash(tx.tx.hash), "result": frame(&tx.root) });
    block.txs.iter().map(of).collect()
}

fn frame(call: &Frame) -> Value {
    let mut value = json!({
        "type": call.kind,
        "from": account(call.from),
        "to": account(call.to),
        "value": hex(call.value),
        "gas": "0x5208",
        "gasUsed": "0x5208",
        "input": "0x",
    });
    if let Some(fields) = value.as_object_mut() {
        if call.failed {
            fields.insert("error".into(), json!("execution reverted"));
        }
        if !call.calls.is_empty() {
            fields.insert("calls".into(), call.calls.iter().map(frame).collect());
        }
    }
    value
}

/// What a token says to `balanceOf(address)` behind a block, and to `decimals()`, `symbol()` and `name()`; `None` where it reverts.
/// Accounts without code say `0x`.
pub(super) fn read_contract(chain: &Chain, behind: Option<&Ledger>, to: Address, data: &str) -> Option<String> {
    use crate::wire::erc20::{DECIMALS, NAME, SYMBOL, balance_of};
    let Some(token) = chain.token(to) else { return Some("0x".into()) };
    let holder = data.get(34..74).and_then(|digits| digits.parse().ok()).filter(|holder| balance_of(holder) == data);
    if let (Some(holder), Some(ledger)) = (holder, behind) {
        return Some(format!("0x{:064x}", ledger.tokens.get(&(to, holder)).copied().unwrap_or_default()));
    }
    match data.get(..10)? {
        DECIMALS => token.decimals.map(|decimals| format!("0x{:064x}", U256::from(decimals))),
        SYMBOL => Some(abi_text(&token.symbol)),
        NAME => Some(abi_text(&token.name)),
        _ => None,
    }
}

/// A text as a contract returns it.
fn abi_text(text: &str) -> String {
    let digits = alloy::primitives::hex::encode(text);
    let width = digits.len().div_ceil(64).saturating_mul(64);
    format!("0x{:064x}{:064x}{digits:0<width$}", 32, text.len())
}
