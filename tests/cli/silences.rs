//! `walletwatch silence`, `why` and a dead message, over a store alone and through a running monitor.

use super::place::Place;
use walletwatch::reactor::effect::Suspect;
use walletwatch::reactor::rows::{AlertRow, AlertState, AlertSubject, Row, TransferRow, Voucher};
use walletwatch::reactor::settings::Direction;
use walletwatch::store::{
    AttemptEnd, AttemptRow, Commit, DeliveryWrite, IfMissing, NewMessage, OutboxState, SqliteStore, Store, Write,
};
use walletwatch::types::{
    Address, AlertId, Asset, B256, ChainId, Kind, MessageId, Severity, Stage, Timestamp, TransferKey, U256,
};

const HOT: &str = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8";

/// 1.5 coins that came to the watch.
fn transfer(hot: Address, at: Timestamp) -> TransferRow {
    let key = TransferKey {
        chain: ChainId(31_337),
        tx: B256::repeat_byte(7),
        kind: Kind::Coin,
        asset: Asset::Coin,
        from: Address::repeat_byte(1),
        to: hot,
        token_id: None,
        amount: U256::from(1_500_000_000_000_000_000_u64),
        nth: 0,
    };
    TransferRow {
        id: key.id(),
        key,
        block: 7,
        block_hash: Some(B256::repeat_byte(3)),
        block_time: at,
        log_index: None,
        stage: Stage::Seen,
        suspect: Suspect::default(),
        voucher: Voucher::Authority,
        late: false,
        history: false,
        missing: None,
        first_seen: at,
        quote: None,
        settled: false,
    }
}

/// A transfer to the watch, the alert that a rule made of it, and its message, which was refused twice.
fn happened(place: &Place) -> (AlertId, MessageId, B256) {
    let hot: Address = HOT.parse().expect("an address");
    let (id, message, at) = (AlertId([5; 16]), MessageId([9; 16]), Timestamp::from_secs(1_700_000_000));
    let transfer = transfer(hot, at);
    let (watch, address, direction) = ("hot".into(), hot, Direction::In);
    let alert = AlertRow {
        id,
        rule: "in".into(),
        severity: Severity::Info,
        subject: AlertSubject::Transfer { transfer: transfer.id, watch, address, direction },
        revision: 1,
        state: AlertState::Raised,
        said: vec![Stage::Seen],
        told: vec!["log".into()],
        untold: None,
        raised_at: at,
        changed_at: at,
        closed: false,
    };
    let body = br#"{"type":"transfer.seen","version":1,"timestamp":"2023-11-14T22:13:20.000Z","data":{}}"#;
    let told = NewMessage {
        id: message,
        sink: "log".into(),
        alert: id,
        revision: 1,
        kind: "transfer.seen".into(),
        retracts: false,
        severity: Severity::Info,
        created: at,
        block_time: None,
        body: body.as_slice().into(),
    };
    let mut store = SqliteStore::open(&place.store(), IfMissing::Create([7; 16])).expect("it is there");
    let writes = vec![Write::Put(Row::Transfer(Box::new(transfer))), Write::Put(Row::Alert(Box::new(alert)))];
    let seq = store.commit(&Commit { at, writes, outbox: vec![told] }).expect("it can be written")[0].seq;
    let attempt = |seconds, ended, reason: &str| {
        let row = AttemptRow { at: Timestamp::from_secs(seconds), ended, reason: Some(reason.into()) };
        DeliveryWrite::Attempt { seq, row }
    };
    let reason = Some("HTTP 404".into());
    let closed_at = Some(Timestamp::from_secs(1_700_000_005));
    store
        .deliver(&[
            attempt(1_700_000_000, AttemptEnd::Again, "HTTP 503"),
            attempt(1_700_000_005, AttemptEnd::Dead, "HTTP 404"),
            DeliveryWrite::Outcome {
                seq,
                state: OutboxState::Dead,
                attempts: 2,
                due: at,
                reason,
                receiver_id: None,
                closed_at,
            },
        ])
        .expect("it can be written");
    (id, message, B256::repeat_byte(7))
}

/// An alert that a silence kept until nothing could change it, and the digest that named it then.
fn named_later(place: &Place) -> (AlertId, MessageId) {
    let (id, digest, at) = (AlertId([6; 16]), MessageId([8; 16]), Timestamp::from_secs(1_700_000_100));
    let alert = AlertRow {
        id,
        rule: "low".into(),
        severity: Severity::Info,
        subject: AlertSubject::Crossing(1),
        revision: 2,
        state: AlertState::Resolved,
        said: vec![],
        told: vec![],
        untold: Some("silence 1 by admin".into()),
        raised_at: at,
        changed_at: at,
        closed: true,
    };
    let body = format!(
        r#"{{"type":"digest","version":1,"timestamp":"{at}","data":{{"alert_id":"{}","revision":1,"severity":"info","reason":"silence 1 is over","entries":["low; price.crossed; alert {id}"],"more":0}}}}"#,
        AlertId([7; 16])
    );
    let told = NewMessage {
        id: digest,
        sink: "log".into(),
        alert: AlertId([7; 16]),
        revision: 1,
        kind: "digest".into(),
        retracts: false,
        severity: Severity::Info,
        created: at,
        block_time: None,
        body: body.into(),
    };
    let mut store = SqliteStore::open(&place.store(), IfMissing::Create([7; 16])).expect("it is there");
    store
        .commit(&Commit { at, writes: vec![Write::Put(Row::Alert(Box::new(alert)))], outbox: vec![told] })
        .expect("it can be written");
    (id, digest)
}

#[test]
fn what_a_digest_named_is_told_in_it_and_by_nobody_s_silence_any_more() {
    let place = Place::new().with_store();
    let (alert, digest) = named_later(&place);
    let told = place.ask(&["why", &alert.to_string()]);
    told.answers(&[&format!("told in digest {digest} at 2023-11-14T22:15:00.000Z to log: pending")]);
    assert!(!told.answer.contains("nobody"), "{told:?}");
}

#[test]
fn what_is_behind_an_alert_and_a_dead_message_is_told_with_and_without_a_monitor() {
    let place = Place::new().with_store();
    let (alert, message, tx) = happened(&place);
    let (alert, message, tx) = (alert.to_string(), message.to_string(), tx.to_string());
    place.ask(&["why"]).fails(2, &["<ALERT>"]);
    place.ask(&["why", "nonsense"]).fails(2, &["32 hexadecimal digits"]);
    place.ask(&["why", &"0".repeat(32)]).fails(2, &["no such alert"]);
    place.ask(&["why", "--transfer", "0x12"]).fails(2, &["64 hexadecimal digits"]);
    let attempts = ["2023-11-14T22:13:20.000Z again: HTTP 503", "2023-11-14T22:13:25.000Z dead: HTTP 404"];
    let alone = place.ask(&["why", &alert]);
    alone.answers(&[&alert, "of in: raised, info", "transfer.seen to log: dead after 2 attempts: HTTP 404"]);
    alone.answers(&attempts);
    alone.answers(&["\"amount\":\"1.5\"", "only a running monitor can say"]);
    place.ask(&["outbox", "list", "--state", "dead"]).answers(&[&message, "HTTP 404"]);

    let running = place.run();
    let told = place.ask(&["why", &alert]);
    told.answers(&attempts);
    told.answers(&["rule in on hot", "direction: in (wanted: in)", "asset: ETH (wanted: ETH)"]);
    // The rule is younger than the transfer, and its alert was addressed to somebody all the same.
    place
        .ask(&["why", "--transfer", &tx])
        .answers(&["rule in on hot: speaks", &format!("alert {alert} of in: raised, told to log")]);
    place.ask(&["outbox", "replay", "--dead-of", "log"]).answers(&[&message, "sent again"]);
    place.ask(&["outbox", "replay", "--dead-of", "lgo"]).fails(2, &["did you mean \"log\"?"]);
    place.ask_until(&["outbox", "list"], [&message, "done"]);
    // What became of it before stands beside what became of it now.
    place.ask(&["why", &alert]).answers(&[attempts[1], "transfer.seen to log: done after 1 attempts", " done"]);
    assert_eq!(running.stop(), 0);
}

#[test]
fn silences_are_set_listed_and_ended_with_and_without_a_monitor_and_no_id_comes_again() {
    let place = Place::new().with_store();
    let add = |labels: &[&str]| {
        let rest = ["--for", "2h", "--comment", "a drill"];
        place.ask(&[&["silence", "add"], labels, &rest].concat())
    };
    let refused = || {
        add(&[]).fails(2, &["that would silence everything"]);
        add(&["--rule", "inn"]).fails(2, &["there is no rule \"inn\"; did you mean \"in\"?"]);
        add(&["--watch", "hott"]).fails(2, &["did you mean \"hot\"?"]);
        add(&["--chain", "ethereum"]).fails(2, &["there is no chain \"ethereum\""]);
        add(&["--types", "moved"]).fails(2, &["no message has such a type"]);
        add(&["--rule", "in", "--up-to", "loud"]).fails(2, &["info, warning or critical"]);
        place.ask(&["silence", "end", "77"]).fails(2, &["no such silence"]);
    };
    refused();
    place.ask(&["silence", "list"]).answers(&["ID"]);
    add(&["--rule", "in"]).answers(&["silence 1 is set"]);
    place.ask(&["silence", "list"]).answers(&["rule=in", "a drill"]);
    place.ask(&["silence", "end", "1"]).answers(&["silence 1 is over"]);
    place.ask(&["silence", "end", "1"]).fails(2, &["no such silence"]);

    let running = place.run();
    refused();
    add(&["--watch", "hot", "--types", "transfer.*"]).answers(&["silence 2 is set"]);
    let listed = place.ask(&["silence", "list"]);
    listed.answers(&["watch=hot types=transfer.*", "admin"]);
    assert!(!listed.answer.contains("rule=in"), "what is over is not in force: {listed:?}");
    place.ask(&["silence", "end", "2"]).answers(&["silence 2 is over"]);
    let json: serde_json::Value = serde_json::from_str(&place.ask(&["silence", "list", "--json"]).answer).unwrap();
    assert_eq!(json["items"], serde_json::json!([]));
    assert_eq!(running.stop(), 0);
}
