//! Envoy itself takes what every golden case becomes.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use envoy_types::pb::envoy::config::bootstrap::v3::bootstrap::{DynamicResources, StaticResources};
use envoy_types::pb::envoy::config::bootstrap::v3::runtime_layer::LayerSpecifier;
use envoy_types::pb::envoy::config::bootstrap::v3::{
    Admin, Bootstrap, LayeredRuntime, RuntimeLayer,
};
use envoy_types::pb::envoy::config::cluster::v3::Cluster;
use envoy_types::pb::envoy::config::core::v3::api_config_source::ApiType;
use envoy_types::pb::envoy::config::core::v3::grpc_service::{EnvoyGrpc, TargetSpecifier};
use envoy_types::pb::envoy::config::core::v3::{ApiConfigSource, ApiVersion, GrpcService, Node};
use envoy_types::pb::envoy::config::listener::v3::Listener;
use envoy_types::pb::envoy::config::listener::v3::filter::ConfigType;
use envoy_types::pb::envoy::config::route::v3::{RouteConfiguration, ScopedRouteConfiguration};
use envoy_types::pb::envoy::extensions::filters::network::http_connection_manager::v3::scoped_routes::ConfigSpecifier;
use envoy_types::pb::envoy::extensions::filters::network::http_connection_manager::v3::{
    HttpConnectionManager, ScopedRouteConfigurationsList, ScopedRoutes,
};
use envoy_types::pb::envoy::extensions::filters::network::http_connection_manager::v3::http_connection_manager::RouteSpecifier;
use envoy_types::pb::google::protobuf::value::Kind as PbKind;
use envoy_types::pb::google::protobuf::{Struct, Value};
use envoy_types::util::pack_any;
use prost::{Message, Name};
use tollgate_model::EXPRESSION_STEPS_MAX;
use tollgate_xds::{Kind, Snapshot};

use crate::reflect;

#[test]
fn envoy_takes_every_case() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut taken = 0;
    for case in files.filter(|path| path.extension().is_some_and(|e| e == "yaml")) {
        let name = case.file_name().unwrap().to_str().unwrap();
        if let Ok(snapshot) = reflect::snapshot_of(name, &fs::read_to_string(&case).unwrap()) {
            let bootstrap = with_steps(bootstrap(&snapshot), EXPRESSION_STEPS_MAX);
            assert_eq!(refusal(name, &bootstrap), None, "{name}");
            taken += 1;
        }
    }
    assert!(0 < taken, "no case that becomes anything");
}

/// `ENVOY`, or the one that `make setup` gets.
fn envoy() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let envoy = std::env::var_os("ENVOY").map_or_else(|| root.join(".tools/envoy"), PathBuf::from);
    assert!(envoy.exists(), "there is no {}; run `make setup`", envoy.display());
    envoy
}

/// What Envoy says against a configuration, or of what is on its way out.
pub(crate) fn refusal(name: &str, bootstrap: &Bootstrap) -> Option<String> {
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.pb"));
    fs::write(&file, bootstrap.encode_to_vec()).unwrap();
    let output =
        Command::new(envoy()).args(["--mode", "validate", "-c"]).arg(&file).output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    let of_interest = told.lines().filter(|line| !line.contains("[info]"));
    let told: String = of_interest.flat_map(|line| [line, "\n"]).collect();
    (!output.status.success() || told.contains("eprecated")).then_some(told)
}

/// As the bootstraps that ship say how large expressions may be.
pub(crate) fn with_steps(bootstrap: Bootstrap, steps: usize) -> Bootstrap {
    let steps = f64::from(u32::try_from(steps).unwrap());
    let steps = Value { kind: Some(PbKind::NumberValue(steps)) };
    let name = "re2.max_program_size.error_level".to_owned();
    let layer = Struct { fields: [(name, steps)].into() };
    let layer = RuntimeLayer {
        name: "tollgate".to_owned(),
        layer_specifier: Some(LayerSpecifier::StaticLayer(layer)),
    };
    Bootstrap { layered_runtime: Some(LayeredRuntime { layers: vec![layer] }), ..bootstrap }
}

/// The snapshot as a static configuration. Endpoints and plugins stay with the
/// control plane: one needs no checking, the other is checked when it is built.
pub(crate) fn bootstrap(snapshot: &Snapshot) -> Bootstrap {
    let clusters =
        snapshot.of(Kind::Cluster).map(|(_, it)| Cluster::decode(it.body.clone()).unwrap());
    let listeners = snapshot.of(Kind::Listener).map(|(name, it)| {
        let listener = Listener::decode(it.body.clone()).unwrap();
        with_routes(listener, |found_by| match snapshot.get(Kind::Routes, name) {
            Some(routes) => {
                RouteSpecifier::RouteConfig(RouteConfiguration::decode(&*routes.body).unwrap())
            }
            None => RouteSpecifier::ScopedRoutes(in_pieces(found_by, snapshot)),
        })
    });
    Bootstrap {
        node: Some(Node { id: "test".into(), cluster: "test".into(), ..Node::default() }),
        admin: Some(Admin::default()),
        dynamic_resources: Some(DynamicResources {
            ads_config: Some(control_plane()),
            ..DynamicResources::default()
        }),
        static_resources: Some(StaticResources {
            clusters: clusters.chain([xds()]).collect(),
            listeners: listeners.collect(),
            ..StaticResources::default()
        }),
        ..Bootstrap::default()
    }
}

fn control_plane() -> ApiConfigSource {
    let service = EnvoyGrpc { cluster_name: "xds".into(), ..EnvoyGrpc::default() };
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

fn xds() -> Cluster {
    Cluster { name: "xds".into(), ..Cluster::default() }
}

/// Puts the routes where otherwise the name of the routes stands.
fn with_routes(
    mut listener: Listener,
    routes: impl FnOnce(RouteSpecifier) -> RouteSpecifier,
) -> Listener {
    let filter = &mut listener.filter_chains[0].filters[0];
    let Some(ConfigType::TypedConfig(any)) = &filter.config_type else { panic!("no manager") };
    assert_eq!(any.type_url, HttpConnectionManager::type_url());
    let mut manager = HttpConnectionManager::decode(&*any.value).unwrap();
    manager.route_specifier = manager.route_specifier.map(routes);
    filter.config_type = Some(ConfigType::TypedConfig(pack_any(manager)));
    listener
}

/// The pieces where otherwise it stands that they come one by one.
fn in_pieces(found_by: RouteSpecifier, snapshot: &Snapshot) -> ScopedRoutes {
    let RouteSpecifier::ScopedRoutes(found_by) = found_by else { panic!("no pieces") };
    let pieces = snapshot.of(Kind::Scopes).map(|(name, scope)| {
        let routes = &snapshot.get(Kind::Routes, name).unwrap().body;
        ScopedRouteConfiguration {
            route_configuration_name: String::new(),
            route_configuration: Some(RouteConfiguration::decode(&**routes).unwrap()),
            on_demand: false,
            ..ScopedRouteConfiguration::decode(&*scope.body).unwrap()
        }
    });
    let list = ScopedRouteConfigurationsList { scoped_route_configurations: pieces.collect() };
    let config_specifier = Some(ConfigSpecifier::ScopedRouteConfigurationsList(list));
    ScopedRoutes { config_specifier, ..found_by }
}
