//! Takes every loaded secret out of text, in all the shapes in which it may turn up.
//!
//! A net under the rule that nothing which holds a secret is ever logged; it does not replace that rule. It never shows what it
//! looks for.

use crate::types::Secret;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use std::borrow::Cow;
use std::fmt::{self, Write as _};
use std::sync::{Arc, PoisonError, RwLock};
use zeroize::Zeroizing;

/// What stands where a secret was.
pub const MARK: &str = "***";
/// Shorter text is no secret, and taking it out would make every line unreadable. Tokens have 16 bytes at least.
const SHORTEST: usize = 6;
/// A path segment or query value of a secret url that is this long may be a key; shorter ones are words like `v2` or `mainnet`.
const SHORTEST_PART: usize = 12;

/// Knows every secret that was loaded. Clones share what they know.
#[derive(Clone, Default)]
pub struct Redactor(Arc<RwLock<Vec<Zeroizing<String>>>>);

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shapes = self.0.read().unwrap_or_else(PoisonError::into_inner).len();
        write!(f, "Redactor({shapes} shapes)")
    }
}

impl Redactor {
    /// For these secrets. Of one that is a url also its path, query values, user and password are taken out.
    #[must_use]
    pub fn new<'a>(secrets: impl IntoIterator<Item = &'a Secret>) -> Self {
        let redactor = Self::default();
        redactor.learn(secrets);
        redactor
    }

    /// For these too, as a reload brings them. None is forgotten: what used them may still run.
    pub fn learn<'a>(&self, secrets: impl IntoIterator<Item = &'a Secret>) {
        let mut learnt = Vec::new();
        for secret in secrets {
            add_shapes(&mut learnt, secret.expose());
            for part in url_parts(secret.expose()) {
                add_shapes(&mut learnt, &part);
            }
        }
        let mut shapes = self.0.write().unwrap_or_else(PoisonError::into_inner);
        shapes.append(&mut learnt);
        // The longest first: a shape that is inside another must not leave the other's rest behind.
        shapes.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        shapes.dedup();
    }

    /// The text without secrets.
    #[must_use]
    pub fn clean<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let mut clean = Cow::Borrowed(text);
        for shape in self.0.read().unwrap_or_else(PoisonError::into_inner).iter() {
            if clean.contains(shape.as_str()) {
                clean = Cow::Owned(clean.replace(shape.as_str(), MARK));
            }
        }
        clean
    }
}

/// Adds every shape of a text that is long enough.
fn add_shapes(shapes: &mut Vec<Zeroizing<String>>, text: &str) {
    if text.len() < SHORTEST {
        return;
    }
    let quoted = format!("{text:?}");
    let mut add = |shape: String| shapes.push(Zeroizing::new(shape));
    add(text.to_owned());
    add(quoted[1..quoted.len() - 1].to_owned());
    // As JSON, where `/` may be escaped too.
    add(text.replace('\\', "\\\\").replace('"', "\\\"").replace('/', "\\/"));
    for keep in ["", "-._~", "-._~:/@!$&'()*+,;="] {
        for upper in [true, false] {
            add(percent(text, keep, upper));
        }
    }
    add(percent(text, "-._*", true).replace("%20", "+"));
    for upper in [true, false] {
        add(hexadecimal(text, upper));
    }
    // Base64 of a text that holds the secret somewhere: one shape for each place within three bytes.
    for before in 0..3 {
        let mut bytes = Zeroizing::new(vec![0_u8; before]);
        bytes.extend_from_slice(text.as_bytes());
        for engine in [&STANDARD_NO_PAD, &URL_SAFE_NO_PAD] {
            let whole = engine.encode(&*bytes);
            // The first characters also hold bits of what stands before, the last one of what comes after.
            let first = [0, 2, 3][before];
            let last = if bytes.len() % 3 == 0 { whole.len() } else { whole.len() - 1 };
            if last > first && last - first >= SHORTEST {
                add(whole[first..last].to_owned());
            }
        }
    }
}

fn percent(text: &str, keep: &str, upper: bool) -> String {
    let mut coded = String::with_capacity(text.len() * 3);
    for byte in text.bytes() {
        let plain = byte.is_ascii_alphanumeric() || keep.as_bytes().contains(&byte);
        // Writing to a string cannot fail.
        let _ = match (plain, upper) {
            (true, _) => write!(coded, "{}", char::from(byte)),
            (false, true) => write!(coded, "%{byte:02X}"),
            (false, false) => write!(coded, "%{byte:02x}"),
        };
    }
    coded
}

fn hexadecimal(text: &str, upper: bool) -> String {
    let digits = text.bytes().fold(String::new(), |mut digits, byte| {
        let _ = write!(digits, "{byte:02x}");
        digits
    });
    if upper { digits.to_uppercase() } else { digits }
}

/// The parts of a url that can be keys: a library may print them without the rest, or the url written another way.
fn url_parts(text: &str) -> Vec<Zeroizing<String>> {
    let Ok(url) = url::Url::parse(text) else {
        return Vec::new();
    };
    let mut parts = Vec::new();
    let mut add = |part: &str| parts.push(Zeroizing::new(part.to_owned()));
    let target = match url.query() {
        Some(query) => Zeroizing::new(format!("{}?{query}", url.path())),
        None => Zeroizing::new(url.path().to_owned()),
    };
    if target.len() > SHORTEST_PART {
        add(&target);
        add(url.path());
    }
    let segments = url.path_segments().into_iter().flatten().filter(|segment| segment.len() >= SHORTEST_PART);
    segments.for_each(&mut add);
    for (_, value) in url.query_pairs().filter(|(_, value)| value.len() >= SHORTEST) {
        add(&value);
    }
    if url.username().len() >= SHORTEST_PART {
        add(url.username());
    }
    add(url.password().unwrap_or_default());
    if url.has_host() && (target.len() > 1 || !url.username().is_empty() || url.password().is_some()) {
        add(url.as_str());
    }
    parts.retain(|part| part.len() >= SHORTEST && part.as_str() != "/");
    parts
}

#[cfg(test)]
#[path = "tests_redact.rs"]
mod tests;
