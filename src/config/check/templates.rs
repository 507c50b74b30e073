//! `[[template]]`: whose words they are. Whether they can be read, who renders them says.

use super::input::Input;
use super::page_and_store::sinks as named;
use super::rules::Read;
use super::sinks::{Sinks, types};
use crate::config::checked::{SinkKind, TemplateConfig, Written};
use crate::config::faults::Place;
use crate::config::near;
use crate::config::raw::scope::Scope;
use crate::reactor::effect::MessageKind;
use crate::types::Name;
use std::collections::BTreeSet;
use url::Url;

/// What only rules speak of.
const BY_RULES: [&str; 6] = ["transfer.", "approval.", "price.", "gas.", "balance.", "payment."];

/// Every `[[template]]`.
pub(super) fn check(input: &Input<'_>, sinks: &Sinks, rules: &[Read<'_>]) -> Vec<TemplateConfig> {
    let read = input.root.many("template").into_iter();
    let read = read.filter_map(|scope| Some((template(input, &scope, sinks, rules)?, scope.place().clone())));
    let (templates, places): (Vec<TemplateConfig>, Vec<Place>) = read.unzip();
    warn_of_unused(input, sinks, rules, &templates, &places);
    templates
}

/// Of messages that are for several templates the first has them: one that is never the first is for nothing.
fn warn_of_unused(
    input: &Input<'_>,
    sinks: &Sinks,
    rules: &[Read<'_>],
    templates: &[TemplateConfig],
    places: &[Place],
) {
    let by_rule = || rules.iter().map(|rule| Some(rule.name.as_str()));
    let messages = MessageKind::ALL.into_iter().map(MessageKind::word).flat_map(|word| {
        let speaks: Vec<Option<&str>> = if BY_RULES.iter().any(|of| word.starts_with(of)) {
            by_rule().collect()
        } else {
            by_rule().chain([None]).collect()
        };
        let to = move |rule| sinks.list.iter().map(move |sink| (word, &sink.name, rule));
        speaks.into_iter().flat_map(to)
    });
    // Those that a template is for, and those that have the words of another.
    let mut used = vec![false; templates.len()];
    let mut taken_by = vec![BTreeSet::new(); templates.len()];
    for (word, sink, rule) in messages {
        let mut fitting = (0..templates.len()).filter(|nth| templates[*nth].is_for(word, sink, rule));
        let Some(first) = fitting.next() else { continue };
        used[first] = true;
        for later in fitting {
            taken_by[later].insert(first);
        }
    }
    for (nth, place) in places.iter().enumerate().filter(|(nth, _)| !used[*nth] && !taken_by[*nth].is_empty()) {
        let lines: Vec<String> = taken_by[nth].iter().map(|first| places[*first].line.to_string()).collect();
        let lines = lines.join(", ");
        let what = format!(
            "no message gets these words: the first template that is for a message has it, here that of line {lines}"
        );
        input.notes.warn(place, what);
    }
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
