//! `/api/v1/events`: which lists changed, as server-sent events, so that nobody has to ask again and again.
//!
//! An event names lists, not rows: who hears it reads those lists again. So there is nothing to queue, nothing a slow reader can miss or
//! hold up, and a thousand changes in a second are told at most four times. It tells only what is durable. The id of an event holds
//! the counts that it was made of: whoever comes back with it as `Last-Event-ID` is told at once what changed meanwhile.

use super::Parts;
use super::problem::Problem;
use crate::telemetry::Snapshot;
use crate::telemetry::changes::{Changes, List};
use crate::types::Timestamp;
use axum::body::{Body, Bytes};
use axum::extract::{Extension, State};
use axum::http::StatusCode;
use axum::http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use axum::response::{IntoResponse, Response};
use futures::stream;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::{Instant, sleep_until, timeout_at};
use tokio_util::sync::CancellationToken;

/// Streams at one time: a quarter of all connections, so that nobody is kept from reading by those who wait.
const MOST_STREAMS: usize = super::MOST_CONNECTIONS / 4;
/// Between two events: four a second.
const PAUSE: Duration = Duration::from_millis(250);
/// Between two events that say no more than that times, prices or heads went on.
const STATUS_PAUSE: Duration = Duration::from_secs(1);
/// Without an event something is sent all the same, so that what lies between does not take the stream for dead.
const ALIVE: Duration = Duration::from_secs(15);
/// How long who was cut off waits before it comes back.
const RETRY_MILLIS: u32 = 1_000;
const LAST_EVENT: HeaderName = HeaderName::from_static("last-event-id");

/// Cancelled when the connection has to end: what would go on for ever ends in order then.
#[derive(Debug, Clone)]
pub(super) struct Ending(pub CancellationToken);

/// How many streams there may be.
#[derive(Debug, Clone)]
pub(super) struct Streams(Arc<Semaphore>);

impl Default for Streams {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(MOST_STREAMS)))
    }
}

/// One listener.
struct Listener {
    snapshot: watch::Receiver<Arc<Snapshot>>,
    /// When the process began: counts of another one say nothing.
    born: Timestamp,
    /// What it has been told.
    told: Option<Changes>,
    begun: bool,
    /// When it may be told more, and when of the status alone.
    next: Instant,
    next_status: Instant,
    ending: CancellationToken,
    _one_of: OwnedSemaphorePermit,
}

/// `GET /api/v1/events`.
pub(super) async fn stream(
    State(parts): State<Arc<Parts>>,
    Extension(Streams(streams)): Extension<Streams>,
    ending: Option<Extension<Ending>>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let full =
        |_| Problem::new(StatusCode::SERVICE_UNAVAILABLE, format!("{MOST_STREAMS} listen already: read the lists"));
    let one_of = streams.try_acquire_owned().map_err(full)?;
    let snapshot = parts.snapshot.clone();
    let born = snapshot.borrow().born;
    let last = headers.get(LAST_EVENT).and_then(|id| id.to_str().ok());
    let told = last.map_or_else(|| Some(snapshot.borrow().changes), |id| read_id(id, born));
    let now = Instant::now();
    let ending = ending.map_or_else(CancellationToken::new, |Extension(Ending(ending))| ending);
    let listener =
        Listener { snapshot, born, told, begun: false, next: now, next_status: now, ending, _one_of: one_of };
    let events = stream::unfold(listener, |mut listener| async {
        let text = listener.next_text().await?;
        Some((Ok::<_, Infallible>(Bytes::from(text)), listener))
    });
    let kind = [(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"))];
    Ok((kind, Body::from_stream(events)).into_response())
}

impl Listener {
    /// What is sent next; nothing once the connection has to end.
    async fn next_text(&mut self) -> Option<String> {
        if !std::mem::replace(&mut self.begun, true) {
            let id = id(self.born, &self.told.unwrap_or_default());
            // Who came back with an id that says nothing here has to read everything.
            let what = if self.told.is_none() { event(&List::ALL.map(List::word)) } else { String::new() };
            self.told.get_or_insert_default();
            return Some(format!("retry: {RETRY_MILLIS}\nid: {id}\n{what}\n"));
        }
        let ending = self.ending.clone();
        ending.run_until_cancelled(self.wait()).await.flatten()
    }

    async fn wait(&mut self) -> Option<String> {
        let alive = Instant::now() + ALIVE;
        loop {
            sleep_until(self.next).await;
            let (changes, said) = {
                let snapshot = self.snapshot.borrow_and_update();
                let said: Vec<List> = snapshot.changes.since(&self.told.unwrap_or_default()).collect();
                (snapshot.changes, said)
            };
            let now = Instant::now();
            let only_status = said == [List::Status];
            if !said.is_empty() && (!only_status || now >= self.next_status) {
                self.told = Some(changes);
                (self.next, self.next_status) = (now + PAUSE, now + STATUS_PAUSE);
                let words: Vec<&str> = said.into_iter().map(List::word).collect();
                return Some(format!("id: {}\n{}\n", id(self.born, &changes), event(&words)));
            }
            let until = if only_status { self.next_status.min(alive) } else { alive };
            match timeout_at(until, self.snapshot.changed()).await {
                Ok(Ok(())) => {}
                // Nobody will tell anything any more.
                Ok(Err(_)) => return None,
                Err(_) if Instant::now() >= alive => return Some(": alive\n\n".to_owned()),
                Err(_) => {}
            }
        }
    }
}

fn event(lists: &[&str]) -> String {
    format!(
        "event: changed\ndata: {{\"lists\":[{}]}}\n",
        lists.iter().map(|list| format!("\"{list}\"")).collect::<Vec<_>>().join(",")
    )
}

/// When the process began, then every count: `1795000000000-3-1-4-…`.
fn id(born: Timestamp, changes: &Changes) -> String {
    let counts: Vec<String> = List::ALL.into_iter().map(|list| changes.of(list).to_string()).collect();
    format!("{}-{}", born.millis(), counts.join("-"))
}

/// The counts of an id of this process.
fn read_id(text: &str, born: Timestamp) -> Option<Changes> {
    let mut numbers = text.split('-');
    let of_this: i64 = numbers.next()?.parse().ok()?;
    let counts: Vec<u64> = numbers.map(str::parse).collect::<Result<_, _>>().ok()?;
    (of_this == born.millis()).then(|| counts.try_into().ok().map(Changes::from_counts)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_holds_the_counts_and_means_nothing_to_another_process() {
        let mut changes = Changes::default();
        changes.count(List::Alerts);
        changes.count(List::Silences);
        let born = Timestamp::from_millis(1_795_000_000_000);
        let text = id(born, &changes);
        assert_eq!(text, "1795000000000-0-0-1-0-0-0-0-1");
        assert_eq!(read_id(&text, born), Some(changes));
        for (text, born) in [
            (text.as_str(), Timestamp::from_millis(1)),
            ("1795000000000-0-0-1", born),
            ("1795000000000-0-0-1-0-0-0-0-x", born),
            ("", born),
        ] {
            assert_eq!(read_id(text, born), None, "{text}");
        }
    }
}
