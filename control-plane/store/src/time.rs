//! Times as the store keeps them: whole seconds, because that is as exact as
//! tokens are.

use tollgate_core::Timestamp;

pub(crate) fn to_seconds(time: Timestamp) -> i64 {
    i64::try_from(time.as_seconds()).unwrap_or(i64::MAX)
}

pub(crate) fn from_seconds(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(u64::try_from(seconds).unwrap_or_default())
}
