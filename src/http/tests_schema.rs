//! Reads JSON schemas as far as ours go, more strictly than they ask: what a schema does not name may not be there.

use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// Words that say something to people only, or are checked elsewhere.
const REMARKS: [&str; 12] = [
    "$schema",
    "$defs",
    "title",
    "description",
    "format",
    "minimum",
    "maximum",
    "pattern",
    "minLength",
    "maxLength",
    "propertyNames",
    "default",
];

/// Holds a value against a schema, whose references lead into `root`. Gives everything that is wrong.
pub(super) fn faults(root: &Value, schema: &Value, value: &Value) -> Vec<String> {
    let mut found = Vec::new();
    Checker { root, found: &mut found }.check(schema, value, "");
    let mut named = BTreeSet::new();
    let open = properties(root, schema, &mut named);
    if let (false, Value::Object(object)) = (open, value) {
        found
            .extend(object.keys().filter(|key| !named.contains(*key)).map(|key| format!("{key} is not in the schema")));
    }
    found
}

struct Checker<'a> {
    root: &'a Value,
    found: &'a mut Vec<String>,
}

fn resolved<'a>(root: &'a Value, schema: &'a Value) -> &'a Value {
    match schema["$ref"].as_str() {
        Some(to) => root.pointer(to.trim_start_matches('#')).unwrap_or_else(|| panic!("{to} leads nowhere")),
        None => schema,
    }
}

/// The properties that a schema names in all its parts. True where it says that there may be others.
fn properties(root: &Value, schema: &Value, named: &mut BTreeSet<String>) -> bool {
    let schema = resolved(root, schema);
    let mut open = schema.get("additionalProperties").is_some_and(|more| *more != Value::Bool(false));
    let parts = ["properties", "allOf", "oneOf", "anyOf"];
    open |= is_one(&schema["type"], &Value::Object(Map::new())) && parts.iter().all(|part| schema.get(part).is_none());
    named.extend(schema["properties"].as_object().into_iter().flat_map(|all| all.keys().cloned()));
    for part in ["allOf", "oneOf", "anyOf"] {
        for schema in schema[part].as_array().into_iter().flatten() {
            open |= properties(root, schema, named);
        }
    }
    open
}

impl Checker<'_> {
    fn check(&mut self, schema: &Value, value: &Value, at: &str) {
        let root = self.root;
        let schema = resolved(root, schema);
        for (word, says) in schema.as_object().expect("a schema is an object") {
            let holds = match word.as_str() {
                "type" => is_one(says, value),
                "const" => says == value,
                "enum" => says.as_array().is_some_and(|all| all.contains(value)),
                "required" => says
                    .as_array()
                    .is_some_and(|all| all.iter().all(|key| value.get(key.as_str().unwrap_or("")).is_some())),
                "properties" => {
                    for (key, schema) in says.as_object().into_iter().flatten() {
                        if let Some(value) = value.get(key) {
                            self.whole(schema, value, &format!("{at}/{key}"));
                        }
                    }
                    true
                }
                "additionalProperties" => {
                    let named = schema["properties"].as_object();
                    for (key, value) in value.as_object().into_iter().flatten() {
                        if says.is_object() && named.is_none_or(|named| !named.contains_key(key)) {
                            self.whole(says, value, &format!("{at}/{key}"));
                        }
                    }
                    true
                }
                "items" => {
                    for (place, value) in value.as_array().into_iter().flatten().enumerate() {
                        self.whole(says, value, &format!("{at}/{place}"));
                    }
                    true
                }
                "minItems" | "maxItems" => {
                    let (count, says) = (value.as_array().map_or(0, Vec::len) as u64, says.as_u64().unwrap_or(0));
                    if word == "minItems" { count >= says } else { count <= says }
                }
                "allOf" => {
                    says.as_array().into_iter().flatten().for_each(|schema| self.check(schema, value, at));
                    true
                }
                "oneOf" | "anyOf" => {
                    let fits = |schema: &&Value| faults(root, schema, value).is_empty();
                    let count = says.as_array().into_iter().flatten().filter(fits).count();
                    if word == "oneOf" { count == 1 } else { count > 0 }
                }
                other => {
                    assert!(REMARKS.contains(&other), "this reader of schemas does not know {other}");
                    true
                }
            };
            if !holds {
                self.found.push(format!("{at}: {value} is not {word} {says}"));
            }
        }
    }

    /// With all that belongs to it: nothing else may be there.
    fn whole(&mut self, schema: &Value, value: &Value, at: &str) {
        self.found.extend(faults(self.root, schema, value).into_iter().map(|fault| format!("{at}{fault}")));
    }
}

fn is_one(says: &Value, value: &Value) -> bool {
    if let Some(all) = says.as_array() {
        return all.iter().any(|says| is_one(says, value));
    }
    match says.as_str() {
        None => false,
        Some("null") => value.is_null(),
        Some("boolean") => value.is_boolean(),
        Some("integer") => value.is_i64() || value.is_u64(),
        Some("number") => value.is_number(),
        Some("string") => value.is_string(),
        Some("array") => value.is_array(),
        Some("object") => value.is_object(),
        other => panic!("there is no type {other:?}"),
    }
}

#[test]
fn what_does_not_fit_is_found() {
    let schema = serde_json::json!({"type": "object", "required": ["a"], "properties": {
        "a": {"type": ["string", "null"]}, "b": {"$ref": "#/$defs/B"}},
        "$defs": {"B": {"allOf": [{"type": "object", "properties": {"c": {"type": "integer"}}}, {"properties": {"d": {"const": 1}}}]}}});
    let check = |value: Value, count: usize| {
        let found = faults(&schema, &schema, &value);
        assert_eq!(found.len(), count, "{value}: {found:?}");
    };
    check(serde_json::json!({"a": null, "b": {"c": 1, "d": 1}}), 0);
    check(serde_json::json!({"b": {"c": 1.5, "d": 2}}), 3);
    check(serde_json::json!({"a": "x", "new": 1, "b": {"e": 1}}), 2);
}
