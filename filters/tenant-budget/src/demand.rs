//! Who is admitted while there is not enough for all.

/// What one tenant has of something, and wants.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Demand {
    pub(crate) has: u32,
    /// More, lately refused.
    pub(crate) wants: u32,
    /// What it had at most, lately.
    pub(crate) peak: u32,
    /// At least 1.
    pub(crate) weight: u32,
}

/// Enough for the few levels at which tenants have all they want; what is found
/// sooner is too little for those that want more, never too much.
const ROUNDS_MAX: u32 = 16;

/// Of everything, one part in so many is kept while somebody has less than its share.
const KEPT_SHARE: u32 = 10;

/// What everybody shares: so much, by so many weights.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Level {
    left: u128,
    weights: u128,
}

/// Whether one who wants one more may have it, when there is room and `others` have
/// and want theirs.
///
/// Below an equal part, by weight, one may. Above it, the share of each is max-min
/// fair by weight: whoever wants less than its share has all that it wants, or wanted
/// a moment ago, and what that leaves is shared by the others. Of that, some is kept
/// for as long as somebody has less than its share, and so may come for more. One
/// above its share waits for one below it, and a tenant alone may have everything.
pub(crate) fn may_have(one: Demand, others: &[Demand], capacity: u32) -> bool {
    if one.is_below(Level::equal(one, others, capacity)) {
        return true;
    }
    let level = Level::of(one, others, capacity);
    if others.iter().any(|other| other.may_grow(level)) {
        let capacity = capacity.saturating_sub(kept_of(capacity));
        return one.is_below(Level::of(one, others, capacity));
    }
    one.is_below(level)
}

/// What is kept of so many for those who have less than their share.
pub(crate) fn kept_of(capacity: u32) -> u32 {
    capacity.checked_div(KEPT_SHARE).unwrap_or_default()
}

// === impl Level ===

impl Level {
    /// As if everybody wanted everything.
    fn equal(one: Demand, others: &[Demand], capacity: u32) -> Self {
        let weights = others.iter().map(Demand::parts).fold(one.parts(), u128::saturating_add);
        Self { left: capacity.into(), weights }
    }

    /// What those share who want more than they can have, the one among them.
    fn of(one: Demand, others: &[Demand], capacity: u32) -> Self {
        let mut level = Self::equal(one, others, capacity);
        for _ in 0..ROUNDS_MAX {
            // Of the level so far, some want less, and more is left for the others.
            let (served, greedy): (Vec<_>, Vec<_>) =
                others.iter().partition(|other| other.is_served(level));
            let taken = served.into_iter().map(Demand::all).fold(0, u128::saturating_add);
            let weights = greedy.into_iter().map(Demand::parts);
            let next = Self {
                left: u128::from(capacity).saturating_sub(taken),
                weights: weights.fold(one.parts(), u128::saturating_add),
            };
            if next == level {
                break;
            }
            level = next;
        }
        level
    }
}

// === impl Demand ===

impl Demand {
    fn all(&self) -> u128 {
        u128::from(self.has.saturating_add(self.wants).max(self.peak))
    }

    fn parts(&self) -> u128 {
        self.weight.max(1).into()
    }

    /// Whether it has less than its share.
    fn is_below(&self, Level { left, weights }: Level) -> bool {
        u128::from(self.has).saturating_mul(weights) < self.parts().saturating_mul(left)
    }

    /// Whether it wants no more than its share.
    fn is_served(&self, Level { left, weights }: Level) -> bool {
        self.all().saturating_mul(weights) <= self.parts().saturating_mul(left)
    }

    /// Whether it wants less than its share, and may yet come for more.
    fn may_grow(&self, Level { left, weights }: Level) -> bool {
        self.all().saturating_mul(weights) < self.parts().saturating_mul(left)
    }
}

#[cfg(test)]
#[expect(clippy::arithmetic_side_effects, reason = "an overflow fails the test")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn demand(has: u32, wants: u32, weight: u32) -> Demand {
        Demand { has, wants, weight, peak: 0 }
    }

    #[test]
    fn a_tenant_alone_may_have_everything() {
        assert!(may_have(demand(99, 0, 1), &[], 100));
    }

    #[test]
    fn some_is_kept_while_somebody_has_less_than_its_share() {
        for (has, expected) in [(50, true), (51, false)] {
            assert_eq!(may_have(demand(has, 0, 1), &[demand(39, 0, 4)], 100), expected, "{has}");
        }
        // Nobody may come for more who has all of it.
        assert!(may_have(demand(19, 0, 1), &[demand(80, 9, 4)], 100));
        // And what somebody had a moment ago is kept besides.
        let other = Demand { peak: 20, ..demand(0, 0, 1) };
        for (has, expected) in [(69, true), (70, false)] {
            assert_eq!(may_have(demand(has, 0, 1), &[other], 100), expected, "{has}");
        }
        // Up to one's equal part, one may have what there is.
        assert!(may_have(demand(49, 0, 1), &[demand(45, 0, 1)], 100));
    }

    #[test]
    fn above_its_share_one_waits_for_whoever_is_below() {
        let other = demand(10, 100, 1);
        for (has, expected) in [(49, true), (50, false), (80, false)] {
            assert_eq!(may_have(demand(has, 0, 1), &[other], 100), expected, "{has}");
        }
    }

    #[test]
    fn weights_count() {
        let others = [demand(16, 100, 1), demand(16, 100, 1)];
        for (has, expected) in [(66, true), (67, false)] {
            assert_eq!(may_have(demand(has, 0, 4), &others, 100), expected, "{has}");
        }
    }

    #[test]
    fn what_one_does_not_want_is_the_others() {
        // One wants 10 in all, and a tenth is kept, so that two share 80.
        let others = [demand(9, 1, 1), demand(45, 100, 1)];
        for (has, expected) in [(39, true), (40, false)] {
            assert_eq!(may_have(demand(has, 0, 1), &others, 100), expected, "{has}");
        }
    }

    proptest! {
        /// Of tenants that all want more, none is above its share for long, and
        /// together they have everything.
        #[test]
        fn those_who_want_more_share_everything(
            weights in prop::collection::vec(1u32..10, 1..6),
            capacity in 1u32..500,
            order in prop::collection::vec(any::<prop::sample::Index>(), 4_000),
        ) {
            let mut all: Vec<_> = weights.iter().map(|weight| demand(0, 1_000, *weight)).collect();
            for next in order {
                let next = next.index(all.len());
                let one = all.swap_remove(next);
                let has = all.iter().map(|other| other.has).sum::<u32>() + one.has;
                let more = has < capacity && may_have(one, &all, capacity);
                all.push(Demand { has: one.has + u32::from(more), ..one });
            }
            let sum: u32 = weights.iter().sum();
            prop_assert_eq!(all.iter().map(|one| one.has).sum::<u32>(), capacity);
            for one in all {
                let share = f64::from(capacity * one.weight) / f64::from(sum);
                prop_assert!((f64::from(one.has) - share).abs() <= 1.0 + f64::from(one.weight), "{one:?} {share}");
            }
        }
    }
}
