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
    /// In which one request more is admitted, in nanoseconds.
    interval: u64,
    /// How far ahead the moment may lie for a request to be admitted.
    tolerance: u64,
}

/// How one caller's allowance stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Level {
    /// When it is full again.
    pub(crate) full_at: Timestamp,
    /// What the clock showed when it was last drawn on.
    pub(crate) drawn_at: Timestamp,
}

/// What becomes of one request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Decision {
    /// It passes, and this is what it leaves.
    Admit(Level),
    /// It does not. Nothing was consumed: whoever hammers at a closed door
    /// does not keep it closed.
    Refuse { wait: Duration, level: Level },
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

// === impl Level ===

impl Level {
    /// Whoever was counted by a clock that has been set back since is carried
    /// over to the new one with what was missing then. Time that passed in
    /// between is lost to the caller, but never more is admitted.
    pub(crate) fn settle(self, now: Timestamp) -> Self {
        if self.drawn_at <= now.plus(JITTER) {
            return self;
        }
        let missing = self.full_at.since(self.drawn_at);
        Self { full_at: now.plus(missing), drawn_at: now }
    }
}

// === impl Rate ===

impl Rate {
    /// `requests` in each `period`, of which `burst` may come at once.
    pub(crate) fn new(requests: u32, period: Duration, burst: u32) -> Self {
        // Rounded up: what does not divide evenly is never admitted too often.
        let interval = nanos(period).div_ceil(u64::from(requests.max(1)));
        let tolerance = interval.saturating_mul(u64::from(burst.saturating_sub(1)));
        Self { interval, tolerance }
    }

    /// Judges one request of a caller whose allowance stands at `level`, or was
    /// never drawn on.
    pub(crate) fn decide(&self, level: Option<Level>, now: Timestamp) -> Decision {
        let level = level.unwrap_or(Level { full_at: now, drawn_at: now }).settle(now);
        // More than everything cannot be missing, whatever stands in memory.
        let empty = level.drawn_at.plus(Duration::from_nanos(self.refill()));
        let full_at = level.full_at.min(empty).max(now);
        let wait = nanos(full_at.since(now)).saturating_sub(self.tolerance);
        if 0 < wait {
            let level = Level { full_at, ..level };
            return Decision::Refuse { wait: Duration::from_nanos(wait), level };
        }
        let full_at = full_at.plus(Duration::from_nanos(self.interval));
        Decision::Admit(Level { full_at, drawn_at: level.drawn_at.max(now) })
    }

    /// Takes a request off again that was admitted and has left `taken`.
    ///
    /// What others drew meanwhile stays. If some of the request's share has
    /// been refilled before others drew, that much is not given back: without
    /// the request, the allowance would have been full then.
    pub(crate) fn give_back(&self, level: Level, taken: Level) -> Level {
        let before = taken.full_at.minus(Duration::from_nanos(self.interval));
        let refilled = nanos(level.drawn_at.since(before));
        let share = Duration::from_nanos(self.interval.saturating_sub(refilled));
        Level { full_at: level.full_at.minus(share), ..level }
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

    /// How far ahead the moment at which the allowance is full may lie for a
    /// request to be admitted.
    pub(crate) fn tolerance(&self) -> Duration {
        Duration::from_nanos(self.tolerance)
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
        let mut level = None;
        let at = |millis: &u64| Timestamp::from_nanos(START + millis * 1_000_000);
        millis.iter().map(|now| step(rate, &mut level, at(now))).collect()
    }

    fn step(rate: Rate, stored: &mut Option<Level>, now: Timestamp) -> bool {
        let (admitted, level) = match rate.decide(*stored, now) {
            Decision::Admit(level) => (true, level),
            Decision::Refuse { level, .. } => (false, level),
        };
        *stored = Some(level);
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
    fn clock_set_back_keeps_what_was_missing() {
        let rate = Rate::new(10, MINUTE, 10);
        let then = Timestamp::from_nanos(START);
        let drawn = Level { full_at: then.plus(MINUTE), drawn_at: then };
        for (back, wait) in [(JITTER, 6_010), (JITTER * 2, 6_000), (MINUTE * 1_440, 6_000)] {
            let Decision::Refuse { wait: told, .. } = rate.decide(Some(drawn), then.minus(back))
            else {
                panic!("admitted {back:?} back")
            };
            assert_eq!(told.as_millis(), wait, "{back:?} back");
        }
    }

    #[test]
    fn no_more_than_everything_is_missing() {
        let rate = Rate::new(10, MINUTE, 10);
        let now = Timestamp::from_nanos(START);
        let garbage = Level { full_at: Timestamp::from_nanos(u64::MAX), drawn_at: now };
        assert_eq!(
            rate.decide(Some(garbage), now),
            Decision::Refuse {
                wait: Duration::from_secs(6),
                level: Level { full_at: now.plus(MINUTE), drawn_at: now },
            },
        );
    }

    #[test]
    fn an_older_reading_of_the_clock_does_not_make_the_draw_older() {
        let rate = Rate::new(60, MINUTE, 3);
        let now = Timestamp::from_nanos(START);
        let later = now.plus(JITTER);
        let drawn = Level { full_at: later.plus(Duration::from_secs(1)), drawn_at: later };
        let full_at = later.plus(Duration::from_secs(2));
        let left = Level { full_at, drawn_at: later };
        assert_eq!(rate.decide(Some(drawn), now), Decision::Admit(left));
    }

    #[test]
    fn giving_back_undoes_what_was_taken() {
        let rate = Rate::new(60, MINUTE, 3);
        let at = |millis: u64| Timestamp::from_nanos(START + millis * 1_000_000);
        let admit = |level, now| match rate.decide(level, now) {
            Decision::Admit(level) => level,
            Decision::Refuse { wait, .. } => panic!("refused for {wait:?}"),
        };
        let taken = admit(None, at(0));
        // Nobody else drew: as full as before.
        assert_eq!(rate.give_back(taken, taken).full_at, at(0));
        // Somebody drew at the same time: one request is missing.
        let level = admit(Some(taken), at(0));
        assert_eq!(rate.give_back(level, taken).full_at, at(1_000));
        // Somebody drew when half of the first share was there again.
        let level = admit(Some(taken), at(500));
        assert_eq!(rate.give_back(level, taken).full_at, at(1_500));
        // Somebody drew when all of it was.
        let level = admit(Some(taken), at(1_200));
        assert_eq!(rate.give_back(level, taken).full_at, at(2_200));
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
            let mut level = None;
            let mut now = START;
            let mut admitted = Vec::new();
            for (intervals, thousandths) in gaps {
                now += interval * intervals * thousandths / 1_000;
                if step(rate, &mut level, Timestamp::from_nanos(now)) {
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
            let mut level = None;
            let then = Timestamp::from_nanos(START);
            let used = (0..before).filter(|_| step(rate, &mut level, then)).count();
            let now = Timestamp::from_nanos(START - back);
            let more = (0..after).filter(|_| step(rate, &mut level, now)).count();
            prop_assert!(used + more <= burst as usize);
            prop_assert!(step(rate, &mut level, now.plus(period + JITTER)));
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
            let mut stored = Some(Level { full_at, drawn_at: now });
            let admitted = (0..=burst).filter(|_| step(rate, &mut stored, now)).count();
            prop_assert_eq!(admitted as u64, left.requests);
            prop_assert!(step(rate, &mut stored, now.plus(left.grows_in)));
        }
    }
}
