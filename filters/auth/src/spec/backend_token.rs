use serde::{Deserialize, Serialize};

use crate::EndpointSpec;

/// How backends are told by a token who is calling.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct BackendTokenSpec {
    /// Who makes the tokens (RFC 8693). Callers are answered 503 without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mint: Option<EndpointSpec>,

    /// The header that carries them.
    #[serde(default)]
    pub header: TokenHeaderSpec,
}

/// A header that carries a token to the backend. Callers can send none of that
/// name, on any route.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum TokenHeaderSpec {
    /// A header of its own.
    #[default]
    XTollgateToken,
    /// `Authorization: Bearer …`, where libraries look for it. Whatever callers
    /// write there, of any scheme, ends at the gateway.
    Authorization,
}
