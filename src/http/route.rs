//! One route of the API: what it takes, what it answers, what it says of itself. Of these the router and the document are made.

use super::Parts;
use super::payments::DoneItem;
use super::query::{Filter, NOTHING, Start, Takes};
use axum::handler::Handler;
use axum::http::Method;
use axum::routing::{MethodFilter, MethodRouter, on};
use std::sync::Arc;
use utoipa::ToSchema;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::Schema;

/// A type's schema: its name, and its own and those that it refers to under theirs.
pub(super) struct Shape {
    pub name: String,
    pub schemas: Vec<(String, RefOr<Schema>)>,
}

impl Shape {
    /// Of this type.
    pub(super) fn of<T: ToSchema>() -> Self {
        let name = T::name().into_owned();
        let mut schemas = vec![(name.clone(), T::schema())];
        T::schemas(&mut schemas);
        Self { name, schemas }
    }
}

/// What stands in a path between braces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// A name of the config.
    Name,
    /// 32 hexadecimal digits.
    Id,
    /// A number.
    Number,
    /// The hash of a transaction.
    Hash,
    /// An address.
    Address,
    /// The type of a message.
    Kind,
}

/// What answers when all is well.
#[derive(Debug, Clone, Copy)]
pub(super) enum Answer {
    /// Nothing: 204.
    Nothing,
    /// JSON of this shape.
    Json(fn() -> Shape),
    /// A page of a list of this shape.
    Pages(fn() -> Shape),
    /// JSON that describes itself.
    Described,
    /// Server-sent events, until the connection ends.
    Events,
}

/// One method of one path.
#[derive(Debug, Clone)]
pub(super) struct Route {
    pub method: Method,
    pub path: &'static str,
    /// What it does, in a sentence.
    pub says: &'static str,
    /// What stands in the braces of its path, in order.
    pub places: &'static [Place],
    pub takes: Takes,
    /// The shape of the body that it takes, and whether it can do without.
    pub body: Option<(fn() -> Shape, bool)>,
    /// Of a write, whether the store remembers its `Idempotency-Key`; of others this process does.
    pub kept: bool,
    /// The statuses of success; all have the same answer.
    pub statuses: &'static [u16],
    pub answer: Answer,
    /// Problems besides those that every route has.
    pub problems: &'static [u16],
    pub handler: MethodRouter<Arc<Parts>>,
}

impl Route {
    fn new<H: Handler<T, Arc<Parts>>, T: 'static>(
        method: Method,
        filter: MethodFilter,
        path: &'static str,
        handler: H,
    ) -> Self {
        Self {
            method,
            path,
            says: "",
            places: &[],
            takes: NOTHING,
            body: None,
            kept: false,
            statuses: &[200],
            answer: Answer::Nothing,
            problems: &[],
            handler: on(filter, handler),
        }
    }

    /// Reads one thing.
    pub(super) fn get<H: Handler<T, Arc<Parts>>, T: 'static>(
        path: &'static str,
        handler: H,
        says: &'static str,
    ) -> Self {
        Self { says, ..Self::new(Method::GET, MethodFilter::GET, path, handler) }
    }

    /// Reads a list in pages of `I`.
    pub(super) fn list<I: ToSchema, H: Handler<T, Arc<Parts>>, T: 'static>(
        path: &'static str,
        handler: H,
        start: Start,
        filters: &'static [Filter],
        says: &'static str,
    ) -> Self {
        let answer = Answer::Pages(Shape::of::<I>);
        Self { takes: Takes { filters, pages: Some(start), ..NOTHING }, answer, ..Self::get(path, handler, says) }
    }

    /// Changes something; answers 204.
    pub(super) fn post<H: Handler<T, Arc<Parts>>, T: 'static>(
        path: &'static str,
        handler: H,
        says: &'static str,
    ) -> Self {
        Self { says, statuses: &[204], ..Self::new(Method::POST, MethodFilter::POST, path, handler) }
    }

    /// Decides something about money; answers 200, or 202 where more is needed.
    pub(super) fn decide<H: Handler<T, Arc<Parts>>, T: 'static>(
        path: &'static str,
        handler: H,
        says: &'static str,
    ) -> Self {
        let post = Self::post(path, handler, says).answers::<DoneItem>();
        Self { statuses: &[200, 202], problems: &[404, 409, 422], ..post }
    }

    /// Takes something away.
    pub(super) fn delete<H: Handler<T, Arc<Parts>>, T: 'static>(
        path: &'static str,
        handler: H,
        says: &'static str,
    ) -> Self {
        Self { says, ..Self::new(Method::DELETE, MethodFilter::DELETE, path, handler) }
    }

    pub(super) fn answers<A: ToSchema>(self) -> Self {
        let statuses: &[u16] = if self.statuses == [204] { &[200] } else { self.statuses };
        Self { answer: Answer::Json(Shape::of::<A>), statuses, ..self }
    }

    pub(super) fn takes<B: ToSchema>(self) -> Self {
        Self { body: Some((Shape::of::<B>, false)), ..self }
    }

    pub(super) fn may_take<B: ToSchema>(self) -> Self {
        Self { body: Some((Shape::of::<B>, true)), ..self }
    }

    pub(super) fn at(self, places: &'static [Place]) -> Self {
        Self { places, ..self }
    }

    pub(super) fn or(self, problems: &'static [u16]) -> Self {
        Self { problems, ..self }
    }
}
