//! Payments: what waits for a person, and until when; what stands in the way; how much of each limit is used.
//!
//! Its buttons say what would happen and ask again; what they ask for goes through the API, where a token of the right role decides.

use super::super::Parts;
use super::super::payment_body::{USDC_DECIMALS, digits};
use super::super::payments::{filter, written};
use super::super::query::{NOTHING, PAYMENT_STATE, RULE, Start, Takes};
use super::digits::{exact, grouped, plain};
use super::frame::{Here, page};
use super::pieces::{Tone, ago, bar, button, chips, empty, pager, section, state, text, tone, until};
use super::{Shown, View, asked, or_default};
use crate::reactor::money::{PaymentRow, PaymentState};
use crate::reactor::office::{OfficeTables, Stopped};
use crate::reactor::waits::{NO_MORE, held_because};
use crate::store::PaymentFilter;
use crate::telemetry::snapshot::{Limit, LimitUse};
use crate::types::amount::format_amount;
use crate::types::{Name, Timestamp};
use axum::extract::State;
use axum::http::Uri;
use maud::{Markup, html};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// The states in which nothing goes on without a person.
const WAIT: [PaymentState; 2] = [PaymentState::Human, PaymentState::Held];
/// Of what waits, so many stand above the list of all payments.
const SOME: usize = 5;
/// From this part of a limit on it is said.
const NEARLY: u32 = 800_000;
/// All of it.
const WHOLE: u32 = 1_000_000;
/// How long a payment waits for a person whose rule pays no more.
const UNSAID: Duration = Duration::from_hours(24);

pub(super) async fn list(State(parts): State<Arc<Parts>>, uri: Uri) -> Shown {
    let view = View::of(&parts);
    let asked = asked(&uri, Takes { filters: &[PAYMENT_STATE, RULE], pages: Some(Start::TimeAndId), ..NOTHING })?;
    let found = parts.archive.payments(filter(&parts, &view.standing, &asked).await?, asked.limit).await?;
    let next = found.next.as_ref().map(written);
    let (tables, ..) = or_default(parts.archive.office().await);
    let filters = asked.filters();
    // A list of nothing else is as good to decide from as the few that stand above the others.
    let all_wait = asked.of(PAYMENT_STATE).is_some_and(|word| WAIT.iter().any(|state| state.word() == word));
    let some = if all_wait { Waiting::default() } else { waiting(&parts, &view, SOME).await };
    let main = html! {
        h1 { "Payments" }
        (obstacles(&view, &tables))
        (approvals(&view, &some))
        (section("limits", "Limits", &freeze(&view), &limits(&view)))
        div.filters { (chips("/payments", "state", PaymentState::ALL.iter().map(|state| state.word()), &filters)) }
        (section(if all_wait { "waiting" } else { "payments" }, "Payments", &html! {}, &html! {
            @if all_wait && !found.rows.is_empty() { (cards(&view, &found.rows)) } @else { (table(&view, &found.rows)) }
            (pager("/payments", &filters, asked.is_first(), next.as_deref()))
        }))
    };
    Ok(page(&view, Here::Payments, "Payments", &main))
}

/// What waits for a person: the newest, and how many there are of each state.
#[derive(Default)]
pub(super) struct Waiting {
    rows: Vec<PaymentRow>,
    counts: Vec<(PaymentState, u64)>,
}

impl Waiting {
    /// All of them, those that are not shown too.
    pub(super) fn count(&self) -> u64 {
        let counted = self.counts.iter().map(|(_, count)| count).sum();
        // What the store has written since things stood like this is shown already.
        std::cmp::max(counted, self.rows.len() as u64)
    }
}

/// What waits for a person, so many at most.
pub(super) async fn waiting(parts: &Parts, view: &View, most: usize) -> Waiting {
    let standing = &view.standing.payments;
    let mut waiting = Waiting::default();
    for state in WAIT {
        let count = [&standing.live, &standing.rehearsals].iter().filter_map(|counts| counts.get(&state)).sum();
        waiting.counts.push((state, count));
        let filter = PaymentFilter { state: Some(state), ..PaymentFilter::default() };
        let room = most.saturating_sub(waiting.rows.len());
        if room > 0 {
            waiting.rows.extend(or_default(parts.archive.payments(filter, room).await.map(|page| page.rows)));
        }
    }
    waiting
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
        @if let Some(file) = &view.standing.payments.file {
            (tone(Tone::Bad, &html! {
                strong { "Frozen by the file beside the config: " } (text(file.why.as_str())) ", written by " (text(file.by.as_str())) " "
                (ago(file.since, view.now)) ". No payment leaves until " code { "walletwatch payments unfreeze" } " takes it away."
            }))
        }
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

/// What waits for a person, and where the rest of it is.
pub(super) fn approvals(view: &View, waiting: &Waiting) -> Markup {
    let count = waiting.count();
    html! {
        @if !waiting.rows.is_empty() {
            (section("waiting", "Waiting for a person", &html! { (grouped(&count.to_string())) }, &html! {
                (cards(view, &waiting.rows))
                @if count > waiting.rows.len() as u64 {
                    nav.pager aria-label="All that waits" {
                        @for (state, count) in waiting.counts.iter().filter(|(_, count)| *count > 0) {
                            a href={ "/payments?state=" (state.word()) } { "All " (grouped(&count.to_string())) " " (state.word()) }
                        }
                    }
                }
            }))
        }
    }
}

/// Payments that wait, each with what would be done.
fn cards(view: &View, rows: &[PaymentRow]) -> Markup {
    html! {
        ul.waiting {
            @for row in rows {
                li #{ "w" (row.id) } {
                    div {
                        p {
                            a.main href={ "/payments/" (row.id) } { (usdc(row)) " to " (text(row.payee.as_str())) } " "
                            (standing(row))
                        }
                        p {
                            @if let Some(why) = because(row) { (text(why)) ". " }
                            @if let Some(end) = lapses(view, row) { span.warn { "It lapses " (until(end, view.now)) "." } }
                        }
                        p.sub {
                            "rule " (text(row.rule.as_str())) ", on " (text(view.standing.labels.chain(row.chain).as_str()))
                            ", " (ago(row.changed_at, view.now))
                            @for yes in row.live.iter().flat_map(|live| &live.approvals) {
                                ", approved by " (text(yes.by.as_str()))
                                @if row.counts(yes, view.standing.payments.in_force) == Some(false) { " (" (NO_MORE) ")" }
                            }
                        }
                        p.address { (row.address.to_checksum(None)) }
                    }
                    (decisions(view, row))
                }
            }
        }
    }
}

/// Why it waits, in words.
pub(super) fn because(row: &PaymentRow) -> Option<&str> {
    let reason = row.reason.as_ref()?.as_str();
    let held = if row.state == PaymentState::Held { held_because(reason) } else { None };
    Some(held.unwrap_or(reason))
}

/// When a payment that is held is refused where no person decides.
pub(super) fn lapses(view: &View, row: &PaymentRow) -> Option<Timestamp> {
    let waits = || view.standing.labels.waits(&row.rule).unwrap_or(UNSAID);
    (row.state == PaymentState::Held).then(|| row.changed_at.after(waits()))
}

/// What an approver can do about it. An approval names the bytes that would be sent.
pub(super) fn decisions(view: &View, row: &PaymentRow) -> Markup {
    let path = |what: &str| format!("/api/v1/payments/{}/{what}", row.id);
    let chain = view.standing.labels.chain(row.chain);
    let whom = format!("{} USDC to {} at {} on {chain}", units(row), row.payee, row.address.to_checksum(None));
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
    let (word, decimals, unit) = match used.limit {
        Limit::PerDay => ("a day", USDC_DECIMALS, "USDC"),
        Limit::InTotal => ("in total", USDC_DECIMALS, "USDC"),
        Limit::MaxPerDay => ("a day", 0, "payments"),
    };
    let [is, of] = [used.used, used.of].map(|raw| plain(&format_amount(raw, decimals)));
    let tone = if part >= WHOLE {
        Tone::Bad
    } else if part >= NEARLY {
        Tone::Warn
    } else {
        Tone::Good
    };
    html! {
        div {
            p.sub.over { span { (word) } span { (percent) } }
            (bar(part, tone, &format!("{}, {word}: {is} of {of} {unit} are used, {percent}", used.rule)))
            p.sub { b { (is) } " of " (of) " " (unit) }
        }
    }
}

/// A table of payments, newest first.
pub(super) fn table(view: &View, rows: &[PaymentRow]) -> Markup {
    if rows.is_empty() {
        return empty(
            "No payment",
            &html! {
                "What a rule with a " code { "[[payment]]" } " asks for is listed here, rehearsals too. "
                "What its limits are, and who may approve: " code { "walletwatch check" }
            },
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
                    @if let Some(end) = lapses(view, row) { span.warn { ", lapses " (until(end, view.now)) } }
                }
            }
            td.number { span.amount { b { (exact(&units(row))) } " " span.unit { "USDC" } } }
            td.when { (ago(row.changed_at, view.now)) }
        }
    }
}

/// How much, in USDC.
pub(super) fn units(row: &PaymentRow) -> String {
    format_amount(row.amount, USDC_DECIMALS)
}

fn usdc(row: &PaymentRow) -> Markup {
    html! { (exact(&units(row))) " USDC" }
}

/// Where a payment stands.
pub(super) fn standing(row: &PaymentRow) -> Markup {
    let tone = match row.state {
        PaymentState::Held | PaymentState::Human | PaymentState::Reconcile => Tone::Warn,
        PaymentState::Planned | PaymentState::Approved | PaymentState::Sending | PaymentState::Accepted => Tone::Busy,
        PaymentState::Complete => Tone::Good,
        PaymentState::Rehearsed | PaymentState::Cancelled | PaymentState::Refused => Tone::Idle,
        PaymentState::Rejected | PaymentState::Failed | PaymentState::Denied => Tone::Bad,
    };
    state(tone, row.state.word())
}
