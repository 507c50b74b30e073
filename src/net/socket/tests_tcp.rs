//! The supervisor over real loopback TCP: refusals at the upgrade, TLS to nothing, frames of 65 MiB, and speed's sake.
//! Never waits longer than a short deadline of its own.

use super::tests::{MARK, Plain, settings};
use super::*;
use futures::{SinkExt, StreamExt};
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_tungstenite::accept_async;
use tokio_tungstenite::tungstenite::Message;
use tokio_util::sync::CancellationToken;

async fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
    let address = listener.local_addr().expect("it is bound");
    (listener, address)
}

/// Runs a supervisor until its first ending, and returns that state.
async fn first_ending(url: &str, change: impl FnOnce(&mut SocketSettings)) -> SocketState {
    let mut settings = settings(url);
    change(&mut settings);
    let cancel = CancellationToken::new();
    let stop = cancel.clone();
    let mut ending = None;
    let on_state = |state: SocketState| {
        assert!(!format!("{state:?}").contains(MARK), "{state:?}");
        if ending.is_none() && matches!(state, SocketState::BackingOff { .. } | SocketState::Refused { .. }) {
            ending = Some(state);
            stop.cancel();
        }
    };
    supervise(&settings, TcpDial, Plain, mpsc::channel(1).1, on_state, cancel).await;
    ending.expect("it ended")
}

fn reason_and_wait(state: &SocketState) -> (Reason, Duration) {
    match state {
        SocketState::BackingOff { until, reason, .. } => (*reason, until.saturating_duration_since(Instant::now())),
        SocketState::Refused { until, status } => {
            (Reason::RefusedHttp(*status), until.saturating_duration_since(Instant::now()))
        }
        SocketState::Connecting
        | SocketState::Subscribing
        | SocketState::Live
        | SocketState::Stale
        | SocketState::Aging
        | SocketState::Stopped => panic!("{state:?} is no ending"),
    }
}

/// A server that reads the upgrade and answers with these bytes.
async fn answering(bytes: &'static [u8]) -> SocketAddr {
    let (listener, address) = listen().await;
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") && stream.read_buf(&mut request).await.is_ok_and(|read| read > 0) {}
            // A client that is gone is no matter here.
            let _gone = stream.write_all(bytes).await;
        }
    });
    address
}

#[tokio::test]
async fn refusals_at_the_upgrade_rest_for_as_long_as_they_should() {
    let long = Duration::from_secs(59);
    let cases: [(&[u8], Reason, Duration); 9] = [
        (b"HTTP/1.1 429 Slow down\r\nRetry-After: 600\r\n\r\n", Reason::RefusedHttp(429), Duration::from_secs(599)),
        (b"HTTP/1.1 429 Slow down\r\n\r\n", Reason::RefusedHttp(429), long),
        (b"HTTP/1.1 451 Not here\r\n\r\n", Reason::RefusedHttp(451), long),
        (b"HTTP/1.1 403 No\r\n\r\n", Reason::RefusedHttp(403), long),
        (b"HTTP/1.1 302 Over there\r\nLocation: ws://127.0.0.1/\r\n\r\n", Reason::RefusedHttp(302), long),
        (b"HTTP/1.1 503 Soon\r\nRetry-After: 20\r\n\r\n", Reason::RefusedHttp(503), Duration::from_secs(19)),
        (b"HTTP/1.1 502 Bad gateway\r\n\r\n", Reason::RefusedHttp(502), Duration::ZERO),
        (b"HTTP/1.1 101 Yes\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n", Reason::Upgrade, Duration::ZERO),
        (b"SSH-2.0-OpenSSH\r\n\r\n", Reason::Upgrade, Duration::ZERO),
    ];
    for (answer, reason, at_least) in cases {
        let address = answering(answer).await;
        let ending = first_ending(&format!("ws://{address}/{MARK}"), |_| ()).await;
        let (got, wait) = reason_and_wait(&ending);
        assert_eq!(got, reason, "{}", String::from_utf8_lossy(answer));
        assert!(wait >= at_least, "{wait:?} after {}", String::from_utf8_lossy(answer));
    }
}

#[tokio::test]
async fn no_connection_no_tls_and_no_upgrade_are_told_apart() {
    let (closed, nobody) = listen().await;
    drop(closed);
    let (_held, silent) = listen().await;
    let plain = answering(b"x").await;
    let cases = [
        (format!("ws://{nobody}/{MARK}"), Reason::Connect),
        (format!("wss://{nobody}/{MARK}"), Reason::Connect),
        (format!("ws://{silent}/{MARK}"), Reason::UpgradeTimeout),
        (format!("wss://{silent}/{MARK}"), Reason::UpgradeTimeout),
        (format!("ws://{plain}/{MARK}"), Reason::Upgrade),
    ];
    for (url, reason) in cases {
        let short = |settings: &mut SocketSettings| {
            if reason == Reason::UpgradeTimeout {
                settings.timing.connect = Duration::from_millis(200);
            }
        };
        let ending = first_ending(&url, short).await;
        assert_eq!(reason_and_wait(&ending).0, reason, "{url}");
    }
    let (listener, greeter) = listen().await;
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _gone = stream.write_all(b"no TLS here\r\n").await;
        }
    });
    let ending = first_ending(&format!("wss://{greeter}/{MARK}"), |_| ()).await;
    assert_eq!(reason_and_wait(&ending).0, Reason::Tls);
}

/// Writes a frame's head that declares `length` bytes, then as many zeros as the other side takes.
async fn declare(stream: &mut TcpStream, length: u64) -> u64 {
    let mut head = vec![0x81, 127];
    head.extend(length.to_be_bytes());
    let mut written = 0;
    if stream.write_all(&head).await.is_err() {
        return written;
    }
    while written < length && stream.write_all(&[b'0'; 65_536]).await.is_ok() {
        written += 65_536;
    }
    written
}

#[tokio::test]
async fn a_frame_of_65_mib_is_refused_by_its_head() {
    for limits in [Limits::FEED, Limits::RPC] {
        let (listener, address) = listen().await;
        let server = tokio::spawn(async move {
            let (stream, _) = listener.accept().await.expect("it connects");
            let mut stream = accept_async(stream).await.expect("it upgrades").into_inner();
            declare(&mut stream, 65 << 20).await
        });
        let ending = first_ending(&format!("ws://{address}/{MARK}"), |settings| settings.limits = limits).await;
        assert_eq!(reason_and_wait(&ending).0, Reason::TooLarge);
        let written = server.await.expect("the server ends");
        assert!(written < 16 << 20, "it was cut off after {written} bytes, not read to its end");
    }
}

#[tokio::test]
async fn a_message_of_many_frames_is_refused_at_the_limit_and_one_below_it_passes() {
    let (listener, address) = listen().await;
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let mut stream = accept_async(stream).await.expect("it upgrades").into_inner();
            // A text frame that is not the last, then continuations of 64 KiB without end.
            let mut frame = vec![0x01, 126, 0xff, 0xff];
            frame.extend([b'0'; 0xffff]);
            while stream.write_all(&frame).await.is_ok() {
                frame[0] = 0x00;
            }
        }
    });
    let ending = first_ending(&format!("ws://{address}/{MARK}"), |_| ()).await;
    assert_eq!(reason_and_wait(&ending).0, Reason::TooLarge);

    let (listener, address) = listen().await;
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.expect("it connects");
        let mut peer = accept_async(stream).await.expect("it upgrades");
        let block = format!("head{}", "0".repeat(60 << 20));
        peer.send(Message::text("ack")).await.expect("it is open");
        peer.send(Message::text(block)).await.expect("it is open");
        peer.send(Message::text("enough")).await.expect("it is open");
        while let Some(Ok(_)) = peer.next().await {}
    });
    let ending = first_ending(&format!("ws://{address}/{MARK}"), |settings| settings.limits = Limits::RPC).await;
    assert!(matches!(ending, SocketState::BackingOff { reason: Reason::Protocol, detail, .. } if detail == "enough"));
}

#[tokio::test]
async fn the_future_can_be_spawned_and_ends_when_cancelled_in_any_stage() {
    let (_held, silent) = listen().await;
    let cancel = CancellationToken::new();
    let stop = cancel.clone();
    let (say, mut states) = mpsc::unbounded_channel();
    let task = tokio::spawn(async move {
        let settings = settings(&format!("ws://{silent}/"));
        let on_state = move |state| say.send(state).expect("the test listens");
        supervise(&settings, TcpDial, Plain, mpsc::channel(1).1, on_state, stop).await;
    });
    assert_eq!(states.recv().await, Some(SocketState::Connecting));
    cancel.cancel();
    task.await.expect("it ends");
    assert_eq!(states.recv().await, Some(SocketState::Stopped));
}
