//! The hooks' listener over real sockets: what it serves, and that it serves nothing else.

use super::*;
use crate::sources::hooks::{HookWires, Seen};
use crate::types::Timestamp;
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;

async fn listening() -> (SocketAddr, CancellationToken) {
    let (hints, _) = mpsc::channel(1);
    let wires = HookWires {
        fetch: Arc::new(|_| Box::pin(std::future::ready(Err(crate::sources::hooks::KeyTrouble::Unavailable)))),
        keep: Arc::new(|_, _| Box::pin(std::future::ready(true))),
        hints,
        clock: Arc::new(|| Timestamp::from_secs(1)),
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
    let address = listener.local_addr().expect("it is bound");
    let stop = CancellationToken::new();
    let hooks = Arc::new(CircleHooks::new(wires, Seen::default()));
    tokio::spawn(serve_hooks(listener, hooks, Deadlines::default(), stop.clone()));
    (address, stop)
}

/// The status of the answer, and whether a body came with it.
async fn asked(address: SocketAddr, head: &str, body: &[u8]) -> (u16, bool) {
    let mut stream = TcpStream::connect(address).await.expect("it listens");
    let head = format!("{head}\r\nhost: x\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", body.len());
    stream.write_all(head.as_bytes()).await.expect("it is open");
    // A body that is too large is not read to its end.
    let _early = stream.write_all(body).await;
    let mut answer = Vec::new();
    let _closed = stream.read_to_end(&mut answer).await;
    let text = String::from_utf8_lossy(&answer).into_owned();
    let status = text.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or_default();
    (status, text.split_once("\r\n\r\n").is_some_and(|(_, body)| !body.is_empty()))
}

#[tokio::test]
async fn it_serves_head_and_post_of_hooks_and_nothing_else() {
    let (address, _stop) = listening().await;
    let check = async |head: &str, expected: u16| {
        assert_eq!(asked(address, &format!("{head} HTTP/1.1"), b"").await, (expected, false), "{head}");
    };
    check("HEAD /hooks/circle", 200).await;
    check("POST /hooks/circle", 401).await;
    for path in ["/", "/metrics", "/healthz", "/api/v1/status", "/hooks", "/hooks/circle/x", "/hooks/other"] {
        check(&format!("GET {path}"), 404).await;
        check(&format!("POST {path}"), 404).await;
    }
    for method in ["GET", "PUT", "DELETE", "OPTIONS", "PATCH"] {
        check(&format!("{method} /hooks/circle"), 405).await;
    }
}

#[tokio::test]
async fn unsigned_doubly_signed_and_oversized_hooks_are_refused() {
    let (address, _stop) = listening().await;
    let id = "x-circle-key-id: 879dc113-5ca4-4ff7-a6b7-54652083fcf8";
    let post = async |headers: &[&str], body: &[u8]| {
        let head = [&["POST /hooks/circle HTTP/1.1"], headers].concat().join("\r\n");
        asked(address, &head, body).await.0
    };
    assert_eq!(post(&[], b"{}").await, 401);
    assert_eq!(post(&[id], b"{}").await, 401);
    assert_eq!(post(&["x-circle-signature: AAAA"], b"{}").await, 401);
    assert_eq!(post(&["x-circle-key-id: ../../x", "x-circle-signature: AAAA"], b"{}").await, 401);
    assert_eq!(post(&[id, id, "x-circle-signature: AAAA"], b"{}").await, 401, "two keys");
    assert_eq!(post(&[id, "x-circle-signature: AAAA", "x-circle-signature: BBBB"], b"{}").await, 401, "two signatures");
    assert_eq!(post(&[id, "x-circle-signature: AAAA"], b"{}").await, 503, "the key cannot be had: Circle comes again");
    assert_eq!(post(&[id, "x-circle-signature: AAAA"], &vec![b' '; LARGEST_BODY + 1]).await, 413);
}
