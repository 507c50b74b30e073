//! Alertmanagers: members in memory that hold us to what is documented, on a paused clock; and a real one, with its own notifications.

use crate::channels::{Receives, Wire, gone, only, sink};
use crate::common::{PATIENCE, http_client};
use crate::rig::{Book, HOSTILE, Rig, message};
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;
use walletwatch::app::clock::Clock;
use walletwatch::config::checked::{AlertmanagerConfig, SinkKind};
use walletwatch::net::{HttpClient, Tls};
use walletwatch::reactor::effect::{Body, Message, MessageKind, SourceBody};
use walletwatch::sinks::answer::{SendMethod, SinkRequest};
use walletwatch::sinks::{Courier, HttpPost, Sink};
use walletwatch::types::{Secret, Severity, Stage, Timestamp};

pub(crate) const MEMBERS: [&str; 2] = ["http://am-1:9093/alerts", "http://am-2:9093"];

/// A member: alerts by their labels.
#[derive(Default)]
pub(crate) struct Member {
    pub(crate) alerts: BTreeMap<String, Value>,
    posts: u32,
    down: bool,
}

#[derive(Default)]
pub(crate) struct Members(pub(crate) [Member; 2]);

impl Members {
    fn checked(alert: &Value) {
        only(alert, &["labels", "annotations", "startsAt", "endsAt", "generatorURL"]);
        let name = |name: &str| {
            let mut bytes = name.bytes();
            bytes.next().is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_')
                && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        };
        let labels = alert["labels"].as_object().expect("an object");
        assert!(labels.contains_key("alertname") && labels.iter().all(|(key, value)| name(key) && value.is_string()));
        let amounts = ["1234.567", "0xabab"];
        assert!(
            labels
                .values()
                .all(|value| !amounts.iter().any(|amount| value.as_str().is_some_and(|it| it.contains(amount))))
        );
        assert!(alert["annotations"].as_object().is_some_and(|all| all.keys().all(|key| name(key))));
        let time = |key: &str| Timestamp::parse(alert[key].as_str().expect("a time")).expect("it is RFC 3339");
        assert!(time("startsAt") <= time("endsAt"), "start time must be before end time: {alert}");
    }
}

impl Receives for Members {
    fn take(&mut self, request: &SinkRequest, body: &Value) -> (u16, Value, Option<Duration>) {
        assert_eq!(request.method, SendMethod::Post);
        let url = request.to.url().expose().strip_suffix("/api/v2/alerts").expect("version 2 of the API");
        let member = MEMBERS.iter().position(|member| *member == url).expect("a member");
        let member = &mut self.0[member];
        if member.down {
            return (503, json!("not ready"), None);
        }
        member.posts += 1;
        for alert in body.as_array().expect("a list") {
            Self::checked(alert);
            member.alerts.insert(alert["labels"].to_string(), alert.clone());
        }
        (200, json!({}), None)
    }
}

pub(crate) fn cluster(urls: &[&str]) -> Sink {
    let urls = urls.iter().map(|url| Secret::new((*url).to_owned())).collect();
    sink(SinkKind::Alertmanager(AlertmanagerConfig { urls, token: None, allow_private: true }))
}

/// What lasts: a chain that nobody sees, and is seen again.
pub(crate) fn blind(alert: u8, revision: u32) -> Message {
    let body = SourceBody {
        source: "ethereum".into(),
        kind: walletwatch::reactor::source::SourceKind::Rpc,
        chain: Some("ethereum".into()),
        since: Timestamp::from_secs(1_799_999_000),
        last_block: Some(7),
        gap: None,
        reason: "nothing new came".into(),
        pair: None,
        unpriced: None,
    };
    let kind = if revision == 1 { MessageKind::SourceBlind } else { MessageKind::SourceRecovered };
    let Message { sinks, simulated, at, .. } = message(alert, 1, Stage::Seen, "X");
    let (alert, rule) = (walletwatch::types::AlertId([alert; 16]), None);
    Message {
        sinks,
        alert,
        revision,
        kind,
        severity: Severity::Critical,
        rule,
        at,
        body: Body::Source(body),
        simulated,
    }
}

/// Whether an alert fires at this time.
pub(crate) fn fires(alert: &Value, at: Timestamp) -> bool {
    Timestamp::parse(alert["endsAt"].as_str().expect("a time")).expect("RFC 3339") > at
}

fn now(began: tokio::time::Instant) -> Timestamp {
    Timestamp::from_secs(1_800_000_000).after(began.elapsed())
}

#[tokio::test(start_paused = true)]
async fn every_member_has_one_alert_for_each_of_ours_and_what_ends_it_ends_it_there() {
    let began = tokio::time::Instant::now();
    let members = Wire::new(Members::default());
    let rig = Rig::start(members.clone(), Book::slow(), cluster(&MEMBERS));
    let names = HOSTILE.iter().cycle().take(20);
    rig.commit((0..20).zip(names).map(|(alert, name)| message(alert, 1, Stage::Seen, name)).collect()).await;
    rig.until_closed().await;
    rig.commit(vec![message(0, 2, Stage::Confirmed, "X"), gone(1, 2), blind(100, 1)]).await;
    rig.until_closed().await;
    for member in &members.there().0 {
        let firing = |alert: &&Value| fires(alert, now(began));
        // 20 and the blindness; of the one that was taken back only that.
        assert_eq!((member.alerts.len(), member.alerts.values().filter(firing).count()), (22, 21));
        let taken_back =
            member.alerts.values().find(|alert| alert["labels"]["retracted"] == "true").expect("it is said");
        assert!(taken_back["annotations"]["summary"].as_str().is_some_and(|text| text.starts_with("RETRACTED")));
    }
    rig.commit(vec![blind(100, 2)]).await;
    rig.until_closed().await;
    for member in &members.there().0 {
        let blind =
            member.alerts.values().find(|alert| alert["labels"]["alertname"] == "source.blind").expect("it is there");
        assert!(!fires(blind, now(began)), "the labels of the first message end it: {blind}");
        assert_eq!(blind["labels"]["severity"], "critical");
    }
    rig.end().await;
}

#[tokio::test(start_paused = true)]
async fn what_lasts_is_sent_again_while_it_does_also_by_the_next_process_and_a_member_that_was_away_gets_it() {
    let began = tokio::time::Instant::now();
    let members = Wire::new(Members::default());
    members.there().0[1].down = true;
    let rig = Rig::start(members.clone(), Book::default(), cluster(&MEMBERS));
    let row = rig.commit(vec![blind(100, 1), message(1, 1, Stage::Seen, "X")]).await;
    rig.until_closed().await;
    assert!(rig.book.row(row).reason.is_some_and(|reason| reason.as_str().starts_with("1 of 2 have it; number 2")));
    members.there().0[1].down = false;
    tokio::time::sleep(Duration::from_mins(3)).await;
    assert_eq!(members.there().0[1].alerts.len(), 1, "what lasts is there, what only happened is not sent again");
    // A member forgot everything, and so did we.
    let book = rig.end().await;
    members.there().0 = <[Member; 2]>::default();
    let rig = Rig::start(members.clone(), book, cluster(&MEMBERS));
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(members.there().0.iter().all(|member| member.alerts.len() == 1), "at once");
    tokio::time::sleep(Duration::from_hours(24)).await;
    for member in &members.there().0 {
        assert!((1_400..1_500).contains(&member.posts), "every minute: {}", member.posts);
        assert!(member.alerts.values().all(|alert| fires(alert, now(began))));
    }
    rig.commit(vec![blind(100, 2)]).await;
    rig.until_closed().await;
    let posts = members.there().0[0].posts;
    tokio::time::sleep(Duration::from_hours(1)).await;
    assert_eq!(members.there().0[0].posts, posts, "what is over is sent no more");
    rig.end().await;
}

/// Alertmanager from Debian.
struct Real {
    child: Child,
    url: String,
    _folder: tempfile::TempDir,
}

fn program(test: &str) -> Option<PathBuf> {
    let named = std::env::var_os("WALLETWATCH_ALERTMANAGER").map(PathBuf::from);
    let paths = std::env::var_os("PATH").unwrap_or_default();
    let names = ["prometheus-alertmanager", "alertmanager"];
    let on_path = std::env::split_paths(&paths).flat_map(|folder| names.map(|name| folder.join(name)));
    let found = named.into_iter().chain(on_path).find(|path| path.is_file());
    if found.is_none() {
        // Not by `println`: what a passing test prints is not shown.
        let _ = writeln!(std::io::stderr(), "left out: {test} (Alertmanager is not here; tests/run installs it)");
    }
    found
}

impl Real {
    async fn start(test: &str, notify: &str) -> Option<Self> {
        let program = program(test)?;
        let folder = tempfile::tempdir().expect("a folder can be made");
        let config = folder.path().join("alertmanager.yml");
        let text = format!(
            "route: {{ receiver: us, group_by: ['...'], group_wait: 100ms, group_interval: 200ms, repeat_interval: 1h }}\n\
             receivers: [ {{ name: us, webhook_configs: [ {{ url: '{notify}', send_resolved: true }} ] }} ]\n"
        );
        std::fs::write(&config, text).expect("it can be written");
        let free = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let at = free.local_addr().expect("it is bound");
        drop(free);
        let child = Command::new(program)
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.path={}", folder.path().display()))
            .arg(format!("--web.listen-address={at}"))
            .arg("--cluster.listen-address=")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("it starts");
        let real = Self { child, url: format!("http://{at}"), _folder: folder };
        let ready = async {
            while http_client().get(format!("{}/-/ready", real.url)).send().await.is_err() {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(PATIENCE, ready).await.expect("it answers in time");
        Some(real)
    }
}

impl Drop for Real {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What Alertmanager notified of, by summary and status.
async fn listener() -> (String, watch::Receiver<Vec<(String, String)>>) {
    async fn take(State(heard): State<watch::Sender<Vec<(String, String)>>>, body: Bytes) {
        let body: Value = serde_json::from_slice(&body).expect("it is JSON");
        for alert in body["alerts"].as_array().expect("a list") {
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            heard.send_modify(|all| all.push((text(&alert["status"]), text(&alert["annotations"]["summary"]))));
        }
    }
    let (heard_to, heard) = watch::channel(Vec::new());
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    let url = format!("http://{}/", listener.local_addr().expect("it is bound"));
    let router = Router::new().fallback(take).with_state(heard_to);
    tokio::spawn(async move { axum::serve(listener, router).await.expect("it serves") });
    (url, heard)
}

#[tokio::test]
async fn a_real_alertmanager_notifies_of_what_is_raised_taken_back_and_over() {
    let (notify, mut heard) = listener().await;
    let Some(real) = Real::start("alerts at a real Alertmanager", &notify).await else { return };
    walletwatch::net::install_crypto_provider();
    let courier = {
        let http = HttpClient::new(&Tls::baked()).expect("it has authorities");
        Courier::new(HttpPost::new(http, Clock::wall), Tls::baked())
    };
    let rig = Rig::start_by(courier, Book::default(), cluster(&[&real.url]), Clock::wall);
    let mut until = async |status: &str, words: &str| {
        let there = |all: &Vec<(String, String)>| all.iter().any(|(is, text)| is == status && text.starts_with(words));
        let all = tokio::time::timeout(PATIENCE, heard.wait_for(there)).await.map(|found| found.map(|all| all.clone()));
        assert!(matches!(all, Ok(Ok(_))), "{status} {words} does not come");
    };
    rig.commit(vec![message(1, 1, Stage::Seen, HOSTILE[0]), blind(100, 1)]).await;
    rig.until_closed().await;
    until("firing", "treasury received 1234.567").await;
    until("firing", "BLIND on ethereum").await;
    rig.commit(vec![gone(1, 2), blind(100, 2)]).await;
    rig.until_closed().await;
    until("firing", "RETRACTED").await;
    until("resolved", "RECOVERED: ethereum").await;
    let url = format!("{}/api/v2/alerts", real.url);
    let answer = http_client().get(url).send().await.expect("it answers").bytes().await.expect("a body");
    let left: Vec<Value> = serde_json::from_slice(&answer).expect("JSON");
    assert!(left.iter().all(|alert| alert["labels"]["retracted"] == "true"), "nothing else fires: {left:?}");
    rig.end().await;
}
