//! The real [`Post`]: a sink's request through the HTTP client of `net`.
//!
//! Reaches public addresses over https only, unless the operator wrote `allow_private` on this sink.

use super::answer::{Answer, Post, SendFault, SendMethod, SinkRequest, SinkResponse, decimal_seconds};
use crate::net::http::{HeaderMap, HeaderName, HeaderValue, Method, Sent, header};
use crate::net::{HttpClient, HttpFault, Reach, Request, Target};
use crate::types::Timestamp;
use bytes::Bytes;
use std::time::Duration;
use zeroize::Zeroizing;

/// How many requests a receiver takes before it wants a pause, and how long that is: Discord's own headers.
const REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining");
/// See [`REMAINING`]: seconds, with a fraction.
const RESET_AFTER: HeaderName = HeaderName::from_static("x-ratelimit-reset-after");

/// Sends through the HTTP client. `clock` is the wall time, for a `Retry-After` that is a date without a `Date` beside it.
#[derive(Debug, Clone)]
pub struct HttpPost<C> {
    client: HttpClient,
    clock: C,
}

impl<C: Fn() -> Timestamp> HttpPost<C> {
    /// Of a client and a clock.
    pub const fn new(client: HttpClient, clock: C) -> Self {
        Self { client, clock }
    }

    async fn send(&self, request: SinkRequest) -> Result<SinkResponse, HttpFault> {
        let target = Target::parse(request.to.url())?;
        let mut headers = HeaderMap::with_capacity(request.headers.len() + 1);
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(token) = &request.bearer {
            let value = Zeroizing::new(format!("Bearer {}", token.expose()));
            let mut value = HeaderValue::try_from(value.as_str()).map_err(|_| HttpFault::Header)?;
            value.set_sensitive(true);
            headers.insert(header::AUTHORIZATION, value);
        }
        for (name, value) in request.headers {
            let value = HeaderValue::try_from(value).map_err(|_| HttpFault::Header)?;
            headers.insert(HeaderName::from_static(name), value);
        }
        let request = Request {
            method: match request.method {
                SendMethod::Post => Method::POST,
                SendMethod::Patch => Method::PATCH,
            },
            target,
            headers,
            body: request.body,
            deadline: request.deadline,
            body_cap: request.answer_cap,
            reach: if request.to.allow_private() { Reach::Anywhere } else { Reach::PublicOnly },
        };
        let response = match self.client.send(request).await {
            // The status came and says what became of the message; of the body no sink needs more than a word.
            Err(HttpFault::TooLarge { status, cap: _ }) => {
                return Ok(SinkResponse { status, retry_after: None, pause: None, body: Bytes::new() });
            }
            sent => sent?,
        };
        let retry_after = response.retry_after((self.clock)());
        let pause = rest(response.text(&REMAINING), response.text(&RESET_AFTER));
        Ok(SinkResponse { status: response.status, retry_after, pause, body: response.body })
    }
}

/// What the headers of a receiver that counts ask us to wait before the next request.
fn rest(remaining: Option<&str>, reset_after: Option<&str>) -> Option<Duration> {
    let none_left = remaining?.trim().parse::<u64>().ok()? == 0;
    decimal_seconds(reset_after?.trim()).filter(|_| none_left)
}

impl<C: Fn() -> Timestamp + Sync> Post for HttpPost<C> {
    async fn post(&self, request: SinkRequest) -> Answer {
        self.send(request)
            .await
            .map_err(|fault| SendFault { ambiguous: fault.sent() == Sent::Ambiguous, reason: fault.to_string().into() })
    }
}
