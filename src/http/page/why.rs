//! The answer to `why`: each rule that looked at a transfer, what each of its conditions said, and which alerts came of it.

use super::super::why::{RuleItem, TransferStory};
use super::View;
use super::pieces::{Tone, empty, section, state, text, watch_link};
use maud::{Markup, html};

/// The section of a transfer's page.
pub(super) fn section_of(_view: &View, story: &TransferStory) -> Markup {
    html! {
        (section("why", "Why it was said, or not", &html! {}, &match &story.rules {
            None => empty("No monitor runs that could be asked", &html! { "The store alone does not hold the rules in force." }),
            Some(rules) if rules.is_empty() => empty(
                "No rule looks at it",
                &html! { "A rule with " code { "when = \"transfer\"" } " on its watch would." },
            ),
            Some(rules) => html! { ul.rules { @for rule in rules { (looked(rule)) } } },
        }))
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

fn looked(rule: &RuleItem) -> Markup {
    let (tone, word) = if rule.speaks { (Tone::Good, "speaks") } else { (Tone::Idle, "does not speak") };
    html! {
        li {
            p { b { (text(&rule.rule)) } @if let Some(watch) = &rule.watch { span.muted { " on " } (watch_link(watch)) } " " (state(tone, word)) }
            ul.checks {
                @for check in &rule.checks { (said(check.passed, check.check)) }
                @for besides in &rule.besides { (said(false, besides)) }
            }
        }
    }
}

fn said(passed: bool, what: &str) -> Markup {
    let (class, word, tick) = if passed { ("yes", "passed: ", "✓") } else { ("no", "failed: ", "✗") };
    html! { li.(class) { span.unseen { (word) } span aria-hidden="true" { (tick) } " " (text(what)) } }
}
