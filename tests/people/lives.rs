//! The life of an alert as each receiver has it at the end: raised, confirmed and taken back; raised and over. And the same where the
//! process dies at any request on the way, before it leaves or behind an answer that nobody took note of.

use crate::channels::{Channel, ROUTING, Receives, Service, Topic, Wire, discord, gone, sink, title};
use crate::cluster::{MEMBERS, Members, blind, cluster, fires};
use crate::incoming::{Incoming, slack};
use crate::mail::{Postbox, config as mail_config};
use crate::rig::{Book, Rig, message};
use crate::stream::{Stream, stream};
use crate::telegram::{PERSON, Phone, sink as telegram};
use crate::workspace::{Workspace, bot};
use serde_json::Value;
use std::collections::BTreeMap;
use std::future::pending;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::{Notify, watch};
use tokio::time::Instant;
use walletwatch::config::checked::{MailSecurity, NtfyConfig, PagerDutyConfig, SinkKind};
use walletwatch::reactor::effect::Message;
use walletwatch::sinks::answer::{Answer, SinkRequest};
use walletwatch::sinks::letter::{Letter, LetterAnswer};
use walletwatch::sinks::{Carry, Post, Publication, PublishAnswer, Sink};
use walletwatch::types::{Secret, Stage, Timestamp};

/// On which side of the receiver the process dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Before,
    Behind,
}

/// A way to a receiver on which the process dies once, at its n-th request.
#[derive(Clone)]
struct Way<W> {
    to: W,
    cut: Option<(usize, Side)>,
    requests: Arc<AtomicUsize>,
    died: Arc<Notify>,
}

impl<W> Way<W> {
    fn new(to: W, cut: Option<(usize, Side)>) -> Self {
        Self { to, cut, requests: Arc::default(), died: Arc::default() }
    }

    /// Whether it ends here: whoever asks is told, and hears no more.
    async fn passes(&self, nth: usize, side: Side) {
        if self.cut == Some((nth, side)) {
            self.died.notify_one();
            pending::<()>().await;
        }
    }
}

impl<W: Post + Sync> Post for Way<W> {
    async fn post(&self, request: SinkRequest) -> Answer {
        let nth = self.requests.fetch_add(1, Ordering::SeqCst);
        self.passes(nth, Side::Before).await;
        let answer = self.to.post(request).await;
        self.passes(nth, Side::Behind).await;
        answer
    }
}

impl<W: Carry + Sync> Carry for Way<W> {
    async fn carry(&self, letter: Letter) -> LetterAnswer {
        let nth = self.requests.fetch_add(1, Ordering::SeqCst);
        self.passes(nth, Side::Before).await;
        let answer = self.to.carry(letter).await;
        self.passes(nth, Side::Behind).await;
        answer
    }

    async fn publish(&self, publication: Publication) -> PublishAnswer {
        let nth = self.requests.fetch_add(1, Ordering::SeqCst);
        self.passes(nth, Side::Before).await;
        let answer = self.to.publish(publication).await;
        self.passes(nth, Side::Behind).await;
        answer
    }
}

/// Lets an alert live; gives how many requests it took. A process that dies is followed by another one, over what was durable.
async fn live<W>(way: Way<W>, sink: &Sink, life: &[Message]) -> usize
where
    W: Post + Carry + Clone + Send + Sync + 'static,
{
    let mut rig = Rig::start(way.clone(), Book::default(), sink.clone());
    for message in life {
        rig.commit(vec![message.clone()]).await;
        let died = tokio::select! {
            () = rig.until_closed() => false,
            () = way.died.notified() => true,
        };
        if died {
            let book = rig.kill().await;
            // No process is up again sooner, and receivers that count know nothing of processes.
            tokio::time::sleep(Duration::from_secs(4)).await;
            rig = Rig::start(way.clone(), book, sink.clone());
            rig.until_closed().await;
        }
    }
    rig.end().await;
    way.requests.load(Ordering::SeqCst)
}

/// Both lives at a receiver, whole and cut at every place. `seen` is what stands there at the end, in order.
async fn check<W>(
    place: impl Fn() -> W,
    sink: Sink,
    drops_repeats: bool,
    seen: impl Fn(&W) -> Vec<String>,
    expected: [&[&str]; 2],
) where
    W: Post + Carry + Clone + Send + Sync + 'static,
{
    let taken_back = vec![message(1, 1, Stage::Seen, "X"), message(1, 2, Stage::Confirmed, "X"), gone(1, 3)];
    let over = vec![blind(100, 1), blind(100, 2)];
    for (life, expected) in [taken_back, over].into_iter().zip(expected) {
        let there = place();
        let requests = live(Way::new(there.clone(), None), &sink, &life).await;
        let whole = seen(&there);
        assert!(
            whole.len() == expected.len() && whole.iter().zip(expected).all(|(is, start)| is.starts_with(start)),
            "{expected:?} is meant: {whole:?}"
        );
        for cut in (0..requests).flat_map(|nth| [(nth, Side::Before), (nth, Side::Behind)]) {
            let there = place();
            live(Way::new(there.clone(), Some(cut)), &sink, &life).await;
            let seen = seen(&there);
            if drops_repeats {
                assert_eq!(seen, whole, "cut at {cut:?}");
                continue;
            }
            let mut rest = seen.iter();
            let all = whole.iter().all(|one| rest.any(|there| there == one));
            assert!(all && seen.last() == whole.last(), "cut at {cut:?}, {seen:?} lacks something of {whole:?}");
            assert!(seen.len() <= whole.len() + 1, "cut at {cut:?}, at most one comes again: {seen:?}");
        }
    }
}

/// A receiver of webhooks, which knows what it had by its id.
#[derive(Default)]
struct Hook(BTreeMap<String, Value>);

impl Receives for Hook {
    fn take(&mut self, request: &SinkRequest, body: &Value) -> (u16, Value, Option<Duration>) {
        let id = request.headers.iter().find(|(name, _)| *name == "webhook-id").map(|(_, id)| id.clone());
        let first = self.0.entry(id.expect("each has an id")).or_insert_with(|| body.clone());
        assert_eq!(first, body, "the same under the same id");
        (204, Value::Null, None)
    }
}

#[tokio::test(start_paused = true)]
async fn a_webhook_has_every_revision_once() {
    let kind = SinkKind::Webhook {
        url: Secret::new("https://hooks.example.com/w".into()),
        secret: Secret::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".into()),
        allow_private: false,
    };
    let seen = |hook: &Wire<Hook>| {
        let bodies: BTreeMap<u64, String> = hook
            .there()
            .0
            .values()
            .map(|body| {
                (body["data"]["revision"].as_u64().expect("a count"), body["type"].as_str().expect("a type").to_owned())
            })
            .collect();
        bodies.into_values().collect()
    };
    let expected: [&[&str]; 2] =
        [&["transfer.seen", "transfer.confirmed", "transfer.retracted"], &["source.blind", "source.recovered"]];
    check(|| Wire::new(Hook::default()), sink(kind), true, seen, expected).await;
}

#[tokio::test(start_paused = true)]
async fn a_stream_has_every_revision_once() {
    let expected: [&[&str]; 2] = [
        &["walletwatch.transfer.seen", "walletwatch.transfer.confirmed", "walletwatch.transfer.retracted"],
        &["walletwatch.source.blind", "walletwatch.source.recovered"],
    ];
    check(Stream::default, stream(), true, Stream::subjects, expected).await;
}

const SAID: [&[&str]; 2] = [&["treasury received", "treasury received", "RETRACTED"], &["BLIND", "RECOVERED"]];

#[tokio::test(start_paused = true)]
async fn what_can_neither_edit_nor_answer_says_what_it_ends() {
    check(Incoming::default, slack(), false, Incoming::shown, SAID).await;
    let ntfy = sink(SinkKind::Ntfy(NtfyConfig {
        url: Secret::new("https://ntfy.sh".into()),
        topic: "treasury".into(),
        token: Some(Secret::new("tk_1".into())),
        allow_private: false,
    }));
    let topic = || Wire::new(Topic { messages: Vec::new(), left: 60.0, counted: Instant::now(), limited: 0 });
    let titles = |it: &Wire<Topic>| {
        it.there().messages.iter().map(|message| message["title"].as_str().unwrap_or_default().to_owned()).collect()
    };
    check(topic, ntfy, false, titles, SAID).await;
}

#[tokio::test(start_paused = true)]
async fn a_bot_edits_the_first_message_and_answers_in_its_thread() {
    let seen = |it: &Wire<Workspace>| {
        let posted = it.there().posted.clone();
        let shown = posted.iter().map(|one| {
            let place = match (&one.thread, one.broadcast) {
                (None, _) => "",
                (Some(_), false) => "> ",
                (Some(_), true) => ">! ",
            };
            format!("{place}{}", one.body["text"].as_str().unwrap_or_default())
        });
        shown.collect()
    };
    let expected: [&[&str]; 2] =
        [&["RETRACTED", "> treasury received", ">! RETRACTED"], &["RECOVERED", ">! RECOVERED"]];
    check(|| Wire::new(Workspace::default()), bot(), false, seen, expected).await;
}

#[tokio::test(start_paused = true)]
async fn a_discord_channel_has_the_first_message_as_it_stands_and_what_ended_it() {
    let expected: [&[&str]; 2] = [&["RETRACTED", "RETRACTED"], &["RECOVERED", "RECOVERED"]];
    let seen = |it: &Wire<Channel>| it.there().posts.iter().map(title).collect();
    check(|| Wire::new(Channel::default()), discord(), false, seen, expected).await;
}

#[tokio::test(start_paused = true)]
async fn a_telegram_chat_has_answers_to_the_first_message() {
    let seen = |phone: &Phone| {
        let posts = phone.bot().posts();
        let shown = posts.iter().map(|post| {
            let title = post.seen.lines().next().unwrap_or_default();
            format!("{}{title}", if post.answers.is_some() { "> " } else { "" })
        });
        shown.collect()
    };
    let expected: [&[&str]; 2] =
        [&["treasury received", "> treasury received", "> RETRACTED"], &["BLIND", "> RECOVERED"]];
    check(Phone::new, telegram(&PERSON.to_string()), false, seen, expected).await;
}

#[tokio::test(start_paused = true)]
async fn a_mailbox_has_one_thread_whose_repeats_have_the_same_id() {
    let mail = sink(SinkKind::Email(Box::new(mail_config(25, MailSecurity::Clear, false))));
    let seen = |postbox: &Postbox| {
        let mut mails: Vec<(String, String)> = Vec::new();
        for letter in postbox.0.lock().expect("no holder panics").iter() {
            let text = String::from_utf8(letter.content.to_vec()).expect("it is ASCII");
            let header = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
            let answers = if header("In-Reply-To: ").is_empty() { "" } else { "> " };
            if !mails.iter().any(|(id, _)| id.as_str() == letter.id.as_str()) {
                mails.push((letter.id.to_string(), format!("{answers}{}", header("Subject: "))));
            }
        }
        mails.into_iter().map(|(_, shown)| shown).collect()
    };
    let expected: [&[&str]; 2] =
        [&["treasury received", "> treasury received", "> RETRACTED"], &["BLIND", "> RECOVERED"]];
    check(Postbox::default, mail, true, seen, expected).await;
}

#[tokio::test(start_paused = true)]
async fn a_pager_has_one_incident_which_is_resolved() {
    let pager = sink(SinkKind::PagerDuty(PagerDutyConfig {
        url: Secret::new("https://events.pagerduty.com".into()),
        routing_key: Secret::new(ROUTING.into()),
        allow_private: false,
    }));
    let seen = |it: &Wire<Service>| {
        it.there().incidents.values().map(|(_, open)| if *open { "open" } else { "resolved" }.to_owned()).collect()
    };
    check(|| Wire::new(Service::default()), pager, true, seen, [&["resolved"], &["resolved"]]).await;
}

#[tokio::test(start_paused = true)]
async fn every_member_of_a_cluster_has_what_ended_and_what_never_was_so() {
    let began = Instant::now();
    let seen = |it: &Wire<Members>| {
        let now = Timestamp::from_secs(1_800_000_000).after(began.elapsed());
        let mut all: Vec<String> = Vec::new();
        for member in &it.there().0 {
            all.extend(member.alerts.values().map(|alert| {
                let (name, back) = (&alert["labels"]["alertname"], alert["labels"]["retracted"] == "true");
                let state = if fires(alert, now) { "fires" } else { "is over" };
                format!("{}{state}: {name}", if back { "retracted " } else { "" })
            }));
        }
        all.sort();
        all
    };
    let both: [&[&str]; 2] = [
        &["is over", "is over", "retracted fires", "retracted fires"],
        &["is over: \"source.blind\"", "is over: \"source.blind\""],
    ];
    check(|| Wire::new(Members::default()), cluster(&MEMBERS), true, seen, both).await;
}

/// A log, which takes every line at once and is asked nothing.
#[derive(Clone, Default)]
struct Log {
    lines: Arc<Mutex<Vec<String>>>,
    written: Arc<watch::Sender<usize>>,
}

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let line = String::from_utf8_lossy(bytes).trim_end().to_owned();
        if line.contains(" | ") {
            self.lines.lock().expect("no holder panics").push(line);
            self.written.send_modify(|count| *count += 1);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Lets an alert live in a log: the process dies before its n-th message is looked at, or behind its line, before that is durable.
async fn logged(life: &[Message], cut: Option<(usize, Side)>) -> Vec<String> {
    let log = Log::default();
    let to = log.clone();
    let plain = tracing_subscriber::fmt().with_ansi(false).with_level(false).with_target(false).without_time();
    let _guard = tracing::subscriber::set_default(plain.with_writer(move || to.clone()).finish());
    let start = |book| Rig::start(Way::new(Wire::new(Hook::default()), None), book, sink(SinkKind::Log));
    // Nothing is durable at once.
    let mut rig = start(Book::slow());
    for (nth, message) in life.iter().enumerate() {
        rig.commit(vec![message.clone()]).await;
        let side = cut.filter(|(at, _)| *at == nth).map(|(_, side)| side);
        if side == Some(Side::Behind) {
            log.written.subscribe().wait_for(|lines| *lines > nth).await.expect("the log is there");
        }
        if side.is_some() {
            rig = start(rig.kill().await);
        }
        rig.until_closed().await;
    }
    rig.end().await;
    log.lines.lock().expect("no holder panics").clone()
}

#[tokio::test(start_paused = true)]
async fn a_log_has_a_line_for_each_and_says_of_a_repeat_that_it_may_be_one() {
    let taken_back = vec![message(1, 1, Stage::Seen, "X"), message(1, 2, Stage::Confirmed, "X"), gone(1, 3)];
    let over = vec![blind(100, 1), blind(100, 2)];
    let lives: [(Vec<Message>, &[&str]); 2] = [
        (taken_back, &["transfer.seen treasury", "transfer.confirmed treasury", "transfer.retracted RETRACTED"]),
        (over, &["source.blind BLIND", "source.recovered RECOVERED"]),
    ];
    for (life, expected) in lives {
        let whole = logged(&life, None).await;
        assert!(
            whole.len() == expected.len() && whole.iter().zip(expected).all(|(line, start)| line.starts_with(start)),
            "{expected:?} is meant: {whole:?}"
        );
        for nth in 0..whole.len() {
            let again = " | again: this message may have been here before".to_owned();
            let marked = |line: &String| line.contains(again.as_str());
            let before = logged(&life, Some((nth, Side::Before))).await;
            let unmarked: Vec<String> = before.iter().map(|line| line.replace(&again, "")).collect();
            assert_eq!(unmarked, whole, "cut before line {nth}: it cannot know that nobody has it");
            let mut behind = logged(&life, Some((nth, Side::Behind))).await;
            let repeat = behind.remove(nth + 1);
            assert!(marked(&repeat) && repeat.replace(&again, "") == whole[nth], "cut behind line {nth}: {repeat}");
            assert_eq!(behind, whole, "cut behind line {nth}: the rest is as it was");
        }
    }
}
