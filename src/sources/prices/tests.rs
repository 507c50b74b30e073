//! The feed: its protocol frame by frame, and the whole of it over piped sockets on tokio's paused clock.

use super::*;
use crate::config::checked::FeedKind;
use crate::net::{Protocol, Verdict};
use crate::reactor::event::{Event, NoPrice, SourceState};
use crate::sources::queue::{EventIntake, event_queue};
use crate::telemetry::Tally;
use crate::types::{Pair, Secret, Timestamp};
use futures::{SinkExt, StreamExt};
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::DuplexStream;
use tokio::sync::Notify;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

pub(super) fn pair(text: &str) -> Pair {
    Pair::parse(text).unwrap()
}

pub(super) fn tick(pair: &str, sequence: u64, price: &str, second: u64) -> String {
    format!(
        r#"{{"type":"ticker","sequence":{sequence},"product_id":"{pair}","price":"{price}","open_24h":"1","best_bid":"1.1",
        "best_ask":"1.2","side":"sell","time":"2026-09-04T00:00:{second:02}.905270Z","trade_id":1,"last_size":"0.013388"}}"#
    )
}

pub(super) fn heartbeat(pair: &str) -> String {
    format!(
        r#"{{"type":"heartbeat","sequence":90,"last_trade_id":0,"product_id":"{pair}","time":"2026-09-04T00:00:00Z"}}"#
    )
}

fn ack(pairs: &[&str]) -> String {
    let pairs: Vec<_> = pairs.iter().map(|pair| format!("\"{pair}\"")).collect();
    let pairs = pairs.join(",");
    format!(
        r#"{{"type":"subscriptions","channels":[{{"name":"ticker","product_ids":[{pairs}],"account_ids":null}},
        {{"name":"heartbeat","product_ids":[{pairs}],"account_ids":null}}]}}"#
    )
}

fn rejection(pair: &str) -> String {
    format!(r#"{{"type":"error","message":"Failed to subscribe","reason":"{pair} is not a valid product"}}"#)
}

fn subscription(pair: &str) -> String {
    format!(r#"{{"type":"subscribe","product_ids":["{pair}"],"channels":["ticker","heartbeat"]}}"#)
}

/// What came out, in words: prices, and the feed's states.
fn words(events: Vec<Event>) -> Vec<String> {
    let word = |event| match event {
        Event::Tick(tick) => format!("{} {}", tick.pair, tick.price),
        Event::Quiet { feed: _, pair, why: NoPrice::Ahead } => format!("{pair} ahead"),
        Event::Quiet { feed: _, pair, why: _ } => format!("{pair} quiet"),
        Event::Source(report) => match report.state {
            SourceState::BackingOff(reason) => format!("backing off: {reason}"),
            SourceState::Refused(reason) => format!("refused: {reason}"),
            state => format!("{state:?}").to_lowercase(),
        },
        other => panic!("a feed says no {other:?}"),
    };
    events.into_iter().map(word).collect()
}

/// A wall clock behind every recorded and written time.
fn clock() -> WallClock {
    Arc::new(|| Timestamp::parse("2026-11-22T00:00:00Z").unwrap())
}

/// A protocol that stands by itself.
pub(super) struct Desk {
    protocol: Exchange,
    intake: EventIntake,
    start: Instant,
}

impl Desk {
    fn new(pairs: &[&str]) -> Self {
        Self::at(FeedKind::Coinbase, pairs)
    }

    pub(super) fn at(kind: FeedKind, pairs: &[&str]) -> Self {
        let (queue, intake) = event_queue(Arc::new(Notify::new()));
        let source = SourceId { kind: SourceKind::Feed, chain: None, name: kind.word().into() };
        let shift = Shift::first(CancellationToken::new());
        let reporter = Reporter::new(source, kind, queue.slot()).of(&shift);
        let outlets: Vec<_> = pairs.iter().map(|text| (pair(text), Outlet::new(queue.slot()))).collect();
        let dialect = Dialect::new(kind, outlets.iter().map(|(pair, _)| pair));
        let start = Instant::now();
        let who = (kind.word().into(), dialect);
        Self {
            protocol: Exchange::new(who, outlets, (shift, reporter), Tally::default(), clock(), start),
            intake,
            start,
        }
    }

    pub(super) fn connect(&mut self, second: u64) -> Vec<Verdict> {
        let mut verdicts = Vec::new();
        self.protocol.connected(self.start + Duration::from_secs(second), &mut verdicts);
        verdicts
    }

    pub(super) fn frame(&mut self, second: u64, text: &str) -> Vec<Verdict> {
        let mut verdicts = Vec::new();
        self.protocol.frame(text, self.start + Duration::from_secs(second), &mut verdicts);
        verdicts
    }

    pub(super) fn look(&mut self, second: u64) -> Vec<Verdict> {
        let mut verdicts = Vec::new();
        self.protocol.look(self.start + Duration::from_secs(second), &mut verdicts);
        verdicts
    }

    /// A frame and a look.
    pub(super) fn second(&mut self, second: u64, text: &str) -> Vec<Verdict> {
        let mut verdicts = self.frame(second, text);
        verdicts.extend(self.look(second));
        verdicts
    }

    pub(super) fn out(&mut self) -> Vec<String> {
        words(self.intake.try_recv_many(64))
    }
}

fn send(pair: &str) -> Verdict {
    Verdict::Send(subscription(pair))
}

#[test]
fn a_price_is_handed_on_once_and_only_when_it_is_newer() {
    let mut desk = Desk::new(&["BTC-USD"]);
    desk.connect(0);
    let mut check = |frame: String, expected: &[&str]| {
        desk.frame(0, &frame);
        assert_eq!(desk.out(), expected, "{frame}");
    };
    check(tick("BTC-USD", 10, "81228.94", 5), &["fresh", "BTC-USD 81228.94"]);
    check(tick("BTC-USD", 10, "81228.94", 5), &[]);
    check(tick("BTC-USD", 9, "70000.00", 6), &[]);
    check(tick("BTC-USD", 12, "81228.95", 4), &[]);
    check(tick("BTC-USD", 14, "81229.00", 5), &["BTC-USD 81229.00"]);
    check(tick("DOGE-USD", 15, "1", 6), &[]);
    check(tick("BTC-USD", 16, "0", 6), &[]);
    check(tick("BTC-USD", 16, "1e3", 6), &[]);
    check(r#"{"type":"ticker","sequence":17,"product_id":"BTC-USD","price":"5"}"#.into(), &[]);
    check(r#"{"type":"something new"}"#.into(), &[]);
    // A new connection begins its sequence anew, and still does not bring back an older price.
    desk.connect(9);
    let mut check = |frame: String, expected: &[&str]| {
        desk.frame(9, &frame);
        assert_eq!(desk.out(), expected, "{frame}");
    };
    check(tick("BTC-USD", 1, "70000.00", 3), &[]);
    check(tick("BTC-USD", 2, "81230.00", 7), &["BTC-USD 81230.00"]);
}

#[test]
fn a_rejected_pair_is_dead_and_its_neighbours_live() {
    let mut desk = Desk::new(&["BTC-USD", "WBTC-USD"]);
    assert_eq!(desk.connect(0), [send("BTC-USD"), send("WBTC-USD")]);
    assert_eq!(desk.frame(0, &rejection("WBTC-USD")), []);
    assert_eq!(desk.frame(0, &ack(&["BTC-USD"])), [Verdict::Subscribed]);
    assert_eq!(desk.frame(1, &tick("BTC-USD", 1, "5", 1)), [Verdict::Useful]);
    for second in 2..100 {
        desk.frame(second, &heartbeat("BTC-USD"));
    }
    assert_eq!(desk.connect(100), [send("BTC-USD")], "it is not asked for again on each connection");
    assert_eq!(desk.connect(3_601), [send("BTC-USD"), send("WBTC-USD")], "but after an hour");
    assert_eq!(desk.frame(3_601, &rejection("WBTC-USD")), []);
    let all = [Verdict::Rejected { detail: "every pair of this feed was rejected".into() }];
    assert_eq!(desk.frame(3_602, &rejection("BTC-USD")), all);
    assert_eq!(desk.connect(5_000), [send("BTC-USD"), send("WBTC-USD")]);
}

#[test]
fn each_pair_has_deadlines_of_its_own() {
    let mut desk = Desk::new(&["BTC-USD", "ETH-USD"]);
    desk.connect(0);
    assert_eq!(desk.frame(0, &ack(&["BTC-USD"])), [Verdict::Subscribed]);
    let mut sent = Vec::new();
    for second in 1..=140 {
        let frame = if second % 2 == 0 { heartbeat("BTC-USD") } else { tick("BTC-USD", second, "5", 1) };
        for verdict in desk.second(second, &frame) {
            if let Verdict::Send(text) = verdict {
                sent.push((second, text));
            }
        }
    }
    // Not acknowledged: once more at 6 s. Given up at 12 s, and asked again each minute from then on.
    let again: Vec<_> = [6, 13, 74, 135].map(|second| (second, subscription("ETH-USD"))).into();
    assert_eq!(sent, again);
    assert_eq!(desk.frame(141, &tick("ETH-USD", 1, "7", 1)), [Verdict::Useful], "it came after all");
}

#[test]
fn a_pair_that_falls_silent_beside_a_live_one_is_said_to_be_unknown_once() {
    let mut desk = Desk::new(&["BTC-USD", "ETH-USD"]);
    desk.connect(0);
    desk.frame(0, &ack(&["BTC-USD", "ETH-USD"]));
    desk.frame(0, &tick("BTC-USD", 1, "5", 1));
    desk.frame(0, &tick("ETH-USD", 7, "3", 1));
    desk.out();
    // Beats of one pair from one second to another; what is said, and what is asked for, by second.
    let mut beat = |seconds: std::ops::RangeInclusive<u64>, expected: &[(u64, &str)]| {
        let mut said = Vec::new();
        for second in seconds {
            let verdicts = desk.second(second, &tick("BTC-USD", second + 1, "5", 1));
            said.extend(desk.out().into_iter().filter(|word| word != "BTC-USD 5").map(|word| (second, word)));
            said.extend(verdicts.into_iter().filter_map(|verdict| match verdict {
                Verdict::Send(text) => Some((second, text)),
                _ => None,
            }));
        }
        let expected: Vec<_> = expected.iter().map(|(second, word)| (*second, (*word).to_owned())).collect();
        assert_eq!(said, expected);
    };
    let again = subscription("ETH-USD");
    beat(1..=80, &[(11, "ETH-USD quiet"), (11, &again), (72, &again)]);
    // The answer to a new subscription repeats the last trade: it holds again.
    desk.frame(80, &tick("ETH-USD", 7, "3", 1));
    assert_eq!(desk.out(), ["ETH-USD 3"]);
    let mut beat = |second| {
        let verdicts = desk.second(second, &tick("BTC-USD", second + 1, "5", 1));
        let out: Vec<_> = desk.out().into_iter().filter(|word| word != "BTC-USD 5").collect();
        (out, verdicts.contains(&send("ETH-USD")))
    };
    // Silent again, sooner than it may be asked for again: it is unknown all the same, and asked for when it may be.
    let words: Vec<_> =
        (81..=132).map(|second| (second, beat(second))).filter(|(_, (out, _))| !out.is_empty()).collect();
    assert_eq!(words, [(91, (vec!["ETH-USD quiet".to_owned()], false))]);
    assert!(beat(133).1);
    // A heartbeat is no price.
    assert_eq!(desk.frame(134, &heartbeat("ETH-USD")), [Verdict::Chatter]);
    assert!(desk.out().is_empty());
}

#[test]
fn a_pair_that_is_rejected_or_never_acknowledged_is_said_to_be_unknown() {
    let mut desk = Desk::new(&["BTC-USD", "ETH-USD", "SOL-USD"]);
    desk.connect(0);
    desk.frame(0, &rejection("SOL-USD"));
    desk.frame(0, &rejection("SOL-USD"));
    assert_eq!(desk.out(), ["SOL-USD quiet"], "once");
    desk.frame(0, &ack(&["BTC-USD"]));
    desk.frame(0, &tick("BTC-USD", 1, "5", 1));
    desk.out();
    for second in 1..=30 {
        desk.second(second, &heartbeat("BTC-USD"));
    }
    assert_eq!(desk.out(), ["ETH-USD quiet"]);
}

#[test]
fn junk_is_counted_and_too_much_of_it_ends_the_connection() {
    let mut desk = Desk::new(&["BTC-USD"]);
    desk.connect(0);
    for _ in 0..9 {
        assert_eq!(desk.frame(0, "<html>"), []);
    }
    assert_eq!(desk.frame(0, &tick("BTC-USD", 1, "5", 1)), [Verdict::Subscribed, Verdict::Useful]);
    for _ in 0..9 {
        assert_eq!(desk.frame(0, "{\"type\":"), []);
    }
    assert_eq!(desk.frame(0, "[]"), [Verdict::Broken { detail: "frames that cannot be read".into() }]);
}

#[test]
fn many_pairs_are_asked_for_in_at_most_fifty_frames() {
    let names: Vec<_> = (0..120).map(|number| format!("C{number}-USD")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    assert_eq!(Desk::new(&names).connect(0).len(), 40);
}

/// Connections as pipes whose other ends the test serves.
#[derive(Clone)]
struct Pipes(mpsc::UnboundedSender<DuplexStream>);

impl Dial for Pipes {
    type Stream = DuplexStream;

    async fn dial(&mut self, _host: &str, _port: u16) -> io::Result<DuplexStream> {
        let (ours, theirs) = tokio::io::duplex(64 * 1024);
        self.0.send(theirs).map_err(|_| io::Error::from(io::ErrorKind::ConnectionRefused))?;
        Ok(ours)
    }
}

/// A venue's end of one connection.
pub(super) struct Venue(WebSocketStream<DuplexStream>);

impl Venue {
    pub(super) async fn accept(peers: &mut mpsc::UnboundedReceiver<DuplexStream>) -> Self {
        Self(tokio_tungstenite::accept_async(peers.recv().await.unwrap()).await.unwrap())
    }

    /// The pair of the next subscription.
    pub(super) async fn asked(&mut self) -> String {
        let Some(Ok(Message::Text(text))) = self.0.next().await else { panic!("no subscription came") };
        text.as_str().to_owned()
    }

    pub(super) async fn say(&mut self, text: String) {
        self.0.send(Message::text(text)).await.unwrap();
    }

    /// Waits until the other end lets go, for at most a minute.
    pub(super) async fn is_gone(&mut self) -> bool {
        let gone = async { while let Some(Ok(_)) = self.0.next().await {} };
        tokio::time::timeout(Duration::from_mins(1), gone).await.is_ok()
    }

    /// Beats for so many seconds.
    async fn beat(&mut self, pair: &str, seconds: u64) {
        for _ in 0..seconds {
            tokio::time::sleep(Duration::from_secs(1)).await;
            if self.0.send(Message::text(heartbeat(pair))).await.is_err() {
                return;
            }
        }
    }
}

/// Runs a feed of two pairs beside the venue's part.
async fn with_venue<F: Future<Output = ()>>(venue: impl FnOnce(mpsc::UnboundedReceiver<DuplexStream>, Tap) -> F) {
    with_feed(FeedKind::Coinbase, &["BTC-USD", "ETH-USD"], venue).await;
}

/// The same of any kind and pairs.
pub(super) async fn with_feed<F: Future<Output = ()>>(
    kind: FeedKind,
    pairs: &[&str],
    venue: impl FnOnce(mpsc::UnboundedReceiver<DuplexStream>, Tap) -> F,
) {
    let (sender, peers) = mpsc::unbounded_channel();
    let (queue, intake) = event_queue(Arc::new(Notify::new()));
    let config = FeedConfig {
        name: kind.word().into(),
        kind,
        url: Secret::new("ws://venue.test".into()),
        pairs: pairs.iter().map(|text| pair(text)).collect(),
    };
    let (stop, dial) = (CancellationToken::new(), Pipes(sender));
    tokio::select! {
        ended = run_over(&config, Tls::baked(), &dial, &queue, Tally::default(), clock(), stop) => panic!("{ended:?}"),
        () = venue(peers, Tap(intake)) => {}
    }
}

/// The pump's end.
pub(super) struct Tap(EventIntake);

impl Tap {
    /// The next words, once something came.
    pub(super) async fn next(&mut self) -> Vec<String> {
        self.0.ready().await;
        tokio::task::yield_now().await;
        words(self.0.try_recv_many(64))
    }

    /// Everything that came so far.
    pub(super) fn take(&mut self) -> Vec<String> {
        words(self.0.try_recv_many(64))
    }

    /// Waits until this is said.
    pub(super) async fn until(&mut self, word: &str) {
        while !self.next().await.iter().any(|said| said == word) {}
    }
}

#[tokio::test(start_paused = true)]
async fn only_a_price_makes_a_feed_fresh_and_a_dropped_connection_is_said() {
    with_venue(async |mut peers, mut tap| {
        assert_eq!(tap.next().await, ["connecting"]);
        let mut venue = Venue::accept(&mut peers).await;
        assert_eq!(venue.asked().await, subscription("BTC-USD"));
        assert_eq!(venue.asked().await, subscription("ETH-USD"));
        venue.say(rejection("ETH-USD")).await;
        tap.until("ETH-USD quiet").await;
        venue.say(ack(&["BTC-USD"])).await;
        venue.beat("BTC-USD", 3).await;
        assert!(tap.0.is_empty(), "an acknowledgement is no price");
        venue.say(tick("BTC-USD", 1, "81228.94", 1)).await;
        assert_eq!(tap.next().await, ["fresh", "BTC-USD 81228.94"]);
        drop(venue);
        tap.until("backing off: the other side closed the connection").await;
        let mut venue = Venue::accept(&mut peers).await;
        assert_eq!(venue.asked().await, subscription("BTC-USD"), "the rejected pair is not asked for again");
        venue.say(tick("BTC-USD", 1, "81229.00", 2)).await;
        tap.until("fresh").await;
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_half_open_connection_is_given_up_within_the_heartbeats_limit() {
    with_venue(async |mut peers, mut tap| {
        let mut venue = Venue::accept(&mut peers).await;
        venue.say(ack(&["BTC-USD", "ETH-USD"])).await;
        venue.say(tick("BTC-USD", 1, "5", 1)).await;
        tap.until("fresh").await;
        let silent_since = Instant::now();
        tap.until("backing off: connected, but nothing came for too long").await;
        assert!((10..=11).contains(&silent_since.elapsed().as_secs()), "{:?}", silent_since.elapsed());
        drop(venue);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_feed_whose_heart_beats_without_a_price_is_stale() {
    with_venue(async |mut peers, mut tap| {
        let mut venue = Venue::accept(&mut peers).await;
        venue.say(ack(&["BTC-USD", "ETH-USD"])).await;
        venue.say(tick("BTC-USD", 1, "5", 1)).await;
        tap.until("fresh").await;
        let since = Instant::now();
        tokio::join!(venue.beat("BTC-USD", 100), async {
            tap.until("stale").await;
            assert!((90..=91).contains(&since.elapsed().as_secs()), "{:?}", since.elapsed());
        });
        venue.say(tick("BTC-USD", 2, "6", 2)).await;
        tap.until("fresh").await;
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_feed_of_which_every_pair_is_rejected_is_refused_and_rests() {
    with_venue(async |mut peers, mut tap| {
        let mut venue = Venue::accept(&mut peers).await;
        venue.say(rejection("BTC-USD")).await;
        venue.say(rejection("ETH-USD")).await;
        let since = Instant::now();
        tap.until("refused: it rejected what was asked for").await;
        Venue::accept(&mut peers).await;
        assert!(since.elapsed() >= Duration::from_mins(1), "{:?}", since.elapsed());
    })
    .await;
}
