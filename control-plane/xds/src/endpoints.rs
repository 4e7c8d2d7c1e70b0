//! The endpoints of backends (EDS).

use std::net::IpAddr;

use envoy_types::pb::envoy::config::core::v3::address::Address as AddressKind;
use envoy_types::pb::envoy::config::core::v3::socket_address::PortSpecifier;
use envoy_types::pb::envoy::config::core::v3::{Address, SocketAddress};
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
    let endpoints = LocalityLbEndpoints {
        lb_endpoints: backend.endpoints.iter().map(from_endpoint).collect(),
        ..LocalityLbEndpoints::default()
    };
    ClusterLoadAssignment {
        cluster_name: name.to_owned(),
        endpoints: vec![endpoints],
        ..ClusterLoadAssignment::default()
    }
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
