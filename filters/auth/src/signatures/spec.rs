use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use tollgate_signatures::{KeyAlgorithm, Scheme};

use crate::EndpointSpec;

/// The keys that requests are signed with, and how much may be signed.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct SigningKeysSpec {
    /// Keys, by the id that callers name.
    #[serde(default)]
    pub keys: BTreeMap<String, SigningKeySpec>,

    /// How long the body of a signed request may be: it is held until it has
    /// been compared with what was signed. Envoy's own buffers must be as large.
    #[serde(default = "body_bytes_max")]
    pub body_bytes_max: u32,

    /// Who is asked about keys that are not among `keys`. Without it, nobody has them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lookup: Option<EndpointSpec>,
}

/// A key that one caller signs requests with.
#[derive(Clone, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct SigningKeySpec {
    /// The one way of signing that it is for.
    pub scheme: SchemeSpec,

    /// Whose it is.
    pub tenant: String,

    /// The tier whose limits apply instead of the tenant's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tier: Option<String>,

    /// What a caller with it may do.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scopes: Vec<String>,

    /// The algorithm. A shared secret by default.
    #[serde(default = "algorithm")]
    pub algorithm: KeyAlgorithm,

    /// The secret that the caller and the gateway share: 32 bytes at least.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,

    /// The caller's public key in PEM.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public_key: Option<String>,
}

/// A way of signing requests.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SchemeSpec {
    /// Tollgate's own HMAC.
    Hmac,
    /// AWS Signature Version 4.
    #[serde(rename = "sigv4")]
    SigV4,
    /// HTTP Message Signatures (RFC 9421).
    HttpSignature,
}

// === impl SigningKeysSpec ===

impl SigningKeysSpec {
    pub(crate) fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

impl Default for SigningKeysSpec {
    fn default() -> Self {
        Self { keys: BTreeMap::new(), body_bytes_max: body_bytes_max(), lookup: None }
    }
}

/// As much as other policies about bodies take.
fn body_bytes_max() -> u32 {
    1 << 20
}

fn algorithm() -> KeyAlgorithm {
    KeyAlgorithm::HmacSha256
}

// === impl SigningKeySpec ===

/// Without the secret.
impl fmt::Debug for SigningKeySpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { scheme, tenant, tier, scopes, algorithm, secret, public_key } = self;
        f.debug_struct("SigningKeySpec")
            .field("scheme", scheme)
            .field("tenant", tenant)
            .field("tier", tier)
            .field("scopes", scopes)
            .field("algorithm", algorithm)
            .field("secret", &secret.as_ref().map(|_| "[redacted]"))
            .field("public_key", public_key)
            .finish()
    }
}

// === impl SchemeSpec ===

impl From<SchemeSpec> for Scheme {
    fn from(spec: SchemeSpec) -> Self {
        match spec {
            SchemeSpec::Hmac => Self::Hmac,
            SchemeSpec::SigV4 => Self::SigV4,
            SchemeSpec::HttpSignature => Self::HttpSignature,
        }
    }
}
