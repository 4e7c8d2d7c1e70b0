//! Clusters (CDS): where requests go, and how many at a time.

pub(crate) mod breakers;
mod health;

use std::time::Duration;

use envoy_types::pb::envoy::config::cluster::v3::Cluster;
use envoy_types::pb::envoy::config::cluster::v3::cluster::{
    ClusterDiscoveryType, DiscoveryType, DnsLookupFamily, EdsClusterConfig, LbPolicy,
};
use tollgate_model::Backend;

use crate::{ads, endpoints, protocol, wrap};

/// Longer than any connection within a region takes. Stated rather than left to
/// Envoy, whose default is 5 seconds.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// What one connection may make Envoy hold, as Envoy advises for the edge; its
/// default is 1 MiB.
const BUFFER_BYTES: u32 = 32 * 1024;

/// One slow endpoint gets fewer requests, not its equal share.
const BALANCING: LbPolicy = LbPolicy::LeastRequest;

pub(crate) fn from_backend(name: &str, backend: &Backend) -> Cluster {
    let cluster = Cluster {
        name: name.to_owned(),
        connect_timeout: wrap::duration(CONNECT_TIMEOUT),
        per_connection_buffer_limit_bytes: wrap::number(BUFFER_BYTES),
        lb_policy: BALANCING as i32,
        circuit_breakers: Some(breakers::from_in_flight(backend.in_flight)),
        health_checks: backend.health.iter().map(|it| health::from_health(it, backend)).collect(),
        // An endpoint that is no longer configured gets no more requests,
        // however healthy it is.
        ignore_health_on_host_removal: true,
        typed_extension_protocol_options: protocol::options(backend.protocol),
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
fn resolved(cluster: Cluster, name: &str, backend: &Backend) -> Cluster {
    Cluster {
        cluster_discovery_type: Some(ClusterDiscoveryType::Type(DiscoveryType::StrictDns as i32)),
        load_assignment: Some(endpoints::from_backend(name, backend)),
        dns_lookup_family: DnsLookupFamily::All as i32,
        ..cluster
    }
}
