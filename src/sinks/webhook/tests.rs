//! The standard's own vector, and the table of answers.

use super::*;
use crate::sinks::answer::{Blame, SendFault, SinkResponse};
use crate::sinks::freeze;
use crate::sinks::samples::{at, of_transfer, row, transfer};
use bytes::Bytes;
use std::time::Duration;

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

fn key(secret: &str) -> Option<SigningKey> {
    SigningKey::parse(&Secret::new(secret.to_owned()))
}

#[test]
fn the_signature_is_the_one_that_the_standards_libraries_make() {
    let key = key(SECRET).expect("it is the standard's own");
    let signature = key.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, br#"{"test": 2432232314}"#);
    assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
}

#[test]
fn a_key_is_24_to_64_bytes_of_base64_and_never_printed() {
    let encoded = |bytes: usize| STANDARD.encode(vec![7; bytes]);
    assert!(key(&encoded(24)).is_some(), "the prefix may be missing");
    for (text, good) in [
        (format!("whsec_{}", encoded(64)), true),
        (format!("whsec_{}", encoded(23)), false),
        (format!("whsec_{}", encoded(65)), false),
        ("whsec_".to_owned(), false),
        ("whsec_not base64 at all, is it?".to_owned(), false),
        (String::new(), false),
    ] {
        assert_eq!(key(&text).is_some(), good, "{text}");
    }
    assert_eq!(format!("{:?}", key(SECRET)), "Some(***)");
}

#[test]
fn every_attempt_has_the_same_id_and_body_and_a_time_and_signature_of_its_own() {
    let url = Secret::new("https://hooks.example.com/secret-path".to_owned());
    let webhook = Webhook::new(Destination::new(&url, false), key(SECRET).expect("it is the standard's own"));
    let row = row(1, freeze(&of_transfer(transfer()), &"ops".into()));
    let (first, second) = (webhook.request(&row, at(0)), webhook.request(&row, at(300)));
    assert_eq!(first.body, row.message.body);
    assert_eq!(first.body, second.body);
    assert_eq!(first.headers[0], ("webhook-id", row.message.id.to_string()));
    assert_eq!(first.headers[0], second.headers[0]);
    assert_eq!(first.headers[1], ("webhook-timestamp", "1800000000".to_owned()));
    assert_eq!(second.headers[1], ("webhook-timestamp", "1800000300".to_owned()));
    assert_ne!(first.headers[2], second.headers[2]);
    assert_eq!(first.deadline, Duration::from_secs(15));
    assert!(!format!("{first:?}").contains("secret-path"));
}

#[test]
fn only_2xx_delivers_410_disables_and_everything_else_is_tried_again() {
    for status in 200..600 {
        let answer = Ok(SinkResponse { status, retry_after: None, pause: None, body: Bytes::new() });
        let expected = match status {
            200..=299 => "delivered",
            410 => "disabled",
            _ => "again",
        };
        let got = match verdict(&answer) {
            Verdict::Delivered { .. } => "delivered",
            Verdict::Partly { .. } => "partly",
            Verdict::Disabled(_) => "disabled",
            Verdict::Again(_) => "again",
            Verdict::Dead(_) => "dead",
        };
        assert_eq!(got, expected, "{status}");
    }
}

#[test]
fn what_an_answer_says_of_the_receiver_and_of_the_message() {
    let wait = Some(Duration::from_secs(7));
    let check = |answer: Answer, told: bool, blame: Blame| {
        let Verdict::Again(setback) = verdict(&answer) else { panic!("{answer:?} is tried again") };
        assert_eq!((setback.told, setback.blame), (told, blame), "{answer:?}");
    };
    let response = |status, retry_after| Ok(SinkResponse { status, retry_after, pause: None, body: Bytes::new() });
    check(response(400, None), false, Blame::Message);
    check(response(302, None), false, Blame::Message);
    check(response(500, None), true, Blame::Message);
    check(response(429, wait), false, Blame::Pause);
    check(response(429, None), false, Blame::Sink);
    check(response(503, wait), true, Blame::Pause);
    check(response(502, None), true, Blame::Sink);
    check(Err(SendFault { ambiguous: true, reason: "no answer".into() }), true, Blame::Sink);
    check(Err(SendFault { ambiguous: false, reason: "refused".into() }), false, Blame::Sink);
}
