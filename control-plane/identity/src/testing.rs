//! What tests of this crate share.

use std::time::Instant;

use crate::{Clock as _, SystemClock};

/// Some moment, from which a test counts.
pub(crate) fn start() -> Instant {
    SystemClock.now()
}
