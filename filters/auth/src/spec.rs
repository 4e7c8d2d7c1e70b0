use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

/// Whom the gateway can recognise, and by what.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct IdentitySpec {
    /// Issuers of JSON Web Tokens, by the name that `any_of: [jwt.NAME]` refers to.
    #[serde(default)]
    pub jwt: BTreeMap<String, IssuerSpec>,

    /// Where API keys stand in a request; none are accepted without it.
    #[serde(default)]
    pub api_key: Option<ApiKeySpec>,

    /// Customers, by id, with their keys.
    #[serde(default)]
    pub tenants: BTreeMap<String, TenantSpec>,
}

/// One issuer of JSON Web Tokens, with its keys.
#[derive(Clone, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct IssuerSpec {
    /// The exact value of the `iss` claim.
    pub issuer: String,

    /// At least one of these must stand in the `aud` claim.
    pub audiences: Vec<String>,

    /// The issuer's keys (RFC 7517, section 5). Keys of unknown kinds and for
    /// other uses are passed over; weak, malformed and private ones are refused.
    /// Absent while they could not be fetched yet: its tokens are then answered
    /// 503, never admitted.
    #[serde(default)]
    pub jwks: Option<serde_json::Value>,

    /// The algorithms accepted. By default those that the keys themselves name
    /// or imply.
    #[serde(default)]
    pub algorithms: Vec<Algorithm>,

    /// Which claims tell tenant, tier and scopes.
    #[serde(default)]
    pub claims: ClaimsSpec,

    /// How far the issuer's clock may be from ours, at most 60.
    #[serde(default = "clock_skew_seconds")]
    pub clock_skew_seconds: u32,
}

/// Without the keys: some of them may be secret.
impl fmt::Debug for IssuerSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { issuer, audiences, jwks, algorithms, claims, clock_skew_seconds } = self;
        f.debug_struct("IssuerSpec")
            .field("issuer", issuer)
            .field("audiences", audiences)
            .field("jwks", &jwks.as_ref().map(|_| "[redacted]"))
            .field("algorithms", algorithms)
            .field("claims", claims)
            .field("clock_skew_seconds", clock_skew_seconds)
            .finish()
    }
}

/// What an issuer whose clock skew is not stated gets.
fn clock_skew_seconds() -> u32 {
    30
}

/// A signature algorithm (RFC 7518, section 3.1; RFC 8037).
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[expect(missing_docs, reason = "the names are the documentation")]
pub enum Algorithm {
    HS256,
    HS384,
    HS512,
    RS256,
    RS384,
    RS512,
    PS256,
    PS384,
    PS512,
    ES256,
    ES384,
    #[serde(rename = "EdDSA")]
    EdDsa,
}

/// Names of the claims that say what the gateway wants to know about a caller.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ClaimsSpec {
    /// The claim with the tenant's id. Without it, callers belong to no tenant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,

    /// The claim with the tier. `tenants` decides where both speak.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tier: Option<String>,

    /// The claim with the scopes: a string divided by spaces, or a list of
    /// strings. `scope` by default (RFC 8693, section 4.2).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scopes: Option<String>,
}

/// Where API keys stand in a request.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ApiKeySpec {
    /// The places that are looked at, all of them; at least one.
    pub from: Vec<ApiKeySourceSpec>,
}

/// One place where an API key may stand.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ApiKeySourceSpec {
    /// The name of the header, in any case.
    pub header: String,
}

/// A customer, and the keys that it calls with.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct TenantSpec {
    /// The tier whose limits apply to the tenant as a whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tier: Option<String>,

    /// API keys, by an id that logs and limits may show.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub keys: BTreeMap<String, KeySpec>,
}

/// An API key, of which only the hash is known.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct KeySpec {
    /// The SHA-256 of the key in 64 hexadecimal digits:
    /// `printf %s KEY | sha256sum`. The key itself must be random, 128 bits at least.
    pub sha256: String,

    /// What a caller with this key may do.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scopes: Vec<String>,
}

/// Who may call an operation.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct AccessSpec {
    /// How callers prove who they are.
    pub auth: AuthSpec,

    /// What they must have been granted.
    #[serde(default)]
    pub allow: AllowSpec,
}

/// How callers prove who they are.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum AuthSpec {
    /// Anybody may call, and nobody is recognised.
    None,
    /// By any one of these: `api_key`, or `jwt.NAME` for an issuer of `identity.jwt`.
    AnyOf(Vec<String>),
}

/// What a caller must have been granted.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct AllowSpec {
    /// Scopes, all of which the caller must have.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scopes: Vec<String>,
}
