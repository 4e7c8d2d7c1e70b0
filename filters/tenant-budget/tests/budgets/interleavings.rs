//! Whatever happens in whatever order: never above the cap, never below zero, and
//! nothing left at rest.

use proptest::prelude::*;

use crate::common::World;

#[derive(Clone, Debug)]
enum Step {
    Begin {
        worker: usize,
        tenant: u32,
    },
    End {
        worker: usize,
        which: usize,
    },
    Trap {
        worker: usize,
    },
    /// A second in which one worker is not heard of.
    Silence {
        worker: usize,
    },
    Second,
    /// Others get in first, so often.
    Conflicts(u32),
}

const WORKERS: usize = 3;

const SPEC: &str = r#"{"tiers": {
    "w1": {"in_flight": 5, "weight": 1},
    "w4": {"in_flight": 12, "in_flight_by_backend": {"orders": 9}, "weight": 4},
    "w2": {"weight": 2}
}}"#;

fn step(traps: bool) -> impl Strategy<Value = Step> {
    let trap = u32::from(traps);
    prop_oneof![
        30 => (0..WORKERS, 0u32..4).prop_map(|(worker, tenant)| Step::Begin { worker, tenant }),
        20 => (0..WORKERS, any::<usize>()).prop_map(|(worker, which)| Step::End { worker, which }),
        trap => (0..WORKERS).prop_map(|worker| Step::Trap { worker }),
        1 => (0..WORKERS).prop_map(|worker| Step::Silence { worker }),
        2 => Just(Step::Second),
        2 => (1u32..6).prop_map(Step::Conflicts),
    ]
}

fn act(world: &mut World, step: &Step) {
    match *step {
        Step::Begin { worker, tenant } => drop(world.begin(worker, tenant)),
        Step::End { worker, which } => world.end(worker, which),
        Step::Trap { worker } => world.trap(worker),
        Step::Second => world.pass(1),
        Step::Conflicts(conflicts) => world.host.conflicts = conflicts,
        Step::Silence { worker } => {
            world.now = world.now.plus(std::time::Duration::from_secs(1));
            (0..WORKERS).filter(|other| *other != worker).for_each(|other| world.tick(other));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn never_above_the_cap_and_nothing_at_rest(
        steps in prop::collection::vec(step(true), 1..300),
        cap in prop_oneof![1u32..30, 190u32..210, 800u32..900],
    ) {
        let mut world = World::new(WORKERS, SPEC, cap);
        for step in steps {
            act(&mut world, &step);
            prop_assert!(world.open(None) <= cap, "{} of {cap}", world.open(None));
            for (tenant, most) in [(0, 5), (1, 5), (2, 9)] {
                prop_assert!(world.open(Some(tenant)) <= most);
            }
        }
        world.rest();
        // What ended with a virtual machine is dropped once it was silent for long,
        // by whoever writes next to it.
        world.pass(20);
        for tenant in 0..4 {
            let admitted = world.begin(0, tenant);
            prop_assert!(cap < 4 || admitted.is_ok());
        }
        world.rest();
        prop_assert_eq!(world.left(), 0);
    }

    /// Without traps nothing is refused that there is room for.
    #[test]
    fn exact_to_the_last_one(
        steps in prop::collection::vec(step(false), 1..300),
        cap in 1u32..64,
    ) {
        let mut world = World::new(WORKERS, SPEC, cap);
        for step in steps {
            // More of them than anybody tries is a fault of its own.
            world.host.conflicts = 0;
            if let Step::Begin { worker, tenant } = step {
                let (all, of) = (world.open(None), world.open(Some(tenant)));
                let most = [5, 5, 9, u32::MAX][tenant as usize];
                let admitted = world.begin(worker, tenant);
                match admitted {
                    Ok(()) => prop_assert!(all < cap && of < most),
                    Err(reply) if of < most => {
                        prop_assert_eq!(reply.problem.name, "backend-busy");
                        let is_share = reply.detail.contains("share");
                        prop_assert!(is_share || all == cap, "{} of {cap}", all);
                    }
                    Err(reply) => prop_assert_eq!(reply.problem.name, "too-many-in-flight"),
                }
            } else {
                act(&mut world, &step);
            }
        }
    }
}
