//! The cluster by which an Envoy learns who has been revoked.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use envoy_types::pb::envoy::config::cluster::v3::Cluster;
use envoy_types::pb::envoy::config::cluster::v3::cluster::{ClusterDiscoveryType, DiscoveryType};
use envoy_types::pb::envoy::config::endpoint::v3::lb_endpoint::HostIdentifier;
use envoy_types::pb::envoy::config::endpoint::v3::{
    ClusterLoadAssignment, Endpoint, LbEndpoint, LocalityLbEndpoints,
};
use prost::Message as _;
use tollgate_model::{Protocol, SYNC_CLUSTER};

use crate::version::version;
use crate::{Deployment, Resource, endpoints, protocol, wrap};

/// It is on the same machine, or near.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(500);

/// The cluster, if there is anything to be told.
pub(crate) fn cluster(deployment: &Deployment) -> Option<(String, Resource)> {
    let address = reachable(deployment.sync?);
    let resource = Resource {
        version: version(&(SYNC_CLUSTER, address)),
        body: to(address).encode_to_vec().into(),
        needs: Vec::new(),
        origin: "--store".to_owned(),
    };
    Some((SYNC_CLUSTER.to_owned(), resource))
}

fn to(address: SocketAddr) -> Cluster {
    let endpoint = Endpoint {
        address: Some(endpoints::address(&address.ip().to_string(), address.port())),
        ..Endpoint::default()
    };
    let host_identifier = Some(HostIdentifier::Endpoint(endpoint));
    let endpoint = LbEndpoint { host_identifier, ..LbEndpoint::default() };
    let locality =
        LocalityLbEndpoints { lb_endpoints: vec![endpoint], ..LocalityLbEndpoints::default() };
    Cluster {
        name: SYNC_CLUSTER.to_owned(),
        connect_timeout: wrap::duration(CONNECT_TIMEOUT),
        cluster_discovery_type: Some(ClusterDiscoveryType::Type(DiscoveryType::Static as i32)),
        load_assignment: Some(ClusterLoadAssignment {
            cluster_name: SYNC_CLUSTER.to_owned(),
            endpoints: vec![locality],
            ..ClusterLoadAssignment::default()
        }),
        typed_extension_protocol_options: protocol::options(Protocol::Grpc),
        ..Cluster::default()
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
