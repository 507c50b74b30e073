//! Any bytes as an explorer's answer, in either envelope, through every reader of one.

#![no_main]

#[path = "../laws.rs"]
mod laws;

libfuzzer_sys::fuzz_target!(|body: &str| laws::explorer(body));
