//! Which endpoints get no requests for a while, because of how they answered.

use envoy_types::pb::envoy::config::cluster::v3::OutlierDetection as EnvoyOutlierDetection;
use tollgate_model::OutlierDetection;

use crate::wrap;

/// However often an endpoint was ejected, it is for no longer than so many times
/// the first time.
const EJECTIONS_MAX: u32 = 10;

/// Errors in a row decide, and nothing else: what Envoy would do by statistics,
/// nobody wrote.
pub(super) fn from_outlier_detection(written: OutlierDetection) -> EnvoyOutlierDetection {
    let OutlierDetection {
        consecutive_errors, interval, ejection_time, max_ejection_percent, ..
    } = written;
    EnvoyOutlierDetection {
        consecutive_5xx: wrap::number(consecutive_errors),
        enforcing_consecutive_5xx: wrap::number(100),
        interval: wrap::duration(interval),
        base_ejection_time: wrap::duration(ejection_time),
        max_ejection_time: wrap::duration(ejection_time.saturating_mul(EJECTIONS_MAX)),
        max_ejection_percent: wrap::number(max_ejection_percent),
        enforcing_success_rate: wrap::number(0),
        enforcing_consecutive_gateway_failure: wrap::number(0),
        ..EnvoyOutlierDetection::default()
    }
}
