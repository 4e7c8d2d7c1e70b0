//! The manual page of the file, made of the same schema as everything else.

mod kind;

use std::collections::{BTreeSet, VecDeque};
use std::fmt::Write as _;

use serde_json::{Map, Value as Json};

use self::kind::{default, kind};
use crate::schema::SCHEMA;

/// A whole file, section by section; a test compiles it.
const EXAMPLES: [(&str, &str); 7] = [
    ("listeners", include_str!("reference/listeners.yaml")),
    ("identity", include_str!("reference/identity.yaml")),
    ("tiers", include_str!("reference/tiers.yaml")),
    ("rate_limits", include_str!("reference/rate_limits.yaml")),
    ("tenants", include_str!("reference/tenants.yaml")),
    ("backends", include_str!("reference/backends.yaml")),
    ("apis", include_str!("reference/apis.yaml")),
];

const INTRODUCTION: &str = include_str!("reference/introduction.md");

/// The reference page, in Markdown.
pub fn reference() -> String {
    let mut page = INTRODUCTION.to_owned();
    let mut seen = BTreeSet::new();
    for (section, property) in properties(&SCHEMA) {
        let example = EXAMPLES.iter().find(|(name, _)| name == section).map(|(_, text)| *text);
        section_of(&mut page, section, property, example, &mut seen);
    }
    page
}

/// What is written under one name of the top level, outermost first.
fn section_of<'a>(
    page: &mut String,
    section: &'a str,
    property: &'a Json,
    example: Option<&str>,
    seen: &mut BTreeSet<&'a str>,
) {
    line(page, &format!("\n## {section}\n\n{}", description(property)));
    if let Some(example) = example {
        line(page, &format!("\n```yaml\n{}\n```", example.trim_end()));
    }
    let mut parts: VecDeque<(String, &Json)> = VecDeque::from([(section.to_owned(), property)]);
    while let Some((path, schema)) = parts.pop_front() {
        if let Some((path, mapping)) = mapping(path, schema, seen) {
            table(page, section, &path, mapping);
            let deeper = properties(mapping);
            parts.extend(deeper.map(|(name, property)| (format!("{path}.{name}"), property)));
        }
    }
}

/// The mapping with fields of its own that a value is or holds, if it was not
/// shown already.
fn mapping<'a>(
    path: String,
    schema: &'a Json,
    seen: &mut BTreeSet<&'a str>,
) -> Option<(String, &'a Json)> {
    if let Some(name) = text(schema, "$ref") {
        let target = target(schema);
        return if seen.insert(name) { mapping(path, target, seen) } else { None };
    }
    if let Some(items) = schema.get("items") {
        return mapping(format!("{path}[]"), items, seen);
    }
    match schema.get("additionalProperties") {
        Some(values @ Json::Object(_)) => mapping(format!("{path}.NAME"), values, seen),
        _ => schema.get("properties").map(|_| (path, schema)),
    }
}

fn table(page: &mut String, section: &str, path: &str, mapping: &Json) {
    if path != section {
        line(page, &format!("\n### `{path}`\n\n{}", description(mapping)));
    }
    line(page, "\n| field | is | default | meaning |\n|---|---|---|---|");
    for (name, property) in properties(mapping) {
        let default = default(mapping, name, property);
        let kind = kind(property);
        line(page, &format!("| `{name}` | {kind} | {default} | {} |", meaning(property)));
    }
}

/// In one line, as the cell of a table has to be.
fn meaning(property: &Json) -> String {
    let mut meaning = description(property).replace("\n\n", " ").replace('|', "\\|");
    let branches = target(property).get("oneOf").or_else(|| target(property).get("anyOf"));
    for branch in branches.and_then(Json::as_array).into_iter().flatten() {
        let what = kind(branch);
        let _ = write!(meaning, "<br>{what}: {}", description(branch).replace('|', "\\|"));
    }
    meaning
}

fn description(schema: &Json) -> &str {
    text(schema, "description").unwrap_or_default()
}

/// What a reference names; anything else is itself.
fn target(schema: &Json) -> &Json {
    let name = text(schema, "$ref").and_then(|pointer| pointer.strip_prefix("#/$defs/"));
    let defs = SCHEMA.get("$defs");
    name.and_then(|name| defs?.get(name)).unwrap_or(schema)
}

fn properties(schema: &Json) -> impl Iterator<Item = (&String, &Json)> {
    schema.get("properties").and_then(Json::as_object).into_iter().flat_map(Map::iter)
}

fn text<'a>(schema: &'a Json, keyword: &str) -> Option<&'a str> {
    schema.get(keyword).and_then(Json::as_str)
}

fn line(page: &mut String, text: &str) {
    page.push_str(text);
    page.push('\n');
}
