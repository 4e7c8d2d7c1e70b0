//! Clusters that lead to the control plane itself, beside those of backends.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use envoy_types::pb::envoy::config::cluster::v3::Cluster;
use envoy_types::pb::envoy::config::cluster::v3::cluster::{ClusterDiscoveryType, DiscoveryType};
use envoy_types::pb::envoy::config::endpoint::v3::lb_endpoint::HostIdentifier;
use envoy_types::pb::envoy::config::endpoint::v3::{
    ClusterLoadAssignment, Endpoint, LbEndpoint, LocalityLbEndpoints,
};
use prost::Message as _;
use tollgate_auth::{EndpointSpec, IdentitySpec};
use tollgate_gateway::FleetSpec;
use tollgate_model::{Gateway, IDENTITY_CLUSTER, Protocol, SYNC_CLUSTER};

use crate::cluster::breakers;
use crate::version::version;
use crate::{Deployment, IdentityFront, Resource, SyncAt, endpoints, protocol, wrap};

/// It is on the same machine, or near.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(500);

/// How long an answer may take that is had without asking anybody else, and the
/// way there.
const ANSWER_TIMEOUT_MILLISECONDS: u32 = 1000;

/// What answers for API keys is there.
const API_KEYS: &str = "/introspect/api-keys";

/// What answers for keys that requests are signed with is there.
const SIGNING_KEYS: &str = "/introspect/signing-keys";

/// What makes tokens for backends is there.
const TOKEN: &str = "/token";

/// Questions in flight from one Envoy, which its workers bound more narrowly.
const IN_FLIGHT: u32 = 4096;

/// All that something needs.
pub(crate) fn from_gateway(
    gateway: &Gateway,
    deployment: &Deployment,
) -> impl Iterator<Item = (String, Resource)> {
    let front = deployment.identity.as_ref().filter(|front| is_asked(gateway, front));
    let front = front.map(|front| (IDENTITY_CLUSTER.to_owned(), identity(front)));
    let limits = deployment.limits.filter(|_| is_dealt(gateway, deployment));
    let told = match deployment.sync.or(limits) {
        Some(SyncAt::Address(xds)) => Some((SYNC_CLUSTER.to_owned(), sync(xds))),
        Some(SyncAt::Bootstrap) | None => None,
    };
    front.into_iter().chain(told)
}

fn is_asked(gateway: &Gateway, front: &IdentityFront) -> bool {
    let identity = &gateway.identity;
    let has_keys = identity.api_key.is_some() || accepts_signatures(identity);
    let asks = !identity.introspection.is_empty() || identity.backend_token.is_some();
    asks || has_keys && front.has_store
}

fn accepts_signatures(identity: &IdentitySpec) -> bool {
    identity.hmac.is_some() || identity.sigv4.is_some() || identity.http_signature.is_some()
}

fn identity(front: &IdentityFront) -> Resource {
    let limits = Some(breakers::from_in_flight(IN_FLIGHT));
    let cluster = |address| Cluster {
        circuit_breakers: limits,
        ..cluster(IDENTITY_CLUSTER, address, Protocol::Http1)
    };
    resource(IDENTITY_CLUSTER, front.address, cluster, "--introspection")
}

/// Whether limits are anything that a control plane has a say in: several Envoys
/// share them, or a store may say that tenants get others.
fn is_dealt(gateway: &Gateway, deployment: &Deployment) -> bool {
    1 < gateway.envoys || deployment.sync.is_some()
}

/// How an Envoy shares its limits with the others.
pub(crate) fn fleet_spec(gateway: &Gateway, deployment: &Deployment) -> Option<FleetSpec> {
    let is_dealt = deployment.limits.is_some() && is_dealt(gateway, deployment);
    let share = 1_000_000_u32.checked_div(gateway.envoys).unwrap_or(1_000_000);
    is_dealt.then(|| FleetSpec { cluster: SYNC_CLUSTER.to_owned(), share })
}

/// By which an Envoy learns who has been revoked, and what it may admit.
fn sync(xds: SocketAddr) -> Resource {
    resource(SYNC_CLUSTER, xds, |address| cluster(SYNC_CLUSTER, address, Protocol::Grpc), "--store")
}

fn resource(
    name: &str,
    address: SocketAddr,
    cluster: impl FnOnce(SocketAddr) -> Cluster,
    origin: &str,
) -> Resource {
    let address = reachable(address);
    Resource {
        version: version(&(name, address)),
        body: cluster(address).encode_to_vec().into(),
        origin: origin.to_owned(),
        ..Resource::default()
    }
}

fn cluster(name: &str, address: SocketAddr, protocol: Protocol) -> Cluster {
    Cluster {
        name: name.to_owned(),
        connect_timeout: wrap::duration(CONNECT_TIMEOUT),
        cluster_discovery_type: Some(ClusterDiscoveryType::Type(DiscoveryType::Static as i32)),
        load_assignment: Some(assignment(name, address)),
        typed_extension_protocol_options: protocol::options(protocol, Vec::new()),
        ..Cluster::default()
    }
}

fn assignment(name: &str, address: SocketAddr) -> ClusterLoadAssignment {
    let endpoint = Endpoint {
        address: Some(endpoints::address(&address.ip().to_string(), address.port())),
        ..Endpoint::default()
    };
    let endpoint = LbEndpoint {
        host_identifier: Some(HostIdentifier::Endpoint(endpoint)),
        ..LbEndpoint::default()
    };
    ClusterLoadAssignment {
        cluster_name: name.to_owned(),
        endpoints: vec![LocalityLbEndpoints {
            lb_endpoints: vec![endpoint],
            ..LocalityLbEndpoints::default()
        }],
        ..ClusterLoadAssignment::default()
    }
}

/// What listens on all addresses is found on loopback.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

/// Whom the gateway recognises, and how it proves who it is to those it asks.
pub(crate) fn identity_spec(gateway: &Gateway, deployment: &Deployment) -> IdentitySpec {
    let mut identity = gateway.identity.clone();
    // Without a store nobody says who is revoked, and nobody waits for it.
    identity.sync = identity.sync.filter(|_| deployment.sync.is_some());
    let Some(front) = &deployment.identity else { return identity };
    for provider in identity.introspection.values_mut() {
        provider.authorization = front.authorization.clone();
    }
    if let Some(token) = identity.backend_token.as_mut() {
        token.mint = Some(endpoint(front, TOKEN));
    }
    if !front.has_store {
        return identity;
    }
    if let Some(api_key) = identity.api_key.as_mut() {
        api_key.lookup = Some(endpoint(front, API_KEYS));
    }
    if accepts_signatures(&identity) {
        identity.signing_keys.lookup = Some(endpoint(front, SIGNING_KEYS));
    }
    identity
}

fn endpoint(front: &IdentityFront, path: &str) -> EndpointSpec {
    EndpointSpec {
        cluster: IDENTITY_CLUSTER.to_owned(),
        path: path.to_owned(),
        authority: IDENTITY_CLUSTER.to_owned(),
        authorization: front.authorization.clone(),
        timeout_milliseconds: ANSWER_TIMEOUT_MILLISECONDS,
    }
}
