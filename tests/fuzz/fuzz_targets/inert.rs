//! Any bytes as a token's name, through every sink, in our words and in a template's.

#![no_main]

#[path = "../inert_laws.rs"]
mod laws;

libfuzzer_sys::fuzz_target!(|said: (&[u8], u128)| laws::inert(&String::from_utf8_lossy(said.0), said.1));
