//! `[circle]` and `[inbound]`. Whatever is doubtful about keys and hosts is a fault: it would be about money.

use crate::config::check::input::Input;
use crate::config::check::page_and_store;
use crate::config::check::payees::limit;
use crate::config::check::sinks::Sinks;
use crate::config::circle::{CircleConfig, FREEZE_FILE, InboundConfig};
use crate::config::raw::keys::CIRCLE_KINDS;
use crate::config::raw::scope::{Said, Scope};
use crate::types::{Name, Secret, Uuid};
use crate::wire::circle::{KeyKind, PlaceFault, check_place, is_gone};
use std::net::SocketAddr;

/// What older tutorials show, and what took its place.
const GONE: &str = "Circle's /v1/transfers is gone since December 2024";
const INSTEAD: &str =
    "kind = \"wallets\" without a url: Circle's developer-controlled wallets, sign-up at console.circle.com";

/// `[circle]`.
pub(super) fn circle(input: &Input<'_>, sinks: &Sinks) -> Option<CircleConfig> {
    let scope = input.root.one("circle")?;
    // Whoever follows an old tutorial writes one of these words.
    let gone = |said: &Said<'_, &str>| matches!(said.value, "transfers" | "accounts" | "payments" | "core" | "legacy");
    if let Some(said) = scope.text("kind").filter(gone) {
        input.notes.fault(said.place, GONE, INSTEAD);
        return None;
    }
    if scope.node("kind").is_some() {
        scope.kind("kind", &CIRCLE_KINDS)?;
    }
    if scope.node("environment").is_none() {
        scope.missing("environment", "test or live; it must agree with the key");
    }
    let environment = scope.word("environment", &[("test", KeyKind::Test), ("live", KeyKind::Live)]);
    let relaxed = relaxed(&scope, environment.as_ref().map(|said| said.value));
    let api_key = scope.need("api_key", "\"file:circle.key\"").and_then(|said| secret(input, "api_key", said, relaxed));
    let url = url(input, &scope);
    let api_key = api_key.and_then(|(key, said)| met(input, &key, said, url.as_ref(), environment).then_some(key));
    let entity = scope.need("entity_secret", "\"file:circle.entity\"");
    let entity_secret =
        entity.and_then(|said| secret(input, "entity_secret", said, relaxed)).and_then(|(secret, said)| {
            let digits = secret.expose();
            let fine = secret.is_unread() || digits.len() == 64 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
            if !fine {
                input.notes.fault(
                    said.place,
                    "the entity secret is not 64 hexadecimal digits",
                    "the 32 bytes that were registered with Circle",
                );
            }
            fine.then_some(secret)
        });
    let wallet = wallet(&scope);
    let entity_key = fingerprint(&scope);
    let (per_day, in_total) = (limit(&scope, "per_day", true), limit(&scope, "in_total", true));
    if let (Some(day), Some(total)) = (per_day, in_total)
        && day > total
    {
        input.notes.warn(scope.place(), "[circle] `per_day` is above `in_total`: the lower limit decides");
    }
    let two_approvals_over = limit(&scope, "two_approvals_over", false);
    let notify = scope.texts("notify").map(|said| page_and_store::sinks(&sinks.names, said, input));
    Some(CircleConfig {
        environment: environment?.value,
        url: url.map(|(url, _)| url),
        api_key: api_key?,
        entity_secret: entity_secret?,
        entity_key,
        wallet: wallet?,
        per_day: per_day?,
        in_total: in_total?,
        two_approvals_over,
        notify,
        relaxed,
        freeze_file: input.data.join(FREEZE_FILE),
    })
}

fn relaxed(scope: &Scope<'_>, environment: Option<KeyKind>) -> bool {
    let relaxed = scope.flag("relaxed") == Some(true);
    if relaxed && environment == Some(KeyKind::Live) {
        let place = scope.node("relaxed").map_or(scope.place(), |node| &node.place);
        scope.notes.fault(
            place,
            "`relaxed` lifts safeguards, and this is live money",
            "leave it out, or environment = \"test\"",
        );
    }
    relaxed
}

/// A secret of Circle's: what is in the environment is read by every child and every dump of the process.
fn secret<'a>(
    input: &Input<'_>,
    key: &str,
    said: Said<'a, &'a str>,
    relaxed: bool,
) -> Option<(Secret, Said<'a, &'a str>)> {
    let found = input.secret(key, said)?;
    if said.value.starts_with("env:") && !relaxed {
        let hint = "\"file:PATH\" or \"credential:NAME\"; with relaxed = true (test only) the environment will do";
        input.notes.fault(said.place, format!("`{key}` of [circle] comes from the environment"), hint);
        return None;
    }
    Some((found, said))
}

fn url<'a>(input: &Input<'_>, scope: &Scope<'a>) -> Option<(Secret, Said<'a, &'a str>)> {
    let said = scope.text("url")?;
    if is_gone(said.value) {
        input.notes.fault(said.place, GONE, INSTEAD);
        return None;
    }
    input.url("url", said, &["http", "https"]).map(|(secret, _, _)| (secret, said))
}

/// Whether key, place and environment fit each other.
fn met(
    input: &Input<'_>,
    key: &Secret,
    said: Said<'_, &str>,
    url: Option<&(Secret, Said<'_, &str>)>,
    environment: Option<Said<'_, KeyKind>>,
) -> bool {
    if key.is_unread() {
        return true;
    }
    let kind = match check_place(url.map(|(url, _)| url.expose()), key.expose()) {
        Ok(kind) => kind,
        Err(fault) => {
            let (place, hint) = match (fault, url) {
                (PlaceFault::Host | PlaceFault::LiveKey, Some((_, said))) => (said.place, "leave `url` out"),
                _ => (said.place, "copy the whole key from console.circle.com, with all three parts"),
            };
            input.notes.fault(place, fault.to_string(), hint);
            return false;
        }
    };
    let Some(environment) = environment else { return true };
    if kind != environment.value {
        let (is, wants) = match kind {
            KeyKind::Test => ("a test key", "environment = \"test\", or a live key"),
            KeyKind::Live => ("a live key", "environment = \"live\", or a test key"),
        };
        input.notes.fault(environment.place, format!("`api_key` is {is}, and `environment` says otherwise"), wants);
    }
    kind == environment.value
}

fn wallet(scope: &Scope<'_>) -> Option<Name> {
    let said = scope.need("wallet_id", "Circle's id of the wallet that pays")?;
    let id = Uuid::parse(said.value);
    if id.is_none() {
        scope.notes.fault(
            said.place,
            "`wallet_id` is no UUID",
            "its id, as Circle's console shows it, not its address",
        );
    }
    id.map(|id| id.to_string().into())
}

fn fingerprint(scope: &Scope<'_>) -> Option<[u8; 32]> {
    let said = scope.text("entity_key_sha256")?;
    let digest = crate::wire::hex::fixed::<32>(&format!("0x{}", said.value)).ok();
    if digest.is_none() {
        scope.notes.fault(
            said.place,
            "`entity_key_sha256` is not 64 hexadecimal digits",
            "the SHA-256 of the entity public key's DER",
        );
    }
    digest
}

/// `[inbound]`. `page` is where the page listens.
pub(super) fn inbound(input: &Input<'_>, circle: bool, page: SocketAddr) -> Option<InboundConfig> {
    let scope = input.root.one("inbound")?;
    let said = scope.text("listen")?;
    let Ok(listen) = said.value.parse::<SocketAddr>() else {
        let hint = "for example \"127.0.0.1:8641\"";
        input.notes.fault(said.place, "`listen` of [inbound] is no address and port", hint);
        return None;
    };
    if listen == page && listen.port() != 0 {
        let hint = "another port: what comes from outside never shares one with the page";
        input.notes.fault(said.place, "[inbound] listens where the page does", hint);
    }
    if !circle {
        input.notes.warn(scope.place(), "[inbound] receives nothing: only [circle] sends hooks");
    }
    if !listen.ip().is_loopback() {
        let what = format!(
            "[inbound] listens on {listen}: Circle sends hooks over https only, so something in front has to speak TLS"
        );
        input.notes.warn(said.place, what);
    }
    Some(InboundConfig { listen })
}
