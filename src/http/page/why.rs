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
                            span.muted { (alert.state) ", said at " (alert.said.join(", ")) ", told " (text(&alert.told.join(", "))) }
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
            p { b { (text(&rule.rule)) } span.muted { " on " } (watch_link(&rule.watch)) " " (state(tone, word)) }
            ul.checks {
                @for check in &rule.checks {
                    li.(if check.passed { "yes" } else { "no" }) {
                        span.tick { @if check.passed { "yes" } @else { "no" } } " " (text(check.check))
                    }
                }
                @for besides in &rule.besides { li.no { span.tick { "no" } " " (text(besides)) } }
            }
        }
    }
}
