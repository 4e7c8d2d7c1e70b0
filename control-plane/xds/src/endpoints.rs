//! The endpoints of backends (EDS).

use std::collections::BTreeMap;
use std::net::IpAddr;

use envoy_types::pb::envoy::config::core::v3::address::Address as AddressKind;
use envoy_types::pb::envoy::config::core::v3::socket_address::PortSpecifier;
use envoy_types::pb::envoy::config::core::v3::{Address, Locality, SocketAddress};
use envoy_types::pb::envoy::config::endpoint::v3::lb_endpoint::HostIdentifier;
use envoy_types::pb::envoy::config::endpoint::v3::{
    ClusterLoadAssignment, Endpoint as EnvoyEndpoint, LbEndpoint, LocalityLbEndpoints,
};
use tollgate_model::{Backend, Endpoint};

/// Whether all endpoints are addresses: Envoy asks for those apart from the
/// cluster, so that a change of endpoints leaves connections alone. Names have to
/// stand in the cluster, which resolves them.
pub(crate) fn are_discovered(backend: &Backend) -> bool {
    backend.endpoints.iter().all(|endpoint| endpoint.host.parse::<IpAddr>().is_ok())
}

pub(crate) fn from_backend(name: &str, backend: &Backend) -> ClusterLoadAssignment {
    let mut zones: BTreeMap<Option<&str>, Vec<LbEndpoint>> = BTreeMap::new();
    for endpoint in &backend.endpoints {
        zones.entry(endpoint.zone.as_deref()).or_default().push(from_endpoint(endpoint));
    }
    ClusterLoadAssignment {
        cluster_name: name.to_owned(),
        endpoints: zones.into_iter().map(of_zone).collect(),
        ..ClusterLoadAssignment::default()
    }
}

fn of_zone((zone, lb_endpoints): (Option<&str>, Vec<LbEndpoint>)) -> LocalityLbEndpoints {
    let locality = zone.map(|zone| Locality { zone: zone.to_owned(), ..Locality::default() });
    LocalityLbEndpoints { locality, lb_endpoints, ..LocalityLbEndpoints::default() }
}

fn from_endpoint(endpoint: &Endpoint) -> LbEndpoint {
    let Endpoint { host, port, .. } = endpoint;
    let endpoint =
        EnvoyEndpoint { address: Some(address(host, *port)), ..EnvoyEndpoint::default() };
    LbEndpoint {
        host_identifier: Some(HostIdentifier::Endpoint(endpoint)),
        ..LbEndpoint::default()
    }
}

pub(crate) fn address(host: &str, port: u16) -> Address {
    Address {
        address: Some(AddressKind::SocketAddress(SocketAddress {
            address: host.to_owned(),
            port_specifier: Some(PortSpecifier::PortValue(port.into())),
            ..SocketAddress::default()
        })),
    }
}
