use std::cell::Cell;
use std::time::Duration;

use tollgate_core::Timestamp;

use crate::gcra::JITTER;
use crate::meter::{Drawn, Remainder, Short, share};
use crate::window::{Calendar, NEVER, Window};

/// So many requests in a window of the calendar, and then none until the next.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Quota {
    requests: u64,
    calendar: Calendar,
    /// The window that was looked up last: one serves many requests.
    latest: Cell<Option<Window>>,
    lending: Cell<Lending>,
}

/// How much may be counted where somebody else counts for several Envoys.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Lending {
    /// Of a window that nothing was lent of yet.
    pub(crate) first: u64,
    /// Whatever was lent.
    pub(crate) least: u64,
    /// More may be lent at any time.
    pub(crate) grows: bool,
}

/// How much of a window one caller has used.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Used {
    pub(crate) tokens: u64,
    /// How many it may come to: all that the window has, unless whoever counts
    /// for several Envoys lends fewer.
    pub(crate) granted: u64,
    /// Which window that is.
    pub(crate) ends_at: Timestamp,
}

/// When more may have been lent.
const MORE_IN: Duration = Duration::from_secs(1);

// === impl Quota ===

impl Quota {
    pub(crate) fn new(requests: u64, calendar: Calendar) -> Self {
        let all = Lending { first: requests, least: 0, grows: false };
        Self { requests, calendar, latest: Cell::new(None), lending: Cell::new(all) }
    }

    pub(crate) fn requests(&self) -> u64 {
        self.requests
    }

    /// How much of it may be counted from now on.
    pub(crate) fn lend(&self, lending: Lending) {
        self.lending.set(lending);
    }

    /// The window in which a moment lies.
    pub(crate) fn window(&self, now: Timestamp) -> Window {
        if let Some(window) = self.latest.get().filter(|window| window.holds(now)) {
            return window;
        }
        let window = self.calendar.window(now);
        self.latest.set(Some(window));
        window
    }

    pub(crate) fn draw(
        &self,
        used: Option<Used>,
        (cost, wanted): (u64, u64),
        now: Timestamp,
    ) -> Result<Drawn<Used>, Short<Used>> {
        let used = self.current(used, now);
        let there = self.left(&used);
        if there < cost {
            let again = cost <= self.requests && used.ends_at < NEVER;
            let wait = if self.lending.get().grows { MORE_IN } else { used.ends_at.since(now) };
            return Err(Short { wait: again.then_some(wait), state: used });
        }
        let tokens = share(there).min(wanted).max(cost);
        Ok(Drawn { tokens, state: Used { tokens: used.tokens.saturating_add(tokens), ..used } })
    }

    /// What was drawn in another window is not missing in this one.
    pub(crate) fn give_back(&self, used: Used, tokens: u64, taken: Used, now: Timestamp) -> Used {
        let used = self.current(Some(used), now);
        let tokens = if used.ends_at == taken.ends_at { tokens } else { 0 };
        Used { tokens: used.tokens.saturating_sub(tokens), ..used }
    }

    pub(crate) fn charge(&self, used: Option<Used>, tokens: u64, now: Timestamp) -> Used {
        let used = self.current(used, now);
        Used { tokens: used.tokens.saturating_add(tokens), ..used }
    }

    pub(crate) fn remainder(&self, used: Option<Used>, now: Timestamp) -> Remainder {
        let used = self.current(used, now);
        let grows_in = (used.ends_at < NEVER).then(|| used.ends_at.since(now));
        Remainder { tokens: self.left(&used), grows_in }
    }

    fn left(&self, used: &Used) -> u64 {
        let granted = used.granted.max(self.lending.get().least);
        self.requests.min(granted).saturating_sub(used.tokens)
    }

    /// What was used of the window in which a moment lies.
    ///
    /// Whoever was counted in a later window is carried over when the clock has
    /// been set back: that window is not over, and this one must not begin again.
    /// A worker whose reading of the clock is only a little older is in the
    /// later one already.
    fn current(&self, used: Option<Used>, now: Timestamp) -> Used {
        let ends_at = self.window(now).ends_at;
        let fresh = Used { tokens: 0, granted: self.lending.get().first, ends_at };
        match used {
            Some(used) if used.ends_at == ends_at => used,
            Some(used) if ends_at < used.ends_at => {
                if ends_at <= now.plus(JITTER) {
                    used
                } else {
                    Used { ends_at, ..used }
                }
            }
            _ => fresh,
        }
    }
}

#[cfg(test)]
#[expect(clippy::arithmetic_side_effects, reason = "an overflow fails the test, as it should")]
mod tests {
    use jiff::tz::TimeZone;
    use proptest::prelude::*;

    use super::*;

    const DAY: Duration = Duration::from_hours(24);
    /// A midnight.
    const MIDNIGHT: Timestamp = Timestamp::from_seconds(1_700_006_400);

    fn daily(requests: u64) -> Quota {
        Quota::new(requests, Calendar::Days(TimeZone::UTC))
    }

    fn step(quota: &Quota, used: &mut Option<Used>, now: Timestamp) -> bool {
        let (admitted, state) = match quota.draw(*used, (1, 1), now) {
            Ok(Drawn { state, .. }) => (true, state),
            Err(Short { state, .. }) => (false, state),
        };
        *used = Some(state);
        admitted
    }

    #[test]
    fn a_window_has_so_many_and_the_next_one_as_many() {
        let quota = daily(3);
        let last = MIDNIGHT.minus(Duration::from_secs(10));
        let mut used = None;
        let admitted: Vec<_> = (0..5).map(|_| step(&quota, &mut used, last)).collect();
        assert_eq!(admitted, [true, true, true, false, false]);
        let short = quota.draw(used, (1, 1), last).unwrap_err();
        assert_eq!(short.wait, Some(Duration::from_secs(10)));
        assert_eq!(quota.remainder(used, last).tokens, 0);
        assert_eq!(quota.remainder(used, MIDNIGHT).tokens, 3);
        assert!(step(&quota, &mut used, MIDNIGHT));
        assert_eq!(quota.remainder(used, MIDNIGHT), Remainder { tokens: 2, grows_in: Some(DAY) });
    }

    #[test]
    fn a_total_comes_never_again() {
        let quota = Quota::new(1, Calendar::Total);
        let mut used = None;
        assert!(step(&quota, &mut used, MIDNIGHT));
        let short = quota.draw(used, (1, 1), MIDNIGHT.plus(DAY * 999)).unwrap_err();
        assert_eq!(short.wait, None);
        assert_eq!(quota.remainder(used, MIDNIGHT), Remainder { tokens: 0, grows_in: None });
    }

    #[test]
    fn what_was_not_spent_is_given_back_to_its_own_window() {
        let quota = daily(10);
        let taken = quota.draw(None, (8, 8), MIDNIGHT).unwrap().state;
        assert_eq!(quota.give_back(taken, 5, taken, MIDNIGHT).tokens, 3);
        let tomorrow = MIDNIGHT.plus(DAY);
        let used = quota.draw(Some(taken), (2, 2), tomorrow).unwrap().state;
        assert_eq!(quota.give_back(used, 5, taken, tomorrow), used);
    }

    #[test]
    fn a_clock_that_is_set_back_begins_no_window_again() {
        let quota = daily(2);
        let mut used = None;
        assert!(step(&quota, &mut used, MIDNIGHT));
        assert!(step(&quota, &mut used, MIDNIGHT.minus(JITTER)));
        assert_eq!(used.unwrap().ends_at, MIDNIGHT.plus(DAY));
        let before = MIDNIGHT.minus(DAY / 2);
        assert!(!step(&quota, &mut used, before));
        // And nobody is locked out for longer than that one lasts.
        assert!(step(&quota, &mut used, MIDNIGHT));
    }

    #[test]
    fn fewer_may_be_lent_than_the_window_has() {
        let quota = daily(100);
        let lent = Used { tokens: 5, granted: 7, ends_at: quota.window(MIDNIGHT).ends_at };
        assert_eq!(quota.remainder(Some(lent), MIDNIGHT).tokens, 2);
        assert_eq!(quota.draw(Some(lent), (2, 50), MIDNIGHT).unwrap().tokens, 2);
        assert!(quota.draw(Some(lent), (3, 3), MIDNIGHT).is_err());
    }

    proptest! {
        /// However the clock jumps, there is one quota at first and one more for
        /// each time that it goes past the end of a window.
        #[test]
        fn never_more_than_a_quota_each_time_a_window_begins(
            steps in prop::collection::vec((-50i64..60, 1u64..4), 1..300),
        ) {
            let quota = daily(7);
            let (mut used, mut now, mut admitted) = (None, MIDNIGHT, 0);
            let mut quotas = 1;
            for (hours, cost) in steps {
                let span = Duration::from_hours(hours.unsigned_abs());
                let next = if hours < 0 { now.minus(span) } else { now.plus(span) };
                quotas += u64::from(quota.window(now).ends_at < quota.window(next).ends_at);
                now = next;
                if let Ok(drawn) = quota.draw(used, (cost, cost), now) {
                    used = Some(drawn.state);
                    admitted += cost;
                }
            }
            prop_assert!(admitted <= 7 * quotas);
        }

        #[test]
        fn no_number_makes_a_quota_unlimited(
            requests: u64, tokens: u64, granted: u64, ends_at: u64, now: u64, cost: u64, wanted: u64,
        ) {
            let quota = daily(requests);
            let used = Used { tokens, granted, ends_at: Timestamp::from_nanos(ends_at) };
            let now = Timestamp::from_nanos(now);
            if let Ok(drawn) = quota.draw(Some(used), (cost, wanted), now) {
                prop_assert!(cost <= drawn.tokens && drawn.tokens <= requests);
            }
            let _ = quota.charge(Some(used), tokens, now);
            let _ = quota.give_back(used, tokens, used, now);
        }
    }
}
