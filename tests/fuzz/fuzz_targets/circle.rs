//! Any bytes as an answer of Circle's and as a hook, through every reader of one.

#![no_main]

#[path = "../circle_laws.rs"]
mod laws;

libfuzzer_sys::fuzz_target!(|body: &str| {
    laws::answer(body);
    laws::hook(body);
});
