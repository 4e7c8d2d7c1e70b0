//! A clock that goes when it is told to.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use tollgate_identity::{Clock, SystemClock};

#[derive(Debug)]
pub(crate) struct TestClock {
    start: Instant,
    elapsed: Mutex<Duration>,
    since_1970: Mutex<Duration>,
}

/// What the clock on the wall shows at first.
pub(crate) const START: u64 = 1_000_000;

impl TestClock {
    pub(crate) fn new() -> Self {
        Self {
            start: SystemClock.now(),
            elapsed: Mutex::default(),
            since_1970: Mutex::new(Duration::from_secs(START)),
        }
    }

    /// Lets time pass.
    pub(crate) fn advance(&self, time: Duration) {
        *self.elapsed.lock().unwrap() += time;
        *self.since_1970.lock().unwrap() += time;
    }

    /// Sets the clock on the wall.
    pub(crate) fn set(&self, seconds: u64) {
        *self.since_1970.lock().unwrap() = Duration::from_secs(seconds);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Instant {
        self.start + *self.elapsed.lock().unwrap()
    }

    fn since_1970(&self) -> Duration {
        *self.since_1970.lock().unwrap()
    }
}
