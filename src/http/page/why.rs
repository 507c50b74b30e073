//! The answer to `why`: each rule that looked at a transfer, what each of its conditions said, and which alerts came of it.

use super::super::why::{CheckItem, RuleItem, TransferStory};
use super::View;
use super::pieces::{Tone, empty, section, state, text, watch_link};
use maud::{Markup, html};

/// The section of a transfer's page.
pub(super) fn section_of(_view: &View, story: &TransferStory) -> Markup {
    html! {
        (section("why", "Why it was said, or not", &html! {}, &looked_at(story.rules.as_deref())))
        (section("said", "Alerts about it", &html! {}, &html! {
            @if story.alerts.is_empty() {
                (empty("None", &html! { "What is above says why." }))
            } @else {
                ul.plain {
                    @for alert in &story.alerts {
                        li {
                            a href={ "/alerts/" (alert.alert_id) } { (text(&alert.rule)) } " "
                            span.muted {
                                (alert.state)
                                @if !alert.said.is_empty() { ", said at " (alert.said.join(", ")) }
                                @if !alert.told.is_empty() { ", told " (text(&alert.told.join(", "))) }
                                @if let Some(why) = &alert.untold { ", told to nobody: " (text(why)) }
                            }
                        }
                    }
                }
            }
        }))
    }
}

/// Every rule that looked, with what each of its conditions says.
pub(super) fn looked_at(rules: Option<&[RuleItem]>) -> Markup {
    match rules {
        None => {
            empty("No monitor runs that could be asked", &html! { "The store alone does not hold the rules in force." })
        }
        Some([]) => empty(
            "No rule looks at it",
            &html! { "A " code { "[[rule]]" } " on its watch would: " code { "when = \"transfer\"" } "." },
        ),
        Some(rules) => html! { ul.rules { @for rule in rules { (looked(rule)) } } },
    }
}

fn looked(rule: &RuleItem) -> Markup {
    let (tone, word) = if rule.speaks { (Tone::Good, "speaks") } else { (Tone::Idle, "does not speak") };
    html! {
        li {
            p { b { (text(&rule.rule)) } @if let Some(watch) = &rule.watch { span.muted { " on " } (watch_link(watch)) } " " (state(tone, word)) }
            ul.checks {
                @for check in &rule.checks { (checked(check)) }
                @for besides in &rule.besides { (said(false, besides, &html! {})) }
            }
        }
    }
}

/// A condition: what there is, and where it keeps the rule from speaking what it asks for.
fn checked(check: &CheckItem) -> Markup {
    let values = html! {
        span.is { (text(&check.is)) }
        @if !check.passed { span.wanted { "asked for: " (text(&check.wanted)) } }
    };
    said(check.passed, &check.check.replace('_', " "), &values)
}

fn said(passed: bool, what: &str, values: &Markup) -> Markup {
    let (class, word, tick) = if passed { ("yes", "passed: ", "✓") } else { ("no", "failed: ", "✗") };
    html! { li.(class) { span.unseen { (word) } span.tick aria-hidden="true" { (tick) } span { b { (text(what)) } " " (values) } } }
}
