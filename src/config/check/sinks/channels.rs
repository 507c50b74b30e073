//! Sinks where many read along: a Slack channel by a bot, a Discord channel, an ntfy topic.

use super::target;
use crate::config::check::input::Input;
use crate::config::checked::{DiscordConfig, NtfyConfig, SinkKind, SlackBotConfig};
use crate::config::faults::Place;
use crate::config::raw::scope::Scope;
use crate::config::urls;
use crate::types::{Name, Secret};
use url::Url;

/// Where topics are, unless a server of one's own is named.
const NTFY: &str = "https://ntfy.sh";
/// Where Slack's Web API is.
const SLACK: &str = "https://slack.com";
/// What to do about a url of Slack that says more.
const OF_SLACK: &str = "leave `url` out for Slack's own; that of an incoming webhook is instead of `token`";
/// What to do about a url of ntfy that says more.
const OF_NTFY: &str = "the topic's name is for `topic`";
/// The longest name of a topic.
const TOPIC_MOST: usize = 64;

/// A bot of Slack.
pub(super) fn slack_bot(input: &Input<'_>, scope: &Scope<'_>) -> Option<SinkKind> {
    /// What every id of a channel begins with: a channel, a private one, a talk with one person.
    const KINDS: [char; 3] = ['C', 'G', 'D'];
    let allow_private = scope.flag("allow_private").unwrap_or(false);
    let url = match scope.text("url") {
        Some(said) => target(input, said, allow_private).filter(|url| is_root(input, said.place, url, OF_SLACK)),
        None => scope.node("url").is_none().then(|| Secret::new(SLACK.to_owned())),
    };
    let token = scope.text("token").and_then(|said| input.secret("token", said));
    let channel = scope.need("channel", "the channel's id, for example \"C0123456789\"").and_then(|said| {
        let fine = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit();
        if said.value.starts_with(KINDS) && (3..=24).contains(&said.value.len()) && said.value.bytes().all(fine) {
            return Some(Name::from(said.value));
        }
        let what = "`channel` is no id of a channel";
        input.notes.fault(
            said.place,
            what,
            "it begins with C, G or D, and stands at the foot of the channel's details",
        );
        None
    });
    Some(SinkKind::SlackBot(SlackBotConfig { url: url?, token: token?, channel: channel?, allow_private }))
}

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
        Some(said) => target(input, said, allow_private).filter(|url| is_root(input, said.place, url, OF_NTFY)),
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

/// What follows the host is ours to write: of Slack the method, of ntfy nothing, for JSON goes to its root.
fn is_root(input: &Input<'_>, place: &Place, url: &Secret, hint: &str) -> bool {
    let root = Url::parse(url.expose()).is_ok_and(|url| url.path() == "/" && url.query().is_none());
    if !root {
        input.notes.fault(place, "the server's url holds more than a host", hint);
    }
    root
}
