//! The client against loopback servers that misbehave by script. Never waits longer than a short deadline of its own.

use super::resolver::PublicResolver;
use super::*;
use crate::net::address_guard::Forbidden;
use crate::types::Timestamp;
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

/// Deadline where it is to strike; long enough for a loopback answer on a busy machine to come before it.
const SHORT: Duration = Duration::from_millis(400);
/// Deadline where it is not to strike.
const LONG: Duration = Duration::from_secs(20);
/// Stands in every url; must stand in no text.
const MARK: &str = "s3cr3t-marker";

/// What the server does once it has a request's head (and `Content-Length` bytes of body).
#[derive(Clone)]
enum Script {
    /// Answers with these bytes, and goes on to the next request.
    Answer(Vec<u8>),
    /// Answers with these bytes and closes.
    AnswerAndClose(Vec<u8>),
    /// Answers with these bytes, then a byte every few milliseconds, for ever.
    Drip(Vec<u8>),
    /// Speaks first, and closes.
    Greet(Vec<u8>),
    /// Answers with these bytes, and holds the connection.
    Hold(Vec<u8>),
    /// Answers with these bytes, then with zeros as fast as they are taken.
    Flood(Vec<u8>),
}

/// A running server: where it is, and each request's bytes as they came.
struct Server {
    address: SocketAddr,
    requests: mpsc::UnboundedReceiver<Vec<u8>>,
}

async fn serve(script: Script) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
    let address = listener.local_addr().expect("it is bound");
    let (seen, requests) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(play(stream, script.clone(), seen.clone()));
        }
    });
    Server { address, requests }
}

async fn play(mut stream: TcpStream, script: Script, seen: mpsc::UnboundedSender<Vec<u8>>) -> std::io::Result<()> {
    loop {
        if let Script::Greet(bytes) = &script {
            return stream.write_all(bytes).await;
        }
        let mut request = Vec::new();
        while !is_whole(&request) {
            if stream.read_buf(&mut request).await? == 0 {
                return Ok(());
            }
        }
        // Nobody listens in tests that do not look at requests.
        let _nobody = seen.send(request);
        match &script {
            Script::Answer(bytes) | Script::Greet(bytes) => stream.write_all(bytes).await?,
            Script::AnswerAndClose(bytes) => return stream.write_all(bytes).await,
            Script::Hold(bytes) => {
                stream.write_all(bytes).await?;
                std::future::pending::<()>().await;
            }
            Script::Drip(bytes) => {
                stream.write_all(bytes).await?;
                let mut pace = tokio::time::interval(Duration::from_millis(5));
                loop {
                    pace.tick().await;
                    stream.write_all(b"x").await?;
                }
            }
            Script::Flood(bytes) => {
                stream.write_all(bytes).await?;
                loop {
                    stream.write_all(&[b'0'; 65_536]).await?;
                }
            }
        }
    }
}

fn is_whole(request: &[u8]) -> bool {
    let Some(end) = request.windows(4).position(|window| window == b"\r\n\r\n") else { return false };
    let head = String::from_utf8_lossy(&request[..end]).to_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok());
    request.len() >= end + 4 + length.unwrap_or(0)
}

fn answer(head: &str, body: &[u8]) -> Vec<u8> {
    let mut bytes = format!("HTTP/1.1 {head}\r\nContent-Length: {}\r\n\r\n", body.len()).into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

fn target(url: &str) -> Target {
    Target::parse(&Secret::new(url.to_owned())).expect("the test's url is one")
}

fn client() -> HttpClient {
    HttpClient::new(&Tls::baked()).expect("TLS can be set up")
}

async fn send(script: Script, change: impl FnOnce(Request) -> Request) -> Result<Response, HttpFault> {
    let server = serve(script).await;
    let url = target(&format!("http://{MARK}:{MARK}@{}/{MARK}?apikey={MARK}", server.address));
    let request = Request::post(url, Bytes::from_static(b"{}")).reaching(Reach::Anywhere).within(LONG);
    let result = client().send(change(request)).await;
    let told = format!("{result:?}{}", result.as_ref().err().map(ToString::to_string).unwrap_or_default());
    assert!(!told.contains(MARK), "{told}");
    result
}

#[tokio::test]
async fn each_misbehaviour_is_its_own_fault() {
    let head = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nabc".to_vec();
    let chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3e8\r\nabc".to_vec();
    let endless = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n".to_vec();
    let head_timeout = HttpFault::Timeout { phase: Phase::Head };
    let body_timeout = HttpFault::Timeout { phase: Phase::Body };
    let cases = [
        ("hangs", Script::Hold(Vec::new()), head_timeout.clone()),
        ("hangs in the head", Script::Hold(b"HTTP/1.1 200 OK\r\nA: ".to_vec()), head_timeout.clone()),
        ("drips its head", Script::Drip(b"HTTP/1.1 200 OK\r\nA: ".to_vec()), head_timeout),
        ("hangs in the body", Script::Hold(head.clone()), body_timeout.clone()),
        ("drips its body", Script::Drip(endless.clone()), body_timeout.clone()),
        ("drips a chunk", Script::Drip(chunked), body_timeout),
        ("closes in the body", Script::AnswerAndClose(head), HttpFault::Body),
        ("closes at once", Script::AnswerAndClose(Vec::new()), HttpFault::Broken),
        ("speaks no HTTP", Script::Answer(b"220 mail.example ESMTP\r\n".to_vec()), HttpFault::Broken),
        ("never ends", Script::Flood(endless), HttpFault::TooLarge { status: 200, cap: 1 << 20 }),
        (
            "declares too much",
            Script::Hold(answer("200 OK", &vec![b'x'; (1 << 20) + 1])),
            HttpFault::TooLarge { status: 200, cap: 1 << 20 },
        ),
        ("lies of its gzip", Script::Answer(answer("200 OK\r\nContent-Encoding: gzip", b"not gzip")), HttpFault::Body),
    ];
    let attempts = cases.map(|(name, script, expected)| async move {
        let deadline = if matches!(expected, HttpFault::Timeout { .. }) { SHORT } else { LONG };
        let got = send(script, |request| request.capped(1 << 20).within(deadline)).await;
        assert_eq!(got.as_ref().err(), Some(&expected), "{name}");
        assert_eq!(expected.sent(), Sent::Ambiguous, "{name}");
    });
    futures::future::join_all(attempts).await;
}

#[tokio::test]
async fn a_gzip_body_is_inflated_and_a_bomb_is_cut_at_the_cap() {
    let (small, small_size) = gzip_of_zeros(4_000);
    let (bomb, bomb_size) = gzip_of_zeros(65_000);
    assert!(bomb.len() < 110_000 && bomb_size > 15 << 20, "it is small on the wire: {}", bomb.len());
    let gzip = "200 OK\r\nContent-Encoding: gzip";
    let too_large = |cap| Err(HttpFault::TooLarge { status: 200, cap });
    let cases = [
        (&bomb, 8 << 20, too_large(8 << 20)),
        (&small, small_size, Ok(small_size)),
        (&small, small_size - 1, too_large(small_size - 1)),
    ];
    for (body, cap, expected) in cases {
        let patient = |request: Request| request.capped(cap);
        let got = send(Script::Answer(answer(gzip, body)), patient).await;
        assert_eq!(got.map(|it| it.body.len()), expected);
    }
}

/// A gzip file of zeros, written by hand: fixed Huffman codes, one literal zero, then matches of 258 at distance 1.
fn gzip_of_zeros(matches: usize) -> (Vec<u8>, usize) {
    let mut bits: Vec<bool> = vec![true, true, false];
    let mut code = |value: u32, width: u32| bits.extend((0..width).rev().map(|bit| value >> bit & 1 == 1));
    code(0x30, 8);
    for _ in 0..matches {
        code(0b1100_0101, 8);
        code(0, 5);
    }
    code(0, 7);
    let mut bytes = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    for octet in bits.chunks(8) {
        bytes.push(octet.iter().enumerate().fold(0, |byte, (place, bit)| byte | (u8::from(*bit) << place)));
    }
    let size = 1 + 258 * matches;
    let crc = (0..size).fold(u32::MAX, |crc, _| (0..8).fold(crc, |crc, _| (crc >> 1) ^ (0xedb8_8320 * (crc & 1))));
    bytes.extend((!crc).to_le_bytes());
    bytes.extend(u32::try_from(size).expect("tests are small").to_le_bytes());
    (bytes, size)
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_is_not_followed() {
    let mut elsewhere = serve(Script::Answer(answer("200 OK", b"gotcha"))).await;
    for status in [301, 302, 303, 307, 308] {
        let head = format!("{status} Moved\r\nLocation: http://{}/", elsewhere.address);
        let got = send(Script::Answer(answer(&head, b"")), |request| request).await;
        assert_eq!(got.map(|it| it.status), Ok(status));
    }
    assert!(elsewhere.requests.try_recv().is_err(), "nobody went there");
}

#[tokio::test]
async fn a_response_is_given_with_status_headers_and_body() {
    let head = "429 Too Many\r\nDate: Sun, 22 Nov 2026 00:00:00 GMT\r\nRetry-After: Sun, 22 Nov 2026 00:00:07 GMT";
    let got = send(Script::Answer(answer(head, b"slow down")), |request| request).await.expect("it answers");
    assert_eq!((got.status, got.is_success(), got.body.as_ref()), (429, false, b"slow down".as_ref()));
    assert_eq!(got.retry_after(Timestamp::from_secs(0)), Some(Duration::from_secs(7)), "by the server's own clock");
    let many: Vec<u8> = (0..300_000u32).map(|byte| byte.to_le_bytes()[0]).collect();
    let got = send(Script::Answer(answer("200 OK", &many)), |request| request).await.expect("it answers");
    assert_eq!(got.body, many, "a body of many pieces is whole");
    let got = send(Script::AnswerAndClose(answer("204 No Content", b"")), |request| request).await;
    assert_eq!(got.map(|it| (it.status, it.body)), Ok((204, Bytes::new())));
}

#[tokio::test]
async fn what_is_sent_is_what_was_asked_for() {
    let mut server = serve(Script::Answer(answer("200 OK", b""))).await;
    let url = target(&format!("http://{}/v2/", server.address)).join(&["api", "a/b"]).with_query(&[("apikey", "x&y")]);
    let request = Request::post_json(url, Bytes::from_static(b"{\"a\":1}")).reaching(Reach::Anywhere);
    let request = request.bearer(&Secret::new(MARK.to_owned())).expect("it is a header value");
    assert!(!format!("{request:?}").contains(MARK));
    let got = client().send(request).await.map(|it| it.status);
    assert_eq!(got, Ok(200));
    let seen = String::from_utf8(server.requests.recv().await.expect("it came")).expect("it is text");
    let expected = [
        "POST /v2/api/a%2Fb?apikey=x%26y HTTP/1.1\r\n",
        &format!("user-agent: {USER_AGENT}\r\n"),
        &format!("authorization: Bearer {MARK}\r\n"),
        "content-type: application/json\r\n",
        "accept-encoding: gzip\r\n",
        "content-length: 7\r\n",
        "\r\n\r\n{\"a\":1}",
    ];
    for part in expected {
        assert!(seen.contains(part), "{part:?} is not in {seen:?}");
    }
    let get = Request::get(target(&format!("http://{}/", server.address))).reaching(Reach::Anywhere);
    assert_eq!(get.clone().header(header::ACCEPT, "a\r\nb: c").err(), Some(HttpFault::Header));
    assert!(client().send(get).await.is_ok());
    assert!(server.requests.recv().await.expect("it came").starts_with(b"GET / HTTP/1.1\r\n"));
}

#[tokio::test]
async fn ten_at_once_are_all_answered_and_connections_are_kept() {
    let mut server = serve(Script::Answer(answer("200 OK", b"ok"))).await;
    let client = client();
    let url = target(&format!("http://{}/", server.address));
    for _ in 0..3 {
        let requests = (0..10).map(|_| {
            let request = Request::post(url.clone(), Bytes::from_static(b"x")).reaching(Reach::Anywhere);
            let client = client.clone();
            async move { client.send(request).await.map(|it| it.body) }
        });
        for got in futures::future::join_all(requests).await {
            assert_eq!(got, Ok(Bytes::from_static(b"ok")));
        }
    }
    let mut seen = 0;
    while server.requests.try_recv().is_ok() {
        seen += 1;
    }
    assert_eq!(seen, 30, "each went once");
}

#[tokio::test]
async fn a_request_that_was_answered_by_nothing_is_never_sent_twice() {
    let mut server = serve(Script::AnswerAndClose(Vec::new())).await;
    let url = target(&format!("http://{}/", server.address));
    let request = Request::post(url, Bytes::from_static(b"pay")).reaching(Reach::Anywhere).within(LONG);
    assert_eq!(client().send(request).await.err(), Some(HttpFault::Broken));
    assert!(server.requests.recv().await.is_some());
    assert!(server.requests.try_recv().is_err());
}

#[tokio::test]
async fn what_was_certainly_not_sent_is_told_from_what_may_have_been() {
    let closed = TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
    let address = closed.local_addr().expect("it is bound");
    drop(closed);
    let plain = serve(Script::Greet(b"no TLS here\r\n".to_vec())).await;
    let cases = [
        (format!("http://{address}/{MARK}"), HttpFault::Connect),
        (format!("https://{address}/{MARK}"), HttpFault::Connect),
        (format!("https://{}/{MARK}", plain.address), HttpFault::Tls),
    ];
    for (url, expected) in cases {
        let request = Request::get(target(&url)).reaching(Reach::Anywhere).within(Duration::from_secs(5));
        let got = client().send(request).await.expect_err("nobody is there");
        assert_eq!((&got, got.sent()), (&expected, Sent::NotSent));
        assert!(!format!("{got:?} {got}").contains(MARK));
    }
}

#[tokio::test]
async fn requests_for_the_public_go_neither_inside_nor_in_the_clear() {
    let mut server = serve(Script::Answer(answer("200 OK", b""))).await;
    let port = server.address.port();
    let refused = |why| HttpFault::Refused { why };
    let cases = [
        (format!("http://{MARK}.example/"), HttpFault::PlainHttp),
        (format!("http://127.0.0.1:{port}/"), HttpFault::PlainHttp),
        (format!("https://127.0.0.1:{port}/{MARK}"), refused(Forbidden::Loopback)),
        (format!("https://2130706433:{port}/"), refused(Forbidden::Loopback)),
        (format!("https://0x7f.1:{port}/"), refused(Forbidden::Loopback)),
        (format!("https://[::ffff:127.0.0.1]:{port}/"), refused(Forbidden::Loopback)),
        (format!("https://169.254.169.254/{MARK}"), refused(Forbidden::LinkLocal)),
        (format!("https://localhost:{port}/{MARK}"), refused(Forbidden::Loopback)),
    ];
    for (url, expected) in cases {
        let got = client().send(Request::get(target(&url))).await.expect_err("it is refused");
        assert_eq!((&got, got.sent()), (&expected, Sent::NotSent), "{url}");
        assert!(!format!("{got:?} {got}").contains(MARK));
    }
    assert!(server.requests.try_recv().is_err());
}

#[tokio::test]
async fn one_private_address_among_public_ones_refuses_the_name() {
    let public_only = |resolver| {
        let client = builder(&Tls::baked()).https_only(true).dns_resolver(resolver).build().expect("it builds");
        HttpClient { anywhere: client.clone(), public_only: client }
    };
    let mixed = public_only(PublicResolver::by(|_| {
        let addresses = ["8.8.8.8:0", "10.0.0.1:0"].map(|it| it.parse().expect("an address"));
        Box::pin(async move { Ok(addresses.to_vec()) })
    }));
    let nothing = public_only(PublicResolver::by(|_| Box::pin(async { Ok(Vec::new()) })));
    let request = || Request::get(target(&format!("https://{MARK}.example/")));
    let got = mixed.send(request()).await.err();
    assert_eq!(got, Some(HttpFault::Refused { why: Forbidden::Private }));
    assert_eq!(nothing.send(request()).await.err(), Some(HttpFault::Name));
}

#[test]
fn only_http_urls_with_a_host_are_targets_and_none_can_be_printed() {
    for url in ["", "x", "ftp://a.example", "https://", "file:///etc/passwd", "wss://a.example", "https://a b/"] {
        assert_eq!(Target::parse(&Secret::new(url.to_owned())), Err(HttpFault::Url), "{url}");
    }
    assert_eq!(format!("{:?}", target(&format!("https://a.example/{MARK}"))), "***");
}
