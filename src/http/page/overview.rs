//! The first page: whether all is well, what moved, what was said, what waits for a person.

use super::super::Parts;
use super::digits::{grouped, price, size};
use super::frame::{Here, page};
use super::pieces::{Tone, all, section, since, text, tone};
use super::{Shown, View, alerts, chains, deliveries, market, or_default, payments, transfers, watches};
use crate::store::{AlertFilter, OutboxFilter, OutboxState, PaymentFilter, TransferFilter};
use axum::extract::State;
use maud::{Markup, html};
use std::sync::Arc;

/// Transfers, and alerts, on the first page.
const MOST: usize = 10;
/// Rows of its smaller lists.
const FEW: usize = 6;
/// Payments that wait for a person.
const SOME: usize = 3;

pub(super) async fn show(State(parts): State<Arc<Parts>>) -> Shown {
    let view = View::of(&parts);
    let moved = parts.archive.transfers(TransferFilter::default(), MOST).await?;
    let learned = transfers::learned(&parts, &view, &moved.rows).await;
    let said = parts.archive.alerts(AlertFilter::default(), MOST).await?;
    let told = alerts::told(&parts, said.rows).await?;
    let dead = OutboxFilter { state: Some(OutboxState::Dead), ..OutboxFilter::default() };
    let dead = or_default(parts.archive.outbox(dead, FEW).await.map(|page| page.rows));
    let (office, ..) = or_default(parts.archive.office().await);
    let waiting = payments::waiting(&parts, &view, SOME).await;
    let paid = or_default(parts.archive.payments(PaymentFilter::default(), FEW).await.map(|page| page.rows));
    let watched = view.standing.directory.page(None, FEW);
    let pays = payments::is_used(&view) || !paid.is_empty();
    let main = html! {
        h1.unseen { "Overview" }
        (troubles(&view))
        (figures(&view, waiting.count()))
        @if pays { (payments::obstacles(&view, &office)) }
        (payments::approvals(&view, &waiting))
        div.columns {
            div {
                (section("transfers", "Transfers", &all("/transfers", "transfers"), &transfers::table(&view, &learned, &moved.rows)))
                (section("alerts", "Alerts", &all("/alerts", "alerts"), &alerts::table(&view, &told)))
                (section("watches", "Watches", &all("/watches", "watches"), &watches::table(&view, &watched)))
            }
            div {
                (chains::show(&view, &all("/sources", "sources")))
                (market::prices(&view))
                (market::gas(&view))
                (deliveries::sinks(&view))
                @if !dead.is_empty() {
                    (section("dead", "Dead letters", &all("/outbox?state=dead", "dead letters"), &deliveries::table(&view, &dead)))
                }
                @if pays {
                    (section("payments", "Payments", &html! { (payments::freeze(&view)) " " (all("/payments", "payments")) }, &html! {
                        (payments::limits(&view))
                        (payments::table(&view, &paid))
                    }))
                }
            }
        }
    };
    Ok(page(&view, Here::Overview, "Overview", &main))
}

/// What is blind now, a line each: nothing else on the page matters as much.
fn troubles(view: &View) -> Markup {
    let standing = &view.standing;
    html! {
        @for chain in &standing.chains {
            @let name = standing.labels.chain(chain.id);
            @if let Some(reason) = &chain.stopped {
                (tone(Tone::Bad, &html! { strong { "Stopped on " (text(name.as_str())) ": " } (text(reason.as_str())) }))
            } @else if let Some(blind) = chain.blind_since {
                (tone(Tone::Bad, &html! {
                    strong { "Blind on " (text(name.as_str())) " " (since(blind, view.now)) "." }
                    " What happens there is not seen now; what was missed is read when a source is back."
                }))
            }
        }
    }
}

/// The numbers that say whether all is well.
fn figures(view: &View, waiting: u64) -> Markup {
    let standing = &view.standing;
    let fresh = standing.sources.iter().filter(|source| source.blind_since.is_none()).count();
    let sources = standing.sources.len();
    let crossed = standing.rules.iter().filter(|rule| rule.crossed == Some(true)).count();
    let pending: u64 = standing.sinks.iter().map(|sink| sink.pending).sum();
    let dead: u64 = standing.sinks.iter().map(|sink| sink.dead).sum();
    let watched = standing.directory.len();
    let worth =
        standing.portfolios.iter().try_fold(crate::types::Usd::default(), |sum, one| sum.checked_add(one.value?));
    let bad = |yes: bool| if yes { "figure bad" } else { "figure" };
    html! {
        ul.figures aria-label="At a glance" {
            li.(bad(fresh < sources)) { a href="/sources" { (figure(&format!("{fresh} of {sources}"))) span { "sources fresh" } } }
            li.figure { a href="/watches" { (figure(&grouped(&watched.to_string()))) span { @if watched == 1 { "watch" } @else { "watches" } } } }
            @if !standing.portfolios.is_empty() {
                li.figure { a href="/watches" {
                    @match worth {
                        Some(worth) => (figure(&format!("${}", price(&worth.to_string())))),
                        None => (figure("unknown")),
                    }
                    span { "worth, of what has a price" }
                } }
            }
            li.figure { a href="/sources" { (figure(&crossed.to_string())) span { "rules past their level" } } }
            li.(if waiting > 0 { "figure warn" } else { "figure" }) { a href="/payments" { (figure(&grouped(&waiting.to_string()))) span { "payments wait for a person" } } }
            li.(bad(dead > 0)) { a href="/outbox" { (figure(&format!("{} / {}", grouped(&pending.to_string()), grouped(&dead.to_string())))) span { "messages pending / dead" } } }
        }
    }
}

/// A number over its words, as large as it fits with all of its digits.
fn figure(shown: &str) -> Markup {
    html! { b.(size(shown.chars().count())) { (text(shown)) } }
}
