use serde_json::Value as Json;

use super::{target, text};
use crate::spec::DURATION;

/// What may be written for a field, in a few words.
pub(super) fn kind(schema: &Json) -> String {
    if text(schema, "pattern") == Some(DURATION) {
        return "duration".to_owned();
    }
    let schema = target(schema);
    if let Some(branches) = schema.get("oneOf").or_else(|| schema.get("anyOf")) {
        return one_of(branches);
    }
    if let Some(constant) = text(schema, "const") {
        return code(constant);
    }
    if let Some(constants) = schema.get("enum").and_then(Json::as_array) {
        return constants.iter().filter_map(Json::as_str).map(code).collect::<Vec<_>>().join(", ");
    }
    match text(schema, "type") {
        Some("array") => format!("list of {}", schema.get("items").map(kind).unwrap_or_default()),
        Some("object") => mapping(schema),
        Some("integer") => number(schema),
        Some("boolean") => "`true`, `false`".to_owned(),
        Some(other) => other.to_owned(),
        None => "anything".to_owned(),
    }
}

fn one_of(branches: &Json) -> String {
    let branches = branches.as_array().map(Vec::as_slice).unwrap_or_default();
    let are_constants = branches.iter().all(|branch| branch.get("const").is_some());
    let kinds: Vec<String> = branches.iter().map(kind).collect();
    kinds.join(if are_constants { ", " } else { " or " })
}

fn mapping(schema: &Json) -> String {
    if let Some(values @ Json::Object(_)) = schema.get("additionalProperties") {
        return format!("names, each with {}", kind(values));
    }
    // A choice between mappings is a choice between the fields that they must have.
    let required = schema.get("required").and_then(Json::as_array).map(Vec::as_slice);
    let closed = schema.get("properties").and_then(Json::as_object);
    match (required.unwrap_or_default(), closed) {
        ([only], Some(fields)) if fields.len() == 1 => {
            format!("`{}:`", only.as_str().unwrap_or_default())
        }
        _ => "mapping".to_owned(),
    }
}

fn number(schema: &Json) -> String {
    let bound = |keyword| schema.get(keyword).and_then(Json::as_i64);
    match (bound("minimum"), bound("maximum")) {
        (Some(min), Some(max)) => format!("number, {min} to {max}"),
        (Some(min), None) => format!("number, at least {min}"),
        _ => "number".to_owned(),
    }
}

/// What holds when the field is not written.
pub(super) fn default(mapping: &Json, name: &str, property: &Json) -> String {
    let required = mapping.get("required").and_then(Json::as_array);
    if required.is_some_and(|required| required.contains(&name.into())) {
        return "required".to_owned();
    }
    match property.get("default") {
        Some(Json::String(text)) => code(text),
        Some(scalar @ (Json::Number(_) | Json::Bool(_))) => code(&scalar.to_string()),
        _ => "–".to_owned(),
    }
}

fn code(text: &str) -> String {
    format!("`{text}`")
}
