//! How many requests a backend gets at a time.

use envoy_types::pb::envoy::config::cluster::v3::CircuitBreakers;
use envoy_types::pb::envoy::config::cluster::v3::circuit_breakers::Thresholds;
use envoy_types::pb::envoy::config::cluster::v3::circuit_breakers::thresholds::RetryBudget;
use envoy_types::pb::envoy::r#type::v3::Percent;
use tollgate_model::Caps;

use crate::wrap;

/// What is not capped. Envoy would cap it at 1,024, which nobody wrote.
const NO_LIMIT: u32 = u32::MAX;

/// Requests are capped rather than connections: with HTTP/1.1 each takes one
/// anyway, and a request that found none free would wait instead of being told
/// at once.
pub(crate) fn from_caps(caps: Caps) -> CircuitBreakers {
    let Caps { in_flight, pending, connections, retry_percent, retries_min, .. } = caps;
    let thresholds = Thresholds {
        // Envoy tells how much of each is left.
        track_remaining: true,
        retry_budget: Some(RetryBudget {
            budget_percent: Some(Percent { value: retry_percent.into() }),
            min_retry_concurrency: wrap::number(retries_min),
            ..RetryBudget::default()
        }),
        ..thresholds(in_flight, pending, connections.unwrap_or(NO_LIMIT))
    };
    CircuitBreakers { thresholds: vec![thresholds], ..CircuitBreakers::default() }
}

/// For clusters of our own, which nothing is sent to twice.
pub(crate) fn from_in_flight(in_flight: u32) -> CircuitBreakers {
    let thresholds = thresholds(in_flight, in_flight, NO_LIMIT);
    CircuitBreakers { thresholds: vec![thresholds], ..CircuitBreakers::default() }
}

fn thresholds(requests: u32, pending: u32, connections: u32) -> Thresholds {
    Thresholds {
        max_requests: wrap::number(requests),
        max_pending_requests: wrap::number(pending),
        max_connections: wrap::number(connections),
        ..Thresholds::default()
    }
}
