//! Loopback receivers with scripted faults, through the real HTTP client.

use super::*;
use crate::net::{HttpClient, Tls, install_crypto_provider};
use crate::sinks::{Courier, HttpPost};
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// What a receiver does with each request.
#[derive(Debug, Clone, Copy)]
enum Script {
    /// These bytes.
    Say(&'static str),
    /// Nothing, for ever.
    Hang,
    /// It closes behind the request's body.
    Close,
}

/// Starts a receiver; gives its address and a count of whole requests.
async fn receiver(script: Script) -> (SocketAddr, Arc<Mutex<usize>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
    let address = listener.local_addr().expect("it is bound");
    let requests = Arc::new(Mutex::new(0));
    let counted = Arc::clone(&requests);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream, script, Arc::clone(&counted)));
        }
    });
    (address, requests)
}

async fn serve(mut stream: TcpStream, script: Script, requests: Arc<Mutex<usize>>) {
    let mut bytes = Vec::new();
    loop {
        let whole = loop {
            if let Some(whole) = whole_request(&bytes) {
                break whole;
            }
            match stream.read_buf(&mut bytes).await {
                Ok(0) | Err(_) => return,
                Ok(_) => {}
            }
        };
        bytes.drain(..whole);
        *requests.lock().expect("no test panicked in it") += 1;
        match script {
            Script::Say(answer) => {
                if stream.write_all(answer.as_bytes()).await.is_err() {
                    return;
                }
            }
            Script::Hang => std::future::pending().await,
            Script::Close => return,
        }
    }
}

/// The length of the first whole request.
fn whole_request(bytes: &[u8]) -> Option<usize> {
    let head = bytes.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let text = std::str::from_utf8(&bytes[..head]).expect("a head is text").to_ascii_lowercase();
    assert!(text.contains("webhook-signature: v1,"), "every request is signed");
    let length = text.lines().find_map(|line| line.strip_prefix("content-length: ")).expect("a body has a length");
    let whole = head + length.trim().parse::<usize>().expect("it is a number");
    (bytes.len() >= whole).then_some(whole)
}

const OK: Script = Script::Say("HTTP/1.1 204 No Content\r\n\r\n");

#[tokio::test]
async fn receivers_that_misbehave_lose_nothing_and_hold_nobody_up() {
    install_crypto_provider();
    let (gone, ()) = {
        // A port that was free a moment ago, with nobody behind it.
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
        (listener.local_addr().expect("it is bound"), drop(listener))
    };
    let elsewhere = receiver(OK).await;
    let redirect: &'static str = Box::leak(
        format!("HTTP/1.1 307 Temporary Redirect\r\nlocation: http://{}/\r\ncontent-length: 0\r\n\r\n", elsewhere.0)
            .into_boxed_str(),
    );
    let bad = [
        ("error", Script::Say("HTTP/1.1 500 Internal Server Error\r\ncontent-length: 4\r\n\r\noops")),
        ("busy", Script::Say("HTTP/1.1 429 Too Many Requests\r\nretry-after: 120\r\ncontent-length: 0\r\n\r\n")),
        ("leaving", Script::Say("HTTP/1.1 410 Gone\r\ncontent-length: 0\r\n\r\n")),
        ("moved", Script::Say(redirect)),
        ("closes", Script::Close),
        ("garbled", Script::Say("this is no HTTP\r\n\r\n")),
        ("cut", Script::Say("HTTP/1.1 500 Oops\r\ncontent-length: 99999999\r\n\r\n")),
        ("hangs", Script::Hang),
    ];
    let (well, well_got) = receiver(OK).await;
    let mut sinks = vec![webhook("well", &format!("http://{well}/in")), webhook("down", &format!("http://{gone}/in"))];
    let mut names = vec!["down"];
    for (name, script) in bad {
        let (address, _) = receiver(script).await;
        sinks.push(webhook(name, &format!("http://{address}/in")));
        names.push(name);
    }
    let client = HttpClient::new(&Tls::baked()).expect("the roots are good");
    let mut rig =
        Rig::start(Courier::new(HttpPost::new(client, || at(0)), Tls::baked()), Book::default(), &sinks, vec![]);
    // The bad ones first in every commit, then the one that is well.
    let mut seq = 0;
    for round in 0..50_u8 {
        let mut commit = Vec::new();
        for name in names.iter().copied().chain(["well"]) {
            commit.push(small_row(seq, name, round, 1, false));
            seq += 1;
        }
        rig.commit(commit).await;
    }
    rig.until_done("well", 50).await;
    assert_eq!(*well_got.lock().expect("no test panicked in it"), 50, "each once");
    for name in names.iter().copied().filter(|name| *name != "hangs") {
        rig.until(|_| rig.count.of(name, Outcome::Again) > 0).await;
    }
    let mut reports = Vec::new();
    while reports.len() < 2 {
        reports.extend(rig.reports.recv().await);
    }
    assert!(reports.contains(&DeliveryReport::Disabled { sink: "leaving".into() }), "{reports:?}");
    assert!(reports.contains(&DeliveryReport::Recovered { sink: "well".into() }), "{reports:?}");
    assert_eq!(*elsewhere.1.lock().expect("no test panicked in it"), 0, "no redirect was followed");
    for name in names {
        assert_eq!((rig.book.count(name, OutboxState::Pending), rig.count.of(name, Outcome::Ok)), (50, 0), "{name}");
    }
    rig.worker.abort();
}

#[tokio::test]
async fn a_private_receiver_is_not_reached_unless_the_config_allows_it() {
    install_crypto_provider();
    let (address, got) = receiver(OK).await;
    let secret = Secret::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".to_owned());
    let url = Secret::new(format!("https://{address}/in"));
    let kind = SinkKind::Webhook { url, secret, allow_private: false };
    let sink = Sink::new(&SinkConfig { name: "ops".into(), kind }).expect("the secret is good");
    let client = HttpClient::new(&Tls::baked()).expect("the roots are good");
    let sinks = [("ops".into(), sink)];
    let rig = Rig::start(
        Courier::new(HttpPost::new(client, || at(0)), Tls::baked()),
        Book::default(),
        &sinks,
        rows("ops", 0, 1),
    );
    rig.until(|book| book.row(0).attempts > 0).await;
    let row = rig.book.row(0);
    let reason = row.reason.expect("it says why");
    assert!(reason.as_str().contains("not public"), "{reason}");
    assert!(!reason.as_str().contains("127.0.0.1"), "{reason}");
    assert_eq!((row.state, *got.lock().expect("no test panicked in it")), (OutboxState::Pending, 0));
    assert_eq!(rig.end().await, Ok(()));
}
