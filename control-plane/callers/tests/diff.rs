//! What callers are told of a change, word for word.
#![allow(clippy::unwrap_used, reason = "a test")]

mod common;

use common::{gateway, text};
use tollgate_callers::diff;

/// What is told when `old` is written as `new`, all hosts alike.
fn told(old: &str, new: &str) -> String {
    let text = text();
    assert!(text.contains(old), "{old}");
    diff(&gateway(&text), &gateway(&text.replacen(old, new, 1))).to_string()
}

fn of_orders(texts: &[&str]) -> String {
    let lines: Vec<String> = texts.iter().map(|text| format!("  {text}\n")).collect();
    let lines = lines.concat();
    format!("*.orders.example, orders.example.com:\n{lines}")
}

#[test]
fn nothing_is_told_of_what_callers_cannot_see() {
    let none = "nothing changes for callers\n";
    assert_eq!(told("get-order:", "read-order:"), none);
    assert_eq!(told("/orders/{id}", "/orders/{id}/"), none);
    assert_eq!(told("127.0.0.1:8080", "127.0.0.1:8080"), none);
}

/// A piece of the file, what stands there instead, and the words for it.
const OF_CALLS: &[(&str, &str, &[&str])] = &[
    (
        "allow: { scopes: [orders.read] }",
        "allow: { scopes: [orders.read, audit] }",
        &["GET /orders/{id} now needs scope audit"],
    ),
    (
        "allow: { scopes: [orders.read] }",
        "",
        &["GET /orders/{id} no longer needs scope orders.read"],
    ),
    (
        "allow: { scopes: [orders.write] }",
        "allow: { scopes: { any: [a, b, c] } }",
        &[
            "POST /orders now needs one of the scopes a, b or c",
            "POST /orders no longer needs scope orders.write",
        ],
    ),
    (
        "allow: { scopes: [orders.write] }",
        "allow: { groups: [ops, dev] }",
        &[
            "POST /orders now needs to be in group ops or dev",
            "POST /orders no longer needs scope orders.write",
        ],
    ),
    (
        "allow: { scopes: [orders.write] }",
        "allow: { when: 'principal.tenant == \"acme\"' }",
        &[
            "POST /orders now needs `principal.tenant == \"acme\"` to hold",
            "POST /orders no longer needs scope orders.write",
        ],
    ),
    (
        "auth: { any_of: [api_key, jwt.acme] }",
        "auth: { any_of: [jwt.acme] }",
        &["GET /orders/{id} no longer accepts api_key"],
    ),
    (
        "auth: { any_of: [api_key] }",
        "auth: { any_of: [api_key, jwt.acme] }",
        &["POST /orders now accepts jwt.acme too"],
    ),
    (
        "auth: { any_of: [api_key] }",
        "auth: { optional: [api_key] }",
        &["POST /orders may now be called by who shows nothing"],
    ),
    (
        "auth: none",
        "auth: { any_of: [api_key] }",
        &["any method of /old/* is now for callers by api_key"],
    ),
    ("shadow: [auth, allow]", "shadow: [allow]", &["any method of /trial now refuses by auth"]),
    (
        "shadow: [auth, allow]",
        "shadow: [auth, allow, limits]",
        &["any method of /trial no longer refuses by limits"],
    ),
    (
        "requests: 10, per: second, burst: 20",
        "requests: 5, per: second, burst: 20",
        &["GET /orders/{id} limit per tenant falls from 10/s, burst 20 to 5/s, burst 20"],
    ),
    (
        "requests: 10, per: second, burst: 20",
        "requests: 100, per: hour",
        &["GET /orders/{id} limit per tenant becomes 100/h instead of 10/s, burst 20"],
    ),
    (
        "by: [tenant], requests: 10",
        "by: [ip, route], requests: 10",
        &[
            "GET /orders/{id} has a new limit: 10/s per address and route, burst 20",
            "GET /orders/{id} loses its limit: 10/s per tenant, burst 20",
        ],
    ),
    (
        "requests: 1000, per: second",
        "requests: 2000, per: second",
        &["API orders as a whole: limit per API rises from 1000/s to 2000/s"],
    ),
    (
        "methods: [POST]",
        "methods: [PUT]",
        &[
            "PUT /orders is new: callers by api_key; needs scope orders.write",
            "POST /orders is gone",
        ],
    ),
    (
        "methods: [POST]",
        "methods: [POST, PUT]",
        &["PUT /orders is new: callers by api_key; needs scope orders.write"],
    ),
    (
        "path: /orders, methods",
        "path: /old/orders, methods",
        &[
            "POST /old/orders is now for callers by api_key",
            "POST /old/orders now needs scope orders.write",
            "POST /old/orders now goes to orders (before: is answered 307 to new.example.com/…)",
            "POST /orders is gone",
        ],
    ),
    (
        "redirect: { host: new.example.com }",
        "respond: { status: 410 }",
        &[
            "any method of /old/* now is answered 410 from the gateway (before: is answered 307 to new.example.com/…)",
        ],
    ),
    (
        "backend: users",
        "backend: orders",
        &["any method of /trial now goes to orders (before: goes to users)"],
    ),
    (
        "backend: users",
        "backend: users\n        timeout: 2s",
        &["any method of /trial goes otherwise: users at 127.0.0.1:9009; within 2s"],
    ),
    (
        "remove: [server]",
        "remove: [via]",
        &[
            "GET /orders/{id} has response header server as it comes",
            "GET /orders/{id} has response header via removed",
        ],
    ),
    (
        "\"{path.id}\"",
        "\"{principal.tenant}\"",
        &["GET /orders/{id} has request header x-order-id set to \"{principal.tenant}\""],
    ),
];

#[test]
fn a_change_of_a_route_is_told_by_the_calls_that_it_concerns() {
    for (old, new, expected) in OF_CALLS {
        assert_eq!(told(old, new), of_orders(expected), "{old} -> {new}");
    }
}

/// Likewise, of what is no single call.
const OF_ALL: &[(&str, &str, &[&str])] = &[
    (
        "requests: 100, per: minute",
        "requests: 10, per: minute",
        &["tier pro: limit per tenant falls from 100/min to 10/min"],
    ),
    (
        "requests: 100, per: minute }]",
        "requests: 100, per: minute }], in_flight: 10, streams: 2, weight: 4",
        &[
            "tier pro: at most 10 requests in flight, instead of any number",
            "tier pro: at most 2 streams, instead of any number",
            "tier pro: weighs 4 instead of 1 where a backend is busy",
        ],
    ),
    (
        "connections: 9, in_flight_by_backend: { users: 3 }",
        "connections: 8, in_flight_by_backend: { orders: 2 }",
        &[
            "tenant acme: at most 8 connections instead of 9",
            "tenant acme: at most 2 requests in flight at orders, instead of any number",
            "tenant acme: any number of requests in flight at users instead of 3",
        ],
    ),
    (
        "audiences: [api]",
        "audiences: [api, web]",
        &["tokens of jwt.acme must be for api or web instead of api"],
    ),
    (
        "issuer: \"https://id.example\"",
        "issuer: \"https://id2.example\"",
        &["tokens of jwt.acme must be issued by https://id2.example instead of https://id.example"],
    ),
    ("header: x-api-key", "header: x-key", &["API keys are handled otherwise"]),
    ("acme: { tier: pro, ", "acme: { ", &["tenant acme moves from tier pro to tier none"]),
    (
        "ci: {",
        "cd: {",
        &["API key cd of tenant acme is new", "API key ci of tenant acme no longer works"],
    ),
    (
        "127.0.0.1:8080",
        "127.0.0.1:8081",
        &["listener public moves from 127.0.0.1:8080 to 127.0.0.1:8081"],
    ),
    ("\"127.0.0.1:9001\", ", "", &["backend orders is elsewhere"]),
    (
        "\"127.0.0.1:9002\"]",
        "\"127.0.0.1:9002\"], timeout: 1s, in_flight: 7",
        &[
            "backend orders has 1s to answer instead of 15s, gets at most 7 requests at once instead of 1024",
        ],
    ),
];

#[test]
fn a_change_of_what_holds_for_all_is_told_once() {
    for (old, new, expected) in OF_ALL {
        let expected: Vec<String> = expected.iter().map(|text| format!("{text}\n")).collect();
        let expected = expected.concat();
        assert_eq!(told(old, new), expected, "{old} -> {new}");
    }
}

#[test]
fn hosts_come_and_go_with_what_they_offer() {
    assert_eq!(
        told("orders.example.com, ", ""),
        "orders.example.com:\n  the host is gone, with all that it offered\n"
    );
    let told = told("\"*.orders.example\"", "\"*.orders.example\", o.example");
    assert!(told.starts_with("o.example:\n  POST /orders is new: "), "{told}");
    assert_eq!(told.lines().count(), 5, "{told}");
}
