use std::fmt;

use schemars::JsonSchema;
use serde::Deserialize;

/// How a listener speaks TLS.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Tls {
    /// The certificate and those above it, in PEM.
    pub certificate: String,
    /// Its private key.
    pub key: PrivateKey,
    /// Whether callers are asked for certificates, and which are believed.
    pub clients: Option<ClientTls>,
    /// The oldest version that is spoken.
    pub min_version: TlsVersion,
    /// Whether HTTP/3 is, beside the others.
    pub http3: Option<Http3>,
}

/// How HTTP/3 is served.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub struct Http3 {
    /// The port that callers are told, if not that of the listener.
    pub port: Option<u16>,
}

/// Which certificates of callers are believed.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct ClientTls {
    /// The certificates of the authorities, in PEM.
    pub ca: String,
    /// Their lists of revoked certificates, in PEM.
    pub crl: Option<String>,
    /// Whether a caller must show one.
    pub certificates: ClientCertificates,
}

/// Whether callers must show a certificate.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Hash, JsonSchema, PartialEq)]
#[serde(rename_all = "lowercase")]
pub enum ClientCertificates {
    /// They are asked for one, and may have none. One that does not hold is refused.
    #[default]
    Optional,
    /// Without one there is no connection.
    Required,
}

/// A version of TLS.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Hash, JsonSchema, PartialEq)]
pub enum TlsVersion {
    /// TLS 1.2 (RFC 5246).
    #[default]
    #[serde(rename = "1.2")]
    Tls12,
    /// TLS 1.3 (RFC 8446).
    #[serde(rename = "1.3")]
    Tls13,
}

/// A private key in PEM, which nobody sees.
#[derive(Clone, Eq, PartialEq)]
pub struct PrivateKey(String);

// === impl PrivateKey ===

impl PrivateKey {
    /// What stands in place of a key that is not to be shown.
    pub const REDACTED: &'static str = "[redacted]";

    /// A key, or what stands for one.
    pub fn new(pem: impl Into<String>) -> Self {
        Self(pem.into())
    }

    /// The key itself, for Envoy alone.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Self::REDACTED)
    }
}
