//! Sinks where many read along: a Discord channel, an ntfy topic.

use super::target;
use crate::config::check::input::Input;
use crate::config::checked::{DiscordConfig, NtfyConfig, SinkKind};
use crate::config::raw::scope::Scope;
use crate::config::urls;
use crate::types::{Name, Secret};
use url::Url;

/// Where topics are, unless a server of one's own is named.
const NTFY: &str = "https://ntfy.sh";
/// The longest name of a topic.
const TOPIC_MOST: usize = 64;

/// A Discord webhook.
pub(super) fn discord(input: &Input<'_>, scope: &Scope<'_>) -> Option<SinkKind> {
    let allow_private = scope.flag("allow_private").unwrap_or(false);
    let said = scope.need("url", "\"env:NAME\" of the webhook's url")?;
    let literal =
        Url::parse(said.value).is_ok_and(|url| matches!(url.scheme(), "https" | "http") && !urls::is_private(&url));
    if literal {
        let what = "the url of a Discord webhook is a secret, and it is written here in plain text";
        input.notes.fault(said.place, what, "write \"env:NAME\", and make a new one: this one was in a file");
        return None;
    }
    let url = target(input, said, allow_private)?;
    let parsed = Url::parse(url.expose()).ok()?;
    if parsed.query().is_some() || parsed.fragment().is_some() {
        let what = "the webhook's url holds more than a path";
        input.notes.fault(said.place, what, "https://discord.com/api/webhooks/ID/TOKEN as Discord copies it");
        return None;
    }
    Some(SinkKind::Discord(DiscordConfig { url, allow_private }))
}

/// A topic of an ntfy server.
pub(super) fn ntfy(input: &Input<'_>, scope: &Scope<'_>) -> Option<SinkKind> {
    let allow_private = scope.flag("allow_private").unwrap_or(false);
    let url = match scope.text("url") {
        Some(said) => target(input, said, allow_private).filter(|url| is_root(input, said.place, url)),
        None => scope.node("url").is_none().then(|| Secret::new(NTFY.to_owned())),
    };
    let topic =
        scope.need("topic", "the topic's name; who knows it can read along, so make it long").and_then(|said| {
            let fine = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
            if (1..=TOPIC_MOST).contains(&said.value.len()) && said.value.bytes().all(fine) {
                return Some(Name::from(said.value));
            }
            let what = "`topic` cannot be the name of a topic";
            input.notes.fault(said.place, what, format!("letters, digits, _ and -, at most {TOPIC_MOST}"));
            None
        });
    let token = match scope.text("token") {
        Some(said) => Some(input.secret("token", said)?),
        None => None,
    };
    if token.is_none() && scope.node("url").is_none() {
        let what = "everybody who knows the topic can read the alerts on ntfy.sh";
        input.notes.warn(scope.place(), what);
    }
    Some(SinkKind::Ntfy(NtfyConfig { url: url?, topic: topic?, token, allow_private }))
}

/// JSON goes to the root of a server, never to a topic.
fn is_root(input: &Input<'_>, place: &crate::config::faults::Place, url: &Secret) -> bool {
    let root = Url::parse(url.expose()).is_ok_and(|url| url.path() == "/" && url.query().is_none());
    if !root {
        input.notes.fault(place, "the server's url holds more than a host", "the topic's name is for `topic`");
    }
    root
}
