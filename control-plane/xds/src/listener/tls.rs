//! TLS of a listener, but for its secrets, which arrive apart from it (SDS): a
//! new certificate leaves the listener and its connections alone.

use std::time::Duration;

use envoy_types::pb::envoy::config::core::v3::TransportSocket;
use envoy_types::pb::envoy::config::core::v3::transport_socket::ConfigType;
use envoy_types::pb::envoy::extensions::transport_sockets::tls::v3::common_tls_context::ValidationContextType;
use envoy_types::pb::envoy::extensions::transport_sockets::tls::v3::downstream_tls_context::SessionTicketKeysType;
use envoy_types::pb::envoy::extensions::transport_sockets::tls::v3::tls_parameters::TlsProtocol;
use envoy_types::pb::envoy::extensions::transport_sockets::tls::v3::{
    CommonTlsContext, DownstreamTlsContext, SdsSecretConfig, TlsParameters,
};
use envoy_types::util::pack_any;
use tollgate_model::{ClientCertificates, ClientTls, Tls, TlsVersion};

use crate::{ads, secrets, wrap};

/// A caller that takes longer over its handshake only wants to hold a connection.
pub(super) const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

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

const PROTOCOLS: [&str; 2] = ["h2", "http/1.1"];

pub(super) fn socket(listener: &str, tls: &Tls) -> TransportSocket {
    TransportSocket {
        name: "envoy.transport_sockets.tls".to_owned(),
        config_type: Some(ConfigType::TypedConfig(pack_any(context(listener, tls)))),
    }
}

fn context(listener: &str, tls: &Tls) -> DownstreamTlsContext {
    let common = CommonTlsContext {
        tls_params: Some(parameters(tls.min_version)),
        alpn_protocols: PROTOCOLS.map(str::to_owned).to_vec(),
        tls_certificate_sds_secret_configs: vec![secret(secrets::certificate_name(listener))],
        ..CommonTlsContext::default()
    };
    let context = DownstreamTlsContext {
        common_tls_context: Some(common),
        ..DownstreamTlsContext::default()
    };
    match &tls.clients {
        Some(clients) => asking(listener, clients, context),
        None => context,
    }
}

/// Asks callers for certificates. Which of them are believed is a secret too, so
/// that a list of revoked ones can be replaced.
fn asking(
    listener: &str,
    clients: &ClientTls,
    mut context: DownstreamTlsContext,
) -> DownstreamTlsContext {
    let authorities = secret(secrets::authorities_name(listener));
    if let Some(common) = &mut context.common_tls_context {
        common.validation_context_type =
            Some(ValidationContextType::ValidationContextSdsSecretConfig(authorities));
    }
    let required = clients.certificates == ClientCertificates::Required;
    DownstreamTlsContext {
        require_client_certificate: wrap::boolean(required),
        // Every connection has its certificate verified: a resumed session
        // would bring back one that expired or was revoked meanwhile.
        disable_stateful_session_resumption: true,
        session_ticket_keys_type: Some(SessionTicketKeysType::DisableStatelessSessionResumption(
            true,
        )),
        ..context
    }
}

fn parameters(min_version: TlsVersion) -> TlsParameters {
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

fn secret(name: String) -> SdsSecretConfig {
    SdsSecretConfig { name, sds_config: Some(ads::source()) }
}
