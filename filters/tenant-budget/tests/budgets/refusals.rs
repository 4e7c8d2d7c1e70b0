//! What callers are told, and what operators count.

use tollgate_core::{Seed, property};
use tollgate_tenant_budget::{Budgets, KindSpec, PrioritySpec};

use crate::common::World;

const SPEC: &str = r#"{"tiers": {
    "w1": {"in_flight": 2, "streams": 1},
    "w4": {"in_flight_by_backend": {"orders": 1}}
}}"#;

#[test]
fn each_refusal_says_what_to_do() {
    let mut world = World::new(1, SPEC, 4);
    (0..2).for_each(|_| world.begin(0, 0).unwrap());
    let stream = |world: &mut World| world.begin_as(0, 0, KindSpec::Stream, PrioritySpec::Normal);
    stream(&mut world).unwrap();
    world.begin(0, 2).unwrap();
    for (reply, name, detail, counter) in [
        (
            world.begin(0, 0),
            "too-many-in-flight",
            "2 requests are in flight, of 2 at most; wait for one",
            "tenant",
        ),
        (
            stream(&mut world),
            "too-many-streams",
            "1 streams are open, of 1 at most; close one",
            "streams",
        ),
        (
            world.begin(0, 2),
            "too-many-in-flight",
            "as many requests are at this backend as may be; wait for one",
            "tenant_backend",
        ),
        (
            world.begin(0, 3),
            "backend-busy",
            "the backend has as many requests as it takes; try again",
            "backend",
        ),
    ] {
        let reply = reply.unwrap_err();
        assert_eq!((reply.problem.name, &*reply.detail), (name, detail));
        assert_eq!(reply.problem.status, 503);
        assert_eq!(reply.headers, [("retry-after", "1".to_owned())]);
        let counter = format!("tollgate.budget.refused.{counter}");
        assert_eq!(world.host.counters.get(&*counter), Some(&1), "{counter}");
    }
}

#[test]
fn the_log_has_what_was_under_way() {
    let mut world = World::new(1, SPEC, 4);
    world.begin(0, 0).unwrap();
    world.begin(0, 0).unwrap();
    let told = |world: &World| {
        String::from_utf8(world.host.properties[property::IN_FLIGHT].clone()).unwrap()
    };
    assert_eq!(told(&world), "tenant=1/2 backend=1/4");
    world.begin(0, 0).unwrap_err();
    assert_eq!(told(&world), "tenant=2/2");
}

#[test]
fn a_refused_request_holds_nothing() {
    let mut world = World::new(1, SPEC, 1);
    world.begin(0, 3).unwrap();
    world.begin(0, 0).unwrap_err();
    world.end(0, 0);
    (0..1).for_each(|_| world.begin(0, 0).unwrap());
    world.rest();
    assert_eq!(world.left(), 0);
}

#[test]
fn without_the_counts_a_budget_refuses_and_a_backend_does_not() {
    let mut world = World::new(1, SPEC, 4);
    world.host.down = true;
    let refused = world.begin(0, 0).unwrap_err();
    assert_eq!(refused.problem.name, "budget-unavailable");
    // Envoy's own cap holds.
    world.begin(0, 3).unwrap();
    world.host.down = false;
    world.rest();
    assert_eq!(world.left(), 0);
}

#[test]
fn numbers_that_make_no_sense_are_refused() {
    for (spec, fault) in [
        (
            r#"{"tiers": {"a": {"in_flight": 0}}}"#,
            "tiers.a.in_flight: 0 is not between 1 and 1000000",
        ),
        (
            r#"{"tiers": {"a": {"streams": 1000001}}}"#,
            "tiers.a.streams: 1000001 is not between 1 and 1000000",
        ),
        (
            r#"{"tenants": {"b": {"weight": 1001}}}"#,
            "tenants.b.weight: 1001 is not between 1 and 1000",
        ),
        (
            r#"{"tenants": {"b": {"in_flight_by_backend": {"x": 0}}}}"#,
            "tenants.b.in_flight_by_backend.x: 0 is not between 1 and 1000000",
        ),
        (
            r#"{"tiers": {"a": {"connections": 0}}}"#,
            "tiers.a.connections: 0 is not between 1 and 1000000",
        ),
    ] {
        let spec = serde_json::from_str(spec).unwrap();
        let invalid = Budgets::compile(spec, <_>::default(), Seed([7; 16])).unwrap_err();
        assert_eq!(invalid.to_string(), fault);
    }
}
