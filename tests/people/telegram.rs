//! The Telegram sink against the Bot API in memory, on a paused clock: pace, order, threads, refusals, hostile names.

use crate::common::bot::{Bot, Fault, TOKEN};
use crate::rig::{Book, HOSTILE, Rig, grave, message};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::time::Instant;
use walletwatch::config::checked::{SinkConfig, SinkKind, TelegramConfig};
use walletwatch::sinks::answer::{Answer, SendFault, SinkRequest, SinkResponse};
use walletwatch::sinks::letter::{Letter, LetterAnswer, LetterFault};
use walletwatch::sinks::{Carry, Post, Sink};
use walletwatch::store::OutboxState;
use walletwatch::types::{Secret, Stage};

pub(crate) const GROUP: i64 = -1_001_234_567_890;
pub(crate) const PERSON: i64 = 123_456;

/// The Bot API, without a network.
#[derive(Clone)]
pub(crate) struct Phone(Arc<Mutex<Bot>>);

impl Phone {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Mutex::new(Bot::in_chats(&[(GROUP, "treasury_ops"), (PERSON, "")]))))
    }

    pub(crate) fn bot(&self) -> std::sync::MutexGuard<'_, Bot> {
        self.0.lock().expect("no holder panics")
    }
}

impl Post for Phone {
    async fn post(&self, request: SinkRequest) -> Answer {
        let path =
            request.to.url().expose().strip_prefix("https://api.telegram.org").expect("it is Telegram's").to_owned();
        match self.bot().call("POST", &path, "application/json", &request.body, Instant::now()) {
            Some((status, body)) => {
                Ok(SinkResponse { status, retry_after: None, pause: None, body: body.to_string().into() })
            }
            None => Err(SendFault { ambiguous: true, reason: "no answer in time".into() }),
        }
    }
}

impl Carry for Phone {
    async fn carry(&self, _: Letter) -> LetterAnswer {
        Err(LetterFault::Broken(SendFault { ambiguous: false, reason: "this is a phone".into() }))
    }
}

pub(crate) fn sink(chat: &str) -> Sink {
    let telegram = TelegramConfig {
        url: Secret::new("https://api.telegram.org".into()),
        token: Secret::new(TOKEN.into()),
        chat: chat.into(),
        thread: None,
        allow_private: false,
    };
    Sink::new(&SinkConfig { name: "people".into(), kind: SinkKind::Telegram(telegram) }).expect("it is whole")
}

pub(crate) fn group(phone: &Phone, book: Book) -> Rig {
    Rig::start(phone.clone(), book, sink(&GROUP.to_string()))
}

#[tokio::test(start_paused = true)]
async fn a_group_gets_everything_in_order_within_its_limits_whatever_tokens_are_called() {
    let (phone, began) = (Phone::new(), Instant::now());
    let rig = group(&phone, Book::default());
    let names = HOSTILE.iter().cycle().take(65);
    rig.commit((0..65).zip(names).map(|(alert, name)| grave(message(alert, 1, Stage::Seen, name))).collect()).await;
    rig.until_closed().await;
    let posts = phone.bot().posts();
    assert_eq!(posts.len(), 65, "each once");
    assert!(began.elapsed() > Duration::from_mins(3), "twenty a minute: {:?}", began.elapsed());
    for (nth, post) in posts.iter().enumerate() {
        let tx = format!("transaction 0x{}", format!("{nth:02x}").repeat(32));
        assert!(post.seen.contains(&tx), "{nth} is in its place");
        assert!(post.seen.starts_with("treasury received 1234.567 "), "{}", post.seen);
        let title = post.seen.lines().next().expect("it has a title");
        assert!(title.contains("(unverified)") && !title.contains("://") && !title.contains("@s"), "{title}");
    }
    rig.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_person_gets_one_a_second() {
    let (phone, began) = (Phone::new(), Instant::now());
    let rig = Rig::start(phone.clone(), Book::default(), sink(&PERSON.to_string()));
    rig.commit((0..65).map(|alert| grave(message(alert, 1, Stage::Seen, "X"))).collect()).await;
    rig.until_closed().await;
    assert_eq!(phone.bot().posts().len(), 65);
    assert!((64..90).contains(&began.elapsed().as_secs()), "{:?}", began.elapsed());
    rig.end().await;
}

#[tokio::test(start_paused = true)]
async fn what_follows_answers_the_first_message_at_once_and_after_a_restart() {
    let phone = Phone::new();
    let rig = group(&phone, Book::default());
    rig.commit(vec![
        message(9, 1, Stage::Seen, "OTHER"),
        message(1, 1, Stage::Seen, "X"),
        message(1, 2, Stage::Confirmed, "X"),
    ])
    .await;
    rig.until_closed().await;
    let book = rig.end().await;
    // Nobody restarts faster; who does is told to slow down.
    tokio::time::sleep(Duration::from_secs(2)).await;
    let rig = group(&phone, book);
    rig.commit(vec![message(1, 3, Stage::Retracted, "X")]).await;
    rig.until_closed().await;
    let posts = phone.bot().posts();
    let answers: Vec<Option<i64>> = posts.iter().map(|post| post.answers).collect();
    assert_eq!(answers, [None, None, Some(101), Some(101)]);
    assert!(posts[3].seen.starts_with("RETRACTED: treasury received 1234.567"));
    assert_eq!(rig.book.row(2).receiver_id.expect("it is remembered").as_str(), format!("{GROUP}/101"));
    rig.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_public_chat_is_named_and_a_topic_too() {
    let phone = Phone::new();
    let telegram = TelegramConfig {
        url: Secret::new("https://api.telegram.org/".into()),
        token: Secret::new(TOKEN.into()),
        chat: "@treasury_ops".into(),
        thread: Some(7),
        allow_private: false,
    };
    let sink =
        Sink::new(&SinkConfig { name: "people".into(), kind: SinkKind::Telegram(telegram) }).expect("it is whole");
    let rig = Rig::start(phone.clone(), Book::default(), sink);
    rig.commit(vec![message(1, 1, Stage::Seen, "X"), message(1, 2, Stage::Confirmed, "X")]).await;
    rig.until_closed().await;
    let posts = phone.bot().posts();
    assert_eq!(posts.iter().map(|post| (post.chat, post.thread)).collect::<Vec<_>>(), [(GROUP, Some(7)); 2]);
    assert_eq!(posts[1].answers, Some(posts[0].id));
    rig.end().await;
}

#[tokio::test(start_paused = true)]
async fn refusals_are_waited_out_worked_around_or_dead_with_advice() {
    // What the bot does first; the state, the attempts, and words of the reason.
    let cases: [(Fault, OutboxState, u32, &str); 9] = [
        (Fault::SlowDown(90), OutboxState::Done, 2, ""),
        (Fault::Entities, OutboxState::Done, 1, ""),
        (Fault::Migrate(-1_009_999_999_999), OutboxState::Done, 1, ""),
        (Fault::Refuse(500, "Internal Server Error"), OutboxState::Done, 2, ""),
        (Fault::Refuse(401, "Unauthorized"), OutboxState::Done, 2, ""),
        (
            Fault::Refuse(403, "Forbidden: bot was blocked by the user"),
            OutboxState::Dead,
            1,
            "they have to start it again",
        ),
        (
            Fault::Refuse(403, "Forbidden: bot was kicked from the supergroup chat"),
            OutboxState::Dead,
            1,
            "add it again",
        ),
        (Fault::Refuse(400, "Bad Request: message thread not found"), OutboxState::Dead, 1, "look at `thread`"),
        (Fault::Refuse(400, "Bad Request: CANARY"), OutboxState::Dead, 1, "HTTP 400"),
    ];
    for (fault, state, attempts, words) in cases {
        let phone = Phone::new();
        phone.bot().script([fault.clone()]);
        let began = Instant::now();
        let rig = group(&phone, Book::default());
        rig.commit(vec![message(1, 1, Stage::Seen, "X")]).await;
        rig.until_closed().await;
        let row = rig.end().await.row(1);
        assert_eq!((row.state, row.attempts), (state, attempts), "{fault:?}");
        let reason = row.reason.map(|reason| reason.to_string()).unwrap_or_default();
        assert!(reason.contains(words) && !reason.contains("CANARY"), "{fault:?}: {reason}");
        let posts = phone.bot().posts();
        assert_eq!(posts.len(), usize::from(state == OutboxState::Done), "{fault:?}");
        match fault {
            Fault::SlowDown(seconds) => assert!(began.elapsed() >= Duration::from_secs(seconds)),
            Fault::Entities => assert!(posts[0].source.starts_with("treasury received 1234.567"), "plain text"),
            Fault::Migrate(to) => assert_eq!(posts[0].chat, to),
            Fault::Refuse(..) | Fault::Silence => {}
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_may_have_been_there_before_says_so() {
    let phone = Phone::new();
    phone.bot().script([Fault::Silence]);
    let rig = group(&phone, Book::default());
    rig.commit(vec![message(1, 1, Stage::Seen, "X")]).await;
    rig.until_closed().await;
    let posts = phone.bot().posts();
    let again: Vec<bool> = posts.iter().map(|post| post.seen.contains("\nagain: this message")).collect();
    assert_eq!(again, [false, true]);
    assert_eq!(posts[0].seen.lines().next(), posts[1].seen.lines().next());
    rig.end().await;
}

#[tokio::test(start_paused = true)]
async fn one_that_asks_for_a_pause_gets_it_for_every_message() {
    let phone = Phone::new();
    phone.bot().script([Fault::SlowDown(45)]);
    let rig = group(&phone, Book::default());
    rig.commit((0..3).map(|alert| message(alert, 1, Stage::Seen, "X")).collect()).await;
    rig.until_closed().await;
    let posts = phone.bot().posts();
    assert_eq!(posts.len(), 3);
    rig.end().await;
}
