//! Listeners, backends, tiers and tenants.

use expect_test::expect;

use crate::{check, check_route, faults, good_but};

#[test]
fn listeners() {
    check(
        "listeners",
        "listeners: {}",
        &expect![[r#"
        t.yaml:1: listeners: there is none; write one, such as `public: { address: 127.0.0.1:8080 }`
    "#]],
    );
    check(
        "listeners",
        "listeners: { a: { address: localhost:80 }, b: { address: 127.0.0.1 } }",
        &expect![[r#"
            t.yaml:1: listeners.a.address: "localhost:80" is not an IP address and a port; write both, such as 127.0.0.1:8080
            t.yaml:1: listeners.b.address: "127.0.0.1" is not an IP address and a port; write both, such as 127.0.0.1:8080
        "#]],
    );
    check(
        "listeners",
        "listeners: { a: { address: 127.0.0.1:0 }, b: { address: 127.0.0.1:70000 } }",
        &expect![[r#"
            t.yaml:1: listeners.a.address: port 0 is none in particular; write one from 1 to 65535
            t.yaml:1: listeners.b.address: "127.0.0.1:70000" is not an IP address and a port; write both, such as 127.0.0.1:8080
        "#]],
    );
    check(
        "listeners",
        "listeners:\n  a: { address: 127.0.0.1:80 }\n  b: { address: 127.0.0.1:80 }",
        &expect![[r#"
            t.yaml:3: listeners.b.address: 127.0.0.1:80 is the address of listeners.a (t.yaml:2) too; choose another port
        "#]],
    );
    check(
        "listeners",
        "listeners: { a: { address: \"[::]:80\" }, b: { address: 0.0.0.0:80 } }",
        &expect![[r#"
            ok
        "#]],
    );
}

#[test]
fn backends() {
    check(
        "backends",
        "backends: { orders: { endpoints: [127.0.0.1, a:b, a:0, -a:1, 10.0.0.256:1, a:1, a:1] } }",
        &expect![[r#"
            t.yaml:1: backends.orders.endpoints[0]: "127.0.0.1" has no port; write host and port, such as 10.0.0.1:9000
            t.yaml:1: backends.orders.endpoints[1]: "b" is not a port; write a number from 1 to 65535
            t.yaml:1: backends.orders.endpoints[2]: "0" is not a port; write a number from 1 to 65535
            t.yaml:1: backends.orders.endpoints[3]: "-a" is neither an IP address nor a host name; write one of them before the port
            t.yaml:1: backends.orders.endpoints[4]: "10.0.0.256" is neither an IP address nor a host name; write one of them before the port
            t.yaml:1: backends.orders.endpoints[6]: "a:1" is written twice; take one of them out
        "#]],
    );
    check(
        "backends",
        "backends: { orders: { endpoints: [\"[::1]:80\", \"[::1:80\", \"::1:80\"] } }",
        &expect![[r#"
            t.yaml:1: backends.orders.endpoints[1]: "[::1" is neither an IP address nor a host name; write one of them before the port
            t.yaml:1: backends.orders.endpoints[2]: "::1" is neither an IP address nor a host name; write one of them before the port
        "#]],
    );
    check(
        "backends",
        "backends: { orders: { endpoints: [] } }",
        &expect![[r#"
        t.yaml:1: backends.orders.endpoints: the list is empty; write at least one entry
    "#]],
    );
    check(
        "backends",
        "backends: { orders: { endpoints: [a:1], timeout: 5x } }",
        &expect![[r#"
        t.yaml:1: backends.orders.timeout: "5x" is not a duration; write digits and ms, s, m or h, such as 30s
    "#]],
    );
    check(
        "backends",
        "backends: { orders: { endpoints: [a:1], timeout: 0s } }",
        &expect![[r#"
        t.yaml:1: backends.orders.timeout: 0s is not between 1ms and 1h
    "#]],
    );
    check(
        "backends",
        "backends: { orders: { endpoints: [a:1], timeout: 61m } }",
        &expect![[r#"
        t.yaml:1: backends.orders.timeout: 61m is not between 1ms and 1h
    "#]],
    );
    check(
        "backends",
        "backends: { orders: { endpoints: [a:1], timeout: 1h, health: { path: /, interval: 1s, timeout: 1s } } }",
        &expect![[r#"
            ok
        "#]],
    );
    check(
        "backends",
        "backends: { orders: { endpoints: [a:1], health: { path: healthz, interval: 999ms, timeout: 0ms } } }",
        &expect![[r#"
            t.yaml:1: backends.orders.health.interval: 999ms is not between 1s and 1h
            t.yaml:1: backends.orders.health.path: "healthz" is not a path; write one that begins with a slash, such as /healthz
            t.yaml:1: backends.orders.health.timeout: 0ms is not between 1ms and 1h
        "#]],
    );
    check(
        "backends",
        "backends: { orders: { endpoints: [a:1], health: { path: /, interval: 1s } } }",
        &expect![[r#"
            t.yaml:1: backends.orders.health: 2s is longer than the interval, 1s; write at most that
        "#]],
    );
    check(
        "backends",
        "backends: { orders: { endpoints: [a:1], health: { path: /, interval: 1s, timeout: 2s } } }",
        &expect![[r#"
            t.yaml:1: backends.orders.health.timeout: 2s is longer than the interval, 1s; write at most that
        "#]],
    );
}

#[test]
fn limits_of_tenants_apis_and_what_callers_are_told() {
    check(
        "tenants",
        "tenants:\n  acme:\n    limits:\n      - { requests: 0, per: day }\n      - { requests: 5, per: week }\n      - { requests: 5, per: day, burst: 5 }\n      - { by: [{ header: 'x y' }, { claim: '' }], requests: 1, per: total }\n      - { requests: -1, per: hour }",
        &expect![[r#"
            t.yaml:4: tenants.acme.limits[0].requests: 0 is not at least 1; use `allow` to keep callers out
            t.yaml:5: tenants.acme.limits[1].per: "week" cannot stand here; write second, minute, hour, day, month or total
            t.yaml:6: tenants.acme.limits[2].burst: all that a day has may arrive at once; remove it
            t.yaml:7: tenants.acme.limits[3].by[0].header: "x y" is not the name of a header; write one such as x-account
            t.yaml:7: tenants.acme.limits[3].by[1].claim: is empty; name a claim, or leave it out
            t.yaml:8: tenants.acme.limits[4].requests: -1 is not at least 0
        "#]],
    );
    check(
        "rate_limits",
        "rate_limits: { fields: all, retry_after_jitter: 2h, path: limits }",
        &expect![[r#"
            t.yaml:1: rate_limits.fields: "all" cannot stand here; write ietf, x_ratelimit, both or none
            t.yaml:1: rate_limits.path: "limits" is neither a path nor `off`; write one such as /.tollgate/limits
            t.yaml:1: rate_limits.retry_after_jitter: 2h is not between 0s and 1h
        "#]],
    );
    check(
        "rate_limits",
        "rate_limits: { envoys: 0 }",
        &expect![[r#"
            t.yaml:1: rate_limits.envoys: 0 is not between 1 and 1000
        "#]],
    );
    check(
        "rate_limits",
        "rate_limits: { envoys: 1001 }",
        &expect![[r#"
            t.yaml:1: rate_limits.envoys: 1001 is not between 1 and 1000
        "#]],
    );
    check(
        "rate_limits",
        "rate_limits: { envoys: -1 }",
        &expect![[r#"
            t.yaml:1: rate_limits.envoys: -1 is not between 1 and 1000
        "#]],
    );
    check(
        "rate_limits",
        "rate_limits: { envoys: 1000, fields: both, retry_after_jitter: 5s, path: off }",
        &expect![[r#"
            ok
        "#]],
    );
    check(
        "apis",
        "apis: { shop: { hosts: [a.example],\n limits: [{ requests: 0, per: hour },\n { requests: 9, per: day, cost: { expression: principal.tenant } }],\n routes: { get: { match: { path: / }, backend: orders, auth: none } } } }",
        &expect![[r#"
            t.yaml:2: apis.shop.limits[0].requests: 0 is not at least 1; use `allow` to keep callers out
            t.yaml:3: apis.shop.limits[1].cost.expression: gives text rather than a number; write one, or make one of text by int(text)
        "#]],
    );
    check_route(
        "match: { path: '/{id}' }, backend: orders, auth: { any_of: [jwt.acme] },\n limits: [{ by: [{ claim: org.id }], requests: 1, per: hour },\n { requests: 1, per: minute, cost: { expression: 'request.method' } },\n { requests: 1, per: hour, cost: { expression: 'int(request.path_params.nr)' } },\n { requests: 1, per: day, cost: { expression: 'int(principal.claims.n)' } },\n { requests: 5, per: second, cost: 6 },\n { requests: 5, per: month, cost: { header: x, reserve: 1 } },\n { requests: 5, per: total, cost: {} }]",
        &expect![[r#"
            t.yaml:3: apis.shop.routes.get.limits[0].by: no issuer that the route accepts keeps the claim "org.id"; add it to `claims.keep` of jwt.acme
            t.yaml:4: apis.shop.routes.get.limits[1].cost.expression: gives text rather than a number; write one, or make one of text by int(text)
            t.yaml:5: apis.shop.routes.get.limits[2].cost.expression: no path parameter is named "nr"; the path has id
            t.yaml:6: apis.shop.routes.get.limits[3].cost.expression: no issuer that the route accepts keeps the claim "n"; add it to `claims.keep` of jwt.acme
            t.yaml:7: apis.shop.routes.get.limits[4].cost: 6 is not between 1 and what the limit holds (5)
            t.yaml:8: apis.shop.routes.get.limits[5].cost.reserve: nothing is told later; remove it, or let the response tell the cost
            t.yaml:9: apis.shop.routes.get.limits[6].cost: an empty mapping cannot stand here; write a whole number, a mapping with `header`, a mapping with `expression`, a mapping with `request_bytes`, a mapping with `response_bytes`, a mapping with `response_header` or a mapping with `reserve`
        "#]],
    );
}

#[test]
fn no_limit_counts_by_a_claim_that_nobody_keeps() {
    let limits = "limits: [{ by: [{ claim: org }], requests: 1, per: hour }]";
    check(
        "tiers",
        &format!("tiers:\n  basic: {{ {limits} }}"),
        &expect![[r#"
            t.yaml:2: tiers.basic.limits[0].by: no issuer keeps the claim "org"; add it to `claims.keep` of jwt.acme
        "#]],
    );
    check(
        "tenants",
        &format!("tenants:\n  acme: {{ {limits} }}"),
        &expect![[r#"
            t.yaml:2: tenants.acme.limits[0].by: no issuer keeps the claim "org"; add it to `claims.keep` of jwt.acme
        "#]],
    );
    let route = "routes: { get: { match: { path: / }, backend: orders, auth: none } }";
    check(
        "apis",
        &format!("apis:\n  shop: {{ hosts: [a.example], {limits}, {route} }}"),
        &expect![[r#"
            t.yaml:2: apis.shop.limits[0].by: no issuer keeps the claim "org"; add it to `claims.keep` of jwt.acme
        "#]],
    );
}

#[test]
fn tiers_and_limits() {
    check(
        "tiers",
        "tiers:\n  basic:\n    limits:\n      - { requests: 0, per: second }\n      - { requests: 1, per: week }\n      - { requests: 1, per: minute, burst: 11 }\n      - { requests: 1, per: minute, burst: 0 }\n      - { requests: 2000000, per: second }\n      - { bye: [ip], requests: 1, per: hour }",
        &expect![[r#"
            t.yaml:4: tiers.basic.limits[0].requests: 0 is not at least 1; use `allow` to keep callers out
            t.yaml:5: tiers.basic.limits[1].per: "week" cannot stand here; write second, minute, hour, day, month or total
            t.yaml:6: tiers.basic.limits[2].burst: 11 is not between 1 and 10 times requests (10)
            t.yaml:7: tiers.basic.limits[3].burst: 0 is not between 1 and 10 times requests (10)
            t.yaml:8: tiers.basic.limits[4].requests: 2000000 a second is more than 1000000 a second; leave the limit out
            t.yaml:9: tiers.basic.limits[5].bye: unknown field `bye`; did you mean `by`?
        "#]],
    );
    check(
        "tiers",
        "tiers: { basic: { limits: [{ requests: 1, per: second }, { requests: 2, per: second }] } }",
        &expect![[r#"
            t.yaml:1: tiers.basic.limits[1]: [0] counts by the same over a second too; keep one of them
        "#]],
    );
    check_route(
        "match: { path: / }, backend: orders, auth: none,\n limits: [{ by: [], requests: 0, per: second },\n { by: [ip, ip], requests: 1, per: second },\n { by: [peer], requests: 1, per: second },\n { by: ip, requests: 1, per: second, on_failure: pass }]",
        &expect![[r#"
            t.yaml:3: apis.shop.routes.get.limits[0].by: is empty; name at least one of tenant, api_key, subject, ip, route, api, { header: NAME } and { claim: PATH }
            t.yaml:3: apis.shop.routes.get.limits[0].requests: 0 is not at least 1; use `allow` to keep callers out
            t.yaml:4: apis.shop.routes.get.limits[1].by[1]: ip stands there twice; name it once
            t.yaml:5: apis.shop.routes.get.limits[2].by[0]: "peer" cannot stand here; write tenant, api_key, subject, ip, route, api, a mapping with `header` or a mapping with `claim`
            t.yaml:6: apis.shop.routes.get.limits[3].by: "ip" is not a list; write it in brackets: [ip]
            t.yaml:6: apis.shop.routes.get.limits[3].on_failure: "pass" cannot stand here; write refuse or admit
        "#]],
    );
}

#[test]
fn tenants() {
    check(
        "tenants",
        "tenants: { a: { tier: baisc }, b: { tier: gold } }",
        &expect![[r#"
        t.yaml:1: tenants.a.tier: no tier is named "baisc"; did you mean "basic"?
        t.yaml:1: tenants.b.tier: no tier is named "gold"; write it under `tiers`, or name one of basic
    "#]],
    );
    check(
        "tiers",
        "tiers: {}",
        &expect![[r#"
        t.yaml:4: tenants.initech.tier: no tier is named "basic"; write it under `tiers`
    "#]],
    );
    check(
        "tenants",
        "tenants:\n  a: { keys: { k: { sha256: abc, scopes: [\"a b\", ok] }, \"l l\": { sha256: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 } } }",
        &expect![[r#"
            t.yaml:2: tenants.a.keys.k.scopes[0]: "a b" is not a scope; use printable ASCII without blanks, quotes and backslashes
            t.yaml:2: tenants.a.keys.k.sha256: is not 64 hexadecimal digits; write what `printf %s KEY | sha256sum` prints
            t.yaml:2: tenants.a.keys.l l.sha256: is the hash of an empty key; make a random one
        "#]],
    );
    let hash = "42c29ea28faf058dffba9c1f161a933f9953bd44c5d44844d7d9d8ce7fac4d43";
    check(
        "tenants",
        &format!(
            "tenants:\n  a: {{ keys: {{ k: {{ sha256: {hash} }} }} }}\n  b:\n    keys: {{ l: {{ sha256: {} }} }}",
            hash.to_uppercase()
        ),
        &expect![[r#"
            t.yaml:4: tenants.b.keys.l.sha256: the key of tenants.a.keys.k (t.yaml:2) has the same hash; make another key
        "#]],
    );
}

#[test]
fn a_part_with_very_many_faults_is_left_at_a_hundred() {
    let keys: String = (0..200).map(|key| format!("    k{key}: {{ sha256: x }}\n")).collect();
    let file = format!("{}tenants:\n  a:\n   keys:\n{keys}", good_but("tenants"));
    let faults = faults(&[("t.yaml", file.as_bytes())]);
    assert_eq!(faults.lines().count(), 101);
    assert!(faults.contains("t.yaml:7: tenants.a: has more than 100 faults; mend those first\n"));
}
