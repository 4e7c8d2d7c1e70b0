//! Tokens by which backends are told who is calling.

use schemars::JsonSchema;
use serde::Deserialize;
use tollgate_auth::TokenHeaderSpec;

use super::{DURATION, SecretSpec};

/// Tokens by which backends are told who is calling, whatever the caller showed:
/// short-lived JSON Web Tokens, signed with Ed25519 (`EdDSA`), which a backend can
/// verify where headers alone could come from anybody in its network.
///
/// They say `iss`, `sub`, `aud`, `iat`, `exp`, `jti`, `tenant`, `tier`, `scope`
/// (divided by blanks), `groups`, and as `method` how the caller was recognised. The
/// control plane makes them and serves the public keys, with `--jwks ADDRESS`, at
/// `/.well-known/jwks.json`. Callers who are nobody in particular get none. While the
/// control plane is gone, those that were made go on to be sent until they end, and
/// whoever has none is answered 503.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "BackendToken")]
pub(crate) struct BackendTokenFile {
    /// The value of `iss`.
    #[schemars(required, length(min = 1), example = &"https://gateway.example.com")]
    pub(crate) issuer: Option<String>,

    /// Private keys in PEM, each as `openssl genpkey -algorithm ed25519` makes it. The
    /// first one signs; the public keys of all are served. To take another one, add
    /// it at the end, put it first a few minutes later, when backends know it, and
    /// take the old one away when `ttl` has passed once more.
    #[schemars(required, length(min = 1))]
    #[expect(dead_code, reason = "only its schema is used: they are read one by one")]
    pub(crate) keys: Option<Vec<SecretSpec>>,

    /// The value of `aud`, for APIs that do not name their own with
    /// `backend_token`. Without it, callers of those get no token.
    #[serde(default)]
    #[schemars(example = &"backends")]
    #[expect(dead_code, reason = "only its schema is used: it is read by itself")]
    pub(crate) audience: Option<String>,

    /// How long a token holds: whole seconds, from 30s to 1h. A caller who is
    /// revoked is refused by the gateway long before; a token that a backend has
    /// kept is good for this long.
    #[serde(default = "ttl")]
    #[schemars(regex(pattern = DURATION), example = &"5m")]
    pub(crate) ttl: String,

    /// The header that carries it: `x-tollgate-token` or `authorization`.
    #[serde(default)]
    #[expect(dead_code, reason = "only its schema is used: it is read by itself")]
    pub(crate) header: TokenHeaderSpec,
}

/// The token for the backends of one API.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "ApiToken")]
pub(crate) enum ApiTokenFile {
    /// There is none, whatever `identity.backend_token` says.
    None,
    /// The value of `aud`, by which a backend knows that a token is meant for it.
    Audience(#[schemars(length(min = 1), example = &"orders")] String),
}

fn ttl() -> String {
    "5m".to_owned()
}
