//! A Slack channel behind an incoming webhook, which holds it to what is documented (fields, sizes, escaping, one message a second, answers as
//! plain text), on a paused clock.

use crate::channels::{only, sink};
use crate::rig::{Book, HOSTILE, Rig, grave, message};
use serde_json::Value;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::time::Instant;
use walletwatch::config::checked::SinkKind;
use walletwatch::sinks::answer::{Answer, SendFault, SendMethod, SinkRequest, SinkResponse};
use walletwatch::sinks::letter::{Letter, LetterAnswer, LetterFault};
use walletwatch::sinks::{Carry, Post, Sink};
use walletwatch::store::OutboxState;
use walletwatch::types::{Secret, Stage};

const URL: &str = "https://hooks.slack.com/services/T000/B000/CANARY";

#[derive(Default)]
struct Hook {
    messages: Vec<(Instant, Value)>,
    limited: u32,
    /// The next answers, in place of `ok`.
    refuse: VecDeque<(u16, &'static str, Option<Duration>)>,
}

#[derive(Clone, Default)]
pub(crate) struct Incoming(Arc<Mutex<Hook>>);

impl Incoming {
    /// What a phone shows of each message.
    pub(crate) fn shown(&self) -> Vec<String> {
        self.there().messages.iter().map(|(_, body)| body["text"].as_str().unwrap_or_default().to_owned()).collect()
    }

    fn there(&self) -> std::sync::MutexGuard<'_, Hook> {
        self.0.lock().expect("no holder panics")
    }
}

/// Slack reads `&amp;`, `&lt;` and `&gt;`, and whatever else stands between `<` and `>`.
fn escaped(text: &str) {
    assert!(!text.contains(['<', '>']), "{text}");
    for rest in text.split('&').skip(1) {
        assert!(["amp;", "lt;", "gt;"].iter().any(|entity| rest.starts_with(entity)), "{text}");
    }
}

fn checked(body: &Value) {
    only(body, &["text", "blocks", "unfurl_links", "unfurl_media", "link_names", "mrkdwn"]);
    let length = |text: &str| text.chars().count();
    let text = body["text"].as_str().expect("what a phone shows");
    assert!((1..=4_000).contains(&length(text)));
    escaped(text);
    for switch in ["unfurl_links", "unfurl_media", "link_names", "mrkdwn"] {
        assert_eq!(body[switch], false, "nothing is made of a text that is not ours");
    }
    let blocks = body["blocks"].as_array().expect("a list");
    assert!((1..=50).contains(&blocks.len()));
    let mut total = 0;
    for block in blocks {
        only(block, &["type", "text"]);
        let (object, text) = (&block["text"], block["text"]["text"].as_str().expect("a text"));
        assert!(block["type"] == "section" && (1..=3_000).contains(&length(text)), "{block}");
        total += length(text);
        if object["type"] == "plain_text" {
            only(object, &["type", "text", "emoji"]);
            assert_eq!(object["emoji"], false);
            escaped(text);
        } else {
            only(object, &["type", "text", "verbatim"]);
            assert!(object["type"] == "mrkdwn" && object["verbatim"] == true, "{object}");
            assert_eq!(text, "<https://etherscan.io/tx/0xabab|look it up>", "the one link is ours");
        }
    }
    assert!(total < 13_200, "{total}");
}

impl Post for Incoming {
    async fn post(&self, request: SinkRequest) -> Answer {
        assert_eq!((request.method, request.to.url().expose()), (SendMethod::Post, URL));
        assert!(request.bearer.is_none(), "the url is the secret");
        let body: Value = serde_json::from_slice(&request.body).expect("it is JSON");
        checked(&body);
        let mut there = self.there();
        let answer = |status: u16, body: &'static str, retry_after| {
            Ok(SinkResponse { status, retry_after, pause: None, body: body.into() })
        };
        if let Some((status, words, wait)) = there.refuse.pop_front() {
            return answer(status, words, wait);
        }
        let now = Instant::now();
        let close = there.messages.last().is_some_and(|(at, _)| now.duration_since(*at) < Duration::from_secs(1));
        if close {
            there.limited += 1;
            return answer(429, "rate_limited", Some(Duration::from_secs(1)));
        }
        there.messages.push((now, body));
        answer(200, "ok", None)
    }
}

impl Carry for Incoming {
    async fn carry(&self, _: Letter) -> LetterAnswer {
        Err(LetterFault::Broken(SendFault { ambiguous: false, reason: "this carries no mail".into() }))
    }
}

pub(crate) fn slack() -> Sink {
    sink(SinkKind::Slack { url: Secret::new(URL.into()), allow_private: false })
}

#[tokio::test(start_paused = true)]
async fn an_incoming_webhook_gets_everything_in_order_one_a_second_whatever_tokens_are_called() {
    let hook = Incoming::default();
    let rig = Rig::start(hook.clone(), Book::default(), slack());
    let names = HOSTILE.iter().cycle().take(60);
    rig.commit((0..60).zip(names).map(|(alert, name)| grave(message(alert, 1, Stage::Seen, name))).collect()).await;
    let long = "&".repeat(5_000);
    rig.commit(vec![grave(message(60, 1, Stage::Seen, &long))]).await;
    rig.until_closed().await;
    {
        let there = hook.there();
        assert_eq!((there.messages.len(), there.limited), (61, 0), "each once, and never too many");
        for (nth, (_, body)) in there.messages.iter().enumerate() {
            let text = body["blocks"][1]["text"]["text"].as_str().unwrap_or_default();
            let tx = format!("transaction 0x{}", format!("{nth:02x}").repeat(32));
            assert!(text.contains(&tx), "{nth} is in its place: {text}");
            let title = body["blocks"][0]["text"]["text"].as_str().unwrap_or_default();
            assert!(title.contains("1234.567"), "the amount is there whatever is cut: {title}");
        }
    }
    rig.end().await;
}

/// An answer of Slack's in words, what becomes of the message, what is said of it, and the least time until it is there.
#[tokio::test(start_paused = true)]
async fn what_slack_answers_in_words_is_waited_out_kept_or_dead() {
    let check = async |refused: (u16, &'static str, Option<u64>), state: OutboxState, words: &str, least: u64| {
        let hook = Incoming::default();
        let (status, said, wait) = refused;
        hook.there().refuse.push_back((status, said, wait.map(Duration::from_secs)));
        let rig = Rig::start(hook.clone(), Book::default(), slack());
        let began = Instant::now();
        let row = rig.commit(vec![message(1, 1, Stage::Seen, "X")]).await;
        rig.until(|book| book.row(row).reason.is_some_and(|reason| reason.as_str().contains(words))).await;
        if state == OutboxState::Done {
            rig.until_closed().await;
            let (at, _) = hook.there().messages[0];
            assert!(at.duration_since(began) >= Duration::from_secs(least), "{refused:?}");
        } else {
            tokio::time::sleep(Duration::from_hours(1)).await;
            assert_eq!(hook.there().messages.len(), 0, "{refused:?}");
        }
        assert_eq!(rig.book.row(row).state, state, "{refused:?}");
        rig.end().await;
    };
    check((429, "rate_limited", Some(30)), OutboxState::Done, "429", 30).await;
    check((500, "rollup_error", None), OutboxState::Done, "500", 1).await;
    check((403, "action_prohibited", None), OutboxState::Done, "action_prohibited", 1).await;
    check((404, "no_service", None), OutboxState::Done, "no_service", 1).await;
    check((400, "invalid_blocks", None), OutboxState::Dead, "invalid_blocks", 0).await;
    check((413, "<html>Too large</html>", None), OutboxState::Dead, "413", 0).await;
    // The channel is archived: the sink is disabled, and its messages are kept.
    check((410, "channel_is_archived", None), OutboxState::Pending, "channel_is_archived", 0).await;
}
