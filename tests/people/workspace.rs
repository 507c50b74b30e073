//! A bot in a Slack channel, against a Web API in memory that holds it to what is documented, on a paused clock.

use crate::channels::{Channel, Topic, discord};
use crate::channels::{Receives, Wire, gone, only, sink};
use crate::rig::{Book, HOSTILE, Rig, grave, message, numbered};
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::time::Duration;
use tokio::time::Instant;
use walletwatch::config::checked::{NtfyConfig, SinkKind, SlackBotConfig};
use walletwatch::sinks::Sink;
use walletwatch::sinks::answer::{SendMethod, SinkRequest};
use walletwatch::store::OutboxState;
use walletwatch::types::{Secret, Severity, Stage};

const CHANNEL: &str = "C0123456789";
const TOKEN: &str = "xoxb-1-2-CANARY";

/// A message of the channel.
#[derive(Debug, Clone)]
pub(crate) struct Posted {
    ts: String,
    pub(crate) thread: Option<String>,
    pub(crate) broadcast: bool,
    pub(crate) body: Value,
    edits: u32,
}

/// A channel: one message a second, with short bursts, and 50 changes a minute.
#[derive(Default)]
pub(crate) struct Workspace {
    pub(crate) posted: Vec<Posted>,
    posts: VecDeque<Instant>,
    updates: VecDeque<Instant>,
    pub(crate) limited: u32,
    /// The next answers are these words, or nothing at all where empty.
    refuse: VecDeque<&'static str>,
}

impl Workspace {
    /// Whether one more is too many in any such span.
    fn over(lately: &mut VecDeque<Instant>, most: usize, span: Duration) -> bool {
        let now = Instant::now();
        lately.retain(|at| now.duration_since(*at) < span);
        lately.push_back(now);
        lately.len() > most
    }

    fn checked(body: &Value) {
        only(
            body,
            &[
                "channel",
                "text",
                "blocks",
                "ts",
                "thread_ts",
                "reply_broadcast",
                "unfurl_links",
                "unfurl_media",
                "link_names",
                "mrkdwn",
            ],
        );
        assert_eq!(body["channel"], CHANNEL);
        let length = |value: &Value| value.as_str().map_or(0, |text| text.chars().count());
        assert!((1..=4_000).contains(&length(&body["text"])));
        let blocks = body["blocks"].as_array().expect("a list");
        assert!((1..=50).contains(&blocks.len()));
        assert!(
            blocks
                .iter()
                .all(|block| block["type"] == "section" && (1..=3_000).contains(&length(&block["text"]["text"])))
        );
        let total: usize = blocks.iter().map(|block| length(&block["text"]["text"])).sum();
        assert!(total < 13_200, "{total}");
    }

    fn of(&mut self, ts: &Value) -> Option<&mut Posted> {
        self.posted.iter_mut().find(|posted| *ts == posted.ts)
    }
}

impl Receives for Workspace {
    fn take(&mut self, request: &SinkRequest, body: &Value) -> (u16, Value, Option<Duration>) {
        let no = |word: &str| (200, json!({"ok": false, "error": word}), None);
        assert_eq!(request.method, SendMethod::Post);
        if request.bearer.as_ref().map(|token| token.expose()) != Some(TOKEN) {
            return no("invalid_auth");
        }
        Self::checked(body);
        let method = request.to.url().expose().strip_prefix("https://slack.com/api/").expect("Slack's API").to_owned();
        match self.refuse.pop_front() {
            Some("") => return (0, Value::Null, None),
            Some(word) => return no(word),
            None => {}
        }
        let thread = body["thread_ts"].as_str().map(str::to_owned);
        match method.as_str() {
            "chat.postMessage" => {
                assert!(body["ts"].is_null());
                // "Short bursts" are no number: a change and its reply may come together, more may not.
                if Self::over(&mut self.posts, 2, Duration::from_secs(1)) {
                    self.limited += 1;
                    return (429, json!({"ok": false, "error": "ratelimited"}), None);
                }
                if let Some(thread) = &thread
                    && self.of(&json!(thread)).is_none()
                {
                    return no("thread_not_found");
                }
                let ts = format!("1800000000.{:06}", self.posted.len());
                let broadcast = body["reply_broadcast"] == true;
                self.posted.push(Posted { ts: ts.clone(), thread, broadcast, body: body.clone(), edits: 0 });
                (200, json!({"ok": true, "channel": CHANNEL, "ts": ts, "message": {"text": "…"}}), None)
            }
            "chat.update" => {
                if Self::over(&mut self.updates, 50, Duration::from_mins(1)) {
                    self.limited += 1;
                    return (429, json!({"ok": false, "error": "ratelimited"}), None);
                }
                let ts = body["ts"].clone();
                let Some(posted) = self.of(&ts) else { return no("message_not_found") };
                posted.body = body.clone();
                posted.edits += 1;
                (200, json!({"ok": true, "channel": CHANNEL, "ts": ts}), None)
            }
            other => panic!("{other} is not called"),
        }
    }
}

pub(crate) fn bot() -> Sink {
    sink(SinkKind::SlackBot(SlackBotConfig {
        url: Secret::new("https://slack.com".into()),
        token: Secret::new(TOKEN.into()),
        channel: CHANNEL.into(),
        allow_private: false,
    }))
}

fn shown(posted: &Posted) -> &str {
    posted.body["text"].as_str().unwrap_or_default()
}

#[tokio::test(start_paused = true)]
async fn an_alert_is_one_message_that_is_edited_and_its_thread_tells_how_it_came() {
    let workspace = Wire::new(Workspace::default());
    let rig = Rig::start(workspace.clone(), Book::slow(), bot());
    for told in [message(1, 1, Stage::Seen, "X"), message(1, 2, Stage::Confirmed, "X"), gone(1, 3)] {
        rig.commit(vec![told]).await;
        rig.until_closed().await;
    }
    let posted = workspace.there().posted.clone();
    assert_eq!(posted.len(), 3, "the first and two replies");
    assert_eq!((posted[0].edits, &posted[0].thread), (2, &None));
    assert!(shown(&posted[0]).starts_with("RETRACTED"), "the channel shows how it stands: {}", shown(&posted[0]));
    for (reply, words, loud) in [(&posted[1], "(confirmed)", false), (&posted[2], "RETRACTED", true)] {
        assert_eq!((reply.thread.as_ref(), reply.broadcast), (Some(&posted[0].ts), loud));
        assert!(shown(reply).contains(words), "{}", shown(reply));
    }
    // Somebody deleted the message: what follows is said anew, in the channel.
    rig.commit(vec![message(2, 1, Stage::Seen, "X")]).await;
    rig.until_closed().await;
    workspace.there().posted.clear();
    rig.commit(vec![message(2, 2, Stage::Confirmed, "X")]).await;
    rig.until_closed().await;
    let posted = workspace.there().posted.clone();
    assert!(posted.len() == 1 && posted[0].thread.is_none() && shown(&posted[0]).contains("confirmed"));
    rig.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_process_that_died_goes_on_in_the_thread_and_what_it_cannot_know_is_marked_again() {
    let workspace = Wire::new(Workspace { refuse: VecDeque::from([""]), ..Workspace::default() });
    let rig = Rig::start(workspace.clone(), Book::default(), bot());
    rig.commit(vec![message(1, 1, Stage::Seen, "X")]).await;
    rig.until_closed().await;
    assert!(workspace.there().posted[0].body.to_string().contains("again: "), "nobody knows what became of the first");
    let book = rig.end().await;
    let rig = Rig::start(workspace.clone(), book, bot());
    rig.commit(vec![message(1, 2, Stage::Confirmed, "X"), gone(1, 3)]).await;
    rig.until_closed().await;
    let posted = workspace.there().posted.clone();
    assert_eq!((posted.len(), posted[0].edits), (3, 2));
    assert!(posted[1..].iter().all(|reply| reply.thread.as_ref() == Some(&posted[0].ts)));
    rig.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_channel_gets_everything_within_its_limits_whatever_tokens_are_called_and_edits_count_too() {
    let workspace = Wire::new(Workspace::default());
    let rig = Rig::start(workspace.clone(), Book::default(), bot());
    let names = || HOSTILE.iter().cycle().take(60);
    rig.commit((0..60).zip(names()).map(|(alert, name)| grave(message(alert, 1, Stage::Seen, name))).collect()).await;
    rig.commit((0..60).zip(names()).map(|(alert, name)| grave(message(alert, 2, Stage::Confirmed, name))).collect())
        .await;
    rig.until_closed().await;
    {
        let there = workspace.there();
        assert_eq!((there.posted.len(), there.limited), (120, 0), "each once, and never too many");
        for (nth, posted) in there.posted.iter().filter(|posted| posted.thread.is_none()).enumerate() {
            assert!(posted.body.to_string().contains(&format!("transaction 0x{}", format!("{nth:02x}").repeat(32))));
            assert!(!posted.body["blocks"][0].to_string().contains('<'));
        }
    }
    rig.end().await;
}

#[tokio::test(start_paused = true)]
async fn what_a_person_can_repair_waits_for_them_and_what_nobody_can_is_dead() {
    let workspace =
        Wire::new(Workspace { refuse: VecDeque::from(["not_in_channel", "ratelimited"]), ..Workspace::default() });
    let rig = Rig::start(workspace.clone(), Book::default(), bot());
    let waits = rig.commit(vec![message(1, 1, Stage::Seen, "X")]).await;
    rig.until(|book| book.row(waits).reason.is_some_and(|reason| reason.as_str().contains("invite the bot"))).await;
    rig.until_closed().await;
    assert_eq!(rig.book.row(waits).state, OutboxState::Done);
    workspace.there().refuse.push_back("invalid_blocks");
    let dead = rig.commit(vec![message(2, 1, Stage::Seen, "X")]).await;
    rig.until_closed().await;
    assert_eq!(rig.book.row(dead).state, OutboxState::Dead);
    workspace.there().refuse.push_back("is_archived");
    let kept = rig.commit(vec![message(3, 1, Stage::Seen, "X")]).await;
    rig.until(|book| book.row(kept).reason.is_some()).await;
    tokio::time::sleep(Duration::from_hours(24)).await;
    assert_eq!(
        rig.book.row(kept).state,
        OutboxState::Pending,
        "an archived channel is never called again, and loses nothing"
    );
    rig.end().await;
}

/// Names whose escaping is as long as it gets.
const LONG: [&str; 4] =
    ["<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<", "&&&&&&&&&&&&&&&&", "................a.b.c", "\u{1F980}\u{1F980}\u{1F980}"];

/// A hundred of what matters least, to a chat that is behind: every one is named in what it shows.
async fn folded<R: Receives>(receiver: Wire<R>, sink: Sink, shown: impl Fn(&R) -> Vec<String>) {
    let rig = Rig::start(receiver.clone(), Book::default(), sink);
    let names = HOSTILE.iter().chain(&LONG).cycle();
    rig.commit((0..100).zip(names).map(|(n, name)| numbered(n, Severity::Info, name)).collect()).await;
    rig.until_closed().await;
    let shown = shown(&receiver.there());
    assert!((8..45).contains(&shown.len()), "{} messages", shown.len());
    for n in 0..100_u32 {
        let alert = format!("alert {n:08x}{}", "aa".repeat(12));
        let tx = format!("{n:08x}{}", "bb".repeat(28));
        assert_eq!(
            shown.iter().filter(|text| text.contains(&alert) || text.contains(&tx)).count(),
            1,
            "alert {n} is named once"
        );
    }
    rig.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_chat_that_is_behind_gets_digests_that_name_every_alert() {
    let text = |body: &Value| serde_json::to_string(body).expect("it is JSON");
    folded(Wire::new(Workspace::default()), bot(), |it| it.posted.iter().map(|posted| text(&posted.body)).collect())
        .await;
    folded(Wire::new(Channel::default()), discord(), |it| it.posts.iter().map(|(_, body)| text(body)).collect()).await;
    let topic = Topic { messages: Vec::new(), left: 60.0, counted: Instant::now(), limited: 0 };
    let ntfy = sink(SinkKind::Ntfy(NtfyConfig {
        url: Secret::new("https://ntfy.sh".into()),
        topic: "treasury".into(),
        token: Some(Secret::new("tk_1".into())),
        allow_private: false,
    }));
    folded(Wire::new(topic), ntfy, |it| it.messages.iter().map(&text).collect()).await;
}
