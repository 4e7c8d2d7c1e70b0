use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Callers who are known by the certificate of their connection, which Envoy has
/// verified against the `client_ca` of the listener.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct MtlsSpec {
    /// Where the certificate names the tenant. The common name is never taken for
    /// a host name or a URI.
    pub tenant: CertificateNameSpec,

    /// What that name looks like, from its first byte to its last: text, with
    /// `{tenant}` once and `{subject}` at most once. Each stands for a letter or
    /// a digit and any number of letters, digits, `.`, `_` and `-` after it, up
    /// to the first of the character that follows it in the pattern. Without
    /// `{subject}` the subject is the whole name. Certificates that do not look
    /// so are refused. Not with `tenant: fingerprint`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(example = &"spiffe://acme/tenant/{tenant}"))]
    pub pattern: Option<String>,

    /// With `tenant: fingerprint`, the SHA-256 of each certificate in 64
    /// hexadecimal digits, and the tenant that it is of.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub fingerprints: BTreeMap<String, String>,

    /// What every caller with a certificate may do.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scopes: Vec<String>,
}

/// A name in a certificate.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum CertificateNameSpec {
    /// The first URI among its alternative names, such as a SPIFFE id. Further
    /// ones are not looked at.
    UriSan,
    /// The first host name among its alternative names, in any case. Further
    /// ones are not looked at.
    DnsSan,
    /// Its whole subject as RFC 2253 writes it: `CN={tenant},O=Acme`.
    Subject,
    /// The SHA-256 of the certificate itself; see `fingerprints`.
    Fingerprint,
}
