//! Clusters (CDS): where requests go, and how many at a time.

mod admission;
mod balancing;
pub(crate) mod breakers;
mod health;
mod outliers;
mod tls;

use envoy_types::pb::envoy::config::cluster::v3::Cluster;
use envoy_types::pb::envoy::config::cluster::v3::cluster::{
    ClusterDiscoveryType, DiscoveryType, DnsLookupFamily, EdsClusterConfig,
};
use tollgate_model::{Backend, Dns};

use crate::{ads, endpoints, protocol, wrap};

/// What one connection may make Envoy hold, as Envoy advises for the edge; its
/// default is 1 MiB.
const BUFFER_BYTES: u32 = 32 * 1024;

pub(crate) fn from_backend(name: &str, backend: &Backend) -> Cluster {
    let Backend { protocol, connect_timeout, balancing, caps, health, outlier_detection, .. } =
        backend;
    let filters = backend.admission_control.map(admission::filters);
    let cluster = Cluster {
        name: name.to_owned(),
        connect_timeout: wrap::duration(*connect_timeout),
        per_connection_buffer_limit_bytes: wrap::number(BUFFER_BYTES),
        lb_policy: balancing::policy(*balancing) as i32,
        load_balancing_policy: backend.is_zoned().then(|| balancing::by_zone(*balancing)),
        circuit_breakers: Some(breakers::from_caps(*caps)),
        health_checks: health.iter().map(|it| health::from_health(it, *protocol)).collect(),
        outlier_detection: outlier_detection.map(outliers::from_outlier_detection),
        // An endpoint that is no longer configured gets no more requests,
        // however healthy it is.
        ignore_health_on_host_removal: true,
        typed_extension_protocol_options: protocol::options(*protocol, filters.unwrap_or_default()),
        transport_socket: backend.tls.as_ref().map(|tls| tls::socket(name, tls, *protocol)),
        ..Cluster::default()
    };
    if endpoints::are_discovered(backend) {
        discovered(cluster)
    } else {
        resolved(cluster, name, backend)
    }
}

/// Addresses arrive apart from the cluster.
fn discovered(cluster: Cluster) -> Cluster {
    Cluster {
        cluster_discovery_type: Some(ClusterDiscoveryType::Type(DiscoveryType::Eds as i32)),
        eds_cluster_config: Some(EdsClusterConfig {
            eds_config: Some(ads::source()),
            ..EdsClusterConfig::default()
        }),
        ..cluster
    }
}

/// Names stand in the cluster, which follows what DNS says.
///
/// Where every address is an endpoint, one that has addresses of both families is not
/// to count twice, nor to fail by half where one family leads nowhere. Otherwise a
/// connection tries one family after the other (RFC 8305).
fn resolved(cluster: Cluster, name: &str, backend: &Backend) -> Cluster {
    let (kind, family) = match backend.dns {
        Dns::Strict => (DiscoveryType::StrictDns, DnsLookupFamily::V4Preferred),
        Dns::Logical => (DiscoveryType::LogicalDns, DnsLookupFamily::All),
    };
    Cluster {
        cluster_discovery_type: Some(ClusterDiscoveryType::Type(kind as i32)),
        load_assignment: Some(endpoints::from_backend(name, backend)),
        dns_lookup_family: family as i32,
        ..cluster
    }
}
