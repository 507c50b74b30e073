//! Recorded bodies, mangled: cut, with bytes changed, with a row broken. Nothing panics, an error is never an empty list, and a row
//! that cannot be read costs no other. The laws are those of the fuzz targets; here they run on a stable compiler.

use super::{page_rows, recordings, unwrapped};
use serde_json::Value;
use std::fs;
use walletwatch::wire::etherscan::{self, Body, List, open};

#[path = "../fuzz/laws.rs"]
pub(crate) mod laws;

/// Mangled copies of each body.
const COPIES: usize = 30;

/// The next number of a fixed sequence (xorshift): the same copies in every run.
fn next(state: &mut u64) -> usize {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    usize::try_from(*state >> 8).expect("a machine of 64 bits")
}

pub(crate) fn mangle(body: &str, state: &mut u64) -> String {
    let mut bytes = body.as_bytes().to_vec();
    let at = next(state) % bytes.len();
    match next(state) % 5 {
        0 => bytes.truncate(at),
        1 => bytes[at] = b"\"{}[],:0x9-e \\n"[next(state) % 15],
        2 => {
            bytes.remove(at);
        }
        3 => bytes.insert(at, b"\"{}[],:0x9-e \\n"[next(state) % 15]),
        _ => {
            let end = (at + next(state) % 40).min(bytes.len());
            bytes.drain(at..end);
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[test]
fn a_mangled_recording_is_read_or_refused_and_no_error_becomes_an_empty_list() {
    let Some(folder) = recordings("etherscan") else { return };
    let (mut state, mut bodies) = (0x9e37_79b9_7f4a_7c15, 0);
    for entry in fs::read_dir(&folder).expect("the folder is there") {
        let name = entry.expect("it can be listed").file_name().into_string().expect("plain names");
        if name.strip_suffix(".json").is_none() {
            continue;
        }
        let text = fs::read_to_string(folder.join(&name)).expect("it can be read");
        let body = if name == "errors.catalog.json" { text } else { unwrapped(&name, &text) };
        laws::explorer(&body);
        laws::node(&body);
        for _ in 0..COPIES {
            let copy = mangle(&body, &mut state);
            laws::explorer(&copy);
            laws::node(&copy);
        }
        bodies += 1;
    }
    assert!(bodies >= 80, "{bodies}");
}

#[test]
fn one_broken_row_of_a_recorded_page_costs_no_other() {
    let Some(folder) = recordings("etherscan") else { return };
    let broken =
        [Value::Null, Value::from(7), Value::from("row"), serde_json::json!([]), serde_json::json!({"to": "x"})];
    let mut checked = 0;
    for entry in fs::read_dir(&folder).expect("the folder is there") {
        let name = entry.expect("it can be listed").file_name().into_string().expect("plain names");
        let Some(list) = List::ALL.into_iter().find(|list| name.split('.').any(|part| part == list.action())) else {
            continue;
        };
        if name.strip_suffix(".json").is_none() {
            continue;
        }
        let body = unwrapped(&name, &fs::read_to_string(folder.join(&name)).expect("it can be read"));
        let Ok(Body::Result { result, .. }) = open(200, &body) else { continue };
        let whole = etherscan::rows(list, result, Some(walletwatch::types::B256::ZERO)).expect("it is a list");
        let values: Vec<Value> = serde_json::from_str(result.get()).expect("it is a list");
        if whole.rows.len() != values.len() {
            // With a genesis row, places shift.
            continue;
        }
        for at in 0..values.len() {
            let mut values = values.clone();
            values[at] = broken[at % broken.len()].clone();
            let page = page_rows(list, &Value::from(values));
            let mut expected = whole.rows.clone();
            expected.remove(at);
            assert_eq!((page.rows, page.length), (expected, whole.length), "{name}, row {at}");
            assert_eq!(page.aside.iter().map(|aside| aside.index).collect::<Vec<_>>(), [at], "{name}");
            checked += 1;
        }
    }
    assert!(checked > 100, "{checked}");
}
