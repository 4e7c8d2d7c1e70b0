//! What is spoken on the way to a backend, and on the way from a caller.

use std::collections::HashMap;
use std::time::Duration;

use envoy_types::pb::envoy::config::core::v3::{
    Http1ProtocolOptions, Http2ProtocolOptions, Http3ProtocolOptions,
    HttpProtocolOptions as CommonOptions, KeepaliveSettings, QuicProtocolOptions,
};
use envoy_types::pb::envoy::extensions::filters::network::http_connection_manager::v3::HttpFilter;
use envoy_types::pb::envoy::extensions::upstreams::http::v3::HttpProtocolOptions;
use envoy_types::pb::envoy::extensions::upstreams::http::v3::http_protocol_options::explicit_http_config::ProtocolConfig;
use envoy_types::pb::envoy::extensions::upstreams::http::v3::http_protocol_options::{
    ExplicitHttpConfig, UpstreamProtocolOptions,
};
use envoy_types::pb::google::protobuf::Any;
use envoy_types::util::pack_any;
use tollgate_model::Protocol;

use crate::wrap;

const OPTIONS: &str = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";

/// Shorter than servers keep connections that nobody uses, so that a request
/// is not sent down one that is just being closed.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);

/// Finds out that a backend's machine is gone.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(30);
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(5);

/// Envoy's recommendations for proxies at the edge. The defaults, 2^31 streams
/// and 256 MiB, leave the memory of the gateway to its callers.
const STREAMS_MAX: u32 = 100;
const STREAM_WINDOW_BYTES: u32 = 64 * 1024;
const CONNECTION_WINDOW_BYTES: u32 = 1024 * 1024;

/// `filters`: what requests pass on their way to one endpoint.
pub(crate) fn options(protocol: Protocol, filters: Vec<HttpFilter>) -> HashMap<String, Any> {
    let spoken = match protocol {
        Protocol::Http1 => ProtocolConfig::HttpProtocolOptions(Http1ProtocolOptions::default()),
        Protocol::Http2 | Protocol::Grpc => ProtocolConfig::Http2ProtocolOptions(upstream_http2()),
    };
    let options = HttpProtocolOptions {
        common_http_protocol_options: Some(CommonOptions {
            idle_timeout: wrap::duration(IDLE_TIMEOUT),
            ..CommonOptions::default()
        }),
        upstream_protocol_options: Some(UpstreamProtocolOptions::ExplicitHttpConfig(
            ExplicitHttpConfig { protocol_config: Some(spoken) },
        )),
        http_filters: filters,
        ..HttpProtocolOptions::default()
    };
    [(OPTIONS.to_owned(), pack_any(options))].into()
}

fn upstream_http2() -> Http2ProtocolOptions {
    Http2ProtocolOptions {
        connection_keepalive: Some(KeepaliveSettings {
            interval: wrap::duration(KEEPALIVE_INTERVAL),
            timeout: wrap::duration(KEEPALIVE_TIMEOUT),
            ..KeepaliveSettings::default()
        }),
        ..http2()
    }
}

/// HTTP/2 with bounds on what one connection may hold.
pub(crate) fn http2() -> Http2ProtocolOptions {
    Http2ProtocolOptions {
        max_concurrent_streams: wrap::number(STREAMS_MAX),
        initial_stream_window_size: wrap::number(STREAM_WINDOW_BYTES),
        initial_connection_window_size: wrap::number(CONNECTION_WINDOW_BYTES),
        ..Http2ProtocolOptions::default()
    }
}

/// HTTP/3 with the same bounds.
pub(crate) fn http3() -> Http3ProtocolOptions {
    Http3ProtocolOptions { quic_protocol_options: Some(quic()), ..Http3ProtocolOptions::default() }
}

pub(crate) fn quic() -> QuicProtocolOptions {
    QuicProtocolOptions {
        max_concurrent_streams: wrap::number(STREAMS_MAX),
        initial_stream_window_size: wrap::number(STREAM_WINDOW_BYTES),
        initial_connection_window_size: wrap::number(CONNECTION_WINDOW_BYTES),
        ..QuicProtocolOptions::default()
    }
}
