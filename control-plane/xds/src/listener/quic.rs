//! HTTP/3: a listener of its own beside the one of TCP, with its plugin and its routes.

use envoy_types::pb::envoy::config::common::mutation_rules::v3::HeaderMutation as Mutation;
use envoy_types::pb::envoy::config::common::mutation_rules::v3::header_mutation::Action;
use envoy_types::pb::envoy::config::core::v3::header_value_option::HeaderAppendAction;
use envoy_types::pb::envoy::config::core::v3::socket_address::Protocol;
use envoy_types::pb::envoy::config::core::v3::transport_socket::ConfigType;
use envoy_types::pb::envoy::config::core::v3::address::Address as AnyAddress;
use envoy_types::pb::envoy::config::core::v3::{HeaderValue, HeaderValueOption, TransportSocket};
use envoy_types::pb::envoy::config::listener::v3::{
    FilterChain, Listener as EnvoyListener, QuicProtocolOptions, UdpListenerConfig,
};
use envoy_types::pb::envoy::extensions::filters::http::header_mutation::v3::{
    HeaderMutation, Mutations,
};
use envoy_types::pb::envoy::extensions::filters::network::http_connection_manager::v3::http_connection_manager::CodecType;
use envoy_types::pb::envoy::extensions::filters::network::http_connection_manager::v3::{
    HttpConnectionManager, HttpFilter, http_filter,
};
use envoy_types::pb::envoy::extensions::transport_sockets::quic::v3::QuicDownstreamTransport;
use envoy_types::util::pack_any;
use tollgate_model::{Listener, Tls};

use super::{BUFFER_BYTES, Filters, connection, tls};
use crate::{endpoints, protocol, wrap};

/// How long a caller may believe that HTTP/3 is served there.
const BELIEVED_SECONDS: u32 = 86_400;

/// No listener that is written has a name with a dot.
pub(crate) fn name(listener: &str) -> String {
    format!("{listener}.http3")
}

/// What a listener with this TLS is told of HTTP/3.
pub(crate) fn from_listener(
    listener: &str,
    (written, secured): (&Listener, &Tls),
    filters: Filters<'_>,
) -> EnvoyListener {
    let Filters { lookup, connections, concurrency } = filters;
    let manager = HttpConnectionManager {
        codec_type: CodecType::Http3 as i32,
        http3_protocol_options: Some(protocol::http3()),
        ..connection::manager(listener, written.trusted_hops, (lookup, concurrency))
    };
    let chain = FilterChain {
        filters: connections.into_iter().chain([connection::filter(manager)]).collect(),
        transport_socket: Some(socket(listener, secured)),
        ..FilterChain::default()
    };
    let mut address = endpoints::address(&written.address.ip().to_string(), written.address.port());
    if let Some(AnyAddress::SocketAddress(socket)) = &mut address.address {
        socket.set_protocol(Protocol::Udp);
    }
    EnvoyListener {
        name: name(listener),
        address: Some(address),
        per_connection_buffer_limit_bytes: wrap::number(BUFFER_BYTES),
        udp_listener_config: Some(UdpListenerConfig {
            quic_options: Some(QuicProtocolOptions {
                quic_protocol_options: Some(protocol::quic()),
                ..QuicProtocolOptions::default()
            }),
            ..UdpListenerConfig::default()
        }),
        filter_chains: vec![chain],
        ..EnvoyListener::default()
    }
}

fn socket(listener: &str, secured: &Tls) -> TransportSocket {
    let mut context = tls::context(listener, secured);
    if let Some(common) = &mut context.common_tls_context {
        common.alpn_protocols = Vec::new();
    }
    let transport = QuicDownstreamTransport {
        downstream_tls_context: Some(context),
        // What comes before the handshake has ended can be sent again by others.
        enable_early_data: wrap::boolean(false),
        ..QuicDownstreamTransport::default()
    };
    TransportSocket {
        name: "envoy.transport_sockets.quic".to_owned(),
        config_type: Some(ConfigType::TypedConfig(pack_any(transport))),
    }
}

/// Has responses say where HTTP/3 is served (RFC 7838).
pub(super) fn announced(port: u16) -> HttpFilter {
    let told = HeaderValueOption {
        header: Some(HeaderValue {
            key: "alt-svc".to_owned(),
            value: format!("h3=\":{port}\"; ma={BELIEVED_SECONDS}"),
            ..HeaderValue::default()
        }),
        append_action: HeaderAppendAction::OverwriteIfExistsOrAdd as i32,
        ..HeaderValueOption::default()
    };
    let mutations = Mutations {
        response_mutations: vec![Mutation { action: Some(Action::Append(told)) }],
        ..Mutations::default()
    };
    let filter = HeaderMutation { mutations: Some(mutations), ..HeaderMutation::default() };
    HttpFilter {
        name: "tollgate.http3".to_owned(),
        config_type: Some(http_filter::ConfigType::TypedConfig(pack_any(filter))),
        ..HttpFilter::default()
    }
}
