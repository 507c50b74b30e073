//! Sinks, built-in alerts and routes.

mod channels;
mod clusters;
mod pagers;
mod people;
mod streams;

use crate::config::check::input::{Input, Names};
use crate::config::check::page_and_store::sinks as named;
use crate::config::checked::{SinkConfig, SinkKind};
use crate::config::near;
use crate::config::raw::keys::{self, SINK_KINDS};
use crate::config::raw::scope::{Said, Scope};
use crate::config::raw::tree::Value;
use crate::config::urls;
use crate::reactor::effect::MessageKind;
use crate::reactor::settings::{Heartbeat, SinkSettings, SystemSettings, is_of_type};
use crate::types::{Name, Secret, Severity};
use base64::Engine;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// The fewest bytes of a signing key, by the Standard Webhooks specification.
const KEY_BYTES_LEAST: usize = 24;
/// The most.
const KEY_BYTES_MOST: usize = 64;

/// Heartbeats closer than this are noise.
const HEARTBEAT_LEAST: Duration = Duration::from_secs(10);
/// Who hears nothing for longer than this would have noticed otherwise.
const HEARTBEAT_MOST: Duration = Duration::from_hours(7 * 24);

/// The words of the severities.
pub(super) const SEVERITIES: [(&str, Severity); 3] =
    [("info", Severity::Info), ("warning", Severity::Warning), ("critical", Severity::Critical)];

/// Every sink.
#[derive(Debug, Default)]
pub(super) struct Sinks {
    /// Those without faults, in the order of the config.
    pub list: Vec<SinkConfig>,
    /// What the reactor knows of each.
    pub settings: BTreeMap<Name, SinkSettings>,
    /// Names, also of sinks with faults.
    pub names: Names,
}

/// Every `[[sink]]`.
pub(super) fn check(input: &Input<'_>) -> Sinks {
    let mut sinks = Sinks::default();
    for scope in input.root.many("sink") {
        let name = sinks.names.claim(&scope);
        let kind = match scope.kind("kind", &SINK_KINDS) {
            Some("webhook") => webhook(input, &scope),
            Some("slack") if scope.node("token").is_some() => channels::slack_bot(input, &scope),
            Some("slack") => slack(input, &scope),
            Some("telegram") => people::telegram(input, &scope),
            Some("email") => people::email(input, &scope),
            Some("pagerduty") => pagers::pagerduty(input, &scope),
            Some("discord") => channels::discord(input, &scope),
            Some("ntfy") => channels::ntfy(input, &scope),
            Some("alertmanager") => clusters::alertmanager(input, &scope),
            Some("nats") => streams::nats(input, &scope),
            Some("log") => Some(SinkKind::Log),
            Some(_) | None => None,
        };
        let min_severity = scope.word("min_severity", &SEVERITIES).map_or(Severity::Info, |said| said.value);
        let types = types(&scope);
        if let (Some(name), Some(kind)) = (name, kind) {
            sinks.settings.insert(name.clone(), SinkSettings { name: name.clone(), min_severity, types });
            sinks.list.push(SinkConfig { name, kind });
        }
    }
    if input.root.many("sink").is_empty() {
        input.notes.warn(input.root.place(), "there is no [[sink]]: nobody hears of anything");
    }
    sinks
}

fn webhook(input: &Input<'_>, scope: &Scope<'_>) -> Option<SinkKind> {
    let allow_private = scope.flag("allow_private").unwrap_or(false);
    let url = scope.need("url", "where to send, or \"env:NAME\"").and_then(|said| target(input, said, allow_private));
    let said = scope.need("secret", "\"env:NAME\" of a signing key that begins with whsec_");
    let secret = said.and_then(|said| Some((said, input.secret("secret", said)?)));
    let secret = secret.and_then(|(said, secret)| {
        if secret.is_unread() {
            return Some(secret);
        }
        let key = secret.expose().strip_prefix("whsec_");
        let bytes = key.and_then(|key| base64::engine::general_purpose::STANDARD.decode(key).ok());
        if bytes.is_some_and(|bytes| (KEY_BYTES_LEAST..=KEY_BYTES_MOST).contains(&bytes.len())) {
            return Some(secret);
        }
        let what =
            format!("the signing key is not whsec_ and the base64 of {KEY_BYTES_LEAST} to {KEY_BYTES_MOST} bytes");
        input.notes.fault(said.place, what, "make one with: echo whsec_$(openssl rand -base64 32)");
        None
    });
    Some(SinkKind::Webhook { url: url?, secret: secret?, allow_private })
}

fn slack(input: &Input<'_>, scope: &Scope<'_>) -> Option<SinkKind> {
    let allow_private = scope.flag("allow_private").unwrap_or(false);
    if let Some(node) = scope.node("channel") {
        let what = "an incoming webhook has its channel already";
        input.notes.fault(&node.place, what, "leave `channel` out, or write a bot's `token` instead of `url`");
    }
    let said = scope.need("url", "\"env:NAME\" of the incoming webhook's url; or `token` of a bot, and `channel`")?;
    let literal = url::Url::parse(said.value)
        .is_ok_and(|url| matches!(url.scheme(), "https" | "http") && !urls::is_private(&url));
    if literal {
        let what = "the url of a Slack webhook is a secret, and it is written here in plain text";
        input.notes.fault(said.place, what, "write \"env:NAME\", and make a new one: this one was in a file");
        return None;
    }
    target(input, said, allow_private).map(|url| SinkKind::Slack { url, allow_private })
}

/// A url that messages may go to.
fn target(input: &Input<'_>, said: Said<'_, &str>, allow_private: bool) -> Option<Secret> {
    let (secret, url, _) = input.url("url", said, &["https", "http"])?;
    if allow_private {
        if urls::is_clear(&url) && !urls::is_private(&url) {
            input.notes.warn(said.place, format!("messages go to {} in the clear", urls::shown(&url)));
        }
        return Some(secret);
    }
    let what = match (urls::is_private(&url), url.scheme()) {
        (true, _) => "the sink's url leads to this machine or a private network",
        (false, "http") => "the sink's url is not https",
        (false, _) => return Some(secret),
    };
    input.notes.fault(said.place, what, "`allow_private = true` where that is meant");
    None
}

/// The types that `types` names.
pub(super) fn types(scope: &Scope<'_>) -> Vec<Name> {
    let words = || MessageKind::ALL.into_iter().map(MessageKind::word);
    let mut types = Vec::new();
    for said in scope.texts("types").unwrap_or_default() {
        if words().any(|word| is_of_type(word, said.value)) {
            types.push(said.value.into());
        } else {
            let what = "no message has such a type (yet)";
            scope.notes.fault(said.place, what, near::hint(said.value, words()));
        }
    }
    types
}

/// `[system]`: who hears the built-in alerts, and which are silenced.
pub(super) fn system(input: &Input<'_>, sinks: &Sinks) -> SystemSettings {
    let everyone = || sinks.list.iter().map(|sink| sink.name.clone()).collect();
    let Some(scope) = input.root.one("system") else {
        return SystemSettings { notify: everyone(), ..SystemSettings::default() };
    };
    let notify = scope.texts("notify").map_or_else(everyone, |said| named(&sinks.names, said, input));
    if scope.node("notify").is_some() && scope.texts("notify").is_some_and(|said| said.is_empty()) {
        input.notes.fault(scope.place(), "`notify` is empty: nobody hears when the monitor is blind", "name a sink");
    }
    SystemSettings { notify, disabled: silenced(input, &scope), heartbeat: heartbeat(input, &scope, sinks) }
}

/// `heartbeat = { to, every }`.
fn heartbeat(input: &Input<'_>, scope: &Scope<'_>, sinks: &Sinks) -> Option<Heartbeat> {
    let node = scope.node("heartbeat")?;
    let (Value::Table(table), Some(section)) = (&node.value, keys::section("system.heartbeat")) else {
        let what = format!("`heartbeat` is {}", node.value.called());
        input.notes.fault(&node.place, what, "write it as { to = \"SINK\", every = \"1h\" }");
        return None;
    };
    let scope = Scope { table, fallback: None, section, notes: input.notes };
    let to = scope.need("to", "the sink that hears it");
    let to = to.and_then(|said| Some((sinks.names.find("sink", said, input.notes)?, said.place)));
    if scope.node("every").is_none() {
        scope.missing("every", "how often, for example \"1h\"");
    }
    let every = scope.span("every")?;
    if every.value < HEARTBEAT_LEAST || every.value > HEARTBEAT_MOST {
        input.notes.fault(
            every.place,
            "a heartbeat comes every 10 s at the most and every 7 days at the least",
            "\"1h\"",
        );
        return None;
    }
    let (to, place) = to?;
    let pages = |sink: &SinkConfig| sink.name == to && matches!(sink.kind, SinkKind::PagerDuty(_));
    if sinks.list.iter().any(pages) {
        let what = "a pager cannot take a heartbeat: each would be an incident";
        input.notes.fault(place, what, "a webhook of whoever misses it: the pager's own heartbeat check, for example");
        return None;
    }
    Some(Heartbeat { to, every: every.value })
}

fn silenced(input: &Input<'_>, scope: &Scope<'_>) -> BTreeSet<Name> {
    let built_in = || MessageKind::ALL.into_iter().map(MessageKind::word).filter(|word| is_built_in(word));
    let mut disabled = BTreeSet::new();
    let items = match scope.node("alert").map(|node| (&node.value, node)) {
        Some((Value::List(items), _)) => items.as_slice(),
        Some((_, node)) => {
            input.notes.fault(&node.place, "`alert` is no list of tables", "write it as [[system.alert]]");
            &[]
        }
        None => &[],
    };
    for item in items {
        let (Value::Table(table), Some(section)) = (&item.value, keys::section("system.alert")) else {
            input.notes.fault(
                &item.place,
                format!("an alert is {}", item.value.called()),
                "write it as [[system.alert]]",
            );
            continue;
        };
        let scope = Scope { table, fallback: None, section, notes: input.notes };
        let Some(said) = scope.need("name", "for example name = \"sink.failing\"") else {
            continue;
        };
        if !built_in().any(|word| word == said.value) {
            input.notes.fault(said.place, "there is no such built-in alert", near::hint(said.value, built_in()));
        } else if scope.flag("enabled") == Some(false) {
            input.notes.warn(said.place, format!("the built-in alert {} is silenced", said.value));
            disabled.insert(said.value.into());
        }
    }
    disabled
}

/// Whether messages of this type come without a rule.
#[must_use]
pub(super) fn is_built_in(word: &str) -> bool {
    word.starts_with("source.") || word.starts_with("sink.")
}
