//! Payments: what waits for a person, what stands in the way, how much of each limit is used; and one of them with its audit.
//!
//! Its buttons say what would happen and ask again; what they ask for goes through the API, where a token of the right role decides.

use super::super::Parts;
use super::super::payment_body::{USDC_DECIMALS, digits};
use super::super::problem::Problem;
use super::super::query::{NOTHING, PAYMENT_STATE, RULE, Start, Takes};
use super::frame::{Here, page};
use super::pieces::{Tone, ago, all, bar, brief, button, chips, empty, facts, pager, section, state, text, time, tone};
use super::{ROWS, Shown, View, asked, or_default};
use crate::reactor::money::{ApprovedBy, LivePart, PaymentRow, PaymentState};
use crate::reactor::office::{AuditRow, OfficeTables, Stopped};
use crate::store::{PaymentFilter, PaymentPlace};
use crate::telemetry::snapshot::{Limit, LimitUse};
use crate::types::amount::format_amount;
use crate::types::{Name, PaymentId, Timestamp};
use axum::extract::{Path, State};
use axum::http::{StatusCode, Uri};
use maud::{Markup, html};
use std::collections::BTreeMap;
use std::sync::Arc;

/// From this part of a limit on it is said.
const NEARLY: u32 = 800_000;
/// All of it.
const WHOLE: u32 = 1_000_000;

pub(super) async fn list(State(parts): State<Arc<Parts>>, uri: Uri) -> Shown {
    let view = View::of(&parts);
    let asked = asked(&uri, Takes { filters: &[PAYMENT_STATE, RULE], pages: Some(Start::TimeAndId), ..NOTHING })?;
    let after = asked.place(|text| {
        let (at, id) = text.rsplit_once('-')?;
        Some(PaymentPlace { planned_at: Timestamp::from_millis(at.parse().ok()?), id: PaymentId::parse(id)? })
    })?;
    let filter = PaymentFilter {
        after,
        state: asked.word(PAYMENT_STATE, &PaymentState::ALL, PaymentState::word),
        rule: asked.name(RULE),
    };
    let found = parts.archive.payments(filter, asked.limit).await?;
    let next = found.next.map(|place| format!("{}-{}", place.planned_at.millis(), place.id));
    let (tables, ..) = or_default(parts.archive.office().await);
    let waiting = waiting(&parts).await;
    let filters = asked.filters();
    let main = html! {
        h1 { "Payments" }
        (obstacles(&view, &tables))
        (approvals(&view, &waiting))
        (section("limits", "Limits", &freeze(&view), &limits(&view)))
        div.filters { (chips("/payments", "state", PaymentState::ALL.iter().map(|state| state.word()), &filters)) }
        (section("payments", "Payments", &html! {}, &html! {
            (table(&view, &found.rows))
            (pager("/payments", &filters, asked.is_first(), next.as_deref()))
        }))
    };
    Ok(page(&view, Here::Payments, "Payments", &main))
}

/// What waits for a person.
pub(super) async fn waiting(parts: &Parts) -> Vec<PaymentRow> {
    let held = PaymentFilter { state: Some(PaymentState::Held), ..PaymentFilter::default() };
    let human = PaymentFilter { state: Some(PaymentState::Human), ..PaymentFilter::default() };
    let mut rows = or_default(parts.archive.payments(human, ROWS).await.map(|page| page.rows));
    rows.extend(or_default(parts.archive.payments(held, ROWS).await.map(|page| page.rows)));
    rows
}

/// Whether anything pays here, or ever did.
pub(super) fn is_used(view: &View) -> bool {
    !view.standing.labels.paying.is_empty() || !view.standing.payments.live.is_empty()
}

/// What keeps payments from going: a freeze, a clock, stops.
pub(super) fn obstacles(view: &View, tables: &OfficeTables) -> Markup {
    let office = tables.office.as_ref();
    let frozen = office.and_then(|office| office.frozen.as_ref());
    let paused = office.and_then(|office| office.paused.as_ref());
    html! {
        @if let Some(why) = frozen {
            (tone(Tone::Bad, &html! {
                strong { "Frozen: " } (text(why.as_str())) ". No payment leaves. "
                (button("Unfreeze", "/api/v1/payments/unfreeze", None, "Let payments go again?"))
            }))
        }
        @if let Some((why, since)) = paused {
            (tone(Tone::Bad, &html! { strong { "Paused: " } (text(why.as_str())) ", " (ago(*since, view.now)) ". No clock is trusted. " }))
        }
        @for stop in &tables.stops {
            @let (what, name) = match &stop.what { Stopped::Rule(name) => ("rule", name), Stopped::Payee(name) => ("payee", name) };
            (tone(Tone::Warn, &html! {
                strong { "Stopped: " } "the " (what) " " (text(name.as_str())) ", " (text(stop.reason.as_str())) ", " (ago(stop.since, view.now))
                @if stop.missed > 0 { ", " (stop.missed) " triggers missed" }
            }))
        }
    }
}

/// What stops all payments at once.
pub(super) fn freeze(view: &View) -> Markup {
    html! {
        @if !view.standing.payments.frozen && is_used(view) {
            (button("Freeze", "/api/v1/payments/freeze", None, "Stop every payment until an approver lets them go again?"))
        }
    }
}

/// What waits for a person, each with what would be done.
pub(super) fn approvals(view: &View, rows: &[PaymentRow]) -> Markup {
    html! {
        @if !rows.is_empty() {
            (section("waiting", "Waiting for a person", &html! { (rows.len()) }, &html! {
                ul.waiting {
                    @for row in rows {
                        li #{ "w" (row.id) } { div {
                            p {
                                a.main href={ "/payments/" (row.id) } { (usdc(row)) " to " (text(row.payee.as_str())) } " "
                                (standing(row))
                            }
                            p.sub {
                                "rule " (text(row.rule.as_str())) ", on " (text(view.standing.labels.chain(row.chain).as_str()))
                                @if let Some(reason) = &row.reason { ", " (text(reason.as_str())) }
                                ", " (ago(row.changed_at, view.now))
                                @for yes in row.live.iter().flat_map(|live| &live.approvals) { ", approved by " (text(yes.by.as_str())) }
                            }
                            p.address { (row.address.to_checksum(None)) }
                            }
                            (decisions(view, row))
                        }
                    }
                }
            }))
        }
    }
}

/// What an approver can do about it. An approval names the bytes that would be sent.
fn decisions(view: &View, row: &PaymentRow) -> Markup {
    let path = |what: &str| format!("/api/v1/payments/{}/{what}", row.id);
    let chain = view.standing.labels.chain(row.chain);
    let whom = format!("{} USDC to {} at {} on {chain}", exact(row), row.payee, row.address.to_checksum(None));
    let body = row.live.as_ref().map(|live| format!("{{\"body_sha256\":\"{}\"}}", digits(&live.hash)));
    html! {
        @if row.state == PaymentState::Held {
            p.row {
                (button("Approve", &path("approve"), body.as_deref(), &format!("Pay {whom}?")))
                (button("Reject", &path("reject"), None, &format!("Never pay {whom}?")))
            }
        }
    }
}

/// How much of each limit is used, rule by rule.
pub(super) fn limits(view: &View) -> Markup {
    let mut rules: BTreeMap<&Name, Vec<&LimitUse>> = BTreeMap::new();
    for used in &view.standing.payments.limits {
        rules.entry(&used.rule).or_default().push(used);
    }
    html! {
        @if rules.is_empty() {
            (empty("No rule pays", &html! { "A " code { "[[payment]]" } " makes a rule ask for USDC, as a rehearsal until " code { "live = true" } "." }))
        } @else {
            ul.limits {
                @for (rule, limits) in rules {
                    li { span.name { (text(rule.as_str())) } div.parts { @for used in limits { (limit(used)) } } }
                }
            }
        }
    }
}

fn limit(used: &LimitUse) -> Markup {
    let part = used.used_millionths;
    let percent = format!("{}.{} %", part / 10_000, part / 1_000 % 10);
    let word = match used.limit {
        Limit::PerDay => "a day",
        Limit::InTotal => "the total",
        Limit::MaxPerDay => "a day's payments",
    };
    let tone = if part >= WHOLE {
        Tone::Bad
    } else if part >= NEARLY {
        Tone::Warn
    } else {
        Tone::Good
    };
    html! {
        div {
            p.sub { b { (percent) } " of " (word) }
            (bar(part, tone, &format!("{}: {percent} of {word} is used", used.rule)))
        }
    }
}

/// A table of payments, newest first.
pub(super) fn table(view: &View, rows: &[PaymentRow]) -> Markup {
    if rows.is_empty() {
        return empty(
            "No payment",
            &html! { "What a rule with a " code { "[[payment]]" } " asks for is listed here, rehearsals too." },
        );
    }
    html! {
        table.rows {
            thead { tr { th { "State" } th { "Payment" } th.number { "Amount" } th.when { "Changed" } } }
            tbody { @for row in rows { (line(view, row)) } }
        }
    }
}

fn line(view: &View, row: &PaymentRow) -> Markup {
    html! {
        tr #{ "p" (row.id) } {
            td.stage { (standing(row)) }
            td.what {
                a.main href={ "/payments/" (row.id) } { "to " (text(row.payee.as_str())) }
                div.sub {
                    (text(row.rule.as_str())) ", " (text(view.standing.labels.chain(row.chain).as_str()))
                    @if row.live.is_none() { ", " span.mark { "rehearsal" } }
                    @if let Some(reason) = &row.reason { ", " (text(reason.as_str())) }
                }
            }
            td.number { b { (brief(&exact(row))) } " " span.unit { "USDC" } }
            td.when { (ago(row.changed_at, view.now)) }
        }
    }
}

fn exact(row: &PaymentRow) -> String {
    format_amount(row.amount, USDC_DECIMALS)
}

fn usdc(row: &PaymentRow) -> Markup {
    html! { (brief(&exact(row))) " USDC" }
}

fn standing(row: &PaymentRow) -> Markup {
    let tone = match row.state {
        PaymentState::Held | PaymentState::Human | PaymentState::Reconcile => Tone::Warn,
        PaymentState::Planned | PaymentState::Approved | PaymentState::Sending | PaymentState::Accepted => Tone::Busy,
        PaymentState::Complete => Tone::Good,
        PaymentState::Rehearsed | PaymentState::Cancelled | PaymentState::Refused => Tone::Idle,
        PaymentState::Rejected | PaymentState::Failed | PaymentState::Denied => Tone::Bad,
    };
    state(tone, row.state.word())
}

pub(super) async fn one(State(parts): State<Arc<Parts>>, Path(id): Path<String>) -> Shown {
    let id = PaymentId::parse(&id)
        .ok_or_else(|| Problem::new(StatusCode::BAD_REQUEST, "an id of a payment is 32 hexadecimal digits"))?;
    let unknown = || Problem::new(StatusCode::NOT_FOUND, "there is no such payment");
    let (row, audit) = parts.archive.payment(id).await?.ok_or_else(unknown)?;
    let view = View::of(&parts);
    let title = format!("{} USDC to {}", brief(&exact(&row)), row.payee);
    let main = html! {
        p.crumb { a href="/payments" { "Payments" } }
        h1 { (text(&title)) }
        (section("payment", "The payment", &standing(&row), &html! {
            (about(&view, &row))
            (decisions(&view, &row))
        }))
        @if let Some(live) = &row.live { (section("request", "The request", &html! {}, &request(&view, live))) }
        (section("audit", "Why, line by line", &all("/api/v1/payments/audit", "lines of the audit"), &told(&view, &audit)))
    };
    Ok(page(&view, Here::Payments, &title, &main))
}

fn about(view: &View, row: &PaymentRow) -> Markup {
    let mut rows = vec![
        ("Amount", html! { b { (exact(row)) } " USDC" }),
        ("Payee", html! { (text(row.payee.as_str())) div.address { (row.address.to_checksum(None)) } }),
        ("Chain", html! { (text(view.standing.labels.chain(row.chain).as_str())) }),
        ("Rule", html! { (text(row.rule.as_str())) }),
        ("Kind", html! { @if row.live.is_some() { "live" } @else { "a rehearsal: everything but the send" } }),
        ("Planned", time(row.planned_at, view.now)),
        ("Changed", time(row.changed_at, view.now)),
    ];
    rows.extend(row.reason.as_ref().map(|reason| ("Reason", html! { (text(reason.as_str())) })));
    rows.extend(row.transfer.map(|id| ("Triggered by", html! { a.address href={ "/transfers/" (id) } { (id) } })));
    rows.extend(row.crossing.map(|crossing| ("Triggered by", html! { "crossing " (crossing) })));
    rows.push(("Id", html! { span.address { (row.id) } }));
    facts(&rows)
}

fn request(view: &View, live: &LivePart) -> Markup {
    let mut rows = vec![
        ("Wallet", html! { (text(live.wallet.as_str())) }),
        ("Idempotency key", html! { span.address { (live.key) } }),
        ("SHA-256 of the body", html! { span.address { (digits(&live.hash)) } }),
        ("Attempts", html! { (live.attempts) }),
        ("Triggered", time(live.triggered_at, view.now)),
    ];
    for ApprovedBy { by, at, of: _ } in &live.approvals {
        rows.push(("Approved by", html! { (text(by.as_str())) " " (time(*at, view.now)) }));
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
