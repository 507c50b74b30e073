//! Whom a command asks: the API of the running monitor, or the same routes over the store itself where none runs.
//!
//! A command that changes something first tries for the store's lock. Who has it knows that no monitor runs, and no token goes to a
//! stranger who listens at its address meanwhile; who does not get it asks the monitor.

use super::Failure;
use super::alone;
use super::places::Located;
use crate::config::Broken;
use crate::config::checked::{HttpConfig, Role, TokenConfig};
use crate::http::Local;
use crate::net::http::{HttpClient, Method, Reach, Request, Target, header};
use crate::net::{Tls, install_crypto_provider};
use crate::store::lock::lock_path;
use crate::store::{IfMissing, Reader, Remedy, SqliteStore, StoreFault};
use crate::types::Secret;
use anyhow::anyhow;
use bytes::Bytes;
use serde_json::Value;
use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

/// For an answer of the API. Longer than the API takes to give up itself.
const DEADLINE: Duration = Duration::from_secs(15);

/// A question: where in the API, and its query.
#[derive(Debug, Clone)]
pub(super) struct Question {
    segments: Vec<String>,
    query: Vec<(&'static str, String)>,
}

impl Question {
    /// A path below `/api/v1`.
    pub(super) fn new(segments: &[&str]) -> Self {
        let segments = ["api", "v1"].iter().chain(segments).map(|segment| (*segment).to_owned()).collect();
        Self { segments, query: Vec::new() }
    }

    /// With this in its query, where it is said.
    pub(super) fn with(mut self, key: &'static str, value: Option<impl ToString>) -> Self {
        self.query.extend(value.map(|value| (key, value.to_string())));
        self
    }

    fn target(&self, base: &str) -> Result<Target, Failure> {
        let segments: Vec<&str> = self.segments.iter().map(String::as_str).collect();
        let target = Target::parse(&Secret::new(base.to_owned())).map_err(Failure::usage)?.join(&segments);
        let query: Vec<_> = self.query.iter().map(|(key, value)| (*key, value.as_str())).collect();
        Ok(if query.is_empty() { target } else { target.with_query(&query) })
    }

    /// Path and query, escaped as `target` does it.
    fn path(&self) -> Result<String, Failure> {
        let mut url = url::Url::parse("http://localhost").map_err(Failure::again)?;
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(&self.segments);
        }
        if !self.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&self.query);
        }
        let query = url.query().map(|query| format!("?{query}")).unwrap_or_default();
        Ok(format!("{}{query}", url.path()))
    }
}

/// Who answers.
pub(super) enum Answerer {
    /// A running monitor.
    Monitor(Monitor),
    /// The store, by this process.
    Store(Local),
}

/// The API of a running monitor.
pub(super) struct Monitor {
    client: HttpClient,
    at: SocketAddr,
    token: Option<Secret>,
}

/// The token to change something with: the one of this name, or of those that may, the one that may least.
fn token(http: &HttpConfig, need: Role, name: Option<&str>) -> Result<Secret, Failure> {
    let named = |token: &&TokenConfig| name.is_none_or(|name| token.name.as_str() == name);
    let fit = || http.tokens.iter().filter(named).filter(|token| token.role >= need);
    if let Some(token) = fit().filter(|token| !token.secret.is_unread()).min_by_key(|token| token.role) {
        return Ok(token.secret.clone());
    }
    let gone = fit().filter_map(|token| Some((&token.name, http.unread.get(&token.name)?)));
    let gone: Vec<String> = gone.map(|(name, why)| format!("{name} ({why})")).collect();
    Err(Failure::usage(if gone.is_empty() {
        let whose = name.map_or_else(String::new, |name| format!(" {}", super::show::clean(name)));
        let hint = format!("`token` or `tokens` in [http], with the role {}", need.word());
        anyhow!("the config has no token{whose} that may do this. hint: {hint}")
    } else {
        anyhow!("no token that may do this can be had here: {}", gone.join("; "))
    }))
}

/// Why the API did not answer.
pub(super) struct Silence {
    at: SocketAddr,
    why: String,
}

impl std::fmt::Display for Silence {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "no monitor answers at http://{} ({})", self.at, self.why)
    }
}

impl Monitor {
    /// To read. To where others can listen a token is sent for that too: the one of whoever asks that may least.
    pub(super) fn new(http: &HttpConfig) -> Result<Self, Failure> {
        install_crypto_provider();
        let at = reachable(http.listen);
        let token = http.tokens.iter().filter(|token| !token.secret.is_unread()).min_by_key(|token| token.role);
        let token = token.filter(|_| !at.ip().is_loopback()).map(|token| token.secret.clone());
        let client = HttpClient::new(&Tls::baked()).map_err(Failure::again)?;
        Ok(Self { client, at, token })
    }

    /// This, where somebody speaks as a monitor does: asked the smallest question there is, without a token where none is needed.
    async fn greeted(self) -> Result<Result<Self, Silence>, Failure> {
        let question = Question::new(&["outbox"]).with("limit", Some(1));
        Ok(self.ask(Method::GET, &question).await?.map(|_| self))
    }

    /// Asks once. The inner error is silence: nobody who speaks our API is there.
    async fn ask(&self, method: Method, question: &Question) -> Result<Result<Bytes, Silence>, Failure> {
        self.send(method, question, Bytes::new()).await
    }

    /// The same with a body of JSON.
    async fn send(&self, method: Method, question: &Question, body: Bytes) -> Result<Result<Bytes, Silence>, Failure> {
        let target = question.target(&format!("http://{}", self.at))?;
        let mut request = if body.is_empty() { Request::get(target) } else { Request::post_json(target, body) };
        request.method = method;
        // The operator wrote this address, and it is this machine's.
        request = request.within(DEADLINE).reaching(Reach::Anywhere);
        if let Some(token) = &self.token {
            request = request.bearer(token).map_err(Failure::usage)?;
        }
        let silence = |why: String| Ok(Err(Silence { at: self.at, why }));
        let response = match self.client.send(request).await {
            Ok(response) => response,
            Err(fault) => return silence(fault.to_string()),
        };
        let is_ours = response.status == 204
            || response.text(&header::CONTENT_TYPE).is_some_and(|kind| {
                kind.starts_with("application/json") || kind.starts_with("application/problem+json")
            });
        if !is_ours {
            return silence(format!("something else does, with status {}", response.status));
        }
        judge(response.status, response.body).map(Ok)
    }
}

/// An answer that is one, or the problem that it tells of.
fn judge(status: u16, body: Bytes) -> Result<Bytes, Failure> {
    if (200..300).contains(&status) {
        return Ok(body);
    }
    let problem: Value = serde_json::from_slice(&body).unwrap_or_default();
    let unsaid = || format!("an answer with status {status} that says nothing more");
    let lines = |detail: &str| detail.lines().map(super::show::clean).collect::<Vec<_>>().join("\n");
    let mut said = problem["detail"].as_str().map_or_else(unsaid, lines);
    for wrong in problem["errors"].as_array().into_iter().flatten() {
        let part = |key: &str| super::show::clean(wrong[key].as_str().unwrap_or_default());
        let _ = write!(said, "\n  {}: {}", part("pointer"), part("detail"));
    }
    let error = anyhow!("{said}");
    // What the asker can change is the command or the config; what passes by itself is worth another try.
    Err(if (400..500).contains(&status) && status != 408 { Failure::usage(error) } else { Failure::again(error) })
}

impl Answerer {
    /// Asks.
    pub(super) async fn get(&self, question: &Question) -> Result<Bytes, Failure> {
        self.ask(Method::GET, question).await
    }

    /// Has something done.
    pub(super) async fn post(&self, question: &Question) -> Result<(), Failure> {
        self.ask(Method::POST, question).await.map(drop)
    }

    /// Whether a monitor runs.
    pub(super) const fn is_monitor(&self) -> bool {
        matches!(self, Self::Monitor(_))
    }

    /// Has something taken away.
    pub(super) async fn delete(&self, question: &Question) -> Result<Bytes, Failure> {
        self.ask(Method::DELETE, question).await
    }

    /// Has something done that needs a body of JSON.
    pub(super) async fn send(&self, question: &Question, body: Bytes) -> Result<Bytes, Failure> {
        match self {
            Self::Monitor(monitor) => {
                let sent = monitor.send(Method::POST, question, body).await?;
                sent.map_err(|silence| Failure::again(anyhow!("{silence}")))
            }
            Self::Store(local) => {
                let (status, body) = local.send(Method::POST, &question.path()?, body).await;
                judge(status, body)
            }
        }
    }

    async fn ask(&self, method: Method, question: &Question) -> Result<Bytes, Failure> {
        match self {
            Self::Monitor(monitor) => {
                monitor.ask(method, question).await?.map_err(|silence| Failure::again(anyhow!("{silence}")))
            }
            Self::Store(local) => {
                let (status, body) = local.ask(method, &question.path()?).await;
                judge(status, body)
            }
        }
    }
}

/// Asks the monitor, and nobody else.
pub(super) async fn of_monitor(located: &Located, question: &Question) -> Result<Bytes, Failure> {
    let monitor = Monitor::new(&located.config.http)?;
    monitor.ask(Method::GET, question).await?.map_err(|silence| {
        let store = &located.config.store.path;
        Failure::again(match noted_holder(store) {
            Some(pid) => anyhow!("{silence}, though process {pid} seems to hold the store {}", store.display()),
            None => anyhow!("{silence}"),
        })
    })
}

/// Has the monitor do something, and nobody else.
pub(super) async fn by_monitor(located: &Located, need: Role, question: &Question) -> Result<Bytes, Failure> {
    by_whom(located, need, None).await?.send(question, Bytes::new()).await
}

/// The monitor, and nobody else, with a token that may do this: the one of this name, or the first.
pub(super) async fn by_whom(located: &Located, need: Role, name: Option<&str>) -> Result<Answerer, Failure> {
    let http = &located.config.http;
    let token = Some(token(http, need, name)?);
    match Monitor::new(http)?.greeted().await? {
        // The token goes to nobody who does not speak as the monitor does.
        Ok(monitor) => Ok(Answerer::Monitor(Monitor { token, ..monitor })),
        Err(silence) => Err(Failure::again(anyhow!("{silence}: only a running monitor does this"))),
    }
}

/// Who answers what only reads: the monitor, else the store.
pub(super) async fn to_read(located: &Located) -> Result<Answerer, Failure> {
    let silence = match Monitor::new(&located.config.http)?.greeted().await? {
        Ok(monitor) => return Ok(Answerer::Monitor(monitor)),
        Err(silence) => silence,
    };
    // What the store holds is told in the words of the config.
    located.whole().map_err(|failure| failure.and(&silence.to_string()))?;
    let path = &located.config.store.path;
    let reader = Reader::open(path).map_err(|fault| of_store(fault, Some(&silence)))?;
    eprintln!("{silence}: this is what the store {} holds", path.display());
    alone::reading(&located.config, reader).map(Answerer::Store).map_err(|fault| of_store(fault, None))
}

/// Who does what changes something: this process where it gets the store's lock, else the monitor that holds it.
pub(super) async fn to_change(located: &Located, need: Role) -> Result<Answerer, Failure> {
    to_change_as(located, need, None).await
}

/// The same with the token of this name, where a monitor is asked.
pub(super) async fn to_change_as(located: &Located, need: Role, name: Option<&str>) -> Result<Answerer, Failure> {
    let alone = |store| {
        located.whole()?;
        alone::changing(&located.config, store).map_err(|fault| of_store(fault, None))
    };
    held_or_asked(located, need, name, alone).await
}

/// Who freezes payments, which needs no more of a config than where to: this process or the monitor, as above. A torn one may not tell which
/// store is the right one, and nobody may be told that payments are frozen who has frozen another's.
pub(super) async fn to_freeze(located: &Located, name: Option<&str>) -> Result<Answerer, Failure> {
    let config = &located.config;
    let alone = |store| {
        let alone = match &located.broken {
            None => alone::changing(config, store),
            Some(Broken { torn: false, .. }) => alone::freezing(config, store),
            Some(Broken { torn: true, faults }) => return Err(Failure::usage(anyhow!("{faults}"))),
        };
        alone.map_err(|fault| of_store(fault, None))
    };
    held_or_asked(located, Role::Operate, name, alone).await
}

async fn held_or_asked(
    located: &Located,
    need: Role,
    name: Option<&str>,
    alone: impl FnOnce(SqliteStore) -> Result<Local, Failure>,
) -> Result<Answerer, Failure> {
    let path = &located.config.store.path;
    let fault = match SqliteStore::open(path, IfMissing::Refuse) {
        Ok(store) => {
            let local = alone(store)?;
            eprintln!("no monitor runs on the store {}: this is done there", path.display());
            return Ok(Answerer::Store(local));
        }
        Err(fault) => fault,
    };
    let elsewhere = match &fault {
        StoreFault::Locked { .. }
        | StoreFault::Missing { .. }
        | StoreFault::NoFolder { .. }
        | StoreFault::ReadOnly { .. } => true,
        StoreFault::Newer { .. }
        | StoreFault::Older { .. }
        | StoreFault::Foreign { .. }
        | StoreFault::Damaged { .. }
        | StoreFault::Exists { .. }
        | StoreFault::Gone { .. }
        | StoreFault::Full { .. }
        | StoreFault::Io { .. }
        | StoreFault::Closed => false,
    };
    if !elsewhere {
        return Err(of_store(fault, None));
    }
    let http = &located.config.http;
    match Monitor::new(http)?.greeted().await? {
        Ok(monitor) => Ok(Answerer::Monitor(Monitor { token: Some(token(http, need, name)?), ..monitor })),
        Err(silence) => Err(of_store(fault, Some(&silence))),
    }
}

/// What to do about a fault of the store.
pub(super) fn of_store(fault: StoreFault, silence: Option<&Silence>) -> Failure {
    let person = fault.remedy() == Remedy::Person;
    let error = match silence {
        Some(silence) => anyhow!("{fault}; and {silence}"),
        None => anyhow!("{fault}"),
    };
    if person { Failure::person(error) } else { Failure::again(error) }
}

/// The process whose number stands in the lock file, where it runs. The lock itself is not tried for: a monitor that starts at this
/// moment would be turned away.
fn noted_holder(store: &Path) -> Option<u32> {
    let noted: u32 = std::fs::read_to_string(lock_path(store)).ok()?.trim().parse().ok()?;
    Path::new("/proc").join(noted.to_string()).exists().then_some(noted)
}

/// Where to reach who listens there: an unspecified address is this machine's.
const fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}
