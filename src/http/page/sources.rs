//! Sources: every one with its state, since when it is blind, and what is left of its budget; and the rules they feed.

use super::super::Parts;
use super::super::bodies;
use super::digits::grouped;
use super::frame::{Here, page};
use super::pieces::{Tone, ago, bar, empty, link, section, severity, since, span, state, text, time};
use super::{Shown, View, chains, deliveries, market};
use crate::reactor::event::SourceState;
use crate::reactor::unpriced::Unknown;
use crate::telemetry::snapshot::{RuleStatus, SourceStatus};
use axum::extract::State;
use maud::{Markup, html};
use std::sync::Arc;

pub(super) async fn show(State(parts): State<Arc<Parts>>) -> Shown {
    let view = View::of(&parts);
    let main = html! {
        h1 { "Sources and rules" }
        div.columns {
            div {
                (section("sources", "Sources", &html! {}, &table(&view, &view.standing.sources)))
                (section("rules", "Rules", &html! {}, &rules(&view)))
            }
            div {
                (chains::show(&view, &html! {}))
                (budgets(&view))
                (market::prices(&view))
                (market::gas(&view))
                (deliveries::sinks(&view))
            }
        }
    };
    Ok(page(&view, Here::Sources, "Sources", &main))
}

fn table(view: &View, sources: &[SourceStatus]) -> Markup {
    html! {
        @if sources.is_empty() {
            (empty("Nothing reports", &html! { "The config names no chain, no explorer and no feed." }))
        } @else {
            table.rows {
                thead { tr { th { "State" } th { "Source" } th.when { "Last heard" } } }
                tbody { @for source in sources { (line(view, source)) } }
            }
        }
    }
}

fn tone_of(state: &SourceState) -> Tone {
    match state {
        SourceState::Fresh => Tone::Good,
        SourceState::Connecting => Tone::Busy,
        SourceState::OverBudget(_) => Tone::Warn,
        SourceState::BackingOff(_) | SourceState::Stale | SourceState::Refused(_) => Tone::Bad,
    }
}

fn line(view: &View, source: &SourceStatus) -> Markup {
    let (word, detail) = bodies::state(&source.state);
    html! {
        tr {
            td.stage { (state(tone_of(&source.state), &word.replace('_', " "))) }
            td.what {
                b { (text(source.id.name.as_str())) } " " span.muted {
                    (source.id.kind.word())
                    @if let Some(chain) = source.id.chain { " on " (text(view.standing.labels.chain(chain).as_str())) }
                    @if source.required { ", required" }
                }
                @if let Some(detail) = detail { div.sub.bad { (text(&detail)) } }
                @if let Some(blind) = source.blind_since { div.sub.bad { "blind " (since(blind, view.now)) } }
                @if let Some(outage) = source.last_outage {
                    div.sub { "was blind for " (span(outage.until.since(outage.since))) " until " (ago(outage.until, view.now)) }
                }
            }
            td.when data-head="Last heard" { @match source.last_event { Some(at) => (ago(at, view.now)), None => span.muted { "never" } } }
        }
    }
}

/// What is left of each explorer's plan today.
fn budgets(view: &View) -> Markup {
    let all = &view.standing.budgets;
    html! {
        @if !all.is_empty() {
            (section("budgets", "Budgets", &html! {}, &html! {
                ul.limits {
                    @for (name, budget) in all {
                        @let used = budget.of.saturating_sub(budget.left);
                        @let part = used.saturating_mul(1_000_000).checked_div(budget.of).unwrap_or(1_000_000);
                        @let part = u32::try_from(part).unwrap_or(u32::MAX);
                        @let tone = if part >= 950_000 { Tone::Bad } else if part >= 800_000 { Tone::Warn } else { Tone::Good };
                        li {
                            span.name { (text(name.as_str())) }
                            p.sub { b { (grouped(&budget.left.to_string())) } " of " (grouped(&budget.of.to_string())) " calls left today" }
                            (bar(part, tone, &format!("{name}: {used} of {} calls used today", budget.of)))
                        }
                    }
                }
            }))
        }
    }
}

fn rules(view: &View) -> Markup {
    let rules = &view.standing.rules;
    html! {
        @if rules.is_empty() {
            (empty("No rule is in force", &html! { "A " code { "[[rule]]" } " in the config says what to tell, and whom. Built-in alerts are said without one." }))
        } @else {
            table.rows {
                thead { tr { th { "State" } th { "Rule" } th.when { "Last spoke" } } }
                tbody { @for rule in rules { (rule_line(view, rule)) } }
            }
        }
    }
}

fn rule_line(view: &View, rule: &RuleStatus) -> Markup {
    let blind =
        rule.covered.iter().filter(|(_, covered)| !**covered).map(|(chain, _)| view.standing.labels.chain(*chain));
    let blind: Vec<String> = blind.map(|name| name.to_string()).collect();
    let (tone, word) = match rule.crossed {
        Some(true) if rule.unjudged.is_some() => (Tone::Bad, "crossed, blind"),
        _ if rule.unjudged.is_some() => (Tone::Bad, "blind"),
        _ if !blind.is_empty() => (Tone::Warn, "not fed"),
        Some(true) => (Tone::Warn, "crossed"),
        Some(false) => (Tone::Good, "within"),
        None => (Tone::Good, "watching"),
    };
    let name = rule.name.as_str();
    html! {
        tr {
            td.stage { (state(tone, word)) }
            td.what {
                a.main href=(link("/alerts", [("rule", name)].into_iter())) { (text(name)) } " " (severity(rule.severity))
                @if let Some(Unknown { since, why }) = &rule.unjudged {
                    div.sub.bad {
                        "cannot be judged" @if let Some(since) = since { " since " (time(*since, view.now)) } ": " (text(why.as_str()))
                    }
                }
                @if !blind.is_empty() { div.sub.warn { "no source sees all of it on " (text(&blind.join(", "))) } }
            }
            td.when data-head=[rule.crossed.map(|_| "Last spoke")] { @match (rule.spoke_at, rule.crossed) {
                    (Some(at), _) => (ago(at, view.now)),
                    (None, Some(_)) => span.muted { "never" },
                    // It has no level: its alerts tell when it spoke.
                    (None, None) => {}
                } }
        }
    }
}
