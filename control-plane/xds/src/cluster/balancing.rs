//! Which endpoint gets a request.

use envoy_types::pb::envoy::config::cluster::v3::LoadBalancingPolicy;
use envoy_types::pb::envoy::config::cluster::v3::cluster::LbPolicy;
use envoy_types::pb::envoy::config::cluster::v3::load_balancing_policy::Policy;
use envoy_types::pb::envoy::config::core::v3::TypedExtensionConfig;
use envoy_types::pb::envoy::extensions::load_balancing_policies::common::v3::LocalityLbConfig;
use envoy_types::pb::envoy::extensions::load_balancing_policies::common::v3::locality_lb_config::zone_aware_lb_config::ForceLocalZone;
use envoy_types::pb::envoy::extensions::load_balancing_policies::common::v3::locality_lb_config::{
    LocalityConfigSpecifier, ZoneAwareLbConfig,
};
use envoy_types::pb::envoy::extensions::load_balancing_policies::least_request::v3::LeastRequest;
use envoy_types::pb::envoy::extensions::load_balancing_policies::random::v3::Random;
use envoy_types::pb::envoy::extensions::load_balancing_policies::round_robin::v3::RoundRobin;
use envoy_types::pb::google::protobuf::{Any, UInt64Value};
use envoy_types::util::pack_any;
use tollgate_model::Balancing;

use crate::wrap;

pub(super) fn policy(balancing: Balancing) -> LbPolicy {
    match balancing {
        Balancing::LeastRequest => LbPolicy::LeastRequest,
        Balancing::RoundRobin => LbPolicy::RoundRobin,
        Balancing::Random => LbPolicy::Random,
        Balancing::RingHash => LbPolicy::RingHash,
        Balancing::Maglev => LbPolicy::Maglev,
    }
}

/// The same, among the endpoints of Envoy's own zone while there are any. A hash
/// knows no zones, which is checked.
pub(super) fn by_zone(balancing: Balancing) -> LoadBalancingPolicy {
    let locality_lb_config = Some(own_zone());
    let (name, config) = match balancing {
        Balancing::RoundRobin => {
            let policy = RoundRobin { locality_lb_config, ..RoundRobin::default() };
            ("envoy.load_balancing_policies.round_robin", pack_any(policy))
        }
        Balancing::Random => {
            ("envoy.load_balancing_policies.random", pack_any(Random { locality_lb_config }))
        }
        Balancing::LeastRequest | Balancing::RingHash | Balancing::Maglev => {
            let policy = LeastRequest { locality_lb_config, ..LeastRequest::default() };
            ("envoy.load_balancing_policies.least_request", pack_any(policy))
        }
    };
    LoadBalancingPolicy { policies: vec![named(name, config)] }
}

fn named(name: &str, config: Any) -> Policy {
    Policy {
        typed_extension_config: Some(TypedExtensionConfig {
            name: name.to_owned(),
            typed_config: Some(config),
        }),
    }
}

/// Envoy would otherwise compare how its own fleet is spread with how the
/// endpoints are, which it is not told, and only from six endpoints on.
fn own_zone() -> LocalityLbConfig {
    let zones = ZoneAwareLbConfig {
        min_cluster_size: Some(UInt64Value { value: 1 }),
        force_local_zone: Some(ForceLocalZone { min_size: wrap::number(1) }),
        ..ZoneAwareLbConfig::default()
    };
    LocalityLbConfig {
        locality_config_specifier: Some(LocalityConfigSpecifier::ZoneAwareLbConfig(zones)),
    }
}
