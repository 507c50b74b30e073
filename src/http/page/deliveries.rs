//! Deliveries: what waits, what reached its receiver, what was given up and can be sent again; and one message whole.

use super::super::commands::message_id;
use super::super::problem::Problem;
use super::super::query::{NOTHING, OUTBOX_STATE, SINK, Start, Takes};
use super::super::{Parts, named};
use super::digits::grouped;
use super::frame::{Here, page};
use super::pieces::{
    Tone, ago, button, chips, empty, facts, link, pager, section, severity, since, state, text, time, unmarked,
};
use super::{Shown, View, asked};
use crate::sinks::text::render;
use crate::store::{OutboxRow, OutboxState};
use crate::telemetry::snapshot::SinkStatus;
use crate::types::Name;
use axum::extract::{Path, State};
use axum::http::{StatusCode, Uri};
use maud::{Markup, html};
use serde_json::Value;
use std::sync::Arc;

pub(super) async fn list(State(parts): State<Arc<Parts>>, uri: Uri) -> Shown {
    let view = View::of(&parts);
    let asked = asked(&uri, Takes { filters: &[OUTBOX_STATE, SINK], pages: Some(Start::Number), ..NOTHING })?;
    let filter = named::messages(&parts, &view.standing, &asked).await?;
    let found = parts.archive.outbox(filter, asked.limit).await?;
    let next = found.next.map(|place| place.to_string());
    let filters = asked.filters();
    let main = html! {
        h1 { "Deliveries" }
        (sinks(&view))
        div.filters {
            (chips("/outbox", "state", OutboxState::ALL.iter().map(|state| state.word()), &filters))
            (chips("/outbox", "sink", view.standing.labels.sinks.iter().map(Name::as_str), &filters))
        }
        (section("outbox", "Messages", &html! {}, &html! {
            (table(&view, &found.rows))
            (pager("/outbox", &filters, asked.is_first(), next.as_deref()))
        }))
    };
    Ok(page(&view, Here::Deliveries, "Deliveries", &main))
}

pub(super) async fn one(State(parts): State<Arc<Parts>>, Path(id): Path<String>) -> Shown {
    let unknown = || Problem::new(StatusCode::NOT_FOUND, "there is no such message, or it was pruned");
    let row = parts.archive.message(message_id(&id)?).await?.ok_or_else(unknown)?;
    let view = View::of(&parts);
    let message = &row.message;
    let title = render(&message.body, false).map_or_else(|_| message.kind.to_string(), |text| text.title);
    let mut rows = vec![
        ("To", html! { (text(message.sink.as_str())) }),
        ("Type", html! { (text(message.kind.as_str())) }),
        ("Alert", html! { a.address href={ "/alerts/" (message.alert) } { (message.alert) } }),
        ("Revision", html! { (message.revision) }),
        ("Severity", severity(message.severity)),
        ("Made", time(message.created, view.now)),
        ("Attempts", html! { (row.attempts) }),
    ];
    match row.closed_at {
        Some(closed) => rows.push(("Closed", time(closed, view.now))),
        None => rows.push(("Next attempt", time(row.due, view.now))),
    }
    rows.extend(row.reason.as_ref().map(|reason| ("Last verdict", html! { (text(reason.as_str())) })));
    rows.extend(row.receiver_id.as_ref().map(|id| ("The receiver calls it", html! { (text(id.as_str())) })));
    rows.push(("Id", html! { span.address { (message.id) } }));
    let body = serde_json::from_slice::<Value>(&message.body).and_then(|body| serde_json::to_string_pretty(&body));
    let body = body.unwrap_or_else(|_| String::from_utf8_lossy(&message.body).into_owned());
    let main = html! {
        p.crumb { a href="/outbox" { "Deliveries" } }
        h1 { (text(unmarked(&title))) }
        (section("message", "The message", &html! { (standing(&row)) (again(&row)) }, &facts(&rows)))
        (section("body", "As it was frozen", &html! {}, &html! {
            pre tabindex="0" role="region" aria-label="The body of the message" {
                // Lines keep their breaks: each is made harmless by itself.
                @for line in body.lines() { (text(line)) "\n" }
            }
        }))
    };
    Ok(page(&view, Here::Deliveries, &title, &main))
}

/// A table of messages, newest first.
pub(super) fn table(view: &View, rows: &[OutboxRow]) -> Markup {
    if rows.is_empty() {
        return empty(
            "No message",
            &html! { "Every alert leaves one for each sink of its rule. To see one now: "
            code { "walletwatch sink test NAME" } },
        );
    }
    html! {
        table.rows {
            thead { tr { th { "State" } th { "Message" } th { "To" } th.when { "Made" } } }
            tbody { @for row in rows { (line(view, row)) } }
        }
    }
}

fn line(view: &View, row: &OutboxRow) -> Markup {
    let message = &row.message;
    let title = render(&message.body, false).map_or_else(|_| message.kind.to_string(), |text| text.title);
    let title = unmarked(&title);
    html! {
        tr #{ "m" (message.id) "-" (row.seq) } {
            td.stage { (standing(row)) }
            td.what {
                a.main href={ "/outbox/" (message.id) } { (text(title)) }
                div.sub {
                    (text(message.kind.as_str()))
                    @if row.attempts > 1 || row.state == OutboxState::Dead { ", " (row.attempts) " attempts" }
                    @if let Some(reason) = &row.reason { span.bad { ", " (text(reason.as_str())) } }
                }
            }
            td.told { (text(message.sink.as_str())) " " (again(row)) }
            td.when { (ago(message.created, view.now)) }
        }
    }
}

/// What can be done about a message.
fn again(row: &OutboxRow) -> Markup {
    let path = format!("/api/v1/outbox/{}/replay", row.message.id);
    let really = format!("Send this message to {} again? It keeps its id.", row.message.sink);
    html! { @if row.state == OutboxState::Dead { (button("Send again", &path, None, &really)) } }
}

pub(super) const fn tone_of(state: OutboxState) -> Tone {
    match state {
        OutboxState::Pending => Tone::Busy,
        OutboxState::Done => Tone::Good,
        OutboxState::Dead => Tone::Bad,
        OutboxState::Superseded => Tone::Idle,
    }
}

/// Where a message stands.
pub(super) fn standing(row: &OutboxRow) -> Markup {
    state(tone_of(row.state), row.state.word())
}

/// Every sink with what waits for it.
pub(super) fn sinks(view: &View) -> Markup {
    let rows = &view.standing.sinks;
    section(
        "sinks",
        "Sinks",
        &html! {},
        &html! {
            @if rows.is_empty() {
                (empty("Nobody is told", &html! { "A " code { "[[sink]]" } " in the config says where alerts go." }))
            } @else {
                table.rows.pairs {
                    thead { tr { th { "State" } th { "Sink" } th.number { "Pending" } th.number { "Dead" } } }
                    tbody { @for row in rows { (sink(view, row)) } }
                }
            }
        },
    )
}

fn sink(view: &View, row: &SinkStatus) -> Markup {
    let (tone, word) = match (row.disabled, row.failing_since) {
        (true, _) => (Tone::Bad, "disabled"),
        (false, Some(_)) => (Tone::Bad, "failing"),
        (false, None) if row.dead > 0 => (Tone::Warn, "open"),
        (false, None) => (Tone::Good, "open"),
    };
    let name = row.name.as_str();
    let dead = || link("/outbox", [("sink", name), ("state", "dead")].into_iter());
    html! {
        tr {
            td.stage { (state(tone, word)) }
            td.what {
                (text(name))
                @if let Some(failing) = row.failing_since { div.sub { (since(failing, view.now)) } }
                @if let Some(oldest) = row.oldest_pending { div.sub { "oldest " (ago(oldest, view.now)) } }
                @if row.disabled {
                    @let path = format!("/api/v1/sinks/{}/enable", super::pieces::segment(name));
                    (button("Enable", &path, None, &format!("Call {name} again?")))
                }
            }
            td.number data-head="Pending" { (grouped(&row.pending.to_string())) }
            td.number data-head="Dead" { @if row.dead > 0 { a.bad href=(dead()) { (grouped(&row.dead.to_string())) } } @else { "0" } }
        }
    }
}
