use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tollgate_signatures::{HmacSpec, HttpSignatureSpec, SigV4Spec};
use tollgate_sync::{SyncSpec, WhenStale};

use crate::SigningKeysSpec;

mod api_key;
mod backend_token;
mod endpoint;
mod issuer;
mod secret;

pub use self::api_key::{ApiKeyPlacesSpec, ApiKeySourceSpec, ApiKeySpec};
pub use self::backend_token::{BackendTokenSpec, TokenHeaderSpec};
pub use self::endpoint::{EndpointSpec, IntrospectionSpec};
pub use self::issuer::{Algorithm, ClaimsSpec, IssuerSpec};
pub use self::secret::Secret;
use crate::MtlsSpec;

/// Whom the gateway can recognise, and by what.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct IdentitySpec {
    /// Issuers of JSON Web Tokens, by the name that `any_of: [jwt.NAME]` refers to.
    #[serde(default)]
    pub jwt: BTreeMap<String, IssuerSpec>,

    /// Who is asked about opaque tokens, by the name that
    /// `any_of: [introspection.NAME]` refers to.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub introspection: BTreeMap<String, IntrospectionSpec>,

    /// Where API keys stand in a request; none are accepted without it.
    #[serde(default)]
    pub api_key: Option<ApiKeySpec>,

    /// What certificates of callers say; none are accepted without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mtls: Option<MtlsSpec>,
    /// How requests are signed with Tollgate's own HMAC; not at all without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hmac: Option<HmacSpec>,

    /// How requests are signed as AWS does it; not at all without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sigv4: Option<SigV4Spec>,

    /// How HTTP messages are signed (RFC 9421); not at all without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http_signature: Option<HttpSignatureSpec>,

    /// What requests are signed with.
    #[serde(default, skip_serializing_if = "SigningKeysSpec::is_default")]
    pub signing_keys: SigningKeysSpec,

    /// Customers, by id, with their keys.
    #[serde(default)]
    pub tenants: BTreeMap<String, TenantSpec>,

    /// What holds for callers who show nothing, where they may.
    #[serde(default)]
    pub anonymous: AnonymousSpec,

    /// How backends are told by a token who is calling; not at all without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backend_token: Option<BackendTokenSpec>,

    /// How workers learn who has been revoked; without it nobody ever is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sync: Option<SyncSpec>,
}

/// Callers who show nothing, on routes with `auth: { optional: [...] }`.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct AnonymousSpec {
    /// The tier whose limits apply to each address that they call from. Without
    /// it they have the limits of the route alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tier: Option<String>,
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

    /// Where API keys may stand besides the places of `identity`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api_key: Option<ApiKeyPlacesSpec>,

    /// What becomes of callers while it cannot be told who has been revoked. By
    /// default what `identity.sync` says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when_stale: Option<WhenStale>,

    /// Whom the token is for by which the backend is told who is calling. Without
    /// it there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_audience: Option<String>,
}

/// How callers prove who they are.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum AuthSpec {
    /// Anybody may call, and nobody is recognised.
    None,
    /// By any one of these: `api_key`, `mtls`, `jwt.NAME` for an issuer of
    /// `identity.jwt`, `introspection.NAME` for a provider of
    /// `identity.introspection`, or, for requests that are signed, `hmac`, `sigv4`
    /// or `http_signature`. Two credentials in one request are refused. A
    /// certificate is of the connection, so what the request itself shows and the
    /// route accepts comes before it, and if that does not hold it is refused
    /// whatever the certificate.
    AnyOf(Vec<String>),
    /// As `any_of`, but who shows nothing may call as nobody in particular. What
    /// is shown and does not hold is still refused.
    Optional(Vec<String>),
}

/// What a caller must have been granted: all that is written here.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct AllowSpec {
    /// Scopes that the caller must have.
    #[serde(default, skip_serializing_if = "ScopesSpec::is_empty")]
    pub scopes: ScopesSpec,

    /// Groups, one of which the caller must be in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub groups: Option<Vec<String>>,

    /// Claims that the caller's token must have, by name or path, each with the
    /// value or the values that will do. A claim that is a list must have one of
    /// them in it. The issuer must `keep` the claim.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub claims: BTreeMap<String, AcceptedSpec>,

    /// A condition that must hold, in CEL, the Common Expression Language, of at
    /// most 1024 bytes: `request.method == "GET" || "ops" in principal.groups`.
    ///
    /// It knows `principal.method`, `.subject`, `.tenant`, `.tier`, `.scopes`,
    /// `.groups` and `.claims.NAME` of claims that are kept; `request.method`,
    /// `.path` (decoded, without the query and a slash at the end), `.host`,
    /// `.path_params.NAME`, `.headers.NAME` and `.query.NAME`, where
    /// `.headers["x-name"]` is another way to write a name. Of the language it
    /// knows `&& || ! ?: == != < <= > >= + in`, lists, texts and whole numbers,
    /// and `size`, `startsWith`, `endsWith`, `contains`, `int`, `has`, `exists`,
    /// `exists_one` and `all`.
    ///
    /// A request is refused with 403 if the condition does not hold, and also if
    /// it cannot be told: it asks for something that is not there, or stands in
    /// the request twice. `has(principal.tenant)` and
    /// `"x-name" in request.headers` tell whether something is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<String>,
}

/// Which scopes are needed.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(
    untagged,
    deny_unknown_fields,
    expecting = "expected a list of scopes, or `{any: [SCOPE, SCOPE]}`"
)]
pub enum ScopesSpec {
    /// All of them.
    All(Vec<String>),
    /// One of them.
    Any {
        /// The scopes.
        any: Vec<String>,
    },
}

/// The values of a claim that will do.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(
    untagged,
    expecting = "expected a string, a whole number, true or false, or a list of such"
)]
pub enum AcceptedSpec {
    /// Exactly this text.
    Text(String),
    /// Exactly this number.
    Number(i64),
    /// Exactly this.
    Truth(bool),
    /// One of these.
    AnyOf(Vec<ScalarSpec>),
}

/// One value of a claim.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(untagged, expecting = "expected a string, a whole number, true or false")]
pub enum ScalarSpec {
    /// A text.
    Text(String),
    /// A whole number.
    Number(i64),
    /// True or false.
    Truth(bool),
}

// === impl ScopesSpec ===

impl ScopesSpec {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl Default for ScopesSpec {
    fn default() -> Self {
        Self::All(Vec::new())
    }
}
