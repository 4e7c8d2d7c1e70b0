use serde::{Deserialize, Serialize};

use crate::EndpointSpec;

/// Where API keys stand in a request.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ApiKeySpec {
    /// The places that are looked at, all of them; at least one. Best a header:
    /// a key in a query or a cookie is taken out of what goes to the backend, and
    /// out of `referer`, but not out of the histories and logs it went through before.
    pub from: Vec<ApiKeySourceSpec>,

    /// Who is asked about keys that no tenant has. Without it, nobody has them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(skip))]
    pub lookup: Option<EndpointSpec>,
}

/// One place where an API key may stand.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ApiKeySourceSpec {
    /// The name of a header, in any case.
    Header(String),
    /// The name of a parameter of the query, decoded.
    Query(String),
    /// The name of a cookie.
    Cookie(String),
}

/// Places where API keys may stand on some routes, besides those of `identity`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ApiKeyPlacesSpec {
    /// The places, all of which are looked at; at least one.
    pub from: Vec<ApiKeySourceSpec>,
}

// === impl ApiKeySourceSpec ===

impl ApiKeySourceSpec {
    pub(crate) fn into_kind_and_name(self) -> (&'static str, String) {
        match self {
            Self::Header(name) => ("header", name),
            Self::Query(name) => ("query", name),
            Self::Cookie(name) => ("cookie", name),
        }
    }
}
