//! Who is admitted while there is not enough for all.

/// What one tenant has of something, and wants.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Demand {
    pub(crate) has: u32,
    /// More, lately refused.
    pub(crate) wants: u32,
    /// At least 1.
    pub(crate) weight: u32,
}

/// Enough for the few levels at which tenants have all they want; what is found
/// sooner is too little for those that want more, never too much.
const ROUNDS_MAX: u32 = 16;

/// Whether one who wants one more may have it, when `others` want theirs.
///
/// The share of each is max-min fair by weight: whoever wants less than its share
/// has all that it wants, and what that leaves is shared by the others. So one
/// above its share waits for one below it, and nobody waits for somebody who does
/// not come: a tenant alone may have everything.
pub(crate) fn may_have(one: Demand, others: &[Demand], capacity: u32) -> bool {
    if others.iter().all(|other| other.wants == 0) {
        return true;
    }
    let (left, weights) = level(one, others, capacity);
    let (has, weight) = (u128::from(one.has), u128::from(one.weight));
    has.saturating_mul(weights) < weight.saturating_mul(left)
}

/// What those who want more than they can have share, and by how many weights: the
/// one among them.
fn level(one: Demand, others: &[Demand], capacity: u32) -> (u128, u128) {
    let all = |other: &Demand| u128::from(other.has).saturating_add(other.wants.into());
    let weight = |other: &Demand| u128::from(other.weight.max(1));
    let (mut left, mut weights) = (0, 1);
    for _ in 0..ROUNDS_MAX {
        // Of the level so far, some want less, and more is left for the others.
        let wants_less = |other: &&Demand| {
            left != 0 && all(other).saturating_mul(weights) <= weight(other).saturating_mul(left)
        };
        let taken = others.iter().filter(wants_less).map(all).fold(0, u128::saturating_add);
        let greedy = others.iter().filter(|other| !wants_less(other)).map(weight);
        let next = (
            u128::from(capacity).saturating_sub(taken),
            greedy.fold(u128::from(one.weight.max(1)), u128::saturating_add),
        );
        if next == (left, weights) {
            break;
        }
        (left, weights) = next;
    }
    (left, weights)
}

#[cfg(test)]
#[expect(clippy::arithmetic_side_effects, reason = "an overflow fails the test")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn demand(has: u32, wants: u32, weight: u32) -> Demand {
        Demand { has, wants, weight }
    }

    #[test]
    fn a_tenant_alone_may_have_everything() {
        assert!(may_have(demand(99, 0, 1), &[], 100));
        assert!(may_have(demand(60, 0, 1), &[demand(39, 0, 4)], 100));
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
        // One wants 10 in all, so that two share 90.
        let others = [demand(9, 1, 1), demand(45, 100, 1)];
        for (has, expected) in [(44, true), (45, false)] {
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
