//! The simulated Circle on loopback: its routes, its key, its pages.

use super::book::error;
use super::fault::Manner;
use super::{Circle, MOST_KEPT, Posted, State};
use crate::types::{Timestamp, Uuid};
use crate::wire::circle::{self, CircleError, FrozenFault, TransferTerms};
use crate::world::http::{self, Connection, Request};
use serde_json::{Value, json};
use std::io;
use std::sync::{Arc, PoisonError};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// Rows of a page where nothing is said, and at most.
const USUAL_PAGE: usize = 10;
const LARGEST_PAGE: usize = 50;

/// What one request is answered with.
struct Reply {
    status: u16,
    link: Option<String>,
    body: String,
}

impl Reply {
    fn data(status: u16, data: &Value) -> Self {
        Self { status, link: None, body: json!({"data": data}).to_string() }
    }

    fn refused(status: u16, error: &CircleError) -> Self {
        Self { status, link: None, body: error.write() }
    }

    fn not_found() -> Self {
        Self::refused(404, &error(404, "Not found."))
    }
}

impl Circle {
    /// Serves until cancelled.
    pub async fn serve(self: Arc<Self>, listener: TcpListener, cancel: CancellationToken) {
        http::serve(listener, cancel, |connection| {
            let circle = self.clone();
            async move {
                // A peer that is gone, or that speaks no HTTP, is left alone.
                let _gone = circle.talk(connection).await;
            }
        })
        .await;
    }

    async fn talk(&self, mut connection: Connection) -> io::Result<()> {
        while let Some(request) = connection.request().await? {
            let at = (self.clock)();
            let posts = request.method == "POST" && !request.path.ends_with("/estimateFee");
            let (manner, ahead) = {
                let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
                (state.trouble.manner(posts), state.trouble.date_ahead_ms)
            };
            let reply = match manner {
                Manner::Closed => {
                    self.note(&request, posts, at, 0);
                    return Ok(());
                }
                Manner::Refused(status, code) => Reply::refused(status, &error(code, "Refused, as it was told.")),
                Manner::WebPage(status) => Reply { status, link: None, body: "<html>Just a moment…</html>".into() },
                Manner::Usual
                | Manner::DoneThenClosed
                | Manner::DoneThenSilent
                | Manner::DoneThenStatus(_)
                | Manner::DoneThenLate(_)
                | Manner::DoneThenCut => self.reply(&request, at),
            };
            self.note(&request, posts, at, reply.status);
            let mut headers = vec![
                ("content-type", "application/json".to_owned()),
                ("date", http_date(Timestamp::from_millis(at.millis().saturating_add(ahead)))),
                (
                    "x-request-id",
                    request.header("x-request-id").unwrap_or("00000000000000000000000000000000").to_owned(),
                ),
            ];
            headers.extend(reply.link.map(|link| ("link", link)));
            match manner {
                Manner::DoneThenClosed => return Ok(()),
                Manner::DoneThenSilent => return std::future::pending().await,
                Manner::DoneThenStatus(status) => connection.answer(status, &[], "upstream connect error").await?,
                Manner::DoneThenCut => {
                    let half = reply.body.len() / 2;
                    let (start, _) =
                        reply.body.split_at((0..=half).rev().find(|at| reply.body.is_char_boundary(*at)).unwrap_or(0));
                    headers.push(("connection", "close".into()));
                    return connection.answer_cut(reply.status, &headers, start, reply.body.len()).await;
                }
                Manner::DoneThenLate(by) => {
                    tokio::time::sleep(by).await;
                    connection.answer(reply.status, &headers, &reply.body).await?;
                }
                Manner::Usual | Manner::Closed | Manner::Refused(..) | Manner::WebPage(_) => {
                    connection.answer(reply.status, &headers, &reply.body).await?;
                }
            }
        }
        Ok(())
    }

    /// Keeps what could have moved money, for the checker.
    fn note(&self, request: &Request, posts: bool, at: Timestamp, status: u16) {
        if !posts {
            return;
        }
        let (frozen, ciphertext) = apart(&request.body);
        let key = serde_json::from_slice::<Value>(&request.body).ok();
        let key = key.and_then(|body| body["idempotencyKey"].as_str().and_then(Uuid::parse));
        let posted = Posted {
            at,
            path: request.path.clone(),
            key,
            frozen: circle::body_hash(&frozen),
            ciphertext,
            request_id: request.header("x-request-id").map(str::to_owned),
            status,
        };
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.asked.push_back(posted);
        if state.asked.len() > MOST_KEPT {
            state.asked.pop_front();
        }
    }

    fn reply(&self, request: &Request, at: Timestamp) -> Reply {
        if request.header("authorization") != Some(&format!("Bearer {}", super::API_KEY)) {
            return Reply::refused(401, &error(401, "Malformed authorization. Are the credentials properly encoded?"));
        }
        let path: Vec<&str> = request.path.trim_matches('/').split('/').collect();
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.book.advance(at);
        match (request.method.as_str(), path.as_slice()) {
            ("GET", ["v1", "w3s", "config", "entity", "publicKey"]) => {
                Reply::data(200, &json!({"publicKey": self.entity.armoured()}))
            }
            ("GET", ["v2", "notifications", "publicKey", id]) if *id == self.signer().id().to_string() => {
                Reply::data(200, &self.signer().write())
            }
            ("GET", ["v1", "w3s", "wallets", id]) if *id == state.book.wallet().id.as_str() => {
                Reply::data(200, &json!({"wallet": state.book.shown_wallet().write()}))
            }
            ("GET", ["v1", "w3s", "wallets", id, "balances"]) if *id == state.book.wallet().id.as_str() => {
                let rows: Vec<Value> = state.book.balances().iter().map(circle::TokenBalance::write).collect();
                Reply::data(200, &json!({"tokenBalances": rows}))
            }
            ("GET", ["v1", "w3s", "tokens", id]) if *id == state.book.usdc_token().id.as_str() => {
                Reply::data(200, &json!({"token": state.book.usdc_token().write()}))
            }
            ("GET", ["v1", "w3s", "transactions"]) => list(&state, request, at),
            ("GET", ["v1", "w3s", "transactions", id]) => {
                let entry = state.book.entries().iter().find(|entry| entry.id.as_str() == *id);
                entry.map_or_else(Reply::not_found, |entry| {
                    let shown = state.book.shown(entry, state.trouble.empty_references);
                    Reply::data(200, &json!({"transaction": shown.write()}))
                })
            }
            ("POST", ["v1", "w3s", "transactions", "transfer", "estimateFee"]) => {
                let fee = |fee: &str| json!({"gasLimit": "65000", "networkFee": fee});
                let levels = json!({"low": fee("0.0001"), "medium": fee("0.00013"), "high": fee("0.0002")});
                Reply::data(200, &levels)
            }
            ("POST", ["v1", "w3s", "developer", "transactions", "transfer"]) => {
                match self.authorized(&state, &request.body) {
                    Ok(frozen) => create(&mut state, circle::thaw(&frozen), at),
                    Err(reply) => reply,
                }
            }
            ("POST", ["v1", "w3s", "developer", "transactions", id, "cancel"]) => {
                match self.authorized(&state, &request.body) {
                    Ok(_) => match state.book.cancel(id, at) {
                        Ok(entry) => Reply::data(200, &json!({"id": entry.id.as_str(), "state": entry.state.word()})),
                        Err((status, error)) => Reply::refused(status, &error),
                    },
                    Err(reply) => reply,
                }
            }
            _ => Reply::not_found(),
        }
    }

    /// The body without its ciphertext, if that is new and holds the entity secret.
    fn authorized(&self, state: &State, body: &[u8]) -> Result<Vec<u8>, Reply> {
        let (frozen, ciphertext) = apart(body);
        let Some(ciphertext) = ciphertext else {
            return Err(Reply::refused(400, &error(2, "API parameter invalid")));
        };
        if state.asked.iter().any(|asked| asked.ciphertext.as_ref() == Some(&ciphertext)) {
            let words = "Reusing an entity secret ciphertext is not allowed.";
            return Err(Reply::refused(400, &error(156_004, words)));
        }
        if self.entity.open(&ciphertext).as_ref() != Some(&self.secret) {
            return Err(Reply::refused(400, &error(156_013, "The provided entity secret is invalid.")));
        }
        Ok(frozen)
    }
}

fn create(state: &mut State, terms: Result<TransferTerms, FrozenFault>, at: Timestamp) -> Reply {
    let Ok(terms) = terms else {
        return Reply::refused(400, &error(2, "API parameter invalid"));
    };
    match state.book.create(&terms, at) {
        Ok((new, entry)) => {
            let status = if new || state.trouble.repeats_as_new { 201 } else { 200 };
            Reply::data(status, &json!({"id": entry.id.as_str(), "state": entry.state.word()}))
        }
        Err((status, error)) => Reply::refused(status, &error),
    }
}

/// Newest first, from `from`, behind `pageAfter`, of the wallet that was asked for.
fn list(state: &State, request: &Request, at: Timestamp) -> Reply {
    let asked = |name: &str| request.query.get(name).map(String::as_str);
    let trouble = &state.trouble;
    let size = asked("pageSize").and_then(|size| size.parse().ok()).unwrap_or(USUAL_PAGE).clamp(1, LARGEST_PAGE);
    let size = size.min(trouble.shorter_pages.unwrap_or(LARGEST_PAGE));
    let from = asked("from").and_then(Timestamp::parse).unwrap_or_default();
    let of_wallet = asked("walletIds").is_none_or(|ids| ids.split(',').any(|id| id == state.book.wallet().id.as_str()));
    let visible = state.book.entries().iter().rev().filter(|entry| {
        of_wallet
            && entry.created >= from
            && at.since(entry.created) >= trouble.list_lag
            && asked("txType") != Some("INBOUND")
    });
    let mut rows: Vec<_> = visible.collect();
    if let Some(after) = asked("pageAfter") {
        let Some(place) = rows.iter().position(|entry| entry.id.as_str() == after) else {
            return Reply::refused(400, &error(156_012, "Cannot find corresponding pagination cursor in the system."));
        };
        rows.drain(..=place);
    }
    let more = rows.len() > size;
    rows.truncate(size);
    let page: Vec<Value> = rows.iter().map(|entry| state.book.shown(entry, trouble.empty_references).write()).collect();
    let here = "https://api.circle.com/v1/w3s/transactions";
    let next = rows
        .last()
        .filter(|_| more)
        .map(|entry| format!(r#", <{here}?pageAfter={}&pageSize={size}>; rel="next""#, entry.id));
    let link = format!(r#"<{here}?pageSize={size}>; rel="self"{}"#, next.unwrap_or_default());
    let reply = Reply::data(200, &json!({"transactions": page}));
    Reply { link: (!trouble.no_links).then_some(link), ..reply }
}

/// The body as it was frozen, and the ciphertext that was put behind it.
fn apart(body: &[u8]) -> (Vec<u8>, Option<String>) {
    const NAME: &[u8] = b",\"entitySecretCiphertext\":\"";
    let place = body.windows(NAME.len()).position(|window| window == NAME);
    let Some(place) = place else { return (body.to_vec(), None) };
    let (frozen, rest) = body.split_at(place);
    let ciphertext = rest.get(NAME.len()..).and_then(|rest| std::str::from_utf8(rest.strip_suffix(b"\"}")?).ok());
    ([frozen, b"}"].concat(), ciphertext.map(str::to_owned))
}

/// As a `Date` header.
fn http_date(at: Timestamp) -> String {
    jiff::Timestamp::from_millisecond(at.millis())
        .map(|time| time.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string())
        .unwrap_or_default()
}
