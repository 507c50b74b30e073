//! The supervisor over in-memory streams and a clock that the test owns: what happens when, exactly.
//! Never waits in real time; what needs a real TCP connection is in `tests_tcp`.

use super::*;
use crate::net::Tls;
use crate::types::Secret;
use futures::{SinkExt, StreamExt};
use std::io;
use tokio::io::DuplexStream;
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::{Bytes, Message};
use tokio_tungstenite::{WebSocketStream, accept_async};
use tokio_util::sync::CancellationToken;

/// Stands in every url; must stand in no text.
pub(super) const MARK: &str = "s3cr3t-marker";
const SECOND: Duration = Duration::from_secs(1);

/// Acknowledges with "ack", useful with "head…", rejects with "no: …", breaks with anything but "beat". Echoes requests'
/// answers ("answer…") as useful.
pub(super) struct Plain;

impl Protocol for Plain {
    fn connected(&mut self, _now: Instant, verdicts: &mut Vec<Verdict>) {
        verdicts.push(Verdict::Send("subscribe".to_owned()));
    }

    fn frame(&mut self, text: &str, _now: Instant, verdicts: &mut Vec<Verdict>) {
        verdicts.push(match text {
            "ack" => Verdict::Subscribed,
            "beat" => Verdict::Chatter,
            "more" => Verdict::Send("subscribe more".to_owned()),
            _ if text.starts_with("head") || text.starts_with("answer") => Verdict::Useful,
            _ if text.starts_with("no: ") => Verdict::Rejected { detail: text.to_owned() },
            _ => Verdict::Broken { detail: text.to_owned() },
        });
    }
}

/// Hands the other end of each new stream to the test.
struct Pipes(mpsc::UnboundedSender<DuplexStream>);

impl Dial for Pipes {
    type Stream = DuplexStream;

    async fn dial(&mut self, _host: &str, _port: u16) -> io::Result<DuplexStream> {
        let (ours, theirs) = tokio::io::duplex(64 * 1024);
        self.0.send(theirs).map_err(|_| io::Error::from(io::ErrorKind::ConnectionRefused))?;
        Ok(ours)
    }
}

/// Never gets anywhere.
struct Nowhere;

impl Dial for Nowhere {
    type Stream = DuplexStream;

    async fn dial(&mut self, _host: &str, _port: u16) -> io::Result<DuplexStream> {
        std::future::pending().await
    }
}

pub(super) fn settings(url: &str) -> SocketSettings {
    SocketSettings {
        endpoint: Endpoint::parse(&Secret::new(url.to_owned())).expect("the test's url is one"),
        timing: Timing::default(),
        limits: Limits::FEED,
        tls: Tls::baked(),
    }
}

/// A supervisor under test: its states with the time of each, its peers, and the way to send requests.
struct Bench {
    start: Instant,
    states: mpsc::UnboundedReceiver<(Instant, SocketState)>,
    peers: mpsc::UnboundedReceiver<DuplexStream>,
    requests: mpsc::Sender<String>,
    cancel: CancellationToken,
}

type Peer = WebSocketStream<DuplexStream>;

impl Bench {
    fn new(change: impl FnOnce(&mut Timing)) -> Self {
        let (dial, peers) = mpsc::unbounded_channel();
        Self::with(change, Pipes(dial), peers)
    }

    fn with<D: Dial + 'static>(
        change: impl FnOnce(&mut Timing),
        dial: D,
        peers: mpsc::UnboundedReceiver<DuplexStream>,
    ) -> Self {
        let (say, states) = mpsc::unbounded_channel();
        let (requests, outgoing) = mpsc::channel(16);
        let cancel = CancellationToken::new();
        let stop = cancel.clone();
        let mut settings = settings(&format!("ws://node.example/{MARK}?key={MARK}"));
        change(&mut settings.timing);
        tokio::spawn(async move {
            let on_state = move |state: SocketState| {
                assert!(!format!("{state:?}").contains(MARK), "{state:?}");
                // Nobody hears the last of it where the test has ended.
                let _ = say.send((Instant::now(), state));
            };
            supervise(&settings, dial, Plain, outgoing, on_state, stop).await;
        });
        Self { start: Instant::now(), states, peers, requests, cancel }
    }

    /// The next state, with the seconds since the start.
    async fn state(&mut self) -> (u64, SocketState) {
        let (at, state) = self.states.recv().await.expect("it never ends by itself");
        ((at - self.start).as_secs(), state)
    }

    async fn expect(&mut self, states: &[SocketState]) {
        for expected in states {
            assert_eq!(&self.state().await.1, expected);
        }
    }

    /// The next ending: when, why, how long until the next attempt, and what was said of it.
    async fn ending(&mut self) -> (u64, Reason, Duration, String) {
        loop {
            let (at, state) = self.state().await;
            if let SocketState::BackingOff { until, reason, detail } = state {
                return (at, reason, until - Instant::now(), detail);
            }
        }
    }

    async fn accept(&mut self) -> Peer {
        accept_async(self.peers.recv().await.expect("it dials")).await.expect("it upgrades")
    }

    /// A peer that has acknowledged.
    async fn live(&mut self) -> Peer {
        let mut peer = self.accept().await;
        assert_eq!(text(&mut peer).await, "subscribe");
        say(&mut peer, "ack").await;
        self.expect(&[SocketState::Connecting, SocketState::Subscribing, SocketState::Live]).await;
        peer
    }
}

async fn text(peer: &mut Peer) -> String {
    loop {
        if let Message::Text(text) = peer.next().await.expect("it is open").expect("it is a frame") {
            return text.as_str().to_owned();
        }
    }
}

async fn say(peer: &mut Peer, text: &str) {
    peer.send(Message::text(text)).await.expect("it is open");
}

/// Answers pings, and says `text` every `every`, until the other end goes away.
async fn keep_talking(mut peer: Peer, text: &str, every: Duration) {
    let mut pace = tokio::time::interval(every);
    loop {
        tokio::select! {
            frame = peer.next() => if !matches!(frame, Some(Ok(_))) { return },
            _ = pace.tick() => if peer.send(Message::text(text)).await.is_err() { return },
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_normal_life_is_connecting_subscribing_live_and_stopped() {
    let mut bench = Bench::new(|_| ());
    bench.requests.send("meant for an older connection".to_owned()).await.expect("there is room");
    let mut peer = bench.live().await;
    bench.requests.send("request".to_owned()).await.expect("there is room");
    assert_eq!(text(&mut peer).await, "request");
    say(&mut peer, "more").await;
    assert_eq!(text(&mut peer).await, "subscribe more");
    tokio::spawn(keep_talking(peer, "head", SECOND * 12));
    tokio::time::sleep(SECOND * 7_200).await;
    assert!(bench.states.try_recv().is_err(), "nothing changed in two hours");
    bench.cancel.cancel();
    bench.expect(&[SocketState::Stopped]).await;
    assert!(bench.states.recv().await.is_none(), "the last state is the last");
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_is_silent_in_any_stage_is_given_up_in_time() {
    // Nothing connects.
    let mut bench = Bench::with(|_| (), Nowhere, mpsc::unbounded_channel().1);
    assert_eq!(bench.ending().await, (10, Reason::Connect, Duration::ZERO, String::new()));
    // Accepted, but the upgrade is never answered.
    let mut bench = Bench::new(|_| ());
    let _held = bench.peers.recv().await;
    assert_eq!(bench.ending().await, (10, Reason::UpgradeTimeout, Duration::ZERO, String::new()));
    // Upgraded, but the subscription is never acknowledged.
    let mut bench = Bench::new(|_| ());
    let _held = bench.accept().await;
    assert_eq!(bench.ending().await, (5, Reason::SubscribeTimeout, Duration::ZERO, String::new()));
    // Subscribed, then half-open: our ping at 15 s stays unanswered, since the peer does not read.
    let mut bench = Bench::new(|_| ());
    let _held = bench.live().await;
    assert_eq!(bench.ending().await, (25, Reason::PingTimeout, Duration::ZERO, String::new()));
    // Half-open while requests go out each second: found just as fast.
    let mut bench = Bench::new(|_| ());
    let _held = bench.live().await;
    let requests = bench.requests.clone();
    tokio::spawn(async move {
        while requests.send("request".to_owned()).await.is_ok() {
            tokio::time::sleep(SECOND).await;
        }
    });
    assert_eq!(bench.ending().await, (25, Reason::PingTimeout, Duration::ZERO, String::new()));
    // The venue's own heartbeat is missed before any ping of ours.
    let mut bench = Bench::new(|timing| timing.silence = SECOND * 8);
    let _held = bench.live().await;
    assert_eq!(bench.ending().await, (8, Reason::Idle, Duration::ZERO, String::new()));
}

#[tokio::test(start_paused = true)]
async fn a_subscription_that_died_silently_is_stale_then_replaced() {
    let mut bench = Bench::new(|_| ());
    let peer = bench.live().await;
    tokio::spawn(keep_talking(peer, "beat", SECOND));
    assert_eq!(bench.state().await, (60, SocketState::Stale));
    assert_eq!(bench.ending().await, (120, Reason::Stale, Duration::ZERO, String::new()));
    // One useful word makes it live again.
    let mut bench = Bench::new(|_| ());
    let mut peer = bench.live().await;
    let (wake, mut woken) = mpsc::channel::<()>(1);
    tokio::spawn(async move {
        tokio::select! { _ = woken.recv() => {}, () = async { while peer.next().await.is_some() {} } => {} }
        say(&mut peer, "head").await;
        keep_talking(peer, "beat", SECOND).await;
    });
    assert_eq!(bench.state().await, (60, SocketState::Stale));
    wake.send(()).await.expect("it waits");
    assert_eq!(bench.state().await, (60, SocketState::Live));
    assert_eq!(bench.state().await, (120, SocketState::Stale));
}

#[tokio::test(start_paused = true)]
async fn what_the_peer_says_can_end_a_connection_with_a_reason() {
    let long = "x".repeat(2_000);
    let quoting = format!("{{\"error\":\"bad key {MARK}\"}}");
    let close = Message::Close(None);
    // (what comes, reason, detail)
    let cases = [
        (
            Message::text("{\"error\":\"Subscription timed out\"}"),
            Reason::Protocol,
            "{\"error\":\"Subscription timed out\"}",
        ),
        (Message::text(quoting), Reason::Protocol, "{\"error\":\"bad key ***\"}"),
        (Message::text(long.clone()), Reason::Protocol, &long[..200]),
        (Message::binary(vec![0xde, 0xad]), Reason::Protocol, ""),
        (close, Reason::Close, ""),
        (Message::binary(vec![0; 2 << 20]), Reason::TooLarge, ""),
    ];
    for (message, reason, detail) in cases {
        let mut bench = Bench::new(|_| ());
        let mut peer = bench.live().await;
        tokio::spawn(async move {
            // The other side may be gone before all of it is written: that is what is tested.
            let _gone = peer.send(message).await;
            while let Some(Ok(_)) = peer.next().await {}
        });
        assert_eq!(bench.ending().await, (0, reason, Duration::ZERO, detail.to_owned()));
    }
}

#[tokio::test(start_paused = true)]
async fn a_refused_subscription_rests_for_long_also_at_the_resubscribe() {
    let mut bench = Bench::new(|_| ());
    drop(bench.live().await);
    assert_eq!(bench.ending().await.1, Reason::Close);
    let mut peer = bench.accept().await;
    say(&mut peer, "no: too many subscriptions").await;
    let (_, reason, wait, detail) = bench.ending().await;
    assert_eq!((reason, detail.as_str()), (Reason::Rejected, "no: too many subscriptions"));
    assert!(wait >= SECOND * 60, "{wait:?}");
}

#[tokio::test(start_paused = true)]
async fn ten_peers_that_accept_and_close_are_not_hammered() {
    let mut bench = Bench::new(|_| ());
    let mut waits = Vec::new();
    for _ in 0..10 {
        let mut peer = bench.accept().await;
        say(&mut peer, "ack").await;
        say(&mut peer, "head").await;
        drop(peer);
        waits.push(bench.ending().await.2);
    }
    assert_eq!(waits[0], Duration::ZERO);
    assert!(waits[1..].iter().all(|wait| *wait >= crate::net::backoff::SHORTEST), "{waits:?}");
    assert!(waits.iter().all(|wait| *wait <= crate::net::backoff::LONGEST), "{waits:?}");
    assert!(bench.start.elapsed() >= waits.iter().take(9).sum::<Duration>(), "the waits were kept");
    // A minute of useful words is forgiven.
    let mut peer = bench.accept().await;
    say(&mut peer, "ack").await;
    let talk = tokio::spawn(keep_talking(peer, "head", SECOND * 5));
    tokio::time::sleep(SECOND * 66).await;
    talk.abort();
    assert_eq!(bench.ending().await.2, Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_does_not_read_is_given_up_though_it_talks() {
    let mut bench = Bench::new(|_| ());
    let peer = bench.live().await;
    let (mut sink, _unread) = peer.split();
    tokio::spawn(async move {
        while sink.send(Message::text("head")).await.is_ok() {
            tokio::time::sleep(SECOND).await;
        }
    });
    bench.requests.send("x".repeat(200_000)).await.expect("there is room");
    let (at, reason, _, _) = bench.ending().await;
    assert_eq!((at, reason), (10, Reason::WriteTimeout));
}

#[tokio::test(start_paused = true)]
async fn a_connection_is_replaced_at_the_age_it_was_given() {
    let mut bench = Bench::new(|timing| timing.longest_life = Some(SECOND * 3_600));
    let peer = bench.live().await;
    tokio::spawn(keep_talking(peer, "head", SECOND * 5));
    assert_eq!(bench.ending().await, (3_600, Reason::Aged, Duration::ZERO, String::new()));
    bench.live().await;
}

#[tokio::test(start_paused = true)]
async fn pings_of_theirs_are_answered_and_keep_the_connection() {
    let mut bench = Bench::new(|_| ());
    let mut peer = bench.live().await;
    peer.send(Message::Ping(Bytes::from_static(b"there?"))).await.expect("it is open");
    loop {
        match peer.next().await.expect("it is open").expect("it is a frame") {
            Message::Pong(payload) => break assert_eq!(payload, Bytes::from_static(b"there?")),
            other => assert!(other.is_text() || other.is_ping()),
        }
    }
}
