//! NATS JetStream: Debian's server, which is not ours, and one that follows a script of faults.

use crate::common::PATIENCE;
use crate::mail::papers;
use crate::rig::{Book, HOSTILE, Rig, message};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use walletwatch::app::clock::Clock;
use walletwatch::config::checked::{NatsConfig, NatsLogin, SinkConfig, SinkKind};
use walletwatch::net::{HttpClient, Tls, install_crypto_provider};
use walletwatch::sinks::nats::{Nats, verdict};
use walletwatch::sinks::{Courier, HttpPost, NatsPost, Publication, PublishAnswer, Sink, Verdict, freeze};
use walletwatch::store::{OutboxRow, OutboxState};
use walletwatch::types::{Name, Secret, Stage};

const TOKEN: &str = "CANARY-token";

pub(crate) fn config(port: u16, tls: bool, login: NatsLogin, stream: &str) -> NatsConfig {
    let (host, subject) = ("localhost".into(), "walletwatch".into());
    NatsConfig { host, port, tls, login, stream: stream.into(), subject, allow_private: true }
}

fn row(alert: u8, symbol: &str) -> OutboxRow {
    OutboxRow::new(1, freeze(&message(alert, 1, Stage::Seen, symbol), &"people".into()))
}

pub(crate) fn publication(config: &NatsConfig, deadline: Duration) -> Publication {
    let publication = Nats::new(config).expect("its credentials are good").publication(&row(1, "X"));
    Publication { deadline, ..publication }
}

// Debian's server.

pub(crate) fn program(test: &str) -> Option<PathBuf> {
    let paths = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&paths).map(|folder| folder.join("nats-server")).find(|program| program.exists());
    if found.is_none() {
        // Not by `println`: what a passing test prints is not shown.
        let _ = writeln!(std::io::stderr(), "left out: {test} (nats-server is not here; tests/run installs it)");
    }
    found
}

pub(crate) struct Real {
    child: Child,
    pub(crate) port: u16,
    _folder: tempfile::TempDir,
}

impl Drop for Real {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Real {
    pub(crate) async fn start(program: &PathBuf, settings: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let free = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let port = free.local_addr().expect("it is bound").port();
        drop(free);
        let file = folder.path().join("nats.conf");
        let place = folder.path().display();
        let text = format!("listen: \"127.0.0.1:{port}\"\njetstream {{ store_dir: \"{place}/js\" }}\n{settings}\n");
        std::fs::write(&file, text).expect("it can be written");
        let mut command = Command::new(program);
        command.arg("-c").arg(&file).stdout(Stdio::null()).stderr(Stdio::null());
        let child = command.spawn().expect("it starts");
        let ready = async {
            while TcpStream::connect(("127.0.0.1", port)).await.is_err() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(PATIENCE, ready).await.expect("it listens in time");
        Self { child, port, _folder: folder }
    }

    /// Asks JetStream something, as a program of the operator's would.
    async fn ask(&self, login: &Value, subject: &str, question: &Value) -> Value {
        let mut stream = BufReader::new(TcpStream::connect(("127.0.0.1", self.port)).await.expect("it listens"));
        let body = if question.is_null() { String::new() } else { question.to_string() };
        let said = format!("CONNECT {login}\r\nSUB i 1\r\nPUB {subject} i {}\r\n{body}\r\n", body.len());
        stream.write_all(said.as_bytes()).await.expect("it reads");
        let answer = async {
            loop {
                let mut line = String::new();
                stream.read_line(&mut line).await.expect("it answers");
                if let Some(length) = line.strip_prefix("MSG i 1 ").and_then(|rest| rest.trim().parse().ok()) {
                    let mut body = vec![0; length];
                    stream.read_exact(&mut body).await.expect("a body");
                    return serde_json::from_slice(&body).expect("JSON");
                }
            }
        };
        tokio::time::timeout(PATIENCE, answer).await.expect("JetStream answers")
    }

    /// Makes a stream, as soon as JetStream is there.
    pub(crate) async fn make(&self, login: &Value, name: &str, subjects: &str) {
        let stream = json!({"name": name, "subjects": [subjects], "storage": "file", "max_msg_size": 100_000});
        let made = self.ask(login, &format!("$JS.API.STREAM.CREATE.{name}"), &stream).await;
        assert!(made["error"].is_null(), "{made}");
    }

    async fn kept(&self, login: &Value, name: &str, seq: u64) -> (String, String, Vec<u8>) {
        let got = self.ask(login, &format!("$JS.API.STREAM.MSG.GET.{name}"), &json!({"seq": seq})).await;
        let text = |key: &str| got["message"][key].as_str().unwrap_or_default().to_owned();
        let bytes = |key: &str| STANDARD.decode(text(key)).expect("base64");
        (text("subject"), String::from_utf8(bytes("hdrs")).expect("text"), bytes("data"))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_real_stream_keeps_every_message_once_under_its_id_and_says_so() {
    let Some(program) = program("alerts in a real stream of NATS") else { return };
    install_crypto_provider();
    let login = json!({"verbose": false, "auth_token": TOKEN});
    let real = Real::start(&program, &format!("authorization {{ token: \"{TOKEN}\" }}")).await;
    real.make(&login, "ALERTS", "walletwatch.>").await;
    let token = || NatsLogin::Token(Secret::new(TOKEN.into()));
    let sink = SinkConfig { name: "people".into(), kind: SinkKind::Nats(config(real.port, false, token(), "ALERTS")) };
    let courier = || {
        let http = HttpClient::new(&Tls::baked()).expect("it has authorities");
        Courier::new(HttpPost::new(http, Clock::wall), Tls::baked())
    };
    let made = || Sink::new(&sink).expect("it is whole");
    let rig = Rig::start_by(courier(), Book::default(), made(), Clock::wall);
    let mut messages = Vec::new();
    for (nth, symbol) in (1..).zip(HOSTILE) {
        messages.push(message(nth, 1, Stage::Seen, symbol));
    }
    rig.commit(messages).await;
    rig.until_closed().await;
    let book = rig.end().await;
    let mut seen = Vec::new();
    for seq in 1..=HOSTILE.len() {
        let row = book.row(i64::try_from(seq).expect("it is small"));
        assert_eq!(row.state, OutboxState::Done, "{:?}", row.reason);
        let place = row.receiver_id.as_ref().map(Name::as_str).unwrap_or_default();
        let (stream, at) = place.split_once('/').expect("a stream, and where in it");
        assert_eq!(stream, "ALERTS");
        let (subject, headers, body) = real.kept(&login, "ALERTS", at.parse().expect("a number")).await;
        assert_eq!((subject.as_str(), body.as_slice()), ("walletwatch.transfer.seen", &row.message.body[..]));
        assert!(headers.contains(&format!("\r\nNats-Msg-Id: {}\r\n", row.message.id)), "{headers}");
        seen.push(at.to_owned());
    }
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), HOSTILE.len(), "each has a place of its own");
    // What is told again, as behind a lost answer or by a replay, is the same message to the stream.
    let again = publication(&config(real.port, false, token(), "ALERTS"), Duration::from_secs(15));
    let post = NatsPost::new(Tls::baked());
    for _ in 0..2 {
        let said = post.publish(again.clone()).await;
        let Ok(walletwatch::sinks::nats::Said::Kept { duplicate: true, .. }) = &said else { panic!("{said:?}") };
        assert!(matches!(verdict(&"ALERTS".into(), &said), Verdict::Delivered { .. }));
    }
    let info = real.ask(&login, "$JS.API.STREAM.INFO.ALERTS", &Value::Null).await;
    assert_eq!(info["state"]["messages"], HOSTILE.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_real_server_refuses_is_said_with_what_to_do() {
    let Some(program) = program("what a real NATS server refuses") else { return };
    install_crypto_provider();
    let users = r#"authorization { users: [
        { user: admin, password: secret },
        { user: deaf, password: secret, permissions: { publish: "walletwatch.>", subscribe: { deny: ">" } } },
        { user: mute, password: secret, permissions: { publish: { deny: "walletwatch.>" } } } ] }"#;
    let real = Real::start(&program, users).await;
    let admin = json!({"verbose": false, "user": "admin", "pass": "secret"});
    let post = NatsPost::new(Tls::baked());
    let user = |name: &str, password: &str| NatsLogin::User(name.into(), Secret::new(password.into()));
    let check = async |login: NatsLogin, stream: &str, expected: &str| {
        let config = config(real.port, false, login, stream);
        let said = post.publish(publication(&config, Duration::from_secs(5))).await;
        let Verdict::Again(setback) = verdict(&config.stream, &said) else { panic!("{said:?}") };
        assert!(setback.reason.as_str().contains(expected) && !setback.told, "{setback:?}");
    };
    check(user("admin", "secret"), "ALERTS", "no stream takes the subject").await;
    real.make(&admin, "OTHERS", "walletwatch.>").await;
    check(user("admin", "secret"), "ALERTS", "another stream takes the subject").await;
    check(user("admin", "wrong"), "OTHERS", "does not let us in").await;
    check(NatsLogin::Nobody, "OTHERS", "does not let us in").await;
    check(user("mute", "secret"), "OTHERS", "we may not publish on the subject").await;
    check(user("deaf", "secret"), "OTHERS", "not listen for the answer").await;
    let info = real.ask(&admin, "$JS.API.STREAM.INFO.OTHERS", &Value::Null).await;
    assert_eq!(info["state"]["messages"], 0, "what is refused is nowhere");
    let large = Publication {
        body: vec![b'x'; 200_000].into(),
        id: "another".into(),
        ..publication(&config(real.port, false, user("admin", "secret"), "OTHERS"), Duration::from_secs(5))
    };
    let said = post.publish(large.clone()).await;
    assert!(matches!(verdict(&"OTHERS".into(), &said), Verdict::Dead(_)), "{said:?}");
    let larger = Publication { body: vec![b'x'; 2_000_000].into(), ..large };
    let said = post.publish(larger).await;
    assert!(matches!(verdict(&"OTHERS".into(), &said), Verdict::Dead(_)), "{said:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn under_tls_only_the_server_that_is_meant_is_spoken_to() {
    let Some(program) = program("a real NATS server under TLS") else { return };
    let papers = papers();
    let folder = tempfile::tempdir().expect("a folder can be made");
    let (certificate, key) = (folder.path().join("c.pem"), folder.path().join("k.pem"));
    std::fs::write(&certificate, &papers.certificate).expect("it can be written");
    std::fs::write(&key, &papers.key).expect("it can be written");
    let settings = format!("tls {{ cert_file: \"{}\", key_file: \"{}\" }}", certificate.display(), key.display());
    let real = Real::start(&program, &settings).await;
    let publish = async |tls: &Tls, under_tls: bool| {
        let config = config(real.port, under_tls, NatsLogin::Nobody, "ALERTS");
        let said = NatsPost::new(tls.clone()).publish(publication(&config, Duration::from_secs(5))).await;
        let Verdict::Again(setback) = verdict(&config.stream, &said) else { panic!("{said:?}") };
        setback.reason.to_string()
    };
    assert!(publish(&papers.tls, true).await.contains("no stream takes the subject"), "it is spoken to");
    assert!(publish(&Tls::baked(), true).await.contains("TLS handshake failed"));
    assert!(publish(&papers.tls, false).await.contains("the server wants TLS"));
}

// A server that follows a script.

const INFO: &str = r#"INFO {"server_id":"S","version":"2.10.0","headers":true,"max_payload":1048576,"nonce":"abc"}"#;

/// What it says, and when it goes.
#[derive(Clone, Copy)]
struct Script {
    greets: &'static str,
    /// To CONNECT and PING. Nothing: it hangs.
    lets_in: Option<&'static str>,
    /// To a publication; `@` is its inbox. Nothing: it hangs.
    answers: Option<&'static str>,
    /// One byte at a time.
    slowly: bool,
    /// It goes without a word where it would have spoken next and says nothing.
    goes: bool,
}

const GOOD: Script = Script { greets: INFO, lets_in: Some("PONG\r\n"), answers: None, slowly: false, goes: false };

/// Serves one connection; gives every line that it was told.
async fn serve(script: Script) -> (u16, JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    let port = listener.local_addr().expect("it is bound").port();
    let serving = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.expect("somebody comes");
        let mut stream = BufReader::new(stream);
        let mut heard = Vec::new();
        say(&mut stream, &format!("{}\r\n", script.greets), script.slowly).await;
        loop {
            let mut line = String::new();
            if stream.read_line(&mut line).await.unwrap_or(0) == 0 {
                return heard;
            }
            let words: Vec<&str> = line.split_whitespace().collect();
            let says = match words.as_slice() {
                ["PING"] => script.lets_in.map(ToOwned::to_owned),
                ["HPUB", subject, inbox, head, whole] => {
                    let (head, whole): (usize, usize) = (head.parse().expect("a size"), whole.parse().expect("a size"));
                    let mut message = vec![0; whole + 2];
                    stream.read_exact(&mut message).await.expect("as much as it said");
                    enforced(subject, inbox, &message, head);
                    script.answers.map(|answers| answers.replace('@', inbox))
                }
                _ => {
                    heard.push(line.trim_end().to_owned());
                    continue;
                }
            };
            heard.push(line.trim_end().to_owned());
            match says {
                Some(says) => say(&mut stream, &says, script.slowly).await,
                None if script.goes => return heard,
                None => {}
            }
        }
    });
    (port, serving)
}

async fn say(stream: &mut BufReader<TcpStream>, words: &str, slowly: bool) {
    let size = if slowly { 1 } else { words.len().max(1) };
    for part in words.as_bytes().chunks(size) {
        // Who does not listen any more has heard enough.
        if stream.write_all(part).await.is_err() || stream.flush().await.is_err() {
            return;
        }
        tokio::task::yield_now().await;
    }
}

/// That a publication is what NATS and JetStream document.
fn enforced(subject: &str, inbox: &str, message: &[u8], head: usize) {
    let tokens = subject.split('.').all(|token| !token.is_empty() && !token.contains(['*', '>', ' ']));
    assert!(tokens && subject == "walletwatch.transfer.seen", "{subject}");
    assert!(inbox.starts_with("_INBOX.") && inbox.len() > 30, "{inbox}");
    assert!(message.ends_with(b"\r\n"), "what follows the body ends it");
    let headers = std::str::from_utf8(&message[..head]).expect("headers are text");
    let mut lines = headers.strip_suffix("\r\n\r\n").expect("an empty line ends them").split("\r\n");
    assert_eq!(lines.next(), Some("NATS/1.0"));
    let names: Vec<&str> = lines.map(|line| line.split_once(": ").expect("a name and a value").0).collect();
    assert_eq!(names, ["Nats-Msg-Id", "Nats-Expected-Stream"]);
    let _: Value = serde_json::from_slice(&message[head..message.len() - 2]).expect("the body is JSON");
}

async fn told(script: Script, login: NatsLogin) -> (PublishAnswer, Vec<String>) {
    let (port, serving) = serve(script).await;
    let config = config(port, false, login, "ALERTS");
    let hangs = script.lets_in.is_none() || script.answers.is_none();
    let patience = if hangs && !script.goes { Duration::from_millis(300) } else { Duration::from_secs(10) };
    let said = NatsPost::new(Tls::baked()).publish(publication(&config, patience)).await;
    (said, serving.await.expect("what it was told is what NATS documents"))
}

#[tokio::test]
async fn whatever_a_server_does_a_message_is_never_said_delivered_unless_its_stream_has_it() {
    const ACK: &str = "MSG @ 1 27\r\n{\"stream\":\"ALERTS\",\"seq\":9}\r\n";
    const WORDS: &str = "MSG @ 1 5\r\nhello\r\n";
    install_crypto_provider();
    let check = async |script: Script, delivered: bool, told_it: bool, words: &str| {
        let (said, _) = told(script, NatsLogin::Nobody).await;
        match verdict(&"ALERTS".into(), &said) {
            Verdict::Delivered { receiver_id } => {
                assert!(delivered && receiver_id.as_ref().map(Name::as_str) == Some("ALERTS/9"), "{said:?}");
            }
            Verdict::Again(setback) => {
                assert!(!delivered && setback.told == told_it, "{said:?}");
                assert!(setback.reason.as_str().contains(words), "{setback:?}");
            }
            other @ (Verdict::Dead(_) | Verdict::Partly { .. } | Verdict::Disabled(_)) => panic!("{other:?}"),
        }
    };
    let answers = |answers| Script { answers: Some(answers), ..GOOD };
    check(answers(ACK), true, false, "").await;
    check(Script { slowly: true, ..answers(ACK) }, true, false, "").await;
    check(answers("PING\r\n+OK\r\nMSG @ 1 27\r\n{\"stream\":\"ALERTS\",\"seq\":9}\r\n"), true, false, "").await;
    check(answers("MSG @ 1 27\r\n{\"stream\":\"OTHERS\",\"seq\":9}\r\n"), false, true, "another stream took it").await;
    check(answers("HMSG @ 1 16 16\r\nNATS/1.0 503\r\n\r\n\r\n"), false, false, "no stream takes the subject").await;
    check(answers(WORDS), false, true, "is no stream").await;
    check(answers("-ERR 'Permissions Violation for Publish to \"walletwatch\"'\r\n"), false, false, "may not publish")
        .await;
    check(answers("-ERR 'Slow Consumer'\r\n"), false, true, "ended the connection").await;
    check(answers("HTTP/1.1 200 OK\r\n\r\n"), false, true, "no NATS").await;
    check(Script { goes: true, ..GOOD }, false, true, "broke").await;
    check(GOOD, false, true, "no answer in time").await;
    check(Script { lets_in: None, ..GOOD }, false, false, "no answer in time").await;
    check(Script { lets_in: None, goes: true, ..GOOD }, false, false, "broke").await;
    check(Script { lets_in: Some("-ERR 'Authorization Violation'\r\n"), ..GOOD }, false, false, "let us in").await;
    check(Script { greets: "220 mail.example.com", ..GOOD }, false, false, "no NATS").await;
    let small = r#"INFO {"server_id":"S","headers":true,"max_payload":100}"#;
    let (said, heard) = told(Script { greets: small, ..GOOD }, NatsLogin::Nobody).await;
    assert!(matches!(verdict(&"ALERTS".into(), &said), Verdict::Dead(_)) && heard.is_empty(), "{said:?}");
    check(
        Script { greets: r#"INFO {"server_id":"S","headers":true,"tls_required":true,"max_payload":1048576}"#, ..GOOD },
        false,
        false,
        "wants TLS",
    )
    .await;
    check(Script { greets: r#"INFO {"server_id":"S","max_payload":1048576}"#, ..GOOD }, false, false, "no headers")
        .await;
}

#[tokio::test]
async fn credentials_sign_what_the_server_said_and_nothing_else_of_them_leaves() {
    const SEED: &str = "SUACSSL3UAHUDXKFSNVUZRF5UHPMWZ6BFDTJ7M6USDXIEDNPPQYYYCU3VY";
    /// The same key as its seed says: 32 bytes behind the first two.
    const PUBLIC: &str = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4";
    install_crypto_provider();
    let file = format!(
        "-----BEGIN NATS USER JWT-----\ne30.e30.AA\n------END NATS USER JWT------\n-----BEGIN USER NKEY SEED-----\n{SEED}\n------END USER NKEY SEED------\n"
    );
    let ack = "MSG @ 1 27\r\n{\"stream\":\"ALERTS\",\"seq\":9}\r\n";
    let login = NatsLogin::Credentials(Secret::new(file));
    let (said, heard) = told(Script { answers: Some(ack), ..GOOD }, login).await;
    assert!(said.is_ok(), "{said:?}");
    let connect = heard.iter().find_map(|line| line.strip_prefix("CONNECT ")).expect("it introduces itself");
    let connect: Value = serde_json::from_str(connect).expect("JSON");
    assert_eq!(connect["jwt"], "e30.e30.AA");
    let signature = URL_SAFE_NO_PAD.decode(connect["sig"].as_str().expect("a signature")).expect("base64");
    let key = base32(PUBLIC)[1..33].to_vec();
    let key = ring::signature::UnparsedPublicKey::new(&ring::signature::ED25519, key);
    assert!(key.verify(b"abc", &signature).is_ok(), "it is of what the server said, by the key of the seed");
    assert!(!heard.concat().contains(SEED));
}

fn base32(text: &str) -> Vec<u8> {
    let digits = text.bytes().map(|c| if c.is_ascii_uppercase() { c - b'A' } else { c - b'2' + 26 });
    let bits: Vec<u8> = digits.flat_map(|digit| (0..5).rev().map(move |bit| (digit >> bit) & 1)).collect();
    bits.chunks_exact(8).map(|byte| byte.iter().fold(0, |all, bit| (all << 1) | bit)).collect()
}
