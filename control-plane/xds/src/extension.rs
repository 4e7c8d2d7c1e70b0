//! The plugin (ECDS): the module, and what holds for every route.

use std::time::Duration;

use envoy_types::pb::envoy::config::core::v3::{
    AsyncDataSource, BackoffStrategy, DataSource, TypedExtensionConfig, async_data_source,
    data_source,
};
use envoy_types::pb::envoy::config::listener::v3::Filter;
use envoy_types::pb::envoy::config::listener::v3::filter::ConfigType;
use envoy_types::pb::envoy::extensions::filters::http::wasm::v3::Wasm;
use envoy_types::pb::envoy::extensions::filters::network::wasm::v3::Wasm as OfConnections;
use envoy_types::pb::envoy::extensions::wasm::v3::plugin_config::Vm;
use envoy_types::pb::envoy::extensions::wasm::v3::{
    FailurePolicy, PluginConfig, ReloadConfig, VmConfig,
};
use envoy_types::pb::google::protobuf::BytesValue;
use envoy_types::util::pack_any;
use tollgate_gateway::GatewaySpec;
use tollgate_model::{Gateway, Listener};

use crate::{Deployment, own_clusters, wrap};

/// The plugin in Envoy's logs and statistics.
const PLUGIN: &str = "tollgate";

/// Plugins with one VM id and one module share a VM on each worker, and with it
/// the caches and the shared data: so all listeners count together.
const VM: &str = "tollgate";

/// The engine that Envoy's own builds have.
const RUNTIME: &str = "envoy.wasm.runtime.v8";

/// After a trap, requests are answered 503 for this long; then the worker gets
/// a new VM. Without a reload they would be until Envoy restarts.
const RELOAD_AFTER: Duration = Duration::from_millis(200);

/// What the plugin of a listener is called.
pub(crate) fn name(listener: &str) -> String {
    format!("tollgate.{listener}")
}

/// What the plugin of a listener is told. Text that the module refuses, should
/// it ever not be writable: then Envoy keeps what it has.
pub(crate) fn configuration(
    listener: &Listener,
    gateway: &Gateway,
    deployment: &Deployment,
) -> String {
    let spec = GatewaySpec {
        identity: own_clusters::identity_spec(gateway, deployment),
        tiers: gateway.tiers.clone(),
        tenants: gateway.tenant_limits.clone(),
        budgets: gateway.budgets.clone(),
        telling: gateway.telling.clone(),
        fleet: own_clusters::fleet_spec(gateway, deployment),
        trusted_hops: listener.trusted_hops,
        // Whether there are pieces of routes or not: the headers are written as soon as
        // there are, and every route takes them out.
        shards: true,
    };
    serde_json::to_string(&spec).unwrap_or_default()
}

pub(crate) fn from_configuration(
    listener: &str,
    configuration: &str,
    deployment: &Deployment,
) -> TypedExtensionConfig {
    let plugin = plugin(configuration, deployment);
    TypedExtensionConfig {
        name: name(listener),
        typed_config: Some(pack_any(Wasm { config: Some(plugin) })),
    }
}

/// The module among the filters of connections, in the virtual machines that it has
/// for requests, where it learns that connections come and go. Nothing is asked of it
/// there, so it is told nothing.
pub(crate) fn of_connections(deployment: &Deployment) -> Filter {
    let wasm = OfConnections { config: Some(plugin("{}", deployment)) };
    Filter {
        name: "tollgate.connections".to_owned(),
        config_type: Some(ConfigType::TypedConfig(pack_any(wasm))),
    }
}

fn plugin(configuration: &str, deployment: &Deployment) -> PluginConfig {
    PluginConfig {
        name: PLUGIN.to_owned(),
        root_id: PLUGIN.to_owned(),
        vm: Some(Vm::VmConfig(from_deployment(deployment))),
        configuration: Some(pack_any(BytesValue { value: configuration.as_bytes().to_vec() })),
        failure_policy: FailurePolicy::FailReload as i32,
        reload_config: Some(ReloadConfig {
            backoff: Some(BackoffStrategy {
                base_interval: wrap::duration(RELOAD_AFTER),
                ..BackoffStrategy::default()
            }),
        }),
        // Without it, a filter that pauses at the headers never sees the body.
        allow_on_headers_stop_iteration: wrap::boolean(true),
        ..PluginConfig::default()
    }
}

/// Always a file: a module that Envoy fetches itself would let requests pass
/// unfiltered until it is there.
fn from_deployment(deployment: &Deployment) -> VmConfig {
    let Deployment { module, identity: _, sync: _, limits: _ } = deployment;
    let file = DataSource {
        specifier: Some(data_source::Specifier::Filename(module.clone())),
        ..DataSource::default()
    };
    VmConfig {
        vm_id: VM.to_owned(),
        runtime: RUNTIME.to_owned(),
        code: Some(AsyncDataSource { specifier: Some(async_data_source::Specifier::Local(file)) }),
        ..VmConfig::default()
    }
}
