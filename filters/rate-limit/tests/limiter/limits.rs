//! What limits do, request by request.

use crate::common::{START, World, field};
use tollgate_core::testing::Calls;

/// Ten requests a minute by one dimension.
fn ten_a_minute(by: &str) -> World {
    World::new(&format!(r#"{{"limits": [{{"by": [{by}], "requests": 10, "per": "minute"}}]}}"#))
}

/// One request a minute by some dimensions.
fn one_a_minute(by: &str) -> World {
    World::new(&format!(r#"{{"limits": [{{"by": [{by}], "requests": 1, "per": "minute"}}]}}"#))
}

const TIER_AND_ROUTE: &str = r#"{
    "tiers": {"basic": {"limits": [{"requests": 3, "per": "minute"}]}},
    "limits": [{"by": ["tenant", "route"], "requests": 1, "per": "second"}]
}"#;

#[test]
fn burst_is_admitted_at_once_then_one_per_interval() {
    let spec = r#"{"limits": [{"by": ["tenant"], "requests": 60, "per": "minute", "burst": 3}]}"#;
    World::new(spec).check(&[
        r#"0ms    tenant=acme -> 200 "tenant-minute";r=2;t=1"#,
        r#"0ms    tenant=acme -> 200 "tenant-minute";r=1;t=1"#,
        r#"0ms    tenant=acme -> 200 "tenant-minute";r=0;t=1"#,
        r#"0ms    tenant=acme -> 429 retry-after=1 "tenant-minute";r=0;t=1"#,
        r#"999ms  tenant=acme -> 429 retry-after=1 "tenant-minute";r=0;t=1"#,
        r#"1000ms tenant=acme -> 200 "tenant-minute";r=0;t=1"#,
        r#"1000ms tenant=acme -> 429 retry-after=1 "tenant-minute";r=0;t=1"#,
        r#"9000ms tenant=acme -> 200 "tenant-minute";r=2;t=1"#,
    ]);
}

#[test]
fn whoever_waits_as_told_is_admitted() {
    let mut world = ten_a_minute(r#""tenant""#);
    for _ in 0..10 {
        world.ask("250ms tenant=acme").unwrap();
    }
    world.check(&[
        r#"250ms  tenant=acme -> 429 retry-after=6 "tenant-minute";r=0;t=6"#,
        r#"300ms  tenant=acme -> 429 retry-after=6 "tenant-minute";r=0;t=6"#,
        r#"6249ms tenant=acme -> 429 retry-after=1 "tenant-minute";r=0;t=1"#,
        r#"6300ms tenant=acme -> 200 "tenant-minute";r=0;t=6"#,
    ]);
}

#[test]
fn burst_may_be_larger_than_the_period_has_requests() {
    let spec = r#"{"limits": [{"by": ["tenant"], "requests": 1, "per": "hour", "burst": 10}]}"#;
    World::new(spec).check(&[r#"0ms tenant=acme -> 200 "tenant-hour";r=9;t=3600"#]);
}

#[test]
fn tenants_are_counted_apart_and_their_keys_together() {
    one_a_minute(r#""tenant""#).check(&[
        r#"0ms tenant=acme  sub=key-1          -> 200 "tenant-minute";r=0;t=60"#,
        r#"0ms tenant=acme  sub=key-2          -> 429 retry-after=60 "tenant-minute";r=0;t=60"#,
        r#"0ms tenant=acme  by=jwt.id sub=ann  -> 429 retry-after=60 "tenant-minute";r=0;t=60"#,
        r#"0ms tenant=other sub=key-1          -> 200 "tenant-minute";r=0;t=60"#,
    ]);
}

#[test]
fn a_caller_without_tenant_is_a_tenant_of_its_own() {
    one_a_minute(r#""tenant""#).check(&[
        r#"0ms by=jwt.id    sub=ann -> 200 "tenant-minute";r=0;t=60"#,
        r#"0ms by=jwt.id    sub=ann -> 429 retry-after=60 "tenant-minute";r=0;t=60"#,
        r#"0ms by=jwt.id    sub=bob -> 200 "tenant-minute";r=0;t=60"#,
        r#"0ms by=jwt.other sub=ann -> 200 "tenant-minute";r=0;t=60"#,
        r#"0ms tenant=ann           -> 200 "tenant-minute";r=0;t=60"#,
    ]);
}

#[test]
fn a_caller_that_nobody_knows_is_counted_by_its_address() {
    for by in [r#""tenant""#, r#""api_key""#, r#""ip""#] {
        let mut world = one_a_minute(by);
        let mut status =
            |line| crate::common::shown(&world.ask(line)).chars().take(3).collect::<String>();
        assert_eq!(status("0ms ip=192.0.2.1:50000"), "200", "{by}");
        assert_eq!(status("0ms ip=192.0.2.1:50001"), "429", "{by}");
        assert_eq!(status("0ms ip=192.0.2.2:50000"), "200", "{by}");
    }
}

#[test]
fn keys_are_counted_apart() {
    one_a_minute(r#""api_key""#).check(&[
        r#"0ms tenant=acme  sub=key-1             -> 200 "api-key-minute";r=0;t=60"#,
        r#"0ms tenant=acme  sub=key-1             -> 429 retry-after=60 "api-key-minute";r=0;t=60"#,
        r#"0ms tenant=acme  sub=key-2             -> 200 "api-key-minute";r=0;t=60"#,
        r#"0ms tenant=other sub=key-1             -> 200 "api-key-minute";r=0;t=60"#,
        r#"0ms tenant=acme  sub=key-1 by=jwt.id   -> 200 "api-key-minute";r=0;t=60"#,
    ]);
}

#[test]
fn addresses_are_counted_by_what_one_caller_can_have() {
    one_a_minute(r#""ip""#).check(&[
        r#"0ms tenant=acme ip=192.0.2.1:50000          -> 200 "ip-minute";r=0;t=60"#,
        r#"0ms tenant=b    ip=192.0.2.1:50001          -> 429 retry-after=60 "ip-minute";r=0;t=60"#,
        r#"0ms tenant=acme ip=[::ffff:192.0.2.1]:50000 -> 429 retry-after=60 "ip-minute";r=0;t=60"#,
        r#"0ms tenant=acme ip=[2001:db8:1:2::1]:50000  -> 200 "ip-minute";r=0;t=60"#,
        r#"0ms tenant=acme ip=[2001:db8:1:2:f::]:50000 -> 429 retry-after=60 "ip-minute";r=0;t=60"#,
        r#"0ms tenant=acme ip=[2001:db8:1:3::1]:50000  -> 200 "ip-minute";r=0;t=60"#,
    ]);
}

#[test]
fn callers_without_an_address_are_refused_not_lumped_together() {
    for by in [r#""ip""#, r#""tenant""#, r#""api_key", "route""#] {
        let mut world = one_a_minute(by);
        for who in ["", " ip=/run/caller.sock"] {
            let reply = world.ask(&format!("0ms{who}")).unwrap_err();
            assert_eq!(reply.problem.name, "counters-unavailable", "{by}{who}");
            assert_eq!(
                reply.detail,
                "a limit counts by the caller's address, which is not known of this request",
            );
        }
    }
}

#[test]
fn routes_without_a_name_are_refused_not_lumped_together() {
    let reply = one_a_minute(r#""route""#).ask("0ms tenant=acme route=").unwrap_err();
    assert_eq!(reply.problem.name, "counters-unavailable");
    assert_eq!(reply.detail, "a limit counts by the route, which is not known of this request",);
}

#[test]
fn routes_of_one_api_share_what_does_not_name_the_route() {
    one_a_minute(r#""tenant""#).check(&[
        r#"0ms tenant=acme api=orders route=get  -> 200 "tenant-minute";r=0;t=60"#,
        r#"0ms tenant=acme api=orders route=put  -> 429 retry-after=60 "tenant-minute";r=0;t=60"#,
        r#"0ms tenant=acme api=users  route=get  -> 200 "tenant-minute";r=0;t=60"#,
    ]);
}

#[test]
fn a_route_alone_counts_everybody_together() {
    one_a_minute(r#""route""#).check(&[
        r#"0ms tenant=acme  api=orders route=get -> 200 "route-minute";r=0;t=60"#,
        r#"0ms tenant=other api=orders route=get -> 429 retry-after=60 "route-minute";r=0;t=60"#,
        r#"0ms tenant=acme  api=orders route=put -> 200 "route-minute";r=0;t=60"#,
        r#"0ms tenant=acme  api=users  route=get -> 200 "route-minute";r=0;t=60"#,
    ]);
}

#[test]
fn dimensions_combine() {
    one_a_minute(r#""route", "tenant", "ip""#).check(&[
        r#"0ms tenant=a ip=192.0.2.1:1 route=get -> 200 "tenant-ip-route-minute";r=0;t=60"#,
        r#"0ms tenant=a ip=192.0.2.1:2 route=get -> 429 retry-after=60 "tenant-ip-route-minute";r=0;t=60"#,
        r#"0ms tenant=b ip=192.0.2.1:1 route=get -> 200 "tenant-ip-route-minute";r=0;t=60"#,
        r#"0ms tenant=a ip=192.0.2.2:1 route=get -> 200 "tenant-ip-route-minute";r=0;t=60"#,
        r#"0ms tenant=a ip=192.0.2.1:1 route=put -> 200 "tenant-ip-route-minute";r=0;t=60"#,
    ]);
}

#[test]
fn a_tier_limits_each_of_its_tenants_over_all_routes() {
    World::new(r#"{"tiers": {"basic": {"limits": [{"requests": 2, "per": "minute"}]}}}"#).check(&[
        r#"0ms tenant=acme  tier=basic api=orders route=get -> 200 "basic-minute";r=1;t=30"#,
        r#"0ms tenant=acme  tier=basic api=users  route=put -> 200 "basic-minute";r=0;t=30"#,
        r#"0ms tenant=acme  tier=basic api=orders route=put -> 429 retry-after=30 "basic-minute";r=0;t=30"#,
        r#"0ms tenant=other tier=basic                      -> 200 "basic-minute";r=1;t=30"#,
        r#"0ms sub=ann      tier=basic                      -> 200 "basic-minute";r=1;t=30"#,
        "0ms tenant=acme                                    -> 200",
        "0ms tenant=acme  tier=unheard-of                   -> 200",
        "0ms                                                -> 200",
    ]);
}

#[test]
fn tiers_of_equal_numbers_are_counted_apart() {
    let spec = r#"{"tiers": {
        "a": {"limits": [{"requests": 1, "per": "minute"}]},
        "b": {"limits": [{"requests": 1, "per": "minute"}]}
    }}"#;
    World::new(spec).check(&[
        r#"0ms tenant=acme tier=a -> 200 "a-minute";r=0;t=60"#,
        r#"0ms tenant=acme tier=b -> 200 "b-minute";r=0;t=60"#,
    ]);
}

#[test]
fn a_request_meets_all_limits_and_the_tightest_answers() {
    World::new(TIER_AND_ROUTE).check(&[
        r#"0ms    tenant=acme tier=basic -> 200 "tenant-route-second";r=0;t=1"#,
        r#"0ms    tenant=acme tier=basic -> 429 retry-after=1 "tenant-route-second";r=0;t=1"#,
        r#"1000ms tenant=acme tier=basic -> 200 "tenant-route-second";r=0;t=1"#,
        r#"2000ms tenant=acme tier=basic -> 200 "basic-minute";r=0;t=18"#,
        // Both refuse; the tier's wait is the longer one.
        r#"2000ms tenant=acme tier=basic -> 429 retry-after=18 "basic-minute";r=0;t=18"#,
    ]);
}

#[test]
fn what_one_limit_refuses_costs_nothing_in_the_others() {
    let mut world = World::new(TIER_AND_ROUTE);
    world.ask("0ms tenant=acme tier=basic route=get").unwrap();
    for _ in 0..100 {
        world.ask("0ms tenant=acme tier=basic route=get").unwrap_err();
    }
    world.check(&[
        r#"0ms tenant=acme tier=basic route=put    -> 200 "tenant-route-second";r=0;t=1"#,
        r#"0ms tenant=acme tier=basic route=delete -> 200 "basic-minute";r=0;t=20"#,
    ]);
}

#[test]
fn what_is_refused_is_not_written() {
    let mut world = World::new(TIER_AND_ROUTE);
    world.ask("0ms tenant=acme tier=basic").unwrap();
    let before = world.host.shared.clone();
    world.ask("0ms tenant=acme tier=basic").unwrap_err();
    assert_eq!(world.host.shared, before);
}

#[test]
fn an_admitted_request_costs_one_load_and_one_store_a_limit() {
    let mut world = World::new(TIER_AND_ROUTE);
    world.ask("0ms tenant=acme tier=basic").unwrap();
    assert_eq!(world.host.calls, Calls { load: 2, store: 2, ..Calls::default() });
    world.ask("0ms tenant=acme tier=basic").unwrap_err();
    assert_eq!(world.host.calls, Calls { load: 4, store: 2, ..Calls::default() });
}

#[test]
fn the_address_is_asked_for_once_and_only_when_it_counts() {
    let spec = r#"{"limits": [
        {"by": ["ip"], "requests": 9, "per": "minute"},
        {"by": ["ip", "route"], "requests": 9, "per": "minute"}
    ]}"#;
    let mut world = World::new(spec);
    world.ask("0ms tenant=acme ip=192.0.2.1:50000").unwrap();
    assert_eq!(world.host.calls.property, 1);
    let mut world = one_a_minute(r#""tenant""#);
    world.ask("0ms tenant=acme ip=192.0.2.1:50000").unwrap();
    assert_eq!(world.host.calls.property, 0);
}

#[test]
fn without_limits_nothing_is_asked_and_nothing_is_told() {
    let mut world = World::new("{}");
    assert_eq!(world.ask("0ms tenant=acme tier=basic"), Ok(Vec::new()));
    assert_eq!(world.host.calls, Calls::default());
}

#[test]
fn clock_set_back_admits_no_extra() {
    World::new(r#"{"limits": [{"by": ["tenant"], "requests": 30, "per": "minute", "burst": 1}]}"#)
        .check(&[
            r#"9000ms tenant=acme -> 200 "tenant-minute";r=0;t=2"#,
            r#"8000ms tenant=acme -> 429 retry-after=2 "tenant-minute";r=0;t=2"#,
            r#"9999ms tenant=acme -> 429 retry-after=1 "tenant-minute";r=0;t=1"#,
            r#"10000ms tenant=acme -> 200 "tenant-minute";r=0;t=2"#,
        ]);
}

#[test]
fn clock_set_back_by_a_day_locks_nobody_out() {
    let mut world = ten_a_minute(r#""tenant""#);
    for _ in 0..10 {
        world.ask("86400000ms tenant=acme").unwrap();
    }
    world.check(&[
        r#"0ms    tenant=acme -> 429 retry-after=6 "tenant-minute";r=0;t=6"#,
        r#"3000ms tenant=acme -> 429 retry-after=3 "tenant-minute";r=0;t=3"#,
        r#"6000ms tenant=acme -> 200 "tenant-minute";r=0;t=6"#,
        r#"6000ms tenant=acme -> 429 retry-after=6 "tenant-minute";r=0;t=6"#,
    ]);
}

#[test]
fn answers_name_the_limits_and_what_is_left() {
    let mut world = World::new(
        r#"{
            "tiers": {"basic": {"limits": [{"requests": 3, "per": "minute"}]}},
            "limits": [{"by": ["tenant", "route"], "requests": 1, "per": "second", "burst": 2}]
        }"#,
    );
    let edits = world.ask("0ms tenant=acme tier=basic").unwrap();
    let policies = r#""basic-minute";q=3;w=60, "tenant-route-second";q=1;w=1"#;
    assert_eq!(field(&edits, "ratelimit-policy"), policies);
    assert_eq!(field(&edits, "ratelimit"), r#""tenant-route-second";r=1;t=1"#);
    assert_eq!(edits.len(), 2);

    world.ask("0ms tenant=acme tier=basic").unwrap();
    let reply = world.ask("0ms tenant=acme tier=basic").unwrap_err();
    assert_eq!((reply.problem.status, reply.problem.name), (429, "rate-limited"));
    assert_eq!(reply.problem.title, "Too many requests");
    assert_eq!(
        reply.headers,
        [
            ("retry-after", "1".to_owned()),
            ("ratelimit-policy", policies.to_owned()),
            ("ratelimit", r#""tenant-route-second";r=0;t=1"#.to_owned()),
        ],
    );
}

#[test]
fn refusals_say_which_limit_is_used_up() {
    for (limit, detail) in [
        (
            r#""by": ["tenant"], "requests": 1, "per": "minute""#,
            "1 request a minute for the tenant",
        ),
        (r#""by": ["api_key"], "requests": 1, "per": "hour""#, "1 request an hour for the API key"),
        (r#""by": ["ip"], "requests": 1, "per": "second""#, "1 request a second for the address"),
        (r#""by": ["route"], "requests": 1, "per": "second""#, "1 request a second on this route"),
        (
            r#""by": ["route", "ip", "tenant"], "requests": 10, "burst": 1, "per": "minute""#,
            "10 requests a minute for the tenant and the address on this route",
        ),
    ] {
        let mut world = World::new(&format!(r#"{{"limits": [{{{limit}}}]}}"#));
        let request = "0ms tenant=acme ip=192.0.2.1:50000";
        world.ask(request).unwrap();
        let reply = world.ask(request).unwrap_err();
        assert_eq!(reply.detail, format!("the limit of {detail} is used up"), "{limit}");
    }
    let mut world = World::new(TIER_AND_ROUTE);
    for route in ["a", "b", "c"] {
        world.ask(&format!("0ms tenant=acme tier=basic route={route}")).unwrap();
    }
    let reply = world.ask("0ms tenant=acme tier=basic route=d").unwrap_err();
    assert_eq!(
        reply.detail,
        "the limit of 3 requests a minute for the tenant in tier basic is used up",
    );
}

/// Whoever did not have to prove who it is shares no allowance with others, not
/// even the tier's.
#[test]
fn nobody_in_particular_is_counted_by_address() {
    let tier = r#"{"tiers": {"free": {"limits": [{"requests": 1, "per": "hour"}]}}}"#;
    let limit = r#"{"limits": [{"by": ["tenant"], "requests": 1, "per": "hour"}]}"#;
    for spec in [tier, limit] {
        let mut world = World::new(spec);
        let mut ask = |ip: &str| world.ask(&format!("0ms by=anonymous sub= tier=free ip={ip}:1"));
        assert!(ask("192.0.2.1").is_ok(), "{spec}");
        assert!(ask("192.0.2.1").is_err(), "{spec}");
        assert!(ask("192.0.2.2").is_ok(), "{spec}");
    }
}

#[test]
fn names_of_tiers_make_valid_fields() {
    let spec = r#"{"tiers": {"a\"b\\c\u00e9 d": {"limits": [{"requests": 1, "per": "hour"}]}}}"#;
    let mut world = World::new(spec);
    let mut principal = tollgate_core::Principal {
        method: "api_key".into(),
        subject: "key-1".into(),
        tenant: None,
        tier: Some("a\"b\\c\u{e9} d".into()),
        ..tollgate_core::Principal::default()
    };
    principal.tenant = Some("acme".into());
    let headers = tollgate_core::Headers::default();
    let caller = tollgate_rate_limit::Caller {
        api: "",
        route: "",
        principal: Some(&principal),
        headers: &headers,
    };
    let World { host, limiter, limits } = &mut world;
    let admitted =
        limiter.check(&[crate::common::applied(limits)], &caller, &mut host.at(START)).unwrap();
    assert_eq!(field(&admitted.response, "ratelimit-policy"), r#""a_b_c_ d-hour";q=1;w=3600"#);
}
