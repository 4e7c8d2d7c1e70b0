//! Who is refused while a backend has less room than is asked for.

#![expect(clippy::arithmetic_side_effects, reason = "an overflow fails the test, as it should")]

use std::time::Duration;

use proptest::prelude::*;
use tollgate_tenant_budget::{KindSpec, PrioritySpec};

use crate::common::World;

const SPEC: &str = r#"{"tiers": {"w1": {"weight": 1}, "w4": {"weight": 4}, "w2": {"weight": 2}}}"#;

/// Everybody asks again and again, and one request in so many ends.
fn storm(world: &mut World, tenants: &[u32], rounds: u32) {
    for round in 0..rounds {
        for (nth, tenant) in tenants.iter().enumerate() {
            for _ in 0..20 {
                let _ = world.begin((round as usize + nth) % world.workers.len(), *tenant);
            }
        }
        for worker in 0..world.workers.len() {
            (0..5).for_each(|which| world.end(worker, which * 7 + round as usize));
        }
        if round % 10 == 9 {
            world.pass(1);
        }
    }
    for tenant in tenants {
        for _ in 0..100 {
            let _ = world.begin(0, *tenant);
        }
    }
}

/// The last place, of fifty or more, is for a tenant that has none.
fn of_those_who_have_some(cap: u32) -> u32 {
    cap - u32::from(50 <= cap)
}

#[test]
fn a_tenant_alone_gets_everything_but_for_the_place_of_somebody_new() {
    for cap in [1, 10, 49, 50, 100, 1000] {
        let mut world = World::new(3, SPEC, cap);
        let admitted = (0..2_000).filter(|n| world.begin(n % 3, 0).is_ok()).count();
        // Of many, others may hold some until their next tick.
        assert!(cap as usize - cap as usize / 32 <= admitted, "{admitted} of {cap}");
        world.pass(1);
        (0..2_000).for_each(|n| drop(world.begin(n % 3, 0)));
        assert_eq!(world.open(None), of_those_who_have_some(cap));
        let refused = world.begin(0, 0).unwrap_err();
        assert_eq!(refused.detail, "the backend has as many requests as it takes; try again");
    }
}

/// Nobody was there within a minute but those who have filled the backend.
#[test]
fn somebody_new_is_let_in_at_a_backend_that_others_have_filled() {
    for full in [&[0][..], &[0, 2]] {
        let mut world = World::new(2, SPEC, 100);
        storm(&mut world, full, 200);
        assert_eq!(world.open(None), 99);
        world.begin(1, 1).unwrap();
        // The last place is for the next, and what this one wants besides comes before
        // what others do.
        world.begin(0, 1).unwrap_err();
        (0..2).for_each(|_| world.end_one_of(0));
        world.begin(0, 0).unwrap_err();
        world.begin(0, 1).unwrap();
        assert_eq!((world.open(None), world.open(Some(1))), (99, 2));
        world.begin(0, 3).unwrap();
    }
}

#[test]
fn tenants_in_need_share_by_weight() {
    for cap in [12, 60, 600] {
        let mut world = World::new(2, SPEC, cap);
        storm(&mut world, &[0, 1, 2], 400);
        let shares = [0, 1, 2].map(|tenant| world.open(Some(tenant)));
        for (share, weight) in shares.into_iter().zip([1, 1, 4]) {
            let fair = f64::from(cap * weight) / 6.0;
            let off = (f64::from(share) - fair).abs();
            assert!(off <= (fair / 10.0).max(1.0), "{shares:?} of {cap}");
        }
        assert_eq!(shares.iter().sum::<u32>(), of_those_who_have_some(cap));
    }
}

#[test]
fn one_above_its_share_waits_for_one_below() {
    let mut world = World::new(2, SPEC, 10);
    (0..10).for_each(|_| world.begin(0, 0).unwrap());
    // There is no room for the other, but it is remembered that it wants some.
    assert_eq!(world.begin(1, 1).unwrap_err().problem.name, "backend-busy");
    world.end_one_of(0);
    let refused = world.begin(0, 0).unwrap_err();
    assert_eq!(
        refused.detail,
        "others want their share of the backend, and this tenant has its own"
    );
    world.begin(1, 1).unwrap();
    assert_eq!((world.open(Some(0)), world.open(Some(1))), (9, 1));
}

#[test]
fn nobody_waits_for_long_for_somebody_who_does_not_come_back() {
    let mut world = World::new(2, SPEC, 10);
    (0..10).for_each(|_| world.begin(0, 0).unwrap());
    world.begin(1, 1).unwrap_err();
    (0..2).for_each(|_| world.end_one_of(0));
    world.begin(0, 0).unwrap_err();
    world.pass(2);
    world.begin(0, 0).unwrap();
    // A tenth is kept for a minute.
    world.begin(0, 0).unwrap_err();
    world.pass(60);
    world.begin(0, 0).unwrap();
}

#[test]
fn who_was_here_a_moment_ago_finds_room_again() {
    let mut world = World::new(2, SPEC, 40);
    (0..4).for_each(|worker| world.begin(worker % 2, 1).unwrap());
    (0..4).for_each(|_| world.end_one_of(1));
    // Its four, and a tenth in which it may have more than it had.
    assert_eq!((0..80).filter(|worker| world.begin(worker % 2, 0).is_ok()).count(), 32);
    (0..8).for_each(|worker| world.begin(worker % 2, 1).unwrap());
    assert_eq!(world.open(None), 40);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever a noisy neighbour does, a tenant that keeps to its share is served.
    #[test]
    fn a_tenant_that_keeps_to_its_share_is_never_refused(
        steps in prop::collection::vec((0usize..3, 0u32..12, any::<usize>()), 1..400),
        cap in prop::sample::select(vec![40, 60]),
    ) {
        let mut world = World::new(3, SPEC, cap);
        world.begin(0, 1).unwrap();
        for (worker, step, which) in steps {
            match step {
                0..4 => (0..20).for_each(|_| drop(world.begin(worker, 0))),
                4..8 => world.end(worker, which),
                8 | 9 if world.open(Some(1)) < 4 => {
                    prop_assert!(world.begin(worker, 1).is_ok(), "{} are open", world.open(None));
                }
                10 => world.wait(Duration::from_millis(100)),
                _ => {}
            }
        }
    }
}

#[test]
fn the_last_places_are_for_critical_routes() {
    let mut world = World::new(2, SPEC, 10);
    world.cap.reserve = 2;
    (0..8).for_each(|_| world.begin(0, 0).unwrap());
    world.begin(0, 0).unwrap_err();
    for _ in 0..2 {
        world.begin_as(1, 1, KindSpec::Request, PrioritySpec::Critical).unwrap();
    }
    world.begin_as(1, 1, KindSpec::Request, PrioritySpec::Critical).unwrap_err();
}
