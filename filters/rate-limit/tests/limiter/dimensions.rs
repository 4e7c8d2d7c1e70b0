//! What callers must share to be counted together.

use crate::common::World;

fn one_a_minute(by: &str) -> World {
    World::new(&format!(r#"{{"limits": [{{"by": [{by}], "requests": 1, "per": "minute"}}]}}"#))
}

/// Whether each of these requests is admitted, in turn.
fn admitted<const N: usize>(by: &str, requests: [&str; N]) -> [bool; N] {
    let mut world = one_a_minute(by);
    requests.map(|request| world.ask(&format!("0ms {request}")).is_ok())
}

#[test]
fn a_header_counts_each_value_and_its_absence_once() {
    let requests = [
        "tenant=a x-account=1",
        "tenant=b x-account=1",
        "tenant=a x-account=2",
        "tenant=a X-Account=2",
        "tenant=a",
        "tenant=b",
        "tenant=a x-account=3 x-account=4",
    ];
    let by_header = r#"{"header": "X-Account"}"#;
    // The fourth is no header of HTTP/2; the last two are without one that is clear.
    let expected = [true, false, true, true, false, false, false];
    assert_eq!(admitted(by_header, requests), expected);
    let by_both = r#""tenant", {"header": "x-account"}"#;
    let expected = [true, true, true, true, false, true, false];
    assert_eq!(admitted(by_both, requests), expected);
}

#[test]
fn a_claim_counts_each_value_and_its_absence_once() {
    let requests = [
        r#"sub=a claims={"org":{"id":"1"}}"#,
        r#"sub=b claims={"org":{"id":"1"}}"#,
        r#"sub=a claims={"org":{"id":1}}"#,
        r#"sub=a claims={"org":{"id":["1"]}}"#,
        r#"sub=a claims={"org":{}}"#,
        r#"sub=b claims={"org":{"id":null}}"#,
        "sub=c",
        r#"sub=d claims={"org""#,
    ];
    let expected = [true, false, true, true, true, false, false, false];
    assert_eq!(admitted(r#"{"claim": "org.id"}"#, requests), expected);
}

#[test]
fn a_subject_is_one_of_its_issuer_and_tenant() {
    let requests = [
        "tenant=a by=jwt.x sub=ann",
        "tenant=a by=jwt.x sub=ann",
        "tenant=b by=jwt.x sub=ann",
        "tenant=a by=jwt.y sub=ann",
        "ip=192.0.2.1:1",
        "ip=192.0.2.1:2",
    ];
    assert_eq!(admitted(r#""subject""#, requests), [true, false, true, true, true, false]);
}

#[test]
fn an_api_counts_all_its_callers_and_routes() {
    let requests = [
        "tenant=a api=orders route=get",
        "tenant=b api=orders route=put",
        "tenant=a api=users route=get",
    ];
    assert_eq!(admitted(r#""api""#, requests), [true, false, true]);
    let reply = {
        let mut world = one_a_minute(r#""api""#);
        world.ask("0ms tenant=a").unwrap();
        world.ask("0ms tenant=a").unwrap_err()
    };
    assert_eq!(reply.detail, "the limit of 1 request a minute on this API is used up");
}

#[test]
fn by_tenant_unless_something_else_is_said() {
    let mut world = World::new(r#"{"limits": [{"requests": 1, "per": "minute"}]}"#);
    world.check(&[
        r#"0ms tenant=a -> 200 "tenant-minute";r=0;t=60"#,
        r#"0ms tenant=b -> 200 "tenant-minute";r=0;t=60"#,
        r#"0ms tenant=a -> 429 retry-after=60 "tenant-minute";r=0;t=60"#,
    ]);
}

#[test]
fn a_tier_may_limit_the_keys_of_each_tenant() {
    let spec =
        r#"{"tiers": {"t": {"limits": [{"by": ["api_key"], "requests": 1, "per": "minute"}]}}}"#;
    World::new(spec).check(&[
        r#"0ms tenant=a tier=t sub=1 -> 200 "t-tenant-api-key-minute";r=0;t=60"#,
        r#"0ms tenant=a tier=t sub=2 -> 200 "t-tenant-api-key-minute";r=0;t=60"#,
        r#"0ms tenant=b tier=t sub=1 -> 200 "t-tenant-api-key-minute";r=0;t=60"#,
        r#"0ms tenant=a tier=t sub=1 -> 429 retry-after=60 "t-tenant-api-key-minute";r=0;t=60"#,
    ]);
}

#[test]
fn a_tenant_has_its_own_limits_in_place_of_its_tiers() {
    let spec = r#"{
        "tiers": {"basic": {"limits": [{"requests": 1, "per": "minute"}, {"requests": 9, "per": "day"}]}},
        "tenants": {"acme": {"limits": [{"requests": 3, "per": "minute"}]}}
    }"#;
    let mut world = World::new(spec);
    world.check(&[
        r#"0ms tenant=acme tier=basic -> 200 "acme-minute";r=2;t=20"#,
        r#"0ms tenant=acme tier=basic -> 200 "acme-minute";r=1;t=20"#,
        r#"0ms tenant=b    tier=basic -> 200 "basic-minute";r=0;t=60"#,
        r#"0ms tenant=acme            -> 200 "acme-minute";r=0;t=20"#,
        r#"0ms tenant=acme tier=basic -> 429 retry-after=20 "acme-minute";r=0;t=20"#,
    ]);
    let standing = world.standing("0ms tenant=acme tier=basic");
    let standing: Vec<_> =
        standing.iter().map(|one| (&*one.name, one.requests, one.left)).collect();
    assert_eq!(standing, [("basic-day", 9, 7), ("acme-minute", 3, 0)]);
}
