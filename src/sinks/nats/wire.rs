//! What is said to a NATS server and what it says: six verbs, as text. Pure.
//!
//! A server's own words are matched, never repeated. Whatever is too long or no NATS is refused: nothing here grows with what a stranger sends.

use super::{Login, Publication, Said};
use serde::{Deserialize, Serialize};

/// The most of a line: an INFO of a large cluster names all its servers.
const MOST_LINE: usize = 64 * 1024;
/// The most of a message to us: an acknowledgement has a hundred bytes.
const MOST_MESSAGE: usize = 64 * 1024;

/// One thing that a server says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line {
    /// Who it is, and what it wants.
    Info(Info),
    /// It wants to know whether we are there.
    Ping,
    /// It is there.
    Pong,
    /// Nothing that matters.
    Fine,
    /// It does not want something.
    Refused(Refusal),
    /// A message to us.
    Message {
        /// Of one with headers and a status.
        status: Option<u16>,
        /// Behind the headers.
        payload: Vec<u8>,
    },
}

/// Who a server is.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
pub struct Info {
    /// Whether it knows headers.
    #[serde(default)]
    pub headers: bool,
    /// The most bytes of headers and body.
    #[serde(default)]
    pub max_payload: u64,
    /// Whether it speaks under TLS only.
    #[serde(default)]
    pub tls_required: bool,
    /// What is to be signed.
    #[serde(default)]
    pub nonce: Option<String>,
}

/// Why a server does not want something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// Who we are.
    Login,
    /// That we publish there.
    Permission,
    /// A message so large.
    TooLarge,
    /// So many connections.
    Full,
    /// To speak in the clear.
    Clear,
    /// It knows no headers.
    Old,
    /// In words that we do not know.
    Other,
}

impl Refusal {
    /// Of a server's words.
    fn of(words: &str) -> Self {
        /// In small letters, what they begin with or hold.
        const KNOWN: [(&str, Refusal); 8] = [
            ("authorization violation", Refusal::Login),
            ("authentication", Refusal::Login),
            ("permissions violation", Refusal::Permission),
            ("maximum payload", Refusal::TooLarge),
            ("maximum connections", Refusal::Full),
            ("maximum account", Refusal::Full),
            ("tls required", Refusal::Clear),
            ("secure connection", Refusal::Clear),
        ];
        let words = words.to_ascii_lowercase();
        KNOWN.iter().find(|(known, _)| words.contains(known)).map_or(Self::Other, |(_, refusal)| *refusal)
    }

    /// What to do about it.
    #[must_use]
    pub const fn advice(self) -> &'static str {
        match self {
            Self::Login => "the server does not let us in: look at `token`, `user` and `password`, or `creds`",
            Self::Permission => "we may not publish on the subject, or not listen for the answer (_INBOX.>): let us",
            Self::TooLarge => "the message is too large for the server",
            Self::Full => "the server has as many connections as it takes",
            Self::Clear => "the server wants TLS: write tls:// in `url`",
            Self::Old => "the server knows no headers: it is older than NATS 2.2",
            Self::Other => "the server ended the connection",
        }
    }

    /// Whether it may be said of a connection over which a message was taken all the same.
    #[must_use]
    pub const fn may_have_taken_it(self) -> bool {
        match self {
            Self::Other => true,
            Self::Login | Self::Permission | Self::TooLarge | Self::Full | Self::Clear | Self::Old => false,
        }
    }
}

/// It is no NATS, or too long for one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoNats;

/// The first thing that is said in these bytes, and how many of them it takes; `None` while it is not whole.
///
/// # Errors
/// [`NoNats`] when it never will be.
pub fn read(bytes: &[u8]) -> Result<Option<(Line, usize)>, NoNats> {
    let Some(end) = bytes.windows(2).take(MOST_LINE).position(|pair| pair == b"\r\n") else {
        return if bytes.len() > MOST_LINE { Err(NoNats) } else { Ok(None) };
    };
    let line = std::str::from_utf8(&bytes[..end]).map_err(|_| NoNats)?;
    let behind = end + 2;
    let (verb, rest) = line.split_once([' ', '\t']).unwrap_or((line, ""));
    let plain = match verb.to_ascii_uppercase().as_str() {
        "INFO" => Line::Info(serde_json::from_str(rest.trim()).map_err(|_| NoNats)?),
        "PING" => Line::Ping,
        "PONG" => Line::Pong,
        "+OK" => Line::Fine,
        "-ERR" => Line::Refused(Refusal::of(rest)),
        "MSG" => return message(rest, false, bytes, behind),
        "HMSG" => return message(rest, true, bytes, behind),
        _ => return Err(NoNats),
    };
    Ok(Some((plain, behind)))
}

fn message(rest: &str, with_headers: bool, bytes: &[u8], behind: usize) -> Result<Option<(Line, usize)>, NoNats> {
    let numbers: Vec<usize> =
        rest.split_whitespace().rev().map_while(|word| word.parse().ok()).take(1 + usize::from(with_headers)).collect();
    let (whole, head) = match numbers.as_slice() {
        [whole] if !with_headers => (*whole, 0),
        [whole, head] => (*whole, *head),
        _ => return Err(NoNats),
    };
    if head > whole || whole > MOST_MESSAGE {
        return Err(NoNats);
    }
    let Some(held) = bytes.get(behind..behind + whole + 2) else { return Ok(None) };
    let status = std::str::from_utf8(&held[..head]).map_err(|_| NoNats)?.lines().next();
    let status = status.and_then(|line| line.strip_prefix("NATS/1.0")?.split_whitespace().next()?.parse().ok());
    Ok(Some((Line::Message { status, payload: held[head..whole].to_vec() }, behind + whole + 2)))
}

/// What a stream's answer says; `None` where it is none.
#[must_use]
pub fn acknowledged(status: Option<u16>, payload: &[u8]) -> Option<Said> {
    #[derive(Deserialize)]
    struct Ack {
        error: Option<Error>,
        stream: Option<String>,
        seq: Option<u64>,
        #[serde(default)]
        duplicate: bool,
    }
    #[derive(Deserialize)]
    struct Error {
        #[serde(default)]
        err_code: u32,
    }
    /// What the server itself says where nobody listens.
    const NO_RESPONDERS: u16 = 503;
    if status == Some(NO_RESPONDERS) && payload.is_empty() {
        return Some(Said::Nobody);
    }
    let Ack { error, stream, seq, duplicate } = serde_json::from_slice(payload).ok()?;
    match error {
        Some(Error { err_code }) => Some(Said::Refused(err_code)),
        None => Some(Said::Kept { stream: stream?, seq: seq?, duplicate }),
    }
}

/// The introduction, the wish to hear what comes to `inbox`, and the question whether both are granted: what is refused is refused before
/// anything is published.
///
/// # Panics
/// Never: every map key is text.
#[must_use]
pub fn hello(login: &Login, tls: bool, info: &Info, inbox: &str) -> String {
    #[derive(Serialize)]
    #[expect(clippy::struct_excessive_bools, reason = "NATS's own switches")]
    struct Connect<'a> {
        verbose: bool,
        pedantic: bool,
        tls_required: bool,
        headers: bool,
        no_responders: bool,
        protocol: u8,
        name: &'static str,
        lang: &'static str,
        version: &'static str,
        #[serde(skip_serializing_if = "Option::is_none")]
        auth_token: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        user: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        pass: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        jwt: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        sig: Option<String>,
    }
    let mut connect = Connect {
        verbose: false,
        pedantic: false,
        tls_required: tls,
        headers: true,
        no_responders: true,
        protocol: 1,
        name: "walletwatch",
        lang: "rust",
        version: env!("CARGO_PKG_VERSION"),
        auth_token: None,
        user: None,
        pass: None,
        jwt: None,
        sig: None,
    };
    match login {
        Login::Nobody => {}
        Login::Token(token) => connect.auth_token = Some(token.expose()),
        Login::User(user, password) => {
            (connect.user, connect.pass) = (Some(user.as_str()), Some(password.expose()));
        }
        Login::Credentials(creds) => {
            connect.jwt = Some(creds.jwt().expose());
            connect.sig = info.nonce.as_deref().map(|nonce| creds.sign(nonce));
        }
    }
    let connect = serde_json::to_string(&connect).expect("every map key is text");
    format!("CONNECT {connect}\r\nSUB {inbox} 1\r\nPING\r\n")
}

/// The publication; what becomes of it is to be said to `inbox`.
#[must_use]
pub fn publish(publication: &Publication, inbox: &str) -> Vec<u8> {
    let Publication { subject, stream, id, body, .. } = publication;
    let headers = format!("NATS/1.0\r\nNats-Msg-Id: {id}\r\nNats-Expected-Stream: {stream}\r\n\r\n");
    let (head, whole) = (headers.len(), headers.len() + body.len());
    let mut said = format!("HPUB {subject} {inbox} {head} {whole}\r\n{headers}").into_bytes();
    said.extend_from_slice(body);
    said.extend_from_slice(b"\r\n");
    said
}

/// Bytes of a publication that a server counts: its headers are ours and short.
#[must_use]
pub fn weight(publication: &Publication) -> u64 {
    /// More than our headers ever have.
    const HEADERS: u64 = 512;
    publication.body.len() as u64 + HEADERS
}
