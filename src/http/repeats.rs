//! Writes that come twice: what was done for a request with an `Idempotency-Key` is not done again, and is answered alike.
//!
//! It is remembered here as long as the process runs, and no longer: additions to the watch list, which alone could be done twice by a
//! client that tries again after a crash, are remembered by the store. What was refused did nothing, and is not remembered.

use super::LARGEST_LIST;
use super::access::Caller;
use super::problem::Problem;
use crate::types::RequestId;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::Request;
use axum::http::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use axum::http::{StatusCode, request};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The header.
const KEY: &str = "idempotency-key";
/// The longest key.
const LONGEST_KEY: usize = 255;
/// Requests that are remembered; the oldest is forgotten. With answers of a few hundred bytes less than a megabyte.
const MOST: usize = 1_000;

/// The key of a request, where it has one.
///
/// # Errors
/// When it is empty, too long, of other than visible ASCII, or stands there twice.
pub(super) fn key(headers: &HeaderMap) -> Result<Option<&[u8]>, Problem> {
    let mut values = headers.get_all(KEY).iter();
    let Some(value) = values.next() else { return Ok(None) };
    let fine = values.next().is_none()
        && (1..=LONGEST_KEY).contains(&value.len())
        && value.as_bytes().iter().all(u8::is_ascii_graphic);
    if fine {
        Ok(Some(value.as_bytes()))
    } else {
        let what = format!("Idempotency-Key is one text of 1 to {LONGEST_KEY} characters, without blanks");
        Err(Problem::new(StatusCode::BAD_REQUEST, what))
    }
}

/// What came of a request.
#[derive(Debug, Clone)]
struct Answered {
    status: StatusCode,
    kind: Option<HeaderValue>,
    body: Bytes,
}

/// A request: what it asked, and what was answered where it is done.
type Kept = (RequestId, Option<Answered>);

#[derive(Debug, Default)]
struct Memory {
    kept: BTreeMap<RequestId, Kept>,
    /// As they came.
    order: VecDeque<RequestId>,
}

/// The requests with a key, by whose key it is.
#[derive(Debug, Clone, Default)]
pub(super) struct Repeats(Arc<Mutex<Memory>>);

/// A request that is under way for the first time; dropped, it may be tried again.
struct UnderWay {
    of: Repeats,
    id: RequestId,
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let mut memory = self.of.memory();
        if memory.kept.get(&self.id).is_some_and(|(_, answered)| answered.is_none()) {
            memory.kept.remove(&self.id);
            memory.order.retain(|id| *id != self.id);
        }
    }
}

impl Repeats {
    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins a request; `Err` is the answer where it is not the first with its key.
    fn begin(&self, id: RequestId, ask: RequestId) -> Result<UnderWay, Box<Response>> {
        let mut memory = self.memory();
        match memory.kept.get(&id) {
            Some((first, _)) if *first != ask => {
                let what = "this Idempotency-Key was of another request: nothing was done";
                Err(Box::new(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, what).into_response()))
            }
            Some((_, None)) => {
                let what = "the first request with this Idempotency-Key is under way: ask again in a moment";
                Err(Box::new(Problem::new(StatusCode::CONFLICT, what).into_response()))
            }
            Some((_, Some(answered))) => Err(Box::new(answered.clone().into_response())),
            None => {
                memory.kept.insert(id, (ask, None));
                memory.order.push_back(id);
                while memory.order.len() > MOST {
                    if let Some(oldest) = memory.order.pop_front() {
                        memory.kept.remove(&oldest);
                    }
                }
                Ok(UnderWay { of: self.clone(), id })
            }
        }
    }

    /// Lets a write through once.
    pub(super) async fn once(self, request: Request, next: Next) -> Response {
        let (head, body) = request.into_parts();
        // The gate has read it, and found it not too large.
        let Ok(body) = to_bytes(body, LARGEST_LIST).await else { return Problem::unexpected().into_response() };
        let ids = match ids(&head, &body) {
            Ok(ids) => ids,
            Err(problem) => return problem.into_response(),
        };
        let again = Request::from_parts(head, Body::from(body));
        let Some((id, ask)) = ids else { return next.run(again).await };
        let under_way = match self.begin(id, ask) {
            Ok(under_way) => under_way,
            Err(answer) => return *answer,
        };
        let response = next.run(again).await;
        if !response.status().is_success() {
            return response;
        }
        let (status, kind) = (response.status(), response.headers().get(CONTENT_TYPE).cloned());
        let Ok(body) = to_bytes(response.into_body(), LARGEST_LIST).await else {
            return Problem::unexpected().into_response();
        };
        let answered = Answered { status, kind, body };
        if let Some(kept) = self.memory().kept.get_mut(&under_way.id) {
            kept.1 = Some(answered.clone());
        }
        answered.into_response()
    }
}

/// Which request with a key this is, and what it asks; nothing without a key.
fn ids(head: &request::Parts, body: &[u8]) -> Result<Option<(RequestId, RequestId)>, Problem> {
    let Some(key) = key(&head.headers)? else { return Ok(None) };
    // Everybody has keys of their own.
    let Some(Caller::Token { name, .. }) = head.extensions.get() else { return Ok(None) };
    let ask = [head.method.as_str().as_bytes(), head.uri.path().as_bytes(), body];
    Ok(Some((RequestId::hash("key", &[name.as_str().as_bytes(), key]), RequestId::hash("ask", &ask))))
}

impl IntoResponse for Answered {
    fn into_response(self) -> Response {
        let mut response = (self.status, self.body).into_response();
        response.headers_mut().remove(CONTENT_TYPE);
        if let Some(kind) = self.kind {
            response.headers_mut().insert(CONTENT_TYPE, kind);
        }
        response
    }
}
