//! Days, months and totals, costs, and what is saved.

use std::time::Duration;

use crate::common::{World, field};
use tollgate_core::testing::Calls;
use tollgate_rate_limit::{Scale, Uplift};

/// In milliseconds, from the moment that tests begin at to the next midnight
/// of UTC, 2023-11-15.
const MIDNIGHT: u64 = 6_400_000;

#[test]
fn a_day_has_so_many_requests_and_the_next_as_many() {
    let spec = r#"{"limits": [{"requests": 2, "per": "day"}]}"#;
    World::new(spec).check(&[
        r#"0ms       tenant=acme -> 200 "tenant-day";r=1;t=6400"#,
        r#"1000ms    tenant=acme -> 200 "tenant-day";r=0;t=6399"#,
        r#"1000ms    tenant=acme -> 429 retry-after=6399 "tenant-day";r=0;t=6399"#,
        r#"6399999ms tenant=acme -> 429 retry-after=1 "tenant-day";r=0;t=1"#,
        r#"6400000ms tenant=acme -> 200 "tenant-day";r=1;t=86400"#,
        r#"6400000ms tenant=b    -> 200 "tenant-day";r=1;t=86400"#,
    ]);
}

#[test]
fn a_day_begins_where_the_limit_says() {
    let spec = r#"{"limits": [{"requests": 1, "per": "day", "time_zone": "Europe/Berlin"}]}"#;
    World::new(spec).check(&[
        r#"0ms       tenant=acme -> 200 "tenant-day";r=0;t=2800"#,
        r#"2799000ms tenant=acme -> 429 retry-after=1 "tenant-day";r=0;t=1"#,
        r#"2800000ms tenant=acme -> 200 "tenant-day";r=0;t=86400"#,
    ]);
}

#[test]
fn a_month_is_as_long_as_it_is() {
    let spec = r#"{"limits": [{"requests": 5, "per": "month"}]}"#;
    let mut world = World::new(spec);
    let edits = world.ask("0ms tenant=acme").unwrap();
    assert_eq!(field(&edits, "ratelimit-policy"), r#""tenant-month";q=5;w=2592000"#);
    assert_eq!(field(&edits, "ratelimit"), r#""tenant-month";r=4;t=1388800"#);
}

#[test]
fn a_total_is_used_up_for_good() {
    let spec = r#"{"limits": [{"requests": 1, "per": "total"}]}"#;
    let mut world = World::new(spec);
    world.check(&[
        r#"0ms            tenant=acme -> 200 "tenant-total";r=0"#,
        r#"99999999999ms  tenant=acme -> 429 "tenant-total";r=0"#,
    ]);
    let reply = world.ask("0ms tenant=acme").unwrap_err();
    let detail = "the limit of 1 request in all for the tenant is used up for good";
    assert_eq!(reply.detail, detail);
}

#[test]
fn several_windows_count_at_once_and_the_tightest_answers() {
    let spec = r#"{"limits": [
        {"requests": 1, "per": "second"}, {"requests": 3, "per": "day"}, {"requests": 9, "per": "month"}
    ]}"#;
    World::new(spec).check(&[
        r#"0ms    tenant=acme -> 200 "tenant-second";r=0;t=1"#,
        r#"0ms    tenant=acme -> 429 retry-after=1 "tenant-second";r=0;t=1"#,
        r#"1000ms tenant=acme -> 200 "tenant-second";r=0;t=1"#,
        r#"2000ms tenant=acme -> 200 "tenant-day";r=0;t=6398"#,
        r#"2000ms tenant=acme -> 429 retry-after=6398 "tenant-day";r=0;t=6398"#,
    ]);
}

#[test]
fn the_reason_names_the_limit() {
    let mut world = World::new(r#"{"limits": [{"requests": 1, "per": "day"}]}"#);
    world.ask("0ms tenant=acme").unwrap();
    let reply = world.ask("0ms tenant=acme").unwrap_err();
    let body: serde_json::Value = serde_json::from_str(&reply.body(None)).unwrap();
    assert_eq!(body["violated-policies"], serde_json::json!(["tenant-day"]));
    assert_eq!(body["detail"], "the limit of 1 request a day for the tenant is used up");
}

#[test]
fn a_request_may_cost_more_than_one() {
    let spec = r#"{"limits": [{"requests": 10, "per": "minute", "cost": 4}]}"#;
    World::new(spec).check(&[
        r#"0ms     tenant=acme -> 200 "tenant-minute";r=6;t=6"#,
        r#"0ms     tenant=acme -> 200 "tenant-minute";r=2;t=6"#,
        r#"0ms     tenant=acme -> 429 retry-after=12 "tenant-minute";r=0;t=12"#,
        r#"12000ms tenant=acme -> 200 "tenant-minute";r=0;t=6"#,
    ]);
}

#[test]
fn a_header_may_say_what_a_request_costs() {
    let spec = r#"{"limits": [{"requests": 10, "per": "day", "cost": {"header": "X-Batch"}}]}"#;
    let mut world = World::new(spec);
    world.check(&[
        r#"0ms tenant=acme x-batch=7 -> 200 "tenant-day";r=3;t=6400"#,
        r#"0ms tenant=acme           -> 200 "tenant-day";r=2;t=6400"#,
        r#"0ms tenant=acme x-batch=3 -> 429 retry-after=6400 "tenant-day";r=0;t=6400"#,
        r#"0ms tenant=acme x-batch=2 -> 200 "tenant-day";r=0;t=6400"#,
        "0ms tenant=b x-batch=11      -> 429 \"tenant-day\";r=0",
    ]);
    let reply = world.ask("0ms tenant=b x-batch=11").unwrap_err();
    assert_eq!(
        reply.detail,
        "the request costs 11, and the limit of 10 requests a day for the tenant never holds as much",
    );
    for (cost, detail) in [
        ("x-batch=0", "x-batch is not a whole number from 1 to 1000000000"),
        ("x-batch=-1", "x-batch is not a whole number from 1 to 1000000000"),
        ("x-batch=NaN", "x-batch is not a whole number from 1 to 1000000000"),
        ("x-batch=1.5", "x-batch is not a whole number from 1 to 1000000000"),
        ("x-batch=1000000001", "x-batch is not a whole number from 1 to 1000000000"),
        ("x-batch=99999999999999999999999", "x-batch is not a whole number from 1 to 1000000000"),
        ("x-batch=1 x-batch=1", "x-batch stands there twice"),
    ] {
        let reply = world.ask(&format!("0ms tenant=c {cost}")).unwrap_err();
        assert_eq!((reply.problem.status, reply.problem.name), (400, "invalid-cost"), "{cost}");
        assert_eq!(reply.detail, detail, "{cost}");
    }
    // Nothing of it was counted.
    world.check(&[r#"0ms tenant=c x-batch=10 -> 200 "tenant-day";r=0;t=6400"#]);
}

#[test]
fn a_response_says_what_a_request_has_cost() {
    let spec = r#"{"limits": [{"requests": 100, "per": "day",
        "cost": {"response_header": "x-cost", "reserve": 10}}]}"#;
    let mut world = World::new(spec);
    // What is told, and what is left after it: more, less, nothing, nonsense, too much.
    for (header, left) in [
        (Some(("x-cost", "30")), 70),
        (Some(("x-cost", "3")), 67),
        (Some(("x-cost", "0")), 67),
        (None, 57),
        (Some(("x-cost", "-7")), 47),
        (Some(("x-cost", "NaN")), 37),
        (Some(("x-cost", "36")), 1),
    ] {
        let ticket = world.admit("0ms tenant=acme").unwrap().ticket.unwrap();
        world.answer(0, ticket, header);
        world.end(0, ticket, 0, 0);
        assert_eq!(world.standing("0ms tenant=acme")[0].left, left, "{header:?}");
    }
    world.check(&[r#"0ms tenant=acme -> 429 retry-after=6400 "tenant-day";r=0;t=6400"#]);
}

#[test]
fn a_huge_cost_locks_nobody_out_for_longer_than_two_allowances() {
    let spec = r#"{"limits": [{"requests": 60, "per": "minute",
        "cost": {"response_header": "x-cost"}}]}"#;
    let mut world = World::new(spec);
    let ticket = world.admit("0ms tenant=acme").unwrap().ticket.unwrap();
    world.answer(0, ticket, Some(("x-cost", "99999999999999999999")));
    world.check(&[
        r#"0ms      tenant=acme -> 429 retry-after=61 "tenant-minute";r=0;t=61"#,
        r#"61000ms  tenant=acme -> 200 "tenant-minute";r=0;t=1"#,
    ]);
}

#[test]
fn bytes_are_counted_by_units_that_were_begun() {
    let spec = r#"{"limits": [{"requests": 100, "per": "day", "cost": {"response_bytes": 1024}}]}"#;
    let mut world = World::new(spec);
    let mut left = |bytes| {
        let ticket = world.admit("0ms tenant=acme").unwrap().ticket.unwrap();
        world.answer(0, ticket, None);
        world.end(0, ticket, 9_999, bytes);
        world.standing("0ms tenant=acme")[0].left
    };
    assert_eq!([left(0), left(1), left(1_025), left(10_240)], [99, 98, 96, 86]);
    let spec = r#"{"limits": [{"requests": 100, "per": "day", "cost": {"request_bytes": 1024}}]}"#;
    let mut world = World::new(spec);
    // What a request says of its length is believed at first alone.
    for (says, came, left) in [("content-length=2048", 2_048, 98), ("", 10_240, 88)] {
        let ticket = world.admit(&format!("0ms tenant=acme {says}")).unwrap().ticket.unwrap();
        world.end(0, ticket, came, 0);
        assert_eq!(world.standing("0ms tenant=acme")[0].left, left, "{says}");
    }
}

#[test]
fn what_was_reserved_is_counted_until_it_is_settled_and_settled_once() {
    let spec = r#"{"limits": [{"requests": 10, "per": "day",
        "cost": {"response_header": "x-cost", "reserve": 6}}]}"#;
    let mut world = World::new(spec);
    let ticket = world.admit("0ms tenant=acme").unwrap().ticket.unwrap();
    assert!(world.admit("0ms tenant=acme").is_err());
    for _ in 0..3 {
        world.answer(0, ticket, Some(("x-cost", "1")));
        world.end(0, ticket, 0, 0);
    }
    assert_eq!(world.standing("0ms tenant=acme")[0].left, 9);
}

#[test]
fn a_refused_request_has_nothing_to_settle() {
    let spec = r#"{"limits": [{"requests": 1, "per": "day", "cost": {"response_bytes": 1}}]}"#;
    let mut world = World::new(spec);
    assert!(world.admit("0ms tenant=acme").unwrap().ticket.is_some());
    assert!(world.admit("0ms tenant=acme").is_err());
    let plain = r#"{"limits": [{"requests": 1, "per": "day"}]}"#;
    assert_eq!(World::new(plain).admit("0ms tenant=acme").unwrap().ticket, None);
}

#[test]
fn credit_is_earned_while_quiet_and_told() {
    let spec = r#"{"limits": [{"requests": 1, "per": "second", "burst": 2, "credit": 10}]}"#;
    World::new(spec).check(&[
        r#"0ms       tenant=acme -> 200 "tenant-second";r=1;t=1;tollgate-credit=0"#,
        r#"0ms       tenant=acme -> 200 "tenant-second";r=0;t=1;tollgate-credit=0"#,
        r#"0ms       tenant=acme -> 429 retry-after=1 "tenant-second";r=0;t=1;tollgate-credit=0"#,
        r#"5000ms    tenant=acme -> 200 "tenant-second";r=4;t=1;tollgate-credit=2"#,
        // A night later it has all that can be saved, and no more.
        r#"40000000ms tenant=acme -> 200 "tenant-second";r=11;t=1;tollgate-credit=9"#,
    ]);
}

#[test]
fn a_tenant_is_lifted_for_a_while() {
    let spec = r#"{
        "tiers": {"basic": {"limits": [{"requests": 2, "per": "minute"}, {"requests": 40, "per": "day"}]}},
        "limits": [{"by": ["tenant", "route"], "requests": 3, "per": "minute"}]
    }"#;
    let mut world = World::new(spec);
    let until = crate::common::at(60_000);
    world.limiter.lift([("acme".into(), Uplift { factor: Scale(5_000_000), until })].into());
    let edits = world.ask("0ms tenant=acme tier=basic").unwrap();
    assert_eq!(
        field(&edits, "ratelimit-policy"),
        "\"basic-minute\";q=10;w=60;tollgate-factor=5, \"basic-day\";q=40;w=86400;tollgate-factor=5, \
         \"tenant-route-minute\";q=15;w=60;tollgate-factor=5",
    );
    world.check(&[
        r#"0ms     tenant=acme tier=basic -> 200 "basic-minute";r=8;t=6"#,
        r#"0ms     tenant=b    tier=basic -> 200 "basic-minute";r=1;t=30"#,
    ]);
    let mut admitted = 0;
    while world.ask("0ms tenant=acme tier=basic").is_ok() {
        admitted += 1;
    }
    assert_eq!(admitted, 8);
    // What was used is used, by the share of the allowance that it was.
    world.check(&[
        r#"60000ms tenant=acme tier=basic -> 200 "basic-minute";r=1;t=30"#,
        r#"60000ms tenant=acme tier=basic -> 200 "basic-minute";r=0;t=30"#,
        r#"60000ms tenant=acme tier=basic -> 429 retry-after=30 "basic-minute";r=0;t=30"#,
    ]);
}

#[test]
fn a_busy_worker_asks_seldom() {
    let spec = r#"{"limits": [
        {"requests": 10000, "per": "second"}, {"by": ["api"], "requests": 20000, "per": "second"},
        {"by": ["tenant", "route"], "requests": 50000000, "per": "month"}
    ]}"#;
    let mut world = World::new(spec);
    for request in 0..1_000 {
        world.ask(&format!("{}ms tenant=acme", request / 10)).unwrap();
    }
    // Three limits, a thousand requests: three thousand of each without leases.
    let Calls { load, store, .. } = world.host.calls;
    assert!(load <= 130 && store <= 130, "{load} loads, {store} stores");
    let calls = world.host.calls;
    world.tick(1_000);
    world.tick(2_000);
    assert!(world.host.calls.store - calls.store <= 3);
    assert_eq!(world.standing("2000ms tenant=acme")[2].left, 49_999_000);
}

#[test]
fn a_worker_that_ends_loses_what_it_held_and_no_more() {
    for (per, lost_at_most) in [("hour", 32), ("month", 2)] {
        let spec = format!(r#"{{"limits": [{{"requests": 10000, "per": "{per}"}}]}}"#);
        let mut world = World::new(&spec);
        for _ in 0..100 {
            world.ask("0ms tenant=acme").unwrap();
        }
        // Nobody closes it: its virtual machine has trapped.
        world.limiter = World::new(&spec).limiter;
        let left = world.standing("0ms tenant=acme")[0].left;
        assert!((9_900 - lost_at_most..=9_900).contains(&left), "{left} of a {per}");
        assert!(world.ask("0ms tenant=acme").is_ok());
    }
}

#[test]
fn a_small_allowance_is_shared_token_by_token() {
    let mut world = World::new(r#"{"limits": [{"requests": 255, "per": "hour"}]}"#);
    for request in 0..255u32 {
        world.ask("0ms tenant=acme").unwrap();
        assert_eq!(world.host.calls.store, request + 1);
    }
    assert!(world.ask("0ms tenant=acme").is_err());
}

#[test]
fn what_is_held_is_not_kept_when_a_window_ends() {
    let spec = r#"{"limits": [{"requests": 200000, "per": "day"}]}"#;
    let mut world = World::new(spec);
    for _ in 0..100 {
        world.ask(&format!("{}ms tenant=acme", MIDNIGHT - 1)).unwrap();
    }
    world.ask(&format!("{MIDNIGHT}ms tenant=acme")).unwrap();
    let left = world.standing(&format!("{MIDNIGHT}ms tenant=acme"))[0].left;
    assert_eq!(left, 199_999);
}

#[test]
fn callers_may_be_told_by_other_fields() {
    let limits = r#""limits": [{"requests": 2, "per": "minute"}]"#;
    for (fields, ietf, x) in [
        ("ietf", true, false),
        ("x_ratelimit", false, true),
        ("both", true, true),
        ("none", false, false),
    ] {
        let mut world =
            World::new(&format!(r#"{{{limits}, "telling": {{"fields": "{fields}"}}}}"#));
        let edits = world.ask("0ms tenant=acme").unwrap();
        let told = |name| edits.iter().any(|edit| &*edit.name == name);
        assert_eq!((told("ratelimit"), told("ratelimit-policy")), (ietf, ietf), "{fields}");
        assert_eq!(told("x-ratelimit-remaining"), x, "{fields}");
        world.ask("0ms tenant=acme").unwrap();
        let reply = world.ask("0ms tenant=acme").unwrap_err();
        let value = |name| reply.headers.iter().find(|(n, _)| *n == name).map(|(_, v)| v.as_str());
        assert_eq!(value("retry-after"), Some("30"), "{fields}");
        let x_values =
            ["x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"].map(value);
        assert_eq!(x_values, if x { [Some("2"), Some("0"), Some("30")] } else { [None; 3] });
    }
}

#[test]
fn those_who_were_refused_are_told_to_come_back_one_by_one() {
    let spec = r#"{"limits": [{"by": ["subject"], "requests": 1, "per": "minute"}],
        "telling": {"retry_after_jitter_seconds": 10}}"#;
    let mut world = World::new(spec);
    let mut told = std::collections::BTreeSet::new();
    for caller in 0..200 {
        world.ask(&format!("0ms sub=s{caller}")).unwrap();
        let reply = world.ask(&format!("0ms sub=s{caller}")).unwrap_err();
        let (_, value) = reply.headers.iter().find(|(name, _)| *name == "retry-after").unwrap();
        told.insert(Duration::from_secs(value.parse().unwrap()).as_secs());
    }
    assert_eq!(told, (60..=70).collect());
}
