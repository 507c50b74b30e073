//! Receivers that are away, for a minute and for six hours, while messages come and the process dies: what waits goes soon after they are
//! back, in order for each alert, and nothing is lost.

use crate::channels::{Channel, ROUTING, Receives, Service, Topic, Wire, discord, sink};
use crate::cluster::{MEMBERS, Members, cluster};
use crate::incoming::{Incoming, slack};
use crate::mail::{Postbox, config as mail_config};
use crate::rig::{Book, Rig, grave, message};
use crate::stream::{Stream, stream};
use crate::telegram::{PERSON, Phone, sink as telegram};
use crate::workspace::{Workspace, bot};
use serde_json::Value;
use std::io::Write as _;
use std::time::Duration;
use tokio::time::{Instant, sleep};
use walletwatch::config::checked::{MailSecurity, NtfyConfig, PagerDutyConfig, SinkKind};
use walletwatch::sinks::answer::{Answer, SendFault, SinkRequest, SinkResponse};
use walletwatch::sinks::letter::{Letter, LetterAnswer, LetterFault};
use walletwatch::sinks::nats::PublishFault;
use walletwatch::sinks::{Carry, Post, Publication, PublishAnswer, Sink};
use walletwatch::store::OutboxState;
use walletwatch::types::{Secret, Stage};

/// How a receiver is away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum How {
    /// Nobody listens.
    Refused,
    /// Something in front of it says 503, which does not prove that it has nothing.
    Unavailable,
}

/// A receiver that is away until then.
#[derive(Clone)]
struct Away<W> {
    to: W,
    until: Instant,
    how: How,
}

fn refused() -> SendFault {
    SendFault { ambiguous: false, reason: "connection refused".into() }
}

impl<W: Post + Sync> Post for Away<W> {
    async fn post(&self, request: SinkRequest) -> Answer {
        match self.how {
            _ if Instant::now() >= self.until => self.to.post(request).await,
            How::Refused => Err(refused()),
            How::Unavailable => Ok(SinkResponse { status: 503, retry_after: None, pause: None, body: "".into() }),
        }
    }
}

impl<W: Carry + Sync> Carry for Away<W> {
    async fn carry(&self, letter: Letter) -> LetterAnswer {
        if Instant::now() < self.until {
            return Err(LetterFault::Broken(refused()));
        }
        self.to.carry(letter).await
    }

    async fn publish(&self, publication: Publication) -> PublishAnswer {
        if Instant::now() < self.until {
            return Err(PublishFault::Broken(refused()));
        }
        self.to.publish(publication).await
    }
}

/// Three stages of each of so many alerts, one message after the other over the outage; the process dies in the middle. What is there at
/// the end, and how long behind the return that was.
async fn sit_out<W>(to: W, sink: &Sink, how: How, outage: Duration, alerts: u8) -> (Book, Duration)
where
    W: Post + Carry + Clone + Send + Sync + 'static,
{
    let until = Instant::now() + outage;
    let away = Away { to, until, how };
    let stages = [Stage::Seen, Stage::Confirmed, Stage::Final];
    let told =
        (0..alerts).flat_map(|alert| (1_u32..).zip(stages).map(move |(revision, stage)| (alert, revision, stage)));
    let all: Vec<_> = told.collect();
    let apart = outage / u32::try_from(all.len() + 1).expect("few");
    let mut rig = Rig::start(away.clone(), Book::default(), sink.clone());
    for (nth, (alert, revision, stage)) in all.iter().enumerate() {
        if nth == all.len() / 2 {
            let book = rig.kill().await;
            rig = Rig::start(away.clone(), book, sink.clone());
        }
        rig.commit(vec![grave(message(*alert, *revision, *stage, "X"))]).await;
        sleep(apart).await;
    }
    rig.until_closed().await;
    let late = Instant::now().saturating_duration_since(until);
    let book = rig.end().await;
    for first in (1..).step_by(3).take(usize::from(alerts)) {
        let rows = [first, first + 1, first + 2].map(|seq| book.row(seq));
        assert!(rows.iter().all(|row| row.state == OutboxState::Done), "nothing is lost: {rows:?}");
        assert!(rows.is_sorted_by_key(|row| row.closed_at), "in order: {rows:?}");
    }
    (book, late)
}

async fn check<W>(name: &str, place: impl Fn() -> W, sink: Sink)
where
    W: Post + Carry + Clone + Send + Sync + 'static,
{
    for (how, outage, alerts, at_most) in [
        // Whoever is back after a minute is asked within as much again; whoever was away for hours within five minutes.
        (How::Refused, Duration::from_secs(90), 8, Duration::from_secs(150)),
        (How::Refused, Duration::from_hours(6), 40, Duration::from_mins(12)),
        (How::Unavailable, Duration::from_hours(6), 40, Duration::from_mins(12)),
    ] {
        let (_, late) = sit_out(place(), &sink, how, outage, alerts).await;
        // Not by `println`: what a passing test prints is not shown.
        let _ = writeln!(
            std::io::stderr(),
            "{name} away for {} s ({how:?}): everything is there {} s behind its return",
            outage.as_secs(),
            late.as_secs()
        );
        assert!(late <= at_most, "{name} {how:?} {outage:?}: {late:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn chats_that_were_away_have_everything_soon_after_they_are_back() {
    check("telegram", Phone::new, telegram(&PERSON.to_string())).await;
    check("slack with a bot", || Wire::new(Workspace::default()), bot()).await;
    check("slack with a webhook", Incoming::default, slack()).await;
    check("discord", || Wire::new(Channel::default()), discord()).await;
    let ntfy = sink(SinkKind::Ntfy(NtfyConfig {
        url: Secret::new("https://ntfy.sh".into()),
        topic: "treasury".into(),
        token: Some(Secret::new("tk_1".into())),
        allow_private: false,
    }));
    let topic = || Wire::new(Topic { messages: Vec::new(), left: 60.0, counted: Instant::now(), limited: 0 });
    check("ntfy", topic, ntfy).await;
}

#[tokio::test(start_paused = true)]
async fn pagers_mailboxes_clusters_and_streams_that_were_away_have_everything_soon_after_they_are_back() {
    let pager = sink(SinkKind::PagerDuty(PagerDutyConfig {
        url: Secret::new("https://events.pagerduty.com".into()),
        routing_key: Secret::new(ROUTING.into()),
        allow_private: false,
    }));
    check("pagerduty", || Wire::new(Service::default()), pager).await;
    check("email", Postbox::default, sink(SinkKind::Email(Box::new(mail_config(25, MailSecurity::Clear, false)))))
        .await;
    check("alertmanager", || Wire::new(Members::default()), cluster(&MEMBERS)).await;
    check("nats", Stream::default, stream()).await;
}

/// A receiver of webhooks: ids and bodies in the order in which they came.
#[derive(Default)]
struct Hook(Vec<(String, Value)>);

impl Receives for Hook {
    fn take(&mut self, request: &SinkRequest, body: &Value) -> (u16, Value, Option<Duration>) {
        let id = request.headers.iter().find(|(name, _)| *name == "webhook-id").map(|(_, id)| id.clone());
        self.0.push((id.expect("each has an id"), body.clone()));
        (204, Value::Null, None)
    }
}

#[tokio::test(start_paused = true)]
async fn a_webhook_that_was_away_gets_each_once_and_in_order() {
    let kind = SinkKind::Webhook {
        url: Secret::new("https://hooks.example.com/w".into()),
        secret: Secret::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".into()),
        allow_private: false,
    };
    let sink = sink(kind);
    check("webhook", || Wire::new(Hook::default()), sink.clone()).await;
    let hook = Wire::new(Hook::default());
    sit_out(hook.clone(), &sink, How::Refused, Duration::from_hours(6), 40).await;
    let got = hook.there().0.clone();
    assert_eq!(got.len(), 120, "each once");
    for alert in 0..40_u8 {
        let alert = format!("{alert:02x}").repeat(16);
        let of = got.iter().filter(|(_, body)| body["data"]["alert_id"] == *alert);
        let revisions: Vec<_> = of.map(|(_, body)| body["data"]["revision"].as_u64()).collect();
        assert_eq!(revisions, [Some(1), Some(2), Some(3)], "{alert}");
    }
}
