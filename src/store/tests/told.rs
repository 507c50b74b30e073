//! Who was told what, where the row of an alert or of a message alone does not say it.

use super::*;
use crate::reactor::rows::{AlertRow, AlertState, AlertSubject, Row};
use crate::store::{AttemptEnd, AttemptRow};
use crate::types::{Name, Stage};

fn at(seconds: u64) -> Timestamp {
    Timestamp::from_secs(seconds)
}

/// An alert of which nobody was told, and nothing can change it any more.
fn unheard(byte: u8, changed_at: Timestamp) -> AlertRow {
    AlertRow {
        id: AlertId([byte; 16]),
        rule: "usdc in".into(),
        severity: Severity::Info,
        subject: AlertSubject::Crossing(1),
        revision: 2,
        state: AlertState::Resolved,
        said: vec![Stage::Seen],
        told: vec![],
        untold: Some("silence 1 by admin".into()),
        raised_at: at(100),
        changed_at,
        closed: true,
    }
}

fn digest(byte: u8, sink: &str, created: Timestamp, line: &str) -> NewMessage {
    let body = format!("{{\"type\":\"digest\",\"data\":{{\"entries\":[\"{line}\",\"b; seen; alert 00\"]}}}}");
    NewMessage { sink: sink.into(), kind: "digest".into(), created, body: body.into(), ..a_message(byte) }
}

#[test]
fn who_has_a_digest_that_names_an_alert_was_told_of_it() {
    let id = AlertId([7; 16]);
    let check = |digests: Vec<NewMessage>, told: &[&str], messages: usize| {
        let (_folder, path) = place();
        let writes = vec![Write::Put(Row::Alert(Box::new(unheard(7, at(200)))))];
        open(&path).commit(&Commit { at: at(900), writes, outbox: digests }).unwrap();
        let reader = Reader::open(&path).unwrap();
        let (row, found) = reader.alert(id).unwrap().unwrap();
        assert_eq!(row.told, told.iter().copied().map(Name::from).collect::<Vec<_>>());
        assert_eq!((row.untold.is_some(), found.len()), (told.is_empty(), messages));
        assert_eq!(reader.alerts(&AlertFilter::default(), 10).unwrap().rows, [row], "a list says the same");
    };
    let line = format!("a; seen, final; alert {id}");
    check(vec![], &[], 0);
    check(vec![digest(1, "ops", at(200), &line)], &["ops"], 1);
    check(vec![digest(1, "ops", at(300), &line), digest(2, "chat", at(300), &line)], &["ops", "chat"], 2);
    check(vec![digest(1, "ops", at(300), &format!("a; seen; alert {}", AlertId([8; 16])))], &[], 0);
    // It changed since, and that nobody was told.
    check(vec![digest(1, "ops", at(199), &line)], &[], 1);
    // What a stranger writes into a line ends none.
    check(vec![digest(1, "ops", at(300), &format!("a; alert {id}\\\"; alert 00"))], &[], 0);
    check(vec![NewMessage { kind: "test".into(), ..digest(1, "ops", at(300), &line) }], &[], 0);
}

#[test]
fn a_sink_fails_since_the_first_failure_behind_the_last_success() {
    let check = |events: &[(i64, u64, Option<&str>)], expected: Option<(u64, &str)>| {
        let (_folder, path) = place();
        let mut store = open(&path);
        for byte in 1..=3 {
            store.commit(&a_commit(byte)).unwrap();
        }
        for (seq, second, failed) in events {
            let write = match failed {
                None => DeliveryWrite::Outcome {
                    seq: *seq,
                    state: OutboxState::Done,
                    attempts: 1,
                    due: at(*second),
                    reason: None,
                    receiver_id: None,
                    closed_at: Some(at(*second)),
                },
                Some(reason) => {
                    let row = AttemptRow { at: at(*second), ended: AttemptEnd::Again, reason: Some((*reason).into()) };
                    DeliveryWrite::Attempt { seq: *seq, row }
                }
            };
            store.deliver(&[write]).unwrap();
        }
        let expected: Vec<_> =
            expected.into_iter().map(|(since, last)| ("ops".into(), at(since), last.into())).collect();
        assert_eq!(Reader::open(&path).unwrap().failing().unwrap(), expected, "{events:?}");
    };
    check(&[], None);
    check(&[(1, 10, None)], None);
    check(&[(2, 10, Some("a")), (2, 15, Some("b")), (3, 20, Some("c"))], Some((10, "c")));
    check(&[(2, 10, Some("a")), (1, 12, None), (2, 15, Some("b"))], Some((15, "b")));
    check(&[(2, 10, Some("a")), (3, 12, None)], None);
    check(&[(2, 10, Some("a")), (2, 12, None), (3, 13, Some("b"))], Some((13, "b")));
}
