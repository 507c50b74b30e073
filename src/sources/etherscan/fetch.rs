//! One request to the explorer, and its answer as a value.
//!
//! The key joins the url here, at the last moment, and nowhere else; no error, log or event holds a url. One attempt: what a
//! failure means and when to try again is `judge`'s and the poll loop's.

use super::limits;
use super::pager::{Entry, Page};
use crate::net::{HttpClient, HttpFault, Request, Response, Target, http::Reach};
use crate::reactor::event::{List, Reported};
use crate::telemetry::names::CallOutcome;
use crate::types::{Address, Asset, B256, ChainId, Movement, Name, Secret, Timestamp, U256};
use crate::wire::erc20::{APPROVAL, APPROVAL_FOR_ALL, Reading, read_log};
use crate::wire::etherscan::{self as wire, Body, Dialect, ExplorerRow, GasOracle, LogRow, Query, Refusal, Sent};
use crate::wire::jsonrpc;
use bytes::Bytes;
use std::future::Future;
use std::time::Duration;

/// Above the explorer's own 30 s, after which it says that the range is too large (facts/etherscan.md §3).
pub const DEADLINE: Duration = Duration::from_secs(35);
/// A full page of the longest rows recorded is below 2 MiB; beyond this something is wrong.
pub const BODY_CAP: usize = 16 * 1024 * 1024;

/// The name of Etherscan's own account as a source.
pub const ETHERSCAN: &str = "etherscan";
/// No error is longer than this.
const LARGEST_ERROR: usize = 16 * 1024;

/// Where answers come from: the explorer, or a script in a test.
pub trait Fetch: Sync {
    /// Sends a query (`chainid=1&module=…`, without the key) and gives the response, once.
    fn fetch(&self, query: String) -> impl Future<Output = Result<Response, HttpFault>> + Send;

    /// Which kind of explorer it is.
    fn dialect(&self) -> Dialect {
        Dialect::Etherscan
    }
}

/// The explorer over HTTP.
#[derive(Debug, Clone)]
pub struct Explorer {
    client: HttpClient,
    target: Target,
    /// Where its JSON-RPC is, of kinds that have one.
    rpc: Target,
    key: Option<Secret>,
    dialect: Dialect,
}

impl Explorer {
    /// Etherscan, at this base url without a query.
    ///
    /// # Errors
    /// [`HttpFault::Url`] when it is none.
    pub fn new(client: HttpClient, url: &Secret, key: Secret) -> Result<Self, HttpFault> {
        Self::of(Dialect::Etherscan, client, url, Some(key))
    }

    /// Of this kind, at this base url without a query; some need no key.
    ///
    /// # Errors
    /// [`HttpFault::Url`] when it is none.
    pub fn of(dialect: Dialect, client: HttpClient, url: &Secret, key: Option<Secret>) -> Result<Self, HttpFault> {
        let target = Target::parse(url)?;
        let rpc = Target::parse(&Secret::new(rpc_url(url.expose())))?;
        Ok(Self { client, target, rpc, key, dialect })
    }
}

/// Where Blockscout's JSON-RPC is: `/eth-rpc` behind the path of an instance's API, `/json-rpc` in its place at the common host.
fn rpc_url(url: &str) -> String {
    let base = url.trim_end_matches('/');
    match base.strip_suffix("/api").filter(|rest| rest.contains("://api.blockscout.com/")) {
        Some(rest) => format!("{rest}/json-rpc"),
        None => format!("{base}/eth-rpc"),
    }
}

impl Fetch for Explorer {
    async fn fetch(&self, query: String) -> Result<Response, HttpFault> {
        let sent = self.dialect.sent(&query);
        let key: Vec<(&str, &str)> = self.key.iter().map(|key| ("apikey", key.expose())).collect();
        let request = match &sent {
            Sent::Query(pairs) => {
                let pairs = pairs.iter().map(|(name, value)| (name.as_str(), value.as_str()));
                Request::get(self.target.with_query(&pairs.chain(key).collect::<Vec<_>>()))
            }
            Sent::Rpc(body) if key.is_empty() => Request::post_json(self.rpc.clone(), body.clone().into()),
            Sent::Rpc(body) => Request::post_json(self.rpc.with_query(&key), body.clone().into()),
        };
        // The operator wrote this host: it may be inside, and plain http (FACES §2).
        let request = request.within(DEADLINE).capped(BODY_CAP).reaching(Reach::Anywhere);
        let mut response = self.client.send(request).await?;
        if let Some(key) = self.key.as_ref().filter(|_| response.body.len() <= LARGEST_ERROR) {
            response.body = without(&response.body, key.expose());
        }
        Ok(response)
    }

    fn dialect(&self) -> Dialect {
        self.dialect
    }
}

/// The body with the key blotted out: servers like to quote what they refuse, and errors are shown.
fn without(body: &Bytes, key: &str) -> Bytes {
    let text = String::from_utf8_lossy(body);
    if key.is_empty() || !text.contains(key) {
        return body.clone();
    }
    Bytes::from(text.replace(key, "***"))
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// No response.
    #[error(transparent)]
    Http(#[from] HttpFault),
    /// A response that is no answer.
    #[error(transparent)]
    Refused(#[from] Refusal),
}

impl Failure {
    /// What is wrong with the source of this name, and what to do where a person can do something.
    #[must_use]
    pub fn reason(&self, source: &str) -> Name {
        let is_etherscan = source == ETHERSCAN;
        let advice = match self {
            Self::Http(_) => "",
            Self::Refused(refusal) => match refusal {
                Refusal::BadKey if is_etherscan => {
                    ": check [etherscan] api_key (a new key works after some minutes; keys of Basescan and the like do not work)"
                }
                Refusal::BadKey => ": check the api_key of this [[explorer]]",
                Refusal::ChainNotInPlan if is_etherscan => {
                    ": the chain is not covered; give it an RPC endpoint or an [[explorer]] and write `etherscan = false` there, \
                     or take a larger plan"
                }
                Refusal::ChainUnknown if is_etherscan => {
                    ": the chain is not covered; give it an RPC endpoint or an [[explorer]] and write `etherscan = false` there"
                }
                Refusal::ChainNotInPlan | Refusal::ChainUnknown => {
                    ": this [[explorer]] does not cover the chain; give it another one, or an RPC endpoint"
                }
                Refusal::EndpointNotInPlan => ": take a larger plan",
                Refusal::BadEndpoint { .. } if is_etherscan => {
                    ": set [etherscan] url to https://api.etherscan.io/v2/api"
                }
                Refusal::BadEndpoint { .. } => ": check the url of this [[explorer]]",
                Refusal::PerSecond
                | Refusal::PerDay { .. }
                | Refusal::ChainDay { .. }
                | Refusal::Shed
                | Refusal::KeyThrottled
                | Refusal::BadRequest { .. }
                | Refusal::TooLarge
                | Refusal::Window
                | Refusal::Busy
                | Refusal::NotYet { .. }
                | Refusal::WebPage { .. }
                | Refusal::Cut
                | Refusal::Shape { .. }
                | Refusal::Node(_)
                | Refusal::Blank
                | Refusal::Unknown { .. } => "",
            },
        };
        format!("{self}{advice}").into()
    }

    /// What the call came to, for the metrics.
    #[must_use]
    pub const fn outcome(&self) -> CallOutcome {
        match self {
            Self::Http(_) => CallOutcome::Failed,
            Self::Refused(refusal) => match refusal {
                Refusal::PerSecond
                | Refusal::PerDay { .. }
                | Refusal::ChainDay { .. }
                | Refusal::Shed
                | Refusal::KeyThrottled => CallOutcome::Limited,
                Refusal::ChainNotInPlan
                | Refusal::EndpointNotInPlan
                | Refusal::ChainUnknown
                | Refusal::BadKey
                | Refusal::BadRequest { .. }
                | Refusal::BadEndpoint { .. } => CallOutcome::Refused,
                Refusal::TooLarge
                | Refusal::Window
                | Refusal::Busy
                | Refusal::NotYet { .. }
                | Refusal::WebPage { .. }
                | Refusal::Cut
                | Refusal::Shape { .. }
                | Refusal::Node(_)
                | Refusal::Blank
                | Refusal::Unknown { .. } => CallOutcome::Failed,
            },
        }
    }
}

/// The height of the explorer's node: one cheap call that shows whether the key is good for this chain.
///
/// # Errors
/// [`Failure`] when there is no answer, or one that is none.
pub async fn head_of(explorer: &impl Fetch, chain: ChainId) -> Result<u64, Failure> {
    Ok(read_head(&explorer.fetch(head_query(chain)).await?)?)
}

/// The time of a block, by the explorer's node.
///
/// # Errors
/// [`Failure`] when there is no answer, or one that is none.
pub async fn time_of(explorer: &impl Fetch, chain: ChainId, block: u64) -> Result<Timestamp, Failure> {
    Ok(read_time(&explorer.fetch(Query::Block(block).text(Some(chain))).await?)?)
}

/// A page of a list, and how many of its rows could not be read.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct RowsAnswer {
    pub(super) page: Page<Reported>,
    pub(super) unread: usize,
    /// The explorer has not read all of these blocks yet: the rows are true, and others may be missing between them.
    pub(super) partial: bool,
    /// Why the first of them could not.
    pub(super) why: Option<Name>,
}

/// How the explorer is asked for a list.
enum Asked {
    /// One of its lists of movements.
    Rows(wire::List),
    /// Logs with this first topic, and the address as the second.
    Logs(B256),
}

const fn asked(list: List) -> Asked {
    match list {
        List::Transactions => Asked::Rows(wire::List::Coin),
        List::Internal => Asked::Rows(wire::List::Internal),
        List::Tokens => Asked::Rows(wire::List::Token),
        List::Nfts => Asked::Rows(wire::List::Erc721),
        List::MultiTokens => Asked::Rows(wire::List::Erc1155),
        List::Approvals => Asked::Logs(APPROVAL),
        List::ApprovalsForAll => Asked::Logs(APPROVAL_FOR_ALL),
    }
}

/// A page of a list.
pub(super) fn rows_query(chain: ChainId, address: Address, list: List, ask: super::pager::Ask) -> String {
    let (start, end, page, offset) = (ask.start_block, ask.end_block, ask.page, ask.rows);
    let query = match asked(list) {
        Asked::Rows(list) => Query::Rows { list, address, start, end, page, offset },
        Asked::Logs(topic) => {
            let topics = [Some(topic), Some(address.into_word()), None, None];
            Query::Logs { contract: None, topics, start, end, page, offset }
        }
    };
    query.text(Some(chain))
}

/// Coin balances.
pub(super) fn balances_query(chain: ChainId, addresses: Vec<Address>) -> String {
    Query::Balances { addresses, block: None }.text(Some(chain))
}

/// One balance.
pub(super) fn balance_query(chain: ChainId, address: Address, asset: Asset) -> String {
    let query = match asset {
        Asset::Coin => Query::Balance { address, block: None },
        Asset::Token(contract) => Query::TokenBalance { contract, address },
    };
    query.text(Some(chain))
}

/// What gas costs.
pub(super) fn gas_query(chain: ChainId) -> String {
    Query::GasOracle.text(Some(chain))
}

/// `eth_blockNumber`.
pub(super) fn head_query(chain: ChainId) -> String {
    Query::BlockNumber.text(Some(chain))
}

/// `eth_getTransactionReceipt`.
pub(super) fn receipt_query(chain: ChainId, tx: B256) -> String {
    Query::Receipt(tx).text(Some(chain))
}

/// Reads a page of a list.
pub(super) fn read_rows(list: List, response: &Response) -> Result<RowsAnswer, Refusal> {
    let text = String::from_utf8_lossy(&response.body);
    let (result, partial) = match opened(response, &text)? {
        Body::Empty => return Ok(RowsAnswer { page: empty(), unread: 0, partial: false, why: None }),
        Body::Result { result, partial } => (result, partial),
        Body::Node(_) => return Err(Refusal::Shape { reason: other("a node's answer instead of a list") }),
    };
    let (aside, page) = match asked(list) {
        Asked::Rows(list) => {
            let page = wire::rows(list, result, None)?;
            let entries = page.rows.into_iter().map(entry).collect();
            (page.aside, Page { entries, count: page.length, head: page.index_head })
        }
        Asked::Logs(topic) => {
            let page = wire::logs(result)?;
            let entries = page.rows.iter().map(|row| log_entry(row, topic)).collect();
            (page.aside, Page { entries, count: page.length, head: None })
        }
    };
    let why = aside.first().map(|aside| Name::from(aside.reason.as_str()));
    Ok(RowsAnswer { unread: aside.len(), partial, why, page })
}

/// A log as a row. What is no approval after all (a third topic that is no address) takes its place, and says nothing.
fn log_entry(row: &LogRow, topic: B256) -> Entry<Reported> {
    let mut found = Vec::new();
    if row.topics.first() == Some(&topic) {
        read_log(&row.log(), &Reading::default(), &mut found);
    }
    let (block, block_hash, time) = (row.block_number, row.block_hash, row.time);
    let reported = found.pop().map(|movement| Reported { block, block_hash, time, movement, token: None });
    Entry { block, hash: block_hash, row: reported }
}

/// What an answer holds, its headers read too where it is a refusal.
fn opened<'a>(response: &Response, text: &'a str) -> Result<Body<'a>, Refusal> {
    wire::open(response.status, text).map_err(|refusal| limits::refined(refusal, response))
}

/// Reads coin balances; one that cannot be read shows nothing.
pub(super) fn read_balances(response: &Response) -> Result<Vec<(Address, U256)>, Refusal> {
    let text = String::from_utf8_lossy(&response.body);
    match opened(response, &text)? {
        Body::Result { result, partial: _ } => Ok(wire::balances(result)?.held),
        Body::Empty => Err(Refusal::Blank),
        Body::Node(_) => Err(Refusal::Shape { reason: other("a node's answer instead of balances") }),
    }
}

/// Reads one balance.
pub(super) fn read_balance(response: &Response) -> Result<U256, Refusal> {
    let text = String::from_utf8_lossy(&response.body);
    match opened(response, &text)? {
        Body::Result { result, partial: _ } => wire::balance(result),
        Body::Empty => Err(Refusal::Blank),
        Body::Node(_) => Err(Refusal::Shape { reason: other("a node's answer instead of a balance") }),
    }
}

/// Reads what gas costs.
pub(super) fn read_gas(response: &Response) -> Result<GasOracle, Refusal> {
    let text = String::from_utf8_lossy(&response.body);
    match opened(response, &text)? {
        Body::Result { result, partial: _ } => wire::gas_oracle(result),
        Body::Empty => Err(Refusal::Blank),
        Body::Node(_) => Err(Refusal::Shape { reason: other("a node's answer instead of fees") }),
    }
}

/// Reads `eth_blockNumber`.
pub(super) fn read_head(response: &Response) -> Result<u64, Refusal> {
    let text = String::from_utf8_lossy(&response.body);
    let Body::Node(result) = opened(response, &text)? else { return Err(no_node()) };
    jsonrpc::parse_number(result).map_err(|fault| Refusal::Shape { reason: other(&fault.to_string()) })
}

/// Reads the time of a block.
fn read_time(response: &Response) -> Result<Timestamp, Refusal> {
    let text = String::from_utf8_lossy(&response.body);
    let Body::Node(result) = opened(response, &text)? else { return Err(no_node()) };
    let header = jsonrpc::parse_header(result);
    header.map(|header| header.time).map_err(|fault| Refusal::Shape { reason: other(&fault.to_string()) })
}

/// What a receipt says: its block's number and hash and whether the transaction succeeded, and what its logs moved.
pub(super) type ReceiptRead = ((u64, B256, bool), Vec<Movement>);

/// Reads a receipt; `None` where there is none.
pub(super) fn read_receipt(tx: B256, response: &Response) -> Result<Option<ReceiptRead>, Refusal> {
    let text = String::from_utf8_lossy(&response.body);
    let Body::Node(result) = opened(response, &text)? else { return Err(no_node()) };
    let shape = |reason: &str| Refusal::Shape { reason: other(reason) };
    let Some(receipt) = jsonrpc::parse_receipt(result).map_err(|fault| shape(&fault.to_string()))? else {
        return Ok(None);
    };
    if receipt.tx != tx {
        return Err(shape("the receipt of another transaction"));
    }
    let number = receipt.number.ok_or_else(|| shape("a receipt without a block number"))?;
    // Before Byzantium receipts do not say; what failed then never had a row that moved something.
    Ok(Some(((number, receipt.block, receipt.succeeded.unwrap_or(true)), jsonrpc::moved_by(&receipt))))
}

fn entry(row: ExplorerRow) -> Entry<Reported> {
    let ExplorerRow { block_number: block, block_hash, time, tx: _, failed, movement, token } = row;
    let token = token.map(|token| (token.decimals, token.symbol.map(|symbol| Name::from(symbol.as_str()))));
    let movement = movement.filter(|_| !failed);
    let reported = movement.map(|movement| Reported { block, block_hash, time, movement, token });
    Entry { block, hash: block_hash, row: reported }
}

const fn empty() -> Page<Reported> {
    Page { entries: Vec::new(), count: 0, head: None }
}

fn no_node() -> Refusal {
    Refusal::Shape { reason: other("a list instead of a node's answer") }
}

fn other(text: &str) -> crate::types::Untrusted {
    crate::types::Untrusted::new(text)
}

#[cfg(test)]
#[path = "fetch_tests.rs"]
mod tests;
