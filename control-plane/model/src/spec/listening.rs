//! Where the gateway listens, and by what protocols.

use schemars::JsonSchema;
use serde::Deserialize;

use super::list;
use crate::{ClientCertificates, TlsVersion};

/// Where the gateway listens.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListenerSpec {
    /// The IP address and port it binds. `0.0.0.0` and `[::]` are all addresses.
    #[schemars(required, example = &"127.0.0.1:8080")]
    pub(crate) address: Option<String>,

    /// How many proxies of ours stand before the gateway: that many right-most
    /// entries of `X-Forwarded-For` are believed.
    #[serde(default)]
    #[schemars(range(max = 16))]
    pub(crate) trusted_hops: u32,

    /// How it speaks TLS, with HTTP/2 and HTTP/1.1. Without it, plain HTTP.
    #[serde(default)]
    #[expect(dead_code, reason = "only its schema is used: it is read by itself")]
    pub(crate) tls: Option<TlsSpec>,

    /// The groups of Envoys (`node.cluster` of their bootstraps) that open it and
    /// are given its private key. By default all.
    #[serde(default)]
    #[schemars(length(min = 1), example = list("edge"))]
    #[expect(dead_code, reason = "only its schema is used: it is read with its place")]
    pub(crate) envoys: Vec<String>,
}

/// How a listener speaks TLS. Files are named relative to this one, hold PEM, and
/// are read again whenever they change; no connection is dropped for that.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Tls")]
pub(crate) struct TlsSpec {
    /// The certificate, then those above it up to one that callers know.
    #[schemars(required, length(min = 1), example = &"public.pem")]
    #[expect(dead_code, reason = "only its schema is used: it is read with its place")]
    pub(crate) certificate: Option<String>,

    /// The certificate's private key: ECDSA or RSA, without a password.
    #[schemars(required, length(min = 1), example = &"public.key")]
    #[expect(dead_code, reason = "only its schema is used: it is read with its place")]
    pub(crate) key: Option<String>,

    /// Authorities whose certificates callers may show. Without it callers are
    /// not asked for one.
    #[serde(default)]
    #[schemars(length(min = 1), example = &"clients.pem")]
    #[expect(dead_code, reason = "only its schema is used: it is read with its place")]
    pub(crate) client_ca: Option<String>,

    /// Whether callers must show a certificate; `optional` by default. One that
    /// expired, was revoked or is of another authority is refused either way,
    /// with the connection.
    #[serde(default)]
    pub(crate) client_certificates: Option<ClientCertificates>,

    /// Lists of revoked certificates, one of each authority in `client_ca`. It
    /// holds for connections that are made from then on; those that are open
    /// stay open.
    #[serde(default)]
    #[schemars(length(min = 1), example = &"clients.crl")]
    #[expect(dead_code, reason = "only its schema is used: it is read with its place")]
    pub(crate) crl: Option<String>,

    /// The oldest version that is spoken.
    #[serde(default)]
    pub(crate) min_version: TlsVersion,

    /// HTTP/3, by UDP at the same address. Callers who come by TCP are told of it, by
    /// `alt-svc`. Nothing is taken before a handshake has ended (0-RTT), since others
    /// could send it again. Not together with `client_ca`.
    #[serde(default)]
    pub(crate) http3: Option<Http3Spec>,
}

/// How HTTP/3 is served: `{}`, or more.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Http3")]
pub(crate) struct Http3Spec {
    /// The port that callers are told, where a load balancer has another one than the
    /// listener.
    #[serde(default)]
    #[schemars(range(min = 1, max = 65_535))]
    pub(crate) port: Option<u16>,
}
