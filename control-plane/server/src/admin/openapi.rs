//! The OpenAPI document (3.1), made of the endpoints and of the types of what they
//! take and give.

use schemars::SchemaGenerator;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};
use tollgate_callers::Explanation;

use super::answer::{PROBLEM, Problem, TEXT};
use super::endpoints::{Endpoint, endpoints};
use super::views;

const JSON: &str = "application/json";

/// What any endpoint may answer besides.
const ALWAYS: [u16; 3] = [401, 403, 503];

pub(super) fn document() -> Value {
    let mut paths = Map::new();
    for endpoint in endpoints() {
        let path = paths.entry(endpoint.path).or_insert_with(|| json!({}));
        if let Some(path) = path.as_object_mut() {
            path.insert(endpoint.method.to_ascii_lowercase(), operation(endpoint));
        }
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Tollgate admin API",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "What operators ask of a control plane, and change.",
        },
        "servers": [{ "url": "/" }],
        "security": [{ "operator": [] }, {}],
        "paths": paths,
        "components": {
            "schemas": schemas(),
            "securitySchemes": { "operator": { "type": "http", "scheme": "bearer" } },
        },
    })
}

fn operation(endpoint: &Endpoint) -> Value {
    let Endpoint {
        method, path, role, summary, takes, gives, fails, query, is_conditional, ..
    } = endpoint;
    let mut responses = Map::new();
    for (status, schema) in *gives {
        responses.insert(status.to_string(), good(*status, schema));
    }
    for status in ALWAYS.iter().chain(*fails) {
        responses.insert(status.to_string(), bad());
    }
    let names = path.split('/').filter_map(|one| one.strip_prefix('{')?.strip_suffix('}'));
    let names = names.map(|name| {
        json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } })
    });
    let query = query.iter().map(|(name, kind, description)| {
        let schema = match *kind {
            "integer" => json!({ "type": "integer", "minimum": 1, "maximum": 1000 }),
            kind => json!({ "type": kind }),
        };
        json!({ "name": name, "in": "query", "description": description, "schema": schema })
    });
    let conditions = ["If-Match", "If-None-Match"].into_iter().filter(|_| *is_conditional);
    let conditions = conditions
        .map(|name| json!({ "name": name, "in": "header", "schema": { "type": "string" } }));
    let mut operation = json!({
        "summary": summary,
        "description": format!("Needs the role {role}."),
        "operationId": operation_id(method, path),
        "parameters": names.chain(query).chain(conditions).collect::<Vec<_>>(),
        "responses": responses,
    });
    if let (Some(schema), Some(operation)) = (takes, operation.as_object_mut()) {
        let content = json!({ JSON: { "schema": of(schema) } });
        operation.insert("requestBody".to_owned(), json!({ "required": true, "content": content }));
    }
    operation
}

/// `get-v1-apis-name`.
fn operation_id(method: &str, path: &str) -> String {
    let words = path.split(['/', '{', '}', '.']).filter(|word| !word.is_empty());
    let words: Vec<&str> = words.collect();
    format!("{}-{}", method.to_ascii_lowercase(), words.join("-"))
}

fn good(status: u16, schema: &str) -> Value {
    match schema {
        _ if status == 204 => json!({ "description": "It is done." }),
        "" => json!({
            "description": "As it is now.",
            "content": { TEXT: { "schema": { "type": "string" } } },
        }),
        schema => json!({
            "description": "As it is now.",
            "content": { JSON: { "schema": of(schema) } },
        }),
    }
}

fn bad() -> Value {
    json!({ "description": "Why not.", "content": { PROBLEM: { "schema": of("Problem") } } })
}

fn of(schema: &str) -> Value {
    match schema {
        "Document" => json!({ "type": "object" }),
        schema => json!({ "$ref": format!("#/components/schemas/{schema}") }),
    }
}

/// Those of the views, and those of the configuration.
fn schemas() -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.definitions_path = "/components/schemas".into();
        settings.meta_schema = None;
    });
    let mut generator = SchemaGenerator::new(settings);
    macro_rules! add {
        ($($view:ty),*) => { $( generator.subschema_for::<$view>(); )* };
    }
    add!(
        Explanation,
        Problem,
        views::CreatedKey,
        views::CreatedOperator,
        views::Deeds,
        views::Edited,
        views::ExplainRequest,
        views::KeyBody,
        views::Keys,
        views::OperatorBody,
        views::Operators,
        views::Owned,
        views::RevisionContent,
        views::Revisions,
        views::RevocationBody,
        views::Revocations,
        views::Status,
        views::TenantBody,
        views::TenantView,
        views::Tenants
    );
    let mut schemas: Map<String, Value> = generator.take_definitions(true);
    let mut configuration = tollgate_model::schema();
    if let Some(parts) = configuration.get_mut("$defs").and_then(Value::as_object_mut) {
        for (name, schema) in std::mem::take(parts) {
            schemas.entry(name).or_insert_with(|| moved(schema));
        }
    }
    schemas.into()
}

/// A schema of the configuration, whose parts stand elsewhere now.
fn moved(schema: Value) -> Value {
    match schema {
        Value::Object(fields) => {
            let field = |(name, value): (String, Value)| match value {
                Value::String(to) if name == "$ref" => {
                    (name, to.replace("#/$defs/", "#/components/schemas/").into())
                }
                value => (name, moved(value)),
            };
            fields.into_iter().map(field).collect()
        }
        Value::Array(items) => items.into_iter().map(moved).collect(),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Every schema that is referred to is there.
    #[test]
    fn the_document_refers_to_nothing_that_is_not_there() {
        let document = document();
        let text = document.to_string();
        let there = document["components"]["schemas"].as_object().unwrap();
        let named = text.split("#/components/schemas/").skip(1);
        let named: BTreeSet<&str> = named.filter_map(|rest| rest.split('"').next()).collect();
        let missing: Vec<_> = named.into_iter().filter(|name| !there.contains_key(*name)).collect();
        assert_eq!(missing, [""; 0]);
    }

    #[test]
    fn no_two_operations_have_one_id() {
        let ids: Vec<_> = endpoints().map(|one| operation_id(one.method, one.path)).collect();
        assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len());
    }
}
