//! Any bytes as a node's answer, through every reader of one.

#![no_main]

#[path = "../laws.rs"]
mod laws;

libfuzzer_sys::fuzz_target!(|body: &str| laws::node(body));
