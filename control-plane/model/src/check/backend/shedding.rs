//! What is kept from a backend that is in trouble.

use super::INTERVAL;
use crate::at::At;
use crate::check::span::span;
use crate::fault::Faults;
use crate::spec::{AdaptiveConcurrencySpec, AdmissionControlSpec};
use crate::{AdaptiveConcurrency, AdmissionControl};

#[derive(Debug, Eq, PartialEq, thiserror::Error)]
enum InvalidShedding {
    #[error("{min} is more than the {in_flight} of in_flight; write at most as many")]
    Min { min: u32, in_flight: u32 },
}

pub(super) fn admission_control(
    at: &At<'_>,
    spec: &AdmissionControlSpec,
    faults: &mut Faults,
) -> Option<AdmissionControl> {
    let AdmissionControlSpec { success_percent, window, rate_min, max_rejection_percent } = spec;
    Some(AdmissionControl {
        success_percent: *success_percent,
        window: span(at, "window", window, &INTERVAL, faults)?,
        rate_min: *rate_min,
        max_rejection_percent: *max_rejection_percent,
    })
}

pub(super) fn adaptive_concurrency(
    at: &At<'_>,
    spec: &AdaptiveConcurrencySpec,
    in_flight: u32,
    faults: &mut Faults,
) -> Option<AdaptiveConcurrency> {
    let AdaptiveConcurrencySpec { percentile, interval, in_flight_min: min } = spec;
    if in_flight < *min {
        let at = at.get("in_flight_min").unwrap_or_else(|| at.clone());
        at.fault(faults, InvalidShedding::Min { min: *min, in_flight }.to_string());
    }
    Some(AdaptiveConcurrency {
        percentile: *percentile,
        interval: span(at, "interval", interval, &INTERVAL, faults)?,
        in_flight_min: *min,
    })
}
