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
fn the_first_request_on_a_connection_too_many_is_its_last() {
    let mut world = World::new(1, r#"{"tiers": {"w1": {"connections": 1}}}"#, 4);
    world.connect(0, 7);
    (0..2).for_each(|_| world.begin(0, 0).unwrap());
    world.connect(0, 8);
    let reply = world.begin(0, 0).unwrap_err();
    assert_eq!(reply.problem.name, "too-many-connections");
    assert_eq!(reply.detail, "1 connections are open, of 1 at most; use one of them");
    let headers = [("retry-after", "1".to_owned()), ("connection", "close".to_owned())];
    assert_eq!(reply.headers, headers);
    assert_eq!(world.host.counters["tollgate.budget.refused.connections"], 1);
}

#[test]
fn refusals_for_the_sake_of_others_and_for_want_of_counts_are_counted() {
    let mut world = World::new(1, SPEC, 10);
    (0..10).for_each(|_| world.begin(0, 3).unwrap());
    world.begin(0, 2).unwrap_err();
    world.end(0, 0);
    world.begin(0, 3).unwrap_err();
    assert_eq!(world.host.counters["tollgate.budget.refused.share"], 1);
    world.host.down = true;
    world.begin(0, 0).unwrap_err();
    assert_eq!(world.host.counters["tollgate.budget.refused.unavailable"], 1);
}

#[test]
fn shares_are_of_what_the_backend_bears() {
    let mut world = World::new(1, SPEC, 100);
    world.cap.adapts = true;
    (0..40).for_each(|_| world.begin(0, 3).unwrap());
    let details = |world: &mut World, details: &str| {
        world.host.properties.insert(property::DETAILS.to_vec(), details.as_bytes().to_vec());
    };
    details(&mut world, "reached_concurrency_limit");
    world.end(0, 0);
    details(&mut world, "via_upstream");
    // It bears 39, which are there.
    assert_eq!(world.begin(0, 3).unwrap_err().problem.name, "backend-busy");
    world.begin(0, 2).unwrap_err();
    world.end(0, 0);
    world.begin(0, 3).unwrap_err();
    world.begin(0, 2).unwrap();
    // A second later it is tried with a tenth more.
    world.pass(1);
    world.begin(0, 2).unwrap_err();
    (0..3).for_each(|_| world.end(0, 0));
    world.rest();
    assert_eq!(world.left(), 0);
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
