//! What a text needs before it stands in a chat or a mail: nothing in it is markup, and nothing in it becomes a link by itself.
//!
//! Chats and mail clients make links of what looks like one. A stranger who names a token `claim.example` or `@support` would have a
//! link in the operator's own alert; a word joiner, which is not seen, takes that away. Amounts and addresses stay as they are.

/// Joins without being seen, and ends what clients take for a host, a name or a command.
const WORD_JOINER: char = '\u{2060}';
/// What separates the labels of a host name (IDNA).
const DOTS: [char; 4] = ['.', '\u{3002}', '\u{ff0e}', '\u{ff61}'];

/// The text with nothing in it that a client makes a link of.
#[must_use]
pub fn unlinked(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    let mut before: Option<char> = None;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        safe.push(c);
        let next = chars.peek().copied();
        let word_next = next.is_some_and(|next| next.is_alphanumeric() || next == '_');
        let digits = |around: Option<char>| around.is_some_and(|around| around.is_ascii_digit());
        let splits = match c {
            '@' | '#' | '$' => word_next,
            '/' => word_next && !before.is_some_and(char::is_alphanumeric),
            ':' => next == Some('/'),
            dot if DOTS.contains(&dot) => word_next && before.is_some() && !(digits(before) && digits(next)),
            _ => false,
        };
        if splits {
            safe.push(WORD_JOINER);
        }
        before = Some(c);
    }
    safe
}

/// The text where nobody knows what will show it: with nothing in it that a client makes a link of, or that opens a mention or a tag.
#[must_use]
pub fn neutral(text: &str) -> String {
    unlinked(text).replace('<', "‹").replace('>', "›")
}

/// The text as it stands in HTML, between tags and inside quotes alike.
#[must_use]
pub fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            _ => escaped.push(c),
        }
    }
    escaped
}

/// Whether a word is an address or a hash, whole.
#[must_use]
pub fn is_hex(word: &str) -> bool {
    word.strip_prefix("0x")
        .is_some_and(|digits| matches!(digits.len(), 40 | 64) && digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// Length in UTF-16 units, as chats count.
#[must_use]
pub fn units(text: &str) -> usize {
    text.chars().map(char::len_utf16).sum()
}

/// The text, cut to so many UTF-16 units; a cut one ends in `…`.
#[must_use]
pub fn cut(text: &str, most: usize) -> String {
    if units(text) <= most {
        return text.to_owned();
    }
    let mut kept = String::new();
    let mut length = 1;
    for c in text.chars() {
        length += c.len_utf16();
        if length > most {
            break;
        }
        kept.push(c);
    }
    kept.push('…');
    kept
}

/// A text that was cut.
#[must_use]
pub fn with_ellipsis(mut kept: String) -> String {
    kept.push('…');
    kept
}

/// As many lines as there is room for, each with its line break. The last one, which says whose rule it was or that it may be a repeat,
/// stays. Lengths are UTF-16 units.
#[must_use]
pub fn fitting(mut lines: Vec<String>, room: usize) -> Vec<String> {
    let length = |lines: &[String]| lines.iter().map(|line| units(line) + 1).sum::<usize>();
    if length(&lines) <= room {
        return lines;
    }
    let last = lines.pop();
    let rest = room.saturating_sub(last.iter().map(|line| units(line) + 1).sum::<usize>() + 2);
    while length(&lines) > rest {
        lines.pop();
    }
    lines.push("…".to_owned());
    lines.extend(last);
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_that_look_like_links_are_none_and_amounts_stay() {
        let check = |text: &str, expected: &str| assert_eq!(unlinked(text).replace(WORD_JOINER, "|"), expected);
        check("1234.567 USDC", "1234.567 USDC");
        check("2026-11-22T00:44:09.123Z", "2026-11-22T00:44:09.123Z");
        check("to 0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48", "to 0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48");
        check("claim.example", "claim.|example");
        check("https://t.me/x", "https:|//|t.|me/x");
        check("claim\u{3002}example", "claim\u{3002}|example");
        check("7.example 1.x", "7.|example 1.|x");
        check("@support #x $USD a@b.c", "@|support #|x $|USD a@|b.|c");
        check("/start 1/2 (/x)", "/|start 1/2 (/|x)");
        check("Done. And on…", "Done. And on…");
    }

    #[test]
    fn texts_are_cut_by_what_chats_count() {
        assert_eq!(cut("abc", 3), "abc");
        assert_eq!(cut("abcd", 3), "ab…");
        assert_eq!(cut("😀😀", 4), "😀😀");
        assert_eq!(cut("😀😀😀", 4), "😀…");
        assert!(is_hex(&format!("0x{}", "aB".repeat(20))) && !is_hex("0x12") && !is_hex(&"a".repeat(42)));
    }

    proptest! {
        #[test]
        fn nothing_is_markup_and_no_host_or_name_is_left(text: String, most in 1_usize..200) {
            let safe = unlinked(&text);
            prop_assert_eq!(safe.replace(WORD_JOINER, ""), text.replace(WORD_JOINER, ""));
            prop_assert!(!safe.contains("://"));
            let pairs: Vec<char> = safe.chars().collect();
            prop_assert!(!pairs.windows(2).any(|pair| pair[0] == '@' && pair[1].is_alphanumeric()));
            let escaped = escaped(&safe);
            prop_assert!(!escaped.contains(['<', '>', '"']));
            let cut = cut(&safe, most);
            prop_assert!(units(&cut) <= most);
        }
    }
}
