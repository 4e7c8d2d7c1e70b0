//! What an Envoy is started with to look at resources by themselves.

use envoy_types::pb::envoy::config::bootstrap::v3::bootstrap::{DynamicResources, StaticResources};
use envoy_types::pb::envoy::config::bootstrap::v3::runtime_layer::LayerSpecifier;
use envoy_types::pb::envoy::config::bootstrap::v3::{Bootstrap, LayeredRuntime, RuntimeLayer};
use envoy_types::pb::envoy::config::cluster::v3::Cluster;
use envoy_types::pb::envoy::config::core::v3::address::Address as PbAddress;
use envoy_types::pb::envoy::config::core::v3::api_config_source::ApiType;
use envoy_types::pb::envoy::config::core::v3::grpc_service::{EnvoyGrpc, TargetSpecifier};
use envoy_types::pb::envoy::config::core::v3::socket_address::PortSpecifier;
use envoy_types::pb::envoy::config::core::v3::{
    Address, ApiConfigSource, ApiVersion, GrpcService, Node, SocketAddress,
};
use envoy_types::pb::envoy::config::listener::v3::filter::ConfigType;
use envoy_types::pb::envoy::config::listener::v3::{Filter, FilterChain, Listener};
use envoy_types::pb::envoy::config::route::v3::RouteConfiguration;
use envoy_types::pb::envoy::extensions::filters::http::router::v3::Router;
use envoy_types::pb::envoy::extensions::filters::network::http_connection_manager::v3::http_connection_manager::RouteSpecifier;
use envoy_types::pb::envoy::extensions::filters::network::http_connection_manager::v3::http_filter::ConfigType as HttpConfigType;
use envoy_types::pb::envoy::extensions::filters::network::http_connection_manager::v3::{
    HttpConnectionManager, HttpFilter,
};
use envoy_types::pb::google::protobuf::value::Kind as PbKind;
use envoy_types::pb::google::protobuf::{BoolValue, Struct, Value};
use envoy_types::util::pack_any;
use prost::Message as _;
use tollgate_model::EXPRESSION_STEPS_MAX;
use tollgate_xds::Kind;

use super::Suspect;

/// By this an Envoy knows how large expressions may be.
const EXPRESSION_STEPS: &str = "re2.max_program_size.error_level";

/// As if it had been written by hand; routes each with a listener.
pub(super) fn bootstrap(suspects: &[Suspect<'_>]) -> Bootstrap {
    let mut clusters = vec![Cluster { name: "xds".to_owned(), ..Cluster::default() }];
    let mut listeners = Vec::new();
    for (kind, name, resource) in suspects {
        match kind {
            Kind::Cluster => clusters.extend(Cluster::decode(resource.body.clone())),
            Kind::Listener => listeners.extend(Listener::decode(resource.body.clone())),
            _ => {
                let routes = RouteConfiguration::decode(resource.body.clone());
                listeners.extend(routes.map(|routes| listener(name, routes)));
            }
        }
    }
    let static_resources = StaticResources { clusters, listeners, ..StaticResources::default() };
    Bootstrap {
        node: Some(Node { id: "check".to_owned(), cluster: "check".to_owned(), ..Node::default() }),
        dynamic_resources: Some(DynamicResources {
            ads_config: Some(control_plane()),
            ..DynamicResources::default()
        }),
        static_resources: Some(static_resources),
        layered_runtime: Some(runtime()),
        ..Bootstrap::default()
    }
}

/// What the bootstraps that ship say of expressions.
fn runtime() -> LayeredRuntime {
    let steps = u32::try_from(EXPRESSION_STEPS_MAX).unwrap_or(u32::MAX);
    let steps = Value { kind: Some(PbKind::NumberValue(f64::from(steps))) };
    let layer = Struct { fields: [(EXPRESSION_STEPS.to_owned(), steps)].into() };
    LayeredRuntime {
        layers: vec![RuntimeLayer {
            name: "tollgate".to_owned(),
            layer_specifier: Some(LayerSpecifier::StaticLayer(layer)),
        }],
    }
}

/// One that serves these routes. Their clusters are elsewhere.
fn listener(name: &str, routes: RouteConfiguration) -> Listener {
    let routes =
        RouteConfiguration { validate_clusters: Some(BoolValue { value: false }), ..routes };
    let last = HttpFilter {
        name: "envoy.filters.http.router".to_owned(),
        config_type: Some(HttpConfigType::TypedConfig(pack_any(Router::default()))),
        ..HttpFilter::default()
    };
    let manager = HttpConnectionManager {
        stat_prefix: "check".to_owned(),
        route_specifier: Some(RouteSpecifier::RouteConfig(routes)),
        http_filters: vec![last],
        ..HttpConnectionManager::default()
    };
    let filter = Filter {
        name: "envoy.filters.network.http_connection_manager".to_owned(),
        config_type: Some(ConfigType::TypedConfig(pack_any(manager))),
    };
    let socket = SocketAddress {
        address: "127.0.0.1".to_owned(),
        port_specifier: Some(PortSpecifier::PortValue(0)),
        ..SocketAddress::default()
    };
    Listener {
        name: format!("routes {name}"),
        address: Some(Address { address: Some(PbAddress::SocketAddress(socket)) }),
        filter_chains: vec![FilterChain { filters: vec![filter], ..FilterChain::default() }],
        ..Listener::default()
    }
}

fn control_plane() -> ApiConfigSource {
    let service = EnvoyGrpc { cluster_name: "xds".to_owned(), ..EnvoyGrpc::default() };
    ApiConfigSource {
        api_type: ApiType::DeltaGrpc as i32,
        transport_api_version: ApiVersion::V3 as i32,
        grpc_services: vec![GrpcService {
            target_specifier: Some(TargetSpecifier::EnvoyGrpc(service)),
            ..GrpcService::default()
        }],
        ..ApiConfigSource::default()
    }
}
