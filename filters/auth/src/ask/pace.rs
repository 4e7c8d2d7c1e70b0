use std::collections::BTreeMap;
use std::time::Duration;

use tollgate_core::{Address, Timestamp};

/// How many credentials are asked about that were never seen before, whatever
/// callers make up: so many for all of a worker's callers, and fewer for those
/// at one address, so that no single one takes it all.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pace {
    all: Bucket,
    /// Those who have asked so recently that it counts.
    each: BTreeMap<Address, Bucket>,
}

/// Why there may not be one more now.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum TooFast {
    /// From this address.
    Caller,
    /// From all together.
    All,
}

/// How much there may be in a while.
struct Rate {
    interval: Duration,
    /// As much as may come at once, as the time in which it would come evenly.
    burst: Duration,
}

/// When the next one would come if they came evenly.
#[derive(Clone, Copy, Debug)]
struct Bucket {
    next: Timestamp,
}

/// Of a worker, in a second. A customer's new token is one of them, and a
/// customer brings few.
const ALL_PER_SECOND: u32 = 100;
const ALL: Rate = Rate::new(ALL_PER_SECOND, 1);

/// Of one address, with which many people may share: five seconds' worth at once.
const EACH_PER_SECOND: u32 = 10;
const EACH: Rate = Rate::new(EACH_PER_SECOND, 5);

/// More addresses than can have asked so recently that it counts, at the rate of all.
const ADDRESSES_MAX: usize = 1024;

// === impl Pace ===

impl Pace {
    /// Counts one more, if there may be one now. An address that is not known
    /// counts among all others alone.
    pub(crate) fn admit(
        &mut self,
        address: Option<Address>,
        now: Timestamp,
    ) -> Result<(), TooFast> {
        let each = address.map(|address| {
            let bucket = self.each.get(&address).copied().unwrap_or_default();
            bucket.and_one(&EACH, now).map(|bucket| (address, bucket)).ok_or(TooFast::Caller)
        });
        let each = each.transpose()?;
        self.all = self.all.and_one(&ALL, now).ok_or(TooFast::All)?;
        if let Some((address, bucket)) = each {
            self.note(address, bucket, now);
        }
        Ok(())
    }

    fn note(&mut self, address: Address, bucket: Bucket, now: Timestamp) {
        if ADDRESSES_MAX <= self.each.len() {
            self.each.retain(|_, bucket| !bucket.ahead(&EACH, now).is_zero());
        }
        self.each.insert(address, bucket);
    }
}

// === impl Rate ===

impl Rate {
    const fn new(per_second: u32, burst_seconds: u64) -> Self {
        let interval = match Duration::from_secs(1).checked_div(per_second) {
            Some(interval) => interval,
            None => Duration::MAX,
        };
        Self { interval, burst: Duration::from_secs(burst_seconds) }
    }
}

// === impl Bucket ===

impl Default for Bucket {
    fn default() -> Self {
        Self { next: Timestamp::EPOCH }
    }
}

impl Bucket {
    /// With one more, if there may be one.
    fn and_one(self, rate: &Rate, now: Timestamp) -> Option<Self> {
        let ahead = self.ahead(rate, now).saturating_add(rate.interval);
        (ahead <= rate.burst).then(|| Self { next: now.plus(ahead) })
    }

    /// How much of what may come at once has come. Further than it ever gets: the
    /// clock went backwards.
    fn ahead(self, rate: &Rate, now: Timestamp) -> Duration {
        let ahead = self.next.since(now);
        if rate.burst < ahead { Duration::ZERO } else { ahead }
    }
}

#[cfg(test)]
#[expect(
    clippy::arithmetic_side_effects,
    clippy::unnecessary_wraps,
    reason = "numbers of tests are small, and an address may be unknown"
)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn start() -> Timestamp {
        Timestamp::from_seconds(1000)
    }

    fn at(millis: u64) -> Timestamp {
        start().plus(Duration::from_millis(millis))
    }

    fn v4(number: u32) -> Option<Address> {
        Some(Address::V4(number.to_be_bytes()))
    }

    fn admitted(pace: &mut Pace, address: Option<Address>, millis: u64, asked: u32) -> u32 {
        (0..asked).map(|_| u32::from(pace.admit(address, at(millis)).is_ok())).sum()
    }

    #[test]
    fn a_second_s_worth_at_once_and_then_evenly() {
        let mut pace = Pace::default();
        assert_eq!(admitted(&mut pace, None, 0, 1000), ALL_PER_SECOND);
        assert_eq!(admitted(&mut pace, None, 9, 1000), 0);
        assert_eq!(admitted(&mut pace, None, 10, 1000), 1);
        assert_eq!(admitted(&mut pace, None, 510, 1000), 50);
        assert_eq!(admitted(&mut pace, None, 60_000, 1000), ALL_PER_SECOND);
    }

    #[test]
    fn one_address_leaves_room_for_the_others() {
        let mut pace = Pace::default();
        assert_eq!(admitted(&mut pace, v4(1), 0, 1000), 5 * EACH_PER_SECOND);
        assert_eq!(pace.admit(v4(1), at(99)), Err(TooFast::Caller));
        assert_eq!(admitted(&mut pace, v4(1), 100, 1000), 1);
        assert_eq!(admitted(&mut pace, v4(2), 100, 1000), 5 * EACH_PER_SECOND);
        assert_eq!(admitted(&mut pace, v4(1), 1_100, 1000), EACH_PER_SECOND);
        assert_eq!(admitted(&mut pace, v4(1), 60_000, 1000), 5 * EACH_PER_SECOND);
    }

    #[test]
    fn what_is_refused_to_one_is_taken_from_nobody() {
        let mut pace = Pace::default();
        for millis in 0..10_000 {
            admitted(&mut pace, v4(1), millis, 5);
            if millis % 20 == 0 {
                let address = v4(2 + u32::try_from(millis).unwrap());
                assert_eq!(pace.admit(address, at(millis)), Ok(()), "{millis}");
            }
        }
    }

    #[test]
    fn many_addresses_are_bounded_together_and_take_little_memory() {
        let mut pace = Pace::default();
        let mut count = 0;
        for number in 0..100_000 {
            count += admitted(&mut pace, v4(number), u64::from(number / 5), 1);
        }
        assert!((2_000..=2_101).contains(&count), "{count}");
        assert_eq!(pace.admit(v4(200_000), at(19_999)), Err(TooFast::All));
        assert!(pace.each.len() <= ADDRESSES_MAX, "{}", pace.each.len());
    }

    #[test]
    fn a_clock_that_goes_backwards_stops_nobody() {
        let mut pace = Pace::default();
        assert_eq!(admitted(&mut pace, v4(1), 0, 1000), 5 * EACH_PER_SECOND);
        assert_eq!(pace.admit(v4(1), Timestamp::from_seconds(10)), Ok(()));
    }

    proptest! {
        #[test]
        fn no_span_has_more_than_its_worth_and_what_may_come_at_once(
            gaps in prop::collection::vec((0_u64..50_000_000, 0_u32..3), 1..500),
        ) {
            let (mut pace, mut now) = (Pace::default(), start());
            let mut counts = [0_u32; 3];
            for (gap, address) in gaps {
                now = now.plus(Duration::from_nanos(gap));
                let is_admitted = pace.admit(v4(address), now).is_ok();
                counts[usize::try_from(address).unwrap()] += u32::from(is_admitted);
            }
            let span = now.since(start());
            for count in counts {
                prop_assert!(EACH.interval * count <= span + EACH.burst);
            }
            prop_assert!(ALL.interval * counts.iter().sum::<u32>() <= span + ALL.burst);
        }
    }
}
