//! An explorer in Etherscan's v2 way over a simulated chain: lists by address from an index that may lag, the proxy
//! to a node that does not, one key, and limits that are said in the real words over HTTP 200.

mod rows;

use super::chain::Chain;
use super::http::{self, Connection, Request};
use super::live::LiveChain;
use super::render;
use crate::types::{Address, B256, ChainId, Kind, U256};
use crate::wire::hex;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// `page` × `offset` may not be more.
const WINDOW: u64 = 10_000;
/// Rows of an answer where nothing is said, and at most: what a free key gets.
const MOST_ROWS: u64 = 1_000;
/// Addresses of one `balancemulti`.
const MOST_ADDRESSES: usize = 20;

/// What the explorer allows and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExplorerSettings {
    /// The only key it knows.
    pub key: String,
    /// Calls that may begin in any second.
    pub calls_per_second: usize,
    /// Calls until the day's limit is reached.
    pub calls_left: u64,
    /// The index is so many blocks behind the chain.
    pub index_lag: u64,
    /// So many more lists are answered as empty, whatever is in them.
    pub empty_lists: u32,
    /// So many more calls are answered with the word that the server is busy.
    pub busy: u32,
    /// So many more calls get a web page instead of JSON.
    pub web_pages: u32,
    /// So many more answers are cut off in the middle.
    pub cut: u32,
    /// Nothing is answered; calls hang.
    pub hangs: bool,
    /// Chains that the key's plan does not hold.
    pub not_in_plan: BTreeSet<ChainId>,
}

impl Default for ExplorerSettings {
    /// A free key's limits and no fault. The key is public: it opens nothing but this.
    fn default() -> Self {
        Self {
            key: "SIMULATED".into(),
            calls_per_second: 3,
            calls_left: 100_000,
            index_lag: 0,
            empty_lists: 0,
            busy: 0,
            web_pages: 0,
            cut: 0,
            hangs: false,
            not_in_plan: BTreeSet::new(),
        }
    }
}

/// An explorer.
#[derive(Debug)]
pub struct Explorer {
    chain: Arc<LiveChain>,
    /// Further chains that it shows, under the same key and limits.
    others: Vec<Arc<LiveChain>>,
    settings: Mutex<ExplorerSettings>,
    /// When each call began.
    calls: Mutex<Vec<Instant>>,
}

/// Why there is no data: the text stands in `result` or, with nothing in `result`, in `message`.
enum Refused {
    InResult(&'static str),
    Text(String),
    InMessage(&'static str),
    Empty,
    NoRecords,
}

impl Refused {
    fn body(&self) -> Value {
        let not_ok = |text: &str| json!({"status":"0","message":"NOTOK","result":text});
        match self {
            Self::InResult(text) => not_ok(text),
            Self::Text(text) => not_ok(text),
            Self::InMessage(text) => json!({"status":"0","message":text,"result":null}),
            Self::Empty => json!({"status":"0","message":"No transactions found","result":[]}),
            Self::NoRecords => json!({"status":"0","message":"No records found","result":[]}),
        }
    }
}

/// What one call is answered with.
enum Reply {
    Json(String),
    Page,
    Cut(String),
    Never,
}

/// Takes one of what is left.
const fn take(left: &mut u32) -> bool {
    let any = *left > 0;
    *left = left.saturating_sub(1);
    any
}

impl Explorer {
    /// Of this chain.
    #[must_use]
    pub fn new(chain: Arc<LiveChain>, settings: ExplorerSettings) -> Self {
        Self { chain, others: Vec::new(), settings: Mutex::new(settings), calls: Mutex::default() }
    }

    /// It shows this chain too.
    #[must_use]
    pub fn and(mut self, chain: Arc<LiveChain>) -> Self {
        self.others.push(chain);
        self
    }

    /// The chain of this id, of those that it shows.
    fn chain_of(&self, id: ChainId) -> Option<&LiveChain> {
        let mut all = std::iter::once(&self.chain).chain(&self.others);
        all.find(|chain| chain.read(Chain::id) == id).map(AsRef::as_ref)
    }

    /// The chain that it shows.
    #[must_use]
    pub const fn chain(&self) -> &Arc<LiveChain> {
        &self.chain
    }

    /// Changes limits and faults.
    pub fn set(&self, change: impl FnOnce(&mut ExplorerSettings)) {
        change(&mut self.settings.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// How many calls there were, refused ones too.
    #[must_use]
    pub fn calls(&self) -> usize {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// The most calls that began within any one second.
    #[must_use]
    pub fn most_in_a_second(&self) -> usize {
        let calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        let within = |first: &Instant| {
            let end = *first + Duration::from_secs(1);
            calls.iter().filter(|call| **call >= *first && **call < end).count()
        };
        calls.iter().map(within).max().unwrap_or(0)
    }

    /// Serves until cancelled.
    pub async fn serve(self: Arc<Self>, listener: TcpListener, cancel: CancellationToken) {
        http::serve(listener, cancel, |connection| {
            let explorer = self.clone();
            async move {
                // A peer that is gone, or that speaks no HTTP, is left alone.
                let _gone = explorer.talk(connection).await;
            }
        })
        .await;
    }

    async fn talk(&self, mut connection: Connection) -> std::io::Result<()> {
        while let Some(request) = connection.request().await? {
            match self.reply(&request, Instant::now()) {
                Reply::Json(body) => connection.answer_json(&body).await?,
                Reply::Page => {
                    let page = "<!DOCTYPE html><html><title>Just a moment...</title></html>";
                    connection.answer(503, &[("content-type", "text/html".into())], page).await?;
                }
                Reply::Cut(body) => {
                    let half = body.get(..body.len() / 2).unwrap_or_default();
                    connection.answer_json(half).await?;
                }
                Reply::Never => return std::future::pending().await,
            }
        }
        Ok(())
    }

    /// The answer to a call that begins now.
    fn reply(&self, request: &Request, now: Instant) -> Reply {
        let mut settings = self.settings.lock().unwrap_or_else(PoisonError::into_inner);
        let recent = {
            let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
            calls.push(now);
            calls.iter().rev().take_while(|call| now.duration_since(**call) < Duration::from_secs(1)).count()
        };
        if settings.hangs {
            return Reply::Never;
        }
        if take(&mut settings.web_pages) {
            return Reply::Page;
        }
        let body = match self.guard(&mut settings, request, recent) {
            Ok(chain) => {
                let call = Call { chain, settings: &mut settings, request };
                call.answer().unwrap_or_else(|refused| refused.body())
            }
            Err(refused) => refused.body(),
        };
        if take(&mut settings.cut) { Reply::Cut(body.to_string()) } else { Reply::Json(body.to_string()) }
    }

    /// What is refused whatever is asked, in Etherscan's order: chain, key, limits. Gives the chain that is asked for.
    fn guard(&self, settings: &mut ExplorerSettings, request: &Request, recent: usize) -> Result<&LiveChain, Refused> {
        let asked = request.query.get("chainid").and_then(|text| text.parse().ok()).map(ChainId);
        let chain = asked.and_then(|id| self.chain_of(id)).ok_or(Refused::InResult(
            "Missing or unsupported chainid parameter (required for v2 api), please see chainlist for the list of supported chainids",
        ))?;
        match request.query.get("apikey") {
            Some(key) if *key == settings.key => {}
            Some(_) => return Err(Refused::InResult("Invalid API Key (#err2)")),
            None => return Err(Refused::InResult("Missing/Invalid API Key")),
        }
        if asked.is_some_and(|id| settings.not_in_plan.contains(&id)) {
            return Err(Refused::InResult(
                "Free API access is not supported for this chain. Please upgrade your api plan for full chain coverage. https://etherscan.io/apis",
            ));
        }
        if recent > settings.calls_per_second {
            let limit = settings.calls_per_second;
            return Err(Refused::Text(format!("Max calls per sec rate limit reached ({limit}/sec)")));
        }
        match settings.calls_left.checked_sub(1) {
            Some(left) => settings.calls_left = left,
            None => {
                return Err(Refused::InResult("Max daily rate limit reached. 100000 (100%) of 100000 day/limit"));
            }
        }
        if take(&mut settings.busy) {
            return Err(Refused::InResult(
                "Unexpected err, timeout occurred or server too busy. Please try again later",
            ));
        }
        Ok(chain)
    }
}

/// One call behind the guard.
struct Call<'a> {
    chain: &'a LiveChain,
    settings: &'a mut ExplorerSettings,
    request: &'a Request,
}

impl Call<'_> {
    fn text(&self, name: &str) -> Option<&str> {
        self.request.query.get(name).map(String::as_str)
    }

    fn number(&self, name: &str, otherwise: u64) -> u64 {
        self.text(name).and_then(|text| text.parse().ok()).unwrap_or(otherwise)
    }

    fn account(&self, name: &str) -> Result<Address, Refused> {
        self.text(name).and_then(read_account).ok_or(Refused::InResult("Error! Invalid address format"))
    }

    fn hash(&self) -> Result<B256, Refused> {
        let text = self.text("txhash").unwrap_or_default();
        hex::fixed(text).map(B256::new).map_err(|_| Refused::InResult("Error! Invalid transaction hash"))
    }

    fn answer(self) -> Result<Value, Refused> {
        match (self.text("module"), self.text("action")) {
            (
                Some("account"),
                Some(list @ ("txlist" | "txlistinternal" | "tokentx" | "tokennfttx" | "token1155tx")),
            ) => {
                let list = list.to_owned();
                self.list(&list)
            }
            (Some("account"), Some("balance" | "balancemulti" | "tokenbalance")) => self.balance(),
            (Some("account"), _) => Err(Refused::InResult("Error! Missing Or invalid Action name")),
            (Some("logs"), Some("getLogs")) => self.logs(),
            (Some("gastracker"), Some("gasoracle")) => Ok(self.gas()),
            (Some("proxy"), Some(action)) => self.proxy(action),
            _ => Err(Refused::InResult("Error! Missing Or invalid Module name")),
        }
    }

    fn list(self, list: &str) -> Result<Value, Refused> {
        let (page, offset) = (self.number("page", 1).max(1), self.number("offset", MOST_ROWS).max(1));
        if page.saturating_mul(offset) > WINDOW {
            return Err(Refused::InMessage(
                "Result window is too large, PageNo x Offset size must be less than or equal to 10000",
            ));
        }
        if take(&mut self.settings.empty_lists) {
            return Err(Refused::Empty);
        }
        let by_tx = self.text("txhash").map(|_| self.hash()).transpose()?;
        let whose = if by_tx.is_some() { Address::ZERO } else { self.account("address")? };
        let contract = self.text("contractaddress").map(|_| self.account("contractaddress")).transpose()?;
        let (start, end) = (self.number("startblock", 0), self.number("endblock", u64::MAX));
        let lag = self.settings.index_lag;
        let mut found = self.chain.read(|chain| {
            let head = chain.height().saturating_sub(lag);
            let index = rows::Index { chain, head };
            match (list, by_tx) {
                ("txlist", _) => index.coin(whose, start, end),
                ("txlistinternal", None) => index.internal(whose, start, end),
                ("txlistinternal", Some(tx)) => index.internal_of(tx),
                ("tokennfttx", _) => index.token(Kind::Erc721, whose, contract, start, end),
                ("token1155tx", _) => index.token(Kind::Erc1155, whose, contract, start, end),
                _ => index.token(Kind::Token, whose, contract, start, end),
            }
        });
        if self.text("sort") == Some("desc") {
            found.reverse();
        }
        let size = offset.min(MOST_ROWS);
        let skip = page.saturating_sub(1).saturating_mul(offset);
        let usize_of = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        let rows: Vec<Value> = found.into_iter().skip(usize_of(skip)).take(usize_of(size)).collect();
        if rows.is_empty() { Err(Refused::Empty) } else { Ok(json!({"status":"1","message":"OK","result":rows})) }
    }

    /// Logs by their topics, all of which must fit; of no contract in particular.
    fn logs(self) -> Result<Value, Refused> {
        let (page, offset) = (self.number("page", 1).max(1), self.number("offset", MOST_ROWS).clamp(1, MOST_ROWS));
        if take(&mut self.settings.empty_lists) {
            return Err(Refused::NoRecords);
        }
        let wanted: Vec<(usize, B256)> = (0..4)
            .filter_map(|place| Some((place, hex::fixed(self.text(&format!("topic{place}"))?).map(B256::new).ok()?)))
            .collect();
        let (start, end) = (self.number("fromBlock", 0), self.number("toBlock", u64::MAX));
        let lag = self.settings.index_lag;
        let found = self.chain.read(|chain| {
            let index = rows::Index { chain, head: chain.height().saturating_sub(lag) };
            index.logs(&wanted, start, end)
        });
        let skip = usize::try_from(page.saturating_sub(1).saturating_mul(offset)).unwrap_or(usize::MAX);
        let rows: Vec<Value> =
            found.into_iter().skip(skip).take(usize::try_from(offset).unwrap_or(usize::MAX)).collect();
        if rows.is_empty() { Err(Refused::NoRecords) } else { Ok(json!({"status":"1","message":"OK","result":rows})) }
    }

    /// What gas costs behind the newest block.
    fn gas(&self) -> Value {
        let result = self.chain.read(|chain| render::oracle(chain.head()));
        json!({"status":"1","message":"OK","result":result})
    }

    fn balance(&self) -> Result<Value, Refused> {
        let addresses = self.text("address").unwrap_or_default().split(',').map(read_account);
        let addresses = addresses.collect::<Option<Vec<_>>>().filter(|all| all.len() <= MOST_ADDRESSES);
        let addresses = addresses.ok_or(Refused::InResult("Error! Invalid address format"))?;
        let contract = self.text("contractaddress").map(|_| self.account("contractaddress")).transpose()?;
        let multi = self.text("action") == Some("balancemulti");
        // Balances come from a node, not from the index: they are those of the newest block.
        self.chain.read(|chain| {
            let ledger = chain.ledger(chain.head().at.hash);
            let held = |of: Address| {
                let held = ledger.and_then(|ledger| match contract {
                    Some(contract) => ledger.tokens.get(&(contract, of)),
                    None => ledger.coin.get(&of),
                });
                held.copied().unwrap_or_default().to_string()
            };
            let result = if multi {
                let row = |of: &Address| json!({"account": render::account(*of), "balance": held(*of)});
                addresses.iter().map(row).collect()
            } else {
                json!(addresses.first().map_or_else(String::new, |of| held(*of)))
            };
            Ok(json!({"status":"1","message":"OK","result":result}))
        })
    }

    fn proxy(&self, action: &str) -> Result<Value, Refused> {
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
            _ => return Err(Refused::InResult("Error! Missing Or invalid Action name")),
        };
        Ok(json!({"jsonrpc":"2.0","id":83,"result":result}))
    }
}

fn read_account(text: &str) -> Option<Address> {
    hex::fixed(text).map(Address::new).ok()
}

#[cfg(test)]
mod tests;
