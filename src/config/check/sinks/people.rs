//! Sinks that reach people where they are: a Telegram chat, a mailbox.

use super::target;
use crate::config::check::input::Input;
use crate::config::checked::{EmailConfig, MailSecurity, SinkKind, TelegramConfig};
use crate::config::mailbox::MailAddress;
use crate::config::raw::scope::{Said, Scope};
use crate::config::urls;
use crate::types::{Name, Secret};
use url::{Host, Url};

/// Where bots are, unless a Bot API server of one's own is named.
const TELEGRAM: &str = "https://api.telegram.org";
/// The fewest characters of a bot's token behind its id: BotFather gives 35.
const TOKEN_LEAST: usize = 20;
/// The largest chat id, by the Bot API: at most 52 significant bits.
const CHAT_MOST: u64 = 1 << 52;
/// The most recipients of one message: the fewest that every mail server has to take, by RFC 5321.
const RECIPIENTS_MOST: usize = 100;
/// Where mail is submitted with STARTTLS (RFC 6409), with TLS from the first byte (RFC 8314), and relayed in the clear.
const PORTS: [(MailSecurity, u16); 3] =
    [(MailSecurity::StartTls, 587), (MailSecurity::Tls, 465), (MailSecurity::Clear, 25)];

/// A Telegram chat.
pub(super) fn telegram(input: &Input<'_>, scope: &Scope<'_>) -> Option<SinkKind> {
    let allow_private = scope.flag("allow_private").unwrap_or(false);
    let url = match scope.text("url") {
        Some(said) => target(input, said, allow_private),
        None => scope.node("url").is_none().then(|| Secret::new(TELEGRAM.to_owned())),
    };
    let token = scope.need("token", "\"env:NAME\" of the bot's token, as BotFather gave it");
    let token = token.and_then(|said| Some((said, input.secret("token", said)?))).and_then(|(said, token)| {
        if token.is_unread() || is_token(token.expose()) {
            return Some(token);
        }
        let hint = "digits, a colon and what follows, for example 123456789:AA…; BotFather gives one for /newbot";
        input.notes.fault(said.place, "this is not a bot's token", hint);
        None
    });
    let chat = scope.need("chat", "the chat's id in quotes, or \"@name\" of a public one").and_then(|said| {
        if is_chat(said.value) {
            return Some(Name::from(said.value));
        }
        let hint = "\"123456789\" for a person, \"-1001234567890\" for a group, \"@name\" for a public one";
        input.notes.fault(said.place, "`chat` is neither an id nor a name of a chat", hint);
        None
    });
    let thread = scope.number("thread", 1, i32::MAX as u64).map(|said| said.value);
    Some(SinkKind::Telegram(TelegramConfig { url: url?, token: token?, chat: chat?, thread, allow_private }))
}

fn is_token(token: &str) -> bool {
    token.split_once(':').is_some_and(|(id, rest)| {
        let fine = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
        !id.is_empty()
            && id.bytes().all(|byte| byte.is_ascii_digit())
            && rest.len() >= TOKEN_LEAST
            && rest.bytes().all(fine)
    })
}

fn is_chat(chat: &str) -> bool {
    if let Some(name) = chat.strip_prefix('@') {
        let fine = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        return (4..=32).contains(&name.len()) && name.bytes().all(fine);
    }
    let digits = chat.strip_prefix('-').unwrap_or(chat);
    let number = digits.parse::<u64>().is_ok_and(|id| id > 0 && id <= CHAT_MOST);
    number && digits.bytes().all(|byte| byte.is_ascii_digit()) && !digits.starts_with('0')
}

/// A mailbox, or several.
pub(super) fn email(input: &Input<'_>, scope: &Scope<'_>) -> Option<SinkKind> {
    let allow_private = scope.flag("allow_private").unwrap_or(false);
    let hint = "smtp://HOST:587 (STARTTLS) or smtps://HOST:465 (TLS from the first byte)";
    let server = scope.need("url", hint).and_then(|said| server(input, scope, said, allow_private));
    let from = scope.need("from", "who the messages are from, for example \"walletwatch <alerts@example.com>\"");
    let from = from.and_then(|said| mailbox(input, "from", said));
    let to = recipients(input, scope);
    let login = match (scope.text("user"), scope.text("password")) {
        (Some(user), Some(password)) => {
            let fine = !user.value.is_empty() && !user.value.chars().any(char::is_control);
            if !fine {
                input.notes.fault(user.place, "`user` cannot be a name", "write it as the mail server knows it");
            }
            input.secret("password", password).map(|password| Some((Name::from(user.value), password)))
        }
        (Some(_), None) => {
            scope.missing("password", "\"env:NAME\" of the mail server's password, or no `user`");
            None
        }
        (None, Some(_)) => {
            scope.missing("user", "who the password is of, or no `password`");
            None
        }
        (None, None) => Some(None),
    };
    let (host, port, security) = server?;
    Some(SinkKind::Email(Box::new(EmailConfig {
        host,
        port,
        security,
        login: login?,
        from: from?,
        to: to?,
        allow_private,
    })))
}

fn mailbox(input: &Input<'_>, key: &str, said: Said<'_, &str>) -> Option<MailAddress> {
    let parsed = MailAddress::parse(said.value);
    if parsed.is_none() {
        let hint = "ops@example.com or Operations <ops@example.com>, without quotes inside";
        input.notes.fault(said.place, format!("`{key}` is no mail address"), hint);
    }
    parsed
}

fn recipients(input: &Input<'_>, scope: &Scope<'_>) -> Option<Vec<MailAddress>> {
    let Some(said) = scope.texts("to") else {
        scope.missing("to", "one mail address or a list");
        return None;
    };
    if said.is_empty() || said.len() > RECIPIENTS_MOST {
        let what = format!("`to` has {} addresses", said.len());
        let hint = format!("1 to {RECIPIENTS_MOST}; a list of the mail server's own for more");
        input.notes.fault(scope.place(), what, hint);
        return None;
    }
    let mut to: Vec<MailAddress> = Vec::with_capacity(said.len());
    let mut fine = true;
    for said in said {
        match mailbox(input, "to", said) {
            Some(address) if to.iter().any(|other| other.address == address.address) => {
                input.notes.fault(said.place, "`to` names this address twice", "leave one out");
                fine = false;
            }
            Some(address) => to.push(address),
            None => fine = false,
        }
    }
    fine.then_some(to)
}

/// Host, port and how it is spoken to.
fn server(
    input: &Input<'_>,
    scope: &Scope<'_>,
    said: Said<'_, &str>,
    allow_private: bool,
) -> Option<(Name, u16, MailSecurity)> {
    let (_, url, _) = input.url("url", said, &["smtp", "smtps"])?;
    let fault = |what: &str, hint: &str| {
        input.notes.fault(said.place, what, hint);
        None
    };
    if !url.username().is_empty() || url.password().is_some() {
        return fault("the mail server's url holds a user or a password", "write `user` and `password = \"env:NAME\"`");
    }
    if url.path().len() > 1 || url.query().is_some() || url.fragment().is_some() {
        return fault("the mail server's url holds more than a host and a port", "for example smtp://HOST:587");
    }
    let starttls = scope.flag("starttls");
    let security = match (url.scheme(), starttls) {
        ("smtps", None) => MailSecurity::Tls,
        ("smtps", Some(_)) => {
            return fault("`starttls` is for smtp:// alone: smtps:// is encrypted from the first byte", "leave it out");
        }
        (_, Some(false)) => MailSecurity::Clear,
        (_, Some(true) | None) => MailSecurity::StartTls,
    };
    let Ok(host) = Host::parse(url.host_str().unwrap_or_default()) else {
        return fault("the mail server's host is none", "a name or an address");
    };
    let own = PORTS.iter().find(|(of, _)| *of == security).map_or(25, |(_, port)| *port);
    // Only of an address that is written as one can anything be told before it is reached.
    let private = Url::parse(&format!("https://{host}/")).is_ok_and(|url| urls::is_private(&url));
    let written = matches!(host, Host::Ipv4(_) | Host::Ipv6(_));
    match security {
        MailSecurity::Clear if !allow_private || (written && !private) => {
            let hint = "STARTTLS; or `allow_private = true` and a mail server on this machine or in a private network";
            return fault("mail would go in the clear", hint);
        }
        MailSecurity::Clear | MailSecurity::Tls | MailSecurity::StartTls if private && !allow_private => {
            let what = "the mail server is this machine or in a private network";
            return fault(what, "`allow_private = true` where that is meant");
        }
        MailSecurity::Clear | MailSecurity::Tls | MailSecurity::StartTls => {}
    }
    Some((host.to_string().into(), url.port().unwrap_or(own), security))
}
