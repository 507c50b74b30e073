//! Readings of several answers: every page of a list, and the contracts of its tokens. Whole, or nothing.

use super::client::{CircleClient, Heard, PAGE, Trouble};
use super::tell;
use crate::reactor::payments::ask::{Outcome, Why};
use crate::types::{Address, Name, Timestamp, U256};
use crate::wire::circle::{self, Direction, Next, TokenBalance};
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

/// Pages of one list: a hundred thousand transactions. More is a cursor that leads in a circle.
const MOST_PAGES: usize = 2_000;
/// Tokens whose contracts are kept: a wallet has few.
const MOST_TOKENS: usize = 256;
/// Decimals of the coin of every chain that is like Ethereum.
const COIN_DECIMALS: u8 = 18;
/// Between two reads. Circle allows twenty a second; others use the same account.
const READ_SPACING: Duration = Duration::from_millis(100);

/// A smallest time between two starts.
#[derive(Debug)]
pub(super) struct Pace {
    spacing: Duration,
    next: Mutex<Instant>,
}

impl Pace {
    pub(super) fn new(spacing: Duration) -> Self {
        Self { spacing, next: Mutex::new(Instant::now()) }
    }

    /// Waits for its turn.
    pub(super) async fn turn(&self) {
        let start = {
            let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
            let start = (*next).max(Instant::now());
            *next = start + self.spacing;
            start
        };
        sleep_until(start).await;
    }
}

/// Reads Circle at its pace, and knows the contracts of tokens.
#[derive(Debug)]
pub(super) struct Reader {
    client: CircleClient,
    pace: Pace,
    /// A token without a contract is a coin, or one that Circle does not know.
    tokens: Mutex<BTreeMap<Name, Option<Address>>>,
}

/// An outcome, and what the last answer told beside.
pub(super) type Told = Heard<Outcome>;

fn told(outcome: Outcome) -> Told {
    Heard { told: Ok(outcome), date: None, request_id: None }
}

/// The outcome of whatever was heard.
pub(super) fn settled(heard: Heard<Outcome>) -> (Outcome, Option<Timestamp>, Option<Name>) {
    (heard.told.unwrap_or_else(tell::trouble), heard.date, heard.request_id)
}

impl Reader {
    pub(super) fn new(client: CircleClient) -> Self {
        Self { client, pace: Pace::new(READ_SPACING), tokens: Mutex::default() }
    }

    pub(super) const fn client(&self) -> &CircleClient {
        &self.client
    }

    pub(super) const fn pace(&self) -> &Pace {
        &self.pace
    }

    /// One transaction, with the contract of its token.
    pub(super) async fn transaction(&self, id: &Name) -> Told {
        self.pace.turn().await;
        let heard = self.client.transaction(id).await;
        let Ok(row) = &heard.told else { return heard.map(|_| Outcome::Ambiguous(Why::Incomplete)) };
        let outcome = match self.contract(row.token.as_ref()).await {
            // Whoever asked for one id and got another knows nothing.
            Some(token) if row.id == *id => tell::transaction(row, token)
                .map_or(Outcome::Ambiguous(Why::Unreadable(200)), |row| Outcome::Read(Box::new(row))),
            Some(_) => Outcome::Ambiguous(Why::Unreadable(200)),
            None => Outcome::Ambiguous(Why::Incomplete),
        };
        heard.map(|_| outcome)
    }

    /// Every outbound transaction of a wallet since `from`. Whatever is missing or cannot be read makes all of it incomplete.
    pub(super) async fn scan(&self, wallet: &Name, from: Timestamp) -> Told {
        let mut rows: BTreeMap<Name, circle::Transaction> = BTreeMap::new();
        let mut after: Option<Name> = None;
        for _ in 0..MOST_PAGES {
            self.pace.turn().await;
            let heard = self.client.transactions(wallet, from, after.as_ref()).await;
            let Ok((page, next)) = &heard.told else { return heard.map(|_| Outcome::Ambiguous(Why::Incomplete)) };
            if !page.is_whole() {
                return heard.map(|_| Outcome::Ambiguous(Why::Incomplete));
            }
            let known = rows.len();
            rows.extend(page.rows.iter().map(|row| (row.id.clone(), row.clone())));
            let behind = follow(next, page.length, page.last.as_ref());
            match behind {
                Ok(None) => return self.found(rows, heard.map(|_| ())).await,
                // A page that brings nothing new, or the same cursor again, would go on for ever.
                Ok(Some(behind)) if after.as_ref() != Some(&behind) && rows.len() > known => after = Some(behind),
                Ok(Some(_)) | Err(()) => return heard.map(|_| Outcome::Ambiguous(Why::Incomplete)),
            }
        }
        told(Outcome::Ambiguous(Why::Incomplete))
    }

    async fn found(&self, rows: BTreeMap<Name, circle::Transaction>, last: Heard<()>) -> Told {
        let mut found = Vec::with_capacity(rows.len());
        for row in rows.values().filter(|row| row.direction != Direction::Inbound) {
            let token = self.contract(row.token.as_ref()).await;
            match token.and_then(|token| tell::transaction(row, token)) {
                Some(row) => found.push(row),
                None => return last.map(|()| Outcome::Ambiguous(Why::Incomplete)),
            }
        }
        last.map(|()| Outcome::Found(found))
    }

    /// What a wallet holds, every page. `Err` is an outcome that is none.
    pub(super) async fn balances(&self, wallet: &Name) -> Heard<Result<Vec<TokenBalance>, Why>> {
        let mut rows: Vec<TokenBalance> = Vec::new();
        let mut after: Option<Name> = None;
        for _ in 0..MOST_PAGES {
            self.pace.turn().await;
            let heard = self.client.balances(wallet, after.as_ref()).await;
            let Ok((page, next)) = &heard.told else { return heard.map(|_| Err(Why::Incomplete)) };
            self.learn(page);
            let behind = follow(next, page.len(), page.last().map(|row| &row.token.id));
            rows.extend(page.iter().cloned());
            match behind {
                Ok(None) => return heard.map(|_| Ok(rows)),
                Ok(Some(behind)) if after.as_ref() != Some(&behind) && !page.is_empty() => after = Some(behind),
                Ok(Some(_)) | Err(()) => return heard.map(|_| Err(Why::Incomplete)),
            }
        }
        Heard { told: Ok(Err(Why::Incomplete)), date: None, request_id: None }
    }

    /// Raw USDC of this contract, and wei of the coin.
    pub(super) async fn funds(&self, wallet: &Name, token: Address) -> Told {
        self.balances(wallet).await.map(|rows| match rows {
            Ok(rows) => match (of_contract(&rows, token), coin(&rows)) {
                (Some(usdc), Some(coin)) => Outcome::Funds { usdc, coin },
                _ => Outcome::Ambiguous(Why::Unreadable(200)),
            },
            Err(why) => Outcome::Ambiguous(why),
        })
    }

    fn learn(&self, rows: &[TokenBalance]) {
        for row in rows {
            self.keep(row.token.id.clone(), row.token.contract);
        }
    }

    fn keep(&self, id: Name, contract: Option<Address>) {
        let mut tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        if tokens.len() >= MOST_TOKENS {
            tokens.clear();
        }
        tokens.insert(id, contract);
    }

    /// The contract of a token: `Some(None)` where it has none or Circle knows none; `None` where nothing could be read.
    async fn contract(&self, token: Option<&Name>) -> Option<Option<Address>> {
        let Some(token) = token else { return Some(None) };
        let known = self.tokens.lock().unwrap_or_else(PoisonError::into_inner).get(token).copied();
        if let Some(known) = known {
            return Some(known);
        }
        self.pace.turn().await;
        match self.client.token(token).await.told {
            Ok(facts) if facts.id == *token => {
                self.keep(token.clone(), facts.contract);
                Some(facts.contract)
            }
            Err(Trouble::Said { status: 404, error: _ }) => Some(None),
            Ok(_) | Err(_) => None,
        }
    }
}

/// Where a list goes on: behind which id, nowhere, or nobody knows.
fn follow(next: &Next, length: usize, last: Option<&Name>) -> Result<Option<Name>, ()> {
    match next {
        Next::Last => Ok(None),
        Next::After(id) => Ok(Some(id.clone())),
        Next::Astray => Err(()),
        // Without a word about it, a full page may have another behind it.
        Next::Silent if length < PAGE => Ok(None),
        Next::Silent => last.cloned().map(Some).ok_or(()),
    }
}

/// What there is of a contract; a token that is not in the list is not held. `None` where that cannot be read.
fn of_contract(rows: &[TokenBalance], token: Address) -> Option<U256> {
    let mut held = None;
    for row in rows.iter().filter(|row| row.token.contract == Some(token)) {
        let raw = row.amount.raw(row.token.decimals.unwrap_or(circle::USDC_DECIMALS)).ok()?;
        // One contract twice: nobody can say which.
        if held.replace(raw).is_some() {
            return None;
        }
    }
    Some(held.unwrap_or(U256::ZERO))
}

fn coin(rows: &[TokenBalance]) -> Option<U256> {
    let coin = rows.iter().find(|row| row.token.native);
    coin.map_or(Some(U256::ZERO), |row| row.amount.raw(row.token.decimals.unwrap_or(COIN_DECIMALS)).ok())
}
