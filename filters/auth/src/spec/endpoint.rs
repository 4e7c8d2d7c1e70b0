use serde::{Deserialize, Serialize};

use crate::{ClaimsSpec, Secret};

/// Who is asked: about credentials that the gateway cannot judge by itself (RFC
/// 7662, section 2), or for the keys of an issuer (RFC 7517, section 5).
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct EndpointSpec {
    /// The cluster of Envoy that leads there.
    pub cluster: String,

    /// The path of the endpoint: `/oauth2/introspect`, `/jwks.json`.
    pub path: String,

    /// The host that the endpoint answers for, as `:authority` names it.
    pub authority: String,

    /// How the gateway proves who it is: `Basic …` or `Bearer …`. Empty if the
    /// endpoint does not ask for it.
    #[serde(default, skip_serializing_if = "Secret::is_empty")]
    pub authorization: Secret,

    /// How long an answer may take, from 1 to 5000. Callers wait for it.
    #[serde(default = "timeout_milliseconds")]
    pub timeout_milliseconds: u32,
}

/// Who is asked about opaque tokens, and what its answers have to say.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct IntrospectionSpec {
    /// The cluster of Envoy that leads there.
    pub cluster: String,

    /// The path of the endpoint: `/oauth2/introspect`.
    pub path: String,

    /// The host that the endpoint answers for, as `:authority` names it.
    pub authority: String,

    /// How the gateway proves who it is: `Basic …` or `Bearer …`. Empty if the
    /// endpoint does not ask for it.
    #[serde(default, skip_serializing_if = "Secret::is_empty")]
    pub authorization: Secret,

    /// How long an answer may take, from 1 to 5000. Callers wait for it.
    #[serde(default = "timeout_milliseconds")]
    pub timeout_milliseconds: u32,

    /// Which members of an answer tell tenant, tier, scopes and groups, and
    /// which are kept.
    #[serde(default)]
    pub claims: ClaimsSpec,

    /// How long a token is believed to be active after an answer said so, from 0
    /// to 300: a token that is revoked works that much longer at most. With 0 an
    /// answer is only for those who wait for it, and come within a quarter of a second.
    #[serde(default = "ttl_seconds")]
    pub ttl_seconds: u32,

    /// The exact value of `iss` in an answer. Without it any will do, and none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issuer: Option<String>,

    /// At least one of these must stand in `aud` of an answer. Without any, the
    /// endpoint alone decides which tokens are meant for us.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub audiences: Vec<String>,
}

fn timeout_milliseconds() -> u32 {
    500
}

fn ttl_seconds() -> u32 {
    30
}
