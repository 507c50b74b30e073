//! PagerDuty, Discord and ntfy, each against a receiver in memory that holds it to what is documented (fields, sizes, limits), on a paused clock.

use crate::rig::{Book, HOSTILE, Rig, grave, message};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;
use tokio::time::Instant;
use walletwatch::config::checked::{DiscordConfig, NtfyConfig, PagerDutyConfig, SinkConfig, SinkKind};
use walletwatch::reactor::effect::{Body, Message};
use walletwatch::sinks::answer::{Answer, SendFault, SendMethod, SinkRequest, SinkResponse};
use walletwatch::sinks::letter::{Letter, LetterAnswer, LetterFault};
use walletwatch::sinks::{Carry, Post, Sink};
use walletwatch::store::OutboxState;
use walletwatch::types::{Secret, Stage};

/// A receiver: takes a request, and answers as its documentation says.
pub(crate) trait Receives: Send + 'static {
    fn take(&mut self, request: &SinkRequest, body: &Value) -> (u16, Value, Option<Duration>);
}

/// A receiver behind no network.
pub(crate) struct Wire<R>(Arc<Mutex<R>>);

impl<R> Clone for Wire<R> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<R: Receives> Wire<R> {
    pub(crate) fn new(receiver: R) -> Self {
        Self(Arc::new(Mutex::new(receiver)))
    }

    pub(crate) fn there(&self) -> MutexGuard<'_, R> {
        self.0.lock().expect("no holder panics")
    }
}

impl<R: Receives> Post for Wire<R> {
    async fn post(&self, request: SinkRequest) -> Answer {
        let body = serde_json::from_slice(&request.body).expect("it is JSON");
        let (status, answer, pause) = self.there().take(&request, &body);
        if status == 0 {
            return Err(SendFault { ambiguous: true, reason: "no answer in time".into() });
        }
        Ok(SinkResponse { status, retry_after: None, pause, body: answer.to_string().into() })
    }
}

impl<R: Receives> Carry for Wire<R> {
    async fn carry(&self, _: Letter) -> LetterAnswer {
        Err(LetterFault::Broken(SendFault { ambiguous: false, reason: "this carries no mail".into() }))
    }
}

pub(crate) fn sink(kind: SinkKind) -> Sink {
    Sink::new(&SinkConfig { name: "people".into(), kind }).expect("it is whole")
}

/// That a transfer is gone.
pub(crate) fn gone(alert: u8, revision: u32) -> Message {
    let mut gone = message(alert, revision, Stage::Retracted, "X");
    if let Body::Transfer(transfer) = &mut gone.body {
        transfer.confirmations = 0;
    }
    gone
}

/// Every key of an object is one of these.
pub(crate) fn only(value: &Value, known: &[&str]) {
    for key in value.as_object().expect("an object").keys() {
        assert!(known.contains(&key.as_str()), "{key} is not documented: {value}");
    }
}

/// A channel of Discord: five requests in two seconds, which its headers tell.
#[derive(Default)]
pub(crate) struct Channel {
    pub(crate) posts: Vec<(String, Value)>,
    edits: Vec<String>,
    /// When the requests of this window began.
    window: Option<(Instant, u32)>,
    pub(crate) limited: u32,
    /// The webhook was deleted.
    deleted: bool,
}

const WEBHOOK: &str = "https://discord.com/api/webhooks/1/TOKEN";
const WINDOW: (u32, Duration) = (5, Duration::from_secs(2));

impl Channel {
    fn checked(body: &Value) {
        only(body, &["embeds", "allowed_mentions", "content", "username"]);
        assert_eq!(body["allowed_mentions"]["parse"], json!([]), "nobody is pinged");
        let embeds = body["embeds"].as_array().expect("a list");
        assert!((1..=10).contains(&embeds.len()));
        for embed in embeds {
            only(embed, &["title", "description", "url", "color", "timestamp", "fields", "footer"]);
            let length = |key: &str| embed[key].as_str().map_or(0, |text| text.encode_utf16().count());
            let (title, text) = (length("title"), length("description"));
            assert!((1..=256).contains(&title) && text <= 4_096 && title + text <= 6_000, "{title} and {text}");
            assert!(embed["color"].as_u64().is_some_and(|color| color <= 0xff_ff_ff));
            assert!(embed["url"].is_null() || embed["url"].as_str().is_some_and(|url| url.starts_with("https://")));
        }
    }
}

impl Receives for Channel {
    fn take(&mut self, request: &SinkRequest, body: &Value) -> (u16, Value, Option<Duration>) {
        if self.deleted {
            return (404, json!({"message": "Unknown Webhook", "code": 10_015}), None);
        }
        let now = Instant::now();
        let (began, count) = self.window.filter(|(began, _)| now.duration_since(*began) < WINDOW.1).unwrap_or((now, 0));
        let rest = WINDOW.1.saturating_sub(now.duration_since(began));
        if count >= WINDOW.0 {
            self.limited += 1;
            return (429, json!({"message": "You are being rate limited.", "retry_after": 1.5, "global": false}), None);
        }
        self.window = Some((began, count + 1));
        let pause = (count + 1 == WINDOW.0).then_some(rest);
        Self::checked(body);
        let url = request.to.url().expose();
        match (request.method, url.strip_prefix(WEBHOOK)) {
            (SendMethod::Post, Some("?wait=true")) => {
                let id = format!("1111111111111111{:03}", self.posts.len());
                self.posts.push((id.clone(), body.clone()));
                (200, json!({"id": id, "type": 0}), pause)
            }
            (SendMethod::Patch, Some(rest)) => {
                let id = rest.strip_prefix("/messages/").expect("a message is changed");
                match self.posts.iter_mut().find(|(known, _)| known == id) {
                    Some((_, there)) => {
                        *there = body.clone();
                        self.edits.push(id.to_owned());
                        (200, json!({"id": id}), pause)
                    }
                    None => (404, json!({"message": "Unknown Message", "code": 10_008}), pause),
                }
            }
            other => panic!("{other:?}"),
        }
    }
}

pub(crate) fn discord() -> Sink {
    sink(SinkKind::Discord(DiscordConfig { url: Secret::new(WEBHOOK.into()), allow_private: false }))
}

pub(crate) fn title(post: &(String, Value)) -> String {
    post.1["embeds"][0]["title"].as_str().unwrap_or_default().to_owned()
}

#[tokio::test(start_paused = true)]
async fn a_channel_gets_everything_in_order_within_what_its_headers_allow_whatever_tokens_are_called() {
    let channel = Wire::new(Channel::default());
    let rig = Rig::start(channel.clone(), Book::default(), discord());
    let names = HOSTILE.iter().cycle().take(60);
    rig.commit((0..60).zip(names).map(|(alert, name)| grave(message(alert, 1, Stage::Seen, name))).collect()).await;
    rig.until_closed().await;
    let (posts, limited) = {
        let there = channel.there();
        (there.posts.clone(), there.limited)
    };
    assert_eq!((posts.len(), limited), (60, 0), "each once, and never too many");
    for (nth, (_, post)) in posts.iter().enumerate() {
        let text = post["embeds"][0]["description"].as_str().unwrap_or_default();
        assert!(
            text.contains(&format!("transaction `0x{}`", format!("{nth:02x}").repeat(32))),
            "{nth} is in its place"
        );
    }
    rig.end().await;
}

#[tokio::test(start_paused = true)]
async fn in_a_channel_an_alert_is_one_message_that_is_edited_and_its_end_is_said_besides() {
    let channel = Wire::new(Channel::default());
    let rig = Rig::start(channel.clone(), Book::slow(), discord());
    for told in [message(1, 1, Stage::Seen, "X"), message(1, 2, Stage::Confirmed, "X"), gone(1, 3)] {
        rig.commit(vec![told]).await;
        rig.until_closed().await;
    }
    {
        let there = channel.there();
        assert_eq!((there.posts.len(), there.edits.len()), (2, 2), "the first, and the end");
        assert!(there.posts.iter().all(|post| title(post).starts_with("RETRACTED")), "{:?}", there.posts);
    }
    // Somebody deleted the message: what follows is said anew.
    let first = rig.commit(vec![message(2, 1, Stage::Seen, "X")]).await;
    rig.until_closed().await;
    channel.there().posts.clear();
    rig.commit(vec![message(2, 2, Stage::Confirmed, "X")]).await;
    rig.until_closed().await;
    assert!(title(&channel.there().posts[0]).contains("confirmed"));
    assert!(rig.book.row(first).receiver_id.is_some());
    // A webhook that was deleted is never called again; its messages are kept.
    channel.there().deleted = true;
    let kept = rig.commit(vec![message(3, 1, Stage::Seen, "X"), message(4, 1, Stage::Seen, "X")]).await;
    rig.until(|book| book.row(kept).reason.is_some()).await;
    tokio::time::sleep(Duration::from_hours(24)).await;
    assert_eq!(rig.book.row(kept).state, OutboxState::Pending);
    assert!(rig.book.row(kept).reason.is_some_and(|reason| reason.as_str().contains("make another")));
    rig.end().await;
}

/// A topic of ntfy: 60 requests at once, and one more every five seconds.
pub(crate) struct Topic {
    pub(crate) messages: Vec<Value>,
    pub(crate) left: f64,
    pub(crate) counted: Instant,
    pub(crate) limited: u32,
}

impl Receives for Topic {
    fn take(&mut self, request: &SinkRequest, body: &Value) -> (u16, Value, Option<Duration>) {
        assert_eq!((request.method, request.to.url().expose()), (SendMethod::Post, "https://ntfy.sh"));
        if request.bearer.as_ref().map(|token| token.expose()) != Some("tk_1") {
            return (403, json!({"code": 40_301, "http": 403, "error": "forbidden"}), None);
        }
        let now = Instant::now();
        self.left = (self.left + now.duration_since(self.counted).as_secs_f64() / 5.0).min(60.0);
        self.counted = now;
        if self.left < 1.0 {
            self.limited += 1;
            return (429, json!({"code": 42_901, "error": "limit reached: too many requests"}), None);
        }
        self.left -= 1.0;
        only(body, &["topic", "title", "message", "priority", "tags", "click", "actions", "markdown"]);
        assert_eq!(body["topic"], "treasury");
        let length = |key: &str| body[key].as_str().map_or(0, str::len);
        assert!(length("title") <= 1_024 && (1..=4_096).contains(&length("message")), "{body}");
        assert!(body["priority"].as_u64().is_some_and(|priority| (1..=5).contains(&priority)));
        assert!(body["tags"].as_array().is_some_and(|tags| tags.iter().all(Value::is_string)));
        self.messages.push(body.clone());
        (200, json!({"id": format!("abcDEF{:06}", self.messages.len()), "event": "message", "topic": "treasury"}), None)
    }
}

#[tokio::test(start_paused = true)]
async fn a_topic_gets_everything_in_order_within_its_limits_whatever_tokens_are_called() {
    let topic = Wire::new(Topic { messages: Vec::new(), left: 60.0, counted: Instant::now(), limited: 0 });
    let config = NtfyConfig {
        url: Secret::new("https://ntfy.sh".into()),
        topic: "treasury".into(),
        token: Some(Secret::new("tk_1".into())),
        allow_private: false,
    };
    let rig = Rig::start(topic.clone(), Book::default(), sink(SinkKind::Ntfy(config.clone())));
    let names = HOSTILE.iter().cycle().take(150);
    rig.commit((0..150).zip(names).map(|(alert, name)| grave(message(alert, 1, Stage::Seen, name))).collect()).await;
    rig.until_closed().await;
    {
        let there = topic.there();
        assert_eq!((there.messages.len(), there.limited), (150, 0), "each once, and never too many");
        for (nth, message) in there.messages.iter().enumerate() {
            let text = message["message"].as_str().unwrap_or_default();
            assert!(
                text.contains(&format!("transaction 0x{}", format!("{nth:02x}").repeat(32))),
                "{nth} is in its place"
            );
        }
    }
    rig.end().await;
    // A token that is not the topic's: told what to do, and tried again for the day in which somebody puts it right.
    let wrong = NtfyConfig { token: None, ..config };
    let rig = Rig::start(topic.clone(), Book::default(), sink(SinkKind::Ntfy(wrong)));
    let row = rig.commit(vec![message(1, 1, Stage::Seen, "X")]).await;
    rig.until(|book| {
        book.row(row).reason.is_some_and(|reason| reason.as_str().contains("look at `topic` and `token`"))
    })
    .await;
    assert_eq!(rig.book.row(row).state, OutboxState::Pending);
    rig.end().await;
}

/// A service of PagerDuty.
#[derive(Default)]
pub(crate) struct Service {
    /// Incidents by their key: how many events each took, and whether it is open.
    pub(crate) incidents: BTreeMap<String, (u32, bool)>,
    /// The next events are taken, and nobody is told.
    silent: u32,
    refuse: Option<(u16, &'static str)>,
}

pub(crate) const ROUTING: &str = "R0123456789abcdef0123456789abcde";

impl Receives for Service {
    fn take(&mut self, request: &SinkRequest, body: &Value) -> (u16, Value, Option<Duration>) {
        assert_eq!(request.to.url().expose(), "https://events.pagerduty.com/v2/enqueue");
        assert!(request.body.len() <= 512 * 1024);
        if let Some((status, words)) = self.refuse.take() {
            return (status, json!({"status": "invalid event", "message": words, "errors": [words]}), None);
        }
        only(body, &["routing_key", "event_action", "dedup_key", "payload", "links", "images", "client", "client_url"]);
        assert_eq!(body["routing_key"], ROUTING);
        let key = body["dedup_key"].as_str().filter(|key| (1..=255).contains(&key.len())).expect("a key").to_owned();
        match body["event_action"].as_str() {
            Some("trigger") => {
                let payload = &body["payload"];
                only(
                    payload,
                    &["summary", "source", "severity", "timestamp", "component", "group", "class", "custom_details"],
                );
                let summary = payload["summary"].as_str().map_or(0, |text| text.chars().count());
                assert!((1..=1_024).contains(&summary) && payload["source"].is_string());
                let severities = ["critical", "error", "warning", "info"].map(Value::from);
                assert!(severities.contains(&payload["severity"]));
                let incident = self.incidents.entry(key.clone()).or_default();
                *incident = (incident.0 + 1, true);
            }
            Some("resolve") => {
                // One without an open alert is dropped.
                if let Some(incident) = self.incidents.get_mut(&key) {
                    *incident = (incident.0 + 1, false);
                }
            }
            other => panic!("{other:?}"),
        }
        if self.silent > 0 {
            self.silent -= 1;
            return (0, Value::Null, None);
        }
        (202, json!({"status": "success", "message": "Event processed", "dedup_key": key}), None)
    }
}

#[tokio::test(start_paused = true)]
async fn an_alert_is_one_incident_however_often_it_is_sent_and_what_ends_it_resolves_it() {
    let service = Wire::new(Service { silent: 2, ..Service::default() });
    let config = PagerDutyConfig {
        url: Secret::new("https://events.pagerduty.com".into()),
        routing_key: Secret::new(ROUTING.into()),
        allow_private: false,
    };
    let rig = Rig::start(service.clone(), Book::default(), sink(SinkKind::PagerDuty(config)));
    let first = rig.commit(vec![message(1, 1, Stage::Seen, "X"), message(2, 1, Stage::Seen, "<b>")]).await;
    rig.until_closed().await;
    assert_eq!(service.there().incidents.len(), 2, "an answer that did not come makes no second incident");
    assert!(service.there().incidents.values().all(|(_, open)| *open));
    rig.commit(vec![message(1, 2, Stage::Confirmed, "X"), gone(1, 3)]).await;
    rig.until_closed().await;
    let open: Vec<bool> = service.there().incidents.values().map(|(_, open)| *open).collect();
    assert_eq!(open, [false, true], "the one that was taken back is resolved");
    // The key is wrong for an hour: nothing is lost. What PagerDuty calls invalid is dead.
    service.there().refuse = Some((400, "Invalid routing key"));
    let repaired = rig.commit(vec![message(3, 1, Stage::Seen, "X")]).await;
    rig.until_closed().await;
    assert_eq!(rig.book.row(repaired).state, OutboxState::Done);
    service.there().refuse = Some((400, "'payload.summary' is missing or blank"));
    let dead = rig.commit(vec![message(4, 1, Stage::Seen, "X")]).await;
    rig.until_closed().await;
    assert_eq!((rig.book.row(dead).state, rig.book.row(first).state), (OutboxState::Dead, OutboxState::Done));
    rig.end().await;
}
