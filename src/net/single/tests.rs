//! Single connections against loopback servers that misbehave by script.

use super::*;
use crate::net::http::{Sent, Target};
use crate::types::Secret;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

/// Stands in every url; must stand in no text.
const MARK: &str = "s3cr3t-marker";

/// Answers the first request of each connection with these bytes, and closes or holds it. Gives every byte that came, by connection.
async fn serve(answer: &'static [u8], hold: bool) -> (SocketAddr, mpsc::UnboundedReceiver<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
    let address = listener.local_addr().expect("it is bound");
    let (seen, connections) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let seen = seen.clone();
            tokio::spawn(async move {
                let mut read = Vec::new();
                while !read.ends_with(b"}") {
                    if stream.read_buf(&mut read).await.unwrap_or(0) == 0 {
                        break;
                    }
                }
                let whole = read.ends_with(b"}");
                let _nobody = seen.send(read);
                if whole && stream.write_all(answer).await.is_ok() && hold {
                    std::future::pending::<()>().await;
                }
            });
        }
    });
    (address, connections)
}

fn request(url: &str) -> Request {
    let target = Target::parse(&Secret::new(url.to_owned())).expect("it is a url");
    Request::post_json(target, Bytes::from_static(br#"{"a":1}"#)).within(Duration::from_millis(600))
}

fn client() -> SingleUse {
    SingleUse::new(Tls::baked())
}

#[tokio::test]
async fn each_request_has_a_connection_of_its_own_and_says_so() {
    let (address, mut connections) =
        serve(b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\nDate: x\r\n\r\nok", true).await;
    for _ in 0..2 {
        let answer = client().send(request(&format!("http://{address}/a/b?c=d")), || true).await.expect("it answers");
        assert_eq!((answer.status, &answer.body[..], answer.text(&header::DATE)), (201, &b"ok"[..], Some("x")));
    }
    for _ in 0..2 {
        let seen = String::from_utf8(connections.recv().await.expect("two connections")).expect("it is text");
        assert!(seen.starts_with("POST /a/b?c=d HTTP/1.1\r\n"), "{seen}");
        assert_eq!(seen.matches("POST ").count(), 1, "{seen}");
        for line in [&format!("host: {address}"), "connection: close", "content-length: 7"] {
            assert!(seen.contains(line), "{line} in {seen}");
        }
        assert!(!seen.contains("accept-encoding"), "{seen}");
    }
}

#[tokio::test]
async fn what_may_not_leave_any_more_leaves_not_one_byte() {
    let (address, mut connections) = serve(b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n", false).await;
    let withheld = client().send(request(&format!("http://{address}/")), || false).await;
    assert_eq!(withheld.err(), Some(SingleFault::Withheld));
    assert_eq!(connections.recv().await, Some(Vec::new()), "the connection was made, and nothing was said on it");
}

#[tokio::test]
async fn an_answer_that_is_lost_is_ambiguous_and_nothing_is_said_of_the_url() {
    let check = async |answer: &'static [u8], hold: bool, expected: HttpFault| {
        let (address, mut connections) = serve(answer, hold).await;
        let lost = client().send(request(&format!("http://{address}/{MARK}")), || true).await;
        let Err(SingleFault::Http(fault)) = lost else { panic!("{lost:?}") };
        assert_eq!((fault.sent(), &fault), (Sent::Ambiguous, &expected));
        assert!(!format!("{fault} {fault:?}").contains(MARK));
        // Once, and never again.
        assert!(connections.recv().await.is_some_and(|bytes| !bytes.is_empty()));
        assert!(connections.try_recv().is_err());
    };
    check(b"", false, HttpFault::Broken).await;
    check(b"", true, HttpFault::Timeout { phase: Phase::Head }).await;
    check(b"HTTP/1.1 201 Created\r\nContent-Length: 9\r\n\r\nhalf", false, HttpFault::Body).await;
    check(b"HTTP/1.1 201 Created\r\nContent-Length: 9\r\n\r\nhalf", true, HttpFault::Timeout { phase: Phase::Body })
        .await;
    check(b"no HTTP at all\r\n\r\n", false, HttpFault::Broken).await;
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_is_not_followed() {
    let answer = b"HTTP/1.1 307 Temporary Redirect\r\nLocation: http://127.0.0.1:9/\r\nContent-Length: 0\r\n\r\n";
    let (address, _connections) = serve(answer, false).await;
    let got = client().send(request(&format!("http://{address}/")), || true).await;
    assert_eq!(got.map(|answer| answer.status), Ok(307));
}

#[tokio::test]
async fn in_the_clear_it_goes_to_this_machine_alone_and_encrypted_outside_alone() {
    let check = async |url: &str| {
        let refused = client().send(request(url), || panic!("{url} was reached")).await;
        let Err(SingleFault::Http(fault)) = refused else { panic!("{url}") };
        assert_eq!(fault.sent(), Sent::NotSent, "{url}: {fault}");
        fault
    };
    assert_eq!(check("http://8.8.8.8/").await, HttpFault::PlainHttp);
    assert!(matches!(check("http://10.0.0.1/").await, HttpFault::Refused { .. }));
    assert!(matches!(check("http://169.254.169.254/").await, HttpFault::Refused { .. }));
    assert!(matches!(check("https://127.0.0.1/").await, HttpFault::Refused { .. }));
    let (address, _connections) = serve(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", false).await;
    assert!(
        matches!(check(&format!("https://{address}/")).await, HttpFault::Refused { .. }),
        "not even to one that is there"
    );
}

#[tokio::test]
async fn a_larger_body_than_allowed_is_not_read() {
    let (address, _connections) = serve(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n123456789", false).await;
    let got = client().send(request(&format!("http://{address}/")).capped(8), || true).await;
    assert_eq!(got.err(), Some(HttpFault::TooLarge { status: 200, cap: 8 }.into()));
}
