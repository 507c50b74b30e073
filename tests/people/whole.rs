//! The whole monitor, a chat and a mailbox: what is seen, confirmed and taken back by a reorg stands in one thread in both.

use crate::common::bot::{Bot, Fault as BotFault, Post, TOKEN};
use crate::common::mail::{Encryption, Fault, MailServer};
use crate::common::monitor::{Monitor, Place};
use crate::common::{PATIENCE, http_client};
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use walletwatch::app::clock::Clock;
use walletwatch::types::{ChainId, U256};
use walletwatch::world::chain::{Action, Chain, Genesis, Plan, Reorg};
use walletwatch::world::live::LiveChain;
use walletwatch::world::node::Node;
use walletwatch::world::story::Cast;

const GROUP: i64 = -1_001_234_567_890;

/// The Bot API over HTTP.
#[derive(Clone)]
struct Server {
    bot: Arc<Mutex<Bot>>,
    came: watch::Sender<usize>,
}

impl Server {
    async fn start() -> (Self, SocketAddr) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
        let at = listener.local_addr().expect("it is bound");
        let server = Self { bot: Arc::new(Mutex::new(Bot::in_chats(&[(GROUP, "")]))), came: watch::Sender::new(0) };
        let router = Router::new().fallback(call).with_state(server.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.expect("it serves") });
        (server, at)
    }

    /// Waits for so many messages.
    async fn until(&self, many: usize) -> Vec<Post> {
        let mut came = self.came.subscribe();
        let there = came.wait_for(|count| *count >= many);
        let _lives = tokio::time::timeout(PATIENCE, there).await.expect("the messages come in time");
        self.bot.lock().expect("no holder panics").posts()
    }

    /// Waits for a message with these words.
    async fn until_said(&self, words: &str) -> Vec<Post> {
        let mut came = self.came.subscribe();
        let said = || self.bot.lock().expect("no holder panics").posts();
        let there = came.wait_for(|_| said().iter().any(|post| post.seen.contains(words)));
        let _lives = tokio::time::timeout(PATIENCE, there).await.unwrap_or_else(|_| panic!("nobody says {words}"));
        said()
    }
}

async fn call(State(server): State<Server>, method: Method, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let (reply, count) = {
        let mut bot = server.bot.lock().expect("no holder panics");
        (bot.call(method.as_str(), uri.path(), kind, &body, Instant::now()), bot.count())
    };
    server.came.send_replace(count);
    match reply {
        Some((status, body)) => {
            let status = StatusCode::from_u16(status).expect("a status");
            (status, [(header::CONTENT_TYPE, "application/json")], body.to_string()).into_response()
        }
        None => std::future::pending().await,
    }
}

fn config(node: SocketAddr, bot: SocketAddr, mail: SocketAddr, cast: &Cast) -> String {
    format!(
        r#"
token = "env:TOKEN"
[system]
notify = ["log"]
[[chain]]
name = "devnet"
chain_id = 31337
coin = "ETH"
block_time = "1s"
confirmations = 3
final_after = 20
etherscan = false
rpc = ["ws://{node}"]
[[watch]]
name = "treasury"
address = "{}"
chains = ["devnet"]
[[sink]]
name = "log"
kind = "log"
[[sink]]
name = "phone"
kind = "telegram"
token = "env:BOT"
chat = "{GROUP}"
url = "http://{bot}"
allow_private = true
[[sink]]
name = "mail"
kind = "email"
url = "smtp://{mail}"
starttls = false
allow_private = true
user = "alerts@example.com"
password = "env:PASSWORD"
from = "walletwatch <alerts@example.com>"
to = "ops@example.com"
[[rule]]
name = "in"
when = "transfer"
stages = ["seen", "confirmed"]
notify = ["phone", "mail"]
"#,
        cast.treasury
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reorg_takes_an_alert_back_in_its_thread_in_the_chat_and_in_the_mailbox() {
    let stage = Stage::new().await;
    let Stage { chain, clock, cast, phone, mail, place } = &stage;
    let now = || clock.now();
    let probe = place.command(&["check", "--probe"]);
    let said = format!("{}{}", String::from_utf8_lossy(&probe.stdout), String::from_utf8_lossy(&probe.stderr));
    assert!(said.contains("the bot is @walletwatch_bot, it sees the chat \"Ops\""), "{said}");
    assert!(said.contains("the mail server takes the login"), "{said}");
    assert!(
        phone.bot.lock().expect("no holder panics").posts().is_empty() && mail.mails().is_empty(),
        "nobody was told"
    );

    let monitor = place.start().await;
    monitor.has_read("devnet", 0).await;
    // The first mail is taken without a word: it comes again.
    mail.script([Fault::CloseBehindContent]);
    phone.bot.lock().expect("no holder panics").script([BotFault::Entities]);
    let pay = Action::Pay { from: cast.hot, to: cast.treasury, value: U256::from(7_000_000_000_000_000_000_u64) };
    let paid = chain.change(|chain| chain.mine(now(), &Plan { actions: vec![pay], ..Plan::default() }));
    phone.until(1).await;
    for _ in 0..2 {
        chain.change(|chain| chain.mine(now(), &Plan::default()));
    }
    phone.until(2).await;
    mail.until(3).await;
    let dropped: BTreeSet<_> = paid.txs.iter().map(|tx| tx.tx.hash).collect();
    chain
        .change(|chain| chain.reorg(now(), &Reorg { depth: 3, blocks: 4, dropped, ..Reorg::default() }))
        .expect("there are so many blocks");
    let posts = phone.until(3).await;
    let mails = mail.until(4).await;

    let titles: Vec<&str> = posts.iter().map(|post| post.seen.lines().next().unwrap_or_default()).collect();
    let expected = [
        "treasury received 7 ETH on devnet (seen)",
        "treasury received 7 ETH on devnet (confirmed)",
        "RETRACTED: treasury received 7 ETH on devnet no longer holds",
    ];
    assert_eq!(titles, expected);
    assert_eq!(posts[0].source, posts[0].seen, "the entities of the first were refused: it is plain");
    assert_eq!(posts.iter().map(|post| post.answers).collect::<Vec<_>>(), [None, Some(posts[0].id), Some(posts[0].id)]);

    let header = |nth: usize, name: &str| mails[nth].header(name);
    let subjects: Vec<String> = (0..4).filter_map(|nth| header(nth, "Subject")).collect();
    assert_eq!(subjects, [expected[0], expected[0], expected[1], expected[2]]);
    assert_eq!(header(0, "Message-ID"), header(1, "Message-ID"), "a repeat has the same id");
    let again: Vec<bool> = mails.iter().map(|mail| mail.content.contains("again: this message")).collect();
    assert_eq!(again, [false, true, false, false]);
    for nth in [2, 3] {
        assert_eq!(header(nth, "In-Reply-To"), header(0, "Message-ID"));
        assert!(
            header(nth, "References").is_some_and(|all| all.ends_with(&header(0, "Message-ID").unwrap_or_default()))
        );
    }

    // As `walletwatch sink test phone` asks.
    let ask = http_client().post(format!("{}/api/v1/sinks/phone/test", monitor.page()));
    let tested = ask.bearer_auth("0123456789abcdef0123456789abcdef").send().await.expect("it answers");
    assert!(tested.status().is_success(), "{}", tested.status());
    assert!(phone.until(4).await[3].seen.starts_with("walletwatch: this is a test"));
    let metrics = monitor.text("/metrics").await;
    for sink in ["phone", "mail"] {
        let line = format!("walletwatch_delivery_attempts_total{{sink=\"{sink}\",outcome=\"ok\"}}");
        let count = metrics.lines().find_map(|metric| metric.strip_prefix(&line)).map(str::trim);
        assert!(count.is_some_and(|count| count != "0"), "{line} in {metrics}");
    }
    assert!(monitor.stop().await.success());
}

/// A world with a chain, a phone and a mailbox, and a place for the monitor.
struct Stage {
    chain: Arc<LiveChain>,
    clock: Arc<Clock>,
    cast: Cast,
    phone: Server,
    mail: MailServer,
    place: Place,
}

impl Stage {
    async fn new() -> Self {
        let clock = Arc::new(Clock::start(None));
        let cast = Cast::new(1);
        let chain = Arc::new(LiveChain::new(Chain::new(Genesis {
            id: ChainId(31_337),
            seed: 1,
            at: clock.now(),
            base_fee: U256::from(8_000_000_000_u64),
            safe_after: 30,
            final_after: 40,
            coin: [(cast.hot, U256::from(10).pow(U256::from(20)))].into(),
            tokens: Vec::new(),
        })));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
        let node = listener.local_addr().expect("it is bound");
        tokio::spawn(Arc::new(Node::new(Arc::clone(&chain))).serve(listener, CancellationToken::new()));
        let (phone, bot_at) = Server::start().await;
        let mail = MailServer::start(Encryption::None, Some(("alerts@example.com", "hunter2hunter2"))).await;
        let place = Place::new(&config(node, bot_at, mail.at, &cast));
        place.set("BOT", TOKEN);
        place.set("TOKEN", "0123456789abcdef0123456789abcdef");
        place.set("PASSWORD", "hunter2hunter2");
        Self { chain, clock, cast, phone, mail, place }
    }

    fn mine(&self, plan: &Plan) -> BTreeSet<walletwatch::types::B256> {
        let mined = self.chain.change(|chain| chain.mine(self.clock.now(), plan));
        mined.txs.iter().map(|tx| tx.tx.hash).collect()
    }

    /// The next process, no sooner than a chat takes another message: the one before it is known to nobody.
    async fn restart(&self) -> Monitor {
        tokio::time::sleep(Duration::from_millis(1_100)).await;
        self.place.start().await
    }
}

/// Seen, confirmed, taken back; the process is killed between any two of them, and once more at a place of its own.
async fn killed_on_the_way(at: Option<&str>) {
    let stage = Stage::new().await;
    let (phone, mail, place) = (&stage.phone, &stage.mail, &stage.place);
    if let Some(point) = at {
        place.set("WALLETWATCH_FAULT_KILL", point);
    }
    let mut monitor = place.start().await;
    monitor.has_read("devnet", 0).await;
    let value = U256::from(7_000_000_000_000_000_000_u64);
    let pay = Action::Pay { from: stage.cast.hot, to: stage.cast.treasury, value };
    let dropped = stage.mine(&Plan { actions: vec![pay], ..Plan::default() });
    if at.is_some() {
        assert!(!monitor.ended().await.success(), "it died there");
        place.set("WALLETWATCH_FAULT_KILL", "nowhere");
        monitor = stage.restart().await;
    }
    phone.until_said("(seen)").await;
    mail.until(1).await;
    monitor.kill().await;
    stage.mine(&Plan::default());
    stage.mine(&Plan::default());
    let monitor = stage.restart().await;
    phone.until_said("(confirmed)").await;
    mail.until(2).await;
    monitor.kill().await;
    let reorg = Reorg { depth: 3, blocks: 4, dropped, ..Reorg::default() };
    stage.chain.change(|chain| chain.reorg(stage.clock.now(), &reorg)).expect("there are so many blocks");
    let monitor = stage.restart().await;
    let posts = phone.until_said("RETRACTED").await;
    let is_over =
        |mail: &crate::common::mail::Mail| mail.header("Subject").is_some_and(|it| it.starts_with("RETRACTED"));
    for many in 3.. {
        if mail.until(many).await.iter().any(is_over) {
            break;
        }
    }

    let expected = ["(seen)", "(confirmed)", "RETRACTED"];
    let mut rest = posts.iter();
    assert!(expected.iter().all(|words| rest.any(|post| post.seen.contains(words))), "{at:?}: {posts:?}");
    // What nobody noted that it was taken comes again, and says so.
    let again = posts.iter().filter(|post| post.seen.contains("\nagain: this message")).count();
    assert!(posts.len() - again <= 3 && posts.len() <= 3 + 2, "{at:?}: {posts:?}");
    assert!(posts.last().is_some_and(|post| post.answers.is_some()), "{at:?}: it stands in the thread");
    let mails = mail.mails();
    let ids: BTreeSet<_> = mails.iter().filter_map(|mail| mail.header("Message-ID")).collect();
    assert_eq!(ids.len(), 3, "{at:?}: a repeat has the same id");
    let first = mails[0].header("Message-ID");
    let answers: BTreeSet<_> = mails.iter().map(|mail| mail.header("In-Reply-To")).collect();
    assert_eq!(answers, [None, first].into(), "{at:?}: one thread");
    assert!(monitor.stop().await.success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_is_killed_between_any_two_leaves_one_thread_in_the_chat_and_in_the_mailbox() {
    killed_on_the_way(None).await;
    // A receiver answered and nobody took note of it; what became of it was about to be written; it was written and nobody went on.
    for point in ["after_answer", "before_delivery_write", "after_delivery_write"] {
        killed_on_the_way(Some(point)).await;
    }
}
