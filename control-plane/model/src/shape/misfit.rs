use serde_json::Value as Json;

use super::scalar::constants;
use super::{known, text};
use crate::yaml::{Node, Value};

/// How a value does not fit.
#[derive(Debug, Eq, PartialEq, thiserror::Error)]
pub(super) enum Misfit {
    #[error("nothing is written here; write {0}")]
    NoValue(String),
    #[error("{0} is not a string; {1}")]
    NotString(String, String),
    #[error("the string is empty; write {0}")]
    EmptyString(String),
    #[error("{0} is not a duration; write digits and ms, s, m or h, such as 30s")]
    Duration(String),
    #[error("{0} is not a whole number; {1}")]
    NotInteger(String, String),
    #[error("{0} is not true or false; write one of them, without quotes")]
    NotBoolean(String),
    #[error("{number} is not at least {min}")]
    TooSmall { number: String, min: i128 },
    #[error("{number} is not between {min} and {max}")]
    OutOfBounds { number: String, min: i128, max: i128 },
    #[error("{0} is not a list; {1}")]
    NotList(String, String),
    #[error("the list is empty; write at least one entry")]
    EmptyList,
    #[error("{0} is not a mapping; {1}")]
    NotMapping(String, String),
    #[error("the mapping is empty; write at least one entry")]
    EmptyMapping,
    #[error("{0} cannot stand here; write {1}")]
    Choice(String, String),
    #[error("{} exclude each other; write only one of them", quoted(.0, "and"))]
    Several(Vec<String>),
    #[error("unknown field `{0}`; did you mean `{1}`?")]
    UnknownNear(String, String),
    #[error("unknown field `{0}`; known here: {known}", known = quoted(.1, "and"))]
    Unknown(String, Vec<String>),
    #[error("missing; write {0}")]
    Missing(String),
    #[error("{0:?} cannot be a name; write 1 to 64 letters, digits, `-` and `_`")]
    Name(String),
    #[error("{0:?} cannot be an id; write 1 to 128 visible ASCII characters")]
    Id(String),
}

impl Misfit {
    pub(super) fn not_string(node: &Node, schema: &Json) -> Self {
        let wanted = format!("a string{}", such_as(schema));
        match &node.value {
            Value::Null => Self::NoValue(wanted),
            Value::Number(..) | Value::Bool(_) if example(schema).is_none() => {
                let written = found(node);
                let remedy = format!("put it in quotes: \"{written}\"");
                Self::NotString(written, remedy)
            }
            _ => Self::NotString(found(node), format!("write {wanted}")),
        }
    }

    pub(super) fn empty_string(schema: &Json) -> Self {
        Self::EmptyString(format!("something{}", such_as(schema)))
    }

    pub(super) fn not_integer(node: &Node) -> Self {
        match &node.value {
            Value::Null => Self::NoValue("a number".to_owned()),
            Value::String(text) if text.parse::<i64>().is_ok() => {
                Self::NotInteger(found(node), format!("take the quotes away: {text}"))
            }
            _ => Self::NotInteger(found(node), "write digits only".to_owned()),
        }
    }

    pub(super) fn not_list(node: &Node, schema: &Json) -> Self {
        match &node.value {
            Value::Null => Self::NoValue(format!("a list{}", such_as(schema))),
            Value::String(text) if is_plain(text) => {
                Self::NotList(found(node), format!("write it in brackets: [{text}]"))
            }
            Value::Mapping(_) => {
                Self::NotList(found(node), "write a dash before each entry".to_owned())
            }
            _ => Self::NotList(found(node), format!("write a list{}", such_as(schema))),
        }
    }

    pub(super) fn not_mapping(node: &Node, schema: &Json) -> Self {
        let names: Vec<_> = known(schema).map(str::to_owned).collect();
        let wanted = if names.is_empty() {
            "entries, each as NAME: VALUE".to_owned()
        } else {
            format!("its fields, of {}", quoted(&names, "and"))
        };
        match &node.value {
            Value::Null => Self::NoValue(wanted),
            _ => Self::NotMapping(found(node), format!("write {wanted}")),
        }
    }

    /// `branches` are all that would do.
    pub(super) fn choice(node: &Node, branches: &[&Json]) -> Self {
        let choices: Vec<String> = branches.iter().flat_map(|branch| choices(branch)).collect();
        let choices = listed(&choices, "or");
        let is_object = |branch: &&Json| text(branch, "type") == Some("object");
        match &node.value {
            Value::Null => Self::NoValue(choices),
            // It may be a secret where it was to be said which one.
            Value::String(_) if branches.iter().all(is_object) => {
                Self::Choice("a string".to_owned(), choices)
            }
            _ => Self::Choice(found(node), choices),
        }
    }

    /// Says what a field is for, in the words of the manual.
    pub(super) fn missing(property: &Json) -> Self {
        let description = text(property, "description").unwrap_or("it");
        let sentence = description.split(". ").next().unwrap_or(description);
        let sentence = sentence.split("\n\n").next().unwrap_or(sentence);
        let mut chars = sentence.trim_end_matches('.').chars();
        let first = chars.next().map(|first| first.to_ascii_lowercase());
        Self::Missing(first.into_iter().chain(chars).collect())
    }
}

/// A value as a message shows it: long ones cut, text in quotes.
pub(super) fn found(node: &Node) -> String {
    match &node.value {
        Value::Null => "nothing".to_owned(),
        Value::Bool(truth) => truth.to_string(),
        Value::Number(_, written) => written.clone(),
        Value::String(text) => format!("{:?}", cut(text)),
        Value::List(_) => "a list".to_owned(),
        Value::Mapping(fields) if fields.is_empty() => "an empty mapping".to_owned(),
        Value::Mapping(_) => "a mapping".to_owned(),
        Value::Gone => "what stood here".to_owned(),
    }
}

fn cut(text: &str) -> String {
    const SHOWN_MAX: usize = 60;
    match text.char_indices().nth(SHOWN_MAX) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// Whether text means itself inside brackets.
fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_'))
}

fn choices(branch: &Json) -> Vec<String> {
    if let Some(constants) = constants(branch) {
        return constants.map(str::to_owned).collect();
    }
    match text(branch, "type") {
        Some("object") => known(branch).map(|name| format!("a mapping with `{name}`")).collect(),
        Some("array") => vec!["a list".to_owned()],
        Some("integer") => vec!["a whole number".to_owned()],
        Some("boolean") => vec!["true".to_owned(), "false".to_owned()],
        Some(kind) => vec![format!("a {kind}")],
        None => Vec::new(),
    }
}

fn such_as(schema: &Json) -> String {
    example(schema).map_or_else(String::new, |example| format!(" such as {example}"))
}

fn example(schema: &Json) -> Option<String> {
    let shown = match schema.get("examples")?.get(0)? {
        Json::Array(entries) => {
            let entries: Vec<_> = entries.iter().filter_map(Json::as_str).collect();
            format!("[{}]", entries.join(", "))
        }
        Json::String(text) => text.clone(),
        other => other.to_string(),
    };
    Some(shown)
}

fn quoted(names: &[String], last: &str) -> String {
    let names: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
    listed(&names, last)
}

/// `a, b and c`.
fn listed(names: &[String], last: &str) -> String {
    match names {
        [] => String::new(),
        [one] => one.clone(),
        [most @ .., end] => format!("{} {last} {end}", most.join(", ")),
    }
}
