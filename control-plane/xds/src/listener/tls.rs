//! TLS of a listener, but for its secrets, which arrive apart from it (SDS): a
//! new certificate leaves the listener and its connections alone.

use std::time::Duration;

use envoy_types::pb::envoy::config::core::v3::TransportSocket;
use envoy_types::pb::envoy::config::core::v3::transport_socket::ConfigType;
use envoy_types::pb::envoy::extensions::transport_sockets::tls::v3::common_tls_context::ValidationContextType;
use envoy_types::pb::envoy::extensions::transport_sockets::tls::v3::downstream_tls_context::SessionTicketKeysType;
use envoy_types::pb::envoy::extensions::transport_sockets::tls::v3::{
    CommonTlsContext, DownstreamTlsContext,
};
use envoy_types::util::pack_any;
use tollgate_model::{ClientCertificates, ClientTls, Tls};

use crate::{secrets, tls, wrap};

/// A caller that takes longer over its handshake only wants to hold a connection.
pub(super) const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

const PROTOCOLS: [&str; 2] = ["h2", "http/1.1"];

pub(super) fn socket(listener: &str, written: &Tls) -> TransportSocket {
    TransportSocket {
        name: tls::SOCKET.to_owned(),
        config_type: Some(ConfigType::TypedConfig(pack_any(context(listener, written)))),
    }
}

pub(super) fn context(listener: &str, written: &Tls) -> DownstreamTlsContext {
    let common = CommonTlsContext {
        tls_params: Some(tls::parameters(written.min_version)),
        alpn_protocols: PROTOCOLS.map(str::to_owned).to_vec(),
        tls_certificate_sds_secret_configs: vec![tls::secret(secrets::certificate_name(listener))],
        ..CommonTlsContext::default()
    };
    let context = DownstreamTlsContext {
        common_tls_context: Some(common),
        ..DownstreamTlsContext::default()
    };
    match &written.clients {
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
    let authorities = tls::secret(secrets::authorities_name(listener));
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
