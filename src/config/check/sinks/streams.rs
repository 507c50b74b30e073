//! Sinks that other programs read: a stream of NATS.

use crate::config::check::input::Input;
use crate::config::checked::{NatsConfig, NatsLogin, SinkKind};
use crate::config::raw::scope::{Said, Scope};
use crate::config::urls;
use crate::types::Name;
use url::{Host, Url};

/// Where NATS listens, with TLS and without.
const NATS_PORT: u16 = 4222;
/// The longest name of a stream: more than a server allows for a file's name.
const STREAM_MOST: usize = 255;
/// The longest subject: with a type behind it, it stays far below what a server reads of a line.
const SUBJECT_MOST: usize = 200;

/// A stream of NATS.
pub(super) fn nats(input: &Input<'_>, scope: &Scope<'_>) -> Option<SinkKind> {
    let allow_private = scope.flag("allow_private").unwrap_or(false);
    let server = scope.need("url", "tls://HOST:4222, or nats://HOST:4222 on this machine or in a private network");
    let server = server.and_then(|said| server_at(input, said, allow_private));
    let stream = scope.need("stream", "the name of the stream that keeps the messages").and_then(|said| {
        let fine = |c: char| c.is_ascii_graphic() && !".*>/\\".contains(c);
        let is_name = (1..=STREAM_MOST).contains(&said.value.len()) && said.value.chars().all(fine);
        fitting(input, said, is_name, "`stream` is no name of a stream", "without blanks, points, *, > and slashes")
    });
    let subject = scope.text("subject").map_or_else(
        || scope.node("subject").is_none().then(|| Name::from("walletwatch")),
        |said| {
            let part = |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_graphic() && !"*>".contains(c));
            let is_subject = said.value.len() <= SUBJECT_MOST && said.value.split('.').all(part);
            let hint = "words with points between, without blanks, * and >; the type stands behind it";
            fitting(input, said, is_subject, "`subject` is none that can be published on", hint)
        },
    );
    let login = login(input, scope);
    let (host, port, tls) = server?;
    Some(SinkKind::Nats(NatsConfig {
        host,
        port,
        tls,
        login: login?,
        stream: stream?,
        subject: subject?,
        allow_private,
    }))
}

fn fitting(input: &Input<'_>, said: Said<'_, &str>, fits: bool, what: &str, hint: &str) -> Option<Name> {
    if !fits {
        input.notes.fault(said.place, what, hint);
    }
    fits.then(|| said.value.into())
}

/// One of the three ways to say who we are, or none.
fn login(input: &Input<'_>, scope: &Scope<'_>) -> Option<NatsLogin> {
    let ways = ["token", "user", "creds"].into_iter().filter(|key| scope.node(key).is_some()).count();
    if ways > 1 {
        input.notes.fault(
            scope.place(),
            "this says twice who we are",
            "one of `token`, `user` and `password`, `creds`",
        );
        return None;
    }
    match (scope.text("user"), scope.text("password")) {
        (Some(user), Some(password)) => {
            let password = input.secret("password", password)?;
            return Some(NatsLogin::User(user.value.into(), password));
        }
        (Some(_), None) => {
            scope.missing("password", "\"env:NAME\" of the user's password");
            return None;
        }
        (None, Some(_)) => {
            scope.missing("user", "who the password is of, or no `password`");
            return None;
        }
        (None, None) => {}
    }
    if let Some(said) = scope.text("token") {
        return input.secret("token", said).map(NatsLogin::Token);
    }
    if let Some(said) = scope.text("creds") {
        return input.secret("creds", said).map(NatsLogin::Credentials);
    }
    Some(NatsLogin::Nobody)
}

/// Host, port and whether it is spoken to under TLS.
fn server_at(input: &Input<'_>, said: Said<'_, &str>, allow_private: bool) -> Option<(Name, u16, bool)> {
    let (_, url, _) = input.url("url", said, &["tls", "nats"])?;
    let fault = |what: &str, hint: &str| {
        input.notes.fault(said.place, what, hint);
        None
    };
    if !url.username().is_empty() || url.password().is_some() {
        return fault("the url holds a user or a password", "write `user` and `password = \"env:NAME\"`, or `token`");
    }
    if url.path().len() > 1 || url.query().is_some() || url.fragment().is_some() {
        return fault("the url holds more than a host and a port", "for example tls://HOST:4222");
    }
    let Ok(host) = Host::parse(url.host_str().unwrap_or_default()) else {
        return fault("the url's host is none", "a name or an address");
    };
    // Only of an address that is written as one can anything be told before it is reached.
    let private = Url::parse(&format!("https://{host}/")).is_ok_and(|url| urls::is_private(&url));
    let written = matches!(host, Host::Ipv4(_) | Host::Ipv6(_));
    let tls = url.scheme() == "tls";
    if !tls && (!allow_private || (written && !private)) {
        let hint = "tls://; or `allow_private = true` and a server on this machine or in a private network";
        return fault("messages would go in the clear", hint);
    }
    if private && !allow_private {
        return fault(
            "the server is this machine or in a private network",
            "`allow_private = true` where that is meant",
        );
    }
    Some((host.to_string().into(), url.port().unwrap_or(NATS_PORT), tls))
}
