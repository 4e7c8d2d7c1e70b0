use std::time::{Duration, Instant};

use crate::clock::after;

/// How many calls a second may be made, with a part kept for those who have
/// been here before.
///
/// It refills steadily and holds one second's worth. Whoever is not known may
/// spend its first half only. So a flood of made-up tokens leaves tokens that
/// were good a moment ago what they need to be asked about again.
#[derive(Debug)]
pub(crate) struct Budget {
    interval: Duration,
    full_at: Option<Instant>,
}

/// Whether a token was found good not long ago.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Standing {
    /// It was.
    Known,
    /// Nobody has heard of it.
    Unknown,
}

/// How far ahead of its steady pace spending may be.
const AHEAD_MAX: Duration = Duration::from_secs(1);

// === impl Budget ===

impl Budget {
    /// So many a second; at least one.
    pub(crate) fn new(per_second: u32) -> Self {
        let interval = AHEAD_MAX.checked_div(per_second.max(1)).unwrap_or(AHEAD_MAX);
        Self { interval, full_at: None }
    }

    /// Spends one call, or says how long until there is one.
    pub(crate) fn spend(&mut self, standing: Standing, now: Instant) -> Result<(), Duration> {
        let full_at = self.full_at.map_or(now, |full_at| full_at.max(now));
        let next = after(full_at, self.interval);
        let ahead = next.saturating_duration_since(now);
        let ahead_max = self.ahead_max(standing);
        if ahead_max < ahead {
            return Err(ahead.saturating_sub(ahead_max));
        }
        self.full_at = Some(next);
        Ok(())
    }

    /// Never less than one call, or a small budget would keep newcomers out for ever.
    fn ahead_max(&self, standing: Standing) -> Duration {
        match standing {
            Standing::Known => AHEAD_MAX,
            Standing::Unknown => AHEAD_MAX.checked_div(2).unwrap_or(AHEAD_MAX).max(self.interval),
        }
    }
}

#[cfg(test)]
#[expect(clippy::arithmetic_side_effects, reason = "an overflow fails the test, as it should")]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use Standing::{Known, Unknown};

    fn spent(budget: &mut Budget, standing: Standing, now: Instant) -> usize {
        (0..10_000).take_while(|_| budget.spend(standing, now).is_ok()).count()
    }

    #[test]
    fn newcomers_leave_half_to_those_who_are_known() {
        let start = crate::testing::start();
        let mut budget = Budget::new(100);
        assert_eq!(spent(&mut budget, Unknown, start), 50);
        assert_eq!(budget.spend(Unknown, start), Err(Duration::from_millis(10)));
        assert_eq!(spent(&mut budget, Known, start), 50);
        assert_eq!(budget.spend(Known, start), Err(Duration::from_millis(10)));
        // What comes back goes to the known first.
        let later = start + Duration::from_millis(100);
        assert_eq!(spent(&mut budget, Unknown, later), 0);
        assert_eq!(spent(&mut budget, Known, later), 10);
    }

    #[test]
    fn one_call_a_second_lets_newcomers_in_too() {
        let start = crate::testing::start();
        let mut budget = Budget::new(1);
        assert_eq!(spent(&mut budget, Unknown, start), 1);
        assert_eq!(budget.spend(Unknown, start), Err(Duration::from_secs(1)));
        assert_eq!(spent(&mut budget, Unknown, start + Duration::from_secs(1)), 1);
    }

    #[test]
    fn none_a_second_is_taken_for_one() {
        let start = crate::testing::start();
        assert_eq!(spent(&mut Budget::new(0), Known, start), 1);
    }

    proptest! {
        /// However calls are spaced, no stretch of time sees more than one
        /// second's worth and what came back during it.
        #[test]
        fn never_more_than_it_holds_and_what_came_back(
            per_second in 1u32..1_000,
            calls in prop::collection::vec((0u64..50, any::<bool>()), 1..500),
        ) {
            let start = crate::testing::start();
            let mut budget = Budget::new(per_second);
            let (mut now, mut admitted) = (start, 0u64);
            for (gap, is_known) in calls {
                now += Duration::from_millis(gap);
                let standing = if is_known { Known } else { Unknown };
                admitted += u64::from(budget.spend(standing, now).is_ok());
                let millis = u64::try_from((now - start).as_millis()).unwrap();
                // Intervals are whole nanoseconds, so up to one call more in a second.
                let most = (millis + 1_000) * (u64::from(per_second) + 1) / 1_000 + 1;
                prop_assert!(admitted <= most, "{admitted} in {millis} ms");
            }
        }
    }
}
