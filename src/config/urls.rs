//! What can be told from a url without asking anybody: who runs the host, whether it is here, whether a key is in it.

use std::net::{IpAddr, Ipv6Addr};
use url::{Host, Url};

/// Second-level names under which two-letter countries register (`example.co.uk`).
const SECOND_LEVEL: [&str; 7] = ["co", "com", "net", "org", "ac", "gov", "edu"];

/// Slack's hooks end in 24 characters, Alchemy's and Infura's endpoints in 32.
const SHORTEST_KEY: usize = 20;

/// Who runs it: the registrable domain, or address and port. It never holds a path, a query or a user.
#[must_use]
pub(super) fn operator(url: &Url) -> String {
    match url.host() {
        Some(Host::Domain(domain)) if domain.contains('.') => {
            let labels: Vec<&str> = domain.trim_end_matches('.').split('.').collect();
            let second = labels.len().checked_sub(2).map_or("", |index| labels[index]);
            let country = labels.last().is_some_and(|last| last.len() == 2);
            let take = if country && SECOND_LEVEL.contains(&second) { 3 } else { 2 };
            labels[labels.len().saturating_sub(take)..].join(".")
        }
        host => {
            let host = host.map(|host| host.to_string()).unwrap_or_default();
            url.port_or_known_default().map_or(host.clone(), |port| format!("{host}:{port}"))
        }
    }
}

fn address(url: &Url) -> Option<IpAddr> {
    match url.host()? {
        Host::Ipv4(address) => Some(address.into()),
        Host::Ipv6(address) => Some(address.to_ipv4_mapped().map_or(address.into(), IpAddr::from)),
        Host::Domain(_) => None,
    }
}

/// Whether it is this machine.
#[must_use]
pub(super) fn is_loopback(url: &Url) -> bool {
    let named = matches!(url.host(), Some(Host::Domain(name)) if name == "localhost" || name.ends_with(".localhost"));
    named || address(url).is_some_and(|address| address.is_loopback())
}

/// Whether it is written as this machine or as a private or link-local address. What a name leads to is judged when it is sent to.
#[must_use]
pub(super) fn is_private(url: &Url) -> bool {
    let private = |address| match address {
        IpAddr::V4(v4) => {
            v4.is_private()
                || v4.is_link_local()
                || v4.is_unspecified()
                || v4.octets()[0] == 100 && v4.octets()[1] & 0xc0 == 64
        }
        IpAddr::V6(v6) => v6.is_unique_local() || v6.is_unicast_link_local() || v6 == Ipv6Addr::UNSPECIFIED,
    };
    is_loopback(url) || address(url).is_some_and(private)
}

/// Whether what is sent to it can be read on the way.
#[must_use]
pub(super) fn is_clear(url: &Url) -> bool {
    matches!(url.scheme(), "http" | "ws") && !is_loopback(url)
}

/// Whether something in it may be a key: a user, a query, or a path.
#[must_use]
pub(super) fn may_carry_key(url: &Url) -> bool {
    !url.username().is_empty() || url.password().is_some() || url.query().is_some() || url.path().len() > 1
}

/// What of it is a credential beyond doubt: a password, or a query that calls itself a key. In words for a fault.
#[must_use]
pub(super) fn credential(url: &Url) -> Option<String> {
    // A mail server's url holds nobody at all: that is checked where it is read, which knows the right keys.
    if matches!(url.scheme(), "smtp" | "smtps") {
        return None;
    }
    if url.password().is_some() {
        return Some("a password".into());
    }
    let is_key = |name: &str| {
        let name: String = name.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
        ["key", "token", "secret", "password"].iter().any(|word| name.ends_with(word))
    };
    let name = url.query_pairs().find(|(name, value)| is_key(name) && !value.is_empty())?.0;
    Some(format!("a key (`{}`)", name.escape_debug()))
}

/// Whether a part of its path looks like the keys that providers hand out (RPC endpoints, chat hooks): long, of letters and digits.
#[must_use]
pub(super) fn path_looks_like_key(url: &Url) -> bool {
    let looks = |part: &str| {
        let plain = part.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
        let (digit, letter) =
            (part.bytes().any(|byte| byte.is_ascii_digit()), part.bytes().any(|b| b.is_ascii_alphabetic()));
        part.len() >= SHORTEST_KEY && plain && digit && letter
    };
    !is_loopback(url) && url.path_segments().is_some_and(|mut parts| parts.any(looks))
}

/// Scheme, host and port only: what may be shown.
#[must_use]
pub(super) fn shown(url: &Url) -> String {
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    let rest = if may_carry_key(url) { "/…" } else { "" };
    format!("{}://{}{port}{rest}", url.scheme(), url.host_str().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_that_holds_a_key_is_told_from_one_that_only_may() {
        let check = |text: &str, credential_said: Option<&str>, path: bool| {
            let url = Url::parse(text).expect("it is a url");
            assert_eq!((credential(&url).as_deref(), path_looks_like_key(&url)), (credential_said, path), "{text}");
        };
        check("wss://node.example.com/v2/demo", None, false);
        check("https://node.example.com/?network=mainnet&apikey=", None, false);
        check("https://user@node.example.com/", None, false);
        check("https://user:pass@node.example.com/", Some("a password"), false);
        check("https://node.example.com/?a=1&Api-Key=x", Some("a key (`Api-Key`)"), false);
        check("wss://node.example.com/?access_token=x", Some("a key (`access_token`)"), false);
        check("wss://eth.g.alchemy.com/v2/a1b2c3d4e5f6a7b8c9d0e1f2a3b4c5d6", None, true);
        check("ws://127.0.0.1:8545/v2/a1b2c3d4e5f6a7b8c9d0e1f2a3b4c5d6", None, false);
        check("https://hooks.example.com/wallets-of-the-treasury-department", None, false);
    }

    #[test]
    fn a_url_tells_who_runs_it_and_shows_no_key() {
        let check = |text: &str, runs: &str, shows: &str, private: bool, clear: bool| {
            let url = Url::parse(text).expect("it is a url");
            let got = (operator(&url), shown(&url), is_private(&url), is_clear(&url));
            assert_eq!(got, (runs.into(), shows.into(), private, clear), "{text}");
        };
        check(
            "wss://eth-mainnet.g.alchemy.com/v2/KEY",
            "alchemy.com",
            "wss://eth-mainnet.g.alchemy.com/…",
            false,
            false,
        );
        check("https://abc.quiknode.pro/KEY/", "quiknode.pro", "https://abc.quiknode.pro/…", false, false);
        check("https://rpc.example.co.uk", "example.co.uk", "https://rpc.example.co.uk", false, false);
        check("ws://127.0.0.1:8545", "127.0.0.1:8545", "ws://127.0.0.1:8545", true, false);
        check("http://localhost:8545/?key=1", "localhost:8545", "http://localhost:8545/…", true, false);
        check("http://user:pass@10.0.0.7:8545", "10.0.0.7:8545", "http://10.0.0.7:8545/…", true, true);
        check("http://[::ffff:192.168.1.1]/", "[::ffff:c0a8:101]:80", "http://[::ffff:c0a8:101]", true, true);
        check("http://100.64.0.1", "100.64.0.1:80", "http://100.64.0.1", true, true);
        check("ws://geth:8546", "geth:8546", "ws://geth:8546", false, true);
    }
}
