//! What TLS is the same in towards callers and towards backends.

use envoy_types::pb::envoy::extensions::transport_sockets::tls::v3::tls_parameters::TlsProtocol;
use envoy_types::pb::envoy::extensions::transport_sockets::tls::v3::{
    SdsSecretConfig, TlsParameters,
};
use tollgate_model::TlsVersion;

use crate::ads;

/// What Envoy calls it.
pub(crate) const SOCKET: &str = "envoy.transport_sockets.tls";

/// What TLS 1.2 may agree on: forward secrecy and authenticated encryption
/// (RFC 9325, section 4.2). Those of TLS 1.3 are all good.
const CIPHER_SUITES: [&str; 6] = [
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-RSA-AES128-GCM-SHA256",
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-RSA-AES256-GCM-SHA384",
    "ECDHE-ECDSA-CHACHA20-POLY1305",
    "ECDHE-RSA-CHACHA20-POLY1305",
];

pub(crate) fn parameters(min_version: TlsVersion) -> TlsParameters {
    let min_version = match min_version {
        TlsVersion::Tls12 => TlsProtocol::TlSv12,
        TlsVersion::Tls13 => TlsProtocol::TlSv13,
    };
    TlsParameters {
        tls_minimum_protocol_version: min_version as i32,
        tls_maximum_protocol_version: TlsProtocol::TlSv13 as i32,
        cipher_suites: CIPHER_SUITES.map(str::to_owned).to_vec(),
        ..TlsParameters::default()
    }
}

/// Where a secret arrives.
pub(crate) fn secret(name: String) -> SdsSecretConfig {
    SdsSecretConfig { name, sds_config: Some(ads::source()) }
}
