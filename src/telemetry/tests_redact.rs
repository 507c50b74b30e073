//! Marked secrets, in every shape, through the log.

use super::*;
use crate::telemetry::logs;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use proptest::prelude::*;
use std::io;
use std::sync::Mutex;

const KEY: &str = "CANARY+key/7\"9f\\3=c&d";
const URL: &str = "wss://user:CANARY-pass@node.example.com/v2/CANARYpathkey123?apikey=CANARYquery#x";

fn redactor() -> Redactor {
    Redactor::new(&[Secret::new(KEY.to_owned()), Secret::new(URL.to_owned())])
}

/// Everything that was written, for one test.
#[derive(Clone, Default)]
struct End(Arc<Mutex<Vec<u8>>>);

impl io::Write for End {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("no writer panics").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_secret_is_taken_out_in_every_shape() {
    let basic = STANDARD.encode(format!("me:{KEY}"));
    let json = serde_json::to_string(KEY).expect("text is JSON");
    let form: String = url::form_urlencoded::Serializer::new(String::new()).append_pair("k", KEY).finish();
    for text in [
        KEY.to_owned(),
        format!("{KEY:?}"),
        json,
        form,
        percent(KEY, "", true),
        percent(KEY, "-._~", false),
        STANDARD.encode(KEY),
        URL_SAFE.encode(KEY),
        hexadecimal(KEY, false),
        hexadecimal(KEY, true),
        URL.to_owned(),
        "GET /v2/CANARYpathkey123?apikey=CANARYquery".to_owned(),
        "the key CANARYquery is wrong".to_owned(),
        "CANARY-pass".to_owned(),
        "CANARYpathkey123".to_owned(),
    ] {
        let line = format!("before {text} after");
        let clean = redactor().clean(&line).into_owned();
        assert!(clean.contains(MARK), "{text} became {clean}");
        assert!(
            !clean.contains("CANARY") && clean.starts_with("before ") && clean.ends_with(" after"),
            "{text}: {clean}"
        );
    }
    // Behind the name of a user only the middle of the base64 text is the secret's alone.
    let clean = redactor().clean(&basic).into_owned();
    assert!(clean.contains(MARK) && clean.len() < MARK.len() + 10, "{basic} became {clean}");
    assert_eq!(redactor().clean("blind on base since 14:02, v2 of node"), "blind on base since 14:02, v2 of node");
    assert!(!format!("{:?}", redactor()).contains("CANARY"));
}

#[test]
fn nothing_of_a_secret_leaves_through_the_log() {
    let end = End::default();
    let out = end.clone();
    let subscriber =
        logs::subscriber(redactor(), Some("trace"), false, move || out.clone()).expect("the filter is right");
    tracing::subscriber::with_default(subscriber, || {
        let _span = tracing::info_span!("call", url = URL).entered();
        tracing::error!(key = KEY, "refused: {URL}");
        tracing::trace!(debug = ?KEY, "asked with {}", percent(KEY, "", true));
    });
    let text = String::from_utf8(end.0.lock().expect("no writer panics").clone()).expect("the log is text");
    assert_eq!(text.lines().count(), 2, "{text}");
    assert!(text.contains("refused: ***") && text.contains("asked with ***"), "{text}");
    assert!(!text.contains("CANARY"), "{text}");
}

#[test]
fn the_filter_is_the_readers_choice_and_a_wrong_one_is_said() {
    let check = |filter: Option<&str>, expected: &[&str]| {
        let end = End::default();
        let out = end.clone();
        let subscriber = logs::subscriber(Redactor::default(), filter, false, move || out.clone());
        tracing::subscriber::with_default(subscriber.expect("the filter is right"), || {
            tracing::debug!("quiet");
            tracing::info!("usual");
            tracing::info!(target: "hyper", "foreign");
        });
        let text = String::from_utf8(end.0.lock().expect("no writer panics").clone()).expect("the log is text");
        let said: Vec<_> = text.lines().filter_map(|line| line.rsplit(' ').next()).collect();
        assert_eq!(said, expected, "{filter:?}");
    };
    check(None, &["usual"]);
    check(Some(" "), &["usual"]);
    check(Some("debug"), &["quiet", "usual", "foreign"]);
    check(Some("off"), &[]);
    let fault = logs::subscriber(Redactor::default(), Some("walletwatch=loud"), false, io::sink).err();
    assert!(fault.expect("there is no such level").to_string().starts_with("WALLETWATCH_LOG cannot be read"));
}

proptest! {
    #[test]
    fn whatever_stands_around_a_secret_its_base64_does_not_get_through(before: Vec<u8>, after: Vec<u8>) {
        let secret = "0123456789-0123456789-CANARY";
        let redactor = Redactor::new(&[Secret::new(secret.to_owned())]);
        let whole = STANDARD.encode([before.as_slice(), secret.as_bytes(), after.as_slice()].concat());
        let clean = redactor.clean(&whole).into_owned();
        prop_assert!(clean.contains(MARK), "{whole} became {clean}");
    }
}
