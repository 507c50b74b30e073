//! Every route of the API, once: the router and the OpenAPI document are both made from this table, so that neither has what the
//! other lacks.

use super::approvals::ApprovalItem;
use super::balances::Balances;
use super::bodies::{AlertItem, OutboxItem, TransferItem};
use super::control::Reloaded;
use super::document::{Document, Types, document, list_types, type_schema};
use super::payment_body::{AuditItem, PaymentItem, Standing};
use super::query::{
    ALERT_STATE, Asked, CHAIN, NOTHING, OUTBOX_STATE, PAYMENT_STATE, RULE, SINK, STAGE, Start, Takes, WATCH,
};
use super::repeats::Repeats;
use super::route::{Answer, Place, Route};
use super::routes::WATCHES;
use super::silences::Silences;
use super::status::Status;
use super::watches::{AddedAnswer, AddressItem, RemovedAnswer, WatchItem};
use super::why::{AlertStory, TransactionStory};
use super::{Parts, commands, events, payments, routes, silences, watch_body, watches, why, why_payment};
use axum::extract::Request;
use axum::http::Method;
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Router};
use std::sync::Arc;

/// The table.
pub(super) fn table() -> Vec<Route> {
    let mut all = about_itself();
    all.extend(what_is());
    all.extend(deliveries());
    all.extend(watch_list());
    all.extend(money());
    all
}

fn about_itself() -> Vec<Route> {
    vec![
        Route { answer: Answer::Described, ..Route::get("/api/v1/openapi.json", document, "This document.") },
        Route::get("/api/v1/schemas", list_types, "Every type of message that a webhook may bring.").answers::<Types>(),
        Route {
            answer: Answer::Described,
            ..Route::get("/api/v1/schemas/{type}", type_schema, "The JSON schema of the body of messages of a type.")
        }
        .at(&[Place::Kind])
        .or(&[404]),
    ]
}

fn what_is() -> Vec<Route> {
    vec![
        Route::get("/api/v1/status", routes::show_status, "How everything stands, a line each.").answers::<Status>(),
        Route {
            answer: Answer::Events,
            ..Route::get("/api/v1/events", events::stream, "Tells what changed, as it does: server-sent events.")
        },
        Route {
            takes: Takes { filters: &[CHAIN, WATCH], ..NOTHING },
            ..Route::get(
                "/api/v1/balances",
                routes::show_balances,
                "What every watched address holds: all at once, for there are no more than `[http] max_balances`.",
            )
        }
        .answers::<Balances>()
        .or(&[404]),
        Route::list::<TransferItem, _, _>(
            "/api/v1/transfers",
            routes::transfers,
            Start::TimeAndId,
            &[CHAIN, WATCH, STAGE],
            "Transfers, newest first.",
        )
        .or(&[404]),
        Route::list::<ApprovalItem, _, _>(
            "/api/v1/approvals",
            routes::approvals,
            Start::TimeAndId,
            &[CHAIN, WATCH, STAGE],
            "Approvals, newest first.",
        )
        .or(&[404]),
        Route::list::<AlertItem, _, _>(
            "/api/v1/alerts",
            routes::alerts,
            Start::Number,
            &[RULE, WATCH, ALERT_STATE],
            "Alerts, newest first.",
        )
        .or(&[404]),
        Route::get("/api/v1/alerts/{id}", why::alert, "Why an alert, with its messages and what became of each.")
            .answers::<AlertStory>()
            .at(&[Place::Id])
            .or(&[404]),
        Route::get(
            "/api/v1/transactions/{hash}",
            why::transaction,
            "The transfers of a transaction, and why each made an alert or none.",
        )
        .answers::<TransactionStory>()
        .at(&[Place::Hash])
        .or(&[404]),
        Route::get("/api/v1/silences", silences::list, "The silences in force.").answers::<Silences>(),
        Route { statuses: &[201], ..Route::post("/api/v1/silences", silences::add, "Sets a silence.") }
            .answers::<Silences>()
            .takes::<silences::Wanted>()
            .or(&[409, 422]),
        Route::delete("/api/v1/silences/{id}", silences::end, "Ends a silence.")
            .answers::<Silences>()
            .at(&[Place::Number])
            .or(&[404]),
    ]
}

fn deliveries() -> Vec<Route> {
    vec![
        Route::list::<OutboxItem, _, _>(
            "/api/v1/outbox",
            routes::outbox,
            Start::Number,
            &[SINK, OUTBOX_STATE],
            "Messages to sinks, newest first, without their bodies.",
        )
        .or(&[404]),
        Route::get("/api/v1/outbox/{id}", routes::message, "A message, with its body.")
            .answers::<OutboxItem>()
            .at(&[Place::Id])
            .or(&[404]),
        Route::post("/api/v1/outbox/{id}/replay", commands::replay, "Delivers a dead or delivered message again.")
            .at(&[Place::Id])
            .or(&[404, 409]),
        Route::post("/api/v1/outbox/{id}/drop", commands::give_up, "Gives a message up.")
            .at(&[Place::Id])
            .or(&[404, 409]),
        Route::post("/api/v1/sinks/{name}/test", commands::test_sink, "Sends a test message to a sink.")
            .at(&[Place::Name])
            .or(&[404, 409]),
        Route::post(
            "/api/v1/sinks/{name}/enable",
            commands::enable_sink,
            "Calls a sink again that its receiver disabled.",
        )
        .at(&[Place::Name])
        .or(&[404, 409]),
        Route::post(
            "/api/v1/chains/{name}/accept",
            commands::accept_chain,
            "Goes on after a chain was found to be another one.",
        )
        .at(&[Place::Name])
        .or(&[404, 409]),
        Route::post("/api/v1/reload", commands::reload, "Reads the config again and puts it into force.")
            .answers::<Reloaded>()
            .or(&[409, 422]),
    ]
}

fn watch_list() -> Vec<Route> {
    vec![
        Route::list::<WatchItem, _, _>(
            WATCHES,
            watches::list,
            Start::Name,
            &[],
            "The watches of the config and those that were added, by name.",
        ),
        Route { kept: true, ..Route::post(WATCHES, watches::add, "Adds to the watch list.") }
            .answers::<AddedAnswer>()
            .takes::<watch_body::Added>()
            .or(&[404, 409, 422]),
        Route::delete("/api/v1/watches/{name}", watches::remove, "Takes a watch that was added off the list.")
            .answers::<RemovedAnswer>()
            .at(&[Place::Name])
            .or(&[404, 409]),
        Route::list::<AddressItem, _, _>(
            "/api/v1/watches/{name}/addresses",
            watches::addresses,
            Start::Address,
            &[],
            "The addresses of a watch, ascending, each with the blocks from which it is complete.",
        )
        .at(&[Place::Name])
        .or(&[404]),
        Route::delete(
            "/api/v1/watches/{name}/addresses/{address}",
            watches::remove_address,
            "Takes one address of a watch that was added off the list.",
        )
        .answers::<RemovedAnswer>()
        .at(&[Place::Name, Place::Address])
        .or(&[404, 409, 422]),
    ]
}

fn money() -> Vec<Route> {
    vec![
        Route::list::<PaymentItem, _, _>(
            "/api/v1/payments",
            payments::list,
            Start::TimeAndId,
            &[RULE, PAYMENT_STATE],
            "Payments, newest first.",
        )
        .or(&[404]),
        Route::get("/api/v1/payments/standing", payments::standing, "What holds for all live payments.")
            .answers::<Standing>(),
        Route::list::<AuditItem, _, _>(
            "/api/v1/payments/audit",
            payments::audit,
            Start::Number,
            &[],
            "The audit, newest first.",
        ),
        Route::get(
            "/api/v1/payments/config",
            payments::config,
            "What the config in force says of live money, against what was accepted.",
        )
        .answers::<payments::ConfigItem>(),
        Route::decide("/api/v1/payments/freeze", payments::freeze, "Lets no payment leave any more.")
            .may_take::<payments::FreezeBody>(),
        Route::decide("/api/v1/payments/unfreeze", payments::unfreeze, "Ends the freeze."),
        Route::decide("/api/v1/payments/resume", payments::resume, "Lets what was stopped go on.")
            .takes::<payments::ResumeBody>(),
        Route::decide("/api/v1/payments/accept", payments::accept, "Accepts what live money is to go by.")
            .takes::<payments::AcceptBody>(),
        Route::decide("/api/v1/payments/probe", payments::probe, "Begins to show what Circle does on this account."),
        Route::get("/api/v1/payments/{id}", payments::one, "A payment, with what was written of it.")
            .answers::<PaymentItem>()
            .at(&[Place::Id])
            .or(&[404]),
        Route::get("/api/v1/payments/{id}/why", why_payment::why, "Why a payment, and what it waits for.")
            .answers::<why_payment::PaymentStory>()
            .at(&[Place::Id])
            .or(&[404]),
        Route::decide("/api/v1/payments/{id}/approve", payments::approve, "Approves this payment with these bytes.")
            .may_take::<payments::ApproveBody>()
            .at(&[Place::Id]),
        Route::decide("/api/v1/payments/{id}/reject", payments::reject, "Rejects a payment.").at(&[Place::Id]),
        Route::decide("/api/v1/payments/{id}/cancel", payments::cancel, "Cancels a payment.").at(&[Place::Id]),
        Route::decide(
            "/api/v1/payments/{id}/resolve",
            payments::resolve,
            "Says what became of a payment: it is there as this transaction, or it is absent.",
        )
        .takes::<payments::ResolveBody>()
        .at(&[Place::Id]),
    ]
}

/// The routes of the API. A query is read before its handler is called, by what its route takes.
pub(super) fn api() -> Router<Arc<Parts>> {
    let repeats = Repeats::default();
    let router = table().into_iter().fold(Router::new(), |router, route| {
        let takes = route.takes;
        let read = from_fn(move |request: Request, next: Next| read(takes, request, next));
        let mut handler = route.handler;
        if route.method != Method::GET && !route.kept {
            let repeats = repeats.clone();
            let once = from_fn(move |request: Request, next: Next| repeats.clone().once(request, next));
            handler = handler.route_layer(once);
        }
        router.route(route.path, handler.route_layer(read))
    });
    router.layer(Extension(Document(table))).layer(Extension(events::Streams::default()))
}

async fn read(takes: Takes, mut request: Request, next: Next) -> Response {
    match Asked::read(request.uri().query(), &takes) {
        Ok(asked) => {
            request.extensions_mut().insert(asked);
            next.run(request).await
        }
        Err(problem) => problem.into_response(),
    }
}
