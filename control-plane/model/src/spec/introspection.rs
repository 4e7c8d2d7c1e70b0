use schemars::JsonSchema;
use serde::Deserialize;
use tollgate_auth::ClaimsSpec;

use super::DURATION;

/// A provider that is asked what its opaque tokens say (RFC 7662).
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Introspection")]
pub(crate) struct IntrospectionFile {
    /// Its introspection endpoint. `https`; `http` on loopback only.
    #[schemars(required, length(min = 1), example = &"https://id.example.com/oauth2/introspect")]
    pub(crate) url: Option<String>,

    /// As whom the gateway asks.
    #[schemars(required, length(min = 1), example = &"gateway")]
    pub(crate) client_id: Option<String>,

    /// Where the secret is that proves it.
    #[schemars(required)]
    #[expect(dead_code, reason = "only its schema is used: it names what was loaded")]
    pub(crate) client_secret: Option<SecretSpec>,

    /// How long an active token is believed without asking again, in whole
    /// seconds, at most 5m: a revocation is noticed this much later. 0s asks
    /// every time.
    #[serde(default = "ttl")]
    #[schemars(regex(pattern = DURATION), example = &"30s")]
    pub(crate) ttl: String,

    /// How long a token that is not active is refused without asking again, at
    /// most 5m.
    #[serde(default = "negative_ttl")]
    #[schemars(regex(pattern = DURATION), example = &"10s")]
    pub(crate) negative_ttl: String,

    /// How long an answer may take, from 10ms to 4s. Whoever has shown a token
    /// that nobody knows yet waits as long, and is answered 503 then.
    #[serde(default = "timeout")]
    #[schemars(regex(pattern = DURATION), example = &"400ms")]
    pub(crate) timeout: String,

    /// The exact value of `iss` in answers. Without it any will do, and none.
    #[serde(default)]
    #[schemars(length(min = 1), example = &"https://id.example.com")]
    pub(crate) issuer: Option<String>,

    /// Values of `aud` in answers, of which a token must have one. Without any,
    /// the provider alone decides which tokens are meant for us.
    #[serde(default)]
    #[schemars(example = super::list("api"))]
    pub(crate) audiences: Vec<String>,

    /// Which members of an answer tell tenant, tier, scopes and groups, and
    /// which are kept.
    #[serde(default)]
    pub(crate) claims: ClaimsSpec,

    /// A file with certificates in PEM that are trusted instead of the public
    /// ones, named relative to this one.
    #[serde(default)]
    #[schemars(length(min = 1), example = &"ca.pem")]
    #[expect(dead_code, reason = "only its schema is used: it names what was loaded")]
    pub(crate) ca: Option<String>,
}

/// Where a secret is: exactly one of these. Blanks and line ends after it are
/// not part of it.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "Secret")]
pub(crate) enum SecretSpec {
    /// In an environment variable of the control plane.
    Env(#[schemars(length(min = 1), example = &"CLIENT_SECRET")] String),
    /// In a file, named relative to this one. A change of it is followed.
    File(#[schemars(length(min = 1), example = &"client.secret")] String),
}

fn ttl() -> String {
    "30s".to_owned()
}

fn negative_ttl() -> String {
    "10s".to_owned()
}

fn timeout() -> String {
    "400ms".to_owned()
}
