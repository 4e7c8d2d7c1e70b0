use serde::{Deserialize, Serialize};

/// Which signatures of requests are accepted.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct SignatureSpec {
    /// Tollgate's own HMAC-SHA256 (`Authorization: HMAC-SHA256 …`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hmac: Option<HmacSpec>,

    /// AWS Signature Version 4 (`Authorization: AWS4-HMAC-SHA256 …`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sigv4: Option<SigV4Spec>,

    /// HTTP Message Signatures (RFC 9421: `Signature-Input` and `Signature`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http_signature: Option<HttpSignatureSpec>,
}

/// How HMAC signatures are judged.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct HmacSpec {
    /// How far the caller's clock may be from ours, and so for how long a
    /// signature is accepted; at most 900.
    #[serde(default = "clock_skew_seconds")]
    pub clock_skew_seconds: u32,

    /// Whether each signature must have a nonce.
    #[serde(default)]
    pub require_nonce: bool,

    /// Headers that must be signed where a request has them.
    #[serde(default = "headers")]
    pub headers: Vec<String>,
}

/// How AWS signatures are judged.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct SigV4Spec {
    /// The region that callers sign for, for example `eu-central-1`.
    pub region: String,

    /// The service that callers sign for, for example `execute-api`.
    pub service: String,

    /// How callers write the path into what they sign.
    #[serde(default)]
    pub style: SigV4Style,

    /// How far the caller's clock may be from ours, and so for how long a
    /// signature is accepted; at most 900.
    #[serde(default = "clock_skew_seconds")]
    pub clock_skew_seconds: u32,

    /// Whether presigned URLs are accepted. Whoever sees one can use it until
    /// it expires.
    #[serde(default)]
    pub presigned: bool,

    /// For how long a presigned URL may be made, at most 604800 (seven days).
    #[serde(default = "presigned_seconds_max")]
    pub presigned_seconds_max: u32,

    /// Whether `UNSIGNED-PAYLOAD` is accepted: anybody on the way could then
    /// exchange the body. Presigned URLs of style `s3` need it.
    #[serde(default)]
    pub unsigned_payload: bool,

    /// Headers that must be signed where a request has them, besides `host`,
    /// `x-amz-date` and all others that begin with `x-amz-`.
    #[serde(default = "headers")]
    pub headers: Vec<String>,
}

/// How a path is written into what is signed.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum SigV4Style {
    /// Escaped once more, as for every service but S3.
    #[default]
    Generic,
    /// As it is sent, as for S3. Presigned URLs then leave the body unsigned.
    S3,
}

/// How HTTP Message Signatures are judged.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct HttpSignatureSpec {
    /// What a signature must cover: derived components such as `@method`, and
    /// headers, each where a request has it. Requests with a body must cover
    /// `content-digest` in any case.
    #[serde(default = "components")]
    pub components: Vec<String>,

    /// For how long a signature is accepted after `created`, at most 3600.
    #[serde(default = "max_age_seconds")]
    pub max_age_seconds: u32,

    /// How far the caller's clock may be ahead of ours, at most 900.
    #[serde(default = "ahead_seconds")]
    pub clock_skew_seconds: u32,

    /// Whether each signature must have a nonce.
    #[serde(default)]
    pub require_nonce: bool,

    /// The label of the signature to verify; any by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,

    /// The `tag` that the signature must have; any, or none, by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
}

impl Default for HmacSpec {
    fn default() -> Self {
        let clock_skew_seconds = clock_skew_seconds();
        Self { clock_skew_seconds, require_nonce: false, headers: headers() }
    }
}

impl Default for HttpSignatureSpec {
    fn default() -> Self {
        Self {
            components: components(),
            max_age_seconds: max_age_seconds(),
            clock_skew_seconds: ahead_seconds(),
            require_nonce: false,
            label: None,
            tag: None,
        }
    }
}

/// What others use too: Kong, APISIX and AWS.
fn clock_skew_seconds() -> u32 {
    300
}

/// What boto3 asks for when nothing else is said.
fn presigned_seconds_max() -> u32 {
    3600
}

fn max_age_seconds() -> u32 {
    300
}

fn ahead_seconds() -> u32 {
    60
}

/// It decides how the body is read.
fn headers() -> Vec<String> {
    vec!["content-type".to_owned()]
}

fn components() -> Vec<String> {
    ["@method", "@authority", "@path", "@query"].map(str::to_owned).into()
}
