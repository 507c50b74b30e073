//! The rows of an explorer's lists, out of a chain up to the head of the index. Pure.

use crate::types::{Address, Asset, B256, Kind, Movement, U256};
use crate::wire::erc20::{Log, Reading, read_log};
use crate::world::chain::{Chain, Frame, Included, SimBlock, SimLog};
use crate::world::render::{account, gas_price, hash, hex};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// A chain as far as the index has read it.
pub(super) struct Index<'a> {
    pub chain: &'a Chain,
    /// Height of the newest block in the index.
    pub head: u64,
    /// Transactions that it does not show.
    pub hidden: &'a BTreeSet<B256>,
}

impl<'a> Index<'a> {
    /// The mined transactions of a range of blocks, both ends included, with their blocks and places.
    fn mined(&self, start: u64, end: u64) -> impl Iterator<Item = (&'a SimBlock, usize, &'a Included)> {
        let (chain, hidden) = (self.chain, self.hidden);
        (start..=end.min(self.head))
            .filter_map(move |number| chain.at(number))
            .flat_map(|block| block.txs.iter().enumerate().map(move |(index, tx)| (&**block, index, tx)))
            .filter(move |(_, _, tx)| !hidden.contains(&tx.tx.hash))
    }

    /// blockNumber + confirmations − 1 is the index's head on every row.
    fn confirmations(&self, block: &SimBlock) -> String {
        self.head.saturating_add(1).saturating_sub(block.at.number).to_string()
    }

    /// `txlist`: everything that the address sent, got or created, failed or not.
    pub(super) fn coin(&self, whose: Address, start: u64, end: u64) -> Vec<Value> {
        let ours = |tx: &Included| [Some(tx.tx.from), tx.tx.to, tx.created].contains(&Some(whose));
        self.mined(start, end)
            .filter(|(_, _, tx)| ours(tx))
            .map(|(block, index, tx)| self.coin_row(block, index, tx))
            .collect()
    }

    fn coin_row(&self, block: &SimBlock, index: usize, included: &Included) -> Value {
        let tx = &included.tx;
        json!({
            "blockNumber": block.at.number.to_string(),
            "blockHash": hash(block.at.hash),
            "timeStamp": block.time.to_string(),
            "hash": hash(tx.hash),
            "nonce": tx.nonce.to_string(),
            "transactionIndex": index.to_string(),
            "from": account(tx.from),
            "to": tx.to.map(account).unwrap_or_default(),
            "value": tx.value.to_string(),
            "gas": included.gas_used.saturating_mul(2).to_string(),
            "gasPrice": gas_price(block).to_string(),
            "input": tx.input,
            "methodId": tx.input.get(..10).unwrap_or("0x"),
            "functionName": "",
            "contractAddress": included.created.map(account).unwrap_or_default(),
            "cumulativeGasUsed": included.gas_used.to_string(),
            "txreceipt_status": if included.succeeded { "1" } else { "0" },
            "gasUsed": included.gas_used.to_string(),
            "confirmations": self.confirmations(block),
            "isError": if included.succeeded { "0" } else { "1" },
        })
    }

    /// `txlistinternal` by address: calls with value below the root, failed ones too.
    pub(super) fn internal(&self, whose: Address, start: u64, end: u64) -> Vec<Value> {
        let of = |(block, _, tx): (&SimBlock, usize, &Included)| -> Vec<Value> {
            let ours = |(_, frame, _): &(String, &Frame, bool)| frame.from == whose || frame.to == whose;
            let row = |(path, frame, failed): (String, &Frame, bool)| {
                let mut row = internal_row(block, frame, failed);
                if let Some(fields) = row.as_object_mut() {
                    fields.insert("hash".into(), json!(hash(tx.tx.hash)));
                    fields.insert("traceId".into(), json!(path));
                }
                row
            };
            inner(&tx.root).into_iter().filter(ours).map(row).collect()
        };
        self.mined(start, end).flat_map(of).collect()
    }

    /// `txlistinternal` by transaction, whose rows do not name it.
    pub(super) fn internal_of(&self, tx: B256) -> Vec<Value> {
        let Some((block, index)) = self.chain.mined(tx).filter(|(block, _)| block.at.number <= self.head) else {
            return Vec::new();
        };
        let row = |(_, frame, failed): (String, &Frame, bool)| internal_row(block, frame, failed);
        block.txs.get(index).map(|tx| inner(&tx.root).into_iter().map(row).collect()).unwrap_or_default()
    }

    /// `tokentx`, `tokennfttx` or `token1155tx`: logs from or to the address, a row for each (id, amount) of a batch. They have no index
    /// here either.
    pub(super) fn token(
        &self,
        kind: Kind,
        whose: Address,
        contract: Option<Address>,
        start: u64,
        end: u64,
    ) -> Vec<Value> {
        let of = |(block, index, tx): (&SimBlock, usize, &Included)| -> Vec<Value> {
            let mut moved = Vec::new();
            for SimLog { index, contract, topics, data } in &tx.logs {
                let log = Log { tx: tx.tx.hash, contract: *contract, topics, data, index: Some(*index) };
                read_log(&log, &Reading::default(), &mut moved);
            }
            let asked = |moved: &&Movement| {
                let of_contract = contract.is_none_or(|contract| moved.asset == Asset::Token(contract));
                moved.kind == kind && of_contract && [moved.from, moved.to].contains(&whose)
            };
            moved.iter().filter(asked).map(|moved| self.token_row(block, index, tx, moved)).collect()
        };
        self.mined(start, end).flat_map(of).collect()
    }

    /// `getLogs`: of a contract, with topics, or both. All numbers are hexadecimal, and `0x` is zero.
    pub(super) fn logs(&self, contract: Option<Address>, topics: &[Option<B256>], start: u64, end: u64) -> Vec<Value> {
        let fits = |log: &SimLog| {
            let wanted = topics.iter().enumerate().filter_map(|(place, topic)| Some((place, (*topic)?)));
            contract.is_none_or(|contract| log.contract == contract)
                && wanted.into_iter().all(|(place, topic)| log.topics.get(place) == Some(&topic))
        };
        let of = |(block, index, tx): (&SimBlock, usize, &Included)| -> Vec<Value> {
            let row = |log: &SimLog| {
                json!({
                    "address": account(log.contract),
                    "topics": log.topics.iter().copied().map(hash).collect::<Vec<_>>(),
                    "data": log.data,
                    "blockNumber": short_hex(block.at.number),
                    "blockHash": hash(block.at.hash),
                    "timeStamp": short_hex(block.time),
                    "gasPrice": hex(gas_price(block)),
                    "gasUsed": short_hex(tx.gas_used),
                    "logIndex": short_hex(log.index),
                    "transactionHash": hash(tx.tx.hash),
                    "transactionIndex": short_hex(u64::try_from(index).unwrap_or(u64::MAX)),
                })
            };
            tx.logs.iter().filter(|log| fits(log)).map(row).collect()
        };
        self.mined(start, end).flat_map(of).collect()
    }

    fn token_row(&self, block: &SimBlock, index: usize, included: &Included, moved: &Movement) -> Value {
        let contract = match moved.asset {
            Asset::Coin => Address::ZERO,
            Asset::Token(contract) => contract,
        };
        let token = self.chain.token(contract);
        let mut row = json!({
            "blockNumber": block.at.number.to_string(),
            "timeStamp": block.time.to_string(),
            "hash": hash(included.tx.hash),
            "nonce": included.tx.nonce.to_string(),
            "blockHash": hash(block.at.hash),
            "from": account(moved.from),
            "contractAddress": account(contract),
            "to": account(moved.to),
            "tokenName": token.map(|token| token.name.clone()).unwrap_or_default(),
            "tokenSymbol": token.map(|token| token.symbol.clone()).unwrap_or_default(),
            "transactionIndex": index.to_string(),
            "gas": included.gas_used.saturating_mul(2).to_string(),
            "gasPrice": gas_price(block).to_string(),
            "gasUsed": included.gas_used.to_string(),
            "cumulativeGasUsed": included.gas_used.to_string(),
            "input": "deprecated",
            "methodId": included.tx.input.get(..10).unwrap_or("0x"),
            "functionName": "",
            "confirmations": self.confirmations(block),
        });
        let id = moved.token_id.unwrap_or_default().to_string();
        let decimals = token.and_then(|token| token.decimals).map(|decimals| decimals.to_string());
        let of_list = match moved.kind {
            Kind::Erc721 => [("tokenID", id), ("tokenDecimal", "0".into())],
            Kind::Erc1155 => [("tokenID", id), ("tokenValue", moved.amount.to_string())],
            Kind::Coin | Kind::Internal | Kind::Token | Kind::Approval | Kind::ApprovalForAll => {
                [("value", moved.amount.to_string()), ("tokenDecimal", decimals.unwrap_or_default())]
            }
        };
        if let Some(fields) = row.as_object_mut() {
            fields.extend(of_list.map(|(key, value)| (key.into(), json!(value))));
        }
        row
    }
}

/// A number as `getLogs` writes it.
fn short_hex(number: u64) -> String {
    if number == 0 { "0x".into() } else { hex(U256::from(number)) }
}

fn internal_row(block: &SimBlock, frame: &Frame, failed: bool) -> Value {
    json!({
        "blockNumber": block.at.number.to_string(),
        "timeStamp": block.time.to_string(),
        "from": account(frame.from),
        "to": account(frame.to),
        "value": frame.value.to_string(),
        "contractAddress": "",
        "input": "",
        "type": frame.kind.to_ascii_lowercase(),
        "gas": "90872",
        "gasUsed": "55",
        "isError": if failed { "1" } else { "0" },
        "errCode": if failed { "Reverted" } else { "" },
    })
}

/// The frames below the root that carry coin, each with its path and whether it or one above it failed.
fn inner(root: &Frame) -> Vec<(String, &Frame, bool)> {
    let mut found = Vec::new();
    let mut open: Vec<(String, &Frame, bool)> = vec![(String::new(), root, root.failed)];
    while let Some((path, frame, failed)) = open.pop() {
        for (nth, call) in frame.calls.iter().enumerate().rev() {
            let path = if path.is_empty() { nth.to_string() } else { format!("{path}_{nth}") };
            open.push((path, call, failed || call.failed));
        }
        if !path.is_empty() && frame.value > U256::ZERO {
            found.push((path, frame, failed));
        }
    }
    found
}
