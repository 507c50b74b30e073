//! Where a socket connects to: a ws or wss url that was parsed once and cannot be printed, since urls carry keys.
//!
//! Also removes the url's parts from what others say, since servers like to quote the key that they refuse.

use crate::net::USER_AGENT;
use crate::types::Secret;
use base64::Engine;
use std::fmt;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::handshake::client::Request;
use tokio_tungstenite::tungstenite::http::{HeaderValue, header};
use url::{Host, Url};

/// Longest detail that is shown.
const DETAIL_CHARS: usize = 200;
/// Parts of a url that are shorter are words ("ws", "v3"), not keys.
const SHORTEST_SECRET: usize = 8;

/// A parsed ws or wss url.
#[derive(Clone, PartialEq, Eq)]
pub struct Endpoint {
    url: Url,
}

/// The url cannot be a socket's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the url cannot be used for a socket: it needs wss:// (or ws://) and a host")]
pub struct BadEndpoint;

impl Endpoint {
    /// Parses a url.
    ///
    /// # Errors
    /// When it is none, has no host or is neither ws nor wss.
    pub fn parse(url: &Secret) -> Result<Self, BadEndpoint> {
        let mut url = Url::parse(url.expose()).map_err(|_| BadEndpoint)?;
        url.set_fragment(None);
        let endpoint = Self { url };
        match endpoint.url.scheme() {
            "wss" | "ws" if endpoint.url.has_host() => endpoint.request().map(|_| endpoint),
            _ => Err(BadEndpoint),
        }
    }

    /// Host as it is to be resolved (IPv6 without brackets) and port.
    pub(super) fn host_and_port(&self) -> (String, u16) {
        let host = match self.url.host() {
            Some(Host::Domain(name)) => name.to_owned(),
            Some(Host::Ipv4(address)) => address.to_string(),
            Some(Host::Ipv6(address)) => address.to_string(),
            None => String::new(),
        };
        (host, self.url.port_or_known_default().unwrap_or(443))
    }

    /// The upgrade request, new for each attempt. User and password of the url become a header.
    pub(super) fn request(&self) -> Result<Request, BadEndpoint> {
        let mut bare = self.url.clone();
        bare.set_username("").and_then(|()| bare.set_password(None)).map_err(|()| BadEndpoint)?;
        let mut request = bare.as_str().into_client_request().map_err(|_| BadEndpoint)?;
        request.headers_mut().insert(header::USER_AGENT, HeaderValue::from_static(USER_AGENT));
        if !self.url.username().is_empty() || self.url.password().is_some() {
            let mut pair = percent_decoded(self.url.username());
            pair.push(b':');
            pair.extend(percent_decoded(self.url.password().unwrap_or_default()));
            let basic = Secret::new(format!("Basic {}", base64::prelude::BASE64_STANDARD.encode(pair)));
            let mut value = HeaderValue::from_str(basic.expose()).map_err(|_| BadEndpoint)?;
            value.set_sensitive(true);
            request.headers_mut().insert(header::AUTHORIZATION, value);
        }
        Ok(request)
    }

    /// Another's words, fit to be shown: the url's parts replaced, control characters removed, cut to 200 characters.
    pub(super) fn cleaned(&self, text: &str) -> String {
        let mut clean = text.to_owned();
        let query_values = self.url.query_pairs().map(|(_, value)| value.into_owned());
        let path_parts = self.url.path_segments().into_iter().flatten().map(str::to_owned);
        let user = [self.url.username(), self.url.password().unwrap_or_default()].map(str::to_owned);
        for part in path_parts.chain(query_values).chain(user) {
            if part.len() >= SHORTEST_SECRET {
                clean = clean.replace(&part, "***");
            }
        }
        clean.chars().filter(|one| !one.is_control()).take(DETAIL_CHARS).collect()
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

fn percent_decoded(text: &str) -> Vec<u8> {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let hex = (byte == b'%').then(|| text.get(at + 1..at + 3)).flatten();
        let value = hex.and_then(|hex| u8::from_str_radix(hex, 16).ok());
        decoded.push(value.unwrap_or(byte));
        at += if value.is_some() { 3 } else { 1 };
    }
    decoded
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(url: &str) -> Result<Endpoint, BadEndpoint> {
        Endpoint::parse(&Secret::new(url.to_owned()))
    }

    #[test]
    fn only_ws_urls_with_a_host_are_taken() {
        for url in ["wss://example.com/v3/key", "ws://127.0.0.1:8545", "ws://[::1]:8546/x?y=z", "wss://u:p@h.example"] {
            assert!(endpoint(url).is_ok(), "{url}");
        }
        for url in ["", "example.com", "https://example.com", "wss://", "unix:/run/geth.ipc", "ws://a b/"] {
            assert_eq!(endpoint(url), Err(BadEndpoint), "{url}");
        }
        assert_eq!(endpoint("ws://[::1]:8546").map(|it| it.host_and_port()), Ok(("::1".to_owned(), 8546)));
        assert_eq!(endpoint("wss://a.example").map(|it| it.host_and_port()), Ok(("a.example".to_owned(), 443)));
    }

    #[test]
    fn user_and_password_become_a_header_and_leave_the_url() {
        let request = endpoint("wss://user:p%40ss@h.example/x").and_then(|it| it.request()).expect("it is a ws url");
        assert_eq!(request.uri().to_string(), "wss://h.example/x");
        assert_eq!(request.headers()[header::AUTHORIZATION], "Basic dXNlcjpwQHNz");
        assert!(!format!("{request:?}").contains("dXNlc"));
    }

    #[test]
    fn what_others_say_is_freed_of_the_key_and_bounded() {
        let it = endpoint("wss://h.example/v3/0123456789abcdef?token=SECRETSECRET").expect("it is a ws url");
        assert_eq!(it.cleaned("bad key 0123456789abcdef\n(SECRETSECRET) v3\u{7}"), "bad key ***(***) v3");
        assert_eq!(it.cleaned(&"x".repeat(5_000)).len(), DETAIL_CHARS);
        assert_eq!(format!("{it:?}"), "***");
    }
}
