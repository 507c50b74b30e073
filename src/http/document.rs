//! The OpenAPI document and the schemas of the bodies that webhooks bring: written from the table of routes and from the types
//! themselves, once, and served as they are.

use super::access::Need;
use super::problem::{self, Problem};
use super::route::{Answer, Place, Route, Shape};
use crate::config::checked::Role;
use crate::reactor::effect::MessageKind;
use crate::sinks::body;
use axum::Json;
use axum::extract::{Extension, Path};
use axum::http::header::{CONTENT_TYPE, HeaderValue};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::{Map, Value, json};
use std::sync::OnceLock;
use utoipa::ToSchema;

/// Where schemas are in an OpenAPI document, and where in one of JSON Schema.
const COMPONENTS: &str = "#/components/schemas/";
const DEFINITIONS: &str = "#/$defs/";

/// Schemas by name.
#[derive(Default)]
struct Schemas(Map<String, Value>);

impl Schemas {
    /// Adds those of a shape, and refers to it.
    ///
    /// # Panics
    /// When two types go by one name: a test writes the document.
    fn add(&mut self, shape: &Shape) -> Value {
        for (name, schema) in &shape.schemas {
            let schema = serde_json::to_value(schema).expect("a schema has only text for keys");
            let before = self.0.insert(name.clone(), schema.clone());
            assert!(before.is_none_or(|before| before == schema), "two types go by the name {name}");
        }
        json!({"$ref": format!("{COMPONENTS}{}", shape.name)})
    }

    /// The same of what is taken: of several things exactly one is said, which the derived schema of an enum leaves open.
    fn add_body(&mut self, shape: &Shape) -> Value {
        let reference = self.add(shape);
        let own = self.0.get_mut(&shape.name);
        let variants = own.and_then(|own| own.get_mut("oneOf")).and_then(Value::as_array_mut);
        for variant in variants.into_iter().flatten() {
            variant["additionalProperties"] = false.into();
        }
        reference
    }
}

/// The table that the document is written from, handed to who writes it.
#[derive(Clone, Copy)]
pub(super) struct Document(pub fn() -> Vec<Route>);

/// `GET /api/v1/openapi.json`.
pub(super) async fn document(Extension(Document(table)): Extension<Document>) -> Response {
    static WRITTEN: OnceLock<String> = OnceLock::new();
    let text = WRITTEN.get_or_init(|| written(&table()).to_string());
    ([(CONTENT_TYPE, HeaderValue::from_static("application/json"))], text.as_str()).into_response()
}

/// The types of messages.
#[derive(Serialize, ToSchema)]
#[schema(as = MessageTypes)]
pub(super) struct Types {
    /// Each has its schema at `/api/v1/schemas/TYPE`.
    types: Vec<&'static str>,
}

/// `GET /api/v1/schemas`.
pub(super) async fn list_types() -> Json<Types> {
    Json(Types { types: MessageKind::ALL.map(MessageKind::word).to_vec() })
}

/// `GET /api/v1/schemas/{type}`.
pub(super) async fn type_schema(Path(word): Path<String>) -> Result<Response, Problem> {
    let kind = MessageKind::ALL.into_iter().find(|kind| kind.word() == word);
    let kind = kind.ok_or_else(|| Problem::new(StatusCode::NOT_FOUND, "no message has such a type"))?;
    let kind_of_body = HeaderValue::from_static("application/schema+json");
    Ok(([(CONTENT_TYPE, kind_of_body)], message_schema(kind).to_string()).into_response())
}

/// The JSON schema of the body of messages of this kind, which needs nothing besides.
pub(super) fn message_schema(kind: MessageKind) -> Value {
    let data = body::schema(kind);
    let shape = Shape { name: data.0, schemas: data.1 };
    let mut schemas = Schemas::default();
    let data = schemas.add(&shape);
    let mut whole = envelope(kind, data);
    whole["$schema"] = "https://json-schema.org/draft/2020-12/schema".into();
    whole["title"] = kind.word().into();
    whole["$defs"] = schemas.0.into();
    into_definitions(&mut whole);
    whole
}

/// What stands around the data (FACES §3).
fn envelope(kind: MessageKind, data: Value) -> Value {
    json!({
        "type": "object",
        "required": ["type", "version", "timestamp", "data"],
        "properties": {
            "type": {"const": kind.word()},
            "version": {"const": body::VERSION},
            "timestamp": {"type": "string", "format": "date-time"},
            "data": data,
        },
    })
}

/// References of an OpenAPI document as those of a JSON schema.
fn into_definitions(value: &mut Value) {
    match value {
        Value::Object(object) => {
            for (key, value) in object.iter_mut() {
                match value {
                    Value::String(text) if key == "$ref" => *text = text.replace(COMPONENTS, DEFINITIONS),
                    other => into_definitions(other),
                }
            }
        }
        Value::Array(all) => all.iter_mut().for_each(into_definitions),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// The document.
pub(super) fn written(table: &[Route]) -> Value {
    let mut schemas = Schemas::default();
    schemas.add(&Shape::of::<problem::Body<'_>>());
    let mut paths = Map::new();
    for route in table {
        let operation = operation(route, &mut schemas);
        let methods = paths.entry(route.path).or_insert_with(|| json!({}));
        methods[route.method.as_str().to_lowercase()] = operation;
    }
    let mut webhooks = Map::new();
    for kind in MessageKind::ALL {
        let (name, parts) = body::schema(kind);
        let data = schemas.add(&Shape { name, schemas: parts });
        webhooks.insert(kind.word().to_owned(), webhook(kind, data));
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "walletwatch",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Lists come newest first, in pages; problems are RFC 9457. Reads are open to who sits at the machine and came straight; everything else needs a token, and every write does.",
            "license": {"name": env!("CARGO_PKG_LICENSE")},
        },
        "paths": paths,
        "webhooks": webhooks,
        "components": {
            "schemas": schemas.0,
            "responses": {
                "Problem": {
                    "description": "What went wrong, and what to do where something can be done.",
                    "content": {"application/problem+json": {"schema": {"$ref": format!("{COMPONENTS}Problem")}}},
                },
            },
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "description": "A token of the config, in `Authorization` and nowhere else."},
            },
        },
    })
}

fn webhook(kind: MessageKind, data: Value) -> Value {
    let header = |name: &str| json!({"name": name, "in": "header", "required": true, "schema": {"type": "string"}});
    let headers = ["webhook-id", "webhook-timestamp", "webhook-signature"].map(header);
    json!({
        "post": {
            "summary": format!("A message of the type {}, signed as Standard Webhooks asks.", kind.word()),
            "parameters": headers,
            "requestBody": {"required": true, "content": {"application/json": {"schema": envelope(kind, data)}}},
            "responses": {
                "2XX": {"description": "It is taken. Whatever else is answered, it is sent again."},
                "410": {"description": "Never send anything again."},
            },
        },
    })
}

fn operation(route: &Route, schemas: &mut Schemas) -> Value {
    let mut parameters: Vec<Value> =
        names(route.path).zip(route.places).map(|(name, place)| at(name, *place)).collect();
    parameters.extend(route.takes.parameters());
    if route.method != Method::GET {
        let kept = if route.kept { "by the store" } else { "until the monitor stops, or a thousand others came" };
        let says =
            format!("The same request with the same key is done once, and answered alike: it is remembered {kept}.");
        parameters.push(json!({
            "name": "Idempotency-Key", "in": "header", "required": false,
            "description": says,
            "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
        }));
    }
    let need = Need::of(&route.method, route.path);
    let mut operation = json!({
        "operationId": operation_id(route),
        "summary": route.says,
        "parameters": parameters,
        "responses": responses(route, schemas),
        "security": match need {
            Need::Nothing | Need::Read => json!([{}, {"token": []}]),
            Need::Write(_) => json!([{"token": []}]),
        },
        "x-role": match need {
            Need::Nothing => Value::Null,
            Need::Read => Role::Read.word().into(),
            Need::Write(role) => role.word().into(),
        },
    });
    if let Some((shape, optional)) = route.body {
        let schema = schemas.add_body(&shape());
        operation["requestBody"] = json!({"required": !optional, "content": {"application/json": {"schema": schema}}});
    }
    operation
}

fn responses(route: &Route, schemas: &mut Schemas) -> Value {
    let good = match route.answer {
        Answer::Nothing => json!({"description": "It is done."}),
        Answer::Json(shape) => {
            json!({"description": "The answer.", "content": {"application/json": {"schema": schemas.add(&shape())}}})
        }
        Answer::Pages(shape) => {
            let page = json!({
                "type": "object",
                "required": ["items", "next"],
                "properties": {
                    "items": {"type": "array", "items": schemas.add(&shape())},
                    "next": {"type": ["string", "null"], "description": "The value of `before` for the page behind this one; null at the end."},
                },
            });
            json!({"description": "A page.", "content": {"application/json": {"schema": page}}})
        }
        Answer::Events => {
            json!({"description": "Events.", "content": {"text/event-stream": {"schema": {"type": "string"}}}})
        }
        Answer::Described => {
            let any = json!({"schema": {"type": "object"}});
            json!({"description": "JSON that describes itself.", "content": {"application/json": any, "application/schema+json": any}})
        }
    };
    let mut all: Map<String, Value> = route.statuses.iter().map(|status| (status.to_string(), good.clone())).collect();
    // A question that is wrong, a token that is missing or wrong, a store that cannot be read, a deadline.
    let mut problems = vec![400, 401, 503, 504];
    if route.method != Method::GET {
        // A token that may not, a body that comes too slowly or is too large, a key that is under way or of another request.
        problems.extend([403, 408, 409, 413, 422]);
    }
    problems.extend(route.problems);
    for status in problems {
        all.insert(status.to_string(), json!({"$ref": "#/components/responses/Problem"}));
    }
    all.into()
}

/// The names in the braces of a path.
fn names(path: &'static str) -> impl Iterator<Item = &'static str> {
    path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
}

fn at(name: &str, place: Place) -> Value {
    let schema = match place {
        Place::Name => json!({"type": "string", "minLength": 1, "maxLength": 64}),
        Place::Id => json!({"type": "string", "pattern": "^[0-9a-fA-F]{32}$"}),
        Place::Number => json!({"type": "integer", "minimum": 0, "maximum": u32::MAX}),
        Place::Hash => json!({"type": "string", "pattern": "^0x[0-9a-fA-F]{64}$"}),
        Place::Address => json!({"type": "string", "pattern": "^0x[0-9a-fA-F]{40}$"}),
        Place::Kind => json!({"type": "string", "enum": MessageKind::ALL.map(MessageKind::word).to_vec()}),
    };
    json!({"name": name, "in": "path", "required": true, "schema": schema})
}

/// `post_outbox_id_replay`.
fn operation_id(route: &Route) -> String {
    let mut id = route.method.as_str().to_lowercase();
    for part in route.path.split('/').skip(3) {
        id.push('_');
        id.push_str(part.trim_matches(['{', '}']));
    }
    id.replace('.', "_")
}
