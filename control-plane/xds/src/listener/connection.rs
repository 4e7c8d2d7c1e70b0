//! The HTTP connection manager, with Envoy's advice for the edge. Every default
//! of Envoy's that an attacker could use is overridden here.

use std::time::Duration;

use envoy_types::pb::envoy::config::core::v3::http_protocol_options::HeadersWithUnderscoresAction;
use envoy_types::pb::envoy::config::core::v3::{
    ExtensionConfigSource, HttpProtocolOptions,
};
use envoy_types::pb::envoy::config::listener::v3::Filter;
use envoy_types::pb::envoy::config::listener::v3::filter::ConfigType;
use envoy_types::pb::envoy::extensions::filters::http::router::v3::Router;
use envoy_types::pb::envoy::extensions::filters::network::http_connection_manager::v3::http_connection_manager::{
    ForwardClientCertDetails, InternalAddressConfig, PathWithEscapedSlashesAction,
    RouteSpecifier, ServerHeaderTransformation,
};
use envoy_types::pb::envoy::extensions::filters::network::http_connection_manager::v3::{
    HttpConnectionManager, HttpFilter, Rds, http_filter,
};
use envoy_types::util::pack_any;

use super::{access_log, replies, selection};
use crate::shards::Lookup;
use crate::{ads, extension, protocol, wrap};

/// A caller that sends its headers this slowly only wants to hold a connection.
const HEADERS_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a whole request may take to arrive. Bounds, too, how long a request
/// can hang whose filter died.
const REQUEST_TIMEOUT: Duration = Duration::from_mins(5);

/// How long a stream may say nothing in either direction.
const STREAM_IDLE_TIMEOUT: Duration = Duration::from_mins(5);

/// How long a connection may be kept without a request.
const IDLE_TIMEOUT: Duration = Duration::from_hours(1);

/// Memory for headers is the caller's to ask for, within these.
const HEADERS_KIB_MAX: u32 = 60;
const HEADERS_COUNT_MAX: u32 = 100;

/// The type of the filter that arrives by ECDS; no other is taken.
const WASM: &str = "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm";

pub(super) fn manager(
    listener: &str,
    trusted_hops: u32,
    (lookup, concurrency): (Option<&Lookup>, Option<HttpFilter>),
) -> HttpConnectionManager {
    let finding = lookup.into_iter().flat_map(selection::filters);
    HttpConnectionManager {
        stat_prefix: listener.to_owned(),
        route_specifier: Some(match lookup {
            None => whole(listener),
            Some(_) => RouteSpecifier::ScopedRoutes(selection::routes()),
        }),
        early_header_mutation_extensions: lookup
            .map(|_| selection::early_mutation())
            .into_iter()
            .collect(),
        http_filters: finding
            .chain([plugin(listener)])
            .chain(concurrency)
            .chain([router()])
            .collect(),
        access_log: vec![access_log::to_stdout()],
        local_reply_config: Some(replies::as_problems()),
        common_http_protocol_options: Some(common()),
        http2_protocol_options: Some(protocol::http2()),
        max_request_headers_kb: wrap::number(HEADERS_KIB_MAX),
        request_headers_timeout: wrap::duration(HEADERS_TIMEOUT),
        request_timeout: wrap::duration(REQUEST_TIMEOUT),
        stream_idle_timeout: wrap::duration(STREAM_IDLE_TIMEOUT),
        // A filter can only take a backend's own name out if it is left alone.
        server_header_transformation: ServerHeaderTransformation::PassThrough as i32,
        ..about_the_path(about_the_caller(trusted_hops))
    }
}

/// As a listener has it among the filters of connections.
pub(super) fn filter(manager: HttpConnectionManager) -> Filter {
    Filter {
        name: "envoy.filters.network.http_connection_manager".to_owned(),
        config_type: Some(ConfigType::TypedConfig(pack_any(manager))),
    }
}

/// All routes come together.
fn whole(listener: &str) -> RouteSpecifier {
    RouteSpecifier::Rds(Rds {
        config_source: Some(ads::source()),
        route_config_name: listener.to_owned(),
    })
}

/// Nothing that the caller says about itself is believed.
fn about_the_caller(trusted_hops: u32) -> HttpConnectionManager {
    HttpConnectionManager {
        use_remote_address: wrap::boolean(true),
        xff_num_trusted_hops: trusted_hops,
        // No address is one of ours just because it is private: its
        // `x-envoy-*` headers and its request ids would be believed.
        internal_address_config: Some(InternalAddressConfig::default()),
        generate_request_id: wrap::boolean(true),
        preserve_external_request_id: false,
        forward_client_cert_details: ForwardClientCertDetails::Sanitize as i32,
        ..HttpConnectionManager::default()
    }
}

/// One path has one spelling, or is refused.
fn about_the_path(manager: HttpConnectionManager) -> HttpConnectionManager {
    HttpConnectionManager {
        normalize_path: wrap::boolean(true),
        merge_slashes: true,
        path_with_escaped_slashes_action: PathWithEscapedSlashesAction::RejectRequest as i32,
        // `orders.example.com.` is the same host.
        strip_trailing_host_dot: true,
        ..manager
    }
}

fn common() -> HttpProtocolOptions {
    HttpProtocolOptions {
        idle_timeout: wrap::duration(IDLE_TIMEOUT),
        max_headers_count: wrap::number(HEADERS_COUNT_MAX),
        // Backends that read `x_user` for `x-user` would be told what no filter saw.
        headers_with_underscores_action: HeadersWithUnderscoresAction::RejectRequest as i32,
        ..HttpProtocolOptions::default()
    }
}

/// Until it has arrived, requests are answered 500: there is no default.
fn plugin(listener: &str) -> HttpFilter {
    let source = ExtensionConfigSource {
        config_source: Some(ads::source()),
        type_urls: vec![WASM.to_owned()],
        ..ExtensionConfigSource::default()
    };
    HttpFilter {
        name: extension::name(listener),
        config_type: Some(http_filter::ConfigType::ConfigDiscovery(source)),
        ..HttpFilter::default()
    }
}

/// Backends and callers have no use for Envoy's own headers.
fn router() -> HttpFilter {
    let router = Router { suppress_envoy_headers: true, ..Router::default() };
    HttpFilter {
        name: "envoy.filters.http.router".to_owned(),
        config_type: Some(http_filter::ConfigType::TypedConfig(pack_any(router))),
        ..HttpFilter::default()
    }
}
