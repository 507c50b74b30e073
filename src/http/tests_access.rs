//! The whole table of who may do what.

use super::*;
use crate::types::Secret;

const READ: &str = "token-of-prometheus-0123456789";
const OPERATE: &str = "token-of-admin-0123456789abcdef";
const APPROVE: &str = "token-of-boss-0123456789abcdef0";

fn tokens() -> Tokens {
    let token =
        |name: &str, role, secret: &str| TokenConfig { name: name.into(), role, secret: Secret::new(secret.into()) };
    Tokens::new(&[
        token("prometheus", Role::Read, READ),
        token("admin", Role::Operate, OPERATE),
        token("boss", Role::Approve, APPROVE),
    ])
}

/// One request: who, what for, with which head.
struct Ask<'a> {
    peer: &'a str,
    method: Method,
    uri: &'a str,
    head: &'a [(&'a str, &'a str)],
}

/// The outcome in a word: the token's name, `-` for nobody, or why not.
fn outcome(ask: &Ask<'_>) -> String {
    let mut headers = HeaderMap::new();
    for (name, value) in ask.head {
        let name = HeaderName::from_bytes(name.as_bytes()).expect("it is a name");
        headers.append(name, value.parse().expect("it is a value"));
    }
    let uri: Uri = ask.uri.parse().expect("it is a uri");
    let need = Need::of(&ask.method, uri.path());
    match decide(ask.peer.parse().expect("it is an address"), &uri, &headers, need, &tokens()) {
        Ok(Caller::Nameless) => "-".to_owned(),
        Ok(Caller::Token { name, .. }) => name.to_string(),
        Err(denial) => format!("{denial:?}"),
    }
}

#[test]
fn reads_are_open_only_to_who_sits_here_and_came_straight() {
    let check = |peer: &str, head: &[(&str, &str)], expected: &str| {
        for uri in ["/", "/metrics", "/api/v1/status", "/api/v1/transfers?limit=1", "/nothing"] {
            for method in [Method::GET, Method::HEAD] {
                let ask = Ask { peer, method, uri, head };
                assert_eq!(outcome(&ask), expected, "{peer} {uri} {head:?}");
            }
        }
    };
    for host in ["localhost", "LocalHost:8640", "127.0.0.1", "127.8.9.1:80", "[::1]", "[::1]:8640", "127.0.0.1:65535"] {
        for peer in ["127.0.0.1", "127.3.2.1", "::1", "::ffff:127.0.0.1"] {
            check(peer, &[("host", host)], "-");
        }
        for peer in ["10.0.0.7", "192.168.1.2", "::ffff:10.0.0.7", "0.0.0.0", "::", "fe80::1", "8.8.8.8"] {
            check(peer, &[("host", host)], "NoToken");
        }
        for relay in [
            "Forwarded",
            "Via",
            "X-Forwarded-For",
            "X-Forwarded-Host",
            "X-Forwarded-Proto",
            "x-forwarded-anything",
            "X-Real-IP",
            "X-Client-IP",
            "X-Original-Host",
            "X-Envoy-External-Address",
            "True-Client-IP",
            "CF-Connecting-IP",
            "CF-Ray",
            "Tailscale-User-Login",
        ] {
            check("127.0.0.1", &[("host", host), (relay, "127.0.0.1")], "NoToken");
            check("127.0.0.1", &[("host", host), (relay, "")], "NoToken");
        }
    }
    for host in [
        "",
        "evil.example",
        "evil.example:8640",
        "localhost.evil.example",
        "localhost.",
        "localhost:",
        "localhost:x",
        "localhost:+80",
        "localhost:99999",
        "x@localhost",
        "127.0.0.1.nip.io",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "0.0.0.0",
        "10.0.0.1",
        "[::]",
        "[::2]",
        "[::1",
        "::1",
        "[::1]x",
        "[::1]:",
        "[::ffff:127.0.0.1]",
        "[localhost]",
        " localhost",
        "localhost,evil.example",
    ] {
        check("127.0.0.1", &[("host", host)], "NoToken");
    }
    check("127.0.0.1", &[], "NoToken");
    check("127.0.0.1", &[("host", "localhost"), ("host", "localhost")], "NoToken");
    check("127.0.0.1", &[("host", "localhost"), ("host", "evil.example")], "NoToken");
    let absolute =
        Ask { peer: "::1", method: Method::GET, uri: "http://evil.example/", head: &[("host", "localhost")] };
    assert_eq!(outcome(&absolute), "NoToken");
    let absolute = Ask { uri: "http://localhost:8640/", ..absolute };
    assert_eq!(outcome(&absolute), "-");
}

#[test]
fn a_token_reads_from_anywhere_and_a_wrong_one_reads_nowhere() {
    let check = |authorization: &str, expected: &str| {
        for peer in ["127.0.0.1", "8.8.8.8"] {
            let head = [("host", "localhost"), ("authorization", authorization)];
            let ask = Ask { peer, method: Method::GET, uri: "/api/v1/status", head: &head };
            assert_eq!(outcome(&ask), expected, "{authorization:?} from {peer}");
            let relayed = [("host", "evil.example"), ("via", "1.1 x"), ("authorization", authorization)];
            let ask = Ask { head: &relayed, ..ask };
            assert_eq!(outcome(&ask), expected, "{authorization:?} through a proxy");
        }
    };
    check(&format!("Bearer {READ}"), "prometheus");
    check(&format!("bearer {OPERATE}"), "admin");
    check(&format!("BEARER {APPROVE}"), "boss");
    for wrong in [
        "",
        "Bearer",
        "Bearer ",
        READ,
        "Basic YWRtaW46",
        &format!("Bearer  {READ}"),
        &format!("Bearer {READ} "),
        &format!("Bearer {READ}x"),
        &format!("Bearer {}", &READ[1..]),
        &format!("Bearer {}", &READ[..READ.len() - 1]),
        &format!("Bearer {}", READ.to_uppercase()),
        &format!("Bearer {READ},{OPERATE}"),
        "Bearer admin",
    ] {
        check(wrong, "WrongToken");
    }
    let twice = [("authorization", "Bearer x"), ("authorization", &*format!("Bearer {READ}"))];
    let ask = Ask { peer: "8.8.8.8", method: Method::GET, uri: "/", head: &twice };
    assert_eq!(outcome(&ask), "WrongToken");
    let in_url = format!("/api/v1/status?token={OPERATE}&access_token={OPERATE}");
    let ask = Ask { peer: "8.8.8.8", method: Method::GET, uri: &in_url, head: &[("host", "localhost")] };
    assert_eq!(outcome(&ask), "NoToken");
}

#[test]
fn writes_need_a_token_with_the_role_and_no_foreign_origin() {
    let check = |token: Option<&str>, origins: &[&str], expected: &str| {
        let bearer = token.map(|token| format!("Bearer {token}"));
        let mut head = vec![("host", "127.0.0.1:8640")];
        head.extend(bearer.iter().map(|bearer| ("authorization", bearer.as_str())));
        head.extend(origins.iter().map(|origin| ("origin", *origin)));
        for method in [Method::POST, Method::PUT, Method::DELETE, Method::PATCH, Method::OPTIONS] {
            for (peer, uri) in [("127.0.0.1", "/api/v1/sinks/ops/test"), ("8.8.8.8", "/healthz"), ("::1", "/metrics")] {
                let ask = Ask { peer, method: method.clone(), uri, head: &head };
                assert_eq!(outcome(&ask), expected, "{method} {uri} {token:?} {origins:?}");
            }
        }
    };
    check(None, &[], "NoToken");
    check(None, &["http://127.0.0.1:8640"], "NoToken");
    check(Some("nobody's"), &[], "WrongToken");
    check(Some(READ), &[], "Role(Operate)");
    check(Some(OPERATE), &[], "admin");
    check(Some(APPROVE), &[], "boss");
    check(Some(OPERATE), &["http://127.0.0.1:8640"], "admin");
    check(Some(OPERATE), &["https://127.0.0.1:8640"], "admin");
    for foreign in [
        "null",
        "",
        "http://evil.example",
        "http://127.0.0.1",
        "http://127.0.0.1:8641",
        "http://localhost:8640",
        "127.0.0.1:8640",
        "ftp://127.0.0.1:8640",
        "http://127.0.0.1:8640.evil.example",
        "http://x@127.0.0.1:8640",
        "http://127.0.0.1:8640/",
    ] {
        check(Some(OPERATE), &[foreign], "Origin");
    }
    check(Some(OPERATE), &["http://127.0.0.1:8640", "http://127.0.0.1:8640"], "Origin");
}

#[test]
fn health_is_open_to_all_and_knows_a_token() {
    let bearer = format!("Bearer {READ}");
    for uri in ["/healthz", "/readyz"] {
        for (head, expected) in [
            (&[("host", "evil.example"), ("x-forwarded-for", "1.1.1.1")][..], "-"),
            (&[], "-"),
            (&[("authorization", "Bearer wrong")], "-"),
            (&[("authorization", &*bearer)], "prometheus"),
        ] {
            assert_eq!(outcome(&Ask { peer: "8.8.8.8", method: Method::GET, uri, head }), expected, "{uri} {head:?}");
        }
    }
}

#[test]
fn without_tokens_in_the_config_nobody_writes() {
    let mut headers = HeaderMap::new();
    headers.insert(AUTHORIZATION, "Bearer ".parse().expect("it is a value"));
    let uri = Uri::from_static("/api/v1/sinks/ops/test");
    let decided =
        decide(IpAddr::V4(Ipv4Addr::LOCALHOST), &uri, &headers, Need::Write(Role::Operate), &Tokens::default());
    assert_eq!(decided, Err(Denial::WrongToken));
    headers.clear();
    let decided =
        decide(IpAddr::V4(Ipv4Addr::LOCALHOST), &uri, &headers, Need::Write(Role::Operate), &Tokens::default());
    assert_eq!(decided, Err(Denial::NoToken));
    assert!(!format!("{:?}", tokens()).contains("token-of"));
}
