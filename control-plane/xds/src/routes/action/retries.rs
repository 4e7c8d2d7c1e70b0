//! What is tried again.

use envoy_types::pb::envoy::config::route::v3::RetryPolicy;
use envoy_types::pb::envoy::config::route::v3::retry_policy::retry_host_predicate::ConfigType;
use envoy_types::pb::envoy::config::route::v3::retry_policy::{RetryBackOff, RetryHostPredicate};
use envoy_types::pb::envoy::extensions::retry::host::previous_hosts::v3::PreviousHostsPredicate;
use envoy_types::util::pack_any;
use tollgate_model::{Retries, RetryOn};

use crate::wrap;

/// A request that never reached a backend may try another connection, whatever
/// its method: nothing has happened yet.
const RETRY_ON: &str = "connect-failure,refused-stream";

/// What is written of statuses counts only beside this.
const STATUSES: &str = "retriable-status-codes";

/// How often another endpoint is looked for, before one is asked again: of two, the
/// one that has just failed is drawn ten times in a row once in a thousand.
const ENDPOINTS_LOOKED_AT_MAX: i64 = 10;

/// How much longer the last pause may be than the first.
const BACKOFF_GROWTH: u32 = 10;

pub(super) fn from_retries(written: Option<&Retries>) -> RetryPolicy {
    let policy = RetryPolicy {
        retry_on: RETRY_ON.to_owned(),
        num_retries: wrap::number(1),
        retry_host_predicate: vec![another_endpoint()],
        host_selection_retry_max_attempts: ENDPOINTS_LOOKED_AT_MAX,
        ..RetryPolicy::default()
    };
    match written {
        Some(written) => as_written(written, policy),
        None => policy,
    }
}

fn as_written(retries: &Retries, policy: RetryPolicy) -> RetryPolicy {
    let Retries { on, statuses, attempts, per_try_timeout, backoff, .. } = retries;
    let on = on.iter().copied().map(name).chain((!statuses.is_empty()).then_some(STATUSES));
    RetryPolicy {
        retry_on: on.collect::<Vec<_>>().join(","),
        retriable_status_codes: statuses.clone(),
        num_retries: wrap::number(*attempts),
        per_try_timeout: per_try_timeout.and_then(wrap::duration),
        retry_back_off: Some(RetryBackOff {
            base_interval: wrap::duration(*backoff),
            max_interval: wrap::duration(backoff.saturating_mul(BACKOFF_GROWTH)),
        }),
        ..policy
    }
}

const fn name(on: RetryOn) -> &'static str {
    match on {
        RetryOn::ConnectFailure => "connect-failure",
        RetryOn::RefusedStream => "refused-stream",
        RetryOn::ResetBeforeRequest => "reset-before-request",
        RetryOn::Reset => "reset",
        RetryOn::GatewayError => "gateway-error",
        RetryOn::ServerError => "5xx",
        RetryOn::Cancelled => "cancelled",
        RetryOn::DeadlineExceeded => "deadline-exceeded",
        RetryOn::Internal => "internal",
        RetryOn::ResourceExhausted => "resource-exhausted",
        RetryOn::Unavailable => "unavailable",
    }
}

/// Where it failed, it may fail again.
fn another_endpoint() -> RetryHostPredicate {
    RetryHostPredicate {
        name: "envoy.retry_host_predicates.previous_hosts".to_owned(),
        config_type: Some(ConfigType::TypedConfig(pack_any(PreviousHostsPredicate {}))),
    }
}
