//! One call that nothing stands in the way of: what is asked, and what the explorer answers.

use super::rows::Index;
use super::settings::{ExplorerSettings, FREE_ROWS};
use super::trouble::Trouble;
use crate::types::{Address, B256, Kind, U256};
use crate::wire::hex;
use crate::world::chain::{Chain, SimBlock};
use crate::world::http::Request;
use crate::world::live::LiveChain;
use crate::world::render;
use serde_json::{Value, json};
use std::sync::Arc;

/// `page` × `offset` may not be more.
const WINDOW: u64 = 10_000;
/// Addresses of one `balancemulti`.
const MOST_ADDRESSES: usize = 20;

/// Why there is no data: what is wrong, and whether the text stands in `message`.
pub(super) struct Refused(Trouble, bool);

impl Refused {
    pub(super) fn body(&self) -> Value {
        self.0.body(self.1)
    }
}

impl From<Trouble> for Refused {
    fn from(trouble: Trouble) -> Self {
        // Where recordings and clients have seen them (facts/etherscan.md §3).
        Self(trouble, matches!(trouble, Trouble::QueryTimeout | Trouble::Window))
    }
}

type Answer = Result<Value, Refused>;

/// One call behind the guard.
pub(super) struct Call<'a> {
    pub(super) chain: &'a LiveChain,
    pub(super) settings: &'a ExplorerSettings,
    pub(super) request: &'a Request,
    /// How far the index that answers it is behind.
    pub(super) lag: u64,
}

impl Call<'_> {
    fn text(&self, name: &str) -> Option<&str> {
        self.request.query.get(name).map(String::as_str)
    }

    fn number(&self, name: &str, otherwise: u64) -> u64 {
        self.text(name).and_then(|text| text.parse().ok()).unwrap_or(otherwise)
    }

    fn account(&self, name: &str) -> Result<Address, Refused> {
        self.text(name).and_then(read_account).ok_or_else(|| Trouble::BadAddress.into())
    }

    fn hash(&self) -> Result<B256, Refused> {
        let text = self.text("txhash").unwrap_or_default();
        hex::fixed(text).map(B256::new).map_err(|_| Trouble::BadAddress.into())
    }

    pub(super) fn answer(&self) -> Answer {
        let (module, action) = (self.text("module").unwrap_or_default(), self.text("action").unwrap_or_default());
        match (module, action) {
            ("account", "txlist" | "txlistinternal" | "tokentx" | "tokennfttx" | "token1155tx") => self.list(action),
            ("account", "balance" | "balancemulti" | "tokenbalance") => self.balance(),
            ("logs", "getLogs") => self.logs(),
            ("proxy", action) => self.proxy(action),
            ("gastracker", "gasoracle") => Ok(ok(self.chain.read(|chain| render::oracle(chain.head())))),
            ("getapilimit", "getapilimit") => Ok(ok(self.limit())),
            ("account" | "logs" | "gastracker" | "getapilimit", _) => Err(Trouble::NoAction.into()),
            (_, _) => Err(Trouble::NoModule.into()),
        }
    }

    /// The rows of one page, of all that were found.
    fn page(&self, found: Vec<Value>) -> Answer {
        let (page, offset) = (self.number("page", 1).max(1), self.number("offset", FREE_ROWS).max(1));
        let usize_of = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        let skip = usize_of(page.saturating_sub(1).saturating_mul(offset));
        let rows: Vec<Value> =
            found.into_iter().skip(skip).take(usize_of(offset.min(self.settings.most_rows))).collect();
        if rows.is_empty() { Err(Trouble::Empty.into()) } else { Ok(ok(json!(rows))) }
    }

    /// First and last block of a list, and the head of the index that it is read from.
    fn range(&self, chain: &Chain, first: &str, last: &str) -> Result<(u64, u64, u64), Refused> {
        if self.number("page", 1).saturating_mul(self.number("offset", FREE_ROWS)) > WINDOW {
            return Err(Trouble::Window.into());
        }
        let head = chain.height().saturating_sub(self.lag);
        let (start, end) = (self.number(first, 0), self.number(last, u64::MAX));
        let blocks = end.min(head).saturating_add(1).saturating_sub(start);
        match self.settings.longest_range {
            Some(longest) if blocks > longest => Err(Trouble::QueryTimeout.into()),
            _ => Ok((start, end, head)),
        }
    }

    fn list(&self, list: &str) -> Answer {
        let by_tx = self.text("txhash").map(|_| self.hash()).transpose()?;
        let whose = if by_tx.is_some() { Address::ZERO } else { self.account("address")? };
        let contract = self.text("contractaddress").map(|_| self.account("contractaddress")).transpose()?;
        let mut found = self.chain.read(|chain| {
            let (start, end, head) = self.range(chain, "startblock", "endblock")?;
            let index = Index { chain, head, hidden: &self.settings.hidden };
            Ok::<_, Refused>(match (list, by_tx) {
                ("txlist", _) => index.coin(whose, start, end),
                ("txlistinternal", None) => index.internal(whose, start, end),
                ("txlistinternal", Some(tx)) => index.internal_of(tx),
                ("tokennfttx", _) => index.token(Kind::Erc721, whose, contract, start, end),
                ("token1155tx", _) => index.token(Kind::Erc1155, whose, contract, start, end),
                _ => index.token(Kind::Token, whose, contract, start, end),
            })
        })?;
        if self.text("sort") == Some("desc") {
            found.reverse();
        }
        self.page(found)
    }

    fn logs(&self) -> Answer {
        let contract = self.text("address").map(|_| self.account("address")).transpose()?;
        let topics: Vec<Option<B256>> = (0..4)
            .map(|place| self.text(&format!("topic{place}")).and_then(|text| hex::fixed(text).ok()).map(B256::new))
            .collect();
        let found = self.chain.read(|chain| {
            let (start, end, head) = self.range(chain, "fromBlock", "toBlock")?;
            let index = Index { chain, head, hidden: &self.settings.hidden };
            Ok::<_, Refused>(index.logs(contract, &topics, start, end))
        })?;
        self.page(found)
    }

    /// The block that a balance is asked of: the newest, or one of those whose state the node still has.
    fn block<'c>(&self, chain: &'c Chain) -> Result<&'c Arc<SimBlock>, Refused> {
        let tag = self.text("tag").filter(|tag| *tag != "latest");
        let Some(tag) = tag else { return Ok(chain.head()) };
        let number = hex::quantity_u64(tag).map_err(|_| Refused::from(Trouble::NoAction))?;
        let block = chain.at(number).filter(|block| chain.ledger(block.at.hash).is_some());
        block.ok_or_else(|| Trouble::ProEndpoint.into())
    }

    fn balance(&self) -> Answer {
        let addresses = self.text("address").unwrap_or_default().split(',').map(read_account);
        let addresses = addresses.collect::<Option<Vec<_>>>().filter(|all| all.len() <= MOST_ADDRESSES);
        let addresses = addresses.ok_or(Trouble::BadAddress)?;
        let contract = self.text("contractaddress").map(|_| self.account("contractaddress")).transpose()?;
        let multi = self.text("action") == Some("balancemulti");
        // Balances come from a node, not from the index.
        self.chain.read(|chain| {
            let ledger = chain.ledger(self.block(chain)?.at.hash);
            let held = |of: Address| {
                let held = ledger.and_then(|ledger| match contract {
                    Some(contract) => ledger.tokens.get(&(contract, of)),
                    None => ledger.coin.get(&of),
                });
                held.copied().unwrap_or_default().to_string()
            };
            let row = |of: &Address| json!({"account": render::account(*of), "balance": held(*of)});
            let one = || json!(addresses.first().map_or_else(String::new, |of| held(*of)));
            Ok(ok(if multi { addresses.iter().map(row).collect() } else { one() }))
        })
    }

    fn proxy(&self, action: &str) -> Answer {
        let result = match action {
            "eth_blockNumber" => json!(render::hex(U256::from(self.chain.read(Chain::height)))),
            "eth_getTransactionReceipt" => {
                let tx = self.hash()?;
                self.chain
                    .read(|chain| chain.mined(tx).map_or(Value::Null, |(block, index)| render::receipt(block, index)))
            }
            "eth_getBlockByNumber" => {
                let number = self.text("tag").and_then(|tag| hex::quantity_u64(tag).ok());
                let whole = self.text("boolean") == Some("true");
                self.chain.read(|chain| {
                    let number = number.unwrap_or_else(|| chain.height());
                    chain.at(number).map_or(Value::Null, |block| render::block(block, whole))
                })
            }
            "eth_call" => {
                let (to, data) = (self.account("to")?, self.text("data").unwrap_or("0x"));
                let said = self.chain.read(|chain| {
                    let ledger = chain.ledger(self.block(chain)?.at.hash);
                    Ok::<_, Refused>(render::read_contract(chain, ledger, to, data))
                })?;
                let Some(said) = said else {
                    return Ok(json!({"jsonrpc":"2.0","id":1,"error":{"code":3,"message":"execution reverted"}}));
                };
                json!(said)
            }
            _ => return Err(Trouble::NoAction.into()),
        };
        Ok(json!({"jsonrpc":"2.0","id":83,"result":result}))
    }

    /// What is left of the day. Unlike everything else these are numbers.
    fn limit(&self) -> Value {
        let ExplorerSettings { calls_per_day, calls_left, .. } = *self.settings;
        json!({
            "creditsUsed": calls_per_day.saturating_sub(calls_left),
            "creditsAvailable": calls_left,
            "creditLimit": calls_per_day,
            "limitInterval": "daily",
            "intervalExpiryTimespan": "08:42:34",
        })
    }
}

/// Data in its envelope.
fn ok(result: Value) -> Value {
    json!({"status":"1","message":"OK","result":result})
}

fn read_account(text: &str) -> Option<Address> {
    hex::fixed(text).map(Address::new).ok()
}
