use std::time::Duration;

use tollgate_core::Timestamp;

/// Spares somebody who does not answer, and callers the waiting.
///
/// After a few failures in a row nothing is asked for a while, and then one
/// question at a time until one is answered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Breaker {
    failures: u32,
    /// Nothing is asked before.
    not_before: Timestamp,
}

const FAILURES_MAX: u32 = 5;

/// From the last failure to the next question.
const PAUSE: Duration = Duration::from_secs(2);

/// As long as anybody may ask us to wait, in seconds.
pub(crate) const WAIT_SECONDS_MAX: u64 = 30;

/// A probe whose answer gets lost holds up the next one for so much longer.
const GRACE: Duration = Duration::from_secs(1);

// === impl Breaker ===

impl Default for Breaker {
    fn default() -> Self {
        Self { failures: 0, not_before: Timestamp::EPOCH }
    }
}

impl Breaker {
    /// Whether a question may be asked that is answered within `timeout`; if
    /// not, how long it is until one may.
    pub(crate) fn admit(&mut self, now: Timestamp, timeout: Duration) -> Result<(), Duration> {
        let wait = self.not_before.since(now);
        // Longer than anybody asked for: the clock went backwards.
        if !wait.is_zero() && wait <= Duration::from_secs(WAIT_SECONDS_MAX) {
            return Err(wait);
        }
        self.not_before = if FAILURES_MAX <= self.failures {
            now.plus(timeout).plus(GRACE)
        } else {
            Timestamp::EPOCH
        };
        Ok(())
    }

    pub(crate) fn answered(&mut self) {
        *self = Self::default();
    }

    /// It failed, and asked to be left alone for `wait`.
    pub(crate) fn failed(&mut self, now: Timestamp, wait: Duration) {
        self.failures = self.failures.saturating_add(1);
        let pause = if FAILURES_MAX <= self.failures { PAUSE } else { Duration::ZERO };
        let wait = wait.min(Duration::from_secs(WAIT_SECONDS_MAX)).max(pause);
        if !wait.is_zero() {
            self.not_before = now.plus(wait);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMEOUT: Duration = Duration::from_millis(500);

    fn at(millis: u64) -> Timestamp {
        Timestamp::from_seconds(1000).plus(Duration::from_millis(millis))
    }

    fn broken() -> Breaker {
        let mut breaker = Breaker::default();
        for _ in 0..FAILURES_MAX {
            breaker.failed(at(0), Duration::ZERO);
        }
        breaker
    }

    #[test]
    fn five_failures_in_a_row_are_too_many() {
        let mut breaker = Breaker::default();
        for _ in 0..2 {
            for _ in 1..FAILURES_MAX {
                assert_eq!(breaker.admit(at(0), TIMEOUT), Ok(()));
                breaker.failed(at(0), Duration::ZERO);
            }
            assert_eq!(breaker.admit(at(0), TIMEOUT), Ok(()), "four are not");
            breaker.answered();
        }
        assert_eq!(broken().admit(at(0), TIMEOUT), Err(PAUSE));
    }

    #[test]
    fn one_question_at_a_time_finds_out_whether_it_is_back() {
        let mut breaker = broken();
        assert_eq!(breaker.admit(at(1999), TIMEOUT), Err(Duration::from_millis(1)));
        assert_eq!(breaker.admit(at(2000), TIMEOUT), Ok(()));
        assert_eq!(breaker.admit(at(2000), TIMEOUT), Err(TIMEOUT + GRACE));
        breaker.failed(at(2500), Duration::ZERO);
        assert_eq!(breaker.admit(at(4499), TIMEOUT), Err(Duration::from_millis(1)));
        assert_eq!(breaker.admit(at(4500), TIMEOUT), Ok(()));
        breaker.answered();
        assert_eq!(breaker.admit(at(4500), TIMEOUT), Ok(()));
        assert_eq!(breaker.admit(at(4500), TIMEOUT), Ok(()));
    }

    #[test]
    fn a_lost_probe_is_followed_by_another() {
        let mut breaker = broken();
        assert_eq!(breaker.admit(at(2000), TIMEOUT), Ok(()));
        assert!(breaker.admit(at(3499), TIMEOUT).is_err());
        assert_eq!(breaker.admit(at(3500), TIMEOUT), Ok(()));
    }

    #[test]
    fn a_wait_that_is_asked_for_is_kept_within_bounds() {
        for (asked, kept) in [(7, 7), (30, 30), (31, 30), (u64::MAX, 30)] {
            let mut breaker = Breaker::default();
            breaker.failed(at(0), Duration::from_secs(asked));
            assert_eq!(breaker.admit(at(0), TIMEOUT), Err(Duration::from_secs(kept)));
            assert_eq!(breaker.admit(at(kept * 1000), TIMEOUT), Ok(()));
            assert_eq!(breaker.admit(at(kept * 1000), TIMEOUT), Ok(()), "it is not broken");
        }
    }

    #[test]
    fn a_clock_that_goes_backwards_closes_nothing_for_long() {
        let mut breaker = broken();
        assert_eq!(breaker.admit(Timestamp::EPOCH, TIMEOUT), Ok(()));
    }
}
