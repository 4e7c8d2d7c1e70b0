//! Which endpoints get no requests because of how they answered.

use super::INTERVAL;
use crate::OutlierDetection;
use crate::at::At;
use crate::check::span::span;
use crate::fault::Faults;
use crate::spec::OutlierDetectionSpec;

pub(super) fn outlier_detection(
    at: &At<'_>,
    spec: &OutlierDetectionSpec,
    faults: &mut Faults,
) -> Option<OutlierDetection> {
    let OutlierDetectionSpec { consecutive_errors, interval, ejection_time, max_ejection_percent } =
        spec;
    let interval = span(at, "interval", interval, &INTERVAL, faults);
    let ejection_time = span(at, "ejection_time", ejection_time, &INTERVAL, faults);
    Some(OutlierDetection {
        consecutive_errors: *consecutive_errors,
        interval: interval?,
        ejection_time: ejection_time?,
        max_ejection_percent: *max_ejection_percent,
    })
}
