//! What becomes of what a worker has when its virtual machine ends, and what
//! everything costs.

#![expect(clippy::unwrap_used, reason = "an error fails the test")]

use tollgate_core::testing::Calls;

use crate::common::World;

const SPEC: &str = r#"{"tiers": {"w1": {"in_flight": 5}}}"#;

#[test]
fn what_ended_with_a_virtual_machine_is_free_again_within_thirty_seconds() {
    let mut world = World::new(2, SPEC, 1000);
    (0..5).for_each(|_| world.begin(0, 0).unwrap());
    world.trap(0);
    world.begin(1, 0).unwrap_err();
    world.pass(10);
    // It might have been held up.
    world.begin(1, 0).unwrap_err();
    world.begin(0, 0).unwrap_err();
    world.pass(10);
    for worker in [0, 1] {
        world.begin(worker, 0).unwrap();
    }
}

#[test]
fn the_only_worker_gets_back_what_its_predecessor_had() {
    let mut world = World::new(1, SPEC, 1000);
    (0..5).for_each(|_| world.begin(0, 0).unwrap());
    world.trap(0);
    world.begin(0, 0).unwrap_err();
    world.pass(20);
    world.begin(0, 0).unwrap();
}

#[test]
fn a_worker_that_was_held_up_counts_again() {
    let mut world = World::new(2, SPEC, 1000);
    (0..5).for_each(|_| world.begin(0, 0).unwrap());
    world.begin(1, 1).unwrap();
    for _ in 0..20 {
        world.now = world.now.plus(std::time::Duration::from_secs(1));
        world.tick(1);
    }
    // It is taken for gone.
    world.begin(1, 0).unwrap();
    world.tick(0);
    world.now = world.now.plus(std::time::Duration::from_secs(1));
    world.tick(1);
    world.begin(1, 0).unwrap_err();
    world.rest();
    assert_eq!(world.left(), 0);
}

#[test]
fn no_change_of_the_clock_makes_anybody_seem_gone() {
    let mut world = World::new(2, SPEC, 1000);
    (0..5).for_each(|_| world.begin(0, 0).unwrap());
    world.begin(1, 1).unwrap();
    for seconds in [86_400, 1_000, 2_000_000] {
        world.now = tollgate_core::Timestamp::from_seconds(1_700_000_000 + seconds);
        world.tick(1);
        world.begin(1, 0).unwrap_err();
        world.tick(0);
    }
}

#[test]
fn gauges_show_the_tenants_and_return_to_zero() {
    let mut world = World::new(2, SPEC, 1000);
    (0..3).for_each(|_| world.begin(0, 0).unwrap());
    world.begin(1, 0).unwrap();
    world.begin(1, 3).unwrap();
    world.pass(3);
    let gauge = |world: &World, name: &str| world.host.gauges.get(name).copied();
    assert_eq!(gauge(&world, "tollgate.tenant.t0.in_flight"), Some(4));
    assert_eq!(gauge(&world, "tollgate.tenant.t3.in_flight"), Some(1));
    world.rest();
    assert_eq!(gauge(&world, "tollgate.tenant.t0.in_flight"), Some(0));
    assert_eq!(gauge(&world, "tollgate.tenant.t3.in_flight"), Some(0));
}

/// Calls of the host of one request that is let in and ends.
fn calls(world: &mut World, tenant: u32) -> Calls {
    world.host.calls = Calls::default();
    world.begin(0, tenant).unwrap();
    world.end(0, 0);
    world.host.calls
}

#[test]
fn a_backend_with_room_costs_nothing_and_a_budget_two_changes() {
    let mut world = World::new(2, SPEC, 1000);
    for tenant in [0, 3] {
        calls(&mut world, tenant);
    }
    assert_eq!(calls(&mut world, 3), Calls { set_property: 1, ..Calls::default() });
    assert_eq!(
        calls(&mut world, 0),
        Calls { load: 2, store: 2, set_property: 1, ..Calls::default() }
    );
}
