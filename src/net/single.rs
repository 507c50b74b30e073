//! HTTP over a connection of its own: made for one request, asked once more before the first byte leaves, closed behind the answer.
//!
//! For requests that move money. There is no pool, so no connection is ever used again; there is nothing that retries, follows a
//! redirect, takes a proxy or asks for compression. The connection is made first and the request leaves only if it still may: who waits
//! for a handshake cannot miss its deadline without knowing.

use super::http::{CONNECT_DEADLINE, HttpFault, Phase, Request, Response, header};
use super::stream::{ByteStream, StreamFault, StreamReach};
use super::{Tls, USER_AGENT};
use bytes::{Bytes, BytesMut};
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use tokio::time::{Instant, timeout_at};

/// Why there is no response.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SingleFault {
    /// The connection stood, and the request was not to leave any more. Not one byte of it did.
    #[error("the request was held back: it could not leave in time")]
    Withheld,
    /// As for any other request.
    #[error(transparent)]
    Http(#[from] HttpFault),
}

/// Makes single connections. Cheap to clone.
#[derive(Debug, Clone)]
pub struct SingleUse {
    tls: Tls,
}

impl SingleUse {
    /// With these authorities.
    #[must_use]
    pub const fn new(tls: Tls) -> Self {
        Self { tls }
    }

    /// Connects as far as `reach` allows, asks `may_leave`, sends the request once and reads its whole response.
    ///
    /// The request's own `reach` does not count here: plain http goes to this machine only, whatever it says.
    ///
    /// # Errors
    /// [`SingleFault`]; `HttpFault::sent` tells whether the other side may have seen the request.
    pub async fn send(&self, request: Request, may_leave: impl FnOnce() -> bool) -> Result<Response, SingleFault> {
        let deadline = Instant::now() + request.deadline;
        let connect_by = deadline.min(Instant::now() + CONNECT_DEADLINE);
        let url = request.target.url();
        let secure = request.target.is_https();
        let host = url.host_str().ok_or(HttpFault::Url)?.to_owned();
        let port = url.port_or_known_default().ok_or(HttpFault::Url)?;
        let reach = if secure { StreamReach::PublicOnly } else { StreamReach::LoopbackOnly };
        let outgoing = head(&request)?;
        let connect = async {
            let stream = ByteStream::connect(&host, port, reach).await?;
            if secure { stream.secure(&host, &self.tls).await } else { Ok(stream) }
        };
        let stream = match timeout_at(connect_by, connect).await {
            Ok(stream) => stream.map_err(no_stream)?,
            Err(_) => return Err(HttpFault::Timeout { phase: Phase::Connect }.into()),
        };
        let (mut sender, connection) =
            http1::handshake(TokioIo::new(stream)).await.map_err(|_| SingleFault::Http(HttpFault::Connect))?;
        if !may_leave() {
            return Err(SingleFault::Withheld);
        }
        let exchange = async {
            let reply = match timeout_at(deadline, sender.send_request(outgoing)).await {
                Ok(Ok(reply)) => reply,
                Ok(Err(_)) => return Err(HttpFault::Broken),
                Err(_) => return Err(HttpFault::Timeout { phase: Phase::Head }),
            };
            read(reply, request.body_cap, deadline).await
        };
        let (mut exchange, mut connection) = (pin!(exchange), pin!(connection));
        let response = tokio::select! {
            biased;
            response = &mut exchange => response,
            // The connection is done; what it brought may still have to be read.
            _ = &mut connection => exchange.await,
        };
        Ok(response?)
    }
}

const fn no_stream(fault: StreamFault) -> HttpFault {
    match fault {
        StreamFault::Name => HttpFault::Name,
        StreamFault::Refused { why } => HttpFault::Refused { why },
        StreamFault::Public => HttpFault::PlainHttp,
        StreamFault::Connect => HttpFault::Connect,
        StreamFault::Tls => HttpFault::Tls,
    }
}

/// The request as it is written, with what the client itself adds.
fn head(request: &Request) -> Result<hyper::Request<Whole>, HttpFault> {
    let url = request.target.url();
    let path = &url[url::Position::BeforePath..url::Position::AfterQuery];
    let authority = &url[url::Position::BeforeHost..url::Position::AfterPort];
    let mut outgoing = hyper::Request::builder()
        .method(request.method.clone())
        .uri(path)
        .body(Whole(Some(request.body.clone()).filter(|body| !body.is_empty())))
        .map_err(|_| HttpFault::Url)?;
    let headers = outgoing.headers_mut();
    *headers = request.headers.clone();
    headers.insert(header::HOST, header::HeaderValue::from_str(authority).map_err(|_| HttpFault::Url)?);
    headers.insert(header::USER_AGENT, header::HeaderValue::from_static(USER_AGENT));
    headers.insert(header::CONNECTION, header::HeaderValue::from_static("close"));
    Ok(outgoing)
}

async fn read(reply: hyper::Response<Incoming>, cap: usize, deadline: Instant) -> Result<Response, HttpFault> {
    let status = reply.status().as_u16();
    let (parts, mut incoming) = reply.into_parts();
    let mut body = BytesMut::new();
    loop {
        let next = poll_fn(|context| Pin::new(&mut incoming).poll_frame(context));
        let frame = match timeout_at(deadline, next).await {
            Ok(None) => return Ok(Response { status, headers: parts.headers, body: body.freeze() }),
            Ok(Some(Ok(frame))) => frame,
            Ok(Some(Err(_))) => return Err(HttpFault::Body),
            Err(_) => return Err(HttpFault::Timeout { phase: Phase::Body }),
        };
        // Trailers say nothing to us.
        if let Ok(piece) = frame.into_data() {
            if body.len().saturating_add(piece.len()) > cap {
                return Err(HttpFault::TooLarge { status, cap });
            }
            body.extend_from_slice(&piece);
        }
    }
}

/// A body in one piece.
struct Whole(Option<Bytes>);

impl Body for Whole {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.0.take().map(|bytes| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.0.as_ref().map_or(0, |bytes| bytes.len() as u64))
    }
}

#[cfg(test)]
mod tests;
