use serde_json::{Value, json};
use tollgate_gateway::ContractSpec;

/// What distinguishes one Envoy from the others.
pub(crate) struct Plan<'a> {
    /// Its HTTP filters, router aside.
    pub(crate) filters: Value,
    /// The API's contract, which travels with the route; Envoy's own filters ignore it.
    pub(crate) contract: &'a ContractSpec,
    /// Servers besides the upstream: names and ports.
    pub(crate) others: &'a [(&'a str, u16)],
}

/// Where it listens, and whom it calls.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ports {
    pub(crate) listener: u16,
    pub(crate) admin: u16,
    pub(crate) upstream: u16,
}

/// The group of every operation, and the cluster that serves it.
pub(crate) const UPSTREAM: &str = "upstream";

/// One listener with one route to the upstream: the same for all, but for the plan.
pub(crate) fn bootstrap(plan: &Plan<'_>, ports: Ports) -> Value {
    let upstream = cluster(UPSTREAM, ports.upstream);
    let others = plan.others.iter().map(|(name, port)| cluster(name, *port));
    let clusters: Vec<_> = std::iter::once(upstream).chain(others).collect();
    json!({
        "admin": {"address": loopback(ports.admin)},
        "static_resources": {
            "listeners": [{
                "name": "bench",
                "address": loopback(ports.listener),
                "filter_chains": [{"filters": [{
                    "name": "envoy.filters.network.http_connection_manager",
                    "typed_config": manager(plan),
                }]}],
            }],
            "clusters": clusters,
        },
    })
}

fn manager(plan: &Plan<'_>) -> Value {
    let mut chain = plan.filters.as_array().cloned().unwrap_or_default();
    chain.push(json!({"name": "envoy.filters.http.router", "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router",
    }}));
    json!({
        "@type": "type.googleapis.com/envoy.extensions.filters.network\
                  .http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "bench",
        "use_remote_address": true,
        "normalize_path": true,
        "merge_slashes": true,
        "route_config": routes(plan.contract),
        "http_filters": chain,
    })
}

fn cluster(name: &str, port: u16) -> Value {
    let endpoint = json!({"endpoint": {"address": loopback(port)}});
    json!({
        "name": name,
        "connect_timeout": "5s",
        "load_assignment": {
            "cluster_name": name,
            "endpoints": [{"lb_endpoints": [endpoint]}],
        },
    })
}

fn routes(contract: &ContractSpec) -> Value {
    let id = contract.id();
    let name = format!("{id} {UPSTREAM}");
    let contracts = json!({id: contract.canonical()});
    json!({"virtual_hosts": [{
        "name": "all",
        "domains": ["*"],
        "metadata": {"filter_metadata": {"tollgate": {"contracts": contracts}}},
        "routes": [{
            "name": name,
            "match": {"prefix": "/"},
            "route": {"cluster": UPSTREAM},
        }],
    }]})
}

fn loopback(port: u16) -> Value {
    json!({"socket_address": {"address": "127.0.0.1", "port_value": port}})
}
