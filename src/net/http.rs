//! The HTTP client: one attempt, within its deadline and its cap, to an address that was vetted.
//!
//! Never retries, never follows a redirect, never takes a proxy from the environment, never sends to a private address
//! under `Reach::PublicOnly`, never reads more than the cap of decompressed bytes, never names a url in a fault.
//! It does not judge statuses: a 500 is a response.
//!
//! There is no cap on the ratio of compression: an empty block with its receipts (zero blooms) compresses better than
//! twenty to one, and what a bomb can cost is bounded by `body_cap` already, since the body is inflated piece by piece.

mod fault;
mod reply;
mod resolver;
mod target;
#[cfg(test)]
mod tests;

pub use fault::{HttpFault, Phase, Sent};
pub use reply::{MAX_RETRY_AFTER, Response, parse_http_date, parse_retry_after};
pub use reqwest::Method;
pub use reqwest::header::{self, HeaderMap, HeaderName, HeaderValue};
pub use target::Target;

use super::{Tls, USER_AGENT, address_guard};
use crate::types::Secret;
use bytes::{Bytes, BytesMut};
use resolver::PublicResolver;
use std::fmt;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// Longest time for name, TCP and TLS (facts/reliability.md S11). Also what tells a request that was not sent from one
/// that may have been: beyond it, a timeout is ambiguous.
pub const CONNECT_DEADLINE: Duration = Duration::from_secs(5);
/// A usual deadline for a whole request (facts/reliability.md S11).
pub const USUAL_DEADLINE: Duration = Duration::from_secs(30);
/// Body cap of everything that is not a block (facts/reliability.md S11).
pub const USUAL_BODY_CAP: usize = 8 * 1024 * 1024;
/// Body cap of an RPC answer that holds a block with receipts or traces (facts/reliability.md S11).
pub const RPC_BODY_CAP: usize = 64 * 1024 * 1024;
/// Unused connections are closed after this. Short, because servers close theirs at 5 s to 75 s, and a request that
/// meets the close is ambiguous.
const POOL_IDLE: Duration = Duration::from_secs(20);
/// Unused connections kept per host: as many as the busiest sink sends at once.
const POOL_IDLE_PER_HOST: usize = 64;
/// How much of a declared length is reserved at once; what is larger grows as it arrives.
const RESERVED_AT_ONCE: usize = 1024 * 1024;

/// How far a request may reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Any address, plain http too: the operator wrote this destination and says that it may be inside.
    Anywhere,
    /// https and public addresses only.
    PublicOnly,
}

/// One request.
#[derive(Clone)]
pub struct Request {
    /// Its method.
    pub method: Method,
    /// Where to.
    pub target: Target,
    /// Its headers, besides User-Agent, Host, Accept-Encoding and Content-Length.
    pub headers: HeaderMap,
    /// Its body, may be empty.
    pub body: Bytes,
    /// For everything, from the name to the last byte of the body.
    pub deadline: Duration,
    /// Most bytes of the response's body, decompressed.
    pub body_cap: usize,
    /// How far it may reach.
    pub reach: Reach,
}

impl Request {
    /// A GET with the usual deadline and cap, to public addresses only.
    #[must_use]
    pub fn get(target: Target) -> Self {
        Self {
            method: Method::GET,
            target,
            headers: HeaderMap::new(),
            body: Bytes::new(),
            deadline: USUAL_DEADLINE,
            body_cap: USUAL_BODY_CAP,
            reach: Reach::PublicOnly,
        }
    }

    /// A POST of `body` with the usual deadline and cap, to public addresses only.
    #[must_use]
    pub fn post(target: Target, body: Bytes) -> Self {
        Self { method: Method::POST, body, ..Self::get(target) }
    }

    /// A POST of JSON.
    #[must_use]
    pub fn post_json(target: Target, body: Bytes) -> Self {
        let mut request = Self::post(target, body);
        request.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        request
    }

    /// With another deadline.
    #[must_use]
    pub fn within(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// With another cap.
    #[must_use]
    pub fn capped(mut self, body_cap: usize) -> Self {
        self.body_cap = body_cap;
        self
    }

    /// With another reach.
    #[must_use]
    pub fn reaching(mut self, reach: Reach) -> Self {
        self.reach = reach;
        self
    }

    /// With this header.
    ///
    /// # Errors
    /// `HttpFault::Header` when the value cannot be one (a line break in it, say).
    pub fn header(mut self, name: HeaderName, value: &str) -> Result<Self, HttpFault> {
        self.headers.insert(name, HeaderValue::from_str(value).map_err(|_| HttpFault::Header)?);
        Ok(self)
    }

    /// With a header whose value is a secret.
    ///
    /// # Errors
    /// As `header`.
    pub fn secret_header(mut self, name: HeaderName, prefix: &str, secret: &Secret) -> Result<Self, HttpFault> {
        let text = Secret::new(format!("{prefix}{}", secret.expose()));
        let mut value = HeaderValue::from_str(text.expose()).map_err(|_| HttpFault::Header)?;
        value.set_sensitive(true);
        self.headers.insert(name, value);
        Ok(self)
    }

    /// With `Authorization: Bearer …`.
    ///
    /// # Errors
    /// As `header`.
    pub fn bearer(self, token: &Secret) -> Result<Self, HttpFault> {
        self.secret_header(header::AUTHORIZATION, "Bearer ", token)
    }
}

impl fmt::Debug for Request {
    /// Neither url, header values nor body: each may hold a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("method", &self.method)
            .field("headers", &self.headers.len())
            .field("body_bytes", &self.body.len())
            .field("deadline", &self.deadline)
            .field("body_cap", &self.body_cap)
            .field("reach", &self.reach)
            .finish_non_exhaustive()
    }
}

/// The client. Cheap to clone; clones share their connections. The two reaches never share one: a connection made to a
/// private address is never found again by a request that may not go there.
#[derive(Clone)]
pub struct HttpClient {
    anywhere: reqwest::Client,
    public_only: reqwest::Client,
}

impl HttpClient {
    /// Builds both pools; no connection is made yet.
    ///
    /// # Errors
    /// `HttpFault::Client` when TLS cannot be set up.
    pub fn new(tls: &Tls) -> Result<Self, HttpFault> {
        let public_only = builder(tls).https_only(true).dns_resolver(PublicResolver::system());
        Ok(Self {
            anywhere: builder(tls).build().map_err(|_| HttpFault::Client)?,
            public_only: public_only.build().map_err(|_| HttpFault::Client)?,
        })
    }

    /// Sends one request, once, and reads its whole response.
    ///
    /// # Errors
    /// Every `HttpFault`; `HttpFault::sent` tells whether the other side may have seen the request.
    pub async fn send(&self, request: Request) -> Result<Response, HttpFault> {
        let deadline = Instant::now() + request.deadline;
        let client = match request.reach {
            Reach::Anywhere => &self.anywhere,
            Reach::PublicOnly => {
                vet(&request.target)?;
                &self.public_only
            }
        };
        let mut outgoing = reqwest::Request::new(request.method, request.target.url().clone());
        *outgoing.headers_mut() = request.headers;
        if !request.body.is_empty() {
            *outgoing.body_mut() = Some(request.body.into());
        }
        let reply = match timeout_at(deadline, client.execute(outgoing)).await {
            Ok(Ok(reply)) => reply,
            Ok(Err(error)) => return Err(HttpFault::of_attempt(&error)),
            // A deadline shorter than `CONNECT_DEADLINE` may strike while connecting; it cannot be told, so it is
            // ambiguous.
            Err(_) => return Err(HttpFault::Timeout { phase: Phase::Head }),
        };
        read(reply, request.body_cap, deadline).await
    }
}

impl fmt::Debug for HttpClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HttpClient")
    }
}

/// Whether an I/O error is TLS's. For the sockets, whose handshakes fail with one.
pub(in crate::net) fn is_tls(error: &std::io::Error) -> bool {
    fault::cause::<rustls::Error>(error).is_some()
}

/// What a dial fails with when the host's name leads nowhere. For the sockets, which resolve by themselves.
pub(in crate::net) fn no_such_name() -> std::io::Error {
    std::io::Error::new(std::io::ErrorKind::NotFound, fault::NoSuchName)
}

/// Whether an I/O error is [`no_such_name`]'s.
pub(in crate::net) fn is_no_name(error: &std::io::Error) -> bool {
    fault::cause::<fault::NoSuchName>(error).is_some()
}

fn builder(tls: &Tls) -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .tls_backend_preconfigured((*tls.config).clone())
        .user_agent(USER_AGENT)
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .no_proxy()
        .referer(false)
        .connect_timeout(CONNECT_DEADLINE)
        .pool_idle_timeout(POOL_IDLE)
        .pool_max_idle_per_host(POOL_IDLE_PER_HOST)
        .tcp_nodelay(true)
}

/// What can be said of a target before its name is resolved.
fn vet(target: &Target) -> Result<(), HttpFault> {
    if target.url().scheme() != "https" {
        return Err(HttpFault::PlainHttp);
    }
    let host = target.url().host().ok_or(HttpFault::Url)?;
    address_guard::check_host(&host).map_err(|why| HttpFault::Refused { why })
}

async fn read(mut reply: reqwest::Response, cap: usize, deadline: Instant) -> Result<Response, HttpFault> {
    let status = reply.status().as_u16();
    let declared = reply.content_length().map(|length| usize::try_from(length).unwrap_or(usize::MAX));
    if declared.is_some_and(|length| length > cap) {
        return Err(HttpFault::TooLarge { status, cap });
    }
    let headers = std::mem::take(reply.headers_mut());
    let first = match next_piece(&mut reply, deadline).await? {
        None => Bytes::new(),
        Some(piece) => piece,
    };
    if first.len() > cap {
        return Err(HttpFault::TooLarge { status, cap });
    }
    // Most bodies come in one piece, which then is the body.
    let Some(second) = next_piece(&mut reply, deadline).await? else {
        return Ok(Response { status, headers, body: first });
    };
    let mut body = BytesMut::with_capacity(declared.unwrap_or(first.len() * 2).min(RESERVED_AT_ONCE));
    body.extend_from_slice(&first);
    let mut piece = second;
    loop {
        if body.len().saturating_add(piece.len()) > cap {
            return Err(HttpFault::TooLarge { status, cap });
        }
        body.extend_from_slice(&piece);
        match next_piece(&mut reply, deadline).await? {
            Some(next) => piece = next,
            None => return Ok(Response { status, headers, body: body.freeze() }),
        }
    }
}

async fn next_piece(reply: &mut reqwest::Response, deadline: Instant) -> Result<Option<Bytes>, HttpFault> {
    match timeout_at(deadline, reply.chunk()).await {
        Ok(Ok(piece)) => Ok(piece),
        Ok(Err(error)) => Err(HttpFault::of_body(&error)),
        Err(_) => Err(HttpFault::Timeout { phase: Phase::Body }),
    }
}
