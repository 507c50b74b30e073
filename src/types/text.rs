//! Text that strangers wrote: names and symbols of tokens, messages of servers.
//!
//! Bounded and without characters that reorder, hide or break a line. Escaping for a sink is the sink's own.

use std::fmt;
use std::sync::Arc;

/// The most characters that are kept; longer ones end in `…`.
pub const MAX_CHARS: usize = 64;
/// The most bytes that are kept, the `…` not counted.
pub const MAX_BYTES: usize = 256;

/// Text from a chain, an explorer or a server: at most 64 characters and 256 bytes, no control, format,
/// direction-changing or invisible characters, runs of white space as one blank. It proves nothing about what it names.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Untrusted(Arc<str>);

impl Untrusted {
    /// Cleans and cuts `text`.
    #[must_use]
    pub fn new(text: &str) -> Self {
        let mut kept = String::new();
        let mut chars = 0;
        let mut gap = false;
        for c in text.chars() {
            if c.is_whitespace() {
                gap = !kept.is_empty();
                continue;
            }
            if hides(c) {
                continue;
            }
            let blank = usize::from(gap);
            if chars + blank + 1 > MAX_CHARS || kept.len() + blank + c.len_utf8() > MAX_BYTES {
                kept.push('…');
                break;
            }
            if std::mem::take(&mut gap) {
                kept.push(' ');
            }
            kept.push(c);
            chars += blank + 1;
        }
        Self(kept.into())
    }

    /// What is left of the text; may be empty.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether nothing is left.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// The longest name, in characters: it stands in logs, metrics and chats.
pub const NAME_CHARS: usize = 64;

/// Whether a text may be somebody's name.
#[must_use]
pub fn is_name(text: &str) -> bool {
    !text.is_empty()
        && text.trim() == text
        && text.chars().count() <= NAME_CHARS
        && Untrusted::new(text).as_str() == text
        && !text.starts_with("tag:")
}

/// What is wrong with a reference or a label, if something is: they stand in messages as they are.
#[must_use]
pub fn wrong_note(text: &str) -> Option<&'static str> {
    if text.chars().count() > MAX_CHARS || text.len() > MAX_BYTES {
        Some("is longer than 64 characters")
    } else if Untrusted::new(text).as_str() != text {
        Some("holds characters that are not seen, or several blanks in a row")
    } else {
        None
    }
}

/// Characters that are not seen or that change how their neighbours are seen: control characters, Unicode's format
/// characters and bidi marks, variation selectors, fillers, combining marks stacked over letters, private use, tags.
#[must_use]
pub fn hides(c: char) -> bool {
    c.is_control()
        || matches!(u32::from(c),
            0x00AD | 0x0300..=0x036F | 0x0600..=0x0605 | 0x061C | 0x06DD | 0x070F | 0x115F | 0x1160
            | 0x17B4 | 0x17B5 | 0x180B..=0x180F | 0x1AB0..=0x1AFF | 0x1DC0..=0x1DFF
            | 0x200B..=0x200F | 0x2028..=0x202E | 0x2060..=0x206F | 0x20D0..=0x20FF | 0x2800 | 0x3164
            | 0xE000..=0xF8FF | 0xFE00..=0xFE0F | 0xFE20..=0xFE2F | 0xFEFF | 0xFFA0 | 0xFFF0..=0xFFFD
            | 0x1D173..=0x1D17A | 0xE0000..=0x10_FFFF)
}

impl fmt::Display for Untrusted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Untrusted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_hides_or_reorders_is_gone_and_the_rest_is_bounded() {
        let check = |text: &str, expected: &str| assert_eq!(Untrusted::new(text).as_str(), expected, "{text:?}");
        check("USDC", "USDC");
        check("  Tether\u{0000} \n\t USD ", "Tether USD");
        check("US\u{200B}D\u{202E}C\u{FEFF}", "USDC");
        check("\u{E0041}\u{2066}x\u{2069}", "x");
        check("Z\u{0300}\u{0301}\u{0302}algo", "Zalgo");
        check("𝐔𝐒𝐃𝐂 東京", "𝐔𝐒𝐃𝐂 東京");
        check(&"a".repeat(64), &"a".repeat(64));
        check(&"a".repeat(65), &format!("{}…", "a".repeat(64)));
        check("\u{200B}", "");
    }

    proptest! {
        #[test]
        fn any_text_is_bounded_and_cleaning_again_changes_nothing(text in any::<String>()) {
            let once = Untrusted::new(&text);
            prop_assert!(once.as_str().len() <= MAX_BYTES + '…'.len_utf8());
            prop_assert!(once.as_str().chars().count() <= MAX_CHARS + 1);
            prop_assert!(!once.as_str().chars().any(hides));
            if !once.as_str().ends_with('…') {
                prop_assert_eq!(Untrusted::new(once.as_str()), once);
            }
        }
    }
}
