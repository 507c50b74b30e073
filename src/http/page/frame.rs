//! What is around every page: head, navigation, banner, foot.

use super::super::problem::Problem;
use super::View;
use super::assets::ASSETS;
use super::pieces::{Tone, text, time, tone};
use crate::telemetry::{Unready, unready};
use crate::types::Name;
use axum::http::StatusCode;
use axum::response::Html;
use maud::{DOCTYPE, Markup, html};

/// The pages in the navigation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Here {
    Overview,
    Transfers,
    Alerts,
    Watches,
    Payments,
    Deliveries,
    Sources,
}

impl Here {
    const ALL: [(Self, &'static str, &'static str); 7] = [
        (Self::Overview, "/", "Overview"),
        (Self::Transfers, "/transfers", "Transfers"),
        (Self::Alerts, "/alerts", "Alerts"),
        (Self::Watches, "/watches", "Watches"),
        (Self::Payments, "/payments", "Payments"),
        (Self::Deliveries, "/outbox", "Deliveries"),
        (Self::Sources, "/sources", "Sources"),
    ];
}

/// A page of the monitor.
pub(super) fn page(view: &View, here: Here, title: &str, main: &Markup) -> Html<String> {
    let standing = &view.standing;
    let name = if standing.simulated { "SIMULATED - walletwatch" } else { "walletwatch" };
    let reasons = unready(standing);
    let ready = reasons.is_empty();
    // The overview says more of a chain that is blind than that.
    let said = |name: &Name| {
        let chain = standing.chains.iter().find(|chain| standing.labels.chain(chain.id) == *name);
        chain.is_some_and(|chain| chain.blind_since.is_some() || chain.stopped.is_some())
    };
    let untold: Vec<&Unready> = reasons
        .iter()
        .filter(|reason| !(here == Here::Overview && matches!(reason, Unready::Chain(name) if said(name))))
        .collect();
    let whole = html! {
        (head(&format!("{title} - {name}")))
        body {
            a.skip href="#main" { "Skip to content" }
            header.top {
                a.brand href="/" { (mark()) span { "walletwatch" } }
                nav aria-label="Pages" {
                    @for (page, path, word) in Here::ALL {
                        a href=(path) aria-current=[(page == here).then_some("page")] { (word) }
                    }
                }
                div.tools {
                    span #ready .(if ready { "pill good" } else { "pill bad" }) {
                        @if ready { "Ready" } @else { "Not ready" }
                    }
                    span #link .pill hidden { "Live" }
                    button #key type="button" hidden { "Token" }
                }
            }
            @if standing.simulated {
                aside.simulated aria-label="Simulation" { strong { "SIMULATED" } ": nothing here happened on a real chain." }
            }
            main #main tabindex="-1" {
                @if !untold.is_empty() {
                    (tone(Tone::Bad, &html! {
                        strong { "Not ready. " }
                        @for reason in &untold { span { (text(&reason.to_string())) ". " } }
                    }))
                }
                (main)
            }
            footer {
                p { span { "As of " (time(view.now, view.now)) } span { "walletwatch " (env!("CARGO_PKG_VERSION")) } }
                p {
                    a href="/api/v1/status" { "API" } " "
                    a href="/api/v1/openapi.json" { "OpenAPI" } " "
                    a href="/metrics" { "Metrics" }
                }
            }
            (layers(standing.simulated))
        }
    };
    Html(whole.into_string())
}

/// The page of who has to type a token first. It says nothing of the monitor.
pub(super) fn locked(problem: &Problem) -> String {
    let whole = html! {
        (head("Token - walletwatch"))
        body.alone {
            main #main tabindex="-1" data-locked="" {
                div.card {
                    p.brand { (mark()) span { "walletwatch" } }
                    h1 { "A token opens this page" }
                    p { (text(&problem.detail)) "." }
                    p.muted {
                        "Reading is open only on the machine itself. From elsewhere type a token of the config "
                        "(" code { "[http] tokens" } "). It stays in this tab's memory, and goes out as a header, never in an address."
                    }
                    p.row { button #key .primary hidden { "Type a token" } }
                    noscript { p.notice.bad { "Typing a token needs the page's script, which this browser does not run." } }
                }
            }
            (layers(false))
        }
    };
    whole.into_string()
}

/// The page of what there is no page for: why, and what to do next. It says nothing of the monitor.
pub(super) fn lost(problem: &Problem) -> String {
    let title = problem.status.canonical_reason().unwrap_or("Error");
    let whole = html! {
        (head(&format!("{title} - walletwatch")))
        body.alone {
            main #main tabindex="-1" {
                div.card {
                    a.brand href="/" { (mark()) span { "walletwatch" } }
                    h1 { (title) }
                    p { (text(&problem.detail)) "." }
                    (next(problem.status))
                    nav.row aria-label="Pages" { @for (_, path, word) in Here::ALL { a href=(path) { (word) } } }
                }
            }
            (layers(false))
        }
    };
    whole.into_string()
}

/// What whoever stands before such a page can do.
fn next(status: StatusCode) -> Markup {
    html! {
        @match status {
            StatusCode::NOT_FOUND | StatusCode::BAD_REQUEST => p.muted {
                "An address that was cut when it was copied ends here, and one of another monitor. What there is stands in these lists:"
            },
            StatusCode::METHOD_NOT_ALLOWED => p.muted {
                "Pages are there to be read. Whatever changes something goes through the "
                a href="/api/v1/openapi.json" { "API" } "."
            },
            StatusCode::FORBIDDEN => {
                p.muted { "Another token may do it." }
                p.row { button #key .primary type="button" hidden { "Type a token" } }
            },
            _ => p.muted { "Try again in a moment. If it stays like this, the monitor's log says why, and " code { "walletwatch status" } " how it is." },
        }
    }
}

fn head(title: &str) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en";
        head {
            meta charset="utf-8";
            title { (text(title)) }
            meta name="viewport" content="width=device-width, initial-scale=1";
            meta name="color-scheme" content="light dark";
            link rel="icon" type="image/svg+xml" href=(ASSETS.mark.path);
            link rel="stylesheet" href=(ASSETS.style.path);
            script src=(ASSETS.script.path) defer {}
            noscript { meta http-equiv="refresh" content="10"; }
        }
    }
}

/// What the script shows over the page: where it speaks to screen readers, and its two questions.
fn layers(simulated: bool) -> Markup {
    html! {
        div #said .unseen role="status" aria-live="polite" {}
        dialog #ask-token aria-labelledby="ask-token-title" {
            form method="dialog" {
                h2 #ask-token-title { "Token" }
                p.muted {
                    "It stays in this tab's memory until the tab is closed."
                    @if simulated { " The demo's is in the link that its terminal begins with: opened, it is typed already." }
                }
                // Without a name it is never part of an address.
                label for="token" { "A token of the config" }
                input #token type="password" autocomplete="off" spellcheck="false";
                p.row {
                    button.primary value="use" { "Use it" }
                    button value="forget" { "Forget it" }
                    button value="" { "Close" }
                }
            }
        }
        dialog #confirm aria-labelledby="confirm-title" {
            form method="dialog" {
                h2 #confirm-title { "Really?" }
                p #confirm-text {}
                p.row {
                    button.primary value="yes" { "Yes, do it" }
                    // Whoever presses Enter without reading has done nothing.
                    button value="" autofocus { "No" }
                }
            }
        }
    }
}

fn mark() -> Markup {
    html! { img src=(ASSETS.mark.path) alt="" width="24" height="24"; }
}
