//! Which limits are refused, in which words.

#![allow(clippy::panic, reason = "a test that cannot be set up has failed")]

use tollgate_core::testing::MemoryHost;
use tollgate_core::{
    Edits, Filter, Headers, Principal, Reply, RequestHead, Seed, Timestamp, Verdict, property,
};
use tollgate_rate_limit::RateLimitFilter;

const SEED: Seed = Seed([7; 16]);

fn parse(config: &str) -> Result<RateLimitFilter, String> {
    tollgate_core::parse(config.as_bytes(), SEED).map_err(|fault| fault.to_string())
}

fn limit(fields: &str) -> String {
    format!(r#"{{"limits": [{{"by": ["tenant"], "requests": 9, "per": "second"}}, {{{fields}}}]}}"#)
}

#[test]
fn configuration_errors_name_the_field() {
    let many = vec![r#"{"by": ["ip"], "requests": 1, "per": "hour"}"#; 17].join(", ");
    for (config, expected) in [
        (
            limit(r#""by": [], "requests": 1, "per": "hour""#),
            "limits[1].by: is empty; name at least one of tenant, api_key, ip, route",
        ),
        (
            limit(r#""by": ["ip", "api_key", "api_key"], "requests": 1, "per": "hour""#),
            "limits[1].by[2]: api_key stands there twice; name it once",
        ),
        (
            limit(r#""by": ["ip"], "requests": 0, "per": "hour""#),
            "limits[1].requests: 0 is not at least 1; use `allow` to keep callers out",
        ),
        (
            limit(r#""by": ["ip"], "requests": 1000001, "per": "second""#),
            "limits[1].requests: 1000001 a second is more than 1000000 a second; leave the limit out",
        ),
        (
            limit(r#""by": ["ip"], "requests": 60000001, "per": "minute""#),
            "limits[1].requests: 60000001 a minute is more than 1000000 a second; leave the limit out",
        ),
        (
            limit(r#""by": ["ip"], "requests": 5, "per": "second", "burst": 0"#),
            "limits[1].burst: 0 is not between 1 and 10 times requests (50)",
        ),
        (
            limit(r#""by": ["ip"], "requests": 5, "per": "second", "burst": 51"#),
            "limits[1].burst: 51 is not between 1 and 10 times requests (50)",
        ),
        (
            limit(r#""by": ["tenant"], "requests": 5, "per": "second""#),
            "limits[1]: [0] counts by the same over a second too; keep one of them",
        ),
        (
            r#"{"limits": [
                {"by": ["ip", "route"], "requests": 5, "per": "hour"},
                {"by": ["ip"], "requests": 5, "per": "hour"},
                {"by": ["route", "ip"], "requests": 9, "per": "hour"}
            ]}"#
            .to_owned(),
            "limits[2]: [0] counts by the same over an hour too; keep one of them",
        ),
        (
            format!(r#"{{"limits": [{many}]}}"#),
            "limits: 17 limits are more than 16; drop those that another one implies",
        ),
        (
            r#"{"tiers": {"basic": {"limits": [{"requests": 0, "per": "hour"}]}}}"#.to_owned(),
            "tiers.basic.limits[0].requests: 0 is not at least 1; use `allow` to keep callers out",
        ),
        (
            limit(r#""by": ["ip"], "requests": 1, "per": "day""#),
            "limits[1].per: unknown variant `day`, expected one of `second`, `minute`, `hour` \
             at line 1 column 106",
        ),
        (
            r#"{"limit": []}"#.to_owned(),
            "limit: unknown field `limit`, expected `limits` or `tiers` at line 1 column 8",
        ),
    ] {
        assert_eq!(parse(&config).unwrap_err(), expected, "{config}");
    }
}

#[test]
fn values_at_their_bounds_are_accepted() {
    for fields in [
        r#""by": ["ip"], "requests": 1000000, "per": "second""#,
        r#""by": ["ip"], "requests": 3600000000, "per": "hour""#,
        r#""by": ["ip"], "requests": 5, "per": "second", "burst": 1"#,
        r#""by": ["ip"], "requests": 5, "per": "second", "burst": 50"#,
        r#""by": ["tenant", "api_key", "ip", "route"], "requests": 1, "per": "second""#,
        r#""by": ["tenant"], "requests": 9, "per": "minute""#,
    ] {
        parse(&limit(fields)).unwrap();
    }
}

/// One request of a tenant, as a module of its own sees it.
fn ask(filter: &mut RateLimitFilter, host: &mut MemoryHost) -> Result<Edits, Reply> {
    let headers = Headers::default();
    let mut cx = host.at(Timestamp::from_seconds(1_700_000_000));
    match filter.on_request(&RequestHead { headers: &headers }, &mut cx) {
        Verdict::Continue(edits) => Ok(edits),
        Verdict::Reply(reply) => Err(reply),
        Verdict::Wait(_) | Verdict::Body { .. } => panic!("a limiter asks nobody"),
    }
}

#[test]
fn the_module_counts_whom_the_auth_module_recognised() {
    let config = r#"{"tiers": {"basic": {"limits": [{"requests": 1, "per": "hour"}]}}}"#;
    let mut filter = parse(config).unwrap();
    let principal = Principal {
        method: "api_key".into(),
        subject: "key-1".into(),
        tenant: Some("acme".into()),
        tier: Some("basic".into()),
        ..Principal::default()
    };
    let mut host = MemoryHost::default().with_property(property::PRINCIPAL, principal.to_json());
    filter.prepare(&mut host);
    let admitted = ask(&mut filter, &mut host).unwrap();
    assert_eq!((admitted.request.len(), admitted.response.len()), (0, 2));
    assert_eq!(ask(&mut filter, &mut host).unwrap_err().problem.name, "rate-limited");
}

#[test]
fn the_module_refuses_a_principal_that_it_cannot_read() {
    let mut filter = parse("{}").unwrap();
    let mut host = MemoryHost::default().with_property(property::PRINCIPAL, "acme");
    assert_eq!(ask(&mut filter, &mut host).unwrap_err().problem.name, "malformed-principal");
}

#[test]
fn the_module_tells_routes_apart_by_their_names_in_envoy() {
    let config = r#"{"limits": [{"by": ["route"], "requests": 1, "per": "hour"}]}"#;
    let mut filter = parse(config).unwrap();
    let mut host = MemoryHost::default();
    filter.prepare(&mut host);
    let statuses = ["get", "get", "put", ""].map(|route| {
        host.properties.insert(property::ROUTE_NAME.to_vec(), route.into());
        ask(&mut filter, &mut host).map_or_else(|reply| reply.problem.status, |_| 200)
    });
    assert_eq!(statuses, [200, 429, 200, 503]);
}
