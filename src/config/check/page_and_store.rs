//! The page with its tokens, and the store.

use crate::config::check::input::{Input, Names};
use crate::config::checked::{HttpConfig, Role, StoreConfig, TokenConfig};
use crate::config::duration;
use crate::config::faults::Place;
use crate::config::raw::keys;
use crate::config::raw::scope::{Said, Scope};
use crate::config::raw::tree::Value;
use crate::config::secrets;
use crate::types::{Name, Secret};
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

/// Where the page listens when nothing is said.
const LISTEN: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 8640);
/// The fewest characters that can hold 128 random bits, in base64.
const TOKEN_CHARS: usize = 22;
/// Balances that are read to be shown, and their series, when nothing is said.
const MAX_BALANCES: usize = 1_000;
/// How long delivered bodies, attempts and closed alerts are kept when nothing is said.
const KEEP_OUTBOX: Duration = Duration::from_hours(90 * 24);

/// `[http]`.
pub(super) fn http(input: &Input<'_>) -> HttpConfig {
    let Some(scope) = input.root.one("http") else {
        return HttpConfig { listen: LISTEN, tokens: Vec::new(), unread: BTreeMap::new() };
    };
    let listen = scope.text("listen").map_or(Some(LISTEN), |said| {
        let listen = said.value.parse().ok();
        if listen.is_none() {
            input.notes.fault(
                said.place,
                "`listen` is no address and port",
                "for example \"127.0.0.1:8640\" or \"[::1]:8640\"",
            );
        }
        listen
    });
    let mut unread = BTreeMap::new();
    let tokens = tokens(input, &scope, &mut unread);
    if let Some(listen) = listen.filter(|listen| !listen.ip().is_loopback()) {
        let open = if tokens.is_empty() {
            "no token is set, so nobody will be able to read there"
        } else {
            "tokens travel in the clear unless something in front speaks TLS"
        };
        input.notes.warn(scope.place(), format!("the page listens on {listen}, which others can reach: {open}"));
    }
    HttpConfig { listen: listen.unwrap_or(LISTEN), tokens, unread }
}

/// `[http] max_balances`.
pub(super) fn max_balances(input: &Input<'_>) -> usize {
    let said = input.root.one("http").and_then(|scope| scope.number("max_balances", 0, 1_000_000));
    said.and_then(|said| usize::try_from(said.value).ok()).unwrap_or(MAX_BALANCES)
}

fn tokens(input: &Input<'_>, scope: &Scope<'_>, unread: &mut BTreeMap<Name, String>) -> Vec<TokenConfig> {
    let mut names = Names::default();
    let mut tokens: Vec<(TokenConfig, &Place)> = Vec::new();
    if let Some(said) = scope.text("token") {
        let admin = names.take(Said { value: "admin", place: said.place }, input.notes);
        if let Some(name) = admin
            && let Some(secret) = token(input, "token", said, &name, unread)
        {
            tokens.push((TokenConfig { name, role: Role::Operate, secret }, said.place));
        }
    }
    let inner = scope.node("tokens").map(|node| (node, &node.value));
    let items = match inner {
        Some((_, Value::List(items))) => items.as_slice(),
        Some((node, _)) => {
            input.notes.fault(
                &node.place,
                format!("`tokens` is {}", node.value.called()),
                "a list of { name, role, secret }",
            );
            &[]
        }
        None => &[],
    };
    for item in items {
        let (Value::Table(table), Some(section)) = (&item.value, keys::section("http.tokens")) else {
            input.notes.fault(
                &item.place,
                format!("a token is {}", item.value.called()),
                "write { name, role, secret }",
            );
            continue;
        };
        let scope = Scope { table, fallback: None, section, notes: input.notes };
        let name = names.claim(&scope);
        if scope.node("role").is_none() {
            scope.missing("role", "read, operate or approve");
        }
        let role = scope.word("role", &[("read", Role::Read), ("operate", Role::Operate), ("approve", Role::Approve)]);
        let said = scope.need("secret", "\"env:NAME\"");
        if let (Some(name), Some(role), Some(said)) = (name, role, said)
            && let Some(secret) = token(input, "secret", said, &name, unread)
        {
            tokens.push((TokenConfig { name, role: role.value, secret }, &item.place));
        }
    }
    for (index, (token, place)) in tokens.iter().enumerate() {
        let same = |(first, _): &&(TokenConfig, &Place)| first.secret == token.secret && !token.secret.is_unread();
        if let Some((first, _)) = tokens[..index].iter().find(same) {
            let what = format!("the tokens `{}` and `{}` are the same", first.name, token.name);
            input.notes.fault(place, what, "make one of their own for each");
        }
    }
    tokens.into_iter().map(|(token, _)| token).collect()
}

/// The secret of the token of this name. To who only asks a monitor, one that cannot be had here is somebody else's: `unread` says why.
fn token(
    input: &Input<'_>,
    key: &str,
    said: Said<'_, &str>,
    name: &Name,
    unread: &mut BTreeMap<Name, String>,
) -> Option<Secret> {
    let secret = if input.is_left(said) {
        match secrets::fetch(said.value, input.data, input.around) {
            Ok(secret) => secret,
            Err(error) => {
                unread.insert(name.clone(), error.to_string());
                return Some(Secret::unread());
            }
        }
    } else {
        input.secret(key, said)?
    };
    if secret.expose().len() < TOKEN_CHARS {
        let what = format!("the token behind `{key}` is too short to be safe: under {TOKEN_CHARS} characters");
        input.notes.fault(said.place, what, "make one with: openssl rand -hex 32");
        return None;
    }
    Some(secret)
}

/// `[store]`.
pub(super) fn store(input: &Input<'_>) -> StoreConfig {
    let mut store =
        StoreConfig { path: input.data.join("walletwatch.db"), keep_outbox: Some(KEEP_OUTBOX), keep_transfers: None };
    let Some(scope) = input.root.one("store") else {
        return store;
    };
    if let Some(said) = scope.text("url") {
        match said.value.strip_prefix("sqlite:").filter(|path| !path.is_empty()) {
            Some(path) => store.path = input.data.join(path),
            None if said.value.starts_with("postgres") => {
                input.notes.fault(said.place, "PostgreSQL as the store is not there yet", "\"sqlite:walletwatch.db\"");
            }
            None => input.notes.fault(
                said.place,
                "`url` of the store does not begin with sqlite:",
                "\"sqlite:walletwatch.db\"",
            ),
        }
    }
    store.keep_outbox = keep(&scope, "keep_outbox", store.keep_outbox);
    store.keep_transfers = keep(&scope, "keep_transfers", store.keep_transfers);
    store
}

fn keep(scope: &Scope<'_>, key: &str, default: Option<Duration>) -> Option<Duration> {
    match scope.text(key) {
        Some(said) if said.value == "forever" => None,
        Some(said) => {
            let span = duration::parse(said.value).filter(|span| !span.is_zero());
            if span.is_none() {
                scope.notes.fault(
                    said.place,
                    format!("`{key}` is no span of time"),
                    "for example \"90d\", or \"forever\"",
                );
            }
            span
        }
        None => default,
    }
}

/// Names of sinks that something is said to, in the order written.
pub(super) fn sinks(names: &Names, said: Vec<Said<'_, &str>>, input: &Input<'_>) -> Vec<Name> {
    let mut found = Vec::new();
    for said in said {
        if let Some(name) = names.find("sink", said, input.notes)
            && !found.contains(&name)
        {
            found.push(name);
        }
    }
    found
}
