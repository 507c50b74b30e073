//! A message of every type with all that it can hold, and one with as little as it can: what templates are tried on, and what says which keys a
//! type has.

use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// By the word before the point: data of messages, each at its fullest and at its barest.
static SAMPLES: LazyLock<BTreeMap<String, Vec<Map<String, Value>>>> =
    LazyLock::new(|| serde_json::from_str(include_str!("samples.json")).expect("a test reads it"));

fn family(kind: &str) -> &[Map<String, Value>] {
    let word = kind.split('.').next().unwrap_or(kind);
    SAMPLES.get(word).map_or(&[], Vec::as_slice)
}

/// The keys that messages of this type can have.
pub(super) fn keys(kind: &str) -> impl Iterator<Item = &'static String> + use<> {
    let word = kind.split('.').next().unwrap_or(kind);
    SAMPLES.get(word).into_iter().flatten().flat_map(Map::keys)
}

/// Bodies of this type.
pub(super) fn of(kind: &'static str) -> impl Iterator<Item = (&'static str, Vec<u8>)> {
    family(kind).iter().map(move |data| {
        let mut data = data.clone();
        if let (Some(stage), Some((_, word))) = (data.get_mut("stage"), kind.split_once('.')) {
            *stage = json!(word);
        }
        let body = json!({"type": kind, "version": 1, "timestamp": "2026-11-22T00:44:09.123Z", "data": data});
        (kind, body.to_string().into_bytes())
    })
}

#[cfg(test)]
mod cases {
    use super::*;
    use crate::reactor::effect::MessageKind;
    use crate::sinks::body;

    #[test]
    fn every_type_has_samples_that_hold_what_its_body_can_hold_and_nothing_else() {
        for kind in MessageKind::ALL.map(MessageKind::word) {
            let bodies: Vec<_> = of(kind).collect();
            assert!(!bodies.is_empty(), "{kind} has no sample");
            for (_, bytes) in bodies {
                let (_, data) = body::read(&bytes).unwrap_or_else(|fault| panic!("{kind}: {fault}"));
                let written: Value = serde_json::from_slice(&bytes).expect("it is JSON");
                assert_eq!(serde_json::to_value(&data).expect("it is data"), written["data"], "{kind}");
            }
        }
        for message in body::tests::every_kind() {
            let written: Value = serde_json::from_slice(&body::render(&message)).expect("a body is JSON");
            let known: Vec<_> = keys(message.kind.word()).collect();
            for key in written["data"].as_object().expect("it has data").keys() {
                assert!(known.contains(&key), "the samples of {} lack {key}", message.kind.word());
            }
        }
    }
}
