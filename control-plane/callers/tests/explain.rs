//! One request, told stage by stage.
#![allow(clippy::unwrap_used, reason = "a test")]
#![allow(clippy::needless_raw_string_hashes, reason = "as `expect!` writes them")]

mod common;

use common::{gateway, text};
use expect_test::{Expect, expect};
use tollgate_callers::{Request, explain};
use tollgate_core::Timestamp;

/// What is told of a request: `GET /orders/7`, headers.
fn told(call: &str, headers: &[(&str, &str)]) -> String {
    let (method, url) = call.split_once(' ').unwrap();
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    let request = Request {
        method: method.to_owned(),
        url: url.to_owned(),
        headers: headers.iter().map(owned).collect(),
        body: Vec::new(),
        from: [192, 0, 2, 7].into(),
        at: Timestamp::from_seconds(1_800_000_000),
    };
    explain(&gateway(&text()), &request).unwrap().to_string()
}

#[expect(clippy::needless_pass_by_value, reason = "as `expect!` makes it")]
fn check(call: &str, headers: &[(&str, &str)], expected: Expect) {
    expected.assert_eq(&told(call, headers));
}

const ACME: (&str, &str) = ("X-Api-Key", "acme-key");

#[test]
fn a_request_that_passes_is_followed_to_its_backend() {
    check(
        "GET https://orders.example.com/orders/a%20b?x=1",
        &[ACME, ("x-debug", "1")],
        expect![[r#"
            GET https://orders.example.com/orders/a%20b?x=1
            route: passes; orders.get-order; written in tollgate.yaml:20; GET /orders/{id} of orders.example.com
            authentication: passes; ci of tenant acme by api_key, tier pro, scopes orders.read; callers by api_key or jwt.acme
            authorisation: passes; needs scope orders.read
            limits: passes; 100/min per tenant (of tier pro); 1000/s per API (of API orders); 10/s per tenant, burst 20 (of the route)
            budgets: passes; 9 connections per tenant; 1024 requests of all tenants at orders, weight 1
            request: passes; removes x-api-key; removes x-debug; sets x-order-id to "a b"; sets x-tollgate-tenant to "acme"; sets x-tollgate-subject to "ci"; sets x-tollgate-scopes to "orders.read"; sets x-tollgate-tier to "pro"
            response: passes; adds ratelimit-policy: "\"pro-minute\";q=100;w=60, \"orders-api-second\";q=1000;w=1, \"tenant-second\";q=10;w=1"; adds ratelimit: "\"tenant-second\";r=19;t=1"; removes server
            backend: passes; orders at 127.0.0.1:9001, 127.0.0.1:9002
            answer: from orders
            bound: 100/min per tenant (of tier pro): at most 100 at once and 100 a minute
            bound: 1000/s per API (of API orders): at most 1000 at once and 1000 a second, and 7 that each worker may hold
            bound: 10/s per tenant, burst 20 (of the route): at most 20 at once and 10 a second
        "#]],
    );
}

#[test]
fn each_stage_says_no_in_its_turn() {
    check(
        "GET http://other.example/",
        &[],
        expect![[r#"
        GET http://other.example/
        route: answers 404 no-route; no API of the gateway serves this host and path; no API has the host other.example
        answer: 404 no-route
    "#]],
    );
    check(
        "GET http://orders.example.com/a//b",
        &[],
        expect![[r#"
        GET http://orders.example.com/a//b
        path: answers 400 ambiguous-path; the path has two slashes in a row
        answer: 400 ambiguous-path
    "#]],
    );
    check(
        "GET http://orders.example.com/nowhere",
        &[],
        expect![[r#"
        GET http://orders.example.com/nowhere
        route: answers 404 no-route; no API of the gateway serves this host and path; no route of orders.example.com takes it
        answer: 404 no-route
    "#]],
    );
    check(
        "PUT http://orders.example.com/orders/7",
        &[],
        expect![[r#"
        PUT http://orders.example.com/orders/7
        route: answers 405 method-not-allowed; the method is none of those in `allow`; no route of orders.example.com takes it
        answer: 405 method-not-allowed
    "#]],
    );
    check(
        "GET http://eu.orders.example/orders/7",
        &[],
        expect![[r#"
            GET http://eu.orders.example/orders/7
            route: passes; orders.get-order; written in tollgate.yaml:20; GET /orders/{id} of *.orders.example
            authentication: answers 401 unauthenticated; the request carries no credential of a kind that is accepted here; callers by api_key or jwt.acme
            authorisation: not reached; needs scope orders.read
            limits: not reached; 1000/s per API (of API orders); 10/s per tenant, burst 20 (of the route)
            budgets: not reached; 1024 requests of all tenants at orders, weight 1
            backend: not reached; orders at 127.0.0.1:9001, 127.0.0.1:9002
            answer: 401 unauthenticated
            bound: 1000/s per API (of API orders): at most 1000 at once and 1000 a second, and 7 that each worker may hold
            bound: 10/s per tenant, burst 20 (of the route): at most 20 at once and 10 a second
        "#]],
    );
    check(
        "GET http://orders.example.com/orders/7",
        &[("x-api-key", "wrong")],
        expect![[r#"
            GET http://orders.example.com/orders/7
            route: passes; orders.get-order; written in tollgate.yaml:20; GET /orders/{id} of orders.example.com
            authentication: answers 401 invalid-api-key; nobody has this API key; callers by api_key or jwt.acme; keys of the store are not looked at here
            authorisation: not reached; needs scope orders.read
            limits: not reached; 1000/s per API (of API orders); 10/s per tenant, burst 20 (of the route)
            budgets: not reached; 1024 requests of all tenants at orders, weight 1
            backend: not reached; orders at 127.0.0.1:9001, 127.0.0.1:9002
            answer: 401 invalid-api-key
            bound: 1000/s per API (of API orders): at most 1000 at once and 1000 a second, and 7 that each worker may hold
            bound: 10/s per tenant, burst 20 (of the route): at most 20 at once and 10 a second
        "#]],
    );
    check(
        "POST http://orders.example.com:8080/orders",
        &[ACME],
        expect![[r#"
            POST http://orders.example.com:8080/orders
            route: passes; orders.add-order; written in tollgate.yaml:28; POST /orders of orders.example.com
            authentication: passes; ci of tenant acme by api_key, tier pro, scopes orders.read; callers by api_key
            authorisation: answers 403 insufficient-scope; the caller needs all of these scopes: orders.write; needs scope orders.write
            limits: not reached; 100/min per tenant (of tier pro); 1000/s per API (of API orders)
            budgets: not reached; 9 connections per tenant; 1024 requests of all tenants at orders, weight 1
            backend: not reached; orders at 127.0.0.1:9001, 127.0.0.1:9002
            answer: 403 insufficient-scope
            bound: 100/min per tenant (of tier pro): at most 100 at once and 100 a minute
            bound: 1000/s per API (of API orders): at most 1000 at once and 1000 a second, and 7 that each worker may hold
        "#]],
    );
}

#[test]
fn what_is_only_reported_stops_nothing() {
    check(
        "GET http://orders.example.com/trial",
        &[],
        expect![[r#"
            GET http://orders.example.com/trial
            route: passes; orders.trial; written in tollgate.yaml:37; /trial of orders.example.com
            authentication: passes; would answer 401 unauthenticated, and only reports it; callers by api_key
            authorisation: passes; needs scope trial
            limits: passes; 1000/s per API (of API orders)
            budgets: passes; 1024 requests of all tenants at users, weight 1
            response: passes; adds ratelimit-policy: "\"orders-api-second\";q=1000;w=1"; adds ratelimit: "\"orders-api-second\";r=999;t=1"
            backend: passes; users at 127.0.0.1:9009
            answer: from users
            bound: 1000/s per API (of API orders): at most 1000 at once and 1000 a second, and 7 that each worker may hold
        "#]],
    );
    check(
        "GET http://orders.example.com/trial",
        &[ACME],
        expect![[r#"
            GET http://orders.example.com/trial
            route: passes; orders.trial; written in tollgate.yaml:37; /trial of orders.example.com
            authentication: passes; ci of tenant acme by api_key, tier pro, scopes orders.read; callers by api_key
            authorisation: passes; would answer 403 insufficient-scope, and only reports it; needs scope trial
            limits: passes; 100/min per tenant (of tier pro); 1000/s per API (of API orders)
            budgets: passes; 3 requests in flight at users per tenant; 9 connections per tenant; 1024 requests of all tenants at users, weight 1
            request: passes; removes x-api-key; sets x-tollgate-tenant to "acme"; sets x-tollgate-subject to "ci"; sets x-tollgate-scopes to "orders.read"; sets x-tollgate-tier to "pro"
            response: passes; adds ratelimit-policy: "\"pro-minute\";q=100;w=60, \"orders-api-second\";q=1000;w=1"; adds ratelimit: "\"pro-minute\";r=99;t=1"
            backend: passes; users at 127.0.0.1:9009
            answer: from users
            bound: 100/min per tenant (of tier pro): at most 100 at once and 100 a minute
            bound: 1000/s per API (of API orders): at most 1000 at once and 1000 a second, and 7 that each worker may hold
        "#]],
    );
}

#[test]
fn what_needs_no_backend_is_answered_without_one() {
    check(
        "GET http://orders.example.com/old/things",
        &[],
        expect![[r#"
            GET http://orders.example.com/old/things
            route: passes; orders.old; written in tollgate.yaml:33; /old/* of orders.example.com
            authentication: passes; anybody may call
            authorisation: passes; asks for nothing
            limits: passes; 1000/s per API (of API orders)
            response: passes; adds ratelimit-policy: "\"orders-api-second\";q=1000;w=1"; adds ratelimit: "\"orders-api-second\";r=999;t=1"
            backend: passes; none is needed
            answer: 307 to new.example.com/…
            bound: 1000/s per API (of API orders): at most 1000 at once and 1000 a second, and 7 that each worker may hold
        "#]],
    );
}
