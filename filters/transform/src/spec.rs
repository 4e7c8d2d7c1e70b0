use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What is changed about a request or a response.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct MessageSpec {
    /// Its headers.
    #[serde(default, skip_serializing_if = "HeadersSpec::is_empty")]
    pub headers: HeadersSpec,
}

/// Changes to headers: first `remove`, then `set`, then `add`.
///
/// Values may name what is known about the request: `{path.NAME}` for a
/// parameter of the path template, `{principal.tenant}`, `{principal.subject}`,
/// `{principal.tier}`, `{principal.scopes}`, `{principal.groups}`,
/// `{principal.method}`. `{{` and `}}` stand for braces.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct HeadersSpec {
    /// Headers that get exactly this value. When a part of the value is not
    /// known for a request, the header is removed.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub set: BTreeMap<String, String>,

    /// Headers that get this value besides those they have. When a part of the
    /// value is not known for a request, nothing is added.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub add: BTreeMap<String, String>,

    /// Headers that are taken out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remove: Vec<String>,
}

impl HeadersSpec {
    fn is_empty(&self) -> bool {
        self.set.is_empty() && self.add.is_empty() && self.remove.is_empty()
    }
}

impl MessageSpec {
    /// Whether nothing is changed.
    pub fn is_empty(&self) -> bool {
        self.headers.is_empty()
    }
}
