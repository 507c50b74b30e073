//! The event stream: what it tells, how often, and to whom it goes on telling.

use super::served::{Served, ask, serving, standing};
use crate::http::Deadlines;
use crate::telemetry::Snapshot;
use crate::telemetry::changes::{Changes, List};
use crate::types::Timestamp;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

const BORN: i64 = 1_795_000_000_000;

/// A listener's end of the stream.
struct Ear {
    stream: TcpStream,
    heard: String,
}

impl Ear {
    async fn open(served: &Served, last: Option<&str>) -> Self {
        let mut stream = TcpStream::connect(served.at).await.expect("it listens");
        let last = last.map(|id| format!("Last-Event-ID: {id}\r\n")).unwrap_or_default();
        let head = format!("GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\n{last}\r\n");
        stream.write_all(head.as_bytes()).await.expect("it reads");
        let mut ear = Self { stream, heard: String::new() };
        ear.until("retry: ").await;
        ear
    }

    /// Reads until this was heard; gives all that was heard so far.
    async fn until(&mut self, text: &str) -> &str {
        while !self.heard.contains(text) {
            let mut bytes = [0; 4_096];
            let read = timeout(Duration::from_secs(10), self.stream.read(&mut bytes)).await;
            let read = read.unwrap_or_else(|_| panic!("{text:?} is not in {:?}", self.heard)).expect("it is open");
            assert!(read > 0, "it ended: {:?}", self.heard);
            self.heard.push_str(std::str::from_utf8(&bytes[..read]).expect("it is text"));
        }
        &self.heard
    }
}

/// Shows a world in which these changes happened.
fn show(served: &Served, changes: Changes) {
    let born = Timestamp::from_millis(BORN);
    served.snapshot.send_replace(Arc::new(Snapshot { born, changes, ..standing() }));
}

#[tokio::test]
async fn it_tells_which_lists_changed_and_whoever_comes_back_hears_what_it_missed() {
    let served = serving(Deadlines::default()).await;
    let mut changes = Changes::default();
    show(&served, changes);
    let mut ear = Ear::open(&served, None).await;
    assert!(!ear.heard.contains("data:"), "nothing changed: {}", ear.heard);
    changes.count(List::Transfers);
    changes.count(List::Alerts);
    show(&served, changes);
    let heard = ear.until("data: {\"lists\":[\"transfers\",\"alerts\"]}").await;
    assert!(heard.contains("text/event-stream") && heard.contains("event: changed\n"), "{heard}");
    let id = format!("{BORN}-0-1-1-0-0-0-0-0");
    assert!(heard.contains(&format!("id: {id}\n")), "{heard}");
    drop(ear);
    changes.count(List::Payments);
    show(&served, changes);
    Ear::open(&served, Some(&id)).await.until("data: {\"lists\":[\"payments\"]}").await;
    let mut stranger = Ear::open(&served, Some("1-2-3")).await;
    let heard = stranger.until("data: ").await;
    assert!(List::ALL.iter().all(|list| heard.contains(list.word())), "an id of another process: {heard}");
}

#[tokio::test]
async fn a_thousand_changes_in_a_second_are_told_a_few_times_and_nothing_is_lost() {
    let served = serving(Deadlines::default()).await;
    let mut changes = Changes::default();
    show(&served, changes);
    let mut ear = Ear::open(&served, None).await;
    for _ in 0..1_000 {
        changes.count(List::Transfers);
        show(&served, changes);
        sleep(Duration::from_millis(1)).await;
    }
    let last = format!("id: {BORN}-0-1000-0-");
    let events = ear.until(&last).await.matches("event: changed").count();
    // A second and a half at most by this loop's clock on a busy machine, told four times a second.
    assert!((2..=40).contains(&events), "{events} events");
}

#[tokio::test]
async fn the_status_alone_is_told_once_a_second_and_a_connection_that_must_end_ends_in_order() {
    let connection = Duration::from_millis(1_500);
    let served = serving(Deadlines { connection, ..Deadlines::default() }).await;
    let mut changes = Changes::default();
    show(&served, changes);
    let mut ear = Ear::open(&served, None).await;
    for _ in 0..20 {
        changes.count(List::Status);
        show(&served, changes);
        sleep(Duration::from_millis(50)).await;
    }
    let mut rest = String::new();
    ear.stream.read_to_string(&mut rest).await.expect("it is closed in order");
    let heard = format!("{}{rest}", ear.heard);
    assert!(heard.ends_with("0\r\n\r\n"), "the last chunk is there: {heard}");
    assert!((1..=3).contains(&heard.matches("[\"status\"]").count()), "{heard}");
}

#[tokio::test]
async fn who_may_not_read_may_not_listen() {
    let served = serving(Deadlines::default()).await;
    for head in ["Host: evil.example", "X-Forwarded-For: 127.0.0.1", "Authorization: Bearer wrong"] {
        assert_eq!(ask(&served, "GET /api/v1/events", &[head], "").await.status, 401, "{head}");
    }
}
