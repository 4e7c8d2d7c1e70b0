//! How endpoints are probed.

use envoy_types::pb::envoy::config::core::v3::HealthCheck;
use envoy_types::pb::envoy::config::core::v3::health_check::{
    GrpcHealthCheck, HealthChecker, HttpHealthCheck,
};
use envoy_types::pb::envoy::r#type::v3::{CodecClientType, Int64Range};
use tollgate_model::{Health, Probe, Protocol};

use crate::wrap;

/// Any 2xx is healthy; Envoy's default is 200 alone. The end is not included.
const HEALTHY_STATUSES: Int64Range = Int64Range { start: 200, end: 300 };

pub(super) fn from_health(health: &Health, protocol: Protocol) -> HealthCheck {
    let Health { probe, host, interval, timeout, unhealthy_after, healthy_after, .. } = health;
    let host = host.clone().unwrap_or_default();
    HealthCheck {
        timeout: wrap::duration(*timeout),
        interval: wrap::duration(*interval),
        unhealthy_threshold: wrap::number(*unhealthy_after),
        healthy_threshold: wrap::number(*healthy_after),
        // Envoy would probe only once a minute until the first request comes.
        no_traffic_interval: wrap::duration(*interval),
        health_checker: Some(match probe {
            Probe::Http(path) => http(path, host, protocol),
            Probe::Grpc => grpc(host),
        }),
        ..HealthCheck::default()
    }
}

fn http(path: &str, host: String, protocol: Protocol) -> HealthChecker {
    let client = match protocol {
        Protocol::Http1 => CodecClientType::Http1,
        Protocol::Http2 | Protocol::Grpc => CodecClientType::Http2,
    };
    HealthChecker::HttpHealthCheck(HttpHealthCheck {
        host,
        path: path.to_owned(),
        codec_client_type: client as i32,
        expected_statuses: vec![HEALTHY_STATUSES],
        ..HttpHealthCheck::default()
    })
}

/// Of the server as a whole, which has no name.
fn grpc(authority: String) -> HealthChecker {
    HealthChecker::GrpcHealthCheck(GrpcHealthCheck { authority, ..GrpcHealthCheck::default() })
}
