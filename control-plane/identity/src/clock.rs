use std::fmt;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// What time it is, for everything that depends on it.
///
/// Lifetimes are counted on the first clock, which no administrator sets back;
/// the second is only for what others have written down in it, such as `exp`.
pub trait Clock: fmt::Debug + Send + Sync {
    /// A clock that only goes forward.
    fn now(&self) -> Instant;

    /// Since 1970, by the clock on the wall.
    fn since_1970(&self) -> Duration;
}

/// The machine's clocks.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

// === impl SystemClock ===

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is where the time comes from")]
    fn now(&self) -> Instant {
        Instant::now()
    }

    #[expect(clippy::disallowed_methods, reason = "this is where the time comes from")]
    fn since_1970(&self) -> Duration {
        SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
    }
}

/// `wait` from `now` on. Beyond the end of time is now: nothing lives that long.
pub(crate) fn after(now: Instant, wait: Duration) -> Instant {
    now.checked_add(wait).unwrap_or(now)
}
