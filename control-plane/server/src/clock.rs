//! The system's clock, which is asked here alone.

use std::time::{SystemTime, UNIX_EPOCH};

use tollgate_core::Timestamp;

#[expect(clippy::disallowed_methods, reason = "this is where the time comes from")]
pub(crate) fn now() -> Timestamp {
    timestamp(SystemTime::now())
}

/// A moment of it; one before 1970 is 1970.
pub(crate) fn timestamp(time: SystemTime) -> Timestamp {
    Timestamp::EPOCH.plus(time.duration_since(UNIX_EPOCH).unwrap_or_default())
}
