//! Circle's API as calls: each one attempt over a connection of its own, judged by `wire::circle`, with what every answer tells beside.

use super::place::CirclePlace;
use crate::net::http::{HeaderName, HttpFault, Sent};
use crate::net::{Request, Response, SingleFault, SingleUse, Target};
use crate::types::{Address, Name, Secret, Timestamp, U256, Untrusted, Uuid};
use crate::wire::circle::{
    self, Accepted, CANCEL_PATH, CREATE_PATH, CircleError, ESTIMATE_PATH, EntityKey, Estimate, FrozenFault, Next, Page,
    Refusal, TokenBalance, TokenFacts, Transaction, Unread, Wallet,
};
use bytes::Bytes;
use std::time::Duration;

/// For everything, from the name to the last byte of the answer (MONEY §4).
const DEADLINE: Duration = Duration::from_secs(30);
/// Circle's largest answer is a page of 50 transactions: some 60 kB.
const BODY_CAP: usize = 1024 * 1024;
/// Rows of a page, the most there are.
pub(super) const PAGE: usize = 50;
/// The header that names an attempt, ours and Circle's.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Why nothing was told.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// Circle's own error.
    #[error("HTTP {status}, Circle's code {}: {}", error.code, error.words)]
    Said {
        /// The status.
        status: u16,
        /// What Circle says.
        error: CircleError,
    },
    /// Neither a success nor an error as Circle writes them.
    #[error("HTTP {status}, and the answer is not one of Circle's")]
    Unreadable {
        /// The status.
        status: u16,
    },
    /// The connection stood, and the request could not leave in time: not one byte did.
    #[error("the request could not leave in time and was held back")]
    Withheld,
    /// There was no connection: not one byte left.
    #[error("{0}")]
    NoConnection(HttpFault),
    /// It may have been received.
    #[error("{0}")]
    Lost(HttpFault),
}

/// What came back, and what every answer tells beside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heard<T> {
    /// What was told.
    pub told: Result<T, Trouble>,
    /// Circle's `Date`.
    pub date: Option<Timestamp>,
    /// The `X-Request-Id` that Circle answered with, opaque, cleaned; where no answer came, the one that was sent.
    pub request_id: Option<Name>,
}

impl<T> Heard<T> {
    pub(super) fn map<U>(self, change: impl FnOnce(T) -> U) -> Heard<U> {
        Heard { told: self.told.map(change), date: self.date, request_id: self.request_id }
    }
}

/// Circle, as it is asked. Cheap to clone.
#[derive(Debug, Clone)]
pub struct CircleClient {
    out: SingleUse,
    place: CirclePlace,
    random: fn() -> [u8; 16],
}

impl CircleClient {
    /// Over single connections, at a place. `random` names the attempts; it need not be hard to guess.
    #[must_use]
    pub const fn new(out: SingleUse, place: CirclePlace, random: fn() -> [u8; 16]) -> Self {
        Self { out, place, random }
    }

    /// Asks for the transfer of these bytes, whole with their ciphertext, if it `may_leave` once there is a connection. The second value
    /// is whether it is new (201); a 200 says that the key was used before.
    pub async fn create(&self, body: Bytes, may_leave: impl FnOnce() -> bool) -> Heard<(Accepted, bool)> {
        let request = Request::post_json(self.at(CREATE_PATH), body);
        let (status, heard) = self.exchange(request, may_leave, circle::accepted).await;
        heard.map(|accepted| (accepted, status == Some(201)))
    }

    /// Asks for a cancellation.
    pub async fn cancel(&self, id: &Name, body: Bytes, may_leave: impl FnOnce() -> bool) -> Heard<Accepted> {
        let [before, behind] = CANCEL_PATH;
        let request = Request::post_json(self.at(before).join(&[id.as_str(), behind]), body);
        self.exchange(request, may_leave, circle::accepted).await.1
    }

    /// Reads one transaction.
    pub async fn transaction(&self, id: &Name) -> Heard<Transaction> {
        let target = self.at("v1/w3s/transactions").join(&[id.as_str()]).with_query(&[("txType", "OUTBOUND")]);
        self.read(target, circle::transaction).await
    }

    /// Reads one page of the wallet's outbound transactions, newest first, and what it says of the next one.
    pub async fn transactions(&self, wallet: &Name, from: Timestamp, after: Option<&Name>) -> Heard<(Page, Next)> {
        let (from, page) = (from.to_string(), PAGE.to_string());
        let mut query = vec![
            ("walletIds", wallet.as_str()),
            ("txType", "OUTBOUND"),
            ("includeAll", "true"),
            ("from", from.as_str()),
            ("pageSize", page.as_str()),
        ];
        query.extend(after.map(|after| ("pageAfter", after.as_str())));
        self.page(self.at("v1/w3s/transactions").with_query(&query), circle::transactions).await
    }

    /// Reads one page of what a wallet holds.
    pub async fn balances(&self, wallet: &Name, after: Option<&Name>) -> Heard<(Vec<TokenBalance>, Next)> {
        let page = PAGE.to_string();
        let mut query = vec![("includeAll", "true"), ("pageSize", page.as_str())];
        query.extend(after.map(|after| ("pageAfter", after.as_str())));
        let target = self.at("v1/w3s/wallets").join(&[wallet.as_str(), "balances"]).with_query(&query);
        self.page(target, circle::balances).await
    }

    /// Reads a wallet.
    pub async fn wallet(&self, wallet: &Name) -> Heard<Wallet> {
        self.read(self.at("v1/w3s/wallets").join(&[wallet.as_str()]), circle::wallet).await
    }

    /// Reads a token.
    pub async fn token(&self, id: &Name) -> Heard<TokenFacts> {
        self.read(self.at("v1/w3s/tokens").join(&[id.as_str()]), circle::token).await
    }

    /// Reads the entity public key.
    pub async fn entity_key(&self) -> Heard<EntityKey> {
        self.read(self.at("v1/w3s/config/entity/publicKey"), circle::entity_key).await
    }

    /// Reads the public key that signs hooks under this id.
    pub async fn hook_key(&self, id: Uuid) -> Heard<Vec<u8>> {
        let target = self.at("v2/notifications/publicKey").join(&[&id.to_string()]);
        let own = |data: &str| match circle::hook_key(data) {
            Ok((shown, key)) if shown == id => Ok(key),
            Ok(_) => Err(Unread(Untrusted::new("the key of another id"))),
            Err(unread) => Err(unread),
        };
        self.read(target, own).await
    }

    /// Estimates the fee of a transfer. It moves nothing.
    ///
    /// # Errors
    /// [`FrozenFault`] where an id cannot stand in a request.
    pub async fn estimate(
        &self,
        wallet: &Name,
        blockchain: &Name,
        token: Address,
        destination: Address,
        amount: U256,
    ) -> Result<Heard<Estimate>, FrozenFault> {
        let body = circle::estimate_body(wallet, blockchain, token, destination, amount)?;
        let request = Request::post_json(self.at(ESTIMATE_PATH), body.into());
        Ok(self.exchange(request, || true, circle::estimate).await.1)
    }

    /// The target below our own host: of an answer, nothing but ids ever becomes a part of an address.
    fn at(&self, path: &str) -> Target {
        self.place.base().join(&path.split('/').collect::<Vec<_>>())
    }

    async fn read<T>(&self, target: Target, read: impl FnOnce(&str) -> Result<T, Unread>) -> Heard<T> {
        self.exchange(Request::get(target), || true, read).await.1
    }

    async fn page<T>(&self, target: Target, read: impl FnOnce(&str) -> Result<T, Unread>) -> Heard<(T, Next)> {
        let (id, response) = self.send(Request::get(target), || true).await;
        let next = response.as_ref().map_or(Next::Silent, |response| circle::next_page(response.text(&LINK)));
        judged(&id, response, read).1.map(|told| (told, next))
    }

    /// One exchange: the status, where there was one, and what it means.
    async fn exchange<T>(
        &self,
        request: Request,
        may_leave: impl FnOnce() -> bool,
        read: impl FnOnce(&str) -> Result<T, Unread>,
    ) -> (Option<u16>, Heard<T>) {
        let (id, response) = self.send(request, may_leave).await;
        judged(&id, response, read)
    }

    /// One attempt, with the id that it was sent under.
    async fn send(&self, request: Request, may_leave: impl FnOnce() -> bool) -> (String, Result<Response, Trouble>) {
        let id = Uuid::v4((self.random)()).to_string();
        let named = request.within(DEADLINE).capped(BODY_CAP).header(REQUEST_ID, &id);
        let request = match named.and_then(|request| request.bearer(self.place.key())) {
            Ok(request) => request,
            Err(fault) => return (id, Err(Trouble::NoConnection(fault))),
        };
        let sent = self.out.send(request, may_leave).await.map_err(|fault| match fault {
            SingleFault::Withheld => Trouble::Withheld,
            SingleFault::Http(HttpFault::TooLarge { status, .. }) => Trouble::Unreadable { status },
            SingleFault::Http(fault) if fault.sent() == Sent::NotSent => Trouble::NoConnection(fault),
            SingleFault::Http(fault) => Trouble::Lost(fault),
        });
        (id, sent)
    }
}

/// Where a list goes on.
const LINK: HeaderName = HeaderName::from_static("link");

fn judged<T>(
    id: &str,
    response: Result<Response, Trouble>,
    read: impl FnOnce(&str) -> Result<T, Unread>,
) -> (Option<u16>, Heard<T>) {
    let response = match response {
        Ok(response) => response,
        Err(trouble) => return (None, Heard { told: Err(trouble), date: None, request_id: Some(id.into()) }),
    };
    let status = response.status;
    let told = match std::str::from_utf8(&response.body) {
        Ok(body) => circle::open(status, body, read).map_err(|refusal| match refusal {
            Refusal::Said { status, error } => Trouble::Said { status, error },
            Refusal::Unreadable { status, reason: _ } => Trouble::Unreadable { status },
        }),
        Err(_) => Err(Trouble::Unreadable { status }),
    };
    let request_id = response.text(&REQUEST_ID).map(Untrusted::new).filter(|id| !id.is_empty());
    let request_id = Some(request_id.map_or_else(|| id.into(), |id| id.as_str().into()));
    (Some(status), Heard { told, date: response.date(), request_id })
}

/// The bytes of a body whose ciphertext must not be printed.
pub(super) fn sealed_body(frozen: &[u8], ciphertext: &Secret) -> Result<Bytes, FrozenFault> {
    circle::sealed(frozen, ciphertext.expose()).map(Bytes::from)
}
