use std::ops::RangeInclusive;
use std::time::Duration;

use crate::at::At;
use crate::duration::{parse, shown};
use crate::fault::Faults;

/// Why a duration was refused.
#[derive(Debug, Eq, PartialEq, thiserror::Error)]
enum InvalidSpan {
    #[error("{text} is not between {min} and {max}")]
    Bounds { text: String, min: String, max: String },
    #[error("{0} is not a whole number of seconds")]
    Fraction(String),
}

/// Reads a field whose syntax the schema has checked; its default if it is not written.
pub(super) fn span(
    at: &At<'_>,
    field: &str,
    text: &str,
    bounds: &RangeInclusive<Duration>,
    faults: &mut Faults,
) -> Option<Duration> {
    let duration = parse(text)?;
    if bounds.contains(&duration) {
        return Some(duration);
    }
    let (min, max) = (shown(*bounds.start()), shown(*bounds.end()));
    let invalid = InvalidSpan::Bounds { text: text.to_owned(), min, max };
    at.get(field).unwrap_or_else(|| at.clone()).fault(faults, invalid.to_string());
    None
}

/// As [`span`], in whole seconds.
pub(super) fn seconds(
    at: &At<'_>,
    field: &str,
    text: &str,
    bounds: &RangeInclusive<Duration>,
    faults: &mut Faults,
) -> Option<u32> {
    let duration = span(at, field, text, bounds, faults)?;
    if duration.subsec_nanos() == 0 {
        return u32::try_from(duration.as_secs()).ok();
    }
    let invalid = InvalidSpan::Fraction(text.to_owned());
    at.get(field).unwrap_or_else(|| at.clone()).fault(faults, invalid.to_string());
    None
}
