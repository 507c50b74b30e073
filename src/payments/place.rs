//! Where Circle is, and with which key: the one place that lets an api key and a host meet.
//!
//! A live key goes to Circle's own host, which is compiled in, and nowhere else. Any other host is this machine, for the simulated Circle
//! and for tests, and only ever gets a test key.

use crate::net::Target;
use crate::types::Secret;
use crate::wire::circle::{KeyFault, KeyKind};
use std::fmt;
use url::{Host, Url};

/// Circle's host for Wallets, of test and live keys alike.
pub const CIRCLE: &str = "https://api.circle.com";

/// Why a key and a host cannot be used together. It holds neither.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PlaceFault {
    /// The key.
    #[error("the api key cannot be used: {0}")]
    Key(#[from] KeyFault),
    /// Neither Circle nor this machine.
    #[error("Circle's url may only be left out, or be http on this machine (127.0.0.1, [::1])")]
    Host,
    /// A live key elsewhere.
    #[error("a live key goes to Circle's own host only: leave the url out")]
    LiveKey,
}

/// Circle, with the key that it is asked with.
#[derive(Clone)]
pub struct CirclePlace {
    base: Target,
    key: Secret,
    kind: KeyKind,
}

impl CirclePlace {
    /// Of a key, and of a url where one is written.
    ///
    /// # Errors
    /// [`PlaceFault`].
    pub fn new(url: Option<&Secret>, key: Secret) -> Result<Self, PlaceFault> {
        let kind = KeyKind::of(key.expose())?;
        let Some(url) = url else {
            let base = Target::parse(&Secret::new(CIRCLE.to_owned())).map_err(|_| PlaceFault::Host)?;
            return Ok(Self { base, key, kind });
        };
        if !is_here(url.expose()) {
            return Err(PlaceFault::Host);
        }
        if kind == KeyKind::Live {
            return Err(PlaceFault::LiveKey);
        }
        Ok(Self { base: Target::parse(url).map_err(|_| PlaceFault::Host)?, key, kind })
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

/// Plain http to an address of this machine. A name is none, not even `localhost`: what it leads to is somebody's file.
fn is_here(text: &str) -> bool {
    let Ok(url) = Url::parse(text) else { return false };
    let here = match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(_)) | None => false,
    };
    let bare =
        url.username().is_empty() && url.password().is_none() && url.query().is_none() && url.fragment().is_none();
    here && bare && url.scheme() == "http"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_live_key_goes_to_circle_and_every_other_place_is_here() {
        let check = |url: Option<&str>, key: &str, expected: Result<KeyKind, PlaceFault>| {
            let url = url.map(|url| Secret::new(url.to_owned()));
            let place = CirclePlace::new(url.as_ref(), Secret::new(key.to_owned()));
            assert_eq!(place.map(|place| place.kind()), expected, "{url:?}");
        };
        let (test, live) = ("TEST_API_KEY:a:b", "LIVE_API_KEY:a:b");
        check(None, test, Ok(KeyKind::Test));
        check(None, live, Ok(KeyKind::Live));
        check(None, "a:b:c", Err(PlaceFault::Key(KeyFault::Form)));
        for url in ["http://127.0.0.1:8080", "http://127.1.2.3/", "http://[::1]:80/base"] {
            check(Some(url), test, Ok(KeyKind::Test));
            check(Some(url), live, Err(PlaceFault::LiveKey));
        }
        let elsewhere = [
            "https://api.circle.com",
            "http://api.circle.com",
            "https://api.circle.com.example.org",
            "http://localhost:80",
            "http://10.0.0.1",
            "http://0.0.0.0",
            "http://[::ffff:127.0.0.1]",
            "https://127.0.0.1",
            "http://user:pass@127.0.0.1",
            "http://127.0.0.1/?a=b",
            "http://127.0.0.1@evil.example/",
            "ftp://127.0.0.1",
            "",
        ];
        for url in elsewhere {
            check(Some(url), test, Err(PlaceFault::Host));
            check(Some(url), live, Err(PlaceFault::Host));
        }
    }

    #[test]
    fn neither_key_nor_host_can_be_printed() {
        let url = Secret::new("http://127.0.0.1:1/s3cr3t-path".to_owned());
        let place = CirclePlace::new(Some(&url), Secret::new("TEST_API_KEY:id:s3cr3t".to_owned())).expect("it is here");
        assert!(!format!("{place:?}").contains("s3cr3t"));
    }
}
