//! Circle with the key that it is asked with: the one value in which an api key and a host meet.

use crate::net::Target;
use crate::types::Secret;
use crate::wire::circle::{CIRCLE, KeyKind, PlaceFault, check_place};
use std::fmt;

/// Circle, and the key.
#[derive(Clone)]
pub struct CirclePlace {
    base: Target,
    key: Secret,
    kind: KeyKind,
}

impl CirclePlace {
    /// Of a key, and of a url where one is written. The config has checked both; nothing is sent on its word alone.
    ///
    /// # Errors
    /// [`PlaceFault`].
    pub fn new(url: Option<&Secret>, key: Secret) -> Result<Self, PlaceFault> {
        let kind = check_place(url.map(Secret::expose), key.expose())?;
        let own = Secret::new(CIRCLE.to_owned());
        let base = Target::parse(url.unwrap_or(&own)).map_err(|_| PlaceFault::Host)?;
        Ok(Self { base, key, kind })
    }

    /// Which networks the key can pay on.
    #[must_use]
    pub const fn kind(&self) -> KeyKind {
        self.kind
    }

    pub(super) const fn base(&self) -> &Target {
        &self.base
    }

    pub(super) const fn key(&self) -> &Secret {
        &self.key
    }
}

impl fmt::Debug for CirclePlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CirclePlace").field("kind", &self.kind).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neither_key_nor_host_can_be_printed_and_a_live_key_stays_at_circle() {
        let url = Secret::new("http://127.0.0.1:1/s3cr3t-path".to_owned());
        let key = |kind: &str| Secret::new(format!("{kind}_API_KEY:id:s3cr3t"));
        let place = CirclePlace::new(Some(&url), key("TEST")).expect("it is here");
        assert!(!format!("{place:?}").contains("s3cr3t"));
        assert_eq!(CirclePlace::new(Some(&url), key("LIVE")).err(), Some(PlaceFault::LiveKey));
        assert!(CirclePlace::new(None, key("LIVE")).is_ok());
    }
}
