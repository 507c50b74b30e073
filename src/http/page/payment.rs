//! One payment: why it is, what it waits for and until when, its limits as they stand, the request that would leave, and its audit.

use super::super::Parts;
use super::super::payment_body::digits;
use super::super::problem::Problem;
use super::super::why_payment::{LimitItem, PaymentStory, story};
use super::digits::{exact, plain};
use super::frame::{Here, page};
use super::payments::{because, decisions, lapses, standing, units};
use super::pieces::{Tone, all, bar, empty, facts, section, sentence, text, time, until};
use super::{Shown, View, alerts};
use crate::reactor::money::{LivePart, PaymentRow};
use crate::reactor::office::AuditRow;
use crate::reactor::waits::NO_MORE;
use crate::types::PaymentId;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use maud::{Markup, html};
use std::sync::Arc;

pub(super) async fn one(State(parts): State<Arc<Parts>>, Path(id): Path<String>) -> Shown {
    let id = PaymentId::parse(&id)
        .ok_or_else(|| Problem::new(StatusCode::BAD_REQUEST, "an id of a payment is 32 hexadecimal digits"))?;
    let unknown = || Problem::new(StatusCode::NOT_FOUND, "there is no such payment");
    let (row, audit) = parts.archive.payment(id).await?.ok_or_else(unknown)?;
    let story = story(&parts, id).await?.ok_or_else(unknown)?;
    let view = View::of(&parts);
    let title = format!("{} USDC to {}", plain(&units(&row)), row.payee);
    let main = html! {
        p.crumb { a href="/payments" { "Payments" } }
        h1 { (text(&title)) }
        (section("payment", "The payment", &standing(&row), &html! {
            (about(&view, &row))
            (decisions(&view, &row))
        }))
        (section("why", "Why, and what it waits for", &html! {}, &why(&story)))
        @if let Some(live) = &row.live { (section("request", "The request", &html! {}, &request(&view, &row, live))) }
        (section("audit", "What was written of it", &all("/api/v1/payments/audit", "lines of the audit"), &told(&view, &audit)))
    };
    Ok(page(&view, Here::Payments, &title, &main))
}

fn about(view: &View, row: &PaymentRow) -> Markup {
    let mut rows = vec![
        ("Amount", html! { b { (exact(&units(row))) } " USDC" }),
        ("Payee", html! { (text(row.payee.as_str())) div.address { (row.address.to_checksum(None)) } }),
        ("Chain", html! { (text(view.standing.labels.chain(row.chain).as_str())) }),
        ("Rule", alerts::of_rule(row.rule.as_str())),
        ("Kind", html! { @if row.live.is_some() { "live" } @else { "a rehearsal: everything but the send" } }),
        ("Planned", time(row.planned_at, view.now)),
        ("Changed", time(row.changed_at, view.now)),
    ];
    rows.extend(because(row).map(|why| ("Reason", html! { (text(why)) })));
    rows.extend(
        lapses(view, row)
            .map(|end| ("Refused without a decision", html! { (until(end, view.now)) ", " (time(end, view.now)) })),
    );
    rows.extend(row.transfer.map(|id| ("Triggered by", html! { a.address href={ "/transfers/" (id) } { (id) } })));
    rows.extend(row.crossing.map(|crossing| ("Triggered by", html! { "crossing " (crossing) })));
    rows.push(("Id", html! { span.address { (row.id) } }));
    facts(&rows)
}

/// What the config says of it, what it waits for, and the limits as they would stand with it.
fn why(story: &PaymentStory) -> Markup {
    let rule = story.rule.as_deref().unwrap_or_default();
    html! {
        @match &story.waits_for {
            Some(lines) if !lines.is_empty() => ul.plain { @for line in lines { li { (sentence(line)) } } },
            Some(_) => (empty("It waits for nothing", &html! { "It is at its end, or on its way." })),
            None => (empty("No monitor runs that could be asked", &html! { "The store alone does not hold the config in force." })),
        }
        @if let Some(limits) = &story.limits {
            ul.limits { li { div.parts { @for limit in limits { (room(limit)) } } } }
        }
        @if !rule.is_empty() {
            ul.plain { @for line in rule { li.muted { (sentence(line)) } } }
        }
    }
}

/// A limit as it would stand with this payment in it.
fn room(limit: &LimitItem) -> Markup {
    let (tone, word) = if limit.fits { (Tone::Good, "fits") } else { (Tone::Bad, "has no room") };
    let label = format!("{}: {} and {} of {}", limit.limit, limit.used, limit.adds, limit.allowed);
    html! {
        div {
            p.sub.over { span { (limit.limit) } span.(tone.class()) { (word) } }
            (bar(limit.millionths, tone, &label))
            p.sub { b { (plain(&limit.used)) } " and " (plain(&limit.adds)) " of " (plain(&limit.allowed)) }
        }
    }
}

fn request(view: &View, row: &PaymentRow, live: &LivePart) -> Markup {
    let mut rows = vec![
        ("Wallet", html! { (text(live.wallet.as_str())) }),
        ("Idempotency key", html! { span.address { (live.key) } }),
        ("SHA-256 of the body", html! { span.address { (digits(&live.hash)) } }),
        ("Attempts", html! { (live.attempts) }),
        ("Triggered", time(live.triggered_at, view.now)),
    ];
    for yes in &live.approvals {
        let no_more = row.counts(yes, view.standing.payments.in_force) == Some(false);
        let said = html! {
            (text(yes.by.as_str())) " " (time(yes.at, view.now)) @if no_more { " (" (NO_MORE) ")" }
        };
        rows.push(("Approved by", said));
    }
    rows.extend(live.circle_id.as_ref().map(|id| ("Circle's id", html! { (text(id.as_str())) })));
    rows.extend(live.circle_state.as_ref().map(|state| ("Circle says", html! { (text(&state.to_string())) })));
    rows.extend(live.tx.map(|tx| ("Transaction", html! { span.address { (tx) } })));
    facts(&rows)
}

fn told(view: &View, audit: &[AuditRow]) -> Markup {
    html! {
        @if audit.is_empty() { (empty("Nothing was written of it", &html! { "Of a rehearsal nothing is." })) }
        @else {
            ol.life {
                @for line in audit {
                    li {
                        p { (time(line.at, view.now)) " " b { (text(line.what.as_str())) } " by " (text(line.who.as_str())) }
                        @if !line.why.as_str().is_empty() { p.sub { (text(line.why.as_str())) } }
                    }
                }
            }
        }
    }
}
