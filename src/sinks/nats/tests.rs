//! What is said to a stream and what its answers mean.

use super::wire::{Info, Line, NoNats, acknowledged, read};
use super::*;
use crate::sinks::samples::small_row;
use proptest::prelude::*;

fn stream() -> Nats {
    let config = NatsConfig {
        host: "nats.example.com".into(),
        port: 4222,
        tls: true,
        login: NatsLogin::Token(Secret::new("CANARY".to_owned())),
        stream: "ALERTS".into(),
        subject: "walletwatch".into(),
        allow_private: false,
    };
    Nats::new(&config).expect("it has no credentials to read")
}

#[test]
fn a_publication_is_the_body_under_its_id_on_the_subject_of_its_type() {
    let row = small_row(1, "x", 7, 1, false);
    let publication = stream().publication(&row);
    let said = String::from_utf8(wire::publish(&publication, "_INBOX.1")).expect("a body is text");
    let headers = format!("NATS/1.0\r\nNats-Msg-Id: {}\r\nNats-Expected-Stream: ALERTS\r\n\r\n", row.message.id);
    let body = std::str::from_utf8(&row.message.body).expect("it is text");
    let (head, whole) = (headers.len(), headers.len() + body.len());
    let expected = format!("HPUB walletwatch.test _INBOX.1 {head} {whole}\r\n{headers}{body}\r\n");
    assert_eq!(said, expected);
    assert_eq!(stream().publication(&row), publication, "the same on every attempt");
    assert!(!format!("{publication:?}").contains("CANARY"));
    assert!(wire::weight(&publication) >= u64::try_from(whole).expect("it is small"));
}

#[test]
fn what_a_server_says_is_read_whole_or_awaited_or_refused() {
    let check = |said: &str, expected: Result<Option<Line>, NoNats>| {
        let got = read(said.as_bytes());
        if let Ok(Some((_, length))) = &got {
            assert_eq!(*length, said.len(), "{said:?}");
        }
        assert_eq!(got.map(|got| got.map(|(line, _)| line)), expected, "{said:?}");
    };
    let info = Info { headers: true, max_payload: 1_048_576, tls_required: false, nonce: Some("n".into()) };
    check(r#"INFO {"server_id":"X","headers":true,"max_payload":1048576,"nonce":"n"}"#, Ok(None));
    check(
        "INFO {\"server_id\":\"X\",\"headers\":true,\"max_payload\":1048576,\"nonce\":\"n\"} \r\n",
        Ok(Some(Line::Info(info))),
    );
    check("PING\r\n", Ok(Some(Line::Ping)));
    check("pong\r\n", Ok(Some(Line::Pong)));
    check("+OK\r\n", Ok(Some(Line::Fine)));
    check("-ERR 'Authorization Violation'\r\n", Ok(Some(Line::Refused(Refusal::Login))));
    check("-ERR 'Permissions Violation for Publish to \"x\"'\r\n", Ok(Some(Line::Refused(Refusal::Permission))));
    check("-ERR 'Maximum Payload Violation'\r\n", Ok(Some(Line::Refused(Refusal::TooLarge))));
    check("-ERR 'Secure Connection - TLS Required'\r\n", Ok(Some(Line::Refused(Refusal::Clear))));
    check("-ERR 'maximum connections exceeded'\r\n", Ok(Some(Line::Refused(Refusal::Full))));
    check("-ERR 'Stale Connection'\r\n", Ok(Some(Line::Refused(Refusal::Other))));
    let message = |status, payload: &[u8]| Ok(Some(Line::Message { status, payload: payload.to_vec() }));
    check("MSG _INBOX.1 1 2\r\n{}\r\n", message(None, b"{}"));
    check("MSG _INBOX.1 1 reply.to 2\r\n{}\r\n", message(None, b"{}"));
    check("MSG _INBOX.1 1 2\r\n{}", Ok(None));
    check("HMSG _INBOX.1 1 16 16\r\nNATS/1.0 503\r\n\r\n\r\n", message(Some(503), b""));
    check("HMSG _INBOX.1 1 12 14\r\nNATS/1.0\r\n\r\n{}\r\n", message(None, b"{}"));
    check("HMSG _INBOX.1 1 20 16\r\n", Err(NoNats));
    check("MSG _INBOX.1 1 99999999\r\n", Err(NoNats));
    check("MSG _INBOX.1 1 -1\r\n", Err(NoNats));
    check("INFO 7\r\n", Err(NoNats));
    check("HTTP/1.1 400 Bad Request\r\n", Err(NoNats));
    check(&"x".repeat(70_000), Err(NoNats));
}

#[test]
fn only_the_stream_of_the_config_delivers_and_what_a_person_can_repair_is_tried_again() {
    #[derive(Debug, PartialEq, Eq)]
    enum Meant {
        Delivered,
        Again { told: bool },
        Dead,
    }
    let check = |answer: PublishAnswer, expected: Meant| {
        let got = match verdict(&"ALERTS".into(), &answer) {
            Verdict::Delivered { receiver_id } => {
                assert_eq!(receiver_id.as_ref().map(Name::as_str), Some("ALERTS/7"));
                Meant::Delivered
            }
            Verdict::Again(setback) => {
                assert_eq!(setback.blame, Blame::Sink);
                Meant::Again { told: setback.told }
            }
            Verdict::Dead(_) => Meant::Dead,
            other @ (Verdict::Partly { .. } | Verdict::Disabled(_)) => panic!("{other:?}"),
        };
        assert_eq!(got, expected, "{answer:?}");
    };
    let ack = |json: &str| acknowledged(None, json.as_bytes()).expect("it is an answer of a stream");
    check(Ok(ack(r#"{"stream":"ALERTS","seq":7}"#)), Meant::Delivered);
    check(Ok(ack(r#"{"stream":"ALERTS","seq":7,"duplicate":true,"domain":"hub"}"#)), Meant::Delivered);
    check(Ok(ack(r#"{"stream":"OTHERS","seq":7}"#)), Meant::Again { told: true });
    let refused = |code: u32| {
        Ok(ack(&format!(r#"{{"error":{{"code":400,"err_code":{code},"description":"x"}},"stream":"ALERTS","seq":0}}"#)))
    };
    check(refused(10_060), Meant::Again { told: false });
    check(refused(10_077), Meant::Again { told: false });
    check(refused(10_054), Meant::Dead);
    check(Ok(acknowledged(Some(503), b"").expect("nobody answers")), Meant::Again { told: false });
    let broken = |ambiguous| Err(PublishFault::Broken(SendFault { ambiguous, reason: "x".into() }));
    check(broken(true), Meant::Again { told: true });
    check(broken(false), Meant::Again { told: false });
    for refusal in [Refusal::Login, Refusal::Permission, Refusal::Full, Refusal::Clear, Refusal::Old] {
        check(Err(PublishFault::Refused(refusal)), Meant::Again { told: false });
    }
    check(Err(PublishFault::Refused(Refusal::Other)), Meant::Again { told: true });
    check(Err(PublishFault::Refused(Refusal::TooLarge)), Meant::Dead);
    for no_answer in ["", "{}", "[]", r#"{"stream":"ALERTS"}"#, "hello"] {
        assert_eq!(acknowledged(None, no_answer.as_bytes()), None, "{no_answer:?}");
    }
}

proptest! {
    #[test]
    fn whatever_a_server_sends_is_read_without_a_fault_and_never_past_its_end(bytes: Vec<u8>, line in "(INFO|MSG|HMSG|-ERR) [0-9 ]{0,12}\r\n") {
        for bytes in [bytes.clone(), [line.as_bytes(), bytes.as_slice()].concat()] {
            if let Ok(Some((_, length))) = read(&bytes) {
                prop_assert!((1..=bytes.len()).contains(&length));
            }
        }
        let _said = acknowledged(None, &bytes);
    }
}
