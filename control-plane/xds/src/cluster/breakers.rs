//! How many requests a backend gets at a time.

use envoy_types::pb::envoy::config::cluster::v3::CircuitBreakers;
use envoy_types::pb::envoy::config::cluster::v3::circuit_breakers::Thresholds;
use envoy_types::pb::envoy::config::cluster::v3::circuit_breakers::thresholds::RetryBudget;
use envoy_types::pb::envoy::r#type::v3::Percent;

use crate::wrap;

/// What is not capped. Envoy would cap it at 1,024, which nobody wrote.
const NO_LIMIT: u32 = u32::MAX;

/// Of the requests in flight, so many in a hundred may be second attempts.
const RETRIES_PERCENT: f64 = 20.0;

/// So many second attempts may be in flight however few requests are.
const RETRIES_MIN: u32 = 3;

/// Requests are capped, not connections: with HTTP/1.1 each takes one anyway,
/// and a request that found none free would wait instead of being told at once.
pub(crate) fn from_in_flight(in_flight: Option<u32>) -> CircuitBreakers {
    let requests = in_flight.unwrap_or(NO_LIMIT);
    let thresholds = Thresholds {
        max_requests: wrap::number(requests),
        // Those that wait while a connection is made.
        max_pending_requests: wrap::number(requests),
        max_connections: wrap::number(NO_LIMIT),
        retry_budget: Some(RetryBudget {
            budget_percent: Some(Percent { value: RETRIES_PERCENT }),
            min_retry_concurrency: wrap::number(RETRIES_MIN),
            ..RetryBudget::default()
        }),
        ..Thresholds::default()
    };
    CircuitBreakers { thresholds: vec![thresholds], ..CircuitBreakers::default() }
}
