//! Alerts: what was said, where its life stands, whom it reached; and one of them with every message.

use super::super::bodies;
use super::super::problem::Problem;
use super::super::query::{ALERT_STATE, NOTHING, RULE, Start, Takes, WATCH};
use super::super::why::{now_of, story};
use super::super::{Parts, named};
use super::frame::{Here, page};
use super::pieces::{
    Tone, ago, chips, empty, facts, pager, section, severity, state, text, time, unmarked, watch_link,
};
use super::{Shown, View, asked, deliveries, transfers, why};
use crate::reactor::rows::{AlertRow, AlertState, AlertSubject};
use crate::sinks::digest::line_about;
use crate::sinks::text::render;
use crate::store::{OutboxRow, OutboxState};
use crate::types::{AlertId, Severity};
use axum::extract::{Path, State};
use axum::http::{StatusCode, Uri};
use maud::{Markup, html};
use std::sync::Arc;

/// An alert with its messages.
pub(super) type Told = (AlertRow, Vec<OutboxRow>);

pub(super) async fn list(State(parts): State<Arc<Parts>>, uri: Uri) -> Shown {
    let view = View::of(&parts);
    let asked = asked(&uri, Takes { filters: &[ALERT_STATE, RULE, WATCH], pages: Some(Start::Number), ..NOTHING })?;
    let filter = named::alerts(&parts, &view.standing, &asked).await?;
    let found = parts.archive.alerts(filter, asked.limit).await?;
    let told = told(&parts, found.rows).await?;
    let next = found.next.map(|place| place.to_string());
    let filters = asked.filters();
    let main = html! {
        h1 { "Alerts" }
        div.filters {
            (chips("/alerts", "state", AlertState::ALL.iter().map(|state| state.word()), &filters))
            @if asked.of(RULE).is_some() || asked.of(WATCH).is_some() {
                p {
                    @if let Some(rule) = asked.of(RULE) { "Of the rule " b { (text(rule)) } ". " }
                    @if let Some(watch) = asked.of(WATCH) { "Of " (watch_link(watch)) ". " }
                    a href="/alerts" { "Of all" }
                }
            }
        }
        (section("alerts", "What was said", &html! {}, &html! {
            (table(&view, &told))
            (pager("/alerts", &filters, asked.is_first(), next.as_deref()))
        }))
    };
    Ok(page(&view, Here::Alerts, "Alerts", &main))
}

/// Each alert with its messages: a look by its number each.
pub(super) async fn told(parts: &Parts, rows: Vec<AlertRow>) -> Result<Vec<Told>, Problem> {
    let mut told = Vec::with_capacity(rows.len());
    for row in rows {
        told.push(parts.archive.alert(row.id).await?.unwrap_or_else(|| (row, Vec::new())));
    }
    Ok(told)
}

pub(super) async fn one(State(parts): State<Arc<Parts>>, Path(id): Path<String>) -> Shown {
    let id = AlertId::parse(&id)
        .ok_or_else(|| Problem::new(StatusCode::BAD_REQUEST, "an id of an alert is 32 hexadecimal digits"))?;
    let unknown = || Problem::new(StatusCode::NOT_FOUND, "there is no such alert, or it was pruned");
    let (row, messages) = parts.archive.alert(id).await?.ok_or_else(unknown)?;
    let view = View::of(&parts);
    let about = match &row.subject {
        AlertSubject::Transfer { transfer, .. } => parts.archive.transfer(*transfer).await?,
        AlertSubject::Crossing(_)
        | AlertSubject::Balance { .. }
        | AlertSubject::Trouble(_)
        | AlertSubject::Payment(_) => None,
    };
    let story = match &about {
        Some(transfer) => Some(story(&parts, transfer.clone()).await?),
        None => None,
    };
    let learned = transfers::learned(&parts, &view, about.as_ref()).await;
    // Of one about a transfer that is what looked at the transfer, of one about a payment the payment's own page.
    let stands = match &row.subject {
        AlertSubject::Transfer { .. } | AlertSubject::Payment(_) => None,
        AlertSubject::Crossing(_) | AlertSubject::Balance { .. } | AlertSubject::Trouble(_) => {
            Some(now_of(&parts, row.clone()).await)
        }
    };
    let title = title(&row, &messages);
    let main = html! {
        p.crumb { a href="/alerts" { "Alerts" } }
        h1 .(if row.state == AlertState::Retracted { "gone" } else { "here" }) { (text(&title)) }
        (section("alert", "The alert", &life(&row), &about_alert(&view, &row)))
        (section("messages", "Its messages", &html! {}, &html! {
            @if let Some(why) = &row.untold { (empty("Its newest message was told to nobody", &html! { (text(why.as_str())) })) }
            @else if messages.is_empty() { (empty("None is left", &html! { "They were pruned." })) }
            @if !messages.is_empty() { ol.life { @for (place, message) in messages.iter().enumerate() { (said(&view, message, place.checked_sub(1).map(|before| &messages[before]))) } } }
        }))
        @if let Some(transfer) = &about {
            (section("transfers", "What it is about", &html! {}, &transfers::table(&view, &learned, std::slice::from_ref(transfer))))
        }
        @if let Some(story) = &story { (why::section_of(&view, story)) }
        @if let Some(rules) = &stands { (section("why", "Why, and where it stands now", &html! {}, &why::looked_at(rules.as_deref()))) }
        @if let AlertSubject::Payment(id) = &row.subject {
            (section("why", "Why", &html! {}, &empty("It is about a payment", &html! {
                "What made it, what it waits for and until when: " a href={ "/payments/" (id) } { "the payment" }
            })))
        }
    };
    Ok(page(&view, Here::Alerts, &title, &main))
}

/// A table of alerts, newest first.
pub(super) fn table(view: &View, told: &[Told]) -> Markup {
    if told.is_empty() {
        return empty(
            "Nothing was said yet",
            &html! { "An alert is raised when a " code { "[[rule]]" } " speaks, or when something built in does: a blind source, a failing sink. "
            a href="/sources" { "The rules in force" } },
        );
    }
    html! {
        table.rows {
            thead { tr { th { "State" } th { "What was said" } th { "Told" } th.when { "Changed" } } }
            tbody { @for (row, messages) in told { (line(view, row, messages)) } }
        }
    }
}

fn line(view: &View, row: &AlertRow, messages: &[OutboxRow]) -> Markup {
    let id = row.id.to_string();
    html! {
        tr #{ "a" (id) } class=[(row.state == AlertState::Retracted).then_some("gone")] {
            td.stage { (life(row)) }
            td.what {
                a.main href={ "/alerts/" (id) } { (text(&title(row, messages))) }
                div.sub {
                    (severity(row.severity)) " " (of_rule(row.rule.as_str()))
                }
            }
            td.told { div.reached { (reached(row, messages)) } }
            td.when { (ago(row.changed_at, view.now)) }
        }
    }
}

/// What its last message says in one line, or the last digest that names it; where none is left, its rule.
fn title(row: &AlertRow, messages: &[OutboxRow]) -> String {
    let own = messages.iter().rfind(|message| message.message.alert == row.id);
    let said = own.and_then(|message| render(&message.message.body, false).ok());
    let said = said.map(|text| unmarked(&text.title).to_owned());
    let named = || messages.iter().rev().find_map(|message| line_about(&message.message.body, row.id));
    said.or_else(named).unwrap_or_else(|| row.rule.to_string())
}

/// A rule, with what it said.
pub(super) fn of_rule(name: &str) -> Markup {
    html! { a href=(super::pieces::link("/alerts", [("rule", name)].into_iter())) { (text(name)) } }
}

fn life(row: &AlertRow) -> Markup {
    let tone = match row.state {
        AlertState::Raised | AlertState::Updated if row.closed => Tone::Idle,
        AlertState::Raised | AlertState::Updated => match row.severity {
            Severity::Info => Tone::Busy,
            Severity::Warning => Tone::Warn,
            Severity::Critical => Tone::Bad,
        },
        AlertState::Resolved => Tone::Good,
        AlertState::Retracted => Tone::Bad,
    };
    state(tone, row.state.word())
}

/// Each sink with how the last message to it stands.
fn reached(row: &AlertRow, messages: &[OutboxRow]) -> Markup {
    html! {
        @for sink in &row.told {
            @let last = messages.iter().rev().find(|message| message.message.sink == *sink);
            span.sink.(last.map_or("idle", |message| deliveries::tone_of(message.state).class())) {
                (text(sink.as_str()))
                @match last.map(|message| message.state) {
                    Some(OutboxState::Pending) => " (pending)",
                    Some(OutboxState::Dead) => " (dead)",
                    Some(OutboxState::Superseded) => " (superseded)",
                    Some(OutboxState::Done) | None => "",
                }
            }
            " "
        }
        @if let Some(why) = &row.untold {
            span.muted { @if !row.told.is_empty() { "lately " } "nobody: " (text(why.as_str())) }
        }
        @else if row.told.is_empty() { span.muted { "nobody" } }
    }
}

fn about_alert(view: &View, row: &AlertRow) -> Markup {
    let item = bodies::alert(row, &view.standing.labels);
    let stages = if item.said.is_empty() { "-".to_owned() } else { item.said.join(", ") };
    let stages = if row.told.is_empty() { format!("{stages} (to nobody)") } else { stages };
    let named = |name: &str, value: Markup| (name.to_owned(), value);
    let mut rows = vec![
        named("Rule", of_rule(&item.rule)),
        named("Severity", severity(row.severity)),
        named("Raised", time(row.raised_at, view.now)),
        named("Changed", time(row.changed_at, view.now)),
        named("Revision", html! { (item.revision) }),
        named("Stages said", html! { (stages) }),
        named("Id", html! { span.address { (item.alert_id) } }),
    ];
    if row.closed {
        rows.push(named("Closed", html! { "Nothing can change it any more." }));
    }
    rows.extend(subject(&item.subject));
    facts(&rows)
}

/// What it is about, key by key, with links to what has a page.
fn subject(subject: &serde_json::Value) -> impl Iterator<Item = (String, Markup)> {
    subject.as_object().into_iter().flatten().filter(|(_, value)| !value.is_null()).map(|(key, value)| {
        let shown = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let markup = match key.as_str() {
            "watch" => watch_link(&shown),
            "transfer_id" => html! { a.address href={ "/transfers/" (text(&shown)) } { (text(&shown)) } },
            "payment_id" => html! { a.address href={ "/payments/" (text(&shown)) } { (text(&shown)) } },
            "address" => html! { span.address { (text(&shown)) } },
            _ => html! { (text(&shown)) },
        };
        let name = if key == "kind" { "About a" } else { key.strip_suffix("_id").unwrap_or(key) };
        (name.replace('_', " "), markup)
    })
}

/// One message of its life; its title where the one before had another.
fn said(view: &View, row: &OutboxRow, before: Option<&OutboxRow>) -> Markup {
    let message = &row.message;
    let news = before.is_none_or(|before| before.message.body != message.body);
    let read = render(&message.body, false).ok().filter(|_| news);
    html! {
        li {
            @if let Some(read) = read { p { b { (text(unmarked(&read.title))) } } }
            p {
                (time(message.created, view.now)) " " span.muted { (text(message.kind.as_str())) " to " }
                (text(message.sink.as_str())) " " (deliveries::standing(row)) " "
                a href={ "/outbox/" (message.id) } { "message" }
            }
            @if let Some(reason) = &row.reason { p.sub.bad { (text(reason.as_str())) } }
        }
    }
}
