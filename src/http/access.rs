//! Who may ask for what: a pure decision over the peer, the head of the request and the tokens (FACES §4).
//!
//! Reads are open only to who sits at this machine and came straight; everything else needs a token, writes always. A token counts in
//! the `Authorization` header only, never in a url. A wrong token is refused even where none is needed.

use crate::config::checked::{Role, TokenConfig};
use crate::types::Name;
use axum::http::header::{AUTHORIZATION, FORWARDED, HOST, HeaderMap, HeaderName, ORIGIN, VIA};
use axum::http::{Method, Uri};
use sha2::{Digest, Sha256};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use subtle::ConstantTimeEq;

/// The address at the other end of the socket.
#[derive(Debug, Clone, Copy)]
pub(super) struct Peer(pub IpAddr);

/// Below this are style and script of the page.
pub(super) const ASSETS: &str = "/assets/";
/// Below this, whatever changes something is about money.
const MONEY: &str = "/api/v1/payments";
/// What only stops money.
const FREEZE: &str = "/api/v1/payments/freeze";

/// What a request needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// Open to all: health, in one word; style and script of the page.
    Nothing,
    /// To read.
    Read,
    /// To change something, with this role at least.
    Write(Role),
}

impl Need {
    /// What this method on this path needs.
    #[must_use]
    pub fn of(method: &Method, path: &str) -> Self {
        let reads = method == Method::GET || method == Method::HEAD;
        match path {
            "/healthz" | "/readyz" if reads => Self::Nothing,
            // Style and script of the page: constants of the binary, without which nobody could type a token.
            _ if reads && path.starts_with(ASSETS) => Self::Nothing,
            _ if reads => Self::Read,
            // Whoever is on duty may stop money; to let it move takes more.
            FREEZE => Self::Write(Role::Operate),
            _ if path.starts_with(MONEY) => Self::Write(Role::Approve),
            _ => Self::Write(Role::Operate),
        }
    }
}

/// Who asks, as far as it matters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Caller {
    /// Somebody without a token: health in one word, or reads on this machine.
    Nameless,
    /// The holder of a token.
    Token {
        /// Its name in the config.
        name: Name,
        /// What it may do.
        role: Role,
    },
}

/// Why not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Denial {
    /// No token, and one is needed.
    #[error("a token is needed: send it as \"Authorization: Bearer …\"")]
    NoToken,
    /// Not a token of ours.
    #[error("this token is not known here")]
    WrongToken,
    /// The token may not do this.
    #[error("this token may not do that: it needs the role {}", .0.word())]
    Role(Role),
    /// A page of another origin asks.
    #[error("a page of another origin may not do that")]
    Origin,
}

/// The tokens of the config, as hashes.
#[derive(Clone, Default)]
pub struct Tokens(Vec<(Name, Role, [u8; 32])>);

impl std::fmt::Debug for Tokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(name, role, _)| (name, role))).finish()
    }
}

impl Tokens {
    /// Of the config.
    #[must_use]
    pub fn new(tokens: &[TokenConfig]) -> Self {
        // What was not fetched opens nothing: an empty token would be everybody's.
        let known = tokens.iter().filter(|token| !token.secret.is_unread());
        Self(known.map(|token| (token.name.clone(), token.role, sha256(token.secret.expose()))).collect())
    }

    /// Whose token this is. Every token is compared, each in constant time.
    fn find(&self, presented: &str) -> Option<&(Name, Role, [u8; 32])> {
        let presented = sha256(presented);
        let mut found = None;
        for token in &self.0 {
            if bool::from(token.2.ct_eq(&presented)) {
                found = Some(token);
            }
        }
        found
    }
}

fn sha256(text: &str) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(&Sha256::digest(text.as_bytes()));
    hash
}

/// Decides. `peer` is the address at the other end of the socket.
///
/// # Errors
/// [`Denial`]: why the request is refused.
pub fn decide(peer: IpAddr, uri: &Uri, headers: &HeaderMap, need: Need, tokens: &Tokens) -> Result<Caller, Denial> {
    let named = |(name, role): (&Name, Role)| Caller::Token { name: name.clone(), role };
    let known = |presented| tokens.find(presented).map(|(name, role, _)| (name, *role)).ok_or(Denial::WrongToken);
    let caller = bearer(headers).and_then(|presented| presented.map(known).transpose());
    if need == Need::Nothing {
        return Ok(caller.ok().flatten().map_or(Caller::Nameless, named));
    }
    match (need, caller?) {
        (Need::Nothing, None) => Ok(Caller::Nameless),
        (Need::Read, None) if is_local(peer, uri, headers) => Ok(Caller::Nameless),
        (Need::Read | Need::Write(_), None) => Err(Denial::NoToken),
        (Need::Write(role), Some((_, has))) if has < role => Err(Denial::Role(role)),
        (Need::Write(_), Some(_)) if !own_origin(headers) => Err(Denial::Origin),
        // Every role may read.
        (Need::Nothing | Need::Read | Need::Write(_), Some(caller)) => Ok(named(caller)),
    }
}

/// The token that was sent, if one was.
fn bearer(headers: &HeaderMap) -> Result<Option<&str>, Denial> {
    if !headers.contains_key(AUTHORIZATION) {
        return Ok(None);
    }
    let text = only(headers, &AUTHORIZATION).ok_or(Denial::WrongToken)?;
    let (scheme, token) = text.split_once(' ').ok_or(Denial::WrongToken)?;
    if scheme.eq_ignore_ascii_case("bearer") && !token.is_empty() { Ok(Some(token)) } else { Err(Denial::WrongToken) }
}

/// The one value of a header that may stand once.
fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?;
    if values.next().is_some() { None } else { value.to_str().ok() }
}

/// How the headers begin that proxies and tunnels of all kinds say with for whom they ask.
const RELAYS: [&str; 8] =
    ["x-forwarded-", "x-real-ip", "x-client-ip", "x-original-", "x-envoy-", "true-client-ip", "cf-", "tailscale-"];

/// Whether who asks sits at this machine and came straight: not through a proxy, not from a page whose name was bent to this address.
fn is_local(peer: IpAddr, uri: &Uri, headers: &HeaderMap) -> bool {
    let relayed = |name: &HeaderName| {
        let says = |prefix: &&str| name.as_str().starts_with(*prefix);
        *name == FORWARDED || *name == VIA || RELAYS.iter().any(says)
    };
    peer.to_canonical().is_loopback()
        && !headers.keys().any(relayed)
        && only(headers, &HOST).is_some_and(is_local_host)
        && uri.authority().is_none_or(|authority| is_local_host(authority.as_str()))
}

/// `localhost`, `127.0.0.0/8` or `[::1]`, with or without a port.
fn is_local_host(host: &str) -> bool {
    let (name, port) = match host.strip_prefix('[') {
        Some(rest) => match rest.split_once(']') {
            Some((name, port)) => return name.parse() == Ok(Ipv6Addr::LOCALHOST) && is_port(port),
            None => return false,
        },
        None => host.split_at(host.find(':').unwrap_or(host.len())),
    };
    let local =
        name.eq_ignore_ascii_case("localhost") || name.parse::<Ipv4Addr>().is_ok_and(|address| address.is_loopback());
    local && is_port(port)
}

/// Nothing, or a colon and a port.
fn is_port(text: &str) -> bool {
    text.is_empty()
        || text
            .strip_prefix(':')
            .is_some_and(|port| port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok())
}

/// Whether no page asks, or one of ours: its origin is the host that it asks.
fn own_origin(headers: &HeaderMap) -> bool {
    if !headers.contains_key(ORIGIN) {
        return true;
    }
    let (Some(origin), Some(host)) = (only(headers, &ORIGIN), only(headers, &HOST)) else {
        return false;
    };
    // We speak http; a proxy in front of us may speak https.
    let authority = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
    authority.is_some_and(|authority| authority.eq_ignore_ascii_case(host))
}

#[cfg(test)]
#[path = "tests_access.rs"]
mod tests;
