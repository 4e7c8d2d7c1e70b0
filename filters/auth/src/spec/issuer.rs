use std::fmt;

use serde::{Deserialize, Serialize};

use crate::EndpointSpec;

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

    /// Where gateways fetch the keys themselves, in place of `jwks`. They ask
    /// again every 20 seconds while tokens come, and wait for keys that are older
    /// than 30: a key that is added works and one that is removed does not, in
    /// half a minute. While the endpoint fails, the last keys hold for a day;
    /// without any, tokens are answered 503. Secret keys are not taken: whoever
    /// could fetch them could sign.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jwks_endpoint: Option<EndpointSpec>,

    /// The algorithms accepted. By default those that the keys themselves name
    /// or imply.
    #[serde(default)]
    pub algorithms: Vec<Algorithm>,

    /// The types of token accepted, of which `typ` must name one. Without it,
    /// `JWT` and `at+jwt`, or none (RFC 9068, section 2.1).
    #[serde(default)]
    pub types: Vec<String>,

    /// Which claims tell tenant, tier, scopes and groups, and which are kept.
    #[serde(default)]
    pub claims: ClaimsSpec,

    /// How far the issuer's clock may be from ours, at most 60.
    #[serde(default = "clock_skew_seconds")]
    pub clock_skew_seconds: u32,
}

/// Without the keys: some of them may be secret.
impl fmt::Debug for IssuerSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            issuer,
            audiences,
            jwks,
            jwks_endpoint,
            algorithms,
            types,
            claims,
            clock_skew_seconds,
        } = self;
        f.debug_struct("IssuerSpec")
            .field("issuer", issuer)
            .field("audiences", audiences)
            .field("jwks", &jwks.as_ref().map(|_| "[redacted]"))
            .field("jwks_endpoint", jwks_endpoint)
            .field("algorithms", algorithms)
            .field("types", types)
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

/// Which claims say what the gateway wants to know about a caller. A claim in
/// another is named with dots, `realm_access.roles`; a dot that is part of a
/// name has a backslash before it, `https://acme\.example/tenant`.
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

    /// The claim with the scopes: a string divided by blanks, or a list of
    /// strings. `scope` by default (RFC 8693, section 4.2).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scopes: Option<String>,

    /// The claim with the groups: a list of strings, or the string of one group.
    /// Without it, callers are in no groups.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub groups: Option<String>,

    /// Further claims that `allow` of a route asks for. All others are forgotten
    /// once a token is verified. A token in which they take more than 4096 bytes
    /// in all is refused.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keep: Vec<String>,
}
