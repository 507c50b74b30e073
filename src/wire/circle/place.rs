//! Where Circle is: its compiled-in host, or this machine. Which of them a key may meet is decided here, for config and client alike.

use super::key::{KeyFault, KeyKind};
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
    #[error("Circle's url may only be left out, or be http to an address of this machine (127.0.0.1, [::1])")]
    Host,
    /// A live key elsewhere.
    #[error("a live key goes to Circle's own host only: leave the url out")]
    LiveKey,
}

/// Which networks a key can pay on, if it may be used at this url; none is Circle's own host.
///
/// # Errors
/// [`PlaceFault`].
pub fn check_place(url: Option<&str>, key: &str) -> Result<KeyKind, PlaceFault> {
    let kind = KeyKind::of(key)?;
    match (url, kind) {
        (None, kind) => Ok(kind),
        (Some(url), _) if !is_here(url) => Err(PlaceFault::Host),
        (Some(_), KeyKind::Live) => Err(PlaceFault::LiveKey),
        (Some(_), KeyKind::Test) => Ok(KeyKind::Test),
    }
}

/// Whether a url is that of a service of Circle's that is gone, or of something that speaks as it did: what older tutorials show.
#[must_use]
pub fn is_gone(url: &str) -> bool {
    let Ok(url) = Url::parse(url) else { return false };
    if url.path().trim_end_matches('/').ends_with("/v1/transfers") {
        return true;
    }
    let ours = url.host_str().is_some_and(|host| host == "circle.com" || host.ends_with(".circle.com"));
    let path = url.path().trim_end_matches('/');
    ours && (url.host_str() == Some("api-sandbox.circle.com")
        || path.ends_with("/transfers")
        || path.ends_with("/wallets"))
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
            assert_eq!(check_place(url, key), expected, "{url:?}");
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
    fn what_tutorials_show_is_known_to_be_gone() {
        for url in [
            "https://api-sandbox.circle.com",
            "https://api.circle.com/v1/transfers",
            "https://api.circle.com/v1/transfers/",
            "http://127.0.0.1:8080/v1/transfers",
        ] {
            assert!(is_gone(url), "{url}");
        }
        for url in ["https://api.circle.com", "http://127.0.0.1", "https://notcircle.com/transfers", ""] {
            assert!(!is_gone(url), "{url}");
        }
    }
}
