//! A receiver of webhooks: checks every signature as Standard Webhooks says, writes down what came, and answers as it was told to.

use super::PATIENCE;
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::Sha256;
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// The key that sender and receiver share.
const KEY: [u8; 24] = *b"a key of twenty-four ok.";
/// A signature older or newer than this is refused, as the specification advises.
const TOLERANCE: Duration = Duration::from_mins(5);

/// What it answers to one attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reply {
    /// This status.
    Status(u16),
    /// This status, and `Retry-After` in seconds.
    RetryAfter(u16, u64),
    /// Nothing, for so long; then 204.
    Slow(Duration),
    /// Nothing ever: the message has been taken, and the sender cannot know.
    Silence,
}

/// One attempt.
#[derive(Debug, Clone)]
pub struct Heard {
    /// `webhook-id`.
    pub id: String,
    /// The body.
    pub body: Value,
    /// The body as it came.
    pub raw: Bytes,
    /// When it came.
    pub at: Instant,
    /// What was answered.
    pub reply: Reply,
}

impl Heard {
    /// The type of the message.
    pub fn kind(&self) -> &str {
        self.body["type"].as_str().unwrap_or_default()
    }

    /// The message's `data`.
    pub fn data(&self) -> &Value {
        &self.body["data"]
    }

    /// A text of `data`, empty where there is none.
    pub fn text(&self, key: &str) -> &str {
        self.body["data"][key].as_str().unwrap_or_default()
    }
}

#[derive(Debug)]
struct Inside {
    heard: Mutex<Vec<Heard>>,
    faults: Mutex<Vec<String>>,
    script: Mutex<VecDeque<Reply>>,
    count: watch::Sender<usize>,
}

/// The receiver. It ends with its value.
#[derive(Debug)]
pub struct Receiver {
    at: SocketAddr,
    inside: Arc<Inside>,
    count: watch::Receiver<usize>,
    serving: JoinHandle<()>,
}

impl Receiver {
    /// On a free port.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let at = listener.local_addr().expect("it is bound");
        let (count_to, count) = watch::channel(0);
        let inside = Arc::new(Inside {
            heard: Mutex::default(),
            faults: Mutex::default(),
            script: Mutex::default(),
            count: count_to,
        });
        let router = Router::new().fallback(take).with_state(Arc::clone(&inside));
        let serving = tokio::spawn(async move { axum::serve(listener, router).await.expect("it serves") });
        Self { at, inside, count, serving }
    }

    /// Where it listens.
    pub fn url(&self) -> String {
        format!("http://{}/hook", self.at)
    }

    /// The key as a config has it.
    pub fn secret() -> String {
        format!("whsec_{}", STANDARD.encode(KEY))
    }

    /// The next answers, in order; after them 204 again.
    pub fn script(&self, replies: impl IntoIterator<Item = Reply>) {
        self.inside.script.lock().expect("no holder panics").extend(replies);
    }

    /// Every attempt so far.
    pub fn heard(&self) -> Vec<Heard> {
        let faults = self.inside.faults.lock().expect("no holder panics");
        assert!(faults.is_empty(), "not a Standard Webhook: {faults:?}");
        self.inside.heard.lock().expect("no holder panics").clone()
    }

    /// Every attempt so far, once they are `enough`; what there is, where they are not in time.
    pub async fn until(&self, enough: impl Fn(&[Heard]) -> bool) -> Result<Vec<Heard>, Vec<Heard>> {
        let mut count = self.count.clone();
        let reached = async {
            loop {
                count.borrow_and_update();
                let heard = self.heard();
                if enough(&heard) {
                    return heard;
                }
                count.changed().await.expect("the receiver lives");
            }
        };
        tokio::time::timeout(PATIENCE, reached).await.map_err(|_| self.heard())
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn take(State(inside): State<Arc<Inside>>, headers: HeaderMap, body: Bytes) -> Response {
    let at = Instant::now();
    let (id, body_read) = match verify(&headers, &body) {
        Ok(read) => read,
        Err(fault) => {
            inside.faults.lock().expect("no holder panics").push(fault);
            inside.count.send_modify(|count| *count += 1);
            return StatusCode::UNAUTHORIZED.into_response();
        }
    };
    let reply = inside.script.lock().expect("no holder panics").pop_front().unwrap_or(Reply::Status(204));
    inside.heard.lock().expect("no holder panics").push(Heard { id, body: body_read, raw: body, at, reply });
    inside.count.send_modify(|count| *count += 1);
    let status = |status| StatusCode::from_u16(status).expect("a status");
    match reply {
        Reply::Status(code) => status(code).into_response(),
        Reply::RetryAfter(code, seconds) => (status(code), [("retry-after", seconds.to_string())]).into_response(),
        Reply::Slow(time) => {
            tokio::time::sleep(time).await;
            StatusCode::NO_CONTENT.into_response()
        }
        Reply::Silence => std::future::pending().await,
    }
}

/// The id and the body of a request whose signature is right.
fn verify(headers: &HeaderMap, body: &[u8]) -> Result<(String, Value), String> {
    let header = |name: &str| {
        let value = headers.get(name).and_then(|value| value.to_str().ok());
        value.ok_or_else(|| format!("there is no {name}"))
    };
    let (id, seconds) = (header("webhook-id")?, header("webhook-timestamp")?);
    let signed = Duration::from_secs(seconds.parse().map_err(|_| format!("webhook-timestamp is {seconds}"))?);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_err(|fault| fault.to_string())?;
    if now.abs_diff(signed) > TOLERANCE {
        return Err(format!("webhook-timestamp is {seconds}, and it is {}", now.as_secs()));
    }
    let mut mac = Hmac::<Sha256>::new_from_slice(&KEY).map_err(|fault| fault.to_string())?;
    mac.update(format!("{id}.{seconds}.").as_bytes());
    mac.update(body);
    let right = format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()));
    if !header("webhook-signature")?.split(' ').any(|signature| signature == right) {
        return Err(format!("the signature of {id} is wrong"));
    }
    let body = serde_json::from_slice(body).map_err(|fault| format!("the body of {id}: {fault}"))?;
    Ok((id.to_owned(), body))
}
