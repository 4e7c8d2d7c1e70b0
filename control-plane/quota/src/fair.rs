use crate::Share;

/// Deals `total` max-min fair: nobody gets more than they want, and nobody who
/// gets less than they want gets less than anybody else. What nobody wants goes
/// to all in equal parts, so that each may grow until the next deal.
pub fn fair(total: Share, wants: &[Share]) -> Vec<Share> {
    let mut order: Vec<(usize, Share)> = wants.iter().copied().enumerate().collect();
    order.sort_unstable_by_key(|(_, wants)| *wants);
    let mut dealt = vec![Share::NONE; wants.len()];
    let (mut rest, mut left) = (total, parts(wants));
    for (place, wanted) in order {
        let gets = wanted.min(rest.part(left));
        if let Some(dealt) = dealt.get_mut(place) {
            *dealt = gets;
        }
        (rest, left) = (rest.minus(gets), left.saturating_sub(1));
    }
    let more = rest.part(parts(wants));
    dealt.into_iter().map(|share| share.plus(more)).collect()
}

fn parts(wants: &[Share]) -> u32 {
    u32::try_from(wants.len()).unwrap_or(u32::MAX)
}

#[cfg(test)]
#[expect(clippy::arithmetic_side_effects, reason = "an overflow fails the test, as it should")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn dealt(total: u32, wants: &[u32]) -> Vec<u32> {
        let wants: Vec<Share> = wants.iter().copied().map(Share).collect();
        fair(Share(total), &wants).into_iter().map(|share| share.0).collect()
    }

    #[test]
    fn the_modest_get_what_they_want_and_the_others_the_same() {
        assert_eq!(dealt(100, &[10, 80, 90]), [10, 45, 45]);
        assert_eq!(dealt(100, &[90, 0, 20]), [80, 0, 20]);
        assert_eq!(dealt(100, &[1_000, 1_000]), [50, 50]);
        assert_eq!(dealt(100, &[10, 20]), [45, 55], "what nobody wants goes to all");
        assert_eq!(dealt(0, &[10, 20]), [0, 0]);
        assert_eq!(dealt(100, &[]), [0; 0]);
    }

    proptest! {
        #[test]
        fn never_more_than_there_is_and_never_unfair(
            total in 0u32..2_000_000,
            wants in prop::collection::vec(0u32..1_500_000, 1..40),
        ) {
            let dealt = dealt(total, &wants);
            let sum: u64 = dealt.iter().copied().map(u64::from).sum();
            prop_assert!(sum <= u64::from(total));
            prop_assert!(u64::from(total) < sum + 2 * wants.len() as u64, "nothing is left over");
            let most = dealt.iter().max().unwrap();
            for (got, wanted) in dealt.iter().zip(&wants) {
                prop_assert!(wanted <= got || *most <= got + 1);
            }
        }
    }
}
