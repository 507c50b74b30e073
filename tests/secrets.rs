//! Secrets, each uniquely marked, in every place that takes one; faults that make servers quote them back; the log at its loudest.
//! Then everything that the monitor wrote is searched for them, in every shape in which they may turn up.

mod common;
#[path = "secrets/config.rs"]
mod config;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use common::leaks::{files, search, shapes};
use common::mail::{Encryption, MailServer};
use common::monitor::{Monitor, Place};
use common::{PATIENCE, http_client};
use futures::{SinkExt, StreamExt};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_util::sync::CancellationToken;
use walletwatch::app::clock::Clock;
use walletwatch::types::{ChainId, Timestamp, U256};
use walletwatch::world::chain::{Action, Chain, Genesis, Plan};
use walletwatch::world::live::LiveChain;
use walletwatch::world::node::Node;
use walletwatch::world::receiver::Receiver;
use walletwatch::world::story::Cast;

/// How often it is looked again.
const GLANCE: Duration = Duration::from_millis(50);
/// A server that fails in turns, and always quotes what it was asked: target, headers and body.
struct Echo {
    address: SocketAddr,
    /// Counts its ways to fail; begins at `first`.
    turn: Arc<AtomicU32>,
    first: u32,
    heard: Arc<Mutex<String>>,
}

impl Echo {
    async fn start(first: u32) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
        let address = listener.local_addr().expect("it is bound");
        let (turn, heard) = (Arc::new(AtomicU32::new(first)), Arc::new(Mutex::new(String::new())));
        let (counter, memory) = (Arc::clone(&turn), Arc::clone(&heard));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let turn = counter.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(quote(stream, turn, Arc::clone(&memory)));
            }
        });
        Self { address, turn, first, heard }
    }

    /// How often it was asked.
    fn asked(&self) -> u32 {
        self.turn.load(Ordering::SeqCst) - self.first
    }

    fn has_heard(&self, secret: &str) -> bool {
        self.heard.lock().expect("no holder panics").contains(secret)
    }
}

/// One connection.
async fn quote(mut stream: TcpStream, turn: u32, heard: Arc<Mutex<String>>) {
    let mut peeked = vec![0; 16 * 1024];
    // Everything that this test asks fits into one piece, and upgrades are to be read again below.
    let length = stream.peek(&mut peeked).await.unwrap_or(0);
    let request = String::from_utf8_lossy(&peeked[..length]).into_owned();
    heard.lock().expect("no holder panics").push_str(&request);
    let target = request.split(' ').nth(1).unwrap_or_default().to_owned();
    let upgrade = request.to_ascii_lowercase().contains("upgrade: websocket");
    if upgrade && turn.is_multiple_of(2) {
        let Ok(mut socket) = tokio_tungstenite::accept_async(stream).await else { return };
        let words = format!("your key {target} is not allowed");
        let _heard = tokio::time::timeout(Duration::from_secs(1), socket.next()).await;
        let error = format!(r#"{{"jsonrpc":"2.0","error":{{"code":-32000,"message":"{words}"}}}}"#);
        let _gone = socket.send(Message::text(error)).await;
        let reason = words.chars().take(120).collect::<String>().into();
        let _gone = socket.close(Some(CloseFrame { code: CloseCode::Error, reason })).await;
        return;
    }
    let _read = stream.read(&mut peeked).await;
    let quoted = serde_json::Value::from(request.clone()).to_string();
    let (status, body) = match turn % 3 {
        0 => (500, request.clone()),
        1 => (
            200,
            format!(r#"{{"status":"0","message":"NOTOK","result":"Invalid API Key ({target})","quoted":{quoted}}}"#),
        ),
        _ => (403, format!("invalid_token {target} {request}")),
    };
    let answer = format!(
        "HTTP/1.1 {status} no {target}\r\nx-quoted: {target}\r\nlocation: {target}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let _gone = stream.write_all(answer.as_bytes()).await;
}

/// Waits until it is so.
async fn until(what: &str, mut so: impl FnMut() -> bool) {
    let from = tokio::time::Instant::now();
    while !so() {
        assert!(from.elapsed() < PATIENCE, "{what}");
        tokio::time::sleep(GLANCE).await;
    }
}

const NODE: &str = "CANARY-node-path-0a1b2c3d4e5f";
const QUERY: &str = "CANARY-node-query-1b2c3d4e5f60";
const USER: &str = "CANARY-user-2c3d4e5f6071";
const PASSWORD: &str = "CANARY-password-3d4e5f607182";
const HTTP: &str = "CANARY-http-4e5f60718293";
const CLOSED: &str = "CANARY-closed-5f60718293a4";
const KEY: &str = "CANARYetherscan60718293A4B5C6D7E8";
const FEED: &str = "CANARY-feed-718293a4b5c6";
const HOOK: &str = "CANARY-hook-8293a4b5c6d7";
const SIGNING: &str = "CANARY-signing-key-of-32-bytes-x";
const SLACK: &str = "CANARYslack93a4b5c6d7e8";
const BOT: &str = "987654321:CANARYbot04b5c6d7e8f9a0b1c2d3e4f5";
const MAIL: &str = "CANARY mail pass+word/15c6d7e8f9";
const CIRCLE: &str = "CANARYcircle5c6d7e8f90a1b2";
const ENTITY: &str = "ca9a27e9717c1e5c6d7e8f90a1b2c3d4ca9a27e9717c1e5c6d7e8f90a1b2c3d4";
const TOKEN: &str = "CANARY-token-a4b5c6d7e8f90123456789";

/// A chain that works behind a url with a key, so that there are alerts too.
fn chain(cast: &Cast, at: Timestamp) -> Arc<LiveChain> {
    Arc::new(LiveChain::new(Chain::new(Genesis {
        id: ChainId(31_337),
        seed: 1,
        at,
        base_fee: U256::from(8_000_000_000_u64),
        safe_after: 4,
        final_after: 8,
        coin: [(cast.hot, U256::from(10).pow(U256::from(20)))].into(),
        tokens: Vec::new(),
    })))
}

/// Every secret, by what it is.
fn marked(signing: &str) -> Vec<(&'static str, String)> {
    [
        ("key in the path of a node", NODE),
        ("key in the query of a node", QUERY),
        ("user of a node", USER),
        ("password of a node", PASSWORD),
        ("key of a node over http", HTTP),
        ("key of a node that is down", CLOSED),
        ("explorer's key", KEY),
        ("feed's key", FEED),
        ("webhook's url", HOOK),
        ("signing key", SIGNING),
        ("signing key as it is written", &signing[6..]),
        ("chat's url", SLACK),
        ("bot's token", BOT),
        ("mail server's password", MAIL),
        ("Circle's key", CIRCLE),
        ("entity secret", ENTITY),
        ("API token", TOKEN),
    ]
    .map(|(name, secret)| (name, secret.to_owned()))
    .into()
}

/// Asks for everything that the API shows, with the token, without one and with a wrong one.
async fn search_api(monitor: &Monitor, secrets: &[(&str, String)], found: &mut Vec<String>) {
    let client = http_client();
    let paths = ["/", "/metrics", "/readyz", "/api/v1/status", "/api/v1/transfers", "/api/v1/alerts", "/api/v1/outbox"];
    let money = ["", "/standing", "/audit", "/config"].map(|path| format!("/api/v1/payments{path}"));
    let paths = paths.into_iter().chain(money.iter().map(String::as_str));
    for path in paths {
        for token in [None, Some(TOKEN), Some("CANARY-wrong")] {
            let mut ask = client.get(format!("{}{path}", monitor.page()));
            if let Some(token) = token {
                ask = ask.bearer_auth(token);
            }
            let answer = ask.send().await.expect("it answers");
            let headers = format!("{:?}", answer.headers());
            let text = answer.text().await.expect("it is whole");
            search(path, format!("{headers}{text}").as_bytes(), secrets, found);
        }
    }
    for row in monitor.list("/api/v1/outbox").await {
        let id = row["message_id"].as_str().or(row["id"].as_str()).expect("a row has an id");
        let text = monitor.text(&format!("/api/v1/outbox/{id}")).await;
        search("a message of the outbox", text.as_bytes(), secrets, found);
    }
}

/// The files that are left, and what the commands say about the config.
fn search_left(place: &Place, secrets: &[(&str, String)], found: &mut Vec<String>) {
    for path in files(&place.data()) {
        let bytes = std::fs::read(&path).expect("it can be read");
        search(&path.display().to_string(), &bytes, secrets, found);
    }
    let payments = [&["payments", "list"][..], &["payments", "verify"], &["payments", "export"]];
    for args in [&["check"][..], &["check", "--print"]].into_iter().chain(payments) {
        let output = place.command(args);
        assert!(output.status.success(), "{args:?}");
        search(&args.join(" "), &[output.stdout, output.stderr].concat(), secrets, found);
    }
}

#[expect(clippy::too_many_lines, reason = "one run through every place where a secret could come out")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_secret_is_in_anything_that_the_monitor_writes() {
    let clock = Arc::new(Clock::start(None));
    let now = move || clock.now();
    let cast = Cast::new(1);
    let chain = chain(&cast, now());
    let stop = CancellationToken::new();
    let serve = async || {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
        let address = listener.local_addr().expect("it is bound");
        (listener, address)
    };
    let (listener, node) = serve().await;
    tokio::spawn(Arc::new(Node::new(Arc::clone(&chain))).serve(listener, stop.clone()));
    let receiver = Arc::new(Receiver::new(Arc::new(now.clone()), [9; 32]));
    let (listener, good) = serve().await;
    tokio::spawn(Arc::clone(&receiver).serve(listener, stop.clone()));
    let (closed, closed_at) = serve().await;
    drop(closed);
    let echoes = futures::future::join_all([0, 0, 1, 0, 0, 1, 2, 2].map(Echo::start)).await;
    let [user, http, etherscan, feed, hook, slack, bot, circle] =
        [0, 1, 2, 3, 4, 5, 6, 7].map(|nth: usize| &echoes[nth]);
    // It wants another password, and quotes the wrong one.
    let mail = MailServer::start(Encryption::None, Some(("alerts@example.com", "another"))).await;

    let place = Place::new(&config::with_secrets(etherscan.address, good, bot.address, mail.at, circle.address, &cast));
    let signing = format!("whsec_{}", STANDARD.encode(SIGNING));
    for (name, value) in [
        ("NODE", format!("ws://{node}/v3/{NODE}?token={QUERY}")),
        ("USER_NODE", format!("ws://{USER}:{PASSWORD}@{}/", user.address)),
        ("HTTP_NODE", format!("http://{}/v3/{HTTP}", http.address)),
        ("CLOSED_NODE", format!("ws://{closed_at}/v3/{CLOSED}")),
        ("KEY", KEY.to_owned()),
        ("FEED", format!("ws://{}/{FEED}", feed.address)),
        ("HOOK", format!("http://{}/{HOOK}", hook.address)),
        ("SIGNING", signing.clone()),
        ("SLACK", format!("http://{}/services/{SLACK}", slack.address)),
        ("BOT", BOT.to_owned()),
        ("MAIL", MAIL.to_owned()),
        ("CIRCLE", format!("TEST_API_KEY:circle-id:{CIRCLE}")),
        ("ENTITY", ENTITY.to_owned()),
        ("GOOD", receiver.secret().expose().to_owned()),
        ("TOKEN", TOKEN.to_owned()),
        ("WALLETWATCH_LOG", "trace".to_owned()),
    ] {
        place.set(name, &value);
    }
    let secrets = marked(&signing);

    let monitor = place.start().await;
    monitor.has_read("devnet", 0).await;
    for _ in 0..4 {
        let pay = Action::Pay { from: cast.hot, to: cast.treasury, value: U256::from(7) };
        chain.change(|chain| chain.mine(now(), &Plan { actions: vec![pay], ..Plan::default() }));
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    // Who is turned away stays away for minutes: two of the ways to fail are all that there is time for.
    let asked = [
        ("user", user),
        ("http", http),
        ("etherscan", etherscan),
        ("feed", feed),
        ("hook", hook),
        ("chat", slack),
        ("phone", bot),
        ("circle", circle),
    ];
    for (name, echo) in asked {
        until(&format!("{name} is asked twice"), || echo.asked() >= 2).await;
    }
    until("the mail server is asked twice", || mail.connections() >= 2).await;
    until("alerts were told", || receiver.count() >= 6).await;

    let mut found = Vec::new();
    search_api(&monitor, &secrets, &mut found).await;
    for delivery in receiver.deliveries() {
        search("a webhook's body", &delivery.body, &secrets, &mut found);
        search("a webhook's headers", format!("{:?}", delivery.headers).as_bytes(), &secrets, &mut found);
    }
    for echo in [hook, slack] {
        // What is sent to one receiver holds nothing of another.
        let heard = echo.heard.lock().expect("no holder panics").clone();
        let others: Vec<_> = secrets
            .iter()
            .filter(|(_, secret)| {
                !heard.contains(&format!("/{secret} ")) && !heard.contains(&format!("/services/{secret} "))
            })
            .cloned()
            .collect();
        search("what a failing receiver got", heard.as_bytes(), &others, &mut found);
    }
    let log = monitor.log.clone();
    assert!(monitor.stop().await.success());
    search_left(&place, &secrets, &mut found);
    let lines = log.lines();
    assert!(lines.iter().any(|line| line.contains("TRACE") || line.contains("DEBUG")), "the log is loud");
    for line in &lines {
        let before = found.len();
        search("the log", line.as_bytes(), &secrets, &mut found);
        if found.len() > before {
            found.push(format!("  in: {line}"));
        }
    }
    // The secrets were in play: whoever they are for has got them.
    let basic = STANDARD.encode(format!("{USER}:{PASSWORD}"));
    for (echo, secret) in [
        (user, basic.as_str()),
        (http, HTTP),
        (etherscan, KEY),
        (feed, FEED),
        (hook, HOOK),
        (slack, SLACK),
        (bot, BOT),
        (circle, CIRCLE),
    ] {
        assert!(echo.has_heard(secret), "{secret} was not used");
    }
    assert!(mail.has_heard(MAIL), "the mail server's password was not used");
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn the_search_finds_a_secret_in_every_shape_wherever_it_stands() {
    let secret = "CANARY-node/path+0a1b2c3d";
    let secrets = [("key", secret.to_owned())];
    let hits = |text: &str| {
        let mut found = Vec::new();
        search("x", text.as_bytes(), &secrets, &mut found);
        found.len()
    };
    assert_eq!(hits("nothing of it: CANARY-node/path"), 0);
    for shape in shapes(secret) {
        assert!(hits(&format!("before {shape} behind")) > 0, "{shape}");
    }
    for before in ["", "u", "us", "use"] {
        assert!(hits(&STANDARD.encode(format!("{before}{secret}@host"))) > 0, "{before}");
    }
}
