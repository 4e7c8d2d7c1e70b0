//! What the admin API wrote, as if it were files.

use std::collections::BTreeMap;

use serde_json::Value;
use tollgate_model::Source;
use tollgate_store::Objects;

/// What the admin API wrote is called in places.
pub(crate) const API: &str = "api";

/// An object as a file of its own, so that no other one moves its lines.
pub(crate) fn source_of(kind: &str, name: &str, body: &str) -> Source {
    let one = Objects::from([((kind.to_owned(), name.to_owned()), body.to_owned())]);
    Source { name: API.to_owned(), bytes: written(&one).into_bytes() }
}

/// Objects as one file: each section with its names.
pub(crate) fn written(objects: &Objects) -> String {
    let mut sections: BTreeMap<&str, BTreeMap<&str, Value>> = BTreeMap::new();
    for ((kind, name), body) in objects {
        // What stands in the store was JSON when it came.
        let body = serde_json::from_str(body).unwrap_or_default();
        sections.entry(kind).or_default().insert(name, body);
    }
    serde_json::to_string_pretty(&sections).unwrap_or_default()
}
