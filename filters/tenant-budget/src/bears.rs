//! How many requests a backend bears, when that was found out by others.

use std::time::Duration;

use tollgate_core::Timestamp;

/// So many at a time, as of some moment.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Bears {
    count: u32,
    at: Timestamp,
}

/// Each so often it is tried with some more.
const STEP: Duration = Duration::from_secs(1);

/// One in so many.
const MORE_SHARE: u32 = 10;

// === impl Bears ===

impl Bears {
    /// One was refused while so many were under way, it included.
    pub(crate) fn fewer_than(under_way: u32, now: Timestamp) -> Self {
        Self { count: under_way.saturating_sub(1).max(1), at: now }
    }

    /// How many there may be: a tenth more for each second in which none was refused.
    pub(crate) fn at(self, now: Timestamp) -> u32 {
        let seconds = now.since(self.at).as_secs().checked_div(STEP.as_secs()).unwrap_or_default();
        let seconds = u32::try_from(seconds).unwrap_or(u32::MAX);
        let step = self.count.checked_div(MORE_SHARE).unwrap_or_default().max(1);
        self.count.saturating_add(step.saturating_mul(seconds))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_it_bears_is_tried_with_some_more_every_second() {
        let at = |seconds: u64| Timestamp::from_seconds(1_700_000_000 + seconds);
        let bears = Bears::fewer_than(41, at(0));
        assert_eq!([0, 1, 5].map(|seconds| bears.at(at(seconds))), [40, 44, 60]);
        assert_eq!(Bears::fewer_than(1, at(0)).at(at(2)), 3);
    }
}
