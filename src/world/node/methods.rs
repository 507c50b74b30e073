//! What a node answers: a chain, what is wrong with the node, a method and its parameters in; a result out. Pure.

use super::faults::{NodeFaults, Refused, take};
use crate::types::gas::next_base_fee;
use crate::types::{Address, B256, U256};
use crate::wire::hex as read_hex;
use crate::world::chain::{Chain, GAS_LIMIT, Ledger, SimBlock, SimLog};
use crate::world::render::{self, hex};
use serde_json::{Value, json};
use std::sync::Arc;

type Answer = Result<Value, Refused>;

/// A node's view of a chain: what stands above its own head it does not know.
pub(super) struct View<'a> {
    pub chain: &'a Chain,
    pub faults: &'a mut NodeFaults,
}

impl View<'_> {
    /// Height of the newest block that the node knows.
    pub(super) fn height(&self) -> u64 {
        self.chain.height().saturating_sub(self.faults.lag)
    }

    /// The answer to one request.
    pub(super) fn answer(&mut self, method: &str, params: &[Value]) -> Answer {
        if take(&mut self.faults.rate_limited) {
            return Err(Refused::rate());
        }
        if self.faults.without.contains(method) {
            return Err(Refused::missing(method));
        }
        match method {
            "eth_chainId" => Ok(json!(hex(U256::from(self.faults.chain_id.unwrap_or(self.chain.id().0))))),
            "eth_blockNumber" => Ok(json!(hex(U256::from(self.height())))),
            "eth_getBlockByNumber" | "eth_getBlockByHash" => self.block(params),
            "eth_getBlockReceipts" => self.receipts(params),
            "eth_getTransactionReceipt" => self.receipt(params),
            "eth_getLogs" => self.logs(params),
            "eth_call" => self.call(params),
            "eth_getBalance" => self.balance(params),
            "eth_feeHistory" => self.fee_history(params),
            "debug_traceBlockByHash" => self.traces(params),
            _ => Err(Refused::missing(method)),
        }
    }

    /// A block that the node knows, by hash.
    fn by_hash(&self, hash: B256) -> Option<&Arc<SimBlock>> {
        self.chain.block(hash).filter(|block| block.at.number <= self.height())
    }

    /// A block by what stands where a block is named: a tag, a height, a hash, or an object that holds a hash.
    fn named(&self, name: &Value) -> Result<Option<&Arc<SimBlock>>, Refused> {
        let name = name.get("blockHash").or_else(|| name.get("blockNumber")).unwrap_or(name);
        let name = name.as_str().ok_or_else(Refused::params)?;
        if let Ok(hash) = read_hex::fixed(name) {
            return Ok(self.by_hash(B256::new(hash)));
        }
        let head = self.height();
        let number = match name {
            "latest" | "pending" => head,
            "earliest" => 0,
            "safe" | "finalized" if self.faults.no_tags => {
                return Err(Refused::new(-39_001, format!("{name} block not found")));
            }
            "safe" => self.chain.safe(head),
            "finalized" => self.chain.finalized(head),
            _ => read_hex::quantity_u64(name).map_err(|_| Refused::new(-32_602, "invalid block number"))?,
        };
        Ok(self.chain.at(number).filter(|_| number <= head))
    }

    fn block(&mut self, params: &[Value]) -> Answer {
        let name = params.first().ok_or_else(Refused::params)?;
        let whole = params.get(1).and_then(Value::as_bool).unwrap_or(false);
        // What is asked by tag is always there.
        let by_tag = name.as_str().is_some_and(|name| !name.starts_with("0x"));
        if !by_tag && take(&mut self.faults.null_blocks) {
            return Ok(Value::Null);
        }
        Ok(self.named(name)?.map_or(Value::Null, |block| render::block(block, whole)))
    }

    fn receipts(&mut self, params: &[Value]) -> Answer {
        if take(&mut self.faults.null_blocks) {
            return Ok(Value::Null);
        }
        if take(&mut self.faults.empty_receipts) {
            return Ok(json!([]));
        }
        let name = params.first().ok_or_else(Refused::params)?;
        Ok(self.named(name)?.map_or(Value::Null, |block| render::receipts(block)))
    }

    fn receipt(&self, params: &[Value]) -> Answer {
        let tx = hash(params.first())?;
        let mined = self.chain.mined(tx).filter(|(block, _)| block.at.number <= self.height());
        Ok(mined.map_or(Value::Null, |(block, index)| render::receipt(block, index)))
    }

    fn logs(&self, params: &[Value]) -> Answer {
        let filter = params.first().ok_or_else(Refused::params)?;
        let wanted = |log: &SimLog| fits(filter, log);
        if filter.get("blockHash").is_some() {
            let block = self.named(filter)?.ok_or_else(|| Refused::new(-32_000, "unknown block"))?;
            return Ok(render::logs(block, wanted).into());
        }
        let end = |key: &str| match filter.get(key) {
            None => Ok(self.height()),
            Some(name) => match name.as_str() {
                Some(text) if text.starts_with("0x") => read_hex::quantity_u64(text).map_err(|_| Refused::params()),
                _ => Ok(self.named(name)?.map_or(0, |block| block.at.number)),
            },
        };
        let (from, to) = (end("fromBlock")?, end("toBlock")?);
        if to > self.height() {
            return Err(Refused::new(-32_602, "block range extends beyond current head block"));
        }
        let most = self.faults.most_blocks.unwrap_or(u64::MAX);
        if to.saturating_sub(from) >= most {
            return Err(Refused::new(-32_602, format!("exceed maximum block range: {most}")));
        }
        let blocks = (from..=to).filter_map(|number| self.chain.at(number));
        Ok(blocks.flat_map(|block| render::logs(block, wanted)).collect())
    }

    fn call(&self, params: &[Value]) -> Answer {
        let request = params.first().ok_or_else(Refused::params)?;
        let to = account(request.get("to"))?;
        let data = request.get("data").or_else(|| request.get("input")).and_then(Value::as_str).unwrap_or("0x");
        let ledger = self.state(params.get(1))?;
        render::read_contract(self.chain, Some(ledger), to, data)
            .map(Value::from)
            .ok_or_else(|| Refused::new(3, "execution reverted"))
    }

    fn balance(&self, params: &[Value]) -> Answer {
        let of = account(params.first())?;
        let ledger = self.state(params.get(1))?;
        Ok(json!(hex(ledger.coin.get(&of).copied().unwrap_or_default())))
    }

    /// Who has what behind the block that is named, or the newest.
    fn state(&self, named: Option<&Value>) -> Result<&Ledger, Refused> {
        let latest = json!("latest");
        let block = self.named(named.unwrap_or(&latest))?;
        let block = block.ok_or_else(|| Refused::new(-32_000, "header not found"))?;
        self.chain.ledger(block.at.hash).ok_or_else(|| Refused::new(-32_000, "missing trie node"))
    }

    fn fee_history(&self, params: &[Value]) -> Answer {
        let count = params.first().and_then(|count| match count {
            Value::String(text) => read_hex::quantity_u64(text).ok(),
            other => other.as_u64(),
        });
        let count = count.filter(|count| (1..=1_024).contains(count)).ok_or_else(Refused::params)?;
        let newest = params.get(1).map(|name| self.named(name)).transpose()?.flatten();
        let newest = newest.ok_or_else(|| Refused::new(-32_000, "header not found"))?;
        let oldest = newest.at.number.saturating_add(1).saturating_sub(count);
        let blocks: Vec<_> = (oldest..=newest.at.number).filter_map(|number| self.chain.at(number)).collect();
        let next = next_base_fee(newest.base_fee, newest.gas_used, GAS_LIMIT);
        let fees: Vec<String> = blocks.iter().map(|block| hex(block.base_fee)).chain([hex(next)]).collect();
        let percentiles = params.get(2).and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        let tips = |block: &Arc<SimBlock>| -> Vec<String> {
            let of = |percentile: &Value| hex(render::tip(block, percentile.as_u64().unwrap_or(0)));
            percentiles.iter().map(of).collect()
        };
        Ok(json!({
            "oldestBlock": hex(U256::from(oldest)),
            "baseFeePerGas": fees,
            "gasUsedRatio": blocks.iter().map(|block| render::used(block)).collect::<Vec<_>>(),
            "reward": blocks.iter().map(|block| tips(block)).collect::<Vec<_>>(),
        }))
    }

    fn traces(&mut self, params: &[Value]) -> Answer {
        let block = self.by_hash(hash(params.first())?);
        let block = block.ok_or_else(|| Refused::new(-32_000, "block not found"))?;
        Ok(render::traces(block))
    }
}

fn hash(param: Option<&Value>) -> Result<B256, Refused> {
    let text = param.and_then(Value::as_str).ok_or_else(Refused::params)?;
    read_hex::fixed(text).map(B256::new).map_err(|_| Refused::params())
}

fn account(param: Option<&Value>) -> Result<Address, Refused> {
    let text = param.and_then(Value::as_str).ok_or_else(Refused::params)?;
    read_hex::fixed(text).map(Address::new).map_err(|_| Refused::params())
}

/// Whether a log fits the addresses and topics of a filter.
fn fits(filter: &Value, log: &SimLog) -> bool {
    let among = |wanted: Option<&Value>, found: &str| match wanted {
        None | Some(Value::Null) => true,
        Some(Value::Array(any)) => {
            any.is_empty() || any.iter().filter_map(Value::as_str).any(|one| one.eq_ignore_ascii_case(found))
        }
        Some(one) => one.as_str().is_some_and(|one| one.eq_ignore_ascii_case(found)),
    };
    let topics = filter.get("topics").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    among(filter.get("address"), &render::account(log.contract))
        && topics.iter().enumerate().all(|(nth, wanted)| match log.topics.get(nth) {
            Some(topic) => among(Some(wanted), &render::hash(*topic)),
            None => wanted.is_null(),
        })
}
