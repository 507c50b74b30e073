//! Secrets that cannot be printed.

use std::fmt;
use zeroize::Zeroizing;

/// A key, a token or a url that carries one. `Debug` shows `***`; there is no `Display`; memory is wiped on drop.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes the text over.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// One that was not fetched, because who reads the config has no use for it. What is fetched is never empty.
    #[must_use]
    pub fn unread() -> Self {
        Self::new(String::new())
    }

    /// Whether it was not fetched: nothing can be said of what it is.
    #[must_use]
    pub fn is_unread(&self) -> bool {
        self.0.is_empty()
    }

    /// The text itself, for the one place that sends it. Never log what this returns.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}
