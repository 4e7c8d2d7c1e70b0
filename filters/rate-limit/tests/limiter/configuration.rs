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
#[expect(clippy::too_many_lines, reason = "it is as long as there are ways to be wrong")]
fn configuration_errors_name_the_field() {
    let many = vec![r#"{"by": ["ip"], "requests": 1, "per": "hour"}"#; 17].join(", ");
    for (config, expected) in [
        (
            limit(r#""by": [], "requests": 1, "per": "hour""#),
            "limits[1].by: is empty; name at least one of tenant, api_key, subject, ip, route, api, \
             { header: NAME } and { claim: PATH }",
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
            limit(r#""by": ["ip"], "requests": 1, "per": "year""#),
            "limits[1].per: unknown variant `year`, expected one of `second`, `minute`, `hour`, \
             `day`, `month`, `total` at line 1 column 107",
        ),
        (
            limit(r#""by": [{"header": "x y"}], "requests": 1, "per": "hour""#),
            "limits[1].by[0].header: \"x y\" is not the name of a header; write one such as x-account",
        ),
        (
            limit(r#""by": ["ip", {"header": "X-Tollgate-Tenant"}], "requests": 1, "per": "hour""#),
            "limits[1].by[1].header: \"X-Tollgate-Tenant\" is for the gateway itself to write, and \
             taken out of requests; count by who is calling, or by another header",
        ),
        (
            limit(r#""by": [{"header": "x-a"}, {"header": "X-A"}], "requests": 1, "per": "hour""#),
            "limits[1].by[1]: header X-A stands there twice; name it once",
        ),
        (
            limit(r#""by": [{"claim": "org..id"}], "requests": 1, "per": "hour""#),
            "limits[1].by[0].claim: \"org..id\" has an empty name in it; write names with dots \
             between them, and `\\.` for a dot in a name",
        ),
        (
            limit(r#""requests": 1000000000000000, "per": "month""#),
            "limits[1].requests: 1000000000000000 is more than 999999999999999; leave the limit out",
        ),
        (
            limit(r#""requests": 5, "per": "day", "burst": 5"#),
            "limits[1].burst: all that a day has may arrive at once; remove it",
        ),
        (
            limit(r#""requests": 5, "per": "month", "credit": 5"#),
            "limits[1].credit: nothing refills in a month that could be saved; remove it",
        ),
        (
            limit(r#""requests": 5, "per": "minute", "credit": 0"#),
            "limits[1].credit: 0 is not at least 1; leave it out, and nothing is saved",
        ),
        (
            limit(r#""requests": 1, "per": "hour", "credit": 744"#),
            "limits[1].credit: 744 with the burst take more than 31 days to refill; write 743 at most",
        ),
        (
            limit(r#""requests": 5, "per": "day", "time_zone": "Mars/Olympus""#),
            "limits[1].time_zone: \"Mars/Olympus\" is not in the list of time zones; write a name \
             such as Europe/Berlin",
        ),
        (
            limit(r#""requests": 5, "per": "hour", "time_zone": "UTC""#),
            "limits[1].time_zone: an hour begins with no clock; remove it, or limit by day or month",
        ),
        (
            limit(r#""requests": 5, "per": "total", "time_zone": "UTC""#),
            "limits[1].time_zone: all time begins with no clock; remove it, or limit by day or month",
        ),
        (
            limit(r#""requests": 5, "per": "hour", "cost": 0"#),
            "limits[1].cost: 0 is not between 1 and what the limit holds (5)",
        ),
        (
            limit(r#""requests": 5, "per": "hour", "burst": 4, "cost": 5"#),
            "limits[1].cost: 5 is not between 1 and what the limit holds (4)",
        ),
        (
            limit(r#""requests": 5, "per": "hour", "cost": -1"#),
            "limits[1].cost: expected a number, or a mapping that says where it stands \
             at line 1 column 106",
        ),
        (
            limit(r#""requests": 5, "per": "hour", "cost": {}"#),
            "limits[1].cost: says not where it stands; write a number, or one of header, expression, \
             request_bytes, response_bytes and response_header",
        ),
        (
            limit(r#""requests": 5, "per": "hour", "cost": {"header": "x", "response_bytes": 1}"#),
            "limits[1].cost.response_bytes: header says what a request costs already; write one of \
             them",
        ),
        (
            limit(r#""requests": 5, "per": "hour", "cost": {"header": "x:y"}"#),
            "limits[1].cost.header: \"x:y\" is not the name of a header; write one such as x-cost",
        ),
        (
            limit(r#""requests": 5, "per": "hour", "cost": {"request_bytes": 0}"#),
            "limits[1].cost.request_bytes: 0 is not between 1 and 1000000000",
        ),
        (
            limit(r#""requests": 5, "per": "hour", "cost": {"response_bytes": 1, "reserve": 6}"#),
            "limits[1].cost.reserve: 6 is not between 1 and what the limit holds (5)",
        ),
        (
            limit(r#""requests": 5, "per": "hour", "cost": {"header": "x", "reserve": 1}"#),
            "limits[1].cost.reserve: nothing is told later; remove it, or let the response tell the \
             cost",
        ),
        (
            limit(r#""requests": 5, "per": "hour", "cost": {"expression": "1"}"#),
            "limits[1].cost.expression: this module works out no expressions; let a header tell the \
             cost, or use the gateway module",
        ),
        (
            r#"{"tenants": {"a": {"limits": [{"requests": 0, "per": "hour"}]}}}"#.to_owned(),
            "tenants.a.limits[0].requests: 0 is not at least 1; use `allow` to keep callers out",
        ),
        (
            r#"{"tiers": {"a": {"limits": [{"requests": 1, "per": "hour", "cost": {"expression": "1"}}]}}}"#
                .to_owned(),
            "tiers.a.limits[0].cost.expression: is worked out on routes and APIs only; write the \
             limit there, or let a header tell the cost",
        ),
        (
            r#"{"limit": []}"#.to_owned(),
            "limit: unknown field `limit`, expected one of `limits`, `tiers`, `tenants`, `telling` at line 1 column 8",
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
        r#""requests": 999999999999999, "per": "total""#,
        r#""requests": 5, "per": "day", "time_zone": "Europe/Berlin""#,
        r#""requests": 1, "per": "hour", "credit": 743"#,
        r#""requests": 5, "per": "hour", "cost": 5"#,
        r#""requests": 5, "per": "hour", "cost": {"response_header": "x-cost", "reserve": 5}"#,
        r#""by": [{"claim": "org.id"}, {"header": "x-account"}, "subject", "api"], "requests": 5, "per": "hour""#,
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
        _ => panic!("a limiter asks nobody"),
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
