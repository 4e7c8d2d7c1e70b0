use serde_json::{Map, Value, json};
use tollgate_gateway::ContractSpec;

/// What distinguishes one Envoy from the others.
pub(crate) struct Plan<'a> {
    /// Its HTTP filters, router aside.
    pub(crate) filters: Value,
    /// The API's contract, which travels with the route; Envoy's own filters ignore it.
    pub(crate) contract: &'a ContractSpec,
    /// Servers besides the upstream.
    pub(crate) others: &'a [Server<'a>],
    /// By what Envoy's own limits tell requests apart.
    pub(crate) rate_limits: Value,
}

/// A server besides the upstream.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Server<'a> {
    pub(crate) name: &'a str,
    pub(crate) port: u16,
    pub(crate) speaks: Speaks,
}

/// What a server speaks.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Speaks {
    Http1,
    Grpc,
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

impl<'a> Plan<'a> {
    /// Without other servers and limits of Envoy's own.
    pub(crate) fn new(filters: Value, contract: &'a ContractSpec) -> Self {
        Self { filters, contract, others: &[], rate_limits: json!([]) }
    }
}

/// One listener with one route to the upstream: the same for all, but for the plan.
pub(crate) fn bootstrap(plan: &Plan<'_>, ports: Ports) -> Value {
    let upstream = Server { name: UPSTREAM, port: ports.upstream, speaks: Speaks::Http1 };
    let servers = std::iter::once(upstream).chain(plan.others.iter().copied());
    let clusters: Vec<_> = servers.map(cluster).collect();
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
        "route_config": routes(plan),
        "http_filters": chain,
    })
}

fn cluster(Server { name, port, speaks }: Server<'_>) -> Value {
    let endpoint = json!({"endpoint": {"address": loopback(port)}});
    let http = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";
    let options = match speaks {
        Speaks::Http1 => json!({}),
        Speaks::Grpc => json!({http: {
            "@type": format!("type.googleapis.com/{http}"),
            "explicit_http_config": {"http2_protocol_options": {}},
        }}),
    };
    json!({
        "name": name,
        "connect_timeout": "5s",
        "typed_extension_protocol_options": options,
        "load_assignment": {
            "cluster_name": name,
            "endpoints": [{"lb_endpoints": [endpoint]}],
        },
    })
}

fn routes(Plan { filters, contract, rate_limits, .. }: &Plan<'_>) -> Value {
    let id = contract.id();
    let name = format!("{id} {UPSTREAM}");
    let contracts = json!({id: contract.canonical()});
    json!({"virtual_hosts": [{
        "name": "all",
        "domains": ["*"],
        "rate_limits": rate_limits,
        "metadata": {"filter_metadata": {"tollgate": {"contracts": contracts}}},
        "routes": [by_envoy(filters), {
            "name": name,
            "match": {"prefix": "/"},
            "route": {"cluster": UPSTREAM},
        }],
    }]})
}

/// What Envoy refuses by itself, without any filter: no refusal can cost less.
pub(crate) const BY_ENVOY: &str = "/by-envoy";

fn by_envoy(filters: &Value) -> Value {
    let names =
        filters.as_array().into_iter().flatten().filter_map(|filter| filter["name"].as_str());
    let off = json!({
        "@type": "type.googleapis.com/envoy.config.route.v3.FilterConfig",
        "disabled": true,
    });
    let off: Map<String, Value> = names.map(|name| (name.to_owned(), off.clone())).collect();
    let problem = json!({
        "status": 401,
        "title": "Unauthorized",
        "type": "https://tollgate.dev/problems/unauthorized",
        "detail": "the token is not one that is known here",
    });
    json!({
        "name": "by Envoy",
        "match": {"path": BY_ENVOY},
        "direct_response": {"status": 401, "body": {"inline_string": problem.to_string()}},
        "typed_per_filter_config": off,
    })
}

fn loopback(port: u16) -> Value {
    json!({"socket_address": {"address": "127.0.0.1", "port_value": port}})
}
