use std::time::Duration;

use tollgate_core::Timestamp;

/// How many credentials are asked about that were never seen before, whatever
/// callers make up: [`PER_SECOND`], and a second's worth at once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    /// When the next one would come if they came evenly.
    next: Timestamp,
}

/// Per worker. A customer's new token is one of them, and a customer brings few.
const PER_SECOND: u32 = 100;

const BURST: Duration = Duration::from_secs(1);
const INTERVAL: Duration = Duration::from_nanos(1_000_000_000 / PER_SECOND as u64);

// === impl Pace ===

impl Default for Pace {
    fn default() -> Self {
        Self { next: Timestamp::EPOCH }
    }
}

impl Pace {
    /// Whether there may be one more now.
    pub(crate) fn admits(&mut self, now: Timestamp) -> bool {
        let ahead = self.next.since(now);
        // Further than it ever gets: the clock went backwards.
        let ahead = if BURST < ahead { Duration::ZERO } else { ahead };
        if BURST < ahead.saturating_add(INTERVAL) {
            return false;
        }
        self.next = now.plus(ahead).plus(INTERVAL);
        true
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn admitted(pace: &mut Pace, now: Timestamp, asked: u32) -> u32 {
        (0..asked).map(|_| u32::from(pace.admits(now))).sum()
    }

    #[test]
    fn a_second_s_worth_at_once_and_then_evenly() {
        let mut pace = Pace::default();
        let start = Timestamp::from_seconds(1000);
        assert_eq!(admitted(&mut pace, start, 1000), PER_SECOND);
        assert_eq!(admitted(&mut pace, start.plus(INTERVAL / 2), 1000), 0);
        assert_eq!(admitted(&mut pace, start.plus(INTERVAL), 1000), 1);
        assert_eq!(admitted(&mut pace, start.plus(Duration::from_millis(510)), 1000), 50);
        assert_eq!(admitted(&mut pace, start.plus(Duration::from_mins(1)), 1000), PER_SECOND);
    }

    #[test]
    fn a_clock_that_goes_backwards_stops_nobody() {
        let mut pace = Pace::default();
        assert!(pace.admits(Timestamp::from_seconds(1000)));
        assert!(pace.admits(Timestamp::from_seconds(10)));
    }

    proptest! {
        #[test]
        fn no_span_has_more_than_its_worth_and_a_second_s(
            gaps in prop::collection::vec(0_u64..50_000_000, 1..500),
        ) {
            let start = Timestamp::from_seconds(1000);
            let (mut pace, mut now) = (Pace::default(), start);
            let count = gaps.iter().filter(|gap| {
                now = now.plus(Duration::from_nanos(**gap));
                pace.admits(now)
            });
            let taken = INTERVAL.saturating_mul(u32::try_from(count.count()).unwrap());
            prop_assert!(taken <= now.since(start).saturating_add(BURST));
        }
    }
}
