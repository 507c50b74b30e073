//! `[[template]]`: whose words they are. Whether they can be read, who renders them says.

use super::input::Input;
use super::page_and_store::sinks as named;
use super::rules::Read;
use super::sinks::{Sinks, types};
use crate::config::checked::{SinkKind, TemplateConfig, Written};
use crate::config::near;
use crate::config::raw::scope::Scope;
use crate::types::Name;
use url::Url;

/// Every `[[template]]`.
pub(super) fn check(input: &Input<'_>, sinks: &Sinks, rules: &[Read<'_>]) -> Vec<TemplateConfig> {
    input.root.many("template").into_iter().filter_map(|scope| template(input, &scope, sinks, rules)).collect()
}

fn template(input: &Input<'_>, scope: &Scope<'_>, sinks: &Sinks, rules: &[Read<'_>]) -> Option<TemplateConfig> {
    if scope.node("types").is_none() {
        scope.missing("types", "the types that it is for, for example [\"transfer.*\"]");
    }
    let types = types(scope);
    let told = scope.texts("sinks").map(|said| named(&sinks.names, said, input)).unwrap_or_default();
    for name in &told {
        let reads = sinks.list.iter().find(|sink| sink.name == *name);
        if reads.is_some_and(|sink| matches!(sink.kind, SinkKind::Webhook { .. } | SinkKind::Nats(_))) {
            let what = format!("the sink `{name}` gets the body, which has no words of yours");
            input.notes.fault(scope.place(), what, "name a sink that people read");
        }
    }
    let known = || rules.iter().map(|rule| rule.name.as_str());
    let mut of_rules: Vec<Name> = Vec::new();
    for said in scope.texts("rules").unwrap_or_default() {
        if known().any(|name| name == said.value) {
            of_rules.push(said.value.into());
        } else {
            input.notes.fault(said.place, "there is no rule of this name", near::hint(said.value, known()));
        }
    }
    let written =
        |key: &str| scope.text(key).map(|said| Written { text: said.value.into(), place: said.place.clone() });
    let (title, text, link) = (written("title"), written("text"), written("link"));
    if title.is_none() && text.is_none() && link.is_none() {
        scope.missing("title", "words for the title, or `text` for the lines below it");
    }
    if let Some(link) = link.as_ref().filter(|link| !leads_to_one_host(&link.text)) {
        let what = "where a link leads must not depend on what a message holds";
        input.notes.fault(&link.place, what, "begin it with https://HOST/, and put values behind that");
    }
    let fine = !types.is_empty();
    fine.then_some(TemplateConfig { types, sinks: told, rules: of_rules, title, text, link })
}

/// Whether a link's scheme and host are written out.
fn leads_to_one_host(link: &str) -> bool {
    let written = link.split('{').next().unwrap_or_default();
    let whole = written.split_once("://").is_some_and(|(_, rest)| rest.contains('/'));
    whole && Url::parse(written).is_ok_and(|url| matches!(url.scheme(), "https" | "http") && url.has_host())
}
