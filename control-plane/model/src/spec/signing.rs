//! How requests are signed, and with what.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use tollgate_signatures::{KeyAlgorithm, SigV4Style};

use super::{DURATION, SecretSpec, ids, list};

/// Tollgate's own HMAC-SHA256: `Authorization: HMAC-SHA256 …`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Hmac")]
pub(crate) struct HmacFile {
    /// How far the caller's clock may be from ours, and so for how long a
    /// signature is accepted: whole seconds, at most 15m.
    #[serde(default = "skew")]
    #[schemars(regex(pattern = DURATION), example = &"5m")]
    pub(crate) clock_skew: String,

    /// Whether each signature must have a nonce. Without one, two equal requests
    /// in one second are taken for one that was sent twice.
    #[serde(default)]
    pub(crate) require_nonce: bool,

    /// Headers that must be signed where a request has them.
    #[serde(default = "headers")]
    pub(crate) headers: Vec<String>,

    /// Keys, by the id that callers name; for small installations. Those of the
    /// store are accepted besides.
    #[serde(default)]
    #[schemars(extend("propertyNames" = ids()))]
    #[expect(dead_code, reason = "only its schema is used: they are read one by one")]
    pub(crate) keys: BTreeMap<String, SecretKeyFile>,
}

/// AWS Signature Version 4: `Authorization: AWS4-HMAC-SHA256 …`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "SigV4")]
pub(crate) struct SigV4File {
    /// The region that callers sign for.
    #[schemars(required, length(min = 1), example = &"eu-central-1")]
    pub(crate) region: Option<String>,

    /// The service that callers sign for.
    #[schemars(required, length(min = 1), example = &"execute-api")]
    pub(crate) service: Option<String>,

    /// How callers write the path into what they sign.
    #[serde(default)]
    pub(crate) style: SigV4Style,

    /// How far the caller's clock may be from ours, and so for how long a
    /// signature is accepted: whole seconds, at most 15m.
    #[serde(default = "skew")]
    #[schemars(regex(pattern = DURATION), example = &"5m")]
    pub(crate) clock_skew: String,

    /// Whether presigned URLs are accepted. Whoever sees one can use it, once,
    /// until it expires.
    #[serde(default)]
    pub(crate) presigned: bool,

    /// For how long a presigned URL may be made: from 1s to 168h.
    #[serde(default = "presigned_for")]
    #[schemars(regex(pattern = DURATION), example = &"1h")]
    pub(crate) presigned_for: String,

    /// Whether `UNSIGNED-PAYLOAD` is accepted: anybody on the way could then
    /// exchange the body. Presigned URLs of style `s3` need it.
    #[serde(default)]
    pub(crate) unsigned_payload: bool,

    /// Headers that must be signed where a request has them, besides `host` and
    /// all that begin with `x-amz-`.
    #[serde(default = "headers")]
    pub(crate) headers: Vec<String>,

    /// Keys, by the access key id that callers name; for small installations.
    /// Those of the store are accepted besides.
    #[serde(default)]
    #[schemars(extend("propertyNames" = ids()))]
    #[expect(dead_code, reason = "only its schema is used: they are read one by one")]
    pub(crate) keys: BTreeMap<String, SecretKeyFile>,
}

/// HTTP Message Signatures (RFC 9421): `Signature-Input` and `Signature`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "HttpSignature")]
pub(crate) struct HttpSignatureFile {
    /// What a signature must cover: derived components such as `@method`, and
    /// headers, each where a request has it. Requests with a body must cover
    /// `content-digest` in any case.
    #[serde(default = "components")]
    pub(crate) components: Vec<String>,

    /// For how long a signature is accepted after `created`: from 1s to 1h.
    #[serde(default = "skew")]
    #[schemars(regex(pattern = DURATION), example = &"5m")]
    pub(crate) max_age: String,

    /// How far the caller's clock may be ahead of ours: whole seconds, at most 15m.
    #[serde(default = "ahead")]
    #[schemars(regex(pattern = DURATION), example = &"60s")]
    pub(crate) clock_skew: String,

    /// Whether each signature must have a nonce. Without one, two equal requests
    /// in one second are taken for one that was sent twice.
    #[serde(default)]
    pub(crate) require_nonce: bool,

    /// The label of the signature that is verified; any by default.
    #[serde(default)]
    pub(crate) label: Option<String>,

    /// The `tag` that the signature must have; any, or none, by default.
    #[serde(default)]
    pub(crate) tag: Option<String>,

    /// Keys, by the id that callers name; for small installations. Those of the
    /// store are accepted besides.
    #[serde(default)]
    #[schemars(extend("propertyNames" = ids()))]
    #[expect(dead_code, reason = "only its schema is used: they are read one by one")]
    pub(crate) keys: BTreeMap<String, SigningKeyFile>,
}

/// A secret that one caller signs with.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "SecretKey")]
#[expect(dead_code, reason = "only its schema is used: they are read as the other kind")]
pub(crate) struct SecretKeyFile {
    /// Whose it is.
    #[schemars(required, length(min = 1), example = &"acme")]
    pub(crate) tenant: Option<String>,

    /// The tier whose limits apply instead of the tenant's.
    #[serde(default)]
    pub(crate) tier: Option<String>,

    /// What a caller with it may do.
    #[serde(default)]
    pub(crate) scopes: Vec<String>,

    /// Where the secret is: random, 32 bytes at least.
    #[schemars(required)]
    pub(crate) secret: Option<SecretSpec>,
}

/// A secret or a public key that one caller signs with.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "SigningKey")]
pub(crate) struct SigningKeyFile {
    /// Whose it is.
    #[schemars(required, length(min = 1), example = &"acme")]
    pub(crate) tenant: Option<String>,

    /// The tier whose limits apply instead of the tenant's.
    #[serde(default)]
    pub(crate) tier: Option<String>,

    /// What a caller with it may do.
    #[serde(default)]
    pub(crate) scopes: Vec<String>,

    /// The one algorithm that it is for. By default it is a shared secret.
    #[serde(default = "algorithm")]
    pub(crate) algorithm: KeyAlgorithm,

    /// Where the secret is, for `hmac-sha256`: random, 32 bytes at least.
    #[serde(default)]
    pub(crate) secret: Option<SecretSpec>,

    /// Where the public key is, for all other algorithms.
    #[serde(default)]
    pub(crate) public_key: Option<PublicKeySpec>,
}

/// Where a public key is, in PEM: exactly one of these.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "PublicKey")]
pub(crate) enum PublicKeySpec {
    /// Here, as `openssl pkey -pubout` writes it.
    Inline(#[schemars(length(min = 1))] String),
    /// In a file, named relative to this one.
    File(#[schemars(length(min = 1), example = &"acme.pem")] String),
}

fn skew() -> String {
    "5m".to_owned()
}

fn ahead() -> String {
    "60s".to_owned()
}

fn presigned_for() -> String {
    "1h".to_owned()
}

fn headers() -> Vec<String> {
    vec!["content-type".to_owned()]
}

fn components() -> Vec<String> {
    list("@method @authority @path @query").into_iter().map(str::to_owned).collect()
}

fn algorithm() -> KeyAlgorithm {
    KeyAlgorithm::HmacSha256
}
