//! How endpoints are probed.

use envoy_types::pb::envoy::config::core::v3::HealthCheck;
use envoy_types::pb::envoy::config::core::v3::health_check::{HealthChecker, HttpHealthCheck};
use envoy_types::pb::envoy::r#type::v3::{CodecClientType, Int64Range};
use tollgate_model::{Backend, Health, Protocol};

use crate::wrap;

/// How many probes in a row must fail before an endpoint gets no more requests.
/// One may be lost on its way.
const UNHEALTHY_AFTER: u32 = 3;

/// How many must succeed before it gets requests again.
const HEALTHY_AFTER: u32 = 2;

/// Any 2xx is healthy; Envoy's default is 200 alone. The end is not included.
const HEALTHY_STATUSES: Int64Range = Int64Range { start: 200, end: 300 };

pub(super) fn from_health(health: &Health, backend: &Backend) -> HealthCheck {
    let Health { path, interval, timeout, .. } = health;
    let client = match backend.protocol {
        Protocol::Http1 => CodecClientType::Http1,
        Protocol::Http2 | Protocol::Grpc => CodecClientType::Http2,
    };
    HealthCheck {
        timeout: wrap::duration(*timeout),
        interval: wrap::duration(*interval),
        unhealthy_threshold: wrap::number(UNHEALTHY_AFTER),
        healthy_threshold: wrap::number(HEALTHY_AFTER),
        // Envoy would probe only once a minute until the first request comes.
        no_traffic_interval: wrap::duration(*interval),
        health_checker: Some(HealthChecker::HttpHealthCheck(HttpHealthCheck {
            path: path.clone(),
            codec_client_type: client as i32,
            expected_statuses: vec![HEALTHY_STATUSES],
            ..HttpHealthCheck::default()
        })),
        ..HealthCheck::default()
    }
}
