//! What became of a tenant's requests a moment ago.

use tollgate_core::Timestamp;

/// What became of them in this second and in the one before.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Lately {
    pub(crate) since_nanos: u64,
    pub(crate) now: Second,
    pub(crate) before: Second,
}

/// What became of them within a second.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Second {
    /// Refused, and not let in since.
    pub(crate) refused: u32,
    /// Under way at once, at most.
    pub(crate) peak: u32,
}

const SECOND_NANOS: u64 = 1_000_000_000;

/// For so long it is remembered that there was somebody.
const RECENT_SECONDS: u64 = 60;

// === impl Lately ===

impl Lately {
    /// With one more that was refused.
    pub(crate) fn refused(self, now: Timestamp) -> Self {
        let lately = self.at(now);
        let refused = lately.now.refused.saturating_add(1);
        Self { now: Second { refused, ..lately.now }, ..lately }
    }

    /// With one that was let in.
    pub(crate) fn admitted(self, now: Timestamp) -> Self {
        let lately = self.at(now);
        Self { now: lately.now.fewer(), before: lately.before.fewer(), ..lately }
    }

    /// With so many under way.
    pub(crate) fn having(self, count: u32, now: Timestamp) -> Self {
        let lately = self.at(now);
        let peak = lately.now.peak.max(count);
        Self { now: Second { peak, ..lately.now }, ..lately }
    }

    /// How many more are still wanted.
    pub(crate) fn wants(self, now: Timestamp) -> u32 {
        let lately = self.at(now);
        lately.now.refused.max(lately.before.refused)
    }

    /// How many there were at once.
    pub(crate) fn peak(self, now: Timestamp) -> u32 {
        let lately = self.at(now);
        lately.now.peak.max(lately.before.peak)
    }

    /// Whether there was anything within two seconds.
    pub(crate) fn is_fresh(self, now: Timestamp) -> bool {
        let lately = self.at(now);
        (lately.now, lately.before) != <_>::default()
    }

    /// Whether there was anything within a minute.
    pub(crate) fn is_recent(self, now: Timestamp) -> bool {
        self.since(now).is_some_and(|since| since < SECOND_NANOS.saturating_mul(RECENT_SECONDS))
    }

    /// As it is seen at a later time.
    fn at(self, now: Timestamp) -> Self {
        let anew = Self { since_nanos: now.as_nanos(), ..Self::default() };
        match self.since(now) {
            Some(since) if since < SECOND_NANOS => self,
            Some(since) if since < SECOND_NANOS.saturating_mul(2) => {
                let since_nanos = self.since_nanos.saturating_add(SECOND_NANOS);
                Self { since_nanos, now: Second::default(), before: self.now }
            }
            _ => anew,
        }
    }

    /// After the clock was set back, there was nothing.
    fn since(self, now: Timestamp) -> Option<u64> {
        now.as_nanos().checked_sub(self.since_nanos)
    }
}

// === impl Second ===

impl Second {
    fn fewer(self) -> Self {
        Self { refused: self.refused.saturating_sub(1), ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Timestamp {
        let whole = Timestamp::from_seconds(1_700_000_000);
        whole.plus(std::time::Duration::from_millis(millis))
    }

    #[test]
    fn what_was_refused_is_wanted_for_a_while() {
        let lately = Lately::default().refused(at(0)).refused(at(0));
        assert_eq!(lately.wants(at(0)), 2);
        assert_eq!(lately.admitted(at(500)).wants(at(500)), 1);
        assert_eq!((lately.wants(at(1_999)), lately.wants(at(2_000))), (2, 0));
        // What was wanted in a second counts until the next one is over.
        assert_eq!(lately.refused(at(1_500)).wants(at(1_500)), 2);
        assert_eq!(lately.refused(at(1_500)).wants(at(2_500)), 1);
        assert_eq!(lately.wants(Timestamp::from_seconds(1)), 0);
    }

    #[test]
    fn so_is_how_many_there_were() {
        let lately = Lately::default().having(7, at(0)).having(3, at(900));
        assert_eq!(
            (lately.peak(at(900)), lately.peak(at(1_900)), lately.peak(at(2_000))),
            (7, 7, 0)
        );
        assert_eq!(lately.having(2, at(1_100)).peak(at(2_100)), 2);
    }

    #[test]
    fn and_for_a_minute_that_there_was_somebody() {
        let lately = Lately::default().having(1, at(0));
        assert!(lately.is_fresh(at(1_999)) && !lately.is_fresh(at(2_000)));
        assert!(lately.is_recent(at(59_999)) && !lately.is_recent(at(60_000)));
        assert!(!lately.is_recent(Timestamp::from_seconds(1)));
        assert!(!Lately::default().is_recent(at(0)));
    }
}
