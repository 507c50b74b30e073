//! Whatever strangers call their tokens, no sink gives its receiver anything of theirs that does something.

#[path = "../fuzz/inert_laws.rs"]
mod laws;

use crate::rig::HOSTILE;
use laws::inert;
use proptest::prelude::*;

/// What makes something of a text in one receiver or another.
const TEETH: [&str; 44] = [
    "<",
    ">",
    "&",
    "\"",
    "'",
    "`",
    "```",
    "*",
    "**",
    "_",
    "__",
    "~~",
    "||",
    "|",
    "\\",
    "[x](https://evil.example)",
    "<https://evil.example|x>",
    "<!channel>",
    "<@U012>",
    "<#C012>",
    "@everyone",
    "@here",
    "@",
    "#",
    "$",
    "://",
    "/",
    ".",
    "evil.example",
    "tg://user?id=1",
    "&lt;",
    "&amp;lt;",
    "&#64;",
    "</b>",
    "<a href=\"",
    "\r\nBcc: x@evil.example",
    "=?utf-8?q?x?=",
    "{{ 7 * 7 }}",
    "{% raw %}",
    "\u{202e}",
    "\u{2066}",
    "\u{200b}",
    "\u{3002}",
    "\u{1b}[31m",
];

#[test]
fn names_that_were_made_to_do_harm_do_none() {
    for name in HOSTILE.into_iter().chain(TEETH) {
        inert(name, 0);
        inert(&name.repeat(64), u128::MAX);
        inert(&format!("USDC{name}USDC"), 1_234_567);
    }
}

proptest! {
    // Each is some forty messages; the fuzz target of the same law makes the many.
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_bytes_as_a_name_are_inert_at_every_sink(bytes in prop::collection::vec(any::<u8>(), 0..120), amount: u128) {
        inert(&String::from_utf8_lossy(&bytes), amount);
    }

    #[test]
    fn any_text_of_teeth_and_letters_is_inert_at_every_sink(
        parts in prop::collection::vec(prop_oneof![prop::sample::select(TEETH.to_vec()).prop_map(str::to_owned), "\\PC{1,3}", "[a-z0-9]{1,4}"], 0..40),
        amount: u128,
    ) {
        inert(&parts.concat(), amount);
    }
}
