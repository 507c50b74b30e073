//! What can be told from a url without asking anybody: who runs the host, whether it is here, whether a key is in it.

use std::net::{IpAddr, Ipv6Addr};
use url::{Host, Url};

/// Second-level names under which two-letter countries register (`example.co.uk`).
const SECOND_LEVEL: [&str; 7] = ["co", "com", "net", "org", "ac", "gov", "edu"];

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
