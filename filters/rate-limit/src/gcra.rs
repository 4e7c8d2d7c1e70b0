use std::time::Duration;

use tollgate_core::Timestamp;

/// An allowance that refills steadily: how large it is, and how fast.
///
/// The generic cell rate algorithm keeps one number per caller, the moment at
/// which its allowance will be full again. Each request moves that moment on
/// by one interval; a request is refused while it lies further ahead than the
/// whole allowance but one takes to refill.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Rate {
    period: u64,
    /// In which one request more is admitted. All are in nanoseconds.
    interval: u64,
    /// How far ahead the moment may lie for a request to be admitted.
    tolerance: u64,
}

/// What becomes of one request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Decision {
    /// It passes, and the allowance is full again then.
    Admit { full_at: Timestamp },
    /// It does not. Nothing was consumed: whoever hammers at a closed door
    /// does not keep it closed.
    Refuse { wait: Duration, full_at: Timestamp },
}

/// What is left of an allowance.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Remainder {
    /// Requests that would be admitted at once.
    pub(crate) requests: u64,
    /// Until it is one more.
    pub(crate) grows_in: Duration,
}

/// By how much a worker's reading of the clock may be older than what another
/// worker has written meanwhile: a request is judged within one callback.
pub(crate) const JITTER: Duration = Duration::from_millis(10);

// === impl Rate ===

impl Rate {
    /// `requests` in each `period`, of which `burst` may come at once.
    pub(crate) fn new(requests: u32, period: Duration, burst: u32) -> Self {
        let period = nanos(period);
        // Rounded up: what does not divide evenly is never admitted too often.
        let interval = period.div_ceil(u64::from(requests.max(1)));
        let tolerance = interval.saturating_mul(u64::from(burst.saturating_sub(1)));
        Self { period, interval, tolerance }
    }

    /// Judges one request of a caller whose allowance is full at `full_at`, or
    /// was never touched.
    pub(crate) fn decide(&self, full_at: Option<Timestamp>, now: Timestamp) -> Decision {
        let full_at = self.settle(full_at.unwrap_or(now).max(now), now);
        let wait = self.wait(full_at, now);
        if wait == 0 {
            Decision::Admit { full_at: full_at.plus(self.interval()) }
        } else {
            Decision::Refuse { wait: Duration::from_nanos(wait), full_at }
        }
    }

    /// What is left at `now` of an allowance that is full at `full_at`.
    pub(crate) fn remainder(&self, full_at: Timestamp, now: Timestamp) -> Remainder {
        let missing = nanos(full_at.since(now));
        let requests =
            self.refill().saturating_sub(missing).checked_div(self.interval).unwrap_or(0);
        let one_more = self.interval.saturating_mul(requests.saturating_add(1));
        let grows_in = missing.saturating_add(one_more).saturating_sub(self.refill());
        Remainder { requests, grows_in: Duration::from_nanos(grows_in) }
    }

    /// In which one request more is admitted.
    pub(crate) fn interval(&self) -> Duration {
        Duration::from_nanos(self.interval)
    }

    /// How far ahead the moment at which the allowance is full may lie for a
    /// request to be admitted.
    pub(crate) fn tolerance(&self) -> Duration {
        Duration::from_nanos(self.tolerance)
    }

    /// Nobody has to wait longer than one period while the clock goes forward.
    /// Whoever would have to was counted by a clock that has been set back
    /// since, and is taken to have nothing left: at worst that is true.
    fn settle(&self, full_at: Timestamp, now: Timestamp) -> Timestamp {
        let longest = self.period.saturating_add(nanos(JITTER));
        if longest < self.wait(full_at, now) {
            now.plus(Duration::from_nanos(self.refill()))
        } else {
            full_at
        }
    }

    fn wait(&self, full_at: Timestamp, now: Timestamp) -> u64 {
        nanos(full_at.since(now)).saturating_sub(self.tolerance)
    }

    /// What an empty allowance takes until it is full.
    fn refill(&self) -> u64 {
        self.tolerance.saturating_add(self.interval)
    }
}

fn nanos(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
#[expect(clippy::arithmetic_side_effects, reason = "an overflow fails the test, as it should")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MINUTE: Duration = Duration::from_mins(1);
    const START: u64 = 1_700_000_000_000_000_000;

    /// Judges requests at these milliseconds; whether each was admitted.
    fn admitted(rate: Rate, millis: &[u64]) -> Vec<bool> {
        let mut full_at = None;
        let at = |millis: &u64| Timestamp::from_nanos(START + millis * 1_000_000);
        millis.iter().map(|now| step(rate, &mut full_at, at(now))).collect()
    }

    fn step(rate: Rate, stored: &mut Option<Timestamp>, now: Timestamp) -> bool {
        let (admitted, full_at) = match rate.decide(*stored, now) {
            Decision::Admit { full_at } => (true, full_at),
            Decision::Refuse { full_at, .. } => (false, full_at),
        };
        *stored = Some(full_at);
        admitted
    }

    #[test]
    fn burst_is_admitted_at_once_then_one_per_interval() {
        let rate = Rate::new(60, MINUTE, 3);
        assert_eq!(
            admitted(rate, &[0, 0, 0, 0, 999, 1000, 1000, 4000, 4000, 4000, 4000]),
            [true, true, true, false, false, true, false, true, true, true, false],
        );
    }

    #[test]
    fn remainder_says_how_many_and_when_one_more() {
        let rate = Rate::new(10, MINUTE, 10);
        let now = Timestamp::from_nanos(START);
        let left = |missing: u64| {
            let Remainder { requests, grows_in } =
                rate.remainder(now.plus(Duration::from_secs(missing)), now);
            (requests, grows_in.as_secs())
        };
        assert_eq!(left(0), (10, 6));
        assert_eq!(left(6), (9, 6));
        assert_eq!(left(8), (8, 2));
        assert_eq!(left(54), (1, 6));
        assert_eq!(left(55), (0, 1));
        assert_eq!(left(60), (0, 6));
    }

    #[test]
    fn clock_set_back_far_leaves_an_empty_allowance_and_no_longer_wait() {
        let rate = Rate::new(10, MINUTE, 10);
        let now = Timestamp::from_nanos(START);
        for (ahead, wait, full) in [(114, 60, 114), (115, 6, 60), (86_400, 6, 60)] {
            let stored = now.plus(Duration::from_secs(ahead));
            assert_eq!(
                rate.decide(Some(stored), now),
                Decision::Refuse {
                    wait: Duration::from_secs(wait),
                    full_at: now.plus(Duration::from_secs(full)),
                },
                "{ahead} s ahead",
            );
        }
    }

    fn rates() -> impl Strategy<Value = (u32, Duration, u32)> {
        (1u32..2_000, prop::sample::select(vec![1u64, 60, 3_600]), 1u32..=10).prop_flat_map(
            |(requests, seconds, times)| {
                (Just(requests), Just(Duration::from_secs(seconds)), 1..=requests * times)
            },
        )
    }

    proptest! {
        /// However requests are spaced, no stretch of time admits more than the
        /// burst plus what refilled during it.
        #[test]
        fn never_admits_more_than_burst_plus_refill(
            (requests, period, burst) in rates(),
            gaps in prop::collection::vec((0u64..4, 0u64..1_000), 1..300),
        ) {
            let rate = Rate::new(requests, period, burst);
            let interval = nanos(period) / u64::from(requests);
            let mut full_at = None;
            let mut now = START;
            let mut admitted = Vec::new();
            for (intervals, thousandths) in gaps {
                now += interval * intervals * thousandths / 1_000;
                if step(rate, &mut full_at, Timestamp::from_nanos(now)) {
                    admitted.push(now);
                }
            }
            for (first, from) in admitted.iter().enumerate() {
                for (last, to) in admitted.iter().enumerate().skip(first) {
                    let count = (last - first + 1) as u64;
                    prop_assert!(count <= u64::from(burst) + (to - from) / interval);
                }
            }
        }

        /// Time that really passes counts once, whatever the clock shows: set
        /// back, it admits nothing extra, and it locks nobody out for longer
        /// than one period.
        #[test]
        fn clock_set_back_admits_nothing_extra_and_locks_nobody_out(
            (requests, period, burst) in rates(),
            before in 0u32..50,
            back in 0u64..200_000_000_000_000,
            after in 1u32..50,
        ) {
            let rate = Rate::new(requests, period, burst);
            let mut full_at = None;
            let then = Timestamp::from_nanos(START);
            let used = (0..before).filter(|_| step(rate, &mut full_at, then)).count();
            let now = Timestamp::from_nanos(START - back);
            let more = (0..after).filter(|_| step(rate, &mut full_at, now)).count();
            prop_assert!(used + more <= burst as usize);
            prop_assert!(step(rate, &mut full_at, now.plus(period + JITTER)));
        }

        /// What is said to be left is what is admitted.
        #[test]
        fn remainder_is_what_is_admitted(
            (requests, period, burst) in rates(),
            share in 0u64..=1_000,
        ) {
            let rate = Rate::new(requests, period, burst);
            let now = Timestamp::from_nanos(START);
            let ahead = rate.refill() / 1_000 * share;
            let full_at = Timestamp::from_nanos(START + ahead);
            let left = rate.remainder(full_at, now);
            let mut stored = Some(full_at);
            let admitted = (0..=burst).filter(|_| step(rate, &mut stored, now)).count();
            prop_assert_eq!(admitted as u64, left.requests);
            prop_assert!(step(rate, &mut stored, now.plus(left.grows_in)));
        }
    }
}
